//! Relay addresses, normalised so that one relay has one name.
//!
//! Scheme and host lower-cased, default port and trailing slash removed, path
//! case kept. Hand-written because the `url` crate brings Unicode tables of
//! some hundred kilobytes for hosts that relays do not have.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A normalised `ws://` or `wss://` address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayUrl(Arc<str>);

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RelayUrlError {
    #[error("a relay address starts with ws:// or wss://")]
    Scheme,
    #[error("the relay address has no valid host")]
    Host,
    #[error("the relay address has a port that is no number from 1 to 65535")]
    Port,
    #[error("the relay address contains white space, a control character, credentials or a fragment")]
    Character,
    #[error("the relay address is longer than 2048 bytes")]
    Length,
}

impl RelayUrl {
    /// Normalises `text`.
    ///
    /// # Errors
    /// Says which part cannot be part of a relay's address.
    pub fn parse(text: &str) -> Result<RelayUrl, RelayUrlError> {
        let text = text.trim();
        if text.len() > 2048 {
            return Err(RelayUrlError::Length);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '#') {
            return Err(RelayUrlError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(RelayUrlError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "ws" => 80,
            "wss" => 443,
            _ => return Err(RelayUrlError::Scheme),
        };
        let path_at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        if authority.contains('@') {
            return Err(RelayUrlError::Character);
        }
        let (host, port) = split_port(authority)?;
        let host = host.to_ascii_lowercase();
        if !is_host(&host) {
            return Err(RelayUrlError::Host);
        }
        let mut url = format!("{scheme}://{host}");
        if let Some(port) = port.filter(|port| *port != default_port) {
            url.push_str(&format!(":{port}"));
        }
        url.push_str(path.trim_end_matches('/'));
        Ok(RelayUrl(url.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), RelayUrlError> {
    // An IPv6 host carries colons of its own, inside brackets.
    let after_host = authority.rfind(']').map_or(0, |at| at + 1);
    let tail = authority.get(after_host..).unwrap_or("");
    match tail.find(':') {
        None => Ok((authority, None)),
        Some(at) => {
            let (host, port) = authority.split_at(after_host + at);
            let digits = port.get(1..).unwrap_or("");
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(RelayUrlError::Port);
            }
            let port: u16 = digits.parse().map_err(|_| RelayUrlError::Port)?;
            if port == 0 {
                return Err(RelayUrlError::Port);
            }
            Ok((host, Some(port)))
        }
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !host.is_empty()
        && !host.starts_with(['.', '-'])
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b'_')
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_relay_has_one_name() {
        for (given, name) in [
            ("wss://Relay.Example.COM/", "wss://relay.example.com"),
            ("WSS://relay.example.com:443", "wss://relay.example.com"),
            ("ws://relay.example.com:80//", "ws://relay.example.com"),
            ("ws://relay.example.com:443", "ws://relay.example.com:443"),
            ("wss://relay.example.com/Path/", "wss://relay.example.com/Path"),
            ("wss://relay.example.com/?Key=A", "wss://relay.example.com/?Key=A"),
            (" ws://127.0.0.1:7777 ", "ws://127.0.0.1:7777"),
            ("ws://[::1]:7777/a", "ws://[::1]:7777/a"),
        ] {
            assert_eq!(
                RelayUrl::parse(given).map(|u| u.to_string()),
                Ok(name.into()),
                "{given}"
            );
        }
    }

    #[test]
    fn what_is_no_relay_is_refused_with_the_reason() {
        for (given, error) in [
            ("https://relay.example.com", RelayUrlError::Scheme),
            ("relay.example.com", RelayUrlError::Scheme),
            ("wss://", RelayUrlError::Host),
            ("wss://rel ay.example", RelayUrlError::Character),
            ("wss://user:pw@relay.example", RelayUrlError::Character),
            ("wss://relay.example:0", RelayUrlError::Port),
            ("wss://relay.example:99999", RelayUrlError::Port),
            ("wss://relay.example:+1", RelayUrlError::Port),
            ("wss://[::zz]", RelayUrlError::Host),
            ("wss://bücher.example", RelayUrlError::Host),
        ] {
            assert_eq!(RelayUrl::parse(given), Err(error), "{given}");
        }
    }
}
