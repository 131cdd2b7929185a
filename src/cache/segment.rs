//! A segment: many events written together and never changed, as blobs under three kinds of key.
//!
//! | key | blob |
//! |---|---|
//! | `i/<segment>` | what the index needs of each event, newest first |
//! | `d/<segment>/<block>` | some 128 KiB of event records, one after another |
//! | `x/<segment>/<writer>-<count>` | which of its events one writer has marked dead |
//!
//! A segment's name starts with the newest `created_at` in it, inverted, so that listing
//! keys yields the newest first and no manifest is needed; then the writer's random id and
//! counter, so that two tabs never choose the same. Whoever marks another event dead puts a
//! new `x` key and removes its former one: the listing shows every change.
//! All of a segment's keys are written in one batch: a listing has all or none of them.

use super::bytes::{Reader, hash};
use super::meta::Meta;
use super::record;
use crate::nostr::event::RawEvent;
use crate::sorted::{self, SortedMap};
use crate::time::UnixSeconds;

/// Large enough to be worth a request, small enough to be read for one event; and over the 64 KiB, compressed,
/// from which Chromium gives a value a file of its own, whose space comes back when it is deleted.
pub const BLOCK_BYTES: usize = 128 << 10;

/// Where a record lies within its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    pub block: u16,
    pub offset: u32,
}

/// One event of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub meta: Meta,
    pub spot: Spot,
    pub length: u32,
}

/// A segment's name, the part of its keys that they share.
pub fn name(newest: UnixSeconds, writer: u64, count: u32) -> String {
    format!("{:016x}-{writer:016x}-{count:08x}", u64::MAX - newest.0)
}

/// The newest `created_at` that a segment of this name may hold; none if no segment is called so.
pub fn newest(name: &str) -> Option<UnixSeconds> {
    let mut parts = name.split('-');
    let mut hex = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        u64::from_str_radix(part, 16).ok()
    };
    let inverted = hex(16)?;
    let (_writer, _count) = (hex(16)?, hex(8)?);
    parts.next().is_none().then_some(UnixSeconds(u64::MAX - inverted))
}

pub fn index_key(name: &str) -> String {
    format!("i/{name}")
}

pub fn block_key(name: &str, block: u16) -> String {
    format!("d/{name}/{block:04x}")
}

fn block_number(text: &str) -> Option<u16> {
    let number = u16::from_str_radix(text, 16).ok()?;
    (format!("{number:04x}") == text).then_some(number)
}

/// The segment's name and the block's number in a block's key.
pub fn parse_block_key(key: &str) -> Option<(&str, u16)> {
    let (name, block) = key.strip_prefix("d/")?.split_once('/')?;
    Some((name, block_number(block)?))
}

pub fn marks_prefix(name: &str) -> String {
    format!("x/{name}/")
}

pub fn marks_key(name: &str, writer: u64, count: u32) -> String {
    format!("x/{name}/{writer:016x}-{count:08x}")
}

/// The keys of one segment in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    pub has_index: bool,
    /// Numbers of the data blocks.
    pub blocks: Vec<u16>,
    /// Keys of the marks, sorted.
    pub marks: Vec<String>,
}

/// A listing sorted out: segments that have events, newest first, and keys that belong to none.
pub fn sort_out(keys: Vec<String>) -> (SortedMap<String, Keys>, Vec<String>) {
    let mut segments: SortedMap<String, Keys> = SortedMap::new();
    let mut foreign = Vec::new();
    for key in keys {
        let mut parts = key.split('/');
        let (kind, name) = (parts.next(), parts.next().filter(|name| newest(name).is_some()));
        let (rest, end) = (parts.next(), parts.next());
        match (kind, name, rest, end) {
            (Some("i"), Some(name), None, None) => segments.get_or_default(name.to_owned()).has_index = true,
            (Some("d"), Some(name), Some(block), None) if block_number(block).is_some() => {
                let keys = segments.get_or_default(name.to_owned());
                keys.blocks.extend(block_number(block));
            }
            (Some("x"), Some(name), Some(_), None) => {
                let name = name.to_owned();
                segments.get_or_default(name).marks.push(key);
            }
            _ => foreign.push(key),
        }
    }
    segments.retain(|name, keys| {
        let has_blocks = !keys.blocks.is_empty();
        if !has_blocks {
            foreign.append(&mut keys.marks);
            foreign.extend(keys.has_index.then(|| index_key(name)));
        }
        has_blocks
    });
    (segments, foreign)
}

