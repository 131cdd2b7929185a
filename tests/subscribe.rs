//! Subscriptions through all four roles, in any order of turns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use nostr_ferry::cache::storage::MemoryStorage;
use nostr_ferry::message::*;
use nostr_ferry::nostr::event::Event;
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::frame::ClientFrame;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::nostr::nip04;
use nostr_ferry::router::PortConfig;
use world::engine::{Setup, World, sub};
use world::relay::{Manners, ScriptedRelay, signed_event};

fn relay_with(events: &[Event]) -> ScriptedRelay {
    let mut relay = ScriptedRelay::new(Manners::default());
    relay.store(events.iter().map(|event| event.clone().into_raw()));
    relay
}

fn notes(key: u8, count: u64) -> Vec<Event> {
    (0..count)
        .map(|at| signed_event(key, 1, 1_000 + at, &[], &format!("note {at} of {key}")))
        .collect()
}

fn kinds(kind: u16) -> Subscribe {
    Subscribe {
        filters: vec![Filter {
            kinds: Some(vec![Kind(kind)]),
            ..Filter::default()
        }],
        ..Subscribe::default()
    }
}

/// The contents of the events among `messages`, and everything else by name.
fn words(messages: &[ParserToPage]) -> Vec<String> {
    let word = |message: &ParserToPage| match message {
        ParserToPage::Event(delivery) => delivery.event.content.clone(),
        ParserToPage::Eoce => "EOCE".into(),
        ParserToPage::Eose { .. } => "EOSE".into(),
        ParserToPage::EoseAll => "EOSE all".into(),
        ParserToPage::Closed { .. } => "CLOSED".into(),
        ParserToPage::Count(_) => "COUNT".into(),
        ParserToPage::Proofs(_) => "PROOFS".into(),
        ParserToPage::RelayCount {
            relay,
            count,
            approximate,
        } => format!("{relay} has {count} {approximate}"),
        ParserToPage::Unreachable { relay, reason } => format!("{relay} {reason}"),
        ParserToPage::BufferFull { dropped } => format!("dropped {dropped}"),
        ParserToPage::Ended { reason } => format!("{reason:?}"),
    };
    messages.iter().map(word).collect()
}

fn newest_first(key: u8, count: u64) -> Vec<String> {
    (0..count).rev().map(|at| format!("note {at} of {key}")).collect()
}

const SMALL: PortConfig = PortConfig::sized(4096, 1024);

#[test]
fn subscribe_events_eose_live_and_unsubscribe_are_the_same_for_two_hundred_seeds() {
    for seed in 0..200 {
        let ports = if seed % 2 == 0 { PortConfig::default() } else { SMALL };
        let relays = vec![("relay", relay_with(&notes(1, 12)))];
        let mut world = World::new(Setup {
            seed,
            ports,
            relays,
            ..Setup::default()
        });
        world.subscribe("s", kinds(1));
        let mut expected = vec!["EOCE".to_owned()];
        expected.extend(newest_first(1, 12));
        expected.extend(["EOSE".to_owned(), "EOSE all".to_owned()]);
        assert_eq!(words(&world.read("s")), expected, "seed {seed}");

        world.publish_at("relay", signed_event(2, 1, 5_000, &[], "live").into_raw());
        assert_eq!(words(&world.read("s")), ["live"], "seed {seed}");

        world.tell(PageToParser::Unsubscribe { sub: sub("s") });
        world.publish_at("relay", signed_event(2, 1, 5_001, &[], "late").into_raw());
        assert!(world.read("s").is_empty(), "seed {seed}");
        assert!(
            world.relay("relay", |relay| relay.open_subs().is_empty()),
            "seed {seed}: the relay was not told"
        );
    }
}

#[test]
fn a_second_start_answers_from_the_store_and_the_network_adds_only_what_is_new() {
    for seed in 0..50 {
        let storage = MemoryStorage::default();
        let again = storage.another();
        let mut world = World::new(Setup {
            seed,
            storage,
            relays: vec![("relay", relay_with(&notes(1, 10)))],
            ..Setup::default()
        });
        world.subscribe("s", kinds(1));
        world.advance(1_000);
        drop(world);

        let mut all = notes(1, 10);
        all.push(signed_event(1, 1, 9_000, &[], "new"));
        let mut world = World::new(Setup {
            seed: seed + 1_000,
            storage: again,
            relays: vec![("relay", relay_with(&all))],
            ..Setup::default()
        });
        world.subscribe("s", kinds(1));
        let mut expected = newest_first(1, 10);
        expected.extend(["EOCE", "new", "EOSE", "EOSE all"].map(String::from));
        assert_eq!(words(&world.read("s")), expected, "seed {seed}");
    }
}

