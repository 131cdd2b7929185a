//! Forgetting everything, in memory at once and on disk in one batch.
//!
//! What is saved after the word is kept: memory is emptied first, and only the keys that were there then are removed.

use std::sync::Arc;

use super::index::Index;
use super::storage::Batch;
use super::store::Store;
use super::writing::Writing;

/// How far a wipe has come.
#[derive(Default)]
pub(super) enum Wipe {
    #[default]
    None,
    /// It begins when nothing else is under way.
    Wanted,
    /// Memory is empty; these keys are to be removed.
    Keys(Vec<String>),
    Removing,
}

impl Wipe {
    pub fn is_under_way(&self) -> bool {
        !matches!(self, Wipe::None)
    }

    /// A listing would find what is to be removed.
    pub fn waits_for_disk(&self) -> bool {
        matches!(self, Wipe::Keys(_))
    }
}

impl Store {
    /// Forgets every event; `is_wiped` tells when the disk has, too.
    pub fn wipe(&mut self) {
        self.wipe = match std::mem::take(&mut self.wipe) {
            Wipe::Keys(keys) => Wipe::Keys(keys),
            Wipe::None | Wipe::Wanted | Wipe::Removing => Wipe::Wanted,
        };
    }

    pub fn is_wiped(&self) -> bool {
        !self.wipe.is_under_way()
    }

    /// Goes on with a wipe. `waits`: a failed write is not to be tried again yet.
    pub(super) fn drive_wipe(&mut self, waits: bool) {
        let reads = self.compaction.as_ref().is_some_and(super::compact::Compaction::reads);
        if self.writing.is_some() || self.load.is_scanning() || reads {
            return;
        }
        if matches!(self.wipe, Wipe::Wanted) {
            self.wipe = Wipe::Keys(self.forget());
        }
        if waits {
            return;
        }
        match std::mem::take(&mut self.wipe) {
            Wipe::Keys(keys) if keys.is_empty() => {}
            Wipe::Keys(keys) => {
                let batch = Arc::new(Batch {
                    delete: keys,
                    ..Batch::default()
                });
                self.wipe = Wipe::Removing;
                self.begin_write(batch.clone());
                self.writing = Some(Writing::Wipe(batch));
            }
            other => self.wipe = other,
        }
    }

    /// The keys are gone. A wipe that was asked for meanwhile is still to be done.
    pub(super) fn wiped(&mut self) {
        self.failures = 0;
        if matches!(self.wipe, Wipe::Removing) {
            self.wipe = Wipe::None;
        }
    }

    pub(super) fn wipe_failed(&mut self, batch: &Batch) {
        self.wipe = Wipe::Keys(batch.delete.clone());
    }

    /// Empties memory and names the keys of what was stored.
    fn forget(&mut self) -> Vec<String> {
        let mut keys = std::mem::take(&mut self.trash);
        for number in 0..self.segments.len() as u32 {
            keys.extend(self.segment_keys(number));
        }
        let group = std::mem::take(&mut self.group);
        self.acknowledged.extend(group.ids);
        self.index = Index::default();
        self.blocks.clear();
        self.records.clear();
        self.segments.clear();
        self.names.clear();
        self.unsaved.clear();
        self.unsaved_bytes = 0;
        self.copies.clear();
        self.dirty.clear();
        self.repairs.clear();
        self.compaction = None;
        self.eviction = None;
        self.exhausted = false;
        self.pressed = false;
        self.forgot = true;
        keys
    }
}
