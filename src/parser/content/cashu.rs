//! Cashu tokens and proofs (NUT-00, NUT-12): decoded, their amounts added up.
//!
//! Whether a proof is good or spent is for the crypto role and the mint to say.

use base64ct::{Base64UrlUnpadded, Encoding};
use minicbor::Decoder;
use minicbor::data::Type;
use serde::Deserialize;

use crate::nostr::cashu::Point;
use crate::nostr::hex;
use crate::sorted;
use crate::time::UnixSeconds;

/// What a token says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As written, without a `cashu:` before it.
    pub token: String,
    /// Of the first entry: a version 3 token may name several mints.
    pub mint: String,
    /// The sum of its proofs, in `unit`.
    pub amount: u64,
    /// `sat`, `usd`, …; absent where the token does not say.
    pub unit: Option<String>,
    pub memo: Option<String>,
}

/// One proof as NUT-00 writes it in JSON.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Proof {
    pub amount: u64,
    /// Keyset.
    pub id: String,
    /// Whoever knows it can spend the proof.
    pub secret: String,
    /// The unblinded signature, hex.
    #[serde(rename = "C")]
    pub c: String,
    #[serde(default)]
    pub dleq: Option<Dleq>,
    #[serde(default)]
    pub witness: Option<String>,
}

/// A proof that the mint signed with the key it announces (NUT-12), hex.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Dleq {
    pub e: String,
    pub s: String,
    #[serde(default)]
    pub r: Option<String>,
}

impl std::fmt::Debug for Proof {
    // A secret does not belong in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof")
            .field("amount", &self.amount)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Proof {
    /// Reads one proof. `None` unless all that NUT-00 requires is there.
    pub fn from_json(json: &str) -> Option<Proof> {
        serde_json::from_str::<Proof>(json).ok()?.checked()
    }

    /// The proof itself, if its keyset and its signature are hex.
    pub fn checked(self) -> Option<Proof> {
        let is_hex = |text: &str| base16ct::lower::decode_vec(text).is_ok_and(|bytes| !bytes.is_empty());
        // Keysets of before NUT-02 are named in base64: 12 characters.
        let id_holds = is_hex(&self.id) || self.id.len() == 12;
        (id_holds && is_hex(&self.c) && !self.secret.is_empty()).then_some(self)
    }

    /// How NUT-11 locks this proof, if it is to one key and the mint will understand it (NUT-10).
    pub fn lock(&self) -> Option<PubkeyLock> {
        PubkeyLock::of_secret(&self.secret)
    }
}

/// A lock that one key opens (NUT-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PubkeyLock {
    /// As written: 33 bytes, hex.
    pub key: String,
    /// When it opens for others, too; for good where there is none.
    pub opens: Option<LockTime>,
}

/// When a lock opens for others than its key, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockTime {
    pub at: UnixSeconds,
    /// Any one of these keys can take the proof from then on. Empty: anybody can.
    pub refund: Vec<String>,
}

impl PubkeyLock {
    /// Reads a well-known secret (NUT-10). `None` for one that takes several keys or the choice of several, and for one
    /// that the mint will not take as a lock, or nobody can open.
    fn of_secret(secret: &str) -> Option<PubkeyLock> {
        #[derive(Deserialize)]
        struct Condition {
            // It has to be there, or the mint does not see a lock.
            #[serde(rename = "nonce")]
            _nonce: String,
            data: String,
            #[serde(default)]
            tags: Vec<Vec<String>>,
        }
        let (kind, condition): (String, Condition) = serde_json::from_str(secret).ok()?;
        let tags = condition.tags;
        let values = |name: &str| tags.iter().find(|tag| tag.first().is_some_and(|first| first == name));
        let values = |name: &str| values(name).and_then(|tag| tag.get(1..)).unwrap_or_default();
        let one_signature = |name: &str| match values(name) {
            [count, ..] => count.parse() == Ok(1u32),
            [] => true,
        };
        let is_lock = kind == "P2PK"
            && is_point(&condition.data)
            && values("pubkeys").is_empty()
            && one_signature("n_sigs")
            && tags
                .iter()
                .all(|tag| !tag.is_empty() && tag.iter().all(|text| !text.is_empty()));
        let at = values("locktime")
            .first()
            .and_then(|at| at.parse().ok())
            .map(UnixSeconds);
        let refund = values("refund").to_vec();
        // Keys are told apart by their x (NUT-11); one that is there twice makes the proof unspendable.
        let mut xs: Vec<String> = refund
            .iter()
            .map(|key| key.get(2..).unwrap_or_default().to_lowercase())
            .collect();
        sorted::sort(&mut xs);
        xs.dedup();
        let can_be_refunded = xs.len() == refund.len() && refund.iter().all(|key| is_key(key));
        let holds = is_lock && (at.is_none() || (can_be_refunded && one_signature("n_sigs_refund")));
        holds.then_some(PubkeyLock {
            key: condition.data,
            opens: at.map(|at| LockTime { at, refund }),
        })
    }
}

