//! One open subscription: what it asked for, what it has seen, who has answered.

use std::collections::BTreeSet;

use super::delivery::PageQueue;
use super::pipes::Pipeline;
use super::shard::LaneId;
use super::verify::SeenWindow;
use crate::message::{EndReason, ParserToPage, Subscribe};
use crate::nostr::event::RawEvent;
use crate::nostr::filter::Filter;
use crate::nostr::relay_url::RelayUrl;

#[derive(Debug)]
pub struct Subscription {
    filters: Vec<Filter>,
    close_on_eose: bool,
    max_events: Option<u32>,
    delivered: u32,
    pub lane: LaneId,
    pub pipeline: Pipeline,
    /// Verified ids that were handled; a copy of one needs no work.
    pub seen: SeenWindow,
    pub queue: PageQueue,
    /// The relays that were sent the REQ, once the cache has told.
    asked: Option<Vec<RelayUrl>>,
    /// Relays that sent EOSE or CLOSED, or could not be reached, asked or not.
    answered: BTreeSet<RelayUrl>,
    eose_told: bool,
    /// Nothing more is delivered; it stays until the page has read what is queued.
    ended: bool,
}

impl Subscription {
    pub fn new(subscribe: &Subscribe, lane: LaneId, seen_window: usize) -> Subscription {
        Subscription {
            filters: subscribe.filters.clone(),
            close_on_eose: subscribe.close_on_eose,
            max_events: subscribe.max_events,
            delivered: 0,
            lane,
            pipeline: Pipeline::new(&subscribe.pipeline),
            seen: SeenWindow::new(seen_window),
            queue: PageQueue::default(),
            asked: None,
            answered: BTreeSet::new(),
            eose_told: false,
            ended: false,
        }
    }

    pub fn matches(&self, event: &RawEvent) -> bool {
        self.filters.iter().any(|filter| filter.matches(event))
    }

    pub fn ended(&self) -> bool {
        self.ended
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
        self.queue.push(ParserToPage::Ended { reason });
    }

    fn tell_eose(&mut self) -> Option<EndReason> {
        let asked = self.asked.as_ref()?;
        if self.eose_told || !asked.iter().all(|relay| self.answered.contains(relay)) {
            return None;
        }
        self.eose_told = true;
        self.queue.push(ParserToPage::EoseAll);
        self.close_on_eose.then_some(EndReason::Complete)
    }
}
