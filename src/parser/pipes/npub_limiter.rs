//! NpubLimiter: at most the newest few of a kind from each author, or in each conversation for kind 4.
//!
//! What has been delivered stays delivered: an event passes if it is among the newest up to now.

use std::collections::{HashMap, VecDeque};

use crate::nostr::event::{Event, Pubkey};
use crate::nostr::kind::Kind;
use crate::time::UnixSeconds;

/// An author; for kind 4 both people, the lesser key first.
type Who = (Pubkey, Option<Pubkey>);

#[derive(Debug)]
pub struct NpubLimiter {
    kind: Kind,
    limit: usize,
    max_npubs: usize,
    tracked: HashMap<Who, Tracked>,
    /// Who was seen when, the least recent first; some have been seen again since.
    by_turn: VecDeque<(u64, Who)>,
    turn: u64,
}

#[derive(Debug, Default)]
struct Tracked {
    turn: u64,
    /// Of the newest that passed, oldest first.
    newest: Vec<UnixSeconds>,
}

impl NpubLimiter {
    pub fn new(kind: Kind, limit: u32, max_npubs: u32) -> NpubLimiter {
        NpubLimiter {
            kind,
            limit: limit as usize,
            max_npubs: max_npubs as usize,
            tracked: HashMap::new(),
            by_turn: VecDeque::new(),
            turn: 0,
        }
    }

    pub fn passes(&mut self, event: &Event) -> bool {
        if event.kind != self.kind {
            return true;
        }
        let who = who(event);
        self.turn += 1;
        let tracked = self.tracked.entry(who).or_default();
        tracked.turn = self.turn;
        self.by_turn.push_back((self.turn, who));
        let at = tracked.newest.partition_point(|time| *time <= event.created_at);
        let full = tracked.newest.len() >= self.limit;
        let passes = self.limit > 0 && (!full || at > 0 && tracked.newest.first() < Some(&event.created_at));
        if passes {
            tracked.newest.insert(at, event.created_at);
            if full {
                tracked.newest.remove(0);
            }
        }
        self.forget();
        passes
    }

    fn forget(&mut self) {
        while self.tracked.len() > self.max_npubs {
            let Some((turn, who)) = self.by_turn.pop_front() else {
                return;
            };
            if self.is_latest(turn, &who) {
                self.tracked.remove(&who);
            }
        }
        // Rarely enough that each event pays for a few entries at most.
        if self.by_turn.len() > 2 * self.tracked.len() + 64 {
            let mut by_turn = std::mem::take(&mut self.by_turn);
            by_turn.retain(|(turn, who)| self.is_latest(*turn, who));
            self.by_turn = by_turn;
        }
    }

    fn is_latest(&self, turn: u64, who: &Who) -> bool {
        self.tracked.get(who).is_some_and(|tracked| tracked.turn == turn)
    }
}

fn who(event: &Event) -> Who {
    let other = event.tag_value("p").and_then(Pubkey::from_hex);
    match other.filter(|_| event.kind == Kind(4)) {
        Some(other) => (event.pubkey.min(other), Some(event.pubkey.max(other))),
        None => (event.pubkey, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn the_newest_of_each_author_pass() {
        let mut limiter = NpubLimiter::new(Kind(1), 2, 10);
        for (author, kind, at, passed) in [
            (1, 1, 10, true),
            (1, 1, 5, true),
            (1, 1, 4, false),
            (1, 1, 5, false),
            (1, 1, 7, true),
            (1, 1, 6, false),
            (1, 1, 20, true),
            (1, 7, 1, true),
            (2, 1, 1, true),
            (2, 1, 1, true),
            (2, 1, 1, false),
        ] {
            assert_eq!(
                limiter.passes(&signed(author, kind, at, &[], "")),
                passed,
                "{author} {kind} {at}"
            );
        }
    }

    #[test]
    fn both_sides_of_a_conversation_count_as_one() {
        let (one, two) = (
            signed(1, 1, 1, &[], "").pubkey.to_string(),
            signed(2, 1, 1, &[], "").pubkey.to_string(),
        );
        let mut limiter = NpubLimiter::new(Kind(4), 2, 10);
        assert!(limiter.passes(&signed(1, 4, 1, &[&["p", &two]], "")));
        assert!(limiter.passes(&signed(2, 4, 2, &[&["p", &one]], "")));
        assert!(!limiter.passes(&signed(2, 4, 1, &[&["p", &one]], "")));
        assert!(
            limiter.passes(&signed(1, 4, 1, &[&["p", &"c".repeat(64)]], "")),
            "another conversation"
        );
    }

    #[test]
    fn the_least_recently_seen_is_forgotten_first() {
        let mut limiter = NpubLimiter::new(Kind(1), 1, 2);
        for (author, at, passed) in [
            (1, 9, true),
            (2, 9, true),
            (1, 1, false),
            (3, 9, true),
            (1, 1, false),
            (2, 1, true),
        ] {
            assert_eq!(limiter.passes(&signed(author, 1, at, &[], "")), passed, "{author} {at}");
        }
        for at in 0..1000 {
            limiter.passes(&signed(1 + at as u8 % 2, 1, at, &[], ""));
        }
        assert!(limiter.by_turn.len() <= 2 * limiter.tracked.len() + 64);
        let mut none = NpubLimiter::new(Kind(1), 0, 2);
        assert!(!none.passes(&signed(1, 1, 1, &[], "")));
    }
}
