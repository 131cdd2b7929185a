//! The role's sizes and times, each with its default.

use crate::nostr::frame::FrameLimits;

/// What a page may configure of the connections role. Times are in milliseconds unless their name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Seeds the jitter of retries and the hashes of what has been passed on. The caller draws it at random.
    pub entropy: u64,
    /// What is taken of a frame; what is over it is counted and skipped.
    pub frame: FrameLimits,
    /// Sockets open or opening at a time.
    pub max_sockets: usize,
    /// Sockets opening at a time, so that a long relay list is no storm.
    pub max_dialling: usize,
    /// A socket that has not opened after so long has failed.
    pub dial_ms: u64,
    /// A socket that nothing needs is closed after so long.
    pub idle_ms: u64,
    /// The first wait before a relay is dialled again; it doubles with each failure.
    pub backoff_ms: u64,
    /// The longest wait before a relay is dialled again.
    pub backoff_max_ms: u64,
    /// A connection that lasted so long was a good one: the next wait is the first again.
    pub stable_ms: u64,
    /// A subscription that has had no EOSE after so long is reported as unreachable.
    pub eose_ms: u64,
    /// An EVENT without OK after so long is reported as unsent.
    pub publish_ms: u64,
    /// How long the signer may take for a NIP-42 answer, its user included.
    pub sign_ms: u64,
    /// A relay that owes an answer and sends nothing at all for so long is dialled anew.
    pub silence_ms: u64,
    /// Bytes that may wait for the parser, per relay.
    pub spool_bytes: usize,
    /// EVENT frames, and their bytes, that may wait for one relay.
    pub max_publishes: usize,
    pub max_publish_bytes: usize,
    /// Subscriptions open at one relay.
    pub max_subs: usize,
    /// How far before the newest event had a subscription is resumed after a cut, in seconds: room for events that
    /// reached the relay after their `created_at`. Filters that name gift wraps (NIP-59) begin two days earlier still.
    pub margin_s: u64,
    /// Events asked for at a time when a missed range is fetched.
    pub page_events: u32,
    /// Faults (malformed, forged and unexpected frames) after which a relay is backed off. One is forgiven a second.
    pub max_faults: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            entropy: 0,
            frame: FrameLimits::default(),
            max_sockets: 100,
            max_dialling: 8,
            dial_ms: 15_000,
            idle_ms: 30_000,
            backoff_ms: 1_000,
            backoff_max_ms: 300_000,
            stable_ms: 60_000,
            eose_ms: 10_000,
            publish_ms: 15_000,
            sign_ms: 35_000,
            silence_ms: 30_000,
            spool_bytes: 2 << 20,
            max_publishes: 1_000,
            max_publish_bytes: 4 << 20,
            max_subs: 1_000,
            margin_s: 900,
            page_events: 500,
            max_faults: 100,
        }
    }
}
