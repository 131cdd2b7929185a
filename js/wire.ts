// Messages from the workers, read from FlatBuffers. What goes to them is in ./wire-requests.ts, what the crypto role says and
// hears in ./wire-signer.ts; nothing but these three and ./event.ts imports ./generated/ferry.js.
import type { ByteBuffer } from 'flatbuffers';

import { FerryError, assertNever, type FerryErrorCode } from './errors.js';
import { EventView } from './event.js';
import * as fb from './generated/ferry.js';
import { structHex } from './hex.js';
import { startOf } from './records.js';
import type {
  CountResponse,
  PortName,
  PublishStatus,
  RelayChoice,
  RelayCount,
  RelayStatus,
  RoleStats,
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

/** Reads one record of a subscription's inbox. */
export function decodeSubMessage(record: ByteBuffer, futureSeconds?: number): SubMessage {
  const message = fb.WorkerMessage.getRootAsWorkerMessage(record);
  const type = message.contentType();
  const content = <T>(table: T): T => message.content(table);
  switch (type) {
    case fb.WorkerContent.NostrEvent:
      return { type: 'event', event: new EventView(content(new fb.NostrEvent()), undefined, futureSeconds) };
    case fb.WorkerContent.ParsedEvent: {
      const parsed: fb.ParsedEvent = content(new fb.ParsedEvent());
      return { type: 'event', event: new EventView(required(parsed.event()), parsed, futureSeconds) };
    }
    case fb.WorkerContent.StoredEvent: {
      const stored: fb.StoredEvent = content(new fb.StoredEvent());
      // A message of its own, read where it lies.
      record.setPosition(startOf(required(stored.eventArray()), record));
      return { type: 'event', event: new EventView(fb.NostrEvent.getRootAsNostrEvent(record), stored, futureSeconds) };
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
export function decodeReport(record: ByteBuffer): Report {
  const report = fb.RoleReport.getRootAsRoleReport(record);
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
export function decodeStatus(record: ByteBuffer): RelayStatus {
  const status = fb.ConnectionStatus.getRootAsConnectionStatus(record);
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
      return ['no-signer', 'no signer is set: choose one first, such as nostr.signer.useExtension()'];
    case fb.SignerErrorCode.Refused:
      return ['refused', `the signer refused: ${detail}`];
    case fb.SignerErrorCode.TimedOut:
      return ['timed-out', 'the signer did not answer in time: see whether it waits for you to confirm, then ask again'];
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
