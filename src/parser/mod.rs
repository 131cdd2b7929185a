//! The parser role: subscriptions, pipelines and publishes.
//!
//! It turns what relays and the store say into what the page asked for. It opens no
//! socket, keeps no store and holds no key; Cashu mints are asked through an edge of its own
//! (`http`). Signatures are checked by the crypto role, and nothing goes to the page or the store before they are.

#[cfg(any(feature = "browser-bench", not(target_arch = "wasm32")))]
pub mod bench;
pub mod content;
mod core;
pub mod delivery;
mod http;
pub mod kinds;
pub mod pipes;
mod prepare;
mod proofs;
mod publish;
mod readings;
pub mod secrets;
mod shard;
mod subscription;
mod unanswered;
mod verify;

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::{FutureExt, StreamExt, select_biased};

pub use self::core::{Config, Input, Outbox, Parser};
pub use self::delivery::{PageSinks, Written};
pub use self::http::{Http, HttpAnswer, HttpAsk};
use self::unanswered::Unanswered;
use crate::memory;
use crate::message::{
    CacheToParser, Control, CryptoToParser, PageToParser, ParserReport, ParserToCache, ParserToConnections,
    ParserToCrypto, RelayMessage, RequestId, Stats, SubId,
};
use crate::role::Role;
use crate::router::{Port, Received};
use crate::time::{Clock, Millis, Now, until};

/// The port to a peer that takes the place of one that is gone.
pub enum NewPeer {
    Crypto {
        port: Port<CryptoToParser, ParserToCrypto>,
        /// What the signer had not answered is asked again; else it fails, for a person may have been asked.
        ask_again: bool,
    },
    Cache(Port<CacheToParser, ParserToCache>),
    Connections(Port<RelayMessage, ParserToConnections>),
}

/// The parser's ports.
pub struct Ports {
    pub page: Port<PageToParser, ParserReport>,
    pub crypto: Port<CryptoToParser, ParserToCrypto>,
    pub cache: Port<CacheToParser, ParserToCache>,
    pub connections: Port<RelayMessage, ParserToConnections>,
    pub peers: UnboundedReceiver<NewPeer>,
}

/// The page's rings and ports, with the news that one has room again.
pub trait PageEdge: PageSinks {
    /// The next subscription whose ring or port was full and is not any more.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<SubId>;
    /// Posts what was written and wakes the page. Call it when a turn ends.
    fn flush(&mut self, now: Millis);
}

/// Inputs handled at most before what they caused is sent: a busy parser still serves a waiting page.
const TURN: usize = 256;
/// A stop waits so long for the cache to take the last saves.
const HAND_OVER_MS: u64 = 2_000;

/// Runs the parser until the page says stop or goodbye.
pub async fn run(mut ports: Ports, mut page: impl PageEdge, mut http: impl Http, clock: impl Clock, config: Config) {
    let mut core = Parser::new(config);
    let mut out = Outbox::default();
    core.start(&mut out);
    let mut unanswered = Unanswered::default();
    let mut handled = 0;
    let mut now = clock.now();
    let mut sender = None;
    loop {
        let rest = if handled < TURN { ports.take_rest(sender) } else { None };
        let ready = match rest {
            // The records of one batch share a time, and nothing else can have come between them.
            Some(received) => Some(Some(received)),
            None if handled < TURN => next(&mut ports, &mut page, &mut http, &clock, &core)
                .now_or_never()
                .inspect(|_| now = clock.now()),
            None => None,
        };
        let received = match ready {
            Some(received) => received,
            None => {
                core.end_turn(&mut page, &mut out);
                ports.send(&mut out, &mut unanswered);
                out.http.drain(..).for_each(|ask| http.ask(ask));
                ports.grant(core.has_room(&out));
                ports.flush(clock.now().mono);
                page.flush(clock.now().mono);
                handled = 0;
                let received = next(&mut ports, &mut page, &mut http, &clock, &core).await;
                now = clock.now();
                received
            }
        };
        handled += 1;
        sender = match received {
            Some(Received::Message(Input::Connections(_))) => Some(Role::Connections),
            Some(Received::Message(Input::Cache(_))) => Some(Role::Cache),
            _ => None,
        };
        match received {
            Some(Received::Message(Input::Page(PageToParser::Control(Control::Stop)))) | None => break,
            Some(Received::Message(Input::Page(PageToParser::Control(Control::Stats { request })))) => {
                out.page.push(ParserReport::Stats(ports.stats(request, &core)));
            }
            Some(Received::Message(input)) => handle(&mut core, now, input, &mut out, &mut unanswered),
            // The turn's end sends what waited for this credit. Malformed records are counted by their port.
            Some(Received::Writable | Received::Malformed(_)) => {}
        }
        ports.send(&mut out, &mut unanswered);
    }
    core.end_turn(&mut page, &mut out);
    page.flush(clock.now().mono);
    ports.hand_over_saves(&mut out, &mut unanswered, &clock).await;
    ports.goodbye();
}

