//! Follow-up requests: what a page that shows an event will want next.

use super::kind1111::Scope;
use super::tags::{self, Address, AddressRef, EventRef, Mention, Quote, QuoteTarget};
use super::{Parsed, Participant, Repost, Unsealed};
use crate::nostr::event::{EventId, Pubkey, RawEvent};
use crate::nostr::filter::Filter;
use crate::nostr::kind::{Kind, Retention};
use crate::nostr::relay_url::RelayUrl;

/// As many filters as one subscription may have (`Config::max_filters`).
const MAX_REQUESTS: usize = 50;

/// One filter and where it may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub filter: Filter,
    /// Hints; empty where there is none.
    pub relays: Vec<RelayUrl>,
}

/// What follows from `event`, the most needed first: its author's profile, what it
/// answers or is about, what it quotes, whom it names. At most 50, equal filters merged.
///
/// Lists ask for nobody on them: a page that shows whom a person follows shows a part, and knows which.
pub fn requests(event: &RawEvent, parsed: &Parsed) -> Vec<Request> {
    let mut requests = Requests::default();
    requests.profile(author(event, parsed), None);
    match parsed {
        Parsed::Note(note) => {
            requests.events(note.reply.iter().chain(&note.root));
            requests.cited(&note.quotes, &note.profiles);
        }
        Parsed::Comment(comment) => {
            comment
                .parent
                .iter()
                .chain([&comment.root])
                .for_each(|scope| requests.scope(scope));
            requests.cited(&comment.quotes, &comment.profiles);
        }
        Parsed::LiveChat(chat) => {
            requests.events(&chat.reply);
            requests.addresses([&chat.activity]);
            requests.cited(&chat.quotes, &chat.profiles);
        }
        Parsed::MediaPost(post) => requests.cited(&post.quotes, &post.profiles),
        Parsed::Article(article) => requests.cited(&article.quotes, &article.profiles),
        Parsed::PollResponse(response) => requests.events([&response.poll]),
        Parsed::LiveActivity(live) => requests.people(&live.participants),
        Parsed::Addressable(other) => {
            requests.people(&other.participants);
            requests.events(&other.events);
            requests.addresses(&other.addresses);
        }
        Parsed::Repost(repost) => requests.repost(repost),
        Parsed::Reaction(reaction) => requests.paid_or_liked(None, &reaction.event, &reaction.address),
        Parsed::Zap(zap) => requests.paid_or_liked(zap.recipient, &zap.event, &zap.address),
        Parsed::ZapRequest(zap) => requests.paid_or_liked(zap.recipient, &zap.event, &zap.address),
        Parsed::Nutzap(nutzap) => requests.paid_or_liked(Some(nutzap.recipient), &nutzap.event, &None),
        Parsed::DirectMessage(message) => requests.profile(Some(message.recipient), None),
        Parsed::Seal(seal) => requests.room(seal.rumor.open().map(Box::as_ref)),
        Parsed::GiftWrap(wrap) => requests.room(wrap.content.open().map(Box::as_ref)),
        Parsed::Profile(_) | Parsed::Contacts(_) | Parsed::RelayList(_) | Parsed::List(_) | Parsed::Deletion(_) => {}
        Parsed::Poll(_) | Parsed::ExternalReaction(_) | Parsed::NutzapInfo(_) => {}
        Parsed::WalletQuote(_) | Parsed::WalletToken(_) | Parsed::WalletHistory(_) | Parsed::Wallet(_) => {}
    }
    requests.list
}

/// Whose profile is shown beside the event.
fn author(event: &RawEvent, parsed: &Parsed) -> Option<Pubkey> {
    match parsed {
        // It is the profile.
        Parsed::Profile(_) => None,
        // A key used once has none; who wrote what is in it does.
        Parsed::GiftWrap(wrap) => wrap.content.open().map(|unsealed| unsealed.rumor.pubkey),
        // A receipt's author is a wallet; its sender is a person.
        Parsed::Zap(zap) => zap.sender,
        _ => Some(event.pubkey),
    }
}

#[derive(Default)]
struct Requests {
    list: Vec<Request>,
}

impl Requests {
    fn room(&mut self, unsealed: Option<&Unsealed>) {
        let message = unsealed.and_then(|unsealed| unsealed.message.as_ref());
        for person in message.iter().flat_map(|message| &message.recipients) {
            self.profile(Some(person.pubkey), person.relay.clone());
        }
    }

    fn add(&mut self, filter: Filter, relays: impl IntoIterator<Item = RelayUrl>) {
        // They are few: comparing them all costs less than any key would.
        let known = self.list.iter().position(|request| request.filter == filter);
        let at = known.unwrap_or(self.list.len());
        if known.is_none() && at < MAX_REQUESTS {
            self.list.push(Request {
                filter,
                relays: Vec::new(),
            });
        }
        if let Some(request) = self.list.get_mut(at) {
            tags::unite(&mut request.relays, relays);
        }
    }

    fn profile(&mut self, pubkey: Option<Pubkey>, relays: impl IntoIterator<Item = RelayUrl>) {
        let Some(pubkey) = pubkey else { return };
        let filter = Filter {
            kinds: Some(vec![Kind::METADATA]),
            authors: Some(vec![pubkey]),
            limit: Some(1),
            ..Filter::default()
        };
        self.add(filter, relays);
    }

    fn event(&mut self, id: EventId, relays: impl IntoIterator<Item = RelayUrl>) {
        self.add(
            Filter {
                ids: Some(vec![id]),
                ..Filter::default()
            },
            relays,
        );
    }

