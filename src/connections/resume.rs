//! What a REQ still owes after it was cut short: which filters to send so that no event is missed. Pure.
//!
//! A relay answers a REQ with its newest stored events first (NIP-01), then EOSE, then
//! live events. From that follows what may be left out when the REQ is sent again:
//!
//! - After EOSE everything up to the newest event seen has been had. The REQ is sent with
//!   a `since` a margin before it. If that answer may have been cut by a limit, the rest
//!   becomes a *gap*.
//! - Before EOSE the newest event proves nothing: older ones were still to come. Only of a
//!   single filter whose events came in falling order is it known that all from the newest
//!   down to the oldest were had; what lies below becomes a gap. Otherwise the whole
//!   answer is asked again, page by page if it can be long.
//!
//! A gap is fetched from its top by REQs of its own, one filter and one page at a time, each
//! with `until` at the oldest event of the page before. `until` includes that second again,
//! because a page may end between events of one second. Duplicates are only waste; gaps are bugs.

use std::collections::VecDeque;

use super::glance::{self, Glance};
use crate::nostr::filter::Filter;
use crate::time::UnixSeconds;

/// How much to ask for, and what an answer proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Events in a page.
    pub page: u32,
    /// The relay cuts larger limits down to this.
    pub max_limit: Option<u32>,
    /// The relay is known to honour limits up to this: an answer with fewer events than such a limit is whole.
    pub honoured: u32,
    pub margin_s: u64,
}

/// A page that no progress came of is asked for at twice the size, up to this.
const MAX_PAGE: u32 = 1 << 16;
/// A page that did not fit is asked for at half the size, down to this.
const MIN_PAGE: u32 = 16;
/// Gaps of one filter; more are joined, which costs duplicates only.
const MAX_GAPS: usize = 16;

/// One answer to one REQ, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    count: u32,
    /// Events older than `until`: those of that very second may have been had before.
    fresh: u32,
    until: Option<UnixSeconds>,
    oldest: Option<UnixSeconds>,
    /// Events came newest first so far.
    falling: bool,
}

impl Default for Page {
    fn default() -> Self {
        Page {
            count: 0,
            fresh: 0,
            until: None,
            oldest: None,
            falling: true,
        }
    }
}

impl Page {
    /// An event dated `at` came.
    pub fn see(&mut self, at: Option<UnixSeconds>) {
        self.count = self.count.saturating_add(1);
        let Some(at) = at else { return };
        if self.until.is_none_or(|until| at < until) {
            self.fresh = self.fresh.saturating_add(1);
        }
        match self.oldest {
            Some(oldest) if at > oldest => self.falling = false,
            _ => self.oldest = Some(at),
        }
    }

    /// The event down to which everything has been had although the answer has not ended.
    fn proven(&self) -> Option<UnixSeconds> {
        self.oldest.filter(|_| self.falling)
    }
}

/// A range of time in which stored events may have been missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    since: Option<UnixSeconds>,
    /// None: from the newest there is.
    until: Option<UnixSeconds>,
    /// So many more events were asked for; none: all.
    want: Option<u32>,
    /// It is part of the subscription's first answer: EOSE waits for it.
    first: bool,
    /// The filter has no limit: the relay decides how much of its past it shows, in one answer. Pages would fetch all of it.
    relay_decides: bool,
    /// The next page's size.
    page: u32,
}

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

#[derive(Debug)]
struct Track {
    filter: Filter,
    /// The filter's first answer is complete, the gaps aside.
    answered: bool,
    /// The newest event seen for it, but no later than our own clock: a misdated event must not hide others.
    newest: Option<UnixSeconds>,
    gaps: VecDeque<Gap>,
    asked: Asked,
}

/// The filters of one REQ and how far each has come.
#[derive(Debug)]
pub struct Tracks {
    tracks: Vec<Track>,
    page: Page,
    stored: bool,
}

impl Tracks {
    pub fn new(filters: Vec<Filter>) -> Tracks {
        let track = |filter| Track {
            filter,
            answered: false,
            newest: None,
            gaps: VecDeque::new(),
            asked: Asked::Nothing,
        };
        Tracks {
            tracks: filters.into_iter().map(track).collect(),
            page: Page::default(),
            stored: false,
        }
    }

    /// The filters as they were given.
    pub fn filters(&self) -> impl Iterator<Item = &Filter> {
        self.tracks.iter().map(|track| &track.filter)
    }

    /// The filters to send now; none if nothing is left to be asked live.
    pub fn ask(&mut self, rules: &Rules, now: UnixSeconds) -> Vec<Filter> {
        self.page = Page::default();
        self.stored = true;
        self.tracks
            .iter_mut()
            .filter_map(|track| track.ask(rules, now))
            .collect()
    }

