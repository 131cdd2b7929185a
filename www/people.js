// Profiles (kind 0): asked for in bulk, from the store first, and put wherever a name is shown.
import { batch, h } from './dom.js';
import { npub } from './nip19.js';

// What could turn a name's neighbours around, or hide in it.
const UNSEEN = /[\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu;

export class People {
  #app;
  #profiles = new Map();
  #asked = new Set();
  #ask = batch((pubkeys) => this.#load(pubkeys));

  constructor(app) {
    this.#app = app;
  }

  /** `{ name, handle, about }`, as far as it is known; asks for it if it is not. */
  profile(pubkey) {
    if (!this.#asked.has(pubkey)) {
      this.#asked.add(pubkey);
      this.#ask(pubkey);
    }
    return this.#profiles.get(pubkey) ?? { name: `${npub(pubkey).slice(0, 11)}…`, handle: '', about: '' };
  }

  /** An element with the name, which changes when the profile arrives. */
  nameOf(pubkey) {
    return this.#field(pubkey, 'name');
  }

  handleOf(pubkey) {
    return this.#field(pubkey, 'handle');
  }

  aboutOf(pubkey) {
    return this.#field(pubkey, 'about');
  }

  /** Takes in a kind 0 event, unless a newer one is known. */
  add(event) {
    const known = this.#profiles.get(event.pubkey);
    if (known && known.at >= event.created_at) return;
    const profile = read(event.content);
    if (!profile) return;
    this.#profiles.set(event.pubkey, { ...profile, at: event.created_at });
    for (const element of document.querySelectorAll(`[data-person="${event.pubkey}"]`)) {
      element.textContent = profile[element.dataset.field];
    }
  }

  // `bdi`: a name in another direction of writing must not reorder the line it stands in.
  #field(pubkey, field) {
    return h('bdi', { 'data-person': pubkey, 'data-field': field }, this.profile(pubkey)[field]);
  }

  async #load(pubkeys) {
    await this.#app.read([{ kinds: [0], authors: pubkeys }], { cacheFirst: true }, (event) => this.add(event));
  }
}

function read(content) {
  let profile;
  try {
    profile = JSON.parse(content);
  } catch {
    return undefined;
  }
  const field = (name, length) => {
    const text = typeof profile?.[name] === 'string' ? profile[name].replace(UNSEEN, '').trim() : '';
    return text.length > length ? `${text.slice(0, length)}…` : text;
  };
  const handle = field('name', 30);
  const name = field('display_name', 40) || handle;
  if (!name) return undefined;
  return { name, handle: handle && handle !== name ? `@${handle}` : '', about: field('about', 400) };
}
