// The engine at work: its own counters, sampled once a second while somebody looks.
import { bytes, count, h, sentence, svg } from './dom.js';
import { CHANNELS, Diagram } from './diagram.js';

const SAMPLE_MS = 1_000;
/** What the small curves remember. */
const HISTORY = 60;
/** What one run asks for: the most that relays commonly answer at once, a filter each. */
const RUN = [0, 1, 6, 7, 30_023].map((kind) => ({ kinds: [kind], limit: 500 }));

export function inspector(app) {
  const diagram = new Diagram();
  const dials = {
    verified: new Dial('Signatures checked', { curve: true }),
    delivered: new Dial('Events for the page', { curve: true }),
    cached: new Dial('Events in the store'),
    lost: new Dial('Dropped'),
  };
  const rows = CHANNELS.map((channel) => new Row(channel));
  const element = h(
    'div',
    { class: 'inspector' },
    diagram.element,
    h('dl', { class: 'dials' }, ...Object.values(dials).map((dial) => dial.element)),
    runner(app),
    h('div', { class: 'table' }, table(rows)),
    h(
      'p',
      { class: 'quiet' },
      crossOriginIsolated
        ? 'Events reach this page through shared-memory rings.'
        : 'Events reach this page through message ports: it is not isolated.',
    ),
    replacements(app.nostr),
  );
  let before;
  const show = (now) => {
    if (before) {
      const rates = ratesOf(before, now);
      diagram.show(now.stats, rates);
      for (const row of rows) row.show(now.stats, rates);
      dials.verified.showRate(Math.round(rates.verified));
      dials.delivered.showRate(Math.round(rates.delivered));
    }
    const { events = 0, bytes: size = 0 } = now.stats.cache.counters;
    dials.cached.show(events, bytes(size));
    dials.lost.show(app.lost + unreadable(now.stats), 'events, records');
    before = now;
  };
  whileVisible(element, async () => {
    const stats = await app.nostr.stats();
    show({ at: performance.now(), stats });
  });
  return element;
}

/** Says which workers died and were replaced. */
function replacements(nostr) {
  const said = h('p', { class: 'quiet replaced', role: 'status' }, 'No worker has had to be replaced.');
  let times = 0;
  nostr.on('restart', ({ role, reason }) => {
    times += 1;
    said.textContent = `${count(times)} ${times === 1 ? 'worker' : 'workers'} replaced, the last of them ${role}: ${reason}.`;
  });
  return said;
}

/** Calls `sample` about once a second while `element` can be seen, never twice at once. */
function whileVisible(element, sample) {
  let onScreen = false;
  let timer;
  const next = async () => {
    timer = undefined;
    if (!onScreen || document.hidden) return;
    try {
      await sample();
    } catch {
      return; // The engine has stopped; the page says so elsewhere.
    }
    timer = setTimeout(next, SAMPLE_MS);
  };
  const wake = () => {
    timer ??= setTimeout(next, 0);
  };
  document.addEventListener('visibilitychange', wake);
  new IntersectionObserver(([entry]) => {
    onScreen = entry.isIntersecting;
    wake();
  }).observe(element);
}

const portOf = (stats, role, name) => stats[role]?.ports.find((port) => port.name === name);

/** Per second, between two samples: both directions of each channel, and the dials. */
function ratesOf(before, now) {
  const seconds = (now.at - before.at) / 1000;
  // A role that was started anew counts from nothing.
  const rate = (read) => Math.max(0, (read(now.stats) - read(before.stats)) / seconds);
  const channels = {};
  for (const { name, from } of CHANNELS) {
    const port = (field) => (stats) => portOf(stats, from, name)?.[field] ?? 0;
    channels[name] = { there: rate(port('sentRecords')), back: rate(port('receivedRecords')) };
  }
  return {
    channels,
    verified: rate((stats) => stats.crypto.counters.claims ?? 0),
    delivered: rate((stats) => stats.parser.counters.delivered ?? 0),
    received: rate((stats) => stats.connections.counters.events ?? 0),
    bytes: rate((stats) => stats.connections.counters.bytes ?? 0),
  };
}

