// Makes the final .wasm a smaller download: what is there twice goes, and functions that are alike stand side by side.
// usage: shrink.mjs IN.wasm OUT.wasm
//
// The passes are those of binaryen's that make it smaller after brotli and leave signature checks as fast as they
// are. `coalesce-locals` and `merge-similar-functions` cost these some 4 %, which `make bench-schnorr` would not show.
//
// wasm-bindgen sorts functions by size. A compressor gains from likeness, and finds it best nearby: so the functions
// become a chain, each followed by the one that shares most with it. binaryen sorts functions by name only, so
// each is named by its place in the chain.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PASSES = [
  'duplicate-function-elimination',
  'remove-unused-brs',
  'optimize-instructions',
  'precompute',
  'rse',
  'vacuum',
  'duplicate-function-elimination',
  'reorder-locals',
];
/** Likeness is counted in sequences of this many bytes: some two instructions. */
const SEQUENCE = 6;
/** A sequence that more functions have says nothing about any two of them. */
const COMMON = 500;
const CODE_SECTION = 10;

const [input, output] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'ferry-shrink-'));
try {
  const [shorter, named] = ['shorter.wasm', 'named.wasm'].map((name) => join(folder, name));
  optimise(input, shorter, PASSES);
  const wasm = readFileSync(shorter);
  writeFileSync(named, withNames(wasm, chain(functions(wasm))));
  optimise(named, output, ['reorder-functions-by-name', 'strip-debug', 'strip-target-features']);
} finally {
  rmSync(folder, { recursive: true });
}

function optimise(from, to, passes) {
  const program = fileURLToPath(new URL('../node_modules/.bin/wasm-opt', import.meta.url));
  execFileSync(program, [from, ...passes.map((pass) => `--${pass}`), '-o', to], { stdio: 'inherit' });
}

/** The bodies of the functions that a module defines, in its order. */
function functions(wasm) {
  let at = 8;
  while (at < wasm.length) {
    const id = wasm[at];
    const [length, start] = readNumber(wasm, at + 1);
    if (id === CODE_SECTION) return bodies(wasm, start);
    at = start + length;
  }
  throw new Error('the module has no code');
}

function bodies(wasm, at) {
  const found = [];
  let [count, next] = readNumber(wasm, at);
  for (; count > 0; count -= 1) {
    const [length, start] = readNumber(wasm, next);
    next = start + length;
    found.push(wasm.subarray(start, next));
  }
  return found;
}

/** The order of `bodies` in which each is followed by the one most like it of those that are left. */
function chain(bodies) {
  const sequences = bodies.map(sequencesOf);
  const owners = new Map();
  for (const [at, own] of sequences.entries()) {
    for (const sequence of own) {
      if (owners.has(sequence)) owners.get(sequence).push(at);
      else owners.set(sequence, [at]);
    }
  }
  const left = new Set(bodies.keys());
  const largestFirst = [...bodies.keys()].sort((a, b) => bodies[b].length - bodies[a].length);
  const order = [];
  let last;
  while (left.size > 0) {
    last = mostLike(last) ?? largestFirst.find((at) => left.has(at));
    left.delete(last);
    order.push(last);
  }
  return order;

  /** Jaccard's index decides: what both have, of what either has. */
  function mostLike(last) {
    const shared = new Map();
    for (const sequence of sequences[last] ?? []) {
      const alike = owners.get(sequence);
      if (alike.length > COMMON) continue;
      for (const at of alike) if (left.has(at)) shared.set(at, (shared.get(at) ?? 0) + 1);
    }
    let best;
    let most = 0;
    for (const [at, both] of shared) {
      const likeness = both / (sequences[at].size + sequences[last].size - both);
      if (likeness > most) [best, most] = [at, likeness];
    }
    return best;
  }
}

/** Each sequence of bytes in `body`, as a number (FNV-1a). */
function sequencesOf(body) {
  const found = new Set();
  for (let start = 0; start + SEQUENCE <= body.length; start += 1) {
    let hash = 0x811c9dc5;
    for (let at = start; at < start + SEQUENCE; at += 1) hash = Math.imul(hash ^ body[at], 0x01000193);
    found.add(hash >>> 0);
  }
  return found;
}

/** The module with a name section that names each function by its place in `order`. */
function withNames(wasm, order) {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(wasm)).filter(({ kind }) => kind === 'function').length;
  const places = new Array(order.length);
  for (const [place, at] of order.entries()) places[at] = place;
  // Six digits each, so that names sort as numbers do.
  const names = places.map((place, at) => [...number(imports + at), ...string(String(place).padStart(6, '0'))]);
  const map = [...number(names.length), ...names.flat()];
  const section = [...string('name'), 1, ...number(map.length), ...map];
  return Buffer.concat([wasm, Buffer.from([0, ...number(section.length), ...section])]);
}

function string(text) {
  return [...number(text.length), ...Buffer.from(text)];
}

/** LEB128, as wasm writes its unsigned numbers. */
function number(value) {
  return value < 128 ? [value] : [(value % 128) + 128, ...number(Math.floor(value / 128))];
}

/** The number at `at`, and where it ends. */
function readNumber(bytes, at) {
  const byte = bytes[at];
  if (byte < 128) return [byte, at + 1];
  const [rest, end] = readNumber(bytes, at + 1);
  return [byte - 128 + 128 * rest, end];
}
