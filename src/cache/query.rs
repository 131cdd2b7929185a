//! Finding the events of a request, newest first, from the index alone.
//!
//! Each filter is a stream over the postings that narrow it down most; the streams are
//! merged without duplicates. Nothing is collected: a limit of 20 over 100,000 events
//! looks at some twenty. A tag is found by its hash, so whoever has loaded the event asks
//! `Query::confirm`, and reports one that cannot be loaded with `Query::mistaken`.

use std::collections::HashSet;

use super::bytes::NumberMap;
use super::index::{Index, Rank, Slot};
use super::meta::tag_hash;
use super::plan::Plan;
use crate::nostr::event::Event;
use crate::nostr::filter::Filter;
use crate::nostr::kind::Retention;
use crate::time::UnixSeconds;

/// What a step of a query came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The event in `slot` is next, for these of the request's filters.
    Found {
        slot: Slot,
        filters: Vec<u16>,
    },
    /// More may be in segments whose index has not been read.
    Wait,
    /// It has looked at a lot; go on after the others had their turn.
    Pause,
    End,
}

/// Until when events may still be unknown to the index: those from then or before. None: it knows them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frontier {
    pub all: Option<UnixSeconds>,
    /// Of events whose ids are asked for.
    pub ids: Option<UnixSeconds>,
}

/// A request on its way through the index.
pub struct Query {
    streams: Vec<Stream>,
}

struct Stream {
    filter: Filter,
    /// Where the values of the filter's tags stand in their lists, by hash.
    values: NumberMap<usize>,
    /// What `limit` leaves.
    left: u32,
    /// Confirmed matches.
    found: u32,
    plan: Option<Plan>,
    /// The frontier when the plan was made; the index was still filling up behind it.
    frontier: Option<UnixSeconds>,
    /// The candidate to be given out next.
    head: Option<Slot>,
    /// The last candidate, by rank: all others come after it.
    last: Option<Rank>,
    waits: bool,
}

impl Query {
    /// `reads`: false for a request that takes nothing from the store.
    pub fn new(filters: Vec<Filter>, reads: bool) -> Query {
        let streams = filters.into_iter().map(|filter| Stream::new(filter, reads)).collect();
        Query { streams }
    }

    /// The next event, looking at no more than `work` postings.
    pub fn next(&mut self, index: &Index, frontier: Frontier, work: &mut u32) -> Next {
        for stream in &mut self.streams {
            let frontier = match stream.filter.ids {
                Some(_) => frontier.ids,
                None => frontier.all,
            };
            if !stream.advance(index, frontier, work) {
                return Next::Pause;
            }
        }
        let heads = self.streams.iter().filter_map(|stream| stream.head);
        let Some(slot) = heads.min_by_key(|slot| index.rank(*slot)) else {
            let waits = self.streams.iter().any(|stream| stream.waits);
            return if waits { Next::Wait } else { Next::End };
        };
        let mut filters = Vec::new();
        for (number, stream) in (0..).zip(&mut self.streams) {
            if stream.head == Some(slot) {
                stream.head = None;
                stream.left = stream.left.saturating_sub(1);
                filters.push(number);
            }
        }
        Next::Found { slot, filters }
    }

    /// Whether `event`, found for `filters`, is really asked for; takes back what a hash has promised too much.
    pub fn confirm(&mut self, filters: &[u16], event: &Event) -> bool {
        let mut wanted = false;
        for number in filters {
            let Some(stream) = self.streams.get_mut(usize::from(*number)) else {
                continue;
            };
            // The rest has been compared as it is; long lists of ids are not gone through again.
            if stream.has_tags(event) {
                stream.found += 1;
                wanted = true;
            } else {
                stream.left += 1;
            }
        }
        wanted
    }

    /// Takes back candidates whose event could not be read.
    pub fn mistaken(&mut self, filters: &[u16]) {
        for number in filters {
            if let Some(stream) = self.streams.get_mut(usize::from(*number)) {
                stream.left += 1;
            }
        }
    }

    /// The filters that only a relay can answer in full.
    pub fn unanswered(&self) -> Vec<Filter> {
        self.streams
            .iter()
            .filter(|stream| !stream.is_answered())
            .map(|stream| stream.filter.clone())
            .collect()
    }

    pub fn filters(&self) -> impl Iterator<Item = &Filter> {
        self.streams.iter().map(|stream| &stream.filter)
    }

