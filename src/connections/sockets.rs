//! What the role needs of a WebSocket implementation: `web/socket.rs` in a browser, a scripted one in tests.

use futures_util::stream::FusedStream;

use crate::nostr::relay_url::RelayUrl;

/// One dial's number, never used again: what an old socket still says is told apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// What sockets, and requests for NIP-11 documents, report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// The socket is ready to send.
    Opened { socket: SocketId },
    /// A text frame of at most 1 MiB.
    Text { socket: SocketId, text: String },
    /// A binary frame, which Nostr does not know.
    Binary { socket: SocketId },
    /// A frame over the limit; its content is gone.
    TooLong { socket: SocketId },
    /// More bytes arrived than could be read; the socket is closed and nothing follows.
    Overflowed { socket: SocketId },
    /// The socket has closed. Code and reason are the peer's (RFC 6455 section 7.4).
    Closed {
        socket: SocketId,
        code: u16,
        reason: String,
    },
    /// The socket could not be opened, or broke. A browser does not say why.
    Failed { socket: SocketId },
    /// The browser does not allow the address: `ws://` from a page that came over https.
    Forbidden { socket: SocketId },
    /// The relay's NIP-11 document; none if there is none to be had.
    Limits { relay: RelayUrl, json: Option<String> },
}

/// Opens sockets and fetches NIP-11 documents. Everything that happens comes back as a stream.
pub trait Sockets: FusedStream<Item = SocketEvent> + Unpin {
    /// Begins to connect; `Opened`, `Closed`, `Failed` or `Forbidden` follows.
    fn open(&mut self, socket: SocketId, relay: &RelayUrl);

    /// Sends a text frame. A socket that is not open loses it, and says so by `Closed` or `Failed`.
    fn send(&mut self, socket: SocketId, text: String);

    /// Closes; what the socket still has to say may or may not follow.
    fn close(&mut self, socket: SocketId, code: u16, reason: &str);

    /// Fetches the relay's NIP-11 document; one `Limits` follows.
    fn fetch_limits(&mut self, relay: &RelayUrl);
}

/// One call of `Sockets`, as the core asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketCommand {
    Open {
        socket: SocketId,
        relay: RelayUrl,
    },
    Send {
        socket: SocketId,
        text: String,
    },
    Close {
        socket: SocketId,
        code: u16,
        reason: String,
    },
    FetchLimits {
        relay: RelayUrl,
    },
}

impl SocketCommand {
    /// Carries the command out.
    pub fn run(self, sockets: &mut impl Sockets) {
        match self {
            SocketCommand::Open { socket, relay } => sockets.open(socket, &relay),
            SocketCommand::Send { socket, text } => sockets.send(socket, text),
            SocketCommand::Close { socket, code, reason } => sockets.close(socket, code, &reason),
            SocketCommand::FetchLimits { relay } => sockets.fetch_limits(&relay),
        }
    }
}
