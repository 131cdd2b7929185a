// The custom elements, as a static page uses them: from the standalone file, on a real relay.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as nip19 from 'nostr-tools/nip19';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const now = () => Math.floor(Date.now() / 1000);
const key = generateSecretKey();
const sign = (kind, content, tags = [], by = key, created_at = now()) =>
  finalizeEvent({ kind, content, tags, created_at }, by);

/** A page on the standalone file, with `body` in it. */
async function openElements(relay, body, { csp, head = '' } = {}) {
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Elements</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>:root { color-scheme: light dark; background: Canvas; color: CanvasText; }</style>${head}
    <script src="/dist/nostr-ferry.standalone.js" data-relays="${relay.url}"></script></head>
    <body><main><h1>Elements</h1><h2>Here</h2>${body}</main></body></html>`;
  const server = await startServer({ csp, files: { '/page.html': page } });
  return { server, ...(await openPage(`${server.origin}/page.html`)) };
}

/** The texts of what `selector` finds in the one element called `name`. */
const texts = (page, name, selector) =>
  page.$eval(
    name,
    (element, inside) => [...element.shadowRoot.querySelectorAll(inside)].map(({ textContent }) => textContent.trim()),
    selector,
  );
const shown = (page, name, count) =>
  page.waitForFunction(
    ([tag, wanted]) => document.querySelector(tag)?.shadowRoot?.querySelectorAll('article').length === wanted,
    [name, count],
  );

async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
}

test('a feed, a note, a profile and comments: named, accessible, in light and dark, on a wide and a narrow screen', async () => {
  const sample = await sampleEvents({ count: 600, base: now() - 60 });
  const relay = await startRelay(sample);
  const note = sample.findLast(({ kind }) => kind === 1);
  const article = sample.findLast(({ kind }) => kind === 30_023);
  const profile = sample.find(({ kind, pubkey }) => kind === 0 && pubkey === note.pubkey);
  const { display_name: name } = JSON.parse(profile.content);
  const address = nip19.naddrEncode({ kind: 30_023, pubkey: article.pubkey, identifier: article.tags.find(([tag]) => tag === 'd')[1] });
  const { page, errors } = await openElements(
    relay,
    `<nostr-profile pubkey="${nip19.npubEncode(note.pubkey)}"></nostr-profile>
     <nostr-note event="${nip19.noteEncode(note.id)}"></nostr-note>
     <nostr-note id="article" event="${address}"></nostr-note>
     <nostr-feed limit="10"></nostr-feed>
     <nostr-comments event="${note.id}"></nostr-comments>`,
  );
  await shown(page, 'nostr-feed', 10);
  await shown(page, 'nostr-note', 1);
  await shown(page, '#article', 1);
  await page.waitForFunction((wanted) => {
    const inside = (tag) => document.querySelector(tag).shadowRoot;
    const names = inside('nostr-feed').querySelectorAll('.name');
    const isWanted = (tag) => inside(tag).querySelector('.name').textContent === wanted;
    return [...names].every(({ textContent }) => !textContent.startsWith('npub')) && isWanted('nostr-profile') && isWanted('nostr-note');
  }, name);
  const newest = sample.filter(({ kind }) => kind === 1).sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1)).slice(0, 10);
  const ids = await page.$eval('nostr-feed', (feed) => [...feed.shadowRoot.querySelectorAll('article')].map((note) => note.getAttribute('aria-labelledby')));
  assert.deepEqual(ids, newest.map(({ id }) => `by-${id}`));
  assert.deepEqual(await texts(page, '#article', '.title'), [article.tags.find(([tag]) => tag === 'title')[1]]);
  assert.ok((await texts(page, '#article', '.article > p')).length > 2);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      assert.deepEqual(await violations(page), [], `${colorScheme}, ${width}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    }
  }
  assert.deepEqual(errors.filter((error) => !error.includes('404')), []);
});

