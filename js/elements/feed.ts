import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

import type { EventView, Filter, NostrManager } from '../index.js';
import { attributeError, FerryElement } from './base.js';
import type { View } from './content.js';
import { words } from './engine.js';
import { targetOf } from './entity.js';
import { nameId, noteView } from './note-view.js';

const LIMIT = 20;
/** The page keeps no more notes than somebody scrolls through. */
const MOST = 1_000;

/**
 * `<nostr-feed>`: notes, the newest first, from the store at once and then from relays.
 *
 * Attributes: `authors` (npub, nprofile or hex, between commas or spaces), `kinds` (default `1`), `hashtags`,
 * `limit` (default 20), `replies="hide"`, `relays`, `media="off"`, `label`. What comes while somebody reads waits
 * behind a button; `live` shows it at once.
 *
 * @example <nostr-feed authors="npub1…" limit="10"></nostr-feed>
 */
export class NostrFeed extends FerryElement {
  static override properties = {
    ...FerryElement.properties,
    authors: {},
    kinds: {},
    hashtags: {},
    limit: {},
    replies: {},
    live: { type: Boolean },
    label: {},
    shown: { state: true },
    waiting: { state: true },
    busy: { state: true },
    older: { state: true },
  };

  declare authors: string | null;
  declare kinds: string | null;
  declare hashtags: string | null;
  declare limit: string | null;
  declare replies: string | null;
  declare live: boolean;
  declare label: string | null;
  declare private shown: EventView[];
  declare private waiting: EventView[];
  declare private busy: boolean;
  /** Whether there may be older notes, or they are on their way. */
  declare private older: 'none' | 'some' | 'asked';
  /** What has come, on show or not. */
  #ids = new Set<string>();
  #engine: NostrManager | undefined;
  #signal: AbortSignal | undefined;

  constructor() {
    super();
    this.shown = [];
    this.waiting = [];
    this.busy = true;
    this.older = 'none';
  }

  override willUpdate(changed: PropertyValues): void {
    const asks = ['authors', 'kinds', 'hashtags', 'limit', 'replies', 'relays'];
    if (this.hasUpdated && asks.some((name) => changed.has(name))) this.restart();
  }

