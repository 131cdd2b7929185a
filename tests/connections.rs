//! The connections role against scripted relays, its clock moved by hand: resuming without a gap.

#[cfg(test)]
mod world;

#[cfg(test)]
mod resume {
    use std::collections::BTreeSet;

    use nostr_ferry::connections::Config;
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
            let kind = |number: u32| if number % 3 == 0 { 7 } else { 1 };
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
        assert_eq!(
            net.words().iter().filter(|word| word.starts_with("EOSE")).count(),
            1,
            "{name}: {:?}",
            net.words()
        );
    }

    #[test]
    fn a_stream_cut_fifty_times_loses_nothing() {
        for seed in 1..=6 {
            assert_same(
                &format!("seed {seed}"),
                Stream {
                    seed,
                    ..Stream::default()
                }
                .run(),
            );
        }
    }
}
