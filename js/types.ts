import type { CHANNELS } from './channels.js';
import type { FerryError } from './errors.js';
import type { LogLevel } from './log.js';

/**
 * What is asked for (NIP-01). An event matches if it matches every member that is given, and that by any of its values; a list
 * that is empty matches nothing.
 */
export interface Filter {
  /** Of events: 64 characters of lower-case hex each. */
  ids?: string[];
  /** Their public keys: 64 characters of lower-case hex each. */
  authors?: string[];
  /** 0 to 65535 each. */
  kinds?: number[];
  /** The earliest `created_at`, Unix seconds. */
  since?: number;
  /** The latest `created_at`, Unix seconds. */
  until?: number;
  /** The most stored events wanted; it does not bound live events. */
  limit?: number;
  /** NIP-50; judged by the relay alone. */
  search?: string;
  /** Values of a tag whose name is a single letter: `'#e': [id]`. */
  [tag: `#${string}`]: string[] | undefined;
}

/** An event to be (NIP-01). The signer adds `pubkey`, `id` and `sig`. */
export interface EventTemplate {
  /** 0 to 65535. */
  kind: number;
  /** A text, or what the kind says; empty is fine. */
  content: string;
  /** Each a list of strings, its name first. Default: none. */
  tags?: string[][];
  /** Unix seconds; now if absent. */
  created_at?: number;
}

/** A signed event as NIP-01 writes it. */
export interface SignedEvent {
  /** The hash of what follows: 64 characters of lower-case hex. */
  id: string;
  /** The author's public key: 64 characters of lower-case hex. */
  pubkey: string;
  /** Unix seconds, as the author claims. */
  created_at: number;
  /** 0 to 65535. */
  kind: number;
  /** Each a list of strings, its name first. */
  tags: string[][];
  content: string;
  /** 128 characters of lower-case hex. */
  sig: string;
}

/** An event that nobody has signed and that came sealed (NIP-59); the seal's signature vouches for its `pubkey`. */
export type Rumor = Omit<SignedEvent, 'sig'>;

/** Whether a signer is for this visit or for the next ones, too. */
export interface RememberOptions {
  /**
   * Keep the choice for the next start: in IndexedDB, encrypted under a WebCrypto key that cannot be read out.
   * Default: forgotten with the page.
   */
  remember?: boolean;
}

/** What a remote signer is told of this page (NIP-46); unauthenticated, for its user to read. */
export interface SignerApp {
  /** What this page is called. Default: not told. */
  name?: string;
  /** Its address. Default: not told. */
  url?: string;
  /** The address of a small picture of it. Default: not told. */
  image?: string;
  /** What its user is asked to allow beforehand, such as `sign_event:1` and `nip44_encrypt`. Default: none. */
  permissions?: string[];
}

/** How a remote signer is asked, and whether it is remembered. */
export interface RemoteSignerOptions extends SignerApp, RememberOptions {}

/** How this page offers itself to a remote signer. */
export interface NostrConnectOptions extends RemoteSignerOptions {
  /** Where the signer can answer: `ws://` or `wss://`, at least one. */
  relays: string[];
}

