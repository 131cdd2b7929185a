//! The parser's state machine: every message in, what it causes out.
//!
//! One event's way, in this order (engine.md section 5): an id that was verified and
//! seen stops it; else bounded decode, filter match, id recomputed, signature checked
//! by the crypto role, id marked seen, pipeline, delivery.

mod answers;
mod delivering;
mod opening;
mod publishing;

use std::collections::{HashMap, VecDeque};

use self::opening::{Arrival, Way, arrival};
use self::publishing::{Draft, PersonsCopy};
use super::delivery::{PageSinks, Stopped};
use super::http::{HttpAnswer, HttpAsk};
use super::proofs::Proofs;
use super::publish::{Publish, RelayWord};
use super::secrets::Secrets;
use super::shard::{Lanes, Ticket};
use super::subscription::Subscription;
use super::verify::Verify;
use crate::message::{
    CacheToParser, CryptoToParser, EndReason, PageToParser, ParserReport, ParserToCache, ParserToConnections,
    ParserToCrypto, ParserToPage, PublishId, RelayFault, RelayMessage, RequestId, ShardSource, SignerCall, SignerOp,
    SubId, Subscribe, Template,
};
use crate::nostr::event::{Event, EventId, HashedEvent, MAX_EVENT_BYTES, MAX_TAGS, RawEvent, claimed_id};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::role::Role;
use crate::router::Backlog;
use crate::sorted::SortedSet;
use crate::time::{Now, Timers};

/// The parser's limits (engine.md section 10) and what the page chose.
#[derive(Clone, Debug)]
pub struct Config {
    /// The longest event that is taken from a relay, as JSON in bytes; at most `MAX_EVENT_BYTES`.
    pub max_event_bytes: usize,
    /// The most tags of one; at most `MAX_TAGS`.
    pub max_tags: usize,
    pub max_subscriptions: usize,
    pub max_filters: usize,
    /// Verified ids remembered by a subscription, and by the parser as a whole.
    pub seen_window: usize,
    /// Events of one subscription held whole for a page that does not read, in bytes.
    pub page_queue_bytes: usize,
    /// Off, every event that decodes is taken as good: benchmarks and trusted relays only.
    pub verify: bool,
    /// Events in work beyond which no credit goes back to connections.
    pub max_in_work: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_event_bytes: MAX_EVENT_BYTES,
            max_tags: MAX_TAGS,
            max_subscriptions: 1_000,
            max_filters: 50,
            seen_window: 10_000,
            page_queue_bytes: 256 << 10,
            verify: true,
            max_in_work: 4_096,
        }
    }
}

/// What reaches the parser.
#[derive(Debug)]
pub enum Input {
    Page(PageToParser),
    Connections(RelayMessage),
    Cache(CacheToParser),
    Crypto(CryptoToParser),
    /// What a Cashu mint answered.
    Http(HttpAnswer),
    /// A peer was replaced: what it was told is lost.
    Replaced(Role),
    /// The crypto role was replaced. The loop asks it again what it had not answered, or fails that.
    CryptoReplaced {
        ask_again: bool,
    },
    /// The ring or port of this subscription has room again.
    Writable(SubId),
    Timeout,
}

/// What the parser wants to say, a queue a port.
#[derive(Debug, Default)]
pub struct Outbox {
    pub cache: Backlog<ParserToCache>,
    pub connections: Backlog<ParserToConnections>,
    pub crypto: Backlog<ParserToCrypto>,
    pub page: Backlog<ParserReport>,
    pub http: Vec<HttpAsk>,
}

/// What a lane holds.
#[derive(Debug)]
enum Work {
    Event(Arrival),
    /// The store has handed out all that it was asked for.
    RefillEnd {
        sub: SubId,
    },
    Tell {
        sub: SubId,
        message: ParserToPage,
    },
    Answered {
        sub: SubId,
        relay: RelayUrl,
    },
    Asked {
        sub: SubId,
        relays: Vec<RelayUrl>,
    },
}

/// Who waits for a signature check.
#[derive(Debug, PartialEq)]
enum Waiter {
    Lane(SubId, Ticket),
    Own(Signing),
}

/// What the engine has signed, and checks as it would any event.
#[derive(Clone, Debug, PartialEq)]
enum Signing {
    Publish(PublishId),
    /// A step that comes before the signature: whose key, an encryption, the wraps.
    Draft(PublishId),
    /// A NIP-42 answer for this relay.
    Auth(RelayUrl),
}

