import type { ByteBuffer } from 'flatbuffers';

import { Emitter } from './emitter.js';
import { FerryError } from './errors.js';
import { askExtension } from './nip07.js';
import { PagePort } from './port.js';
import { SealedChoice, SessionStore } from './sessions.js';
import type { EventTemplate, NostrConnectOptions, RememberOptions, RemoteSignerOptions, Rumor, SignedEvent } from './types.js';
import {
  decodeSignerResponse,
  encodeExtensionAnswer,
  encodeSignerRequest,
  type Cipher,
  type SignerAnswer,
  type SignerCall,
  type SignerChoice,
  type SignerCommand,
} from './wire-signer.js';

/** What `signer.on` tells of. */
export interface SignerEvents {
  /** The remote signer's user has to confirm something at this `http(s)` address: open it in a new tab. */
  authUrl: string;
  /** Another signer is in use, with this public key; none after a logout. */
  change: string | undefined;
}

/** Encryption between the signer's key and another. */
export interface PeerEncryption {
  /**
   * Encrypts a text for another key.
   *
   * @param pubkey whose key opens it: 64 characters of lower-case hex.
   * @returns the ciphertext, in base64 as the NIP has it.
   * @throws {FerryError} `no-signer`, `unsupported`, `bad-input`, or what the signer says.
   * @example const ciphertext = await nostr.signer.nip44.encrypt(pubkey, 'hello');
   */
  encrypt(pubkey: string, plaintext: string): Promise<string>;
  /**
   * Opens what was encrypted between the signer's key and another.
   *
   * @param pubkey whose it is: of what the signer itself has sent, its recipient's; 64 characters of lower-case hex.
   * @throws {FerryError} as `encrypt`; `bad-input` if the text was changed or is for another key.
   * @example const plaintext = await nostr.signer.nip44.decrypt(pubkey, ciphertext);
   */
  decrypt(pubkey: string, ciphertext: string): Promise<string>;
}

/** A request that waits for the crypto worker. */
interface Pending {
  action: SignerCommand['action'];
  record: Uint8Array;
  resolve: (answer: SignerAnswer) => void;
  reject: (error: FerryError) => void;
}

/** Choices that may have somebody else ask a person. */
const ASKING = { useExtension: true, useBunker: true, nostrConnect: true, resumeSession: true };

/** Whether the choice is one of a key that the engine itself has: nobody is asked anything. */
function isOwn(action: SignerCommand['action']): boolean {
  return action === 'usePrivateKey' || action === 'useEncryptedKey' || action === 'usePublicKey';
}

/** Who signs. Keys are held by the crypto worker alone; nothing gives the user's back to the page. */
export class Signer extends Emitter<SignerEvents> {
  /** NIP-44, version 2. */
  readonly nip44: PeerEncryption = this.#encryption('nip44');
  /** NIP-04: unauthenticated, for old conversations. */
  readonly nip04: PeerEncryption = this.#encryption('nip04');
  /**
   * Settles when the remembered signer is in use again: its public key, none if none was remembered.
   * Rejects with what kept it from being used; the session is kept then.
   */
  readonly restored: Promise<string | undefined>;
  readonly #port: PagePort;
  readonly #sessions: SessionStore;
  readonly #pending = new Map<number, Pending>();
  readonly #shown = new Map<number, (url: string) => void>();
  #lastRequest = 0;
  #remember = false;
  /** What resumes the remote signer's session, as the crypto worker last gave it. */
  #session: string | undefined;
  /** The signer in use, for a new crypto worker. */
  #choice: { action: SignerChoice['action']; sealed: Promise<SealedChoice | undefined> } | undefined;
  /** Why nobody answers any more. */
  #over: FerryError | undefined;
  /** Crypto workers that came after the first. */
  #workers = 0;