  protected async open(engine: NostrManager, signal: AbortSignal): Promise<void> {
    [this.#engine, this.#signal] = [engine, signal];
    [this.shown, this.waiting, this.busy, this.older] = [[], [], true, 'none'];
    this.#ids = new Set();
    const feed = engine.subscribe([this.#filter()], { ...this.relayOptions, signal });
    feed.on('event', (event) => this.#take(event));
    feed.on('eose', ({ relay }) => {
      if (relay !== undefined) return;
      this.busy = false;
      this.older = this.#ids.size >= this.#limit ? 'some' : 'none';
    });
    feed.on('error', (error) => (this.problem = error.message));
  }

  get #limit(): number {
    if (this.limit === null || this.limit === undefined) return LIMIT;
    const limit = Number(this.limit);
    if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw attributeError(this, 'limit', 'a whole number from 1 to 500 is wanted');
    return limit;
  }

  #filter(): Filter {
    const kinds = words(this.kinds ?? '1').map(Number);
    if (!kinds.every((kind) => Number.isInteger(kind) && kind >= 0 && kind <= 65_535)) {
      throw attributeError(this, 'kinds', 'numbers from 0 to 65535 are wanted, between commas or spaces');
    }
    const filter: Filter = { kinds, limit: this.#limit };
    const authors = words(this.authors).map((text) => {
      const { pubkey } = targetOf(text) ?? {};
      if (!pubkey) throw attributeError(this, 'authors', `"${text}" is no npub, nprofile or key in hex`);
      return pubkey;
    });
    if (authors.length > 0) filter.authors = authors;
    const hashtags = words(this.hashtags).map((tag) => tag.replace(/^#/, '').toLowerCase());
    if (hashtags.length > 0) filter['#t'] = hashtags;
    return filter;
  }

  #take(event: EventView): void {
    if (this.#ids.has(event.id)) return;
    this.#ids.add(event.id);
    if (this.replies === 'hide' && isReply(event)) return;
    const newest = this.shown[0];
    const waits = !this.busy && !this.live && newest !== undefined && before(event, newest);
    if (waits) this.waiting = placed(this.waiting, event);
    else this.shown = placed(this.shown, event);
  }

  #showWaiting(): void {
    this.shown = [...this.waiting, ...this.shown].slice(0, MOST);
    this.waiting = [];
    void this.updateComplete.then(() => this.#article(0)?.focus());
  }

  async #askOlder(): Promise<void> {
    const [engine, signal, last] = [this.#engine, this.#signal, this.shown.at(-1)];
    if (!engine || !signal || !last || this.older !== 'some') return;
    this.older = 'asked';
    const known = this.#ids.size;
    try {
      // The second itself is asked for again: it may hold more notes than were sent.
      const filter = { ...this.#filter(), until: last.created_at };
      for (const event of await engine.fetch([filter], { ...this.relayOptions, signal })) this.#take(event);
    } catch (error) {
      if (!signal.aborted) this.problem = String(error instanceof Error ? error.message : error);
    }
    if (!signal.aborted) this.older = this.#ids.size > known && this.shown.length < MOST ? 'some' : 'none';
  }

  /** The keys of the feed pattern of ARIA: from article to article. */
  #onKey(event: KeyboardEvent): void {
    const step = event.key === 'PageDown' ? 1 : event.key === 'PageUp' ? -1 : 0;
    const article = (event.target as Element).closest('article');
    if (step === 0 || !article) return;
    const next = this.#article(Number(article.getAttribute('aria-posinset')) - 1 + step);
    if (!next) return;
    next.focus();
    event.preventDefault();
  }

  #article(at: number): HTMLElement | undefined {
    return this.renderRoot.querySelectorAll('article')[at];
  }

  protected override render(): View {
    const size = this.older === 'none' && !this.busy ? this.shown.length : -1;
    return html`
      ${this.problemView()}
      <div role="status">${this.#status()}</div>
      ${this.waiting.length > 0
        ? html`<button class="wide" part="fresh" @click=${this.#showWaiting}>
            ${this.waiting.length === 1 ? '1 new note' : `${this.waiting.length} new notes`}
          </button>`
        : nothing}
      <div role="feed" aria-label=${this.label ?? 'Notes'} aria-busy=${this.busy} @keydown=${this.#onKey}>
        ${repeat(
          this.shown,
          (event) => event.id,
          (event, at) =>
            html`<article part="note" tabindex="0" aria-posinset=${at + 1} aria-setsize=${size} aria-labelledby=${nameId(event)}>
              ${noteView(event, this)}
            </article>`,
        )}
      </div>
      ${this.older === 'none'
        ? nothing
        : html`<button class="wide" part="older" ?disabled=${this.older === 'asked'} @click=${this.#askOlder}>
            ${this.older === 'asked' ? 'Looking for older notes…' : 'Older notes'}
          </button>`}
    `;
  }

  #status(): View {
    if (this.shown.length > 0 || this.problem !== undefined) return nothing;
    return html`<p class="quiet" part="status">${this.busy ? 'Looking for notes…' : 'No notes here yet.'}</p>`;
  }
}

function isReply(event: EventView): boolean {
  return event.parsed?.type === 'note' && event.parsed.reply !== undefined;
}

/** NIP-01's order: newest first, ties by lowest id. */
function before(a: EventView, b: EventView): boolean {
  return a.created_at > b.created_at || (a.created_at === b.created_at && a.id < b.id);
}

/** The list with `event` in its place. */
export function placed(list: readonly EventView[], event: EventView): EventView[] {
  let at = list.length;
  while (at > 0 && before(event, list[at - 1] as EventView)) at -= 1;
  return [...list.slice(0, at), event, ...list.slice(at, MOST)];
}
