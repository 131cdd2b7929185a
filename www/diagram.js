// The four workers and their channels as a chart of crossings.
import { bytes, count, svg } from './dom.js';

/** The six channels, in the order of an event's way; `mid` is where the label stands. */
export const CHANNELS = [
  { name: 'connToParser', from: 'connections', to: 'parser' },
  { name: 'parserToCrypto', from: 'parser', to: 'crypto' },
  { name: 'parserToCache', from: 'parser', to: 'cache' },
  { name: 'cacheToConn', from: 'cache', to: 'connections' },
  { name: 'cryptoToConn', from: 'crypto', to: 'connections' },
  { name: 'cryptoToMain', from: 'crypto', to: 'page' },
];

const WIDTH = 480;
const HEIGHT = 308;
const PIER = { width: 122, height: 50 };
const PLACES = {
  connections: [62, 154],
  cache: [240, 26],
  parser: [418, 154],
  crypto: [240, 282],
  relays: [62, 282],
  page: [418, 282],
};
/** Where the engine ends. */
const OUTSIDE = { relays: 'relays', page: 'this page' };
/** Half the water between the two lanes of a channel. */
const APART = 4;

export class Diagram {
  #lanes = {};
  #labels = {};
  #figures = {};
  element;

  constructor() {
    const channels = CHANNELS.map((channel) => this.#channel(channel));
    this.#lanes.arrival = this.#lane('relays', 'connections', 0);
    this.#lanes.delivery = this.#lane('parser', 'page', 0);
    this.element = svg(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        class: 'diagram',
        role: 'img',
        'aria-label':
          'The four workers, this page, and the channels between them. The table below has the same figures.',
      },
      svg('g', { class: 'outside' }, this.#lanes.arrival, this.#lanes.delivery),
      ...channels,
      ...Object.keys(PLACES).map((role) => this.#pier(role)),
    );
  }

  /** Shows one sample. */
  show(stats, rates) {
    for (const { name } of CHANNELS) {
      const { there, back } = rates.channels[name];
      flow(this.#lanes[name].there, there);
      flow(this.#lanes[name].back, back);
      this.#labels[name].show(there + back);
    }
    flow(this.#lanes.arrival, rates.received);
    flow(this.#lanes.delivery, rates.delivered);
    const { cache, parser } = stats;
    const { subscriptions = 0 } = parser.counters;
    this.#figures.connections.textContent = `${count(Math.round(rates.received))} events/s`;
    this.#figures.relays.textContent = `${bytes(Math.round(rates.bytes))}/s`;
    this.#figures.cache.textContent = `${count(cache.counters.events ?? 0)} events`;
    this.#figures.parser.textContent = subscriptions === 1 ? '1 subscription' : `${count(subscriptions)} subscriptions`;
    this.#figures.crypto.textContent = `${count(Math.round(rates.verified))} checks/s`;
    this.#figures.page.textContent = `${count(Math.round(rates.delivered))} events/s`;
  }

  #channel({ name, from, to }) {
    this.#lanes[name] = { there: this.#lane(from, to, APART), back: this.#lane(to, from, APART) };
    this.#labels[name] = new Label(...between(from, to));
    return svg('g', {}, this.#lanes[name].there, this.#lanes[name].back, this.#labels[name].element);
  }

  /** One direction: to the right of the way, as ships keep. */
  #lane(from, to, apart) {
    const [[x1, y1], [x2, y2]] = [PLACES[from], PLACES[to]];
    const length = Math.hypot(x2 - x1, y2 - y1);
    const [dx, dy] = [(-(y2 - y1) / length) * apart, ((x2 - x1) / length) * apart];
    return svg('line', { x1: x1 + dx, y1: y1 + dy, x2: x2 + dx, y2: y2 + dy, class: 'lane' });
  }

  #pier(role) {
    const [x, y] = PLACES[role];
    const figure = svg('text', { x, y: y + 14, class: 'figure' }, '–');
    this.#figures[role] = figure;
    return svg(
      'g',
      { class: OUTSIDE[role] ? 'pier outside' : 'pier' },
      svg('rect', { x: x - PIER.width / 2, y: y - PIER.height / 2, width: PIER.width, height: PIER.height }),
      svg('text', { x, y: y - 4, class: 'role' }, OUTSIDE[role] ?? role),
      figure,
    );
  }
}

/** A channel's records per second, both ways together. */
class Label {
  #x;
  #text;
  #ground;
  element;

  constructor(x, y) {
    this.#x = x;
    this.#text = svg('text', { x, y, dy: '0.34em' });
    this.#ground = svg('rect', { y: y - 9, height: 18 });
    this.element = svg('g', { class: 'label' }, this.#ground, this.#text);
    this.show(0);
  }

  show(rate) {
    const text = `${count(Math.round(rate))}/s`;
    const width = 10 + text.length * 8;
    this.#text.textContent = text;
    this.#ground.setAttribute('x', this.#x - width / 2);
    this.#ground.setAttribute('width', width);
    this.element.classList.toggle('idle', rate < 1);
  }
}

/** The middle of the water between two piers. */
function between(from, to) {
  const edge = (a, b) => {
    const [x, y] = [PLACES[b][0] - PLACES[a][0], PLACES[b][1] - PLACES[a][1]];
    const scale = Math.min(PIER.width / 2 / Math.abs(x || 1e-9), PIER.height / 2 / Math.abs(y || 1e-9));
    return [PLACES[a][0] + x * scale, PLACES[a][1] + y * scale];
  };
  const [a, b] = [edge(from, to), edge(to, from)];
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

/** The busier, the broader and the faster. */
function flow(lane, rate) {
  const busy = rate >= 1;
  lane.classList.toggle('busy', busy);
  const weight = busy ? Math.min(1, Math.log10(1 + rate) / 4) : 0;
  lane.style.setProperty('--weight', weight.toFixed(2));
}
