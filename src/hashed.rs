//! Maps and sets that hash in another way than `HashMap` by itself.
//!
//! Some keys are hashes already: an event's id, or a keyed hash of our own. Hashing these once more gains nothing, and the
//! parser and connections look up each event in several of them. Ids are chosen by strangers, but as SHA-256 gives them: thousands in one place of a map are hours of work for
//! whoever wants to make a lookup take a microsecond.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

/// A map by keys that are hashes.
pub type HashedMap<K, V> = HashMap<K, V, BuildByPrefix>;
/// A set of such keys.
pub type HashedSet<K> = HashSet<K, BuildByPrefix>;
/// A map that is in the same order in every run: for what is walked through, since what is done first must not depend on
/// what nobody can repeat. Not for keys that strangers choose, who could make them meet.
pub type SteadyMap<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
pub type BuildByPrefix = BuildHasherDefault<ByPrefix>;

/// Takes the first eight bytes for the hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByPrefix(u64);

impl Hasher for ByPrefix {
    fn write(&mut self, bytes: &[u8]) {
        // What is shorter is the key's length, which all keys of a map share.
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, Hash};

    use super::*;
    use crate::nostr::event::EventId;

    fn hash(key: impl Hash) -> u64 {
        BuildByPrefix::default().hash_one(key)
    }

    #[test]
    fn the_hash_of_an_id_is_its_beginning() {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&123_456_789u64.to_le_bytes());
        assert_eq!(hash(EventId(id)), 123_456_789);
        assert_eq!(hash(u64::from_le(123_456_789)), 123_456_789);
    }
}
