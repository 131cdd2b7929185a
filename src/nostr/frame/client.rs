//! Messages from a client to a relay (NIP-01, NIP-42, NIP-45), written and read.
//!
//! Read means checked: an event's signature holds, a filter asks only what NIP-01 and
//! NIP-50 know, a subscription id has the length NIP-01 allows.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::scan::{self, Element};
use super::{FrameError, FrameLimits, Reader, SUB};
use crate::nostr::event::{Event, EventError, RawEvent};
use crate::nostr::filter::Filter;
use crate::nostr::sub_id::SubId;

/// A message to a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame {
    /// Asks for the events that match any of the filters, and replaces an open REQ of the same `sub`.
    Req { sub: SubId, filters: Vec<Filter> },
    /// Ends the REQ `sub`.
    Close { sub: SubId },
    /// Publishes an event.
    Event(Event),
    /// NIP-42: answers a challenge with an event of kind 22242.
    Auth(Event),
    /// NIP-45: asks how many events match any of the filters.
    Count { sub: SubId, filters: Vec<Filter> },
}

/// Why a text is not a client's frame. Offsets are in bytes from the start of the text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ClientFrameError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a subscription id has 1 to 64 characters, not {0}")]
    SubscriptionId(usize),
    #[error("bad filter at byte {at}: {reason}")]
    Filter { at: usize, reason: String },
    #[error("bad event at byte {at}: {error}")]
    Event { at: usize, error: EventError },
}

impl ClientFrame {
    /// The text to send.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists of them cannot fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads one message from a client. Elements after the ones a message has are tolerated.
    ///
    /// # Errors
    /// `Frame` as `RelayFrame::scan` does, also for a REQ or COUNT without a filter;
    /// `SubscriptionId` if it is empty or over 64 characters (NIP-01); `Filter`; `Event`
    /// for what is not an event or does not verify.
    pub fn from_json(text: &str) -> Result<ClientFrame, ClientFrameError> {
        let mut elements = Vec::new();
        scan::elements(FrameLimits::default(), text, |element| elements.push(element))?;
        let mut elements = elements.into_iter();
        let label = elements
            .next()
            .and_then(|label| label.string())
            .ok_or(FrameError::NotAFrame)?;
        let reader = |label| Reader { label, end: text.len() };
        match label.as_ref() {
            "REQ" => {
                let (sub, filters) = request(reader("REQ"), elements)?;
                Ok(ClientFrame::Req { sub, filters })
            }
            "CLOSE" => Ok(ClientFrame::Close {
                sub: subscription_id(reader("CLOSE"), elements.next())?,
            }),
            "EVENT" => event(reader("EVENT"), elements.next()).map(ClientFrame::Event),
            "AUTH" => event(reader("AUTH"), elements.next()).map(ClientFrame::Auth),
            "COUNT" => {
                let (sub, filters) = request(reader("COUNT"), elements)?;
                Ok(ClientFrame::Count { sub, filters })
            }
            unknown => Err(FrameError::unknown_label(unknown).into()),
        }
    }
}

impl Serialize for ClientFrame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ClientFrame::Req { sub, filters } => serialize_request(serializer, "REQ", sub, filters),
            ClientFrame::Close { sub } => ("CLOSE", sub.as_str()).serialize(serializer),
            ClientFrame::Event(event) => ("EVENT", event).serialize(serializer),
            ClientFrame::Auth(event) => ("AUTH", event).serialize(serializer),
            ClientFrame::Count { sub, filters } => serialize_request(serializer, "COUNT", sub, filters),
        }
    }
}

fn serialize_request<S: Serializer>(
    serializer: S,
    label: &str,
    sub: &SubId,
    filters: &[Filter],
) -> Result<S::Ok, S::Error> {
    let mut seq = serializer.serialize_seq(Some(2 + filters.len()))?;
    seq.serialize_element(label)?;
    seq.serialize_element(sub.as_str())?;
    for filter in filters {
        seq.serialize_element(filter)?;
    }
    seq.end()
}

