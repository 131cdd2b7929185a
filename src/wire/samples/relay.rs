//! Samples of what passes to and from connections.

use super::Samples;
use super::values::*;
use crate::message::*;
use crate::nostr::event::EventId;
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;

impl Samples for Envelope {
    fn small() -> Vec<Self> {
        let quoted = SubId::new("s\"\\1").unwrap();
        vec![
            Envelope {
                relays: vec![],
                frames: vec![],
            },
            Envelope {
                relays: relays(),
                frames: vec![
                    ClientFrame::Req {
                        sub: quoted,
                        filters: filters(),
                    },
                    ClientFrame::Close { sub: sub() },
                    ClientFrame::Event(event()),
                    ClientFrame::Auth(empty_event()),
                    ClientFrame::Count {
                        sub: sub(),
                        filters: vec![Filter::default()],
                    },
                ],
            },
        ]
    }

    fn large() -> Vec<Self> {
        let frames = vec![
            ClientFrame::Req {
                sub: long_sub(),
                filters: large_filters(),
            },
            ClientFrame::Event(large_event()),
        ];
        vec![Envelope {
            relays: vec![long_relay(); 100],
            frames,
        }]
    }
}

impl Samples for RelayMessage {
    fn small() -> Vec<Self> {
        let (sub, relay, event_id) = (sub(), relay(), EventId([3; 32]));
        let reason = String::from("error: shutting down");
        vec![
            RelayMessage::Event {
                relay: relay.clone(),
                sub: sub.clone(),
                json: event().to_json(),
            },
            RelayMessage::Event {
                relay: relay.clone(),
                sub: long_sub(),
                json: String::new(),
            },
            RelayMessage::Eose {
                relay: relay.clone(),
                sub: sub.clone(),
            },
            RelayMessage::Closed {
                relay: relay.clone(),
                sub: sub.clone(),
                reason: reason.clone(),
            },
            RelayMessage::Ok {
                relay: relay.clone(),
                event_id,
                accepted: true,
                reason: String::new(),
            },
            RelayMessage::Ok {
                relay: relay.clone(),
                event_id,
                accepted: false,
                reason: reason.clone(),
            },
            RelayMessage::Notice {
                relay: relay.clone(),
                message: String::new(),
            },
            RelayMessage::Notice {
                relay: relay.clone(),
                message: reason.clone(),
            },
            RelayMessage::Auth {
                relay: relay.clone(),
                challenge: "\u{1}?".into(),
            },
            RelayMessage::Count {
                relay: relay.clone(),
                sub: sub.clone(),
                count: u64::MAX,
                approximate: true,
            },
            RelayMessage::Count {
                relay: relay.clone(),
                sub: sub.clone(),
                count: 0,
                approximate: false,
            },
            RelayMessage::Sent {
                relay: relay.clone(),
                event_id,
            },
            RelayMessage::Unsent {
                relay: relay.clone(),
                event_id,
                reason: reason.clone(),
            },
            RelayMessage::Unreachable { relay, sub, reason },
        ]
    }

    fn large() -> Vec<Self> {
        let json = "\u{e9}".repeat(1 << 19);
        vec![RelayMessage::Event {
            relay: long_relay(),
            sub: long_sub(),
            json,
        }]
    }
}

impl Samples for ParserToConnections {
    fn small() -> Vec<Self> {
        let misbehaved = |fault| ParserToConnections::Misbehaved { relay: relay(), fault };
        vec![
            ParserToConnections::Verified { ids: ids(3) },
            ParserToConnections::Verified { ids: vec![] },
            misbehaved(RelayFault::Malformed),
            misbehaved(RelayFault::Forged),
            misbehaved(RelayFault::Unmatched),
            ParserToConnections::Authenticate {
                relay: relay(),
                event: event(),
            },
            ParserToConnections::CannotAuthenticate {
                relay: relay(),
                reason: "no signer".into(),
            },
        ]
    }

    fn large() -> Vec<Self> {
        vec![ParserToConnections::Verified {
            ids: vec![EventId([1; 32]); 10_000],
        }]
    }
}
