//! Kinds 7374, 7375, 7376 and 17375: a Cashu wallet (NIP-60).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::private::Private;
use super::tags::{self, EventRef};
use crate::nostr::event::{EventId, RawEvent, Tag};
use crate::nostr::keys::SecretKey;
use crate::nostr::kind::Kind;
use crate::parser::content::cashu::{Proof, total};
use crate::time::UnixSeconds;

/// A quote to be paid (7374).
#[derive(Clone, Debug, PartialEq)]
pub struct WalletQuote {
    pub quote: Private<String>,
    pub mint: Option<String>,
    pub expires_at: Option<UnixSeconds>,
}

/// Unspent proofs (7375).
#[derive(Clone, Debug, PartialEq)]
pub struct WalletToken {
    pub mint: String,
    /// `sat` where the event does not say (NIP-60).
    pub unit: String,
    /// At least one (NIP-60).
    pub proofs: Vec<Proof>,
    /// The sum of `proofs`, in `unit`.
    pub amount: u64,
    /// Token events that this one replaces.
    pub deleted: Vec<EventId>,
}

/// A change of the balance (7376).
#[derive(Clone, Debug, PartialEq)]
pub struct WalletHistory {
    /// Nutzaps redeemed; they are left readable.
    pub redeemed: Vec<EventRef>,
    pub entry: Private<HistoryEntry>,
}

/// The encrypted part of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    pub direction: Option<Direction>,
    /// In `unit`.
    pub amount: Option<u64>,
    /// `sat` where the event does not say (NIP-60).
    pub unit: String,
    pub created: Vec<EventRef>,
    pub destroyed: Vec<EventRef>,
}

/// Which way the money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

/// The wallet (17375).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    pub mints: Vec<String>,
    pub key: Option<WalletKey>,
}

/// The private key that nutzaps are locked to, hex. Never stored in clear.
#[derive(Clone, PartialEq, Eq)]
pub struct WalletKey(pub String);

impl std::fmt::Debug for WalletKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WalletKey(…)")
    }
}

pub(super) fn parse_quote(event: &RawEvent, decrypted: Option<&str>) -> WalletQuote {
    WalletQuote {
        quote: Private::of(decrypted, |quote| {
            (!quote.trim().is_empty()).then(|| quote.trim().to_owned())
        }),
        mint: tags::text(&event.tags, "mint"),
        expires_at: event.expiration(),
    }
}

/// A token event's content, as it is written.
#[derive(Deserialize)]
struct Token<'a> {
    mint: String,
    #[serde(default)]
    unit: Option<String>,
    /// Each stands for itself: one that cannot be read costs only itself.
    #[serde(borrow)]
    proofs: Vec<&'a RawValue>,
    #[serde(default)]
    del: Vec<String>,
}

impl Token<'_> {
    fn proofs(&self) -> Vec<Proof> {
        self.proofs
            .iter()
            .filter_map(|proof| Proof::from_json(proof.get()))
            .collect()
    }
}

/// Proofs that cannot be read are absent; with none left it is no token.
pub(super) fn parse_token(decrypted: Option<&str>) -> Private<WalletToken> {
    Private::of(decrypted, |json| {
        let token: Token<'_> = serde_json::from_str(json).ok()?;
        let proofs = token.proofs();
        (!proofs.is_empty() && !token.mint.is_empty()).then_some(())?;
        Some(WalletToken {
            amount: total(&proofs)?,
            proofs,
            mint: token.mint,
            unit: token.unit.filter(|unit| !unit.is_empty()).unwrap_or_else(default_unit),
            deleted: token.del.iter().filter_map(|id| EventId::from_hex(id)).collect(),
        })
    })
}

/// Whether all of a token can be read: what is lost on writing is money.
fn token_holds(json: &str) -> bool {
    let whole = |token: Token<'_>| {
        let proofs = token.proofs();
        let ids = token.del.iter().all(|id| EventId::from_hex(id).is_some());
        !token.mint.is_empty()
            && !proofs.is_empty()
            && proofs.len() == token.proofs.len()
            && ids
            && total(&proofs).is_some()
    };
    serde_json::from_str(json).is_ok_and(whole)
}

pub(super) fn parse_history(event: &RawEvent, decrypted: Option<&str>) -> WalletHistory {
    let mut redeemed = marked(&event.tags, "redeemed");
    let entry = Private::of(decrypted, |json| {
        let tags = tag_list(json)?;
        redeemed.extend(marked(&tags, "redeemed"));
        Some(HistoryEntry {
            direction: match tags::text(&tags, "direction").as_deref() {
                Some("in") => Some(Direction::In),
                Some("out") => Some(Direction::Out),
                _ => None,
            },
            amount: tags::number(&tags, "amount"),
            unit: tags::text(&tags, "unit").unwrap_or_else(default_unit),
            created: marked(&tags, "created"),
            destroyed: marked(&tags, "destroyed"),
        })
    });
    WalletHistory { redeemed, entry }
}

