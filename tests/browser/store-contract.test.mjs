// The storage contract, and random queries against a naive filter, on IndexedDB.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openPage, startServer } from './harness.mjs';
import { openOrigin } from './store-page.mjs';
import { seeded, startStream, synthetic } from './synthetic.mjs';

test('IndexedDB keeps the storage contract', async () => {
  const built = (name) => readFileSync(new URL(`../../target/suite/${name}`, import.meta.url));
  const server = await startServer({
    files: {
      '/page.html': '<!doctype html><link rel="icon" href="data:,">',
      '/suite.js': built('nostr_ferry_suite.js'),
      '/suite.wasm': built('nostr_ferry_suite_bg.wasm'),
    },
  });
  const { page, errors } = await openPage(`${server.origin}/page.html`);
  const outcome = await page.evaluate(async () => {
    // A broken promise panics, which traps inside a task that nobody waits for.
    const trapped = new Promise((resolve) => {
      addEventListener('error', ({ message }) => resolve(message));
      addEventListener('unhandledrejection', ({ reason }) => resolve(String(reason)));
    });
    const { default: init, storage_suite } = await import('/suite.js');
    await init({ module_or_path: '/suite.wasm' });
    return Promise.race([storage_suite().then(() => 'kept', String), trapped]);
  });
  assert.equal(outcome, 'kept', errors.join('\n'));
  assert.deepEqual(errors, []);
});

const SEED = Number(process.env.FERRY_SEED ?? 23);
const QUERIES = 600;

/** What a store holds after saving `events` (NIP-01, replaceable kinds), the slow and plain way. */
function kept(events) {
  const latest = new Map();
  for (const event of events) {
    const { id, kind, pubkey } = event;
    const place = kind === 0 || kind === 3 || (kind >= 10_000 && kind < 20_000) ? `${kind} ${pubkey}` : id;
    const rival = latest.get(place);
    if (!rival || order(event, rival) < 0) latest.set(place, event);
  }
  return [...latest.values()].sort(order);
}

const order = (a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1);

function matches(filter, event) {
  const { ids, authors, kinds, since = 0, until = Infinity } = filter;
  const tags = Object.entries(filter).filter(([member]) => member.startsWith('#'));
  const has = (letter, values) => event.tags.some(([name, value]) => name === letter && values.includes(value));
  return (
    (!ids || ids.includes(event.id)) &&
    (!authors || authors.includes(event.pubkey)) &&
    (!kinds || kinds.includes(event.kind)) &&
    event.created_at >= since &&
    event.created_at <= until &&
    tags.every(([member, values]) => has(member[1], values))
  );
}

test(`${QUERIES} random requests are answered from IndexedDB as a naive filter answers them, in order`, async () => {
  const random = seeded(SEED);
  const below = (bound) => Math.floor(random() * bound);
  const [authors, first] = [12, 1_700_000_000];
  const events = synthetic({ count: 3_000, seed: SEED, authors, first, step: 1 / 6, kinds: [0, 1, 1, 3, 7, 10002, 1111] });
  const all = kept(events);
  const some = (get, most) => [...new Set(Array.from({ length: below(most + 1) }, get))];
  const any = () => all[below(all.length)];
  const filter = () => {
    const filter = {};
    if (random() < 0.15) filter.ids = some(() => any().id, 20);
    if (random() < 0.4) filter.authors = some(() => any().pubkey, 4);
    if (random() < 0.4) filter.kinds = some(() => any().kind, 3);
    if (random() < 0.3) filter['#t'] = some(() => any().tags[0][1], 3);
    if (random() < 0.15) filter['#e'] = some(() => any().tags[1]?.[1] ?? any().id, 30);
    if (random() < 0.3) filter.since = first + below(500);
    if (random() < 0.3) filter.until = first + below(500);
    if (random() < 0.7) filter.limit = below(60);
    return filter;
  };
  const requests = Array.from({ length: QUERIES }, () => Array.from({ length: 1 + below(3) }, filter));

  const stream = await startStream(() => events);
  const { open } = await openOrigin();
  const { page, errors } = await open();
  await page.evaluate(async (url) => {
    await store.start();
    await store.fill(url);
    await nostr.stop();
  }, stream.url);
  const answers = await page.evaluate(async (requests) => {
    await store.start();
    const answers = [];
    for (const filters of requests) answers.push(await store.ids(filters));
    return answers;
  }, requests);
  requests.forEach((filters, at) => {
    const wanted = new Set(filters.flatMap((filter) => all.filter((event) => matches(filter, event)).slice(0, filter.limit)));
    const naive = [...wanted].sort(order).map(({ id }) => id);
    assert.deepEqual(answers[at], naive, `seed ${SEED}, request ${at}: ${JSON.stringify(filters)}`);
  });
  assert.ok(answers.filter((ids) => ids.length > 0).length > QUERIES / 4, 'many requests find something');
  assert.deepEqual(errors, []);
});
