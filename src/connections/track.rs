//! One filter of a REQ: how far its answer has come, and what of it is asked next. Pure.
//!
//! `resume` says what follows from which answer.

use std::collections::VecDeque;

use super::gap::{Gap, MIN_PAGE, Of, Page, Rules};
use super::glance::Glance;
use super::ties::{Hidden, Ties};
use crate::nostr::filter::Filter;
use crate::nostr::nip59;
use crate::time::UnixSeconds;

/// Gaps of one filter; more are joined, which costs duplicates only.
pub const MAX_GAPS: usize = 16;

/// What the last REQ asked of one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// The filter as it was given.
    Whole,
    /// What is newer than what was had, less the margin.
    Since {
        since: Option<UnixSeconds>,
    },
    /// Live events; a gap fetches what is stored.
    Live,
}

/// One filter of a REQ.
#[derive(Debug)]
pub struct Track {
    pub filter: Filter,
    /// The filter's first answer is complete, the gaps aside.
    answered: bool,
    /// The newest event seen for it, but no later than our own clock: a misdated event must not hide others.
    newest: Option<UnixSeconds>,
    pub(super) gaps: VecDeque<Gap>,
    /// What is looked through for events that reached the relay late, while it was away: last of all.
    late: Option<Gap>,
    ties: Ties,
    /// What is older was not asked for: the filter's own limit had been reached.
    floor: Option<UnixSeconds>,
    recent: Latest,
    asked: Asked,
}

/// A margin with fewer events had is asked for at once; a busy one would hold up what is new.
const FEW: usize = 32;

/// The dates of the last `FEW` events by date, the oldest of them first.
#[derive(Debug, Default)]
struct Latest(VecDeque<UnixSeconds>);

impl Latest {
    fn saw(&mut self, at: UnixSeconds) {
        if self.0.len() == FEW {
            if self.0.front().is_some_and(|oldest| at <= *oldest) {
                return;
            }
            self.0.pop_front();
        }
        self.0.insert(self.0.partition_point(|date| *date <= at), at);
    }

    /// Whether fewer than `FEW` are from `since` or later.
    fn are_before(&self, since: UnixSeconds) -> bool {
        self.0.len() < FEW || self.0.front().is_some_and(|oldest| *oldest < since)
    }
}

impl Track {
    pub fn new(filter: Filter) -> Track {
        Track {
            filter,
            answered: false,
            newest: None,
            gaps: VecDeque::new(),
            late: None,
            ties: Ties::default(),
            floor: None,
            recent: Latest::default(),
            asked: Asked::Nothing,
        }
    }

    /// The filter to send now; none if nothing is left to be asked live.
    pub fn ask(&mut self, rules: &Rules, now: UnixSeconds) -> Option<Filter> {
        let mut filter = self.filter.clone();
        if filter.limit == Some(0) && !self.answered {
            // Nothing stored is wanted, so nothing is owed; some relays never end this answer.
            self.asked = Asked::Whole;
            self.answered = true;
            self.newest = Some(now);
            self.floor = Some(now - rules.near_s);
        } else if !self.answered || filter.ids.is_some() {
            // Ids bound their own answer, and an old event among them may arrive late: no `since` for these.
            self.asked = Asked::Whole;
            filter.limit = filter.limit.map(|limit| limit.min(rules.max_limit.unwrap_or(u32::MAX)));
        } else if self.gaps.iter().any(|gap| gap.until.is_none()) {
            // One event rather than none: some relays never end an answer to `limit: 0`.
            self.asked = Asked::Live;
            filter.limit = Some(1);
            self.look_back(rules);
        } else {
            let since = if self.is_busy(rules) {
                self.look_back(rules);
                self.newest.map(|newest| newest - rules.near_s)
            } else {
                self.far(rules)
            };
            filter.since = later(filter.since, since);
            self.asked = Asked::Since { since: filter.since };
            filter.limit = Some(rules.page());
        }
        if filter
            .since
            .zip(filter.until)
            .is_some_and(|(since, until)| since > until)
        {
            self.asked = Asked::Nothing;
            return None;
        }
        Some(filter)
    }

    /// How far back an event may be dated that reached the relay while it was away. None: as far as it goes.
    fn far(&self, rules: &Rules) -> Option<UnixSeconds> {
        later(self.newest.map(|newest| newest - self.margin_s(rules)), self.floor)
    }

    fn margin_s(&self, rules: &Rules) -> u64 {
        rules.margin_s + nip59::tweak_seconds(&self.filter)
    }

    fn is_busy(&self, rules: &Rules) -> bool {
        self.far(rules).is_some_and(|far| !self.recent.are_before(far))
    }

