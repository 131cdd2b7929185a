//! Kinds 14 and 15 in their seal (13) and gift wrap (1059): private messages (NIP-17, NIP-59).
//!
//! A wrap and its seal are opened by the crypto role, which makes every check of NIP-59 (`nostr/nip59`). A
//! message outside its seal is none: anybody could have written it.

use super::kind0004::chat_id;
use super::private::Private;
use super::tags::{self, EventRef, ProfileRef};
use crate::nostr::event::{Pubkey, RawEvent, UnsignedEvent};
use crate::nostr::hex;
use crate::nostr::kind::Kind;
use crate::nostr::nip59::Rumor;
use crate::parser::content::{self, Content, imeta};

/// A gift wrap (1059). Its author is a key used once and says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct GiftWrap {
    pub recipient: Option<ProfileRef>,
    /// What its seal holds; the seal's signature vouches for the rumor's author.
    pub content: Private<Box<Unsealed>>,
}

/// A seal (13) and the rumor in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seal {
    /// `Unreadable` too if its author is not the seal's.
    pub rumor: Private<Box<Unsealed>>,
}

/// A rumor, and what its kind makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsealed {
    pub rumor: Rumor,
    /// For kinds 14 and 15.
    pub message: Option<Message>,
}

/// A private message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub recipients: Vec<ProfileRef>,
    /// Sender and recipients, sorted, joined by `_`: they make the room (NIP-17).
    pub chat_id: String,
    /// The room's new topic.
    pub subject: Option<String>,
    pub reply: Option<EventRef>,
    pub body: MessageBody,
}

/// What a message carries.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageBody {
    /// Kind 14.
    Text(Content),
    /// Kind 15.
    File(Box<EncryptedFile>),
}

/// A file that only the room can read.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedFile {
    pub url: String,
    /// MIME type of the plain file.
    pub mime: Option<String>,
    /// `aes-gcm`.
    pub algorithm: Option<String>,
    pub key: Option<String>,
    pub nonce: Option<String>,
    /// SHA-256 of the encrypted file, hex (`x`).
    pub sha256: Option<String>,
    /// SHA-256 of the plain file, hex (`ox`).
    pub original_sha256: Option<String>,
    /// Bytes of the encrypted file.
    pub size: Option<u64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    pub blurhash: Option<String>,
    pub thumbhash: Option<String>,
    /// A small picture, encrypted with the same key.
    pub thumb: Option<String>,
    pub fallbacks: Vec<String>,
}

impl std::fmt::Debug for EncryptedFile {
    // A key does not belong in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptedFile")
            .field("url", &self.url)
            .field("mime", &self.mime)
            .finish_non_exhaustive()
    }
}

/// `rumor` is the JSON of what the crypto role found in the wrap's seal.
pub(super) fn parse_wrap(event: &RawEvent, rumor: Option<&str>) -> GiftWrap {
    GiftWrap {
        recipient: tags::first(&event.tags, "p", ProfileRef::from_tag),
        content: Private::of(rumor, |json| unsealed(Rumor::from_json(json).ok()?).map(Box::new)),
    }
}

pub(super) fn parse_seal(event: &RawEvent, decrypted: Option<&str>) -> Seal {
    Seal {
        rumor: Private::of(decrypted, |json| unseal(json, event.pubkey).map(Box::new)),
    }
}

/// Reads a rumor sealed by `author`.
fn unseal(json: &str, author: Pubkey) -> Option<Unsealed> {
    unsealed(Rumor::from_json(json).ok().filter(|rumor| rumor.pubkey == author)?)
}

fn unsealed(rumor: Rumor) -> Option<Unsealed> {
    Some(Unsealed {
        message: message(&rumor),
        rumor,
    })
}

fn message(event: &UnsignedEvent) -> Option<Message> {
    let body = match event.kind {
        Kind(14) => MessageBody::Text(content::parse(&event.content, &event.tags)),
        Kind(15) => MessageBody::File(Box::new(file(event)?)),
        _ => return None,
    };
    let recipients = tags::all(&event.tags, "p", ProfileRef::from_tag);
    Some(Message {
        chat_id: chat_id(recipients.iter().map(|person| person.pubkey).chain([event.pubkey])),
        recipients,
        subject: tags::text(&event.tags, "subject"),
        reply: tags::last(&event.tags, "e", EventRef::from_tag),
        body,
    })
}

