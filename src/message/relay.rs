//! To and from connections: frames for relays, and what relays said.

use super::SubId;
use crate::nostr::event::{Event, EventId};
use crate::nostr::frame::ClientFrame;
use crate::nostr::relay_url::RelayUrl;

/// cacheToConn and cryptoToConn: frames for relays, as the JSON object `{relays, frames}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub relays: Vec<RelayUrl>,
    pub frames: Vec<ClientFrame>,
}

/// What relays said, for the parser; for the crypto role where the subscription is its own.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayMessage {
    /// An EVENT's object, byte for byte as it came; nothing about it has been checked.
    Event {
        relay: RelayUrl,
        sub: SubId,
        json: String,
    },
    Eose {
        relay: RelayUrl,
        sub: SubId,
    },
    Closed {
        relay: RelayUrl,
        sub: SubId,
        reason: String,
    },
    Ok {
        relay: RelayUrl,
        event_id: EventId,
        accepted: bool,
        reason: String,
    },
    Notice {
        relay: RelayUrl,
        message: String,
    },
    /// A NIP-42 challenge that wants an answer.
    Auth {
        relay: RelayUrl,
        challenge: String,
    },
    Count {
        relay: RelayUrl,
        sub: SubId,
        count: u64,
        approximate: bool,
    },
    /// An EVENT frame of ours left for the relay.
    Sent {
        relay: RelayUrl,
        event_id: EventId,
    },
    /// An EVENT frame of ours will not be sent.
    Unsent {
        relay: RelayUrl,
        event_id: EventId,
        reason: String,
    },
    /// The relay cannot answer this subscription for now; it is asked again when it is back.
    Unreachable {
        relay: RelayUrl,
        sub: SubId,
        reason: String,
    },
}

/// What the parser reports back to connections.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserToConnections {
    /// Events with these ids were verified: further copies may be dropped early.
    Verified { ids: Vec<EventId> },
    /// The relay sent what it should not have.
    Misbehaved { relay: RelayUrl, fault: RelayFault },
    /// The signed answer to a NIP-42 challenge.
    Authenticate { relay: RelayUrl, event: Event },
    /// There will be no answer to the relay's challenge: there is no signer, or it refused.
    CannotAuthenticate { relay: RelayUrl, reason: String },
}

/// What a relay has done wrong; a relay that does it often is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayFault {
    /// Not an event at all, or over a limit.
    Malformed,
    /// The id or the signature does not hold.
    Forged,
    /// A valid event that was not asked for.
    Unmatched,
}
