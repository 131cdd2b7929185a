//! Feeds any text to the frame scanner and holds its verdict against `serde_json`'s.
#![no_main]

#[path = "../frame_agreement.rs"]
mod frame_agreement;

libfuzzer_sys::fuzz_target!(|text: &str| {
    frame_agreement::check(text);
});
