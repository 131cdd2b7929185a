//! The store: the index, the segments it points into, and what has not been written yet.
//!
//! It decides what is read and written; the role's loop does it. One write is in flight
//! at a time, so what a batch was made from is still so when it lands. `load` reads
//! segments in, `compact` rewrites and evicts them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::blocks::BlockCache;
use super::compact::{Compaction, Eviction};
use super::index::{Admission, Entry, Index, Place, Slot};
use super::load::Load;
use super::meta::Meta;
use super::record;
use super::segment::{self, BLOCK_BYTES, Blocks, Item, Spot};
use super::storage::{Batch, Expect, StorageError};
use crate::nostr::event::{Event, EventId, MAX_EVENT_BYTES, Pubkey};
use crate::time::{Millis, Now, UnixSeconds};

/// What the store wants done with its storage. Each is one transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// List all keys.
    List,
    Get {
        purpose: Purpose,
        keys: Vec<String>,
    },
    Write(Arc<Batch>),
}

/// Who asked for blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The index is being read in.
    Load,
    /// A lookup or refill, by its number, wants events.
    Job(u64),
    Compaction,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Completion {
    Listed(Result<Vec<String>, StorageError>),
    Got {
        purpose: Purpose,
        keys: Vec<String>,
        blobs: Result<Vec<Option<Vec<u8>>>, StorageError>,
    },
    Written(Result<(), StorageError>),
}

/// Sizes and times of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// A random number that no other writer of this storage has.
    pub writer: u64,
    /// The most bytes kept on disk.
    pub budget_bytes: u64,
    /// The most bytes kept once the disk cannot be written to.
    pub memory_bytes: u64,
    /// Blocks kept in memory after reading.
    pub block_cache_bytes: usize,
    /// A group of saves is written when it is this large, or this old.
    pub group_bytes: u64,
    pub group_ms: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        StoreConfig {
            writer: 0,
            budget_bytes: 256 << 20,
            memory_bytes: 64 << 20,
            block_cache_bytes: 16 << 20,
            group_bytes: 512 << 10,
            // Long enough that a burst from relays is few segments, short enough that a reload loses little.
            group_ms: 100,
        }
    }
}

/// A segment on disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub name: String,
    /// The blocks that the last listing had.
    pub blocks: Vec<u16>,
    /// Bytes of its index and data.
    pub bytes: u64,
    /// Bytes of the index blob for each event.
    pub index_share: u64,
    /// Bytes that belong to live events.
    pub live_bytes: u64,
    /// The records that are dead, whoever said so.
    pub marks: HashSet<Spot>,
    /// The keys that hold marks of it, as last listed or written.
    pub mark_keys: Vec<String>,
}

/// Counted since the role started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub saved: u64,
    pub refused: u64,
    pub duplicates: u64,
    pub superseded: u64,
    pub expired: u64,
    pub evicted: u64,
    /// Records and index blobs that could not be read.
    pub corrupt: u64,
    /// Keys that belong to no segment.
    pub foreign: u64,
    pub storage_reads: u64,
    pub storage_writes: u64,
    pub storage_errors: u64,
    pub quota_errors: u64,
    pub conflicts: u64,
    pub compactions: u64,
    /// 1 once the disk is not written to any more.
    pub memory_only: u64,
}

/// Saves that wait to be written together.
#[derive(Default)]
struct Group {
    slots: Vec<Slot>,
    /// To be reported when they are durable.
    ids: Vec<EventId>,
    bytes: u64,
    since: Option<Millis>,
}

/// The batch in flight.
enum Writing {
    Group {
        batch: Arc<Batch>,
        name: String,
        items: Vec<(Slot, Item)>,
        group: Group,
        marked: Vec<(u32, String)>,
        trash: Vec<String>,
        repairs: Vec<(String, Vec<u8>)>,
    },
    Compaction(Arc<Batch>),
}

