//! What the page asks of the workers, by their control ports.
//!
//! The crypto role's requests have a channel of their own: `crypto`.

use super::{PublishId, RequestId, SubId};
use crate::nostr::event::{EventId, Pubkey, RawEvent, Tag};
use crate::nostr::filter::Filter;
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::time::UnixSeconds;

/// Control port of the parser, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToParser {
    Subscribe {
        sub: SubId,
        subscribe: Subscribe,
    },
    Unsubscribe {
        sub: SubId,
    },
    Publish {
        publish: PublishId,
        template: Template,
        /// To be encrypted into the content: the private part of a list, a wallet or its history (NIP-51, NIP-60).
        private_tags: Option<Vec<Tag>>,
        relays: Vec<RelayUrl>,
        /// The template as an earlier parser had it signed: it is not signed again, but checked.
        event: Option<RawEvent>,
    },
    /// What has not been sent of this publish is not to be.
    Abort {
        publish: PublishId,
    },
    Control(Control),
}

/// Control port of the connections role, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToConnections {
    /// The browser is online again: retry what waits, now.
    Online,
    /// A signer is there: what relays refused for want of authentication (NIP-42) is tried again.
    SignedIn {
        pubkey: Pubkey,
    },
    Control(Control),
}

/// Control port of the cache, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToCache {
    /// Somebody has signed in: their events are evicted last.
    Owner {
        pubkey: Pubkey,
    },
    /// Signed events as JSON, a line each, to be checked and stored. No text: answer once all that was stored is
    /// durable.
    Import {
        request: RequestId,
        text: Vec<u8>,
    },
    /// Forget every stored event.
    Wipe {
        request: RequestId,
    },
    Explain {
        request: RequestId,
        about: Explain,
    },
    /// From now on these relays are for what names none, in place of those it was started with.
    Defaults {
        relays: Vec<RelayUrl>,
    },
    Control(Control),
}

/// Control port of the crypto role, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToCryptoControl {
    Control(Control),
}

/// What the page may tell any worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// Report the role's counters now.
    Stats { request: RequestId },
    /// Finish what is begun, say goodbye on every port and end.
    Stop,
}

/// What the page wants explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Which relays were chosen for it, and why.
    Sub(SubId),
    /// Whether it is stored.
    Event(EventId),
}

/// A subscription as the page asks for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscribe {
    /// An event that any of them matches is delivered, once. At most 50.
    pub filters: Vec<Filter>,
    /// The relays to ask; empty lets the cache choose (NIP-65, indexers, defaults).
    pub relays: Vec<RelayUrl>,
    pub cache: CachePolicy,
    /// End the subscription when every asked relay has answered, failed or timed out.
    pub close_on_eose: bool,
    /// End the subscription after so long.
    pub timeout_ms: Option<u32>,
    /// End the subscription after so many delivered events.
    pub max_events: Option<u32>,
    /// Run it in one of the lanes for subscriptions that wait a lot (decryption).
    pub slow: bool,
    /// Empty means the default: Parse, SaveToDb, SerializeEvents.
    pub pipeline: Vec<PipeSpec>,
    /// The most relays that the cache chooses for it; none means the engine's own limit.
    pub max_relays: Option<u32>,
    /// What an earlier parser has delivered: it goes through the pipeline and is not delivered again.
    pub delivered: Vec<EventId>,
}

/// How a subscription uses the store and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachePolicy {
    /// Cached events, then the network.
    #[default]
    CacheThenNetwork,
    /// Cached events; the network only for what the store could not answer.
    CacheFirst,
    /// Cached events and nothing else.
    CacheOnly,
    /// The network only.
    NoCache,
    /// Not the events: each relay is asked how many it has (NIP-45).
    Count,
}

/// One step of a pipeline (`parser/pipes`).
#[derive(Clone, Debug, PartialEq)]
pub enum PipeSpec {
    Parse,
    SaveToDb,
    SerializeEvents,
    /// Passes these kinds.
    KindFilter {
        kinds: Vec<Kind>,
    },
    Mute(Muted),
    /// Passes at most the `limit` newest of `kind` of an author (kind 4: of a conversation), and remembers at most
    /// `max_npubs` of these.
    NpubLimiter {
        kind: Kind,
        limit: u32,
        max_npubs: u32,
    },
    /// Delivers running counts of these kinds in place of events.
    Counter {
        kinds: Vec<Kind>,
        /// Whose events the page wants to know of.
        pubkey: Option<Pubkey>,
    },
    /// Delivers the Cashu proofs of kinds 9321 and 7375 that are good and unspent in place of events. Looks at `max`
    /// proofs at most.
    ProofVerification {
        max: u32,
    },
}

/// What the Mute pipe drops.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Muted {
    pub pubkeys: Vec<Pubkey>,
    /// Events, and what has an `e` tag of one.
    pub ids: Vec<EventId>,
    pub hashtags: Vec<String>,
    /// Whole words in the content, of either case.
    pub words: Vec<String>,
}

/// An event to be: what the caller decides. The signer adds the pubkey, the engine a missing `created_at`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub kind: Kind,
    pub created_at: Option<UnixSeconds>,
    pub tags: Vec<Tag>,
    pub content: String,
}
