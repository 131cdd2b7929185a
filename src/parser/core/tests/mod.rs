//! The parser's state machine, one behaviour a test: inputs in, outputs compared.
//!
//! The scene is here, and one file a part of the role beside it.

mod events;
mod imports;
mod publishes;
mod slow_page;
mod subscriptions;

use std::collections::HashMap;

use super::*;
use crate::message::Subscribe;
use crate::nostr::event::tests::signed;
use crate::nostr::filter::Filter;
use crate::nostr::kind::Kind;
use crate::parser::Written;
use crate::time::{Millis, UnixSeconds};

/// A page with a bounded buffer a subscription.
#[derive(Default)]
struct Page {
    read: HashMap<SubId, Vec<ParserToPage>>,
    room: Option<usize>,
    closed: Vec<SubId>,
}

impl PageSinks for Page {
    fn write(&mut self, sub: &SubId, message: &ParserToPage) -> Written {
        if self.room == Some(0) {
            return Written::Full;
        }
        self.room = self.room.map(|room| room - 1);
        self.read.entry(sub.clone()).or_default().push(message.clone());
        Written::Yes
    }

    fn close(&mut self, sub: &SubId) {
        self.closed.push(sub.clone());
    }
}

/// The parser with its surroundings played by hand.
struct Scene {
    parser: Parser,
    out: Outbox,
    page: Page,
    now: Now,
}

impl Scene {
    fn new() -> Scene {
        Scene::with(Config::default())
    }

    fn with(config: Config) -> Scene {
        Scene {
            parser: Parser::new(config),
            out: Outbox::default(),
            page: Page::default(),
            now: Now {
                mono: Millis(1_000),
                unix: UnixSeconds(1_700_000_000),
            },
        }
    }

    /// One input, and the turn it makes.
    fn input(&mut self, input: Input) {
        self.parser.handle(self.now, input, &mut self.out);
        self.parser.end_turn(&mut self.page, &mut self.out);
    }

    fn subscribe(&mut self, sub: &str, subscribe: Subscribe) {
        self.input(Input::Page(PageToParser::Subscribe {
            sub: id(sub),
            subscribe,
        }));
    }

    fn event(&mut self, relay_name: &str, sub: &str, json: String) {
        self.input(Input::Connections(RelayMessage::Event {
            relay: relay(relay_name),
            sub: id(sub),
            json,
        }));
    }

    /// Answers every signature check that is out, truthfully.
    fn check(&mut self) {
        // An answer makes room for the next batch.
        while let Some(request) = self.out.crypto.pop() {
            let ParserToCrypto::Verify { request, claims } = request else {
                panic!("{request:?}")
            };
            let good = claims
                .iter()
                .map(|claim| crate::nostr::schnorr::verify(&claim.id, &claim.pubkey, &claim.sig))
                .collect();
            self.input(Input::Crypto(CryptoToParser::Verdicts { request, good }));
        }
    }

    fn read(&mut self, sub: &str) -> Vec<ParserToPage> {
        self.page.read.remove(&id(sub)).unwrap_or_default()
    }

    /// Contents of the events the page got.
    fn contents(&mut self, sub: &str) -> Vec<String> {
        let events = self.read(sub).into_iter().filter_map(|message| match message {
            ParserToPage::Event(delivery) => Some(delivery.event.content.clone()),
            _ => None,
        });
        events.collect()
    }
}

fn id(name: &str) -> SubId {
    SubId::new(name).unwrap()
}

fn relay(name: &str) -> RelayUrl {
    RelayUrl::parse(&format!("wss://{name}.example")).unwrap()
}

fn notes() -> Subscribe {
    Subscribe {
        filters: vec![Filter {
            kinds: Some(vec![Kind(1)]),
            ..Filter::default()
        }],
        ..Subscribe::default()
    }
}

fn note(content: &str) -> String {
    signed(1, 1, 100, &[], content).to_json()
}
