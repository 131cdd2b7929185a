// npm @noble/curves: all in JavaScript.
import { schnorr } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

export function open() {
  return {
    one: (text) => {
      const { id, pubkey, created_at, kind, tags, content, sig } = JSON.parse(text);
      const hash = sha256(utf8ToBytes(JSON.stringify([0, pubkey, created_at, kind, tags, content])));
      return bytesToHex(hash) === id && schnorr.verify(hexToBytes(sig), hash, hexToBytes(pubkey));
    },
  };
}
