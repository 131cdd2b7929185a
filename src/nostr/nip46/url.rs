//! The URLs that start a remote-signing connection (NIP-46): `bunker://` and `nostrconnect://`.
//!
//! Both carry a secret, so neither type prints itself whole; `to_url` is for showing to the user.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{ClientMetadata, Nip46Error, Permission, usable_relays};
use crate::nostr::event::Pubkey;
use crate::nostr::relay_url::RelayUrl;

/// The longest URL read, in bytes.
pub const MAX_URL_BYTES: usize = 8_192;

/// Where a remote signer can be reached: `bunker://`.
#[derive(Clone, PartialEq, Eq)]
pub struct BunkerUrl {
    pub remote_signer: Pubkey,
    /// At least one.
    pub relays: Vec<RelayUrl>,
    /// Good for one successful connection.
    pub secret: Option<Zeroizing<String>>,
}

impl BunkerUrl {
    /// Reads a `bunker://` URL. Unknown parameters and unusable relays are skipped.
    ///
    /// # Errors
    /// `TooLong`, `Scheme`, `UrlPubkey`, `NoRelay`.
    pub fn parse(text: &str) -> Result<BunkerUrl, Nip46Error> {
        let url = UrlParts::read("bunker://", text)?;
        Ok(BunkerUrl {
            remote_signer: url.pubkey,
            relays: url.relays()?,
            secret: url.first("secret").map(|secret| Zeroizing::new(secret.to_owned())),
        })
    }

    /// Whether `result` is how this signer accepts a `connect`: `ack`, or the secret.
    pub fn accepts(&self, result: &str) -> bool {
        result == "ack" || self.secret.as_ref().is_some_and(|secret| same(secret, result))
    }

    /// Writes the URL, secret included.
    pub fn to_url(&self) -> Zeroizing<String> {
        let mut query = relay_query(&self.relays);
        if let Some(secret) = &self.secret {
            query.append_pair("secret", secret);
        }
        Zeroizing::new(format!("bunker://{}?{}", self.remote_signer, query.finish()))
    }
}

impl fmt::Debug for BunkerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BunkerUrl({}, {:?})", self.remote_signer, self.relays)
    }
}

/// How a client offers itself to a remote signer: `nostrconnect://`.
#[derive(Clone, PartialEq, Eq)]
pub struct NostrConnectUrl {
    pub client: Pubkey,
    /// At least one.
    pub relays: Vec<RelayUrl>,
    /// Not empty; the signer must return it, else anybody could answer.
    pub secret: Zeroizing<String>,
    pub perms: Vec<Permission>,
    pub metadata: ClientMetadata,
}

impl NostrConnectUrl {
    /// Reads a `nostrconnect://` URL. Unknown parameters and unusable relays are skipped.
    ///
    /// # Errors
    /// `TooLong`, `Scheme`, `UrlPubkey`, `NoRelay`, `NoSecret`.
    pub fn parse(text: &str) -> Result<NostrConnectUrl, Nip46Error> {
        let url = UrlParts::read("nostrconnect://", text)?;
        let owned = |name| url.first(name).map(str::to_owned);
        Ok(NostrConnectUrl {
            client: url.pubkey,
            relays: url.relays()?,
            secret: Zeroizing::new(owned("secret").ok_or(Nip46Error::NoSecret)?),
            perms: Permission::parse_list(url.first("perms").unwrap_or_default()),
            metadata: ClientMetadata {
                name: owned("name"),
                url: owned("url"),
                image: owned("image"),
            },
        })
    }

    /// Whether `result` proves that its sender was given this URL: it is the secret, nothing else.
    pub fn accepts(&self, result: &str) -> bool {
        !self.secret.is_empty() && same(&self.secret, result)
    }

    /// Writes the URL, secret included.
    pub fn to_url(&self) -> Zeroizing<String> {
        let mut query = relay_query(&self.relays);
        query.append_pair("secret", &self.secret);
        if !self.perms.is_empty() {
            query.append_pair("perms", &Permission::join(&self.perms));
        }
        let metadata = &self.metadata;
        for (name, value) in [
            ("name", &metadata.name),
            ("url", &metadata.url),
            ("image", &metadata.image),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        Zeroizing::new(format!("nostrconnect://{}?{}", self.client, query.finish()))
    }
}

impl fmt::Debug for NostrConnectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NostrConnectUrl({}, {:?})", self.client, self.relays)
    }
}

