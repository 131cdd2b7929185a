//! Imports: which lines are kept, in which steps, and what waits behind them.

use super::core::{Config, Input};
use super::import::STEP;
use super::storage::MemoryStorage;
use super::testing::*;
use crate::message::{CachePolicy, CacheToParser, Imported, PageToCache, RequestId, RoleReport};
use crate::nostr::event::tests::signed;
use crate::nostr::event::{Event, RawEvent};

fn send(world: &mut World, request: u64, lines: &[String]) {
    let request = RequestId(request);
    let lines = lines.to_vec();
    world.input(Input::Page(PageToCache::Import { request, lines }));
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
            // The disk is behind.
            assert!(world.operate());
            continue;
        }
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
    // Reading, checking and saving, each some at a time.
    assert!(steps >= 3 * 20_000 / STEP, "{steps} steps");
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
    // One round: read, check, save.
    assert!(world.chore() && world.chore() && world.chore());
    assert!(matches!(&reports(&mut world)[..], [RoleReport::Imported(first)] if first.request == RequestId(1)));
    assert!(world.chore() && world.chore() && world.chore());
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
        while world.chore() {}
    }
    assert!(
        world.cache.imports.has_lines(),
        "they were taken in though the disk has not written"
    );
    world.advance(1_000);
    assert_eq!((reports(&mut world).len(), world.find(&["{}"]).len()), (3, 30));
}
