import { relayUrl } from './check.js';
import { Emitter } from './emitter.js';
import type { Inbox } from './inbox.js';
import type { RelayStatus } from './types.js';
import { decodeStatus } from './wire.js';

/** What `relays.on` tells of. */
export interface RelayEvents {
  /** A relay's state or counters have changed. */
  status: RelayStatus;
  /** A relay said something to the person at the screen (NIP-01 NOTICE). */
  notice: { relay: string; message: string };
}

/** The relays the engine has spoken to, and those it asks where nothing else says whom. */
export class Relays extends Emitter<RelayEvents> {
  readonly #statuses = new Map<string, RelayStatus>();
  readonly #onDefaults: (relays: string[]) => void;
  #defaults: string[];
  #inbox!: Inbox;

  /** @internal */
  constructor(inbox: Inbox, defaults: string[], onDefaults: (relays: string[]) => void) {
    super();
    this.#defaults = [...new Set(defaults)];
    this.#onDefaults = onDefaults;
    this.#read(inbox);
  }

  /** @internal The connections worker was replaced: its sockets are closed, and the new one tells of its own in `inbox`. */
  replace(inbox: Inbox): void {
    this.#inbox.close();
    for (const status of this.#statuses.values()) {
      if (status.state !== 'closed') this.#take({ ...status, state: 'closed', reason: 'the connections worker was replaced' });
    }
    this.#read(inbox);
  }

  #read(inbox: Inbox): void {
    this.#inbox = inbox;
    inbox.onReadable = () => {
      for (let record = inbox.next(); record; record = inbox.next()) {
        this.#take(decodeStatus(record));
      }
    };
  }

  #take(status: RelayStatus): void {
    this.#statuses.set(status.relay, status);
    this.emit('status', status);
  }

  /**
   * Their latest states, in order of first use.
   *
   * @example const open = nostr.relays.list().filter(({ state }) => state === 'open').length;
   */
  list(): RelayStatus[] {
    return [...this.#statuses.values()];
  }

  /** The relays for what names none and whose authors' own are unknown: those of `NostrManager.start`, added and removed since. */
  get defaults(): string[] {
    return [...this.#defaults];
  }

  /**
   * Adds a relay to `defaults`, for what is asked and published from now on. One that is there already stays as it is.
   *
   * @param url `ws://` or `wss://`.
   * @returns the address in the form that statuses and errors have it.
   * @throws {FerryError} `bad-input`, with the relay, for what is no relay's address.
   * @example nostr.relays.add('wss://relay.example.com');
   */
  add(url: string): string {
    const relay = relayUrl(url);
    if (!this.#defaults.includes(relay)) this.#change([...this.#defaults, relay]);
    return relay;
  }

  /**
   * Takes a relay out of `defaults`. What is open there goes on; its socket is closed once nothing needs it.
   *
   * @returns whether it was one of them.
   * @throws {FerryError} `bad-input`, as `add`.
   * @example nostr.relays.remove('wss://relay.example.com');
   */
  remove(url: string): boolean {
    const relay = relayUrl(url);
    const isThere = this.#defaults.includes(relay);
    if (isThere) this.#change(this.#defaults.filter((other) => other !== relay));
    return isThere;
  }

  #change(defaults: string[]): void {
    this.#defaults = defaults;
    this.#onDefaults(defaults);
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
