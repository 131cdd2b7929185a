//! The crypto role: the user's keys, and the checks of signatures.
//!
//! The only role that holds a secret, and it gives none out. It knows no subscription
//! and stores nothing; which events are to be checked is the parser's business.

mod core;
mod pool;
#[cfg(test)]
mod run_tests;
mod signer;
mod task;

use std::future::poll_fn;
use std::task::{Context, Poll};

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::{FutureExt, StreamExt, select_biased};

pub use self::core::{Config, Crypto, Entropy, Input, Outbox};
pub use self::pool::{Do, Part, Pool, VerifierId};
use crate::memory;
use crate::message::{
    Claim, Control, CryptoToPage, CryptoToParser, Envelope, PageToCrypto, PageToCryptoControl, ParserToCrypto,
    RelayMessage, RequestId, RoleReport, Stats,
};
use crate::nostr::schnorr;
use crate::role::Role;
use crate::router::{Backlog, Port, Received};
use crate::time::{Clock, Millis, until};

/// The port to a peer that takes the place of one that is gone.
pub enum NewPeer {
    Parser(Port<ParserToCrypto, CryptoToParser>),
    Connections(Port<RelayMessage, Envelope>),
}

/// The crypto role's ports.
pub struct Ports {
    pub control: Port<PageToCryptoControl, RoleReport>,
    /// Signer commands and their answers.
    pub page: Port<PageToCrypto, CryptoToPage>,
    pub parser: Port<ParserToCrypto, CryptoToParser>,
    pub connections: Port<RelayMessage, Envelope>,
    pub peers: UnboundedReceiver<NewPeer>,
}

/// Where batches of signatures are checked.
pub trait Verifier {
    /// Begins to check a batch; `poll_verdicts` gives the verdicts under the same number.
    fn check(&mut self, request: RequestId, claims: Vec<Claim>);
    /// The next checked batch, one verdict per claim in order. Pending where there is none.
    fn poll_verdicts(&mut self, cx: &mut Context<'_>) -> Poll<(RequestId, Vec<bool>)>;
    /// Its own counters, by name.
    fn counters(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

/// Checks in the caller's own thread.
pub struct InlineVerifier<E> {
    entropy: E,
    checked: std::collections::VecDeque<(RequestId, Vec<bool>)>,
}

impl<E: Entropy> InlineVerifier<E> {
    /// A verifier that weighs each batch by numbers of `entropy`.
    pub fn new(entropy: E) -> InlineVerifier<E> {
        InlineVerifier {
            entropy,
            checked: Default::default(),
        }
    }
}

impl<E: Entropy> Verifier for InlineVerifier<E> {
    fn check(&mut self, request: RequestId, claims: Vec<Claim>) {
        let good = schnorr::check_batch(&claims, self.entropy.bytes());
        self.checked.push_back((request, good));
    }

    fn poll_verdicts(&mut self, _cx: &mut Context<'_>) -> Poll<(RequestId, Vec<bool>)> {
        // Nothing to wake for: `check` runs in the same loop that polls this.
        self.checked.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// What the control port asks for, beside the core's inputs.
enum Turn {
    Input(Input),
    Control(Control),
}

/// Runs the crypto role until the page says stop or goodbye.
pub async fn run(
    mut ports: Ports,
    mut verifier: impl Verifier,
    entropy: impl Entropy,
    clock: impl Clock,
    config: Config,
) {
    let mut core = Crypto::new(entropy, config);
    let mut out = Outbox::default();
    let mut reports = Backlog::default();
    let mut has_verdicts = false;
    loop {
        let deadline = core.next_timeout();
        let received = match next(&mut ports, &mut verifier, &clock, deadline).now_or_never() {
            Some(received) => received,
            None => {
                ports.flush(clock.now().mono);
                next(&mut ports, &mut verifier, &clock, deadline).await
            }
        };
        match received {
            Some(Received::Message(Turn::Input(input))) => {
                has_verdicts = matches!(input, Input::Verdicts { .. });
                core.handle(clock.now(), input, &mut out);
            }
            Some(Received::Message(Turn::Control(Control::Stats { request }))) => {
                let counters = [core.counters(), verifier.counters(), vec![memory::counter()]].concat();
                reports.push(RoleReport::Stats(ports.stats(request, counters)));
            }
            Some(Received::Message(Turn::Control(Control::Stop))) | None => break,
            // The sends below use the new credit. Malformed records are counted by their port.
            Some(Received::Writable | Received::Malformed(_)) => {}
        }
        for (request, claims) in out.checks.drain(..) {
            verifier.check(request, claims);
        }
        reports.send(&mut ports.control);
        ports.send(&mut out);
        // The next batch may be checked in this thread: who waits for this one gets on meanwhile.
        if std::mem::take(&mut has_verdicts) {
            ports.parser.flush(clock.now().mono);
        }
        ports.grant();
    }
    ports.goodbye();
}

/// The role's one place to wait; none when the page is gone. Signers come before checks: a person waits for them.
async fn next(
    ports: &mut Ports,
    verifier: &mut impl Verifier,
    clock: &impl Clock,
    deadline: Option<Millis>,
) -> Option<Received<Turn>> {
    select_biased! {
        r = ports.control.next() => r.map(|r| r.map(|PageToCryptoControl::Control(control)| Turn::Control(control))),
        r = ports.page.select_next_some() => Some(r.map(|message| Turn::Input(Input::Page(message)))),
        r = ports.connections.select_next_some() => Some(r.map(|message| Turn::Input(Input::Connections(message)))),
        (request, good) = poll_fn(|cx| verifier.poll_verdicts(cx)).fuse() => {
            Some(Received::Message(Turn::Input(Input::Verdicts { request, good })))
        }
        () = until(clock, deadline).fuse() => Some(Received::Message(Turn::Input(Input::Timeout))),
        r = ports.parser.select_next_some() => Some(r.map(|message| Turn::Input(Input::Parser(message)))),
        peer = ports.peers.select_next_some() => Some(Received::Message(Turn::Input(Input::Replaced(ports.replace(peer))))),
    }
}

impl Ports {
    /// Puts the new peer in the place of the old one. What that still said has been read.
    fn replace(&mut self, peer: NewPeer) -> Role {
        match peer {
            NewPeer::Parser(port) => {
                self.parser = port;
                Role::Parser
            }
            NewPeer::Connections(port) => {
                self.connections = port;
                Role::Connections
            }
        }
    }

    fn send(&mut self, out: &mut Outbox) {
        out.page.send(&mut self.page);
        out.parser.send(&mut self.parser);
        out.connections.send(&mut self.connections);
    }

    /// Always: answers are few, and whoever waits for one has bounded what it asks.
    fn grant(&mut self) {
        self.control.grant();
        self.page.grant();
        self.connections.grant();
        self.parser.grant();
    }

    fn flush(&mut self, now: Millis) {
        self.control.flush(now);
        self.page.flush(now);
        self.connections.flush(now);
        self.parser.flush(now);
    }

    fn goodbye(&mut self) {
        self.parser.goodbye();
        self.connections.goodbye();
        self.page.goodbye();
        self.control.goodbye();
    }

    fn stats(&self, request: RequestId, counters: Vec<(String, u64)>) -> Stats {
        let ports = vec![
            self.control.stats(),
            self.page.stats(),
            self.connections.stats(),
            self.parser.stats(),
        ];
        Stats {
            request,
            ports,
            counters,
        }
    }
}
