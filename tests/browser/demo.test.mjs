// The demo page, as a person uses it, against a real relay; with shared memory and without.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { nip19 } from 'nostr-tools';
import * as nip49 from 'nostr-tools/nip49';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { bytesToHex } from 'nostr-tools/utils';
import { startBunker } from './bunker.mjs';
import { openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';

const now = () => Math.floor(Date.now() / 1000);

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A relay with a town's events and `more`. The people's relay lists name it, so its address comes first. */
async function startTown(count, more) {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const sample = await sampleEvents({ count, base: now() - 30, relays: [`ws://127.0.0.1:${port}`] });
    try {
      return { sample, relay: await startRelay([...sample, ...more], ['--port', String(port)]) };
    } catch (error) {
      // Somebody else may have been given the port meanwhile.
      if (tries === 10) throw error;
    }
  }
}

/** A relay with a town's events and `more`, the demo on it, and a page that shows it. */
async function openDemo({ isolated = true, more = [], count = 1200 } = {}) {
  const { sample, relay } = await startTown(count, more);
  const server = await startServer({ isolated, files: { '/demo.json': JSON.stringify({ relay: relay.url }) } });
  const { page, errors } = await openPage(`${server.origin}/`);
  await page.waitForSelector('#home .note');
  return { sample, server, relay, page, errors };
}

const names = (page) => page.$$eval('#home .note .name', (elements) => elements.map((element) => element.textContent));
const wholeWidth = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

for (const isolated of [true, false]) {
  test(`${isolated ? 'rings' : 'ports'}: notes with names, a post, a thread, an answer`, async () => {
    const { sample, server, page, errors } = await openDemo({ isolated });
    assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);

    const people = new Set(
      sample.filter(({ kind }) => kind === 0).map(({ content }) => JSON.parse(content).display_name),
    );
    await page.waitForFunction(() => document.querySelectorAll('#home .note').length > 20);
    await page.waitForFunction(
      () => ![...document.querySelectorAll('#home .note .name')].some((name) => name.textContent.startsWith('npub')),
    );
    assert.deepEqual(
      (await names(page)).filter((name) => !people.has(name)),
      [],
    );
    const days = await page.$$eval('#home .day', (headings) => headings.map((heading) => heading.textContent));
    assert.ok(days.length > 0 && new Set(days).size === days.length, `days: ${days}`);

    await page.fill('#home textarea', 'Low water at noon. #harbour');
    await page.click('#home .composer button');
    await page.waitForFunction(
      () => document.querySelector('#home .content')?.textContent === 'Low water at noon. #harbour',
    );
    await page.waitForFunction(() => document.querySelector('#home .dispatch')?.textContent.includes('accepted'));
    // It is on the relay: another visitor, with a store of his own, reads it.
    const { page: other, errors: otherErrors } = await openPage(`${server.origin}/#tag/harbour`);
    await other.waitForFunction(() =>
      [...document.querySelectorAll('#view .content')].some(({ textContent }) => textContent.startsWith('Low water')),
    );

    const replies = (event) =>
      sample.filter(({ kind, tags }) => kind === 1 && tags.some((tag) => tag[1] === event.id && tag[3] === 'root'));
    const shown = new Set(await page.$$eval('#home .note', (notes) => notes.map((note) => note.dataset.id)));
    const asked = sample.find((event) => shown.has(event.id) && replies(event).length > 1);
    await page.click(`#home [data-id="${asked.id}"] a.action`);
    const wanted = replies(asked).map(({ id }) => id);
    await page.waitForFunction((ids) => ids.every((id) => document.querySelector(`#view [data-id="${id}"]`)), wanted);
    await page.fill('#view textarea', 'I will be there.');
    await page.click('#view .composer button');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('#view .thread ol .content')].some(
        ({ textContent }) => textContent === 'I will be there.',
      ),
    );
    await page.waitForFunction(() => document.querySelector('#view .dispatch')?.textContent.includes('accepted'));

    await page.goBack();
    await page.waitForSelector('#home .note');
    assert.ok(await page.isHidden('#view'));
    assert.deepEqual([...errors, ...otherErrors], []);
  });
}

