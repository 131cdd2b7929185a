//! What has already been passed on, so that a copy need not be passed on whole again. Bounded.
//!
//! A claimed id proves nothing, and connections cannot verify: a forged copy must never
//! hide the true event. So copies are told by a keyed hash of *all* their bytes, and only
//! where the parser has reported the id as verified is a copy cut short.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::hashed::BuildByPrefix;
use crate::nostr::event::{EventId, claimed_id};
use crate::nostr::relay_url::RelayUrl;
use crate::recent::RecentSet;

/// What to do with an event that a relay sent for a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// The parser has not had these bytes for this subscription, or has not verified them. The number is theirs.
    New(u64),
    /// The parser has verified this very event for this subscription; it lacks only the relay.
    Known(EventId),
    /// This relay sent the same bytes for this subscription before.
    Repeated,
}

/// The last events passed on, by hash, and the last ids verified.
#[derive(Debug)]
pub struct Copies {
    key: u64,
    passed: RecentSet<u64, BuildByPrefix>,
    /// Of what was passed on, what is so young that the relay is asked for it again after a cut. A long answer pushes
    /// these out of `passed`, for they come first.
    young: RecentSet<u64, BuildByPrefix>,
    verified: RecentSet<EventId, BuildByPrefix>,
}

/// Two entries an event. 64 Ki entries are some 2 MB.
const PASSED: usize = 64 << 10;
/// One entry an event and relay.
const YOUNG: usize = 32 << 10;
/// Less than the parser's own memory of 10,000 ids a subscription, so that it still knows what is cut short here.
const VERIFIED: usize = 8 << 10;

impl Copies {
    /// `key` keeps relays from choosing bytes that hash alike.
    pub fn new(key: u64) -> Copies {
        Copies {
            key,
            passed: RecentSet::new(PASSED),
            young: RecentSet::new(YOUNG),
            verified: RecentSet::new(VERIFIED),
        }
    }

    /// Remembers that the parser verified an event with this id.
    pub fn verified(&mut self, id: EventId) {
        self.verified.insert(id);
    }

    /// Judges an event of the REQ numbered `req`, and remembers it. `is_young`: it will be asked for again after a cut.
    /// `waits` tells of bytes that were passed on whether they are still on their way: a copy that is cut short must not
    /// overtake them, or its relay's EOSE would come before its event.
    pub fn judge(
        &mut self,
        relay: &RelayUrl,
        req: u64,
        json: &str,
        is_young: bool,
        waits: impl Fn(u64) -> bool,
    ) -> Copy {
        let bytes = hash(&(self.key, req, json));
        let own = hash(&(bytes, relay));
        if self.young.contains(&own) || !self.passed.insert(own) {
            return Copy::Repeated;
        }
        if is_young {
            self.young.insert(own);
        }
        let is_copy = !self.passed.insert(bytes);
        match claimed_id(json) {
            Some(id) if is_copy && self.verified.contains(&id) && !waits(bytes) => Copy::Known(id),
            _ => Copy::New(bytes),
        }
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(name: &str) -> RelayUrl {
        RelayUrl::parse(&format!("wss://{name}")).unwrap()
    }

    fn event(id: u8, content: &str) -> String {
        format!("{{\"id\":\"{}\",\"content\":\"{content}\"}}", EventId([id; 32]))
    }

    /// What becomes of an event of the REQ numbered `req`; nothing waits.
    fn judge(copies: &mut Copies, relay: &RelayUrl, req: u64, json: &str) -> Copy {
        copies.judge(relay, req, json, false, |_| false)
    }

    fn is_new(copy: Copy) -> bool {
        matches!(copy, Copy::New(_))
    }

    #[test]
    fn a_copy_is_cut_short_only_once_its_id_is_verified_and_its_bytes_are_the_same() {
        let mut copies = Copies::new(1);
        let (a, b, c, d) = (relay("a"), relay("b"), relay("c"), relay("d"));
        assert!(is_new(judge(&mut copies, &a, 1, &event(1, "x"))));
        assert!(is_new(judge(&mut copies, &b, 1, &event(1, "x"))), "not verified yet");
        copies.verified(EventId([1; 32]));
        assert!(is_new(judge(&mut copies, &c, 1, &event(1, "forged"))));
        assert_eq!(judge(&mut copies, &d, 1, &event(1, "x")), Copy::Known(EventId([1; 32])));
        assert!(
            is_new(judge(&mut copies, &d, 2, &event(1, "x"))),
            "another REQ has not had it"
        );
    }

    #[test]
    fn a_copy_is_not_cut_short_while_the_whole_waits() {
        let mut copies = Copies::new(1);
        copies.verified(EventId([1; 32]));
        let Copy::New(whole) = judge(&mut copies, &relay("a"), 1, &event(1, "x")) else {
            panic!("it is the first");
        };
        let (b, c) = (relay("b"), relay("c"));
        let beside = copies.judge(&b, 1, &event(1, "x"), false, |bytes| bytes == whole);
        assert_eq!(beside, Copy::New(whole));
        let after = judge(&mut copies, &c, 1, &event(1, "x"));
        assert_eq!(after, Copy::Known(EventId([1; 32])));
    }

    #[test]
    fn the_same_bytes_from_the_same_relay_are_a_repetition() {
        let mut copies = Copies::new(1);
        assert!(is_new(judge(&mut copies, &relay("a"), 1, &event(1, "x"))));
        assert_eq!(judge(&mut copies, &relay("a"), 1, &event(1, "x")), Copy::Repeated);
        assert!(is_new(judge(&mut copies, &relay("a"), 1, &event(1, "y"))));
    }

    #[test]
    fn what_is_young_is_known_however_much_has_come_since() {
        let mut copies = Copies::new(1);
        let a = relay("a");
        for is_young in [true, false] {
            let event = event(1, if is_young { "young" } else { "old" });
            assert!(is_new(copies.judge(&a, 1, &event, is_young, |_| false)));
            for n in 0..PASSED {
                judge(&mut copies, &a, 1, &n.to_string());
            }
            let again = copies.judge(&a, 1, &event, is_young, |_| false);
            assert_eq!(again == Copy::Repeated, is_young, "{again:?}");
        }
    }
}
