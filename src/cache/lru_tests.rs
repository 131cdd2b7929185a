//! What is kept in memory of events that were asked for: that it spares the disk, stays within its bound, and never
//! answers for what is not stored any more.

use super::core::{Config, Input};
use super::reading::BLOCKS_AT_ONCE;
use super::storage::{MemoryStorage, Storage, StorageError};
use super::store::Operation;
use super::testing::*;
use crate::message::{CachePolicy, CacheToParser, PageToCache, RequestId};
use crate::nostr::event::Event;
use futures_util::future::FutureExt;

/// More blocks than are kept: 4,000 events of 3 KB.
fn large() -> (MemoryStorage, Vec<Event>) {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    let text = "x".repeat(3_000);
    let events: Vec<Event> = (0..4_000)
        .map(|n| event(1, 1, n, &[], &format!("{n} {text}")))
        .collect();
    events.chunks(200).for_each(|some| world.keep(some));
    (storage, events)
}

fn with_records(storage: &MemoryStorage, bytes: usize) -> World {
    let mut config = Config::default();
    config.store.block_cache_bytes = 0;
    config.store.record_cache_bytes = bytes;
    let mut world = World::starting(storage.another(), 9, config);
    world.settle();
    world
}

fn ids<'a>(events: impl Iterator<Item = &'a Event>) -> String {
    let ids: Vec<String> = events.map(|event| format!("\"{}\"", event.id)).collect();
    format!("{{\"ids\":[{}]}}", ids.join(","))
}

#[test]
fn a_question_of_a_thousand_scattered_events_that_is_asked_again_reads_nothing() {
    let (storage, events) = large();
    let question = ids(events.iter().step_by(4));
    let wanted: Vec<&Event> = events.iter().step_by(4).rev().collect();
    let reads = |bytes: usize| {
        let mut world = with_records(&storage, bytes);
        let mut counted = Vec::new();
        for _ in 0..3 {
            let before = world.counter("storage_reads");
            assert_eq!(world.find(&[&question]).iter().collect::<Vec<_>>(), wanted);
            counted.push(world.counter("storage_reads") - before);
        }
        assert!(world.counter("record_cache_bytes") <= bytes as u64);
        counted
    };
    let kept = reads(8 << 20);
    assert!(kept[0] > 0 && kept[1..] == [0, 0], "{kept:?}");
    // Without them the same blocks are read each time: more are asked for than are kept.
    let without = reads(0);
    assert!(without[1] > 0 && without[2] > 0, "{without:?}");
    // And what does not fit is read again, right all the same.
    assert!(reads(100_000)[2] > 0);
}

#[test]
fn what_is_kept_of_an_event_goes_with_it() {
    let mut world = World::new();
    world.keep(&[note(1), note(2), event(1, 0, 1, &[], "profile 1")]);
    assert_eq!(world.counter("record_cache_bytes"), 0);
    assert_eq!(world.find(&["{}"]).len(), 3);
    let all = world.counter("record_cache_bytes");
    world.save(&event(1, 5, 9, &[&["e", &note(1).id.to_string()]], ""));
    world.save(&event(1, 0, 2, &[], "profile 2"));
    assert!(world.counter("record_cache_bytes") < all / 2);
    assert_eq!(world.contents(&["{\"kinds\":[0,1]}"]), ["profile 2", "note 2"]);
    world.input(Input::Page(PageToCache::Wipe { request: RequestId(1) }));
    world.settle();
    assert_eq!(world.counter("record_cache_bytes"), 0);
    assert_eq!(world.contents(&["{}"]), [""; 0]);
    // The index counts its slots anew.
    world.keep(&[note(3)]);
    assert_eq!(world.contents(&["{}"]), ["note 3"]);
}

