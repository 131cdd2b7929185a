//! Writing: saves gathered into one batch, what came of it, and what follows a failure.
//!
//! One batch is in flight at a time. A failed one has changed nothing, so all of it goes again with a later one.

use std::collections::HashSet;
use std::sync::Arc;

use super::copies::Located;
use super::index::Slot;
use super::index_blob;
use super::meta::Meta;
use super::reading::block_id;
use super::segment::{self, BLOCK_BYTES, Blocks, Item, Spot};
use super::storage::{Batch, Expect, StorageError};
use super::store::{Operation, Segment, Store, size_of_event};
use crate::nostr::event::EventId;
use crate::sorted;
use crate::time::{Millis, Now, UnixSeconds};

/// Saves that wait to be written together.
#[derive(Default)]
pub(super) struct Group {
    pub slots: Vec<Slot>,
    /// To be reported when they are durable.
    pub ids: Vec<EventId>,
    pub bytes: u64,
    pub since: Option<Millis>,
    /// When the last of its events came.
    pub newest: Option<Millis>,
    /// All events up to this one, as they were counted, are durable when the group is; see `Store::durable`.
    pub last: u64,
}

/// The batch in flight.
pub(super) enum Writing {
    Group(Box<GroupWrite>),
    Compaction(Arc<Batch>),
    Wipe(Arc<Batch>),
}

/// A group on its way to the disk, with all that has to wait again if it does not get there.
pub(super) struct GroupWrite {
    batch: Arc<Batch>,
    /// The new segment's.
    name: String,
    items: Vec<(Slot, Item)>,
    group: Group,
    /// Segments whose marks are written, and under which key.
    marked: Vec<(u32, String)>,
    trash: Vec<String>,
    repairs: Vec<(String, Vec<u8>)>,
}

/// A group of this size is worth a segment of its own: what is left of a burst.
const QUIET_BYTES: u64 = 32 << 10;
/// A failed write is tried again after so long, and the disk given up after so many failures in a row.
const RETRY_MS: u64 = 1_000;
const MAX_FAILURES: u32 = 3;
/// The quota may be met so often in a row: each time more is evicted.
const MAX_QUOTA_FAILURES: u32 = 8;
/// Browsers give back the space of what was deleted only after so long.
const FREES_MS: u64 = 1_500;

impl Store {
    pub(super) fn has_something_to_write(&self) -> bool {
        let chores = !self.trash.is_empty() || !self.repairs.is_empty();
        let marks = self.stopping && !self.dirty.is_empty();
        chores || marks || !self.group.ids.is_empty() || self.wipe.is_under_way()
    }

    pub(super) fn group_is_due(&self, now: Millis) -> bool {
        if !self.has_something_to_write() || self.pressed {
            return false;
        }
        // Nothing is gained by waiting with a group that has no events.
        let due = self.group_due_at().is_none_or(|due| due <= now);
        let flushed = self.flush_to > self.durable;
        self.stopping || due || flushed || self.group.bytes >= self.config.group_bytes
    }

    /// When a group is written although it is small: when it is old, or when nothing more seems to come. Events that
    /// trickle in must not become a segment each, so that takes a group worth one, or a while without a write.
    pub(super) fn group_due_at(&self) -> Option<Millis> {
        let (since, newest) = self.group.since.zip(self.group.newest)?;
        let quiet = newest + self.config.quiet_ms;
        let wrote_at = self.wrote_at.filter(|_| self.group.bytes < QUIET_BYTES);
        let rested = wrote_at.map_or(quiet, |at| at + self.config.group_ms);
        Some(quiet.max(rested).min(since + self.config.group_ms))
    }

    /// One batch: the group as a segment, the marks of what died, and the chores.
    pub(super) fn write_group(&mut self) {
        let mut group = self.take_group();
        self.index.sort(&mut group.slots);
        group.slots.dedup();
        let mut blocks = Blocks::default();
        let mut items = Vec::with_capacity(group.slots.len());
        for slot in &group.slots {
            let Some(event) = self.unsaved.get(slot) else { continue };
            let own = self.index.get(*slot).is_some_and(|entry| entry.own);
            let (spot, length) = blocks.push_event(event);
            let meta = Meta {
                seen: self.index.seen(*slot).to_vec(),
                ..Meta::of(event, own)
            };
            items.push((*slot, Item { meta, spot, length }));
        }
        let mut batch = Batch::default();
        let name = self.put_segment(items.iter().map(|(_, item)| item.clone()).collect(), blocks, &mut batch);
        // What superseded or deleted an event is durable no later than the mark that says so.
        let marked = match self.group.slots.is_empty() {
            true => self.put_marks(&mut batch),
            false => Vec::new(),
        };
        let (trash, repairs) = (std::mem::take(&mut self.trash), std::mem::take(&mut self.repairs));
        batch.delete.extend(trash.iter().cloned());
        batch.put.extend(repairs.iter().cloned());
        if batch.put.is_empty() && batch.delete.is_empty() {
            self.acknowledged.append(&mut group.ids);
            self.durable = self.durable.max(group.last);
            return;
        }
        let batch = Arc::new(batch);
        self.begin_write(batch.clone());
        self.writing = Some(Writing::Group(Box::new(GroupWrite {
            batch,
            name,
            items,
            group,
            marked,
            trash,
            repairs,
        })));
    }

