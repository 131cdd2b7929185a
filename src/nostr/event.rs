//! Events (NIP-01): decoding, the id, and the types that say how far an event has been checked.
//!
//! `RawEvent` is what a relay claims. `RawEvent::hash` proves the id and gives a
//! `HashedEvent`; a good signature turns that into an `Event`, the only type
//! that stores and pages are given. Unsigned inner events (NIP-59) are another type.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, OnceLock};

use memchr::memmem::Finder;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::hex;
use super::kind::Kind;
use super::schnorr::{self, Claim};
use crate::time::UnixSeconds;

/// Most events reach a relay within so many seconds of their `created_at`.
pub const NEAR_SECONDS: u64 = 120;

macro_rules! hex_newtype {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Reads lower-case hex of the exact length.
            pub fn from_hex(text: &str) -> Option<Self> {
                hex::decode(text).map($name)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                $name::from_hex(&text)
                    .ok_or_else(|| de::Error::custom(concat!("expected lower-case hex of ", $length, " bytes")))
            }
        }
    };
}

hex_newtype!(
    /// SHA-256 of an event's canonical serialisation (NIP-01).
    EventId, 32
);
hex_newtype!(
    /// An author's x-only secp256k1 public key (BIP-340).
    Pubkey, 32
);
hex_newtype!(
    /// A BIP-340 signature over an event's id.
    Signature, 64
);

/// One tag: its name first, then its values.
pub type Tag = Vec<String>;

/// What is signed: an event without id and signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedEvent {
    pub pubkey: Pubkey,
    pub created_at: UnixSeconds,
    pub kind: Kind,
    pub tags: Vec<Tag>,
    pub content: String,
}

/// An event as somebody claims it to be. Neither id nor signature has been checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawEvent {
    pub id: EventId,
    pub pubkey: Pubkey,
    pub created_at: UnixSeconds,
    pub kind: Kind,
    #[serde(deserialize_with = "bounded_tags")]
    pub tags: Vec<Tag>,
    pub content: String,
    pub sig: Signature,
}

/// An event whose id is the hash of its content. Its signature has not been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedEvent(RawEvent);

/// An event whose id and signature hold. Stores and pages see no other.
///
/// Cloning it is cheap: one event goes to the store and to every subscription that wants it.
#[derive(Clone)]
pub struct Event(Form);

#[derive(Clone)]
enum Form {
    Read(Arc<RawEvent>),
    Written(Arc<Unread>),
}

/// An event as `wire` writes it, read once somebody wants more of it than its id and kind.
struct Unread {
    id: EventId,
    kind: Kind,
    written: Box<dyn Written>,
    raw: OnceLock<Box<RawEvent>>,
}

/// An event in the bytes in which it goes from one role to another, which have been found to hold one.
pub(crate) trait Written: Send + Sync {
    fn bytes(&self) -> &[u8];
    fn read(&self) -> RawEvent;
    /// Whether any tag's name and first value are what `is_it` looks for.
    fn any_tag(&self, is_it: &mut dyn FnMut(&str, &str) -> bool) -> bool;
}

/// Why a text or a claimed event is not an event.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EventError {
    #[error("event of {0} bytes is over the limit of {MAX_EVENT_BYTES}")]
    TooLong(usize),
    #[error("not an event: {0}")]
    Malformed(String),
    #[error("the id is not the hash of the event")]
    IdMismatch,
    #[error("the signature does not match the id and the pubkey")]
    BadSignature,
}

/// The largest event that is taken, in bytes of its JSON.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;
/// The most tags of one: the largest contact lists have some thousands.
pub const MAX_TAGS: usize = 5_000;

impl RawEvent {
    /// Reads one event object from JSON. Unknown members are ignored.
    ///
    /// # Errors
    /// `TooLong` over 256 KiB; `Malformed` for anything that is not the object NIP-01
    /// describes, including a member given twice, over 5,000 tags or hex in upper case.
    pub fn from_json(json: &str) -> Result<RawEvent, EventError> {
        if json.len() > MAX_EVENT_BYTES {
            return Err(EventError::TooLong(json.len()));
        }
        // A derived reader takes a struct's members from an array too, and NIP-01 has no such event.
        if !json.trim_start().starts_with('{') {
            return Err(EventError::Malformed("expected an object".into()));
        }
        serde_json::from_str(json).map_err(|error| EventError::Malformed(error.to_string()))
    }

