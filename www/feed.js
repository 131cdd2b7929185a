// A list of notes, newest first. What arrives once it stands waits behind a button: nothing moves under the reader's eyes.
import { count, dayOf, h, sentence } from './dom.js';
import { noteView } from './note.js';
import { placeOf, tagValues } from './notes.js';

const PAGE = 100;
/** NIP-01 leaves `created_at` to the author; a note far in the future would stay on top for good. */
const AHEAD_SECONDS = 900;
/** Events come in bursts; they are put on the page together. */
const GATHER_MS = 40;

/** Only what opens a thread, reposts and articles: the home feed. */
export const opensThread = (event) => event.kind !== 1 || !placeOf(event);

export class Feed {
  #app;
  #signal;
  #filter;
  #accept;
  #entries = [];
  #known = new Set();
  #waiting = [];
  #gathered = [];
  #settled = false;
  #oldest = Infinity;
  #subscription;
  #list = h('ol', { class: 'notes' });
  #fresh = h('button', { type: 'button', class: 'fresh', hidden: true, onclick: () => this.#showWaiting() });
  #older = h(
    'button',
    { type: 'button', class: 'plain older', hidden: true, onclick: () => this.#loadOlder() },
    'Older notes',
  );
  #quiet = h('p', { class: 'quiet empty' }, 'Asking the relays…');
  element = h(
    'div',
    { class: 'feed' },
    h('div', { role: 'status', class: 'fresh-place' }, this.#fresh),
    this.#quiet,
    this.#list,
    this.#older,
  );

  /**
   * @param {object} app
   * @param {{ filter: object, accept?: (event: object) => boolean, signal: AbortSignal }} options `filter` without a limit
   */
  constructor(app, { filter, accept = () => true, signal }) {
    this.#app = app;
    this.#filter = filter;
    this.#accept = accept;
    this.#signal = signal;
    app.events.addEventListener('relays', () => this.#open(), { signal });
    app.events.addEventListener('posted', ({ detail }) => this.#takePosted(detail), { signal });
    signal.addEventListener('abort', () => this.#subscription?.close());
    this.#open();
  }

  #open() {
    this.#subscription?.close();
    this.#settled = false;
    this.#subscription = this.#app.subscribe([{ ...this.#filter, limit: PAGE }]);
    this.#subscription.on('event', (event) => this.#gather(event));
    this.#subscription.on('eose', ({ relay }) => {
      if (relay === undefined) this.#settle();
      // One that was away has answered after all.
      else if (this.#settled) this.#sayNothing();
    });
    this.#subscription.on('error', (error) => (this.#quiet.textContent = sentence(error.message)));
  }

  #settle() {
    this.#flush();
    this.#settled = true;
    this.#older.hidden = this.#oldest === Infinity;
    this.#sayNothing();
  }

  #sayNothing() {
    const offline = 'No relay can be reached, and nothing is stored here yet. What they have is shown once one is back.';
    this.#quiet.textContent = this.#app.isOnline ? 'Nothing here yet.' : offline;
  }

  #gather(event) {
    if (this.#gathered.length === 0) setTimeout(() => this.#flush(), GATHER_MS);
    this.#gathered.push(event);
  }

  #flush() {
    const events = this.#gathered;
    this.#gathered = [];
    // As of now: finding what a repost repeats takes time, and what stood before must not count as new.
    const [first] = this.#entries;
    // On an empty page nothing can move.
    const newest = this.#settled && first ? first.at : Infinity;
    const entries = [];
    for (const event of events) {
      this.#oldest = Math.min(this.#oldest, event.created_at);
      if (event.created_at > Date.now() / 1000 + AHEAD_SECONDS || !this.#accept(event)) continue;
      if (event.kind === 6) {
        this.#repost(event).then((entry) => entry && this.#enter([entry], newest));
      } else {
        this.#app.notes.add(event);
        entries.push({ key: event.id, at: event.created_at, event });
      }
    }
    this.#enter(entries, newest);
  }

  /**
   * A repost stands for the note it repeats, unless that is listed already.
   * The note comes from a relay like any other: what is inside the repost is not proven.
   */
  async #repost(event) {
    const [id] = tagValues(event, 'e').slice(-1);
    const note = id && (await this.#app.notes.get(id));
    return note && { key: id, at: event.created_at, event: note, repost: { by: event.pubkey, at: event.created_at } };
  }

  /** Shows what is not newer than `newest`; the rest waits. */
  #enter(entries, newest) {
    const unknown = entries.filter((entry) => !this.#has(entry));
    this.#insert(unknown.filter(({ at }) => at <= newest));
    this.#waiting.push(...unknown.filter(({ at }) => at > newest));
    this.#showFresh();
  }

  #has({ key }) {
    if (this.#known.has(key)) return true;
    this.#known.add(key);
    return false;
  }

  #insert(entries) {
    for (const entry of entries) {
      const note = noteView(this.#app, entry.event, { signal: this.#signal, repost: entry.repost });
      entry.element = h('li', {}, note);
      const at = this.#entries.findIndex((other) => other.at < entry.at);
      const next = at < 0 ? undefined : this.#entries[at].element;
      this.#list.insertBefore(entry.element, next ?? null);
      this.#entries.splice(at < 0 ? this.#entries.length : at, 0, entry);
    }
    if (entries.length > 0) this.#markDays();
    if (this.#entries.length > 0) this.#quiet.hidden = true;
  }

  /** A heading over the first note of each day. */
  #markDays() {
    let last;
    for (const { at, element } of this.#entries) {
      const day = dayOf(at);
      const heading = element.querySelector(':scope > .day');
      if (day === last) heading?.remove();
      else if (!heading) element.prepend(h('h3', { class: 'day' }, day));
      last = day;
    }
  }

  #takePosted(event) {
    const entry = { key: event.id, at: event.created_at, event };
    if (event.kind === 1 && this.#accept(event) && this.#matches(event) && !this.#has(entry)) this.#insert([entry]);
  }

  #matches(event) {
    const { authors, '#t': tags } = this.#filter;
    if (authors && !authors.includes(event.pubkey)) return false;
    return !tags || tagValues(event, 't').some((tag) => tags.includes(tag));
  }

  #showFresh() {
    const { length } = this.#waiting;
    this.#fresh.hidden = length === 0;
    this.#fresh.textContent = length === 1 ? '1 new note' : `${count(length)} new notes`;
  }

  #showWaiting() {
    this.#insert(this.#waiting.splice(0));
    this.#showFresh();
    scrollTo({ top: 0 });
    // The button is gone; the keyboard goes on from the newest note.
    this.#list.querySelector('.when')?.focus({ preventScroll: true });
  }

  async #loadOlder() {
    this.#older.disabled = true;
    const before = this.#entries.length;
    const filter = { ...this.#filter, until: this.#oldest, limit: PAGE };
    await this.#app.read([filter], { signal: this.#signal }, (event) => this.#gathered.push(event));
    this.#flush();
    this.#older.disabled = false;
    this.#older.hidden = this.#entries.length === before;
    this.#entries[before]?.element.querySelector('.when').focus({ preventScroll: true });
  }
}
