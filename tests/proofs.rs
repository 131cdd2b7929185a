//! The ProofVerification pipe through all four roles: real proofs, real checks, scripted mints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use std::cell::RefCell;
use std::rc::Rc;

use nostr_ferry::message::*;
use nostr_ferry::nostr::event::Event;
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::nostr::nip44::{self, ConversationKey};
use serde_json::Value;
use world::engine::{Setup, World};
use world::mint::Mint;
use world::people::{key, pubkey};
use world::relay::{Manners, ScriptedRelay, signed_event};

const ONE: &str = "https://one.example";
const TWO: &str = "https://two.example/path";
const SAT: &str = "00aaaaaaaaaaaaaa";
const USD: &str = "00bbbbbbbbbbbbbb";
const OLD: &str = "00cccccccccccccc";
const TO: &str = "e9fbced3a42dcf551486650cc752ab354347dd413b307484e4fd1818ab53f991";

/// The mints behind the world's HTTP, which a test can still speak to.
struct Mints(Rc<RefCell<Vec<Mint>>>);

impl Mints {
    fn new() -> Mints {
        let one = Mint::new(ONE, &[(SAT, "sat", true), (USD, "usd", true), (OLD, "sat", false)]);
        let two = Mint::new(TWO, &[(SAT, "sat", true)]);
        Mints(Rc::new(RefCell::new(vec![one, two])))
    }

    fn at<T>(&self, mint: usize, then: impl FnOnce(&mut Mint) -> T) -> T {
        then(&mut self.0.borrow_mut()[mint])
    }

    fn issue(&self, mint: usize, keyset: &str, amount: u64, secret: &str) -> Value {
        self.at(mint, |mint| mint.issue(keyset, amount, secret))
    }

    fn paths(&self, mint: usize) -> Vec<String> {
        self.at(mint, |mint| mint.asked.iter().map(|(path, _)| path.clone()).collect())
    }

    fn world(&self, events: &[Event]) -> World {
        let mut relay = ScriptedRelay::new(Manners::default());
        relay.store(events.iter().map(|event| event.clone().into_raw()));
        let mut world = World::new(Setup {
            relays: vec![("relay", relay)],
            ..Setup::default()
        });
        let mints = Rc::clone(&self.0);
        world.serve(Box::new(move |ask| {
            // Only an address that is a mint's is asked at all.
            let mut mints = mints.borrow_mut();
            let mint = mints.iter_mut().find(|mint| ask.url.starts_with(&mint.address));
            mint.unwrap_or_else(|| panic!("{} was asked", ask.url)).answer(ask)
        }));
        world
    }
}

fn nutzap(mint: &str, at: u64, proofs: &[Value]) -> Event {
    let proofs: Vec<String> = proofs.iter().map(Value::to_string).collect();
    let mut tags: Vec<[&str; 2]> = proofs.iter().map(|proof| ["proof", proof]).collect();
    tags.extend([["u", mint], ["p", TO]]);
    let tags: Vec<&[&str]> = tags.iter().map(|tag| &tag[..]).collect();
    signed_event(1, 9321, at, &tags, "")
}

fn nutzaps(max: u32) -> Subscribe {
    Subscribe {
        filters: vec![Filter {
            kinds: Some(vec![Kind(9321)]),
            ..Filter::default()
        }],
        pipeline: vec![PipeSpec::Parse, PipeSpec::SaveToDb, PipeSpec::ProofVerification { max }],
        ..Subscribe::default()
    }
}

/// What was found good: mint, unit and secrets, sorted.
fn valid(messages: &[ParserToPage]) -> Vec<(String, String, Vec<String>)> {
    let groups = messages.iter().filter_map(|message| match message {
        ParserToPage::Proofs(group) => {
            assert!(group.proofs.iter().all(|valid| valid.dleq));
            let mut secrets: Vec<String> = group.proofs.iter().map(|valid| valid.proof.secret.clone()).collect();
            secrets.sort();
            Some((group.mint.clone(), group.unit.clone(), secrets))
        }
        ParserToPage::Event(_) | ParserToPage::Count(_) => panic!("ProofVerification is last"),
        _ => None,
    });
    let mut groups: Vec<_> = groups.collect();
    groups.sort();
    groups
}

fn group(mint: &str, unit: &str, secrets: &[&str]) -> (String, String, Vec<String>) {
    (
        mint.into(),
        unit.into(),
        secrets.iter().map(|secret| (*secret).to_owned()).collect(),
    )
}