#[test]
fn two_subscriptions_side_by_side_get_each_its_own_in_order() {
    for seed in 0..50 {
        let mut events = notes(1, 30);
        events.extend((0..30).map(|at| signed_event(2, 7, 1_000 + at, &[], &format!("reaction {at}"))));
        let relays = vec![("relay", relay_with(&events))];
        let mut world = World::new(Setup {
            seed,
            ports: SMALL,
            relays,
            ..Setup::default()
        });
        let subscribe = |name, kind| PageToParser::Subscribe {
            sub: sub(name),
            subscribe: kinds(kind),
        };
        world.parser.try_send(subscribe("notes", 1)).unwrap();
        world.parser.try_send(subscribe("reactions", 7)).unwrap();
        world.drive();
        let [notes, reactions] = ["notes", "reactions"].map(|name| words(&world.read(name)));
        assert_eq!(notes[1..31], newest_first(1, 30), "seed {seed}");
        let expected: Vec<String> = (0..30).rev().map(|at| format!("reaction {at}")).collect();
        assert_eq!(reactions[1..31], expected, "seed {seed}");
        assert_eq!((notes.len(), reactions.len()), (33, 33));
    }
}

#[test]
fn the_same_event_from_two_relays_arrives_once_and_one_relay_down_ends_nothing() {
    let events = notes(1, 20);
    let relays = vec![
        ("a", relay_with(&events)),
        ("b", relay_with(&events)),
        ("c", relay_with(&[])),
    ];
    let mut world = World::new(Setup {
        relays,
        ..Setup::default()
    });
    world.cut("c", true);
    world.subscribe("s", kinds(1));
    world.advance(30_000);
    let words = words(&world.read("s"));
    assert_eq!(words.iter().filter(|word| word.starts_with("note")).count(), 20);
    assert_eq!(words.iter().filter(|word| *word == "EOSE").count(), 2);
    assert_eq!(words.last().unwrap(), "EOSE all");
    assert_eq!(world.status("c").state, RelayState::Failed);
}

#[test]
fn a_forged_copy_hides_the_true_event_neither_before_nor_after_it() {
    for (first, second) in [("bad", "good"), ("good", "bad")] {
        let event = signed_event(1, 1, 1_000, &[], "true");
        let mut forged = event.clone().into_raw();
        forged.sig.0[5] ^= 1;
        let mut bad = ScriptedRelay::new(Manners::default());
        bad.store([forged]);
        let relays = vec![("bad", bad), ("good", relay_with(&[event]))];
        let mut world = World::new(Setup {
            relays,
            ..Setup::default()
        });
        world.cut(second, true);
        world.subscribe("s", kinds(1));
        world.cut(second, false);
        world.advance(60_000);
        let messages = world.read("s");
        assert_eq!(
            words(&messages).iter().filter(|word| *word == "true").count(),
            1,
            "{first} first"
        );
        assert_eq!(world.status("bad").counters.forged, u64::from(first == "bad"));
    }
}

#[test]
fn a_forged_copy_that_comes_at_the_same_time_hides_nothing_either() {
    let event = signed_event(1, 1, 1_000, &[], "true");
    let mut forged = event.clone().into_raw();
    forged.sig.0[5] ^= 1;
    let mut found_out = 0;
    for seed in 0..100 {
        // Which relay is asked first goes by their names.
        let (first, second) = if seed % 2 == 0 { ("a", "b") } else { ("b", "a") };
        let mut bad = ScriptedRelay::new(Manners::default());
        bad.store([forged.clone()]);
        let relays = vec![(first, bad), (second, relay_with(std::slice::from_ref(&event)))];
        let mut world = World::new(Setup {
            seed,
            relays,
            ..Setup::default()
        });
        world.subscribe("s", kinds(1));
        let delivered: Vec<_> = world
            .read("s")
            .into_iter()
            .filter_map(|message| match message {
                ParserToPage::Event(delivery) => Some(delivery.event),
                _ => None,
            })
            .collect();
        assert_eq!(delivered, std::slice::from_ref(&event), "seed {seed}");
        // A status is told when there was time for it.
        world.advance(10_000);
        found_out += world.status(first).counters.forged;
    }
    assert!(found_out > 0, "the forged copy never came first");
}

