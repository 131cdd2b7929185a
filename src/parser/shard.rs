//! The ordered lanes of work: what waits in one delays nothing in the others.
//!
//! A subscription's messages all go through one lane, in the order they came. An
//! entry that waits for a verdict or a decryption holds back what follows it in its
//! lane, so an EOSE never overtakes its events. Ten lanes; the last two are for
//! subscriptions marked slow, which take turns on them.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::nostr::sub_id::SubId;

/// Which lane; below `LANES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneId(usize);

const LANES: usize = 10;
const SLOW_LANES: usize = 2;

/// An entry's place, to come back to when what it waits for has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    lane: LaneId,
    number: u64,
}

/// The lanes, holding work of type `W`.
#[derive(Debug)]
pub struct Lanes<W> {
    lanes: [Lane<W>; LANES],
    next_slow: usize,
}

#[derive(Debug)]
struct Lane<W> {
    queue: VecDeque<Entry<W>>,
    /// The number of the entry at the front.
    first: u64,
}

#[derive(Debug)]
enum Entry<W> {
    Waiting,
    Ready(W),
    /// What it waited for made it pointless.
    Void,
}

impl<W> Default for Lanes<W> {
    fn default() -> Self {
        let lane = || Lane {
            queue: VecDeque::new(),
            first: 0,
        };
        Lanes {
            lanes: std::array::from_fn(|_| lane()),
            next_slow: 0,
        }
    }
}

impl<W> Lanes<W> {
    /// The lane for a new subscription: by its id, or for slow ones the next in turn.
    pub fn assign(&mut self, sub: &SubId, slow: bool) -> LaneId {
        if slow {
            self.next_slow = (self.next_slow + 1) % SLOW_LANES;
            return LaneId(LANES - SLOW_LANES + self.next_slow);
        }
        let mut hasher = DefaultHasher::new();
        sub.hash(&mut hasher);
        LaneId((hasher.finish() % (LANES - SLOW_LANES) as u64) as usize)
    }

    /// Adds work that can be done when its turn comes.
    pub fn push(&mut self, lane: LaneId, work: W) {
        if let Some(lane) = self.lanes.get_mut(lane.0) {
            lane.queue.push_back(Entry::Ready(work));
        }
    }

    /// Keeps a place for work that is still being prepared.
    pub fn reserve(&mut self, lane: LaneId) -> Ticket {
        let mut number = 0;
        if let Some(lane) = self.lanes.get_mut(lane.0) {
            number = lane.first + lane.queue.len() as u64;
            lane.queue.push_back(Entry::Waiting);
        }
        Ticket { lane, number }
    }

    /// Fills a reserved place: with work, or with nothing.
    pub fn resolve(&mut self, ticket: Ticket, work: Option<W>) {
        let entry = self.lanes.get_mut(ticket.lane.0).and_then(|lane| {
            let at = ticket.number.checked_sub(lane.first)?;
            lane.queue.get_mut(usize::try_from(at).ok()?)
        });
        if let Some(entry) = entry {
            *entry = work.map_or(Entry::Void, Entry::Ready);
        }
    }

    /// The next work whose turn it is, from any lane.
    pub fn next_ready(&mut self) -> Option<W> {
        self.lanes.iter_mut().find_map(Lane::next_ready)
    }

    /// Entries in all lanes.
    pub fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.queue.len()).sum()
    }
}

impl<W> Lane<W> {
    fn next_ready(&mut self) -> Option<W> {
        loop {
            match self.queue.front()? {
                Entry::Waiting => return None,
                Entry::Ready(_) | Entry::Void => {}
            }
            self.first += 1;
            if let Some(Entry::Ready(work)) = self.queue.pop_front() {
                return Some(work);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sub(name: &str) -> SubId {
        SubId::new(name).unwrap()
    }

    #[test]
    fn a_waiting_entry_holds_back_its_own_lane_only() {
        let mut lanes = Lanes::default();
        let (a, b) = (LaneId(0), LaneId(1));
        let ticket = lanes.reserve(a);
        lanes.push(a, "after");
        lanes.push(b, "other");
        assert_eq!(lanes.next_ready(), Some("other"));
        assert_eq!(lanes.next_ready(), None);
        lanes.resolve(ticket, Some("first"));
        assert_eq!(lanes.next_ready(), Some("first"));
        assert_eq!(lanes.next_ready(), Some("after"));
        assert_eq!(lanes.len(), 0);
    }

    #[test]
    fn a_void_entry_is_skipped_and_a_stale_ticket_changes_nothing() {
        let mut lanes = Lanes::default();
        let (first, second) = (lanes.reserve(LaneId(3)), lanes.reserve(LaneId(3)));
        lanes.resolve(second, Some(2));
        assert_eq!(lanes.next_ready(), None);
        lanes.resolve(first, None);
        assert_eq!(lanes.next_ready(), Some(2));
        lanes.resolve(first, Some(1));
        assert_eq!(lanes.next_ready(), None);
    }

    #[test]
    fn slow_subscriptions_take_turns_on_the_last_two_lanes() {
        let mut lanes = Lanes::<()>::default();
        let slow: Vec<_> = (0..4).map(|_| lanes.assign(&sub("x"), true).0).collect();
        assert_eq!(slow, [9, 8, 9, 8]);
        let fast = lanes.assign(&sub("x"), false);
        assert!(fast.0 < 8);
        assert_eq!(lanes.assign(&sub("x"), false), fast);
    }
}
