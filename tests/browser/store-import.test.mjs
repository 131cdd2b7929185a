// The store's ways in and out that the page has: import, export, wiping, figures, explanations.
import assert from 'node:assert/strict';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { startRelay, test } from './harness.mjs';
import { openOrigin } from './store-page.mjs';
import { synthetic } from './synthetic.mjs';

const keys = [1, 2, 3].map(() => generateSecretKey());
const signed = (at, kind = 1, tags = [], key = keys[at % 3]) =>
  finalizeEvent({ kind, created_at: 1_700_000_000 + at, tags, content: `number ${at} – “ünï”` }, key);
const lines = (events) => events.map((event) => JSON.stringify(event)).join('\n');

test('a snapshot is checked, kept and answers before any relay; its bad lines are named and stop nothing', async () => {
  const events = Array.from({ length: 120 }, (_, at) => signed(at));
  const forged = { ...signed(500), content: 'changed' };
  const unsigned = synthetic({ count: 1 })[0];
  const bad = ['{"half":', JSON.stringify(forged), JSON.stringify(unsigned), 'x'.repeat(2 << 20)];
  const [early, late] = [events.slice(0, 50), events.slice(50)];
  const snapshot = [lines(early), ...bad, '', lines(late)].join('\n');
  const { open } = await openOrigin({ '/snapshot.jsonl': snapshot });
  const { page, errors } = await open();
  const { result, progress, found, missing, again } = await page.evaluate(async () => {
    await store.start();
    let progress = 0;
    const result = await nostr.cache.import('/snapshot.jsonl', { onProgress: () => progress++ });
    const plain = { ...result, errors: result.errors.map(({ code, line, message }) => ({ code, line, message })) };
    const found = await store.ids();
    const missing = await nostr.cache.import('/nothing.jsonl').catch(({ code, message }) => `${code}: ${message}`);
    const again = await nostr.cache.import(await (await fetch('/snapshot.jsonl')).blob());
    return { result: plain, progress, found, missing, again: { stored: again.stored, known: again.known, failed: again.failed } };
  });
  assert.deepEqual([result.lines, result.stored, result.known, result.failed], [125, 120, 0, 4]);
  assert.deepEqual(result.errors.map(({ code, line }) => [code, line]).sort((a, b) => a[1] - b[1]), [51, 52, 53, 54].map((line) => ['bad-input', line]));
  assert.ok(result.errors.every(({ line, message }) => message.startsWith(`line ${line}: `)));
  assert.ok(progress >= 5, `${progress} reports of progress`);
  assert.deepEqual(found, events.map(({ id }) => id).reverse());
  assert.match(missing, /^bad-input: .*nothing.jsonl/);
  assert.deepEqual(again, { stored: 0, known: 120, failed: 4 });
  // It was reported as durable: a goodbye is not needed.
  await page.close();
  const { page: second } = await open();
  const ids = await second.evaluate(async () => {
    await store.start();
    const ids = await store.ids();
    await nostr.stop();
    return ids;
  });
  assert.deepEqual(ids, found);
  // The one complaint is the browser's, of the file that is not there.
  assert.ok(errors.every((error) => error.includes('404')), errors.join('\n'));
});

test('a stream is read whatever its chunks are, with a mark before its first line, and a line that is no text is named', async () => {
  const events = Array.from({ length: 60 }, (_, at) => signed(at));
  const text = `\ufeff${lines(events.slice(0, 30))}\r\n${lines(events.slice(30))}`;
  const { open } = await openOrigin();
  const { page, errors } = await open();
  const results = await page.evaluate(async (text) => {
    await store.start();
    const bytes = new TextEncoder().encode(text);
    // The last byte is no UTF-8, and its line has no end.
    const all = new Uint8Array([...bytes, 10, 10, 0xff]);
    const results = [];
    for (const size of [all.length, 8 << 10, 1_000, 7, 1]) {
      let at = 0;
      const stream = new ReadableStream({
        pull(controller) {
          if (at === all.length) return controller.close();
          controller.enqueue(all.slice(at, (at += Math.min(size, all.length - at))));
        },
      });
      const { lines, stored, known, errors } = await nostr.cache.import(stream);
      results.push({ lines, kept: stored + known, errors: errors.map(({ line }) => line) });
    }
    // A line that is longer than any event, in pieces and at once; what follows it has its own number.
    for (const size of [4 << 20, 64 << 10]) {
      const long = new TextEncoder().encode(`{}\n${'x'.repeat(3 << 20)}\n\n${text.slice(1)}`);
      let at = 0;
      const stream = new ReadableStream({
        pull(controller) {
          if (at >= long.length) return controller.close();
          controller.enqueue(long.slice(at, (at += size)));
        },
      });
      const { lines, stored, known, errors } = await nostr.cache.import(stream);
      results.push({ lines, kept: stored + known, errors: errors.map(({ line }) => line) });
    }
    await nostr.stop();
    return results;
  }, text);
  for (const result of results.slice(0, 5)) assert.deepEqual(result, { lines: 62, kept: 60, errors: [62] });
  for (const result of results.slice(5)) assert.deepEqual(result, { lines: 63, kept: 60, errors: [1, 2] });
  assert.deepEqual(errors, []);
});

