//! COUNT (NIP-45) through the whole engine: one answer a relay, whatever the relay does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use nostr_ferry::message::{CachePolicy, EndReason, PageToParser, ParserToPage, Subscribe};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::frame::ClientFrame;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::role::Role;
use world::engine::{Setup, World, sub, url};
use world::relay::{AuthRule, Manners, ScriptedRelay, signed_event};

fn relay(manners: Manners) -> ScriptedRelay {
    let mut relay = ScriptedRelay::new(manners);
    relay.store((0..3).map(|at| signed_event(1, 1, 1_000 + at, &[], "note").into_raw()));
    relay
}

fn counts(relays: &[&str], timeout_ms: Option<u32>) -> Subscribe {
    Subscribe {
        filters: vec![Filter {
            kinds: Some(vec![Kind(1)]),
            ..Filter::default()
        }],
        relays: relays.iter().map(|name| url(name)).collect(),
        cache: CachePolicy::Count,
        close_on_eose: true,
        timeout_ms,
        ..Subscribe::default()
    }
}

/// Each relay's answer in words, by name, and how the request ended.
fn answers(messages: Vec<ParserToPage>) -> (Vec<String>, Option<EndReason>) {
    let (mut answers, mut end) = (Vec::new(), None);
    for message in messages {
        match message {
            ParserToPage::RelayCount {
                relay,
                count,
                approximate,
            } => answers.push(format!("{relay}: {count} {approximate}")),
            ParserToPage::Closed { relay, reason } => answers.push(format!("{relay}: CLOSED {reason}")),
            ParserToPage::Unreachable { relay, reason } => answers.push(format!("{relay}: {reason}")),
            ParserToPage::Eoce | ParserToPage::EoseAll => {}
            ParserToPage::Ended { reason } => end = Some(reason),
            other => panic!("{other:?}"),
        }
    }
    answers.sort();
    (answers, end)
}

#[test]
fn every_relay_answers_refuses_or_is_reported_and_the_request_ends() {
    for seed in 0..200 {
        let refuses = Some("unsupported: no COUNT here".to_owned());
        let mut world = World::new(Setup {
            seed,
            relays: vec![
                ("good", relay(Manners::default())),
                (
                    "refuses",
                    relay(Manners {
                        refuses,
                        ..Manners::default()
                    }),
                ),
                (
                    "old",
                    relay(Manners {
                        counts: false,
                        ..Manners::default()
                    }),
                ),
                ("down", relay(Manners::default())),
                (
                    "private",
                    relay(Manners {
                        auth: AuthRule::Refused,
                        ..Manners::default()
                    }),
                ),
            ],
            ..Setup::default()
        });
        world.cut("down", true);
        world.subscribe("c", counts(&["good", "refuses", "old", "down", "private"], None));
        world.advance(11_000);
        let (answers, end) = answers(world.read("c"));
        assert_eq!(end, Some(EndReason::Complete), "seed {seed}: {answers:?}");
        assert_eq!(answers.len(), 5, "seed {seed}: {answers:?}");
        for (answer, start) in answers.iter().zip([
            "wss://down: not connected",
            "wss://good: 3 false",
            "wss://old: no answer to COUNT in time; the relay's last notice: unknown message type COUNT",
            "wss://private: CLOSED auth-required: ",
            "wss://refuses: CLOSED unsupported: no COUNT here",
        ]) {
            assert!(answer.starts_with(start), "seed {seed}: {answers:?}");
        }
    }
}

#[test]
fn the_relays_that_have_not_answered_when_time_is_up_are_named() {
    let mut world = World::new(Setup {
        relays: vec![
            ("good", relay(Manners::default())),
            (
                "old",
                relay(Manners {
                    counts: false,
                    ..Manners::default()
                }),
            ),
        ],
        ..Setup::default()
    });
    world.subscribe("c", counts(&["good", "old"], Some(2_000)));
    world.advance(2_000);
    let (answers, end) = answers(world.read("c"));
    assert_eq!(
        answers,
        ["wss://good: 3 false", "wss://old: no answer to COUNT in time"]
    );
    assert_eq!(end, Some(EndReason::TimedOut));
}

#[test]
fn a_count_asks_the_engines_own_relays_if_it_names_none_and_no_event_is_fetched() {
    let mut world = World::new(Setup {
        relays: vec![("good", relay(Manners::default()))],
        ..Setup::default()
    });
    world.subscribe("c", counts(&[], None));
    let (answers, end) = answers(world.read("c"));
    assert_eq!(answers, ["wss://good: 3 false"]);
    assert_eq!(end, Some(EndReason::Complete));
    let received = world.relay("good", |relay| relay.received.clone());
    assert!(matches!(received[..], [ClientFrame::Count { .. }, ..]), "{received:?}");
}

#[test]
fn a_count_that_is_closed_is_told_nothing_more() {
    let mut world = World::new(Setup {
        relays: vec![(
            "old",
            relay(Manners {
                counts: false,
                ..Manners::default()
            }),
        )],
        ..Setup::default()
    });
    world.subscribe("c", counts(&["old"], None));
    world.read("c");
    world.tell(PageToParser::Unsubscribe { sub: sub("c") });
    world.advance(20_000);
    assert_eq!(world.read("c"), []);
}

#[test]
fn a_count_goes_on_whichever_role_is_replaced_meanwhile() {
    for role in [Role::Connections, Role::Cache, Role::Crypto] {
        for turns in 0..40 {
            let mut world = World::new(Setup {
                seed: 7,
                relays: vec![("one", relay(Manners::default())), ("two", relay(Manners::default()))],
                ..Setup::default()
            });
            let message = PageToParser::Subscribe {
                sub: sub("c"),
                subscribe: counts(&["one", "two"], None),
            };
            assert!(world.parser.try_send(message).is_ok());
            world.turns(turns);
            world.replace(role, true);
            world.advance(15_000);
            let (answers, end) = answers(world.read("c"));
            assert_eq!(
                (answers, end),
                (
                    vec!["wss://one: 3 false".to_owned(), "wss://two: 3 false".to_owned()],
                    Some(EndReason::Complete)
                ),
                "{role:?} after {turns} turns"
            );
        }
    }
}
