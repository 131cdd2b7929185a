//! A set within a bound, which forgets the oldest of what was put in.

use std::borrow::Borrow;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};

/// The last values that were put in. Each stands once in `order`, oldest first, and once in `set`.
#[derive(Debug)]
pub struct RecentSet<T, S = RandomState> {
    set: HashSet<T, S>,
    order: VecDeque<T>,
    capacity: usize,
}

impl<T: Eq + Hash + Clone, S: BuildHasher + Default> RecentSet<T, S> {
    /// A set of at most `capacity` values.
    pub fn new(capacity: usize) -> RecentSet<T, S> {
        RecentSet {
            set: HashSet::default(),
            order: VecDeque::new(),
            capacity,
        }
    }

    /// Puts `value` in; false if it was there, which makes it no younger.
    pub fn insert(&mut self, value: T) -> bool {
        if !self.set.insert(value.clone()) {
            return false;
        }
        self.order.push_back(value);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }

    pub fn contains<Q: Eq + Hash + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.set.contains(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_memory_is_bounded() {
        let mut recent: RecentSet<i32> = RecentSet::new(3);
        for n in 0..10 {
            assert!(recent.insert(n));
        }
        assert_eq!((recent.order.len(), recent.set.len()), (3, 3));
        assert!(recent.contains(&7) && recent.contains(&9) && !recent.contains(&6));
    }

    #[test]
    fn what_is_put_in_again_is_told_and_stays_as_old_as_it_is() {
        let mut recent: RecentSet<i32> = RecentSet::new(2);
        assert!(recent.insert(1) && recent.insert(2));
        assert!(!recent.insert(1));
        assert!(recent.insert(3));
        assert!(!recent.contains(&1) && recent.contains(&2));
    }
}
