//! Secret keys: reading, signing (BIP-340) and the shared point of two keys (ECDH).
//!
//! The only type that holds a user's secret. It is wiped on drop, prints nothing, and
//! draws no randomness: what BIP-340 calls auxiliary randomness is an argument.

use std::fmt;

use secp256k1::{Keypair, PublicKey, XOnlyPublicKey, ecdh, schnorr};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::event::{EventId, Pubkey, RawEvent, Signature, UnsignedEvent};
use super::hex;
use super::nip19::{self, Nip19Error};

/// A secp256k1 secret key, from 1 to the curve's order less 1.
pub struct SecretKey {
    bytes: Zeroizing<[u8; 32]>,
    pubkey: Pubkey,
}

/// Why a key cannot be read or used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    #[error("not a secret key: neither 64 characters of lower-case hex nor an nsec")]
    Malformed,
    #[error("not an nsec: {0}")]
    Nsec(#[from] Nip19Error),
    #[error("the number is no secret key of the curve")]
    OutOfRange,
    #[error("the public key is no point of the curve")]
    NoPoint,
    #[error("the event names another author than this key")]
    OtherAuthor,
}

impl SecretKey {
    /// Takes 32 big-endian bytes.
    ///
    /// # Errors
    /// `OutOfRange` for zero and for the curve's order and above.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<SecretKey, KeyError> {
        let bytes = Zeroizing::new(bytes);
        let mut pair = Keypair::from_secret_bytes(*bytes).map_err(|_| KeyError::OutOfRange)?;
        let pubkey = Pubkey(pair.x_only_public_key().0.to_byte_array());
        pair.non_secure_erase();
        Ok(SecretKey { bytes, pubkey })
    }

    /// Reads 64 characters of lower-case hex.
    ///
    /// # Errors
    /// `Malformed`, `OutOfRange`.
    pub fn from_hex(text: &str) -> Result<SecretKey, KeyError> {
        SecretKey::from_bytes(hex::decode(text).ok_or(KeyError::Malformed)?)
    }

    /// Reads an `nsec` (NIP-19), of either case.
    ///
    /// # Errors
    /// `Nsec` if the text is no bech32; `Malformed` if it is another entity; `OutOfRange`.
    pub fn from_nsec(text: &str) -> Result<SecretKey, KeyError> {
        let (prefix, bytes) = nip19::decode_bech32(text)?;
        if prefix != "nsec" {
            return Err(KeyError::Malformed);
        }
        SecretKey::from_bytes(bytes.as_slice().try_into().map_err(|_| KeyError::Malformed)?)
    }

    /// Reads what a person may paste: hex or `nsec`, white space around it ignored.
    ///
    /// # Errors
    /// As `from_hex` and `from_nsec`.
    pub fn parse(text: &str) -> Result<SecretKey, KeyError> {
        let text = text.trim();
        match text.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("nsec1") => SecretKey::from_nsec(text),
            _ => SecretKey::from_hex(text),
        }
    }

    /// The public key, x-only.
    pub fn pubkey(&self) -> Pubkey {
        self.pubkey
    }

    /// The key as `nsec`, to show to its owner and nobody else.
    ///
    /// # Errors
    /// None in practice: the length is fixed.
    pub fn to_nsec(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(Zeroizing::new(nip19::encode_bech32("nsec", &*self.bytes)?))
    }

    /// The bare number, big-endian, for encryption at rest (NIP-49).
    pub(super) fn secret_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Signs `event` (NIP-01).
    ///
    /// `aux` is fresh randomness (BIP-340): any value gives a valid signature, a random one
    /// also guards the key against faults and side channels.
    ///
    /// # Errors
    /// `OtherAuthor` if the event's `pubkey` is not this key's: its signature would not hold.
    pub fn sign(&self, event: &UnsignedEvent, aux: [u8; 32]) -> Result<RawEvent, KeyError> {
        if event.pubkey != self.pubkey {
            return Err(KeyError::OtherAuthor);
        }
        let sig = self.sign_id(&event.id(), aux)?;
        Ok(event.clone().with_signature(sig))
    }

    /// Signs an event's id. `aux` as in `sign`.
    ///
    /// # Errors
    /// None in practice: the key was checked when it was read.
    pub fn sign_id(&self, id: &EventId, aux: [u8; 32]) -> Result<Signature, KeyError> {
        let mut pair = Keypair::from_secret_bytes(*self.bytes).map_err(|_| KeyError::OutOfRange)?;
        let sig = schnorr::sign_with_aux_rand(&id.0, &pair, &aux);
        pair.non_secure_erase();
        Ok(Signature(sig.to_byte_array()))
    }

    /// The x coordinate, unhashed, of the point this key shares with `pubkey` (NIP-04, NIP-44).
    ///
    /// # Errors
    /// `NoPoint` if `pubkey` is not on the curve.
    pub fn shared_x(&self, pubkey: &Pubkey) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let theirs = XOnlyPublicKey::from_byte_array(pubkey.0).map_err(|_| KeyError::NoPoint)?;
        let theirs = PublicKey::from_x_only_public_key(theirs, secp256k1::Parity::Even);
        let mut ours = secp256k1::SecretKey::from_secret_bytes(*self.bytes).map_err(|_| KeyError::OutOfRange)?;
        let point = Zeroizing::new(ecdh::shared_secret_point(&theirs, &ours));
        ours.non_secure_erase();
        let mut x = Zeroizing::new([0; 32]);
        x.iter_mut().zip(point.iter()).for_each(|(to, from)| *to = *from);
        Ok(x)
    }
}

