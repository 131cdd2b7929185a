//! What a remote signer answers (NIP-46), and the results of its methods.
//!
//! A result may be a plaintext, so none is printed.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::url::MAX_URL_BYTES;
use super::{Method, Nip46Error, bounded_json, usable_relays};
use crate::nostr::event::{Pubkey, RawEvent};
use crate::nostr::relay_url::RelayUrl;

/// What a remote signer answers.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The method's result: a string, or the JSON of what the method returns.
    Result(String),
    /// The signer's own words.
    Error(String),
    /// The user must confirm at this `http(s)` address; a second response follows under the same id.
    AuthUrl(String),
}

/// One response, from remote signer to client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The id of the request.
    pub id: String,
    pub outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
struct ResponseJson {
    id: String,
    #[serde(default)]
    result: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    error: Value,
}

const AUTH_URL: &str = "auth_url";

impl Response {
    /// The JSON to encrypt.
    pub fn to_json(&self) -> Zeroizing<String> {
        let (result, error) = match &self.outcome {
            Outcome::Result(result) => (result.as_str(), None),
            Outcome::Error(error) => ("", Some(error)),
            Outcome::AuthUrl(url) => (AUTH_URL, Some(url)),
        };
        let json = ResponseJson {
            id: self.id.clone(),
            result: result.into(),
            error: error.map_or(Value::Null, |error| error.as_str().into()),
        };
        Zeroizing::new(serde_json::to_string(&json).unwrap_or_default())
    }

    /// Reads a decrypted response. A result or error that is not a string is taken as its JSON,
    /// an empty error as none: signers differ.
    ///
    /// # Errors
    /// `Malformed` if it is no response; `AuthUrl` if the page could not safely open the address.
    pub fn from_json(json: &str) -> Result<Response, Nip46Error> {
        let ResponseJson { id, result, error } = bounded_json(json)?;
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let outcome = match (text(result), error) {
            (result, Value::Null) => Outcome::Result(result),
            (result, Value::String(error)) if error.is_empty() => Outcome::Result(result),
            (result, error) if result == AUTH_URL => {
                let url = text(error);
                if !is_web_address(&url) {
                    return Err(Nip46Error::AuthUrl);
                }
                Outcome::AuthUrl(url)
            }
            (_, error) => Outcome::Error(text(error)),
        };
        Ok(Response { id, outcome })
    }
}

/// Says what kind of outcome it is, and a signer's error; a result may be a plaintext.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Result(_) => f.write_str("Result"),
            Outcome::Error(error) => write!(f, "Error({error:?})"),
            Outcome::AuthUrl(_) => f.write_str("AuthUrl"),
        }
    }
}

/// Reads the result of `get_public_key`.
///
/// # Errors
/// `Result` if it is no public key.
pub fn public_key_result(result: &str) -> Result<Pubkey, Nip46Error> {
    Pubkey::from_hex(result).ok_or(Nip46Error::Result(Method::GetPublicKey))
}

/// Reads the result of `sign_event`. The event is still to be verified, and compared with what was to be signed.
///
/// # Errors
/// `Result` if it is no event.
pub fn sign_event_result(result: &str) -> Result<RawEvent, Nip46Error> {
    RawEvent::from_json(result).map_err(|_| Nip46Error::Result(Method::SignEvent))
}

/// Reads the result of `switch_relays`; `None`: nothing is to be changed. Keeps 20 relays.
///
/// # Errors
/// `Result` if it is neither null nor a list with a usable relay.
pub fn switch_relays_result(result: &str) -> Result<Option<Vec<RelayUrl>>, Nip46Error> {
    let error = Nip46Error::Result(Method::SwitchRelays);
    match serde_json::from_str::<Option<Vec<String>>>(result) {
        Ok(None) => Ok(None),
        Ok(Some(relays)) => match usable_relays(relays.iter().map(String::as_str)) {
            relays if relays.is_empty() => Err(error),
            relays => Ok(Some(relays)),
        },
        Err(_) => Err(error),
    }
}

