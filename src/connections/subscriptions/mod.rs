//! The subscriptions open at one relay: REQ, CLOSE, EVENT, EOSE and CLOSED (NIP-01).
//!
//! Each is kept open across reconnects, refusals that may pass, and NIP-42. Its EOSE is
//! passed on once, when everything the relay has stored for it has been; where that takes
//! too long, `Unreachable` is reported and the EOSE may still follow.

mod answers;
mod pump;
mod wires;

pub use self::answers::Heard;
use crate::connections::gap::Rules;
use crate::connections::limits::Limits;
use crate::connections::outbox::Peer;
use crate::connections::part::{Part, Phase};
use crate::connections::sockets::SocketId;
use crate::connections::ties::Hidden;
use crate::connections::turn::Turn;
use crate::message::{RelayMessage, SubId};
use crate::nostr::event::NEAR_SECONDS;
use crate::nostr::filter::Filter;
use crate::nostr::nip42;
use crate::recent::RecentSet;
use crate::sorted::SortedMap;
use crate::time::Millis;

#[derive(Debug)]
pub struct Subscriptions {
    subs: SortedMap<SubId, Subscription>,
    /// Whose REQ a relay's subscription id is. Every id on the present connection is here or in `closed`.
    wires: SortedMap<SubId, Target>,
    /// Ids closed not long ago: frames may still be on their way, and an EOSE of the old REQ must not pass for the new one's.
    closed: RecentSet<SubId>,
    limits: Limits,
    /// The largest `limit` the relay was seen to honour.
    honoured: u32,
    /// Why the relay refused a REQ that is to be tried again. None once it answers one.
    refusal: Option<String>,
    /// Seconds of which the relay may have more events than any REQ shows, not taken note of yet.
    hidden: Hidden,
    /// Refused for want of authentication, and reported so: opened again should there be a signer.
    parked: SortedMap<SubId, Parked>,
}

#[derive(Debug)]
struct Parked {
    number: u64,
    filters: Vec<Filter>,
}

#[derive(Debug)]
struct Subscription {
    /// Tells this REQ from an earlier one with the same id. The smallest is served first.
    number: u64,
    peer: Peer,
    parts: Vec<Part>,
    /// When it is reported as unreachable; none once it is, or EOSE has been passed on.
    deadline: Option<Millis>,
    /// How often the deadline was put off because what came had not been taken yet.
    put_off: u32,
    eose_passed: bool,
    /// Its asker was replaced: its next REQ is the same request, not another.
    doubted: bool,
}

#[derive(Clone, Debug)]
struct Target {
    sub: SubId,
    part: usize,
    /// The REQ fetches a page of a gap.
    walk: bool,
}

const CLOSED: usize = 1024;
/// A relay that sends more than can be taken must not keep a request from its end.
const MAX_PUT_OFF: u32 = 6;

impl Default for Subscriptions {
    fn default() -> Self {
        Subscriptions {
            subs: SortedMap::new(),
            wires: SortedMap::new(),
            closed: RecentSet::new(CLOSED),
            limits: Limits::default(),
            honoured: 0,
            refusal: None,
            hidden: Hidden::default(),
            parked: SortedMap::new(),
        }
    }
}

impl Subscriptions {
    /// Takes the REQ numbered `number`; one of the same id is replaced.
    pub fn open(
        &mut self,
        turn: &mut Turn<'_>,
        socket: Option<SocketId>,
        number: u64,
        sub: SubId,
        filters: Vec<Filter>,
    ) {
        if self.is_repeated(&sub) {
            return;
        }
        self.close(turn, socket, &sub);
        let peer = Peer::of(&sub);
        if self.subs.len() + self.parked.len() >= turn.config.max_subs {
            let (relay, reason) = (
                turn.relay.clone(),
                "error: too many subscriptions at this relay".to_owned(),
            );
            turn.tell(peer, RelayMessage::Closed { relay, sub, reason });
            return;
        }
        let parts = self.parts(turn, &sub, filters);
        let deadline = Some(turn.after(turn.config.eose_ms));
        self.subs.insert(
            sub,
            Subscription {
                number,
                peer,
                parts,
                deadline,
                put_off: 0,
                eose_passed: false,
                doubted: false,
            },
        );
    }

