//! Publishing what is not secret, through all four roles: relays that are away, that want to know who asks, or that
//! say no, and signers that do not sign.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use nostr_ferry::message::*;
use nostr_ferry::nostr::event::RawEvent;
use nostr_ferry::nostr::frame::ClientFrame;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::role::Role;
use world::engine::{Setup, World};
use world::people::{hex, key, pubkey};
use world::relay::{AuthRule, Manners, ScriptedRelay, signed_event};

const ME: u8 = 1;
const STRANGER: u8 = 3;

fn world(seed: u64, relays: Vec<(&'static str, Manners)>) -> World {
    let relays = relays
        .into_iter()
        .map(|(name, manners)| (name, ScriptedRelay::new(manners)));
    World::new(Setup {
        seed,
        relays: relays.collect(),
        ..Setup::default()
    })
}

fn sign_in(world: &mut World) {
    let choice = SignerChoice::PrivateKey(Secret(format!("{ME:02x}").repeat(32).into()));
    let request = RequestId(1);
    let answer = world.sign(PageToCrypto::Use { request, choice });
    assert!(matches!(answer, CryptoToPage::Answer { result: Ok(_), .. }));
}

fn publish(world: &mut World, number: u64, content: &str) {
    let template = Template {
        kind: Kind(1),
        created_at: None,
        tags: Vec::new(),
        content: content.into(),
    };
    world.tell(PageToParser::Publish {
        publish: PublishId(number),
        template,
        private_tags: None,
        relays: Vec::new(),
        event: None,
    });
}

/// What the page was told since the last call, of publish `number`, a line a status.
fn told(world: &mut World, number: u64) -> Vec<String> {
    let reports = world.reports().into_iter().filter_map(|report| match report {
        ParserReport::Publish { publish, status, .. } if publish == PublishId(number) => Some(line(&status)),
        _ => None,
    });
    reports.collect()
}

fn line(status: &PublishStatus) -> String {
    let line = match status {
        PublishStatus::Signed { .. } => "signed".into(),
        PublishStatus::Queued { relays } => {
            let names: Vec<&str> = relays.iter().map(|relay| relay.as_str()).collect();
            format!("queued {}", names.join(" "))
        }
        PublishStatus::Sent { relay } => format!("sent {relay}"),
        PublishStatus::Accepted { relay, reason } => format!("accepted {relay} {reason}"),
        PublishStatus::Rejected { relay, reason } => format!("rejected {relay} {reason}"),
        PublishStatus::Unanswered { relay, reason } => format!("unanswered {relay} {reason}"),
        PublishStatus::Complete => "complete".into(),
        PublishStatus::Failed { error } => format!("failed {error}"),
    };
    line.trim_end().replace("wss://", "")
}

/// The events that a relay was sent, in the order in which it was.
fn sent(world: &mut World, relay: &str) -> Vec<RawEvent> {
    world.relay(relay, |relay| {
        let events = relay.received.iter().filter_map(|frame| match frame {
            ClientFrame::Event(event) => Some(event.clone().into_raw()),
            _ => None,
        });
        events.collect()
    })
}

fn contents(world: &mut World, relay: &str) -> Vec<String> {
    sent(world, relay).into_iter().map(|event| event.content).collect()
}

#[test]
fn a_relay_that_is_down_is_sent_what_was_queued_in_order_once_it_is_back() {
    for seed in 0..50 {
        let mut world = world(seed, vec![("up", Manners::default()), ("down", Manners::default())]);
        sign_in(&mut world);
        world.cut("down", true);
        publish(&mut world, 1, "first");
        publish(&mut world, 2, "second");
        world.advance(5_000);
        let mut reports: [Vec<String>; 2] = Default::default();
        for report in world.reports() {
            if let ParserReport::Publish { publish, status, .. } = report {
                reports[publish.0 as usize - 1].push(line(&status));
            }
        }
        for lines in reports {
            assert_eq!(lines.len(), 4, "seed {seed}: {lines:?}");
            assert_eq!(lines[0], "signed");
            assert!(
                ["queued up down", "queued down up"].contains(&lines[1].as_str()),
                "{lines:?}"
            );
            assert_eq!(lines[2..], ["sent up", "accepted up"]);
        }
        assert_eq!(contents(&mut world, "down"), [""; 0]);
        world.cut("down", false);
        world.advance(10_000);
        assert_eq!(contents(&mut world, "down"), ["first", "second"], "seed {seed}");
        assert_eq!(sent(&mut world, "up").len(), 2, "nobody is sent it twice");
        let lines: Vec<String> = world
            .reports()
            .iter()
            .filter_map(|report| match report {
                ParserReport::Publish { publish, status, .. } => Some(format!("{} {}", publish.0, line(status))),
                _ => None,
            })
            .collect();
        for number in ["1 ", "2 "] {
            let of: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(number)).collect();
            assert_eq!(of, ["sent down", "accepted down", "complete"], "seed {seed}");
        }
    }
}

