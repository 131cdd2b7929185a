import type { ByteBuffer } from 'flatbuffers';

import { EventCache } from './cache.js';
import { ROLES, type Role } from './channels.js';
import { checkCount, checkFilters, checkPublish, checkStart, checkSubscribe, checkTags, relayUrl } from './check.js';
import { Control } from './control.js';
import { Deaths } from './deaths.js';
import { diagnose, type Diagnosis } from './doctor.js';
import { Emitter } from './emitter.js';
import type { EventView } from './event.js';
import { FerryError, assertNever } from './errors.js';
import { Rings, openInbox, type Inbox } from './inbox.js';
import { Heartbeat } from './heartbeat.js';
import { Ledger, type Open } from './ledger.js';
import { loadModule } from './loader.js';
import { Log } from './log.js';
import { lookUp, type Nip05Options, type Nip05Profile } from './nip05.js';
import { checkLimits, engineOptions } from './options.js';
import { WINDOW_BYTES, type PagePort } from './port.js';
import { Publish } from './publish.js';
import { Relays } from './relays.js';
import { Signer } from './signer.js';
import { Subscription } from './subscription.js';
import { bufferBytes, closedBy, copy, countsOf, eventsOf } from './subscribing.js';
import { missingFeatures } from './support.js';
import type {
  CountOptions,
  EngineStats,
  Explanation,
  Filter,
  PublishOptions,
  PublishTemplate,
  RelayCount,
  StartOptions,
  SubscribeOptions,
} from './types.js';
import {
  encodeAbortPublish,
  encodeExplain,
  encodeImport,
  encodeDefaults,
  encodeOnline,
  encodeOwner,
  encodePublish,
  encodeStatsRequest,
  encodeSubscribe,
  encodeUnsubscribe,
  encodeWipe,
  type SubscribeRequest,
} from './wire-requests.js';
import { decodeReport } from './wire.js';
import { startWorkers, type Workers } from './workers.js';

/** What `on` of the engine tells of. */
export interface ManagerEvents {
  /** The engine has stopped because of an error; every open request has been told. */
  error: FerryError;
  /**
   * A worker has died, or hung, and another has taken its place. Subscriptions and publishes go on; a request that a
   * remote signer or an extension had not answered fails with `disconnected`.
   */
  restart: { role: Role; reason: string };
  /** The store is denied, gone or not wanted: from now on it lasts only as long as the page. Told to late listeners, too. */
  memoryOnly: undefined;
}

/** A status stream carries small records, and only the latest of a relay matters. */
const STATUS_BYTES = 64 << 10;
/** The cache reports its counters under this number when it stops writing to the disk. */
const UNASKED = 0;
/** A one-shot request that names no time-out of its own gives up after so long. */
const FETCH_TIMEOUT_MS = 15_000;
/** A new crypto worker is given its signer first, but signatures are not left unchecked for a slow one. */
const SIGNER_MS = 3_000;

/**
 * The engine, running in four workers.
 *
 * @example
 * const nostr = await NostrManager.start({ relays: ['wss://relay.example.com'] });
 * for await (const event of nostr.subscribe([{ kinds: [1], limit: 20 }])) console.log(event.content);
 */
export class NostrManager extends Emitter<ManagerEvents> implements AsyncDisposable {
  /** Who signs, encrypts and opens what is encrypted. */
  readonly signer: Signer;
  /** The relays, how they stand, and which are asked where nothing else says whom. */
  readonly relays: Relays;
  /** The store: export, import, wipe, and how long it lasts. */
  readonly cache: EventCache;
  readonly #options: StartOptions;
  readonly #workers: Workers;
  readonly #control: Control;
  readonly #ledger = new Ledger();
  /** Those that the present parser worker knows. */
  #rings = this.#newRings();
  readonly #log: Log;
  readonly #deaths = new Deaths();
  readonly #heartbeat: Heartbeat;
  #owner: string | undefined;
  /** Aborted when the engine is over: what it listens to lets go of it. */
  readonly #life = new AbortController();
  #over: FerryError | undefined;
  #stopping: Promise<void> | undefined;
  #memoryOnly = false;
  /** Whether the page was told that it has named no relay. */
  #missed = false;
  /** How many cache workers there were. */
  #caches = 1;

