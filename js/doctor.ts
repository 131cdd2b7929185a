// What works on this page and what to change: each part of the engine's start is tried by itself, so that one
// answer names everything that is in the way. Nothing here starts the engine or changes what it keeps.
import { FerryError } from './errors.js';
import { beside, checkHash, compiled, wasmBytes } from './loader.js';
import { missingFeatures } from './support.js';
import type { StartOptions } from './types.js';
import { ownWorkerFile, workerBlob, type WorkerWord } from './workers.js';

/** What was tried. */
export type DoctorCheckName =
  /** Only of a running engine: how it is. */
  | 'engine'
  | 'browser'
  | 'secure-context'
  /** Shared memory, which the faster way to the page needs. */
  | 'isolation'
  | 'wasm-file'
  | 'wasm-compile'
  | 'workers'
  | 'indexeddb'
  | 'locks'
  | 'storage'
  | 'extension'
  | 'relays';

/** One part of what the engine needs. */
export interface DoctorCheck {
  /** What was tried. */
  name: DoctorCheckName;
  /** `limited`: the engine runs, with less. `broken`: `NostrManager.start` fails, or nothing can be read. */
  state: 'ok' | 'limited' | 'broken';
  /** What was found, a sentence. */
  finding: string;
  /** What to change; absent where nothing needs to. */
  fix?: string;
}

/** The doctor's answer: plain data, to be logged, shown or sent. */
export interface Diagnosis {
  /** Whether nothing is broken. */
  ok: boolean;
  /** Each part, in the order in which one needs the other. */
  checks: DoctorCheck[];
}

/** No part is waited for longer. */
const PATIENCE_MS = 5_000;
/** The smallest module there is: magic number and version. */
const EMPTY_MODULE = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** Tries everything that `NostrManager.start(options)` would need. It never rejects and takes at most some seconds. */
export async function diagnose(options: StartOptions = {}, engine: DoctorCheck[] = []): Promise<Diagnosis> {
  const policy = new PolicyWatch();
  try {
    const checks = await Promise.all([
      guarded('browser', browser),
      guarded('secure-context', secureContext),
      guarded('isolation', isolation),
      ...wasm(options, policy),
      guarded('workers', () => workers(options, policy)),
      guarded('indexeddb', () => store(options)),
      guarded('locks', locks),
      guarded('storage', storage),
      guarded('extension', extension),
      guarded('relays', () => relays(options, policy)),
    ]);
    const all = [...engine, ...checks];
    return { ok: all.every(({ state }) => state !== 'broken'), checks: all };
  } finally {
    policy.end();
  }
}

type Finding = Omit<DoctorCheck, 'name'>;
const ok = (finding: string): Finding => ({ state: 'ok', finding });
const limited = (finding: string, fix: string): Finding => ({ state: 'limited', finding, fix });
const broken = (finding: string, fix: string): Finding => ({ state: 'broken', finding, fix });

/** One check; what it did not expect, and what does not answer, is a finding, too. */
async function guarded(name: DoctorCheckName, check: () => Finding | Promise<Finding>): Promise<DoctorCheck> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Finding>((resolve) => {
    const finding = limited(`no answer in ${PATIENCE_MS / 1000} s`, 'try again; if that does not help, the browser is in the way');
    timer = setTimeout(resolve, PATIENCE_MS + 500, finding);
  });
  try {
    return { name, ...(await Promise.race([Promise.resolve().then(check), late])) };
  } catch (error) {
    return { name, ...broken(words(error), 'use a current browser') };
  } finally {
    clearTimeout(timer);
  }
}

function browser(): Finding {
  const missing = missingFeatures();
  if (missing.length > 0) return broken(`this browser has no ${missing.join(', no ')}`, 'use a current browser');
  return ok('the browser has what the engine needs');
}

function secureContext(): Finding {
  if (globalThis.isSecureContext && globalThis.crypto?.subtle) return ok('the page is a secure context');
  const finding = 'the page is no secure context: the .wasm is not hashed, no signer is remembered, a worker that dies silently is not seen';
  return limited(finding, 'serve the page over https, or from localhost');
}

function isolation(): Finding {
  if (globalThis.crossOriginIsolated) return ok('the page is cross-origin isolated: events come through shared memory');
  const fix = 'for the last bit of speed send Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';
  return limited('the page is not cross-origin isolated: events come in messages, with the same behaviour', fix);
}

