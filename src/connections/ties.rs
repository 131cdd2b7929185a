//! Events of one second that are more than a relay shows at once: asked for again by narrower filters. Pure.
//!
//! NIP-01 has no way to go on inside a second, so a page that is full of one second's events hides the rest.
//! A filter that names several authors, kinds, ids or tag values is asked in halves, until each answer is
//! whole. One that cannot be halved is asked with larger limits, up to the relay's; what is still hidden then
//! no REQ can reach: it is counted.

use super::gap::{Page, Rules};
use crate::nostr::filter::Filter;
use crate::time::UnixSeconds;

/// An answer of so many events of one second, or of the whole limit, may have hidden others. Relays that show
/// fewer at once are not known.
const SUSPECT: u32 = 100;
/// Larger answers than that are not asked for.
const MAX_PAGE: u32 = 1 << 16;

/// The seconds of one filter that are being asked for in parts; the last part is next.
#[derive(Debug, Default)]
pub struct Ties {
    parts: Vec<Tie>,
    hidden: u64,
}

#[derive(Debug)]
struct Tie {
    filter: Filter,
    limit: u32,
    /// It is part of the subscription's first answer.
    first: bool,
}

impl Ties {
    /// An answer to `filter` was full of events of the second `at`.
    pub fn push(&mut self, filter: &Filter, at: UnixSeconds, first: bool, rules: &Rules) {
        let filter = Filter {
            since: Some(at),
            until: Some(at),
            ..filter.clone()
        };
        self.divide(filter, first, rules);
    }

    /// The filter to ask next.
    pub fn next(&self) -> Option<Filter> {
        let tie = self.parts.last()?;
        Some(Filter {
            limit: Some(tie.limit),
            ..tie.filter.clone()
        })
    }

    /// The answer to it has ended. False if none was asked.
    pub fn end(&mut self, page: &Page, rules: &Rules) -> bool {
        let Some(tie) = self.parts.pop() else { return false };
        if is_suspect(page, tie.limit, rules) {
            self.divide_or_grow(tie, page, rules);
        }
        true
    }

    /// The relay refuses to answer. False if nothing was asked.
    pub fn give_up(&mut self) -> bool {
        self.hidden += u64::from(!self.parts.is_empty());
        self.parts.pop().is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether the subscription's first answer waits for it.
    pub fn first_is_open(&self) -> bool {
        self.parts.iter().any(|tie| tie.first)
    }

    /// Seconds that were left although there may be more, since the last call.
    pub fn take_hidden(&mut self) -> u64 {
        std::mem::take(&mut self.hidden)
    }

    fn divide(&mut self, filter: Filter, first: bool, rules: &Rules) {
        match halves(&filter) {
            Some(halves) => {
                let limit = rules.page();
                self.parts.extend(halves.map(|filter| Tie { filter, limit, first }));
            }
            None => self.hidden += 1,
        }
    }

    fn divide_or_grow(&mut self, tie: Tie, page: &Page, rules: &Rules) {
        let larger = tie
            .limit
            .saturating_mul(2)
            .min(MAX_PAGE)
            .min(rules.max_limit.unwrap_or(u32::MAX));
        if halves(&tie.filter).is_none() && page.count >= tie.limit && larger > tie.limit {
            self.parts.push(Tie { limit: larger, ..tie });
        } else {
            self.divide(tie.filter, tie.first, rules);
        }
    }
}

/// Whether more may be hidden behind an answer that consists of one second's events.
pub fn is_suspect(page: &Page, limit: u32, rules: &Rules) -> bool {
    page.count >= limit.min(SUSPECT) && !rules.is_whole(page.count, limit)
}

/// Two filters that together match what this one does, each with half of a list; none if no list has two values.
fn halves(filter: &Filter) -> Option<[Filter; 2]> {
    let mut both = [filter.clone(), filter.clone()];
    let [left, right] = &mut both;
    let done = split(&mut left.authors, &mut right.authors)
        || split(&mut left.kinds, &mut right.kinds)
        || split(&mut left.ids, &mut right.ids)
        || left
            .tags
            .iter_mut()
            .zip(right.tags.values_mut())
            .any(|((_, left), right)| split_list(left, right));
    done.then_some(both)
}

fn split<T>(left: &mut Option<Vec<T>>, right: &mut Option<Vec<T>>) -> bool {
    left.as_mut()
        .zip(right.as_mut())
        .is_some_and(|(left, right)| split_list(left, right))
}

/// Leaves each half in one of two equal lists. False, and no change, for fewer than two values.
fn split_list<T>(left: &mut Vec<T>, right: &mut Vec<T>) -> bool {
    let half = left.len() / 2;
    if half == 0 {
        return false;
    }
    left.truncate(half);
    right.drain(..half);
    true
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

    fn answer(count: u32) -> Page {
        Page {
            count,
            ..Page::default()
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
            ties.end(&answer(if parts == 1 { 99 } else { 300 }), &RULES);
        }
        assert_eq!(singles, 10, "each author and kind once");
        assert_eq!(ties.take_hidden(), 0);
        assert!(!ties.end(&answer(0), &RULES));
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
            ties.end(&answer(if busy { limit.min(1_000) } else { 3 }), &RULES);
        }
        assert_eq!(limits, [500, 1_000, 2_000, 500]);
        let mut ties = Ties::default();
        ties.push(&of(1, 1), AT, false, &RULES);
        assert_eq!((ties.next(), ties.take_hidden(), ties.take_hidden()), (None, 1, 0));
    }

    #[test]
    fn halves_have_every_value_once() {
        let mut filter = of(1, 1);
        assert_eq!(halves(&filter), None);
        filter.tags.insert('e', vec!["a".into()]);
        filter.tags.insert('p', vec!["a".into(), "b".into(), "c".into()]);
        let [left, right] = halves(&filter).unwrap();
        assert_eq!((left.tags[&'p'].len(), right.tags[&'p'].len()), (1, 2));
        assert_eq!(
            (&left.tags[&'e'], &right.tags[&'e']),
            (&filter.tags[&'e'], &filter.tags[&'e'])
        );
        assert_eq!(
            [&left.tags[&'p'][..], &right.tags[&'p'][..]].concat(),
            filter.tags[&'p']
        );
        assert_eq!(left.authors, filter.authors);
    }
}
