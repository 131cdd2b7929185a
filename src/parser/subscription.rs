//! One open subscription: what it asked for, what it has seen, who has answered.

use std::collections::VecDeque;

use super::delivery::PageQueue;
use super::pipes::Pipeline;
use super::secrets::{Sealed, sealed};
use super::shard::LaneId;
use crate::hashed::{BuildByPrefix, HashedSet};
use crate::message::{CachePolicy, Delivery, EndReason, ParserToCache, ParserToPage, ShardSource, SubId, Subscribe};
use crate::nostr::event::{Event, EventId, Pubkey, RawEvent};
use crate::nostr::filter::Filter;
use crate::nostr::relay_url::RelayUrl;
use crate::recent::RecentSet;
use crate::sorted::SortedSet;

/// An event that the page was given locked.
#[derive(Debug)]
pub struct Locked {
    pub id: EventId,
    pub source: ShardSource,
    pub sealed: Sealed,
    /// The event, where it cannot be had from the store.
    pub kept: Option<(Event, Vec<RelayUrl>)>,
}

/// How a relay answers. It may do so in more than one way: a REQ that it CLOSED is sent again when somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Eose,
    Closed,
    Count,
    Unreachable,
}

#[derive(Debug)]
pub struct Subscription {
    filters: Vec<Filter>,
    /// What the page named, for a cache that has to be asked again.
    relays: Vec<RelayUrl>,
    policy: CachePolicy,
    max_relays: Option<u32>,
    close_on_eose: bool,
    /// Relays are asked how many events they have, not for the events.
    counts: bool,
    max_events: Option<u32>,
    delivered: u32,
    pub lane: LaneId,
    pub pipeline: Pipeline,
    /// Verified ids that were handled; a copy of one needs no work.
    pub seen: RecentSet<EventId, BuildByPrefix>,
    /// What an earlier parser has delivered.
    delivered_before: HashedSet<EventId>,
    pub queue: PageQueue,
    /// What was delivered locked, oldest first; as many as `seen` may hold.
    locked: VecDeque<Locked>,
    seen_window: usize,
    /// Bytes of the locked events that are kept whole.
    kept_bytes: usize,
    /// The relays that were sent the REQ, once the cache has told.
    asked: Option<Vec<RelayUrl>>,
    /// Relays that sent EOSE or CLOSED, or could not be reached, asked or not.
    answered: SortedSet<RelayUrl>,
    eose_told: bool,
    eoce_told: bool,
    /// What the page was told of relays' answers: a new connections role has them say it again.
    told: SortedSet<(Answer, RelayUrl)>,
    /// Nothing more is delivered; it stays until the page has read what is queued.
    ended: bool,
}

impl Subscription {
    pub fn new(subscribe: &Subscribe, lane: LaneId, seen_window: usize) -> Subscription {
        Subscription {
            filters: subscribe.filters.clone(),
            relays: subscribe.relays.clone(),
            policy: subscribe.cache,
            max_relays: subscribe.max_relays,
            close_on_eose: subscribe.close_on_eose,
            counts: subscribe.cache == CachePolicy::Count,
            max_events: subscribe.max_events,
            delivered: 0,
            lane,
            pipeline: Pipeline::new(&subscribe.pipeline),
            seen: RecentSet::new(seen_window),
            delivered_before: subscribe.delivered.iter().copied().collect(),
            queue: PageQueue::default(),
            locked: VecDeque::new(),
            seen_window,
            kept_bytes: 0,
            asked: None,
            answered: SortedSet::new(),
            eose_told: false,
            eoce_told: false,
            told: SortedSet::new(),
            ended: false,
        }
    }

    pub fn matches(&self, event: &RawEvent) -> bool {
        self.filters.iter().any(|filter| filter.matches(event))
    }

