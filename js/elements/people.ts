// Profiles (kind 0) for whoever shows a name: asked for in bulk, once a person, from the store first.
import type { EventView, NostrManager } from '../index.js';
import { plain } from './plain.js';

/** What the elements show of a person; all of it is text that somebody else wrote. */
export interface Person {
  name: string | undefined;
  about: string | undefined;
  picture: string | undefined;
  website: string | undefined;
  nip05: string | undefined;
}

const NAME_CHARS = 60;
const ABOUT_CHARS = 1_000;
/** Authors in one request: well within every relay's limits. */
const BATCH = 200;

/** The people of one engine. */
export class People {
  static readonly #of = new WeakMap<NostrManager, People>();
  readonly #engine: NostrManager;
  readonly #known = new Map<string, { person: Person; createdAt: number }>();
  readonly #asked = new Set<string>();
  readonly #watchers = new Map<string, Set<() => void>>();
  #wanted: string[] = [];

  static of(engine: NostrManager): People {
    let people = People.#of.get(engine);
    if (!people) People.#of.set(engine, (people = new People(engine)));
    return people;
  }

  private constructor(engine: NostrManager) {
    this.#engine = engine;
  }

  /** What is known of somebody by now. */
  get(pubkey: string): Person | undefined {
    return this.#known.get(pubkey)?.person;
  }

  /** Calls `changed` whenever more is known of somebody, and asks for what is not. Returns what ends it. */
  watch(pubkey: string, changed: () => void): () => void {
    let watchers = this.#watchers.get(pubkey);
    if (!watchers) this.#watchers.set(pubkey, (watchers = new Set()));
    const added = watchers;
    added.add(changed);
    this.#ask(pubkey);
    return () => void added.delete(changed);
  }

  #ask(pubkey: string): void {
    if (this.#asked.has(pubkey)) return;
    this.#asked.add(pubkey);
    this.#wanted.push(pubkey);
    // All names of one rendering go in one request.
    if (this.#wanted.length === 1) setTimeout(() => void this.#load(this.#wanted.splice(0)));
  }

  async #load(pubkeys: string[]): Promise<void> {
    for (let at = 0; at < pubkeys.length; at += BATCH) {
      const authors = pubkeys.slice(at, at + BATCH);
      try {
        const found = this.#engine.subscribe([{ kinds: [0], authors }], { closeOnEose: true, timeoutMs: 15_000 });
        for await (const event of found) this.#take(event);
      } catch {
        // The engine has stopped, and says so where the notes are; a name can be asked for again.
        for (const pubkey of authors) this.#asked.delete(pubkey);
      }
    }
  }

  #take(event: EventView): void {
    const known = this.#known.get(event.pubkey);
    if (event.parsed?.type !== 'profile' || (known && known.createdAt >= event.created_at)) return;
    const { name, displayName, about, picture, website, nip05 } = event.parsed;
    const person: Person = {
      name: plain(displayName, NAME_CHARS) || plain(name, NAME_CHARS) || undefined,
      about: plain(about, ABOUT_CHARS) || undefined,
      picture,
      website,
      nip05: plain(nip05?.replace(/^_@/, ''), NAME_CHARS) || undefined,
    };
    this.#known.set(event.pubkey, { person, createdAt: event.created_at });
    for (const changed of this.#watchers.get(event.pubkey) ?? []) changed();
  }
}
