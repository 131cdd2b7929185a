// What the browser tests share: sample events, a relay, web servers and one Chromium a test file.
// Everything started here ends with the test file.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test as nodeTest } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import * as serve from '../../tools/serve.mjs';

const SAMPLE_EVENTS = fileURLToPath(new URL('../../target/debug/examples/sample_events', import.meta.url));
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // `measureUserAgentSpecificMemory` answers at once, not after the next garbage collection.
  '--enable-blink-features=ForceEagerMeasureMemory',
];

const folder = mkdtempSync(join(tmpdir(), 'ferry-test-'));
const endings = [];
after(async () => {
  // Newest first: pages before the servers they talk to.
  for (const end of endings.reverse()) await within(end(), 'what the tests started to end');
  rmSync(folder, { recursive: true });
});

/** One wait is given so long: it ends what hangs, and no machine that works takes so long for anything here. */
const WAIT_SECONDS = 240;
/** A whole test's waits together. The runner's own limit is for a whole file, and says nothing of where the file stood. */
const TEST_SECONDS = 900;

/** What is being waited for, to be named where a limit is met. */
const waits = new Set();

/**
 * What a test waits for; it fails with a sentence, where it was asked, long before the runner would end the file without one.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what is waited for, for that sentence
 * @param {number} seconds more than anything takes on a machine that is slow, and busy with other things
 * @returns {Promise<T>}
 */
export function within(promise, what, seconds = WAIT_SECONDS) {
  const wait = { what, seconds };
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const others = [...waits].filter((other) => other !== wait && other.seconds < seconds).map((other) => `; for ${other.what}`);
      reject(new Error(`waited ${seconds} s for ${what}${others.join('')}`));
    }, seconds * 1000);
  });
  waits.add(wait);
  return Promise.race([promise, limit]).finally(() => {
    clearTimeout(timer);
    waits.delete(wait);
  });
}

/**
 * Waits until `look` finds what is there to stay, looking again and again: for what tells of no change by itself.
 *
 * @template T
 * @param {() => T | Promise<T>} look gives something true once it is there
 * @param {string} what is waited for
 * @returns {Promise<T>} what was found
 */
export function until(look, what) {
  let over = false;
  const looking = async () => {
    for (;;) {
      const found = await look();
      if (found || over) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return within(looking(), what).finally(() => (over = true));
}

/** `test` of node:test, whose end by time says what the test waited for. */
export function test(name, run) {
  return nodeTest(name, (context) => within(Promise.resolve(run(context)), `the test to end: ${name}`, TEST_SECONDS));
}

/**
 * A page with the engine as a script. The engine's patience with relays is longer than any machine's slowness, so that the
 * last `eose` is the relays' own word; a test of that patience asks for its own.
 */
export const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/dist/nostr-ferry.js"></script>
<script>(${bePatient})(${WAIT_SECONDS * 1000})</script>`;

/** Runs in the page. */
function bePatient(eoseMs) {
  const { NostrManager } = NostrFerry;
  const start = NostrManager.start.bind(NostrManager);
  NostrManager.start = (options = {}) => start({ ...options, limits: { eoseMs, ...options.limits } });
}

/** Playwright's own `evaluate` waits for ever for a promise in the page, and for the rest half a minute. */
export function limitWaits(page) {
  page.setDefaultTimeout(WAIT_SECONDS * 1000);
  const evaluate = page.evaluate.bind(page);
  page.evaluate = (code, argument) => within(evaluate(code, argument), `the page to run ${String(code).slice(0, 300)}`);
}

/**
 * Signed sample events, the same for the same options.
 *
 * @param {{ count?: number, seed?: number, base?: number, days?: number, relays?: string[] }} options as examples/sample_events takes them
 * @returns {Promise<object[]>} oldest first
 */
export async function sampleEvents({ relays = [], ...options } = {}) {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  args.push(...relays.flatMap((relay) => ['--relay', relay]));
  const { stdout } = await promisify(execFile)(SAMPLE_EVENTS, args, { maxBuffer: 1 << 30 });
  return stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
}

let relayFiles = 0;
/**
 * A relay that holds `events` at the start.
 *
 * @param {object[]} events
 * @param {string[]} args further options of tools/relay.py, such as '--auth', 'read'
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function startRelay(events = [], args = []) {
  const file = join(folder, `events-${relayFiles++}.jsonl`);
  writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  const relay = await within(serve.startRelay(['--events', file, ...args]), 'a relay to be ready');
  endings.push(relay.stop);
  return relay;
}

/** A static server; the options are those of tools/serve.mjs. */
export async function startServer(options) {
  const server = await serve.startServer(options);
  let open = true;
  const close = async () => {
    if (open) await server.close();
    open = false;
  };
  endings.push(close);
  return { ...server, close };
}

let launched;
/** The file's one Chromium. */
export function browser() {
  launched ??= chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_FLAGS, timeout: WAIT_SECONDS * 1000 }).then((started) => {
    endings.push(() => started.close());
    return started;
  });
  return launched;
}

/**
 * A page with storage of its own.
 *
 * @param {string} url where it goes first
 * @returns {Promise<{ page: import('playwright-core').Page, errors: string[] }>} `errors` grows: console errors and uncaught exceptions
 */
export async function openPage(url) {
  const context = await (await browser()).newContext();
  const page = await context.newPage();
  limitWaits(page);
  const errors = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(url);
  return { page, errors };
}

/**
 * Gives a look at what a cross-origin isolated page holds after a garbage collection, once it has so many workers: its heap,
 * and all of its memory, in bytes.
 *
 * @param {import('playwright-core').Page} page
 * @param {number} workers
 * @returns {Promise<() => Promise<{ usedSize: number, bytes: number }>>}
 */
export async function memoryOf(page, workers) {
  const session = await page.context().newCDPSession(page);
  return async () => {
    await until(() => page.workers().length === workers, `no more than ${workers} workers to be left`);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    const bytes = await page.evaluate(async () => (await performance.measureUserAgentSpecificMemory()).bytes);
    return { usedSize, bytes };
  };
}

/**
 * How long the longest task of `page`'s own thread takes while `work` runs, in milliseconds. By the thread's own clock: the
 * time the task itself took, not what the machine's other work took from it.
 *
 * That clock runs on while another thread has the core's caches or its other half. So where a task is over `limitMs`, `work` is
 * done anew, `runs` times at most: what the page itself does is the same each time.
 *
 * @template T
 * @param {import('playwright-core').Page} page
 * @param {() => Promise<T>} work
 * @param {{ limitMs?: number, runs?: number }} [options]
 * @returns {Promise<{ result: T, longest: number }>}
 */
export async function longestTask(page, work, { limitMs = 50, runs = 1 } = {}) {
  await (await browser()).startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] });
  const result = await work();
  const trace = JSON.parse(await (await browser()).stopTracing()).traceEvents;
  const main = trace.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const isMain = ({ pid, tid }) => main.some((thread) => thread.pid === pid && thread.tid === tid);
  const tasks = trace.filter((event) => event.tdur !== undefined && isMain(event));
  assert.ok(tasks.length > 100, 'the trace has no tasks');
  const longest = Math.max(...tasks.map(({ tdur }) => tdur / 1000));
  return longest <= limitMs || runs <= 1 ? { result, longest } : longestTask(page, work, { limitMs, runs: runs - 1 });
}

/** Refuses more growth between two looks than a browser has by itself. */
export function assertNoGrowth(before, end) {
  const growth = JSON.stringify({ before, end });
  assert.ok(end.usedSize - before.usedSize < 512 << 10, growth);
  assert.ok(end.bytes - before.bytes < 4 << 20, growth);
}
