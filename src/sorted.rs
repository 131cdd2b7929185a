//! Ordered maps and sets of a few hundred entries, and one sort for every type.
//!
//! `BTreeMap` compiles to some 3 KB for each pair of types and `slice::sort` to 4 KB for each type, in a file that every
//! visitor downloads. Here a map is a sorted `Vec`, and sorting is done on positions by code that knows no type.
//! Not for what grows with the store or with a stranger's input: putting in and taking out moves all that come after.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// Sorts by `compare`; what is equal keeps its order.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let shared: &[T] = items;
    let by_position = |a: usize, b: usize| match (shared.get(a), shared.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    };
    for (a, b) in swaps(shared.len(), &by_position) {
        items.swap(a, b);
    }
}

/// Sorts by what `key` makes of each; what is equal keeps its order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts by the items' own order.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Each item once, where the first of those with its `key` stands.
pub fn unique_by_key<T, K: Ord>(mut items: Vec<T>, key: impl Fn(&T) -> &K) -> Vec<T> {
    let shared: &[T] = &items;
    let by_position = |a: usize, b: usize| shared.get(a).map(&key).cmp(&shared.get(b).map(&key));
    let mut firsts = firsts(shared.len(), &by_position).into_iter();
    items.retain(|_| firsts.next() == Some(true));
    items
}

/// Of each of `len` items, whether it is the first of its equals.
fn firsts(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<bool> {
    let order = order(len, compare);
    let mut firsts = vec![true; len];
    for (earlier, later) in order.iter().zip(order.iter().skip(1)) {
        if let Some(first) = firsts.get_mut(*later) {
            *first = compare(*earlier, *later).is_ne();
        }
    }
    firsts
}

/// The positions of `len` items in the order of the items; of equals the first comes first.
fn order(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    if !order.is_sorted_by(|a, b| compare(*a, *b).is_le()) {
        order.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
    }
    order
}

/// The swaps that bring `len` items into order, one after another.
fn swaps(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<(usize, usize)> {
    let mut order = order(len, compare);
    let mut swaps = Vec::new();
    for start in 0..len {
        // Along one cycle: each place gets its item, and the last one what stood at `start`.
        let mut at = start;
        while let Some(from) = order.get_mut(at).map(|from| std::mem::replace(from, at))
            && from != start
            && from != at
        {
            swaps.push((at, from));
            at = from;
        }
    }
    swaps
}

/// A map in the order of its keys. What its methods do, those of `BTreeMap` do by the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap::new()
    }
}

impl<K, V> SortedMap<K, V> {
    pub const fn new() -> SortedMap<K, V> {
        SortedMap(Vec::new())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_iter().map(|(_, value)| value)
    }

    /// Keeps what `keep` says, asked in order.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    /// Takes out the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// The entry with the least key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.0.first().map(|(key, value)| (key, value))
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where `key` is, or else where it belongs.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(at, _)| at.borrow().cmp(key))
    }

    /// The entry of `key`, with the key as it is kept.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(key, value)| (key, value))
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// The entries from `key` on.
    pub fn range_from<Q: Ord + ?Sized>(&self, key: &Q) -> impl Iterator<Item = (&K, &V)>
    where
        K: Borrow<Q>,
    {
        let from = self.find(key).unwrap_or_else(|at| at);
        self.iter().skip(from)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Puts `value` in the place of the one that `key` had, which is returned.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        Some(self.0.remove(at))
    }

    /// The value of `key`, which `make` makes if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = self.find(&key).unwrap_or_else(|at| {
            self.0.insert(at, (key, make()));
            at
        });
        #[expect(clippy::indexing_slicing, reason = "the place was found, or filled, a line above")]
        &mut self.0[at].1
    }
}

impl<K: Ord, V: Default> SortedMap<K, V> {
    /// The value of `key`, put in if there is none.
    pub fn get_or_default(&mut self, key: K) -> &mut V {
        self.get_or_insert_with(key, V::default)
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    /// Of two values for one key the later stays.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        self.0.extend(pairs);
        self.0.reverse();
        sort_by(&mut self.0, |(a, _), (b, _)| a.cmp(b));
        self.0.dedup_by(|(a, _), (b, _)| a == b);
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> SortedMap<K, V> {
        let mut map = SortedMap::new();
        map.extend(pairs);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(pairs: [(K, V); N]) -> SortedMap<K, V> {
        pairs.into_iter().collect()
    }
}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl<'a, K, V> IntoIterator for &'a mut SortedMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = std::iter::Map<std::slice::IterMut<'a, (K, V)>, fn(&'a mut (K, V)) -> (&'a K, &'a mut V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A set in the order of its members. What its methods do, those of `BTreeSet` do by the same names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortedSet<T>(Vec<T>);

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        SortedSet::new()
    }
}

