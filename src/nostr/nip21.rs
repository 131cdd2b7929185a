//! `nostr:` links (NIP-21): a NIP-19 entity other than `nsec` behind the scheme.

use thiserror::Error;

use super::nip19::{Entity, Nip19Error};

const SCHEME: &str = "nostr:";

/// Why a text is no `nostr:` link.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Nip21Error {
    #[error("the link does not start with nostr:")]
    Scheme,
    /// An `nsec` is refused here as everywhere: `Nip19Error::Secret`.
    #[error(transparent)]
    Entity(#[from] Nip19Error),
}

/// Reads a whole `nostr:` link. The scheme may be of either case, as a URI's is (RFC 3986, 3.1).
///
/// # Errors
/// `Scheme` if the text starts otherwise; `Entity` if no NIP-19 entity makes up the rest.
pub fn decode(uri: &str) -> Result<Entity, Nip21Error> {
    let (scheme, entity) = uri.split_at_checked(SCHEME.len()).ok_or(Nip21Error::Scheme)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(Nip21Error::Scheme);
    }
    Ok(Entity::decode(entity)?)
}

/// Writes a `nostr:` link.
///
/// # Errors
/// Those of `Entity::encode`.
pub fn encode(entity: &Entity) -> Result<String, Nip19Error> {
    Ok(format!("{SCHEME}{}", entity.encode()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::testing::Random;

    const LINKS: [&str; 3] = [
        "nostr:npub1sn0wdenkukak0d9dfczzeacvhkrgz92ak56egt7vdgzn8pv2wfqqhrjdv9",
        "nostr:nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p",
        "nostr:nevent1qqstna2yrezu5wghjvswqqculvvwxsrcvu7uc0f78gan4xqhvz49d9spr3mhxue69uhkummnw3ez6un9d3shjtn4de6x2argwghx6egpr4mhxue69uhkummnw3ez6ur4vgh8wetvd3hhyer9wghxuet5nxnepm",
    ];

    #[test]
    fn the_examples_of_the_nip_are_read_and_written() {
        for link in LINKS {
            let entity = decode(link).unwrap();
            assert_eq!(encode(&entity).as_deref(), Ok(link));
            assert_eq!(decode(&link.to_uppercase()), Ok(entity));
        }
    }

    #[test]
    fn other_schemes_and_secrets_are_refused() {
        for text in ["", "nostr", "nostr;npub1", "web+nostr:npub1", "nostré"] {
            assert_eq!(decode(text), Err(Nip21Error::Scheme), "{text}");
        }
        assert_eq!(
            decode("nostr:nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"),
            Err(Nip21Error::Entity(Nip19Error::Secret))
        );
        assert_eq!(decode("nostr://npub1x"), Err(Nip21Error::Entity(Nip19Error::NotBech32)));
    }

    #[test]
    fn hostile_links_never_trip() {
        let mut random = Random(21);
        for _ in 0..5_000 {
            let link = random.damaged(LINKS[random.0 as usize % 3]);
            if let Ok(entity) = decode(&link) {
                assert!(LINKS.iter().any(|good| decode(good) == Ok(entity.clone())), "{link}");
            }
        }
    }
}
