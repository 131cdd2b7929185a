//! What a REQ still owes after it was cut short: which filters to send so that no event is missed. Pure.
//!
//! A relay answers a REQ with its newest stored events first (NIP-01), then EOSE, then
//! live events. From that follows what may be left out when the REQ is sent again:
//!
//! - After EOSE everything up to the newest event seen has been had. The REQ is sent with
//!   a `since` a margin before it. If that answer may have been cut by a limit, the rest
//!   becomes a *gap*.
//! - Before EOSE the newest event proves nothing: older ones were still to come. Only of a
//!   single filter whose events came in falling order, of three dates at least, is it known that all from the newest
//!   down to the oldest were had; what lies below becomes a gap. Fewer may begin an answer that rises. Where they came in rising
//!   order and without a limit, what lies above does. Otherwise the whole
//!   answer is asked again, page by page if it can be long.
//!
//! A gap is fetched from its top by REQs of its own, one filter (`track`) and one page at a time (`gap`).
//! Duplicates are only waste; gaps are bugs.
//!
//! "What have you taken in since I left" is nothing that NIP-01 can ask. It is approximated by a margin before the newest
//! event had: what reached the relay meanwhile and is dated earlier still is not asked for again. Where few events were
//! had in the margin, the REQ begins there; where many, it begins a little before the newest, and the rest of the
//! margin is looked through last, so that what is new is not held up. Gift wraps are dated up to two days back on
//! purpose (NIP-59): filters that name them are resumed from that much earlier.

use super::gap::{LIVE_S, Page, Rules};
use super::glance::Glance;
use super::ties::Hidden;
use super::track::Track;
use crate::nostr::filter::Filter;
use crate::time::UnixSeconds;

/// The filters of one REQ and how far each has come.
#[derive(Debug)]
pub struct Tracks {
    tracks: Vec<Track>,
    page: Page,
    stored: bool,
    /// Events of the answer that cannot be live, and the most of them that were asked for.
    old: u32,
    wanted: Option<u32>,
    /// What is dated before that cannot be live.
    old_before: UnixSeconds,
}

impl Tracks {
    pub fn new(filters: Vec<Filter>) -> Tracks {
        Tracks {
            tracks: filters.into_iter().map(Track::new).collect(),
            page: Page::default(),
            stored: false,
            old: 0,
            wanted: None,
            old_before: UnixSeconds(0),
        }
    }

    /// The filters as they were given.
    pub fn filters(&self) -> impl Iterator<Item = &Filter> {
        self.tracks.iter().map(|track| &track.filter)
    }

    /// The filters to send now; none if nothing is left to be asked live.
    pub fn ask(&mut self, rules: &Rules, now: UnixSeconds) -> Vec<Filter> {
        let tracks = self.tracks.iter_mut();
        let filters: Vec<Filter> = tracks.filter_map(|track| track.ask(rules, now)).collect();
        let mut limits = self.tracks.iter().map(Track::wanted);
        self.wanted = limits.try_fold(0u32, |sum, limit| Some(sum.saturating_add(limit?)));
        self.page = Page::default();
        self.stored = true;
        self.old = 0;
        self.old_before = now - LIVE_S;
        filters
    }

    /// An event of the REQ itself came, dated `at`. False if it is one too many: a stored one beyond the limits of the filters.
    pub fn see(&mut self, at: Option<UnixSeconds>, json: &str, now: UnixSeconds) -> bool {
        if self.stored {
            self.page.see(at, now);
        }
        let Some(at) = at else { return true };
        self.note(json, at, now);
        if !self.stored || at >= self.old_before {
            return true;
        }
        self.old = self.old.saturating_add(1);
        self.wanted.is_none_or(|wanted| self.old <= wanted)
    }

    /// The newest event of each filter that this one may be for.
    fn note(&mut self, json: &str, at: UnixSeconds, now: UnixSeconds) {
        if let [track] = self.tracks.as_mut_slice() {
            track.saw(at, now);
            return;
        }
        let glance = Glance::of(json);
        for track in self.tracks.iter_mut().filter(|track| track.may_match(at, &glance)) {
            track.saw(at, now);
        }
    }