impl<T> SortedSet<T> {
    pub const fn new() -> SortedSet<T> {
        SortedSet(Vec::new())
    }

    /// The members, least first.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }

    /// The least member.
    pub fn first(&self) -> Option<&T> {
        self.0.first()
    }

    /// Takes the least member out.
    pub fn pop_first(&mut self) -> Option<T> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }
}

impl<T: Ord> SortedSet<T> {
    fn find<Q: Ord + ?Sized>(&self, value: &Q) -> Result<usize, usize>
    where
        T: Borrow<Q>,
    {
        self.0.binary_search_by(|at| at.borrow().cmp(value))
    }

    pub fn contains<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.find(value).is_ok()
    }

    pub fn is_subset(&self, other: &SortedSet<T>) -> bool {
        self.0.iter().all(|value| other.contains(value))
    }

    /// Puts `value` in; false if it was there.
    pub fn insert(&mut self, value: T) -> bool {
        self.find(&value).map_err(|at| self.0.insert(at, value)).is_err()
    }

    /// Takes `value` out; false if it was not there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.find(value).map(|at| self.0.remove(at)).is_ok()
    }
}

impl<T: Ord> Extend<T> for SortedSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.0.extend(values);
        sort(&mut self.0);
        self.0.dedup();
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> SortedSet<T> {
        let mut set = SortedSet::new();
        set.extend(values);
        set
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for SortedSet<T> {
    fn from(values: [T; N]) -> SortedSet<T> {
        values.into_iter().collect()
    }
}

impl<T> IntoIterator for SortedSet<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a SortedSet<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Numbers that look drawn by lot, from a seed.
    fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
        move |below| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % below
        }
    }

    #[test]
    fn sorting_is_stable_and_agrees_with_the_standard_sort() {
        for seed in 0..200 {
            let mut draw = numbers(seed);
            let len = draw(70);
            let mut ours: Vec<(u64, String)> = (0..len).map(|n| (draw(20), n.to_string())).collect();
            let mut theirs = ours.clone();
            sort_by_key(&mut ours, |(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            assert_eq!(ours, theirs, "seed {seed}");
        }
    }

    #[test]
    fn the_first_of_equals_stays_in_its_place() {
        let items = vec![("b", 1), ("a", 2), ("b", 3), ("a", 4), ("c", 5)];
        assert_eq!(unique_by_key(items, |(name, _)| name), [("b", 1), ("a", 2), ("c", 5)]);
        assert!(unique_by_key(Vec::<u8>::new(), |n| n).is_empty());
    }

    #[test]
    fn a_map_does_as_the_standard_one_does() {
        for seed in 0..50 {
            let mut draw = numbers(seed);
            let pairs: Vec<(u64, u64)> = (0..draw(20)).map(|_| (draw(10), draw(100))).collect();
            let (mut ours, mut theirs): (SortedMap<_, _>, BTreeMap<_, _>) =
                (pairs.iter().copied().collect(), pairs.iter().copied().collect());
            for _ in 0..100 {
                let (key, value) = (draw(30), draw(100));
                match draw(4) {
                    0 => assert_eq!(ours.insert(key, value), theirs.insert(key, value)),
                    1 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                    2 => assert_eq!(
                        ours.get_or_insert_with(key, || value),
                        theirs.entry(key).or_insert(value)
                    ),
                    _ => {
                        ours.retain(|key, n| (*key + *n) % 7 != 0);
                        theirs.retain(|key, n| (*key + *n) % 7 != 0);
                    }
                }
                assert_eq!(ours.get(&key), theirs.get(&key));
                assert!(ours.iter().eq(theirs.iter()), "seed {seed}: {ours:?} {theirs:?}");
            }
        }
    }

    #[test]
    fn a_set_does_as_the_standard_one_does() {
        for seed in 0..50 {
            let mut draw = numbers(seed);
            let values: Vec<u64> = (0..draw(20)).map(|_| draw(10)).collect();
            let (mut ours, mut theirs): (SortedSet<_>, BTreeSet<_>) =
                (values.iter().copied().collect(), values.iter().copied().collect());
            for _ in 0..100 {
                let value = draw(30);
                match draw(3) {
                    0 => assert_eq!(ours.insert(value), theirs.insert(value)),
                    1 => assert_eq!(ours.remove(&value), theirs.remove(&value)),
                    _ => assert_eq!(ours.pop_first(), theirs.pop_first()),
                }
                assert_eq!(ours.contains(&value), theirs.contains(&value));
                assert!(ours.iter().eq(theirs.iter()), "seed {seed}: {ours:?} {theirs:?}");
            }
        }
    }
}
