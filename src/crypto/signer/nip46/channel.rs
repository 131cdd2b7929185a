//! One client key's encrypted messages to and from a remote signer (NIP-46, kind 24133).
//!
//! Says whether an event is an answer to this key from whom it should be; what the answer
//! means is `Remote`'s. The client key is made for one connection and is not the user's.

use super::super::Context;
use super::super::local::{decrypt, encrypt};
use crate::message::{Cipher, SignerError};
use crate::nostr::event::{Event, Pubkey, RawEvent};
use crate::nostr::keys::SecretKey;
use crate::nostr::nip46::response::Response;
use crate::nostr::nip46::{KIND, envelope};
use zeroize::Zeroizing;

pub struct Channel {
    client: SecretKey,
    /// What the peer was last known to speak.
    cipher: Cipher,
    /// The peer has answered in NIP-44: an answer in NIP-04 is not its own, or a downgrade.
    modern: bool,
}

impl Channel {
    pub fn new(client: SecretKey, cipher: Cipher) -> Channel {
        Channel {
            client,
            cipher,
            modern: false,
        }
    }

    pub fn client(&self) -> &SecretKey {
        &self.client
    }

    pub fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// The signed event that carries `json` to `to`.
    ///
    /// # Errors
    /// `BadInput` if it is too long to be sent, or `to` is no key.
    pub fn seal(&self, cx: &mut Context<'_>, to: &Pubkey, json: &str, cipher: Cipher) -> Result<Event, SignerError> {
        let content = encrypt(&self.client, cipher, to, json, cx.entropy.bytes())?;
        let event = envelope(self.client.pubkey(), to, content, cx.now.unix);
        let signed = self.client.sign(&event, cx.entropy.bytes());
        let signed = signed.map_err(|error| SignerError::BadInput(error.to_string()))?;
        signed
            .verify()
            .map_err(|error| SignerError::BadInput(error.to_string()))
    }

    /// The answer in a relay's event: by `from`, if that is known, to this key, signed and encrypted as it should be.
    ///
    /// Cheap checks come first: a stranger's events cost no curve arithmetic once `from` is known.
    pub fn open(&self, json: &str, from: Option<&Pubkey>) -> Option<Opened> {
        let event = RawEvent::from_json(json).ok()?;
        let ours = self.client.pubkey().to_string();
        let addressed = event.tags_named("p").any(|tag| tag.get(1) == Some(&ours));
        if event.kind != KIND || !addressed || from.is_some_and(|from| *from != event.pubkey) {
            return None;
        }
        let cipher = match event.content.contains("?iv=") {
            true => Cipher::Nip04,
            false => Cipher::Nip44,
        };
        if cipher == Cipher::Nip04 && self.modern {
            return None;
        }
        let event = event.verify().ok()?;
        let plaintext = Zeroizing::new(decrypt(&self.client, cipher, &event.pubkey, &event.content).ok()?);
        Some(Opened {
            author: event.pubkey,
            cipher,
            response: Response::from_json(&plaintext).ok()?,
        })
    }

    /// The peer was proven to be the signer, and speaks this.
    pub fn learn(&mut self, cipher: Cipher) {
        self.modern |= cipher == Cipher::Nip44;
        self.cipher = cipher;
    }
}

/// An answer, and who gave it how.
pub struct Opened {
    pub author: Pubkey,
    pub cipher: Cipher,
    pub response: Response,
}
