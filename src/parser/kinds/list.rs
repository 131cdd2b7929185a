//! Lists and sets (NIP-51): what they hold in public, and what only their owner can read.

use super::kind0003::{Contact, people};
use super::kind7375::tag_list;
use super::private::{Encryption, Private, encryption};
use super::tags::{self, AddressRef, EventRef};
use crate::nostr::event::{RawEvent, Tag};
use crate::nostr::kind::{Kind, Retention};
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::imeta;

/// A list.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// Absent for a kind of which a person has only one.
    pub identifier: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub image: Option<String>,
    pub items: ListItems,
    /// Absent where nothing is encrypted.
    pub private: Option<PrivateItems>,
}

/// The encrypted items.
#[derive(Clone, Debug, PartialEq)]
pub struct PrivateItems {
    /// NIP-04 for lists of old.
    pub encryption: Encryption,
    pub items: Private<ListItems>,
}

/// What a list can hold, each in the order of its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListItems {
    pub people: Vec<Contact>,
    pub events: Vec<EventRef>,
    pub addresses: Vec<AddressRef>,
    /// Hashtags (`t`).
    pub topics: Vec<String>,
    /// Words to mute, in lower case.
    pub words: Vec<String>,
    /// From `relay` tags, and `r` tags with a relay's address.
    pub relays: Vec<RelayUrl>,
    pub emoji: Vec<Emoji>,
}

/// A NIP-30 emoji.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emoji {
    pub shortcode: String,
    pub url: String,
}

/// Whether `kind` is a list by NIP-51's tables, the deprecated 30001 among them, kinds with a parser of their own aside.
pub fn is_list(kind: Kind) -> bool {
    matches!(
        kind.0,
        10_000..=19_999 | 30_000..=30_008 | 30_015 | 30_030 | 30_063 | 30_267 | 31_924 | 39_089 | 39_092
    )
}

pub(super) fn parse(event: &RawEvent, decrypted: Option<&str>) -> List {
    let tags = &event.tags;
    List {
        identifier: (event.kind.retention() == Retention::Addressable).then(|| event.d_tag().to_owned()),
        title: tags::text(tags, "title"),
        description: tags::text(tags, "description"),
        image: tags::link(tags, "image"),
        items: ListItems::of(tags),
        private: encryption(&event.content).map(|encryption| PrivateItems {
            encryption,
            items: Private::of(decrypted, |json| Some(ListItems::of(&tag_list(json)?))),
        }),
    }
}

impl ListItems {
    fn of(tags: &[Tag]) -> ListItems {
        let mut relays = tags::relays(tags, "relay");
        relays.extend(tags::all(tags, "r", |tag| tags::relay(tag, 1)));
        ListItems {
            people: people(tags),
            events: tags::all(tags, "e", EventRef::from_tag),
            addresses: tags::all(tags, "a", AddressRef::from_tag),
            topics: tags::texts(tags, "t"),
            words: tags::unique(tags::all(tags, "word", |tag| {
                tags::value(tag, 1).map(str::to_lowercase)
            })),
            relays: tags::unique(relays),
            emoji: tags::all(tags, "emoji", |tag| {
                let url = tags::value(tag, 2).filter(|url| imeta::is_web(url))?;
                Some(Emoji {
                    shortcode: tags::value(tag, 1)?.to_owned(),
                    url: url.to_owned(),
                })
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const KEY: &str = "07caba282f76441955b695551c3c5c742e5b9202a3784780f8086fdcdc1da3a9";
    const CIPHER: &str = "TJob1dQrf2ndsmdbeGU+0w==?iv=S3rFeFr1gsYqmQA7bNnNTQ==";

    #[test]
    fn every_sort_of_item_is_read() {
        let address = format!("30023:{KEY}:95ODQzw3ajNoZ8SyMDOzQ");
        let tags: &[&[&str]] = &[
            &["d", "jvdy9i4"],
            &["title", "Yaks"],
            &["image", "https://e.example/yak.jpg"],
            &["description", "The domestic yak"],
            &["p", KEY, "wss://r.example", "pet"],
            &["p", "bad"],
            &["e", KEY, "wss://r.example"],
            &["a", &address],
            &["a", "bad"],
            &["t", "yaks"],
            &["t", "yaks"],
            &["word", "Spam"],
            &["relay", "wss://Relay.example/"],
            &["r", "wss://group.example"],
            &["r", "https://web.example"],
            &["emoji", "yak", "https://e.example/y.png"],
            &["emoji", "bad", "y.png"],
        ];
        let list = parse(&signed(1, 30004, 1, tags, ""), None);
        assert_eq!(
            (list.identifier.as_deref(), list.title.as_deref()),
            (Some("jvdy9i4"), Some("Yaks"))
        );
        assert_eq!(
            (list.description.as_deref(), list.image.as_deref()),
            (Some("The domestic yak"), Some("https://e.example/yak.jpg"))
        );
        let items = list.items;
        assert_eq!(
            (items.people.len(), items.people[0].petname.as_deref()),
            (1, Some("pet"))
        );
        assert_eq!((items.events.len(), items.addresses.len()), (1, 1));
        assert_eq!(
            (items.topics, items.words),
            (vec!["yaks".to_owned()], vec!["spam".to_owned()])
        );
        assert_eq!(
            items.relays.iter().map(RelayUrl::as_str).collect::<Vec<_>>(),
            ["wss://relay.example", "wss://group.example"]
        );
        assert_eq!(
            items.emoji,
            [Emoji {
                shortcode: "yak".into(),
                url: "https://e.example/y.png".into()
            }]
        );
        assert_eq!(list.private, None);
    }

    #[test]
    fn private_items_are_locked_open_or_unreadable() {
        let event = signed(1, 10000, 1, &[&["p", KEY]], CIPHER);
        let read = |decrypted| parse(&event, decrypted).private.unwrap();
        assert_eq!(
            read(None),
            PrivateItems {
                encryption: Encryption::Nip04,
                items: Private::Locked
            }
        );
        let json = format!("[[\"p\",\"{KEY}\"],[\"word\",\"x\"]]");
        let items = read(Some(&json)).items;
        assert_eq!(
            (items.open().unwrap().people.len(), items.open().unwrap().words.len()),
            (1, 1)
        );
        assert_eq!(read(Some("nonsense")).items, Private::Unreadable);
        assert_eq!(parse(&event, None).identifier, None);
        // NIP-51's release notes and selections of apps have plain content.
        assert_eq!(
            parse(&signed(1, 30063, 1, &[], "Release notes in markdown"), Some("[]")).private,
            None
        );
    }

    #[test]
    fn the_kinds_of_lists_are_those_of_the_table() {
        for kind in [
            10000, 10003, 10050, 19999, 30000, 30001, 30002, 30007, 30008, 30015, 30030, 30063, 30267, 31924, 39089,
            39092,
        ] {
            assert!(is_list(Kind(kind)), "{kind}");
        }
        for kind in [9999, 20000, 30009, 30014, 30023, 30311, 39088, 39090, 39091, 39093] {
            assert!(!is_list(Kind(kind)), "{kind}");
        }
    }
}
