// A text's blocks as elements. Everything a stranger wrote becomes text or a checked address, never markup.
import { html, nothing, type TemplateResult } from 'lit';

import type { ArticleNode, Block, Entity, Media } from '../index.js';
import { linkTo } from './engine.js';
import { entityCode } from './entity.js';
import { plain, webAddress } from './plain.js';

/** What a text needs of the element it stands in. */
export interface Reader {
  person(pubkey: string): { name: string | undefined } | undefined;
  readonly showsMedia: boolean;
}

/** A piece of a page, or nothing. */
export type View = TemplateResult | string | typeof nothing;

const NAME_CHARS = 40;

export function blocks(list: readonly Block[], reader: Reader): View[] {
  return list.map((block) => blockView(block, reader));
}

function blockView(block: Block, reader: Reader): View {
  switch (block.kind) {
    case 'text':
    case 'secret':
    case 'relay':
      return block.text;
    case 'code':
      return block.fenced ? html`<pre part="code" tabindex="0"><code>${block.code}</code></pre>` : html`<code>${block.code}</code>`;
    case 'link':
      return outward(block.url, block.text);
    case 'media':
    case 'media-grid':
      return html`<span class="media" part="media">${block.media.map((media) => mediaView(media, reader))}</span>`;
    case 'hashtag':
      return html`<span class="hashtag" part="hashtag">${block.text}</span>`;
    case 'nostr':
      return block.entity ? entityView(block.entity, reader) : block.text;
    case 'emoji':
      return reader.showsMedia && webAddress(block.url)
        ? html`<img class="emoji" src=${webAddress(block.url)} alt=${block.text} title=${block.text} loading="lazy" referrerpolicy="no-referrer" />`
        : block.text;
    case 'cashu':
      return html`<span class="chip" part="chip">${ecash(block)}</span>`;
    case 'invoice':
      return html`<a class="chip" part="chip" href=${`lightning:${block.text.replace(/^lightning:/i, '')}`}>${invoice(block)}</a>`;
  }
}

/** A link that tells the other side nothing and is not followed on our word. */
export function outward(url: string | undefined, text: View): View {
  const address = webAddress(url);
  return address ? html`<a href=${address} target="_blank" rel="noopener nofollow ugc" referrerpolicy="no-referrer">${text}</a>` : text;
}

/** Whoever or whatever a NIP-19 code names, as a link. */
export function entityView(entity: Entity, reader: Reader): View {
  const code = entityCode(entity);
  if (!code) return nothing;
  if (entity.type === 'npub' || entity.type === 'nprofile') {
    const name = entity.pubkey && reader.person(entity.pubkey)?.name;
    return html`<a class="mention" part="mention" href=${linkTo(code)}>@<bdi>${plain(name || `${code.slice(0, 12)}…`, NAME_CHARS)}</bdi></a>`;
  }
  return html`<a part="quote" href=${linkTo(code)}>${code.slice(0, 14)}…</a>`;
}

export function mediaView(media: Media, reader: Reader): View {
  const url = webAddress(media.url);
  if (!url) return media.url;
  const alt = plain(media.alt, 500);
  const { pathname, hostname } = new URL(url);
  const file = pathname.split('/').at(-1) || hostname;
  if (!reader.showsMedia) return outward(url, `${NOUNS[media.type]}: ${alt || file}`);
  switch (media.type) {
    case 'video':
      return html`<video src=${url} controls preload="none" playsinline aria-label=${alt || `Video ${file}`}></video>`;
    case 'audio':
      return html`<audio src=${url} controls preload="none" aria-label=${alt || `Sound ${file}`}></audio>`;
    case 'image':
    case 'unknown':
      return html`<a href=${url} target="_blank" rel="noopener nofollow ugc" referrerpolicy="no-referrer"
        ><img src=${url} alt=${alt || `Picture ${file}`} width=${media.width ?? nothing} height=${media.height ?? nothing}
          loading="lazy" decoding="async" referrerpolicy="no-referrer" @error=${missing}
      /></a>`;
  }
}

const NOUNS = { image: 'Picture', video: 'Video', audio: 'Sound', unknown: 'File' } as const;

/** A picture that cannot be had leaves its description. */
function missing(event: Event): void {
  const picture = event.currentTarget as HTMLImageElement;
  picture.replaceWith(picture.alt);
}

/** A Markdown document (NIP-23): nodes in document order, each with its depth, become a tree again. */
export function article(nodes: readonly ArticleNode[], reader: Reader): View[] {
  const views: View[] = [];
  for (let at = 0; at < nodes.length; ) {
    const node = nodes[at] as ArticleNode;
    let end = at + 1;
    while (end < nodes.length && (nodes[end] as ArticleNode).depth > node.depth) end += 1;
    views.push(nodeView(node, article(nodes.slice(at + 1, end), reader), reader));
    at = end;
  }
  return views;
}

function nodeView(node: ArticleNode, inside: View[], reader: Reader): View {
  switch (node.kind) {
    case 'paragraph':
      return html`<p dir="auto">${inside}</p>`;
    case 'heading':
      // The note's own heading stands above them all.
      return html`<p class="heading" role="heading" aria-level=${Math.min(6, (node.level ?? 1) + 3)} dir="auto">${inside}</p>`;
    case 'quote':
      return html`<blockquote>${inside}</blockquote>`;
    case 'list':
      return node.start === undefined ? html`<ul>${inside}</ul>` : html`<ol start=${node.start}>${inside}</ol>`;
    case 'item':
      return node.checked === undefined
        ? html`<li>${inside}</li>`
        : html`<li><span aria-hidden="true">${node.checked ? '☑' : '☐'}</span> ${inside}</li>`;
    case 'code':
      return html`<pre part="code" tabindex="0"><code>${node.code}</code></pre>`;
    case 'rule':
      return html`<hr />`;
    case 'table':
      return html`<div class="table" role="table">${inside}</div>`;
    case 'table-head':
    case 'table-row':
      return html`<div role="row">${inside}</div>`;
    case 'table-cell':
      return html`<span role="cell">${inside}</span>`;
    case 'emphasis':
      return html`<em>${inside}</em>`;
    case 'strong':
      return html`<strong>${inside}</strong>`;
    case 'strikethrough':
      return html`<del>${inside}</del>`;
    case 'inline-code':
      return html`<code>${node.code}</code>`;
    case 'link':
      return node.entity ? entityView(node.entity, reader) : outward(node.url, html`${inside}`);
    case 'image':
      return node.url === undefined ? nothing : mediaView({ url: node.url, type: 'image', alt: node.title ?? '', previews: [], fallbacks: [] }, reader);
    case 'soft-break':
      return ' ';
    case 'line-break':
      return html`<br />`;
    case 'content':
      return node.block ? blockView(node.block, reader) : nothing;
  }
}

function ecash(block: Block): string {
  const { amount, unit, memo } = block.cashu ?? {};
  return amount === undefined ? 'Ecash' : `Ecash: ${amount.toLocaleString()} ${plain(unit, 12) || 'sat'}${memo ? `, ${plain(memo, 80)}` : ''}`;
}

function invoice(block: Block): string {
  const amount = block.amountMsat;
  return amount === undefined ? 'Lightning invoice' : `Lightning invoice: ${(amount / 1_000).toLocaleString()} sats`;
}
