import { Emitter } from './emitter.js';
import type { EventView } from './event.js';
import { FerryError } from './errors.js';
import type { Inbox } from './inbox.js';
import type { CountResponse, RelayCount, ValidProofs } from './types.js';
import { decodeSubMessage, type SubMessage } from './wire.js';

export interface SubscriptionEvents {
  /** A verified event that matches; once per id, cached ones first. */
  event: EventView;
  /** What the `counter` pipe has counted up to now. */
  count: CountResponse;
  /** What the `proof-verification` pipe has found to be good. */
  proofs: ValidProofs;
  /** All cached events have been delivered. */
  eoce: undefined;
  /** One relay has sent all it had stored; without a relay: every asked relay has answered, failed or timed out. */
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
  readonly id: string;
  readonly #inbox: Inbox;
  readonly #release: () => void;
  #holders = 1;
  #over: { error?: FerryError } | undefined;
  #scheduled = false;
  #iterators = 0;
  /** Iterators that wait for the next event. */
  #wanting: (() => void)[] = [];

  /** @internal */
  constructor(id: string, inbox: Inbox, release: () => void) {
    super();
    this.id = id;
    this.#inbox = inbox;
    this.#release = release;
    inbox.onReadable = () => {
      this.#wake();
      this.#drain();
    };
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

  /** Reads one message and tells the listeners of it. */
  #next(): SubMessage | undefined {
    const record = this.#over ? undefined : this.#inbox.next();
    if (!record) return undefined;
    const message = decodeSubMessage(record);
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
      const message = 'a subscription has 1 to 50 filters';
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
