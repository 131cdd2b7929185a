// Relays that do what they should not, each beside a good one, in a real browser: the good one's events all
// arrive, nothing false does, and the other's status says why. With rings to the page, and with ports.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { finalizeEvent, generateSecretKey } from 'nostr-tools/pure';
import { browser, openPage, startServer, test } from './harness.mjs';
import { startHonestRelay, startHostileRelay } from './hostile-relay.mjs';

const key = generateSecretKey();
let clock = 1_700_000_000;
const sign = (content, kind = 1) => finalizeEvent({ kind, content, tags: [], created_at: clock++ }, key);
const good = Array.from({ length: 40 }, (_, at) => sign(`good ${at}`));
const truths = Array.from({ length: 10 }, (_, at) => sign(`true, from a bad relay ${at}`));
const tooMany = Array.from({ length: 60 }, (_, at) => sign(`one of too many ${at}`));
const idsOf = (events) => events.map(({ id }) => id).sort();

const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/dist/nostr-ferry.js"></script>';
const files = { '/page.html': PAGE };
const honest = await startHonestRelay(good);

/**
 * Reads, in `page`, from `bad` and from the good relay until both have said their last, and the bad one's status is as expected.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} bad
 * @param {object} expected members of its status; `reason` is a regular expression
 * @param {{ delivered?: number, lingerMs?: number, filter?: object, signer?: boolean, memory?: boolean }} [options]
 *   `delivered`: how many events of the bad one come; `lingerMs`: how much longer to look; `memory`: whether to measure it
 * @returns ids in order of arrival, what else the subscription was told, the statuses, the counters, and how long it all took
 */
function read(page, bad, expected, { delivered = 0, lingerMs = 0, filter = { kinds: [1] }, signer = false, memory = false } = {}) {
  return page.evaluate(
    async ([bad, good, expected, delivered, lingerMs, filter, signer, memory]) => {
      const began = performance.now();
      const nostr = await NostrFerry.NostrManager.start({ cache: false });
      if (signer) await nostr.signer.usePrivateKey('01'.repeat(32));
      const ids = [];
      const words = [];
      const status = (url) => nostr.relays.list().find(({ relay }) => relay === url);
      const is = (value, wanted) => (typeof wanted === 'string' ? new RegExp(wanted).test(value) : value === wanted);
      const fits = () => Object.entries(expected).every(([name, wanted]) => is(status(bad)?.[name], wanted));
      const feed = nostr.subscribe([filter], { relays: [bad, good] });
      // What is not as it should be by then is told as it is.
      const late = new Promise((resolve) => setTimeout(resolve, 120_000));
      let over = false;
      let look = () => {};
      /** Until all is as it should be, or it is late. */
      const seen = () => {
        const done = new Promise((resolve) => {
          look = () => over && ids.length >= 40 + delivered && fits() && status(good)?.events === 40 && resolve();
          look();
        });
        return Promise.race([done, late]);
      };
      feed.on('event', ({ id }) => look(ids.push(id)));
      feed.on('closed', ({ relay, reason }) => words.push(['closed', relay, reason]));
      feed.on('eose', ({ relay }) => {
        words.push(['eose', relay]);
        over ||= relay === undefined;
        look();
      });
      nostr.relays.on('status', () => look());
      await seen();
      await new Promise((resolve) => setTimeout(resolve, lingerMs));
      // A relay that is dialled again and again is between two states at times.
      await seen();
      const statuses = { bad: status(bad), good: status(good) };
      const stats = await nostr.stats();
      // Measurements that overlap make each other wait for a minute.
      const bytes = memory ? (await performance.measureUserAgentSpecificMemory()).bytes : undefined;
      const wasmBytes = Object.values(stats).reduce((sum, { counters }) => sum + counters.memory_bytes, 0);
      const result = { ids, words, ...statuses, stats, bytes, wasmBytes, tookMs: performance.now() - began };
      await nostr.stop();
      return result;
    },
    [bad, honest.url, expected, delivered, lingerMs, filter, signer, memory],
  );
}