test('beside an import what a relay sends is checked and shown before the import is over', async () => {
  const live = signed(900_000, 7);
  const imported = Array.from({ length: 200 }, (_, at) => signed(at));
  const { open } = await openOrigin();
  const { page } = await open();
  const relay = await startRelay();
  const { before, all } = await page.evaluate(
    async ([url, text, live]) => {
      await store.start({ relays: [url], verify: 'all' });
      const feed = nostr.subscribe([{ kinds: [7] }]);
      const shown = new Promise((resolve) => feed.on('event', resolve));
      await new Promise((resolve) => feed.on('eose', resolve));
      const socket = new WebSocket(url);
      await new Promise((resolve) => (socket.onopen = resolve));
      // The lines end only when the event is there.
      const bytes = new TextEncoder().encode(`${text}\n`);
      let rounds = 0;
      const lines = new ReadableStream({
        async pull(controller) {
          rounds += 1;
          if (rounds === 20) socket.send(JSON.stringify(['EVENT', live]));
          if (rounds > 20 && (await Promise.race([shown, new Promise((resolve) => setTimeout(resolve, 0))]))) return controller.close();
          controller.enqueue(bytes);
        },
      });
      const { stored, known, failed } = await nostr.cache.import(lines);
      const event = await shown;
      await nostr.stop();
      return { before: event.id, all: { stored, kept: stored + known === rounds * 200 - 200, failed } };
    },
    [relay.url, lines(imported), live],
  );
  assert.equal(before, live.id);
  assert.deepEqual(all, { stored: 200, kept: true, failed: 0 });
});

test('an export is what was imported, and what a wipe leaves is nothing, in the other tab too', async () => {
  const events = Array.from({ length: 300 }, (_, at) => signed(at, at % 4 === 0 ? 7 : 1, [['t', 'x']]));
  const { open } = await openOrigin();
  const { page, errors } = await open();
  const { text, some, stats } = await page.evaluate(async (text) => {
    await store.start();
    await nostr.cache.import(new Blob([text]).stream());
    const exported = await new Response(nostr.cache.export()).text();
    const some = await new Response(nostr.cache.export([{ kinds: [7], limit: 5 }])).text();
    return { text: exported, some, stats: await nostr.cache.stats() };
  }, lines(events));
  const read = (text) => text.trimEnd().split('\n').map((line) => JSON.parse(line));
  const newestFirst = [...events].reverse();
  // What was signed comes out as it went in.
  assert.deepEqual(read(text), newestFirst.map(({ id, pubkey, created_at, kind, tags, content, sig }) => ({ id, pubkey, created_at, kind, tags, content, sig })));
  assert.deepEqual(read(some).map(({ id }) => id), newestFirst.filter(({ kind }) => kind === 7).slice(0, 5).map(({ id }) => id));
  assert.equal(stats.events, 300);
  assert.ok(stats.bytes > 30_000 && stats.unsavedBytes === 0 && !stats.memoryOnly && stats.quota > stats.usage, JSON.stringify(stats));

  const { page: other } = await open();
  await other.evaluate(() => store.start());
  assert.equal((await other.evaluate(() => store.ids())).length, 300);
  const left = await page.evaluate(async () => {
    await nostr.cache.wipe();
    const left = { ids: await store.ids(), events: (await nostr.cache.stats()).events, persists: typeof (await nostr.cache.persist()) };
    await nostr.stop();
    return left;
  });
  assert.deepEqual(left, { ids: [], events: 0, persists: 'boolean' });
  const elsewhere = await other.evaluate(async () => {
    while ((await store.counters()).events > 0) await store.sleep(20);
    const ids = await store.ids();
    await nostr.stop();
    return ids;
  });
  assert.deepEqual(elsewhere, []);
  assert.equal(await page.evaluate(() => store.size()), 0);
  assert.deepEqual(errors, []);
});

test('why a subscription asks its relays, and whether an event is stored, can be asked', async () => {
  const places = ['ws://127.0.0.1:9/a', 'ws://127.0.0.1:9/b', 'ws://127.0.0.1:9/c'];
  const lists = keys.slice(0, 2).map((key) => signed(1, 10002, places.map((place) => ['r', place]), key));
  const { open } = await openOrigin();
  const { page } = await open();
  const { one, all, byDefault, stored, absent, wrong } = await page.evaluate(
    async ([text, authors, id]) => {
      await store.start({ relays: ['ws://127.0.0.1:9/default'] });
      await nostr.cache.import(new Blob([text]));
      const explained = async (filters, options) => {
        const feed = nostr.subscribe(filters, options);
        feed.on('event', () => {});
        await new Promise((resolve) => feed.on('eoce', resolve));
        // The relays are chosen right after the store has answered.
        let told = await nostr.explain(feed.id);
        while (told.asked.length === 0) told = await nostr.explain(feed.id);
        feed.close();
        return told;
      };
      const answers = {
        one: await explained([{ authors }], { maxRelays: 1 }),
        all: await explained([{ authors }], {}),
        byDefault: await explained([{ kinds: [1] }], {}),
        stored: await nostr.explain(id),
        absent: await nostr.explain('0'.repeat(64)),
        wrong: await nostr.explain('no such').catch(({ code }) => code),
      };
      await nostr.stop();
      return answers;
    },
    [lines(lists), lists.map(({ pubkey }) => pubkey), lists[0].id],
  );
  const people = keys.slice(0, 2).map((key) => getPublicKey(key)).sort();
  const choice = (relay, reason) => ({ relay, reason, people });
  assert.deepEqual([one.asked, one.skipped], [[choice(places[0], 'outbox')], places.slice(1).map((place) => choice(place, 'over-limit'))]);
  assert.deepEqual([all.asked, all.skipped], [places.slice(0, 2).map((place) => choice(place, 'outbox')), [choice(places[2], 'covered')]]);
  assert.deepEqual(byDefault.asked, [{ relay: 'ws://127.0.0.1:9/default', reason: 'default', people: [] }]);
  // It came from no relay.
  assert.deepEqual(stored, { type: 'event', id: lists[0].id, stored: true, relays: [] });
  assert.equal(absent.stored, false);
  assert.equal(wrong, 'bad-input');
});
