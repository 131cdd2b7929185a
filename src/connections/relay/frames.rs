//! What a relay's frames mean for its machine, EVENTs aside (NIP-01, NIP-42, NIP-45).

use super::ends::FAULTY;
use super::{Relay, cut};
use crate::connections::auth::Verdict;
use crate::connections::outbox::Peer;
use crate::connections::part::AuthHope;
use crate::connections::sockets::SocketId;
use crate::connections::turn::Turn;
use crate::message::RelayMessage;
use crate::nostr::event::{Event, EventId};
use crate::nostr::frame::{ClientFrame, RelayFrame};

/// So many NOTICEs, or events beyond a limit, weigh as much as one faulty frame.
const TRIFLES_A_FAULT: u32 = 10;

impl Relay {
    pub(super) fn on_relay_frame(&mut self, turn: &mut Turn<'_>, socket: SocketId, frame: RelayFrame<'_>) {
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
                self.counts.on_notice(&message);
                turn.tell(Peer::Parser, RelayMessage::Notice { relay, message });
                // Notices are for a person, and none of them is an answer to anything.
                self.on_trifle(turn, "the relay floods the page with notices");
            }
            RelayFrame::Auth { challenge } => {
                if self.auth.challenged(&challenge, turn.after(turn.config.sign_ms)) {
                    self.ask_signer(turn, Some(challenge.into_owned()));
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

    pub(super) fn on_verdict(&mut self, turn: &mut Turn<'_>, verdict: Verdict) {
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

    /// More came than was asked for. Some relays do not know limits, or take none for no limit: they mean no harm.
    pub(super) fn on_surplus(&mut self, turn: &mut Turn<'_>) {
        self.counters.unmatched += 1;
        self.on_trifle(turn, "the relay keeps sending more than it was asked for");
    }

    /// Counts what is no fault, but must not go on for ever.
    fn on_trifle(&mut self, turn: &mut Turn<'_>, reason: &str) {
        self.trifles += 1;
        if self.trifles == TRIFLES_A_FAULT {
            self.trifles = 0;
            self.blame(turn, 1, reason);
        }
    }

    pub(super) fn ask_signer(&mut self, turn: &mut Turn<'_>, challenge: Option<String>) {
        if let Some(challenge) = challenge {
            let relay = turn.relay.clone();
            turn.tell(Peer::Parser, RelayMessage::Auth { relay, challenge });
        }
    }

    pub(super) fn send_auth(&mut self, turn: &mut Turn<'_>, event: Event) {
        let Some(socket) = self.link.open_socket() else { return };
        // An answer to the challenge of an earlier connection is of no use: the relay has sent, or will send, another.
        if self.auth.answer(&event, turn.after(turn.config.eose_ms)) {
            turn.send(socket, ClientFrame::Auth(event).to_json());
        }
    }

    pub(super) fn on_malformed(&mut self, turn: &mut Turn<'_>) {
        self.counters.malformed += 1;
        self.blame(turn, 1, FAULTY);
    }

    pub(super) fn on_unknown(&mut self, turn: &mut Turn<'_>) {
        self.counters.unknown_sub += 1;
        self.blame(turn, 1, FAULTY);
    }
}
