//! Feeds any tags and text to the content scanner and to the Markdown reader.
#![no_main]

#[path = "../content_blocks.rs"]
mod content_blocks;

libfuzzer_sys::fuzz_target!(|text: &str| {
    content_blocks::check(text);
});
