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
  return text.match(/../g)?.map((byte) => parseInt(byte, 16)) ?? [];
}
