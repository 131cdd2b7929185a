//! Imports: which lines are kept, in which steps, and what waits behind them.

use super::core::{Config, Input};
use super::import::{BATCH, MAX_ASKED, STEP};
use super::storage::MemoryStorage;
use super::testing::*;
use crate::message::{CachePolicy, CacheToParser, Imported, PageToCache, ParserToCache, RequestId, RoleReport};
use crate::nostr::event::tests::signed;
use crate::nostr::event::{Event, RawEvent};
use crate::role::Role;

fn send(world: &mut World, request: u64, lines: &[String]) {
    let request = RequestId(request);
    let text = lines.join("\n").into_bytes();
    world.input(Input::Page(PageToCache::Import { request, text }));
    world.hear();
}

fn reports(world: &mut World) -> Vec<RoleReport> {
    world.out.page.drain().collect()
}

fn notes(count: u64) -> Vec<Event> {
    (0..count)
        .map(|n| signed((n % 20) as u8 + 1, 1, n, &[], &format!("note {n}")))
        .collect()
}

fn jsons(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.to_json()).collect()
}

#[test]
fn bad_lines_among_a_thousand_good_ones_are_told_by_line_and_everything_else_is_stored() {
    let mut world = World::new();
    let good = notes(1_000);
    let mut lines = jsons(&good);
    let mut forged = RawEvent::clone(&signed(1, 1, 5_000, &[], "forged"));
    forged.sig = good[0].sig;
    let mut changed = RawEvent::clone(&signed(2, 1, 5_001, &[], "true"));
    changed.content = "false".into();
    // No point of the curve has such an x.
    let mut nobody = RawEvent::clone(&signed(3, 1, 5_002, &[], "nobody"));
    nobody.sig.0[..32].fill(0xff);
    let bad = [
        (7, forged.to_json()),
        (60, changed.to_json()),
        (61, "{\"half\":".to_owned()),
        (930, nobody.to_json()),
    ];
    for (at, line) in &bad {
        lines.insert(*at, line.clone());
    }
    let per_message = 50;
    for (request, some) in (0..).zip(lines.chunks(per_message)) {
        send(&mut world, request, some);
    }
    world.settle();
    let mut told = Vec::new();
    let mut stored = 0;
    for (message, report) in reports(&mut world).into_iter().enumerate() {
        let RoleReport::Imported(imported) = report else {
            panic!("{report:?}")
        };
        assert_eq!((imported.request, imported.known), (RequestId(message as u64), 0));
        stored += imported.stored;
        let lines = imported
            .bad
            .into_iter()
            .map(|(at, why)| (message * per_message + at as usize, why));
        told.extend(lines);
    }
    let reason = |at: usize| told.iter().find(|(line, _)| *line == at).unwrap().1.clone();
    assert_eq!(
        told.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        bad.clone().map(|(at, _)| at)
    );
    assert_eq!(reason(7), "the signature does not match the id and the pubkey");
    assert_eq!(reason(60), "the id is not the hash of the event");
    assert!(reason(61).starts_with("not an event: "));
    assert_eq!(reason(930), reason(7));
    assert_eq!(stored, 1_000);
    let newest_first: Vec<Event> = good.into_iter().rev().collect();
    assert_eq!(world.find(&["{}"]), newest_first);
}

#[test]
fn a_query_during_an_import_of_twenty_thousand_is_answered_between_any_two_of_its_steps() {
    let mut world = World::new();
    world.keep(&[event(99, 1, 1, &[], "here")]);
    let events = notes(20_000);
    for (request, some) in (0..).zip(events.chunks(100)) {
        send(&mut world, request, &jsons(some));
    }
    let question = format!("{{\"authors\":[\"{}\"]}}", "63".repeat(32));
    let mut steps = 0;
    while world.cache.imports.has_lines() {
        if !world.chore() {
            // The checks or the disk are behind.
            assert!(world.check() || world.operate());
            continue;
        }
        assert!(world.checks.len() <= MAX_ASKED && world.checks.iter().all(|(_, claims)| claims.len() <= BATCH));
        steps += 1;
        let worked = world.cache.imports.worked;
        assert!(worked > 0 && worked <= STEP, "{worked} in one step");
        world.said.clear();
        world.lookup("q", &[&question], CachePolicy::CacheOnly);
        while !world
            .said
            .iter()
            .any(|message| matches!(message, CacheToParser::Eoce { .. }))
        {
            assert!(world.step(), "it is not answered in step {steps}");
        }
        let is_answer = |m: &CacheToParser| matches!(m, CacheToParser::Event { event, .. } if event.content == "here");
        assert!(world.said.iter().any(is_answer));
    }
    // Reading and saving, each some at a time.
    assert!(steps >= 2 * 20_000 / STEP, "{steps} steps");
    world.settle();
    let stored = reports(&mut world).into_iter().map(|report| match report {
        RoleReport::Imported(imported) => imported.stored,
        other => panic!("{other:?}"),
    });
    assert_eq!(stored.sum::<u32>(), 20_000);
}

#[test]
fn long_lines_are_read_few_in_a_step() {
    let mut world = World::new();
    let text = "x".repeat(100_000);
    let events: Vec<Event> = (0..12).map(|n| signed(1, 1, n, &[], &format!("{n}{text}"))).collect();
    send(&mut world, 1, &jsons(&events));
    while world.chore() && world.cache.imports.worked < 12 {
        assert!(world.cache.imports.worked <= 3);
    }
    world.settle();
    assert_eq!(world.find(&["{}"]).len(), 12);
}

