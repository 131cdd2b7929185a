//! What the page asks for, and what is written to it: subscriptions from their first lookup to their last message.

use super::{Outbox, Parser};
use crate::message::{EndReason, PageToParser, ParserToCache, SubId, Subscribe};
use crate::parser::delivery::{PageSinks, Stopped};
use crate::parser::subscription::Subscription;
use crate::time::Now;

impl Parser {
    pub(super) fn on_page(&mut self, now: Now, message: PageToParser, out: &mut Outbox) {
        match message {
            PageToParser::Subscribe { sub, subscribe } => self.subscribe(now, sub, subscribe, out),
            PageToParser::Unsubscribe { sub } => self.close(&sub, out),
            PageToParser::Publish {
                publish,
                template,
                private_tags,
                relays,
                event: None,
            } => self.publish(publish, template, private_tags, relays, out),
            PageToParser::Publish {
                publish,
                relays,
                event: Some(event),
                ..
            } => self.publish_signed(publish, event, relays, out),
            PageToParser::Abort { publish } => self.abort(publish, out),
            // The loop answers these: they concern its ports.
            PageToParser::Control(_) => {}
        }
    }

    fn subscribe(&mut self, now: Now, sub: SubId, subscribe: Subscribe, out: &mut Outbox) {
        let full = self.subs.len() >= self.config.max_subscriptions && !self.subs.contains_key(&sub);
        let lane = self.lanes.assign(&sub, subscribe.slow);
        let mut subscription = Subscription::new(&subscribe, lane, self.config.seen_window);
        if full {
            subscription.end(EndReason::TooManySubscriptions);
        } else if subscribe.filters.is_empty() || subscribe.filters.len() > self.config.max_filters {
            subscription.end(EndReason::BadFilters);
        } else {
            if let Some(timeout_ms) = subscribe.timeout_ms {
                self.deadlines.set(sub.clone(), now.mono + u64::from(timeout_ms));
            }
            out.cache.extend(subscription.lookup(&sub));
        }
        self.dirty.insert(sub.clone());
        self.subs.insert(sub, subscription);
    }

    /// Forgets `sub`; what still comes for it vanishes quietly.
    pub(super) fn close(&mut self, sub: &SubId, out: &mut Outbox) {
        self.deadlines.cancel(sub);
        self.dirty.remove(sub);
        let Some(subscription) = self.subs.remove(sub) else {
            return;
        };
        self.forget_proofs(sub);
        self.closed.push(sub.clone());
        if !subscription.ended() {
            self.close_in_cache(sub, subscription.asked_relays().to_vec(), out);
        }
    }

    /// Ends `sub` with a last message, which the page may take its time to read.
    pub(super) fn end(&mut self, sub: &SubId, reason: EndReason, out: &mut Outbox) {
        let Some(subscription) = self.subs.get_mut(sub).filter(|subscription| !subscription.ended()) else {
            return;
        };
        if reason == EndReason::Complete && self.proofs.is_busy(sub) {
            self.completing.insert(sub.clone());
            return;
        }
        subscription.end(reason);
        let asked = subscription.asked_relays().to_vec();
        self.forget_proofs(sub);
        self.deadlines.cancel(sub);
        self.dirty.insert(sub.clone());
        self.close_in_cache(sub, asked, out);
    }

    pub(super) fn on_timeout(&mut self, now: Now, out: &mut Outbox) {
        self.proofs.on_timeout(now.mono);
        while let Some(sub) = self.deadlines.pop_due(now.mono) {
            self.end(&sub, EndReason::TimedOut, out);
        }
    }

    pub(super) fn write_page(&mut self, sinks: &mut impl PageSinks, out: &mut Outbox) {
        for sub in std::mem::take(&mut self.dirty) {
            let Some(subscription) = self.subs.get_mut(&sub) else {
                continue;
            };
            match subscription.queue.write(&sub, sinks) {
                Stopped::Empty if subscription.ended() => self.close(&sub, out),
                Stopped::Empty | Stopped::Waiting => {}
                Stopped::Refill(ids) => out.cache.push(ParserToCache::Refill { sub, ids }),
            }
        }
        for sub in self.closed.drain(..) {
            sinks.close(&sub);
        }
    }
}
