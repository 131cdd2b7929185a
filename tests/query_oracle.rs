//! Queries of the cache against a naive store and `Filter::matches`, random and seeded.
//!
//! Each round makes a small store: replaceable, addressable, deleted, expired and ephemeral
//! events in random order, some before and some after a restart, and asks it many filters.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::sync::OnceLock;

use futures_util::future::FutureExt;
use nostr_ferry::cache::storage::{MemoryStorage, Storage};
use nostr_ferry::cache::{Cache, Completion, Config, Input, Operation, Outbox};
use nostr_ferry::message::{CachePolicy, CacheToParser, PageToCache, ParserToCache, RequestId, SubId};
use nostr_ferry::nostr::event::{Event, Pubkey, Signature, UnsignedEvent};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::kind::{Kind, Retention};
use nostr_ferry::time::{Millis, Now, UnixSeconds};
use secp256k1::{Keypair, SecretKey};

const ROUNDS: u64 = 500;
const QUERIES: u64 = 200;
const NOW: u64 = 100;

/// xorshift64*: small, seeded, good enough to choose test data.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    fn some<T: Clone>(&mut self, from: &[T], most: u64) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| self.pick(from)).collect()
    }
}

fn sign(key: u8, kind: u16, created_at: u64, tags: Vec<Vec<String>>, content: String) -> Event {
    let keypair = Keypair::from_secret_key(&SecretKey::from_secret_bytes([key; 32]).unwrap());
    let unsigned = UnsignedEvent {
        pubkey: Pubkey(keypair.x_only_public_key().0.to_byte_array()),
        created_at: UnixSeconds(created_at),
        kind: Kind(kind),
        tags,
        content,
    };
    let sig = secp256k1::schnorr::sign_no_aux_rand(&unsigned.id().0, &keypair);
    unsigned
        .with_signature(Signature(sig.to_byte_array()))
        .verify()
        .unwrap()
}

/// Some hundred events to draw stores from, signed once.
fn pool() -> &'static [Event] {
    static POOL: OnceLock<Vec<Event>> = OnceLock::new();
    POOL.get_or_init(|| {
        let mut random = Random(7);
        let mut pool: Vec<Event> = Vec::new();
        for n in 0..600 {
            let key = 1 + random.below(4) as u8;
            let kind = random.pick(&[0, 1, 1, 1, 3, 5, 7, 10002, 20001, 30023, 30023]);
            // Few times and values, so that ties, replacements and hits are common.
            let created_at = random.below(60);
            let mut tags: Vec<Vec<String>> = Vec::new();
            let mut tag = |name: &str, value: String| tags.push(vec![name.to_owned(), value]);
            for _ in 0..random.below(3) {
                tag("t", random.pick(&["a", "b", "c"]).to_owned());
            }
            if random.one_in(3) {
                tag("p", random.pick(&["x", "y"]).to_owned());
            }
            if kind == 30023 {
                tag("d", random.pick(&["", "one", "two"]).to_owned());
            }
            if random.one_in(12) {
                tag("expiration", (NOW - 20 + random.below(40)).to_string());
            }
            if kind == 5 {
                for _ in 0..2 {
                    let target = random.pick(&pool);
                    match target.kind.retention() {
                        Retention::Addressable | Retention::Replaceable if random.one_in(2) => {
                            let address = format!("{}:{}:{}", target.kind.0, target.pubkey, target.d_tag());
                            tag("a", address);
                        }
                        _ => tag("e", target.id.to_string()),
                    }
                }
            }
            let expires = tags.iter().any(|tag| tag[0] == "expiration");
            // A deletion that itself expires is forgotten with it; the naive store does not model when.
            let kind = if kind == 5 && (expires || pool.is_empty()) {
                1
            } else {
                kind
            };
            pool.push(sign(key, kind, created_at, tags, format!("{n}")));
        }
        pool
    })
}

/// What the cache should hold after these saves, the slow and plain way.
#[derive(Default)]
struct Naive {
    stored: Vec<Event>,
    deletions: Vec<Event>,
}