    /// Whether an event dated `at` is asked for again after a cut.
    pub fn is_young(&self, at: UnixSeconds, rules: &Rules) -> bool {
        self.tracks.iter().any(|track| track.is_young(at, rules))
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
            let (filter, page) = track.next_page(rules)?;
            Some((at, filter, page))
        })
    }

    /// An event of a gap's page came, dated `at`.
    pub fn see_page(&mut self, number: usize, page: &mut Page, at: Option<UnixSeconds>, now: UnixSeconds) {
        page.see(at, now);
        if let (Some(at), Some(track)) = (at, self.tracks.get_mut(number)) {
            track.saw(at, now);
        }
    }

    /// EOSE came for a gap's page. Gives the limit the relay is now known to honour.
    pub fn end_page(&mut self, number: usize, page: Page, rules: &Rules) -> u32 {
        self.tracks
            .get_mut(number)
            .map_or(0, |track| track.end_page(page, rules))
    }

    /// A gap's page ended without EOSE. `too_big`: because it was more than could be taken.
    pub fn cut_page(&mut self, number: usize, page: Page, too_big: bool) {
        if let Some(track) = self.tracks.get_mut(number) {
            track.cut_page(page, too_big);
        }
    }

    /// Gives up the gap that is being fetched: the relay refuses to answer it.
    pub fn give_up_page(&mut self, number: usize, page: &Page) {
        if let Some(track) = self.tracks.get_mut(number) {
            track.give_up_page(page);
        }
    }

    /// Seconds left although the relay may have more of them than it shows, since the last call.
    pub fn take_hidden(&mut self) -> Hidden {
        let mut hidden = Hidden::default();
        for track in &mut self.tracks {
            hidden.add(track.take_hidden());
        }
        hidden
    }

    /// Whether nothing has come yet in answer to the REQ.
    pub fn is_unanswered(&self) -> bool {
        self.stored && self.page.count == 0
    }

    pub fn has_gaps(&self) -> bool {
        self.tracks.iter().any(Track::has_gaps)
    }

    /// Whether the first answer is still being fetched.
    pub fn first_is_open(&self) -> bool {
        self.tracks.iter().any(Track::first_is_open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::track::MAX_GAPS;
    use crate::nostr::kind::Kind;

    const NOW: UnixSeconds = UnixSeconds(10_000);
    const RULES: Rules = Rules {
        page: 500,
        max_limit: None,
        honoured: 0,
        near_s: 100,
        margin_s: 100,
    };

    fn kind(kind: u16) -> Filter {
        Filter {
            kinds: Some(vec![Kind(kind)]),
            ..Filter::default()
        }
    }

    /// Sends the REQ, and has it answered with events of kind 1 of these dates.
    fn answered(tracks: &mut Tracks, dates: &[u64], eose: bool) -> Vec<Filter> {
        let asked = tracks.ask(&RULES, NOW);
        for at in dates {
            tracks.see(Some(UnixSeconds(*at)), "{\"kind\":1}", NOW);
        }
        if eose {
            tracks.end(&RULES);
        }
        tracks.cut(&RULES);
        asked
    }

    fn times(filter: &Filter) -> (Option<u64>, Option<u64>, Option<u32>) {
        (filter.since.map(|t| t.0), filter.until.map(|t| t.0), filter.limit)
    }

    #[test]
    fn what_is_sent_after_a_cut_follows_from_what_came_before_it() {
        // (limit, dates, EOSE) -> (the REQ's since, until, limit; the first page's)
        let limited = |limit| Filter {
            limit: Some(limit),
            ..kind(1)
        };
        for (filter, dates, eose, req, page) in [
            (kind(1), vec![], false, (None, None, None), None),
            (kind(1), vec![], true, (None, None, Some(500)), None),
            (kind(1), vec![9_000, 8_000], true, (Some(8_900), None, Some(500)), None),
            // Before EOSE the newest proves nothing about the older ones: they are a gap.
            (
                kind(1),
                vec![9_000, 8_500, 8_000],
                false,
                (Some(8_900), None, Some(500)),
                Some((None, Some(8_000), None)),
            ),
            // Two of them may be a live one and the oldest that is stored.
            (
                kind(1),
                vec![9_000, 8_000],
                false,
                (None, None, Some(1)),
                Some((None, None, None)),
            ),
            // Out of order, nothing is proven: the whole answer is fetched again, and what is live meanwhile.
            (
                kind(1),
                vec![8_000, 9_000],
                false,
                (None, None, Some(1)),
                Some((None, None, None)),
            ),
            (
                limited(50),
                vec![9_000, 8_500, 8_000],
                false,
                (Some(8_900), None, Some(500)),
                Some((None, Some(8_000), Some(79))),
            ),
            (limited(50), vec![8_000, 9_000], false, (None, None, Some(50)), None),
            (
                limited(3),
                vec![9_000, 8_500, 8_000],
                false,
                (Some(8_900), None, Some(500)),
                None,
            ),
            (limited(0), vec![], false, (Some(9_900), None, Some(500)), None),
            // Dated after our own clock.
            (kind(1), vec![99_000], true, (Some(9_900), None, Some(500)), None),
        ] {
            let name = format!("{:?} {dates:?} {eose}", filter.limit);
            let mut tracks = Tracks::new(vec![filter]);
            answered(&mut tracks, &dates, eose);
            let again = tracks.ask(&RULES, NOW);
            assert_eq!(times(&again[0]), req, "{name}");
            let next = tracks.next_page(&RULES).map(|(_, filter, _)| times(&filter));
            assert_eq!(next, page, "{name}");
        }
    }

    #[test]
    fn of_an_answer_that_comes_oldest_first_the_rest_is_asked_for() {
        let rising = |count| (0..count).map(|n| 1_000 + n);
        for (dates, since) in [
            (Vec::from_iter(rising(63)), None),
            (Vec::from_iter(rising(64)), Some(1_031)),
            (Vec::from_iter(rising(100)), Some(1_063)),
            // Events that reach the relay meanwhile, dated late, do not pass for the newest of the answer.
            (Vec::from_iter(rising(100).chain([8_500; 27])), Some(1_063)),
            (Vec::from_iter(rising(100).chain([8_500, 1_100])), None),
            (
                Vec::from_iter(rising(50).chain([9_999]).chain(1_050..1_100)),
                Some(1_063),
            ),
        ] {
            let mut tracks = Tracks::new(vec![kind(1)]);
            answered(&mut tracks, &dates, false);
            assert_eq!(times(&tracks.ask(&RULES, NOW)[0]), (None, None, Some(1)), "{dates:?}");
            let (number, filter, mut page) = tracks.next_page(&RULES).unwrap();
            assert_eq!(times(&filter), (since, None, None), "{dates:?}");
            // That answer may be cut as well.
            for at in 1_063..1_163 {
                tracks.see_page(number, &mut page, Some(UnixSeconds(at)), NOW);
            }
            tracks.cut_page(number, page, true);
            let (_, filter, _) = tracks.next_page(&RULES).unwrap();
            assert_eq!(times(&filter), (Some(1_126), None, None), "{dates:?}");
        }
    }

    #[test]
    fn what_a_relay_that_answers_oldest_first_had_left_comes_before_its_eose() {
        let mut tracks = Tracks::new(vec![kind(1)]);
        // Behind two that were live and late, the oldest one looks like the third newest.
        answered(&mut tracks, &[1_200, 1_100, 1_000], false);
        // What is newer is more than a page.
        answered(&mut tracks, &Vec::from_iter((0..500).map(|n| 9_000 - n)), true);
        let mut pages = Vec::new();
        while tracks.first_is_open() {
            let (number, filter, page) = tracks.next_page(&RULES).unwrap();
            pages.push(times(&filter));
            tracks.end_page(number, page, &RULES);
        }
        assert_eq!(
            pages,
            [(None, Some(1_000), None), (Some(1_100), Some(8_501), Some(500))]
        );
    }

    #[test]
    fn a_limit_that_was_reached_leaves_the_two_minutes_that_are_asked_for_again() {
        let rules = Rules {
            near_s: 120,
            margin_s: 900,
            ..RULES
        };
        for (limit, dates, since) in [
            // However few it wanted, what is dated two minutes before the newest may have come late.
            (1, vec![9_000], 8_880),
            (2, vec![9_000, 8_999], 8_880),
            // What lies below the limit was not asked for.
            (2, vec![9_000, 8_500], 8_500),
            (2, vec![9_000, 8_000], 8_100),
            // A limit that was not reached leaves the whole margin.
            (3, vec![9_000, 8_999], 8_100),
        ] {
            let mut tracks = Tracks::new(vec![Filter {
                limit: Some(limit),
                ..kind(1)
            }]);
            tracks.ask(&rules, NOW);
            for at in &dates {
                tracks.see(Some(UnixSeconds(*at)), "{\"kind\":1}", NOW);
            }
            tracks.end(&rules);
            tracks.cut(&rules);
            let again = tracks.ask(&rules, NOW);
            assert_eq!(times(&again[0]).0, Some(since), "{limit} {dates:?}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_again_and_again_in_one_second_is_fetched_by_pages() {
        let mut tracks = Tracks::new(vec![kind(1)]);
        answered(&mut tracks, &Vec::from_iter((0..100).map(|n| 1_000 + n)), false);
        tracks.ask(&RULES, NOW);
        let (number, filter, mut page) = tracks.next_page(&RULES).unwrap();
        assert_eq!(times(&filter), (Some(1_063), None, None));
        for at in [1_063; 100].into_iter().chain([1_064]) {
            tracks.see_page(number, &mut page, Some(UnixSeconds(at)), NOW);
        }
        tracks.cut_page(number, page, true);
        let (_, filter, _) = tracks.next_page(&RULES).unwrap();
        assert_eq!(times(&filter), (Some(1_063), None, Some(500)));
    }

    #[test]
    fn a_page_that_is_cut_after_its_first_event_is_asked_for_again() {
        let mut tracks = Tracks::new(vec![kind(1)]);
        answered(&mut tracks, &[1_000, 1_000, 2_000], false);
        tracks.ask(&RULES, NOW);
        // In the order of the first answer the page begins with the oldest: all others are still to come.
        for dates in [&[1_000][..], &[9_900, 1_000], &[1_000, 1_000]] {
            let (number, filter, mut page) = tracks.next_page(&RULES).unwrap();
            assert_eq!(times(&filter), (None, None, None), "{dates:?}");
            for at in dates {
                tracks.see_page(number, &mut page, Some(UnixSeconds(*at)), NOW);
            }
            tracks.cut_page(number, page, false);
        }
    }

    #[test]
    fn however_little_fits_a_gap_comes_to_its_end() {
        let mut tracks = Tracks::new(vec![kind(1)]);
        answered(&mut tracks, &[9_000, 9_100], false);
        tracks.ask(&RULES, NOW);
        // Of what the relay has two events fit, whatever was asked for.
        let mut stored = Vec::from_iter((0..100).map(|n| 9_000 - n));
        for _ in 0..500 {
            let Some((number, filter, mut page)) = tracks.next_page(&RULES) else {
                break;
            };
            stored.retain(|at| filter.until.is_none_or(|until| *at <= until.0));
            let limit = filter.limit.unwrap_or(u32::MAX) as usize;
            for at in stored.iter().take(limit.min(2)) {
                tracks.see_page(number, &mut page, Some(UnixSeconds(*at)), NOW);
            }
            match stored.len().min(limit) > 2 {
                true => tracks.cut_page(number, page, true),
                false => _ = tracks.end_page(number, page, &RULES),
            }
        }
        assert!(!tracks.has_gaps(), "{} are left", stored.len());
    }

    #[test]
    fn with_a_limit_or_another_filter_a_rising_order_proves_nothing() {
        let dates = Vec::from_iter((0..100).map(|n| 1_000 + n));
        let limited = Filter {
            limit: Some(1_000),
            ..kind(1)
        };
        for filters in [vec![limited], vec![kind(1), kind(7)]] {
            let mut tracks = Tracks::new(filters);
            answered(&mut tracks, &dates, false);
            tracks.ask(&RULES, NOW);
            let since = tracks.next_page(&RULES).and_then(|(_, filter, _)| filter.since);
            assert_eq!(since, None);
        }
    }

    #[test]
    fn each_filter_is_resumed_from_its_own_newest_event() {
        let mut tracks = Tracks::new(vec![kind(1), kind(7)]);
        answered(&mut tracks, &[9_000], true);
        let again = tracks.ask(&RULES, NOW);
        assert_eq!(
            again.iter().map(times).collect::<Vec<_>>(),
            [(Some(8_900), None, Some(500)), (None, None, Some(500))]
        );
    }

    #[test]
    fn a_filter_whose_time_is_over_is_not_asked_again() {
        let past = Filter {
            until: Some(UnixSeconds(8_000)),
            ..kind(1)
        };
        let mut tracks = Tracks::new(vec![Filter {
            until: Some(UnixSeconds(9_000)),
            ..kind(1)
        }]);
        answered(&mut tracks, &[8_999], true);
        assert_eq!(tracks.ask(&RULES, NOW).len(), 1, "late events may still come");
        let mut tracks = Tracks::new(vec![past]);
        answered(&mut tracks, &[9_500], true);
        assert!(tracks.ask(&RULES, NOW).is_empty());
    }

    #[test]
    fn ids_are_asked_for_whole_for_an_old_event_may_come_late() {
        let mut tracks = Tracks::new(vec![Filter {
            ids: Some(Vec::new()),
            ..Filter::default()
        }]);
        answered(&mut tracks, &[9_000], true);
        assert_eq!(times(&tracks.ask(&RULES, NOW)[0]), (None, None, None));
    }

    #[test]
    fn many_cuts_leave_few_gaps() {
        let mut tracks = Tracks::new(vec![kind(1)]);
        for n in 0..200 {
            answered(&mut tracks, &[8, 5, 0].map(|second| 1_000 + 10 * n + second), false);
        }
        assert!(tracks.tracks[0].gaps.len() <= MAX_GAPS);
        let oldest = tracks.next_page(&RULES).map(|(_, filter, _)| times(&filter));
        assert_eq!(
            oldest,
            Some((None, Some(1_000), None)),
            "the oldest gap keeps its progress"
        );
    }
}
