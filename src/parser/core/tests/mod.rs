//! The parser's state machine, one behaviour a test: inputs in, outputs compared.

use std::collections::HashMap;

use super::*;
use crate::message::{
    CachePolicy, EndReason, PipeSpec, PublishStatus, RelayFault, SignerAnswer, SignerCall, SignerError, SignerOp,
    Subscribe, Template,
};
use crate::nostr::event::tests::signed;
use crate::nostr::event::{Event, id_alone};
use crate::nostr::filter::Filter;
use crate::nostr::kind::Kind;
use crate::parser::Written;
use crate::time::{Millis, UnixSeconds};

/// A page with a bounded buffer a subscription.
#[derive(Default)]
struct Page {
    read: HashMap<SubId, Vec<ParserToPage>>,
    room: Option<usize>,
    closed: Vec<SubId>,
}

impl PageSinks for Page {
    fn write(&mut self, sub: &SubId, message: &ParserToPage) -> Written {
        if self.room == Some(0) {
            return Written::Full;
        }
        self.room = self.room.map(|room| room - 1);
        self.read.entry(sub.clone()).or_default().push(message.clone());
        Written::Yes
    }

    fn close(&mut self, sub: &SubId) {
        self.closed.push(sub.clone());
    }
}

/// The parser with its surroundings played by hand.
struct Scene {
    parser: Parser,
    out: Outbox,
    page: Page,
    now: Now,
}

impl Scene {
    fn new() -> Scene {
        Scene::with(Config::default())
    }

    fn with(config: Config) -> Scene {
        Scene {
            parser: Parser::new(config),
            out: Outbox::default(),
            page: Page::default(),
            now: Now {
                mono: Millis(1_000),
                unix: UnixSeconds(1_700_000_000),
            },
        }
    }

    /// One input, and the turn it makes.
    fn input(&mut self, input: Input) {
        self.parser.handle(self.now, input, &mut self.out);
        self.parser.end_turn(&mut self.page, &mut self.out);
    }

    fn subscribe(&mut self, sub: &str, subscribe: Subscribe) {
        self.input(Input::Page(PageToParser::Subscribe {
            sub: id(sub),
            subscribe,
        }));
    }

    fn event(&mut self, relay_name: &str, sub: &str, json: String) {
        self.input(Input::Connections(RelayMessage::Event {
            relay: relay(relay_name),
            sub: id(sub),
            json,
        }));
    }

    /// Answers every signature check that is out, truthfully.
    fn check(&mut self) {
        // An answer makes room for the next batch.
        while let Some(request) = self.out.crypto.pop() {
            let ParserToCrypto::Verify { request, claims } = request else {
                panic!("{request:?}")
            };
            let good = claims
                .iter()
                .map(|claim| crate::nostr::schnorr::verify(&claim.id, &claim.pubkey, &claim.sig))
                .collect();
            self.input(Input::Crypto(CryptoToParser::Verdicts { request, good }));
        }
    }

    fn read(&mut self, sub: &str) -> Vec<ParserToPage> {
        self.page.read.remove(&id(sub)).unwrap_or_default()
    }

    /// Contents of the events the page got.
    fn contents(&mut self, sub: &str) -> Vec<String> {
        let events = self.read(sub).into_iter().filter_map(|message| match message {
            ParserToPage::Event(delivery) => Some(delivery.event.content.clone()),
            _ => None,
        });
        events.collect()
    }
}

fn id(name: &str) -> SubId {
    SubId::new(name).unwrap()
}

fn relay(name: &str) -> RelayUrl {
    RelayUrl::parse(&format!("wss://{name}.example")).unwrap()
}

fn notes() -> Subscribe {
    Subscribe {
        filters: vec![Filter {
            kinds: Some(vec![Kind(1)]),
            ..Filter::default()
        }],
        ..Subscribe::default()
    }
}

fn note(content: &str) -> String {
    signed(1, 1, 100, &[], content).to_json()
}

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

