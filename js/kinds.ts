// What the Parse pipe read, as plain objects: a reader of FlatBuffers that goes by the layouts of fbs/kinds.
import type { ByteBuffer } from 'flatbuffers';

import { FerryError } from './errors.js';
import { ENUMS, MEMBERS, TABLES, type FollowUp, type Lock, type Parsed } from './generated/kinds.js';
import { hex } from './hex.js';
import type { Filter, Rumor, SignedEvent } from './types.js';

// Slots of a table in its layout: FlatBuffers counts them from 4, in steps of 2.
const FIRST_SLOT = 4;
const SLOT = 2;

/** A `Reading` as the page knows it. */
export interface ReadingView {
  parsed: Parsed | undefined;
  requests: FollowUp[];
  lock: Lock;
  unlocked: boolean;
}

/** Reads the `Reading` (fbs/kinds/parsed.fbs) that starts at `start`: what the event says, and what is wanted next. */
export function decodeReading(buffer: ByteBuffer, start: number): ReadingView {
  const root = start + buffer.readInt32(start);
  const slot = (at: number) => buffer.__offset(root, FIRST_SLOT + at * SLOT);
  const [type, parsed] = [slot(0), slot(1)];
  const member = MEMBERS[(type ? buffer.readUint8(root + type) : 0) - 1];
  const value = member && parsed ? { type: member[1], ...readTable(buffer, buffer.__indirect(root + parsed), member[0]) } : undefined;
  const requests = slot(2) ? readVector(buffer, root + slot(2), 'FollowUp') : [];
  // The layouts and the types come from the same schema.
  return {
    parsed: value as unknown as Parsed | undefined,
    requests: requests as FollowUp[],
    lock: slot(3) ? (ENUMS.Lock?.[buffer.readUint8(root + slot(3))] as Lock) : 'none',
    unlocked: slot(4) !== 0,
  };
}

function readTable(buffer: ByteBuffer, table: number, name: string): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  let slot = FIRST_SLOT;
  for (const [field, layout] of Object.entries(TABLES[name] ?? {})) {
    const offset = buffer.__offset(table, slot);
    slot += SLOT;
    if (layout === '-') continue;
    const optional = layout.startsWith('?');
    const type = layout.slice(Number(optional));
    if (offset) out[field] = type.startsWith('*') ? readVector(buffer, table + offset, type.slice(1)) : read(buffer, table + offset, type);
    else if (!optional) out[field] = absent(type);
  }
  return out;
}

/** What a field is that was not written because it is what such a field is at first. */
function absent(type: string): unknown {
  if (type.startsWith('*')) return [];
  if (type === 'bool') return false;
  return ENUMS[type]?.[0] ?? 0;
}

function readVector(buffer: ByteBuffer, at: number, type: string): unknown[] {
  const start = buffer.__vector(at);
  const size = type === 'Hash' ? 32 : type === 'ushort' ? 2 : 4;
  return Array.from({ length: buffer.__vector_len(at) }, (_, index) => read(buffer, start + index * size, type));
}

function read(buffer: ByteBuffer, at: number, type: string): unknown {
  switch (type) {
    case 'bool':
      return buffer.readUint8(at) !== 0;
    case 'ubyte':
      return buffer.readUint8(at);
    case 'ushort':
      return buffer.readUint16(at);
    case 'uint':
      return buffer.readUint32(at);
    case 'ulong':
      return Number(buffer.readUint64(at));
    case 'double':
      return buffer.readFloat64(at);
    case 'string':
      return buffer.__string(at);
    case 'Hash':
      return hex(buffer.bytes().subarray(at, at + 32));
    case 'Sig':
      return hex(buffer.bytes().subarray(at, at + 64));
  }
  const values = ENUMS[type];
  if (values) return values[buffer.readUint8(at)];
  if (type in TABLES) return named(readTable(buffer, buffer.__indirect(at), type), type);
  throw new FerryError('bad-input', `the page has no layout of "${type}"`);
}

/** A table as the page knows it: what all NIPs write in JSON keeps the names it has there. */
function named(table: Record<string, unknown>, type: string): unknown {
  switch (type) {
    case 'Tag':
      return table.values;
    case 'NostrEvent': {
      const { id, pubkey, createdAt, kind, tags, content, sig } = table;
      return { id, pubkey, created_at: createdAt, kind, tags, content, sig } as SignedEvent;
    }
    case 'Rumor': {
      const { id, pubkey, createdAt, kind, tags, content } = table;
      return { id, pubkey, created_at: createdAt, kind, tags, content } as Rumor;
    }
    case 'Filter': {
      const { tags, ...rest } = table as unknown as Filter & { tags: { letter: number; values: string[] }[] };
      const letters = tags.map(({ letter, values }) => [`#${String.fromCharCode(letter)}`, values]);
      // A follow-up's filter has no list that is empty.
      const lists = Object.entries(rest).filter(([, value]) => !Array.isArray(value) || value.length > 0);
      return Object.fromEntries([...lists, ...letters]) as Filter;
    }
    default:
      return table;
  }
}
