// Bech32 entities (NIP-19) and their `nostr:` form (NIP-21), on the page: a link has to be read at once, without a
// worker. src/nostr/nip19.rs is the same for the engine; both read tests/vectors/nip19.json.
import { bech32 } from '@scure/base';

import { FerryError, assertNever } from './errors.js';
import { bytesOf, hex } from './hex.js';

/** A profile, and relays where it may be found, as written by whoever shared it. */
export interface Nprofile {
  type: 'nprofile';
  /** 64 characters of lower-case hex, like all keys and ids here. */
  pubkey: string;
  /** Hints; as they were written, and perhaps none. */
  relays: string[];
}

/** An event, and what helps to find it. */
export interface Nevent {
  type: 'nevent';
  id: string;
  /** Hints; as they were written, and perhaps none. */
  relays: string[];
  /** Its author's public key. */
  author?: string;
  kind?: number;
}

/** The coordinate of a replaceable or addressable event. */
export interface Naddr {
  type: 'naddr';
  /** The value of the `d` tag; empty for a replaceable event. */
  identifier: string;
  /** Its author. */
  pubkey: string;
  kind: number;
  /** Hints; as they were written, and perhaps none. */
  relays: string[];
}

/** What a NIP-19 text stands for; `type` is its prefix. */
export type Nip19Entity =
  | { type: 'npub'; pubkey: string }
  /** A private key: never show, store or send it. `signer.usePrivateKey` takes the `nsec` as it is. */
  | { type: 'nsec'; secret: string }
  | { type: 'note'; id: string }
  | Nprofile
  | Nevent
  | Naddr;

/** An entity to be written; where it may have relays, none is fine. */
export type Nip19Input = Nip19Entity extends infer T ? (T extends { relays: string[] } ? Omit<T, 'relays'> & { relays?: string[] } : T) : never;

/** NIP-19: the longest text read or written, in characters. */
const MAX_CHARACTERS = 5_000;

const SPECIAL = 0;
const RELAY = 1;
const AUTHOR = 2;
const KIND = 3;

/**
 * Writes an entity (NIP-19).
 *
 * @returns lower-case bech32, without `nostr:`.
 * @throws {FerryError} `bad-input` for a key, id or kind that is none, a relay that is not ASCII, an identifier or
 *   relay over 255 bytes, and more than 5,000 characters in all.
 * @example nip19.encode({ type: 'nevent', id: event.id, relays: event.relays, author: event.pubkey })
 */
export function encode(entity: Nip19Input): string {
  switch (entity.type) {
    case 'npub':
      return bech32Of('npub', hash('pubkey', entity.pubkey));
    case 'nsec':
      return bech32Of('nsec', hash('secret', entity.secret));
    case 'note':
      return bech32Of('note', hash('id', entity.id));
    case 'nprofile':
      return bech32Of('nprofile', [...field(SPECIAL, hash('pubkey', entity.pubkey)), ...relayFields(entity.relays)]);
    case 'nevent':
      return bech32Of('nevent', [
        ...field(SPECIAL, hash('id', entity.id)),
        ...relayFields(entity.relays),
        ...(entity.author === undefined ? [] : field(AUTHOR, hash('author', entity.author))),
        ...(entity.kind === undefined ? [] : kindField(entity.kind)),
      ]);
    case 'naddr':
      return bech32Of('naddr', [
        ...field(SPECIAL, identifierBytes(entity.identifier)),
        ...relayFields(entity.relays),
        ...field(AUTHOR, hash('pubkey', entity.pubkey)),
        ...kindField(entity.kind),
      ]);
    default:
      return assertNever(entity);
  }
}

/**
 * Reads an entity (NIP-19), also as a `nostr:` URI (NIP-21), in either case. Unknown fields are skipped.
 *
 * @throws {FerryError} `bad-input`, saying what is wrong; the message never repeats the text, which may be a secret.
 * @example
 * const entity = nip19.decode(text);
 * if (entity.type === 'npub') nostr.subscribe([{ authors: [entity.pubkey] }]);
 */
export function decode(text: string): Nip19Entity {
  if (typeof text !== 'string') throw wrong('a NIP-19 entity is a string');
  const bare = text.replace(/^nostr:/i, '');
  if (bare.length > MAX_CHARACTERS) throw wrong(`a NIP-19 entity has at most ${MAX_CHARACTERS} characters`);
  const { prefix, bytes } = fromBech32(bare);
  switch (prefix) {
    case 'npub':
      return { type: prefix, pubkey: hexOf('pubkey', bytes) };
    case 'note':
      return { type: prefix, id: hexOf('id', bytes) };
    case 'nsec':
      if (bare !== text) throw wrong('a nostr: address is no place for a private key (NIP-21)');
      return { type: prefix, secret: hexOf('secret', bytes) };
    case 'nprofile':
    case 'nevent':
    case 'naddr':
      return decodeFields(prefix, fieldsOf(bytes));
    default:
      throw wrong(`"${prefix}" is not a prefix of NIP-19`);
  }
}

