//! One run: a world drawn from a seed, and what happens in it.

use std::collections::{BTreeMap, BTreeSet};

use nostr_ferry::connections;
use nostr_ferry::message::*;
use nostr_ferry::nostr::event::{Event, EventId, RawEvent};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::parser;
use nostr_ferry::role::Role;
use nostr_ferry::router::PortConfig;
use nostr_ferry::time::UnixSeconds;

use super::page::{Publish, Sub};
use super::world::engine::{Setup, World, sub, url};
use super::world::executor::Random;
use super::world::people::pubkey;
use super::world::relay::{AuthRule, Manners, ScriptedRelay, signed_event};

const NAMES: [&str; 3] = ["a", "b", "c"];
/// Who writes; the page's own key is another.
const AUTHORS: u8 = 4;
const ME: u8 = 9;

pub struct Play {
    pub world: World,
    pub random: Random,
    pub subs: Vec<Sub>,
    pub publishes: BTreeMap<u64, Publish>,
    /// Every true event there is.
    pub events: BTreeMap<EventId, RawEvent>,
    /// By relay: the ids of which it has a forged copy.
    pub forged: BTreeMap<&'static str, BTreeSet<EventId>>,
    pub replaced: Vec<Role>,
    /// Relays that were made to say CLOSED.
    pub closers: BTreeSet<&'static str>,
    names: u32,
    numbers: u32,
    pub clock_ms: u64,
}

fn event(random: &mut Random, number: u32, at: u64) -> Event {
    let key = random.below(AUTHORS as usize) as u8 + 1;
    let kind = [1, 1, 1, 7][random.below(4)];
    let length = [10, 10, 300, 2_000][random.below(4)];
    let content = format!("{number} {}", "x".repeat(random.below(length)));
    let topic = format!("t{}", random.below(3));
    signed_event(key, kind, at, &[&["t", &topic]], &content)
}

fn manners(random: &mut Random) -> Manners {
    let mut manners = Manners {
        stutters: random.below(3) == 0,
        newest_first: random.below(5) > 0,
        says_eose: random.below(8) > 0,
        counts: random.below(4) > 0,
        says_ok: random.below(6) > 0,
        ..Manners::default()
    };
    manners.max_limit = [usize::MAX, usize::MAX, 60][random.below(3)];
    manners.auth = [
        AuthRule::Never,
        AuthRule::Never,
        AuthRule::Optional,
        AuthRule::Required,
        AuthRule::RequiredWithoutOk,
    ][random.below(5)];
    if random.below(8) == 0 {
        manners.rejects = Some("blocked: no".into());
    }
    manners
}

impl Play {
    pub fn new(seed: u64) -> Play {
        let mut random = Random::new(seed.wrapping_mul(31) + 7);
        let (mut events, mut numbers) = (BTreeMap::new(), 0);
        let now = 1_700_000_000;
        let mut stored = Vec::new();
        for _ in 0..random.below(120) {
            numbers += 1;
            let age = 1 + random.below(40) as u64 * [1, 60, 3_600][random.below(3)];
            stored.push(event(&mut random, numbers, now - age).into_raw());
        }
        events.extend(stored.iter().map(|event: &RawEvent| (event.id, event.clone())));
        let (mut relays, mut forged) = (Vec::new(), BTreeMap::new());
        for name in NAMES {
            let mut relay = ScriptedRelay::new(manners(&mut random));
            relay.store(stored.iter().filter(|_| random.below(4) > 0).cloned());
            // One in twenty has a copy whose signature does not hold.
            if random.below(3) == 0 {
                let copies = stored.iter().filter(|_| random.below(20) == 0).map(|event| {
                    let mut forged = event.clone();
                    forged.sig.0[9] ^= 1;
                    forged
                });
                let copies: Vec<RawEvent> = copies.collect();
                forged.insert(name, copies.iter().map(|event| event.id).collect());
                relay.store(copies);
            }
            relays.push((name, relay));
        }
        let world = World::new(Setup {
            seed,
            ports: [
                PortConfig::default(),
                PortConfig::sized(16 << 10, 4 << 10),
                PortConfig::sized(4096, 1024),
            ][random.below(3)],
            relays,
            piped: random.below(4) > 0,
            connections: connections::Config {
                spool_bytes: [2 << 20, 16 << 10, 4 << 10][random.below(3)],
                page_events: [500, 20][random.below(2)],
                ..connections::Config::default()
            },
            parser: parser::Config {
                page_queue_bytes: [256 << 10, 4 << 10][random.below(2)],
                ..parser::Config::default()
            },
            ..Setup::default()
        });
        let mut play = Play {
            world,
            random,
            subs: Vec::new(),
            publishes: BTreeMap::new(),
            events,
            forged,
            replaced: Vec::new(),
            closers: BTreeSet::new(),
            names: 0,
            numbers,
            clock_ms: 0,
        };
        play.sign_in();
        play
    }

