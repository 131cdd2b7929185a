//! From the page to the workers' control ports (`MainMessage`).

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

use super::filter::{filters_bytes, read_filters, write_filters};
use super::nostr::{
    event_bytes, read_ids, read_raw_event, read_relays, read_sub, read_tags, read_template, relays_bytes, tags_bytes,
    template_bytes, text_bytes, write_all_tags, write_event, write_ids, write_relays, write_template,
};
use super::pipes::{pipeline_bytes, read_pipeline, write_pipeline};
use super::{Wire, WireError, builder, fb, finish, misplaced, root};
use crate::message::{
    Control, Explain, PageToCache, PageToConnections, PageToCryptoControl, PageToParser, PublishId, RequestId,
    Subscribe,
};
use crate::nostr::event::{EventId, Pubkey};
use crate::nostr::sub_id::SubId;

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
            PageToCache::Import { request, text } => {
                let mut fbb = builder(text.len());
                let args = fb::ImportEventsArgs {
                    request_id: request.0,
                    text: Some(fbb.create_vector(text)),
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
                text: import.text().map(|text| text.bytes().to_vec()).unwrap_or_default(),
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
