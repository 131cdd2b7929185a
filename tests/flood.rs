//! A flood beside a good relay, through the whole engine in any order of turns: nothing waits for its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use nostr_ferry::message::*;
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::router::PortConfig;
use world::engine::{Setup, World, url};
use world::relay::{Manners, ScriptedRelay, signed_event};

/// Windows so small that every link is out of credit most of the time.
const SMALL: PortConfig = PortConfig::sized(4096, 1024);

#[test]
fn notices_in_answer_to_every_req_keep_no_request_open_for_two_hundred_seeds() {
    for seed in 0..200 {
        let flood = ScriptedRelay::new(Manners {
            notices: 3_000,
            ..Manners::default()
        });
        let mut good = ScriptedRelay::default();
        good.store((0..20).map(|at| signed_event(1, 1, 1_000 + at, &[], "good").into_raw()));
        let mut world = World::new(Setup {
            seed,
            ports: SMALL,
            relays: vec![("flood", flood), ("good", good)],
            ..Setup::default()
        });
        let subscribe = Subscribe {
            filters: vec![Filter::default()],
            relays: vec![url("flood"), url("good")],
            ..Subscribe::default()
        };
        world.subscribe("s", subscribe);
        // A page's thread that is busy takes its notices late.
        let mut messages = Vec::new();
        for _ in 0..120 {
            world.reports();
            world.advance(if seed % 2 == 0 { 10 } else { 100 });
            messages.extend(world.read("s"));
        }
        let events = messages
            .iter()
            .filter(|message| matches!(message, ParserToPage::Event(_)));
        assert_eq!(events.count(), 20, "seed {seed}");
        let eoses = messages.iter().filter(|message| **message == ParserToPage::EoseAll);
        assert_eq!(eoses.count(), 1, "seed {seed}");
        assert_eq!(
            world.status("flood").reason,
            "the relay floods the page with notices",
            "seed {seed}"
        );
    }
}
