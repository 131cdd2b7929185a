// What the Parse pipe reads, by fbs/kinds. Written by `make gen`; edits are lost.
import type { Filter, Rumor, SignedEvent } from '../types.js';

export type EntityType = 'npub' | 'note' | 'nprofile' | 'nevent' | 'naddr';

export type MediaType = 'unknown' | 'image' | 'video' | 'audio';

export type BlockKind = 'text' | 'code' | 'link' | 'media' | 'media-grid' | 'hashtag' | 'nostr' | 'secret' | 'emoji' | 'cashu' | 'invoice' | 'relay';

export type NodeKind = 'paragraph' | 'heading' | 'quote' | 'list' | 'item' | 'code' | 'rule' | 'table' | 'table-head' | 'table-row' | 'table-cell' | 'emphasis' | 'strong' | 'strikethrough' | 'inline-code' | 'link' | 'image' | 'soft-break' | 'line-break' | 'content';

/** `Locked`: not decrypted, for want of a signer or because it is another's. `Unreadable`: decrypted, but not what the NIP says. */
export type PrivateState = 'open' | 'locked' | 'unreadable';

export type Direction = 'unknown' | 'in' | 'out';

/** `Emoji` is an emoji or whatever else was written; `Custom` an emoji that the event defines (NIP-30). */
export type ReactionType = 'like' | 'dislike' | 'emoji' | 'custom';

export type PollType = 'unknown' | 'single-choice' | 'multiple-choice';

/** Why an encrypted part is locked. */
export type Lock = 'none' | 'no-signer' | 'other-key' | 'refused' | 'timed-out' | 'disconnected' | 'unsupported';

export type Encryption = 'nip04' | 'nip44';

export type LiveStatus = 'unknown' | 'planned' | 'live' | 'ended';

/** An event that another points to. */
export interface EventRef {
  id: string;
  /** Where it may be found. */
  relay?: string;
  /** Whose it is, as the one who points says. */
  author?: string;
}

/** The address of a replaceable or addressable event. */
export interface Address {
  kind: number;
  pubkey: string;
  /** The `d` tag; empty for a replaceable kind. */
  identifier: string;
  /** Where it may be found. */
  relay?: string;
}

/** A person. */
export interface ProfileRef {
  pubkey: string;
  /** Where they may be found. */
  relay?: string;
}

/** A person named in a text (NIP-27). */
export interface Mention {
  pubkey: string;
  relays: string[];
}

/** A cited event, by its id or its address. */
export interface Quote {
  id?: string;
  address?: Address;
  relays: string[];
  author?: string;
}

/** What a NIP-19 entity stands for. */
export interface Entity {
  type: EntityType;
  /** The person, or the author where the entity names one. */
  pubkey?: string;
  id?: string;
  kind?: number;
  identifier?: string;
  /** As whoever shared the entity wrote them. */
  relays: string[];
}

/** A picture, video or sound. */
export interface Media {
  url: string;
  type: MediaType;
  /** MIME type. */
  mime?: string;
  /** Pixels. */
  width?: number;
  /** Pixels. */
  height?: number;
  blurhash?: string;
  thumbhash?: string;
  /** A description for those who do not see it. */
  alt?: string;
  /** SHA-256 of the file, hex. */
  sha256?: string;
  /** Bytes. */
  size?: number;
  /** Seconds. */
  duration?: number;
  /** Bits a second. */
  bitrate?: number;
  /** Pictures to show before it plays. */
  previews: string[];
  /** Other addresses of the same file. */
  fallbacks: string[];
}

/** Ecash in a text. */
export interface CashuToken {
  token: string;
  mint: string;
  /** In `unit`. */
  amount: number;
  unit?: string;
  memo?: string;
}

/** A piece of a text. */
export interface Block {
  kind: BlockKind;
  /** What stands in the text; a mask in place of a secret key. Joined, the blocks are the text. */
  text: string;
  /** Of a link, an emoji or a relay. */
  url?: string;
  /** Of a hashtag: without the `#`, in lower case. */
  tag?: string;
  /** Of code: what stands between the backticks. */
  code?: string;
  /** Of code: a block of its own, not a part of a line. */
  fenced: boolean;
  /** Of fenced code. */
  language?: string;
  /** Of an emoji. */
  shortcode?: string;
  /** Of media, and of a media grid in order. */
  media: Media[];
  entity?: Entity;
  cashu?: CashuToken;
  /** Of an invoice: millisatoshi; absent when the payer chooses. */
  amountMsat?: number;
}

