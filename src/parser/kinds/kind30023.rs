//! Kinds 30023 and 30024: articles and their drafts (NIP-23).

use super::markdown::{self, Node, NodeKind};
use super::tags::{self, Address, Mention, Quote};
use crate::nostr::event::RawEvent;
use crate::nostr::kind::Kind;
use crate::parser::content::{Block, BlockKind};
use crate::time::UnixSeconds;

/// An article.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    pub draft: bool,
    pub identifier: String,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub image: Option<String>,
    pub topics: Vec<String>,
    /// When it was first published.
    pub published_at: Option<UnixSeconds>,
    pub address: Address,
    /// Its body, in document order.
    pub body: Vec<Node>,
    pub quotes: Vec<Quote>,
    pub profiles: Vec<Mention>,
}

pub(super) fn parse(event: &RawEvent) -> Article {
    let body = markdown::parse(&event.content, &event.tags);
    let (quotes, profiles) = tags::citations(event, &cited(&body));
    Article {
        draft: event.kind == Kind(30024),
        identifier: event.d_tag().to_owned(),
        title: tags::text(&event.tags, "title"),
        summary: tags::text(&event.tags, "summary"),
        image: tags::link(&event.tags, "image"),
        topics: tags::texts(&event.tags, "t"),
        published_at: tags::number(&event.tags, "published_at").map(UnixSeconds),
        address: Address::of(event),
        body,
        quotes,
        profiles,
    }
}

/// The entities of the body, as blocks of no text.
fn cited(body: &[Node]) -> Vec<Block> {
    body.iter()
        .filter_map(|node| match &node.kind {
            NodeKind::Content {
                kind: BlockKind::Nostr(entity),
                ..
            }
            | NodeKind::Link {
                entity: Some(entity), ..
            } => Some(Block {
                kind: BlockKind::Nostr(entity.clone()),
                start: 0,
                end: 0,
            }),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn the_example_of_nip_23_is_read() {
        let content = "Lorem [ipsum][nostr:nevent1qqst8cujky046negxgwwm5ynqwn53t8aqjr6afd8g59nfqwxpdhylpcpzamhxue69uhhyetvv9ujuetcv9khqmr99e3k7mg8arnc9] dolor sit amet.\n\nRead more at nostr:naddr1qqzkjurnw4ksz9thwden5te0wfjkccte9ehx7um5wghx7un8qgs2d90kkcq3nk2jry62dyf50k0h36rhpdtd594my40w9pkal876jxgrqsqqqa28pccpzu.";
        let tags: &[&[&str]] = &[
            &["d", "lorem-ipsum"],
            &["title", "Lorem Ipsum"],
            &["published_at", "1296962229"],
            &["t", "placeholder"],
            &["summary", "S"],
            &["image", "https://e.example/i.png"],
        ];
        let event = signed(1, 30023, 1_675_642_635, tags, content);
        let article = parse(&event);
        assert_eq!((article.draft, article.identifier.as_str()), (false, "lorem-ipsum"));
        assert_eq!(
            (article.title.as_deref(), article.summary.as_deref()),
            (Some("Lorem Ipsum"), Some("S"))
        );
        assert_eq!(article.image.as_deref(), Some("https://e.example/i.png"));
        assert_eq!(
            (article.topics, article.published_at),
            (vec!["placeholder".to_owned()], Some(UnixSeconds(1_296_962_229)))
        );
        assert_eq!(
            article.address.to_string(),
            format!("30023:{}:lorem-ipsum", event.pubkey)
        );
        assert_eq!(article.quotes.len(), 2);
        assert_eq!(
            article
                .body
                .iter()
                .filter(|node| node.kind == NodeKind::Paragraph)
                .count(),
            2
        );
    }

    #[test]
    fn what_is_missing_or_odd_is_absent() {
        let draft = parse(&signed(
            1,
            30024,
            1,
            &[&["published_at", "soon"], &["title", ""], &["t"]],
            "",
        ));
        assert!(draft.draft && draft.body.is_empty());
        assert_eq!(
            (draft.identifier.as_str(), draft.title, draft.published_at, draft.topics),
            ("", None, None, vec![])
        );
    }
}
