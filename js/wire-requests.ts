// What the page asks of the workers, written as FlatBuffers; the crypto role's share is in ./wire-signer.ts.
import { Builder, type Offset } from 'flatbuffers';

import { asList, checkHex, checkTemplate, integer, relayUrl } from './check.js';
import { FerryError, assertNever } from './errors.js';
import * as fb from './generated/ferry.js';
import { bytesOf } from './hex.js';
import type { EventTemplate, Filter, Pipe, PublishTemplate, SignedEvent, SubscribeOptions } from './types.js';

/** `count`: the relays are asked how many events they have, for none of them. */
export type SubscribeRequest = SubscribeOptions & { count?: true };

/** @param delivered ids that need not be delivered any more, 32 bytes each */
export function encodeSubscribe(sub: string, filters: Filter[], options: SubscribeRequest, delivered?: Uint8Array): Uint8Array {
  return main(fb.MainContent.Subscribe, (builder) => {
    const subAt = builder.createString(sub);
    const requests = fb.Subscribe.createRequestsVector(builder, filters.map((filter) => filterAt(builder, filter)));
    const relays = fb.Subscribe.createRelaysVector(builder, relayUrls(builder, options.relays ?? []));
    const pipes = pipelineAt(builder, options.pipeline ?? []);
    const delivered_ = delivered?.length ? idsAt(builder, delivered) : undefined;
    fb.Subscribe.startSubscribe(builder);
    fb.Subscribe.addSub(builder, subAt);
    fb.Subscribe.addRequests(builder, requests);
    fb.Subscribe.addRelays(builder, relays);
    fb.Subscribe.addPolicy(builder, policy(options));
    fb.Subscribe.addCloseOnEose(builder, options.closeOnEose ?? false);
    if (options.timeoutMs !== undefined) fb.Subscribe.addTimeoutMs(builder, options.timeoutMs);
    if (options.maxEvents !== undefined) fb.Subscribe.addMaxEvents(builder, options.maxEvents);
    fb.Subscribe.addPipeline(builder, pipes);
    if (options.maxRelays !== undefined) fb.Subscribe.addMaxRelays(builder, integer('maxRelays', options.maxRelays, 0xffffffff));
    if (delivered_ !== undefined) fb.Subscribe.addDelivered(builder, delivered_);
    return fb.Subscribe.endSubscribe(builder);
  });
}

export function encodeUnsubscribe(sub: string): Uint8Array {
  return main(fb.MainContent.Unsubscribe, (builder) =>
    fb.Unsubscribe.createUnsubscribe(builder, builder.createString(sub)),
  );
}

/** @param event the template as it was signed before: it is not signed again */
export function encodePublish(publish: number, template: PublishTemplate, relays: string[], event?: SignedEvent): Uint8Array {
  return main(fb.MainContent.Publish, (builder) => {
    const template_ = templateAt(builder, template);
    const relays_ = fb.Publish.createRelaysVector(builder, relayUrls(builder, relays));
    const privateTags = template.privateTags && fb.Publish.createPrivateTagsVector(builder, tagsAt(builder, template.privateTags));
    const event_ = event && eventAt(builder, event);
    fb.Publish.startPublish(builder);
    if (privateTags !== undefined) fb.Publish.addPrivateTags(builder, privateTags);
    fb.Publish.addPublish(builder, BigInt(publish));
    fb.Publish.addTemplate(builder, template_);
    fb.Publish.addRelays(builder, relays_);
    if (event_ !== undefined) fb.Publish.addEvent(builder, event_);
    return fb.Publish.endPublish(builder);
  });
}

export function encodeAbortPublish(publish: number): Uint8Array {
  return main(fb.MainContent.AbortPublish, (builder) => fb.AbortPublish.createAbortPublish(builder, BigInt(publish)));
}

export function encodeOnline(): Uint8Array {
  return main(fb.MainContent.Online, fb.Online.createOnline);
}