test('a feed goes on: older notes, new ones behind a button, keys from note to note', async () => {
  const by = generateSecretKey();
  const notes = Array.from({ length: 25 }, (_, at) => sign(1, `note ${at}`, [], by, now() - 1000 + at));
  const answer = sign(1, 'an answer', [['e', notes[24].id, '', 'reply']], by, now() - 10);
  const relay = await startRelay([...notes, answer]);
  const { page, errors } = await openElements(relay, `<nostr-feed authors="${getPublicKey(by)}" limit="10" replies="hide" label="Logbook"></nostr-feed>`);
  await shown(page, 'nostr-feed', 9);
  assert.equal((await texts(page, 'nostr-feed', '.text'))[0], 'note 24');

  for (const wanted of [18, 25]) {
    await page.getByRole('button', { name: 'Older notes' }).click();
    await page.waitForFunction((least) => document.querySelector('nostr-feed').shadowRoot.querySelectorAll('article').length >= least, wanted);
  }
  assert.deepEqual(await texts(page, 'nostr-feed', '.text'), notes.map(({ content }) => content).reverse());

  await page.evaluate(async (event) => {
    const nostr = await window.NostrFerry.engine();
    await nostr.signer.usePrivateKey(event.secret);
    await nostr.publish({ kind: 1, content: 'just in' }).accepted();
  }, { secret: Buffer.from(by).toString('hex') });
  await page.getByRole('button', { name: '1 new note' }).click();
  const focused = (wanted) =>
    page.waitForFunction((wanted) => document.activeElement.shadowRoot?.activeElement?.querySelector('.text')?.textContent === wanted, wanted);
  await focused('just in');
  assert.equal((await texts(page, 'nostr-feed', '.text'))[0], 'just in');
  await page.keyboard.press('PageDown');
  await focused('note 24');
  await page.keyboard.press('PageUp');
  await focused('just in');
  assert.equal(await page.getByRole('feed', { name: 'Logbook' }).count(), 1);
  assert.deepEqual(errors.filter((error) => !error.includes('404')), []);
});

test('comments on a page: a guest writes, another visitor reads and answers, all of it by NIP-22', async () => {
  const relay = await startRelay();
  const body = '<nostr-comments></nostr-comments>';
  const { page, server } = await openElements(relay, body);
  await page.getByText('No comments yet.').waitFor();
  await page.getByLabel('Your comment').fill('A fine harbour.');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText(/^Sent; 127\.0\.0\.1:\d+ took it\.$/).waitFor();
  await page.getByText('1 comment', { exact: true }).waitFor();

  const { page: other, errors } = await openPage(`${server.origin}/page.html#anywhere`);
  await other.getByText('A fine harbour.').waitFor();
  await other.getByRole('button', { name: /^Answer npub1/ }).click();
  await other.getByLabel(/^Your answer to npub1/).fill('It is.');
  await other.keyboard.press('Tab');
  await other.keyboard.press('Enter');
  await page.getByText('2 comments', { exact: true }).waitFor();
  assert.deepEqual(await texts(page, 'nostr-comments', 'li li .text'), ['It is.']);

  const address = `${server.origin}/page.html`;
  const events = await page.evaluate(async (url) => {
    const nostr = await window.NostrFerry.engine();
    return (await nostr.fetch([{ kinds: [1111], '#I': [url] }])).map((event) => event.toJSON());
  }, address);
  // Within one second the order is by id.
  const [first, second] = ['A fine harbour.', 'It is.'].map((text) => events.find(({ content }) => content === text));
  assert.deepEqual(first.tags, [['I', address], ['K', 'web'], ['i', address], ['k', 'web']]);
  assert.deepEqual(
    second.tags.map((tag) => tag.filter((_, at) => at !== 2)),
    [['I', address], ['K', 'web'], ['e', first.id, first.pubkey], ['k', '1111'], ['p', first.pubkey]],
  );
  assert.notEqual(first.pubkey, second.pubkey);
  assert.deepEqual(await violations(other), []);
  assert.deepEqual(errors.filter((error) => !error.includes('404')), []);

  // The guest is the same one after a reload, and what was read is there with the relay gone.
  const guest = first.pubkey;
  await page.evaluate(async () => {
    const { cache } = await window.NostrFerry.engine();
    const isSaved = ({ events, unsavedBytes }) => events >= 2 && unsavedBytes === 0;
    while (!isSaved(await cache.stats())) await new Promise((resolve) => setTimeout(resolve, 20));
  });
  await relay.stop();
  await page.reload();
  await page.getByText('2 comments', { exact: true }).waitFor();
  assert.equal(await page.evaluate(async () => (await window.NostrFerry.engine()).signer.restored), guest);
});

