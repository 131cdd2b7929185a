//! What the relay's EVENT, EOSE and CLOSED mean for the subscription they are for (NIP-01).

use super::Subscriptions;
use crate::connections::copies::Copy;
use crate::connections::glance;
use crate::connections::part::{AuthHope, Refusal};
use crate::connections::sockets::SocketId;
use crate::connections::turn::Turn;
use crate::message::RelayMessage;
use crate::nostr::event::id_alone;

/// What an EVENT is to the subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Asked,
    /// A stored one beyond the limits of its REQ. It is passed on all the same: it may be as true as the others.
    Surplus,
    /// For no subscription that was ever open here.
    Unknown,
}

impl Subscriptions {
    /// An EVENT came.
    pub fn on_event(&mut self, turn: &mut Turn<'_>, sub: &str, json: &str) -> Heard {
        let rules = self.rules(turn);
        let Some(target) = self.wires.get(sub) else {
            return if self.closed.contains(sub) {
                Heard::Asked
            } else {
                Heard::Unknown
            };
        };
        let Some(subscription) = self.subs.get_mut(&target.sub) else {
            return Heard::Asked;
        };
        let Some(part) = subscription.parts.get_mut(target.part) else {
            return Heard::Asked;
        };
        let at = glance::created_at(json);
        let is_asked = match &mut part.walk {
            Some(walk) if target.walk => {
                part.tracks.see_page(walk.track, &mut walk.page, at, turn.now.unix);
                true
            }
            _ => part.tracks.see(at, json, turn.now.unix),
        };
        let heard = if is_asked { Heard::Asked } else { Heard::Surplus };
        let is_young = at.is_some_and(|at| part.tracks.is_young(at, &rules));
        let spools = turn.out.spools(subscription.peer);
        let waits = |bytes| spools.waits(bytes);
        let copy = turn
            .copies
            .judge(&turn.relay, subscription.number, json, is_young, waits);
        let (relay, sub) = (turn.relay.clone(), target.sub.clone());
        match copy {
            Copy::New(bytes) => {
                let json = json.to_owned();
                spools.push_whole(&turn.relay, RelayMessage::Event { relay, sub, json }, bytes);
            }
            Copy::Known(id) => {
                // All the parser still lacks is that this relay has the event too; its id says which.
                let json = id_alone(&id);
                spools.push(&turn.relay, RelayMessage::Event { relay, sub, json });
            }
            Copy::Repeated => {}
        }
        heard
    }

    /// EOSE came. False if none was due.
    pub fn on_eose(&mut self, turn: &mut Turn<'_>, socket: SocketId, sub: &str) -> bool {
        let rules = self.rules(turn);
        let Some((wire, target)) = self.wires.get_key_value(sub) else {
            return self.closed.contains(sub);
        };
        let (wire, target) = (wire.clone(), target.clone());
        self.refusal = None;
        let Some(part) = self.part_mut(&target) else {
            return true;
        };
        let due = if target.walk {
            let honoured = part.on_walk_eose(&rules);
            let hidden = part.tracks.take_hidden();
            self.honoured = self.honoured.max(honoured);
            self.hidden.add(hidden);
            self.retire(turn, Some(socket), wire);
            true
        } else {
            part.on_eose(turn, &rules)
        };
        self.settle(turn);
        due
    }

    /// CLOSED came. False if it is for nothing that was open here.
    pub fn on_closed(
        &mut self,
        turn: &mut Turn<'_>,
        socket: SocketId,
        sub: &str,
        reason: &str,
        auth: AuthHope,
    ) -> bool {
        let rules = self.rules(turn);
        let Some(target) = self.wires.get(sub).cloned() else {
            return self.closed.contains(sub);
        };
        let Some(part) = self.part_mut(&target) else {
            return true;
        };
        if target.walk {
            part.on_walk_closed(turn, reason);
            let hidden = part.tracks.take_hidden();
            self.hidden.add(hidden);
            self.wires.remove(sub);
            self.settle(turn);
        } else if !part.is_open() {
            // It answers a CLOSE, or comes twice.
        } else {
            match part.on_closed(turn, &rules, reason, auth) {
                Refusal::Final => self.refuse(turn, Some(socket), &target.sub, reason),
                Refusal::Again => self.refusal = Some(reason.to_owned()),
            }
        }
        true
    }

    /// Why the relay refuses what it is still to be asked for.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }
}
