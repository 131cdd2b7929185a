// The page's API beyond events and publishes: ending by signal and by scope, NIP-19, NIP-05, and the doctor of an engine.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { PAGE, openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';

const relay = await startRelay(await sampleEvents({ count: 50 }));
const server = await startServer({ files: { '/page.html': PAGE } });
const { page, errors } = await openPage(`${server.origin}/page.html`);
await page.evaluate(async (url) => {
  globalThis.nostr = await NostrFerry.NostrManager.start({ relays: [url], verifiers: 0 });
}, relay.url);
after(() => assert.deepEqual(errors, []));

test('a signal ends a subscription, one that joined it, and a fetch', async () => {
  const answer = await page.evaluate(async () => {
    const ended = (feed) => new Promise((resolve) => feed.on('end', ({ reason }) => resolve(reason)));
    const outcome = (promise) => promise.then(() => 'nothing', ({ name, message }) => `${name}: ${message}`);
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
    const feed = nostr.subscribe([{ kinds: [1] }], { id: 'shared', signal: first.signal });
    const joined = nostr.subscribe([{ kinds: [1] }], { id: 'shared', signal: second.signal });
    const end = ended(feed);
    first.abort();
    const half = feed.ended;
    second.abort();
    // A relay that never answers: 192.0.2.0/24 is nobody's.
    const fetching = outcome(nostr.fetch([{ kinds: [1] }], { relays: ['ws://192.0.2.1'], signal: third.signal }));
    third.abort(new Error('changed my mind'));
    return [feed === joined, half, await end, await fetching, await outcome(nostr.fetch([{}], { signal: AbortSignal.abort() }))];
  });
  assert.deepEqual(answer, [true, false, 'closed', 'Error: changed my mind', 'AbortError: signal is aborted without reason']);
});

test('what a block uses is closed at its end', async () => {
  const answer = await page.evaluate(async () => {
    const script = `
      let kept;
      { using feed = nostr.subscribe([{ kinds: [1] }]); kept = feed; if (feed.ended) throw new Error('ended too soon'); }
      let other;
      { await using feed = nostr.subscribe([{ kinds: [1] }]); other = feed; }
      let engine;
      { await using nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0 }); engine = nostr; }
      let code;
      try { engine.subscribe([{}]); } catch (error) { code = error.code; }
      return [kept.ended, other.ended, code];`;
    const AsyncFunction = (async () => undefined).constructor;
    return new AsyncFunction(script)();
  });
  assert.deepEqual(answer, [true, true, 'stopped']);
});

test('nip19 is there before any engine is, and an event can be shared by it', async () => {
  const { npub, event } = await page.evaluate(async () => {
    const { nip19 } = NostrFerry;
    const [note] = await nostr.fetch([{ kinds: [1], limit: 1 }]);
    const code = nip19.encode({ type: 'nevent', id: note.id, relays: note.relays, author: note.pubkey, kind: note.kind });
    const event = nip19.decode(`nostr:${code}`);
    return { npub: nip19.decode(nip19.encode({ type: 'npub', pubkey: note.pubkey })).pubkey === note.pubkey, event: { ...event, same: event.id === note.id } };
  });
  assert.equal(npub, true);
  assert.deepEqual([event.type, event.same, event.kind], ['nevent', true, 1]);
});