export function encodeStatsRequest(request: number): Uint8Array {
  return main(fb.MainContent.StatsRequest, (builder) => fb.StatsRequest.createStatsRequest(builder, BigInt(request)));
}

/** Somebody has signed in: their events are kept longest. */
export function encodeOwner(pubkey: string): Uint8Array {
  return main(fb.MainContent.Owner, (builder) => {
    fb.Owner.startOwner(builder);
    fb.Owner.addPubkey(builder, fb.Hash.createHash(builder, bytesOf(pubkey)));
    return fb.Owner.endOwner(builder);
  });
}

/** Signed events to be checked and stored, a line each; no text asks when all is durable. */
export function encodeImport(request: number, text: Uint8Array): Uint8Array {
  return main(
    fb.MainContent.ImportEvents,
    (builder) => fb.ImportEvents.createImportEvents(builder, BigInt(request), builder.createByteVector(text)),
    text.length,
  );
}

export function encodeWipe(request: number): Uint8Array {
  return main(fb.MainContent.Wipe, (builder) => fb.Wipe.createWipe(builder, BigInt(request)));
}

/** Asks about a subscription, by the engine's own name for it, or about an event. */
export function encodeExplain(request: number, about: { sub: string } | { event: string }): Uint8Array {
  return main(fb.MainContent.Explain, (builder) => {
    const sub = 'sub' in about ? builder.createString(about.sub) : 0;
    fb.Explain.startExplain(builder);
    fb.Explain.addRequestId(builder, BigInt(request));
    if (sub) fb.Explain.addSub(builder, sub);
    if ('event' in about) fb.Explain.addEvent(builder, hashAt(builder, 'event', about.event));
    return fb.Explain.endExplain(builder);
  });
}

/** The relays for what names none, from now on; addresses as `relayUrl` gives them. */
export function encodeDefaults(relays: string[]): Uint8Array {
  return main(fb.MainContent.Defaults, (builder) =>
    fb.Defaults.createDefaults(builder, fb.Defaults.createRelaysVector(builder, strings(builder, relays))),
  );
}

export function encodeStop(): Uint8Array {
  return main(fb.MainContent.Stop, fb.Stop.createStop);
}

/** @param bytes of what is large in it */
function main(type: fb.MainContent, content: (builder: Builder) => Offset, bytes = 0): Uint8Array {
  const builder = new Builder(512 + bytes);
  const at = content(builder);
  builder.finish(fb.MainMessage.createMainMessage(builder, type, at));
  return builder.asUint8Array();
}

function policy(options: SubscribeRequest): fb.CachePolicy {
  if (options.count) return fb.CachePolicy.Count;
  const chosen = [options.cacheFirst, options.cacheOnly, options.noCache].filter(Boolean).length;
  if (chosen > 1) throw new FerryError('bad-input', 'cacheFirst, cacheOnly and noCache exclude each other: choose one');
  if (options.cacheFirst) return fb.CachePolicy.CacheFirst;
  if (options.cacheOnly) return fb.CachePolicy.CacheOnly;
  return options.noCache ? fb.CachePolicy.NoCache : fb.CachePolicy.CacheThenNetwork;
}

const DELIVERING = new Set<Pipe['pipe']>(['serialize-events', 'counter', 'proof-verification']);

function pipelineAt(builder: Builder, pipeline: Pipe[]): Offset {
  const delivers = pipeline.findIndex(({ pipe }) => DELIVERING.has(pipe));
  if (delivers >= 0 && delivers < pipeline.length - 1) {
    throw new FerryError('bad-input', `"${pipeline[delivers]?.pipe}" delivers, so it is the last pipe: nothing can follow it`);
  }
  const entries = pipeline.map((pipe) => {
    const [type, at] = pipeAt(builder, pipe);
    return fb.PipeEntry.createPipeEntry(builder, type, at);
  });
  return fb.Subscribe.createPipelineVector(builder, entries);
}

