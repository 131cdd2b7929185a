// What the tests of the store share: a page with small helpers, and a look past the engine at what is in IndexedDB.
import { readFileSync } from 'node:fs';
import { PAGE as ENGINE, browser, limitWaits, startServer } from './harness.mjs';

/** Runs in the page. */
function helpers() {
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const counters = async () => (await globalThis.nostr.stats()).cache.counters;
  globalThis.store = {
    sleep,
    counters,
    async start(options = {}) {
      globalThis.nostr = await NostrFerry.NostrManager.start({ verify: 'none', ...options });
    },
    /** Takes in all that the relay streams; resolves when it has ended and all of it is saved. */
    async fill(url, filters = [{}]) {
      const feed = globalThis.nostr.subscribe(filters, { relays: [url], noCache: true, bufferBytes: 4 << 20 });
      let [count, ephemeral] = [0, 0];
      feed.on('event', ({ kind }) => {
        count += 1;
        // NIP-01: the cache is not handed these.
        if (kind >= 20_000 && kind < 30_000) ephemeral += 1;
      });
      const taken = async () => (await globalThis.nostr.stats()).cache.ports.find(({ name }) => name === 'parserToCache').receivedRecords;
      const before = await taken();
      // The relay's own word: on a busy machine the engine's patience of 10 s ends before.
      await new Promise((resolve) => feed.on('eose', ({ relay }) => relay && resolve()));
      feed.close();
      // On a busy machine the cache may not have been told of all that was delivered.
      while ((await taken()) - before < count - ephemeral) await sleep(20);
      await store.settled();
      return count;
    },
    /** Waits until nothing is left to save, twice in a row: what the parser still had has then arrived. */
    async settled() {
      for (let calm = 0; calm < 3; ) {
        calm = (await counters()).unsaved_bytes === 0 ? calm + 1 : 0;
        await sleep(20);
      }
    },
    /** Ids of what the store answers, in the order it does. */
    async ids(filters = [{}]) {
      const feed = globalThis.nostr.subscribe(filters, { cacheOnly: true, bufferBytes: 4 << 20 });
      const ids = [];
      feed.on('event', ({ id }) => ids.push(id));
      await new Promise((resolve) => feed.on('eoce', resolve));
      feed.close();
      return ids;
    },
    async events(filters = [{}]) {
      return (await globalThis.nostr.fetch(filters, { cacheOnly: true })).map((event) => event.toJSON());
    },
    /** Runs `change(objectStore, keys, values)` on the database itself; the engine must be stopped. */
    async raw(change, mode = 'readonly', name = 'nostr-ferry') {
      const database = await done(indexedDB.open(name));
      const transaction = database.transaction('blobs', mode);
      const blobs = transaction.objectStore('blobs');
      const [keys, values] = await Promise.all([done(blobs.getAllKeys()), done(blobs.getAll())]);
      const result = change(blobs, keys, values);
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      database.close();
      return result;
    },
    /** What a walk over the store finds: events, and where its indexes and records disagree. No engine may be writing. */
    async check(name = 'nostr-ferry') {
      const { default: init, store_check } = await import('/suite.js');
      await init({ module_or_path: '/suite.wasm' });
      return JSON.parse(await store_check(name));
    },
    /** Bytes of all keys and blobs. */
    size: () => store.raw((_, keys, values) => keys.reduce((sum, key, at) => sum + key.length + values[at].length, 0)),
  };
  function done(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }
  // Lets a test end the cache's worker as a crash would.
  globalThis.Worker = class extends Worker {
    constructor(url, options) {
      super(url, options);
      if (options?.name === 'ferry cache') globalThis.cacheWorker = this;
    }
  };
}

const PAGE = `<!doctype html><script>(${helpers})()</script>${ENGINE}`;

/** What `store.check` runs. */
export function suite() {
  const built = (name) => readFileSync(new URL(`../../target/suite/${name}`, import.meta.url));
  return { '/suite.js': built('nostr_ferry_suite.js'), '/suite.wasm': built('nostr_ferry_suite_bg.wasm') };
}

/**
 * One origin with storage of its own, and pages on it.
 *
 * @param {Record<string, string>} files what it serves besides, by path
 * @returns {Promise<{ context: import('playwright-core').BrowserContext, open: () => Promise<{ page: import('playwright-core').Page, errors: string[] }> }>}
 */
export async function openOrigin(files = {}) {
  const server = await startServer({ isolated: true, files: { ...suite(), ...files, '/page.html': PAGE } });
  const context = await (await browser()).newContext();
  const open = async () => {
    const page = await context.newPage();
    limitWaits(page);
    const errors = [];
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`${server.origin}/page.html`);
    return { page, errors };
  };
  return { context, open, origin: server.origin };
}
