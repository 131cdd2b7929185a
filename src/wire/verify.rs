//! Verifies a message before it is read, by the layouts of its tables.
//!
//! flatc writes a verifier for each table, which is more code than all that reads the messages. Here one walks them all;
//! it looks at the same bytes in the same order, and a test holds its every answer against theirs.

use std::ops::Range;

use flatbuffers::{
    Follow, ForwardsUOffset, InvalidFlatbuffer, SIZE_UOFFSET, Vector, Verifiable, Verifier, VerifierOptions,
};

use super::layouts::TABLES;
use super::nostr::{event_bytes, write_seen_event};
use super::{MAX_DEPTH, MAX_EXPANSION, MAX_TABLES, WireError, builder, fb, finish};
use crate::message::ShardSource;
use crate::nostr::event::RawEvent;

/// A table that is a message by itself.
pub(super) trait Root {
    /// Its place in `TABLES`.
    const TABLE: u8;
}

/// A field of a table.
pub(super) struct Field {
    name: &'static str,
    required: bool,
    content: Content,
}

pub(super) const fn optional(name: &'static str, content: Content) -> Field {
    Field {
        name,
        required: false,
        content,
    }
}

pub(super) const fn required(name: &'static str, content: Content) -> Field {
    Field {
        name,
        required: true,
        content,
    }
}

/// What is in a field. Tables are named by their place in `TABLES`.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// A number of so many bytes, which lies on a multiple of them.
    Number(u8),
    /// As many bytes, which lie anywhere.
    Struct(u8),
    Text,
    Table(u8),
    Numbers(u8),
    Structs(u8),
    Texts,
    Tables(u8),
    /// What an earlier schema had there.
    Unread,
    /// Which member the union in the next slot is.
    UnionType,
    /// One of so many tables, the first of which is named.
    Union(u8, u8),
}

/// The root table of `bytes`, all of it verified.
#[allow(unsafe_code)]
pub(super) fn root<'a, T: Follow<'a> + Root + 'a>(bytes: &'a [u8]) -> Result<T::Inner, WireError> {
    verify(&options(bytes), bytes, T::TABLE)?;
    // SAFETY: the bytes have just been verified to be a `T`.
    Ok(unsafe { flatbuffers::root_unchecked::<T>(bytes) })
}

/// The bytes of a `NostrEvent` that is a buffer of its own.
pub(super) struct EventBytes(Box<[u8]>);

impl EventBytes {
    /// Takes them if they are what they should be.
    pub(super) fn verified(bytes: &[u8]) -> Result<EventBytes, WireError> {
        root::<fb::NostrEvent>(bytes)?;
        Ok(EventBytes(bytes.into()))
    }

    /// Writes them.
    pub(super) fn written(event: &RawEvent) -> EventBytes {
        let mut fbb = builder(event_bytes(event));
        let event = write_seen_event(&mut fbb, event, ShardSource::Cache, &[]);
        EventBytes(finish(fbb, event).into())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[allow(unsafe_code)]
    pub(super) fn table(&self) -> fb::NostrEvent<'_> {
        // SAFETY: the bytes were verified to be an event or written as one here, and nobody can change them.
        unsafe { flatbuffers::root_unchecked::<fb::NostrEvent>(&self.0) }
    }
}

