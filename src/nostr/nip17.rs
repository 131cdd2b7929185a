//! Private direct messages (NIP-17): which events are messages, and whom each must be wrapped for.
//!
//! Sealing and wrapping are `nip59`'s. Sending is the cache's: only to the relays of a
//! recipient's kind 10050 list.

use thiserror::Error;

use super::event::{Pubkey, RawEvent, Tag, UnsignedEvent};
use super::keys::SecretKey;
use super::kind::Kind;
use super::nip59::{self, GIFT_WRAP, Layer, Nip59Error, Recipient, Rumor};
use super::relay_url::RelayUrl;
use crate::sorted::SortedSet;

/// A private message.
pub const CHAT_MESSAGE: Kind = Kind(14);
/// A private message that is an encrypted file elsewhere.
pub const FILE_MESSAGE: Kind = Kind(15);
/// The list of relays where a user reads private messages.
pub const DM_RELAYS: Kind = Kind(10050);

/// The most people in a room, the sender included. Each costs two encryptions, two signatures
/// and an event; the NIP calls for another scheme above ten.
pub const MAX_PEOPLE: usize = 100;

/// The tags without which a file message cannot be read.
const FILE_TAGS: [&str; 5] = [
    "file-type",
    "encryption-algorithm",
    "decryption-key",
    "decryption-nonce",
    "x",
];

/// Why an event is no private message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Nip17Error {
    #[error("kind {0:?} is no private message")]
    Kind(Kind),
    #[error("the message has no recipient")]
    NoRecipient,
    #[error("a p tag holds no public key")]
    Recipient,
    #[error("the message is for more than {MAX_PEOPLE} people")]
    TooManyPeople,
    #[error("the file message has no {0} tag")]
    FileTag(&'static str),
    #[error("the content of a file message is no web address")]
    FileUrl,
}

/// A message ready to be wrapped, once for each of `recipients`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub rumor: Rumor,
    /// Everybody in the room once, the sender last: their own copy is how they read it elsewhere.
    pub recipients: Vec<Recipient>,
}

/// Checks a kind 14 or 15 event and lists whom it goes to: its `p` tags and its author.
///
/// # Errors
/// Says what keeps the event from being a message that its recipients can read.
pub fn prepare(event: UnsignedEvent) -> Result<Prepared, Nip17Error> {
    match event.kind {
        CHAT_MESSAGE => {}
        FILE_MESSAGE => check_file(&event)?,
        other => return Err(Nip17Error::Kind(other)),
    }
    let sender = event.pubkey;
    let mut recipients: Vec<Recipient> = Vec::new();
    let mut addressed = 0;
    for tag in tags_named(&event, "p") {
        let recipient = recipient(tag).ok_or(Nip17Error::Recipient)?;
        addressed += 1;
        let known = recipients.iter().any(|r| r.pubkey == recipient.pubkey);
        if known || recipient.pubkey == sender {
            continue;
        }
        if recipients.len() + 1 >= MAX_PEOPLE {
            return Err(Nip17Error::TooManyPeople);
        }
        recipients.push(recipient);
    }
    if addressed == 0 {
        return Err(Nip17Error::NoRecipient);
    }
    recipients.push(Recipient {
        pubkey: sender,
        relay: None,
    });
    Ok(Prepared {
        rumor: Rumor::new(event),
        recipients,
    })
}

/// What wrapping for one recipient needs from outside, all of it new each time.
pub struct Entropy {
    /// A random key that wraps this copy and nothing else.
    pub one_time: SecretKey,
    pub seal: Layer,
    pub wrap: Layer,
}

/// Seals and wraps one copy of `rumor`, with the sender's key at hand.
///
/// # Errors
/// Those of `nip59::seal` and `nip59::gift_wrap`.
pub fn wrap_for(
    secret: &SecretKey,
    rumor: &Rumor,
    recipient: &Recipient,
    entropy: &Entropy,
) -> Result<RawEvent, Nip59Error> {
    let seal = nip59::seal(secret, rumor, &recipient.pubkey, &entropy.seal)?;
    nip59::gift_wrap(&seal, GIFT_WRAP, recipient, &entropy.one_time, &entropy.wrap)
}

