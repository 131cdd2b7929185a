//! Which postings a filter is read from: the fewest that a match must be under, merged newest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};

use super::index::{Entry, Index, Rank, Slot, age, key};
use super::meta::tag_hash;
use crate::nostr::event::EventId;
use crate::nostr::filter::Filter;
use crate::nostr::kind::Kind;
use crate::sorted;
use crate::time::UnixSeconds;

/// More author and kind pairs than this are looked up by author, and their kinds compared.
const MAX_PAIRS: usize = 2_000;
/// How far postings are counted to find the shortest way.
const ESTIMATE: usize = 1_000;

/// The postings a filter is read from, and what is to be checked besides.
pub struct Plan {
    lists: Vec<List>,
    heads: BinaryHeap<Reverse<Head>>,
    ids: Option<HashSet<EventId>>,
    authors: Option<HashSet<u32>>,
    kinds: Option<HashSet<Kind>>,
    /// One of each must be had, besides those whose postings are read.
    tags: Vec<Vec<u64>>,
}

struct List {
    key: u64,
    next_age: Option<u32>,
    group: VecDeque<Slot>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    created_at: Reverse<UnixSeconds>,
    id: EventId,
    slot: Slot,
    list: usize,
}

impl Plan {
    /// The way to the events that `filter` may match, those that rank behind `after` if there is one.
    pub fn new(filter: &Filter, index: &Index, after: Option<Rank>) -> Plan {
        let authors: Option<HashSet<u32>> = filter
            .authors
            .as_ref()
            .map(|authors| authors.iter().filter_map(|author| index.author(author)).collect());
        let kinds: Option<HashSet<Kind>> = filter.kinds.as_ref().map(|kinds| kinds.iter().copied().collect());
        let tags: Vec<Vec<u64>> = filter
            .tags
            .iter()
            .map(|(letter, values)| {
                let mut keys: Vec<u64> = values.iter().map(|v| key::tag(tag_hash(*letter, v))).collect();
                sorted::sort(&mut keys);
                keys.dedup();
                keys
            })
            .collect();
        let ids: Option<HashSet<EventId>> = filter.ids.as_ref().map(|ids| ids.iter().copied().collect());
        let keys = shortest(index, &ids, &authors, &kinds, &tags);
        // What is read from these values' postings need not be looked up under each of them.
        let tags: Vec<Vec<u64>> = tags.into_iter().filter(|values| *values != keys).collect();
        let from = match (after, filter.until) {
            (Some((Reverse(last), _)), _) => age(last),
            (None, Some(until)) => age(until),
            (None, None) => 0,
        };
        let mut plan = Plan {
            lists: keys
                .into_iter()
                .map(|key| List {
                    key,
                    next_age: Some(from),
                    group: VecDeque::new(),
                })
                .collect(),
            heads: BinaryHeap::new(),
            ids,
            authors,
            kinds,
            tags,
        };
        for list in 0..plan.lists.len() {
            plan.refill(index, list);
        }
        plan
    }

    /// When the next event was made.
    pub fn next_created_at(&self) -> Option<UnixSeconds> {
        self.heads.peek().map(|Reverse(head)| head.created_at.0)
    }

    /// The next event of all lists, each once.
    pub fn pop(&mut self, index: &Index) -> Option<(Rank, Slot)> {
        let Reverse(head) = self.heads.pop()?;
        self.refill(index, head.list);
        while let Some(same) = self.heads.peek().filter(|other| other.0.slot == head.slot) {
            let list = same.0.list;
            self.heads.pop();
            self.refill(index, list);
        }
        Some(((head.created_at, head.id), head.slot))
    }

    /// Puts the next event of `list` among the heads.
    fn refill(&mut self, index: &Index, number: usize) {
        let Some(list) = self.lists.get_mut(number) else { return };
        loop {
            while let Some(slot) = list.group.pop_front() {
                if let Some((created_at, id)) = index.rank(slot) {
                    self.heads.push(Reverse(Head {
                        created_at,
                        id,
                        slot,
                        list: number,
                    }));
                    return;
                }
            }
            let Some(from) = list.next_age else { return };
            let Some((age, slots)) = index.group(list.key, from) else {
                list.next_age = None;
                return;
            };
            list.next_age = age.checked_add(1);
            list.group = slots.into();
        }
    }

    /// Whether the live event in `slot` has all that is checked besides the postings.
    pub fn admits(&self, index: &Index, slot: Slot) -> bool {
        index.get(slot).is_some_and(|entry| self.admits_entry(entry))
            && self
                .tags
                .iter()
                .all(|keys| keys.iter().any(|key| index.has(slot, *key)))
    }

    fn admits_entry(&self, entry: &Entry) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&entry.id))
            && self
                .authors
                .as_ref()
                .is_none_or(|authors| authors.contains(&entry.author))
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&entry.kind))
    }
}

/// The keys with the fewest postings between them that a match must be under.
fn shortest(
    index: &Index,
    ids: &Option<HashSet<EventId>>,
    authors: &Option<HashSet<u32>>,
    kinds: &Option<HashSet<Kind>>,
    tags: &[Vec<u64>],
) -> Vec<u64> {
    if let Some(ids) = ids {
        return ids.iter().map(key::id).collect();
    }
    let mut ways: Vec<Vec<u64>> = tags.to_vec();
    match (authors, kinds) {
        (Some(authors), Some(kinds)) if authors.len() * kinds.len() <= MAX_PAIRS => {
            let pairs = authors
                .iter()
                .flat_map(|author| kinds.iter().map(|kind| (*author, *kind)));
            ways.push(pairs.map(|(author, kind)| key::author_kind(author, kind)).collect());
        }
        (Some(authors), _) => ways.push(authors.iter().map(|author| key::author(*author)).collect()),
        (None, Some(kinds)) => ways.push(kinds.iter().map(|kind| key::kind(*kind)).collect()),
        (None, None) => {}
    }
    if ways.len() < 2 {
        return ways.pop().unwrap_or_else(|| vec![key::ALL]);
    }
    let cost = |keys: &Vec<u64>| {
        let mut counted = 0;
        for key in keys {
            if counted >= ESTIMATE {
                break;
            }
            counted += index.count(*key, ESTIMATE - counted);
        }
        counted
    };
    ways.into_iter().min_by_key(cost).unwrap_or_default()
}
