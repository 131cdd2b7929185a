//! Kind 5: a request to delete (NIP-09). Whether an event is its author's to delete, its receiver checks.

use super::tags::{self, Address};
use crate::nostr::event::{EventId, RawEvent};
use crate::nostr::kind::Kind;

/// What is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    pub ids: Vec<EventId>,
    /// Only the requester's own: others cannot be deleted by it.
    pub addresses: Vec<Address>,
    pub kinds: Vec<Kind>,
    pub reason: Option<String>,
}

/// `None` if nothing is to be deleted.
pub(super) fn parse(event: &RawEvent) -> Option<Deletion> {
    let ids = tags::unique(tags::all(&event.tags, "e", |tag| {
        EventId::from_hex(tags::value(tag, 1)?)
    }));
    let addresses = tags::unique(tags::all(&event.tags, "a", |tag| {
        Address::parse(tags::value(tag, 1)?).filter(|address| address.pubkey == event.pubkey)
    }));
    if ids.is_empty() && addresses.is_empty() {
        return None;
    }
    let kinds = tags::all(&event.tags, "k", |tag| {
        Some(Kind(tags::digits(tags::value(tag, 1)?)?.try_into().ok()?))
    });
    Some(Deletion {
        ids,
        addresses,
        kinds: tags::unique(kinds),
        reason: (!event.content.is_empty()).then(|| event.content.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn ids_own_addresses_kinds_and_the_reason_are_read() {
        let me = signed(1, 5, 1, &[], "").pubkey.to_string();
        let id = "a".repeat(64);
        let (own, others) = (format!("30023:{me}:x:y"), format!("30023:{id}:x"));
        let tags: &[&[&str]] = &[
            &["e", &id],
            &["e", &id, "wss://r.example"],
            &["e", "x"],
            &["a", &own],
            &["a", &others],
            &["k", "1"],
            &["k", "30023"],
            &["k", "70000"],
            &["k", ""],
        ];
        assert_eq!(
            parse(&signed(1, 5, 1, tags, "by accident")),
            Some(Deletion {
                ids: vec![EventId([0xaa; 32])],
                addresses: vec![Address::parse(&own).unwrap()],
                kinds: vec![Kind(1), Kind(30023)],
                reason: Some("by accident".into()),
            })
        );
        assert_eq!(parse(&signed(1, 5, 1, &[&["e", &id]], "")).unwrap().reason, None);
    }

    #[test]
    fn a_request_for_nothing_is_none() {
        let others = format!("30023:{}:x", "a".repeat(64));
        assert_eq!(
            parse(&signed(1, 5, 1, &[&["e", "x"], &["a", &others], &["k", "1"]], "x")),
            None
        );
    }
}
