//! A range of time whose stored events are fetched page by page, newest first. Pure.
//!
//! Each page is asked for with `until` at the oldest event of the page before. `until` includes
//! that second again, because a page may end between events of one second. A second that fills a page is left
//! to `ties`.

use super::ties::is_suspect;
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
    /// So far before the newest event had a resumed REQ begins.
    pub near_s: u64,
    /// So far back events may have reached the relay while it was away.
    pub margin_s: u64,
}

/// A page that no progress came of is asked for at twice the size, up to this.
const MAX_PAGE: u32 = 1 << 16;
/// A page that did not fit is asked for at half the size, down to this.
pub const MIN_PAGE: u32 = 16;

/// Room in a page for events of its first second that were had before.
const AGAIN: u32 = 32;

/// The size of a page that makes progress, for a gap of which `want` events are wanted.
fn usual_page(rules: &Rules, want: Option<u32>) -> u32 {
    rules
        .page()
        .min(want.map_or(u32::MAX, |want| want.saturating_add(AGAIN)))
}

/// An answer that fell so often comes newest first. The first event of one that comes oldest first tells nothing, and a
/// live one may stand before it.
const FALLS: u32 = 2;

/// One answer to one REQ, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub count: u32,
    /// Events older than `until`: those of that very second may have been had before.
    pub fresh: u32,
    pub until: Option<UnixSeconds>,
    pub oldest: Option<UnixSeconds>,
    /// Events came newest first so far.
    pub falling: bool,
    /// Events that were older than all before them.
    pub falls: u32,
    pub rising: Rising,
    pub of: Of,
}

/// Events reach a relay some time after their `created_at`: younger ones may be live before an answer has ended.
pub const LIVE_S: u64 = 900;

/// Stored events as they come, oldest first: a relay may answer so where it was given no `limit` (NIP-01).
///
/// What is live comes in between, and one that is dated late would pass for the newest of the answer. So events of the last
/// minutes do not count, and what was had is known only as far as a step of events ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rising {
    unbroken: bool,
    last: Option<UnixSeconds>,
    seen: u32,
    /// The dates at the last step, and at the one before it.
    steps: [Option<UnixSeconds>; 2],
}

/// Events in a step.
const STEP: u32 = 32;

impl Rising {
    const NEW: Rising = Rising {
        unbroken: true,
        last: None,
        seen: 0,
        steps: [None; 2],
    };

    fn see(&mut self, at: UnixSeconds, now: UnixSeconds) {
        if at >= now - LIVE_S {
            return;
        }
        self.unbroken &= self.last.is_none_or(|last| at >= last);
        self.last = Some(at);
        self.seen = self.seen.saturating_add(1);
        if self.seen.is_multiple_of(STEP) {
            self.steps = [Some(at), self.steps[0]];
        }
    }
}

/// What a page is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Of {
    #[default]
    Gap,
    /// The range that is looked through for what reached the relay late.
    Late,
    /// A part of a second that has more events than the relay shows at once.
    Tie,
}

impl Default for Page {
    fn default() -> Self {
        Page {
            count: 0,
            fresh: 0,
            until: None,
            oldest: None,
            falling: true,
            falls: 0,
            rising: Rising::NEW,
            of: Of::Gap,
        }
    }
}

impl Page {
    /// An event dated `at` came.
    pub fn see(&mut self, at: Option<UnixSeconds>, now: UnixSeconds) {
        self.count = self.count.saturating_add(1);
        let Some(at) = at else { return };
        self.rising.see(at, now);
        if self.until.is_none_or(|until| at < until) {
            self.fresh = self.fresh.saturating_add(1);
        }
        match self.oldest {
            Some(oldest) if at > oldest => self.falling = false,
            oldest => {
                self.falls += u32::from(oldest.is_some_and(|oldest| at < oldest));
                self.oldest = Some(at);
            }
        }
    }

    /// The event down to which everything has been had although the answer has not ended.
    pub fn proven(&self) -> Option<UnixSeconds> {
        self.fallen().filter(|_| self.falls >= FALLS)
    }

