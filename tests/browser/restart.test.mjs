// Workers that die, trap or hang in a real browser: each is replaced alone, and the page's requests go on.
import assert from 'node:assert/strict';
import { bytesToHex } from 'nostr-tools/utils';
import { generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure';
import WebSocket from 'ws';
import { startBunker } from './bunker.mjs';
import { PAGE, assertNoGrowth, memoryOf, openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';

const files = { '/page.html': PAGE };
const ROLES = ['connections', 'cache', 'parser', 'crypto'];

/** Filters that together ask for `events`, each for few enough for the relay to answer whole. */
function filtersFor(events) {
  const authors = [...new Set(events.map(({ pubkey }) => pubkey))];
  const filters = Array.from({ length: 20 }, () => ({ authors: [] }));
  authors.forEach((author, at) => filters[at % 20].authors.push(author));
  return filters.filter((filter) => filter.authors.length > 0);
}

/**
 * Keeps the latest worker of each role in `workers`, and has one do as `tell(role, word)` says: 'trap' or 'hang'.
 * `turnOf(roles)` waits until each of these has had a turn, in which it takes what it was sent before.
 */
function reachWorkers() {
  const { Worker: PlainWorker, Blob: PlainBlob } = globalThis;
  globalThis.workers = {};
  globalThis.Worker = class extends PlainWorker {
    constructor(url, options) {
      super(url, options);
      globalThis.workers[options.name.replace('ferry ', '')] = this;
    }
  };
  const listen = `
    new BroadcastChannel('workers').onmessage = ({ data }) => {
      if (self.name !== 'ferry ' + data.role) return;
      if (data.word === 'trap') throw new Error('told to trap');
      if (data.word === 'turn') return new BroadcastChannel('turns').postMessage(data.role);
      for (;;);
    };`;
  globalThis.Blob = function (parts, options) {
    return new PlainBlob(options?.type === 'text/javascript' ? [...parts, listen] : parts, options);
  };
  globalThis.tell = (role, word) => new BroadcastChannel('workers').postMessage({ role, word });
  const turns = new BroadcastChannel('turns');
  globalThis.turnOf = (roles) =>
    new Promise((resolve) => {
      const waiting = new Set(roles);
      turns.onmessage = ({ data }) => waiting.delete(data) && waiting.size === 0 && resolve();
      for (const role of roles) tell(role, 'turn');
    });
  /** Ends the worker of `role` and waits until another is there and answers. */
  globalThis.kill = (role) =>
    new Promise((resolve) => {
      const off = engine.on('restart', (restart) => {
        if (restart.role !== role) return;
        off();
        engine.stats().then(() => resolve(restart.reason), resolve);
      });
      globalThis.workers[role].terminate();
    });
}

async function open(options, { isolated = false, clock = false } = {}) {
  const server = await startServer({ isolated, files });
  const { page, errors } = await openPage('about:blank');
  await page.addInitScript(reachWorkers);
  if (clock) await page.clock.install();
  await page.goto(`${server.origin}/page.html`);
  await page.evaluate(async (options) => {
    globalThis.engine = await NostrFerry.NostrManager.start(options);
    globalThis.restarts = [];
    engine.on('restart', ({ role, reason }) => restarts.push([role, reason]));
  }, options);
  return { page, errors };
}

/** Somebody else at the relay: publishes one event after another. */
async function publisher(url) {
  const socket = new WebSocket(url);
  await new Promise((resolve) => socket.once('open', resolve));
  return {
    publish: (event) =>
      new Promise((resolve) => {
        socket.once('message', resolve);
        socket.send(JSON.stringify(['EVENT', event]));
      }),
    close: () => socket.close(),
  };
}

for (const isolated of [true, false]) {
  const transport = isolated ? 'rings' : 'ports';

  test(`${transport}: each worker dies twice during a stream; every event comes once and publishes settle`, async () => {
    const sample = await sampleEvents({ count: 1000 });
    const [stored, live] = [sample.slice(0, 600), sample.slice(600)];
    const relay = await startRelay(stored);
    const { page, errors } = await open({ relays: [relay.url] }, { isolated });
    await page.evaluate(async (filters) => {
      await engine.signer.usePrivateKey('05'.repeat(32));
      globalThis.got = [];
      globalThis.said = [];
      globalThis.published = [];
      globalThis.feed = engine.subscribe(filters);
      feed.on('event', ({ id }) => got.push(id));
      feed.on('eoce', () => said.push('eoce'));
      feed.on('eose', ({ relay }) => said.push(relay ? 'eose' : 'eose all'));
      feed.on('error', (error) => said.push(String(error)));
    }, filtersFor(sample));
    const others = await publisher(relay.url);
    for (const [at, event] of live.entries()) {
      await others.publish(event);
      // Eight times: a role's third death within a minute would be the engine's.
      if (at % 48 === 10 && at < 384) {
        // All four run; the stream goes on while one dies.
        await page.evaluate((role) => engine.stats().then(() => workers[role].terminate()), ROLES[Math.floor(at / 48) % 4]);
      }
      if (at % 100 === 15) {
        await page.evaluate((at) => {
          const post = engine.publish({ kind: 30_001, content: `post ${at}`, tags: [['d', String(at)]] });
          published.push(post.accepted().then(() => 'accepted', String));
        }, at);
      }
    }
    others.close();
    await page
      .waitForFunction((count) => new Set(got).size >= count && said.includes('eose all') && restarts.length === 8, sample.length)
      .catch(() => {});
    const { got, said, published, restarts } = await page.evaluate(async () => ({
      got,
      said: [...said].sort(),
      published: await Promise.all(published),
      restarts: restarts.map(([role]) => role),
    }));
    assert.deepEqual(restarts.sort(), [...ROLES, ...ROLES].sort());
    const seen = new Set(got);
    const missing = sample.flatMap(({ id }, at) => (seen.has(id) ? [] : [at]));
    assert.deepEqual([missing, got.length - seen.size, seen.size], [[], 0, sample.length], 'missing, repeated, all');
    assert.deepEqual(said, ['eoce', 'eose', 'eose all']);
    assert.deepEqual(published, ['accepted', 'accepted', 'accepted', 'accepted']);
    // The sample's relay lists name others, which are not there.
    const state = await page.evaluate(async (url) => {
      const { state } = engine.relays.list().find(({ relay }) => relay === url);
      await engine.stop();
      return state;
    }, relay.url);
    assert.equal(state, 'open');
    assert.deepEqual(errors.filter((error) => !error.includes('WebSocket')), []);
  });
}

test('a slow reader gets everything once although the parser and then the cache die while most of it waits', async () => {
  const sample = await sampleEvents({ count: 1000 });
  const relay = await startRelay(sample);
  const { page } = await open({ relays: [relay.url] });
  const ids = await page.evaluate(async (filters) => {
    const feed = engine.subscribe(filters, { bufferBytes: 4096 });
    const ids = [];
    for await (const { id } of feed) {
      ids.push(id);
      if (ids.length === 100) await kill('parser');
      if (ids.length === 400) await kill('cache');
      if (ids.length === 700) await kill('parser');
      if (ids.length === 1000) break;
    }
    return ids;
  }, filtersFor(sample));
  assert.deepEqual(new Set(ids), new Set(sample.map(({ id }) => id)));
});

test('the third death of one role within a minute ends the engine with an error that names it', async () => {
  const { page } = await open({ relays: [] });
  const told = await page.evaluate(async () => {
    const feed = engine.subscribe([{ kinds: [1] }]);
    const told = new Promise((resolve) => feed.on('error', ({ code, message }) => resolve({ code, message })));
    const reasons = [await kill('crypto'), await kill('cache'), await kill('crypto')];
    workers.crypto.terminate();
    return { ...(await told), reasons, restarts: restarts.map(([role]) => role) };
  });
  assert.equal(told.code, 'stopped');
  assert.match(told.message, /^the crypto worker died 3 times within a minute: /);
  assert.deepEqual(told.restarts, ['crypto', 'cache', 'crypto']);
});

test('a worker that dies before it is ready is replaced as well', async () => {
  const relay = await startRelay(await sampleEvents({ count: 50 }));
  const { page } = await open({ relays: [relay.url] });
  const { count, restarts } = await page.evaluate(async () => {
    const restarted = new Promise((resolve) => engine.on('restart', () => restarts.length === 2 && resolve()));
    const off = engine.on('restart', () => (off(), workers.parser.terminate()));
    workers.parser.terminate();
    await restarted;
    const events = await engine.fetch([{ limit: 100 }]);
    return { count: events.length, restarts };
  });
  assert.equal(count, 50);
  assert.deepEqual(restarts.map(([role]) => role), ['parser', 'parser']);
});

test('a worker that traps is replaced, and the page is told in its own words', async () => {
  const relay = await startRelay(await sampleEvents({ count: 50 }));
  const { page } = await open({ relays: [relay.url] });
  for (const role of ROLES) {
    const count = await page.evaluate(async (role) => {
      const restarted = new Promise((resolve) => engine.on('restart', resolve));
      tell(role, 'trap');
      await restarted;
      return (await engine.fetch([{ limit: 100 }], { noCache: true })).length;
    }, role);
    assert.equal(count, 50, role);
  }
  const restarts = await page.evaluate(() => restarts);
  assert.deepEqual(restarts.map(([role]) => role), ROLES);
  for (const [, reason] of restarts) assert.match(reason, /told to trap/);
});

test('a worker that hangs is replaced, and one that is idle is left alone', async () => {
  const relay = await startRelay(await sampleEvents({ count: 50 }));
  const { page } = await open({ relays: [relay.url] }, { clock: true });
  const pass = async (turns, answering) => {
    for (let turn = 0; turn < turns; turn++) {
      await page.clock.runFor(15_000);
      // The workers' clock is the real one, and a new one is given ten seconds of the page's to start.
      await page.evaluate((roles) => (restarts.length > 0 ? engine.stats().then(() => undefined) : turnOf(roles)), answering);
    }
  };
  await pass(6, ROLES);
  assert.deepEqual(await page.evaluate(() => restarts), []);
  await page.evaluate(() => tell('parser', 'hang'));
  await pass(5, ROLES.filter((role) => role !== 'parser'));
  assert.deepEqual(await page.evaluate(() => restarts), [['parser', 'the worker has not answered for 45 s']]);
  assert.equal(await page.evaluate(async () => (await engine.fetch([{ limit: 100 }])).length), 50);
});

test('what was asked of a store whose worker dies is answered by the next, to the last line', async () => {
  const events = await sampleEvents({ count: 1000 });
  const relay = await startRelay(events.slice(0, 20));
  const { page } = await open({ relays: [] });
  const lines = [...events.map((event) => JSON.stringify(event)), '{"kind":1}'];
  const got = await page.evaluate(async ([text, url, id]) => {
    engine.relays.add(url);
    let told;
    const dying = new Promise((resolve) => (told = resolve));
    const importing = engine.cache.import(new Blob([text]).stream(), { onProgress: ({ lines }) => lines > 0 && told() });
    await dying;
    const asked = [engine.cache.stats(), engine.explain(id)];
    await kill('cache');
    const { lines, stored, known, failed, errors } = await importing;
    const [{ memoryOnly }, { type }] = await Promise.all(asked);
    const all = await engine.fetch([{ limit: 5000 }], { cacheOnly: true });
    // The default relay was named before, to the one that is gone.
    const feed = engine.subscribe([{ limit: 1 }], { noCache: true });
    await new Promise((resolve) => feed.on('event', resolve));
    const { asked: choices } = await engine.explain(feed.id);
    return { lines, sum: stored + known + failed, errors: errors.map(({ line }) => line), memoryOnly, type, all: all.length, choices: choices.map(({ relay }) => relay) };
  }, [lines.join('\n'), relay.url, events[0].id]);
  const { all, ...rest } = got;
  assert.deepEqual(rest, { lines: 1001, sum: 1001, errors: [1001], memoryOnly: false, type: 'event', choices: [relay.url] });
  const reference = await open({ relays: [] });
  const whole = await reference.page.evaluate(async (text) => {
    await engine.cache.import(new Blob([text]).stream());
    return (await engine.fetch([{ limit: 5000 }], { cacheOnly: true })).length;
  }, lines.join('\n'));
  assert.equal(all, whole);
});

for (const role of ['connections', 'parser', 'crypto']) {
  test(`an import goes on where the ${role} worker dies, and every line is told once`, async () => {
    const events = (await sampleEvents({ count: 6_000 })).filter(({ kind }) => kind === 1);
    const { page } = await open({ relays: [], verifiers: 0 });
    const lines = events.map((event) => JSON.stringify(event));
    lines.splice(700, 0, lines[0].replace(/"sig":"../, '"sig":"00'));
    const { result, ids, restarted } = await page.evaluate(async ([text, role]) => {
      let told;
      const dying = new Promise((resolve) => (told = resolve));
      const importing = engine.cache.import(new Blob([text]).stream(), { onProgress: told });
      await dying;
      await kill(role);
      const { lines, stored, known, errors } = await importing;
      const ids = (await engine.fetch([{}], { cacheOnly: true })).map(({ id }) => id);
      return { result: { lines, stored, known, errors: errors.map(({ line }) => line) }, ids, restarted: restarts.map(([role]) => role) };
    }, [lines.join('\n'), role]);
    assert.deepEqual(result, { lines: lines.length, stored: events.length, known: 0, errors: [701] });
    assert.deepEqual(ids.sort(), events.map(({ id }) => id).sort());
    assert.deepEqual(restarted, [role]);
  });
}

test('twenty deaths of each worker leave neither workers nor memory behind', async () => {
  const sample = await sampleEvents({ count: 200 });
  const relay = await startRelay(sample);
  const { page, errors } = await open({ relays: [relay.url], verifiers: 0 }, { isolated: true });
  const look = await memoryOf(page, ROLES.length);
  await page.evaluate(() => {
    // Deaths of a role are to be more than a minute apart.
    const now = performance.now.bind(performance);
    let ahead = 0;
    performance.now = () => now() + ahead;
    globalThis.skip = () => (ahead += 60_000);
    globalThis.got = [];
    engine.subscribe([{ limit: 500 }]).on('event', ({ id }) => got.push(id));
  });
  const round = (times) =>
    page.evaluate(async ([roles, times]) => {
      for (let time = 0; time < times; time++) {
        for (const role of roles) {
          skip();
          await kill(role);
        }
        await engine.fetch([{ limit: 50 }]);
      }
    }, [ROLES, times]);
  // The first rounds fill caches of the browser's own.
  await round(5);
  const before = await look();
  await round(20);
  const end = await look();
  assertNoGrowth(before, end);
  const ids = await page.evaluate(() => got);
  assert.deepEqual([ids.length, new Set(ids).size], [200, 200]);
  assert.deepEqual(errors.filter((error) => !error.includes('WebSocket')), []);
});

test('a remote signer’s session goes on when the crypto and the connections workers are replaced', async () => {
  const secret = generateSecretKey();
  const relay = await startRelay();
  const bunker = await startBunker(relay.url, { secretKey: bytesToHex(secret) });
  const { page } = await open({ relays: [relay.url] });
  const events = await page.evaluate(async (url) => {
    await engine.signer.useBunker(url);
    const events = [await engine.signer.signEvent({ kind: 1, content: 'before' })];
    for (const role of ['crypto', 'connections']) {
      await kill(role);
      events.push(await engine.signer.signEvent({ kind: 1, content: `after ${role}` }));
    }
    return events;
  }, bunker.url);
  for (const event of events) assert.ok(verifyEvent(event) && event.pubkey === getPublicKey(secret));
  assert.deepEqual(events.map(({ content }) => content), ['before', 'after crypto', 'after connections']);

  // What may have reached the person who signs is not asked a second time.
  await bunker.stop();
  const codes = await page.evaluate(async () => {
    const codeOf = (promise) => promise.then(() => 'signed', ({ code }) => code);
    const asked = codeOf(engine.signer.signEvent({ kind: 1, content: 'asked' }));
    const published = codeOf(engine.publish({ kind: 1, content: 'published' }).signed());
    // Both are at the signer when the crypto worker says how much it has.
    while ((await engine.stats()).crypto.counters.waiting < 2);
    await kill('crypto');
    return [await asked, await published];
  });
  assert.deepEqual(codes, ['disconnected', 'disconnected']);
});
