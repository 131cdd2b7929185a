//! Kinds 7 and 17: reactions to events and to things outside Nostr (NIP-25, NIP-30, NIP-73).

use super::tags::{self, Address, AddressRef, EventRef, ProfileRef};
use crate::nostr::event::{Pubkey, RawEvent};
use crate::nostr::kind::Kind;
use crate::parser::content::imeta;

/// What a reaction expresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReactionType {
    /// `+` or nothing.
    Like,
    /// `-`.
    Dislike,
    /// An emoji, or whatever else was written, to be shown as it is.
    Emoji,
    /// A NIP-30 emoji that the event defines.
    Custom { shortcode: String, url: String },
}

/// A reaction to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub reaction: ReactionType,
    pub content: String,
    /// Absent where only an address is given.
    pub event: Option<EventRef>,
    pub author: Option<Pubkey>,
    pub kind: Option<Kind>,
    pub address: Option<Address>,
}

/// A reaction to something that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalReaction {
    pub reaction: ReactionType,
    pub content: String,
    /// The web page's address, from an `r` tag or NIP-73's `i`.
    pub url: Option<String>,
    pub targets: Vec<External>,
}

/// Something outside Nostr (NIP-73).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// `https://…`, `isbn:…`, `podcast:guid:…`.
    pub id: String,
    /// `web`, `isbn`, `podcast:guid`; absent where the tags do not pair.
    pub kind: Option<String>,
    /// A web page about it.
    pub hint: Option<String>,
}

/// `None` without a target.
pub(super) fn parse(event: &RawEvent) -> Option<Reaction> {
    // Of several the last is meant.
    let target = tags::last(&event.tags, "e", EventRef::from_tag);
    let address = tags::last(&event.tags, "a", AddressRef::from_tag).map(|address| address.address);
    if target.is_none() && address.is_none() {
        return None;
    }
    let person = tags::last(&event.tags, "p", ProfileRef::from_tag).map(|person| person.pubkey);
    Some(Reaction {
        reaction: reaction(event),
        content: event.content.clone(),
        author: person
            .or(target.as_ref().and_then(|target| target.author))
            .or(address.as_ref().map(|address| address.pubkey)),
        kind: tags::kind(&event.tags, "k").or(address.as_ref().map(|address| address.kind)),
        event: target,
        address,
    })
}

/// `None` without a target.
pub(super) fn parse_external(event: &RawEvent) -> Option<ExternalReaction> {
    let targets = externals(event);
    let page = targets
        .iter()
        .map(|target| target.id.clone())
        .find(|id| imeta::is_web(id));
    let url = tags::text(&event.tags, "r").filter(|url| imeta::is_web(url)).or(page);
    if url.is_none() && targets.is_empty() {
        return None;
    }
    Some(ExternalReaction {
        reaction: reaction(event),
        content: event.content.clone(),
        url,
        targets,
    })
}

fn externals(event: &RawEvent) -> Vec<External> {
    let kinds = tags::all(&event.tags, "k", |tag| Some(tags::value(tag, 1)?.to_owned()));
    let ids = tags::all(&event.tags, "i", |tag| {
        Some((tags::value(tag, 1)?, tags::value(tag, 2)))
    });
    let paired = kinds.len() == ids.len();
    ids.iter()
        .enumerate()
        .map(|(at, (id, hint))| External {
            id: (*id).to_owned(),
            kind: kinds.get(at).filter(|_| paired).cloned(),
            hint: hint.filter(|hint| !tags::runs(hint)).map(str::to_owned),
        })
        .collect()
}

fn reaction(event: &RawEvent) -> ReactionType {
    match event.content.trim() {
        "" | "+" => ReactionType::Like,
        "-" => ReactionType::Dislike,
        other => custom(event, other).unwrap_or(ReactionType::Emoji),
    }
}

