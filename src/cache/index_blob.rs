//! The index blob of a segment: what the index needs of each event, without its bytes.
//!
//! `FryI`, the layout's version, a checksum of what follows; the authors, the sets of relays where events were seen,
//! and the items, which name both by their numbers.

use std::collections::HashMap;

use super::bytes::{NumberSet, Reader, hash, push_text, push_varint};
use super::meta::{Deletion, Extra, Meta, RelayList};
use super::segment::{Item, Spot};
use crate::nostr::event::{EventId, Pubkey};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::time::UnixSeconds;

const MAGIC: &[u8; 4] = b"FryI";
/// 1 did not say where events were seen; it is read as ever, and compaction writes what it merges in the newest.
const VERSION: u8 = 2;

/// Writes the index blob of `items`.
pub fn encode(items: &[Item]) -> Vec<u8> {
    let mut authors: Vec<&Pubkey> = Vec::new();
    let mut numbers: HashMap<&Pubkey, u64> = HashMap::new();
    for item in items {
        numbers.entry(&item.meta.pubkey).or_insert_with(|| {
            authors.push(&item.meta.pubkey);
            authors.len() as u64 - 1
        });
    }
    let mut out = Vec::with_capacity(16 + authors.len() * 32 + items.len() * 96);
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&[0; 8]);
    push_varint(&mut out, authors.len() as u64);
    for author in authors {
        out.extend_from_slice(&author.0);
    }
    let (mut sets, mut set_numbers) = (Vec::new(), HashMap::new());
    for item in items.iter().filter(|item| !item.meta.seen.is_empty()) {
        set_numbers.entry(&item.meta.seen).or_insert_with(|| {
            sets.push(&item.meta.seen);
            sets.len() as u64 - 1
        });
    }
    push_varint(&mut out, sets.len() as u64);
    sets.into_iter().for_each(|relays| push_relays(&mut out, relays));
    push_varint(&mut out, items.len() as u64);
    for item in items {
        let author = numbers.get(&item.meta.pubkey).copied().unwrap_or_default();
        push_item(&mut out, item, author, set_numbers.get(&item.meta.seen).copied());
    }
    let checksum = hash(&[out.get(13..).unwrap_or_default()]);
    if let Some(place) = out.get_mut(5..13) {
        place.copy_from_slice(&checksum.to_le_bytes());
    }
    out
}

/// An index blob that was looked through and found whole. Its items come one after another, as they are wanted: what
/// waits for its turn is a third as large as what it is read into.
pub struct Items {
    blob: Vec<u8>,
    authors: Vec<Pubkey>,
    sets: Vec<Vec<RelayUrl>>,
    count: usize,
    record_bytes: u64,
    /// Where the next item begins that is given out.
    next: usize,
    /// How each item's id begins, and where the item does.
    heads: Vec<(u64, u32)>,
    /// Where those items begin that decide which others are kept.
    rules: Vec<u32>,
}

impl Items {
    /// None for anything that is no index blob, or is of a layout this build does not know.
    pub fn open(blob: Vec<u8>) -> Option<Items> {
        let mut reader = Reader(&blob);
        if reader.bytes(4)? != MAGIC {
            return None;
        }
        // The upgrade path: a later layout adds an arm, and compaction writes the newest.
        let read_sets: fn(&mut Reader<'_>) -> Option<Vec<Vec<RelayUrl>>> = match reader.u8()? {
            // It differs from 2 in the sets of relays between authors and items, and the flag of items that have one.
            1 => |_| Some(Vec::new()),
            VERSION => read_sets,
            _ => return None,
        };
        let checksum = reader.u64()?;
        if hash(&[reader.0]) != checksum {
            return None;
        }
        let authors = (0..reader.count(32)?)
            .map(|_| reader.array().map(Pubkey))
            .collect::<Option<Vec<_>>>()?;
        let sets = read_sets(&mut reader)?;
        let count = reader.count(48)?;
        let next = blob.len() - reader.0.len();
        let (mut record_bytes, mut heads, mut rules) = (0, Vec::with_capacity(count), Vec::new());
        for _ in 0..count {
            let at = (blob.len() - reader.0.len()) as u32;
            let entry = read_entry(&mut reader)?;
            let is_known = entry.author < authors.len() && entry.seen.is_none_or(|seen| seen < sets.len());
            is_known.then_some(())?;
            record_bytes += u64::from(entry.length);
            heads.push((head(&entry.id), at));
            if entry.address.is_some() || entry.extra != Extra::None {
                rules.push(at);
            }
        }
        reader.0.is_empty().then_some(())?;
        Some(Items {
            blob,
            authors,
            sets,
            count,
            record_bytes,
            next,
            heads,
            rules,
        })
    }

