// The library against independent implementations, @noble/curves and nostr-tools, on random inputs each way.
// COUNT=10000 SEED=7 node --test tests/node/differential.test.mjs
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { schnorr } from '@noble/curves/secp256k1.js';
import { nip04, nip19, nip44 } from 'nostr-tools';
import { bytesToHex, hexToBytes } from 'nostr-tools/utils';

const PROGRAM = fileURLToPath(new URL('../../target/debug/examples/differential', import.meta.url));
const COUNT = Number(process.env.COUNT ?? 300);
const SEED = process.env.SEED ?? '1';

let drawn = 0;
/** Bytes that depend on the seed and on how many were drawn before. */
function bytes(length) {
  let out = Buffer.alloc(0);
  while (out.length < length) out = Buffer.concat([out, createHash('sha256').update(`${SEED}/${drawn++}`).digest()]);
  return new Uint8Array(out.subarray(0, length));
}
const hex = (length) => bytesToHex(bytes(length));
const below = (limit) => new DataView(bytes(4).buffer).getUint32(0) % limit;
const pick = (list) => list[below(list.length)];
const times = (make) => Array.from({ length: COUNT }, (_, at) => make(at));

/** Text of up to 600 characters from all of Unicode's planes, none of them half a surrogate pair. */
function text() {
  const ranges = [[0x20, 0x7e], [0x20, 0x7e], [0xa0, 0x2ff], [0x4e00, 0x9fff], [0x1f300, 0x1f64f], [0x1, 0x1f]];
  return Array.from({ length: 1 + below(pick([5, 40, 600])) }, () => {
    const [first, last] = pick(ranges);
    return String.fromCodePoint(first + below(last - first + 1));
  }).join('');
}

