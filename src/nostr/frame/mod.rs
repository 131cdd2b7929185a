//! Frames between a client and a relay (NIP-01, NIP-42, NIP-45).
//!
//! Texts become frames here and nowhere else, and the other way round. A relay's
//! frame is scanned without building a tree, and its event is handed on as the bytes
//! that came; whether those are an event at all is for `RawEvent::from_json` to say.

mod client;
mod scan;

use std::borrow::Cow;

use thiserror::Error;

pub use self::client::{ClientFrame, ClientFrameError};
use self::scan::Element;
use super::event::EventId;
use super::hex;

/// The longest frame that is read, in bytes: four times the largest event, which may come escaped.
pub const MAX_FRAME_BYTES: usize = 1024 * 1024;
/// How deep arrays and objects may nest, the frame's own array included: an event needs four.
pub const MAX_DEPTH: usize = 8;

/// What is taken of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    pub bytes: usize,
    /// Arrays and objects inside each other, the frame itself included.
    pub depth: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        FrameLimits {
            bytes: MAX_FRAME_BYTES,
            depth: MAX_DEPTH,
        }
    }
}

/// A message from a relay, borrowed from its text.
///
/// Elements after the ones a message has are tolerated, whatever they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayFrame<'a> {
    /// An event that answers the REQ `sub`. `event` is the object exactly as it stands in
    /// the text: valid JSON within the limits, of unknown content.
    Event { sub: Cow<'a, str>, event: &'a str },
    /// All stored events for `sub` have been sent.
    Eose { sub: Cow<'a, str> },
    /// The verdict on an EVENT or AUTH. `reason` is empty if the relay gave none.
    Ok {
        id: EventId,
        accepted: bool,
        reason: Cow<'a, str>,
    },
    /// The relay ended `sub`. `reason` is empty if it gave none.
    Closed { sub: Cow<'a, str>, reason: Cow<'a, str> },
    /// Words for a person.
    Notice { message: Cow<'a, str> },
    /// NIP-42: prove who you are by signing `challenge`.
    Auth { challenge: Cow<'a, str> },
    /// NIP-45: how many events match the COUNT `sub`. `hll` is absent if what the relay
    /// gave is not 256 registers in hex; the count stands without it.
    Count {
        sub: Cow<'a, str>,
        count: u64,
        approximate: bool,
        hll: Option<Box<HyperLogLog>>,
    },
}

/// The registers of a NIP-45 HyperLogLog. To merge two, take the larger of each pair.
pub type HyperLogLog = [u8; 256];

/// Why a text is not a frame. Offsets are in bytes from the start of the text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
    #[error("not JSON: expected {expected} at byte {at}")]
    NotJson { at: usize, expected: &'static str },
    #[error("too many arrays and objects inside each other at byte {at}")]
    TooDeep { at: usize },
    #[error("not an array that begins with a label")]
    NotAFrame,
    /// The label, cut to 32 characters.
    #[error("unknown label {0:?}")]
    UnknownLabel(String),
    #[error("{label}: the {member} is missing or not {expected}, at byte {at}")]
    BadMember {
        label: &'static str,
        member: &'static str,
        expected: &'static str,
        at: usize,
    },
}

impl<'a> RelayFrame<'a> {
    /// Reads one message from a relay.
    ///
    /// The whole text is checked: it is accepted only if `serde_json` would read the same
    /// message from it. A reason that is missing altogether is tolerated, as NIP-01 has
    /// demanded one only since relays began to send it.
    ///
    /// # Errors
    /// `TooLong` over 1 MiB, `NotJson`, `TooDeep` over 8 levels; of valid JSON: `NotAFrame`,
    /// `UnknownLabel`, `BadMember`. Skip the text and count it against the relay.
    pub fn scan(text: &'a str) -> Result<RelayFrame<'a>, FrameError> {
        RelayFrame::scan_within(FrameLimits::default(), text)
    }

    /// The same within limits of one's own.
    ///
    /// # Errors
    /// As `scan`.
    pub fn scan_within(limits: FrameLimits, text: &'a str) -> Result<RelayFrame<'a>, FrameError> {
        // No message has more than four elements that are read.
        let mut elements = [None; 4];
        let mut slots = elements.iter_mut();
        scan::elements(limits, text, |element| {
            if let Some(slot) = slots.next() {
                *slot = Some(element);
            }
        })?;
        let [label, first, second, third] = elements;
        let name = label.and_then(|label| label.string()).ok_or(FrameError::NotAFrame)?;
        let reader = |label| Reader { label, end: text.len() };
        match name.as_ref() {
            "EVENT" => {
                let read = reader("EVENT");
                Ok(RelayFrame::Event {
                    sub: read.string(first, SUB)?,
                    event: read.object(second, "event")?.text,
                })
            }
            "EOSE" => Ok(RelayFrame::Eose {
                sub: reader("EOSE").string(first, SUB)?,
            }),
            "OK" => {
                let read = reader("OK");
                Ok(RelayFrame::Ok {
                    id: read.event_id(first)?,
                    accepted: read.boolean(second, "verdict")?,
                    reason: read.reason(third)?,
                })
            }
            "CLOSED" => {
                let read = reader("CLOSED");
                Ok(RelayFrame::Closed {
                    sub: read.string(first, SUB)?,
                    reason: read.reason(second)?,
                })
            }
            "NOTICE" => Ok(RelayFrame::Notice {
                message: reader("NOTICE").string(first, "message")?,
            }),
            "AUTH" => Ok(RelayFrame::Auth {
                challenge: reader("AUTH").string(first, "challenge")?,
            }),
            "COUNT" => {
                let read = reader("COUNT");
                read.count(read.string(first, SUB)?, read.object(second, "result")?)
            }
            unknown => Err(FrameError::unknown_label(unknown)),
        }
    }
}

impl FrameError {
    fn unknown_label(label: &str) -> FrameError {
        FrameError::UnknownLabel(label.chars().take(32).collect())
    }
}

const SUB: &str = "subscription id";

/// Reads the elements behind one label, and names what is wrong with them.
#[derive(Clone, Copy)]
struct Reader {
    label: &'static str,
    /// The length of the text: where a missing element is missing.
    end: usize,
}

impl Reader {
    fn string<'a>(self, element: Option<Element<'a>>, member: &'static str) -> Result<Cow<'a, str>, FrameError> {
        element
            .and_then(|element| element.string())
            .ok_or_else(|| self.bad(element, member, "a string"))
    }

    fn object<'a>(self, element: Option<Element<'a>>, member: &'static str) -> Result<Element<'a>, FrameError> {
        element
            .filter(Element::is_object)
            .ok_or_else(|| self.bad(element, member, "an object"))
    }

    fn boolean(self, element: Option<Element<'_>>, member: &'static str) -> Result<bool, FrameError> {
        match element.map(|element| element.text) {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            _ => Err(self.bad(element, member, "true or false")),
        }
    }

    fn event_id(self, element: Option<Element<'_>>) -> Result<EventId, FrameError> {
        element
            .and_then(|element| EventId::from_hex(&element.string()?))
            .ok_or_else(|| self.bad(element, "event id", "64 digits of lower-case hex"))
    }

    fn reason<'a>(self, element: Option<Element<'a>>) -> Result<Cow<'a, str>, FrameError> {
        match element {
            None => Ok(Cow::Borrowed("")),
            given => self.string(given, "reason"),
        }
    }

    /// Reads NIP-45's result object.
    fn count<'a>(self, sub: Cow<'a, str>, result: Element<'a>) -> Result<RelayFrame<'a>, FrameError> {
        let (mut count, mut approximate, mut hll) = (None, None, None);
        scan::members(result, |name, value| {
            match name {
                "count" => count = Some(value),
                "approximate" => approximate = Some(value),
                "hll" => hll = Some(value),
                _ => {}
            }
            Ok(())
        })?;
        Ok(RelayFrame::Count {
            sub,
            count: count
                .and_then(|count| count.text.parse().ok())
                .ok_or_else(|| self.bad(count.or(Some(result)), "count", "an integer of 64 bits"))?,
            approximate: approximate.is_some() && self.boolean(approximate, "approximate flag")?,
            hll: hll.and_then(|hll| hex::decode(&hll.string()?).map(Box::new)),
        })
    }

    #[cold]
    fn bad(self, element: Option<Element<'_>>, member: &'static str, expected: &'static str) -> FrameError {
        FrameError::BadMember {
            label: self.label,
            member,
            expected,
            at: element.map_or(self.end, |element| element.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn id() -> EventId {
        EventId::from_hex(ID).unwrap()
    }

    #[test]
    fn every_message_is_read() {
        let ok = format!("[\"OK\",\"{ID}\",false,\"blocked: no\"]");
        let hll = "0f".repeat(256);
        let counted = format!("[\"COUNT\",\"s\",{{\"count\":7,\"hll\":\"{hll}\"}}]");
        let count = |count, approximate, hll| RelayFrame::Count {
            sub: "s".into(),
            count,
            approximate,
            hll,
        };
        for (text, frame) in [
            (
                "[\"EVENT\",\"s\", {\"a\" : [1, \"\\u0041\"]} ]",
                RelayFrame::Event {
                    sub: "s".into(),
                    event: "{\"a\" : [1, \"\\u0041\"]}",
                },
            ),
            ("[\"EOSE\",\"s\"]", RelayFrame::Eose { sub: "s".into() }),
            (
                &ok,
                RelayFrame::Ok {
                    id: id(),
                    accepted: false,
                    reason: "blocked: no".into(),
                },
            ),
            (
                "[\"CLOSED\",\"s\",\"error: \\\"x\\\"\"]",
                RelayFrame::Closed {
                    sub: "s".into(),
                    reason: "error: \"x\"".into(),
                },
            ),
            ("[\"NOTICE\",\"\"]", RelayFrame::Notice { message: "".into() }),
            ("[\"AUTH\",\"c\"]", RelayFrame::Auth { challenge: "c".into() }),
            ("[\"COUNT\",\"s\",{\"count\":5}]", count(5, false, None)),
            (
                "[\"COUNT\",\"s\",{\"count\":93412452,\"approximate\":true}]",
                count(93_412_452, true, None),
            ),
            (&counted, count(7, false, Some(Box::new([15; 256])))),
            (
                "[\"COUNT\",\"s\",{\"count\":1,\"\\u0063ount\":2,\"hll\":\"0f\"}]",
                count(2, false, None),
            ),
        ] {
            assert_eq!(RelayFrame::scan(text), Ok(frame), "{text}");
        }
    }

    #[test]
    fn escapes_in_label_and_subscription_id_mean_what_they_say() {
        let text = "[\"\\u0045OSE\",\"\\ud83d\\ude00\\/\"]";
        assert_eq!(RelayFrame::scan(text), Ok(RelayFrame::Eose { sub: "😀/".into() }));
    }

    #[test]
    fn further_elements_and_a_missing_reason_are_tolerated() {
        let eose = RelayFrame::Eose { sub: "s".into() };
        assert_eq!(RelayFrame::scan("[\"EOSE\",\"s\",{\"x\":[null]},1,2,3,4,5]"), Ok(eose));
        assert!(RelayFrame::scan("[\"EOSE\",\"s\",tru]").is_err());
        let ok = RelayFrame::Ok {
            id: id(),
            accepted: true,
            reason: "".into(),
        };
        assert_eq!(RelayFrame::scan(&format!("[\"OK\",\"{ID}\",true]")), Ok(ok));
        let closed = RelayFrame::Closed {
            sub: "s".into(),
            reason: "".into(),
        };
        assert_eq!(RelayFrame::scan("[\"CLOSED\",\"s\"]"), Ok(closed));
    }

    #[test]
    fn a_bad_member_is_named_with_its_place() {
        for (text, label, member, at) in [
            ("[\"EVENT\",\"s\"]", "EVENT", "event", 13),
            ("[\"EVENT\",{}]", "EVENT", SUB, 9),
            ("[\"EVENT\",\"s\",[{}]]", "EVENT", "event", 13),
            ("[\"EOSE\",null]", "EOSE", SUB, 8),
            ("[\"OK\",\"AA\",true,\"\"]", "OK", "event id", 6),
            ("[\"CLOSED\",\"s\",null]", "CLOSED", "reason", 14),
            ("[\"NOTICE\",1]", "NOTICE", "message", 10),
            ("[\"AUTH\"]", "AUTH", "challenge", 8),
            ("[\"COUNT\",\"s\",5]", "COUNT", "result", 13),
            ("[\"COUNT\",\"s\",{}]", "COUNT", "count", 13),
            ("[\"COUNT\",\"s\",{\"count\":-1}]", "COUNT", "count", 22),
            ("[\"COUNT\",\"s\",{\"count\":1.0}]", "COUNT", "count", 22),
            (
                "[\"COUNT\",\"s\",{\"count\":18446744073709551616}]",
                "COUNT",
                "count",
                22,
            ),
            (
                "[\"COUNT\",\"s\",{\"count\":1,\"approximate\":1}]",
                "COUNT",
                "approximate flag",
                38,
            ),
        ] {
            match RelayFrame::scan(text) {
                Err(FrameError::BadMember {
                    label: l,
                    member: m,
                    at: a,
                    ..
                }) => assert_eq!((l, m, a), (label, member, at), "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        let ok = format!("[\"OK\",\"{ID}\",1,\"\"]");
        assert!(RelayFrame::scan(&ok).unwrap_err().to_string().contains("verdict"));
    }

    #[test]
    fn other_json_is_no_frame_and_an_unknown_label_is_told_in_short() {
        for text in ["{}", "\"EOSE\"", "1", "[]", "[1]", "[[\"EOSE\",\"s\"]]"] {
            assert_eq!(RelayFrame::scan(text), Err(FrameError::NotAFrame), "{text}");
        }
        assert_eq!(
            RelayFrame::scan("[\"eose\",\"s\"]"),
            Err(FrameError::UnknownLabel("eose".into()))
        );
        let long = format!("[\"{}\"]", "é\\n".repeat(1_000));
        assert_eq!(RelayFrame::scan(&long), Err(FrameError::UnknownLabel("é\n".repeat(16))));
    }
}
