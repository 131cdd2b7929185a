//! Taking in what the page imports: signed events, a line of JSON each, checked as any relay's are (NIP-01).
//!
//! Lines are worked on in rounds of all that waits, up to a bound: read, their signatures checked many at once by the
//! crypto role, by way of the parser, then saved in their order. While one round is checked the next is read and the
//! one before saved, so that the verifiers' core does not wait for this one. Reading and saving go in steps, between
//! which whoever runs the core hears what has arrived. A busy page sends the next lines meanwhile, so that the rounds
//! grow by themselves. Nothing of a line that fails is kept. What the page asks behind its lines, to know that they
//! are durable or to forget them, waits for its turn.

use std::collections::VecDeque;

use super::core::{Cache, Outbox};
use crate::message::{CacheToParser, Imported, RequestId, RoleReport};
use crate::nostr::event::{Event, EventError, HashedEvent, RawEvent};
use crate::sorted::{self, SortedMap};
use crate::time::Now;

/// What the page has asked for, in its order.
pub(super) enum Errand {
    Lines {
        request: RequestId,
        text: Vec<u8>,
    },
    /// Answer once all that was stored before is durable.
    Flush(RequestId),
    Wipe(RequestId),
}

/// The page's errands and how far they have come.
#[derive(Default)]
pub(super) struct Imports {
    waiting: VecDeque<Errand>,
    /// Oldest first: the first is saved when it is checked.
    rounds: VecDeque<Round>,
    /// How many rounds are over: the number of the first.
    over: u64,
    /// What the crypto role has not answered, oldest first.
    asked: SortedMap<RequestId, Batch>,
    last_request: u64,
    /// Lines or events of the last step, so that it can be held against its bounds.
    pub worked: usize,
}

/// The lines of some messages on their way.
#[derive(Default)]
struct Round {
    /// One a message.
    reports: Vec<Imported>,
    unread: VecDeque<Text>,
    /// Events whose signature is to be checked, by author, from the end.
    unchecked: Vec<(Place, HashedEvent)>,
    /// Batches of its events that are being checked.
    asked: usize,
    /// In the order of their lines once all are there, from the end.
    checked: Vec<(Place, Result<Event, EventError>)>,
    /// What was asked behind its lines, and before those of the next.
    behind: Vec<Errand>,
}

/// The lines of one message, as far as they have not been read.
struct Text {
    message: usize,
    bytes: Vec<u8>,
    /// Where the next line starts, and its number.
    at: usize,
    line: u32,
}

/// Events that are checked together.
struct Batch {
    round: u64,
    events: Vec<(Place, HashedEvent)>,
}

/// The message's number in the round, and the line's number in the message.
type Place = (usize, u32);

/// Text taken into one round: some 2,000 lines. The more, the more events of one author are checked together.
const ROUND_BYTES: usize = 1 << 20;
/// One that is saved, one that is checked and one that is read.
const MAX_ROUNDS: usize = 3;
/// Lines read, or events saved in one step: some 3 and 2 ms in a browser.
pub(super) const STEP: usize = 256;
/// Text read in one step.
const STEP_BYTES: usize = 256 << 10;
/// Signatures asked for at once: some 8 ms of a verifier, which what relays send may have to wait for.
pub(super) const BATCH: usize = 512;
/// Two keep a verifier busy while the answer travels.
pub(super) const MAX_ASKED: usize = 2;

impl Imports {
    pub fn push(&mut self, errand: Errand) {
        self.waiting.push_back(errand);
    }

    /// Whether a step would get on with some lines.
    pub fn wants_step(&self) -> bool {
        self.rounds.front().is_some_and(Round::is_checked)
            || self.rounds.iter().any(|round| !round.unread.is_empty())
            || self.may_gather()
    }

    /// Whether lines are on their way, or next.
    pub fn has_lines(&self) -> bool {
        !self.rounds.is_empty() || self.lines_are_next()
    }

