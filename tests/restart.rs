//! A role that ends at any turn is replaced alone, and nobody but its peers can tell.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use nostr_ferry::message::*;
use nostr_ferry::nostr::event::{Event, EventId, RawEvent};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::role::Role;
use nostr_ferry::router::PortConfig;
use world::engine::{Setup, World, sub, url};
use world::executor::Random;
use world::relay::{Manners, ScriptedRelay, signed_event};

const SEEDS: u64 = 200;
const EVENTS: usize = 1_000;
/// Stored at the relays before anybody asks; the others are published while the engine runs.
const STORED: usize = 600;

/// What the page keeps in order to repeat it: its subscription, its publishes, its signer.
struct Page {
    world: World,
    filters: Vec<Filter>,
    /// How often the parser was replaced; part of the subscription's internal id.
    parsers: u32,
    delivered: Vec<EventId>,
    /// Everything that is no event, by name.
    words: BTreeMap<String, u32>,
    publishes: BTreeMap<u64, Publish>,
}

#[derive(Default)]
struct Publish {
    signed: Option<RawEvent>,
    accepted: BTreeSet<String>,
    failed: Option<SignerError>,
    complete: bool,
}

impl Page {
    fn new(seed: u64, events: &[Event]) -> Page {
        let relay = |skip: usize| {
            let mut relay = ScriptedRelay::new(Manners::default());
            let stored = events[..STORED].iter().enumerate();
            // Each lacks some that the other has.
            relay.store(
                stored
                    .filter(|(at, _)| at % 5 != skip)
                    .map(|(_, event)| event.clone().into_raw()),
            );
            relay
        };
        let small = PortConfig::sized(16 << 10, 4 << 10);
        let world = World::new(Setup {
            seed,
            ports: if seed.is_multiple_of(2) {
                PortConfig::default()
            } else {
                small
            },
            relays: vec![("a", relay(0)), ("b", relay(1))],
            ..Setup::default()
        });
        Page::over(world, kinds(&[1]))
    }

    fn over(world: World, filter: Filter) -> Page {
        let mut page = Page {
            world,
            filters: vec![filter],
            parsers: 0,
            delivered: Vec::new(),
            words: BTreeMap::new(),
            publishes: BTreeMap::new(),
        };
        page.sign_in();
        page
    }

    fn name(&self) -> String {
        format!("{}:s", self.parsers)
    }

    fn sign_in(&mut self) {
        let request = RequestId(1);
        let choice = SignerChoice::PrivateKey(Secret("07".repeat(32).into()));
        self.world
            .signer
            .try_send(PageToCrypto::Use { request, choice })
            .unwrap();
    }

    fn subscribe(&mut self) {
        let subscribe = Subscribe {
            filters: self.filters.clone(),
            delivered: self.delivered.clone(),
            ..Subscribe::default()
        };
        let sub = sub(&self.name());
        self.say(PageToParser::Subscribe { sub, subscribe });
    }

    fn publish(&mut self, number: u64) {
        let known = self.publishes.entry(number).or_default();
        let event = known.signed.clone();
        self.say(PageToParser::Publish {
            publish: PublishId(number),
            template: Template {
                kind: Kind(7),
                created_at: None,
                tags: Vec::new(),
                content: format!("publish {number}"),
            },
            relays: vec![url("a"), url("b")],
            event,
            private_tags: None,
        });
    }

    fn say(&mut self, mut message: PageToParser) {
        while let Some(unsent) = self.world.offer(message) {
            message = unsent;
            self.read();
        }
    }

