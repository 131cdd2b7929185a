//! From a verified event to its place in a lane: what is encrypted in it is opened on the way.
//!
//! The place is kept while the crypto role works, so the order of a subscription holds, and other lanes go on.

use super::{Outbox, Parser, Work};
use crate::message::{ShardSource, SubId};
use crate::nostr::event::{Event, Pubkey};
use crate::nostr::relay_url::RelayUrl;
use crate::parser::secrets::{Opened, may_be_sealed, sealed};
use crate::parser::shard::Ticket;
use crate::parser::subscription::Locked;

/// A verified event on its way to one subscription.
#[derive(Debug)]
pub(super) struct Arrival {
    pub sub: SubId,
    pub event: Event,
    pub source: ShardSource,
    pub relays: Vec<RelayUrl>,
    pub way: Way,
    /// What became of its encrypted part, if it has one.
    pub opened: Option<Opened>,
}

/// What brings an event to a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    New,
    /// The page was too slow for it, or had it locked: it has its place in the page's queue.
    Refill,
    /// The page had it locked, and the store has it not.
    Again,
}

impl Parser {
    /// Gives an event its place in its lane, `ticket`'s or the last; what is encrypted in it is opened first.
    pub(super) fn arrive(&mut self, ticket: Option<Ticket>, arrival: Arrival) {
        let Some(subscription) = self.subs.get(&arrival.sub) else {
            // Nobody's: its place must not hold up the lane.
            return ticket.into_iter().for_each(|ticket| self.lanes.resolve(ticket, None));
        };
        let lane = subscription.lane;
        let handled = arrival.way == Way::New && subscription.seen.contains(&arrival.event.id());
        let wanted = !handled && may_be_sealed(arrival.event.kind()) && subscription.pipeline.parses(&arrival.event);
        let Some(sealed) = wanted.then(|| sealed(&arrival.event)).flatten() else {
            return match ticket {
                Some(ticket) => self.lanes.resolve(ticket, Some(Work::Event(arrival))),
                None => self.lanes.push(lane, Work::Event(arrival)),
            };
        };
        let ticket = ticket.unwrap_or_else(|| self.lanes.reserve(lane));
        let event = arrival.event.clone();
        if let Some(((ticket, arrival), opened)) = self.secrets.submit(&event, &sealed, (ticket, arrival)) {
            self.opened(ticket, arrival, opened);
        }
    }

    pub(super) fn opened(&mut self, ticket: Ticket, arrival: Arrival, opened: Opened) {
        let opened = Some(opened);
        self.lanes
            .resolve(ticket, Some(Work::Event(Arrival { opened, ..arrival })));
    }

    /// Somebody signs from now on, or nobody: what the page was given locked is given again if it can be opened.
    pub(super) fn on_signer(&mut self, signer: Option<Pubkey>) {
        for (ticket, arrival) in self.secrets.use_signer(signer) {
            self.arrive(Some(ticket), arrival);
        }
        let Some(signer) = signer else { return };
        let mut kept = Vec::new();
        for (sub, subscription) in self.subs.iter_mut().filter(|(_, subscription)| !subscription.ended()) {
            for Locked {
                id,
                source,
                kept: event,
                ..
            } in subscription.take_unlockable(&signer)
            {
                match event {
                    None => subscription.queue.park_again(id, source),
                    Some((event, relays)) => kept.push(Arrival {
                        way: Way::Again,
                        ..arrival(sub.clone(), event, source, relays)
                    }),
                }
            }
            self.dirty.insert(sub.clone());
        }
        kept.into_iter().for_each(|arrival| self.arrive(None, arrival));
    }

    pub(super) fn open_more(&mut self, out: &mut Outbox) {
        while let Some(question) = self.secrets.next_question(|| self.requests.next()) {
            out.crypto.push(question);
        }
    }
}

pub(super) fn arrival(sub: SubId, event: Event, source: ShardSource, relays: Vec<RelayUrl>) -> Arrival {
    Arrival {
        sub,
        event,
        source,
        relays,
        way: Way::New,
        opened: None,
    }
}