test('an internet identifier is asked of its domain, and of nobody before', async () => {
  const KEY = 'ab'.repeat(32);
  const asked = [];
  const answers = {
    bob: { json: { names: { bob: KEY }, relays: { [KEY]: ['wss://relay.example.com', 'javascript:no', 7] } } },
    _: { json: { names: { _: KEY } } },
    nobody: { json: { names: {} } },
    __proto: { json: { names: { bob: KEY } } },
    npub: { json: { names: { npub: 'npub1nonsense' } } },
    upper: { json: { names: { upper: KEY.toUpperCase() } } },
    array: { json: [] },
    page: { body: '<!doctype html>' },
    gone: { status: 404, body: 'not here' },
    moved: { status: 302, headers: { location: 'https://evil.example/nostr.json' } },
    huge: { body: ' '.repeat((4 << 20) + 1) },
  };
  await page.route(/^https:/, (route) => {
    const url = new URL(route.request().url());
    asked.push(url.href);
    const name = url.searchParams.get('name');
    if (name === 'dead') return route.abort();
    if (name === 'slow') return undefined;
    return route.fulfill({ headers: { 'access-control-allow-origin': '*' }, ...answers[name] });
  });
  const look = (identifier, options) =>
    page.evaluate(async ([identifier, options]) => {
      try {
        return (await nostr.nip05(identifier, options)) ?? 'nobody';
      } catch ({ code, name, message }) {
        return `${code ?? name}: ${message}`;
      }
    }, [identifier, options]);
  assert.deepEqual(asked, []);
  assert.deepEqual(await look(' Bob@Example.com'), { pubkey: KEY, relays: ['wss://relay.example.com'] });
  assert.deepEqual(await look('example.com'), { pubkey: KEY, relays: [] });
  assert.deepEqual(asked, ['bob', '_'].map((name) => `https://example.com/.well-known/nostr.json?name=${name}`));
  assert.equal(await look('nobody@example.com'), 'nobody');
  assert.equal(await look('__proto@example.com'), 'nobody');
  const refused = { npub: /lower-case hex/, upper: /lower-case hex/, array: /has no names/, page: /not JSON/, gone: /404/, moved: /redirect/, huge: /bytes/, dead: /CORS/ };
  for (const [name, expected] of Object.entries(refused)) {
    const answer = await look(`${name}@example.com`);
    assert.match(answer, /^refused: /, name);
    assert.match(answer, expected, name);
  }
  assert.ok(!asked.some((url) => url.includes('evil')));
  assert.match(await look('slow@example.com', { timeoutMs: 100 }), /^timed-out: example\.com .*100 ms/);
  for (const wrong of ['', '@example.com', 'a b@example.com', 'bob@', 'bob@exa mple', 'bob@example.com/x', 'bo!b@example.com']) {
    assert.match(await look(wrong), /^bad-input: /, wrong);
  }
  const aborted = page.evaluate(() => nostr.nip05('slow@example.com', { signal: AbortSignal.timeout(50) }).catch(({ name }) => name));
  assert.equal(await aborted, 'TimeoutError');
  await page.unroute(/^https:/);
  errors.splice(0, errors.length, ...errors.filter((error) => !/404|ERR_FAILED|Failed to load/.test(error)));
});

test('a worker that dies while the engine stops is named, and the stop comes to its end', async () => {
  const answer = await page.evaluate(async () => {
    const Plain = Worker;
    const workers = new Map();
    globalThis.Worker = class extends Plain {
      constructor(url, options) {
        super(url, options);
        workers.set(options.name, this);
      }
    };
    const engine = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0 });
    globalThis.Worker = Plain;
    // That it has died is known later. The other way round it could come to its goodbye in between.
    workers.get('ferry parser').terminate();
    const stopping = engine.stop();
    const outcome = (promise) => promise.then(() => 'nothing', ({ code, message }) => `${code}: ${message}`);
    return [await outcome(stopping), await outcome(engine.stats()), await outcome(engine.stop())];
  });
  assert.match(answer[0], /^stopped: the parser worker died while/);
  assert.deepEqual(answer.slice(1), ['stopped: the engine was stopped', 'nothing']);
});

test('every port of every role has its counters', async () => {
  const stats = await page.evaluate(() => nostr.stats());
  const names = Object.fromEntries(Object.entries(stats).map(([role, { ports }]) => [role, ports.map(({ name }) => name).sort()]));
  assert.deepEqual(names, {
    connections: ['cacheToConn', 'connToParser', 'control', 'cryptoToConn'],
    cache: ['cacheToConn', 'control', 'parserToCache'],
    parser: ['connToParser', 'control', 'parserToCache', 'parserToCrypto'],
    crypto: ['control', 'cryptoToConn', 'cryptoToMain', 'parserToCrypto'],
  });
  const fields = ['sentRecords', 'sentBytes', 'sentBatches', 'receivedRecords', 'receivedBytes', 'receivedBatches', 'queueDepth', 'queueHighWater', 'creditBytes', 'stalls', 'stalledMs', 'malformed'];
  for (const port of Object.values(stats).flatMap(({ ports }) => ports)) {
    assert.deepEqual(Object.keys(port), ['name', ...fields]);
    assert.ok(fields.every((field) => Number.isSafeInteger(port[field]) && port[field] >= 0), JSON.stringify(port));
  }
});

test('the doctor of an engine says how the engine is', async () => {
  const { running, stopped } = await page.evaluate(async () => {
    const running = await nostr.doctor();
    await nostr.stop();
    return { running, stopped: await nostr.doctor() };
  });
  assert.deepEqual([running.ok, running.checks[0].name, running.checks[0].state], [true, 'engine', 'ok']);
  assert.deepEqual([stopped.ok, stopped.checks[0].state, stopped.checks[0].finding], [false, 'broken', 'the engine was stopped']);
});
