// Wires that break, a page that reads slowly, and many relays, in a real browser: everything arrives, each once. With
// rings to the page, and with ports.
import assert from 'node:assert/strict';
import { PAGE, longestTask, openPage, sampleEvents, startServer, test } from './harness.mjs';
import { startCuttingWire, startHonestRelay } from './hostile-relay.mjs';

const files = { '/page.html': PAGE };
/** Says in a line what a comparison of so many ids would say in thousands. */
function assertSame(ids, events) {
  const [had, wanted] = [new Set(ids), new Set(events.map(({ id }) => id))];
  const lacking = (some, others) => [...some].filter((id) => !others.has(id)).length;
  const found = { twice: ids.length - had.size, missing: lacking(wanted, had), unasked: lacking(had, wanted) };
  assert.deepEqual(found, { twice: 0, missing: 0, unasked: 0 });
}

// A server for each way. Both are there before the first test: the last one's end closes them.
const servers = await Promise.all([true, false].map((isolated) => startServer({ isolated, files })));

for (const [at, transport] of ['rings', 'ports'].entries()) {
  const server = servers[at];

  // A relay that shows all it has when it is asked without a limit, and one that shows 500 events at a time to whoever
  // asks for more. (One that shows 500 to whoever asks without a limit owes no more, cut or not.)
  for (const [asking, filter, maxLimit] of [['without a limit', {}, Infinity], ['page by page', { limit: 6_000 }, 500]]) {
    test(`${transport}: 50 cuts during 5,000 stored and 500 live events, asked for ${asking}: the page ends with what the relay holds, each once`, async () => {
      const now = Math.floor(Date.now() / 1000);
      const sample = await sampleEvents({ count: 5_500, base: now });
      const relay = await startHonestRelay(sample.slice(0, 5_000), { maxLimit });
      const live = sample.slice(5_000);
      let random = 1;
      const between = (least, most) => {
        random = (random * 48_271) % 0x7fffffff;
        return least + (random % (most - least));
      };
      // Ten live events a connection: some while it is there, some while it is not.
      const publish = (count) => live.splice(0, count).forEach(relay.publish);
      const wire = await startCuttingWire(relay.url, (connection) => {
        if (connection > 50) {
          setTimeout(publish, 0, live.length);
          return Infinity;
        }
        setTimeout(publish, between(0, 40), 10);
        return between(200, 120_000);
      });
      const { page } = await openPage(`${server.origin}/page.html`);
      const { ids, status, most } = await page.evaluate(async ([url, filter]) => {
        const nostr = await NostrFerry.NostrManager.start({ cache: false });
        const feed = nostr.subscribe([filter], { relays: [url] });
        const ids = [];
        feed.on('event', ({ id }) => ids.push(id));
        // As if the network came back at once, instead of after the engine's growing waits.
        nostr.relays.on('status', ({ state }) => {
          if (state === 'closed' || state === 'failed') setTimeout(() => dispatchEvent(new Event('online')), 10);
        });
        // A while longer, for what comes twice.
        let quiet = 0;
        for (let last = -1; quiet < 4; last = ids.length) {
          await new Promise((resolve) => setTimeout(resolve, 500));
          quiet = ids.length >= 5_500 && ids.length === last ? quiet + 1 : 0;
        }
        const most = (await nostr.stats()).connections.counters.spool_most_bytes;
        const [status] = nostr.relays.list();
        await nostr.stop();
        return { ids, status, most };
      }, [wire.url, filter]);
      assert.equal(wire.cuts(), 50);
      assertSame(ids, sample);
      assert.equal(status.state, 'open');
      assert.ok(status.connects >= 50, `${status.connects} connects`);
      assert.ok(most <= 3 << 20, `${most} bytes waited`);
      assert.equal(status.hiddenSeconds, 0);
    });
  }

  test(`${transport}: a page that reads 10 events/s costs bounded memory, and gets all 50,000 once it speeds up`, async () => {
    const sample = await sampleEvents({ count: 50_000 });
    const relay = await startHonestRelay(sample, { maxLimit: 50_000 });
    const { page } = await openPage(`${server.origin}/page.html`);
    const { ids, readSlowly, looks, overflow } = await page.evaluate(async (url) => {
      const nostr = await NostrFerry.NostrManager.start();
      const feed = nostr.subscribe([{}], { relays: [url] });
      let overflow = 0;
      let slow = true;
      feed.on('overflow', ({ dropped }) => (overflow += dropped));
      const ids = [];
      const reading = (async () => {
        for await (const { id } of feed) {
          ids.push(id);
          if (ids.length === 50_000) return;
          // However long the rest takes, a slow reader has not had much of it.
          while (slow && ids.length >= 1_500) await new Promise((resolve) => setTimeout(resolve, 100));
          if (slow) await new Promise((resolve) => setTimeout(resolve, 100));
        }
      })();
      const looks = [];
      const look = async () => {
        const stats = await nostr.stats();
        const { connections, parser } = stats;
        const wasm = Object.values(stats).reduce((sum, { counters }) => sum + counters.memory_bytes, 0);
        // Only an isolated page can measure itself and its workers.
        const bytes = crossOriginIsolated ? (await performance.measureUserAgentSpecificMemory()).bytes : 0;
        looks.push({ bytes, wasm, spool: connections.counters.spool_most_bytes, events: connections.counters.events, parked: parser.counters.parked });
        return looks.at(-1);
      };
      const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      // All the relay has is in the engine, and none of it waits in the page.
      while ((await look()).events < 50_000) await pause(1_000);
      const readSlowly = ids.length;
      slow = false;
      await reading;
      await nostr.stop();
      return { ids, readSlowly, looks, overflow };
    }, relay.url);
    const { parked } = looks.at(-1);
    assert.ok(readSlowly < 2_000, `the page had read ${readSlowly}`);
    assert.ok(parked > 40_000, `${parked} events were parked`);
    assert.ok(Math.max(...looks.map(({ spool }) => spool)) <= 3 << 20, JSON.stringify(looks));
    // The store's own block cache is 16 MiB of it.
    assert.ok(Math.max(...looks.map(({ bytes }) => bytes)) <= 128 << 20, JSON.stringify(looks));
    assert.ok(Math.max(...looks.map(({ wasm }) => wasm)) <= 96 << 20, JSON.stringify(looks));
    assert.equal(overflow, 0);
    assertSame(ids, sample);
  });

  test(`${transport}: 80 relays with the same 200 events: no long task, one last eose, nothing twice`, async () => {
    const sample = await sampleEvents({ count: 200 });
    const relays = await Promise.all(Array.from({ length: 80 }, () => startHonestRelay(sample)));
    const { page } = await openPage(`${server.origin}/page.html`);
    const { ids, words, longest, statuses } = await readFromMany(page, relays, 80 * 200);
    assertSame(ids, sample);
    assert.equal(words.filter((relay) => relay === null).length, 1, 'one last eose');
    assert.equal(new Set(words).size, 81);
    assert.ok(longest <= 50, `a task took ${longest} ms`);
    assert.deepEqual([...new Set(statuses.map(({ state }) => state))], ['open']);
    assert.deepEqual([...new Set(statuses.map(({ connects }) => connects))], [1]);
  });

  test(`${transport}: 80 relays of which 40 refuse: the others answer in full, and the 40 say that they failed`, async () => {
    const sample = await sampleEvents({ count: 200 });
    const good = await Promise.all(Array.from({ length: 40 }, (_, at) => startHonestRelay(sample.filter((_, n) => n % 40 === at))));
    // Every server here is at 127.0.0.1, and ports are handed out again: at other addresses of this machine nobody listens.
    const refusing = Array.from({ length: 40 }, (_, at) => `ws://127.0.1.${at + 1}:7777`);
    const { page } = await openPage(`${server.origin}/page.html`);
    const { ids, words, failed, longest } = await readFromMany(page, good, 200, refusing);
    assertSame(ids, sample);
    assert.equal(words.filter((relay) => relay === null).length, 1, 'one last eose');
    assert.ok(longest <= 50, `a task took ${longest} ms`);
    // As each said when it failed: at the end it may be being tried again.
    assert.deepEqual(
      failed.toSorted(),
      refusing.map((relay) => [relay, 'the connection failed', 0]).toSorted(),
    );
  });

  test(`${transport}: counters asked of an engine that stops are refused, not left open`, async () => {
    const { page } = await openPage(`${server.origin}/page.html`);
    const code = await page.evaluate(async () => {
      const nostr = await NostrFerry.NostrManager.start({ cache: false });
      const stopped = nostr.stop();
      const code = await nostr.stats().then(
        () => 'answered',
        (error) => error.code,
      );
      await stopped;
      return code;
    });
    assert.equal(code, 'stopped');
  });
}

