//! Keeping the store small: merging small segments, rewriting half-dead ones.
//!
//! All of it goes in steps, each bounded: a read of some 1 MiB, or a look at some
//! thousand index entries. A compaction's batch expects its inputs to be as they were
//! read, so two tabs that compact the same segments cannot both succeed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::index::Slot;
use super::index_blob;
use super::record;
use super::segment::{self, BLOCK_BYTES, Blocks, Item, Spot};
use super::storage::{Batch, StorageError};
use super::store::{Operation, Purpose, Store};
use super::writing::expectations;
use crate::sorted::{self, SortedMap};

/// A compaction under way: the inputs' indexes are read, then their blocks; the events are moved and written.
pub(super) struct Compaction {
    inputs: Vec<u32>,
    /// Inputs whose index is still to be read.
    unindexed: Vec<u32>,
    /// Live events of the inputs: where they were. The order of the new segment, backwards, once all are read.
    items: Vec<(u32, Item)>,
    /// Blocks that are still to be read.
    unread: Vec<(u32, u16)>,
    records: HashMap<(u32, Spot), Vec<u8>>,
    /// The new segment as far as it is filled.
    blocks: Blocks,
    /// The events of the new segment.
    moved: Vec<(Slot, Item)>,
    name: String,
    waits: bool,
    /// The keys that were asked for last: what comes for others was meant for a compaction that was given up.
    asked: Vec<String>,
    /// All that was admitted up to here is to be durable before the inputs go; none until all is moved.
    after: Option<u64>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Indexes,
    Records,
    Moving,
}

/// What the last step of tidying up came to, so that it can be held against its bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Events looked at or moved.
    pub events: usize,
    /// Bytes taken in, or copied.
    pub bytes: usize,
}

/// A segment is not merged into a larger one than this, so that its index is read and written in one step.
pub(super) const LARGE: u64 = 1 << 20;
/// Blocks read in one transaction, and taken in at once: half a MiB.
pub(super) const BLOCKS_PER_READ: usize = (1 << 19) / BLOCK_BYTES;
/// Events put into the new segment in one step.
pub(super) const MOVES_PER_STEP: usize = 512;
/// So many segments of about one size are merged.
const FAN_IN: usize = 8;
/// After so many compactions in a row whose inputs could not be read, the disk is left as it is.
const MAX_FAILED: u32 = 3;

impl Compaction {
    fn new(inputs: Vec<u32>) -> Compaction {
        Compaction {
            unindexed: inputs.clone(),
            inputs,
            items: Vec::new(),
            unread: Vec::new(),
            records: HashMap::new(),
            blocks: Blocks::default(),
            moved: Vec::new(),
            name: String::new(),
            waits: false,
            asked: Vec::new(),
            after: None,
            stage: Stage::Indexes,
        }
    }

    /// Blobs that it has asked for are under way.
    pub fn reads(&self) -> bool {
        self.waits
    }

    pub fn has_input(&self, segment: u32) -> bool {
        self.inputs.contains(&segment)
    }
}

impl Store {
    /// Whether a step of tidying up is worth a turn.
    pub fn wants_tidying(&self) -> bool {
        if self.is_stopping() {
            return false;
        }
        let free = !self.is_writing() && !self.load.is_scanning();
        let next = match &self.compaction {
            Some(compaction) => self.may_go_on(compaction),
            None => self.choose().is_some() || self.pressed,
        };
        self.eviction.is_some() || self.index.wants_sweep() || (free && next)
    }

    /// One step: sweep, evict, or go on with a compaction. `reuse`: no query is under way.
    pub fn tidy(&mut self, reuse: bool) {
        if self.index.wants_sweep() {
            self.index.sweep(reuse);
        } else if self.eviction.is_some() {
            self.evict();
        } else if self.is_writing() || self.load.is_scanning() {
            // Its turn comes when the batch or the scan has ended.
        } else if self.compaction.is_some() {
            self.compact();
        } else if let Some(inputs) = self.choose() {
            self.compaction = Some(Compaction::new(inputs));
        } else if self.pressed {
            // The quota is met and there is nothing left to free.
            self.degrade();
        }
    }