    /// Rounds that are on their way.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.rounds.len()
    }

    fn lines_are_next(&self) -> bool {
        matches!(self.waiting.front(), Some(Errand::Lines { .. }))
    }

    fn may_gather(&self) -> bool {
        self.rounds.len() < MAX_ROUNDS && self.lines_are_next()
    }

    /// Makes a round of the lines that wait before any other errand, as many as fit, and of the errands behind them.
    fn gather(&mut self) {
        let mut round = Round::default();
        let is_lines = |errand: &mut Errand| matches!(errand, Errand::Lines { .. });
        let mut bytes = 0;
        while bytes < ROUND_BYTES
            && let Some(Errand::Lines { request, text }) = self.waiting.pop_front_if(is_lines)
        {
            bytes += text.len();
            round.unread.push_back(Text {
                message: round.reports.len(),
                bytes: text,
                at: 0,
                line: 0,
            });
            round.reports.push(Imported {
                request,
                ..Imported::default()
            });
        }
        self.rounds.push_back(round);
        self.queue_behind();
    }

    /// What is next and needs no step is to be done when the last round is over.
    fn queue_behind(&mut self) {
        if let Some(last) = self.rounds.back_mut() {
            while let Some(errand) = self
                .waiting
                .pop_front_if(|errand| !matches!(errand, Errand::Lines { .. }))
            {
                last.behind.push(errand);
            }
        }
    }

    /// Has the next signatures checked, unless enough are on their way.
    fn ask(&mut self, out: &mut Outbox) {
        while self.asked.len() < MAX_ASKED {
            let mut numbered = (self.over..).zip(&mut self.rounds);
            let Some((number, round)) = numbered.find(|(_, round)| round.has_claims()) else {
                return;
            };
            let events = round.unchecked.split_off(round.unchecked.len().saturating_sub(BATCH));
            round.asked += 1;
            self.last_request += 1;
            let request = RequestId(self.last_request);
            let batch = Batch { round: number, events };
            out.parser.push(batch.question(request));
            self.asked.insert(request, batch);
        }
    }

    /// A parser that is gone has taken the questions with it.
    pub fn ask_again(&self, out: &mut Outbox) {
        for (request, batch) in &self.asked {
            out.parser.push(batch.question(*request));
        }
    }

    /// Takes the verdicts, one for each claim. An answer of another length, or to no question, has no effect.
    pub fn on_checked(&mut self, request: RequestId, good: &[bool], out: &mut Outbox) {
        if self
            .asked
            .get(&request)
            .is_none_or(|batch| batch.events.len() != good.len())
        {
            return;
        }
        let Some(Batch { round, events }) = self.asked.remove(&request) else {
            return;
        };
        let at = usize::try_from(round - self.over).ok();
        if let Some(round) = at.and_then(|at| self.rounds.get_mut(at)) {
            round.take_verdicts(events, good);
        }
        self.ask(out);
    }
}

impl Batch {
    fn question(&self, request: RequestId) -> CacheToParser {
        let claims = self.events.iter().map(|(_, event)| event.claim()).collect();
        CacheToParser::Check { request, claims }
    }
}

impl Text {
    /// The next line that is not blank, and its place.
    fn next_line(&mut self) -> Option<(Place, &[u8])> {
        loop {
            let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
            let line = rest.split(|byte| *byte == b'\n').next()?;
            let place = (self.message, self.line);
            self.at += line.len() + 1;
            self.line += 1;
            if !line.trim_ascii().is_empty() {
                return Some((place, line));
            }
        }
    }
}

fn read_event(line: &[u8]) -> Result<HashedEvent, EventError> {
    let text = str::from_utf8(line).map_err(|error| EventError::Malformed(error.to_string()))?;
    RawEvent::from_json(text)?.hash()
}

