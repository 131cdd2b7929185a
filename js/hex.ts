// Lower-case hex, in which NIP-01 writes ids, keys and signatures.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** Of a FlatBuffers struct of `length` bytes; zeros for none. */
export function structHex(struct: { bytes(at: number): number | null } | null, length = 32): string {
  let text = '';
  for (let at = 0; at < length; at++) text += HEX[struct?.bytes(at) ?? 0];
  return text;
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
