//! Gift wraps (NIP-59): a rumor sealed by its author (kind 13), the seal wrapped by a throw-away key (kind 1059).
//!
//! Each layer is built and checked apart from its encryption, because the user's key may be with a
//! remote signer; `seal`, `gift_wrap` and `unwrap` do both with a key at hand. Dates, nonces and
//! one-time keys are arguments: see `Layer`.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::event::{
    Event, EventError, EventId, MAX_EVENT_BYTES, MAX_TAGS, Pubkey, RawEvent, Signature, Tag, UnsignedEvent,
};
use super::filter::Filter;
use super::keys::{KeyError, SecretKey};
use super::kind::Kind;
use super::nip44::{self, ConversationKey, Nip44Error};
use super::relay_url::RelayUrl;
use crate::time::UnixSeconds;

/// A rumor, encrypted and signed by its author.
pub const SEAL: Kind = Kind(13);
/// A seal, encrypted and signed by a key made for it alone.
pub const GIFT_WRAP: Kind = Kind(1059);
/// A gift wrap that relays do not store.
pub const EPHEMERAL_GIFT_WRAP: Kind = Kind(21059);

/// How far back a seal or a gift wrap may be dated (NIP-17): two days.
pub const MAX_TWEAK_SECONDS: u64 = 2 * 24 * 60 * 60;

/// How far before they are sent events may be dated that `filter` names by their kind.
pub fn tweak_seconds(filter: &Filter) -> u64 {
    let names_wraps = filter.kinds.as_ref().is_some_and(|kinds| kinds.contains(&GIFT_WRAP));
    if names_wraps { MAX_TWEAK_SECONDS } else { 0 }
}

/// Why a gift wrap cannot be opened, or made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Nip59Error {
    #[error("kind {0:?} is no gift wrap")]
    NotGiftWrap(Kind),
    #[error("the gift wrap holds no seal: kind {0:?}")]
    NotSeal(Kind),
    #[error("the seal does not verify: {0}")]
    Seal(EventError),
    #[error("the seal holds no rumor")]
    Rumor,
    #[error("the rumor's id is not the hash of the rumor")]
    RumorId,
    #[error("the rumor names another author than the one who sealed it")]
    Impersonation,
    #[error("the rumor is too long to be wrapped")]
    TooLong,
    #[error(transparent)]
    Encryption(#[from] Nip44Error),
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// An unsigned event with its id: what a seal holds. Only the seal's signature vouches for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Rumor {
    id: EventId,
    event: UnsignedEvent,
}

#[derive(Serialize, Deserialize)]
struct RumorJson {
    // Some clients leave it out; it can be recomputed, and a wrong one is refused.
    #[serde(default)]
    id: Option<EventId>,
    pubkey: Pubkey,
    created_at: UnixSeconds,
    kind: Kind,
    tags: Vec<Tag>,
    content: String,
}

impl Rumor {
    /// Gives `event` its id.
    pub fn new(event: UnsignedEvent) -> Rumor {
        Rumor { id: event.id(), event }
    }

    /// The hash of the rumor, as an event's (NIP-01).
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Reads a decrypted rumor. A signature is ignored: a rumor has none, and one would prove nothing here.
    ///
    /// # Errors
    /// `Rumor` if it is no unsigned event within the limits of one; `RumorId` if it gives a wrong id.
    pub fn from_json(json: &str) -> Result<Rumor, Nip59Error> {
        if json.len() > MAX_EVENT_BYTES {
            return Err(Nip59Error::Rumor);
        }
        // serde's own message may quote the plaintext.
        let json: RumorJson = serde_json::from_str(json).map_err(|_| Nip59Error::Rumor)?;
        if json.tags.len() > MAX_TAGS {
            return Err(Nip59Error::Rumor);
        }
        let event = UnsignedEvent {
            pubkey: json.pubkey,
            created_at: json.created_at,
            kind: json.kind,
            tags: json.tags,
            content: json.content,
        };
        let Some(id) = json.id else {
            return Ok(Rumor::new(event));
        };
        // An event's own check knows both ways to serialise control characters.
        let mut claimed = event.with_signature(Signature([0; 64]));
        claimed.id = id;
        let claimed = claimed.hash().map_err(|_| Nip59Error::RumorId)?;
        Ok(Rumor {
            id,
            event: unsigned(&claimed),
        })
    }

