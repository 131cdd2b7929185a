//! What a template must have before it is signed: one that cannot be valid is refused, saying what is wrong.
//!
//! What a kind keeps secret is never let through in clear. Nothing here signs, encrypts or adds to a template.

use super::content::cashu::{Proof, PubkeyLock};
use super::kinds::tags::{self, AddressRef, EventRef, ProfileRef};
use super::kinds::{Encryption, encryption, is_list, is_lock_key, wallet_content_holds, zap_amount};
use crate::message::{Cipher, Secret, Template};
use crate::nostr::event::{MAX_EVENT_BYTES, MAX_TAGS, Pubkey, Tag};
use crate::nostr::kind::Kind;

/// A zap request (NIP-57): it goes to the recipient's payment service, never to a relay.
const ZAP_REQUEST: Kind = Kind(9734);

/// Whether an event of `kind` is handed back signed and goes to no relay.
pub fn stays_here(kind: Kind) -> bool {
    kind == ZAP_REQUEST
}

/// What has to be done before an event can be sent.
#[derive(Debug, PartialEq)]
pub enum Plan {
    /// Sign it as it is.
    Sign,
    /// Encrypt this and sign it as the content: for `peer`, or for oneself.
    Encrypt {
        cipher: Cipher,
        peer: Option<Pubkey>,
        plaintext: Secret,
    },
    /// Seal and wrap it for each of its people (NIP-17); the event itself is not signed.
    Wrap,
}

/// Checks what every event of the template's kind must have, and says what is to be done with it. `private_tags` are
/// to be encrypted into the content (NIP-51, NIP-60).
///
/// A content that is encrypted already is left as it is: so can an event be published again with other tags.
///
/// # Errors
/// Says what is wrong and what is needed.
pub fn plan(template: &Template, private_tags: Option<&[Tag]>) -> Result<Plan, String> {
    check(template)?;
    if let Some(private_tags) = private_tags {
        return plan_private_tags(template, private_tags);
    }
    let encrypted = encryption(&template.content);
    let plaintext = || Secret(template.content.clone().into());
    match template.kind.0 {
        4 => Ok(match encrypted {
            Some(Encryption::Nip04) => Plan::Sign,
            Some(Encryption::Nip44) | None => Plan::Encrypt {
                cipher: Cipher::Nip04,
                peer: direct_recipient(template),
                plaintext: plaintext(),
            },
        }),
        14 | 15 => Ok(Plan::Wrap),
        7374 | 7375 | 7376 | 17_375 if encrypted == Some(Encryption::Nip44) => Ok(Plan::Sign),
        kind @ (7374 | 7375 | 7376 | 17_375) => {
            need(
                wallet_content_holds(template.kind, &template.content),
                wallet_need(kind),
            )?;
            Ok(Plan::Encrypt {
                cipher: Cipher::Nip44,
                peer: None,
                plaintext: plaintext(),
            })
        }
        _ => Ok(Plan::Sign),
    }
}

fn plan_private_tags(template: &Template, private_tags: &[Tag]) -> Result<Plan, String> {
    let kind = template.kind;
    // These two are for others to read.
    let list = is_list(kind) && !matches!(kind.0, 10_002 | 10_019);
    need(
        list || kind.0 == 7376,
        "private tags are for lists (NIP-51), wallets and their history (kinds 17375 and 7376)",
    )?;
    need(
        template.content.is_empty() || encryption(&template.content).is_some(),
        "private tags become the content: leave it empty, or as it was encrypted before",
    )?;
    need(
        private_tags.iter().all(|tag| !tag.is_empty()),
        "a private tag is empty; each has a name first (NIP-01)",
    )?;
    // Strings always serialise.
    let json = serde_json::to_string(private_tags).unwrap_or_default();
    let wallet = matches!(kind.0, 7376 | 17_375);
    need(!wallet || wallet_content_holds(kind, &json), wallet_need(kind.0))?;
    Ok(Plan::Encrypt {
        cipher: Cipher::Nip44,
        peer: None,
        plaintext: Secret(json.into()),
    })
}

