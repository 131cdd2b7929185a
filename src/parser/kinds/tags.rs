//! Reading tags (NIP-01): references, texts and numbers, each whole or absent.

use std::collections::HashMap;

use crate::nostr::event::{EventId, Pubkey, RawEvent, Tag};
use crate::nostr::hex;
use crate::nostr::kind::Kind;
use crate::nostr::nip19::Entity;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::{Block, BlockKind};
use crate::sorted;

/// The address of a replaceable or addressable event (NIP-01 `a` tag).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub kind: Kind,
    pub pubkey: Pubkey,
    /// The `d` tag; empty for a replaceable kind.
    pub identifier: String,
}

impl Address {
    /// The address of `event`, which is of a replaceable or addressable kind.
    pub fn of(event: &RawEvent) -> Address {
        Address {
            kind: event.kind,
            pubkey: event.pubkey,
            identifier: event.d_tag().to_owned(),
        }
    }

    /// Reads `kind:pubkey:identifier`.
    pub fn parse(text: &str) -> Option<Address> {
        let mut parts = text.splitn(3, ':');
        let kind = parts.next()?;
        // `parse` takes a plus sign, a kind does not.
        if !kind.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Address {
            kind: Kind(kind.parse().ok()?),
            pubkey: Pubkey(hex::decode(parts.next()?)?),
            identifier: parts.next()?.to_owned(),
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.kind.0, self.pubkey, self.identifier)
    }
}

/// An event somebody points to (`e`, `E`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRef {
    pub id: EventId,
    /// Where it may be found.
    pub relay: Option<RelayUrl>,
    /// Whose it is, as the one who points says.
    pub author: Option<Pubkey>,
}

/// A replaceable or addressable event somebody points to (`a`, `A`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRef {
    pub address: Address,
    pub relay: Option<RelayUrl>,
}

/// A person somebody points to (`p`, `P`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRef {
    pub pubkey: Pubkey,
    pub relay: Option<RelayUrl>,
}

/// What a quote cites.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuoteTarget {
    Event(EventId),
    Address(Address),
}

/// A cited event: by a `q` tag (NIP-18), in the content (NIP-27), or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub target: QuoteTarget,
    pub relays: Vec<RelayUrl>,
    pub author: Option<Pubkey>,
}

/// A person named in the content (NIP-27).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    pub pubkey: Pubkey,
    /// From the entity and from the `p` tag of the same person.
    pub relays: Vec<RelayUrl>,
}

/// Whether the tag is called `name`.
pub fn is(tag: &Tag, name: &str) -> bool {
    tag.first().is_some_and(|first| first == name)
}

/// The tag's value at `index`, if it is not empty.
pub fn value(tag: &Tag, index: usize) -> Option<&str> {
    tag.get(index).map(String::as_str).filter(|value| !value.is_empty())
}

/// The relay at `index`, normalised.
pub fn relay(tag: &Tag, index: usize) -> Option<RelayUrl> {
    RelayUrl::parse(value(tag, index)?).ok()
}

fn pubkey(tag: &Tag, index: usize) -> Option<Pubkey> {
    Pubkey::from_hex(value(tag, index)?)
}

impl EventRef {
    /// Reads `[_, id, relay, …]` with the author after the marker (NIP-10) or in its place (NIP-01).
    pub fn from_tag(tag: &Tag) -> Option<EventRef> {
        Some(EventRef {
            id: EventId::from_hex(value(tag, 1)?)?,
            relay: relay(tag, 2),
            author: pubkey(tag, 4).or_else(|| pubkey(tag, 3)),
        })
    }
}

impl AddressRef {
    /// Reads `["a", <kind:pubkey:identifier>, <relay>]`.
    pub fn from_tag(tag: &Tag) -> Option<AddressRef> {
        Some(AddressRef {
            address: Address::parse(value(tag, 1)?)?,
            relay: relay(tag, 2),
        })
    }
}

impl ProfileRef {
    /// Reads `["p", <pubkey>, <relay>]`.
    pub fn from_tag(tag: &Tag) -> Option<ProfileRef> {
        Some(ProfileRef {
            pubkey: pubkey(tag, 1)?,
            relay: relay(tag, 2),
        })
    }
}