/// A step on the way from the message to what is being looked at.
pub(super) enum Step {
    Field(&'static str),
    Element(usize),
}

fn verify(options: &VerifierOptions, bytes: &[u8], table: u8) -> Result<(), WireError> {
    let mut path = Vec::new();
    check(&mut Verifier::new(options, bytes), &mut path, 0, Content::Table(table))
        .map_err(|invalid| WireError::of(invalid, &path))
}

fn options(bytes: &[u8]) -> VerifierOptions {
    VerifierOptions {
        max_depth: MAX_DEPTH,
        max_tables: MAX_TABLES,
        max_apparent_size: bytes.len().saturating_mul(MAX_EXPANSION),
        ignore_missing_null_terminator: false,
    }
}

/// Verifies the `content` of a field or an element at `at`. On an error `path` leads to what is wrong.
fn check(verifier: &mut Verifier, path: &mut Vec<Step>, at: usize, content: Content) -> Result<(), InvalidFlatbuffer> {
    match content {
        Content::Number(8) => verifier.in_buffer::<u64>(at),
        Content::Number(4) => verifier.in_buffer::<u32>(at),
        Content::Number(2) => verifier.in_buffer::<u16>(at),
        Content::Number(_) | Content::UnionType => verifier.in_buffer::<u8>(at),
        Content::Struct(bytes) => verifier.range_in_buffer(at, bytes.into()),
        Content::Text => <ForwardsUOffset<&str>>::run_verifier(verifier, at),
        Content::Table(table) => check_table(verifier, path, at, table),
        Content::Numbers(8) => <ForwardsUOffset<Vector<u64>>>::run_verifier(verifier, at),
        Content::Numbers(bytes) | Content::Structs(bytes) => check_vector(verifier, at, bytes.into()).map(|_| ()),
        Content::Texts => check_each(verifier, path, at, Content::Text),
        Content::Tables(table) => check_each(verifier, path, at, Content::Table(table)),
        // Its type decides, which `check_table` asks.
        Content::Union(..) | Content::Unread => Ok(()),
    }
}

/// Verifies the table to which an offset at `at` leads.
fn check_table(verifier: &mut Verifier, path: &mut Vec<Step>, at: usize, table: u8) -> Result<(), InvalidFlatbuffer> {
    let at = follow(verifier, at)?;
    let mut fields = verifier.visit_table(at)?;
    let layout = TABLES.get(usize::from(table)).copied().unwrap_or_default();
    let mut union_type = "";
    // Two lengths stand before the first slot.
    for (slot, field) in (4..).step_by(2).zip(layout) {
        if let Content::UnionType = field.content {
            union_type = field.name;
            continue;
        }
        if let Content::Unread = field.content {
            continue;
        }
        let at = fields.deref(slot)?;
        let content = match field.content {
            Content::Union(first, members) => match (fields.deref(slot - 2)?, at) {
                (Some(type_at), Some(_)) => {
                    path.push(Step::Field(union_type));
                    let member = fields.verifier().get_u8(type_at)?;
                    path.pop();
                    member_of(first, members, member)
                }
                (None, None) => field.content,
                _ => return InvalidFlatbuffer::new_inconsistent_union(union_type, field.name),
            },
            content => content,
        };
        match at {
            Some(at) => {
                path.push(Step::Field(field.name));
                check(fields.verifier(), path, at, content)?;
                path.pop();
            }
            None if field.required => return InvalidFlatbuffer::new_missing_required(field.name),
            None => {}
        }
    }
    fields.finish();
    Ok(())
}

/// The table that a union's type says, counted from 1. A later schema may have more, of which nothing is read.
fn member_of(first: u8, members: u8, member: u8) -> Content {
    match member.checked_sub(1) {
        Some(at) if at < members => Content::Table(first + at),
        _ => Content::Union(first, members),
    }
}

/// Verifies every element of the vector to which an offset at `at` leads.
fn check_each(verifier: &mut Verifier, path: &mut Vec<Step>, at: usize, of: Content) -> Result<(), InvalidFlatbuffer> {
    let range = check_vector(verifier, at, SIZE_UOFFSET)?;
    for (element, at) in range.step_by(SIZE_UOFFSET).enumerate() {
        path.push(Step::Element(element));
        check(verifier, path, at, of)?;
        path.pop();
    }
    Ok(())
}

/// Where the elements lie, each of `bytes` bytes, of the vector to which an offset at `at` leads. They follow a length,
/// so that elements of up to four bytes are aligned as it is.
fn check_vector(verifier: &mut Verifier, at: usize, bytes: usize) -> Result<Range<usize>, InvalidFlatbuffer> {
    let at = follow(verifier, at)?;
    let size = (verifier.get_uoffset(at)? as usize).saturating_mul(bytes);
    let start = at.saturating_add(SIZE_UOFFSET);
    verifier.range_in_buffer(start, size)?;
    Ok(start..start.saturating_add(size))
}

/// Where the offset at `at` leads.
fn follow(verifier: &mut Verifier, at: usize) -> Result<usize, InvalidFlatbuffer> {
    Ok(at.saturating_add(verifier.get_uoffset(at)? as usize))
}

#[cfg(test)]
mod tests {
    use flatbuffers::{ErrorTraceDetail, FlatBufferBuilder};

    use super::super::generated::ferry as fb;
    use super::super::samples::{Samples, Seeded};
    use super::*;
    use crate::message::*;

    /// The answer of the verifier that flatc wrote for `T`.
    fn generated<T: Verifiable>(options: &VerifierOptions, bytes: &[u8]) -> Result<(), WireError> {
        let mut verifier = Verifier::new(options, bytes);
        <ForwardsUOffset<T>>::run_verifier(&mut verifier, 0).map_err(|invalid| {
            use InvalidFlatbuffer::*;
            let (MissingRequiredField { error_trace, .. }
            | InconsistentUnion { error_trace, .. }
            | Utf8Error { error_trace, .. }
            | MissingNullTerminator { error_trace, .. }
            | Unaligned { error_trace, .. }
            | RangeOutOfBounds { error_trace, .. }
            | SignedOffsetOutOfBounds { error_trace, .. }) = &invalid
            else {
                return WireError::of(invalid, &[]);
            };
            // It has the innermost step first, and a union's member after the union's field.
            let steps: Vec<Step> = error_trace
                .as_ref()
                .iter()
                .rev()
                .filter_map(|step| match step {
                    ErrorTraceDetail::TableField { field_name, .. } => {
                        Some(Step::Field(field_name.clone().into_owned().leak()))
                    }
                    ErrorTraceDetail::VectorElement { index, .. } => Some(Step::Element(*index)),
                    ErrorTraceDetail::UnionVariant { .. } => None,
                })
                .collect();
            WireError::of(invalid, &steps)
        })
    }

