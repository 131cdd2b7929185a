#![doc = include_str!("../ARCHITECTURE.md")]

pub mod cache;
pub mod connections;
pub mod crypto;
pub mod message;
pub mod nostr;
pub mod parser;
pub mod role;
pub mod router;
pub mod time;
#[cfg(target_arch = "wasm32")]
mod web;
pub mod wire;
