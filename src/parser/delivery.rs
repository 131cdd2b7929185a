//! One subscription's way to the page: what waits for a ring or port that is full.
//!
//! A page that reads slowly costs bounded memory and loses nothing: beyond a byte bound only the ids of stored events
//! are kept, *parked* in their place in the order, and the events are fetched again from the store when the page
//! catches up. What is not in the store and does not fit is counted, and the count is told in the place where the
//! events would have been.

use std::collections::VecDeque;

use crate::message::{CountResponse, Delivery, ParserToPage, ShardSource};
use crate::nostr::event::EventId;
use crate::nostr::sub_id::SubId;

/// Events of one refill: enough to keep a reading page busy while the next is fetched.
const REFILL_EVENTS: usize = 64;

/// The page's rings and ports.
pub trait PageSinks {
    /// Writes one message to the ring or port of `sub`.
    fn write(&mut self, sub: &SubId, message: &ParserToPage) -> Written;
    /// Nothing more is written for `sub`.
    fn close(&mut self, sub: &SubId);
}

/// What became of a message for the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Yes,
    /// No room: the edge tells when there is some again.
    Full,
}

/// Why writing stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything was written.
    Empty,
    /// The page has to read first, or the store to answer.
    Waiting,
    /// These events must come from the store next, in this order.
    Refill(Vec<EventId>),
}

/// Messages for one subscription, in order.
#[derive(Debug, Default)]
pub struct PageQueue {
    items: VecDeque<Item>,
    /// Bytes of the events held whole.
    held_bytes: usize,
    /// The store has been asked and has not said that its answer is complete.
    asked: bool,
    /// So many items at the front are in what it was asked for.
    refilling: usize,
}

#[derive(Debug)]
enum Item {
    Ready(ParserToPage),
    Parked {
        id: EventId,
        source: ShardSource,
        /// The page has had it, locked.
        again: bool,
    },
}

impl PageQueue {
    /// Adds an event. Over `bound_bytes` it is parked if it is `stored`, else counted as dropped.
    pub fn push_event(&mut self, delivery: Delivery, stored: bool, bound_bytes: usize) {
        let size = event_size(&delivery);
        if self.held_bytes + size <= bound_bytes {
            self.held_bytes += size;
            self.items.push_back(Item::Ready(ParserToPage::Event(delivery)));
        } else if stored {
            self.items.push_back(Item::Parked {
                id: delivery.event.id(),
                source: delivery.source,
                again: false,
            });
        } else if let Some(Item::Ready(ParserToPage::BufferFull { dropped })) = self.items.back_mut() {
            *dropped += 1;
        } else {
            self.push(ParserToPage::BufferFull { dropped: 1 });
        }
    }

    /// Has an event that the page was given locked come from the store again, to be opened.
    pub fn park_again(&mut self, id: EventId, source: ShardSource) {
        // One that has not been given yet is opened when it is.
        let same = |item: &Item| matches!(item, Item::Parked { id: parked, .. } if *parked == id);
        if !self.items.iter().any(same) {
            let again = true;
            self.items.push_back(Item::Parked { id, source, again });
        }
    }

    /// Adds what is no event; there are few of these and they are always kept.
    pub fn push(&mut self, message: ParserToPage) {
        self.items.push_back(Item::Ready(message));
    }

    /// Tells how many proofs or events are left out here, if any.
    pub fn tell_dropped(&mut self, dropped: u64) {
        if dropped > 0 {
            self.push(ParserToPage::BufferFull { dropped });
        }
    }

    /// Adds a running count, in the place of one of the same kind that the page has not read yet.
    pub fn push_count(&mut self, count: CountResponse) {
        let counts = self.items.iter_mut().rev().map_while(|item| match item {
            Item::Ready(ParserToPage::Count(count)) => Some(count),
            _ => None,
        });
        match counts.into_iter().find(|waiting| waiting.kind == count.kind) {
            Some(waiting) => *waiting = count,
            None => self.push(ParserToPage::Count(count)),
        }
    }

    /// Writes until the page is full or the store has to be asked.
    pub fn write(&mut self, sub: &SubId, sinks: &mut impl PageSinks) -> Stopped {
        loop {
            match self.items.front() {
                None => return Stopped::Empty,
                Some(Item::Parked { .. }) if self.asked => return Stopped::Waiting,
                Some(Item::Parked { .. }) => return Stopped::Refill(self.start_refill()),
                Some(Item::Ready(message)) => match sinks.write(sub, message) {
                    Written::Yes => self.pop(),
                    Written::Full => return Stopped::Waiting,
                },
            }
        }
    }

