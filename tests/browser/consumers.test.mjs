// The package as its users install it: packed by npm, bundled by what they bundle with, and the README's snippets for
// their frameworks, each run in the browser.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const build = join(root, 'tests/consumers/build');

// Bundlers and frameworks are installed in the folder above, the package in this one, by npm.
rmSync(build, { recursive: true, force: true });
mkdirSync(build, { recursive: true });
writeFileSync(join(build, 'package.json'), '{ "private": true, "type": "module" }\n');
const npm = ['install', '--offline', '--no-save', '--no-audit', '--no-fund', join(root, 'target/package/nostr-ferry.tgz')];
await promisify(execFile)('npm', npm, { cwd: build });

const require = createRequire(join(root, 'tests/consumers/package.json'));
const installed = (name) => import(pathToFileURL(require.resolve(name)));
const sample = await sampleEvents({ count: 120 });
const relay = await startRelay(sample);
const notes = sample.filter(({ kind }) => kind === 1).length;
const HTML = (script) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><div id="app"></div>${script}`;

/** The three lines that a bundler is given. */
const APP = `import { NostrManager } from 'nostr-ferry';
const nostr = await NostrManager.start({ relays: [new URLSearchParams(location.search).get('relay')] });
document.title = \`\${(await nostr.fetch([{ kinds: [1] }])).length} notes\`;
`;
/** esbuild copies no file that a module names by its address: there, the app imports it. */
const APP_FOR_ESBUILD = APP.replace('\n', "\nimport wasmUrl from 'nostr-ferry/nostr-ferry.wasm';\n").replace(')] });', ')], wasmUrl });');

/** Writes an app's sources; returns their folder. */
function write(name, files) {
  const folder = join(build, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

/** What a bundler wrote, on a server of its own. */
function serve(folder, { csp, ...more } = {}) {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = names.map((entry) => join(entry.parentPath, entry.name)).map((path) => [path.slice(folder.length), readFileSync(path)]);
  return startServer({ csp, files: { ...Object.fromEntries(files), ...more } });
}

async function run(server, path = '/index.html') {
  const { page, errors } = await openPage(`${server.origin}${path}?relay=${encodeURIComponent(relay.url)}`);
  await page.waitForFunction(() => document.title.endsWith(' notes')).catch((error) => assert.fail(`${error.message} ${errors.join()}`));
  const title = await page.title();
  await page.context().close();
  return { title, errors };
}

const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ws:; img-src data:";

test('versions and hashes agree everywhere', () => {
  const packed = join(build, 'node_modules/nostr-ferry');
  const read = (name, encoding) => readFileSync(join(packed, name), encoding);
  const { version, private: isPrivate, exports, unpkg, jsdelivr, dependencies } = JSON.parse(read('package.json', 'utf8'));
  assert.equal(version, /^version = "(.+)"$/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))[1]);
  assert.deepEqual([isPrivate, dependencies], [undefined, undefined]);
  const named = [unpkg, jsdelivr, ...Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry)))];
  for (const name of named) assert.ok(read(name).length > 0, name);
  const integrity = JSON.parse(read('dist/integrity.json', 'utf8'));
  const shipped = readdirSync(join(packed, 'dist')).filter((name) => /\.(js|mjs|wasm)$/.test(name));
  assert.deepEqual(Object.keys(integrity).sort(), shipped.sort());
  for (const [name, hash] of Object.entries(integrity)) {
    assert.equal(hash, `sha384-${createHash('sha384').update(read(`dist/${name}`)).digest('base64')}`, name);
  }
  // The scripts refuse any .wasm but this, and any worker of another build.
  const wasm = createHash('sha256').update(read('dist/nostr-ferry.wasm')).digest('hex');
  const id = readFileSync(join(root, 'target/build-id'), 'utf8');
  assert.match(id, /^[0-9a-f]{16}$/);
  for (const name of shipped.filter((name) => !/wasm|worker|elements/.test(name))) assert.ok(read(`dist/${name}`, 'utf8').includes(wasm), name);
  for (const name of shipped.filter((name) => !/elements/.test(name))) assert.ok(read(`dist/${name}`, 'latin1').includes(id), name);
});

test('the types compile where the package is installed, without skipping libraries', async () => {
  const folder = write('types', {});
  cpSync(join(root, 'tests/types/api.ts'), join(folder, 'api.ts'));
  const options = JSON.parse(readFileSync(join(root, 'tests/types/tsconfig.json'), 'utf8'));
  delete options.compilerOptions.paths;
  for (const resolution of ['bundler', 'nodenext']) {
    Object.assign(options.compilerOptions, { moduleResolution: resolution, module: resolution === 'bundler' ? 'esnext' : 'nodenext' });
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));
    await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch(({ stdout }) => assert.fail(`${resolution}: ${stdout}`));
  }
});

test('Vite', async () => {
  const folder = write('vite', { 'main.js': APP, 'index.html': HTML('<script type="module" src="./main.js"></script>') });
  const vite = await installed('vite');
  await vite.build({ root: folder, configFile: false, logLevel: 'error', build: { target: 'es2022' } });
  assert.deepEqual(await run(await serve(join(folder, 'dist'))), { title: `${notes} notes`, errors: [] });
  // The worker's file came along, for pages whose policy forbids blob:.
  const { title } = await run(await serve(join(folder, 'dist'), { csp: STRICT }));
  assert.equal(title, `${notes} notes`);
});

