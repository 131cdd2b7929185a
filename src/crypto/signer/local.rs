//! The signer that has the key: read from hex or nsec (NIP-19), or from an ncryptsec (NIP-49).
//!
//! It answers at once. The key is wiped when the signer is dropped.

use super::{Context, unsigned};
use crate::message::{Cipher, Secret, SignerAnswer, SignerCall, SignerError, SignerResult};
use crate::nostr::event::Pubkey;
use crate::nostr::keys::SecretKey;
use crate::nostr::nip44::ConversationKey;
use crate::nostr::{nip04, nip44, nip49};

pub struct Local {
    key: SecretKey,
}

impl Local {
    /// Takes hex or nsec.
    ///
    /// # Errors
    /// `BadInput` if it is neither.
    pub fn parse(secret: &Secret) -> Result<Local, SignerError> {
        let key = SecretKey::parse(&secret.0).map_err(bad_input)?;
        Ok(Local { key })
    }

    /// Opens an ncryptsec (NIP-49). Blocks for as long as its cost says, some tenths of a second.
    ///
    /// # Errors
    /// `BadInput` if the passphrase is wrong, or the text is no ncryptsec or costs over 256 MiB.
    pub fn unlock(ncryptsec: &str, passphrase: &Secret) -> Result<Local, SignerError> {
        let (key, _) = nip49::decrypt(ncryptsec, &passphrase.0, nip49::DEFAULT_MAX_LOG_N).map_err(bad_input)?;
        Ok(Local { key })
    }

    pub fn pubkey(&self) -> Pubkey {
        self.key.pubkey()
    }

    pub fn answer(&self, cx: &mut Context<'_>, ask: SignerCall) -> SignerResult {
        match ask {
            SignerCall::GetPublicKey => Ok(SignerAnswer::PublicKey(self.pubkey())),
            SignerCall::Sign(template) => {
                let event = unsigned(template, self.pubkey(), cx.now);
                let signed = self.key.sign(&event, cx.entropy.bytes());
                signed.map(SignerAnswer::Signed).map_err(bad_input)
            }
            SignerCall::Encrypt {
                cipher,
                peer,
                plaintext,
            } => encrypt(&self.key, cipher, &peer, &plaintext.0, cx.entropy.bytes()).map(text),
            SignerCall::Decrypt {
                cipher,
                peer,
                ciphertext,
            } => decrypt(&self.key, cipher, &peer, &ciphertext).map(text),
        }
    }
}

/// Encrypts between `key` and `peer`; `random` is used for nothing else.
pub(super) fn encrypt(
    key: &SecretKey,
    cipher: Cipher,
    peer: &Pubkey,
    plaintext: &str,
    random: [u8; 32],
) -> Result<String, SignerError> {
    match cipher {
        Cipher::Nip44 => ConversationKey::derive(key, peer)
            .and_then(|key| nip44::encrypt(&key, random, plaintext))
            .map_err(bad_input),
        Cipher::Nip04 => {
            let [iv, _] = halves(random);
            nip04::encrypt(key, peer, iv, plaintext).map_err(bad_input)
        }
    }
}

/// Decrypts between `key` and `peer`.
pub(super) fn decrypt(key: &SecretKey, cipher: Cipher, peer: &Pubkey, ciphertext: &str) -> Result<String, SignerError> {
    match cipher {
        Cipher::Nip44 => ConversationKey::derive(key, peer)
            .and_then(|key| nip44::decrypt(&key, ciphertext))
            .map_err(bad_input),
        Cipher::Nip04 => nip04::decrypt(key, peer, ciphertext).map_err(bad_input),
    }
}

fn halves(random: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    let into = halves.iter_mut().flatten();
    into.zip(random).for_each(|(to, from)| *to = from);
    halves
}

fn text(text: String) -> SignerAnswer {
    SignerAnswer::Text(Secret(text.into()))
}

/// These errors name a cause and never repeat the input.
fn bad_input(error: impl std::fmt::Display) -> SignerError {
    SignerError::BadInput(error.to_string())
}
