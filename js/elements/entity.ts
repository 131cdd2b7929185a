// NIP-19 codes as the elements need them: what an attribute names, and the code of what is shown.
import { type Entity, type EventView, type Filter, nip19 } from '../index.js';

/** What an attribute names; the fields that its form of writing has. */
export interface Target {
  id?: string;
  pubkey?: string;
  kind?: number;
  identifier?: string;
  relays: string[];
}

const HEX = /^[0-9a-f]{64}$/i;
const ADDRESS_PARTS = 3;

/** What a NIP-19 code, a `nostr:` URI, an address `kind:pubkey:d` or 64 characters of hex names; none if it names nothing. */
export function targetOf(text: string): Target | undefined {
  const word = text.trim().replace(/^nostr:/i, '');
  // In hex an event and a person look the same: the attribute says which is meant.
  if (HEX.test(word)) return { id: word.toLowerCase(), pubkey: word.toLowerCase(), relays: [] };
  const [kind, pubkey, ...rest] = word.split(':');
  if (rest.length + 2 >= ADDRESS_PARTS && pubkey && HEX.test(pubkey)) {
    return { kind: Number(kind), pubkey: pubkey.toLowerCase(), identifier: rest.join(':'), relays: [] };
  }
  try {
    const entity = nip19.decode(word);
    return entity.type === 'nsec' ? undefined : { relays: [], ...entity };
  } catch {
    return undefined;
  }
}

/** The filter that finds the event it names; none if it names a person. */
export function filterOf({ id, kind, pubkey, identifier }: Target): Filter | undefined {
  if (id !== undefined) return { ids: [id] };
  if (kind === undefined || pubkey === undefined || identifier === undefined) return undefined;
  return { kinds: [kind], authors: [pubkey], ...(identifier && { '#d': [identifier] }), limit: 1 };
}

/** NIP-01: kept by kind, author and `d` tag. */
export function isAddressable(kind: number): boolean {
  return kind >= 30_000 && kind < 40_000;
}

export function npub(pubkey: string): string {
  return nip19.encode({ type: 'npub', pubkey });
}

/** The `nevent` of an event, or the `naddr` of one that can be replaced. */
export function eventCode(event: EventView): string {
  const { id, pubkey, kind } = event;
  const relays = event.relays.slice(0, 2);
  const naddr = isAddressable(kind) && entityCode({ type: 'naddr', kind, pubkey, identifier: event.tag('d') ?? '', relays });
  return naddr || (entityCode({ type: 'nevent', id, pubkey, kind, relays }) ?? nip19.encode({ type: 'note', id }));
}

/** A code that means what `entity` does; none if it lacks what its type must have, or a part is too long for one. */
export function entityCode(entity: Entity): string | undefined {
  try {
    return codeOf(entity);
  } catch {
    return undefined;
  }
}

function codeOf({ type, id, pubkey, kind, identifier, relays }: Entity): string | undefined {
  switch (type) {
    case 'npub':
      return pubkey && npub(pubkey);
    case 'note':
      return id && nip19.encode({ type, id });
    case 'nprofile':
      return pubkey && nip19.encode({ type, pubkey, relays });
    case 'nevent':
      return id && nip19.encode({ type, id, relays, ...(pubkey && { author: pubkey }), ...(kind !== undefined && { kind }) });
    case 'naddr':
      return pubkey && kind !== undefined && identifier !== undefined ? nip19.encode({ type, identifier, pubkey, kind, relays }) : undefined;
  }
}
