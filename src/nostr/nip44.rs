//! Encrypted payloads, version 2 (NIP-44): ECDH, HKDF, padding, ChaCha20, HMAC-SHA256, base64.
//!
//! The event that carries a payload must have been verified before it is decrypted here.
//! The nonce is an argument; it must be random and never used twice.

use std::fmt;

use base64ct::{Base64, Encoding};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::event::Pubkey;
use super::keys::{KeyError, SecretKey};

/// The longest plaintext read or written, in bytes.
///
/// The NIP allows 4 GiB and asks each implementation for a bound of its own. No event
/// of this engine is over 256 KiB; the rest is room for callers outside events.
pub const MAX_PLAINTEXT_BYTES: usize = 1024 * 1024;

/// The longest payload looked at, in characters: base64 of the largest padded plaintext.
pub const MAX_PAYLOAD_CHARACTERS: usize = (OVERHEAD + LONG_PREFIX + MAX_PLAINTEXT_BYTES).div_ceil(3) * 4;

const VERSION: u8 = 2;
const NONCE: usize = 32;
const MAC: usize = 32;
const OVERHEAD: usize = 1 + NONCE + MAC;
const SHORT_PREFIX: usize = 2;
const LONG_PREFIX: usize = 6;
/// From this length on the plaintext's length takes six bytes: two of zero and a `u32`.
const LONG_FROM: usize = 65_536;
const MIN_PAYLOAD_CHARACTERS: usize = 132;
const MIN_PAYLOAD_BYTES: usize = 99;

/// Why a text cannot be encrypted or a payload not decrypted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Nip44Error {
    #[error("the plaintext is empty or longer than {MAX_PLAINTEXT_BYTES} bytes")]
    PlaintextLength,
    #[error("the payload has an impossible length")]
    PayloadLength,
    #[error("the payload is no base64")]
    Base64,
    /// `None`: the payload is marked as not being base64.
    #[error("the encryption version is not supported")]
    UnknownVersion(Option<u8>),
    #[error("the payload was changed or is for another key")]
    Mac,
    #[error("the padding is wrong")]
    Padding,
    #[error("the plaintext is no text")]
    Utf8,
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The long-term key between two users, the same from either side. Wiped on drop, prints nothing.
#[derive(Clone)]
pub struct ConversationKey(Zeroizing<[u8; 32]>);

impl ConversationKey {
    /// The key between the owner of `secret` and `pubkey`.
    ///
    /// # Errors
    /// `Key` if `pubkey` is no point of the curve.
    pub fn derive(secret: &SecretKey, pubkey: &Pubkey) -> Result<ConversationKey, Nip44Error> {
        let shared_x = secret.shared_x(pubkey)?;
        let (key, _) = Hkdf::<Sha256>::extract(Some(b"nip44-v2"), &*shared_x);
        Ok(ConversationKey(Zeroizing::new(key.into())))
    }

    /// Takes a key that was derived elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> ConversationKey {
        ConversationKey(Zeroizing::new(bytes))
    }

    /// The bare key, to compare with another implementation's.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConversationKey")
    }
}

/// Encrypts `plaintext` into a payload, base64. `nonce` is fresh randomness.
///
/// # Errors
/// `PlaintextLength` if there is nothing to encrypt, or more than 1 MiB.
pub fn encrypt(key: &ConversationKey, nonce: [u8; 32], plaintext: &str) -> Result<String, Nip44Error> {
    let keys = MessageKeys::derive(key, &nonce)?;
    let mut payload = Zeroizing::new(Vec::new());
    pad_into(&mut payload, &nonce, plaintext.as_bytes())?;
    // Version and nonce lead and stay in clear.
    let padded = payload.get_mut(1 + NONCE..).unwrap_or_default();
    keys.cipher().apply_keystream(padded);
    let mac = keys.mac(&nonce, padded)?;
    payload.extend_from_slice(&mac);
    Ok(Base64::encode_string(&payload))
}

