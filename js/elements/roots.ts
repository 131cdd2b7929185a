// What comments are about (NIP-22, NIP-73, NIP-10): how to ask for them, who answers whom, what a new one carries.
import type { EventTemplate, EventView, Filter, NostrManager, SubscribeOptions } from '../index.js';
import { attributeError } from './base.js';
import { filterOf, isAddressable, targetOf } from './entity.js';

const COMMENT = 1111;
const MOST = 500;

/** The root of a discussion. */
export interface Root {
  filters: Filter[];
  /** The id of what a comment answers. */
  parentOf(event: EventView): string | undefined;
  /** A comment on the root, or on another comment, without its words. */
  template(answering: EventView | undefined): Omit<EventTemplate, 'content'>;
}

/** The root that the element's attributes name. */
export async function rootOf(
  element: Element & { url: string | null; event: string | null },
  engine: NostrManager,
  options: SubscribeOptions,
): Promise<Root> {
  if (!element.event) return pageRoot(pageAddress(element));
  const target = targetOf(element.event);
  const filter = target && filterOf(target);
  if (!filter) throw attributeError(element, 'event', 'a note, nevent, naddr or an id in hex is wanted');
  // Its kind decides between NIP-10 and NIP-22, and a comment names its author.
  const [root] = await engine.fetch([filter], options);
  options.signal?.throwIfAborted();
  if (!root) throw attributeError(element, 'event', 'the event is on none of the relays asked');
  return root.kind === 1 ? noteRoot(root) : eventRoot(root);
}

/** NIP-73: normalised, without a fragment. */
function pageAddress(element: Element & { url: string | null }): string {
  const canonical = document.querySelector<HTMLLinkElement>('link[rel="canonical"]')?.href;
  const text = element.url || canonical || location.href;
  if (!URL.canParse(text, location.href)) throw attributeError(element, 'url', `"${text}" is no address`);
  const url = new URL(text, location.href);
  url.hash = '';
  return url.href;
}

function pageRoot(address: string): Root {
  return commentRoot({ '#I': [address] }, [['I', address], ['K', 'web']], [['i', address], ['k', 'web']]);
}

function eventRoot(root: EventView): Root {
  const { id, pubkey, kind, tags } = root;
  const addressable = isAddressable(kind);
  const replaceable = kind === 0 || kind === 3 || (kind >= 10_000 && kind < 20_000);
  const address = `${kind}:${pubkey}:${addressable ? (tags.find(([name]) => name === 'd')?.[1] ?? '') : ''}`;
  const relay = root.relays[0] ?? '';
  const about = [['K', String(kind)], ['P', pubkey]];
  const answers = [['e', id, relay, pubkey], ['k', String(kind)], ['p', pubkey]];
  if (!addressable && !replaceable) return commentRoot({ '#E': [id] }, [['E', id, relay, pubkey], ...about], answers);
  return commentRoot({ '#A': [address] }, [['A', address, relay], ...about], [['a', address, relay], ...answers]);
}

/** NIP-22: kind 1111, the root in capital tags, what is answered in small ones. */
function commentRoot(filter: Filter, root: string[][], parent: string[][]): Root {
  return {
    filters: [{ kinds: [COMMENT], ...filter, limit: MOST }],
    parentOf: (event) => (event.parsed?.type === 'comment' && event.parsed.parent?.kind === String(COMMENT) ? event.parsed.parent.event?.id : undefined),
    template: (answering) => ({
      kind: COMMENT,
      tags: answering
        ? [...root, ['e', answering.id, answering.relays[0] ?? '', answering.pubkey], ['k', String(COMMENT)], ['p', answering.pubkey]]
        : [...root, ...parent],
    }),
  };
}

/** NIP-10: a kind 1 note is answered by kind 1 notes. */
function noteRoot(root: EventView): Root {
  const marked = (event: EventView, marker: string) => ['e', event.id, event.relays[0] ?? '', marker, event.pubkey];
  return {
    filters: [{ kinds: [1], '#e': [root.id], limit: MOST }],
    parentOf: (event) => (event.parsed?.type === 'note' ? event.parsed.reply?.id : undefined),
    template: (answering) => {
      const people = new Set([root.pubkey, ...(answering ? [answering.pubkey] : [])]);
      return {
        kind: 1,
        tags: [marked(root, 'root'), ...(answering ? [marked(answering, 'reply')] : []), ...[...people].map((pubkey) => ['p', pubkey])],
      };
    },
  };
}
