//! The layouts of the tables that messages are made of, by the schemas in `fbs/`. Written by `make gen`; edits are lost.

use super::generated::ferry as fb;
use super::verify::Content::*;
use super::verify::{Field, Root, optional, required};

/// The fields of each table, in the order of their slots.
pub(super) static TABLES: [&[Field]; 72] = [
    // MainMessage
    &[optional("content_type", UnionType), required("content", Union(8, 12))],
    // WorkerMessage
    &[
        optional("sub", Text),
        optional("relay", Text),
        optional("content_type", UnionType),
        required("content", Union(20, 25)),
    ],
    // CacheRequest
    &[
        optional("action", Number(1)),
        optional("sub", Text),
        optional("requests", Tables(45)),
        optional("relays", Texts),
        optional("policy", Number(1)),
        optional("event", Table(21)),
        optional("publish", Number(8)),
        optional("ids", Structs(32)),
        optional("max_relays", Number(4)),
        optional("asked", Texts),
        optional("request_id", Number(8)),
        optional("good", Numbers(1)),
    ],
    // SignerRequest
    &[
        optional("request_id", Number(8)),
        optional("action", Number(1)),
        optional("claims", Structs(128)),
        optional("template", Table(46)),
        optional("secret", Text),
        optional("cipher", Number(1)),
        optional("peer", Struct(32)),
        optional("text", Text),
        optional("event", Table(21)),
        optional("proofs", Tables(47)),
        optional("relays", Texts),
        optional("client", Table(48)),
        optional("answer", Table(4)),
    ],
    // SignerResponse
    &[
        optional("request_id", Number(8)),
        optional("outcome", Number(1)),
        optional("verdicts", Numbers(1)),
        optional("event", Table(21)),
        optional("pubkey", Struct(32)),
        optional("error", Table(49)),
        optional("text", Text),
        optional("wraps", Tables(21)),
        optional("ask", Table(3)),
    ],
    // ParserNotice
    &[
        optional("kind", Number(1)),
        optional("ids", Structs(32)),
        optional("relay", Text),
        optional("fault", Number(1)),
        optional("event", Table(21)),
        optional("reason", Text),
    ],
    // RoleReport
    &[optional("content_type", UnionType), required("content", Union(50, 6))],
    // ConnectionStatus
    &[
        required("relay", Text),
        optional("state", Number(1)),
        optional("reason", Text),
        optional("events", Number(8)),
        optional("bytes", Number(8)),
        optional("malformed", Number(8)),
        optional("unknown_sub", Number(8)),
        optional("forged", Number(8)),
        optional("unmatched", Number(8)),
        optional("connects", Number(8)),
        optional("sheds", Number(8)),
        optional("hidden_seconds", Number(8)),
        optional("hidden_at", Number(8)),
    ],
    // Subscribe
    &[
        required("sub", Text),
        optional("requests", Tables(45)),
        optional("relays", Texts),
        optional("policy", Number(1)),
        optional("close_on_eose", Number(1)),
        optional("timeout_ms", Number(4)),
        optional("max_events", Number(4)),
        optional("slow", Number(1)),
        optional("pipeline", Tables(56)),
        optional("max_relays", Number(4)),
        optional("delivered", Structs(32)),
    ],
    // Unsubscribe
    &[required("sub", Text)],
    // Publish
    &[
        optional("publish", Number(8)),
        required("template", Table(46)),
        optional("relays", Texts),
        optional("private_tags", Tables(57)),
        optional("event", Table(21)),
    ],
    // Online
    &[],
    // StatsRequest
    &[optional("request_id", Number(8))],
    // Stop
    &[],
    // Owner
    &[required("pubkey", Struct(32))],
    // ImportEvents
    &[
        optional("request_id", Number(8)),
        optional("lines", Unread),
        optional("text", Numbers(1)),
    ],
    // Wipe
    &[optional("request_id", Number(8))],
    // Explain
    &[
        optional("request_id", Number(8)),
        optional("sub", Text),
        optional("event", Struct(32)),
    ],
    // AbortPublish
    &[optional("publish", Number(8))],
    // Defaults
    &[optional("relays", Texts)],
    // Raw
    &[required("json", Text)],
    // NostrEvent
    &[
        required("id", Struct(32)),
        required("pubkey", Struct(32)),
        optional("created_at", Number(8)),
        optional("kind", Number(2)),
        optional("tags", Tables(57)),
        required("content", Text),
        required("sig", Struct(64)),
        optional("relays", Texts),
        optional("source", Number(1)),
    ],
    // ParsedEvent
    &[required("event", Table(21)), optional("reading", Numbers(1))],
    // Eoce
    &[],
    // Eose
    &[optional("all", Number(1))],
    // Closed
    &[optional("reason", Text)],
    // Ok
    &[
        required("event_id", Struct(32)),
        optional("accepted", Number(1)),
        optional("reason", Text),
    ],
    // Notice
    &[required("message", Text)],
    // Auth
    &[required("challenge", Text)],
    // Count
    &[optional("count", Number(8)), optional("approximate", Number(1))],
    // Sent
    &[required("event_id", Struct(32))],
    // Unsent
    &[required("event_id", Struct(32)), optional("reason", Text)],
    // Unreachable
    &[optional("reason", Text)],
    // Asked
    &[optional("relays", Texts)],
    // Routed
    &[optional("publish", Number(8)), optional("relays", Texts)],
    // Saved
    &[optional("ids", Structs(32))],
    // Refilled
    &[required("event", Table(21))],
    // RefillEnd
    &[optional("missing", Number(4))],
    // BufferFull
    &[optional("dropped", Number(8))],
    // Ended
    &[optional("reason", Number(1))],
    // CountResponse
    &[
        optional("count", Number(8)),
        optional("kind", Number(2)),
        optional("you", Number(1)),
    ],
    // ValidProofs
    &[
        required("mint", Text),
        optional("unit", Text),
        optional("proofs", Tables(58)),
    ],
    // ConnectionsReplaced
    &[],
    // StoredEvent
    &[required("event", Numbers(1)), optional("reading", Numbers(1))],
    // Check
    &[optional("request_id", Number(8)), optional("claims", Structs(128))],
    // Filter
    &[
        optional("ids", Structs(32)),
        optional("authors", Structs(32)),
        optional("kinds", Numbers(2)),
        optional("tags", Tables(59)),
        optional("since", Number(8)),
        optional("until", Number(8)),
        optional("limit", Number(4)),
        optional("search", Text),
    ],
    // Template
    &[
        optional("kind", Number(2)),
        optional("created_at", Number(8)),
        optional("tags", Tables(57)),
        required("content", Text),
    ],
    // ProofClaim
    &[
        required("mint_key", Struct(33)),
        required("secret", Text),
        required("signature", Struct(33)),
        required("e", Struct(32)),
        required("s", Struct(32)),
        optional("r", Struct(32)),
    ],
    // SignerClient
    &[
        optional("permissions", Text),
        optional("name", Text),
        optional("url", Text),
        optional("image", Text),
    ],
    // SignerError
    &[optional("code", Number(1)), optional("detail", Text)],
    // PublishStatus
    &[
        optional("publish", Number(8)),
        optional("state", Number(1)),
        optional("relay", Text),
        optional("reason", Text),
        optional("event", Table(21)),
        optional("relays", Texts),
        optional("error", Table(49)),
        optional("recipient", Struct(32)),
    ],
    // Stats
    &[
        optional("request_id", Number(8)),
        optional("ports", Tables(60)),
        optional("counters", Tables(61)),
    ],
    // RelayNotice
    &[required("relay", Text), required("message", Text)],
    // Imported
    &[
        optional("request_id", Number(8)),
        optional("stored", Number(4)),
        optional("known", Number(4)),
        optional("bad", Tables(62)),
    ],
    // Wiped
    &[optional("request_id", Number(8))],
    // Explained
    &[
        optional("request_id", Number(8)),
        optional("stored", Number(1)),
        optional("relays", Tables(63)),
        optional("seen", Texts),
    ],
    // PipeEntry
    &[optional("pipe_type", UnionType), required("pipe", Union(64, 8))],
    // Tag
    &[optional("values", Texts)],
    // ValidProof
    &[
        required("event", Struct(32)),
        optional("amount", Number(8)),
        required("keyset", Text),
        required("secret", Text),
        required("signature", Text),
        optional("e", Text),
        optional("s", Text),
        optional("r", Text),
        optional("witness", Text),
        optional("checked", Number(1)),
    ],
    // TagFilter
    &[optional("letter", Number(1)), required("values", Texts)],
    // PortStats
    &[
        required("name", Text),
        optional("sent_records", Number(8)),
        optional("sent_bytes", Number(8)),
        optional("sent_batches", Number(8)),
        optional("received_records", Number(8)),
        optional("received_bytes", Number(8)),
        optional("received_batches", Number(8)),
        optional("queue_depth", Number(8)),
        optional("queue_high_water", Number(8)),
        optional("credit_bytes", Number(8)),
        optional("stalls", Number(8)),
        optional("stalled_ms", Number(8)),
        optional("malformed", Number(8)),
    ],
    // Counter
    &[required("name", Text), optional("value", Number(8))],
    // BadLine
    &[optional("at", Number(4)), required("reason", Text)],
    // RelayChoice
    &[
        required("relay", Text),
        optional("reason", Number(1)),
        optional("people", Structs(32)),
    ],
    // ParsePipe
    &[],
    // SaveToDbPipe
    &[],
    // SerializeEventsPipe
    &[],
    // KindFilterPipe
    &[optional("kinds", Numbers(2))],
    // MutePipe
    &[
        optional("pubkeys", Structs(32)),
        optional("ids", Structs(32)),
        optional("hashtags", Texts),
        optional("words", Texts),
    ],
    // NpubLimiterPipe
    &[
        optional("kind", Number(2)),
        optional("limit", Number(4)),
        optional("max_npubs", Number(4)),
    ],
    // CounterPipe
    &[optional("kinds", Numbers(2)), optional("pubkey", Struct(32))],
    // ProofVerificationPipe
    &[optional("max", Number(4))],
];

impl Root for fb::MainMessage<'_> {
    const TABLE: u8 = 0;
}

impl Root for fb::WorkerMessage<'_> {
    const TABLE: u8 = 1;
}

impl Root for fb::CacheRequest<'_> {
    const TABLE: u8 = 2;
}

impl Root for fb::SignerRequest<'_> {
    const TABLE: u8 = 3;
}

impl Root for fb::SignerResponse<'_> {
    const TABLE: u8 = 4;
}

impl Root for fb::ParserNotice<'_> {
    const TABLE: u8 = 5;
}

impl Root for fb::RoleReport<'_> {
    const TABLE: u8 = 6;
}

impl Root for fb::ConnectionStatus<'_> {
    const TABLE: u8 = 7;
}

impl Root for fb::NostrEvent<'_> {
    const TABLE: u8 = 21;
}