/// Decrypts a payload.
///
/// # Errors
/// Says which of the NIP's checks failed. `Mac` is what the wrong key gives.
pub fn decrypt(key: &ConversationKey, payload: &str) -> Result<String, Nip44Error> {
    let payload = decode_payload(payload)?;
    let (head, mac) = payload.split_last_chunk::<MAC>().ok_or(Nip44Error::PayloadLength)?;
    let head = head.get(1..).ok_or(Nip44Error::PayloadLength)?;
    let (nonce, ciphertext) = head.split_first_chunk::<NONCE>().ok_or(Nip44Error::PayloadLength)?;
    let keys = MessageKeys::derive(key, nonce)?;
    if !bool::from(keys.mac(nonce, ciphertext)?.ct_eq(mac)) {
        return Err(Nip44Error::Mac);
    }
    let mut padded = Zeroizing::new(ciphertext.to_vec());
    keys.cipher().apply_keystream(&mut padded);
    let plaintext = std::str::from_utf8(unpad(&padded)?).map_err(|_| Nip44Error::Utf8)?;
    Ok(plaintext.to_owned())
}

/// The length that a plaintext of `length` bytes is padded to, its prefix not counted.
pub fn padded_length(length: u64) -> u64 {
    if length <= 32 {
        return 32;
    }
    let next_power = 1u64 << (u64::BITS - (length - 1).leading_zeros()).min(63);
    let chunk = if next_power <= 256 { 32 } else { next_power / 8 };
    chunk.saturating_mul((length - 1) / chunk + 1)
}

/// The keys of one message, from the conversation's key and the message's nonce.
struct MessageKeys {
    chacha_key: Zeroizing<[u8; 32]>,
    chacha_nonce: [u8; 12],
    hmac_key: Zeroizing<[u8; 32]>,
}

impl MessageKeys {
    fn derive(key: &ConversationKey, nonce: &[u8; NONCE]) -> Result<MessageKeys, Nip44Error> {
        // The lengths are fixed, so that neither step can fail; a mistake here would read as a bad MAC.
        let hkdf = Hkdf::<Sha256>::from_prk(&*key.0).map_err(|_| Nip44Error::Mac)?;
        let mut okm = Zeroizing::new([0u8; 76]);
        hkdf.expand(nonce, &mut *okm).map_err(|_| Nip44Error::Mac)?;
        let mut keys = MessageKeys {
            chacha_key: Zeroizing::new([0; 32]),
            chacha_nonce: [0; 12],
            hmac_key: Zeroizing::new([0; 32]),
        };
        let into = keys
            .chacha_key
            .iter_mut()
            .chain(&mut keys.chacha_nonce)
            .chain(keys.hmac_key.iter_mut());
        into.zip(okm.iter()).for_each(|(to, from)| *to = *from);
        Ok(keys)
    }

    fn cipher(&self) -> ChaCha20 {
        ChaCha20::new((&*self.chacha_key).into(), (&self.chacha_nonce).into())
    }

    fn mac(&self, nonce: &[u8; NONCE], ciphertext: &[u8]) -> Result<[u8; MAC], Nip44Error> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&*self.hmac_key).map_err(|_| Nip44Error::Mac)?;
        hmac.update(nonce);
        hmac.update(ciphertext);
        Ok(hmac.finalize().into_bytes().into())
    }
}

/// Writes version, nonce, length prefix, plaintext and padding, with room for the MAC.
fn pad_into(payload: &mut Vec<u8>, nonce: &[u8; NONCE], plaintext: &[u8]) -> Result<(), Nip44Error> {
    let length = plaintext.len();
    if length == 0 || length > MAX_PLAINTEXT_BYTES {
        return Err(Nip44Error::PlaintextLength);
    }
    let prefix = if length < LONG_FROM { SHORT_PREFIX } else { LONG_PREFIX };
    let padded = usize::try_from(padded_length(length as u64)).map_err(|_| Nip44Error::PlaintextLength)?;
    // Reserved at once, so that growing leaves no copies of the plaintext behind.
    payload.reserve_exact(OVERHEAD + prefix + padded);
    payload.push(VERSION);
    payload.extend_from_slice(nonce);
    match u16::try_from(length) {
        Ok(short) => payload.extend_from_slice(&short.to_be_bytes()),
        Err(_) => {
            let long = u32::try_from(length).map_err(|_| Nip44Error::PlaintextLength)?;
            payload.extend_from_slice(&[0, 0]);
            payload.extend_from_slice(&long.to_be_bytes());
        }
    }
    payload.extend_from_slice(plaintext);
    payload.resize(1 + NONCE + prefix + padded, 0);
    Ok(())
}

