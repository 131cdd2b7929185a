// A note, what it answers and all answers to it, live.
import { h } from './dom.js';
import { composer } from './composer.js';
import { noteView } from './note.js';
import { placeOf, tagValues } from './notes.js';

export class Thread {
  #app;
  #signal;
  #focus;
  #root;
  /** Each note's `<li>` and the list of its answers. */
  #places = new Map();
  #top = h('ol', { class: 'thread' });
  #quiet = h('p', { class: 'quiet empty' }, 'Looking for the note…');
  element = h('div', {}, this.#quiet, this.#top);

  /** @param {string} id the note that was asked for; the thread is shown from its root */
  constructor(app, id, signal) {
    this.#app = app;
    this.#focus = id;
    this.#signal = signal;
    app.events.addEventListener('posted', ({ detail }) => this.#take(detail), { signal });
    this.#open();
  }

  async #open() {
    const note = await this.#app.notes.get(this.#focus);
    if (this.#signal.aborted) return;
    if (!note) {
      const offline = 'No relay can be reached, and this note is not stored here.';
      this.#quiet.textContent = this.#app.isOnline ? 'This note is on none of these relays.' : offline;
      return;
    }
    this.#root = (note.kind === 1 && placeOf(note)?.root) || note.id;
    this.#quiet.hidden = true;
    this.#add(note);
    const filters = [{ ids: [this.#root] }, { kinds: [1], '#e': [this.#root], limit: 500 }];
    this.#app.subscribe(filters, { signal: this.#signal }).on('event', (event) => this.#take(event));
  }

  #take(event) {
    const belongs = event.id === this.#root || (event.kind === 1 && tagValues(event, 'e').includes(this.#root));
    if (belongs && !this.#places.has(event.id)) this.#add(event);
  }

  #add(event) {
    const { id } = event;
    const focused = id === this.#focus;
    this.#app.notes.add(event);
    const note = noteView(this.#app, event, { signal: this.#signal, whole: true });
    const answers = h('ol', {});
    const item = h('li', { 'data-at': event.created_at, class: focused ? 'focused' : undefined }, note);
    if (focused) item.append(composer(this.#app, { label: 'Your answer', button: 'Reply', answerTo: event }));
    item.append(answers);
    this.#places.set(id, { item, answers, parent: id === this.#root ? undefined : placeOf(event)?.parent });
    this.#place(id);
    // Answers that came before what they answer.
    for (const [child, place] of this.#places) if (place.parent === id) this.#place(child);
    if (focused) this.#reveal(item);
  }

  /** Under its parent, or at the top while that is unknown; the older first. */
  #place(id) {
    const { item, parent } = this.#places.get(id);
    const list =
      this.#places.get(parent)?.answers ??
      (id === this.#root ? this.#top : (this.#places.get(this.#root)?.answers ?? this.#top));
    const next = [...list.children].find(
      (other) => other !== item && Number(other.dataset.at) > Number(item.dataset.at),
    );
    list.insertBefore(item, next ?? null);
  }

  /** The note that was asked for stays in view while older ones appear above it. */
  #reveal(item) {
    setTimeout(() => {
      if (!this.#signal.aborted && this.#focus !== this.#root) item.scrollIntoView({ block: 'start' });
    }, 150);
  }
}
