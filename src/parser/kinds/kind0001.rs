//! Kind 1: a short text note, its thread and whom it cites (NIP-10, 18, 27).

use super::tags::{self, EventRef, Mention, ProfileRef, Quote};
use crate::nostr::event::RawEvent;
use crate::parser::content::{self, Content};

/// A note.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub content: Content,
    /// What it answers; its root when it answers that.
    pub reply: Option<EventRef>,
    /// Where its thread begins.
    pub root: Option<EventRef>,
    /// Other events of its `e` tags.
    pub mentions: Vec<EventRef>,
    pub quotes: Vec<Quote>,
    /// People named in the text.
    pub profiles: Vec<Mention>,
    /// People of its `p` tags: those to be told of it.
    pub recipients: Vec<ProfileRef>,
}

pub(super) fn parse(event: &RawEvent) -> Note {
    let content = content::parse(&event.content, &event.tags);
    let (quotes, profiles) = tags::citations(event, &content.blocks);
    let thread = Thread::of(event);
    Note {
        content,
        reply: thread.reply,
        root: thread.root,
        mentions: thread.mentions,
        quotes,
        profiles,
        recipients: tags::all(&event.tags, "p", ProfileRef::from_tag),
    }
}

/// The meaning of the `e` tags (NIP-10).
struct Thread {
    reply: Option<EventRef>,
    root: Option<EventRef>,
    mentions: Vec<EventRef>,
}

impl Thread {
    fn of(event: &RawEvent) -> Thread {
        let marked = tags::all(&event.tags, "e", |tag| {
            Some((EventRef::from_tag(tag)?, tags::value(tag, 3)))
        });
        let by_marker = |marker: &str| marked.iter().position(|(_, m)| *m == Some(marker));
        let (mut root, mut reply) = (by_marker("root"), by_marker("reply"));
        if root.is_none() && reply.is_none() {
            // The deprecated scheme: the first is the root, the last is answered. Only one is both.
            root = marked.iter().position(|(_, m)| *m != Some("mention"));
            reply = marked.iter().rposition(|(_, m)| *m != Some("mention"));
        }
        let reply = reply.or(root);
        let get = |at: Option<usize>| at.and_then(|at| marked.get(at)).map(|(event, _)| event.clone());
        Thread {
            reply: get(reply),
            root: get(root),
            mentions: marked
                .iter()
                .enumerate()
                .filter(|(at, _)| Some(*at) != root && Some(*at) != reply)
                .map(|(_, (event, _))| event.clone())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use crate::nostr::event::{EventId, Pubkey};
    use crate::nostr::relay_url::RelayUrl;
    use crate::parser::kinds::tags::QuoteTarget;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const C: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
    const KEY: &str = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d";

    fn read(tags: &[&[&str]], content: &str) -> Note {
        parse(&signed(1, 1, 1, tags, content))
    }

    /// Root, reply and mentions by the first letter of their ids.
    fn thread(tags: &[&[&str]]) -> String {
        let note = read(tags, "");
        let letter = |event: &EventRef| event.id.to_string()[..1].to_owned();
        let one = |event: &Option<EventRef>| event.as_ref().map_or("-".into(), letter);
        format!(
            "{}{} {}",
            one(&note.root),
            one(&note.reply),
            note.mentions.iter().map(letter).collect::<String>()
        )
    }

    #[test]
    fn marked_tags_come_first_and_positions_after() {
        let cases: &[(&[&[&str]], &str)] = &[
            (&[], "-- "),
            (&[&["e", A, "", "root"]], "aa "),
            (&[&["e", A, "", "root"], &["e", B, "", "reply"]], "ab "),
            (&[&["e", B, "", "reply"], &["e", A, "", "root"]], "ab "),
            (&[&["e", C], &["e", A, "", "root"], &["e", B, "", "mention"]], "aa cb"),
            (&[&["e", B, "", "reply"]], "-b "),
            (&[&["e", A]], "aa "),
            (&[&["e", A], &["e", B]], "ab "),
            (&[&["e", A], &["e", C], &["e", B]], "ab c"),
            (&[&["e", A, "", "mention"]], "-- a"),
            (&[&["e", C, "", "mention"], &["e", A], &["e", B]], "ab c"),
            (
                &[
                    &["e", "nonsense", "", "root"],
                    &["e"],
                    &["e", A, "wss://r.example", KEY],
                ],
                "aa ",
            ),
        ];
        for (tags, want) in cases {
            assert_eq!(&thread(tags), want, "{tags:?}");
        }
    }

    #[test]
    fn hints_of_relay_and_author_are_kept_where_they_can_be_read() {
        let note = read(
            &[
                &["e", A, "wss://R.example/", "root", KEY],
                &["e", B, "nonsense", "reply", "x"],
            ],
            "",
        );
        let pubkey = Pubkey::from_hex(KEY);
        assert_eq!(
            note.root.unwrap(),
            EventRef {
                id: EventId::from_hex(A).unwrap(),
                relay: RelayUrl::parse("wss://r.example").ok(),
                author: pubkey
            }
        );
        assert_eq!(
            note.reply.unwrap(),
            EventRef {
                id: EventId::from_hex(B).unwrap(),
                relay: None,
                author: None
            }
        );
        assert_eq!(read(&[&["e", A, "", KEY]], "").reply.unwrap().author, pubkey);
    }

    #[test]
    fn quotes_come_from_tags_and_text_and_are_united() {
        let text = "see nostr:nevent1qqstna2yrezu5wghjvswqqculvvwxsrcvu7uc0f78gan4xqhvz49d9spr3mhxue69uhkummnw3ez6un9d3shjtn4de6x2argwghx6egpr4mhxue69uhkummnw3ez6ur4vgh8wetvd3hhyer9wghxuet5nxnepm and nostr:naddr1qqzkjurnw4ksz9thwden5te0wfjkccte9ehx7um5wghx7un8qgs2d90kkcq3nk2jry62dyf50k0h36rhpdtd594my40w9pkal876jxgrqsqqqa28pccpzu";
        let id = "b9f5441e45ca39179320e0031cfb18e34078673dcc3d3e3a3b3a981760aa5696";
        let address = format!("30023:{KEY}:x");
        let note = read(
            &[
                &["q", id, "wss://q.example", KEY],
                &["q", &address],
                &["q", "nonsense"],
                &["q", id],
            ],
            text,
        );
        assert_eq!(note.quotes.len(), 3);
        assert_eq!(
            note.quotes[0].target,
            QuoteTarget::Event(EventId::from_hex(id).unwrap())
        );
        assert_eq!(note.quotes[0].relays.len(), 3);
        assert_eq!(note.quotes[0].author, Pubkey::from_hex(KEY));
        assert!(
            matches!(&note.quotes[1], Quote { target: QuoteTarget::Address(a), author, .. } if a.to_string() == address && *author == Some(a.pubkey))
        );
        assert!(matches!(&note.quotes[2].target, QuoteTarget::Address(a) if a.identifier == "ipsum"));
    }

    #[test]
    fn people_named_in_the_text_are_told_apart_from_those_only_tagged() {
        let text = "hi nostr:npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6 and again npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6";
        let note = read(&[&["p", KEY, "wss://p.example"], &["p", A], &["p", "x"]], text);
        assert_eq!(
            note.profiles,
            [Mention {
                pubkey: Pubkey::from_hex(KEY).unwrap(),
                relays: vec![RelayUrl::parse("wss://p.example").unwrap()]
            }]
        );
        assert_eq!(note.recipients.len(), 2);
        assert_eq!(note.content.blocks.len(), 4);
        assert_eq!(note.content.shortened, None);
    }
}