fn wallet_need(kind: u16) -> &'static str {
    match kind {
        7374 => "the content of a quote (kind 7374) is the mint's quote id, which is encrypted for you (NIP-60)",
        7375 => {
            "the content of a token event (kind 7375) is JSON with `mint` and one or more whole `proofs`, which is encrypted for you (NIP-60)"
        }
        7376 => {
            "the content of a wallet's history (kind 7376) is a JSON list of tags, which is encrypted for you (NIP-60)"
        }
        _ => {
            "a wallet (kind 17375) has a JSON list of tags with at least one `mint`, and at most one `privkey`, a secret key in hex, which is encrypted for you (NIP-60)"
        }
    }
}

fn direct_recipient(template: &Template) -> Option<Pubkey> {
    tags::first(&template.tags, "p", ProfileRef::from_tag).map(|person| person.pubkey)
}

fn check(template: &Template) -> Result<(), String> {
    let tags = &template.tags;
    let bytes = template.content.len() + tags.iter().flatten().map(String::len).sum::<usize>();
    if tags.len() > MAX_TAGS {
        return Err(format!(
            "the event has {} tags; at most {MAX_TAGS} are taken",
            tags.len()
        ));
    }
    if bytes > MAX_EVENT_BYTES {
        return Err(format!(
            "the event has {bytes} bytes; at most {MAX_EVENT_BYTES} are taken"
        ));
    }
    if tags.iter().any(Vec::is_empty) {
        return Err("a tag is empty; each has a name first (NIP-01)".to_owned());
    }
    match template.kind.0 {
        4 => need(
            direct_recipient(template).is_some(),
            "a direct message (kind 4) needs a `p` tag: its recipient's pubkey in hex",
        ),
        7374 | 7375 | 7376 | 17_375 => need(
            count(tags, "privkey") == 0,
            "a wallet's `privkey` is in a tag that everybody can read (NIP-60): give it as a private tag",
        ),
        9321 => nutzap(tags),
        9734 => zap_request(tags),
        10_019 => nutzap_info(tags),
        _ if is_list(template.kind) => need(
            serde_json::from_str::<Vec<Tag>>(&template.content).is_err(),
            "the content holds a list's private items (NIP-51), not encrypted: give them as private tags",
        ),
        _ => Ok(()),
    }
}

/// NIP-61.
fn nutzap(tags: &[Tag]) -> Result<(), String> {
    let written = tags.iter().filter(|tag| tags::is(tag, "proof")).count();
    let proofs = tags::all(tags, "proof", |tag| Proof::from_json(tags::value(tag, 1)?));
    need(written > 0, "a nutzap (kind 9321) needs at least one `proof` tag")?;
    need(proofs.len() == written, "a `proof` tag of the nutzap is no Cashu proof")?;
    let locks: Vec<PubkeyLock> = proofs.iter().filter_map(Proof::lock).collect();
    need(
        locks.len() == proofs.len() && locks.iter().all(|lock| lock.key.starts_with("02")),
        "every proof of a nutzap is locked to its recipient alone (NUT-11), to a key that starts with 02 (NIP-61), or others could take it",
    )?;
    need(
        locks
            .iter()
            .all(|lock| lock.opens.as_ref().is_none_or(|opens| !opens.refund.is_empty())),
        "a proof of the nutzap has a `locktime` and no `refund` (NUT-11): anybody could take it then",
    )?;
    need(
        count(tags, "u") == 1,
        "a nutzap (kind 9321) needs one `u` tag: the mint's address",
    )?;
    need(tags::text(tags, "u").is_some(), "the `u` tag of the nutzap is empty")?;
    recipient(tags, "a nutzap (kind 9321)")
}

