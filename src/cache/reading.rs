//! Giving out the events that the index has found: from what is kept in memory, or after a block has been read.
//!
//! What is damaged is removed and counted, so that whoever asked goes on without it.

use super::index::{Place, Slot};
use super::lru;
use super::record;
use super::segment::{self, BLOCK_BYTES};
use super::store::Store;
use crate::nostr::event::{Event, EventId, MAX_EVENT_BYTES};
use crate::wire;

/// Blocks that one lookup asks for in one transaction.
pub(super) const BLOCKS_AT_ONCE: usize = 16;
/// They must fit, each with one event of the largest size.
pub(super) const MIN_BLOCK_CACHE: usize = BLOCKS_AT_ONCE * (BLOCK_BYTES + MAX_EVENT_BYTES);

/// What an event takes besides its bytes.
const EVENT_BYTES: usize = 96;

/// Why `Store::event` has no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// This block is to be read first.
    Unread(String),
    /// Its segment was taken away by another writer; ask again when the listing has been read.
    Moving,
    Gone,
}

impl Store {
    /// The event in `slot`, if its bytes are in memory; else the block to read.
    ///
    /// # Errors
    /// `Missing`: there is no such event any more, or its bytes are damaged; it has been removed.
    pub fn event(&mut self, slot: Slot, id: &EventId) -> Result<Event, Missing> {
        let Some(entry) = self.entry(slot, id) else {
            return Err(Missing::Gone);
        };
        let (segment, spot) = match entry.place {
            Place::At { segment, spot } => (segment, spot),
            Place::Unsaved => return self.unsaved.get(&slot).cloned().ok_or(Missing::Gone),
            Place::Lost => return Err(Missing::Moving),
        };
        let Some(home) = self.segments.get(segment as usize).and_then(Option::as_ref) else {
            return Err(Missing::Moving);
        };
        if let Some(event) = self.records.get(slot.into()).filter(|event| event.id() == *id) {
            return Ok(event.clone());
        }
        let Some(block) = self.blocks.get(block_id(segment, spot.block)) else {
            if home.blocks.contains(&spot.block) {
                return Err(Missing::Unread(segment::block_key(&home.name, spot.block)));
            }
            self.discard(slot);
            return Err(Missing::Gone);
        };
        let record = block.get(spot.offset as usize..).unwrap_or_default();
        let record = record.get(..entry.length as usize).unwrap_or_default();
        let Some(event) = decode(record, id) else {
            self.discard(slot);
            return Err(Missing::Gone);
        };
        let event = wire::as_stored(&event);
        let bytes = event.written().map_or(0, <[u8]>::len) + EVENT_BYTES;
        self.records.insert(slot.into(), event.clone(), bytes);
        Ok(event)
    }

    /// The block to read before `event` is asked for this one; none if it is in memory, or not to be had at all.
    pub fn unread(&self, slot: Slot, id: &EventId) -> Option<String> {
        let entry = self.entry(slot, id)?;
        let Place::At { segment, spot } = entry.place else {
            return None;
        };
        let home = self.home(segment)?;
        let kept = self.records.contains(slot.into()) || self.blocks.contains(block_id(segment, spot.block));
        (!kept && home.blocks.contains(&spot.block)).then(|| segment::block_key(&home.name, spot.block))
    }

    /// Keeps a block that was read for a job. None: the block is not there, so the listing is out of date.
    pub fn keep_block(&mut self, key: &str, blob: Option<Vec<u8>>) {
        let id = segment::parse_block_key(key).and_then(|(name, block)| Some((*self.names.get(name)?, block)));
        match (id, blob) {
            (Some((segment, block)), Some(blob)) => {
                let bytes = blob.len();
                self.blocks.insert(block_id(segment, block), blob, bytes);
            }
            (Some(_), None) => self.rescan(),
            // Its segment has been compacted away meanwhile.
            (None, _) => {}
        }
    }

    /// The record of the event in `slot` is damaged.
    pub(super) fn discard(&mut self, slot: Slot) {
        self.counters.corrupt += 1;
        if let Some(Place::At { segment, spot }) = self.index.get(slot).map(|entry| entry.place) {
            self.mark(segment, spot);
        }
        self.serve_another(slot);
    }
}

/// A block's number among those that are kept.
pub(super) fn block_id(segment: u32, block: u16) -> lru::Key {
    u64::from(segment) << 16 | u64::from(block)
}

/// The event of a record, if it is whole and of this id.
fn decode(record: &[u8], id: &EventId) -> Option<Event> {
    record::decode(record).ok().filter(|event| event.id == *id)
}