    /// Puts an event that came from the store in its place. False if nothing waits for it.
    pub fn refilled(&mut self, mut delivery: Delivery) -> bool {
        let wanted = delivery.event.id();
        let size = event_size(&delivery);
        for (at, item) in self.items.iter_mut().take(self.refilling).enumerate() {
            match item {
                Item::Parked { id, source, again } if *id == wanted => {
                    // Where it came from first, not the detour it took since.
                    delivery.source = *source;
                    if *again {
                        let Some(reading) = delivery.reading.as_mut().filter(|reading| reading.lock.is_none()) else {
                            // The page has it like this.
                            self.items.remove(at);
                            self.refilling -= 1;
                            return true;
                        };
                        reading.unlocked = true;
                    }
                    *item = Item::Ready(ParserToPage::Event(delivery));
                    self.held_bytes += size;
                    return true;
                }
                Item::Parked { .. } | Item::Ready(_) => {}
            }
        }
        false
    }

    /// The store has no more of what was asked: the rest of it is told as dropped.
    pub fn refill_ended(&mut self) {
        let asked: Vec<Item> = self.items.drain(..self.refilling.min(self.items.len())).collect();
        let (ready, mut missing): (Vec<_>, Vec<_>) = asked.into_iter().partition(|item| matches!(item, Item::Ready(_)));
        // What the page has been given locked is not lost.
        missing.retain(|item| matches!(item, Item::Parked { again: false, .. }));
        if !missing.is_empty() {
            self.items.push_front(Item::Ready(ParserToPage::BufferFull {
                dropped: missing.len() as u64,
            }));
        }
        for item in ready.into_iter().rev() {
            self.items.push_front(item);
        }
        self.refill_lost();
    }

