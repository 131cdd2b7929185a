//! Reading segments in: all at start, newest first; later what other writers have changed.
//!
//! Only index blobs are read. Until the last one is in, `Store::frontier` says up to when
//! the index may not know everything, so a query is answered as far as it reaches. To put events
//! into the index takes longest, so what is asked for by its id goes first: see `by_id`.
//! What is damaged, half there or foreign is skipped, counted and removed.

use std::collections::{HashMap, HashSet, VecDeque};

use super::bytes::NumberSet;
use super::copies::Located;
use super::index::{Admission, Place};
use super::index_blob::{self, Items};
use super::segment::{self, Item, Keys, Spot};
use super::segments::all_keys;
use super::storage::StorageError;
use super::store::{Operation, Purpose, Segment, Store};
use crate::time::UnixSeconds;

/// How far the reading has come.
pub(super) struct Load {
    /// The listing is in flight.
    listing: bool,
    /// Something changed since the listing was asked for.
    again: bool,
    /// A listed blob was not there.
    missed: bool,
    /// Scans in a row that missed blobs.
    misses: u32,
    /// The index has been complete once.
    pub(super) complete: bool,
    queue: VecDeque<Wanted>,
    pub(super) reading: Vec<Reading>,
    pub(super) arrived: VecDeque<Arrived>,
    /// Lookups wait for events whose ids begin so, if they are there at all.
    pub(super) ids: NumberSet,
}

/// One read in flight.
pub(super) struct Reading {
    keys: Vec<String>,
    wanted: Vec<Wanted>,
}

impl Default for Load {
    /// As it is at start: the listing has been asked for.
    fn default() -> Self {
        Load {
            listing: true,
            again: false,
            missed: false,
            misses: 0,
            complete: false,
            queue: VecDeque::new(),
            reading: Vec::new(),
            arrived: VecDeque::new(),
            ids: NumberSet::default(),
        }
    }
}

struct Wanted {
    name: String,
    keys: Keys,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Index,
    /// Its index blob is lost: read the events themselves.
    Records,
    /// A known segment of which another writer has marked events dead.
    Marks(u32),
}

/// A segment whose items are being put into the index.
pub(super) struct Arrived {
    pub segment: u32,
    pub newest: UnixSeconds,
    pub items: Items,
    /// What goes into the index before the others, as far as they have been looked through for it.
    pub first: Vec<Item>,
    pub looked_at: bool,
}

/// Segments read in one transaction.
const SEGMENTS_PER_READ: usize = 8;
/// Reads in flight together for those who ask by id, so that the disk is at work while the last one is looked through.
const READS_FOR_IDS: usize = 2;
/// Index blobs that wait in memory for their turn once all of them are to be looked through for ids.
const MAX_WAITING_BYTES: usize = 32 << 20;
/// A listing that does not fit the blobs is asked for again so often; then the disk is at fault.
const MAX_MISSES: u32 = 3;
/// Items put into the index in one step: few milliseconds in a browser.
pub(super) const ITEMS_PER_STEP: usize = 512;

impl Load {
    /// What is on disk is not all known.
    pub fn is_scanning(&self) -> bool {
        self.listing || self.again || self.has_work() || !self.reading.is_empty()
    }

    fn has_work(&self) -> bool {
        !self.queue.is_empty() || !self.arrived.is_empty()
    }

    /// Up to when not all is known, where `lacks` tells of which segments that have arrived; none once all is.
    pub(super) fn frontier(&self, lacks: impl Fn(&Arrived) -> bool) -> Option<UnixSeconds> {
        if self.complete {
            return None;
        }
        if self.listing {
            return Some(UnixSeconds(u64::MAX));
        }
        let reading = self.reading.iter().flat_map(|reading| &reading.wanted);
        let unread = self.queue.iter().chain(reading);
        let arrived = self.arrived.iter().filter(|arrived| lacks(arrived));
        unread
            .filter_map(|wanted| segment::newest(&wanted.name))
            .chain(arrived.map(|arrived| arrived.newest))
            .max()
    }

    /// Whether more is to be read before what has arrived is in the index.
    fn reads_ahead(&self) -> bool {
        if self.ids.is_empty() {
            // One read ahead of what is being indexed, so that neither waits for the other.
            return self.reading.is_empty() && self.arrived.len() < SEGMENTS_PER_READ;
        }
        let waiting = self.arrived.iter().map(|arrived| arrived.items.size().1);
        self.reading.len() < READS_FOR_IDS && waiting.sum::<usize>() < MAX_WAITING_BYTES
    }
}