test('webpack', async () => {
  const folder = write('webpack', { 'main.js': APP });
  const { default: webpack } = await installed('webpack');
  const compiler = webpack({ mode: 'production', context: folder, entry: './main.js', output: { path: join(folder, 'dist') }, performance: false });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  assert.deepEqual(stats.toJson({ errors: true, warnings: true }).errors.map(({ message }) => message), []);
  const server = await serve(join(folder, 'dist'), { '/index.html': HTML('<script src="/main.js"></script>') });
  assert.deepEqual(await run(server), { title: `${notes} notes`, errors: [] });
});

/** Bundles `folder`'s main.js as esbuild does by default, with the .wasm as a file beside it. */
async function esbuild(folder, options = {}) {
  const { build } = await installed('esbuild');
  const fixed = { bundle: true, format: 'esm', target: 'es2022', loader: { '.wasm': 'file' }, outdir: join(folder, 'dist'), logLevel: 'error' };
  await build({ absWorkingDir: folder, entryPoints: ['main.js'], publicPath: '/', ...fixed, ...options });
  return serve(join(folder, 'dist'), { '/index.html': HTML('<script type="module" src="/main.js"></script>') });
}

test('esbuild', async () => {
  const server = await esbuild(write('esbuild', { 'main.js': APP_FOR_ESBUILD }));
  assert.deepEqual(await run(server), { title: `${notes} notes`, errors: [] });
});

/** The README's code for a framework. */
function snippet(framework) {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const code = new RegExp(`### ${framework}\\n[\\s\\S]*?\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
  assert.ok(code, `the README has no code for ${framework}`);
  assert.ok(code.trim().split('\n').length < 20, `${framework}: 20 lines or more`);
  return code;
}

const START = `import wasmUrl from 'nostr-ferry/nostr-ferry.wasm';
import { NostrManager } from 'nostr-ferry';
export const nostr = await NostrManager.start({ relays: [new URLSearchParams(location.search).get('relay')], wasmUrl, cache: false });
globalThis.nostr = nostr;
`;

/** Runs an app that lists 20 notes in #app and can be told to `unmount()`. */
async function runFramework(folder, options) {
  const server = await esbuild(folder, { define: { 'process.env.NODE_ENV': '"development"' }, ...options });
  const { page, errors } = await openPage(`${server.origin}/index.html?relay=${encodeURIComponent(relay.url)}`);
  await page.waitForFunction(() => document.querySelectorAll('#app li').length === 20).catch((error) => assert.fail(`${error.message} ${errors.join()}`));
  const shown = await page.$$eval('#app li', (items) => items.map(({ textContent }) => textContent));
  const newest = sample.filter(({ kind }) => kind === 1).toSorted((a, b) => b.created_at - a.created_at).slice(0, 20);
  assert.deepEqual(shown.sort(), newest.map(({ content }) => content).sort());
  // What is no longer shown is no longer asked for.
  await page.evaluate(async () => {
    unmount();
    while ((await nostr.stats()).parser.counters.subscriptions > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });
  assert.deepEqual(errors, []);
  await page.context().close();
}

const FILTERS = '[{ kinds: [1], limit: 20 }]';

test("React, by the README's hook", async () => {
  const main = `import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { nostr } from './start.js';
import { useFeed } from './snippet.js';
function App() {
  const events = useFeed(nostr, ${FILTERS});
  return <ul>{events.map((event) => <li key={event.id}>{event.content}</li>)}</ul>;
}
const root = createRoot(document.getElementById('app'));
root.render(<StrictMode><App /></StrictMode>);
globalThis.unmount = () => root.unmount();
`;
  const folder = write('react', { 'main.js': main, 'start.js': START, 'snippet.js': snippet('React') });
  await runFramework(folder, { jsx: 'automatic', loader: { '.wasm': 'file', '.js': 'jsx' } });
});

test("Svelte, by the README's store", async () => {
  const component = `<script>
  import { nostr } from './start.js';
  import { feed } from './snippet.js';
  const events = feed(nostr, ${FILTERS});
</script>
<ul>{#each $events as event (event.id)}<li>{event.content}</li>{/each}</ul>
`;
  const main = `import { mount, unmount } from 'svelte';
import App from './App.svelte';
const app = mount(App, { target: document.getElementById('app') });
globalThis.unmount = () => void unmount(app);
`;
  const folder = write('svelte', { 'main.js': main, 'start.js': START, 'App.svelte': component, 'snippet.js': snippet('Svelte') });
  const { compile } = require('svelte/compiler');
  const svelte = {
    name: 'svelte',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.svelte$/ }, ({ path }) => ({ contents: compile(readFileSync(path, 'utf8'), { filename: path }).js.code, loader: 'js' })),
  };
  await runFramework(folder, { plugins: [svelte], conditions: ['svelte', 'browser'] });
});

test("Vue, by the README's composable", async () => {
  const main = `import { createApp, h } from 'vue';
import { nostr } from './start.js';
import { useFeed } from './snippet.js';
const app = createApp({
  setup() {
    const events = useFeed(nostr, ${FILTERS});
    return () => h('ul', events.value.map((event) => h('li', { key: event.id }, event.content)));
  },
});
app.mount('#app');
globalThis.unmount = () => app.unmount();
`;
  const folder = write('vue', { 'main.js': main, 'start.js': START, 'snippet.js': snippet('Vue') });
  const define = { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' };
  await runFramework(folder, { define: { 'process.env.NODE_ENV': '"development"', ...define } });
});
