//! Time as the engine sees it: values handed in, never read from a clock.
//!
//! Every core takes `now` as an argument, so a test moves the clock by hand
//! (style: "no core reads a clock").

use std::future::poll_fn;
use std::ops::{Add, Sub};
use std::task::{Context, Poll};

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
    fn now(&self) -> Now;

    /// Ready once `now().mono` has reached `deadline`; never for none.
    ///
    /// A clock has one alarm: the latest call decides when `cx` is woken.
    fn poll_until(&self, cx: &mut Context<'_>, deadline: Option<Millis>) -> Poll<()>;
}

/// Completes at `deadline`.
pub async fn until(clock: &impl Clock, deadline: Option<Millis>) {
    poll_fn(|cx| clock.poll_until(cx, deadline)).await;
}