/// Whether `key` looks as NUT-11 wants it. NUT-11's own example refunds one that is no point of the curve.
fn is_key(key: &str) -> bool {
    let key: Option<[u8; 33]> = hex::decode(&key.to_lowercase());
    key.is_some_and(|key| matches!(key.first(), Some(2 | 3)))
}

/// Whether somebody can have the key's secret.
fn is_point(key: &str) -> bool {
    Point::from_hex(&key.to_lowercase(), "key").is_ok()
}

/// The sum of the proofs' amounts, if it can be said.
pub fn total(proofs: &[Proof]) -> Option<u64> {
    proofs.iter().try_fold(0u64, |sum, proof| sum.checked_add(proof.amount))
}

/// Reads a token, `cashuA…` or `cashuB…`, padded or not.
pub fn read(text: &str) -> Option<Token> {
    let version = *text.as_bytes().get(5)?;
    let bytes = Base64UrlUnpadded::decode_vec(text.get(6..)?.trim_end_matches('=')).ok()?;
    let token = match version {
        b'A' => read_v3(&bytes)?,
        b'B' => read_v4(&bytes)?,
        _ => return None,
    };
    (text.starts_with("cashu") && token.mint.contains("://")).then(|| Token {
        token: text.to_owned(),
        ..token
    })
}

fn read_v3(json: &[u8]) -> Option<Token> {
    #[derive(Deserialize)]
    struct V3 {
        token: Vec<Entry>,
        #[serde(default)]
        unit: Option<String>,
        #[serde(default)]
        memo: Option<String>,
    }
    #[derive(Deserialize)]
    struct Entry {
        mint: String,
        proofs: Vec<Amount>,
    }
    #[derive(Deserialize)]
    struct Amount {
        amount: u64,
    }
    // As text, since nothing else here reads JSON from bytes, and another reader is more to download.
    let v3: V3 = serde_json::from_str(std::str::from_utf8(json).ok()?).ok()?;
    let mut amounts = v3.token.iter().flat_map(|entry| &entry.proofs).peekable();
    amounts.peek()?;
    let amount = amounts.try_fold(0u64, |sum, proof| sum.checked_add(proof.amount))?;
    let mint = v3.token.into_iter().next()?.mint;
    Some(Token {
        token: String::new(),
        mint,
        amount,
        unit: v3.unit,
        memo: v3.memo,
    })
}

fn read_v4(cbor: &[u8]) -> Option<Token> {
    let mut decoder = Decoder::new(cbor);
    let (mut mint, mut unit, mut memo, mut amount) = (None, None, None, None);
    map(&mut decoder, |key, decoder| {
        match key {
            "m" => mint = Some(decoder.str().ok()?.to_owned()),
            "u" => unit = Some(decoder.str().ok()?.to_owned()),
            "d" => memo = optional_str(decoder)?,
            "t" => {
                let mut sum = None;
                array(decoder, |decoder| {
                    map(decoder, |key, decoder| match key {
                        "p" => proof_amounts(decoder, &mut sum),
                        _ => decoder.skip().ok(),
                    })
                })?;
                amount = sum;
            }
            _ => decoder.skip().ok()?,
        }
        Some(())
    })?;
    Some(Token {
        token: String::new(),
        mint: mint?,
        amount: amount?,
        unit,
        memo,
    })
}

