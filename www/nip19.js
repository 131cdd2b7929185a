// NIP-19 codes, as far as a note's text needs them.
import { nip19 } from '/dist/nostr-ferry.mjs';

/**
 * Whom or what a code names.
 *
 * @param {string} code npub, nprofile, note or nevent
 * @returns {{ pubkey: string } | { id: string } | undefined} hex; undefined if it is none of these or does not add up
 */
export function decode(code) {
  try {
    const entity = nip19.decode(code.toLowerCase());
    if (entity.type === 'npub' || entity.type === 'nprofile') return { pubkey: entity.pubkey };
    return entity.type === 'note' || entity.type === 'nevent' ? { id: entity.id } : undefined;
  } catch {
    return undefined;
  }
}

/** The npub of a public key in hex. */
export function npub(pubkey) {
  return nip19.encode({ type: 'npub', pubkey });
}
