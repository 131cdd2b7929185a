//! Every message between roles and to the page: one enum per directed link.
//!
//! Plain owned values without methods or codec; `wire` turns them into bytes.
//! Who holds which link is in `role`.

use std::sync::Arc;

use crate::nostr::event::{Event, EventId, Pubkey, RawEvent, Tag};
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;
use crate::nostr::kind::Kind;
use crate::nostr::nip59::Rumor;
use crate::nostr::relay_url::RelayUrl;
pub use crate::nostr::schnorr::Claim;
pub use crate::nostr::sub_id::SubId;
use crate::parser::content::cashu::Proof;
use crate::parser::kinds::{Lock, Parsed, Request};
use crate::time::UnixSeconds;

/// Subscription ids of the crypto role's own requests to remote signers (NIP-46) start so.
pub const SIGNER_SUB_PREFIX: &str = "n46:";

/// A page's number for one publish, unique in its lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublishId(pub u64);

/// The asker's number for one request; the answer carries it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What is never sent: the way back of a link that only carries credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {}

// ---------------------------------------------------------------- page and workers

/// What the page may tell any worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// Report the role's counters now.
    Stats { request: RequestId },
    /// Finish what is begun, say goodbye on every port and end.
    Stop,
}

/// Control port of the parser, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToParser {
    Subscribe {
        sub: SubId,
        subscribe: Subscribe,
    },
    Unsubscribe {
        sub: SubId,
    },
    Publish {
        publish: PublishId,
        template: Template,
        /// To be encrypted into the content: the private part of a list, a wallet or its history (NIP-51, NIP-60).
        private_tags: Option<Vec<Tag>>,
        relays: Vec<RelayUrl>,
        /// The template as an earlier parser had it signed: it is not signed again, but checked.
        event: Option<RawEvent>,
    },
    /// What has not been sent of this publish is not to be.
    Abort {
        publish: PublishId,
    },
    Control(Control),
}

/// Control port of the connections role, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToConnections {
    /// The browser is online again: retry what waits, now.
    Online,
    /// A signer is there: what relays refused for want of authentication (NIP-42) is tried again.
    SignedIn {
        pubkey: Pubkey,
    },
    Control(Control),
}

/// Control port of the cache, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToCache {
    /// Somebody has signed in: their events are evicted last.
    Owner {
        pubkey: Pubkey,
    },
    /// Signed events as JSON, to be checked and stored. No lines: answer once all that was stored is durable.
    Import {
        request: RequestId,
        lines: Vec<String>,
    },
    /// Forget every stored event.
    Wipe {
        request: RequestId,
    },
    Explain {
        request: RequestId,
        about: Explain,
    },
    /// From now on these relays are for what names none, in place of those it was started with.
    Defaults {
        relays: Vec<RelayUrl>,
    },
    Control(Control),
}

/// What the page wants explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Which relays were chosen for it, and why.
    Sub(SubId),
    /// Whether it is stored.
    Event(EventId),
}

/// A subscription as the page asks for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscribe {
    /// An event that any of them matches is delivered, once. At most 50.
    pub filters: Vec<Filter>,
    /// The relays to ask; empty lets the cache choose (NIP-65, indexers, defaults).
    pub relays: Vec<RelayUrl>,
    pub cache: CachePolicy,
    /// End the subscription when every asked relay has answered, failed or timed out.
    pub close_on_eose: bool,
    /// End the subscription after so long.
    pub timeout_ms: Option<u32>,
    /// End the subscription after so many delivered events.
    pub max_events: Option<u32>,
    /// Run it in one of the lanes for subscriptions that wait a lot (decryption).
    pub slow: bool,
    /// Empty means the default: Parse, SaveToDb, SerializeEvents.
    pub pipeline: Vec<PipeSpec>,
    /// The most relays that the cache chooses for it; none means the engine's own limit.
    pub max_relays: Option<u32>,
    /// What an earlier parser has delivered: it goes through the pipeline and is not delivered again.
    pub delivered: Vec<EventId>,
}

