//! Verification alone, for `make bench-verify`: events as a relay's JSON in, how many are good out. The parser alone,
//! for `make bench-parser`. No shipped module has them.

use std::collections::HashMap;
use std::future::poll_fn;

use wasm_bindgen::prelude::*;

use super::entropy::Browser;
use super::verifier::VerifierPool;
use crate::crypto::{Entropy, Verifier};
use crate::message::{Claim, RequestId};
use crate::nostr::event::RawEvent;
use crate::nostr::schnorr;
use crate::parser::bench::{Bench, sort};

/// As the parser keeps out.
const BATCHES_OUT: usize = 2;

/// Whether one event's id and signature hold, by the check that events get one at a time.
#[wasm_bindgen]
pub fn bench_verify(event: &str) -> bool {
    RawEvent::from_json(event).is_ok_and(|event| event.verify().is_ok())
}

/// How many of the `events` (one a line) are good, checked in batches of `size`.
#[wasm_bindgen]
pub fn bench_verify_batches(events: &str, size: usize) -> u32 {
    let mut lines = events.lines().peekable();
    let mut good = 0;
    while lines.peek().is_some() {
        let verdicts = schnorr::check_batch(&claims(&mut lines, size), Browser.bytes());
        good += verdicts.into_iter().filter(|good| *good).count() as u32;
    }
    good
}

/// The crypto role's pool. Its caller hashes, as the parser does.
#[wasm_bindgen]
pub struct BenchPool(VerifierPool);

#[wasm_bindgen]
impl BenchPool {
    #[wasm_bindgen(constructor)]
    pub fn new(size: usize) -> BenchPool {
        BenchPool(VerifierPool::new(size))
    }

    /// As `bench_verify_batches`.
    pub async fn verify(&mut self, events: String, size: usize) -> u32 {
        let mut lines = events.lines().peekable();
        let (mut good, mut requests, mut out) = (0, 0, HashMap::new());
        loop {
            while out.len() < BATCHES_OUT && lines.peek().is_some() {
                let claims = claims(&mut lines, size);
                requests += 1;
                out.insert(RequestId(requests), claims.len());
                self.0.check(RequestId(requests), claims);
            }
            if out.is_empty() {
                return good;
            }
            let (request, verdicts) = poll_fn(|cx| self.0.poll_verdicts(cx)).await;
            out.remove(&request);
            good += verdicts.into_iter().filter(|good| *good).count() as u32;
        }
    }

    /// Parts that verifiers have checked; none while they start.
    pub fn parts(&self) -> u32 {
        let counters = self.0.counters();
        let parts = counters.iter().find(|(name, _)| name == "verifier_parts");
        parts.map_or(0, |(_, parts)| *parts as u32)
    }
}

fn claims<'a>(lines: &mut impl Iterator<Item = &'a str>, size: usize) -> Vec<Claim> {
    let claim = |line| {
        let event = RawEvent::from_json(line).ok()?.hash().ok()?;
        Some(Claim {
            id: event.id,
            pubkey: event.pubkey,
            sig: event.sig,
        })
    };
    lines.take(size).filter_map(claim).collect()
}

/// What sort of event is on this line; none for one that is not measured.
#[wasm_bindgen]
pub fn bench_sort(line: &str) -> Option<String> {
    sort(line).map(str::to_owned)
}

/// So many events, about to arrive at a parser.
#[wasm_bindgen]
pub struct BenchParser(Bench);

#[wasm_bindgen]
impl BenchParser {
    /// `count` arrivals of these `events`, one a line.
    #[wasm_bindgen(constructor)]
    pub fn new(events: &str, count: usize) -> BenchParser {
        let events: Vec<String> = events.lines().map(str::to_owned).collect();
        BenchParser(Bench::new(&events, count))
    }

    /// Has them arrive; how many the page was given.
    pub fn run(&mut self) -> u32 {
        self.0.run().0 as u32
    }
}
