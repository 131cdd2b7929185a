//! What the index knows of an event without having its bytes.

use super::bytes::hash;
use crate::nostr::event::{EventId, Pubkey, RawEvent};
use crate::nostr::kind::{Kind, Retention};
use crate::nostr::relay_url::RelayUrl;
use crate::sorted;
use crate::time::UnixSeconds;

/// Everything about an event that decides how it is stored and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub id: EventId,
    pub pubkey: Pubkey,
    pub created_at: UnixSeconds,
    pub kind: Kind,
    /// Published through this engine: evicted last.
    pub own: bool,
    /// The relays that had it, as far as is known.
    pub seen: Vec<RelayUrl>,
    /// NIP-40.
    pub expiration: Option<UnixSeconds>,
    /// Hash of kind, pubkey and `d` of what only has a latest version.
    pub address: Option<u64>,
    /// Hashes of the event's single-letter tags, ascending, without duplicates.
    pub tags: Vec<u64>,
    pub extra: Extra,
}

/// What the index keeps in full because it acts on it at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extra {
    None,
    Deletion(Deletion),
    Relays(RelayList),
}

/// What a kind 5 event asks to be deleted (NIP-09).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    pub ids: Vec<EventId>,
    /// Hashes of the author's own addresses, as in `Meta::address`.
    pub addresses: Vec<u64>,
}

/// Where an author writes and reads (NIP-65 kind 10002).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayList {
    pub write: Vec<RelayUrl>,
    pub read: Vec<RelayUrl>,
}

/// NIP-65 asks for two to four of each; a list of hundreds is not a list of where somebody is.
const MAX_LISTED_RELAYS: usize = 20;

impl Meta {
    pub fn of(event: &RawEvent, own: bool) -> Meta {
        let address = match event.kind.retention() {
            Retention::Replaceable => Some(address_hash(event.kind, &event.pubkey, "")),
            Retention::Addressable => Some(address_hash(event.kind, &event.pubkey, event.d_tag())),
            Retention::Regular | Retention::Ephemeral => None,
        };
        let extra = match event.kind {
            Kind::DELETION => Extra::Deletion(Deletion::of(event)),
            Kind::RELAY_LIST => Extra::Relays(RelayList::of(event)),
            _ => Extra::None,
        };
        Meta {
            id: event.id,
            pubkey: event.pubkey,
            created_at: event.created_at,
            kind: event.kind,
            own,
            seen: Vec::new(),
            expiration: event.expiration(),
            address,
            tags: tag_hashes(event),
            extra,
        }
    }
}

impl Deletion {
    fn of(event: &RawEvent) -> Deletion {
        let value = |tag: &Vec<String>| tag.get(1).cloned();
        let author = event.pubkey.to_string();
        let address = |text: String| {
            let mut parts = text.splitn(3, ':');
            // `parse` takes a plus sign, a kind does not.
            let kind = parts.next().filter(|kind| !kind.starts_with('+'))?;
            let kind = Kind(kind.parse().ok()?);
            let own = parts.next()? == author;
            let d = match kind.retention() {
                Retention::Addressable => parts.next().unwrap_or(""),
                Retention::Replaceable => "",
                Retention::Regular | Retention::Ephemeral => return None,
            };
            own.then(|| address_hash(kind, &event.pubkey, d))
        };
        Deletion {
            ids: event
                .tags_named("e")
                .filter_map(|tag| EventId::from_hex(tag.get(1)?))
                .collect(),
            addresses: event.tags_named("a").filter_map(value).filter_map(address).collect(),
        }
    }
}

