//! What passes between connections and the other roles about relays: `RelayMessage` and `Envelope`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::nostr::{read_relay, read_sub, text_bytes};
use super::{Wire, WireError, builder, fb, read_text, root, worker_message, write_text};
use crate::message::{Envelope, RelayMessage};
use crate::nostr::event::{Event, EventId, RawEvent};
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;
use crate::nostr::relay_url::RelayUrl;
use crate::nostr::sub_id::SubId;

impl Wire for RelayMessage {
    fn encode(&self) -> Vec<u8> {
        use fb::WorkerContent as Content;
        let (relay, sub, bytes) = parts(self);
        let mut fbb = builder(bytes);
        let content = match self {
            RelayMessage::Event { json, .. } => {
                let json = Some(fbb.create_string(json));
                let raw = fb::Raw::create(&mut fbb, &fb::RawArgs { json });
                (Content::Raw, raw.as_union_value())
            }
            RelayMessage::Eose { .. } => {
                let eose = fb::Eose::create(&mut fbb, &fb::EoseArgs { all: false });
                (Content::Eose, eose.as_union_value())
            }
            RelayMessage::Closed { reason, .. } => {
                let reason = write_text(&mut fbb, reason);
                let closed = fb::Closed::create(&mut fbb, &fb::ClosedArgs { reason });
                (Content::Closed, closed.as_union_value())
            }
            RelayMessage::Ok {
                event_id,
                accepted,
                reason,
                ..
            } => {
                let args = fb::OkArgs {
                    event_id: Some(&fb::Hash(event_id.0)),
                    accepted: *accepted,
                    reason: write_text(&mut fbb, reason),
                };
                (Content::Ok, fb::Ok::create(&mut fbb, &args).as_union_value())
            }
            RelayMessage::Notice { message, .. } => {
                let message = Some(fbb.create_string(message));
                let notice = fb::Notice::create(&mut fbb, &fb::NoticeArgs { message });
                (Content::Notice, notice.as_union_value())
            }
            RelayMessage::Auth { challenge, .. } => {
                let challenge = Some(fbb.create_string(challenge));
                let auth = fb::Auth::create(&mut fbb, &fb::AuthArgs { challenge });
                (Content::Auth, auth.as_union_value())
            }
            RelayMessage::Count { count, approximate, .. } => {
                let args = fb::CountArgs {
                    count: *count,
                    approximate: *approximate,
                };
                (Content::Count, fb::Count::create(&mut fbb, &args).as_union_value())
            }
            RelayMessage::Sent { event_id, .. } => {
                let event_id = Some(&fb::Hash(event_id.0));
                let sent = fb::Sent::create(&mut fbb, &fb::SentArgs { event_id });
                (Content::Sent, sent.as_union_value())
            }
            RelayMessage::Unsent { event_id, reason, .. } => {
                let args = fb::UnsentArgs {
                    event_id: Some(&fb::Hash(event_id.0)),
                    reason: write_text(&mut fbb, reason),
                };
                (Content::Unsent, fb::Unsent::create(&mut fbb, &args).as_union_value())
            }
            RelayMessage::Unreachable { reason, .. } => {
                let reason = write_text(&mut fbb, reason);
                let unreachable = fb::Unreachable::create(&mut fbb, &fb::UnreachableArgs { reason });
                (Content::Unreachable, unreachable.as_union_value())
            }
        };
        worker_message(fbb, sub, Some(relay), content)
    }

