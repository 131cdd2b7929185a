//! The store under crashes, damage, quotas, budgets, compaction and other tabs.

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;

use data_encoding::HEXLOWER;

use super::compact::{BLOCKS_PER_READ, LARGE, Work};
use super::core::{Config, Input};
use super::segment::{self, BLOCK_BYTES};
use super::storage::{MemoryStorage, StorageError};
use super::store::Operation;
use super::testing::{Random, World, all, event, long_note, note, numbers, walk};
use crate::message::{CachePolicy, CacheToParser, Control, PageToCache, ParserToCache, PublishId};
use crate::nostr::event::Event;
use crate::sorted::SortedMap;

#[test]
fn what_was_reported_as_saved_is_there_after_a_crash_at_any_write() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let storage = MemoryStorage::default();
        let mut world = World::on(storage.another(), seed);
        let last_write = random.below(12);
        let writes = Rc::new(Cell::new(0));
        let counted = writes.clone();
        // The writes after the last one never happen; nobody hears of them either.
        world.fault = Box::new(move |operation| {
            let Operation::Write(_) = operation else { return None };
            counted.set(counted.get() + 1);
            (counted.get() > last_write).then(|| StorageError::Failed("killed".to_owned()))
        });
        let mut saved = HashSet::new();
        for n in 0..200 {
            world.save(&long_note(1, n));
            if random.below(4) == 0 {
                world.advance(random.below(300));
            }
            if random.below(3) == 0 {
                world.operate();
            }
            if writes.get() > last_write {
                break;
            }
            saved.extend(world.saved());
        }
        assert_eq!(walk(&storage).problems, [""; 0], "seed {seed}");
        let mut after = World::on(storage.another(), 1_000 + seed);
        let found = all(&mut after);
        assert!(
            saved.is_subset(&found),
            "seed {seed}: {} of {}",
            found.len(),
            saved.len()
        );
        assert_eq!(after.counter("corrupt") + after.counter("foreign"), 0, "seed {seed}");
    }
}

#[test]
fn compaction_loses_nothing_and_leaves_few_segments() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    for n in 0..300 {
        world.keep(&[note(n)]);
    }
    assert!(world.counter("compactions") > 10);
    assert!(world.counter("segments") < 30, "{}", world.counter("segments"));
    let wanted: Vec<u64> = (0..300).rev().collect();
    assert_eq!(numbers(&world.contents(&["{}"])), wanted);
    assert_eq!(numbers(&World::on(storage, 2).contents(&["{}"])), wanted);
}

#[test]
fn a_compaction_goes_in_bounded_steps_and_queries_are_answered_between_any_two() {
    let mut world = World::new();
    // Nine groups of a size, each after the last is durable, so that they are merged; some of their events die.
    let notes =
        |group: u64| (0..300).map(move |n| event(2, 1, group * 300 + n, &[], &format!("a note {}", "x".repeat(300))));
    let profile = |group: u64| event(3, 0, group, &[], &format!("profile {}", "y".repeat(40_000)));
    let groups = 9;
    for group in 0..groups {
        for event in notes(group).chain([profile(group)]) {
            world.save(&event);
        }
        world.now.mono = world.now.mono + 1_000;
        world.input(Input::Timeout);
        while !world.pending.is_empty() {
            world.operate();
        }
        world.said.clear();
        world.out.parser.clear();
    }
    let newest = long_note(1, 1_000_000);
    world.save(&newest);
    let (mut steps, mut largest, mut all_bytes, mut asked) = (0, Work::default(), 0, 0);
    let before = world.cache.store.counters.compactions;
    while world.cache.store.counters.compactions == before {
        assert!(asked < 10_000, "it does not come to an end");
        world.cache.store.worked = Work::default();
        // One poll of the role's loop: what the disk has done, or a chore that is due.
        if !world.operate() {
            world.now.mono = world.now.mono + 2;
            world.input(Input::Timeout);
        }
        let worked = world.cache.store.worked;
        steps += usize::from(worked != Work::default());
        largest.events = largest.events.max(worked.events);
        largest.bytes = largest.bytes.max(worked.bytes);
        all_bytes += worked.bytes;
        // Whatever it is at, a query is answered in the very next turn, from what is in memory.
        world.said.clear();
        world.lookup(
            "q",
            &["{\"authors\":[\"0101010101010101010101010101010101010101010101010101010101010101\"],\"limit\":1}"],
            CachePolicy::CacheOnly,
        );
        world.said.clear();
        assert!(world.step());
        let mine =
            |message: &&CacheToParser| matches!(message, CacheToParser::Event { .. } | CacheToParser::Eoce { .. });
        assert_eq!(world.said.iter().filter(mine).count(), 2, "{:?}", world.said);
        asked += 1;
    }
    // A read's bytes, or as many events as a whole segment may have, and never more than a part of the work.
    assert!(largest.bytes <= BLOCKS_PER_READ * (BLOCK_BYTES + 50_000), "{largest:?}");
    assert!(largest.events <= LARGE as usize / 300, "{largest:?}");
    assert!(steps >= 10 && asked > steps, "{steps} steps, {asked} queries");
    assert!(largest.bytes * 3 < all_bytes, "{largest:?} of {all_bytes} bytes");
    world.settle();
    assert_eq!(world.find(&["{\"kinds\":[1]}"]).len(), 300 * groups as usize + 1);
    assert_eq!(world.find(&["{\"kinds\":[0]}"]), [profile(groups - 1)]);
}

