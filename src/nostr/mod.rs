//! The Nostr protocol, pure: no state, port, clock or log. Same input, same output.
//!
//! One NIP, one file. Nothing here imports a role.

pub mod cashu;
pub mod event;
pub mod filter;
pub mod frame;
pub mod hex;
pub mod keys;
pub mod kind;
pub mod nip04;
pub mod nip17;
pub mod nip19;
pub mod nip21;
pub mod nip42;
pub mod nip44;
pub mod nip46;
pub mod nip49;
pub mod nip59;
pub mod relay_url;
pub mod schnorr;
pub mod sub_id;
#[cfg(test)]
pub(crate) mod testing;