/** A text as blocks. */
export interface Content {
  blocks: Block[];
  /** The beginning of a long text; absent when that is all of it. */
  shortened?: Block[];
}

/** A part of a Markdown document, in document order. */
export interface ArticleNode {
  kind: NodeKind;
  /** 0 for the blocks of the document itself; what is in a node is one deeper and follows it. */
  depth: number;
  /** Of a heading: 1 to 6. */
  level?: number;
  /** Of an ordered list: its first number. */
  start?: number;
  /** Of an item that is a task. */
  checked?: boolean;
  /** Of code. */
  code?: string;
  /** Of code. */
  language?: string;
  /** Of a link or an image. */
  url?: string;
  /** Of a link or an image. */
  title?: string;
  /** Of a link to a `nostr:` address. */
  entity?: Entity;
  /** Of content: a piece of text. */
  block?: Block;
}

/** Proof that the mint signed with the key it announces (NUT-12), hex. */
export interface Dleq {
  e: string;
  s: string;
  r?: string;
}

/** Ecash (NUT-00). */
export interface Proof {
  amount: number;
  /** Keyset. */
  id: string;
  /** Whoever knows it can spend the proof. */
  secret: string;
  /** The unblinded signature, hex. */
  c: string;
  dleq?: Dleq;
  witness?: string;
}

/** Kind 7374 (NIP-60). */
export interface WalletQuote {
  type: 'wallet-quote';
  state: PrivateState;
  quote?: string;
  mint?: string;
  /** Unix seconds. */
  expiresAt?: number;
}

/** Kind 7375 (NIP-60). */
export interface WalletToken {
  type: 'wallet-token';
  state: PrivateState;
  mint?: string;
  unit?: string;
  proofs: Proof[];
  /** The proofs' sum, in `unit`. */
  amount?: number;
  /** Token events that this one replaces. */
  deleted: string[];
}

/** Kind 7376 (NIP-60). */
export interface WalletHistory {
  type: 'wallet-history';
  /** Nutzaps redeemed. */
  redeemed: EventRef[];
  state: PrivateState;
  direction: Direction;
  /** In `unit`. */
  amount?: number;
  unit?: string;
  created: EventRef[];
  destroyed: EventRef[];
}

/** Kind 17375 (NIP-60). */
export interface Wallet {
  type: 'wallet';
  state: PrivateState;
  mints: string[];
  /** The secret key that nutzaps are locked to, hex: show it to nobody. */
  key?: string;
}

/** Kind 9321 (NIP-61). */
export interface Nutzap {
  type: 'nutzap';
  proofs: Proof[];
  /** The proofs' sum, in `unit`. */
  amount: number;
  unit: string;
  mint: string;
  recipient: string;
  event?: EventRef;
  /** Of the zapped event. */
  kind?: number;
  comment?: string;
  /** The key all proofs are locked to (NUT-11), 33 bytes hex; absent if they are not, or not to one. */
  p2pk?: string;
  /** Unix seconds, where the lock opens for others: from then on any of `p2pk_refund` can take the proofs. */
  p2pkLocktime?: number;
  /** Keys, 33 bytes hex; empty with `p2pk_locktime`: anybody can take the proofs then. */
  p2pkRefund: string[];
}

export interface Mint {
  url: string;
  /** Empty where the event does not say. */
  units: string[];
}

/** Kind 10019 (NIP-61). */
export interface NutzapInfo {
  type: 'nutzap-info';
  mints: Mint[];
  /** Where nutzaps are to be published. */
  relays: string[];
  /** The key to lock proofs to, as written: a point of the curve, 32 or 33 bytes hex. */
  pubkey?: string;
}

/** Kind 9734 (NIP-57). */
export interface ZapRequest {
  type: 'zap-request';
  /** Millisatoshi the sender means to pay. */
  amountMsat?: number;
  recipient?: string;
  event?: EventRef;
  address?: Address;
  /** Of the zapped event. */
  kind?: number;
  comment?: string;
  /** Where the receipt is to be published. */
  relays: string[];
  lnurl?: string;
  /** Meets NIP-57 appendix D. */
  valid: boolean;
}