/**
 * Reads everything from `relays`, which hold `count` events together, and from `others`, up to the last `eose` and a
 * live event that comes from all of `relays` after it: what would be told twice comes before that.
 */
async function readFromMany(page, relays, count, others = []) {
  const urls = [...others, ...relays.map(({ url }) => url)];
  const [live] = await sampleEvents({ count: 1, seed: 7 });
  const { result, longest } = await longestTask(page, async () => {
    await page.evaluate(async (urls) => {
      globalThis.nostr = await NostrFerry.NostrManager.start({ cache: false });
      globalThis.had = { ids: [], words: [] };
      globalThis.failed = new Map();
      nostr.relays.on('status', ({ relay, state, reason, connects }) => {
        if (state === 'failed') failed.set(relay, [relay, reason, connects]);
      });
      globalThis.feed = nostr.subscribe([{}], { relays: urls });
      feed.on('event', ({ id }) => had.ids.push(id));
      await new Promise((resolve) =>
        feed.on('eose', ({ relay }) => {
          had.words.push(relay ?? null);
          relay ?? resolve();
        }),
      );
    }, urls);
    for (const relay of relays) relay.publish(live);
    return page.evaluate(async ([id, count]) => {
      while (!had.ids.includes(id) || (await nostr.stats()).connections.counters.events < count) await new Promise((resolve) => setTimeout(resolve, 20));
      const statuses = nostr.relays.list();
      await nostr.stop();
      return { ids: had.ids.filter((other) => other !== id), words: had.words, statuses, failed: [...failed.values()] };
    }, [live.id, count + relays.length]);
  });
  return { ...result, longest };
}
