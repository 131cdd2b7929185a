// Messages to and from the workers as FlatBuffers; the crypto role's are in ./wire-signer.ts. Nothing else imports ./generated.
import { Builder, ByteBuffer, type Offset } from 'flatbuffers';

import { asList, checkHex, checkTemplate, integer, relayUrl } from './check.js';
import { FerryError, assertNever, type FerryErrorCode } from './errors.js';
import { EventView } from './event.js';
import * as fb from './generated/ferry.js';
import { bytesOf, structHex } from './hex.js';
import type {
  CountResponse,
  EventTemplate,
  Filter,
  Pipe,
  PortName,
  PublishStatus,
  PublishTemplate,
  RelayChoice,
  RelayCount,
  RelayStatus,
  RoleStats,
  SignedEvent,
  SubscribeOptions,
  ValidProof,
  ValidProofs,
} from './types.js';

/** What a subscription's inbox yields. */
export type SubMessage =
  | { type: 'event'; event: EventView }
  | { type: 'count'; count: CountResponse }
  | { type: 'proofs'; proofs: ValidProofs }
  | { type: 'eoce' }
  | { type: 'eose'; relay: string | undefined }
  | { type: 'closed'; relay: string; reason: string }
  | { type: 'relay-count'; answer: RelayCount }
  | { type: 'overflow'; dropped: number }
  | { type: 'ended'; reason: 'complete' | 'timed-out' | 'max-events' | 'too-many-subscriptions' | 'bad-filters' };

/** What a worker's control port says. */
export type Report =
  | { type: 'publish'; publish: number; status: PublishStatus | { state: 'failed'; error: FerryError } | { state: 'complete' } }
  | { type: 'stats'; request: number; stats: RoleStats }
  | { type: 'notice'; relay: string; message: string }
  | ({ type: 'imported'; request: number } & Imported)
  | { type: 'wiped'; request: number }
  | { type: 'explained'; request: number; stored: boolean; relays: RelayChoice[]; seen: string[] };

/** What became of some lines; `at` counts them from 0. */
export interface Imported {
  stored: number;
  known: number;
  bad: { at: number; reason: string }[];
}

// ---------------------------------------------------------------- to the workers

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

/** Signed events to be checked and stored; none asks when all is durable. */
export function encodeImport(request: number, lines: string[]): Uint8Array {
  return main(fb.MainContent.ImportEvents, (builder) => {
    const lines_ = fb.ImportEvents.createLinesVector(builder, strings(builder, lines));
    return fb.ImportEvents.createImportEvents(builder, BigInt(request), lines_);
  });
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

function main(type: fb.MainContent, content: (builder: Builder) => Offset): Uint8Array {
  const builder = new Builder(512);
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
    return builder.createString(value);
  });
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

// ---------------------------------------------------------------- from the workers

/** Reads one record of a subscription's inbox. */
export function decodeSubMessage(record: Uint8Array, futureSeconds?: number): SubMessage {
  const message = fb.WorkerMessage.getRootAsWorkerMessage(new ByteBuffer(record));
  const type = message.contentType();
  const content = <T>(table: T): T => message.content(table);
  switch (type) {
    case fb.WorkerContent.NostrEvent:
      return { type: 'event', event: new EventView(content(new fb.NostrEvent()), undefined, futureSeconds) };
    case fb.WorkerContent.ParsedEvent: {
      const parsed: fb.ParsedEvent = content(new fb.ParsedEvent());
      return { type: 'event', event: new EventView(required(parsed.event()), parsed.readingArray() ?? undefined, futureSeconds) };
    }
    case fb.WorkerContent.CountResponse: {
      const count: fb.CountResponse = content(new fb.CountResponse());
      return { type: 'count', count: { kind: count.kind(), count: Number(count.count()), you: count.you() } };
    }
    case fb.WorkerContent.ValidProofs: {
      const valid: fb.ValidProofs = content(new fb.ValidProofs());
      const proofs = list(valid.proofsLength(), (at) => valid.proofs(at)).map(validProof);
      return { type: 'proofs', proofs: { mint: text(valid.mint()), unit: text(valid.unit()), proofs } };
    }
    case fb.WorkerContent.Eoce:
      return { type: 'eoce' };
    case fb.WorkerContent.Eose: {
      const eose: fb.Eose = content(new fb.Eose());
      return { type: 'eose', relay: eose.all() ? undefined : text(message.relay()) };
    }
    case fb.WorkerContent.Closed: {
      const closed: fb.Closed = content(new fb.Closed());
      return { type: 'closed', relay: text(message.relay()), reason: text(closed.reason()) };
    }
    case fb.WorkerContent.Count: {
      const count: fb.Count = content(new fb.Count());
      const answer = { relay: text(message.relay()), count: Number(count.count()), approximate: count.approximate() };
      return { type: 'relay-count', answer };
    }
    case fb.WorkerContent.Unreachable: {
      const unreachable: fb.Unreachable = content(new fb.Unreachable());
      const relay = text(message.relay());
      const error = new FerryError('unreachable', `${relay}: ${text(unreachable.reason())}`, { relay });
      return { type: 'relay-count', answer: { relay, error } };
    }
    case fb.WorkerContent.BufferFull: {
      const full: fb.BufferFull = content(new fb.BufferFull());
      return { type: 'overflow', dropped: Number(full.dropped()) };
    }
    case fb.WorkerContent.Ended: {
      const ended: fb.Ended = content(new fb.Ended());
      return { type: 'ended', reason: endReason(ended.reason()) };
    }
    default:
      throw new FerryError('bad-input', `a subscription's message of type ${type} is not for the page`);
  }
}

