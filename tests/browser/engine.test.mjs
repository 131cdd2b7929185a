// The engine in a real browser, against a real relay: with shared memory and without, the same tests.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { finalizeEvent, generateSecretKey } from 'nostr-tools/pure';
import { initNostrWasm } from 'nostr-wasm';
import { setNostrWasm, verifyEvent } from 'nostr-tools/wasm';
import { PAGE, browser, longestTask, openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';
import { startHostileRelay } from './hostile-relay.mjs';

setNostrWasm(await initNostrWasm());

const files = { '/page.html': PAGE };

/** Filters that together ask for `events`, each for few enough for the relay to answer whole. */
function filtersFor(events) {
  const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
  const filters = Array.from({ length: 20 }, () => ({ authors: [] }));
  authors.forEach((author, at) => filters[at % 20].authors.push(author));
  return filters.filter((filter) => filter.authors.length > 0);
}

for (const isolated of [true, false]) {
  const transport = isolated ? 'rings' : 'ports';

  test(`${transport}: 1,000 events from page load to the last callback, each once, each valid`, async () => {
    const sample = await sampleEvents({ count: 1000 });
    const relay = await startRelay(sample);
    const server = await startServer({ isolated, files });
    const { page, errors } = await openPage(`${server.origin}/page.html`);
    assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);
    const received = await page.evaluate(
      async ([url, filters]) => {
        const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
        const events = [];
        const feed = nostr.subscribe(filters);
        feed.on('event', (event) => events.push(event.toJSON()));
        await new Promise((resolve) => feed.on('eose', ({ relay }) => relay ?? resolve()));
        await nostr.stop();
        return events;
      },
      [relay.url, filtersFor(sample)],
    );
    assert.equal(received.length, 1000);
    assert.deepEqual(new Set(received.map(({ id }) => id)), new Set(sample.map(({ id }) => id)));
    assert.deepEqual(received.filter((event) => !verifyEvent(event)), []);
    assert.deepEqual(errors, []);
  });

  test(`${transport}: what is forged, mismatched or not asked for is never delivered, and counts against its relay`, async () => {
    const key = generateSecretKey();
    const sign = (kind, content) => finalizeEvent({ kind, content, tags: [], created_at: 1_700_000_000 }, key);
    const good = Array.from({ length: 10 }, (_, at) => sign(1, `good ${at}`));
    const flipped = sign(1, 'forged');
    const sig = (flipped.sig[0] === '0' ? '1' : '0') + flipped.sig.slice(1);
    const hostile = await startHostileRelay([
      { ...flipped, sig },
      { ...sign(1, 'wrong id'), content: 'changed after signing' },
      sign(7, 'not asked for'),
      // A true event under a signature that does not hold, before the true copy.
      { ...good[0], sig },
      ...good,
      ...good,
    ]);
    const server = await startServer({ isolated, files });
    const { page, errors } = await openPage(`${server.origin}/page.html`);
    const { contents, status } = await page.evaluate(async (url) => {
      const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
      const contents = (await nostr.fetch([{ kinds: [1] }])).map(({ content }) => content);
      const counted = () => nostr.relays.list().find(({ forged }) => forged === 3);
      const status = counted() ?? (await new Promise((resolve) => nostr.relays.on('status', () => counted() && resolve(counted()))));
      await nostr.stop();
      return { contents, status };
    }, hostile.url);
    assert.deepEqual(contents.sort(), good.map(({ content }) => content));
    assert.equal(status.unmatched, 1);
    assert.deepEqual(errors, []);
  });

  test(`${transport}: after a reload the same feed comes from the store first, with the relay stopped as well`, async () => {
    const sample = await sampleEvents({ count: 300 });
    const relay = await startRelay(sample);
    const server = await startServer({ isolated, files });
    const { page, errors } = await openPage(`${server.origin}/page.html`);
    const load = (args) =>
      page.evaluate(
        async ([url, filters]) => {
          const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
          const log = [];
          // Once stored, the authors' relay lists name the demo's relay, which may be running.
          const feed = nostr.subscribe(filters, { relays: [url] });
          feed.on('event', ({ id, fromCache }) => log.push(fromCache ? id : 'network'));
          feed.on('eoce', () => log.push('eoce'));
          await new Promise((resolve) => feed.on('eose', ({ relay }) => relay ?? resolve()));
          await nostr.stop();
          return log;
        },
        args,
      );
    const args = [relay.url, filtersFor(sample)];
    const first = await load(args);
    assert.equal(first[0], 'eoce');
    assert.equal(first.filter((entry) => entry === 'network').length, 300);

    await page.reload();
    const second = await load(args);
    const ids = second.slice(0, second.indexOf('eoce'));
    assert.deepEqual(new Set(ids), new Set(sample.map(({ id }) => id)));
    assert.deepEqual([ids.length, second.includes('network')], [300, false]);

    await relay.stop();
    await page.reload();
    const third = await load(args);
    assert.deepEqual(third.slice(0, third.indexOf('eoce')).sort(), ids.sort());
    // The browser itself logs that the relay refused.
    assert.deepEqual(errors.filter((error) => !error.includes('WebSocket')), []);
  });

  test(`${transport}: a post reaches the relay and comes back to a second page`, async () => {
    const relay = await startRelay([]);
    const server = await startServer({ isolated, files });
    const { page: reader, errors } = await openPage(`${server.origin}/page.html`);
    const { page: writer, errors: writerErrors } = await openPage(`${server.origin}/page.html`);
    const arrived = reader.evaluate(async (url) => {
      const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
      const feed = nostr.subscribe([{ kinds: [1] }]);
      feed.on('eose', ({ relay }) => relay ?? (document.title = 'listening'));
      for await (const event of feed) return event.toJSON();
    }, relay.url);
    await reader.waitForFunction(() => document.title === 'listening');
    const { event, states } = await writer.evaluate(async (url) => {
      const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
      await nostr.signer.usePrivateKey('01'.repeat(32));
      const post = nostr.publish({ kind: 1, content: 'hello 👋', tags: [['t', 'first']] });
      const states = [];
      for await (const { state } of post.status) states.push(state);
      return { event: await post.signed(), states };
    }, relay.url);
    assert.deepEqual(states, ['signed', 'queued', 'sent', 'accepted']);
    assert.deepEqual(await arrived, event);
    assert.ok(verifyEvent(event));
    assert.deepEqual([...errors, ...writerErrors], []);
  });

  test(`${transport}: the page's thread has no task over 50 ms while 5,000 events arrive`, async () => {
    const sample = await sampleEvents({ count: 5000 });
    const relay = await startRelay(sample);
    const server = await startServer({ isolated, files });
    const { page } = await openPage(`${server.origin}/page.html`);
    const read = () =>
      page.evaluate(
        async ([url, filters]) => {
          const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
          let count = 0;
          const feed = nostr.subscribe(filters);
          feed.on('event', (event) => (count += Number(event.content.length >= 0)));
          await new Promise((resolve) => feed.on('eose', ({ relay }) => relay ?? resolve()));
          await nostr.cache.wipe();
          await nostr.stop();
          return count;
        },
        [relay.url, filtersFor(sample)],
      );
    const { result: count, longest } = await longestTask(page, read, { runs: 3 });
    assert.equal(count, 5000);
    assert.ok(longest <= 50, `a task took ${longest} ms`);
  });
}

