//! Samples of what passes between parser and cache.

use super::Samples;
use super::values::*;
use crate::message::*;
use crate::nostr::event::EventId;
use crate::wire::as_stored;

impl Samples for ParserToCache {
    fn small() -> Vec<Self> {
        let lookup = |filters, relays, policy| ParserToCache::Lookup {
            sub: sub(),
            filters,
            relays,
            policy,
            max_relays: Some(3),
            asked: vec![],
        };
        vec![
            lookup(filters(), relays(), CachePolicy::CacheOnly),
            lookup(vec![], vec![], CachePolicy::CacheThenNetwork),
            ParserToCache::Lookup {
                sub: sub(),
                filters: filters(),
                relays: vec![],
                policy: CachePolicy::CacheFirst,
                max_relays: None,
                asked: relays(),
            },
            ParserToCache::Close {
                sub: long_sub(),
                asked: vec![],
            },
            ParserToCache::Close {
                sub: sub(),
                asked: relays(),
            },
            ParserToCache::Save {
                event: event(),
                relays: relays(),
            },
            ParserToCache::Save {
                event: empty_event(),
                relays: vec![],
            },
            ParserToCache::Publish {
                publish: PUBLISH,
                event: event(),
                relays: relays(),
            },
            ParserToCache::Publish {
                publish: PublishId(0),
                event: empty_event(),
                relays: vec![],
            },
            ParserToCache::Refill {
                sub: sub(),
                ids: ids(3),
            },
            ParserToCache::Refill {
                sub: sub(),
                ids: vec![],
            },
            ParserToCache::Checked {
                request: RequestId(u64::MAX),
                good: vec![true, false],
            },
            ParserToCache::Checked {
                request: RequestId(0),
                good: vec![],
            },
        ]
    }

    fn large() -> Vec<Self> {
        vec![
            ParserToCache::Lookup {
                sub: long_sub(),
                filters: large_filters(),
                relays: vec![long_relay(); 100],
                policy: CachePolicy::NoCache,
                max_relays: None,
                asked: vec![long_relay(); 100],
            },
            ParserToCache::Save {
                event: large_event(),
                relays: vec![long_relay(); 100],
            },
            ParserToCache::Refill {
                sub: sub(),
                ids: vec![EventId([1; 32]); 10_000],
            },
        ]
    }
}

impl Samples for CacheToParser {
    fn small() -> Vec<Self> {
        vec![
            CacheToParser::Event {
                sub: sub(),
                event: event(),
            },
            CacheToParser::Event {
                sub: sub(),
                event: as_stored(&event()),
            },
            CacheToParser::Event {
                sub: long_sub(),
                event: empty_event(),
            },
            CacheToParser::Eoce { sub: sub() },
            CacheToParser::Asked {
                sub: sub(),
                relays: relays(),
            },
            CacheToParser::Asked {
                sub: sub(),
                relays: vec![],
            },
            CacheToParser::Routed {
                publish: PUBLISH,
                relays: relays(),
            },
            CacheToParser::Routed {
                publish: PublishId(0),
                relays: vec![],
            },
            CacheToParser::Saved { ids: ids(2) },
            CacheToParser::Saved { ids: vec![] },
            CacheToParser::ConnectionsReplaced,
            CacheToParser::Refilled {
                sub: sub(),
                event: event(),
            },
            CacheToParser::RefillEnd {
                sub: sub(),
                missing: u32::MAX,
            },
            CacheToParser::RefillEnd { sub: sub(), missing: 0 },
            CacheToParser::Check {
                request: RequestId(u64::MAX),
                claims: claims(2),
            },
            CacheToParser::Check {
                request: RequestId(0),
                claims: vec![],
            },
        ]
    }

    fn large() -> Vec<Self> {
        vec![
            CacheToParser::Event {
                sub: long_sub(),
                event: large_event(),
            },
            CacheToParser::Refilled {
                sub: long_sub(),
                event: large_event(),
            },
            CacheToParser::Asked {
                sub: sub(),
                relays: vec![long_relay(); 100],
            },
        ]
    }
}
