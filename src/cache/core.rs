//! The cache's decisions: lookups, saves, publishes, in what order and to whom.
//!
//! It has no clock, port or disk: `handle` takes one input and puts what follows into the
//! `Outbox`. Answers are pushed only while the last ones have left, so a parser that is
//! slow costs no memory here; saves are taken all the same.

use std::collections::VecDeque;

use super::import::Imports;
use super::jobs::{Blocked, Job, Network, Task};
use super::orphans::Orphans;
use super::query::Query;
use super::relays::RelayConfig;
use super::routing::{Asked, Source, asked_relays, close, question};
use super::store::{Completion, Operation, Purpose, Store, StoreConfig};
use super::turns::may_answer;
use crate::hashed::SteadyMap;
use crate::message::{
    CachePolicy, CacheToParser, Envelope, PageToCache, ParserToCache, PublishId, RelayChoice, RequestId, RoleReport,
    SubId,
};
use crate::nostr::event::{Event, Pubkey};
use crate::nostr::filter::Filter;
use crate::nostr::relay_url::RelayUrl;
use crate::role::Role;
use crate::router::Backlog;
use crate::sorted::SortedMap;
use crate::time::{Millis, Now, UnixSeconds};

/// What the page decides for the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub store: StoreConfig,
    pub relays: RelayConfig,
    /// The signed-in user's keys, as far as known at start; `PageToCache::Owner` adds to them. Their events are
    /// evicted last.
    pub owners: Vec<Pubkey>,
    pub limits: Limits,
}

/// How much the role takes on at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lookups and refills that are worked on at once; further ones wait in order.
    pub jobs: usize,
    /// Above so many bytes of saves that are not durable, the parser gets no more credit.
    pub unsaved_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            jobs: 10,
            unsaved_bytes: 4 << 20,
        }
    }
}

/// What the core is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Parser(ParserToCache),
    Page(PageToCache),
    Storage(Completion),
    /// A peer was replaced: what it was told is lost.
    Replaced(Role),
    /// Another tab has written to the same storage.
    OthersSaved,
    /// `next_timeout` has come.
    Timeout,
    /// A turn to answer lookups; see `wants_step`.
    Step,
    /// A turn for what may take milliseconds; see `wants_chore`.
    Chore,
}

/// What the core wants done.
#[derive(Debug, Default)]
pub struct Outbox {
    pub parser: Backlog<CacheToParser>,
    pub connections: Backlog<Envelope>,
    pub page: Backlog<RoleReport>,
    pub operations: Vec<Operation>,
    /// The disk is not to be written to any more: operations from now on go to memory.
    pub memory_only: bool,
}

/// The cache role without its loop.
pub struct Cache {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) jobs: SortedMap<u64, Job>,
    /// The jobs that are worked on, next first, and those that wait. Each job is in one of them.
    pub(super) turns: VecDeque<u64>,
    pub(super) waiting: VecDeque<u64>,
    pub(super) next_job: u64,
    /// Which relays were sent a subscription's REQ, and why.
    pub(super) asked: SteadyMap<SubId, Asked>,
    /// What the last parser had open, until the new one opens it again under another id.
    pub(super) orphans: Orphans,
    /// The time of the present input.
    pub(super) now: UnixSeconds,
    /// Publishes that wait for the relay lists to be read.
    pub(super) unrouted: VecDeque<(PublishId, Event, Vec<RelayUrl>)>,
    /// The page's requests that wait for a wipe, and for what was stored until then to be durable.
    pub(super) wipes: Vec<RequestId>,
    pub(super) flushes: Vec<(RequestId, u64)>,
    pub(super) imports: Imports,
    /// When the index was last read in or tidied up a little.
    tidied: Option<Millis>,
    pub(super) lookups: u64,
    pub(super) hits: u64,
    pub(super) refills: u64,
    pub(super) forwarded: u64,
    pub(super) malformed: u64,
}

/// Between two steps of reading the index in or tidying up, so that whoever runs the core hears what has arrived
/// meanwhile.
const REST_MS: u64 = 1;
/// The same while the disk is at work for those who ask by id, and for nobody else: they need little of the index.
const REST_FOR_IDS_MS: u64 = 8;

