//! Feeds any sequence of socket events, requests and pauses to the connections core.
#![no_main]

#[path = "../relay_machine.rs"]
mod relay_machine;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    relay_machine::check(script);
});
