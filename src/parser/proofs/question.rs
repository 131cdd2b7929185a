//! What a Cashu mint is asked and how its answers read (NUT-01, NUT-02, NUT-07). Pure.

use serde_json::{Value, json};

use crate::nostr::hex;
use crate::nostr::relay_url::RelayUrl;

/// Amounts are powers of two, so that 64 are many.
const MAX_KEYS: usize = 256;

/// One question to a mint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The active keysets with their keys.
    Keys,
    /// All keysets, without keys.
    Keysets,
    /// One keyset with its keys.
    KeysOf(String),
    /// The states of the proofs with these `Y`, 33 bytes in hex.
    States(Vec<String>),
}

/// Where a proof is in its life (NUT-07).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Unspent,
    Pending,
    Spent,
}

/// A mint's keys of one unit (NUT-02).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyset {
    pub id: String,
    pub unit: String,
    /// By amount, compressed. None where only the keyset's name is known yet.
    pub keys: Option<Vec<(u64, [u8; 33])>>,
}

impl Question {
    /// The address to ask, and the JSON to POST there.
    pub fn request(&self, mint: &str) -> (String, Option<String>) {
        match self {
            Question::Keys => (format!("{mint}/v1/keys"), None),
            Question::Keysets => (format!("{mint}/v1/keysets"), None),
            Question::KeysOf(id) => (format!("{mint}/v1/keys/{id}"), None),
            Question::States(ys) => (format!("{mint}/v1/checkstate"), Some(json!({ "Ys": ys }).to_string())),
        }
    }
}

/// A mint's address in its one form, without a slash at its end. `None` for what no mint has: another scheme,
/// credentials, a query, a fragment, or plain `http` to anywhere but this machine and onion services.
pub fn address(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !secure && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    // Addresses of relays and of mints differ in their schemes alone.
    let relay = RelayUrl::parse(&format!("ws{}://{rest}", if secure { "s" } else { "" })).ok()?;
    let address = relay.as_str().replacen("ws", "http", 1);
    let authority = address.split("://").nth(1)?.split('/').next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let private = ["localhost", "127.0.0.1", "[::1]"].contains(&host) || host.ends_with(".onion");
    ((secure || private) && !address.contains('?')).then_some(address)
}

/// The keysets of an answer to any question but `States`. `None` if it is none.
pub fn read_keysets(body: &str) -> Option<Vec<Keyset>> {
    let document: Value = serde_json::from_str(body).ok()?;
    let keysets = document.get("keysets")?.as_array()?;
    Some(keysets.iter().filter_map(read_keyset).collect())
}

fn read_keyset(keyset: &Value) -> Option<Keyset> {
    let text = |name: &str| Some(keyset.get(name)?.as_str()?.to_owned());
    let keys = keyset.get("keys").and_then(Value::as_object).map(|keys| {
        let keys = keys
            .iter()
            .filter_map(|(amount, key)| Some((amount.parse().ok()?, hex::decode(key.as_str()?)?)));
        keys.take(MAX_KEYS).collect()
    });
    Some(Keyset {
        id: text("id").filter(|id| is_keyset_id(id))?,
        unit: text("unit")?,
        keys,
    })
}

