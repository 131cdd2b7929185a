// Two relays that others wrote: what they answer is what the engine has to live with.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after } from 'node:test';
import { EventRepository } from '@nostr-relay/common';
import { NostrRelay } from '@nostr-relay/core';
import { matchFilter } from 'nostr-tools/filter';
import { WebSocketServer } from 'ws';
import { PAGE, openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';
import { startHostileRelay } from './hostile-relay.mjs';

const server = await startServer({ isolated: true, files: { '/page.html': PAGE } });
const sample = await sampleEvents({ count: 300 });
const notes = sample.filter(({ kind }) => kind === 1);
const idsOf = (events) => events.map(({ id }) => id).sort();

/** @nostr-relay/core with its events in memory. `auth` names what NIP-42 authentication is needed for; plugins are what its operator adds. */
async function startNostrRelay(events, auth, plugins = []) {
  const relay = new NostrRelay(new Memory(events), { hostname: '127.0.0.1' });
  for (const plugin of [...(auth ? [gate(auth)] : []), ...plugins]) relay.register(plugin);
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  sockets.on('connection', (socket) => {
    relay.handleConnection(socket);
    socket.on('message', (data) => relay.handleMessage(socket, JSON.parse(String(data))));
    socket.on('close', () => relay.handleDisconnect(socket));
  });
  await once(sockets, 'listening');
  after(async () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    await relay.destroy();
  });
  return { url: `ws://127.0.0.1:${sockets.address().port}` };
}

class Memory extends EventRepository {
  #events;

  constructor(events) {
    super();
    this.#events = events.toSorted((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1));
  }

  isSearchSupported() {
    return false;
  }

  upsert(event) {
    const isDuplicate = this.#events.some(({ id }) => id === event.id);
    if (!isDuplicate) this.#events.unshift(event);
    return { isDuplicate };
  }

  find(filter) {
    return this.#events.filter((event) => matchFilter(filter, event)).slice(0, filter.limit ?? 500);
  }

  async destroy() {}
}

/** That relay challenges on connect and then serves anyone; this refuses what its operator would. */
const gate = (auth) => ({
  async handleMessage(ctx, message, next) {
    const [label, subject] = message;
    if (ctx.pubkey || label !== (auth === 'read' ? 'REQ' : 'EVENT')) return next();
    const refusal = 'auth-required: say who you are';
    ctx.sendMessage(auth === 'read' ? ['CLOSED', subject, refusal] : ['OK', subject.id, false, refusal]);
    return undefined;
  },
});

const RELAYS = {
  'rust-nostr LocalRelay': (events, auth) => startRelay(events, auth ? ['--auth', auth] : []),
  '@nostr-relay/core': startNostrRelay,
};

/**
 * What a page does: subscribes, publishes what the subscription then brings, and looks at the relay's status. The engine's
 * patience has no end here: what ends has been told to. `countMs` is what a COUNT without a signer is given.
 */
