// How events come to the page, one suite for both ways: rings in shared memory, and batches on ports.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after } from 'node:test';
import { PAGE, openPage, startServer, test, until } from './harness.mjs';
import { startHonestRelay } from './hostile-relay.mjs';
import { synthetic } from './synthetic.mjs';
import { startTabs } from './tabs.mjs';

const sample = synthetic({ count: 3_000, authors: 100 });
const relay = await startHonestRelay(sample, { maxLimit: 3_000 });
const idsOf = (events) => events.map(({ id }) => id).sort();
const openTab = await startTabs();

function hashOf({ pubkey, created_at, kind, tags, content }) {
  return createHash('sha256').update(JSON.stringify([0, pubkey, created_at, kind, tags, content])).digest('hex');
}

for (const isolated of [true, false]) {
  const transport = isolated ? 'rings' : 'ports';
  const server = await startServer({ isolated, files: { '/page.html': PAGE } });
  const { page, errors } = await openPage(`${server.origin}/page.html`);
  assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);
  // The events are made up, so nothing is verified; what is parked waits in a store of the memory.
  await page.evaluate(async (url) => {
    globalThis.nostr = await NostrFerry.NostrManager.start({ relays: [url], cache: false, verify: 'none' });
    globalThis.pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    globalThis.noneOpen = async () => {
      while ((await nostr.stats()).parser.counters.subscriptions > 0) await pause(20);
    };
    /** All events up to the last `eose`, and how many were left out. */
    globalThis.readAll = async (feed) => {
      const ids = [];
      let dropped = 0;
      feed.on('overflow', (full) => (dropped += full.dropped));
      feed.on('event', ({ id }) => ids.push(id));
      await new Promise((resolve) => feed.on('eose', ({ relay }) => relay ?? resolve()));
      feed.close();
      return { ids, dropped };
    };
  }, relay.url);
  after(() => assert.deepEqual(errors, []));

  test(`${transport}: a burst through the smallest buffer arrives whole, each once`, async () => {
    const { ids, dropped } = await page.evaluate(() => readAll(nostr.subscribe([{}], { noCache: true, bufferBytes: 4_096 })));
    assert.deepEqual(ids.toSorted(), idsOf(sample));
    assert.equal(dropped, 0);
  });

  test(`${transport}: a slow reader gets everything, and the engine parks what does not fit`, async () => {
    const { ids, dropped, parked } = await page.evaluate(async () => {
      const feed = nostr.subscribe([{}], { noCache: true, bufferBytes: 16_384, maxEvents: 3_000 });
      const ids = [];
      let [dropped, parked] = [0, 0];
      const parkedNow = async () => (await pause(20), (await nostr.stats()).parser.counters.parked);
      feed.on('overflow', (full) => (dropped += full.dropped));
      for await (const { id } of feed) {
        ids.push(id);
        // Slower than any relay, until most of what it has is parked.
        if (ids.length === 10) while (parked <= 1_000) parked = await parkedNow();
        if (ids.length % 300 === 0) await pause(20);
      }
      return { ids, dropped, parked };
    });
    assert.deepEqual(ids.toSorted(), idsOf(sample));
    assert.equal(dropped, 0);
    assert.ok(parked > 1_000, `parked: ${parked}`);
  });

  test(`${transport}: what was stored comes newest first, whatever the buffer`, async () => {
    const orders = await page.evaluate(async () => {
      const read = async (bufferBytes) => {
        const times = [];
        for await (const { created_at } of nostr.subscribe([{}], { cacheOnly: true, closeOnEose: true, bufferBytes })) times.push(created_at);
        return times;
      };
      return [await read(4_096), await read(1 << 20)];
    });
    assert.equal(orders[0].length, 3_000);
    assert.deepEqual(orders[0], orders[0].toSorted((a, b) => b - a));
    assert.deepEqual(orders[0], orders[1]);
  });

  test(`${transport}: an event of 256 KiB comes whole between small ones`, async () => {
    const [before, small, later] = synthetic({ count: 3, seed: 7, first: 1_800_000_000, kinds: [1] });
    // To the byte what the engine takes of an event.
    const room = (256 << 10) - Buffer.byteLength(JSON.stringify({ ...small, content: '' }));
    const content = 'añ水👋'.repeat(room / 10) + 'x'.repeat(room % 10);
    const huge = { ...small, content, id: hashOf({ ...small, content }) };
    assert.equal(Buffer.byteLength(JSON.stringify(huge)), 256 << 10);
    const own = await startHonestRelay([before, huge, later]);
    const read = await page.evaluate(async (url) => {
      const events = await nostr.fetch([{ kinds: [1] }], { relays: [url], noCache: true, bufferBytes: 4_096 });
      return events.map((event) => event.toJSON());
    }, own.url);
    assert.equal(read.length, 3);
    assert.equal(read.find(({ id }) => id === huge.id)?.content, content);
    assert.deepEqual(idsOf(read), idsOf([before, huge, later]));
  });

  test(`${transport}: 100 subscriptions at once get their own events and nobody else's`, async () => {
    const authors = [...new Set(sample.map(({ pubkey }) => pubkey))];
    assert.equal(authors.length, 100);
    const read = await page.evaluate(
      (authors) => Promise.all(authors.map((author) => readAll(nostr.subscribe([{ authors: [author] }], { noCache: true })))),
      authors,
    );
    authors.forEach((author, at) => {
      const { ids, dropped } = read[at];
      assert.deepEqual(ids.toSorted(), idsOf(sample.filter(({ pubkey }) => pubkey === author)));
      assert.equal(dropped, 0);
    });
    // The engine ends what nobody reads any more.
    await page.evaluate(() => noneOpen());
  });

  test(`${transport}: closed in the middle, nothing follows, and its id can be used again at once`, async () => {
    const { after, again } = await page.evaluate(async () => {
      const feed = nostr.subscribe([{}], { id: 'middle', noCache: true });
      let count = 0;
      let after = 0;
      await new Promise((resolve) =>
        feed.on('event', () => {
          if (feed.ended) after += 1;
          count += 1;
          if (count !== 100) return;
          feed.close();
          resolve();
        }),
      );
      const again = await readAll(nostr.subscribe([{}], { id: 'middle', noCache: true }));
      return { after: after + count - 100, again };
    });
    assert.equal(after, 0);
    assert.deepEqual(again.ids.toSorted(), idsOf(sample));
  });

  test(`${transport}: what was under way for a closed subscription does not reach the next, which may have its buffer`, async () => {
    const authors = [...new Set(sample.map(({ pubkey }) => pubkey))];
    const until = sample.at(-1).created_at;
    const read = await page.evaluate(async ({ authors, until }) => {
      const answers = [];
      for (const [round, author] of authors.entries()) {
        // In the smallest buffer most events have no room: they come as messages of their own.
        const bufferBytes = [1_024, 4_096][round % 2];
        const first = nostr.subscribe([{}], { cacheOnly: true, bufferBytes });
        const events = Math.floor(round / 2) % 10;
        let count = 0;
        if (events > 0) await new Promise((resolve) => first.on('event', () => ++count === events && resolve()));
        first.close();
        const next = nostr.subscribe([{ authors: [author], until }], { cacheOnly: true, bufferBytes });
        const ids = [];
        next.on('event', ({ id }) => ids.push(id));
        await new Promise((resolve) => next.on('eoce', resolve));
        next.close();
        answers.push(ids);
      }
      return answers;
    }, { authors, until });
    authors.forEach((author, at) => assert.deepEqual(read[at].toSorted(), idsOf(sample.filter(({ pubkey }) => pubkey === author)), `round ${at}`));
  });

  test(`${transport}: an answer that is there before the page has said where to waits for that`, async () => {
    const [ids, early, again] = await page.evaluate(async () => {
      const post = MessagePort.prototype.postMessage;
      const held = [];
      MessagePort.prototype.postMessage = function (...message) {
        if (message[0]?.sub) held.push(() => post.apply(this, message));
        else post.apply(this, message);
      };
      const delivered = async () => (await nostr.stats()).parser.counters.delivered;
      const before = await delivered();
      const feed = nostr.subscribe([{ limit: 300 }], { cacheOnly: true, bufferBytes: 8_192 });
      const ids = [];
      feed.on('event', ({ id }) => ids.push(id));
      const end = new Promise((resolve) => feed.on('eoce', resolve));
      while ((await delivered()) < before + 300);
      const early = ids.length;
      MessagePort.prototype.postMessage = post;
      for (const release of held) release();
      await end;
      feed.close();
      const again = [];
      for (const { id } of await nostr.fetch([{ limit: 300 }], { cacheOnly: true })) again.push(id);
      return [ids, early, again];
    });
    assert.equal(early, 0);
    assert.equal(ids.length, 300);
    assert.deepEqual(ids, again);
  });

  test(`${transport}: where the page has no memory for its buffer, nothing stays open in the engine`, async () => {
    const error = await page.evaluate(async () => {
      await noneOpen();
      const real = globalThis.MessageChannel;
      globalThis.MessageChannel = class {
        constructor() {
          throw new RangeError('no memory');
        }
      };
      let error;
      try {
        // Larger than what is kept of closed subscriptions.
        nostr.subscribe([{ kinds: [1] }], { noCache: true, bufferBytes: 4 << 20 });
      } catch (thrown) {
        error = String(thrown);
      }
      globalThis.MessageChannel = real;
      await noneOpen();
      return error;
    });
    assert.equal(error, 'RangeError: no memory');
  });

  test(`${transport}: a tab that was hidden and frozen gets what came meanwhile`, async () => {
    const own = await startHonestRelay([]);
    const tab = await openTab(`${server.origin}/page.html`);
    await tab.evaluate(async (url) => {
      globalThis.phases = [];
      globalThis.seen = [];
      let look = () => {};
      /** Resolves when the page has come to this phase and has so many events. */
      globalThis.came = (phase, count) =>
        new Promise((resolve) => {
          look = () => phases.includes(phase) && seen.length >= count && resolve();
          look();
        });
      for (const type of ['visibilitychange', 'freeze', 'resume']) {
        document.addEventListener(type, () => look(phases.push(type === 'visibilitychange' ? document.visibilityState : type)));
      }
      const nostr = await NostrFerry.NostrManager.start({ relays: [url], cache: false, verify: 'none' });
      const feed = nostr.subscribe([{ kinds: [1] }], { bufferBytes: 4_096 });
      feed.on('event', ({ id }) => look(seen.push(id)));
      await new Promise((resolve) => feed.on('eose', ({ relay }) => relay ?? resolve()));
    }, own.url);
    const live = synthetic({ count: 1_501, seed: 8, first: 1_900_000_000, kinds: [1] });
    const publish = (from, to) => live.slice(from, to).forEach(own.publish);
    publish(0, 500);
    const front = await openTab('about:blank');
    await tab.evaluate(() => came('hidden', 0));
    publish(500, 1_000);
    await tab.freeze(true);
    publish(1_000, 1_500);
    // It is on its way before the page goes on; the browser reads on when that does.
    await until(() => [...own.peers].every(({ wire }) => wire.writableLength === 0), 'the relay to send while the page is frozen');
    await tab.freeze(false);
    await front.show();
    await tab.show();
    await tab.evaluate(() => came('visible', 1_500));
    // Whatever would come a second time comes before this.
    publish(1_500, 1_501);
    const { ids, phases } = await tab.evaluate(() => came('visible', 1_501).then(() => ({ ids: seen, phases })));
    assert.deepEqual(phases, ['hidden', 'freeze', 'resume', 'visible']);
    assert.deepEqual(ids.toSorted(), idsOf(live));
  });
}