#[test]
fn good_proofs_come_by_mint_and_unit_and_no_others_do() {
    let mints = Mints::new();
    let mut forged = mints.issue(0, SAT, 1, "forged");
    forged["dleq"]["e"] = Value::from("11".repeat(32));
    let mut without_r = mints.issue(0, SAT, 1, "without r");
    without_r["dleq"].as_object_mut().unwrap().remove("r");
    let mut without_dleq = mints.issue(0, SAT, 1, "without DLEQ");
    without_dleq.as_object_mut().unwrap().remove("dleq");
    let mut richer = mints.issue(0, SAT, 1, "richer");
    richer["amount"] = Value::from(8);
    let mut odd_amount = mints.issue(0, SAT, 1, "odd amount");
    odd_amount["amount"] = Value::from(3);
    let another = mints.issue(0, "00dddddddddddddd", 1, "of no keyset");
    let mut swapped = mints.issue(0, SAT, 1, "swapped");
    swapped["secret"] = Value::from("other secret");
    let spent = mints.issue(0, SAT, 2, "spent");
    mints.at(0, |mint| mint.states.insert("spent".into(), "SPENT"));
    let events = [
        nutzap(
            ONE,
            1,
            &[mints.issue(0, SAT, 1, "a"), mints.issue(0, USD, 8, "b"), spent, forged],
        ),
        nutzap(
            "https://ONE.example/",
            2,
            &[mints.issue(0, OLD, 4, "c"), without_r, without_dleq, richer],
        ),
        nutzap(TWO, 3, &[mints.issue(1, SAT, 2, "d"), swapped]),
        nutzap(ONE, 4, &[odd_amount, another]),
    ];
    let mut world = mints.world(&events);
    world.subscribe("s", nutzaps(100));
    let read = world.read("s");
    let mut secrets: Vec<_> = valid(&read);
    // Of one mint and unit there may be several groups; put together they are these.
    secrets.dedup_by(|next, group| {
        let same = (&next.0, &next.1) == (&group.0, &group.1);
        if same {
            group.2.append(&mut next.2);
            group.2.sort();
        }
        same
    });
    assert_eq!(
        secrets,
        [
            group(ONE, "sat", &["a", "c"]),
            group(ONE, "usd", &["b"]),
            group(TWO, "sat", &["d"])
        ]
    );
    assert!(read.contains(&ParserToPage::EoseAll));
    // The active keysets, then all, then the old one's keys.
    let paths = mints.paths(0);
    assert_eq!(paths[0], "/v1/keys");
    for path in ["/v1/keysets", "/v1/keys/00cccccccccccccc", "/v1/checkstate"] {
        assert!(paths.iter().any(|asked| asked == path), "{paths:?}");
    }
    // All is settled: nobody is asked again.
    let asked = mints.paths(0).len();
    world.advance(3_600_000);
    assert_eq!(mints.paths(0).len(), asked);
    assert_eq!(valid(&world.read("s")), []);
}

#[test]
fn cached_nutzaps_are_verified_as_live_ones_are() {
    let mints = Mints::new();
    let events = [
        nutzap(ONE, 1, &[mints.issue(0, SAT, 1, "a")]),
        nutzap(TWO, 2, &[mints.issue(1, SAT, 1, "b")]),
    ];
    let mut world = mints.world(&events);
    world.subscribe("live", nutzaps(100));
    let live = valid(&world.read("live"));
    assert_eq!(live, [group(ONE, "sat", &["a"]), group(TWO, "sat", &["b"])]);
    let cached = Subscribe {
        cache: CachePolicy::CacheOnly,
        ..nutzaps(100)
    };
    world.subscribe("cached", cached);
    assert_eq!(valid(&world.read("cached")), live);
    // And one that comes later.
    let late = nutzap(ONE, 3, &[mints.issue(0, SAT, 2, "late")]);
    world.publish_at("relay", late.into_raw());
    assert_eq!(valid(&world.read("live")), [group(ONE, "sat", &["late"])]);
}

#[test]
fn pending_proofs_are_asked_about_again_until_the_mint_knows() {
    let mints = Mints::new();
    let events = [nutzap(
        ONE,
        1,
        &["a", "b", "c", "silent"].map(|secret| mints.issue(0, SAT, 1, secret)),
    )];
    for (secret, state) in [("a", "PENDING"), ("b", "PENDING"), ("silent", "SILENT")] {
        mints.at(0, |mint| mint.states.insert(secret.into(), state));
    }
    let mut world = mints.world(&events);
    world.subscribe("s", nutzaps(100));
    assert_eq!(valid(&world.read("s")), [group(ONE, "sat", &["c"])]);
    world.advance(60_000);
    let asked = mints.at(0, |mint| std::mem::take(&mut mint.asked));
    assert_eq!(valid(&world.read("s")), []);
    let again = asked
        .iter()
        .filter(|(path, ys)| path == "/v1/checkstate" && *ys == 3)
        .count();
    assert_eq!(again, 4, "every 15 seconds: {asked:?}");
    mints.at(0, |mint| {
        mint.states.remove("a");
        mint.states.remove("silent");
        mint.states.insert("b".into(), "SPENT");
    });
    world.advance(15_000);
    assert_eq!(valid(&world.read("s")), [group(ONE, "sat", &["a", "silent"])]);
    mints.at(0, |mint| mint.asked.clear());
    world.advance(3_600_000);
    assert_eq!(mints.paths(0), [""; 0]);
}

