//! What the cache says and is told, and what a new one is told again.

use super::opening::{Arrival, Way, arrival};
use super::{Outbox, Parser, Work};
use crate::message::{CacheToParser, ParserToCache, ParserToPage, ShardSource, SubId};
use crate::nostr::event::EventId;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::shard::LaneId;
use crate::role::Role;

/// As many CLOSEs may have been on their way to a cache that died.
const RECENTLY_CLOSED: usize = 256;

impl Parser {
    pub(super) fn close_in_cache(&mut self, sub: &SubId, asked: Vec<RelayUrl>, out: &mut Outbox) {
        if self.recently_closed.len() == RECENTLY_CLOSED {
            self.recently_closed.pop_front();
        }
        self.recently_closed.push_back((sub.clone(), asked));
        let (sub, asked) = (sub.clone(), Vec::new());
        out.cache.push(ParserToCache::Close { sub, asked });
    }

    pub(super) fn on_cache(&mut self, message: CacheToParser, out: &mut Outbox) {
        match message {
            CacheToParser::Event { sub, event } => {
                if let Some(publish) = self.inquiries.get(&sub) {
                    self.on_dm_relays(*publish, &event);
                } else if self.lane(&sub).is_some() {
                    self.arrive(None, arrival(sub, event, ShardSource::Cache, Vec::new()));
                }
            }
            CacheToParser::Eoce { sub } => {
                if let Some(publish) = self.inquiries.get(&sub).copied() {
                    return self.on_people_found(&sub, publish, out);
                }
                if let Some(lane) = self.lane(&sub) {
                    self.lanes.push(
                        lane,
                        Work::Tell {
                            sub,
                            message: ParserToPage::Eoce,
                        },
                    );
                }
            }
            CacheToParser::Asked { sub, relays } => {
                if let Some(lane) = self.lane(&sub) {
                    self.lanes.push(lane, Work::Asked { sub, relays });
                }
            }
            CacheToParser::Routed { publish, relays } => {
                let statuses = self
                    .publishes
                    .get_mut(&publish)
                    .map(|p| p.routed(relays))
                    .unwrap_or_default();
                self.report(publish, statuses, out);
            }
            CacheToParser::Saved { ids } => self.on_saved(&ids),
            CacheToParser::ConnectionsReplaced => self.send_publishes_again(out),
            CacheToParser::Refilled { sub, event } => {
                // The queue knows where it came from when it was parked.
                let refill = arrival(sub, event, ShardSource::Cache, Vec::new());
                let way = Way::Refill;
                self.arrive(None, Arrival { way, ..refill });
            }
            CacheToParser::Check { request, claims } => self.imports.push(request, claims),
            CacheToParser::RefillEnd { sub, missing: _ } => {
                // Behind its events, some of which may still be being opened.
                if let Some(lane) = self.subs.get(&sub).map(|subscription| subscription.lane) {
                    self.lanes.push(lane, Work::RefillEnd { sub });
                }
            }
        }
    }

    /// They are reported nearly in the order in which they were sent, so each is near the front.
    fn on_saved(&mut self, ids: &[EventId]) {
        for id in ids {
            if let Some(at) = self.unsaved.iter().position(|(event, _)| event.id == *id) {
                self.unsaved.remove(at);
            }
        }
    }

    fn lane(&self, sub: &SubId) -> Option<LaneId> {
        self.subs
            .get(sub)
            .filter(|subscription| !subscription.ended())
            .map(|subscription| subscription.lane)
    }

    /// What the role that is gone had, and had not answered, is sent to the new one. The loop does that for crypto.
    pub(super) fn on_replaced(&mut self, role: Role, out: &mut Outbox) {
        match role {
            // The cache, which has it ask relays again, says when events can be.
            Role::Connections => out.connections.clear(),
            Role::Cache => self.ask_cache_again(out),
            Role::Parser | Role::Crypto => {}
        }
    }

    fn ask_cache_again(&mut self, out: &mut Outbox) {
        out.cache.clear();
        self.imports.clear();
        for (sub, asked) in &self.recently_closed {
            let (sub, asked) = (sub.clone(), asked.clone());
            out.cache.push(ParserToCache::Close { sub, asked });
        }
        // Before the refills that may want them.
        for (event, relays) in self.unsaved.iter().cloned() {
            out.cache.push(ParserToCache::Save { event, relays });
        }
        for (sub, subscription) in &mut self.subs {
            out.cache.extend(subscription.lookup(sub));
            subscription.queue.refill_lost();
            self.dirty.insert(sub.clone());
        }
        self.find_people_again(out);
        self.send_publishes_again(out);
    }
}
