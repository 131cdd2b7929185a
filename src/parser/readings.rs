//! What the Parse pipe read of events lately, as it is written for the page.
//!
//! An event says the same to every subscription and each time it comes from the store, and reading it is most of
//! the work of delivering it. What was encrypted is never kept here: it depends on who signs, and it is a secret.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::hashed::HashedMap;
use crate::message::Delivery;
use crate::nostr::event::EventId;
use crate::wire::written_reading;

/// Readings by event id, the oldest forgotten first.
#[derive(Debug)]
pub struct Readings {
    known: HashedMap<EventId, Arc<[u8]>>,
    order: VecDeque<EventId>,
    bytes: usize,
    bound_bytes: usize,
    /// How often one was of use.
    hits: u64,
}

/// What an entry takes besides its bytes: the id, twice, and what holds them.
const ENTRY_BYTES: usize = 128;

impl Readings {
    pub fn new(bound_bytes: usize) -> Readings {
        Readings {
            known: HashedMap::default(),
            order: VecDeque::new(),
            bytes: 0,
            bound_bytes,
            hits: 0,
        }
    }

    /// What was read of this event, if it is still known.
    pub fn get(&mut self, id: &EventId) -> Option<Arc<[u8]>> {
        let known = self.known.get(id).cloned();
        self.hits += u64::from(known.is_some());
        known
    }

    /// Writes the reading of `delivery`, of whose event nothing is encrypted, and remembers it.
    pub fn write(&mut self, delivery: &mut Delivery) {
        let Some(reading) = delivery.reading.take() else { return };
        let written = written_reading(&delivery.event, &reading);
        self.remember(delivery.event.id, written.clone());
        delivery.written = Some(written);
    }

    pub fn hits(&self) -> u64 {
        self.hits
    }

    fn remember(&mut self, id: EventId, written: Arc<[u8]>) {
        let size = written.len() + ENTRY_BYTES;
        // One large reading is not worth hundreds of others.
        if size > self.bound_bytes / 8 {
            return;
        }
        self.bytes += size;
        if self.known.insert(id, written).is_some() {
            // The same bytes: what an event says does not change.
            self.bytes -= size;
            return;
        }
        self.order.push_back(id);
        while self.bytes > self.bound_bytes {
            let Some(oldest) = self.order.pop_front() else { return };
            let forgotten = self.known.remove(&oldest);
            self.bytes -= forgotten.map_or(0, |written| written.len() + ENTRY_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{ParserToPage, ShardSource};
    use crate::nostr::event::Event;
    use crate::nostr::event::tests::signed;
    use crate::parser::pipes::{Output, Pipeline};
    use crate::router::Backlog;
    use crate::wire::Wire;

    fn parsed(event: &Event) -> Delivery {
        let delivery = Delivery {
            event: event.clone(),
            source: ShardSource::Cache,
            relays: Vec::new(),
            reading: None,
            written: None,
        };
        match Pipeline::new(&[]).process(delivery, None, &mut Backlog::default()) {
            Some(Output::Event(delivery)) => delivery,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_page_cannot_tell_a_reading_that_was_known_from_a_fresh_one() {
        for kind in [0, 1, 7, 30_023, 20_001] {
            let event = signed(
                1,
                kind,
                1,
                &[&["e", &"ab".repeat(32)], &["t", "x"]],
                "hello #x nostr:npub1",
            );
            let mut readings = Readings::new(1 << 20);
            let fresh = parsed(&event);
            let mut first = fresh.clone();
            readings.write(&mut first);
            let second = Delivery {
                written: readings.get(&event.id),
                ..parsed(&event)
            };
            assert_eq!(second.written.is_some(), fresh.reading.is_some(), "{kind}");
            let record = ParserToPage::Event(fresh).encode();
            assert_eq!(ParserToPage::Event(first).encode(), record, "{kind}");
            assert_eq!(ParserToPage::Event(second).encode(), record, "{kind}");
        }
    }

    #[test]
    fn the_oldest_go_when_there_is_no_more_room_and_none_takes_it_all() {
        let events: Vec<Event> = (0..100).map(|at| signed(1, 1, at, &[], "hello")).collect();
        let mut readings = Readings::new(10_000);
        for event in &events {
            readings.write(&mut parsed(event));
            readings.write(&mut parsed(event));
            assert!(readings.bytes <= 10_000);
            assert!(readings.get(&event.id).is_some());
        }
        let kept = events.iter().filter(|event| readings.known.contains_key(&event.id));
        let kept: Vec<u64> = kept.map(|event| event.created_at.0).collect();
        assert!(
            kept.len() > 10 && kept.last() == Some(&99) && kept.is_sorted_by(|a, b| a + 1 == *b),
            "{kept:?}"
        );
        assert_eq!(readings.order.len(), kept.len());
        let large = signed(1, 1, 1, &[], &"large ".repeat(1_000));
        readings.write(&mut parsed(&large));
        assert!(readings.get(&large.id).is_none() && readings.order.len() == kept.len());
    }
}