/** How the engine is started; none of it is needed. */
export interface StartOptions {
  /** Relays for what names none, when the authors' own are unknown: `ws://` or `wss://` addresses. Default: none. */
  relays?: string[];
  /** Relays asked for profiles, contact and relay lists (kinds 0, 3, 10002). Default: none. */
  indexers?: string[];
  /** The most relays chosen by relay lists for one request or publish. Default 15. */
  maxRelays?: number;
  /** `false` keeps the store in memory and forgets it with the page. Default: IndexedDB. */
  cache?: false | { /** The store's budget in bytes. Default: 256 MiB, or a quarter of the origin's quota where that is less. */ maxBytes?: number; /** The name of its database, and, with ` session` behind it, of that of the remembered signer. Default `nostr-ferry`. */ name?: string };
  /** `'none'` delivers events without a check of id and signature: for benchmarks and relays you run yourself. Default `'all'`. */
  verify?: 'all' | 'none';
  /** Workers that check signatures beside the crypto worker; 0 leaves them to it. Default: the processor's cores less two, at most 4. */
  verifiers?: number;
  /** Where the .wasm is. Default: beside the script. */
  wasmUrl?: string | URL;
  /** Where `nostr-ferry.worker.js` is, for pages whose policy forbids workers from a Blob. */
  workerUrl?: string | URL;
  /**
   * What is told on the console: `error` if the engine ends, `warn` also what goes wrong while it goes on, `info` also
   * what relays do, `debug` also requests and publishes. Default `warn`.
   */
  logLevel?: LogLevel;
  /** How much is taken of what comes from outside, and how long is waited. */
  limits?: Limits;
  /** Gives the start up, and stops the engine if it runs. */
  signal?: AbortSignal;
}

/** What is over a limit is counted and skipped, or refused with a typed error; the rest goes on. */
export interface Limits {
  /** Bytes of a frame from a relay; 1,024 to the default, 1 MiB. */
  frameBytes?: number;
  /** Arrays and objects inside each other in a frame, 4 to the default, 8. */
  jsonDepth?: number;
  /** Bytes of an event from a relay, as JSON; 512 to the default, 256 KiB. */
  eventBytes?: number;
  /** Tags of an event from a relay, up to the default, 5,000. */
  tags?: number;
  /** Open at a time. Default 1,000. */
  subscriptions?: number;
  /** Of one subscription. Default 50. */
  filters?: number;
  /** Open or opening at a time; further relays wait for their turn. Default 100. */
  sockets?: number;
  /** Delivered ids that a subscription remembers, so as to deliver none twice. Default 10,000. */
  seenIds?: number;
  /** Bytes in flight on a port between two threads, each way; at least 4 KiB. Default 4 MiB. */
  windowBytes?: number;
  /** Bytes of records that go in one post, at least 256. Default 16 KiB. */
  batchBytes?: number;
  /** Bytes that may wait of one relay before its socket is closed and resumed; at least 4 KiB. Default 2 MiB. */
  spoolBytes?: number;
  /** How long a signer may take, in milliseconds. Default 30,000. */
  signerMs?: number;
  /** How long a remote signer (NIP-46) may take, in milliseconds. Default 60,000. */
  remoteSignerMs?: number;
  /** How long a relay may take for the OK to a publish, in milliseconds. Default 15,000. */
  publishMs?: number;
  /** How long a relay may take for its EOSE, in milliseconds. Default 10,000. */
  eoseMs?: number;
  /** `event.datedAhead` is true of events dated further ahead than this, in seconds. Default 900. */
  futureSeconds?: number;
  /**
   * After a relay was away, its subscriptions are asked again from so many seconds before the newest event had: an event
   * that reached the relay meanwhile and is dated earlier still is not asked for, since NIP-01 has no way to. Subscriptions
   * that name gift wraps (kind 1059) go back two days further by themselves. Default 900.
   */
  resumeMarginSeconds?: number;
}

/**
 * One step of a pipeline. Each passes, changes or drops an event, cached or live; only the last may be one that
 * delivers: `serialize-events`, `counter` or `proof-verification`.
 */
