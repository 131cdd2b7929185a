//! A secret key under a password (NIP-49): scrypt, XChaCha20-Poly1305, `ncryptsec`.
//!
//! Passwords must arrive in Unicode's NFKC form: the page calls `password.normalize("NFKC")`, which
//! every browser has. The tables to do it here would add 128 KB to the module (63 KB compressed).

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use thiserror::Error;
use zeroize::Zeroizing;

use super::keys::{KeyError, SecretKey};
use super::nip19::{self, Nip19Error};

/// A fair cost for a new password: 64 MiB and some tenths of a second.
pub const DEFAULT_LOG_N: u8 = 16;
/// The most work that a decryption does unless its caller allows more: 256 MiB.
///
/// An `ncryptsec` names its own cost, and a hostile one would name gigabytes.
pub const DEFAULT_MAX_LOG_N: u8 = 18;
/// The NIP's table ends here, at 4 GiB.
const HIGHEST_LOG_N: u8 = 22;

const PREFIX: &str = "ncryptsec";
const VERSION: u8 = 2;
const SALT: usize = 16;
const NONCE: usize = 24;
/// The key and Poly1305's tag.
const CIPHERTEXT: usize = 32 + 16;

/// How the key has been handled before, as far as the client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySecurity {
    /// Known to have been stored or pasted in clear.
    Insecure,
    /// Not known to have been.
    NotInsecure,
    Untracked,
}

/// Why a key cannot be encrypted, or an `ncryptsec` not decrypted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Nip49Error {
    #[error("not an ncryptsec: {0}")]
    Bech32(#[from] Nip19Error),
    #[error("not an ncryptsec")]
    Malformed,
    #[error("version {0} is not supported")]
    Version(u8),
    #[error("the work factor {log_n} is not between 1 and {max}")]
    Cost { log_n: u8, max: u8 },
    #[error("there is not enough memory for the work factor {log_n}")]
    Memory { log_n: u8 },
    #[error("the password is wrong or the text was changed")]
    Password,
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What an encryption needs from outside.
#[derive(Clone, Copy)]
pub struct Parameters {
    /// scrypt's cost as a power of two, 1 to 22: takes 2^(log_n + 10) bytes.
    pub log_n: u8,
    /// Random.
    pub salt: [u8; SALT],
    /// Random, never used twice.
    pub nonce: [u8; NONCE],
    pub security: KeySecurity,
}

/// Encrypts `secret` under `password`, which is in NFKC form. Blocks for as long as `log_n` costs.
///
/// # Errors
/// `Cost` for a `log_n` beyond 1 to 22; `Memory` if that much cannot be had.
pub fn encrypt(secret: &SecretKey, password: &str, parameters: &Parameters) -> Result<String, Nip49Error> {
    let Parameters { log_n, salt, nonce, .. } = parameters;
    let security = parameters.security.to_byte();
    let key = derive_key(password, salt, *log_n, HIGHEST_LOG_N)?;
    let payload = Payload {
        msg: secret.secret_bytes(),
        aad: &[security],
    };
    let ciphertext = XChaCha20Poly1305::new(&Key::from(*key))
        .encrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| Nip49Error::Malformed)?;
    let mut bytes = vec![VERSION, *log_n];
    bytes.extend_from_slice(salt);
    bytes.extend_from_slice(nonce);
    bytes.push(security);
    bytes.extend_from_slice(&ciphertext);
    Ok(nip19::encode_bech32(PREFIX, &bytes)?)
}

/// Decrypts an `ncryptsec` with `password`, which is in NFKC form. Blocks for as long as the text
/// says, up to `max_log_n`: see `DEFAULT_MAX_LOG_N`.
///
/// # Errors
/// `Cost` if the text asks for more than `max_log_n`; `Password` if it cannot be opened.
pub fn decrypt(text: &str, password: &str, max_log_n: u8) -> Result<(SecretKey, KeySecurity), Nip49Error> {
    let (prefix, bytes) = nip19::decode_bech32(text.trim())?;
    if prefix != PREFIX {
        return Err(Nip49Error::Malformed);
    }
    let sealed = Sealed::read(&bytes)?;
    let key = derive_key(password, sealed.salt, sealed.log_n, max_log_n.min(HIGHEST_LOG_N))?;
    let payload = Payload {
        msg: sealed.ciphertext,
        aad: &[sealed.security.to_byte()],
    };
    let plaintext = XChaCha20Poly1305::new(&Key::from(*key))
        .decrypt(&XNonce::from(*sealed.nonce), payload)
        .map_err(|_| Nip49Error::Password)?;
    let plaintext = Zeroizing::new(plaintext);
    let bytes = plaintext.as_slice().try_into().map_err(|_| Nip49Error::Malformed)?;
    Ok((SecretKey::from_bytes(bytes)?, sealed.security))
}