#[test]
fn a_page_that_does_not_read_loses_nothing_and_gets_all_in_order_later() {
    let events = notes(1, 3_000);
    let relays = vec![("relay", relay_with(&events))];
    let mut world = World::new(Setup {
        ports: SMALL,
        relays,
        ..Setup::default()
    });
    world.page_takes(Some(0));
    world.subscribe("s", kinds(1));
    world.advance(2_000);
    assert!(world.read("s").is_empty());
    let mut got: Vec<String> = Vec::new();
    while got.len() < 3_003 {
        world.page_takes(Some(100));
        world.advance(200);
        let batch = words(&world.read("s"));
        assert!(!batch.is_empty(), "stuck after {}", got.len());
        got.extend(batch);
    }
    let mut expected = vec!["EOCE".to_owned()];
    expected.extend(newest_first(1, 3_000));
    expected.extend(["EOSE".to_owned(), "EOSE all".to_owned()]);
    assert_eq!(got, expected);
}

#[test]
fn a_slow_page_is_given_all_of_a_request_that_ended_meanwhile_and_its_end() {
    for seed in 20..40 {
        let mut world = World::new(Setup {
            seed,
            ports: SMALL,
            relays: vec![("relay", relay_with(&notes(1, 200)))],
            parser: nostr_ferry::parser::Config {
                page_queue_bytes: 1_000,
                ..Default::default()
            },
            ..Setup::default()
        });
        let subscribe = Subscribe {
            close_on_eose: true,
            ..kinds(1)
        };
        let sub = sub("s");
        let ask = PageToParser::Subscribe { sub, subscribe };
        world.parser.try_send(ask).unwrap();
        let mut got = Vec::new();
        for round in 0..400 {
            // It reads a little now and then, while the answer comes and after.
            world.page_will_take(Some(round % 3));
            world.turns(seed as usize % 20 + 1);
            got.extend(words(&world.read("s")));
        }
        world.page_takes(None);
        got.extend(words(&world.read("s")));
        let mut expected = vec!["EOCE".to_owned()];
        expected.extend(newest_first(1, 200));
        expected.extend(["EOSE", "EOSE all", "Complete"].map(String::from));
        assert_eq!(got, expected, "seed {seed}");
    }
}

#[test]
fn a_publish_goes_all_the_way_and_back() {
    for seed in 0..50 {
        let relays = vec![("relay", relay_with(&[]))];
        let mut world = World::new(Setup {
            seed,
            relays,
            ..Setup::default()
        });
        let secret = Secret("01".repeat(32).into());
        let answer = world.sign(PageToCrypto::Use {
            request: RequestId(1),
            choice: SignerChoice::PrivateKey(secret),
        });
        assert!(
            matches!(answer, CryptoToPage::Answer { result: Ok(_), .. }),
            "{answer:?}"
        );
        world.subscribe("s", kinds(1));
        let template = Template {
            kind: Kind(1),
            created_at: None,
            tags: Vec::new(),
            content: "mine".into(),
        };
        world.tell(PageToParser::Publish {
            publish: PublishId(1),
            template,
            private_tags: None,
            relays: Vec::new(),
            event: None,
        });
        world.advance(1_000);
        let states: Vec<PublishStatus> = world
            .reports()
            .into_iter()
            .filter_map(|report| match report {
                ParserReport::Publish { status, .. } => Some(status),
                _ => None,
            })
            .collect();
        assert!(
            matches!(
                &states[..],
                [
                    PublishStatus::Signed { .. },
                    PublishStatus::Queued { .. },
                    PublishStatus::Sent { .. },
                    PublishStatus::Accepted { .. },
                    PublishStatus::Complete
                ]
            ),
            "seed {seed}: {states:?}"
        );
        assert_eq!(words(&world.read("s")).last().unwrap(), "mine", "seed {seed}");
        let sent = world.relay("relay", |relay| {
            relay.received.iter().any(|f| matches!(f, ClientFrame::Event(_)))
        });
        assert!(sent);
    }
}

#[test]
fn stop_saves_what_was_received_and_ends_every_role() {
    let storage = MemoryStorage::default();
    let again = storage.another();
    let relays = vec![("relay", relay_with(&notes(1, 50)))];
    let mut world = World::new(Setup {
        storage,
        relays,
        ..Setup::default()
    });
    world.subscribe("s", kinds(1));
    world
        .connections
        .try_send(PageToConnections::Control(Control::Stop))
        .unwrap();
    world.drive();
    world.parser.try_send(PageToParser::Control(Control::Stop)).unwrap();
    world.drive();
    world.cache.try_send(PageToCache::Control(Control::Stop)).unwrap();
    world
        .crypto
        .try_send(PageToCryptoControl::Control(Control::Stop))
        .unwrap();
    assert_eq!(world.drive(), 0);

    let mut world = World::new(Setup {
        storage: again,
        ..Setup::default()
    });
    world.subscribe("s", kinds(1));
    let mut expected = newest_first(1, 50);
    // With no relay to ask, every relay has answered.
    expected.extend(["EOCE".to_owned(), "EOSE all".to_owned()]);
    assert_eq!(words(&world.read("s")), expected);
}