function pipeAt(builder: Builder, pipe: Pipe): [fb.Pipe, Offset] {
  const kindsAt = (kinds: number[]) => kinds.map((kind) => integer('kinds', kind, 0xffff));
  switch (pipe.pipe) {
    case 'parse':
      return [fb.Pipe.ParsePipe, fb.ParsePipe.createParsePipe(builder)];
    case 'save-to-db':
      return [fb.Pipe.SaveToDbPipe, fb.SaveToDbPipe.createSaveToDbPipe(builder)];
    case 'serialize-events':
      return [fb.Pipe.SerializeEventsPipe, fb.SerializeEventsPipe.createSerializeEventsPipe(builder)];
    case 'kind-filter': {
      const kinds = fb.KindFilterPipe.createKindsVector(builder, kindsAt(pipe.kinds));
      return [fb.Pipe.KindFilterPipe, fb.KindFilterPipe.createKindFilterPipe(builder, kinds)];
    }
    case 'mute': {
      const pubkeys = hashes(builder, 'pubkeys', pipe.pubkeys ?? [], fb.MutePipe.startPubkeysVector);
      const ids = hashes(builder, 'ids', pipe.ids ?? [], fb.MutePipe.startIdsVector);
      const hashtags = fb.MutePipe.createHashtagsVector(builder, strings(builder, pipe.hashtags ?? []));
      const words = fb.MutePipe.createWordsVector(builder, strings(builder, pipe.words ?? []));
      return [fb.Pipe.MutePipe, fb.MutePipe.createMutePipe(builder, pubkeys, ids, hashtags, words)];
    }
    case 'npub-limiter': {
      const kind = integer('kind', pipe.kind, 0xffff);
      const [limit, max] = [integer('limit', pipe.limit, 0xffffffff), integer('maxNpubs', pipe.maxNpubs, 0xffffffff)];
      return [fb.Pipe.NpubLimiterPipe, fb.NpubLimiterPipe.createNpubLimiterPipe(builder, kind, limit, max)];
    }
    case 'counter': {
      const kinds = fb.CounterPipe.createKindsVector(builder, kindsAt(pipe.kinds));
      fb.CounterPipe.startCounterPipe(builder);
      fb.CounterPipe.addKinds(builder, kinds);
      if (pipe.pubkey !== undefined) fb.CounterPipe.addPubkey(builder, hashAt(builder, 'pubkey', pipe.pubkey));
      return [fb.Pipe.CounterPipe, fb.CounterPipe.endCounterPipe(builder)];
    }
    case 'proof-verification': {
      const max = integer('max', pipe.max, 0xffffffff);
      return [fb.Pipe.ProofVerificationPipe, fb.ProofVerificationPipe.createProofVerificationPipe(builder, max)];
    }
    default:
      return assertNever(pipe);
  }
}

function filterAt(builder: Builder, filter: Filter): Offset {
  const { ids, authors, kinds, since, until, limit, search } = filter;
  const ids_ = ids && hashes(builder, 'ids', ids, fb.Filter.startIdsVector);
  const authors_ = authors && hashes(builder, 'authors', authors, fb.Filter.startAuthorsVector);
  const kinds_ = kinds && fb.Filter.createKindsVector(builder, kinds.map((kind) => integer('kinds', kind, 0xffff)));
  const tags: Offset[] = [];
  for (const [name, values] of Object.entries(filter)) {
    if (!name.startsWith('#') || values === undefined) continue;
    const values_ = fb.TagFilter.createValuesVector(builder, strings(builder, values as string[]));
    tags.push(fb.TagFilter.createTagFilter(builder, name.charCodeAt(1), values_));
  }
  const tags_ = fb.Filter.createTagsVector(builder, tags);
  const search_ = search !== undefined ? builder.createString(search) : 0;
  fb.Filter.startFilter(builder);
  if (ids_ !== undefined) fb.Filter.addIds(builder, ids_);
  if (authors_ !== undefined) fb.Filter.addAuthors(builder, authors_);
  if (kinds_ !== undefined) fb.Filter.addKinds(builder, kinds_);
  fb.Filter.addTags(builder, tags_);
  if (since !== undefined) fb.Filter.addSince(builder, BigInt(integer('since', since)));
  if (until !== undefined) fb.Filter.addUntil(builder, BigInt(integer('until', until)));
  if (limit !== undefined) fb.Filter.addLimit(builder, integer('limit', limit, 0xffffffff));
  if (search_) fb.Filter.addSearch(builder, search_);
  return fb.Filter.endFilter(builder);
}