  /** @internal */
  constructor(port: MessagePort, window: number, sessions: string) {
    super();
    this.#sessions = new SessionStore(sessions);
    this.#port = new PagePort(port, window, (record) => this.#onRecord(record));
    this.restored = this.#restore();
    // Who does not ask is not told.
    this.restored.catch(() => undefined);
  }

  /**
   * Signs with a private key from now on.
   *
   * @param secret 64 characters of hex, or an `nsec` (NIP-19).
   * @returns the public key, hex.
   * @throws {FerryError} `bad-input` if it is no key; the signer before it stays.
   * @example await nostr.signer.usePrivateKey('nsec1…', { remember: true });
   */
  usePrivateKey(secret: string, options?: RememberOptions): Promise<string> {
    return this.#use({ action: 'usePrivateKey', secret }, options);
  }

  /**
   * Signs with an encrypted private key (NIP-49). Takes some tenths of a second.
   *
   * @param ncryptsec the text that starts with `ncryptsec1`.
   * @returns the public key, hex.
   * @throws {FerryError} `bad-input` if the passphrase is wrong.
   * @example await nostr.signer.useEncryptedKey('ncryptsec1…', passphrase);
   */
  useEncryptedKey(ncryptsec: string, passphrase: string, options?: RememberOptions): Promise<string> {
    return this.#use({ action: 'useEncryptedKey', text: ncryptsec, secret: passphrase.normalize('NFKC') }, options);
  }

  /**
   * Reads as somebody without being able to sign.
   *
   * @param pubkey 64 characters of hex, `npub` or `nprofile`.
   * @returns the public key, hex.
   * @throws {FerryError} `bad-input`.
   * @example await nostr.signer.usePublicKey('npub1…');
   */
  usePublicKey(pubkey: string, options?: RememberOptions): Promise<string> {
    return this.#use({ action: 'usePublicKey', text: pubkey }, options);
  }

  /**
   * Signs with the browser's extension, `window.nostr` (NIP-07).
   *
   * @returns the public key, hex.
   * @throws {FerryError} `unsupported` if there is none, `refused`, `timed-out`.
   * @example await nostr.signer.useExtension();
   */
  useExtension(options?: RememberOptions): Promise<string> {
    return this.#use({ action: 'useExtension' }, options);
  }

  /**
   * Signs with a remote signer (NIP-46). It may want its user to confirm: listen to `authUrl`.
   *
   * @param url `bunker://…`
   * @returns the user's public key, hex, which need not be the signer's own.
   * @throws {FerryError} `bad-input`, `refused`, `timed-out`, `disconnected`.
   * @example await nostr.signer.useBunker('bunker://…', { name: 'My app', remember: true });
   */
  useBunker(url: string, options: RemoteSignerOptions = {}): Promise<string> {
    return this.#use({ action: 'useBunker', secret: url, app: options }, options);
  }

  /**
   * Offers this page to a remote signer (NIP-46): show `url` as a QR code; `connected` settles once a signer took it.
   *
   * @returns once a relay listens for the answer, after 10 seconds at most: the `nostrconnect://` URL, and a promise of the
   *   user's public key; that rejects with `timed-out` when nobody took the URL within five minutes.
   * @throws {FerryError} `bad-input` without a relay, `disconnected` if none of them can be used: which, and why.
   * @example
   * const { url, connected } = await nostr.signer.nostrConnect({ relays: ['wss://relay.example.com'], name: 'My app' });
   */
  async nostrConnect(options: NostrConnectOptions): Promise<{ url: string; connected: Promise<string> }> {
    let show: (url: string) => void = () => undefined;
    const shown = new Promise<string>((resolve) => (show = resolve));
    const connected = this.#use({ action: 'nostrConnect', relays: options?.relays ?? [], app: options ?? {} }, options, show);
    // Whichever is first: a refusal comes instead of a URL.
    const url = await Promise.race([shown, connected]);
    connected.catch(() => undefined);
    return { url, connected };
  }

