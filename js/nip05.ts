// Internet identifiers (NIP-05): one GET to the domain the user named, on request only.
import { FerryError } from './errors.js';

/** Whom an internet identifier names, by its domain's own word. */
export interface Nip05Profile {
  /** 64 characters of lower-case hex. Follow this, never the identifier: a domain may change its mind. */
  pubkey: string;
  /** Where the domain says that this key's events are; perhaps none. */
  relays: string[];
}

/** How long a domain is waited for. */
export interface Nip05Options {
  /** Gives up after so many milliseconds. Default 10,000. */
  timeoutMs?: number;
  /** Gives up. */
  signal?: AbortSignal;
}

/** A domain may answer with all its names; more than this is no list of names. */
const MAX_BYTES = 4 << 20;

/**
 * Asks a domain whom `identifier` names.
 *
 * @param identifier `name@domain`, or `domain` for its root, `_@domain`.
 * @returns undefined if the domain has no such name.
 * @throws {FerryError} `bad-input`, `timed-out`, or `refused`: no answer, or not the one the NIP asks for.
 */
export async function lookUp(identifier: string, { timeoutMs = 10_000, signal }: Nip05Options = {}): Promise<Nip05Profile | undefined> {
  const { name, domain } = parse(identifier);
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const names = await ask(domain, name, signal ? AbortSignal.any([deadline, signal]) : deadline);
    return profile(names, name, domain);
  } catch (cause) {
    if (cause instanceof FerryError) throw cause;
    signal?.throwIfAborted();
    if (deadline.aborted) throw new FerryError('timed-out', `${domain} did not answer in ${timeoutMs} ms`, { cause });
    throw refused(`${domain} cannot be asked: it is not there, or it does not let pages of other origins read its nostr.json (CORS)`, cause);
  }
}

function parse(identifier: string): { name: string; domain: string } {
  // Written by people, so in any case; the NIP's names have none.
  const text = String(identifier).trim().toLowerCase();
  const at = text.lastIndexOf('@');
  const [name, domain] = at < 0 ? ['_', text] : [text.slice(0, at), text.slice(at + 1)];
  const address = `https://${domain}/`;
  if (/^[a-z0-9_.-]+$/.test(name) && /^[^\s/?#@\\]+$/.test(domain) && URL.canParse(address)) return { name, domain: new URL(address).host };
  throw new FerryError('bad-input', `an internet identifier is like name@example.com, not "${identifier}"`);
}

async function ask(domain: string, name: string, signal: AbortSignal): Promise<unknown> {
  const url = `https://${domain}/.well-known/nostr.json?name=${encodeURIComponent(name)}`;
  // A redirect would let whoever controls some page of the domain speak for all of it.
  const response = await fetch(url, { redirect: 'manual', credentials: 'omit', referrerPolicy: 'no-referrer', signal });
  if (response.type === 'opaqueredirect') throw refused(`${domain} answers with a redirect, which NIP-05 forbids`);
  if (!response.ok) throw refused(`${domain} answers ${response.status} ${response.statusText}`.trim());
  const text = await bounded(response, domain);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused(`the nostr.json of ${domain} is not JSON`, cause);
  }
}

async function bounded(response: Response, domain: string): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let [text, bytes] = ['', 0];
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    bytes += part.value.length;
    if (bytes > MAX_BYTES) {
      await reader?.cancel();
      throw refused(`the nostr.json of ${domain} is over ${MAX_BYTES} bytes`);
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}

function profile(answer: unknown, name: string, domain: string): Nip05Profile | undefined {
  const { names, relays } = (answer ?? {}) as { names?: Record<string, unknown>; relays?: Record<string, unknown> };
  if (typeof names !== 'object' || names === null) throw refused(`the nostr.json of ${domain} has no names`);
  if (!Object.hasOwn(names, name)) return undefined;
  const pubkey = names[name];
  if (typeof pubkey !== 'string' || !/^[0-9a-f]{64}$/.test(pubkey)) {
    throw refused(`the nostr.json of ${domain} gives no key in lower-case hex for ${name}`);
  }
  const listed = typeof relays === 'object' && relays !== null && Object.hasOwn(relays, pubkey) ? relays[pubkey] : [];
  const urls = Array.isArray(listed) ? listed.filter((url): url is string => typeof url === 'string' && /^wss?:\/\//i.test(url)) : [];
  return { pubkey, relays: urls };
}

function refused(message: string, cause?: unknown): FerryError {
  return new FerryError('refused', message, { cause });
}
