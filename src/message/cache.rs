//! Between parser and cache.

use super::{CachePolicy, Claim, PublishId, RequestId, SubId};
use crate::nostr::event::{Event, EventId};
use crate::nostr::filter::Filter;
use crate::nostr::relay_url::RelayUrl;

/// `CacheRequest`: what the parser asks of the cache.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserToCache {
    /// Answer from the store, then ask relays for what the policy says.
    Lookup {
        sub: SubId,
        filters: Vec<Filter>,
        relays: Vec<RelayUrl>,
        policy: CachePolicy,
        /// The most relays to choose; none means the engine's own limit.
        max_relays: Option<u32>,
        /// Relays that an earlier cache has asked. With any, that cache has answered, and the store is not asked again.
        asked: Vec<RelayUrl>,
    },
    /// Stop answering; tell the relays that were asked.
    Close {
        sub: SubId,
        /// Relays that an earlier cache has asked.
        asked: Vec<RelayUrl>,
    },
    Save {
        event: Event,
        /// Where it was seen.
        relays: Vec<RelayUrl>,
    },
    /// Save, choose relays, send.
    Publish {
        publish: PublishId,
        event: Event,
        relays: Vec<RelayUrl>,
    },
    /// Hand these events out again: the page was too slow for them the first time.
    Refill { sub: SubId, ids: Vec<EventId> },
    /// The answer to a `Check`: one verdict per claim, in order.
    Checked { request: RequestId, good: Vec<bool> },
}

/// What the cache answers.
#[derive(Clone, Debug, PartialEq)]
pub enum CacheToParser {
    Event {
        sub: SubId,
        event: Event,
    },
    Eoce {
        sub: SubId,
    },
    /// The relays that were sent this subscription's REQ; empty if none was.
    Asked {
        sub: SubId,
        relays: Vec<RelayUrl>,
    },
    /// The relays that will be sent this publish.
    Routed {
        publish: PublishId,
        relays: Vec<RelayUrl>,
    },
    /// These events survive a crash from now on, or are known to need no keeping.
    Saved {
        ids: Vec<EventId>,
    },
    /// Connections was replaced: events that it had not sent are lost.
    ConnectionsReplaced,
    /// One refilled event, in the order asked.
    Refilled {
        sub: SubId,
        event: Event,
    },
    /// A refill is complete; so many of its events are no longer stored.
    RefillEnd {
        sub: SubId,
        missing: u32,
    },
    /// Signatures of what the page imports, for the crypto role: it is asked when it has nothing else to check.
    Check {
        request: RequestId,
        claims: Vec<Claim>,
    },
}
