//! Bytes and messages: the only code that can fail on bytes that came over a port.
//!
//! Messages are FlatBuffers by the schemas in `fbs/`; envelopes for relays are JSON. Every
//! buffer is verified before it is read, and what no message can hold is an error that
//! names the field. Whether a message makes sense is for the role that takes it to say:
//! nothing here checks a signature, a role's limits or who may ask for what.

mod cache;
mod connections;
mod crypto;
mod delivery;
mod filter;
mod generated;
mod kinds;
mod layouts;
mod nostr;
mod page;
mod pipes;
mod publish;
mod relay;
mod report;
#[cfg(test)]
mod samples;
mod signer;
mod stats;
mod verify;

use std::borrow::Cow;

use flatbuffers::{FlatBufferBuilder, InvalidFlatbuffer, UnionWIPOffset, Vector, WIPOffset};
use thiserror::Error;

pub use self::delivery::written_reading;
use self::generated::ferry as fb;
pub use self::nostr::as_stored;
use self::verify::{Step, root};
use crate::message::Nothing;
use crate::nostr::relay_url::{RelayUrl, RelayUrlError};
use crate::nostr::sub_id::{MAX_SUB_ID_CHARS, SubId};

/// The deepest message has four tables inside each other (a tag of an event of a publish's report).
const MAX_DEPTH: usize = 8;
/// Over ten times the tags an event may have, so that a role, which can tell the asker, refuses what is too much.
const MAX_TABLES: usize = 65_536;
/// How much more a message may seem to hold than its bytes.
///
/// Offsets may share what they point to: unbounded, a small buffer could ask for any amount of
/// memory. Nothing of ours is shared but the tables' layouts, which the count includes: that
/// makes a message of many sparse tables seem three to four times its size.
const MAX_EXPANSION: usize = 8;

/// A message that crosses a port.
pub trait Wire: Sized {
    /// The message's bytes, without the router's framing.
    fn encode(&self) -> Vec<u8>;
    /// Reads what `encode` made.
    ///
    /// # Errors
    /// Says what is wrong with bytes that are no such message.
    fn decode(bytes: &[u8]) -> Result<Self, WireError>;
}

impl Wire for Nothing {
    fn encode(&self) -> Vec<u8> {
        match *self {}
    }

    fn decode(_bytes: &[u8]) -> Result<Self, WireError> {
        Err(WireError::Misplaced { content: "a record" })
    }
}

