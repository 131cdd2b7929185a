//! Checking BIP-340 signatures, one or many at once.
//!
//! [`verify`] is BIP-340's Verify. A batch's one job is a list of verdicts that are those of single checks
//! ([`check`]), only sooner. One equation with a random coefficient for each signature
//! stands for a whole chunk (BIP-340, "Batch Verification"); events of one author
//! share the costly multiplication of their pubkey. Only a chunk that passes is
//! believed: every "no" is said by [`check`]. It must not read a clock or draw
//! randomness, and it sees public data only.

mod shim;

use std::sync::LazyLock;

use secp256k1::constants::CURVE_ORDER;
use sha2::{Digest, Sha256};

use super::event::{EventId, Pubkey, Signature};
use crate::sorted;
use shim::{Point, Scratch, Term, lift_x, subtract, sum};

/// What is to be checked: that `sig` is `pubkey`'s BIP-340 signature over `id` (NIP-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub id: EventId,
    pub pubkey: Pubkey,
    pub sig: Signature,
}

/// Longest chunk that one equation stands for; docs/BENCHMARKS.md has what longer ones gain. Beyond this that is
/// little, and a forgery costs a second sum over its chunk; it also bounds the scratch memory.
const CHUNK: usize = 1024;

/// A sum over fewer costs as much as checking them one at a time.
const WORTH_A_SUM: usize = 4;

/// How many terms may be summed for each claim of a chunk. One forgery is found with two; a chunk with many
/// runs out and is finished one by one, so that a hostile relay cannot make a check cost much more than twice
/// what it costs without batches.
const SUMMED_AT_MOST: usize = 2;

/// What the challenge hash begins with (BIP-340, "Tagged Hashes"), already hashed.
static CHALLENGE: LazyLock<Sha256> = LazyLock::new(|| {
    let tag = Sha256::digest(b"BIP0340/challenge");
    Sha256::new().chain_update(tag).chain_update(tag)
});

/// BIP-340's Verify: whether `sig` is `pubkey`'s signature over `id`. Needs no batch, and is what batches fall back on.
pub fn verify(id: &EventId, pubkey: &Pubkey, sig: &Signature) -> bool {
    let (r_x, s) = halves(sig);
    lift_x(&pubkey.0).is_some_and(|p| shim::verify(&p, &r_x, &s, &challenge(&r_x, pubkey, id)))
}

/// Checks one claim by itself ([`verify`]): the reference for batches.
pub fn check(claim: &Claim) -> bool {
    verify(&claim.id, &claim.pubkey, &claim.sig)
}

/// Checks all `claims`; the verdicts are in their order, and are those of [`check`].
///
/// `seed` is 32 bytes that no signer can foresee (the browser's randomness), fresh for
/// each call. The coefficients also depend on a hash of the claims themselves, so even a
/// known seed does not let a signer choose signatures whose errors cancel. A forgery passes
/// with a chance of 2^-127.
pub fn check_batch(claims: &[Claim], seed: [u8; 32]) -> Vec<bool> {
    let mut verdicts = vec![false; claims.len()];
    // Side by side, an author's events share one multiplication.
    let mut order: Vec<(usize, &Claim)> = claims.iter().enumerate().collect();
    sorted::sort_by_key(&mut order, |(_, claim)| claim.pubkey);
    let mut scratch = Scratch::for_terms(order.len().min(CHUNK));
    for chunk in order.chunks(CHUNK) {
        Chunk::prepare(chunk, &seed).settle_all(&mut scratch, &mut |at, good| {
            if let Some(verdict) = verdicts.get_mut(at) {
                *verdict = good;
            }
        });
    }
    verdicts
}

