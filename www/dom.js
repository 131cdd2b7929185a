// Building DOM from values. Text only ever becomes text nodes: nothing in this folder can parse markup.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An HTML element.
 *
 * @param {string} name
 * @param {Record<string, unknown>} props attributes; `on…` functions are listeners, `false` and `undefined` are left out
 * @param {...(Node | string | undefined | false)} children
 */
export function h(name, props = {}, ...children) {
  return fill(document.createElement(name), props, children);
}

/** An SVG element; as `h`. */
export function svg(name, props = {}, ...children) {
  return fill(document.createElementNS(SVG, name), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** An error's words as a sentence. */
export function sentence(words) {
  const [first = '', ...rest] = words;
  return `${first.toUpperCase()}${rest.join('')}${/[.!?]$/.test(words) ? '' : '.'}`;
}

const ICONS = {
  reply: 'M3 4h14v9H9l-4 4v-4H3z',
  like: 'M10 17 3.5 10.4a4 4 0 0 1 5.7-5.6l.8.8.8-.8a4 4 0 0 1 5.7 5.6z',
  repost: 'M4 9V6h10M11 3l3 3-3 3M16 11v3H6m3 3-3-3 3-3',
  back: 'M11 4 5 10l6 6M5 10h12',
};

/** One of the page's own pictograms, for the eye only. */
export function icon(name) {
  return svg('svg', { viewBox: '0 0 20 20', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

const PERIODS = [
  [60, 1, 'now'],
  [3_600, 60, 'min'],
  [86_400, 3_600, 'h'],
  [7 * 86_400, 86_400, 'd'],
];
const DATE = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });
const FULL = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'short' });
const DAY = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long' });

/** `seconds` of Unix time as "now", "4 min", "3 h", "2 d" or a date. */
export function ago(seconds) {
  const age = Date.now() / 1000 - seconds;
  for (const [below, unit, word] of PERIODS) {
    if (age < below) return unit === 1 ? word : `${Math.floor(age / unit)} ${word}`;
  }
  return DATE.format(seconds * 1000);
}

/** A `<time>` that stays true while it is in the document. */
export function timeOf(seconds) {
  const date = new Date(seconds * 1000);
  return h('time', { datetime: date.toISOString(), title: FULL.format(date), 'data-at': seconds }, ago(seconds));
}

setInterval(() => {
  for (const time of document.querySelectorAll('time[data-at]')) {
    const text = ago(Number(time.dataset.at));
    if (time.textContent !== text) time.textContent = text;
  }
}, 20_000);

/** The day of `seconds` as a heading: "Today", "Yesterday", "Friday, 21 November". */
export function dayOf(seconds) {
  const midnight = new Date().setHours(0, 0, 0, 0) / 1000;
  if (seconds >= midnight) return 'Today';
  if (seconds >= midnight - 86_400) return 'Yesterday';
  return DAY.format(seconds * 1000);
}

/** `12345` as "12,345". */
export function count(number) {
  return number.toLocaleString('en');
}

/** Bytes as "820 B", "14 kB", "3.1 MB". */
export function bytes(number) {
  if (number < 1_000) return `${number} B`;
  return number < 1_000_000 ? `${Math.round(number / 1_000)} kB` : `${(number / 1_000_000).toFixed(1)} MB`;
}

/** A relay's address without what all of them share. */
export function hostOf(relay) {
  return relay.replace(/^wss?:\/\//, '').replace(/\/$/, '');
}

/** Calls `load` once for all keys that were asked for within `wait` milliseconds. */
export function batch(load, wait = 30) {
  let keys = new Set();
  return (key) => {
    if (keys.size === 0) {
      setTimeout(() => {
        const asked = [...keys];
        keys = new Set();
        load(asked);
      }, wait);
    }
    keys.add(key);
  };
}
