import type { ByteBuffer } from 'flatbuffers';

import { Delivered } from './delivered.js';
import { Emitter } from './emitter.js';
import type { EventView } from './event.js';
import { FerryError, assertNever } from './errors.js';
import type { Inbox } from './inbox.js';
import type { CountResponse, Limits, RelayCount, ValidProofs } from './types.js';
import { decodeSubMessage, type SubMessage } from './wire.js';

/** What `on` of a subscription tells of. */
export interface SubscriptionEvents {
  /** A verified event that matches; once per id, cached ones first. */
  event: EventView;
  /** What the `counter` pipe has counted up to now. */
  count: CountResponse;
  /** What the `proof-verification` pipe has found to be good. */
  proofs: ValidProofs;
  /** All cached events have been delivered. */
  eoce: undefined;
  /**
   * One relay has sent all it had stored; without a relay: every asked relay has answered, failed or timed out. Those of which
   * no `eose` came before say in `nostr.relays.list()` what became of them.
   */
  eose: { relay: string | undefined };
  /** A relay ended the subscription, with its own words. */
  closed: { relay: string; reason: string };
  /** One relay's answer to a COUNT; `NostrManager.count` gathers them. */
  relayCount: RelayCount;
  /** So many events could not be kept for a page that reads too slowly, or so many proofs are over a pipe's `max`. */
  overflow: { dropped: number };
  /** The subscription is over; nothing follows. */
  end: { reason: 'complete' | 'timed-out' | 'max-events' | 'closed' };
  /** The subscription is over because of an error. */
  error: FerryError;
}

/** What of the engine's limits concerns one subscription, and how many events it is to be given in all. */
export type SubscriptionLimits = Pick<Limits, 'seenIds' | 'filters' | 'futureSeconds'> & { maxEvents: number | undefined };

/** What a pipeline delivers: nothing is read before somebody wants one of these. */
const DELIVERED = ['event', 'count', 'proofs', 'relayCount'] as const;

/** The page's thread is given back after so long; what is left is read in the next turn. */
const SLICE_MS = 5;

/**
 * One open request. Read it with `for await`, or with `on('event', …)`.
 *
 * Nothing is read, and little is kept in the page, before somebody wants events: they wait in the engine, and
 * so does what follows them. Where a `for await` runs it sets the pace, and listeners are told as it reads.
 */
export class Subscription extends Emitter<SubscriptionEvents> implements AsyncIterable<EventView>, Disposable, AsyncDisposable {
  /** The page's own name for it, or the one it was given; `NostrManager.explain` takes it. */
  readonly id: string;
  #inbox!: Inbox;
  readonly #release: () => void;
  /** What a worker that is gone had written, until it is read. */
  #left: SubMessage[] = [];
  /** Its end, where the worker that is gone did not come to write it. */
  #ending: SubMessage | undefined;
  readonly #delivered: Delivered;
  /** What the parser worker has told that a new one would tell again, and what the ones before it had told. */
  readonly #told = new Set<string>();
  readonly #repeats = new Set<string>();
  readonly #limits: SubscriptionLimits;
  #holders = 1;
  #over: { error?: FerryError } | undefined;
  #scheduled = false;
  #iterators = 0;
  /** Iterators that wait for the next event. */
  #wanting: (() => void)[] = [];

  /** @internal */
  constructor(id: string, inbox: Inbox, limits: SubscriptionLimits, release: () => void) {
    super();
    this.id = id;
    this.#limits = limits;
    this.#delivered = new Delivered(limits.seenIds);
    this.#release = release;
    this.#read(inbox);
  }

  override on<Type extends keyof SubscriptionEvents>(
    type: Type,
    listener: (value: SubscriptionEvents[Type]) => void,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    const off = super.on(type, listener, options);
    this.#schedule();
    return off;
  }

  /** Whether the subscription has ended or was closed. */
  get ended(): boolean {
    return this.#over !== undefined;
  }

