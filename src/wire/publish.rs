//! How far a publish has come (`PublishStatus`).

use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::nostr::{
    event_bytes, read_event_field, read_relay, read_relays, read_signer_error, relays_bytes, signer_error_bytes,
    text_bytes, write_event, write_relays, write_signer_error,
};
use super::{WireError, fb, misplaced, read_text, write_text};
use crate::message::{PublishId, PublishStatus};
use crate::nostr::event::Pubkey;
use crate::nostr::relay_url::RelayUrl;

pub(super) fn status_bytes(status: &PublishStatus) -> usize {
    match status {
        PublishStatus::Signed { event } => event_bytes(event),
        PublishStatus::Queued { relays } => relays_bytes(relays),
        PublishStatus::Sent { relay } => text_bytes(relay.as_str()),
        PublishStatus::Accepted { relay, reason }
        | PublishStatus::Rejected { relay, reason }
        | PublishStatus::Unanswered { relay, reason } => text_bytes(relay.as_str()) + text_bytes(reason),
        PublishStatus::Failed { error } => signer_error_bytes(error),
        PublishStatus::Complete => 0,
    }
}

pub(super) fn write_status<'f>(
    fbb: &mut FlatBufferBuilder<'f>,
    publish: PublishId,
    recipient: Option<Pubkey>,
    status: &PublishStatus,
) -> WIPOffset<fb::PublishStatus<'f>> {
    use fb::PublishState as State;
    let recipient = recipient.map(|recipient| fb::Hash(recipient.0));
    let mut args = fb::PublishStatusArgs {
        publish: publish.0,
        recipient: recipient.as_ref(),
        ..Default::default()
    };
    let (state, relay, reason) = match status {
        PublishStatus::Signed { event } => {
            args.event = Some(write_event(fbb, event));
            (State::Signed, None, "")
        }
        PublishStatus::Queued { relays } => {
            args.relays = write_relays(fbb, relays);
            (State::Queued, None, "")
        }
        PublishStatus::Sent { relay } => (State::Sent, Some(relay), ""),
        PublishStatus::Accepted { relay, reason } => (State::Accepted, Some(relay), reason.as_str()),
        PublishStatus::Rejected { relay, reason } => (State::Rejected, Some(relay), reason.as_str()),
        PublishStatus::Unanswered { relay, reason } => (State::Unanswered, Some(relay), reason.as_str()),
        PublishStatus::Failed { error } => {
            args.error = Some(write_signer_error(fbb, error));
            (State::Failed, None, "")
        }
        PublishStatus::Complete => (State::Complete, None, ""),
    };
    args.state = state;
    args.relay = relay.map(|relay| fbb.create_string(relay.as_str()));
    args.reason = write_text(fbb, reason);
    fb::PublishStatus::create(fbb, &args)
}

pub(super) fn read_status(status: fb::PublishStatus<'_>) -> Result<PublishStatus, WireError> {
    use fb::PublishState as State;
    let relay = || -> Result<RelayUrl, WireError> { read_relay("PublishStatus.relay", status.relay()) };
    let reason = || read_text(status.reason());
    match status.state() {
        State::Signed => Ok(PublishStatus::Signed {
            event: read_event_field("PublishStatus.event", status.event())?,
        }),
        State::Queued => Ok(PublishStatus::Queued {
            relays: read_relays("PublishStatus.relays", status.relays())?,
        }),
        State::Sent => Ok(PublishStatus::Sent { relay: relay()? }),
        State::Accepted => Ok(PublishStatus::Accepted {
            relay: relay()?,
            reason: reason(),
        }),
        State::Rejected => Ok(PublishStatus::Rejected {
            relay: relay()?,
            reason: reason(),
        }),
        State::Unanswered => Ok(PublishStatus::Unanswered {
            relay: relay()?,
            reason: reason(),
        }),
        State::Failed => Ok(PublishStatus::Failed {
            error: read_signer_error("PublishStatus.error", status.error())?,
        }),
        State::Complete => Ok(PublishStatus::Complete),
        State(tag) => Err(misplaced("PublishStatus.state", None, tag)),
    }
}
