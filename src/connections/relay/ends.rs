//! How a connection ends: lost, silent, shed, misbehaving or not needed; and what becomes of what it carried.

use super::{Relay, cut};
use crate::connections::auth::Auth;
use crate::connections::link::Link;
use crate::connections::sockets::SocketCommand;
use crate::connections::turn::Turn;
use crate::time::Millis;

/// The first wait after a relay was left alone for its faults.
const MISBEHAVED_MS: u64 = 60_000;
/// A new request is worth a new attempt, if the last one is not so fresh.
const EAGER_MS: u64 = 10_000;
/// Close codes: RFC 6455 section 7.4.1, and from 4000 the application's own.
pub(super) const NORMAL: u16 = 1000;
const SHED: u16 = 4000;
const MISBEHAVED: u16 = 4001;
const SILENT: u16 = 4002;
/// Why a relay is left alone whose frames are wrong.
pub(super) const FAULTY: &str = "the relay keeps sending faulty frames";

impl Relay {
    pub(super) fn on_open_time(&mut self, turn: &mut Turn<'_>) {
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

    pub(super) fn silence_at(&self, turn: &Turn<'_>) -> Option<Millis> {
        let owed = self.subs.owed_since()?;
        Some(owed.max(self.heard_at) + turn.config.silence_ms)
    }

    /// The socket is needed elsewhere, or has not been needed for long.
    pub fn close_idle(&mut self, turn: &mut Turn<'_>) {
        self.hang_up(turn, NORMAL, "");
        self.drop_connection(turn, false);
        self.link = Link::Idle;
        self.reason = "not needed at present".to_owned();
        self.after(turn);
    }

    /// Counts a fault. A relay with too many is left alone for a while, and told of as `reason` says. They outlive
    /// the connection: a relay that is shed or hangs up in time would never have too many.
    pub(super) fn blame(&mut self, turn: &mut Turn<'_>, weight: u32, reason: &str) {
        let forgiven = turn.now.mono.since(self.faults_at) / 1_000;
        self.faults = self.faults.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
        // No more than it takes: what is still found in a flood whose relay has been left alone is the same flood.
        self.faults = self.faults.saturating_add(weight).min(turn.config.max_faults + 1);
        if forgiven > 0 {
            self.faults_at = turn.now.mono;
        }
        if self.faults > turn.config.max_faults && self.had_socket() {
            self.faults = 0;
            self.hang_up(turn, MISBEHAVED, "too many faulty frames");
            self.lose(turn, reason, MISBEHAVED_MS);
            self.eager_at = self.retry_at;
        }
    }

    /// Whether the relay has been heard since it was last dialled.
    fn had_socket(&self) -> bool {
        self.link.open_socket().is_some() || self.link == Link::Shed
    }

    pub(super) fn shed_if_full(&mut self, turn: &mut Turn<'_>) {
        if turn.out.waiting_bytes(&turn.relay) > turn.config.spool_bytes && self.link.open_socket().is_some() {
            self.shed(turn);
            self.after(turn);
        }
    }

    pub(super) fn shed(&mut self, turn: &mut Turn<'_>) {
        self.hang_up(turn, SHED, "more than can be taken");
        self.counters.sheds += 1;
        self.drop_connection(turn, true);
        self.link = Link::Shed;
        self.reason = "it sent more than could be checked in time".to_owned();
    }

    /// The connection, or the attempt at one, is over and is to be made again: after `first_ms` or, the more often
    /// that happens, later.
    pub(super) fn lose(&mut self, turn: &mut Turn<'_>, reason: &str, first_ms: u64) {
        let connected = self.had_socket();
        self.link
            .settle(&mut self.backoff, turn.now.mono, turn.config.stable_ms);
        let wait = self.backoff.next_ms(first_ms, turn.config.backoff_max_ms.max(first_ms));
        self.retry_at = turn.after(wait);
        self.eager_at = turn.after(EAGER_MS);
        self.link = Link::Waiting {
            until: self.retry_at,
            connected,
        };
        self.reason = cut(reason);
        self.drop_connection(turn, false);
        self.fail_fast_if_hopeless(turn);
    }

    /// Whoever waits for an answer need not wait for an attempt that comes too late for it, or may fail again.
    pub(super) fn fail_fast_if_hopeless(&mut self, turn: &mut Turn<'_>) {
        let Link::Waiting { until, connected } = self.link else {
            return;
        };
        if connected && until <= turn.after(turn.config.eose_ms) {
            return;
        }
        let reason = self.link_in_words();
        self.subs.on_unreachable(turn, &reason);
        self.counts.give_up(turn, &reason);
    }

    fn drop_connection(&mut self, turn: &Turn<'_>, too_big: bool) {
        self.subs.on_cut(turn, too_big);
        self.publishes.on_cut();
        self.counts.on_cut();
        self.auth = Auth::default();
        self.held_back = false;
    }

    pub(super) fn hang_up(&mut self, turn: &mut Turn<'_>, code: u16, reason: &str) {
        if let Some(socket) = self.link.socket() {
            let reason = reason.to_owned();
            turn.out
                .sockets
                .push_back(SocketCommand::Close { socket, code, reason });
        }
    }
}