export type Pipe =
  /** Fills in `event.parsed` and `event.requests`. */
  | { pipe: 'parse' }
  /** Keeps what came from a relay in the store. */
  | { pipe: 'save-to-db' }
  /** Delivers events. */
  | { pipe: 'serialize-events' }
  /** Passes these kinds. */
  | { pipe: 'kind-filter'; kinds: number[] }
  /** Drops by author, by id or an `e` tag of one, by hashtag, and by whole word in the content, in either case. */
  | { pipe: 'mute'; pubkeys?: string[]; ids?: string[]; hashtags?: string[]; words?: string[] }
  /** Passes at most the `limit` newest of `kind` of an author (kind 4: of a conversation), and remembers `maxNpubs` of these. */
  | { pipe: 'npub-limiter'; kind: number; limit: number; maxNpubs: number }
  /** Delivers running counts of these kinds, as `count`, in place of events. */
  | { pipe: 'counter'; kinds: number[]; /** Whose events make `you` true. */ pubkey?: string }
  /**
   * Delivers the Cashu proofs of nutzaps (kind 9321, NIP-61) and of the user's own tokens (kind 7375, NIP-60) that are good
   * and unspent, as `proofs`, in place of events. Asks each proof's mint; pending proofs, and those of a mint that does not
   * answer, are asked about again. Looks at `max` proofs at most; what is over that is told as `overflow`.
   */
  | { pipe: 'proof-verification'; max: number };

/** Proofs of one mint and unit that can be spent. Further ones of the same mint and unit may follow. */
export interface ValidProofs {
  /** The mint's address, without a slash at its end. */
  mint: string;
  /** Of the proofs' keysets (NUT-02), such as `sat`. */
  unit: string;
  /** At least one. */
  proofs: ValidProof[];
}

/** A Cashu proof (NUT-00) that its mint says is unspent (NUT-07). */
export interface ValidProof {
  /** The id of the event it came in. */
  event: string;
  /** In the unit of its keyset. */
  amount: number;
  /** The keyset's id. */
  id: string;
  /** Whoever knows it can spend the proof. */
  secret: string;
  /** The mint's unblinded signature, hex. */
  C: string;
  /** The mint's proof that it has signed this (NUT-12), hex. */
  dleq?: { e: string; s: string; r?: string };
  /** What opens a locked proof, as its owner wrote it (NUT-10). */
  witness?: string;
  /** Its DLEQ holds (NUT-12). `false` only in the user's own tokens, where a proof may have none. */
  checked: boolean;
}

/** A running count of the `counter` pipe. */
export interface CountResponse {
  /** What is counted; each kind has a count of its own. */
  kind: number;
  /** Events up to now, cached and live. */
  count: number;
  /** Whether one of them is by the pubkey the pipe was given. */
  you: boolean;
}

/** How a subscription is answered, and when it ends; none of it is needed. */
export interface SubscribeOptions {
  /**
   * A name, up to 56 characters. A second subscription with the id of an open one joins it, whatever its own filters and
   * options are. Default: a fresh one.
   */
  id?: string;
  /** The relays to ask. Default: chosen by the authors' relay lists (NIP-65), else the engine's own. */
  relays?: string[];
  /** Ask relays only for what the store could not answer. Default: the store first, then relays. Excludes the next two. */
  cacheFirst?: boolean;
  /** Ask no relay. Default `false`. */
  cacheOnly?: boolean;
  /** Do not look in the store. Default `false`. */
  noCache?: boolean;
  /** End once every asked relay has answered, failed or timed out. Default `false`: live events follow. */
  closeOnEose?: boolean;
  /** End after so many milliseconds. Default: never; of `fetch`, 15,000. */
  timeoutMs?: number;
  /** End after so many delivered events. Default: never. */
  maxEvents?: number;
  /** The most relays the engine chooses by relay lists; `relays` are all asked. Default: the engine's `maxRelays`. */
  maxRelays?: number;
  /**
   * Bytes buffered for the page before events wait in the store. Default: 2 KiB for each event that the filters'
   * limits or ids ask for, 16 KiB at least and 256 KiB at most.
   */
  bufferBytes?: number;
  /** What events go through on their way here. Default: `parse`, `save-to-db`, `serialize-events`. */
  pipeline?: Pipe[];
  /** Ends the subscription. */
  signal?: AbortSignal;
}

/** How an import is watched and ended. */
export interface ImportOptions {
  /** Called after every few lines with what has come of them so far. */
  onProgress?: (sofar: ImportResult) => void;
  /** Ends the import; what was taken in stays. */
  signal?: AbortSignal;
}

