//! Imports in the whole engine: whoever ends meanwhile, and beside subscriptions that are live.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::task::{Context, Poll, Waker};

use futures_util::StreamExt;
use nostr_ferry::message::*;
use nostr_ferry::nostr::event::{Event, EventId};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::role::Role;
use nostr_ferry::router::Received;
use world::engine::{Setup, World, sub, url};
use world::executor::Random;
use world::relay::{Manners, ScriptedRelay, signed_event};

/// Lines in one message, as the page sends them.
const LINES: usize = 20;

/// The page that imports, with what it keeps in order to repeat it (`js/cache.ts`, `js/ledger.ts`).
struct Importing {
    world: World,
    /// Not answered, by request.
    questions: BTreeMap<u64, Vec<u8>>,
    unsent: VecDeque<u64>,
    told: BTreeMap<u64, Imported>,
    next: u64,
}

impl Importing {
    fn new(world: World) -> Importing {
        Importing {
            world,
            questions: BTreeMap::new(),
            unsent: VecDeque::new(),
            told: BTreeMap::new(),
            next: 1,
        }
    }

    /// Sends `text`, or with none the question whether all is durable; the number of the request.
    fn import(&mut self, text: Vec<u8>) -> u64 {
        let request = self.next;
        self.next += 1;
        self.questions.insert(request, text);
        self.unsent.push_back(request);
        self.send();
        request
    }

    fn send(&mut self) {
        while let Some(number) = self.unsent.front() {
            let (request, text) = (RequestId(*number), self.questions[number].clone());
            if self
                .world
                .cache
                .try_send(PageToCache::Import { request, text })
                .is_err()
            {
                return;
            }
            self.unsent.pop_front();
        }
    }

    /// Takes in what was answered.
    fn read(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(received)) = self.world.cache.poll_next_unpin(&mut cx) {
            if let Received::Message(RoleReport::Imported(report)) = received {
                let number = report.request.0;
                // A question that was repeated may be answered twice, and the first answer counts.
                if self.questions.remove(&number).is_some() {
                    self.told.insert(number, report);
                }
            }
        }
        self.world.cache.grant();
        self.send();
    }

    fn turns(&mut self, turns: usize) {
        self.world.turns(turns);
        self.read();
    }

    /// Until all is answered; time passes only where nothing else is left to do.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            self.world.drive();
            self.read();
            if self.questions.is_empty() {
                return;
            }
            self.world.advance(10);
        }
        panic!("{} questions are never answered", self.questions.len());
    }

    fn replace(&mut self, role: Role) {
        self.read();
        self.world.replace(role, true);
        if role == Role::Cache {
            self.unsent = self.questions.keys().copied().collect();
            self.send();
        }
    }

    /// The ids of what is stored.
    fn stored(&mut self) -> BTreeSet<EventId> {
        let subscribe = Subscribe {
            filters: vec![Filter::default()],
            cache: CachePolicy::CacheOnly,
            ..Subscribe::default()
        };
        self.world.subscribe("all", subscribe);
        self.world.advance(1_000);
        let read = self.world.read("all").into_iter().filter_map(|message| match message {
            ParserToPage::Event(delivery) => Some(delivery.event.id),
            _ => None,
        });
        read.collect()
    }
}

fn notes(count: u64) -> Vec<Event> {
    let event = |n| signed_event((n % 20) as u8 + 1, 1, 1_000 + n, &[], &format!("note {n}"));
    (0..count).map(event).collect()
}

/// Messages of so many lines.
fn messages(lines: &[String]) -> Vec<Vec<u8>> {
    let text = |some: &[String]| some.join("\n").into_bytes();
    lines.chunks(LINES).map(text).collect()
}

