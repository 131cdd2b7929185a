//! What the parser that has died had open, until the new one opens it again under other ids.
//!
//! The new one's lookups are told apart by what they ask for alone. Where several were open that ask the same, each is
//! given what serves them all: from the earliest on, everywhere where one of them was.

use super::routing::{Asked, Source, asked_relays};
use crate::nostr::filter::Filter;

#[derive(Default)]
pub(super) struct Orphans(Vec<Orphan>);

struct Orphan {
    asked: Asked,
    /// So many of them were open.
    times: u32,
}

impl Orphans {
    /// The one that asked for it has died with its parser.
    pub fn add(&mut self, asked: Asked) {
        let known = self.0.iter_mut().find(|orphan| orphan.asked.is_like(&asked));
        match known {
            Some(orphan) => {
                orphan.asked.join(asked);
                orphan.times += 1;
            }
            None => self.0.push(Orphan { asked, times: 1 }),
        }
    }

    /// One that asks for `lookup` died before the relays were chosen: it will take its share of what others had open.
    pub fn add_unasked(&mut self, lookup: &[Filter], source: &Source) {
        if let Some(orphan) = self.0.iter_mut().find(|orphan| orphan.asked.asks(lookup, source)) {
            orphan.times += 1;
        }
    }

    /// What was open for `lookup`, if it is the new parser's to go on with.
    pub fn take(&mut self, lookup: &[Filter], source: &Source) -> Option<Asked> {
        let exact = self.0.iter().position(|orphan| orphan.asked.asks(lookup, source));
        // Of one that was repeated to this cache it is not known how it was asked for first.
        let repeated = || {
            self.0
                .iter()
                .position(|orphan| orphan.asked.was_repeated(lookup, source))
        };
        let at = exact.or_else(repeated)?;
        let orphan = self.0.get_mut(at)?;
        orphan.times -= 1;
        match orphan.times {
            0 => Some(self.0.swap_remove(at).asked),
            _ => Some(orphan.asked.clone()),
        }
    }
}

impl Asked {
    fn asks(&self, lookup: &[Filter], source: &Source) -> bool {
        self.lookup == lookup && self.source.as_ref() == Some(source)
    }

    fn was_repeated(&self, lookup: &[Filter], source: &Source) -> bool {
        self.lookup == lookup && self.source.is_none() && self.counts == source.counts()
    }

    fn is_like(&self, other: &Asked) -> bool {
        self.lookup == other.lookup && self.source == other.source && self.counts == other.counts
    }

    /// Serves `other`, too.
    fn join(&mut self, other: Asked) {
        self.since = self.since.min(other.since);
        if self.filters != other.filters {
            self.filters.clone_from(&self.lookup);
        }
        let here = asked_relays(&self.choices);
        let more = other.choices.into_iter().filter(|choice| !here.contains(&choice.relay));
        self.choices.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::core::{Config, Input};
    use crate::cache::relays::RelayConfig;
    use crate::cache::testing::{World, note};
    use crate::message::CachePolicy;
    use crate::nostr::frame::ClientFrame;
    use crate::nostr::relay_url::RelayUrl;
    use crate::role::Role;

    const ONE: &str = "{\"kinds\":[1],\"limit\":1}";

    fn world() -> World {
        World::with(Config {
            relays: RelayConfig {
                defaults: vec![RelayUrl::parse("wss://default.example").unwrap()],
                ..RelayConfig::default()
            },
            ..Config::default()
        })
    }

    fn parser_dies(world: &mut World) {
        world.input(Input::Replaced(Role::Parser));
        world.sent.clear();
    }

    /// Asks, and gives the `since` of what the relays are asked in addition.
    fn ask(world: &mut World, name: &str, policy: CachePolicy) -> Option<Vec<Option<u64>>> {
        world.sent.clear();
        world.lookup(name, &[ONE], policy);
        world.settle();
        let [envelope] = world.sent.as_slice() else { return None };
        let [ClientFrame::Req { filters, .. }] = envelope.frames.as_slice() else {
            panic!("{envelope:?}");
        };
        assert_eq!(filters[0].limit, Some(1));
        Some(filters[1..].iter().map(|filter| filter.since.map(|at| at.0)).collect())
    }

    #[test]
    fn one_that_the_store_has_answered_does_not_go_on_in_the_place_of_another() {
        let mut world = world();
        world.keep(&[note(1)]);
        assert_eq!(ask(&mut world, "1:a", CachePolicy::CacheFirst), None);
        assert_eq!(ask(&mut world, "2:b", CachePolicy::CacheThenNetwork), Some(vec![]));
        parser_dies(&mut world);
        assert_eq!(ask(&mut world, "3:a", CachePolicy::CacheFirst), None);
        let since = Some(1_000_000 - 120);
        assert_eq!(ask(&mut world, "4:b", CachePolicy::CacheThenNetwork), Some(vec![since]));
    }

    #[test]
    fn of_several_that_ask_the_same_each_goes_on_from_the_earliest_on() {
        let mut world = world();
        assert_eq!(ask(&mut world, "1:a", CachePolicy::CacheFirst), Some(vec![]));
        world.now.unix.0 += 1_000;
        world.keep(&[note(1)]);
        assert_eq!(ask(&mut world, "2:b", CachePolicy::CacheFirst), None);
        world.lookup("3:c", &[ONE], CachePolicy::CacheFirst);
        parser_dies(&mut world);
        let since = Some(1_000_000 - 120);
        for name in ["4:c", "5:b", "6:a"] {
            assert_eq!(
                ask(&mut world, name, CachePolicy::CacheFirst),
                Some(vec![since]),
                "{name}"
            );
        }
        assert_eq!(
            ask(&mut world, "7:d", CachePolicy::CacheFirst),
            None,
            "all have gone on"
        );
    }

    #[test]
    fn what_a_parser_did_not_open_again_before_it_died_the_next_one_goes_on_with() {
        let mut world = world();
        assert_eq!(ask(&mut world, "1:a", CachePolicy::CacheThenNetwork), Some(vec![]));
        parser_dies(&mut world);
        world.now.unix.0 += 1_000;
        // Read, and not answered yet.
        world.lookup("2:a", &[ONE], CachePolicy::CacheThenNetwork);
        parser_dies(&mut world);
        let since = Some(1_000_000 - 120);
        assert_eq!(ask(&mut world, "3:a", CachePolicy::CacheThenNetwork), Some(vec![since]));
    }
}