impl Store {
    /// Events from then or before may be on disk without being in the index. None: it knows them all.
    pub fn frontier(&self) -> Option<UnixSeconds> {
        self.load.frontier(|_| true)
    }

    /// Whether the index has been complete.
    pub fn is_loaded(&self) -> bool {
        self.load.complete
    }

    /// Another writer has changed the storage, or it is not as it was thought to be.
    pub fn rescan(&mut self) {
        self.load.again = true;
        self.list_if_wanted();
    }

    /// Asks for the listing. Never while a batch is in flight: the answer would not tell whether it is in it.
    pub(super) fn list_if_wanted(&mut self) {
        let scanning = self.load.listing || self.load.has_work() || !self.load.reading.is_empty();
        if self.load.again && !scanning && !self.is_writing() {
            self.load.again = false;
            self.load.listing = true;
            self.operations.push(Operation::List);
        }
    }

    /// The keys on disk.
    pub fn listed(&mut self, result: Result<Vec<String>, StorageError>) {
        self.load.listing = false;
        self.counters.storage_reads += 1;
        let keys = result.unwrap_or_else(|_| {
            self.counters.storage_errors += 1;
            self.degrade();
            Vec::new()
        });
        let (found, foreign) = segment::sort_out(keys);
        if !self.load.complete {
            self.counters.foreign += foreign.len() as u64;
            self.trash.extend(foreign);
        }
        let gone: HashSet<u32> = self
            .names
            .iter()
            .filter(|(name, _)| !found.contains_key(*name))
            .map(|(_, number)| *number)
            .collect();
        self.forget_segments(&gone);
        for (name, keys) in found {
            let what = match self.names.get(&name) {
                None if keys.has_index => What::Index,
                None => What::Records,
                Some(number) => What::Marks(*number),
            };
            if let What::Marks(number) = what
                && !self.is_changed(number, &keys)
            {
                continue;
            }
            self.load.queue.push_back(Wanted { name, keys, what });
        }
        self.read_on();
    }

    /// Index blobs, marks or records that were asked for.
    pub fn loaded(&mut self, keys: Vec<String>, blobs: Result<Vec<Option<Vec<u8>>>, StorageError>, now: UnixSeconds) {
        self.counters.storage_reads += 1;
        let blobs = blobs.unwrap_or_else(|_| {
            self.counters.storage_errors += 1;
            Vec::new()
        });
        let Some(at) = self.load.reading.iter().position(|reading| reading.keys == keys) else {
            return;
        };
        let reading = self.load.reading.remove(at);
        let mut blobs: HashMap<String, Vec<u8>> = keys
            .into_iter()
            .zip(blobs)
            .filter_map(|(key, blob)| Some((key, blob?)))
            .collect();
        for wanted in reading.wanted {
            self.take_in(wanted, &mut blobs);
        }
        self.index_first(now);
        self.read_on();
    }

    pub fn wants_load_step(&self) -> bool {
        !self.load.arrived.is_empty()
    }

    /// Puts some of what was read into the index.
    pub fn load_step(&mut self, now: UnixSeconds) {
        let done = self.index_first(now);
        for _ in done..ITEMS_PER_STEP {
            let Some(arrived) = self.load.arrived.front_mut() else {
                break;
            };
            let number = arrived.segment;
            match arrived.items.next() {
                Some(item) => self.index_item(number, item, now),
                None => {
                    self.load.arrived.pop_front();
                }
            }
        }
        self.read_on();
    }

    /// Asks for the next segments, or ends the scan.
    pub(super) fn read_on(&mut self) {
        while !self.load.queue.is_empty() && self.load.reads_ahead() {
            let (mut keys, mut reading) = (Vec::new(), Vec::new());
            while let Some(wanted) = self.load.queue.pop_front() {
                let alone = wanted.what == What::Records;
                if alone && !keys.is_empty() {
                    self.load.queue.push_front(wanted);
                    break;
                }
                match wanted.what {
                    What::Index => keys.push(segment::index_key(&wanted.name)),
                    What::Records => keys.extend(block_keys(&wanted)),
                    What::Marks(_) => {}
                }
                keys.extend(wanted.keys.marks.iter().cloned());
                reading.push(wanted);
                if alone || reading.len() == SEGMENTS_PER_READ {
                    break;
                }
            }
            self.load.reading.push(Reading {
                keys: keys.clone(),
                wanted: reading,
            });
            let purpose = Purpose::Load;
            self.operations.push(Operation::Get { purpose, keys });
        }
        if !self.load.listing && !self.load.has_work() && self.load.reading.is_empty() {
            if std::mem::take(&mut self.load.missed) {
                self.load.misses += 1;
                self.rescan();
                return;
            }
            self.load.misses = 0;
            // Not at start, where the first answer matters more.
            if !self.load.complete && self.config.quota_parts.is_some() {
                self.operations.push(Operation::Quota);
            }
            self.load.complete = true;
            self.load.ids = NumberSet::default();
            for slot in self.index.lost() {
                self.remove(slot);
            }
            self.watch_budget();
            self.list_if_wanted();
        }
    }

