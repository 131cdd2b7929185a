//! Any bytes into every reader of messages: each reads or refuses, and what it read is written and read the same.
//!
//! Shared by the fuzz target and by `tests/fuzzed.rs`.

use std::fmt::Debug;

use nostr_ferry::message::{
    CacheToParser, ConnectionStatus, CryptoToPage, CryptoToParser, Envelope, PageToCache, PageToConnections,
    PageToCrypto, PageToCryptoControl, PageToParser, ParserReport, ParserToCache, ParserToConnections, ParserToCrypto,
    ParserToPage, RelayMessage, RoleReport,
};
use nostr_ferry::wire::Wire;

/// Returns how many readers took the bytes for a message of theirs.
pub fn check(bytes: &[u8]) -> usize {
    // A buffer is read where it lies, and a port's records lie on a multiple of eight, as an allocation does.
    let bytes = &bytes.to_vec()[..];
    let readers = [
        read::<PageToParser>,
        read::<PageToConnections>,
        read::<PageToCache>,
        read::<PageToCrypto>,
        read::<PageToCryptoControl>,
        read::<ParserToPage>,
        read::<ParserReport>,
        read::<RoleReport>,
        read::<ConnectionStatus>,
        read::<CryptoToPage>,
        read::<ParserToCache>,
        read::<CacheToParser>,
        read::<Envelope>,
        read::<RelayMessage>,
        read::<ParserToConnections>,
        read::<ParserToCrypto>,
        read::<CryptoToParser>,
    ];
    readers.iter().filter(|read| read(bytes)).count()
}

fn read<T: Wire + PartialEq + Debug>(bytes: &[u8]) -> bool {
    match T::decode(bytes) {
        Ok(message) => {
            let written = message.encode();
            // What is shared or absent is written out, so it may grow, but not without bound.
            assert!(
                written.len() <= 16 * bytes.len() + 1_024,
                "{} bytes became {}",
                bytes.len(),
                written.len()
            );
            let again = T::decode(&written);
            assert!(again.as_ref() == Ok(&message), "{message:?}\n{again:?}");
            true
        }
        Err(error) => {
            assert!(error.to_string().len() < 10_000, "{error}");
            false
        }
    }
}