impl Round {
    /// Reads some lines; after the last ones puts authors side by side.
    fn read(&mut self) -> usize {
        let (mut count, mut bytes) = (0, 0);
        while count < STEP
            && bytes < STEP_BYTES
            && let Some(text) = self.unread.front_mut()
        {
            let Some((place, line)) = text.next_line() else {
                self.unread.pop_front();
                continue;
            };
            count += 1;
            bytes += line.len();
            match read_event(line) {
                Ok(event) => self.unchecked.push((place, event)),
                Err(error) => self.fail(place, &error),
            }
        }
        if self.unread.is_empty() {
            sorted::sort_by_key(&mut self.unchecked, |(_, event)| event.pubkey);
        }
        count
    }

    fn has_claims(&self) -> bool {
        self.unread.is_empty() && !self.unchecked.is_empty()
    }

    fn is_checked(&self) -> bool {
        self.unread.is_empty() && self.unchecked.is_empty() && self.asked == 0
    }

    /// The verdicts on one batch; after the last one puts the events in the order of their lines.
    fn take_verdicts(&mut self, events: Vec<(Place, HashedEvent)>, good: &[bool]) {
        self.asked -= 1;
        let verdicts = events.into_iter().zip(good);
        self.checked.extend(verdicts.map(|((place, event), good)| {
            let event = good.then(|| event.accept()).ok_or(EventError::BadSignature);
            (place, event)
        }));
        if self.is_checked() {
            sorted::sort_by(&mut self.checked, |(a, _), (b, _)| b.cmp(a));
        }
    }

    fn fail(&mut self, (message, at): Place, error: &EventError) {
        if let Some(report) = self.reports.get_mut(message) {
            report.bad.push((at, error.to_string()));
        }
    }
}

impl Cache {
    /// Does what needs no step and is next.
    pub(super) fn run_errands(&mut self) {
        self.imports.queue_behind();
        while !self.imports.has_lines()
            && let Some(errand) = self.imports.waiting.pop_front()
        {
            self.run_errand(errand);
        }
    }

    fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Flush(request) => self.flushes.push((request, self.store.flush())),
            Errand::Wipe(request) => {
                self.store.wipe();
                self.wipes.push(request);
            }
            // They need steps, and only what does not is run.
            Errand::Lines { .. } => {}
        }
    }

    /// Goes on with the lines that were imported, a little.
    pub(super) fn import_step(&mut self, now: Now, out: &mut Outbox) {
        if self.imports.rounds.front().is_some_and(Round::is_checked) {
            self.save_some(now, out);
        } else {
            if self.imports.rounds.iter().all(|round| round.unread.is_empty()) {
                self.imports.gather();
            }
            let unread = self.imports.rounds.iter_mut().find(|round| !round.unread.is_empty());
            self.imports.worked = unread.map_or(0, Round::read);
        }
        self.imports.ask(out);
    }

    /// Saves some of the first round; after the last ones tells the page what became of its lines.
    fn save_some(&mut self, now: Now, out: &mut Outbox) {
        let Some(mut round) = self.imports.rounds.pop_front() else {
            return;
        };
        let some = round.checked.split_off(round.checked.len().saturating_sub(STEP));
        self.imports.worked = some.len();
        for (place, event) in some.into_iter().rev() {
            let stored = match event {
                Ok(event) => self.store.save(&event, false, Vec::new(), now),
                Err(error) => {
                    round.fail(place, &error);
                    continue;
                }
            };
            if let Some(report) = round.reports.get_mut(place.0) {
                report.stored += u32::from(stored);
                report.known += u32::from(!stored);
            }
        }
        if !round.checked.is_empty() {
            self.imports.rounds.push_front(round);
            return;
        }
        self.imports.over += 1;
        for mut report in round.reports {
            sorted::sort_by_key(&mut report.bad, |(at, _)| *at);
            out.page.push(RoleReport::Imported(report));
        }
        round.behind.into_iter().for_each(|errand| self.run_errand(errand));
        self.run_errands();
    }
}