#[test]
fn a_mint_that_fails_loses_no_proof_and_holds_up_no_other() {
    for broken in [None, Some("<html>".to_owned()), Some("{}".to_owned())] {
        let mints = Mints::new();
        let events = [
            nutzap(ONE, 1, &[mints.issue(0, SAT, 1, "a")]),
            nutzap(TWO, 2, &[mints.issue(1, SAT, 1, "b")]),
        ];
        mints.at(0, |mint| mint.broken = Some(broken.clone()));
        let mut world = mints.world(&events);
        world.subscribe("s", nutzaps(100));
        assert_eq!(valid(&world.read("s")), [group(TWO, "sat", &["b"])], "{broken:?}");
        world.advance(3_600_000);
        // Ever more seldom, at last every five minutes.
        let asked = mints.paths(0).len();
        assert!((12..20).contains(&asked), "{asked}");
        mints.at(0, |mint| mint.broken = None);
        world.advance(300_000);
        assert_eq!(valid(&world.read("s")), [group(ONE, "sat", &["a"])], "{broken:?}");
        // One that fails between its keys and its states.
        let late = nutzap(ONE, 3, &[mints.issue(0, SAT, 2, "late")]);
        mints.at(0, |mint| mint.broken = Some(broken.clone()));
        world.publish_at("relay", late.into_raw());
        assert_eq!(valid(&world.read("s")), []);
        mints.at(0, |mint| mint.broken = None);
        world.advance(15_000);
        assert_eq!(valid(&world.read("s")), [group(ONE, "sat", &["late"])], "{broken:?}");
    }
}

#[test]
fn each_proof_comes_once_and_what_is_over_the_bound_is_told() {
    let mints = Mints::new();
    let proofs: Vec<Value> = ["a", "b", "c", "d"].map(|secret| mints.issue(0, SAT, 1, secret)).into();
    let events = [nutzap(ONE, 1, &proofs[..2]), nutzap(ONE, 2, &proofs)];
    let mut world = mints.world(&events);
    world.subscribe("s", nutzaps(3));
    let read = world.read("s");
    let secrets: usize = valid(&read).iter().map(|(_, _, secrets)| secrets.len()).sum();
    assert_eq!(secrets, 3);
    assert!(read.contains(&ParserToPage::BufferFull { dropped: 1 }), "{read:?}");
}

#[test]
fn a_forged_copy_does_not_hide_a_good_proof() {
    let mints = Mints::new();
    let good = mints.issue(0, SAT, 1, "a");
    let mut forged = good.clone();
    forged["C"] = Value::from(format!("02{}", "11".repeat(32)));
    for order in [[&forged, &good], [&good, &forged]] {
        let events = [nutzap(ONE, 2, &[order[0].clone()]), nutzap(ONE, 1, &[order[1].clone()])];
        let mut world = mints.world(&events);
        world.subscribe("s", nutzaps(100));
        assert_eq!(valid(&world.read("s")), [group(ONE, "sat", &["a"])]);
    }
}

#[test]
fn a_subscription_that_ends_at_eose_waits_for_its_mints_first_answers() {
    let mints = Mints::new();
    let pending = mints.issue(0, SAT, 1, "pending");
    mints.at(0, |mint| mint.states.insert("pending".into(), "PENDING"));
    let mut world = mints.world(&[nutzap(ONE, 1, &[mints.issue(0, SAT, 1, "a"), pending])]);
    let subscribe = Subscribe {
        close_on_eose: true,
        ..nutzaps(100)
    };
    world.subscribe("s", subscribe);
    let read = world.read("s");
    assert_eq!(valid(&read), [group(ONE, "sat", &["a"])]);
    let reason = EndReason::Complete;
    assert_eq!(read.last(), Some(&ParserToPage::Ended { reason }));
    mints.at(0, |mint| mint.asked.clear());
    world.advance(600_000);
    assert_eq!(mints.paths(0), [""; 0], "nobody waits for the pending one");
}