  /**
   * Starts the engine: one fetch of the .wasm, one compile, four workers.
   *
   * @throws {FerryError} `unsupported`, `wasm`, `worker` or `bad-input`, saying what to change; the reason of `signal`.
   * @example const nostr = await NostrManager.start({ relays: ['wss://relay.example.com'] });
   */
  static async start(options: StartOptions = {}): Promise<NostrManager> {
    const { signal } = options;
    signal?.throwIfAborted();
    const starting = NostrManager.#start(options);
    if (!signal) return starting;
    return new Promise((resolve, reject) => {
      const abort = () => {
        reject(signal.reason as Error);
        // Given up meanwhile, it stops as soon as it runs.
        starting.then((manager) => manager.stop()).catch(() => undefined);
      };
      const forget = () => signal.removeEventListener('abort', abort);
      signal.addEventListener('abort', abort, { once: true });
      starting.then((manager) => {
        manager.#life.signal.addEventListener('abort', forget);
        resolve(manager);
      }, (error: Error) => {
        forget();
        reject(error);
      });
    });
  }

  static async #start(options: StartOptions): Promise<NostrManager> {
    checkSupport();
    checkStart(options);
    checkLimits(options.limits);
    const log = new Log(options.logLevel);
    const module = await loadModule(options.wasmUrl);
    let manager: NostrManager | undefined;
    // One may die while the others are still starting.
    const early: [Role, string][] = [];
    const onDeath = (role: Role, why: string) => (manager ? manager.#onDeath(role, why) : early.push([role, why]));
    const workers = await startWorkers(module, engineOptions(options, log), options.workerUrl, onDeath);
    manager = new NostrManager(workers, options, log);
    for (const [role, why] of early) manager.#onDeath(role, why);
    return manager;
  }

  /**
   * Says what works on this page and what to change, also where `start` fails: isolation, WebAssembly, workers,
   * storage, locks, the extension, and the relays among `options`. Takes at most some seconds and never rejects.
   *
   * @param options what `start` is or would be given.
   * @example
   * const { ok, checks } = await NostrManager.doctor({ relays });
   * if (!ok) console.table(checks);
   */
  static doctor(options: StartOptions = {}): Promise<Diagnosis> {
    return diagnose(options);
  }

