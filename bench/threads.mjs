// Measures what an event costs each thread of Chromium on its way from a relay's socket to the store and the page: CPU
// time as the system counts it, so that what else the machine does blurs it little. Prints a Markdown table of medians
// and spreads. The relay sends as fast as its socket takes; signatures are not checked. Run it on a machine at rest.
// usage: threads.mjs [--rounds 5] [--counts 10000,100000] [--dist dist]… (several builds take turns)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import WebSocket, { WebSocketServer } from 'ws';
import { startServer } from '../tools/serve.mjs';
import { stream, synthetic } from '../tests/browser/synthetic.mjs';

const { values: args } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    counts: { type: 'string', default: '10000,100000' },
    dist: { type: 'string', multiple: true, default: ['dist'] },
  },
});
const ROUNDS = Number(args.rounds);
const COUNTS = args.counts.split(',').map(Number);
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-port=0',
];
const ROLES = ['parser', 'connections', 'cache', 'crypto'];
const ROWS = [...ROLES, 'page', "V8's compilers", 'renderer, I/O', 'network service', 'browser', 'relay'];

const files = { '/page.html': '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/dist/nostr-ferry.js"></script>' };
const site = await startServer({ isolated: true, files });
const events = synthetic({ count: Math.max(...COUNTS), authors: 500 });
let count;
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
await once(server, 'listening');
stream(server, () => events.slice(-count), { newestFirst: true });
const relay = `ws://127.0.0.1:${server.address().port}`;

/** The browser's protocol for developers, with nothing of it enabled that would cost the threads CPU. */
async function connect(url) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  const answers = new Map();
  const workers = new Map();
  let last = 0;
  let load;
  const loaded = new Promise((resolve) => (load = resolve));
  socket.on('message', (text) => {
    const { id, method, params, result, error } = JSON.parse(text);
    if (method === 'Target.attachedToTarget') workers.set(params.targetInfo.title, params.sessionId);
    if (method === 'Page.loadEventFired') load();
    if (!answers.has(id)) return;
    if (error) answers.get(id).reject(new Error(error.message));
    else answers.get(id).resolve(result);
  });
  const send = (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      answers.set(++last, { resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params, sessionId }));
    });
  const run = async (sessionId, program, ...values) => {
    const expression = `(${program})(...${JSON.stringify(values)})`;
    const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  return { send, run, workers, loaded, close: () => socket.close() };
}

const text = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended since it was listed.
    return '';
  }
};

/** Milliseconds of CPU by thread, of the processes that use `profile`. */
function threads(profile) {
  const used = new Map();
  for (const process of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const command = text(`/proc/${process}/cmdline`);
    if (!command.includes(profile)) continue;
    const type = /--type=([a-z-]+)/.exec(command)?.[1] ?? 'browser';
    for (const thread of readdirSync(`/proc/${process}/task`)) {
      const [ns] = text(`/proc/${process}/task/${thread}/schedstat`).split(' ');
      used.set(thread, { type, main: thread === process, name: text(`/proc/${process}/task/${thread}/comm`).trim(), ms: Number(ns) / 1e6 });
    }
  }
  return used;
}

/** Which row of the table a thread belongs to. */
function row(thread, { type, main, name }, roles) {
  if (roles.has(thread)) return roles.get(thread);
  if (type === 'utility') return 'network service';
  if (type !== 'renderer') return 'browser';
  if (main) return 'page';
  return name === 'Chrome_ChildIOT' ? 'renderer, I/O' : "V8's compilers";
}

/** Which thread is which role's: the one that works while the role's worker is kept busy. */
async function rolesOf(page, profile) {
  const roles = new Map();
  for (const role of ROLES) {
    const before = threads(profile);
    await page.run(page.workers.get(`ferry ${role}`), () => {
      const end = performance.now() + 30;
      while (performance.now() < end);
    });
    const spent = [...threads(profile)].filter(([, { name }]) => name.startsWith('DedicatedWorker')).map(([thread, { ms }]) => [thread, ms - (before.get(thread)?.ms ?? 0)]);
    roles.set(spent.sort((a, b) => b[1] - a[1])[0][0], role);
  }
  if (roles.size !== ROLES.length) throw new Error('two roles seem to be one thread');
  return roles;
}

