// The storage contract, and random queries against a naive filter, on IndexedDB.
import assert from 'node:assert/strict';
import { openPage, startServer, test } from './harness.mjs';
import { openOrigin, suite } from './store-page.mjs';
import { seeded, startStream, synthetic } from './synthetic.mjs';

test('IndexedDB keeps the storage contract', async () => {
  const server = await startServer({ files: { ...suite(), '/page.html': '<!doctype html><link rel="icon" href="data:,">' } });
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

const valueOf = (event, letter) => event.tags.find(([name]) => name === letter)?.[1];
const isReplaceable = (kind) => kind === 0 || kind === 3 || (kind >= 10_000 && kind < 20_000);
const isAddressable = (kind) => kind >= 30_000 && kind < 40_000;
const addressOf = ({ kind, pubkey, ...rest }) => `${kind}:${pubkey}:${isAddressable(kind) ? (valueOf(rest, 'd') ?? '') : ''}`;

const isAlone = ({ kind }) => isReplaceable(kind) || isAddressable(kind);
/** By id, or by the address of what has one (NIP-09). */
const deletes = ({ kind, pubkey, created_at, tags }, event) =>
  kind === 5 &&
  event.kind !== 5 &&
  event.pubkey === pubkey &&
  tags.some(([name, value]) => (name === 'e' && value === event.id) || (name === 'a' && isAlone(event) && value === addressOf(event) && event.created_at <= created_at));

/** What a store holds after saving `events` one after another (NIP-01, 09, 40), the slow and plain way. */
function kept(events) {
  const now = Date.now() / 1000;
  let stored = [];
  for (const event of events) {
    const isEphemeral = event.kind >= 20_000 && event.kind < 30_000;
    const isExpired = Number(valueOf(event, 'expiration') ?? Infinity) <= now;
    if (isEphemeral || isExpired || stored.some((other) => deletes(other, event))) continue;
    const rival = isAlone(event) && stored.find((other) => addressOf(other) === addressOf(event));
    if (rival && order(rival, event) < 0) continue;
    stored = stored.filter((other) => other !== rival && !deletes(event, other));
    stored.push(event);
  }
  return stored.sort(order);
}

/** Events of all retentions, some of which delete each other, or have expired, or will in a hundred years. */
function mixed(random, first) {
  const below = (bound) => Math.floor(random() * bound);
  const kinds = [0, 1, 1, 3, 7, 10_002, 1_111, 20_001, 30_023, 30_023];
  return synthetic({
    count: 3_000,
    seed: SEED,
    authors: 12,
    first,
    step: 1 / 6,
    kinds,
    change(event, earlier) {
      if (isAddressable(event.kind)) event.tags.push(['d', ['', 'one', 'two', 'three'][below(4)]]);
      if (random() < 0.06) event.tags.push(['expiration', String(random() < 0.5 ? first : first + 100 * 365 * 86_400)]);
      if (random() > 0.05 || earlier.length === 0) return;
      event.kind = 5;
      const targets = Array.from({ length: 3 }, () => earlier[below(earlier.length)]);
      // Of their own, which counts, and of others, which does not.
      const own = earlier.filter(({ pubkey }) => pubkey === event.pubkey).slice(-20);
      targets.push(...own.filter(() => random() < 0.3));
      // An expiration would take the deletion's effect with it, at a time that the plain way does not model.
      event.tags = targets.map((target) => (random() < 0.5 ? ['e', target.id] : ['a', addressOf(target)]));
    },
  });
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

/** Compares the store with the naive one, both given the events in one order. */
async function compare(newestFirst) {
  const random = seeded(SEED);
  const below = (bound) => Math.floor(random() * bound);
  const first = 1_700_000_000;
  const events = mixed(random, first);
  // What replaces or deletes may come before what it replaces or deletes.
  const all = kept(newestFirst ? [...events].reverse() : events);
  const without = (test) => events.filter(test).length;
  assert.ok(without(({ kind }) => kind === 5) > 50 && without(({ kind }) => isAddressable(kind)) > 200 && all.length < 2_500, `${all.length} are kept`);
  const some = (get, most) => [...new Set(Array.from({ length: below(most + 1) }, get))];
  const any = () => all[below(all.length)];
  const filter = () => {
    const filter = {};
    if (random() < 0.15) filter.ids = some(() => any().id, 20);
    if (random() < 0.4) filter.authors = some(() => any().pubkey, 4);
    if (random() < 0.4) filter.kinds = some(() => any().kind, 3);
    if (random() < 0.3) filter['#t'] = some(() => valueOf(any(), 't') ?? 'note', 3);
    if (random() < 0.15) filter['#e'] = some(() => valueOf(any(), 'e') ?? any().id, 30);
    if (random() < 0.15) filter['#d'] = some(() => valueOf(any(), 'd') ?? 'one', 2);
    if (random() < 0.3) filter.since = first + below(500);
    if (random() < 0.3) filter.until = first + below(500);
    if (random() < 0.7) filter.limit = below(60);
    return filter;
  };
  const requests = Array.from({ length: QUERIES }, () => Array.from({ length: 1 + below(3) }, filter));

  const stream = await startStream(() => events, { newestFirst });
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
}

for (const newestFirst of [false, true]) {
  const name = newestFirst ? 'newest first, as relays send them' : 'oldest first';
  test(`${QUERIES} random requests are answered from IndexedDB as a naive filter answers them, in order; saved ${name}`, () => compare(newestFirst));
}
