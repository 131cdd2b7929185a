//! ONE relay's machine: its socket, its retries, NIP-42, and who is told what it says.
//!
//! It reads no event: an event's JSON passes through as it came.

mod ends;
mod frames;
mod status;
mod time;

use self::ends::{FAULTY, NORMAL};
use crate::connections::auth::Auth;
use crate::connections::backoff::Backoff;
use crate::connections::counts::Counts;
use crate::connections::limits::Limits;
use crate::connections::link::Link;
use crate::connections::outbox::Peer;
use crate::connections::publishes::Publishes;
use crate::connections::sockets::{SocketCommand, SocketId};
use crate::connections::subscriptions::{Heard, Subscriptions};
use crate::connections::turn::Turn;
use crate::message::{ConnectionStatus, RelayCounters, RelayFault, RelayMessage, SubId};
use crate::nostr::event::Event;
use crate::nostr::frame::{ClientFrame, RelayFrame};
use crate::time::Millis;

#[derive(Debug)]
pub struct Relay {
    link: Link,
    backoff: Backoff,
    /// Why the link is as it is, in words for a person.
    reason: String,
    auth: Auth,
    subs: Subscriptions,
    publishes: Publishes,
    counts: Counts,
    limits_asked: bool,
    max_message_length: Option<usize>,
    counters: RelayCounters,
    /// Faults not forgiven yet, and since when.
    faults: u32,
    faults_at: Millis,
    /// What is no fault by itself, since the last fault made of it.
    trifles: u32,
    /// The relay's last frame.
    heard_at: Millis,
    /// A page is not asked for until the spool has room.
    held_back: bool,
    /// Not dialled before, even if it was not needed meanwhile.
    retry_at: Millis,
    /// From then on somebody who asks anew is not made to wait for `retry_at`.
    eager_at: Millis,
    /// Since when nothing needs the socket.
    idle_since: Option<Millis>,
    /// What the page was last told, and when.
    told: Option<(ConnectionStatus, Millis)>,
    /// When this relay next wants to be woken. Computed after every input that can change it, for
    /// there are many relays and an EVENT never does.
    alarm: Option<Millis>,
}

/// Longer texts of a relay are cut: they are for a person.
const MAX_REASON_CHARS: usize = 500;

impl Relay {
    /// A relay nobody has asked anything. `seed` spreads its retries.
    pub fn new(seed: u64) -> Relay {
        Relay {
            link: Link::Idle,
            backoff: Backoff::new(seed),
            reason: String::new(),
            auth: Auth::default(),
            subs: Subscriptions::default(),
            publishes: Publishes::default(),
            counts: Counts::default(),
            limits_asked: false,
            max_message_length: None,
            counters: RelayCounters::default(),
            faults: 0,
            faults_at: Millis(0),
            trifles: 0,
            heard_at: Millis(0),
            held_back: false,
            retry_at: Millis(0),
            eager_at: Millis(0),
            idle_since: None,
            told: None,
            alarm: None,
        }
    }

    pub fn link(&self) -> Link {
        self.link
    }

    pub fn next_timeout(&self) -> Option<Millis> {
        self.alarm
    }

    /// Whether anything needs the relay.
    pub fn is_wanted(&self) -> bool {
        !(self.subs.is_idle() && self.publishes.is_empty() && self.counts.is_empty())
    }

    pub fn has_sub(&self, sub: &SubId) -> bool {
        self.subs.contains(sub)
    }

    /// Whether nothing would be lost by forgetting the relay.
    pub fn is_forgettable(&self) -> bool {
        self.link == Link::Idle && self.subs.is_empty() && !self.is_wanted()
    }

    /// A peer's frame for this relay. `req` numbers the REQ that it may be.
    pub fn on_frame(&mut self, turn: &mut Turn<'_>, peer: Peer, req: u64, frame: ClientFrame) {
        let socket = self.link.open_socket();
        match frame {
            ClientFrame::Req { sub, filters } => self.subs.open(turn, socket, req, sub, filters),
            ClientFrame::Close { sub } => {
                self.counts.close(&sub);
                self.subs.close(turn, socket, &sub);
            }
            ClientFrame::Event(event) => self.publishes.add(turn, event, peer),
            ClientFrame::Auth(event) => self.send_auth(turn, event),
            ClientFrame::Count { sub, filters } => self.counts.add(turn, sub, filters),
        }
        self.follow_need(turn);
        if let Link::Waiting { .. } = self.link {
            if turn.is_past(self.eager_at) {
                self.link = Link::Queued { since: turn.now.mono };
            } else {
                self.fail_fast_if_hopeless(turn);
            }
        }
        self.after(turn);
    }