/// How a subscription uses the store and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachePolicy {
    /// Cached events, then the network.
    #[default]
    CacheThenNetwork,
    /// Cached events; the network only for what the store could not answer.
    CacheFirst,
    /// Cached events and nothing else.
    CacheOnly,
    /// The network only.
    NoCache,
    /// Not the events: each relay is asked how many it has (NIP-45).
    Count,
}

/// One step of a pipeline (nostr.md section 2).
#[derive(Clone, Debug, PartialEq)]
pub enum PipeSpec {
    Parse,
    SaveToDb,
    SerializeEvents,
    /// Passes these kinds.
    KindFilter {
        kinds: Vec<Kind>,
    },
    Mute(Muted),
    /// Passes at most the `limit` newest of `kind` of an author (kind 4: of a conversation), and remembers at most
    /// `max_npubs` of these.
    NpubLimiter {
        kind: Kind,
        limit: u32,
        max_npubs: u32,
    },
    /// Delivers running counts of these kinds in place of events.
    Counter {
        kinds: Vec<Kind>,
        /// Whose events the page wants to know of.
        pubkey: Option<Pubkey>,
    },
    /// Delivers the Cashu proofs of kinds 9321 and 7375 that are good and unspent in place of events. Looks at `max`
    /// proofs at most.
    ProofVerification {
        max: u32,
    },
}

/// What the Mute pipe drops.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Muted {
    pub pubkeys: Vec<Pubkey>,
    /// Events, and what has an `e` tag of one.
    pub ids: Vec<EventId>,
    pub hashtags: Vec<String>,
    /// Whole words in the content, of either case.
    pub words: Vec<String>,
}

/// An event to be: what the caller decides. The signer adds the pubkey, the engine a missing `created_at`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub kind: Kind,
    pub created_at: Option<UnixSeconds>,
    pub tags: Vec<Tag>,
    pub content: String,
}

/// What one subscription's ring or port carries to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserToPage {
    /// A verified event that the subscription's pipeline let through; once per id.
    Event(Delivery),
    /// What the Counter pipe has counted.
    Count(CountResponse),
    /// What the ProofVerification pipe has found to be good.
    Proofs(ValidProofs),
    /// All cached events have been delivered.
    Eoce,
    /// This relay has sent all it had stored.
    Eose { relay: RelayUrl },
    /// Every asked relay has answered, failed or timed out.
    EoseAll,
    /// This relay ended the subscription, with its own words.
    Closed { relay: RelayUrl, reason: String },
    /// So many events this relay has (`CachePolicy::Count`).
    RelayCount {
        relay: RelayUrl,
        count: u64,
        approximate: bool,
    },
    /// This relay does not answer (`CachePolicy::Count`; a subscription's page learns it by the relay's status).
    Unreachable { relay: RelayUrl, reason: String },
    /// So many events could not be kept for a page that does not read.
    BufferFull { dropped: u64 },
    /// The subscription is over; nothing follows.
    Ended { reason: EndReason },
}

/// An event on its way to the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub event: Event,
    pub source: ShardSource,
    /// Where it was seen up to now; empty when it came from the store.
    pub relays: Vec<RelayUrl>,
    /// Absent without the Parse pipe, and for what that could not read.
    pub reading: Option<Box<Reading>>,
    /// The reading as the page gets it, in place of `reading`, where it is known from before.
    pub written: Option<Arc<[u8]>>,
}

/// A running count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountResponse {
    pub kind: Kind,
    pub count: u64,
    /// One of them is by the pubkey the page named.
    pub you: bool,
}

/// Proofs of one mint and unit that its mint says are unspent (NUT-07).
#[derive(Clone, Debug, PartialEq)]
pub struct ValidProofs {
    /// `https`, without a slash at its end; `http` for onion services and this machine.
    pub mint: String,
    /// Of their keysets, as the mint says.
    pub unit: String,
    pub proofs: Vec<ValidProof>,
}

