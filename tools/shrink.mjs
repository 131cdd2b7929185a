// Makes the final .wasm and its glue a smaller download: names are short (names.mjs), what is there twice goes, and
// functions that are alike stand side by side.
// usage: shrink.mjs IN.wasm GLUE.js OUT-FOLDER
//
// The passes are those of binaryen's that make it smaller after brotli and leave signature checks as fast as they
// are. `coalesce-locals` and `merge-similar-functions` cost these some 4 %, which `make bench-schnorr` would not show.
//
// wasm-bindgen sorts functions by size. A compressor gains from likeness, and finds it best nearby: so the functions
// become a chain, each followed by the one that shares most with it. binaryen sorts functions by name only, so
// each is named by its place in the chain.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withOneAlignment } from './alignment.mjs';
import { shortNames } from './names.mjs';
import { functions, withFunctions, withNames } from './wasm.mjs';

const PASSES = [
  'remove-unused-module-elements',
  'duplicate-import-elimination',
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

const [input, glue, output] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'ferry-shrink-'));
try {
  const [renamed, shorter, named] = ['renamed.wasm', 'shorter.wasm', 'named.wasm'].map((name) => join(folder, name));
  const short = shortNames(readFileSync(input), readFileSync(glue, 'utf8'));
  writeFileSync(renamed, short.wasm);
  optimise(renamed, shorter, PASSES);
  const unordered = readFileSync(shorter);
  const wasm = withFunctions(unordered, functions(unordered).map(withOneAlignment));
  writeFileSync(named, withNames(wasm, placeNames(chain(functions(wasm)))));
  mkdirSync(output, { recursive: true });
  optimise(named, join(output, basename(input)), ['reorder-functions-by-name', 'strip-debug', 'strip-target-features']);
  writeFileSync(join(output, basename(glue)), short.glue);
} finally {
  rmSync(folder, { recursive: true });
}

function optimise(from, to, passes) {
  const program = fileURLToPath(new URL('../node_modules/.bin/wasm-opt', import.meta.url));
  execFileSync(program, [from, ...passes.map((pass) => `--${pass}`), '-o', to], { stdio: 'inherit' });
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

/** Names that sort as `order` has it. */
function placeNames(order) {
  const names = new Array(order.length);
  for (const [place, at] of order.entries()) names[at] = String(place).padStart(6, '0');
  return names;
}