    /// The signed answer to a NIP-42 challenge.
    pub fn on_authenticate(&mut self, turn: &mut Turn<'_>, event: Event) {
        self.send_auth(turn, event);
        self.after(turn);
    }

    /// There will be no answer to the relay's challenge.
    pub fn on_cannot_authenticate(&mut self, turn: &mut Turn<'_>, reason: &str) {
        let (verdict, again) = self.auth.unanswered(&cut(reason), turn.after(turn.config.sign_ms));
        self.on_verdict(turn, verdict);
        self.ask_signer(turn, again);
        self.after(turn);
    }

    /// A signer is there: what was refused for want of one is tried again.
    pub fn on_signed_in(&mut self, turn: &mut Turn<'_>) {
        let challenge = self.auth.signer_came(turn.after(turn.config.sign_ms));
        if challenge.is_some() {
            self.reason.clear();
        }
        self.ask_signer(turn, challenge);
        self.subs.reopen(turn);
        self.after(turn);
    }

    /// Its NIP-11 document, if it has one.
    pub fn on_limits(&mut self, turn: &mut Turn<'_>, json: Option<&str>) {
        let limits = json.map(Limits::from_json).unwrap_or_default();
        self.max_message_length = limits.max_message_length;
        self.subs.set_limits(turn, self.link.open_socket(), limits);
        self.after(turn);
    }

    /// The parser was replaced: nobody hears its subscriptions, and with it went the challenge it was to have
    /// answered (NIP-42).
    pub fn on_parser_replaced(&mut self, turn: &mut Turn<'_>) {
        self.subs.close_all_of(turn, self.link.open_socket(), Peer::Parser);
        if let Some(challenge) = self.auth.at_signer() {
            let (relay, challenge) = (turn.relay.clone(), challenge.to_owned());
            turn.tell(Peer::Parser, RelayMessage::Auth { relay, challenge });
        }
        self.after(turn);
    }

    /// The crypto role was replaced: its sessions (NIP-46) begin anew, under other ids.
    pub fn close_signers_subs(&mut self, turn: &mut Turn<'_>) {
        self.subs.close_all_of(turn, self.link.open_socket(), Peer::Crypto);
        self.after(turn);
    }

    /// The cache was replaced: it repeats what it had asked.
    pub fn doubt_subs(&mut self) {
        self.subs.doubt();
    }

    /// It is this relay's turn to be dialled.
    pub fn dial(&mut self, turn: &mut Turn<'_>) {
        let socket = SocketId(turn.number());
        let relay = turn.relay.clone();
        if !std::mem::replace(&mut self.limits_asked, true) {
            turn.out
                .sockets
                .push_back(SocketCommand::FetchLimits { relay: relay.clone() });
        }
        turn.out.sockets.push_back(SocketCommand::Open { socket, relay });
        self.link = Link::Dialling {
            socket,
            since: turn.now.mono,
        };
        self.after(turn);
    }

    /// The browser is online again, or somebody asks for a retry.
    pub fn on_online(&mut self, turn: &mut Turn<'_>) {
        self.backoff.reset();
        self.retry_at = turn.now.mono;
        if let Link::Waiting { .. } = self.link {
            self.link = Link::Queued { since: turn.now.mono };
        }
        self.after(turn);
    }

    /// The dial succeeded.
    pub fn on_opened(&mut self, turn: &mut Turn<'_>) {
        let Link::Dialling { socket, .. } = self.link else {
            return;
        };
        self.link = Link::Open {
            socket,
            since: turn.now.mono,
        };
        self.counters.connects += 1;
        self.auth = Auth::default();
        self.heard_at = turn.now.mono;
        self.reason.clear();
        self.after(turn);
    }

