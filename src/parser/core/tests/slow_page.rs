//! A page that does not read, and work that piles up.

use super::*;
use crate::message::{PipeSpec, Subscribe};
use crate::nostr::event::Event;
use crate::nostr::event::tests::signed;

#[test]
fn a_page_that_does_not_read_parks_stored_events_and_gets_them_all_in_order() {
    let mut scene = Scene::with(Config {
        page_queue_bytes: 3_000,
        ..Config::default()
    });
    scene.subscribe("s", notes());
    scene.page.room = Some(0);
    let events: Vec<Event> = (0..20).map(|at| signed(1, 1, at, &[], &format!("{at}"))).collect();
    for event in &events {
        scene.event("a", "s", event.to_json());
    }
    scene.check();
    assert!(scene.parser.counters().contains(&("parked".into(), 14)));
    scene.out.cache.drain().for_each(drop);
    scene.page.room = None;
    scene.input(Input::Writable(id("s")));
    let asked: Vec<_> = scene.out.cache.drain().collect();
    let [ParserToCache::Refill { ids, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    for id_ in ids {
        let event = events.iter().find(|event| event.id == *id_).unwrap().clone();
        scene.input(Input::Cache(CacheToParser::Refilled { sub: id("s"), event }));
    }
    scene.input(Input::Cache(CacheToParser::RefillEnd {
        sub: id("s"),
        missing: 0,
    }));
    assert_eq!(
        scene.contents("s"),
        (0..20).map(|at| at.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn without_the_store_the_number_left_out_is_exact() {
    let mut scene = Scene::with(Config {
        page_queue_bytes: 3_000,
        ..Config::default()
    });
    let pipeline = vec![PipeSpec::Parse, PipeSpec::SerializeEvents];
    scene.subscribe("s", Subscribe { pipeline, ..notes() });
    scene.page.room = Some(0);
    for at in 0..20 {
        scene.event("a", "s", signed(1, 1, at, &[], &format!("{at}")).to_json());
    }
    scene.check();
    scene.page.room = None;
    scene.input(Input::Writable(id("s")));
    let messages = scene.read("s");
    assert_eq!(messages.len(), 7);
    assert_eq!(messages.last(), Some(&ParserToPage::BufferFull { dropped: 14 }));
}

#[test]
fn an_event_that_comes_again_is_not_read_again_and_reaches_only_pages_that_want_it_read() {
    let mut scene = Scene::with(Config::default());
    let event = signed(1, 1, 1, &[], "hello");
    let raw = vec![PipeSpec::SaveToDb, PipeSpec::SerializeEvents];
    scene.subscribe("first", notes());
    scene.event("a", "first", event.to_json());
    scene.check();
    scene.subscribe("again", notes());
    scene.subscribe(
        "raw",
        Subscribe {
            pipeline: raw,
            ..notes()
        },
    );
    for sub in ["again", "raw"] {
        let event = event.clone();
        scene.input(Input::Cache(CacheToParser::Event { sub: id(sub), event }));
    }
    let written = |messages: &[ParserToPage]| match messages {
        [ParserToPage::Event(delivery)] => delivery.written.clone(),
        other => panic!("{other:?}"),
    };
    let first = written(&scene.read("first"));
    assert!(first.is_some());
    assert_eq!(written(&scene.read("again")), first);
    assert_eq!(written(&scene.read("raw")), None);
    assert!(scene.parser.counters().contains(&("readings_known".into(), 1)));
}

#[test]
fn room_is_refused_while_many_events_are_in_work() {
    let mut scene = Scene::with(Config {
        max_in_work: 10,
        ..Config::default()
    });
    scene.subscribe("s", notes());
    scene.out.cache.drain().for_each(drop);
    for at in 0..10 {
        assert!(scene.parser.has_room(&Outbox::default()));
        scene.event("a", "s", signed(1, 1, at, &[], "").to_json());
    }
    assert!(!scene.parser.has_room(&Outbox::default()));
    scene.check();
    assert!(scene.parser.has_room(&Outbox::default()));
}
