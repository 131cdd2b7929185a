import { FerryError } from './errors.js';
import type { EventView } from './event.js';
import { readBlocks } from './lines.js';
import type { CacheStats, Filter, ImportOptions, ImportResult, RoleStats, SubscribeOptions } from './types.js';
import type { Imported } from './wire.js';

/** @internal What the store asks of the engine. */
export interface CacheLink {
  import(text: Uint8Array): Promise<Imported>;
  /** How many cache workers there were: one takes with it what it had not saved. */
  generation(): number;
  wipe(): Promise<void>;
  stats(): Promise<RoleStats>;
  subscribe(filters: Filter[], options: SubscribeOptions): AsyncIterable<EventView>;
}

/** Text that the cache may have before it: some thousand lines, so that it never waits for the page. */
const BYTES_IN_FLIGHT = 4 << 20;
/** So much text is kept until it is known to be durable, and as much again while that is found out. */
const BYTES_PER_SAVE = 4 << 20;
/** Asks when all is durable. */
const NO_TEXT = new Uint8Array();
/** Of a file of nothing but bad lines the page is shown so many. */
const MAX_ERRORS = 100;

/** The store of verified events: what is in it, in and out, and how long it lasts. */
export class EventCache {
  readonly #link: CacheLink;

  /** @internal */
  constructor(link: CacheLink) {
    this.#link = link;
  }

  /**
   * Writes the store out as signed events, one JSON object a line, newest first; what `import` reads.
   * It is read as fast as the reader takes it, and cancelling the stream ends it.
   *
   * @param filters what to write; NIP-01. Default: everything.
   * @throws {FerryError} `bad-input` for a filter that is none; `stopped`.
   * @example const file = await new Response(nostr.cache.export()).blob();
   */
  export(filters: Filter[] = [{}]): ReadableStream<Uint8Array> {
    const options: SubscribeOptions = { cacheOnly: true, closeOnEose: true, pipeline: [{ pipe: 'serialize-events' }] };
    const events = this.#link.subscribe(filters, options)[Symbol.asyncIterator]();
    const encoder = new TextEncoder();
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await events.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(`${JSON.stringify((value as EventView).toJSON())}\n`));
      },
      async cancel() {
        await events.return?.();
      },
    });
  }

  /**
   * Takes in signed events, one JSON object a line: a snapshot that a site ships, or an export. Id and signature of
   * each are checked as those of a relay's are, whatever `verify` says; what fails is left out and named, and the
   * rest goes on. Resolves when all that was good is durable.
   *
   * @param source where the lines are: an address to fetch, a file, or a stream of bytes.
   * @throws {FerryError} `bad-input` if there is nothing to read at the address; `stopped`; the signal's reason.
   * @example const { stored, errors } = await nostr.cache.import('/snapshot.jsonl');
   */
  async import(source: string | URL | Blob | ReadableStream<Uint8Array>, options: ImportOptions = {}): Promise<ImportResult> {
    const result: ImportResult = { lines: 0, stored: 0, known: 0, failed: 0, errors: [] };
    const fail = (line: number, reason: string) => {
      result.failed += 1;
      if (result.errors.length < MAX_ERRORS) result.errors.push(new FerryError('bad-input', `line ${line}: ${reason}`, { line }));
    };
    const sent = new InFlight();
    let unsaved = new Unsaved(this.#link);
    let saving = Promise.resolve();
    const send = async (first: number, count: number, text: Uint8Array) => {
      unsaved.add(text);
      const told = this.#link.import(text).then(({ stored, known, bad }) => {
        result.stored += stored;
        result.known += known;
        for (const { at, reason } of bad) fail(first + at, reason);
        options.onProgress?.({ ...result, lines: first + count - 1 });
      });
      await sent.add(told, text.length);
      if (unsaved.bytes < BYTES_PER_SAVE) return;
      await saving;
      saving = quiet(unsaved.saved());
      unsaved = new Unsaved(this.#link);
    };
    for await (const { line, count, text } of readBlocks(await open(source, options.signal))) {
      options.signal?.throwIfAborted();
      result.lines = line + count - 1;
      if (text === undefined) fail(line, 'it is longer than any event');
      else await send(line, count, text);
    }
    await sent.all();
    await saving;
    await unsaved.saved();
    result.errors.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    return result;
  }

  /**
   * Forgets every stored event, in memory and on the disk, and in the other tabs of this origin; resolves when that
   * is done. Open subscriptions go on.
   *
   * @throws {FerryError} `stopped`.
   * @example await nostr.cache.wipe();
   */
  wipe(): Promise<void> {
    return this.#link.wipe();
  }

  /**
   * Asks the browser not to clear this origin's storage when space is short (`navigator.storage.persist`); some
   * browsers ask the user.
   *
   * @returns whether the storage is persistent.
   * @example if (!(await nostr.cache.persist())) console.log('the browser may clear the store when it needs the room');
   */
  async persist(): Promise<boolean> {
    return (await globalThis.navigator?.storage?.persist?.()) ?? false;
  }

  /**
   * What is stored and what room there is. `usage` and `quota` are the browser's estimate for the whole origin.
   *
   * @throws {FerryError} `stopped`.
   * @example const { events, bytes, budget } = await nostr.cache.stats();
   */
  async stats(): Promise<CacheStats> {
    const storage = globalThis.navigator?.storage;
    const [{ counters }, estimate, persisted] = await Promise.all([
      this.#link.stats(),
      storage?.estimate?.().catch(() => undefined),
      storage?.persisted?.().catch(() => false),
    ]);
    return {
      events: counters.events ?? 0,
      bytes: counters.bytes ?? 0,
      budget: counters.budget_bytes ?? 0,
      unsavedBytes: counters.unsaved_bytes ?? 0,
      evicted: counters.evicted ?? 0,
      memoryOnly: counters.memory_only === 1,
      persisted: persisted ?? false,
      usage: estimate?.usage,
      quota: estimate?.quota,
    };
  }
}

