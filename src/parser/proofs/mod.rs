//! Cashu proofs on their way to `ValidProofs`: mints asked, the crypto role asked, verdicts gathered.
//!
//! A proof goes through three stages. Its keyset's keys are had from the mint (NUT-01, NUT-02); its DLEQ is checked
//! with them by the crypto role (NUT-12); the mint says whether it is spent (NUT-07). Spent ones are dropped, pending
//! ones are asked again, and a mint that fails is asked again later: its proofs wait. Holds nothing back of what a
//! mint said but its keys, sends nothing but the `Y` of a proof to anyone, and opens no connection itself.

mod mint;

use super::http::{HttpAnswer, HttpAsk};
use crate::message::{
    ParserToCrypto, ProofClaim, RequestId, Secret, SignerAnswer, SignerOp, SignerResult, SubId, ValidProof, ValidProofs,
};
use crate::nostr::cashu::hash_to_curve;
use crate::nostr::event::EventId;
use crate::nostr::hex;
use crate::parser::content::cashu::{Dleq, Proof};
use crate::router::Backlog;
use crate::time::Millis;
pub use mint::address;
use mint::{Keyset, Question, State};

/// Proofs of one question to a mint, or to the crypto role.
const BATCH: usize = 64;
/// Mints asked at a time; each is asked one thing at a time.
const MAX_ASKED: usize = 8;
/// Keysets of one mint that are remembered.
const MAX_KEYSETS: usize = 1_000;
/// Mints whose keys are kept although no proof waits for them.
const MAX_IDLE_MINTS: usize = 32;
/// After how long a pending proof is asked about again, and a mint that failed once.
const RETRY_MS: u64 = 15_000;
/// A mint that goes on failing is asked this seldom at last.
const MAX_RETRY_MS: u64 = 300_000;

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

#[derive(Debug, Default)]
struct Counters {
    valid: u64,
    spent: u64,
    invalid: u64,
    failures: u64,
}