#[test]
fn replaced_events_give_their_bytes_back() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    for n in 0..400 {
        world.keep(&[event(1, 0, n, &[], &format!("profile {n} {}", "x".repeat(2_000)))]);
    }
    assert!(storage.used_bytes() < 40_000, "{}", storage.used_bytes());
    assert_eq!(world.counter("events"), 1);
    assert_eq!(numbers(&World::on(storage, 2).contents(&["{}"])), [399]);
}

#[test]
fn a_replaced_version_does_not_come_back_when_its_successor_is_deleted() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    let (first, second) = (event(1, 0, 1, &[], "first"), event(1, 0, 2, &[], "second"));
    world.keep(std::slice::from_ref(&first));
    world.keep(std::slice::from_ref(&second));
    let deletion = event(1, 5, 3, &[&["e", &second.id.to_string()]], "");
    world.keep(&[deletion]);
    assert_eq!(world.contents(&["{\"kinds\":[0]}"]).len(), 0);
    let mut again = World::on(storage, 2);
    assert_eq!(again.contents(&["{\"kinds\":[0]}"]).len(), 0);
    again.keep(&[second]);
    assert_eq!(
        again.contents(&["{\"kinds\":[0]}"]).len(),
        0,
        "the deletion holds for a late copy"
    );
}

#[test]
fn deletions_reach_only_their_authors_events_and_no_deletion() {
    let mut world = World::new();
    let (mine, theirs) = (event(1, 1, 1, &[], "mine"), event(2, 1, 1, &[], "theirs"));
    let (mine_id, theirs_id) = (mine.id.to_string(), theirs.id.to_string());
    let deletion = event(1, 5, 2, &[&["e", &mine_id], &["e", &theirs_id]], "deletion");
    let undo = event(1, 5, 3, &[&["e", &deletion.id.to_string()]], "undo");
    world.keep(&[mine.clone(), theirs, deletion, undo]);
    assert_eq!(world.contents(&["{}"]), ["undo", "deletion", "theirs"]);
    world.keep(&[mine]);
    assert_eq!(world.contents(&["{\"kinds\":[1]}"]), ["theirs"]);
}

#[test]
fn an_expired_event_is_served_until_then_and_not_a_second_longer() {
    let mut world = World::new();
    let at = (world.now.unix.0 + 10).to_string();
    let past = world.now.unix.0.to_string();
    world.keep(&[
        event(1, 1, 1, &[&["expiration", &at]], "soon"),
        event(1, 1, 2, &[&["expiration", &past]], "gone"),
    ]);
    world.now.unix.0 += 9;
    assert_eq!(world.contents(&["{}"]), ["soon"]);
    world.now.unix.0 += 1;
    assert_eq!(world.contents(&["{}"]).len(), 0);
}

