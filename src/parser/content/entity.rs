//! NIP-19 entities in a text: the checksum, then the TLV fields. One function, `read`.

use bech32::primitives::checksum::Checksum;
use bech32::primitives::decode::CheckedHrpstring;

use crate::nostr::event::{EventId, Pubkey};
use crate::nostr::hex;
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;

/// The address of a replaceable or addressable event (NIP-01 `a` tag).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub kind: Kind,
    pub pubkey: Pubkey,
    /// The `d` tag; empty for a replaceable kind.
    pub identifier: String,
}

impl Address {
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

/// What a public NIP-19 entity points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    /// `npub`, `nprofile`.
    Profile { pubkey: Pubkey, relays: Vec<RelayUrl> },
    /// `note`, `nevent`.
    Event {
        id: EventId,
        relays: Vec<RelayUrl>,
        author: Option<Pubkey>,
        kind: Option<Kind>,
    },
    /// `naddr`.
    Address { address: Address, relays: Vec<RelayUrl> },
}

/// The prefixes `read` knows, with their separator.
pub(super) const PREFIXES: [&str; 5] = ["npub1", "nprofile1", "note1", "nevent1", "naddr1"];

/// BIP-173's checksum with a code longer than its 1023: entities with many relays and long invoices exceed that.
pub(super) enum LongBech32 {}

impl Checksum for LongBech32 {
    type MidstateRepr = u32;
    const CODE_LENGTH: usize = 5_000;
    const CHECKSUM_LENGTH: usize = 6;
    const GENERATOR_SH: [u32; 5] = bech32::Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = 1;
}

/// Reads one bech32 entity without its `nostr:`. A secret key is none.
pub fn read(text: &str) -> Option<Entity> {
    let checked = CheckedHrpstring::new::<LongBech32>(text).ok()?;
    let hrp = checked.hrp().to_lowercase();
    let bytes: Vec<u8> = checked.byte_iter().collect();
    let tlv = Tlv(&bytes);
    match hrp.as_str() {
        "npub" => Some(Entity::Profile {
            pubkey: Pubkey(bytes.try_into().ok()?),
            relays: Vec::new(),
        }),
        "note" => Some(Entity::Event {
            id: EventId(bytes.try_into().ok()?),
            relays: Vec::new(),
            author: None,
            kind: None,
        }),
        "nprofile" => Some(Entity::Profile {
            pubkey: Pubkey(tlv.array(SPECIAL)?),
            relays: tlv.relays(),
        }),
        "nevent" => Some(Entity::Event {
            id: EventId(tlv.array(SPECIAL)?),
            relays: tlv.relays(),
            author: tlv.array(AUTHOR).map(Pubkey),
            kind: tlv.kind(),
        }),
        "naddr" => Some(Entity::Address {
            address: Address {
                kind: tlv.kind()?,
                pubkey: Pubkey(tlv.array(AUTHOR)?),
                identifier: String::from_utf8(tlv.fields(SPECIAL).next()?.to_vec()).ok()?,
            },
            relays: tlv.relays(),
        }),
        _ => None,
    }
}

const SPECIAL: u8 = 0;
const RELAY: u8 = 1;
const AUTHOR: u8 = 2;
const KIND: u8 = 3;

/// Type, length, value fields; a type that is not asked for is skipped, a value cut short ends them.
struct Tlv<'a>(&'a [u8]);

impl<'a> Tlv<'a> {
    fn fields(&self, wanted: u8) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            loop {
                let (&[tag, len], tail) = rest.split_first_chunk::<2>()?;
                let (value, tail) = tail.split_at_checked(usize::from(len))?;
                rest = tail;
                if tag == wanted {
                    return Some(value);
                }
            }
        })
    }

    fn array<const N: usize>(&self, wanted: u8) -> Option<[u8; N]> {
        self.fields(wanted).next()?.try_into().ok()
    }

    /// 32 bits on the wire, 16 in an event.
    fn kind(&self) -> Option<Kind> {
        u16::try_from(u32::from_be_bytes(self.array(KIND)?)).ok().map(Kind)
    }

    fn relays(&self) -> Vec<RelayUrl> {
        let mut relays = Vec::new();
        for relay in self.fields(RELAY) {
            if let Some(relay) = std::str::from_utf8(relay)
                .ok()
                .and_then(|text| RelayUrl::parse(text).ok())
                && !relays.contains(&relay)
            {
                relays.push(relay);
            }
        }
        relays
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bech32::{Hrp, encode};

    const KEY: &str = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d";

    fn tlv(hrp: &str, fields: &[(u8, &[u8])]) -> String {
        let mut bytes = Vec::new();
        for (tag, value) in fields {
            bytes.extend_from_slice(&[*tag, value.len() as u8]);
            bytes.extend_from_slice(value);
        }
        encode::<LongBech32>(Hrp::parse(hrp).unwrap(), &bytes).unwrap()
    }

    #[test]
    fn the_examples_of_nip_19_are_read() {
        let pubkey = Pubkey::from_hex(KEY).unwrap();
        assert_eq!(
            read("npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6"),
            Some(Entity::Profile { pubkey, relays: vec![] })
        );
        let relays = ["wss://r.x.com", "wss://djbas.sadkb.com"]
            .map(|r| RelayUrl::parse(r).unwrap())
            .to_vec();
        let nprofile = "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p";
        assert_eq!(
            read(nprofile),
            Some(Entity::Profile {
                pubkey,
                relays: relays.clone()
            })
        );
        assert_eq!(read(&nprofile.to_uppercase()), Some(Entity::Profile { pubkey, relays }));
        assert_eq!(
            read("nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"),
            None
        );
        assert_eq!(read(&nprofile.replace("9p", "9q")), None);
    }

    #[test]
    fn unknown_and_broken_fields_are_skipped_and_missing_ones_refused() {
        let id = [7; 32];
        let read_event = |fields: &[(u8, &[u8])]| read(&tlv("nevent", fields));
        assert_eq!(
            read_event(&[
                (9, b"?"),
                (0, &id),
                (1, b"wss://a.b"),
                (1, b"http://a"),
                (2, &[1; 31]),
                (3, &[0, 0, 0, 1])
            ]),
            Some(Entity::Event {
                id: EventId(id),
                relays: vec![RelayUrl::parse("wss://a.b").unwrap()],
                author: None,
                kind: Some(Kind(1))
            })
        );
        assert_eq!(read_event(&[(0, &id[1..])]), None);
        assert_eq!(read_event(&[]), None);
        let many: Vec<(u8, &[u8])> = std::iter::once((0, &id[..]))
            .chain([(1, &b"wss://relay.example"[..]); 90])
            .collect();
        assert!(matches!(read_event(&many), Some(Entity::Event { relays, .. }) if relays.len() == 1));
        let address: [(u8, &[u8]); 3] = [(0, "ü".as_bytes()), (2, &[2; 32]), (3, &[0, 0, 0x75, 0x47])];
        assert_eq!(
            read(&tlv("naddr", &address)),
            Some(Entity::Address {
                address: Address {
                    kind: Kind(30023),
                    pubkey: Pubkey([2; 32]),
                    identifier: "ü".into()
                },
                relays: vec![]
            })
        );
        assert_eq!(read(&tlv("naddr", &address[..2])), None);
        assert_eq!(read(&tlv("naddr", &[address[0], address[1], (3, &[0, 1, 0, 0])])), None);
    }

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
}
