// Messages to and from the crypto role as FlatBuffers; ./wire.ts says who else imports these.
import { Builder, type ByteBuffer, type Offset } from 'flatbuffers';

import { asList, checkHex } from './check.js';
import { FerryError, assertNever, type FerryErrorCode } from './errors.js';
import { EventView } from './event.js';
import * as fb from './generated/ferry.js';
import { bytesOf, structHex } from './hex.js';
import type { EventTemplate, Rumor, SignedEvent, SignerApp } from './types.js';
import { eventAt, relayUrls, templateAt } from './wire-requests.js';
import { list, required, signerError, text } from './wire.js';

export type Cipher = 'nip44' | 'nip04';

/** What every kind of signer can be asked; what the extension is asked. */
export type SignerCall =
  | { action: 'getPublicKey' }
  | { action: 'signEvent'; template: EventTemplate }
  | { action: 'encrypt' | 'decrypt'; cipher: Cipher; peer: string; text: string };

/** Whom the page's user lets sign. Plain data: a remembered choice is its JSON, encrypted. */
export type SignerChoice =
  | { action: 'usePrivateKey'; secret: string }
  | { action: 'useEncryptedKey'; text: string; secret: string }
  | { action: 'usePublicKey'; text: string }
  | { action: 'useExtension' }
  | { action: 'useBunker'; secret: string; app: SignerApp }
  | { action: 'nostrConnect'; relays: string[]; app: SignerApp }
  | { action: 'resumeSession'; secret: string };

export type SignerCommand =
  | SignerChoice
  | SignerCall
  | { action: 'unwrap'; event: SignedEvent }
  | { action: 'wrap'; template: EventTemplate }
  | { action: 'logout' };

/** What the crypto role, or the extension, answers. */
export type SignerAnswer =
  | { outcome: 'pubkey'; pubkey: string }
  | { outcome: 'signed'; event: SignedEvent }
  | { outcome: 'text'; text: string }
  | { outcome: 'rumor'; rumor: Rumor }
  | { outcome: 'wraps'; wraps: SignedEvent[] }
  | { outcome: 'done' }
  | { outcome: 'failed'; error: FerryError };

/** What the crypto role says of itself, besides answers. */
export type SignerNotice =
  | { outcome: 'extension'; ask: SignerCall }
  | { outcome: 'authUrl'; url: string }
  | { outcome: 'connectUrl'; url: string }
  | { outcome: 'session'; session: string };

export function encodeSignerRequest(request: number, command: SignerCommand): Uint8Array {
  const builder = new Builder(256);
  const fields = commandFields(builder, command);
  fb.SignerRequest.startSignerRequest(builder);
  fb.SignerRequest.addRequestId(builder, BigInt(request));
  fb.SignerRequest.addAction(builder, signerAction(command.action));
  for (const add of fields) add();
  builder.finish(fb.SignerRequest.endSignerRequest(builder));
  return builder.asUint8Array();
}

/** What the extension said to question `call`. */
export function encodeExtensionAnswer(call: number, answer: SignerAnswer): Uint8Array {
  const builder = new Builder(256);
  const answer_ = answerAt(builder, answer);
  fb.SignerRequest.startSignerRequest(builder);
  fb.SignerRequest.addRequestId(builder, BigInt(call));
  fb.SignerRequest.addAction(builder, fb.SignerAction.ExtensionAnswer);
  fb.SignerRequest.addAnswer(builder, answer_);
  builder.finish(fb.SignerRequest.endSignerRequest(builder));
  return builder.asUint8Array();
}

