// Events in any number, for engines told not to verify, and a relay that streams them.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { after } from 'node:test';
import { WebSocketServer } from 'ws';

/** Numbers from a seed (mulberry32): `random()` is in [0, 1). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const hex = (text) => createHash('sha256').update(text).digest('hex');
const people = (count) => Array.from({ length: count }, (_, at) => hex(`author ${at}`));
const WORDS = 'relay event filter note key sign store query open light paper river stone cloud night early'.split(' ');

/**
 * Events with right ids and made-up signatures, the same for the same options: notes, reactions and
 * articles that refer to each other by `e`, `p` and `t` tags, some 500 bytes each.
 *
 * @param {{ count: number, seed?: number, authors?: number, pubkeys?: string[], first?: number, step?: number, kinds?: number[], change?: (event: object, earlier: object[]) => void }} options
 *   `first` is the `created_at` of the first event, `step` how many seconds each later one is younger; `change` may
 *   make another event of each before it gets its id
 * @returns {object[]} oldest first
 */
export function synthetic({ count, seed = 1, authors = 200, pubkeys = people(authors), first = 1_700_000_000, step = 1, kinds = [1, 1, 1, 7], change = () => {} }) {
  const random = seeded(seed);
  const below = (bound) => Math.floor(random() * bound);
  const events = [];
  for (let at = 0; at < count; at++) {
    const tags = [['t', WORDS[below(WORDS.length)]]];
    if (at > 0 && random() < 0.5) {
      const target = events[Math.max(0, at - 1 - below(400))];
      tags.push(['e', target.id], ['p', target.pubkey]);
    }
    const content = Array.from({ length: 5 + below(30) }, () => WORDS[below(WORDS.length)]).join(' ');
    const event = { pubkey: pubkeys[below(pubkeys.length)], created_at: first + Math.floor(at * step), kind: kinds[below(kinds.length)], tags, content };
    change(event, events);
    const id = hex(JSON.stringify([0, event.pubkey, event.created_at, event.kind, event.tags, content]));
    events.push({ id, ...event, sig: id + id });
  }
  return events;
}

/**
 * Lets a server answer each REQ by streaming `events()` in order, those of its filters' times, no faster than the
 * socket takes them, then EOSE.
 *
 * @param {WebSocketServer} server
 * @param {() => object[]} events asked at each REQ
 * @param {{ newestFirst?: boolean }} options `newestFirst`: the last of `events()` comes first, as NIP-01 has relays send them
 */
export function stream(server, events, { newestFirst = false } = {}) {
  server.on('connection', (socket) => {
    const closed = new Set();
    socket.on('message', async (data) => {
      const [label, sub, ...filters] = JSON.parse(String(data));
      if (label === 'CLOSE') closed.add(sub);
      if (label !== 'REQ') return;
      closed.delete(sub);
      const head = `["EVENT",${JSON.stringify(sub)},`;
      const isWanted = ({ created_at }) => filters.some(({ since = 0, until = Infinity }) => created_at >= since && created_at <= until);
      const wanted = events().filter(isWanted);
      for (const event of newestFirst ? wanted.reverse() : wanted) {
        if (closed.has(sub) || socket.readyState !== socket.OPEN) return;
        socket.send(`${head}${JSON.stringify(event)}]`);
        while (socket.bufferedAmount > 1 << 20) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      socket.send(JSON.stringify(['EOSE', sub]));
    });
  });
}

/**
 * A relay that streams; it ends with the test file.
 *
 * @param {() => object[]} events as `stream` takes them
 * @param {{ newestFirst?: boolean }} [options] as `stream` takes them
 * @returns {Promise<{ url: string }>}
 */
export async function startStream(events, options) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  stream(server, events, options);
  return { url: `ws://127.0.0.1:${server.address().port}` };
}