    pub fn run(&mut self) {
        for _ in 0..40 + self.random.below(60) {
            self.step();
            let turns = self.random.below([4, 40][self.random.clone().below(2)]);
            self.world.turns(turns);
            if self.random.below(3) > 0 {
                let frames = self.random.below(30);
                self.world.let_through(frames);
            }
            if self.random.below(4) == 0 {
                self.read();
            }
        }
    }

    /// Whatever was begun comes to its end: relays are there and behave, the page reads, time passes.
    pub fn rest(&mut self) {
        for name in NAMES {
            self.world.stall(name, false);
            self.world.cut_unseen(name, false);
        }
        self.world.page_will_take(None);
        for _ in 0..40 {
            self.read();
            self.advance(30_000);
        }
        self.read();
    }

    /// What happens, for whoever looks for the cause: `FERRY_LOG=1`.
    fn note(&mut self, line: String) {
        if std::env::var("FERRY_LOG").is_ok() {
            eprintln!("{:>9} {line}", self.clock_ms);
        }
    }

    fn step(&mut self) {
        let name = NAMES[self.random.below(NAMES.len())];
        match self.random.below(100) {
            0..12 => self.subscribe(),
            12..16 => self.unsubscribe(),
            16..46 => self.live(name),
            46..52 => self.publish(),
            52..54 => self.abort(),
            54..58 => self.replace(),
            58..63 => {
                self.note(format!("cut {name}"));
                self.world.cut_unseen(name, false);
            }
            63..66 => {
                self.note(format!("down {name}"));
                self.world.cut_unseen(name, true);
            }
            66..70 => {
                self.note(format!("up {name}"));
                self.world.cut_unseen(name, false);
            }
            70..73 => self.close_somebody(name),
            73..76 => {
                let number = self.random.below(3);
                self.world
                    .say_at(name, vec![format!("[\"AUTH\",\"in between {number}\"]")]);
            }
            76..80 => {
                let room = [Some(0), Some(5), Some(60), None, None][self.random.below(5)];
                self.note(format!("room {room:?}"));
                self.world.page_will_take(room);
            }
            80..83 => self.world.stall(name, true),
            83..87 => self.world.stall(name, false),
            87..94 => {
                let ms = [10, 1_000, 5_000, 40_000][self.random.below(4)];
                self.note(format!("advance {ms}"));
                self.advance(ms);
            }
            94..96 => {
                let ms = [60_000, 3_600_000][self.random.below(2)];
                self.note(format!("jump {ms}"));
                self.world.jump(ms);
                self.clock_ms += ms;
            }
            96..98 => {
                self.world
                    .say_at(name, vec!["[\"NOTICE\",\"hm\"]".into(), "[\"EOSE\",\"nobody\"]".into()]);
            }
            _ => {
                self.world.connections.try_send(PageToConnections::Online).ok();
            }
        }
    }

    fn advance(&mut self, ms: u64) {
        self.clock_ms += ms;
        self.world.advance(ms);
    }

    fn filters(&mut self) -> Vec<Filter> {
        let one = |random: &mut Random| {
            let mut filter = Filter::default();
            match random.below(4) {
                0 => filter.kinds = Some(vec![Kind(1)]),
                1 => filter.kinds = Some(vec![Kind(1), Kind(7)]),
                2 => filter.authors = Some(vec![pubkey(1), pubkey(2), pubkey(ME)]),
                _ => filter.kinds = Some(vec![Kind(7)]),
            }
            filter.limit = [None, None, Some(0), Some(1), Some(10), Some(100)][random.below(6)];
            filter
        };
        let many = 1 + usize::from(self.random.below(4) == 0);
        (0..many).map(|_| one(&mut self.random)).collect()
    }