/** What holds however bad a relay is. */
function check({ ids, words, bad, good: other, stats }, expected, delivered = []) {
  for (const [name, wanted] of Object.entries(expected)) {
    if (typeof wanted === 'string') assert.match(bad[name], new RegExp(wanted), name);
    else assert.equal(bad[name], wanted, `${name} of ${JSON.stringify(bad)}`);
  }
  assert.deepEqual(ids.toSorted(), idsOf([...good, ...delivered]));
  assert.equal(words.filter(([word, relay]) => word === 'eose' && relay === undefined).length, 1, 'one last eose');
  assert.deepEqual(
    { ...other, bytes: 0 },
    { relay: honest.url, state: 'open', reason: '', events: 40, bytes: 0, malformed: 0, unknownSub: 0, forged: 0, unmatched: 0, connects: 1, sheds: 0, hiddenSeconds: 0 },
  );
  assert.ok(stats.connections.counters.spool_most_bytes <= 2 * (2 << 20), 'the spools kept their budget');
  for (const { ports } of Object.values(stats)) assert.equal(ports.reduce((sum, port) => sum + port.malformed, 0), 0);
}

/** The engine waits half a second at least before it dials again, and each time twice as long. */
function isNotTooSoon({ tookMs }, relay) {
  const connections = relay.connections();
  assert.ok(500 * (2 ** (connections - 1) - 1) <= tookMs + 100, `${connections} connections in ${tookMs} ms`);
}

const raw = (...texts) => ({
  REQ: ({ socket, say }, sub) => {
    for (const text of texts) socket.send(text);
    for (const event of truths) say('EVENT', sub, event);
    say('EOSE', sub);
  },
});
const id = '0'.repeat(64);
const forged = (event) => ({ ...event, sig: (event.sig[0] === '0' ? '1' : '0') + event.sig.slice(1) });
/** The start of a text frame of 1,000 bytes (RFC 6455). */
const HALF_A_FRAME = Buffer.concat([Buffer.from([0x81, 126, 3, 232]), Buffer.from('["EVENT","')]);

