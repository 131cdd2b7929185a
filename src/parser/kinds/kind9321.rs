//! Kinds 9321 and 10019: nutzaps and how to send them (NIP-61).

use super::kind7375::default_unit;
use super::tags::{self, EventRef, ProfileRef};
use crate::nostr::cashu::Point;
use crate::nostr::event::{Pubkey, RawEvent};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::cashu::{Proof, PubkeyLock, total};

/// Ecash sent to a person in public. Whether it is good, ProofVerification finds out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nutzap {
    pub proofs: Vec<Proof>,
    /// The proofs' sum, in `unit`.
    pub amount: u64,
    /// `sat` where the event does not say (NIP-61).
    pub unit: String,
    pub mint: String,
    pub recipient: Pubkey,
    pub event: Option<EventRef>,
    /// Of the zapped event.
    pub kind: Option<Kind>,
    pub comment: Option<String>,
    /// The lock of all proofs (NUT-11); absent if they have none, or not all to the same one key. Of several times at
    /// which it opens for others, the first.
    pub lock: Option<PubkeyLock>,
}

/// How a person takes nutzaps (10019).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NutzapInfo {
    pub mints: Vec<Mint>,
    /// Where nutzaps are to be published.
    pub relays: Vec<RelayUrl>,
    /// The key to lock proofs to, as written: a point of the curve, 32 or 33 bytes hex.
    pub pubkey: Option<String>,
}

/// A mint a person trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mint {
    pub url: String,
    /// Empty where the tag does not say.
    pub units: Vec<String>,
}

/// `None` without a proof, a mint and a recipient.
pub(super) fn parse(event: &RawEvent) -> Option<Nutzap> {
    let proofs = tags::all(&event.tags, "proof", |tag| Proof::from_json(tags::value(tag, 1)?));
    if proofs.is_empty() {
        return None;
    }
    Some(Nutzap {
        amount: total(&proofs)?,
        lock: lock_of_all(&proofs),
        proofs,
        unit: tags::text(&event.tags, "unit").unwrap_or_else(default_unit),
        mint: tags::text(&event.tags, "u")?,
        recipient: tags::first(&event.tags, "p", ProfileRef::from_tag)?.pubkey,
        event: tags::first(&event.tags, "e", EventRef::from_tag),
        kind: tags::kind(&event.tags, "k"),
        comment: (!event.content.is_empty()).then(|| event.content.clone()),
    })
}

fn lock_of_all(proofs: &[Proof]) -> Option<PubkeyLock> {
    let locks: Option<Vec<PubkeyLock>> = proofs.iter().map(Proof::lock).collect();
    let locks = locks?;
    let opens = |lock: &&PubkeyLock| lock.opens.as_ref().map_or(u64::MAX, |opens| opens.at.0);
    let first = locks.iter().min_by_key(opens)?;
    locks.iter().all(|lock| lock.key == first.key).then(|| first.clone())
}

pub(super) fn parse_info(event: &RawEvent) -> NutzapInfo {
    NutzapInfo {
        mints: tags::all(&event.tags, "mint", |tag| {
            let units = tag.iter().skip(2).filter(|unit| !unit.is_empty()).cloned().collect();
            Some(Mint {
                url: tags::value(tag, 1)?.to_owned(),
                units,
            })
        }),
        relays: tags::relays(&event.tags, "relay"),
        pubkey: tags::text(&event.tags, "pubkey").filter(|key| is_lock_key(key)),
    }
}