/// Who is in the room of a received message: its author and its readable `p` tags. Two messages
/// with the same set belong to the same conversation.
pub fn room(rumor: &Rumor) -> SortedSet<Pubkey> {
    let tagged = tags_named(rumor, "p").filter_map(recipient);
    tagged.map(|recipient| recipient.pubkey).chain([rumor.pubkey]).collect()
}

/// The relays of a kind 10050 list, in order, unusable ones left out; empty: not ready for messages.
pub fn dm_relays(list: &RawEvent) -> Vec<RelayUrl> {
    if list.kind != DM_RELAYS {
        return Vec::new();
    }
    let values = list.tags_named("relay").filter_map(|tag| tag.get(1));
    values.filter_map(|url| RelayUrl::parse(url).ok()).collect()
}

fn check_file(event: &UnsignedEvent) -> Result<(), Nip17Error> {
    for name in FILE_TAGS {
        let filled = tags_named(event, name).any(|tag| tag.get(1).is_some_and(|value| !value.is_empty()));
        if !filled {
            return Err(Nip17Error::FileTag(name));
        }
    }
    let url = event.content.trim();
    let web = url.starts_with("https://") || url.starts_with("http://");
    if web { Ok(()) } else { Err(Nip17Error::FileUrl) }
}

fn recipient(tag: &Tag) -> Option<Recipient> {
    Some(Recipient {
        pubkey: Pubkey::from_hex(tag.get(1)?)?,
        // A hint only: one that is no relay's address is left out.
        relay: tag.get(2).and_then(|relay| RelayUrl::parse(relay).ok()),
    })
}

