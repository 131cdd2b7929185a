// Private messages, direct messages and a wallet between two pages, over a real relay.
import assert from 'node:assert/strict';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { bytesToHex } from 'nostr-tools/utils';
import { PAGE, openPage, startRelay, startServer, test } from './harness.mjs';

const server = await startServer({ isolated: true, files: { '/page.html': PAGE } });
const [ann, bob, cid] = [generateSecretKey(), generateSecretKey(), generateSecretKey()];
const [annKey, bobKey, cidKey] = [ann, bob, cid].map((key) => getPublicKey(key));

/** A page with the engine, signed in, that knows where people read private messages. */
async function open(relay, secret, name) {
  const { page } = await openPage(`${server.origin}/page.html`);
  await page.evaluate(
    async ([relay, secret, name]) => {
      globalThis.nostr_ = await NostrFerry.NostrManager.start({ relays: [relay], cache: { name } });
      if (secret) await nostr_.signer.usePrivateKey(secret);
      await nostr_.fetch([{ kinds: [10050] }]);
      /** The first event of a filter that `wanted` takes. */
      globalThis.first = async (filter, wanted = () => true) => {
        for await (const event of nostr_.subscribe([filter])) if (wanted(event)) return event;
        throw new Error('no such event');
      };
    },
    [relay, secret && bytesToHex(secret), name],
  );
  return page;
}

async function startWithLists(people) {
  const now = Math.floor(Date.now() / 1000);
  const relay = await startRelay([]);
  const lists = people.map((key) => finalizeEvent({ kind: 10050, created_at: now, tags: [['relay', relay.url]], content: '' }, key));
  return { relay, lists };
}

async function publishAll(page, events) {
  await page.evaluate(async (events) => {
    for (const event of events) {
      const socket = new WebSocket(event.tags[0][1]);
      await new Promise((resolve) => (socket.onopen = resolve));
      const ok = new Promise((resolve) => (socket.onmessage = resolve));
      socket.send(JSON.stringify(['EVENT', event]));
      await ok;
      socket.close();
    }
    await nostr_.fetch([{ kinds: [10050] }]);
  }, events);
}

test('a private message sent from one page is read on another, and its copy at home', async () => {
  const { relay, lists } = await startWithLists([ann, bob]);
  const home = await open(relay.url, ann, 'ann');
  await publishAll(home, lists);
  const away = await open(relay.url, bob, 'bob');
  const statuses = await home.evaluate(async (to) => {
    const post = nostr_.publish({ kind: 14, content: 'see you at noon', tags: [['p', to]] });
    await post.accepted();
    const seen = [];
    for await (const status of post.status) seen.push([status.state, status.recipient, status.event?.kind]);
    return seen;
  }, bobKey);
  for (const person of [annKey, bobKey]) {
    const states = statuses.filter(([, recipient]) => recipient === person).map(([state]) => state);
    assert.deepEqual(states, ['signed', 'queued', 'sent', 'accepted'], person);
  }
  assert.ok(statuses.every(([state, , kind]) => state !== 'signed' || kind === 1059), 'nothing but wraps is sent');
  for (const [page, me] of [[away, bobKey], [home, annKey]]) {
    const read = await page.evaluate(async (me) => {
      const { parsed, lock } = await first({ kinds: [1059], '#p': [me] });
      return { type: parsed.type, state: parsed.state, from: parsed.rumor?.pubkey, content: parsed.rumor?.content, room: parsed.message?.chatId, lock };
    }, me);
    const room = [annKey, bobKey].sort().join('_');
    assert.deepEqual(read, { type: 'gift-wrap', state: 'open', from: annKey, content: 'see you at noon', room, lock: 'none' });
  }
});

test('a message to somebody whose relays are unknown is refused, and says what to do', async () => {
  const { relay, lists } = await startWithLists([ann]);
  const home = await open(relay.url, ann, 'ann-2');
  await publishAll(home, lists);
  const error = await home.evaluate(async (to) => {
    try {
      await nostr_.publish({ kind: 14, content: 'hello?', tags: [['p', to]] }).signed();
    } catch ({ code, message }) {
      return { code, message };
    }
  }, cidKey);
  assert.equal(error.code, 'bad-input');
  assert.match(error.message, new RegExp(`${cidKey}.*10050`));
  const sent = await home.evaluate(async () => (await nostr_.fetch([{ kinds: [14, 1059] }], { noCache: true })).length);
  assert.equal(sent, 0);
});

