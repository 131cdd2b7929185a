//! Events a second and bytes allocated an event through the parser alone, by kind.
//!
//! `make bench-parser`. Reads events from standard input, one a line. Each goes the whole way that the parser has for
//! it, decode to page record, but for the signature, which is the crypto role's to check.
#![allow(unsafe_code, reason = "an allocator that counts is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nostr_ferry::message::{PageToParser, ParserToPage, RelayMessage, SubId, Subscribe};
use nostr_ferry::nostr::event::RawEvent;
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::relay_url::RelayUrl;
use nostr_ferry::parser::{Config, Input, Outbox, PageSinks, Parser, Written};
use nostr_ferry::time::{Millis, Now, UnixSeconds};
use nostr_ferry::wire::Wire;

/// Counts what is asked of the system's allocator; what is given back is not taken off.
struct Counting;

static BYTES: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is the system allocator's; the counters touch no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        unsafe { System.realloc(at, layout, size) }
    }
}

fn count(bytes: usize) {
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    CALLS.fetch_add(1, Ordering::Relaxed);
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A page that takes everything: each record is made, as it would be, and let go.
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

const ROUNDS: usize = 7;
/// Events of one sort in one round.
const EVENTS: usize = 20_000;

/// What one round took.
struct Round {
    events_per_second: f64,
    bytes: f64,
    calls: f64,
    record: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut sorts = BTreeMap::<&str, Vec<String>>::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let event = RawEvent::from_json(&line)?;
        let rich = event.tags.len() > 2 && (event.content.contains("nostr:") || event.content.contains("http"));
        let sort = match event.kind.0 {
            0 => "0",
            1 if rich => "1 rich",
            1 if event.tags.is_empty() && !event.content.contains("http") => "1 plain",
            7 => "7",
            9735 => "9735",
            _ => continue,
        };
        sorts.entry(sort).or_default().push(line);
    }
    println!(
        "| kind | events/s, median (lowest–highest) | bytes allocated | allocations | bytes of the event | of the record |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for (sort, events) in &sorts {
        let mut rounds = (0..ROUNDS).map(|_| round(events)).collect::<Result<Vec<_>, _>>()?;
        rounds.sort_by(|a, b| a.events_per_second.total_cmp(&b.events_per_second));
        let (Some(low), Some(median), Some(high)) = (rounds.first(), rounds.get(ROUNDS / 2), rounds.last()) else {
            continue;
        };
        let json = events.iter().map(String::len).sum::<usize>() / events.len();
        println!(
            "| {sort} | {:.0} ({:.0}–{:.0}) | {:.0} | {:.0} | {json} | {:.0} |",
            median.events_per_second,
            low.events_per_second,
            high.events_per_second,
            median.bytes,
            median.calls,
            median.record
        );
    }
    Ok(())
}

/// `EVENTS` events through a parser. After each lap of all there are, a new subscription, to which none is a copy.
fn round(events: &[String]) -> Result<Round, Box<dyn Error>> {
    let config = Config {
        verify: false,
        page_queue_bytes: usize::MAX,
        ..Config::default()
    };
    let (mut parser, mut out) = (Parser::new(config), Outbox::default());
    let mut page = Page { events: 0, bytes: 0 };
    let now = Now {
        mono: Millis(0),
        unix: UnixSeconds(1_700_000_000),
    };
    let relay = RelayUrl::parse("wss://relay.example")?;
    let (mut spent, mut handled) = (0.0, 0);
    let (bytes, calls) = (BYTES.load(Ordering::Relaxed), CALLS.load(Ordering::Relaxed));
    let mut prepared = (0, 0);
    for lap in 0..EVENTS.div_ceil(events.len()) {
        let before = (BYTES.load(Ordering::Relaxed), CALLS.load(Ordering::Relaxed));
        let sub = SubId::new(&format!("lap {lap}")).ok_or("a bad id")?;
        let subscribe = Subscribe {
            filters: vec![Filter::default()],
            ..Subscribe::default()
        };
        let opened = PageToParser::Subscribe {
            sub: sub.clone(),
            subscribe,
        };
        parser.handle(now, Input::Page(opened), &mut out);
        // What arrives is made by the port that read it, not by the parser.
        let arriving: Vec<RelayMessage> = events
            .iter()
            .map(|json| RelayMessage::Event {
                relay: relay.clone(),
                sub: sub.clone(),
                json: json.clone(),
            })
            .collect();
        prepared.0 += BYTES.load(Ordering::Relaxed) - before.0;
        prepared.1 += CALLS.load(Ordering::Relaxed) - before.1;
        let start = Instant::now();
        for message in arriving {
            parser.handle(now, Input::Connections(message), &mut out);
            handled += 1;
            if u64::is_multiple_of(handled, 64) {
                parser.end_turn(&mut page, &mut out);
                out = Outbox::default();
            }
        }
        parser.end_turn(&mut page, &mut out);
        spent += start.elapsed().as_secs_f64();
        parser.handle(now, Input::Page(PageToParser::Unsubscribe { sub }), &mut out);
        out = Outbox::default();
    }
    if page.events != handled {
        return Err(format!("{handled} events went in and {} came out", page.events).into());
    }
    let each = |sum: u64| sum as f64 / handled as f64;
    Ok(Round {
        events_per_second: handled as f64 / spent,
        bytes: each(BYTES.load(Ordering::Relaxed) - bytes - prepared.0),
        calls: each(CALLS.load(Ordering::Relaxed) - calls - prepared.1),
        record: each(page.bytes),
    })
}