impl Cache {
    pub fn new(config: Config) -> Cache {
        Cache {
            store: Store::new(config.store.clone(), config.owners.iter().copied()),
            imports: Imports::default(),
            config,
            jobs: SortedMap::new(),
            turns: VecDeque::new(),
            waiting: VecDeque::new(),
            next_job: 0,
            asked: SteadyMap::default(),
            orphans: Orphans::default(),
            now: UnixSeconds(0),
            unrouted: VecDeque::new(),
            wipes: Vec::new(),
            flushes: Vec::new(),
            tidied: None,
            lookups: 0,
            hits: 0,
            refills: 0,
            forwarded: 0,
            malformed: 0,
        }
    }

    /// Takes one input in.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        self.store.expire(now);
        self.now = now.unix;
        match input {
            Input::Parser(message) => self.on_parser(now, message, out),
            Input::Page(message) => self.on_page(message, out),
            Input::Storage(completion) => self.on_storage(now, completion),
            Input::OthersSaved => self.store.rescan(),
            Input::Replaced(Role::Connections) => self.ask_relays_again(out),
            Input::Replaced(Role::Parser) => self.close_all(out),
            Input::Replaced(Role::Cache | Role::Crypto) | Input::Timeout => {}
            Input::Step if may_answer(out) => self.answer(out),
            Input::Chore if self.wants_chore() => self.import_step(now, out),
            Input::Step | Input::Chore => {}
        }
        self.tidy(now);
        self.route_waiting(out);
        self.store.drive(now);
        self.answer_page(out);
        out.operations.append(&mut self.store.operations);
        if self.store.counters.memory_only > 0 && !out.memory_only {
            out.memory_only = true;
            self.report(RequestId::default(), out);
        }
    }

    /// When `Input::Timeout` is due.
    pub fn next_timeout(&self) -> Option<Millis> {
        let chores = self.has_chores().then(|| self.rests_until());
        chores.into_iter().chain(self.store.next_timeout()).min()
    }

    /// Whether `Input::Step` would get anything done.
    pub fn wants_step(&self, out: &Outbox) -> bool {
        let ready = |number| self.jobs.get(number).is_some_and(|job| job.blocked.is_none());
        let answers = self.turns.iter().any(ready) || !self.store.acknowledged.is_empty();
        answers && may_answer(out)
    }

    /// Whether `Input::Chore` would get anything done. Give it after what has arrived meanwhile: it can wait.
    pub fn wants_chore(&self) -> bool {
        self.imports.wants_step() && self.takes_saves() && !self.store.is_stopping()
    }

    /// Whether saves are taken as fast as they come: if not, the parser's credit is withheld.
    pub fn takes_saves(&self) -> bool {
        self.store.unsaved_bytes() < self.config.limits.unsaved_bytes
    }

    /// Whether the role was told to stop and has written everything down.
    pub fn is_stopped(&self) -> bool {
        self.store.is_stopped()
    }

    /// Counts a record that was no message.
    pub fn on_malformed(&mut self) {
        self.malformed += 1;
    }

    /// Which relays were considered for an open subscription, and what came of each.
    pub fn explain(&self, sub: &SubId) -> &[RelayChoice] {
        self.asked.get(sub).map_or(&[], |asked| &asked.choices)
    }

    fn on_parser(&mut self, now: Now, message: ParserToCache, out: &mut Outbox) {
        match message {
            ParserToCache::Lookup {
                sub,
                filters,
                relays,
                policy,
                max_relays,
                asked,
            } => {
                let again = !asked.is_empty();
                // It goes on at the relays where it is, whatever would be chosen by now.
                let (relays, policy) = match asked.is_empty() {
                    true => (relays, policy),
                    false if policy == CachePolicy::Count => (asked, policy),
                    false => (asked, CachePolicy::NoCache),
                };
                let network = Network {
                    relays,
                    policy,
                    max_relays,
                    again,
                };
                self.open_lookup(sub, filters, network, out);
            }
            ParserToCache::Close { sub, asked } => {
                self.close(&sub, asked, out);
            }
            ParserToCache::Save { event, relays } => {
                self.store.save(&event, false, relays, now);
            }
            ParserToCache::Publish { publish, event, relays } => {
                self.store.save(&event, true, Vec::new(), now);
                self.unrouted.push_back((publish, event, relays));
            }
            ParserToCache::Refill { sub, ids } => {
                self.refills += 1;
                self.store.want(&ids);
                let ids = ids.into();
                self.enqueue(Job::new(sub, Task::Refill { ids, missing: 0 }));
            }
            ParserToCache::Checked { request, good } => self.imports.on_checked(request, &good, out),
        }
    }

    fn open_lookup(&mut self, sub: SubId, filters: Vec<Filter>, network: Network, out: &mut Outbox) {
        // A subscription that is opened again takes its former self's place (NIP-01).
        self.cancel(&sub);
        self.lookups += 1;
        let answered = matches!(network.policy, CachePolicy::NoCache | CachePolicy::Count);
        if answered {
            out.parser.push(CacheToParser::Eoce { sub: sub.clone() });
            if !network.relays.is_empty() || self.store.is_loaded() {
                self.forward(sub, filters.clone(), filters, &network, out);
                return;
            }
        }
        if !answered {
            let ids = filters.iter().filter_map(|filter| filter.ids.as_deref());
            ids.for_each(|ids| self.store.want(ids));
        }
        let query = Query::new(filters, !answered);
        self.enqueue(Job::new(
            sub,
            Task::Lookup {
                query,
                network,
                answered,
            },
        ));
    }

    /// `by_another`: the relays that an earlier cache has asked.
    fn close(&mut self, sub: &SubId, by_another: Vec<RelayUrl>, out: &mut Outbox) {
        self.cancel(sub);
        let asked = self.asked.remove(sub).unwrap_or_default();
        let relays = asked_relays(&asked.choices).into_iter().chain(by_another);
        close(sub, relays.collect(), out);
    }

    /// The parser was replaced: it opens what is still wanted under other ids.
    fn close_all(&mut self, out: &mut Outbox) {
        out.parser.clear();
        self.imports.ask_again(out);
        let open = std::mem::take(&mut self.asked);
        for (sub, asked) in &open {
            close(sub, asked_relays(&asked.choices), out);
        }
        open.into_values().for_each(|asked| self.orphans.add(asked));
        for job in std::mem::take(&mut self.jobs).into_values() {
            if let Task::Lookup { query, network, .. } = job.task {
                self.orphans.add_unasked(&query.into_filters(), &Source::of(&network));
            }
        }
        self.turns.clear();
        self.waiting.clear();
    }

    /// Connections was replaced: it knows of no subscription, and whatever it had not sent is lost.
    fn ask_relays_again(&mut self, out: &mut Outbox) {
        out.connections.clear();
        for (sub, asked) in &self.asked {
            for (filters, relays) in &asked.reqs {
                let filters = asked.with_missed(filters);
                out.connections.push(question(sub, &filters, relays, asked.counts));
            }
        }
        out.parser.push(CacheToParser::ConnectionsReplaced);
    }

    fn on_storage(&mut self, now: Now, completion: Completion) {
        match completion {
            Completion::Listed(result) => {
                self.store.listed(result);
                self.unblock(Blocked::Load);
            }
            Completion::Got { purpose, keys, blobs } => match purpose {
                Purpose::Load => {
                    self.store.loaded(keys, blobs, now.unix);
                    self.unblock(Blocked::Load);
                }
                Purpose::Compaction => self.store.compaction_got(keys, blobs),
                Purpose::Job(number) => self.job_got(number, keys, blobs),
            },
            Completion::Written(result) => self.store.written(result, now),
            Completion::Quota(quota) => self.store.heard_quota(quota),
        }
    }

    /// Reads the index in or tidies up, a little at a time.
    fn tidy(&mut self, now: Now) {
        if !self.has_chores() || now.mono < self.rests_until() {
            return;
        }
        self.tidied = Some(now.mono);
        if self.store.wants_load_step() {
            self.store.load_step(now.unix);
            self.unblock(Blocked::Load);
        } else {
            self.store.tidy(self.jobs.is_empty());
        }
    }

    /// The index is read in and tidied up no sooner.
    fn rests_until(&self) -> Millis {
        let mut jobs = self.turns.iter().filter_map(|number| self.jobs.get(number));
        let by_id = self.unrouted.is_empty() && jobs.clone().all(Job::is_by_id);
        let reads = by_id && (self.store.reads_for_ids() || jobs.any(Job::reads));
        let rest = if reads { REST_FOR_IDS_MS } else { REST_MS };
        self.tidied.map_or(Millis(0), |at| at + rest)
    }

    fn has_chores(&self) -> bool {
        self.store.wants_load_step() || self.store.wants_tidying()
    }
}
