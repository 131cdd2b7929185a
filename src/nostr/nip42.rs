//! Authentication to a relay (NIP-42): the event that answers its challenge.
//!
//! Only builds the event; whether and when to answer is the connections role's affair.

use thiserror::Error;

use super::event::{Pubkey, UnsignedEvent};
use super::kind::Kind;
use super::relay_url::RelayUrl;
use crate::time::UnixSeconds;

/// The longest challenge answered, in bytes: a user's key signs no text of any length a relay likes.
pub const MAX_CHALLENGE_BYTES: usize = 4_096;

/// How a relay's reason begins that wants to know first who asks.
const AUTH_REQUIRED: &str = "auth-required:";

/// Whether a CLOSED, or an OK that is false, is for want of authentication.
pub fn is_auth_required(reason: &str) -> bool {
    reason.starts_with(AUTH_REQUIRED)
}

/// A reason of that sort.
pub fn auth_required(why: &str) -> String {
    format!("{AUTH_REQUIRED} {why}")
}

/// Why a challenge is not answered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Nip42Error {
    #[error("the challenge of {0} bytes is empty or over the limit of {MAX_CHALLENGE_BYTES}")]
    ChallengeLength(usize),
}

/// The kind 22242 event that answers `challenge` for `relay`, still to be signed by `pubkey`.
///
/// `relay` must be the address the engine dialled, never one that the relay names: an answer
/// for another address could be replayed there. `now` must be within about ten minutes of true.
///
/// # Errors
/// `ChallengeLength`.
pub fn auth_event(
    pubkey: Pubkey,
    relay: &RelayUrl,
    challenge: &str,
    now: UnixSeconds,
) -> Result<UnsignedEvent, Nip42Error> {
    if challenge.is_empty() || challenge.len() > MAX_CHALLENGE_BYTES {
        return Err(Nip42Error::ChallengeLength(challenge.len()));
    }
    Ok(UnsignedEvent {
        pubkey,
        created_at: now,
        kind: Kind::AUTH,
        tags: vec![
            vec!["relay".into(), relay.to_string()],
            vec!["challenge".into(), challenge.to_owned()],
        ],
        content: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::keys::SecretKey;

    fn event(challenge: &str) -> Result<UnsignedEvent, Nip42Error> {
        let relay = RelayUrl::parse("wss://relay.example.com/").unwrap();
        let pubkey = SecretKey::from_bytes([7; 32]).unwrap().pubkey();
        auth_event(pubkey, &relay, challenge, UnixSeconds(1_700_000_000))
    }

    #[test]
    fn the_event_names_relay_and_challenge_and_verifies_once_signed() {
        let event = event("challenge\"string").unwrap();
        let signed = SecretKey::from_bytes([7; 32]).unwrap().sign(&event, [1; 32]).unwrap();
        let verified = signed.verify().unwrap();
        assert_eq!(verified.kind, Kind(22242));
        assert_eq!(verified.created_at, UnixSeconds(1_700_000_000));
        assert_eq!(verified.tag_value("relay"), Some("wss://relay.example.com"));
        assert_eq!(verified.tag_value("challenge"), Some("challenge\"string"));
        assert_eq!((verified.tags.len(), verified.content.as_str()), (2, ""));
    }

    #[test]
    fn a_challenge_of_no_or_absurd_length_is_not_answered() {
        assert!(event(&"x".repeat(MAX_CHALLENGE_BYTES)).is_ok());
        for length in [0, MAX_CHALLENGE_BYTES + 1, 1_000_000] {
            assert_eq!(event(&"x".repeat(length)), Err(Nip42Error::ChallengeLength(length)));
        }
    }
}
