//! COUNT requests at one relay (NIP-45): each is answered once, refused, or reported as unanswered.
//!
//! A relay that does not know COUNT should say CLOSED. Many send a NOTICE, which does not say what it is
//! about: its words are reported with what goes unanswered.

use super::outbox::Peer;
use super::sockets::SocketId;
use super::turn::Turn;
use crate::message::{RelayMessage, SubId};
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;
use crate::nostr::nip42;
use crate::recent::RecentSet;
use crate::sorted::SortedMap;
use crate::time::Millis;

/// The COUNTs that one relay owes an answer.
#[derive(Debug)]
pub struct Counts {
    open: SortedMap<SubId, Count>,
    /// What nobody waits for any more: a late answer is no fault.
    over: RecentSet<SubId>,
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            open: SortedMap::new(),
            over: RecentSet::new(OVER),
        }
    }
}

const OVER: usize = 256;

#[derive(Debug)]
struct Count {
    text: String,
    deadline: Millis,
    state: State,
    authenticated: bool,
    /// The relay's last NOTICE since it was sent.
    notice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Sent,
    NeedsAuth,
}

impl Counts {
    /// Takes a COUNT to send. One of the same id is replaced.
    pub fn add(&mut self, turn: &Turn<'_>, sub: SubId, filters: Vec<Filter>) {
        let count = Count {
            text: ClientFrame::Count {
                sub: sub.clone(),
                filters,
            }
            .to_json(),
            deadline: turn.after(turn.config.eose_ms),
            state: State::Waiting,
            authenticated: false,
            notice: None,
        };
        self.open.insert(sub, count);
    }

    /// Sends what waits, on an open socket.
    pub fn pump(&mut self, turn: &mut Turn<'_>, socket: SocketId) {
        for count in self.open.values_mut().filter(|count| count.state == State::Waiting) {
            turn.send(socket, count.text.clone());
            count.state = State::Sent;
        }
    }

    /// An answer came. False if nobody ever asked for it.
    pub fn on_count(&mut self, turn: &mut Turn<'_>, sub: &str, count: u64, approximate: bool) -> bool {
        let Some(sub) = self.take(sub) else {
            return self.over.contains(sub);
        };
        let relay = turn.relay.clone();
        let message = RelayMessage::Count {
            relay,
            sub: sub.clone(),
            count,
            approximate,
        };
        turn.tell(Peer::of(&sub), message);
        true
    }

    /// The relay said something that may be its answer.
    pub fn on_notice(&mut self, message: &str) {
        for count in self.open.values_mut().filter(|count| count.state == State::Sent) {
            count.notice = Some(message.to_owned());
        }
    }

    /// The relay refused. False if nobody ever sent it that COUNT.
    pub fn on_closed(&mut self, turn: &mut Turn<'_>, sub: &str, reason: &str, can_auth: bool) -> bool {
        let Some(count) = self.open.get_mut(sub) else {
            return self.over.contains(sub);
        };
        if nip42::is_auth_required(reason) && can_auth && !count.authenticated {
            count.state = State::NeedsAuth;
            count.deadline = count.deadline.max(turn.after(turn.config.sign_ms));
        } else if let Some(sub) = self.take(sub) {
            let (relay, reason) = (turn.relay.clone(), reason.to_owned());
            turn.tell(
                Peer::of(&sub),
                RelayMessage::Closed {
                    relay,
                    sub: sub.clone(),
                    reason,
                },
            );
        }
        true
    }

    /// NIP-42 is done.
    pub fn on_authenticated(&mut self, turn: &Turn<'_>) {
        for count in self.open.values_mut().filter(|count| count.state == State::NeedsAuth) {
            count.state = State::Waiting;
            count.authenticated = true;
            count.deadline = turn.after(turn.config.eose_ms);
        }
    }

    /// NIP-42 came to nothing.
    pub fn on_auth_refused(&mut self, turn: &mut Turn<'_>, reason: &str) {
        let reason = nip42::auth_required(reason);
        self.open.retain(|sub, count| {
            let over = count.state == State::NeedsAuth;
            if over {
                let (relay, reason) = (turn.relay.clone(), reason.clone());
                turn.tell(
                    Peer::of(sub),
                    RelayMessage::Closed {
                        relay,
                        sub: sub.clone(),
                        reason,
                    },
                );
                self.over.insert(sub.clone());
            }
            !over
        });
    }

    /// Nobody waits for it any more.
    pub fn close(&mut self, sub: &SubId) {
        self.take(sub.as_str());
    }

    /// The socket is gone: what was not answered is asked again on the next.
    pub fn on_cut(&mut self) {
        for count in self.open.values_mut() {
            count.state = State::Waiting;
            count.authenticated = false;
        }
    }

    /// Reports those that have waited too long.
    pub fn on_time(&mut self, turn: &mut Turn<'_>) {
        self.open.retain(|sub, count| {
            let over = turn.is_past(count.deadline);
            if over {
                let reason = match &count.notice {
                    Some(notice) => format!("no answer to COUNT in time; the relay's last notice: {notice}"),
                    None => "no answer to COUNT in time".to_owned(),
                };
                unreachable(turn, sub, &reason);
                self.over.insert(sub.clone());
            }
            !over
        });
    }

    /// Reports all: the relay cannot be reached.
    pub fn give_up(&mut self, turn: &mut Turn<'_>, reason: &str) {
        for (sub, _) in std::mem::take(&mut self.open) {
            unreachable(turn, &sub, reason);
        }
    }

    pub fn next_timeout(&self) -> Option<Millis> {
        self.open.values().map(|count| count.deadline).min()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// It is over.
    fn take(&mut self, sub: &str) -> Option<SubId> {
        let (sub, _) = self.open.remove_entry(sub)?;
        self.over.insert(sub.clone());
        Some(sub)
    }
}

fn unreachable(turn: &mut Turn<'_>, sub: &SubId, reason: &str) {
    let (relay, reason) = (turn.relay.clone(), reason.to_owned());
    turn.tell(
        Peer::of(sub),
        RelayMessage::Unreachable {
            relay,
            sub: sub.clone(),
            reason,
        },
    );
}
