//! The index blob of a segment: what the index needs of each event, without its bytes.
//!
//! `FryI`, the layout's version, a checksum of what follows; the authors, the sets of relays where events were seen,
//! and the items, which name both by their numbers.

use std::collections::HashMap;

use super::bytes::{Reader, hash, push_text, push_varint};
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

/// Reads an index blob; none for anything that is not one, or is of a layout this build does not know.
pub fn decode(blob: &[u8]) -> Option<Vec<Item>> {
    let mut reader = Reader(blob);
    if reader.bytes(4)? != MAGIC {
        return None;
    }
    // The upgrade path: a later layout adds an arm, and compaction writes the newest.
    match reader.u8()? {
        1 => decode_items(reader, |_| Some(Vec::new())),
        VERSION => decode_items(reader, read_sets),
        _ => None,
    }
}

/// Version 2 differs from 1 in the sets of relays between authors and items, and the flag of items that have one.
fn decode_items(
    mut reader: Reader<'_>,
    sets: impl Fn(&mut Reader<'_>) -> Option<Vec<Vec<RelayUrl>>>,
) -> Option<Vec<Item>> {
    let checksum = reader.u64()?;
    if hash(&[reader.0]) != checksum {
        return None;
    }
    let count = reader.count(32)?;
    let mut authors = Vec::with_capacity(count);
    for _ in 0..count {
        authors.push(Pubkey(reader.array()?));
    }
    let sets = sets(&mut reader)?;
    let count = reader.count(48)?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(read_item(&mut reader, &authors, &sets)?);
    }
    reader.0.is_empty().then_some(items)
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

fn read_item(reader: &mut Reader<'_>, authors: &[Pubkey], sets: &[Vec<RelayUrl>]) -> Option<Item> {
    let flags = reader.u8()?;
    let id = EventId(reader.array()?);
    let pubkey = *authors.get(usize::try_from(reader.varint()?).ok()?)?;
    let created_at = UnixSeconds(reader.u64()?);
    let kind = Kind(reader.u16()?);
    let spot = Spot {
        block: u16::try_from(reader.varint()?).ok()?,
        offset: u32::try_from(reader.varint()?).ok()?,
    };
    let length = u32::try_from(reader.varint()?).ok()?;
    let expiration = if flags & EXPIRES != 0 {
        Some(UnixSeconds(reader.varint()?))
    } else {
        None
    };
    let address = if flags & ADDRESSED != 0 {
        Some(reader.u64()?)
    } else {
        None
    };
    let seen = if flags & SEEN != 0 {
        sets.get(usize::try_from(reader.varint()?).ok()?)?.clone()
    } else {
        Vec::new()
    };
    let count = reader.count(8)?;
    let mut tags = Vec::with_capacity(count);
    for _ in 0..count {
        tags.push(reader.u64()?);
    }
    let meta = Meta {
        id,
        pubkey,
        created_at,
        kind,
        own: flags & OWN != 0,
        seen,
        expiration,
        address,
        tags,
        extra: read_extra(reader)?,
    };
    Some(Item { meta, spot, length })
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
