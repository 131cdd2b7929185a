//! Subscriptions that are cut, shed and resumed: what the parser is handed is what the relay holds.

#[cfg(test)]
mod world;

#[cfg(test)]
mod resume {
    use std::collections::BTreeSet;

    use nostr_ferry::connections::Config;
    use nostr_ferry::message::{RelayMessage, RelayState};
    use nostr_ferry::nostr::event::EventId;
    use nostr_ferry::nostr::filter::Filter;
    use nostr_ferry::nostr::kind::Kind;

    use super::world::executor::Random;
    use super::world::net::Net;
    use super::world::relay::{Manners, ScriptedRelay, unsigned_event};

    /// A stream that is cut again and again.
    struct Stream {
        seed: u64,
        stored: u32,
        live: u32,
        cuts: u32,
        /// Stored events that share one second.
        per_second: u32,
        manners: Manners,
        limits: Option<&'static str>,
        filters: Vec<Filter>,
        config: Config,
    }

    fn kinds(kinds: &[u16]) -> Filter {
        Filter {
            kinds: Some(kinds.iter().copied().map(Kind).collect()),
            ..Filter::default()
        }
    }

    impl Default for Stream {
        fn default() -> Self {
            Stream {
                seed: 1,
                stored: 5_000,
                live: 500,
                cuts: 50,
                per_second: 1,
                manners: Manners::default(),
                limits: None,
                filters: vec![kinds(&[1, 7])],
                config: Config::default(),
            }
        }
    }

    impl Stream {
        /// Runs it; what the relay holds for the filters, and what the parser was handed.
        fn run(self) -> (BTreeSet<EventId>, BTreeSet<EventId>, Net) {
            let mut random = Random::new(self.seed);
            let mut net = Net::new(self.config);
            let mut relay = ScriptedRelay::new(self.manners);
            let newest = net.now.unix.0 - 10;
            let kind = |number: u32| if number.is_multiple_of(3) { 7 } else { 1 };
            relay.store((0..self.stored).map(|number| {
                let at = newest - u64::from(number / self.per_second);
                unsigned_event(number, kind(number), at, "stored")
            }));
            let a = net.add("a", relay);
            net.host(&a).limits = self.limits.map(str::to_owned);
            net.host(&a).stalled = true;
            net.req(std::slice::from_ref(&a), "s", &self.filters);
            net.host(&a).stalled = false;
            let (mut live, mut cuts) = (0, 0);
            while live < self.live || cuts < self.cuts {
                net.step(random.below(300));
                if live < self.live && random.below(2) == 0 {
                    let number = self.stored + live;
                    // Clocks differ, and events travel: dated up to a minute ago, or ahead.
                    let at = net.now.unix.0 + 5 - random.below(65) as u64;
                    net.publish(&a, unsigned_event(number, kind(number), at, "live"));
                    live += 1;
                }
                if cuts < self.cuts && random.below(12) == 0 {
                    net.cut(&a);
                    cuts += 1;
                }
                net.advance_stepwise(random.below(400) as u64);
            }
            net.advance(400_000);
            (net.host(&a).relay.ids(&self.filters), net.ids("s"), net)
        }
    }

    fn assert_same(name: &str, (held, got, net): (BTreeSet<EventId>, BTreeSet<EventId>, Net)) {
        let missing = held.difference(&got).count();
        assert_eq!(missing, 0, "{name}: {missing} of {} missing", held.len());
        assert_eq!(got.difference(&held).count(), 0, "{name}");
        let eoses = net.words().iter().filter(|word| word.starts_with("EOSE")).count();
        assert_eq!(eoses, 1, "{name}: {:?}", net.words());
    }

    /// The newest `stored` of the stored events, and all live ones. Their numbers fall with their age.
    fn newest(held: &BTreeSet<EventId>, all_stored: u32, stored: u32) -> BTreeSet<EventId> {
        let number = |id: &EventId| u32::from_be_bytes(id.0[28..].try_into().unwrap());
        let is_new = |id: &&EventId| number(id) < stored || number(id) >= all_stored;
        held.iter().filter(is_new).copied().collect()
    }