  /**
   * The public key of the signer in use, hex.
   *
   * @throws {FerryError} `no-signer` if none is set.
   * @example const npub = nip19.encode({ type: 'npub', pubkey: await nostr.signer.getPublicKey() });
   */
  async getPublicKey(): Promise<string> {
    return pubkey(await this.#ask({ action: 'getPublicKey' }));
  }

  /**
   * Signs an event without publishing it.
   *
   * @throws {FerryError} `no-signer`, or what the signer says.
   * @example const event = await nostr.signer.signEvent({ kind: 1, content: 'hello' });
   */
  async signEvent(template: EventTemplate): Promise<SignedEvent> {
    const answer = await this.#ask({ action: 'signEvent', template });
    if (answer.outcome !== 'signed') throw unexpected();
    return answer.event;
  }

  /**
   * Opens a gift wrap that is for this signer (NIP-59); every layer is checked.
   *
   * @throws {FerryError} `bad-input` if it is for somebody else or its author is not who it says.
   * @example const { pubkey, content } = await nostr.signer.unwrap(giftWrap);
   */
  async unwrap(event: SignedEvent): Promise<Rumor> {
    const answer = await this.#ask({ action: 'unwrap', event });
    if (answer.outcome !== 'rumor') throw unexpected();
    return answer.rumor;
  }

  /**
   * Wraps a private message (NIP-17, kind 14 or 15) for each person in its `p` tags and for the sender, who is last.
   *
   * @throws {FerryError} `bad-input` if it has no recipient.
   * @example const wraps = await nostr.signer.wrap({ kind: 14, content: 'hello', tags: [['p', pubkey]] });
   */
  async wrap(template: EventTemplate): Promise<SignedEvent[]> {
    const answer = await this.#ask({ action: 'wrap', template });
    if (answer.outcome !== 'wraps') throw unexpected();
    return answer.wraps;
  }

  /**
   * Forgets the signer, wipes its key and what was remembered; what waits for it fails with `cancelled`.
   *
   * @example await nostr.signer.logout();
   */
  async logout(): Promise<void> {
    this.#remember = false;
    this.#session = undefined;
    this.#choice = undefined;
    await Promise.all([this.#ask({ action: 'logout' }), this.#sessions.clear()]);
    this.emit('change', undefined);
  }

  /** @internal Whether requests go to a program that asks its user, so that none is to be sent a second time. */
  get asksPerson(): boolean {
    return this.#choice !== undefined && !isOwn(this.#choice.action);
  }

  /** @internal The crypto worker was replaced: the new one is given the signer. Settles when it has it, or never will. */
  async replace(port: MessagePort): Promise<void> {
    this.#workers += 1;
    this.#port.replace(port);
    const waiting = [...this.#pending].filter(([, { action }]) => {
      // Choosing a signer of one's own can be repeated whatever the one before it was.
      return isOwn(action) || !(this.asksPerson || action in ASKING);
    });
    const again = new Set(waiting.map(([request]) => request));
    for (const [request, { reject }] of this.#pending) {
      if (again.has(request)) continue;
      this.#pending.delete(request);
      reject(new FerryError('disconnected', 'the crypto worker was replaced before the signer answered; ask again'));
    }
    await this.#giveBack();
    for (const [, { record }] of waiting) this.#port.send(record);
  }

  async #giveBack(): Promise<void> {
    if (!this.#choice) return;
    try {
      const choice = await (await this.#choice.sealed)?.open();
      if (!choice) throw new FerryError('no-signer', 'this page is not secure, so the signer could not be kept');
      await this.#ask(choice);
    } catch {
      // Nobody signs any more, and whoever asks is told so.
      this.#choice = undefined;
      this.emit('change', undefined);
    }
  }

  #keep(choice: SignerChoice): void {
    const sealed = SealedChoice.seal(choice);
    this.#choice = { action: choice.action, sealed };
  }

  /** @internal */
  fail(error: FerryError): void {
    this.#over = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#port.close();
  }

  async #use(choice: SignerChoice, { remember = false }: RememberOptions = {}, show?: (url: string) => void): Promise<string> {
    if (remember) await this.#sessions.check();
    this.#session = undefined;
    const answer = await this.#ask(choice, show);
    this.#remember = remember;
    this.#keep(this.#resumable(choice));
    if (remember) await this.#sessions.save(this.#resumable(choice));
    // Else the next start would bring back another signer than this one.
    else await this.#sessions.clear().catch(() => undefined);
    this.emit('change', pubkey(answer));
    return pubkey(answer);
  }

  async #restore(): Promise<string | undefined> {
    const choice = await this.#sessions.load();
    if (!choice) return undefined;
    const answer = await this.#ask(choice);
    this.#remember = true;
    this.#keep(this.#resumable(choice));
    if (this.#session) await this.#sessions.save(this.#resumable(choice));
    this.emit('change', pubkey(answer));
    return pubkey(answer);
  }

  /** A bunker's URL works once; its session is what lasts. */
  #resumable(choice: SignerChoice): SignerChoice {
    return this.#session === undefined ? choice : { action: 'resumeSession', secret: this.#session };
  }

