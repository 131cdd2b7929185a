//! Cashu proofs on their way to `ValidProofs`: mints asked, the crypto role asked, verdicts gathered.
//!
//! A proof goes through three stages. Its keyset's keys are had from the mint (NUT-01, NUT-02); its DLEQ is checked
//! with them by the crypto role (NUT-12); the mint says whether it is spent (NUT-07). Spent ones are dropped, pending
//! ones are asked again, and a mint that fails is asked again later: its proofs wait. Holds nothing back of what a
//! mint said but its keys, sends nothing but the `Y` of a proof to anyone, and opens no connection itself.

mod mint;
mod question;

use super::http::{HttpAnswer, HttpAsk};
use crate::message::{ParserToCrypto, RequestId, SignerAnswer, SignerOp, SignerResult, SubId, ValidProofs};
use crate::nostr::cashu::hash_to_curve;
use crate::nostr::event::EventId;
use crate::nostr::hex;
use crate::parser::content::cashu::Proof;
use crate::router::Backlog;
use crate::time::Millis;
use mint::{Counters, Mint, Stage, Waiting};
use question::Question;
pub use question::address;

/// Mints asked at a time; each is asked one thing at a time.
const MAX_ASKED: usize = 8;
/// Mints whose keys are kept although no proof waits for them.
const MAX_IDLE_MINTS: usize = 32;

/// The proofs of one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub event: EventId,
    /// As `address` gives it.
    pub mint: String,
    pub proofs: Vec<Proof>,
    /// Their holder keeps them for itself (NIP-60): they are taken without a DLEQ, which a wallet need not keep.
    pub own: bool,
    /// Proofs beyond the pipe's bound, which are not looked at.
    pub dropped: u64,
}

/// Every proof that waits, by mint.
#[derive(Debug, Default)]
pub struct Proofs {
    mints: Vec<Mint>,
    next_number: u64,
    valid: Vec<(SubId, ValidProofs)>,
    counters: Counters,
}

impl Proofs {
    /// Takes in what the pipe of `sub` found.
    pub fn add(&mut self, sub: &SubId, found: Found) {
        let at = match self.mints.iter().position(|mint| mint.address == found.mint) {
            Some(at) => at,
            None => self.add_mint(found.mint),
        };
        let Some(mint) = self.mints.get_mut(at) else { return };
        for proof in found.proofs {
            let Ok(y) = hash_to_curve(proof.secret.as_bytes()) else {
                self.counters.invalid += 1;
                continue;
            };
            self.next_number += 1;
            mint.waiting.push(Waiting {
                number: self.next_number,
                sub: sub.clone(),
                event: found.event,
                proof,
                own: found.own,
                y: hex::encode(&y.to_bytes()),
                listed: mint.listed,
                stage: Stage::Keys,
            });
        }
    }

    fn add_mint(&mut self, address: String) -> usize {
        if self.mints.iter().filter(|mint| mint.is_idle()).count() > MAX_IDLE_MINTS
            && let Some(oldest) = self.mints.iter().position(Mint::is_idle)
        {
            self.mints.remove(oldest);
        }
        self.mints.push(Mint::new(address));
        self.mints.len() - 1
    }

    /// Forgets what `sub` wanted to know.
    pub fn forget(&mut self, sub: &SubId) {
        for mint in &mut self.mints {
            mint.waiting.retain(|waiting| waiting.sub != *sub);
        }
    }

    /// Whether something of `sub` has not had its first answer yet.
    pub fn is_busy(&self, sub: &SubId) -> bool {
        let busy = |mint: &Mint| {
            let waits = |waiting: &Waiting| waiting.sub == *sub && !matches!(waiting.stage, Stage::Pending { .. });
            mint.failures == 0 && mint.waiting.iter().any(waits)
        };
        self.mints.iter().any(busy)
    }

    /// What is known to be good since the last call, grouped by mint and unit.
    pub fn take_valid(&mut self) -> Vec<(SubId, ValidProofs)> {
        std::mem::take(&mut self.valid)
    }

    /// When `on_timeout` is wanted next.
    pub fn next_timeout(&self) -> Option<Millis> {
        let waits = self
            .mints
            .iter()
            .filter(|mint| !mint.waiting.is_empty() && mint.asked.is_none());
        waits.filter_map(|mint| mint.again_at).min()
    }