    #[test]
    fn a_stream_cut_fifty_times_loses_nothing() {
        for seed in 1..=6 {
            let stream = Stream {
                seed,
                ..Stream::default()
            };
            assert_same(&format!("seed {seed}"), stream.run());
        }
    }

    #[test]
    fn nor_does_one_with_many_events_in_each_second() {
        for per_second in [50, 700, 5_000] {
            let stream = Stream {
                per_second,
                ..Stream::default()
            };
            assert_same(&format!("{per_second} a second"), stream.run());
        }
    }

    #[test]
    fn nor_does_one_of_several_filters() {
        for seed in 1..=3 {
            let filters = vec![
                kinds(&[1]),
                kinds(&[7]),
                Filter {
                    limit: Some(20),
                    ..kinds(&[1])
                },
            ];
            let stream = Stream {
                seed,
                filters,
                ..Stream::default()
            };
            assert_same(&format!("seed {seed}"), stream.run());
        }
    }

    #[test]
    fn nor_does_one_from_a_relay_that_sends_the_oldest_first() {
        let manners = Manners {
            newest_first: false,
            ..Manners::default()
        };
        assert_same(
            "oldest first",
            Stream {
                manners,
                cuts: 20,
                ..Stream::default()
            }
            .run(),
        );
    }

    #[test]
    fn a_long_answer_that_comes_oldest_first_is_not_begun_anew_at_each_cut() {
        // More than anything here remembers the ids of.
        const STORED: u32 = 100_000;
        let mut net = Net::new(Config::default());
        let mut relay = ScriptedRelay::new(Manners {
            newest_first: false,
            ..Manners::default()
        });
        let newest = net.now.unix.0 - 10;
        relay.store((0..STORED).map(|n| unsigned_event(n, 1, newest - u64::from(n / 3), "")));
        let a = net.add("a", relay);
        net.host(&a).stalled = true;
        net.req(std::slice::from_ref(&a), "s", &[kinds(&[1])]);
        net.host(&a).stalled = false;
        for live in 0..3 {
            net.step(25_000);
            net.publish(&a, unsigned_event(STORED + live, 1, net.now.unix.0, "live"));
            net.cut(&a);
            net.host(&a).stalled = true;
            net.advance(2_000);
            net.host(&a).stalled = false;
        }
        net.advance(60_000);
        assert_eq!(net.words(), ["EOSE s"]);
        assert_eq!(net.ids("s").len() as u32, STORED + 3);
        let handed = net
            .parser
            .iter()
            .filter(|message| matches!(message, RelayMessage::Event { .. }))
            .count();
        assert_eq!(handed as u32, STORED + 3, "none is handed on twice");
    }

    #[test]
    fn a_relay_that_cuts_its_answers_is_paged_for_what_was_missed() {
        for (cap, limits) in [
            (100, None),
            (500, Some("{\"limitation\":{\"max_limit\":500}}")),
            // No smaller: what shares one second must fit in one answer.
            (20, None),
        ] {
            let manners = Manners {
                max_limit: cap,
                ..Manners::default()
            };
            let (held, got, _) = Stream {
                manners,
                limits,
                stored: 2_000,
                ..Stream::default()
            }
            .run();
            // Uncut, such a relay would have shown its newest and what came live.
            let wanted = newest(&held, 2_000, cap as u32);
            assert_eq!(wanted.difference(&got).count(), 0, "cap {cap}");
        }
    }

    #[test]
    fn a_limit_over_the_relays_own_is_reached_page_by_page() {
        let manners = Manners {
            max_limit: 500,
            ..Manners::default()
        };
        let limits = Some("{\"limitation\":{\"max_limit\":500}}");
        let filters = vec![Filter {
            limit: Some(1_800),
            ..kinds(&[1, 7])
        }];
        for cuts in [0, 30] {
            let stream = Stream {
                manners: manners.clone(),
                limits,
                filters: filters.clone(),
                cuts,
                live: 0,
                ..Stream::default()
            };
            let (held, got, net) = stream.run();
            assert_eq!(newest(&held, 5_000, 1_800).difference(&got).count(), 0, "{cuts} cuts");
            assert!(
                got.len() < 2_500,
                "{cuts} cuts: {} are far more than were asked for",
                got.len()
            );
            assert_eq!(net.words().iter().filter(|word| *word == "EOSE s").count(), 1);
        }
    }

