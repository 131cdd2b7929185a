// What a page passes in is looked at before any of it is sent: a sentence says what it should be. Types do not reach a
// page that has no compiler, and a misspelt name in a filter would ask for everything.
import { FerryError } from './errors.js';
import type { CountOptions, EventTemplate, Filter, Pipe, PublishOptions, StartOptions, SubscribeOptions } from './types.js';

/** Refuses a value that is not what it should be; `name` is what the page calls it. Absent is fine, but for `needed`. Throws `bad-input`. */
export type Check = (name: string, value: unknown) => void;

/** Dates above are no seconds of the next 3,000 years, but milliseconds. */
const MAX_SECONDS = 99_999_999_999;

const FILTER: Record<string, Check> = {
  ids: asList,
  authors: asList,
  kinds: asList,
  since: asSeconds,
  until: asSeconds,
  limit: wholeUpTo(0xffffffff),
  search: asText,
} satisfies Record<Exclude<keyof Filter, `#${string}`>, Check>;

const SUBSCRIBE = {
  id: asText,
  relays: asList,
  cacheFirst: asFlag,
  cacheOnly: asFlag,
  noCache: asFlag,
  closeOnEose: asFlag,
  timeoutMs: asDuration,
  maxEvents: wholeUpTo(0xffffffff),
  maxRelays: wholeUpTo(0xffffffff),
  bufferBytes: wholeUpTo(0xffffffff),
  pipeline: asList,
  signal: asSignal,
} satisfies Record<keyof SubscribeOptions, Check>;

const COUNT = { relays: asList, timeoutMs: asDuration, signal: asSignal } satisfies Record<keyof CountOptions, Check>;

const PUBLISH = { relays: asList, signal: asSignal } satisfies Record<keyof PublishOptions, Check>;

const START = {
  relays: asList,
  indexers: asList,
  maxRelays: wholeUpTo(0xffffffff),
  cache: asCache,
  verify: oneOf('all', 'none'),
  verifiers: wholeUpTo(1_024),
  // Looked at where they are used.
  wasmUrl: asAnything,
  workerUrl: asAnything,
  logLevel: asAnything,
  limits: asAnything,
  signal: asSignal,
} satisfies Record<keyof StartOptions, Check>;

const CACHE = { maxBytes: wholeUpTo(Number.MAX_SAFE_INTEGER), name: asText };

const PIPES: Record<Pipe['pipe'], Record<string, Check>> = {
  parse: {},
  'save-to-db': {},
  'serialize-events': {},
  'kind-filter': { kinds: needed(asList) },
  mute: { pubkeys: asList, ids: asList, hashtags: asList, words: asList },
  'npub-limiter': { kind: needed(asAnything), limit: needed(asAnything), maxNpubs: needed(asAnything) },
  counter: { kinds: needed(asList), pubkey: asText },
  'proof-verification': { max: needed(asAnything) },
};

/** @throws {FerryError} `bad-input` */
export function checkStart(options: StartOptions): void {
  checkNames('NostrManager.start', options, START);
}

