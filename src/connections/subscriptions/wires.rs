//! The relay's subscription ids: one for each REQ, and none used twice on a connection.

use super::{Parked, Subscription, Subscriptions, Target};
use crate::connections::outbox::Peer;
use crate::connections::part::{Part, Phase};
use crate::connections::sockets::SocketId;
use crate::connections::turn::Turn;
use crate::message::{RelayMessage, SubId};
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;
use crate::nostr::nip42;
use crate::sorted::SortedMap;

impl Subscriptions {
    /// The REQs that ask for `filters`, each with an id that means nothing else on this connection.
    pub(super) fn parts(&mut self, turn: &mut Turn<'_>, sub: &SubId, filters: Vec<Filter>) -> Vec<Part> {
        let mut parts = Vec::new();
        for (number, filters) in self.limits.divide(filters).into_iter().enumerate() {
            // A relay may still answer the CLOSE of the last REQ with that id, or owe it an EOSE.
            let taken = self.wires.contains_key(sub) || self.closed.contains(sub);
            let wire = if taken {
                free_wire(&self.wires, turn)
            } else {
                sub.clone()
            };
            let target = Target {
                sub: sub.clone(),
                part: number,
                walk: false,
            };
            self.wires.insert(wire.clone(), target);
            parts.push(Part::new(wire, filters));
        }
        parts
    }

    /// Closes a REQ and its page.
    pub(super) fn close_part(&mut self, turn: &mut Turn<'_>, socket: Option<SocketId>, part: Part) {
        let is_open = part.is_open();
        if let Some(walk) = part.walk {
            self.retire(turn, socket, walk.wire);
        }
        if let Phase::Waiting { .. } = part.phase {
            self.wires.remove(&part.wire);
        } else {
            self.retire(turn, socket.filter(|_| is_open), part.wire);
        }
    }

    /// Forgets a relay's subscription id, and tells the relay if there is a socket.
    pub(super) fn retire(&mut self, turn: &mut Turn<'_>, socket: Option<SocketId>, wire: SubId) {
        self.wires.remove(&wire);
        self.closed.insert(wire.clone());
        if let Some(socket) = socket {
            turn.send(socket, ClientFrame::Close { sub: wire }.to_json());
        }
    }

    /// The relay will not serve `sub`: it is over here, unless it wants to know who asks and somebody signs in.
    pub(super) fn refuse(&mut self, turn: &mut Turn<'_>, socket: Option<SocketId>, sub: &SubId, reason: &str) {
        let peer = Peer::of(sub);
        let refused = self.subs.get(sub).filter(|_| nip42::is_auth_required(reason));
        let parked = refused.map(|subscription| Parked {
            number: subscription.number,
            filters: subscription
                .parts
                .iter()
                .flat_map(|part| part.tracks.filters().cloned())
                .collect(),
        });
        self.close(turn, socket, sub);
        if let Some(parked) = parked {
            self.parked.insert(sub.clone(), parked);
        }
        let (relay, sub, reason) = (turn.relay.clone(), sub.clone(), reason.to_owned());
        turn.tell(peer, RelayMessage::Closed { relay, sub, reason });
    }

    pub(super) fn refuse_where(
        &mut self,
        turn: &mut Turn<'_>,
        socket: Option<SocketId>,
        reason: &str,
        is_refused: impl Fn(Phase) -> bool,
    ) {
        let refused = |subscription: &Subscription| subscription.parts.iter().any(|part| is_refused(part.phase));
        let subs = self.subs.iter().filter(|(_, subscription)| refused(subscription));
        for sub in Vec::from_iter(subs.map(|(sub, _)| sub.clone())) {
            self.refuse(turn, socket, &sub, reason);
        }
    }
}

/// An id for a REQ of our own making.
pub(super) fn free_wire(wires: &SortedMap<SubId, Target>, turn: &mut Turn<'_>) -> SubId {
    loop {
        // The page may have chosen such an id too.
        if let Some(wire) = SubId::new(&format!("~{}", turn.number())).filter(|wire| !wires.contains_key(wire)) {
            return wire;
        }
    }
}
