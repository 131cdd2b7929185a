//! Every kind's reader on any tags, content and plain text: it reads or refuses, and what it read can be sent.
//!
//! Shared by the fuzz target and by `tests/fuzzed.rs`.

use nostr_ferry::message::{Delivery, ParserToPage, Reading, ShardSource};
use nostr_ferry::nostr::event::{Event, Tag, UnsignedEvent};
use nostr_ferry::nostr::keys::SecretKey;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::parser::kinds;
use nostr_ferry::time::UnixSeconds;
use nostr_ferry::wire::Wire;

/// At least one kind of each reader, and some that have none.
pub const KINDS: [u16; 52] = [
    0, 1, 2, 3, 4, 5, 6, 7, 13, 14, 15, 16, 17, 20, 21, 22, 1018, 1059, 1068, 1111, 1311, 7374, 7375, 7376, 9321, 9734,
    9735, 10_000, 10_002, 10_003, 10_015, 10_019, 10_030, 10_050, 17_375, 20_001, 30_000, 30_002, 30_003, 30_004,
    30_007, 30_015, 30_023, 30_024, 30_030, 30_063, 30_078, 30_267, 30_311, 31_924, 39_089, 39_999,
];

/// Reads an event made of `input`: a byte for the kind; tags, one a line with tabs between values, up to an empty
/// line; the content up to a zero byte; then the text that the encrypted part is said to hold. Returns the kind and
/// whether it was read.
pub fn check(input: &[u8]) -> (u16, bool) {
    let (first, rest) = input.split_first().unwrap_or((&1, &[]));
    let kind = KINDS.get(usize::from(*first) % KINDS.len()).copied().unwrap_or(1);
    let text = String::from_utf8_lossy(rest);
    let (head, body) = text.split_once("\n\n").unwrap_or(("", &text));
    let tags: Vec<Tag> = head
        .lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect();
    let (content, decrypted) = match body.split_once('\0') {
        Some((content, decrypted)) => (content, Some(decrypted)),
        None => (body, None),
    };
    let Some(event) = signed(kind, tags, content) else {
        return (kind, false);
    };
    let Some(parsed) = kinds::parse(&event, decrypted) else {
        return (kind, false);
    };
    let requests = kinds::requests(&event, &parsed);
    let size = event.to_json().len();
    // What a page will want next is bounded by what the event names.
    assert!(requests.len() <= size, "{} requests of {size} bytes", requests.len());
    let delivery = Delivery {
        event,
        source: ShardSource::Network,
        relays: Vec::new(),
        reading: Some(Box::new(Reading {
            parsed,
            requests,
            lock: None,
            unlocked: false,
        })),
        written: None,
    };
    let bytes = ParserToPage::Event(delivery).encode();
    assert!(bytes.len() <= 256 * (size + 256), "{size} bytes became {}", bytes.len());
    let read = ParserToPage::decode(&bytes);
    assert!(read.is_ok(), "kind {kind}: {read:?}");
    (kind, true)
}

fn signed(kind: u16, tags: Vec<Tag>, content: &str) -> Option<Event> {
    let key = SecretKey::from_bytes([1; 32]).ok()?;
    let event = UnsignedEvent {
        pubkey: key.pubkey(),
        created_at: UnixSeconds(1_700_000_000),
        kind: Kind(kind),
        tags,
        content: content.into(),
    };
    key.sign(&event, [0; 32]).ok()?.verify().ok()
}
