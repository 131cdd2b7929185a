// Two pages of one origin write to one store at once.
import assert from 'node:assert/strict';
import { test } from './harness.mjs';
import { openOrigin } from './store-page.mjs';
import { startStream, synthetic } from './synthetic.mjs';

test('two pages save 10,000 overlapping events each at once: the union is there, once, and both can query throughout', async () => {
  const events = synthetic({ count: 15_000, seed: 3 });
  const { open } = await openOrigin();
  const halves = [events.slice(0, 10_000), events.slice(5_000)];
  const opened = await Promise.all(halves.map(() => open()));
  await Promise.all(opened.map(({ page }) => page.evaluate(() => store.start())));
  const work = opened.map(async ({ page }, at) => {
    const stream = await startStream(() => halves[at]);
    return page.evaluate(async (url) => {
      let writing = true;
      const filled = store.fill(url).then((count) => ((writing = false), count));
      let [queries, wrong] = [0, 0];
      while (writing) {
        const ids = await store.ids([{ kinds: [7], limit: 200 }, { limit: 100 }]);
        queries += 1;
        wrong += Number(new Set(ids).size !== ids.length);
        await store.sleep(50);
      }
      return { received: await filled, queries, wrong };
    }, stream.url);
  });
  for (const { received, queries, wrong } of await Promise.all(work)) {
    assert.deepEqual([received, wrong], [10_000, 0]);
    assert.ok(queries >= 3, `${queries} queries were answered meanwhile`);
  }

  const newestFirst = events.map(({ id }) => id).reverse();
  for (const { page, errors } of opened) {
    // The other page's last save may still be on its way into this one's index.
    const found = await page.evaluate(async (count) => {
      while ((await store.counters()).events < count) await store.sleep(20);
      return store.ids();
    }, events.length);
    assert.deepEqual(found, newestFirst);
    assert.deepEqual(errors, []);
  }
  await Promise.all(opened.map(({ page }) => page.evaluate(() => nostr.stop())));
  const { page } = await open();
  const { found, counters } = await page.evaluate(async () => {
    await store.start();
    return { found: await store.ids(), counters: await store.counters() };
  });
  assert.deepEqual(found, newestFirst);
  assert.deepEqual([counters.events, counters.corrupt, counters.foreign], [15_000, 0, 0]);
});