    /// The segments that are best made into one now.
    pub(super) fn choose(&self) -> Option<Vec<u32>> {
        if self.failed_compactions > MAX_FAILED {
            return None;
        }
        let (_, all) = self.disk_bytes();
        let tight = self.pressed || all + self.incoming_bytes() > self.config.budget_bytes;
        let mut wasteful: Vec<(u64, u32, u64)> = Vec::new();
        let mut tiers: SortedMap<u32, Vec<(u32, u64)>> = SortedMap::new();
        for (number, home) in (0u32..).zip(&self.segments) {
            let Some(home) = home else { continue };
            let dead = 1000 - home.live_bytes.min(home.bytes) * 1000 / home.bytes.max(1);
            if dead > 500 || home.live_bytes == 0 || (tight && dead > 20) {
                wasteful.push((dead, number, home.live_bytes));
            } else if home.bytes < LARGE / 2 {
                let tier = (home.bytes >> 14).max(1).ilog2() / 3;
                tiers.get_or_default(tier).push((number, home.live_bytes));
            }
        }
        sorted::sort_by(&mut wasteful, |a, b| b.cmp(a));
        if self.pressed && wasteful.iter().any(|(_, _, live)| *live == 0) {
            // A met quota allows to delete, not to write.
            wasteful.retain(|(_, _, live)| *live == 0);
        }
        // Under a met quota the new segment must fit before the old ones are gone.
        let bound = if self.pressed { BLOCK_BYTES as u64 } else { LARGE };
        let wasteful = wasteful.into_iter().map(|(_, number, live)| (number, live));
        let chosen = up_to(wasteful, bound);
        if !chosen.is_empty() {
            return Some(chosen);
        }
        let full = tiers.into_values().find(|tier| tier.len() >= FAN_IN)?;
        Some(up_to(full.into_iter(), LARGE)).filter(|chosen| chosen.len() > 1)
    }

    fn may_go_on(&self, compaction: &Compaction) -> bool {
        // Where nothing is written before something is freed, it frees first.
        let first = self.pressed || self.holding;
        !compaction.waits && (first || compaction.after.is_none_or(|after| self.is_durable(after)))
    }

    fn compact(&mut self) {
        let Some(mut compaction) = self.compaction.take() else {
            return;
        };
        if !self.may_go_on(&compaction) {
            self.compaction = Some(compaction);
            return;
        }
        if compaction.after.is_some() {
            self.finish_compaction(compaction);
            return;
        }
        let homes = compaction.inputs.iter();
        let live: u64 = homes
            .filter_map(|number| self.home(*number))
            .map(|home| home.live_bytes)
            .sum();
        if live == 0 {
            // There is nothing to move: the inputs only go.
            compaction.items.clear();
            compaction.stage = Stage::Moving;
        }
        let keys = match compaction.stage {
            Stage::Indexes => compaction.unindexed.last().and_then(|number| self.name(*number)),
            Stage::Records | Stage::Moving => None,
        };
        let keys: Vec<String> = match (keys, compaction.stage) {
            (Some(name), _) => vec![segment::index_key(name)],
            (None, Stage::Indexes | Stage::Moving) => Vec::new(),
            (None, Stage::Records) => {
                let rest = compaction.unread.len().saturating_sub(BLOCKS_PER_READ);
                let next = compaction.unread.split_off(rest);
                let named = next
                    .iter()
                    .filter_map(|(number, block)| Some((self.name(*number)?, *block)));
                named.map(|(name, block)| segment::block_key(name, block)).collect()
            }
        };
        if keys.is_empty() {
            self.move_events(compaction);
            return;
        }
        compaction.waits = true;
        compaction.asked.clone_from(&keys);
        self.compaction = Some(compaction);
        let purpose = Purpose::Compaction;
        self.operations.push(Operation::Get { purpose, keys });
    }

    /// Blobs that the compaction has asked for.
    pub fn compaction_got(&mut self, keys: Vec<String>, blobs: Result<Vec<Option<Vec<u8>>>, StorageError>) {
        self.counters.storage_reads += 1;
        let Some(mut compaction) = self.compaction.take_if(|compaction| compaction.asked == keys) else {
            return;
        };
        let whole: Option<Vec<Vec<u8>>> = blobs.ok().and_then(|blobs| blobs.into_iter().collect());
        let Some(blobs) = whole else {
            // Another writer was faster, or the disk fails: the listing will tell.
            self.failed_compactions += 1;
            self.rescan();
            return;
        };
        compaction.waits = false;
        self.worked = Work {
            bytes: blobs.iter().map(Vec::len).sum(),
            events: 0,
        };
        match compaction.stage {
            Stage::Indexes => self.take_index(&mut compaction, &blobs),
            Stage::Records | Stage::Moving => self.take_records(&mut compaction, keys, blobs),
        }
        self.compaction = Some(compaction);
    }

