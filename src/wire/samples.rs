//! Messages to test the codec with: each variant at its emptiest, as usual and at the limits.

use std::fmt::Debug;

use zeroize::Zeroizing;

use super::Wire;
use crate::message::*;
use crate::nostr::event::{Event, EventId, MAX_EVENT_BYTES, MAX_TAGS, Pubkey, RawEvent, Signature, Tag, UnsignedEvent};
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;
use crate::nostr::kind::Kind;
use crate::nostr::nip59::Rumor;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::cashu::{Dleq, Proof};
use crate::sorted::SortedMap;
use crate::time::UnixSeconds;

pub(super) trait Samples: Wire + Debug + PartialEq {
    /// Messages of up to some hundred bytes, at least one of each variant.
    fn small() -> Vec<Self>;
    /// Messages as large as the engine's limits allow.
    fn large() -> Vec<Self> {
        Vec::new()
    }
}

/// A small generator (xorshift), the same numbers for the same seed.
pub(super) struct Seeded(u64);

impl Seeded {
    pub(super) fn new(seed: u64) -> Seeded {
        Seeded(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    /// Overwrites, cuts or repeats a part.
    pub(super) fn change(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        match self.below(16) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => bytes[at] = 0xff,
            3..=6 => bytes[at] = self.below(16) as u8,
            7..=9 => bytes[at] ^= 1 << self.below(8),
            10..=12 => bytes[at] = bytes[at].wrapping_add(4),
            _ => bytes[at] = self.below(256) as u8,
        }
    }
}

pub(super) fn sub() -> SubId {
    SubId::new("n46:feed").unwrap()
}

pub(super) fn relay() -> RelayUrl {
    RelayUrl::parse("wss://relay.example/Path").unwrap()
}

fn relays() -> Vec<RelayUrl> {
    vec![relay(), RelayUrl::parse("ws://[::1]:7777").unwrap()]
}

fn long_sub() -> SubId {
    SubId::new(&"\u{1f98a}".repeat(64)).unwrap()
}

fn long_relay() -> RelayUrl {
    RelayUrl::parse(&format!("wss://relay.example/{}", "p".repeat(2028))).unwrap()
}

fn ids(count: u8) -> Vec<EventId> {
    (0..count).map(|n| EventId([n; 32])).collect()
}

fn tags(tags: &[&[&str]]) -> Vec<Tag> {
    tags.iter()
        .map(|tag| tag.iter().map(|value| value.to_string()).collect())
        .collect()
}

fn raw() -> RawEvent {
    RawEvent {
        id: EventId([0xab; 32]),
        pubkey: Pubkey(std::array::from_fn(|n| n as u8)),
        created_at: UnixSeconds(1_700_000_000),
        kind: Kind(30_023),
        tags: tags(&[&["d", ""], &["e", "second value"], &[], &["t", "\u{e9}\0\""]]),
        content: "h\u{e9}llo\n".into(),
        sig: Signature([0xcd; 64]),
    }
}

pub(super) fn event() -> Event {
    Event::trusted(raw())
}

fn empty_event() -> Event {
    Event::trusted(RawEvent {
        id: EventId([0; 32]),
        pubkey: Pubkey([0; 32]),
        created_at: UnixSeconds(0),
        kind: Kind(0),
        tags: vec![],
        content: String::new(),
        sig: Signature([0; 64]),
    })
}

/// As many tags as an event may have, nearly as many bytes, and the largest numbers.
pub(super) fn large_event() -> Event {
    let mut raw = raw();
    raw.created_at = UnixSeconds(u64::MAX);
    raw.kind = Kind(u16::MAX);
    raw.tags = (0..MAX_TAGS).map(|n| vec!["p".into(), n.to_string()]).collect();
    raw.content = "x".repeat(MAX_EVENT_BYTES - 80_000);
    Event::trusted(raw)
}

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

fn filters() -> Vec<Filter> {
    vec![
        Filter::default(),
        Filter {
            ids: Some(vec![]),
            authors: Some(vec![]),
            kinds: Some(vec![]),
            tags: SortedMap::from([('e', vec![])]),
            since: Some(UnixSeconds(0)),
            until: Some(UnixSeconds(u64::MAX)),
            limit: Some(0),
            search: Some(String::new()),
        },
        Filter {
            ids: Some(ids(2)),
            authors: Some(vec![Pubkey([7; 32])]),
            kinds: Some(vec![Kind(0), Kind(u16::MAX)]),
            tags: SortedMap::from([('A', vec!["x".into()]), ('e', vec!["".into(), "y".into()])]),
            since: None,
            until: Some(UnixSeconds(1)),
            limit: Some(u32::MAX),
            search: Some("pur\u{e9}e".into()),
        },
    ]
}

/// Every letter in each of 50 filters, and a list of authors.
fn large_filters() -> Vec<Filter> {
    let letters = ('A'..='Z').chain('a'..='z');
    let filter = Filter {
        authors: Some(vec![Pubkey([1; 32]); 2_000]),
        tags: letters.map(|letter| (letter, vec!["v".into(); 20])).collect(),
        ..Filter::default()
    };
    vec![filter; 50]
}

fn templates() -> [Template; 2] {
    let raw = raw();
    let template = Template {
        kind: raw.kind,
        created_at: Some(UnixSeconds(0)),
        tags: raw.tags,
        content: raw.content,
    };
    let empty = Template {
        kind: Kind(0),
        created_at: None,
        tags: vec![],
        content: String::new(),
    };
    [template, empty]
}

fn large_template() -> Template {
    let RawEvent {
        kind, tags, content, ..
    } = large_event().into_raw();
    let created_at = Some(UnixSeconds(u64::MAX));
    Template {
        kind,
        created_at,
        tags,
        content,
    }
}

fn signer_errors() -> [SignerError; 8] {
    [
        SignerError::NoSigner,
        SignerError::Refused("no".into()),
        SignerError::Refused(String::new()),
        SignerError::TimedOut,
        SignerError::Disconnected("gone".into()),
        SignerError::BadInput("what".into()),
        SignerError::Cancelled,
        SignerError::Unsupported("nip44".into()),
    ]
}

const REQUEST: RequestId = RequestId(u64::MAX);
const PUBLISH: PublishId = PublishId(7);

fn controls() -> [Control; 2] {
    [Control::Stats { request: REQUEST }, Control::Stop]
}

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

impl Samples for PageToParser {
    fn small() -> Vec<Self> {
        let [template, empty] = templates();
        let full = Subscribe {
            filters: filters(),
            relays: relays(),
            cache: CachePolicy::NoCache,
            close_on_eose: true,
            timeout_ms: Some(0),
            max_events: Some(u32::MAX),
            slow: true,
            pipeline: vec![
                PipeSpec::Parse,
                PipeSpec::SaveToDb,
                PipeSpec::SerializeEvents,
                PipeSpec::KindFilter {
                    kinds: vec![Kind(0), Kind(u16::MAX)],
                },
                PipeSpec::KindFilter { kinds: vec![] },
                PipeSpec::Mute(Muted {
                    pubkeys: vec![event().pubkey],
                    ids: vec![event().id, event().id],
                    hashtags: vec!["t".into()],
                    words: vec!["w".into(), String::new()],
                }),
                PipeSpec::Mute(Muted::default()),
                PipeSpec::NpubLimiter {
                    kind: Kind(4),
                    limit: u32::MAX,
                    max_npubs: 0,
                },
                PipeSpec::ProofVerification { max: u32::MAX },
                PipeSpec::Counter {
                    kinds: vec![Kind(7)],
                    pubkey: Some(event().pubkey),
                },
                PipeSpec::Counter {
                    kinds: vec![],
                    pubkey: None,
                },
                PipeSpec::Parse,
            ],
            max_relays: Some(0),
            delivered: ids(3),
        };
        let mut messages = vec![
            PageToParser::Subscribe {
                sub: sub(),
                subscribe: full,
            },
            PageToParser::Unsubscribe { sub: long_sub() },
            PageToParser::Abort { publish: PUBLISH },
            PageToParser::Publish {
                publish: PUBLISH,
                template,
                private_tags: None,
                relays: relays(),
                event: Some(event().into_raw()),
            },
            PageToParser::Publish {
                publish: PublishId(0),
                template: empty,
                private_tags: Some(Vec::new()),
                relays: vec![],
                event: None,
            },
        ];
        for cache in [
            CachePolicy::CacheThenNetwork,
            CachePolicy::CacheFirst,
            CachePolicy::CacheOnly,
            CachePolicy::Count,
        ] {
            let subscribe = Subscribe {
                cache,
                ..Subscribe::default()
            };
            messages.push(PageToParser::Subscribe { sub: sub(), subscribe });
        }
        messages.extend(controls().map(PageToParser::Control));
        messages
    }

