//! Which verifier checks what: batches of signatures cut into parts for a pool of workers.
//!
//! A plain state machine: it starts no worker and checks nothing. Each verifier has one part at
//! a time; one that dies or does not answer in time is replaced, and its part is checked again.
//! A part that has seen two verifiers die is checked by the caller, one signature at a time.

use std::collections::{HashMap, VecDeque};

use crate::message::{Claim, RequestId};
use crate::sorted;
use crate::time::Millis;

/// The number of a verifier, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerifierId(pub u64);

/// Fewer claims than this gain less from a second core than the trip costs, and each part
/// makes the batch check less worth while.
const PART_CLAIMS: usize = 48;
/// A part takes some tens of milliseconds; a verifier that has not answered by now is gone or hangs.
const ANSWER_MS: u64 = 10_000;
/// After so many replacements verifiers are evidently not to be had here.
const MAX_REPLACED: u32 = 8;
const MAX_DEATHS: u8 = 2;

/// Some claims of one batch, with their places in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    request: RequestId,
    places: Vec<usize>,
    pub claims: Vec<Claim>,
    deaths: u8,
}

/// What the pool wants done.
#[derive(Debug, PartialEq)]
pub enum Do {
    Start(VerifierId),
    Stop(VerifierId),
    Send(VerifierId, Vec<Claim>),
    /// Check it here, and answer with `checked`. `singly`: a batch check may be what killed verifiers.
    Check {
        part: Part,
        singly: bool,
    },
}

#[derive(Debug)]
enum State {
    /// It has not said that it is ready.
    Starting,
    Idle,
    Busy {
        part: Part,
        deadline: Millis,
    },
}

#[derive(Debug)]
struct Batch {
    good: Vec<bool>,
    missing: usize,
}

/// The verifiers, and what they are to check. Each part of a batch waits in `parts` or is with one verifier.
#[derive(Debug)]
pub struct Pool {
    size: usize,
    verifiers: Vec<(VerifierId, State)>,
    parts: VecDeque<Part>,
    batches: HashMap<RequestId, Batch>,
    done: VecDeque<(RequestId, Vec<bool>)>,
    last: u64,
    replaced: u32,
    /// Parts that verifiers have checked.
    answered: u64,
}

impl Pool {
    /// A pool of up to `size` verifiers, none of them started yet; 0: everything is checked by the caller.
    pub fn new(size: usize) -> Pool {
        Pool {
            size,
            verifiers: Vec::new(),
            parts: VecDeque::new(),
            batches: HashMap::new(),
            done: VecDeque::new(),
            last: 0,
            replaced: 0,
            answered: 0,
        }
    }

    /// Takes a batch. Its verdicts come from `pop_done`, in the order in which batches are finished.
    pub fn add(&mut self, request: RequestId, claims: Vec<Claim>) {
        let missing = claims.len();
        if missing == 0 {
            self.done.push_back((request, Vec::new()));
            return;
        }
        self.batches.insert(
            request,
            Batch {
                good: vec![false; missing],
                missing,
            },
        );
        self.parts.extend(self.cut(request, claims));
    }

    /// The next thing to do, if there is one now.
    pub fn next(&mut self, now: Millis) -> Option<Do> {
        if self.parts.is_empty() {
            return None;
        }
        if self.verifiers.len() < self.size {
            return Some(self.start());
        }
        if self.parts.front().is_some_and(|part| part.deaths >= MAX_DEATHS) {
            return self.parts.pop_front().map(|part| Do::Check { part, singly: true });
        }
        let idle = self
            .verifiers
            .iter_mut()
            .find(|(_, state)| matches!(state, State::Idle));
        if let Some((id, state)) = idle {
            let part = self.parts.pop_front()?;
            let claims = part.claims.clone();
            let deadline = now + ANSWER_MS;
            *state = State::Busy { part, deadline };
            return Some(Do::Send(*id, claims));
        }
        // Nobody is ready yet, or ever: the first events on a page do not wait for that.
        let nobody = !self
            .verifiers
            .iter()
            .any(|(_, state)| matches!(state, State::Busy { .. }));
        let part = if nobody { self.parts.pop_front() } else { None };
        part.map(|part| Do::Check { part, singly: false })
    }

    /// The verifier is ready for work.
    pub fn ready(&mut self, id: VerifierId) {
        if let Some(state) = self.state(id) {
            *state = State::Idle;
        }
    }

    /// The verifier's verdicts. An answer of the wrong length counts as its death.
    pub fn answered(&mut self, id: VerifierId, good: &[bool]) -> Option<Do> {
        let state = self.state(id)?;
        match std::mem::replace(state, State::Idle) {
            State::Busy { part, .. } if part.claims.len() == good.len() => {
                self.answered += 1;
                self.checked(&part, good);
                None
            }
            other => {
                *self.state(id)? = other;
                self.died(id)
            }
        }
    }

