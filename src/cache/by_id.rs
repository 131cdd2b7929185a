//! What is asked for by its id while the index is being read in goes into the index before all else.
//!
//! To put an event into the index takes ten times as long as to look at its id in an index blob, so the blobs are read
//! and looked through first, and wait in memory for their turn. Those who ask for anything else are not held up by it.

use super::index_blob;
use super::load::{Arrived, ITEMS_PER_STEP, Load};
use super::store::Store;
use crate::nostr::event::EventId;
use crate::time::UnixSeconds;

/// Index blobs looked through for ids in one step: under a millisecond in a browser.
const LOOKS_PER_STEP: usize = 8;

impl Store {
    /// `Store::frontier` for those whose ids are wanted: events from then or before may be there without being found.
    pub fn frontier_of_ids(&self) -> Option<UnixSeconds> {
        self.load.frontier(|arrived| !arrived.is_known())
    }

    /// Nothing can be done for those who ask by id before the disk has given more.
    pub fn reads_for_ids(&self) -> bool {
        !self.load.ids.is_empty() && !self.load.reading.is_empty() && self.load.arrived.iter().all(Arrived::is_known)
    }

    /// Lookups wait for events of these ids: they are put into the index before all others.
    ///
    /// With them go those that decide which others are kept, so that nothing is found that has been replaced or deleted.
    pub fn want(&mut self, ids: &[EventId]) {
        if self.load.complete || ids.is_empty() {
            return;
        }
        let known = self.load.ids.len();
        self.load.ids.extend(ids.iter().map(index_blob::head));
        if self.load.ids.len() > known {
            for arrived in &mut self.load.arrived {
                arrived.looked_at = false;
            }
        }
        self.read_on();
    }

    /// Puts the events into the index that go before all others, as many as one step may; how many.
    pub(super) fn index_first(&mut self, now: UnixSeconds) -> usize {
        let (mut done, mut looks) = (0, 0);
        for at in 0..self.load.arrived.len() {
            let Load { arrived, ids, .. } = &mut self.load;
            let Some(arrived) = arrived.get_mut(at) else { break };
            if !arrived.looked_at && !ids.is_empty() {
                looks += 1;
                arrived.looked_at = true;
                arrived.first.extend(arrived.items.pick(ids));
            }
            let rest = arrived.first.len().saturating_sub(ITEMS_PER_STEP - done);
            let items = arrived.first.split_off(rest);
            let number = arrived.segment;
            done += items.len();
            for item in items {
                self.index_item(number, item, now);
            }
            if done == ITEMS_PER_STEP || looks == LOOKS_PER_STEP {
                break;
            }
        }
        done
    }
}

impl Arrived {
    /// Those of its events that were wanted by id are in the index.
    fn is_known(&self) -> bool {
        self.looked_at && self.first.is_empty()
    }
}