/// Whether ecash can be locked to `key` so that somebody can take it: NIP-61 prefixes the x of a point with `02`.
pub fn is_lock_key(key: &str) -> bool {
    Point::from_hex(key, "pubkey").is_ok() || Point::from_hex(&format!("02{key}"), "pubkey").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const LOCK: &str = "02eaee8939e3565e48cc62967e2fde9d8e2a4b3ec0081f29eceff5c64ef10ac1ed";
    const TO: &str = "e9fbced3a42dcf551486650cc752ab354347dd413b307484e4fd1818ab53f991";

    fn proof(amount: u64, lock: &str) -> String {
        let secret = format!("[\"P2PK\",{{\"nonce\":\"b00b\",\"data\":\"{lock}\"}}]");
        serde_json::json!({"amount": amount, "C": LOCK, "id": "000a93d6f8a1d2c4", "secret": secret, "dleq": {"e": "aa", "s": "bb", "r": "cc"}}).to_string()
    }

    #[test]
    fn a_nutzap_is_read_whole() {
        let (one, two) = (proof(1, LOCK), proof(2, LOCK));
        let tags: &[&[&str]] = &[
            &["proof", &one],
            &["proof", &two],
            &["unit", "usd"],
            &["u", "https://stablenut.umint.cash"],
            &["e", TO, "wss://r.example"],
            &["k", "1"],
            &["p", TO],
        ];
        let nutzap = parse(&signed(1, 9321, 1, tags, "Thanks for this great idea.")).unwrap();
        assert_eq!(
            (nutzap.amount, nutzap.unit.as_str(), nutzap.mint.as_str()),
            (3, "usd", "https://stablenut.umint.cash")
        );
        assert_eq!((nutzap.recipient.to_string(), nutzap.kind), (TO.into(), Some(Kind(1))));
        assert_eq!(
            (nutzap.comment.as_deref(), nutzap.lock),
            (
                Some("Thanks for this great idea."),
                Some(PubkeyLock {
                    key: LOCK.into(),
                    opens: None
                })
            )
        );
        assert!(nutzap.event.unwrap().relay.is_some());
        assert_eq!(nutzap.proofs[0].dleq.as_ref().unwrap().r.as_deref(), Some("cc"));
    }

    #[test]
    fn odd_and_hostile_nutzaps_lose_what_is_odd_about_them() {
        let (one, other) = (proof(1, LOCK), proof(2, &LOCK.replace("02e", "03e")));
        let (u, p): (&[&str], &[&str]) = (&["u", "https://m.example"], &["p", TO]);
        let read = |tags: &[&[&str]]| parse(&signed(1, 9321, 1, tags, ""));
        let plain = read(&[&["proof", &one], &["proof", "{}"], u, p]).unwrap();
        assert_eq!(
            (plain.proofs.len(), plain.unit.as_str(), plain.comment, plain.event),
            (1, "sat", None, None)
        );
        assert_eq!(read(&[&["proof", &one], &["proof", &other], u, p]).unwrap().lock, None);
        let timed = |at: &str| {
            let tags = format!(r#"\",\"tags\":[[\"locktime\",\"{at}\"],[\"refund\",\"{LOCK}\"]]}}"#);
            one.replace(r#"\"}"#, &tags)
        };
        let (early, late) = (timed("7"), timed("9"));
        let opens = |proofs: [&str; 3]| {
            let tags = proofs.map(|proof| ["proof", proof]);
            let lock = read(&[&tags[0], &tags[1], &tags[2], u, p]).unwrap().lock.unwrap();
            assert_eq!(lock.key, LOCK);
            lock.opens.unwrap()
        };
        for order in [[&one, &late, &early], [&early, &late, &one]] {
            let opens = opens(order.map(String::as_str));
            assert_eq!((opens.at.0, opens.refund), (7, vec![LOCK.to_owned()]));
        }
        let open = one.replace("P2PK", "nothing");
        assert_eq!(read(&[&["proof", &one], &["proof", &open], u, p]).unwrap().lock, None);
        let huge = proof(u64::MAX, LOCK);
        for bad in [
            &[&["proof", "x"], u, p][..],
            &[&["proof", &one], p],
            &[&["proof", &one], u],
            &[&["proof", &huge], &["proof", &one], u, p],
        ] {
            assert_eq!(read(bad), None);
        }
    }

    #[test]
    fn how_to_send_is_read() {
        let tags: &[&[&str]] = &[
            &["relay", "wss://Relay1.example"],
            &["relay", "x"],
            &["mint", "https://mint1", "usd", "sat"],
            &["mint", "https://mint2"],
            &["mint"],
            &["pubkey", LOCK],
        ];
        let info = parse_info(&signed(1, 10019, 1, tags, ""));
        assert_eq!((info.relays.len(), info.pubkey.as_deref()), (1, Some(LOCK)));
        // A key of the curve, with or without its sign; of every other x there is none.
        let no_point = "b".repeat(64);
        for (key, is_read) in [
            (&LOCK[2..], true),
            (&no_point, false),
            (&format!("02{no_point}"), false),
            (&format!("04{}", &LOCK[2..]), false),
            (&LOCK[..63], false),
            ("npub1", false),
            ("", false),
        ] {
            let info = parse_info(&signed(1, 10019, 1, &[&["pubkey", key]], ""));
            assert_eq!(info.pubkey.as_deref(), is_read.then_some(key));
        }
        assert_eq!(
            info.mints,
            [
                Mint {
                    url: "https://mint1".into(),
                    units: vec!["usd".into(), "sat".into()]
                },
                Mint {
                    url: "https://mint2".into(),
                    units: vec![]
                }
            ]
        );
    }
}
