//! Whatever comes together: relays that stutter, cut, forge, challenge and close, a page that reads when it likes, roles
//! that end, clocks that jump, in an order of turns drawn from a seed. Each subscription gets what it has coming to it,
//! once; each publish and each COUNT comes to its end.
//!
//! `FERRY_SEEDS=from..to` runs other seeds than the suite's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "mixture/oracle.rs"]
mod oracle;
#[path = "mixture/page.rs"]
mod page;
#[path = "mixture/play.rs"]
mod play;
mod world;

use play::Play;

fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("FERRY_SEEDS") else {
        return 0..200;
    };
    let (from, to) = range.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn whatever_comes_together_each_event_arrives_once_and_everything_asked_ends() {
    let mut failed = Vec::new();
    for seed in seeds() {
        if std::env::var("FERRY_LOG").is_ok() {
            eprintln!("begin {seed}");
        }
        let verdict = std::panic::catch_unwind(|| {
            let mut play = Play::new(seed);
            play.run();
            play.rest();
            oracle::judge(&mut play)
        });
        match verdict {
            Ok(wrong) if wrong.is_empty() => {}
            Ok(wrong) => failed.push(format!("seed {seed}: {}", wrong.join("; "))),
            Err(_) => failed.push(format!("seed {seed}: panic")),
        }
    }
    assert!(failed.is_empty(), "{} seeds:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    // Each map of the engine has another order in each run, as in each process, if it has none of its own.
    let tell = |seed| {
        let mut play = Play::new(seed);
        play.run();
        play.rest();
        play.story()
    };
    for seed in match std::env::var("FERRY_SEEDS") {
        Ok(_) => seeds(),
        Err(_) => 0..20,
    } {
        let (one, other) = (tell(seed), tell(seed));
        let differ = one.iter().zip(&other).find(|(one, other)| one != other);
        assert_eq!(differ, None, "seed {seed}");
        assert_eq!(one.len(), other.len(), "seed {seed}");
    }
}
