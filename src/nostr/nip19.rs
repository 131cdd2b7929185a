//! Bech32 entities (NIP-19): `npub`, `note`, `nprofile`, `nevent` and `naddr`, both ways.
//!
//! An `Entity` never holds a secret: `nsec` is read by `SecretKey::from_nsec` alone, so
//! nothing that shows or links entities can show a key. `nrelay` is deprecated and its
//! layout is no longer part of the NIP, so it is refused.

use bech32::primitives::decode::{CharError, ChecksumError, UncheckedHrpstring, UncheckedHrpstringError};
use bech32::{Bech32, Checksum, Hrp};
use thiserror::Error;
use zeroize::Zeroizing;

use super::event::{EventId, Pubkey};
use super::kind::Kind;

/// NIP-19 "Notes": the longest string read or written, in characters.
pub const MAX_CHARACTERS: usize = 5_000;

/// What a NIP-19 string other than `nsec` stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entity {
    Npub(Pubkey),
    Note(EventId),
    Nprofile(Nprofile),
    Nevent(Nevent),
    Naddr(Naddr),
}

/// A profile and relays where it may be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nprofile {
    pub pubkey: Pubkey,
    /// As written by whoever shared the entity: not normalised, perhaps no relay at all.
    pub relays: Vec<String>,
}

/// An event and what helps to find it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nevent {
    pub id: EventId,
    /// As in `Nprofile::relays`.
    pub relays: Vec<String>,
    pub author: Option<Pubkey>,
    pub kind: Option<Kind>,
}

/// The coordinate of a replaceable or addressable event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Naddr {
    /// The `d` tag's value; empty for a replaceable event.
    pub identifier: String,
    pub pubkey: Pubkey,
    pub kind: Kind,
    /// As in `Nprofile::relays`.
    pub relays: Vec<String>,
}

