//! From the workers' control ports to the page (`RoleReport`), and the status stream (`ConnectionStatus`).

use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

use super::nostr::{each, read_relay, read_relays, relays_bytes, text_bytes, write_relays};
use super::publish::{read_status, status_bytes, write_status};
use super::stats::{read_stats, stats_report};
use super::{Wire, WireError, builder, fb, finish, read_text, root, scalar_enum, write_text};
use crate::message::{
    ChoiceReason, ConnectionStatus, Imported, ParserReport, PublishId, RelayChoice, RelayCounters, RelayState,
    RequestId, RoleReport,
};
use crate::nostr::event::Pubkey;
use crate::nostr::relay_url::RelayUrl;
use crate::time::UnixSeconds;

scalar_enum!(RelayState: Connecting, Open, Authenticating, Closed, Failed, Shed);
scalar_enum!(ChoiceReason: Named, Outbox, Inbox, Indexer, Default, Covered, OverLimit);

impl Wire for ParserReport {
    fn encode(&self) -> Vec<u8> {
        match self {
            ParserReport::Publish {
                publish,
                recipient,
                status,
            } => {
                let mut fbb = builder(32 + status_bytes(status));
                let status = write_status(&mut fbb, *publish, *recipient, status);
                role_report(fbb, (fb::ReportContent::PublishStatus, status.as_union_value()))
            }
            ParserReport::Notice { relay, message } => {
                let mut fbb = builder(text_bytes(relay.as_str()) + text_bytes(message));
                let args = fb::RelayNoticeArgs {
                    relay: Some(fbb.create_string(relay.as_str())),
                    message: Some(fbb.create_string(message)),
                };
                let notice = fb::RelayNotice::create(&mut fbb, &args);
                role_report(fbb, (fb::ReportContent::RelayNotice, notice.as_union_value()))
            }
            ParserReport::Stats(stats) => stats_report(stats),
        }
    }

    fn decode(bytes: &[u8]) -> Result<ParserReport, WireError> {
        let report = root::<fb::RoleReport>(bytes)?;
        if let Some(status) = report.content_as_publish_status() {
            return Ok(ParserReport::Publish {
                publish: PublishId(status.publish()),
                recipient: status.recipient().map(|recipient| Pubkey(recipient.0)),
                status: read_status(status)?,
            });
        }
        if let Some(notice) = report.content_as_relay_notice() {
            return Ok(ParserReport::Notice {
                relay: read_relay("RelayNotice.relay", Some(notice.relay()))?,
                message: notice.message().to_owned(),
            });
        }
        read_stats(report).map(ParserReport::Stats)
    }
}

impl Wire for RoleReport {
    fn encode(&self) -> Vec<u8> {
        match self {
            RoleReport::Stats(stats) => stats_report(stats),
            RoleReport::Imported(imported) => imported_report(imported),
            RoleReport::Wiped { request } => {
                let mut fbb = builder(0);
                let wiped = fb::Wiped::create(&mut fbb, &fb::WipedArgs { request_id: request.0 });
                role_report(fbb, (fb::ReportContent::Wiped, wiped.as_union_value()))
            }
            RoleReport::Explained {
                request,
                stored,
                relays,
                seen,
            } => explained_report(*request, *stored, relays, seen),
        }
    }

    fn decode(bytes: &[u8]) -> Result<RoleReport, WireError> {
        let report = root::<fb::RoleReport>(bytes)?;
        if let Some(imported) = report.content_as_imported() {
            let bad = each(imported.bad()).map(|line| (line.at(), line.reason().to_owned()));
            return Ok(RoleReport::Imported(Imported {
                request: RequestId(imported.request_id()),
                stored: imported.stored(),
                known: imported.known(),
                bad: bad.collect(),
            }));
        }
        if let Some(wiped) = report.content_as_wiped() {
            let request = RequestId(wiped.request_id());
            return Ok(RoleReport::Wiped { request });
        }
        if let Some(explained) = report.content_as_explained() {
            let choices: Result<Vec<RelayChoice>, WireError> = each(explained.relays()).map(read_choice).collect();
            return Ok(RoleReport::Explained {
                request: RequestId(explained.request_id()),
                stored: explained.stored(),
                relays: choices?,
                seen: read_relays("Explained.seen", explained.seen())?,
            });
        }
        read_stats(report).map(RoleReport::Stats)
    }
}