async function use(url, signer, countMs) {
  const { page, errors } = await openPage(`${server.origin}/page.html`);
  const result = await page.evaluate(
    async ([url, signer, countMs]) => {
      const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
      if (signer) await nostr.signer.usePrivateKey('01'.repeat(32));
      const ids = [];
      const closed = [];
      /** The relay's status, once it tells of everything that has come of it by now. */
      const settled = async () => {
        const { events } = (await nostr.stats()).connections.counters;
        return new Promise((resolve) => {
          const look = ([status] = nostr.relays.list()) => status.events >= events && resolve(status);
          nostr.relays.on('status', () => look());
          look();
        });
      };
      const feed = nostr.subscribe([{ kinds: [1] }], { relays: [url] });
      feed.on('event', ({ id }) => ids.push(id));
      feed.on('closed', ({ reason }) => closed.push(reason));
      await new Promise((resolve) => feed.on('eose', ({ relay }) => relay ?? resolve()));
      const stored = ids.splice(0);
      const states = [];
      if (!signer) {
        // It is told on another way than the end is.
        const status = await new Promise((resolve) => {
          const look = ([status] = nostr.relays.list()) => status.reason !== '' && resolve(status);
          nostr.relays.on('status', () => look());
          look();
        });
        const [{ error }] = await nostr.count([{ kinds: [1] }], { relays: [url], timeoutMs: countMs }).catch((error) => [{ error }]);
        const isServed = new Promise((resolve) => feed.on('eose', resolve));
        await nostr.signer.usePrivateKey('01'.repeat(32));
        await isServed;
        const signedIn = await settled();
        await nostr.stop();
        return { stored, closed, status, count: error.code, later: ids, signedIn };
      }
      const post = nostr.publish({ kind: 1, content: 'hello from a page' }, { relays: [url] });
      for await (const { state, reason } of post.status) states.push(reason ? `${state} ${reason}` : state);
      const event = await post.signed();
      feed.close();
      // It is served again, and its CLOSED to our CLOSE, if it sends one, is no fault.
      const again = (await nostr.fetch([{ kinds: [1], limit: 5 }], { relays: [url], noCache: true })).map(({ id }) => id);
      const status = await settled();
      await nostr.stop();
      return { stored, closed, states, event, again, status };
    },
    [url, signer, countMs],
  );
  assert.deepEqual(errors, []);
  return result;
}

for (const [name, start] of Object.entries(RELAYS)) {
  test(`${name}: subscribe, publish, CLOSE`, async () => {
    const { url } = await start(sample);
    const { stored, closed, states, event, again, status } = await use(url, true);
    assert.deepEqual(stored.toSorted(), idsOf(notes));
    assert.deepEqual(closed, []);
    assert.deepEqual(states, ['signed', 'queued', 'sent', 'accepted']);
    assert.ok(again.includes(event.id));
    assert.equal(again.length, 5);
    assertGood(status);
  });

  test(`${name}: reads that need authentication`, async () => {
    const { url } = await start(sample, 'read');
    const { stored, closed, states, status } = await use(url, true);
    assert.deepEqual(stored.toSorted(), idsOf(notes));
    assert.deepEqual(closed, []);
    assert.equal(states.at(-1), 'accepted');
    assertGood(status);
  });

  test(`${name}: writes that need authentication`, async () => {
    const { url } = await start([], 'write');
    const { stored, states, event, again, status } = await use(url, true);
    assert.deepEqual(stored, []);
    assert.equal(states.at(-1), 'accepted');
    assert.deepEqual(again, [event.id]);
    assertGood(status);
  });

  test(`${name}: without a signer, reads that need authentication end at once, and begin when somebody signs in`, async () => {
    const { url } = await start(sample, 'read');
    const { stored, closed, status, count, later, signedIn } = await use(url, false, name === '@nostr-relay/core' ? 500 : undefined);
    assert.deepEqual(stored, []);
    const reason = 'no signer is set: choose one with nostr.signer';
    // The relay's own words; its status says why nothing came of them.
    assert.equal(closed.length, 1);
    assert.match(closed[0], /^auth-required: /);
    assert.equal(status.reason, `not authenticated: ${reason}`);
    if (name !== '@nostr-relay/core') assert.equal(count, 'refused');
    // The refused subscription is asked again.
    assert.deepEqual(later.toSorted(), idsOf(notes));
    assertGood(signedIn);
  });
}

/** What an operator's plugin refuses, that relay answers with its words. */
const members = { beforeHandleEvent: () => ({ canHandle: false, message: 'blocked: for members only' }) };