impl RelayList {
    /// The relays of a kind 10002 event; what is no relay's address is left out, and so is one under an unknown marker.
    pub fn of(event: &RawEvent) -> RelayList {
        let mut list = RelayList::default();
        for tag in event.tags_named("r") {
            let Some(relay) = tag.get(1).and_then(|url| RelayUrl::parse(url).ok()) else {
                continue;
            };
            let (write, read) = match tag.get(2).map(String::as_str) {
                Some("write") => (true, false),
                Some("read") => (false, true),
                None | Some("") => (true, true),
                Some(_) => continue,
            };
            for (wanted, relays) in [(write, &mut list.write), (read, &mut list.read)] {
                if wanted && relays.len() < MAX_LISTED_RELAYS && !relays.contains(&relay) {
                    relays.push(relay.clone());
                }
            }
        }
        list
    }
}

/// The index's word for one tag value.
pub fn tag_hash(letter: char, value: &str) -> u64 {
    hash(&[letter.encode_utf8(&mut [0; 4]).as_bytes(), value.as_bytes()])
}

/// The index's word for the one place where only the latest version is kept.
pub fn address_hash(kind: Kind, pubkey: &Pubkey, d: &str) -> u64 {
    hash(&[&kind.0.to_le_bytes(), &pubkey.0, d.as_bytes()])
}

fn tag_hashes(event: &RawEvent) -> Vec<u64> {
    let mut hashes: Vec<u64> = event
        .tags
        .iter()
        .filter_map(|tag| {
            let [name, value, ..] = tag.as_slice() else { return None };
            let mut letters = name.chars();
            let letter = letters.next()?;
            letters.next().is_none().then(|| tag_hash(letter, value))
        })
        .collect();
    sorted::sort(&mut hashes);
    hashes.dedup();
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn a_deletion_names_ids_and_only_its_authors_own_addresses() {
        let author = signed(1, 1, 1, &[], "").pubkey;
        let (id, other) = ("aa".repeat(32), "bb".repeat(32));
        let event = signed(
            1,
            5,
            9,
            &[
                &["e", &id],
                &["e", "short"],
                &["a", &format!("30023:{author}:a:b")],
                &["a", &format!("30023:{other}:x")],
                &["a", &format!("10002:{author}:")],
                &["a", &format!("1:{author}:")],
                &["a", &format!("+30023:{author}:x")],
                &["a", &format!("30023:{}:x", author.to_string().to_uppercase())],
                &["a", "nonsense"],
            ],
            "",
        );
        let Extra::Deletion(deletion) = Meta::of(&event, false).extra else {
            panic!("no deletion")
        };
        assert_eq!(deletion.ids, [EventId([0xaa; 32])]);
        let address = |kind, d| address_hash(Kind(kind), &author, d);
        assert_eq!(deletion.addresses, [address(30023, "a:b"), address(10002, "")]);
    }

    #[test]
    fn a_relay_list_without_marker_reads_and_writes() {
        let event = signed(
            1,
            10002,
            9,
            &[
                &["r", "wss://a.example"],
                &["r", "wss://B.example/", "write"],
                &["r", "wss://c.example", "read"],
                &["r", "http://d.example"],
                &["r", "wss://a.example"],
                &["r", "wss://e.example", "sometimes"],
                &["r", "wss://f.example", "WRITE"],
                &["r", "wss://c.example", ""],
            ],
            "",
        );
        let list = RelayList::of(&event);
        let names = |relays: &[RelayUrl]| relays.iter().map(|r| r.to_string()).collect::<Vec<_>>();
        assert_eq!(
            names(&list.write),
            ["wss://a.example", "wss://b.example", "wss://c.example"]
        );
        assert_eq!(names(&list.read), ["wss://a.example", "wss://c.example"]);
    }

    #[test]
    fn only_single_letter_tags_with_a_value_are_indexed() {
        let event = signed(
            1,
            1,
            1,
            &[&["t", "x", "y"], &["t", "x"], &["emoji", "x"], &["p"], &["é", "x"]],
            "",
        );
        let mut want = vec![tag_hash('t', "x"), tag_hash('é', "x")];
        want.sort_unstable();
        assert_eq!(Meta::of(&event, false).tags, want);
    }
}