/// Fills blocks with records.
#[derive(Default)]
pub struct Blocks {
    done: Vec<Vec<u8>>,
    filling: Vec<u8>,
}

impl Blocks {
    /// Adds an event and says where it lies and how long it is.
    pub fn push_event(&mut self, event: &RawEvent) -> (Spot, u32) {
        let spot = self.next_spot();
        let length = record::encode(event, &mut self.filling) as u32;
        self.close_if_full();
        (spot, length)
    }

    /// Adds a record as it was read from another block.
    pub fn push_record(&mut self, record: &[u8]) -> (Spot, u32) {
        let spot = self.next_spot();
        self.filling.extend_from_slice(record);
        self.close_if_full();
        (spot, record.len() as u32)
    }

    /// The finished blocks.
    pub fn finish(mut self) -> Vec<Vec<u8>> {
        if !self.filling.is_empty() {
            self.done.push(self.filling);
        }
        self.done
    }

    fn next_spot(&self) -> Spot {
        Spot {
            // A segment is bounded to few MiB, far from 65,536 blocks.
            block: self.done.len() as u16,
            offset: self.filling.len() as u32,
        }
    }

    fn close_if_full(&mut self) {
        if self.filling.len() >= BLOCK_BYTES {
            self.done.push(std::mem::take(&mut self.filling));
        }
    }
}

/// Makes the index anew from the records themselves, for a segment whose index blob is lost.
/// Returns the items and how many records could not be read.
pub fn rebuild(blocks: &[(u16, Vec<u8>)]) -> (Vec<Item>, u64) {
    let (mut items, mut bad) = (Vec::new(), 0);
    for (block, bytes) in blocks {
        let mut offset = 0;
        while offset < bytes.len() {
            let rest = bytes.get(offset..).unwrap_or_default();
            let Some(length) = record::length(rest) else {
                bad += 1;
                break;
            };
            match record::decode(rest) {
                Ok(event) => items.push(Item {
                    meta: Meta::of(&event, false),
                    spot: Spot {
                        block: *block,
                        offset: offset as u32,
                    },
                    length: length as u32,
                }),
                Err(_) => bad += 1,
            }
            offset += length;
        }
    }
    sorted::sort_by(&mut items, |a, b| order(&a.meta, &b.meta));
    (items, bad)
}

/// Newest first, the lowest id first among equals (NIP-01).
pub fn order(a: &Meta, b: &Meta) -> std::cmp::Ordering {
    b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id))
}

/// Writes which records are dead.
pub fn encode_marks(spots: impl IntoIterator<Item = Spot>) -> Vec<u8> {
    let mut out = vec![0; 8];
    for spot in spots {
        out.extend_from_slice(&spot.block.to_le_bytes());
        out.extend_from_slice(&spot.offset.to_le_bytes());
    }
    let checksum = hash(&[out.get(8..).unwrap_or_default()]);
    if let Some(place) = out.get_mut(..8) {
        place.copy_from_slice(&checksum.to_le_bytes());
    }
    out
}

