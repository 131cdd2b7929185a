// Prints the size of each file in a folder, as it is and as servers compress it.
// usage: size.mjs FOLDER
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const folder = process.argv[2];
const files = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => entry.name)
  .sort();
const row = (name, ...sizes) => name.padEnd(28) + sizes.map((size) => String(size).padStart(10)).join('');

console.log(row('bytes', 'raw', 'gzip', 'brotli'));
for (const name of files) {
  const bytes = readFileSync(join(folder, name));
  console.log(row(name, bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length));
}