#[derive(Debug)]
struct Mint {
    address: String,
    keysets: Vec<Keyset>,
    /// It has told its active keysets, with their keys.
    told_keys: bool,
    /// How often it has told all its keysets.
    listed: u64,
    waiting: Vec<Waiting>,
    asked: Option<(u64, Question)>,
    /// What the crypto role is asked, and about which proofs.
    checking: Option<(RequestId, Vec<u64>)>,
    /// Failures in a row.
    failures: u32,
    /// When it may be asked again after a failure, or is to be asked again for pending proofs.
    again_at: Option<Millis>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    sub: SubId,
    event: EventId,
    proof: Proof,
    own: bool,
    /// Of the proof's secret (NUT-00), in hex.
    y: String,
    /// How often the mint had told all its keysets when the proof came.
    listed: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It wants its keyset's keys, and a check with them.
    Keys,
    /// The mint is to be asked whether it is spent. Whether its DLEQ holds, or it has none.
    State { dleq: bool },
    /// The mint said pending, or nothing about it.
    Pending { dleq: bool },
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
        let idle = |mint: &Mint| mint.waiting.is_empty() && mint.asked.is_none() && mint.checking.is_none();
        if self.mints.iter().filter(|mint| idle(mint)).count() > MAX_IDLE_MINTS
            && let Some(oldest) = self.mints.iter().position(idle)
        {
            self.mints.remove(oldest);
        }
        self.mints.push(Mint {
            address,
            keysets: Vec::new(),
            told_keys: false,
            listed: 0,
            waiting: Vec::new(),
            asked: None,
            checking: None,
            failures: 0,
            again_at: None,
        });
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
                let states = mint::read_states(&body)?;
                mint.settle(now, ys, &states, &mut self.counters, &mut self.valid);
                Some(())
            }
            Question::Keys | Question::Keysets | Question::KeysOf(_) => {
                mint.learn(&question, mint::read_keysets(&body)?);
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

impl Mint {
    /// What to ask it next, if anything.
    fn next_question(&self) -> Option<Question> {
        if self.asked.is_some() || !self.is_answering() {
            return None;
        }
        let unsettled = |waiting: &&Waiting| matches!(waiting.stage, Stage::State { .. });
        let ys: Vec<String> = self
            .waiting
            .iter()
            .filter(unsettled)
            .take(BATCH)
            .map(|waiting| waiting.y.clone())
            .collect();
        match ys.is_empty() {
            true => self.waiting.iter().find_map(|waiting| self.wanted(waiting)),
            false => Some(Question::States(ys)),
        }
    }

    /// Whether it has not failed, or long enough ago.
    fn is_answering(&self) -> bool {
        self.failures == 0 || self.again_at.is_none()
    }

    /// The question that `waiting` has for the keys of its keyset.
    fn wanted(&self, waiting: &Waiting) -> Option<Question> {
        if waiting.stage != Stage::Keys || self.is_being_checked(waiting) {
            return None;
        }
        match self.keyset(&waiting.proof.id) {
            Some(Keyset { keys: Some(_), .. }) => None,
            Some(Keyset { id, keys: None, .. }) => Some(Question::KeysOf(id.clone())),
            None if !self.told_keys => Some(Question::Keys),
            // A list made since the proof came does not have it: it is let go with the next claims.
            None => (self.listed == waiting.listed).then_some(Question::Keysets),
        }
    }

    fn is_being_checked(&self, waiting: &Waiting) -> bool {
        let of = |(_, numbers): &(RequestId, Vec<u64>)| numbers.contains(&waiting.number);
        self.checking.as_ref().is_some_and(of)
    }

    fn keyset(&self, id: &str) -> Option<&Keyset> {
        self.keysets.iter().find(|keyset| keyset.id == id)
    }

    /// Sorts out the proofs whose keys are known: some have nothing to check, some cannot be good, the rest is claimed.
    fn next_claims(&mut self, counters: &mut Counters) -> Option<(Vec<u64>, Vec<ProofClaim>)> {
        let (mut numbers, mut claims) = (Vec::new(), Vec::new());
        let keysets = &self.keysets;
        let listed = self.listed;
        self.waiting.retain_mut(|waiting| {
            if waiting.stage != Stage::Keys || claims.len() >= BATCH {
                return true;
            }
            let Some(keyset) = keysets.iter().find(|keyset| keyset.id == waiting.proof.id) else {
                // Not even a list made since it came has it: it is of another mint, or of none.
                let unknown = listed > waiting.listed;
                counters.invalid += u64::from(unknown);
                return !unknown;
            };
            let Some(keys) = &keyset.keys else { return true };
            let key = keys.iter().find(|(amount, _)| *amount == waiting.proof.amount);
            match key.and_then(|(_, key)| claim(&waiting.proof, *key)) {
                Some(claim) => {
                    numbers.push(waiting.number);
                    claims.push(claim);
                    true
                }
                None if key.is_some() && waiting.own => {
                    waiting.stage = Stage::State { dleq: false };
                    true
                }
                None => {
                    counters.invalid += 1;
                    false
                }
            }
        });
        (!claims.is_empty()).then_some((numbers, claims))
    }

    /// Keeps what the mint told of its keysets.
    fn learn(&mut self, question: &Question, keysets: Vec<Keyset>) {
        match question {
            Question::Keys => self.told_keys = true,
            Question::Keysets => self.listed += 1,
            Question::KeysOf(_) | Question::States(_) => {}
        }
        for keyset in keysets {
            let room = self.keysets.len() < MAX_KEYSETS;
            match self.keysets.iter_mut().find(|known| known.id == keyset.id) {
                // Keys, once told, stay: a mint that changes them makes a new keyset.
                Some(known) if known.keys.is_none() => known.keys = keyset.keys,
                Some(_) => {}
                None if room => self.keysets.push(keyset),
                None => {}
            }
        }
        // Told to have it, and not to have its keys: there is nothing to check with.
        if let Question::KeysOf(id) = question {
            let asked = self.keysets.iter_mut().filter(|known| known.id == *id);
            asked.for_each(|known| {
                known.keys.get_or_insert_default();
            });
        }
    }

    /// Lets go of what is spent and hands out what is not.
    fn settle(
        &mut self,
        now: Millis,
        asked: &[String],
        states: &[(String, State)],
        counters: &mut Counters,
        valid: &mut Vec<(SubId, ValidProofs)>,
    ) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain_mut(|waiting| {
            let Stage::State { dleq } = waiting.stage else {
                return true;
            };
            match states.iter().find(|(y, _)| *y == waiting.y) {
                Some((_, State::Spent)) => {
                    counters.spent += 1;
                    return false;
                }
                Some((_, State::Unspent)) => {
                    counters.valid += 1;
                    self.hand_out(waiting, dleq, valid);
                    return false;
                }
                // Asked and not answered is as good as pending.
                Some((_, State::Pending)) => waiting.stage = Stage::Pending { dleq },
                None if asked.contains(&waiting.y) => waiting.stage = Stage::Pending { dleq },
                None => {}
            }
            if waiting.stage != (Stage::State { dleq }) {
                self.again_at = Some(now + RETRY_MS);
            }
            true
        });
        self.waiting = waiting;
    }

    fn hand_out(&self, waiting: &Waiting, dleq: bool, valid: &mut Vec<(SubId, ValidProofs)>) {
        let unit = self
            .keyset(&waiting.proof.id)
            .map(|keyset| keyset.unit.as_str())
            .unwrap_or_default();
        let proof = ValidProof {
            event: waiting.event,
            proof: waiting.proof.clone(),
            dleq,
        };
        let same = |(sub, group): &&mut (SubId, ValidProofs)| {
            *sub == waiting.sub && group.mint == self.address && group.unit == unit
        };
        match valid.iter_mut().find(same) {
            Some((_, group)) => group.proofs.push(proof),
            None => {
                let group = ValidProofs {
                    mint: self.address.clone(),
                    unit: unit.to_owned(),
                    proofs: vec![proof],
                };
                valid.push((waiting.sub.clone(), group));
            }
        }
    }

    fn failed(&mut self, now: Millis) {
        let wait = RETRY_MS << self.failures.min(5);
        self.failures += 1;
        self.again_at = Some(now + wait.min(MAX_RETRY_MS));
    }
}

/// `None` for a proof without a whole DLEQ, and for one whose signature is no point.
fn claim(proof: &Proof, mint_key: [u8; 33]) -> Option<ProofClaim> {
    let Dleq { e, s, r } = proof.dleq.as_ref()?;
    Some(ProofClaim {
        mint_key,
        secret: Secret(proof.secret.clone().into()),
        signature: hex::decode(&proof.c)?,
        e: hex::decode(e)?,
        s: hex::decode(s)?,
        r: Some(hex::decode(r.as_ref()?)?),
    })
}
