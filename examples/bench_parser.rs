//! One round of events through the parser alone, natively: CPU seconds and what was allocated, by sort of event.
//!
//! `make bench-parser` runs it beside the same parser in wasm. Reads events from standard input, one a line, and
//! writes one JSON object a sort.
#![allow(unsafe_code, reason = "an allocator that counts is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nostr_ferry::parser::bench::{Bench, sort};

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

/// Seconds of CPU that this thread, the only one, has had; where the system does not tell, seconds that have passed.
fn seconds(start: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(|| start.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: usize = std::env::args().nth(1).map_or(Ok(20_000), |count| count.parse())?;
    let mut sorts = BTreeMap::<&str, Vec<String>>::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if let Some(sort) = sort(&line) {
            sorts.entry(sort).or_default().push(line);
        }
    }
    for (sort, events) in &sorts {
        let mut bench = Bench::new(events, wanted);
        let start = Instant::now();
        let before = (
            seconds(start),
            BYTES.load(Ordering::Relaxed),
            CALLS.load(Ordering::Relaxed),
        );
        let (delivered, record) = bench.run();
        let spent = seconds(start) - before.0;
        let bytes = BYTES.load(Ordering::Relaxed) - before.1;
        let calls = CALLS.load(Ordering::Relaxed) - before.2;
        if delivered != wanted as u64 {
            return Err(format!("{wanted} events went in and {delivered} came out").into());
        }
        println!(
            r#"{{"sort":"{sort}","events":{delivered},"seconds":{spent},"bytes":{bytes},"calls":{calls},"record":{record}}}"#
        );
    }
    Ok(())
}