/** Writes what the command carries; the functions add it to its table, once that is begun. */
function commandFields(builder: Builder, command: SignerCommand): (() => void)[] {
  const fields: (() => void)[] = [];
  if ('secret' in command) {
    const at = stringAt(builder, command.secret, SECRETS[command.action]);
    fields.push(() => fb.SignerRequest.addSecret(builder, at));
  }
  if ('text' in command) {
    const at = stringAt(builder, command.text);
    fields.push(() => fb.SignerRequest.addText(builder, at));
  }
  if ('template' in command) {
    const at = templateAt(builder, command.template);
    fields.push(() => fb.SignerRequest.addTemplate(builder, at));
  }
  if ('event' in command) {
    const at = eventAt(builder, command.event);
    fields.push(() => fb.SignerRequest.addEvent(builder, at));
  }
  if ('relays' in command) {
    const at = fb.SignerRequest.createRelaysVector(builder, relayUrls(builder, command.relays));
    fields.push(() => fb.SignerRequest.addRelays(builder, at));
  }
  if ('app' in command) {
    const at = appAt(builder, command.app);
    fields.push(() => fb.SignerRequest.addClient(builder, at));
  }
  if ('cipher' in command) {
    const { cipher, peer } = command;
    checkHex('the other key', peer);
    fields.push(() => fb.SignerRequest.addCipher(builder, cipher === 'nip04' ? fb.Cipher.Nip04 : fb.Cipher.Nip44));
    // A struct is written while its table is open.
    fields.push(() => fb.SignerRequest.addPeer(builder, fb.Hash.createHash(builder, bytesOf(peer))));
  }
  return fields;
}

function signerAction(action: SignerCommand['action']): fb.SignerAction {
  switch (action) {
    case 'usePrivateKey':
      return fb.SignerAction.UsePrivateKey;
    case 'useEncryptedKey':
      return fb.SignerAction.UseEncryptedKey;
    case 'usePublicKey':
      return fb.SignerAction.UsePublicKey;
    case 'useExtension':
      return fb.SignerAction.UseExtension;
    case 'useBunker':
      return fb.SignerAction.UseBunker;
    case 'nostrConnect':
      return fb.SignerAction.NostrConnect;
    case 'resumeSession':
      return fb.SignerAction.ResumeSession;
    case 'getPublicKey':
      return fb.SignerAction.GetPublicKey;
    case 'signEvent':
      return fb.SignerAction.SignEvent;
    case 'encrypt':
      return fb.SignerAction.Encrypt;
    case 'decrypt':
      return fb.SignerAction.Decrypt;
    case 'unwrap':
      return fb.SignerAction.Unwrap;
    case 'wrap':
      return fb.SignerAction.Wrap;
    case 'logout':
      return fb.SignerAction.Logout;
    default:
      return assertNever(action);
  }
}

/** What a secret is, for whom it is missing. */
const SECRETS = {
  usePrivateKey: 'the private key, in hex or as nsec,',
  useEncryptedKey: 'the passphrase',
  useBunker: 'the bunker:// URL',
  resumeSession: 'the session',
} satisfies Partial<Record<SignerCommand['action'], string>>;

function appAt(builder: Builder, app: SignerApp): Offset {
  asList('permissions', app.permissions);
  const permissions = stringAt(builder, (app.permissions ?? []).join(','));
  const name = stringAt(builder, app.name ?? '');
  const url = stringAt(builder, app.url ?? '');
  const image = stringAt(builder, app.image ?? '');
  return fb.SignerClient.createSignerClient(builder, permissions, name, url, image);
}

function answerAt(builder: Builder, answer: SignerAnswer): Offset {
  switch (answer.outcome) {
    case 'pubkey':
      checkHex('the public key', answer.pubkey);
      return responseAt(builder, fb.SignerOutcome.PublicKey, () =>
        fb.SignerResponse.addPubkey(builder, fb.Hash.createHash(builder, bytesOf(answer.pubkey))),
      );
    case 'signed': {
      const event = eventAt(builder, answer.event);
      return responseAt(builder, fb.SignerOutcome.Signed, () => fb.SignerResponse.addEvent(builder, event));
    }
    case 'text': {
      const text = stringAt(builder, answer.text);
      return responseAt(builder, fb.SignerOutcome.Text, () => fb.SignerResponse.addText(builder, text));
    }
    case 'failed': {
      const detail = stringAt(builder, answer.error.message);
      const error = fb.SignerError.createSignerError(builder, errorCode(answer.error.code), detail);
      return responseAt(builder, fb.SignerOutcome.Failed, () => fb.SignerResponse.addError(builder, error));
    }
    case 'rumor':
    case 'wraps':
    case 'done':
      throw new FerryError('bad-input', 'an extension is not asked for that');
    default:
      return assertNever(answer);
  }
}

