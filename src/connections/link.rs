//! Whether one relay's socket is there, and when it is next dialled. Pure.

use super::backoff::Backoff;
use super::sockets::SocketId;
use crate::time::Millis;

/// Where a relay's socket stands. There is at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// No socket, and nothing that needs one.
    Idle,
    /// It waits for its turn to be dialled.
    Queued {
        since: Millis,
    },
    /// It waits after a failure. `connected`: the last socket had opened.
    Waiting {
        until: Millis,
        connected: bool,
    },
    Dialling {
        socket: SocketId,
        since: Millis,
    },
    Open {
        socket: SocketId,
        since: Millis,
    },
    /// Closed by us until its spool has been taken.
    Shed,
}

impl Link {
    /// The socket, open or not.
    pub fn socket(&self) -> Option<SocketId> {
        match self {
            Link::Dialling { socket, .. } | Link::Open { socket, .. } => Some(*socket),
            Link::Idle | Link::Queued { .. } | Link::Waiting { .. } | Link::Shed => None,
        }
    }

    /// The socket, if frames can be sent on it.
    pub fn open_socket(&self) -> Option<SocketId> {
        match self {
            Link::Open { socket, .. } => Some(*socket),
            Link::Idle | Link::Queued { .. } | Link::Waiting { .. } | Link::Dialling { .. } | Link::Shed => None,
        }
    }

    /// Resets `backoff` if the connection that ends now has been a good one.
    pub fn settle(&self, backoff: &mut Backoff, now: Millis, stable_ms: u64) {
        if let Link::Open { since, .. } = self
            && now.since(*since) >= stable_ms
        {
            backoff.reset();
        }
    }
}
