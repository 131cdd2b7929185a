// A remote signer (NIP-46) whose answers a test decides, over real relays and with nostr-tools' cryptography.
import { once } from 'node:events';
import { after } from 'node:test';
import { nip44 } from 'nostr-tools';
import { finalizeEvent, getPublicKey } from 'nostr-tools/pure';
import WebSocket from 'ws';
import { within } from './harness.mjs';

const sockets = new Set();
after(() => sockets.forEach((socket) => socket.close()));

/**
 * Listens on `relays` for requests to the key `secretKey`.
 *
 * @param {string[]} relays
 * @param {Uint8Array} secretKey
 * @param {(request: { id: string, method: string, params: string[], relay: string }, reply: Reply) => void} answer
 *   is called for each; `reply(result, { error, by })` sends a response, by another key if one is given.
 */
export async function startScriptedBunker(relays, secretKey, answer) {
  for (const relay of relays) {
    const socket = new WebSocket(relay);
    sockets.add(socket);
    await within(once(socket, 'open'), `a socket to ${relay}`);
    const send = (...message) => socket.send(JSON.stringify(message));
    const ready = new Promise((resolve) => {
      socket.on('message', (text) => {
        const [label, , event] = JSON.parse(text);
        if (label === 'EOSE') resolve();
        if (label !== 'EVENT') return;
        const request = JSON.parse(nip44.decrypt(event.content, nip44.getConversationKey(secretKey, event.pubkey)));
        const reply = (result, { error, by = secretKey } = {}) => {
          const content = nip44.encrypt(JSON.stringify({ id: request.id, result, error }), nip44.getConversationKey(by, event.pubkey));
          const created_at = Math.floor(Date.now() / 1000);
          send('EVENT', finalizeEvent({ kind: 24133, content, tags: [['p', event.pubkey]], created_at }, by));
        };
        answer({ ...request, relay }, reply);
      });
    });
    send('REQ', 'requests', { kinds: [24133], '#p': [getPublicKey(secretKey)], limit: 0 });
    await within(ready, `the EOSE of ${relay}`);
  }
}
