//! The books on the segments that are known: changes by other writers, segments that are gone, and what is where.

use std::collections::HashSet;

use super::index::{Place, Slot};
use super::reading::block_id;
use super::segment::{self, Item, Keys, Spot};
use super::store::Store;

impl Store {
    pub(super) fn is_changed(&mut self, number: u32, keys: &Keys) -> bool {
        let Some(home) = self.segments.get_mut(number as usize).and_then(Option::as_mut) else {
            return false;
        };
        home.blocks.clone_from(&keys.blocks);
        home.mark_keys != keys.marks
    }

    pub(super) fn take_marks(&mut self, number: u32, keys: Keys, marks: HashSet<Spot>) {
        let Some(home) = self.segments.get_mut(number as usize).and_then(Option::as_mut) else {
            return;
        };
        home.mark_keys = keys.marks;
        let dead: HashSet<(u32, Spot)> = marks.difference(&home.marks).map(|spot| (number, *spot)).collect();
        for slot in self.index.slots_at(&dead) {
            self.remove(slot);
        }
    }

    /// Segments that another writer has removed; what was in them is looked for elsewhere.
    pub(super) fn forget_segments(&mut self, gone: &HashSet<u32>) {
        if gone.is_empty() {
            return;
        }
        for number in gone {
            if let Some(home) = self.segments.get_mut(*number as usize).and_then(Option::take) {
                self.names.remove(&home.name);
                for block in home.blocks {
                    self.blocks.remove(block_id(*number, block));
                }
            }
            self.dirty.remove(number);
        }
        self.index.lose(gone);
        if self.compaction.as_ref().is_some_and(|c| c.reads_any_of(gone)) {
            self.compaction = None;
        }
    }

    pub(super) fn segment_keys(&self, number: u32) -> Vec<String> {
        let Some(home) = self.segments.get(number as usize).and_then(Option::as_ref) else {
            return Vec::new();
        };
        let keys = Keys {
            has_index: true,
            blocks: home.blocks.clone(),
            marks: home.mark_keys.clone(),
        };
        all_keys(&home.name, &keys)
    }

    /// Takes a segment of ours off the books, after its keys were removed.
    pub(super) fn drop_segment(&mut self, number: u32) {
        self.forget_segments(&HashSet::from([number]));
    }

    pub(super) fn slot_at(&self, item: &Item, number: u32) -> Option<Slot> {
        let slot = self.index.find(&item.meta.id)?;
        let here = Place::At {
            segment: number,
            spot: item.spot,
        };
        self.index.get(slot).filter(|entry| entry.place == here).map(|_| slot)
    }
}

pub(super) fn all_keys(name: &str, keys: &Keys) -> Vec<String> {
    let blocks = keys.blocks.iter().map(|block| segment::block_key(name, *block));
    let index = keys.has_index.then(|| segment::index_key(name));
    blocks.chain(index).chain(keys.marks.iter().cloned()).collect()
}
