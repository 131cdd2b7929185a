//! Samples of what the workers report to the page.

use super::Samples;
use super::values::*;
use crate::message::*;
use crate::nostr::event::Pubkey;
use crate::time::UnixSeconds;

fn stats() -> [Stats; 2] {
    let port = PortStats {
        name: "connToParser".into(),
        sent_records: 1,
        sent_bytes: 2,
        sent_batches: 3,
        received_records: 4,
        received_bytes: 5,
        received_batches: 6,
        queue_depth: 7,
        queue_high_water: 8,
        credit_bytes: 9,
        stalls: 10,
        stalled_ms: 11,
        malformed: u64::MAX,
    };
    let stats = Stats {
        request: REQUEST,
        ports: vec![port, PortStats::default()],
        counters: vec![("forged".into(), 1), (String::new(), 0)],
    };
    [Stats::default(), stats]
}

fn large_stats() -> [Stats; 2] {
    // Of each port only the last counter is set: the most a table can seem to hold for its bytes.
    let port = PortStats {
        malformed: 1,
        ..PortStats::default()
    };
    let ports = Stats {
        ports: vec![port; 1_000],
        ..Stats::default()
    };
    let counters = Stats {
        counters: vec![(String::new(), 0); 10_000],
        ..Stats::default()
    };
    [ports, counters]
}

impl Samples for ParserReport {
    fn small() -> Vec<Self> {
        let (relay, reason) = (relay(), String::from("pow: more"));
        let mut statuses = vec![
            PublishStatus::Signed { event: event() },
            PublishStatus::Queued { relays: relays() },
            PublishStatus::Queued { relays: vec![] },
            PublishStatus::Sent { relay: relay.clone() },
            PublishStatus::Accepted {
                relay: relay.clone(),
                reason: String::new(),
            },
            PublishStatus::Rejected {
                relay: relay.clone(),
                reason: reason.clone(),
            },
            PublishStatus::Unanswered {
                relay: relay.clone(),
                reason: reason.clone(),
            },
            PublishStatus::Complete,
        ];
        statuses.extend(signer_errors().map(|error| PublishStatus::Failed { error }));
        let publish = |status| ParserReport::Publish {
            publish: PUBLISH,
            recipient: None,
            status,
        };
        let mut messages: Vec<_> = statuses.into_iter().map(publish).collect();
        messages.push(ParserReport::Notice {
            relay: relay.clone(),
            message: String::new(),
        });
        messages.push(ParserReport::Notice { relay, message: reason });
        messages.extend(stats().map(ParserReport::Stats));
        messages
    }

    fn large() -> Vec<Self> {
        let status = PublishStatus::Signed { event: large_event() };
        let notice = ParserReport::Notice {
            relay: long_relay(),
            message: "x".repeat(1 << 20),
        };
        vec![
            ParserReport::Publish {
                publish: PUBLISH,
                recipient: Some(Pubkey([6; 32])),
                status,
            },
            notice,
        ]
    }
}

impl Samples for RoleReport {
    fn small() -> Vec<Self> {
        let imported = |bad| {
            RoleReport::Imported(Imported {
                request: REQUEST,
                stored: u32::MAX,
                known: 1,
                bad,
            })
        };
        let choice = |reason, people| RelayChoice {
            relay: long_relay(),
            reason,
            people,
        };
        let reasons = [
            ChoiceReason::Named,
            ChoiceReason::Inbox,
            ChoiceReason::Indexer,
            ChoiceReason::Default,
            ChoiceReason::Covered,
            ChoiceReason::OverLimit,
        ];
        let mut choices: Vec<RelayChoice> = reasons.map(|reason| choice(reason, vec![])).into();
        choices.push(choice(ChoiceReason::Outbox, vec![event().pubkey; 2]));
        let explained = |stored, choices, seen| RoleReport::Explained {
            request: REQUEST,
            stored,
            relays: choices,
            seen,
        };
        let own = [
            imported(vec![]),
            imported(vec![(0, String::new()), (u32::MAX, "no event".into())]),
            RoleReport::Wiped { request: REQUEST },
            explained(true, vec![], relays()),
            explained(false, choices, vec![]),
        ];
        own.into_iter().chain(stats().map(RoleReport::Stats)).collect()
    }

    fn large() -> Vec<Self> {
        large_stats().map(RoleReport::Stats).into()
    }
}

impl Samples for ConnectionStatus {
    fn small() -> Vec<Self> {
        let status = |state| ConnectionStatus {
            relay: relay(),
            state,
            reason: String::new(),
            counters: RelayCounters::default(),
        };
        let counters = RelayCounters {
            events: 1,
            bytes: 2,
            malformed: 3,
            unknown_sub: 4,
            forged: 5,
            unmatched: 6,
            connects: 7,
            sheds: u64::MAX,
            hidden_seconds: 8,
            hidden_at: UnixSeconds(9),
        };
        let full = ConnectionStatus {
            reason: "sent faster than could be checked".into(),
            counters,
            ..status(RelayState::Shed)
        };
        let states = [
            RelayState::Connecting,
            RelayState::Open,
            RelayState::Authenticating,
            RelayState::Closed,
            RelayState::Failed,
        ];
        states.into_iter().map(status).chain([full]).collect()
    }
}
