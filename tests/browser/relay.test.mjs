// The ground the other browser tests stand on: the sample is valid by another implementation's
// word, and the relay hands all of it to a page.
import assert from 'node:assert/strict';
import { initNostrWasm } from 'nostr-wasm';
import { setNostrWasm, verifyEvent } from 'nostr-tools/wasm';
import { openPage, sampleEvents, startRelay, startServer, test } from './harness.mjs';

test('a page receives every sample event from the relay, and all signatures hold', async () => {
  const sample = await sampleEvents({ count: 2000 });
  const relay = await startRelay(sample);
  const server = await startServer({ files: { '/empty.html': '<!doctype html><link rel="icon" href="data:,">' } });
  const { page, errors } = await openPage(`${server.origin}/empty.html`);

  // The relay takes 20 filters and answers each with 500 events at most.
  const filters = Array.from({ length: 20 }, () => ({ authors: [] }));
  [...new Set(sample.map(({ pubkey }) => pubkey))].forEach((pubkey, at) => filters[at % 20].authors.push(pubkey));
  const received = await page.evaluate(
    ([url, filters]) =>
      new Promise((resolve, reject) => {
        const events = [];
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send(JSON.stringify(['REQ', 'all', ...filters]));
        socket.onclose = () => reject(new Error('the relay hung up'));
        socket.onmessage = ({ data }) => {
          const [label, , event] = JSON.parse(data);
          if (label === 'EVENT') events.push(event);
          else if (label === 'EOSE') resolve(events);
          else reject(new Error(data));
        };
      }),
    [relay.url, filters],
  );

  setNostrWasm(await initNostrWasm());
  assert.deepEqual(received.filter((event) => !verifyEvent(event)), []);
  assert.deepEqual(new Set(received.map(({ id }) => id)), new Set(sample.map(({ id }) => id)));
  assert.equal(received.length, 2000);
  assert.deepEqual(errors, []);
});

test('only the isolated server isolates its pages, and only the plain one shares its files', async () => {
  const files = { '/page.html': '<!doctype html><link rel="icon" href="data:,">' };
  const isolated = await startServer({ isolated: true, files });
  const plain = await startServer({ files });

  const { page } = await openPage(`${isolated.origin}/page.html`);
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  assert.equal(await page.evaluate((url) => fetch(url).then((answer) => answer.status), `${plain.origin}/page.html`), 200);

  const { page: other } = await openPage(`${plain.origin}/page.html`);
  assert.equal(await other.evaluate(() => crossOriginIsolated), false);
  const refused = other.evaluate((url) => fetch(url).then(() => 'shared', () => 'refused'), `${isolated.origin}/page.html`);
  assert.equal(await refused, 'refused');
});

test('a relay that wants authentication refuses to be read without it', async () => {
  const relay = await startRelay([], ['--auth', 'read']);
  const server = await startServer({ files: { '/page.html': '<!doctype html>' } });
  const { page } = await openPage(`${server.origin}/page.html`);
  const closed = await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send(JSON.stringify(['REQ', 'all', {}]));
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(data);
          if (message[0] === 'CLOSED') resolve(message[2]);
        };
      }),
    relay.url,
  );
  assert.match(closed, /^auth-required:/);
});
