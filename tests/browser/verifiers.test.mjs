// The pool of verifiers in a real browser: its verdicts, and what happens when verifiers die.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, sampleEvents, startRelay, startServer } from './harness.mjs';

const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/dist/nostr-ferry.js"></script>';

/** Has every verifier do as `globalThis.tellVerifiers` is told: the workers that have no name are the crypto worker's own. */
function reachVerifiers() {
  const Plain = globalThis.Blob;
  const listen = `
    const told = new BroadcastChannel('verifiers');
    told.onmessage = ({ data }) => {
      if (self.name) return;
      if (data === 'trap') throw new Error('trap');
      self.close();
    };`;
  globalThis.Blob = function (parts, options) {
    return new Plain(options?.type === 'text/javascript' ? [...parts, listen] : parts, options);
  };
  globalThis.tellVerifiers = (word) => new BroadcastChannel('verifiers').postMessage(word);
}

const idsOf = (events) => events.map(({ id }) => id).sort();

/** Filters that together ask for what `authors` wrote, each for few enough for the relay to answer whole. */
function filtersFor(authors) {
  const filters = Array.from({ length: 10 }, () => ({ authors: [] }));
  authors.forEach((author, at) => filters[at % 10].authors.push(author));
  return filters.filter(({ authors }) => authors.length > 0);
}

async function start(events, verifiers) {
  const relay = await startRelay(events);
  const server = await startServer({ files: { '/page.html': PAGE } });
  const { page, errors } = await openPage('about:blank');
  await page.addInitScript(reachVerifiers);
  await page.goto(`${server.origin}/page.html`);
  await page.evaluate(async ([url, verifiers]) => {
    globalThis.engine = await NostrFerry.NostrManager.start({ relays: [url], verifiers, cache: false });
  }, [relay.url, verifiers]);
  const fetchAll = (authors) =>
    page.evaluate(
      async (filters) => (await engine.fetch(filters, { noCache: true })).map(({ id }) => id),
      filtersFor(authors),
    );
  const counters = () => page.evaluate(async () => (await engine.stats()).crypto.counters);
  return { page, errors, fetchAll, counters };
}

test('with and without verifiers the same events are found good', async () => {
  const events = await sampleEvents({ count: 450 });
  const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
  const found = [];
  for (const verifiers of [0, 2]) {
    const { page, errors, fetchAll, counters } = await start(events, verifiers);
    // The first events do not wait until verifiers are up.
    const first = await fetchAll(authors.slice(0, 1));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const second = await fetchAll(authors.slice(1));
    found.push([...first, ...second].sort());
    const { verifier_parts: parts, verifiers: running, refused } = await counters();
    assert.equal(running, verifiers);
    assert.equal(parts > 0, verifiers > 0);
    assert.equal(refused, 0);
    await page.evaluate(() => engine.stop());
    assert.deepEqual(errors, []);
  }
  assert.deepEqual(found[0], idsOf(events));
  assert.deepEqual(found[1], found[0]);
});

test('verifiers that trap are replaced and nothing is lost', async () => {
  const events = await sampleEvents({ count: 450 });
  const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
  const { page, fetchAll, counters } = await start(events, 2);
  const first = await fetchAll(authors.slice(0, 10));
  await new Promise((resolve) => setTimeout(resolve, 500));
  await page.evaluate(() => tellVerifiers('trap'));
  for (let tries = 0; (await counters()).verifiers_lost < 2; tries++) {
    assert.ok(tries < 100, 'an uncaught error in a verifier is not heard of');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const second = await fetchAll(authors.slice(10));
  assert.deepEqual([...first, ...second].sort(), idsOf(events));
  assert.equal((await counters()).verifiers, 2);
});

test('the batches of verifiers that vanish without a word are checked again', async () => {
  const events = await sampleEvents({ count: 450 });
  const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
  const { page, fetchAll, counters } = await start(events, 2);
  const first = await fetchAll(authors.slice(0, 1));
  await new Promise((resolve) => setTimeout(resolve, 500));
  await page.evaluate(() => tellVerifiers('vanish'));
  const second = await fetchAll(authors.slice(1));
  assert.deepEqual([...first, ...second].sort(), idsOf(events));
  assert.ok((await counters()).verifiers_lost > 0);
});