#[test]
fn a_note_that_is_published_twice_at_a_time_comes_to_its_end_twice() {
    for seed in 0..50 {
        let mut world = world(seed, vec![("a", Manners::default()), ("b", Manners::default())]);
        sign_in(&mut world);
        world.cut("b", true);
        // Within one second the two are one event.
        publish(&mut world, 1, "pressed for twice");
        publish(&mut world, 2, "pressed for twice");
        world.advance(60_000);
        let mut ends = [Vec::new(), Vec::new()];
        for report in world.reports() {
            if let ParserReport::Publish { publish, status, .. } = report {
                ends[publish.0 as usize - 1].push(line(&status));
            }
        }
        for lines in ends {
            assert!(lines.contains(&"accepted a".to_owned()), "seed {seed}: {lines:?}");
            assert!(
                lines.iter().any(|line| line.starts_with("unanswered b")),
                "seed {seed}: {lines:?}"
            );
            assert_eq!(
                lines.last().map(String::as_str),
                Some("complete"),
                "seed {seed}: {lines:?}"
            );
        }
    }
}

#[test]
fn a_relay_that_stays_down_is_reported_and_is_sent_nothing_when_it_is_back_after_all() {
    let mut world = world(1, vec![("down", Manners::default())]);
    sign_in(&mut world);
    world.cut("down", true);
    publish(&mut world, 1, "too late");
    world.advance(60_000);
    let lines = told(&mut world, 1);
    assert_eq!(lines[..2], ["signed", "queued down"]);
    let why = "unanswered down not connected: the connection failed";
    assert!(lines[2].starts_with(why), "{lines:?}");
    assert_eq!(lines[3..], ["complete"]);
    world.cut("down", false);
    world.advance(600_000);
    assert_eq!(contents(&mut world, "down"), [""; 0]);
    assert_eq!(told(&mut world, 1), [""; 0]);
}

#[test]
fn a_socket_that_is_cut_before_the_ok_has_the_event_sent_again_and_told_once() {
    let silent = Manners {
        says_ok: false,
        ..Manners::default()
    };
    let mut world = world(1, vec![("relay", silent)]);
    sign_in(&mut world);
    publish(&mut world, 1, "twice on the wire");
    world.advance(1_000);
    assert_eq!(told(&mut world, 1), ["signed", "queued relay", "sent relay"]);
    world.relay("relay", |relay| relay.manners.says_ok = true);
    world.cut("relay", false);
    world.advance(10_000);
    assert_eq!(contents(&mut world, "relay"), ["twice on the wire"; 2]);
    assert_eq!(told(&mut world, 1), ["accepted relay", "complete"]);
}

#[test]
fn statuses_come_in_order_from_a_relay_that_wants_authentication_and_one_that_rejects() {
    let wants_auth = Manners {
        auth: AuthRule::Required,
        ..Manners::default()
    };
    let rejects = Manners {
        rejects: Some("blocked: not on the list".into()),
        ..Manners::default()
    };
    for seed in 0..50 {
        let mut world = world(seed, vec![("auth", wants_auth.clone()), ("wall", rejects.clone())]);
        sign_in(&mut world);
        publish(&mut world, 1, "hello");
        world.advance(5_000);
        let lines = told(&mut world, 1);
        let of = |relay: &str| -> Vec<&str> {
            let about = |line: &&String| line.split(' ').nth(1) == Some(relay);
            lines[2..].iter().filter(about).map(String::as_str).collect()
        };
        assert_eq!(lines[0], "signed", "seed {seed}");
        assert!(lines[1].starts_with("queued "), "seed {seed}: {lines:?}");
        assert_eq!(of("auth"), ["sent auth", "accepted auth"], "seed {seed}");
        assert_eq!(
            of("wall"),
            ["sent wall", "rejected wall blocked: not on the list"],
            "seed {seed}"
        );
        assert_eq!(lines.last().map(String::as_str), Some("complete"));
        assert_eq!(lines.len(), 7, "seed {seed}: {lines:?}");
    }
}

// ---------------------------------------------------------------- signers that do not sign

/// What there is of publish 1 at its end: its error, and what relays were sent.
fn failed(world: &mut World) -> SignerError {
    let errors: Vec<SignerError> = world
        .reports()
        .into_iter()
        .filter_map(|report| match report {
            ParserReport::Publish {
                publish,
                recipient,
                status,
            } => {
                assert_eq!((publish, recipient), (PublishId(1), None));
                Some(match status {
                    PublishStatus::Failed { error } => error,
                    other => panic!("{other:?}"),
                })
            }
            _ => None,
        })
        .collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    // Neither now nor later.
    world.advance(60_000);
    assert_eq!(sent(world, "relay"), []);
    assert_eq!(told(world, 1), [""; 0]);
    assert_eq!(stored_notes(world), 0, "what was not signed is not stored");
    errors.into_iter().next().unwrap()
}

fn stored_notes(world: &mut World) -> usize {
    let filter = nostr_ferry::nostr::filter::Filter {
        kinds: Some(vec![Kind(1)]),
        ..Default::default()
    };
    let notes = Subscribe {
        filters: vec![filter],
        cache: CachePolicy::CacheOnly,
        ..Subscribe::default()
    };
    world.subscribe("stored", notes);
    world.tell(PageToParser::Unsubscribe {
        sub: world::engine::sub("stored"),
    });
    let read = world.read("stored");
    read.iter()
        .filter(|message| matches!(message, ParserToPage::Event(_)))
        .count()
}

