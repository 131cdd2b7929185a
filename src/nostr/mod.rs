//! The Nostr protocol, pure: no state, port, clock or log. Same input, same output.
//!
//! One NIP, one file. Nothing here imports a role.

pub mod event;
pub mod filter;
pub mod frame;
pub mod hex;
pub mod kind;
pub mod relay_url;
pub mod schnorr;