/// A Cashu proof that can be spent.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidProof {
    /// Where it was found.
    pub event: EventId,
    pub proof: Proof,
    /// Its DLEQ holds (NUT-12); false for one out of a wallet's own token that has none.
    pub dleq: bool,
}

/// What the Parse pipe read from an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub parsed: Parsed,
    /// What a page that shows the event will want next.
    pub requests: Vec<Request>,
    /// Why its encrypted part is locked; none if it has none, or if that is open.
    pub lock: Option<Lock>,
    /// It was delivered before, locked: this is the same event again, with its encrypted part open.
    pub unlocked: bool,
}

/// Where a message entered the parser's lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardSource {
    Network,
    Cache,
}

/// Why a subscription ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// `close_on_eose`, or the store's answer was all that was asked for.
    Complete,
    TimedOut,
    MaxEvents,
    /// The engine holds as many subscriptions as its limit allows.
    TooManySubscriptions,
    /// More filters than a subscription may have, or none.
    BadFilters,
}

/// Control port of the parser, to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserReport {
    Publish {
        publish: PublishId,
        /// Whose copy of a private message the status is about (NIP-17).
        recipient: Option<Pubkey>,
        status: PublishStatus,
    },
    Notice {
        relay: RelayUrl,
        message: String,
    },
    Stats(Stats),
}

/// How far a publish has come. After `Failed` or `Complete` nothing follows.
#[derive(Clone, Debug, PartialEq)]
pub enum PublishStatus {
    Signed {
        event: Event,
    },
    /// It waits for these relays' sockets.
    Queued {
        relays: Vec<RelayUrl>,
    },
    Sent {
        relay: RelayUrl,
    },
    /// The relay said OK.
    Accepted {
        relay: RelayUrl,
        reason: String,
    },
    Rejected {
        relay: RelayUrl,
        reason: String,
    },
    /// The relay could not be reached or did not answer in time.
    Unanswered {
        relay: RelayUrl,
        reason: String,
    },
    Failed {
        error: SignerError,
    },
    Complete,
}

/// Control port of the other roles, to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum RoleReport {
    Stats(Stats),
    /// What became of the lines of an `Import`.
    Imported(Imported),
    Wiped {
        request: RequestId,
    },
    Explained {
        request: RequestId,
        /// Whether the event in question is stored.
        stored: bool,
        /// Of a subscription: which relays were considered.
        relays: Vec<RelayChoice>,
        /// Of an event: where it was seen.
        seen: Vec<RelayUrl>,
    },
}

/// What became of some lines of signed events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub request: RequestId,
    pub stored: u32,
    /// Good, and known, superseded, deleted or expired.
    pub known: u32,
    /// Lines that are no events, counted from 0, and what is wrong with each.
    pub bad: Vec<(u32, String)>,
}

/// A relay that was considered for a request, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayChoice {
    pub relay: RelayUrl,
    pub reason: ChoiceReason,
    /// Who of the request's authors writes there, or of those mentioned reads there.
    pub people: Vec<Pubkey>,
}

/// Why a relay is asked; the last two: why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceReason {
    /// The caller named it.
    Named,
    /// Authors of the request write there (NIP-65).
    Outbox,
    /// Those mentioned read there (NIP-65).
    Inbox,
    /// It is a configured indexer.
    Indexer,
    /// Nothing better is known.
    Default,
    /// Others cover whom it would have served.
    Covered,
    /// The limit of relays was reached before.
    OverLimit,
}

/// A role's counters, for `manager.stats()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub request: RequestId,
    pub ports: Vec<PortStats>,
    /// The role's own counters, by name.
    pub counters: Vec<(String, u64)>,
}

/// What one port has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    pub name: String,
    pub sent_records: u64,
    pub sent_bytes: u64,
    pub sent_batches: u64,
    pub received_records: u64,
    pub received_bytes: u64,
    pub received_batches: u64,
    /// Received records that the role has not taken yet, now and at most.
    pub queue_depth: u64,
    pub queue_high_water: u64,
    /// Bytes the peer may still be sent.
    pub credit_bytes: u64,
    /// How often and for how long a record had to wait for credit.
    pub stalls: u64,
    pub stalled_ms: u64,
    /// Received records that were no message.
    pub malformed: u64,
}

