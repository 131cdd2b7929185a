//! What the page asks of the cache: imports, wiping, explanations.

use super::core::Input;
use super::storage::{MemoryStorage, StorageError};
use super::store::Operation;
use super::testing::{World, filter, note, sub};
use crate::message::{
    CachePolicy, CacheToParser, ChoiceReason, Explain, Imported, PageToCache, ParserToCache, RequestId, RoleReport,
};
use crate::nostr::event::tests::signed;
use crate::nostr::event::{EventId, RawEvent};
use crate::nostr::relay_url::RelayUrl;

const REQUEST: RequestId = RequestId(7);
const WIPE: PageToCache = PageToCache::Wipe { request: REQUEST };
const WIPED: RoleReport = RoleReport::Wiped { request: REQUEST };

fn ask(world: &mut World, message: PageToCache) -> Option<RoleReport> {
    world.input(Input::Page(message));
    world.settle();
    world.out.page.pop()
}

fn import(lines: &[String]) -> PageToCache {
    PageToCache::Import {
        request: REQUEST,
        text: lines.join("\n").into_bytes(),
    }
}

#[test]
fn an_import_keeps_what_is_signed_and_names_the_lines_that_are_not() {
    let mut world = World::new();
    let good = signed(1, 1, 5, &[], "good");
    let mut forged = RawEvent::clone(&signed(1, 1, 6, &[], "true"));
    forged.content = "false".into();
    let mut stolen = RawEvent::clone(&signed(1, 1, 7, &[], "signed by another"));
    stolen.sig = signed(2, 1, 7, &[], "signed by another").sig;
    let lines = [
        good.to_json(),
        "no json".to_owned(),
        forged.to_json(),
        stolen.to_json(),
        good.to_json(),
    ];
    let Some(RoleReport::Imported(Imported { stored, known, bad, .. })) = ask(&mut world, import(&lines)) else {
        panic!("no report")
    };
    assert_eq!((stored, known), (1, 1));
    assert_eq!(bad.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(bad.iter().all(|(_, reason)| !reason.is_empty()));
    assert_eq!(world.contents(&["{}"]), ["good"]);
}

#[test]
fn an_import_without_lines_is_answered_once_all_is_durable() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    ask(&mut world, import(&[signed(1, 1, 5, &[], "kept").to_json()]));
    world.input(Input::Page(import(&[])));
    assert_eq!(world.out.page.pop(), None);
    // The clock stands still: it is written without delay.
    world.settle();
    assert!(matches!(world.out.page.pop(), Some(RoleReport::Imported(i)) if i.request == REQUEST));
    assert_eq!(World::on(storage, 2).contents(&["{}"]), ["kept"]);
}

#[test]
fn a_wipe_forgets_in_memory_and_on_disk_and_ends_the_lookups_that_are_open() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    world.keep(&(0..50).map(note).collect::<Vec<_>>());
    world.save(&note(50));
    world.lookup("open", &["{}"], CachePolicy::CacheOnly);
    assert_eq!(ask(&mut world, WIPE), Some(WIPED));
    assert_eq!(storage.used_bytes(), 0);
    let ended = |m: &CacheToParser| matches!(m, CacheToParser::Eoce { sub } if sub.as_str() == "open");
    assert!(world.said.iter().any(ended));
    assert!(world.find(&["{}"]).is_empty());
    world.keep(&[note(51)]);
    assert_eq!(World::on(storage, 2).contents(&["{}"]), ["note 51"]);
}

#[test]
fn a_wipe_that_fails_is_tried_again_and_spares_what_was_saved_since() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    world.keep(&[note(1)]);
    let mut fails = true;
    world.fault = Box::new(move |operation| {
        let write = matches!(operation, Operation::Write(_));
        (write && std::mem::take(&mut fails)).then(|| StorageError::Failed("busy".to_owned()))
    });
    assert_eq!(ask(&mut world, WIPE), None);
    world.save(&note(2));
    for _ in 0..5 {
        world.advance(1_000);
    }
    assert_eq!(world.out.page.pop(), Some(WIPED));
    assert_eq!(World::on(storage, 2).contents(&["{}"]), ["note 2"]);
}