  private constructor(workers: Workers, options: StartOptions, log: Log) {
    super();
    this.#options = options;
    this.#log = log;
    const window = options.limits?.windowBytes ?? WINDOW_BYTES;
    this.#workers = workers;
    this.#control = new Control(workers.control, window, (record) => this.#onReport(record));
    const database = (options.cache || undefined)?.name ?? 'nostr-ferry';
    this.signer = new Signer(workers.signer, window, `${database} session`);
    this.signer.on('change', (pubkey) => {
      this.#owner = pubkey;
      if (!pubkey) return;
      // The store keeps the user's own events longest; relays that refused a stranger are asked again.
      this.#control.cache.send(encodeOwner(pubkey));
      this.#control.connections.send(encodeOwner(pubkey));
    });
    this.relays = new Relays(this.#openStatus(), (options.relays ?? []).map(relayUrl), (relays) => {
      if (this.#over) throw this.#over;
      // A question of the same turn goes at once, by way of the parser, and is to find them.
      this.#control.cache.sendNow(encodeDefaults(relays));
    });
    this.cache = new EventCache({
      import: (text) => this.#control.ask('cache', 'imported', (request) => encodeImport(request, text)),
      generation: () => this.#caches,
      wipe: async () => void (await this.#control.ask('cache', 'wiped', encodeWipe)),
      stats: async () => (await this.#control.ask('cache', 'stats', encodeStatsRequest)).stats,
      subscribe: (filters, options) => this.subscribe(filters, options),
    });
    this.#heartbeat = new Heartbeat(
      (role) => this.#control.ask(role, 'stats', encodeStatsRequest),
      (role, why) => this.#onDeath(role, why),
    );
    this.relays.on('status', ({ relay, state, reason }) => log.info(`${relay}: ${state}${reason && ` (${reason})`}`));
    this.relays.on('notice', ({ relay, message }) => log.info(`${relay} says: ${message}`));
    const { signal } = this.#life;
    globalThis.addEventListener?.('online', () => this.#control.connections.send(encodeOnline()), { signal });
  }

  /**
   * Opens a subscription (NIP-01 REQ): cached events first, then what relays send.
   *
   * @param filters an event that any of them matches is delivered, once; 1 to 50.
   * @returns the open subscription; read it with `for await` or `on`.
   * @throws {FerryError} `bad-input` for a filter or option that is not what it should be; `stopped`.
   * @example
   * const feed = nostr.subscribe([{ kinds: [1], authors, limit: 50 }]);
   * feed.on('event', render);
   */
  subscribe(filters: Filter[], options: SubscribeOptions = {}): Subscription {
    checkSubscribe(options);
    if (!options.cacheOnly && !options.relays?.length) this.#missRelays();
    return this.#subscribe(filters, options);
  }

  /** A page that has named no relay at all would look at an empty feed, and nothing would be wrong. */
  #missRelays(): void {
    if (this.#missed || this.relays.defaults.length > 0 || this.#options.indexers?.length) return;
    this.#missed = true;
    this.#log.warn("no relay is named, so only those are asked that the store knows of a filter's authors: give NostrManager.start some `relays`");
  }

  #subscribe(filters: Filter[], options: SubscribeRequest): Subscription {
    if (this.#over) throw this.#over;
    checkFilters(filters);
    options.signal?.throwIfAborted();
    const joined = options.id === undefined ? undefined : this.#ledger.subscriptions.get(options.id);
    if (joined) return closedBy(options.signal, joined.subscription.join());
    const id = options.id ?? this.#ledger.freeId();
    const sub = this.#ledger.subOf(id);
    if ([...sub].length > 64) throw new FerryError('bad-input', 'a subscription id has at most 56 characters', { subscription: id });
    const inbox = this.#open(sub, encodeSubscribe(sub, filters, options), bufferBytes(filters, options));
    const subscription = new Subscription(id, inbox, { ...this.#options.limits, maxEvents: options.maxEvents }, () => {
      this.#ledger.subscriptions.delete(id);
      this.#log.debug(`subscription ${id} is over`);
      this.#control.parser.send(encodeUnsubscribe(open.sub));
    });
    const open: Open = { subscription, sub, filters: copy(filters), options: { ...options }, openedAt: performance.now() };
    this.#ledger.subscriptions.set(id, open);
    if (this.#log.tells('debug')) this.#log.debug(`subscription ${id}: ${JSON.stringify(filters)}`);
    return closedBy(options.signal, subscription);
  }

  /**
   * Asks once: resolves when every asked relay has answered, failed or timed out, and never hangs.
   *
   * @returns the events, newest first, ties by lowest id.
   * @throws {FerryError} as `subscribe`; the reason of `signal`, where that ended it.
   * @example const [note] = await nostr.fetch([{ ids: [id] }]);
   */
  async fetch(filters: Filter[], options: SubscribeOptions = {}): Promise<EventView[]> {
    const oneShot = { ...options, timeoutMs: options.timeoutMs ?? FETCH_TIMEOUT_MS, closeOnEose: true };
    return eventsOf(this.subscribe(filters, oneShot), options.signal);
  }

  /**
   * Asks relays how many events they have that match any of `filters` (NIP-45 COUNT), without fetching one.
   *
   * Never hangs: a relay that refuses, does not know COUNT or cannot be reached has an `error` in place of a number.
   *
   * @returns one answer a relay, in the order they came. Relays may hold the same events: the numbers do not add up.
   * @throws {FerryError} as `subscribe`; `bad-input` if there is no relay to ask; `timed-out` if none was chosen in time.
   * @example const [{ count, error }] = await nostr.count([{ kinds: [7], '#e': [id] }], { relays: [url] });
   */
  async count(filters: Filter[], options: CountOptions = {}): Promise<RelayCount[]> {
    checkCount(options);
    const { relays, signal, timeoutMs = FETCH_TIMEOUT_MS } = options;
    const asked = { ...(relays && { relays }), ...(signal && { signal }), timeoutMs, closeOnEose: true, count: true } as const;
    return countsOf(this.#subscribe(filters, asked), signal);
  }

  /**
   * Signs an event, saves it and sends it to relays. What its kind keeps secret is given in clear and never leaves so:
   * a direct message (kind 4) is encrypted for its first `p`, a private message (14 and 15) is sealed and wrapped for
   * each of its people and yourself, and goes to the relays of their kind 10050 lists; wallet events (7374, 7375, 7376,
   * 17375) and `privateTags` are encrypted for yourself. A zap request (9734) is signed and handed back, and sent to none.
   *
   * Once signed it is in the store, whatever relays say; open subscriptions have it from relays, and a page shows it at
   * once by what `signed()` gives. A relay that cannot be reached, or gives no OK, for `limits.publishMs` is told as
   * `unanswered` and not tried again: a page that was offline publishes once more.
   *
   * @throws {FerryError} `bad-input` for a template that cannot be an event; `stopped`. What the signer and relays say comes
   *   by `signed()`, `accepted()` and `status`.
   * @example await nostr.publish({ kind: 1, content: 'hello' }).accepted();
   */
  publish(template: PublishTemplate, options: PublishOptions = {}): Publish {
    if (this.#over) throw this.#over;
    checkPublish(options);
    checkTags('privateTags', template?.privateTags);
    options.signal?.throwIfAborted();
    const id = this.#ledger.nextPublish();
    const relays = [...(options.relays ?? [])];
    const request = encodePublish(id, template, relays);
    const publish = new Publish(id);
    this.#ledger.publishes.set(id, { publish, request, relays });
    this.#control.parser.send(request);
    const abort = () => {
      if (!this.#ledger.publishes.delete(id)) return;
      this.#control.parser.send(encodeAbortPublish(id));
      publish.finish(new FerryError('cancelled', 'the publish was aborted'));
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    return publish;
  }

  /**
   * Asks a domain whom an internet identifier names (NIP-05). Nothing is asked of a domain without this call.
   *
   * @param identifier `name@example.com`, or `example.com` for its root.
   * @returns the public key and where its events are; undefined if the domain has no such name. Whether the identifier
   *   is somebody's own, his profile (kind 0) says: its `nip05` has to name it, too.
   * @throws {FerryError} `bad-input`, `timed-out`, or `refused` where the domain gives no answer that the NIP allows.
   * @example
   * const bob = await nostr.nip05('bob@example.com');
   * if (bob) nostr.subscribe([{ authors: [bob.pubkey] }], { relays: bob.relays });
   */
  nip05(identifier: string, options?: Nip05Options): Promise<Nip05Profile | undefined> {
    return lookUp(identifier, options);
  }

  /**
   * As `NostrManager.doctor`, with this engine's own options and what has become of it.
   *
   * @example console.table((await nostr.doctor()).checks);
   */
  doctor(): Promise<Diagnosis> {
    const name = 'engine';
    if (this.#over) return diagnose(this.#options, [{ name, state: 'broken', finding: this.#over.message, fix: 'start another' }]);
    const finding = this.#memoryOnly ? 'the engine runs; its store lasts as long as the page' : 'the engine runs';
    return diagnose(this.#options, [{ name, state: 'ok', finding }]);
  }

  /**
   * Every role's counters, and those of each of its ports: records, bytes and batches both ways, queue, credit and
   * the time spent without credit.
   *
   * @throws {FerryError} `stopped`.
   * @example
   * const { connections, parser } = await nostr.stats();
   * console.log(connections.counters.events, parser.ports.map(({ name, stalledMs }) => [name, stalledMs]));
   */
  async stats(): Promise<EngineStats> {
    const stats = ROLES.map(async (role) => [role, (await this.#control.ask(role, 'stats', encodeStatsRequest)).stats] as const);
    return Object.fromEntries(await Promise.all(stats)) as unknown as EngineStats;
  }

  /**
   * Why an open subscription asks the relays it asks, and what speaks against those it does not; or whether an event
   * is stored, and which relays had it when it was saved, in earlier sessions, too. Relays are chosen when the store has
   * answered (`eoce`); before, there are none to explain.
   *
   * @param id of an open subscription, or of an event: 64 characters of lower-case hex.
   * @throws {FerryError} `bad-input` if it is neither; `stopped`.
   * @example
   * const { asked } = await nostr.explain(feed.id);
   * console.table(asked);
   */
  async explain(id: string): Promise<Explanation> {
    const sub = this.#ledger.subscriptions.get(id)?.sub;
    if (sub === undefined && !/^[0-9a-f]{64}$/.test(id)) {
      throw new FerryError('bad-input', `"${id}" is no open subscription and no event's id`, { subscription: id });
    }
    const about = sub === undefined ? { event: id } : { sub };
    const { relays, stored, seen } = await this.#control.ask('cache', 'explained', (request) => encodeExplain(request, about));
    if (sub === undefined) return { type: 'event', id, stored, relays: seen };
    const skipped = relays.filter(({ reason }) => reason === 'covered' || reason === 'over-limit');
    return { type: 'subscription', id, asked: relays.filter((choice) => !skipped.includes(choice)), skipped };
  }

  /**
   * Closes the sockets, saves what is to be saved and ends the workers; resolves when that is done.
   *
   * @throws {FerryError} `stopped` if a worker died before it had done its part; the engine is stopped all the same.
   * @example
   * await using nostr = await NostrManager.start({ relays }); // stopped at the end of the block
   */
  async stop(): Promise<void> {
    if (this.#over) return;
    await (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    this.#heartbeat.stop();
    const silent: Role[] = [];
    // In the order of the flow: each is given what the one before it still had to say.
    for (const role of ['connections', 'parser', 'cache', 'crypto'] as const) {
      if (!(await this.#control.stop(role))) silent.push(role);
    }
    this.#end(new FerryError('stopped', 'the engine was stopped'));
    if (silent.length === 0) return;
    throw new FerryError('stopped', `the ${silent.join(' and ')} worker died while the engine stopped: what it had not done is lost`);
  }

  /** Stops at the end of the block: `await using nostr = await NostrManager.start()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** A worker is gone: another takes its place, unless that does not help or the engine stops. */
  #onDeath(role: Role, reason: string): void {
    if (this.#over) return;
    if (this.#stopping) return this.#control.ended(role);
    const times = this.#deaths.add(role, performance.now());
    if (times === undefined) {
      this.#log.warn(`the ${role} worker is gone (${reason}); another takes its place`);
      this.#replace(role);
      return this.emit('restart', { role, reason });
    }
    const error = new FerryError('stopped', `the ${role} worker died ${times} times within a minute: ${reason}`);
    this.#log.error(error.message);
    this.#end(error);
    this.emit('error', error);
  }

  /** Starts a worker in the place of one that is gone, and repeats to it what the page knows. */
  #replace(role: Role): void {
    const worker = this.#workers.replace(role);
    const askAgain = !this.signer.asksPerson;
    this.#control[role].replace(worker.control);
    this.#heartbeat.replaced(role);
    let ready: Promise<unknown> | undefined;
    if (role === 'connections') this.relays.replace(this.#openStatus());
    if (role === 'cache') {
      this.#caches += 1;
      this.#control.cache.sendNow(encodeDefaults(this.relays.defaults));
      if (this.#owner) this.#control.cache.send(encodeOwner(this.#owner));
    }
    if (role === 'parser') this.#repeatToParser(askAgain);
    if (worker.signer) {
      const late = new Promise((resolve) => setTimeout(resolve, SIGNER_MS));
      ready = Promise.race([this.signer.replace(worker.signer), late]);
    }
    this.#control.askAgain(role);
    const handOver = () => {
      for (const { role: peer, port } of worker.peers) {
        if (worker.isCurrent(peer)) this.#control[peer].attach({ peer: role, port, askAgain }, [port]);
      }
    };
    if (ready) void ready.then(() => this.#over ?? handOver());
    else handOver();
  }

  #repeatToParser(askAgain: boolean): void {
    this.#rings.close();
    this.#rings = this.#newRings();
    for (const { open, request } of this.#ledger.subscriptionsAgain()) {
      open.subscription.resume(this.#open(open.sub, request, bufferBytes(open.filters, open.options)));
    }
    for (const request of this.#ledger.publishesAgain(askAgain)) this.#control.parser.send(request);
  }

  /** Asks, and opens the inbox for the answers: the engine looks for them meanwhile. */
  #open(sub: string, request: Uint8Array, bytes: number): Inbox {
    const { parser } = this.#control;
    parser.sendNow(request);
    try {
      return attached(openInbox(sub, bytes, this.#rings), parser);
    } catch (error) {
      parser.send(encodeUnsubscribe(sub));
      throw error;
    }
  }

  #newRings(): Rings {
    return new Rings((gone) => this.#control.parser.attach({ gone }, []));
  }

  #openStatus(): Inbox {
    // The only one of its worker, and kept as long as that.
    const rings = new Rings(() => undefined);
    return attached(openInbox('status', STATUS_BYTES, rings), this.#control.connections);
  }

  #end(error: FerryError): void {
    this.#over = error;
    this.#heartbeat.stop();
    this.#life.abort();
    this.#ledger.fail(error);
    this.signer.fail(error);
    this.relays.close();
    this.#rings.close();
    this.#control.fail(error);
    this.#workers.terminate();
  }

  override on<Type extends keyof ManagerEvents>(
    type: Type,
    listener: (value: ManagerEvents[Type]) => void,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    const off = super.on(type, listener, options);
    // The report often comes before `start` has resolved, when nobody can listen yet.
    if (type === 'memoryOnly' && this.#memoryOnly) queueMicrotask(() => listener(undefined as ManagerEvents[Type]));
    return off;
  }

  #onMemoryOnly(): void {
    if (this.#memoryOnly) return;
    this.#memoryOnly = true;
    if (this.#options.cache !== false) this.#log.warn('the browser keeps no store for this page: it lasts as long as the page');
    this.emit('memoryOnly', undefined);
  }

  #onReport(record: ByteBuffer): void {
    const report = decodeReport(record);
    switch (report.type) {
      case 'stats':
      case 'imported':
      case 'wiped':
      case 'explained':
        if (report.request === UNASKED) return this.#onMemoryOnly();
        return this.#control.answer(report);
      case 'notice':
        return this.relays.notice(report.relay, report.message);
      case 'publish': {
        const publish = this.#ledger.publishes.get(report.publish)?.publish;
        const { status } = report;
        this.#log.debug(`publish ${report.publish}: ${status.state}${'relay' in status ? ` ${status.relay}` : ''}`);
        if (status.state === 'failed') publish?.finish(status.error);
        else if (status.state === 'complete') publish?.finish();
        else publish?.report(status);
        if (status.state === 'failed' || status.state === 'complete') this.#ledger.publishes.delete(report.publish);
        return;
      }
      default:
        return assertNever(report);
    }
  }
}

/** Tells the worker behind `port` to write to `inbox`. */
function attached(inbox: Inbox, port: PagePort): Inbox {
  const { attachment } = inbox;
  port.attach(attachment, attachment.port ? [attachment.port] : []);
  return inbox;
}

function checkSupport(): void {
  const [missing] = missingFeatures();
  if (missing) throw new FerryError('unsupported', `this browser has no ${missing}: the engine cannot run here`);
}
