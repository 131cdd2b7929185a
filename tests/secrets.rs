//! What is encrypted, through all four roles: opened in order, locked with a reason, opened when a signer comes.
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
use nostr_ferry::nostr::event::{Event, RawEvent, UnsignedEvent};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::nostr::nip44::{self, ConversationKey};
use nostr_ferry::nostr::nip59::{GIFT_WRAP, Layer, Recipient, Rumor, gift_wrap, seal};
use nostr_ferry::nostr::{nip04, nip17};
use nostr_ferry::parser::kinds::{Lock, MessageBody, Parsed, Private};
use nostr_ferry::time::UnixSeconds;
use world::engine::{Setup, World};
use world::people::{hex, key, pubkey};
use world::relay::{Manners, ScriptedRelay, signed_event};

const ME: u8 = 1;
const FRIEND: u8 = 2;
const STRANGER: u8 = 3;

/// A kind 4 event from one to another.
fn dm(from: u8, to: u8, at: u64, text: &str) -> Event {
    let ciphertext = nip04::encrypt(&key(from), &pubkey(to), [7; 16], text).unwrap();
    signed_event(from, 4, at, &[&["p", &hex(to)]], &ciphertext)
}

/// Encrypted by somebody to themselves (NIP-44).
fn own(author: u8, kind: u16, at: u64, text: &str) -> Event {
    let conversation = ConversationKey::derive(&key(author), &pubkey(author)).unwrap();
    let ciphertext = nip44::encrypt(&conversation, [at as u8; 32], text).unwrap();
    signed_event(author, kind, at, &[], &ciphertext)
}

fn layer(byte: u8) -> Layer {
    Layer {
        created_at: UnixSeconds(2_000 + u64::from(byte)),
        nonce: [byte; 32],
        aux: [byte; 32],
        expiration: None,
    }
}

fn rumor(from: u8, to: u8, text: &str) -> Rumor {
    Rumor::new(UnsignedEvent {
        pubkey: pubkey(from),
        created_at: UnixSeconds(1_500),
        kind: Kind(14),
        tags: vec![vec!["p".into(), hex(to)]],
        content: text.into(),
    })
}

/// Wraps anything at all for `to`, as a liar would.
fn wrapped(to: u8, plaintext: &str, byte: u8) -> Event {
    let one_time = key(100 + byte);
    let conversation = ConversationKey::derive(&one_time, &pubkey(to)).unwrap();
    let content = nip44::encrypt(&conversation, [byte; 32], plaintext).unwrap();
    signed_event(100 + byte, 1059, 2_000 + u64::from(byte), &[&["p", &hex(to)]], &content)
}

/// A seal by `by` for `to` round anything at all.
fn sealed(by: u8, to: u8, plaintext: &str) -> RawEvent {
    let conversation = ConversationKey::derive(&key(by), &pubkey(to)).unwrap();
    let content = nip44::encrypt(&conversation, [9; 32], plaintext).unwrap();
    signed_event(by, 13, 1_900, &[], &content).into_raw()
}

fn message(from: u8, to: u8, text: &str, byte: u8) -> Event {
    let seal = seal(&key(from), &rumor(from, to, text), &pubkey(to), &layer(byte)).unwrap();
    let recipient = Recipient {
        pubkey: pubkey(to),
        relay: None,
    };
    let wrap = gift_wrap(&seal, GIFT_WRAP, &recipient, &key(100 + byte), &layer(byte)).unwrap();
    wrap.verify().unwrap()
}

fn json(event: &RawEvent) -> String {
    serde_json::to_string(event).unwrap()
}

fn world(seed: u64, events: &[Event]) -> World {
    let mut relay = ScriptedRelay::new(Manners::default());
    relay.store(events.iter().map(|event| event.clone().into_raw()));
    World::new(Setup {
        seed,
        relays: vec![("relay", relay)],
        ..Setup::default()
    })
}

fn kinds(kinds: &[u16]) -> Subscribe {
    Subscribe {
        filters: vec![Filter {
            kinds: Some(kinds.iter().copied().map(Kind).collect()),
            ..Filter::default()
        }],
        ..Subscribe::default()
    }
}

fn sign_in(world: &mut World, byte: u8) {
    let answer = world.sign(PageToCrypto::Use {
        request: RequestId(1),
        choice: SignerChoice::PrivateKey(Secret(format!("{byte:02x}").repeat(32).into())),
    });
    assert!(matches!(answer, CryptoToPage::Answer { result: Ok(_), .. }));
}

