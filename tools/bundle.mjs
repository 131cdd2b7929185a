// Bundles the page's and the worker's script with the glue and the .wasm into the files of dist/.
// usage: bundle.mjs --glue FILE --wasm FILE --js FOLDER --out FOLDER --build HEX
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values: args } = parseArgs({
  options: {
    glue: { type: 'string' },
    wasm: { type: 'string' },
    js: { type: 'string' },
    out: { type: 'string' },
    build: { type: 'string' },
  },
});

/** The elements use the engine as any page would: from the module that stands beside theirs. */
const besideTheModule = {
  name: 'beside-the-module',
  setup: (build) => build.onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({ path: './nostr-ferry.mjs', external: true })),
};

const wasm = readFileSync(args.wasm);
checkImports(wasm);

const constants = {
  __BUILD__: args.build,
  __WASM_SHA256__: createHash('sha256').update(wasm).digest('hex'),
  __WORKER_SOURCE__: '',
  __WASM_SPELT__: null,
};

const worker = await bundle('worker.ts', 'iife', { __FORMAT__: 'worker' });
const page = { __WORKER_SOURCE__: worker };

mkdirSync(args.out, { recursive: true });
write('nostr-ferry.wasm', wasm);
write('nostr-ferry.worker.js', worker);
write('nostr-ferry.js', await bundle('script.ts', 'iife', { ...page, __FORMAT__: 'script' }));
write('nostr-ferry.mjs', await bundle('index.ts', 'esm', { ...page, __FORMAT__: 'module' }));
write('nostr-ferry.elements.mjs', await bundle('elements/index.ts', 'esm', {}, [besideTheModule]));
write('nostr-ferry.standalone.js', await bundle('script.ts', 'iife', { ...page, __FORMAT__: 'standalone', __WASM_SPELT__: spell(wasm) }));
write('integrity.json', `${JSON.stringify(integrity(), null, 2)}\n`);

/**
 * A C function that is declared but nowhere defined becomes an import from `env` without a word from
 * the linker, and the module then fails to start in the browser.
 */
function checkImports(bytes) {
  const missing = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).filter(({ module }) => module === 'env');
  if (missing.length > 0) {
    console.error(`bundle: the .wasm imports from "env", which no page has: ${missing.map(({ name }) => name).join(', ')}`);
    console.error('These are C functions that were declared but not compiled in. Compile their source, or remove the calls.');
    process.exit(1);
  }
}

/**
 * The .wasm in printable ASCII, for the standalone file: the commonest bytes are one character each, the others two.
 * Base64 cuts across the bytes and hides from a server's brotli what repeats: a fifth of the download.
 */
function spell(wasm) {
  const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at));
  // Without what a string literal or a <script> element would make two characters of, or take as its end.
  const alphabet = printable.filter((char) => !'"\'`\\$<'.includes(char)).join('');
  const leads = Math.ceil((256 - alphabet.length) / (alphabet.length - 1));
  const singles = alphabet.length - leads;
  const counts = new Array(256).fill(0);
  for (const byte of wasm) counts[byte] += 1;
  const bytes = [...counts.keys()].sort((a, b) => counts[b] - counts[a]);
  const spellings = new Array(256);
  for (const [at, byte] of bytes.entries()) {
    const rest = at - singles;
    spellings[byte] = rest < 0 ? alphabet[at] : alphabet[singles + Math.floor(rest / alphabet.length)] + alphabet[rest % alphabet.length];
  }
  return { text: Array.from(wasm, (byte) => spellings[byte]).join(''), alphabet, singles, bytes };
}

async function bundle(entry, format, defined, plugins = []) {
  const define = Object.entries({ ...constants, ...defined }).map(([name, value]) => [name, JSON.stringify(value)]);
  const result = await build({
    entryPoints: [join(args.js, entry)],
    alias: { '#glue': resolve(args.glue) },
    bundle: true,
    define: Object.fromEntries(define),
    format,
    globalName: entry === 'script.ts' ? 'NostrFerry' : undefined,
    legalComments: 'none',
    // In the script bundles `import.meta` stands only in the branch for modules, which is dropped there.
    logOverride: { 'empty-import-meta': 'silent' },
    minify: true,
    plugins,
    target: 'es2022',
    write: false,
  });
  return result.outputFiles[0].text;
}

function write(name, contents) {
  writeFileSync(join(args.out, name), contents);
}

/** Subresource-integrity hashes, as the `integrity` attribute takes them. */
function integrity() {
  const names = readdirSync(args.out).filter((name) => /\.(wasm|js|mjs)$/.test(name));
  const hash = (name) => createHash('sha384').update(readFileSync(join(args.out, name))).digest('base64');
  return Object.fromEntries(names.sort().map((name) => [name, `sha384-${hash(name)}`]));
}