/// A relay's state, for the page (status ring or its port).
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionStatus {
    pub relay: RelayUrl,
    pub state: RelayState,
    /// Why, in words: the close reason, the refusal, the error.
    pub reason: String,
    pub counters: RelayCounters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayState {
    Connecting,
    Open,
    /// The relay asked for NIP-42 and has not accepted an answer yet.
    Authenticating,
    /// Not wanted at present, or closed by the relay; `reason` says which.
    Closed,
    /// Could not be reached; it is tried again.
    Failed,
    /// Closed by the engine because it sent faster than could be checked; it resumes.
    Shed,
}

/// What a relay has done since the engine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounters {
    pub events: u64,
    pub bytes: u64,
    /// Frames that were no valid relay message, too long or not text.
    pub malformed: u64,
    /// Frames for a subscription that is not open there.
    pub unknown_sub: u64,
    /// Events whose id or signature did not hold.
    pub forged: u64,
    /// Events that their subscription's filters do not match.
    pub unmatched: u64,
    pub connects: u64,
    pub sheds: u64,
    /// Seconds of which it may have more events than any REQ of the engine's gets it to show, and the last of them.
    pub hidden_seconds: u64,
    pub hidden_at: UnixSeconds,
}

// ---------------------------------------------------------------- parser and cache

/// `CacheRequest`: what the parser asks of the cache.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserToCache {
    /// Answer from the store, then ask relays for what the policy says.
    Lookup {
        sub: SubId,
        filters: Vec<Filter>,
        relays: Vec<RelayUrl>,
        policy: CachePolicy,
        /// The most relays to choose; none means the engine's own limit.
        max_relays: Option<u32>,
        /// Relays that an earlier cache has asked. With any, that cache has answered, and the store is not asked again.
        asked: Vec<RelayUrl>,
    },
    /// Stop answering; tell the relays that were asked.
    Close {
        sub: SubId,
        /// Relays that an earlier cache has asked.
        asked: Vec<RelayUrl>,
    },
    Save {
        event: Event,
        /// Where it was seen.
        relays: Vec<RelayUrl>,
    },
    /// Save, choose relays, send.
    Publish {
        publish: PublishId,
        event: Event,
        relays: Vec<RelayUrl>,
    },
    /// Hand these events out again: the page was too slow for them the first time.
    Refill { sub: SubId, ids: Vec<EventId> },
}

/// What the cache answers.
#[derive(Clone, Debug, PartialEq)]
pub enum CacheToParser {
    Event {
        sub: SubId,
        event: Event,
    },
    Eoce {
        sub: SubId,
    },
    /// The relays that were sent this subscription's REQ; empty if none was.
    Asked {
        sub: SubId,
        relays: Vec<RelayUrl>,
    },
    /// The relays that will be sent this publish.
    Routed {
        publish: PublishId,
        relays: Vec<RelayUrl>,
    },
    /// These events survive a crash from now on, or are known to need no keeping.
    Saved {
        ids: Vec<EventId>,
    },
    /// Connections was replaced: events that it had not sent are lost.
    ConnectionsReplaced,
    /// One refilled event, in the order asked.
    Refilled {
        sub: SubId,
        event: Event,
    },
    /// A refill is complete; so many of its events are no longer stored.
    RefillEnd {
        sub: SubId,
        missing: u32,
    },
}

// ---------------------------------------------------------------- to and from connections

/// cacheToConn and cryptoToConn: frames for relays, as the JSON object `{relays, frames}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub relays: Vec<RelayUrl>,
    pub frames: Vec<ClientFrame>,
}