test('answers to a note are notes (NIP-10), comments on an article name its address (NIP-22)', async () => {
  const note = sign(1, 'root');
  const article = sign(30_023, 'text', [['d', 'a:b'], ['title', 'T']]);
  const relay = await startRelay([note, article]);
  const { page } = await openElements(
    relay,
    `<nostr-comments id="n" event="${note.id}"></nostr-comments><nostr-comments id="a" event="30023:${article.pubkey}:a:b"></nostr-comments>`,
  );
  for (const [id, text] of [['n', 'to the note'], ['a', 'to the article']]) {
    const box = page.locator(`#${id}`);
    await box.getByLabel('Your comment').fill(text);
    await box.getByRole('button', { name: 'Send' }).click();
    await box.getByText('1 comment', { exact: true }).waitFor();
  }
  const events = await page.evaluate(async () => {
    const nostr = await window.NostrFerry.engine();
    return (await nostr.fetch([{ kinds: [1, 1111] }])).map(({ content, kind, tags }) => ({ content, kind, tags }));
  });
  const tags = (text) => {
    const { kind, tags: found } = events.find(({ content }) => content === text);
    return [kind, ...found.map(([name, value, , ...rest]) => [name, value, ...rest])];
  };
  assert.deepEqual(tags('to the note'), [1, ['e', note.id, 'root', note.pubkey], ['p', note.pubkey]]);
  const address = `30023:${article.pubkey}:a:b`;
  assert.deepEqual(tags('to the article'), [
    1111,
    ['A', address],
    ['K', '30023'],
    ['P', article.pubkey],
    ['a', address],
    ['e', article.id, article.pubkey],
    ['k', '30023'],
    ['p', article.pubkey],
  ]);
});