    /// The same, of an answer that is known to come newest first if it comes in any order.
    pub fn fallen(&self) -> Option<UnixSeconds> {
        self.oldest.filter(|_| self.falling)
    }

    /// The second up to which everything of an answer without a limit has been had although it has not ended.
    pub fn risen(&self) -> Option<UnixSeconds> {
        self.rising.steps[1].filter(|_| self.rising.unbroken && !self.falling)
    }
}

/// A range of time in which stored events may have been missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub since: Option<UnixSeconds>,
    /// None: from the newest there is.
    pub until: Option<UnixSeconds>,
    /// So many more events were asked for; none: all.
    pub want: Option<u32>,
    /// It is part of the subscription's first answer: EOSE waits for it.
    pub first: bool,
    /// The filter has no limit: the relay decides how much of its past it shows, in one answer. Pages would fetch all of it.
    pub relay_decides: bool,
    /// The next page's size.
    pub page: u32,
}

impl Gap {
    /// What came after the first answer, to be fetched by pages.
    pub fn new(rules: &Rules, since: Option<UnixSeconds>, until: Option<UnixSeconds>, want: Option<u32>) -> Gap {
        Gap {
            since,
            until,
            want,
            first: false,
            relay_decides: false,
            page: usual_page(rules, want),
        }
    }

    pub fn limit(&self, rules: &Rules) -> u32 {
        self.page.min(rules.max_limit.unwrap_or(u32::MAX)).max(1)
    }

    /// Takes a whole page into account. False if the gap is closed.
    pub fn advance(&mut self, page: Page, limit: u32, rules: &Rules) -> bool {
        let Some(oldest) = page.oldest else { return false };
        if rules.is_whole(page.count, limit) {
            return false;
        }
        match self.until {
            Some(until) if oldest >= until => {
                // A page full of one second's events: a larger one may hold them all.
                if let Some(larger) = rules.larger(page.count, limit) {
                    self.page = larger;
                } else {
                    // Either all of that second has been had, or `ties` asks for the rest.
                    let Some(below) = until.0.checked_sub(1) else {
                        return false;
                    };
                    self.until = Some(UnixSeconds(below));
                    self.page = usual_page(rules, self.want);
                }
            }
            _ => {
                self.move_to(oldest, page.fresh);
                self.page = usual_page(rules, self.want);
            }
        }
        !self.is_closed()
    }

    /// The second that fills the page, if it may have more than the relay shows in a page of any size.
    pub fn tied(&self, page: &Page, limit: u32, rules: &Rules) -> Option<UnixSeconds> {
        let until = self
            .until
            .filter(|until| page.oldest.is_some_and(|oldest| oldest >= *until))?;
        (rules.larger(page.count, limit).is_none() && is_suspect(page.count, limit, rules)).then_some(until)
    }

    /// Everything from the top down to `oldest` has been had, `fresh` events that were not had before.
    pub fn move_to(&mut self, oldest: UnixSeconds, fresh: u32) {
        self.want = self.want.map(|want| want.saturating_sub(fresh));
        self.until = Some(oldest);
    }

    pub fn is_closed(&self) -> bool {
        let is_empty = self.until.zip(self.since).is_some_and(|(until, since)| until < since);
        self.want == Some(0) || is_empty
    }

