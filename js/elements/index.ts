// The custom elements (docs: README, "Elements"). Importing this file defines them.
import { NostrComments } from './comments.js';
import { NostrFeed } from './feed.js';
import { NostrNote } from './note.js';
import { NostrProfile } from './profile.js';

export { configure, engine, useEngine, type ElementOptions } from './engine.js';

const ELEMENTS = {
  'nostr-comments': NostrComments,
  'nostr-feed': NostrFeed,
  'nostr-note': NostrNote,
  'nostr-profile': NostrProfile,
};

for (const [name, element] of Object.entries(ELEMENTS)) {
  // A second copy of the script on one page leaves the first one's elements alone.
  if (!customElements.get(name)) customElements.define(name, element);
}
