//! Kind 1111: a comment (NIP-22) on an event, an address or something outside Nostr (NIP-73).

use super::tags::{self, AddressRef, EventRef, Mention, ProfileRef, Quote};
use crate::nostr::event::{RawEvent, Tag};
use crate::parser::content::{self, Content};

/// A comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    pub content: Content,
    /// What the whole discussion is about.
    pub root: Scope,
    /// What this comment answers; absent where the tags do not say.
    pub parent: Option<Scope>,
    pub quotes: Vec<Quote>,
    pub profiles: Vec<Mention>,
}

/// What is commented on. An addressable event may be given by address and by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub event: Option<EventRef>,
    pub address: Option<AddressRef>,
    /// A NIP-73 id.
    pub external: Option<String>,
    /// A web page about `external`.
    pub hint: Option<String>,
    /// A kind's number, or NIP-73's kind of an external id.
    pub kind: Option<String>,
    pub author: Option<ProfileRef>,
}

/// `None` without a root.
pub(super) fn parse(event: &RawEvent) -> Option<Comment> {
    let root = scope(&event.tags, ["E", "A", "I", "K", "P"])?;
    let content = content::parse(&event.content, &event.tags);
    let (quotes, profiles) = tags::citations(event, &content.blocks);
    Some(Comment {
        content,
        root,
        parent: scope(&event.tags, ["e", "a", "i", "k", "p"]),
        quotes,
        profiles,
    })
}

fn scope(tags: &[Tag], [event, address, external, kind, author]: [&str; 5]) -> Option<Scope> {
    let external_tag = tags::first(tags, external, |tag| {
        Some((
            tags::value(tag, 1)?.to_owned(),
            tags::value(tag, 2).filter(|hint| !tags::runs(hint)).map(str::to_owned),
        ))
    });
    let (external, hint) = external_tag.map_or((None, None), |(id, hint)| (Some(id), hint));
    let scope = Scope {
        event: tags::first(tags, event, EventRef::from_tag),
        address: tags::first(tags, address, AddressRef::from_tag),
        external,
        hint,
        kind: tags::text(tags, kind),
        author: tags::first(tags, author, ProfileRef::from_tag),
    };
    (scope.event.is_some() || scope.address.is_some() || scope.external.is_some()).then_some(scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const KEY: &str = "3c9849383bdea883b0bd16fece1ed36d37e37cdde3ce43b17ea4e9192ec11289";
    const ID: &str = "5b4fc7fed15672fefe65d2426f67197b71ccc82aa0cc8a9e94f683eb78e07651";

    fn read(tags: &[&[&str]]) -> Option<Comment> {
        parse(&signed(1, 1111, 1, tags, "Great blog post!"))
    }

    #[test]
    fn a_comment_on_an_article_names_its_address_and_version() {
        let address = format!("30023:{KEY}:f9347ca7");
        let relay = "wss://example.relay";
        let comment = read(&[
            &["A", &address, relay],
            &["K", "30023"],
            &["P", KEY, relay],
            &["a", &address, relay],
            &["e", ID, relay],
            &["k", "30023"],
            &["p", KEY, relay],
        ])
        .unwrap();
        assert_eq!(comment.root.address.as_ref().unwrap().address.to_string(), address);
        assert_eq!(comment.root.kind.as_deref(), Some("30023"));
        assert_eq!(comment.root.author.as_ref().unwrap().pubkey.to_string(), KEY);
        assert_eq!((&comment.root.event, &comment.root.external), (&None, &None));
        let parent = comment.parent.unwrap();
        assert_eq!(parent.event.unwrap().id.to_string(), ID);
        assert!(parent.address.is_some() && parent.author.unwrap().relay.is_some());
        assert_eq!(comment.content.blocks.len(), 1);
    }

    #[test]
    fn a_reply_to_a_comment_on_a_podcast_keeps_the_root_outside() {
        let guid = "podcast:item:guid:d98d189b";
        let hint = "https://fountain.fm/episode/z1";
        let comment = read(&[
            &["I", guid, hint],
            &["K", "podcast:item:guid"],
            &["e", ID, "wss://example.relay", KEY],
            &["k", "1111"],
            &["p", KEY],
        ])
        .unwrap();
        assert_eq!(
            (comment.root.external.as_deref(), comment.root.hint.as_deref()),
            (Some(guid), Some(hint))
        );
        let parent = comment.parent.unwrap();
        assert_eq!(
            (
                parent.kind.as_deref(),
                parent.event.unwrap().author.unwrap().to_string()
            ),
            (Some("1111"), KEY.into())
        );
    }

    #[test]
    fn a_comment_on_nothing_is_none_and_a_missing_parent_absent() {
        assert_eq!(read(&[&["e", ID], &["k", "1"]]), None);
        assert_eq!(read(&[&["E", "x"], &["A", "y"], &["I", ""], &["K", "1"]]), None);
        assert_eq!(read(&[&["E", ID], &["K", "1"]]).unwrap().parent, None);
    }
}
