//! What the sample messages are made of: ids, events, filters and what else more than one link carries.

use crate::message::*;
use crate::nostr::event::{Event, EventId, MAX_EVENT_BYTES, MAX_TAGS, Pubkey, RawEvent, Signature, Tag};
use crate::nostr::filter::Filter;
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::SortedMap;
use crate::time::UnixSeconds;

pub fn sub() -> SubId {
    SubId::new("n46:feed").unwrap()
}

pub fn relay() -> RelayUrl {
    RelayUrl::parse("wss://relay.example/Path").unwrap()
}

pub fn relays() -> Vec<RelayUrl> {
    vec![relay(), RelayUrl::parse("ws://[::1]:7777").unwrap()]
}

pub fn long_sub() -> SubId {
    SubId::new(&"\u{1f98a}".repeat(64)).unwrap()
}

pub fn long_relay() -> RelayUrl {
    RelayUrl::parse(&format!("wss://relay.example/{}", "p".repeat(2028))).unwrap()
}

pub fn ids(count: u8) -> Vec<EventId> {
    (0..count).map(|n| EventId([n; 32])).collect()
}

pub fn tags(tags: &[&[&str]]) -> Vec<Tag> {
    tags.iter()
        .map(|tag| tag.iter().map(|value| value.to_string()).collect())
        .collect()
}

pub fn raw() -> RawEvent {
    RawEvent {
        id: EventId([0xab; 32]),
        pubkey: Pubkey(std::array::from_fn(|n| n as u8)),
        created_at: UnixSeconds(1_700_000_000),
        kind: Kind(30_023),
        tags: tags(&[&["d", ""], &["e", "second value"], &[], &["t", "\u{e9}\0\""]]),
        content: "h\u{e9}llo\n".into(),
        sig: Signature([0xcd; 64]),
    }
}

pub fn event() -> Event {
    Event::trusted(raw())
}

pub fn empty_event() -> Event {
    Event::trusted(RawEvent {
        id: EventId([0; 32]),
        pubkey: Pubkey([0; 32]),
        created_at: UnixSeconds(0),
        kind: Kind(0),
        tags: vec![],
        content: String::new(),
        sig: Signature([0; 64]),
    })
}

/// As many tags as an event may have, nearly as many bytes, and the largest numbers.
pub fn large_event() -> Event {
    let mut raw = raw();
    raw.created_at = UnixSeconds(u64::MAX);
    raw.kind = Kind(u16::MAX);
    raw.tags = (0..MAX_TAGS).map(|n| vec!["p".into(), n.to_string()]).collect();
    raw.content = "x".repeat(MAX_EVENT_BYTES - 80_000);
    Event::trusted(raw)
}

pub fn filters() -> Vec<Filter> {
    vec![
        Filter::default(),
        Filter {
            ids: Some(vec![]),
            authors: Some(vec![]),
            kinds: Some(vec![]),
            tags: SortedMap::from([('e', vec![])]),
            since: Some(UnixSeconds(0)),
            until: Some(UnixSeconds(u64::MAX)),
            limit: Some(0),
            search: Some(String::new()),
        },
        Filter {
            ids: Some(ids(2)),
            authors: Some(vec![Pubkey([7; 32])]),
            kinds: Some(vec![Kind(0), Kind(u16::MAX)]),
            tags: SortedMap::from([('A', vec!["x".into()]), ('e', vec!["".into(), "y".into()])]),
            since: None,
            until: Some(UnixSeconds(1)),
            limit: Some(u32::MAX),
            search: Some("pur\u{e9}e".into()),
        },
    ]
}

/// Every letter in each of 50 filters, and a list of authors.
pub fn large_filters() -> Vec<Filter> {
    let letters = ('A'..='Z').chain('a'..='z');
    let filter = Filter {
        authors: Some(vec![Pubkey([1; 32]); 2_000]),
        tags: letters.map(|letter| (letter, vec!["v".into(); 20])).collect(),
        ..Filter::default()
    };
    vec![filter; 50]
}

pub fn templates() -> [Template; 2] {
    let raw = raw();
    let template = Template {
        kind: raw.kind,
        created_at: Some(UnixSeconds(0)),
        tags: raw.tags,
        content: raw.content,
    };
    let empty = Template {
        kind: Kind(0),
        created_at: None,
        tags: vec![],
        content: String::new(),
    };
    [template, empty]
}

pub fn large_template() -> Template {
    let RawEvent {
        kind, tags, content, ..
    } = large_event().into_raw();
    let created_at = Some(UnixSeconds(u64::MAX));
    Template {
        kind,
        created_at,
        tags,
        content,
    }
}

pub fn signer_errors() -> [SignerError; 8] {
    [
        SignerError::NoSigner,
        SignerError::Refused("no".into()),
        SignerError::Refused(String::new()),
        SignerError::TimedOut,
        SignerError::Disconnected("gone".into()),
        SignerError::BadInput("what".into()),
        SignerError::Cancelled,
        SignerError::Unsupported("nip44".into()),
    ]
}

pub const REQUEST: RequestId = RequestId(u64::MAX);

pub const PUBLISH: PublishId = PublishId(7);

pub fn claims(count: u8) -> Vec<Claim> {
    let claim = |n| Claim {
        id: EventId([n; 32]),
        pubkey: Pubkey([n + 1; 32]),
        sig: Signature([n + 2; 64]),
    };
    (0..count).map(claim).collect()
}