fn optional_str(decoder: &mut Decoder<'_>) -> Option<Option<String>> {
    if decoder.datatype().ok()? == Type::Null {
        decoder.null().ok()?;
        return Some(None);
    }
    Some(Some(decoder.str().ok()?.to_owned()))
}

fn proof_amounts(decoder: &mut Decoder<'_>, sum: &mut Option<u64>) -> Option<()> {
    array(decoder, |decoder| {
        let mut amount = None;
        map(decoder, |key, decoder| match key {
            "a" => {
                amount = Some(decoder.u64().ok()?);
                Some(())
            }
            _ => decoder.skip().ok(),
        })?;
        *sum = Some(sum.unwrap_or(0).checked_add(amount?)?);
        Some(())
    })
}

/// Calls `each` for every element; both of CBOR's lengths, known and unknown.
fn array<'a>(decoder: &mut Decoder<'a>, mut each: impl FnMut(&mut Decoder<'a>) -> Option<()>) -> Option<()> {
    let len = decoder.array().ok()?;
    sequence(decoder, len, &mut each)
}

fn map<'a>(decoder: &mut Decoder<'a>, mut each: impl FnMut(&str, &mut Decoder<'a>) -> Option<()>) -> Option<()> {
    let len = decoder.map().ok()?;
    sequence(decoder, len, &mut |decoder| {
        let key = decoder.str().ok()?;
        each(key, decoder)
    })
}

