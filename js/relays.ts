import { Emitter } from './emitter.js';
import type { Inbox } from './inbox.js';
import type { RelayStatus } from './types.js';
import { decodeStatus } from './wire.js';

export interface RelayEvents {
  /** A relay's state or counters have changed. */
  status: RelayStatus;
  /** A relay said something to the person at the screen (NIP-01 NOTICE). */
  notice: { relay: string; message: string };
}

/** The relays the engine has spoken to. */
export class Relays extends Emitter<RelayEvents> {
  readonly #statuses = new Map<string, RelayStatus>();
  readonly #inbox: Inbox;

  /** @internal */
  constructor(inbox: Inbox) {
    super();
    this.#inbox = inbox;
    inbox.onReadable = () => {
      for (let record = inbox.next(); record; record = inbox.next()) {
        const status = decodeStatus(record);
        this.#statuses.set(status.relay, status);
        this.emit('status', status);
      }
    };
  }

  /**
   * Their latest states, in order of first use.
   *
   * @example const open = nostr.relays.list().filter(({ state }) => state === 'open').length;
   */
  list(): RelayStatus[] {
    return [...this.#statuses.values()];
  }

  /** @internal */
  notice(relay: string, message: string): void {
    this.emit('notice', { relay, message });
  }

  /** @internal */
  close(): void {
    this.#inbox.close();
  }
}
