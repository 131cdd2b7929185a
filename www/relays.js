// The relays: their live state, why it is so, and what they sent. More can be added by hand.
import { bytes, count, h, hostOf, sentence } from './dom.js';

const KEPT = 'ferry-added-relays';
const LIGHTS = {
  open: 'good',
  connecting: 'waiting',
  authenticating: 'waiting',
  closed: 'off',
  shed: 'waiting',
  failed: 'bad',
};
const WORDS = {
  open: 'open',
  connecting: 'connecting',
  authenticating: 'signing in',
  closed: 'closed while unused',
  shed: 'paused: it sends faster than we read',
  failed: 'not reached',
};
// What a good relay keeps at nothing; shown only when it did not.
const FAULTS = {
  malformed: 'unreadable',
  unknownSub: 'for no subscription',
  forged: 'forged',
  unmatched: 'not asked for',
};

/** The relays this page asks: the demo's own, and those added by hand, which this browser remembers. */
export class RelayList {
  #relays;
  #own;
  #changed;

  constructor(relays, changed) {
    this.#relays = relays;
    this.#own = relays.defaults;
    this.#changed = changed;
    for (const url of read()) {
      try {
        relays.add(url);
      } catch {
        // Whoever wrote that, it was not this page: it goes with the next change.
      }
    }
  }

  get urls() {
    return this.#relays.defaults;
  }

  isAdded(url) {
    return !this.#own.includes(url);
  }

  /** `text`: a relay's address; one without a scheme is taken for `wss://`. Throws, in words, if it is none. */
  add(text) {
    this.#relays.add(/^[a-z]+:\/\//i.test(text) ? text : `wss://${text}`);
    this.#keep();
  }

  remove(url) {
    this.#relays.remove(url);
    this.#keep();
  }

  #keep() {
    localStorage.setItem(KEPT, JSON.stringify(this.urls.filter((url) => this.isAdded(url))));
    this.#changed();
  }
}

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? '[]');
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

/** The panel; `summary` is kept at "1 of 2 relays open". */
export function relayPanel(app, summary) {
  const list = h('ul', { class: 'relays' });
  const answer = h('p', { class: 'answer', role: 'status' });
  const input = h('input', {
    name: 'url',
    required: true,
    placeholder: 'wss://relay.example.com',
    autocomplete: 'url',
    spellcheck: 'false',
  });
  const onsubmit = (event) => {
    event.preventDefault();
    try {
      app.relays.add(input.value.trim());
      answer.textContent = '';
      event.target.reset();
    } catch (error) {
      answer.textContent = sentence(error.message);
    }
  };
  const draw = () => {
    const known = new Map(app.nostr.relays.list().map((status) => [status.relay, status]));
    // Besides those of the list, the engine speaks to relays that people name as theirs (NIP-65).
    const others = [...known.values()].filter(({ state }) => state !== 'failed' && state !== 'closed');
    const urls = new Set([...app.relays.urls, ...others.map(({ relay }) => relay)]);
    list.replaceChildren(...[...urls].map((url) => relayLine(app, url, known.get(url))));
    const open = others.filter(({ state }) => state === 'open').length;
    summary.replaceChildren(
      h('span', { class: `light ${open > 0 ? 'good' : 'bad'}`, 'aria-hidden': 'true' }),
      `${open} of ${urls.size} ${urls.size === 1 ? 'relay' : 'relays'} open`,
    );
  };
  let due;
  const drawSoon = () => {
    due ??= setTimeout(() => {
      due = undefined;
      draw();
    }, 200);
  };
  app.nostr.relays.on('status', drawSoon);
  app.nostr.relays.on('notice', ({ relay, message }) => app.say(`${hostOf(relay)} says: ${message}`));
  app.events.addEventListener('relays', draw);
  draw();
  return h(
    'div',
    {},
    list,
    h(
      'form',
      { class: 'inline', onsubmit },
      h('label', {}, h('span', { class: 'unseen' }, 'Address of another relay'), input),
      h('button', { class: 'plain' }, 'Add'),
    ),
    answer,
  );
}

function relayLine(app, url, status) {
  const state = status?.state ?? 'closed';
  const faults = Object.entries(FAULTS).filter(([name]) => status?.[name] > 0);
  const figures = [
    status && `${count(status.events)} events`,
    status && bytes(status.bytes),
    status?.connects > 1 && `connected ${count(status.connects)} times`,
    ...faults.map(([name, word]) => `${count(status[name])} ${word}`),
  ].filter(Boolean);
  return h(
    'li',
    {},
    h('span', { class: `light ${LIGHTS[state]}`, 'aria-hidden': 'true' }),
    h(
      'div',
      {},
      h('b', {}, hostOf(url)),
      h('span', { class: 'state' }, status ? WORDS[state] : 'not used yet'),
      status?.reason && h('p', { class: 'quiet' }, status.reason),
      h('p', { class: 'figures' }, figures.join(' · ')),
    ),
    app.relays.isAdded(url) &&
      h(
        'button',
        {
          type: 'button',
          class: 'plain small',
          'aria-label': `Remove ${hostOf(url)}`,
          onclick: () => app.relays.remove(url),
        },
        'Remove',
      ),
  );
}