fn sequence<'a>(
    decoder: &mut Decoder<'a>,
    len: Option<u64>,
    each: &mut dyn FnMut(&mut Decoder<'a>) -> Option<()>,
) -> Option<()> {
    let mut left = len;
    loop {
        match left {
            Some(0) => return Some(()),
            Some(count) => left = Some(count - 1),
            None if decoder.datatype().ok()? == Type::Break => return decoder.skip().ok(),
            None => {}
        }
        each(decoder)?;
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;

    use super::*;

    // NUT-00's own examples.
    const V3: &str = "cashuAeyJ0b2tlbiI6W3sibWludCI6Imh0dHBzOi8vODMzMy5zcGFjZTozMzM4IiwicHJvb2ZzIjpbeyJhbW91bnQiOjIsImlkIjoiMDA5YTFmMjkzMjUzZTQxZSIsInNlY3JldCI6IjQwNzkxNWJjMjEyYmU2MWE3N2UzZTZkMmFlYjRjNzI3OTgwYmRhNTFjZDA2YTZhZmMyOWUyODYxNzY4YTc4MzciLCJDIjoiMDJiYzkwOTc5OTdkODFhZmIyY2M3MzQ2YjVlNDM0NWE5MzQ2YmQyYTUwNmViNzk1ODU5OGE3MmYwY2Y4NTE2M2VhIn0seyJhbW91bnQiOjgsImlkIjoiMDA5YTFmMjkzMjUzZTQxZSIsInNlY3JldCI6ImZlMTUxMDkzMTRlNjFkNzc1NmIwZjhlZTBmMjNhNjI0YWNhYTNmNGUwNDJmNjE0MzNjNzI4YzcwNTdiOTMxYmUiLCJDIjoiMDI5ZThlNTA1MGI4OTBhN2Q2YzA5NjhkYjE2YmMxZDVkNWZhMDQwZWExZGUyODRmNmVjNjlkNjEyOTlmNjcxMDU5In1dfV0sInVuaXQiOiJzYXQiLCJtZW1vIjoiVGhhbmsgeW91LiJ9";
    const V4: &str = "cashuBo2F0gqJhaUgA_9SLj17PgGFwgaNhYQFhc3hAYWNjMTI0MzVlN2I4NDg0YzNjZjE4NTAxNDkyMThhZjkwZjcxNmE1MmJmNGE1ZWQzNDdlNDhlY2MxM2Y3NzM4OGFjWCECRFODGd5IXVW-07KaZCvuWHk3WrnnpiDhHki6SCQh88-iYWlIAK0mjE0fWCZhcIKjYWECYXN4QDEzMjNkM2Q0NzA3YTU4YWQyZTIzYWRhNGU5ZjFmNDlmNWE1YjRhYzdiNzA4ZWIwZDYxZjczOGY0ODMwN2U4ZWVhY1ghAjRWqhENhLSsdHrr2Cw7AFrKUL9Ffr1XN6RBT6w659lNo2FhAWFzeEA1NmJjYmNiYjdjYzY0MDZiM2ZhNWQ1N2QyMTc0ZjRlZmY4YjQ0MDJiMTc2OTI2ZDNhNTdkM2MzZGNiYjU5ZDU3YWNYIQJzEpxXGeWZN5qXSmJjY8MzxWyvwObQGr5G1YCCgHicY2FtdWh0dHA6Ly9sb2NhbGhvc3Q6MzMzOGF1Y3NhdA";

    #[test]
    fn the_examples_of_nut_00_are_read_padded_or_not() {
        let v3 = read(V3).unwrap();
        assert_eq!((v3.mint.as_str(), v3.amount), ("https://8333.space:3338", 10));
        assert_eq!(
            (v3.unit.as_deref(), v3.memo.as_deref()),
            (Some("sat"), Some("Thank you."))
        );
        let v4 = read(V4).unwrap();
        assert_eq!((v4.mint.as_str(), v4.amount), ("http://localhost:3338", 4));
        assert_eq!((v4.unit.as_deref(), v4.memo), (Some("sat"), None));
        assert_eq!(read(&format!("{V4}==")).unwrap().amount, 4);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let encode = |text: &str| format!("cashuA{}", BASE64URL_NOPAD.encode(text.as_bytes()));
        assert!(
            read(&encode(
                "{\"token\":[{\"mint\":\"https://m\",\"proofs\":[{\"amount\":1}]}]}"
            ))
            .is_some()
        );
        for bad in [
            "cashuA".to_owned(),
            "cashuB".to_owned(),
            V3.replacen("cashuA", "cashuC", 1),
            V4[..V4.len() - 8].to_owned(),
            encode("{}"),
            encode("{\"token\":[]}"),
            encode("{\"token\":[{\"mint\":\"https://m\",\"proofs\":[]}]}"),
            encode("{\"token\":[{\"mint\":\"https://m\",\"proofs\":[{\"amount\":-1}]}]}"),
            encode(
                "{\"token\":[{\"mint\":\"https://m\",\"proofs\":[{\"amount\":18446744073709551615},{\"amount\":1}]}]}",
            ),
            format!("cashuB{}", BASE64URL_NOPAD.encode(&[0x9f; 5_000])),
            format!(
                "cashuB{}",
                BASE64URL_NOPAD.encode(&[0xbf, 0x61, b't', 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
            ),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_version_4_token_of_unknown_lengths_and_with_unknown_keys_is_read() {
        let mut cbor = vec![0xbf, 0x61, b'x', 0x81, 0x81, 0x00, 0x61, b'm', 0x69];
        cbor.extend_from_slice(b"https://m");
        cbor.extend_from_slice(&[
            0x61, b't', 0x9f, 0xbf, 0x61, b'p', 0x9f, 0xbf, 0x61, b'a', 0x05, 0xff, 0xff, 0xff, 0xff, 0xff,
        ]);
        let token = read(&format!("cashuB{}", BASE64URL_NOPAD.encode(&cbor))).unwrap();
        assert_eq!((token.amount, token.unit), (5, None));
    }

    #[test]
    fn a_proof_is_whole_or_none_and_tells_its_lock() {
        // NIP-61's example.
        let json = "{\"amount\":1,\"C\":\"02277c66191736eb72fce9d975d08e3191f8f96afb73ab1eec37e4465683066d3f\",\"id\":\"000a93d6f8a1d2c4\",\"secret\":\"[\\\"P2PK\\\",{\\\"nonce\\\":\\\"b00bdd0467b0090a25bdf2d2f0d45ac4e355c482c1418350f273a04fedaaee83\\\",\\\"data\\\":\\\"02eaee8939e3565e48cc62967e2fde9d8e2a4b3ec0081f29eceff5c64ef10ac1ed\\\"}]\"}";
        let proof = Proof::from_json(json).unwrap();
        assert_eq!(
            proof.lock(),
            Some(PubkeyLock {
                key: "02eaee8939e3565e48cc62967e2fde9d8e2a4b3ec0081f29eceff5c64ef10ac1ed".into(),
                opens: None
            })
        );
        assert!(!format!("{proof:?}").contains("nonce"));
        assert_eq!(Proof::from_json(&json.replace("P2PK", "HTLC")).unwrap().lock(), None);
        for bad in [
            json.replace("\"amount\":1,", ""),
            json.replace("02277c", "zz277c"),
            "[]".into(),
            json.replace("000a93d6f8a1d2c4", ""),
        ] {
            assert_eq!(Proof::from_json(&bad), None, "{bad}");
        }
    }

    // Of NUT-11's own examples.
    const KEY: &str = "033281c37677ea273eb7183b783067f5244933ef78d8c3f15b1a77cb246099c26e";
    const REFUND: &str = "02e2aeb97f47690e3c418592a5bcda77282d1339a3017f5558928c2441b7731d50";
    const OTHER: &str = "02698c4e2b5f9534cd0687d87513c759790cf829aa5739184a3e3735471fbda904";

    fn lock(data: &str, tags: &str) -> Option<PubkeyLock> {
        PubkeyLock::of_secret(&format!(r#"["P2PK",{{"nonce":"da62","data":"{data}","tags":{tags}}}]"#))
    }

    #[test]
    fn a_lock_says_whose_it_is_and_until_when() {
        let for_good = PubkeyLock {
            key: KEY.into(),
            opens: None,
        };
        for tags in [
            "[]",
            r#"[["sigflag","SIG_ALL"]]"#,
            r#"[["n_sigs","1"],["pubkeys"]]"#,
            // Without a time, nobody is refunded; a time that is none locks for good.
            &format!(r#"[["refund","{REFUND}"]]"#),
            r#"[["locktime","tomorrow"]]"#,
            r#"[["locktime"]]"#,
        ] {
            assert_eq!(lock(KEY, tags), Some(for_good.clone()), "{tags}");
        }
        let until = |refund: &[&str]| {
            let refund = refund.iter().map(|key| (*key).to_owned()).collect();
            let at = UnixSeconds(1_689_418_329);
            Some(PubkeyLock {
                key: KEY.into(),
                opens: Some(LockTime { at, refund }),
            })
        };
        assert_eq!(lock(KEY, r#"[["locktime","1689418329"]]"#), until(&[]));
        // The lock's own key may be among those that are refunded.
        let tags = format!(r#"[["locktime","1689418329"],["refund","{KEY}","{REFUND}"],["n_sigs_refund","1"]]"#);
        assert_eq!(lock(KEY, &tags), until(&[KEY, REFUND]));
    }

    #[test]
    fn what_several_keys_open_or_nobody_is_no_lock_to_one() {
        let key = |key: &str| format!(r#"[["pubkeys","{key}"]]"#);
        // NUT-11's example of two signatures of three.
        let complex = format!(
            r#"[["sigflag","SIG_ALL"],["n_sigs","2"],["locktime","1689418329"],["refund","{KEY}","{REFUND}"],["pubkeys","{OTHER}","023192200a0cfd3867e48eb63b03ff599c7e46c8f4e41146b2d281173ca6c50c54"]]"#
        );
        let twice = format!(
            r#"[["locktime","1"],["refund","{REFUND}","03{}"]]"#,
            REFUND[2..].to_uppercase()
        );
        for tags in [
            complex.as_str(),
            &key(OTHER),
            r#"[["n_sigs","2"]]"#,
            r#"[["n_sigs","x"]]"#,
            r#"[["locktime","1"],["refund","02ff"]]"#,
            &format!(r#"[["locktime","1"],["refund","{REFUND}","{OTHER}"],["n_sigs_refund","2"]]"#),
            &twice,
            // No mint takes these for a lock (NUT-10).
            r#"[["locktime",1689418329]]"#,
            r#"[[]]"#,
            r#"[["sigflag",""]]"#,
            r#"{}"#,
        ] {
            assert_eq!(lock(KEY, tags), None, "{tags}");
        }
        let no_point = KEY.replace("0332", "0333");
        for data in ["", "02", &KEY[2..], &no_point, &KEY.replacen("03", "04", 1)] {
            assert_eq!(lock(data, "[]"), None, "{data}");
        }
        let without_nonce = format!(r#"["P2PK",{{"data":"{KEY}"}}]"#);
        assert_eq!(PubkeyLock::of_secret(&without_nonce), None);
    }
}
