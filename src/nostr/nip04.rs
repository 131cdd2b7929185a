//! Direct messages of kind 4 (NIP-04): AES-256-CBC under the shared x coordinate, `base64?iv=base64`.
//!
//! Only for reading and answering old conversations. The format has no authentication: only the
//! event's signature vouches for a message, so the event must have been verified first.

use aes::Aes256;
use base64ct::{Base64, Encoding};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use thiserror::Error;
use zeroize::Zeroizing;

use super::event::Pubkey;
use super::keys::{KeyError, SecretKey};

/// The longest plaintext read or written, in bytes. No event of this engine is over 256 KiB.
pub const MAX_PLAINTEXT_BYTES: usize = 1024 * 1024;

const BLOCK: usize = 16;
const SEPARATOR: &str = "?iv=";
/// The base64 of the largest ciphertext, the separator, and the base64 of the vector.
const MAX_PAYLOAD_CHARACTERS: usize = (MAX_PLAINTEXT_BYTES + BLOCK).div_ceil(3) * 4 + SEPARATOR.len() + 24;

/// Why a text cannot be encrypted or a payload not decrypted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Nip04Error {
    #[error("the text is longer than {MAX_PLAINTEXT_BYTES} bytes")]
    TooLong,
    #[error("the payload has no ?iv= part")]
    NoIv,
    #[error("the initialisation vector is not 16 bytes of base64")]
    Iv,
    #[error("the ciphertext is no base64")]
    Base64,
    #[error("the ciphertext is not made of whole blocks")]
    Blocks,
    /// The padding or the text is wrong. One error for both, so that a caller which passes
    /// it on does not become a padding oracle.
    #[error("the payload was changed or is for another key")]
    Undecryptable,
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Encrypts `plaintext` from the owner of `secret` to `pubkey`. `iv` is fresh randomness.
///
/// # Errors
/// `TooLong` over 1 MiB; `Key` if `pubkey` is no point of the curve.
pub fn encrypt(secret: &SecretKey, pubkey: &Pubkey, iv: [u8; 16], plaintext: &str) -> Result<String, Nip04Error> {
    let length = plaintext.len();
    if length > MAX_PLAINTEXT_BYTES {
        return Err(Nip04Error::TooLong);
    }
    let key = secret.shared_x(pubkey)?;
    let mut buffer = Zeroizing::new(vec![0; length + BLOCK]);
    buffer
        .iter_mut()
        .zip(plaintext.bytes())
        .for_each(|(to, from)| *to = from);
    // There is room for a whole block of padding, the most that PKCS#7 adds.
    let ciphertext = cbc::Encryptor::<Aes256>::new((&*key).into(), (&iv).into())
        .encrypt_padded::<Pkcs7>(&mut buffer, length)
        .map_err(|_| Nip04Error::TooLong)?;
    Ok(format!(
        "{}{SEPARATOR}{}",
        Base64::encode_string(ciphertext),
        Base64::encode_string(&iv)
    ))
}

