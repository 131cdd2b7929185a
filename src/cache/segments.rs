//! The books on the segments that are known: changes by other writers, segments that are gone, and what is where.

use std::collections::HashSet;

use super::index::{Place, Slot};
use super::reading::block_id;
use super::segment::{self, Item, Keys, Spot};
use super::store::{Segment, Store};

impl Store {
    pub(super) fn is_changed(&mut self, number: u32, keys: &Keys) -> bool {
        let Some(home) = self.home_mut(number) else {
            return false;
        };
        home.blocks.clone_from(&keys.blocks);
        home.mark_keys != keys.marks
    }

    pub(super) fn take_marks(&mut self, number: u32, keys: Keys, marks: HashSet<Spot>) {
        let Some(home) = self.home_mut(number) else {
            return;
        };
        home.mark_keys = keys.marks;
        let dead: HashSet<(u32, Spot)> = marks.difference(&home.marks).map(|spot| (number, *spot)).collect();
        home.marks.extend(marks);
        self.lose_copies(&dead);
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
        self.lose_segments(gone);
        if self
            .compaction
            .as_ref()
            .is_some_and(|c| gone.iter().any(|number| c.has_input(*number)))
        {
            self.compaction = None;
        }
    }

    pub(super) fn segment_keys(&self, number: u32) -> Vec<String> {
        let Some(home) = self.home(number) else {
            return Vec::new();
        };
        let keys = Keys {
            has_index: true,
            blocks: home.blocks.clone(),
            marks: home.mark_keys.clone(),
        };
        all_keys(&home.name, &keys)
    }

    /// Marks the records of killed events.
    pub(super) fn bury(&mut self, killed: &[Slot]) {
        for slot in killed {
            self.release(*slot);
            self.records.remove((*slot).into());
            let Some(entry) = self.index.dead(*slot) else { continue };
            if let Place::At { segment, spot } = entry.place {
                let length = entry.length;
                self.count_dead(segment, length);
                self.mark(segment, spot);
            }
            for copy in self.copies.remove(slot).unwrap_or_default() {
                self.bury_copy(&copy);
            }
        }
    }

    /// Marks one record dead.
    pub(super) fn mark(&mut self, segment: u32, spot: Spot) {
        if let Some(home) = self.home_mut(segment)
            && home.marks.insert(spot)
        {
            self.dirty.insert(segment);
        }
    }

    /// A record of this length is served from the segment.
    pub(super) fn count_live(&mut self, segment: u32, length: u32) {
        if let Some(home) = self.home_mut(segment) {
            home.live_bytes += u64::from(length) + home.index_share;
        }
    }

    /// It is served from there no more.
    pub(super) fn count_dead(&mut self, segment: u32, length: u32) {
        if let Some(home) = self.home_mut(segment) {
            home.live_bytes = home.live_bytes.saturating_sub(u64::from(length) + home.index_share);
        }
    }

    /// The segment of this number, unless it is gone.
    pub(super) fn home(&self, segment: u32) -> Option<&Segment> {
        self.segments.get(segment as usize)?.as_ref()
    }

    pub(super) fn home_mut(&mut self, segment: u32) -> Option<&mut Segment> {
        self.segments.get_mut(segment as usize)?.as_mut()
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