/** The file first, then what was fetched is compiled; where there is no file, the smallest module tells what is allowed. */
function wasm({ wasmUrl }: StartOptions, policy: PolicyWatch): Promise<DoctorCheck>[] {
  const bytes = Promise.resolve().then(() => wasmBytes(wasmUrl));
  const file = guarded('wasm-file', async () => {
    try {
      await checkHash(await bytes);
      return ok(__WASM_SPELT__ && !wasmUrl ? 'the .wasm is inside this script' : 'the .wasm is there and is the one this script was built with');
    } catch (error) {
      const url = String(wasmUrl ? new URL(wasmUrl, globalThis.location?.href) : wasmAddress());
      const directive = await policy.forbids(url);
      if (directive) return broken(`the page's Content-Security-Policy forbids to fetch ${url}`, `add ${originOf(url)} to its ${directive}`);
      const fix = 'put nostr-ferry.wasm of the same release beside the script, or pass its address as wasmUrl; from another origin it needs the header Access-Control-Allow-Origin';
      return broken(words(error), fix);
    }
  });
  const compile = guarded('wasm-compile', async () => {
    try {
      await compiled(await bytes.catch(() => EMPTY_MODULE));
      return ok('WebAssembly compiles');
    } catch (error) {
      if (await policy.forbids('wasm-eval')) {
        return broken("the page's Content-Security-Policy forbids WebAssembly", "add 'wasm-unsafe-eval' to its script-src");
      }
      return broken(words(error), 'use nostr-ferry.wasm of the same release, in a current browser');
    }
  });
  return [file, compile];
}

async function workers({ workerUrl }: StartOptions, policy: PolicyWatch): Promise<Finding> {
  const blob = workerBlob();
  try {
    if (workerUrl) {
      if (await startsFrom(workerUrl)) return ok(`workers start from ${String(workerUrl)}`);
      const url = String(new URL(workerUrl, globalThis.location.href));
      if (await policy.forbids(url)) return broken("the page's Content-Security-Policy forbids this worker script", "add 'self' to its worker-src");
      return broken(`no worker starts from ${url}`, "host nostr-ferry.worker.js of the same release on the page's own origin, and pass its address as workerUrl");
    }
    if (await startsFrom(blob)) return ok('workers start');
    for (const file of ownWorkerFile()) {
      if (await startsFrom(file)) return ok(`workers start from ${file.pathname}; the page's Content-Security-Policy forbids blob:`);
    }
    return broken(
      "the page's Content-Security-Policy forbids workers from blob:",
      "allow them (worker-src blob:), or host nostr-ferry.worker.js on the page's own origin, allow it (worker-src 'self') and pass its address as workerUrl",
    );
  } finally {
    URL.revokeObjectURL(blob);
  }
}

/** Whether a worker runs this script and is of this build. */
async function startsFrom(script: string | URL): Promise<boolean> {
  let worker: Worker | undefined;
  try {
    const started = new Worker(script, { name: 'ferry doctor' });
    worker = started;
    return await new Promise<boolean>((resolve) => {
      started.onmessage = ({ data }: MessageEvent<WorkerWord & { build?: string }>) => resolve(data.build === __BUILD__);
      started.onerror = () => resolve(false);
      setTimeout(resolve, PATIENCE_MS / 2, false);
      started.postMessage({ role: 'probe' });
    });
  } catch {
    return false;
  } finally {
    worker?.terminate();
  }
}

async function store({ cache }: StartOptions): Promise<Finding> {
  if (cache === false) return ok('the store is in memory, as asked');
  const fix = 'allow this site to store data, and leave private browsing; embedded in another site, the page may not';
  const refused = (why: string) => limited(`IndexedDB is not to be had (${why}): the store lasts as long as the page`, fix);
  if (!globalThis.indexedDB) return refused('this browser has none');
  const name = 'ferry doctor';
  try {
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onsuccess = () => (request.result.close(), resolve());
      request.onerror = () => reject(request.error);
      setTimeout(reject, PATIENCE_MS, new Error('it does not answer'));
    });
    indexedDB.deleteDatabase(name);
    return ok('IndexedDB works');
  } catch (error) {
    return refused(words(error));
  }
}

async function locks(): Promise<Finding> {
  const finding = 'no Web Locks: a worker that dies without a word is not noticed';
  const fix = 'serve the page over https, or from localhost, and in a frame give it an origin (allow-same-origin)';
  try {
    await navigator.locks.request(`ferry doctor ${Math.random()}`, () => undefined);
    return ok('Web Locks work');
  } catch {
    return limited(finding, fix);
  }
}