/** The lines that the cache has not reported on. */
class InFlight {
  readonly #told: { promise: Promise<void>; bytes: number }[] = [];
  #bytes = 0;

  /** Resolves when there is room for more. */
  async add(promise: Promise<void>, bytes: number): Promise<void> {
    this.#told.push({ promise: quiet(promise), bytes });
    this.#bytes += bytes;
    while (this.#bytes > BYTES_IN_FLIGHT) await this.#next();
  }

  async all(): Promise<void> {
    while (this.#told.length > 0) await this.#next();
  }

  async #next(): Promise<void> {
    const oldest = this.#told.shift();
    this.#bytes -= oldest?.bytes ?? 0;
    await oldest?.promise;
  }
}

/** Whoever awaits it hears of its failure; an import that has failed before that is no reason to complain again. */
function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

/** Lines that the store has taken and not yet made durable: a worker that dies takes them with it. */
class Unsaved {
  readonly #link: CacheLink;
  #texts: Uint8Array[] = [];
  #generation: number;
  /** Of all lines together. */
  bytes = 0;

  constructor(link: CacheLink) {
    this.#link = link;
    this.#generation = link.generation();
  }

  add(text: Uint8Array): void {
    this.#texts.push(text);
    this.bytes += text.length;
  }

  /** Resolves when all of them are durable. A new worker is given them once more, and their outcome is known. */
  async saved(): Promise<void> {
    for (;;) {
      await this.#link.import(NO_TEXT);
      if (this.#generation === this.#link.generation()) break;
      this.#generation = this.#link.generation();
      for (const text of this.#texts) await this.#link.import(text);
    }
    this.#texts = [];
    this.bytes = 0;
  }
}

async function open(source: string | URL | Blob | ReadableStream<Uint8Array>, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  if (source instanceof ReadableStream) return source;
  if (source instanceof Blob) return source.stream();
  let response: Response;
  try {
    response = await fetch(source, signal ? { signal } : {});
  } catch (cause) {
    signal?.throwIfAborted();
    throw new FerryError('bad-input', `${String(source)} cannot be fetched`, { cause });
  }
  if (!response.ok || !response.body) {
    throw new FerryError('bad-input', `${String(source)} cannot be read: the server says ${response.status}`);
  }
  return response.body;
}
