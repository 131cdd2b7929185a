//! The parser's state machine: every message in, what it causes out.
//!
//! One event's way, in this order: an id that was verified and
//! seen stops it; else bounded decode, filter match, id recomputed, signature checked
//! by the crypto role, id marked seen, pipeline, delivery.

mod answers;
mod checking;
mod delivering;
mod opening;
mod page;
mod private_messages;
mod publishing;
mod relays;
mod store;

use std::collections::{HashMap, VecDeque};

use self::checking::ImportChecks;
use self::opening::Arrival;
use self::publishing::{Draft, PersonsCopy};
use super::delivery::PageSinks;
use super::http::{HttpAnswer, HttpAsk};
use super::proofs::Proofs;
use super::publish::Publish;
use super::readings::Readings;
use super::secrets::Secrets;
use super::shard::{Lanes, Ticket};
use super::subscription::Subscription;
use super::verify::Verify;
use crate::hashed::SteadyMap;
use crate::message::{
    CacheToParser, CryptoToParser, PageToParser, ParserReport, ParserToCache, ParserToConnections, ParserToCrypto,
    ParserToPage, PublishId, RelayMessage, RequestId, SignerCall, SignerOp, SubId,
};
use crate::nostr::event::{Event, EventId, MAX_EVENT_BYTES, MAX_TAGS};
use crate::nostr::relay_url::RelayUrl;
use crate::role::Role;
use crate::router::Backlog;
use crate::sorted::SortedSet;
use crate::time::{Now, Timers};

/// The parser's limits and what the page chose.
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
    /// What was read of events lately, kept for when they come again, in bytes.
    pub readings_bytes: usize,
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
            readings_bytes: 4 << 20,
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

/// The role's state. It never touches a port or a clock.
#[derive(Debug)]
pub struct Parser {
    config: Config,
    subs: SteadyMap<SubId, Subscription>,
    /// Subscriptions with something to write to the page.
    dirty: SortedSet<SubId>,
    /// Subscriptions that ended in this turn: their rings and ports are to be let go.
    closed: Vec<SubId>,
    deadlines: Timers<SubId>,
    lanes: Lanes<Work>,
    verify: Verify<Waiter>,
    imports: ImportChecks,
    secrets: Secrets<(Ticket, Arrival)>,
    readings: Readings,
    /// The question who signs, as long as it is not answered.
    who_signs: Option<RequestId>,
    /// Ids that became good in this turn, for connections.
    newly_good: Vec<EventId>,
    publishes: SteadyMap<PublishId, Publish>,
    /// The same event may be published more than once at a time: pressed for twice within a second it has one id.
    by_event: HashMap<EventId, Vec<PublishId>>,
    drafts: HashMap<PublishId, Draft>,
    /// Publishes of their own that the page knows as one.
    copies: HashMap<PublishId, PersonsCopy>,
    last_copy: u64,
    /// What the store is asked for publishes.
    inquiries: SteadyMap<SubId, PublishId>,
    signing: HashMap<RequestId, Signing>,
    proofs: Proofs,
    /// Subscriptions that are complete but for proofs whose mint has not answered.
    completing: SortedSet<SubId>,
    requests: Requests,
    /// Events at the cache that it has not reported as saved, in order.
    unsaved: VecDeque<(Event, Vec<RelayUrl>)>,
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
            imports: ImportChecks::default(),
            secrets: Secrets::default(),
            readings: Readings::new(config.readings_bytes),
            who_signs: None,
            config,
            subs: SteadyMap::default(),
            dirty: SortedSet::new(),
            closed: Vec::new(),
            deadlines: Timers::default(),
            lanes: Lanes::default(),
            newly_good: Vec::new(),
            publishes: SteadyMap::default(),
            by_event: HashMap::new(),
            drafts: HashMap::new(),
            copies: HashMap::new(),
            last_copy: 0,
            inquiries: SteadyMap::default(),
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
            ("readings_known", self.readings.hits()),
        ]
        .into_iter()
        .chain(self.proofs.counters())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

#[cfg(test)]
mod tests;