/** Kind 9735 (NIP-57). */
export interface Zap {
  type: 'zap';
  /** Millisatoshi, the invoice's own amount. */
  amountMsat?: number;
  /** Who signed the request; absent if its signature does not hold. */
  sender?: string;
  recipient?: string;
  event?: EventRef;
  address?: Address;
  /** Of the zapped event. */
  kind?: number;
  comment?: string;
  /** Hex. */
  preimage?: string;
  bolt11?: string;
  /** Whether the invoice commits to this very request; it should. */
  descriptionHashMatches?: boolean;
  /** By the rules of NIP-57 appendix F that need no network. */
  valid: boolean;
  /** Whether the receipt's author must still be compared with the `nostrPubkey` of the recipient's provider. */
  needsProviderCheck: boolean;
}

/** Kind 1 (NIP-10, 18, 27). */
export interface Note {
  type: 'note';
  content: Content;
  /** What it answers; its root when it answers that. */
  reply?: EventRef;
  /** Where its thread begins. */
  root?: EventRef;
  /** Other events of its `e` tags. */
  mentions: EventRef[];
  quotes: Quote[];
  /** People named in the text. */
  profiles: Mention[];
  /** People of its `p` tags: those to be told of it. */
  recipients: ProfileRef[];
}

/** Kind 5 (NIP-09). */
export interface Deletion {
  type: 'deletion';
  ids: string[];
  /** The requester's own. */
  addresses: Address[];
  kinds: number[];
  reason?: string;
}

/** Kinds 6 and 16 (NIP-18). */
export interface Repost {
  type: 'repost';
  /** Absent where only an address is given. */
  id?: string;
  kind?: number;
  author?: string;
  relay?: string;
  address?: Address;
  /** The reposted event, if it was enclosed, is the one meant, and its id and signature hold. */
  embedded?: SignedEvent;
}

/** Kind 7 (NIP-25). */
export interface Reaction {
  type: 'reaction';
  reaction: ReactionType;
  content: string;
  /** Of a custom emoji. */
  shortcode?: string;
  /** Of a custom emoji. */
  url?: string;
  /** What it is about; absent where only an address is given. */
  event?: EventRef;
  author?: string;
  kind?: number;
  address?: Address;
}

/** Something outside Nostr (NIP-73). */
export interface External {
  /** `https://…`, `isbn:…`, `podcast:guid:…`. */
  id: string;
  kind?: string;
  /** A web page about it. */
  hint?: string;
}

/** Kind 17 (NIP-25): a reaction to something outside Nostr. */
export interface ExternalReaction {
  type: 'external-reaction';
  reaction: ReactionType;
  content: string;
  /** Of a custom emoji. */
  shortcode?: string;
  /** Of a custom emoji. */
  emojiUrl?: string;
  /** The web page's address. */
  url?: string;
  targets: External[];
}

/** Kinds 20, 21 and 22 (NIP-68, 71). */
export interface MediaPost {
  type: 'media-post';
  title?: string;
  /** Pictures, or variants of one video. */
  media: Media[];
  /** Why it should be hidden at first (NIP-36); empty where no reason is given. */
  contentWarning?: string;
  /** Unix seconds. */
  publishedAt?: number;
  topics: string[];
  content: Content;
  quotes: Quote[];
  profiles: Mention[];
}

/** Kind 1018 (NIP-88). */
export interface PollResponse {
  type: 'poll-response';
  poll: EventRef;
  /** Ids of options, each once; in a poll of a single choice the first counts. */
  choices: string[];
}

export interface PollOption {
  id: string;
  label: string;
}

/** Kind 1068 (NIP-88). */
export interface Poll {
  type: 'poll';
  /** The question. */
  label: Content;
  options: PollOption[];
  pollType: PollType;
  /** Where answers are to be published. */
  relays: string[];
  /** Unix seconds. */
  endsAt?: number;
}

/** What a comment is about: an event, an address or something outside Nostr. */
export interface Scope {
  event?: EventRef;
  address?: Address;
  /** A NIP-73 id. */
  external?: string;
  /** A web page about `external`. */
  hint?: string;
  /** A kind's number, or NIP-73's kind. */
  kind?: string;
  author?: ProfileRef;
}

/** Kind 1111 (NIP-22). */
export interface Comment {
  type: 'comment';
  content: Content;
  /** What the whole discussion is about. */
  root: Scope;
  /** What this comment answers; absent where the tags do not say. */
  parent?: Scope;
  quotes: Quote[];
  profiles: Mention[];
}

