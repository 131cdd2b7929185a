#![doc = include_str!("../ARCHITECTURE.md")]

// What the tests include by path names the crate as they do.
#[cfg(feature = "browser-suite")]
extern crate self as nostr_ferry;

pub mod cache;
pub mod connections;
pub mod crypto;
mod hashed;
mod memory;
pub mod message;
pub mod nostr;
pub mod parser;
mod recent;
pub mod role;
pub mod router;
pub mod sorted;
pub mod time;
#[cfg(target_arch = "wasm32")]
mod web;
pub mod wire;