impl Naive {
    fn save(&mut self, event: &Event, now: u64) {
        self.expire(now);
        let expired = event.expiration().is_some_and(|at| at.0 <= now);
        let known = self.stored.iter().any(|stored| stored.id == event.id);
        let deleted = self.deletions.iter().any(|deletion| deletes(deletion, event));
        if known || expired || deleted || event.kind.retention() == Retention::Ephemeral {
            return;
        }
        let rank = |event: &Event| (std::cmp::Reverse(event.created_at), event.id);
        if let Some(at) = self.stored.iter().position(|stored| same_place(stored, event)) {
            if rank(&self.stored[at]) <= rank(event) {
                return;
            }
            self.stored.remove(at);
        }
        self.stored.retain(|stored| !deletes(event, stored));
        if event.kind == Kind::DELETION {
            self.deletions.push(event.clone());
        }
        self.stored.push(event.clone());
    }

    fn expire(&mut self, now: u64) {
        self.stored
            .retain(|stored| stored.expiration().is_none_or(|at| at.0 > now));
    }

    fn find(&self, filters: &[Filter]) -> Vec<Event> {
        let mut all = self.stored.clone();
        all.sort_by_key(|event| (std::cmp::Reverse(event.created_at), event.id));
        let mut wanted = vec![false; all.len()];
        for filter in filters {
            let matching = (0..all.len()).filter(|at| filter.matches(&all[*at]));
            let limit = filter.limit.map_or(usize::MAX, |limit| limit as usize);
            matching.take(limit).for_each(|at| wanted[at] = true);
        }
        let found = all.into_iter().zip(wanted).filter(|(_, wanted)| *wanted);
        found.map(|(event, _)| event).collect()
    }
}

fn same_place(a: &Event, b: &Event) -> bool {
    let same = a.kind == b.kind && a.pubkey == b.pubkey;
    match a.kind.retention() {
        Retention::Replaceable => same,
        Retention::Addressable => same && a.d_tag() == b.d_tag(),
        Retention::Regular | Retention::Ephemeral => false,
    }
}

fn deletes(deletion: &Event, event: &Event) -> bool {
    if deletion.kind != Kind::DELETION || event.kind == Kind::DELETION || deletion.pubkey != event.pubkey {
        return false;
    }
    let by_id = deletion.tags_named("e").any(|tag| tag[1] == event.id.to_string());
    let address = format!("{}:{}:{}", event.kind.0, event.pubkey, event.d_tag());
    let by_address = deletion.tags_named("a").any(|tag| tag[1] == address);
    by_id || (by_address && event.created_at <= deletion.created_at)
}

/// The cache with its storage, without a loop.
struct Engine {
    cache: Cache,
    out: Outbox,
    storage: MemoryStorage,
    now: Now,
    said: Vec<CacheToParser>,
}

impl Engine {
    fn on(storage: MemoryStorage, writer: u64, now: Now, record_cache_bytes: usize) -> Engine {
        let mut config = Config::default();
        config.store.writer = writer;
        config.store.record_cache_bytes = record_cache_bytes;
        let mut engine = Engine {
            cache: Cache::new(config),
            out: Outbox::default(),
            storage,
            now,
            said: Vec::new(),
        };
        engine.input(Input::Timeout);
        engine.settle();
        engine
    }

    fn input(&mut self, input: Input) {
        self.cache.handle(self.now, input, &mut self.out);
    }

    fn settle(&mut self) {
        loop {
            self.said.extend(self.out.parser.drain());
            let busy = self.cache.wants_step(&self.out);
            if busy {
                self.input(Input::Step);
            }
            let operations = std::mem::take(&mut self.out.operations);
            if operations.is_empty() && !busy {
                // Chores come a millisecond apart.
                let soon = self.now.mono + 1;
                if self.cache.next_timeout().is_none_or(|at| at > soon) {
                    return;
                }
                self.now.mono = soon;
                self.input(Input::Timeout);
            }
            for operation in operations {
                let completion = self.operate(operation);
                self.input(Input::Storage(completion));
            }
        }
    }

    fn operate(&self, operation: Operation) -> Completion {
        match operation {
            Operation::List => Completion::Listed(self.storage.list("").now_or_never().unwrap()),
            Operation::Get { purpose, keys } => {
                let blobs = self.storage.get(&keys).now_or_never().unwrap();
                Completion::Got { purpose, keys, blobs }
            }
            Operation::Write(batch) => Completion::Written(self.storage.write(&batch).now_or_never().unwrap()),
            Operation::Quota => Completion::Quota(self.storage.quota().now_or_never().unwrap()),
        }
    }

