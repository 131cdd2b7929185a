//! Publishing what a kind keeps secret, through all four roles: what relays get, and when they get nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use nostr_ferry::message::*;
use nostr_ferry::nostr::event::{Event, RawEvent};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::frame::ClientFrame;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::nostr::nip44::ConversationKey;
use nostr_ferry::nostr::{nip04, nip44, nip59};
use nostr_ferry::role::Role;
use world::engine::{Setup, World};
use world::people::{hex, key, pubkey};
use world::relay::{Manners, ScriptedRelay, signed_event};

const ME: u8 = 1;
const FRIEND: u8 = 2;
const STRANGER: u8 = 3;

/// Relays `home`, `away` and `other`; me and the friend read private messages at the first two, and the store knows.
fn world(seed: u64) -> World {
    let lists: [Event; 2] = [
        signed_event(ME, 10_050, 1_000, &[&["relay", "wss://home"]], ""),
        signed_event(FRIEND, 10_050, 1_000, &[&["relay", "wss://away"]], ""),
    ];
    let relay = || ScriptedRelay::new(Manners::default());
    let mut other = relay();
    other.store(lists.iter().map(|event| event.clone().into_raw()));
    let mut world = World::new(Setup {
        seed,
        relays: vec![("home", relay()), ("away", relay()), ("other", other)],
        ..Setup::default()
    });
    let filter = Filter {
        kinds: Some(vec![Kind(10_050)]),
        ..Filter::default()
    };
    let lists = Subscribe {
        filters: vec![filter],
        close_on_eose: true,
        ..Subscribe::default()
    };
    world.subscribe("lists", lists);
    world.advance(1_000);
    world
}

fn sign_in(world: &mut World) {
    let choice = SignerChoice::PrivateKey(Secret(format!("{ME:02x}").repeat(32).into()));
    let request = RequestId(1);
    let answer = world.sign(PageToCrypto::Use { request, choice });
    assert!(matches!(answer, CryptoToPage::Answer { result: Ok(_), .. }));
}

fn publish(world: &mut World, kind: u16, to: &[u8], content: &str, private_tags: Option<Vec<Vec<String>>>) {
    publish_to(world, kind, to, content, private_tags, Vec::new());
}

fn template(kind: u16, to: &[u8], content: &str) -> Template {
    Template {
        kind: Kind(kind),
        created_at: None,
        tags: to.iter().map(|byte| vec!["p".into(), hex(*byte)]).collect(),
        content: content.into(),
    }
}

fn publish_to(
    world: &mut World,
    kind: u16,
    to: &[u8],
    content: &str,
    private_tags: Option<Vec<Vec<String>>>,
    relays: Vec<nostr_ferry::nostr::relay_url::RelayUrl>,
) {
    let template = template(kind, to, content);
    world.tell(PageToParser::Publish {
        publish: PublishId(1),
        template,
        private_tags,
        relays,
        event: None,
    });
    world.advance(1_000);
}

/// What a relay was sent.
fn sent(world: &mut World, relay: &str) -> Vec<RawEvent> {
    world.relay(relay, |relay| {
        let events = relay.received.iter().filter_map(|frame| match frame {
            ClientFrame::Event(event) => Some(event.clone().into_raw()),
            _ => None,
        });
        events.collect()
    })
}

fn all_sent(world: &mut World) -> Vec<RawEvent> {
    ["home", "away", "other"]
        .iter()
        .flat_map(|relay| sent(world, relay))
        .collect()
}

fn statuses(world: &mut World) -> Vec<(Option<u8>, PublishStatus)> {
    let person = |pubkey| {
        [ME, FRIEND, STRANGER]
            .into_iter()
            .find(|byte| key(*byte).pubkey() == pubkey)
    };
    let reports = world.reports().into_iter().filter_map(|report| match report {
        ParserReport::Publish { recipient, status, .. } => Some((recipient.and_then(person), status)),
        _ => None,
    });
    reports.collect()
}

fn error(world: &mut World) -> SignerError {
    match statuses(world).as_slice() {
        [(None, PublishStatus::Failed { error })] => error.clone(),
        other => panic!("{other:?}"),
    }
}

fn opened(event: &RawEvent, reader: u8, peer: u8) -> String {
    let conversation = ConversationKey::derive(&key(reader), &key(peer).pubkey()).unwrap();
    nip44::decrypt(&conversation, &event.content).unwrap().to_string()
}