    /// The caller's own verdicts on a part it was to check.
    pub fn checked(&mut self, part: &Part, good: &[bool]) {
        let Some(batch) = self.batches.get_mut(&part.request) else {
            return;
        };
        for (place, good) in part.places.iter().zip(good) {
            if let Some(verdict) = batch.good.get_mut(*place) {
                *verdict = *good;
                batch.missing -= 1;
            }
        }
        if batch.missing == 0
            && let Some(batch) = self.batches.remove(&part.request)
        {
            self.done.push_back((part.request, batch.good));
        }
    }

    /// The verifier is gone: its part is checked again, and first.
    pub fn died(&mut self, id: VerifierId) -> Option<Do> {
        let at = self.verifiers.iter().position(|(other, _)| *other == id)?;
        let (_, state) = self.verifiers.remove(at);
        if let State::Busy { mut part, .. } = state {
            part.deaths += 1;
            self.parts.push_front(part);
        }
        self.replaced += 1;
        if self.replaced >= MAX_REPLACED {
            self.size = self.verifiers.len();
        }
        Some(Do::Stop(id))
    }

    /// When `overdue` is to be asked.
    pub fn next_timeout(&self) -> Option<Millis> {
        let deadlines = self.verifiers.iter().filter_map(|(_, state)| match state {
            State::Busy { deadline, .. } => Some(*deadline),
            State::Starting | State::Idle => None,
        });
        deadlines.min()
    }

    /// A verifier whose time is over.
    pub fn overdue(&self, now: Millis) -> Option<VerifierId> {
        let overdue = self.verifiers.iter().find(|(_, state)| match state {
            State::Busy { deadline, .. } => *deadline <= now,
            State::Starting | State::Idle => false,
        });
        overdue.map(|(id, _)| *id)
    }

