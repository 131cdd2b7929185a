// Single notes by id, and what people made of them: replies, likes and reposts, counted live.
import { batch } from './dom.js';

/** Relays have limits, on the ids in a filter and on the subscriptions of a page. */
const WATCHED_IDS = 60;
const WATCHING = 5;

/** The first value of each tag called `name`. */
export function tagValues(event, name) {
  return event.tags.filter((tag) => tag[0] === name && tag[1]).map((tag) => tag[1]);
}

/**
 * What a reply answers (NIP-10), with the older unmarked form.
 *
 * @returns {{ root: string, parent: string } | undefined} ids; undefined if the note opens a thread
 */
export function placeOf(event) {
  const tags = event.tags.filter((tag) => tag[0] === 'e' && tag[1] && tag[3] !== 'mention');
  if (tags.length === 0) return undefined;
  const marked = (marker) => tags.find((tag) => tag[3] === marker)?.[1];
  const root = marked('root') ?? marked('reply') ?? tags[0][1];
  return { root, parent: marked('reply') ?? marked('root') ?? tags.at(-1)[1] };
}

/** Finds notes by id, many in one request. */
export class Notes {
  #app;
  #found = new Map();
  #waiting = new Map();
  #ask = batch((ids) => this.#load(ids));

  constructor(app) {
    this.#app = app;
  }

  /** Resolves to the event, or to undefined if no relay has it. */
  get(id) {
    const found = this.#found.get(id);
    if (found) return Promise.resolve(found);
    return new Promise((resolve) => {
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]);
      this.#ask(id);
    });
  }

  /** Keeps an event that came by another way. */
  add(event) {
    this.#found.set(event.id, event);
    for (const resolve of this.#waiting.get(event.id) ?? []) resolve(event);
    this.#waiting.delete(event.id);
  }

  async #load(ids) {
    const missing = ids.filter((id) => !this.#found.has(id));
    if (missing.length > 0) await this.#app.read([{ ids: missing }], { cacheFirst: true }, (event) => this.add(event));
    for (const id of ids) {
      for (const resolve of this.#waiting.get(id) ?? []) resolve(undefined);
      this.#waiting.delete(id);
    }
  }
}

/** Counts what refers to the notes on the screen. */
export class Counts {
  #app;
  #tallies = new Map();
  #shown = new Map();
  #open = [];
  #watch = batch((ids) => this.#subscribe(ids));

  constructor(app) {
    this.#app = app;
  }

  /** Calls `show({ replies, likes, reposts, liked })` now and whenever one of them changes, until `signal` aborts. */
  watch(id, show, signal) {
    if (!this.#tallies.has(id)) {
      this.#tallies.set(id, { replies: new Set(), likes: new Set(), reposts: new Set() });
      this.#watch(id);
    }
    const shown = this.#shown.get(id) ?? new Set();
    this.#shown.set(id, shown.add(show));
    signal.addEventListener('abort', () => shown.delete(show));
    show(this.#sums(id));
  }

  /** Takes in an event that refers to notes. */
  add(event) {
    for (const id of new Set(tagValues(event, 'e'))) {
      const tally = this.#tallies.get(id);
      if (!tally) continue;
      if (event.kind === 1) tally.replies.add(event.id);
      if (event.kind === 6) tally.reposts.add(event.pubkey);
      // NIP-25: "-" is no like.
      if (event.kind === 7 && event.content !== '-') tally.likes.add(event.pubkey);
      for (const show of this.#shown.get(id) ?? []) show(this.#sums(id));
    }
  }

  #sums(id) {
    const { replies, likes, reposts } = this.#tallies.get(id);
    return { replies: replies.size, likes: likes.size, reposts: reposts.size, liked: likes.has(this.#app.me.pubkey) };
  }

  // What was shown last stays live: it is likely to be on the screen.
  #subscribe(ids) {
    for (let at = 0; at < ids.length; at += WATCHED_IDS) {
      const filters = [1, 6, 7].map((kind) => ({ kinds: [kind], '#e': ids.slice(at, at + WATCHED_IDS) }));
      const subscription = this.#app.subscribe(filters);
      subscription.on('event', (event) => this.add(event));
      this.#open.push(subscription);
    }
    for (const old of this.#open.splice(0, Math.max(0, this.#open.length - WATCHING))) old.close();
  }
}
