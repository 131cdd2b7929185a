// The public API, written by `make api` and compared by `make check`: a change here is a change for users.

// ---------------------------------------------------------------- index.d.ts
export { NostrManager, type ManagerEvents } from './manager.js';
export { Subscription, type SubscriptionEvents } from './subscription.js';
export { Publish } from './publish.js';
export { EventView } from './event.js';
export type { Role } from './channels.js';
export type { LogLevel } from './log.js';
export { FerryError, type FerryErrorCode, type FerryErrorContext } from './errors.js';
export * as nip19 from './nip19.js';
export type { Diagnosis, DoctorCheck, DoctorCheckName } from './doctor.js';
export type { Naddr, Nevent, Nip19Entity, Nip19Input, Nprofile } from './nip19.js';
export type { Nip05Options, Nip05Profile } from './nip05.js';
export type { EventCache } from './cache.js';
export type { PeerEncryption, Signer, SignerEvents } from './signer.js';
export type { Relays, RelayEvents } from './relays.js';
export type { AcceptedOptions, CacheStats, ChoiceReason, CountOptions, CountResponse, EngineStats, EventTemplate, Explanation, Filter, ImportOptions, ImportResult, Limits, NostrConnectOptions, Pipe, PortName, PortStats, PublishOptions, PublishStatus, PublishStep, PublishTemplate, RelayChoice, RelayCount, RelayStatus, RememberOptions, RemoteSignerOptions, RoleStats, Rumor, SignedEvent, SignerApp, StartOptions, SubscribeOptions, ValidProof, ValidProofs, } from './types.js';
export type * from './generated/kinds.js';

// ---------------------------------------------------------------- cache.d.ts
export declare class EventCache {
    #private;
    export(filters?: Filter[]): ReadableStream<Uint8Array>;
    import(source: string | URL | Blob | ReadableStream<Uint8Array>, options?: ImportOptions): Promise<ImportResult>;
    wipe(): Promise<void>;
    persist(): Promise<boolean>;
    stats(): Promise<CacheStats>;
}

// ---------------------------------------------------------------- channels.d.ts
export type Role = 'connections' | 'cache' | 'parser' | 'crypto';
export declare const ROLES: readonly Role[];
export declare const CHANNELS: {
    readonly cacheToConn: readonly ["cache", "connections"];
    readonly parserToCache: readonly ["parser", "cache"];
    readonly connToParser: readonly ["connections", "parser"];
    readonly parserToCrypto: readonly ["parser", "crypto"];
    readonly cryptoToConn: readonly ["crypto", "connections"];
    readonly cryptoToMain: readonly ["crypto", "page"];
};

// ---------------------------------------------------------------- doctor.d.ts
export type DoctorCheckName = 'engine' | 'browser' | 'secure-context' | 'isolation' | 'wasm-file' | 'wasm-compile' | 'workers' | 'indexeddb' | 'locks' | 'storage' | 'extension' | 'relays';
export interface DoctorCheck {
    name: DoctorCheckName;
    state: 'ok' | 'limited' | 'broken';
    finding: string;
    fix?: string;
}
export interface Diagnosis {
    ok: boolean;
    checks: DoctorCheck[];
}
export declare function diagnose(options?: StartOptions, engine?: DoctorCheck[]): Promise<Diagnosis>;

// ---------------------------------------------------------------- elements/engine.d.ts
export interface ElementOptions extends StartOptions {
    links?: string;
}
export declare function configure(wanted: ElementOptions): void;
export declare function useEngine(engine: NostrManager): void;
export declare function engine(): Promise<NostrManager>;
export declare function linkTo(entity: string): string;
export declare function optionsOf(data: DOMStringMap): ElementOptions;
export declare function words(text: string | null | undefined): string[];

// ---------------------------------------------------------------- elements/index.d.ts
export { configure, engine, useEngine, type ElementOptions } from './engine.js';

// ---------------------------------------------------------------- emitter.d.ts
export declare class Emitter<Events extends object> {
    #private;
    on<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void, options?: {
        signal?: AbortSignal;
    }): () => void;
    protected emit<Type extends keyof Events>(type: Type, value: Events[Type]): void;
    protected hasListeners(type: keyof Events): boolean;
}