    /// Whether a REQ is one that is open, repeated by a new cache: no id means anything else in its lifetime.
    fn is_repeated(&mut self, sub: &SubId) -> bool {
        let known = self.subs.get_mut(sub);
        known.is_some_and(|known| std::mem::take(&mut known.doubted))
    }

    /// Takes every subscription's next REQ for a repetition.
    pub fn doubt(&mut self) {
        for subscription in self.subs.values_mut() {
            subscription.doubted = subscription.peer == Peer::Parser;
        }
    }

    /// Closes what `peer` has open.
    pub fn close_all_of(&mut self, turn: &mut Turn<'_>, socket: Option<SocketId>, peer: Peer) {
        let theirs = self.subs.iter().filter(|(_, subscription)| subscription.peer == peer);
        for sub in Vec::from_iter(theirs.map(|(sub, _)| sub.clone())) {
            self.close(turn, socket, &sub);
        }
        self.parked.retain(|sub, _| Peer::of(sub) != peer);
    }

    /// Takes a CLOSE.
    pub fn close(&mut self, turn: &mut Turn<'_>, socket: Option<SocketId>, sub: &SubId) {
        self.parked.remove(sub);
        let Some(closed) = self.subs.remove(sub) else { return };
        self.refusal = None;
        for part in closed.parts {
            self.close_part(turn, socket, part);
        }
    }

    /// The relay's limits are known: REQs that are over them are divided.
    pub fn set_limits(&mut self, turn: &mut Turn<'_>, socket: Option<SocketId>, limits: Limits) {
        self.limits = limits;
        let subs = Vec::from_iter(self.subs.keys().cloned());
        for sub in subs {
            let Some(subscription) = self.subs.get_mut(&sub) else {
                continue;
            };
            let fits = |part: &Part| limits.divide(part.tracks.filters().cloned().collect()).len() == 1;
            if subscription.parts.iter().all(fits) {
                continue;
            }
            let old = std::mem::take(&mut subscription.parts);
            let filters = old.iter().flat_map(|part| part.tracks.filters().cloned()).collect();
            for part in old {
                self.close_part(turn, socket, part);
            }
            let parts = self.parts(turn, &sub, filters);
            if let Some(subscription) = self.subs.get_mut(&sub) {
                subscription.parts = parts;
            }
        }
    }

    /// NIP-42 is done: what was refused for want of it is sent again.
    pub fn on_authenticated(&mut self) {
        for part in self.parts_mut() {
            if let Phase::NeedsAuth { .. } = part.phase {
                part.phase = Phase::Waiting { not_before: Millis(0) };
                part.authenticated = true;
            }
        }
    }

    /// NIP-42 came to nothing: what was refused for want of it stays refused.
    pub fn on_auth_refused(&mut self, turn: &mut Turn<'_>, socket: Option<SocketId>, reason: &str) {
        let reason = nip42::auth_required(reason);
        self.refuse_where(turn, socket, &reason, |phase| matches!(phase, Phase::NeedsAuth { .. }));
    }

    /// There is a signer: what was refused for want of authentication is asked for again.
    pub fn reopen(&mut self, turn: &mut Turn<'_>) {
        for (sub, Parked { number, filters }) in std::mem::take(&mut self.parked) {
            self.open(turn, None, number, sub, filters);
        }
    }

    /// The socket is gone. `too_big`: because more came than could be taken.
    pub fn on_cut(&mut self, turn: &Turn<'_>, too_big: bool) {
        let rules = self.rules(turn);
        for part in self.parts_mut() {
            part.on_cut(&rules, too_big);
        }
        self.wires.retain(|_, target| !target.walk);
        self.closed = RecentSet::new(CLOSED);
        self.refusal = None;
    }

    /// The relay cannot be reached: those who wait for its answer are told.
    pub fn on_unreachable(&mut self, turn: &mut Turn<'_>, reason: &str) {
        for (sub, subscription) in &mut self.subs {
            if subscription.deadline.take().is_some() {
                unreachable(turn, subscription.peer, sub, reason);
            }
        }
    }

