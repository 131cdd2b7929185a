// The demo: starts the engine, then shows the view that the address names.
import { NostrManager } from '/dist/nostr-ferry.mjs';
import { composer } from './composer.js';
import { h, icon, sentence } from './dom.js';
import { Feed, opensThread } from './feed.js';
import { hoist, flagOf } from './flag.js';
import { inspector } from './inspector.js';
import { npub } from './nip19.js';
import { Counts, Notes } from './notes.js';
import { People } from './people.js';
import { RelayList, relayPanel } from './relays.js';
import { signerPanel, startSigner } from './signers.js';
import { Thread } from './thread.js';

const KEY = /^[0-9a-f]{64}$/;
const POSTS = [1, 6, 30_023];
const place = (id) => document.getElementById(id);

/** What the parts of the page share. */
class App {
  nostr;
  relays;
  me = { pubkey: '' };
  /** "relays": the list has changed. "posted": an event of ours was signed. */
  events;
  /** Events that the engine had to leave out for us. */
  lost = 0;
  notes = new Notes(this);
  counts = new Counts(this);
  people = new People(this);

  constructor(nostr, relays, events) {
    this.nostr = nostr;
    this.relays = relays;
    this.events = events;
  }

  /** A subscription on the relays of the list. */
  subscribe(filters, options = {}) {
    const subscription = this.nostr.subscribe(filters, { ...this.#relayOption(), ...options });
    subscription.on('overflow', ({ dropped }) => (this.lost += dropped));
    return subscription;
  }

  /** Gives `take` each event, and resolves once every relay has answered, failed or timed out. */
  read(filters, options, take) {
    const subscription = this.subscribe(filters, { timeoutMs: 15_000, ...options, closeOnEose: true });
    return new Promise((resolve, reject) => {
      subscription.on('event', take);
      subscription.on('end', () => resolve());
      subscription.on('error', reject);
    });
  }

  publish(template) {
    return this.nostr.publish(template, this.#relayOption());
  }

  /** Whether a relay is there to ask. */
  get isOnline() {
    return this.nostr.relays.list().some(({ state }) => state === 'open' || state === 'authenticating');
  }

  /** Tells the person something in passing. */
  say(words) {
    place('said').textContent = words;
  }

  // No list at all lets the engine choose.
  #relayOption() {
    return this.relays.urls.length > 0 ? { relays: this.relays.urls } : {};
  }
}

/** The views below the home feed, by the first word of the address. */
const VIEWS = {
  note: (app, id, signal) => KEY.test(id) && { title: 'Thread', parts: [new Thread(app, id, signal).element] },
  person: (app, pubkey, signal) =>
    KEY.test(pubkey) && {
      title: 'Person',
      parts: [
        h(
          'div',
          { class: 'person' },
          flagOf(pubkey),
          h('h3', {}, app.people.nameOf(pubkey)),
          h('p', { class: 'handle' }, app.people.handleOf(pubkey)),
          h('p', { class: 'about', dir: 'auto' }, app.people.aboutOf(pubkey)),
          h('code', {}, npub(pubkey)),
        ),
        new Feed(app, { filter: { kinds: POSTS, authors: [pubkey] }, signal }).element,
      ],
    },
  tag: (app, tag, signal) => ({
    title: `#${tag}`,
    parts: [new Feed(app, { filter: { kinds: [1], '#t': [tag] }, signal }).element],
  }),
};

/** Keeps the home feed as it is while another view is in front of it. */
function route(app) {
  const home = place('home');
  const view = place('view');
  let leave = new AbortController();
  let kept = 0;
  const show = () => {
    const [name, value = ''] = location.hash.slice(1).split('/');
    const coming = VIEWS[name];
    if (!home.hidden) kept = scrollY;
    leave.abort();
    leave = new AbortController();
    const shown = coming?.(app, decodeURIComponent(value), leave.signal) || undefined;
    home.hidden = shown !== undefined;
    view.hidden = shown === undefined;
    document.title = shown ? `${shown.title} · Ferry` : 'Ferry';
    openTab('notes');
    if (!shown) return scrollTo(0, kept);
    const back = h('a', { href: '#', class: 'back' }, icon('back'), 'All notes');
    const heading = h('h2', { tabindex: -1 }, shown.title);
    view.replaceChildren(h('div', { class: 'view-head' }, back, heading), ...shown.parts);
    scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  };
  addEventListener('hashchange', show);
  if (location.hash.length > 1) show();
}

/** On a narrow screen one part is shown at a time. */
function openTab(name) {
  document.body.dataset.tab = name;
  for (const tab of document.querySelectorAll('[data-opens]')) {
    tab.setAttribute('aria-pressed', String(tab.dataset.opens === name));
  }
}

async function ownRelays() {
  const response = await fetch('/demo.json').catch(() => undefined);
  const { relay } = response?.ok ? await response.json() : {};
  return relay ? [relay] : [];
}

async function main() {
  place('hoist').append(...hoist('FERRY'));
  for (const tab of document.querySelectorAll('[data-opens]')) {
    tab.addEventListener('click', () => {
      openTab(tab.dataset.opens);
      scrollTo(0, 0);
    });
  }
  document.querySelector('.skip').addEventListener('click', (click) => {
    // The address names the view; the jump is ours.
    click.preventDefault();
    place('notes').focus();
  });
  const events = new EventTarget();
  const nostr = await NostrManager.start({ relays: await ownRelays() });
  const relays = new RelayList(nostr.relays, () => events.dispatchEvent(new Event('relays')));
  const app = new App(nostr, relays, events);
  app.nostr.on('error', (error) => fail(error));
  await startSigner(app);

  const { signal } = new AbortController();
  const feed = new Feed(app, { filter: { kinds: POSTS }, accept: opensThread, signal });
  place('home').append(composer(app, { label: 'Your note', button: 'Post' }), feed.element);
  place('you').append(signerPanel(app));
  place('engine').append(inspector(app));
  place('relays').append(relayPanel(app, place('summary')));
  route(app);
}

function fail(error) {
  place('failed').hidden = false;
  place('failed').textContent = `The engine is not running. ${sentence(error.message)}`;
}

main().catch(fail);
