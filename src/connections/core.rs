//! All relays' machines: who is dialled when, and whom an input is for.

use super::config::Config;
use super::copies::Copies;
use super::link::Link;
use super::outbox::{Outbox, Peer};
use super::relay::Relay;
use super::sockets::{SocketEvent, SocketId};
use super::turn::Turn;
use crate::message::{Control, Envelope, PageToConnections, ParserToConnections, RelayCounters, SubId};
use crate::nostr::frame::ClientFrame;
use crate::nostr::relay_url::RelayUrl;
use crate::role::Role;
use crate::sorted::{self, SortedMap};
use crate::time::{Millis, Now};

/// What the role can be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Cache(Envelope),
    Crypto(Envelope),
    Parser(ParserToConnections),
    Page(PageToConnections),
    Socket(SocketEvent),
    /// A peer was replaced: what it was told is lost, what it had asked may be asked again.
    Replaced(Role),
    /// Peers have taken messages: a shed relay may be resumed.
    Drained,
    /// `next_timeout` has come.
    Timeout,
}

/// The role's state: one machine a relay. It never touches socket, port or clock.
#[derive(Debug)]
pub struct Connections {
    config: Config,
    relays: SortedMap<RelayUrl, Relay>,
    /// Whose socket it is, for every socket that may still say something of use.
    sockets: SortedMap<SocketId, RelayUrl>,
    copies: Copies,
    /// The number of each open subscription's latest REQ.
    reqs: SortedMap<SubId, u64>,
    last_number: u64,
}

/// Relays remembered at a time; beyond it those that nothing needs are forgotten.
const MAX_RELAYS: usize = 1_000;
/// Subscriptions whose number is remembered; more were never closed.
const MAX_REQS: usize = 10_000;

const FORBIDDEN: &str = "the browser forbids it: a page that came over https reaches wss:// only";

impl Connections {
    pub fn new(config: Config) -> Connections {
        Connections {
            copies: Copies::new(config.entropy),
            config,
            relays: SortedMap::new(),
            reqs: SortedMap::new(),
            sockets: SortedMap::new(),
            last_number: 0,
        }
    }