    /// The JSON to encrypt into a seal.
    pub fn to_json(&self) -> Zeroizing<String> {
        let json = RumorJson {
            id: Some(self.id),
            pubkey: self.pubkey,
            created_at: self.created_at,
            kind: self.kind,
            tags: self.tags.clone(),
            content: self.content.clone(),
        };
        Zeroizing::new(serde_json::to_string(&json).unwrap_or_default())
    }
}

/// Says which rumor it is; its content is a private message.
impl fmt::Debug for Rumor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rumor({} of {})", self.id, self.event.pubkey)
    }
}

impl Deref for Rumor {
    type Target = UnsignedEvent;
    fn deref(&self) -> &UnsignedEvent {
        &self.event
    }
}

fn unsigned(event: &RawEvent) -> UnsignedEvent {
    UnsignedEvent {
        pubkey: event.pubkey,
        created_at: event.created_at,
        kind: event.kind,
        tags: event.tags.clone(),
        content: event.content.clone(),
    }
}

/// A verified event of kind 13. Its author is the one who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal(Event);

impl Seal {
    /// Reads the seal in `wrap`, given what the recipient decrypted `wrap.content` to.
    ///
    /// # Errors
    /// `NotGiftWrap`; `Seal` if the plaintext is no event whose id and signature hold; `NotSeal`.
    pub fn read(wrap: &Event, plaintext: &str) -> Result<Seal, Nip59Error> {
        check_gift_wrap(wrap)?;
        let seal = RawEvent::from_json(plaintext).map_err(quiet)?;
        if seal.kind != SEAL {
            return Err(Nip59Error::NotSeal(seal.kind));
        }
        Ok(Seal(seal.verify().map_err(Nip59Error::Seal)?))
    }

    /// Whom to decrypt `ciphertext` with.
    pub fn author(&self) -> Pubkey {
        self.0.pubkey
    }

    /// The rumor, NIP-44 between the author and the recipient.
    pub fn ciphertext(&self) -> &str {
        &self.0.content
    }

    /// Reads the rumor, given what the recipient decrypted `ciphertext` to.
    ///
    /// # Errors
    /// `Rumor`, `RumorId`; `Impersonation` if the rumor's `pubkey` is not the seal's.
    pub fn open(&self, plaintext: &str) -> Result<Rumor, Nip59Error> {
        let rumor = Rumor::from_json(plaintext)?;
        if rumor.pubkey != self.author() {
            return Err(Nip59Error::Impersonation);
        }
        Ok(rumor)
    }
}

/// Opens `wrap` with the recipient's key and makes every check of NIP-59 and NIP-17.
///
/// # Errors
/// Says which layer failed; `Encryption` where the wrap is for somebody else.
pub fn unwrap(secret: &SecretKey, wrap: &Event) -> Result<Rumor, Nip59Error> {
    check_gift_wrap(wrap)?;
    let plaintext = decrypt(secret, &wrap.pubkey, &wrap.content)?;
    let seal = Seal::read(wrap, &plaintext)?;
    let plaintext = decrypt(secret, &seal.author(), seal.ciphertext())?;
    seal.open(&plaintext)
}

/// What one layer needs from outside: its date, its randomness, and when it is to vanish.
///
/// No `Debug`: a nonce that is known before use is no longer one.
#[derive(Clone, Copy)]
pub struct Layer {
    /// In the past, another for each layer: see `tweaked`.
    pub created_at: UnixSeconds,
    /// For NIP-44: random, never used twice.
    pub nonce: [u8; 32],
    /// For the signature: random (BIP-340).
    pub aux: [u8; 32],
    /// An `expiration` tag (NIP-40), which NIP-17 wants on both layers.
    pub expiration: Option<UnixSeconds>,
}

