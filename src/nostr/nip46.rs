//! Remote signing (NIP-46), the pure part: requests here, answers in `response`, connection URLs in `url`.
//!
//! Neither encrypts nor sends: the messages travel as NIP-44 in the content of `envelope`'s event.
//! Nothing here prints a secret or a plaintext.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::event::{Pubkey, Tag, UnsignedEvent};
use super::kind::Kind;
use super::nip44;
use super::relay_url::RelayUrl;
use crate::time::UnixSeconds;

pub mod response;
pub mod url;

/// The kind of the events that carry requests and responses.
pub const KIND: Kind = Kind(24133);
/// How many relays of a URL or a `switch_relays` result are kept.
pub const MAX_RELAYS: usize = 20;
const MAX_PERMISSIONS: usize = 200;

/// Why a message or a URL is not what NIP-46 describes.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Nip46Error {
    #[error("the message or URL is too long")]
    TooLong,
    #[error("not a NIP-46 message")]
    Malformed,
    /// To be answered with an error under this id.
    #[error("the method is unknown")]
    UnknownMethod { id: String },
    /// To be answered with an error under this id.
    #[error("the parameters of {method} are wrong")]
    Params { id: String, method: Method },
    #[error("the result is not what {0} returns")]
    Result(Method),
    #[error("the address to confirm at is not a web address")]
    AuthUrl,
    #[error("the URL does not start with {0}")]
    Scheme(&'static str),
    #[error("the URL names no public key: it is like bunker://<64 characters of hex>?relay=wss://…")]
    UrlPubkey,
    #[error("the URL names no relay that can be used: it needs one like &relay=wss://relay.example.com")]
    NoRelay,
    #[error("the URL has no secret")]
    NoSecret,
}

macro_rules! methods {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// What a client can ask of a remote signer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Method { $($variant),* }

        impl Method {
            /// Every method of the NIP.
            pub const ALL: &'static [Method] = &[$(Method::$variant),*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Method::$variant => $name),* }
            }

            /// The method called `name`, if the NIP has it.
            pub fn from_name(name: &str) -> Option<Method> {
                match name { $($name => Some(Method::$variant),)* _ => None }
            }
        }
    };
}

