// What is in IndexedDB is not as the engine left it: it starts, serves the rest, says so and repairs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from './harness.mjs';
import { openOrigin } from './store-page.mjs';
import { startStream, synthetic } from './synthetic.mjs';

const COUNT = 3_000;
const EVENTS = synthetic({ count: COUNT, seed: 5 });
const BY_ID = new Map(EVENTS.map((event) => [event.id, event]));

/** A page with a stopped engine whose store holds `EVENTS`. */
async function filled() {
  const stream = await startStream(() => EVENTS);
  const origin = await openOrigin();
  const { page, errors } = await origin.open();
  await page.evaluate(async (url) => {
    await store.start();
    await store.fill(url);
    await nostr.stop();
  }, stream.url);
  return { ...origin, page, errors, url: stream.url };
}

/** One run of an engine over the store: what it serves and what it counts once it has read everything. */
function run(page) {
  return page.evaluate(async () => {
    await store.start();
    const events = await store.events();
    const counters = await store.counters();
    await nostr.stop();
    return { events, counters };
  });
}

/** After a run the repairs are on the disk: indexes and records agree, and hold `count` events. */
async function assertWhole(page, count) {
  const { problems, events } = await page.evaluate(() => store.check());
  assert.deepEqual([problems, events], [[], count]);
}

function assertTrue(events) {
  for (const event of events) assert.deepEqual(event, BY_ID.get(event.id), 'what is served is as it was saved');
}

test('random bytes in one record of twenty: the others are served as they were, and the damage is gone after a run', async () => {
  const { page, errors, url } = await filled();
  await page.evaluate(
    ([hits]) =>
      store.raw((blobs, keys, values) => {
        let state = 12345;
        const random = (bound) => ((state = (Math.imul(state, 1103515245) + 12345) >>> 0), Math.floor((state / 2 ** 32) * bound));
        const data = keys.map((key, at) => [key, values[at]]).filter(([key]) => key.startsWith('d/'));
        for (let hit = 0; hit < hits; hit++) {
          const blob = data[random(data.length)][1];
          blob[random(blob.length)] ^= 1 + random(255);
        }
        for (const [key, value] of data) blobs.put(value, key);
      }, 'readwrite'),
    [COUNT / 20],
  );
  const first = await run(page);
  assertTrue(first.events);
  const lost = COUNT - first.events.length;
  assert.ok(lost > COUNT / 40 && lost <= COUNT / 20, `${lost} of ${COUNT} are lost`);
  assert.equal(first.counters.corrupt, lost);
  await assertWhole(page, first.events.length);
  const second = await run(page);
  assert.equal(second.events.length, first.events.length);
  assert.equal(second.counters.corrupt, 0);
  // What was lost is taken in again when a relay has it.
  const again = await page.evaluate(async (url) => {
    await store.start();
    await store.fill(url);
    const found = (await store.ids()).length;
    await nostr.stop();
    return found;
  }, url);
  assert.equal(again, COUNT);
  assert.deepEqual(errors, []);
});

test('index blobs of an unknown layout version or full of noise are made again from the records', async () => {
  const { page, errors } = await filled();
  await page.evaluate(() =>
    store.raw((blobs, keys, values) => {
      keys.forEach((key, at) => {
        if (!key.startsWith('i/')) return;
        // The byte after the four of the magic number is the version.
        if (at % 2 === 0) values[at][4] = 99;
        else crypto.getRandomValues(values[at].subarray(0, 65_536));
        blobs.put(values[at], key);
      });
    }, 'readwrite'),
  );
  const first = await run(page);
  assert.equal(first.events.length, COUNT);
  assertTrue(first.events);
  assert.ok(first.counters.corrupt > 0);
  await assertWhole(page, COUNT);
  const second = await run(page);
  assert.deepEqual([second.events.length, second.counters.corrupt], [COUNT, 0]);
  assert.deepEqual(errors, []);
});

test('half-written records, values that are no bytes and keys of others harm nothing else and are removed', async () => {
  const { page, errors } = await filled();
  await page.evaluate(() =>
    store.raw((blobs, keys, values) => {
      const data = keys.findIndex((key) => key.startsWith('d/'));
      blobs.put(values[data].slice(0, values[data].length / 2), keys[data]);
      const index = keys.findLastIndex((key) => key.startsWith('i/'));
      blobs.put(values[index].slice(0, values[index].length / 2), keys[index]);
      blobs.put(new Uint8Array(100), 'another program');
      blobs.put({ not: 'bytes' }, 'i/0000000000000000-0000000000000000-00000000');
      blobs.put('text', 'd/0000000000000000-0000000000000001-00000000/0000');
      // A segment without its data, and marks of a segment that is not there.
      blobs.put(values[index], 'i/ffffffff00000000-0000000000000002-00000000');
      blobs.put(new Uint8Array(9), 'x/ffffffff00000000-0000000000000003-00000000/0000000000000001-00000000');
    }, 'readwrite'),
  );
  const first = await run(page);
  assertTrue(first.events);
  assert.ok(first.events.length > COUNT / 2, `${first.events.length} are served`);
  assert.ok(first.counters.corrupt > 0 && first.counters.foreign > 0, JSON.stringify(first.counters));
  await assertWhole(page, first.events.length);
  const second = await run(page);
  assert.equal(second.events.length, first.events.length);
  assert.deepEqual([second.counters.corrupt, second.counters.foreign], [0, 0]);
  assert.equal(await page.evaluate(() => store.raw((_, keys) => keys.includes('another program'))), false);
  assert.deepEqual(errors, []);
});

test('a store of the previous layout is read as it is, says where new events were seen, and is brought to the newest', async () => {
  const lines = readFileSync(new URL('../vectors/store-v1.txt', import.meta.url), 'utf8').trimEnd().split('\n');
  const blobs = lines.map((line) => line.split(' '));
  const fresh = synthetic({ count: 600, seed: 14, first: 1_000 });
  let sent = 0;
  const stream = await startStream(() => fresh.slice(sent, sent + 50));
  const { open } = await openOrigin();
  const { page, errors } = await open();
  const old = await page.evaluate(
    async ([blobs]) => {
      // The engine makes the database.
      await store.start();
      await nostr.stop();
      const bytes = (hex) => Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16));
      await store.raw((database) => blobs.forEach(([key, hex]) => database.put(bytes(hex), key)), 'readwrite');
      await store.start();
      return (await store.events([{ until: 100 }])).map(({ content }) => content);
    },
    [blobs],
  );
  // Enough writes that the old segments are merged with new ones.
  for (; sent < fresh.length; sent += 50) await page.evaluate((url) => store.fill(url), stream.url);
  const { explained, versions, walk } = await page.evaluate(async (id) => {
    const explained = await nostr.explain(id);
    await nostr.stop();
    const versions = await store.raw((_, keys, values) => keys.flatMap((key, at) => (key.startsWith('i/') ? [values[at][4]] : [])));
    return { explained, versions, walk: await store.check() };
  }, fresh[0].id);
  const notes = Array.from({ length: 11 }, (_, at) => `note ${11 - at}`);
  assert.deepEqual(old, ['gone', 'profile, new', 'own note', 'expires', 'article one', '', ...notes]);
  assert.deepEqual(explained, { type: 'event', id: fresh[0].id, stored: true, relays: [new URL(stream.url).href.replace(/\/$/, '')] });
  assert.ok(versions.includes(2), `layouts ${versions}`);
  assert.deepEqual([walk.problems, walk.events], [[], 17 + fresh.length]);
  assert.deepEqual(errors, []);
});
