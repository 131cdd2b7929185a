//! The batch check of signatures against the one-at-a-time check, on official vectors and on random batches.
//!
//! `SCHNORR_BATCHES` sets how many random batches are tried and `SCHNORR_SEED` the first one's seed:
//! `SCHNORR_BATCHES=1000000 cargo test --release --test schnorr_batch random -- --nocapture`.

// Clippy spares only functions marked as tests; those that prepare one may fail in the same way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::cmp::Ordering::{Greater, Less};
use std::env;
use std::thread;

use nostr_ferry::nostr::event::{EventId, Pubkey, Signature};
use nostr_ferry::nostr::schnorr::{Claim, check, check_batch};
use secp256k1::{Keypair, Parity, Scalar, SecretKey, XOnlyPublicKey, constants::CURVE_ORDER, schnorr};
use sha2::{Digest, Sha256};

/// SplitMix64: every batch is made again from its number.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes
            .chunks_mut(8)
            .for_each(|chunk| chunk.copy_from_slice(&self.next().to_be_bytes()));
        bytes
    }
}

const AUTHORS: usize = 60;
const EVENTS_AN_AUTHOR: usize = 10;

/// Good claims, each checked one at a time; claim `n` is by author `n / EVENTS_AN_AUTHOR`.
struct Pool {
    good: Vec<Claim>,
    /// For each author one signature that is right but for the sign of R (its y is odd).
    negated_r: Vec<Claim>,
}

impl Pool {
    fn new() -> Pool {
        let mut random = Random(340);
        let mut pool = Pool {
            good: Vec::new(),
            negated_r: Vec::new(),
        };
        for _ in 0..AUTHORS {
            let secret = SecretKey::from_secret_bytes(random.bytes()).unwrap();
            let keypair = Keypair::from_secret_key(&secret);
            let pubkey = keypair.x_only_public_key().0.to_byte_array();
            for _ in 0..EVENTS_AN_AUTHOR {
                let id = random.bytes();
                let sig = schnorr::sign_no_aux_rand(&id, &keypair).to_byte_array();
                pool.good.push(claim(id, pubkey, sig));
            }
            pool.negated_r
                .push(sign_as(&secret, pubkey, Parity::Odd, random.bytes(), random.bytes()));
        }
        assert!(pool.good.iter().all(|good| reference(good) && check(good)));
        assert!(!pool.negated_r.iter().any(|bad| reference(bad) || check(bad)));
        pool
    }
}

/// libsecp256k1's own check of one signature.
fn reference(claim: &Claim) -> bool {
    let sig = schnorr::Signature::from_byte_array(claim.sig.0);
    XOnlyPublicKey::from_byte_array(claim.pubkey.0).is_ok_and(|key| schnorr::verify(&sig, &claim.id.0, &key).is_ok())
}

/// The secret whose point has this y, and the point's x.
fn with_parity(secret: &SecretKey, y: Parity) -> (SecretKey, [u8; 32]) {
    let (x, parity) = secret.x_only_public_key();
    let secret = if parity == y { *secret } else { secret.negate() };
    (secret, x.to_byte_array())
}

/// BIP-340's signature by `secret`, except that it is said to be `pubkey`'s and that R's y is as told.
fn sign_as(secret: &SecretKey, pubkey: [u8; 32], r_y: Parity, id: [u8; 32], nonce: [u8; 32]) -> Claim {
    let (secret, _) = with_parity(secret, Parity::Even);
    let (nonce, r) = with_parity(&SecretKey::from_secret_bytes(nonce).unwrap(), r_y);
    let e_times_secret = secret.mul_tweak(&challenge(r, pubkey, id)).unwrap();
    let s = nonce.add_tweak(&Scalar::from(e_times_secret)).unwrap();
    let mut sig = [0; 64];
    sig[..32].copy_from_slice(&r);
    sig[32..].copy_from_slice(&s.to_secret_bytes());
    claim(id, pubkey, sig)
}

/// BIP-340's e.
fn challenge(r: [u8; 32], pubkey: [u8; 32], id: [u8; 32]) -> Scalar {
    let tag = Sha256::digest(b"BIP0340/challenge");
    let e = Sha256::new().chain_update(tag).chain_update(tag);
    let e = e.chain_update(r).chain_update(pubkey).chain_update(id).finalize();
    Scalar::from_be_bytes(e.into()).unwrap()
}

fn claim(id: [u8; 32], pubkey: [u8; 32], sig: [u8; 64]) -> Claim {
    Claim {
        id: EventId(id),
        pubkey: Pubkey(pubkey),
        sig: Signature(sig),
    }
}

/// Adds or takes one from s, read as a number.
fn step_s(claim: &mut Claim, up: bool) {
    for byte in claim.sig.0[32..].iter_mut().rev() {
        let carry;
        (*byte, carry) = if up {
            byte.overflowing_add(1)
        } else {
            byte.overflowing_sub(1)
        };
        if !carry {
            return;
        }
    }
}