methods! {
    Connect "connect",
    SignEvent "sign_event",
    Ping "ping",
    GetPublicKey "get_public_key",
    Nip04Encrypt "nip04_encrypt",
    Nip04Decrypt "nip04_decrypt",
    Nip44Encrypt "nip44_encrypt",
    Nip44Decrypt "nip44_decrypt",
    SwitchRelays "switch_relays",
    Logout "logout",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One permission that a client asks for: `method`, or `sign_event:kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    Method(Method),
    SignKind(Kind),
    /// One that this NIP does not define, kept as it was written.
    Other(String),
}

impl Permission {
    /// Reads a comma-separated list; at most 200 are kept.
    pub fn parse_list(text: &str) -> Vec<Permission> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.take(MAX_PERMISSIONS).map(Permission::parse).collect()
    }

    /// Writes a comma-separated list.
    pub fn join(list: &[Permission]) -> String {
        list.iter().map(Permission::to_string).collect::<Vec<_>>().join(",")
    }

    fn parse(text: &str) -> Permission {
        let kind = text.strip_prefix("sign_event:").and_then(|kind| kind.parse().ok());
        match (Method::from_name(text), kind) {
            (Some(method), _) => Permission::Method(method),
            (None, Some(kind)) => Permission::SignKind(Kind(kind)),
            (None, None) => Permission::Other(text.to_owned()),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Permission::Method(method) => f.write_str(method.name()),
            Permission::SignKind(kind) => write!(f, "sign_event:{}", kind.0),
            Permission::Other(text) => f.write_str(text),
        }
    }
}

/// What a client says of itself. Unauthenticated: a hint to display.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMetadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// What is to be signed. The NIP leaves `pubkey` out; send it, for some signers need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTemplate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pubkey: Option<Pubkey>,
    pub created_at: UnixSeconds,
    pub kind: Kind,
    pub tags: Vec<Tag>,
    pub content: String,
}

/// A request's method and parameters. `peer` is the other party of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    Connect {
        remote_signer: Pubkey,
        secret: Option<Zeroizing<String>>,
        perms: Vec<Permission>,
        metadata: Option<ClientMetadata>,
    },
    SignEvent(EventTemplate),
    Ping,
    GetPublicKey,
    Nip04Encrypt {
        peer: Pubkey,
        plaintext: String,
    },
    Nip04Decrypt {
        peer: Pubkey,
        ciphertext: String,
    },
    Nip44Encrypt {
        peer: Pubkey,
        plaintext: String,
    },
    Nip44Decrypt {
        peer: Pubkey,
        ciphertext: String,
    },
    SwitchRelays,
    Logout,
}

/// One request, from client to remote signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Random; the response repeats it.
    pub id: String,
    pub command: Command,
}

#[derive(Serialize, Deserialize)]
struct RequestJson {
    id: String,
    method: String,
    #[serde(default)]
    params: Vec<String>,
}

impl Request {
    /// The JSON to encrypt.
    pub fn to_json(&self) -> Zeroizing<String> {
        let json = RequestJson {
            id: self.id.clone(),
            method: self.command.method().name().to_owned(),
            params: self.command.params(),
        };
        Zeroizing::new(serde_json::to_string(&json).unwrap_or_default())
    }

    /// Reads a decrypted request.
    ///
    /// # Errors
    /// `Malformed` if it cannot be answered; `UnknownMethod` and `Params` carry the id to answer under.
    pub fn from_json(json: &str) -> Result<Request, Nip46Error> {
        let request: RequestJson = bounded_json(json)?;
        let id = request.id;
        let Some(method) = Method::from_name(&request.method) else {
            return Err(Nip46Error::UnknownMethod { id });
        };
        match Command::from_params(method, request.params) {
            Some(command) => Ok(Request { id, command }),
            None => Err(Nip46Error::Params { id, method }),
        }
    }
}

impl Command {
    /// The method that this command is a call of.
    pub fn method(&self) -> Method {
        match self {
            Command::Connect { .. } => Method::Connect,
            Command::SignEvent(_) => Method::SignEvent,
            Command::Ping => Method::Ping,
            Command::GetPublicKey => Method::GetPublicKey,
            Command::Nip04Encrypt { .. } => Method::Nip04Encrypt,
            Command::Nip04Decrypt { .. } => Method::Nip04Decrypt,
            Command::Nip44Encrypt { .. } => Method::Nip44Encrypt,
            Command::Nip44Decrypt { .. } => Method::Nip44Decrypt,
            Command::SwitchRelays => Method::SwitchRelays,
            Command::Logout => Method::Logout,
        }
    }

    fn params(&self) -> Vec<String> {
        match self {
            Command::Connect {
                remote_signer,
                secret,
                perms,
                metadata,
            } => {
                let metadata = metadata.as_ref().and_then(|m| serde_json::to_string(m).ok());
                let mut params = vec![
                    remote_signer.to_string(),
                    secret.as_ref().map(|s| s.to_string()).unwrap_or_default(),
                    Permission::join(perms),
                    metadata.unwrap_or_default(),
                ];
                // Positional and optional: empty ones hold a place only before a later one.
                while params.len() > 1 && params.last().is_some_and(String::is_empty) {
                    params.pop();
                }
                params
            }
            Command::SignEvent(template) => vec![serde_json::to_string(template).unwrap_or_default()],
            Command::Nip04Encrypt { peer, plaintext: text }
            | Command::Nip04Decrypt { peer, ciphertext: text }
            | Command::Nip44Encrypt { peer, plaintext: text }
            | Command::Nip44Decrypt { peer, ciphertext: text } => vec![peer.to_string(), text.clone()],
            Command::Ping | Command::GetPublicKey | Command::SwitchRelays | Command::Logout => vec![],
        }
    }

    fn from_params(method: Method, params: Vec<String>) -> Option<Command> {
        let mut params = params.into_iter();
        match method {
            Method::Connect => Command::connect_from(params),
            Method::SignEvent => serde_json::from_str(&params.next()?).ok().map(Command::SignEvent),
            Method::Ping => Some(Command::Ping),
            Method::GetPublicKey => Some(Command::GetPublicKey),
            Method::SwitchRelays => Some(Command::SwitchRelays),
            Method::Logout => Some(Command::Logout),
            Method::Nip04Encrypt => {
                peer_and_text(params).map(|(peer, plaintext)| Command::Nip04Encrypt { peer, plaintext })
            }
            Method::Nip04Decrypt => {
                peer_and_text(params).map(|(peer, ciphertext)| Command::Nip04Decrypt { peer, ciphertext })
            }
            Method::Nip44Encrypt => {
                peer_and_text(params).map(|(peer, plaintext)| Command::Nip44Encrypt { peer, plaintext })
            }
            Method::Nip44Decrypt => {
                peer_and_text(params).map(|(peer, ciphertext)| Command::Nip44Decrypt { peer, ciphertext })
            }
        }
    }

    fn connect_from(mut params: impl Iterator<Item = String>) -> Option<Command> {
        Some(Command::Connect {
            remote_signer: Pubkey::from_hex(&params.next()?)?,
            secret: params.next().filter(|s| !s.is_empty()).map(Zeroizing::new),
            perms: Permission::parse_list(&params.next().unwrap_or_default()),
            // A hint only: one that cannot be read is no reason to refuse.
            metadata: params.next().and_then(|m| serde_json::from_str(&m).ok()),
        })
    }
}

/// Says the method; the parameters are secrets and plaintexts.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.method())
    }
}

/// The event that carries a message: to be signed by `from`, its content NIP-44 between the two.
pub fn envelope(from: Pubkey, to: &Pubkey, ciphertext: String, created_at: UnixSeconds) -> UnsignedEvent {
    UnsignedEvent {
        pubkey: from,
        created_at,
        kind: KIND,
        tags: vec![vec!["p".into(), to.to_string()]],
        content: ciphertext,
    }
}

fn peer_and_text(mut params: impl Iterator<Item = String>) -> Option<(Pubkey, String)> {
    Some((Pubkey::from_hex(&params.next()?)?, params.next()?))
}

fn usable_relays<'a>(relays: impl Iterator<Item = &'a str>) -> Vec<RelayUrl> {
    let mut kept: Vec<RelayUrl> = Vec::new();
    for relay in relays.filter_map(|relay| RelayUrl::parse(relay).ok()) {
        if kept.len() < MAX_RELAYS && !kept.contains(&relay) {
            kept.push(relay);
        }
    }
    kept
}

fn bounded_json<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Nip46Error> {
    if json.len() > nip44::MAX_PLAINTEXT_BYTES {
        return Err(Nip46Error::TooLong);
    }
    // serde's own message may quote the input, which may be secret.
    serde_json::from_str(json).map_err(|_| Nip46Error::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::testing::Random;

    const PEER: &str = "fa984bd7dbb282f07e16e7ae87b26a2a7b9b90b7246a44771f0cf5ae58018f52";

    fn peer() -> Pubkey {
        Pubkey::from_hex(PEER).unwrap()
    }

    fn connect(secret: Option<&str>, perms: &str, name: Option<&str>) -> Command {
        Command::Connect {
            remote_signer: peer(),
            secret: secret.map(|secret| Zeroizing::new(secret.into())),
            perms: Permission::parse_list(perms),
            metadata: name.map(|name| ClientMetadata {
                name: Some(name.into()),
                ..ClientMetadata::default()
            }),
        }
    }

    fn json_of(command: Command) -> String {
        let id = "1".into();
        Request { id, command }.to_json().to_string()
    }

    #[test]
    fn requests_are_written_as_the_nip_has_them() {
        let template = EventTemplate {
            pubkey: None,
            created_at: UnixSeconds(1_714_078_911),
            kind: Kind(1),
            tags: vec![],
            content: "Hello, I'm signing remotely".into(),
        };
        for (command, method, params) in [
            (connect(None, "", None), "connect", format!("\"{PEER}\"")),
            (connect(Some("s"), "", None), "connect", format!("\"{PEER}\",\"s\"")),
            (
                connect(None, "sign_event:4", None),
                "connect",
                format!("\"{PEER}\",\"\",\"sign_event:4\""),
            ),
            (
                connect(None, "", Some("n")),
                "connect",
                format!(r#""{PEER}","","","{{\"name\":\"n\"}}""#),
            ),
            (
                Command::SignEvent(template),
                "sign_event",
                r#""{\"created_at\":1714078911,\"kind\":1,\"tags\":[],\"content\":\"Hello, I'm signing remotely\"}""#
                    .into(),
            ),
            (Command::Ping, "ping", String::new()),
            (Command::GetPublicKey, "get_public_key", String::new()),
            (
                Command::Nip44Encrypt {
                    peer: peer(),
                    plaintext: "p".into(),
                },
                "nip44_encrypt",
                format!("\"{PEER}\",\"p\""),
            ),
            (Command::SwitchRelays, "switch_relays", String::new()),
            (Command::Logout, "logout", String::new()),
        ] {
            let json = format!(r#"{{"id":"1","method":"{method}","params":[{params}]}}"#);
            assert_eq!(json_of(command.clone()), json);
            assert_eq!(Request::from_json(&json).map(|request| request.command), Ok(command));
        }
    }

    #[test]
    fn every_method_has_one_name_and_one_command() {
        for method in Method::ALL {
            assert_eq!(Method::from_name(method.name()), Some(*method));
            let params = match method {
                Method::SignEvent => vec![r#"{"created_at":1,"kind":1,"tags":[],"content":""}"#.into()],
                _ => vec![PEER.into(), "x".into()],
            };
            let command = Command::from_params(*method, params).unwrap();
            assert_eq!(command.method(), *method);
            let json = json_of(command.clone());
            assert_eq!(Request::from_json(&json).map(|request| request.command), Ok(command));
        }
    }

    #[test]
    fn a_request_that_can_be_answered_says_under_which_id() {
        for (json, error) in [
            ("", Nip46Error::Malformed),
            ("[]", Nip46Error::Malformed),
            (r#"{"id":1,"method":"ping"}"#, Nip46Error::Malformed),
            (
                r#"{"id":"7","method":"create_account","params":["x"]}"#,
                Nip46Error::UnknownMethod { id: "7".into() },
            ),
            (
                r#"{"id":"7","method":"nip04_decrypt","params":["x","y"]}"#,
                Nip46Error::Params {
                    id: "7".into(),
                    method: Method::Nip04Decrypt,
                },
            ),
            (
                r#"{"id":"7","method":"sign_event","params":["{}"]}"#,
                Nip46Error::Params {
                    id: "7".into(),
                    method: Method::SignEvent,
                },
            ),
            (&" ".repeat(nip44::MAX_PLAINTEXT_BYTES + 1), Nip46Error::TooLong),
        ] {
            assert_eq!(Request::from_json(json), Err(error));
        }
    }

    #[test]
    fn unknown_permissions_are_kept_as_written() {
        let list = "ping, sign_event ,sign_event:4,,get_relays,sign_event:x";
        let perms = Permission::parse_list(list);
        assert_eq!(
            perms,
            [
                Permission::Method(Method::Ping),
                Permission::Method(Method::SignEvent),
                Permission::SignKind(Kind(4)),
                Permission::Other("get_relays".into()),
                Permission::Other("sign_event:x".into()),
            ]
        );
        assert_eq!(
            Permission::join(&perms),
            "ping,sign_event,sign_event:4,get_relays,sign_event:x"
        );
        assert_eq!(Permission::parse_list(&"ping,".repeat(1_000)).len(), MAX_PERMISSIONS);
    }

    #[test]
    fn debug_shows_no_secret_and_no_plaintext() {
        let request = Request {
            id: "1".into(),
            command: connect(Some("s3cr3t"), "", None),
        };
        assert_eq!(
            format!("{request:?}"),
            r#"Request { id: "1", command: Command(connect) }"#
        );
    }

    #[test]
    fn the_envelope_is_addressed_to_the_other_side() {
        let event = envelope(Pubkey([1; 32]), &peer(), "c".into(), UnixSeconds(5));
        assert_eq!((event.kind, event.created_at), (Kind(24133), UnixSeconds(5)));
        assert_eq!(event.tags, [["p", PEER]]);
    }

    #[test]
    fn hostile_messages_never_trip() {
        let mut random = Random(6);
        let request = json_of(connect(Some("s"), "ping", Some("n")));
        for _ in 0..5_000 {
            if let Ok(read) = Request::from_json(&random.damaged(&request)) {
                assert_eq!(Request::from_json(&read.to_json()), Ok(read));
            }
            let noise = random.text("{}[]\":,idresultmethod0", 60);
            assert!(Request::from_json(&noise).is_err());
        }
    }
}