    /// What is written next: all that waits, or as much as one write may bring.
    fn take_group(&mut self) -> Group {
        let mut group = std::mem::take(&mut self.group);
        group.slots.retain(|slot| self.unsaved.contains_key(slot));
        if group.bytes <= self.most_written() || self.stopping {
            return group;
        }
        let size = |slot: &Slot| self.unsaved.get(slot).map_or(0, size_of_event);
        let mut bytes = 0;
        let fits = group.slots.iter().take_while(|slot| {
            bytes += size(slot);
            bytes <= self.most_written()
        });
        let rest = group.slots.split_off(fits.count().max(1).min(group.slots.len()));
        let later: HashSet<Slot> = rest.iter().copied().collect();
        let waits = |id: &EventId| self.index.find(id).is_some_and(|slot| later.contains(&slot));
        let (ids_later, ids) = std::mem::take(&mut group.ids).into_iter().partition(waits);
        group.ids = ids;
        self.group = Group {
            last: std::mem::take(&mut group.last),
            bytes: rest.iter().map(size).sum(),
            since: group.since.filter(|_| !rest.is_empty()),
            newest: group.newest,
            slots: rest,
            ids: ids_later,
        };
        group
    }

    /// The most bytes of events in one write: a store with a small budget fills in small steps.
    fn most_written(&self) -> u64 {
        (self.config.budget_bytes / 8).max(BLOCK_BYTES as u64)
    }

    /// Bytes that the next write may add, its index included.
    pub(super) fn incoming_bytes(&self) -> u64 {
        self.group.bytes.min(self.most_written()) / 8 * 9
    }

    /// Adds a new segment's blobs to `batch` and returns its name.
    pub(super) fn put_segment(&mut self, items: Vec<Item>, blocks: Blocks, batch: &mut Batch) -> String {
        let newest = items.first().map_or(UnixSeconds(0), |item| item.meta.created_at);
        let name = segment::name(newest, self.config.writer, self.written_segments);
        self.written_segments += 1;
        if !items.is_empty() {
            for (number, block) in (0u16..).zip(blocks.finish()) {
                batch.put.push((segment::block_key(&name, number), block));
            }
            batch.put.push((segment::index_key(&name), index_blob::encode(&items)));
        }
        name
    }

    fn put_marks(&mut self, batch: &mut Batch) -> Vec<(u32, String)> {
        let mut marked = Vec::new();
        for number in std::mem::take(&mut self.dirty) {
            let Some(home) = self.home(number) else {
                continue;
            };
            let key = segment::marks_key(&home.name, self.config.writer, home.marks.len() as u32);
            batch.expect.extend(expectations(home));
            batch.delete.extend(home.mark_keys.iter().cloned());
            let mut spots: Vec<Spot> = home.marks.iter().copied().collect();
            sorted::sort(&mut spots);
            batch.put.push((key.clone(), segment::encode_marks(spots)));
            marked.push((number, key));
        }
        marked
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some() || self.wipe.waits_for_disk()
    }

    pub(super) fn write_compaction(&mut self, batch: Batch) {
        let batch = Arc::new(batch);
        self.begin_write(batch.clone());
        self.writing = Some(Writing::Compaction(batch));
    }

    pub(super) fn begin_write(&mut self, batch: Arc<Batch>) {
        self.counters.storage_writes += 1;
        self.operations.push(Operation::Write(batch));
    }

    /// A batch has landed, or has not.
    pub fn written(&mut self, result: Result<(), StorageError>, now: Now) {
        match (self.writing.take(), result) {
            (Some(Writing::Group(group)), Ok(())) => self.group_written(*group),
            (Some(Writing::Group(group)), Err(error)) => {
                self.put_back(*group);
                self.write_failed(error, now);
            }
            (Some(Writing::Compaction(batch)), Ok(())) => {
                if self.pressed {
                    self.retry_at = Some(now.mono + FREES_MS);
                }
                self.compacted(batch);
            }
            (Some(Writing::Compaction(_)), Err(error)) => {
                self.compaction = None;
                self.write_failed(error, now);
            }
            (Some(Writing::Wipe(_)), Ok(())) => self.wiped(),
            (Some(Writing::Wipe(batch)), Err(error)) => {
                self.wipe_failed(&batch);
                self.write_failed(error, now);
            }
            (None, _) => {}
        }
    }