#[test]
fn a_direct_message_leaves_encrypted_for_its_recipient() {
    let mut world = world(1);
    sign_in(&mut world);
    publish(&mut world, 4, &[FRIEND, STRANGER], "s3cr3t", None);
    let events = all_sent(&mut world);
    assert!(!events.is_empty());
    for event in events {
        let text = nip04::decrypt(&key(FRIEND), &key(ME).pubkey(), &event.content).unwrap();
        assert_eq!(text.as_str(), "s3cr3t");
    }
    let last = statuses(&mut world).pop();
    assert_eq!(last, Some((None, PublishStatus::Complete)));
}

#[test]
fn a_private_message_is_wrapped_for_each_and_goes_to_their_relays_alone() {
    for seed in 0..20 {
        let mut world = world(seed);
        sign_in(&mut world);
        publish(&mut world, 14, &[FRIEND], "s3cr3t", None);
        for (relay, reader) in [("home", ME), ("away", FRIEND)] {
            let events = sent(&mut world, relay);
            assert_eq!(events.len(), 1, "{relay}");
            let wrap = events[0].clone().verify().unwrap();
            assert_eq!((wrap.kind, wrap.tags[0][1].clone()), (Kind(1059), hex(reader)));
            let rumor = nip59::unwrap(&key(reader), &wrap).unwrap();
            assert_eq!((rumor.content.as_str(), rumor.pubkey), ("s3cr3t", key(ME).pubkey()));
        }
        assert_eq!(sent(&mut world, "other"), []);
        let told = statuses(&mut world);
        for person in [ME, FRIEND] {
            let of: Vec<_> = told
                .iter()
                .filter(|(whose, _)| *whose == Some(person))
                .map(|(_, status)| status)
                .collect();
            assert!(
                matches!(
                    of.as_slice(),
                    [
                        PublishStatus::Signed { .. },
                        PublishStatus::Queued { .. },
                        PublishStatus::Sent { .. },
                        PublishStatus::Accepted { .. }
                    ]
                ),
                "seed {seed}: {of:?}"
            );
        }
        assert_eq!(told.last(), Some(&(None, PublishStatus::Complete)));
        assert_eq!(told.len(), 9);
    }
}

#[test]
fn nobody_is_sent_a_message_if_somebodys_relays_are_unknown_and_none_are_named() {
    let mut world = world(1);
    sign_in(&mut world);
    publish(&mut world, 14, &[FRIEND, STRANGER], "s3cr3t", None);
    let SignerError::BadInput(words) = error(&mut world) else {
        panic!()
    };
    assert!(
        words.contains(&hex(STRANGER)) && !words.contains(&hex(FRIEND)) && words.contains("10050"),
        "{words}"
    );
    assert_eq!(all_sent(&mut world), []);
    publish_to(
        &mut world,
        14,
        &[FRIEND, STRANGER],
        "s3cr3t",
        None,
        vec![world::engine::url("other")],
    );
    assert_eq!(
        sent(&mut world, "other").len(),
        1,
        "the stranger's, for whom the relay is named"
    );
    assert_eq!(sent(&mut world, "away").len(), 1);
}

