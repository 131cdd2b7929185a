// Prints src/wire/layouts.rs: of every table that a message can hold, what src/wire/verify.rs has to know.
// usage: layouts.mjs FOLDER
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The tables that are messages by themselves. */
const ROOTS = ['MainMessage', 'WorkerMessage', 'CacheRequest', 'SignerRequest', 'SignerResponse', 'ParserNotice', 'RoleReport', 'ConnectionStatus'];
/** Those that are buffers of their own inside a message. */
const NESTED = ['NostrEvent'];
const WIDTHS = { bool: 1, ubyte: 1, ushort: 2, uint: 4, ulong: 8, double: 8 };

const source = ['common.fbs', 'links.fbs', 'page.fbs']
  .map((name) => readFileSync(join(process.argv[2], name), 'utf8').replace(/\/\/.*$/gm, ''))
  .join('\n');
const enums = new Set();
const structs = new Map();
const tables = new Map();
const unions = new Map();
for (const [, sort, name, body] of source.matchAll(/^(enum|struct|table|union) (\w+)[^{]*\{([^}]*)\}/gm)) {
  if (sort === 'enum') enums.add(name);
  else if (sort === 'union') unions.set(name, body.split(',').map((member) => member.trim()).filter(Boolean));
  else if (sort === 'struct') structs.set(name, fields(body).reduce((bytes, { type, length }) => bytes + length * (structs.get(type) ?? WIDTHS[type]), 0));
  else tables.set(name, fields(body));
}

function fields(body) {
  return [...body.matchAll(/(\w+): *(\[?)(\w+)(?::(\d+))?\]?[^;(]*(?:\(([^)]*)\))?;/g)].map(([, name, bracket, type, length, marks = '']) => ({
    name,
    type,
    length: Number(length ?? 1),
    vector: bracket === '[' && length === undefined,
    required: /\brequired\b/.test(marks),
    deprecated: /\bdeprecated\b/.test(marks),
  }));
}

// Whatever the roots reach, each once; a table's place is its number.
const reached = [...ROOTS];
for (const name of reached) {
  const next = tables.get(name).flatMap(({ type }) => unions.get(type) ?? [type]);
  for (const type of next) if (tables.has(type) && !reached.includes(type)) reached.push(type);
}

function content({ type, vector, deprecated }) {
  if (deprecated) return 'Unread';
  const many = (one) => (vector ? `${one}s` : one);
  if (type === 'string') return many('Text');
  if (structs.has(type)) return `${many('Struct')}(${structs.get(type)})`;
  if (tables.has(type)) return `${many('Table')}(${reached.indexOf(type)})`;
  const width = enums.has(type) ? 1 : WIDTHS[type];
  if (width === undefined) throw new Error(`layouts: ${type} is unknown here`);
  return `${many('Number')}(${width})`;
}

function lines(field) {
  const { name, type, required } = field;
  const line = (title, is, must) => `        ${must ? 'required' : 'optional'}("${title}", ${is}),\n`;
  if (!unions.has(type)) return line(name, content(field), required);
  const members = unions.get(type).map((member) => reached.indexOf(member));
  // What a new schema may bring, and a pair of numbers cannot say.
  if (field.vector || members.some((member, at) => member !== members[0] + at)) throw new Error(`layouts: ${type}'s members do not follow each other`);
  return line(`${name}_type`, 'UnionType', false) + line(name, `Union(${members[0]}, ${members.length})`, required);
}

process.stdout.write(`//! The layouts of the tables that messages are made of, by the schemas in \`fbs/\`. Written by \`make gen\`; edits are lost.

use super::generated::ferry as fb;
use super::verify::Content::*;
use super::verify::{Field, Root, optional, required};

/// The fields of each table, in the order of their slots.
pub(super) static TABLES: [&[Field]; ${reached.length}] = [
${reached.map((name) => `    // ${name}\n    &[\n${tables.get(name).map(lines).join('')}    ],\n`).join('')}];

${[...ROOTS, ...NESTED].map((name) => `impl Root for fb::${name}<'_> {\n    const TABLE: u8 = ${reached.indexOf(name)};\n}\n`).join('\n')}`);
