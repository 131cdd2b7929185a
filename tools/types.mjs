// The public types: of what tsc declared, what the package's two entries lead to; the rest is the library's own and does not ship.
// usage: types.mjs prune FOLDER    removes the other files
//        types.mjs report FOLDER   prints the reachable ones as one text, which docs/api.d.ts holds for comparison
import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const [action, folder] = process.argv.slice(2);
const reached = new Map();
for (const entry of ['index.d.ts', 'elements/index.d.ts']) visit(join(folder, entry));

/** Follows the imports and exports of `file`. A user of the types has this package only. */
function visit(file) {
  if (reached.has(file)) return;
  const source = readFileSync(file, 'utf8');
  reached.set(file, source);
  // An example in a comment imports nothing.
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '');
  for (const [, from] of code.matchAll(/(?:from|import)\s*\(?['"]([^'"]+)['"]/g)) {
    if (!from.startsWith('.')) throw new Error(`${file} imports ${from}, which those who install the package do not have`);
    visit(join(dirname(file), from.replace(/\.js$/, '.d.ts')));
  }
}

if (action === 'prune') prune(folder);
else if (action === 'report') process.stdout.write(report());
else throw new Error(`"${action}" is neither prune nor report`);

function prune(at) {
  for (const name of readdirSync(at)) {
    const path = join(at, name);
    if (statSync(path).isDirectory()) prune(path);
    else if (!reached.has(path)) rmSync(path);
  }
  if (readdirSync(at).length === 0) rmSync(at, { recursive: true });
}

/** One name, one thing: whoever reads a type's name here has to find that type under it. */
function refuseNamesakes() {
  const declared = new Map();
  for (const [file, source] of reached) {
    for (const [, name] of source.matchAll(/^export (?:declare )?(?:interface|type|class|function) (\w+)/gm)) {
      if (declared.has(name)) throw new Error(`two public things are called ${name}: in ${declared.get(name)} and in ${file}`);
      declared.set(name, file);
    }
  }
}

function report() {
  refuseNamesakes();
  const parts = [...reached].map(([file, source]) => [relative(folder, file), source.replace(/^import .*;\n/gm, '').trim()]);
  // index.d.ts, the list of what is public, first.
  const [index, ...others] = parts;
  others.sort(([a], [b]) => (a < b ? -1 : 1));
  const head = '// The public API, written by `make api` and compared by `make check`: a change here is a change for users.\n';
  return head + [index, ...others].map(([name, source]) => `\n// ---------------------------------------------------------------- ${name}\n${source}\n`).join('');
}