    fn subscribe(&mut self) {
        if self.subs.iter().filter(|sub| sub.is_open()).count() >= 6 {
            return;
        }
        let random = &mut self.random;
        let mut subscribe = Subscribe {
            cache: [
                CachePolicy::CacheThenNetwork,
                CachePolicy::CacheThenNetwork,
                CachePolicy::NoCache,
                CachePolicy::CacheFirst,
                CachePolicy::CacheOnly,
                CachePolicy::Count,
            ][random.below(6)],
            close_on_eose: random.below(6) == 0,
            timeout_ms: (random.below(8) == 0).then_some(20_000),
            max_events: (random.below(8) == 0).then_some(15),
            slow: random.below(4) == 0,
            ..Subscribe::default()
        };
        if subscribe.cache == CachePolicy::Count {
            // As the page's `count` asks.
            subscribe.timeout_ms = Some(20_000);
            subscribe.max_events = None;
        }
        if random.below(4) == 0 {
            subscribe.pipeline = vec![PipeSpec::Parse, PipeSpec::SerializeEvents];
        }
        if random.below(3) == 0 {
            subscribe.relays = NAMES
                .iter()
                .filter(|_| random.below(2) == 0)
                .map(|name| url(name))
                .collect();
        }
        subscribe.filters = self.filters();
        let name = self.next_name();
        self.note(format!(
            "subscribe {name} {:?} {:?}",
            subscribe.cache, subscribe.filters
        ));
        self.say(PageToParser::Subscribe {
            sub: sub(&name),
            subscribe: subscribe.clone(),
        });
        self.subs.push(Sub::new(subscribe, name, self.clock_ms));
    }

    fn next_name(&mut self) -> String {
        self.names += 1;
        format!("{}:s", self.names)
    }

    fn unsubscribe(&mut self) {
        self.read();
        let open: Vec<usize> = (0..self.subs.len()).filter(|at| self.subs[*at].is_open()).collect();
        if open.is_empty() {
            return;
        }
        let at = open[self.random.below(open.len())];
        let name = self.subs[at].name().to_owned();
        self.note(format!("unsubscribe {name}"));
        self.subs[at].closed = true;
        self.say(PageToParser::Unsubscribe { sub: sub(&name) });
    }

    /// Somebody writes.
    fn live(&mut self, name: &'static str) {
        for _ in 0..1 + self.random.below(4) {
            self.numbers += 1;
            let now = self.world.now().0;
            let at = now - [0, 0, 1, 60][self.random.below(4)];
            let event = event(&mut self.random, self.numbers, at).into_raw();
            self.events.insert(event.id, event.clone());
            self.world.hand_in(name, event.clone());
            if self.random.below(2) == 0 {
                let other = NAMES[self.random.below(NAMES.len())];
                if other != name {
                    self.world.hand_in(other, event);
                }
            }
        }
    }

    fn publish(&mut self) {
        let number = self.publishes.len() as u64 + 1;
        // Some are pressed for twice.
        let last = self.publishes.values().next_back();
        let again = last.filter(|_| self.random.below(3) == 0);
        let (content, created_at) = match again {
            Some(last) => (last.content.clone(), last.created_at),
            None => (format!("publish {number}"), self.world.now()),
        };
        self.note(format!("publish {number} {content} {created_at:?}"));
        let relays = NAMES
            .iter()
            .filter(|_| self.random.below(2) == 0)
            .map(|name| url(name))
            .collect();
        self.publishes.insert(
            number,
            Publish {
                content,
                created_at,
                relays,
                signed: None,
                signatures: Vec::new(),
                routed: Vec::new(),
                last_words: BTreeMap::new(),
                sent: BTreeSet::new(),
                ended: None,
                aborted: false,
                parsers: 0,
                wrong: Vec::new(),
            },
        );
        self.send_publish(number);
    }

    fn send_publish(&mut self, number: u64) {
        let publish = self.publishes.get_mut(&number).unwrap();
        publish.parsers += 1;
        let message = PageToParser::Publish {
            publish: PublishId(number),
            template: Template {
                kind: Kind(1),
                created_at: Some(publish.created_at),
                tags: Vec::new(),
                content: publish.content.clone(),
            },
            private_tags: None,
            relays: publish.relays.clone(),
            event: publish.signed.clone(),
        };
        self.say(message);
    }

    fn abort(&mut self) {
        let open = self.publishes.iter().filter(|(_, publish)| publish.ended.is_none());
        let open: Vec<u64> = open.map(|(number, _)| *number).collect();
        if open.is_empty() {
            return;
        }
        let number = open[self.random.below(open.len())];
        self.note(format!("abort {number}"));
        self.publishes.get_mut(&number).unwrap().aborted = true;
        self.say(PageToParser::Abort {
            publish: PublishId(number),
        });
    }

