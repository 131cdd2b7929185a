import { FerryError, assertNever, type FerryErrorCode } from './errors.js';
import type { AcceptedOptions, PublishStatus, SignedEvent } from './types.js';

/** The longest that a timer of the platform's waits. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** One event on its way to relays. */
export class Publish {
  /** Its name within this engine; errors about it carry it as `publish`. */
  readonly id: string;
  readonly #statuses: PublishStatus[] = [];
  /** What was reported, for a replaced worker has some of it reported again. */
  readonly #told = new Set<string>();
  #over: { error?: FerryError } | undefined;
  #waiting: (() => void)[] = [];

  /** @internal */
  constructor(id: number) {
    this.id = String(id);
  }

  /**
   * Every step, from the first on, as it happens; ends when every relay has had its last word.
   *
   * @example for await (const step of post.status) console.log(step.state);
   */
  get status(): AsyncIterable<PublishStatus> {
    return { [Symbol.asyncIterator]: () => this.#iterate() };
  }

  /**
   * Resolves when the event is signed, with the event.
   *
   * @throws {FerryError} `no-signer`, `refused`, `timed-out`, `disconnected` or `bad-input` of the signer.
   * @example const { id } = await nostr.publish({ kind: 1, content: 'hello' }).signed();
   */
  async signed(): Promise<SignedEvent> {
    for await (const status of this.status) if (status.state === 'signed') return status.event;
    throw this.#error('refused', 'the event was not signed');
  }

  /**
   * Resolves when the first relay has accepted the event, with that relay; of a private message (kinds 14 and 15),
   * when a relay has accepted each of its people's copies, with the last of these relays.
   *
   * @throws {FerryError} as `signed`; `refused` if no relay accepted it, with their reasons; `timed-out` after
   *   `timeoutMs`, with how far it has come. The publish goes on: `PublishOptions.signal` is what gives it up.
   * @example const relay = await nostr.publish({ kind: 1, content: 'hello' }).accepted({ timeoutMs: 5_000 });
   */
  async accepted({ timeoutMs }: AcceptedOptions = {}): Promise<string> {
    if (timeoutMs === undefined) return this.#accepted();
    // What a timer makes of other numbers is to fire at once.
    if (!(timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
      throw this.#error('bad-input', `timeoutMs has to be a number from 0 to ${MAX_TIMEOUT_MS}, not ${timeoutMs}`);
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#error('timed-out', this.#lateness(timeoutMs))), timeoutMs);
    });
    try {
      return await Promise.race([this.#accepted(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #accepted(): Promise<string> {
    const waiting = new Set<string | undefined>();
    for await (const status of this.status) {
      if (status.state === 'signed') waiting.add(status.recipient);
      if (status.state === 'accepted' && waiting.delete(status.recipient) && waiting.size === 0) return status.relay;
    }
    const what = [...waiting].some(Boolean) ? 'the copies of ' + [...waiting].join(', ') : 'the event';
    throw this.#error('refused', `no relay accepted ${what} (${this.#refusals().join('; ')})`);
  }

  /** @internal The event, once it is signed: it is never signed again. */
  get event(): SignedEvent | undefined {
    const signed = this.#statuses.find((status) => status.state === 'signed' && status.recipient === undefined);
    return signed?.state === 'signed' ? signed.event : undefined;
  }

  /** @internal Copies for people are under way (NIP-17): a second wrap would be a second message. */
  get isWrapped(): boolean {
    return this.#statuses.some((status) => status.recipient !== undefined);
  }

  /** @internal */
  report(status: PublishStatus): void {
    const key = word(status);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#statuses.push(status);
    this.#wake();
  }

  /** @internal */
  finish(error?: FerryError): void {
    // It may be the engine's end, which others are told, too.
    this.#over ??= error ? { error: this.#error(error.code, error.message, error) } : {};
    this.#wake();
  }

  #error(code: FerryErrorCode, message: string, cause?: FerryError): FerryError {
    return new FerryError(code, message, { publish: this.id, ...(cause && { cause }) });
  }

  /** The relays that have not accepted it, in their words. */
  #refusals(): string[] {
    return this.#statuses.flatMap((status) => {
      return status.state === 'rejected' || status.state === 'unanswered' ? [`${status.relay}: ${status.reason}`] : [];
    });
  }

  /** What a publish has to show for its `timeoutMs`. */
  #lateness(timeoutMs: number): string {
    if (!this.#statuses.some(({ state }) => state === 'signed')) return `the signer has not signed the event in ${timeoutMs} ms`;
    const words = this.#refusals();
    const heard = new Set(this.#statuses.flatMap((status) => ('reason' in status ? [status.relay] : [])));
    const asked = new Set(this.#statuses.flatMap((status) => (status.state === 'queued' ? status.relays : [])));
    words.push(...[...asked].filter((relay) => !heard.has(relay)).map((relay) => `${relay}: no answer yet`));
    return `the event has not been accepted in ${timeoutMs} ms (${words.join('; ')})`;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async *#iterate(): AsyncGenerator<PublishStatus, void, undefined> {
    for (let at = 0; ; ) {
      const status = this.#statuses[at];
      if (status) {
        at += 1;
        yield status;
      } else if (this.#over) {
        if (this.#over.error) throw this.#over.error;
        return;
      } else {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    }
  }
}

/** Of a relay's last words only the first counts; of everything else there is one of a kind. */
function word(status: PublishStatus): string {
  const copy = status.recipient ?? '';
  switch (status.state) {
    case 'accepted':
    case 'rejected':
    case 'unanswered':
      return `last ${status.relay} ${copy}`;
    case 'sent':
      return `sent ${status.relay} ${copy}`;
    case 'signed':
    case 'queued':
      return `${status.state} ${copy}`;
    default:
      return assertNever(status);
  }
}
