// Measures stores of events in one Chromium, without a driver: the pages post what they measured.
// usage: cache.mjs [--counts 10000,100000] [--stores ferry,nostr-idb,dexie,worker-relay] [--runs 3] [--json FILE]
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { build } from 'esbuild';
import { WebSocketServer } from 'ws';
import { stream, synthetic } from '../tests/browser/synthetic.mjs';

const { values: args } = parseArgs({
  options: {
    counts: { type: 'string', default: '10000,100000' },
    stores: { type: 'string', default: 'ferry,nostr-idb,dexie,worker-relay' },
    runs: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});
const counts = args.counts.split(',').map(Number);
const stores = args.stores.split(',');
const runs = Number(args.runs);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** A store that takes longer for one phase has not finished it; it is not run again with as many events. */
const PHASE_TIMEOUT_MS = 180_000;
const SAMPLE_EVENTS = here('../target/debug/examples/sample_events');

const events = synthetic({ count: Math.max(...counts), authors: 500 });
/** With signatures that hold, for what checks them. */
const signed = stores.includes('ferry') ? await signedLines(Math.max(...counts)) : [];
const eventsOf = (count) => events.slice(0, count);

async function signedLines(count) {
  const { stdout } = await promisify(execFile)(SAMPLE_EVENTS, ['--count', String(count)], { maxBuffer: 1 << 30 });
  return stdout.trimEnd().split('\n');
}

/** The same questions for every store, about what the sample has. */
function filtersOf(count) {
  const sample = eventsOf(count);
  const at = (share) => sample[Math.floor((sample.length - 1) * share)];
  const authors = [...new Set(sample.slice(-400).map(({ pubkey }) => pubkey))];
  const referred = sample.map(({ tags }) => tags.find(([name]) => name === 'e')?.[1]).filter(Boolean);
  const asked = {
    kinds: { kinds: [1] },
    author: { authors: [authors[0]] },
    'ten authors': { authors: authors.slice(0, 10) },
    '#e': { '#e': [...new Set(referred)].slice(-1000) },
    ids: { ids: sample.filter((_, n) => n % Math.ceil(sample.length / 1000) === 0).map(({ id }) => id) },
    'time window': { since: at(0.4).created_at, until: at(0.6).created_at },
  };
  return Object.entries(asked).flatMap(([row, filter]) =>
    [20, 100, 1000].map((limit) => {
      const cut = { ...filter, limit };
      if (row === '#e') cut['#e'] = filter['#e'].slice(0, limit);
      if (row === 'ids') cut.ids = filter.ids.slice(0, limit);
      const matches = sample.filter((event) => matchesFilter(cut, event)).length;
      return { row: `${row}, ${limit}`, filter: cut, expected: Math.min(limit, matches) };
    }),
  );
}

function matchesFilter({ ids, authors, kinds, since = 0, until = Infinity, '#e': e }, event) {
  return (
    (!ids || ids.includes(event.id)) &&
    (!authors || authors.includes(event.pubkey)) &&
    (!kinds || kinds.includes(event.kind)) &&
    event.created_at >= since &&
    event.created_at <= until &&
    (!e || event.tags.some(([name, value]) => name === 'e' && e.includes(value)))
  );
}

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };

async function bundle(store) {
  const { outputFiles } = await build({
    stdin: { contents: `import { run } from './page.mjs'; import { open } from './stores/${store}.mjs'; run(open);`, resolveDir: here('.') },
    bundle: true,
    write: false,
    format: 'iife',
    minify: true,
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  });
  return outputFiles[0].text;
}

/** worker-relay's worker, as a bundler that knows `?url` builds it. */
async function workerRelay() {
  const url = {
    name: 'url',
    setup(build) {
      build.onResolve({ filter: /\?url$/ }, ({ path }) => ({ path, namespace: 'url' }));
      build.onLoad({ filter: /.*/, namespace: 'url' }, () => ({ contents: 'export default "/worker-relay/sqlite3.wasm"' }));
    },
  };
  const entry = here('node_modules/@snort/worker-relay/dist/worker.js');
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', minify: true, plugins: [url] });
  return outputFiles[0].text;
}

const scripts = Object.fromEntries(await Promise.all(stores.map(async (store) => [store, await bundle(store)])));
if (stores.includes('worker-relay')) scripts['worker-relay-worker'] = await workerRelay();
const page = (store) =>
  `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${store === 'ferry' ? '<script src="/dist/nostr-ferry.js"></script>' : ''}<script src="/${store}.js"></script>`;

