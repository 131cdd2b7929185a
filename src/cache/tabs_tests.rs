//! Several tabs of one origin on one store.

use std::collections::HashSet;

use super::core::{Config, Input};
use super::index_blob;
use super::segment;
use super::storage::MemoryStorage;
use super::store::{Completion, Operation, Purpose};
use super::testing::{Random, World, all, event, long_note, note, numbers, walk};
use crate::nostr::event::{Event, EventId};

#[test]
fn two_tabs_see_each_others_saves_and_never_lose_any() {
    for seed in 0..30 {
        let mut random = Random(seed);
        let storage = MemoryStorage::default();
        let mut tabs = [World::on(storage.another(), 1), World::on(storage.another(), 2)];
        let mut saved: HashSet<EventId> = HashSet::new();
        for n in 0..150 {
            let tab = &mut tabs[random.below(2) as usize];
            match random.below(6) {
                0 => tab.input(Input::OthersSaved),
                1 => tab.advance(200),
                2 => {
                    tab.step();
                    tab.operate();
                }
                _ => tab.save(&long_note(1, n)),
            }
            saved.extend(tab.saved());
        }
        for tab in &mut tabs {
            tab.advance(2_000);
            saved.extend(tab.saved());
        }
        for tab in &mut tabs {
            tab.input(Input::OthersSaved);
            tab.advance(2_000);
        }
        let mut fresh = World::on(storage, 3);
        let found = all(&mut fresh);
        assert_eq!(found, saved, "seed {seed}");
        for tab in &mut tabs {
            assert_eq!(all(tab), saved, "seed {seed}");
            assert_eq!(tab.counter("corrupt"), 0, "seed {seed}");
        }
    }
}

#[test]
fn two_tabs_with_different_versions_agree_on_the_latest() {
    let storage = MemoryStorage::default();
    let (mut one, mut two) = (World::on(storage.another(), 1), World::on(storage.another(), 2));
    one.keep(&[event(1, 0, 1, &[], "v 1")]);
    two.input(Input::OthersSaved);
    two.settle();
    assert_eq!(two.contents(&["{}"]), ["v 1"]);
    // Both replace it; both mark the same record, and one of them is in conflict.
    one.save(&event(1, 0, 3, &[], "v 3"));
    two.save(&event(1, 0, 2, &[], "v 2"));
    one.advance(200);
    two.advance(200);
    assert!(two.counter("conflicts") > 0);
    one.input(Input::OthersSaved);
    one.settle();
    for tab in [&mut one, &mut two, &mut World::on(storage, 3)] {
        assert_eq!(tab.contents(&["{}"]), ["v 3"]);
    }
}

#[test]
fn a_tab_whose_segments_were_compacted_by_another_finds_the_events_again() {
    let storage = MemoryStorage::default();
    let mut one = World::on(storage.another(), 1);
    for n in 0..6 {
        one.keep(&[note(n)]);
    }
    let mut two = World::on(storage.another(), 2);
    for n in 6..12 {
        two.keep(&[note(n)]);
    }
    assert!(two.counter("compactions") > 0);
    let mut config = Config::default();
    config.store.block_cache_bytes = 0;
    // Nobody has told the first tab: what it knows of the disk is out of date.
    assert_eq!(numbers(&one.contents(&["{}"])), [5, 4, 3, 2, 1, 0]);
    one.keep(&[note(20)]);
    one.input(Input::OthersSaved);
    one.settle();
    assert_eq!(one.contents(&["{}"]).len(), 13);
}

/// Tabs that do their work a little at a time, in an order drawn from a seed.
struct Tabs {
    config: Config,
    storage: MemoryStorage,
    random: Random,
    tabs: Vec<World>,
    writers: u64,
    /// What any of them has reported as saved.
    saved: HashSet<EventId>,
}

impl Tabs {
    fn new(seed: u64, config: Config) -> Tabs {
        let mut tabs = Tabs {
            config,
            storage: MemoryStorage::default(),
            random: Random(seed),
            tabs: Vec::new(),
            writers: 0,
            saved: HashSet::new(),
        };
        for _ in 0..3 {
            let tab = tabs.open();
            tabs.tabs.push(tab);
        }
        tabs
    }