    fn decode(bytes: &[u8]) -> Result<RelayMessage, WireError> {
        let message = root::<fb::WorkerMessage>(bytes)?;
        let relay = message.read_relay()?;
        let sub = || message.read_sub();
        if let Some(raw) = message.content_as_raw() {
            let json = raw.json().to_owned();
            return Ok(RelayMessage::Event {
                relay,
                sub: sub()?,
                json,
            });
        }
        if let Some(eose) = message.content_as_eose() {
            if eose.all() {
                return Err(WireError::Misplaced {
                    content: "Eose of all relays",
                });
            }
            return Ok(RelayMessage::Eose { relay, sub: sub()? });
        }
        if let Some(closed) = message.content_as_closed() {
            let reason = read_text(closed.reason());
            return Ok(RelayMessage::Closed {
                relay,
                sub: sub()?,
                reason,
            });
        }
        if let Some(ok) = message.content_as_ok() {
            return Ok(RelayMessage::Ok {
                relay,
                event_id: EventId(ok.event_id().0),
                accepted: ok.accepted(),
                reason: read_text(ok.reason()),
            });
        }
        if let Some(notice) = message.content_as_notice() {
            let message = notice.message().to_owned();
            return Ok(RelayMessage::Notice { relay, message });
        }
        if let Some(auth) = message.content_as_auth() {
            let challenge = auth.challenge().to_owned();
            return Ok(RelayMessage::Auth { relay, challenge });
        }
        if let Some(count) = message.content_as_count() {
            return Ok(RelayMessage::Count {
                relay,
                sub: sub()?,
                count: count.count(),
                approximate: count.approximate(),
            });
        }
        if let Some(sent) = message.content_as_sent() {
            let event_id = EventId(sent.event_id().0);
            return Ok(RelayMessage::Sent { relay, event_id });
        }
        if let Some(unsent) = message.content_as_unsent() {
            return Ok(RelayMessage::Unsent {
                relay,
                event_id: EventId(unsent.event_id().0),
                reason: read_text(unsent.reason()),
            });
        }
        if let Some(unreachable) = message.content_as_unreachable() {
            let reason = read_text(unreachable.reason());
            return Ok(RelayMessage::Unreachable {
                relay,
                sub: sub()?,
                reason,
            });
        }
        Err(message.misplaced())
    }
}

/// What every message says, the subscription of those that are about one, and the room for its texts.
fn parts(message: &RelayMessage) -> (&RelayUrl, Option<&SubId>, usize) {
    let (relay, sub, text) = match message {
        RelayMessage::Event { relay, sub, json } => (relay, Some(sub), json.as_str()),
        RelayMessage::Eose { relay, sub } | RelayMessage::Count { relay, sub, .. } => (relay, Some(sub), ""),
        RelayMessage::Closed { relay, sub, reason } | RelayMessage::Unreachable { relay, sub, reason } => {
            (relay, Some(sub), reason.as_str())
        }
        RelayMessage::Ok { relay, reason, .. } | RelayMessage::Unsent { relay, reason, .. } => {
            (relay, None, reason.as_str())
        }
        RelayMessage::Notice { relay, message: text } | RelayMessage::Auth { relay, challenge: text } => {
            (relay, None, text.as_str())
        }
        RelayMessage::Sent { relay, .. } => (relay, None, ""),
    };
    let sub_bytes = sub.map_or(0, |sub| text_bytes(sub.as_str()));
    (relay, sub, text_bytes(text) + text_bytes(relay.as_str()) + sub_bytes)
}

