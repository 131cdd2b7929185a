// What the browser tests share: sample events, a relay, web servers and one Chromium a test file.
// Everything started here ends with the test file.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
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

/**
 * What a test waits for; it fails with a sentence, where it was asked, long before the runner would end the file without one.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what is waited for, for that sentence
 * @param {number} seconds more than anything takes on a machine that is busy with other things
 * @returns {Promise<T>}
 */
export function within(promise, what, seconds = 90) {
  const late = new Error(`waited ${seconds} s for ${what}`);
  let timer;
  const limit = new Promise((_, reject) => (timer = setTimeout(reject, seconds * 1000, late)));
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Playwright's own `evaluate` waits for ever for a promise in the page. */
function limitEvaluate(page) {
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
  const relay = await serve.startRelay(['--events', file, ...args]);
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
  launched ??= chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_FLAGS }).then((started) => {
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
  limitEvaluate(page);
  const errors = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(url);
  return { page, errors };
}

/**
 * Gives a look at what a cross-origin isolated page holds after a garbage collection: its workers, its heap, and all of
 * its memory, in bytes.
 *
 * @param {import('playwright-core').Page} page
 * @returns {Promise<() => Promise<{ workers: number, usedSize: number, bytes: number }>>}
 */
export async function memoryOf(page) {
  const session = await page.context().newCDPSession(page);
  return async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    const bytes = await page.evaluate(async () => (await performance.measureUserAgentSpecificMemory()).bytes);
    return { workers: page.workers().length, usedSize, bytes };
  };
}

/** Refuses more growth between two looks than a browser has by itself. */
export function assertNoGrowth(before, end) {
  const growth = JSON.stringify({ before, end });
  assert.ok(end.usedSize - before.usedSize < 512 << 10, growth);
  assert.ok(end.bytes - before.bytes < 4 << 20, growth);
}