/** Kinds 30023 and, as a draft, 30024 (NIP-23). */
export interface Article {
  type: 'article';
  draft: boolean;
  identifier: string;
  title?: string;
  summary?: string;
  image?: string;
  topics: string[];
  /** Unix seconds. */
  publishedAt?: number;
  address: Address;
  /** Its Markdown, in document order. */
  body: ArticleNode[];
  quotes: Quote[];
  profiles: Mention[];
}

/** A follow-up request: one filter and where it may be answered. */
export interface FollowUp {
  filter: Filter;
  /** Hints; empty where there is none. */
  relays: string[];
}

export interface Birthday {
  year?: number;
  /** 1 to 12. */
  month?: number;
  /** 1 to 31. */
  day?: number;
}

/** Kind 0 (NIP-01, 24). */
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
  /** Its content is made by a machine, entirely or in part. */
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
  /** The list's owner's own name for them. */
  petname?: string;
}

/** Kind 3 (NIP-02). */
export interface Contacts {
  type: 'contacts';
  contacts: Contact[];
}

export interface RelayUse {
  url: string;
  read: boolean;
  write: boolean;
}

/** Kind 10002 (NIP-65), in order. */
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
  /** Hashtags. */
  topics: string[];
  /** Words to mute, in lower case. */
  words: string[];
  relays: string[];
  emoji: ListEmoji[];
}

/** The encrypted part of a list. */
export interface PrivateItems {
  state: PrivateState;
  encryption: Encryption;
  items?: ListItems;
}

/** A list of NIP-51. */
export interface List {
  type: 'list';
  /** Absent for a kind of which a person has only one. */
  identifier?: string;
  title?: string;
  description?: string;
  image?: string;
  items: ListItems;
  /** Absent where nothing is encrypted. */
  privateItems?: PrivateItems;
}

export interface Participant {
  pubkey: string;
  relay?: string;
  /** To be shown: `Host`, `Speaker`. */
  role?: string;
  /** Their signature under the activity's address, hex; it has not been checked. */
  proof?: string;
}

/** Kind 1311 (NIP-53). */
export interface LiveChat {
  type: 'live-chat';
  activity: Address;
  /** The message it answers. */
  reply?: EventRef;
  content: Content;
  quotes: Quote[];
  profiles: Mention[];
}

/** Kind 30311 (NIP-53). */
export interface LiveActivity {
  type: 'live-activity';
  identifier: string;
  title?: string;
  summary?: string;
  image?: string;
  /** Where it can be watched. */
  streaming?: string;
  /** Where it can be watched afterwards. */
  recording?: string;
  /** Unix seconds. */
  starts?: number;
  /** Unix seconds. */
  ends?: number;
  status: LiveStatus;
  participants: Participant[];
  currentParticipants?: number;
  totalParticipants?: number;
  /** Chat messages. */
  pinned: string[];
  topics: string[];
  relays: string[];
  address: Address;
}

/** An addressable event of another kind (30000 to 39999). */
export interface Addressable {
  type: 'addressable';
  identifier: string;
  title?: string;
  description?: string;
  image?: string;
  /** As written: each kind has words of its own. */
  status?: string;
  /** Unix seconds. */
  starts?: number;
  /** Unix seconds. */
  ends?: number;
  relays: string[];
  participants: Participant[];
  events: EventRef[];
  addresses: Address[];
  address: Address;
}

/** Kind 4 (NIP-04). */
export interface DirectMessage {
  type: 'direct-message';
  recipient: string;
  /** Both pubkeys, sorted, joined by `_`: the same for either direction. */
  chatId: string;
  /** The message it answers. */
  reply?: string;
  state: PrivateState;
  /** Once it is open. */
  text?: string;
  /** Once it is open. */
  content?: Content;
  /** As long as it is not. */
  ciphertext?: string;
}

/** Kind 15: a file, encrypted, and how to read it. */
export interface EncryptedFile {
  url: string;
  /** MIME type of the plain file. */
  mime?: string;
  /** `aes-gcm`. */
  algorithm?: string;
  key?: string;
  nonce?: string;
  /** SHA-256 of the encrypted file, hex. */
  sha256?: string;
  /** SHA-256 of the plain file, hex. */
  originalSha256?: string;
  /** Bytes of the encrypted file. */
  size?: number;
  /** Pixels. */
  width?: number;
  /** Pixels. */
  height?: number;
  blurhash?: string;
  thumbhash?: string;
  /** A small picture, encrypted with the same key. */
  thumb?: string;
  fallbacks: string[];
}

