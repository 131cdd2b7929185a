//! Who takes part in the scenarios: a byte stands for a person, and their key is that byte, 32 times.

use nostr_ferry::nostr::event::Pubkey;
use nostr_ferry::nostr::keys::SecretKey;

pub fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32]).unwrap()
}

pub fn pubkey(byte: u8) -> Pubkey {
    key(byte).pubkey()
}

pub fn hex(byte: u8) -> String {
    pubkey(byte).to_string()
}