    /// The NIP-01 object as JSON text.
    pub fn to_json(&self) -> String {
        // Strings, numbers and arrays of them always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Recomputes the id.
    ///
    /// Relays and clients disagree on control characters other than the seven that
    /// NIP-01 lists: most escape them as JSON does, the NIP's letter leaves them as
    /// they are. Either commits to the same content, so either is taken.
    ///
    /// # Errors
    /// `IdMismatch` if the claimed id is neither.
    pub fn hash(self) -> Result<HashedEvent, EventError> {
        let id = self.id;
        let matches = canonical_id(&self, Control::Escaped) == id
            || (self.has_odd_control() && canonical_id(&self, Control::Verbatim) == id);
        if matches {
            Ok(HashedEvent(self))
        } else {
            Err(EventError::IdMismatch)
        }
    }

    /// Checks id and signature, one at a time. What comes in numbers is checked in batches instead.
    ///
    /// # Errors
    /// `IdMismatch`, `BadSignature`.
    pub fn verify(self) -> Result<Event, EventError> {
        let hashed = self.hash()?;
        let raw = &hashed.0;
        if schnorr::verify(&raw.id, &raw.pubkey, &raw.sig) {
            Ok(hashed.accept())
        } else {
            Err(EventError::BadSignature)
        }
    }

    /// Whether any tag's name and first value are what `is_it` looks for.
    pub fn any_tag(&self, is_it: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        self.tags.iter().any(|tag| match tag.as_slice() {
            [name, value, ..] => is_it(name, value),
            _ => false,
        })
    }

    /// The first value of the first `d` tag, or "" (NIP-01 addressable events).
    pub fn d_tag(&self) -> &str {
        self.tag_value("d").unwrap_or("")
    }

    /// The first value of the first tag called `name`.
    pub fn tag_value(&self, name: &str) -> Option<&str> {
        self.tags
            .iter()
            .find(|tag| tag.first().is_some_and(|n| n == name))?
            .get(1)
            .map(String::as_str)
    }

    /// All tags called `name`, in order.
    pub fn tags_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Tag> {
        self.tags
            .iter()
            .filter(move |tag| tag.first().is_some_and(|n| n == name))
    }

    /// When the event is to vanish (NIP-40), if it says so.
    pub fn expiration(&self) -> Option<UnixSeconds> {
        // `parse` takes a plus sign, a timestamp does not.
        let at = self.tag_value("expiration").filter(|at| !at.starts_with('+'))?;
        at.parse().ok().map(UnixSeconds)
    }

    fn has_odd_control(&self) -> bool {
        let odd = |s: &str| s.bytes().any(|b| b < 0x20 && !matches!(b, 8 | 9 | 10 | 12 | 13));
        odd(&self.content) || self.tags.iter().flatten().any(|value| odd(value))
    }
}

impl HashedEvent {
    /// What is to be checked of it.
    pub fn claim(&self) -> Claim {
        Claim {
            id: self.id,
            pubkey: self.pubkey,
            sig: self.sig,
        }
    }

    /// Takes the event as verified.
    ///
    /// Call it only on the crypto role's good verdict for this very id, pubkey and
    /// signature, or where the page chose `verify: "none"`; the callers are `parser/verify.rs` and `cache/import.rs`.
    pub(crate) fn accept(self) -> Event {
        Event::trusted(self.0)
    }

    /// The same content under another signature, for a copy that came from another relay.
    pub(crate) fn with_signature(mut self, sig: Signature) -> HashedEvent {
        self.0.sig = sig;
        self
    }
}

impl Event {
    /// Takes an event that this engine verified before and has kept or passed on itself.
    ///
    /// The callers are `wire` (messages between roles) and `cache/record.rs` (the store); of the next, `wire` alone.
    pub(crate) fn trusted(raw: RawEvent) -> Event {
        Event(Form::Read(Arc::new(raw)))
    }

    /// The same for one that need not be read yet.
    pub(crate) fn trusted_as_written(id: EventId, kind: Kind, written: Box<dyn Written>) -> Event {
        let raw = OnceLock::new();
        Event(Form::Written(Arc::new(Unread { id, kind, written, raw })))
    }

    /// The event's id, for which it need not be read.
    pub fn id(&self) -> EventId {
        match &self.0 {
            Form::Read(raw) => raw.id,
            Form::Written(unread) => unread.id,
        }
    }