    /// Takes in the index of the input that was asked for.
    fn take_index(&mut self, compaction: &mut Compaction, blobs: &[Vec<u8>]) {
        let Some(number) = compaction.unindexed.pop() else {
            return;
        };
        for blob in blobs {
            // The events of an index that was damaged since it was read turn out lost, and are counted so.
            let items = index_blob::decode(blob).unwrap_or_default();
            self.worked.events += items.len();
            let live = items.into_iter().filter(|item| self.slot_at(item, number).is_some());
            compaction.items.extend(live.map(|item| (number, item)));
        }
        if !compaction.unindexed.is_empty() {
            return;
        }
        sorted::sort_by(&mut compaction.items, |(_, a), (_, b)| segment::order(&b.meta, &a.meta));
        let blocks: HashSet<(u32, u16)> = compaction.items.iter().map(|(n, item)| (*n, item.spot.block)).collect();
        compaction.unread = blocks.into_iter().collect();
        sorted::sort(&mut compaction.unread);
        compaction.stage = Stage::Records;
    }

    fn take_records(&mut self, compaction: &mut Compaction, keys: Vec<String>, blobs: Vec<Vec<u8>>) {
        let named = keys.iter().zip(blobs).filter_map(|(key, blob)| {
            let (name, block) = segment::parse_block_key(key)?;
            Some(((*self.names.get(name)?, block), blob))
        });
        let blocks: HashMap<(u32, u16), Vec<u8>> = named.collect();
        let mut damaged = Vec::new();
        self.worked.events = compaction.items.len();
        for (number, item) in &compaction.items {
            let Some(block) = blocks.get(&(*number, item.spot.block)) else {
                continue;
            };
            let start = item.spot.offset as usize;
            let record = block.get(start..start + item.length as usize).unwrap_or_default();
            if record::is_whole(record) {
                compaction.records.insert((*number, item.spot), record.to_vec());
            } else {
                damaged.extend(self.slot_at(item, *number));
            }
        }
        for slot in damaged {
            self.discard(slot);
        }
    }

    /// Puts the next events into the new segment; after the last ones it is written.
    fn move_events(&mut self, mut compaction: Compaction) {
        compaction.stage = Stage::Moving;
        self.worked = Work::default();
        while self.worked.events < MOVES_PER_STEP
            && let Some((number, mut item)) = compaction.items.pop()
        {
            self.worked.events += 1;
            let record = compaction.records.remove(&(number, item.spot));
            if let (Some(slot), Some(record)) = (self.slot_at(&item, number), record) {
                item.meta.own |= self.index.get(slot).is_some_and(|entry| entry.own);
                item.meta.seen = self.index.seen(slot).to_vec();
                (item.spot, item.length) = compaction.blocks.push_record(&record);
                self.worked.bytes += record.len();
                compaction.moved.push((slot, item));
            }
        }
        if compaction.items.is_empty() {
            // What has superseded or deleted the events that are left out must be on the disk before they leave it.
            compaction.after = Some(self.flush());
        }
        self.compaction = Some(compaction);
    }

    fn finish_compaction(&mut self, mut compaction: Compaction) {
        let mut batch = Batch::default();
        let relied_on = self.relied_on(&compaction.inputs);
        for number in relied_on.iter().chain(&compaction.inputs) {
            if let Some(home) = self.home(*number) {
                batch.expect.extend(expectations(home));
            }
        }
        for number in &compaction.inputs {
            batch.delete.extend(self.segment_keys(*number));
        }
        let items = compaction.moved.iter().map(|(_, item)| item.clone()).collect();
        let blocks = std::mem::take(&mut compaction.blocks);
        compaction.name = self.put_segment(items, blocks, &mut batch);
        compaction.waits = true;
        self.compaction = Some(compaction);
        self.write_compaction(batch);
    }

    /// The compaction's batch is durable.
    pub(super) fn compacted(&mut self, batch: Arc<Batch>) {
        let Some(compaction) = self.compaction.take() else {
            return;
        };
        self.counters.compactions += 1;
        self.failed_compactions = 0;
        self.pressed = false;
        // The old homes go, and the events find their new one; what does not is lost for good.
        self.forget_segments(&compaction.inputs.into_iter().collect());
        self.settle(compaction.name, compaction.moved, batch);
        for slot in self.index.lost() {
            self.counters.corrupt += 1;
            self.remove(slot);
        }
        self.watch_budget();
    }

    fn name(&self, number: u32) -> Option<&str> {
        let home = self.home(number)?;
        Some(home.name.as_str())
    }
}

/// The first of `segments` whose live bytes stay within `bound` together; at least one.
fn up_to(segments: impl Iterator<Item = (u32, u64)>, bound: u64) -> Vec<u32> {
    let mut sum = 0;
    let mut chosen = Vec::new();
    for (number, live) in segments {
        sum += live;
        if sum > bound && !chosen.is_empty() {
            break;
        }
        chosen.push(number);
    }
    chosen
}
