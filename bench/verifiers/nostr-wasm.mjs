// npm nostr-wasm: libsecp256k1 as it comes, hash and check in its own .wasm.
import { initNostrWasm } from 'nostr-wasm';

export async function open() {
  const nostr = await initNostrWasm();
  return {
    one: (text) => {
      try {
        nostr.verifyEvent(JSON.parse(text));
        return true;
      } catch {
        return false;
      }
    },
  };
}
