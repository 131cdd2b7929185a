//! Copies: tabs that save the same event at once have it in a segment each.
//!
//! One copy is served. The others count as waste in their segments and compaction leaves them out, on condition that
//! the segment of the served one is as it was, so that no batch takes the last copy away, whoever else writes.
//! A mark says that an event is dead, never that there is another copy: two tabs would mark each other's.

use std::collections::{HashMap, HashSet};

use super::index::{Place, Slot};
use super::segment::Spot;
use super::store::Store;
use super::writing::Writing;

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub segment: u32,
    pub spot: Spot,
    pub length: u32,
}

/// The copies that are not served, by the slot of their event, which is alive.
pub(super) type Copies = HashMap<Slot, Vec<Located>>;

impl Store {
    /// A segment has an event that is alive.
    pub(super) fn found_copy(&mut self, slot: Slot, copy: Located) {
        match self.index.get(slot).map(|entry| entry.place) {
            Some(Place::At { .. }) => {
                let copies = self.copies.entry(slot).or_default();
                // What was asked for by its id is come across twice.
                if !copies.contains(&copy) {
                    copies.push(copy);
                }
            }
            Some(Place::Lost) => self.serve(slot, copy),
            // It has been written: by us, or by another tab that was faster. Its id is reported with its group.
            Some(Place::Unsaved) => {
                self.release(slot);
                self.serve(slot, copy);
            }
            None => {}
        }
    }

    /// The copies at these spots are dead or gone: what was served from there is served from elsewhere, or removed.
    pub(super) fn lose_copies(&mut self, dead: &HashSet<(u32, Spot)>) {
        self.drop_copies(|copy| dead.contains(&(copy.segment, copy.spot)));
        for slot in self.index.slots_at(dead) {
            self.serve_another(slot);
        }
    }

    /// The copies in these segments are gone; what was served from there and has no other is `Place::Lost`.
    pub(super) fn lose_segments(&mut self, gone: &HashSet<u32>) {
        self.index.lose(gone);
        self.drop_copies(|copy| gone.contains(&copy.segment));
        let is_lost = |slot: &Slot| self.index.get(*slot).is_some_and(|entry| entry.place == Place::Lost);
        let doubled: Vec<Slot> = self.copies.keys().copied().filter(is_lost).collect();
        for slot in doubled {
            self.serve_another(slot);
        }
    }

    /// The served copy is dead, gone or damaged: the next one is served, or the event is removed.
    pub(super) fn serve_another(&mut self, slot: Slot) {
        let Some(entry) = self.index.get(slot).copied() else {
            return;
        };
        let mut copies = self.copies.remove(&slot).unwrap_or_default();
        let Some(copy) = copies.pop() else {
            self.remove(slot);
            return;
        };
        if !copies.is_empty() {
            self.copies.insert(slot, copies);
        }
        if let Place::At { segment, .. } = entry.place {
            self.count_dead(segment, entry.length);
        }
        self.serve(slot, copy);
        self.reconsider(&copy);
    }

    /// The event of this copy is dead.
    pub(super) fn bury_copy(&mut self, copy: &Located) {
        self.mark(copy.segment, copy.spot);
        self.reconsider(copy);
    }

    /// A compaction that has left the copy out begins again: by now it is served, or what killed it is to be durable
    /// first. One that is being written has its condition.
    fn reconsider(&mut self, copy: &Located) {
        let compacted = self.compaction.as_ref().is_some_and(|c| c.has_input(copy.segment));
        if compacted && !matches!(self.writing, Some(Writing::Compaction(_))) {
            self.compaction = None;
        }
    }

    /// The segments of served copies on which it depends that nothing is lost when `inputs` go.
    pub(super) fn relied_on(&self, inputs: &[u32]) -> HashSet<u32> {
        let left_out = |copies: &[Located]| copies.iter().any(|copy| inputs.contains(&copy.segment));
        let doubled = self.copies.iter().filter(|(_, copies)| left_out(copies));
        let served = doubled.filter_map(|(slot, _)| match self.index.get(*slot)?.place {
            Place::At { segment, .. } => Some(segment),
            Place::Unsaved | Place::Lost => None,
        });
        served.filter(|segment| !inputs.contains(segment)).collect()
    }

    fn serve(&mut self, slot: Slot, copy: Located) {
        let Located { segment, spot, length } = copy;
        self.index.set_place(slot, Place::At { segment, spot }, length);
        self.count_live(segment, length);
    }

    fn drop_copies(&mut self, gone: impl Fn(&Located) -> bool) {
        self.copies.retain(|_, copies| {
            copies.retain(|copy| !gone(copy));
            !copies.is_empty()
        });
    }
}