/// Whether `id` can be part of an address as it is: hex (NUT-02), or the base64 of before.
pub fn is_keyset_id(id: &str) -> bool {
    (1..=66).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The states of an answer to `States`, by `Y`. `None` if it is none. A state of another name is left out.
pub fn read_states(body: &str) -> Option<Vec<(String, State)>> {
    let document: Value = serde_json::from_str(body).ok()?;
    let states = document.get("states")?.as_array()?;
    let read = |entry: &Value| {
        let state = match entry.get("state")?.as_str()? {
            "UNSPENT" => State::Unspent,
            "PENDING" => State::Pending,
            "SPENT" => State::Spent,
            _ => return None,
        };
        Some((entry.get("Y")?.as_str()?.to_ascii_lowercase(), state))
    };
    Some(states.iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mint_has_one_address_and_what_is_none_is_refused() {
        for (given, address_) in [
            ("https://Mint.Example/", Some("https://mint.example")),
            (
                "https://mint.example:443/Bitcoin//",
                Some("https://mint.example/Bitcoin"),
            ),
            ("http://127.0.0.1:3338", Some("http://127.0.0.1:3338")),
            ("http://localhost", Some("http://localhost")),
            ("http://[::1]:3338/", Some("http://[::1]:3338")),
            ("http://abc.onion/x", Some("http://abc.onion/x")),
            ("http://mint.example", None),
            ("http://192.168.1.1", None),
            ("http://localhost.evil.example", None),
            ("https://mint.example/?a=", None),
            ("https://mint.example/#a", None),
            ("https://a@mint.example", None),
            ("wss://mint.example", None),
            ("javascript://mint.example", None),
            ("mint.example", None),
        ] {
            assert_eq!(address(given).as_deref(), address_, "{given}");
        }
    }

    #[test]
    fn the_examples_of_nut_01_02_and_07_are_read() {
        let keys = r#"{"keysets":[{"id":"009a1f293253e41e","unit":"sat","active":true,"input_fee_ppk":100,"keys":{
            "1":"02194603ffa36356f4a56b7df9371fc3192472351453ec7398b8da8117e7c3e104",
            "2":"03b0f36d6d47ce14df8a7be9137712c42bcdd960b19dd02f1d4a9703b1f31d7513","x":"y","4":"zz"}}]}"#;
        let read = read_keysets(keys).unwrap();
        assert_eq!(
            (read.len(), read[0].id.as_str(), read[0].unit.as_str()),
            (1, "009a1f293253e41e", "sat")
        );
        let mut amounts: Vec<u64> = read[0]
            .keys
            .as_ref()
            .unwrap()
            .iter()
            .map(|(amount, _)| *amount)
            .collect();
        amounts.sort_unstable();
        assert_eq!(amounts, [1, 2]);
        let keysets = r#"{"keysets":[
            {"id":"015ba18a8adcd02e715a58358eb618da4a4b3791151a4bee5e968bb88406ccf76a","unit":"sat","active":true,"input_fee_ppk":100,"final_expiry":2059210353},
            {"id":"../../admin","unit":"sat"},{"unit":"sat"},7]}"#;
        let read = read_keysets(keysets).unwrap();
        assert_eq!((read.len(), read[0].keys.clone()), (1, None));
        let y = "02599b9ea0a1ad4143706c2a5a4a568ce442dd4313e1cf1f7f0b58a317c1a355ee";
        let states = format!(
            r#"{{"states":[{{"Y":"{}","state":"SPENT","witness":null}},{{"Y":"{y}","state":"LOST"}},{{"state":"SPENT"}}]}}"#,
            y.to_uppercase()
        );
        assert_eq!(read_states(&states), Some(vec![(y.to_owned(), State::Spent)]));
        for bad in ["", "[]", "{}", r#"{"keysets":{},"states":1}"#, "<html>"] {
            assert_eq!((read_keysets(bad), read_states(bad)), (None, None), "{bad}");
        }
    }

    #[test]
    fn a_question_is_an_address_and_a_body() {
        let mint = "https://mint.example/x";
        assert_eq!(
            Question::Keys.request(mint),
            ("https://mint.example/x/v1/keys".into(), None)
        );
        assert_eq!(
            Question::Keysets.request(mint),
            ("https://mint.example/x/v1/keysets".into(), None)
        );
        assert_eq!(
            Question::KeysOf("00ab".into()).request(mint).0,
            "https://mint.example/x/v1/keys/00ab"
        );
        assert_eq!(
            Question::States(vec!["02aa".into()]).request(mint),
            (
                "https://mint.example/x/v1/checkstate".into(),
                Some(r#"{"Ys":["02aa"]}"#.into())
            )
        );
    }
}
