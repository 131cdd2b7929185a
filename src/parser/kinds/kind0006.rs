//! Kinds 6 and 16: reposts (NIP-18).

use super::tags::{self, Address, AddressRef, EventRef, ProfileRef};
use crate::nostr::event::{Event, EventId, Pubkey, RawEvent};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;

/// A repost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repost {
    /// Absent where only an address is given.
    pub id: Option<EventId>,
    pub kind: Option<Kind>,
    pub author: Option<Pubkey>,
    pub relay: Option<RelayUrl>,
    pub address: Option<Address>,
    /// The reposted event, if it was enclosed, is the one meant, and its id and signature hold.
    pub embedded: Option<Box<Event>>,
}

/// `None` if it does not say what is reposted.
pub(super) fn parse(event: &RawEvent) -> Option<Repost> {
    let target = tags::last(&event.tags, "e", EventRef::from_tag);
    let address = tags::last(&event.tags, "a", AddressRef::from_tag);
    let embedded = embedded(event, target.as_ref(), address.as_ref());
    let id = target
        .as_ref()
        .map(|target| target.id)
        .or(embedded.as_ref().map(|inner| inner.id));
    if id.is_none() && address.is_none() {
        return None;
    }
    let notes_only = (event.kind == Kind(6)).then_some(Kind::TEXT_NOTE);
    let author = tags::last(&event.tags, "p", ProfileRef::from_tag).map(|person| person.pubkey);
    Some(Repost {
        id,
        kind: embedded
            .as_ref()
            .map(|inner| inner.kind)
            .or(notes_only)
            .or_else(|| tags::kind(&event.tags, "k"))
            .or(address.as_ref().map(|address| address.address.kind)),
        author: embedded
            .as_ref()
            .map(|inner| inner.pubkey)
            .or(address.as_ref().map(|address| address.address.pubkey))
            .or(author)
            .or(target.as_ref().and_then(|target| target.author)),
        relay: target
            .and_then(|target| target.relay)
            .or_else(|| address.as_ref().and_then(|address| address.relay.clone())),
        address: address.map(|address| address.address),
        embedded: embedded.map(Box::new),
    })
}

fn embedded(event: &RawEvent, target: Option<&EventRef>, address: Option<&AddressRef>) -> Option<Event> {
    // Most are empty or whole; a signature is only checked of what can be the one meant.
    let raw = RawEvent::from_json(&event.content).ok()?;
    let is_meant = target.is_none_or(|target| target.id == raw.id)
        && address.is_none_or(|AddressRef { address, .. }| {
            address.kind == raw.kind && address.pubkey == raw.pubkey && address.identifier == raw.d_tag()
        })
        && (event.kind != Kind(6) || raw.kind == Kind::TEXT_NOTE);
    raw.verify().ok().filter(|_| is_meant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn an_enclosed_event_is_given_only_if_it_is_the_one_and_holds() {
        let note = signed(2, 1, 1, &[], "hello");
        let (id, author) = (note.id.to_string(), note.pubkey.to_string());
        let repost = |json: &str| {
            parse(&signed(
                1,
                6,
                2,
                &[&["e", &id, "wss://R.example"], &["p", &author]],
                json,
            ))
            .unwrap()
        };
        let whole = Repost {
            id: Some(note.id),
            kind: Some(Kind(1)),
            author: Some(note.pubkey),
            relay: RelayUrl::parse("wss://r.example").ok(),
            address: None,
            embedded: Some(Box::new(note.clone())),
        };
        assert_eq!(repost(&note.to_json()), whole);
        let bare = Repost {
            embedded: None,
            ..whole
        };
        assert_eq!(repost(""), bare);
        assert_eq!(repost("{}"), bare);
        assert_eq!(repost(&note.to_json().replace("hello", "hullo")), bare);
        assert_eq!(repost(&signed(2, 1, 1, &[], "another").to_json()), bare);
        let mut forged = note.clone().into_raw();
        forged.sig.0[0] ^= 1;
        assert_eq!(repost(&serde_json::to_string(&forged).unwrap()), bare);
    }

    #[test]
    fn a_generic_repost_names_its_kind_and_address() {
        let article = signed(2, 30023, 1, &[&["d", "x"]], "body");
        let (id, author) = (article.id.to_string(), article.pubkey.to_string());
        let address = format!("30023:{author}:x");
        let read = |tags: &[&[&str]], content: &str| parse(&signed(1, 16, 2, tags, content));
        let repost = read(&[&["e", &id, ""], &["a", &address], &["k", "30023"]], "").unwrap();
        assert_eq!((repost.kind, repost.author), (Some(Kind(30023)), Some(article.pubkey)));
        assert_eq!(repost.address, Address::parse(&address));
        assert_eq!(read(&[], &article.to_json()).unwrap().id, Some(article.id));
        let by_address = read(&[&["a", &address, "wss://r.example"]], "").unwrap();
        assert_eq!((by_address.id, by_address.relay.is_some()), (None, true));
        let other = format!("30023:{author}:y");
        assert_eq!(read(&[&["a", &other]], &article.to_json()).unwrap().embedded, None);
        assert_eq!(read(&[&["e", "x"], &["p", &author]], "hi"), None);
        assert_eq!(read(&[&["e", &id], &["k", "x"]], "").unwrap().kind, None);
        // Kind 6 is for notes.
        assert_eq!(
            parse(&signed(1, 6, 2, &[&["e", &id]], &article.to_json()))
                .unwrap()
                .embedded,
            None
        );
    }
}