fn tags_named<'a>(event: &'a UnsignedEvent, name: &'a str) -> impl Iterator<Item = &'a Tag> {
    event
        .tags
        .iter()
        .filter(move |tag| tag.first().is_some_and(|n| n == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use crate::nostr::nip59::tweaked;
    use crate::time::UnixSeconds;
    use serde_json::Value;

    fn key(n: u8) -> SecretKey {
        SecretKey::from_bytes([n; 32]).unwrap()
    }

    fn event(kind: Kind, content: &str, tags: &[&[&str]]) -> UnsignedEvent {
        UnsignedEvent {
            pubkey: key(1).pubkey(),
            created_at: UnixSeconds(1_700_000_000),
            kind,
            tags: tags
                .iter()
                .map(|tag| tag.iter().map(|v| v.to_string()).collect())
                .collect(),
            content: content.into(),
        }
    }

    fn hex(n: u8) -> String {
        key(n).pubkey().to_string()
    }

    #[test]
    fn the_gift_wraps_of_the_nip_open_for_receiver_and_sender() {
        let file: Value = serde_json::from_str(include_str!("../../tests/vectors/nip17.json")).unwrap();
        let sender = SecretKey::from_nsec(file["sender"].as_str().unwrap()).unwrap();
        let receiver = SecretKey::from_nsec(file["receiver"].as_str().unwrap()).unwrap();
        let wraps = file["gift_wraps"].as_array().unwrap();
        for (wrap, reader) in wraps.iter().zip([&receiver, &sender]) {
            let wrap = RawEvent::from_json(&wrap.to_string()).unwrap().verify().unwrap();
            let rumor = nip59::unwrap(reader, &wrap).unwrap();
            assert_eq!(rumor.content, file["content"].as_str().unwrap());
            assert_eq!((rumor.kind, rumor.pubkey), (CHAT_MESSAGE, sender.pubkey()));
            assert_eq!(room(&rumor), SortedSet::from([sender.pubkey(), receiver.pubkey()]));
        }
        assert_eq!(wraps.len(), 2);
    }

    #[test]
    fn everybody_in_the_room_gets_one_copy_and_reads_the_same_message() {
        let (second, third, own) = (hex(2), hex(3), hex(1));
        let message = event(
            CHAT_MESSAGE,
            "hi",
            &[
                &["p", &second, "wss://a.example"],
                &["p", &third],
                &["p", &second],
                &["p", &own],
            ],
        );
        let prepared = prepare(message).unwrap();
        let to: Vec<_> = prepared.recipients.iter().map(|r| r.pubkey.to_string()).collect();
        assert_eq!(to, [second, third, own]);
        assert_eq!(prepared.recipients[0].relay, RelayUrl::parse("wss://a.example").ok());
        for (n, recipient) in prepared.recipients.iter().enumerate() {
            let layer = |n: u8| Layer {
                created_at: tweaked(prepared.rumor.created_at, u64::from(n) * 1_000),
                nonce: [n; 32],
                aux: [n; 32],
                expiration: None,
            };
            let n = n as u8 * 3;
            let entropy = Entropy {
                one_time: key(100 + n),
                seal: layer(n + 1),
                wrap: layer(n + 2),
            };
            let wrap = wrap_for(&key(1), &prepared.rumor, recipient, &entropy)
                .unwrap()
                .verify()
                .unwrap();
            let reader = [key(1), key(2), key(3)]
                .into_iter()
                .find(|key| key.pubkey() == recipient.pubkey)
                .unwrap();
            assert_eq!(nip59::unwrap(&reader, &wrap), Ok(prepared.rumor.clone()));
        }
    }

    #[test]
    fn a_note_to_oneself_is_one_copy() {
        let prepared = prepare(event(CHAT_MESSAGE, "hi", &[&["p", &hex(1)]])).unwrap();
        assert_eq!(prepared.recipients.len(), 1);
    }

    #[test]
    fn what_is_no_message_says_why() {
        let second = hex(2);
        let to: &[&str] = &["p", &second];
        for (event, error) in [
            (event(Kind(1), "x", &[to]), Nip17Error::Kind(Kind(1))),
            (event(CHAT_MESSAGE, "x", &[]), Nip17Error::NoRecipient),
            (event(CHAT_MESSAGE, "x", &[to, &["p"]]), Nip17Error::Recipient),
            (event(CHAT_MESSAGE, "x", &[&["p", "npub1"]]), Nip17Error::Recipient),
            (
                event(FILE_MESSAGE, "https://a.example", &[to]),
                Nip17Error::FileTag("file-type"),
            ),
        ] {
            assert_eq!(prepare(event), Err(error));
        }
    }

    #[test]
    fn a_file_message_needs_every_tag_and_an_address() {
        let second = hex(2);
        let to = ["p", second.as_str()];
        let mut tags: Vec<&[&str]> = vec![
            &to,
            &["file-type", "image/png"],
            &["encryption-algorithm", "aes-gcm"],
            &["decryption-key", "k"],
            &["decryption-nonce", "n"],
            &["x", "h"],
        ];
        assert!(prepare(event(FILE_MESSAGE, "https://a.example/f", &tags)).is_ok());
        for content in ["", "javascript:alert(1)", "a.example"] {
            let result = prepare(event(FILE_MESSAGE, content, &tags));
            assert_eq!(result, Err(Nip17Error::FileUrl), "{content}");
        }
        for name in FILE_TAGS.iter().rev() {
            tags.pop();
            let result = prepare(event(FILE_MESSAGE, "https://a.example/f", &tags));
            let missing = FILE_TAGS
                .iter()
                .find(|n| !tags.iter().any(|tag| tag[0] == **n))
                .unwrap();
            assert_eq!(result, Err(Nip17Error::FileTag(missing)), "without {name}");
        }
    }

    #[test]
    fn a_hundred_people_are_a_room_and_one_more_is_not() {
        let people: Vec<String> = (0..=99u8).map(|n| Pubkey([n; 32]).to_string()).collect();
        let tags: Vec<Vec<&str>> = people.iter().map(|person| vec!["p", person]).collect();
        let tags: Vec<&[&str]> = tags.iter().map(Vec::as_slice).collect();
        assert_eq!(
            prepare(event(CHAT_MESSAGE, "x", &tags[..99])).map(|p| p.recipients.len()),
            Ok(MAX_PEOPLE)
        );
        assert_eq!(prepare(event(CHAT_MESSAGE, "x", &tags)), Err(Nip17Error::TooManyPeople));
    }

    #[test]
    fn the_relay_list_is_read_in_order_without_what_is_no_relay() {
        let tags: &[&[&str]] = &[
            &["relay", "wss://A.example/"],
            &["relay"],
            &["relay", "https://no"],
            &["r", "wss://c.example"],
            &["relay", "wss://b.example"],
        ];
        let relays = |kind| -> Vec<String> {
            let list = signed(1, kind, 1, tags, "");
            dm_relays(&list).iter().map(RelayUrl::to_string).collect()
        };
        assert_eq!(relays(10050), ["wss://a.example", "wss://b.example"]);
        assert!(relays(10002).is_empty());
    }
}
