// One note, as it stands in a feed, a thread or a quotation.
import { count, h, icon, timeOf } from './dom.js';
import { flagOf } from './flag.js';
import { placeOf, tagValues } from './notes.js';
import { richText } from './text.js';

/** A longer text is cut in a feed; its thread shows it whole. */
const LONG = 900;
const ARTICLE = 30_023;

/**
 * @param {object} app
 * @param {object} event of kind 1 or 30023
 * @param {{ signal: AbortSignal, whole?: boolean, repost?: { by: string, at: number } }} options `repost` says who repeated it and when
 */
export function noteView(app, event, { signal, whole = false, repost }) {
  const { people } = app;
  const article = h(
    'article',
    { class: 'note', 'data-id': event.id, onclick: !whole && ((click) => openOnClick(click, event)) },
    h(
      'a',
      { href: `#person/${event.pubkey}`, class: 'avatar', tabindex: -1, 'aria-hidden': 'true' },
      flagOf(event.pubkey),
    ),
    repost &&
      h(
        'p',
        { class: 'above' },
        icon('repost'),
        h(
          'span',
          {},
          h('a', { href: `#person/${repost.by}` }, people.nameOf(repost.by)),
          ' passed this on, ',
          timeOf(repost.at),
        ),
      ),
    h(
      'header',
      {},
      h('a', { href: `#person/${event.pubkey}`, class: 'name' }, people.nameOf(event.pubkey)),
      h('span', { class: 'handle' }, people.handleOf(event.pubkey)),
      h('a', { href: `#note/${event.id}`, class: 'when' }, timeOf(event.created_at)),
    ),
    !whole && placeOf(event) && event.kind === 1 && replyLine(app, event),
    event.kind === ARTICLE ? articleBody(app, event, whole) : body(app, event, whole),
  );
  article.append(actions(app, event, signal));
  return article;
}

/** A note inside another one; it fills itself once it is found. */
export function quotedNote(app, id) {
  const box = h('blockquote', { class: 'quoted' }, h('p', { class: 'quiet' }, 'Looking for the quoted note…'));
  app.notes.get(id).then((event) => {
    if (!event) return box.replaceChildren(h('p', { class: 'quiet' }, 'The quoted note is on none of these relays.'));
    box.replaceChildren(
      h(
        'p',
        { class: 'byline' },
        flagOf(event.pubkey),
        h('a', { href: `#person/${event.pubkey}`, class: 'name' }, app.people.nameOf(event.pubkey)),
        h('a', { href: `#note/${id}`, class: 'when' }, timeOf(event.created_at)),
      ),
      // Without `quote`: a quotation in a quotation is a link, or two notes could quote each other for ever.
      h('p', { class: 'content', dir: 'auto' }, ...richText(cut(event.content, 280), { people: app.people })),
    );
  });
  return box;
}

function body(app, event, whole) {
  const { people } = app;
  const content = whole ? event.content : cut(event.content, LONG);
  const parts = richText(content, { people, quote: (id) => quotedNote(app, id) });
  const quotes = parts.filter((part) => part instanceof HTMLQuoteElement);
  const text = parts.filter((part) => !quotes.includes(part));
  return h(
    'div',
    { class: 'body' },
    h('p', { class: 'content', dir: 'auto' }, ...text),
    content !== event.content && h('a', { href: `#note/${event.id}` }, 'Read on'),
    ...quotes,
  );
}

/** A long-form text (NIP-23). Its Markdown stays as it was written. */
function articleBody(app, event, whole) {
  const [title = 'Untitled'] = tagValues(event, 'title');
  const [summary = ''] = tagValues(event, 'summary');
  return h(
    'div',
    { class: 'body article' },
    h('h4', { dir: 'auto' }, h('a', { href: `#note/${event.id}` }, title)),
    summary && h('p', { class: 'summary', dir: 'auto' }, summary),
    whole && h('p', { class: 'content', dir: 'auto' }, ...richText(event.content, { people: app.people })),
  );
}

function replyLine(app, event) {
  const [to] = tagValues(event, 'p').slice(-1);
  const whom = to ? h('a', { href: `#person/${to}` }, app.people.nameOf(to)) : 'a note';
  return h('p', { class: 'quiet reply-line' }, 'in answer to ', whom);
}

function actions(app, event, signal) {
  const replies = h('span', { class: 'number' });
  const likes = h('span', { class: 'number' });
  const reposts = h('span', { class: 'number' });
  const reply = h('a', { href: `#note/${event.id}`, class: 'action' }, icon('reply'), replies);
  const like = h(
    'button',
    { type: 'button', class: 'action like', onclick: () => sendLike(app, event, like) },
    icon('like'),
    likes,
  );
  const repost = h('span', { class: 'action' }, icon('repost'), reposts);
  const show = (sums) => {
    for (const [element, sum] of [
      [replies, sums.replies],
      [likes, sums.likes],
      [reposts, sums.reposts],
    ]) {
      element.textContent = sum > 0 ? count(sum) : '';
    }
    reply.setAttribute('aria-label', `Replies: ${count(sums.replies)}`);
    like.setAttribute('aria-label', `Like, ${count(sums.likes)} so far`);
    like.setAttribute('aria-pressed', String(sums.liked));
    repost.hidden = sums.reposts === 0;
    repost.setAttribute('title', `Reposts: ${count(sums.reposts)}`);
  };
  app.counts.watch(event.id, show, signal);
  return h('footer', {}, reply, like, repost);
}

async function sendLike(app, event, button) {
  if (button.getAttribute('aria-pressed') === 'true') return;
  const tags = [
    ['e', event.id],
    ['p', event.pubkey],
    ['k', String(event.kind)],
  ];
  button.disabled = true;
  try {
    const post = app.publish({ kind: 7, content: '+', tags });
    app.counts.add(await post.signed());
  } catch (error) {
    app.say(`The like was not sent: ${error.message}`);
  }
  button.disabled = false;
}

/** The whole note is a target for the mouse; links, buttons and selected text in it are not. */
function openOnClick(click, event) {
  if (click.target.closest('a, button') || String(getSelection())) return;
  location.hash = `#note/${event.id}`;
}

function cut(text, length) {
  return text.length > length ? `${text.slice(0, length).trimEnd()}…` : text;
}