let current;
let next;
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const headers = { 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-opener-policy': 'same-origin' };
  const send = (type, body) => response.writeHead(200, { ...headers, 'content-type': type }).end(body);
  if (pathname === '/run.html') return send(TYPES['.html'], page(searchParams.get('store')));
  if (pathname === '/events.json') return send(TYPES['.json'], JSON.stringify(eventsOf(Number(searchParams.get('count')))));
  if (pathname === '/signed.jsonl') return send('text/plain', signed.slice(0, Number(searchParams.get('count'))).join('\n'));
  if (pathname === '/filters.json') return send(TYPES['.json'], JSON.stringify({ filters: filtersOf(Number(searchParams.get('count'))) }));
  if (pathname === '/result') {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      next = (url) => send('text/plain', url);
      current(JSON.parse(body).result);
    });
    return;
  }
  const script = scripts[pathname.slice(1, -3)];
  if (script) return send(TYPES['.js'], script);
  const file = pathname.startsWith('/dist/')
    ? here(`..${pathname}`)
    : here(`node_modules/@snort/worker-relay/dist/esm/${pathname.split('/').at(-1)}`);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return void response.writeHead(404).end();
  // As a site would: a second visit asks the network for nothing.
  response.writeHead(200, { ...headers, 'content-type': TYPES[extname(file)] ?? 'text/plain', 'cache-control': 'max-age=600' });
  createReadStream(file).pipe(response);
});
let streamed = [];
stream(new WebSocketServer({ server, perMessageDeflate: false }), () => streamed, { newestFirst: true });
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;

/** One fresh browser profile: save, a cold start, queries, a snapshot. */
async function measure(store, count) {
  const profile = mkdtempSync(join(tmpdir(), 'ferry-bench-'));
  streamed = eventsOf(count);
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const url = (phase) => `${origin}/run.html?store=${store}&phase=${phase}&count=${count}`;
  const chromium = spawn('/usr/bin/chromium', [...flags, `--user-data-dir=${profile}`, url('save')], { stdio: 'ignore' });
  const results = {};
  try {
    for (const [phase, after] of [['save', 'cold'], ['cold', 'cold'], ['cold', 'query'], ['query', 'snapshot'], ['snapshot', undefined]]) {
      let timer;
      const result = await new Promise((resolve) => {
        current = resolve;
        const unfinished = { error: `took over ${PHASE_TIMEOUT_MS / 1000} s`, unfinished: true };
        timer = setTimeout(() => resolve(unfinished), PHASE_TIMEOUT_MS);
      });
      clearTimeout(timer);
      // The second cold start is the one that counts: the browser has the code compiled, as on any later visit.
      results[phase] = result;
      if (result.error) break;
      next(after ? url(after) : 'about:blank');
    }
  } finally {
    const ended = once(chromium, 'exit');
    chromium.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 50 });
  }
  return results;
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const quantile = (values, share) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))];
const show = (value, digits = 1) => (Number.isFinite(value) ? value.toFixed(digits) : '–');
/** Median of the runs, and their spread. */
function over(values, digits) {
  const known = values.filter(Number.isFinite);
  if (known.length === 0) return '–';
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return known.length === 1 ? show(known[0], digits) : `${show(quantile(known, 0.5), digits)} (${show(low, digits)}–${show(high, digits)})`;
}

const isUnfinished = (results) => Object.values(results).some(({ unfinished }) => unfinished);

const all = [];
for (const count of counts) {
  const measured = Object.fromEntries(stores.map((store) => [store, []]));
  // In turns, so that a busy hour of the machine hits all alike.
  for (let run = 0; run < runs; run++) {
    for (const store of stores.filter((store) => !measured[store].some(isUnfinished))) {
      const results = await measure(store, count);
      measured[store].push(results);
      all.push({ count, run, store, results });
      const failed = Object.entries(results).find(([, result]) => result.error);
      console.error(`${count} ${store} run ${run + 1}: ${failed ? `${failed[0]}: ${failed[1].error.slice(0, 300)}` : 'done'}`);
      if (args.json) writeFileSync(args.json, JSON.stringify(all));
    }
  }
  const row = (name, get, digits) => {
    const cell = (store) => {
      const text = over(measured[store].map(get), digits);
      return text === '–' && measured[store].some(isUnfinished) ? 'not finished' : text;
    };
    console.log(`| ${name} | ${stores.map(cell).join(' | ')} |`);
  };
  console.log(`\n### ${count.toLocaleString('en')} events\n`);
  console.log(`| median of ${runs} runs (lowest–highest) | ${stores.join(' | ')} |`);
  console.log(`|---|${stores.map(() => '--:|').join('')}`);
  row('saved, events/s', ({ save }) => (count / save?.ms) * 1000, 0);
  row('from a snapshot by `cache.import`, signatures checked, events/s', ({ snapshot }) => (snapshot?.stored / snapshot?.ms) * 1000, 0);
  row('navigation to first cached event, ms', ({ cold }) => cold?.ms, 0);
  row('bytes an event (storage estimate)', ({ save }) => save?.usage / count, 0);
  row('ids, 1000, the first question after a start: ms', ({ query }) => query?.first?.ms, 1);
  const questions = filtersOf(count);
  for (const { row: name } of questions) {
    row(`${name}: p50 ms`, ({ query }) => (query?.[name] ? quantile(query[name].ms, 0.5) : Number.NaN), 2);
    row(`${name}: p95 ms`, ({ query }) => (query?.[name] ? quantile(query[name].ms, 0.95) : Number.NaN), 2);
  }
  // A time says nothing where the answer is another one.
  for (const store of stores) {
    for (const { row: name, expected } of questions) {
      const found = new Set(measured[store].map(({ query }) => query?.[name]?.found).filter((count) => count !== expected));
      found.delete(undefined);
      if (found.size > 0) console.log(`\n${store} answers "${name}" with ${[...found].join(', ')} events instead of ${expected}.`);
    }
  }
}
server.close();
server.closeAllConnections();
process.exit(0);
