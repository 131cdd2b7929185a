//! Frames between a client and a relay (NIP-01, NIP-42, NIP-45).

use super::event::Event;
use super::filter::Filter;
use super::sub_id::SubId;

/// A message to a relay.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientFrame {
    Req { sub: SubId, filters: Vec<Filter> },
    Close { sub: SubId },
    Event(Event),
    Auth(Event),
    Count { sub: SubId, filters: Vec<Filter> },
}