pub(super) fn parse_wallet(decrypted: Option<&str>) -> Private<Wallet> {
    Private::of(decrypted, |json| {
        let tags = tag_list(json)?;
        let key = tags::text(&tags, "privkey").filter(|key| SecretKey::from_hex(key).is_ok());
        Some(Wallet {
            mints: tags::texts(&tags, "mint"),
            key: key.map(WalletKey),
        })
    })
}

/// Whether `text`, before it is encrypted, is what an event of `kind` holds (NIP-60).
pub fn wallet_content_holds(kind: Kind, text: &str) -> bool {
    match kind.0 {
        7374 => !text.trim().is_empty(),
        7375 => token_holds(text),
        7376 => tag_list(text).is_some(),
        17_375 => tag_list(text).is_some_and(|tags| wallet_holds(&tags)),
        _ => false,
    }
}

/// A key that cannot be read would leave nutzaps locked for ever, and of two nobody knows which is meant.
fn wallet_holds(tags: &[Tag]) -> bool {
    let keys: Vec<&Tag> = tags.iter().filter(|tag| tags::is(tag, "privkey")).collect();
    let is_key = |tag: &&Tag| tags::value(tag, 1).is_some_and(|key| SecretKey::from_hex(key).is_ok());
    !tags::texts(tags, "mint").is_empty() && keys.len() <= 1 && keys.iter().all(is_key)
}

/// A decrypted list of tags (NIP-51, NIP-60).
pub(super) fn tag_list(json: &str) -> Option<Vec<Tag>> {
    serde_json::from_str(json).ok()
}

pub(super) fn default_unit() -> String {
    "sat".to_owned()
}

