//! Kind 3: whom a person follows (NIP-02).

use super::tags::{self, ProfileRef};
use crate::nostr::event::{Pubkey, RawEvent, Tag};
use crate::nostr::relay_url::RelayUrl;
use crate::sorted;

/// A followed or listed person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub pubkey: Pubkey,
    pub relay: Option<RelayUrl>,
    /// The list's owner's own name for them.
    pub petname: Option<String>,
}

impl Contact {
    pub(super) fn from_tag(tag: &Tag) -> Option<Contact> {
        let ProfileRef { pubkey, relay } = ProfileRef::from_tag(tag)?;
        Some(Contact {
            pubkey,
            relay,
            petname: tags::value(tag, 3).map(str::to_owned),
        })
    }
}

/// The list in its order, each person once.
pub(super) fn parse(event: &RawEvent) -> Vec<Contact> {
    people(&event.tags)
}

/// The people of the `p` tags, each once, where they first stand.
pub(super) fn people(tags: &[Tag]) -> Vec<Contact> {
    sorted::unique_by_key(tags::all(tags, "p", Contact::from_tag), |contact| &contact.pubkey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn contacts_keep_their_order_and_what_can_be_read_of_them() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let event = signed(
            1,
            3,
            1,
            &[
                &["p", &b, "wss://Alice.example/", "alice"],
                &["p", &a, "", ""],
                &["p", "14aeb..8dad4"],
                &["p"],
                &["e", &a],
                &["p", &b, "", "again"],
            ],
            "{\"wss://old.example\":{\"read\":true}}",
        );
        assert_eq!(
            parse(&event),
            [
                Contact {
                    pubkey: Pubkey([0xbb; 32]),
                    relay: RelayUrl::parse("wss://alice.example").ok(),
                    petname: Some("alice".into())
                },
                Contact {
                    pubkey: Pubkey([0xaa; 32]),
                    relay: None,
                    petname: None
                },
            ]
        );
        assert_eq!(parse(&signed(1, 3, 1, &[], "")), []);
    }
}
