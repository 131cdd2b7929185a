//! One event as the store keeps it: length, checksum, and a compact binary payload.
//!
//! `[u32 length of payload][u64 checksum of payload][payload]`; the payload starts with
//! its version. A later version adds an arm to `decode`; what is written is always the
//! newest, and compaction carries old records over as they are.
//! Only events that were verified are written, so reading one makes an `Event` again
//! (the second caller of `Event::trusted`); the checksum tells damage, not malice.

use thiserror::Error;

use super::bytes::{Reader, hash, push_text, push_varint};
use crate::nostr::event::{Event, EventId, MAX_TAGS, Pubkey, RawEvent, Signature, Tag};
use crate::nostr::hex;
use crate::nostr::kind::Kind;
use crate::time::UnixSeconds;

const VERSION: u8 = 1;
/// Length and checksum.
const HEADER: usize = 12;

/// Why bytes are no event of ours.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RecordError {
    #[error("the record ends before its length says so")]
    Truncated,
    #[error("the record's checksum is wrong")]
    Checksum,
    #[error("the record's layout version {0} is unknown")]
    Version(u8),
    #[error("the record's fields do not add up")]
    Malformed,
}

/// Appends `event`'s record and returns its length in bytes.
pub fn encode(event: &RawEvent, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + HEADER, 0);
    out.push(VERSION);
    out.extend_from_slice(&event.id.0);
    out.extend_from_slice(&event.pubkey.0);
    out.extend_from_slice(&event.sig.0);
    out.extend_from_slice(&event.kind.0.to_le_bytes());
    push_varint(out, event.created_at.0);
    push_varint(out, event.tags.len() as u64);
    for tag in &event.tags {
        push_varint(out, tag.len() as u64);
        for value in tag {
            push_value(out, value);
        }
    }
    push_text(out, &event.content);
    let payload = out.get(start + HEADER..).unwrap_or_default();
    let length = payload.len() as u32;
    let checksum = hash(&[payload]);
    if let Some(header) = out.get_mut(start..start + HEADER) {
        let (first, second) = header.split_at_mut(4);
        first.copy_from_slice(&length.to_le_bytes());
        second.copy_from_slice(&checksum.to_le_bytes());
    }
    out.len() - start
}

/// Reads the record at the start of `bytes`.
///
/// # Errors
/// Says what is wrong with it; the caller skips it, counts it and removes it.
pub fn decode(bytes: &[u8]) -> Result<Event, RecordError> {
    let payload = payload(bytes)?;
    let mut reader = Reader(payload);
    match reader.u8() {
        Some(VERSION) => decode_v1(reader).map(Event::trusted).ok_or(RecordError::Malformed),
        Some(other) => Err(RecordError::Version(other)),
        None => Err(RecordError::Malformed),
    }
}

/// The length of the record at the start of `bytes`, if it is whole. Its payload is not looked at.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let length = HEADER + Reader(bytes).u32()? as usize;
    (length <= bytes.len()).then_some(length)
}

/// Whether `bytes` are exactly one undamaged record.
pub fn is_whole(bytes: &[u8]) -> bool {
    length(bytes) == Some(bytes.len()) && payload(bytes).is_ok()
}

fn payload(bytes: &[u8]) -> Result<&[u8], RecordError> {
    let mut reader = Reader(bytes);
    let length = reader.u32().ok_or(RecordError::Truncated)? as usize;
    let checksum = reader.u64().ok_or(RecordError::Truncated)?;
    let payload = reader.bytes(length).ok_or(RecordError::Truncated)?;
    if hash(&[payload]) == checksum {
        Ok(payload)
    } else {
        Err(RecordError::Checksum)
    }
}

fn decode_v1(mut reader: Reader<'_>) -> Option<RawEvent> {
    let id = EventId(reader.array()?);
    let pubkey = Pubkey(reader.array()?);
    let sig = Signature(reader.array()?);
    let kind = Kind(reader.u16()?);
    let created_at = UnixSeconds(reader.varint()?);
    let count = reader.count(1).filter(|count| *count <= MAX_TAGS)?;
    let mut tags = Vec::with_capacity(count);
    for _ in 0..count {
        let values = reader.count(1)?;
        let mut tag = Tag::with_capacity(values);
        for _ in 0..values {
            tag.push(read_value(&mut reader)?);
        }
        tags.push(tag);
    }
    let content = reader.text()?.to_owned();
    reader.0.is_empty().then_some(RawEvent {
        id,
        pubkey,
        created_at,
        kind,
        tags,
        content,
        sig,
    })
}

/// Half of most events is ids and pubkeys in hex: they are kept as the 32 bytes they are.
fn push_value(out: &mut Vec<u8>, value: &str) {
    match hex::decode::<32>(value) {
        Some(bytes) => {
            out.push(0);
            out.extend_from_slice(&bytes);
        }
        None => {
            push_varint(out, value.len() as u64 + 1);
            out.extend_from_slice(value.as_bytes());
        }
    }
}

fn read_value(reader: &mut Reader<'_>) -> Option<String> {
    match reader.varint()? {
        0 => Some(hex::encode(reader.bytes(32)?)),
        length => {
            let length = usize::try_from(length - 1).ok()?;
            std::str::from_utf8(reader.bytes(length)?).ok().map(str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    fn sample() -> Event {
        let id = "ab".repeat(32);
        signed(
            3,
            30023,
            1_700_000_000,
            &[&["e", &id, "", "reply"], &["d", ""], &[], &["t", "é"]],
            "a\u{0}b",
        )
    }

    #[test]
    fn an_event_comes_back_whole_and_smaller_than_its_json() {
        let mut out = vec![7];
        let event = sample();
        let length = encode(&event, &mut out);
        assert_eq!(decode(&out[1..]), Ok(event.clone()));
        assert_eq!(super::length(&out[1..]), Some(length));
        assert!(length * 2 < event.to_json().len());
    }

    #[test]
    fn every_damaged_byte_and_every_cut_is_noticed() {
        let mut out = Vec::new();
        encode(&sample(), &mut out);
        for at in 0..out.len() {
            assert!(decode(&out[..at]).is_err(), "cut at {at}");
            let mut damaged = out.clone();
            damaged[at] ^= 0x10;
            assert!(decode(&damaged).is_err(), "flip at {at}");
        }
    }

    #[test]
    fn an_unknown_version_is_named() {
        let mut out = Vec::new();
        encode(&sample(), &mut out);
        out[HEADER] = 9;
        let checksum = hash(&[&out[HEADER..]]);
        out[4..12].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(decode(&out), Err(RecordError::Version(9)));
    }
}