fn custom(event: &RawEvent, content: &str) -> Option<ReactionType> {
    let shortcode = content.strip_prefix(':')?.strip_suffix(':')?;
    let url = tags::first(&event.tags, "emoji", |tag| {
        tags::value(tag, 2)
            .filter(|url| tags::value(tag, 1) == Some(shortcode) && imeta::is_web(url))
            .map(str::to_owned)
    })?;
    Some(ReactionType::Custom {
        shortcode: shortcode.to_owned(),
        url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    #[test]
    fn the_content_says_what_kind_of_reaction_it_is() {
        let emoji: &[&str] = &["emoji", "soapbox", "https://e.example/s.png"];
        let bad: &[&str] = &["emoji", "bad", "javascript:x"];
        let read = |content: &str| {
            parse(&signed(1, 7, 1, &[&["e", A], emoji, bad], content))
                .unwrap()
                .reaction
        };
        for (content, want) in [
            ("+", ReactionType::Like),
            ("", ReactionType::Like),
            ("-", ReactionType::Dislike),
            ("🤙", ReactionType::Emoji),
            ("lol", ReactionType::Emoji),
            (":unknown:", ReactionType::Emoji),
            (":bad:", ReactionType::Emoji),
            (":", ReactionType::Emoji),
            (
                ":soapbox:",
                ReactionType::Custom {
                    shortcode: "soapbox".into(),
                    url: "https://e.example/s.png".into(),
                },
            ),
        ] {
            assert_eq!(read(content), want, "{content}");
        }
    }

    #[test]
    fn of_several_targets_the_last_is_meant() {
        let address = format!("30023:{B}:x");
        let event = signed(
            1,
            7,
            1,
            &[
                &["e", B],
                &["e", A, "wss://r.example", B],
                &["p", A],
                &["p", B],
                &["k", "1"],
                &["a", &address],
            ],
            "🤙",
        );
        let reaction = parse(&event).unwrap();
        assert_eq!(reaction.content, "🤙");
        assert_eq!(reaction.event.unwrap().id.to_string(), A);
        assert_eq!(reaction.author.unwrap().to_string(), B);
        assert_eq!(reaction.kind, Some(Kind(1)));
        assert_eq!(reaction.address.unwrap().to_string(), address);
        let by_address = parse(&signed(1, 7, 1, &[&["a", &address]], "+")).unwrap();
        assert_eq!(
            (by_address.kind, by_address.author),
            (Some(Kind(30023)), Pubkey::from_hex(B))
        );
        assert_eq!(parse(&signed(1, 7, 1, &[&["e", "x"], &["p", A]], "+")), None);
    }

    #[test]
    fn a_reaction_to_a_web_page_names_it() {
        let read = |tags: &[&[&str]]| parse_external(&signed(1, 17, 1, tags, "⭐"));
        let web = read(&[&["k", "web"], &["i", "https://example.com"]]).unwrap();
        assert_eq!(
            (web.url.as_deref(), web.reaction.clone()),
            (Some("https://example.com"), ReactionType::Emoji)
        );
        assert_eq!(
            web.targets,
            [External {
                id: "https://example.com".into(),
                kind: Some("web".into()),
                hint: None
            }]
        );
        assert_eq!(
            read(&[&["r", "https://old.example"]]).unwrap().url.as_deref(),
            Some("https://old.example")
        );
        let podcast = read(&[
            &["k", "podcast:guid"],
            &["i", "podcast:guid:917393e3", "https://fountain.fm/show/Q"],
            &["k", "podcast:item:guid"],
            &["i", "podcast:item:guid:PC20-229"],
        ]);
        let podcast = podcast.unwrap();
        assert_eq!((podcast.url, podcast.targets.len()), (None, 2));
        assert_eq!(podcast.targets[0].hint.as_deref(), Some("https://fountain.fm/show/Q"));
        assert_eq!(
            read(&[&["i", "isbn:1"], &["i", "isbn:2"], &["k", "isbn"]])
                .unwrap()
                .targets[0]
                .kind,
            None
        );
        assert_eq!(read(&[&["r", "javascript:x"], &["k", "web"]]), None);
    }
}
