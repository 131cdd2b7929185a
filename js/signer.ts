import { FerryError } from './errors.js';
import { PagePort } from './port.js';
import type { EventTemplate, SignedEvent } from './types.js';
import { decodeSignerResponse, encodeSignerRequest, type SignerAnswer, type SignerCommand } from './wire.js';

/** Who signs. The key is held by the crypto worker alone; nothing gives it back to the page. */
export class Signer {
  readonly #port: PagePort;
  readonly #onPubkey: (pubkey: string) => void;
  readonly #pending = new Map<number, { resolve: (answer: SignerAnswer) => void; reject: (error: FerryError) => void }>();
  #lastRequest = 0;

  /** @internal `onPubkey` hears whose key it is whenever that is learnt. */
  constructor(port: MessagePort, window: number, onPubkey: (pubkey: string) => void) {
    this.#onPubkey = onPubkey;
    this.#port = new PagePort(port, window, (record) => {
      const { request, answer } = decodeSignerResponse(record);
      this.#pending.get(request)?.resolve(answer);
      this.#pending.delete(request);
    });
  }

  /**
   * Signs with a private key from now on.
   *
   * @param secret 64 characters of hex, or an `nsec` (NIP-19).
   * @returns the public key, hex.
   * @throws {FerryError} `bad-input` if it is no key.
   * @example await nostr.signer.usePrivateKey('nsec1…');
   */
  async usePrivateKey(secret: string): Promise<string> {
    return pubkey(await this.#ask({ action: 'usePrivateKey', secret }));
  }

  /**
   * The signer's public key, hex.
   *
   * @throws {FerryError} `no-signer` if none is set.
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

  /** Forgets the signer and wipes its key. */
  async logout(): Promise<void> {
    await this.#ask({ action: 'logout' });
  }

  /** @internal */
  fail(error: FerryError): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#port.close();
  }

  async #ask(command: SignerCommand): Promise<SignerAnswer> {
    const request = ++this.#lastRequest;
    const record = encodeSignerRequest(request, command);
    const answer = await new Promise<SignerAnswer>((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      this.#port.send(record);
    });
    if (answer.outcome === 'failed') throw answer.error;
    if (answer.outcome === 'pubkey') this.#onPubkey(answer.pubkey);
    return answer;
  }
}

function pubkey(answer: SignerAnswer): string {
  if (answer.outcome !== 'pubkey') throw unexpected();
  return answer.pubkey;
}

function unexpected(): FerryError {
  return new FerryError('bad-input', 'the crypto worker answered another question');
}