#[test]
fn what_needs_no_keeping_is_reported_as_saved_at_once() {
    let mut world = World::new();
    world.keep(&[note(1), event(1, 0, 9, &[], "new")]);
    let ephemeral = event(1, 20_001, 1, &[], "");
    let stale = event(1, 0, 8, &[], "old");
    for event in [&ephemeral, &note(1), &stale] {
        world.save(event);
    }
    world.settle();
    assert_eq!(world.saved(), [ephemeral.id, note(1).id, stale.id]);
    assert_eq!(world.counter("storage_writes"), 1);
}

/// Five segments of forty notes each.
fn filled() -> MemoryStorage {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    for part in 0..5 {
        world.keep(&(0..40).map(|n| note(part * 40 + n)).collect::<Vec<_>>());
    }
    storage
}

#[test]
fn damaged_records_are_skipped_counted_and_gone_after_the_next_start() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let storage = filled();
        storage.tamper(|blobs| {
            for (_, block) in blobs.iter_mut().filter(|(key, _)| key.starts_with("d/")) {
                for _ in 0..2 {
                    let at = random.below(block.len() as u64) as usize;
                    block[at] ^= 0x55;
                }
            }
        });
        let mut world = World::on(storage.another(), 2);
        let found = world.find(&["{}"]);
        assert!((190..200).contains(&found.len()), "{}", found.len());
        for event in &found {
            assert_eq!(
                event.content,
                format!("note {}", event.created_at.0),
                "never a damaged one"
            );
        }
        assert_eq!(world.counter("corrupt"), 200 - found.len() as u64);
        world.input(Input::Page(PageToCache::Control(Control::Stop)));
        world.settle();
        let walked = walk(&storage);
        assert_eq!(
            (walked.problems, walked.events.len()),
            (vec![], found.len()),
            "seed {seed}"
        );
        let mut again = World::on(storage, 3);
        assert_eq!(again.find(&["{}"]).len(), found.len());
        assert_eq!(again.counter("corrupt"), 0);
    }
}

#[test]
fn a_lost_or_damaged_index_blob_is_made_again_from_the_records() {
    type Damage = fn(&mut SortedMap<String, Vec<u8>>, String);
    let damages: [Damage; 4] = [
        |blobs, key| drop(blobs.remove(&key)),
        |blobs, key| blobs.get_mut(&key).unwrap()[30] ^= 1,
        |blobs, key| blobs.get_mut(&key).unwrap().truncate(50),
        // A layout version that this build does not know.
        |blobs, key| blobs.get_mut(&key).unwrap()[4] = 200,
    ];
    for damage in damages {
        let storage = filled();
        storage.tamper(|blobs| {
            let key = blobs.keys().rfind(|key| key.starts_with("i/")).unwrap().clone();
            damage(blobs, key);
        });
        let mut world = World::on(storage.another(), 2);
        assert_eq!(world.find(&["{}"]).len(), 200);
        world.advance(1_000);
        assert_eq!(walk(&storage).problems, [""; 0]);
        let mut again = World::on(storage, 3);
        assert_eq!(again.find(&["{}"]).len(), 200);
        assert_eq!(again.counter("corrupt"), 0, "it was repaired");
    }
}

/// A store as layout version 1 has written it; `tests/vectors/README.md` says what is in it.
fn version_one() -> MemoryStorage {
    let storage = MemoryStorage::default();
    storage.tamper(|blobs| {
        for line in include_str!("../../tests/vectors/store-v1.txt").lines() {
            let (key, blob) = line.split_once(' ').unwrap();
            blobs.insert(key.to_owned(), HEXLOWER.decode(blob.as_bytes()).unwrap());
        }
    });
    storage
}

/// The layout versions of the index blobs.
fn index_versions(storage: &MemoryStorage) -> Vec<u8> {
    let mut versions = Vec::new();
    storage.tamper(|blobs| {
        let indexes = blobs.iter().filter(|(key, _)| key.starts_with("i/"));
        versions.extend(indexes.map(|(_, blob)| blob[4]));
    });
    versions
}