    /// Time has come to `now`: mints that failed may be asked again, and are about pending proofs.
    pub fn on_timeout(&mut self, now: Millis) {
        for mint in self
            .mints
            .iter_mut()
            .filter(|mint| mint.again_at.is_some_and(|at| at <= now))
        {
            mint.again_at = None;
            for waiting in &mut mint.waiting {
                if let Stage::Pending { dleq } = waiting.stage {
                    waiting.stage = Stage::State { dleq };
                }
            }
        }
    }

    /// Asks what can be asked now. Call it when a turn ends.
    pub fn ask_more(
        &mut self,
        mut next_request: impl FnMut() -> RequestId,
        crypto: &mut Backlog<ParserToCrypto>,
        http: &mut Vec<HttpAsk>,
    ) {
        for mint in &mut self.mints {
            if mint.checking.is_none()
                && mint.is_answering()
                && let Some((numbers, claims)) = mint.next_claims(&mut self.counters)
            {
                let request = next_request();
                mint.checking = Some((request, numbers));
                let op = SignerOp::VerifyProofs(claims);
                crypto.push(ParserToCrypto::Ask { request, op });
            }
        }
        let mut room = MAX_ASKED.saturating_sub(self.mints.iter().filter(|mint| mint.asked.is_some()).count());
        for mint in &mut self.mints {
            if room == 0 {
                return;
            }
            if let Some(question) = mint.next_question() {
                self.next_number += 1;
                let (url, body) = question.request(&mint.address);
                mint.asked = Some((self.next_number, question));
                http.push(HttpAsk {
                    number: self.next_number,
                    url,
                    body,
                });
                room -= 1;
            }
        }
    }

    /// Whether `request` to the crypto role is one of these.
    pub fn has_asked(&self, request: RequestId) -> bool {
        let asks = |mint: &Mint| mint.checking.as_ref().is_some_and(|(asked, _)| *asked == request);
        self.mints.iter().any(asks)
    }

    /// The crypto role's verdicts.
    pub fn checked(&mut self, now: Millis, request: RequestId, result: SignerResult) {
        for mint in &mut self.mints {
            let Some((_, numbers)) = mint.checking.take_if(|(asked, _)| *asked == request) else {
                continue;
            };
            let Ok(SignerAnswer::Verdicts(good)) = &result else {
                // It has too much to do; the proofs have not moved.
                return mint.failed(now);
            };
            for (number, good) in numbers.iter().zip(good) {
                let Some(at) = mint.waiting.iter().position(|waiting| waiting.number == *number) else {
                    continue;
                };
                match mint.waiting.get_mut(at) {
                    Some(waiting) if *good => waiting.stage = Stage::State { dleq: true },
                    _ => {
                        mint.waiting.remove(at);
                        self.counters.invalid += 1;
                    }
                }
            }
        }
    }

    /// A mint's answer.
    pub fn answered(&mut self, now: Millis, answer: HttpAnswer) {
        let asks = |mint: &&mut Mint| mint.asked.as_ref().is_some_and(|(number, _)| *number == answer.number);
        let Some(mint) = self.mints.iter_mut().find(asks) else {
            return;
        };
        let Some((_, question)) = mint.asked.take() else { return };
        let understood = answer.body.and_then(|body| match &question {
            Question::States(ys) => {
                let states = question::read_states(&body)?;
                mint.settle(now, ys, &states, &mut self.counters, &mut self.valid);
                Some(())
            }
            Question::Keys | Question::Keysets | Question::KeysOf(_) => {
                mint.learn(&question, question::read_keysets(&body)?);
                Some(())
            }
        });
        match understood {
            Some(()) => mint.failures = 0,
            None => {
                self.counters.failures += 1;
                mint.failed(now);
            }
        }
    }

    /// By name, for the role's counters.
    pub fn counters(&self) -> [(&'static str, u64); 5] {
        let waiting: usize = self.mints.iter().map(|mint| mint.waiting.len()).sum();
        [
            ("proofs_waiting", waiting as u64),
            ("proofs_valid", self.counters.valid),
            ("proofs_spent", self.counters.spent),
            ("proofs_invalid", self.counters.invalid),
            ("mint_failures", self.counters.failures),
        ]
    }
}