const CASES = [
  {
    name: 'malformed JSON and unknown labels are counted and skipped',
    script: raw('', '[', 'hello', '{}', '[]', '[1]', '["EVENT"]', '["EVENT",1,{}]', '["NEG-MSG","s","00"]', '["WHAT","s"]'),
    expected: { state: 'open', malformed: 10 },
    delivered: truths,
  },
  {
    name: 'truncated frames and frames of 10 MB are counted and skipped',
    script: raw(JSON.stringify(['EVENT', 's', truths[0]]).slice(0, 100), 'x'.repeat(10 << 20), JSON.stringify(['NOTICE', 'x'.repeat(10 << 20)])),
    expected: { state: 'open', malformed: 3 },
    delivered: truths,
  },
  {
    name: 'binary frames are counted and skipped',
    script: raw(Buffer.from('["NOTICE","binary"]'), Buffer.alloc(1 << 20)),
    expected: { state: 'open', malformed: 2 },
    delivered: truths,
  },
  {
    name: 'unknown subscription ids are counted and skipped',
    script: raw('["EVENT","nobody",{}]', '["EOSE","nobody"]', '["CLOSED","nobody",""]', '["COUNT","nobody",{"count":1}]'),
    expected: { state: 'open', unknownSub: 4, malformed: 0 },
    delivered: truths,
  },
  {
    name: 'OK for what was never sent is a fault',
    script: raw(...Array(5).fill(JSON.stringify(['OK', id, true, '']))),
    expected: { state: 'open', malformed: 5 },
    delivered: truths,
  },
  {
    name: 'wrong ids, wrong signatures and events outside the filter are counted, and never delivered',
    script: [
      { ...sign('wrong id'), content: 'changed' },
      { ...truths[1], id: truths[2].id },
      forged(sign('wrong signature')),
      sign('of another kind', 7),
      { nothing: 'of an event' },
    ],
    expected: { state: 'open', forged: 3, unmatched: 1, malformed: 1 },
    delivered: [],
  },
  {
    name: 'a forger is left alone after a few forgeries',
    script: Array.from({ length: 60 }, (_, at) => forged(sign(`forgery ${at}`))),
    expected: { state: 'closed', reason: 'faulty frames' },
    delivered: [],
    holds: ({ bad }) => assert.ok(bad.forged > 10 && bad.forged <= 60, `${bad.forged} forged`),
  },
  {
    name: 'more events than the limit are passed on and counted, and EOSE twice harms nobody',
    script: {
      REQ: ({ say }, sub) => {
        for (const event of tooMany) say('EVENT', sub, event);
        say('EOSE', sub);
        say('EOSE', sub);
      },
    },
    filter: { kinds: [1], limit: 40 },
    expected: { state: 'open', unknownSub: 1, unmatched: 20 },
    delivered: tooMany,
  },
  {
    name: 'EOSE that never comes ends with the time allowed for it',
    script: { REQ: ({ say }, sub) => truths.forEach((event) => say('EVENT', sub, event)) },
    expected: { state: 'open' },
    delivered: truths,
  },
  {
    name: 'a socket that stalls in the middle of a frame ends with the time allowed for an answer',
    script: {
      REQ: ({ say, wire }, sub) => {
        for (const event of truths) say('EVENT', sub, event);
        wire.write(HALF_A_FRAME);
      },
    },
    expected: { state: 'open' },
    delivered: truths,
  },
  {
    name: 'a socket cut in the middle of a frame is dialled again, not too soon',
    script: { REQ: ({ wire }) => wire.write(HALF_A_FRAME, () => wire.destroy()) },
    expected: { state: 'closed', reason: 'code 1006' },
    delivered: [],
    lingerMs: 2_000,
    holds: isNotTooSoon,
  },
  {
    name: 'a relay that accepts and closes is dialled again, not too soon, and its reason is told',
    script: { connect: ({ socket }) => socket.close(1008, 'go away') },
    expected: { state: 'closed', reason: 'go away' },
    delivered: [],
    lingerMs: 2_000,
    holds: isNotTooSoon,
  },
  // What may pass is tried again, some times.
  ...['error: no', 'rate-limited: slow down', 'auth-required: who are you'].map((reason) => ({
    name: `CLOSED "${reason}" in answer to everything is no loop, and the status says why`,
    script: { REQ: ({ say }, sub) => say('CLOSED', sub, reason) },
    expected: { state: 'open', reason: `refused a subscription: ${reason}` },
    delivered: [],
    holds: (_, { received }) => assert.ok(received.length <= 5, `${received.length} messages`),
  })),
  ...['restricted: not you', 'whatever', ''].map((reason) => ({
    name: `CLOSED "${reason}" ends the subscription there, with the relay's own words`,
    script: { REQ: ({ say }, sub) => say('CLOSED', sub, reason) },
    expected: { state: 'open' },
    delivered: [],
    lingerMs: 1_000,
    holds: ({ words }, { received, url }) => {
      assert.equal(received.length, 1);
      assert.ok(words.some((word) => String(word) === String(['closed', url, reason])), JSON.stringify(words));
    },
  })),
  {
    name: 'AUTH in answer to every AUTH is no loop',
    script: authLoop('restricted: not you'),
    signer: true,
    expected: { reason: 'not authenticated' },
    delivered: [],
    lingerMs: 1_000,
    holds: (_, { received }) => assert.ok(received.length <= 10, `${received.length} messages`),
  },
  {
    name: 'authentication that is accepted and of no use is no loop',
    script: authLoop(''),
    signer: true,
    expected: { state: 'open' },
    delivered: [],
    lingerMs: 1_000,
    holds: (_, { received }) => assert.ok(received.length <= 10, `${received.length} messages`),
  },
];

/** Challenges whoever says anything, and serves nobody. */
function authLoop(refusal) {
  let challenges = 0;
  const challenge = ({ say }) => say('AUTH', `challenge ${(challenges += 1)}`);
  return {
    connect: challenge,
    REQ: ({ say }, sub) => say('CLOSED', sub, 'auth-required: who are you'),
    AUTH: (peer, event) => {
      peer.say('OK', event.id, refusal === '', refusal);
      challenge(peer);
    },
  };
}

