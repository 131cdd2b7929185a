// Makes each kind of load and store claim one alignment, the same everywhere.
//
// What the compiler claims of an address is a hint that no result depends on, and that engines on the processors of
// today do not read. Where the claims differ they cost some bits each, 87,000 times.
import { readNumber } from './wasm.mjs';

const [FIRST_ACCESS, LAST_ACCESS] = [0x28, 0x3e];
/** The binary logarithm of what each access claims, from i32.load to i64.store32: its width, but four bytes of eight. */
const CLAIMS = [2, 2, 2, 2, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 0, 1, 0, 1, 2];
const [BR_TABLE, SELECT_TYPED, F32_CONST, F64_CONST, PREFIX] = [0x0e, 0x1c, 0x43, 0x44, 0xfc];
/** One number follows: of blocks, branches, calls, variables, tables, the memory's size, constants and references. */
const ONE_NUMBER = new Set([0x02, 0x03, 0x04, 0x0c, 0x0d, 0x10, 0x12, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42, 0xd0, 0xd2]);
const CALLS_THROUGH_TABLES = new Set([0x11, 0x13]);
/** The numbers that follow `PREFIX` and one of these: 0 to 7 convert, 8 to 11 are for memories, the rest for tables. */
const AFTER_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1];

/** A function's body, as the section of code has it, in which every access claims what its like claims. */
export function withOneAlignment(body) {
  const changed = Buffer.from(body);
  let at = afterLocals(body);
  while (at < body.length) {
    const opcode = body[at];
    if (opcode >= FIRST_ACCESS && opcode <= LAST_ACCESS) changed[at + 1] = CLAIMS[opcode - FIRST_ACCESS];
    at = afterOperands(body, at + 1, opcode);
  }
  return changed;
}

/** Where the next instruction starts, after the operands at `at` of one with `opcode`. */
function afterOperands(body, at, opcode) {
  if (ONE_NUMBER.has(opcode)) return skip(body, at, 1);
  if (CALLS_THROUGH_TABLES.has(opcode) || (opcode >= FIRST_ACCESS && opcode <= LAST_ACCESS)) return skip(body, at, 2);
  if (opcode === F32_CONST) return at + 4;
  if (opcode === F64_CONST) return at + 8;
  if (opcode === PREFIX) return skip(body, at + 1, AFTER_PREFIX[body[at]]);
  if (opcode > PREFIX) throw new Error(`alignment: the operands of instruction ${opcode} are not known here`);
  if (opcode !== BR_TABLE && opcode !== SELECT_TYPED) return at;
  const [count, list] = readNumber(body, at);
  // After a table of branches stands the one to take otherwise.
  return skip(body, list, opcode === BR_TABLE ? count + 1 : count);
}

/** Where the code starts, after the groups of variables: how many, and their type. */
function afterLocals(body) {
  const [groups, at] = readNumber(body, 0);
  return skip(body, at, 2 * groups);
}

function skip(body, at, numbers) {
  for (; numbers > 0; numbers -= 1) at = readNumber(body, at)[1];
  return at;
}