/// A URL of either scheme, taken apart. Where a parameter other than `relay` is repeated, the first counts.
struct UrlParts {
    pubkey: Pubkey,
    query: Vec<(String, Zeroizing<String>)>,
}

impl UrlParts {
    fn read(scheme: &'static str, text: &str) -> Result<UrlParts, Nip46Error> {
        let text = text.trim();
        if text.len() > MAX_URL_BYTES {
            return Err(Nip46Error::TooLong);
        }
        let (start, rest) = text.split_at_checked(scheme.len()).ok_or(Nip46Error::Scheme(scheme))?;
        if !start.eq_ignore_ascii_case(scheme) {
            return Err(Nip46Error::Scheme(scheme));
        }
        let (pubkey, query) = rest.split_once('?').unwrap_or((rest, ""));
        let pubkey = pubkey.strip_suffix('/').unwrap_or(pubkey);
        Ok(UrlParts {
            pubkey: Pubkey::from_hex(pubkey).ok_or(Nip46Error::UrlPubkey)?,
            query: form_urlencoded::parse(query.as_bytes())
                .map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())))
                .collect(),
        })
    }

    fn first(&self, wanted: &'static str) -> Option<&str> {
        self.all(wanted).find(|value| !value.is_empty())
    }

    fn all(&self, wanted: &'static str) -> impl Iterator<Item = &str> {
        let found = self.query.iter().filter(move |(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    }

    fn relays(&self) -> Result<Vec<RelayUrl>, Nip46Error> {
        match usable_relays(self.all("relay")) {
            relays if relays.is_empty() => Err(Nip46Error::NoRelay),
            relays => Ok(relays),
        }
    }
}

fn relay_query(relays: &[RelayUrl]) -> form_urlencoded::Serializer<'static, String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(relays.iter().map(|relay| ("relay", relay.as_str())));
    query
}