fn file(event: &UnsignedEvent) -> Option<EncryptedFile> {
    let text = |name: &str| tags::text(&event.tags, name);
    let hash = |name: &str| text(name).filter(|hash| hex::decode::<32>(hash).is_some());
    let dimensions = text("dim").as_deref().and_then(imeta::dimensions);
    let url = event.content.trim();
    imeta::is_web(url).then(|| EncryptedFile {
        url: url.to_owned(),
        mime: text("file-type"),
        algorithm: text("encryption-algorithm"),
        key: text("decryption-key"),
        nonce: text("decryption-nonce"),
        sha256: hash("x"),
        original_sha256: hash("ox"),
        size: tags::number(&event.tags, "size"),
        width: dimensions.map(|(width, _)| width),
        height: dimensions.map(|(_, height)| height),
        blurhash: text("blurhash"),
        thumbhash: text("thumbhash"),
        thumb: text("thumb").filter(|url| imeta::is_web(url)),
        fallbacks: tags::texts(&event.tags, "fallback")
            .into_iter()
            .filter(|url| imeta::is_web(url))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use serde_json::json;

    fn open(kind: u16, tags: &[&[&str]], content: &str) -> Option<Unsealed> {
        let seal = signed(1, 13, 1, &[], "sealed");
        let json =
            json!({"pubkey": seal.pubkey, "created_at": 9, "kind": kind, "tags": tags, "content": content}).to_string();
        match parse_seal(&seal, Some(&json)).rumor {
            Private::Open(unsealed) => Some(*unsealed),
            _ => None,
        }
    }

    #[test]
    fn a_chat_message_is_read_with_its_room() {
        let (a, e) = ("0".repeat(63) + "1", "e".repeat(64));
        let unsealed = open(
            14,
            &[
                &["p", &a, "wss://r.example"],
                &["e", &e, "", "reply"],
                &["subject", "Plans"],
            ],
            "hi #x",
        )
        .unwrap();
        assert_eq!((unsealed.rumor.kind, unsealed.rumor.created_at.0), (Kind(14), 9));
        let message = unsealed.message.unwrap();
        assert_eq!(message.chat_id, format!("{a}_{}", unsealed.rumor.pubkey));
        assert_eq!(
            (message.recipients.len(), message.subject.as_deref()),
            (1, Some("Plans"))
        );
        assert_eq!(message.reply.unwrap().id.to_string(), e);
        assert!(matches!(message.body, MessageBody::Text(content) if content.blocks.len() == 2));
    }

    #[test]
    fn a_file_message_is_read_and_its_key_not_logged() {
        let hash = "b".repeat(64);
        let tags: &[&[&str]] = &[
            &["p", &hash],
            &["file-type", "image/jpeg"],
            &["encryption-algorithm", "aes-gcm"],
            &["decryption-key", "k3y"],
            &["decryption-nonce", "n0nce"],
            &["x", &hash],
            &["ox", "short"],
            &["size", "123"],
            &["dim", "640x480"],
            &["blurhash", "bh"],
            &["thumbhash", "th"],
            &["thumb", "https://e.example/t"],
            &["fallback", "https://f.example/x"],
            &["fallback", "nonsense"],
        ];
        let message = open(15, tags, "https://e.example/x").unwrap().message.unwrap();
        let MessageBody::File(file) = message.body else {
            panic!()
        };
        assert!(!format!("{file:?}").contains("k3y"));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            *file,
            EncryptedFile {
                url: "https://e.example/x".into(),
                mime: some("image/jpeg"),
                algorithm: some("aes-gcm"),
                key: some("k3y"),
                nonce: some("n0nce"),
                sha256: Some(hash.clone()),
                original_sha256: None,
                size: Some(123),
                width: Some(640),
                height: Some(480),
                blurhash: some("bh"),
                thumbhash: some("th"),
                thumb: some("https://e.example/t"),
                fallbacks: vec!["https://f.example/x".into()],
            }
        );
        assert_eq!(open(15, tags, "no url").unwrap().message, None);
        assert_eq!(open(7, &[], "+").unwrap().message, None);
    }

    #[test]
    fn a_rumor_by_another_author_or_with_another_id_is_unreadable() {
        let seal = signed(1, 13, 1, &[], "sealed");
        let other = signed(2, 1, 1, &[], "");
        let read = |json: serde_json::Value| parse_seal(&seal, Some(&json.to_string())).rumor;
        let good = json!({"pubkey": seal.pubkey, "created_at": 9, "kind": 14, "tags": [], "content": "x"});
        let id = read(good.clone()).open().unwrap().rumor.id();
        let with = |name: &str, value: serde_json::Value| {
            let mut json = good.clone();
            json[name] = value;
            read(json)
        };
        assert!(with("id", json!(id)).open().is_some());
        assert_eq!(with("id", json!(other.id)), Private::Unreadable);
        assert_eq!(with("pubkey", json!(other.pubkey)), Private::Unreadable);
        assert_eq!(with("tags", json!("x")), Private::Unreadable);
        assert_eq!(parse_seal(&seal, Some("")).rumor, Private::Unreadable);
        assert_eq!(parse_seal(&seal, None).rumor, Private::Locked);
    }

    #[test]
    fn a_wrap_opens_to_its_rumor() {
        let to = "a".repeat(64);
        let wrap = signed(3, 1059, 1, &[&["p", &to]], "wrapped");
        let author = signed(1, 1, 1, &[], "").pubkey;
        let rumor = json!({"pubkey": author, "created_at": 9, "kind": 14, "tags": [["p", to]], "content": "x"});
        let read = |json: &str| parse_wrap(&wrap, Some(json)).content;
        let unsealed = read(&rumor.to_string()).open().cloned().unwrap();
        assert_eq!(unsealed.rumor.pubkey, author);
        assert_eq!(unsealed.message.unwrap().chat_id, chat_id([author, Pubkey([0xaa; 32])]));
        assert_eq!(read("no rumor"), Private::Unreadable);
        let locked = parse_wrap(&wrap, None);
        assert_eq!(
            (locked.content, locked.recipient.unwrap().pubkey),
            (Private::Locked, Pubkey([0xaa; 32]))
        );
    }
}