export function templateAt(builder: Builder, template: EventTemplate): Offset {
  checkTemplate(template);
  const content = builder.createString(template.content);
  const kind = integer('kind', template.kind, 0xffff);
  const tags_ = fb.Template.createTagsVector(builder, tagsAt(builder, template.tags ?? []));
  fb.Template.startTemplate(builder);
  fb.Template.addKind(builder, kind);
  if (template.created_at !== undefined) fb.Template.addCreatedAt(builder, BigInt(integer('created_at', template.created_at)));
  fb.Template.addTags(builder, tags_);
  fb.Template.addContent(builder, content);
  return fb.Template.endTemplate(builder);
}

function tagsAt(builder: Builder, tags: string[][]): Offset[] {
  return tags.map((tag) => fb.Tag.createTag(builder, fb.Tag.createValuesVector(builder, strings(builder, tag))));
}

export function eventAt(builder: Builder, event: SignedEvent): Offset {
  checkTemplate(event);
  checkHex('id', event.id);
  checkHex('pubkey', event.pubkey);
  checkHex('sig', event.sig, 128);
  const kind = integer('kind', event.kind, 0xffff);
  const createdAt = integer('created_at', event.created_at);
  const tags_ = fb.NostrEvent.createTagsVector(builder, tagsAt(builder, event.tags));
  const content = builder.createString(event.content);
  fb.NostrEvent.startNostrEvent(builder);
  fb.NostrEvent.addId(builder, fb.Hash.createHash(builder, bytesOf(event.id)));
  fb.NostrEvent.addPubkey(builder, fb.Hash.createHash(builder, bytesOf(event.pubkey)));
  fb.NostrEvent.addCreatedAt(builder, BigInt(createdAt));
  fb.NostrEvent.addKind(builder, kind);
  fb.NostrEvent.addTags(builder, tags_);
  fb.NostrEvent.addContent(builder, content);
  fb.NostrEvent.addSig(builder, fb.Sig.createSig(builder, bytesOf(event.sig)));
  return fb.NostrEvent.endNostrEvent(builder);
}

export function strings(builder: Builder, values: string[]): Offset[] {
  return values.map((value) => {
    if (typeof value !== 'string') throw new FerryError('bad-input', `expected a string, not ${JSON.stringify(value)}`);
    return builder.createString(plain(value));
  });
}

const ASCII = new Uint8Array(128);

/** The bytes of what is short and plain, as ids are in tags: an encoder's call takes longer than all else about them. */
function plain(value: string): string | Uint8Array {
  if (value.length > ASCII.length) return value;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code > 127) return value;
    ASCII[at] = code;
  }
  return ASCII.subarray(0, value.length);
}

export function relayUrls(builder: Builder, urls: string[]): Offset[] {
  asList('relays', urls);
  return strings(builder, urls.map(relayUrl));
}

function hashes(builder: Builder, name: string, values: string[], start: (builder: Builder, count: number) => void): Offset {
  start(builder, values.length);
  // A vector of structs is written back to front.
  for (const value of [...values].reverse()) hashAt(builder, name, value);
  return builder.endVector();
}

function idsAt(builder: Builder, ids: Uint8Array): Offset {
  fb.Subscribe.startDeliveredVector(builder, ids.length / 32);
  for (let end = ids.length; end > 0; end -= 32) fb.Hash.createHash(builder, Array.from(ids.subarray(end - 32, end)));
  return builder.endVector();
}

function hashAt(builder: Builder, name: string, value: string): Offset {
  checkHex(name, value);
  return fb.Hash.createHash(builder, bytesOf(value));
}