test('direct messages go both ways, and are locked again without a signer', async () => {
  const { relay } = await startWithLists([]);
  const [home, away] = [await open(relay.url, ann, 'ann-3'), await open(relay.url, bob, 'bob-3')];
  const say = (page, to, text) =>
    page.evaluate(async ([to, text]) => {
      const post = nostr_.publish({ kind: 4, content: text, tags: [['p', to]] });
      await post.accepted();
      return (await post.signed()).content;
    }, [to, text]);
  const hear = (page, from) =>
    page.evaluate(async (from) => (await first({ kinds: [4], authors: [from] })).parsed.text, from);
  const cipher = await say(home, bobKey, 'tea?');
  assert.match(cipher, /^[A-Za-z0-9+/=]+\?iv=[A-Za-z0-9+/=]+$/);
  assert.equal(await hear(away, annKey), 'tea?');
  await say(away, annKey, 'coffee.');
  assert.equal(await hear(home, bobKey), 'coffee.');
  const locked = await home.evaluate(async (from) => {
    await nostr_.signer.logout();
    const { parsed, lock } = await first({ kinds: [4], authors: [from] });
    return [parsed.state, lock, parsed.text];
  }, bobKey);
  assert.deepEqual(locked, ['locked', 'no-signer', undefined]);
  const opened = await home.evaluate(async ([from, secret]) => {
    const events = [];
    const feed = nostr_.subscribe([{ kinds: [4], authors: [from] }]);
    for await (const event of feed) {
      events.push([event.id, event.parsed.state, event.unlocked, event.parsed.text]);
      if (event.unlocked) break;
      nostr_.signer.usePrivateKey(secret);
    }
    return events;
  }, [bobKey, bytesToHex(ann)]);
  assert.deepEqual(opened.map(([, state, unlocked]) => [state, unlocked]), [['locked', false], ['open', true]]);
  assert.equal(opened[1][3], 'coffee.');
  assert.equal(opened[0][0], opened[1][0], 'it is the same event again');
});

test('a wallet and a list with private tags come back as they were given, and no clear text is sent', async () => {
  const { relay } = await startWithLists([]);
  const home = await open(relay.url, ann, 'ann-4');
  const key = 'ab'.repeat(32);
  const proof = { id: '005c2502034d4f12', amount: 1, secret: 'fish', C: `02${key}` };
  const sent = await home.evaluate(async ([key, proof]) => {
    const templates = [
      { kind: 17375, content: '', privateTags: [['mint', 'https://mint.example'], ['privkey', key]] },
      { kind: 7375, content: JSON.stringify({ mint: 'https://mint.example', proofs: [proof] }) },
      { kind: 10000, content: '', tags: [['t', 'rain']], privateTags: [['word', 'fish']] },
    ];
    const posts = templates.map((template) => nostr_.publish(template));
    await Promise.all(posts.map((post) => post.accepted()));
    return Promise.all(posts.map(async (post) => (await post.signed()).content));
  }, [key, proof]);
  for (const content of sent) assert.match(content, /^A[A-Za-z0-9+/]{100,}=*$/);
  const away = await open(relay.url, ann, 'ann-5');
  const read = await away.evaluate(async (me) => {
    const [wallet, token, list] = await Promise.all([17375, 7375, 10000].map((kind) => first({ kinds: [kind], authors: [me] })));
    return { mints: wallet.parsed.mints, key: wallet.parsed.key, mint: token.parsed.mint, secrets: token.parsed.proofs.map(({ secret }) => secret), topics: list.parsed.items.topics, words: list.parsed.privateItems.items.words };
  }, annKey);
  assert.deepEqual(read, { mints: ['https://mint.example'], key, mint: 'https://mint.example', secrets: ['fish'], topics: ['rain'], words: ['fish'] });
});

test('without a signer nothing is sent, and an aborted publish ends', async () => {
  const { relay } = await startWithLists([]);
  const page = await open(relay.url, undefined, 'nobody');
  const codes = await page.evaluate(async (to) => {
    const code = (promise) => promise.then(() => 'ok', (error) => error.code);
    const templates = [
      { kind: 4, content: 'x', tags: [['p', to]] },
      { kind: 14, content: 'x', tags: [['p', to]] },
      { kind: 7374, content: 'quote' },
      { kind: 10000, content: '', privateTags: [] },
    ];
    const unsigned = await Promise.all(templates.map((template) => code(nostr_.publish(template).signed())));
    const abort = new AbortController();
    const post = nostr_.publish({ kind: 1, content: 'never mind' }, { signal: abort.signal });
    abort.abort();
    return [...unsigned, await code(post.accepted()), (await nostr_.fetch([{ kinds: [1, 4, 14, 1059, 7374, 10000] }], { noCache: true })).length];
  }, bobKey);
  assert.deepEqual(codes, ['no-signer', 'no-signer', 'no-signer', 'no-signer', 'cancelled', 0]);
});