/// Why bytes are not the message they should be.
///
/// Fields are named as in `fbs/`: by table and field, or by the path from the message's own table.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WireError {
    #[error("a batch's record lengths do not add up")]
    Framing,
    #[error("the buffer ends before `{0}` does")]
    Truncated(String),
    #[error("`{0}` is not UTF-8 text with a zero at its end")]
    NotText(String),
    #[error("`{0}` is not aligned")]
    Unaligned(String),
    #[error("union `{0}` has a type without a value, or a value without a type")]
    HalfUnion(String),
    #[error("the buffer has more than {MAX_DEPTH} tables inside each other")]
    TooDeep,
    #[error("the buffer has more than {MAX_TABLES} tables")]
    TooManyTables,
    #[error("the buffer unfolds to more than {MAX_EXPANSION} times its size")]
    TooLarge,
    #[error("the message lacks `{0}`")]
    Missing(Cow<'static, str>),
    #[error("`{field}` has no value {tag}")]
    UnknownTag { field: &'static str, tag: u8 },
    #[error("{content} does not belong on this link")]
    Misplaced { content: &'static str },
    #[error("`{field}`: {error}")]
    BadRelay { field: &'static str, error: RelayUrlError },
    #[error("`{field}` has {chars} characters, not 1 to {MAX_SUB_ID_CHARS}")]
    BadSub { field: &'static str, chars: usize },
    #[error("`TagFilter.letter` {0} is not an ASCII letter")]
    BadLetter(u8),
    #[error("the filter has two lists for `#{0}`")]
    RepeatedLetter(char),
    #[error("the answer holds no rumor")]
    BadRumor,
    /// The reason is the JSON reader's.
    #[error("not an envelope: {0}")]
    BadEnvelope(String),
}

impl WireError {
    /// The error for what was found `invalid` where `steps` lead.
    fn of(invalid: InvalidFlatbuffer, steps: &[Step]) -> WireError {
        use InvalidFlatbuffer as Invalid;
        match invalid {
            Invalid::MissingRequiredField { required, .. } => WireError::Missing(path(steps, &required).into()),
            Invalid::InconsistentUnion { field, .. } => WireError::HalfUnion(path(steps, &field)),
            Invalid::Utf8Error { .. } | Invalid::MissingNullTerminator { .. } => WireError::NotText(path(steps, "")),
            Invalid::Unaligned { .. } => WireError::Unaligned(path(steps, "")),
            Invalid::RangeOutOfBounds { .. } | Invalid::SignedOffsetOutOfBounds { .. } => {
                WireError::Truncated(path(steps, ""))
            }
            Invalid::TooManyTables => WireError::TooManyTables,
            Invalid::ApparentSizeTooLarge => WireError::TooLarge,
            Invalid::DepthLimitReached => WireError::TooDeep,
        }
    }
}

/// The path of a field, such as `content.tags[3].values[0]`.
fn path(steps: &[Step], last: &str) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(name) => push_field(&mut path, name),
            Step::Element(at) => path.push_str(&format!("[{at}]")),
        }
    }
    push_field(&mut path, last);
    if path.is_empty() {
        path.push_str("the message");
    }
    path
}

fn push_field(path: &mut String, name: &str) {
    if !path.is_empty() && !name.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// The bytes of the message whose root table is `root`.
fn finish<T>(mut fbb: FlatBufferBuilder<'_>, root: WIPOffset<T>) -> Vec<u8> {
    fbb.finish_minimal(root);
    // The builder fills its buffer from the end. Moving the bytes to the front costs less than a second buffer.
    let (mut bytes, start) = fbb.collapse();
    bytes.drain(..start);
    bytes
}

/// A message of a single table is at most so long without its strings and vectors.
const TABLE_BYTES: usize = 256;

/// A builder whose buffer need not grow if the strings and vectors of the message take up to `bytes`.
fn builder<'f>(bytes: usize) -> FlatBufferBuilder<'f> {
    FlatBufferBuilder::with_capacity(TABLE_BYTES + bytes)
}

/// `bytes` as a vector, copied at once: `create_vector` takes them one by one.
fn write_bytes<'f>(fbb: &mut FlatBufferBuilder<'f>, bytes: &[u8]) -> WIPOffset<Vector<'f, u8>> {
    // A zero follows them, which no reader sees.
    WIPOffset::new(fbb.create_byte_string(bytes).value())
}

/// `text` unless it is empty, which its absence says as well.
fn write_text<'f>(fbb: &mut FlatBufferBuilder<'f>, text: &str) -> Option<WIPOffset<&'f str>> {
    (!text.is_empty()).then(|| fbb.create_string(text))
}

/// What `write_text` wrote.
fn read_text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

/// The error for a field that this message has and another of the same table has not.
fn missing(field: &'static str) -> WireError {
    WireError::Missing(field.into())
}

/// The error for a union member or an action that is another link's, or, having no `name`, nobody's.
fn misplaced(field: &'static str, name: Option<&'static str>, tag: u8) -> WireError {
    match name {
        Some(content) => WireError::Misplaced { content },
        None => WireError::UnknownTag { field, tag },
    }
}

/// The bytes of a WorkerMessage.
fn worker_message<'f>(
    mut fbb: FlatBufferBuilder<'f>,
    sub: Option<&SubId>,
    relay: Option<&RelayUrl>,
    (content_type, content): (fb::WorkerContent, WIPOffset<UnionWIPOffset>),
) -> Vec<u8> {
    let args = fb::WorkerMessageArgs {
        sub: sub.map(|sub| fbb.create_string(sub.as_str())),
        relay: relay.map(|relay| fbb.create_string(relay.as_str())),
        content_type,
        content: Some(content),
    };
    let message = fb::WorkerMessage::create(&mut fbb, &args);
    finish(fbb, message)
}

impl<'a> fb::WorkerMessage<'a> {
    fn read_sub(&self) -> Result<SubId, WireError> {
        nostr::read_sub("WorkerMessage.sub", self.sub())
    }

    fn read_relay(&self) -> Result<RelayUrl, WireError> {
        nostr::read_relay("WorkerMessage.relay", self.relay())
    }