/// Gives the core an input, and keeps account of what the crypto role owes: another one is asked for it again.
fn handle(core: &mut Parser, now: Now, input: Input, out: &mut Outbox, unanswered: &mut Unanswered) {
    match input {
        Input::CryptoReplaced { ask_again } => {
            for failed in unanswered.ask_again(&mut out.crypto, ask_again) {
                core.handle(now, failed, out);
            }
        }
        input => {
            if let Input::Crypto(answer) = &input {
                unanswered.on_answer(answer);
            }
            core.handle(now, input, out);
        }
    }
}

/// The role's one place to wait; none when the page is gone. Relays come last: they are the only source of work, and must not starve the rest.
async fn next(
    ports: &mut Ports,
    page: &mut impl PageEdge,
    http: &mut impl Http,
    clock: &impl Clock,
    core: &Parser,
) -> Option<Received<Input>> {
    select_biased! {
        r = ports.page.next() => r.map(|r| r.map(Input::Page)),
        r = ports.crypto.select_next_some() => Some(r.map(Input::Crypto)),
        r = ports.cache.select_next_some() => Some(r.map(Input::Cache)),
        sub = poll_fn(|cx| page.poll_writable(cx)).fuse() => Some(Received::Message(Input::Writable(sub))),
        answer = http.select_next_some() => Some(Received::Message(Input::Http(answer))),
        () = until(clock, core.next_timeout()).fuse() => Some(Received::Message(Input::Timeout)),
        r = ports.connections.select_next_some() => Some(r.map(Input::Connections)),
        peer = ports.peers.select_next_some() => Some(Received::Message(ports.replace(peer))),
    }
}

impl Ports {
    /// Puts the new peer in the place of the old one. What that still said has been read.
    fn replace(&mut self, peer: NewPeer) -> Input {
        match peer {
            NewPeer::Crypto { port, ask_again } => {
                self.crypto = port;
                Input::CryptoReplaced { ask_again }
            }
            NewPeer::Cache(port) => {
                self.cache = port;
                Input::Replaced(Role::Cache)
            }
            NewPeer::Connections(port) => {
                self.connections = port;
                Input::Replaced(Role::Connections)
            }
        }
    }

    /// The next record of the batch that `sender`'s last one was in; most records come from these two.
    fn take_rest(&mut self, sender: Option<Role>) -> Option<Received<Input>> {
        match sender? {
            Role::Connections => Some(self.connections.take_rest()?.map(Input::Connections)),
            Role::Cache => Some(self.cache.take_rest()?.map(Input::Cache)),
            Role::Parser | Role::Crypto => None,
        }
    }

    /// Sends what waits to be saved as the cache gives credit for it: what was delivered is stored.
    async fn hand_over_saves(&mut self, out: &mut Outbox, unanswered: &mut Unanswered, clock: &impl Clock) {
        let patience = clock.now().mono + HAND_OVER_MS;
        loop {
            self.send(out, unanswered);
            self.flush(clock.now().mono);
            if out.cache.is_empty() {
                return;
            }
            select_biased! {
                // Answers come too late; credit is what is waited for.
                received = self.cache.next() => if received.is_none() { return },
                () = pin!(until(clock, Some(patience)).fuse()) => return,
            }
        }
    }

    fn send(&mut self, out: &mut Outbox, unanswered: &mut Unanswered) {
        out.page.send(&mut self.page);
        unanswered.send(&mut out.crypto, &mut self.crypto);
        out.cache.send(&mut self.cache);
        out.connections.send(&mut self.connections);
    }

    /// Gives credit back: to connections only while there is room for more events, to the others always,
    /// since what they send is what makes room.
    fn grant(&mut self, room: bool) {
        self.page.grant();
        self.crypto.grant();
        self.cache.grant();
        if room {
            self.connections.grant();
        }
    }

    fn flush(&mut self, now: Millis) {
        self.page.flush(now);
        self.crypto.flush(now);
        self.cache.flush(now);
        self.connections.flush(now);
    }

    fn goodbye(&mut self) {
        self.cache.goodbye();
        self.crypto.goodbye();
        self.connections.goodbye();
        self.page.goodbye();
    }

    fn stats(&self, request: RequestId, core: &Parser) -> Stats {
        let ports = vec![
            self.page.stats(),
            self.crypto.stats(),
            self.cache.stats(),
            self.connections.stats(),
        ];
        Stats {
            request,
            ports,
            counters: core.counters().into_iter().chain([memory::counter()]).collect(),
        }
    }
}