/// The parts of an `ncryptsec`, unopened.
struct Sealed<'a> {
    log_n: u8,
    salt: &'a [u8; SALT],
    nonce: &'a [u8; NONCE],
    security: KeySecurity,
    ciphertext: &'a [u8; CIPHERTEXT],
}

impl<'a> Sealed<'a> {
    fn read(bytes: &'a [u8]) -> Result<Sealed<'a>, Nip49Error> {
        let (version, rest) = bytes.split_first().ok_or(Nip49Error::Malformed)?;
        if *version != VERSION {
            return Err(Nip49Error::Version(*version));
        }
        let (log_n, rest) = rest.split_first().ok_or(Nip49Error::Malformed)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(Nip49Error::Malformed)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(Nip49Error::Malformed)?;
        let (security, ciphertext) = rest.split_first().ok_or(Nip49Error::Malformed)?;
        Ok(Sealed {
            log_n: *log_n,
            salt,
            nonce,
            security: KeySecurity::from_byte(*security).ok_or(Nip49Error::Malformed)?,
            ciphertext: ciphertext.try_into().map_err(|_| Nip49Error::Malformed)?,
        })
    }
}

impl KeySecurity {
    fn to_byte(self) -> u8 {
        match self {
            KeySecurity::Insecure => 0,
            KeySecurity::NotInsecure => 1,
            KeySecurity::Untracked => 2,
        }
    }