  /**
   * Ends the subscription at once; no listener is called any more. Where others joined it, the last close ends it.
   *
   * @example button.onclick = () => feed.close();
   */
  close(): void {
    this.#holders -= 1;
    if (this.#holders > 0 || this.#over) return;
    this.#finish({});
    this.emit('end', { reason: 'closed' });
  }

  /**
   * The events, one by one, at the reader's own pace. Ends with the subscription; leaving the loop closes it.
   *
   * @throws {FerryError} what ended the subscription, if that was an error.
   * @example for await (const event of nostr.subscribe([{ kinds: [1] }])) console.log(event.content);
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<EventView, void, undefined> {
    this.#iterators += 1;
    try {
      for (;;) {
        const message = this.#next();
        if (message?.type === 'event') yield message.event;
        if (message) continue;
        if (this.#over?.error) throw this.#over.error;
        if (this.#over) return;
        await new Promise<void>((resolve) => this.#wanting.push(resolve));
      }
    } finally {
      this.#iterators -= 1;
      this.close();
    }
  }

  /** Closes at the end of the block: `using feed = nostr.subscribe(…)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The same for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** @internal Another subscriber shares this subscription. */
  join(): this {
    this.#holders += 1;
    return this;
  }

  /** @internal The engine is gone. */
  fail(error: FerryError): void {
    if (this.#over) return;
    this.#finish({ error });
    this.emit('error', error);
  }

  /**
   * @internal The parser worker was replaced: what it wrote is still read, and what follows comes in the next inbox.
   *
   * @returns the ids delivered up to now and the events still wanted; nothing if the old worker wrote the end.
   */
  interrupt(): { delivered: Uint8Array; maxEvents: number } | undefined {
    let ended = false;
    for (let record = this.#inbox.next(); record; record = this.#inbox.next()) {
      const message = this.#decode(record);
      ended ||= message?.type === 'ended';
      if (message) this.#left.push(message);
    }
    this.#inbox.close();
    for (const key of this.#told) this.#repeats.add(key);
    this.#told.clear();
    const maxEvents = (this.#limits.maxEvents ?? Infinity) - this.#delivered.count;
    if (maxEvents <= 0) this.#ending = { type: 'ended', reason: 'max-events' };
    this.#wake();
    this.#schedule();
    return ended || this.#ending ? undefined : { delivered: this.#delivered.ids, maxEvents };
  }

  /** @internal */
  resume(inbox: Inbox): void {
    this.#read(inbox);
  }

  #read(inbox: Inbox): void {
    this.#inbox = inbox;
    inbox.onReadable = () => {
      this.#wake();
      this.#drain();
    };
  }

  /** The next message that is news. */
  #message(): SubMessage | undefined {
    for (;;) {
      if (this.#over) return undefined;
      const left = this.#left.shift();
      if (left) return left;
      const record = this.#ending ? undefined : this.#inbox.next();
      if (!record) return this.#ending;
      const message = this.#decode(record);
      if (message) return message;
    }
  }

  /** What `record` says, without what a new worker repeats. */
  #decode(record: ByteBuffer): SubMessage | undefined {
    const message = decodeSubMessage(record, this.#limits.futureSeconds);
    if (message.type === 'event') this.#delivered.add(message.event);
    if (message.type === 'proofs') {
      const proofs = message.proofs.proofs.filter(({ event, C }) => this.#isNews(`proof ${event} ${C}`));
      return proofs.length > 0 ? { type: 'proofs', proofs: { ...message.proofs, proofs } } : undefined;
    }
    const key = repeatable(message);
    return key === undefined || this.#isNews(key) ? message : undefined;
  }

  #isNews(key: string): boolean {
    this.#told.add(key);
    return !this.#repeats.delete(key);
  }

  /** Reads one message and tells the listeners of it. */
  #next(): SubMessage | undefined {
    const message = this.#message();
    if (!message) return undefined;
    switch (message.type) {
      case 'event':
        this.emit('event', message.event);
        break;
      case 'count':
        this.emit('count', message.count);
        break;
      case 'proofs':
        this.emit('proofs', message.proofs);
        break;
      case 'eoce':
        this.emit('eoce', undefined);
        break;
      case 'eose':
        this.emit('eose', { relay: message.relay });
        break;
      case 'closed':
        this.emit('closed', { relay: message.relay, reason: message.reason });
        break;
      case 'relay-count':
        this.emit('relayCount', message.answer);
        break;
      case 'overflow':
        this.emit('overflow', { dropped: message.dropped });
        break;
      case 'ended':
        this.#end(message.reason);
        break;
    }
    return message;
  }

  #end(reason: (SubMessage & { type: 'ended' })['reason']): void {
    if (reason === 'complete' || reason === 'timed-out' || reason === 'max-events') {
      this.#finish({});
      this.emit('end', { reason });
    } else if (reason === 'too-many-subscriptions') {
      const hint = 'close some before you open more';
      this.fail(new FerryError('too-many-subscriptions', `too many subscriptions are open: ${hint}`, { subscription: this.id }));
    } else {
      const message = `a subscription has 1 to ${this.#limits.filters ?? 50} filters`;
      this.fail(new FerryError('bad-input', message, { subscription: this.id }));
    }
  }

  #finish(over: { error?: FerryError }): void {
    this.#over = over;
    this.#inbox.close();
    this.#release();
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#wanting.splice(0)) wake();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    nextTurn(() => {
      this.#scheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    if (this.#iterators > 0 || !DELIVERED.some((type) => this.hasListeners(type))) return;
    const end = performance.now() + SLICE_MS;
    while (this.#next()) {
      if (performance.now() > end) return this.#schedule();
    }
  }
}

/** What a message is known by that a new worker repeats. */
function repeatable(message: SubMessage): string | undefined {
  switch (message.type) {
    case 'eoce':
      return 'eoce';
    case 'eose':
      return `eose ${message.relay}`;
    case 'closed':
      return `closed ${message.relay}`;
    case 'relay-count':
      return `relay-count ${message.answer.relay}`;
    case 'event':
    case 'count':
    case 'overflow':
    case 'proofs':
    case 'ended':
      return undefined;
    default:
      return assertNever(message);
  }
}

const turns: (() => void)[] = [];
let turnChannel: MessageChannel | undefined;

/** Runs `task` in a turn of its own, without the delay browsers give to nested timers. */
function nextTurn(task: () => void): void {
  if (!turnChannel) {
    turnChannel = new MessageChannel();
    turnChannel.port1.onmessage = () => turns.shift()?.();
  }
  turns.push(task);
  turnChannel.port2.postMessage(null);
}
