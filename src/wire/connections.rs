//! From the parser to connections: `ParserNotice`.

use super::nostr::{event_bytes, read_event_field, read_ids, read_relay, text_bytes, write_event, write_ids};
use super::{Wire, WireError, builder, fb, finish, misplaced, read_text, root, scalar_enum, write_text};
use crate::message::{ParserToConnections, RelayFault};

scalar_enum!(RelayFault: Malformed, Forged, Unmatched);

impl Wire for ParserToConnections {
    fn encode(&self) -> Vec<u8> {
        use fb::ParserNoticeKind as Kind;
        let mut fbb;
        let args = match self {
            ParserToConnections::Verified { ids } => {
                fbb = builder(32 * ids.len());
                fb::ParserNoticeArgs {
                    kind: Kind::Verified,
                    ids: Some(write_ids(&mut fbb, ids)),
                    ..Default::default()
                }
            }
            ParserToConnections::Misbehaved { relay, fault } => {
                fbb = builder(text_bytes(relay.as_str()));
                fb::ParserNoticeArgs {
                    kind: Kind::Misbehaved,
                    relay: Some(fbb.create_string(relay.as_str())),
                    fault: (*fault).into(),
                    ..Default::default()
                }
            }
            ParserToConnections::Authenticate { relay, event } => {
                fbb = builder(text_bytes(relay.as_str()) + event_bytes(event));
                fb::ParserNoticeArgs {
                    kind: Kind::Authenticate,
                    relay: Some(fbb.create_string(relay.as_str())),
                    event: Some(write_event(&mut fbb, event)),
                    ..Default::default()
                }
            }
            ParserToConnections::CannotAuthenticate { relay, reason } => {
                fbb = builder(text_bytes(relay.as_str()) + text_bytes(reason));
                fb::ParserNoticeArgs {
                    kind: Kind::CannotAuthenticate,
                    relay: Some(fbb.create_string(relay.as_str())),
                    reason: write_text(&mut fbb, reason),
                    ..Default::default()
                }
            }
        };
        let notice = fb::ParserNotice::create(&mut fbb, &args);
        finish(fbb, notice)
    }

    fn decode(bytes: &[u8]) -> Result<ParserToConnections, WireError> {
        use fb::ParserNoticeKind as Kind;
        let notice = root::<fb::ParserNotice>(bytes)?;
        let relay = || read_relay("ParserNotice.relay", notice.relay());
        match notice.kind() {
            Kind::Verified => Ok(ParserToConnections::Verified {
                ids: read_ids(notice.ids()),
            }),
            Kind::Misbehaved => Ok(ParserToConnections::Misbehaved {
                relay: relay()?,
                fault: notice.fault().try_into()?,
            }),
            Kind::Authenticate => Ok(ParserToConnections::Authenticate {
                relay: relay()?,
                event: read_event_field("ParserNotice.event", notice.event())?,
            }),
            Kind::CannotAuthenticate => Ok(ParserToConnections::CannotAuthenticate {
                relay: relay()?,
                reason: read_text(notice.reason()),
            }),
            Kind(tag) => Err(misplaced("ParserNotice.kind", None, tag)),
        }
    }
}