fn same(secret: &str, given: &str) -> bool {
    secret.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::kind::Kind;
    use crate::nostr::nip46::Method;
    use crate::nostr::testing::Random;

    const SIGNER: &str = "fa984bd7dbb282f07e16e7ae87b26a2a7b9b90b7246a44771f0cf5ae58018f52";
    const OF_THE_NIP: &str = "nostrconnect://83f3b2ae6aa368e8275397b9c26cf550101d63ebaab900d19dd4a4429f5ad8f5?relay=wss%3A%2F%2Frelay1.example.com&perms=nip44_encrypt%2Cnip44_decrypt%2Csign_event%3A13%2Csign_event%3A14%2Csign_event%3A1059&name=My+Client&secret=0s8j2djs&relay=wss%3A%2F%2Frelay2.example2.com";

    fn relays(urls: &[&str]) -> Vec<RelayUrl> {
        urls.iter().map(|url| RelayUrl::parse(url).unwrap()).collect()
    }

    #[test]
    fn the_nostrconnect_url_of_the_nip_is_read() {
        let url = NostrConnectUrl::parse(OF_THE_NIP).unwrap();
        assert_eq!(
            url,
            NostrConnectUrl {
                client: Pubkey::from_hex("83f3b2ae6aa368e8275397b9c26cf550101d63ebaab900d19dd4a4429f5ad8f5").unwrap(),
                relays: relays(&["wss://relay1.example.com", "wss://relay2.example2.com"]),
                secret: Zeroizing::new("0s8j2djs".into()),
                perms: vec![
                    Permission::Method(Method::Nip44Encrypt),
                    Permission::Method(Method::Nip44Decrypt),
                    Permission::SignKind(Kind(13)),
                    Permission::SignKind(Kind(14)),
                    Permission::SignKind(Kind(1059)),
                ],
                metadata: ClientMetadata {
                    name: Some("My Client".into()),
                    url: None,
                    image: None,
                },
            }
        );
        assert_eq!(NostrConnectUrl::parse(&url.to_url()), Ok(url));
    }

    #[test]
    fn a_bunker_url_is_read_with_relays_encoded_or_not() {
        let url = BunkerUrl::parse(&format!(
            " BUNKER://{SIGNER}/?relay=wss://a.example/&secret=s%26%C3%A9+1&relay=wss%3A%2F%2Fb.example&relay=wss://a.example&x=y "
        ))
        .unwrap();
        assert_eq!(url.relays, relays(&["wss://a.example", "wss://b.example"]));
        assert_eq!(url.secret.as_ref().map(|secret| secret.as_str()), Some("s&é 1"));
        assert_eq!(BunkerUrl::parse(&url.to_url()), Ok(url));
    }

    #[test]
    fn a_bunker_without_secret_accepts_ack_alone() {
        let mut url = BunkerUrl::parse(&format!("bunker://{SIGNER}?relay=wss://a.example&secret=")).unwrap();
        assert_eq!(url.secret, None);
        assert!(url.accepts("ack") && !url.accepts(""));
        url.secret = Some(Zeroizing::new("s".into()));
        assert!(url.accepts("ack") && url.accepts("s") && !url.accepts("t"));
    }

    #[test]
    fn a_nostrconnect_answer_must_be_the_secret() {
        let url = NostrConnectUrl::parse(OF_THE_NIP).unwrap();
        assert!(url.accepts("0s8j2djs"));
        assert!(!url.accepts("ack") && !url.accepts("") && !url.accepts("0s8j2djS"));
    }

    #[test]
    fn what_is_no_connection_url_says_why() {
        for (text, error) in [
            ("", Nip46Error::Scheme("bunker://")),
            (OF_THE_NIP, Nip46Error::Scheme("bunker://")),
            ("bunker://?relay=wss://a.example", Nip46Error::UrlPubkey),
            ("bunker://npub1?relay=wss://a.example", Nip46Error::UrlPubkey),
            (&format!("bunker://{SIGNER}"), Nip46Error::NoRelay),
            (
                &format!("bunker://{SIGNER}?relay=https://a.example"),
                Nip46Error::NoRelay,
            ),
            (&format!("bunker://{}", "a".repeat(MAX_URL_BYTES)), Nip46Error::TooLong),
        ] {
            assert_eq!(BunkerUrl::parse(text), Err(error), "{text}");
        }
        let bare = format!("nostrconnect://{SIGNER}?relay=wss://a.example&secret=");
        assert_eq!(NostrConnectUrl::parse(&bare), Err(Nip46Error::NoSecret));
    }

    #[test]
    fn debug_shows_no_secret() {
        let url = NostrConnectUrl::parse(OF_THE_NIP).unwrap();
        assert!(!format!("{url:?}").contains("0s8j2djs"));
        let bunker = BunkerUrl::parse(&format!("bunker://{SIGNER}?relay=wss://a.example&secret=s3cr3t")).unwrap();
        assert!(!format!("{bunker:?}").contains("s3cr3t"));
    }

    #[test]
    fn many_relays_are_cut_to_twenty() {
        let query: String = (0..100).map(|n| format!("&relay=wss://r{n}.example")).collect();
        let url = BunkerUrl::parse(&format!("bunker://{SIGNER}?{query}")).unwrap();
        assert_eq!(url.relays.len(), 20);
    }

    #[test]
    fn hostile_urls_never_trip() {
        let mut random = Random(46);
        for _ in 0..5_000 {
            let damaged = random.damaged(OF_THE_NIP);
            if let Ok(url) = NostrConnectUrl::parse(&damaged) {
                assert_eq!(NostrConnectUrl::parse(&url.to_url()), Ok(url), "{damaged}");
            }
            let query = random.text("relay=wss://a.b&%2F+secret", 200);
            if let Ok(url) = BunkerUrl::parse(&format!("bunker://{SIGNER}?{query}")) {
                assert_eq!(BunkerUrl::parse(&url.to_url()), Ok(url), "{query}");
            }
        }
    }
}