/// What an event's encrypted part says, or why it says nothing; with a `+` where it was given before.
fn word(delivery: &Delivery) -> String {
    let Some(reading) = &delivery.reading else {
        return delivery.event.content.clone();
    };
    let text = match &reading.parsed {
        Parsed::DirectMessage(message) => match &message.message {
            Private::Open(plain) => plain.text.clone(),
            Private::Locked => "locked".into(),
            Private::Unreadable => "unreadable".into(),
        },
        Parsed::GiftWrap(wrap) => match &wrap.content {
            Private::Open(unsealed) => unsealed.rumor.content.clone(),
            Private::Locked => "locked".into(),
            Private::Unreadable => "unreadable".into(),
        },
        Parsed::WalletToken(token) => match token {
            Private::Open(token) => token.mint.clone(),
            Private::Locked => "locked".into(),
            Private::Unreadable => "unreadable".into(),
        },
        Parsed::List(list) => match list.private.as_ref().map(|private| &private.items) {
            Some(Private::Open(items)) => items.words.join(" "),
            Some(Private::Locked) => "locked".into(),
            Some(Private::Unreadable) => "unreadable".into(),
            None => "public".into(),
        },
        _ => delivery.event.content.clone(),
    };
    let why = reading.lock.map(|lock| format!(": {lock:?}")).unwrap_or_default();
    let again = if reading.unlocked { "+" } else { "" };
    format!("{again}{text}{why}")
}

fn words(messages: &[ParserToPage]) -> Vec<String> {
    let word = |message: &ParserToPage| match message {
        ParserToPage::Event(delivery) => Some(word(delivery)),
        ParserToPage::EoseAll => Some("EOSE".into()),
        ParserToPage::BufferFull { dropped } => Some(format!("dropped {dropped}")),
        _ => None,
    };
    messages.iter().filter_map(word).collect()
}

const TOKEN: &str =
    r#"{"mint":"https://mint.example","proofs":[{"id":"005c2502034d4f12","amount":1,"secret":"a","C":"02ab"}]}"#;

