// The store's bounds: its budget, the browser's quota, and no IndexedDB at all.
import assert from 'node:assert/strict';
import { getPublicKey } from 'nostr-tools/pure';
import { test } from './harness.mjs';
import { openOrigin } from './store-page.mjs';
import { startStream, synthetic } from './synthetic.mjs';

const KEY = '01'.repeat(32);

test('50,000 events into a budget of 3 MiB: the store stays under it and keeps lists, profiles and own events', async () => {
  const budget = 3 << 20;
  const user = getPublicKey(new Uint8Array(32).fill(1));
  const lists = synthetic({ count: 300, seed: 8, authors: 100, first: 1_600_000_000, kinds: [0, 3, 10002] });
  const own = synthetic({ count: 200, seed: 9, pubkeys: [user], first: 1_600_000_000, kinds: [1] });
  const strangers = synthetic({ count: 49_500, seed: 10 });
  const stream = await startStream(() => [...lists, ...own, ...strangers]);
  const { open } = await openOrigin();
  const { page, errors } = await open();
  const { most, counters } = await page.evaluate(
    async ([url, key, maxBytes]) => {
      // So much room that the relay is never shed: asked again, it would send evicted events again, and they be stored.
      await store.start({ cache: { maxBytes }, limits: { spoolBytes: 128 << 20 } });
      await nostr.signer.usePrivateKey(key);
      let most = 0;
      let writing = true;
      const filled = store.fill(url).then(() => (writing = false));
      while (writing) {
        most = Math.max(most, (await store.counters()).bytes);
        await store.sleep(20);
      }
      await filled;
      const counters = await store.counters();
      await nostr.stop();
      return { most, counters };
    },
    [stream.url, KEY, budget],
  );
  assert.ok(most <= budget, `${most} bytes were stored at one time`);
  assert.ok(counters.evicted > 30_000, `${counters.evicted} were evicted`);
  const size = await page.evaluate(() => store.size());
  assert.ok(size <= budget, `${size} bytes lie in IndexedDB`);
  const { kept, notes } = await page.evaluate(
    async ([maxBytes, user]) => {
      await store.start({ cache: { maxBytes } });
      const kept = await store.ids([{ kinds: [0, 3, 10002] }, { authors: [user] }]);
      const notes = await store.ids([{ kinds: [1, 7] }]);
      await nostr.stop();
      return { kept, notes };
    },
    [budget, user],
  );
  // Of a replaceable kind the store keeps each author's latest.
  const latest = new Map(lists.map((event) => [`${event.kind} ${event.pubkey}`, event.id]));
  assert.deepEqual(new Set(kept), new Set([...latest.values(), ...own.map(({ id }) => id)]));
  // Of the strangers' the newest are kept.
  const strange = notes.filter((id) => !kept.includes(id));
  assert.ok(strange.length > 3_000, `${strange.length} of others are kept`);
  assert.deepEqual(strange, strangers.slice(-strange.length).map(({ id }) => id).reverse());
  assert.deepEqual(errors, []);
});

// The figures are Chromium's own: what was deleted counts until its files are gone, and it keeps a log of small values.
test("the browser's own quota is met: the store evicts, tries again and stays on the disk", async () => {
  const events = synthetic({ count: 30_000, seed: 12 });
  const stream = await startStream(() => events);
  const { open, context, origin } = await openOrigin();
  const { page } = await open();
  const session = await context.newCDPSession(page);
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2 << 20 });
  const { told, counters, found } = await page.evaluate(async (url) => {
    await store.start({ cache: { maxBytes: 256 << 20 } });
    let told = 0;
    nostr.on('memoryOnly', () => (told += 1));
    await store.fill(url);
    const answers = { counters: await store.counters(), found: await store.ids([{ limit: 500 }]) };
    await nostr.stop();
    return { told, ...answers };
  }, stream.url);
  const newestFirst = events.map(({ id }) => id).reverse();
  assert.ok(counters.quota_errors > 0 && counters.evicted > 0, JSON.stringify(counters));
  assert.deepEqual([told, counters.memory_only], [0, 0], JSON.stringify(counters));
  assert.deepEqual(found, newestFirst.slice(0, 500));
  // What is on the disk is whole, and is the newest.
  const later = await page.evaluate(async () => {
    await store.start({ cache: { maxBytes: 256 << 20 } });
    return { ids: await store.ids(), counters: await store.counters() };
  });
  assert.deepEqual([later.counters.corrupt, later.counters.foreign], [0, 0]);
  assert.ok(later.ids.length >= 1_000, `${later.ids.length} events are kept`);
  assert.deepEqual(later.ids, newestFirst.slice(0, later.ids.length));
});

test("a page that says nothing of a budget takes a quarter of the origin's quota, and never meets that", async () => {
  const stream = await startStream(() => synthetic({ count: 20_000, seed: 13 }));
  // Chromium reports the same quota to everybody, whatever it grants: the workers' own estimate is made a small one.
  const worker = "navigator.storage.estimate = async () => ({ usage: 0, quota: 16 << 20 });importScripts('/dist/nostr-ferry.worker.js');";
  const { open } = await openOrigin({ '/small.js': worker });
  const { page, errors } = await open();
  const { stats, counters } = await page.evaluate(async (url) => {
    await store.start({ workerUrl: '/small.js' });
    await store.fill(url);
    const answers = { stats: await nostr.cache.stats(), counters: await store.counters() };
    await nostr.stop();
    return answers;
  }, stream.url);
  assert.equal(stats.budget, 4 << 20);
  assert.ok(stats.bytes <= 4 << 20 && stats.evicted > 0, JSON.stringify(stats));
  assert.equal(counters.quota_errors, 0);
  assert.deepEqual(errors, []);
});

/** Saves and finds events in a store that cannot last, and tells what the page was told. */
function useMemory(page, url, options) {
  return page.evaluate(
    async ([url, options]) => {
      await store.start(options);
      const told = new Promise((resolve) => nostr.on('memoryOnly', () => resolve('told')));
      await store.fill(url);
      const found = (await store.ids()).length;
      const late = new Promise((resolve) => nostr.on('memoryOnly', () => resolve('told late')));
      const answers = [await told, await late, found, (await store.counters()).memory_only];
      await nostr.stop();
      return answers;
    },
    [url, options],
  );
}

test('where IndexedDB is refused the store lives in memory, and the page is told', async () => {
  const stream = await startStream(() => synthetic({ count: 500 }));
  const { open } = await openOrigin();
  const { page } = await open();
  // To this engine a database of a later version is closed, as all are in a window that denies storage.
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        indexedDB.open('nostr-ferry', 99).onsuccess = ({ target }) => resolve(target.result.close());
      }),
  );
  assert.deepEqual(await useMemory(page, stream.url, {}), ['told', 'told late', 500, 1]);
  assert.deepEqual(await useMemory(page, stream.url, { cache: false }), ['told', 'told late', 500, 1]);
  const version = await page.evaluate(
    () =>
      new Promise((resolve) => {
        indexedDB.open('nostr-ferry').onsuccess = ({ target }) => resolve(target.result.version);
      }),
  );
  assert.equal(version, 99, 'what is not ours is left as it is');
});
