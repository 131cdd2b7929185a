//! Taking in what the page imports: signed events, a line of JSON each, checked as any relay's are (NIP-01).
//!
//! Lines are worked on in rounds of all that waits, up to a bound: read, then their signatures checked many at once,
//! then saved in their order. All of it goes in steps, between which whoever runs the core hears what has arrived. A
//! busy page sends the next lines meanwhile, so that the rounds grow by themselves. Nothing of a line that fails is
//! kept. What the page asks behind its lines, to know that they are durable or to forget them, waits for its turn.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::core::{Cache, Outbox};
use crate::message::{Imported, RequestId, RoleReport};
use crate::nostr::event::{Event, EventError, HashedEvent, RawEvent};
use crate::sorted;
use crate::time::Now;

/// What the page has asked for, in its order.
pub(super) enum Errand {
    Lines {
        request: RequestId,
        lines: Vec<String>,
    },
    /// Answer once all that was stored before is durable.
    Flush(RequestId),
    Wipe(RequestId),
}

/// The page's errands and how far they have come.
pub(super) struct Imports {
    waiting: VecDeque<Errand>,
    round: Option<Round>,
    /// What nobody can foresee, and how often it was used.
    seed: [u8; 32],
    uses: u64,
    /// Lines or events of the last step, so that it can be held against its bounds.
    pub worked: usize,
}

/// The lines of some messages on their way.
struct Round {
    /// One a message.
    reports: Vec<Imported>,
    unread: VecDeque<(Place, String)>,
    /// Events whose signature is to be checked, by author, from the end.
    unchecked: Vec<(Place, HashedEvent)>,
    /// In the order of their lines once all are there, from the end.
    checked: Vec<(Place, Result<Event, EventError>)>,
}

/// The message's number in the round, and the line's number in the message.
type Place = (usize, u32);

/// Lines taken into one round. The more, the more events of one author are checked together.
const ROUND_LINES: usize = 2_048;
/// Lines read, signatures checked, or events saved in one step: some 3, 8 and 2 ms in a browser.
pub(super) const STEP: usize = 256;
/// Text read in one step.
const STEP_BYTES: usize = 256 << 10;

impl Imports {
    pub fn new(seed: [u8; 32]) -> Imports {
        Imports {
            waiting: VecDeque::new(),
            round: None,
            seed,
            uses: 0,
            worked: 0,
        }
    }

    pub fn push(&mut self, errand: Errand) {
        self.waiting.push_back(errand);
    }

    /// Whether a step would get on with some lines.
    pub fn has_lines(&self) -> bool {
        self.round.is_some() || matches!(self.waiting.front(), Some(Errand::Lines { .. }))
    }

    /// The lines that wait before any other errand, as many as fit a round.
    fn gather(&mut self) -> Round {
        let mut round = Round {
            reports: Vec::new(),
            unread: VecDeque::new(),
            unchecked: Vec::new(),
            checked: Vec::new(),
        };
        let is_lines = |errand: &mut Errand| matches!(errand, Errand::Lines { .. });
        while round.unread.len() < ROUND_LINES
            && let Some(Errand::Lines { request, lines }) = self.waiting.pop_front_if(is_lines)
        {
            let message = round.reports.len();
            let numbered = (0..).zip(lines).map(|(at, line)| ((message, at), line));
            round.unread.extend(numbered);
            round.reports.push(Imported {
                request,
                ..Imported::default()
            });
        }
        round
    }

    /// Other bytes each time, which nobody can foresee either.
    fn entropy(&mut self) -> [u8; 32] {
        self.uses += 1;
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.uses.to_le_bytes());
        hash.finalize().into()
    }
}

impl Round {
    /// Reads some lines; after the last ones puts authors side by side.
    fn read(&mut self) -> usize {
        let (mut count, mut bytes) = (0, 0);
        while count < STEP
            && bytes < STEP_BYTES
            && let Some((place, line)) = self.unread.pop_front()
        {
            count += 1;
            bytes += line.len();
            match RawEvent::from_json(&line).and_then(RawEvent::hash) {
                Ok(event) => self.unchecked.push((place, event)),
                Err(error) => self.fail(place, &error),
            }
        }
        if self.unread.is_empty() {
            sorted::sort_by_key(&mut self.unchecked, |(_, event)| event.pubkey);
        }
        count
    }

    /// Checks some signatures; after the last ones puts the events in the order of their lines.
    fn check(&mut self, entropy: [u8; 32]) -> usize {
        let rest = self.unchecked.len().saturating_sub(STEP);
        let (places, events): (Vec<Place>, Vec<HashedEvent>) = self.unchecked.drain(rest..).unzip();
        let count = places.len();
        self.checked
            .extend(places.into_iter().zip(HashedEvent::verify_all(events, entropy)));
        if self.unchecked.is_empty() {
            sorted::sort_by(&mut self.checked, |(a, _), (b, _)| b.cmp(a));
        }
        count
    }

    fn fail(&mut self, (message, at): Place, error: &EventError) {
        if let Some(report) = self.reports.get_mut(message) {
            report.bad.push((at, error.to_string()));
        }
    }

    fn is_done(&self) -> bool {
        self.unread.is_empty() && self.unchecked.is_empty() && self.checked.is_empty()
    }
}

impl Cache {
    /// Does what needs no step and is next.
    pub(super) fn run_errands(&mut self) {
        while !self.imports.has_lines()
            && let Some(errand) = self.imports.waiting.pop_front()
        {
            match errand {
                Errand::Flush(request) => self.flushes.push((request, self.store.flush())),
                Errand::Wipe(request) => {
                    self.store.wipe();
                    self.wipes.push(request);
                }
                // They are next, and need steps.
                Errand::Lines { .. } => return,
            }
        }
    }

    /// Goes on with the lines that were imported, a little.
    pub(super) fn import_step(&mut self, now: Now, out: &mut Outbox) {
        let mut round = self.imports.round.take().unwrap_or_else(|| self.imports.gather());
        self.imports.worked = if !round.unread.is_empty() {
            round.read()
        } else if !round.unchecked.is_empty() {
            round.check(self.imports.entropy())
        } else {
            self.save_some(now, &mut round)
        };
        if !round.is_done() {
            self.imports.round = Some(round);
            return;
        }
        for mut report in round.reports {
            sorted::sort_by_key(&mut report.bad, |(at, _)| *at);
            out.page.push(RoleReport::Imported(report));
        }
        self.run_errands();
    }

    fn save_some(&mut self, now: Now, round: &mut Round) -> usize {
        let rest = round.checked.len().saturating_sub(STEP);
        let some = round.checked.split_off(rest);
        let count = some.len();
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
        count
    }
}
