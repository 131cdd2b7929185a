// The page's extension, `window.nostr` (NIP-07): only the page's own thread can reach it.
import { FerryError, assertNever } from './errors.js';
import type { SignedEvent } from './types.js';
import type { SignerAnswer, SignerCall } from './wire-signer.js';

/** What NIP-07 says an extension has; none of it can be relied on. */
interface WindowNostr {
  getPublicKey(): Promise<string>;
  signEvent(event: { created_at: number; kind: number; tags: string[][]; content: string }): Promise<SignedEvent>;
  nip04?: Partial<Ciphers>;
  nip44?: Partial<Ciphers>;
}

interface Ciphers {
  encrypt(pubkey: string, plaintext: string): Promise<string>;
  decrypt(pubkey: string, ciphertext: string): Promise<string>;
}

/** Some extensions put themselves into the page after it has loaded. */
const LATE_MS = 1_000;

/**
 * Asks the extension. It may take as long as its user does; the crypto role keeps the time.
 *
 * @returns its answer, or `failed` with `unsupported` (no extension, no such method) or `refused`; it never rejects.
 */
export async function askExtension(ask: SignerCall): Promise<SignerAnswer> {
  try {
    return await answer(await extension(), ask);
  } catch (error) {
    const failed = error instanceof FerryError ? error : new FerryError('refused', words(error), { cause: error });
    return { outcome: 'failed', error: failed };
  }
}

async function answer(nostr: WindowNostr, ask: SignerCall): Promise<SignerAnswer> {
  switch (ask.action) {
    case 'getPublicKey':
      return { outcome: 'pubkey', pubkey: await nostr.getPublicKey() };
    case 'signEvent': {
      const { kind, content, tags = [], created_at = 0 } = ask.template;
      const { id, pubkey, sig, ...signed } = await nostr.signEvent({ kind, content, tags, created_at });
      const event = { kind: signed.kind, content: signed.content, tags: signed.tags, created_at: signed.created_at };
      return { outcome: 'signed', event: { ...event, id, pubkey, sig } };
    }
    case 'encrypt':
    case 'decrypt': {
      // Called on its object: extensions use `this`.
      const ciphers = nostr[ask.cipher];
      if (typeof ciphers?.[ask.action] !== 'function') {
        throw new FerryError('unsupported', `the extension has no ${ask.cipher}.${ask.action}`);
      }
      const text = await (ciphers as Ciphers)[ask.action](ask.peer, ask.text);
      if (typeof text !== 'string') throw new FerryError('refused', 'the extension gave no text');
      return { outcome: 'text', text };
    }
    default:
      return assertNever(ask);
  }
}

async function extension(): Promise<WindowNostr> {
  const found = () => (globalThis as { nostr?: WindowNostr }).nostr;
  if (!found() && globalThis.document?.readyState !== 'complete') {
    await new Promise((resolve) => globalThis.addEventListener('load', resolve, { once: true }));
  }
  if (!found()) await new Promise((resolve) => setTimeout(resolve, LATE_MS));
  const nostr = found();
  if (typeof nostr?.getPublicKey === 'function' && typeof nostr.signEvent === 'function') return nostr;
  throw new FerryError('unsupported', 'the page has no extension (window.nostr): install one, or choose another signer');
}

function words(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === 'string' ? error : 'it gave no reason';
}