  #encryption(cipher: Cipher): PeerEncryption {
    const ask = async (action: 'encrypt' | 'decrypt', peer: string, text: string) => {
      const answer = await this.#ask({ action, cipher, peer, text });
      if (answer.outcome !== 'text') throw unexpected();
      return answer.text;
    };
    return {
      encrypt: (pubkey, plaintext) => ask('encrypt', pubkey, plaintext),
      decrypt: (pubkey, ciphertext) => ask('decrypt', pubkey, ciphertext),
    };
  }

  async #ask(command: SignerCommand, show?: (url: string) => void): Promise<SignerAnswer> {
    if (this.#over) throw this.#over;
    const request = ++this.#lastRequest;
    const record = encodeSignerRequest(request, command);
    if (show) this.#shown.set(request, show);
    const answer = await new Promise<SignerAnswer>((resolve, reject) => {
      this.#pending.set(request, { action: command.action, record, resolve, reject });
      this.#port.send(record);
    }).finally(() => this.#shown.delete(request));
    if (answer.outcome === 'failed') throw answer.error;
    return answer;
  }

  #onRecord(record: ByteBuffer): void {
    const { request, answer } = decodeSignerResponse(record);
    switch (answer.outcome) {
      case 'extension':
        void this.#onExtension(request, answer.ask);
        return;
      case 'authUrl':
        return this.emit('authUrl', answer.url);
      case 'connectUrl':
        return this.#shown.get(request)?.(answer.url);
      case 'session':
        this.#session = answer.session;
        if (this.#choice?.action === 'resumeSession') this.#keep(this.#resumable({ action: 'resumeSession', secret: answer.session }));
        if (this.#remember) void this.#sessions.save({ action: 'resumeSession', secret: answer.session });
        return;
      default:
        this.#pending.get(request)?.resolve(answer);
        this.#pending.delete(request);
    }
  }

  async #onExtension(call: number, ask: SignerCall): Promise<void> {
    const worker = this.#workers;
    const answer = await askExtension(ask);
    // A new worker numbers its questions anew.
    if (worker !== this.#workers) return;
    this.#port.send(extensionRecord(call, answer));
  }
}

/** The answer as a record; an answer that is none is a refusal. */
function extensionRecord(call: number, answer: SignerAnswer): Uint8Array {
  try {
    return encodeExtensionAnswer(call, answer);
  } catch (cause) {
    const error = new FerryError('refused', `the extension's answer is not what NIP-07 says: ${String(cause)}`, { cause });
    return encodeExtensionAnswer(call, { outcome: 'failed', error });
  }
}

function pubkey(answer: SignerAnswer): string {
  if (answer.outcome !== 'pubkey') throw unexpected();
  return answer.pubkey;
}

function unexpected(): FerryError {
  return new FerryError('bad-input', 'the crypto worker answered another question');
}
