// docs/recipes.md: every program in it is compiled against the shipped types, and run as a page would.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { nip19 } from 'nostr-tools';
import { unwrapEvent, wrapEvent } from 'nostr-tools/nip17';
import { SimplePool, useWebSocketImplementation } from 'nostr-tools/pool';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { bytesToHex } from 'nostr-tools/utils';
import WebSocket from 'ws';
import { startBunker } from './bunker.mjs';
import { openPage, startRelay, startServer, test } from './harness.mjs';
import { startHostileRelay } from './hostile-relay.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const markdown = readFileSync(join(root, 'docs/recipes.md'), 'utf8');
const recipes = Object.fromEntries([...markdown.matchAll(/```ts (\w+)\n([\s\S]*?)```/g)].map(([, name, code]) => [name, code]));
const scripts = await Promise.all(
  Object.entries(recipes).map(async ([name, code]) => [`/${name}.js`, (await transform(code, { loader: 'ts', target: 'es2022' })).code]),
);
const PAGE = `<!doctype html><meta charset="utf-8"><title>Recipes</title><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "nostr-ferry": "/dist/nostr-ferry.mjs" } }</script><body></body>`;
const server = await startServer({ files: { '/page.html': PAGE, ...Object.fromEntries(scripts) } });

const [ann, bob] = [generateSecretKey(), generateSecretKey()];
const [annKey, bobKey] = [ann, bob].map((key) => getPublicKey(key));
const NOW = Math.floor(Date.now() / 1000) - 1_000;
const sign = (key, kind, content, tags = [], at = 0) => finalizeEvent({ kind, content, tags, created_at: NOW + at }, key);

useWebSocketImplementation(WebSocket);
const pool = new SimplePool();
after(() => pool.destroy());

/** A page with the engine as `nostr_` and an element `box`; `recipe(name)` is the recipe's module. */
async function openRecipes(relays, init) {
  const { page, errors } = await openPage('about:blank');
  if (init) await page.addInitScript(init);
  await page.goto(`${server.origin}/page.html`);
  const start = () =>
    page.evaluate(async (relays) => {
      globalThis.recipe = (name) => import(`/${name}.js`);
      globalThis.box = document.body.appendChild(document.createElement('div'));
      globalThis.never = new AbortController().signal;
      const { start } = await recipe('start');
      globalThis.nostr_ = await start(relays);
    }, relays);
  await start();
  return { page, errors, start };
}

/** Waits until the box says what it should. */
const says = (page, text) => page.waitForFunction((text) => box.innerText.replace(/\s+/g, ' ').trim() === text, text).catch(async () => {
  assert.equal(await page.evaluate(() => box.innerText.replace(/\s+/g, ' ').trim()), text);
});