    #[test]
    fn a_subscription_for_live_events_only_gets_those_of_the_time_it_was_cut() {
        let filters = vec![Filter {
            limit: Some(0),
            ..kinds(&[1, 7])
        }];
        let (held, got, _) = Stream {
            filters,
            ..Stream::default()
        }
        .run();
        assert_eq!(newest(&held, 5_000, 0).difference(&got).count(), 0);
        assert!(got.len() < 1_500, "{}", got.len());
    }

    #[test]
    fn a_cut_does_not_cause_a_relays_whole_past_to_be_fetched() {
        let mut net = Net::new(Config::default());
        let mut relay = ScriptedRelay::new(Manners {
            max_limit: 500,
            ..Manners::default()
        });
        relay.store((0..20_000).map(|n| unsigned_event(n, 1, 100_000 - u64::from(n), "")));
        let a = net.add("a", relay);
        net.host(&a).stalled = true;
        net.req(std::slice::from_ref(&a), "s", &[kinds(&[1])]);
        net.host(&a).stalled = false;
        net.step(300);
        net.cut(&a);
        net.advance(60_000);
        assert_eq!(net.words(), ["EOSE s"]);
        assert!((500..=1_000).contains(&net.ids("s").len()), "{}", net.ids("s").len());
    }

    /// What arrives of an event of `kind`, dated `age_s` before the cut, that the relay takes in while it is away.
    /// `busy`: so many events a minute had come before.
    fn arrives(kind: u16, age_s: u64, busy: u32, config: Config) -> (bool, Net) {
        let mut net = Net::new(config);
        let mut relay = ScriptedRelay::default();
        let now = net.now.unix.0;
        relay.store((0..busy * 60).map(|n| unsigned_event(10 + n, kind, now - u64::from(n * 60 / busy), "")));
        relay.store([unsigned_event(1, kind, now, "newest")]);
        let a = net.add("a", relay);
        net.req(std::slice::from_ref(&a), "s", &[kinds(&[kind])]);
        net.cut(&a);
        let late = unsigned_event(2, kind, now - age_s, "late");
        let id = late.id;
        net.publish(&a, late);
        net.advance(10_000);
        (net.ids("s").contains(&id), net)
    }

    #[test]
    fn what_reaches_a_relay_late_while_it_is_away_is_had_within_the_margin() {
        let two_days = 2 * 86_400;
        let longer = || Config {
            margin_s: 86_400,
            ..Config::default()
        };
        let none = || Config {
            margin_s: 0,
            ..Config::default()
        };
        for (kind, age_s, config, expected) in [
            (1, 100, Config::default(), true),
            (1, 890, Config::default(), true),
            // The documented limit: nothing in NIP-01 asks for what came late.
            (1, 1_000, Config::default(), false),
            (1, 86_000, longer(), true),
            (1, 1, none(), false),
            // Gift wraps are dated back on purpose (NIP-59).
            (1059, two_days, Config::default(), true),
        ] {
            for busy in [0, 120] {
                let (had, net) = arrives(kind, age_s, busy, config.clone());
                assert_eq!(had, expected, "kind {kind}, {age_s} s, {busy} a minute");
                let events = net
                    .parser
                    .iter()
                    .filter(|message| matches!(message, RelayMessage::Event { .. }));
                assert_eq!(events.count(), net.ids("s").len(), "each once");
                assert_eq!(net.words(), ["EOSE s"]);
            }
        }
    }

