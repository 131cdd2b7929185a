// What dist/ holds, as pages use it: by script tag and module, from this origin and another, isolated and not, under
// policies that allow little and nothing, from servers that know no .wasm, twice on one page, and again and again.
import assert from 'node:assert/strict';
import { assertNoGrowth, memoryOf, openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';

const sample = await sampleEvents({ count: 60 });
const relay = await startRelay(sample);
const wanted = sample.filter(({ kind }) => kind <= 1).length;

const ICON = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">';
/** Pages by the artifact they use; `at` is the origin it comes from, '' for the page's own. */
const pageOf = {
  'nostr-ferry.js': (at) => `${ICON}<script src="${at}/dist/nostr-ferry.js"></script>`,
  'nostr-ferry.standalone.js': (at) => `${ICON}<script src="${at}/dist/nostr-ferry.standalone.js"></script>`,
  'nostr-ferry.mjs': (at) => `${ICON}<script type="module" src="/app.mjs?${at}"></script>`,
};
const moduleOf = (at) => `import * as NostrFerry from '${at}/dist/nostr-ferry.mjs'; globalThis.NostrFerry = NostrFerry;`;

const cdn = await startServer({});

/** A site whose /NAME uses the artifact NAME of its own, and /far/NAME that of the other origin. */
function startSite(options) {
  const files = { '/app.mjs': moduleOf(''), '/far/app.mjs': moduleOf(cdn.origin) };
  for (const [name, page] of Object.entries(pageOf)) {
    files[`/${name}.html`] = page('');
    files[`/far/${name}.html`] = page(cdn.origin).replace('"/app.mjs', '"/far/app.mjs');
  }
  return startServer({ ...options, files });
}

const sites = { isolated: await startSite({ isolated: true }), plain: await startSite({}) };

async function open(url) {
  const opened = await openPage(url);
  await opened.page.waitForFunction(() => Boolean(globalThis.NostrFerry));
  return opened;
}

/** Starts an engine, reads everything, stops; or the error's code and message. */
function use(page, options = {}) {
  return page.evaluate(async (options) => {
    try {
      const nostr = await NostrFerry.NostrManager.start(options);
      const events = await nostr.fetch([{ kinds: [0, 1] }]);
      await nostr.stop();
      return events.length;
    } catch ({ code, message }) {
      return `${code}: ${message}`;
    }
  }, { relays: [relay.url], verifiers: 0, ...options });
}

function doctor(page, options = {}) {
  return page.evaluate((options) => NostrFerry.NostrManager.doctor(options), { relays: [relay.url], ...options });
}

const check = ({ checks }, name) => checks.find((check) => check.name === name);

for (const [site, { origin }] of Object.entries(sites)) {
  for (const artifact of Object.keys(pageOf)) {
    for (const far of ['', 'far/']) {
      test(`${artifact} of ${far ? 'another' : 'the same'} origin, on a page that is ${site}`, async () => {
        const { page, errors } = await open(`${origin}/${far}${artifact}.html`);
        assert.equal(await page.evaluate(() => crossOriginIsolated), site === 'isolated');
        assert.equal(await use(page), wanted);
        const diagnosis = await doctor(page);
        assert.equal(diagnosis.ok, true, JSON.stringify(diagnosis));
        assert.equal(check(diagnosis, 'isolation').state, site === 'isolated' ? 'ok' : 'limited');
        for (const name of ['browser', 'secure-context', 'wasm-file', 'wasm-compile', 'workers', 'indexeddb', 'locks', 'relays']) {
          assert.equal(check(diagnosis, name).state, 'ok', name);
        }
        assert.deepEqual(errors, []);
        await page.context().close();
      });
    }
  }
}

const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ws:; img-src data:";

test('under a strict policy the worker file is found beside the script, or where workerUrl says', async () => {
  const { origin } = await startSite({ csp: STRICT });
  for (const artifact of Object.keys(pageOf)) {
    const { page, errors } = await open(`${origin}/${artifact}.html`);
    assert.equal(await use(page, { workerUrl: '/dist/nostr-ferry.worker.js' }), wanted, artifact);
    // Told where it is, the engine tries nothing that the policy forbids.
    assert.deepEqual(errors, [], artifact);
    assert.equal(await use(page), wanted, artifact);
    assert.ok(errors.every((error) => error.includes('blob:')), errors.join());
    const diagnosis = await doctor(page);
    assert.equal(diagnosis.ok, true, JSON.stringify(diagnosis));
    assert.match(check(diagnosis, 'workers').finding, /worker\.js; .*forbids blob:/);
    await page.context().close();
  }
});

test('under a policy that forbids everything the doctor names each part, and start says the first', async () => {
  const { origin } = await startSite({ csp: "default-src 'none'; script-src 'self'; worker-src 'none'; img-src data:" });
  const { page } = await open(`${origin}/nostr-ferry.js.html`);
  assert.match(await use(page), /^wasm: .*nostr-ferry\.wasm cannot be fetched; .*connect-src/);
  const { ok, ...diagnosis } = await doctor(page);
  assert.equal(ok, false);
  const broken = { 'wasm-file': /connect-src/, 'wasm-compile': /'wasm-unsafe-eval'.* script-src/, workers: /worker-src/, relays: /connect-src/ };
  for (const [name, fix] of Object.entries(broken)) {
    const found = check(diagnosis, name);
    assert.equal(found.state, 'broken', JSON.stringify(found));
    assert.match(found.finding, /Content-Security-Policy forbids/, name);
    assert.match(found.fix, fix, name);
  }
  const rest = diagnosis.checks.filter(({ state }) => state === 'broken').map(({ name }) => name);
  assert.deepEqual(rest.sort(), Object.keys(broken).sort());
  await page.context().close();
});

test('a policy without wasm-unsafe-eval, and one without workers, is named in the error', async () => {
  const sites = [
    ["script-src 'self'; worker-src 'self'", /^wasm: .*'wasm-unsafe-eval'/, 'wasm-compile'],
    ["script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'", /^worker: .*worker-src/, 'workers'],
  ];
  for (const [csp, expected, name] of sites) {
    const { origin } = await startSite({ csp });
    const { page } = await open(`${origin}/nostr-ferry.standalone.js.html`);
    assert.match(await use(page), expected);
    const diagnosis = await doctor(page);
    const broken = diagnosis.checks.filter(({ state }) => state === 'broken').map(({ name }) => name);
    assert.deepEqual(broken, [name], JSON.stringify(diagnosis));
    await page.context().close();
  }
});

test('a server that knows no .wasm, or sends no type at all, does', async () => {
  for (const wasmType of ['text/plain', null]) {
    const { origin } = await startSite({ wasmType });
    const { page, errors } = await open(`${origin}/nostr-ferry.js.html`);
    assert.equal(await use(page), wanted);
    assert.deepEqual(errors, []);
    await page.context().close();
  }
});

test('a .wasm that is missing, another, or not shared is refused with what to do', async () => {
  const { page } = await open(`${sites.plain.origin}/nostr-ferry.js.html`);
  const cases = [
    ['/dist/none.wasm', /^wasm: .*404/],
    ['/dist/integrity.json', /^wasm: .*same release/],
    // The isolated server sends no CORS headers.
    [`${sites.isolated.origin}/dist/nostr-ferry.wasm`, /^wasm: .*CORS/],
  ];
  for (const [wasmUrl, expected] of cases) {
    assert.match(await use(page, { wasmUrl }), expected);
    const diagnosis = await doctor(page, { wasmUrl });
    assert.equal(check(diagnosis, 'wasm-file').state, 'broken', wasmUrl);
    assert.match(check(diagnosis, 'wasm-file').fix, /same release.*Access-Control-Allow-Origin/);
    assert.equal(check(diagnosis, 'workers').state, 'ok');
  }
  const workerUrl = `${sites.isolated.origin}/dist/nostr-ferry.worker.js`;
  assert.match(await use(page, { workerUrl }), /^worker: .*page's own origin/);
  assert.match(check(await doctor(page, { workerUrl }), 'workers').fix, /page's own origin/);
  await page.context().close();
});

test('relays that cannot be reached are named by the doctor', async () => {
  const { page } = await open(`${sites.plain.origin}/nostr-ferry.js.html`);
  const dead = 'ws://127.0.0.1:9';
  const some = check(await doctor(page, { relays: [relay.url, dead, 'relay.example'] }), 'relays');
  assert.equal(some.state, 'limited');
  assert.match(some.finding, /^2 of 3 relays .*127\.0\.0\.1:9 \(no answer\).*relay\.example \(not an address\)/);
  assert.equal(check(await doctor(page, { relays: [dead] }), 'relays').state, 'broken');
  await page.context().close();
});

test('two copies on one page work side by side, each with its own engine', async () => {
  const files = { '/two.html': `${pageOf['nostr-ferry.js']('')}<script type="module">import * as Other from '/dist/nostr-ferry.mjs'; globalThis.Other = Other;</script>` };
  const { origin } = await startServer({ files });
  const { page, errors } = await openPage(`${origin}/two.html`);
  await page.waitForFunction(() => Boolean(globalThis.NostrFerry && globalThis.Other));
  const counts = await page.evaluate(async (url) => {
    const options = { relays: [url], verifiers: 0 };
    const engines = await Promise.all([NostrFerry, Other].map(({ NostrManager }) => NostrManager.start(options)));
    const read = (nostr) => nostr.fetch([{ kinds: [0, 1] }]).then(({ length }) => length);
    const both = await Promise.all(engines.map(read));
    await engines[0].stop();
    const left = await read(engines[1]);
    const { ok, checks } = await engines[0].doctor();
    await engines[1].stop();
    return [...both, left, ok, checks[0].state, NostrFerry.NostrManager === Other.NostrManager];
  }, relay.url);
  assert.deepEqual(counts, [wanted, wanted, wanted, false, 'broken', false]);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test('50 starts and stops leave no worker, and no memory, behind', async () => {
  const { page, errors } = await open(`${sites.isolated.origin}/nostr-ferry.js.html`);
  const look = await memoryOf(page, 0);
  const round = (times) =>
    page.evaluate(async ([url, times]) => {
      for (let time = 0; time < times; time++) {
        const nostr = await NostrFerry.NostrManager.start({ relays: [url], verifiers: 0 });
        for await (const event of nostr.subscribe([{ kinds: [1], limit: 5 }], { closeOnEose: true })) event.toJSON();
        await nostr.stop();
      }
    }, [relay.url, times]);
  // The first rounds fill caches of the browser's own.
  await round(5);
  const before = await look();
  await round(45);
  const end = await look();
  assertNoGrowth(before, end);
  assert.deepEqual(errors, []);
});