function responseAt(builder: Builder, outcome: fb.SignerOutcome, add: () => void): Offset {
  fb.SignerResponse.startSignerResponse(builder);
  fb.SignerResponse.addOutcome(builder, outcome);
  add();
  return fb.SignerResponse.endSignerResponse(builder);
}

function errorCode(code: FerryErrorCode): fb.SignerErrorCode {
  return code === 'unsupported' ? fb.SignerErrorCode.Unsupported : fb.SignerErrorCode.Refused;
}

function stringAt(builder: Builder, value: string, name = 'what the signer is given'): Offset {
  if (typeof value !== 'string') throw new FerryError('bad-input', `${name} is a string, not ${value === null ? 'null' : typeof value}`);
  return builder.createString(value);
}

/** Reads one record of the crypto role, with the number of the request it is about, or of its own question. */
export function decodeSignerResponse(record: ByteBuffer): { request: number; answer: SignerAnswer | SignerNotice } {
  const response = fb.SignerResponse.getRootAsSignerResponse(record);
  return { request: Number(response.requestId()), answer: signerAnswer(response) };
}

function signerAnswer(response: fb.SignerResponse): SignerAnswer | SignerNotice {
  switch (response.outcome()) {
    case fb.SignerOutcome.PublicKey:
      return { outcome: 'pubkey', pubkey: structHex(required(response.pubkey())) };
    case fb.SignerOutcome.Signed:
      return { outcome: 'signed', event: new EventView(required(response.event())).toJSON() };
    case fb.SignerOutcome.Text:
      return { outcome: 'text', text: text(response.text()) };
    case fb.SignerOutcome.Rumor:
      return { outcome: 'rumor', rumor: JSON.parse(text(response.text())) as Rumor };
    case fb.SignerOutcome.Wraps:
      return {
        outcome: 'wraps',
        wraps: list(response.wrapsLength(), (at) => response.wraps(at)).map((wrap) => new EventView(wrap).toJSON()),
      };
    case fb.SignerOutcome.Done:
      return { outcome: 'done' };
    case fb.SignerOutcome.Failed:
      return { outcome: 'failed', error: signerError(response.error()) };
    case fb.SignerOutcome.Extension:
      return { outcome: 'extension', ask: signerCall(required(response.ask())) };
    case fb.SignerOutcome.AuthUrl:
      return { outcome: 'authUrl', url: text(response.text()) };
    case fb.SignerOutcome.ConnectUrl:
      return { outcome: 'connectUrl', url: text(response.text()) };
    case fb.SignerOutcome.Session:
      return { outcome: 'session', session: text(response.text()) };
    default:
      throw new FerryError('bad-input', 'a check of signatures or proofs is not answered to the page');
  }
}

function signerCall(ask: fb.SignerRequest): SignerCall {
  switch (ask.action()) {
    case fb.SignerAction.GetPublicKey:
      return { action: 'getPublicKey' };
    case fb.SignerAction.SignEvent:
      return { action: 'signEvent', template: template(required(ask.template())) };
    case fb.SignerAction.Encrypt:
      return { action: 'encrypt', ...between(ask) };
    case fb.SignerAction.Decrypt:
      return { action: 'decrypt', ...between(ask) };
    default:
      throw new FerryError('bad-input', 'an extension is not asked for that');
  }
}

function between(ask: fb.SignerRequest): { cipher: Cipher; peer: string; text: string } {
  const cipher = ask.cipher() === fb.Cipher.Nip04 ? 'nip04' : 'nip44';
  return { cipher, peer: structHex(required(ask.peer())), text: text(ask.text()) };
}

function template(template: fb.Template): Required<EventTemplate> {
  const tags = list(template.tagsLength(), (at) => template.tags(at));
  return {
    kind: template.kind(),
    content: text(template.content()),
    tags: tags.map((tag) => list(tag.valuesLength(), (at) => tag.values(at))),
    created_at: Number(template.createdAt() ?? 0n),
  };
}