/** @throws {FerryError} `bad-input` */
export function checkFilters(filters: Filter[]): void {
  asList('filters', filters);
  for (const filter of filters) {
    const { tags, others } = splitTags(filter);
    checkNames('a filter', others, FILTER, 'and #e, #p and other tags of one letter');
    for (const [name, values] of tags) {
      if (!/^#[a-zA-Z]$/.test(name)) throw bad(`a filter's tag is one letter, not "${name}"`);
      asList(name, values);
    }
  }
}

/** @throws {FerryError} `bad-input` */
export function checkSubscribe(options: SubscribeOptions): void {
  checkNames('a subscription', options, SUBSCRIBE);
  for (const pipe of options.pipeline ?? []) checkPipe(pipe);
}

/** @throws {FerryError} `bad-input` */
export function checkCount(options: CountOptions): void {
  checkNames('a count', options, COUNT);
}

/** @throws {FerryError} `bad-input` */
export function checkPublish(options: PublishOptions): void {
  checkNames('a publish', options, PUBLISH);
}

/**
 * Refuses what is no event to be. A signed event passes: it is a template with more fields.
 *
 * @throws {FerryError} `bad-input`
 */
export function checkTemplate(template: EventTemplate): void {
  if (!isObject(template)) throw bad(`an event is an object with kind and content, not ${shown(template)}`);
  if (typeof template.content !== 'string') throw bad(`an event's content is a string, not ${shown(template.content)}`);
  asSeconds('created_at', template.created_at);
  checkTags('tags', template.tags);
}

/** @throws {FerryError} `bad-input` */
export function checkTags(name: string, tags: unknown): void {
  asList(name, tags);
  for (const tag of (tags as unknown[] | undefined) ?? []) {
    if (!Array.isArray(tag)) throw bad(`${name} is a list of lists of strings, such as [['t', 'ferry']]: ${shown(tag)} is no list`);
  }
}

/**
 * A relay's address in its one form, as src/nostr/relay_url.rs gives it: what that refuses must not get that far.
 *
 * @throws {FerryError} `bad-input` about that relay.
 */
export function relayUrl(url: string): string {
  const text = String(url).trim();
  const [, scheme, host, port, path] = /^(wss?):\/\/(\[[\da-f:.]+\]|[\w.-]+)(?::(\d+))?([/?][\w.~!$&'()*+,;=:@/?%-]*)?$/i.exec(text) ?? [];
  const parsed = scheme && text.length <= 2048 && Number(port ?? 1) > 0 && URL.canParse(text) ? new URL(text) : undefined;
  const isSame = (a: string, b: string) => a.startsWith('[') || a.toLowerCase() === b;
  // A host that the browser reads as another one, such as 127.1, would give a relay two names.
  if (!parsed || !host || !isSame(host, parsed.hostname) || !/^\[|^([\da-z_][\w-]*\.)*[\da-z_][\w-]*\.?$/.test(parsed.hostname)) {
    throw new FerryError('bad-input', `a relay's address is like wss://relay.example.com, not "${text}"`, { relay: text });
  }
  const name = parsed.hostname.replace(/\.$/, '');
  const [before = '', query] = splitOnce(path ?? '', '?');
  const tail = query === undefined ? before.replace(/\/+$/, '') : `${before || '/'}?${query}`;
  return `${parsed.protocol}//${name}${parsed.port && `:${parsed.port}`}${tail}`;
}

/** @throws {FerryError} `bad-input` */
export function integer(name: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw bad(`${name} is a whole number from 0 to ${max}, not ${shown(value)}`);
}

/**
 * Keys, ids and signatures are given as NIP-01 writes them.
 *
 * @throws {FerryError} `bad-input`
 */
export function checkHex(name: string, value: string, length = 64): void {
  if (typeof value === 'string' && value.length === length && /^[0-9a-f]*$/.test(value)) return;
  const hint = /^(nostr:)?(npub|nprofile|note|nevent)1/.test(String(value)) ? ': nip19.decode reads it' : '';
  throw bad(`${name}: ${length} characters of lower-case hex are wanted, not ${shown(value)}${hint}`);
}

function checkPipe(pipe: Pipe): void {
  if (!isObject(pipe)) throw bad(`a pipe is an object such as { pipe: 'parse' }, not ${shown(pipe)}`);
  const { pipe: name, ...settings } = pipe;
  const shape = Object.hasOwn(PIPES, name) ? PIPES[name] : undefined;
  if (!shape) throw bad(`there is no pipe ${shown(name)}; there are ${Object.keys(PIPES).join(', ')}`);
  checkNames(`the pipe "${name}"`, settings, shape);
  for (const [setting, check] of Object.entries(shape)) if (!Object.hasOwn(settings, setting)) check(`${setting} of the pipe "${name}"`, undefined);
}

/** Looks at each member of `given` by its check, and refuses one that has none. */
export function checkNames(what: string, given: object, shape: Record<string, Check>, more = ''): void {
  if (!isObject(given)) throw bad(`${what} takes an object, not ${shown(given)}`);
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (!check) throw bad(`${what} has no "${name}"; there are ${[...Object.keys(shape), ...(more ? [more] : [])].join(', ')}`);
    check(name, value);
  }
}

function splitTags(filter: Filter): { tags: [string, unknown][]; others: object } {
  if (!isObject(filter)) throw bad(`a filter is an object such as { kinds: [1] }, not ${shown(filter)}`);
  const [tags, others] = [new Map<string, unknown>(), new Map<string, unknown>()];
  for (const [name, value] of Object.entries(filter)) (name.startsWith('#') ? tags : others).set(name, value);
  return { tags: [...tags], others: Object.fromEntries(others) };
}

function needed(check: Check): Check {
  return (name, value) => {
    if (value === undefined) throw bad(`${name} is missing`);
    check(name, value);
  };
}

function asAnything(): void {}

export function asList(name: string, value: unknown): void {
  if (value !== undefined && !Array.isArray(value)) throw bad(`${name} is a list in square brackets, not ${shown(value)}`);
}

function asText(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'string') throw bad(`${name} is a string, not ${shown(value)}`);
}

function asFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw bad(`${name} is true or false, not ${shown(value)}`);
}

function asDuration(name: string, value: unknown): void {
  if (value !== undefined && !(typeof value === 'number' && value >= 0 && value <= 0xffffffff)) {
    throw bad(`${name} is a number of milliseconds from 0 to ${0xffffffff}, not ${shown(value)}`);
  }
}

function asSeconds(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value === 'number' && value > MAX_SECONDS && value < Number.MAX_SAFE_INTEGER) {
    throw bad(`${name} is in seconds, and ${value} looks like milliseconds: write Math.floor(${value} / 1000)`);
  }
  integer(name, value as number);
}

function asSignal(name: string, value: unknown): void {
  // One of another window is none of this one's class.
  if (value !== undefined && !(isObject(value) && 'aborted' in value)) throw bad(`${name} is an AbortSignal, not ${shown(value)}`);
}

function asCache(name: string, value: unknown): void {
  if (value === undefined || value === false) return;
  if (!isObject(value)) throw bad(`${name} is false, or an object with maxBytes and name, not ${shown(value)}`);
  checkNames(name, value, CACHE);
}

function wholeUpTo(max: number): Check {
  return (name, value) => {
    if (value !== undefined) integer(name, value as number, max);
  };
}

function oneOf(...words: string[]): Check {
  return (name, value) => {
    if (value !== undefined && !words.includes(value as string)) throw bad(`${name} is one of ${words.join(', ')}, not ${shown(value)}`);
  };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as a developer would know it again, and no more of it than that. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value.slice(0, 80)}"`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : `${value.constructor?.name ?? 'an object'}`;
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function bad(message: string): FerryError {
  return new FerryError('bad-input', message);
}