/// One run: the role or two of `seed` end in the middle of an import.
fn run(seed: u64, events: &[Event]) {
    let mut random = Random::new(seed + 1);
    let mut lines: Vec<String> = events.iter().map(|event| event.to_json()).collect();
    let forged = events[0].to_json().replace("note 0", "note 1");
    let mut stolen = events[1].clone().into_raw();
    stolen.sig = events[2].sig;
    lines.insert(100, forged);
    lines.insert(701, stolen.to_json());
    let messages = messages(&lines);
    let mut page = Importing::new(World::new(Setup {
        seed,
        ..Setup::default()
    }));
    let mut deaths = Vec::new();
    for (at, text) in messages.iter().enumerate() {
        page.import(text.clone());
        page.turns(random.below(30));
        if at == (seed % 50) as usize || (seed.is_multiple_of(3) && at == 20 + (seed % 40) as usize) {
            let role = Role::ALL[(seed as usize + deaths.len()) % 4];
            page.replace(role);
            deaths.push(role);
        }
    }
    page.settle();
    let name = format!("seed {seed}, {deaths:?}");
    let told: Vec<Imported> = page.told.values().cloned().collect();
    assert_eq!(told.len(), messages.len(), "{name}");
    let sum = |number: fn(&Imported) -> usize| told.iter().map(number).sum::<usize>();
    let (stored, known) = (
        sum(|report| report.stored as usize),
        sum(|report| report.known as usize),
    );
    let numbered = told.iter().enumerate();
    let bad: Vec<usize> = numbered
        .flat_map(|(message, report)| report.bad.iter().map(move |(at, _)| message * LINES + *at as usize))
        .collect();
    assert_eq!(bad, [100, 701], "{name}");
    assert_eq!(stored + known, events.len(), "{name}");
    if !deaths.contains(&Role::Cache) {
        assert_eq!(known, 0, "{name}: {known} are told to have been there before");
    }
    // A cache that ends takes with it what was not durable, so the page gives it to the next.
    page.import(Vec::new());
    if deaths.contains(&Role::Cache) {
        for text in &messages {
            page.import(text.clone());
        }
        page.import(Vec::new());
    }
    page.settle();
    let all: BTreeSet<EventId> = events.iter().map(|event| event.id).collect();
    assert_eq!(page.stored(), all, "{name}");
}

#[test]
fn whichever_role_ends_during_an_import_every_line_is_told_once_and_every_good_one_stored() {
    let events = notes(1_200);
    for seed in 0..60 {
        run(seed, &events);
    }
}

/// How many turns of the roles it takes from the relay's event to the page, at most, of so many.
fn slowest(page: &mut Importing, events: &[Event]) -> usize {
    let mut most = 0;
    for event in events {
        page.world.hand_in("a", event.clone().into_raw());
        let mut turns = 0;
        loop {
            page.turns(1);
            turns += 1;
            let read = page.world.read("live");
            if read
                .iter()
                .any(|message| matches!(message, ParserToPage::Event(d) if d.event.id == event.id))
            {
                break;
            }
            assert!(turns < 10_000, "it never arrives");
        }
        most = most.max(turns);
    }
    most
}

#[test]
fn a_live_event_is_as_soon_at_the_page_beside_an_import_of_twenty_thousand() {
    let relay = ScriptedRelay::new(Manners::default());
    let mut page = Importing::new(World::new(Setup {
        relays: vec![("a", relay)],
        ..Setup::default()
    }));
    let live = Subscribe {
        filters: vec![Filter {
            kinds: Some(vec![Kind(7)]),
            ..Filter::default()
        }],
        relays: vec![url("a")],
        ..Subscribe::default()
    };
    page.world
        .parser
        .try_send(PageToParser::Subscribe {
            sub: sub("live"),
            subscribe: live,
        })
        .unwrap();
    page.world.advance(1_000);
    let events: Vec<Event> = (0..40).map(|n| signed_event(21, 7, 2_000 + n, &[], "live")).collect();
    let alone = slowest(&mut page, &events[..30]);
    let lines: Vec<String> = notes(20_000).iter().map(|event| event.to_json()).collect();
    for text in messages(&lines) {
        page.import(text);
    }
    let most = slowest(&mut page, &events[30..]);
    assert!(!page.questions.is_empty(), "the import was over before");
    println!("{alone} alone, {most} beside");
    assert!(most <= 3 * alone, "{most} turns, {alone} without an import");
    page.settle();
    assert_eq!(page.told.values().map(|report| report.stored).sum::<u32>(), 20_000);
}
