// Gives what a module imports and exports short names, in the .wasm and in the glue that wasm-bindgen wrote for it.
//
// wasm-bindgen ends most names in sixteen hexadecimal digits, which stand in both files and do not compress. Imports
// with the same type and the same text in the glue become one, and what only one side knows goes.
import { exportsOf, importsOf, withExports, withImports } from './wasm.mjs';

/** The module that all imports are from. */
const MODULE = 'a';
/** In the glue: the functions for the imports of one module, and what names that module. */
const IMPORTS = /^ {8}__proto__: null,\n(?<functions>(?: {8}.*\n|\n)+?) {4}\};\n(?<between>[^]*?)"(?<module>[^"]*)": import0,\n/m;
const USE_OF_EXPORT = /\bwasm\.(\w+)/g;

/** `wasm` and its `glue` with names that only these two know. */
export function shortNames(wasm, glue) {
  const ends = withShortExports(wasm, glue);
  return withShortImports(ends.wasm, ends.glue);
}

function withShortExports(wasm, glue) {
  const used = new Map();
  for (const [, name] of glue.matchAll(USE_OF_EXPORT)) if (!used.has(name)) used.set(name, short(used.size));
  const exports = exportsOf(wasm).filter(({ name }) => used.has(name));
  if (exports.length < used.size) throw new Error('names: the glue uses what the module does not export');
  return {
    wasm: withExports(wasm, exports.map((each) => ({ ...each, name: used.get(each.name) }))),
    glue: glue.replace(USE_OF_EXPORT, (_, name) => `wasm.${used.get(name)}`),
  };
}

function withShortImports(wasm, glue) {
  const { functions, between, module } = glue.match(IMPORTS)?.groups ?? {};
  if (functions === undefined) throw new Error('names: the glue has no imports where wasm-bindgen writes them');
  const texts = new Map(functions.split(/^ {8}(?=\w+: )/m).slice(1).map((property) => [property.slice(0, property.indexOf(':')), property]));
  const names = new Map();
  const imports = importsOf(wasm).map((each) => {
    const text = texts.get(each.name)?.slice(each.name.length);
    if (text === undefined || each.module !== module) throw new Error(`names: the glue does not have ${each.module} ${each.name}`);
    const meaning = each.type.toString('hex') + text;
    if (!names.has(meaning)) names.set(meaning, { name: short(names.size), text });
    return { ...each, module: MODULE, name: names.get(meaning).name };
  });
  const properties = [...names.values()].map(({ name, text }) => `        ${name}${text}`).join('');
  return {
    wasm: withImports(wasm, imports),
    glue: glue.replace(IMPORTS, () => `        __proto__: null,\n${properties}    };\n${between}${MODULE}: import0,\n`),
  };
}

/** The name for what stands at `place`: a letter, or two. */
function short(place) {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  return place < letters.length ? letters[place] : short(Math.floor(place / letters.length) - 1) + letters[place % letters.length];
}