    fn large() -> Vec<Self> {
        let subscribe = Subscribe {
            filters: large_filters(),
            relays: vec![long_relay(); 100],
            pipeline: vec![PipeSpec::SerializeEvents; 1_000],
            delivered: vec![EventId([1; 32]); 10_000],
            ..Subscribe::default()
        };
        let publish = PageToParser::Publish {
            publish: PUBLISH,
            template: large_template(),
            private_tags: Some(vec![vec!["word".into(), "fish".into()]]),
            relays: relays(),
            event: Some(large_event().into_raw()),
        };
        vec![
            PageToParser::Subscribe {
                sub: long_sub(),
                subscribe,
            },
            publish,
        ]
    }
}

impl Samples for PageToConnections {
    fn small() -> Vec<Self> {
        let controls = controls().map(PageToConnections::Control);
        let signed_in = PageToConnections::SignedIn {
            pubkey: Pubkey([7; 32]),
        };
        let own = [PageToConnections::Online, signed_in];
        own.into_iter().chain(controls).collect()
    }
}

impl Samples for PageToCache {
    fn small() -> Vec<Self> {
        let owner = PageToCache::Owner {
            pubkey: Pubkey([7; 32]),
        };
        let defaults = [relays(), vec![]].map(|relays| PageToCache::Defaults { relays });
        let controls = controls().map(PageToCache::Control);
        let import = |lines| PageToCache::Import {
            request: REQUEST,
            lines,
        };
        let explain = |about| PageToCache::Explain {
            request: REQUEST,
            about,
        };
        let own = [
            owner,
            import(vec![]),
            import(vec!["{}".into(), String::new()]),
            PageToCache::Wipe { request: REQUEST },
            explain(Explain::Sub(sub())),
            explain(Explain::Event(event().id)),
        ];
        own.into_iter().chain(defaults).chain(controls).collect()
    }
}

impl Samples for PageToCryptoControl {
    fn small() -> Vec<Self> {
        controls().map(PageToCryptoControl::Control).into()
    }
}

fn secret(text: &str) -> Secret {
    Secret(Zeroizing::new(text.into()))
}

fn signer_calls() -> Vec<SignerCall> {
    let peer = Pubkey([3; 32]);
    let mut calls = vec![
        SignerCall::GetPublicKey,
        SignerCall::Encrypt {
            cipher: Cipher::Nip44,
            peer,
            plaintext: secret("h\u{e9}llo"),
        },
        SignerCall::Encrypt {
            cipher: Cipher::Nip04,
            peer,
            plaintext: secret(""),
        },
        SignerCall::Decrypt {
            cipher: Cipher::Nip04,
            peer,
            ciphertext: "AA==?iv=AA==".into(),
        },
    ];
    calls.extend(templates().map(SignerCall::Sign));
    calls
}

fn signer_ops() -> Vec<SignerOp> {
    let proof = |r| ProofClaim {
        mint_key: [2; 33],
        secret: secret("s"),
        signature: [3; 33],
        e: [4; 32],
        s: [5; 32],
        r,
    };
    let mut ops: Vec<SignerOp> = signer_calls().into_iter().map(SignerOp::Call).collect();
    ops.push(SignerOp::Unwrap(raw()));
    ops.extend(templates().map(SignerOp::Wrap));
    ops.push(SignerOp::VerifyProofs(vec![]));
    ops.push(SignerOp::VerifyProofs(vec![proof(None), proof(Some([6; 32]))]));
    ops
}

fn signer_results() -> Vec<SignerResult> {
    let rumor = Rumor::new(UnsignedEvent {
        pubkey: Pubkey([9; 32]),
        created_at: UnixSeconds(1),
        kind: Kind(14),
        tags: tags(&[&["p", "x"]]),
        content: "h\u{e9}\"".into(),
    });
    let answers = [
        SignerAnswer::PublicKey(Pubkey([9; 32])),
        SignerAnswer::Signed(raw()),
        SignerAnswer::Text(secret("")),
        SignerAnswer::Text(secret("text")),
        SignerAnswer::Rumor(rumor),
        SignerAnswer::Wraps(vec![]),
        SignerAnswer::Wraps(vec![raw(), raw()]),
        SignerAnswer::Verdicts(vec![true, false]),
        SignerAnswer::Done,
    ];
    let errors = signer_errors().map(Err);
    answers.into_iter().map(Ok).chain(errors).collect()
}

fn signer_choices() -> Vec<SignerChoice> {
    let client = SignerClient {
        permissions: "sign_event:1".into(),
        name: "Ferry".into(),
        url: "https://app.example".into(),
        image: String::new(),
    };
    vec![
        SignerChoice::PrivateKey(secret("nsec1")),
        SignerChoice::PrivateKey(secret("")),
        SignerChoice::EncryptedKey {
            ncryptsec: "ncryptsec1".into(),
            passphrase: secret("p"),
        },
        SignerChoice::PublicKey("npub1".into()),
        SignerChoice::Extension,
        SignerChoice::Bunker {
            url: secret("bunker://"),
            client: SignerClient::default(),
        },
        SignerChoice::NostrConnect {
            relays: relays(),
            client,
        },
        SignerChoice::Session(secret("{}")),
    ]
}

impl Samples for PageToCrypto {
    fn small() -> Vec<Self> {
        let request = REQUEST;
        let mut messages = vec![PageToCrypto::Logout { request: RequestId(0) }];
        messages.extend(
            signer_choices()
                .into_iter()
                .map(|choice| PageToCrypto::Use { request, choice }),
        );
        messages.extend(signer_ops().into_iter().map(|op| PageToCrypto::Ask { request, op }));
        let call = CallId(5);
        messages.extend(
            signer_results()
                .into_iter()
                .map(|result| PageToCrypto::Extension { call, result }),
        );
        messages
    }