    /// Holds both verifiers' answers on the messages of `T`, whose root is `R`, and on changed ones against each other.
    fn agree<T: Samples, R: Root + Verifiable>(seeded: &mut Seeded, refused: &mut Vec<WireError>) {
        let mut compare_by = |options: &VerifierOptions, bytes: &[u8]| {
            let ours = verify(options, bytes, R::TABLE);
            assert_eq!(ours, generated::<R>(options, bytes), "{bytes:?}");
            refused.extend(ours.err());
        };
        let originals: Vec<_> = T::small().iter().map(|message| message.encode()).collect();
        for bytes in &originals {
            assert_eq!(verify(&options(bytes), bytes, R::TABLE), Ok(()));
            for max_apparent_size in 0..2 * bytes.len() {
                compare_by(
                    &VerifierOptions {
                        max_apparent_size,
                        ..options(bytes)
                    },
                    bytes,
                );
            }
        }
        let mut compare = |bytes: &[u8]| compare_by(&options(bytes), bytes);
        for bytes in &originals {
            for length in 0..bytes.len() {
                compare(&bytes[..length]);
            }
            for at in 0..bytes.len() {
                // Every field once absent, elsewhere, unaligned, or much longer.
                for value in [0, 1, 2, 4, 8, 12, 127, 255] {
                    let mut bytes = bytes.clone();
                    bytes[at] = value;
                    compare(&bytes);
                }
            }
        }
        for _ in 0..4_000 {
            let mut bytes = originals[seeded.below(originals.len())].clone();
            for _ in 0..=seeded.below(6) {
                seeded.change(&mut bytes);
            }
            compare(&bytes);
        }
    }

    #[test]
    fn it_answers_what_the_generated_verifiers_answer() {
        let mut seeded = Seeded::new(7);
        let mut refused = Vec::new();
        macro_rules! roots {
            ($($root:ident: $($message:ty),+;)+) => {
                $($(agree::<$message, fb::$root>(&mut seeded, &mut refused);)+)+
            };
        }
        roots! {
            MainMessage: PageToParser, PageToConnections, PageToCache, PageToCryptoControl;
            WorkerMessage: ParserToPage, CacheToParser, RelayMessage;
            CacheRequest: ParserToCache;
            SignerRequest: PageToCrypto, ParserToCrypto;
            SignerResponse: CryptoToPage, CryptoToParser;
            ParserNotice: ParserToConnections;
            RoleReport: ParserReport, RoleReport;
            ConnectionStatus: ConnectionStatus;
        }
        let seen = |is: fn(&WireError) -> bool| assert!(refused.iter().any(is));
        seen(|error| matches!(error, WireError::Truncated(_)));
        seen(|error| matches!(error, WireError::NotText(_)));
        seen(|error| matches!(error, WireError::Unaligned(_)));
        seen(|error| matches!(error, WireError::HalfUnion(_)));
        seen(|error| matches!(error, WireError::Missing(_)));
        seen(|error| matches!(error, WireError::TooLarge));
    }

    #[test]
    fn it_answers_what_they_answer_on_tables_inside_each_other() {
        for depth in 1..=MAX_DEPTH {
            let mut fbb = FlatBufferBuilder::new();
            let mut ask = fb::SignerRequest::create(&mut fbb, &fb::SignerRequestArgs::default());
            for _ in 1..depth {
                let args = fb::SignerResponseArgs {
                    ask: Some(ask),
                    ..Default::default()
                };
                let answer = Some(fb::SignerResponse::create(&mut fbb, &args));
                ask = fb::SignerRequest::create(
                    &mut fbb,
                    &fb::SignerRequestArgs {
                        answer,
                        ..Default::default()
                    },
                );
            }
            fbb.finish_minimal(ask);
            let (options, bytes) = (options(fbb.finished_data()), fbb.finished_data());
            let answer = verify(&options, bytes, fb::SignerRequest::TABLE);
            assert_eq!(answer, generated::<fb::SignerRequest>(&options, bytes));
            assert_eq!(answer.is_ok(), 2 * depth - 1 <= MAX_DEPTH);
        }
    }
}
