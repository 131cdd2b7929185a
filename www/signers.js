// Who writes: the key in use, and the ways to change it.
import { h, sentence } from './dom.js';
import { flagOf } from './flag.js';
import { npub } from './nip19.js';

// Survives a reload and goes with the tab. Only the throw-away key is ever kept, and nothing depends on it.
const KEPT = 'ferry-throw-away-key';

/** What a remote signer's user is asked to allow. */
const PAGE = { name: 'Ferry', permissions: ['sign_event:0', 'sign_event:1', 'sign_event:6', 'sign_event:7'] };

/**
 * One entry a choice; `fields` are asked for, `use` gets the signer, their values and what shows nodes meanwhile, and
 * resolves to the public key.
 */
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
  {
    id: 'encrypted-key',
    title: 'An encrypted key',
    about: 'Opened with its passphrase (NIP-49), then held like a private key.',
    fields: [
      { name: 'code', label: 'ncryptsec', type: 'text' },
      { name: 'passphrase', label: 'Passphrase', type: 'password' },
    ],
    use: (signer, { code, passphrase }) => signer.useEncryptedKey(code.trim(), passphrase),
  },
  {
    id: 'extension',
    title: 'Your browser’s extension',
    about: 'It keeps the key and asks you (NIP-07).',
    fields: [],
    use: (signer) => signer.useExtension(),
  },
  {
    id: 'bunker',
    title: 'A remote signer',
    about: 'It keeps the key elsewhere, and gave you an address (NIP-46).',
    fields: [{ name: 'url', label: 'bunker:// address', type: 'text' }],
    use: (signer, { url }) => signer.useBunker(url.trim(), PAGE),
  },
  {
    id: 'nostrconnect',
    title: 'A remote signer, the other way round',
    about: 'Makes an address to paste into your signer (NIP-46).',
    fields: [{ name: 'relay', label: 'Relay to meet on', type: 'url', value: (app) => app.relays.urls[0] ?? '' }],
    use: async (signer, { relay }, show) => {
      const { url, connected } = await signer.nostrConnect({ ...PAGE, relays: [relay.trim()] });
      const copy = h('button', { type: 'button', class: 'plain small', onclick: () => navigator.clipboard.writeText(url) }, 'Copy');
      show('Waiting for a signer to take this address: ', h('a', { href: url, class: 'address' }, url), copy);
      return connected;
    },
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
  const answer = answerLine();
  const show = () => {
    const { pubkey } = app.me;
    const code = npub(pubkey);
    who.replaceChildren(
      h('a', { href: `#person/${pubkey}`, class: 'avatar', tabindex: -1, 'aria-hidden': 'true' }, flagOf(pubkey)),
      h('a', { href: `#person/${pubkey}`, class: 'name' }, app.people.nameOf(pubkey)),
      h('code', { title: code }, `${code.slice(0, 14)}…${code.slice(-6)}`),
    );
  };
  // Beside what was pressed, since that may be far from the key in use.
  let place = answer;
  const change = async (choice, form, line) => {
    place.replaceChildren();
    place = line;
    const tell = (...parts) => line.replaceChildren(...parts);
    tell('Under way…');
    try {
      app.me.pubkey = await choice.use(app.nostr.signer, Object.fromEntries(new FormData(form)), tell);
      form.reset();
      tell('You write with another key now.');
      show();
    } catch (error) {
      // Where another choice was made meanwhile, that one has the word. What was typed stays, to be mended.
      tell(error.code === 'cancelled' ? '' : sentence(error.message));
    }
  };
  app.nostr.signer.on('authUrl', (url) => {
    const link = h('a', { href: url, target: '_blank', rel: 'noopener noreferrer', class: 'address' }, url);
    place.replaceChildren('Your signer wants you to confirm: ', link);
  });
  show();
  return h(
    'div',
    { class: 'signer' },
    who,
    answer,
    h(
      'details',
      {},
      h('summary', {}, 'Your name and key'),
      nameForm(app),
      ...CHOICES.map((choice) => choiceForm(app, choice, change)),
    ),
  );
}

function answerLine() {
  return h('p', { class: 'answer', role: 'status' });
}

function choiceForm(app, choice, change) {
  const inputs = choice.fields.map(({ name, label, type, value }) => {
    const given = { name, type, value: value?.(app), required: true, autocomplete: 'off', spellcheck: 'false' };
    return h('label', {}, label, h('input', given));
  });
  const answer = answerLine();
  const onsubmit = async (event) => {
    event.preventDefault();
    await change(choice, event.target, answer);
  };
  return h(
    'form',
    { class: 'choice', onsubmit, 'data-choice': choice.id },
    h('div', {}, h('b', {}, choice.title), h('p', { class: 'quiet' }, choice.about), ...inputs),
    h('button', { type: 'submit', class: 'plain' }, 'Use'),
    answer,
  );
}

/** A name for the key: a profile (kind 0). */
function nameForm(app) {
  const answer = answerLine();
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
      answer.textContent = sentence(error.message);
    }
  };
  const label = h('label', {}, h('span', { class: 'unseen' }, 'Your name'), input);
  return h('div', {}, h('form', { class: 'inline', onsubmit }, label, h('button', { class: 'plain' }, 'Set')), answer);
}

function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
