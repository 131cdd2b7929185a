//! Between parser and cache: `CacheRequest` one way, `WorkerMessage` the other.

use flatbuffers::FlatBufferBuilder;

use super::crypto::{CLAIM_BYTES, read_claim, write_claims};
use super::filter::{filters_bytes, read_filters, write_filters};
use super::nostr::{
    each, event_bytes, read_event, read_event_field, read_ids, read_relays, read_stored_event, read_sub, relays_bytes,
    stored_bytes, text_bytes, write_event, write_ids, write_relays,
};
use super::{Wire, WireError, builder, fb, finish, misplaced, root, worker_message, write_bytes};
use crate::message::{CacheToParser, ParserToCache, PublishId, RequestId};

impl Wire for ParserToCache {
    fn encode(&self) -> Vec<u8> {
        use fb::CacheAction as Action;
        match self {
            ParserToCache::Lookup {
                sub,
                filters,
                relays,
                policy,
                max_relays,
                asked,
            } => {
                let bytes =
                    text_bytes(sub.as_str()) + filters_bytes(filters) + relays_bytes(relays) + relays_bytes(asked);
                let mut fbb = builder(bytes);
                let args = fb::CacheRequestArgs {
                    action: Action::Lookup,
                    sub: Some(fbb.create_string(sub.as_str())),
                    requests: write_filters(&mut fbb, filters),
                    relays: write_relays(&mut fbb, relays),
                    policy: (*policy).into(),
                    max_relays: *max_relays,
                    asked: write_relays(&mut fbb, asked),
                    ..Default::default()
                };
                request(fbb, &args)
            }
            ParserToCache::Close { sub, asked } => {
                let mut fbb = builder(text_bytes(sub.as_str()) + relays_bytes(asked));
                let args = fb::CacheRequestArgs {
                    action: Action::Close,
                    sub: Some(fbb.create_string(sub.as_str())),
                    asked: write_relays(&mut fbb, asked),
                    ..Default::default()
                };
                request(fbb, &args)
            }
            ParserToCache::Save { event, relays } => {
                let mut fbb = builder(event_bytes(event) + relays_bytes(relays));
                let args = fb::CacheRequestArgs {
                    action: Action::Save,
                    event: Some(write_event(&mut fbb, event)),
                    relays: write_relays(&mut fbb, relays),
                    ..Default::default()
                };
                request(fbb, &args)
            }
            ParserToCache::Publish { publish, event, relays } => {
                let mut fbb = builder(event_bytes(event) + relays_bytes(relays));
                let args = fb::CacheRequestArgs {
                    action: Action::Publish,
                    publish: publish.0,
                    event: Some(write_event(&mut fbb, event)),
                    relays: write_relays(&mut fbb, relays),
                    ..Default::default()
                };
                request(fbb, &args)
            }
            ParserToCache::Refill { sub, ids } => {
                let mut fbb = builder(text_bytes(sub.as_str()) + 32 * ids.len());
                let args = fb::CacheRequestArgs {
                    action: Action::Refill,
                    sub: Some(fbb.create_string(sub.as_str())),
                    ids: Some(write_ids(&mut fbb, ids)),
                    ..Default::default()
                };
                request(fbb, &args)
            }
            ParserToCache::Checked { request: number, good } => {
                let mut fbb = builder(good.len());
                let args = fb::CacheRequestArgs {
                    action: Action::Checked,
                    request_id: number.0,
                    good: Some(fbb.create_vector(good)),
                    ..Default::default()
                };
                request(fbb, &args)
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<ParserToCache, WireError> {
        use fb::CacheAction as Action;
        let request = root::<fb::CacheRequest>(bytes)?;
        let sub = || read_sub("CacheRequest.sub", request.sub());
        let event = || read_event_field("CacheRequest.event", request.event());
        let relays = || read_relays("CacheRequest.relays", request.relays());
        let asked = || read_relays("CacheRequest.asked", request.asked());
        match request.action() {
            Action::Lookup => Ok(ParserToCache::Lookup {
                sub: sub()?,
                filters: read_filters(request.requests())?,
                relays: relays()?,
                policy: request.policy().try_into()?,
                max_relays: request.max_relays(),
                asked: asked()?,
            }),
            Action::Close => Ok(ParserToCache::Close {
                sub: sub()?,
                asked: asked()?,
            }),
            Action::Save => Ok(ParserToCache::Save {
                event: event()?,
                relays: relays()?,
            }),
            Action::Publish => Ok(ParserToCache::Publish {
                publish: PublishId(request.publish()),
                event: event()?,
                relays: relays()?,
            }),
            Action::Refill => Ok(ParserToCache::Refill {
                sub: sub()?,
                ids: read_ids(request.ids()),
            }),
            Action::Checked => Ok(ParserToCache::Checked {
                request: RequestId(request.request_id()),
                good: each(request.good()).collect(),
            }),
            Action(tag) => Err(misplaced("CacheRequest.action", None, tag)),
        }
    }
}

fn request(mut fbb: FlatBufferBuilder<'_>, args: &fb::CacheRequestArgs<'_>) -> Vec<u8> {
    let request = fb::CacheRequest::create(&mut fbb, args);
    finish(fbb, request)
}

impl Wire for CacheToParser {
    fn encode(&self) -> Vec<u8> {
        use fb::WorkerContent as Content;
        match self {
            CacheToParser::Event { sub, event } => {
                let bytes = stored_bytes(event);
                let mut fbb = builder(bytes.len() + text_bytes(sub.as_str()));
                let args = fb::StoredEventArgs {
                    event: Some(write_bytes(&mut fbb, &bytes)),
                    reading: None,
                };
                let stored = fb::StoredEvent::create(&mut fbb, &args).as_union_value();
                worker_message(fbb, Some(sub), None, (Content::StoredEvent, stored))
            }
            CacheToParser::Eoce { sub } => {
                let mut fbb = builder(text_bytes(sub.as_str()));
                let eoce = fb::Eoce::create(&mut fbb, &fb::EoceArgs {}).as_union_value();
                worker_message(fbb, Some(sub), None, (Content::Eoce, eoce))
            }
            CacheToParser::Asked { sub, relays } => {
                let mut fbb = builder(text_bytes(sub.as_str()) + relays_bytes(relays));
                let relays = write_relays(&mut fbb, relays);
                let asked = fb::Asked::create(&mut fbb, &fb::AskedArgs { relays }).as_union_value();
                worker_message(fbb, Some(sub), None, (Content::Asked, asked))
            }
            CacheToParser::Routed { publish, relays } => {
                let mut fbb = builder(relays_bytes(relays));
                let args = fb::RoutedArgs {
                    publish: publish.0,
                    relays: write_relays(&mut fbb, relays),
                };
                let routed = fb::Routed::create(&mut fbb, &args).as_union_value();
                worker_message(fbb, None, None, (Content::Routed, routed))
            }
            CacheToParser::Saved { ids } => {
                let mut fbb = builder(32 * ids.len());
                let ids = Some(write_ids(&mut fbb, ids));
                let saved = fb::Saved::create(&mut fbb, &fb::SavedArgs { ids }).as_union_value();
                worker_message(fbb, None, None, (Content::Saved, saved))
            }
            CacheToParser::ConnectionsReplaced => {
                let mut fbb = builder(0);
                let args = fb::ConnectionsReplacedArgs {};
                let replaced = fb::ConnectionsReplaced::create(&mut fbb, &args).as_union_value();
                worker_message(fbb, None, None, (Content::ConnectionsReplaced, replaced))
            }
            CacheToParser::Refilled { sub, event } => {
                // The store keeps it as it is written, and need not keep it as it is read as well.
                let event = event.raw();
                let mut fbb = builder(event_bytes(&event) + text_bytes(sub.as_str()));
                let event = Some(write_event(&mut fbb, &event));
                let refilled = fb::Refilled::create(&mut fbb, &fb::RefilledArgs { event }).as_union_value();
                worker_message(fbb, Some(sub), None, (Content::Refilled, refilled))
            }
            CacheToParser::RefillEnd { sub, missing } => {
                let mut fbb = builder(text_bytes(sub.as_str()));
                let args = fb::RefillEndArgs { missing: *missing };
                let end = fb::RefillEnd::create(&mut fbb, &args).as_union_value();
                worker_message(fbb, Some(sub), None, (Content::RefillEnd, end))
            }
            CacheToParser::Check { request, claims } => {
                let mut fbb = builder(CLAIM_BYTES * claims.len());
                let args = fb::CheckArgs {
                    request_id: request.0,
                    claims: Some(write_claims(&mut fbb, claims)),
                };
                let check = fb::Check::create(&mut fbb, &args).as_union_value();
                worker_message(fbb, None, None, (Content::Check, check))
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<CacheToParser, WireError> {
        let message = root::<fb::WorkerMessage>(bytes)?;
        let sub = || message.read_sub();
        if let Some(stored) = message.content_as_stored_event() {
            let event = read_stored_event(stored.event().bytes())?;
            return Ok(CacheToParser::Event { sub: sub()?, event });
        }
        if message.content_as_eoce().is_some() {
            return Ok(CacheToParser::Eoce { sub: sub()? });
        }
        if let Some(asked) = message.content_as_asked() {
            let relays = read_relays("Asked.relays", asked.relays())?;
            return Ok(CacheToParser::Asked { sub: sub()?, relays });
        }
        if let Some(routed) = message.content_as_routed() {
            return Ok(CacheToParser::Routed {
                publish: PublishId(routed.publish()),
                relays: read_relays("Routed.relays", routed.relays())?,
            });
        }
        if let Some(saved) = message.content_as_saved() {
            let ids = read_ids(saved.ids());
            return Ok(CacheToParser::Saved { ids });
        }
        if message.content_as_connections_replaced().is_some() {
            return Ok(CacheToParser::ConnectionsReplaced);
        }
        if let Some(refilled) = message.content_as_refilled() {
            let event = read_event(refilled.event());
            return Ok(CacheToParser::Refilled { sub: sub()?, event });
        }
        if let Some(end) = message.content_as_refill_end() {
            let missing = end.missing();
            return Ok(CacheToParser::RefillEnd { sub: sub()?, missing });
        }
        if let Some(check) = message.content_as_check() {
            return Ok(CacheToParser::Check {
                request: RequestId(check.request_id()),
                claims: each(check.claims()).map(read_claim).collect(),
            });
        }
        Err(message.misplaced())
    }
}