pub struct Store {
    pub(super) config: StoreConfig,
    pub(super) index: Index,
    /// By number; none once removed.
    pub(super) segments: Vec<Option<Segment>>,
    pub(super) names: BTreeMap<String, u32>,
    pub(super) blocks: BlockCache,
    /// The bytes of events that are in no segment.
    unsaved: HashMap<Slot, Event>,
    unsaved_bytes: u64,
    group: Group,
    writing: Option<Writing>,
    /// Not before this: a write has failed.
    retry_at: Option<Millis>,
    pub(super) failures: u32,
    /// Segments whose marks are to be written with the next batch.
    pub(super) dirty: BTreeSet<u32>,
    /// Keys to remove and index blobs to put with the next batch.
    pub(super) trash: Vec<String>,
    pub(super) repairs: Vec<(String, Vec<u8>)>,
    pub(super) load: Load,
    pub(super) compaction: Option<Compaction>,
    /// In a row.
    pub(super) failed_compactions: u32,
    pub(super) eviction: Option<Eviction>,
    /// Saves wait until the disk has room for them within the budget.
    holding: bool,
    /// The last eviction has found nothing more to evict: what waits is written all the same.
    pub(super) exhausted: bool,
    /// A write met the quota: nothing is written until something was freed.
    pub(super) pressed: bool,
    /// Whose events are evicted last.
    pub(super) owners: HashSet<Pubkey>,
    written_segments: u32,
    /// Ids that are durable or need no keeping, to be reported.
    pub(super) acknowledged: Vec<EventId>,
    pub(super) operations: Vec<Operation>,
    pub counters: Counters,
    stopping: bool,
}

/// What one lookup asks for at once must fit: 16 blocks, each with one event of the largest size.
const MIN_BLOCK_CACHE: usize = 16 * (BLOCK_BYTES + MAX_EVENT_BYTES);
/// A failed write is tried again after so long, and the disk given up after so many failures in a row.
const RETRY_MS: u64 = 1_000;
const MAX_FAILURES: u32 = 3;
/// The quota may be met so often in a row: each time more is evicted.
const MAX_QUOTA_FAILURES: u32 = 8;
/// Browsers give back the space of what was deleted only after so long.
const FREES_MS: u64 = 1_500;

impl Store {
    /// An empty store that first asks for the listing of what is on disk.
    pub fn new(config: StoreConfig, owners: impl IntoIterator<Item = Pubkey>) -> Store {
        Store {
            blocks: BlockCache::new(config.block_cache_bytes.max(MIN_BLOCK_CACHE)),
            config,
            index: Index::default(),
            segments: Vec::new(),
            names: BTreeMap::new(),
            unsaved: HashMap::new(),
            unsaved_bytes: 0,
            group: Group::default(),
            writing: None,
            retry_at: None,
            failures: 0,
            dirty: BTreeSet::new(),
            trash: Vec::new(),
            repairs: Vec::new(),
            load: Load::default(),
            compaction: None,
            failed_compactions: 0,
            eviction: None,
            holding: false,
            exhausted: false,
            pressed: false,
            owners: owners.into_iter().collect(),
            written_segments: 0,
            acknowledged: Vec::new(),
            operations: vec![Operation::List],
            counters: Counters::default(),
            stopping: false,
        }
    }

    /// The events of `pubkey` are evicted last from now on.
    pub fn add_owner(&mut self, pubkey: Pubkey) {
        self.owners.insert(pubkey);
    }