    fn group_written(&mut self, written: GroupWrite) {
        let GroupWrite { mut group, items, .. } = written;
        self.failures = 0;
        self.exhausted = false;
        for (number, key) in written.marked {
            if let Some(home) = self.home_mut(number) {
                home.mark_keys = vec![key];
            }
        }
        self.counters.saved += items.len() as u64;
        self.acknowledged.append(&mut group.ids);
        self.durable = self.durable.max(group.last);
        self.settle(written.name, items, written.batch);
        self.watch_budget();
    }

    /// Nothing has happened: all of it goes with a later batch.
    fn put_back(&mut self, unwritten: GroupWrite) {
        let mut group = unwritten.group;
        group.slots = unwritten.items.into_iter().map(|(slot, _)| slot).collect();
        group.slots.append(&mut self.group.slots);
        group.ids.append(&mut self.group.ids);
        group.bytes += self.group.bytes;
        group.since = group.since.or(self.group.since);
        group.newest = self.group.newest.or(group.newest);
        group.last = group.last.max(self.group.last);
        self.group = group;
        self.dirty
            .extend(unwritten.marked.into_iter().map(|(number, _)| number));
        self.trash.extend(unwritten.trash);
        self.repairs.extend(unwritten.repairs);
    }

    /// The events of a written batch are in their segment now.
    pub(super) fn settle(&mut self, name: String, items: Vec<(Slot, Item)>, batch: Arc<Batch>) {
        if items.is_empty() {
            return;
        }
        let number = self.segments.len() as u32;
        let mut home = Segment {
            name: name.clone(),
            ..Segment::default()
        };
        let puts = Arc::try_unwrap(batch).map_or_else(|batch| batch.put.clone(), |batch| batch.put);
        let index_key = segment::index_key(&name);
        for (key, blob) in puts {
            let own = key.strip_prefix("d/").and_then(|key| key.strip_prefix(name.as_str()));
            if own.is_some() {
                let block = home.blocks.len() as u16;
                home.bytes += blob.len() as u64;
                home.blocks.push(block);
                let bytes = blob.len();
                self.blocks.insert(block_id(number, block), blob, bytes);
            } else if key == index_key {
                home.bytes += blob.len() as u64;
                home.index_share = (blob.len() / items.len()) as u64;
            }
        }
        self.segments.push(Some(home));
        self.names.insert(name, number);
        for (slot, item) in items {
            self.arrive(number, slot, &item);
        }
    }

    fn arrive(&mut self, segment: u32, slot: Slot, item: &Item) {
        let Item { spot, length, .. } = *item;
        match self.entry(slot, &item.meta.id) {
            Some(_) => self.found_copy(slot, Located { segment, spot, length }),
            // It died while it was being written.
            None => self.mark(segment, spot),
        }
    }

    fn write_failed(&mut self, error: StorageError, now: Now) {
        match error {
            StorageError::Conflict => {
                self.counters.conflicts += 1;
                self.rescan();
            }
            StorageError::Quota => {
                self.counters.quota_errors += 1;
                self.failures += 1;
                if self.failures > MAX_QUOTA_FAILURES || !self.make_room() {
                    self.degrade();
                }
            }
            StorageError::Unavailable(_) => self.degrade(),
            StorageError::Failed(_) => {
                self.counters.storage_errors += 1;
                self.failures += 1;
                self.retry_at = Some(now.mono + RETRY_MS * u64::from(self.failures));
                if self.failures > MAX_FAILURES {
                    self.degrade();
                }
            }
        }
    }

    /// Gives the disk up for writing: the same store goes on in memory.
    pub(super) fn degrade(&mut self) {
        if self.counters.memory_only == 0 {
            self.counters.memory_only = 1;
            self.config.budget_bytes = self.config.memory_bytes;
        }
        self.pressed = false;
        self.retry_at = None;
    }
}

/// What must hold for a segment's marks to be replaced or the segment to be removed.
pub(super) fn expectations(home: &Segment) -> [Expect; 2] {
    let index = segment::index_key(&home.name);
    [
        Expect {
            prefix: index.clone(),
            keys: vec![index],
        },
        Expect {
            prefix: segment::marks_prefix(&home.name),
            keys: home.mark_keys.clone(),
        },
    ]
}