    fn from_byte(byte: u8) -> Option<KeySecurity> {
        match byte {
            0 => Some(KeySecurity::Insecure),
            1 => Some(KeySecurity::NotInsecure),
            2 => Some(KeySecurity::Untracked),
            _ => None,
        }
    }
}

fn derive_key(password: &str, salt: &[u8; SALT], log_n: u8, max: u8) -> Result<Zeroizing<[u8; 32]>, Nip49Error> {
    const BLOCK_SIZE: u32 = 8;
    const PARALLELISM: u32 = 1;
    if log_n == 0 || log_n > max {
        return Err(Nip49Error::Cost { log_n, max });
    }
    let memory = Nip49Error::Memory { log_n };
    let parameters = scrypt::Params::new(log_n, BLOCK_SIZE, PARALLELISM).map_err(|_| memory)?;
    // scrypt aborts where memory is refused, so ask first. 128 bytes a block, and some for the rest.
    let bytes = (1u64 << log_n) * u64::from(128 * BLOCK_SIZE) + 64 * 1024;
    let bytes = usize::try_from(bytes).map_err(|_| memory)?;
    let mut room = Vec::<u8>::new();
    room.try_reserve_exact(bytes).map_err(|_| memory)?;
    // A reservation that nobody looks at may be optimised away.
    drop(std::hint::black_box(room));
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &parameters, &mut *key).map_err(|_| memory)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::testing::Random;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/nip49.json")).unwrap()
    }

    fn key() -> SecretKey {
        SecretKey::from_bytes([7; 32]).unwrap()
    }

    fn parameters(log_n: u8, security: KeySecurity) -> Parameters {
        Parameters {
            log_n,
            salt: [1; SALT],
            nonce: [2; NONCE],
            security,
        }
    }

    fn sealed(log_n: u8) -> String {
        encrypt(&key(), "pw", &parameters(log_n, KeySecurity::Untracked)).unwrap()
    }

    fn changed(at: usize, to: u8) -> String {
        let (_, mut bytes) = nip19::decode_bech32(&sealed(1)).unwrap();
        bytes[at] = to;
        nip19::encode_bech32(PREFIX, &bytes).unwrap()
    }

    #[test]
    fn the_vector_of_the_nip_decrypts() {
        let file = vectors();
        let vector = &file["decrypt"][0];
        let text = |member: &str| vector[member].as_str().unwrap();
        let log_n = vector["log_n"].as_u64().unwrap() as u8;
        let (secret, _) = decrypt(text("ncryptsec"), text("password"), log_n).unwrap();
        let expected = SecretKey::from_hex(text("private_key")).unwrap();
        assert_eq!(secret.secret_bytes(), expected.secret_bytes());
        assert_eq!(
            decrypt(text("ncryptsec"), text("password"), log_n - 1).map(|_| ()),
            Err(Nip49Error::Cost { log_n, max: log_n - 1 })
        );
    }

    #[test]
    fn a_password_is_used_as_it_comes() {
        let file = vectors();
        let text = |member: &str| {
            let bytes = file["password_nfkc"][member].as_str().unwrap();
            String::from_utf8(data_encoding::HEXLOWER.decode(bytes.as_bytes()).unwrap()).unwrap()
        };
        let (typed, normalised) = (text("input_utf8"), text("nfkc_utf8"));
        let sealed = encrypt(&key(), &normalised, &parameters(1, KeySecurity::Untracked)).unwrap();
        assert!(decrypt(&sealed, &normalised, 1).is_ok());
        assert_eq!(decrypt(&sealed, &typed, 1).map(|_| ()), Err(Nip49Error::Password));
    }

    #[test]
    fn what_was_encrypted_is_decrypted_with_its_security() {
        for security in [KeySecurity::Insecure, KeySecurity::NotInsecure, KeySecurity::Untracked] {
            let text = encrypt(&key(), "pw", &parameters(3, security)).unwrap();
            assert!(text.starts_with("ncryptsec1"));
            let (secret, read) = decrypt(&text, "pw", 3).unwrap();
            assert_eq!((secret.secret_bytes(), read), (key().secret_bytes(), security));
        }
    }

    #[test]
    fn work_is_bounded_before_it_begins() {
        assert!(decrypt(&sealed(4), "pw", 4).is_ok());
        for (log_n, max) in [(5, 4), (19, DEFAULT_MAX_LOG_N), (23, 255), (255, 255), (0, 18)] {
            let max_used = max.min(HIGHEST_LOG_N);
            assert_eq!(
                decrypt(&changed(1, log_n), "pw", max).map(|_| ()),
                Err(Nip49Error::Cost { log_n, max: max_used })
            );
        }
        for log_n in [0, 23] {
            let result = encrypt(&key(), "pw", &parameters(log_n, KeySecurity::Untracked));
            assert_eq!(result, Err(Nip49Error::Cost { log_n, max: 22 }));
        }
    }

    #[test]
    fn what_is_no_ncryptsec_says_why() {
        let bech32 = |prefix, bytes: &[u8]| nip19::encode_bech32(prefix, bytes).unwrap();
        let (_, bytes) = nip19::decode_bech32(&sealed(1)).unwrap();
        for (text, error) in [
            (String::new(), Nip49Error::Bech32(Nip19Error::NotBech32)),
            (sealed(1).replace("1q", "1p"), Nip49Error::Bech32(Nip19Error::Checksum)),
            (bech32("nsec", &[1; 32]), Nip49Error::Malformed),
            (bech32(PREFIX, &[]), Nip49Error::Malformed),
            (bech32(PREFIX, &bytes[..90]), Nip49Error::Malformed),
            (bech32(PREFIX, &[&bytes[..], &[0]].concat()), Nip49Error::Malformed),
            (changed(0, 1), Nip49Error::Version(1)),
            (changed(42, 3), Nip49Error::Malformed),
            (changed(42, 1), Nip49Error::Password),
            (changed(2, 9), Nip49Error::Password),
            (changed(20, 9), Nip49Error::Password),
            (changed(90, 9), Nip49Error::Password),
        ] {
            assert_eq!(decrypt(&text, "pw", 1).map(|_| ()), Err(error), "{text}");
        }
        assert_eq!(decrypt(&sealed(1), "pW", 1).map(|_| ()), Err(Nip49Error::Password));
    }

    #[test]
    fn hostile_texts_never_trip() {
        let mut random = Random(49);
        let good = sealed(1);
        for _ in 0..2_000 {
            if let Ok((secret, _)) = decrypt(&random.damaged(&good), "pw", 1) {
                assert_eq!(secret.secret_bytes(), key().secret_bytes());
            }
            let length = random.below(110);
            let mut bytes = random.bytes(length);
            bytes.iter_mut().take(1).for_each(|version| *version = VERSION);
            assert!(decrypt(&nip19::encode_bech32(PREFIX, &bytes).unwrap(), "pw", 2).is_err());
        }
    }
}