/// All that `read` makes of the tags called `name`.
pub fn all<'a, T>(tags: &'a [Tag], name: &str, read: impl Fn(&'a Tag) -> Option<T>) -> Vec<T> {
    tags.iter().filter(|tag| is(tag, name)).filter_map(read).collect()
}

/// The first that `read` makes of the tags called `name`.
pub fn first<'a, T>(tags: &'a [Tag], name: &str, read: impl Fn(&'a Tag) -> Option<T>) -> Option<T> {
    tags.iter().filter(|tag| is(tag, name)).find_map(read)
}

/// The last that `read` makes of the tags called `name`.
pub fn last<'a, T>(tags: &'a [Tag], name: &str, read: impl Fn(&'a Tag) -> Option<T>) -> Option<T> {
    tags.iter().rev().filter(|tag| is(tag, name)).find_map(read)
}

/// The first value of a tag called `name` that is not empty.
pub fn text(tags: &[Tag], name: &str) -> Option<String> {
    first(tags, name, |tag| value(tag, 1).map(str::to_owned))
}

/// An address that a page may link to or load, in the first tag called `name` that has one.
pub fn link(tags: &[Tag], name: &str) -> Option<String> {
    first(tags, name, |tag| {
        value(tag, 1).filter(|url| !runs(url)).map(str::to_owned)
    })
}

/// Whether following the address would run what it holds, in the page that follows it.
pub fn runs(url: &str) -> bool {
    // What a browser passes over before the colon, on its way to the scheme.
    let read = url.chars().filter(|c| !c.is_whitespace() && !c.is_control());
    let start: String = read.take(11).collect::<String>().to_ascii_lowercase();
    let is_image = start.starts_with("data:image/");
    ["javascript:", "vbscript:", "data:"]
        .iter()
        .any(|scheme| start.starts_with(scheme))
        && !is_image
}

/// The values of the tags called `name`, each once, in order.
pub fn texts(tags: &[Tag], name: &str) -> Vec<String> {
    unique(all(tags, name, |tag| value(tag, 1).map(str::to_owned)))
}

/// A whole number written in digits.
pub fn number(tags: &[Tag], name: &str) -> Option<u64> {
    first(tags, name, |tag| digits(value(tag, 1)?))
}

/// `text` as a number; no sign, no space.
pub fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The event's kind in a `k` tag or the like.
pub fn kind(tags: &[Tag], name: &str) -> Option<Kind> {
    number(tags, name).and_then(|kind| u16::try_from(kind).ok()).map(Kind)
}

/// The relays of the tags called `name`: one a tag (`relay`), or many (`relays`).
pub fn relays(tags: &[Tag], name: &str) -> Vec<RelayUrl> {
    let found = tags.iter().filter(|tag| is(tag, name));
    unique(
        found
            .flat_map(|tag| tag.iter().skip(1))
            .filter_map(|url| RelayUrl::parse(url).ok())
            .collect(),
    )
}

/// Each value once, where it first stood.
pub fn unique<T: Ord>(values: Vec<T>) -> Vec<T> {
    sorted::unique_by_key(values, |value| value)
}

/// Who and what an event cites, by its tags and in its content.
pub fn citations(event: &RawEvent, blocks: &[Block]) -> (Vec<Quote>, Vec<Mention>) {
    let mut quotes = Quotes::default();
    for tag in event.tags_named("q") {
        let target = value(tag, 1).and_then(|target| match EventId::from_hex(target) {
            Some(id) => Some(QuoteTarget::Event(id)),
            None => Address::parse(target).map(QuoteTarget::Address),
        });
        if let Some(target) = target {
            quotes.add(target, relay(tag, 2), pubkey(tag, 3));
        }
    }
    let mut mentions = Mentions::default();
    for block in blocks {
        let BlockKind::Nostr(entity) = &block.kind else {
            continue;
        };
        match entity {
            Entity::Npub(pubkey) => mentions.add(*pubkey, []),
            Entity::Nprofile(profile) => mentions.add(profile.pubkey, readable(&profile.relays)),
            Entity::Note(id) => quotes.add(QuoteTarget::Event(*id), [], None),
            Entity::Nevent(event) => quotes.add(QuoteTarget::Event(event.id), readable(&event.relays), event.author),
            Entity::Naddr(naddr) => {
                let address = Address {
                    kind: naddr.kind,
                    pubkey: naddr.pubkey,
                    identifier: naddr.identifier.clone(),
                };
                quotes.add(QuoteTarget::Address(address), readable(&naddr.relays), None);
            }
        }
    }
    for person in event.tags_named("p").filter_map(ProfileRef::from_tag) {
        if mentions.at.contains_key(&person.pubkey) {
            mentions.add(person.pubkey, person.relay);
        }
    }
    (quotes.list, mentions.list)
}

