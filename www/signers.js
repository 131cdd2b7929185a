// Who writes: the key in use, and the ways to change it.
import { h } from './dom.js';
import { flagOf } from './flag.js';
import { npub } from './nip19.js';

// Survives a reload and goes with the tab. Only the throw-away key is ever kept, and nothing depends on it.
const KEPT = 'ferry-throw-away-key';

/** One entry a choice; `fields` are asked for, `use` gets the signer and their values and resolves to the public key. */
const CHOICES = [
  {
    id: 'throw-away',
    title: 'A throw-away key',
    about: 'Made in this page, gone when you close the tab.',
    fields: [],
    use: (signer) => {
      sessionStorage.setItem(KEPT, randomKey());
      return signer.usePrivateKey(sessionStorage.getItem(KEPT));
    },
  },
  {
    id: 'private-key',
    title: 'A private key',
    about: 'Held by the crypto worker until you leave; this page does not keep it.',
    fields: [{ name: 'secret', label: 'nsec or 64 hex digits', type: 'password' }],
    use: (signer, { secret }) => signer.usePrivateKey(secret.trim()),
  },
];

/** Signs with this tab's throw-away key, a new one if it has none. */
export async function startSigner(app) {
  const kept = sessionStorage.getItem(KEPT);
  app.me.pubkey = kept ? await app.nostr.signer.usePrivateKey(kept) : await CHOICES[0].use(app.nostr.signer);
}

/** The panel. */
export function signerPanel(app) {
  const who = h('div', { class: 'who' });
  const answer = h('p', { class: 'answer', role: 'status' });
  const show = () => {
    const { pubkey } = app.me;
    const code = npub(pubkey);
    who.replaceChildren(
      h('a', { href: `#person/${pubkey}`, class: 'avatar', tabindex: -1, 'aria-hidden': 'true' }, flagOf(pubkey)),
      h('a', { href: `#person/${pubkey}`, class: 'name' }, app.people.nameOf(pubkey)),
      h('code', { title: code }, `${code.slice(0, 14)}…${code.slice(-6)}`),
    );
  };
  const change = async (choice, values) => {
    try {
      app.me.pubkey = await choice.use(app.nostr.signer, values);
      answer.textContent = 'You write with another key now.';
      show();
    } catch (error) {
      answer.textContent = error.message;
    }
  };
  show();
  return h(
    'div',
    { class: 'signer' },
    who,
    h(
      'details',
      {},
      h('summary', {}, 'Your name and key'),
      nameForm(app, answer),
      ...CHOICES.map((choice) => choiceForm(choice, change)),
    ),
    answer,
  );
}

function choiceForm(choice, change) {
  const inputs = choice.fields.map(({ name, label, type }) => {
    return h('label', {}, label, h('input', { name, type, required: true, autocomplete: 'off', spellcheck: 'false' }));
  });
  const onsubmit = async (event) => {
    event.preventDefault();
    await change(choice, Object.fromEntries(new FormData(event.target)));
    event.target.reset();
  };
  return h(
    'form',
    { class: 'choice', onsubmit },
    h('div', {}, h('b', {}, choice.title), h('p', { class: 'quiet' }, choice.about), ...inputs),
    h('button', { type: 'submit', class: 'plain' }, 'Use'),
  );
}

/** A name for the key: a profile (kind 0). */
function nameForm(app, answer) {
  const input = h('input', {
    name: 'name',
    maxlength: 40,
    required: true,
    autocomplete: 'nickname',
    placeholder: 'A name to go by',
  });
  const onsubmit = async (event) => {
    event.preventDefault();
    const name = input.value.trim();
    try {
      const post = app.publish({ kind: 0, content: JSON.stringify({ name }), tags: [] });
      app.people.add(await post.signed());
      await post.accepted();
      answer.textContent = `You are ${name} now.`;
      event.target.reset();
    } catch (error) {
      answer.textContent = error.message;
    }
  };
  return h(
    'form',
    { class: 'inline', onsubmit },
    h('label', {}, h('span', { class: 'unseen' }, 'Your name'), input),
    h('button', { class: 'plain' }, 'Set'),
  );
}

function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
