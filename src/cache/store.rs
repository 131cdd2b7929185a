//! The store: the index, the segments it points into, and what has not been written yet.
//!
//! It decides what is read and written; the role's loop does it. One write is in flight
//! at a time, so what a batch was made from is still so when it lands. `load` reads
//! segments in, `reading` gives events out, `writing` writes groups of saves, `compact` rewrites, `evict` makes room, `wipe` forgets all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::compact::{Compaction, Work};
use super::copies::Copies;
use super::evict::Eviction;
use super::index::{Admission, Entry, Index, Place, Slot};
use super::load::Load;
use super::lru::Lru;
use super::meta::Meta;
use super::reading::MIN_BLOCK_CACHE;
use super::segment::Spot;
use super::storage::{Batch, StorageError};
use super::wipe::Wipe;
use super::writing::{Group, Writing};
use crate::nostr::event::{Event, EventId, Pubkey};
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::{SortedMap, SortedSet};
use crate::time::{Millis, Now};

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
    /// How much may be stored at all?
    Quota,
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
    Quota(Option<u64>),
}

/// Sizes and times of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// A random number that no other writer of this storage has.
    pub writer: u64,
    /// The most bytes kept on disk.
    pub budget_bytes: u64,
    /// And no more than one part in so many of what the origin may store; none asks for no quota.
    pub quota_parts: Option<u64>,
    /// The most bytes kept once the disk cannot be written to.
    pub memory_bytes: u64,
    /// Blocks kept in memory after reading or writing.
    pub block_cache_bytes: usize,
    /// Records of events that were asked for, kept in memory.
    pub record_cache_bytes: usize,
    /// A group of saves is written when it is this large, or this old.
    pub group_bytes: u64,
    pub group_ms: u64,
    /// Or when nothing has come for so long.
    pub quiet_ms: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        StoreConfig {
            writer: 0,
            budget_bytes: 256 << 20,
            // Browsers clear a whole origin when space is short: its own data are worth more than this store.
            quota_parts: Some(4),
            memory_bytes: 64 << 20,
            block_cache_bytes: 8 << 20,
            // Some 25,000 notes: what a page shows again and again.
            record_cache_bytes: 8 << 20,
            group_bytes: 512 << 10,
            // Long enough that a burst from relays is few segments, short enough that a reload loses little.
            group_ms: 100,
            // Longer than a burst pauses while its threads take turns.
            quiet_ms: 20,
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

pub struct Store {
    pub(super) config: StoreConfig,
    pub(super) index: Index,
    /// By number; none once removed.
    pub(super) segments: Vec<Option<Segment>>,
    pub(super) names: SortedMap<String, u32>,
    /// By `block_id`.
    pub(super) blocks: Lru<Vec<u8>>,
    /// By slot, of events in segments. Read only together with a live entry, whose id they are held against: a slot's
    /// next event is another one, and nothing else about a record ever changes.
    pub(super) records: Lru<Event>,
    /// The bytes of events that are in no segment.
    pub(super) unsaved: HashMap<Slot, Event>,
    pub(super) unsaved_bytes: u64,
    pub(super) copies: Copies,
    pub(super) group: Group,
    /// Events are counted as they come in. All up to `durable` are, and all up to `flush_to` are to be soon.
    admitted: u64,
    pub(super) durable: u64,
    pub(super) flush_to: u64,
    pub(super) writing: Option<Writing>,
    /// When a group was last written.
    pub(super) wrote_at: Option<Millis>,
    /// Not before this: a write has failed.
    pub(super) retry_at: Option<Millis>,
    pub(super) failures: u32,
    /// Segments whose marks are to be written with the next batch.
    pub(super) dirty: SortedSet<u32>,
    /// Keys to remove and index blobs to put with the next batch.
    pub(super) trash: Vec<String>,
    pub(super) repairs: Vec<(String, Vec<u8>)>,
    pub(super) load: Load,
    pub(super) compaction: Option<Compaction>,
    /// The last step of the compaction.
    pub(super) worked: Work,
    /// In a row.
    pub(super) failed_compactions: u32,
    pub(super) eviction: Option<Eviction>,
    /// Saves wait until the disk has room for them within the budget.
    pub(super) holding: bool,
    /// The last eviction has found nothing more to evict: what waits is written all the same.
    pub(super) exhausted: bool,
    /// A write met the quota: nothing is written until something was freed.
    pub(super) pressed: bool,
    /// Whose events are evicted last.
    pub(super) owners: HashSet<Pubkey>,
    pub(super) written_segments: u32,
    /// Ids that are durable or need no keeping, to be reported.
    pub(super) acknowledged: Vec<EventId>,
    pub(super) operations: Vec<Operation>,
    pub counters: Counters,
    pub(super) stopping: bool,
    pub(super) wipe: Wipe,
    /// The index has been emptied: whoever holds a slot of it lets go.
    pub(super) forgot: bool,
}

impl Store {
    /// An empty store that first asks for the listing of what is on disk.
    pub fn new(config: StoreConfig, owners: impl IntoIterator<Item = Pubkey>) -> Store {
        Store {
            blocks: Lru::new(config.block_cache_bytes.max(MIN_BLOCK_CACHE)),
            records: Lru::new(config.record_cache_bytes),
            config,
            index: Index::default(),
            segments: Vec::new(),
            names: SortedMap::new(),
            unsaved: HashMap::new(),
            unsaved_bytes: 0,
            copies: Copies::default(),
            group: Group::default(),
            admitted: 0,
            durable: 0,
            flush_to: 0,
            writing: None,
            wrote_at: None,
            retry_at: None,
            failures: 0,
            dirty: SortedSet::new(),
            trash: Vec::new(),
            repairs: Vec::new(),
            load: Load::default(),
            compaction: None,
            worked: Work::default(),
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
            wipe: Wipe::default(),
            forgot: false,
        }
    }

    /// The events of `pubkey` are evicted last from now on.
    pub fn add_owner(&mut self, pubkey: Pubkey) {
        self.owners.insert(pubkey);
    }

    /// Takes an event in. Its id is acknowledged once it is durable, or at once if it needs no keeping.
    /// False: it is known, superseded, deleted or expired. `seen`: the relays that had it.
    pub fn save(&mut self, event: &Event, own: bool, seen: Vec<RelayUrl>, now: Now) -> bool {
        if own {
            self.owners.insert(event.pubkey);
        }
        let meta = Meta {
            seen,
            ..Meta::of(event, own)
        };
        match self.index.admit(&meta, Place::Unsaved, 0, now.unix) {
            Admission::Known(slot) => {
                self.counters.duplicates += 1;
                self.index.set_own(slot, own);
                self.index.add_seen(slot, meta.seen);
                match self.index.get(slot).map(|entry| entry.place) {
                    // Nobody knows yet whether it is still on the disk.
                    Some(Place::Lost) => self.hold(slot, event, now),
                    Some(Place::Unsaved) => self.group.ids.push(event.id),
                    Some(Place::At { .. }) | None => self.acknowledged.push(event.id),
                }
                false
            }
            Admission::Refused => {
                self.counters.refused += 1;
                // What it was refused for may wait itself.
                match self.unsaved.is_empty() {
                    true => self.acknowledged.push(event.id),
                    false => self.group.ids.push(event.id),
                }
                false
            }
            Admission::Admitted { slot, killed } => {
                self.counters.superseded += killed.len() as u64;
                self.bury(&killed);
                self.hold(slot, event, now);
                true
            }
        }
    }

    /// Keeps an event in memory until it is written with its group.
    fn hold(&mut self, slot: Slot, event: &Event, now: Now) {
        let bytes = size_of_event(event);
        self.index.set_place(slot, Place::Unsaved, bytes as u32);
        self.unsaved.insert(slot, event.clone());
        self.unsaved_bytes += bytes;
        self.group.bytes += bytes;
        self.group.slots.push(slot);
        self.group.ids.push(event.id);
        self.group.since.get_or_insert(now.mono);
        self.group.newest = Some(now.mono);
        self.admitted += 1;
        self.group.last = self.admitted;
    }

    /// Writes what waits without delay; gives what `is_durable` is to be asked with.
    pub fn flush(&mut self) -> u64 {
        self.flush_to = self.admitted;
        self.admitted
    }

    /// Whether all that was stored before that `flush` is durable.
    pub fn is_durable(&self, mark: u64) -> bool {
        self.durable >= mark || self.unsaved_bytes == 0
    }

    /// Bytes of events that wait to become durable.
    pub fn unsaved_bytes(&self) -> u64 {
        self.unsaved_bytes
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
        self.drive_wipe(waits);
        self.list_if_wanted();
        let due = self.writing.is_none() && !waits && !self.load.is_scanning() && self.group_is_due(now.mono);
        self.holding = due && !self.stopping && self.makes_room();
        if due && !self.holding {
            self.retry_at = None;
            self.write_group();
            self.wrote_at = Some(now.mono);
        }
    }

    /// When `drive` wants to be called again.
    pub fn next_timeout(&self) -> Option<Millis> {
        // The end of the write, of the listing or of a chore drives the store; a timer that is due meanwhile would
        // only spin.
        if self.writing.is_some() || self.pressed || self.holding || self.load.is_scanning() {
            return None;
        }
        if self.wipe.waits_for_disk() {
            return self.retry_at;
        }
        self.group_due_at().max(self.retry_at)
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

    /// Lets go of the bytes of an event that waited to be written.
    pub(super) fn release(&mut self, slot: Slot) {
        if let Some(event) = self.unsaved.remove(&slot) {
            self.unsaved_bytes -= size_of_event(&event);
        }
    }
}

/// About what an event takes in memory and as a record.
pub(super) fn size_of_event(event: &Event) -> u64 {
    let values = event.tags.iter().flatten().map(|value| value.len() + 8);
    (values.sum::<usize>() + event.content.len() + 160) as u64
}