// ---------------------------------------------------------------- errors.d.ts
export type FerryErrorCode = 'unsupported' | 'wasm' | 'worker' | 'bad-input' | 'stopped' | 'too-many-subscriptions' | 'no-signer' | 'refused' | 'unreachable' | 'timed-out' | 'disconnected' | 'cancelled';
export interface FerryErrorContext {
    relay?: string;
    subscription?: string;
    publish?: string;
    line?: number;
    cause?: unknown;
}
export declare class FerryError extends Error {
    readonly name = "FerryError";
    readonly code: FerryErrorCode;
    readonly relay: string | undefined;
    readonly subscription: string | undefined;
    readonly publish: string | undefined;
    readonly line: number | undefined;
    constructor(code: FerryErrorCode, message: string, context?: FerryErrorContext);
}
export declare function assertNever(value: never): never;

// ---------------------------------------------------------------- event.d.ts
export declare class EventView implements SignedEvent {
    #private;
    get id(): string;
    get pubkey(): string;
    get created_at(): number;
    get datedAhead(): boolean;
    get kind(): number;
    get content(): string;
    get tags(): string[][];
    get sig(): string;
    get relays(): string[];
    get fromCache(): boolean;
    get parsed(): Parsed | undefined;
    get requests(): FollowUp[];
    get lock(): Lock;
    get unlocked(): boolean;
    tag(name: string): string | undefined;
    toJSON(): SignedEvent;
}