fn unpad(padded: &[u8]) -> Result<&[u8], Nip44Error> {
    let (short, rest) = padded.split_first_chunk().ok_or(Nip44Error::Padding)?;
    let (length, rest) = match u16::from_be_bytes(*short) {
        0 => {
            let (long, rest) = rest.split_first_chunk().ok_or(Nip44Error::Padding)?;
            let length = u32::from_be_bytes(*long) as usize;
            if length < LONG_FROM {
                return Err(Nip44Error::Padding);
            }
            (length, rest)
        }
        length => (usize::from(length), rest),
    };
    let plaintext = rest.get(..length).ok_or(Nip44Error::Padding)?;
    if rest.len() as u64 != padded_length(length as u64) {
        return Err(Nip44Error::Padding);
    }
    Ok(plaintext)
}

fn decode_payload(payload: &str) -> Result<Vec<u8>, Nip44Error> {
    if payload.starts_with('#') {
        return Err(Nip44Error::UnknownVersion(None));
    }
    if !(MIN_PAYLOAD_CHARACTERS..=MAX_PAYLOAD_CHARACTERS).contains(&payload.len()) {
        return Err(Nip44Error::PayloadLength);
    }
    let bytes = Base64::decode_vec(payload).map_err(|_| Nip44Error::Base64)?;
    if bytes.len() < MIN_PAYLOAD_BYTES {
        return Err(Nip44Error::PayloadLength);
    }
    match bytes.first() {
        Some(&VERSION) => Ok(bytes),
        Some(&version) => Err(Nip44Error::UnknownVersion(Some(version))),
        None => Err(Nip44Error::PayloadLength),
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;
    use crate::nostr::hex;
    use crate::nostr::testing::Random;
    use serde_json::Value;
    use sha2::Digest;

    fn official() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/nip44.vectors.json")).unwrap()
    }

    fn of_nostr_tools() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/nip44.vectors.nostr-tools.json")).unwrap()
    }

    fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
        vector[member]
            .as_str()
            .unwrap_or_else(|| panic!("{member} in {vector}"))
    }

    fn bytes<const N: usize>(vector: &Value, member: &str) -> [u8; N] {
        hex::decode(text(vector, member)).unwrap()
    }

    fn key(vector: &Value) -> ConversationKey {
        ConversationKey::from_bytes(bytes(vector, "conversation_key"))
    }

    fn list<'a>(file: &'a Value, section: &str, name: &str) -> &'a Vec<Value> {
        file["v2"][section][name].as_array().unwrap()
    }

    fn sha256(text: &str) -> String {
        hex::encode(&Sha256::digest(text))
    }

    #[test]
    fn the_official_file_is_the_one_the_nip_names() {
        assert_eq!(
            sha256(include_str!("../../tests/vectors/nip44.vectors.json")),
            "269ed0f69e4c192512cc779e78c555090cebc7c785b609e338a62afc3ce25040"
        );
    }

    #[test]
    fn valid_conversation_keys() {
        for file in [official(), of_nostr_tools()] {
            let vectors = list(&file, "valid", "get_conversation_key");
            assert_eq!(vectors.len(), 35);
            for vector in vectors {
                let secret = SecretKey::from_hex(text(vector, "sec1")).unwrap();
                let derived = ConversationKey::derive(&secret, &Pubkey(bytes(vector, "pub2"))).unwrap();
                assert_eq!(*derived.as_bytes(), bytes(vector, "conversation_key"), "{vector}");
            }
        }
    }

    #[test]
    fn valid_message_keys() {
        for file in [official(), of_nostr_tools()] {
            let section = &file["v2"]["valid"]["get_message_keys"];
            let vectors = section["keys"].as_array().unwrap();
            assert_eq!(vectors.len(), 32);
            for vector in vectors {
                let keys = MessageKeys::derive(&key(section), &bytes(vector, "nonce")).unwrap();
                assert_eq!(*keys.chacha_key, bytes(vector, "chacha_key"));
                assert_eq!(keys.chacha_nonce, bytes(vector, "chacha_nonce"));
                assert_eq!(*keys.hmac_key, bytes(vector, "hmac_key"));
            }
        }
    }

    #[test]
    fn valid_padded_lengths() {
        for file in [official(), of_nostr_tools()] {
            let vectors = list(&file, "valid", "calc_padded_len");
            assert_eq!(vectors.len(), 24);
            for vector in vectors {
                let (length, padded) = (vector[0].as_u64().unwrap(), vector[1].as_u64().unwrap());
                assert_eq!(padded_length(length), padded, "{length}");
            }
        }
        assert_eq!(padded_length(u64::from(u32::MAX)), 1 << 32);
        assert_eq!(padded_length(u64::MAX), u64::MAX);
    }

    #[test]
    fn valid_conversations() {
        for file in [official(), of_nostr_tools()] {
            let vectors = list(&file, "valid", "encrypt_decrypt");
            assert_eq!(vectors.len(), 10);
            for vector in vectors {
                let first = SecretKey::from_hex(text(vector, "sec1")).unwrap();
                let second = SecretKey::from_hex(text(vector, "sec2")).unwrap();
                let there = ConversationKey::derive(&first, &second.pubkey()).unwrap();
                let back = ConversationKey::derive(&second, &first.pubkey()).unwrap();
                assert_eq!(*there.as_bytes(), bytes(vector, "conversation_key"));
                assert_eq!(there.as_bytes(), back.as_bytes());
                let payload = encrypt(&there, bytes(vector, "nonce"), text(vector, "plaintext")).unwrap();
                assert_eq!(payload, text(vector, "payload"));
                assert_eq!(decrypt(&back, &payload).as_deref(), Ok(text(vector, "plaintext")));
            }
        }
    }

    #[test]
    fn valid_long_messages() {
        let file = official();
        let vectors = list(&file, "valid", "encrypt_decrypt_long_msg");
        assert_eq!(vectors.len(), 3);
        for vector in vectors {
            let plaintext = text(vector, "pattern").repeat(vector["repeat"].as_u64().unwrap() as usize);
            assert_eq!(sha256(&plaintext), text(vector, "plaintext_sha256"));
            let payload = encrypt(&key(vector), bytes(vector, "nonce"), &plaintext).unwrap();
            assert_eq!(sha256(&payload), text(vector, "payload_sha256"));
            assert_eq!(decrypt(&key(vector), &payload), Ok(plaintext));
        }
        // The older file repeats a letter of two bytes beyond 65,535 and gives no sum: the way back must hold.
        let file = of_nostr_tools();
        let vector = &list(&file, "valid", "encrypt_decrypt_long_msg")[0];
        let plaintext = text(vector, "letter").repeat(vector["repeat"].as_u64().unwrap() as usize);
        let payload = encrypt(&key(vector), bytes(vector, "nonce"), &plaintext).unwrap();
        assert_eq!(decrypt(&key(vector), &payload), Ok(plaintext));
    }

    #[test]
    fn the_extended_length_prefix() {
        let file: Value = serde_json::from_str(include_str!("../../tests/vectors/nip44-extended.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 3);
        for vector in vectors {
            let plaintext = "a".repeat(vector["plaintext_len"].as_u64().unwrap() as usize);
            assert_eq!(sha256(&plaintext), text(vector, "plaintext_sha256"));
            let payload = encrypt(&key(&file), bytes(&file, "nonce"), &plaintext).unwrap();
            assert_eq!(sha256(&payload), text(vector, "payload_sha256"));
            let prefix = vector["prefix_bytes"].as_u64().unwrap();
            let padded = vector["padded_len"].as_u64().unwrap();
            let length = BASE64.decode(payload.as_bytes()).unwrap().len();
            assert_eq!(length as u64, OVERHEAD as u64 + prefix + padded);
            assert_eq!(decrypt(&key(&file), &payload), Ok(plaintext));
        }
    }

    #[test]
    fn invalid_plaintext_lengths() {
        let key = ConversationKey::from_bytes([1; 32]);
        for file in [official(), of_nostr_tools()] {
            for length in list(&file, "invalid", "encrypt_msg_lengths") {
                let length = length.as_u64().unwrap() as usize;
                let result = encrypt(&key, [0; 32], &"x".repeat(length));
                match length {
                    // Listed when 65,535 was the most; the extended prefix made them valid.
                    65_536 | 100_000 => assert!(result.is_ok()),
                    _ => assert_eq!(result, Err(Nip44Error::PlaintextLength), "{length}"),
                }
            }
        }
    }

    #[test]
    fn the_longest_plaintext_is_read_back_and_one_byte_more_is_refused() {
        let key = ConversationKey::from_bytes([1; 32]);
        let longest = "x".repeat(MAX_PLAINTEXT_BYTES);
        let payload = encrypt(&key, [0; 32], &longest).unwrap();
        assert_eq!(payload.len(), MAX_PAYLOAD_CHARACTERS);
        assert_eq!(decrypt(&key, &payload), Ok(longest.clone()));
        assert_eq!(
            encrypt(&key, [0; 32], &(longest + "x")),
            Err(Nip44Error::PlaintextLength)
        );
        assert_eq!(decrypt(&key, &(payload + "AAAA")), Err(Nip44Error::PayloadLength));
    }

    #[test]
    fn invalid_conversation_keys() {
        for file in [official(), of_nostr_tools()] {
            let vectors = list(&file, "invalid", "get_conversation_key");
            assert_eq!(vectors.len(), 8);
            for vector in vectors {
                let derived = SecretKey::from_hex(text(vector, "sec1"))
                    .map_err(Nip44Error::from)
                    .and_then(|secret| ConversationKey::derive(&secret, &Pubkey(bytes(vector, "pub2"))));
                let expected = match text(vector, "note") {
                    note if note.starts_with("sec1") => KeyError::OutOfRange,
                    _ => KeyError::NoPoint,
                };
                assert_eq!(derived.map(|_| ()), Err(Nip44Error::Key(expected)), "{vector}");
            }
        }
    }

    #[test]
    fn invalid_payloads() {
        for (file, count) in [(official(), 12), (of_nostr_tools(), 8)] {
            let vectors = list(&file, "invalid", "decrypt");
            assert_eq!(vectors.len(), count);
            for vector in vectors {
                let expected = match text(vector, "note") {
                    "unknown encryption version" => Nip44Error::UnknownVersion(None),
                    "unknown encryption version 0" => Nip44Error::UnknownVersion(Some(0)),
                    "invalid base64" => Nip44Error::Base64,
                    "invalid MAC" => Nip44Error::Mac,
                    "invalid padding" => Nip44Error::Padding,
                    note if note.starts_with("invalid payload length") => Nip44Error::PayloadLength,
                    other => panic!("{other}"),
                };
                let result = decrypt(&key(vector), text(vector, "payload"));
                assert_eq!(result, Err(expected), "{vector}");
            }
        }
    }

    #[test]
    fn invalid_payload_lengths() {
        let file = of_nostr_tools();
        let lengths = list(&file, "invalid", "decrypt_msg_lengths");
        assert_eq!(lengths.len(), 9);
        for length in lengths {
            let payload = BASE64.encode(&vec![VERSION; length.as_u64().unwrap() as usize]);
            let result = decrypt(&ConversationKey::from_bytes([1; 32]), &payload);
            assert_eq!(result, Err(Nip44Error::PayloadLength), "{length}");
        }
    }

    #[test]
    fn a_length_that_fits_two_bytes_may_not_be_written_in_six() {
        let mut padded = vec![0, 0, 0, 0, 0, 5];
        padded.resize(6 + 32, b'x');
        assert_eq!(unpad(&padded), Err(Nip44Error::Padding));
        assert_eq!(unpad(&[0, 0, 0xff, 0xff, 0xff, 0xff]), Err(Nip44Error::Padding));
        assert_eq!(unpad(&[0, 0, 1]), Err(Nip44Error::Padding));
        assert_eq!(unpad(&[1]), Err(Nip44Error::Padding));
    }

    #[test]
    fn debug_shows_no_digit_of_the_key() {
        let key = ConversationKey::from_bytes([0x5a; 32]);
        assert_eq!(format!("{key:?}"), "ConversationKey");
    }

    #[test]
    fn random_texts_survive_and_any_flipped_bit_is_noticed() {
        let mut random = Random(44);
        for _ in 0..300 {
            let key = ConversationKey::from_bytes(random.array());
            let plaintext = format!("{}x", random.text("aé🦄\0", 700));
            let payload = encrypt(&key, random.array(), &plaintext).unwrap();
            assert_eq!(decrypt(&key, &payload), Ok(plaintext));
            let mut bytes = BASE64.decode(payload.as_bytes()).unwrap();
            let at = random.below(bytes.len() - 1) + 1;
            bytes[at] ^= 1 << random.below(8);
            assert_eq!(decrypt(&key, &BASE64.encode(&bytes)), Err(Nip44Error::Mac));
        }
    }

    #[test]
    fn hostile_payloads_never_trip() {
        let mut random = Random(2);
        let key = ConversationKey::from_bytes([1; 32]);
        for _ in 0..3_000 {
            assert!(decrypt(&key, &random.text("AgBCD+/=#", 300)).is_err());
            let length = random.below(400);
            let bytes = random.bytes(length);
            assert!(decrypt(&key, &BASE64.encode(&bytes)).is_err());
            // Past the MAC, any padded bytes are the sender's.
            assert!(unpad(&bytes).is_err() || bytes.len() > 32);
        }
    }
}
