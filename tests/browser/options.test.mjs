// What a page may set at the start: limits, each at its edge, the console's level, and a signal.
import assert from 'node:assert/strict';
import { finalizeEvent, generateSecretKey } from 'nostr-tools/pure';
import { PAGE, openPage, startServer, test, until } from './harness.mjs';
import { startHonestRelay, startHostileRelay } from './hostile-relay.mjs';

const server = await startServer({ files: { '/page.html': PAGE } });
const { page, errors } = await openPage(`${server.origin}/page.html`);
const key = generateSecretKey();
const sign = (content, tags = [], created_at = 1_700_000_000) => finalizeEvent({ kind: 1, content, tags, created_at }, key);

/** A relay that answers every REQ with these frames, the subscription's id put in place of SUB, and then EOSE. */
const saying = (...frames) =>
  startHostileRelay({
    REQ: (peer, sub) => {
      for (const frame of frames) peer.socket.send(frame.replace('SUB', sub));
      peer.say('EOSE', sub);
    },
  });
const frameOf = (event) => `["EVENT","SUB",${JSON.stringify(event)}]`;

/** Starts an engine with `options`, fetches once, and says what came and what the relay's status is. */
function fetchWith(options, relay, filters = [{ kinds: [1] }]) {
  return page.evaluate(
    async ([options, relay, filters]) => {
      const nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0, ...options });
      const events = await nostr.fetch(filters, { relays: [relay] }).catch(({ code, message }) => `${code}: ${message}`);
      const { malformed } = (await nostr.stats()).connections.counters;
      const contents = Array.isArray(events) ? events.map(({ content }) => content).sort() : events;
      await nostr.stop();
      return { contents, malformed };
    },
    [options, relay, filters],
  );
}

test('what is longer, deeper or has more tags than the limits is skipped and counted, and the rest arrives', async () => {
  const small = sign('small');
  // As its relay frames it, `exact` fits and `over` is one byte too long.
  const padded = (bytes, name) => {
    const length = (content) => JSON.stringify(sign(content)).length;
    const event = sign(name + 'x'.repeat(bytes - length(name)));
    assert.equal(JSON.stringify(event).length, bytes);
    return event;
  };
  const [exact, over] = [padded(900, 'exact'), padded(901, 'over')];
  const [two, three] = [sign('two', [['t', 'a'], ['t', 'b']]), sign('three', [['t', 'a'], ['t', 'b'], ['t', 'c']])];
  const relay = await saying(frameOf(small), frameOf(exact), frameOf(over), frameOf(two), frameOf(three));
  const within = await fetchWith({ limits: { eventBytes: 900, tags: 2 } }, relay.url);
  assert.deepEqual(within.contents.map((content) => content.slice(0, 5)), ['exact', 'small', 'two']);
  const all = await fetchWith({}, relay.url);
  assert.equal(all.contents.length, 5);

  const frame = (bytes) => `["NOTICE","${'x'.repeat(bytes - 13)}"]`;
  const nested = (depth) => `["NOTICE","",${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}]`;
  const noisy = await saying(frame(2_000), frame(2_001), nested(5), nested(6), frameOf(small));
  const quiet = await fetchWith({ limits: { frameBytes: 2_000, jsonDepth: 5 } }, noisy.url);
  assert.deepEqual(quiet, { contents: ['small'], malformed: 2 });
  assert.equal((await fetchWith({}, noisy.url)).malformed, 0);
});

test('subscriptions and their filters are limited as configured', async () => {
  const relay = await saying(frameOf(sign('one')));
  const answers = await page.evaluate(async (relay) => {
    const nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0, limits: { subscriptions: 2, filters: 2 } });
    const outcome = (filters) =>
      new Promise((resolve) => {
        const feed = nostr.subscribe(filters, { relays: [relay] });
        feed.on('event', () => {});
        feed.on('eose', () => resolve('open'));
        feed.on('error', ({ code, message }) => resolve(`${code}: ${message}`));
      });
    const answers = [await outcome([{}, {}, {}]), await outcome([{}, {}]), await outcome([{}]), await outcome([{}])];
    await nostr.stop();
    return answers;
  }, relay.url);
  assert.deepEqual(answers, ['bad-input: a subscription has 1 to 2 filters', 'open', 'open', 'too-many-subscriptions: too many subscriptions are open: close some before you open more']);
});

