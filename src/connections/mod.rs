//! The connections role: WebSockets to relays, and nothing else that leaves this machine.
//!
//! It dials, retries, authenticates (NIP-42), keeps subscriptions open across reconnects
//! (NIP-01), sends events and counts (NIP-45), respects what relays say they can take
//! (NIP-11), and passes on what they send.
//!
//! It must not decode or judge an event: it cannot verify, so it drops nothing for the id
//! an event claims. It holds no key and no disk. A relay that sends faster than the parser
//! takes is closed and resumed (`spool`, `resume`): its memory is bounded, its events are not lost.
//!
//! | file | its job |
//! |---|---|
//! | `core` | which relay an input is for, and who is dialled when |
//! | `relay` | one relay: link, faults, NIP-42, who is told |
//! | `subscriptions`, `part`, `resume`, `track`, `gap`, `ties` | its subscriptions, their REQs, and what is asked after a cut |
//! | `publishes`, `counts`, `auth`, `link`, `backoff`, `limits` | the rest of one relay |
//! | `spool`, `outbox`, `copies`, `glance` | what goes out, and in which order |

mod auth;
mod backoff;
mod config;
mod copies;
mod core;
mod counts;
mod gap;
mod glance;
mod limits;
mod link;
mod outbox;
mod part;
mod publishes;
mod relay;
mod resume;
mod sockets;
mod spool;
mod subscriptions;
mod ties;
mod track;
mod turn;

use std::future::poll_fn;

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::{FutureExt, StreamExt, pin_mut, select_biased, stream::FusedStream};

pub use self::config::Config;
pub use self::core::{Connections, Input};
pub use self::outbox::{Outbox, StatusSink};
pub use self::sockets::{SocketCommand, SocketEvent, SocketId, Sockets};
pub use self::spool::Spools;
use crate::memory;
use crate::message::{
    Envelope, Nothing, PageToConnections, ParserToConnections, RelayMessage, RequestId, RoleReport, Stats,
};
use crate::role::Role;
use crate::router::{Backlog, Port, Received};
use crate::time::{Clock, Millis, later, until};

/// The port to a peer that takes the place of one that is gone.
pub enum NewPeer {
    Cache(Port<Envelope, Nothing>),
    Parser(Port<ParserToConnections, RelayMessage>),
    Crypto(Port<Envelope, RelayMessage>),
}

/// The role's ports.
pub struct Ports {
    pub cache: Port<Envelope, Nothing>,
    pub parser: Port<ParserToConnections, RelayMessage>,
    pub crypto: Port<Envelope, RelayMessage>,
    pub page: Port<PageToConnections, RoleReport>,
    pub peers: UnboundedReceiver<NewPeer>,
}

/// Frames taken at most before the ports are looked at again.
const FRAMES: usize = 16;

/// Runs the role until the page stops it or nobody is left to talk to.
pub async fn run(
    mut ports: Ports,
    mut sockets: impl Sockets,
    mut statuses: impl StatusSink,
    clock: impl Clock,
    config: Config,
) {
    let mut core = Connections::new(config);
    let mut out = Outbox::default();
    let mut reports = Backlog::default();
    let mut settled = false;
    let mut now = clock.now();
    let mut frames = 0;
    while !out.stopped && !ports.have_ended() {
        let alarm = core.next_timeout();
        let received = match frame_beside(&mut sockets, frames) {
            // They have arrived together and share a time.
            Some(frame) => frame,
            None => {
                // What is ready is taken first; only then is there time to post what is not yet a full batch.
                let ready = next(&mut ports, &mut sockets, &mut statuses, &clock, alarm).now_or_never();
                let received = match ready {
                    Some(received) => received,
                    // A browser hands over one frame a task. Those that wait already join this batch.
                    None if ports.parser.has_unposted() && !settled => {
                        (settled, frames) = (true, 0);
                        later(&clock).await;
                        continue;
                    }
                    None => {
                        settled = false;
                        out.flush_statuses(&mut statuses);
                        ports.flush(clock.now().mono);
                        next(&mut ports, &mut sockets, &mut statuses, &clock, alarm).await
                    }
                };
                (now, frames) = (clock.now(), 0);
                received
            }
        };
        frames += usize::from(matches!(received, Received::Message(Input::Socket(_))));
        match received {
            Received::Message(input) => core.handle(now, input, &mut out),
            // The port has counted it; there is nobody to answer.
            Received::Malformed(_) => {}
            // What waits for credit is sent below, states once nothing else is to do.
            Received::Writable => {}
        }
        if ports.deliver(&mut out) {
            core.handle(now, Input::Drained, &mut out);
        }
        while let Some(request) = out.stats.pop_front() {
            reports.push(RoleReport::Stats(ports.stats(request, &core, &out)));
        }
        reports.send(&mut ports.page);
        out.flush_sockets(&mut sockets);
        ports.grant();
    }
    out.flush_statuses(&mut statuses);
    ports.goodbye();
}

