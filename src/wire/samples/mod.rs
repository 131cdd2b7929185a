//! Messages to test the codec with: each variant at its emptiest, as usual and at the limits.

mod cache;
mod crypto;
mod delivery;
mod page;
mod relay;
mod report;
mod values;

use std::fmt::Debug;

pub(super) use self::values::{event, large_event, relay, sub};
use super::Wire;

pub(super) trait Samples: Wire + Debug + PartialEq {
    /// Messages of up to some hundred bytes, at least one of each variant.
    fn small() -> Vec<Self>;
    /// Messages as large as the engine's limits allow.
    fn large() -> Vec<Self> {
        Vec::new()
    }
}

/// A small generator (xorshift), the same numbers for the same seed.
pub(super) struct Seeded(u64);

impl Seeded {
    pub(super) fn new(seed: u64) -> Seeded {
        Seeded(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    /// Overwrites, cuts or repeats a part.
    pub(super) fn change(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        match self.below(16) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => bytes[at] = 0xff,
            3..=6 => bytes[at] = self.below(16) as u8,
            7..=9 => bytes[at] ^= 1 << self.below(8),
            10..=12 => bytes[at] = bytes[at].wrapping_add(4),
            _ => bytes[at] = self.below(256) as u8,
        }
    }
}
