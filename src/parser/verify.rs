//! Which events are known good, which are being checked, and what waits for a verdict.
//!
//! An id commits to everything but the signature, so one copy of an event is kept
//! however many relays send it, with the distinct signatures they claim. They are
//! checked one after another until one holds: a forged copy cannot hide the true
//! one, whichever comes first. Claims go to the crypto role in batches; while some
//! are out, the next batch grows, so a busy engine checks larger batches.
//!
//! The only caller of `HashedEvent::accept` beside the cache's imports, whose signatures are checked the same way.

use std::collections::VecDeque;

use crate::hashed::HashedMap;
use crate::message::{Claim, RequestId};
use crate::nostr::event::{Event, EventId, HashedEvent, Signature};
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::{self, SortedMap};

/// Batches in progress at the crypto role. Two keep it busy while the answer travels.
const MAX_BATCHES_OUT: usize = 2;
/// The most claims of one batch: the multi-scalar check gains little beyond, and with it the crypto role's
/// verifiers still get parts that are worth while.
const MAX_BATCH_CLAIMS: usize = 1024;

/// Who waits for a verdict, as the caller knows them.
#[derive(Debug)]
struct Waiting<T> {
    ticket: T,
    relay: Option<RelayUrl>,
    sig: Signature,
}

/// An event whose signature is not known to hold yet.
#[derive(Debug)]
struct Pending<T> {
    event: HashedEvent,
    /// The signature at the crypto role, or about to go there.
    checking: Signature,
    /// In order of arrival; each has one of the signatures still to be tried.
    waiting: Vec<Waiting<T>>,
}

/// What became of a ticket.
#[derive(Debug, PartialEq)]
pub enum Verdict<T> {
    /// `relays`: all that have sent it up to now.
    Good {
        ticket: T,
        event: Event,
        relays: Vec<RelayUrl>,
    },
    Forged {
        ticket: T,
        relay: Option<RelayUrl>,
    },
}

/// The table of pending checks and recent good ones.
#[derive(Debug)]
pub struct Verify<T> {
    /// Good signatures by id, oldest first in `order`.
    good: HashedMap<EventId, Signature>,
    order: VecDeque<EventId>,
    remembered: usize,
    pending: HashedMap<EventId, Pending<T>>,
    /// Claims for the next batch.
    queue: VecDeque<Claim>,
    /// What the crypto role has, oldest first.
    out: SortedMap<RequestId, Vec<Claim>>,
    checked: u64,
    forged: u64,
}

impl<T> Verify<T> {
    /// Remembers the last `remembered` good events, to check none of them twice.
    pub fn new(remembered: usize) -> Verify<T> {
        Verify {
            good: HashedMap::default(),
            order: VecDeque::new(),
            remembered,
            pending: HashedMap::default(),
            queue: VecDeque::new(),
            out: SortedMap::new(),
            checked: 0,
            forged: 0,
        }
    }

    /// Whether an event of this id was checked and is remembered.
    pub fn knows(&self, id: &EventId) -> bool {
        self.good.contains_key(id)
    }

    /// Takes the event as good without a check: its id is known, or the page chose `verify: "none"`.
    /// A known event gets the signature that was checked.
    pub fn trust(&self, event: HashedEvent) -> Event {
        match self.good.get(&event.id) {
            Some(sig) => event.with_signature(*sig).accept(),
            None => event.accept(),
        }
    }

