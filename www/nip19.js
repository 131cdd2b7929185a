// NIP-19 codes, as far as a note's text needs them.

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/**
 * Whom or what a code names.
 *
 * @param {string} code npub, nprofile, note or nevent
 * @returns {{ pubkey: string } | { id: string } | undefined} hex; undefined if it is none of these or does not add up
 */
export function decode(code) {
  const { prefix, bytes } = fromBech32(code.toLowerCase()) ?? {};
  if (prefix === 'npub') return named('pubkey', bytes);
  if (prefix === 'note') return named('id', bytes);
  if (prefix === 'nprofile') return named('pubkey', special(bytes));
  if (prefix === 'nevent') return named('id', special(bytes));
  return undefined;
}

/** The npub of a public key in hex. */
export function npub(pubkey) {
  const bytes = pubkey.match(/../g).map((pair) => Number.parseInt(pair, 16));
  const words = regroup(bytes, 8, 5, true);
  const check = checksum([...expand('npub'), ...words, 0, 0, 0, 0, 0, 0]) ^ 1;
  const tail = [25, 20, 15, 10, 5, 0].map((shift) => (check >>> shift) & 31);
  return `npub1${[...words, ...tail].map((word) => ALPHABET[word]).join('')}`;
}

function named(name, bytes) {
  return bytes?.length === 32
    ? { [name]: bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('') }
    : undefined;
}

/** The entry of type 0 among type-length-value entries. */
function special(bytes) {
  for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes[at + 1]) {
    if (bytes[at] === 0) return bytes.slice(at + 2, at + 2 + bytes[at + 1]);
  }
  return undefined;
}

function fromBech32(text) {
  const split = text.lastIndexOf('1');
  const prefix = text.slice(0, split);
  const words = [...text.slice(split + 1)].map((letter) => ALPHABET.indexOf(letter));
  if (split < 1 || words.length < 6 || words.includes(-1)) return undefined;
  if (checksum([...expand(prefix), ...words]) !== 1) return undefined;
  return { prefix, bytes: regroup(words.slice(0, -6), 5, 8, false) };
}

function expand(prefix) {
  const codes = [...prefix].map((letter) => letter.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function checksum(words) {
  let sum = 1;
  for (const word of words) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    GENERATOR.forEach((value, bit) => {
      if ((top >>> bit) & 1) sum ^= value;
    });
  }
  return sum;
}

function regroup(values, from, to, padded) {
  const out = [];
  let rest = 0;
  let bits = 0;
  for (const value of values) {
    rest = ((rest << from) | value) & 0xfff;
    bits += from;
    while (bits >= to) {
      bits -= to;
      out.push((rest >>> bits) & ((1 << to) - 1));
    }
  }
  if (padded && bits > 0) out.push((rest << (to - bits)) & ((1 << to) - 1));
  return out;
}