    /// Takes one input and puts what follows from it in `out`.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Cache(envelope) => self.on_envelope(now, Peer::Parser, envelope, out),
            Input::Crypto(envelope) => self.on_envelope(now, Peer::Crypto, envelope, out),
            Input::Parser(message) => self.on_parser(now, message, out),
            Input::Page(PageToConnections::Online) => self.each(now, out, |_| true, Relay::on_online),
            Input::Page(PageToConnections::SignedIn { .. }) => self.each(now, out, |_| true, Relay::on_signed_in),
            Input::Page(PageToConnections::Control(Control::Stats { request })) => out.stats.push_back(request),
            Input::Page(PageToConnections::Control(Control::Stop)) => {
                self.each(now, out, |_| true, Relay::stop);
                out.stopped = true;
            }
            Input::Socket(event) => {
                // Of the floods, only what changes a link gives somebody else a turn.
                if !self.on_socket(now, event, out) {
                    return;
                }
            }
            Input::Replaced(role) => self.on_replaced(now, role, out),
            Input::Drained => {
                // It comes with every message that leaves.
                if !self.relays.values().any(Relay::waits_for_room) {
                    return;
                }
                self.each(now, out, Relay::waits_for_room, Relay::on_drained);
            }
            Input::Timeout => {
                let is_due = |relay: &Relay| relay.next_timeout().is_some_and(|at| at <= now.mono);
                self.each(now, out, is_due, Relay::on_time);
            }
        }
        if !out.stopped {
            self.dial(now, out);
        }
    }

    /// When `Input::Timeout` is due.
    pub fn next_timeout(&self) -> Option<Millis> {
        self.relays.values().filter_map(Relay::next_timeout).min()
    }

    /// The role's counters, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let mut sum = RelayCounters::default();
        for counters in self.relays.values().map(Relay::counters) {
            sum.events += counters.events;
            sum.bytes += counters.bytes;
            sum.malformed += counters.malformed;
            sum.unknown_sub += counters.unknown_sub;
            sum.forged += counters.forged;
            sum.unmatched += counters.unmatched;
            sum.connects += counters.connects;
            sum.sheds += counters.sheds;
            sum.hidden_seconds += counters.hidden_seconds;
        }
        let open = self
            .relays
            .values()
            .filter(|relay| relay.link().open_socket().is_some());
        let named = [
            ("relays", self.relays.len() as u64),
            ("sockets", open.count() as u64),
            ("events", sum.events),
            ("bytes", sum.bytes),
            ("malformed", sum.malformed),
            ("unknown_sub", sum.unknown_sub),
            ("forged", sum.forged),
            ("unmatched", sum.unmatched),
            ("connects", sum.connects),
            ("sheds", sum.sheds),
            ("hidden_seconds", sum.hidden_seconds),
        ];
        named.map(|(name, count)| (name.to_owned(), count)).to_vec()
    }

    fn on_envelope(&mut self, now: Now, peer: Peer, envelope: Envelope, out: &mut Outbox) {
        for frame in &envelope.frames {
            let (asks, req) = match frame {
                ClientFrame::Req { sub, .. } => (true, self.req_number(sub, &envelope.relays)),
                ClientFrame::Event(_) | ClientFrame::Count { .. } => (true, 0),
                ClientFrame::Close { sub } => {
                    self.reqs.remove(sub);
                    (false, 0)
                }
                ClientFrame::Auth(_) => (false, 0),
            };
            for url in &envelope.relays {
                if asks {
                    self.remember(url);
                }
                self.one(now, url, out, |relay, turn| {
                    relay.on_frame(turn, peer, req, frame.clone())
                });
            }
        }
    }

    /// The number of a REQ, which is the same at all its relays. A REQ that replaces another has a new one:
    /// whoever asks again wants everything again.
    fn req_number(&mut self, sub: &SubId, relays: &[RelayUrl]) -> u64 {
        let replaces = relays
            .iter()
            .filter_map(|url| self.relays.get(url))
            .any(|relay| relay.has_sub(sub));
        match self.reqs.get(sub) {
            Some(number) if !replaces => *number,
            _ => {
                if self.reqs.len() >= MAX_REQS {
                    // A number forgotten costs some copies passed on whole.
                    self.reqs.clear();
                }
                self.last_number += 1;
                self.reqs.insert(sub.clone(), self.last_number);
                self.last_number
            }
        }
    }

    fn on_parser(&mut self, now: Now, message: ParserToConnections, out: &mut Outbox) {
        match message {
            ParserToConnections::Verified { ids } => {
                for id in ids {
                    self.copies.verified(id);
                }
            }
            ParserToConnections::Misbehaved { relay, fault } => {
                self.one(now, &relay, out, |machine, turn| machine.on_fault(turn, fault));
            }
            ParserToConnections::Authenticate { relay, event } => {
                self.one(now, &relay, out, |machine, turn| machine.on_authenticate(turn, event));
            }
            ParserToConnections::CannotAuthenticate { relay, reason } => {
                self.one(now, &relay, out, |machine, turn| {
                    machine.on_cannot_authenticate(turn, &reason)
                });
            }
        }
    }

    fn on_replaced(&mut self, now: Now, role: Role, out: &mut Outbox) {
        match role {
            // Its subscriptions are asked for again under new ids. The cache closes the old ones, but for those that a
            // cache before it had opened.
            Role::Parser => {
                out.parser.clear();
                self.reqs.clear();
                self.each(now, out, |_| true, Relay::on_parser_replaced);
                self.each(now, out, Relay::waits_for_room, Relay::on_drained);
            }
            Role::Crypto => {
                out.crypto.clear();
                self.each(now, out, |_| true, Relay::close_signers_subs);
            }
            Role::Cache => self.each(now, out, |_| true, |relay, _| relay.doubt_subs()),
            Role::Connections => {}
        }
    }

    /// True if the event changed a relay's link.
    fn on_socket(&mut self, now: Now, event: SocketEvent, out: &mut Outbox) -> bool {
        match event {
            SocketEvent::Opened { socket } => self.on_its_socket(now, socket, out, Relay::on_opened),
            SocketEvent::Text { socket, text } => {
                self.on_its_socket(now, socket, out, |relay, turn| relay.on_text(turn, &text))
            }
            SocketEvent::Binary { socket } | SocketEvent::TooLong { socket } => {
                self.on_its_socket(now, socket, out, Relay::on_bad_frame)
            }
            SocketEvent::Overflowed { socket } => self.on_its_socket(now, socket, out, Relay::on_overflow),
            SocketEvent::Closed { socket, code, reason } => {
                let words = if reason.is_empty() {
                    format!("the relay closed the connection (code {code})")
                } else {
                    format!("the relay closed the connection (code {code}): {reason}")
                };
                self.on_its_socket(now, socket, out, |relay, turn| relay.on_gone(turn, &words))
            }
            SocketEvent::Failed { socket } => self.on_its_socket(now, socket, out, |relay, turn| {
                let words = failure(&turn.relay);
                relay.on_gone(turn, words);
            }),
            SocketEvent::Forbidden { socket } => {
                self.on_its_socket(now, socket, out, |relay, turn| relay.on_gone(turn, FORBIDDEN))
            }
            SocketEvent::Limits { relay, json } => {
                self.one(now, &relay, out, |machine, turn| {
                    machine.on_limits(turn, json.as_deref())
                });
                true
            }
        }
    }

    /// Lets the relay of `socket` act, if it is that relay's socket still. True if its link changed.
    fn on_its_socket(
        &mut self,
        now: Now,
        socket: SocketId,
        out: &mut Outbox,
        act: impl FnOnce(&mut Relay, &mut Turn<'_>),
    ) -> bool {
        let Some(url) = self.sockets.get(&socket).cloned() else {
            return false;
        };
        let mut changed = false;
        self.one(now, &url, out, |relay, turn| {
            let link = relay.link();
            if link.socket() == Some(socket) {
                act(relay, turn);
                changed = relay.link() != link;
            }
        });
        changed
    }

    /// Dials the relays whose turn it is, the longest waiting first.
    fn dial(&mut self, now: Now, out: &mut Outbox) {
        let mut queued: Vec<(Millis, RelayUrl)> = Vec::new();
        let (mut dialling, mut sockets) = (0, 0);
        for (url, relay) in &self.relays {
            match relay.link() {
                Link::Queued { since } => queued.push((since, url.clone())),
                Link::Dialling { .. } => {
                    dialling += 1;
                    sockets += 1;
                }
                Link::Open { .. } => sockets += 1,
                Link::Idle | Link::Waiting { .. } | Link::Shed => {}
            }
        }
        sorted::sort(&mut queued);
        for (_, url) in queued {
            if dialling >= self.config.max_dialling
                || (sockets >= self.config.max_sockets && !self.free_socket(now, out))
            {
                break;
            }
            let socket = SocketId(self.last_number + 1);
            self.one(now, &url, out, Relay::dial);
            self.sockets.insert(socket, url);
            dialling += 1;
            sockets = (sockets + 1).min(self.config.max_sockets);
        }
        let relays = &self.relays;
        self.sockets.retain(|socket, url| {
            relays
                .get(url)
                .is_some_and(|relay| relay.link().socket() == Some(*socket))
        });
    }

    /// Closes a socket that nothing needs. False if all are needed.
    fn free_socket(&mut self, now: Now, out: &mut Outbox) -> bool {
        let idle = |relay: &Relay| relay.link().open_socket().is_some() && !relay.is_wanted();
        let Some(url) = self
            .relays
            .iter()
            .find(|(_, relay)| idle(relay))
            .map(|(url, _)| url.clone())
        else {
            return false;
        };
        self.one(now, &url, out, Relay::close_idle);
        true
    }

    /// Makes a machine for `url` if there is none.
    fn remember(&mut self, url: &RelayUrl) {
        if self.relays.contains_key(url) {
            return;
        }
        if self.relays.len() >= MAX_RELAYS {
            self.relays.retain(|_, relay| !relay.is_forgettable());
        }
        self.last_number += 1;
        let seed = self.config.entropy ^ self.last_number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.relays.insert(url.clone(), Relay::new(seed));
    }

    /// Lets one relay act, if it is known.
    fn one(&mut self, now: Now, url: &RelayUrl, out: &mut Outbox, act: impl FnOnce(&mut Relay, &mut Turn<'_>)) {
        if let Some(relay) = self.relays.get_mut(url) {
            let mut turn = Turn {
                now,
                config: &self.config,
                relay: url.clone(),
                out,
                copies: &mut self.copies,
                last_number: &mut self.last_number,
            };
            act(relay, &mut turn);
        }
    }

    /// Lets every relay act that `is_meant`.
    fn each(
        &mut self,
        now: Now,
        out: &mut Outbox,
        is_meant: impl Fn(&Relay) -> bool,
        act: impl Fn(&mut Relay, &mut Turn<'_>),
    ) {
        let meant = self.relays.iter().filter(|(_, relay)| is_meant(relay));
        for url in Vec::from_iter(meant.map(|(url, _)| url.clone())) {
            self.one(now, &url, out, &act);
        }
    }
}

/// Why a dial came to nothing. A browser does not say, so that a page cannot search a network with it.
fn failure(relay: &RelayUrl) -> &'static str {
    if relay.as_str().starts_with("wss:") {
        "the connection failed: nothing answers there, or nothing with TLS and a certificate that holds"
    } else {
        "the connection failed"
    }
}
