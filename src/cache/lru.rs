//! What was read lately, within a bound of bytes; what was longest unused goes first.
//!
//! The store keeps two of them: whole blocks, and single events. A question for many events all over the store
//! reads more blocks than are kept, each time it is asked; its events are a fiftieth of that.

use super::bytes::NumberMap;

/// A number that the owner gives to what it keeps.
pub type Key = u64;

pub struct Lru<V> {
    places: NumberMap<usize>,
    /// A ring in the order of use through `newer` and `older`. The first item holds nothing: its `older` is the
    /// newest, its `newer` the oldest.
    items: Vec<Item<V>>,
    /// Items out of the ring.
    free: Vec<usize>,
    bytes: usize,
    limit_bytes: usize,
}

struct Item<V> {
    key: Key,
    value: Option<V>,
    bytes: usize,
    newer: usize,
    older: usize,
}

impl<V> Item<V> {
    fn new(key: Key, value: Option<V>, bytes: usize) -> Item<V> {
        let (newer, older) = (RING, RING);
        Item {
            key,
            value,
            bytes,
            newer,
            older,
        }
    }
}

/// What an item takes besides its bytes: many small ones must not cost much more than the bound.
const ITEM_BYTES: usize = 80;
/// The item that holds nothing.
const RING: usize = 0;

impl<V> Lru<V> {
    pub fn new(limit_bytes: usize) -> Lru<V> {
        Lru {
            places: NumberMap::default(),
            items: vec![Item::new(0, None, 0)],
            free: Vec::new(),
            bytes: 0,
            limit_bytes,
        }
    }

    /// What is kept under `key`, as the newest from now on.
    pub fn get(&mut self, key: Key) -> Option<&V> {
        let at = *self.places.get(&key)?;
        self.unlink(at);
        self.link(at);
        self.items.get(at)?.value.as_ref()
    }

    /// Whether something is kept under `key`. That is no use of it.
    pub fn contains(&self, key: Key) -> bool {
        self.places.contains_key(&key)
    }

    /// Keeps `value`, which has so many bytes, and makes room for them.
    pub fn insert(&mut self, key: Key, value: V, bytes: usize) {
        self.remove(key);
        let item = Item::new(key, Some(value), bytes + ITEM_BYTES);
        self.bytes += item.bytes;
        let at = self.free.pop().unwrap_or(self.items.len());
        match self.items.get_mut(at) {
            Some(place) => *place = item,
            None => self.items.push(item),
        }
        self.places.insert(key, at);
        self.link(at);
        while self.bytes > self.limit_bytes
            && let Some(oldest) = self.oldest()
        {
            self.remove(oldest);
        }
    }

    pub fn remove(&mut self, key: Key) {
        let Some(at) = self.places.remove(&key) else { return };
        self.unlink(at);
        self.free.push(at);
        if let Some(item) = self.items.get_mut(at) {
            self.bytes -= item.bytes;
            *item = Item::new(key, None, 0);
        }
    }

    pub fn clear(&mut self) {
        *self = Lru::new(self.limit_bytes);
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn oldest(&self) -> Option<Key> {
        let at = self.items.get(RING)?.newer;
        self.items.get(at).filter(|_| at != RING).map(|item| item.key)
    }

    /// Puts an item into the ring as the newest.
    fn link(&mut self, at: usize) {
        let newest = self.items.get(RING).map_or(RING, |ring| ring.older);
        if let Some(item) = self.items.get_mut(at) {
            (item.newer, item.older) = (RING, newest);
        }
        self.join(newest, at);
        self.join(at, RING);
    }

    /// Takes an item out of the ring.
    fn unlink(&mut self, at: usize) {
        if let Some(item) = self.items.get(at) {
            self.join(item.older, item.newer);
        }
    }

    fn join(&mut self, older: usize, newer: usize) {
        if let Some(item) = self.items.get_mut(older) {
            item.newer = newer;
        }
        if let Some(item) = self.items.get_mut(newer) {
            item.older = older;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 40 + ITEM_BYTES;

    #[test]
    fn what_was_longest_unused_goes_first_and_the_bound_holds() {
        let mut lru = Lru::new(2 * SIZE + 10);
        for key in 0..3 {
            lru.insert(key, vec![key as u8; 40], 40);
            lru.get(0);
        }
        assert!(lru.get(0) == Some(&vec![0; 40]) && lru.get(2) == Some(&vec![2; 40]));
        assert!(lru.get(1).is_none());
        lru.insert(2, vec![0; 10], 10);
        assert_eq!(lru.bytes(), 2 * SIZE - 30);
        lru.insert(9, vec![0; 3 * SIZE], 3 * SIZE);
        assert_eq!((lru.bytes(), lru.get(9)), (0, None));
        lru.insert(9, vec![7], 1);
        assert_eq!((lru.bytes(), lru.get(9)), (1 + ITEM_BYTES, Some(&vec![7])));
    }

    #[test]
    fn it_keeps_what_a_plain_list_in_the_order_of_use_keeps() {
        let (mut lru, mut list) = (Lru::new(10 * SIZE), Vec::<(Key, u8)>::new());
        let mut state = 7u64;
        for n in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (key, choice) = (state >> 60, state >> 40 & 7);
            let at = list.iter().position(|(known, _)| *known == key);
            match choice {
                0 => {
                    at.map(|at| list.remove(at));
                    lru.remove(key);
                }
                1..4 => {
                    at.map(|at| list.remove(at));
                    list.push((key, n as u8));
                    list.drain(..list.len().saturating_sub(10));
                    lru.insert(key, vec![n as u8; 40], 40);
                }
                _ => {
                    let known = at.map(|at| list.remove(at));
                    list.extend(known);
                    assert_eq!(lru.get(key), known.map(|(_, byte)| vec![byte; 40]).as_ref());
                }
            }
            assert_eq!((lru.bytes(), lru.places.len()), (list.len() * SIZE, list.len()));
            assert!(lru.items.len() <= 12, "{} items for 10", lru.items.len());
        }
        lru.clear();
        assert_eq!((lru.bytes(), lru.get(1)), (0, None));
    }
}