/// Why a text is no entity, or an entity cannot be written.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Nip19Error {
    #[error("the entity is longer than {MAX_CHARACTERS} characters")]
    TooLong,
    #[error("not a bech32 string")]
    NotBech32,
    #[error("upper and lower case are mixed")]
    MixedCase,
    #[error("the checksum does not match")]
    Checksum,
    #[error("the data does not end on a whole byte")]
    Padding,
    #[error("not a prefix of NIP-19")]
    UnknownPrefix,
    #[error("nrelay is deprecated")]
    Deprecated,
    #[error("the entity is a secret key")]
    Secret,
    #[error("the {0} has a wrong length or value")]
    Field(&'static str),
    #[error("a field ends after the data")]
    Truncated,
    #[error("the {0} is missing")]
    Missing(&'static str),
    #[error("the {0} is longer than 255 bytes")]
    ValueTooLong(&'static str),
    #[error("a relay is not written in ASCII")]
    RelayNotAscii,
}

impl Entity {
    /// Reads one bech32 string of either case, without `nostr:` (see `nip21`).
    ///
    /// # Errors
    /// `Secret` for a well-formed or ill-formed `nsec`; otherwise what is wrong with the text.
    pub fn decode(text: &str) -> Result<Entity, Nip19Error> {
        let (prefix, bytes) = decode_bech32(text)?;
        match prefix.as_str() {
            "npub" => Ok(Entity::Npub(Pubkey(exactly(&bytes, "pubkey")?))),
            "note" => Ok(Entity::Note(EventId(exactly(&bytes, "id")?))),
            "nprofile" => Nprofile::from_fields(&Fields::read(&bytes)?).map(Entity::Nprofile),
            "nevent" => Nevent::from_fields(&Fields::read(&bytes)?).map(Entity::Nevent),
            "naddr" => Naddr::from_fields(&Fields::read(&bytes)?).map(Entity::Naddr),
            "nsec" => Err(Nip19Error::Secret),
            "nrelay" => Err(Nip19Error::Deprecated),
            _ => Err(Nip19Error::UnknownPrefix),
        }
    }

    /// Writes the entity in lower case; TLV fields in ascending type.
    ///
    /// # Errors
    /// `ValueTooLong` or `RelayNotAscii` for an identifier or relay that TLV cannot hold;
    /// `TooLong` if the whole would exceed 5,000 characters: leave relays out.
    pub fn encode(&self) -> Result<String, Nip19Error> {
        match self {
            Entity::Npub(pubkey) => encode_bech32("npub", &pubkey.0),
            Entity::Note(id) => encode_bech32("note", &id.0),
            Entity::Nprofile(profile) => encode_bech32("nprofile", &profile.to_tlv()?),
            Entity::Nevent(event) => encode_bech32("nevent", &event.to_tlv()?),
            Entity::Naddr(address) => encode_bech32("naddr", &address.to_tlv()?),
        }
    }
}

const SPECIAL: u8 = 0;
const RELAY: u8 = 1;
const AUTHOR: u8 = 2;
const KIND: u8 = 3;

impl Nprofile {
    fn from_fields(fields: &Fields) -> Result<Nprofile, Nip19Error> {
        Ok(Nprofile {
            pubkey: Pubkey(exactly(fields.special("pubkey")?, "pubkey")?),
            relays: fields.relays(),
        })
    }

    fn to_tlv(&self) -> Result<Vec<u8>, Nip19Error> {
        let mut tlv = Vec::new();
        push(&mut tlv, SPECIAL, &self.pubkey.0, "pubkey")?;
        push_relays(&mut tlv, &self.relays)?;
        Ok(tlv)
    }
}

impl Nevent {
    fn from_fields(fields: &Fields) -> Result<Nevent, Nip19Error> {
        Ok(Nevent {
            id: EventId(exactly(fields.special("id")?, "id")?),
            relays: fields.relays(),
            author: fields.author()?,
            kind: fields.kind()?,
        })
    }

    fn to_tlv(&self) -> Result<Vec<u8>, Nip19Error> {
        let mut tlv = Vec::new();
        push(&mut tlv, SPECIAL, &self.id.0, "id")?;
        push_relays(&mut tlv, &self.relays)?;
        if let Some(author) = &self.author {
            push(&mut tlv, AUTHOR, &author.0, "author")?;
        }
        if let Some(kind) = self.kind {
            push(&mut tlv, KIND, &u32::from(kind.0).to_be_bytes(), "kind")?;
        }
        Ok(tlv)
    }
}

impl Naddr {
    fn from_fields(fields: &Fields) -> Result<Naddr, Nip19Error> {
        let identifier = std::str::from_utf8(fields.special("identifier")?);
        Ok(Naddr {
            identifier: identifier.map_err(|_| Nip19Error::Field("identifier"))?.to_owned(),
            pubkey: fields.author()?.ok_or(Nip19Error::Missing("author"))?,
            kind: fields.kind()?.ok_or(Nip19Error::Missing("kind"))?,
            relays: fields.relays(),
        })
    }

    fn to_tlv(&self) -> Result<Vec<u8>, Nip19Error> {
        let mut tlv = Vec::new();
        push(&mut tlv, SPECIAL, self.identifier.as_bytes(), "identifier")?;
        push_relays(&mut tlv, &self.relays)?;
        push(&mut tlv, AUTHOR, &self.pubkey.0, "author")?;
        push(&mut tlv, KIND, &u32::from(self.kind.0).to_be_bytes(), "kind")?;
        Ok(tlv)
    }
}

/// The TLV fields of one entity. Where a type that stands once is repeated, the first counts.
struct Fields<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Fields<'a> {
    fn read(mut bytes: &'a [u8]) -> Result<Fields<'a>, Nip19Error> {
        let mut fields = Vec::new();
        while let Some((&kind, rest)) = bytes.split_first() {
            let (&length, rest) = rest.split_first().ok_or(Nip19Error::Truncated)?;
            let (value, rest) = rest.split_at_checked(length.into()).ok_or(Nip19Error::Truncated)?;
            fields.push((kind, value));
            bytes = rest;
        }
        Ok(Fields(fields))
    }

    fn first(&self, wanted: u8) -> Option<&'a [u8]> {
        self.0.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| *value)
    }

    fn special(&self, name: &'static str) -> Result<&'a [u8], Nip19Error> {
        self.first(SPECIAL).ok_or(Nip19Error::Missing(name))
    }

    fn author(&self) -> Result<Option<Pubkey>, Nip19Error> {
        self.first(AUTHOR)
            .map(|value| exactly(value, "author").map(Pubkey))
            .transpose()
    }

    /// The NIP gives a kind 32 bits, NIP-01 gives it 16: what is over is no kind.
    fn kind(&self) -> Result<Option<Kind>, Nip19Error> {
        let Some(value) = self.first(KIND) else { return Ok(None) };
        let kind = u32::from_be_bytes(exactly(value, "kind")?);
        let kind = u16::try_from(kind).map_err(|_| Nip19Error::Field("kind"))?;
        Ok(Some(Kind(kind)))
    }

    /// Relays are hints: one that is not ASCII is left out rather than losing the entity.
    fn relays(&self) -> Vec<String> {
        let values = self.0.iter().filter(|(kind, _)| *kind == RELAY);
        values
            .filter(|(_, value)| value.is_ascii())
            .filter_map(|(_, value)| std::str::from_utf8(value).ok().map(str::to_owned))
            .collect()
    }
}

fn push(tlv: &mut Vec<u8>, kind: u8, value: &[u8], name: &'static str) -> Result<(), Nip19Error> {
    let length = u8::try_from(value.len()).map_err(|_| Nip19Error::ValueTooLong(name))?;
    tlv.extend_from_slice(&[kind, length]);
    tlv.extend_from_slice(value);
    Ok(())
}

fn push_relays(tlv: &mut Vec<u8>, relays: &[String]) -> Result<(), Nip19Error> {
    for relay in relays {
        if !relay.is_ascii() {
            return Err(Nip19Error::RelayNotAscii);
        }
        push(tlv, RELAY, relay.as_bytes(), "relay")?;
    }
    Ok(())
}

fn exactly<const N: usize>(bytes: &[u8], name: &'static str) -> Result<[u8; N], Nip19Error> {
    bytes.try_into().map_err(|_| Nip19Error::Field(name))
}

/// Bech32 as BIP-173 has it, but as long as NIP-19 allows.
enum LongBech32 {}

impl Checksum for LongBech32 {
    type MidstateRepr = u32;
    const CODE_LENGTH: usize = MAX_CHARACTERS;
    const CHECKSUM_LENGTH: usize = Bech32::CHECKSUM_LENGTH;
    const GENERATOR_SH: [u32; 5] = Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = Bech32::TARGET_RESIDUE;
}

/// Takes a bech32 string apart: its prefix in lower case, and its bytes, which may be secret.
pub(super) fn decode_bech32(text: &str) -> Result<(String, Zeroizing<Vec<u8>>), Nip19Error> {
    if text.len() > MAX_CHARACTERS {
        return Err(Nip19Error::TooLong);
    }
    let unchecked = UncheckedHrpstring::new(text).map_err(|error| match error {
        UncheckedHrpstringError::Char(CharError::MixedCase) => Nip19Error::MixedCase,
        _ => Nip19Error::NotBech32,
    })?;
    let checked = unchecked
        .validate_and_remove_checksum::<LongBech32>()
        .map_err(|error| match error {
            ChecksumError::InvalidResidue => Nip19Error::Checksum,
            _ => Nip19Error::NotBech32,
        })?;
    checked.validate_segwit_padding().map_err(|_| Nip19Error::Padding)?;
    // Reserved at once, so that growing leaves no copies of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    bytes.extend(checked.byte_iter());
    Ok((checked.hrp().to_lowercase(), bytes))
}

/// Writes `bytes` as bech32 under `prefix`, in lower case.
pub(super) fn encode_bech32(prefix: &'static str, bytes: &[u8]) -> Result<String, Nip19Error> {
    let prefix = Hrp::parse(prefix).map_err(|_| Nip19Error::UnknownPrefix)?;
    bech32::encode_lower::<LongBech32>(prefix, bytes).map_err(|_| Nip19Error::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::testing::Random;
    use serde_json::Value;

    const NPUB: &str = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg";

    fn bech32_of(prefix: &'static str, bytes: &[u8]) -> String {
        encode_bech32(prefix, bytes).unwrap()
    }

    fn tlv(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, value) in fields {
            push(&mut bytes, *kind, value, "test").unwrap();
        }
        bytes
    }

    #[test]
    fn the_examples_of_the_nip_decode_and_encode() {
        let file: Value = serde_json::from_str(include_str!("../../tests/vectors/nip19.json")).unwrap();
        let mut seen = 0;
        for vector in file["vectors"].as_array().unwrap() {
            let text = vector["bech32"].as_str().unwrap();
            let key = |member: &str| Pubkey::from_hex(vector[member].as_str().unwrap()).unwrap();
            let expected = match vector["type"].as_str().unwrap() {
                "npub" => Entity::Npub(key("hex")),
                "nprofile" => Entity::Nprofile(Nprofile {
                    pubkey: key("pubkey"),
                    relays: serde_json::from_value(vector["relays"].clone()).unwrap(),
                }),
                "nsec" => {
                    assert_eq!(Entity::decode(text), Err(Nip19Error::Secret));
                    seen += 1;
                    continue;
                }
                other => panic!("{other}"),
            };
            assert_eq!(Entity::decode(text), Ok(expected.clone()));
            assert_eq!(expected.encode().as_deref(), Ok(text));
            seen += 1;
        }
        assert_eq!(seen, 4);
    }

    #[test]
    fn the_links_of_nip_21_decode() {
        let Ok(Entity::Naddr(address)) = Entity::decode(
            "naddr1qqyrzwrxvc6ngvfkqyghwumn8ghj7enfv96x5ctx9e3k7mgzyqalp33lewf5vdq847t6te0wvnags0gs0mu72kz8938tn24wlfze6qcyqqq823cph95ag",
        ) else {
            panic!("no naddr")
        };
        assert_eq!((address.identifier.as_str(), address.kind), ("18ff5416", Kind(30023)));
        assert_eq!(address.relays, ["wss://fiatjaf.com"]);
        assert_eq!(
            address.pubkey.to_string(),
            "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"
        );
    }

    #[test]
    fn every_entity_survives_the_round_trip() {
        let mut random = Random(19);
        for _ in 0..2_000 {
            let relays: Vec<String> = (0..random.below(12))
                .map(|n| format!("wss://r{n}.example/{}", "x".repeat(random.below(200))))
                .collect();
            let pubkey = Pubkey(random.array());
            let kind = Kind(random.next() as u16);
            for entity in [
                Entity::Npub(pubkey),
                Entity::Note(EventId(random.array())),
                Entity::Nprofile(Nprofile {
                    pubkey,
                    relays: relays.clone(),
                }),
                Entity::Nevent(Nevent {
                    id: EventId(random.array()),
                    relays: relays.clone(),
                    author: (random.below(2) == 0).then_some(pubkey),
                    kind: (random.below(2) == 0).then_some(kind),
                }),
                Entity::Naddr(Naddr {
                    identifier: random.text("aé ", 60),
                    pubkey,
                    kind,
                    relays,
                }),
            ] {
                let text = entity.encode().unwrap();
                assert_eq!(Entity::decode(&text), Ok(entity.clone()), "{text}");
                assert_eq!(Entity::decode(&text.to_uppercase()), Ok(entity), "{text}");
            }
        }
    }

    #[test]
    fn five_thousand_characters_are_read_and_more_is_not() {
        // 5,000 less prefix, separator and checksum are 4,985 characters: 3,115 whole bytes.
        let relays = |last: usize| {
            let mut relays = vec!["r".repeat(255); 11];
            relays.push("r".repeat(last));
            relays
        };
        let of_bytes = |bytes: usize| {
            let last = bytes - 34 - 11 * 257 - 2;
            Entity::Nprofile(Nprofile {
                pubkey: Pubkey([1; 32]),
                relays: relays(last),
            })
        };
        let longest = of_bytes(3_115);
        let text = longest.encode().unwrap();
        assert_eq!(text.len(), 4_999);
        assert_eq!(Entity::decode(&text), Ok(longest));
        assert_eq!(of_bytes(3_116).encode(), Err(Nip19Error::TooLong));
        assert_eq!(Entity::decode(&"n".repeat(5_001)), Err(Nip19Error::TooLong));
        assert_eq!(Entity::decode(&"n".repeat(5_000)), Err(Nip19Error::NotBech32));
    }

    #[test]
    fn what_is_no_entity_says_why() {
        let mixed = NPUB.replace("elfcs", "ELFCS");
        let changed = NPUB.replace("elfcs", "elfcq");
        for (text, error) in [
            ("", Nip19Error::NotBech32),
            ("npub", Nip19Error::NotBech32),
            ("npub1", Nip19Error::NotBech32),
            ("npub1b", Nip19Error::NotBech32),
            ("npub1é", Nip19Error::NotBech32),
            (&mixed, Nip19Error::MixedCase),
            (&changed, Nip19Error::Checksum),
            (&format!("{NPUB}q"), Nip19Error::Checksum),
            (&bech32_of("npub", &[1; 31]), Nip19Error::Field("pubkey")),
            (&bech32_of("note", &[1; 33]), Nip19Error::Field("id")),
            (&bech32_of("nsec", &[1; 5]), Nip19Error::Secret),
            (&bech32_of("nrelay", &[0, 1, 65]), Nip19Error::Deprecated),
            (&bech32_of("bc", &[1; 32]), Nip19Error::UnknownPrefix),
            (&bech32_of("nprofile", &[]), Nip19Error::Missing("pubkey")),
            (&bech32_of("nprofile", &[0]), Nip19Error::Truncated),
            (&bech32_of("nprofile", &[0, 32, 1]), Nip19Error::Truncated),
            (
                &bech32_of("nprofile", &tlv(&[(0, &[1; 31])])),
                Nip19Error::Field("pubkey"),
            ),
            (
                &bech32_of("nevent", &tlv(&[(0, &[1; 32]), (2, &[1])])),
                Nip19Error::Field("author"),
            ),
            (
                &bech32_of("nevent", &tlv(&[(0, &[1; 32]), (3, &[0, 1, 0, 0])])),
                Nip19Error::Field("kind"),
            ),
            (
                &bech32_of("naddr", &tlv(&[(0, b"a"), (3, &[0, 0, 0, 1])])),
                Nip19Error::Missing("author"),
            ),
            (
                &bech32_of("naddr", &tlv(&[(0, b"a"), (2, &[1; 32])])),
                Nip19Error::Missing("kind"),
            ),
            (
                &bech32_of("naddr", &tlv(&[(0, &[0xff]), (2, &[1; 32]), (3, &[0; 4])])),
                Nip19Error::Field("identifier"),
            ),
        ] {
            assert_eq!(Entity::decode(text), Err(error), "{text}");
        }
    }

    #[test]
    fn data_that_ends_within_a_byte_is_refused() {
        // Eight bits in ten: the two that remain must be zero; and seven bits are no byte.
        for (fives, error) in [(vec![1u8, 1], Nip19Error::Padding), (vec![1; 7], Nip19Error::Padding)] {
            let hrp = Hrp::parse("npub").unwrap();
            let fes = fives.iter().map(|five| bech32::Fe32::try_from(*five).unwrap());
            let text: String = bech32::primitives::encode::Encoder::<_, LongBech32>::new(fes, &hrp)
                .chars()
                .collect();
            assert_eq!(Entity::decode(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn unknown_fields_and_relays_beyond_ascii_are_skipped_and_the_first_of_a_field_counts() {
        let bytes = tlv(&[
            (7, b"later"),
            (1, "wss://é".as_bytes()),
            (0, &[1; 32]),
            (0, &[2; 32]),
            (1, b"wss://a"),
            (255, &[]),
        ]);
        assert_eq!(
            Entity::decode(&bech32_of("nprofile", &bytes)),
            Ok(Entity::Nprofile(Nprofile {
                pubkey: Pubkey([1; 32]),
                relays: vec!["wss://a".into()]
            }))
        );
    }

    #[test]
    fn fields_may_come_in_any_order_and_relays_keep_theirs() {
        let fields: [(u8, &[u8]); 6] = [
            (0, b"x"),
            (1, b"wss://b"),
            (1, b"wss://a"),
            (1, b"wss://b"),
            (2, &[7; 32]),
            (3, &[0, 0, 0x75, 0x37]),
        ];
        let of = |fields: &[(u8, &[u8])]| Entity::decode(&bech32_of("naddr", &tlv(fields)));
        let expected = Ok(Entity::Naddr(Naddr {
            identifier: "x".into(),
            pubkey: Pubkey([7; 32]),
            kind: Kind(30_007),
            relays: ["wss://b", "wss://a", "wss://b"].map(str::to_owned).into(),
        }));
        assert_eq!(of(&fields), expected);
        let mut last_first = fields;
        last_first.reverse();
        assert_eq!(of(&last_first), expected, "the relays read the same backwards");
        let mut turned = fields;
        turned.rotate_left(4);
        assert_eq!(of(&turned), expected);
    }

    #[test]
    fn a_field_that_an_entity_does_not_have_is_skipped_whatever_its_length() {
        let bytes = tlv(&[(0, &[1; 32]), (2, &[1]), (3, &[])]);
        assert_eq!(
            Entity::decode(&bech32_of("nprofile", &bytes)),
            Ok(Entity::Nprofile(Nprofile {
                pubkey: Pubkey([1; 32]),
                relays: Vec::new()
            }))
        );
    }

    #[test]
    fn a_kind_is_four_bytes_of_which_two_count() {
        let event = |kind: &[u8]| {
            let read = Entity::decode(&bech32_of("nevent", &tlv(&[(0, &[1; 32]), (3, kind)])));
            read.map(|entity| match entity {
                Entity::Nevent(event) => event.kind,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(event(&[0, 0, 0, 0]), Ok(Some(Kind(0))));
        assert_eq!(event(&[0, 0, 0xff, 0xff]), Ok(Some(Kind(65_535))));
        for wrong in [&[][..], &[1], &[0, 1], &[0, 0, 1], &[0, 0, 0, 0, 1], &[1, 0, 0, 0]] {
            assert_eq!(event(wrong), Err(Nip19Error::Field("kind")), "{wrong:?}");
        }
    }

    #[test]
    fn bech32m_is_refused() {
        // BIP-350 differs in the checksum's constant alone.
        for (prefix, bytes) in [
            ("npub", vec![1; 32]),
            ("nprofile", tlv(&[(0, &[1; 32])])),
            ("nsec", vec![1; 32]),
        ] {
            let hrp = Hrp::parse(prefix).unwrap();
            let text = bech32::encode::<bech32::Bech32m>(hrp, &bytes).unwrap();
            assert_eq!(Entity::decode(&text), Err(Nip19Error::Checksum), "{text}");
        }
    }

    #[test]
    fn the_case_of_a_single_letter_counts_in_prefix_and_data() {
        let upper = NPUB.to_uppercase();
        assert!(Entity::decode(&upper).is_ok());
        for at in [0, 3, NPUB.len() - 1] {
            for (text, other) in [(NPUB, upper.as_str()), (upper.as_str(), NPUB)] {
                let mixed = [&text[..at], &other[at..=at], &text[at + 1..]].concat();
                assert_eq!(Entity::decode(&mixed), Err(Nip19Error::MixedCase), "{mixed}");
            }
        }
    }

    #[test]
    fn what_tlv_cannot_hold_is_not_written() {
        let with = |relay: &str, identifier: &str| {
            Entity::Naddr(Naddr {
                identifier: identifier.into(),
                pubkey: Pubkey([1; 32]),
                kind: Kind(30_023),
                relays: vec![relay.into()],
            })
            .encode()
        };
        assert!(with(&"r".repeat(255), &"d".repeat(255)).is_ok());
        assert_eq!(with(&"r".repeat(256), ""), Err(Nip19Error::ValueTooLong("relay")));
        assert_eq!(with("", &"d".repeat(256)), Err(Nip19Error::ValueTooLong("identifier")));
        assert_eq!(with("wss://é", ""), Err(Nip19Error::RelayNotAscii));
    }

    #[test]
    fn hostile_text_is_refused_or_read_but_never_trips() {
        let mut random = Random(1);
        for _ in 0..5_000 {
            let text = random.text("nprofileventaddrub1qpzry9x8gf2tvdw0s3jn54khce6mua7l", 120);
            assert!(Entity::decode(&text).is_err(), "{text}");
            let entity = Entity::decode(&random.damaged(NPUB));
            assert!(entity.is_err() || entity == Entity::decode(NPUB));
            // A good checksum over random bytes reaches the TLV reader.
            let length = random.below(90);
            let bytes = random.bytes(length);
            for prefix in ["npub", "note", "nprofile", "nevent", "naddr"] {
                if let Ok(entity) = Entity::decode(&bech32_of(prefix, &bytes)) {
                    assert_eq!(Entity::decode(&entity.encode().unwrap()), Ok(entity));
                }
            }
        }
    }
}