/// A date up to two days before `now`, chosen by `random`.
pub fn tweaked(now: UnixSeconds, random: u64) -> UnixSeconds {
    now - random % MAX_TWEAK_SECONDS
}

/// The seal round an encrypted rumor, still to be signed by the rumor's author.
pub fn seal_event(
    author: Pubkey,
    ciphertext: String,
    created_at: UnixSeconds,
    expiration: Option<UnixSeconds>,
) -> UnsignedEvent {
    UnsignedEvent {
        pubkey: author,
        created_at,
        kind: SEAL,
        tags: expiration.map(expiration_tag).into_iter().collect(),
        content: ciphertext,
    }
}

/// Seals `rumor` for `recipient` with its author's key.
///
/// # Errors
/// `Impersonation` if the key is not the rumor's author's; `Encryption` for a recipient
/// that is no key; `TooLong` over the size of an event.
pub fn seal(secret: &SecretKey, rumor: &Rumor, recipient: &Pubkey, layer: &Layer) -> Result<RawEvent, Nip59Error> {
    if rumor.pubkey != secret.pubkey() {
        return Err(Nip59Error::Impersonation);
    }
    let ciphertext = encrypt(secret, recipient, layer.nonce, &rumor.to_json())?;
    let event = seal_event(rumor.pubkey, ciphertext, layer.created_at, layer.expiration);
    Ok(secret.sign(&event, layer.aux)?)
}

/// Whom a gift wrap is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub pubkey: Pubkey,
    /// A relay hint for the `p` tag.
    pub relay: Option<RelayUrl>,
}

/// Wraps `seal` for `recipient` with `one_time`, a random key to be used for nothing else.
///
/// `kind` is `GIFT_WRAP` or `EPHEMERAL_GIFT_WRAP`.
///
/// # Errors
/// `NotGiftWrap` for another kind; `NotSeal`; `Encryption` for a recipient that is no key;
/// `TooLong` over the size of an event.
pub fn gift_wrap(
    seal: &RawEvent,
    kind: Kind,
    recipient: &Recipient,
    one_time: &SecretKey,
    layer: &Layer,
) -> Result<RawEvent, Nip59Error> {
    if kind != GIFT_WRAP && kind != EPHEMERAL_GIFT_WRAP {
        return Err(Nip59Error::NotGiftWrap(kind));
    }
    if seal.kind != SEAL {
        return Err(Nip59Error::NotSeal(seal.kind));
    }
    let json = serde_json::to_string(seal).unwrap_or_default();
    let mut tag = vec!["p".into(), recipient.pubkey.to_string()];
    tag.extend(recipient.relay.as_ref().map(RelayUrl::to_string));
    let mut tags = vec![tag];
    tags.extend(layer.expiration.map(expiration_tag));
    let event = UnsignedEvent {
        pubkey: one_time.pubkey(),
        created_at: layer.created_at,
        kind,
        tags,
        content: encrypt(one_time, &recipient.pubkey, layer.nonce, &json)?,
    };
    Ok(one_time.sign(&event, layer.aux)?)
}

fn check_gift_wrap(wrap: &Event) -> Result<(), Nip59Error> {
    match wrap.kind {
        GIFT_WRAP | EPHEMERAL_GIFT_WRAP => Ok(()),
        other => Err(Nip59Error::NotGiftWrap(other)),
    }
}

fn decrypt(secret: &SecretKey, author: &Pubkey, ciphertext: &str) -> Result<Zeroizing<String>, Nip59Error> {
    let key = ConversationKey::derive(secret, author)?;
    Ok(Zeroizing::new(nip44::decrypt(&key, ciphertext)?))
}

