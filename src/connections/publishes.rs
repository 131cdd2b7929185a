//! EVENT frames for one relay (NIP-01): each is answered by OK, or reported as unsent when its time is over.
//!
//! An event waits, in order, while the relay is not open; it is sent again after a
//! reconnect until it is answered (the same id: a relay takes it once), and once more
//! after NIP-42 if it was refused with `auth-required:`.

use std::collections::VecDeque;

use super::outbox::Peer;
use super::sockets::SocketId;
use super::turn::Turn;
use crate::message::RelayMessage;
use crate::nostr::event::{Event, EventId};
use crate::nostr::frame::ClientFrame;
use crate::nostr::nip42;
use crate::recent::RecentSet;
use crate::time::Millis;

/// The events on their way to one relay, in the order they were given.
#[derive(Debug)]
pub struct Publishes {
    queue: VecDeque<Publish>,
    bytes: usize,
    /// Ids no longer in the queue, for which an OK may still come.
    finished: RecentSet<EventId>,
}

#[derive(Debug)]
struct Publish {
    id: EventId,
    /// The whole frame.
    text: String,
    peer: Peer,
    deadline: Millis,
    state: State,
    /// It has been reported as sent.
    reported: bool,
    /// It has been sent again after NIP-42: another `auth-required:` is final.
    authenticated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Sent { at: Millis },
    NeedsAuth,
}

/// How late an OK may come and still be known as one for an event of ours.
const FINISHED: usize = 256;

impl Default for Publishes {
    fn default() -> Self {
        Publishes {
            queue: VecDeque::new(),
            bytes: 0,
            finished: RecentSet::new(FINISHED),
        }
    }
}

impl Publishes {
    /// Takes an event to send for `peer`, who is told what comes of it.
    pub fn add(&mut self, turn: &mut Turn<'_>, event: Event, peer: Peer) {
        let deadline = turn.after(turn.config.publish_ms);
        if let Some(known) = self.queue.iter_mut().find(|publish| publish.id == event.id) {
            known.deadline = deadline;
            return;
        }
        let id = event.id;
        let text = ClientFrame::Event(event).to_json();
        if self.queue.len() >= turn.config.max_publishes || self.bytes + text.len() > turn.config.max_publish_bytes {
            unsent(turn, peer, id, "too many events wait for this relay");
            return;
        }
        self.bytes += text.len();
        self.queue.push_back(Publish {
            id,
            text,
            peer,
            deadline,
            state: State::Waiting,
            reported: false,
            authenticated: false,
        });
    }

    /// Sends what waits, on an open socket.
    pub fn pump(&mut self, turn: &mut Turn<'_>, socket: SocketId, max_message_length: Option<usize>) {
        let limit = max_message_length.unwrap_or(usize::MAX);
        self.finish(|publish| {
            if publish.state != State::Waiting {
                return false;
            }
            if publish.text.len() > limit {
                let reason = format!(
                    "the event's {} bytes are over the relay's limit of {limit}",
                    publish.text.len()
                );
                unsent(turn, publish.peer, publish.id, &reason);
                return true;
            }
            turn.send(socket, publish.text.clone());
            publish.state = State::Sent { at: turn.now.mono };
            if !std::mem::replace(&mut publish.reported, true) {
                let (relay, event_id) = (turn.relay.clone(), publish.id);
                turn.tell(publish.peer, RelayMessage::Sent { relay, event_id });
            }
            false
        });
    }

    /// An OK came. False if it is for nothing that was sent here.
    pub fn on_ok(&mut self, turn: &mut Turn<'_>, id: EventId, accepted: bool, reason: &str, can_auth: bool) -> bool {
        let sent = |publish: &&mut Publish| publish.id == id && publish.reported;
        let Some(publish) = self.queue.iter_mut().find(sent) else {
            return self.finished.contains(&id);
        };
        if !accepted && nip42::is_auth_required(reason) && can_auth && !publish.authenticated {
            publish.state = State::NeedsAuth;
            // Signing may need a person; the relay's own time begins when it has been answered.
            publish.deadline = publish.deadline.max(turn.after(turn.config.sign_ms));
            return true;
        }
        let peer = publish.peer;
        let reason = reason.to_owned();
        let relay = turn.relay.clone();
        let message = RelayMessage::Ok {
            relay,
            event_id: id,
            accepted,
            reason,
        };
        turn.tell(peer, message);
        self.finish(|publish| publish.id == id);
        true
    }

    /// NIP-42 is done: what was refused for want of it is sent again.
    pub fn on_authenticated(&mut self, turn: &Turn<'_>) {
        for publish in self
            .queue
            .iter_mut()
            .filter(|publish| publish.state == State::NeedsAuth)
        {
            publish.state = State::Waiting;
            publish.authenticated = true;
            publish.deadline = turn.after(turn.config.publish_ms);
        }
    }

    /// NIP-42 came to nothing: what was refused for want of it stays refused.
    pub fn on_auth_refused(&mut self, turn: &mut Turn<'_>, reason: &str) {
        self.finish(|publish| {
            if publish.state != State::NeedsAuth {
                return false;
            }
            let message = RelayMessage::Ok {
                relay: turn.relay.clone(),
                event_id: publish.id,
                accepted: false,
                reason: nip42::auth_required(reason),
            };
            turn.tell(publish.peer, message);
            true
        });
    }

    /// The socket is gone: what was not answered is sent again on the next.
    pub fn on_cut(&mut self) {
        for publish in &mut self.queue {
            publish.state = State::Waiting;
            publish.authenticated = false;
        }
    }

    /// Reports what has waited too long. `link` says in words why it was not sent.
    pub fn on_time(&mut self, turn: &mut Turn<'_>, link: &str) {
        self.finish(|publish| {
            if !turn.is_past(publish.deadline) {
                return false;
            }
            let reason = match publish.state {
                State::Sent { .. } => "sent, but the relay did not answer in time",
                State::NeedsAuth => "the relay wants authentication first",
                State::Waiting => link,
            };
            unsent(turn, publish.peer, publish.id, reason);
            true
        });
    }

    /// Reports everything as unsent.
    pub fn give_up(&mut self, turn: &mut Turn<'_>, reason: &str) {
        self.finish(|publish| {
            unsent(turn, publish.peer, publish.id, reason);
            true
        });
    }

    pub fn next_timeout(&self) -> Option<Millis> {
        self.queue.iter().map(|publish| publish.deadline).min()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Since when the relay owes an answer, if it does.
    pub fn owed_since(&self) -> Option<Millis> {
        self.queue
            .iter()
            .filter_map(|publish| match publish.state {
                State::Sent { at } => Some(at),
                State::Waiting | State::NeedsAuth => None,
            })
            .min()
    }

    /// Removes the publishes that `is_over` says are.
    fn finish(&mut self, mut is_over: impl FnMut(&mut Publish) -> bool) {
        self.queue.retain_mut(|publish| {
            let over = is_over(publish);
            if over {
                self.bytes -= publish.text.len();
                self.finished.insert(publish.id);
            }
            !over
        });
    }
}

fn unsent(turn: &mut Turn<'_>, peer: Peer, event_id: EventId, reason: &str) {
    let (relay, reason) = (turn.relay.clone(), reason.to_owned());
    turn.tell(
        peer,
        RelayMessage::Unsent {
            relay,
            event_id,
            reason,
        },
    );
}
