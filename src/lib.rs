//! Ferry: the engine a web page drops in to speak Nostr.

pub mod cache;
pub mod connections;
pub mod crypto;
pub mod message;
pub mod nostr;
pub mod parser;
pub mod role;
pub mod router;
pub mod time;
pub mod wire;
