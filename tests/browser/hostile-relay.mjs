// A relay that lies: it answers every REQ with the same given texts, whatever was asked.
import { once } from 'node:events';
import { after } from 'node:test';
import { WebSocketServer } from 'ws';

/**
 * @param {object[]} events sent as they are in answer to each REQ, then EOSE
 * @returns {Promise<{ url: string }>}
 */
export async function startHostileRelay(events) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const [label, sub] = JSON.parse(String(data));
      if (label !== 'REQ') return;
      for (const event of events) socket.send(JSON.stringify(['EVENT', sub, event]));
      socket.send(JSON.stringify(['EOSE', sub]));
    });
  });
  return { url: `ws://127.0.0.1:${server.address().port}` };
}
