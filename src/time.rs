//! Time as the engine sees it: values handed in, never read from a clock.
//!
//! Every core takes `now` as an argument, so a test moves the clock by hand.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::Hash;
use std::ops::{Add, Sub};
use std::task::{Context, Poll};

use crate::sorted::SortedSet;

/// Milliseconds on the engine's monotonic clock. Only differences mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// The time from `earlier` to `self`, or zero if `earlier` is later.
    pub fn since(self, earlier: Millis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Millis {
    type Output = Millis;
    fn add(self, ms: u64) -> Millis {
        Millis(self.0.saturating_add(ms))
    }
}

/// Seconds since 1970-01-01 UTC, the unit of `created_at`, `since` and `until` (NIP-01).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub u64);

impl Sub<u64> for UnixSeconds {
    type Output = UnixSeconds;
    fn sub(self, seconds: u64) -> UnixSeconds {
        UnixSeconds(self.0.saturating_sub(seconds))
    }
}

/// What a role is told about the present when it handles an input.
///
/// Two clocks, because they answer different questions: `mono` never jumps and
/// drives time-outs; `unix` is the wall clock that events are dated by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub mono: Millis,
    pub unix: UnixSeconds,
}

/// The present and an alarm, for a role's loop. The browser has one, tests move theirs by hand.
pub trait Clock {
    /// The present.
    fn now(&self) -> Now;

    /// Ready once `now().mono` has reached `deadline`; never for none.
    ///
    /// A clock has one alarm: the latest call decides when `cx` is woken.
    fn poll_until(&self, cx: &mut Context<'_>, deadline: Option<Millis>) -> Poll<()>;

    /// Ready after what already waits to be handled has been handed over: in a browser, in a task of its own.
    fn poll_later(&self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Completes at `deadline`.
pub async fn until(clock: &impl Clock, deadline: Option<Millis>) {
    poll_fn(|cx| clock.poll_until(cx, deadline)).await;
}

/// Lets what already waits be handed over first.
pub async fn later(clock: &impl Clock) {
    poll_fn(|cx| clock.poll_later(cx)).await;
}

/// Deadlines by key; each key has at most one.
#[derive(Debug)]
pub struct Timers<K> {
    at: HashMap<K, Millis>,
    /// The same pairs, soonest first.
    order: SortedSet<(Millis, K)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Timers {
            at: HashMap::new(),
            order: SortedSet::new(),
        }
    }
}

impl<K: Clone + Ord + Hash> Timers<K> {
    /// Sets `key`'s deadline, in place of the one it had.
    pub fn set(&mut self, key: K, at: Millis) {
        self.cancel(&key);
        self.order.insert((at, key.clone()));
        self.at.insert(key, at);
    }

    /// `key` has no deadline any more.
    pub fn cancel(&mut self, key: &K) {
        if let Some(at) = self.at.remove(key) {
            self.order.remove(&(at, key.clone()));
        }
    }

    /// `key`'s deadline.
    pub fn get(&self, key: &K) -> Option<Millis> {
        self.at.get(key).copied()
    }

    /// The soonest deadline.
    pub fn next(&self) -> Option<Millis> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes out one key whose deadline has come.
    pub fn pop_due(&mut self, now: Millis) -> Option<K> {
        let (at, _) = self.order.first()?;
        if *at > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.at.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_soonest_first_and_a_new_deadline_replaces_the_old() {
        let mut timers = Timers::default();
        timers.set("a", Millis(10));
        timers.set("b", Millis(5));
        timers.set("a", Millis(3));
        timers.set("c", Millis(4));
        timers.cancel(&"c");
        assert_eq!(timers.next(), Some(Millis(3)));
        assert_eq!(timers.pop_due(Millis(2)), None);
        assert_eq!(timers.pop_due(Millis(9)), Some("a"));
        assert_eq!(timers.pop_due(Millis(9)), Some("b"));
        assert_eq!(timers.pop_due(Millis(99)), None);
    }
}