    fn misplaced(&self) -> WireError {
        let content = self.content_type();
        misplaced("WorkerMessage.content", content.variant_name(), content.0)
    }
}

/// Both ways between an enum of the messages and its scalar in the schemas, from one list.
macro_rules! scalar_enum {
    ($name:ident: $($variant:ident),+) => {
        impl From<$name> for fb::$name {
            fn from(value: $name) -> fb::$name {
                match value {
                    $($name::$variant => fb::$name::$variant,)+
                }
            }
        }
        impl TryFrom<fb::$name> for $name {
            type Error = WireError;
            fn try_from(value: fb::$name) -> Result<$name, WireError> {
                match value {
                    $(fb::$name::$variant => Ok($name::$variant),)+
                    fb::$name(tag) => Err(WireError::UnknownTag { field: stringify!($name), tag }),
                }
            }
        }
    };
}
use scalar_enum;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::samples::{Samples, Seeded};
    use super::*;
    use crate::message::*;

    /// Calls `$check::<T>` with `$arguments` for each message enum `T`.
    macro_rules! for_each_message {
        ($check:ident, $arguments:tt) => {
            for_each_message!($check, $arguments:
                PageToParser, PageToConnections, PageToCache, PageToCryptoControl, PageToCrypto,
                ParserToPage, ParserReport, RoleReport, CryptoToPage, ConnectionStatus,
                ParserToCache, CacheToParser, Envelope, RelayMessage, ParserToConnections,
                ParserToCrypto, CryptoToParser)
        };
        ($check:ident, $arguments:tt: $($message:ty),+) => { $($check::<$message>$arguments;)+ };
    }

    #[test]
    fn every_message_goes_there_and_back() {
        fn check<T: Samples>() {
            for message in T::small() {
                assert_eq!(T::decode(&message.encode()), Ok(message));
            }
            for message in T::large() {
                // Not `assert_eq`, which would print megabytes.
                match T::decode(&message.encode()) {
                    Ok(decoded) => assert!(decoded == message, "{}", std::any::type_name::<T>()),
                    Err(error) => panic!("{}: {error}", std::any::type_name::<T>()),
                }
            }
        }
        for_each_message!(check, ());
    }

    /// Decodes, and checks that what decodes is what its encoding decodes to.
    fn survives<T: Wire + Debug + PartialEq>(bytes: &[u8]) -> bool {
        let Ok(message) = T::decode(bytes) else { return false };
        assert_eq!(T::decode(&message.encode()), Ok(message));
        true
    }

    #[test]
    fn random_bytes_are_an_error_or_a_message_and_no_panic() {
        fn check<T: Samples>(seeded: &mut Seeded) {
            for _ in 0..4_000 {
                let length = seeded.below(160);
                // Small numbers are offsets that point somewhere.
                let range = if seeded.below(2) == 0 { 256 } else { 32 };
                let bytes: Vec<u8> = (0..length).map(|_| seeded.below(range) as u8).collect();
                survives::<T>(&bytes);
            }
        }
        let mut seeded = Seeded::new(1);
        for_each_message!(check, (&mut seeded));
    }

    #[test]
    fn changed_messages_are_an_error_or_another_message_and_no_panic() {
        fn check<T: Samples>(seeded: &mut Seeded) {
            let originals: Vec<_> = T::small().iter().map(Wire::encode).collect();
            let mut survived = 0;
            for _ in 0..8_000 {
                let mut bytes = originals[seeded.below(originals.len())].clone();
                for _ in 0..=seeded.below(4) {
                    seeded.change(&mut bytes);
                }
                survived += usize::from(survives::<T>(&bytes));
            }
            // Otherwise the changes would try nothing but the verifier.
            assert!(survived > 100, "{survived} of {}", std::any::type_name::<T>());
        }
        let mut seeded = Seeded::new(2);
        for_each_message!(check, (&mut seeded));
    }

    #[test]
    fn a_message_of_another_link_is_an_error_or_a_message_and_no_panic() {
        fn check<T: Samples>(others: &[Vec<u8>]) {
            for other in others {
                survives::<T>(other);
            }
        }
        fn collect<T: Samples>(into: &mut Vec<Vec<u8>>) {
            into.extend(T::small().iter().map(Wire::encode));
        }
        let mut all = Vec::new();
        for_each_message!(collect, (&mut all));
        for_each_message!(check, (&all));
    }

    #[test]
    fn a_message_cut_short_is_an_error() {
        fn check<T: Samples>() {
            for message in T::small() {
                let bytes = message.encode();
                for length in 0..bytes.len() {
                    // A last few bytes may be padding.
                    if T::decode(&bytes[..length]).is_ok() {
                        assert!(length + 8 > bytes.len(), "{length} of {} for {message:?}", bytes.len());
                    }
                }
            }
        }
        for_each_message!(check, ());
    }

    #[test]
    fn what_is_not_this_links_is_named() {
        let subscribe = PageToParser::Subscribe {
            sub: SubId::new("s").unwrap(),
            subscribe: Subscribe::default(),
        };
        let misplaced = |content| WireError::Misplaced { content };
        let bytes = subscribe.encode();
        assert_eq!(PageToConnections::decode(&bytes), Err(misplaced("Subscribe")));
        assert_eq!(PageToCache::decode(&bytes), Err(misplaced("Subscribe")));
        let online = PageToConnections::Online.encode();
        assert_eq!(PageToParser::decode(&online), Err(misplaced("Online")));
        let secret = PageToCrypto::Logout { request: RequestId(1) }.encode();
        assert_eq!(ParserToCrypto::decode(&secret), Err(misplaced("Logout")));
        let auth = CryptoToPage::AuthUrl { url: "x".into() }.encode();
        assert_eq!(CryptoToParser::decode(&auth), Err(misplaced("AuthUrl")));
        let all = ParserToPage::EoseAll.encode();
        assert_eq!(CacheToParser::decode(&all), Err(misplaced("Eose")));
    }

    #[test]
    fn an_error_names_the_path_of_the_field() {
        let sub = SubId::new("s").unwrap();
        let message = CacheToParser::Refilled {
            sub: sub.clone(),
            event: samples::event(),
        }
        .encode();
        let changed = |from: &[u8], to: &[u8]| {
            let at = memchr::memmem::find(&message, from).unwrap();
            let mut bytes = message.clone();
            bytes[at..at + to.len()].copy_from_slice(to);
            CacheToParser::decode(&bytes)
        };
        // The event's second tag is ["e", "second value"].
        let not_text = |path: &str| Err(WireError::NotText(path.into()));
        assert_eq!(
            changed(b"second value", b"\xff"),
            not_text("content.event.tags[1].values[1]")
        );
        assert_eq!(
            changed(b"value\0", b"value!"),
            not_text("content.event.tags[1].values[1]")
        );
        let truncated = |path: &str| Err(WireError::Truncated(path.into()));
        assert_eq!(
            changed(b"\x0c\0\0\0second", b"\xff"),
            truncated("content.event.tags[1].values[1]")
        );
        // A buffer of its own inside a message has paths of its own.
        let event = samples::event();
        let mut stored = CacheToParser::Event { sub, event }.encode();
        let at = memchr::memmem::find(&stored, b"second value").unwrap();
        stored[at] = 0xff;
        assert_eq!(CacheToParser::decode(&stored), not_text("tags[1].values[1]"));
        assert_eq!(CacheToParser::decode(&[]), truncated("the message"));
        let missing = WireError::Missing("content".into());
        let mut fbb = builder(0);
        let table = fb::CacheRequest::create(&mut fbb, &fb::CacheRequestArgs::default());
        assert_eq!(CacheToParser::decode(&finish(fbb, table)), Err(missing));
    }

    #[test]
    fn what_is_absent_or_out_of_range_is_named() {
        let request = |args: &dyn Fn(&mut FlatBufferBuilder<'static>) -> fb::CacheRequestArgs<'static>| {
            let mut fbb = builder(0);
            let args = args(&mut fbb);
            let table = fb::CacheRequest::create(&mut fbb, &args);
            ParserToCache::decode(&finish(fbb, table)).unwrap_err()
        };
        let missing = |field: &'static str| WireError::Missing(field.into());
        assert_eq!(
            request(&|_| fb::CacheRequestArgs::default()),
            missing("CacheRequest.sub")
        );
        let action = |action| fb::CacheRequestArgs {
            action,
            ..Default::default()
        };
        assert_eq!(
            request(&|_| action(fb::CacheAction::Save)),
            missing("CacheRequest.event")
        );
        let unknown = |field, tag| WireError::UnknownTag { field, tag };
        assert_eq!(
            request(&|_| action(fb::CacheAction(9))),
            unknown("CacheRequest.action", 9)
        );
        let lookup = |fbb: &mut FlatBufferBuilder<'static>| fb::CacheRequestArgs {
            sub: Some(fbb.create_string("s")),
            ..Default::default()
        };
        assert_eq!(
            request(&|fbb| fb::CacheRequestArgs {
                policy: fb::CachePolicy(5),
                ..lookup(fbb)
            }),
            unknown("CachePolicy", 5)
        );
        assert_eq!(
            request(&|fbb| fb::CacheRequestArgs {
                sub: Some(fbb.create_string("")),
                ..Default::default()
            }),
            WireError::BadSub {
                field: "CacheRequest.sub",
                chars: 0
            }
        );
        assert_eq!(
            request(&|fbb| {
                let relay = fbb.create_string("https://relay.example");
                fb::CacheRequestArgs {
                    relays: Some(fbb.create_vector(&[relay])),
                    ..lookup(fbb)
                }
            }),
            WireError::BadRelay {
                field: "CacheRequest.relays",
                error: RelayUrlError::Scheme
            }
        );
    }

    #[test]
    fn a_small_buffer_cannot_ask_for_much_memory() {
        let event = |tags: &dyn Fn(&mut FlatBufferBuilder<'static>) -> Vec<WIPOffset<fb::Tag<'static>>>| {
            let mut fbb = builder(0);
            let tags = tags(&mut fbb);
            let args = fb::TemplateArgs {
                tags: Some(fbb.create_vector(&tags)),
                content: Some(fbb.create_string("")),
                ..Default::default()
            };
            let template = Some(fb::Template::create(&mut fbb, &args));
            let args = fb::SignerRequestArgs {
                action: fb::SignerAction::SignEvent,
                template,
                ..Default::default()
            };
            let request = fb::SignerRequest::create(&mut fbb, &args);
            ParserToCrypto::decode(&finish(fbb, request)).unwrap_err()
        };
        let shared = |fbb: &mut FlatBufferBuilder<'static>| {
            let value = fbb.create_string(&"x".repeat(1_000));
            let values = Some(fbb.create_vector(&[value]));
            vec![fb::Tag::create(fbb, &fb::TagArgs { values }); 1_000]
        };
        assert_eq!(event(&shared), WireError::TooLarge);
        let many = |fbb: &mut FlatBufferBuilder<'static>| {
            let empty = fb::TagArgs { values: None };
            (0..MAX_TABLES).map(|_| fb::Tag::create(fbb, &empty)).collect()
        };
        assert_eq!(event(&many), WireError::TooManyTables);
    }

    #[test]
    fn the_buffer_of_an_event_need_not_grow() {
        let grew = |message: Vec<u8>, room: usize| message.capacity() != TABLE_BYTES + room;
        for event in [samples::event(), samples::large_event()] {
            let (sub, relay, json) = (samples::sub(), samples::relay(), event.to_json());
            let sub_bytes = nostr::text_bytes(sub.as_str());
            let relay_bytes = nostr::text_bytes(relay.as_str());
            let room = nostr::event_bytes(&event);
            let raw_room = sub_bytes + relay_bytes + nostr::text_bytes(&json);
            let delivery = Delivery {
                event: event.clone(),
                source: ShardSource::Network,
                relays: vec![relay.clone()],
                reading: None,
                written: None,
            };
            let delivery_room = room + nostr::relays_bytes(&delivery.relays);
            assert!(!grew(
                RelayMessage::Event {
                    relay,
                    sub: sub.clone(),
                    json
                }
                .encode(),
                raw_room
            ));
            assert!(!grew(
                ParserToCache::Save {
                    event: event.clone(),
                    relays: vec![]
                }
                .encode(),
                room
            ));
            assert!(!grew(ParserToPage::Event(delivery.clone()).encode(), delivery_room));
            let event = as_stored(&event);
            let stored_room = event.written().unwrap().len();
            let stored = Delivery {
                event: event.clone(),
                source: ShardSource::Cache,
                relays: vec![],
                ..delivery
            };
            assert!(!grew(ParserToPage::Event(stored).encode(), stored_room + 8));
            assert!(!grew(
                CacheToParser::Event { sub, event }.encode(),
                stored_room + sub_bytes
            ));
        }
    }
}