    #[test]
    fn a_busy_margin_is_looked_through_after_what_is_new_however_often_it_is_cut() {
        let mut net = Net::new(Config::default());
        let mut relay = ScriptedRelay::default();
        let now = net.now.unix.0;
        relay.store((0..9_000).map(|n| unsigned_event(n, 1, now - u64::from(n / 10), "")));
        let a = net.add("a", relay);
        net.req(std::slice::from_ref(&a), "s", &[kinds(&[1])]);
        for n in 0..20 {
            net.cut(&a);
            let at = net.now.unix.0;
            net.publish(&a, unsigned_event(10_000 + n, 1, at, "new"));
            net.publish(&a, unsigned_event(20_000 + n, 1, at - 600, "late"));
            net.host(&a).stalled = true;
            net.advance(400_000);
            net.host(&a).stalled = false;
            // The answer to the REQ itself and a little more comes through.
            net.step(1_500);
            assert!(
                net.ids("s").contains(&unsigned_event(10_000 + n, 1, at, "").id),
                "cut {n}"
            );
        }
        net.advance(60_000);
        let held = net.host(&a).relay.ids(&[kinds(&[1])]);
        assert_eq!(held.difference(&net.ids("s")).count(), 0);
    }

    #[test]
    fn a_limit_that_was_reached_is_not_undone_by_the_margin() {
        for limit in [0, 10] {
            let mut net = Net::new(Config::default());
            let mut relay = ScriptedRelay::default();
            let now = net.now.unix.0;
            relay.store((0..9_000).map(|n| unsigned_event(n, 1, now - u64::from(n / 10), "")));
            let a = net.add("a", relay);
            let filter = Filter {
                limit: Some(limit),
                ..kinds(&[1])
            };
            net.req(std::slice::from_ref(&a), "s", &[filter]);
            net.cut(&a);
            net.advance(10_000);
            let had = net.ids("s").len();
            // No more than the two minutes that are asked for again at all.
            assert!(had <= 1_210, "limit {limit}: {had}");
        }
    }

    #[test]
    fn a_second_that_is_more_than_a_relay_shows_at_once_is_had_by_narrower_filters() {
        for (cap, limits) in [
            (500, None),
            (500, Some("{\"limitation\":{\"max_limit\":500}}")),
            (150, None),
        ] {
            let mut net = Net::new(Config::default());
            let relay = ScriptedRelay::new(Manners {
                max_limit: cap,
                ..Manners::default()
            });
            let a = net.add("a", relay);
            net.host(&a).limits = limits.map(str::to_owned);
            let everybody = kinds(&(1..=40).collect::<Vec<u16>>());
            net.req(std::slice::from_ref(&a), "s", std::slice::from_ref(&everybody));
            net.cut(&a);
            let now = net.now.unix.0;
            // 2,000 events of one second among others, none of a kind with more than the relay shows.
            for number in 0..2_600u32 {
                let at = if number < 2_000 {
                    now
                } else {
                    now - u64::from(number % 300)
                };
                net.publish(&a, unsigned_event(number, (number % 40) as u16 + 1, at, ""));
            }
            net.advance(60_000);
            let held = net.host(&a).relay.ids(std::slice::from_ref(&everybody));
            assert_eq!(held.difference(&net.ids("s")).count(), 0, "cap {cap} {limits:?}");
            assert!(net.core.counters().contains(&("hidden_seconds".into(), 0)));
            let reqs = net.host(&a).relay.received.len();
            assert!(reqs < 300, "{reqs} frames");
        }
    }

    #[test]
    fn a_second_that_no_filter_can_divide_is_counted_and_what_is_older_still_comes() {
        let mut net = Net::new(Config::default());
        let relay = ScriptedRelay::new(Manners {
            max_limit: 500,
            ..Manners::default()
        });
        let a = net.add("a", relay);
        net.req(std::slice::from_ref(&a), "s", &[kinds(&[1])]);
        net.cut(&a);
        let now = net.now.unix.0;
        for number in 0..1_000 {
            let at = if number < 800 { now } else { now - 10 };
            net.publish(&a, unsigned_event(number, 1, at, ""));
        }
        net.advance(60_000);
        assert_eq!(net.ids("s").len(), 500 + 200);
        let counters = net.statuses[&a].counters;
        assert_eq!((counters.hidden_seconds, counters.hidden_at.0), (1, now));
        assert!(net.core.counters().contains(&("hidden_seconds".into(), 1)));
        // Asked for again after every cut, it is the same second still.
        net.cut(&a);
        net.advance(60_000);
        assert_eq!(net.statuses[&a].counters.hidden_seconds, 1);
    }