/** Kinds 14 and 15 (NIP-17). */
export interface PrivateMessage {
  recipients: ProfileRef[];
  /** Sender and recipients, sorted, joined by `_`: they make the room. */
  chatId: string;
  /** The room's new topic. */
  subject?: string;
  reply?: EventRef;
  /** Of kind 14. */
  content?: Content;
  /** Of kind 15. */
  file?: EncryptedFile;
}

/** Kind 13 (NIP-59), `Unreadable` too if its author is not the rumor's. */
export interface Seal {
  type: 'seal';
  state: PrivateState;
  rumor?: Rumor;
  /** What the rumor says, if it is of kind 14 or 15. */
  message?: PrivateMessage;
}

/** Kind 1059 (NIP-59). */
export interface GiftWrap {
  type: 'gift-wrap';
  recipient?: ProfileRef;
  state: PrivateState;
  /** Once it is open: what its seal holds. The seal's signature has been checked; its author is the rumor's. */
  rumor?: Rumor;
  /** What the rumor says, if it is of kind 14 or 15. */
  message?: PrivateMessage;
}

/** What an event says, by its kind. */
export type Parsed =
  | Profile
  | Note
  | Contacts
  | DirectMessage
  | Deletion
  | Repost
  | Reaction
  | Seal
  | ExternalReaction
  | MediaPost
  | PollResponse
  | GiftWrap
  | Poll
  | Comment
  | LiveChat
  | WalletQuote
  | WalletToken
  | WalletHistory
  | Nutzap
  | ZapRequest
  | Zap
  | RelayList
  | NutzapInfo
  | Wallet
  | List
  | Article
  | LiveActivity
  | Addressable;

/** @internal */
export const ENUMS: Record<string, string[]> = {
  ShardSource: ['network', 'cache'],
  EntityType: ['npub', 'note', 'nprofile', 'nevent', 'naddr'],
  MediaType: ['unknown', 'image', 'video', 'audio'],
  BlockKind: ['text', 'code', 'link', 'media', 'media-grid', 'hashtag', 'nostr', 'secret', 'emoji', 'cashu', 'invoice', 'relay'],
  NodeKind: ['paragraph', 'heading', 'quote', 'list', 'item', 'code', 'rule', 'table', 'table-head', 'table-row', 'table-cell', 'emphasis', 'strong', 'strikethrough', 'inline-code', 'link', 'image', 'soft-break', 'line-break', 'content'],
  PrivateState: ['open', 'locked', 'unreadable'],
  Direction: ['unknown', 'in', 'out'],
  ReactionType: ['like', 'dislike', 'emoji', 'custom'],
  PollType: ['unknown', 'single-choice', 'multiple-choice'],
  Lock: ['none', 'no-signer', 'other-key', 'refused', 'timed-out', 'disconnected', 'unsupported'],
  Encryption: ['nip04', 'nip44'],
  LiveStatus: ['unknown', 'planned', 'live', 'ended'],
};