async function measure(dist) {
  for (const name of readdirSync(dist)) if (/\.(js|mjs|wasm)$/.test(name)) files[`/dist/${name}`] = readFileSync(join(dist, name));
  const profile = mkdtempSync(join(tmpdir(), 'ferry-bench-'));
  const browser = spawn('/usr/bin/chromium', [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => browser.kill();
  process.on('exit', kill);
  const lines = createInterface(browser.stderr);
  const port = await new Promise((resolve) => lines.on('line', (line) => /DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(line)?.[1] && resolve(/:(\d+)\//.exec(line)[1])));
  let url;
  while (!url) url = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()).find(({ type }) => type === 'page')?.webSocketDebuggerUrl;
  const page = await connect(url);
  await page.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true });
  await page.send('Page.enable');
  await page.send('Page.navigate', { url: `${site.origin}/page.html` });
  await page.loaded;
  await page.send('Page.disable');
  await page.run(undefined, async (relay) => {
    globalThis.nostr = await NostrFerry.NostrManager.start({ relays: [relay], verify: 'none' });
    await nostr.stats();
  }, relay);
  const roles = await rolesOf(page, profile);
  const [before, own] = [threads(profile), process.cpuUsage()];
  const figures = await page.run(undefined, async (count) => {
    const began = performance.now();
    let received = 0;
    const feed = nostr.subscribe([{}], { noCache: true, bufferBytes: 4 << 20 });
    await new Promise((resolve) => feed.on('event', () => ++received === count && resolve()));
    const delivered = performance.now() - began;
    let stats;
    while ((stats = await nostr.stats()).cache.counters.saved < count) await new Promise((resolve) => setTimeout(resolve, 5));
    return { delivered, saved: performance.now() - began, writes: stats.cache.counters.storage_writes, sheds: stats.connections.counters.sheds };
  }, count);
  const relayCpu = process.cpuUsage(own);
  const cpu = Object.fromEntries(ROWS.map((name) => [name, 0]));
  for (const [thread, now] of threads(profile)) cpu[row(thread, now, roles)] += now.ms - (before.get(thread)?.ms ?? 0);
  cpu.relay = (relayCpu.user + relayCpu.system) / 1000;
  page.close();
  kill();
  await once(browser, 'exit');
  process.off('exit', kill);
  await rm(profile, { recursive: true, force: true, maxRetries: 50 });
  return { ...figures, cpu };
}

function spread(figures, digits) {
  const sorted = figures.toSorted((a, b) => a - b);
  return `${sorted[sorted.length >> 1].toFixed(digits)} (${sorted[0].toFixed(digits)}–${sorted.at(-1).toFixed(digits)})`;
}

const runs = COUNTS.flatMap((count) => args.dist.map((dist) => ({ count, dist, rounds: [] })));
for (let round = 0; round < ROUNDS; round++) {
  for (const run of runs) {
    count = run.count;
    run.rounds.push(await measure(resolve(run.dist)));
    console.error(`round ${round + 1} of ${ROUNDS}: ${count} events, ${run.dist}: ${run.rounds.at(-1).saved.toFixed(0)} ms`);
  }
}
const line = (name, cell) => console.log(`| ${[name, ...runs.map((run) => cell(run))].join(' | ')} |`);
line(`${ROUNDS} rounds`, ({ count, dist }) => `${count.toLocaleString('en')} events${args.dist.length > 1 ? `, ${dist}` : ''}`);
console.log(`|---|${'--:|'.repeat(runs.length)}`);
for (const name of ROWS) line(`${name}, µs of CPU an event`, ({ count, rounds }) => spread(rounds.map(({ cpu }) => (cpu[name] * 1000) / count), 1));
line('all of them', ({ count, rounds }) => spread(rounds.map(({ cpu }) => (Object.values(cpu).reduce((sum, ms) => sum + ms) * 1000) / count), 1));
line('ms until all were delivered', ({ rounds }) => spread(rounds.map(({ delivered }) => delivered), 0));
line('ms until all were saved', ({ rounds }) => spread(rounds.map(({ saved }) => saved), 0));
line('writes of the store', ({ rounds }) => spread(rounds.map(({ writes }) => writes), 0));
line('times that the relay was shed', ({ rounds }) => spread(rounds.map(({ sheds }) => sheds), 0));
for (const client of server.clients) client.terminate();
server.close();
await site.close();
