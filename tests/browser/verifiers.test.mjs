// The pool of verifiers in a real browser: its verdicts, and what happens when verifiers die.
import assert from 'node:assert/strict';
import { PAGE, openPage, sampleEvents, startRelay, startServer, test, until } from './harness.mjs';


/**
 * Lets the page tell the engine's workers what is to happen to verifiers, by `globalThis.tellVerifiers`: 'trap' and
 * 'vanish' is what all of them do, and with 'terminate' the next one that is sent a batch is ended over it.
 */
function reachVerifiers() {
  const Plain = globalThis.Blob;
  // The workers that have no name are the crypto worker's own.
  const listen = `
    const told = new BroadcastChannel('verifiers');
    told.onmessage = ({ data }) => {
      if (self.name === 'ferry crypto' && data === 'terminate') {
        endNext();
        // An answer is waited for through ten seconds: with a clock that stands still, for ever.
        const stopped = performance.now();
        performance.now = () => stopped;
      }
      if (self.name) return;
      if (data === 'trap') throw new Error('trap');
      if (data === 'vanish') self.close();
    };
    function endNext() {
      const post = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (...message) {
        Worker.prototype.postMessage = post;
        this.postMessage(...message);
        this.terminate();
      };
    }`;
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
  /** Resolves when so many verifiers are ready. */
  const running = (count) =>
    until(async () => {
      const { verifiers, verifiers_starting: starting } = await counters();
      return verifiers === count && starting === 0;
    }, `${count} verifiers to run`);
  return { page, errors, fetchAll, counters, running };
}

test('with and without verifiers the same events are found good', async () => {
  const events = await sampleEvents({ count: 450 });
  const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
  const found = [];
  for (const verifiers of [0, 2]) {
    const { page, errors, fetchAll, counters, running } = await start(events, verifiers);
    // The first events do not wait until verifiers are up.
    const first = await fetchAll(authors.slice(0, 1));
    if (verifiers > 0) await running(verifiers);
    const second = await fetchAll(authors.slice(1));
    found.push([...first, ...second].sort());
    const { verifier_parts: parts, verifiers: started, refused } = await counters();
    assert.equal(started, verifiers);
    assert.equal(parts > 0, verifiers > 0);
    assert.equal(refused, 0);
    await page.evaluate(() => engine.stop());
    assert.deepEqual(errors, []);
  }
  assert.deepEqual(found[0], idsOf(events));
  assert.deepEqual(found[1], found[0]);
});

for (const [word, what] of [['trap', 'trap'], ['vanish', 'vanish without a word']]) {
  test(`idle verifiers that ${what} are replaced at once and nothing is lost`, async () => {
    const events = await sampleEvents({ count: 450 });
    const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
    const { page, fetchAll, counters, running } = await start(events, 2);
    const first = await fetchAll(authors.slice(0, 10));
    await running(2);
    await page.evaluate((word) => tellVerifiers(word), word);
    await until(async () => (await counters()).verifiers_lost === 2, 'the ends of both verifiers to be heard of');
    const second = await fetchAll(authors.slice(10));
    assert.deepEqual([...first, ...second].sort(), idsOf(events));
    await running(2);
  });
}

test('the batch of a verifier that is terminated over it is checked again at once', async () => {
  const events = await sampleEvents({ count: 450 });
  const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
  const { page, errors, fetchAll, counters, running } = await start(events, 2);
  const first = await fetchAll(authors.slice(0, 1));
  await running(2);
  await page.evaluate(() => tellVerifiers('terminate'));
  const second = await fetchAll(authors.slice(1));
  assert.deepEqual([...first, ...second].sort(), idsOf(events));
  const { verifiers_lost: lost, refused } = await counters();
  assert.deepEqual([lost, refused], [1, 0]);
  assert.deepEqual(errors, []);
});

test('an import whose verifier is terminated over its batch ends with every line told once', async () => {
  const events = (await sampleEvents({ count: 3_000 })).filter(({ kind }) => kind === 1);
  const { page, errors, counters, running } = await start(events, 2);
  const lines = events.map((event) => JSON.stringify(event));
  lines.splice(700, 0, lines[0].replace(/"sig":"../, '"sig":"00'));
  const importing = (some) =>
    page.evaluate(async (text) => {
      const { lines, stored, known, errors } = await engine.cache.import(new Blob([text]).stream());
      return { lines, stored, known, errors: errors.map(({ line }) => line) };
    }, some.join('\n'));
  // Verifiers start when there is something to check.
  assert.deepEqual(await importing(lines.slice(0, 100)), { lines: 100, stored: 100, known: 0, errors: [] });
  await running(2);
  const { verifier_parts: before } = await counters();
  await page.evaluate(() => tellVerifiers('terminate'));
  const rest = lines.slice(100);
  assert.deepEqual(await importing(rest), { lines: rest.length, stored: events.length - 100, known: 0, errors: [601] });
  const { verifiers_lost: lost, verifier_parts: parts, refused } = await counters();
  assert.deepEqual([lost, refused], [1, 1]);
  assert.ok(parts > before, 'verifiers had no part in it');
  assert.deepEqual(errors, []);
});
