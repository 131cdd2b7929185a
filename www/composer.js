// Writing a note or an answer, and watching it reach the relays.
import { h, hostOf, sentence } from './dom.js';
import { decode } from './nip19.js';

const TAG = /(?<![\p{L}\p{N}_&/#])#([\p{L}\p{N}_]{1,60})/gu;
const MENTION = /nostr:((?:npub|nprofile)1[02-9ac-hj-np-z]+)/gi;
const LIGHTS = { queued: 'waiting', sent: 'waiting', accepted: 'good', rejected: 'bad', unanswered: 'bad' };
const WORDS = {
  queued: 'waiting for the connection',
  sent: 'sent',
  accepted: 'accepted',
  rejected: 'refused',
  unanswered: 'no answer',
};

let last = 0;

/**
 * A form that posts a note.
 *
 * @param {object} app
 * @param {{ label: string, button: string, answerTo?: object }} options `answerTo` is the event that is answered
 */
export function composer(app, { label, button, answerTo }) {
  const id = `composer-${++last}`;
  const text = h('textarea', {
    id,
    rows: 2,
    required: true,
    dir: 'auto',
    placeholder: answerTo ? 'Write an answer' : 'What is going on at your harbour?',
  });
  const send = h('button', { type: 'submit', class: 'primary' }, button);
  const dispatch = h('ul', { class: 'dispatch', 'aria-live': 'polite' });
  const form = h(
    'form',
    { class: 'composer', onsubmit: (event) => (event.preventDefault(), post()) },
    h('label', { for: id, class: 'unseen' }, label),
    text,
    h('div', { class: 'row' }, h('p', { class: 'quiet hint' }, 'Ctrl + Enter sends it'), send),
    dispatch,
  );
  text.addEventListener('keydown', (key) => {
    if (key.key === 'Enter' && (key.ctrlKey || key.metaKey)) form.requestSubmit();
  });

  async function post() {
    const content = text.value.trim();
    if (!content || send.disabled) return;
    send.disabled = true;
    try {
      await follow(
        app,
        app.publish({ kind: 1, content, tags: tagsOf(content, answerTo) }),
        dispatch,
        () => (text.value = ''),
      );
    } catch (error) {
      dispatch.replaceChildren(line('bad', 'Not sent', sentence(error.message)));
    }
    send.disabled = false;
  }
  return form;
}

/** Shows each relay's part in a publish until all have had their last word. */
async function follow(app, publish, dispatch, onSigned) {
  const lines = new Map();
  const show = (relay, state, reason = '') => {
    const next = line(LIGHTS[state], hostOf(relay), reason ? `${WORDS[state]}: ${reason}` : WORDS[state]);
    if (lines.has(relay)) lines.get(relay).replaceWith(next);
    else dispatch.append(next);
    lines.set(relay, next);
  };
  dispatch.replaceChildren();
  for await (const status of publish.status) {
    if (status.state === 'signed') {
      onSigned();
      app.events.dispatchEvent(new CustomEvent('posted', { detail: status.event }));
    } else if (status.state === 'queued') {
      for (const relay of status.relays) show(relay, 'queued');
    } else {
      show(status.relay, status.state, status.reason);
    }
  }
}

function line(light, name, words) {
  return h('li', {}, h('span', { class: `light ${light}`, 'aria-hidden': 'true' }), h('b', {}, name), ' ', words);
}

/** NIP-10 for an answer, NIP-24 for hashtags, NIP-27 for mentions. */
function tagsOf(content, answerTo) {
  const tags = [];
  const people = new Set();
  if (answerTo) {
    const root = answerTo.tags.find((tag) => tag[0] === 'e' && tag[3] === 'root');
    tags.push(root ? ['e', root[1], root[2] ?? '', 'root'] : ['e', answerTo.id, '', 'root', answerTo.pubkey]);
    if (root) tags.push(['e', answerTo.id, '', 'reply', answerTo.pubkey]);
    for (const tag of answerTo.tags) if (tag[0] === 'p' && tag[1]) people.add(tag[1]);
    people.add(answerTo.pubkey);
  }
  for (const [, code] of content.matchAll(MENTION)) {
    const { pubkey } = decode(code) ?? {};
    if (pubkey) people.add(pubkey);
  }
  const hashtags = new Set([...content.matchAll(TAG)].map(([, tag]) => tag.toLowerCase()));
  return [...tags, ...[...people].map((pubkey) => ['p', pubkey]), ...[...hashtags].map((tag) => ['t', tag])];
}