/// NIP-61.
fn nutzap_info(tags: &[Tag]) -> Result<(), String> {
    need(
        !tags::relays(tags, "relay").is_empty(),
        "nutzap info (kind 10019) needs a `relay` tag: where nutzaps are to be sent",
    )?;
    need(
        tags::text(tags, "mint").is_some(),
        "nutzap info (kind 10019) needs a `mint` tag: a mint whose ecash is taken",
    )?;
    let key = tags::text(tags, "pubkey");
    need(
        key.is_some_and(|key| is_lock_key(&key)),
        "nutzap info (kind 10019) needs a `pubkey` tag: the key to lock ecash to, a point of the curve in hex",
    )
}

/// NIP-57 appendix A and D.
fn zap_request(tags: &[Tag]) -> Result<(), String> {
    recipient(tags, "a zap request (kind 9734)")?;
    need(
        !tags::relays(tags, "relays").is_empty(),
        "a zap request (kind 9734) needs a `relays` tag: where the receipt is to be published",
    )?;
    let events = tags::all(tags, "e", EventRef::from_tag).len();
    let one_event = count(tags, "e") == events && events <= 1;
    need(one_event, "a zap request has at most one `e` tag, the id of an event")?;
    need(
        count(tags, "P") <= 1,
        "a zap request has at most one `P` tag, the pubkey that signs the receipt",
    )?;
    let addresses = tags::all(tags, "a", AddressRef::from_tag).len();
    need(
        count(tags, "a") == addresses,
        "the `a` tag of a zap request is an address: kind:pubkey:identifier",
    )?;
    need(
        zap_amount(tags).is_some(),
        "the `amount` of a zap request is a whole number of millisatoshi, and one",
    )
}

fn recipient(tags: &[Tag], what: &str) -> Result<(), String> {
    let people = tags::all(tags, "p", ProfileRef::from_tag).len();
    match count(tags, "p") == 1 && people == 1 {
        true => Ok(()),
        false => Err(format!("{what} needs one `p` tag: its recipient's pubkey in hex")),
    }
}

fn count(tags: &[Tag], name: &str) -> usize {
    tags.iter().filter(|tag| tags::is(tag, name)).count()
}

