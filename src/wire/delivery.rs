//! A subscription's stream to the page (`WorkerMessage`).

use std::sync::Arc;

use super::kinds::write_reading;
use super::nostr::{
    each, event_bytes, read_event, read_relays, read_stored_event, relays_bytes, text_bytes, write_seen_event,
};
use super::{Wire, WireError, builder, fb, read_text, root, scalar_enum, worker_message, write_bytes, write_text};
use crate::message::{CountResponse, Delivery, EndReason, ParserToPage, Reading, ShardSource, ValidProof, ValidProofs};
use crate::nostr::event::{Event, EventId};
use crate::nostr::kind::Kind;
use crate::parser::content::cashu::{Dleq, Proof};

scalar_enum!(EndReason: Complete, TimedOut, MaxEvents, TooManySubscriptions, BadFilters);

impl Wire for ParserToPage {
    fn encode(&self) -> Vec<u8> {
        use fb::WorkerContent as Content;
        match self {
            ParserToPage::Event(delivery) => write_delivery(delivery),
            ParserToPage::Count(CountResponse { kind, count, you }) => {
                let mut fbb = builder(0);
                let args = fb::CountResponseArgs {
                    count: *count,
                    kind: kind.0,
                    you: *you,
                };
                let count = fb::CountResponse::create(&mut fbb, &args).as_union_value();
                worker_message(fbb, None, None, (Content::CountResponse, count))
            }
            ParserToPage::Proofs(proofs) => write_valid_proofs(proofs),
            ParserToPage::Eoce => {
                let mut fbb = builder(0);
                let eoce = fb::Eoce::create(&mut fbb, &fb::EoceArgs {}).as_union_value();
                worker_message(fbb, None, None, (Content::Eoce, eoce))
            }
            ParserToPage::Eose { relay } => {
                let mut fbb = builder(text_bytes(relay.as_str()));
                let eose = fb::Eose::create(&mut fbb, &fb::EoseArgs { all: false }).as_union_value();
                worker_message(fbb, None, Some(relay), (Content::Eose, eose))
            }
            ParserToPage::EoseAll => {
                let mut fbb = builder(0);
                let eose = fb::Eose::create(&mut fbb, &fb::EoseArgs { all: true }).as_union_value();
                worker_message(fbb, None, None, (Content::Eose, eose))
            }
            ParserToPage::Closed { relay, reason } => {
                let mut fbb = builder(text_bytes(relay.as_str()) + text_bytes(reason));
                let reason = write_text(&mut fbb, reason);
                let closed = fb::Closed::create(&mut fbb, &fb::ClosedArgs { reason }).as_union_value();
                worker_message(fbb, None, Some(relay), (Content::Closed, closed))
            }
            ParserToPage::RelayCount {
                relay,
                count,
                approximate,
            } => {
                let mut fbb = builder(text_bytes(relay.as_str()));
                let (count, approximate) = (*count, *approximate);
                let count = fb::Count::create(&mut fbb, &fb::CountArgs { count, approximate }).as_union_value();
                worker_message(fbb, None, Some(relay), (Content::Count, count))
            }
            ParserToPage::Unreachable { relay, reason } => {
                let mut fbb = builder(text_bytes(relay.as_str()) + text_bytes(reason));
                let reason = write_text(&mut fbb, reason);
                let unreachable = fb::Unreachable::create(&mut fbb, &fb::UnreachableArgs { reason }).as_union_value();
                worker_message(fbb, None, Some(relay), (Content::Unreachable, unreachable))
            }
            ParserToPage::BufferFull { dropped } => {
                let mut fbb = builder(0);
                let args = fb::BufferFullArgs { dropped: *dropped };
                let full = fb::BufferFull::create(&mut fbb, &args).as_union_value();
                worker_message(fbb, None, None, (Content::BufferFull, full))
            }
            ParserToPage::Ended { reason } => {
                let mut fbb = builder(0);
                let reason = (*reason).into();
                let ended = fb::Ended::create(&mut fbb, &fb::EndedArgs { reason }).as_union_value();
                worker_message(fbb, None, None, (Content::Ended, ended))
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<ParserToPage, WireError> {
        let message = root::<fb::WorkerMessage>(bytes)?;
        // A reading is for the page: nothing here reads it.
        let parsed = message.content_as_parsed_event().map(|parsed| parsed.event());
        if let Some(event) = parsed.or_else(|| message.content_as_nostr_event()) {
            return Ok(ParserToPage::Event(Delivery {
                event: read_event(event),
                source: event.source().try_into()?,
                relays: read_relays("NostrEvent.relays", event.relays())?,
                reading: None,
                written: None,
            }));
        }
        if let Some(stored) = message.content_as_stored_event() {
            return Ok(ParserToPage::Event(Delivery {
                event: read_stored_event(stored.event().bytes())?,
                source: ShardSource::Cache,
                relays: Vec::new(),
                reading: None,
                written: None,
            }));
        }
        if let Some(count) = message.content_as_count_response() {
            return Ok(ParserToPage::Count(CountResponse {
                kind: Kind(count.kind()),
                count: count.count(),
                you: count.you(),
            }));
        }
        if let Some(proofs) = message.content_as_valid_proofs() {
            return Ok(ParserToPage::Proofs(read_valid_proofs(proofs)));
        }
        if message.content_as_eoce().is_some() {
            return Ok(ParserToPage::Eoce);
        }
        if let Some(eose) = message.content_as_eose() {
            if eose.all() {
                return Ok(ParserToPage::EoseAll);
            }
            let relay = message.read_relay()?;
            return Ok(ParserToPage::Eose { relay });
        }
        if let Some(closed) = message.content_as_closed() {
            let reason = read_text(closed.reason());
            let relay = message.read_relay()?;
            return Ok(ParserToPage::Closed { relay, reason });
        }
        if let Some(count) = message.content_as_count() {
            return Ok(ParserToPage::RelayCount {
                relay: message.read_relay()?,
                count: count.count(),
                approximate: count.approximate(),
            });
        }
        if let Some(unreachable) = message.content_as_unreachable() {
            let reason = read_text(unreachable.reason());
            let relay = message.read_relay()?;
            return Ok(ParserToPage::Unreachable { relay, reason });
        }
        if let Some(full) = message.content_as_buffer_full() {
            let dropped = full.dropped();
            return Ok(ParserToPage::BufferFull { dropped });
        }
        if let Some(ended) = message.content_as_ended() {
            let reason = ended.reason().try_into()?;
            return Ok(ParserToPage::Ended { reason });
        }
        Err(message.misplaced())
    }
}

/// What the Parse pipe read of `event`, as `Delivery::written`.
pub fn written_reading(event: &Event, reading: &Reading) -> Arc<[u8]> {
    write_reading(event, reading).into()
}

fn write_delivery(delivery: &Delivery) -> Vec<u8> {
    use fb::WorkerContent as Content;
    let Delivery {
        event,
        source,
        relays,
        reading,
        written,
    } = delivery;
    let fresh = reading.as_ref().map(|reading| write_reading(event, reading));
    let reading = written.as_deref().or(fresh.as_deref());
    let reading_bytes = reading.map_or(0, |reading| reading.len() + 8);
    // What the store wrote says that it came from there, and names no relay.
    if *source == ShardSource::Cache
        && relays.is_empty()
        && let Some(bytes) = event.written()
    {
        let mut fbb = builder(bytes.len() + 8 + reading_bytes);
        let args = fb::StoredEventArgs {
            reading: reading.map(|reading| write_bytes(&mut fbb, reading)),
            event: Some(write_bytes(&mut fbb, bytes)),
        };
        let stored = fb::StoredEvent::create(&mut fbb, &args).as_union_value();
        return worker_message(fbb, None, None, (Content::StoredEvent, stored));
    }
    let mut fbb = builder(event_bytes(event) + relays_bytes(relays) + reading_bytes);
    let reading = reading.map(|reading| write_bytes(&mut fbb, reading));
    let event = write_seen_event(&mut fbb, event, *source, relays);
    let content = match reading {
        None => (Content::NostrEvent, event.as_union_value()),
        reading => {
            let args = fb::ParsedEventArgs {
                event: Some(event),
                reading,
            };
            (
                Content::ParsedEvent,
                fb::ParsedEvent::create(&mut fbb, &args).as_union_value(),
            )
        }
    };
    worker_message(fbb, None, None, content)
}

fn write_valid_proofs(valid: &ValidProofs) -> Vec<u8> {
    // A secret is some hundred bytes at most, and so is the rest.
    let mut fbb = builder(512 * valid.proofs.len());
    let write = |valid: &ValidProof| {
        let proof = &valid.proof;
        let dleq = proof.dleq.as_ref();
        let args = fb::ValidProofArgs {
            event: Some(&fb::Hash(valid.event.0)),
            amount: proof.amount,
            keyset: Some(fbb.create_string(&proof.id)),
            secret: Some(fbb.create_string(&proof.secret)),
            signature: Some(fbb.create_string(&proof.c)),
            e: dleq.map(|dleq| fbb.create_string(&dleq.e)),
            s: dleq.map(|dleq| fbb.create_string(&dleq.s)),
            r: dleq.and_then(|dleq| dleq.r.as_ref()).map(|r| fbb.create_string(r)),
            witness: proof.witness.as_ref().map(|witness| fbb.create_string(witness)),
            checked: valid.dleq,
        };
        fb::ValidProof::create(&mut fbb, &args)
    };
    let proofs: Vec<_> = valid.proofs.iter().map(write).collect();
    let args = fb::ValidProofsArgs {
        mint: Some(fbb.create_string(&valid.mint)),
        unit: write_text(&mut fbb, &valid.unit),
        proofs: Some(fbb.create_vector(&proofs)),
    };
    let valid = fb::ValidProofs::create(&mut fbb, &args).as_union_value();
    worker_message(fbb, None, None, (fb::WorkerContent::ValidProofs, valid))
}

fn read_valid_proofs(valid: fb::ValidProofs<'_>) -> ValidProofs {
    let proof = |valid: fb::ValidProof<'_>| ValidProof {
        event: EventId(valid.event().0),
        proof: Proof {
            amount: valid.amount(),
            id: valid.keyset().to_owned(),
            secret: valid.secret().to_owned(),
            c: valid.signature().to_owned(),
            dleq: valid.e().zip(valid.s()).map(|(e, s)| Dleq {
                e: e.to_owned(),
                s: s.to_owned(),
                r: valid.r().map(str::to_owned),
            }),
            witness: valid.witness().map(str::to_owned),
        },
        dleq: valid.checked(),
    };
    ValidProofs {
        mint: valid.mint().to_owned(),
        unit: read_text(valid.unit()),
        proofs: each(valid.proofs()).map(proof).collect(),
    }
}
