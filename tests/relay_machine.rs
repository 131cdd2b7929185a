//! The connections core keeps its word under 3,000 random scripts of frames, cuts, requests and pauses.
//!
//! The fuzz target `relay` runs whatever scripts it can think of.

use std::collections::BTreeMap;

#[path = "../fuzz/relay_machine.rs"]
mod relay_machine;

#[test]
fn three_thousand_random_scripts_leave_nothing_behind() {
    let mut sums = BTreeMap::<String, u64>::new();
    for seed in 1..=3_000_u64 {
        // splitmix64
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let script: Vec<u8> = (0..random() % 600).map(|_| random() as u8).collect();
        let outcome = std::panic::catch_unwind(|| relay_machine::check(&script));
        let Ok(counters) = outcome else {
            panic!("seed {seed}, {} bytes", script.len());
        };
        for (name, count) in counters {
            *sums.entry(name).or_default() += count;
        }
    }
    // Did the scripts not get far, their peace would mean little.
    for name in [
        "connects",
        "events",
        "malformed",
        "unknown_sub",
        "forged",
        "unmatched",
        "sheds",
    ] {
        assert!(sums[name] > 300, "{sums:?}");
    }
}