#[test]
fn a_store_of_the_previous_layout_is_read_as_it_is_and_compaction_brings_it_to_the_newest() {
    let storage = version_one();
    assert_eq!(index_versions(&storage), [1; 4]);
    let walked = walk(&storage);
    assert_eq!((walked.problems, walked.dead), (vec![], 3));
    let mut expected: Vec<String> = ["gone", "profile, new", "own note", "expires", "article one", ""]
        .map(str::to_owned)
        .into();
    expected.extend((1..12).rev().map(|n| format!("note {n}")));
    let mut world = World::on(storage.another(), 2);
    assert_eq!(world.contents(&["{}"]), expected);
    assert_eq!((world.counter("corrupt"), world.counter("foreign")), (0, 0));
    // What was deleted stays so, and the relay list is one.
    world.keep(&[
        event(1, 30023, 23, &[&["d", "two"]], "article two"),
        event(1, 1, 0, &[&["t", "x"], &["e", &"ab".repeat(32)]], "note 0"),
    ]);
    assert_eq!(world.contents(&["{}"]), expected);
    assert_eq!(world.contents(&["{\"#t\":[\"x\"],\"limit\":1}"]), ["note 11"]);
    // New events are written in the newest layout, beside the old ones until these are merged with them.
    for n in 0..12 {
        world.keep(&[event(4, 1, 100 + n, &[], &format!("new {n}"))]);
    }
    world.input(Input::Page(PageToCache::Control(Control::Stop)));
    world.settle();
    assert!(
        index_versions(&storage).iter().all(|version| *version == 2),
        "{:?}",
        index_versions(&storage)
    );
    assert_eq!(walk(&storage).problems, [""; 0]);
    let mut again = World::on(storage, 3);
    assert_eq!(again.contents(&["{\"until\":50}"]), expected);
    assert_eq!(again.counter("events"), 29);
}

#[test]
fn foreign_keys_orphans_and_random_bytes_are_counted_and_removed_at_start() {
    let storage = filled();
    let name = segment::name(crate::time::UnixSeconds(5), 7, 7);
    storage.tamper(|blobs| {
        blobs.insert("somebody else's".to_owned(), vec![1, 2, 3]);
        blobs.insert(segment::index_key(&name), vec![9; 40]);
        blobs.insert(segment::marks_key(&name, 1, 1), vec![9; 40]);
        let random = segment::name(crate::time::UnixSeconds(6), 7, 8);
        blobs.insert(segment::block_key(&random, 0), vec![0xa5; 5_000]);
    });
    let mut world = World::on(storage.another(), 2);
    assert_eq!(world.find(&["{}"]).len(), 200);
    assert_eq!(world.counter("foreign"), 3);
    assert!(world.counter("corrupt") >= 1);
    world.advance(1_000);
    storage.tamper(|blobs| {
        assert!(
            blobs
                .keys()
                .all(|key| !key.contains("somebody") && !key.contains(&name))
        );
        assert!(!blobs.values().any(|blob| blob.starts_with(&[0xa5])));
    });
    assert_eq!(walk(&storage).problems, [""; 0]);
}

#[test]
fn over_budget_the_oldest_notes_of_strangers_go_and_own_events_and_lists_stay() {
    let storage = MemoryStorage::default();
    let mut config = Config::default();
    config.store.budget_bytes = 200_000;
    let mut world = World::starting(storage.another(), 1, config);
    world.settle();
    let own = long_note(9, 0);
    world.parser(ParserToCache::Publish {
        publish: PublishId(1),
        event: own.clone(),
        relays: Vec::new(),
    });
    let lists: Vec<Event> = [0, 3, 10_002].map(|kind| event(2, kind, 0, &[], "list")).to_vec();
    world.keep(&lists);
    // Somebody signs in whose note came from a relay.
    let signed_in = long_note(4, 0);
    world.keep([&signed_in]);
    world.input(Input::Page(PageToCache::Owner {
        pubkey: signed_in.pubkey,
    }));
    for n in 1..600 {
        world.save(&long_note(3, n));
        if n % 20 == 0 {
            world.advance(200);
        }
    }
    world.advance(1_000);
    assert!(storage.used_bytes() <= 210_000, "{}", storage.used_bytes());
    assert!(world.counter("evicted") > 300);
    let found = world.find(&["{}"]);
    assert!(found.contains(&own) && found.contains(&signed_in));
    assert!(lists.iter().all(|list| found.contains(list)));
    let notes: Vec<u64> = found
        .iter()
        .filter(|e| e.pubkey.0[0] == 3)
        .map(|e| e.created_at.0)
        .collect();
    assert!(notes.len() > 80, "{}", notes.len());
    assert_eq!(
        notes,
        (600 - notes.len() as u64..600).rev().collect::<Vec<_>>(),
        "the newest are kept"
    );
    let mut again = World::on(storage, 2);
    assert!(again.find(&["{}"]).contains(&own));
}

