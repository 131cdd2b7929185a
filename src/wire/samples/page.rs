//! Samples of what the page asks of the workers.

use super::Samples;
use super::values::*;
use crate::message::*;
use crate::nostr::event::{EventId, Pubkey};
use crate::nostr::kind::Kind;

fn controls() -> [Control; 2] {
    [Control::Stats { request: REQUEST }, Control::Stop]
}

impl Samples for PageToParser {
    fn small() -> Vec<Self> {
        let [template, empty] = templates();
        let full = Subscribe {
            filters: filters(),
            relays: relays(),
            cache: CachePolicy::NoCache,
            close_on_eose: true,
            timeout_ms: Some(0),
            max_events: Some(u32::MAX),
            slow: true,
            pipeline: vec![
                PipeSpec::Parse,
                PipeSpec::SaveToDb,
                PipeSpec::SerializeEvents,
                PipeSpec::KindFilter {
                    kinds: vec![Kind(0), Kind(u16::MAX)],
                },
                PipeSpec::KindFilter { kinds: vec![] },
                PipeSpec::Mute(Muted {
                    pubkeys: vec![event().pubkey],
                    ids: vec![event().id, event().id],
                    hashtags: vec!["t".into()],
                    words: vec!["w".into(), String::new()],
                }),
                PipeSpec::Mute(Muted::default()),
                PipeSpec::NpubLimiter {
                    kind: Kind(4),
                    limit: u32::MAX,
                    max_npubs: 0,
                },
                PipeSpec::ProofVerification { max: u32::MAX },
                PipeSpec::Counter {
                    kinds: vec![Kind(7)],
                    pubkey: Some(event().pubkey),
                },
                PipeSpec::Counter {
                    kinds: vec![],
                    pubkey: None,
                },
                PipeSpec::Parse,
            ],
            max_relays: Some(0),
            delivered: ids(3),
        };
        let mut messages = vec![
            PageToParser::Subscribe {
                sub: sub(),
                subscribe: full,
            },
            PageToParser::Unsubscribe { sub: long_sub() },
            PageToParser::Abort { publish: PUBLISH },
            PageToParser::Publish {
                publish: PUBLISH,
                template,
                private_tags: None,
                relays: relays(),
                event: Some(event().into_raw()),
            },
            PageToParser::Publish {
                publish: PublishId(0),
                template: empty,
                private_tags: Some(Vec::new()),
                relays: vec![],
                event: None,
            },
        ];
        for cache in [
            CachePolicy::CacheThenNetwork,
            CachePolicy::CacheFirst,
            CachePolicy::CacheOnly,
            CachePolicy::Count,
        ] {
            let subscribe = Subscribe {
                cache,
                ..Subscribe::default()
            };
            messages.push(PageToParser::Subscribe { sub: sub(), subscribe });
        }
        messages.extend(controls().map(PageToParser::Control));
        messages
    }

    fn large() -> Vec<Self> {
        let subscribe = Subscribe {
            filters: large_filters(),
            relays: vec![long_relay(); 100],
            pipeline: vec![PipeSpec::SerializeEvents; 1_000],
            delivered: vec![EventId([1; 32]); 10_000],
            ..Subscribe::default()
        };
        let publish = PageToParser::Publish {
            publish: PUBLISH,
            template: large_template(),
            private_tags: Some(vec![vec!["word".into(), "fish".into()]]),
            relays: relays(),
            event: Some(large_event().into_raw()),
        };
        vec![
            PageToParser::Subscribe {
                sub: long_sub(),
                subscribe,
            },
            publish,
        ]
    }
}

impl Samples for PageToConnections {
    fn small() -> Vec<Self> {
        let controls = controls().map(PageToConnections::Control);
        let signed_in = PageToConnections::SignedIn {
            pubkey: Pubkey([7; 32]),
        };
        let own = [PageToConnections::Online, signed_in];
        own.into_iter().chain(controls).collect()
    }
}

impl Samples for PageToCache {
    fn small() -> Vec<Self> {
        let owner = PageToCache::Owner {
            pubkey: Pubkey([7; 32]),
        };
        let defaults = [relays(), vec![]].map(|relays| PageToCache::Defaults { relays });
        let controls = controls().map(PageToCache::Control);
        let import = |text: &[u8]| PageToCache::Import {
            request: REQUEST,
            text: text.to_vec(),
        };
        let explain = |about| PageToCache::Explain {
            request: REQUEST,
            about,
        };
        let own = [
            owner,
            import(b""),
            import(b"{}\n\xff"),
            PageToCache::Wipe { request: REQUEST },
            explain(Explain::Sub(sub())),
            explain(Explain::Event(event().id)),
        ];
        own.into_iter().chain(defaults).chain(controls).collect()
    }
}

impl Samples for PageToCryptoControl {
    fn small() -> Vec<Self> {
        controls().map(PageToCryptoControl::Control).into()
    }
}
