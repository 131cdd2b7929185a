//! ProofVerification: the Cashu proofs of nutzaps (9321) and of a wallet's own tokens (7375), each once.
//!
//! Only finds them; `parser/proofs` asks the mint and the crypto role about them.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::{Output, parse};
use crate::message::Delivery;
use crate::parser::content::cashu::Proof;
use crate::parser::kinds::{Parsed, Private};
use crate::parser::proofs::{Found, address};
use crate::parser::secrets::Opened;

#[derive(Debug)]
pub struct ProofVerification {
    max: usize,
    /// Hashes of the mints and secrets of the proofs up to now; at most `max`.
    seen: HashSet<[u8; 32]>,
}

impl ProofVerification {
    pub fn new(max: u32) -> ProofVerification {
        ProofVerification {
            max: max as usize,
            seen: HashSet::new(),
        }
    }

    /// What comes of `delivery`: its proofs, or itself if it is locked. `opened` is what became of its encrypted part.
    pub fn run(&mut self, mut delivery: Delivery, opened: Option<&Opened>) -> Option<Output> {
        let found = self.find(&mut delivery, opened);
        let locked = |delivery: &Delivery| delivery.reading.as_ref().is_some_and(|reading| reading.lock.is_some());
        match found {
            Some(found) => Some(Output::Proofs(found)),
            None => locked(&delivery).then_some(Output::Locked(delivery)),
        }
    }

    /// The proofs of `delivery` that were not in an event before. `None` if there are none, or no mint to ask.
    fn find(&mut self, delivery: &mut Delivery, opened: Option<&Opened>) -> Option<Found> {
        if delivery.reading.is_none() {
            parse::run(delivery, opened);
        }
        let (mint, proofs, own) = match &delivery.reading.as_ref()?.parsed {
            Parsed::Nutzap(nutzap) => (&nutzap.mint, &nutzap.proofs, false),
            Parsed::WalletToken(Private::Open(token)) => (&token.mint, &token.proofs, true),
            _ => return None,
        };
        let mint = address(mint)?;
        let mut found = Found {
            event: delivery.event.id,
            mint,
            proofs: Vec::new(),
            own,
            dropped: 0,
        };
        for proof in proofs {
            let name = name(&found.mint, proof);
            if self.seen.contains(&name) {
                continue;
            }
            if self.seen.len() >= self.max {
                found.dropped += 1;
                continue;
            }
            self.seen.insert(name);
            found.proofs.push(proof.clone());
        }
        (!found.proofs.is_empty() || found.dropped > 0).then_some(found)
    }
}

/// A forged proof with the secret of a good one must not hide that: all of a proof is its name.
fn name(mint: &str, proof: &Proof) -> [u8; 32] {
    let mut hash = Sha256::new();
    let dleq = proof.dleq.as_ref();
    let r = dleq.and_then(|dleq| dleq.r.as_deref()).unwrap_or_default();
    let (e, s) = dleq.map(|dleq| (dleq.e.as_str(), dleq.s.as_str())).unwrap_or_default();
    for part in [mint, &proof.id, &proof.secret, &proof.c, e, s, r] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(proof.amount.to_le_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ShardSource;
    use crate::nostr::event::tests::signed;

    fn proof(secret: &str) -> String {
        format!(r#"{{"amount":1,"id":"005c2502034d4f12","secret":"{secret}","C":"0241"}}"#)
    }

    fn found(pipe: &mut ProofVerification, kind: u16, mint: &str, secrets: &[&str]) -> Option<(usize, u64)> {
        let proofs: Vec<String> = secrets.iter().map(|secret| proof(secret)).collect();
        let to = "e9fbced3a42dcf551486650cc752ab354347dd413b307484e4fd1818ab53f991";
        let mut tags: Vec<&[&str]> = Vec::new();
        let tag: Vec<[&str; 2]> = proofs.iter().map(|proof| ["proof", proof.as_str()]).collect();
        tags.extend(tag.iter().map(|tag| &tag[..]));
        let (mint, to) = (["u", mint], ["p", to]);
        tags.extend([&mint[..], &to]);
        let mut found = None;
        // Cached and live alike.
        for source in [ShardSource::Cache, ShardSource::Network] {
            let mut delivery = Delivery {
                event: signed(1, kind, 1, &tags, ""),
                source,
                relays: Vec::new(),
                reading: None,
                written: None,
            };
            let again = pipe
                .find(&mut delivery, None)
                .map(|found| (found.proofs.len(), found.dropped));
            if source == ShardSource::Cache {
                found = again;
            } else {
                assert!(again.is_none_or(|(proofs, _)| proofs == 0), "each proof comes once");
            }
        }
        found
    }

    #[test]
    fn each_proof_is_found_once_and_no_more_than_max() {
        let mut pipe = ProofVerification::new(3);
        let mint = "https://mint.example";
        for (kind, mint, secrets, expected) in [
            (9321, mint, &["a", "b"][..], Some((2, 0))),
            (9321, "https://MINT.example/", &["a"], None),
            (1, mint, &["c"], None),
            (7375, mint, &["c"], None),
            (9321, "http://192.168.1.1", &["c"], None),
            (9321, "x", &["c"], None),
            (9321, "https://other.example", &["a", "c"], Some((1, 1))),
            (9321, mint, &["d", "b"], Some((0, 1))),
        ] {
            assert_eq!(
                found(&mut pipe, kind, mint, secrets),
                expected,
                "{kind} {mint} {secrets:?}"
            );
        }
    }

    #[test]
    fn a_wallets_own_token_is_taken_as_it_was_decrypted() {
        use crate::message::Reading;
        let event = signed(1, 7375, 1, &[], "x");
        let json = format!(r#"{{"mint":"https://mint.example/","proofs":[{}]}}"#, proof("a"));
        for (text, expected) in [(Some(json.as_str()), true), (Some("{}"), false), (None, false)] {
            let parsed = crate::parser::kinds::parse(&event, text).unwrap();
            let mut delivery = Delivery {
                event: event.clone(),
                source: ShardSource::Network,
                relays: Vec::new(),
                reading: Some(Box::new(Reading {
                    parsed,
                    requests: Vec::new(),
                    lock: None,
                    unlocked: false,
                })),
                written: None,
            };
            let found = ProofVerification::new(9).find(&mut delivery, None);
            assert_eq!(
                found.is_some_and(|found| found.own && found.mint == "https://mint.example"),
                expected,
                "{text:?}"
            );
        }
    }
}
