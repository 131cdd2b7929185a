//! Events of one second that are more than a relay shows at once: asked for again by narrower filters. Pure.
//!
//! NIP-01 has no way to go on inside a second, so an answer that is full of one second's events hides the rest. A
//! filter that names several authors, kinds, ids or tag values is asked in halves, until each answer is whole. One
//! that cannot be halved is asked with larger limits, up to the relay's; what is still hidden then no REQ can reach:
//! the second is counted.

use super::gap::Rules;
use crate::nostr::filter::Filter;
use crate::time::UnixSeconds;

/// An answer of so many events of one second, or of the whole limit, may have hidden others. Relays that show
/// fewer at once are not known.
const SUSPECT: u32 = 100;

/// Seconds with more events than any REQ shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    pub count: u64,
    /// The last of them.
    pub last: Option<UnixSeconds>,
}

impl Hidden {
    pub fn add(&mut self, more: Hidden) {
        self.count += more.count;
        self.last = more.last.or(self.last);
    }
}

/// The seconds of one filter that are being asked for in parts; the last part is next.
#[derive(Debug, Default)]
pub struct Ties {
    parts: Vec<Tie>,
    hidden: Hidden,
    /// The last second that was hidden: it counts once, however many parts of it are, and however often it is asked for.
    counted: Option<UnixSeconds>,
}

/// All that one second has of a filter, or of a part of it.
#[derive(Debug)]
struct Tie {
    filter: Filter,
    at: UnixSeconds,
    limit: u32,
    /// It is part of the subscription's first answer.
    first: bool,
}

impl Ties {
    /// An answer to `filter` was full of events of the second `at`.
    pub fn push(&mut self, filter: &Filter, at: UnixSeconds, first: bool, rules: &Rules) {
        let (filter, limit) = (filter.clone(), rules.page());
        let whole = Tie {
            filter,
            at,
            limit,
            first,
        };
        self.divide(whole, rules);
    }

    /// The filter to ask next.
    pub fn next(&self) -> Option<Filter> {
        let tie = self.parts.last()?;
        Some(Filter {
            since: Some(tie.at),
            until: Some(tie.at),
            limit: Some(tie.limit),
            ..tie.filter.clone()
        })
    }

    /// The answer to it, of `count` events, has ended.
    pub fn end(&mut self, count: u32, rules: &Rules) {
        let Some(tie) = self.parts.pop() else { return };
        if !is_suspect(count, tie.limit, rules) {
            return;
        }
        match rules.larger(count, tie.limit) {
            Some(limit) if tie.filter.halves().is_none() => self.parts.push(Tie { limit, ..tie }),
            Some(_) | None => self.divide(tie, rules),
        }
    }

    /// The relay refuses to answer.
    pub fn give_up(&mut self) {
        if let Some(tie) = self.parts.pop() {
            self.hide(tie.at);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether the subscription's first answer waits for it.
    pub fn first_is_open(&self) -> bool {
        self.parts.iter().any(|tie| tie.first)
    }

    /// What was left although there may be more, since the last call.
    pub fn take_hidden(&mut self) -> Hidden {
        std::mem::take(&mut self.hidden)
    }

    fn divide(&mut self, tie: Tie, rules: &Rules) {
        let Tie { at, first, .. } = tie;
        match tie.filter.halves() {
            Some(halves) => {
                let limit = rules.page();
                let parts = halves.map(|filter| Tie {
                    filter,
                    at,
                    limit,
                    first,
                });
                self.parts.extend(parts);
            }
            None => self.hide(at),
        }
    }

    fn hide(&mut self, at: UnixSeconds) {
        if self.counted.replace(at) == Some(at) {
            return;
        }
        self.hidden.add(Hidden {
            count: 1,
            last: Some(at),
        });
    }
}

/// Whether more may be hidden behind an answer of `count` events of one second.
pub fn is_suspect(count: u32, limit: u32, rules: &Rules) -> bool {
    count >= limit.min(SUSPECT) && !rules.is_whole(count, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::Pubkey;
    use crate::nostr::kind::Kind;

    const RULES: Rules = Rules {
        page: 500,
        max_limit: None,
        honoured: 0,
        near_s: 0,
        margin_s: 0,
    };
    const AT: UnixSeconds = UnixSeconds(7);

    fn of(authors: u8, kinds: u16) -> Filter {
        Filter {
            authors: Some((0..authors).map(|n| Pubkey([n; 32])).collect()),
            kinds: Some((0..kinds).map(Kind).collect()),
            ..Filter::default()
        }
    }

    #[test]
    fn a_second_is_halved_until_every_answer_is_whole() {
        let mut ties = Ties::default();
        ties.push(&of(5, 2), AT, true, &RULES);
        assert!(ties.first_is_open());
        let mut singles = 0;
        while let Some(filter) = ties.next() {
            assert_eq!(
                (filter.since, filter.until, filter.limit),
                (Some(AT), Some(AT), Some(500))
            );
            let parts = filter.authors.unwrap().len() * filter.kinds.unwrap().len();
            singles += u32::from(parts == 1);
            ties.end(if parts == 1 { 99 } else { 300 }, &RULES);
        }
        assert_eq!(singles, 10, "each author and kind once");
        assert_eq!(ties.take_hidden(), Hidden::default());
    }

    #[test]
    fn what_cannot_be_halved_is_asked_in_larger_answers_and_then_counted() {
        let mut ties = Ties::default();
        ties.push(&of(2, 1), AT, false, &RULES);
        let mut limits = Vec::new();
        while let Some(Filter { limit: Some(limit), .. }) = ties.next() {
            limits.push(limit);
            // A relay that never shows more than 1,000, and one author who never has that many.
            let busy = limits.len() <= 2;
            ties.end(if busy { limit.min(1_000) } else { 3 }, &RULES);
        }
        assert_eq!(limits, [500, 1_000, 2_000, 500]);
        let mut ties = Ties::default();
        ties.push(&of(1, 1), AT, false, &RULES);
        let once = Hidden {
            count: 1,
            last: Some(AT),
        };
        assert_eq!(ties.next(), None);
        assert_eq!((ties.take_hidden(), ties.take_hidden()), (once, Hidden::default()));
    }
}