    /// Has `event` checked; `ticket` comes back in a verdict. `relay` sent it, or nobody did.
    pub fn submit(&mut self, event: HashedEvent, relay: Option<RelayUrl>, ticket: T) {
        let (id, sig) = (event.id, event.sig);
        let waiting = Waiting { ticket, relay, sig };
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.waiting.push(waiting);
            return;
        }
        self.queue.push_back(event.claim());
        self.pending.insert(
            id,
            Pending {
                event,
                checking: sig,
                waiting: vec![waiting],
            },
        );
    }

    /// The next batch for the crypto role, if there is one and it is not busy enough.
    pub fn next_batch(&mut self, request: impl FnOnce() -> RequestId) -> Option<(RequestId, Vec<Claim>)> {
        if self.queue.is_empty() || self.out.len() >= MAX_BATCHES_OUT {
            return None;
        }
        let claims: Vec<Claim> = self.queue.drain(..self.queue.len().min(MAX_BATCH_CLAIMS)).collect();
        let request = request();
        self.out.insert(request, claims.clone());
        Some((request, claims))
    }

    /// Whether claims wait for the crypto role to be less busy.
    pub fn has_queue(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Every claim of a batch that was answered, in the tickets' order of arrival.
    ///
    /// An answer of the wrong length, or to no request, has no effect: its claims stay pending.
    pub fn answer(&mut self, request: RequestId, good: &[bool]) -> Vec<Verdict<T>> {
        let mut verdicts = Vec::new();
        if self.out.get(&request).is_none_or(|claims| claims.len() != good.len()) {
            return verdicts;
        }
        for (claim, good) in self.out.remove(&request).unwrap_or_default().into_iter().zip(good) {
            self.checked += 1;
            if *good {
                self.accept(&claim, &mut verdicts);
            } else {
                self.forged += 1;
                self.refuse(&claim, &mut verdicts);
            }
        }
        verdicts
    }

    /// Events waiting for a verdict.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Signatures checked, and how many of them did not hold.
    pub fn counters(&self) -> (u64, u64) {
        (self.checked, self.forged)
    }

    fn accept(&mut self, claim: &Claim, verdicts: &mut Vec<Verdict<T>>) {
        let Some(pending) = self.pending.remove(&claim.id) else {
            return;
        };
        self.remember(claim.id, claim.sig);
        let event = pending.event.with_signature(claim.sig).accept();
        let mut relays: Vec<RelayUrl> = pending
            .waiting
            .iter()
            .filter_map(|waiting| waiting.relay.clone())
            .collect();
        sorted::sort(&mut relays);
        relays.dedup();
        verdicts.extend(pending.waiting.into_iter().map(|waiting| Verdict::Good {
            ticket: waiting.ticket,
            event: event.clone(),
            relays: relays.clone(),
        }));
    }

    fn refuse(&mut self, claim: &Claim, verdicts: &mut Vec<Verdict<T>>) {
        let Some(pending) = self.pending.get_mut(&claim.id) else {
            return;
        };
        let (refused, left): (Vec<_>, Vec<_>) = std::mem::take(&mut pending.waiting)
            .into_iter()
            .partition(|waiting| waiting.sig == claim.sig);
        let next = left.first().map(|waiting| waiting.sig);
        pending.waiting = left;
        match next {
            Some(sig) => {
                pending.checking = sig;
                self.queue.push_back(Claim { sig, ..*claim });
            }
            None => {
                self.pending.remove(&claim.id);
            }
        }
        verdicts.extend(refused.into_iter().map(|waiting| Verdict::Forged {
            ticket: waiting.ticket,
            relay: waiting.relay,
        }));
    }

    fn remember(&mut self, id: EventId, sig: Signature) {
        if self.good.insert(id, sig).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > self.remembered
            && let Some(oldest) = self.order.pop_front()
        {
            self.good.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    fn hashed(sig: Option<u8>) -> HashedEvent {
        let mut raw = signed(1, 1, 1, &[], "x").into_raw();
        if let Some(byte) = sig {
            raw.sig.0 = [byte; 64];
        }
        raw.hash().unwrap()
    }

    fn batch(verify: &mut Verify<u8>, number: u64) -> (RequestId, Vec<Claim>) {
        verify.next_batch(|| RequestId(number)).unwrap()
    }

    #[test]
    fn a_copy_waits_for_the_verdict_on_the_first_and_is_not_checked_again() {
        let mut verify = Verify::new(10);
        verify.submit(hashed(None), None, 1);
        let (request, claims) = batch(&mut verify, 1);
        assert_eq!(claims.len(), 1);
        verify.submit(hashed(None), None, 2);
        assert!(verify.next_batch(|| RequestId(2)).is_none());
        let verdicts = verify.answer(request, &[true]);
        assert!(matches!(
            verdicts.as_slice(),
            [Verdict::Good { ticket: 1, .. }, Verdict::Good { ticket: 2, .. }]
        ));
        // From now on a copy with any signature is the good event.
        assert_eq!(verify.trust(hashed(Some(9))).sig, hashed(None).sig);
    }

    #[test]
    fn a_forged_signature_hides_the_true_one_in_neither_order() {
        for forged_first in [true, false] {
            let mut verify = Verify::new(10);
            let (first, second) = if forged_first { (Some(9), None) } else { (None, Some(9)) };
            verify.submit(hashed(first), None, 1);
            verify.submit(hashed(second), None, 2);
            let (request, claims) = batch(&mut verify, 1);
            let verdicts = verify.answer(request, &[claims[0].sig == hashed(None).sig]);
            if forged_first {
                assert_eq!(verdicts, [Verdict::Forged { ticket: 1, relay: None }]);
                assert!(!verify.knows(&hashed(None).id));
                let (request, claims) = batch(&mut verify, 2);
                assert_eq!(claims[0].sig, hashed(None).sig);
                assert!(matches!(
                    verify.answer(request, &[true]).as_slice(),
                    [Verdict::Good { ticket: 2, .. }]
                ));
            } else {
                assert_eq!(verdicts.len(), 2);
            }
            assert_eq!(verify.pending(), 0);
        }
    }

    #[test]
    fn batches_grow_while_two_are_out() {
        let mut verify = Verify::new(10);
        let event = |number: u64| signed(1, 1, number, &[], "x").into_raw().hash().unwrap();
        for number in 0..2 {
            verify.submit(event(number), None, 0);
            batch(&mut verify, number);
        }
        for number in 2..7 {
            verify.submit(event(number), None, 0);
        }
        assert!(verify.next_batch(|| RequestId(2)).is_none());
        assert!(
            verify.answer(RequestId(0), &[true, true]).is_empty(),
            "a wrong length answers nothing"
        );
        assert_eq!(verify.answer(RequestId(0), &[true]).len(), 1);
        assert_eq!(batch(&mut verify, 3).1.len(), 5);
    }

    #[test]
    fn only_the_last_good_ids_are_remembered() {
        let mut verify = Verify::new(1);
        for number in 0..2 {
            verify.submit(signed(1, 1, number, &[], "x").into_raw().hash().unwrap(), None, 0);
        }
        let (request, _) = batch(&mut verify, 1);
        verify.answer(request, &[true, true]);
        assert!(!verify.knows(&signed(1, 1, 0, &[], "x").id));
        assert!(verify.knows(&signed(1, 1, 1, &[], "x").id));
    }
}