    /// The event's kind, for which it need not be read.
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Form::Read(raw) => raw.kind,
            Form::Written(unread) => unread.kind,
        }
    }

    /// The bytes in which it came, if it came so.
    pub(crate) fn written(&self) -> Option<&[u8]> {
        match &self.0 {
            Form::Read(_) => None,
            Form::Written(unread) => Some(unread.written.bytes()),
        }
    }

    /// All of it; what is read for this is not kept.
    pub(crate) fn raw(&self) -> Cow<'_, RawEvent> {
        match &self.0 {
            Form::Written(unread) if unread.raw.get().is_none() => Cow::Owned(unread.written.read()),
            Form::Written(_) | Form::Read(_) => Cow::Borrowed(self),
        }
    }

    /// Whether any tag's name and first value are what `is_it` looks for. The event need not be read for it.
    pub fn any_tag(&self, is_it: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        match &self.0 {
            Form::Read(raw) => raw.any_tag(is_it),
            Form::Written(unread) => unread.written.any_tag(is_it),
        }
    }

    /// The event without the knowledge that it holds.
    pub fn into_raw(self) -> RawEvent {
        match self.0 {
            Form::Read(raw) => Arc::unwrap_or_clone(raw),
            written @ Form::Written(_) => Event(written).raw().into_owned(),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        **self == **other
    }
}

impl Eq for Event {}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl Deref for HashedEvent {
    type Target = RawEvent;
    fn deref(&self) -> &RawEvent {
        &self.0
    }
}

impl Deref for Event {
    type Target = RawEvent;
    fn deref(&self) -> &RawEvent {
        match &self.0 {
            Form::Read(raw) => raw,
            Form::Written(unread) => unread.raw.get_or_init(|| Box::new(unread.written.read())),
        }
    }
}

impl UnsignedEvent {
    /// The id this event will have.
    pub fn id(&self) -> EventId {
        hash_canonical(
            &self.pubkey,
            self.created_at,
            self.kind,
            &self.tags,
            &self.content,
            Control::Escaped,
        )
    }

    /// Joins the event with its signature; the result is still to be verified as any event is.
    pub fn with_signature(self, sig: Signature) -> RawEvent {
        let id = self.id();
        let UnsignedEvent {
            pubkey,
            created_at,
            kind,
            tags,
            content,
        } = self;
        RawEvent {
            id,
            pubkey,
            created_at,
            kind,
            tags,
            content,
            sig,
        }
    }
}

/// What stands for a copy of an event that has been had: its id alone, so that the relay is known to have it, too.
pub fn id_alone(id: &EventId) -> String {
    format!("{{\"id\":\"{id}\"}}")
}

/// The id that `json` claims, found without decoding it.
///
/// In valid JSON an unescaped `"id"` followed by a colon is a member's name. A relay
/// that hides another id in a nested object deceives only about its own copy. A name
/// or an id written with escapes is not found.
pub fn claimed_id(json: &str) -> Option<EventId> {
    // Made ready once: every event is looked through for it.
    static NAME_OF_ID: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"id\""));

    let bytes = json.as_bytes();
    for at in NAME_OF_ID.find_iter(bytes) {
        // The quote after a backslash is the last but two of a longer name or value.
        if bytes.get(..at)?.last() == Some(&b'\\') {
            continue;
        }
        let rest = json.get(at + 4..)?.trim_start();
        let Some(rest) = rest.strip_prefix(':') else { continue };
        let (id, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        return EventId::from_hex(id);
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    Escaped,
    Verbatim,
}

fn canonical_id(raw: &RawEvent, control: Control) -> EventId {
    hash_canonical(&raw.pubkey, raw.created_at, raw.kind, &raw.tags, &raw.content, control)
}

fn hash_canonical(
    pubkey: &Pubkey,
    created_at: UnixSeconds,
    kind: Kind,
    tags: &[Tag],
    content: &str,
    control: Control,
) -> EventId {
    let mut text = Vec::with_capacity(content.len() + 256);
    text.extend_from_slice(b"[0,\"");
    text.extend_from_slice(hex::encode(&pubkey.0).as_bytes());
    text.extend_from_slice(format!("\",{},{},[", created_at.0, kind.0).as_bytes());
    for (at, tag) in tags.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        text.push(b'[');
        for (at, value) in tag.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            push_string(&mut text, value, control);
        }
        text.push(b']');
    }
    text.extend_from_slice(b"],");
    push_string(&mut text, content, control);
    text.push(b']');
    EventId(Sha256::digest(&text).into())
}

/// Appends `value` as a JSON string with NIP-01's escapes.
fn push_string(out: &mut Vec<u8>, value: &str, control: Control) {
    out.push(b'"');
    let bytes = value.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            8 => b"\\b",
            12 => b"\\f",
            _ if control == Control::Verbatim => continue,
            _ => b"",
        };
        out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        if escape.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(escape);
        }
        copied = at + 1;
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    out.push(b'"');
}

