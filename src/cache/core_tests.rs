//! The core as the loop sees it: inputs in, messages and operations out.

use super::core::{Config, Input, Limits};
use super::relays::RelayConfig;
use super::storage::MemoryStorage;
use super::store::{Operation, StoreConfig};
use super::testing::{World, event, filter, note, sub};
use crate::message::{CachePolicy, CacheToParser, Control, Envelope, PageToCache, ParserToCache, PublishId};
use crate::nostr::event::Event;
use crate::nostr::frame::ClientFrame;
use crate::nostr::relay_url::RelayUrl;

fn relay(name: &str) -> RelayUrl {
    RelayUrl::parse(&format!("wss://{name}.example")).unwrap()
}

fn relays(names: &[&str]) -> Vec<RelayUrl> {
    names.iter().map(|name| relay(name)).collect()
}

fn with_defaults() -> World {
    World::with(Config {
        relays: RelayConfig {
            indexers: relays(&["index"]),
            defaults: relays(&["default"]),
            max_relays: None,
        },
        ..Config::default()
    })
}

fn events_of<'a>(said: &'a [CacheToParser], name: &str) -> Vec<&'a str> {
    let events = said.iter().filter_map(|message| match message {
        CacheToParser::Event { sub, event } if sub.as_str() == name => Some(event.content.as_str()),
        _ => None,
    });
    events.collect()
}

#[test]
fn a_saved_event_is_found_before_and_after_it_is_durable_and_after_a_restart() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    world.save(&note(1));
    assert_eq!(world.contents(&["{}"]), ["note 1"]);
    assert_eq!(world.saved(), [], "not durable yet");
    world.advance(100);
    assert_eq!(world.saved(), [note(1).id]);
    assert_eq!(world.contents(&["{}"]), ["note 1"]);
    assert_eq!(World::on(storage.another(), 2).contents(&["{}"]), ["note 1"]);
}

#[test]
fn events_come_newest_first_then_eoce_then_the_network_is_asked_once() {
    let mut world = with_defaults();
    world.keep(&(0..50).map(note).collect::<Vec<_>>());
    world.lookup(
        "a",
        &["{\"kinds\":[1],\"limit\":3}", "{\"ids\":[]}"],
        CachePolicy::CacheThenNetwork,
    );
    world.settle();
    assert_eq!(events_of(&world.said, "a"), ["note 49", "note 48", "note 47"]);
    assert_eq!(
        world.said[3..],
        [
            CacheToParser::Eoce { sub: sub("a") },
            CacheToParser::Asked {
                sub: sub("a"),
                relays: relays(&["default"])
            }
        ]
    );
    let filters = vec![filter("{\"kinds\":[1],\"limit\":3}"), filter("{\"ids\":[]}")];
    assert_eq!(
        world.sent,
        [Envelope {
            relays: relays(&["default"]),
            frames: vec![ClientFrame::Req { sub: sub("a"), filters }]
        }]
    );
}

#[test]
fn close_stops_the_answers_and_reaches_the_relays_that_were_asked() {
    let mut world = with_defaults();
    world.keep(&(0..50).map(note).collect::<Vec<_>>());
    world.lookup("a", &["{\"kinds\":[1]}"], CachePolicy::CacheThenNetwork);
    world.parser(ParserToCache::Close {
        sub: sub("a"),
        asked: Vec::new(),
    });
    world.settle();
    assert_eq!((world.said.len(), world.sent.len()), (0, 0), "nobody had been asked");
    world.lookup("b", &["{\"kinds\":[1],\"limit\":1}"], CachePolicy::NoCache);
    world.settle();
    world.sent.clear();
    world.parser(ParserToCache::Close {
        sub: sub("b"),
        asked: Vec::new(),
    });
    world.parser(ParserToCache::Close {
        sub: sub("b"),
        asked: Vec::new(),
    });
    assert_eq!(
        world.sent,
        [Envelope {
            relays: relays(&["default"]),
            frames: vec![ClientFrame::Close { sub: sub("b") }]
        }]
    );
}

#[test]
fn the_policies_use_store_and_network_as_they_say() {
    let mut world = with_defaults();
    world.keep(&[note(1)]);
    let mut run = |policy, json: &str| {
        world.lookup("a", &[json], policy);
        world.settle();
        let events = events_of(&world.said, "a").len();
        world.said.clear();
        let asked = world
            .sent
            .drain(..)
            .any(|envelope| matches!(envelope.frames[..], [ClientFrame::Req { .. }]));
        (events, asked)
    };
    let by_id = format!("{{\"ids\":[\"{}\"]}}", note(1).id);
    assert_eq!(run(CachePolicy::CacheThenNetwork, &by_id), (1, true));
    assert_eq!(run(CachePolicy::CacheFirst, &by_id), (1, false));
    assert_eq!(run(CachePolicy::CacheFirst, "{\"kinds\":[1]}"), (1, true));
    assert_eq!(run(CachePolicy::CacheFirst, "{\"kinds\":[1],\"limit\":1}"), (1, false));
    assert_eq!(run(CachePolicy::CacheFirst, "{\"kinds\":[1],\"limit\":0}"), (0, true));
    assert_eq!(run(CachePolicy::CacheFirst, "{\"search\":\"note\"}"), (0, true));
    assert_eq!(run(CachePolicy::CacheOnly, "{\"kinds\":[1]}"), (1, false));
    assert_eq!(run(CachePolicy::NoCache, "{\"kinds\":[1]}"), (0, true));
}

