//! One Cashu mint: the keysets it has told, the proofs that wait for it, and what it is to be asked next.

use super::question::{Keyset, Question, State};
use crate::message::{ProofClaim, RequestId, Secret, SubId, ValidProof, ValidProofs};
use crate::nostr::event::EventId;
use crate::nostr::hex;
use crate::parser::content::cashu::{Dleq, Proof};
use crate::time::Millis;

/// Proofs of one question to a mint, or to the crypto role.
const BATCH: usize = 64;
/// Keysets of one mint that are remembered.
const MAX_KEYSETS: usize = 1_000;
/// After how long a pending proof is asked about again, and a mint that failed once.
const RETRY_MS: u64 = 15_000;
/// A mint that goes on failing is asked this seldom at last.
const MAX_RETRY_MS: u64 = 300_000;

/// What has become of proofs so far, at all mints.
#[derive(Debug, Default)]
pub struct Counters {
    pub valid: u64,
    pub spent: u64,
    pub invalid: u64,
    pub failures: u64,
}

/// What is known of one mint, and what waits for it.
#[derive(Debug)]
pub struct Mint {
    pub address: String,
    keysets: Vec<Keyset>,
    /// It has told its active keysets, with their keys.
    told_keys: bool,
    /// How often it has told all its keysets.
    pub listed: u64,
    pub waiting: Vec<Waiting>,
    pub asked: Option<(u64, Question)>,
    /// What the crypto role is asked, and about which proofs.
    pub checking: Option<(RequestId, Vec<u64>)>,
    /// Failures in a row.
    pub failures: u32,
    /// When it may be asked again after a failure, or is to be asked again for pending proofs.
    pub again_at: Option<Millis>,
}

/// One proof that is not settled.
#[derive(Debug)]
pub struct Waiting {
    pub number: u64,
    pub sub: SubId,
    pub event: EventId,
    pub proof: Proof,
    pub own: bool,
    /// Of the proof's secret (NUT-00), in hex.
    pub y: String,
    /// How often the mint had told all its keysets when the proof came.
    pub listed: u64,
    pub stage: Stage,
}

/// How far a proof has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It wants its keyset's keys, and a check with them.
    Keys,
    /// The mint is to be asked whether it is spent. Whether its DLEQ holds, or it has none.
    State { dleq: bool },
    /// The mint said pending, or nothing about it.
    Pending { dleq: bool },
}

impl Mint {
    pub fn new(address: String) -> Mint {
        Mint {
            address,
            keysets: Vec::new(),
            told_keys: false,
            listed: 0,
            waiting: Vec::new(),
            asked: None,
            checking: None,
            failures: 0,
            again_at: None,
        }
    }

    /// Nothing waits for it.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.asked.is_none() && self.checking.is_none()
    }

    /// What to ask it next, if anything.
    pub fn next_question(&self) -> Option<Question> {
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
    pub fn is_answering(&self) -> bool {
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
    pub fn next_claims(&mut self, counters: &mut Counters) -> Option<(Vec<u64>, Vec<ProofClaim>)> {
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
    pub fn learn(&mut self, question: &Question, keysets: Vec<Keyset>) {
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
    pub fn settle(
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

    pub fn failed(&mut self, now: Millis) {
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
