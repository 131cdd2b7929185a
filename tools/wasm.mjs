// Reads and writes what the tools need of a .wasm: its functions and their names, its imports and exports.

const [CUSTOM_SECTION, IMPORT_SECTION, EXPORT_SECTION, CODE_SECTION] = [0, 2, 7, 10];
/** The kind of an import or export that is a function. */
const FUNCTION = 0;
/** The part of the name section that names functions. */
const OF_FUNCTIONS = 1;

/** The bodies of the functions that a module defines, in its order. */
export function functions(wasm) {
  return entries(wasm, CODE_SECTION, (at) => {
    const [length, start] = readNumber(wasm, at);
    return [wasm.subarray(start, start + length), start + length];
  });
}

/** The names of the functions that a module defines, in its order; what has none is left out. */
export function names(wasm) {
  const found = [];
  const imported = importedFunctions(wasm);
  for (const { id, start, end } of sections(wasm)) {
    if (id !== CUSTOM_SECTION) continue;
    let [title, at] = readString(wasm, start);
    while (title === 'name' && at < end) {
      const kind = wasm[at];
      const [length, content] = readNumber(wasm, at + 1);
      at = content + length;
      if (kind !== OF_FUNCTIONS) continue;
      let [count, next] = readNumber(wasm, content);
      for (; count > 0; count -= 1) {
        const [index, text] = readNumber(wasm, next);
        const [name, after] = readString(wasm, text);
        if (index >= imported) found[index - imported] = name;
        next = after;
      }
    }
  }
  return found;
}

/** The module with one more section, in which the functions that it defines have these names. */
export function withNames(wasm, names) {
  const imported = importedFunctions(wasm);
  const map = [...number(names.length), ...names.flatMap((name, at) => [...number(imported + at), ...string(name)])];
  const section = [...string('name'), OF_FUNCTIONS, ...number(map.length), ...map];
  return Buffer.concat([wasm, Buffer.from([CUSTOM_SECTION, ...number(section.length), ...section])]);
}

/** The module with these bodies for the functions that it defines. */
export function withFunctions(wasm, bodies) {
  return withSection(wasm, CODE_SECTION, bodies.map((body) => Buffer.concat([Buffer.from(number(body.length)), body])));
}

/** The functions that a module imports; `type` is as the section has it. */
export function importsOf(wasm) {
  return entries(wasm, IMPORT_SECTION, (at) => {
    const [module, named] = readString(wasm, at);
    const [name, start] = readString(wasm, named);
    if (wasm[start] !== FUNCTION) throw new Error(`${module} ${name} is no function`);
    const end = readNumber(wasm, start + 1)[1];
    return [{ module, name, type: wasm.subarray(start, end) }, end];
  });
}

export function withImports(wasm, imports) {
  return withSection(wasm, IMPORT_SECTION, imports.map(({ module, name, type }) => Buffer.from([...string(module), ...string(name), ...type])));
}

/** What a module exports; `what` is its kind and index, as the section has them. */
export function exportsOf(wasm) {
  return entries(wasm, EXPORT_SECTION, (at) => {
    const [name, start] = readString(wasm, at);
    const end = readNumber(wasm, start + 1)[1];
    return [{ name, what: wasm.subarray(start, end) }, end];
  });
}

export function withExports(wasm, exports) {
  return withSection(wasm, EXPORT_SECTION, exports.map(({ name, what }) => Buffer.from([...string(name), ...what])));
}

function importedFunctions(wasm) {
  return importsOf(wasm).length;
}

/** What `read` makes of each entry of a section: it is given where one starts, and says where that ends. */
function entries(wasm, id, read) {
  const found = [];
  const { start } = sections(wasm).find((section) => section.id === id) ?? {};
  if (start === undefined) return found;
  let [count, next] = readNumber(wasm, start);
  for (; count > 0; count -= 1) {
    const [entry, end] = read(next);
    found.push(entry);
    next = end;
  }
  return found;
}

/** The module with these entries in the section it has by that `id`. */
function withSection(wasm, id, entries) {
  const { head, end } = sections(wasm).find((section) => section.id === id);
  const content = Buffer.concat([Buffer.from(number(entries.length)), ...entries]);
  return Buffer.concat([wasm.subarray(0, head), Buffer.from([id, ...number(content.length)]), content, wasm.subarray(end)]);
}

function sections(wasm) {
  const found = [];
  // After the magic number and the version.
  let at = 8;
  while (at < wasm.length) {
    const [length, start] = readNumber(wasm, at + 1);
    found.push({ id: wasm[at], head: at, start, end: start + length });
    at = start + length;
  }
  return found;
}

function string(text) {
  return [...number(text.length), ...Buffer.from(text)];
}

/** LEB128, as wasm writes its unsigned numbers. */
function number(value) {
  return value < 128 ? [value] : [(value % 128) + 128, ...number(Math.floor(value / 128))];
}

/** The number at `at`, and where it ends. */
export function readNumber(bytes, at) {
  const byte = bytes[at];
  if (byte < 128) return [byte, at + 1];
  const [rest, end] = readNumber(bytes, at + 1);
  return [byte - 128 + 128 * rest, end];
}

function readString(bytes, at) {
  const [length, start] = readNumber(bytes, at);
  return [bytes.toString('utf8', start, start + length), start + length];
}
