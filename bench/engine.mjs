// Measures the engine in Chromium without a driver: the browser is started on an address, the page posts its
// figures back. Prints a Markdown table of medians and spreads. Run it by `make bench`, on a machine at rest.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as serve from '../tools/serve.mjs';

const ROUNDS = 5;
const EVENTS = 10_000;
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const folder = mkdtempSync(join(tmpdir(), 'ferry-bench-'));
const sample = fileURLToPath(new URL('../target/debug/examples/sample_events', import.meta.url));
const lines = execFileSync(sample, ['--count', String(EVENTS)], { maxBuffer: 1 << 30 }).toString().trimEnd().split('\n');
const events = join(folder, 'events.jsonl');
writeFileSync(events, `${lines.join('\n')}\n`);
const ids = lines.map((line) => JSON.parse(line).id);
// The relay takes 20 filters and answers each with 500 events at most.
const filters = Array.from({ length: 20 }, (_, at) => ({ ids: ids.slice(at * 500, at * 500 + 500) }));

/** Runs in the page: one measurement, posted back. */
const PAGE = (options) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script src="/dist/nostr-ferry.js"></script><script type="module">
const options = ${JSON.stringify(options)};
const figures = {};
const began = performance.now();
const nostr = await NostrFerry.NostrManager.start({ relays: [options.relay], verify: options.verify, cache: options.cache });
figures.ready = performance.now() - began;
let first, count = 0;
const feed = nostr.subscribe(options.filters, { cacheOnly: options.cacheOnly, bufferBytes: 4 << 20 });
await new Promise((resolve) => {
  feed.on('event', () => { first ??= performance.now(); count += 1; });
  feed.on('eose', ({ relay }) => relay ?? resolve());
});
figures.count = count;
figures.first = first;
figures.seconds = (performance.now() - first) / 1000;
const stats = await nostr.stats();
figures.batches = stats.connections.ports.find(({ name }) => name === 'connToParser').sentBatches;
const hops = [];
for (let at = 0; at < 200; at++) {
  const sent = performance.now();
  await nostr.stats();
  hops.push((performance.now() - sent) / 2);
}
hops.sort((a, b) => a - b);
figures.hop50 = hops[100]; figures.hop99 = hops[198];
await nostr.stop();
await fetch(options.back, { method: 'POST', mode: 'no-cors', body: JSON.stringify(figures) });
</script>`;

const pages = {};
const relay = await serve.startRelay(['--events', events]);
const site = await serve.startServer({ isolated: true, files: pages });
let report;
const back = createServer((request, response) => {
  let body = '';
  request.on('data', (part) => (body += part)).on('end', () => {
    response.setHeader('cross-origin-resource-policy', 'cross-origin');
    response.end();
    report(JSON.parse(body));
  });
});
back.listen(0, '127.0.0.1');
await once(back, 'listening');

async function measure(profile, options) {
  const all = { relay: relay.url, filters, back: `http://127.0.0.1:${back.address().port}/`, ...options };
  pages['/bench.html'] = PAGE(all);
  const browser = spawn('/usr/bin/chromium', [...FLAGS, `--user-data-dir=${profile}`, `${site.origin}/bench.html`], { stdio: 'ignore' });
  const figures = await new Promise((resolve) => (report = resolve));
  browser.kill();
  await once(browser, 'exit');
  if (figures.count !== EVENTS) throw new Error(`${figures.count} of ${EVENTS} events arrived`);
  return figures;
}

const rows = { checked: [], unchecked: [], cached: [] };
for (let round = 0; round < ROUNDS; round++) {
  // Interleaved, so that what else the machine does falls on all alike.
  const profile = join(folder, `profile-${round}`);
  rows.checked.push(await measure(profile, { verify: 'all' }));
  rows.cached.push(await measure(profile, { cacheOnly: true }));
  rows.unchecked.push(await measure(join(folder, `profile-none-${round}`), { verify: 'none', cache: false }));
  console.error(`round ${round + 1} of ${ROUNDS}`);
}
await Promise.all([relay.stop(), site.close()]);
back.close();
await rm(folder, { recursive: true, force: true, maxRetries: 50 });

function spread(figures) {
  const sorted = figures.toSorted((a, b) => a - b);
  const round = (figure) => (figure < 10 ? figure.toFixed(2) : String(Math.round(figure)));
  return `${round(sorted[sorted.length >> 1])} | ${round(sorted[0])}–${round(sorted.at(-1))}`;
}
const rate = (row) => row.map(({ seconds }) => EVENTS / seconds);
const all = Object.values(rows).flat();
console.log(`| ${EVENTS.toLocaleString('en')} events, isolated page, ${ROUNDS} rounds | median | range |\n|---|---|---|`);
console.log(`| events/s page-observed, checked and stored | ${spread(rate(rows.checked))} |`);
console.log(`| events/s page-observed, \`verify: 'none'\`, no store | ${spread(rate(rows.unchecked))} |`);
console.log(`| events/s page-observed, from the store | ${spread(rate(rows.cached))} |`);
console.log(`| records in one post, connections to parser | ${spread(rows.checked.map(({ batches }) => EVENTS / batches))} |`);
console.log(`| ms from start() to ready | ${spread(all.map(({ ready }) => ready))} |`);
console.log(`| ms from navigation to the first cached event | ${spread(rows.cached.map(({ first }) => first))} |`);
console.log(`| ms one way between page and worker, p50 | ${spread(all.map(({ hop50 }) => hop50))} |`);
console.log(`| ms one way between page and worker, p99 | ${spread(all.map(({ hop99 }) => hop99))} |`);
