//! Encrypted parts: locked until somebody with the key hands over their text.

use base64ct::{Base64, Encoding};

/// The part of an event that only some can read.
#[derive(Clone, Debug, PartialEq)]
pub enum Private<T> {
    /// Not decrypted: no signer, or not for this user.
    Locked,
    /// Decrypted, but not what the NIP says it is.
    Unreadable,
    Open(T),
}

/// Why an encrypted part stays locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Nobody is signed in.
    NoSigner,
    /// It is for another key than the signer's.
    OtherKey,
    Refused,
    TimedOut,
    /// The remote signer cannot be reached.
    Disconnected,
    /// The signer cannot decrypt: a public key alone, or an extension without the method.
    Unsupported,
}

impl<T> Private<T> {
    /// What `read` makes of the decrypted text.
    pub(super) fn of(decrypted: Option<&str>, read: impl FnOnce(&str) -> Option<T>) -> Private<T> {
        match decrypted {
            None => Private::Locked,
            Some(text) => read(text).map_or(Private::Unreadable, Private::Open),
        }
    }

    /// It will not open with any key: what it holds is not what the NIP says.
    pub(super) fn give_up(&mut self) {
        *self = Private::Unreadable;
    }

    /// The text's meaning, if it is known.
    pub fn open(&self) -> Option<&T> {
        match self {
            Private::Open(open) => Some(open),
            Private::Locked | Private::Unreadable => None,
        }
    }
}

/// How a content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    Nip04,
    Nip44,
}

/// How `content` is encrypted; `None` for what is no ciphertext.
pub fn encryption(content: &str) -> Option<Encryption> {
    if let Some((text, iv)) = content.split_once("?iv=") {
        let is_base64 = |text: &str| !text.is_empty() && Base64::decode_vec(text).is_ok();
        return (is_base64(text) && is_base64(iv)).then_some(Encryption::Nip04);
    }
    // NIP-44: a version byte, 2 or the 1 of before, a nonce, at least 34 bytes and a MAC.
    let payload = Base64::decode_vec(content).ok()?;
    (payload.len() >= 99 && matches!(payload.first(), Some(1 | 2))).then_some(Encryption::Nip44)
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;

    #[test]
    fn ciphertexts_are_told_apart_from_each_other_and_from_text() {
        let payload = |version: u8, len: usize| BASE64.encode(&[&[version][..], &vec![7; len - 1]].concat());
        assert_eq!(
            encryption("TJob1dQrf2ndsmdbeGU+0w==?iv=S3rFeFr1gsYqmQA7bNnNTQ=="),
            Some(Encryption::Nip04)
        );
        assert_eq!(encryption(&payload(2, 99)), Some(Encryption::Nip44));
        for text in [
            "",
            "Release notes in markdown",
            "hello?iv=there",
            "?iv=",
            &payload(2, 98),
            &payload(3, 99),
        ] {
            assert_eq!(encryption(text), None, "{text}");
        }
    }
}