test('times are as configured: an EOSE, an OK and a signer that do not come', async () => {
  const silent = await startHostileRelay({});
  const answers = await page.evaluate(async (relay) => {
    // A window of a page's own: an extension that never answers.
    globalThis.nostr = { getPublicKey: async () => '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', signEvent: () => new Promise(() => {}) };
    // What has to be sent or asked within the time has enough of it.
    const limits = { eoseMs: 300, publishMs: 2_000, signerMs: 2_000 };
    const engine = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0, limits });
    const end = await new Promise((resolve) => {
      const feed = engine.subscribe([{}], { relays: [relay], closeOnEose: true });
      feed.on('event', () => {});
      feed.on('end', ({ reason }) => resolve(reason));
    });
    await engine.signer.usePrivateKey('01'.repeat(32));
    const steps = [];
    for await (const step of engine.publish({ kind: 1, content: 'hello' }, { relays: [relay] }).status) steps.push(step.state);
    await engine.signer.useExtension();
    const signed = await engine.signer.signEvent({ kind: 1, content: 'hello' }).catch(({ code }) => code);
    await engine.stop();
    delete globalThis.nostr;
    return { end, steps, signed };
  }, silent.url);
  assert.deepEqual(answers, { end: 'complete', steps: ['signed', 'queued', 'sent', 'unanswered'], signed: 'timed-out' });
});

test('small windows, batches and spools carry everything', async () => {
  const events = Array.from({ length: 300 }, (_, at) => sign(`${at} ${'x'.repeat(at * 20)}`, [], 1_700_000_000 + at));
  const relay = await saying(...events.map(frameOf));
  const { contents } = await fetchWith({ limits: { windowBytes: 4_096, batchBytes: 256, spoolBytes: 1 << 20, sockets: 1 } }, relay.url);
  assert.equal(contents.length, 300);
});

test('an event that is dated further ahead than the limit says so, and comes all the same', async () => {
  const now = Math.floor(Date.now() / 1_000);
  const relay = await saying(...[-60, 60, 800, 1_000].map((ahead) => frameOf(sign(`${ahead}`, [], now + ahead))));
  const ahead = (limits) =>
    page.evaluate(
      async ([relay, limits]) => {
        const nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0, limits });
        const events = await nostr.fetch([{ kinds: [1] }], { relays: [relay] });
        await nostr.stop();
        return events.map(({ content, datedAhead }) => [content, datedAhead]);
      },
      [relay.url, limits],
    );
  assert.deepEqual(await ahead({}), [['1000', true], ['800', false], ['60', false], ['-60', false]]);
  assert.deepEqual(await ahead({ futureSeconds: 30 }), [['1000', true], ['800', true], ['60', true], ['-60', false]]);
});

test('what reached a relay while it was away is asked for as far back as the margin', async () => {
  const now = Math.floor(Date.now() / 1_000);
  const had = async (limits) => {
    const relay = await startHonestRelay([sign('before', [], now)]);
    await page.evaluate(
      async ([relay, limits]) => {
        globalThis.engine = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0, limits });
        globalThis.contents = [];
        const waiting = new Map();
        globalThis.came = (wanted) => new Promise((resolve) => (contents.includes(wanted) ? resolve() : waiting.set(wanted, resolve)));
        engine.relays.on('status', ({ state }) => state === 'closed' && dispatchEvent(new Event('online')));
        const feed = engine.subscribe([{ kinds: [1] }], { relays: [relay] });
        feed.on('event', ({ content }) => waiting.get((contents.push(content), content))?.());
        await new Promise((resolve) => feed.on('eose', ({ relay }) => relay ?? resolve()));
      },
      [relay.url, limits],
    );
    for (const { socket } of relay.peers) socket.terminate();
    relay.publish(sign('late', [], now - 1_000));
    relay.publish(sign('new', [], now));
    await page.evaluate(() => came('new'));
    // Whatever the relay had to say of what was missed comes before this.
    relay.publish(sign('live', [], now));
    return page.evaluate(async () => {
      await came('live');
      await engine.stop();
      return contents.sort();
    });
  };
  assert.deepEqual(await had({}), ['before', 'live', 'new']);
  assert.deepEqual(await had({ resumeMarginSeconds: 1_100 }), ['before', 'late', 'live', 'new']);
});

