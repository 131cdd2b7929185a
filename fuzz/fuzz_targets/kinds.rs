//! Feeds any tags, content and plain text to every kind's reader.
#![no_main]

#[path = "../kind_readers.rs"]
mod kind_readers;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    kind_readers::check(input);
});
