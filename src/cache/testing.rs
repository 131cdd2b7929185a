//! A cache with its storage and a hand-moved clock, for the tests of this folder.

use std::collections::{HashSet, VecDeque};

use futures_util::future::FutureExt;

use super::check;
use super::core::{Cache, Config, Input, Outbox};
use super::storage::{Fallback, MemoryStorage, Storage, StorageError};
use super::store::{Completion, Operation};
use crate::message::{CachePolicy, CacheToParser, Claim, Envelope, ParserToCache, RequestId, SubId};
use crate::nostr::event::{Event, EventId, Pubkey, RawEvent, Signature, UnsignedEvent};
use crate::nostr::filter::Filter;
use crate::nostr::kind::Kind;
use crate::nostr::schnorr;
use crate::time::{Millis, Now, UnixSeconds};

/// An event with a true id and no signature: the store does not look at it.
pub fn event(author: u8, kind: u16, created_at: u64, tags: &[&[&str]], content: &str) -> Event {
    let unsigned = UnsignedEvent {
        pubkey: Pubkey([author; 32]),
        created_at: UnixSeconds(created_at),
        kind: Kind(kind),
        tags: tags
            .iter()
            .map(|tag| tag.iter().map(|value| value.to_string()).collect())
            .collect(),
        content: content.into(),
    };
    let raw: RawEvent = unsigned.with_signature(Signature([author; 64]));
    Event::trusted(raw)
}

pub fn note(n: u64) -> Event {
    event(1, 1, n, &[], &format!("note {n}"))
}

pub fn sub(name: &str) -> SubId {
    SubId::new(name).unwrap()
}

pub fn filter(json: &str) -> Filter {
    serde_json::from_str(json).unwrap()
}

/// A seeded sequence for choosing when to fail and what to damage.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

pub fn numbers(contents: &[String]) -> Vec<u64> {
    contents
        .iter()
        .filter_map(|c| c.split(' ').nth(1)?.parse().ok())
        .collect()
}

/// What the disk holds, read without the store.
pub fn walk(storage: &MemoryStorage) -> check::Walk {
    check::walk(storage).now_or_never().unwrap()
}

pub fn all(world: &mut World) -> HashSet<EventId> {
    world.find(&["{}"]).iter().map(|event| event.id).collect()
}

/// A note of about a kilobyte.
pub fn long_note(author: u8, n: u64) -> Event {
    event(author, 1, n, &[], &format!("note {n} {}", "x".repeat(1_000)))
}

/// What a storage operation comes to instead of being done.
pub type Fault = Box<dyn FnMut(&Operation) -> Option<StorageError>>;

pub struct World {
    pub cache: Cache,
    pub out: Outbox,
    pub storage: Fallback<MemoryStorage>,
    pub now: Now,
    /// Operations not yet done, oldest first.
    pub pending: VecDeque<Operation>,
    /// What the parser has been sent and the test has not looked at.
    pub said: Vec<CacheToParser>,
    /// What is to be checked, oldest first.
    pub checks: VecDeque<(RequestId, Vec<Claim>)>,
    pub sent: Vec<Envelope>,
    pub fault: Fault,
}

impl World {
    pub fn new() -> World {
        World::on(MemoryStorage::default(), 1)
    }

    /// A cache that has loaded what is in `storage`.
    pub fn on(storage: MemoryStorage, writer: u64) -> World {
        let mut world = World::starting(storage, writer, Config::default());
        world.settle();
        world
    }

    pub fn with(config: Config) -> World {
        let mut world = World::starting(MemoryStorage::default(), 1, config);
        world.settle();
        world
    }

    /// A cache whose first operation has not been done.
    pub fn starting(storage: MemoryStorage, writer: u64, mut config: Config) -> World {
        config.store.writer = writer;
        let mut world = World {
            cache: Cache::new(config),
            out: Outbox::default(),
            storage: Fallback::new(storage),
            now: Now {
                mono: Millis(0),
                unix: UnixSeconds(1_000_000),
            },
            pending: VecDeque::new(),
            said: Vec::new(),
            checks: VecDeque::new(),
            sent: Vec::new(),
            fault: Box::new(|_| None),
        };
        world.input(Input::Timeout);
        world
    }

    pub fn input(&mut self, input: Input) {
        self.cache.handle(self.now, input, &mut self.out);
        if self.out.memory_only {
            self.storage.degrade();
        }
        self.pending.extend(self.out.operations.drain(..));
        self.sent.extend(self.out.connections.drain());
    }

    pub fn parser(&mut self, message: ParserToCache) {
        self.input(Input::Parser(message));
    }

    pub fn save(&mut self, event: &Event) {
        self.parser(ParserToCache::Save {
            event: event.clone(),
            relays: Vec::new(),
        });
    }