/// What relays said, for the parser; for the crypto role where the subscription is its own.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayMessage {
    /// An EVENT's object, byte for byte as it came; nothing about it has been checked.
    Event {
        relay: RelayUrl,
        sub: SubId,
        json: String,
    },
    Eose {
        relay: RelayUrl,
        sub: SubId,
    },
    Closed {
        relay: RelayUrl,
        sub: SubId,
        reason: String,
    },
    Ok {
        relay: RelayUrl,
        event_id: EventId,
        accepted: bool,
        reason: String,
    },
    Notice {
        relay: RelayUrl,
        message: String,
    },
    /// A NIP-42 challenge that wants an answer.
    Auth {
        relay: RelayUrl,
        challenge: String,
    },
    Count {
        relay: RelayUrl,
        sub: SubId,
        count: u64,
        approximate: bool,
    },
    /// An EVENT frame of ours left for the relay.
    Sent {
        relay: RelayUrl,
        event_id: EventId,
    },
    /// An EVENT frame of ours will not be sent.
    Unsent {
        relay: RelayUrl,
        event_id: EventId,
        reason: String,
    },
    /// The relay cannot answer this subscription for now; it is asked again when it is back.
    Unreachable {
        relay: RelayUrl,
        sub: SubId,
        reason: String,
    },
}

/// What the parser reports back to connections.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserToConnections {
    /// Events with these ids were verified: further copies may be dropped early.
    Verified { ids: Vec<EventId> },
    /// The relay sent what it should not have.
    Misbehaved { relay: RelayUrl, fault: RelayFault },
    /// The signed answer to a NIP-42 challenge.
    Authenticate { relay: RelayUrl, event: Event },
    /// There will be no answer to the relay's challenge: there is no signer, or it refused.
    CannotAuthenticate { relay: RelayUrl, reason: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayFault {
    /// Not an event at all, or over a limit.
    Malformed,
    /// The id or the signature does not hold.
    Forged,
    /// A valid event that was not asked for.
    Unmatched,
}

// ---------------------------------------------------------------- crypto

/// What every kind of signer can be asked (the methods that NIP-07 and NIP-46 have in common).
#[derive(Clone, Debug, PartialEq)]
pub enum SignerCall {
    GetPublicKey,
    Sign(Template),
    /// Between the signer's key and `peer`.
    Encrypt {
        cipher: Cipher,
        peer: Pubkey,
        plaintext: Secret,
    },
    Decrypt {
        cipher: Cipher,
        peer: Pubkey,
        ciphertext: String,
    },
}

/// How a text between two keys is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    Nip44,
    /// Unauthenticated; for old conversations and peers that know nothing else.
    Nip04,
}

/// One operation of the crypto role, whoever asks. Each has a time limit.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerOp {
    Call(SignerCall),
    /// Open a gift wrap that is for the signer (NIP-59). The wrap is verified first.
    Unwrap(RawEvent),
    /// Seal and wrap a private message (NIP-17, kinds 14 and 15) for each of its people, the sender included.
    Wrap(Template),
    /// Check Cashu proofs that were passed on (NUT-12). Needs no signer.
    VerifyProofs(Vec<ProofClaim>),
}

/// A Cashu proof said to be signed by `mint_key` (NUT-12, "Carol").
#[derive(Clone, PartialEq, Eq)]
pub struct ProofClaim {
    /// The key of the proof's keyset and amount, compressed.
    pub mint_key: [u8; 33],
    /// The proof's secret as its JSON has it.
    pub secret: Secret,
    /// The proof's `C`, compressed.
    pub signature: [u8; 33],
    pub e: [u8; 32],
    pub s: [u8; 32],
    /// The blinding factor; a proof without one cannot be checked.
    pub r: Option<[u8; 32]>,
}

/// Who holds the secret of a proof holds the money.
impl std::fmt::Debug for ProofClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProofClaim")
    }
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerAnswer {
    PublicKey(Pubkey),
    /// Signed as asked; it still is to be verified as any event.
    Signed(RawEvent),
    /// A plaintext or a ciphertext.
    Text(Secret),
    Rumor(Rumor),
    /// One gift wrap for each person, the sender's own copy last; the `p` tag says whose each is.
    Wraps(Vec<RawEvent>),
    /// One verdict per proof, in order.
    Verdicts(Vec<bool>),
    Done,
}