fn bounded_tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tag>, D::Error> {
    struct Tags;
    impl<'de> Visitor<'de> for Tags {
        type Value = Vec<Tag>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of at most 5000 tags")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Tag>, A::Error> {
            let mut tags = Vec::new();
            while let Some(tag) = seq.next_element()? {
                if tags.len() == MAX_TAGS {
                    return Err(de::Error::custom("more than 5000 tags"));
                }
                tags.push(tag);
            }
            Ok(tags)
        }
    }
    deserializer.deserialize_seq(Tags)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use secp256k1::{Keypair, SecretKey};

    /// Signs an event with the key whose bytes are all `key`.
    pub(crate) fn signed(key: u8, kind: u16, created_at: u64, tags: &[&[&str]], content: &str) -> Event {
        let keypair = Keypair::from_secret_key(&SecretKey::from_secret_bytes([key; 32]).unwrap());
        let unsigned = UnsignedEvent {
            pubkey: Pubkey(keypair.x_only_public_key().0.to_byte_array()),
            created_at: UnixSeconds(created_at),
            kind: Kind(kind),
            tags: tags
                .iter()
                .map(|tag| tag.iter().map(|v| v.to_string()).collect())
                .collect(),
            content: content.into(),
        };
        let sig = Signature(secp256k1::schnorr::sign_no_aux_rand(&unsigned.id().0, &keypair).to_byte_array());
        unsigned.with_signature(sig).verify().unwrap()
    }

    #[test]
    fn an_expiration_is_a_whole_number_of_seconds_or_none() {
        let expiration = |tags: &[&[&str]]| signed(7, 1, 1, tags, "").expiration().map(|at| at.0);
        assert_eq!(expiration(&[&["expiration", "1600000000"]]), Some(1_600_000_000));
        assert_eq!(expiration(&[&["expiration", "0"]]), Some(0));
        assert_eq!(expiration(&[&["expiration", "5"], &["expiration", "9"]]), Some(5));
        for none in [
            "",
            "+5",
            "-5",
            "5.0",
            " 5",
            "5 ",
            "1e3",
            "never",
            "18446744073709551616",
        ] {
            assert_eq!(expiration(&[&["expiration", none]]), None, "{none}");
        }
        assert_eq!(expiration(&[&["expiration"]]), None);
        assert_eq!(expiration(&[&["Expiration", "5"]]), None);
    }

    #[test]
    fn a_signed_event_survives_json_and_verifies() {
        let event = signed(
            7,
            1,
            1_700_000_000,
            &[&["t", "a\"b"]],
            "tab\t quote\" \\ line\n é \u{1} \u{7f}",
        );
        assert_eq!(RawEvent::from_json(&event.to_json()).unwrap().verify(), Ok(event));
    }

    #[test]
    fn a_changed_content_is_a_wrong_id_and_a_changed_signature_is_bad() {
        let mut raw = signed(7, 1, 1, &[], "hello").into_raw();
        raw.content.push('!');
        assert_eq!(raw.clone().verify(), Err(EventError::IdMismatch));
        raw.content.pop();
        raw.sig.0[63] ^= 1;
        assert_eq!(raw.verify(), Err(EventError::BadSignature));
    }

    #[test]
    fn both_serialisations_of_control_characters_are_taken() {
        let mut raw = signed(7, 1, 1, &[], "\u{1}").into_raw();
        raw.id = canonical_id(&raw, Control::Verbatim);
        assert!(raw.clone().hash().is_ok());
        raw.id = canonical_id(&raw, Control::Escaped);
        assert!(raw.hash().is_ok());
    }

    #[test]
    fn what_is_not_an_event_says_why() {
        let good = signed(7, 1, 1, &[], "x").to_json();
        for (bad, word) in [
            (good.replace("\"kind\":1", "\"kind\":65536"), "65536"),
            (good.replace("\"kind\":1", "\"kind\":1,\"kind\":1"), "duplicate"),
            (good.replace("\"tags\":[]", "\"tags\":[[1]]"), "string"),
            (good.replace("\"content\":\"x\",", ""), "missing"),
            (good.to_uppercase(), "missing"),
            (format!("{good} x"), "trailing"),
        ] {
            match RawEvent::from_json(&bad) {
                Err(EventError::Malformed(why)) => assert!(why.contains(word), "{why}"),
                other => panic!("{bad}: {other:?}"),
            }
        }
        let many = vec!["[\"t\"]"; MAX_TAGS + 1].join(",");
        assert!(RawEvent::from_json(&good.replace("\"tags\":[]", &format!("\"tags\":[{many}]"))).is_err());
        assert!(matches!(
            RawEvent::from_json(&" ".repeat(MAX_EVENT_BYTES + 1)),
            Err(EventError::TooLong(_))
        ));
    }

    #[test]
    fn only_the_object_that_nip_01_describes_is_an_event() {
        let event = signed(7, 1, 1, &[&["t", "x"], &[]], "x");
        let good = event.to_json();
        let with = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            RawEvent::from_json(&good.replace(from, to))
        };
        let members: Vec<_> = [
            format!("\"{}\"", event.id),
            format!("\"{}\"", event.pubkey),
            "1,1,[],\"x\"".into(),
            format!("\"{}\"", event.sig),
        ]
        .into();
        assert!(RawEvent::from_json(&format!("[{}]", members.join(","))).is_err());
        let created_at = "\"created_at\":1,";
        for number in ["1.0", "1e0", "-1", "-0", "01", "\"1\"", "null", "18446744073709551616"] {
            let text = format!("\"created_at\":{number},");
            assert!(with(created_at, &text).is_err(), "{text}");
        }
        assert!(with(created_at, "\"created_at\":18446744073709551615,").is_ok());
        assert!(with("\"content\":", "\"\\u0063ontent\":\"y\",\"content\":").is_err());
        assert!(with("\"content\":\"x\"", "\"content\":null").is_err());
        assert!(with("\"content\":\"x\"", "\"content\":\"\\ud83d\"").is_err());
        assert!(with("\"content\":\"x\"", "\"content\":\"\n\"").is_err());
        assert!(with("[\"t\",\"x\"]", "[\"t\",null]").is_err());
        assert!(with("\"tags\":[[", "\"tags\":[[[").is_err());
        assert!(
            RawEvent::from_json(&good.replace(&event.id.to_string(), &event.id.to_string().to_uppercase())).is_err()
        );
        assert_eq!(
            RawEvent::from_json(&format!(" \n{good}\t")).unwrap().verify(),
            Ok(event)
        );
    }

    #[test]
    fn an_unknown_member_is_skipped_without_recursion() {
        let good = signed(7, 1, 1, &[], "x").to_json();
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        let deep = good.replacen('{', &format!("{{\"x\":{open}{close},"), 1);
        assert_eq!(RawEvent::from_json(&deep), RawEvent::from_json(&good));
        let longest = good.replacen('{', &format!("{{{}", " ".repeat(MAX_EVENT_BYTES - good.len())), 1);
        assert_eq!(RawEvent::from_json(&longest), RawEvent::from_json(&good));
    }

    #[test]
    fn the_claimed_id_is_the_member_and_not_a_word_in_the_content() {
        let event = signed(7, 1, 1, &[&["id", "x"]], "\"id\":\"0000\"");
        assert_eq!(claimed_id(&event.to_json()), Some(event.id));
        assert_eq!(claimed_id("{\"tags\":[[\"id\"]]}"), None);
        assert_eq!(claimed_id("{\"id\":\"00\"}"), None);
    }

    #[test]
    fn the_claimed_id_is_found_among_names_and_values_that_look_like_it() {
        let (id, other) = ("1".repeat(64), "2".repeat(64));
        for (json, claimed) in [
            (format!(r#"{{ "id" : "{id}" }}"#), Some(&id)),
            (format!("{{\"id\"\n:\t\"{id}\"}}"), Some(&id)),
            (format!(r#"{{"content":"\"id\":\"{other}\"","id":"{id}"}}"#), Some(&id)),
            (format!(r#"{{"content":"\"id","id":"{id}"}}"#), Some(&id)),
            (format!(r#"{{"x\"id":"{other}","id":"{id}"}}"#), Some(&id)),
            (
                format!(r#"{{"content":"id","tags":[["id","{other}"]],"id":"{id}"}}"#),
                Some(&id),
            ),
            (format!(r#"{{"x":{{"id":"{other}"}},"id":"{id}"}}"#), Some(&other)),
            (format!(r#"{{"id":"{id}0"}}"#), None),
            (format!(r#"{{"id":"{}"}}"#, "AB".repeat(32)), None),
            (format!(r#"{{"id":"{}"}}"#, "é".repeat(32)), None),
            (format!(r#"{{"\u0069d":"{id}"}}"#), None),
            (format!(r#"{{"id":["{id}"]}}"#), None),
            (r#"{"id":"#.into(), None),
            (r#"{"id""#.into(), None),
        ] {
            assert_eq!(claimed_id(&json).map(|id| id.to_string()).as_ref(), claimed, "{json}");
        }
    }
}