fn marked(tags: &[Tag], marker: &str) -> Vec<EventRef> {
    tags::all(tags, "e", |tag| {
        EventRef::from_tag(tag).filter(|_| tags::value(tag, 3) == Some(marker))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const ID: &str = "5b4fc7fed15672fefe65d2426f67197b71ccc82aa0cc8a9e94f683eb78e07651";

    #[test]
    fn a_quote_is_its_decrypted_text() {
        let event = signed(
            1,
            7374,
            1,
            &[&["expiration", "99"], &["mint", "https://mint.example"]],
            "x",
        );
        let quote = parse_quote(&event, Some("quote-id\n"));
        assert_eq!(
            quote,
            WalletQuote {
                quote: Private::Open("quote-id".into()),
                mint: Some("https://mint.example".into()),
                expires_at: Some(UnixSeconds(99))
            }
        );
        assert_eq!(parse_quote(&event, None).quote, Private::Locked);
        assert_eq!(parse_quote(&event, Some(" ")).quote, Private::Unreadable);
    }

    #[test]
    fn a_token_keeps_whole_proofs_and_adds_them_up() {
        let good = r#"{"id":"005c2502034d4f12","amount":1,"secret":"z+zyxAVLRqN9lEjxuNPSyRJzEstbl69Jc1vtimvtkPg=","C":"0241d98a8197ef238a192d47edf191a9de78b657308937b4f7dd0aa53beae72c46"}"#;
        let json = format!(
            r#"{{"mint":"https://stablenut.umint.cash","proofs":[{good},{}],"del":["{ID}","x"]}}"#,
            good.replace("0241d9", "zz")
        );
        let token = parse_token(Some(&json)).open().cloned().unwrap();
        assert_eq!(
            (token.mint.as_str(), token.unit.as_str(), token.amount),
            ("https://stablenut.umint.cash", "sat", 1)
        );
        assert_eq!(
            (token.proofs.len(), token.deleted),
            (1, vec![EventId::from_hex(ID).unwrap()])
        );
        assert_eq!(
            parse_token(Some(&json.replace("\"mint\"", "\"unit\":\"usd\",\"mint\"")))
                .open()
                .unwrap()
                .unit,
            "usd"
        );
        // However a proof is bad, it costs only itself, and the last one the token.
        let without_amount = json.replacen("\"amount\":1", "\"amount\":-1", 1);
        assert_eq!(parse_token(Some(&without_amount)), Private::Unreadable);
        let two = without_amount.replacen("[", &format!("[{good},{{}},7,"), 1);
        assert_eq!(parse_token(Some(&two)).open().unwrap().amount, 1);
        for bad in [
            "{\"proofs\":[]}".to_owned(),
            r#"{"mint":"https://mint.example","proofs":[]}"#.to_owned(),
            format!(r#"{{"mint":"","proofs":[{good}]}}"#),
        ] {
            assert_eq!(parse_token(Some(&bad)), Private::Unreadable, "{bad}");
        }
        assert_eq!(parse_token(None), Private::Locked);
    }

    #[test]
    fn what_is_written_to_a_wallet_is_whole_or_not_written() {
        let proof = |secret: &str| {
            let c = "0241d98a8197ef238a192d47edf191a9de78b657308937b4f7dd0aa53beae72c46";
            format!(r#"{{"id":"005c2502034d4f12","amount":1,"secret":"{secret}","C":"{c}"}}"#)
        };
        let token = |proofs: &str, del: &str| {
            let json = format!(r#"{{"mint":"https://mint.example","proofs":[{proofs}],"del":[{del}]}}"#);
            wallet_content_holds(Kind(7375), &json)
        };
        let (one, two) = (proof("a"), proof("b"));
        assert!(token(&one, ""));
        assert!(token(&format!("{one},{two}"), &format!("\"{ID}\"")));
        for (proofs, del) in [
            ("", ""),
            ("{}", ""),
            (&format!("{one},{{}}"), ""),
            (&format!("{one},{}", two.replace("\"C\":\"02", "\"C\":\"zz")), ""),
            (&one, "\"token-event-id-1\""),
        ] {
            assert!(!token(proofs, del), "{proofs} {del}");
        }
        let wallet = |tags: &str| wallet_content_holds(Kind(17_375), &format!("[[\"mint\",\"https://mint1\"]{tags}]"));
        assert!(wallet(""));
        assert!(wallet(&format!(",[\"privkey\",\"{ID}\"]")));
        assert!(!wallet_content_holds(
            Kind(17_375),
            &format!("[[\"privkey\",\"{ID}\"]]")
        ));
        let (zero, order) = (
            "0".repeat(64),
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        );
        for key in ["hexkey", "", &ID[1..], &ID.to_uppercase(), &zero, order] {
            assert!(!wallet(&format!(",[\"privkey\",\"{key}\"]")), "{key}");
        }
        assert!(!wallet(",[\"privkey\"]"));
        assert!(!wallet(&format!(",[\"privkey\",\"{ID}\"],[\"privkey\",\"{ID}\"]")));
    }

    #[test]
    fn a_change_of_balance_is_read_from_both_its_parts() {
        let event = signed(
            1,
            7376,
            1,
            &[&["e", ID, "wss://r.example", "redeemed"], &["e", ID, "", "created"]],
            "x",
        );
        let json = format!(
            r#"[["direction","in"],["amount","21"],["e","{ID}","","created"],["e","{ID}","","destroyed"],["e","{ID}","","redeemed"],["e","bad","","created"]]"#
        );
        let history = parse_history(&event, Some(&json));
        assert_eq!(history.redeemed.len(), 2);
        let entry = history.entry.open().unwrap();
        assert_eq!(
            (entry.direction, entry.amount, entry.unit.as_str()),
            (Some(Direction::In), Some(21), "sat")
        );
        assert_eq!((entry.created.len(), entry.destroyed.len()), (1, 1));
        let odd = parse_history(&event, Some(r#"[["direction","up"],["amount","-1"],["unit","usd"]]"#));
        let odd = odd.entry.open().unwrap();
        assert_eq!((odd.direction, odd.amount, odd.unit.as_str()), (None, None, "usd"));
        let locked = parse_history(&event, None);
        assert_eq!((locked.redeemed.len(), locked.entry), (1, Private::Locked));
        assert_eq!(parse_history(&event, Some("{}")).entry, Private::Unreadable);
        let out = parse_history(&event, Some(r#"[["direction","out"]]"#));
        assert_eq!(out.entry.open().unwrap().direction, Some(Direction::Out));
    }

    #[test]
    fn a_wallet_has_mints_and_a_key_that_no_log_shows() {
        let json = format!(
            r#"[["privkey","{ID}"],["mint","https://mint1"],["mint","https://mint2"],["mint","https://mint1"]]"#
        );
        let wallet = parse_wallet(Some(&json)).open().cloned().unwrap();
        assert_eq!(wallet.mints, ["https://mint1", "https://mint2"]);
        assert_eq!(wallet.key, Some(WalletKey(ID.into())));
        assert!(!format!("{wallet:?}").contains(ID));
        for key in ["hexkey", &"0".repeat(64), &"f".repeat(64)] {
            let json = format!(r#"[["privkey","{key}"]]"#);
            assert_eq!(parse_wallet(Some(&json)).open().unwrap().key, None, "{key}");
        }
        assert_eq!(parse_wallet(Some("[1]")), Private::Unreadable);
        assert_eq!(parse_wallet(None), Private::Locked);
    }
}