    /// Reports what has waited too long. `held_back`: it is we who do not read.
    pub fn on_time(&mut self, turn: &mut Turn<'_>, socket: Option<SocketId>, held_back: bool, link: Option<&str>) {
        for (sub, subscription) in &mut self.subs {
            if !subscription.deadline.is_some_and(|deadline| turn.is_past(deadline)) {
                continue;
            }
            let put_off = held_back && subscription.put_off < MAX_PUT_OFF;
            subscription.put_off += u32::from(put_off);
            subscription.deadline = put_off.then(|| turn.after(turn.config.eose_ms));
            if !put_off {
                let waits = subscription
                    .parts
                    .iter()
                    .any(|part| matches!(part.phase, Phase::Waiting { .. }));
                let reason = match link {
                    Some(link) => link,
                    None if held_back => "it sends more than can be checked in time",
                    None if waits => "the relay takes no more subscriptions for now",
                    None => "no EOSE in time",
                };
                unreachable(turn, subscription.peer, sub, reason);
            }
        }
        let now = turn.now.mono;
        let reason = nip42::auth_required("the relay asks for authentication and sends no challenge");
        self.refuse_where(
            turn,
            socket,
            &reason,
            |phase| matches!(phase, Phase::NeedsAuth { until } if until <= now),
        );
    }

    /// The relay owes an EOSE and has said nothing for long. True if a new socket may help.
    pub fn on_silence(&mut self) -> bool {
        let mut helps = false;
        for part in self.parts_mut() {
            helps |= part.on_silence();
        }
        helps
    }

    /// Since when the relay owes an EOSE, if it does.
    pub fn owed_since(&self) -> Option<Millis> {
        self.parts_iter().filter_map(Part::owed_since).min()
    }

    pub fn next_timeout(&self, now: Millis) -> Option<Millis> {
        let deadlines = self.subs.values().filter_map(|subscription| subscription.deadline);
        deadlines
            .chain(self.parts_iter().filter_map(|part| part.next_timeout(now)))
            .min()
    }

    /// Seconds of which the relay may have more events than any REQ shows, since the last call.
    pub fn take_hidden(&mut self) -> Hidden {
        std::mem::take(&mut self.hidden)
    }

    /// Whether any subscription needs the relay.
    pub fn is_idle(&self) -> bool {
        self.parts_iter().all(Part::is_finished)
    }

    pub fn is_empty(&self) -> bool {
        self.subs.is_empty() && self.parked.is_empty()
    }

    pub fn contains(&self, sub: &SubId) -> bool {
        self.subs.contains_key(sub)
    }

    /// Passes on the EOSEs that are due.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        for (sub, subscription) in &mut self.subs {
            if !subscription.eose_passed && subscription.parts.iter().all(Part::is_answered) {
                subscription.eose_passed = true;
                subscription.deadline = None;
                let (relay, sub) = (turn.relay.clone(), sub.clone());
                turn.tell(subscription.peer, RelayMessage::Eose { relay, sub });
            }
        }
    }

    fn rules(&self, turn: &Turn<'_>) -> Rules {
        Rules {
            page: turn.config.page_events,
            max_limit: self.limits.max_limit,
            honoured: self.honoured,
            // These are asked for first.
            near_s: turn.config.margin_s.min(NEAR_SECONDS),
            margin_s: turn.config.margin_s,
        }
    }

    fn parts_iter(&self) -> impl Iterator<Item = &Part> {
        self.subs.values().flat_map(|subscription| &subscription.parts)
    }

    fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        self.subs.values_mut().flat_map(|subscription| &mut subscription.parts)
    }

    fn part_mut(&mut self, target: &Target) -> Option<&mut Part> {
        self.subs.get_mut(&target.sub)?.parts.get_mut(target.part)
    }
}

fn unreachable(turn: &mut Turn<'_>, peer: Peer, sub: &SubId, reason: &str) {
    let (relay, sub, reason) = (turn.relay.clone(), sub.clone(), reason.to_owned());
    turn.tell(peer, RelayMessage::Unreachable { relay, sub, reason });
}
