//! Little-endian bytes of the store's blobs: reading without panics, and the store's hash. Beside it, maps by numbers.
//!
//! It knows no layout; `record` and `segment` do.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Reads a blob from its start. Every method returns none past the end.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of one byte for every seven bits.
    pub fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A count of things that take at least `each` bytes, so that a wrong count cannot ask for memory.
    pub fn count(&mut self, each: usize) -> Option<usize> {
        let count = usize::try_from(self.varint()?).ok()?;
        (count.checked_mul(each)? <= self.0.len()).then_some(count)
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let length = self.count(1)?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }
}

/// Appends what `Reader::varint` reads.
pub fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends what `Reader::text` reads.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    push_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// A map by numbers of ours, or by what `hash` has made: a stranger who makes some meet costs time in one question.
pub type NumberMap<T> = HashMap<u64, T, BuildHasherDefault<NumberHasher>>;

/// A set of such numbers.
pub type NumberSet = HashSet<u64, BuildHasherDefault<NumberHasher>>;

/// Spreads a number over 64 bits. The library's own hash takes longer than all else that a look-up does.
#[derive(Default)]
pub struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A step of `hash`.
pub(super) fn mix(state: u64, word: u64) -> u64 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let state = (state ^ word).wrapping_mul(PRIME);
    state ^ state >> 32
}

/// A 64-bit hash that is the same in every build, because it is kept on disk.
///
/// It is no match for somebody who looks for collisions: whoever uses it as a key
/// compares the real values afterwards. Hand-written (FNV's way, eight bytes a
/// step) because a crate's promise to stay the same is not its users' to keep.
pub fn hash(parts: &[&[u8]]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325u64;
    for part in parts {
        state = mix(state, part.len() as u64);
        let mut words = part.chunks_exact(8);
        for word in &mut words {
            state = mix(state, word.try_into().map_or(0, u64::from_le_bytes));
        }
        let rest = words.remainder();
        let mut last = [0u8; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        state = mix(state, u64::from_le_bytes(last));
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_and_never_read_past_the_end() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            push_varint(&mut out, value);
            assert_eq!(Reader(&out).varint(), Some(value));
            out.pop();
            assert_eq!(Reader(&out).varint(), None);
        }
        assert_eq!(Reader(&[0x80; 11]).varint(), None);
    }

    #[test]
    fn a_count_larger_than_the_blob_is_refused() {
        assert_eq!(Reader(&[3, 1, 2, 3]).count(1), Some(3));
        assert_eq!(Reader(&[3, 1, 2]).count(1), None);
        assert_eq!(Reader(&[3, 1, 2, 3]).count(32), None);
    }

    #[test]
    fn the_hash_is_the_one_on_disk_and_tells_parts_apart() {
        assert_eq!(hash(&[b"e", b"value"]), 0x215243796a4324a4);
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"a"]), hash(&[b"a\0"]));
    }
}
