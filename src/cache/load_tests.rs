//! Questions while the index is being read in.

use std::collections::HashSet;

use super::core::{Config, Input};
use super::storage::MemoryStorage;
use super::testing::*;
use crate::message::{CachePolicy, CacheToParser, ParserToCache};
use crate::nostr::event::{Event, EventId};

/// Groups of a hundred notes or so are a segment each, and nothing is compacted.
fn segments_of(events: &[Event], each: usize, storage: &MemoryStorage) {
    // None knows what the others write, as tabs do that save at the same time.
    let open = |writer: u64| World::on(storage.another(), 10 + writer);
    let mut tabs: Vec<World> = (0..events.len().div_ceil(each) as u64).map(open).collect();
    for (tab, group) in tabs.iter_mut().zip(events.chunks(each)) {
        tab.keep(group);
    }
}

/// A millisecond goes by.
fn tick(world: &mut World) {
    world.now.mono = world.now.mono + 1;
    world.input(Input::Timeout);
}

fn by_ids<'a>(ids: impl IntoIterator<Item = &'a Event>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|event| event.id.to_string()).collect();
    serde_json::json!({ "ids": ids }).to_string()
}

fn answer(world: &World, name: &str) -> Vec<EventId> {
    let events = world.said.iter().filter_map(|message| match message {
        CacheToParser::Event { sub, event } if sub.as_str() == name => Some(event.id),
        CacheToParser::Refilled { sub, event } if sub.as_str() == name => Some(event.id),
        _ => None,
    });
    events.collect()
}

fn is_answered(world: &World, name: &str) -> bool {
    world.said.iter().any(|message| match message {
        CacheToParser::Eoce { sub } | CacheToParser::RefillEnd { sub, .. } => sub.as_str() == name,
        _ => false,
    })
}

/// Lets the disk answer and the jobs say what they can, while no time passes for what is done a little at a time.
fn hurry(world: &mut World) {
    while world.step() || world.operate() {}
}

#[test]
fn events_asked_for_by_id_are_found_before_the_others_are_in_the_index() {
    let events: Vec<Event> = (0..6_000).map(note).collect();
    let storage = MemoryStorage::default();
    segments_of(&events, 200, &storage);
    let mut world = World::starting(storage.another(), 1, Config::default());
    let wanted = [&events[5_000], &events[3_000], &events[7]];
    world.lookup("a", &[&by_ids(wanted)], CachePolicy::CacheOnly);
    hurry(&mut world);
    assert_eq!(answer(&world, "a"), wanted.map(|event| event.id));
    assert!(is_answered(&world, "a"));
    assert!(world.counter("events") < 1_000, "{}", world.counter("events"));
    // Those who ask later, and for others, are answered from what has been read.
    let reads = world.counter("storage_reads");
    let later = [&events[4_000], &events[20]];
    world.lookup("b", &[&by_ids(later)], CachePolicy::CacheOnly);
    let ids = wanted.map(|event| event.id).to_vec();
    world.parser(ParserToCache::Refill { sub: sub("c"), ids });
    for _ in 0..8 {
        hurry(&mut world);
        tick(&mut world);
    }
    hurry(&mut world);
    assert_eq!(answer(&world, "b"), later.map(|event| event.id));
    assert_eq!(answer(&world, "c"), wanted.map(|event| event.id));
    assert!(world.counter("events") < 6_000, "{}", world.counter("events"));
    assert!(world.counter("storage_reads") <= reads + 2);
    world.settle();
    assert_eq!(all(&mut world).len(), 6_000);
}

#[test]
fn what_was_replaced_or_deleted_is_not_found_by_its_id_while_the_index_is_read() {
    let old = event(1, 0, 10, &[], "old profile");
    let gone = event(2, 1, 20, &[], "deleted");
    let deletion = event(2, 5, 30, &[&["e", &gone.id.to_string()]], "");
    let new = event(1, 0, 40, &[], "new profile");
    let kept = event(3, 1, 15, &[], "kept");
    let mut events = vec![new.clone(), deletion.clone()];
    events.extend((0..2_000).map(|n| note(1_000 + n)));
    events.extend([old.clone(), gone.clone(), kept.clone()]);
    let storage = MemoryStorage::default();
    // One tab has written all but the last three, which another has, without knowing of them.
    segments_of(&events, 2_002, &storage);
    let mut world = World::starting(storage.another(), 1, Config::default());
    world.lookup("a", &[&by_ids([&old, &gone, &kept])], CachePolicy::CacheOnly);
    hurry(&mut world);
    assert!(is_answered(&world, "a"));
    assert!(world.counter("events") < 1_000, "{}", world.counter("events"));
    assert_eq!(answer(&world, "a"), [kept.id]);
}

/// Events of all sorts, many of which replace or delete each other.
fn mixed(random: &mut Random, count: u64) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for n in 0..count {
        let (author, at) = (1 + random.below(4) as u8, 100 + random.below(40));
        let target = events
            .get(random.below(n + 1) as usize)
            .map_or_else(|| "00".repeat(32), |event| event.id.to_string());
        let text = n.to_string();
        events.push(match random.below(8) {
            0 => event(author, 0, at, &[], &text),
            1 => event(author, 30_023, at, &[&["d", &random.below(3).to_string()]], &text),
            2 => event(author, 5, at + 100, &[&["e", &target]], &text),
            _ => event(author, 1, at, &[], &text),
        });
    }
    events
}

#[test]
fn whatever_is_asked_while_the_index_is_read_the_answer_is_that_of_a_whole_index() {
    for seed in 1..60 {
        let mut random = Random(seed);
        let count = 20 + random.below(300);
        let events = mixed(&mut random, count);
        let storage = MemoryStorage::default();
        let each = 1 + random.below(40) as usize;
        // Some are in several segments.
        let again: Vec<Event> = events.iter().filter(|_| random.below(5) == 0).cloned().collect();
        segments_of(&[again, events.clone()].concat(), each, &storage);
        // Deletions are all newer than what they delete, so that each answer is that of the end.
        let mut whole = World::on(storage.another(), 2);
        let mut world = World::starting(storage.another(), 3, Config::default());
        let mut asked: Vec<(String, String)> = Vec::new();
        for turn in 0..40 {
            match random.below(6) {
                0 if asked.len() < 8 => {
                    let some = events.iter().filter(|_| random.below(4) == 0).collect::<Vec<_>>();
                    let filter = by_ids(some);
                    let name = format!("{turn}");
                    world.lookup(&name, &[&filter], CachePolicy::CacheOnly);
                    asked.push((name, filter));
                }
                1 => tick(&mut world),
                2 | 3 => drop(world.step()),
                _ => drop(world.operate()),
            }
        }
        world.settle();
        for (name, filter) in &asked {
            let expected: Vec<EventId> = whole.find(&[filter]).iter().map(|event| event.id).collect();
            assert_eq!(&answer(&world, name), &expected, "seed {seed}, lookup {name}");
            assert!(is_answered(&world, name));
        }
        let found: HashSet<EventId> = all(&mut world);
        assert_eq!(found, all(&mut whole), "seed {seed}");
        for copies in world.cache.store.copies.values() {
            let places: HashSet<_> = copies.iter().map(|copy| (copy.segment, copy.spot)).collect();
            assert_eq!(places.len(), copies.len(), "seed {seed}: a copy is counted twice");
        }
    }
}
