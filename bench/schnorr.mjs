// Measures the C of signature checks alone, as wasm in this Node: seconds from a change of it or of a flag to a figure.
// A duration is the lowest of `--rounds`, by the clock, of pieces shorter than a scheduler's slice, so it
// means something on a busy machine. Several --flags are measured in turns; without any, the Makefile's are.
// usage: schnorr.mjs [--flags='-Os …' …] [--rounds=40]
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';

const ours = process.env.CFLAGS_wasm32_unknown_unknown ?? '';
const { values: args } = parseArgs({ options: { flags: { type: 'string', multiple: true, default: [] }, rounds: { type: 'string', default: '40' } } });
const EVENTS = 256;
/** What secp256k1-sys's build script defines, apart from the sizes of tables, which the Makefile decides. */
const DEFINES = ['ENABLE_MODULE_EXTRAKEYS=1', 'ENABLE_MODULE_SCHNORRSIG=1', 'USE_EXTERNAL_DEFAULT_CALLBACKS=1'];
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here('../target/bench/schnorr');
const run = (program, args) => execFileSync(program, args, { cwd: here('..'), maxBuffer: 1 << 28 }).toString();

function secp256k1() {
  const { packages } = JSON.parse(run('cargo', ['metadata', '--format-version=1', '--locked', '--filter-platform', 'wasm32-unknown-unknown']));
  return dirname(packages.find(({ name }) => name === 'secp256k1-sys').manifest_path);
}

function compile(flags, name) {
  const includes = ['depend/secp256k1/src', 'depend/secp256k1/include', 'wasm/wasm-sysroot'].map((folder) => `-I${join(sys, folder)}`);
  const sources = [here('schnorr/driver.c'), here('../src/nostr/schnorr/schnorr.c'), ...['', '_gen'].map((suffix) => join(sys, `depend/secp256k1/src/precomputed_ecmult${suffix}.c`))];
  const objects = sources.map((source, at) => {
    const object = join(out, `${name}-${at}.o`);
    const words = [...flags.split(/\s+/).filter(Boolean), ...DEFINES.map((define) => `-D${define}`), ...includes];
    run(clang, ['--target=wasm32-unknown-unknown', '-w', ...words, '-c', source, '-o', object]);
    return object;
  });
  const wasm = join(out, `${name}.wasm`);
  const lld = join(run('rustc', ['--print', 'target-libdir']).trim(), '../bin/rust-lld');
  run(lld, ['-flavor', 'wasm', '--no-entry', '--gc-sections', ...objects, '-o', wasm]);
  return readFileSync(wasm);
}

function load(bytes, flags) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  if (exports.setup() !== 1) throw new Error(`${flags}: events could not be signed`);
  for (let at = 0; at < EVENTS; at += 1) {
    exports.flip(at);
    if (exports.one(at) === 1 || exports.sum(at, 1) === 1) throw new Error(`${flags}: a spoilt event is good`);
    exports.flip(at);
  }
  return { exports, bytes, flags, least: new Map() };
}

/** The lowest duration of each piece of `EVENTS` events, in pieces of `size`. */
function measure(contender, what, size, check) {
  for (let at = 0; at < EVENTS; at += size) {
    const start = performance.now();
    const good = check(at);
    const took = performance.now() - start;
    if (good !== 1) throw new Error(`${contender.flags}: ${what} refuses a good event`);
    const key = `${what} ${at}`;
    contender.least.set(key, Math.min(took, contender.least.get(key) ?? Infinity));
  }
}

function microseconds(contender, what) {
  const pieces = [...contender.least].filter(([key]) => key.startsWith(`${what} `));
  return ((pieces.reduce((sum, [, ms]) => sum + ms, 0) / EVENTS) * 1000).toFixed(1);
}

const clang = process.env.CC_wasm32_unknown_unknown ?? 'clang-19';
const sys = secp256k1();
mkdirSync(out, { recursive: true });
const all = args.flags.length > 0 ? args.flags : [''];
const contenders = all.map((flags, at) => load(compile(`${ours} ${flags}`, `flags-${at}`), flags));
for (let round = 0; round < Number(args.rounds); round += 1) {
  for (const contender of contenders) {
    const { one, library, lift, sum } = contender.exports;
    measure(contender, 'one', 1, (at) => one(at));
    measure(contender, 'library', 1, (at) => library(at));
    measure(contender, 'lift', 1, (at) => lift(at));
    for (const size of [16, 64]) measure(contender, `sum-${size}`, size, (at) => sum(at, size));
  }
}
console.log('| flags | bytes | brotli | µs an event, one at a time | by the library | a lifted R | sums of 16 | 64 |\n|---|--:|--:|--:|--:|--:|--:|--:|');
for (const contender of contenders) {
  const durations = ['one', 'library', 'lift', 'sum-16', 'sum-64'].map((what) => microseconds(contender, what));
  const { flags, bytes } = contender;
  console.log(`| ${flags ? `\`${flags}\`` : 'what ships'} | ${bytes.length} | ${brotliCompressSync(bytes).length} | ${durations.join(' | ')} |`);
}