/// Reads what `encode_marks` wrote.
pub fn decode_marks(blob: &[u8]) -> Option<Vec<Spot>> {
    let mut reader = Reader(blob);
    let checksum = reader.u64()?;
    if hash(&[reader.0]) != checksum {
        return None;
    }
    let mut spots = Vec::with_capacity(reader.0.len() / 6);
    while !reader.0.is_empty() {
        spots.push(Spot {
            block: reader.u16()?,
            offset: reader.u32()?,
        });
    }
    Some(spots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::index_blob;
    use crate::nostr::event::tests::signed;
    use crate::nostr::relay_url::RelayUrl;

    fn items() -> (Vec<Item>, Vec<Vec<u8>>) {
        let own = signed(1, 1, 1, &[], "").pubkey;
        let events = [
            signed(1, 1, 50, &[&["t", "x"], &["expiration", "99"]], "note"),
            signed(
                1,
                5,
                40,
                &[&["e", &"ab".repeat(32)], &["a", &format!("30023:{own}:d")]],
                "",
            ),
            signed(
                2,
                10002,
                30,
                &[&["r", "wss://a.example"], &["r", "wss://b.example", "read"]],
                "",
            ),
            signed(3, 30023, 20, &[&["d", "x"]], &"long ".repeat(BLOCK_BYTES / 5)),
            signed(3, 1, 10, &[], "in the second block"),
        ];
        let mut blocks = Blocks::default();
        let items = events
            .iter()
            .map(|event| {
                let (spot, length) = blocks.push_event(event);
                let meta = Meta::of(event, false);
                Item { meta, spot, length }
            })
            .collect();
        (items, blocks.finish())
    }

    #[test]
    fn an_index_comes_back_and_damage_to_any_byte_is_noticed() {
        let (mut items, _) = items();
        let relay = |name: &str| RelayUrl::parse(&format!("wss://{name}.example")).unwrap();
        items[0].meta.seen = vec![relay("a"), relay("b")];
        items[2].meta.seen = vec![relay("a")];
        items[4].meta.seen = vec![relay("a"), relay("b")];
        let blob = index_blob::encode(&items);
        assert_eq!(index_blob::decode(&blob), Some(items));
        for at in 0..blob.len() {
            let mut damaged = blob.clone();
            damaged[at] ^= 1;
            assert_eq!(index_blob::decode(&damaged), None, "byte {at}");
            assert_eq!(index_blob::decode(&blob[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn an_index_can_be_made_again_from_the_records() {
        let (items, blocks) = items();
        assert_eq!(blocks.len(), 2);
        let mut blocks: Vec<(u16, Vec<u8>)> = (0..).zip(blocks).collect();
        assert_eq!(rebuild(&blocks), (items.clone(), 0));
        // The first record's payload is damaged, the second block is cut.
        blocks[0].1[20] ^= 1;
        blocks[1].1.truncate(30);
        let (rest, bad) = rebuild(&blocks);
        assert_eq!(rest, items[1..4]);
        assert_eq!(bad, 2);
    }

    #[test]
    fn names_sort_newest_first_and_tell_their_time() {
        let (old, new) = (name(UnixSeconds(5), 1, 0), name(UnixSeconds(u64::MAX), 1, 0));
        assert!(new < old);
        assert_eq!(newest(&old), Some(UnixSeconds(5)));
        for bad in ["", "x", "0-0-0", "zz", &old[1..], &format!("{old}-0")] {
            assert_eq!(newest(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_listing_is_sorted_into_whole_segments_and_what_belongs_to_none() {
        let (a, b) = (name(UnixSeconds(9), 1, 0), name(UnixSeconds(5), 1, 0));
        let keys = vec![
            block_key(&a, 0),
            index_key(&a),
            marks_key(&a, 1, 3),
            marks_key(&b, 1, 1),
            "i/strange".to_owned(),
            "other".to_owned(),
            format!("d/{a}/0/1"),
        ];
        let (segments, foreign) = sort_out(keys);
        assert_eq!(segments.keys().collect::<Vec<_>>(), [&a]);
        assert_eq!(
            foreign,
            [
                "i/strange".to_owned(),
                "other".to_owned(),
                format!("d/{a}/0/1"),
                marks_key(&b, 1, 1)
            ]
        );
    }

    #[test]
    fn marks_come_back_and_damage_is_noticed() {
        let spots = [
            Spot { block: 1, offset: 2 },
            Spot {
                block: 0,
                offset: 70_000,
            },
        ];
        let mut blob = encode_marks(spots);
        assert_eq!(decode_marks(&blob), Some(spots.to_vec()));
        blob[9] ^= 1;
        assert_eq!(decode_marks(&blob), None);
    }
}
