// The page's NIP-19 codec: the NIP's examples, another implementation's texts, and what is no entity.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bech32, bech32m } from '@scure/base';
import { build } from 'esbuild';
import * as theirs from 'nostr-tools/nip19';

const bundled = await build({
  entryPoints: [fileURLToPath(new URL('../../js/nip19.ts', import.meta.url))],
  bundle: true,
  format: 'esm',
  write: false,
});
const { encode, decode } = await import(`data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0].contents).toString('base64')}`);

const KEY = '3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d';
const OTHER = '7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e';
const bytes = (hex) => [...Buffer.from(hex, 'hex')];
/** Any bytes under any prefix. */
const text = (prefix, ...parts) => bech32.encode(prefix, bech32.toWords(Uint8Array.from(parts.flat())), false);
const refusal = (call) => {
  try {
    return JSON.stringify(call());
  } catch (error) {
    assert.equal(error.name, 'FerryError');
    assert.equal(error.code, 'bad-input');
    return error.message;
  }
};

test('the examples of the NIP read and write', () => {
  const { vectors } = JSON.parse(readFileSync(new URL('../vectors/nip19.json', import.meta.url), 'utf8'));
  assert.ok(vectors.length >= 4);
  for (const { bech32: code, type, hex, pubkey, relays } of vectors) {
    const expected = { npub: { type, pubkey: hex }, nsec: { type, secret: hex }, nprofile: { type, pubkey, relays } }[type];
    assert.deepEqual(decode(code), expected);
    assert.deepEqual(decode(code.toUpperCase()), expected);
    assert.equal(encode(expected), code);
  }
});

test('what is written here is read elsewhere, and the other way round', () => {
  const relays = ['wss://relay.example.com', 'wss://other.example/path'];
  assert.deepEqual(theirs.decode(encode({ type: 'nprofile', pubkey: KEY })).data, { pubkey: KEY, relays: [] });
  assert.deepEqual(theirs.decode(encode({ type: 'note', id: KEY })).data, KEY);
  assert.deepEqual(theirs.decode(encode({ type: 'nevent', id: KEY, relays, author: OTHER, kind: 30_023 })).data, {
    id: KEY,
    relays,
    author: OTHER,
    kind: 30_023,
  });
  const address = { identifier: 'ein Name, né ✓', pubkey: OTHER, kind: 65_535, relays };
  assert.deepEqual(theirs.decode(encode({ type: 'naddr', ...address })).data, address);
  assert.deepEqual(decode(theirs.naddrEncode(address)), { type: 'naddr', ...address });
  assert.deepEqual(decode(theirs.neventEncode({ id: KEY })), { type: 'nevent', id: KEY, relays: [] });
  assert.deepEqual(decode(theirs.neventEncode({ id: KEY, kind: 0, author: OTHER })), { type: 'nevent', id: KEY, relays: [], author: OTHER, kind: 0 });
});

test('every entity survives writing and reading', () => {
  const entities = [
    { type: 'npub', pubkey: KEY },
    { type: 'nsec', secret: OTHER },
    { type: 'note', id: KEY },
    { type: 'nprofile', pubkey: KEY, relays: ['', 'wss://x'] },
    { type: 'nevent', id: KEY, relays: [], kind: 1 },
    { type: 'naddr', identifier: '', pubkey: KEY, kind: 0, relays: [] },
    { type: 'naddr', identifier: '\ufeff' + 'ä'.repeat(126), pubkey: KEY, kind: 30_000, relays: ['r'.repeat(255)] },
  ];
  for (const entity of entities) assert.deepEqual(decode(encode(entity)), entity);
});

test('unknown fields are skipped, repeated ones count once, relays that are no ASCII are left out', () => {
  const other = [0, 32, bytes(OTHER)];
  const profile = text('nprofile', 77, 2, 1, 2, 0, 32, bytes(KEY), ...other, 1, 2, 0xc3, 0xa4, 1, 1, 0x61, 78, 0);
  assert.deepEqual(decode(profile), { type: 'nprofile', pubkey: KEY, relays: ['a'] });
});

test('fields may come in any order, a kind is four bytes, and what an entity does not have is skipped', () => {
  const fields = [[0, 1, 0x78], [1, 1, 0x62], [1, 1, 0x61], [1, 1, 0x62], [2, 32, ...bytes(KEY)], [3, 4, 0, 0, 0x75, 0x37]];
  const address = { type: 'naddr', identifier: 'x', pubkey: KEY, kind: 30_007, relays: ['b', 'a', 'b'] };
  for (const order of [fields, fields.toReversed(), [...fields.slice(4), ...fields.slice(0, 4)]]) {
    assert.deepEqual(decode(text('naddr', ...order.flat())), address);
  }
  for (const kind of [[], [1], [0, 1], [0, 0, 1], [0, 0, 0, 0, 1], [1, 0, 0, 0]]) {
    assert.match(refusal(() => decode(text('nevent', 0, 32, bytes(KEY), 3, kind.length, kind))), /the kind/, String(kind));
  }
  assert.deepEqual(decode(text('nprofile', 0, 32, bytes(KEY), 2, 1, 9, 3, 0)), { type: 'nprofile', pubkey: KEY, relays: [] });
});

