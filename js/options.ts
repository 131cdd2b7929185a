import { checkNames, relayUrl, type Check } from './check.js';
import { FerryError } from './errors.js';
import type { Log } from './log.js';
import type { Limits, StartOptions } from './types.js';

/** The least and the most each limit may be. Where there is a most, buffers or files of the engine rest on it. */
const RANGES: Record<keyof Limits, [least: number, most?: number]> = {
  frameBytes: [1_024, 1 << 20],
  jsonDepth: [4, 8],
  eventBytes: [512, 256 << 10],
  tags: [0, 5_000],
  subscriptions: [1],
  filters: [1, 1_000],
  sockets: [1],
  seenIds: [1, 1_000_000],
  windowBytes: [4_096, 1 << 30],
  batchBytes: [256, 1 << 20],
  spoolBytes: [4_096, 1 << 30],
  signerMs: [1],
  remoteSignerMs: [1],
  publishMs: [1],
  eoseMs: [1],
  futureSeconds: [0],
  resumeMarginSeconds: [0],
};

const LIMITS: Record<string, Check> = Object.fromEntries(Object.entries(RANGES).map(([name, range]) => [name, inRange(...range)]));

/**
 * Refuses limits that are none.
 *
 * @throws {FerryError} `bad-input`, with the limit's name and range.
 */
export function checkLimits(limits: Limits = {}): void {
  checkNames('limits', limits, LIMITS);
}

function inRange(least: number, most?: number): Check {
  return (name, value) => {
    if (value === undefined) return;
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= (most ?? Number.MAX_SAFE_INTEGER)) return;
    const upTo = most === undefined ? `${least} or more` : `from ${least} to ${most}`;
    throw new FerryError('bad-input', `limits.${name} is a whole number, ${upTo}, not ${String(value)}`);
  };
}

/** The options as the workers read them (src/web/options.rs). */
export function engineOptions(options: StartOptions, log: Log): string {
  const cache = options.cache === false ? undefined : options.cache;
  // The last of them is the page's own.
  const { futureSeconds: _, ...limits } = options.limits ?? {};
  return JSON.stringify({
    limits,
    verify: options.verify !== 'none',
    verifiers: options.verifiers,
    relays: (options.relays ?? []).map(relayUrl),
    indexers: (options.indexers ?? []).map(relayUrl),
    persist: options.cache !== false,
    database: cache?.name,
    cacheBytes: cache?.maxBytes,
    maxRelays: options.maxRelays,
    warn: log.tells('warn'),
  });
}