#[test]
fn a_slot_that_is_used_again_answers_with_its_new_event() {
    let mut world = World::new();
    let mut highest = 0;
    for n in 0..1_200 {
        let profile = event((n % 3) as u8, 0, n, &[], &format!("{n}"));
        world.keep([&profile]);
        highest = highest.max(world.cache.store.index.find(&profile.id).unwrap());
        let wanted: Vec<String> = (0..=n).rev().take(3).map(|n| n.to_string()).collect();
        assert_eq!(world.contents(&["{}"]), wanted);
    }
    assert!(world.counter("compactions") > 0);
    assert!(highest < 1_000, "no slot was given away anew");
}

#[test]
fn kept_records_follow_what_another_tab_moves_deletes_and_wipes() {
    let storage = MemoryStorage::default();
    let mut one = World::on(storage.another(), 1);
    for n in 0..8 {
        one.keep(&[note(n)]);
    }
    let mut two = World::on(storage.another(), 2);
    let contents = |world: &mut World| {
        world.input(Input::OthersSaved);
        world.settle();
        world.contents(&["{\"kinds\":[1]}"])
    };
    assert_eq!(contents(&mut one).len(), 8);
    for n in 8..16 {
        two.keep(&[note(n)]);
    }
    assert!(two.counter("compactions") > 0);
    assert_eq!(contents(&mut one).len(), 16);
    two.keep(&[event(1, 5, 99, &[&["e", &note(3).id.to_string()]], "")]);
    let left = contents(&mut one);
    assert!(left.len() == 15 && !left.contains(&"note 3".to_owned()), "{left:?}");
    two.input(Input::Page(PageToCache::Wipe { request: RequestId(1) }));
    two.settle();
    assert_eq!(storage.list("").now_or_never().unwrap().unwrap(), [""; 0]);
    assert_eq!(contents(&mut one), [""; 0]);
}

#[test]
fn the_blocks_of_a_question_are_asked_for_many_at_once_and_ahead_of_its_events() {
    let (storage, events) = large();
    let question = ids(events.iter().step_by(4));
    let mut world = with_records(&storage, 8 << 20);
    let before = world.counter("storage_reads");
    world.lookup("find", &[&question], CachePolicy::CacheOnly);
    world.step();
    let blocks = |operation: &Operation| match operation {
        Operation::Get { keys, .. } => keys.len(),
        other => panic!("{other:?}"),
    };
    // Little is asked for first, so that the first event is soon there.
    assert_eq!(world.pending.iter().map(blocks).collect::<Vec<_>>(), [2]);
    assert!(world.operate() && world.step());
    // The first events are out and the next blocks on their way.
    assert!(!world.said.is_empty() && !world.pending.is_empty());
    let (mut idle, mut most) = (0, 0);
    while !world
        .said
        .iter()
        .any(|message| matches!(message, CacheToParser::Eoce { .. }))
    {
        let spoke = world.step();
        most = most.max(world.pending.iter().map(blocks).sum());
        let read = world.operate();
        assert!(spoke || read, "it waits for nothing");
        idle += usize::from(!spoke);
    }
    // Eoce, and Asked after it.
    assert_eq!(world.said.len(), 1_000 + 2);
    assert!(most > 2 && most <= BLOCKS_AT_ONCE, "{most} blocks");
    // 96 blocks, which a window of sixteen events would have had in 63 transactions.
    let reads = world.counter("storage_reads") - before;
    assert!(reads < 24, "{reads} transactions");
    assert!(idle < 5, "it waited {idle} times");
}

#[test]
fn events_whose_blocks_cannot_be_read_are_left_out_and_no_others() {
    let (storage, events) = large();
    let mut world = with_records(&storage, 8 << 20);
    let (first, rest) = events.split_at(2_000);
    // The second half is in memory, the first cannot be read.
    assert_eq!(world.find(&[&ids(rest.iter().step_by(50))]).len(), 40);
    world.fault = Box::new(|operation| {
        matches!(operation, Operation::Get { .. }).then(|| StorageError::Failed("broken".to_owned()))
    });
    let both = ids(first.iter().step_by(50).chain(rest.iter().step_by(50)));
    assert_eq!(world.find(&[&both]).len(), 40);
    world.fault = Box::new(|_| None);
    assert_eq!(world.find(&[&both]).len(), 80);
}
