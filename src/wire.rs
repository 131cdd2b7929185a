//! Bytes and messages.

use thiserror::Error;

/// A message that crosses a port.
pub trait Wire: Sized {
    /// The message's bytes, without the router's framing.
    fn encode(&self) -> Vec<u8>;
    /// Reads what `encode` made.
    ///
    /// # Errors
    /// Says what is wrong with bytes that are no such message.
    fn decode(bytes: &[u8]) -> Result<Self, WireError>;
}

/// Why bytes are not the message they should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WireError {
    #[error("a batch's record lengths do not add up")]
    Framing,
}