function decodeFields(type: 'nprofile' | 'nevent' | 'naddr', fields: Field[]): Nip19Entity {
  // Where a type that stands once is repeated, the first counts.
  const first = (type: number) => fields.find((field) => field.type === type)?.value;
  const relays = fields.filter(({ type, value }) => type === RELAY && value.every((byte) => byte < 0x80)).map(({ value }) => utf8(value));
  const special = present(type === 'naddr' ? 'identifier' : type === 'nevent' ? 'id' : 'pubkey', first(SPECIAL));
  if (type === 'nprofile') return { type, pubkey: hexOf('pubkey', special), relays };
  const [author, kind] = [first(AUTHOR), first(KIND)];
  if (type === 'naddr') {
    const pubkey = hexOf('author', present('author', author));
    return { type, identifier: utf8(special), pubkey, kind: kindOf(present('kind', kind)), relays };
  }
  const event: Nevent = { type, id: hexOf('id', special), relays };
  if (author) event.author = hexOf('author', author);
  if (kind) event.kind = kindOf(kind);
  return event;
}

interface Field {
  type: number;
  value: Uint8Array;
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [type = 0, length] = bytes.subarray(at, at + 2);
    if (length === undefined || at + 2 + length > bytes.length) throw wrong('a field of the NIP-19 entity ends after its data');
    fields.push({ type, value: bytes.subarray(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return fields;
}

function field(type: number, value: ArrayLike<number>): number[] {
  return [type, value.length, ...Array.from(value)];
}

function relayFields(relays: string[] = []): number[] {
  return relays.flatMap((relay) => {
    if (!/^[\x00-\x7f]{0,255}$/.test(relay)) throw wrong(`a relay in a NIP-19 entity is at most 255 ASCII characters, not "${relay}"`);
    return field(RELAY, new TextEncoder().encode(relay));
  });
}

function kindField(kind: number): number[] {
  if (!Number.isInteger(kind) || kind < 0 || kind > 0xffff) throw wrong(`a kind is a whole number from 0 to 65535, not ${String(kind)}`);
  return field(KIND, [0, 0, kind >> 8, kind & 0xff]);
}

function identifierBytes(identifier: string): Uint8Array {
  const bytes = new TextEncoder().encode(identifier);
  if (typeof identifier !== 'string' || bytes.length > 255) throw wrong('an identifier is a string of at most 255 bytes');
  return bytes;
}

/** The NIP gives a kind 32 bits, NIP-01 gives it 16: what is over is no kind. */
function kindOf(value: Uint8Array): number {
  const [a, b, c = 0, d = 0] = value;
  if (value.length !== 4 || a || b) throw wrong('the kind in the NIP-19 entity is none');
  return (c << 8) | d;
}

function hash(name: string, value: string): number[] {
  if (!/^[0-9a-f]{64}$/.test(value)) throw wrong(`${name}: 64 characters of lower-case hex are wanted`);
  return bytesOf(value);
}

function hexOf(name: string, bytes: Uint8Array): string {
  if (bytes.length !== 32) throw wrong(`the ${name} in the NIP-19 entity has ${bytes.length} bytes, not 32`);
  return hex(bytes);
}

function present<T>(name: string, value: T | undefined): T {
  if (value === undefined) throw wrong(`the NIP-19 entity lacks its ${name}`);
  return value;
}

function utf8(bytes: Uint8Array): string {
  try {
    // Else a byte order mark would be lost.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw wrong('the identifier in the NIP-19 entity is not UTF-8');
  }
}

function fromBech32(text: string): { prefix: string; bytes: Uint8Array } {
  try {
    return bech32.decodeToBytes(text);
  } catch {
    // The library's own message repeats the text.
    throw wrong('not a NIP-19 entity: a character is wrong or missing');
  }
}

function bech32Of(prefix: string, bytes: ArrayLike<number>): string {
  const text = bech32.encode(prefix, bech32.toWords(Uint8Array.from(bytes)), false);
  if (text.length > MAX_CHARACTERS) throw wrong(`a NIP-19 entity has at most ${MAX_CHARACTERS} characters: leave relays out`);
  return text;
}

function wrong(message: string): FerryError {
  return new FerryError('bad-input', message);
}
