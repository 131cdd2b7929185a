//! What one subscription's ring or port carries to the page.

use std::sync::Arc;

use crate::nostr::event::{Event, EventId};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::cashu::Proof;
use crate::parser::kinds::{Lock, Parsed, Request};

/// What one subscription's ring or port carries to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserToPage {
    /// A verified event that the subscription's pipeline let through; once per id.
    Event(Delivery),
    /// What the Counter pipe has counted.
    Count(CountResponse),
    /// What the ProofVerification pipe has found to be good.
    Proofs(ValidProofs),
    /// All cached events have been delivered.
    Eoce,
    /// This relay has sent all it had stored.
    Eose { relay: RelayUrl },
    /// Every asked relay has answered, failed or timed out.
    EoseAll,
    /// This relay ended the subscription, with its own words.
    Closed { relay: RelayUrl, reason: String },
    /// So many events this relay has (`CachePolicy::Count`).
    RelayCount {
        relay: RelayUrl,
        count: u64,
        approximate: bool,
    },
    /// This relay does not answer (`CachePolicy::Count`; a subscription's page learns it by the relay's status).
    Unreachable { relay: RelayUrl, reason: String },
    /// So many events could not be kept for a page that does not read.
    BufferFull { dropped: u64 },
    /// The subscription is over; nothing follows.
    Ended { reason: EndReason },
}

/// An event on its way to the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub event: Event,
    pub source: ShardSource,
    /// Where it was seen up to now; empty when it came from the store.
    pub relays: Vec<RelayUrl>,
    /// Absent without the Parse pipe, and for what that could not read.
    pub reading: Option<Box<Reading>>,
    /// The reading as the page gets it, in place of `reading`, where it is known from before.
    pub written: Option<Arc<[u8]>>,
}

/// A running count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountResponse {
    pub kind: Kind,
    pub count: u64,
    /// One of them is by the pubkey the page named.
    pub you: bool,
}

/// Proofs of one mint and unit that its mint says are unspent (NUT-07).
#[derive(Clone, Debug, PartialEq)]
pub struct ValidProofs {
    /// `https`, without a slash at its end; `http` for onion services and this machine.
    pub mint: String,
    /// Of their keysets, as the mint says.
    pub unit: String,
    pub proofs: Vec<ValidProof>,
}

/// A Cashu proof that can be spent.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidProof {
    /// Where it was found.
    pub event: EventId,
    pub proof: Proof,
    /// Its DLEQ holds (NUT-12); false for one out of a wallet's own token that has none.
    pub dleq: bool,
}

/// What the Parse pipe read from an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub parsed: Parsed,
    /// What a page that shows the event will want next.
    pub requests: Vec<Request>,
    /// Why its encrypted part is locked; none if it has none, or if that is open.
    pub lock: Option<Lock>,
    /// It was delivered before, locked: this is the same event again, with its encrypted part open.
    pub unlocked: bool,
}

/// Where a message entered the parser's lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardSource {
    Network,
    Cache,
}

/// Why a subscription ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// `close_on_eose`, or the store's answer was all that was asked for.
    Complete,
    TimedOut,
    MaxEvents,
    /// The engine holds as many subscriptions as its limit allows.
    TooManySubscriptions,
    /// More filters than a subscription may have, or none.
    BadFilters,
}
