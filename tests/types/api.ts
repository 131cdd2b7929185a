// The public types, as a user's compiler sees them: `make check` compiles this and runs none of it. A line under
// `@ts-expect-error` has to be refused.
import {
  EventView,
  FerryError,
  NostrManager,
  Publish,
  Subscription,
  nip19,
  type CountResponse,
  type Diagnosis,
  type EventTemplate,
  type FerryErrorCode,
  type Filter,
  type Nip19Entity,
  type Parsed,
  type PortName,
  type PublishStatus,
  type RelayStatus,
  type SignedEvent,
} from 'nostr-ferry';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles if `value` has exactly the type that is named. */
declare function expectType<Wanted>(): <Given>(value: Given, ...same: Same<Given, Wanted> extends true ? [] : [never]) => void;

export async function starting() {
  const nostr = await NostrManager.start({ relays: ['wss://relay.example.com'], cache: { maxBytes: 1 << 20 }, verify: 'all', wasmUrl: new URL('https://x') });
  expectType<NostrManager>()(nostr);
  await NostrManager.start();
  await NostrManager.start({ cache: false });
  // @ts-expect-error the store is on unless it is off
  await NostrManager.start({ cache: true });
  // @ts-expect-error a mistyped option is no option
  await NostrManager.start({ relay: ['wss://relay.example.com'] });
  // @ts-expect-error engines are started, not made
  new NostrManager();
  await using scoped = await NostrManager.start();
  expectType<Promise<void>>()(scoped.stop());
  expectType<Diagnosis>()(await NostrManager.doctor({ relays: [] }));
  const { checks } = await nostr.doctor();
  for (const { state } of checks) expectType<'ok' | 'limited' | 'broken'>()(state);
}

export async function reading(nostr: NostrManager, signal: AbortSignal) {
  const filter: Filter = { kinds: [1], authors: ['00'], '#t': ['nostr'], since: 0, limit: 10 };
  using feed = nostr.subscribe([filter], { id: 'feed', signal, maxEvents: 3, pipeline: [{ pipe: 'parse' }, { pipe: 'serialize-events' }] });
  expectType<Subscription>()(feed);
  for await (const event of feed) {
    expectType<EventView>()(event);
    expectType<number>()(event.created_at);
    expectType<string[][]>()(event.tags);
    expectType<string | undefined>()(event.tag('e'));
    expectType<SignedEvent>()(event.toJSON());
    expectType<Parsed | undefined>()(event.parsed);
    // @ts-expect-error a verified event cannot be changed
    event.content = '';
  }
  const off = feed.on('event', (event) => expectType<EventView>()(event), { signal });
  expectType<() => void>()(off);
  feed.on('eose', ({ relay }) => expectType<string | undefined>()(relay));
  feed.on('count', (count) => expectType<CountResponse>()(count));
  feed.on('error', (error) => expectType<FerryError>()(error));
  // @ts-expect-error there is no such event
  feed.on('events', () => undefined);
  expectType<EventView[]>()(await nostr.fetch([{ ids: [] }], { timeoutMs: 5 }));
  // @ts-expect-error filters come in a list
  nostr.subscribe({ kinds: [1] });
  // @ts-expect-error kinds are numbers
  nostr.subscribe([{ kinds: ['1'] }]);
  // @ts-expect-error a tag's values are a list of strings
  nostr.subscribe([{ '#p': 'x' }]);
  // @ts-expect-error there is no such pipe
  nostr.subscribe([{}], { pipeline: [{ pipe: 'sort' }] });
  // @ts-expect-error a pipe needs what it works with
  nostr.subscribe([{}], { pipeline: [{ pipe: 'kind-filter' }] });
}

export async function publishing(nostr: NostrManager) {
  const template: EventTemplate = { kind: 1, content: 'hello', tags: [['t', 'x']] };
  const post = nostr.publish(template, { relays: ['wss://relay.example.com'] });
  expectType<Publish>()(post);
  for await (const status of post.status) {
    expectType<PublishStatus>()(status);
    if (status.state === 'signed') expectType<SignedEvent>()(status.event);
    if (status.state === 'rejected') expectType<string>()(status.reason);
    // @ts-expect-error not every step has a reason
    status.reason;
  }
  expectType<SignedEvent>()(await post.signed());
  expectType<string>()(await post.accepted());
  expectType<string>()(await post.accepted({ timeoutMs: 5_000 }));
  // @ts-expect-error milliseconds are a number
  post.accepted({ timeoutMs: '5s' });
  // @ts-expect-error an event has a content, empty or not
  nostr.publish({ kind: 1 });
}

export async function signing(nostr: NostrManager) {
  expectType<string>()(await nostr.signer.usePrivateKey('nsec1', { remember: true }));
  expectType<string>()(await nostr.signer.nip44.encrypt('00', 'text'));
  const { url, connected } = await nostr.signer.nostrConnect({ relays: [], name: 'me' });
  expectType<string>()(url);
  expectType<Promise<string>>()(connected);
  // @ts-expect-error a remote signer has to be told where to answer
  await nostr.signer.nostrConnect({ name: 'me' });
  expectType<Omit<SignedEvent, 'sig'>>()(await nostr.signer.unwrap(await nostr.signer.signEvent({ kind: 1, content: '' })));
  nostr.signer.on('change', (pubkey) => expectType<string | undefined>()(pubkey));
}

export async function looking(nostr: NostrManager) {
  expectType<RelayStatus[]>()(nostr.relays.list());
  nostr.relays.on('notice', ({ message }) => expectType<string>()(message));
  const { parser } = await nostr.stats();
  for (const port of parser.ports) {
    expectType<PortName>()(port.name);
    expectType<number>()(port.stalledMs);
  }
  const bob = await nostr.nip05('bob@example.com', { timeoutMs: 1_000 });
  // @ts-expect-error the domain may not know the name
  bob.pubkey;
  expectType<string[] | undefined>()(bob?.relays);
}

export function naming(text: string) {
  const entity = nip19.decode(text);
  expectType<Nip19Entity>()(entity);
  if (entity.type === 'nevent') expectType<string | undefined>()(entity.author);
  if (entity.type === 'naddr') expectType<string>()(entity.identifier);
  // @ts-expect-error not every entity has a pubkey
  entity.pubkey;
  expectType<string>()(nip19.encode(entity));
  nip19.encode({ type: 'nprofile', pubkey: '00' });
  // @ts-expect-error an address names its author
  nip19.encode({ type: 'naddr', identifier: '', kind: 1 });
  // @ts-expect-error there is no such entity
  nip19.encode({ type: 'nrelay', relay: 'wss://relay.example.com' });
}

export function failing(error: unknown) {
  if (!(error instanceof FerryError)) throw error;
  expectType<FerryErrorCode>()(error.code);
  // @ts-expect-error there is no such code
  if (error.code === 'unknown') return;
  expectType<string | undefined>()(error.relay);
}
