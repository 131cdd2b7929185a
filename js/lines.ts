/** Longer than any event's JSON may be. */
const MAX_LINE_CHARS = 1 << 20;

/**
 * The lines of a stream of UTF-8, counted from 1. A line that is longer than any event has no text, and takes no
 * memory; leaving the loop cancels the stream.
 */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<{ line: number; text: string | undefined }, void, undefined> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let line = 1;
  let rest = '';
  let tooLong = false;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const parts = rest.split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        yield { line: line++, text: tooLong || part.length > MAX_LINE_CHARS ? undefined : part };
        tooLong = false;
      }
      if (rest.length > MAX_LINE_CHARS) [rest, tooLong] = ['', true];
      if (!done) continue;
      if (rest !== '' || tooLong) yield { line, text: tooLong ? undefined : rest };
      return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
