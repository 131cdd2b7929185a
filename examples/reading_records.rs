//! Writes what the engine sends to a page: for each line `{"event", "decrypted"?}` on standard input, the record
//! of that event as read, in base64.
//!
//! `cargo run --example reading_records < events.jsonl`. The TypeScript reader is tested against it.

use std::error::Error;
use std::io::{BufRead, Write};

use nostr_ferry::message::{Delivery, ParserToPage, Reading, ShardSource};
use nostr_ferry::nostr::event::RawEvent;
use nostr_ferry::nostr::relay_url::RelayUrl;
use nostr_ferry::parser::kinds;
use nostr_ferry::wire::Wire;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Line {
    event: Box<RawValue>,
    decrypted: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line: Line = serde_json::from_str(&line?)?;
        let event = RawEvent::from_json(line.event.get())?.verify()?;
        let parsed = kinds::parse(&event, line.decrypted.as_deref());
        let reading = parsed.map(|parsed| {
            let requests = kinds::requests(&event, &parsed);
            Box::new(Reading {
                parsed,
                requests,
                lock: None,
                unlocked: false,
            })
        });
        let delivery = Delivery {
            event,
            source: ShardSource::Network,
            relays: vec![RelayUrl::parse("wss://seen.example")?],
            reading,
            written: None,
        };
        let record = ParserToPage::Event(delivery).encode();
        writeln!(out, "{}", data_encoding::BASE64.encode(&record))?;
    }
    Ok(())
}