    pub fn joined(self, other: Gap) -> Gap {
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
    /// The limit to ask a full answer again with, if the relay may honour a larger one.
    pub fn larger(&self, count: u32, limit: u32) -> Option<u32> {
        let larger = limit
            .saturating_mul(2)
            .min(MAX_PAGE)
            .min(self.max_limit.unwrap_or(u32::MAX));
        (count >= limit && larger > limit).then_some(larger)
    }

    /// The size of a page that the relay does not cut down.
    pub fn page(&self) -> u32 {
        self.page.min(self.max_limit.unwrap_or(u32::MAX)).max(1)
    }

    /// Whether an answer of `count` events to a REQ with `limit` is all there is.
    pub fn is_whole(&self, count: u32, limit: u32) -> bool {
        count == 0 || (count < limit && limit <= self.honoured.max(self.max_limit.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        page: 10,
        max_limit: None,
        honoured: 0,
        near_s: 0,
        margin_s: 0,
    };

    fn gap(until: Option<u64>) -> Gap {
        Gap {
            since: Some(UnixSeconds(100)),
            until: until.map(UnixSeconds),
            want: None,
            first: false,
            relay_decides: false,
            page: 10,
        }
    }

    fn page(until: Option<u64>, dates: impl IntoIterator<Item = u64>) -> Page {
        let mut page = Page {
            until: until.map(UnixSeconds),
            ..Page::default()
        };
        for at in dates {
            page.see(Some(UnixSeconds(at)), UnixSeconds(10_000));
        }
        page
    }

    #[test]
    fn a_page_moves_the_gap_down_to_its_oldest_event() {
        for (until, dates, next) in [
            // (the gap's end, the page's events, the gap's next end or closed)
            (None, vec![300, 250, 200], Some(200)),
            (Some(300), vec![300, 299], Some(299)),
            (Some(300), vec![], None),
            (Some(300), vec![300], Some(299)),
            (Some(100), vec![100], None),
            (Some(300), vec![99], None),
        ] {
            let mut gap = gap(until);
            let open = gap.advance(page(until, dates.clone()), 10, &RULES);
            assert_eq!(
                open.then_some(gap.until).flatten(),
                next.map(UnixSeconds),
                "{until:?} {dates:?}"
            );
        }
    }

    #[test]
    fn a_short_answer_is_the_last_one_if_the_relay_honours_such_limits() {
        for (rules, open) in [
            (RULES, true),
            (Rules { honoured: 10, ..RULES }, false),
            (
                Rules {
                    max_limit: Some(10),
                    ..RULES
                },
                false,
            ),
            (Rules { honoured: 9, ..RULES }, true),
        ] {
            assert_eq!(gap(None).advance(page(None, [300, 200]), 10, &rules), open, "{rules:?}");
        }
    }

    #[test]
    fn a_page_full_of_one_second_is_asked_for_at_twice_the_size_and_then_left_behind() {
        let mut gap = gap(Some(300));
        assert!(gap.advance(page(Some(300), [300; 10]), 10, &RULES));
        assert_eq!((gap.until, gap.limit(&RULES)), (Some(UnixSeconds(300)), 20));
        assert!(gap.advance(
            page(Some(300), [300; 20]),
            20,
            &Rules {
                max_limit: Some(20),
                ..RULES
            }
        ));
        assert_eq!((gap.until, gap.limit(&RULES)), (Some(UnixSeconds(299)), 10));
    }

    #[test]
    fn only_events_not_had_before_count_towards_what_is_wanted() {
        let mut gap = Gap {
            want: Some(3),
            ..gap(Some(300))
        };
        assert!(gap.advance(page(Some(300), [300, 300, 290, 280]), 10, &RULES));
        assert_eq!(gap.want, Some(1));
        assert!(!gap.advance(page(Some(280), [280, 270]), 10, &RULES));
    }

    #[test]
    fn events_that_rise_prove_nothing_until_the_end() {
        assert_eq!(page(None, [4, 3, 3, 2]).proven(), Some(UnixSeconds(2)));
        assert_eq!(page(None, [4, 3, 2, 3]).proven(), None);
        assert_eq!(page(None, [3, 2, 3]).proven(), None);
        // The last may be the first of an answer that comes oldest first, behind a live event.
        assert_eq!(page(None, [3, 2]).proven(), None);
        assert_eq!(page(None, [3, 3]).proven(), None);
        assert_eq!(page(None, [3, 2, 3]).oldest, Some(UnixSeconds(2)));
        assert_eq!(page(None, []).proven(), None);
    }

    #[test]
    fn joined_gaps_cover_both() {
        let (newer, older) = (
            gap(None),
            Gap {
                since: None,
                first: true,
                ..gap(Some(200))
            },
        );
        let joined = newer.joined(older);
        assert_eq!(
            (joined.since, joined.until, joined.want, joined.first),
            (None, None, None, true)
        );
    }
}
