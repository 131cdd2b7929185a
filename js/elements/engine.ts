// The one engine that a page's elements share, and what the page's author says of it on the script tag.
import { FerryError, NostrManager, type StartOptions } from '../index.js';

/** What may stand on the script tag as `data-…`, or be given to `configure`. */
export interface ElementOptions extends StartOptions {
  /**
   * Where links to notes and people lead: an address with `{entity}` in it, for the NIP-19 code.
   * Default `nostr:{entity}` (NIP-21), which a visitor's own app opens.
   */
  links?: string;
}

/** While this script runs for the first time, and only then, it can see its own tag. */
const tag = globalThis.document?.currentScript ?? undefined;

let options: ElementOptions = tag instanceof HTMLScriptElement ? optionsOf(tag.dataset) : {};
let shared: Promise<NostrManager> | undefined;
/** NIP-21. */
const DEFAULT_LINKS = 'nostr:{entity}';

/**
 * Sets what the elements' engine is started with. Call it before the first element is shown.
 *
 * @throws {FerryError} `bad-input` if the engine runs already.
 * @example configure({ relays: ['wss://relay.example.com'] });
 */
export function configure(wanted: ElementOptions): void {
  if (shared) throw new FerryError('bad-input', 'the elements have started their engine already: call configure() before the first of them is shown');
  options = { ...options, ...wanted };
}

/**
 * Gives the elements an engine that the page has started itself; the page also stops it.
 *
 * @throws {FerryError} `bad-input` if they have one already.
 * @example useEngine(await NostrManager.start({ relays }));
 */
export function useEngine(engine: NostrManager): void {
  if (shared) throw new FerryError('bad-input', 'the elements have an engine already: call useEngine() before the first of them is shown');
  shared = Promise.resolve(engine);
}

/**
 * The engine the elements share; it starts with the first one that needs it.
 *
 * @throws {FerryError} as `NostrManager.start`.
 * @example const nostr = await NostrFerry.engine();
 */
export function engine(): Promise<NostrManager> {
  const { links: _, ...start } = options;
  shared ??= NostrManager.start(start).catch((error: unknown) => {
    // What was wrong may be put right without loading the page anew.
    shared = undefined;
    throw error;
  });
  return shared;
}

/** Where a link to this NIP-19 code leads. */
export function linkTo(entity: string): string {
  return (options.links ?? DEFAULT_LINKS).replace('{entity}', entity);
}

/** `data-relays`, `data-indexers`, `data-links`, `data-cache="off"`, `data-wasm-url`, `data-worker-url`. */
export function optionsOf(data: DOMStringMap): ElementOptions {
  const wanted: ElementOptions = { relays: words(data.relays), indexers: words(data.indexers) };
  if (data.links) wanted.links = data.links;
  if (data.cache === 'off') wanted.cache = false;
  if (data.wasmUrl) wanted.wasmUrl = data.wasmUrl;
  if (data.workerUrl) wanted.workerUrl = data.workerUrl;
  return wanted;
}

/** What stands between commas or spaces. */
export function words(text: string | null | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter(Boolean);
}