for (const [name, start] of [
  [
    'rust-nostr LocalRelay wants authentication, @nostr-relay/core rejects',
    async () => ({
      auth: await startRelay([], ['--auth', 'write']),
      wall: await startNostrRelay([], undefined, [members]),
      words: /^blocked: for members only$/,
    }),
  ],
  [
    '@nostr-relay/core wants authentication, rust-nostr LocalRelay rejects',
    async () => ({
      auth: await startNostrRelay([], 'write'),
      // So much work nobody has done by chance.
      wall: await startRelay([], ['--min-pow', '64']),
      words: /^pow: /,
    }),
  ],
]) {
  test(`one publish, two relays: ${name}`, async () => {
    const { auth, wall, words } = await start();
    const { page, errors } = await openPage(`${server.origin}/page.html`);
    const { states, event, accepted, refused, notes } = await page.evaluate(
      async ([auth, wall]) => {
        const nostr = await NostrFerry.NostrManager.start();
        await nostr.signer.usePrivateKey('01'.repeat(32));
        const post = nostr.publish({ kind: 1, content: 'hello, both of you' }, { relays: [auth, wall] });
        const states = [];
        for await (const status of post.status) states.push(status);
        const accepted = await post.accepted({ timeoutMs: 0 });
        const alone = nostr.publish({ kind: 1, content: 'hello, wall' }, { relays: [wall] });
        const refused = await alone.accepted().catch(({ code, message }) => `${code}: ${message}`);
        const event = await post.signed();
        const notes = await nostr.fetch([{ ids: [event.id] }], { relays: [auth, wall], noCache: true });
        await nostr.stop();
        return { states, event, accepted, refused, notes: notes.map(({ relays }) => relays) };
      },
      [auth.url, wall.url],
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(states[0], { state: 'signed', event });
    assert.equal(states[1].state, 'queued');
    assert.deepEqual(states[1].relays.toSorted(), [auth.url, wall.url].toSorted());
    const of = (url) => states.slice(2).filter(({ relay }) => relay === url);
    assert.deepEqual(of(auth.url).map(({ state }) => state), ['sent', 'accepted']);
    assert.deepEqual(of(wall.url).map(({ state }) => state), ['sent', 'rejected']);
    assert.match(of(wall.url)[1].reason, words);
    assert.equal(states.length, 6);
    assert.equal(accepted, auth.url);
    assert.ok(refused.startsWith(`refused: no relay accepted the event (${wall.url}: ${of(wall.url)[1].reason}`), refused);
    // It is where it was accepted, and only there.
    assert.deepEqual(notes, [[auth.url]]);
  });
}

test('whoever waits for an OK may stop waiting: the publish goes on, and the OK is told', async () => {
  let ok;
  const relay = await startHostileRelay({ EVENT: ({ say }, { id }) => (ok = () => say('OK', id, true, 'at last')) });
  const { page, errors } = await openPage(`${server.origin}/page.html`);
  const late = await page.evaluate(async (url) => {
    const nostr = (window.nostr = await NostrFerry.NostrManager.start());
    const words = ({ code, message }) => `${code}: ${message}`;
    const unsigned = await nostr.publish({ kind: 1, content: '' }).accepted({ timeoutMs: 60_000 }).catch(words);
    await nostr.signer.usePrivateKey('01'.repeat(32));
    window.post = nostr.publish({ kind: 1, content: 'are you there?' }, { relays: [url] });
    for await (const { state } of window.post.status) if (state === 'sent') break;
    const late = await window.post.accepted({ timeoutMs: 1 }).catch(words);
    const bad = await Promise.all([-1, NaN, 2 ** 31].map((timeoutMs) => window.post.accepted({ timeoutMs }).catch(words)));
    const named = await window.post.accepted({ timeoutMs: 1 }).catch(({ publish }) => publish === window.post.id);
    return [unsigned, late, named, ...bad];
  }, relay.url);
  ok();
  const [states, accepted] = await page.evaluate(async () => {
    const accepted = await window.post.accepted({ timeoutMs: 60_000 });
    const states = [];
    for await (const { state, reason } of window.post.status) states.push(reason ? `${state} ${reason}` : state);
    await window.nostr.stop();
    return [states, accepted];
  });
  assert.match(late[0], /^no-signer: /);
  assert.equal(late[1], `timed-out: the event has not been accepted in 1 ms (${relay.url}: no answer yet)`);
  assert.equal(late[2], true, 'the error says which publish it is about');
  for (const words of late.slice(3)) assert.match(words, /^bad-input: timeoutMs has to be /);
  assert.deepEqual(states, ['signed', 'queued', 'sent', 'accepted at last']);
  assert.equal(accepted, relay.url);
  assert.deepEqual(errors, []);
});

for (const [name, start, answer, eoseMs] of [
  ['rust-nostr LocalRelay', RELAYS['rust-nostr LocalRelay'], { count: notes.length, approximate: false }],
  // Its NOTICE says nothing of what it is about: it is believed to be the answer only when nothing else has come.
  ['@nostr-relay/core', startNostrRelay, { code: 'unreachable', message: /no answer to COUNT in time; the relay's last notice: / }, 10_000],
]) {
  test(`${name}: COUNT`, async () => {
    const { url } = await start(sample);
    const { page, errors } = await openPage(`${server.origin}/page.html`);
    const { answers, status, aborted, nobody } = await page.evaluate(async ([url, limits]) => {
      const nostr = await NostrFerry.NostrManager.start({ limits });
      const plain = ({ error, ...answer }) => ({ ...answer, ...(error && { code: error.code, message: error.message }) });
      const answers = (await nostr.count([{ kinds: [1] }], { relays: [url, 'ws://127.0.0.1:1'] })).map(plain);
      const [status] = nostr.relays.list().filter(({ relay }) => relay === url);
      const aborted = await nostr.count([{}], { relays: [url], signal: AbortSignal.timeout(0) }).catch((error) => error.name);
      const nobody = await nostr.count([{}]).catch((error) => error.code);
      await nostr.stop();
      return { answers, status, aborted, nobody };
    }, [url, eoseMs && { eoseMs }]);
    assert.deepEqual(errors.filter((error) => !/WebSocket|Failed to load resource/.test(error)), []);
    const its = answers.find(({ relay }) => relay === url);
    assert.equal(its.code, answer.code);
    if (answer.message) assert.match(its.message, answer.message);
    else assert.deepEqual(its, { relay: url, ...answer });
    const other = answers.find(({ relay }) => relay !== url);
    assert.equal(other.code, 'unreachable');
    assert.match(other.message, /the connection failed/);
    assert.equal(answers.length, 2);
    assert.equal(nobody, 'bad-input');
    assert.match(String(aborted), /TimeoutError|AbortError/);
    // The second asks who is there, and serves whoever does not say.
    assertGood({ ...status, reason: '' });
  });
}

test('a relay that ends a subscription once more, after it had taken it up again, is heard again', async () => {
  let reqs = 0;
  const relay = await startHostileRelay({
    connect: (peer) => peer.say('AUTH', 'challenge'),
    AUTH: (peer, { id }) => peer.say('OK', id, true, ''),
    REQ: (peer, sub) => {
      if (++reqs === 1) return peer.say('CLOSED', sub, 'auth-required: who are you?');
      peer.say('EOSE', sub);
      peer.say('CLOSED', sub, 'blocked: closing time');
    },
  });
  const { page } = await openPage(`${server.origin}/page.html`);
  const told = await page.evaluate(async (url) => {
    const nostr = await NostrFerry.NostrManager.start({ cache: false, verifiers: 0 });
    const told = [];
    const feed = nostr.subscribe([{ kinds: [1] }], { relays: [url] });
    const closed = () => new Promise((resolve) => feed.on('closed', resolve));
    feed.on('event', () => {});
    feed.on('eose', ({ relay }) => relay && told.push('eose'));
    feed.on('closed', ({ reason }) => told.push(reason));
    await closed();
    const again = closed();
    await nostr.signer.usePrivateKey('01'.repeat(32));
    await again;
    await nostr.stop();
    return told;
  }, relay.url);
  assert.match(told[0], /^auth-required: /);
  assert.deepEqual(told.slice(1), ['eose', 'blocked: closing time']);
});

test('relays are added and removed at run time, each by its one name', async () => {
  const [first, second] = await Promise.all([startRelay(sample.slice(0, 100)), startRelay(sample.slice(100))]);
  const { page } = await openPage(`${server.origin}/page.html`);
  const { steps, names, refused, code } = await page.evaluate(
    async ([first, second]) => {
      const nostr = await NostrFerry.NostrManager.start({ cache: false, relays: [first] });
      const count = async () => (await nostr.fetch([{ kinds: [1] }], { noCache: true })).length;
      const steps = [await count()];
      nostr.relays.add(second.replace('ws:', ' WS:') + '/');
      nostr.relays.add(second);
      steps.push(nostr.relays.defaults.length, await count());
      steps.push(nostr.relays.remove(first), nostr.relays.remove(first), await count());
      const names = [
        'wss://Relay.Example.COM/', 'WSS://relay.example.com:443', 'ws://relay.example.com:80//', 'ws://relay.example.com:443',
        'wss://relay.example.com/Path/', 'wss://relay.example.com?Key=A', 'wss://relay.example.com/p/?next=/', 'wss://relay.example.com:00443',
        'ws://[0:0::0:1]', 'wss://[2001:DB8::1]:443/', 'wss://relay.example.com./', 'wss://1a.0xyz', ' ws://127.0.0.1:7777 ',
      ].map((url) => nostr.relays.add(url));
      const refused = [
        'https://relay.example', 'relay.example', 'wss://', 'wss://rel ay.example', 'wss://user:pw@relay.example', 'wss://relay.example:0',
        'wss://relay.example:99999', 'wss://relay.example:', 'wss://[::zz]', 'wss://b\u00fccher.example', 'wss://relay..example', 'wss://.',
        'wss://relay.-example', 'wss://%72elay.example', 'wss://2130706433', 'wss://0x7f.1', 'wss://127.0.0.01', 'wss://relay.example/[', 'wss://relay.example/#a',
      ].filter((url) => {
        try {
          return !nostr.relays.add(url);
        } catch (error) {
          return error.code === 'bad-input' && error.relay === url;
        }
      });
      await nostr.stop();
      const code = await NostrFerry.NostrManager.start({ relays: ['nonsense'] }).catch((error) => error.code);
      return { steps, names, refused: refused.length, code };
    },
    [first.url, second.url],
  );
  const [few, most] = [sample.slice(0, 100), sample.slice(100)].map((part) => part.filter(({ kind }) => kind === 1).length);
  assert.deepEqual(steps, [few, 2, few + most, true, false, most]);
  // As src/nostr/relay_url.rs names them.
  assert.deepEqual(names, [
    'wss://relay.example.com', 'wss://relay.example.com', 'ws://relay.example.com', 'ws://relay.example.com:443',
    'wss://relay.example.com/Path', 'wss://relay.example.com/?Key=A', 'wss://relay.example.com/p/?next=/', 'wss://relay.example.com',
    'ws://[::1]', 'wss://[2001:db8::1]', 'wss://relay.example.com', 'wss://1a.0xyz', 'ws://127.0.0.1:7777',
  ]);
  assert.equal(refused, 19);
  assert.equal(code, 'bad-input');
});

/** An honest relay has no faults, whatever its habits. */
function assertGood({ state, reason, malformed, unknownSub, forged, unmatched, sheds, connects }) {
  assert.deepEqual(
    { state, reason, malformed, unknownSub, forged, unmatched, sheds, connects },
    { state: 'open', reason: '', malformed: 0, unknownSub: 0, forged: 0, unmatched: 0, sheds: 0, connects: 1 },
  );
}
