//! Ferry: the engine a web page drops in to speak Nostr.

pub mod nostr;
pub mod parser;
pub mod time;
