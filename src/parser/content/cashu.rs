//! Cashu tokens and proofs (NUT-00, NUT-12): decoded, their amounts added up.
//!
//! Whether a proof is good or spent is for the crypto role and the mint to say.

use base64ct::{Base64UrlUnpadded, Encoding};
use minicbor::Decoder;
use minicbor::data::Type;
use serde::Deserialize;

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

    /// The public key this proof is locked to by NUT-11, as written (33 bytes, hex).
    pub fn p2pk_lock(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Condition {
            data: String,
        }
        let (kind, condition): (String, Condition) = serde_json::from_str(&self.secret).ok()?;
        let key: Option<[u8; 33]> = crate::nostr::hex::decode(&condition.data);
        (kind == "P2PK" && key.is_some()).then_some(condition.data)
    }
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
    let v3: V3 = serde_json::from_slice(json).ok()?;
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
            proof.p2pk_lock().as_deref(),
            Some("02eaee8939e3565e48cc62967e2fde9d8e2a4b3ec0081f29eceff5c64ef10ac1ed")
        );
        assert!(!format!("{proof:?}").contains("nonce"));
        assert_eq!(
            Proof::from_json(&json.replace("P2PK", "HTLC")).unwrap().p2pk_lock(),
            None
        );
        for bad in [
            json.replace("\"amount\":1,", ""),
            json.replace("02277c", "zz277c"),
            "[]".into(),
            json.replace("000a93d6f8a1d2c4", ""),
        ] {
            assert_eq!(Proof::from_json(&bad), None, "{bad}");
        }
    }
}