/// Adds what is not there yet.
pub fn unite(relays: &mut Vec<RelayUrl>, more: impl IntoIterator<Item = RelayUrl>) {
    for relay in more {
        if !relays.contains(&relay) {
            relays.push(relay);
        }
    }
}

/// The relays of an entity that can be relays.
fn readable(relays: &[String]) -> impl Iterator<Item = RelayUrl> {
    relays.iter().filter_map(|relay| RelayUrl::parse(relay).ok())
}

#[derive(Default)]
struct Mentions {
    list: Vec<Mention>,
    at: HashMap<Pubkey, usize>,
}

impl Mentions {
    fn add(&mut self, pubkey: Pubkey, relays: impl IntoIterator<Item = RelayUrl>) {
        let at = *self.at.entry(pubkey).or_insert(self.list.len());
        if at == self.list.len() {
            self.list.push(Mention {
                pubkey,
                relays: Vec::new(),
            });
        }
        if let Some(mention) = self.list.get_mut(at) {
            unite(&mut mention.relays, relays);
        }
    }
}

#[derive(Default)]
struct Quotes {
    list: Vec<Quote>,
    at: HashMap<QuoteTarget, usize>,
}

impl Quotes {
    fn add(&mut self, target: QuoteTarget, relays: impl IntoIterator<Item = RelayUrl>, author: Option<Pubkey>) {
        let author = match &target {
            QuoteTarget::Event(_) => author,
            QuoteTarget::Address(address) => Some(address.pubkey),
        };
        let at = *self.at.entry(target.clone()).or_insert(self.list.len());
        match self.list.get_mut(at) {
            Some(quote) => {
                unite(&mut quote.relays, relays);
                quote.author = quote.author.or(author);
            }
            None => {
                let mut quote = Quote {
                    target,
                    relays: Vec::new(),
                    author,
                };
                unite(&mut quote.relays, relays);
                self.list.push(quote);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d";

    #[test]
    fn an_address_is_read_only_if_whole() {
        let good = format!("30023:{KEY}:a:b");
        assert_eq!(Address::parse(&good).map(|a| a.to_string()), Some(good.clone()));
        assert!(Address::parse(&format!("10000:{KEY}:")).is_some());
        for bad in [
            format!("+1:{KEY}:"),
            format!(":{KEY}:"),
            format!("70000:{KEY}:"),
            format!("1:{KEY}"),
            "1:aa:".into(),
        ] {
            assert_eq!(Address::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_that_would_run_is_none() {
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " \u{1}java\nscript\t:alert(1)",
            "vbscript:x",
            "data:text/html,<script>",
            "DATA:,x",
        ] {
            assert!(runs(bad), "{bad:?}");
        }
        for good in [
            "https://e.example/javascript:x",
            "e.example",
            "data:image/png;base64,AAAA",
            "javascript",
            "wss+livekit://e.example",
            "",
        ] {
            assert!(!runs(good), "{good}");
        }
        let tags = [
            ["image", ""],
            ["image", "javascript:x"],
            ["image", "https://e.example/i.png"],
        ];
        let tags = tags.map(|tag| tag.map(str::to_owned).to_vec());
        assert_eq!(link(&tags, "image").as_deref(), Some("https://e.example/i.png"));
        assert_eq!(link(&tags[..2], "image"), None);
    }
}
