//! ONE relay's machine: its socket, its retries, NIP-42, and who is told what it says.
//!
//! It reads no event: an event's JSON passes through as it came.

use super::auth::{Auth, Verdict};
use super::backoff::Backoff;
use super::counts::Counts;
use super::limits::Limits;
use super::link::Link;
use super::outbox::Peer;
use super::part::AuthHope;
use super::publishes::Publishes;
use super::sockets::{SocketCommand, SocketId};
use super::subscriptions::Subscriptions;
use super::turn::Turn;
use crate::message::{ConnectionStatus, RelayCounters, RelayFault, RelayMessage, RelayState, SubId};
use crate::nostr::event::{Event, EventId};
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

/// Counters reach the page at most this often while nothing else changes.
const STATUS_MS: u64 = 1_000;
/// Longer texts of a relay are cut: they are for a person.
const MAX_REASON_CHARS: usize = 500;
/// The first wait after a relay was left alone for its faults.
const MISBEHAVED_MS: u64 = 60_000;
/// A new request is worth a new attempt, if the last one is not so fresh.
const EAGER_MS: u64 = 10_000;
/// Close codes: RFC 6455 section 7.4.1, and from 4000 the application's own.
const NORMAL: u16 = 1000;
const SHED: u16 = 4000;
const MISBEHAVED: u16 = 4001;
const SILENT: u16 = 4002;

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
        if let Link::Waiting { connected, .. } = self.link
            && self.is_wanted()
        {
            if turn.is_past(self.eager_at) {
                self.link = Link::Queued { since: turn.now.mono };
            } else if !connected {
                self.fail_fast(turn);
            }
        }
        self.after(turn);
    }

    /// The signed answer to a NIP-42 challenge.
    pub fn on_authenticate(&mut self, turn: &mut Turn<'_>, event: Event) {
        self.send_auth(turn, event);
        self.after(turn);
    }

    /// Its NIP-11 document, if it has one.
    pub fn on_limits(&mut self, turn: &mut Turn<'_>, json: Option<&str>) {
        let limits = json.map(Limits::from_json).unwrap_or_default();
        self.max_message_length = limits.max_message_length;
        self.subs.set_limits(turn, self.link.open_socket(), limits);
        self.after(turn);
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
        self.faults = 0;
        self.reason.clear();
        self.after(turn);
    }

    /// A text frame came.
    pub fn on_text(&mut self, turn: &mut Turn<'_>, text: &str) {
        let Some(socket) = self.link.open_socket() else { return };
        self.heard_at = turn.now.mono;
        self.counters.bytes += text.len() as u64;
        match RelayFrame::scan(text) {
            Ok(RelayFrame::Event { sub, event }) => {
                self.counters.events += 1;
                if self.subs.on_event(turn, &sub, event) {
                    // The one frame there are floods of changes nothing that `after` looks at.
                    self.tell_status(turn);
                } else {
                    self.on_unknown(turn);
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
        self.blame(turn, weight);
        self.after(turn);
    }

    /// Time has passed, or a spool has been emptied.
    pub fn on_time(&mut self, turn: &mut Turn<'_>) {
        match self.link {
            Link::Waiting { until, .. } if turn.is_past(until) => self.link = Link::Queued { since: turn.now.mono },
            Link::Dialling { since, .. } if turn.is_past(since + turn.config.dial_ms) => {
                self.hang_up(turn, NORMAL, "no answer");
                self.lose(turn, "no answer to the connection attempt", turn.config.backoff_ms);
            }
            Link::Shed if turn.out.waiting_bytes(&turn.relay) == 0 => self.link = Link::Queued { since: turn.now.mono },
            Link::Open { .. } => self.on_open_time(turn),
            Link::Idle | Link::Queued { .. } | Link::Waiting { .. } | Link::Dialling { .. } | Link::Shed => {}
        }
        let link = self.link_in_words();
        let socket = self.link.open_socket();
        let held_back = self.link == Link::Shed || turn.out.waiting_bytes(&turn.relay) > 0;
        self.publishes.on_time(turn, &link);
        self.counts.on_time(turn);
        self.subs
            .on_time(turn, socket, held_back, socket.is_none().then_some(link.as_str()));
        self.after(turn);
    }

    /// The socket is needed elsewhere, or has not been needed for long.
    pub fn close_idle(&mut self, turn: &mut Turn<'_>) {
        self.hang_up(turn, NORMAL, "");
        self.drop_connection(turn, false);
        self.link = Link::Idle;
        self.reason = "not needed at present".to_owned();
        self.after(turn);
    }

    /// Peers have taken messages. Called for each that leaves, so it does nothing until there is room.
    pub fn on_drained(&mut self, turn: &mut Turn<'_>) {
        let waiting = turn.out.waiting_bytes(&turn.relay);
        match self.link {
            Link::Shed if waiting == 0 => self.on_time(turn),
            Link::Open { .. } if self.held_back && waiting < turn.config.spool_bytes / 2 => self.after(turn),
            Link::Idle
            | Link::Queued { .. }
            | Link::Waiting { .. }
            | Link::Dialling { .. }
            | Link::Open { .. }
            | Link::Shed => {}
        }
    }

    /// Whether emptied spools mean something to it.
    pub fn waits_for_room(&self) -> bool {
        self.link == Link::Shed || self.held_back
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

    fn on_open_time(&mut self, turn: &mut Turn<'_>) {
        let verdict = self.auth.on_time(turn.now.mono);
        self.on_verdict(turn, verdict);
        if self.is_silent(turn) {
            self.hang_up(turn, SILENT, "silent");
            self.lose(turn, "the relay stopped answering", turn.config.backoff_ms);
        } else if self
            .idle_since
            .is_some_and(|idle| turn.is_past(idle + turn.config.idle_ms))
        {
            self.close_idle(turn);
        }
    }

    /// Whether the socket is to be taken for dead: something is owed, and nothing at all has come since.
    fn is_silent(&mut self, turn: &Turn<'_>) -> bool {
        let config = turn.config;
        if let Some(owed) = self.publishes.owed_since()
            && owed > self.heard_at
            && turn.is_past(owed + config.publish_ms)
        {
            return true;
        }
        self.silence_at(turn).is_some_and(|at| turn.is_past(at)) && self.subs.on_silence()
    }

    fn silence_at(&self, turn: &Turn<'_>) -> Option<Millis> {
        let owed = self.subs.owed_since()?;
        Some(owed.max(self.heard_at) + turn.config.silence_ms)
    }

    fn on_relay_frame(&mut self, turn: &mut Turn<'_>, socket: SocketId, frame: RelayFrame<'_>) {
        let relay = turn.relay.clone();
        match frame {
            // `on_text` has passed it on.
            RelayFrame::Event { .. } => {}
            RelayFrame::Eose { sub } => {
                if !self.subs.on_eose(turn, socket, &sub) {
                    self.on_unknown(turn);
                }
            }
            RelayFrame::Ok { id, accepted, reason } => self.on_ok(turn, id, accepted, &reason),
            RelayFrame::Closed { sub, reason } => {
                let hope = self.auth_hope();
                let reason = cut(&reason);
                let known = self.counts.on_closed(turn, &sub, &reason, hope != AuthHope::None)
                    || self.subs.on_closed(turn, socket, &sub, &reason, hope);
                if !known {
                    self.on_unknown(turn);
                }
                self.retry_if_authenticated(turn);
            }
            RelayFrame::Notice { message } => {
                let message = cut(&message);
                turn.tell(Peer::Parser, RelayMessage::Notice { relay, message });
            }
            RelayFrame::Auth { challenge } => {
                if self.auth.challenged(&challenge, turn.after(turn.config.sign_ms)) {
                    let challenge = challenge.into_owned();
                    turn.tell(Peer::Parser, RelayMessage::Auth { relay, challenge });
                } else if !self.auth.is_current(&challenge) {
                    self.on_malformed(turn);
                }
            }
            RelayFrame::Count {
                sub,
                count,
                approximate,
                ..
            } => {
                if !self.counts.on_count(turn, &sub, count, approximate) {
                    self.on_unknown(turn);
                }
            }
        }
    }

    fn on_ok(&mut self, turn: &mut Turn<'_>, id: EventId, accepted: bool, reason: &str) {
        if let Some(verdict) = self.auth.on_ok(&id, accepted, &cut(reason)) {
            self.on_verdict(turn, verdict);
            return;
        }
        let can_auth = self.auth_hope() != AuthHope::None;
        if !self.publishes.on_ok(turn, id, accepted, reason, can_auth) {
            self.on_malformed(turn);
        }
        self.retry_if_authenticated(turn);
    }

    fn auth_hope(&self) -> AuthHope {
        if self.auth.is_accepted() {
            AuthHope::Done
        } else if self.auth.refusal().is_some() {
            AuthHope::None
        } else {
            AuthHope::Pending
        }
    }

    /// A request that was on its way while NIP-42 was done is refused too early: it is sent again at once.
    fn retry_if_authenticated(&mut self, turn: &Turn<'_>) {
        if self.auth.is_accepted() {
            self.publishes.on_authenticated(turn);
            self.counts.on_authenticated(turn);
        }
    }

    fn on_verdict(&mut self, turn: &mut Turn<'_>, verdict: Verdict) {
        match verdict {
            Verdict::Nothing => {}
            Verdict::Accepted => {
                self.reason.clear();
                self.subs.on_authenticated();
                self.publishes.on_authenticated(turn);
                self.counts.on_authenticated(turn);
            }
            Verdict::Refused(reason) => {
                self.subs.on_auth_refused(turn, self.link.open_socket(), &reason);
                self.publishes.on_auth_refused(turn, &reason);
                self.counts.on_auth_refused(turn, &reason);
                self.reason = format!("not authenticated: {reason}");
            }
        }
    }

    fn send_auth(&mut self, turn: &mut Turn<'_>, event: Event) {
        let Some(socket) = self.link.open_socket() else { return };
        // An answer to the challenge of an earlier connection is of no use: the relay has sent, or will send, another.
        if self.auth.answer(&event, turn.after(turn.config.eose_ms)) {
            turn.send(socket, ClientFrame::Auth(event).to_json());
        }
    }

    fn on_malformed(&mut self, turn: &mut Turn<'_>) {
        self.counters.malformed += 1;
        self.blame(turn, 1);
    }

    fn on_unknown(&mut self, turn: &mut Turn<'_>) {
        self.counters.unknown_sub += 1;
        self.blame(turn, 1);
    }

    /// Counts a fault. A relay with too many is left alone for a while.
    fn blame(&mut self, turn: &mut Turn<'_>, weight: u32) {
        let forgiven = turn.now.mono.since(self.faults_at) / 1_000;
        self.faults = self.faults.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
        self.faults = self.faults.saturating_add(weight);
        if forgiven > 0 {
            self.faults_at = turn.now.mono;
        }
        if self.faults > turn.config.max_faults && self.link.open_socket().is_some() {
            self.hang_up(turn, MISBEHAVED, "too many faulty frames");
            self.lose(turn, "the relay keeps sending faulty frames", MISBEHAVED_MS);
        }
    }

    fn shed_if_full(&mut self, turn: &mut Turn<'_>) {
        if turn.out.waiting_bytes(&turn.relay) > turn.config.spool_bytes && self.link.open_socket().is_some() {
            self.shed(turn);
            self.after(turn);
        }
    }

    fn shed(&mut self, turn: &mut Turn<'_>) {
        self.hang_up(turn, SHED, "more than can be taken");
        self.counters.sheds += 1;
        self.drop_connection(turn, true);
        self.link = Link::Shed;
        self.reason = "it sent more than could be checked in time".to_owned();
    }

    /// The connection, or the attempt at one, is over and is to be made again: after `first_ms` or, the more often
    /// that happens, later.
    fn lose(&mut self, turn: &mut Turn<'_>, reason: &str, first_ms: u64) {
        let connected = self.link.open_socket().is_some();
        self.link
            .settle(&mut self.backoff, turn.now.mono, turn.config.stable_ms);
        let wait = self.backoff.next_ms(first_ms, turn.config.backoff_max_ms.max(first_ms));
        self.retry_at = turn.after(wait);
        self.eager_at = if first_ms == MISBEHAVED_MS {
            self.retry_at
        } else {
            turn.after(EAGER_MS)
        };
        self.link = Link::Waiting {
            until: self.retry_at,
            connected,
        };
        self.reason = cut(reason);
        self.drop_connection(turn, false);
        if !connected {
            self.fail_fast(turn);
        }
    }

    /// Whoever waits for an answer need not wait for the next attempt.
    fn fail_fast(&mut self, turn: &mut Turn<'_>) {
        let reason = self.link_in_words();
        self.subs.on_unreachable(turn, &reason);
        self.counts.give_up(turn, &reason);
    }

    fn drop_connection(&mut self, turn: &Turn<'_>, too_big: bool) {
        self.subs.on_cut(turn, too_big);
        self.publishes.on_cut();
        self.counts.on_cut();
        self.auth = Auth::default();
    }

    fn hang_up(&mut self, turn: &mut Turn<'_>, code: u16, reason: &str) {
        if let Some(socket) = self.link.socket() {
            let reason = reason.to_owned();
            turn.out
                .sockets
                .push_back(SocketCommand::Close { socket, code, reason });
        }
    }

    /// What every input ends with: the link follows the need, what can be sent is sent, the page is told.
    fn after(&mut self, turn: &mut Turn<'_>) {
        let wanted = self.is_wanted();
        match self.link {
            Link::Idle if wanted && turn.is_past(self.retry_at) => self.link = Link::Queued { since: turn.now.mono },
            Link::Idle if wanted => {
                self.link = Link::Waiting {
                    until: self.retry_at,
                    connected: false,
                }
            }
            Link::Queued { .. } | Link::Waiting { .. } | Link::Shed if !wanted => self.link = Link::Idle,
            Link::Open { socket, .. } => {
                // REQs first: an answer to an event, as NIP-46 has them, must not come before somebody listens.
                self.held_back = self.subs.pump(turn, socket);
                self.publishes.pump(turn, socket, self.max_message_length);
                self.counts.pump(turn, socket);
            }
            Link::Idle | Link::Queued { .. } | Link::Waiting { .. } | Link::Dialling { .. } | Link::Shed => {}
        }
        let idle = self.link.open_socket().is_some() && !self.is_wanted();
        self.idle_since = idle.then(|| self.idle_since.unwrap_or(turn.now.mono));
        self.alarm = self.compute_alarm(turn);
        self.tell_status(turn);
    }

    fn compute_alarm(&self, turn: &Turn<'_>) -> Option<Millis> {
        let link = match self.link {
            Link::Waiting { until, .. } => Some(until),
            Link::Dialling { since, .. } => Some(since + turn.config.dial_ms),
            Link::Shed if turn.out.waiting_bytes(&turn.relay) == 0 => Some(turn.now.mono),
            Link::Open { .. } => {
                let idle = self.idle_since.map(|idle| idle + turn.config.idle_ms);
                let open = [self.auth.next_timeout(), self.silence_at(turn), idle];
                open.into_iter().flatten().min()
            }
            Link::Idle | Link::Queued { .. } | Link::Shed => None,
        };
        let requests = [
            link,
            self.publishes.next_timeout(),
            self.counts.next_timeout(),
            self.subs.next_timeout(turn.now.mono),
        ];
        requests.into_iter().flatten().min()
    }

    /// Tells the page of a new state at once, of new counters now and then.
    fn tell_status(&mut self, turn: &mut Turn<'_>) {
        let status = ConnectionStatus {
            relay: turn.relay.clone(),
            state: self.state(),
            reason: self.reason.clone(),
            counters: self.counters,
        };
        match &self.told {
            None if self.link == Link::Idle => return,
            Some((told, _)) if *told == status => return,
            Some((told, at)) if told.state == status.state && told.reason == status.reason => {
                let due = *at + STATUS_MS;
                if !turn.is_past(due) {
                    // The last counters of a burst are told too.
                    self.alarm = self.alarm.map_or(Some(due), |alarm| Some(alarm.min(due)));
                    return;
                }
            }
            None | Some(_) => {}
        }
        turn.out.statuses.insert(turn.relay.clone(), status.clone());
        self.told = Some((status, turn.now.mono));
    }

    fn state(&self) -> RelayState {
        match self.link {
            Link::Idle | Link::Waiting { connected: true, .. } => RelayState::Closed,
            Link::Waiting { connected: false, .. } => RelayState::Failed,
            Link::Queued { .. } | Link::Dialling { .. } => RelayState::Connecting,
            Link::Open { .. } if self.auth.is_pending() => RelayState::Authenticating,
            Link::Open { .. } => RelayState::Open,
            Link::Shed => RelayState::Shed,
        }
    }

    fn link_in_words(&self) -> String {
        let state = match self.link {
            Link::Idle | Link::Waiting { .. } => "not connected",
            Link::Queued { .. } => "waiting for its turn to connect",
            Link::Dialling { .. } => "still connecting",
            Link::Open { .. } => "connected",
            Link::Shed => "held back until what it sent has been taken",
        };
        if self.reason.is_empty() {
            state.to_owned()
        } else {
            format!("{state}: {}", self.reason)
        }
    }
}

/// A relay's words, cut to a length a person reads.
fn cut(text: &str) -> String {
    text.chars().take(MAX_REASON_CHARS).collect()
}
