import { FerryError } from './errors.js';
import type { Publish } from './publish.js';
import type { Subscription } from './subscription.js';
import type { Filter, SubscribeOptions } from './types.js';
import { encodePublish, encodeSubscribe } from './wire-requests.js';

/** An open subscription, and what asks for it again. */
export interface Open {
  subscription: Subscription;
  /** Its name in the engine, which is never used twice. */
  sub: string;
  filters: Filter[];
  options: SubscribeOptions;
  openedAt: number;
}

/** A publish on its way, and what asks for it again. */
interface OnItsWay {
  publish: Publish;
  request: Uint8Array;
  relays: string[];
}

/** What is open: enough to ask a worker in the place of another for all of it again. */
export class Ledger {
  readonly subscriptions = new Map<string, Open>();
  readonly publishes = new Map<number, OnItsWay>();
  #last = { subscription: 0, publish: 0 };

  /** A subscription's id, where the page gives none. */
  freeId(): string {
    return `sub-${this.#last.subscription + 1}`;
  }

  /** The engine never sees a name twice: what is still under way for a closed one cannot reach its namesake. */
  subOf(id: string): string {
    return `${++this.#last.subscription}:${id}`;
  }

  nextPublish(): number {
    return ++this.#last.publish;
  }

  /** The open subscriptions under new names, as a new parser is to be asked for them: without what was delivered. */
  *subscriptionsAgain(): Generator<{ open: Open; request: Uint8Array }> {
    for (const open of [...this.subscriptions.values()]) {
      const left = open.subscription.interrupt();
      if (!left) continue;
      const { filters, options, openedAt } = open;
      const now = { ...options };
      if (now.timeoutMs !== undefined) now.timeoutMs = Math.max(1, Math.ceil(now.timeoutMs - (performance.now() - openedAt)));
      if (now.maxEvents !== undefined) now.maxEvents = left.maxEvents;
      open.sub = this.subOf(open.subscription.id);
      yield { open, request: encodeSubscribe(open.sub, filters, now, left.delivered) };
    }
  }

  /**
   * The publishes as a new parser is to be asked for them. Those that cannot be repeated fail.
   *
   * @param askAgain whether the signer may be asked again for what it has not signed.
   */
  publishesAgain(askAgain: boolean): Uint8Array[] {
    const again: Uint8Array[] = [];
    for (const [id, { publish, request, relays }] of [...this.publishes]) {
      const { event } = publish;
      if (event) again.push(encodePublish(id, event, relays, event));
      else if (askAgain && !publish.isWrapped) again.push(request);
      else {
        this.publishes.delete(id);
        const why = publish.isWrapped
          ? 'the parser worker was replaced while copies were on their way: some people may not get theirs'
          : 'the parser worker was replaced before the signer answered; publish the event again';
        publish.finish(new FerryError('disconnected', why));
      }
    }
    return again;
  }

  /** The engine is gone: everybody who waits is told. */
  fail(error: FerryError): void {
    for (const { subscription } of [...this.subscriptions.values()]) subscription.fail(error);
    for (const { publish } of this.publishes.values()) publish.finish(error);
  }
}
