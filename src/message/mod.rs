//! Every message between roles and to the page: one enum per directed link.
//!
//! Plain owned values without methods or codec; `wire` turns them into bytes.
//! Who holds which link is in `role`.
//!
//! | file | links |
//! |---|---|
//! | `page` | from the page to the workers' control ports |
//! | `delivery` | one subscription's ring or port, from the parser to the page |
//! | `report` | from the control ports to the page, and the status stream |
//! | `cache` | parserToCache |
//! | `relay` | connToParser, cacheToConn, cryptoToConn |
//! | `crypto` | parserToCrypto, cryptoToMain |

mod cache;
mod crypto;
mod delivery;
mod page;
mod relay;
mod report;

pub use self::cache::*;
pub use self::crypto::*;
pub use self::delivery::*;
pub use self::page::*;
pub use self::relay::*;
pub use self::report::*;
pub use crate::nostr::schnorr::Claim;
pub use crate::nostr::sub_id::SubId;

/// Subscription ids of the crypto role's own requests to remote signers (NIP-46) start so.
pub const SIGNER_SUB_PREFIX: &str = "n46:";

/// A page's number for one publish, unique in its lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublishId(pub u64);

/// The asker's number for one request; the answer carries it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What is never sent: the way back of a link that only carries credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {}