#[derive(Debug)]
pub struct Parser {
    config: Config,
    subs: HashMap<SubId, Subscription>,
    /// Subscriptions with something to write to the page.
    dirty: SortedSet<SubId>,
    /// Subscriptions that ended in this turn: their rings and ports are to be let go.
    closed: Vec<SubId>,
    deadlines: Timers<SubId>,
    lanes: Lanes<Work>,
    verify: Verify<Waiter>,
    secrets: Secrets<(Ticket, Arrival)>,
    /// The question who signs, as long as it is not answered.
    who_signs: Option<RequestId>,
    /// Ids that became good in this turn, for connections.
    newly_good: Vec<EventId>,
    publishes: HashMap<PublishId, Publish>,
    by_event: HashMap<EventId, PublishId>,
    drafts: HashMap<PublishId, Draft>,
    /// Publishes of their own that the page knows as one.
    copies: HashMap<PublishId, PersonsCopy>,
    last_copy: u64,
    /// What the store is asked for publishes.
    inquiries: HashMap<SubId, PublishId>,
    signing: HashMap<RequestId, Signing>,
    proofs: Proofs,
    /// Subscriptions that are complete but for proofs whose mint has not answered.
    completing: SortedSet<SubId>,
    requests: Requests,
    /// Events at the cache that it has not reported as saved, in order.
    unsaved: VecDeque<Event>,
    /// The last subscriptions closed, with the relays that were asked: a new cache may have to tell them.
    recently_closed: VecDeque<(SubId, Vec<RelayUrl>)>,
    counters: Counters,
}

/// The numbers of what crypto is asked: none is used twice.
#[derive(Debug, Default)]
struct Requests(u64);

impl Requests {
    fn next(&mut self) -> RequestId {
        self.0 += 1;
        RequestId(self.0)
    }
}

#[derive(Debug, Default)]
struct Counters {
    events: u64,
    duplicates: u64,
    late: u64,
    delivered: u64,
}

impl Parser {
    pub fn new(config: Config) -> Parser {
        Parser {
            verify: Verify::new(config.seen_window),
            secrets: Secrets::default(),
            who_signs: None,
            config,
            subs: HashMap::new(),
            dirty: SortedSet::new(),
            closed: Vec::new(),
            deadlines: Timers::default(),
            lanes: Lanes::default(),
            newly_good: Vec::new(),
            publishes: HashMap::new(),
            by_event: HashMap::new(),
            drafts: HashMap::new(),
            copies: HashMap::new(),
            last_copy: 0,
            inquiries: HashMap::new(),
            signing: HashMap::new(),
            proofs: Proofs::default(),
            completing: SortedSet::new(),
            requests: Requests::default(),
            unsaved: VecDeque::new(),
            recently_closed: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Asks who signs. Call it once, at first.
    pub fn start(&mut self, out: &mut Outbox) {
        let request = self.requests.next();
        self.who_signs = Some(request);
        let op = SignerOp::Call(SignerCall::GetPublicKey);
        out.crypto.push(ParserToCrypto::Ask { request, op });
    }

    /// Takes in one message.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Page(message) => self.on_page(now, message, out),
            Input::Connections(message) => self.on_relay(message, out),
            Input::Cache(message) => self.on_cache(message, out),
            Input::Crypto(CryptoToParser::Answer { request, result }) if self.proofs.has_asked(request) => {
                self.proofs.checked(now.mono, request, result);
            }
            Input::Crypto(message) => self.on_crypto(message, out),
            Input::Http(answer) => self.proofs.answered(now.mono, answer),
            Input::Replaced(role) => self.on_replaced(role, out),
            Input::CryptoReplaced { .. } => {}
            Input::Writable(sub) => {
                self.dirty.insert(sub);
            }
            Input::Timeout => self.on_timeout(now, out),
        }
        self.work(out);
        self.settle_proofs(out);
    }

    /// Writes what waits for the page and sends what was gathered. Call it when a turn ends.
    pub fn end_turn(&mut self, sinks: &mut impl PageSinks, out: &mut Outbox) {
        self.write_page(sinks, out);
        self.check_more(out);
        self.open_more(out);
        self.ask_mints(out);
        if !self.newly_good.is_empty() {
            let ids = std::mem::take(&mut self.newly_good);
            out.connections.push(ParserToConnections::Verified { ids });
        }
    }

