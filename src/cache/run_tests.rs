//! The role's loop on real ports, polled by hand.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_util::future::FutureExt;
use futures_util::stream::StreamExt;

use super::storage::MemoryStorage;
use super::testing::{filter, note, sub};
use super::{Config, Ports, RelayConfig, run};
use crate::message::{
    CachePolicy, CacheToParser, Control, Envelope, Nothing, PageToCache, ParserToCache, RequestId, RoleReport,
};
use crate::nostr::relay_url::RelayUrl;
use crate::router::{Port, PortConfig, Received, pair};
use crate::time::{Clock, Millis, Now, UnixSeconds};

#[derive(Clone, Default)]
struct Hand {
    mono: Rc<Cell<u64>>,
    alarm: Rc<RefCell<Option<Waker>>>,
}

impl Clock for Hand {
    fn now(&self) -> Now {
        Now {
            mono: Millis(self.mono.get()),
            unix: UnixSeconds(1_000_000),
        }
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Option<Millis>) -> Poll<()> {
        if deadline.is_some_and(|at| at.0 <= self.mono.get()) {
            return Poll::Ready(());
        }
        *self.alarm.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_later(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// The cache's neighbours, and the cache's loop.
struct Scene {
    parser: Port<CacheToParser, ParserToCache>,
    connections: Port<Envelope, Nothing>,
    page: Port<RoleReport, PageToCache>,
    clock: Hand,
    role: Pin<Box<dyn Future<Output = ()>>>,
}

impl Scene {
    fn new(window_bytes: u64, storage: MemoryStorage) -> Scene {
        let config = PortConfig::sized(window_bytes, 1_024);
        let (parser, from_parser) = pair("parserToCache", config);
        let (connections, to_connections) = pair("cacheToConn", config);
        let (page, from_page) = pair("control", config);
        let ports = Ports {
            parser: from_parser,
            connections: to_connections,
            page: from_page,
            peers: futures_channel::mpsc::unbounded().1,
        };
        let clock = Hand::default();
        let relays = RelayConfig {
            defaults: vec![RelayUrl::parse("wss://default.example").unwrap()],
            ..RelayConfig::default()
        };
        let config = Config {
            relays,
            ..Config::default()
        };
        Scene {
            parser,
            connections,
            page,
            role: Box::pin(run(ports, storage, clock.clone(), config)),
            clock,
        }
    }

    /// Lets the role run until it waits. True if it has ended.
    fn run(&mut self) -> bool {
        self.parser.flush(Millis(0));
        self.page.flush(Millis(0));
        let mut cx = Context::from_waker(Waker::noop());
        self.role.as_mut().poll(&mut cx).is_ready()
    }

    /// What the parser is told, with its credit given back.
    fn heard(&mut self) -> Vec<CacheToParser> {
        let mut heard = Vec::new();
        while let Some(Some(received)) = self.parser.next().now_or_never() {
            if let Received::Message(message) = received {
                heard.push(message);
            }
            self.parser.grant();
        }
        heard
    }
}

#[test]
fn a_page_that_saves_looks_up_and_stops_is_served_to_the_end() {
    let mut scene = Scene::new(4 << 20, MemoryStorage::default());
    for n in 0..300 {
        assert!(
            scene
                .parser
                .try_send(ParserToCache::Save {
                    event: note(n),
                    relays: Vec::new()
                })
                .is_ok()
        );
    }
    assert!(!scene.run());
    scene.clock.mono.set(100);
    scene.run();
    let saved: usize = scene
        .heard()
        .iter()
        .map(|message| match message {
            CacheToParser::Saved { ids } => ids.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(saved, 300);
    let lookup = ParserToCache::Lookup {
        sub: sub("a"),
        filters: vec![filter("{\"limit\":50}")],
        relays: Vec::new(),
        policy: CachePolicy::default(),
        max_relays: None,
        asked: Vec::new(),
    };
    assert!(scene.parser.try_send(lookup).is_ok());
    scene.run();
    assert_eq!(scene.heard().len(), 52, "events, Eoce, Asked");
    assert!(matches!(
        scene.connections.next().now_or_never(),
        Some(Some(Received::Message(_)))
    ));
    let control = |control| PageToCache::Control(control);
    let request = RequestId(9);
    assert!(scene.page.try_send(control(Control::Stats { request })).is_ok());
    scene.run();
    let Some(Some(Received::Message(RoleReport::Stats(stats)))) = scene.page.next().now_or_never() else {
        panic!("no stats")
    };
    assert_eq!((stats.request, stats.ports.len()), (request, 3));
    assert!(stats.counters.contains(&("events".to_owned(), 300)));
    assert!(scene.page.try_send(control(Control::Stop)).is_ok());
    assert!(!scene.run(), "what the parser has sent may still be under way");
    assert!(
        scene
            .parser
            .try_send(ParserToCache::Save {
                event: note(999),
                relays: Vec::new()
            })
            .is_ok()
    );
    scene.parser.goodbye();
    assert!(scene.run(), "it ends");
    assert!(
        scene
            .heard()
            .iter()
            .any(|m| matches!(m, CacheToParser::Saved { ids } if *ids == [note(999).id]))
    );
    assert!(
        matches!(scene.page.next().now_or_never(), Some(None)),
        "it said goodbye"
    );
}

#[test]
fn a_parser_that_does_not_read_gets_no_more_than_its_window_and_later_all_of_it() {
    let storage = MemoryStorage::default();
    let mut scene = Scene::new(8_192, storage);
    for n in 0..200 {
        while scene
            .parser
            .try_send(ParserToCache::Save {
                event: note(n),
                relays: Vec::new(),
            })
            .is_err()
        {
            scene.run();
            scene.heard();
        }
    }
    for _ in 0..5 {
        scene.clock.mono.set(scene.clock.mono.get() + 200);
        scene.run();
        scene.heard();
    }
    let lookup = ParserToCache::Lookup {
        sub: sub("a"),
        filters: vec![filter("{}")],
        relays: Vec::new(),
        policy: CachePolicy::CacheOnly,
        max_relays: None,
        asked: Vec::new(),
    };
    assert!(scene.parser.try_send(lookup).is_ok());
    for _ in 0..10 {
        scene.run();
    }
    // Nobody has read: the window is full. Saves are read all the same.
    assert!(
        scene
            .parser
            .try_send(ParserToCache::Save {
                event: note(1_000),
                relays: Vec::new()
            })
            .is_ok()
    );
    scene.run();
    let mut events = 0;
    loop {
        let heard = scene.heard();
        if heard.is_empty() {
            break;
        }
        let is_event = |message: &&CacheToParser| matches!(message, CacheToParser::Event { .. });
        let got = heard.iter().filter(is_event).count();
        assert!(got < 60, "{got} in one window of 8 KiB");
        events += got;
        scene.run();
    }
    assert_eq!(events, 200);
}