    fn large() -> Vec<Self> {
        vec![PageToCrypto::Ask {
            request: REQUEST,
            op: SignerOp::Call(SignerCall::Sign(large_template())),
        }]
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

impl Samples for CryptoToPage {
    fn small() -> Vec<Self> {
        let request = REQUEST;
        let mut messages = vec![
            CryptoToPage::AuthUrl {
                url: "https://signer.example/confirm".into(),
            },
            CryptoToPage::ConnectUrl {
                request,
                url: secret("nostrconnect://"),
            },
            CryptoToPage::Session { session: secret("{}") },
        ];
        messages.extend(
            signer_results()
                .into_iter()
                .map(|result| CryptoToPage::Answer { request, result }),
        );
        let call = CallId(u64::MAX);
        messages.extend(
            signer_calls()
                .into_iter()
                .map(|ask| CryptoToPage::Extension { call, ask }),
        );
        messages
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

impl Samples for ParserToCache {
    fn small() -> Vec<Self> {
        let lookup = |filters, relays, policy| ParserToCache::Lookup {
            sub: sub(),
            filters,
            relays,
            policy,
            max_relays: Some(3),
            asked: vec![],
        };
        vec![
            lookup(filters(), relays(), CachePolicy::CacheOnly),
            lookup(vec![], vec![], CachePolicy::CacheThenNetwork),
            ParserToCache::Lookup {
                sub: sub(),
                filters: filters(),
                relays: vec![],
                policy: CachePolicy::CacheFirst,
                max_relays: None,
                asked: relays(),
            },
            ParserToCache::Close {
                sub: long_sub(),
                asked: vec![],
            },
            ParserToCache::Close {
                sub: sub(),
                asked: relays(),
            },
            ParserToCache::Save {
                event: event(),
                relays: relays(),
            },
            ParserToCache::Save {
                event: empty_event(),
                relays: vec![],
            },
            ParserToCache::Publish {
                publish: PUBLISH,
                event: event(),
                relays: relays(),
            },
            ParserToCache::Publish {
                publish: PublishId(0),
                event: empty_event(),
                relays: vec![],
            },
            ParserToCache::Refill {
                sub: sub(),
                ids: ids(3),
            },
            ParserToCache::Refill {
                sub: sub(),
                ids: vec![],
            },
        ]
    }

    fn large() -> Vec<Self> {
        vec![
            ParserToCache::Lookup {
                sub: long_sub(),
                filters: large_filters(),
                relays: vec![long_relay(); 100],
                policy: CachePolicy::NoCache,
                max_relays: None,
                asked: vec![long_relay(); 100],
            },
            ParserToCache::Save {
                event: large_event(),
                relays: vec![long_relay(); 100],
            },
            ParserToCache::Refill {
                sub: sub(),
                ids: vec![EventId([1; 32]); 10_000],
            },
        ]
    }
}

impl Samples for CacheToParser {
    fn small() -> Vec<Self> {
        vec![
            CacheToParser::Event {
                sub: sub(),
                event: event(),
            },
            CacheToParser::Event {
                sub: long_sub(),
                event: empty_event(),
            },
            CacheToParser::Eoce { sub: sub() },
            CacheToParser::Asked {
                sub: sub(),
                relays: relays(),
            },
            CacheToParser::Asked {
                sub: sub(),
                relays: vec![],
            },
            CacheToParser::Routed {
                publish: PUBLISH,
                relays: relays(),
            },
            CacheToParser::Routed {
                publish: PublishId(0),
                relays: vec![],
            },
            CacheToParser::Saved { ids: ids(2) },
            CacheToParser::Saved { ids: vec![] },
            CacheToParser::ConnectionsReplaced,
            CacheToParser::Refilled {
                sub: sub(),
                event: event(),
            },
            CacheToParser::RefillEnd {
                sub: sub(),
                missing: u32::MAX,
            },
            CacheToParser::RefillEnd { sub: sub(), missing: 0 },
        ]
    }

    fn large() -> Vec<Self> {
        vec![
            CacheToParser::Event {
                sub: long_sub(),
                event: large_event(),
            },
            CacheToParser::Refilled {
                sub: long_sub(),
                event: large_event(),
            },
            CacheToParser::Asked {
                sub: sub(),
                relays: vec![long_relay(); 100],
            },
        ]
    }
}

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

fn claims(count: u8) -> Vec<Claim> {
    let claim = |n| Claim {
        id: EventId([n; 32]),
        pubkey: Pubkey([n + 1; 32]),
        sig: Signature([n + 2; 64]),
    };
    (0..count).map(claim).collect()
}

impl Samples for ParserToCrypto {
    fn small() -> Vec<Self> {
        let mut messages = vec![
            ParserToCrypto::Verify {
                request: REQUEST,
                claims: claims(3),
            },
            ParserToCrypto::Verify {
                request: RequestId(0),
                claims: vec![],
            },
        ];
        messages.extend(
            signer_ops()
                .into_iter()
                .map(|op| ParserToCrypto::Ask { request: REQUEST, op }),
        );
        messages
    }

    fn large() -> Vec<Self> {
        let claims = claims(250).repeat(4);
        vec![ParserToCrypto::Verify {
            request: REQUEST,
            claims,
        }]
    }
}

impl Samples for CryptoToParser {
    fn small() -> Vec<Self> {
        let mut messages = vec![
            CryptoToParser::Verdicts {
                request: REQUEST,
                good: vec![true, false, true],
            },
            CryptoToParser::Verdicts {
                request: RequestId(0),
                good: vec![],
            },
        ];
        let request = REQUEST;
        messages.extend(
            signer_results()
                .into_iter()
                .map(|result| CryptoToParser::Answer { request, result }),
        );
        messages.extend([None, Some(Pubkey([7; 32]))].map(|pubkey| CryptoToParser::Signer { pubkey }));
        messages
    }

    fn large() -> Vec<Self> {
        let event = large_event().into_raw();
        vec![
            CryptoToParser::Verdicts {
                request: REQUEST,
                good: vec![true; 1_000],
            },
            CryptoToParser::Answer {
                request: REQUEST,
                result: Ok(SignerAnswer::Signed(event)),
            },
        ]
    }
}