/// Decrypts a payload between the owner of `secret` and `pubkey`, whichever of them wrote it.
///
/// # Errors
/// Says which part of the payload is malformed; `Undecryptable` is what the wrong key gives.
pub fn decrypt(secret: &SecretKey, pubkey: &Pubkey, payload: &str) -> Result<String, Nip04Error> {
    if payload.len() > MAX_PAYLOAD_CHARACTERS {
        return Err(Nip04Error::TooLong);
    }
    let (ciphertext, iv) = payload.split_once(SEPARATOR).ok_or(Nip04Error::NoIv)?;
    let iv = Base64::decode_vec(iv).map_err(|_| Nip04Error::Iv)?;
    let iv: [u8; BLOCK] = iv.try_into().map_err(|_| Nip04Error::Iv)?;
    let ciphertext = Base64::decode_vec(ciphertext).map_err(|_| Nip04Error::Base64)?;
    if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
        return Err(Nip04Error::Blocks);
    }
    let key = secret.shared_x(pubkey)?;
    let mut buffer = Zeroizing::new(ciphertext);
    let plaintext = cbc::Decryptor::<Aes256>::new((&*key).into(), (&iv).into())
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .map_err(|_| Nip04Error::Undecryptable)?;
    let plaintext = std::str::from_utf8(plaintext).map_err(|_| Nip04Error::Undecryptable)?;
    Ok(plaintext.to_owned())
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;
    use crate::nostr::testing::Random;

    fn pair() -> (SecretKey, SecretKey) {
        let first = "91ba716fa9e7ea2fcbad360cf4f8e0d312f73984da63d90f524ad61a6a1e7dbe";
        let second = "96f6fa197aa07477ab88f6981118466ae3a982faab8ad5db9d5426870c73d220";
        (
            SecretKey::from_hex(first).unwrap(),
            SecretKey::from_hex(second).unwrap(),
        )
    }

    /// What go-nostr and nostr-tools agree on: another implementation's bytes.
    const PAYLOAD: &str = "zJxfaJ32rN5Dg1ODjOlEew==?iv=EV5bUjcc4OX2Km/zPp4ndQ==";

    #[test]
    fn a_payload_of_other_implementations_is_read_and_written() {
        let (first, second) = pair();
        assert_eq!(decrypt(&second, &first.pubkey(), PAYLOAD).as_deref(), Ok("nanana"));
        let iv = BASE64.decode(b"EV5bUjcc4OX2Km/zPp4ndQ==").unwrap().try_into().unwrap();
        let payload = encrypt(&first, &second.pubkey(), iv, "nanana");
        assert_eq!(payload.as_deref(), Ok(PAYLOAD));
    }

    #[test]
    fn texts_of_every_length_round_a_block_come_back() {
        let (first, second) = pair();
        let mut random = Random(4);
        for length in 0..70 {
            let plaintext = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let payload = encrypt(&first, &second.pubkey(), random.array(), &plaintext).unwrap();
            assert_eq!(decrypt(&second, &first.pubkey(), &payload), Ok(plaintext));
        }
    }

    #[test]
    fn odd_payloads_say_what_is_wrong() {
        let (first, second) = pair();
        let iv = "EV5bUjcc4OX2Km/zPp4ndQ==";
        for (payload, error) in [
            ("", Nip04Error::NoIv),
            ("zJxfaJ32rN5Dg1ODjOlEew==", Nip04Error::NoIv),
            ("zJxfaJ32rN5Dg1ODjOlEew==?iv=", Nip04Error::Iv),
            ("zJxfaJ32rN5Dg1ODjOlEew==?iv=AAAA", Nip04Error::Iv),
            ("zJxfaJ32rN5Dg1ODjOlEew==?iv=EV5bUjcc4OX2Km/zPp4ndQ", Nip04Error::Iv),
            (&format!("{PAYLOAD}?iv={iv}"), Nip04Error::Iv),
            (&format!("é?iv={iv}"), Nip04Error::Base64),
            (&format!("?iv={iv}"), Nip04Error::Blocks),
            (&format!("AAAA?iv={iv}"), Nip04Error::Blocks),
            (&format!("AAAAAAAAAAAAAAAAAAAAAA==?iv={iv}"), Nip04Error::Undecryptable),
        ] {
            assert_eq!(decrypt(&second, &first.pubkey(), payload), Err(error), "{payload}");
        }
        assert_eq!(
            decrypt(&second, &Pubkey([0xff; 32]), PAYLOAD),
            Err(Nip04Error::Key(KeyError::NoPoint))
        );
        let other = SecretKey::from_bytes([9; 32]).unwrap();
        assert_eq!(
            decrypt(&other, &first.pubkey(), PAYLOAD),
            Err(Nip04Error::Undecryptable)
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_not_passed_on() {
        let (first, second) = pair();
        let key = first.shared_x(&second.pubkey()).unwrap();
        let mut buffer = [0xff; 16];
        let ciphertext = cbc::Encryptor::<Aes256>::new((&*key).into(), (&[0u8; 16]).into())
            .encrypt_padded::<Pkcs7>(&mut buffer, 3)
            .unwrap();
        let payload = format!("{}?iv={}", BASE64.encode(ciphertext), BASE64.encode(&[0; 16]));
        assert_eq!(
            decrypt(&second, &first.pubkey(), &payload),
            Err(Nip04Error::Undecryptable)
        );
    }

    #[test]
    fn the_longest_text_comes_back_and_one_byte_more_is_refused() {
        let (first, second) = pair();
        let longest = "x".repeat(MAX_PLAINTEXT_BYTES);
        let payload = encrypt(&first, &second.pubkey(), [0; 16], &longest).unwrap();
        assert_eq!(payload.len(), MAX_PAYLOAD_CHARACTERS);
        assert_eq!(decrypt(&second, &first.pubkey(), &payload), Ok(longest.clone()));
        assert_eq!(
            encrypt(&first, &second.pubkey(), [0; 16], &(longest + "x")),
            Err(Nip04Error::TooLong)
        );
        assert_eq!(
            decrypt(&second, &first.pubkey(), &(payload + "A")),
            Err(Nip04Error::TooLong)
        );
    }

    #[test]
    fn hostile_payloads_never_trip() {
        let (first, second) = pair();
        let mut random = Random(3);
        for _ in 0..500 {
            assert!(decrypt(&second, &first.pubkey(), &random.text("aZ+/=?iv", 90)).is_err());
            let blocks = random.below(5) * 16;
            let payload = format!(
                "{}?iv={}",
                BASE64.encode(&random.bytes(blocks)),
                BASE64.encode(&random.array::<16>())
            );
            // Nothing authenticates: noise may by chance be padded text, but no more than a block short.
            if let Ok(text) = decrypt(&second, &first.pubkey(), &payload) {
                assert!(text.len() < blocks);
            }
        }
    }
}
