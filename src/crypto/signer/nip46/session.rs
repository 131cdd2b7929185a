//! What resumes a remote signer's session (NIP-46), as text for the page to keep encrypted.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::message::{Cipher, SignerError};
use crate::nostr::event::Pubkey;
use crate::nostr::keys::SecretKey;
use crate::nostr::relay_url::RelayUrl;

pub struct Session {
    pub remote: Pubkey,
    pub user: Pubkey,
    /// The client's key: with it alone the signer answers this client.
    pub client: SecretKey,
    pub relays: Vec<RelayUrl>,
    pub cipher: Cipher,
}

#[derive(Serialize, Deserialize)]
struct SessionJson {
    remote: Pubkey,
    user: Pubkey,
    client: Zeroizing<String>,
    relays: Vec<String>,
    #[serde(default)]
    nip04: bool,
}

impl Session {
    /// Reads what `to_json` wrote.
    ///
    /// # Errors
    /// `BadInput` if it is something else.
    pub fn from_json(json: &str) -> Result<Session, SignerError> {
        let bad = || SignerError::BadInput("not a session of a remote signer".into());
        // The reader's own message may quote the key.
        let session: SessionJson = serde_json::from_str(json).map_err(|_| bad())?;
        let relays = session.relays.iter().map(|relay| RelayUrl::parse(relay));
        let relays: Vec<RelayUrl> = relays.collect::<Result<_, _>>().map_err(|_| bad())?;
        Ok(Session {
            remote: session.remote,
            user: session.user,
            client: SecretKey::from_nsec(&session.client).map_err(|_| bad())?,
            relays,
            cipher: match session.nip04 {
                true => Cipher::Nip04,
                false => Cipher::Nip44,
            },
        })
    }

    pub fn to_json(&self) -> Zeroizing<String> {
        let session = SessionJson {
            remote: self.remote,
            user: self.user,
            // A key of fixed length always encodes.
            client: self.client.to_nsec().unwrap_or_default(),
            relays: self.relays.iter().map(RelayUrl::to_string).collect(),
            nip04: self.cipher == Cipher::Nip04,
        };
        Zeroizing::new(serde_json::to_string(&session).unwrap_or_default())
    }
}