#[test]
fn a_closed_subscriptions_proofs_are_forgotten() {
    let mints = Mints::new();
    mints.at(0, |mint| mint.broken = Some(None));
    let mut world = mints.world(&[nutzap(ONE, 1, &[mints.issue(0, SAT, 1, "a")])]);
    world.subscribe("s", nutzaps(100));
    world.tell(PageToParser::Unsubscribe {
        sub: world::engine::sub("s"),
    });
    mints.at(0, |mint| mint.asked.clear());
    world.advance(600_000);
    assert_eq!(mints.paths(0), [""; 0]);
}

#[test]
fn no_address_is_asked_that_no_mint_has() {
    let mints = Mints::new();
    let proof = mints.issue(0, SAT, 1, "a");
    let hostile = [
        "http://192.168.1.1",
        "https://u:p@one.example",
        "https://one.example/?x=",
        "ftp://one.example",
        "x",
    ];
    let events: Vec<Event> = hostile
        .iter()
        .enumerate()
        .map(|(at, mint)| nutzap(mint, at as u64, std::slice::from_ref(&proof)))
        .collect();
    let mut world = mints.world(&events);
    world.subscribe("s", nutzaps(100));
    assert_eq!(valid(&world.read("s")), []);
    assert_eq!(mints.paths(0), [""; 0]);
}

#[test]
fn a_flood_of_bad_keysets_asks_a_mint_a_bounded_number_of_times() {
    let mints = Mints::new();
    let proofs: Vec<Value> = (0..200)
        .map(|at| {
            let mut proof = mints.issue(0, SAT, 1, &format!("p{at}"));
            proof["id"] = Value::from(format!("{at:016x}"));
            proof
        })
        .collect();
    let events: Vec<Event> = proofs
        .chunks(10)
        .enumerate()
        .map(|(at, proofs)| nutzap(ONE, at as u64, proofs))
        .collect();
    let mut world = mints.world(&events);
    world.subscribe("s", nutzaps(1_000));
    assert_eq!(valid(&world.read("s")), []);
    let asked = mints.paths(0).len();
    assert!(asked <= 22, "{asked} questions for 20 events");
}

// ---------------------------------------------------------------- one's own tokens

const ME: u8 = 1;

/// A token event of mine (NIP-60).
fn token(mint: &str, unit: &str, at: u64, proofs: &[Value]) -> Event {
    let content = serde_json::json!({ "mint": mint, "unit": unit, "proofs": proofs }).to_string();
    let own = ConversationKey::derive(&key(ME), &pubkey(ME)).unwrap();
    let sealed = nip44::encrypt(&own, [at as u8; 32], &content).unwrap();
    signed_event(ME, 7375, at, &[], &sealed)
}

fn tokens(max: u32, saves: bool) -> Subscribe {
    let mut pipeline = vec![PipeSpec::Parse];
    pipeline.extend(saves.then_some(PipeSpec::SaveToDb));
    pipeline.push(PipeSpec::ProofVerification { max });
    Subscribe {
        filters: vec![Filter {
            kinds: Some(vec![Kind(7375)]),
            ..Filter::default()
        }],
        pipeline,
        ..Subscribe::default()
    }
}

fn sign_in(world: &mut World, byte: u8) {
    let choice = SignerChoice::PrivateKey(Secret(format!("{byte:02x}").repeat(32).into()));
    let request = RequestId(1);
    let answer = world.sign(PageToCrypto::Use { request, choice });
    assert!(matches!(answer, CryptoToPage::Answer { result: Ok(_), .. }));
}

/// The secrets of the good proofs, sorted, and how many were left out.
fn good(messages: &[ParserToPage]) -> (Vec<String>, u64) {
    let (mut secrets, mut dropped) = (Vec::new(), 0);
    for message in messages {
        match message {
            ParserToPage::Proofs(group) => secrets.extend(group.proofs.iter().map(|valid| valid.proof.secret.clone())),
            ParserToPage::BufferFull { dropped: more } => dropped += more,
            ParserToPage::Event(_) => panic!("ProofVerification is last"),
            _ => {}
        }
    }
    secrets.sort();
    (secrets, dropped)
}