    fn address(&mut self, address: Option<&Address>, relays: impl IntoIterator<Item = RelayUrl>) {
        let Some(address) = address else { return };
        let mut filter = Filter {
            kinds: Some(vec![address.kind]),
            authors: Some(vec![address.pubkey]),
            limit: Some(1),
            ..Filter::default()
        };
        if address.kind.retention() == Retention::Addressable {
            filter.tags.insert('d', vec![address.identifier.clone()]);
        }
        self.add(filter, relays);
    }

    fn repost(&mut self, repost: &Repost) {
        match repost.id {
            // It is there already.
            _ if repost.embedded.is_some() => {}
            Some(id) => self.event(id, repost.relay.clone()),
            None => self.address(repost.address.as_ref(), repost.relay.clone()),
        }
        self.profile(repost.author, repost.relay.clone());
    }

    fn paid_or_liked(&mut self, who: Option<Pubkey>, event: &Option<EventRef>, address: &Option<Address>) {
        self.profile(who, None);
        self.events(event);
        self.address(address.as_ref(), None);
    }

    fn people(&mut self, participants: &[Participant]) {
        for person in participants {
            self.profile(Some(person.pubkey), person.relay.clone());
        }
    }

    fn events<'a>(&mut self, events: impl IntoIterator<Item = &'a EventRef>) {
        for event in events {
            self.event(event.id, event.relay.clone());
        }
    }

    fn addresses<'a>(&mut self, addresses: impl IntoIterator<Item = &'a AddressRef>) {
        for address in addresses {
            self.address(Some(&address.address), address.relay.clone());
        }
    }

    fn scope(&mut self, scope: &Scope) {
        self.events(&scope.event);
        self.addresses(&scope.address);
        if let Some(author) = &scope.author {
            self.profile(Some(author.pubkey), author.relay.clone());
        }
    }

    fn cited(&mut self, quotes: &[Quote], profiles: &[Mention]) {
        for quote in quotes {
            match &quote.target {
                QuoteTarget::Event(id) => self.event(*id, quote.relays.iter().cloned()),
                QuoteTarget::Address(address) => self.address(Some(address), quote.relays.iter().cloned()),
            }
        }
        for mention in profiles {
            self.profile(Some(mention.pubkey), mention.relays.iter().cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use crate::parser::kinds::parse;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    /// The requests, with the author's pubkey as `me`.
    fn read(kind: u16, tags: &[&[&str]], content: &str) -> Vec<String> {
        let event = signed(1, kind, 1, tags, content);
        let requests = requests(&event, &parse(&event, None).unwrap());
        let line = |request: &Request| {
            let relays: Vec<&str> = request.relays.iter().map(RelayUrl::as_str).collect();
            let filter = serde_json::to_string(&request.filter)
                .unwrap()
                .replace(&event.pubkey.to_string(), "me");
            format!("{filter} {}", relays.join(" "))
                .replace('"', "")
                .trim_end()
                .to_owned()
        };
        requests.iter().map(line).collect()
    }

    const ME: &str = "{authors:[me],kinds:[0],limit:1}";

    #[test]
    fn a_note_asks_for_its_thread_its_quotes_and_its_people_once_each() {
        let key = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d";
        let text = "nostr:npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6";
        let tags: &[&[&str]] = &[
            &["e", A, "wss://one.example", "root"],
            &["e", B, "wss://two.example", "reply"],
            &["q", A, "wss://three.example"],
            &["p", key, "wss://p.example"],
        ];
        assert_eq!(
            read(1, tags, text),
            [
                ME.to_owned(),
                format!("{{ids:[{B}]}} wss://two.example"),
                format!("{{ids:[{A}]}} wss://one.example wss://three.example"),
                format!("{{authors:[{key}],kinds:[0],limit:1}} wss://p.example"),
            ]
        );
    }

    #[test]
    fn addresses_ask_by_kind_author_and_identifier() {
        let (article, profile) = (format!("30023:{A}:x"), format!("10002:{A}:"));
        assert_eq!(
            read(1, &[&["q", &article], &["q", &profile]], ""),
            [
                ME.to_owned(),
                format!("{{authors:[{A}],kinds:[30023],#d:[x],limit:1}}"),
                format!("{{authors:[{A}],kinds:[10002],limit:1}}")
            ]
        );
    }

    #[test]
    fn each_kind_asks_for_what_it_shows() {
        assert_eq!(read(0, &[], "{}"), [""; 0]);
        assert_eq!(read(3, &[&["p", A]], ""), [ME]);
        assert_eq!(
            read(7, &[&["e", A, "wss://r.example"]], "+"),
            [ME.to_owned(), format!("{{ids:[{A}]}} wss://r.example")]
        );
        assert_eq!(
            read(6, &[&["e", A], &["p", B]], ""),
            [
                ME.to_owned(),
                format!("{{ids:[{A}]}}"),
                format!("{{authors:[{B}],kinds:[0],limit:1}}")
            ]
        );
        assert_eq!(
            read(1111, &[&["E", A], &["K", "1"], &["P", B]], "x"),
            [
                ME.to_owned(),
                format!("{{ids:[{A}]}}"),
                format!("{{authors:[{B}],kinds:[0],limit:1}}")
            ]
        );
        assert_eq!(read(1059, &[&["p", A]], "x"), [""; 0]);
    }

    #[test]
    fn there_are_at_most_fifty() {
        let ids: Vec<String> = (0..200).map(|i| format!("{i:064x}")).collect();
        let tags: Vec<Vec<&str>> = ids.iter().map(|id| vec!["q", id.as_str()]).collect();
        let tags: Vec<&[&str]> = tags.iter().map(Vec::as_slice).collect();
        assert_eq!(read(1, &tags, "").len(), 50);
    }
}