    /// Remembers what the page was given locked, for a signer that may come. Beyond `bound_bytes` an event that is not
    /// stored is not kept, and stays locked. Whether it is remembered.
    fn remember_locked(&mut self, locked: Locked, bound_bytes: usize) -> bool {
        let size = |locked: &Locked| locked.kept.as_ref().map_or(0, |(event, _)| event.content.len());
        let bytes = size(&locked);
        if self.kept_bytes + bytes > bound_bytes {
            return false;
        }
        self.kept_bytes += bytes;
        self.locked.push_back(locked);
        if self.locked.len() > self.seen_window
            && let Some(oldest) = self.locked.pop_front()
        {
            self.kept_bytes -= size(&oldest);
        }
        true
    }

    /// Remembers `delivery` if it is about to be given to the page locked. False if there is no room to.
    pub fn remember_if_locked(&mut self, delivery: &Delivery, stored: bool, bound_bytes: usize) -> bool {
        let locked = delivery.reading.as_ref().is_some_and(|reading| reading.lock.is_some());
        let Some(sealed) = locked.then(|| sealed(&delivery.event)).flatten() else {
            return true;
        };
        let kept = (!stored).then(|| (delivery.event.clone(), delivery.relays.clone()));
        let locked = Locked {
            id: delivery.event.id,
            source: delivery.source,
            sealed,
            kept,
        };
        self.remember_locked(locked, bound_bytes)
    }

    /// Remembers a locked event of which the page is given only the proofs, once it is open; or tells that it is not.
    pub fn remember_for_proofs(&mut self, delivery: &Delivery, bound_bytes: usize) {
        let remembered = self.remember_if_locked(delivery, false, bound_bytes);
        self.queue.tell_dropped(u64::from(!remembered));
    }

    /// Puts an event that came from the store again in its place.
    pub fn refilled(&mut self, delivery: Delivery, bound_bytes: usize) {
        // It may have been locked when it was parked.
        if sealed(&delivery.event).is_some() {
            self.locked.retain(|locked| locked.id != delivery.event.id);
        }
        self.remember_if_locked(&delivery, true, bound_bytes);
        self.queue.refilled(delivery);
    }

    /// Queues an event that the page was given locked, if it is open now.
    pub fn deliver_again(&mut self, mut delivery: Delivery, bound_bytes: usize) {
        match &mut delivery.reading {
            Some(reading) if reading.lock.is_none() => {
                reading.unlocked = true;
                self.queue.push_event(delivery, false, bound_bytes);
            }
            _ => {
                self.remember_if_locked(&delivery, false, bound_bytes);
            }
        }
    }

    /// Takes out what the key of `signer` may open.
    pub fn take_unlockable(&mut self, signer: &Pubkey) -> Vec<Locked> {
        let (unlockable, locked): (Vec<_>, Vec<_>) = std::mem::take(&mut self.locked)
            .into_iter()
            .partition(|locked| locked.sealed.is_for(signer));
        self.locked = locked.into();
        let kept = unlockable.iter().filter_map(|locked| locked.kept.as_ref());
        self.kept_bytes -= kept.map(|(event, _)| event.content.len()).sum::<usize>();
        unlockable
    }

    /// What the page is told of a relay that does not answer, if it is not told by the relay's status.
    pub fn unreachable(&self, relay: &RelayUrl, reason: String) -> Option<ParserToPage> {
        let relay = relay.clone();
        self.counts.then_some(ParserToPage::Unreachable { relay, reason })
    }

    pub fn ended(&self) -> bool {
        self.ended
    }

    /// What the cache is to be asked; a new one is told whom an earlier one has asked. None if nothing is left to ask.
    pub fn lookup(&self, sub: &SubId) -> Option<ParserToCache> {
        if self.ended || self.asked.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        Some(ParserToCache::Lookup {
            sub: sub.clone(),
            filters: self.filters.clone(),
            relays: self.relays.clone(),
            policy: self.policy,
            max_relays: self.max_relays,
            asked: self.asked_relays().to_vec(),
        })
    }

