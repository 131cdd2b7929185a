import type * as fb from './generated/ferry.js';
import type { FollowUp, Lock, Parsed } from './generated/kinds.js';
import { structHex } from './hex.js';
import { decodeReading } from './kinds.js';
import { startOf } from './records.js';
import type { SignedEvent } from './types.js';

/** How far ahead an event's date may be before that is odd: clocks differ by less. */
const FUTURE_SECONDS = 15 * 60;

/**
 * A verified event: a view over the bytes it came in.
 *
 * Reading a field decodes that field, once. A view stays valid for as long as it is held. Its fields are getters, which
 * `{ ...event }` and `structuredClone` leave out: `toJSON` gives an object of one's own.
 */
export class EventView implements SignedEvent {
  readonly #event: fb.NostrEvent;
  #id: string | undefined;
  #pubkey: string | undefined;
  #content: string | undefined;
  #tags: string[][] | undefined;
  /** What was read of the event lies beside it, and is looked at when it is asked for. */
  readonly #beside: fb.StoredEvent | fb.ParsedEvent | undefined;
  #reading: ReturnType<typeof decodeReading> | undefined;
  readonly #futureSeconds: number;

  /** @internal */
  constructor(event: fb.NostrEvent, beside?: fb.StoredEvent | fb.ParsedEvent, futureSeconds = FUTURE_SECONDS) {
    this.#event = event;
    this.#beside = beside;
    this.#futureSeconds = futureSeconds;
  }

  /** @internal Writes the 32 bytes of the id. */
  copyId(into: Uint8Array, at: number): void {
    const id = this.#event.id();
    if (!id?.bb) return;
    const from = id.bb.bytes();
    // So few are copied faster one by one than by a view of them.
    for (let n = 0; n < 32; n++) into[at + n] = from[id.bb_pos + n] ?? 0;
  }

  /** 64 characters of lower-case hex. */
  get id(): string {
    return (this.#id ??= structHex(this.#event.id()));
  }

  /** The author's key: 64 characters of lower-case hex. */
  get pubkey(): string {
    return (this.#pubkey ??= structHex(this.#event.pubkey()));
  }

  /** Unix seconds, as the author claims. */
  get created_at(): number {
    return Number(this.#event.createdAt());
  }

  /**
   * Whether `created_at` is more than 15 minutes (`limits.futureSeconds`) ahead of this device's clock, as of now. Its
   * author's clock is wrong, or the event is to stay on top of others; it is delivered like any.
   */
  get datedAhead(): boolean {
    return this.created_at * 1_000 > Date.now() + this.#futureSeconds * 1_000;
  }

  /** 0 to 65535. */
  get kind(): number {
    return this.#event.kind();
  }

  /** As it was signed: what is encrypted in it is so here, and open in `parsed`. */
  get content(): string {
    return (this.#content ??= this.#event.content() ?? '');
  }

  /** Each a list of strings, its name first. */
  get tags(): string[][] {
    return (this.#tags ??= array(this.#event.tagsLength(), (at) => {
      const tag = this.#event.tags(at);
      return array(tag?.valuesLength() ?? 0, (value) => tag?.values(value) ?? '');
    }));
  }

  /** 128 characters of lower-case hex; it has been checked. */
  get sig(): string {
    return structHex(this.#event.sig(), 64);
  }

  /** The relays it was seen on when it was delivered; none if it came from the store. */
  get relays(): string[] {
    return array(this.#event.relaysLength(), (at) => this.#event.relays(at) ?? '');
  }

  /** Whether it came from the store. */
  get fromCache(): boolean {
    return this.#event.source() === 1;
  }

  /**
   * What the event says, by its kind: `parsed.type` tells which. Absent without the Parse pipe, for a kind the
   * engine has no parser for, and for an event that lacks what its kind cannot do without.
   */
  get parsed(): Parsed | undefined {
    return this.#read()?.parsed;
  }

  /** What a page that shows this event will want next: its author's profile, what it answers, quotes and names. */
  get requests(): FollowUp[] {
    return this.#read()?.requests ?? [];
  }

  /**
   * Why the encrypted part of this event is locked: `no-signer`, `other-key` (it is for another key than the
   * signer's), `refused`, `timed-out`, `disconnected` or `unsupported`. `none` if it is open or was made wrong
   * (`parsed` tells which), and for what has no encrypted part.
   *
   * A subscription delivers a locked event again once a signer has come that can open it: see `unlocked`.
   */
  get lock(): Lock {
    return this.#read()?.lock ?? 'none';
  }

  /**
   * Whether the subscription has delivered this event before, locked. It is the only way in which an event comes
   * twice: replace what is shown of its id.
   */
  get unlocked(): boolean {
    return this.#read()?.unlocked ?? false;
  }

  /**
   * The first value of the first tag called `name`.
   *
   * @example const subject = event.tag('subject');
   */
  tag(name: string): string | undefined {
    return this.tags.find((tag) => tag[0] === name)?.[1];
  }

  #read(): ReturnType<typeof decodeReading> | undefined {
    if (this.#reading || !this.#beside?.bb) return this.#reading;
    const bytes = this.#beside.readingArray();
    return (this.#reading = bytes ? decodeReading(this.#beside.bb, startOf(bytes, this.#beside.bb)) : undefined);
  }

  /**
   * The plain NIP-01 event, an object of its own.
   *
   * @example localStorage.draft = JSON.stringify(event.toJSON());
   */
  toJSON(): SignedEvent {
    const { id, pubkey, created_at, kind, tags, content, sig } = this;
    return { id, pubkey, created_at, kind, tags, content, sig };
  }
}

function array<T>(length: number, get: (at: number) => T): T[] {
  return Array.from({ length }, (_, at) => get(at));
}