/** Records that a role could not read. */
function unreadable(stats) {
  return Object.values(stats)
    .flatMap(({ ports }) => ports)
    .reduce((sum, port) => sum + port.malformed, 0);
}

/** One figure; a rate comes with its peak and the curve of its last minute. */
class Dial {
  #value = h('b', {}, '–');
  #under = h('span', { class: 'under' });
  #line = svg('polyline');
  #curve = svg(
    'svg',
    { viewBox: `0 0 ${HISTORY} 20`, preserveAspectRatio: 'none', class: 'curve', 'aria-hidden': 'true' },
    this.#line,
  );
  #history = Array(HISTORY).fill(0);
  #peak = 0;
  element;

  /** @param {{ curve?: boolean }} options `curve`: it shows rates, and has room for their curve from the start */
  constructor(title, { curve = false } = {}) {
    if (curve) this.#under.textContent = 'peak –';
    this.element = h('div', {}, h('dt', {}, title), h('dd', {}, this.#value, this.#under, curve && this.#curve));
  }

  show(value, under) {
    this.#value.textContent = count(value);
    this.#under.textContent = under;
  }

  showRate(rate) {
    this.#peak = Math.max(this.#peak, rate);
    this.#history = [...this.#history.slice(1), rate];
    this.#value.textContent = `${count(rate)}/s`;
    this.#under.textContent = `peak ${count(this.#peak)}/s`;
    const top = Math.max(1, ...this.#history);
    this.#line.setAttribute('points', this.#history.map((past, at) => `${at},${19 - (past / top) * 18}`).join(' '));
  }
}

/** One channel's line in the table. */
class Row {
  #channel;
  #cells = Array.from({ length: 5 }, () => h('td', {}, '–'));
  element;

  constructor(channel) {
    this.#channel = channel;
    this.element = h(
      'tr',
      {},
      h('th', { scope: 'row' }, `${channel.from} `, h('span', { 'aria-hidden': 'true' }, '⇄'), ` ${channel.to}`),
      ...this.#cells,
    );
  }

  show(stats, rates) {
    const { name, from, to } = this.#channel;
    const ports = [portOf(stats, from, name), portOf(stats, to, name)].filter(Boolean);
    const { there, back } = rates.channels[name];
    const sum = (field) => ports.reduce((total, port) => total + port[field], 0);
    const texts = [
      count(Math.round(there)),
      count(Math.round(back)),
      count(sum('queueDepth')),
      bytes(Math.min(...ports.map((port) => port.creditBytes))),
      count(sum('stalls')),
    ];
    texts.forEach((text, at) => (this.#cells[at].textContent = text));
  }
}

function table(rows) {
  const heads = [
    ['Channel', 'Who speaks with whom'],
    ['⇢ /s', 'Records a second from the first to the second'],
    ['⇠ /s', 'Records a second from the second to the first'],
    ['Queue', 'Records that arrived and wait to be taken'],
    ['Credit', 'Bytes that may still be sent, in the tighter direction'],
    ['Stalls', 'How often a record waited for credit'],
  ];
  return h(
    'table',
    {},
    h('caption', { class: 'unseen' }, 'The channels between the workers'),
    h('thead', {}, h('tr', {}, ...heads.map(([text, title]) => h('th', { scope: 'col', title }, text)))),
    h('tbody', {}, ...rows.map((row) => row.element)),
  );
}

/** Gives the engine something to do: everything the relays have, past the store. */
function runner(app) {
  const answer = h(
    'p',
    { class: 'answer', role: 'status' },
    'Asks the relays for all they have, as if nothing were stored.',
  );
  const button = h('button', { type: 'button', class: 'plain', onclick: run }, 'Full crossing');
  async function run() {
    button.disabled = true;
    answer.textContent = 'Under way…';
    const begin = performance.now();
    let events = 0;
    try {
      await app.read(RUN, { noCache: true, timeoutMs: 20_000 }, () => (events += 1));
      answer.textContent = `${count(events)} events in ${((performance.now() - begin) / 1000).toFixed(2)} s.`;
    } catch (error) {
      answer.textContent = sentence(error.message);
    }
    button.disabled = false;
  }
  return h('div', { class: 'run' }, button, answer);
}