fn need(holds: bool, message: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn checked(kind: u16, tags: &[&[&str]]) -> Result<(), String> {
        check(&Template {
            kind: Kind(kind),
            created_at: None,
            tags: tags
                .iter()
                .map(|tag| tag.iter().map(|s| (*s).to_owned()).collect())
                .collect(),
            content: String::new(),
        })
    }

    /// `all` is valid, and without any one of its first `needed` tags it is not.
    fn each_is_needed(kind: u16, all: &[&[&str]], needed: usize) {
        assert_eq!(checked(kind, all), Ok(()));
        for at in 0..needed {
            let mut fewer = all.to_vec();
            let left_out = fewer.remove(at)[0];
            let error = checked(kind, &fewer).unwrap_err();
            assert!(error.contains(&format!("`{left_out}`")), "{left_out}: {error}");
        }
    }

    #[test]
    fn a_nutzap_has_locked_proofs_a_mint_and_a_recipient() {
        let proof = |secret: &str| format!(r#"{{"amount":1,"id":"009a1f293253e41e","secret":{secret},"C":"02{A}"}}"#);
        let locked = proof(&format!(r#""[\"P2PK\",{{\"nonce\":\"n\",\"data\":\"02{A}\"}}]""#));
        let open = proof("\"secret\"");
        let odd = locked.replace(&format!("\\\"02{A}"), &format!("\\\"03{A}"));
        assert_ne!(odd, locked);
        let with = |tags: &str| locked.replace(r#"\"}]"#, &format!(r#"\",\"tags\":[{tags}]}}]"#));
        let timed = |refund: &str| with(&format!(r#"[\"locktime\",\"7\"]{refund}"#));
        let shared = with(&format!(r#"[\"pubkeys\",\"03{A}\"]"#));
        let (u, p): (&[&str], &[&str]) = (&["u", "https://mint.example"], &["p", A]);
        each_is_needed(9321, &[&["proof", &locked], u, p], 3);
        let refunded = timed(&format!(r#",[\"refund\",\"02{A}\"]"#));
        assert_eq!(checked(9321, &[&["proof", &refunded], u, p]), Ok(()));
        for (tags, words) in [
            (vec![&["proof", &open][..], u, p], "locked"),
            (vec![&["proof", &odd], u, p], "starts with 02"),
            (vec![&["proof", "{}"], u, p], "no Cashu proof"),
            (vec![&["proof", &locked], &["proof", &timed("")], u, p], "`refund`"),
            (vec![&["proof", &shared], u, p], "alone"),
            (vec![&["proof", &locked], u, u, p], "one `u`"),
            (vec![&["proof", &locked], u, p, p], "one `p`"),
            (vec![&["proof", &locked], u, &["p", "npub1"]], "hex"),
        ] {
            let error = checked(9321, &tags).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn nutzap_info_has_relay_mint_and_key() {
        let tags: &[&[&str]] = &[
            &["relay", "wss://r.example"],
            &["mint", "https://mint.example"],
            &["pubkey", A],
        ];
        each_is_needed(10_019, tags, 3);
        // Of this x the curve has no point.
        for key in ["me", &"b".repeat(64)] {
            let error = checked(10_019, &[tags[0], tags[1], &["pubkey", key]]).unwrap_err();
            assert!(error.contains("point of the curve"), "{error}");
        }
    }

    #[test]
    fn a_zap_request_has_one_recipient_and_relays() {
        let tags: &[&[&str]] = &[
            &["p", A],
            &["relays", "wss://r.example"],
            &["e", A],
            &["amount", "21000"],
        ];
        each_is_needed(9734, tags, 2);
        let with = |more: &[&str]| checked(9734, &[tags[0], tags[1], tags[2], more]);
        assert_eq!(with(&["a", &format!("1:{A}:")]), Ok(()));
        assert!(with(&["e", A]).is_err());
        assert!(with(&["amount", "1.5"]).is_err());
        let amounts: [&[&str]; 2] = [&["amount", "x"], &["amount", "21000"]];
        for at in 0..2 {
            let two = checked(9734, &[tags[0], tags[1], amounts[at], amounts[1 - at]]);
            assert!(two.unwrap_err().contains("`amount`"));
        }
        assert!(with(&["a", "1:2"]).is_err());
    }

    const CIPHER_04: &str = "TJob1dQrf2ndsmdbeGU+0w==?iv=S3rFeFr1gsYqmQA7bNnNTQ==";

    fn planned(kind: u16, tags: &[&[&str]], content: &str, private: Option<&[&[&str]]>) -> Result<Plan, String> {
        let owned = |tags: &[&[&str]]| -> Vec<Tag> {
            let tag = |tag: &&[&str]| tag.iter().map(|s| (*s).to_owned()).collect();
            tags.iter().map(tag).collect()
        };
        let template = Template {
            kind: Kind(kind),
            created_at: None,
            tags: owned(tags),
            content: content.to_owned(),
        };
        plan(&template, private.map(owned).as_deref())
    }

    fn to_self(plaintext: &str) -> Result<Plan, String> {
        Ok(Plan::Encrypt {
            cipher: Cipher::Nip44,
            peer: None,
            plaintext: Secret(plaintext.to_owned().into()),
        })
    }

    #[test]
    fn a_direct_message_is_encrypted_for_its_first_recipient() {
        let encrypt = Plan::Encrypt {
            cipher: Cipher::Nip04,
            peer: Pubkey::from_hex(A),
            plaintext: Secret("hi".to_owned().into()),
        };
        assert_eq!(
            planned(4, &[&["p", A], &["p", &"b".repeat(64)]], "hi", None),
            Ok(encrypt)
        );
        assert_eq!(planned(4, &[&["p", A]], CIPHER_04, None), Ok(Plan::Sign));
        assert!(planned(4, &[], "hi", None).unwrap_err().contains("`p`"));
        assert!(planned(4, &[&["p", "npub1"]], "hi", None).is_err());
    }

    #[test]
    fn wallets_are_encrypted_for_their_owner_if_they_are_what_they_should_be() {
        let cipher = data_encoding::BASE64.encode(&[&[2][..], &[7; 120]].concat());
        let token = r#"{"mint":"https://mint.example","proofs":[{"id":"005c2502034d4f12","amount":1,"secret":"a","C":"02ab"}]}"#;
        let wallet = r#"[["mint","https://mint.example"]]"#;
        for (kind, good, bad) in [
            (7374, "quote", " "),
            (7375, token, "{}"),
            (7376, r#"[["direction","in"]]"#, "in"),
            (17_375, wallet, r#"[["privkey","x"]]"#),
        ] {
            assert_eq!(planned(kind, &[], good, None), to_self(good));
            assert_eq!(planned(kind, &[], &cipher, None), Ok(Plan::Sign));
            assert!(
                planned(kind, &[], bad, None).unwrap_err().contains("encrypted for you"),
                "{kind}"
            );
        }
        assert_eq!(
            planned(17_375, &[], "", Some(&[&["mint", "https://mint.example"]])),
            to_self(wallet)
        );
        assert!(planned(17_375, &[], "", Some(&[&["privkey", "x"]])).is_err());
        let (in_clear, private): (&[&[&str]], &[&[&str]]) = (&[&["privkey", A]], &[&["mint", "https://mint.example"]]);
        for (content, private) in [(wallet, None), (&cipher, None), ("", Some(private))] {
            let error = planned(17_375, in_clear, content, private).unwrap_err();
            assert!(error.contains("`privkey`"), "{error}");
        }
    }

    #[test]
    fn private_tags_of_a_list_become_its_content_and_none_goes_out_in_clear() {
        let private: &[&[&str]] = &[&["word", "fish"]];
        let json = r#"[["word","fish"]]"#;
        for kind in [10_000, 30_000, 10_003] {
            assert_eq!(planned(kind, &[&["p", A]], "", Some(private)), to_self(json));
            assert_eq!(planned(kind, &[], CIPHER_04, Some(private)), to_self(json));
            assert_eq!(planned(kind, &[], "", Some(&[])), to_self("[]"));
            assert_eq!(planned(kind, &[], CIPHER_04, None), Ok(Plan::Sign));
            assert_eq!(planned(kind, &[], "", None), Ok(Plan::Sign));
            assert!(planned(kind, &[], json, None).is_err());
            assert!(planned(kind, &[], "words", Some(private)).is_err());
            assert!(planned(kind, &[], "", Some(&[&[]])).is_err());
        }
        for kind in [1, 4, 14, 10_002, 10_019, 7374, 7375] {
            assert!(planned(kind, &[&["p", A]], "", Some(private)).is_err(), "{kind}");
        }
    }

    #[test]
    fn a_private_message_is_wrapped() {
        for kind in [14, 15] {
            assert_eq!(planned(kind, &[&["p", A]], "hi", None), Ok(Plan::Wrap));
        }
    }

    #[test]
    fn other_kinds_are_signed_as_given_within_limits() {
        assert_eq!(checked(1, &[&["anything"]]), Ok(()));
        assert!(checked(1, &[&[]]).is_err());
        assert!(
            checked(1, &vec![&["t"][..]; MAX_TAGS + 1])
                .unwrap_err()
                .contains("5001 tags")
        );
        let long = "x".repeat(MAX_EVENT_BYTES);
        assert!(checked(1, &[&["t", &long]]).unwrap_err().contains("bytes"));
    }
}
