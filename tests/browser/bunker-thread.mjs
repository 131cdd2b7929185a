// The thread of ./bunker.mjs: NDK keeps its process busy for as long as it lives.
import { parentPort, workerData } from 'node:worker_threads';
import NDK, { NDKNip46Backend, NDKPrivateKeySigner } from '@nostr-dev-kit/ndk';
import WebSocket from 'ws';

globalThis.WebSocket ??= WebSocket;
const { relay, secretKey, secret, refuse } = workerData;

class Backend extends NDKNip46Backend {
  async applyToken(_client, given) {
    if (given !== secret) throw new Error('wrong secret');
  }
}

const ndk = new NDK({ explicitRelayUrls: [relay], enableOutboxModel: false });
await ndk.connect(2_000);
const signer = new NDKPrivateKeySigner(secretKey);
const backend = new Backend(ndk, signer, async ({ method }) => !refuse.includes(method), [relay]);
await backend.start();
// It does not say when its subscription stands. A later one on the same socket is answered after it.
const { pubkey } = await signer.user();
await new Promise((resolve) => ndk.subscribe({ kinds: [24133], '#p': [pubkey], limit: 1 }, { groupable: false, onEose: resolve }));

parentPort.on('message', async (nostrconnect) => {
  const url = new URL(nostrconnect);
  await backend.rpc.sendResponse('taken', url.host, url.searchParams.get('secret'));
});
parentPort.postMessage('ready');
