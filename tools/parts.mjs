// Prints what the .wasm's code is made of, by the names of functions: bytes, and what the download would lose without.
// The latter is brotli of all code (quality 9) less brotli of all but that part, so the sum of all is less than the whole.
// usage: parts.mjs FILE.wasm, as the linker writes it
import { readFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import { functions, names } from './wasm.mjs';

/** Smaller parts are one row. */
const WORTH_A_ROW = 10_000;
const OWN = 'nostr_ferry';

const wasm = readFileSync(process.argv[2]);
const called = names(wasm);
const all = functions(wasm)
  .map((body, at) => ({ body, part: part(called[at] ?? '') }))
  // What wasm-bindgen runs to learn the types, and leaves out.
  .filter(({ part }) => part !== undefined);

const bytes = new Map();
for (const { part, body } of all) bytes.set(part, (bytes.get(part) ?? 0) + body.length);
for (const each of all) if (bytes.get(each.part) < WORTH_A_ROW) each.part = 'everything else';

const whole = compressed(all);
const parts = [...new Set(all.map(({ part }) => part))].map((part) => {
  const [own, rest] = [all.filter((each) => each.part === part), all.filter((each) => each.part !== part)];
  return { part, functions: own.length, bytes: size(own), brotli: whole - compressed(rest) };
});
console.log('| brotli | bytes | functions | |\n|--:|--:|--:|---|');
for (const { part, functions, bytes, brotli } of parts.sort((a, b) => b.brotli - a.brotli)) {
  console.log(`| ${brotli.toLocaleString('en')} | ${bytes.toLocaleString('en')} | ${functions} | ${part} |`);
}
console.log(`| ${whole.toLocaleString('en')} | ${size(all).toLocaleString('en')} | ${all.length} | all of the code |`);

/** The part that a function with this linker's name belongs to; none if it does not ship. */
function part(name) {
  if (/describe/i.test(name)) return undefined;
  if (/^(rustsecp256k1|ferry_)|^(nonce_function|secp256k1)/.test(name)) return 'libsecp256k1';
  const path = /^_ZN/.test(name) ? legacy(name) : mangled(name);
  // `<Type as Trait>::function` is the type's, if that is no primitive.
  const [crate, ...modules] = path[0]?.includes('$LT$') ? (path[0].match(/[a-z]\w*(\.\.\w+)+/)?.[0].split('..') ?? []) : path;
  if (crate === OWN) return [crate, ...modules.slice(0, ['parser', 'cache', 'crypto', 'connections'].includes(modules[0]) ? 2 : 1)].join('::');
  if (crate === 'core' && modules[0] === 'ptr') return 'dropping values (core::ptr), once for each type';
  return crate ?? 'without a name';
}

/** The path in a name such as `_ZN4core3ptr4read17h0123456789abcdefE`. */
function legacy(name) {
  const path = [];
  let at = 3;
  for (;;) {
    const digits = name.slice(at).match(/^\d+/)?.[0];
    if (digits === undefined) return path.slice(0, -1);
    at += digits.length;
    path.push(name.slice(at, at + Number(digits)));
    at += Number(digits);
  }
}

/** The crate in a name such as `_RNvNtCs5cOc02OMXlo_5alloc3str4find`. */
function mangled(name) {
  const [, length, rest] = name.match(/C(?:s\w*?_)?(\d+)(\D.*)/) ?? [];
  return length === undefined ? [] : [rest.slice(0, Number(length))];
}

function size(functions) {
  return functions.reduce((sum, { body }) => sum + body.length, 0);
}

function compressed(functions) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 22 };
  return brotliCompressSync(Buffer.concat(functions.map(({ body }) => body)), { params }).length;
}