    /// The pool's counters, by name.
    pub fn counters(&self) -> [(&'static str, u64); 4] {
        let starting = |(_, state): &&(VerifierId, State)| matches!(state, State::Starting);
        [
            ("verifiers", self.verifiers.len() as u64),
            (
                "verifiers_starting",
                self.verifiers.iter().filter(starting).count() as u64,
            ),
            ("verifier_parts", self.answered),
            ("verifiers_lost", u64::from(self.replaced)),
        ]
    }

    /// The next batch whose parts are all checked, one verdict per claim in order.
    pub fn pop_done(&mut self) -> Option<(RequestId, Vec<bool>)> {
        self.done.pop_front()
    }

    fn state(&mut self, id: VerifierId) -> Option<&mut State> {
        let found = self.verifiers.iter_mut().find(|(other, _)| *other == id);
        found.map(|(_, state)| state)
    }

    fn start(&mut self) -> Do {
        self.last += 1;
        let id = VerifierId(self.last);
        self.verifiers.push((id, State::Starting));
        Do::Start(id)
    }

    /// As many parts as there are verifiers for, none too small; an author's events stay together, for
    /// they share a multiplication.
    fn cut(&self, request: RequestId, claims: Vec<Claim>) -> Vec<Part> {
        let count = (claims.len() / PART_CLAIMS).clamp(1, self.size.max(1));
        let size = claims.len().div_ceil(count);
        let mut order: Vec<(usize, Claim)> = claims.into_iter().enumerate().collect();
        if count > 1 {
            sorted::sort_by_key(&mut order, |(_, claim)| claim.pubkey);
        }
        let part = |chunk: &[(usize, Claim)]| Part {
            request,
            places: chunk.iter().map(|(place, _)| *place).collect(),
            claims: chunk.iter().map(|(_, claim)| *claim).collect(),
            deaths: 0,
        };
        order.chunks(size).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::{EventId, Pubkey, Signature};

    const NOW: Millis = Millis(5);

    /// Claims whose verdict is in their id's first byte, by a few authors.
    fn claims(count: usize) -> Vec<Claim> {
        let claim = |n: usize| Claim {
            id: EventId([n as u8 % 2; 32]),
            pubkey: Pubkey([(n * 7 % 5) as u8; 32]),
            sig: Signature([n as u8; 64]),
        };
        (0..count).map(claim).collect()
    }

    fn verdicts(claims: &[Claim]) -> Vec<bool> {
        claims.iter().map(|claim| claim.id.0[0] == 1).collect()
    }

    /// Does what the pool wants until it wants nothing more: what it sent, and how much it had checked here.
    fn drive(pool: &mut Pool, ready: bool) -> (Vec<(VerifierId, Vec<Claim>)>, usize) {
        let (mut sent, mut here) = (Vec::new(), 0);
        while let Some(next) = pool.next(NOW) {
            match next {
                Do::Start(id) if ready => pool.ready(id),
                Do::Start(_) | Do::Stop(_) => {}
                Do::Send(id, claims) => sent.push((id, claims)),
                Do::Check { part, .. } => {
                    here += part.claims.len();
                    pool.checked(&part, &verdicts(&part.claims));
                }
            }
        }
        (sent, here)
    }

    #[test]
    fn a_pool_of_none_has_everything_checked_by_its_caller() {
        let mut pool = Pool::new(0);
        pool.add(RequestId(1), claims(256));
        pool.add(RequestId(2), vec![]);
        assert_eq!(drive(&mut pool, true), (vec![], 256));
        assert_eq!(pool.pop_done(), Some((RequestId(2), vec![])));
        assert_eq!(pool.pop_done(), Some((RequestId(1), verdicts(&claims(256)))));
    }

    #[test]
    fn a_batch_is_spread_and_its_verdicts_come_back_in_their_places() {
        let mut pool = Pool::new(3);
        pool.add(RequestId(1), claims(200));
        let (sent, here) = drive(&mut pool, true);
        assert_eq!((sent.len(), here), (3, 0));
        assert_eq!(sent.iter().map(|(_, part)| part.len()).sum::<usize>(), 200);
        for (id, part) in sent.iter().rev() {
            assert_eq!(pool.pop_done(), None);
            assert_eq!(pool.answered(*id, &verdicts(part)), None);
        }
        assert_eq!(pool.pop_done(), Some((RequestId(1), verdicts(&claims(200)))));
    }

    #[test]
    fn small_batches_stay_whole() {
        let mut pool = Pool::new(4);
        pool.add(RequestId(1), claims(60));
        assert_eq!(drive(&mut pool, true).0.len(), 1);
    }

    #[test]
    fn until_a_verifier_is_ready_nothing_waits_for_it() {
        let mut pool = Pool::new(2);
        pool.add(RequestId(1), claims(100));
        assert_eq!(drive(&mut pool, false), (vec![], 100));
    }

    #[test]
    fn what_a_dead_verifier_had_is_checked_by_another() {
        let mut pool = Pool::new(1);
        pool.add(RequestId(1), claims(10));
        let (sent, _) = drive(&mut pool, true);
        let dead = sent[0].0;
        assert_eq!(pool.died(dead), Some(Do::Stop(dead)));
        assert_eq!(pool.died(dead), None, "it dies once");
        let (sent, here) = drive(&mut pool, true);
        assert_eq!((sent.len(), here), (1, 0));
        assert_ne!(sent[0].0, dead);
        assert_eq!(pool.answered(dead, &[true; 10]), None, "too late");
        pool.answered(sent[0].0, &verdicts(&sent[0].1));
        assert_eq!(pool.pop_done(), Some((RequestId(1), verdicts(&claims(10)))));
    }

    #[test]
    fn a_part_that_kills_verifiers_is_checked_here_singly() {
        let mut pool = Pool::new(1);
        pool.add(RequestId(1), claims(10));
        for _ in 0..2 {
            let (sent, _) = drive(&mut pool, true);
            pool.died(sent[0].0);
        }
        let start = pool.next(NOW);
        assert!(matches!(start, Some(Do::Start(_))));
        let Some(Do::Check { part, singly: true }) = pool.next(NOW) else {
            panic!()
        };
        pool.checked(&part, &verdicts(&part.claims));
        assert!(pool.pop_done().is_some());
    }

    #[test]
    fn silence_and_wrong_answers_count_as_death() {
        let mut pool = Pool::new(1);
        pool.add(RequestId(1), claims(10));
        let (sent, _) = drive(&mut pool, true);
        let deadline = pool.next_timeout().unwrap();
        assert_eq!(pool.overdue(Millis(deadline.0 - 1)), None);
        assert_eq!(pool.overdue(deadline), Some(sent[0].0));
        assert_eq!(pool.answered(sent[0].0, &[true]), Some(Do::Stop(sent[0].0)));
        assert_eq!(drive(&mut pool, true).0.len(), 1);
    }

    #[test]
    fn where_verifiers_keep_dying_the_pool_gives_up_on_them() {
        let mut pool = Pool::new(2);
        for n in 0..20 {
            pool.add(RequestId(n), claims(10));
            let mut started = Vec::new();
            while let Some(next) = pool.next(NOW) {
                match next {
                    Do::Start(id) => started.push(id),
                    Do::Check { part, .. } => pool.checked(&part, &verdicts(&part.claims)),
                    Do::Stop(_) | Do::Send(..) => panic!(),
                }
            }
            assert!(pool.pop_done().is_some());
            started.into_iter().for_each(|id| drop(pool.died(id)));
        }
        assert!(pool.last <= u64::from(MAX_REPLACED) + 1);
    }
}
