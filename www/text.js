// A note's text: links, hashtags and mentions become elements, everything else stays text.
import { h } from './dom.js';
import { decode } from './nip19.js';

const PARTS =
  /(?<url>https?:\/\/[^\s<>"]+)|(?:nostr:)(?<code>(?:npub|nprofile|note|nevent)1[02-9ac-hj-np-z]+)|(?<![\p{L}\p{N}_&/#])#(?<tag>[\p{L}\p{N}_]{1,60})/giu;
const PICTURE = /\.(?:avif|gif|jpe?g|png|webp)$/i;

/**
 * @param {string} content
 * @param {{ people: import('./people.js').People, quote?: (id: string) => Node }} app `quote` draws a quoted note
 * @returns {(Node | string)[]}
 */
export function richText(content, { people, quote }) {
  const nodes = [];
  const quotes = [];
  let at = 0;
  for (const match of content.matchAll(PARTS)) {
    const { url, code, tag } = match.groups;
    const found = url
      ? linkTo(url)
      : code
        ? mention(code, people, quote && ((id) => quotes.push(quote(id))))
        : hashtag(tag);
    if (!found) continue;
    nodes.push(content.slice(at, match.index), found.node);
    at = match.index + (found.length ?? match[0].length);
  }
  nodes.push(content.slice(at));
  const shown = nodes.filter((node) => node !== '');
  // A quoted note stands below the text, which leaves no gap where it was named.
  if (quotes.length > 0 && typeof shown.at(-1) === 'string') shown.push(shown.pop().trimEnd());
  return [...shown, ...quotes];
}

/** A link that tells the other side nothing and is not followed on our word. */
export function outward(url, ...children) {
  return h(
    'a',
    { href: url, target: '_blank', rel: 'noopener nofollow ugc', referrerpolicy: 'no-referrer' },
    ...children,
  );
}

function linkTo(text) {
  // The full stop after an address belongs to the sentence; so does a bracket that was not opened in it.
  let end = text.replace(/[.,;:!?'"»”’]+$/u, '');
  if (end.endsWith(')') && !end.includes('(')) end = end.slice(0, -1);
  const url = httpUrl(end);
  if (!url) return undefined;
  const words = end.replace(/^https?:\/\//i, '').replace(/\/$/, '');
  const picture = PICTURE.test(url.pathname);
  return { node: outward(url.href, picture ? `Picture: ${words}` : words), length: end.length };
}

/** `text` as a URL if it is one of http or https. */
function httpUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined;
}

function mention(code, people, quote) {
  const named = decode(code);
  if (named?.pubkey)
    return { node: h('a', { href: `#person/${named.pubkey}`, class: 'mention' }, '@', people.nameOf(named.pubkey)) };
  if (!named?.id) return undefined;
  if (!quote) return { node: h('a', { href: `#note/${named.id}` }, 'a note') };
  quote(named.id);
  return { node: '' };
}

function hashtag(tag) {
  return { node: h('a', { href: `#tag/${encodeURIComponent(tag.toLowerCase())}`, class: 'hashtag' }, `#${tag}`) };
}
