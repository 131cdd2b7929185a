// Prints js/generated/kinds.ts: what fbs/kinds describes, as TypeScript's types and as the layouts that
// js/kinds.ts reads by. One list of fields serves both, which is why flatc's accessors are not used: they
// would be more than the rest of the page's script.
// usage: kinds.mjs FOLDER
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SCALARS = { bool: 'boolean', ubyte: 'number', ushort: 'number', uint: 'number', ulong: 'number', double: 'number' };
// Types that the page has from js/types.ts, some by other names.
const SHARED = { string: 'string', Hash: 'string', Tag: 'string[]', NostrEvent: 'SignedEvent', Filter: 'Filter', Rumor: 'Rumor', TagFilter: '', ShardSource: '', Template: '', SignerError: '', SignerErrorCode: '' };

const folder = process.argv[2];
const kinds = readdirSync(join(folder, 'kinds')).filter((name) => name.endsWith('.fbs')).sort();
const names = ['common.fbs', ...kinds.map((name) => join('kinds', name))];
const schema = names.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
const source = schema.replace(/^ *\/\/(?!\/).*$/gm, '');

const enums = {};
const tables = {};
let union = [];
for (const [, docs, sort, name, body] of source.matchAll(/((?:^\/\/\/.*\n)*)^(enum|table|union) (\w+)[^{]*\{([^}]*)\}/gm)) {
  const members = () => body.split(',').map((member) => member.trim()).filter(Boolean);
  if (sort === 'enum') enums[name] = { docs, values: members().map(kebab) };
  else if (sort === 'union') union = members();
  else tables[name] = { docs, fields: fields(body) };
}

function fields(body) {
  const found = body.matchAll(/((?:^ *\/\/\/.*\n)*) *(\w+): ?\[?(\w+)(\]?)( = null)?( \((?:required|absent_or_empty|deprecated)\))?;/gm);
  return [...found].map(([, docs, name, type, vector, nullable, mark]) => ({
    docs,
    name: name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()),
    type,
    vector: vector !== '',
    deprecated: Boolean(mark?.includes('deprecated')),
    optional: !mark?.includes('required') && (vector ? Boolean(mark) : !(type in enums || type in SCALARS) || Boolean(nullable)),
  }));
}

function kebab(name) {
  return name.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
}

function doc(docs, indent) {
  const lines = docs.trim().split('\n').map((line) => line.trim().replace(/^\/\/\/ ?/, ''));
  return lines.join('') ? `${indent}/** ${lines.join(' ')} */\n` : '';
}

function property({ docs, name, type, vector, optional, deprecated }) {
  if (deprecated) return '';
  const element = SHARED[type] ?? SCALARS[type] ?? type;
  return `${doc(docs, '  ')}  ${name}${optional ? '?' : ''}: ${element}${vector ? '[]' : ''};\n`;
}

/** `?` may be absent, `*` a vector; `-` only keeps the slot of a field that is not written any more. */
function layout({ name, type, vector, optional, deprecated }) {
  if (deprecated) return `${name}: '-'`;
  return `${name}: '${optional ? '?' : ''}${vector ? '*' : ''}${type}'`;
}

let out = "// What the Parse pipe reads, by fbs/kinds. Written by `make gen`; edits are lost.\nimport type { Filter, Rumor, SignedEvent } from '../types.js';\n\n";
for (const [name, { docs, values }] of Object.entries(enums)) {
  if (name in SHARED) continue;
  out += `${doc(docs, '')}export type ${name} = ${values.map((value) => `'${value}'`).join(' | ')};\n\n`;
}
for (const [name, { docs, fields }] of Object.entries(tables)) {
  if (name === 'Reading' || name in SHARED) continue;
  const type = union.includes(name) ? `  type: '${kebab(name)}';\n` : '';
  out += `${doc(docs, '')}export interface ${name} {\n${type}${fields.map(property).join('')}}\n\n`;
}
out += `/** What an event says, by its kind. */\nexport type Parsed =\n${union.map((name) => `  | ${name}`).join('\n')};\n\n`;
out += `/** @internal */\nexport const ENUMS: Record<string, string[]> = {\n${Object.entries(enums)
  .filter(([name]) => name !== 'SignerErrorCode')
  .map(([name, { values }]) => `  ${name}: [${values.map((value) => `'${value}'`).join(', ')}],\n`)
  .join('')}};\n\n`;
out += `/** @internal The fields of each table, in the order of their slots. */\nexport const TABLES: Record<string, Record<string, string>> = {\n${Object.entries(tables)
  .filter(([name]) => !['Reading', 'Template', 'SignerError'].includes(name))
  .map(([name, { fields }]) => `  ${name}: { ${fields.map(layout).join(', ')} },\n`)
  .join('')}};\n\n`;
out += `/** @internal The members of \`Parsed\`, from 1, each with its \`type\`. */\nexport const MEMBERS: [string, string][] = [\n${union
  .map((name) => `  ['${name}', '${kebab(name)}'],\n`)
  .join('')}];\n`;
process.stdout.write(out);
