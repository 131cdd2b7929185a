// What tools/shrink.mjs does to the module and its glue leaves their meaning as it is.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { withOneAlignment } from '../../tools/alignment.mjs';
import { shortNames } from '../../tools/names.mjs';
import { functions, withFunctions } from '../../tools/wasm.mjs';

const FEATURES = ['--enable-bulk-memory', '--enable-nontrapping-float-to-int', '--enable-reference-types'];

/** The module that binaryen assembles from `text`. */
function assemble(text) {
  const folder = mkdtempSync(join(tmpdir(), 'ferry-shrink-test-'));
  try {
    const [source, binary] = ['source.wat', 'binary.wasm'].map((name) => join(folder, name));
    writeFileSync(source, text);
    execFileSync(fileURLToPath(new URL('../../node_modules/.bin/wasm-as', import.meta.url)), [...FEATURES, source, '-o', binary]);
    return readFileSync(binary);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const MODULE = `(module
  (import "./glue_bg.js" "__wbg_close_1111111111111111" (func $close (param i32)))
  (import "./glue_bg.js" "__wbg_close_2222222222222222" (func $shut (param i32)))
  (import "./glue_bg.js" "__wbg_double_3333333333333333" (func $double (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "nobody_asks"))
  (func (export "start_it") (result i32) (call $close (i32.const 1)) (call $shut (i32.const 2)) (call $double (i32.const 21))))`;
const GLUE = `export function start_it() {
    return wasm.start_it();
}
function __wbg_get_imports() {
    const import0 = {
        __proto__: null,
        __wbg_close_1111111111111111: function(arg0) {
            closed.push(arg0);
        },
        __wbg_close_2222222222222222: function(arg0) {
            closed.push(arg0);
        },
        __wbg_double_3333333333333333: function() { return handleError(function (arg0) {
            return 2 * arg0;
        }, arguments); },
        __wbg_unused_4444444444444444: function(arg0) {
            return arg0;
        },
    };
    return {
        __proto__: null,
        "./glue_bg.js": import0,
    };
}
`;

/** What the glue's exported function answers, and what it closed. */
function run(wasm, glue) {
  const closed = [];
  const handleError = (call, args) => call(...args);
  const imports = new Function('closed', 'handleError', `${glue.replace('export ', '')} return __wbg_get_imports();`)(closed, handleError);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), imports);
  const start = new Function('wasm', `${glue.replace('export ', '')} return start_it();`);
  return { answer: start(instance.exports), closed };
}

test('short names join what is imported alike, drop what nobody uses, and call the same functions', () => {
  const before = assemble(MODULE);
  const { wasm, glue } = shortNames(before, GLUE);
  assert.deepEqual(run(before, GLUE), { answer: 42, closed: [1, 2] });
  assert.deepEqual(run(wasm, glue), { answer: 42, closed: [1, 2] });
  const module = new WebAssembly.Module(wasm);
  const [close, shut, double] = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
  assert.equal(close, shut);
  assert.notEqual(close, double);
  assert.deepEqual(WebAssembly.Module.exports(module).map(({ name }) => name), ['a']);
  assert.doesNotMatch(glue, /__wbg_\w+_[0-9]/);
});

test('glue that lacks an import or uses what is not exported is refused', () => {
  const wasm = assemble(MODULE);
  assert.throws(() => shortNames(wasm, GLUE.replace('__wbg_double_3333333333333333', '__wbg_other')), /does not have .*double/);
  assert.throws(() => shortNames(wasm, GLUE.replace('wasm.start_it', 'wasm.stop_it')), /does not export/);
});

test('one alignment is claimed whatever stands around an access', () => {
  const text = `(module
    (table 2 funcref) (elem (i32.const 0) $read $read)
    (type $reader (func (param i32) (result i64)))
    (memory 1) (data $bytes "0123456789abcdef")
    (func $read (export "read") (param $at i32) (result i64) (i64.load align=1 (local.get $at)))
    (func (export "all") (param $at i32) (result i64) (local $sum i64) (local f64)
      (memory.init $bytes (i32.const 0) (i32.const 0) (i32.const 16))
      (memory.copy (i32.const 300) (i32.const 0) (i32.const 16))
      (memory.fill (i32.const 0) (i32.const 48) (i32.const 1))
      (drop (i64.trunc_sat_f64_s (f64.const 2882400001.5))) (drop (f32.const 2882400001.5))
      (drop (select (result funcref) (ref.null func) (ref.func $read) (i32.const 1)))
      (block $far (block $near (br_table $near $far $near ${'$far '.repeat(200)} (i32.const 1))))
      (i32.store16 align=1 (i32.const 400) (i32.const -1))
      (local.set $sum (i64.add (i64.load offset=300 align=2 (i32.const 0)) (i64.load align=8 (i32.const 0))))
      (local.set $sum (i64.add (local.get $sum) (call_indirect (type $reader) (i32.const 1) (i32.const 1))))
      (i64.add (local.get $sum) (i64.load8_u (i32.const 400)))))`;
  const before = assemble(text);
  const after = withFunctions(before, functions(before).map(withOneAlignment));
  const [was, is] = [before, after].map((wasm) => new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.all(0));
  assert.equal(is, was);
  const expected = assemble(text.replaceAll(/ align=[128]/g, '').replaceAll(/i64\.load( offset=300)?(?= )/g, '$& align=4'));
  assert.deepEqual(after, expected);
  assert.notDeepEqual(before, expected);
});