// ---------------------------------------------------------------- generated/kinds.d.ts
export type EntityType = 'npub' | 'note' | 'nprofile' | 'nevent' | 'naddr';
export type MediaType = 'unknown' | 'image' | 'video' | 'audio';
export type BlockKind = 'text' | 'code' | 'link' | 'media' | 'media-grid' | 'hashtag' | 'nostr' | 'secret' | 'emoji' | 'cashu' | 'invoice' | 'relay';
export type NodeKind = 'paragraph' | 'heading' | 'quote' | 'list' | 'item' | 'code' | 'rule' | 'table' | 'table-head' | 'table-row' | 'table-cell' | 'emphasis' | 'strong' | 'strikethrough' | 'inline-code' | 'link' | 'image' | 'soft-break' | 'line-break' | 'content';
export type PrivateState = 'open' | 'locked' | 'unreadable';
export type Direction = 'unknown' | 'in' | 'out';
export type ReactionType = 'like' | 'dislike' | 'emoji' | 'custom';
export type PollType = 'unknown' | 'single-choice' | 'multiple-choice';
export type Lock = 'none' | 'no-signer' | 'other-key' | 'refused' | 'timed-out' | 'disconnected' | 'unsupported';
export type Encryption = 'nip04' | 'nip44';
export type LiveStatus = 'unknown' | 'planned' | 'live' | 'ended';
export interface EventRef {
    id: string;
    relay?: string;
    author?: string;
}
export interface Address {
    kind: number;
    pubkey: string;
    identifier: string;
    relay?: string;
}
export interface ProfileRef {
    pubkey: string;
    relay?: string;
}
export interface Mention {
    pubkey: string;
    relays: string[];
}
export interface Quote {
    id?: string;
    address?: Address;
    relays: string[];
    author?: string;
}
export interface Entity {
    type: EntityType;
    pubkey?: string;
    id?: string;
    kind?: number;
    identifier?: string;
    relays: string[];
}
export interface Media {
    url: string;
    type: MediaType;
    mime?: string;
    width?: number;
    height?: number;
    blurhash?: string;
    thumbhash?: string;
    alt?: string;
    sha256?: string;
    size?: number;
    duration?: number;
    bitrate?: number;
    previews: string[];
    fallbacks: string[];
}
export interface CashuToken {
    token: string;
    mint: string;
    amount: number;
    unit?: string;
    memo?: string;
}
export interface Block {
    kind: BlockKind;
    text: string;
    url?: string;
    tag?: string;
    code?: string;
    fenced: boolean;
    language?: string;
    shortcode?: string;
    media: Media[];
    entity?: Entity;
    cashu?: CashuToken;
    amountMsat?: number;
}
export interface Content {
    blocks: Block[];
    shortened?: Block[];
}
export interface ArticleNode {
    kind: NodeKind;
    depth: number;
    level?: number;
    start?: number;
    checked?: boolean;
    code?: string;
    language?: string;
    url?: string;
    title?: string;
    entity?: Entity;
    block?: Block;
}
export interface Dleq {
    e: string;
    s: string;
    r?: string;
}
export interface Proof {
    amount: number;
    id: string;
    secret: string;
    c: string;
    dleq?: Dleq;
    witness?: string;
}
export interface WalletQuote {
    type: 'wallet-quote';
    state: PrivateState;
    quote?: string;
    mint?: string;
    expiresAt?: number;
}
export interface WalletToken {
    type: 'wallet-token';
    state: PrivateState;
    mint?: string;
    unit?: string;
    proofs: Proof[];
    amount?: number;
    deleted: string[];
}
export interface WalletHistory {
    type: 'wallet-history';
    redeemed: EventRef[];
    state: PrivateState;
    direction: Direction;
    amount?: number;
    unit?: string;
    created: EventRef[];
    destroyed: EventRef[];
}
export interface Wallet {
    type: 'wallet';
    state: PrivateState;
    mints: string[];
    key?: string;
}
export interface Nutzap {
    type: 'nutzap';
    proofs: Proof[];
    amount: number;
    unit: string;
    mint: string;
    recipient: string;
    event?: EventRef;
    kind?: number;
    comment?: string;
    p2pk?: string;
    p2pkLocktime?: number;
    p2pkRefund: string[];
}
export interface Mint {
    url: string;
    units: string[];
}
export interface NutzapInfo {
    type: 'nutzap-info';
    mints: Mint[];
    relays: string[];
    pubkey?: string;
}
export interface ZapRequest {
    type: 'zap-request';
    amountMsat?: number;
    recipient?: string;
    event?: EventRef;
    address?: Address;
    kind?: number;
    comment?: string;
    relays: string[];
    lnurl?: string;
    valid: boolean;
}
export interface Zap {
    type: 'zap';
    amountMsat?: number;
    sender?: string;
    recipient?: string;
    event?: EventRef;
    address?: Address;
    kind?: number;
    comment?: string;
    preimage?: string;
    bolt11?: string;
    descriptionHashMatches?: boolean;
    valid: boolean;
    needsProviderCheck: boolean;
}
export interface Note {
    type: 'note';
    content: Content;
    reply?: EventRef;
    root?: EventRef;
    mentions: EventRef[];
    quotes: Quote[];
    profiles: Mention[];
    recipients: ProfileRef[];
}
export interface Deletion {
    type: 'deletion';
    ids: string[];
    addresses: Address[];
    kinds: number[];
    reason?: string;
}
export interface Repost {
    type: 'repost';
    id?: string;
    kind?: number;
    author?: string;
    relay?: string;
    address?: Address;
    embedded?: SignedEvent;
}
export interface Reaction {
    type: 'reaction';
    reaction: ReactionType;
    content: string;
    shortcode?: string;
    url?: string;
    event?: EventRef;
    author?: string;
    kind?: number;
    address?: Address;
}
export interface External {
    id: string;
    kind?: string;
    hint?: string;
}
export interface ExternalReaction {
    type: 'external-reaction';
    reaction: ReactionType;
    content: string;
    shortcode?: string;
    emojiUrl?: string;
    url?: string;
    targets: External[];
}
export interface MediaPost {
    type: 'media-post';
    title?: string;
    media: Media[];
    contentWarning?: string;
    publishedAt?: number;
    topics: string[];
    content: Content;
    quotes: Quote[];
    profiles: Mention[];
}
export interface PollResponse {
    type: 'poll-response';
    poll: EventRef;
    choices: string[];
}
export interface PollOption {
    id: string;
    label: string;
}
export interface Poll {
    type: 'poll';
    label: Content;
    options: PollOption[];
    pollType: PollType;
    relays: string[];
    endsAt?: number;
}
export interface Scope {
    event?: EventRef;
    address?: Address;
    external?: string;
    hint?: string;
    kind?: string;
    author?: ProfileRef;
}
export interface Comment {
    type: 'comment';
    content: Content;
    root: Scope;
    parent?: Scope;
    quotes: Quote[];
    profiles: Mention[];
}
export interface Article {
    type: 'article';
    draft: boolean;
    identifier: string;
    title?: string;
    summary?: string;
    image?: string;
    topics: string[];
    publishedAt?: number;
    address: Address;
    body: ArticleNode[];
    quotes: Quote[];
    profiles: Mention[];
}
export interface FollowUp {
    filter: Filter;
    relays: string[];
}
export interface Birthday {
    year?: number;
    month?: number;
    day?: number;
}
export interface Profile {
    type: 'profile';
    name?: string;
    displayName?: string;
    about?: string;
    picture?: string;
    banner?: string;
    website?: string;
    nip05?: string;
    lud06?: string;
    lud16?: string;
    bot?: boolean;
    birthday?: Birthday;
    github?: string;
    twitter?: string;
    mastodon?: string;
    pubkey?: string;
}
export interface Contact {
    pubkey: string;
    relay?: string;
    petname?: string;
}
export interface Contacts {
    type: 'contacts';
    contacts: Contact[];
}
export interface RelayUse {
    url: string;
    read: boolean;
    write: boolean;
}
export interface RelayList {
    type: 'relay-list';
    relays: RelayUse[];
}
export interface ListEmoji {
    shortcode: string;
    url: string;
}
export interface ListItems {
    people: Contact[];
    events: EventRef[];
    addresses: Address[];
    topics: string[];
    words: string[];
    relays: string[];
    emoji: ListEmoji[];
}
export interface PrivateItems {
    state: PrivateState;
    encryption: Encryption;
    items?: ListItems;
}
export interface List {
    type: 'list';
    identifier?: string;
    title?: string;
    description?: string;
    image?: string;
    items: ListItems;
    privateItems?: PrivateItems;
}
export interface Participant {
    pubkey: string;
    relay?: string;
    role?: string;
    proof?: string;
}
export interface LiveChat {
    type: 'live-chat';
    activity: Address;
    reply?: EventRef;
    content: Content;
    quotes: Quote[];
    profiles: Mention[];
}
export interface LiveActivity {
    type: 'live-activity';
    identifier: string;
    title?: string;
    summary?: string;
    image?: string;
    streaming?: string;
    recording?: string;
    starts?: number;
    ends?: number;
    status: LiveStatus;
    participants: Participant[];
    currentParticipants?: number;
    totalParticipants?: number;
    pinned: string[];
    topics: string[];
    relays: string[];
    address: Address;
}
export interface Addressable {
    type: 'addressable';
    identifier: string;
    title?: string;
    description?: string;
    image?: string;
    status?: string;
    starts?: number;
    ends?: number;
    relays: string[];
    participants: Participant[];
    events: EventRef[];
    addresses: Address[];
    address: Address;
}
export interface DirectMessage {
    type: 'direct-message';
    recipient: string;
    chatId: string;
    reply?: string;
    state: PrivateState;
    text?: string;
    content?: Content;
    ciphertext?: string;
}
export interface EncryptedFile {
    url: string;
    mime?: string;
    algorithm?: string;
    key?: string;
    nonce?: string;
    sha256?: string;
    originalSha256?: string;
    size?: number;
    width?: number;
    height?: number;
    blurhash?: string;
    thumbhash?: string;
    thumb?: string;
    fallbacks: string[];
}
export interface PrivateMessage {
    recipients: ProfileRef[];
    chatId: string;
    subject?: string;
    reply?: EventRef;
    content?: Content;
    file?: EncryptedFile;
}
export interface Seal {
    type: 'seal';
    state: PrivateState;
    rumor?: Rumor;
    message?: PrivateMessage;
}
export interface GiftWrap {
    type: 'gift-wrap';
    recipient?: ProfileRef;
    state: PrivateState;
    rumor?: Rumor;
    message?: PrivateMessage;
}
export type Parsed = Profile | Note | Contacts | DirectMessage | Deletion | Repost | Reaction | Seal | ExternalReaction | MediaPost | PollResponse | GiftWrap | Poll | Comment | LiveChat | WalletQuote | WalletToken | WalletHistory | Nutzap | ZapRequest | Zap | RelayList | NutzapInfo | Wallet | List | Article | LiveActivity | Addressable;

