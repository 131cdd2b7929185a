//! Messages of relays that wait for credit: one queue a relay, served in turn.
//!
//! Order within a relay holds, so an EOSE never overtakes its events. The queues have no
//! limit of their own; the core sheds a relay whose queue is over its budget.

use std::collections::VecDeque;

use crate::hashed::HashedSet;
use crate::message::RelayMessage;
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::SortedMap;

/// All relays' queues for one peer.
#[derive(Debug, Default)]
pub struct Spools {
    queues: SortedMap<RelayUrl, Queue>,
    /// The relays with a queue that is not empty, each once, the next to be served first.
    turns: VecDeque<RelayUrl>,
    /// The numbers of the events that wait whole (`copies`).
    whole: HashedSet<u64>,
    /// Bytes in all queues, now and at most so far.
    total_bytes: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    /// Of an event that is whole, with its number.
    messages: VecDeque<(RelayMessage, Option<u64>)>,
    bytes: usize,
}

/// Messages a relay may send in one turn: enough for the turns to cost nothing, few enough to be fair.
const MESSAGES_A_TURN: usize = 16;
/// The room of a queue that is empty.
const MESSAGES_KEPT: usize = 16;

impl Spools {
    /// Queues a message of `relay`.
    pub fn push(&mut self, relay: &RelayUrl, message: RelayMessage) {
        self.queue(relay, message, None);
    }

    /// Queues an event of `relay` that is passed on whole, numbered `whole`.
    pub fn push_whole(&mut self, relay: &RelayUrl, message: RelayMessage, whole: u64) {
        self.whole.insert(whole);
        self.queue(relay, message, Some(whole));
    }

    /// Whether the event numbered `whole` waits.
    pub fn waits(&self, whole: u64) -> bool {
        self.whole.contains(&whole)
    }

    /// Bytes that wait for `relay`'s turn.
    pub fn bytes(&self, relay: &RelayUrl) -> usize {
        self.queues.get(relay).map_or(0, |queue| queue.bytes)
    }

    /// Bytes that wait in all queues.
    pub fn total_bytes(&self) -> usize {
        self.total_bytes
    }

    /// The most bytes that have waited at a time.
    pub fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// Lets go of everything that waits: nobody is left to read it.
    pub fn clear(&mut self) {
        self.queues.clear();
        self.turns.clear();
        self.whole.clear();
        self.total_bytes = 0;
    }

    /// Whether nothing waits for the peer.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Hands out messages, the relays in turn, until `send` gives one back. True if any was taken.
    pub fn deliver(&mut self, mut send: impl FnMut(RelayMessage) -> Result<(), RelayMessage>) -> bool {
        let mut any = false;
        while let Some(relay) = self.turns.pop_front() {
            let Some(queue) = self.queues.get_mut(&relay) else {
                continue;
            };
            for _ in 0..MESSAGES_A_TURN {
                let Some((message, whole)) = queue.messages.pop_front() else {
                    break;
                };
                let size = cost(&message);
                if let Err(back) = send(message) {
                    queue.messages.push_front((back, whole));
                    self.turns.push_front(relay);
                    return any;
                }
                any = true;
                if let Some(whole) = whole {
                    self.whole.remove(&whole);
                }
                queue.bytes -= size;
                self.total_bytes -= size;
            }
            if queue.messages.is_empty() {
                // The queue is kept for the relay's next message, but not what a flood made of it.
                queue.messages.shrink_to(MESSAGES_KEPT);
            } else {
                self.turns.push_back(relay);
            }
        }
        if self.whole.is_empty() {
            self.whole.shrink_to(MESSAGES_KEPT);
        }
        any
    }

    fn queue(&mut self, relay: &RelayUrl, message: RelayMessage, whole: Option<u64>) {
        let queue = self.queues.get_or_default(relay.clone());
        if queue.messages.is_empty() {
            self.turns.push_back(relay.clone());
        }
        let size = cost(&message);
        queue.bytes += size;
        self.total_bytes += size;
        self.most_bytes = self.most_bytes.max(self.total_bytes);
        queue.messages.push_back((message, whole));
    }
}

