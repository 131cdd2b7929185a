// Events as others write them, and what a page reads in each: `third-party.jsonl` holds the examples of the NIPs and
// events that other projects publish as test data, signed by whoever wrote them; `odd.jsonl` what clients get wrong
// and what somebody hostile would send. What is expected was compared with the NIPs by hand.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { finalizeEvent, verifyEvent } from 'nostr-tools/pure';
import { MEMBERS, readAll } from './reader.mjs';

const fixtures = ['third-party', 'odd'].flatMap((name) => {
  const lines = readFileSync(new URL(`${name}.jsonl`, import.meta.url), 'utf8').trimEnd().split('\n');
  return lines.map((line) => ({ file: name, ...JSON.parse(line) }));
});
/** An example has no signature, or one that does not hold: the text of a NIP is edited by hand. */
const events = fixtures.map(({ event, kind, tags, content }) => {
  return event ?? plain(finalizeEvent({ kind, tags, content, created_at: 1_700_000_000 }, new Uint8Array(32).fill(1)));
});
const views = readAll(fixtures.map(({ decrypted }, at) => ({ event: events[at], ...(decrypted !== undefined && { decrypted }) })));

fixtures.forEach(({ name, file, event, reading, requests }, at) => {
  const view = views[at];
  test(`${events[at].kind}: ${name}`, () => {
    if (event) assert.ok(verifyEvent({ ...event }), 'another implementation says that it is signed');
    assert.deepEqual(view.toJSON(), events[at]);
    assert.deepEqual(view.parsed ?? null, reading);
    assert.deepEqual(view.requests.map(({ filter, relays }) => [filter, ...relays]), requests);
    assert.ok(file === 'odd' || reading, 'what others write is read');
  });
});

test('every sort of reading is among them', () => {
  const read = new Set(fixtures.map(({ reading }) => reading?.type));
  // A seal is not seen by a page: it is inside a gift wrap.
  assert.deepEqual(MEMBERS.map(([, type]) => type).filter((type) => !read.has(type)), ['seal']);
});

function plain({ id, pubkey, created_at, kind, tags, content, sig }) {
  return { id, pubkey, created_at, kind, tags, content, sig };
}
