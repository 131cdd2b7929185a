//! Relay addresses, normalised so that one relay has one name.
//!
//! Scheme and host lower-cased, default port and trailing slash removed, path
//! case kept; a query is left alone. What a browser would quietly read as another
//! address (a backslash, an odd way to write an IP address) is refused.
//!
//! Hand-written because the `url` crate brings Unicode tables of some hundred
//! kilobytes for hosts that relays do not have.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A normalised `ws://` or `wss://` address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayUrl(Arc<str>);

/// Why a text is no relay's address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RelayUrlError {
    #[error("a relay address starts with ws:// or wss://")]
    Scheme,
    #[error("the relay address has no valid host")]
    Host,
    #[error("the relay address has a port that is no number from 1 to 65535")]
    Port,
    #[error("the relay address contains credentials, a fragment, or a character that must be escaped")]
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
        let mut url = format!("{scheme}://{}", normal_host(host)?);
        if let Some(port) = port.filter(|port| *port != default_port) {
            url.push_str(&format!(":{port}"));
        }
        if !path.bytes().all(is_path_byte) {
            return Err(RelayUrlError::Character);
        }
        match path.split_once('?') {
            None => url.push_str(path.trim_end_matches('/')),
            // A slash at the end of a query is part of a value, and before a query a path has at least one.
            Some((path, query)) => {
                let path = if path.is_empty() { "/" } else { path };
                url.push_str(&format!("{path}?{query}"));
            }
        }
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

/// Lower-cases a host, and writes an IPv6 address in its one shortest way.
fn normal_host(host: &str) -> Result<String, RelayUrlError> {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = inner.parse().map_err(|_| RelayUrlError::Host)?;
        return Ok(format!("[{address}]"));
    }
    // A dot at the end says that no search domain is to be tried, which changes nothing for a public name.
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if !host.split('.').all(is_label) {
        return Err(RelayUrlError::Host);
    }
    // Browsers read a host that ends in a number as an IPv4 address, in any of many ways:
    // 2130706433, 0x7f.1 and 127.1 are all 127.0.0.1. Only the usual one is taken.
    let last = host.rsplit('.').next().unwrap_or(host);
    if is_number(last) && host.parse::<std::net::Ipv4Addr>().is_err() {
        return Err(RelayUrlError::Host);
    }
    Ok(host.to_ascii_lowercase())
}

fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Whether a path or query may hold `byte` as it is (RFC 3986); browsers rewrite others, which would give one relay two names.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte)
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
            ("ws://[0:0::0:1]", "ws://[::1]"),
            ("wss://[2001:DB8::1]:443/", "wss://[2001:db8::1]"),
            ("wss://relay.example.com?Key=A", "wss://relay.example.com/?Key=A"),
            ("wss://relay.example.com/p/?next=/", "wss://relay.example.com/p/?next=/"),
            ("wss://relay.example.com/%C3%A9//", "wss://relay.example.com/%C3%A9"),
            ("wss://relay.example.com:00443", "wss://relay.example.com"),
            ("wss://relay.example.com./", "wss://relay.example.com"),
            ("wss://1a.0xyz", "wss://1a.0xyz"),
        ] {
            assert_eq!(
                RelayUrl::parse(given).map(|u| u.to_string()),
                Ok(name.into()),
                "{given}"
            );
            assert_eq!(RelayUrl::parse(name).map(|u| u.to_string()), Ok(name.into()));
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
            ("wss://relay..example", RelayUrlError::Host),
            ("wss://relay.-example", RelayUrlError::Host),
            ("wss://[::1]]", RelayUrlError::Host),
            ("wss://relay.example..", RelayUrlError::Host),
            ("wss://.", RelayUrlError::Host),
            ("wss://[::1]x:80", RelayUrlError::Host),
            ("wss://%72elay.example", RelayUrlError::Host),
            ("wss://2130706433", RelayUrlError::Host),
            ("wss://0x7f.1", RelayUrlError::Host),
            ("wss://127.0.0.01", RelayUrlError::Host),
            ("wss://1.2.3.256", RelayUrlError::Host),
            ("wss://relay.example.0x", RelayUrlError::Host),
            ("wss://good.example\\.evil.example", RelayUrlError::Host),
            ("wss://evil.example\\@good.example", RelayUrlError::Character),
            ("wss://relay.example/a\\b", RelayUrlError::Character),
            ("wss://relay.example/é", RelayUrlError::Character),
            ("wss://relay.example/\u{7f}", RelayUrlError::Character),
            ("wss://relay.example/\u{200b}", RelayUrlError::Character),
            ("wss://relay.example/\"", RelayUrlError::Character),
            ("wss://relay.example/#a", RelayUrlError::Character),
            ("wss://relay.example:1:2", RelayUrlError::Port),
            ("wss://relay.example:", RelayUrlError::Port),
        ] {
            assert_eq!(RelayUrl::parse(given), Err(error), "{given}");
        }
    }
}