/// Well-formed claims with their terms of the equation (the same length), and the rest.
struct Chunk<'a> {
    well_formed: Vec<(usize, &'a Claim)>,
    terms: Vec<Term>,
    malformed: Vec<(usize, &'a Claim)>,
}

impl<'a> Chunk<'a> {
    /// Lifts the points and computes the hashes, once, however often the chunk is then split.
    fn prepare(claims: &[(usize, &'a Claim)], seed: &[u8; 32]) -> Chunk<'a> {
        let mut chunk = Chunk {
            well_formed: Vec::new(),
            terms: Vec::with_capacity(claims.len()),
            malformed: Vec::new(),
        };
        let mut author = None;
        for &(at, claim) in claims {
            // A square root for each author, not for each event.
            let p = match author {
                Some((pubkey, p)) if pubkey == claim.pubkey => p,
                _ => lift_x(&claim.pubkey.0),
            };
            author = Some((claim.pubkey, p));
            match p.and_then(|p| term(claim, p)) {
                Some(term) => {
                    chunk.well_formed.push((at, claim));
                    chunk.terms.push(term);
                }
                None => chunk.malformed.push((at, claim)),
            }
        }
        weigh(&mut chunk.terms, seed);
        chunk
    }

    fn settle_all(&self, scratch: &mut Scratch, report: &mut impl FnMut(usize, bool)) {
        for (at, claim) in &self.malformed {
            report(*at, check(claim));
        }
        let mut search = Search {
            scratch,
            report,
            budget: SUMMED_AT_MOST * self.terms.len(),
        };
        search.settle(&self.well_formed, &self.terms, None);
    }
}

/// The claim's part of the equation, its coefficient still zero; `None` where BIP-340
/// says "fail" before any multiplication: R on no point of the curve, or s >= n.
fn term(claim: &Claim, p: Point) -> Option<Term> {
    let (r_x, s) = halves(&claim.sig);
    if s >= CURVE_ORDER {
        return None;
    }
    Some(Term {
        r: lift_x(&r_x)?,
        p,
        s,
        e: challenge(&r_x, &claim.pubkey, &claim.id),
        a: [0; 32],
    })
}

/// The x of R, and s.
fn halves(sig: &Signature) -> ([u8; 32], [u8; 32]) {
    let mut halves = ([0; 32], [0; 32]);
    let (r_x, s) = sig.0.split_at(32);
    halves.0.copy_from_slice(r_x);
    halves.1.copy_from_slice(s);
    halves
}

/// BIP-340's e, not yet reduced.
fn challenge(r_x: &[u8; 32], pubkey: &Pubkey, id: &EventId) -> [u8; 32] {
    let hash = CHALLENGE
        .clone()
        .chain_update(r_x)
        .chain_update(pubkey.0)
        .chain_update(id.0);
    hash.finalize().into()
}

/// Gives each term its coefficient, from the seed and everything in the chunk.
///
/// `e` is a hash over R, pubkey and id, so `e` and `s` of every term stand for the whole claims.
/// 127 bits and not 128: libsecp256k1 splits each factor in two halves of 128 bits
/// (its endomorphism), and below 2^127 the second half is zero and costs nothing.
fn weigh(terms: &mut [Term], seed: &[u8; 32]) {
    let mut batch = Sha256::new().chain_update(seed);
    for term in terms.iter() {
        batch.update(term.e);
        batch.update(term.s);
    }
    let batch = batch.finalize();
    for (index, term) in (0u64..).zip(terms) {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(batch)
            .chain_update(index.to_be_bytes())
            .finalize()
            .into();
        term.a = hash;
        term.a[..16].fill(0);
        term.a[16] &= 0x7f;
    }
}

/// The search for the guilty ones in a chunk.
struct Search<'s, F> {
    scratch: &'s mut Scratch,
    report: &'s mut F,
    /// How many more terms may be summed.
    budget: usize,
}

impl<F: FnMut(usize, bool)> Search<'_, F> {
    /// Reports a verdict on each claim. `known`: the sum over their terms, if it is known already.
    fn settle(&mut self, claims: &[(usize, &Claim)], terms: &[Term], known: Option<Point>) {
        let Some(whole) = known.or_else(|| self.sum(terms)) else {
            return self.check_each(claims);
        };
        if whole == Point::ZERO {
            return claims.iter().for_each(|(at, _)| (self.report)(*at, true));
        }
        let (left, right) = claims.split_at(claims.len() / 2);
        let (left_terms, right_terms) = terms.split_at(terms.len() / 2);
        let Some(part) = self.sum(left_terms) else {
            return self.check_each(claims);
        };
        self.settle(left, left_terms, Some(part));
        self.settle(right, right_terms, Some(subtract(&whole, &part)));
    }

    /// `None` if a sum does not pay, be it here or at all in this chunk.
    fn sum(&mut self, terms: &[Term]) -> Option<Point> {
        if terms.len() < WORTH_A_SUM {
            return None;
        }
        self.budget = self.budget.checked_sub(terms.len())?;
        sum(terms, self.scratch)
    }

    fn check_each(&mut self, claims: &[(usize, &Claim)]) {
        claims.iter().for_each(|(at, claim)| (self.report)(*at, check(claim)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::hex;

    fn signed(author: u8, number: u16) -> Claim {
        let keypair =
            secp256k1::Keypair::from_secret_key(&secp256k1::SecretKey::from_secret_bytes([author; 32]).unwrap());
        let id: [u8; 32] = Sha256::digest(number.to_be_bytes()).into();
        let sig = secp256k1::schnorr::sign_no_aux_rand(&id, &keypair).to_byte_array();
        Claim {
            id: EventId(id),
            pubkey: Pubkey(keypair.x_only_public_key().0.to_byte_array()),
            sig: Signature(sig),
        }
    }

    fn terms(claims: &[Claim], seed: &[u8; 32]) -> Vec<Term> {
        let order: Vec<_> = claims.iter().enumerate().collect();
        let chunk = Chunk::prepare(&order, seed);
        assert_eq!(chunk.terms.len(), claims.len());
        chunk.terms
    }

    /// Adds `by` to the last byte of s; the carry out of it would spoil the test.
    fn shift_s(claim: &mut Claim, by: i8) {
        claim.sig.0[63] = claim.sig.0[63].checked_add_signed(by).unwrap();
    }

    fn sum_is_zero(terms: &[Term], scratch: &mut Scratch) -> bool {
        sum(terms, scratch) == Some(Point::ZERO)
    }

    #[test]
    fn forgeries_that_cancel_under_equal_coefficients_do_not_under_ours() {
        let mut claims = [signed(1, 1), signed(2, 2), signed(3, 3)];
        shift_s(&mut claims[0], 1);
        shift_s(&mut claims[1], -1);
        let mut terms = terms(&claims, &[0; 32]);
        let mut scratch = Scratch::for_terms(3);
        assert!(!sum_is_zero(&terms, &mut scratch));
        for term in &mut terms {
            term.a = [0; 32];
            term.a[31] = 1;
        }
        assert!(sum_is_zero(&terms, &mut scratch));
    }

    #[test]
    fn a_change_to_any_claim_or_to_the_seed_changes_every_coefficient() {
        let claims: Vec<Claim> = (0..5).map(|n| signed(1, n)).collect();
        let before = terms(&claims, &[0; 32]);
        let mut shifted = claims.clone();
        shift_s(&mut shifted[4], 1);
        let mut other_id = claims.clone();
        other_id[4].id.0[0] ^= 1;
        for after in [
            terms(&shifted, &[0; 32]),
            terms(&other_id, &[0; 32]),
            terms(&claims, &[1; 32]),
        ] {
            for (before, after) in before.iter().zip(&after) {
                assert_ne!(before.a, after.a);
                assert_eq!(after.a[..16], [0; 16]);
                assert!(after.a[16] < 0x80);
            }
        }
        assert!((1..5).all(|n| before[n].a != before[0].a));
    }

    #[test]
    fn scratch_for_n_terms_is_enough_for_n_or_fewer_however_the_authors_are_mixed() {
        // One author's signatures suffice: C merges neighbours only, so alternating two authors merges nothing.
        let claims: Vec<Claim> = (0..CHUNK as u16).map(|n| signed(1 + (n % 2) as u8, n)).collect();
        let alternating = terms(&claims, &[7; 32]);
        let mut sorted = alternating.clone();
        sorted.sort_by_key(|term| claims.iter().position(|c| c.sig.0[32..] == term.s).map(|n| n % 2));
        let sizes = (1..150).chain([CHUNK - 1, CHUNK]);
        for n in sizes {
            assert!(
                sum_is_zero(&alternating[..n], &mut Scratch::for_terms(n)),
                "alternating, {n}"
            );
            assert!(sum_is_zero(&sorted[..n], &mut Scratch::for_terms(n)), "sorted, {n}");
        }
        let mut large = Scratch::for_terms(CHUNK);
        assert!((1..100).all(|n| sum_is_zero(&alternating[..n], &mut large)));
        // Too little for the products, and too little for the algorithm.
        for terms in [0, 1, CHUNK / 2] {
            assert!(sum(&alternating, &mut Scratch::for_terms(terms)).is_none(), "{terms}");
        }
    }

    #[test]
    fn only_x_coordinates_of_the_field_that_are_on_the_curve_are_lifted() {
        for n in 0..200u16 {
            let x: [u8; 32] = Sha256::digest(n.to_be_bytes()).into();
            assert_eq!(
                lift_x(&x).is_some(),
                secp256k1::XOnlyPublicKey::from_byte_array(x).is_ok(),
                "{n}"
            );
        }
        // x = 1 is on the curve; the field's prime plus one is the same number to whoever forgets to compare.
        let mut x = [0; 32];
        x[31] = 1;
        assert!(lift_x(&x).is_some());
        x = secp256k1::constants::FIELD_SIZE;
        x[31] += 1;
        assert!(lift_x(&x).is_none());
    }

    #[test]
    fn an_s_of_the_group_order_or_more_gets_no_term() {
        let mut claim = signed(1, 1);
        let p = lift_x(&claim.pubkey.0).unwrap();
        let mut s = CURVE_ORDER;
        s[31] -= 1;
        for (s, expected) in [(s, true), (CURVE_ORDER, false), ([0xff; 32], false)] {
            claim.sig.0[32..].copy_from_slice(&s);
            assert_eq!(term(&claim, p).is_some(), expected);
        }
    }

    #[test]
    fn a_sum_without_a_part_is_the_sum_over_the_rest() {
        let mut claims: Vec<Claim> = (0..20).map(|n| signed(1 + n as u8 % 3, n)).collect();
        shift_s(&mut claims[3], 1);
        let terms = terms(&claims, &[7; 32]);
        let scratch = &mut Scratch::for_terms(20);
        let whole = sum(&terms, scratch).unwrap();
        for at in 0..=20 {
            let (left, right) = (sum(&terms[..at], scratch).unwrap(), sum(&terms[at..], scratch).unwrap());
            assert!(
                subtract(&whole, &left) == right && subtract(&whole, &right) == left,
                "at {at}"
            );
            assert_eq!(left == Point::ZERO, at <= 3);
        }
    }

    #[test]
    fn neighbours_share_a_multiplication_only_if_their_whole_points_are_one() {
        let claims = [signed(1, 1), signed(2, 2)];
        let mut terms = terms(&claims, &[7; 32]);
        let scratch = &mut Scratch::for_terms(2);
        let x = claims[0].pubkey.0;
        // Points whose x differs from that one's in a single byte.
        let alike = (0..32).map(|at| {
            let flipped = (1..=255).find_map(|flip| {
                let mut x = x;
                x[at] ^= flip;
                lift_x(&x)
            });
            flipped.unwrap()
        });
        // And the one with the same y: the point times a cube root of one (libsecp256k1's lambda).
        let lambda = hex::decode("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72").unwrap();
        let secret = secp256k1::SecretKey::from_secret_bytes([1; 32]).unwrap();
        let turned = secret
            .mul_tweak(&secp256k1::Scalar::from_be_bytes(lambda).unwrap())
            .unwrap();
        let same_y = lift_x(&turned.x_only_public_key().0.to_byte_array()).unwrap();
        for (at, p) in alike.chain([same_y]).enumerate() {
            terms[1].p = p;
            let whole = sum(&terms, scratch).unwrap();
            let (one, other) = (sum(&terms[..1], scratch).unwrap(), sum(&terms[1..], scratch).unwrap());
            assert!(subtract(&whole, &one) == other, "point {at}");
        }
    }

    #[test]
    fn a_chunk_needs_less_than_two_mebibytes() {
        assert!(Scratch::for_terms(CHUNK).bytes() < 2 << 20);
    }

    #[test]
    fn an_empty_batch_has_no_verdicts() {
        assert!(check_batch(&[], [0; 32]).is_empty());
    }
}
