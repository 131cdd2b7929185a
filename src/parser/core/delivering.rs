//! From a lane to the page: the pipeline, the subscription's queue, and what mints say of proofs.
//!
//! Work is taken in the order of its lane; nothing here waits.

use std::sync::Arc;

use super::opening::{Arrival, Way};
use super::{Outbox, Parser, Work};
use crate::message::{Delivery, EndReason, ParserToPage, ShardSource, SubId};
use crate::nostr::kind::Retention;
use crate::parser::pipes::Output;
use crate::parser::proofs::Proofs;
use crate::parser::secrets::Opened;
use crate::parser::subscription::Subscription;

impl Parser {
    pub(super) fn work(&mut self, out: &mut Outbox) {
        while let Some(work) = self.lanes.next_ready() {
            let (sub, end) = match work {
                Work::Event(arrival) => {
                    let sub = arrival.sub.clone();
                    (sub, self.deliver(arrival, out))
                }
                Work::RefillEnd { sub } => {
                    if let Some(subscription) = self.subs.get_mut(&sub) {
                        subscription.queue.refill_ended();
                    }
                    (sub, None)
                }
                Work::Tell { sub, message } => {
                    if let Some(subscription) = self.subs.get_mut(&sub).filter(|s| !s.ended())
                        && subscription.is_news(&message)
                    {
                        subscription.queue.push(message);
                    }
                    (sub, None)
                }
                Work::Answered { sub, relay } => {
                    let end = self
                        .subs
                        .get_mut(&sub)
                        .and_then(|subscription| subscription.answered(relay));
                    (sub, end)
                }
                Work::Asked { sub, relays } => {
                    let end = self
                        .subs
                        .get_mut(&sub)
                        .and_then(|subscription| subscription.asked(relays));
                    (sub, end)
                }
            };
            match end {
                Some(reason) => self.end(&sub, reason, out),
                None => {
                    self.dirty.insert(sub);
                }
            }
        }
    }

    fn deliver(&mut self, arrival: Arrival, out: &mut Outbox) -> Option<EndReason> {
        let subscription = self.subs.get_mut(&arrival.sub)?;
        // What is encrypted says something else to each signer.
        let keeps_reading = arrival.opened.is_none() && subscription.pipeline.presents_readings();
        let written = keeps_reading.then(|| self.readings.get(&arrival.event.id())).flatten();
        match arrival.way {
            Way::New => return self.deliver_new(arrival, written, keeps_reading, out),
            Way::Refill => self.deliver_refilled(arrival, written, keeps_reading),
            Way::Again => self.deliver_opened(arrival),
        }
        None
    }

    /// Puts a parked event in its place of the page's queue.
    fn deliver_refilled(&mut self, arrival: Arrival, written: Option<Arc<[u8]>>, keeps_reading: bool) {
        let Some(subscription) = self.subs.get_mut(&arrival.sub) else {
            return;
        };
        let (_, delivery, opened) = parts(arrival, written);
        let mut delivery = subscription.pipeline.present_again(delivery, opened.as_ref());
        if keeps_reading {
            self.readings.write(&mut delivery);
        }
        subscription.refilled(delivery, self.config.page_queue_bytes);
    }

    /// Gives the page what it had locked, or the proofs in it, if that is open now.
    fn deliver_opened(&mut self, arrival: Arrival) {
        let Some(subscription) = self.subs.get_mut(&arrival.sub) else {
            return;
        };
        let bound_bytes = self.config.page_queue_bytes;
        let (sub, delivery, opened) = parts(arrival, None);
        if subscription.pipeline.verifies_proofs() {
            let output = subscription.pipeline.find_proofs(delivery, opened.as_ref());
            output.and_then(|output| event_of(&sub, subscription, &mut self.proofs, output, bound_bytes));
        } else {
            let delivery = subscription.pipeline.present_again(delivery, opened.as_ref());
            subscription.deliver_again(delivery, bound_bytes);
        }
    }

    /// Runs an event through the pipeline, and queues what comes out of it.
    fn deliver_new(
        &mut self,
        arrival: Arrival,
        written: Option<Arc<[u8]>>,
        keeps_reading: bool,
        out: &mut Outbox,
    ) -> Option<EndReason> {
        let subscription = self.subs.get_mut(&arrival.sub).filter(|sub| !sub.ended())?;
        let bound_bytes = self.config.page_queue_bytes;
        let (sub, delivery, opened) = parts(arrival, written);
        if !subscription.seen.insert(delivery.event.id()) {
            self.counters.duplicates += 1;
            return None;
        }
        let ephemeral = delivery.event.kind().retention() == Retention::Ephemeral;
        let stored = delivery.source == ShardSource::Cache || (subscription.pipeline.saves() && !ephemeral);
        let (event, relays, queued) = (delivery.event.clone(), delivery.relays.clone(), out.cache.len());
        let output = subscription.pipeline.process(delivery, opened.as_ref(), &mut out.cache);
        if out.cache.len() > queued {
            self.unsaved.push_back((event, relays));
        }
        let mut delivery = event_of(&sub, subscription, &mut self.proofs, output?, bound_bytes)?;
        if subscription.was_delivered(&delivery.event.id()) {
            return None;
        }
        if keeps_reading {
            self.readings.write(&mut delivery);
        }
        self.counters.delivered += 1;
        subscription.remember_if_locked(&delivery, stored, bound_bytes);
        subscription.queue.push_event(delivery, stored, bound_bytes);
        subscription.count_delivered()
    }

    /// Hands the page what mints have said to be good, and ends what waited for that.
    pub(super) fn settle_proofs(&mut self, out: &mut Outbox) {
        for (sub, valid) in self.proofs.take_valid() {
            if let Some(subscription) = self.subs.get_mut(&sub).filter(|subscription| !subscription.ended()) {
                subscription.queue.push(ParserToPage::Proofs(valid));
                self.dirty.insert(sub);
            }
        }
        let proofs = &self.proofs;
        let complete: Vec<SubId> = self
            .completing
            .iter()
            .filter(|sub| !proofs.is_busy(sub))
            .cloned()
            .collect();
        for sub in complete {
            self.end(&sub, EndReason::Complete, out);
        }
    }

    pub(super) fn ask_mints(&mut self, out: &mut Outbox) {
        self.proofs
            .ask_more(|| self.requests.next(), &mut out.crypto, &mut out.http);
    }

    pub(super) fn forget_proofs(&mut self, sub: &SubId) {
        self.proofs.forget(sub);
        self.completing.remove(sub);
    }
}

/// What the pipeline is given of an arrival. `written` is what was read of the event before.
fn parts(arrival: Arrival, written: Option<Arc<[u8]>>) -> (SubId, Delivery, Option<Opened>) {
    let delivery = Delivery {
        event: arrival.event,
        source: arrival.source,
        relays: arrival.relays,
        reading: None,
        written,
    };
    (arrival.sub, delivery, arrival.opened)
}

/// The event that a pipeline has let through. What else it makes goes its own way.
fn event_of(
    sub: &SubId,
    subscription: &mut Subscription,
    proofs: &mut Proofs,
    output: Output,
    bound_bytes: usize,
) -> Option<Delivery> {
    match output {
        Output::Event(delivery) => return Some(delivery),
        Output::Count(count) => subscription.queue.push_count(count),
        Output::Locked(delivery) => subscription.remember_for_proofs(&delivery, bound_bytes),
        Output::Proofs(found) => {
            subscription.queue.tell_dropped(found.dropped);
            proofs.add(sub, found);
        }
    }
    None
}
