//! A subscription's pipeline.

use flatbuffers::{FlatBufferBuilder, ForwardsUOffset, Vector, WIPOffset};

use super::nostr::{Offsets, each, read_ids, read_strings, strings_bytes, write_all_strings, write_ids};
use super::{WireError, fb, misplaced};
use crate::message::{Muted, PipeSpec};
use crate::nostr::event::Pubkey;
use crate::nostr::kind::Kind;

/// The room the pipes take at most, for `builder`.
pub(super) fn pipeline_bytes(pipeline: &[PipeSpec]) -> usize {
    // An offset, an entry and a table of its own, with the vectors it has.
    let bytes = |pipe: &PipeSpec| {
        80 + match pipe {
            PipeSpec::Parse
            | PipeSpec::SaveToDb
            | PipeSpec::SerializeEvents
            | PipeSpec::NpubLimiter { .. }
            | PipeSpec::ProofVerification { .. } => 0,
            PipeSpec::KindFilter { kinds } | PipeSpec::Counter { kinds, .. } => 2 * kinds.len(),
            PipeSpec::Mute(muted) => {
                32 * (muted.pubkeys.len() + muted.ids.len())
                    + strings_bytes(&muted.hashtags)
                    + strings_bytes(&muted.words)
            }
        }
    };
    pipeline.iter().map(bytes).sum()
}

/// No pipes are no vector.
pub(super) fn write_pipeline<'f>(
    fbb: &mut FlatBufferBuilder<'f>,
    pipeline: &[PipeSpec],
) -> Option<Offsets<'f, fb::PipeEntry<'f>>> {
    let pipes: Vec<_> = pipeline.iter().map(|pipe| write_pipe(fbb, pipe)).collect();
    (!pipes.is_empty()).then(|| fbb.create_vector(&pipes))
}

fn write_pipe<'f>(fbb: &mut FlatBufferBuilder<'f>, pipe: &PipeSpec) -> WIPOffset<fb::PipeEntry<'f>> {
    use fb::Pipe;
    let (pipe_type, pipe) = match pipe {
        PipeSpec::Parse => {
            let parse = fb::ParsePipe::create(fbb, &fb::ParsePipeArgs {});
            (Pipe::ParsePipe, parse.as_union_value())
        }
        PipeSpec::SaveToDb => {
            let save = fb::SaveToDbPipe::create(fbb, &fb::SaveToDbPipeArgs {});
            (Pipe::SaveToDbPipe, save.as_union_value())
        }
        PipeSpec::SerializeEvents => {
            let serialize = fb::SerializeEventsPipe::create(fbb, &fb::SerializeEventsPipeArgs {});
            (Pipe::SerializeEventsPipe, serialize.as_union_value())
        }
        PipeSpec::KindFilter { kinds } => {
            let kinds = Some(write_kinds(fbb, kinds));
            let filter = fb::KindFilterPipe::create(fbb, &fb::KindFilterPipeArgs { kinds });
            (Pipe::KindFilterPipe, filter.as_union_value())
        }
        PipeSpec::Mute(muted) => {
            let args = fb::MutePipeArgs {
                pubkeys: Some(fbb.create_vector_from_iter(muted.pubkeys.iter().map(|key| fb::Hash(key.0)))),
                ids: Some(write_ids(fbb, &muted.ids)),
                hashtags: Some(write_all_strings(fbb, muted.hashtags.iter().map(String::as_str))),
                words: Some(write_all_strings(fbb, muted.words.iter().map(String::as_str))),
            };
            (Pipe::MutePipe, fb::MutePipe::create(fbb, &args).as_union_value())
        }
        PipeSpec::NpubLimiter { kind, limit, max_npubs } => {
            let args = fb::NpubLimiterPipeArgs {
                kind: kind.0,
                limit: *limit,
                max_npubs: *max_npubs,
            };
            let limiter = fb::NpubLimiterPipe::create(fbb, &args);
            (Pipe::NpubLimiterPipe, limiter.as_union_value())
        }
        PipeSpec::Counter { kinds, pubkey } => {
            let pubkey = pubkey.map(|key| fb::Hash(key.0));
            let args = fb::CounterPipeArgs {
                kinds: Some(write_kinds(fbb, kinds)),
                pubkey: pubkey.as_ref(),
            };
            (Pipe::CounterPipe, fb::CounterPipe::create(fbb, &args).as_union_value())
        }
        PipeSpec::ProofVerification { max } => {
            let args = fb::ProofVerificationPipeArgs { max: *max };
            let verification = fb::ProofVerificationPipe::create(fbb, &args);
            (Pipe::ProofVerificationPipe, verification.as_union_value())
        }
    };
    let pipe = Some(pipe);
    fb::PipeEntry::create(fbb, &fb::PipeEntryArgs { pipe_type, pipe })
}

pub(super) fn read_pipeline(
    pipeline: Option<Vector<'_, ForwardsUOffset<fb::PipeEntry<'_>>>>,
) -> Result<Vec<PipeSpec>, WireError> {
    each(pipeline).map(read_pipe).collect()
}

fn read_pipe(entry: fb::PipeEntry<'_>) -> Result<PipeSpec, WireError> {
    if let Some(filter) = entry.pipe_as_kind_filter_pipe() {
        let kinds = read_kinds(filter.kinds());
        return Ok(PipeSpec::KindFilter { kinds });
    }
    if let Some(mute) = entry.pipe_as_mute_pipe() {
        return Ok(PipeSpec::Mute(Muted {
            pubkeys: each(mute.pubkeys()).map(|key| Pubkey(key.0)).collect(),
            ids: read_ids(mute.ids()),
            hashtags: read_strings(mute.hashtags()),
            words: read_strings(mute.words()),
        }));
    }
    if let Some(limiter) = entry.pipe_as_npub_limiter_pipe() {
        return Ok(PipeSpec::NpubLimiter {
            kind: Kind(limiter.kind()),
            limit: limiter.limit(),
            max_npubs: limiter.max_npubs(),
        });
    }
    if let Some(counter) = entry.pipe_as_counter_pipe() {
        return Ok(PipeSpec::Counter {
            kinds: read_kinds(counter.kinds()),
            pubkey: counter.pubkey().map(|key| Pubkey(key.0)),
        });
    }
    if let Some(verification) = entry.pipe_as_proof_verification_pipe() {
        let max = verification.max();
        return Ok(PipeSpec::ProofVerification { max });
    }
    match entry.pipe_type() {
        fb::Pipe::ParsePipe => Ok(PipeSpec::Parse),
        fb::Pipe::SaveToDbPipe => Ok(PipeSpec::SaveToDb),
        fb::Pipe::SerializeEventsPipe => Ok(PipeSpec::SerializeEvents),
        fb::Pipe(tag) => Err(misplaced("PipeEntry.pipe", None, tag)),
    }
}

fn write_kinds<'f>(fbb: &mut FlatBufferBuilder<'f>, kinds: &[Kind]) -> WIPOffset<Vector<'f, u16>> {
    fbb.create_vector_from_iter(kinds.iter().map(|kind| kind.0))
}

fn read_kinds(kinds: Option<Vector<'_, u16>>) -> Vec<Kind> {
    each(kinds).map(Kind).collect()
}
