// Measures checks of events (id and signature) in one Chromium, without a driver: Ferry beside npm nostr-wasm and
// @noble/curves, on the same events, in turns. A rate is events a second of CPU, as the system counts it for the
// threads of the workers, so that what else the machine does blurs it little.
// usage: verify.mjs [--rounds 3] [--ms 2000]
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { finalizeEvent, generateSecretKey } from 'nostr-tools/pure';

const { values: args } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, ms: { type: 'string', default: '2000' } } });
const ROUNDS = Number(args.rounds);
const EVENTS = 2048;
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
/** The system counts CPU in hundredths of a second. */
const TICK = 100;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const MIXES = { 'all authors different': 'different', 'feed of 60 authors': 'feed' };
const HOWS = [
  { label: 'npm @noble/curves', name: 'noble', how: 'one' },
  { label: 'npm nostr-wasm', name: 'nostr-wasm', how: 'one' },
  { label: 'Ferry, one at a time', name: 'ferry', how: 'one' },
  ...[16, 64, 256, 1024].map((size) => ({ label: `Ferry, batches of ${size}`, name: 'ferry', how: 'batches', size })),
  ...[1, 2].map((workers) => ({ label: `Ferry, pool of ${workers}, batches of 1024`, name: 'ferry', how: 'pool', size: 1024, workers })),
];

/** The last of a longer sample: what is read after everybody's profile. The same texts by an author each, for the other mix. */
function sample() {
  const program = here('../target/debug/examples/sample_events');
  const lines = execFileSync(program, ['--count', String(4 * EVENTS)], { maxBuffer: 1 << 30 }).toString().trimEnd().split('\n');
  const feed = lines.slice(-EVENTS);
  const different = feed.map((line) => {
    const { kind, created_at, tags, content } = JSON.parse(line);
    const { id, pubkey, sig } = finalizeEvent({ kind, created_at, tags, content }, generateSecretKey());
    return JSON.stringify({ id, pubkey, created_at, kind, tags, content, sig });
  });
  return { feed, different };
}

async function bundle(name) {
  const { outputFiles } = await build({
    stdin: { contents: `import * as it from './verifiers/${name}.mjs'; import { serve } from './verify-worker.mjs'; serve(it);`, resolveDir: here('.') },
    alias: { '#glue': here('../target/bench/glue/nostr_ferry_bench.js') },
    bundle: true,
    write: false,
    format: 'iife',
    define: { __BUILD__: '"bench"' },
    logOverride: { 'empty-import-meta': 'silent' },
    minify: true,
    target: 'es2022',
  });
  return outputFiles[0].text;
}

const files = {
  '/run.html': ['text/html; charset=utf-8', '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>'],
  '/page.js': ['text/javascript', readFileSync(here('verify-page.mjs'))],
  '/ferry.wasm': ['application/wasm', readFileSync(here('../target/bench/glue/nostr_ferry_bench_bg.wasm'))],
};
for (const name of ['ferry', 'nostr-wasm', 'noble']) files[`/${name}.js`] = ['text/javascript', await bundle(name)];

const profile = mkdtempSync(join(tmpdir(), 'ferry-bench-'));
const measured = new Map();
let done;
const ended = new Promise((resolve) => (done = resolve));

/** CPU seconds of the pages' threads and of the workers' threads, in the renderers of this profile. */
function cpu() {
  const seconds = { page: 0, workers: 0 };
  const text = (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // It has ended since it was listed.
      return '';
    }
  };
  for (const process of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const command = text(`/proc/${process}/cmdline`);
    if (!command.includes('--type=renderer') || !ours(process)) continue;
    for (const thread of readdirSync(`/proc/${process}/task`)) {
      // The name is in brackets and may hold spaces; user and system time are the 12th and 13th field after it.
      const [, name, rest] = /\((.*)\) (.*)/s.exec(text(`/proc/${process}/task/${thread}/stat`)) ?? [];
      if (!name) continue;
      const used = rest.split(' ').slice(11, 13).reduce((sum, ticks) => sum + Number(ticks), 0) / TICK;
      if (thread === process) seconds.page += used;
      else if (name.startsWith('DedicatedWorker')) seconds.workers += used;
    }
  }
  return seconds;

  /** Whether the process descends from the browser that this program started. */
  function ours(process) {
    for (let at = Number(process); at > 1; ) {
      if (at === browser.pid) return true;
      at = Number(/\(.*\) \S (\d+)/s.exec(text(`/proc/${at}/stat`))?.[1] ?? 0);
    }
    return false;
  }
}

const events = sample();
const rows = Array.from({ length: ROUNDS }, () => Object.values(MIXES).flatMap((mix) => HOWS.map((how) => ({ mix, ...how })))).flat();
const answers = {
  '/plan': () => ({ events, rows, ms: Number(args.ms) }),
  '/cpu': cpu,
  '/measured': ({ row, ...figures }) => {
    const key = `${row.mix} ${row.label}`;
    measured.set(key, [...(measured.get(key) ?? []), figures]);
    console.error(`${measured.get(key).length} of ${ROUNDS}: ${row.mix}, ${row.label}: ${(figures.good / figures.workers).toFixed(0)}/s`);
    // Every event is good, so a pass that found fewer would be no pass.
    if (figures.good % EVENTS !== 0) done({ error: `${row.label} refused good events` });
    return {};
  },
  '/done': (result) => (done(result), {}),
};
const server = createServer(async (request, response) => {
  const path = new URL(request.url, 'http://localhost').pathname;
  if (request.method === 'GET') {
    const [type, body] = files[path] ?? ['text/plain', 'not here'];
    return void response.writeHead(files[path] ? 200 : 404, { 'content-type': type }).end(body);
  }
  let body = '';
  for await (const part of request) body += part;
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answers[path](JSON.parse(body))));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const browser = spawn('/usr/bin/chromium', [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${server.address().port}/run.html`], { stdio: 'ignore' });
const { error } = await ended;
const gone = once(browser, 'exit');
browser.kill();
await gone;
await rm(profile, { recursive: true, force: true, maxRetries: 50 });
server.close();
server.closeAllConnections();
if (error) throw new Error(error);

const sorted = (values) => [...values].sort((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];
const spread = (values, digits = 0) => `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
console.log(`${EVENTS} events, ${ROUNDS} rounds in turns, median (lowest–highest); ${cpus().length} cores. “Per core” is a second of the workers’ CPU.`);
for (const [title, mix] of Object.entries(MIXES)) {
  const of = ({ label }) => measured.get(`${mix} ${label}`);
  const perCore = (how) => of(how).map(({ good, workers }) => good / workers);
  const base = median(perCore(HOWS.find(({ name }) => name === 'nostr-wasm')));
  console.log(`\n| ${title} | events/s per core | × nostr-wasm | events/s by the clock | page’s thread, % of CPU | long tasks |`);
  console.log('|---|--:|--:|--:|--:|--:|');
  for (const how of HOWS) {
    const figures = of(how);
    const byClock = figures.map(({ good, elapsed }) => (good / elapsed) * 1000);
    const page = figures.map(({ page, elapsed }) => (page / elapsed) * 100_000);
    const tasks = figures.reduce((sum, { longTasks }) => sum + longTasks, 0);
    console.log(`| ${how.label} | ${spread(perCore(how))} | ${(median(perCore(how)) / base).toFixed(1)} | ${spread(byClock)} | ${spread(page, 1)} | ${tasks} |`);
  }
}
process.exit(0);
