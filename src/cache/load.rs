//! Reading segments in: all at start, newest first; later what other writers have changed.
//!
//! Only index blobs are read. Until the last one is in, `Store::frontier` says up to when
//! the index may not know everything, so a query is answered as far as it reaches.
//! What is damaged, half there or foreign is skipped, counted and removed.

use std::collections::{HashMap, HashSet, VecDeque};

use super::copies::Located;
use super::index::{Admission, Place};
use super::index_blob;
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
    complete: bool,
    queue: VecDeque<Wanted>,
    reading: Vec<Wanted>,
    arrived: VecDeque<Arrived>,
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
struct Arrived {
    segment: u32,
    newest: UnixSeconds,
    items: std::vec::IntoIter<Item>,
}

/// Segments read in one transaction.
const SEGMENTS_PER_READ: usize = 8;
/// A listing that does not fit the blobs is asked for again so often; then the disk is at fault.
const MAX_MISSES: u32 = 3;
/// Items put into the index in one step: few milliseconds in a browser.
const ITEMS_PER_STEP: usize = 512;

impl Load {
    /// What is on disk is not all known.
    pub fn is_scanning(&self) -> bool {
        self.listing || self.again || self.has_work() || !self.reading.is_empty()
    }

    fn has_work(&self) -> bool {
        !self.queue.is_empty() || !self.arrived.is_empty()
    }
}

impl Store {
    /// Events from then or before may be on disk without being in the index. None: it knows them all.
    pub fn frontier(&self) -> Option<UnixSeconds> {
        if self.load.complete {
            return None;
        }
        if self.load.listing {
            return Some(UnixSeconds(u64::MAX));
        }
        let wanted = self.load.queue.iter().chain(&self.load.reading);
        let unread = wanted.filter_map(|wanted| segment::newest(&wanted.name));
        unread
            .chain(self.load.arrived.iter().map(|arrived| arrived.newest))
            .max()
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
    pub fn loaded(&mut self, keys: Vec<String>, blobs: Result<Vec<Option<Vec<u8>>>, StorageError>) {
        self.counters.storage_reads += 1;
        let blobs = blobs.unwrap_or_else(|_| {
            self.counters.storage_errors += 1;
            Vec::new()
        });
        let mut blobs: HashMap<String, Vec<u8>> = keys
            .into_iter()
            .zip(blobs)
            .filter_map(|(key, blob)| Some((key, blob?)))
            .collect();
        for wanted in std::mem::take(&mut self.load.reading) {
            self.take_in(wanted, &mut blobs);
        }
        self.read_on();
    }

    pub fn wants_load_step(&self) -> bool {
        !self.load.arrived.is_empty()
    }

    /// Puts some of what was read into the index.
    pub fn load_step(&mut self, now: UnixSeconds) {
        for _ in 0..ITEMS_PER_STEP {
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
    fn read_on(&mut self) {
        // One read ahead of what is being indexed, so that neither waits for the other.
        if self.load.reading.is_empty() && self.load.arrived.len() < SEGMENTS_PER_READ {
            let mut keys = Vec::new();
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
                self.load.reading.push(wanted);
                if alone || self.load.reading.len() == SEGMENTS_PER_READ {
                    break;
                }
            }
            if !self.load.reading.is_empty() {
                let purpose = Purpose::Load;
                self.operations.push(Operation::Get { purpose, keys });
            }
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
                Some(blob) => index_blob::decode(&blob).map(|items| (items, blob.len())),
                // The disk lists it and does not give it: it stays there, unread.
                None => {
                    self.counters.corrupt += 1;
                    return;
                }
            },
            What::Records => Some(self.rebuild(&wanted, blobs)),
        };
        match items {
            Some((items, _)) if items.is_empty() => self.trash.extend(all_keys(&wanted.name, &wanted.keys)),
            Some((items, index_bytes)) => self.add_segment(wanted, items, index_bytes, marks),
            None => {
                self.counters.corrupt += 1;
                let what = What::Records;
                self.load.queue.push_front(Wanted { what, ..wanted });
            }
        }
    }

    fn rebuild(&mut self, wanted: &Wanted, blobs: &mut HashMap<String, Vec<u8>>) -> (Vec<Item>, usize) {
        let numbered = wanted.keys.blocks.iter().copied().zip(block_keys(wanted));
        let blocks: Vec<(u16, Vec<u8>)> = numbered
            .filter_map(|(block, key)| Some((block, blobs.remove(&key)?)))
            .collect();
        let (items, bad) = segment::rebuild(&blocks);
        self.counters.corrupt += bad;
        let index = index_blob::encode(&items);
        let bytes = index.len();
        if !items.is_empty() {
            self.repairs.push((segment::index_key(&wanted.name), index));
        }
        (items, bytes)
    }

    fn add_segment(&mut self, wanted: Wanted, items: Vec<Item>, index_bytes: usize, marks: HashSet<Spot>) {
        let number = self.segments.len() as u32;
        let newest = segment::newest(&wanted.name).unwrap_or_default();
        let records: u64 = items.iter().map(|item| u64::from(item.length)).sum();
        self.names.insert(wanted.name.clone(), number);
        self.segments.push(Some(Segment {
            name: wanted.name,
            blocks: wanted.keys.blocks,
            bytes: records + index_bytes as u64,
            index_share: (index_bytes / items.len().max(1)) as u64,
            live_bytes: 0,
            marks,
            mark_keys: wanted.keys.marks,
        }));
        self.load.arrived.push_back(Arrived {
            segment: number,
            newest,
            items: items.into_iter(),
        });
    }

    fn index_item(&mut self, number: u32, item: Item, now: UnixSeconds) {
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