    /// How many items there are, and bytes of the blob.
    pub fn size(&self) -> (usize, usize) {
        (self.count, self.blob.len())
    }

    /// Bytes of the records that it tells of.
    pub fn record_bytes(&self) -> u64 {
        self.record_bytes
    }

    /// The items whose ids begin as one of `ids` does, and once those that decide which others are kept. They are given
    /// out in their turn, too.
    pub fn pick(&mut self, ids: &NumberSet) -> Vec<Item> {
        let asked = self
            .heads
            .iter()
            .filter(|(head, _)| ids.contains(head))
            .map(|(_, at)| *at);
        let picked: Vec<u32> = asked.chain(std::mem::take(&mut self.rules)).collect();
        let read = |at: u32| self.item(read_entry(&mut Reader(self.blob.get(at as usize..)?))?);
        picked.into_iter().filter_map(read).collect()
    }

    fn item(&self, entry: Entry<'_>) -> Option<Item> {
        let hashes = entry.tags.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok());
        let meta = Meta {
            id: entry.id,
            pubkey: *self.authors.get(entry.author)?,
            created_at: entry.created_at,
            kind: entry.kind,
            own: entry.own,
            seen: match entry.seen {
                Some(seen) => self.sets.get(seen)?.clone(),
                None => Vec::new(),
            },
            expiration: entry.expiration,
            address: entry.address,
            tags: hashes.map(u64::from_le_bytes).collect(),
            extra: entry.extra,
        };
        let (spot, length) = (entry.spot, entry.length);
        Some(Item { meta, spot, length })
    }
}

impl Iterator for Items {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let mut reader = Reader(self.blob.get(self.next..)?);
        let entry = read_entry(&mut reader)?;
        let rest = reader.0.len();
        let item = self.item(entry);
        self.next = self.blob.len() - rest;
        item
    }
}

