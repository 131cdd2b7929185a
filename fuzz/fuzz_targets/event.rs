//! Feeds any text to the event reader.
#![no_main]

#[path = "../event_json.rs"]
mod event_json;

libfuzzer_sys::fuzz_target!(|text: &str| {
    event_json::check(text);
});
