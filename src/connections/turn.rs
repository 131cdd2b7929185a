//! What one relay's machine is lent while it handles one input.

use super::config::Config;
use super::copies::Copies;
use super::outbox::{Outbox, Peer};
use super::sockets::SocketId;
use crate::message::RelayMessage;
use crate::nostr::relay_url::RelayUrl;
use crate::time::{Millis, Now};

/// The present, the role's settings and outputs, and the relay it is about.
pub struct Turn<'a> {
    pub now: Now,
    pub config: &'a Config,
    pub relay: RelayUrl,
    pub out: &'a mut Outbox,
    pub copies: &'a mut Copies,
    /// The last number given out; sockets, REQs and walks take the next.
    pub last_number: &'a mut u64,
}

impl Turn<'_> {
    pub fn tell(&mut self, peer: Peer, message: RelayMessage) {
        self.out.tell(peer, &self.relay, message);
    }

    pub fn send(&mut self, socket: SocketId, text: String) {
        self.out.send(socket, text);
    }

    /// A number never given out before.
    pub fn number(&mut self) -> u64 {
        *self.last_number += 1;
        *self.last_number
    }

    pub fn after(&self, ms: u64) -> Millis {
        self.now.mono + ms
    }

    pub fn is_past(&self, time: Millis) -> bool {
        time <= self.now.mono
    }
}
