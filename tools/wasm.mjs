// Reads and writes what the tools need of a .wasm: its functions, and its section of names.

const [CUSTOM_SECTION, CODE_SECTION] = [0, 10];
/** The part of the name section that names functions. */
const OF_FUNCTIONS = 1;

/** The bodies of the functions that a module defines, in its order. */
export function functions(wasm) {
  const code = sections(wasm).find(({ id }) => id === CODE_SECTION);
  if (code === undefined) throw new Error('the module has no code');
  const bodies = [];
  let [count, next] = readNumber(wasm, code.start);
  for (; count > 0; count -= 1) {
    const [length, start] = readNumber(wasm, next);
    next = start + length;
    bodies.push(wasm.subarray(start, next));
  }
  return bodies;
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

function importedFunctions(wasm) {
  return WebAssembly.Module.imports(new WebAssembly.Module(wasm)).filter(({ kind }) => kind === 'function').length;
}

function sections(wasm) {
  const found = [];
  // After the magic number and the version.
  let at = 8;
  while (at < wasm.length) {
    const [length, start] = readNumber(wasm, at + 1);
    found.push({ id: wasm[at], start, end: start + length });
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
function readNumber(bytes, at) {
  const byte = bytes[at];
  if (byte < 128) return [byte, at + 1];
  const [rest, end] = readNumber(bytes, at + 1);
  return [byte - 128 + 128 * rest, end];
}

function readString(bytes, at) {
  const [length, start] = readNumber(bytes, at);
  return [bytes.toString('utf8', start, start + length), start + length];
}