#[test]
fn a_wipe_in_one_tab_is_seen_by_the_other() {
    let storage = MemoryStorage::default();
    let mut one = World::on(storage.another(), 1);
    one.keep(&[note(1)]);
    let mut other = World::on(storage.another(), 2);
    assert_eq!(other.find(&["{}"]).len(), 1);
    assert_eq!(ask(&mut one, WIPE), Some(WIPED));
    other.input(Input::OthersSaved);
    other.settle();
    assert!(other.find(&["{}"]).is_empty());
}

fn explain(world: &mut World, about: Explain) -> RoleReport {
    let request = REQUEST;
    ask(world, PageToCache::Explain { request, about }).unwrap()
}

#[test]
fn a_subscriptions_relays_are_explained_with_those_that_were_not_chosen() {
    let mut world = World::new();
    let tags: [&[&str]; 3] = [
        &["r", "wss://a.example"],
        &["r", "wss://b.example"],
        &["r", "wss://c.example"],
    ];
    let lists = [1, 2].map(|key| signed(key, 10002, 1, &tags, ""));
    world.keep(&lists);
    let authors: Vec<String> = lists.iter().map(|list| format!("\"{}\"", list.pubkey)).collect();
    world.parser(ParserToCache::Lookup {
        sub: sub("s"),
        filters: vec![filter(&format!("{{\"authors\":[{}]}}", authors.join(",")))],
        relays: Vec::new(),
        policy: CachePolicy::default(),
        max_relays: Some(1),
        asked: Vec::new(),
    });
    world.settle();
    let RoleReport::Explained { relays, .. } = explain(&mut world, Explain::Sub(sub("s"))) else {
        panic!("no explanation")
    };
    let found: Vec<_> = relays
        .iter()
        .map(|choice| (choice.relay.clone(), choice.reason, choice.people.len()))
        .collect();
    let relay = |name: &str| RelayUrl::parse(&format!("wss://{name}.example")).unwrap();
    let expected = [
        (relay("a"), ChoiceReason::Outbox, 2),
        (relay("b"), ChoiceReason::OverLimit, 2),
        (relay("c"), ChoiceReason::OverLimit, 2),
    ];
    assert_eq!(found, expected);
}

#[test]
fn whether_an_event_is_stored_can_be_asked() {
    let mut world = World::new();
    world.keep(&[note(1)]);
    for (id, expected) in [(note(1).id, true), (EventId([9; 32]), false)] {
        let answer = explain(&mut world, Explain::Event(id));
        assert!(matches!(answer, RoleReport::Explained { stored, .. } if stored == expected));
    }
}

#[test]
fn where_an_event_was_seen_is_told_before_and_after_it_is_durable_and_after_a_restart() {
    let storage = MemoryStorage::default();
    let mut world = World::on(storage.another(), 1);
    let relay = |name: &str| RelayUrl::parse(&format!("wss://{name}.example")).unwrap();
    let event = signed(1, 1, 1, &[], "seen");
    let save = |relays: Vec<RelayUrl>| ParserToCache::Save {
        event: event.clone(),
        relays,
    };
    let seen = |world: &mut World| match explain(world, Explain::Event(event.id)) {
        RoleReport::Explained { stored: true, seen, .. } => seen,
        other => panic!("{other:?}"),
    };
    world.parser(save(vec![relay("b"), relay("a")]));
    assert_eq!(seen(&mut world), [relay("a"), relay("b")]);
    world.advance(1_000);
    assert_eq!(seen(&mut world), [relay("a"), relay("b")]);
    // Another tab's copy may come from elsewhere; it is known until the next time that the event is written.
    world.parser(save(vec![relay("c")]));
    assert_eq!(seen(&mut world), [relay("a"), relay("b"), relay("c")]);
    let mut again = World::on(storage, 2);
    assert_eq!(seen(&mut again), [relay("a"), relay("b")]);
}