fn imported_report(imported: &Imported) -> Vec<u8> {
    let bytes = imported.bad.iter().map(|(_, reason)| 32 + text_bytes(reason));
    let mut fbb = builder(bytes.sum());
    let bad = imported.bad.iter().map(|(at, reason)| {
        let reason = Some(fbb.create_string(reason));
        fb::BadLine::create(&mut fbb, &fb::BadLineArgs { at: *at, reason })
    });
    let bad: Vec<_> = bad.collect();
    let args = fb::ImportedArgs {
        request_id: imported.request.0,
        stored: imported.stored,
        known: imported.known,
        bad: (!bad.is_empty()).then(|| fbb.create_vector(&bad)),
    };
    let imported = fb::Imported::create(&mut fbb, &args);
    role_report(fbb, (fb::ReportContent::Imported, imported.as_union_value()))
}

fn explained_report(request: RequestId, stored: bool, relays: &[RelayChoice], seen: &[RelayUrl]) -> Vec<u8> {
    let bytes = relays
        .iter()
        .map(|choice| 48 + text_bytes(choice.relay.as_str()) + 32 * choice.people.len());
    let mut fbb = builder(bytes.sum::<usize>() + relays_bytes(seen));
    let relays = relays.iter().map(|choice| {
        let people = choice.people.iter().map(|pubkey| fb::Hash(pubkey.0));
        let args = fb::RelayChoiceArgs {
            relay: Some(fbb.create_string(choice.relay.as_str())),
            reason: choice.reason.into(),
            people: (!choice.people.is_empty()).then(|| fbb.create_vector_from_iter(people)),
        };
        fb::RelayChoice::create(&mut fbb, &args)
    });
    let relays: Vec<_> = relays.collect();
    let args = fb::ExplainedArgs {
        request_id: request.0,
        stored,
        relays: (!relays.is_empty()).then(|| fbb.create_vector(&relays)),
        seen: write_relays(&mut fbb, seen),
    };
    let explained = fb::Explained::create(&mut fbb, &args);
    role_report(fbb, (fb::ReportContent::Explained, explained.as_union_value()))
}

fn read_choice(choice: fb::RelayChoice<'_>) -> Result<RelayChoice, WireError> {
    Ok(RelayChoice {
        relay: read_relay("RelayChoice.relay", Some(choice.relay()))?,
        reason: choice.reason().try_into()?,
        people: each(choice.people()).map(|pubkey| Pubkey(pubkey.0)).collect(),
    })
}

pub(super) fn role_report(
    mut fbb: FlatBufferBuilder<'_>,
    (content_type, content): (fb::ReportContent, WIPOffset<UnionWIPOffset>),
) -> Vec<u8> {
    let args = fb::RoleReportArgs {
        content_type,
        content: Some(content),
    };
    let report = fb::RoleReport::create(&mut fbb, &args);
    finish(fbb, report)
}

impl Wire for ConnectionStatus {
    fn encode(&self) -> Vec<u8> {
        let mut fbb = builder(text_bytes(self.relay.as_str()) + text_bytes(&self.reason));
        let RelayCounters {
            events,
            bytes,
            malformed,
            unknown_sub,
            forged,
            unmatched,
            connects,
            sheds,
            hidden_seconds,
            hidden_at,
        } = self.counters;
        let args = fb::ConnectionStatusArgs {
            relay: Some(fbb.create_string(self.relay.as_str())),
            state: self.state.into(),
            reason: write_text(&mut fbb, &self.reason),
            events,
            bytes,
            malformed,
            unknown_sub,
            forged,
            unmatched,
            connects,
            sheds,
            hidden_seconds,
            hidden_at: hidden_at.0,
        };
        let status = fb::ConnectionStatus::create(&mut fbb, &args);
        finish(fbb, status)
    }

    fn decode(bytes: &[u8]) -> Result<ConnectionStatus, WireError> {
        let status = root::<fb::ConnectionStatus>(bytes)?;
        Ok(ConnectionStatus {
            relay: read_relay("ConnectionStatus.relay", Some(status.relay()))?,
            state: status.state().try_into()?,
            reason: read_text(status.reason()),
            counters: RelayCounters {
                events: status.events(),
                bytes: status.bytes(),
                malformed: status.malformed(),
                unknown_sub: status.unknown_sub(),
                forged: status.forged(),
                unmatched: status.unmatched(),
                connects: status.connects(),
                sheds: status.sheds(),
                hidden_seconds: status.hidden_seconds(),
                hidden_at: UnixSeconds(status.hidden_at()),
            },
        })
    }
}
