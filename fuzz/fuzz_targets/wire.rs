//! Feeds any bytes to every reader of messages.
#![no_main]

#[path = "../wire_readers.rs"]
mod wire_readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wire_readers::check(bytes);
});