fn flip(claim: &mut Claim, bit: usize) {
    let mask = 1 << (bit % 8);
    match bit / 8 {
        byte @ 0..32 => claim.id.0[byte] ^= mask,
        byte @ 32..64 => claim.pubkey.0[byte - 32] ^= mask,
        byte => claim.sig.0[byte - 64] ^= mask,
    }
}

fn x_of_no_point(random: &mut Random) -> [u8; 32] {
    loop {
        let x = random.bytes();
        if XOnlyPublicKey::from_byte_array(x).is_err() {
            return x;
        }
    }
}

/// Spoils one or two claims of `batch` in one of the ways a forger may try. `drawn[n]` is claim n's number in the pool.
fn forge(batch: &mut [Claim], drawn: &[usize], pool: &Pool, random: &mut Random) {
    let at = random.below(batch.len());
    let other = random.below(batch.len());
    let claim = &mut batch[at];
    match random.below(9) {
        0 | 1 => flip(claim, random.below(1024)),
        2 => {
            // The signature of another event by the same author.
            let author = drawn[at] / EVENTS_AN_AUTHOR;
            claim.sig = pool.good[author * EVENTS_AN_AUTHOR + random.below(EVENTS_AN_AUTHOR)].sig;
        }
        3 => *claim = pool.negated_r[drawn[at] / EVENTS_AN_AUTHOR],
        4 => {
            claim.sig.0[32..].copy_from_slice(&CURVE_ORDER);
            (0..random.below(3)).for_each(|_| step_s(claim, true));
        }
        5 => claim.sig.0[..32].copy_from_slice(&x_of_no_point(random)),
        6 => claim.pubkey.0 = x_of_no_point(random),
        7 => {
            // Their errors cancel if the two have the same coefficient.
            step_s(&mut batch[at], true);
            step_s(&mut batch[other], false);
        }
        _ => {
            // The halves of two signatures, exchanged: the sums of all s and of all R stay what they were.
            let (a, b) = (batch[at].sig.0, batch[other].sig.0);
            batch[at].sig.0[32..].copy_from_slice(&b[32..]);
            batch[other].sig.0[32..].copy_from_slice(&a[32..]);
        }
    }
}

/// Makes the batch that belongs to `seed` and compares the verdicts. Returns how many claims and refusals it had.
fn try_batch(seed: u64, pool: &Pool) -> (usize, usize) {
    let mut random = Random(seed);
    // Evenly spread over the orders of magnitude from 1 to 300.
    let size = (300f64.powf(random.below(1001) as f64 / 1000.0)) as usize;
    // Few authors make long runs of one author, many make short ones.
    let authors = 1 + random.below(AUTHORS);
    let drawn: Vec<usize> = (0..size).map(|_| random.below(authors * EVENTS_AN_AUTHOR)).collect();
    let mut batch: Vec<Claim> = drawn.iter().map(|&n| pool.good[n]).collect();
    for _ in 0..random.below(4) {
        forge(&mut batch, &drawn, pool, &mut random);
    }
    // What equals a claim of the pool was found good there; the rest is checked now.
    let expected: Vec<bool> = batch
        .iter()
        .zip(&drawn)
        .map(|(c, &n)| *c == pool.good[n] || reference(c))
        .collect();
    let one_at_a_time = batch.iter().zip(&drawn).map(|(c, &n)| *c == pool.good[n] || check(c));
    assert!(one_at_a_time.eq(expected.iter().copied()), "claims of seed {seed}");
    let verdicts = check_batch(&batch, random.bytes());
    assert_eq!(verdicts, expected, "batch of seed {seed}");
    (size, expected.iter().filter(|good| !**good).count())
}