test("the README's page works as it stands there", async () => {
  const relay = await startRelay(await sampleEvents({ count: 200 }));
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const html = readme.match(/```html\n([\s\S]*?)```/)?.[1];
  assert.ok(html, 'the README has no page');
  assert.ok(html.trimEnd().split('\n').length <= 10, 'the page has more than ten lines');
  const relayName = 'wss://relay.example.com';
  assert.ok(html.includes(relayName));
  const server = await startServer({ files: { '/readme.html': html.replaceAll(relayName, relay.url) } });
  // The page names the script as a site would that has it beside the page.
  const dist = (name) => readFileSync(new URL(`../../dist/${name}`, import.meta.url));
  const { page, errors } = await openPage('about:blank');
  await page.route('**/nostr-ferry.standalone.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: dist('nostr-ferry.standalone.js') }),
  );
  await page.goto(`${server.origin}/readme.html`);
  await page.waitForFunction(() => document.querySelectorAll('li').length >= 20);
  assert.deepEqual(errors.filter((error) => !error.includes('favicon')), []);
});

test('a page on another origin needs the standalone file and nothing else', async () => {
  const relay = await startRelay(await sampleEvents({ count: 50 }));
  const cdn = await startServer({});
  const site = await startServer({
    files: { '/page.html': `<!doctype html><link rel="icon" href="data:,"><script src="${cdn.origin}/dist/nostr-ferry.standalone.js"></script>` },
  });
  const { page, errors } = await openPage('about:blank');
  const fetched = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  await page.goto(`${site.origin}/page.html`);
  const count = await page.evaluate(async (url) => {
    const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
    return (await nostr.fetch([{ kinds: [0, 1] }])).length;
  }, relay.url);
  assert.ok(count > 0);
  const loaded = fetched.filter((path) => /\.(js|mjs|wasm)$/.test(path));
  assert.deepEqual(loaded, ['/dist/nostr-ferry.standalone.js']);
  assert.deepEqual(errors, []);
});