#[test]
fn wallets_and_private_tags_are_encrypted_to_oneself() {
    let private = vec![vec!["word".to_owned(), "s3cr3t".to_owned()]];
    let token =
        r#"{"mint":"https://s3cr3t.example","proofs":[{"id":"005c2502034d4f12","amount":1,"secret":"a","C":"02ab"}]}"#;
    let wallet = r#"[["mint","https://s3cr3t.example"]]"#;
    for (kind, content, private, plain) in [
        (7374, "s3cr3t", None, "s3cr3t"),
        (7375, token, None, token),
        (7376, r#"[["amount","9"]]"#, None, r#"[["amount","9"]]"#),
        (17_375, wallet, None, wallet),
        (10_000, "", Some(private), r#"[["word","s3cr3t"]]"#),
    ] {
        let mut world = world(1);
        sign_in(&mut world);
        publish(&mut world, kind, &[], content, private);
        let events = all_sent(&mut world);
        assert!(!events.is_empty(), "{kind}");
        for event in events {
            assert_eq!(opened(&event, ME, ME), plain, "{kind}");
        }
    }
}

/// Kind, content, private tags.
type SecretTemplate = (u16, &'static str, Option<Vec<Vec<String>>>);

fn secret_templates() -> [SecretTemplate; 4] {
    [
        (4, "s3cr3t", None),
        (14, "s3cr3t", None),
        (7374, "s3cr3t", None),
        (10_000, "", Some(vec![vec!["word".to_owned(), "s3cr3t".to_owned()]])),
    ]
}

#[test]
fn with_no_signer_or_one_that_cannot_encrypt_nothing_is_sent() {
    for (kind, content, private) in secret_templates() {
        let mut world = world(1);
        publish(&mut world, kind, &[FRIEND], content, private.clone());
        assert_eq!(error(&mut world), SignerError::NoSigner, "{kind}");
        let choice = SignerChoice::PublicKey(hex(ME));
        world.sign(PageToCrypto::Use {
            request: RequestId(1),
            choice,
        });
        publish(&mut world, kind, &[FRIEND], content, private);
        assert!(matches!(error(&mut world), SignerError::Unsupported(_)), "{kind}");
        assert_eq!(all_sent(&mut world), []);
    }
}

/// An extension signs for me.
fn signed_in_by_extension() -> World {
    let mut world = world(1);
    world.tell_signer(PageToCrypto::Use {
        request: RequestId(1),
        choice: SignerChoice::Extension,
    });
    let call = asked(&mut world);
    let me = Ok(SignerAnswer::PublicKey(pubkey(ME)));
    world.tell_signer(PageToCrypto::Extension { call, result: me });
    world.signer_says();
    world
}

/// Publishes with an extension that answers its first question so; none is no answer at all.
fn with_extension(kind: u16, content: &str, private: Option<Vec<Vec<String>>>, answer: Option<SignerResult>) -> World {
    let mut world = signed_in_by_extension();
    publish(&mut world, kind, &[FRIEND], content, private);
    let call = asked(&mut world);
    match answer {
        Some(result) => world.tell_signer(PageToCrypto::Extension { call, result }),
        None => world.advance(31_000),
    }
    world
}

fn asked(world: &mut World) -> CallId {
    let mut calls = world.signer_says().into_iter().filter_map(|message| match message {
        CryptoToPage::Extension { call, .. } => Some(call),
        _ => None,
    });
    calls.next().unwrap()
}

#[test]
fn a_signer_that_refuses_lies_or_does_not_answer_has_nothing_sent() {
    let echo = Ok(SignerAnswer::Text(Secret("s3cr3t".to_owned().into())));
    for (kind, content, private) in secret_templates() {
        for (answer, code) in [
            (Some(Err(SignerError::Refused("no".into()))), "refused"),
            (None, "did not answer"),
            (Some(echo.clone()), "refused"),
        ] {
            // A seal is made of what the signer gave; that it is no ciphertext is seen by nobody but its reader.
            if kind == 14 && matches!(answer, Some(Ok(_))) {
                continue;
            }
            let mut world = with_extension(kind, content, private.clone(), answer);
            let error = error(&mut world).to_string();
            assert!(error.contains(code), "{kind}: {error}");
            assert_eq!(all_sent(&mut world), []);
        }
    }
}

#[test]
fn an_aborted_publish_is_not_sent_whatever_the_signer_says_later() {
    for words in ["never mind", "another event"] {
        let mut world = signed_in_by_extension();
        publish(&mut world, 1, &[], "never mind", None);
        let said = world.signer_says();
        let [
            CryptoToPage::Extension {
                call,
                ask: SignerCall::Sign(template),
            },
        ] = said.as_slice()
        else {
            panic!("{said:?}")
        };
        let at = template.created_at.unwrap().0;
        world.tell(PageToParser::Abort { publish: PublishId(1) });
        assert_eq!(error(&mut world), SignerError::Cancelled);
        let signed = signed_event(ME, 1, at, &[], words).into_raw();
        let (call, result) = (*call, Ok(SignerAnswer::Signed(signed)));
        world.tell_signer(PageToCrypto::Extension { call, result });
        world.advance(1_000);
        assert_eq!(all_sent(&mut world), []);
        assert_eq!(statuses(&mut world), []);
    }
}

#[test]
fn a_private_message_reaches_each_person_once_though_the_cache_or_connections_are_replaced() {
    for role in [Role::Cache, Role::Connections] {
        for turns in 0..60 {
            let mut world = world(5);
            sign_in(&mut world);
            let message = PageToParser::Publish {
                publish: PublishId(1),
                template: template(14, &[FRIEND], "s3cr3t"),
                private_tags: None,
                relays: Vec::new(),
                event: None,
            };
            assert!(world.parser.try_send(message).is_ok());
            world.turns(turns);
            world.replace(role, true);
            world.advance(30_000);
            for (relay, reader) in [("home", ME), ("away", FRIEND)] {
                let mut wraps = sent(&mut world, relay);
                wraps.dedup();
                assert_eq!(wraps.len(), 1, "{relay}, {role:?} after {turns} turns");
                assert_eq!(wraps[0].tags[0][1], hex(reader));
            }
            assert_eq!(sent(&mut world, "other"), []);
            let last = statuses(&mut world).pop();
            assert_eq!(
                last,
                Some((None, PublishStatus::Complete)),
                "{role:?} after {turns} turns"
            );
        }
    }
}