    /// Looks through the margin from its top, whatever of it was looked through before: events may have reached any
    /// part of it since.
    fn look_back(&mut self, rules: &Rules) {
        let (Some(far), Some(newest)) = (self.far(rules), self.newest) else {
            return;
        };
        // What a gap asks for up to the newest there is need not be looked through.
        let risen = |gap: &&Gap| gap.until.is_none() && gap.since != self.filter.since;
        let above = self.gaps.iter().filter(risen).filter_map(|gap| gap.since).min();
        let unfinished = self.late.take().and_then(|late| late.since);
        let since = later(self.filter.since, Some(unfinished.map_or(far, |since| since.min(far))));
        let until = earlier(earlier(self.filter.until, above), Some(newest - rules.near_s));
        let late = Gap::new(rules, since, until, None);
        self.late = Some(late).filter(|late| !late.is_closed());
    }

    /// The most stored events that answer the present REQ, if whoever subscribed has set a limit. One of our own
    /// making is not held against a relay.
    pub fn wanted(&self) -> Option<u32> {
        match self.asked {
            Asked::Nothing => Some(0),
            Asked::Whole => self.filter.limit,
            Asked::Since { .. } | Asked::Live => None,
        }
    }

    /// An event that may be this filter's came.
    pub fn saw(&mut self, at: UnixSeconds, now: UnixSeconds) {
        let at = at.min(now);
        self.newest = self.newest.max(Some(at));
        self.recent.saw(at);
    }

    /// Whether an event dated `at` is asked for again after a cut.
    pub fn is_young(&self, at: UnixSeconds, rules: &Rules) -> bool {
        self.newest.is_none_or(|newest| at >= newest - self.margin_s(rules))
    }

    /// Whether the event may be this filter's, as far as a glance tells.
    pub fn may_match(&self, at: UnixSeconds, glance: &Glance) -> bool {
        fn allows<T: PartialEq>(list: &Option<Vec<T>>, value: &Option<T>) -> bool {
            match (list, value) {
                (Some(list), Some(value)) => list.contains(value),
                (None, _) | (_, None) => true,
            }
        }
        let filter = &self.filter;
        filter.since.is_none_or(|since| at >= since)
            && filter.until.is_none_or(|until| at <= until)
            && allows(&filter.kinds, &glance.kind)
            && allows(&filter.authors, &glance.pubkey)
            && allows(&filter.ids, &glance.id)
    }

    /// EOSE came for the REQ. `alone`: it had no other filter.
    pub fn end(&mut self, page: Page, alone: bool, rules: &Rules) {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        let below = page.oldest.filter(|_| alone);
        match asked {
            Asked::Nothing | Asked::Live => {}
            Asked::Whole if self.answered => {}
            Asked::Whole => {
                self.answered = true;
                if self.filter.limit.is_some_and(|limit| page.count >= limit) {
                    // However few it wanted, what reaches the relay a little late is the newest it will have.
                    let near = self.newest.map(|newest| newest - rules.near_s);
                    self.floor = below.map(|below| near.map_or(below, |near| near.min(below)));
                }
                let wanted = self
                    .filter
                    .limit
                    .filter(|limit| *limit > rules.max_limit.unwrap_or(u32::MAX));
                if let (Some(wanted), Some(max)) = (wanted, rules.max_limit)
                    && page.count >= max
                {
                    let had = if below.is_some() { page.count } else { 0 };
                    let want = wanted.saturating_sub(had);
                    if want > 0 {
                        self.push_gap(Gap {
                            first: true,
                            ..Gap::new(rules, self.filter.since, below, Some(want))
                        });
                    }
                }
            }
            Asked::Since { since } => {
                if !rules.is_whole(page.count, rules.page()) {
                    self.push_rest(Gap::new(rules, since, below, None));
                }
            }
        }
    }

    /// The REQ ended without EOSE.
    pub fn cut(&mut self, page: Page, alone: bool, rules: &Rules) {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        if page.count == 0 {
            return;
        }
        let below = page.proven().filter(|_| alone);
        match asked {
            Asked::Nothing | Asked::Live => {}
            Asked::Whole if self.answered || self.filter.ids.is_some() => {}
            Asked::Whole => {
                let short = self.filter.limit.is_some_and(|limit| limit <= rules.page());
                if below.is_none() && short {
                    return;
                }
                self.answered = true;
                let had = if below.is_some() { page.count } else { 0 };
                let want = self.filter.limit.map(|limit| limit.saturating_sub(had));
                let above = page.risen().filter(|_| alone && want.is_none());
                if want != Some(0) {
                    self.push_gap(Gap {
                        first: true,
                        relay_decides: want.is_none(),
                        ..Gap::new(rules, later(self.filter.since, above), below, want)
                    });
                }
            }
            Asked::Since { since } => self.push_rest(Gap::new(rules, since, below, None)),
        }
    }