test('input that cannot be right is refused at once, by name, and everything else runs on', async () => {
  const relay = await startRelay(await sampleEvents({ count: 50 }));
  const server = await startServer({ files });
  const { page } = await openPage(`${server.origin}/page.html`);
  const { words, count } = await page.evaluate(async (url) => {
    const { NostrManager } = NostrFerry;
    const nostr = await NostrManager.start({ relays: [url] });
    const refusal = async (call) => {
      try {
        await call();
        return 'nothing';
      } catch ({ code, message }) {
        return `${code}: ${message}`;
      }
    };
    const words = [
      await refusal(() => nostr.subscribe([{ ids: ['abc'] }])),
      await refusal(() => nostr.subscribe([{ kinds: [70000] }])),
      await refusal(() => nostr.subscribe([{ '#ee': ['x'] }])),
      await refusal(() => nostr.subscribe([{}], { relays: ['https://relay.example'] })),
      await refusal(() => nostr.subscribe([{}], { cacheOnly: true, noCache: true })),
      await refusal(() => nostr.publish({ kind: 1 })),
      await refusal(() => nostr.signer.getPublicKey()),
      await refusal(() => nostr.signer.usePrivateKey('nsec1nonsense')),
      await refusal(() => nostr.publish({ kind: 1, content: '' }).accepted()),
      await refusal(() => nostr.fetch([])),
      await refusal(() => NostrManager.start({ relays: ['relay.example'] })),
    ];
    return { words, count: (await nostr.fetch([{ kinds: [0, 1] }])).length };
  }, relay.url);
  const expected = [
    /^bad-input: ids: .*"abc"/,
    /^bad-input: kinds .*70000/,
    /^bad-input: .*"#ee"/,
    /^bad-input: .*"https:\/\/relay.example"/,
    /^bad-input: cacheFirst, cacheOnly and noCache/,
    /^bad-input: .*content/,
    /^no-signer: .*nostr\.signer/,
    /^bad-input: /,
    /^no-signer: /,
    /^bad-input: .*1 to 50 filters/,
    /^bad-input: .*relay\.example/,
  ];
  words.forEach((word, at) => assert.match(word, expected[at]));
  assert.ok(count > 0);
});

test('stats add up: what one role sent, its peer received', async () => {
  const relay = await startRelay(await sampleEvents({ count: 200 }));
  const server = await startServer({ files });
  const { page } = await openPage(`${server.origin}/page.html`);
  const stats = await page.evaluate(async (url) => {
    const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
    await nostr.fetch([{ kinds: [1] }]);
    const count = (stats, role, what) => stats[role].ports.find(({ name }) => name === 'cacheToConn')[what];
    // The roles answer one after another, so the CLOSE that ends the fetch may be counted at one end only.
    let stats;
    do stats = await nostr.stats();
    while (count(stats, 'cache', 'sentRecords') !== count(stats, 'connections', 'receivedRecords'));
    return stats;
  }, relay.url);
  const port = (role, name) => stats[role].ports.find((port) => port.name === name);
  for (const [sender, receiver, name] of [
    ['connections', 'parser', 'connToParser'],
    ['cache', 'connections', 'cacheToConn'],
    ['crypto', 'parser', 'parserToCrypto'],
  ]) {
    assert.ok(port(sender, name).sentRecords > 0, name);
    assert.equal(port(sender, name).sentRecords, port(receiver, name).receivedRecords, name);
    assert.equal(port(receiver, name).malformed, 0, name);
  }
  assert.ok(stats.parser.counters.delivered > 0);
  await (await browser()).contexts().at(-1).close();
});