    /// A role ends, and the page does what its supervisor does.
    fn replace(&mut self) {
        let role = Role::ALL[self.random.below(4)];
        self.note(format!("replace {role}"));
        self.replaced.push(role);
        self.read();
        self.world.replace(role, true);
        match role {
            Role::Crypto => self.sign_in(),
            Role::Parser => self.ask_parser_again(),
            Role::Connections | Role::Cache => {}
        }
    }

    fn ask_parser_again(&mut self) {
        for at in 0..self.subs.len() {
            if !self.subs[at].is_open() {
                continue;
            }
            let name = self.next_name();
            if let Some(subscribe) = self.subs[at].again(name.clone(), self.clock_ms) {
                self.note(format!("{name} again"));
                let sub = sub(&name);
                self.say(PageToParser::Subscribe { sub, subscribe });
            }
        }
        let open = self.publishes.iter().filter(|(_, publish)| publish.ended.is_none());
        for number in Vec::from_iter(open.map(|(number, _)| *number)) {
            match self.publishes[&number].aborted {
                // The page has forgotten it.
                true => self.publishes.get_mut(&number).unwrap().ended = Some("failed: aborted".into()),
                false => self.send_publish(number),
            }
        }
    }

    fn sign_in(&mut self) {
        let request = RequestId(1);
        let choice = SignerChoice::PrivateKey(Secret(format!("{ME:02x}").repeat(32).into()));
        self.world
            .signer
            .try_send(PageToCrypto::Use { request, choice })
            .unwrap();
        let pubkey = pubkey(ME);
        self.world
            .connections
            .try_send(PageToConnections::SignedIn { pubkey })
            .ok();
    }

    /// A relay closes one of the subscriptions that it serves.
    fn close_somebody(&mut self, name: &'static str) {
        let open: Vec<String> = self.world.relay(name, |relay| {
            relay.open_subs().iter().map(|sub| sub.to_string()).collect()
        });
        if open.is_empty() {
            return;
        }
        let wire = &open[self.random.below(open.len())];
        let reason = [
            "error: shutting down idle subscription",
            "error: try later",
            "blocked: enough",
        ][self.random.below(3)];
        self.note(format!("{name} closes {wire}: {reason}"));
        self.closers.insert(name);
        self.world.relay(name, |relay| relay.forget(wire));
        let frame = format!("[\"CLOSED\",\"{wire}\",\"{reason}\"]");
        self.world.say_at(name, vec![frame]);
    }

    fn say(&mut self, mut message: PageToParser) {
        while let Some(unsent) = self.world.offer(message) {
            message = unsent;
            self.read();
        }
    }

    /// Takes in all that was said to the page.
    pub fn read(&mut self) {
        for sub in &mut self.subs {
            let name = sub.name().to_owned();
            for message in self.world.read(&name) {
                // What is late for a closed one vanishes quietly.
                if sub.closed {
                    continue;
                }
                if let ParserToPage::Eose { relay } = &message {
                    self.world.relay(relay.as_str().trim_start_matches("wss://"), |relay| {
                        let owed = relay.owed.iter_mut().filter(|(sub, _)| sub.as_str() == name);
                        owed.for_each(|(_, owed)| owed.heard = true);
                    });
                }
                sub.hear(message);
            }
        }
        for report in self.world.reports() {
            if let ParserReport::Publish { publish, status, .. } = report {
                self.publishes.get_mut(&publish.0).unwrap().hear(status);
            }
        }
        self.world.signer_says();
    }

    /// All that was said, to the relays and to the page.
    pub fn story(&mut self) -> Vec<String> {
        let mut story = Vec::new();
        for name in NAMES {
            let said = self.world.relay(name, |relay| {
                relay.received.iter().map(|frame| frame.to_json()).collect::<Vec<_>>()
            });
            story.extend(said.into_iter().map(|frame| format!("to {name}: {frame}")));
        }
        for sub in &self.subs {
            let ids = sub.delivered.iter().map(|(id, _)| id.to_string());
            story.extend(ids.map(|id| format!("{} had {id}", sub.name())));
            story.extend(sub.told.iter().map(|(name, told)| format!("{name} was told {told:?}")));
        }
        for (number, publish) in &self.publishes {
            story.push(format!("publish {number}: {:?}", publish.last_words));
        }
        story
    }

    pub fn created_at(&self, id: &EventId) -> Option<UnixSeconds> {
        self.events.get(id).map(|event| event.created_at)
    }
}