test('what strangers write never becomes markup, script or a foreign kind of address', async () => {
  const ATTACKS = [
    '<img src=x onerror="window.hit=1">',
    '<script>window.hit=2</script>',
    '"><svg onload=window.hit=3>',
    '${window.hit=4} {{constructor.constructor("window.hit=4")()}}',
    'javascript:window.hit=5',
    'data:text/html,<script>window.hit=6</script>',
    '[a](javascript:window.hit=7) ![b](javascript:window.hit=8) <javascript:window.hit=9>',
    'https://ok.example/"onmouseover="window.hit=10 https://ok.example/\'><script>window.hit=11</script>',
    'vbscript:x jAvAsCrIpT:window.hit=12 java\u0000script:window.hit=13 \u202ehttps://evil.example/\u202c',
    '<!--<?lit$123$?> <nostr-note event="x"></nostr-note> &lt;b&gt;',
  ];
  const all = ATTACKS.join('\n\n');
  const bad = generateSecretKey();
  const pubkey = getPublicKey(bad);
  const profile = {
    name: ATTACKS[0],
    display_name: '\u202e\u200b<b onclick=window.hit=14>eve\u2066',
    about: all,
    picture: 'javascript:window.hit=15',
    website: 'javascript:window.hit=16',
    nip05: '<i>x</i>@\u202eevil.example',
  };
  const root = sign(1, all, [['emoji', 'x', 'javascript:window.hit=17'], ['content-warning', ATTACKS[2]]], bad);
  const media = sign(20, all, [['title', ATTACKS[1]], ['imeta', 'url javascript:window.hit=18', 'm image/png', `alt ${ATTACKS[0]}`]], bad);
  const article = sign(30_023, `\`\`\`html\n${all}\n\`\`\`\n\n# ${all}`, [['d', 'x'], ['title', ATTACKS[1]], ['summary', all]], bad);
  const answer = sign(1, all, [['e', root.id, '', 'root']], bad, now() + 1);
  const odd = sign(1_234, '', [['alt', ATTACKS[0]]], bad);
  const events = [sign(0, JSON.stringify(profile), [], bad), root, media, article, answer, odd];
  const relay = await startRelay(events);
  const csp = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src *; img-src *; media-src *";
  const page_ = `<nostr-profile pubkey="${pubkey}"></nostr-profile><nostr-feed kinds="0 1 20 1234 30023" authors="${pubkey}"></nostr-feed>
    <nostr-note id="whole" event="${nip19.naddrEncode({ kind: 30_023, pubkey, identifier: 'x' })}"></nostr-note>
    <nostr-note id="warned" event="${root.id}"></nostr-note><nostr-comments event="${root.id}"></nostr-comments>`;
  const server = await startServer({
    csp,
    files: {
      '/page.html': `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>x</title><script src="/watch.js"></script>
        <script src="/dist/nostr-ferry.standalone.js" data-relays="${relay.url}" data-worker-url="/dist/nostr-ferry.worker.js"></script></head><body>${page_}</body></html>`,
      '/watch.js': `window.reports = []; addEventListener('securitypolicyviolation', (e) => reports.push(e.violatedDirective + ' ' + e.blockedURI));`,
    },
  });
  const { page, errors } = await openPage(`${server.origin}/page.html`);
  await shown(page, 'nostr-feed', 6);
  for (const element of ['#whole', '#warned', 'nostr-comments']) await shown(page, element, 1);
  const name = '<b onclick=window.hit=14>eve';
  await page.waitForFunction((wanted) => document.querySelector('nostr-profile').shadowRoot.querySelector('.name')?.textContent === wanted, name);

  const found = await page.evaluate(() => {
    const roots = [...document.querySelectorAll('nostr-profile, nostr-feed, nostr-note, nostr-comments')].map((element) => element.shadowRoot);
    const all = (selector) => roots.flatMap((inside) => [...inside.querySelectorAll(selector)]);
    for (const summary of all('summary')) summary.click();
    for (const element of all('*')) element.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
    return {
      strange: all('script, iframe, object, embed, svg, b, i, style, form:not([part]), nostr-note').map(({ outerHTML }) => outerHTML),
      handlers: all('*').flatMap((element) => element.getAttributeNames().filter((attribute) => attribute.startsWith('on'))),
      schemes: [...new Set(all('[href], [src]').map((element) => new URL(element.href || element.src).protocol))].sort(),
      hit: window.hit,
      reports: window.reports,
      bidi: all('.name, .quiet').filter(({ textContent }) => /[\u202a-\u202e\u2066-\u2069\u200b]/.test(textContent)).length,
    };
  });
  // `wss:` and the like never; the page's own links are `nostr:`.
  assert.deepEqual(found, { strange: [], handlers: [], schemes: ['https:', 'nostr:'], hit: undefined, reports: [], bidi: 0 });
  const [code] = await texts(page, '#whole', 'pre code');
  assert.equal(code.includes('<script>window.hit=2</script>'), true);
  assert.deepEqual(errors.filter((error) => !error.includes('404')), []);
});

test('an attribute that is not what it should be says so; changing it is enough', async () => {
  const note = sign(1, 'found at last');
  const relay = await startRelay([note]);
  const { page } = await openElements(relay, '<nostr-note event="nonsense"></nostr-note><nostr-feed limit="0"></nostr-feed><nostr-profile></nostr-profile>');
  await page.getByText('<nostr-note event="…">: a note, nevent, naddr or an id in hex is wanted').waitFor();
  await page.getByText('<nostr-feed limit="…">: a whole number from 1 to 500 is wanted').waitFor();
  await page.getByText('<nostr-profile pubkey="…">: an npub, nprofile or key in hex is wanted').waitFor();
  await page.$eval('nostr-note', (element, id) => element.setAttribute('event', id), note.id);
  await page.locator('nostr-note').getByText('found at last').waitFor();
  await page.$eval('nostr-feed', (element) => element.removeAttribute('limit'));
  await page.locator('nostr-feed').getByText('found at last').waitFor();
});
