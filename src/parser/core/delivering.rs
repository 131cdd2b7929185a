//! From a lane to the page: the pipeline, the subscription's queue, and what mints say of proofs.
//!
//! Work is taken in the order of its lane; nothing here waits.

use super::opening::{Arrival, Way};
use super::{Outbox, Parser, Work};
use crate::message::{Delivery, EndReason, ParserToPage, ShardSource, SubId};
use crate::nostr::kind::Retention;
use crate::parser::pipes::Output;

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

    pub(super) fn deliver(&mut self, arrival: Arrival, out: &mut Outbox) -> Option<EndReason> {
        let subscription = self.subs.get_mut(&arrival.sub)?;
        let Arrival {
            event,
            source,
            relays,
            way,
            opened,
            sub,
        } = arrival;
        // What is encrypted says something else to each signer.
        let keeps_reading = opened.is_none() && subscription.pipeline.presents_readings();
        let written = keeps_reading.then(|| self.readings.get(&event.id)).flatten();
        let delivery = Delivery {
            event,
            source,
            relays,
            reading: None,
            written,
        };
        let opened = opened.as_ref();
        match way {
            Way::New => {}
            Way::Refill => {
                let mut delivery = subscription.pipeline.present_again(delivery, opened);
                if keeps_reading {
                    self.readings.write(&mut delivery);
                }
                subscription.refilled(delivery, self.config.page_queue_bytes);
                return None;
            }
            Way::Again if subscription.pipeline.verifies_proofs() => {
                match subscription.pipeline.find_proofs(delivery, opened) {
                    Some(Output::Proofs(found)) => {
                        subscription.queue.tell_dropped(found.dropped);
                        self.proofs.add(&sub, found);
                    }
                    Some(Output::Locked(delivery)) => {
                        subscription.remember_for_proofs(&delivery, self.config.page_queue_bytes);
                    }
                    _ => {}
                }
                return None;
            }
            Way::Again => {
                let delivery = subscription.pipeline.present_again(delivery, opened);
                subscription.deliver_again(delivery, self.config.page_queue_bytes);
                return None;
            }
        }
        if subscription.ended() {
            return None;
        }
        if !subscription.seen.insert(delivery.event.id) {
            self.counters.duplicates += 1;
            return None;
        }
        let ephemeral = delivery.event.kind.retention() == Retention::Ephemeral;
        let stored = delivery.source == ShardSource::Cache || (subscription.pipeline.saves() && !ephemeral);
        let (event, relays, queued) = (delivery.event.clone(), delivery.relays.clone(), out.cache.len());
        let output = subscription.pipeline.process(delivery, opened, &mut out.cache);
        if out.cache.len() > queued {
            self.unsaved.push_back((event, relays));
        }
        let delivery = match output? {
            Output::Event(delivery) if subscription.was_delivered(&delivery.event.id) => return None,
            Output::Event(mut delivery) => {
                if keeps_reading {
                    self.readings.write(&mut delivery);
                }
                delivery
            }
            Output::Count(count) => {
                subscription.queue.push_count(count);
                return None;
            }
            Output::Locked(delivery) => {
                subscription.remember_for_proofs(&delivery, self.config.page_queue_bytes);
                return None;
            }
            Output::Proofs(found) => {
                subscription.queue.tell_dropped(found.dropped);
                self.proofs.add(&sub, found);
                return None;
            }
        };
        self.counters.delivered += 1;
        subscription.remember_if_locked(&delivery, stored, self.config.page_queue_bytes);
        subscription
            .queue
            .push_event(delivery, stored, self.config.page_queue_bytes);
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