    fn take_in(&mut self, wanted: Wanted, blobs: &mut HashMap<String, Vec<u8>>) {
        // Somebody has replaced or removed a blob since it was listed.
        let mut missed = false;
        let mut marks = HashSet::new();
        for key in &wanted.keys.marks {
            match blobs.remove(key).map(|blob| segment::decode_marks(&blob)) {
                Some(Some(spots)) => marks.extend(spots),
                Some(None) => self.counters.corrupt += 1,
                None => missed = true,
            }
        }
        let index_key = segment::index_key(&wanted.name);
        missed |= wanted.what == What::Index && !blobs.contains_key(&index_key);
        if missed && self.load.misses < MAX_MISSES {
            self.load.missed = true;
            return;
        }
        let items = match wanted.what {
            What::Marks(number) => return self.take_marks(number, wanted.keys, marks),
            What::Index => match blobs.remove(&index_key) {
                Some(blob) => Items::open(blob),
                // The disk lists it and does not give it: it stays there, unread.
                None => {
                    self.counters.corrupt += 1;
                    return;
                }
            },
            What::Records => self.rebuild(&wanted, blobs),
        };
        match items {
            Some(items) if items.size().0 == 0 => self.trash.extend(all_keys(&wanted.name, &wanted.keys)),
            Some(items) => self.add_segment(wanted, items, marks),
            None => {
                self.counters.corrupt += 1;
                let what = What::Records;
                self.load.queue.push_front(Wanted { what, ..wanted });
            }
        }
    }

    fn rebuild(&mut self, wanted: &Wanted, blobs: &mut HashMap<String, Vec<u8>>) -> Option<Items> {
        let numbered = wanted.keys.blocks.iter().copied().zip(block_keys(wanted));
        let blocks: Vec<(u16, Vec<u8>)> = numbered
            .filter_map(|(block, key)| Some((block, blobs.remove(&key)?)))
            .collect();
        let (items, bad) = segment::rebuild(&blocks);
        self.counters.corrupt += bad;
        let index = index_blob::encode(&items);
        if !items.is_empty() {
            self.repairs.push((segment::index_key(&wanted.name), index.clone()));
        }
        Items::open(index)
    }

    fn add_segment(&mut self, wanted: Wanted, items: Items, marks: HashSet<Spot>) {
        let number = self.segments.len() as u32;
        let newest = segment::newest(&wanted.name).unwrap_or_default();
        let (count, index_bytes) = items.size();
        self.names.insert(wanted.name.clone(), number);
        self.segments.push(Some(Segment {
            name: wanted.name,
            blocks: wanted.keys.blocks,
            bytes: items.record_bytes() + index_bytes as u64,
            index_share: (index_bytes / count.max(1)) as u64,
            live_bytes: 0,
            marks,
            mark_keys: wanted.keys.marks,
        }));
        self.load.arrived.push_back(Arrived {
            segment: number,
            newest,
            items,
            first: Vec::new(),
            looked_at: false,
        });
    }

    pub(super) fn index_item(&mut self, number: u32, item: Item, now: UnixSeconds) {
        let Some(home) = self.home_mut(number) else {
            return;
        };
        if home.marks.contains(&item.spot) {
            return;
        }
        let place = Place::At {
            segment: number,
            spot: item.spot,
        };
        match self.index.admit(&item.meta, place, item.length, now) {
            Admission::Admitted { killed, .. } => {
                self.bury(&killed);
                self.count_live(number, item.length);
            }
            // It went before the others.
            Admission::Known(slot) if self.index.get(slot).is_some_and(|entry| entry.place == place) => {}
            Admission::Known(slot) => {
                self.index.set_own(slot, item.meta.own);
                self.index.add_seen(slot, item.meta.seen);
                let (segment, spot, length) = (number, item.spot, item.length);
                self.found_copy(slot, Located { segment, spot, length });
            }
            Admission::Refused => self.mark(number, item.spot),
        }
        if item.meta.own {
            self.owners.insert(item.meta.pubkey);
        }
    }
}

fn block_keys(wanted: &Wanted) -> impl Iterator<Item = String> + '_ {
    let blocks = wanted.keys.blocks.iter();
    blocks.map(|block| segment::block_key(&wanted.name, *block))
}