    /// An event of the REQ itself came.
    pub fn see(&mut self, json: &str, now: UnixSeconds) {
        let at = glance::created_at(json);
        if self.stored {
            self.page.see(at);
        }
        let Some(at) = at else { return };
        if let [track] = self.tracks.as_mut_slice() {
            track.saw(at, now);
            return;
        }
        let glance = Glance::of(json);
        for track in self.tracks.iter_mut().filter(|track| track.may_match(at, &glance)) {
            track.saw(at, now);
        }
    }

    /// EOSE came for the REQ itself.
    pub fn end(&mut self, rules: &Rules) {
        self.stored = false;
        let (page, alone) = (self.page, self.tracks.len() == 1);
        for track in &mut self.tracks {
            track.end(page, alone, rules);
        }
    }

    /// The REQ itself ended without EOSE; no effect after it.
    pub fn cut(&mut self, rules: &Rules) {
        if !std::mem::replace(&mut self.stored, false) {
            return;
        }
        let (page, alone) = (self.page, self.tracks.len() == 1);
        for track in &mut self.tracks {
            track.cut(page, alone, rules);
        }
    }

    /// The filter of the next page of the oldest gap, with its track's number and the page to fill.
    pub fn next_page(&self, rules: &Rules) -> Option<(usize, Filter, Page)> {
        self.tracks.iter().enumerate().find_map(|(at, track)| {
            let gap = track.gaps.front()?;
            let filter = Filter {
                since: gap.since,
                until: earlier(track.filter.until, gap.until),
                limit: (!gap.relay_decides).then(|| gap.limit(rules)),
                ..track.filter.clone()
            };
            let page = Page {
                until: gap.until,
                ..Page::default()
            };
            Some((at, filter, page))
        })
    }

    /// An event of a gap's page came.
    pub fn see_page(&mut self, number: usize, page: &mut Page, json: &str, now: UnixSeconds) {
        let at = glance::created_at(json);
        page.see(at);
        if let (Some(at), Some(track)) = (at, self.tracks.get_mut(number)) {
            track.saw(at, now);
        }
    }

    /// EOSE came for a gap's page. Gives the limit the relay is now known to honour.
    pub fn end_page(&mut self, number: usize, page: Page, rules: &Rules) -> u32 {
        let Some(track) = self.tracks.get_mut(number) else {
            return 0;
        };
        let Some(mut gap) = track.gaps.pop_front() else {
            return 0;
        };
        if gap.relay_decides {
            return 0;
        }
        let limit = gap.limit(rules);
        if gap.advance(page, limit, rules) {
            track.gaps.push_front(gap);
        }
        if page.count >= limit { limit } else { 0 }
    }

    /// A gap's page ended without EOSE. `too_big`: because it was more than could be taken.
    pub fn cut_page(&mut self, number: usize, page: Page, too_big: bool) {
        let Some(track) = self.tracks.get_mut(number) else {
            return;
        };
        let Some(mut gap) = track.gaps.pop_front() else { return };
        let progress = page.proven().filter(|at| gap.until.is_none_or(|until| *at < until));
        match progress {
            Some(oldest) => gap.move_to(oldest, page.fresh),
            // Only a page that ends with EOSE proves anything of a relay that does not send the newest first.
            None if !page.falling && gap.relay_decides => gap.relay_decides = false,
            None if !page.falling && too_big => gap.page = (gap.page / 2).max(MIN_PAGE),
            None => {}
        }
        if !gap.is_closed() {
            track.gaps.push_front(gap);
        }
    }

    /// Gives up the gap that is being fetched: the relay refuses to answer it.
    pub fn give_up_page(&mut self, number: usize) {
        if let Some(track) = self.tracks.get_mut(number) {
            track.gaps.pop_front();
        }
    }

    /// Whether nothing has come yet in answer to the REQ.
    pub fn is_unanswered(&self) -> bool {
        self.stored && self.page.count == 0
    }

    pub fn has_gaps(&self) -> bool {
        self.tracks.iter().any(|track| !track.gaps.is_empty())
    }

    /// Whether the first answer is still being fetched.
    pub fn first_is_open(&self) -> bool {
        self.tracks
            .iter()
            .any(|track| !track.answered || track.gaps.iter().any(|gap| gap.first))
    }
}