/// The page opens this address, so it may not be a `javascript:` one.
fn is_web_address(url: &str) -> bool {
    let starts = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    (starts("https://") || starts("http://")) && url.len() <= MAX_URL_BYTES && !url.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use crate::nostr::testing::Random;

    const PEER: &str = "fa984bd7dbb282f07e16e7ae87b26a2a7b9b90b7246a44771f0cf5ae58018f52";

    #[test]
    fn responses_of_all_signers_are_read() {
        let result = |text: &str| Ok(Outcome::Result(text.into()));
        for (json, outcome) in [
            (r#"{"id":"1","result":"ack"}"#, result("ack")),
            (r#"{"id":"1","result":"ack","error":null}"#, result("ack")),
            (r#"{"id":"1","result":"ack","error":""}"#, result("ack")),
            (r#"{"id":"1","result":null}"#, result("null")),
            (r#"{"id":"1","result":["wss://a"]}"#, result(r#"["wss://a"]"#)),
            (
                r#"{"id":"1","result":"","error":"no"}"#,
                Ok(Outcome::Error("no".into())),
            ),
            // Where both are set the error counts: a result beside it is not to be trusted.
            (
                r#"{"id":"1","result":"ack","error":"no"}"#,
                Ok(Outcome::Error("no".into())),
            ),
            (
                r#"{"id":"1","result":"AUTH_URL","error":"https://a.example/x"}"#,
                Ok(Outcome::Error("https://a.example/x".into())),
            ),
            (r#"{"id":"1","result":"auth_url"}"#, result("auth_url")),
            (r#"{"id":1,"result":"ack"}"#, Err(Nip46Error::Malformed)),
            (
                r#"{"id":"1","error":{"code":4}}"#,
                Ok(Outcome::Error(r#"{"code":4}"#.into())),
            ),
            (
                r#"{"id":"1","result":"auth_url","error":"https://a.example/x"}"#,
                Ok(Outcome::AuthUrl("https://a.example/x".into())),
            ),
            (
                r#"{"id":"1","result":"auth_url","error":"javascript:alert(1)"}"#,
                Err(Nip46Error::AuthUrl),
            ),
            (r#"{"result":"ack"}"#, Err(Nip46Error::Malformed)),
        ] {
            let read = Response::from_json(json);
            assert_eq!(read.map(|response| response.outcome), outcome, "{json}");
        }
    }

    #[test]
    fn written_responses_are_read_back() {
        for outcome in [
            Outcome::Result("pong".into()),
            Outcome::Error("refused".into()),
            Outcome::AuthUrl("https://a.example".into()),
        ] {
            let response = Response {
                id: "1".into(),
                outcome,
            };
            assert_eq!(Response::from_json(&response.to_json()), Ok(response));
        }
    }

    #[test]
    fn results_are_what_their_method_returns() {
        assert_eq!(public_key_result(PEER), Ok(Pubkey::from_hex(PEER).unwrap()));
        assert_eq!(
            public_key_result("npub1"),
            Err(Nip46Error::Result(Method::GetPublicKey))
        );
        let event = signed(7, 1, 1, &[], "x");
        assert_eq!(sign_event_result(&event.to_json()), Ok(event.into_raw()));
        assert_eq!(sign_event_result("{}"), Err(Nip46Error::Result(Method::SignEvent)));
        let relay = RelayUrl::parse("wss://a.example").unwrap();
        assert_eq!(switch_relays_result("null"), Ok(None));
        assert_eq!(
            switch_relays_result(r#"["wss://A.example/","http://b","wss://a.example"]"#),
            Ok(Some(vec![relay]))
        );
        for bad in ["", "[]", r#"["http://b"]"#, "ack"] {
            let error = Err(Nip46Error::Result(Method::SwitchRelays));
            assert_eq!(switch_relays_result(bad), error, "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_result() {
        assert_eq!(format!("{:?}", Outcome::Result("s3cr3t".into())), "Result");
    }

    #[test]
    fn hostile_responses_never_trip() {
        let mut random = Random(7);
        let response = r#"{"id":"1","result":"auth_url","error":"https://a.example/x"}"#;
        for _ in 0..5_000 {
            if let Ok(Response { outcome, .. }) = Response::from_json(&random.damaged(response)) {
                assert!(!matches!(outcome, Outcome::AuthUrl(url) if !is_web_address(&url)));
            }
            assert!(Response::from_json(&random.text("{}[]\":,idresult0", 60)).is_err());
        }
        assert!(Response::from_json(&"[".repeat(100_000)).is_err());
    }
}