test('an option that is none is refused in words that name it, before anything is started', async () => {
  const refused = (options) => page.evaluate((options) => NostrFerry.NostrManager.start(options).then(() => 'started', ({ code, message }) => `${code}: ${message}`), options);
  assert.equal(await refused({ limits: { tags: 5_001 } }), 'bad-input: limits.tags is a whole number, from 0 to 5000, not 5001');
  assert.equal(await refused({ limits: { sockets: 0 } }), 'bad-input: limits.sockets is a whole number, 1 or more, not 0');
  assert.equal(await refused({ limits: { eoseMs: 1.5 } }), 'bad-input: limits.eoseMs is a whole number, 1 or more, not 1.5');
  assert.match(await refused({ limits: { socket: 3 } }), /^bad-input: limits has no "socket"; there are frameBytes, /);
  assert.match(await refused({ logLevel: 'loud' }), /^bad-input: logLevel is one of silent, error, warn, info, debug, not "loud"/);
  assert.match(await refused({ relay: ['wss://a.example'] }), /^bad-input: NostrManager.start has no "relay"; there are relays, indexers, /);
  assert.equal(await refused({ relays: 'wss://a.example' }), 'bad-input: relays is a list in square brackets, not "wss://a.example"');
  assert.equal(await refused({ verify: 'never' }), 'bad-input: verify is one of all, none, not "never"');
  assert.equal(await refused({ verifiers: -1 }), 'bad-input: verifiers is a whole number from 0 to 1024, not -1');
  assert.equal(await refused({ maxRelays: 0.5 }), 'bad-input: maxRelays is a whole number from 0 to 4294967295, not 0.5');
  assert.equal(await refused({ cache: true }), 'bad-input: cache is false, or an object with maxBytes and name, not true');
  assert.match(await refused({ cache: { maxMB: 5 } }), /^bad-input: cache has no "maxMB"; there are maxBytes, name$/);
  assert.equal(page.workers().length, 0);
});