/// An answer, or why there is none.
pub type SignerResult = Result<SignerAnswer, SignerError>;

/// `SignerRequest`: what the parser asks of crypto.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserToCrypto {
    Verify { request: RequestId, claims: Vec<Claim> },
    Ask { request: RequestId, op: SignerOp },
}

/// `SignerResponse`: what crypto answers the parser.
#[derive(Clone, Debug, PartialEq)]
pub enum CryptoToParser {
    /// One verdict per claim, in order.
    Verdicts {
        request: RequestId,
        good: Vec<bool>,
    },
    Answer {
        request: RequestId,
        result: SignerResult,
    },
    /// Whose key is used from now on; nobody's after a logout. What waited for another signer has been answered.
    Signer {
        pubkey: Option<Pubkey>,
    },
}

/// Crypto's number for one question to the page's extension (NIP-07).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// cryptoToMain, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToCrypto {
    /// Let this signer sign from now on. Answered with its public key; until then the one before it signs.
    Use {
        request: RequestId,
        choice: SignerChoice,
    },
    Ask {
        request: RequestId,
        op: SignerOp,
    },
    /// What the extension answered.
    Extension {
        call: CallId,
        result: SignerResult,
    },
    /// Forget the signer, wipe its key and fail what waits for it.
    Logout {
        request: RequestId,
    },
}

/// Whom the page's user lets sign.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerChoice {
    /// Hex or nsec (NIP-19).
    PrivateKey(Secret),
    /// NIP-49; the passphrase in NFKC form.
    EncryptedKey { ncryptsec: String, passphrase: Secret },
    /// Hex, npub or nprofile: nothing can be signed.
    PublicKey(String),
    /// `window.nostr` of the page (NIP-07).
    Extension,
    /// A `bunker://` URL (NIP-46).
    Bunker { url: Secret, client: SignerClient },
    /// Offer a `nostrconnect://` URL and wait for a remote signer to take it (NIP-46).
    NostrConnect {
        relays: Vec<RelayUrl>,
        client: SignerClient,
    },
    /// A remote signer's session, as `CryptoToPage::Session` gave it.
    Session(Secret),
}

/// What a remote signer is told of the client (NIP-46).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignerClient {
    /// Comma-separated, such as `nip44_encrypt,sign_event:1`; empty asks for none.
    pub permissions: String,
    /// Empty where the page does not say.
    pub name: String,
    pub url: String,
    pub image: String,
}

/// Control port of the crypto role, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToCryptoControl {
    Control(Control),
}

/// cryptoToMain, to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum CryptoToPage {
    Answer {
        request: RequestId,
        result: SignerResult,
    },
    /// Ask the extension (NIP-07) and send `PageToCrypto::Extension`.
    Extension {
        call: CallId,
        ask: SignerCall,
    },
    /// The user has to confirm something at this web address of the remote signer (NIP-46).
    AuthUrl {
        url: String,
    },
    /// The `nostrconnect://` URL to show to the user.
    ConnectUrl {
        request: RequestId,
        url: Secret,
    },
    /// What resumes the remote signer's session; it holds the client's key, never the user's. Replaces an earlier one.
    Session {
        session: Secret,
    },
}

/// A secret in transit; it prints as nothing and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub zeroize::Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Why a signer did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    #[error("no signer is set; choose one with manager.signer")]
    NoSigner,
    #[error("the signer refused: {0}")]
    Refused(String),
    #[error("the signer did not answer in time")]
    TimedOut,
    #[error("the signer is disconnected: {0}")]
    Disconnected(String),
    #[error("bad input: {0}")]
    BadInput(String),
    #[error("the signer was changed or logged out before it answered")]
    Cancelled,
    #[error("this signer cannot do that: {0}")]
    Unsupported(String),
}
