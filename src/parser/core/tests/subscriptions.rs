//! How a subscription ends, and which is none.

use super::*;
use crate::message::{EndReason, Subscribe};
use crate::nostr::filter::Filter;
use crate::time::Millis;

#[test]
fn nothing_follows_a_subscriptions_end() {
    let mut scene = Scene::new();
    let subscribe = Subscribe {
        max_events: Some(1),
        ..notes()
    };
    scene.subscribe("s", subscribe);
    scene.page.room = Some(0);
    let (sub, relays) = (id("s"), vec![relay("a")]);
    scene.input(Input::Cache(CacheToParser::Asked { sub, relays }));
    scene.event("a", "s", note("x"));
    scene.check();
    let (sub, relay) = (id("s"), relay("a"));
    scene.input(Input::Connections(RelayMessage::Eose { relay, sub }));
    scene.page.room = None;
    scene.input(Input::Writable(id("s")));
    let read = scene.read("s");
    let reason = EndReason::MaxEvents;
    assert!(matches!(&read[..], [ParserToPage::Event(_), ParserToPage::Ended { reason: why }] if *why == reason));
}

#[test]
fn a_subscription_ends_by_eose_time_or_count_and_is_closed_at_the_relays() {
    type Drive = fn(&mut Scene);
    let ends: [(Subscribe, Drive, EndReason); 3] = [
        (
            Subscribe {
                close_on_eose: true,
                ..notes()
            },
            |scene| {
                scene.input(Input::Connections(RelayMessage::Eose {
                    relay: relay("a"),
                    sub: id("s"),
                }));
                scene.input(Input::Cache(CacheToParser::Asked {
                    sub: id("s"),
                    relays: vec![relay("a")],
                }));
            },
            EndReason::Complete,
        ),
        (
            Subscribe {
                timeout_ms: Some(500),
                ..notes()
            },
            |scene| {
                assert_eq!(scene.parser.next_timeout(), Some(Millis(1_500)));
                scene.now.mono = Millis(1_500);
                scene.input(Input::Timeout);
            },
            EndReason::TimedOut,
        ),
        (
            Subscribe {
                max_events: Some(1),
                ..notes()
            },
            |scene| {
                scene.event("a", "s", note("x"));
                scene.event("a", "s", note("y"));
                scene.check();
            },
            EndReason::MaxEvents,
        ),
    ];
    for (subscribe, drive, reason) in ends {
        let mut scene = Scene::new();
        scene.subscribe("s", subscribe);
        drive(&mut scene);
        let messages = scene.read("s");
        assert_eq!(messages.last(), Some(&ParserToPage::Ended { reason }));
        let events = messages
            .iter()
            .filter(|message| matches!(message, ParserToPage::Event(_)))
            .count();
        assert_eq!(events, usize::from(reason == EndReason::MaxEvents));
        assert!(scene.out.cache.drain().any(|message| message
            == ParserToCache::Close {
                sub: id("s"),
                asked: Vec::new()
            }));
        assert_eq!(scene.page.closed, [id("s")]);
        // Nothing follows, and its late messages vanish quietly.
        scene.event("a", "s", note("late"));
        assert!(scene.out.crypto.is_empty() && scene.read("s").is_empty());
    }
}

#[test]
fn what_a_subscription_may_not_be_is_ended_with_the_reason() {
    let mut scene = Scene::with(Config {
        max_subscriptions: 1,
        max_filters: 2,
        ..Config::default()
    });
    scene.subscribe("none", Subscribe::default());
    scene.subscribe(
        "many",
        Subscribe {
            filters: vec![Filter::default(); 3],
            ..Subscribe::default()
        },
    );
    for sub in ["none", "many"] {
        assert_eq!(
            scene.read(sub),
            [ParserToPage::Ended {
                reason: EndReason::BadFilters
            }]
        );
    }
    scene.subscribe("first", notes());
    scene.subscribe("second", notes());
    assert_eq!(
        scene.read("second"),
        [ParserToPage::Ended {
            reason: EndReason::TooManySubscriptions
        }]
    );
    assert!(scene.read("first").is_empty());
    scene.input(Input::Page(PageToParser::Unsubscribe { sub: id("first") }));
    scene.subscribe("third", notes());
    assert!(scene.read("third").is_empty());
}
