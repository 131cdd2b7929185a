// The page's own reader, on records that the Rust encoder wrote: `make test` gives the program as READING_RECORDS.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const program = process.env.READING_RECORDS ?? 'target/debug/examples/reading_records';
const folder = mkdtempSync(join(tmpdir(), 'ferry-reading-'));
const outfile = join(folder, 'wire.mjs');
const contents = "export { ByteBuffer } from 'flatbuffers'; export { decodeSubMessage } from './js/wire.ts'; export { TABLES, MEMBERS } from './js/generated/kinds.ts';";
await build({ stdin: { contents, resolveDir: '.' }, bundle: true, format: 'esm', outfile, logLevel: 'error' });
const { ByteBuffer, decodeSubMessage, TABLES, MEMBERS } = await import(outfile);
rmSync(folder, { recursive: true });

export { TABLES, MEMBERS };

/**
 * The views that a page gets of these events.
 *
 * @param {{ event: object, decrypted?: string }[]} lines `decrypted`: the plain text of what is encrypted in it
 * @returns {object[]} in the same order
 */
export function readAll(lines) {
  const input = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const records = execFileSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 30 }).trimEnd().split('\n');
  return records.map((record) => {
    const message = decodeSubMessage(new ByteBuffer(new Uint8Array(Buffer.from(record, 'base64'))));
    if (message.type !== 'event') throw new Error(`a record of type ${message.type}`);
    return message.event;
  });
}
