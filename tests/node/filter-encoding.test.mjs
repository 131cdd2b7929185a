// What a filter is on its way to the workers: the bytes of ids, and texts of every length and script.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const bundled = await build({
  stdin: {
    contents: `export { encodeSubscribe } from './wire-requests.ts'; export { MainMessage, Subscribe } from './generated/ferry.ts'; export { ByteBuffer } from 'flatbuffers';`,
    resolveDir: fileURLToPath(new URL('../../js', import.meta.url)),
  },
  bundle: true,
  format: 'esm',
  write: false,
});
const { encodeSubscribe, MainMessage, Subscribe, ByteBuffer } = await import(
  `data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0].contents).toString('base64')}`
);

/** The one filter of a request, as a worker reads it. */
function sent(filter) {
  const message = MainMessage.getRootAsMainMessage(new ByteBuffer(encodeSubscribe('sub', [filter], {})));
  const subscribe = message.content(new Subscribe());
  assert.equal(subscribe.requestsLength(), 1);
  return subscribe.requests(0);
}

test('ids and authors arrive as the bytes that their hex names, in their order', () => {
  const hashes = Array.from({ length: 300 }, (_, at) => createHash('sha256').update(`${at}`).digest('hex'));
  const all = Array.from({ length: 8 }, (_, row) => Array.from({ length: 32 }, (_, at) => (32 * row + at).toString(16).padStart(2, '0')).join(''));
  const filter = sent({ ids: hashes, authors: all });
  const read = (length, get) => Array.from({ length }, (_, at) => Buffer.from(Array.from({ length: 32 }, (_, byte) => get(at).bytes(byte))).toString('hex'));
  assert.deepEqual(read(filter.idsLength(), (at) => filter.ids(at)), hashes);
  assert.deepEqual(read(filter.authorsLength(), (at) => filter.authors(at)), all);
});

test('tag values of every length and script arrive as they are', () => {
  const values = ['', 'a', '\u0000\u007f', 'é', 'a\u0080', '“ünï”', '日本', '😀', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(129), `${'x'.repeat(127)}é`, 'x'.repeat(5_000)];
  const filter = sent({ '#t': values, '#e': ['ab'.repeat(32)] });
  const tags = Array.from({ length: filter.tagsLength() }, (_, at) => filter.tags(at));
  const read = (tag) => Array.from({ length: tag.valuesLength() }, (_, at) => tag.values(at));
  assert.deepEqual(tags.map((tag) => [String.fromCharCode(tag.letter()), read(tag)]), [['t', values], ['e', ['ab'.repeat(32)]]]);
});
