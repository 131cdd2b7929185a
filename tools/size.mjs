// Prints the size of each file in a folder, as it is and as servers compress it, and holds each against its budget.
// usage: size.mjs FOLDER BUDGET.json
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** How far over its budget a file may be, for what a compiler's mood does to it. */
const SLACK = 0.03;

const [folder, budgetFile] = process.argv.slice(2);
/** By file: bytes after brotli. */
const budget = JSON.parse(readFileSync(budgetFile, 'utf8'));
const files = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => entry.name)
  .sort();
const row = (name, ...sizes) => name.padEnd(28) + sizes.map((size) => String(size ?? '').padStart(10)).join('');

const failures = Object.keys(budget)
  .filter((name) => !files.includes(name))
  .map((name) => `${name} has a budget but was not built`);
console.log(row('bytes', 'raw', 'gzip', 'brotli', 'budget'));
for (const name of files) {
  const bytes = readFileSync(join(folder, name));
  const brotli = brotliCompressSync(bytes).length;
  console.log(row(name, bytes.length, gzipSync(bytes, { level: 9 }).length, brotli, budget[name]));
  const over = brotli / budget[name] - 1;
  if (over > SLACK) failures.push(`${name} is ${(100 * over).toFixed(1)} % over its budget of ${budget[name]} bytes`);
  if (over < -SLACK) console.log(`  ${name} is well under its budget: write ${brotli} into ${budgetFile}, so that it stays so`);
}
for (const failure of failures) console.error(`size: ${failure}`);
if (failures.length > 0) {
  console.error(`size: save it elsewhere, or raise ${budgetFile} in a commit that says what the bytes buy`);
  process.exit(1);
}
