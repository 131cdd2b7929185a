import { FerryError } from './errors.js';
import { hex } from './hex.js';

/** Where this script was loaded from; the other files of dist/ stand beside it. */
const scriptUrl: string | undefined =
  __FORMAT__ === 'module'
    ? import.meta.url
    : ((globalThis.document?.currentScript as HTMLScriptElement | null)?.src ?? undefined);

/** Fetches and compiles the .wasm, once, on the page; the workers are sent the compiled module. */
export async function loadModule(wasmUrl?: string | URL): Promise<WebAssembly.Module> {
  const bytes = await wasmBytes(wasmUrl);
  await checkHash(bytes);
  return compiled(bytes);
}

/** The .wasm: from inside this script where it is there, else fetched. */
export async function wasmBytes(wasmUrl?: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  return __WASM_SPELT__ && !wasmUrl ? inlined(__WASM_SPELT__) : fetched(wasmUrl ?? beside('nostr-ferry.wasm'));
}

/** @throws {FerryError} `wasm`: the bytes are no module, or the page's policy forbids to compile any. */
export async function compiled(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const hint = "if the page has a Content-Security-Policy, its script-src needs 'wasm-unsafe-eval'";
    throw new FerryError('wasm', `the .wasm does not compile (${String(cause)}); ${hint}`, { cause });
  }
}

/** The address of another file of the release. */
export function beside(name: 'nostr-ferry.wasm' | 'nostr-ferry.worker.js'): URL {
  if (__FORMAT__ === 'module' && scriptUrl) {
    // Bundlers know these very words: they copy the file and put its new address here.
    if (name === 'nostr-ferry.wasm') return new URL('./nostr-ferry.wasm', import.meta.url);
    return new URL('./nostr-ferry.worker.js', import.meta.url);
  }
  if (scriptUrl) return new URL(name, scriptUrl);
  throw new FerryError('wasm', `the script does not know where it was loaded from: pass the address of ${name} as an option`);
}

/** Whether a worker can be started from `url` here: workers load from the page's own origin only. */
export function isOwnOrigin(url: URL): boolean {
  return url.origin === globalThis.location.origin;
}

function inlined({ text, alphabet, singles, bytes }: NonNullable<typeof __WASM_SPELT__>): Uint8Array<ArrayBuffer> {
  const placeOf = new Uint8Array(128);
  for (let place = 0; place < alphabet.length; place++) placeOf[alphabet.charCodeAt(place)] = place;
  const placeAt = (at: number) => placeOf[text.charCodeAt(at)]!;
  const out = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    let spelling = placeAt(at);
    if (spelling >= singles) spelling = singles + (spelling - singles) * alphabet.length + placeAt(++at);
    out[length++] = bytes[spelling]!;
  }
  return out.slice(0, length);
}

async function fetched(url: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  // Read whole rather than streamed: a static host may serve it under any MIME type, and it is hashed.
  const response = await fetch(url).catch((cause: unknown) => {
    const hint = "from another origin it needs CORS headers, and a Content-Security-Policy must allow it in connect-src";
    throw new FerryError('wasm', `${String(url)} cannot be fetched; ${hint}`, { cause });
  });
  if (!response.ok) throw new FerryError('wasm', `${String(url)} answers ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** @throws {FerryError} `wasm`: it is not the one this script was built with. */
export async function checkHash(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  // Plain http pages other than localhost have no SubtleCrypto; the module's build name is checked all the same.
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  if (hex(digest) !== __WASM_SHA256__) {
    throw new FerryError('wasm', 'the .wasm is not the one this script was built with: take both from the same release');
  }
}