impl Clone for SecretKey {
    fn clone(&self) -> SecretKey {
        SecretKey {
            bytes: self.bytes.clone(),
            pubkey: self.pubkey,
        }
    }
}

/// Overwrites the key at once, for a logout that cannot wait for the drop; it signs nothing afterwards.
impl Zeroize for SecretKey {
    fn zeroize(&mut self) {
        self.bytes.zeroize();
    }
}

/// Says whose key it is; never the key.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.pubkey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::kind::Kind;
    use crate::nostr::schnorr::verify;
    use crate::nostr::testing::Random;
    use crate::time::UnixSeconds;

    const NSEC: &str = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";
    const HEX: &str = "67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa";

    struct Row {
        secret: String,
        pubkey: String,
        aux: String,
        message: Vec<u8>,
        signature: [u8; 64],
        valid: bool,
    }

    fn rows() -> Vec<Row> {
        let file = include_str!("../../tests/vectors/bip340-test-vectors.csv");
        file.lines()
            .skip(1)
            .map(|line| {
                let field: Vec<&str> = line.split(',').collect();
                Row {
                    secret: field[1].to_lowercase(),
                    pubkey: field[2].to_lowercase(),
                    aux: field[3].to_lowercase(),
                    message: data_encoding::HEXUPPER.decode(field[4].as_bytes()).unwrap(),
                    signature: hex::decode(&field[5].to_lowercase()).unwrap(),
                    valid: field[6] == "TRUE",
                }
            })
            .collect()
    }

    #[test]
    fn every_row_of_bip_340_verifies_as_it_says() {
        let rows = rows();
        assert_eq!(rows.len(), 19);
        let mut of_32_bytes = 0;
        for (n, row) in rows.iter().enumerate() {
            let pubkey = Pubkey::from_hex(&row.pubkey).unwrap();
            let sig = Signature(row.signature);
            let verdict = match <[u8; 32]>::try_from(row.message.as_slice()) {
                Ok(message) => {
                    of_32_bytes += 1;
                    verify(&EventId(message), &pubkey, &sig)
                }
                Err(_) => XOnlyPublicKey::from_byte_array(pubkey.0).is_ok_and(|key| {
                    schnorr::verify(&schnorr::Signature::from_byte_array(sig.0), &row.message, &key).is_ok()
                }),
            };
            assert_eq!(verdict, row.valid, "row {n}");
        }
        assert_eq!(of_32_bytes, 15);
    }

    #[test]
    fn every_row_of_bip_340_with_a_secret_key_signs_to_the_same_bytes() {
        let mut signed = 0;
        for (n, row) in rows().iter().enumerate().filter(|(_, row)| !row.secret.is_empty()) {
            let key = SecretKey::from_hex(&row.secret).unwrap();
            assert_eq!(key.pubkey().to_string(), row.pubkey, "row {n}");
            let aux: [u8; 32] = hex::decode(&row.aux).unwrap();
            let sig = match <[u8; 32]>::try_from(row.message.as_slice()) {
                Ok(message) => key.sign_id(&EventId(message), aux).unwrap().0,
                Err(_) => {
                    let pair = Keypair::from_secret_bytes(*key.bytes).unwrap();
                    schnorr::sign_with_aux_rand(&row.message, &pair, &aux).to_byte_array()
                }
            };
            assert_eq!(sig, row.signature, "row {n}");
            signed += 1;
        }
        assert_eq!(signed, 8);
    }

    #[test]
    fn hex_and_nsec_are_the_same_key() {
        let key = SecretKey::from_nsec(NSEC).unwrap();
        assert_eq!(
            key.pubkey().to_string(),
            "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e"
        );
        for text in [HEX, NSEC, &NSEC.to_uppercase(), &format!(" {NSEC}\n")] {
            assert_eq!(*SecretKey::parse(text).unwrap().bytes, *key.bytes);
        }
        assert_eq!(key.to_nsec().unwrap().as_str(), NSEC);
    }

    #[test]
    fn what_is_no_key_says_why_and_never_repeats_the_text() {
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for (text, error) in [
            ("", KeyError::Malformed),
            (&HEX[1..], KeyError::Malformed),
            (&HEX.to_uppercase(), KeyError::Malformed),
            ("ééééé", KeyError::Malformed),
            (&"0".repeat(64), KeyError::OutOfRange),
            (order, KeyError::OutOfRange),
            (&NSEC.replace("vl", "vv"), KeyError::Nsec(Nip19Error::Checksum)),
            ("nsec1", KeyError::Nsec(Nip19Error::NotBech32)),
        ] {
            assert_eq!(SecretKey::parse(text).map(|_| ()), Err(error), "{text}");
        }
        let npub = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg";
        assert_eq!(SecretKey::from_nsec(npub).map(|_| ()), Err(KeyError::Malformed));
    }

    #[test]
    fn debug_shows_no_digit_of_the_secret() {
        let shown = format!("{:?}", SecretKey::from_hex(HEX).unwrap());
        assert!(!shown.contains(HEX) && !shown.contains(&HEX[..8]), "{shown}");
    }

    #[test]
    fn a_signed_event_verifies_and_another_authors_event_is_not_signed() {
        let key = SecretKey::from_hex(HEX).unwrap();
        let mut event = UnsignedEvent {
            pubkey: key.pubkey(),
            created_at: UnixSeconds(1),
            kind: Kind::TEXT_NOTE,
            tags: vec![],
            content: "x".into(),
        };
        assert!(key.sign(&event, [7; 32]).unwrap().verify().is_ok());
        assert_ne!(
            key.sign(&event, [7; 32]).unwrap().sig,
            key.sign(&event, [8; 32]).unwrap().sig
        );
        event.pubkey.0[0] ^= 1;
        assert_eq!(key.sign(&event, [7; 32]), Err(KeyError::OtherAuthor));
    }

    #[test]
    fn both_sides_share_one_point() {
        let mut random = Random(340);
        for _ in 0..50 {
            let a = SecretKey::from_bytes(random.array()).unwrap();
            let b = SecretKey::from_bytes(random.array()).unwrap();
            assert_eq!(a.shared_x(&b.pubkey()), b.shared_x(&a.pubkey()));
        }
        let key = SecretKey::from_bytes([1; 32]).unwrap();
        assert_eq!(key.shared_x(&Pubkey([0xff; 32])), Err(KeyError::NoPoint));
    }

    #[test]
    fn a_wiped_key_signs_nothing() {
        let mut key = SecretKey::from_hex(HEX).unwrap();
        key.zeroize();
        assert_eq!(key.sign_id(&EventId([1; 32]), [0; 32]), Err(KeyError::OutOfRange));
    }

    #[test]
    fn hostile_text_is_no_key_and_never_trips() {
        let mut random = Random(5);
        for _ in 0..5_000 {
            let text = random.text("nsec1qpzry9x8gf2tvdw0s3jn54khce6mua7l", 80);
            assert!(SecretKey::parse(&text).is_err());
            if let Ok(key) = SecretKey::parse(&random.damaged(NSEC)) {
                assert_eq!(*key.bytes, hex::decode(HEX).unwrap());
            }
        }
    }
}