const FLOODS = [
  ['frames of no subscription', '["EVENT","nobody",{}]', { state: 'closed', reason: 'faulty frames', malformed: 0 }, 'unknownSub'],
  ['frames that are no JSON', '["EVENT', { state: 'closed', reason: 'faulty frames', unknownSub: 0 }, 'malformed'],
  ['notices', '["NOTICE","flood"]', { state: 'closed', reason: 'floods the page with notices', malformed: 0, unknownSub: 0 }],
];

// Both pages are there before the first test: the last one's end closes them.
const pages = await Promise.all(
  [true, false].map(async (isolated) => {
    const { origin } = await startServer({ isolated, files });
    return { isolated, ...(await openPage(`${origin}/page.html`)) };
  }),
);

for (const { isolated, page, errors } of pages) {
  const transport = isolated ? 'rings' : 'ports';
  assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);

  describe(`${transport}: beside a good relay`, { concurrency: 4 }, () => {
    for (const { name, script, expected, delivered, holds, ...options } of CASES) {
      test(name, async () => {
        const relay = await startHostileRelay(script);
        const result = await read(page, relay.url, expected, { ...options, delivered: delivered.length });
        check(result, expected, delivered);
        holds?.(result, relay);
      });
    }

    test('a refused connection is a failure that says so', async () => {
      const expected = { state: 'failed', reason: '^the connection failed$', connects: 0 };
      // Every server here is at 127.0.0.1, and ports are handed out again: at other addresses of this machine nobody listens.
      check(await read(page, 'ws://127.0.1.1:7777', expected), expected);
    });

    test('wss:// to a relay that speaks no TLS is a failure that says what may be wrong', async () => {
      const { url, connections } = await startHostileRelay([]);
      const expected = { state: 'failed', reason: 'the connection failed: .* TLS', connects: 0 };
      check(await read(page, url.replace('ws:', 'wss:'), expected), expected);
      assert.equal(connections(), 0);
    });
  });

  for (const [what, message, expected, counted] of FLOODS) {
    test(`${transport}: a flood of 100,000 ${what} costs bounded memory`, async () => {
      const relay = await startHostileRelay({
        REQ: ({ socket, say }, sub) => {
          for (let at = 0; at < 100_000; at++) socket.send(message);
          say('EOSE', sub);
        },
      });
      const result = await read(page, relay.url, expected, { memory: isolated });
      check(result, expected);
      // Too many are 101, and one more for each second that it took to read them.
      if (counted) assert.ok(result.bad[counted] > 100 && result.bad[counted] <= 101 + result.tookMs / 1_000, JSON.stringify(result.bad));
      // The workers' own memories. They never shrink, so this is the most there ever was.
      assert.ok(result.wasmBytes <= 16 << 20, `${result.wasmBytes} bytes`);
      // Page and workers, which only an isolated page can measure.
      if (isolated) assert.ok(result.bytes <= 64 << 20, `${result.bytes} bytes`);
    });
  }

  test(`${transport}: none of this was an error of the page or its workers`, () => {
    // The browser itself logs what it thinks of broken and refused sockets, and that a relay has no NIP-11 document.
    assert.deepEqual(errors.filter((error) => !/WebSocket|Failed to load resource/.test(error)), []);
  });
}

test('ws:// from a page that came over https is a failure that says what to do', async () => {
  const context = await (await browser()).newContext();
  const plain = await startServer({ files });
  // As if from a server with TLS: the browser takes the address for what it is.
  await context.route('https://page.example/**', async (route) => {
    const { pathname } = new URL(route.request().url());
    const answer = await fetch(`${plain.origin}${pathname}`);
    const headers = { 'content-type': answer.headers.get('content-type') };
    await route.fulfill({ status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) });
  });
  const page = await context.newPage();
  await page.goto('https://page.example/page.html');
  const { state, reason } = await page.evaluate(async () => {
    const nostr = await NostrFerry.NostrManager.start({ cache: false });
    const failed = new Promise((resolve) => nostr.relays.on('status', (status) => status.state === 'failed' && resolve(status)));
    nostr.subscribe([{ kinds: [1] }], { relays: ['ws://relay.example'] });
    const status = await failed;
    await nostr.stop();
    return status;
  });
  assert.equal(state, 'failed');
  assert.match(reason, /https.*wss:\/\//);
});