// ---------------------------------------------------------------- slow and fast lanes

/// Somebody signs who never answers what is asked of them.
fn sign_in_and_fall_silent(world: &mut World) {
    world.tell_signer(PageToCrypto::Use {
        request: RequestId(1),
        choice: SignerChoice::Extension,
    });
    let said = world.signer_says();
    let [CryptoToPage::Extension { call, .. }] = said.as_slice() else {
        panic!("{said:?}")
    };
    let result = Ok(SignerAnswer::PublicKey(world::people::pubkey(1)));
    world.tell_signer(PageToCrypto::Extension { call: *call, result });
}

/// A relay with notes, and with direct messages that only the signer can open.
fn relay_with_secrets(notes_count: u64, secrets: u64) -> ScriptedRelay {
    let mut events = notes(2, notes_count);
    let (from, to) = (world::people::key(2), world::people::hex(1));
    let text = nip04::encrypt(&from, &world::people::pubkey(1), [7; 16], "psst").unwrap();
    events.extend((0..secrets).map(|at| signed_event(2, 4, 2_000 + at, &[&["p", &to]], &text)));
    relay_with(&events)
}

/// How many turns of the roles pass until the page has read all of `notes`, beside `secrets`, whose events wait for
/// their decryption; none if they never come.
fn turns_to_read(seed: u64, count: u64, secrets: (&str, bool, u64), together: bool) -> Option<usize> {
    let (name, slow, waiting) = secrets;
    let mut world = World::new(Setup {
        seed,
        ports: SMALL,
        relays: vec![("relay", relay_with_secrets(count, waiting))],
        ..Setup::default()
    });
    sign_in_and_fall_silent(&mut world);
    let subscribe = |world: &mut World, name: &str, subscribe: Subscribe| {
        let sub = sub(name);
        world
            .parser
            .try_send(PageToParser::Subscribe { sub, subscribe })
            .unwrap();
    };
    subscribe(&mut world, name, Subscribe { slow, ..kinds(4) });
    if !together {
        world.drive();
    }
    subscribe(&mut world, "notes", kinds(1));
    let (mut turns, mut read) = (0, Vec::new());
    while read.last().map(String::as_str) != Some("EOSE all") {
        // As many turns as these worlds take many times over.
        if turns == 1_000 {
            return None;
        }
        world.turns(1);
        turns += 1;
        read.extend(words(&world.read("notes")));
    }
    assert_eq!(read.len() as u64, count + 3, "seed {seed}: {read:?}");
    let told = words(&world.read(name));
    assert!(waiting == 0 || !told.contains(&"EOSE all".to_owned()), "it waits still");
    Some(turns)
}

/// The turns of 40 worlds in which `notes` has so many events, beside a slow subscription with so many waiting.
fn turns_beside(count: u64, waiting: u64, together: bool) -> usize {
    let turns = |seed| turns_to_read(seed, count, ("secrets", true, waiting), together);
    (0..40).map(|seed| turns(seed).unwrap()).sum()
}

#[test]
fn a_subscription_that_waits_for_its_decryptions_costs_a_fast_one_no_turn() {
    let (alone, beside) = (turns_beside(100, 0, false), turns_beside(100, 60, false));
    // The order of turns is another one, so their number is not quite the same.
    assert!(beside * 20 <= alone * 21, "{beside} turns for {alone}");
}

#[test]
fn one_that_begins_at_the_same_moment_costs_a_fast_one_its_own_events_and_no_waiting() {
    let beside = turns_beside(100, 60, true);
    // The same events for the fast one alone are the same work for the same roles.
    let alone = turns_beside(160, 0, true);
    assert!(beside * 10 <= alone * 11, "{beside} turns for {alone}");
}

#[test]
fn what_waits_in_a_fast_lane_holds_back_only_the_subscriptions_of_that_lane() {
    let held = |slow: bool| {
        let names = (0..64).map(|at| format!("secrets {at}"));
        names
            .filter(|name| turns_to_read(1, 3, (name, slow, 3), false).is_none())
            .count()
    };
    assert_eq!(held(true), 0);
    // One in eight, as their names are hashed: this is what the slow lanes are for.
    let held = held(false);
    assert!((1..=24).contains(&held), "{held} of 64");
}