    pub fn into_filters(self) -> Vec<Filter> {
        self.streams.into_iter().map(|stream| stream.filter).collect()
    }
}

impl Stream {
    fn new(filter: Filter, reads: bool) -> Stream {
        Stream {
            // NIP-50: which events a search means, only a relay can tell.
            left: match (reads && filter.search.is_none(), filter.limit) {
                (false, _) => 0,
                (true, limit) => limit.unwrap_or(u32::MAX),
            },
            found: 0,
            plan: None,
            frontier: None,
            head: None,
            last: None,
            waits: false,
            values: if reads { places(&filter) } else { NumberMap::default() },
            filter,
        }
    }

    /// Whether `event` has the tags that are asked for.
    fn has_tags(&self, event: &Event) -> bool {
        let lists = |letter, values: &[String], value: &str| {
            // A list of thousands is not gone through for each event. Two values of one hash share a place.
            let place = self.values.get(&tag_hash(letter, value));
            let is_at = |at: &usize| values.get(*at).is_some_and(|listed| listed == value);
            place.is_some_and(|at| is_at(at) || values.iter().any(|listed| listed == value))
        };
        self.filter.matches_tags(|is_it| event.any_tag(is_it), lists)
    }

    /// Looks for the next candidate. False if `work` ran out before.
    fn advance(&mut self, index: &Index, frontier: Option<UnixSeconds>, work: &mut u32) -> bool {
        // A head that died meanwhile is no head.
        self.head.take_if(|slot| index.get(*slot).is_none());
        self.waits = false;
        if self.head.is_some() || self.left == 0 {
            return true;
        }
        if self.plan.is_none() || self.frontier != frontier {
            self.plan = Some(Plan::new(&self.filter, index, self.last));
            self.frontier = frontier;
        }
        let Some(plan) = &mut self.plan else { return true };
        while let Some(created_at) = plan.next_created_at() {
            if self.filter.since.is_some_and(|since| created_at < since) {
                return true;
            }
            if frontier.is_some_and(|frontier| created_at <= frontier) {
                self.waits = true;
                return true;
            }
            if *work == 0 {
                return false;
            }
            *work -= 1;
            let Some((rank, slot)) = plan.pop(index) else { break };
            let fresh = self.last.is_none_or(|last| rank > last);
            let in_time = self.filter.until.is_none_or(|until| rank.0.0 <= until);
            if fresh && in_time && plan.admits(index, slot) {
                self.last = Some(rank);
                self.head = Some(slot);
                return true;
            }
        }
        // What the index does not know yet may still be asked for.
        self.waits = frontier.is_some_and(|frontier| self.filter.since.is_none_or(|since| since <= frontier));
        true
    }

    /// Whether the network could add nothing (`CacheFirst`). In doubt it could.
    fn is_answered(&self) -> bool {
        let filter = &self.filter;
        if filter.search.is_some() {
            return false;
        }
        let found = self.found as usize;
        if filter.limit.is_some_and(|limit| limit > 0 && self.found >= limit) {
            return true;
        }
        if let Some(ids) = &filter.ids {
            // An id names one event for ever.
            return found == distinct(ids);
        }
        let (Some(authors), Some(kinds)) = (&filter.authors, &filter.kinds) else {
            return false;
        };
        if filter.since.is_some() || filter.until.is_some() {
            return false;
        }
        let pairs = distinct(authors) * distinct(kinds);
        let all = |retention| kinds.iter().all(|kind| kind.retention() == retention);
        let letters: Vec<char> = filter.tags.keys().copied().collect();
        match letters.as_slice() {
            [] => all(Retention::Replaceable) && found == pairs,
            ['d'] => {
                let values = filter.tags.get(&'d').map_or(0, |values| distinct(values));
                all(Retention::Addressable) && found == pairs * values
            }
            _ => false,
        }
    }
}

/// Where each value of a tag stands in its list, by its hash.
fn places(filter: &Filter) -> NumberMap<usize> {
    let lists = filter.tags.iter();
    let numbered = lists.flat_map(|(letter, values)| values.iter().enumerate().map(|(at, value)| (*letter, at, value)));
    numbered
        .map(|(letter, at, value)| (tag_hash(letter, value), at))
        .collect()
}

fn distinct<T: Eq + std::hash::Hash>(values: &[T]) -> usize {
    values.iter().collect::<HashSet<_>>().len()
}