/// What a socket has ready after the last `frames` that were taken without a look at the ports; none before the first.
fn frame_beside(sockets: &mut impl Sockets, frames: usize) -> Option<Received<Input>> {
    if !(1..FRAMES).contains(&frames) {
        return None;
    }
    let event = sockets.next().now_or_never()??;
    Some(Received::Message(Input::Socket(event)))
}

/// The next input. Ports come first, for credit bounds them; then time; sockets, our only source without bound, last.
///
/// A new peer comes before what the cache asks for it: what a relay answers must not go to the peer that is gone.
async fn next(
    ports: &mut Ports,
    sockets: &mut impl Sockets,
    statuses: &mut impl StatusSink,
    clock: &impl Clock,
    alarm: Option<Millis>,
) -> Received<Input> {
    let alarm = until(clock, alarm).fuse();
    pin_mut!(alarm);
    select_biased! {
        received = ports.page.select_next_some() => received.map(Input::Page),
        received = ports.parser.select_next_some() => received.map(Input::Parser),
        received = ports.crypto.select_next_some() => received.map(Input::Crypto),
        peer = ports.peers.select_next_some() => Received::Message(Input::Replaced(ports.replace(peer))),
        received = ports.cache.select_next_some() => received.map(Input::Cache),
        () = alarm => Received::Message(Input::Timeout),
        () = poll_fn(|cx| statuses.poll_writable(cx)).fuse() => Received::Writable,
        event = sockets.select_next_some() => Received::Message(Input::Socket(event)),
    }
}

impl Ports {
    /// Puts the new peer in the place of the old one. What that still said has been read; of a cache it is asked again.
    fn replace(&mut self, peer: NewPeer) -> Role {
        match peer {
            NewPeer::Cache(port) => {
                self.cache = port;
                Role::Cache
            }
            NewPeer::Parser(port) => {
                self.parser = port;
                Role::Parser
            }
            NewPeer::Crypto(port) => {
                self.crypto = port;
                Role::Crypto
            }
        }
    }

    /// Hands the peers what they have credit for. True if they took any.
    fn deliver(&mut self, out: &mut Outbox) -> bool {
        let parser = out.parser.deliver(|message| self.parser.try_send(message));
        let crypto = out.crypto.deliver(|message| self.crypto.try_send(message));
        parser || crypto
    }

    fn flush(&mut self, now: Millis) {
        self.cache.flush(now);
        self.parser.flush(now);
        self.crypto.flush(now);
        self.page.flush(now);
    }

    /// The outputs of this role are bounded by its own spools, so no peer is ever held back.
    fn grant(&mut self) {
        self.cache.grant();
        self.parser.grant();
        self.crypto.grant();
        self.page.grant();
    }

    fn goodbye(&mut self) {
        self.cache.goodbye();
        self.parser.goodbye();
        self.crypto.goodbye();
        self.page.goodbye();
    }

    fn stats(&self, request: RequestId, core: &Connections, out: &Outbox) -> Stats {
        let counters = core.counters().into_iter().chain(out.counters());
        Stats {
            request,
            ports: vec![
                self.cache.stats(),
                self.parser.stats(),
                self.crypto.stats(),
                self.page.stats(),
            ],
            counters: counters.chain([memory::counter()]).collect(),
        }
    }

    /// Whether nobody is left who could ask or be told anything.
    fn have_ended(&self) -> bool {
        self.cache.is_terminated() && self.crypto.is_terminated() && self.page.is_terminated()
    }
}
