//! What the core wants done, until the loop does it.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use super::sockets::{SocketCommand, SocketId, Sockets};
use super::spool::Spools;
use crate::message::{ConnectionStatus, RelayMessage, RequestId, SIGNER_SUB_PREFIX, SubId};
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::SortedMap;

/// The role that asked a relay for something, and is told what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Parser,
    Crypto,
}

impl Peer {
    /// Whose subscription `sub` is (NIP-46 requests are the crypto role's own).
    pub fn of(sub: &SubId) -> Peer {
        if sub.as_str().starts_with(SIGNER_SUB_PREFIX) {
            Peer::Crypto
        } else {
            Peer::Parser
        }
    }
}

/// Takes relays' states to the page, by whatever transport the edge has.
pub trait StatusSink {
    /// Takes `status`; false if there is no room for now. It is offered again, or a newer one of the same relay.
    fn status(&mut self, status: &ConnectionStatus) -> bool;

    /// Ready when there may be room again for what `status` did not take.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// The core's outputs, by receiver.
#[derive(Debug, Default)]
pub struct Outbox {
    pub sockets: VecDeque<SocketCommand>,
    pub parser: Spools,
    pub crypto: Spools,
    /// The latest state of each relay whose state the page has not been told.
    pub statuses: SortedMap<RelayUrl, ConnectionStatus>,
    /// The page asked for the role's counters.
    pub stats: VecDeque<RequestId>,
    /// The role is to end once the sockets have been told.
    pub stopped: bool,
}

impl Outbox {
    /// Queues `message`, which is of or about `relay`, for `peer`.
    pub fn tell(&mut self, peer: Peer, relay: &RelayUrl, message: RelayMessage) {
        self.spools(peer).push(relay, message);
    }

    /// What waits for `peer`.
    pub fn spools(&mut self, peer: Peer) -> &mut Spools {
        match peer {
            Peer::Parser => &mut self.parser,
            Peer::Crypto => &mut self.crypto,
        }
    }

    /// Sends a frame on a socket.
    pub fn send(&mut self, socket: SocketId, text: String) {
        self.sockets.push_back(SocketCommand::Send { socket, text });
    }

    /// Bytes of `relay` that wait for a peer.
    pub fn waiting_bytes(&self, relay: &RelayUrl) -> usize {
        self.parser.bytes(relay) + self.crypto.bytes(relay)
    }

    /// Its counters, by name: the bytes that wait for credit, now and at most.
    pub fn counters(&self) -> [(String, u64); 3] {
        let named = [
            ("spool_bytes", self.parser.total_bytes() + self.crypto.total_bytes()),
            ("spool_most_bytes", self.parser.most_bytes() + self.crypto.most_bytes()),
            ("untold_statuses", self.statuses.len()),
        ];
        named.map(|(name, count)| (name.to_owned(), count as u64))
    }

    /// Carries out what the sockets are asked.
    pub fn flush_sockets(&mut self, sockets: &mut impl Sockets) {
        while let Some(command) = self.sockets.pop_front() {
            command.run(sockets);
        }
    }

    /// Tells the page the states there is room for.
    pub fn flush_statuses(&mut self, sink: &mut impl StatusSink) {
        let mut full = false;
        self.statuses.retain(|_, status| {
            full = full || !sink.status(status);
            full
        });
    }
}
