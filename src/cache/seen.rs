//! Where events were seen: sets of relays, each kept once, for most events share theirs with many.

use std::collections::HashMap;

use crate::nostr::relay_url::RelayUrl;
use crate::sorted;

/// A set's number; 0 is the empty one.
pub type SeenSet = u16;

/// An event that is on all relays needs no list of all.
const MAX_RELAYS: usize = 16;

/// All sets that there are. They are never forgotten, and there are no more than numbers for them.
#[derive(Default)]
pub struct SeenSets {
    sets: Vec<Vec<RelayUrl>>,
    numbers: HashMap<Vec<RelayUrl>, SeenSet>,
}

impl SeenSets {
    /// The relays of a set, in their order.
    pub fn get(&self, set: SeenSet) -> &[RelayUrl] {
        let at = usize::from(set).checked_sub(1);
        at.and_then(|at| self.sets.get(at)).map_or(&[], Vec::as_slice)
    }

    /// The number of the set of `relays`; that of none where there are too many sets.
    pub fn number(&mut self, mut relays: Vec<RelayUrl>) -> SeenSet {
        sorted::sort(&mut relays);
        relays.dedup();
        relays.truncate(MAX_RELAYS);
        if relays.is_empty() {
            return 0;
        }
        if let Some(known) = self.numbers.get(&relays) {
            return *known;
        }
        let Ok(next) = SeenSet::try_from(self.sets.len() + 1) else {
            return 0;
        };
        self.sets.push(relays.clone());
        self.numbers.insert(relays, next);
        next
    }

    /// The number of `set` with `more` in it.
    pub fn with(&mut self, set: SeenSet, more: Vec<RelayUrl>) -> SeenSet {
        if more.is_empty() {
            return set;
        }
        let relays = self.get(set).iter().cloned().chain(more).collect();
        match self.number(relays) {
            0 => set,
            wider => wider,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relays(names: &[&str]) -> Vec<RelayUrl> {
        let parse = |name: &&str| RelayUrl::parse(&format!("wss://{name}.example")).unwrap();
        names.iter().map(parse).collect()
    }

    #[test]
    fn equal_sets_are_one_whatever_their_order_and_a_union_is_another() {
        let mut sets = SeenSets::default();
        assert_eq!((sets.number(vec![]), sets.get(0)), (0, &[][..]));
        let two = sets.number(relays(&["b", "a"]));
        assert_eq!(sets.number(relays(&["a", "b", "a"])), two);
        assert_eq!(sets.get(two), relays(&["a", "b"]));
        assert_eq!(sets.with(two, relays(&["a"])), two);
        let three = sets.with(two, relays(&["c"]));
        assert_eq!(sets.get(three), relays(&["a", "b", "c"]));
        assert_eq!((sets.with(0, vec![]), sets.get(999)), (0, &[][..]));
    }

    #[test]
    fn neither_a_set_nor_their_number_grows_without_bound() {
        let mut sets = SeenSets::default();
        let name = |n: usize| format!("r{n}");
        let many: Vec<String> = (0..100).map(name).collect();
        let all = sets.number(relays(&many.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(sets.get(all).len(), MAX_RELAYS);
        let mut last = 0;
        for n in 0..70_000 {
            last = sets.number(relays(&[&name(n)]));
        }
        assert_eq!((last, sets.sets.len()), (0, usize::from(SeenSet::MAX)));
        assert_eq!(sets.with(all, relays(&["new"])), all);
    }
}
