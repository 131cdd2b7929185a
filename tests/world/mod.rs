//! What the native tests share: a seeded executor and, on it, the four roles in one thread.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod engine;
pub mod executor;
pub mod mint;
pub mod net;
pub mod people;
pub mod relay;