#[test]
fn tokens_that_were_locked_become_proofs_when_their_owner_signs_in() {
    for (saves, cached) in [(true, false), (true, true), (false, false)] {
        let mints = Mints::new();
        let mut without_dleq = mints.issue(0, SAT, 4, "bare");
        without_dleq.as_object_mut().unwrap().remove("dleq");
        let events = [
            token(ONE, "sat", 1_001, &[mints.issue(0, SAT, 1, "one"), without_dleq]),
            token(
                TWO,
                "sat",
                1_002,
                &[mints.issue(1, SAT, 2, "two"), mints.issue(1, SAT, 8, "spent")],
            ),
            token(ONE, "usd", 1_003, &[mints.issue(0, USD, 8, "dollars")]),
        ];
        mints.at(1, |mint| mint.states.insert("spent".into(), "SPENT"));
        let mut world = mints.world(&events);
        if cached {
            world.subscribe("before", tokens(0, true));
            world.advance(1_000);
            world.tell(PageToParser::Unsubscribe {
                sub: world::engine::sub("before"),
            });
        }
        world.subscribe("s", tokens(100, saves));
        world.advance(1_000);
        assert_eq!(good(&world.read("s")), (vec![], 0), "nobody can read them");
        assert_eq!(
            mints.paths(0),
            [""; 0],
            "a mint is not asked about what nobody has read"
        );
        // Somebody else is no help.
        sign_in(&mut world, 3);
        world.advance(1_000);
        assert_eq!(good(&world.read("s")), (vec![], 0));
        sign_in(&mut world, ME);
        world.advance(1_000);
        let read = world.read("s");
        let expected = ["bare", "dollars", "one", "two"].map(str::to_owned).to_vec();
        assert_eq!(good(&read), (expected, 0), "saved {saves}, cached {cached}");
        let of = |secret: &str| {
            let groups = read.iter().filter_map(|message| match message {
                ParserToPage::Proofs(group) => Some(group),
                _ => None,
            });
            let mut all = groups.flat_map(|group| group.proofs.iter().map(move |valid| (group, valid)));
            let (group, valid) = all.find(|(_, valid)| valid.proof.secret == secret).unwrap();
            (group.mint.as_str(), group.unit.as_str(), valid.dleq)
        };
        assert_eq!(of("one"), (ONE, "sat", true));
        assert_eq!(of("bare"), (ONE, "sat", false), "its owner need not keep a DLEQ");
        assert_eq!(of("dollars"), (ONE, "usd", true));
        assert_eq!(of("two"), (TWO, "sat", true));
        // What is theirs is told once, however often they come.
        world.tell_signer(PageToCrypto::Logout { request: RequestId(2) });
        sign_in(&mut world, ME);
        world.advance(1_000);
        assert_eq!(good(&world.read("s")), (vec![], 0));
        world.publish_at(
            "relay",
            token(ONE, "sat", 1_004, &[mints.issue(0, SAT, 1, "late")]).into_raw(),
        );
        world.advance(1_000);
        assert_eq!(good(&world.read("s")), (vec!["late".to_owned()], 0));
    }
}

#[test]
fn proofs_over_the_bound_are_told_of_tokens_that_were_locked_too() {
    let mints = Mints::new();
    let proofs: Vec<Value> = (0..5)
        .map(|at| mints.issue(0, SAT, 1, &format!("proof {at}")))
        .collect();
    let mut world = mints.world(&[token(ONE, "sat", 1_001, &proofs)]);
    world.subscribe("s", tokens(3, true));
    world.advance(1_000);
    sign_in(&mut world, ME);
    world.advance(1_000);
    let (secrets, dropped) = good(&world.read("s"));
    assert_eq!((secrets.len(), dropped), (3, 2));
}

#[test]
fn locked_tokens_for_which_there_is_no_room_are_told() {
    let mints = Mints::new();
    let padded = |at: u64| {
        let proof = mints.issue(0, SAT, 1, &format!("proof {at}"));
        let content = serde_json::json!({ "mint": ONE, "proofs": [proof], "memo": "x".repeat(30_000) }).to_string();
        let own = ConversationKey::derive(&key(ME), &pubkey(ME)).unwrap();
        let sealed = nip44::encrypt(&own, [at as u8; 32], &content).unwrap();
        signed_event(ME, 7375, 1_000 + at, &[], &sealed)
    };
    let events: Vec<Event> = (0..10).map(padded).collect();
    let mut world = mints.world(&events);
    world.subscribe("s", tokens(100, false));
    world.advance(1_000);
    let (none, dropped) = good(&world.read("s"));
    assert_eq!(none.len(), 0);
    // A quarter of a mebibyte is kept: memory is bounded, and what is left out is told.
    assert!((1..9).contains(&dropped), "{dropped}");
    sign_in(&mut world, ME);
    world.advance(1_000);
    let (secrets, more) = good(&world.read("s"));
    assert_eq!((secrets.len() as u64 + dropped, more), (10, 0));
}