/** @internal The fields of each table, in the order of their slots. */
export const TABLES: Record<string, Record<string, string>> = {
  Tag: { values: '*string' },
  NostrEvent: { id: 'Hash', pubkey: 'Hash', createdAt: 'ulong', kind: 'ushort', tags: '*Tag', content: 'string', sig: 'Sig', relays: '*string', source: 'ShardSource' },
  TagFilter: { letter: 'ubyte', values: '*string' },
  Filter: { ids: '*Hash', authors: '*Hash', kinds: '*ushort', tags: '*TagFilter', since: '?ulong', until: '?ulong', limit: '?uint', search: '?string' },
  EventRef: { id: 'Hash', relay: '?string', author: '?Hash' },
  Address: { kind: 'ushort', pubkey: 'Hash', identifier: 'string', relay: '?string' },
  ProfileRef: { pubkey: 'Hash', relay: '?string' },
  Mention: { pubkey: 'Hash', relays: '*string' },
  Quote: { id: '?Hash', address: '?Address', relays: '*string', author: '?Hash' },
  Entity: { type: 'EntityType', pubkey: '?Hash', id: '?Hash', kind: '?ushort', identifier: '?string', relays: '*string' },
  Media: { url: 'string', type: 'MediaType', mime: '?string', width: '?uint', height: '?uint', blurhash: '?string', thumbhash: '?string', alt: '?string', sha256: '?string', size: '?ulong', duration: '?double', bitrate: '?ulong', previews: '*string', fallbacks: '*string' },
  CashuToken: { token: 'string', mint: 'string', amount: 'ulong', unit: '?string', memo: '?string' },
  Block: { kind: 'BlockKind', text: 'string', url: '?string', tag: '?string', code: '?string', fenced: 'bool', language: '?string', shortcode: '?string', media: '*Media', entity: '?Entity', cashu: '?CashuToken', amountMsat: '?ulong' },
  Content: { blocks: '*Block', shortened: '?*Block' },
  ArticleNode: { kind: 'NodeKind', depth: 'ushort', level: '?ubyte', start: '?ulong', checked: '?bool', code: '?string', language: '?string', url: '?string', title: '?string', entity: '?Entity', block: '?Block' },
  Dleq: { e: 'string', s: 'string', r: '?string' },
  Proof: { amount: 'ulong', id: 'string', secret: 'string', c: 'string', dleq: '?Dleq', witness: '?string' },
  WalletQuote: { state: 'PrivateState', quote: '?string', mint: '?string', expiresAt: '?ulong' },
  WalletToken: { state: 'PrivateState', mint: '?string', unit: '?string', proofs: '*Proof', amount: '?ulong', deleted: '*Hash' },
  WalletHistory: { redeemed: '*EventRef', state: 'PrivateState', direction: 'Direction', amount: '?ulong', unit: '?string', created: '*EventRef', destroyed: '*EventRef' },
  Wallet: { state: 'PrivateState', mints: '*string', key: '?string' },
  Nutzap: { proofs: '*Proof', amount: 'ulong', unit: 'string', mint: 'string', recipient: 'Hash', event: '?EventRef', kind: '?ushort', comment: '?string', p2pk: '?string', p2pkLocktime: '?ulong', p2pkRefund: '*string' },
  Mint: { url: 'string', units: '*string' },
  NutzapInfo: { mints: '*Mint', relays: '*string', pubkey: '?string' },
  ZapRequest: { amountMsat: '?ulong', recipient: '?Hash', event: '?EventRef', address: '?Address', kind: '?ushort', comment: '?string', relays: '*string', lnurl: '?string', valid: 'bool' },
  Zap: { amountMsat: '?ulong', sender: '?Hash', recipient: '?Hash', event: '?EventRef', address: '?Address', kind: '?ushort', comment: '?string', preimage: '?string', bolt11: '?string', descriptionHashMatches: '?bool', valid: 'bool', needsProviderCheck: 'bool' },
  Note: { content: 'Content', reply: '?EventRef', root: '?EventRef', mentions: '*EventRef', quotes: '*Quote', profiles: '*Mention', recipients: '*ProfileRef' },
  Deletion: { ids: '*Hash', addresses: '*Address', kinds: '*ushort', reason: '?string' },
  Repost: { id: '?Hash', kind: '?ushort', author: '?Hash', relay: '?string', address: '?Address', embedded: '?NostrEvent' },
  Reaction: { reaction: 'ReactionType', content: 'string', shortcode: '?string', url: '?string', event: '?EventRef', author: '?Hash', kind: '?ushort', address: '?Address' },
  External: { id: 'string', kind: '?string', hint: '?string' },
  ExternalReaction: { reaction: 'ReactionType', content: 'string', shortcode: '?string', emojiUrl: '?string', url: '?string', targets: '*External' },
  MediaPost: { title: '?string', media: '*Media', contentWarning: '?string', publishedAt: '?ulong', topics: '*string', content: 'Content', quotes: '*Quote', profiles: '*Mention' },
  PollResponse: { poll: 'EventRef', choices: '*string' },
  PollOption: { id: 'string', label: 'string' },
  Poll: { label: 'Content', options: '*PollOption', pollType: 'PollType', relays: '*string', endsAt: '?ulong' },
  Scope: { event: '?EventRef', address: '?Address', external: '?string', hint: '?string', kind: '?string', author: '?ProfileRef' },
  Comment: { content: 'Content', root: 'Scope', parent: '?Scope', quotes: '*Quote', profiles: '*Mention' },
  Article: { draft: 'bool', identifier: 'string', title: '?string', summary: '?string', image: '?string', topics: '*string', publishedAt: '?ulong', address: 'Address', body: '*ArticleNode', quotes: '*Quote', profiles: '*Mention' },
  FollowUp: { filter: 'Filter', relays: '*string' },
  Birthday: { year: '?ushort', month: '?ubyte', day: '?ubyte' },
  Profile: { name: '?string', displayName: '?string', about: '?string', picture: '?string', banner: '?string', website: '?string', nip05: '?string', lud06: '?string', lud16: '?string', bot: '?bool', birthday: '?Birthday', github: '?string', twitter: '?string', mastodon: '?string', pubkey: '?string' },
  Contact: { pubkey: 'Hash', relay: '?string', petname: '?string' },
  Contacts: { contacts: '*Contact' },
  RelayUse: { url: 'string', read: 'bool', write: 'bool' },
  RelayList: { relays: '*RelayUse' },
  ListEmoji: { shortcode: 'string', url: 'string' },
  ListItems: { people: '*Contact', events: '*EventRef', addresses: '*Address', topics: '*string', words: '*string', relays: '*string', emoji: '*ListEmoji' },
  PrivateItems: { state: 'PrivateState', encryption: 'Encryption', items: '?ListItems' },
  List: { identifier: '?string', title: '?string', description: '?string', image: '?string', items: 'ListItems', privateItems: '?PrivateItems' },
  Participant: { pubkey: 'Hash', relay: '?string', role: '?string', proof: '?string' },
  LiveChat: { activity: 'Address', reply: '?EventRef', content: 'Content', quotes: '*Quote', profiles: '*Mention' },
  LiveActivity: { identifier: 'string', title: '?string', summary: '?string', image: '?string', streaming: '?string', recording: '?string', starts: '?ulong', ends: '?ulong', status: 'LiveStatus', participants: '*Participant', currentParticipants: '?ulong', totalParticipants: '?ulong', pinned: '*Hash', topics: '*string', relays: '*string', address: 'Address' },
  Addressable: { identifier: 'string', title: '?string', description: '?string', image: '?string', status: '?string', starts: '?ulong', ends: '?ulong', relays: '*string', participants: '*Participant', events: '*EventRef', addresses: '*Address', address: 'Address' },
  DirectMessage: { recipient: 'Hash', chatId: 'string', reply: '?Hash', state: 'PrivateState', text: '?string', content: '?Content', ciphertext: '?string' },
  EncryptedFile: { url: 'string', mime: '?string', algorithm: '?string', key: '?string', nonce: '?string', sha256: '?string', originalSha256: '?string', size: '?ulong', width: '?uint', height: '?uint', blurhash: '?string', thumbhash: '?string', thumb: '?string', fallbacks: '*string' },
  PrivateMessage: { recipients: '*ProfileRef', chatId: 'string', subject: '?string', reply: '?EventRef', content: '?Content', file: '?EncryptedFile' },
  Rumor: { id: 'Hash', pubkey: 'Hash', createdAt: 'ulong', kind: 'ushort', tags: '*Tag', content: 'string' },
  Seal: { state: 'PrivateState', rumor: '?Rumor', message: '?PrivateMessage' },
  GiftWrap: { recipient: '?ProfileRef', state: 'PrivateState', seal: '-', rumor: '?Rumor', message: '?PrivateMessage' },
};