    /// Does the oldest storage operation.
    pub fn operate(&mut self) -> bool {
        let Some(operation) = self.pending.pop_front() else {
            return false;
        };
        // The memory that a cache falls back to does not fail.
        let fault = (self.fault)(&operation).filter(|_| !self.out.memory_only);
        let completion = match operation {
            Operation::List => Completion::Listed(match fault {
                Some(error) => Err(error),
                None => self.storage.list("").now_or_never().unwrap(),
            }),
            Operation::Get { purpose, keys } => {
                let blobs = match fault {
                    Some(error) => Err(error),
                    None => self.storage.get(&keys).now_or_never().unwrap(),
                };
                Completion::Got { purpose, keys, blobs }
            }
            Operation::Write(batch) => Completion::Written(match fault {
                Some(error) => Err(error),
                None => self.storage.write(&batch).now_or_never().unwrap(),
            }),
            Operation::Quota => Completion::Quota(self.storage.quota().now_or_never().unwrap()),
        };
        self.input(Input::Storage(completion));
        true
    }

    /// One step, if there is anything to do; the parser takes what is said.
    pub fn step(&mut self) -> bool {
        if !self.cache.wants_step(&self.out) {
            return false;
        }
        self.input(Input::Step);
        self.hear();
        true
    }

    /// The parser takes what is said to it.
    pub fn hear(&mut self) {
        for message in self.out.parser.drain() {
            match message {
                CacheToParser::Check { request, claims } => self.checks.push_back((request, claims)),
                message => self.said.push(message),
            }
        }
    }

    /// Checks the oldest signatures that wait for it, in the place of the crypto role.
    pub fn check(&mut self) -> bool {
        let Some((request, claims)) = self.checks.pop_front() else {
            return false;
        };
        let good = claims.iter().map(schnorr::check).collect();
        self.parser(ParserToCache::Checked { request, good });
        self.hear();
        true
    }

    /// A chore, if there is one.
    pub fn chore(&mut self) -> bool {
        let wanted = self.cache.wants_chore();
        if wanted {
            self.input(Input::Chore);
            self.hear();
        }
        wanted
    }

    /// Lets everything happen that happens by itself; the clock moves only for chores.
    pub fn settle(&mut self) {
        for _ in 0..1_000_000 {
            self.hear();
            let stepped = self.step();
            if !self.operate() && !stepped && !self.chore() && !self.check() {
                let soon = self.now.mono + 1;
                if self.cache.next_timeout().is_none_or(|at| at > soon) {
                    return;
                }
                self.now.mono = soon;
                self.input(Input::Timeout);
            }
        }
        panic!("the cache never comes to rest: {:?}", self.cache.counters());
    }

    /// Moves the clock and lets everything happen.
    pub fn advance(&mut self, ms: u64) {
        self.now.mono = self.now.mono + ms;
        self.input(Input::Timeout);
        self.settle();
    }

    /// Saves events and waits until they are durable.
    pub fn keep<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) {
        for event in events {
            self.save(event);
        }
        self.advance(1_000);
        self.said
            .retain(|message| !matches!(message, CacheToParser::Saved { .. }));
    }

    /// The ids reported as saved since the last call.
    pub fn saved(&mut self) -> Vec<EventId> {
        let mut ids = Vec::new();
        self.said.retain(|message| match message {
            CacheToParser::Saved { ids: more } => {
                ids.extend(more.iter().copied());
                false
            }
            _ => true,
        });
        ids
    }

    pub fn lookup(&mut self, name: &str, filters: &[&str], policy: CachePolicy) {
        self.parser(ParserToCache::Lookup {
            sub: sub(name),
            filters: filters.iter().map(|json| filter(json)).collect(),
            relays: Vec::new(),
            policy,
            max_relays: None,
            asked: Vec::new(),
        });
    }

    /// What the store answers, in order.
    pub fn find(&mut self, filters: &[&str]) -> Vec<Event> {
        self.lookup("find", filters, CachePolicy::CacheOnly);
        self.settle();
        let (mine, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.said).into_iter().partition(|m| match m {
            CacheToParser::Event { sub, .. } | CacheToParser::Eoce { sub } | CacheToParser::Asked { sub, .. } => {
                sub.as_str() == "find"
            }
            _ => false,
        });
        self.said = rest;
        let is_end = |m: &CacheToParser| matches!(m, CacheToParser::Eoce { .. } | CacheToParser::Asked { .. });
        let (events, end) = mine.split_at(mine.iter().position(is_end).unwrap());
        assert_eq!(end.len(), 2, "Eoce, then Asked: {mine:?}");
        let events = events.iter().map(|message| match message {
            CacheToParser::Event { event, .. } => event.clone(),
            other => panic!("{other:?}"),
        });
        events.collect()
    }

    /// The contents of what the store answers.
    pub fn contents(&mut self, filters: &[&str]) -> Vec<String> {
        self.find(filters).iter().map(|event| event.content.clone()).collect()
    }

    pub fn counter(&self, name: &str) -> u64 {
        let counters = self.cache.counters();
        counters.iter().find(|(known, _)| *known == name).unwrap().1
    }
}
