//! From the page to the workers' control ports (`MainMessage`), and a subscription's stream to the page.

use std::sync::Arc;

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

use super::kinds::write_reading;
use super::nostr::{
    each, event_bytes, filters_bytes, read_event, read_filters, read_ids, read_raw_event, read_relays, read_sub,
    read_tags, read_template, relays_bytes, tags_bytes, template_bytes, text_bytes, write_all_strings, write_all_tags,
    write_event, write_filters, write_ids, write_relays, write_seen_event, write_template,
};
use super::pipes::{pipeline_bytes, read_pipeline, write_pipeline};
use super::{
    Wire, WireError, builder, fb, finish, misplaced, read_text, root, scalar_enum, worker_message, write_bytes,
    write_text,
};
use crate::message::{
    Control, CountResponse, Delivery, EndReason, Explain, PageToCache, PageToConnections, PageToCryptoControl,
    PageToParser, ParserToPage, PublishId, Reading, RequestId, Subscribe, ValidProof, ValidProofs,
};
use crate::nostr::event::{Event, EventId, Pubkey};
use crate::nostr::kind::Kind;
use crate::nostr::sub_id::SubId;
use crate::parser::content::cashu::{Dleq, Proof};

scalar_enum!(EndReason: Complete, TimedOut, MaxEvents, TooManySubscriptions, BadFilters);

// ---------------------------------------------------------------- to the workers

impl Wire for PageToParser {
    fn encode(&self) -> Vec<u8> {
        use fb::MainContent as Content;
        match self {
            PageToParser::Subscribe { sub, subscribe } => {
                let bytes = text_bytes(sub.as_str())
                    + filters_bytes(&subscribe.filters)
                    + relays_bytes(&subscribe.relays)
                    + pipeline_bytes(&subscribe.pipeline)
                    + 32 * subscribe.delivered.len();
                let mut fbb = builder(bytes);
                let subscribe = write_subscribe(&mut fbb, sub, subscribe);
                main_message(fbb, (Content::Subscribe, subscribe.as_union_value()))
            }
            PageToParser::Unsubscribe { sub } => {
                let mut fbb = builder(text_bytes(sub.as_str()));
                let sub = Some(fbb.create_string(sub.as_str()));
                let unsubscribe = fb::Unsubscribe::create(&mut fbb, &fb::UnsubscribeArgs { sub });
                main_message(fbb, (Content::Unsubscribe, unsubscribe.as_union_value()))
            }
            PageToParser::Publish {
                publish,
                template,
                private_tags,
                relays,
                event,
            } => {
                let private_bytes = private_tags.as_deref().map_or(0, tags_bytes);
                let signed_bytes = event.as_ref().map_or(0, event_bytes);
                let bytes = template_bytes(template) + private_bytes + relays_bytes(relays) + signed_bytes;
                let mut fbb = builder(bytes);
                let args = fb::PublishArgs {
                    publish: publish.0,
                    template: Some(write_template(&mut fbb, template)),
                    relays: write_relays(&mut fbb, relays),
                    private_tags: private_tags.as_ref().map(|tags| write_all_tags(&mut fbb, tags)),
                    event: event.as_ref().map(|event| write_event(&mut fbb, event)),
                };
                let publish = fb::Publish::create(&mut fbb, &args);
                main_message(fbb, (Content::Publish, publish.as_union_value()))
            }
            PageToParser::Abort { publish } => {
                let mut fbb = builder(0);
                let args = fb::AbortPublishArgs { publish: publish.0 };
                let abort = fb::AbortPublish::create(&mut fbb, &args);
                main_message(fbb, (Content::AbortPublish, abort.as_union_value()))
            }
            PageToParser::Control(control) => write_control(control),
        }
    }

    fn decode(bytes: &[u8]) -> Result<PageToParser, WireError> {
        let message = root::<fb::MainMessage>(bytes)?;
        if let Some(subscribe) = message.content_as_subscribe() {
            return read_subscribe(subscribe);
        }
        if let Some(unsubscribe) = message.content_as_unsubscribe() {
            let sub = read_sub("Unsubscribe.sub", Some(unsubscribe.sub()))?;
            return Ok(PageToParser::Unsubscribe { sub });
        }
        if let Some(publish) = message.content_as_publish() {
            return Ok(PageToParser::Publish {
                publish: PublishId(publish.publish()),
                template: read_template(publish.template()),
                private_tags: publish.private_tags().map(|tags| read_tags(Some(tags))),
                relays: read_relays("Publish.relays", publish.relays())?,
                event: publish.event().map(read_raw_event),
            });
        }
        if let Some(abort) = message.content_as_abort_publish() {
            let publish = PublishId(abort.publish());
            return Ok(PageToParser::Abort { publish });
        }
        read_control(message).map(PageToParser::Control)
    }
}