#[test]
fn a_page_that_does_not_read_parks_stored_events_and_gets_them_all_in_order() {
    let mut scene = Scene::with(Config {
        page_queue_bytes: 3_000,
        ..Config::default()
    });
    scene.subscribe("s", notes());
    scene.page.room = Some(0);
    let events: Vec<Event> = (0..20).map(|at| signed(1, 1, at, &[], &format!("{at}"))).collect();
    for event in &events {
        scene.event("a", "s", event.to_json());
    }
    scene.check();
    assert!(scene.parser.counters().contains(&("parked".into(), 14)));
    scene.out.cache.drain().for_each(drop);
    scene.page.room = None;
    scene.input(Input::Writable(id("s")));
    let asked: Vec<_> = scene.out.cache.drain().collect();
    let [ParserToCache::Refill { ids, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    for id_ in ids {
        let event = events.iter().find(|event| event.id == *id_).unwrap().clone();
        scene.input(Input::Cache(CacheToParser::Refilled { sub: id("s"), event }));
    }
    scene.input(Input::Cache(CacheToParser::RefillEnd {
        sub: id("s"),
        missing: 0,
    }));
    assert_eq!(
        scene.contents("s"),
        (0..20).map(|at| at.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn without_the_store_the_number_left_out_is_exact() {
    let mut scene = Scene::with(Config {
        page_queue_bytes: 3_000,
        ..Config::default()
    });
    let pipeline = vec![PipeSpec::Parse, PipeSpec::SerializeEvents];
    scene.subscribe("s", Subscribe { pipeline, ..notes() });
    scene.page.room = Some(0);
    for at in 0..20 {
        scene.event("a", "s", signed(1, 1, at, &[], &format!("{at}")).to_json());
    }
    scene.check();
    scene.page.room = None;
    scene.input(Input::Writable(id("s")));
    let messages = scene.read("s");
    assert_eq!(messages.len(), 7);
    assert_eq!(messages.last(), Some(&ParserToPage::BufferFull { dropped: 14 }));
}

#[test]
fn an_event_that_comes_again_is_not_read_again_and_reaches_only_pages_that_want_it_read() {
    let mut scene = Scene::with(Config::default());
    let event = signed(1, 1, 1, &[], "hello");
    let raw = vec![PipeSpec::SaveToDb, PipeSpec::SerializeEvents];
    scene.subscribe("first", notes());
    scene.event("a", "first", event.to_json());
    scene.check();
    scene.subscribe("again", notes());
    scene.subscribe(
        "raw",
        Subscribe {
            pipeline: raw,
            ..notes()
        },
    );
    for sub in ["again", "raw"] {
        let event = event.clone();
        scene.input(Input::Cache(CacheToParser::Event { sub: id(sub), event }));
    }
    let written = |messages: &[ParserToPage]| match messages {
        [ParserToPage::Event(delivery)] => delivery.written.clone(),
        other => panic!("{other:?}"),
    };
    let first = written(&scene.read("first"));
    assert!(first.is_some());
    assert_eq!(written(&scene.read("again")), first);
    assert_eq!(written(&scene.read("raw")), None);
    assert!(scene.parser.counters().contains(&("readings_known".into(), 1)));
}

#[test]
fn room_is_refused_while_many_events_are_in_work() {
    let mut scene = Scene::with(Config {
        max_in_work: 10,
        ..Config::default()
    });
    scene.subscribe("s", notes());
    scene.out.cache.drain().for_each(drop);
    for at in 0..10 {
        assert!(scene.parser.has_room(&Outbox::default()));
        scene.event("a", "s", signed(1, 1, at, &[], "").to_json());
    }
    assert!(!scene.parser.has_room(&Outbox::default()));
    scene.check();
    assert!(scene.parser.has_room(&Outbox::default()));
}

#[test]
fn a_publish_is_signed_checked_saved_and_followed_to_the_last_relay() {
    let mut scene = Scene::new();
    let template = Template {
        kind: Kind(1),
        created_at: None,
        tags: Vec::new(),
        content: "hi".into(),
    };
    let publish = PublishId(1);
    scene.input(Input::Page(PageToParser::Publish {
        publish,
        template,
        private_tags: None,
        relays: vec![relay("mine")],
        event: None,
    }));
    let Some(ParserToCrypto::Ask { request, .. }) = scene.out.crypto.pop() else {
        panic!()
    };
    let event = signed(1, 1, 100, &[], "hi");
    scene.input(Input::Crypto(CryptoToParser::Answer {
        request,
        result: Ok(SignerAnswer::Signed(event.clone().into_raw())),
    }));
    assert!(
        scene.out.cache.is_empty(),
        "the engine's own signature is checked like any other"
    );
    scene.check();
    assert_eq!(
        scene.out.cache.pop(),
        Some(ParserToCache::Publish {
            publish,
            event: event.clone(),
            relays: vec![relay("mine")]
        })
    );
    scene.input(Input::Cache(CacheToParser::Routed {
        publish,
        relays: vec![relay("mine")],
    }));
    scene.input(Input::Connections(RelayMessage::Sent {
        relay: relay("mine"),
        event_id: event.id,
    }));
    let reason = "rate-limited: slow down".to_owned();
    let ok = RelayMessage::Ok {
        relay: relay("mine"),
        event_id: event.id,
        accepted: false,
        reason: reason.clone(),
    };
    scene.input(Input::Connections(ok.clone()));
    let statuses: Vec<_> = scene
        .out
        .page
        .drain()
        .map(|report| match report {
            ParserReport::Publish { status, .. } => status,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        statuses,
        [
            PublishStatus::Signed { event },
            PublishStatus::Queued {
                relays: vec![relay("mine")]
            },
            PublishStatus::Sent { relay: relay("mine") },
            PublishStatus::Rejected {
                relay: relay("mine"),
                reason
            },
            PublishStatus::Complete,
        ]
    );
    scene.input(Input::Connections(ok));
    assert!(scene.out.page.is_empty(), "a late OK says nothing");
}

#[test]
fn a_publish_without_a_signer_fails_and_sends_nothing() {
    let mut scene = Scene::new();
    let template = Template {
        kind: Kind(1),
        created_at: None,
        tags: Vec::new(),
        content: "hi".into(),
    };
    scene.input(Input::Page(PageToParser::Publish {
        publish: PublishId(1),
        template,
        private_tags: None,
        relays: Vec::new(),
        event: None,
    }));
    let Some(ParserToCrypto::Ask { request, .. }) = scene.out.crypto.pop() else {
        panic!()
    };
    scene.input(Input::Crypto(CryptoToParser::Answer {
        request,
        result: Err(SignerError::NoSigner),
    }));
    let failed = PublishStatus::Failed {
        error: SignerError::NoSigner,
    };
    assert_eq!(
        scene.out.page.drain().collect::<Vec<_>>(),
        [ParserReport::Publish {
            publish: PublishId(1),
            recipient: None,
            status: failed
        }]
    );
    assert!(scene.out.cache.is_empty());
}

#[test]
fn a_template_that_cannot_be_valid_is_not_even_signed() {
    let mut scene = Scene::new();
    let template = Template {
        kind: Kind(9321),
        created_at: None,
        tags: Vec::new(),
        content: String::new(),
    };
    scene.input(Input::Page(PageToParser::Publish {
        publish: PublishId(1),
        template,
        private_tags: None,
        relays: Vec::new(),
        event: None,
    }));
    assert!(scene.out.crypto.is_empty() && scene.out.cache.is_empty());
    let Some(ParserReport::Publish {
        status: PublishStatus::Failed {
            error: SignerError::BadInput(wrong),
        },
        ..
    }) = scene.out.page.pop()
    else {
        panic!()
    };
    assert!(wrong.contains("`proof`"), "{wrong}");
}

#[test]
fn a_zap_request_is_handed_back_signed_and_goes_nowhere() {
    let mut scene = Scene::new();
    let recipient = "a".repeat(64);
    let tags: &[&[&str]] = &[&["p", &recipient], &["relays", "wss://r.example"]];
    let event = signed(1, 9734, 100, tags, "");
    let template = Template {
        kind: Kind(9734),
        created_at: None,
        tags: event.tags.clone(),
        content: String::new(),
    };
    scene.input(Input::Page(PageToParser::Publish {
        publish: PublishId(1),
        template,
        private_tags: None,
        relays: vec![relay("mine")],
        event: None,
    }));
    let Some(ParserToCrypto::Ask { request, .. }) = scene.out.crypto.pop() else {
        panic!()
    };
    scene.input(Input::Crypto(CryptoToParser::Answer {
        request,
        result: Ok(SignerAnswer::Signed(event.clone().into_raw())),
    }));
    scene.check();
    assert!(scene.out.cache.is_empty());
    let report = |status| ParserReport::Publish {
        publish: PublishId(1),
        recipient: None,
        status,
    };
    assert_eq!(
        scene.out.page.drain().collect::<Vec<_>>(),
        [report(PublishStatus::Signed { event }), report(PublishStatus::Complete)]
    );
}

#[test]
fn a_challenge_is_answered_with_a_checked_kind_22242() {
    let mut scene = Scene::new();
    scene.input(Input::Connections(RelayMessage::Auth {
        relay: relay("a"),
        challenge: "c".into(),
    }));
    let Some(ParserToCrypto::Ask {
        request,
        op: SignerOp::Call(SignerCall::Sign(template)),
    }) = scene.out.crypto.pop()
    else {
        panic!()
    };
    assert_eq!((template.kind, template.tags.len()), (Kind::AUTH, 2));
    let event = signed(1, 22242, 100, &[&["relay", "wss://a.example"], &["challenge", "c"]], "");
    scene.input(Input::Crypto(CryptoToParser::Answer {
        request,
        result: Ok(SignerAnswer::Signed(event.clone().into_raw())),
    }));
    scene.check();
    let authenticate = ParserToConnections::Authenticate {
        relay: relay("a"),
        event,
    };
    assert!(scene.out.connections.drain().any(|message| message == authenticate));
}
