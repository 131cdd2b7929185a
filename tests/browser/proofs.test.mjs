// The proof-verification pipe in a real browser, against a real relay and mints that answer over HTTP.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { finalizeEvent, generateSecretKey } from 'nostr-tools/pure';
import { PAGE, openPage, startRelay, startServer, test, until } from './harness.mjs';
import { startMint } from './mint.mjs';

const key = generateSecretKey();
const nutzap = (mint, proofs) =>
  finalizeEvent(
    {
      kind: 9321,
      content: '',
      tags: [...proofs.map((proof) => ['proof', JSON.stringify(proof)]), ['u', mint], ['p', '1'.repeat(64)]],
      created_at: 1_700_000_000,
    },
    key,
  );

const [SAT, USD, OLD] = ['00aaaaaaaaaaaaaa', '00bbbbbbbbbbbbbb', '00cccccccccccccc'];

for (const isolated of [true, false]) {
  test(`${isolated ? 'rings' : 'ports'}: good proofs of two mints come by mint and unit; spent, forged and odd ones do not`, async () => {
    const keysets = { [SAT]: { unit: 'sat', active: true }, [USD]: { unit: 'usd', active: true }, [OLD]: { unit: 'sat', active: false } };
    const [one, two] = [await startMint(keysets), await startMint({ [SAT]: { unit: 'sat', active: true } })];
    after(one.stop);
    after(two.stop);
    const forged = one.issue(SAT, 1, 'forged');
    forged.dleq.s = forged.dleq.e;
    const spent = one.issue(SAT, 2, 'spent');
    one.states.set('spent', 'SPENT');
    one.states.set('pending', 'PENDING');
    const good = one.issue(SAT, 4, 'good');
    const relay = await startRelay([
      nutzap(one.url, [good, one.issue(USD, 8, 'dollars'), spent, forged]),
      nutzap(`${one.url}/`, [one.issue(OLD, 1, 'old'), one.issue(SAT, 1, 'pending')]),
      nutzap(two.url, [two.issue(SAT, 2, 'two'), one.issue(SAT, 8, "another's")]),
    ]);
    const server = await startServer({ isolated, files: { '/page.html': PAGE } });
    const { page, errors } = await openPage(`${server.origin}/page.html`);
    const groups = await page.evaluate(async (url) => {
      const nostr = await NostrFerry.NostrManager.start({ relays: [url] });
      const found = [];
      const feed = nostr.subscribe([{ kinds: [9321] }], { closeOnEose: true, pipeline: [{ pipe: 'proof-verification', max: 100 }] });
      feed.on('proofs', (valid) => found.push(valid));
      await new Promise((resolve) => feed.on('end', resolve));
      await nostr.stop();
      return found;
    }, relay.url);
    const found = groups.flatMap(({ mint, unit, proofs }) => proofs.map((proof) => [mint, unit, proof.secret, proof.checked]));
    assert.deepEqual(
      found.sort(),
      [
        [one.url, 'sat', 'good', true],
        [one.url, 'sat', 'old', true],
        [one.url, 'usd', 'dollars', true],
        [two.url, 'sat', 'two', true],
      ].sort(),
    );
    const whole = groups.flatMap(({ proofs }) => proofs).find(({ secret }) => secret === 'good');
    const { event, checked, ...proof } = whole;
    assert.deepEqual(proof, good);
    assert.match(event, /^[0-9a-f]{64}$/);
    assert.equal(checked, true);
    assert.ok(one.asked.includes('GET /v1/keys') && one.asked.includes('GET /v1/keysets') && one.asked.includes(`GET /v1/keys/${OLD}`));
    assert.deepEqual(errors, []);
  });
}

test('a mint that is down when its proofs come is asked again and loses none', async () => {
  const mint = await startMint({ [SAT]: { unit: 'sat', active: true } });
  after(mint.stop);
  mint.fail = true;
  const relay = await startRelay([nutzap(mint.url, [mint.issue(SAT, 1, 'kept')])]);
  const server = await startServer({ files: { '/page.html': PAGE } });
  const { page } = await openPage(`${server.origin}/page.html`);
  await page.evaluate(async (url) => {
    window.nostr = await NostrFerry.NostrManager.start({ relays: [url] });
    window.feed = nostr.subscribe([{ kinds: [9321] }], { pipeline: [{ pipe: 'proof-verification', max: 100 }] });
    window.found = new Promise((resolve) => feed.on('proofs', resolve));
    await new Promise((resolve) => feed.on('eose', ({ relay }) => relay ?? resolve()));
  }, relay.url);
  await until(() => mint.asked.length > 0, 'the mint to be asked');
  mint.fail = false;
  // The engine's own wait is 15 seconds.
  const valid = await page.evaluate(() => window.found);
  assert.deepEqual([valid.mint, valid.unit, valid.proofs.map(({ secret }) => secret)], [mint.url, 'sat', ['kept']]);
});
