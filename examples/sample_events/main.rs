//! Prints signed sample events, one JSON object a line: the people of a small harbour town and what they write.
//!
//! `cargo run --example sample_events -- --count 3000 --seed 1`
//!
//! The same arguments print the same bytes. Options: `--count` events (3000), `--seed` (1), `--base` the
//! Unix time that the newest event lies just before (2026-01-01), `--days` over which they spread (14),
//! `--relay` an address named in relay lists and hints (may be repeated).

mod feed;
mod people;
mod random;
mod texts;

use std::error::Error;
use std::io::{BufWriter, Write};
use std::str::FromStr;

/// What the command line asks for.
pub struct Options {
    pub count: usize,
    pub seed: u64,
    /// Unix seconds.
    pub base: u64,
    pub days: u64,
    pub relays: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = parse(std::env::args().skip(1))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for event in feed::events(&options)? {
        serde_json::to_writer(&mut out, &event)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        count: 3_000,
        seed: 1,
        base: 1_767_225_600,
        days: 14,
        relays: Vec::new(),
    };
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--count" => options.count = number(&name, &value)?,
            "--seed" => options.seed = number(&name, &value)?,
            "--base" => options.base = number(&name, &value)?,
            "--days" => options.days = number(&name, &value)?,
            "--relay" => options.relays.push(value),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    if options.relays.is_empty() {
        options.relays.push("ws://127.0.0.1:7447".to_owned());
    }
    Ok(options)
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{name} takes a whole number, not {value}"))
}