function validProof(valid: fb.ValidProof): ValidProof {
  const [e, s, r, witness] = [valid.e(), valid.s(), valid.r(), valid.witness()];
  return {
    event: structHex(required(valid.event())),
    amount: Number(valid.amount()),
    id: text(valid.keyset()),
    secret: text(valid.secret()),
    C: text(valid.signature()),
    ...(e !== null && s !== null && { dleq: r === null ? { e, s } : { e, s, r } }),
    ...(witness !== null && { witness }),
    checked: valid.checked(),
  };
}

/** Reads one record of a control port. */
export function decodeReport(record: Uint8Array): Report {
  const report = fb.RoleReport.getRootAsRoleReport(new ByteBuffer(record));
  const content = <T>(table: T): T => report.content(table);
  switch (report.contentType()) {
    case fb.ReportContent.PublishStatus: {
      const status: fb.PublishStatus = content(new fb.PublishStatus());
      return { type: 'publish', publish: Number(status.publish()), status: publishStatus(status) };
    }
    case fb.ReportContent.Stats: {
      const stats: fb.Stats = content(new fb.Stats());
      return { type: 'stats', request: Number(stats.requestId()), stats: roleStats(stats) };
    }
    case fb.ReportContent.RelayNotice: {
      const notice: fb.RelayNotice = content(new fb.RelayNotice());
      return { type: 'notice', relay: text(notice.relay()), message: text(notice.message()) };
    }
    case fb.ReportContent.Imported: {
      const imported: fb.Imported = content(new fb.Imported());
      const bad = list(imported.badLength(), (at) => imported.bad(at)).map((line) => ({ at: line.at(), reason: text(line.reason()) }));
      return { type: 'imported', request: Number(imported.requestId()), stored: imported.stored(), known: imported.known(), bad };
    }
    case fb.ReportContent.Wiped: {
      const wiped: fb.Wiped = content(new fb.Wiped());
      return { type: 'wiped', request: Number(wiped.requestId()) };
    }
    case fb.ReportContent.Explained: {
      const explained: fb.Explained = content(new fb.Explained());
      const relays = list(explained.relaysLength(), (at) => explained.relays(at)).map((choice) => ({
        relay: text(choice.relay()),
        reason: choiceReason(choice.reason()),
        people: list(choice.peopleLength(), (at) => choice.people(at)).map((key) => structHex(key)),
      }));
      const seen = list(explained.seenLength(), (at) => explained.seen(at));
      return { type: 'explained', request: Number(explained.requestId()), stored: explained.stored(), relays, seen };
    }
    default:
      throw new FerryError('bad-input', `a report of type ${report.contentType()} is unknown`);
  }
}

/** Reads one record of the status stream. */
export function decodeStatus(record: Uint8Array): RelayStatus {
  const status = fb.ConnectionStatus.getRootAsConnectionStatus(new ByteBuffer(record));
  const hiddenSeconds = Number(status.hiddenSeconds());
  return {
    relay: text(status.relay()),
    state: relayState(status.state()),
    reason: text(status.reason()),
    events: Number(status.events()),
    bytes: Number(status.bytes()),
    malformed: Number(status.malformed()),
    unknownSub: Number(status.unknownSub()),
    forged: Number(status.forged()),
    unmatched: Number(status.unmatched()),
    connects: Number(status.connects()),
    sheds: Number(status.sheds()),
    hiddenSeconds,
    ...(hiddenSeconds > 0 ? { hiddenAt: Number(status.hiddenAt()) } : {}),
  };
}

function publishStatus(status: fb.PublishStatus): (Report & { type: 'publish' })['status'] {
  const recipient = status.recipient();
  return { ...publishState(status), ...(recipient ? { recipient: structHex(recipient) } : {}) };
}

