//! Reading tags (NIP-01): references, texts and numbers, each whole or absent.

use std::collections::BTreeMap;

use crate::nostr::event::{EventId, Pubkey, RawEvent, Tag};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
pub use crate::parser::content::entity::Address;
use crate::parser::content::{Block, BlockKind, Entity};

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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    pub fn from_tag(tag: &Tag) -> Option<AddressRef> {
        Some(AddressRef {
            address: Address::parse(value(tag, 1)?)?,
            relay: relay(tag, 2),
        })
    }
}

impl ProfileRef {
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
pub fn unique<T: Ord + Clone>(values: Vec<T>) -> Vec<T> {
    let mut seen = std::collections::BTreeSet::new();
    values.into_iter().filter(|value| seen.insert(value.clone())).collect()
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
    let mut mentions: Vec<Mention> = Vec::new();
    let mut mentioned = BTreeMap::new();
    for block in blocks {
        match &block.kind {
            BlockKind::Nostr(Entity::Event { id, relays, author, .. }) => {
                quotes.add(QuoteTarget::Event(*id), relays.iter().cloned(), *author);
            }
            BlockKind::Nostr(Entity::Address { address, relays }) => {
                quotes.add(
                    QuoteTarget::Address(address.clone()),
                    relays.iter().cloned(),
                    Some(address.pubkey),
                );
            }
            BlockKind::Nostr(Entity::Profile { pubkey, relays }) => {
                let at = *mentioned.entry(*pubkey).or_insert_with(|| {
                    mentions.push(Mention {
                        pubkey: *pubkey,
                        relays: Vec::new(),
                    });
                    mentions.len() - 1
                });
                if let Some(mention) = mentions.get_mut(at) {
                    unite(&mut mention.relays, relays.iter().cloned());
                }
            }
            _ => {}
        }
    }
    for person in event.tags_named("p").filter_map(ProfileRef::from_tag) {
        if let Some(mention) = mentioned.get(&person.pubkey).and_then(|at| mentions.get_mut(*at)) {
            unite(&mut mention.relays, person.relay);
        }
    }
    (quotes.list, mentions)
}

/// Adds what is not there yet.
pub fn unite(relays: &mut Vec<RelayUrl>, more: impl IntoIterator<Item = RelayUrl>) {
    for relay in more {
        if !relays.contains(&relay) {
            relays.push(relay);
        }
    }
}

#[derive(Default)]
struct Quotes {
    list: Vec<Quote>,
    at: BTreeMap<QuoteTarget, usize>,
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
