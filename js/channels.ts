/** A worker's role; every worker runs the same script and the same module. */
export type Role = 'connections' | 'cache' | 'parser' | 'crypto';

/** All four, in the order in which they start. */
export const ROLES: readonly Role[] = ['connections', 'cache', 'parser', 'crypto'];

/**
 * The channels between the workers, and who holds `port1` and `port2`.
 * `src/role.rs` has the same table for the workers; its test compares the two.
 */
export const CHANNELS = {
  cacheToConn: ['cache', 'connections'],
  parserToCache: ['parser', 'cache'],
  connToParser: ['connections', 'parser'],
  parserToCrypto: ['parser', 'crypto'],
  cryptoToConn: ['crypto', 'connections'],
  cryptoToMain: ['crypto', 'page'],
} as const satisfies Record<string, readonly [Role, Role | 'page']>;
