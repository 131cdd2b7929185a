/** Longer than any event's JSON may be. */
const MAX_LINE_BYTES = 1 << 20;
/** Some twenty lines: few, so that the page hears often what became of them; the cache takes many blocks together. */
const BLOCK_BYTES = 8 << 10;
const NEWLINE = 10;
const NOTHING = new Uint8Array();

/** Some lines of a text, whole ones. */
export interface Block {
  /** The number of the first. */
  line: number;
  count: number;
  /** Undefined: it is one line, longer than any event, and takes no memory. */
  text: Uint8Array | undefined;
}

/** The lines of a stream of UTF-8, counted from 1, some at a time. Leaving the loop cancels the stream. */
export async function* readBlocks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Block, void, undefined> {
  const reader = stream.getReader();
  let line = 1;
  let rest: Uint8Array = NOTHING;
  let tooLong = false;
  const block = (bytes: Uint8Array): Block => {
    const text = bytes.length > MAX_LINE_BYTES || tooLong ? undefined : bytes;
    tooLong = false;
    const count = text ? linesOf(text) : 1;
    line += count;
    return { line: line - count, count, text: line - count === 1 ? withoutMark(text) : text };
  };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      const bytes = value ? join(rest, value) : rest;
      let at = 0;
      for (let end = endOfBlock(bytes, at, tooLong); end > at; end = endOfBlock(bytes, at, tooLong)) {
        yield block(bytes.subarray(at, end));
        at = end;
      }
      rest = bytes.slice(at);
      if (rest.length > MAX_LINE_BYTES) [rest, tooLong] = [NOTHING, true];
      if (!done) continue;
      if (rest.length > 0 || tooLong) yield block(rest);
      return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The end of the last whole line that fits a block, or of the first; `at` where there is none. */
function endOfBlock(bytes: Uint8Array, at: number, alone: boolean): number {
  const last = alone ? -1 : bytes.lastIndexOf(NEWLINE, at + BLOCK_BYTES - 1);
  return (last >= at ? last : Math.max(bytes.indexOf(NEWLINE, at), at - 1)) + 1;
}

function linesOf(text: Uint8Array): number {
  let count = text.at(-1) === NEWLINE ? 0 : 1;
  for (let at = text.indexOf(NEWLINE); at >= 0; at = text.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** A text may begin with a byte order mark, which is no part of it. */
function withoutMark(text: Uint8Array | undefined): Uint8Array | undefined {
  return text?.[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? text.subarray(3) : text;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
