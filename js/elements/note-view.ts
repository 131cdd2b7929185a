// One note as all elements show it: who, when, what.
import { html, nothing } from 'lit';
import { ref } from 'lit/directives/ref.js';

import type { EventView } from '../index.js';
import { article, blocks, mediaView, outward, type Reader, type View } from './content.js';
import { linkTo } from './engine.js';
import { eventCode, npub } from './entity.js';
import { plain, webAddress, when } from './plain.js';
import type { Person } from './people.js';

/** What a note needs of the element it stands in. */
export interface NoteReader extends Reader {
  person(pubkey: string): Person | undefined;
}

export interface NoteOptions {
  /** Show a long text whole. */
  whole?: boolean;
  /** Stands under the text: buttons of the element. */
  below?: View;
}

/** The id of the name in a note, for `aria-labelledby`. */
export const nameId = (event: EventView) => `by-${event.id}`;

export function noteView(event: EventView, reader: NoteReader, { whole = false, below = nothing }: NoteOptions = {}): View {
  return html`
    ${avatar(event.pubkey, reader)}
    <header part="byline">
      ${nameLink(event.pubkey, reader, nameId(event))}
      <a class="when" part="time" href=${linkTo(eventCode(event))}
        ><time datetime=${new Date(event.created_at * 1_000).toISOString()}>${when(event.created_at, Date.now() / 1_000)}</time></a
      >
    </header>
    <div class="body" part="content">${warned(event, () => bodyView(event, reader, whole))}</div>
    ${below}
  `;
}

/** Somebody's name, which changes when their profile arrives. */
export function nameLink(pubkey: string, reader: NoteReader, id?: string): View {
  return html`<a class="name" part="name" id=${id ?? nothing} href=${linkTo(npub(pubkey))}><bdi>${nameOf(pubkey, reader)}</bdi></a>`;
}

export function nameOf(pubkey: string, reader: NoteReader): string {
  return reader.person(pubkey)?.name ?? `${npub(pubkey).slice(0, 12)}…`;
}

/** A person's picture, or a disc in a colour of their key with their initial. */
export function avatar(pubkey: string, reader: NoteReader): View {
  const picture = reader.showsMedia ? webAddress(reader.person(pubkey)?.picture) : undefined;
  const hue = String(Number.parseInt(pubkey.slice(0, 4), 16) % 360);
  // Not by a `style` attribute: a policy without 'unsafe-inline' forbids those.
  const coloured = ref((disc) => (disc as HTMLElement | undefined)?.style.setProperty('--nostr-hue', hue));
  const initial = [...(reader.person(pubkey)?.name ?? '')][0]?.toLocaleUpperCase() ?? '';
  return html`<span class="avatar" part="avatar" ${coloured} aria-hidden="true"
    >${initial}${picture
      ? html`<img src=${picture} alt="" loading="lazy" decoding="async" referrerpolicy="no-referrer" @error=${hide} />`
      : nothing}</span
  >`;
}

/** The disc under the picture shows. */
function hide(event: Event): void {
  (event.currentTarget as HTMLElement).hidden = true;
}

/** NIP-36: hidden until somebody opens it. */
function warned(event: EventView, body: () => View): View {
  const warning = event.tags.find(([name]) => name === 'content-warning');
  if (!warning) return body();
  return html`<details><summary>${plain(warning[1], 100) || 'Sensitive content'}</summary>${body()}</details>`;
}

function bodyView(event: EventView, reader: NoteReader, whole: boolean): View {
  const { parsed } = event;
  switch (parsed?.type) {
    case 'note':
    case 'comment': {
      const { content } = parsed;
      const cut = !whole && content.shortened;
      return html`<div class="text" dir="auto">${blocks(cut || content.blocks, reader)}</div>
        ${cut ? html`<a class="more" href=${linkTo(eventCode(event))}>Read on</a>` : nothing}`;
    }
    case 'article':
      return html`<p class="title" role="heading" aria-level="3" dir="auto">${plain(parsed.title, 300) || 'Untitled'}</p>
        ${parsed.summary ? html`<p class="summary" dir="auto">${plain(parsed.summary, 1_000)}</p>` : nothing}
        ${whole ? html`<div class="article">${article(parsed.body, reader)}</div>` : html`<a class="more" href=${linkTo(eventCode(event))}>Read on</a>`}`;
    case 'media-post':
      return html`${parsed.title ? html`<p class="title" dir="auto">${plain(parsed.title, 300)}</p>` : nothing}
        <div class="media" part="media">${parsed.media.map((media) => mediaView(media, reader))}</div>
        <div class="text" dir="auto">${blocks(parsed.content.blocks, reader)}</div>`;
    case 'repost':
      return html`<p class="quiet">Passed on ${parsed.author ? html`a note of ${nameLink(parsed.author, reader)}` : 'a note'}.</p>
        ${parsed.embedded ? html`<blockquote class="text" dir="auto">${plain(parsed.embedded.content, 500)}</blockquote>` : nothing}`;
    case 'live-activity':
      return html`<p class="title" dir="auto">${plain(parsed.title, 300) || 'Live activity'}</p>${outward(parsed.streaming, 'Watch')}`;
    default: {
      // NIP-31: what to say of a kind that is not known here.
      const alt = plain(event.tag('alt'), 500);
      return html`<p class="quiet" dir="auto">${alt || `An event of kind ${event.kind}.`}</p>`;
    }
  }
}
