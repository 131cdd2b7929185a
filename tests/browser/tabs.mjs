// Tabs that can be hidden and frozen. Playwright keeps every page visible, so these are driven without it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { WebSocket } from 'ws';
import { within } from './harness.mjs';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync', '--remote-debugging-port=0'];

/**
 * A Chromium with tabs in one window; it ends with the test file.
 *
 * @returns {Promise<(url: string) => Promise<Tab>>} opens a tab in front of the others
 *
 * @typedef {object} Tab
 * @property {(task: Function, ...args: unknown[]) => Promise<any>} evaluate runs `task` in the page; what it throws is thrown here
 * @property {() => Promise<void>} show brings it to the front, which hides the others
 * @property {(frozen: boolean) => Promise<void>} freeze stops its tasks, or lets them go on
 */
export async function startTabs() {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-tabs-'));
  const browser = spawn('/usr/bin/chromium', [...FLAGS, `--user-data-dir=${folder}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  after(async () => {
    const ended = once(browser, 'exit');
    browser.kill();
    await ended;
    await rm(folder, { recursive: true, force: true, maxRetries: 50 });
  });
  let words = '';
  const starting = new Promise((resolve, reject) => {
    browser.on('exit', () => reject(new Error(`chromium did not start: ${words}`)));
    browser.stderr.on('data', (part) => {
      words += part;
      const found = /ws:\/\/\S+/.exec(words);
      if (found) resolve(found[0]);
    });
  });
  const socket = new WebSocket(await within(starting, 'chromium to start'));
  await within(once(socket, 'open'), 'a socket to chromium');
  const answers = new Map();
  const loads = new Map();
  socket.on('message', (data) => {
    const { id, result, error, method, sessionId } = JSON.parse(data);
    if (method === 'Page.loadEventFired') loads.get(sessionId)?.();
    const { resolve, reject } = answers.get(id) ?? {};
    if (error) reject?.(new Error(error.message));
    else resolve?.(result);
    answers.delete(id);
  });
  let last = 0;
  const send = (method, params = {}, sessionId = undefined) => {
    const answer = new Promise((resolve, reject) => {
      answers.set(++last, { resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params, sessionId }));
    });
    return within(answer, `the tab to answer ${method} ${String(params.expression ?? '').slice(0, 300)}`);
  };

  return async (url) => {
    const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
    const evaluate = async (task, ...args) => {
      const expression = `(${task})(...${JSON.stringify(args)})`;
      const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
    await send('Page.enable', {}, sessionId);
    const loaded = new Promise((resolve) => loads.set(sessionId, resolve));
    await send('Page.navigate', { url }, sessionId);
    await within(loaded, `the tab to load ${url}`);
    return {
      evaluate,
      show: () => send('Target.activateTarget', { targetId }),
      freeze: (frozen) => send('Page.setWebLifecycleState', { state: frozen ? 'frozen' : 'active' }, sessionId),
    };
  };
}