    fn flush(&mut self) {
        self.now.mono = self.now.mono + 1_000;
        self.input(Input::Timeout);
        self.settle();
    }

    fn find(&mut self, filters: &[Filter]) -> Vec<Event> {
        self.said.clear();
        self.input(Input::Parser(ParserToCache::Lookup {
            sub: SubId::new("oracle").unwrap(),
            filters: filters.to_vec(),
            relays: Vec::new(),
            policy: CachePolicy::CacheOnly,
            max_relays: None,
            asked: Vec::new(),
        }));
        self.settle();
        let events = self.said.drain(..).filter_map(|message| match message {
            CacheToParser::Event { event, .. } => Some(event),
            _ => None,
        });
        events.collect()
    }
}

fn random_filter(random: &mut Random) -> Filter {
    let pool = pool();
    let mut filter = Filter::default();
    if random.one_in(6) {
        filter.ids = Some(random.some(pool, 6).iter().map(|event| event.id).collect());
    }
    if random.one_in(3) {
        filter.authors = Some(random.some(pool, 3).iter().map(|event| event.pubkey).collect());
    }
    if random.one_in(2) {
        filter.kinds = Some(random.some(&[0, 1, 3, 5, 7, 10002, 30023, 4].map(Kind), 3));
    }
    for (letter, values) in [
        ('t', &["a", "b", "c", "z"][..]),
        ('p', &["x", "y"]),
        ('d', &["", "one"]),
    ] {
        if random.one_in(4) {
            let values = random.some(values, 2).into_iter().map(str::to_owned);
            filter.tags.insert(letter, values.collect());
        }
    }
    if random.one_in(4) {
        filter.since = Some(UnixSeconds(random.below(70)));
    }
    if random.one_in(4) {
        filter.until = Some(UnixSeconds(random.below(70)));
    }
    if random.one_in(2) {
        filter.limit = Some(random.below(8) as u32);
    }
    filter
}

fn compare(engine: &mut Engine, naive: &Naive, random: &mut Random, context: &str) {
    let filters: Vec<Filter> = (0..1 + random.below(3)).map(|_| random_filter(random)).collect();
    let (found, wanted) = (engine.find(&filters), naive.find(&filters));
    if found != wanted {
        let contents = |events: &[Event]| events.iter().map(|event| event.content.clone()).collect::<Vec<_>>();
        let (found, wanted) = (contents(&found), contents(&wanted));
        panic!("{context}: {filters:?}\nfound  {found:?}\nwanted {wanted:?}");
    }
}

#[test]
fn a_hundred_thousand_requests_find_what_a_naive_store_finds() {
    for round in 0..ROUNDS {
        let mut random = Random(0x9e37_79b9 + round);
        let (storage, mut naive) = (MemoryStorage::default(), Naive::default());
        let start = Now {
            mono: Millis(0),
            unix: UnixSeconds(NOW),
        };
        // Without kept records, with so few that they come and go, and with all.
        let records = [0, 2_000, 8 << 20][round as usize % 3];
        let mut engine = Engine::on(storage.another(), 1, start, records);
        let mut writer = 1;
        for query in 0..QUERIES {
            let context = format!("round {round}, query {query}");
            if query % 25 == 0 {
                for _ in 0..random.below(60) {
                    let event = random.pick(pool());
                    naive.save(&event, engine.now.unix.0);
                    engine.input(Input::Parser(ParserToCache::Save {
                        event,
                        relays: Vec::new(),
                    }));
                }
            }
            if random.one_in(40) {
                engine.flush();
            }
            if random.one_in(60) {
                engine.flush();
                writer += 1;
                engine = Engine::on(storage.another(), writer, engine.now, records);
            }
            if random.one_in(150) {
                let request = RequestId(query);
                engine.input(Input::Page(PageToCache::Wipe { request }));
                engine.settle();
                naive = Naive::default();
            }
            if random.one_in(50) {
                engine.now.unix.0 += 5;
                naive.expire(engine.now.unix.0);
            }
            compare(&mut engine, &naive, &mut random, &context);
        }
    }
}
