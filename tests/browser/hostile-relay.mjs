// Relays of the tests' own: one whose every answer is scripted, one that holds events and answers truly, and
// a wire to a relay that can be cut.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { after } from 'node:test';
import { matchFilter } from 'nostr-tools/filter';
import { WebSocketServer } from 'ws';

/**
 * One connection to a relay.
 *
 * @typedef {object} Peer
 * @property {import('ws').WebSocket} socket
 * @property {import('node:net').Socket} wire what carries it, for frames that `socket` would not send
 * @property {Map<string, object[]>} subs its subscriptions' filters, if the script keeps them
 * @property {(...message: unknown[]) => void} say sends one message, as JSON
 */

/**
 * A relay that does as it is told.
 *
 * @param {object[] | { [label: string]: (peer: Peer, ...members: any[]) => void }} script what it does on a client's
 *   message of this label, and on `connect`; or the events it answers every REQ with, whatever was asked
 * @param {{ limits?: object }} [options] `limits`: the `limitation` of its NIP-11 document
 * @returns {Promise<{ url: string, received: any[][], connections: () => number, peers: Set<Peer>, stop: () => void }>}
 *   `received` grows
 */
export async function startHostileRelay(script, { limits } = {}) {
  const behaviour = Array.isArray(script) ? answering(script) : script;
  const received = [];
  const peers = new Set();
  let connections = 0;
  const http = createServer((_, response) => {
    response.setHeader('access-control-allow-origin', '*');
    if (!limits) return void response.writeHead(404).end();
    response.setHeader('content-type', 'application/nostr+json');
    response.end(JSON.stringify({ limitation: limits }));
  });
  const server = new WebSocketServer({ server: http, maxPayload: 16 << 20 });
  server.on('connection', (socket, { socket: wire }) => {
    connections += 1;
    const peer = { socket, wire, subs: new Map(), say: (...message) => socket.send(JSON.stringify(message)) };
    peers.add(peer);
    socket.on('close', () => peers.delete(peer));
    // A peer that is cut off in the middle of a frame is an error to `ws`.
    socket.on('error', () => {});
    socket.on('message', (data) => {
      const [label, ...members] = JSON.parse(String(data));
      received.push([label, ...members]);
      behaviour[label]?.(peer, ...members);
    });
    behaviour.connect?.(peer);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const stop = () => {
    for (const client of server.clients) client.terminate();
    server.close();
    http.close();
  };
  after(stop);
  return { url: `ws://127.0.0.1:${http.address().port}`, received, connections: () => connections, peers, stop };
}

/** Answers every REQ with the same events. */
function answering(events) {
  return {
    REQ: ({ say }, sub) => {
      for (const event of events) say('EVENT', sub, event);
      say('EOSE', sub);
    },
  };
}

/**
 * A relay that holds events and answers as NIP-01 has it: newest first, ties by lowest id.
 *
 * @param {object[]} events what it holds at the start
 * @param {{ maxLimit?: number }} [options] `maxLimit`: most events a filter is answered with, as its
 *   NIP-11 document says
 * @returns what `startHostileRelay` returns, and `publish`, which takes an event as from another client
 */
export async function startHonestRelay(events, { maxLimit = Infinity } = {}) {
  const before = (a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1);
  const stored = events.toSorted(before);
  const find = (filter) => stored.filter((event) => matchFilter(filter, event)).slice(0, Math.min(filter.limit ?? Infinity, maxLimit));
  const script = {
    REQ: (peer, sub, ...filters) => {
      peer.subs.set(sub, filters);
      const found = filters.length === 1 ? find(filters[0]) : [...new Set(filters.flatMap(find))].sort(before);
      for (const event of found) peer.say('EVENT', sub, event);
      peer.say('EOSE', sub);
    },
    CLOSE: (peer, sub) => peer.subs.delete(sub),
    EVENT: ({ say }, event) => {
      publish(event);
      say('OK', event.id, true, '');
    },
  };
  const publish = (event) => {
    const at = stored.findIndex((other) => before(event, other) < 0);
    stored.splice(at < 0 ? stored.length : at, 0, event);
    for (const { subs, say } of relay.peers) {
      for (const [sub, filters] of subs) {
        if (filters.some((filter) => matchFilter(filter, event))) say('EVENT', sub, event);
      }
    }
  };
  const relay = await startHostileRelay(script, maxLimit < Infinity ? { limits: { max_limit: maxLimit } } : {});
  return { ...relay, publish };
}

/**
 * A wire to a relay on this machine that cuts itself.
 *
 * @param {string} url the relay's address
 * @param {(connection: number) => number} bytesUntilCut how much of the relay's each connection carries; the first is 1.
 *   Connections that never become a WebSocket are not counted.
 * @returns {Promise<{ url: string, cuts: () => number }>}
 */
export async function startCuttingWire(url, bytesUntilCut) {
  const { hostname, port } = new URL(url);
  let connections = 0;
  let cuts = 0;
  const open = new Set();
  const server = createTcpServer((client) => {
    const relay = connect(Number(port), hostname);
    const cut = () => {
      client.destroy();
      relay.destroy();
      open.delete(cut);
    };
    open.add(cut);
    let left = Infinity;
    client.once('data', (head) => {
      if (head.includes('Upgrade: websocket')) left = bytesUntilCut(++connections);
    });
    client.pipe(relay);
    relay.on('data', (bytes) => {
      const fits = bytes.length <= left;
      client.write(fits ? bytes : bytes.subarray(0, left), () => fits || cut());
      if (!fits) {
        cuts += 1;
        left = 0;
        relay.removeAllListeners('data');
        relay.destroy();
      } else left -= bytes.length;
    });
    for (const end of [client, relay]) {
      end.on('error', cut);
      end.on('close', () => left === 0 || cut());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    for (const cut of open) cut();
    server.close();
  });
  return { url: `ws://127.0.0.1:${server.address().port}`, cuts: () => cuts };
}