    fn open(&mut self) -> World {
        self.writers += 1;
        World::starting(self.storage.another(), self.writers, self.config.clone())
    }

    /// One thing happens in one tab: it saves one of these events, or goes on with what it is at, or is killed.
    fn turn(&mut self, events: &[Event]) {
        let at = self.random.below(self.tabs.len() as u64) as usize;
        let saves = events.get(self.random.below(events.len().max(1) as u64) as usize);
        let what = self.random.below(100);
        let ms = self.random.below(60);
        let swaps = self.random.below(4) > 0;
        if what == 0 {
            self.tabs[at] = self.open();
        }
        let tab = &mut self.tabs[at];
        match what {
            0 => {}
            1..14 => tab.input(Input::OthersSaved),
            14..34 => {
                tab.now.mono = tab.now.mono + ms;
                tab.input(Input::Timeout);
            }
            34..72 => {
                // Reads that are under way together end in any order.
                let reads = |operation: &&Operation| !matches!(operation, Operation::Write(_));
                if swaps && tab.pending.iter().take(2).filter(reads).count() == 2 {
                    tab.pending.swap(0, 1);
                }
                tab.operate();
            }
            72..80 => drop(tab.step()),
            _ => saves.into_iter().for_each(|event| tab.save(event)),
        }
        self.saved.extend(tab.saved());
    }

    /// Nothing is saved any more, and each hears of what the others have done.
    fn come_to_rest(&mut self) {
        for _ in 0..3 {
            for tab in &mut self.tabs {
                tab.input(Input::OthersSaved);
                tab.advance(2_000);
                self.saved.extend(tab.saved());
            }
        }
    }
}

fn small_groups() -> Config {
    let mut config = Config::default();
    config.store.group_bytes = 4 << 10;
    config
}

/// Notes and deletions of some of them, and profiles of two people in several versions.
fn pool() -> Vec<Event> {
    let notes: Vec<Event> = (0..120).map(|n| long_note(1, n)).collect();
    let deletions = notes.iter().step_by(9).map(|note| {
        let id = note.id.to_string();
        event(
            1,
            5,
            note.created_at.0 + 3,
            &[&["e", &id]],
            &format!("without {}", note.created_at.0),
        )
    });
    let profiles = (0..40).map(|n| event(7 + (n % 2) as u8, 0, n * 3, &[], &format!("profile {n}")));
    let mut events: Vec<Event> = notes.iter().cloned().chain(deletions).chain(profiles).collect();
    events.sort_by_key(|event| (event.created_at, event.kind.0));
    events
}

/// What of `saved` is neither there nor stood for by a later version or by its deletion.
fn lost<'a>(saved: &HashSet<EventId>, pool: &'a [Event], there: &HashSet<EventId>) -> Vec<&'a str> {
    let stands_for = |other: &Event, event: &Event| match other.kind.0 {
        0 => event.kind == other.kind && event.pubkey == other.pubkey && event.created_at < other.created_at,
        5 => other.tags.iter().any(|tag| tag[1] == event.id.to_string()),
        _ => false,
    };
    let gone = |event: &&Event| {
        let mut others = pool.iter().filter(|other| there.contains(&other.id));
        saved.contains(&event.id) && !there.contains(&event.id) && !others.any(|other| stands_for(other, event))
    };
    pool.iter()
        .filter(gone)
        .map(|event| event.content.split(" x").next().unwrap())
        .collect()
}