    /// Takes in all that was said to the page.
    fn read(&mut self) {
        let name = self.name();
        for message in self.world.read(&name) {
            let word = match message {
                ParserToPage::Event(delivery) => {
                    self.delivered.push(delivery.event.id);
                    continue;
                }
                ParserToPage::Eose { relay } => format!("EOSE {relay}"),
                other => format!("{other:?}"),
            };
            *self.words.entry(format!("{} {word}", self.parsers)).or_default() += 1;
        }
        for report in self.world.reports() {
            let ParserReport::Publish { publish, status, .. } = report else {
                continue;
            };
            let known = self.publishes.get_mut(&publish.0).unwrap();
            match status {
                PublishStatus::Signed { event } => {
                    let before = known.signed.replace(event.clone().into_raw());
                    assert!(
                        before.is_none_or(|before| before == event.into_raw()),
                        "it was signed twice"
                    );
                }
                PublishStatus::Accepted { relay, .. } => drop(known.accepted.insert(relay.to_string())),
                PublishStatus::Complete => known.complete = true,
                PublishStatus::Failed { error } => known.failed = Some(error),
                PublishStatus::Queued { .. } | PublishStatus::Sent { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// What the page's supervisor does.
    fn replace(&mut self, role: Role) {
        self.read();
        self.world.replace(role, true);
        match role {
            Role::Crypto => self.sign_in(),
            Role::Parser => {
                self.parsers += 1;
                self.subscribe();
                let open = self.publishes.iter().filter(|(_, publish)| !publish.complete);
                for number in Vec::from_iter(open.map(|(number, _)| *number)) {
                    self.publish(number);
                }
            }
            Role::Connections | Role::Cache => {}
        }
    }
}

fn kinds(kinds: &[u16]) -> Filter {
    Filter {
        kinds: Some(kinds.iter().copied().map(Kind).collect()),
        ..Filter::default()
    }
}

fn events() -> Vec<Event> {
    let event = |at| signed_event((at % 7) as u8 + 1, 1, 1_000 + at as u64, &[], &format!("note {at}"));
    (0..EVENTS).map(event).collect()
}

/// One run: the role or two of `seed` end in the middle of things.
fn run(seed: u64, events: &[Event]) {
    let mut random = Random::new(seed + 1);
    let mut page = Page::new(seed, events);
    page.subscribe();
    let mut deaths = Vec::new();
    for (at, event) in events[STORED..].iter().enumerate() {
        let relay = if at % 2 == 0 { "a" } else { "b" };
        page.world.hand_in(relay, event.clone().into_raw());
        if at == 50 || at == 200 {
            page.publish(at as u64);
        }
        page.world.turns(random.below(12));
        // The first death may come before anything was answered.
        if at == (seed / 4) as usize || (seed.is_multiple_of(3) && at == 60 + (seed / 4) as usize) {
            let role = Role::ALL[(seed as usize + deaths.len()) % 4];
            page.replace(role);
            deaths.push(role);
        }
    }
    page.world.drive();
    // Retries and time-outs, of which there should be none, have their time.
    page.world.advance(60_000);
    page.read();
    let name = format!("seed {seed}, {deaths:?}");

    let distinct: BTreeSet<EventId> = page.delivered.iter().copied().collect();
    let expected: BTreeSet<EventId> = events.iter().map(|event| event.id).collect();
    assert_eq!(distinct.len(), page.delivered.len(), "{name}: delivered twice");
    assert_eq!(expected.difference(&distinct).count(), 0, "{name}: lost");
    assert_eq!(distinct.len(), expected.len(), "{name}: never sent");
    for (word, times) in &page.words {
        assert_eq!(*times, 1, "{name}: {word}");
    }
    for relay in ["a", "b"] {
        let word = format!("{} EOSE {}", page.parsers, url(relay));
        assert!(page.words.contains_key(&word), "{name}: {:?}", page.words);
    }
    assert_eq!(page.publishes.len(), 2);
    for (number, publish) in &page.publishes {
        assert_eq!(publish.failed, None, "{name}: publish {number}");
        assert!(publish.complete, "{name}: publish {number}");
        assert_eq!(publish.accepted.len(), 2, "{name}: publish {number}");
        let signed = publish.signed.as_ref().unwrap();
        for relay in ["a", "b"] {
            let filter = Filter {
                kinds: Some(vec![Kind(7)]),
                ids: Some(vec![signed.id]),
                ..Filter::default()
            };
            let held = page.world.relay(relay, |relay| relay.ids(&[filter]).len());
            assert_eq!(held, 1, "{name}: publish {number} at {relay}");
        }
    }
    // Nothing stays open at a relay that the page did not ask for.
    page.say(PageToParser::Unsubscribe { sub: sub(&page.name()) });
    page.world.drive();
    for relay in ["a", "b"] {
        let left = page.world.relay(relay, |relay| relay.open_subs().len());
        assert_eq!(left, 0, "{name}: left open at {relay}");
    }
}

#[test]
fn whichever_role_ends_and_when_the_page_gets_every_event_once_and_publishes_settle() {
    let events = events();
    for seed in 0..SEEDS {
        run(seed, &events);
    }
}

#[test]
fn a_subscription_stays_at_its_relays_although_others_would_be_chosen_by_now() {
    for role in Role::ALL {
        // Where its author writes is known only after the relay has been asked.
        let list = signed_event(1, 10_002, 1_000, &[&["r", "wss://elsewhere"]], "");
        let filter = Filter {
            authors: Some(vec![list.pubkey]),
            ..kinds(&[1, 10_002])
        };
        let mut relay = ScriptedRelay::new(Manners::default());
        relay.store([list.into_raw()]);
        let mut page = Page::over(
            World::new(Setup {
                relays: vec![("a", relay)],
                ..Setup::default()
            }),
            filter,
        );
        page.subscribe();
        page.world.advance(1_000);
        for number in 0..3 {
            page.replace(role);
            page.world.drive();
            let live = signed_event(1, 1, 2_000 + number, &[], "live");
            page.world.publish_at("a", live.clone().into_raw());
            page.read();
            assert_eq!(page.delivered.last(), Some(&live.id), "{role}, {number}");
        }
        assert_eq!(page.delivered.len(), 4, "{role}");
    }
}
