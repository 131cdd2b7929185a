//! Kind 10002: the relays a person reads and writes (NIP-65).

use super::tags;
use crate::nostr::event::RawEvent;
use crate::nostr::relay_url::RelayUrl;

/// One relay of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayUse {
    pub url: RelayUrl,
    /// Mentions of the person are read there.
    pub read: bool,
    /// The person's own events are written there.
    pub write: bool,
}

/// The list in its order, each relay once. An `r` tag with an unknown marker says nothing.
pub(super) fn parse(event: &RawEvent) -> Vec<RelayUse> {
    let mut relays: Vec<RelayUse> = Vec::new();
    let mut at = std::collections::HashMap::new();
    for tag in event.tags_named("r") {
        let (read, write) = match tags::value(tag, 2) {
            None => (true, true),
            Some("read") => (true, false),
            Some("write") => (false, true),
            Some(_) => continue,
        };
        let Some(url) = tags::relay(tag, 1) else { continue };
        let index = *at.entry(url.clone()).or_insert(relays.len());
        match relays.get_mut(index) {
            Some(relay) => {
                relay.read |= read;
                relay.write |= write;
            }
            None => relays.push(RelayUse { url, read, write }),
        }
    }
    relays
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn markers_say_read_write_or_both() {
        let event = signed(
            1,
            10002,
            1,
            &[
                &["r", "wss://Alice.example/"],
                &["r", "wss://b.example", "write"],
                &["r", "wss://c.example", "read"],
                &["r", "wss://d.example", ""],
                &["r", "wss://e.example", "sometimes"],
                &["r", "https://f.example"],
                &["r"],
                &["r", "wss://b.example/", "read"],
                &["relay", "wss://g.example"],
            ],
            "",
        );
        let read: Vec<String> = parse(&event)
            .iter()
            .map(|r| format!("{} {} {}", r.url, r.read, r.write))
            .collect();
        assert_eq!(
            read,
            [
                "wss://alice.example true true",
                "wss://b.example true true",
                "wss://c.example true false",
                "wss://d.example true true"
            ]
        );
    }
}