impl Wire for Envelope {
    fn encode(&self) -> Vec<u8> {
        let relays: Vec<&str> = self.relays.iter().map(RelayUrl::as_str).collect();
        let frames: Vec<String> = self.frames.iter().map(ClientFrame::to_json).collect();
        let (relays, frames) = (json(&relays), frames.join(","));
        format!("{{\"relays\":{relays},\"frames\":[{frames}]}}").into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Envelope, WireError> {
        let text = std::str::from_utf8(bytes).map_err(|error| WireError::BadEnvelope(error.to_string()))?;
        let EnvelopeJson { relays, frames } = serde_json::from_str(text)?;
        let relays = relays.iter().map(|relay| read_relay("relays", Some(relay)));
        let frames = frames.into_iter().map(|frame| read_frame(frame.get()));
        Ok(Envelope {
            relays: relays.collect::<Result<_, _>>()?,
            frames: frames.collect::<Result<_, _>>()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeJson<'a> {
    relays: Vec<String>,
    #[serde(borrow)]
    frames: Vec<&'a RawValue>,
}

/// Reads a frame of the engine's own. Its event was verified before it was sent, and its size is for
/// the relay's limits to judge, so this asks less than `ClientFrame::from_json`.
fn read_frame(text: &str) -> Result<ClientFrame, WireError> {
    let elements: Vec<&RawValue> = serde_json::from_str(text)?;
    let bad =
        || WireError::BadEnvelope("a frame has a label it should not have, or not the elements of its label".into());
    let [label, first, rest @ ..] = elements.as_slice() else {
        return Err(bad());
    };
    let label: String = serde_json::from_str(label.get())?;
    let event = || RawEvent::from_json(first.get()).map_err(|error| WireError::BadEnvelope(error.to_string()));
    let sub = || -> Result<SubId, WireError> {
        let sub: String = serde_json::from_str(first.get())?;
        read_sub("frames", Some(&sub))
    };
    let filters = || -> Result<Vec<Filter>, WireError> {
        let filters = rest.iter().map(|filter| serde_json::from_str(filter.get()));
        Ok(filters.collect::<Result<_, _>>()?)
    };
    match label.as_str() {
        "REQ" => Ok(ClientFrame::Req {
            sub: sub()?,
            filters: filters()?,
        }),
        "COUNT" => Ok(ClientFrame::Count {
            sub: sub()?,
            filters: filters()?,
        }),
        "CLOSE" if rest.is_empty() => Ok(ClientFrame::Close { sub: sub()? }),
        "EVENT" if rest.is_empty() => Ok(ClientFrame::Event(Event::trusted(event()?))),
        "AUTH" if rest.is_empty() => Ok(ClientFrame::Auth(Event::trusted(event()?))),
        _ => Err(bad()),
    }
}

/// Strings, numbers and lists of them cannot fail to be written.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl From<serde_json::Error> for WireError {
    fn from(error: serde_json::Error) -> WireError {
        WireError::BadEnvelope(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{event, relay, sub};

    #[test]
    fn an_envelope_is_json_with_the_frames_as_relays_are_sent_them() {
        let envelope = Envelope {
            relays: vec![relay()],
            frames: vec![
                ClientFrame::Close {
                    sub: SubId::new("a\"b").unwrap(),
                },
                ClientFrame::Req {
                    sub: sub(),
                    filters: vec![Filter::default()],
                },
                ClientFrame::Event(event()),
            ],
        };
        let json = format!(
            "{{\"relays\":[\"wss://relay.example/Path\"],\"frames\":[{},{},[\"EVENT\",{}]]}}",
            "[\"CLOSE\",\"a\\\"b\"]",
            "[\"REQ\",\"n46:feed\",{}]",
            event().to_json()
        );
        assert_eq!(String::from_utf8(envelope.encode()).unwrap(), json);
    }

    #[test]
    fn what_is_no_envelope_is_refused_with_the_reason() {
        let long = "x".repeat(65);
        for (json, why) in [
            ("{\"relays\":[]}".to_string(), "missing field `frames`"),
            ("{\"relays\":[],\"frames\":[],\"x\":1}".into(), "unknown field `x`"),
            (
                "{\"relays\":[\"http://a\"],\"frames\":[]}".into(),
                "`relays`: a relay address starts",
            ),
            (
                "{\"relays\":[],\"frames\":[[\"NOTICE\",\"x\"]]}".into(),
                "a frame has a label",
            ),
            ("{\"relays\":[],\"frames\":[[\"CLOSE\"]]}".into(), "a frame has a label"),
            (
                "{\"relays\":[],\"frames\":[[\"CLOSE\",\"x\",1]]}".into(),
                "a frame has a label",
            ),
            (
                "{\"relays\":[],\"frames\":[[\"REQ\",\"x\",{\"ids\":1}]]}".into(),
                "invalid type",
            ),
            (
                "{\"relays\":[],\"frames\":[[\"EVENT\",{}]]}".into(),
                "missing field `id`",
            ),
            (
                format!("{{\"relays\":[],\"frames\":[[\"CLOSE\",\"{long}\"]]}}"),
                "`frames` has 65 characters",
            ),
            ("{\"relays\":[],\"frames\":[]} ]".into(), "trailing characters"),
            ("\u{0}".into(), "expected value"),
        ] {
            let error = Envelope::decode(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{json}: {error}");
        }
    }
}
