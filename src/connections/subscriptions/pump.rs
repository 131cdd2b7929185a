//! What is sent to the relay, and when: REQs in the order they were asked, then pages of gaps while there is room.

use super::wires::free_wire;
use super::{Subscription, Subscriptions, Target};
use crate::connections::gap::Rules;
use crate::connections::part::{Part, Phase, Walk};
use crate::connections::sockets::SocketId;
use crate::connections::turn::Turn;
use crate::message::SubId;
use crate::nostr::frame::ClientFrame;
use crate::sorted;

/// Pages of gaps fetched at a time from one relay.
const MAX_WALKS: usize = 2;

impl Subscriptions {
    /// Sends what may be sent now, on an open socket. True if a page waits until the spool has room.
    pub fn pump(&mut self, turn: &mut Turn<'_>, socket: SocketId) -> bool {
        let rules = self.rules(turn);
        let places = self.limits.max_subscriptions.unwrap_or(usize::MAX);
        let parts = || self.subs.values().flat_map(|subscription| &subscription.parts);
        let mut open = parts().filter(|part| part.is_open()).count();
        let mut walks = parts().filter(|part| part.walk.is_some()).count();
        // One place is kept for the pages of gaps, else nothing missed could ever be fetched.
        let for_subs = places.saturating_sub(1).max(1);
        let mut waiting: Vec<&mut Subscription> = self.subs.values_mut().collect();
        sorted::sort_by_key(&mut waiting, |subscription| subscription.number);
        for part in waiting.iter_mut().flat_map(|subscription| &mut subscription.parts) {
            if part.is_ready(turn) && open < for_subs {
                open += usize::from(send_req(turn, socket, part, &rules));
            }
        }
        // The next page is asked for when there is room for it: nothing need be shed.
        let mut held_back = false;
        let has_room = turn.out.waiting_bytes(&turn.relay) < turn.config.spool_bytes / 2;
        for (sub, subscription) in &mut self.subs {
            for (number, part) in subscription.parts.iter_mut().enumerate() {
                if walks >= MAX_WALKS || open + walks >= places || !part.wants_page(turn) {
                    continue;
                }
                held_back |= !has_room;
                if has_room {
                    let wire = free_wire(&self.wires, turn);
                    send_page(turn, socket, part, &rules, wire.clone());
                    let (sub, part) = (sub.clone(), number);
                    self.wires.insert(wire, Target { sub, part, walk: true });
                    walks += 1;
                }
            }
        }
        self.settle(turn);
        held_back
    }
}

/// Sends the REQ of `part`. False if there is nothing to ask.
fn send_req(turn: &mut Turn<'_>, socket: SocketId, part: &mut Part, rules: &Rules) -> bool {
    let filters = part.tracks.ask(rules, turn.now.unix);
    if filters.is_empty() {
        part.phase = Phase::Complete;
        return false;
    }
    let sub = part.wire.clone();
    turn.send(socket, ClientFrame::Req { sub, filters }.to_json());
    part.phase = Phase::Stored { at: turn.now.mono };
    true
}

/// Asks for the next page of the gaps of `part`, as the relay's subscription `wire`.
fn send_page(turn: &mut Turn<'_>, socket: SocketId, part: &mut Part, rules: &Rules, wire: SubId) {
    let Some((track, filter, page)) = part.tracks.next_page(rules) else {
        return;
    };
    let frame = ClientFrame::Req {
        sub: wire.clone(),
        filters: vec![filter],
    };
    turn.send(socket, frame.to_json());
    let at = turn.now.mono;
    part.walk = Some(Walk { wire, track, page, at });
}