/// The extension's open questions.
fn asked(world: &mut World) -> Vec<(CallId, SignerCall)> {
    let calls = world.signer_says().into_iter().filter_map(|message| match message {
        CryptoToPage::Extension { call, ask } => Some((call, ask)),
        _ => None,
    });
    calls.collect()
}

/// A world whose signer is an extension, asked to sign a note: the question.
fn signing_by_extension() -> (World, CallId, Template) {
    let mut world = world(1, vec![("relay", Manners::default())]);
    world.tell_signer(PageToCrypto::Use {
        request: RequestId(1),
        choice: SignerChoice::Extension,
    });
    let (call, _) = asked(&mut world).remove(0);
    let result = Ok(SignerAnswer::PublicKey(pubkey(ME)));
    world.tell_signer(PageToCrypto::Extension { call, result });
    world.signer_says();
    publish(&mut world, 1, "hello");
    let mut calls = asked(&mut world);
    let Some((call, SignerCall::Sign(template))) = calls.pop() else {
        panic!("it is asked to sign")
    };
    assert!(calls.is_empty());
    (world, call, template)
}

#[test]
fn without_a_signer_a_note_fails_at_once() {
    let mut world = world(1, vec![("relay", Manners::default())]);
    publish(&mut world, 1, "hello");
    assert_eq!(failed(&mut world), SignerError::NoSigner);
}

#[test]
fn a_public_key_signs_nothing() {
    let mut world = world(1, vec![("relay", Manners::default())]);
    let choice = SignerChoice::PublicKey(hex(ME));
    let request = RequestId(1);
    world.sign(PageToCrypto::Use { request, choice });
    publish(&mut world, 1, "hello");
    assert!(matches!(failed(&mut world), SignerError::Unsupported(_)));
}

#[test]
fn a_signer_that_refuses_says_why() {
    let (mut world, call, _) = signing_by_extension();
    let result = Err(SignerError::Refused("not today".into()));
    world.tell_signer(PageToCrypto::Extension { call, result });
    assert_eq!(failed(&mut world), SignerError::Refused("not today".into()));
}

#[test]
fn a_signer_that_does_not_answer_times_out_and_is_not_heard_later() {
    let (mut world, call, template) = signing_by_extension();
    world.advance(29_000);
    assert_eq!(told(&mut world, 1), [""; 0], "it has 30 seconds");
    world.advance(2_000);
    let error = failed(&mut world);
    assert_eq!(error, SignerError::TimedOut);
    let late = signed_event(ME, 1, template.created_at.unwrap().0, &[], "hello").into_raw();
    let result = Ok(SignerAnswer::Signed(late));
    world.tell_signer(PageToCrypto::Extension { call, result });
    world.advance(60_000);
    assert_eq!(sent(&mut world, "relay"), []);
}

#[test]
fn a_signer_that_signs_something_else_or_as_somebody_else_or_wrongly_has_nothing_sent() {
    let (_, _, template) = signing_by_extension();
    let at = template.created_at.unwrap().0;
    let mut forged = signed_event(ME, 1, at, &[], "hello").into_raw();
    forged.sig.0[63] ^= 1;
    for (why, event) in [
        ("another text", signed_event(ME, 1, at, &[], "hullo").into_raw()),
        ("another kind", signed_event(ME, 0, at, &[], "hello").into_raw()),
        (
            "another tag",
            signed_event(ME, 1, at, &[&["t", "x"]], "hello").into_raw(),
        ),
        ("somebody else", signed_event(STRANGER, 1, at, &[], "hello").into_raw()),
        ("a bad signature", forged),
    ] {
        let (mut world, call, _) = signing_by_extension();
        let result = Ok(SignerAnswer::Signed(event));
        world.tell_signer(PageToCrypto::Extension { call, result });
        assert!(matches!(failed(&mut world), SignerError::Refused(_)), "{why}");
    }
    // The same way with what was asked for is a publish.
    let (mut world, call, template) = signing_by_extension();
    assert_eq!((template.kind, template.content.as_str()), (Kind(1), "hello"));
    let honest = signed_event(ME, 1, at, &[], "hello").into_raw();
    assert_eq!(honest.pubkey, key(ME).pubkey());
    let result = Ok(SignerAnswer::Signed(honest));
    world.tell_signer(PageToCrypto::Extension { call, result });
    world.advance(1_000);
    assert_eq!(
        told(&mut world, 1),
        ["signed", "queued relay", "sent relay", "accepted relay", "complete"]
    );
}

#[test]
fn a_signer_that_is_lost_while_it_is_asked_fails_the_note_as_disconnected() {
    let (mut world, ..) = signing_by_extension();
    world.replace(Role::Crypto, false);
    world.advance(1_000);
    assert!(matches!(failed(&mut world), SignerError::Disconnected(_)));
}