#[test]
fn a_flood_of_saves_never_takes_the_disk_over_its_budget() {
    let storage = MemoryStorage::default();
    let mut config = Config::default();
    config.store.budget_bytes = 1_000_000;
    let mut world = World::starting(storage.another(), 1, config);
    world.settle();
    let mut most = 0;
    for n in 0..20_000 {
        world.save(&long_note(3, n));
        if n % 8 == 0 {
            world.now.mono = world.now.mono + 1;
            world.operate();
            world.step();
        }
        most = most.max(storage.used_bytes());
    }
    for _ in 0..200 {
        world.advance(100);
        most = most.max(storage.used_bytes());
    }
    assert!(most <= 1_000_000, "{most}");
    assert_eq!((world.counter("unsaved_bytes"), world.saved().len()), (0, 20_000));
    let found = world.find(&["{}"]);
    assert!(found.len() > 500, "{}", found.len());
    assert_eq!(found[0], long_note(3, 19_999));
}

#[test]
fn without_a_budget_of_the_pages_a_quarter_of_the_quota_is_kept_to_and_the_quota_is_never_met() {
    for (parts, quota, budget) in [
        (Some(4), 1_200_000, 300_000),
        (None, 1_200_000, 256 << 20),
        (Some(4), 4 << 30, 256 << 20),
    ] {
        let storage = MemoryStorage::default();
        storage.set_quota(Some(quota));
        let mut config = Config::default();
        config.store.quota_parts = parts;
        let mut world = World::starting(storage.another(), 1, config);
        world.settle();
        assert_eq!(world.counter("budget_bytes"), budget);
        for n in 0..1_500 {
            world.save(&long_note(2, n));
            if n % 50 == 0 {
                world.advance(200);
                assert!(parts.is_none() || storage.used_bytes() <= budget);
            }
        }
        world.advance(1_000);
        assert_eq!(world.counter("memory_only"), 0);
        assert_eq!(world.counter("quota_errors") > 0, parts.is_none());
    }
}

#[test]
fn a_met_quota_evicts_and_the_save_succeeds() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    world.keep(&(0..100).map(|n| long_note(1, n)).collect::<Vec<_>>());
    storage.set_quota(Some(storage.used_bytes() + 500));
    world.keep(&(100..110).map(|n| long_note(1, n)).collect::<Vec<_>>());
    // A browser frees what was deleted a moment later, so the write waits.
    world.advance(2_000);
    assert!(world.counter("quota_errors") > 0);
    assert_eq!(world.counter("memory_only"), 0, "{:?}", world.cache.counters());
    let kept = numbers(&World::on(storage, 2).contents(&["{}"]));
    assert_eq!(kept[..11], (99..110).rev().collect::<Vec<u64>>());
}

#[test]
fn without_a_disk_the_same_store_is_kept_in_memory_and_the_page_is_told() {
    for error in [StorageError::Unavailable("denied".to_owned()), StorageError::Quota] {
        let storage = MemoryStorage::default();
        let mut world = World::starting(storage.another(), 1, Config::default());
        let failing = error.clone();
        world.fault = Box::new(move |operation| {
            let writes = matches!(operation, Operation::Write(_));
            (writes || matches!(failing, StorageError::Unavailable(_))).then(|| failing.clone())
        });
        world.settle();
        world.save(&note(1));
        for _ in 0..20 {
            world.advance(5_000);
        }
        assert_eq!(world.saved(), [note(1).id], "{error}");
        assert_eq!(world.contents(&["{}"]), ["note 1"]);
        assert_eq!(world.counter("memory_only"), 1);
        assert_eq!(world.out.page.len(), 1, "the page has been told");
        assert_eq!(storage.used_bytes(), 0);
    }
}