/** What became of the lines of an import. */
export interface ImportResult {
  /** Lines read, empty ones too. */
  lines: number;
  /** Events that are new to the store. */
  stored: number;
  /** Good ones that it knew, or that are superseded, deleted or expired (NIP-01, NIP-09, NIP-40). */
  known: number;
  /** Lines that are no signed event. */
  failed: number;
  /** The first 100 of them, each `bad-input` with its `line`. */
  errors: FerryError[];
}

/** The store, in numbers. */
export interface CacheStats {
  /** Events that a question could be answered with. */
  events: number;
  /** On the disk, without the browser's own overhead. */
  bytes: number;
  /** The most that it keeps: `cache.maxBytes`, or less where the origin's quota or the disk allows less. */
  budget: number;
  /** Of events that wait to become durable. */
  unsavedBytes: number;
  /** Events that had to go for others since the engine started. */
  evicted: number;
  /** The disk is denied, gone or not wanted: the store lasts as long as the page. */
  memoryOnly: boolean;
  /** Whether the browser has promised to keep the origin's storage. */
  persisted: boolean;
  /** Bytes that the whole origin uses; the browser's estimate. */
  usage: number | undefined;
  /** Bytes that the whole origin may use; the browser's estimate. */
  quota: number | undefined;
}

/** Why a relay was chosen for a request, or was not. */
export type ChoiceReason =
  /** The caller named it. */
  | 'named'
  /** Authors of the request write there (NIP-65). */
  | 'outbox'
  /** Those mentioned read there (NIP-65). */
  | 'inbox'
  /** It is a configured indexer. */
  | 'indexer'
  /** Nothing better is known. */
  | 'default'
  /** Not chosen: others cover whom it would have served. */
  | 'covered'
  /** Not chosen: the limit of relays was reached before. */
  | 'over-limit';

/** A relay that was considered for a request. */
export interface RelayChoice {
  /** Its address. */
  relay: string;
  reason: ChoiceReason;
  /** Who of the request's authors writes there, or of those mentioned reads there. */
  people: string[];
}

/** What `explain` tells: of a subscription, its relays; of an event, whether it is stored and on which relays it was seen. */
export type Explanation =
  | { type: 'subscription'; id: string; asked: RelayChoice[]; skipped: RelayChoice[] }
  | { type: 'event'; id: string; stored: boolean; relays: string[] };

