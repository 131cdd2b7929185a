//! Cashu's curve (NUT-00) and proofs that a mint signed with its public key (NUT-12).
//!
//! Says only whether a DLEQ proof holds; whether the proof is spent is the mint's to say, and
//! reading tokens is another module's.

use secp256k1::{PublicKey, Scalar, SecretKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::hex;

/// Why a proof is not taken as signed by the mint.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CashuError {
    #[error("the {0} is no compressed point of the curve")]
    Point(&'static str),
    #[error("the {0} is no number below the curve's order, or is zero")]
    Scalar(&'static str),
    #[error("the message has no point on the curve")]
    NoPoint,
    #[error("the proof carries no blinding factor")]
    NoBlindingFactor,
    #[error("the mint did not sign this with its public key")]
    NotSigned,
}

/// A point of the curve, as NUT-00 writes it: 33 bytes, compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point(PublicKey);

impl Point {
    /// Reads 33 bytes; `name` is for the error.
    ///
    /// # Errors
    /// `Point`.
    pub fn from_bytes(bytes: &[u8; 33], name: &'static str) -> Result<Point, CashuError> {
        let point = PublicKey::from_byte_array_compressed(*bytes);
        point.map(Point).map_err(|_| CashuError::Point(name))
    }

    /// Reads 66 characters of lower-case hex; `name` is for the error.
    ///
    /// # Errors
    /// `Point`.
    pub fn from_hex(text: &str, name: &'static str) -> Result<Point, CashuError> {
        Point::from_bytes(&hex::decode(text).ok_or(CashuError::Point(name))?, name)
    }

    /// The 33 bytes.
    pub fn to_bytes(self) -> [u8; 33] {
        self.0.serialize()
    }

    fn times(self, scalar: &Scalar) -> Result<Point, CashuError> {
        self.0.mul_tweak(scalar).map(Point).map_err(|_| CashuError::NotSigned)
    }

    fn plus(self, other: Point) -> Result<Point, CashuError> {
        self.0.combine(&other.0).map(Point).map_err(|_| CashuError::NotSigned)
    }

    fn minus(self, other: Point) -> Result<Point, CashuError> {
        self.plus(Point(other.0.negate()))
    }
}

/// The proof that one secret number makes the mint's public key and its blind signature.
///
/// No `Debug`: who knows `r` can tell the mint whose coin it was.
#[derive(Clone)]
pub struct Dleq {
    pub e: [u8; 32],
    pub s: [u8; 32],
    /// The blinding factor, in proofs that were passed on.
    pub r: Option<Zeroizing<[u8; 32]>>,
}

/// The point of a message (NUT-00 `hash_to_curve`).
///
/// # Errors
/// `NoPoint` if 65,536 counters give none, which no message is known to do.
pub fn hash_to_curve(message: &[u8]) -> Result<Point, CashuError> {
    const DOMAIN: &[u8] = b"Secp256k1_HashToCurve_Cashu_";
    let hash = Sha256::new().chain_update(DOMAIN).chain_update(message).finalize();
    for counter in 0..=u32::from(u16::MAX) {
        let x = Sha256::new()
            .chain_update(hash)
            .chain_update(counter.to_le_bytes())
            .finalize();
        let mut bytes = [2; 33];
        bytes.iter_mut().skip(1).zip(x).for_each(|(to, from)| *to = from);
        if let Ok(point) = PublicKey::from_byte_array_compressed(bytes) {
            return Ok(Point(point));
        }
    }
    Err(CashuError::NoPoint)
}

/// Checks the DLEQ of a mint's answer (NUT-12, "Alice"): `signature` on `blinded` under `mint_key`.
///
/// # Errors
/// `NotSigned` if it does not hold; `Scalar` if it is malformed.
pub fn verify_blind_signature(
    mint_key: &Point,
    blinded: &Point,
    signature: &Point,
    dleq: &Dleq,
) -> Result<(), CashuError> {
    let e = scalar(&dleq.e, "challenge")?;
    let s = nonzero(&dleq.s, "response")?;
    let r1 = Point(PublicKey::from_secret_key(&s)).minus(mint_key.times(&e)?)?;
    let r2 = blinded.times(&Scalar::from(s))?.minus(signature.times(&e)?)?;
    let expected = hash_e(&[&r1, &r2, mint_key, signature]);
    if bool::from(expected.ct_eq(&dleq.e)) {
        Ok(())
    } else {
        Err(CashuError::NotSigned)
    }
}

/// Checks the DLEQ of a proof that somebody passed on (NUT-12, "Carol").
///
/// `secret` is the proof's secret as its JSON has it, `signature` its `C`, `mint_key` the key of
/// the proof's keyset and amount.
///
/// # Errors
/// `NoBlindingFactor` without `r`; `NotSigned` if it does not hold; `Scalar` if it is malformed.
pub fn verify_proof(mint_key: &Point, secret: &str, signature: &Point, dleq: &Dleq) -> Result<(), CashuError> {
    let r = dleq.r.as_ref().ok_or(CashuError::NoBlindingFactor)?;
    let mut r = nonzero(r, "blinding factor")?;
    let blinded = hash_to_curve(secret.as_bytes())?.plus(Point(PublicKey::from_secret_key(&r)))?;
    let mut r_scalar = Scalar::from(r);
    r.non_secure_erase();
    let blind_signature = signature.plus(mint_key.times(&r_scalar)?);
    r_scalar.non_secure_erase();
    verify_blind_signature(mint_key, &blinded, &blind_signature?, dleq)
}

/// NUT-12's hash: over the points' uncompressed form, in hex.
fn hash_e(points: &[&Point]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for point in points {
        hash.update(hex::encode(&point.0.serialize_uncompressed()));
    }
    hash.finalize().into()
}

fn scalar(bytes: &[u8; 32], name: &'static str) -> Result<Scalar, CashuError> {
    match Scalar::from_be_bytes(*bytes) {
        Ok(scalar) if scalar != Scalar::ZERO => Ok(scalar),
        _ => Err(CashuError::Scalar(name)),
    }
}

fn nonzero(bytes: &[u8; 32], name: &'static str) -> Result<SecretKey, CashuError> {
    SecretKey::from_secret_bytes(*bytes).map_err(|_| CashuError::Scalar(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::testing::Random;
    use serde_json::Value;

    fn nut00() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/nut00.json")).unwrap()
    }

    fn nut12() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/nut12.json")).unwrap()
    }

    fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
        vector[member].as_str().unwrap()
    }

    fn bytes(vector: &Value, member: &str) -> [u8; 32] {
        hex::decode(text(vector, member)).unwrap()
    }

    fn point(vector: &Value, member: &'static str) -> Point {
        Point::from_hex(text(vector, member), member).unwrap()
    }

    fn dleq(vector: &Value) -> Dleq {
        Dleq {
            e: bytes(vector, "e"),
            s: bytes(vector, "s"),
            r: vector.get("r").map(|_| Zeroizing::new(bytes(vector, "r"))),
        }
    }

    #[test]
    fn messages_hash_to_the_points_of_nut_00() {
        let file = nut00();
        let vectors = file["hash_to_curve"].as_array().unwrap();
        assert_eq!(vectors.len(), 3);
        for vector in vectors {
            let hashed = hash_to_curve(&bytes(vector, "message")).unwrap();
            assert_eq!(hex::encode(&hashed.to_bytes()), text(vector, "point"));
        }
    }

    #[test]
    fn blinding_and_signing_reach_the_points_of_nut_00() {
        let file = nut00();
        for vector in file["blinded_messages"].as_array().unwrap() {
            let r = nonzero(&bytes(vector, "r"), "r").unwrap();
            let y = hash_to_curve(&bytes(vector, "x")).unwrap();
            let blinded = y.plus(Point(PublicKey::from_secret_key(&r))).unwrap();
            assert_eq!(blinded, point(vector, "B_"));
        }
        for vector in file["blind_signatures"].as_array().unwrap() {
            let k = scalar(&bytes(vector, "k"), "k").unwrap();
            assert_eq!(point(vector, "B_").times(&k), Ok(point(vector, "C_")));
        }
    }

    #[test]
    fn the_hash_of_nut_12() {
        let file = nut12();
        let vector = &file["hash_e"];
        let points = ["R1", "R2", "K", "C_"].map(|member| point(vector, member));
        let hash = hash_e(&points.each_ref());
        assert_eq!(hex::encode(&hash), text(vector, "hash"));
    }

    #[test]
    fn the_blind_signatures_of_nut_12_hold() {
        let file = nut12();
        for name in ["blind_signature", "deterministic"] {
            let vector = &file[name];
            let (key, blinded, signature) = (point(vector, "A"), point(vector, "B_"), point(vector, "C_"));
            let verdict = verify_blind_signature(&key, &blinded, &signature, &dleq(vector));
            assert_eq!(verdict, Ok(()), "{name}");
            let verdict = verify_blind_signature(&key, &signature, &hash_to_curve(b"x").unwrap(), &dleq(vector));
            assert_eq!(verdict, Err(CashuError::NotSigned), "{name}");
        }
    }

    #[test]
    fn the_proof_of_nut_12_holds_and_no_changed_part_does() {
        let file = nut12();
        let vector = &file["proof"];
        let (key, secret, signature) = (point(vector, "A"), text(vector, "secret"), point(vector, "C"));
        let good = dleq(vector);
        assert_eq!(verify_proof(&key, secret, &signature, &good), Ok(()));
        let other = hash_to_curve(b"other").unwrap();
        let not_signed = Err(CashuError::NotSigned);
        assert_eq!(verify_proof(&other, secret, &signature, &good), not_signed);
        assert_eq!(verify_proof(&key, secret, &other, &good), not_signed);
        assert_eq!(verify_proof(&key, &secret[1..], &signature, &good), not_signed);
        let changed = |change: fn(&mut Dleq)| {
            let mut dleq = good.clone();
            change(&mut dleq);
            verify_proof(&key, secret, &signature, &dleq)
        };
        assert_eq!(changed(|dleq| dleq.e[31] ^= 1), not_signed);
        assert_eq!(changed(|dleq| dleq.s[31] ^= 1), not_signed);
        assert_eq!(changed(|dleq| dleq.r.as_mut().unwrap()[31] ^= 1), not_signed);
        assert_eq!(changed(|dleq| dleq.r = None), Err(CashuError::NoBlindingFactor));
        assert_eq!(changed(|dleq| dleq.e = [0; 32]), Err(CashuError::Scalar("challenge")));
        assert_eq!(changed(|dleq| dleq.s = [0xff; 32]), Err(CashuError::Scalar("response")));
        assert_eq!(
            changed(|dleq| dleq.r = Some(Zeroizing::new([0; 32]))),
            Err(CashuError::Scalar("blinding factor"))
        );
    }

    #[test]
    fn sums_that_vanish_are_refused_and_do_not_trip() {
        // C = -rA makes C' the point at infinity.
        let file = nut12();
        let vector = &file["proof"];
        let key = point(vector, "A");
        let r = scalar(&bytes(vector, "r"), "r").unwrap();
        let signature = Point(key.times(&r).unwrap().0.negate());
        let verdict = verify_proof(&key, text(vector, "secret"), &signature, &dleq(vector));
        assert_eq!(verdict, Err(CashuError::NotSigned));
    }

    #[test]
    fn what_is_no_point_is_refused_by_name() {
        for text in [
            "",
            "02",
            &"0".repeat(66),
            &format!("05{}", "1".repeat(64)),
            &"f".repeat(66),
        ] {
            assert_eq!(Point::from_hex(text, "C"), Err(CashuError::Point("C")), "{text}");
        }
    }

    #[test]
    fn random_proofs_never_hold_and_never_trip() {
        let mut random = Random(12);
        let key = hash_to_curve(b"mint").unwrap();
        for _ in 0..200 {
            let dleq = Dleq {
                e: random.array(),
                s: random.array(),
                r: Some(Zeroizing::new(random.array())),
            };
            let signature = hash_to_curve(&random.array::<9>()).unwrap();
            assert!(verify_proof(&key, &random.text("ab", 20), &signature, &dleq).is_err());
            let bytes = random.array();
            if let Ok(point) = Point::from_bytes(&bytes, "C") {
                assert_eq!(point.to_bytes(), bytes);
            }
        }
    }
}