    /// When `Input::Timeout` is wanted next.
    pub fn next_timeout(&self) -> Option<crate::time::Millis> {
        [self.deadlines.next(), self.proofs.next_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether more events from relays are welcome: else connections gets no credit.
    pub fn has_room(&self, out: &Outbox) -> bool {
        let backlog = out.cache.len() + out.crypto.len();
        self.lanes.len() + backlog < self.config.max_in_work
    }

    /// The role's own counters, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let (checked, forged) = self.verify.counters();
        let (opened, locked, opening) = self.secrets.counters();
        let parked: usize = self.subs.values().map(|sub| sub.queue.parked()).sum();
        [
            ("subscriptions", self.subs.len() as u64),
            ("events", self.counters.events),
            ("duplicates", self.counters.duplicates),
            ("late", self.counters.late),
            ("delivered", self.counters.delivered),
            ("checked", checked),
            ("forged", forged),
            ("pending", self.verify.pending() as u64),
            ("parked", parked as u64),
            ("opened", opened),
            ("locked", locked),
            ("opening", opening),
            ("publishes", self.publishes.len() as u64),
        ]
        .into_iter()
        .chain(self.proofs.counters())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    // ------------------------------------------------------------ page

    fn on_page(&mut self, now: Now, message: PageToParser, out: &mut Outbox) {
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
    fn close(&mut self, sub: &SubId, out: &mut Outbox) {
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
    fn end(&mut self, sub: &SubId, reason: EndReason, out: &mut Outbox) {
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

    fn close_in_cache(&mut self, sub: &SubId, asked: Vec<RelayUrl>, out: &mut Outbox) {
        if self.recently_closed.len() == RECENTLY_CLOSED {
            self.recently_closed.pop_front();
        }
        self.recently_closed.push_back((sub.clone(), asked));
        let (sub, asked) = (sub.clone(), Vec::new());
        out.cache.push(ParserToCache::Close { sub, asked });
    }

    fn on_timeout(&mut self, now: Now, out: &mut Outbox) {
        self.proofs.on_timeout(now.mono);
        while let Some(sub) = self.deadlines.pop_due(now.mono) {
            self.end(&sub, EndReason::TimedOut, out);
        }
    }

    fn write_page(&mut self, sinks: &mut impl PageSinks, out: &mut Outbox) {
        for sub in std::mem::take(&mut self.dirty) {
            let Some(subscription) = self.subs.get_mut(&sub) else {
                continue;
            };
            match subscription.queue.write(&sub, sinks) {
                Stopped::Empty if subscription.ended() => self.close(&sub, out),
                Stopped::Empty | Stopped::Waiting => {}
                Stopped::Refill(ids) => out.cache.push(ParserToCache::Refill { sub, ids }),
                Stopped::Gone => self.close(&sub, out),
            }
        }
        for sub in self.closed.drain(..) {
            sinks.close(&sub);
        }
    }

    // ------------------------------------------------------------ peers

    /// What the role that is gone had, and had not answered, is sent to the new one. The loop does that for crypto.
    fn on_replaced(&mut self, role: Role, out: &mut Outbox) {
        match role {
            // The cache, which has it ask relays again, says when events can be.
            Role::Connections => out.connections.clear(),
            Role::Cache => self.ask_cache_again(out),
            Role::Parser | Role::Crypto => {}
        }
    }

    fn ask_cache_again(&mut self, out: &mut Outbox) {
        out.cache.clear();
        for (sub, asked) in &self.recently_closed {
            let (sub, asked) = (sub.clone(), asked.clone());
            out.cache.push(ParserToCache::Close { sub, asked });
        }
        // Before the refills that may want them.
        for event in self.unsaved.iter().cloned() {
            out.cache.push(ParserToCache::Save { event });
        }
        for (sub, subscription) in &mut self.subs {
            out.cache.extend(subscription.lookup(sub));
            subscription.queue.refill_lost();
            self.dirty.insert(sub.clone());
        }
        self.find_people_again(out);
        self.send_publishes_again(out);
    }

    // ------------------------------------------------------------ relays

    fn on_relay(&mut self, message: RelayMessage, out: &mut Outbox) {
        match message {
            RelayMessage::Event { relay, sub, json } => self.on_event(relay, sub, &json, out),
            RelayMessage::Eose { relay, sub } => {
                let message = ParserToPage::Eose { relay: relay.clone() };
                self.push_answer(sub, relay, Some(message));
            }
            RelayMessage::Closed { relay, sub, reason } => {
                let message = ParserToPage::Closed {
                    relay: relay.clone(),
                    reason,
                };
                self.push_answer(sub, relay, Some(message));
            }
            RelayMessage::Unreachable { relay, sub, reason } => {
                let subscription = self.subs.get(&sub);
                let message = subscription.and_then(|subscription| subscription.unreachable(&relay, reason));
                self.push_answer(sub, relay, message);
            }
            RelayMessage::Ok {
                relay,
                event_id,
                accepted,
                reason,
            } => {
                self.on_relay_word(relay, event_id, RelayWord::Ok { accepted, reason }, out);
            }
            RelayMessage::Sent { relay, event_id } => self.on_relay_word(relay, event_id, RelayWord::Sent, out),
            RelayMessage::Unsent {
                relay,
                event_id,
                reason,
            } => {
                self.on_relay_word(relay, event_id, RelayWord::Unsent { reason }, out);
            }
            RelayMessage::Notice { relay, message } => out.page.push(ParserReport::Notice { relay, message }),
            RelayMessage::Auth { relay, challenge } => self.on_auth(relay, challenge, out),
            RelayMessage::Count {
                relay,
                sub,
                count,
                approximate,
            } => {
                let message = ParserToPage::RelayCount {
                    relay: relay.clone(),
                    count,
                    approximate,
                };
                self.push_answer(sub, relay, Some(message));
            }
        }
    }

    fn on_event(&mut self, relay: RelayUrl, sub: SubId, json: &str, out: &mut Outbox) {
        self.counters.events += 1;
        let Some(subscription) = self.subs.get(&sub).filter(|subscription| !subscription.ended()) else {
            self.counters.late += 1;
            return;
        };
        if claimed_id(json).is_some_and(|id| subscription.seen.contains(&id)) {
            self.counters.duplicates += 1;
            return;
        }
        let event = match check(&self.config, subscription, json) {
            Ok(event) => event,
            Err(fault) => {
                out.connections.push(ParserToConnections::Misbehaved { relay, fault });
                return;
            }
        };
        if self.config.verify && !self.verify.knows(&event.id) {
            let ticket = self.lanes.reserve(subscription.lane);
            self.verify.submit(event, Some(relay), Waiter::Lane(sub, ticket));
            return;
        }
        let event = self.verify.trust(event);
        self.arrive(None, arrival(sub, event, ShardSource::Network, vec![relay]));
    }

    /// `relay` has had its say on `sub`: in the lane, behind the events it sent.
    fn push_answer(&mut self, sub: SubId, relay: RelayUrl, message: Option<ParserToPage>) {
        let Some(subscription) = self.subs.get(&sub) else {
            return;
        };
        let lane = subscription.lane;
        if let Some(message) = message {
            self.lanes.push(
                lane,
                Work::Tell {
                    sub: sub.clone(),
                    message,
                },
            );
        }
        self.lanes.push(lane, Work::Answered { sub, relay });
    }

    fn on_auth(&mut self, relay: RelayUrl, challenge: String, out: &mut Outbox) {
        let tags = vec![
            vec!["relay".to_owned(), relay.to_string()],
            vec!["challenge".to_owned(), challenge],
        ];
        let template = Template {
            kind: Kind::AUTH,
            created_at: None,
            tags,
            content: String::new(),
        };
        self.ask(Signing::Auth(relay), SignerOp::Call(SignerCall::Sign(template)), out);
    }

    // ------------------------------------------------------------ cache

    fn on_cache(&mut self, message: CacheToParser, out: &mut Outbox) {
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
            if let Some(at) = self.unsaved.iter().position(|event| event.id == *id) {
                self.unsaved.remove(at);
            }
        }
    }

    fn lane(&self, sub: &SubId) -> Option<super::shard::LaneId> {
        self.subs
            .get(sub)
            .filter(|subscription| !subscription.ended())
            .map(|subscription| subscription.lane)
    }
}

/// As many CLOSEs may have been on their way to a cache that died.
const RECENTLY_CLOSED: usize = 256;

/// Everything that can be checked without curve arithmetic.
fn check(config: &Config, subscription: &Subscription, json: &str) -> Result<HashedEvent, RelayFault> {
    if json.len() > config.max_event_bytes {
        return Err(RelayFault::Malformed);
    }
    let raw = RawEvent::from_json(json).map_err(|_| RelayFault::Malformed)?;
    if raw.tags.len() > config.max_tags {
        return Err(RelayFault::Malformed);
    }
    if !subscription.matches(&raw) {
        return Err(RelayFault::Unmatched);
    }
    raw.hash().map_err(|_| RelayFault::Forged)
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