/** The library's answers to `questions`, in order. */
async function ask(questions) {
  const program = spawn(PROGRAM, { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  program.stdout.setEncoding('utf8').on('data', (part) => (out += part));
  program.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  await new Promise((resolve) => program.on('close', resolve));
  const answers = out.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(answers.length, questions.length, `seed ${SEED}`);
  return answers;
}

const people = Array.from({ length: 40 }, () => {
  const secret = bytes(32);
  return { secret, secretHex: bytesToHex(secret), pubkey: bytesToHex(schnorr.getPublicKey(secret)) };
});
const conversations = new Map();
/** Two people and the key between them as nostr-tools derives it. */
function pair() {
  const [a, b] = [pick(people), pick(people)];
  const name = `${a.pubkey}${b.pubkey}`;
  if (!conversations.has(name)) conversations.set(name, nip44.getConversationKey(a.secret, b.pubkey));
  return { a, b, key: conversations.get(name) };
}

test(`seed ${SEED}: signatures are those of @noble/curves, byte for byte`, async () => {
  const questions = times(() => ({ op: 'sign', secret: hex(32), id: hex(32), aux: hex(32) }));
  for (const [at, answer] of (await ask(questions)).entries()) {
    const { secret, id, aux } = questions[at];
    const sig = schnorr.sign(hexToBytes(id), hexToBytes(secret), hexToBytes(aux));
    assert.deepEqual(answer, { pubkey: bytesToHex(schnorr.getPublicKey(hexToBytes(secret))), sig: bytesToHex(sig) });
  }
});

test(`seed ${SEED}: @noble/curves’ signatures, some of them damaged, get the verdicts it gives them`, async () => {
  const claims = times(() => {
    const { secret, pubkey } = pick(people);
    const id = bytes(32);
    const claim = { id: bytesToHex(id), pubkey, sig: bytesToHex(schnorr.sign(id, secret, bytes(32))) };
    if (below(4) > 0) return claim;
    const part = pick(['id', 'pubkey', 'sig']);
    const damaged = hexToBytes(claim[part]);
    damaged[below(damaged.length)] ^= 1 << below(8);
    return { ...claim, [part]: bytesToHex(damaged) };
  });
  const batches = [];
  for (let at = 0; at < claims.length; ) batches.push(claims.slice(at, (at += 1 + below(300))));
  const verdicts = (await ask(batches.map((claims) => ({ op: 'verify', claims })))).flat();
  const valid = ({ id, pubkey, sig }) => {
    try {
      return schnorr.verify(hexToBytes(sig), hexToBytes(id), hexToBytes(pubkey));
    } catch {
      return false;
    }
  };
  assert.deepEqual(verdicts, claims.map(valid));
});

test(`seed ${SEED}: NIP-44 is nostr-tools’, byte for byte and back`, async () => {
  const cases = times(() => ({ ...pair(), nonce: bytes(32), plaintext: text() }));
  const theirs = cases.map(({ key, nonce, plaintext }) => nip44.encrypt(plaintext, key, nonce));
  const ours = await ask(
    cases.map(({ a, b, nonce, plaintext }) => ({ op: 'nip44_encrypt', secret: a.secretHex, peer: b.pubkey, nonce: bytesToHex(nonce), text: plaintext })),
  );
  assert.deepEqual(ours, theirs);
  const opened = await ask(cases.map(({ a, b }, at) => ({ op: 'nip44_decrypt', secret: b.secretHex, peer: a.pubkey, text: theirs[at] })));
  assert.deepEqual(opened, cases.map(({ plaintext }) => plaintext));
});

test(`seed ${SEED}: NIP-04 is read by nostr-tools, and its own is read`, async () => {
  const cases = times(() => ({ ...pair(), plaintext: text() }));
  const ours = await ask(
    cases.map(({ a, b, plaintext }) => ({ op: 'nip04_encrypt', secret: a.secretHex, peer: b.pubkey, iv: hex(16), text: plaintext })),
  );
  const plaintexts = cases.map(({ plaintext }) => plaintext);
  const readByThem = [];
  const theirs = [];
  for (const [at, { a, b, plaintext }] of cases.entries()) {
    readByThem.push(await nip04.decrypt(b.secret, a.pubkey, ours[at]));
    theirs.push(await nip04.encrypt(a.secret, b.pubkey, plaintext));
  }
  assert.deepEqual(readByThem, plaintexts);
  const opened = await ask(cases.map(({ a, b }, at) => ({ op: 'nip04_decrypt', secret: b.secretHex, peer: a.pubkey, text: theirs[at] })));
  assert.deepEqual(opened, plaintexts);
});

test(`seed ${SEED}: NIP-19 entities are nostr-tools’, both ways`, async () => {
  const relays = () => Array.from({ length: below(4) }, () => `wss://${hex(4)}.example/${below(9)}`);
  const kind = () => below(65_536);
  const make = {
    npub: () => hex(32),
    note: () => hex(32),
    nprofile: () => ({ pubkey: hex(32), relays: relays() }),
    nevent: () => ({ id: hex(32), relays: relays(), ...(below(2) && { author: hex(32) }), ...(below(2) && { kind: kind() }) }),
    naddr: () => ({ identifier: text().slice(0, 80).toWellFormed?.() ?? 'x', pubkey: hex(32), kind: kind(), relays: relays() }),
  };
  const cases = times((at) => {
    const type = Object.keys(make)[at % 5];
    return { type, data: make[type]() };
  });
  const theirs = cases.map(({ type, data }) => nip19[`${type}Encode`](data));
  const ours = await ask(cases.map(({ type, data }) => ({ op: 'nip19_encode', type, data })));
  // Order within an entity is free: each reads what the other wrote.
  const plain = ({ type, data }) => JSON.parse(JSON.stringify({ type, data }));
  const ofOurs = ours.map((entity) => plain(nip19.decode(entity)));
  const ofTheirs = await ask(theirs.map((text) => ({ op: 'nip19_decode', text })));
  const present = (value) =>
    typeof value === 'string' ? value : Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null));
  const expected = cases.map(plain);
  assert.deepEqual(ofOurs, expected);
  assert.deepEqual(ofTheirs.map(({ type, data }) => ({ type, data: present(data) })), expected);
  const nsecs = people.map(({ secret }) => ({ op: 'nsec_decode', text: nip19.nsecEncode(secret) }));
  assert.deepEqual(await ask(nsecs), people.map(({ pubkey }) => pubkey));
});
