//! What the workers report to the page: on their control ports, and of relays on the status stream.

use super::{PublishId, RequestId, SignerError};
use crate::nostr::event::{Event, Pubkey};
use crate::nostr::relay_url::RelayUrl;
use crate::time::UnixSeconds;

/// Control port of the parser, to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserReport {
    Publish {
        publish: PublishId,
        /// Whose copy of a private message the status is about (NIP-17).
        recipient: Option<Pubkey>,
        status: PublishStatus,
    },
    Notice {
        relay: RelayUrl,
        message: String,
    },
    Stats(Stats),
}

/// How far a publish has come. After `Failed` or `Complete` nothing follows.
#[derive(Clone, Debug, PartialEq)]
pub enum PublishStatus {
    Signed {
        event: Event,
    },
    /// It waits for these relays' sockets.
    Queued {
        relays: Vec<RelayUrl>,
    },
    Sent {
        relay: RelayUrl,
    },
    /// The relay said OK.
    Accepted {
        relay: RelayUrl,
        reason: String,
    },
    Rejected {
        relay: RelayUrl,
        reason: String,
    },
    /// The relay could not be reached or did not answer in time.
    Unanswered {
        relay: RelayUrl,
        reason: String,
    },
    Failed {
        error: SignerError,
    },
    Complete,
}

/// Control port of the other roles, to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum RoleReport {
    Stats(Stats),
    /// What became of the lines of an `Import`.
    Imported(Imported),
    Wiped {
        request: RequestId,
    },
    Explained {
        request: RequestId,
        /// Whether the event in question is stored.
        stored: bool,
        /// Of a subscription: which relays were considered.
        relays: Vec<RelayChoice>,
        /// Of an event: where it was seen.
        seen: Vec<RelayUrl>,
    },
}

/// What became of some lines of signed events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub request: RequestId,
    pub stored: u32,
    /// Good, and known, superseded, deleted or expired.
    pub known: u32,
    /// Lines that are no events, counted from 0, and what is wrong with each.
    pub bad: Vec<(u32, String)>,
}

/// A relay that was considered for a request, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayChoice {
    pub relay: RelayUrl,
    pub reason: ChoiceReason,
    /// Who of the request's authors writes there, or of those mentioned reads there.
    pub people: Vec<Pubkey>,
}

/// Why a relay is asked; the last two: why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceReason {
    /// The caller named it.
    Named,
    /// Authors of the request write there (NIP-65).
    Outbox,
    /// Those mentioned read there (NIP-65).
    Inbox,
    /// It is a configured indexer.
    Indexer,
    /// Nothing better is known.
    Default,
    /// Others cover whom it would have served.
    Covered,
    /// The limit of relays was reached before.
    OverLimit,
}

/// A role's counters, for `manager.stats()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub request: RequestId,
    pub ports: Vec<PortStats>,
    /// The role's own counters, by name.
    pub counters: Vec<(String, u64)>,
}

/// What one port has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    pub name: String,
    pub sent_records: u64,
    pub sent_bytes: u64,
    pub sent_batches: u64,
    pub received_records: u64,
    pub received_bytes: u64,
    pub received_batches: u64,
    /// Received records that the role has not taken yet, now and at most.
    pub queue_depth: u64,
    pub queue_high_water: u64,
    /// Bytes the peer may still be sent.
    pub credit_bytes: u64,
    /// How often and for how long a record had to wait for credit.
    pub stalls: u64,
    pub stalled_ms: u64,
    /// Received records that were no message.
    pub malformed: u64,
}

/// A relay's state, for the page (status ring or its port).
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionStatus {
    pub relay: RelayUrl,
    pub state: RelayState,
    /// Why, in words: the close reason, the refusal, the error.
    pub reason: String,
    pub counters: RelayCounters,
}

/// How a relay's connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayState {
    Connecting,
    Open,
    /// The relay asked for NIP-42 and has not accepted an answer yet.
    Authenticating,
    /// Not wanted at present, or closed by the relay; `reason` says which.
    Closed,
    /// Could not be reached; it is tried again.
    Failed,
    /// Closed by the engine because it sent faster than could be checked; it resumes.
    Shed,
}

/// What a relay has done since the engine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounters {
    pub events: u64,
    pub bytes: u64,
    /// Frames that were no valid relay message, too long or not text.
    pub malformed: u64,
    /// Frames for a subscription that is not open there.
    pub unknown_sub: u64,
    /// Events whose id or signature did not hold.
    pub forged: u64,
    /// Events that their subscription's filters do not match.
    pub unmatched: u64,
    pub connects: u64,
    pub sheds: u64,
    /// Seconds of which it may have more events than any REQ of the engine's gets it to show, and the last of them.
    pub hidden_seconds: u64,
    pub hidden_at: UnixSeconds,
}
