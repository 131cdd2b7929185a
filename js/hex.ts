// Lower-case hex, in which NIP-01 writes ids, keys and signatures.
import type { ByteBuffer } from 'flatbuffers';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Where the browser does it itself, it takes a quarter of the time. */
type Bytes = Uint8Array & { toHex?: () => string };

export function hex(bytes: Bytes): string {
  if (bytes.toHex) return bytes.toHex();
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** Of a FlatBuffers struct of `length` bytes; zeros for none. */
export function structHex(struct: { bb: ByteBuffer | null; bb_pos: number } | null, length = 32): string {
  if (!struct?.bb) return '00'.repeat(length);
  return hex(struct.bb.bytes().subarray(struct.bb_pos, struct.bb_pos + length));
}

/** The bytes of lower-case hex. */
export function bytesOf(text: string): number[] {
  const bytes = new Array<number>(text.length >> 1);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (digit(text, 2 * at) << 4) | digit(text, 2 * at + 1);
  return bytes;
}

/** A digit's value: `0` is 48, `a` is 97, and four bits of either are its own. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return (code & 15) + (code >> 6) * 9;
}