test('the recipes compile, strictly, and each is tried below', async () => {
  assert.equal(Object.keys(recipes).length, markdown.match(/^```ts/gm).length, 'every program has a name');
  const folder = mkdtempSync(join(root, 'target/recipes-'));
  after(() => rmSync(folder, { recursive: true }));
  for (const [name, code] of Object.entries(recipes)) writeFileSync(join(folder, `${name}.ts`), code);
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tests/types/tsconfig.json'), 'utf8'));
  Object.assign(compilerOptions, {
    lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
    paths: { 'nostr-ferry': ['../../dist/nostr-ferry.d.ts'] },
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
  });
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch(({ stdout }) => assert.fail(stdout));
  const tried = readFileSync(new URL(import.meta.url), 'utf8');
  for (const name of Object.keys(recipes)) assert.ok(tried.includes(`recipe('${name}')`), `nobody tries ${name}`);
});

test('a profile page shows the newest profile, whichever relay is slower', async () => {
  const old = sign(ann, 0, JSON.stringify({ name: 'old', about: 'before' }));
  const young = sign(ann, 0, JSON.stringify({ name: 'ann', display_name: 'Ann', about: 'sails' }), [], 9);
  const relays = await Promise.all([[old, sign(ann, 1, 'first')], [young, sign(ann, 1, 'second', [], 1)]].map((events) => startRelay(events)));
  const { page, errors } = await openRecipes(relays.map(({ url }) => url));
  await page.evaluate(async (who) => (await recipe('profile')).showProfile(nostr_, who, box, never), nip19.npubEncode(annKey));
  await says(page, 'Ann sails second first');
  assert.deepEqual(errors, []);
});

test('a thread is put together whatever comes first', async () => {
  const top = sign(ann, 1, 'top');
  const reply = (key, to, content, at) => sign(key, 1, content, [['e', top.id, '', 'root'], ...(to === top ? [] : [['e', to.id, '', 'reply']])], at);
  const answer = reply(bob, top, 'answer', 2);
  // Dated before what it answers, it comes after it; the deepest comes first of all.
  const deep = reply(ann, answer, 'deep', 5);
  const relay = await startRelay([top, answer, deep, reply(bob, top, 'other', 1)]);
  const { page, errors } = await openRecipes([relay.url]);
  await page.evaluate(async (link) => void (await recipe('thread')).showThread(nostr_, link, box, never), nip19.noteEncode(deep.id));
  await page.waitForFunction(() => box.querySelectorAll('li').length === 3 && box.querySelector('p'));
  const [nested, first] = await page.evaluate(() => [box.querySelector('li li')?.textContent, box.firstChild.textContent]);
  assert.deepEqual([nested, first], ['deep', 'top']);
  const late = reply(bob, deep, 'late', 8);
  await Promise.all(pool.publish([relay.url], late));
  await page.waitForFunction(() => box.querySelector('li li li')?.textContent === 'late');
  assert.deepEqual(errors, []);
});

test('an inbox reads where its owner has said, opens once they sign in, and answers', async () => {
  const [home, mail] = await Promise.all([startRelay(), startRelay()]);
  const lists = [ann, bob].map((key) => sign(key, 10050, '', [['relay', mail.url]]));
  await Promise.all(lists.flatMap((list) => pool.publish([home.url], list)));
  await Promise.all(pool.publish([mail.url], wrapEvent(bob, { publicKey: annKey }, 'noon?')));
  const { page, errors } = await openRecipes([home.url]);
  await page.evaluate(async (me) => {
    const { openInbox } = await recipe('inbox');
    globalThis.said = { messages: [], locked: 0, most: 0 };
    const show = (message) => said.messages.push(message);
    const locked = (count) => Object.assign(said, { locked: count, most: Math.max(said.most, count) });
    await openInbox(nostr_, me, { show, locked }, never);
  }, annKey);
  await page.waitForFunction(() => said.locked === 1);
  await page.evaluate((secret) => nostr_.signer.usePrivateKey(secret), bytesToHex(ann));
  await page.waitForFunction(() => said.messages.length === 1);
  const { messages, locked } = await page.evaluate(() => said);
  assert.deepEqual([locked, messages[0].from, messages[0].text, messages[0].room], [0, bobKey, 'noon?', [annKey, bobKey].sort().join('_')]);
  assert.ok(Math.abs(messages[0].at - Date.now() / 1000) < 3_600, 'the true date, not the wrap’s');

  await page.evaluate(async (to) => (await recipe('inbox')).sendMessage(nostr_, to, 'yes'), bobKey);
  const wraps = await pool.querySync([mail.url], { kinds: [1059], '#p': [bobKey] });
  assert.deepEqual(wraps.map((wrap) => unwrapEvent(wrap, bob).content), ['yes']);
  // One's own copy comes home.
  await page.waitForFunction(() => said.messages.some(({ text }) => text === 'yes'));
  assert.deepEqual(errors, []);
});

test('a note is signed by a bunker, and a bunker that refuses is told', async () => {
  const relay = await startRelay();
  const bunker = await startBunker(relay.url, { secretKey: bytesToHex(ann) });
  const { page } = await openRecipes([relay.url]);
  const post = (url, text) =>
    page.evaluate(
      async ([url, text]) => {
        const told = [];
        const id = await (await recipe('bunker')).postWithBunker(nostr_, url, text, (words) => told.push(words));
        return { id, told };
      },
      [url, text],
    );
  const { id, told } = await post(bunker.url, 'by bunker');
  assert.deepEqual(told, ['Waiting for your signer…', `Posted at ${relay.url}.`]);
  const stored = await pool.get([relay.url], { ids: [id] });
  assert.deepEqual([stored.pubkey, stored.content], [annKey, 'by bunker']);
  const wrong = await post('bunker://nobody', 'never');
  assert.equal(wrong.id, undefined);
  assert.match(wrong.told.at(-1), /^That did not work: .*bunker:\/\//);
});

test('a follow list grows by one and keeps the rest; one that no relay confirms is left alone', async () => {
  const before = sign(ann, 3, '{"relays":1}', [['p', 'aa'.repeat(32), 'wss://r.example', 'pet'], ['t', 'kept']]);
  const relay = await startRelay([before]);
  const { page, errors } = await openRecipes([relay.url]);
  await page.evaluate((secret) => nostr_.signer.usePrivateKey(secret), bytesToHex(ann));
  const follow = (who) => page.evaluate(async (who) => (await recipe('follow')).follow(nostr_, who).then(() => 'done', ({ message }) => message), who);
  assert.equal(await follow(bobKey), 'done');
  assert.equal(await follow(bobKey), 'done');
  const [now, ...others] = await pool.querySync([relay.url], { kinds: [3], authors: [annKey] });
  assert.deepEqual([now.tags, now.content, others], [[...before.tags, ['p', bobKey]], before.content, []]);
  assert.deepEqual(errors, []);

  await relay.stop();
  assert.equal(await follow('bb'.repeat(32)), 'no relay has answered: your list was left as it is');
});

test('a search keeps the order of the relay that made it, and one that does not search says so', async () => {
  const events = [3, 9, 1].map((at) => sign(ann, 1, `about boats ${at}`, [], at));
  const relay = await startHostileRelay({
    REQ(peer, sub, filter) {
      if (filter.search !== 'boats') return peer.say('CLOSED', sub, 'unsupported: no search');
      for (const event of events) peer.say('EVENT', sub, event);
      peer.say('EOSE', sub);
    },
  });
  const { page } = await openRecipes([]);
  const search = (words) =>
    page.evaluate(
      async ([url, words]) => (await (await recipe('search')).searchAt(nostr_, url, words, never)).map(({ content }) => content),
      [relay.url, words],
    );
  assert.deepEqual(await search('boats'), events.map(({ content }) => content));
  const warned = page.waitForEvent('console', (message) => message.text().includes('does not search'));
  assert.deepEqual(await search('cars'), []);
  assert.match((await warned).text(), /does not search: unsupported: no search/);
});

test('comments stand in their order under an article, one’s own at once', async () => {
  const address = `30023:${bobKey}:boats`;
  const tags = [['A', address], ['K', '30023'], ['P', bobKey], ['a', address], ['k', '30023'], ['p', bobKey]];
  const relay = await startRelay([sign(ann, 1111, 'second', tags, 2), sign(bob, 1111, 'first', tags, 1)]);
  const { page, errors } = await openRecipes([relay.url]);
  await page.evaluate(
    async ([secret, naddr]) => {
      await nostr_.signer.usePrivateKey(secret);
      globalThis.comment = (await recipe('comments')).showComments(nostr_, naddr, box, never);
    },
    [bytesToHex(ann), nip19.naddrEncode({ kind: 30023, pubkey: bobKey, identifier: 'boats' })],
  );
  await says(page, 'first second');
  const posted = await page.evaluate(() => comment('third'));
  await says(page, 'first second third');
  assert.deepEqual(posted.tags, tags);
  await page.evaluate(async (id) => {
    for await (const event of nostr_.subscribe([{ ids: [id] }], { noCache: true, timeoutMs: 30_000 })) return event.id;
    throw new Error('the relay never had it');
  }, posted.id);
  await says(page, 'first second third');
  assert.deepEqual(errors, []);
});

test('zaps count if they are valid and of the provider', async () => {
  const provider = generateSecretKey();
  const note = sign(ann, 1, 'zap me');
  const source = readFileSync(join(root, 'tests/kinds/reading.test.mjs'), 'utf8');
  const invoice = /^const INVOICE = '(\w+)'/m.exec(source)[1];
  const request = sign(bob, 9734, 'thanks', [['p', annKey], ['e', note.id], ['relays', 'wss://r.example'], ['amount', '1000000']]);
  const receipt = (key, request, at) =>
    sign(key, 9735, '', [['p', annKey], ['e', note.id], ['bolt11', invoice], ['description', JSON.stringify(request)]], at);
  const forged = { ...request, content: 'more' };
  const events = [receipt(provider, request, 1), receipt(provider, request, 2), receipt(provider, forged, 3), receipt(bob, request, 4)];
  const relay = await startRelay([note, ...events]);
  const { page, errors } = await openRecipes([relay.url]);
  await page.evaluate(
    async ([id, provider]) => {
      (await recipe('zaps')).countZaps(nostr_, id, provider, (...now) => (globalThis.counted = now), never);
    },
    [note.id, getPublicKey(provider)],
  );
  await page.waitForFunction(() => globalThis.counted?.[1] === 2);
  // What comes live comes after all that was stored.
  await Promise.all(pool.publish([relay.url], receipt(provider, request, 5)));
  await page.waitForFunction(() => counted[1] > 2);
  assert.deepEqual(await page.evaluate(() => counted), [3_000, 3]);
  assert.deepEqual(errors, []);
});

test('a feed opens without a network with what an earlier visit stored', async () => {
  const relay = await startRelay([sign(bob, 1, 'kept'), sign(bob, 1, 'as well', [], 1)]);
  const { page, start } = await openRecipes([relay.url]);
  const feed = () =>
    page.evaluate(async (author) => {
      globalThis.seen = { notes: [], said: [] };
      const show = (event) => seen.notes.push([event.content, event.fromCache]);
      (await recipe('offline')).offlineFeed(nostr_, [author], { show, say: (words) => seen.said.push(words) }, never);
    }, bobKey);
  await feed();
  await page.waitForFunction(() => seen.said.at(-1) === 'Up to date.');
  assert.deepEqual((await page.evaluate(() => seen.notes)).map(([, stored]) => stored), [false, false]);
  await page.evaluate(() => nostr_.stop());
  await relay.stop();
  await page.reload();
  await start();
  await feed();
  await page.waitForFunction(() => seen.said.at(-1) === 'Offline: 2 notes from earlier visits.');
  assert.deepEqual(await page.evaluate(() => seen.notes), [['as well', true], ['kept', true]]);
});

test('a button signs in with the extension, is remembered, and signs out', async () => {
  const init = `globalThis.nostr = sessionStorage.extension && { getPublicKey: async () => '${annKey}', signEvent: async () => ({}) };`;
  const { page, start } = await openRecipes([], init);
  const button = () =>
    page.evaluate(async () => {
      globalThis.button = document.createElement('button');
      box.replaceChildren(button);
      (await recipe('signin')).signInButton(nostr_, button);
    });
  await button();
  await says(page, 'Sign in');
  await page.click('button');
  await page.waitForFunction(() => globalThis.button.title === 'Install a Nostr extension first.' && !globalThis.button.disabled);

  await page.evaluate(() => (sessionStorage.extension = 'yes'));
  const signedIn = `Sign out ${nip19.npubEncode(annKey).slice(0, 12)}…`;
  for (const press of [true, false]) {
    await page.reload();
    await start();
    await button();
    if (press) {
      await page.waitForFunction(() => !globalThis.button.disabled);
      await page.click('button');
    }
    await says(page, signedIn);
  }
  await page.click('button');
  await says(page, 'Sign in');
  assert.equal(await page.evaluate(() => nostr_.signer.getPublicKey().catch(({ code }) => code)), 'no-signer');
});