impl Track {
    fn ask(&mut self, rules: &Rules, now: UnixSeconds) -> Option<Filter> {
        let mut filter = self.filter.clone();
        if filter.limit == Some(0) && !self.answered {
            // Nothing stored is wanted, so nothing is owed; some relays never end this answer.
            self.asked = Asked::Whole;
            self.answered = true;
            self.newest = Some(now);
        } else if !self.answered || filter.ids.is_some() {
            // Ids bound their own answer, and an old event among them may arrive late: no `since` for these.
            self.asked = Asked::Whole;
            filter.limit = filter.limit.map(|limit| limit.min(rules.max_limit.unwrap_or(u32::MAX)));
        } else if self.gaps.iter().any(|gap| gap.until.is_none()) {
            // One event rather than none: some relays never end an answer to `limit: 0`.
            self.asked = Asked::Live;
            filter.limit = Some(1);
        } else {
            filter.since = later(filter.since, self.newest.map(|newest| newest - rules.margin_s));
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

    fn saw(&mut self, at: UnixSeconds, now: UnixSeconds) {
        self.newest = self.newest.max(Some(at.min(now)));
    }

    /// Whether the event may be this filter's, as far as a glance tells.
    fn may_match(&self, at: UnixSeconds, glance: &Glance) -> bool {
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

    fn end(&mut self, page: Page, alone: bool, rules: &Rules) {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        let below = page.oldest.filter(|_| alone);
        match asked {
            Asked::Nothing | Asked::Live => {}
            Asked::Whole if self.answered => {}
            Asked::Whole => {
                self.answered = true;
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
                        self.push_gap(rules, self.filter.since, below, Some(want), true);
                    }
                }
            }
            Asked::Since { since } => {
                if !rules.is_whole(page.count, rules.page()) {
                    self.push_gap(rules, since, below, None, false);
                }
            }
        }
    }

    fn cut(&mut self, page: Page, alone: bool, rules: &Rules) {
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
                if want != Some(0) {
                    self.push_gap(rules, self.filter.since, below, want, true);
                }
            }
            Asked::Since { since } => self.push_gap(rules, since, below, None, false),
        }
    }

    fn push_gap(
        &mut self,
        rules: &Rules,
        since: Option<UnixSeconds>,
        until: Option<UnixSeconds>,
        want: Option<u32>,
        first: bool,
    ) {
        self.gaps.push_back(Gap {
            since,
            until,
            want,
            first,
            relay_decides: first && want.is_none(),
            page: rules.page(),
        });
        // The front one keeps its progress whatever happens behind it.
        while self.gaps.len() > MAX_GAPS {
            let (Some(a), Some(b)) = (self.gaps.pop_back(), self.gaps.pop_back()) else {
                return;
            };
            self.gaps.push_back(a.joined(b));
        }
    }
}

impl Gap {
    fn limit(&self, rules: &Rules) -> u32 {
        self.page.min(rules.max_limit.unwrap_or(u32::MAX)).max(1)
    }

    /// Takes a whole page into account. False if the gap is closed.
    fn advance(&mut self, page: Page, limit: u32, rules: &Rules) -> bool {
        let Some(oldest) = page.oldest else { return false };
        if rules.is_whole(page.count, limit) {
            return false;
        }
        match self.until {
            Some(until) if oldest >= until => {
                // A page full of one second's events: a larger one may hold them all.
                let larger = limit.saturating_mul(2).min(MAX_PAGE);
                let max = rules.max_limit.unwrap_or(u32::MAX);
                if page.count >= limit && limit < max && larger > limit {
                    self.page = larger;
                } else {
                    // Either all of that second has been had, or the relay has no way to show the rest.
                    let Some(below) = until.0.checked_sub(1) else {
                        return false;
                    };
                    self.until = Some(UnixSeconds(below));
                    self.page = rules.page();
                }
            }
            _ => {
                self.move_to(oldest, page.fresh);
                self.page = rules.page();
            }
        }
        !self.is_closed()
    }

    /// Everything from the top down to `oldest` has been had, `fresh` events that were not had before.
    fn move_to(&mut self, oldest: UnixSeconds, fresh: u32) {
        self.want = self.want.map(|want| want.saturating_sub(fresh));
        self.until = Some(oldest);
    }

    fn is_closed(&self) -> bool {
        let is_empty = self.until.zip(self.since).is_some_and(|(until, since)| until < since);
        self.want == Some(0) || is_empty
    }

    fn joined(self, other: Gap) -> Gap {
        // None of `until` is the latest, none of the others the earliest or most.
        let until = self.until.zip(other.until).map(|(a, b)| a.max(b));
        Gap {
            since: self.since.min(other.since),
            until,
            want: self.want.zip(other.want).map(|(a, b)| a.saturating_add(b)),
            first: self.first || other.first,
            relay_decides: self.relay_decides || other.relay_decides,
            page: self.page.max(other.page),
        }
    }
}

impl Rules {
    /// The size of a page that the relay does not cut down.
    fn page(&self) -> u32 {
        self.page.min(self.max_limit.unwrap_or(u32::MAX)).max(1)
    }

    /// Whether an answer of `count` events to a REQ with `limit` is all there is.
    fn is_whole(&self, count: u32, limit: u32) -> bool {
        count == 0 || (count < limit && limit <= self.honoured.max(self.max_limit.unwrap_or(0)))
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
