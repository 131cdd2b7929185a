// What a request needs besides its subscription: a buffer, an end by a signal, and for the one-shot ones their answer.
import type { EventView } from './event.js';
import { FerryError } from './errors.js';
import type { Subscription } from './subscription.js';
import type { Filter, RelayCount, SubscribeOptions } from './types.js';

/** A subscription's buffer: so much for each event it asks for, a note with what was read of it, and in all from the least to the most. */
const EVENT_BYTES = 1 << 10;
const LEAST_BYTES = 16 << 10;
/** What does not fit waits in the engine, part of it as ids whose events the store is asked for once more. */
const MOST_BYTES = 1 << 20;
/** One that asks for no number of events stays open, as a rule, and keeps its buffer. */
const OPEN_END_BYTES = 256 << 10;

/** Has `signal` close the subscription. */
export function closedBy(signal: AbortSignal | undefined, subscription: Subscription): Subscription {
  if (!signal) return subscription;
  const close = () => subscription.close();
  // A signal may outlive many subscriptions.
  const forget = () => signal.removeEventListener('abort', close);
  signal.addEventListener('abort', close);
  subscription.on('end', forget);
  subscription.on('error', forget);
  return subscription;
}

/** How much is buffered between the parser and the page. */
export function bufferBytes(filters: Filter[], options: SubscribeOptions): number {
  if (options.bufferBytes !== undefined) return options.bufferBytes;
  const wanted = filters.reduce((sum, { ids, limit }) => sum + Math.min(limit ?? Infinity, ids?.length ?? Infinity), 0);
  if (wanted === Infinity) return OPEN_END_BYTES;
  return Math.min(Math.max(wanted * EVENT_BYTES, LEAST_BYTES), MOST_BYTES);
}

/** What the caller does with them later is not the subscription's business. */
export function copy(filters: Filter[]): Filter[] {
  const own = (value: unknown) => (Array.isArray(value) ? [...(value as unknown[])] : value);
  return filters.map((filter) => Object.fromEntries(Object.entries(filter).map(([name, value]) => [name, own(value)])) as Filter);
}

/** All that a subscription delivers until it ends, as `NostrManager.fetch` gives it. */
export async function eventsOf(subscription: Subscription, signal: AbortSignal | undefined): Promise<EventView[]> {
  const events: EventView[] = [];
  for await (const event of subscription) {
    const before = event.unlocked ? events.findIndex(({ id }) => id === event.id) : -1;
    if (before < 0) events.push(event);
    else events[before] = event;
  }
  signal?.throwIfAborted();
  return events.sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1));
}

/** What relays answer to a COUNT until it ends, as `NostrManager.count` gives it. */
export async function countsOf(subscription: Subscription, signal: AbortSignal | undefined): Promise<RelayCount[]> {
  const answers: RelayCount[] = [];
  const reason = await new Promise<string>((resolve, reject) => {
    subscription.on('end', (end) => resolve(end.reason));
    subscription.on('error', reject);
    subscription.on('closed', ({ relay, reason }) => {
      answers.push({ relay, error: new FerryError('refused', `${relay} does not count: ${reason}`, { relay }) });
    });
    subscription.on('relayCount', (answer) => answers.push(answer));
  });
  signal?.throwIfAborted();
  if (answers.length > 0) return answers;
  if (reason === 'timed-out') throw new FerryError('timed-out', 'no relay was asked in time');
  throw new FerryError('bad-input', 'there is no relay to ask: name one, or give NostrManager.start some');
}
