//! Events through a parser alone, for `make bench-parser`. No shipped module has it.
//!
//! Each goes the whole way that the parser has for it, decode to page record, but for the signature, which is the
//! crypto role's to check.

use super::{Config, Input, Outbox, PageSinks, Parser, Written};
use crate::message::{PageToParser, ParserToPage, RelayMessage, SubId, Subscribe};
use crate::nostr::event::RawEvent;
use crate::nostr::filter::Filter;
use crate::nostr::relay_url::RelayUrl;
use crate::time::{Millis, Now, UnixSeconds};
use crate::wire::Wire;

/// Events between two ends of a turn, as in a burst.
const TURN: usize = 64;

const NOW: Now = Now {
    mono: Millis(0),
    unix: UnixSeconds(1_700_000_000),
};

/// What sort of event is on this line; none for one that is not measured.
pub fn sort(line: &str) -> Option<&'static str> {
    let event = RawEvent::from_json(line).ok()?;
    let rich = event.content.contains("nostr:") || event.content.contains("https://");
    match event.kind.0 {
        0 => Some("0"),
        // It names somebody, quotes, or links.
        1 if rich => Some("1 rich"),
        1 if event.tags.is_empty() => Some("1 plain"),
        7 => Some("7"),
        9735 => Some("9735"),
        _ => None,
    }
}

/// A parser, and what is about to arrive at it.
#[derive(Debug)]
pub struct Bench {
    parser: Parser,
    arriving: Vec<RelayMessage>,
    page: Page,
}

impl Bench {
    /// Prepares `count` arrivals of `events`, over and over: after each lap of all there are, for another
    /// subscription, to which none is a copy.
    pub fn new(events: &[String], count: usize) -> Bench {
        let config = Config {
            verify: false,
            page_queue_bytes: usize::MAX,
            ..Config::default()
        };
        let (mut parser, mut out) = (Parser::new(config), Outbox::default());
        let mut arriving = Vec::with_capacity(count);
        let relay = RelayUrl::parse("wss://relay.example").ok();
        for (lap, at) in (0..count).step_by(events.len().max(1)).enumerate() {
            let (Some(sub), Some(relay)) = (SubId::new(&format!("lap {lap}")), &relay) else {
                break;
            };
            let subscribe = Subscribe {
                filters: vec![Filter::default()],
                ..Subscribe::default()
            };
            let opened = PageToParser::Subscribe {
                sub: sub.clone(),
                subscribe,
            };
            parser.handle(NOW, Input::Page(opened), &mut out);
            // What arrives is made by the port that read it, not by the parser.
            arriving.extend(events.iter().take(count - at).map(|json| RelayMessage::Event {
                relay: relay.clone(),
                sub: sub.clone(),
                json: json.clone(),
            }));
        }
        Bench {
            parser,
            arriving,
            page: Page::default(),
        }
    }

    /// Has all of them arrive. Returns how many the page was given, and the bytes of their records.
    pub fn run(&mut self) -> (u64, u64) {
        let mut out = Outbox::default();
        for (at, message) in std::mem::take(&mut self.arriving).into_iter().enumerate() {
            self.parser.handle(NOW, Input::Connections(message), &mut out);
            if at % TURN == TURN - 1 {
                self.parser.end_turn(&mut self.page, &mut out);
                out = Outbox::default();
            }
        }
        self.parser.end_turn(&mut self.page, &mut out);
        (self.page.events, self.page.bytes)
    }
}

/// A page that takes everything: each record is made, as it would be, and let go.
#[derive(Debug, Default)]
struct Page {
    events: u64,
    bytes: u64,
}

impl PageSinks for Page {
    fn write(&mut self, _: &SubId, message: &ParserToPage) -> Written {
        self.bytes += message.encode().len() as u64;
        self.events += u64::from(matches!(message, ParserToPage::Event(_)));
        Written::Yes
    }

    fn close(&mut self, _: &SubId) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn every_arrival_comes_out_as_often_as_it_is_wanted() {
        let events: Vec<String> = (0..3).map(|at| signed(1, 1, at, &[], "x").to_json()).collect();
        for (count, expected) in [(0, 0), (1, 1), (3, 3), (200, 200)] {
            let (delivered, bytes) = Bench::new(&events, count).run();
            assert_eq!((delivered, bytes > 0), (expected, expected > 0));
        }
        assert_eq!(Bench::new(&[], 9).run(), (0, 0));
        assert_eq!((sort(&events[0]), sort("{}")), (Some("1 plain"), None));
        let rich = signed(1, 1, 1, &[&["t", "x"]], "see https://e.example");
        assert_eq!(sort(&rich.to_json()), Some("1 rich"));
        assert_eq!(sort(&signed(1, 1, 1, &[&["t", "x"]], "#x").to_json()), None);
    }
}
