// Signature checks as they are compiled for the browser: libsecp256k1 multiplies otherwise there than natively.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { schnorr } from '@noble/curves/secp256k1.js';
import { bytesToHex, hexToBytes } from 'nostr-tools/utils';
import { openPage, startServer, test } from './harness.mjs';
import { suite } from './store-page.mjs';
import { seeded } from './synthetic.mjs';

const SEED = Number(process.env.FERRY_SEED ?? 5);
const server = await startServer({ files: { ...suite(), '/page.html': '<!doctype html><link rel="icon" href="data:,">' } });
const { page } = await openPage(`${server.origin}/page.html`);

/** The verdicts on claims of 128 bytes in hex: [by itself, together with the others]. */
const verdicts = (claims) =>
  page.evaluate(async (claims) => {
    const { default: init, check_signatures } = await import('/suite.js');
    await init({ module_or_path: '/suite.wasm' });
    const bytes = Uint8Array.from(claims.join('').match(/../g), (pair) => Number.parseInt(pair, 16));
    return [...check_signatures(bytes)].map((verdict) => [(verdict & 1) === 1, (verdict & 2) === 2]);
  }, claims);
const both = (good) => [good, good];

test('the official vectors of BIP-340 get their verdicts, alone and together', async () => {
  const csv = readFileSync(new URL('../vectors/bip340-test-vectors.csv', import.meta.url), 'utf8');
  const rows = csv.trimEnd().split('\n').slice(1).map((row) => row.split(','));
  // An id has 32 bytes; the rows for messages of other lengths say nothing here.
  const vectors = rows.filter(([, , , , message]) => message.length === 64);
  assert.equal(vectors.length, 15);
  const claims = vectors.map(([, , pubkey, , message, sig]) => message + pubkey + sig);
  const expected = vectors.map(([, , , , , , good]) => both(good === 'TRUE'));
  assert.deepEqual(await verdicts(claims), expected);
});

test(`signatures of another library hold, and with any bit changed they do not (seed ${SEED})`, async () => {
  const random = seeded(SEED);
  const bytes = (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
  const keys = Array.from({ length: 12 }, () => bytes(32));
  const [claims, expected] = [[], []];
  for (let at = 0; at < 400; at++) {
    const key = keys[Math.floor(random() * keys.length)];
    const id = bytes(32);
    const good = hexToBytes(bytesToHex(id) + bytesToHex(schnorr.getPublicKey(key)) + bytesToHex(schnorr.sign(id, key, bytes(32))));
    const isGood = random() < 0.7;
    if (!isGood) good[Math.floor(random() * 128)] ^= 1 << Math.floor(random() * 8);
    claims.push(bytesToHex(good));
    expected.push(both(isGood));
  }
  assert.deepEqual(await verdicts(claims), expected);
});