    /// Takes an event in. Its id is acknowledged once it is durable, or at once if it needs no keeping.
    pub fn save(&mut self, event: &Event, own: bool, now: Now) {
        if own {
            self.owners.insert(event.pubkey);
        }
        let meta = Meta::of(event, own);
        match self.index.admit(&meta, Place::Unsaved, 0, now.unix) {
            Admission::Known(slot) => {
                self.counters.duplicates += 1;
                self.index.set_own(slot, own);
                if self.unsaved.contains_key(&slot) {
                    self.group.ids.push(event.id);
                } else {
                    self.acknowledged.push(event.id);
                }
            }
            Admission::Refused => {
                self.counters.refused += 1;
                self.acknowledged.push(event.id);
            }
            Admission::Admitted { slot, killed } => {
                self.counters.superseded += killed.len() as u64;
                self.bury(&killed);
                let bytes = size_of_event(event);
                self.index.set_place(slot, Place::Unsaved, bytes as u32);
                self.unsaved.insert(slot, event.clone());
                self.unsaved_bytes += bytes;
                self.group.bytes += bytes;
                self.group.slots.push(slot);
                self.group.ids.push(event.id);
                self.group.since.get_or_insert(now.mono);
            }
        }
    }

    /// Bytes of events that wait to become durable.
    pub fn unsaved_bytes(&self) -> u64 {
        self.unsaved_bytes
    }

    /// The event in `slot`, if its bytes are in memory; else the block to read.
    ///
    /// # Errors
    /// `Missing`: there is no such event any more, or its bytes are damaged; it has been removed.
    pub fn event(&mut self, slot: Slot, id: &EventId) -> Result<Event, Missing> {
        let Some(entry) = self.entry(slot, id) else {
            return Err(Missing::Gone);
        };
        if let Some(event) = self.unsaved.get(&slot) {
            return Ok(event.clone());
        }
        let Place::At { segment, spot } = entry.place else {
            return Err(Missing::Moving);
        };
        let Some(home) = self.segments.get(segment as usize).and_then(Option::as_ref) else {
            return Err(Missing::Moving);
        };
        let key = segment::block_key(&home.name, spot.block);
        let listed = home.blocks.contains(&spot.block);
        let Some(block) = self.blocks.get((segment, spot.block)) else {
            if listed {
                return Err(Missing::Unread(key));
            }
            self.discard(slot);
            return Err(Missing::Gone);
        };
        let record = block.get(spot.offset as usize..).unwrap_or_default();
        match record::decode(record) {
            Ok(event) if event.id == *id => Ok(event),
            Ok(_) | Err(_) => {
                self.discard(slot);
                Err(Missing::Gone)
            }
        }
    }

    /// Keeps a block that was read for a job. None: the block is not there, so the listing is out of date.
    pub fn keep_block(&mut self, key: &str, blob: Option<Vec<u8>>) {
        let id = segment::parse_block_key(key).and_then(|(name, block)| Some((*self.names.get(name)?, block)));
        match (id, blob) {
            (Some(id), Some(blob)) => self.blocks.insert(id, blob),
            (Some(_), None) => self.rescan(),
            // Its segment has been compacted away meanwhile.
            (None, _) => {}
        }
    }

    /// Removes what has expired (NIP-40).
    pub fn expire(&mut self, now: Now) {
        while let Some(slot) = self.index.expired(now.unix) {
            self.counters.expired += 1;
            self.remove(slot);
        }
    }

    /// Starts what is due. Call it at the end of each turn.
    pub fn drive(&mut self, now: Now) {
        let waits = self.retry_at.is_some_and(|at| now.mono < at);
        self.list_if_wanted();
        let due = self.writing.is_none() && !waits && !self.load.is_scanning() && self.group_is_due(now.mono);
        self.holding = due && !self.stopping && self.makes_room();
        if due && !self.holding {
            self.retry_at = None;
            self.write_group();
        }
    }

    /// When `drive` wants to be called again.
    pub fn next_timeout(&self) -> Option<Millis> {
        // The end of the write, of the listing or of a chore drives the store; a timer that is due meanwhile would
        // only spin.
        if self.writing.is_some() || self.pressed || self.holding || self.load.is_scanning() {
            return None;
        }
        let due = self.group.since.map(|since| since + self.config.group_ms);
        due.max(self.retry_at)
    }