    /// The filter of the next page of the oldest gap, with the page to fill.
    pub fn next_page(&self, rules: &Rules) -> Option<(Filter, Page)> {
        if let Some(filter) = self.ties.next() {
            let of = Of::Tie;
            return Some((filter, Page { of, ..Page::default() }));
        }
        let gap = self.gaps.front().or(self.late.as_ref())?;
        let filter = Filter {
            since: gap.since,
            until: earlier(self.filter.until, gap.until),
            limit: (!gap.relay_decides).then(|| gap.limit(rules)),
            ..self.filter.clone()
        };
        let page = Page {
            until: gap.until,
            of: if self.gaps.is_empty() { Of::Late } else { Of::Gap },
            ..Page::default()
        };
        Some((filter, page))
    }

    /// EOSE came for a gap's page. Gives the limit the relay is now known to honour.
    pub fn end_page(&mut self, page: Page, rules: &Rules) -> u32 {
        if page.of == Of::Tie {
            self.ties.end(page.count, rules);
            return 0;
        }
        let Some(mut gap) = self.take_gap(&page) else { return 0 };
        if gap.relay_decides {
            return 0;
        }
        let limit = gap.limit(rules);
        if let Some(at) = gap.tied(&page, limit, rules) {
            self.ties.push(&self.filter, at, gap.first, rules);
        }
        if gap.advance(page, limit, rules) {
            self.put_gap(&page, gap);
        }
        if page.count >= limit { limit } else { 0 }
    }

    /// A gap's page ended without EOSE. `too_big`: because it was more than could be taken.
    pub fn cut_page(&mut self, page: Page, too_big: bool) {
        let Some(mut gap) = self.take_gap(&page) else { return };
        // The smallest page that still is too big must do: what has a limit comes newest first (NIP-01).
        let smallest = too_big && !gap.relay_decides && gap.page <= MIN_PAGE;
        let proven = if smallest { page.fallen() } else { page.proven() };
        let progress = proven.filter(|at| gap.until.is_none_or(|until| *at < until));
        match progress {
            Some(oldest) => gap.move_to(oldest, page.fresh),
            // Only a page that ends with EOSE proves anything of a relay that does not send the newest first.
            None if !page.falling && gap.relay_decides => {
                match page.risen().filter(|at| gap.since.is_none_or(|since| *at > since)) {
                    Some(risen) => gap.since = Some(risen),
                    None => gap.relay_decides = false,
                }
            }
            // A page of one second that is too big is left to `ties`.
            None if too_big && (!page.falling || page.oldest != gap.until) => {
                gap.page = (gap.page / 2).max(MIN_PAGE);
                gap.relay_decides = false;
            }
            None => {}
        }
        if !gap.is_closed() {
            self.put_gap(&page, gap);
        }
    }

    /// Gives up the gap that `page` is of: the relay refuses to answer it.
    pub fn give_up_page(&mut self, page: &Page) {
        match page.of {
            Of::Tie => self.ties.give_up(),
            Of::Gap | Of::Late => drop(self.take_gap(page)),
        }
    }

    /// Seconds left although the relay may have more of them than it shows, since the last call.
    pub fn take_hidden(&mut self) -> Hidden {
        self.ties.take_hidden()
    }

    /// The gap that `page` is of. None if it has been begun anew since, or the page is no gap's: a second's part is asked
    /// for again as it is.
    fn take_gap(&mut self, page: &Page) -> Option<Gap> {
        match page.of {
            Of::Gap => self.gaps.pop_front(),
            Of::Late => self.late.take_if(|late| late.until == page.until),
            Of::Tie => None,
        }
    }

    fn put_gap(&mut self, page: &Page, gap: Gap) {
        match page.of {
            Of::Gap => self.gaps.push_front(gap),
            Of::Late => self.late = Some(gap),
            Of::Tie => {}
        }
    }

    pub fn has_gaps(&self) -> bool {
        !(self.gaps.is_empty() && self.ties.is_empty() && self.late.is_none())
    }

    /// Whether the first answer is still being fetched.
    pub fn first_is_open(&self) -> bool {
        !self.answered || self.gaps.iter().any(|gap| gap.first) || self.ties.first_is_open()
    }

    /// What a resumed REQ has left. While the first answer is open it is part of that: where this answer was cut after its first
    /// events, these may be the oldest, and what is newer was stored then too.
    fn push_rest(&mut self, gap: Gap) {
        let first = self.first_is_open();
        self.push_gap(Gap { first, ..gap });
    }

    fn push_gap(&mut self, gap: Gap) {
        self.gaps.push_back(gap);
        // The front one keeps its progress whatever happens behind it.
        while self.gaps.len() > MAX_GAPS {
            let (Some(a), Some(b)) = (self.gaps.pop_back(), self.gaps.pop_back()) else {
                return;
            };
            self.gaps.push_back(a.joined(b));
        }
    }
}

/// The later of two beginnings, none being the earliest.
fn later(a: Option<UnixSeconds>, b: Option<UnixSeconds>) -> Option<UnixSeconds> {
    a.max(b)
}

/// The earlier of two ends, none being the latest.
fn earlier(a: Option<UnixSeconds>, b: Option<UnixSeconds>) -> Option<UnixSeconds> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, None) | (None, one) => one,
    }
}