/// How an id begins.
pub fn head(id: &EventId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Reads an index blob at once; none for what `Items::open` takes for none.
pub fn decode(blob: &[u8]) -> Option<Vec<Item>> {
    Some(Items::open(blob.to_vec())?.collect())
}

const OWN: u8 = 1;
const EXPIRES: u8 = 2;
const ADDRESSED: u8 = 4;
const SEEN: u8 = 8;

fn push_relays(out: &mut Vec<u8>, relays: &[RelayUrl]) {
    push_varint(out, relays.len() as u64);
    for relay in relays {
        push_text(out, relay.as_str());
    }
}

fn read_relays(reader: &mut Reader<'_>) -> Option<Vec<RelayUrl>> {
    let count = reader.count(1)?;
    (0..count).map(|_| RelayUrl::parse(reader.text()?).ok()).collect()
}

fn read_sets(reader: &mut Reader<'_>) -> Option<Vec<Vec<RelayUrl>>> {
    let count = reader.count(1)?;
    (0..count).map(|_| read_relays(reader)).collect()
}

fn push_item(out: &mut Vec<u8>, item: &Item, author: u64, seen: Option<u64>) {
    let meta = &item.meta;
    let flags = [
        (OWN, meta.own),
        (EXPIRES, meta.expiration.is_some()),
        (ADDRESSED, meta.address.is_some()),
        (SEEN, seen.is_some()),
    ];
    out.push(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag).sum());
    out.extend_from_slice(&meta.id.0);
    push_varint(out, author);
    out.extend_from_slice(&meta.created_at.0.to_le_bytes());
    out.extend_from_slice(&meta.kind.0.to_le_bytes());
    push_varint(out, u64::from(item.spot.block));
    push_varint(out, u64::from(item.spot.offset));
    push_varint(out, u64::from(item.length));
    if let Some(expiration) = meta.expiration {
        push_varint(out, expiration.0);
    }
    if let Some(address) = meta.address {
        out.extend_from_slice(&address.to_le_bytes());
    }
    if let Some(seen) = seen {
        push_varint(out, seen);
    }
    push_varint(out, meta.tags.len() as u64);
    for tag in &meta.tags {
        out.extend_from_slice(&tag.to_le_bytes());
    }
    match &meta.extra {
        Extra::None => out.push(0),
        Extra::Deletion(deletion) => {
            out.push(1);
            push_varint(out, deletion.ids.len() as u64);
            for id in &deletion.ids {
                out.extend_from_slice(&id.0);
            }
            push_varint(out, deletion.addresses.len() as u64);
            for address in &deletion.addresses {
                out.extend_from_slice(&address.to_le_bytes());
            }
        }
        Extra::Relays(list) => {
            out.push(2);
            push_relays(out, &list.write);
            push_relays(out, &list.read);
        }
    }
}

/// An item as it lies in the blob.
struct Entry<'a> {
    own: bool,
    id: EventId,
    /// Its number among the authors.
    author: usize,
    created_at: UnixSeconds,
    kind: Kind,
    spot: Spot,
    length: u32,
    expiration: Option<UnixSeconds>,
    address: Option<u64>,
    /// Its number among the sets.
    seen: Option<usize>,
    /// Eight bytes each.
    tags: &'a [u8],
    extra: Extra,
}

fn read_entry<'a>(reader: &mut Reader<'a>) -> Option<Entry<'a>> {
    let flags = reader.u8()?;
    let has = |flag: u8| flags & flag != 0;
    Some(Entry {
        own: has(OWN),
        id: EventId(reader.array()?),
        author: usize::try_from(reader.varint()?).ok()?,
        created_at: UnixSeconds(reader.u64()?),
        kind: Kind(reader.u16()?),
        spot: Spot {
            block: u16::try_from(reader.varint()?).ok()?,
            offset: u32::try_from(reader.varint()?).ok()?,
        },
        length: u32::try_from(reader.varint()?).ok()?,
        expiration: match has(EXPIRES) {
            true => Some(UnixSeconds(reader.varint()?)),
            false => None,
        },
        address: match has(ADDRESSED) {
            true => Some(reader.u64()?),
            false => None,
        },
        seen: match has(SEEN) {
            true => Some(usize::try_from(reader.varint()?).ok()?),
            false => None,
        },
        tags: {
            let count = reader.count(8)?;
            reader.bytes(count * 8)?
        },
        extra: read_extra(reader)?,
    })
}

fn read_extra(reader: &mut Reader<'_>) -> Option<Extra> {
    match reader.u8()? {
        0 => Some(Extra::None),
        1 => {
            let mut deletion = Deletion::default();
            for _ in 0..reader.count(32)? {
                deletion.ids.push(EventId(reader.array()?));
            }
            for _ in 0..reader.count(8)? {
                deletion.addresses.push(reader.u64()?);
            }
            Some(Extra::Deletion(deletion))
        }
        2 => {
            let (write, read) = (read_relays(reader)?, read_relays(reader)?);
            Some(Extra::Relays(RelayList { write, read }))
        }
        _ => None,
    }
}