async function storage(): Promise<Finding> {
  const manager = globalThis.navigator?.storage;
  if (!manager?.estimate) return limited('the browser does not tell how much may be stored', 'nothing needs to be changed');
  const { usage = 0, quota = 0 } = await manager.estimate();
  const mebibytes = (bytes: number) => `${Math.round(bytes / (1 << 20))} MiB`;
  const finding = `${mebibytes(usage)} of ${mebibytes(quota)} are used`;
  if (await manager.persisted?.().catch(() => false)) return ok(`${finding}, and the browser keeps them`);
  return limited(`${finding}; the browser may clear them when the disk is full`, 'ask it not to: await navigator.storage.persist()');
}

function extension(): Finding {
  const { nostr } = globalThis as { nostr?: Record<string, unknown> };
  if (!nostr) return limited('no extension (window.nostr)', 'for signer.useExtension() install one; every other signer works without');
  const missing = ['getPublicKey', 'signEvent', 'nip44'].filter((name) => !nostr[name]);
  if (missing.length === 0) return ok('an extension is there');
  return limited(`the extension has no ${missing.join(', no ')}`, 'what needs that fails with `unsupported`: update the extension, or use another signer');
}

async function relays(options: StartOptions, policy: PolicyWatch): Promise<Finding> {
  const urls = [...new Set([...(options.relays ?? []), ...(options.indexers ?? [])])];
  if (urls.length === 0) return ok('no relay was named, so none was tried');
  const failures = (await Promise.all(urls.map((url) => unreachable(url, policy)))).filter((failure) => failure !== undefined);
  const [first] = failures;
  if (!first) return ok(`all ${urls.length} relays can be reached`);
  const names = failures.map(({ url, why }) => `${url} (${why})`).join(', ');
  const finding = `${failures.length} of ${urls.length} relays cannot be reached: ${names}`;
  return failures.length < urls.length ? limited(finding, first.fix) : broken(finding, first.fix);
}

async function unreachable(url: string, policy: PolicyWatch): Promise<{ url: string; why: string; fix: string } | undefined> {
  const no = (why: string, fix: string) => ({ url, why, fix });
  if (!/^wss?:/i.test(url) || !URL.canParse(url)) return no('not an address', 'write it like wss://relay.example.com');
  if (/^ws:/i.test(url) && globalThis.location?.protocol === 'https:' && !/^ws:\/\/(localhost|127\.)/i.test(url)) {
    return no('a secure page may not open ws:', 'use its wss: address');
  }
  let socket: WebSocket | undefined;
  try {
    const opening = new WebSocket(url);
    socket = opening;
    const opened = await new Promise<boolean>((resolve) => {
      opening.onopen = () => resolve(true);
      opening.onerror = () => resolve(false);
      setTimeout(resolve, PATIENCE_MS - 500, false);
    });
    if (opened) return undefined;
  } catch (error) {
    if (!(await policy.forbids(url))) return no(words(error), 'check its address');
  } finally {
    socket?.close();
  }
  const directive = await policy.forbids(url);
  if (directive) return no("the page's Content-Security-Policy forbids it", `add ${originOf(url)} to its ${directive}`);
  return no('no answer', 'check its address and that it runs; a proxy or firewall may be in the way');
}

/** What the page's Content-Security-Policy refused meanwhile: only its events say so, the calls just fail. */
class PolicyWatch {
  readonly #seen: { directive: string; blocked: string }[] = [];
  readonly #listener = ({ effectiveDirective, violatedDirective, blockedURI }: SecurityPolicyViolationEvent) => {
    this.#seen.push({ directive: effectiveDirective || violatedDirective, blocked: blockedURI });
  };

  constructor() {
    globalThis.document?.addEventListener('securitypolicyviolation', this.#listener);
  }

  /** The directive that forbade `what`: an address, or the browser's word for something else. */
  async forbids(what: string): Promise<string | undefined> {
    // The event comes in a task of its own, perhaps after the failure.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const same = (blocked: string) => blocked === what || (blocked.includes(':') && originOf(what) === originOf(blocked));
    return this.#seen.find(({ blocked }) => same(blocked))?.directive;
  }

  end(): void {
    globalThis.document?.removeEventListener('securitypolicyviolation', this.#listener);
  }
}

function originOf(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function wasmAddress(): string {
  try {
    return beside('nostr-ferry.wasm').href;
  } catch {
    return 'nostr-ferry.wasm';
  }
}

function words(error: unknown): string {
  if (error instanceof FerryError || error instanceof DOMException) return error.message || error.name;
  return String(error);
}