test('bech32m is refused, and so is one letter of the other case', () => {
  const code = encode({ type: 'npub', pubkey: KEY });
  const upper = code.toUpperCase();
  assert.match(refusal(() => decode(bech32m.encode('npub', bech32m.toWords(Uint8Array.from(bytes(KEY)))))), /not a NIP-19 entity/);
  assert.deepEqual(decode(upper), { type: 'npub', pubkey: KEY });
  for (const at of [0, 3, code.length - 1]) {
    for (const [one, other] of [[code, upper], [upper, code]]) {
      if (one[at] === other[at]) continue;
      assert.match(refusal(() => decode(one.slice(0, at) + other[at] + one.slice(at + 1))), /not a NIP-19 entity/);
    }
  }
});

test('a nostr: address is read, but a private key is not taken from one', () => {
  const code = encode({ type: 'npub', pubkey: KEY });
  assert.deepEqual(decode(`nostr:${code}`), { type: 'npub', pubkey: KEY });
  assert.deepEqual(decode(`NOSTR:${code.toUpperCase()}`), { type: 'npub', pubkey: KEY });
  assert.match(refusal(() => decode(`nostr:${encode({ type: 'nsec', secret: KEY })}`)), /private key/);
});

test('what is no entity is refused by name', () => {
  const code = encode({ type: 'npub', pubkey: KEY });
  const cases = [
    ['', /not a NIP-19 entity/],
    ['npub1', /not a NIP-19 entity/],
    [` ${code}`, /not a NIP-19 entity/],
    [`${code.slice(0, -1)}q`, /not a NIP-19 entity/],
    [code.replace('n', 'N'), /not a NIP-19 entity/],
    [text('nrelay', 0, 1, 0x61), /"nrelay" is not a prefix/],
    [text('npub', bytes(KEY), 0), /the pubkey .* 33 bytes/],
    [text('note', 1), /the id .* 1 bytes/],
    [text('nprofile'), /lacks its pubkey/],
    [text('nprofile', 0, 31, bytes(KEY).slice(1)), /31 bytes/],
    [text('nprofile', 0, 32, bytes(KEY).slice(1)), /ends after its data/],
    [text('nprofile', 0), /ends after its data/],
    [text('naddr', 0, 0, 3, 4, 0, 0, 0, 1), /lacks its author/],
    [text('naddr', 0, 0, 2, 32, bytes(KEY)), /lacks its kind/],
    [text('naddr', 0, 0, 2, 32, bytes(KEY), 3, 2, 0, 1), /the kind/],
    [text('naddr', 0, 0, 2, 32, bytes(KEY), 3, 4, 0, 1, 0, 0), /the kind/],
    [text('naddr', 0, 1, 0xff, 2, 32, bytes(KEY), 3, 4, 0, 0, 0, 1), /UTF-8/],
    ['q'.repeat(5_001), /at most 5000 characters/],
    [undefined, /a string/],
  ];
  for (const [input, expected] of cases) assert.match(refusal(() => decode(input)), expected, String(input));
});

test('a refusal never repeats what may be a secret', () => {
  const nsec = encode({ type: 'nsec', secret: KEY });
  const broken = `${nsec.slice(0, -1)}q`;
  try {
    decode(broken);
    assert.fail('it was read');
  } catch (error) {
    assert.ok(!`${error.message} ${error.stack} ${error.cause}`.includes(broken.slice(10, 40)));
  }
});

test('what cannot be written is refused by name', () => {
  const cases = [
    [{ type: 'npub', pubkey: KEY.toUpperCase() }, /pubkey/],
    [{ type: 'note', id: 'abc' }, /id/],
    [{ type: 'nevent', id: KEY, kind: 65_536 }, /kind .*65536/],
    [{ type: 'nevent', id: KEY, author: 'x' }, /author/],
    [{ type: 'naddr', identifier: 'ä'.repeat(128), pubkey: KEY, kind: 1 }, /255 bytes/],
    [{ type: 'nprofile', pubkey: KEY, relays: ['wss://ä.example'] }, /ASCII/],
    [{ type: 'nprofile', pubkey: KEY, relays: ['r'.repeat(256)] }, /255/],
    [{ type: 'nprofile', pubkey: KEY, relays: Array(20).fill('r'.repeat(200)) }, /leave relays out/],
    [{ type: 'nfoo' }, /unexpected/],
  ];
  for (const [entity, expected] of cases) assert.match(refusal(() => encode(entity)), expected);
});