test('what a page without a compiler gets wrong is refused in words that say what is right', async () => {
  const npub = 'npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6';
  const cases = {
    // What is asked for.
    'subscribe({ kinds: [1] })': 'filters is a list in square brackets, not Object',
    'subscribe(["a"])': 'a filter is an object such as { kinds: [1] }, not "a"',
    'subscribe([{ kind: [1] }])': 'a filter has no "kind"; there are ids, authors, kinds, since, until, limit, search, and #e, #p and other tags of one letter',
    'subscribe([{ kinds: 1 }])': 'kinds is a list in square brackets, not 1',
    'subscribe([{ kinds: ["1"] }])': 'kinds is a whole number from 0 to 65535, not "1"',
    'subscribe([{ "#e": "abc" }])': '#e is a list in square brackets, not "abc"',
    'subscribe([{ "#emoji": ["abc"] }])': 'a filter\'s tag is one letter, not "#emoji"',
    'subscribe([{ since: 1795904821836 }])': 'since is in seconds, and 1795904821836 looks like milliseconds: write Math.floor(1795904821836 / 1000)',
    [`subscribe([{ authors: ["${npub}"] }])`]: `authors: 64 characters of lower-case hex are wanted, not "${npub}": nip19.decode reads it`,
    'subscribe([{}], { closeOnEOSE: true })': 'a subscription has no "closeOnEOSE"; there are id, relays, cacheFirst, cacheOnly, noCache, closeOnEose, timeoutMs, maxEvents, maxRelays, bufferBytes, pipeline, signal',
    'subscribe([{}], { relays: "wss://a.example" })': 'relays is a list in square brackets, not "wss://a.example"',
    'subscribe([{}], { timeoutMs: "5s" })': 'timeoutMs is a number of milliseconds from 0 to 4294967295, not "5s"',
    'subscribe([{}], { cacheOnly: 1 })': 'cacheOnly is true or false, not 1',
    'subscribe([{}], { signal: new AbortController() })': 'signal is an AbortSignal, not AbortController',
    'subscribe([{}], { pipeline: ["parse"] })': 'a pipe is an object such as { pipe: \'parse\' }, not "parse"',
    'subscribe([{}], { pipeline: [{ pipe: "toString" }] })': 'there is no pipe "toString"; there are parse, save-to-db, serialize-events, kind-filter, mute, npub-limiter, counter, proof-verification',
    'subscribe([{}], { pipeline: [{ pipe: "kind-filter" }] })': 'kinds of the pipe "kind-filter" is missing',
    'subscribe([{}], { pipeline: [{ pipe: "mute", tags: [] }] })': 'the pipe "mute" has no "tags"; there are pubkeys, ids, hashtags, words',
    'fetch([{}], { timeout: 5 })': 'a subscription has no "timeout"; there are id, relays, cacheFirst, cacheOnly, noCache, closeOnEose, timeoutMs, maxEvents, maxRelays, bufferBytes, pipeline, signal',
    'count([{}], { relay: 5 })': 'a count has no "relay"; there are relays, timeoutMs, signal',
    // What is published.
    'publish("hello")': 'an event is an object with kind and content, not "hello"',
    'publish({ kind: 1 })': "an event's content is a string, not undefined",
    'publish({ kind: 1, content: "", tags: ["t", "a"] })': "tags is a list of lists of strings, such as [['t', 'ferry']]: \"t\" is no list",
    'publish({ kind: 1, content: "", created_at: 1795904821836 })': 'created_at is in seconds, and 1795904821836 looks like milliseconds: write Math.floor(1795904821836 / 1000)',
    'publish({ kind: 1, content: "" }, { relay: [] })': 'a publish has no "relay"; there are relays, signal',
    'publish({ kind: 10000, content: "", privateTags: "p" })': 'privateTags is a list in square brackets, not "p"',
    // Who signs.
    'signer.usePrivateKey()': 'the private key, in hex or as nsec, is a string, not undefined',
    'signer.usePrivateKey(new Uint8Array(32))': 'the private key, in hex or as nsec, is a string, not object',
    'signer.nostrConnect()': 'nostrConnect needs a relay to listen on',
    'signer.nostrConnect({ relays: "wss://a.example" })': 'relays is a list in square brackets, not "wss://a.example"',
    [`signer.nip44.encrypt("${npub}", "x")`]: `the other key: 64 characters of lower-case hex are wanted, not "${npub}": nip19.decode reads it`,
  };
  const answers = await page.evaluate(async (calls) => {
    const nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0 });
    const answers = {};
    for (const call of calls) {
      try {
        // The tests' own words, in a page of their own.
        await new Function('nostr', `return nostr.${call}`)(nostr);
        answers[call] = 'done';
      } catch ({ code, message }) {
        answers[call] = code === 'bad-input' ? message : `${code}: ${message}`;
      }
    }
    await nostr.stop();
    return answers;
  }, Object.keys(cases));
  assert.deepEqual(answers, cases);
});

test('after a stop every call says so, and none waits for ever', async () => {
  const answers = await page.evaluate(async () => {
    const nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0 });
    await nostr.signer.usePrivateKey('01'.repeat(32));
    await nostr.stop();
    const { signer } = nostr;
    const calls = [
      () => signer.signEvent({ kind: 1, content: '' }),
      () => signer.usePrivateKey('01'.repeat(32)),
      () => signer.getPublicKey(),
      () => signer.nip44.encrypt('01'.repeat(32), 'x'),
      () => signer.logout(),
      () => signer.nostrConnect({ relays: ['ws://127.0.0.1:9'] }),
      () => nostr.fetch([{}]),
      () => nostr.count([{}]),
      () => nostr.publish({ kind: 1, content: '' }).accepted(),
      () => nostr.stats(),
      () => nostr.explain('01'.repeat(32)),
      () => nostr.cache.wipe(),
    ];
    const outcomes = [];
    for (const call of calls) outcomes.push(await Promise.resolve().then(call).then(() => 'done', ({ code }) => code));
    return outcomes;
  });
  assert.deepEqual(answers, Array(12).fill('stopped'));
});