// ---------------------------------------------------------------- log.d.ts
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';
export declare class Log {
    #private;
    constructor(level?: LogLevel);
    tells(level: LogLevel): boolean;
    error(text: string): void;
    warn(text: string): void;
    info(text: string): void;
    debug(text: string): void;
}

// ---------------------------------------------------------------- manager.d.ts
export interface ManagerEvents {
    error: FerryError;
    restart: {
        role: Role;
        reason: string;
    };
    memoryOnly: undefined;
}
export declare class NostrManager extends Emitter<ManagerEvents> implements AsyncDisposable {
    #private;
    readonly signer: Signer;
    readonly relays: Relays;
    readonly cache: EventCache;
    static start(options?: StartOptions): Promise<NostrManager>;
    static doctor(options?: StartOptions): Promise<Diagnosis>;
    private constructor();
    subscribe(filters: Filter[], options?: SubscribeOptions): Subscription;
    fetch(filters: Filter[], options?: SubscribeOptions): Promise<EventView[]>;
    count(filters: Filter[], options?: CountOptions): Promise<RelayCount[]>;
    publish(template: PublishTemplate, options?: PublishOptions): Publish;
    nip05(identifier: string, options?: Nip05Options): Promise<Nip05Profile | undefined>;
    doctor(): Promise<Diagnosis>;
    stats(): Promise<EngineStats>;
    explain(id: string): Promise<Explanation>;
    stop(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
    on<Type extends keyof ManagerEvents>(type: Type, listener: (value: ManagerEvents[Type]) => void, options?: {
        signal?: AbortSignal;
    }): () => void;
}

// ---------------------------------------------------------------- nip05.d.ts
export interface Nip05Profile {
    pubkey: string;
    relays: string[];
}
export interface Nip05Options {
    timeoutMs?: number;
    signal?: AbortSignal;
}
export declare function lookUp(identifier: string, { timeoutMs, signal }?: Nip05Options): Promise<Nip05Profile | undefined>;

// ---------------------------------------------------------------- nip19.d.ts
export interface Nprofile {
    type: 'nprofile';
    pubkey: string;
    relays: string[];
}
export interface Nevent {
    type: 'nevent';
    id: string;
    relays: string[];
    author?: string;
    kind?: number;
}
export interface Naddr {
    type: 'naddr';
    identifier: string;
    pubkey: string;
    kind: number;
    relays: string[];
}
export type Nip19Entity = {
    type: 'npub';
    pubkey: string;
} | {
    type: 'nsec';
    secret: string;
} | {
    type: 'note';
    id: string;
} | Nprofile | Nevent | Naddr;
export type Nip19Input = Nip19Entity extends infer T ? (T extends {
    relays: string[];
} ? Omit<T, 'relays'> & {
    relays?: string[];
} : T) : never;
export declare function encode(entity: Nip19Input): string;
export declare function decode(text: string): Nip19Entity;

// ---------------------------------------------------------------- publish.d.ts
export declare class Publish {
    #private;
    readonly id: string;
    get status(): AsyncIterable<PublishStatus>;
    signed(): Promise<SignedEvent>;
    accepted({ timeoutMs }?: AcceptedOptions): Promise<string>;
}

// ---------------------------------------------------------------- relays.d.ts
export interface RelayEvents {
    status: RelayStatus;
    notice: {
        relay: string;
        message: string;
    };
}
export declare class Relays extends Emitter<RelayEvents> {
    #private;
    list(): RelayStatus[];
    get defaults(): string[];
    add(url: string): string;
    remove(url: string): boolean;
}

// ---------------------------------------------------------------- signer.d.ts
export interface SignerEvents {
    authUrl: string;
    change: string | undefined;
}
export interface PeerEncryption {
    encrypt(pubkey: string, plaintext: string): Promise<string>;
    decrypt(pubkey: string, ciphertext: string): Promise<string>;
}
export declare class Signer extends Emitter<SignerEvents> {
    #private;
    readonly nip44: PeerEncryption;
    readonly nip04: PeerEncryption;
    readonly restored: Promise<string | undefined>;
    usePrivateKey(secret: string, options?: RememberOptions): Promise<string>;
    useEncryptedKey(ncryptsec: string, passphrase: string, options?: RememberOptions): Promise<string>;
    usePublicKey(pubkey: string, options?: RememberOptions): Promise<string>;
    useExtension(options?: RememberOptions): Promise<string>;
    useBunker(url: string, options?: RemoteSignerOptions): Promise<string>;
    nostrConnect(options: NostrConnectOptions): Promise<{
        url: string;
        connected: Promise<string>;
    }>;
    getPublicKey(): Promise<string>;
    signEvent(template: EventTemplate): Promise<SignedEvent>;
    unwrap(event: SignedEvent): Promise<Rumor>;
    wrap(template: EventTemplate): Promise<SignedEvent[]>;
    logout(): Promise<void>;
}

// ---------------------------------------------------------------- subscription.d.ts
export interface SubscriptionEvents {
    event: EventView;
    count: CountResponse;
    proofs: ValidProofs;
    eoce: undefined;
    eose: {
        relay: string | undefined;
    };
    closed: {
        relay: string;
        reason: string;
    };
    relayCount: RelayCount;
    overflow: {
        dropped: number;
    };
    end: {
        reason: 'complete' | 'timed-out' | 'max-events' | 'closed';
    };
    error: FerryError;
}
export type SubscriptionLimits = Pick<Limits, 'seenIds' | 'filters' | 'futureSeconds'> & {
    maxEvents: number | undefined;
};
export declare class Subscription extends Emitter<SubscriptionEvents> implements AsyncIterable<EventView>, Disposable, AsyncDisposable {
    #private;
    readonly id: string;
    on<Type extends keyof SubscriptionEvents>(type: Type, listener: (value: SubscriptionEvents[Type]) => void, options?: {
        signal?: AbortSignal;
    }): () => void;
    get ended(): boolean;
    close(): void;
    [Symbol.asyncIterator](): AsyncGenerator<EventView, void, undefined>;
    [Symbol.dispose](): void;
    [Symbol.asyncDispose](): Promise<void>;
}

// ---------------------------------------------------------------- types.d.ts
export interface Filter {
    ids?: string[];
    authors?: string[];
    kinds?: number[];
    since?: number;
    until?: number;
    limit?: number;
    search?: string;
    [tag: `#${string}`]: string[] | undefined;
}
export interface EventTemplate {
    kind: number;
    content: string;
    tags?: string[][];
    created_at?: number;
}
export interface SignedEvent {
    id: string;
    pubkey: string;
    created_at: number;
    kind: number;
    tags: string[][];
    content: string;
    sig: string;
}
export type Rumor = Omit<SignedEvent, 'sig'>;
export interface RememberOptions {
    remember?: boolean;
}
export interface SignerApp {
    name?: string;
    url?: string;
    image?: string;
    permissions?: string[];
}
export interface RemoteSignerOptions extends SignerApp, RememberOptions {
}
export interface NostrConnectOptions extends RemoteSignerOptions {
    relays: string[];
}
export interface StartOptions {
    relays?: string[];
    indexers?: string[];
    maxRelays?: number;
    cache?: false | {
        maxBytes?: number;
        name?: string;
    };
    verify?: 'all' | 'none';
    verifiers?: number;
    wasmUrl?: string | URL;
    workerUrl?: string | URL;
    logLevel?: LogLevel;
    limits?: Limits;
    signal?: AbortSignal;
}
export interface Limits {
    frameBytes?: number;
    jsonDepth?: number;
    eventBytes?: number;
    tags?: number;
    subscriptions?: number;
    filters?: number;
    sockets?: number;
    seenIds?: number;
    windowBytes?: number;
    batchBytes?: number;
    spoolBytes?: number;
    signerMs?: number;
    remoteSignerMs?: number;
    publishMs?: number;
    eoseMs?: number;
    futureSeconds?: number;
    resumeMarginSeconds?: number;
}
export type Pipe = {
    pipe: 'parse';
} | {
    pipe: 'save-to-db';
} | {
    pipe: 'serialize-events';
} | {
    pipe: 'kind-filter';
    kinds: number[];
} | {
    pipe: 'mute';
    pubkeys?: string[];
    ids?: string[];
    hashtags?: string[];
    words?: string[];
} | {
    pipe: 'npub-limiter';
    kind: number;
    limit: number;
    maxNpubs: number;
} | {
    pipe: 'counter';
    kinds: number[];
    pubkey?: string;
} | {
    pipe: 'proof-verification';
    max: number;
};
export interface ValidProofs {
    mint: string;
    unit: string;
    proofs: ValidProof[];
}
export interface ValidProof {
    event: string;
    amount: number;
    id: string;
    secret: string;
    C: string;
    dleq?: {
        e: string;
        s: string;
        r?: string;
    };
    witness?: string;
    checked: boolean;
}
export interface CountResponse {
    kind: number;
    count: number;
    you: boolean;
}
export interface SubscribeOptions {
    id?: string;
    relays?: string[];
    cacheFirst?: boolean;
    cacheOnly?: boolean;
    noCache?: boolean;
    closeOnEose?: boolean;
    timeoutMs?: number;
    maxEvents?: number;
    maxRelays?: number;
    bufferBytes?: number;
    pipeline?: Pipe[];
    signal?: AbortSignal;
}
export interface ImportOptions {
    onProgress?: (sofar: ImportResult) => void;
    signal?: AbortSignal;
}
export interface ImportResult {
    lines: number;
    stored: number;
    known: number;
    failed: number;
    errors: FerryError[];
}
export interface CacheStats {
    events: number;
    bytes: number;
    budget: number;
    unsavedBytes: number;
    evicted: number;
    memoryOnly: boolean;
    persisted: boolean;
    usage: number | undefined;
    quota: number | undefined;
}
export type ChoiceReason = 'named' | 'outbox' | 'inbox' | 'indexer' | 'default' | 'covered' | 'over-limit';
export interface RelayChoice {
    relay: string;
    reason: ChoiceReason;
    people: string[];
}
export type Explanation = {
    type: 'subscription';
    id: string;
    asked: RelayChoice[];
    skipped: RelayChoice[];
} | {
    type: 'event';
    id: string;
    stored: boolean;
    relays: string[];
};
export interface CountOptions {
    relays?: string[];
    timeoutMs?: number;
    signal?: AbortSignal;
}
export type RelayCount = {
    relay: string;
    count: number;
    approximate: boolean;
    error?: undefined;
} | {
    relay: string;
    error: FerryError;
    count?: undefined;
    approximate?: undefined;
};
export interface PublishTemplate extends EventTemplate {
    privateTags?: string[][];
}
export interface PublishOptions {
    relays?: string[];
    signal?: AbortSignal;
}
export interface AcceptedOptions {
    timeoutMs?: number;
}
export type PublishStatus = {
    recipient?: string;
} & PublishStep;
export type PublishStep = {
    state: 'signed';
    event: SignedEvent;
} | {
    state: 'queued';
    relays: string[];
} | {
    state: 'sent';
    relay: string;
} | {
    state: 'accepted';
    relay: string;
    reason: string;
} | {
    state: 'rejected';
    relay: string;
    reason: string;
} | {
    state: 'unanswered';
    relay: string;
    reason: string;
};
export interface RelayStatus {
    relay: string;
    state: 'connecting' | 'open' | 'authenticating' | 'closed' | 'failed' | 'shed';
    reason: string;
    events: number;
    bytes: number;
    malformed: number;
    unknownSub: number;
    forged: number;
    unmatched: number;
    connects: number;
    sheds: number;
    hiddenSeconds: number;
    hiddenAt?: number;
}
export type PortName = keyof typeof CHANNELS | 'control';
export interface PortStats {
    name: PortName;
    sentRecords: number;
    sentBytes: number;
    sentBatches: number;
    receivedRecords: number;
    receivedBytes: number;
    receivedBatches: number;
    queueDepth: number;
    queueHighWater: number;
    creditBytes: number;
    stalls: number;
    stalledMs: number;
    malformed: number;
}
export interface RoleStats {
    ports: PortStats[];
    counters: Record<string, number>;
}
export type EngineStats = Record<'connections' | 'cache' | 'parser' | 'crypto', RoleStats>;