fn request<'a>(
    read: Reader,
    mut elements: impl Iterator<Item = Element<'a>>,
) -> Result<(SubId, Vec<Filter>), ClientFrameError> {
    let sub = subscription_id(read, elements.next())?;
    let mut elements = elements.peekable();
    read.object(elements.peek().copied(), "filter")?;
    let filters = elements
        .map(|element| {
            serde_json::from_str(element.text).map_err(|error| ClientFrameError::Filter {
                at: element.at,
                reason: error.to_string(),
            })
        })
        .collect::<Result<_, _>>()?;
    Ok((sub, filters))
}

fn subscription_id(read: Reader, element: Option<Element<'_>>) -> Result<SubId, ClientFrameError> {
    let sub = read.string(element, SUB)?;
    SubId::new(&sub).ok_or_else(|| ClientFrameError::SubscriptionId(sub.chars().count()))
}

fn event(read: Reader, element: Option<Element<'_>>) -> Result<Event, ClientFrameError> {
    let object = read.object(element, "event")?;
    RawEvent::from_json(object.text)
        .and_then(RawEvent::verify)
        .map_err(|error| ClientFrameError::Event { at: object.at, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use crate::nostr::kind::Kind;

    #[test]
    fn every_message_goes_there_and_back() {
        let event = signed(3, 1, 5, &[&["t", "x\"y"]], "a\n\u{1}😀");
        let filters = vec![
            Filter {
                kinds: Some(vec![Kind(1)]),
                ..Filter::default()
            },
            Filter::default(),
        ];
        let sub = SubId::new("s\"\\1").unwrap();
        for (frame, start) in [
            (
                ClientFrame::Req {
                    sub: sub.clone(),
                    filters: filters.clone(),
                },
                "[\"REQ\",\"s\\\"\\\\1\",{\"kinds\":[1]},{}]",
            ),
            (ClientFrame::Close { sub: sub.clone() }, "[\"CLOSE\",\"s\\\"\\\\1\"]"),
            (ClientFrame::Event(event.clone()), "[\"EVENT\",{\"id\":"),
            (ClientFrame::Auth(event), "[\"AUTH\",{\"id\":"),
            (
                ClientFrame::Count { sub, filters },
                "[\"COUNT\",\"s\\\"\\\\1\",{\"kinds\":[1]},{}]",
            ),
        ] {
            let text = frame.to_json();
            assert!(text.starts_with(start), "{text}");
            assert_eq!(ClientFrame::from_json(&text), Ok(frame));
        }
    }

    #[test]
    fn what_a_relay_would_refuse_is_refused_with_the_reason() {
        let forged = signed(3, 1, 5, &[], "x").to_json().replace("\"x\"", "\"y\"");
        let long = "é".repeat(65);
        for (text, why) in [
            ("[\"REQ\",\"s\"]".to_string(), "filter"),
            ("[\"REQ\",\"s\",{},1]".into(), "bad filter at byte 14"),
            ("[\"REQ\",\"s\",{\"kinds\":1}]".into(), "bad filter at byte 11"),
            ("[\"REQ\",\"\",{}]".into(), "not 0"),
            (format!("[\"CLOSE\",\"{long}\"]"), "not 65"),
            (format!("[\"EVENT\",{forged}]"), "bad event at byte 9: the id is not"),
            ("[\"AUTH\",\"challenge\"]".into(), "AUTH: the event"),
            ("[\"EOSE\",\"s\"]".into(), "unknown label \"EOSE\""),
            ("[\"CLOSE\",\"s\"".into(), "not JSON"),
            ("{}".into(), "not an array"),
        ] {
            let error = ClientFrame::from_json(&text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let longest = "é".repeat(64);
        assert!(ClientFrame::from_json(&format!("[\"CLOSE\",\"{longest}\"]")).is_ok());
    }
}