impl Wire for PageToConnections {
    fn encode(&self) -> Vec<u8> {
        match self {
            PageToConnections::Online => {
                let mut fbb = builder(0);
                let online = fb::Online::create(&mut fbb, &fb::OnlineArgs {});
                main_message(fbb, (fb::MainContent::Online, online.as_union_value()))
            }
            PageToConnections::SignedIn { pubkey } => owner_message(pubkey),
            PageToConnections::Control(control) => write_control(control),
        }
    }

    fn decode(bytes: &[u8]) -> Result<PageToConnections, WireError> {
        let message = root::<fb::MainMessage>(bytes)?;
        if message.content_as_online().is_some() {
            return Ok(PageToConnections::Online);
        }
        if let Some(owner) = message.content_as_owner() {
            let pubkey = Pubkey(owner.pubkey().0);
            return Ok(PageToConnections::SignedIn { pubkey });
        }
        read_control(message).map(PageToConnections::Control)
    }
}

impl Wire for PageToCache {
    fn encode(&self) -> Vec<u8> {
        match self {
            PageToCache::Owner { pubkey } => owner_message(pubkey),
            PageToCache::Defaults { relays } => {
                let mut fbb = builder(relays_bytes(relays));
                let relays = write_relays(&mut fbb, relays);
                let defaults = fb::Defaults::create(&mut fbb, &fb::DefaultsArgs { relays });
                main_message(fbb, (fb::MainContent::Defaults, defaults.as_union_value()))
            }
            PageToCache::Import { request, lines } => {
                let mut fbb = builder(lines.iter().map(|line| text_bytes(line)).sum());
                let args = fb::ImportEventsArgs {
                    request_id: request.0,
                    lines: Some(write_all_strings(&mut fbb, lines.iter().map(String::as_str))),
                };
                let import = fb::ImportEvents::create(&mut fbb, &args);
                main_message(fbb, (fb::MainContent::ImportEvents, import.as_union_value()))
            }
            PageToCache::Wipe { request } => {
                let mut fbb = builder(0);
                let wipe = fb::Wipe::create(&mut fbb, &fb::WipeArgs { request_id: request.0 });
                main_message(fbb, (fb::MainContent::Wipe, wipe.as_union_value()))
            }
            PageToCache::Explain { request, about } => {
                let mut fbb = builder(96);
                let event = match about {
                    Explain::Event(id) => Some(fb::Hash(id.0)),
                    Explain::Sub(_) => None,
                };
                let args = fb::ExplainArgs {
                    request_id: request.0,
                    sub: match about {
                        Explain::Sub(sub) => Some(fbb.create_string(sub.as_str())),
                        Explain::Event(_) => None,
                    },
                    event: event.as_ref(),
                };
                let explain = fb::Explain::create(&mut fbb, &args);
                main_message(fbb, (fb::MainContent::Explain, explain.as_union_value()))
            }
            PageToCache::Control(control) => write_control(control),
        }
    }

    fn decode(bytes: &[u8]) -> Result<PageToCache, WireError> {
        let message = root::<fb::MainMessage>(bytes)?;
        if let Some(owner) = message.content_as_owner() {
            let pubkey = Pubkey(owner.pubkey().0);
            return Ok(PageToCache::Owner { pubkey });
        }
        if let Some(import) = message.content_as_import_events() {
            return Ok(PageToCache::Import {
                request: RequestId(import.request_id()),
                lines: each(import.lines()).map(str::to_owned).collect(),
            });
        }
        if let Some(wipe) = message.content_as_wipe() {
            let request = RequestId(wipe.request_id());
            return Ok(PageToCache::Wipe { request });
        }
        if let Some(explain) = message.content_as_explain() {
            let request = RequestId(explain.request_id());
            let about = match explain.event() {
                Some(id) => Explain::Event(EventId(id.0)),
                None => Explain::Sub(read_sub("Explain.sub", explain.sub())?),
            };
            return Ok(PageToCache::Explain { request, about });
        }
        if let Some(defaults) = message.content_as_defaults() {
            let relays = read_relays("Defaults.relays", defaults.relays())?;
            return Ok(PageToCache::Defaults { relays });
        }
        read_control(message).map(PageToCache::Control)
    }
}