    /// The store was replaced and its answer will not come: it is asked again when the turn comes.
    pub fn refill_lost(&mut self) {
        self.asked = false;
        self.refilling = 0;
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many events are parked.
    pub fn parked(&self) -> usize {
        self.items
            .iter()
            .filter(|item| matches!(item, Item::Parked { .. }))
            .count()
    }

    fn start_refill(&mut self) -> Vec<EventId> {
        let parked = self.items.iter().map_while(|item| match item {
            Item::Parked { id, .. } => Some(*id),
            Item::Ready(_) => None,
        });
        let ids: Vec<EventId> = parked.take(REFILL_EVENTS).collect();
        self.asked = true;
        self.refilling = ids.len();
        ids
    }

    fn pop(&mut self) {
        if let Some(Item::Ready(ParserToPage::Event(delivery))) = self.items.pop_front() {
            self.held_bytes = self.held_bytes.saturating_sub(event_size(&delivery));
        }
        self.refilling = self.refilling.saturating_sub(1);
    }
}

fn event_size(delivery: &Delivery) -> usize {
    let event = &delivery.event;
    let texts = || {
        // A tag costs its strings and what holds them.
        let tags: usize = event.tags.iter().flatten().map(|value| value.len() + 24).sum();
        event.content.len() + tags
    };
    let size = event.written().map_or_else(texts, <[u8]>::len) + 256;
    let written = delivery.written.as_ref().map_or(0, |written| written.len());
    // A reading holds the same texts once more, piece by piece, and a preview of them.
    if delivery.reading.is_some() {
        3 * size
    } else {
        size + written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::Event;
    use crate::nostr::event::tests::signed;

    /// A page that takes so many messages and then none until told.
    struct Page {
        room: usize,
        read: Vec<ParserToPage>,
    }

    impl PageSinks for Page {
        fn write(&mut self, _: &SubId, message: &ParserToPage) -> Written {
            if self.room == 0 {
                return Written::Full;
            }
            self.room -= 1;
            self.read.push(message.clone());
            Written::Yes
        }

        fn close(&mut self, _: &SubId) {}
    }

    fn delivery(event: &Event) -> Delivery {
        Delivery {
            event: event.clone(),
            source: ShardSource::Network,
            relays: Vec::new(),
            reading: None,
            written: None,
        }
    }

    fn events(count: u64) -> Vec<Event> {
        (0..count).map(|at| signed(1, 1, at, &[], "x")).collect()
    }

    /// Room for three small events.
    const BOUND: usize = 3 * 257;

    #[test]
    fn what_does_not_fit_is_parked_and_comes_back_in_order() {
        let sub = SubId::new("s").unwrap();
        let events = events(200);
        let mut queue = PageQueue::default();
        for event in &events {
            queue.push_event(delivery(event), true, BOUND);
        }
        queue.push(ParserToPage::EoseAll);
        assert_eq!(queue.parked(), 197);
        let mut page = Page {
            room: 0,
            read: Vec::new(),
        };
        assert_eq!(queue.write(&sub, &mut page), Stopped::Waiting);
        page.room = 1000;
        loop {
            match queue.write(&sub, &mut page) {
                Stopped::Refill(ids) => {
                    assert!(ids.len() <= REFILL_EVENTS);
                    assert_eq!(queue.write(&sub, &mut page), Stopped::Waiting);
                    for id in ids {
                        assert!(queue.refilled(delivery(events.iter().find(|e| e.id == id).unwrap())));
                    }
                    queue.refill_ended();
                }
                stopped => {
                    assert_eq!(stopped, Stopped::Empty);
                    break;
                }
            }
        }
        let ids: Vec<EventId> = page
            .read
            .iter()
            .filter_map(|m| match m {
                ParserToPage::Event(delivery) => Some(delivery.event.id),
                _ => None,
            })
            .collect();
        assert_eq!(ids, events.iter().map(|e| e.id).collect::<Vec<_>>());
        assert_eq!(page.read.last(), Some(&ParserToPage::EoseAll));
        let from_network = |message: &ParserToPage| match message {
            ParserToPage::Event(delivery) => delivery.source == ShardSource::Network,
            _ => true,
        };
        assert!(
            page.read.iter().all(from_network),
            "a detour through the store is not where an event came from"
        );
        assert_eq!(queue.held_bytes, 0);
    }

    #[test]
    fn what_the_store_does_not_have_is_counted_exactly_and_in_place() {
        let sub = SubId::new("s").unwrap();
        let events = events(10);
        let mut queue = PageQueue::default();
        for event in &events[..6] {
            queue.push_event(delivery(event), true, BOUND);
        }
        for event in &events[6..] {
            queue.push_event(delivery(event), false, BOUND);
        }
        let mut page = Page {
            room: 100,
            read: Vec::new(),
        };
        let Stopped::Refill(ids) = queue.write(&sub, &mut page) else {
            panic!()
        };
        assert_eq!(ids.len(), 3);
        queue.refilled(delivery(&events[4]));
        queue.refill_ended();
        assert_eq!(queue.write(&sub, &mut page), Stopped::Empty);
        let tail: Vec<_> = page.read[3..].to_vec();
        assert_eq!(
            tail,
            [
                ParserToPage::Event(delivery(&events[4])),
                ParserToPage::BufferFull { dropped: 2 },
                ParserToPage::BufferFull { dropped: 4 },
            ]
        );
    }

    #[test]
    fn a_page_faster_than_the_answers_end_does_not_lose_the_next_refill() {
        let sub = SubId::new("s").unwrap();
        let events = events(100);
        let mut queue = PageQueue::default();
        for event in &events {
            queue.push_event(delivery(event), true, 0);
        }
        let mut page = Page {
            room: 1000,
            read: Vec::new(),
        };
        let Stopped::Refill(first) = queue.write(&sub, &mut page) else {
            panic!()
        };
        for event in &events[..first.len()] {
            queue.refilled(delivery(event));
            // All is read before the store has said that it was all.
            assert_eq!(queue.write(&sub, &mut page), Stopped::Waiting);
        }
        queue.refill_ended();
        let Stopped::Refill(second) = queue.write(&sub, &mut page) else {
            panic!()
        };
        assert_eq!(first.len() + second.len(), 100);
        assert_eq!(page.read.len(), first.len());
    }

    #[test]
    fn counts_that_wait_are_replaced_and_not_piled_up() {
        use crate::nostr::kind::Kind;
        let mut queue = PageQueue::default();
        for count in 1..=100 {
            for kind in [Kind(1), Kind(7)] {
                queue.push_count(CountResponse {
                    kind,
                    count,
                    you: false,
                });
            }
        }
        let mut page = Page {
            room: 10,
            read: Vec::new(),
        };
        queue.write(&SubId::new("s").unwrap(), &mut page);
        let last = |kind| {
            ParserToPage::Count(CountResponse {
                kind,
                count: 100,
                you: false,
            })
        };
        assert_eq!(page.read, [last(Kind(1)), last(Kind(7))]);
    }

    #[test]
    fn a_lost_refill_is_asked_again() {
        let sub = SubId::new("s").unwrap();
        let events = events(5);
        let mut queue = PageQueue::default();
        for event in &events {
            queue.push_event(delivery(event), true, 0);
        }
        let mut page = Page {
            room: 100,
            read: Vec::new(),
        };
        let first = queue.write(&sub, &mut page);
        queue.refill_lost();
        assert_eq!(queue.write(&sub, &mut page), first);
        assert!(!queue.refilled(delivery(&signed(2, 1, 0, &[], "stranger"))));
    }
}
