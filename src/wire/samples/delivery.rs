//! Samples of a subscription's stream to the page.

use super::Samples;
use super::values::*;
use crate::message::*;
use crate::nostr::event::EventId;
use crate::nostr::kind::Kind;
use crate::parser::content::cashu::{Dleq, Proof};
use crate::wire::as_stored;

fn valid_proof(r: Option<&str>) -> ValidProof {
    let json = r#"{"amount":18446744073709551615,"id":"005c2502034d4f12","secret":"s\u00e9","C":"02"}"#;
    let mut proof = Proof::from_json(json).unwrap();
    proof.dleq = r.map(|r| Dleq {
        e: "aa".into(),
        s: "bb".into(),
        r: Some(r.into()),
    });
    proof.witness = r.map(str::to_owned);
    ValidProof {
        event: EventId([9; 32]),
        proof,
        dleq: r.is_some(),
    }
}

impl Samples for ParserToPage {
    fn small() -> Vec<Self> {
        let delivery = |event, source, relays| {
            ParserToPage::Event(Delivery {
                event,
                source,
                relays,
                reading: None,
                written: None,
            })
        };
        let mut messages = vec![
            delivery(event(), ShardSource::Network, relays()),
            delivery(empty_event(), ShardSource::Cache, vec![]),
            delivery(as_stored(&event()), ShardSource::Cache, vec![]),
            // Parked, it came from a relay first.
            delivery(as_stored(&event()), ShardSource::Network, vec![]),
            delivery(as_stored(&event()), ShardSource::Cache, relays()),
            ParserToPage::Proofs(ValidProofs {
                mint: "https://mint.example".into(),
                unit: "sat".into(),
                proofs: vec![valid_proof(None), valid_proof(Some("cc"))],
            }),
            ParserToPage::Proofs(ValidProofs {
                mint: String::new(),
                unit: String::new(),
                proofs: vec![],
            }),
            ParserToPage::Count(CountResponse {
                kind: Kind(7),
                count: u64::MAX,
                you: true,
            }),
            ParserToPage::Eoce,
            ParserToPage::Eose { relay: relay() },
            ParserToPage::EoseAll,
            ParserToPage::Closed {
                relay: relay(),
                reason: "auth-required: who?".into(),
            },
            ParserToPage::Closed {
                relay: relay(),
                reason: String::new(),
            },
            ParserToPage::RelayCount {
                relay: relay(),
                count: u64::MAX,
                approximate: true,
            },
            ParserToPage::Unreachable {
                relay: relay(),
                reason: "no answer".into(),
            },
            ParserToPage::BufferFull { dropped: u64::MAX },
        ];
        let reasons = [
            EndReason::Complete,
            EndReason::TimedOut,
            EndReason::MaxEvents,
            EndReason::TooManySubscriptions,
            EndReason::BadFilters,
        ];
        messages.extend(reasons.map(|reason| ParserToPage::Ended { reason }));
        messages
    }

    fn large() -> Vec<Self> {
        let delivery = Delivery {
            event: large_event(),
            source: ShardSource::Network,
            relays: vec![long_relay(); 100],
            reading: None,
            written: None,
        };
        vec![ParserToPage::Event(delivery)]
    }
}