    /// Writes what waits without delay, and starts nothing else.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    pub fn is_stopped(&self) -> bool {
        self.stopping && self.writing.is_none() && !self.has_something_to_write()
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Live bytes and all bytes on disk.
    pub fn disk_bytes(&self) -> (u64, u64) {
        let segments = self.segments.iter().flatten();
        segments.fold((0, 0), |(live, all), s| (live + s.live_bytes, all + s.bytes))
    }

    pub(super) fn entry(&self, slot: Slot, id: &EventId) -> Option<Entry> {
        self.index.get(slot).filter(|entry| entry.id == *id).copied()
    }

    /// Takes a live event out and marks its record.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.index.kill(slot);
        self.bury(&[slot]);
    }

    /// Marks the records of killed events.
    pub(super) fn bury(&mut self, killed: &[Slot]) {
        for slot in killed {
            if let Some(event) = self.unsaved.remove(slot) {
                self.unsaved_bytes -= size_of_event(&event);
            }
            let Some(entry) = self.index.dead(*slot) else { continue };
            if let Place::At { segment, spot } = entry.place {
                self.mark(segment, spot, u64::from(entry.length));
            }
        }
    }

    /// Marks one record dead that counted as live.
    fn mark(&mut self, segment: u32, spot: Spot, length: u64) {
        if let Some(home) = self.segments.get_mut(segment as usize).and_then(Option::as_mut)
            && home.marks.insert(spot)
        {
            home.live_bytes = home.live_bytes.saturating_sub(length + home.index_share);
            self.dirty.insert(segment);
        }
    }

    fn discard(&mut self, slot: Slot) {
        self.counters.corrupt += 1;
        self.remove(slot);
    }

    fn has_something_to_write(&self) -> bool {
        let chores = !self.trash.is_empty() || !self.repairs.is_empty();
        let marks = self.stopping && !self.dirty.is_empty();
        chores || marks || !self.group.ids.is_empty()
    }

    fn group_is_due(&self, now: Millis) -> bool {
        if !self.has_something_to_write() || self.pressed {
            return false;
        }
        let old = self
            .group
            .since
            .is_some_and(|since| now.since(since) >= self.config.group_ms);
        let ids_only = self.group.since.is_none();
        self.stopping || old || ids_only || self.group.bytes >= self.config.group_bytes
    }

    /// One batch: the group as a segment, the marks of what died, and the chores.
    fn write_group(&mut self) {
        let mut group = self.take_group();
        group.slots.sort_unstable_by_key(|slot| self.index.rank(*slot));
        group.slots.dedup();
        let mut blocks = Blocks::default();
        let mut items = Vec::with_capacity(group.slots.len());
        for slot in &group.slots {
            let Some(event) = self.unsaved.get(slot) else { continue };
            let own = self.index.get(*slot).is_some_and(|entry| entry.own);
            let (spot, length) = blocks.push_event(event);
            let meta = Meta::of(event, own);
            items.push((*slot, Item { meta, spot, length }));
        }
        let mut batch = Batch::default();
        let name = self.put_segment(items.iter().map(|(_, item)| item.clone()).collect(), blocks, &mut batch);
        let marked = self.put_marks(&mut batch);
        let (trash, repairs) = (std::mem::take(&mut self.trash), std::mem::take(&mut self.repairs));
        batch.delete.extend(trash.iter().cloned());
        batch.put.extend(repairs.iter().cloned());
        if batch.put.is_empty() && batch.delete.is_empty() {
            self.acknowledged.append(&mut group.ids);
            return;
        }
        let batch = Arc::new(batch);
        self.begin_write(batch.clone());
        self.writing = Some(Writing::Group {
            batch,
            name,
            items,
            group,
            marked,
            trash,
            repairs,
        });
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
            bytes: rest.iter().map(size).sum(),
            since: group.since.filter(|_| !rest.is_empty()),
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
            batch
                .put
                .push((segment::index_key(&name), segment::encode_index(&items)));
        }
        name
    }

    fn put_marks(&mut self, batch: &mut Batch) -> Vec<(u32, String)> {
        let mut marked = Vec::new();
        for number in std::mem::take(&mut self.dirty) {
            let Some(home) = self.segments.get(number as usize).and_then(Option::as_ref) else {
                continue;
            };
            let key = segment::marks_key(&home.name, self.config.writer, home.marks.len() as u32);
            batch.expect.extend(expectations(home));
            batch.delete.extend(home.mark_keys.iter().cloned());
            let mut spots: Vec<Spot> = home.marks.iter().copied().collect();
            spots.sort_unstable();
            batch.put.push((key.clone(), segment::encode_marks(spots)));
            marked.push((number, key));
        }
        marked
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    pub(super) fn write_compaction(&mut self, batch: Batch) {
        let batch = Arc::new(batch);
        self.begin_write(batch.clone());
        self.writing = Some(Writing::Compaction(batch));
    }

    fn begin_write(&mut self, batch: Arc<Batch>) {
        self.counters.storage_writes += 1;
        self.operations.push(Operation::Write(batch));
    }

    /// A batch has landed, or has not.
    pub fn written(&mut self, result: Result<(), StorageError>, now: Now) {
        match (self.writing.take(), result) {
            (
                Some(Writing::Group {
                    batch,
                    name,
                    items,
                    mut group,
                    marked,
                    ..
                }),
                Ok(()),
            ) => {
                self.failures = 0;
                self.exhausted = false;
                for (number, key) in marked {
                    if let Some(home) = self.segments.get_mut(number as usize).and_then(Option::as_mut) {
                        home.mark_keys = vec![key];
                    }
                }
                self.counters.saved += items.len() as u64;
                self.acknowledged.append(&mut group.ids);
                self.settle(name, items, batch);
                self.watch_budget();
            }
            (
                Some(Writing::Group {
                    mut group,
                    items,
                    marked,
                    trash,
                    repairs,
                    ..
                }),
                Err(error),
            ) => {
                // Nothing has happened: all of it goes with a later batch.
                group.slots = items.into_iter().map(|(slot, _)| slot).collect();
                group.slots.append(&mut self.group.slots);
                group.ids.append(&mut self.group.ids);
                group.bytes += self.group.bytes;
                group.since = group.since.or(self.group.since);
                self.group = group;
                self.dirty.extend(marked.into_iter().map(|(number, _)| number));
                self.trash.extend(trash);
                self.repairs.extend(repairs);
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
            (None, _) => {}
        }
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
                self.blocks.insert((number, block), blob);
            } else if key == index_key {
                home.bytes += blob.len() as u64;
                home.index_share = (blob.len() / items.len()) as u64;
            }
        }
        self.segments.push(Some(home));
        self.names.insert(name, number);
        for (slot, item) in items {
            self.arrive(number, slot, item);
        }
    }

    fn arrive(&mut self, number: u32, slot: Slot, item: Item) {
        if let Some(home) = self.segments.get_mut(number as usize).and_then(Option::as_mut) {
            home.live_bytes += u64::from(item.length) + home.index_share;
        }
        let place = Place::At {
            segment: number,
            spot: item.spot,
        };
        if self.entry(slot, &item.meta.id).is_some() {
            if let Some(event) = self.unsaved.remove(&slot) {
                self.unsaved_bytes -= size_of_event(&event);
            }
            self.index.set_place(slot, place, item.length);
        } else {
            // It died while it was being written.
            self.mark(number, item.spot, u64::from(item.length));
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

/// Why `Store::event` has no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// This block is to be read first.
    Unread(String),
    /// Its segment was taken away by another writer; ask again when the listing has been read.
    Moving,
    Gone,
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

/// About what an event takes in memory and as a record.
fn size_of_event(event: &Event) -> u64 {
    let values = event.tags.iter().flatten().map(|value| value.len() + 8);
    (values.sum::<usize>() + event.content.len() + 160) as u64
}