    /// The relays that were sent the REQ, as far as is known.
    pub fn asked_relays(&self) -> &[RelayUrl] {
        self.asked.as_deref().unwrap_or_default()
    }

    /// Whether an earlier parser has delivered the event.
    pub fn was_delivered(&self, id: &EventId) -> bool {
        self.delivered_before.contains(id)
    }

    /// Whether `message` is news: replaced roles make relays and the store repeat their last words.
    pub fn is_news(&mut self, message: &ParserToPage) -> bool {
        match message {
            ParserToPage::Eoce => !std::mem::replace(&mut self.eoce_told, true),
            ParserToPage::Eose { relay } => {
                // It serves the subscription (again): should it end it now, that is news.
                self.told.remove(&(Answer::Closed, relay.clone()));
                self.told.insert((Answer::Eose, relay.clone()))
            }
            ParserToPage::Closed { relay, .. } => self.told.insert((Answer::Closed, relay.clone())),
            ParserToPage::RelayCount { relay, .. } => self.told.insert((Answer::Count, relay.clone())),
            ParserToPage::Unreachable { relay, .. } => self.told.insert((Answer::Unreachable, relay.clone())),
            ParserToPage::Event(_)
            | ParserToPage::Count(_)
            | ParserToPage::Proofs(_)
            | ParserToPage::EoseAll
            | ParserToPage::BufferFull { .. }
            | ParserToPage::Ended { .. } => true,
        }
    }

    /// Counts one delivered event. Some if it was the last one wanted.
    pub fn count_delivered(&mut self) -> Option<EndReason> {
        self.delivered += 1;
        (self.max_events.is_some_and(|max| self.delivered >= max)).then_some(EndReason::MaxEvents)
    }

    /// The cache has told which relays it asked. Some if that ends the subscription.
    pub fn asked(&mut self, relays: Vec<RelayUrl>) -> Option<EndReason> {
        self.asked = Some(relays);
        self.tell_eose()
    }

    /// `relay` has sent all it has, or will not. Some if that ends the subscription.
    pub fn answered(&mut self, relay: RelayUrl) -> Option<EndReason> {
        self.answered.insert(relay);
        self.tell_eose()
    }

    /// Queues the last message.
    pub fn end(&mut self, reason: EndReason) {
        self.ended = true;
        if reason == EndReason::TimedOut && self.counts {
            let asked = self.asked.iter().flatten();
            for relay in asked.filter(|relay| !self.answered.contains(*relay)) {
                let (relay, reason) = (relay.clone(), "no answer to COUNT in time".to_owned());
                self.queue.push(ParserToPage::Unreachable { relay, reason });
            }
        }
        self.queue.push(ParserToPage::Ended { reason });
    }

    fn tell_eose(&mut self) -> Option<EndReason> {
        let asked = self.asked.as_ref()?;
        if self.ended || self.eose_told || !asked.iter().all(|relay| self.answered.contains(relay)) {
            return None;
        }
        self.eose_told = true;
        self.queue.push(ParserToPage::EoseAll);
        self.close_on_eose.then_some(EndReason::Complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::shard::Lanes;

    #[test]
    fn a_relay_that_closed_and_is_asked_again_can_still_say_that_it_is_through() {
        let sub = SubId::new("a").unwrap();
        let lane = Lanes::<()>::default().assign(&sub, false);
        let mut subscription = Subscription::new(&Subscribe::default(), lane, 10);
        let relay = RelayUrl::parse("wss://relay.example").unwrap();
        let closed = ParserToPage::Closed {
            relay: relay.clone(),
            reason: "auth-required: who are you?".into(),
        };
        let eose = ParserToPage::Eose { relay };
        assert!(subscription.is_news(&closed));
        assert!(!subscription.is_news(&closed));
        assert!(subscription.is_news(&eose));
        assert!(!subscription.is_news(&eose));
        assert!(subscription.is_news(&closed), "it ends what it had taken up again");
        assert!(!subscription.is_news(&closed));
    }
}