test('the engine room shows rates while records travel, and nothing dropped', async () => {
  const { page, errors } = await openDemo();
  await page.waitForFunction(() => /^[1-9]/.test(document.querySelectorAll('.dials b')[2].textContent));
  // Rates are shown for a second, and those of one run may be of different ones.
  await page.evaluate(() => {
    globalThis.most = { verified: 0, delivered: 0, busy: 0 };
    const look = () => {
      const [verified, delivered] = [...document.querySelectorAll('.dials b')].map(({ textContent }) => Number(textContent.replace(/\D/g, '')));
      const shown = { verified, delivered, busy: document.querySelectorAll('.lane.busy').length };
      for (const name in most) most[name] = Math.max(most[name], shown[name]);
    };
    new MutationObserver(look).observe(document.querySelector('.inspector'), { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await page.click('.run button');
  await page.waitForFunction(() => most.verified > 0 && most.delivered > 0 && most.busy > 2);
  await page.waitForFunction(() => /^[\d,]+ events in/.test(document.querySelector('.run .answer').textContent));
  assert.equal(await page.textContent('.dials > div:last-child b'), '0');
  assert.equal(await page.locator('table tbody tr').count(), 6);
  assert.deepEqual(errors, []);
});

test('a worker that dies is named in the engine room, and the page goes on', async () => {
  const { server } = await openDemo({ count: 300 });
  const { page, errors } = await openPage('about:blank');
  await page.addInitScript(() => {
    const Plain = Worker;
    globalThis.Worker = class extends Plain {
      constructor(url, options) {
        super(url, options);
        if (options.name === 'ferry cache') globalThis.cacheWorker = this;
      }
    };
  });
  await page.goto(server.origin);
  await page.waitForSelector('#home .note');
  assert.equal(await page.textContent('.replaced'), 'No worker has had to be replaced.');
  await page.evaluate(() => cacheWorker.terminate());
  await page.waitForFunction(() => document.querySelector('.replaced').textContent === '1 worker replaced, the last of them cache: the worker has ended.');
  await page.click('text=Full crossing');
  await page.waitForFunction(() => /^[1-9]\d* events in/.test(document.querySelector('.run .answer').textContent));
  assert.deepEqual(errors, []);
});

test('every kind of signer can be chosen, and a refusal says why', async () => {
  const { page, relay, errors } = await openDemo({ count: 100 });
  const [encrypted, extension, remote, invited] = Array.from({ length: 4 }, generateSecretKey);
  const choose = async (id, values = {}) => {
    for (const [name, value] of Object.entries(values)) await page.fill(`[data-choice="${id}"] [name="${name}"]`, value);
    await page.click(`[data-choice="${id}"] button`);
  };
  const writes = (key) =>
    page.waitForFunction((code) => document.querySelector('.who code').title === code, nip19.npubEncode(getPublicKey(key)));
  await page.click('#you summary');
  const before = await page.getAttribute('.who code', 'title');
  /** The choice itself answers, beside its button. */
  const answers = (id, words) =>
    page.waitForFunction(([id, words]) => document.querySelector(`[data-choice="${id}"] .answer`).textContent.includes(words), [id, words]);
  await choose('extension');
  await answers('extension', 'install one');
  await choose('private-key', { secret: 'nsec1nothing' });
  await answers('private-key', 'Not an nsec');
  assert.equal(await page.inputValue('[data-choice="private-key"] input'), 'nsec1nothing', 'what was typed can be mended');
  assert.equal(await page.textContent('[data-choice="extension"] .answer'), '', 'one answer at a time');
  assert.equal(await page.getAttribute('.who code', 'title'), before, 'the key in use stays');

  await choose('encrypted-key', { code: nip49.encrypt(encrypted, 'open', 4), passphrase: 'open' });
  await writes(encrypted);
  await page.exposeFunction('signInExtension', (template) => finalizeEvent(template, extension));
  await page.evaluate((pubkey) => (globalThis.nostr = { getPublicKey: async () => pubkey, signEvent: signInExtension }), getPublicKey(extension));
  await choose('extension');
  await writes(extension);
  await page.evaluate(() => delete globalThis.nostr);
  const bunker = await startBunker(relay.url, { secretKey: bytesToHex(remote) });
  await choose('bunker', { url: bunker.url });
  await writes(remote);
  await choose('nostrconnect', { relay: relay.url });
  const address = await page.getAttribute('#you a.address', 'href');
  // Whoever takes another signer instead is not told of the one that was waited for.
  await choose('throw-away');
  await page.waitForFunction((code) => document.querySelector('.who code').title !== code, nip19.npubEncode(getPublicKey(remote)));
  await answers('throw-away', 'You write with another key now.');
  assert.equal(await page.textContent('[data-choice="nostrconnect"] .answer'), '');
  await choose('nostrconnect', { relay: relay.url });
  await page.waitForFunction((old) => (document.querySelector('#you a.address')?.href ?? old) !== old, address);
  (await startBunker(relay.url, { secretKey: bytesToHex(invited) })).take(await page.getAttribute('#you a.address', 'href'));
  await writes(invited);

  await page.fill('#home textarea', 'Signed elsewhere.');
  await page.click('#home .composer button');
  await page.waitForFunction(() => document.querySelector('#home .dispatch')?.textContent.includes('accepted'));
  const note = page.locator('#home .note', { hasText: 'Signed elsewhere.' });
  assert.equal(await note.locator('.name').getAttribute('href'), `#person/${getPublicKey(invited)}`);
  assert.deepEqual(errors, []);
});

test('what arrives while somebody reads waits behind a button', async () => {
  const { server, page } = await openDemo({ isolated: false });
  await page.waitForSelector('#home .older:not([hidden])');
  const { page: writer } = await openPage(`${server.origin}/`);
  const before = await page.$eval('#home .note', (note) => note.dataset.id);
  await writer.fill('#home textarea', 'Fog lifting.');
  await writer.click('#home .composer button');
  await page.waitForSelector('.fresh:not([hidden])');
  assert.equal(await page.textContent('.fresh'), '1 new note');
  assert.equal(await page.$eval('#home .note', (note) => note.dataset.id), before);
  await page.click('.fresh');
  assert.equal(await page.textContent('#home .content'), 'Fog lifting.');
  assert.ok(await page.isHidden('.fresh'));
});

test('markup and foreign addresses from a relay stay text', async () => {
  const key = generateSecretKey();
  const attack =
    '<img src=x onerror="window.hit=1"> javascript:window.hit=2 https://ok.example/"onmouseover="hit=3 data:text/html,x';
  const sign = (kind, content, tags = []) => finalizeEvent({ kind, content, tags, created_at: now() }, key);
  const more = [
    sign(0, JSON.stringify({ name: '<b onclick=hit=4>\u202eeve', display_name: { not: 'text' }, about: attack })),
    sign(1, attack),
    sign(30_023, attack, [
      ['d', 'x'],
      ['title', '<script>hit=5</script>'],
    ]),
  ];
  const { page, errors } = await openDemo({ count: 100, more });
  const note = `#home [data-id="${more[1].id}"]`;
  await page.waitForFunction(
    (at) => document.querySelector(`${at} .name`)?.textContent === '<b onclick=hit=4>eve',
    note,
  );
  const links = await page.$$eval(`${note} .content a`, (found) => found.map(({ href, rel }) => [href, rel]));
  assert.deepEqual(links, [['https://ok.example/', 'noopener nofollow ugc']]);
  assert.equal(await page.textContent(`#home [data-id="${more[2].id}"] h4`), '<script>hit=5</script>');
  assert.equal(await page.locator('#notes :is(img, script, iframe, b)').count(), 0);
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.deepEqual(errors, []);
});

test('at 390 px nothing is wider than the screen, and nothing is asked of another host', async () => {
  const { page, relay, server, errors } = await openDemo();
  const hosts = new Set();
  page.on('request', (request) => hosts.add(new URL(request.url()).origin));
  await page.setViewportSize({ width: 390, height: 844 });
  await page.reload();
  await page.waitForSelector('#home .note');
  assert.ok(await wholeWidth(page), 'notes');
  for (const part of ['engine', 'relays', 'notes']) {
    await page.click(`[data-opens="${part}"]`);
    assert.ok(await wholeWidth(page), part);
    assert.equal(await page.isVisible('#notes'), part === 'notes');
  }
  await page.click('#home .note .when');
  await page.waitForSelector('#view .note');
  assert.ok(await wholeWidth(page), 'thread');
  await page.click('#view .note .name');
  await page.waitForSelector('#view .person');
  assert.ok(await wholeWidth(page), 'person');
  // The relay is also asked over HTTP, for its NIP-11 document.
  const ours = [server.origin, relay.url.replace('ws:', 'http:')];
  assert.deepEqual(
    [...hosts].filter((origin) => !ours.includes(origin)),
    [],
  );
  assert.deepEqual(errors, []);
});

test('a relay added by hand is asked, says why it fails, and can be removed', async () => {
  const { page } = await openDemo();
  for (const wrong of ['http://no.relay', 'not a relay']) {
    await page.fill('#relays input', wrong);
    await page.click('#relays form button');
    assert.match(await page.textContent('#relays .answer'), /^A relay's address is like wss:\/\//);
    assert.equal(await page.locator('#relays li').count(), 1, `${wrong} is not taken`);
  }
  // Every server here is at 127.0.0.1: at other addresses of this machine nobody listens.
  const dead = 'ws://127.0.1.1:7777';
  await page.fill('#relays input', dead);
  await page.click('#relays form button');
  await page.waitForFunction(() => document.querySelector('#relays')?.textContent.includes('not reached'));
  await page.waitForFunction(() => document.querySelector('#summary')?.textContent === '1 of 2 relays open');
  await page.click('#relays li button');
  await page.waitForFunction(() => document.querySelector('#summary')?.textContent === '1 of 1 relay open');
  assert.equal(await page.locator('#relays li').count(), 1);
});

test('with no relay to reach the page says so, and fills once one is there', async () => {
  const port = await freePort();
  const server = await startServer({ files: { '/demo.json': JSON.stringify({ relay: `ws://127.0.0.1:${port}` }) } });
  // What another page left behind, or somebody wrote by hand, does not keep this one from starting.
  const { page } = await openPage(`${server.origin}/`);
  await page.evaluate(() => localStorage.setItem('ferry-added-relays', '["wss://not a relay", 7]'));
  await page.reload();
  await page.waitForFunction(() => document.querySelector('#home .empty')?.textContent.startsWith('No relay can be reached'));
  await startRelay(await sampleEvents({ count: 300, base: now() - 30 }), ['--port', String(port)]);
  await page.waitForSelector('#home .note');
});

test('the static page needs one file and a relay', async () => {
  const relay = await startRelay(await sampleEvents({ count: 300 }));
  const html = readFileSync(new URL('../../www/static.html', import.meta.url), 'utf8');
  const port = 'ws://127.0.0.1:7447';
  assert.ok(html.includes(port));
  const server = await startServer({ files: { '/mine.html': html.replace(port, relay.url) } });
  const { page, errors } = await openPage(`${server.origin}/mine.html`);
  await page.waitForFunction(() => document.querySelector('nostr-feed').shadowRoot.querySelectorAll('article').length > 10);
  await page.getByLabel('Your comment').waitFor();
  assert.deepEqual(errors, []);
});
