// Bundles the page's and the worker's script with the glue and the .wasm into the files of dist/.
// usage: bundle.mjs --glue FILE --wasm FILE --js FOLDER --out FOLDER --build HEX
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
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
  __WASM_BASE64__: '',
};

const worker = await bundle('worker.ts', 'iife', { __FORMAT__: 'worker' });
const page = { __WORKER_SOURCE__: worker };
// Inside the file the .wasm is gzipped before it is base64: every browser can undo both, the file
// is half the size where the server does not compress, and no larger where it does.
const inlined = gzipSync(wasm, { level: 9 }).toString('base64');

mkdirSync(args.out, { recursive: true });
write('nostr-ferry.wasm', wasm);
write('nostr-ferry.worker.js', worker);
write('nostr-ferry.js', await bundle('script.ts', 'iife', { ...page, __FORMAT__: 'script' }));
write('nostr-ferry.mjs', await bundle('index.ts', 'esm', { ...page, __FORMAT__: 'module' }));
write('nostr-ferry.elements.mjs', await bundle('elements/index.ts', 'esm', {}, [besideTheModule]));
write('nostr-ferry.standalone.js', await bundle('script.ts', 'iife', { ...page, __FORMAT__: 'standalone', __WASM_BASE64__: inlined }));
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