#[test]
fn random_batches_with_forgeries_get_the_verdicts_of_single_checks() {
    let number = |name, default| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (batches, first) = (number("SCHNORR_BATCHES", 600), number("SCHNORR_SEED", 1));
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let pool = &Pool::new();
    let totals: Vec<(usize, usize)> = thread::scope(|scope| {
        let run = |thread: u64| {
            scope.spawn(move || {
                let seeds = (first..first + batches).skip(thread as usize).step_by(threads as usize);
                seeds
                    .map(|seed| try_batch(seed, pool))
                    .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
            })
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let claims: usize = totals.iter().map(|total| total.0).sum();
    let refused: usize = totals.iter().map(|total| total.1).sum();
    println!("seeds {first}..{}: {claims} claims, {refused} refused", first + batches);
    // Each batch has 1.5 forgeries on average, so this fails only if none were made.
    assert!(refused as u64 >= batches / 2, "{refused} refused in {batches} batches");
}

#[test]
fn each_bit_flipped_in_a_good_batch_gets_that_one_claim_refused() {
    let pool = Pool::new();
    // Three events of each of six authors.
    let good: Vec<Claim> = (0..18).map(|n| pool.good[n / 3 * EVENTS_AN_AUTHOR + n % 3]).collect();
    let mut random = Random(1);
    for bit in 0..1024 {
        let at = random.below(good.len());
        let mut batch = good.clone();
        flip(&mut batch[at], bit);
        assert!(!check(&batch[at]), "bit {bit}");
        let verdicts = check_batch(&batch, random.bytes());
        assert!(
            verdicts.iter().enumerate().all(|(n, good)| *good == (n != at)),
            "bit {bit} of claim {at}: {verdicts:?}"
        );
    }
}

#[test]
fn a_signature_whose_r_is_the_point_at_infinity_is_refused() {
    let mut random = Random(78);
    let (secret, pubkey) = with_parity(&SecretKey::from_secret_bytes(random.bytes()).unwrap(), Parity::Even);
    let (id, r) = (random.bytes(), [0; 32]);
    // s*G = e*P leaves nothing for R. It has no x then, but whoever forgets this may take it for 0.
    let s = secret.mul_tweak(&challenge(r, pubkey, id)).unwrap().to_secret_bytes();
    let mut sig = [0; 64];
    sig[32..].copy_from_slice(&s);
    let claim = claim(id, pubkey, sig);
    assert!(!reference(&claim) && !check(&claim));
    assert_eq!(check_batch(&[claim; 5], [6; 32]), [false; 5]);
}

#[test]
fn a_key_that_resembles_anothers_signs_nothing_in_its_name() {
    let victim = Pool::new().good[0].pubkey.0;
    let mut random = Random(77);
    // A careless merging takes the first of the two points for both, or the last.
    for (same, order) in [(0, Less), (0, Greater), (31, Less), (31, Greater)] {
        let (secret, pubkey) = loop {
            let secret = SecretKey::from_secret_bytes(random.bytes()).unwrap();
            let (_, pubkey) = with_parity(&secret, Parity::Even);
            if pubkey[same] == victim[same] && pubkey.cmp(&victim) == order {
                break (secret, pubkey);
            }
        };
        let mut sign = |pubkey| sign_as(&secret, pubkey, Parity::Even, random.bytes(), random.bytes());
        let batch = [sign(victim), sign(victim), sign(pubkey), sign(victim), sign(pubkey)];
        assert_eq!(batch.map(|claim| check(&claim)), [false, false, true, false, true]);
        assert_eq!(check_batch(&batch, [5; 32]), [false, false, true, false, true]);
    }
}

#[test]
fn a_batch_over_several_chunks_keeps_the_order_of_its_verdicts() {
    let pool = Pool::new();
    let mut batch: Vec<Claim> = (0..1300).map(|n| pool.good[n * 7 % pool.good.len()]).collect();
    for at in [0, 17, 600, 1299] {
        step_s(&mut batch[at], true);
    }
    let verdicts = check_batch(&batch, [9; 32]);
    let refused: Vec<usize> = (0..1300).filter(|&at| !verdicts[at]).collect();
    assert_eq!(refused, [0, 17, 600, 1299]);
}

#[test]
fn a_batch_of_forgeries_alone_is_refused_whole() {
    let pool = Pool::new();
    let mut batch = pool.good.clone();
    batch.iter_mut().for_each(|claim| step_s(claim, true));
    assert_eq!(check_batch(&batch, [9; 32]), vec![false; batch.len()]);
}

#[test]
fn official_vectors_get_their_verdicts_alone_together_and_among_good_claims() {
    let hex = |text: &str| data_encoding::HEXUPPER.decode(text.as_bytes()).unwrap();
    let mut vectors: Vec<(Claim, bool)> = Vec::new();
    for row in include_str!("vectors/bip340-test-vectors.csv").lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        // An id has 32 bytes; the rows for messages of other lengths say nothing here.
        if let Ok(id) = hex(cells[4]).try_into() {
            let claim = claim(id, hex(cells[2]).try_into().unwrap(), hex(cells[5]).try_into().unwrap());
            vectors.push((claim, cells[6] == "TRUE"));
        }
    }
    let (claims, expected): (Vec<Claim>, Vec<bool>) = vectors.into_iter().unzip();
    assert_eq!((claims.len(), expected.iter().filter(|good| **good).count()), (15, 5));
    assert_eq!(check_batch(&claims, [3; 32]), expected);

    let pool = Pool::new();
    for (claim, expected) in claims.iter().zip(&expected) {
        assert_eq!(check_batch(std::slice::from_ref(claim), [3; 32]), [*expected]);
        let mut batch = pool.good[..40].to_vec();
        batch.insert(20, *claim);
        let verdicts = check_batch(&batch, [3; 32]);
        assert!(
            verdicts
                .iter()
                .enumerate()
                .all(|(n, good)| *good == (n != 20 || *expected)),
            "{claim:?}"
        );
    }
}