#[test]
fn what_is_asked_behind_lines_waits_for_them_and_not_for_those_that_follow() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    let events = notes(30);
    send(&mut world, 1, &jsons(&events[..10]));
    send(&mut world, 2, &[]);
    send(&mut world, 3, &jsons(&events[10..20]));
    // One round: read, check, save. The next is read meanwhile.
    assert!(world.chore() && world.chore() && world.check() && world.chore());
    assert!(matches!(&reports(&mut world)[..], [RoleReport::Imported(first)] if first.request == RequestId(1)));
    assert!(world.check() && world.chore());
    assert!(matches!(&reports(&mut world)[..], [RoleReport::Imported(third)] if third.request == RequestId(3)));
    // What was stored first is written without delay, and that it is durable is told before the rest is.
    assert!(world.operate() && world.counter("unsaved_bytes") > 0);
    let durable = Imported {
        request: RequestId(2),
        ..Imported::default()
    };
    assert_eq!(reports(&mut world), [RoleReport::Imported(durable)]);
    assert_eq!(World::on(storage.another(), 2).find(&["{}"]).len(), 10);
    // A wipe takes what came before it, and spares what comes after.
    send(&mut world, 4, &jsons(&events[20..25]));
    world.input(Input::Page(PageToCache::Wipe { request: RequestId(5) }));
    send(&mut world, 6, &jsons(&events[25..]));
    world.settle();
    let order: Vec<u64> = reports(&mut world)
        .iter()
        .map(|report| match report {
            RoleReport::Imported(Imported { request, stored: 5, .. }) | RoleReport::Wiped { request } => request.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!((order[0], order.len()), (4, 3));
    world.advance(1_000);
    assert_eq!(World::on(storage, 3).find(&["{}"]).len(), 5);
}

#[test]
fn lines_wait_while_too_much_is_not_durable() {
    let mut config = Config::default();
    config.limits.unsaved_bytes = 1_000;
    let mut world = World::with(config);
    let events = notes(30);
    for (request, some) in (0..).zip(events.chunks(10)) {
        send(&mut world, request, &jsons(some));
        while world.chore() || world.check() {}
    }
    assert!(
        world.cache.imports.has_lines(),
        "they were taken in though the disk has not written"
    );
    world.advance(1_000);
    assert_eq!((reports(&mut world).len(), world.find(&["{}"]).len()), (3, 30));
}

/// One message of `events`, read, with its first batches on their way to be checked.
fn checking(events: &[Event]) -> World {
    let mut world = World::new();
    send(&mut world, 1, &jsons(events));
    while world.chore() {}
    assert_eq!(world.checks.len(), MAX_ASKED);
    world
}

fn stored(world: &mut World) -> u32 {
    let imported = |report| match report {
        RoleReport::Imported(imported) => imported.stored,
        other => panic!("{other:?}"),
    };
    reports(world).into_iter().map(imported).sum()
}

#[test]
fn what_a_parser_had_not_answered_is_asked_of_the_next() {
    let events = notes(3 * BATCH as u64);
    let mut world = checking(&events);
    assert!(world.check());
    let lost = std::mem::take(&mut world.checks);
    world.input(Input::Replaced(Role::Parser));
    world.hear();
    assert_eq!(world.checks, lost);
    world.settle();
    assert_eq!(stored(&mut world), 3 * BATCH as u32);
    assert_eq!(world.find(&["{}"]).len(), events.len());
}

#[test]
fn verdicts_of_another_length_or_on_what_was_not_asked_are_no_verdicts() {
    let events = notes(3 * BATCH as u64);
    let mut world = checking(&events);
    let asked = world.checks.clone();
    let (request, claims) = &asked[0];
    let good = vec![true; claims.len()];
    for (request, good) in [(*request, good[1..].to_vec()), (RequestId(999), good)] {
        world.parser(ParserToCache::Checked { request, good });
        world.hear();
        assert_eq!(world.checks, asked);
    }
    // A verdict that comes twice counts once.
    assert!(world.check());
    let none = vec![false; claims.len()];
    world.parser(ParserToCache::Checked {
        request: *request,
        good: none,
    });
    world.settle();
    assert_eq!(stored(&mut world), 3 * BATCH as u32);
}

#[test]
fn while_one_round_is_checked_the_next_is_read_and_no_more_than_three_are_held() {
    let mut world = World::new();
    let long = "x".repeat(1_000);
    let events: Vec<Event> = (0..600).map(|n| signed(1, 1, n, &[], &format!("{n}{long}"))).collect();
    let message = jsons(&events);
    for request in 0..10 {
        send(&mut world, request, &message);
    }
    while world.chore() {}
    let read: usize = world.cache.imports.held();
    assert_eq!(read, 3);
    assert_eq!(world.checks.len(), MAX_ASKED);
    world.settle();
    assert_eq!((stored(&mut world), world.find(&["{}"]).len()), (600, 600));
}

#[test]
fn lines_are_counted_with_the_blank_ones_and_one_that_is_no_text_is_named() {
    let mut world = World::new();
    let event = signed(1, 1, 5, &[], "kept").to_json();
    let text = [b"\n \r\n", event.as_bytes(), b"\r\n\xff\n", event.as_bytes(), b"\n{"].concat();
    let request = RequestId(1);
    world.input(Input::Page(PageToCache::Import { request, text }));
    world.settle();
    let [RoleReport::Imported(told)] = &reports(&mut world)[..] else {
        panic!("one report")
    };
    assert_eq!((told.stored, told.known), (1, 1));
    assert_eq!(told.bad.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3, 5]);
}