/** Whom a count is asked of, and for how long. */
export interface CountOptions {
  /** The relays to ask. Default: chosen as for a subscription, each asked only for the authors who use it. */
  relays?: string[];
  /** A relay that has not answered after so many milliseconds is reported as such. Default 15,000. */
  timeoutMs?: number;
  /** Rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What one relay answered to a COUNT (NIP-45), or why there is no number of it. */
export type RelayCount =
  | { relay: string; count: number; /** Whether the relay says that it has estimated. */ approximate: boolean; error?: undefined }
  /** `refused`: its own words are in the message. `unreachable`: it has not answered, or there is no connection. */
  | { relay: string; error: FerryError; count?: undefined; approximate?: undefined };

/** An event to be published; what its kind keeps secret is given in clear and encrypted on the way. */
export interface PublishTemplate extends EventTemplate {
  /**
   * Tags to be encrypted for yourself into the content: the private part of a list (NIP-51), a wallet (kind 17375) or
   * its history (kind 7376). They replace those of before; `[]` leaves none. Absent: the content is taken as it is.
   */
  privateTags?: string[][];
}

/** Where an event goes besides where the engine would send it, and what gives it up. */
export interface PublishOptions {
  /**
   * Relays besides those of the author and of those it mentions. Of a private message (kinds 14 and 15): the relays
   * for those of whom no kind 10050 list is known.
   */
  relays?: string[];
  /** Gives the publish up: what has not been handed to relays will not be. What a relay has stays there. */
  signal?: AbortSignal;
}

/** How long `Publish.accepted` waits. */
export interface AcceptedOptions {
  /** Rejects after so many milliseconds, 0 to 2,147,483,647, the signer's time included. Default: when every relay has had its last word. */
  timeoutMs?: number;
}

/**
 * How far a publish has come. Of a private message (kinds 14 and 15) each of its people gets a copy, and `recipient`
 * is whose copy the status is about: 64 characters of lower-case hex.
 */
export type PublishStatus = { recipient?: string } & PublishStep;

/** A step of a publish; `state` tells which. A relay's last word is `accepted`, `rejected` or `unanswered`. */
export type PublishStep =
  /** It has its id and signature, and is in the store. */
  | { state: 'signed'; event: SignedEvent }
  /** It waits for these relays. */
  | { state: 'queued'; relays: string[] }
  /** It has been handed to the relay's socket. */
  | { state: 'sent'; relay: string }
  /** The relay said OK; `reason` is its own word, often empty. */
  | { state: 'accepted'; relay: string; reason: string }
  /** The relay said no; `reason` is its own word, such as `blocked: …` (NIP-01). */
  | { state: 'rejected'; relay: string; reason: string }
  /** The relay could not be reached or did not answer in time. */
  | { state: 'unanswered'; relay: string; reason: string };

/** A relay's connection. */
export interface RelayStatus {
  /** Its address, in the form that all of the engine uses. */
  relay: string;
  /**
   * `closed`: nothing needs it. `failed`: it could not be reached, or went; it is tried again while something needs it.
   * `shed`: it sent more than could be checked in time, and is asked again from where it was. `authenticating`: NIP-42.
   */
  state: 'connecting' | 'open' | 'authenticating' | 'closed' | 'failed' | 'shed';
  /** Why, in words; often empty. */
  reason: string;
  /** Received, copies too. */
  events: number;
  /** Received, of all frames. */
  bytes: number;
  /** Frames that were no valid message. */
  malformed: number;
  /** Frames for a subscription that is not open there. */
  unknownSub: number;
  /** Events whose id or signature did not hold. */
  forged: number;
  /** Events that were not asked for. */
  unmatched: number;
  /** How often a connection was made. */
  connects: number;
  /** How often it was closed for sending more than could be checked in time; it is asked again from where it was. */
  sheds: number;
  /**
   * Seconds of which the relay may have more events than it shows: as many as it gives in one answer share their
   * `created_at`, and no narrower filter reaches the others. What the page has of these seconds may be incomplete.
   */
  hiddenSeconds: number;
  /** The last of these seconds, as a Unix time. */
  hiddenAt?: number;
}

/** A channel between two workers, or to the page: `cryptoToMain` and each worker's `control`. */
export type PortName = keyof typeof CHANNELS | 'control';

/** The counters of one port, since the worker's start. A record is one message; a batch, the records of one post. */
export interface PortStats {
  /** The channel it is an end of. */
  name: PortName;
  sentRecords: number;
  sentBytes: number;
  sentBatches: number;
  receivedRecords: number;
  receivedBytes: number;
  receivedBatches: number;
  /** Received records that the role has not taken yet. */
  queueDepth: number;
  /** The most that `queueDepth` has been. */
  queueHighWater: number;
  /** Bytes the peer may still be sent. */
  creditBytes: number;
  /** How often a record waited for credit. */
  stalls: number;
  /** For how long in all. */
  stalledMs: number;
  /** Received records that were no message; each was skipped. */
  malformed: number;
}

/** One role's counters. */
export interface RoleStats {
  /** One for each channel it has an end of. */
  ports: PortStats[];
  /** By name; those that end in `bytes` are bytes. `memory_bytes` is the worker's wasm memory, which never shrinks. */
  counters: Record<string, number>;
}

/** The counters of the four workers, by role. */
export type EngineStats = Record<'connections' | 'cache' | 'parser' | 'crypto', RoleStats>;