/// Encrypts one layer and sees to it that the event round it stays within an event's size.
fn encrypt(secret: &SecretKey, to: &Pubkey, nonce: [u8; 32], plaintext: &str) -> Result<String, Nip59Error> {
    /// Room for an event's other members, with the longest relay hint.
    const MEMBERS: usize = 4_096;
    let key = ConversationKey::derive(secret, to)?;
    let ciphertext = nip44::encrypt(&key, nonce, plaintext)?;
    if ciphertext.len() + MEMBERS > MAX_EVENT_BYTES {
        return Err(Nip59Error::TooLong);
    }
    Ok(ciphertext)
}

fn expiration_tag(at: UnixSeconds) -> Tag {
    vec!["expiration".into(), at.0.to_string()]
}

/// A seal that is no JSON event, without the decoder's words: they may quote the plaintext.
fn quiet(error: EventError) -> Nip59Error {
    Nip59Error::Seal(match error {
        EventError::Malformed(_) => EventError::Malformed("not a sealed event".into()),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use crate::nostr::testing::Random;
    use serde_json::Value;

    fn example() -> Value {
        serde_json::from_str(include_str!("../../tests/vectors/nip59.json")).unwrap()
    }

    fn secret(file: &Value, member: &str) -> SecretKey {
        SecretKey::from_hex(file[member].as_str().unwrap()).unwrap()
    }

    fn layer(n: u8) -> Layer {
        Layer {
            created_at: UnixSeconds(1_700_000_000 + u64::from(n)),
            nonce: [n; 32],
            aux: [n; 32],
            expiration: None,
        }
    }

    fn key(n: u8) -> SecretKey {
        SecretKey::from_bytes([n; 32]).unwrap()
    }

    fn to(n: u8) -> Recipient {
        Recipient {
            pubkey: key(n).pubkey(),
            relay: None,
        }
    }

    fn rumor(author: u8, content: &str) -> Rumor {
        Rumor::new(UnsignedEvent {
            pubkey: key(author).pubkey(),
            created_at: UnixSeconds(1),
            kind: Kind(14),
            tags: vec![vec!["p".into(), to(2).pubkey.to_string()]],
            content: content.into(),
        })
    }

    /// Wraps anything at all from key 1 for key 2, as a liar would.
    fn wrapped(plaintext: &str) -> Event {
        let event = UnsignedEvent {
            pubkey: key(3).pubkey(),
            created_at: UnixSeconds(1),
            kind: GIFT_WRAP,
            tags: vec![],
            content: encrypt(&key(3), &to(2).pubkey, [1; 32], plaintext).unwrap(),
        };
        key(3).sign(&event, [0; 32]).unwrap().verify().unwrap()
    }

    /// A good seal by key 1 for key 2 round anything at all.
    fn sealed(plaintext: &str) -> RawEvent {
        let ciphertext = encrypt(&key(1), &to(2).pubkey, [1; 32], plaintext).unwrap();
        let event = seal_event(key(1).pubkey(), ciphertext, UnixSeconds(1), None);
        key(1).sign(&event, [0; 32]).unwrap()
    }

    fn json(event: &RawEvent) -> String {
        serde_json::to_string(event).unwrap()
    }

    #[test]
    fn the_example_of_the_nip_unwraps() {
        let file = example();
        let wrap = RawEvent::from_json(&file["gift_wrap"].to_string())
            .unwrap()
            .verify()
            .unwrap();
        let rumor = unwrap(&secret(&file, "recipient_secret"), &wrap).unwrap();
        assert_eq!(rumor.content, "Are you going to the party tonight?");
        assert_eq!(rumor.kind, Kind(1));
        assert_eq!(rumor.pubkey, secret(&file, "author_secret").pubkey());
        assert_eq!(rumor.id().to_string(), file["rumor"]["id"].as_str().unwrap());
        assert_eq!(wrap.pubkey, secret(&file, "wrapper_secret").pubkey());
    }

    #[test]
    fn what_is_wrapped_comes_out_for_the_recipient_alone() {
        let rumor = rumor(1, "hello \u{1} \"é\"");
        for kind in [GIFT_WRAP, EPHEMERAL_GIFT_WRAP] {
            let seal = seal(&key(1), &rumor, &to(2).pubkey, &layer(1)).unwrap();
            let wrap = gift_wrap(&seal, kind, &to(2), &key(3), &layer(2))
                .unwrap()
                .verify()
                .unwrap();
            assert_eq!(unwrap(&key(2), &wrap), Ok(rumor.clone()));
            assert_eq!(unwrap(&key(1), &wrap), Err(Nip59Error::Encryption(Nip44Error::Mac)));
            assert_eq!((wrap.kind, wrap.created_at), (kind, UnixSeconds(1_700_000_002)));
            assert_eq!(wrap.tags, [["p".to_owned(), to(2).pubkey.to_string()]]);
            assert_eq!((seal.kind, seal.tags.len()), (SEAL, 0));
        }
    }

    #[test]
    fn a_relay_hint_and_an_expiration_are_written_where_they_belong() {
        let layer = Layer {
            expiration: Some(UnixSeconds(9)),
            ..layer(1)
        };
        let seal = seal(&key(1), &rumor(1, "x"), &to(2).pubkey, &layer).unwrap();
        assert_eq!(seal.tags, [["expiration", "9"]]);
        let recipient = Recipient {
            relay: RelayUrl::parse("wss://a.example").ok(),
            ..to(2)
        };
        let wrap = gift_wrap(&seal, GIFT_WRAP, &recipient, &key(3), &layer).unwrap();
        assert_eq!(wrap.tags[0][2], "wss://a.example");
        assert_eq!(wrap.tags[1], ["expiration", "9"]);
        assert!(unwrap(&key(2), &wrap.verify().unwrap()).is_ok());
    }

    #[test]
    fn every_lie_is_found_in_its_layer() {
        let good = rumor(1, "x").to_json();
        let by_another = rumor(4, "x").to_json();
        let wrong_id = good.replace("\"content\":\"x\"", "\"content\":\"y\"");
        let mut forged = sealed(&good);
        forged.sig.0[5] ^= 1;
        let mut changed = sealed(&good);
        changed.created_at = UnixSeconds(2);
        let note = signed(1, 1, 1, &[], "x").to_json();
        for (wrap, error) in [
            (signed(1, 1, 1, &[], "x"), Nip59Error::NotGiftWrap(Kind(1))),
            (
                signed(1, 1059, 1, &[], "x"),
                Nip59Error::Encryption(Nip44Error::PayloadLength),
            ),
            (wrapped(&note), Nip59Error::NotSeal(Kind(1))),
            (
                wrapped("secret words"),
                Nip59Error::Seal(EventError::Malformed("not a sealed event".into())),
            ),
            (wrapped(&json(&forged)), Nip59Error::Seal(EventError::BadSignature)),
            (wrapped(&json(&changed)), Nip59Error::Seal(EventError::IdMismatch)),
            (wrapped(&json(&sealed("secret words"))), Nip59Error::Rumor),
            (wrapped(&json(&sealed(&wrong_id))), Nip59Error::RumorId),
            (wrapped(&json(&sealed(&by_another))), Nip59Error::Impersonation),
        ] {
            assert_eq!(unwrap(&key(2), &wrap), Err(error));
        }
        assert!(unwrap(&key(2), &wrapped(&json(&sealed(&good)))).is_ok());
    }

    #[test]
    fn a_rumor_may_lack_its_id_and_a_signature_on_it_is_not_kept() {
        let rumor = rumor(1, "x");
        let id = format!("\"id\":\"{}\",", rumor.id());
        assert_eq!(Rumor::from_json(&rumor.to_json().replace(&id, "")), Ok(rumor.clone()));
        let with_sig = rumor.to_json().replace("\"kind\"", "\"sig\":\"00\",\"kind\"");
        assert_eq!(Rumor::from_json(&with_sig), Ok(rumor));
    }

    #[test]
    fn a_rumor_keeps_the_limits_of_an_event() {
        let tags = vec![vec![]; MAX_TAGS + 1];
        let mut event = rumor(1, "x").event;
        event.tags = tags;
        assert_eq!(
            Rumor::from_json(&Rumor::new(event.clone()).to_json()),
            Err(Nip59Error::Rumor)
        );
        event.tags.pop();
        assert!(Rumor::from_json(&Rumor::new(event).to_json()).is_ok());
        assert_eq!(
            Rumor::from_json(&rumor(1, &"x".repeat(MAX_EVENT_BYTES)).to_json()),
            Err(Nip59Error::Rumor)
        );
    }

    #[test]
    fn only_the_author_seals_and_only_seals_are_wrapped() {
        let seal_by = |n| seal(&key(n), &rumor(1, "x"), &to(2).pubkey, &layer(1));
        assert_eq!(seal_by(4), Err(Nip59Error::Impersonation));
        let wrap = |seal: &RawEvent, kind| gift_wrap(seal, kind, &to(2), &key(3), &layer(2)).map(|_| ());
        assert_eq!(
            wrap(&signed(1, 1, 1, &[], "x"), GIFT_WRAP),
            Err(Nip59Error::NotSeal(Kind(1)))
        );
        assert_eq!(
            wrap(&seal_by(1).unwrap(), Kind(1)),
            Err(Nip59Error::NotGiftWrap(Kind(1)))
        );
        let no_key = Pubkey([0xff; 32]);
        assert_eq!(
            seal(&key(1), &rumor(1, "x"), &no_key, &layer(1)),
            Err(Nip59Error::Encryption(Nip44Error::Key(KeyError::NoPoint)))
        );
    }

    #[test]
    fn what_is_wrapped_is_an_event_that_is_read_again_or_refused_as_too_long() {
        for length in [60_000, 100_000, 130_000, 200_000, 1_000_000] {
            let wrap = seal(&key(1), &rumor(1, &"x".repeat(length)), &to(2).pubkey, &layer(1))
                .and_then(|seal| gift_wrap(&seal, GIFT_WRAP, &to(2), &key(3), &layer(2)));
            match wrap {
                Ok(wrap) => assert_eq!(RawEvent::from_json(&json(&wrap)), Ok(wrap), "{length}"),
                Err(error) => assert!(
                    length > 60_000
                        && matches!(
                            error,
                            Nip59Error::TooLong | Nip59Error::Encryption(Nip44Error::PlaintextLength)
                        ),
                    "{length}: {error}"
                ),
            }
        }
    }

    #[test]
    fn dates_are_tweaked_into_the_last_two_days() {
        let now = UnixSeconds(1_700_000_000);
        assert_eq!(tweaked(now, 0), now);
        assert_eq!(tweaked(now, MAX_TWEAK_SECONDS - 1), now - (MAX_TWEAK_SECONDS - 1));
        assert_eq!(tweaked(now, MAX_TWEAK_SECONDS), now);
        assert_eq!(tweaked(UnixSeconds(5), u64::MAX), UnixSeconds(0));
    }

    #[test]
    fn debug_shows_no_message() {
        assert!(!format!("{:?}", rumor(1, "s3cr3t")).contains("s3cr3t"));
    }

    #[test]
    fn hostile_rumors_and_seals_never_trip() {
        let mut random = Random(59);
        let good = rumor(1, "x");
        let seal = sealed(&good.to_json());
        let wrap = wrapped(&json(&seal));
        for _ in 0..2_000 {
            if let Ok(read) = Rumor::from_json(&random.damaged(&good.to_json())) {
                assert_eq!(read.id(), Rumor::new(read.event.clone()).id());
            }
            if let Ok(read) = Seal::read(&wrap, &random.damaged(&json(&seal))) {
                assert_eq!(read.author(), key(1).pubkey());
            }
        }
    }
}