    /// A text frame came.
    pub fn on_text(&mut self, turn: &mut Turn<'_>, text: &str) {
        let Some(socket) = self.link.open_socket() else { return };
        self.heard_at = turn.now.mono;
        self.counters.bytes += text.len() as u64;
        match RelayFrame::scan_within(turn.config.frame, text) {
            Ok(RelayFrame::Event { sub, event }) => {
                self.counters.events += 1;
                match self.subs.on_event(turn, &sub, event) {
                    // The one frame there are floods of changes nothing that `after` looks at.
                    Heard::Asked => self.tell_counters(turn),
                    Heard::Surplus => {
                        self.on_surplus(turn);
                        self.after(turn);
                    }
                    Heard::Unknown => {
                        self.on_unknown(turn);
                        self.after(turn);
                    }
                }
                self.shed_if_full(turn);
                return;
            }
            Ok(frame) => self.on_relay_frame(turn, socket, frame),
            Err(_) => self.on_malformed(turn),
        }
        self.shed_if_full(turn);
        self.after(turn);
    }

    /// A frame came that is over the limit or not text.
    pub fn on_bad_frame(&mut self, turn: &mut Turn<'_>) {
        self.heard_at = turn.now.mono;
        self.on_malformed(turn);
        self.after(turn);
    }

    /// The socket has closed or failed by itself.
    pub fn on_gone(&mut self, turn: &mut Turn<'_>, reason: &str) {
        self.lose(turn, reason, turn.config.backoff_ms);
        self.after(turn);
    }

    /// More came than could be read; the socket is closed.
    pub fn on_overflow(&mut self, turn: &mut Turn<'_>) {
        self.shed(turn);
        self.after(turn);
    }

    /// The parser found fault with an event of this relay.
    pub fn on_fault(&mut self, turn: &mut Turn<'_>, fault: RelayFault) {
        let weight = match fault {
            RelayFault::Malformed => {
                self.counters.malformed += 1;
                1
            }
            // Nobody forges by accident.
            RelayFault::Forged => {
                self.counters.forged += 1;
                10
            }
            RelayFault::Unmatched => {
                self.counters.unmatched += 1;
                1
            }
        };
        self.blame(turn, weight, FAULTY);
        self.after(turn);
    }

    /// What the relay has done so far.
    pub fn counters(&self) -> RelayCounters {
        self.counters
    }

    /// The engine ends.
    pub fn stop(&mut self, turn: &mut Turn<'_>) {
        self.publishes.give_up(turn, "the engine was stopped");
        self.hang_up(turn, NORMAL, "");
        self.link = Link::Idle;
    }

    /// A relay that is needed is dialled, now or when its wait is over; one that is not is let be.
    fn follow_need(&mut self, turn: &Turn<'_>) {
        let wanted = self.is_wanted();
        match self.link {
            Link::Idle if wanted && turn.is_past(self.retry_at) => self.link = Link::Queued { since: turn.now.mono },
            Link::Idle if wanted => {
                let (until, connected) = (self.retry_at, false);
                self.link = Link::Waiting { until, connected };
            }
            Link::Queued { .. } | Link::Waiting { .. } | Link::Shed if !wanted => self.link = Link::Idle,
            Link::Idle
            | Link::Queued { .. }
            | Link::Waiting { .. }
            | Link::Dialling { .. }
            | Link::Open { .. }
            | Link::Shed => {}
        }
    }

    /// What every input ends with: the link follows the need, what can be sent is sent, the page is told.
    fn after(&mut self, turn: &mut Turn<'_>) {
        self.follow_need(turn);
        if let Some(socket) = self.link.open_socket() {
            // REQs first: an answer to an event, as NIP-46 has them, must not come before somebody listens.
            self.held_back = self.subs.pump(turn, socket);
            self.publishes.pump(turn, socket, self.max_message_length);
            self.counts.pump(turn, socket);
        }
        let idle = self.link.open_socket().is_some() && !self.is_wanted();
        self.idle_since = idle.then(|| self.idle_since.unwrap_or(turn.now.mono));
        self.alarm = self.compute_alarm(turn);
        self.tell_status(turn);
    }
}

/// A relay's words, cut to a length a person reads.
fn cut(text: &str) -> String {
    text.chars().take(MAX_REASON_CHARS).collect()
}
