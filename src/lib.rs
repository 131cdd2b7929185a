//! Ferry: the engine a web page drops in to speak Nostr.

pub mod connections;
pub mod message;
pub mod nostr;
pub mod role;
pub mod router;
pub mod time;
pub mod wire;
