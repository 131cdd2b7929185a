//! How long to wait before a relay is dialled again: exponential, with jitter. Pure; its randomness is seeded.

/// One relay's row of failures.
#[derive(Clone, Debug)]
pub struct Backoff {
    failures: u32,
    state: u64,
}

impl Backoff {
    /// `seed` should differ from relay to relay, else all come back at once.
    pub fn new(seed: u64) -> Backoff {
        Backoff {
            failures: 0,
            state: seed,
        }
    }

    /// The next connection starts a new row.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and says how many milliseconds to wait: from half to the whole of
    /// `first_ms`, doubled for each earlier failure of the row, at most `max_ms`.
    pub fn next_ms(&mut self, first_ms: u64, max_ms: u64) -> u64 {
        let whole = first_ms.saturating_mul(1 << self.failures.min(32)).min(max_ms).max(1);
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        half + self.draw() % (whole - half + 1)
    }

    /// splitmix64: jitter needs to be spread, not secret.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_a_reset() {
        let mut backoff = Backoff::new(1);
        for whole in [1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            let wait = backoff.next_ms(1_000, 10_000);
            assert!((whole / 2..=whole).contains(&wait), "{wait} of {whole}");
        }
        backoff.reset();
        assert!(backoff.next_ms(1_000, 10_000) <= 1_000);
    }

    #[test]
    fn relays_with_other_seeds_come_back_at_other_times() {
        let waits: std::collections::BTreeSet<u64> =
            (0..50).map(|seed| Backoff::new(seed).next_ms(10_000, 10_000)).collect();
        assert!(waits.len() > 45, "{waits:?}");
    }
}