test('the console is told as much as the level says', async () => {
  const relay = await saying('["NOTICE","welcome"]', frameOf(sign('hello')));
  const told = [];
  const listen = (message) => message.text().startsWith('nostr-ferry: ') && told.push([message.type(), message.text().slice(13)]);
  page.on('console', listen);
  const at = async (logLevel) => {
    told.length = 0;
    await page.evaluate(
      async ([relay, logLevel]) => {
        const Plain = Worker;
        let parser;
        globalThis.Worker = class extends Plain {
          constructor(url, options) {
            super(url, options);
            if (options.name === 'ferry parser') parser = this;
          }
        };
        const nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0, ...(logLevel && { logLevel }) });
        await nostr.fetch([{ kinds: [1] }], { relays: [relay] });
        const over = new Promise((resolve) => nostr.on('error', resolve));
        for (let death = 0; death < 3; death++) {
          const restarted = Promise.race([over, new Promise((resolve) => nostr.on('restart', resolve))]);
          parser.terminate();
          await restarted;
          // The new worker is one whose death is seen at once when it answers.
          await nostr.stats().catch(() => undefined);
        }
        await over;
        globalThis.Worker = Plain;
      },
      [relay.url, logLevel],
    );
    return [...new Set(told.map(([type]) => type))].sort();
  };
  assert.deepEqual(await at('silent'), []);
  assert.deepEqual(await at('error'), ['error']);
  assert.match(told[0][1], /^the parser worker died 3 times within a minute/);
  assert.deepEqual(await at(undefined), ['error', 'warning']);
  assert.deepEqual(await at('info'), ['error', 'info', 'warning']);
  assert.ok(told.some(([, text]) => text.endsWith('says: welcome')));
  assert.ok(told.some(([, text]) => text === `${relay.url}: open`), told.join('\n'));
  assert.deepEqual(await at('debug'), ['debug', 'error', 'info', 'warning']);
  page.off('console', listen);
  errors.splice(0, errors.length, ...errors.filter((error) => !error.startsWith('nostr-ferry: ')));
});

test('a page that has named no relay is told so, once, and not for what it asks of the store', async () => {
  const told = [];
  const listen = (message) => told.push([message.type(), message.text()]);
  page.on('console', listen);
  await page.evaluate(async () => {
    const nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0 });
    await nostr.fetch([{}], { cacheOnly: true });
    console.log('asked of the store');
    await nostr.fetch([{}]);
    await nostr.fetch([{}]);
    nostr.relays.add('ws://127.0.0.1:9');
    await nostr.stop();
  });
  page.off('console', listen);
  assert.deepEqual(told.map(([type]) => type), ['log', 'warning']);
  assert.match(told[1][1], /no relay is named.*NostrManager\.start/);
});

test('a signal gives a start up, and stops an engine that runs', async () => {
  const answers = await page.evaluate(async () => {
    const outcome = (promise) => promise.then(() => 'started', (error) => error.message);
    const early = await outcome(NostrFerry.NostrManager.start({ cache: false, signal: AbortSignal.abort(new Error('too late')) }));
    const during = new AbortController();
    const starting = outcome(NostrFerry.NostrManager.start({ cache: false, signal: during.signal }));
    during.abort(new Error('never mind'));
    const after = new AbortController();
    const nostr = await NostrFerry.NostrManager.start({ cache: false, signal: after.signal });
    const feed = nostr.subscribe([{}]);
    const ended = new Promise((resolve) => feed.on('error', ({ code }) => resolve(code)));
    after.abort();
    return [early, await starting, await ended, await outcome(nostr.stats())];
  });
  assert.deepEqual(answers, ['too late', 'never mind', 'stopped', 'the engine was stopped']);
  // The engine whose start was given up leaves no worker behind either.
  await until(() => page.workers().length === 0, 'the last worker to end');
  assert.deepEqual(errors, []);
});
