// A third party's remote signer (NIP-46): NDK's, over a real relay, in a thread of its own.
import { once } from 'node:events';
import { after } from 'node:test';
import { Worker } from 'node:worker_threads';
import { getPublicKey } from 'nostr-tools/pure';
import { hexToBytes } from 'nostr-tools/utils';
import { within } from './harness.mjs';

const running = new Set();
after(() => Promise.all([...running].map((worker) => worker.terminate())));

/**
 * Starts a remote signer for the key `secretKey` (hex); it takes one secret and grants everything but the methods of `refuse`.
 *
 * @param {string} relay its address
 * @param {{ secretKey: string, secret?: string, refuse?: string[] }} options
 * @returns {Promise<{ url: string, stop: () => Promise<void>, take: (nostrconnect: string) => void }>}
 *   `take` answers a `nostrconnect://` URL; `stop` ends the signer.
 */
export async function startBunker(relay, { secretKey, secret = 's3cret', refuse = [] }) {
  const worker = new Worker(new URL('./bunker-thread.mjs', import.meta.url), { workerData: { relay, secretKey, secret, refuse } });
  running.add(worker);
  await within(once(worker, 'message'), `a remote signer to listen at ${relay}`);
  const pubkey = getPublicKey(hexToBytes(secretKey));
  return {
    url: `bunker://${pubkey}?relay=${encodeURIComponent(relay)}&secret=${secret}`,
    stop: async () => {
      running.delete(worker);
      await worker.terminate();
    },
    take: (nostrconnect) => worker.postMessage(nostrconnect),
  };
}