#[test]
fn every_kind_is_opened_live_and_from_the_store_in_any_order_of_turns() {
    for seed in 0..20 {
        let events = [
            dm(FRIEND, ME, 1_001, "to me"),
            dm(ME, FRIEND, 1_002, "from me"),
            own(ME, 7375, 1_003, TOKEN),
            own(ME, 10_000, 1_004, r#"[["word","fish"]]"#),
            message(FRIEND, ME, "sealed", 1),
        ];
        let mut world = world(seed, &events);
        sign_in(&mut world, ME);
        world.subscribe("live", kinds(&[4, 1059, 7375, 10_000]));
        world.advance(1_000);
        let expected = ["sealed", "fish", "https://mint.example", "from me", "to me", "EOSE"];
        assert_eq!(words(&world.read("live")), expected, "seed {seed}");
        let cached = Subscribe {
            cache: CachePolicy::CacheOnly,
            ..kinds(&[4, 1059, 7375, 10_000])
        };
        world.subscribe("cached", cached);
        assert_eq!(words(&world.read("cached")), expected, "seed {seed}");
    }
}

#[test]
fn what_is_locked_says_why_and_is_given_again_when_a_signer_comes_that_can_open_it() {
    for seed in 0..20 {
        let events = [
            dm(FRIEND, ME, 1_001, "to me"),
            dm(FRIEND, STRANGER, 1_002, "not to me"),
            message(FRIEND, ME, "sealed", 1),
        ];
        let mut world = world(seed, &events);
        world.subscribe("s", kinds(&[4, 1059]));
        world.advance(1_000);
        let locked = "locked: NoSigner";
        assert_eq!(words(&world.read("s")), [locked, locked, locked, "EOSE"]);
        sign_in(&mut world, ME);
        assert_eq!(words(&world.read("s")), ["+sealed", "+to me"], "seed {seed}");
        world.publish_at("relay", dm(FRIEND, STRANGER, 1_003, "nor this").into_raw());
        assert_eq!(words(&world.read("s")), ["locked: OtherKey"]);
        world.tell_signer(PageToCrypto::Logout { request: RequestId(2) });
        world.publish_at("relay", dm(FRIEND, ME, 1_004, "later").into_raw());
        assert_eq!(words(&world.read("s")), [locked]);
        sign_in(&mut world, STRANGER);
        let mut opened = words(&world.read("s"));
        opened.sort();
        assert_eq!(opened, ["+nor this", "+not to me"], "seed {seed}");
        sign_in(&mut world, ME);
        assert_eq!(words(&world.read("s")), ["+later"], "what was open stays so");
    }
}

#[test]
fn what_is_not_stored_is_given_again_too() {
    let mut world = world(1, &[dm(FRIEND, ME, 1_001, "to me")]);
    let unsaved = Subscribe {
        pipeline: vec![PipeSpec::Parse, PipeSpec::SerializeEvents],
        ..kinds(&[4])
    };
    world.subscribe("s", unsaved);
    world.advance(1_000);
    assert_eq!(words(&world.read("s")), ["locked: NoSigner", "EOSE"]);
    sign_in(&mut world, ME);
    assert_eq!(words(&world.read("s")), ["+to me"]);
}

#[test]
fn a_page_too_slow_gets_what_was_parked_opened() {
    let text = "x".repeat(5_000);
    let events: Vec<Event> = (0..60).map(|at| dm(FRIEND, ME, 1_000 + at, &text)).collect();
    let mut world = world(1, &events);
    sign_in(&mut world, ME);
    world.page_takes(Some(0));
    world.subscribe("s", kinds(&[4]));
    world.advance(1_000);
    world.page_takes(None);
    let read = words(&world.read("s"));
    assert_eq!(read.len(), 61, "{read:?}");
    assert!(read[..60].iter().all(|word| *word == text));
}

/// The extension's open questions.
fn asked(world: &mut World) -> Vec<CallId> {
    let calls = world.signer_says().into_iter().filter_map(|message| match message {
        CryptoToPage::Extension { call, .. } => Some(call),
        _ => None,
    });
    calls.collect()
}

fn extension_says(world: &mut World, call: CallId, result: SignerResult) {
    world.tell_signer(PageToCrypto::Extension { call, result });
}

/// A signer that answers when the test says so.
fn use_extension(world: &mut World) {
    world.tell_signer(PageToCrypto::Use {
        request: RequestId(1),
        choice: SignerChoice::Extension,
    });
    let call = asked(world)[0];
    extension_says(world, call, Ok(SignerAnswer::PublicKey(pubkey(ME))));
    world.signer_says();
}

fn text(text: &str) -> SignerResult {
    Ok(SignerAnswer::Text(Secret(text.to_owned().into())))
}

#[test]
fn the_order_holds_while_a_signer_is_slow_and_other_lanes_go_on() {
    let mut events: Vec<Event> = (0..3).map(|at| dm(FRIEND, ME, 1_000 + at, &at.to_string())).collect();
    events.push(signed_event(FRIEND, 1, 900, &[], "a note"));
    let mut world = world(1, &events);
    use_extension(&mut world);
    let slow = |subscribe| Subscribe {
        slow: true,
        ..subscribe
    };
    world.subscribe("slow", slow(kinds(&[1, 4])));
    world.subscribe("fast", kinds(&[1]));
    world.advance(1_000);
    let calls = asked(&mut world);
    assert_eq!(calls.len(), 3, "they are opened side by side");
    assert_eq!(words(&world.read("slow")), [""; 0]);
    assert_eq!(
        words(&world.read("fast")),
        ["a note", "EOSE"],
        "another lane does not wait"
    );
    extension_says(&mut world, calls[2], text("third"));
    extension_says(&mut world, calls[1], text("second"));
    assert_eq!(words(&world.read("slow")), [""; 0]);
    extension_says(&mut world, calls[0], text("first"));
    assert_eq!(
        words(&world.read("slow")),
        ["first", "second", "third", "a note", "EOSE"]
    );
}

#[test]
fn a_signer_that_refuses_or_never_answers_leaves_events_locked_and_the_rest_goes_on() {
    let events: Vec<Event> = (0..100).map(|at| dm(FRIEND, ME, 1_000 + at, "x")).collect();
    let mut world = world(1, &events);
    use_extension(&mut world);
    world.subscribe("s", kinds(&[4]));
    world.advance(1_000);
    let calls = asked(&mut world);
    assert_eq!(calls.len(), 64, "a signer is not asked everything at one time");
    extension_says(&mut world, calls[0], Err(SignerError::Refused("no".into())));
    extension_says(&mut world, calls[1], text("x"));
    assert_eq!(words(&world.read("s")), ["locked: Refused", "x"]);
    world.advance(31_000);
    let late = words(&world.read("s"));
    assert_eq!(late.len(), 99, "those never asked do not wait for another time limit");
    assert!(late[..98].iter().all(|word| word == "locked: TimedOut"), "{late:?}");
}

#[test]
fn hostile_wraps_are_unreadable_and_harm_nothing() {
    let good = rumor(FRIEND, ME, "good").to_json();
    let wrong_id = good.replace("\"content\":\"good\"", "\"content\":\"bad!\"");
    let by_another = rumor(STRANGER, ME, "lie").to_json();
    let mut forged = sealed(FRIEND, ME, &good);
    forged.sig.0[7] ^= 1;
    let nested = "[".repeat(60_000);
    let huge = format!("{{\"content\":\"{}\"}}", "x".repeat(60_000));
    let inner = message(FRIEND, ME, "inner", 20).into_raw();
    let liars = [
        wrapped(ME, "not json", 1),
        wrapped(ME, &nested, 2),
        wrapped(ME, &huge, 3),
        wrapped(ME, &json(&forged), 4),
        wrapped(ME, &json(&sealed(FRIEND, ME, &by_another)), 5),
        wrapped(ME, &json(&sealed(FRIEND, ME, &wrong_id)), 6),
        wrapped(ME, &json(&sealed(FRIEND, ME, &nested)), 7),
        wrapped(ME, &json(&sealed(FRIEND, STRANGER, &good)), 8),
        wrapped(ME, &json(&inner), 9),
        signed_event(STRANGER, 1059, 2_010, &[&["p", &hex(ME)]], "no ciphertext"),
    ];
    let mut events = liars.to_vec();
    events.push(message(FRIEND, ME, "true", 40));
    // For me by its tag, made for another: the tag was a lie.
    let conversation = ConversationKey::derive(&key(110), &pubkey(STRANGER)).unwrap();
    let content = nip44::encrypt(&conversation, [3; 32], &json(&sealed(FRIEND, ME, &good))).unwrap();
    events.push(signed_event(110, 1059, 2_100, &[&["p", &hex(ME)]], &content));
    let mut world = world(1, &events);
    sign_in(&mut world, ME);
    world.subscribe("s", kinds(&[1059]));
    world.advance(1_000);
    let read = words(&world.read("s"));
    assert_eq!(read.len(), 13, "{read:?}");
    assert_eq!(read.iter().filter(|word| *word == "unreadable").count(), 11, "{read:?}");
    assert!(read.contains(&"true".to_owned()));
    // And nothing of it is opened later.
    sign_in(&mut world, STRANGER);
    sign_in(&mut world, ME);
    assert_eq!(words(&world.read("s")), [""; 0]);
}

#[test]
fn a_message_comes_with_its_room_and_the_author_whom_the_seal_proves() {
    let mut world = world(1, &[message(FRIEND, ME, "see you", 1)]);
    sign_in(&mut world, ME);
    world.subscribe("s", kinds(&[1059]));
    world.advance(1_000);
    let read = world.read("s");
    let ParserToPage::Event(delivery) = &read[1] else {
        panic!("{read:?}")
    };
    let Parsed::GiftWrap(wrap) = &delivery.reading.as_ref().unwrap().parsed else {
        panic!()
    };
    let unsealed = wrap.content.open().unwrap();
    assert_eq!(unsealed.rumor.pubkey, pubkey(FRIEND));
    let message = unsealed.message.as_ref().unwrap();
    assert!(matches!(&message.body, MessageBody::Text(_)));
    assert_eq!(nip17::room(&unsealed.rumor).len(), 2);
    assert_eq!(delivery.reading.as_ref().unwrap().lock, None::<Lock>);
}

#[test]
fn nothing_that_was_opened_is_in_the_store() {
    let storage = MemoryStorage::default();
    let look = storage.another();
    let mut relay = ScriptedRelay::new(Manners::default());
    let events = [
        dm(FRIEND, ME, 1_001, "s3cr3t words"),
        own(ME, 7375, 1_002, &TOKEN.replace("mint.example", "s3cr3t.example")),
        own(
            ME,
            17_375,
            1_003,
            r#"[["privkey","s3cr3t"],["mint","https://s3cr3t.example"]]"#,
        ),
        message(FRIEND, ME, "s3cr3t rumor", 1),
    ];
    relay.store(events.iter().map(|event| event.clone().into_raw()));
    let mut world = World::new(Setup {
        storage,
        relays: vec![("relay", relay)],
        ..Setup::default()
    });
    sign_in(&mut world, ME);
    world.subscribe("s", kinds(&[4, 1059, 7375, 17_375]));
    world.advance(60_000);
    let read = words(&world.read("s"));
    assert!(
        read.contains(&"s3cr3t words".to_owned()) && read.contains(&"s3cr3t rumor".to_owned()),
        "{read:?}"
    );
    let mut bytes = Vec::new();
    look.tamper(|blobs| blobs.values().for_each(|blob| bytes.extend_from_slice(blob)));
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&events[0].content), "the ciphertext is there");
    assert!(!holds("s3cr3t"));
}