impl Wire for PageToCryptoControl {
    fn encode(&self) -> Vec<u8> {
        let PageToCryptoControl::Control(control) = self;
        write_control(control)
    }

    fn decode(bytes: &[u8]) -> Result<PageToCryptoControl, WireError> {
        read_control(root::<fb::MainMessage>(bytes)?).map(PageToCryptoControl::Control)
    }
}

/// Somebody has signed in.
fn owner_message(pubkey: &Pubkey) -> Vec<u8> {
    let mut fbb = builder(32);
    let args = fb::OwnerArgs {
        pubkey: Some(&fb::Hash(pubkey.0)),
    };
    let owner = fb::Owner::create(&mut fbb, &args);
    main_message(fbb, (fb::MainContent::Owner, owner.as_union_value()))
}

fn write_control(control: &Control) -> Vec<u8> {
    let mut fbb = builder(0);
    let content = match control {
        Control::Stats { request } => {
            let args = fb::StatsRequestArgs { request_id: request.0 };
            let stats = fb::StatsRequest::create(&mut fbb, &args);
            (fb::MainContent::StatsRequest, stats.as_union_value())
        }
        Control::Stop => {
            let stop = fb::Stop::create(&mut fbb, &fb::StopArgs {});
            (fb::MainContent::Stop, stop.as_union_value())
        }
    };
    main_message(fbb, content)
}

fn read_control(message: fb::MainMessage<'_>) -> Result<Control, WireError> {
    if let Some(stats) = message.content_as_stats_request() {
        let request = RequestId(stats.request_id());
        return Ok(Control::Stats { request });
    }
    if message.content_as_stop().is_some() {
        return Ok(Control::Stop);
    }
    let content = message.content_type();
    Err(misplaced("MainMessage.content", content.variant_name(), content.0))
}

fn main_message(
    mut fbb: FlatBufferBuilder<'_>,
    (content_type, content): (fb::MainContent, WIPOffset<UnionWIPOffset>),
) -> Vec<u8> {
    let args = fb::MainMessageArgs {
        content_type,
        content: Some(content),
    };
    let message = fb::MainMessage::create(&mut fbb, &args);
    finish(fbb, message)
}

// ---------------------------------------------------------------- subscriptions

fn write_subscribe<'f>(
    fbb: &mut FlatBufferBuilder<'f>,
    sub: &SubId,
    subscribe: &Subscribe,
) -> WIPOffset<fb::Subscribe<'f>> {
    let args = fb::SubscribeArgs {
        sub: Some(fbb.create_string(sub.as_str())),
        requests: write_filters(fbb, &subscribe.filters),
        relays: write_relays(fbb, &subscribe.relays),
        policy: subscribe.cache.into(),
        close_on_eose: subscribe.close_on_eose,
        timeout_ms: subscribe.timeout_ms,
        max_events: subscribe.max_events,
        slow: subscribe.slow,
        pipeline: write_pipeline(fbb, &subscribe.pipeline),
        max_relays: subscribe.max_relays,
        delivered: (!subscribe.delivered.is_empty()).then(|| write_ids(fbb, &subscribe.delivered)),
    };
    fb::Subscribe::create(fbb, &args)
}

fn read_subscribe(subscribe: fb::Subscribe<'_>) -> Result<PageToParser, WireError> {
    Ok(PageToParser::Subscribe {
        sub: read_sub("Subscribe.sub", Some(subscribe.sub()))?,
        subscribe: Subscribe {
            filters: read_filters(subscribe.requests())?,
            relays: read_relays("Subscribe.relays", subscribe.relays())?,
            cache: subscribe.policy().try_into()?,
            close_on_eose: subscribe.close_on_eose(),
            timeout_ms: subscribe.timeout_ms(),
            max_events: subscribe.max_events(),
            slow: subscribe.slow(),
            pipeline: read_pipeline(subscribe.pipeline())?,
            max_relays: subscribe.max_relays(),
            delivered: read_ids(subscribe.delivered()),
        },
    })
}

// ---------------------------------------------------------------- a subscription's stream

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