/** @internal The members of `Parsed`, from 1, each with its `type`. */
export const MEMBERS: [string, string][] = [
  ['Profile', 'profile'],
  ['Note', 'note'],
  ['Contacts', 'contacts'],
  ['DirectMessage', 'direct-message'],
  ['Deletion', 'deletion'],
  ['Repost', 'repost'],
  ['Reaction', 'reaction'],
  ['Seal', 'seal'],
  ['ExternalReaction', 'external-reaction'],
  ['MediaPost', 'media-post'],
  ['PollResponse', 'poll-response'],
  ['GiftWrap', 'gift-wrap'],
  ['Poll', 'poll'],
  ['Comment', 'comment'],
  ['LiveChat', 'live-chat'],
  ['WalletQuote', 'wallet-quote'],
  ['WalletToken', 'wallet-token'],
  ['WalletHistory', 'wallet-history'],
  ['Nutzap', 'nutzap'],
  ['ZapRequest', 'zap-request'],
  ['Zap', 'zap'],
  ['RelayList', 'relay-list'],
  ['NutzapInfo', 'nutzap-info'],
  ['Wallet', 'wallet'],
  ['List', 'list'],
  ['Article', 'article'],
  ['LiveActivity', 'live-activity'],
  ['Addressable', 'addressable'],
];