#[test]
fn what_one_of_three_tabs_has_saved_stays_whatever_they_do_with_the_same_events() {
    let pool = pool();
    let mut counted = [0; 3];
    // The last one is the rarest: an event that dies while a compaction that has left out its copy waits to be written.
    for seed in (0..300).chain([1_909]) {
        let mut tabs = Tabs::new(seed, small_groups());
        for turn in 0..900usize {
            let at = turn * pool.len() / 900;
            tabs.turn(&pool[at.saturating_sub(4)..(at + 4).min(pool.len())]);
            if turn % 20 == 0 {
                let there = walk(&tabs.storage);
                assert_eq!(there.problems, [""; 0], "seed {seed}, turn {turn}");
                assert_eq!(
                    lost(&tabs.saved, &pool, &there.events),
                    [""; 0],
                    "seed {seed}, turn {turn}"
                );
                counted[0] += there.twice;
            }
        }
        tabs.come_to_rest();
        let fresh = all(&mut World::on(tabs.storage.another(), 99));
        assert_eq!(lost(&tabs.saved, &pool, &fresh), [""; 0], "seed {seed}");
        for tab in &mut tabs.tabs {
            assert_eq!(all(tab), fresh, "seed {seed}");
            assert_eq!(tab.counter("corrupt"), 0, "seed {seed}");
            counted[1] += tab.counter("compactions") as usize;
            counted[2] += tab.counter("conflicts") as usize;
        }
    }
    // What it is about has happened: copies, compactions, and tabs in each other's way.
    assert!(counted.iter().all(|count| *count > 500), "{counted:?}");
}

#[test]
fn three_tabs_with_a_small_budget_stay_near_it_agree_and_keep_the_users_own() {
    const BUDGET: u64 = 200_000;
    let mut config = small_groups();
    config.store.budget_bytes = BUDGET;
    config.owners = vec![long_note(9, 0).pubkey];
    let pool: Vec<Event> = (0..800)
        .map(|n| long_note(if n % 40 == 0 { 9 } else { 3 }, n))
        .collect();
    let own = |event: &Event| event.pubkey == config.owners[0];
    let mut most = 0;
    for seed in 0..40 {
        let mut tabs = Tabs::new(seed, config.clone());
        for turn in 0..8_000usize {
            let at = turn * pool.len() / 8_000;
            tabs.turn(&pool[at.saturating_sub(4)..(at + 4).min(pool.len())]);
            most = most.max(tabs.storage.used_bytes());
        }
        tabs.come_to_rest();
        assert_eq!(walk(&tabs.storage).problems, [""; 0], "seed {seed}");
        let mut fresh = World::on(tabs.storage.another(), 99);
        let there = all(&mut fresh);
        assert!(there.len() > 100, "seed {seed}: {} are left", there.len());
        let lost = pool
            .iter()
            .filter(|event| own(event) && tabs.saved.contains(&event.id) && !there.contains(&event.id));
        assert_eq!(lost.count(), 0, "seed {seed}");
        for tab in &mut tabs.tabs {
            // What has been evicted is marked with the next write: whoever starts meanwhile finds it again.
            assert!(all(tab).is_subset(&there), "seed {seed}");
            assert_eq!(tab.counter("corrupt"), 0, "seed {seed}");
            assert!(tab.counter("bytes") <= BUDGET, "seed {seed}: {}", tab.counter("bytes"));
        }
    }
    // Each keeps to the budget by what it knows: what the others write before it hears of it comes on top.
    assert!(most > BUDGET * 9 / 10 && most < BUDGET * 3 / 2, "{most}");
}

#[test]
fn what_a_compaction_that_was_given_up_had_asked_for_is_not_taken_for_what_the_next_one_asks_for() {
    let mut world = World::new();
    for n in 0..7 {
        world.keep(&[note(n)]);
    }
    world.save(&note(7));
    world.now.mono = world.now.mono + 1_000;
    world.input(Input::Timeout);
    let compacts = |operation: &Operation| {
        let purpose = Purpose::Compaction;
        matches!(operation, Operation::Get { purpose: p, .. } if *p == purpose)
    };
    while !world.pending.iter().any(compacts) {
        world.operate();
        world.now.mono = world.now.mono + 1;
        world.input(Input::Timeout);
    }
    let late = Completion::Got {
        purpose: Purpose::Compaction,
        keys: vec![segment::index_key("another")],
        blobs: Ok(vec![Some(index_blob::encode(&[]))]),
    };
    world.input(Input::Storage(late));
    world.settle();
    assert_eq!((world.counter("compactions"), world.counter("corrupt")), (1, 0));
    assert_eq!(numbers(&world.contents(&["{}"])), [7, 6, 5, 4, 3, 2, 1, 0]);
}
