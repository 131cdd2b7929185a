//! What becomes of an event: checked, told apart, delivered once, in its place.

use super::*;
use crate::message::{CachePolicy, RelayFault};
use crate::nostr::event::id_alone;
use crate::nostr::event::tests::signed;

#[test]
fn an_event_is_saved_delivered_and_reported_only_after_its_signature_held() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    assert!(matches!(
        scene.out.cache.pop(),
        Some(ParserToCache::Lookup {
            policy: CachePolicy::CacheThenNetwork,
            ..
        })
    ));
    scene.event("a", "s", note("hello"));
    assert!(scene.read("s").is_empty() && scene.out.cache.is_empty());
    scene.check();
    assert!(matches!(scene.out.cache.pop(), Some(ParserToCache::Save { .. })));
    assert!(matches!(scene.out.connections.pop(), Some(ParserToConnections::Verified { ids }) if ids.len() == 1));
    let messages = scene.read("s");
    assert!(
        matches!(&messages[..], [ParserToPage::Event(delivery)] if delivery.relays == [relay("a")]),
        "{messages:?}"
    );
}

#[test]
fn an_event_is_taken_up_to_the_configured_length_and_number_of_tags() {
    let json = signed(1, 1, 100, &[&["t", "a"], &["t", "b"]], "hello").to_json();
    for (bytes, tags, taken) in [
        (json.len(), 2, true),
        (json.len() - 1, 2, false),
        (json.len(), 1, false),
    ] {
        let mut scene = Scene::with(Config {
            max_event_bytes: bytes,
            max_tags: tags,
            ..Config::default()
        });
        scene.subscribe("s", notes());
        scene.event("a", "s", json.clone());
        scene.check();
        assert_eq!(scene.contents("s").len(), usize::from(taken), "{bytes} {tags}");
        let fault = RelayFault::Malformed;
        let told = scene.out.connections.drain().any(|told| {
            told == ParserToConnections::Misbehaved {
                relay: relay("a"),
                fault,
            }
        });
        assert_eq!(told, !taken, "{bytes} {tags}");
    }
}

#[test]
fn a_forged_a_mismatched_and_a_malformed_event_are_told_apart_and_never_delivered() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    let mut forged = signed(1, 1, 100, &[], "x").into_raw();
    forged.sig.0[0] ^= 1;
    let mut wrong_id = signed(1, 1, 100, &[], "x").into_raw();
    wrong_id.content.push('!');
    for (json, fault) in [
        (forged.to_json(), RelayFault::Forged),
        (wrong_id.to_json(), RelayFault::Forged),
        (signed(1, 7, 100, &[], "x").to_json(), RelayFault::Unmatched),
        ("{\"kind\":1}".into(), RelayFault::Malformed),
    ] {
        scene.event("a", "s", json.clone());
        scene.check();
        let told: Vec<_> = scene.out.connections.drain().collect();
        assert_eq!(
            told,
            [ParserToConnections::Misbehaved {
                relay: relay("a"),
                fault
            }],
            "{json}"
        );
    }
    assert!(scene.read("s").is_empty());
    // The true event still arrives, although its id was claimed before.
    scene.event("b", "s", note("x"));
    scene.check();
    assert_eq!(scene.contents("s"), ["x"]);
}

#[test]
fn copies_are_delivered_once_and_a_seen_id_is_not_even_decoded() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    scene.event("a", "s", note("x"));
    scene.event("b", "s", note("x"));
    scene.check();
    let messages = scene.read("s");
    assert!(
        matches!(&messages[..], [ParserToPage::Event(d)] if d.relays == [relay("a"), relay("b")]),
        "{messages:?}"
    );
    let seen = format!("{{\"id\":\"{}\"}}", signed(1, 1, 100, &[], "x").id);
    scene.event("c", "s", seen);
    assert!(scene.out.crypto.is_empty());
    assert_eq!(scene.parser.counters.duplicates, 2);
}

#[test]
fn a_copy_cut_short_of_an_event_that_waits_in_its_lane_is_no_fault_of_its_relay() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    // Two batches out, and one event that waits for the next: what is checked behind it waits for it.
    for content in ["first", "second", "third"] {
        scene.event("a", "s", note(content));
    }
    let ParserToCrypto::Verify { request: first, .. } = scene.out.crypto.pop().unwrap() else {
        panic!("no check")
    };
    let ParserToCrypto::Verify { request, claims } = scene.out.crypto.pop().unwrap() else {
        panic!("no check")
    };
    let good = vec![true; claims.len()];
    scene.input(Input::Crypto(CryptoToParser::Verdicts { request, good }));
    assert!(scene.contents("s").is_empty(), "the first has no verdict");
    let second = signed(1, 1, 100, &[], "second").id;
    scene.event("b", "s", id_alone(&second));
    let (request, good) = (first, vec![true]);
    scene.input(Input::Crypto(CryptoToParser::Verdicts { request, good }));
    scene.check();
    assert_eq!(scene.contents("s"), ["first", "second", "third"]);
    scene.event("b", "s", id_alone(&EventId([9; 32])));
    let blamed = |told: &ParserToConnections| matches!(told, ParserToConnections::Misbehaved { .. });
    let faults = scene.out.connections.drain().filter(blamed).count();
    assert_eq!(faults, 1, "of an event that nobody has had an id is no copy");
}

#[test]
fn another_subscription_gets_a_known_event_without_a_second_check() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    scene.subscribe("t", notes());
    scene.event("a", "s", note("x"));
    scene.check();
    scene.event("a", "t", note("x"));
    assert!(scene.out.crypto.is_empty());
    assert_eq!(
        (scene.contents("s"), scene.contents("t")),
        (vec!["x".into()], vec!["x".into()])
    );
}

#[test]
fn eose_never_overtakes_an_event_that_is_still_being_checked() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    scene.input(Input::Cache(CacheToParser::Asked {
        sub: id("s"),
        relays: vec![relay("a"), relay("b")],
    }));
    scene.event("a", "s", note("x"));
    scene.input(Input::Connections(RelayMessage::Eose {
        relay: relay("a"),
        sub: id("s"),
    }));
    assert!(scene.read("s").is_empty());
    scene.check();
    let messages = scene.read("s");
    assert!(
        matches!(&messages[..], [ParserToPage::Event(_), ParserToPage::Eose { .. }]),
        "{messages:?}"
    );
    let refused = RelayMessage::Unreachable {
        relay: relay("b"),
        sub: id("s"),
        reason: "refused".into(),
    };
    scene.input(Input::Connections(refused));
    assert_eq!(scene.read("s"), [ParserToPage::EoseAll]);
    scene.input(Input::Connections(RelayMessage::Eose {
        relay: relay("b"),
        sub: id("s"),
    }));
    assert_eq!(
        scene.read("s"),
        [ParserToPage::Eose { relay: relay("b") }],
        "a late answer is told, the sum is not again"
    );
}