#[test]
fn cache_first_asks_only_for_the_profiles_it_does_not_have() {
    let mut world = with_defaults();
    world.keep(&[
        event(1, 0, 5, &[], ""),
        event(2, 0, 5, &[], ""),
        event(3, 30023, 5, &[&["d", "x"]], ""),
    ]);
    let key = |n: u8| format!("\"{}\"", format!("{n:02x}").repeat(32));
    let (one, two, three) = (key(1), key(2), key(3));
    let filters = [
        format!("{{\"authors\":[{one},{two}],\"kinds\":[0]}}"),
        format!("{{\"authors\":[{one},{three}],\"kinds\":[0]}}"),
        format!("{{\"authors\":[{three}],\"kinds\":[30023],\"#d\":[\"x\"]}}"),
        format!("{{\"authors\":[{three}],\"kinds\":[30023],\"#d\":[\"x\",\"y\"]}}"),
        format!("{{\"authors\":[{one}],\"kinds\":[0],\"since\":1}}"),
    ];
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    world.lookup("a", &filters, CachePolicy::CacheFirst);
    world.settle();
    let asked: Vec<_> = world
        .sent
        .iter()
        .flat_map(|envelope| &envelope.frames)
        .flat_map(|frame| match frame {
            ClientFrame::Req { filters, .. } => filters.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(asked.len(), 3);
    for unanswered in [1, 3, 4] {
        assert!(asked.contains(&filter(filters[unanswered])), "{unanswered}");
    }
}

#[test]
fn a_refill_comes_in_the_order_asked_and_counts_what_is_gone() {
    let mut world = World::new();
    world.keep(&[note(1), note(2), note(3)]);
    let ids = vec![note(2).id, note(9).id, note(1).id, note(2).id];
    world.parser(ParserToCache::Refill { sub: sub("a"), ids });
    world.settle();
    let refilled = |event: Event| CacheToParser::Refilled { sub: sub("a"), event };
    assert_eq!(
        world.said,
        [
            refilled(note(2)),
            refilled(note(1)),
            refilled(note(2)),
            CacheToParser::RefillEnd {
                sub: sub("a"),
                missing: 1
            }
        ]
    );
}

#[test]
fn a_refill_is_answered_to_its_end_although_its_subscription_has_ended() {
    let mut world = World::new();
    world.keep(&(0..50).map(note).collect::<Vec<_>>());
    let refill = ParserToCache::Refill {
        sub: sub("a"),
        ids: (0..50).map(|at| note(at).id).collect(),
    };
    world.parser(refill);
    world.parser(ParserToCache::Close {
        sub: sub("a"),
        asked: Vec::new(),
    });
    world.settle();
    let refilled = |message: &&CacheToParser| matches!(message, CacheToParser::Refilled { .. });
    assert_eq!(world.said.iter().filter(refilled).count(), 50);
    let (sub, missing) = (sub("a"), 0);
    assert_eq!(world.said.last(), Some(&CacheToParser::RefillEnd { sub, missing }));
}

#[test]
fn a_publish_is_saved_routed_and_sent() {
    let mut world = with_defaults();
    let list = event(1, 10002, 5, &[&["r", "wss://home.example"]], "");
    world.keep(&[list]);
    let event = event(1, 1, 7, &[], "mine");
    world.parser(ParserToCache::Publish {
        publish: PublishId(4),
        event: event.clone(),
        relays: relays(&["extra"]),
    });
    world.advance(100);
    assert_eq!(
        world.said,
        [
            CacheToParser::Routed {
                publish: PublishId(4),
                relays: relays(&["extra", "home"])
            },
            CacheToParser::Saved { ids: vec![event.id] }
        ]
    );
    let frames = vec![ClientFrame::Event(event)];
    assert_eq!(
        world.sent,
        [Envelope {
            relays: relays(&["extra", "home"]),
            frames
        }]
    );
}

#[test]
fn nothing_is_said_while_the_last_answers_have_not_left_and_saves_are_taken_all_the_same() {
    let mut world = World::new();
    world.keep(&(0..500).map(note).collect::<Vec<_>>());
    world.lookup("a", &["{}"], CachePolicy::CacheOnly);
    // No credit: nobody drains the backlog.
    for _ in 0..100 {
        if world.cache.wants_step(&world.out) {
            world.input(Input::Step);
        }
        world.operate();
    }
    assert!((1..=40).contains(&world.out.parser.len()), "{}", world.out.parser.len());
    assert!(world.cache.takes_saves());
    world.keep(&[note(1_000)]);
    world.settle();
    assert_eq!(
        events_of(&world.said, "a").len(),
        500,
        "the answer is of the time it was asked"
    );
}

#[test]
fn ten_lookups_run_and_the_eleventh_waits_its_turn() {
    let mut world = World::with(Config {
        limits: Limits {
            jobs: 10,
            ..Limits::default()
        },
        ..Config::default()
    });
    world.keep(&(0..200).map(note).collect::<Vec<_>>());
    for n in 0..11 {
        world.lookup(&format!("s{n}"), &["{}"], CachePolicy::CacheOnly);
    }
    while world.said.len() < 500 {
        world.step();
        world.operate();
    }
    let counts: Vec<usize> = (0..11)
        .map(|n| events_of(&world.said, &format!("s{n}")).len())
        .collect();
    let (most, least) = (counts[..10].iter().max().unwrap(), counts[..10].iter().min().unwrap());
    assert!(most - least <= 4, "a turn each: {counts:?}");
    assert_eq!(counts[10], 0);
    world.settle();
    assert_eq!(events_of(&world.said, "s10").len(), 200);
}

#[test]
fn a_lookup_that_waits_for_the_disk_delays_no_other() {
    let storage = MemoryStorage::default();
    World::on(storage.another(), 1).keep(&(0..50).map(note).collect::<Vec<_>>());
    let mut world = World::on(storage.another(), 2);
    world.lookup("disk", &["{\"until\":40}"], CachePolicy::CacheOnly);
    world.step();
    assert_eq!(world.pending.len(), 1, "it asked for its block");
    world.save(&note(99));
    world.lookup("memory", &["{\"since\":99}"], CachePolicy::CacheOnly);
    while world.step() {}
    assert_eq!(events_of(&world.said, "memory"), ["note 99"]);
    assert_eq!(events_of(&world.said, "disk").len(), 0);
    world.settle();
    assert_eq!(events_of(&world.said, "disk").len(), 41);
}

#[test]
fn credit_is_withheld_only_while_too_much_waits_to_become_durable() {
    let mut world = World::with(Config {
        limits: Limits {
            unsaved_bytes: 2_000,
            ..Limits::default()
        },
        ..Config::default()
    });
    for n in 0..20 {
        world.save(&note(n));
    }
    assert!(!world.cache.takes_saves());
    world.advance(100);
    assert!(world.cache.takes_saves());
}

#[test]
fn saves_are_grouped_into_one_write() {
    let mut world = World::new();
    for n in 0..200 {
        world.save(&note(n));
    }
    world.advance(100);
    assert_eq!(world.counter("storage_writes"), 1);
    assert_eq!(world.saved().len(), 200);
}

#[test]
fn stop_writes_what_waits_and_then_is_stopped() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    world.save(&note(1));
    assert!(!world.cache.is_stopped());
    world.input(Input::Page(PageToCache::Control(Control::Stop)));
    assert!(matches!(world.pending[0], Operation::Write(_)));
    world.settle();
    assert!(world.cache.is_stopped());
    assert_eq!(World::on(storage, 2).contents(&["{}"]), ["note 1"]);
}

#[test]
fn a_limit_of_twenty_over_many_events_reads_few_blocks() {
    let storage = MemoryStorage::default();
    let mut writer = World::on(storage.another(), 1);
    for chunk in 0..20 {
        writer.keep(&(0..500).map(|n| note(chunk * 500 + n)).collect::<Vec<_>>());
    }
    let mut world = World::starting(storage.another(), 2, Config::default());
    world.settle();
    let start = world.counter("storage_reads");
    assert!(start <= 5, "{start} reads to start");
    assert_eq!(world.contents(&["{\"kinds\":[1],\"limit\":20}"]).len(), 20);
    assert!(world.counter("storage_reads") <= start + 2);
}

#[test]
fn the_newest_events_are_found_before_the_index_is_complete() {
    let storage = MemoryStorage::default();
    let mut config = Config::default();
    config.store.group_bytes = 1;
    let mut writer = World::starting(storage.another(), 1, config.clone());
    writer.settle();
    // Each a segment of its own: nothing is compacted while writes follow each other at once.
    for n in 0..30 {
        writer.save(&note(n));
        while writer.operate() {}
    }
    let mut world = World::starting(storage.another(), 2, config);
    world.lookup("a", &["{\"limit\":2}"], CachePolicy::CacheOnly);
    let mut operations = 0;
    while events_of(&world.said, "a").len() < 2 {
        while world.step() {}
        assert!(world.operate());
        operations += 1;
        while events_of(&world.said, "a").len() < 2 && world.step() {}
    }
    assert!(
        operations <= 4,
        "listing, first index blobs, the next ahead, blocks: {operations}"
    );
    assert!(
        world
            .cache
            .counters()
            .iter()
            .any(|(name, count)| *name == "events" && *count < 30)
    );
}

#[test]
fn the_default_sizes_are_those_of_the_specification() {
    assert_eq!(StoreConfig::default().budget_bytes, 256 << 20);
    assert_eq!(Limits::default().jobs, 10);
}