#[test]
fn what_is_left_of_a_burst_is_durable_when_nothing_more_comes_and_not_before() {
    let mut world = World::new();
    world.keep(&[note(0)]);
    for n in 1..=150 {
        world.save(&long_note(1, n));
        if n % 50 == 0 {
            world.advance(18);
        }
    }
    assert_eq!(world.saved(), [], "more came each time");
    world.advance(2);
    assert_eq!(world.saved().len(), 150);
    assert_eq!(world.counter("storage_writes"), 2, "one segment");
}

#[test]
fn events_that_trickle_in_do_not_become_a_segment_each() {
    let mut world = World::new();
    for n in 0..40 {
        world.save(&note(n));
        world.advance(25);
    }
    let writes = world.counter("storage_writes");
    assert!((8..=11).contains(&writes), "{writes} in a second");
    world.advance(100);
    world.advance(100);
    world.save(&note(40));
    world.advance(20);
    assert_eq!(world.saved().len(), 41, "after a while one is not kept waiting");
}

#[test]
fn a_failed_write_is_tried_again() {
    let mut world = World::new();
    let mut failures = 2;
    world.fault = Box::new(move |operation| {
        let fails = matches!(operation, Operation::Write(_)) && failures > 0;
        failures -= i32::from(fails);
        fails.then(|| StorageError::Failed("busy".to_owned()))
    });
    world.save(&note(1));
    world.advance(100);
    assert_eq!(world.saved(), []);
    for _ in 0..10 {
        world.advance(1_000);
    }
    assert_eq!(world.saved(), [note(1).id]);
    assert_eq!((world.counter("storage_errors"), world.counter("memory_only")), (2, 0));
}

#[test]
fn a_group_that_comes_due_while_the_disk_is_listed_sets_no_timer_and_is_written_after_it() {
    let mut world = World::new();
    world.save(&note(1));
    world.input(Input::OthersSaved);
    world.now.mono = world.now.mono + 1_000;
    world.input(Input::Timeout);
    assert_eq!(world.pending, [Operation::List]);
    // A timer whose time has come, and comes again at once, would keep the listing from ever arriving.
    assert!(world.cache.next_timeout().is_none_or(|at| at > world.now.mono));
    world.settle();
    assert_eq!((world.saved().len(), world.counter("storage_writes")), (1, 1));
}

#[test]
fn a_disk_whose_blobs_cannot_be_read_ends_no_turn_in_a_loop() {
    let storage = filled();
    let mut world = World::starting(storage, 2, Config::default());
    world.fault = Box::new(|operation| {
        matches!(operation, Operation::Get { .. }).then(|| StorageError::Failed("broken".to_owned()))
    });
    world.settle();
    assert_eq!(world.find(&["{}"]).len(), 0);
    world.keep(&[note(7)]);
    assert_eq!(world.contents(&["{}"]), ["note 7"]);
}

/// Prints what a large store costs; run it with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a test"]
fn measure_a_hundred_thousand_events() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    let started = std::time::Instant::now();
    for n in 0..100_000u64 {
        let (id, author) = (format!("{:064x}", n / 3), format!("{:064x}", n % 5_000));
        let author_key = (n % 200) as u8;
        world.save(&event(
            author_key,
            1,
            n,
            &[&["e", &id], &["p", &author]],
            &"word ".repeat(60),
        ));
        if n % 500 == 0 {
            world.advance(200);
        }
    }
    world.advance(1_000);
    let (saved, bytes) = (started.elapsed(), storage.used_bytes());
    println!("saved in {saved:?}, {bytes} bytes, {:?}", world.cache.counters());
    let started = std::time::Instant::now();
    let mut world = World::starting(storage, 2, Config::default());
    world.find(&["{\"kinds\":[1],\"limit\":20}"]);
    let first = started.elapsed();
    world.settle();
    println!("first answer after {first:?}, loaded after {:?}", started.elapsed());
    for filter in ["{\"kinds\":[1],\"limit\":20}", "{\"limit\":500}"] {
        let started = std::time::Instant::now();
        let found = world.find(&[filter]).len();
        println!("{filter}: {found} in {:?}", started.elapsed());
    }
}
