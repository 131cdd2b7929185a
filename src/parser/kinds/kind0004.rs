//! Kind 4: a direct message of old (NIP-04).

use super::private::{Private, encryption};
use super::tags::{self, ProfileRef};
use crate::nostr::event::{EventId, Pubkey, RawEvent};
use crate::parser::content::{self, Content};
use crate::sorted::SortedSet;

/// A direct message.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectMessage {
    pub recipient: Pubkey,
    /// Both pubkeys, sorted, joined by `_`: the same for either direction.
    pub chat_id: String,
    /// The message it answers.
    pub reply: Option<EventId>,
    pub message: Private<Plaintext>,
    /// As long as the message is locked.
    pub ciphertext: Option<String>,
}

/// A decrypted text.
#[derive(Clone, Debug, PartialEq)]
pub struct Plaintext {
    pub text: String,
    pub content: Content,
}

/// `None` without a recipient.
pub(super) fn parse(event: &RawEvent, decrypted: Option<&str>) -> Option<DirectMessage> {
    let recipient = tags::first(&event.tags, "p", ProfileRef::from_tag)?.pubkey;
    let message = Private::of(decrypted, |text| {
        // The tags are public, the text is not: they define nothing in it.
        Some(Plaintext {
            text: text.to_owned(),
            content: content::parse(text, &[]),
        })
    });
    Some(DirectMessage {
        recipient,
        chat_id: chat_id([event.pubkey, recipient]),
        reply: tags::first(&event.tags, "e", |tag| EventId::from_hex(tags::value(tag, 1)?)),
        ciphertext: (message == Private::Locked && encryption(&event.content).is_some()).then(|| event.content.clone()),
        message,
    })
}

/// The pubkeys, sorted, each once, joined by `_`.
pub(super) fn chat_id(people: impl IntoIterator<Item = Pubkey>) -> String {
    let people: SortedSet<Pubkey> = people.into_iter().collect();
    people.iter().map(Pubkey::to_string).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const CIPHER: &str = "TJob1dQrf2ndsmdbeGU+0w==?iv=S3rFeFr1gsYqmQA7bNnNTQ==";

    #[test]
    fn a_message_is_locked_until_its_text_is_given() {
        let other = "0".repeat(63) + "1";
        let event = signed(1, 4, 1, &[&["p", &other], &["e", &"a".repeat(64)]], CIPHER);
        let locked = parse(&event, None).unwrap();
        assert_eq!(locked.chat_id, format!("{other}_{}", event.pubkey));
        assert_eq!(
            (locked.recipient.to_string(), locked.reply),
            (other, Some(EventId([0xaa; 32])))
        );
        assert_eq!(
            (locked.message, locked.ciphertext.as_deref()),
            (Private::Locked, Some(CIPHER))
        );
        let open = parse(&event, Some("see https://a.example")).unwrap();
        assert_eq!(open.ciphertext, None);
        let plain = open.message.open().unwrap();
        assert_eq!(
            (plain.text.as_str(), plain.content.blocks.len()),
            ("see https://a.example", 2)
        );
    }

    #[test]
    fn a_message_to_nobody_is_none_and_one_that_is_not_encrypted_has_no_ciphertext() {
        assert_eq!(parse(&signed(1, 4, 1, &[&["p", "x"]], CIPHER), None), None);
        assert_eq!(
            parse(&signed(1, 4, 1, &[&["p", &"a".repeat(64)]], "hello"), None)
                .unwrap()
                .ciphertext,
            None
        );
    }
}