/// A message's share of the budget: its text, and what the queue itself needs for it.
fn cost(message: &RelayMessage) -> usize {
    const ENTRY: usize = size_of::<(RelayMessage, Option<u64>)>();
    let text = match message {
        RelayMessage::Event { json, .. } => json.len(),
        RelayMessage::Closed { reason, .. }
        | RelayMessage::Ok { reason, .. }
        | RelayMessage::Unsent { reason, .. }
        | RelayMessage::Unreachable { reason, .. } => reason.len(),
        RelayMessage::Notice { message, .. } => message.len(),
        RelayMessage::Auth { challenge, .. } => challenge.len(),
        RelayMessage::Eose { .. } | RelayMessage::Count { .. } | RelayMessage::Sent { .. } => 0,
    };
    ENTRY + text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(name: &str) -> RelayUrl {
        RelayUrl::parse(&format!("wss://{name}")).unwrap()
    }

    fn notice(spools: &mut Spools, name: &str, n: usize) {
        let relay = relay(name);
        let message = n.to_string();
        spools.push(&relay.clone(), RelayMessage::Notice { relay, message });
    }

    fn words(message: &RelayMessage) -> (String, usize) {
        match message {
            RelayMessage::Notice { relay, message } => (relay.to_string(), message.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_loud_relay_does_not_keep_a_quiet_one_waiting_and_each_keeps_its_order() {
        let mut spools = Spools::default();
        for n in 0..1_000 {
            notice(&mut spools, "loud", n);
        }
        notice(&mut spools, "quiet", 0);
        let mut got = Vec::new();
        assert!(spools.deliver(|message| {
            got.push(words(&message));
            Ok(())
        }));
        assert_eq!(
            got.iter().position(|(relay, _)| relay == "wss://quiet"),
            Some(MESSAGES_A_TURN)
        );
        let loud: Vec<usize> = got.iter().filter(|(r, _)| r == "wss://loud").map(|(_, n)| *n).collect();
        assert_eq!(loud, (0..1_000).collect::<Vec<_>>());
        assert!(spools.is_empty());
        assert_eq!(spools.bytes(&relay("loud")), 0);
    }

    #[test]
    fn a_whole_event_waits_until_it_is_taken_or_nobody_is_left_to_take_it() {
        let mut spools = Spools::default();
        let event = |name: &str| RelayMessage::Notice {
            relay: relay(name),
            message: "1".into(),
        };
        spools.push_whole(&relay("a"), event("a"), 7);
        spools.push_whole(&relay("b"), event("b"), 8);
        assert!(!spools.deliver(Err));
        assert!(spools.waits(7) && spools.waits(8) && !spools.waits(9));
        let mut room = 1;
        spools.deliver(|message| {
            room -= 1;
            if room < 0 { Err(message) } else { Ok(()) }
        });
        assert!(!spools.waits(7) && spools.waits(8));
        spools.clear();
        assert!(!spools.waits(8));
    }

    #[test]
    fn what_is_given_back_comes_first_the_next_time_and_still_counts() {
        let mut spools = Spools::default();
        notice(&mut spools, "a", 1);
        notice(&mut spools, "a", 2);
        let bytes = spools.bytes(&relay("a"));
        assert!(!spools.deliver(Err));
        assert_eq!(spools.bytes(&relay("a")), bytes);
        assert_eq!(spools.total_bytes(), bytes);
        let mut got = Vec::new();
        spools.deliver(|message| {
            if got.len() == 1 {
                return Err(message);
            }
            got.push(words(&message).1);
            Ok(())
        });
        spools.deliver(|message| {
            got.push(words(&message).1);
            Ok(())
        });
        assert_eq!(got, [1, 2]);
        assert_eq!((spools.total_bytes(), spools.most_bytes()), (0, bytes));
    }
}
