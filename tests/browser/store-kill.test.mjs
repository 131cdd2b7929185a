// A tab or its cache worker dies while it saves: what had been reported as saved is there, whole.
import assert from 'node:assert/strict';
import { test, until } from './harness.mjs';
import { openOrigin } from './store-page.mjs';
import { seeded, startStream, synthetic } from './synthetic.mjs';

const SEED = Number(process.env.FERRY_SEED ?? 41);
const COUNT = 20_000;
const KILLS = 30;

const WAYS = {
  'the tab is closed': (page) => page.close(),
  'the tab crashes': async (page) => {
    const session = await page.context().newCDPSession(page);
    const crashed = page.waitForEvent('crash');
    // Its answer never comes.
    session.send('Page.crash').catch(() => {});
    await crashed;
    await page.close();
  },
  'the cache worker is terminated': async (page) => {
    await page.evaluate(async () => {
      const told = new Promise((resolve) => nostr.on('restart', resolve));
      cacheWorker.terminate();
      await told;
    });
    await page.close();
  },
};

test(`what was reported as saved survives ${KILLS} deaths at random points of a save of ${COUNT} events`, async () => {
  const random = seeded(SEED);
  const events = synthetic({ count: COUNT, seed: SEED });
  const ids = events.map(({ id }) => id);
  let stored = 0;
  const stream = await startStream(() => events.slice(stored));
  const { open } = await openOrigin();

  /** Starts an engine on what the last death left, and reads all events from the one at `from` on. */
  const inspect = async (page, least, from, where) => {
    const { walk, found, counters } = await page.evaluate(async (since) => {
      // As the death left it: the engine that starts next would repair it.
      const walk = await store.check();
      await store.start();
      const found = await store.ids([{ since }]);
      // What nothing matches is answered once the whole index is read, and the counters count it.
      await store.ids([{ ids: ['0'.repeat(64)] }]);
      return { walk, found, counters: await store.counters() };
    }, events[from].created_at);
    const count = from + found.length;
    assert.deepEqual([walk.problems, walk.events, walk.twice], [[], count, 0], where);
    assert.ok(count >= least, `${count} of ${least} events reported as saved are there, ${where}`);
    // They come in one order and are saved in it, so what is there is a first part of them, newest first.
    assert.deepEqual(found, ids.slice(from, count).reverse(), where);
    assert.deepEqual([counters.events, counters.corrupt, counters.foreign], [count, 0, 0], where);
    return count;
  };

  let reported = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const way = Object.keys(WAYS)[kill % 3];
    const where = `seed ${SEED}, death ${kill}: ${way}`;
    const { page } = await open();
    // What the last life saved; every fifth time, and at the end, everything.
    stored = await inspect(page, reported, kill % 5 === 0 ? 0 : Math.max(0, stored - 500), where);
    const before = stored;
    await page.exposeFunction('report', (saved) => (reported = Math.max(reported, before + saved)));
    const running = page.evaluate(async (url) => {
      void store.fill(url);
      for (;;) {
        await report((await store.counters()).saved);
        await store.sleep(5);
      }
    }, stream.url);
    const over = running.catch(() => 'over');
    // At least so many more, and then at any moment of the next writes. The last death leaves some to be saved.
    const target = before + Math.floor(random() * 2 * ((COUNT - 2_000 - before) / (KILLS - kill)));
    await until(() => reported >= Math.min(target, COUNT), `${target} events to be saved, ${where}`);
    await new Promise((resolve) => setTimeout(resolve, random() * 60));
    await WAYS[way](page);
    await over;
  }

  const { page, errors } = await open();
  stored = await inspect(page, reported, 0, 'after the last death');
  await page.evaluate(async (url) => {
    await store.fill(url);
    await nostr.stop();
  }, stream.url);
  await page.reload();
  assert.equal(await inspect(page, COUNT, 0, 'at the end'), COUNT);
  assert.deepEqual(errors, []);
});