    #[test]
    fn a_stream_with_full_seconds_cut_fifty_times_loses_nothing() {
        for seed in 1..=6 {
            let manners = Manners {
                max_limit: 500,
                ..Manners::default()
            };
            // Of each second 467 are of kind 1 and 233 of kind 7: no answer holds it, each kind's does.
            let stream = Stream {
                seed,
                per_second: 700,
                manners,
                limits: Some("{\"limitation\":{\"max_limit\":500}}"),
                filters: vec![Filter {
                    limit: Some(6_000),
                    ..kinds(&[1, 7])
                }],
                ..Stream::default()
            };
            let (held, got, net) = stream.run();
            assert!(
                net.core.counters().contains(&("hidden_seconds".into(), 0)),
                "seed {seed}"
            );
            assert_same(&format!("seed {seed}"), (held, got, net));
        }
    }

    #[test]
    fn a_misdated_event_hides_no_other() {
        let mut net = Net::new(Config::default());
        let a = net.add("a", ScriptedRelay::default());
        net.req(std::slice::from_ref(&a), "s", &[kinds(&[1])]);
        net.publish(&a, unsigned_event(1, 1, 9_999_999_999, "from the future"));
        net.drive();
        net.cut(&a);
        let now = net.now.unix.0;
        net.publish(&a, unsigned_event(2, 1, now, "while away"));
        net.advance(10_000);
        assert_eq!(net.ids("s").len(), 2);
    }

    #[test]
    fn what_is_asked_for_again_is_passed_on_once_however_much_came_since() {
        let mut net = Net::new(Config::default());
        let mut relay = ScriptedRelay::default();
        let now = net.now.unix.0;
        // Three events in the last two minutes, and then more than any memory of what was passed on holds.
        relay.store((0..40_000).map(|n| unsigned_event(n, 1, now - u64::from(n) * 30, "")));
        let a = net.add("a", relay);
        net.req(std::slice::from_ref(&a), "s", &[kinds(&[1])]);
        net.cut(&a);
        net.advance(10_000);
        let events = net
            .parser
            .iter()
            .filter(|message| matches!(message, RelayMessage::Event { .. }));
        assert_eq!((events.count(), net.ids("s").len()), (40_000, 40_000));
        let reqs = net.host(&a).relay.received.len();
        assert!(reqs >= 2, "{reqs} frames: it was not asked again");
    }

    #[test]
    fn a_flood_without_credit_is_shed_and_everything_arrives_in_the_end() {
        for (per_second, kinds_asked) in [
            (1, vec![kinds(&[1])]),
            (9_000, vec![kinds(&[1])]),
            (3, vec![kinds(&[1]), kinds(&[2])]),
        ] {
            let mut net = Net::new(Config::default());
            let mut relay = ScriptedRelay::default();
            let newest = net.now.unix.0 - 10;
            let content = "x".repeat(100);
            relay.store(
                (0..30_000)
                    .map(|n| unsigned_event(n, (n % 2) as u16 + 1, newest - u64::from(n / per_second), &content)),
            );
            let held = relay.ids(&kinds_asked);
            let a = net.add("a", relay);
            net.parser_reads = false;
            net.req(std::slice::from_ref(&a), "s", &kinds_asked);
            assert_eq!(net.statuses[&a].state, RelayState::Shed);
            assert!(
                net.out.parser.bytes(&a) < (2 << 20) + 1_000,
                "{}",
                net.out.parser.bytes(&a)
            );
            // The page reads now and then, and never all that waits.
            for _ in 0..200 {
                net.take(2_000);
                net.advance(100);
                assert!(net.out.parser.bytes(&a) < (2 << 20) + 1_000);
            }
            net.parser_reads = true;
            net.advance(60_000);
            assert_eq!(held.difference(&net.ids("s")).count(), 0, "{per_second} a second");
            assert_eq!(net.words(), ["EOSE s"], "{per_second} a second");
        }
    }
}