function publishState(status: fb.PublishStatus): (Report & { type: 'publish' })['status'] {
  const relay = text(status.relay());
  const reason = text(status.reason());
  const state = status.state();
  switch (state) {
    case fb.PublishState.Signed:
      return { state: 'signed', event: new EventView(required(status.event())).toJSON() };
    case fb.PublishState.Queued:
      return { state: 'queued', relays: list(status.relaysLength(), (at) => status.relays(at)) };
    case fb.PublishState.Sent:
      return { state: 'sent', relay };
    case fb.PublishState.Accepted:
      return { state: 'accepted', relay, reason };
    case fb.PublishState.Rejected:
      return { state: 'rejected', relay, reason };
    case fb.PublishState.Unanswered:
      return { state: 'unanswered', relay, reason };
    case fb.PublishState.Failed:
      return { state: 'failed', error: signerError(status.error()) };
    case fb.PublishState.Complete:
      return { state: 'complete' };
    default:
      return assertNever(state);
  }
}

export function signerError(error: fb.SignerError | null): FerryError {
  const detail = text(error?.detail() ?? '');
  const [code, message] = signerErrorWords(error?.code() ?? fb.SignerErrorCode.BadInput, detail);
  return new FerryError(code, message);
}

function signerErrorWords(code: fb.SignerErrorCode, detail: string): [FerryErrorCode, string] {
  switch (code) {
    case fb.SignerErrorCode.NoSigner:
      return ['no-signer', 'no signer is set: call one of manager.signer first, such as usePrivateKey'];
    case fb.SignerErrorCode.Refused:
      return ['refused', `the signer refused: ${detail}`];
    case fb.SignerErrorCode.TimedOut:
      return ['timed-out', 'the signer did not answer in time'];
    case fb.SignerErrorCode.Disconnected:
      return ['disconnected', `the signer is disconnected: ${detail}`];
    case fb.SignerErrorCode.BadInput:
      return ['bad-input', detail];
    case fb.SignerErrorCode.Cancelled:
      return ['cancelled', 'the signer was changed or logged out before it answered'];
    case fb.SignerErrorCode.Unsupported:
      return ['unsupported', `this signer cannot do that: ${detail}`];
    default:
      return assertNever(code);
  }
}

function endReason(reason: fb.EndReason): (SubMessage & { type: 'ended' })['reason'] {
  switch (reason) {
    case fb.EndReason.Complete:
      return 'complete';
    case fb.EndReason.TimedOut:
      return 'timed-out';
    case fb.EndReason.MaxEvents:
      return 'max-events';
    case fb.EndReason.TooManySubscriptions:
      return 'too-many-subscriptions';
    case fb.EndReason.BadFilters:
      return 'bad-filters';
    default:
      return assertNever(reason);
  }
}

function choiceReason(reason: fb.ChoiceReason): RelayChoice['reason'] {
  const names = ['named', 'outbox', 'inbox', 'indexer', 'default', 'covered', 'over-limit'] as const;
  return required(names[reason]);
}

function relayState(state: fb.RelayState): RelayStatus['state'] {
  switch (state) {
    case fb.RelayState.Connecting:
      return 'connecting';
    case fb.RelayState.Open:
      return 'open';
    case fb.RelayState.Authenticating:
      return 'authenticating';
    case fb.RelayState.Closed:
      return 'closed';
    case fb.RelayState.Failed:
      return 'failed';
    case fb.RelayState.Shed:
      return 'shed';
    default:
      return assertNever(state);
  }
}

function roleStats(stats: fb.Stats): RoleStats {
  const ports = list(stats.portsLength(), (at) => stats.ports(at)).map((port) => ({
    name: text(port.name()) as PortName,
    sentRecords: Number(port.sentRecords()),
    sentBytes: Number(port.sentBytes()),
    sentBatches: Number(port.sentBatches()),
    receivedRecords: Number(port.receivedRecords()),
    receivedBytes: Number(port.receivedBytes()),
    receivedBatches: Number(port.receivedBatches()),
    queueDepth: Number(port.queueDepth()),
    queueHighWater: Number(port.queueHighWater()),
    creditBytes: Number(port.creditBytes()),
    stalls: Number(port.stalls()),
    stalledMs: Number(port.stalledMs()),
    malformed: Number(port.malformed()),
  }));
  const counters = list(stats.countersLength(), (at) => stats.counters(at)).map((counter) => [text(counter.name()), Number(counter.value())]);
  return { ports, counters: Object.fromEntries(counters) as Record<string, number> };
}

export function list<T>(length: number, get: (at: number) => T | null): T[] {
  return Array.from({ length }, (_, at) => required(get(at)));
}

export function required<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new FerryError('bad-input', 'a message from a worker lacks a field');
  return value;
}

export function text(value: string | Uint8Array | null | undefined): string {
  return typeof value === 'string' ? value : '';
}
