// The remembered signer: encrypted under a WebCrypto key that the browser holds and nobody can read out.
import { FerryError } from './errors.js';
import type { SignerChoice } from './wire-signer.js';

const STORE = 'session';
const KEY = 'key';
const CHOICE = 'choice';

/** What is stored: AES-GCM's initialisation vector and ciphertext. */
interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  ciphertext: ArrayBuffer;
}

/** A choice of a signer in memory, under a key that nobody can read out: what a new crypto worker is given. */
export class SealedChoice {
  readonly #key: CryptoKey;
  readonly #sealed: Sealed;

  private constructor(key: CryptoKey, sealed: Sealed) {
    this.#key = key;
    this.#sealed = sealed;
  }

  /** None where the page is not secure (https or localhost), so that there is nothing to seal with. */
  static async seal(choice: SignerChoice): Promise<SealedChoice | undefined> {
    if (!globalThis.crypto?.subtle) return undefined;
    const key = await newKey();
    return new SealedChoice(key, await seal(key, choice));
  }

  open(): Promise<SignerChoice> {
    return unseal(this.#key, this.#sealed);
  }
}

function newKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

async function seal(key: CryptoKey, choice: SignerChoice): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plaintext = new TextEncoder().encode(JSON.stringify(choice));
  const ciphertext = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, plaintext);
  plaintext.fill(0);
  return { iv, ciphertext };
}

async function unseal(key: CryptoKey, { iv, ciphertext }: Sealed): Promise<SignerChoice> {
  const plaintext = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, ciphertext);
  return JSON.parse(new TextDecoder().decode(plaintext)) as SignerChoice;
}

/** One remembered choice of a signer, in an IndexedDB database of its own. */
export class SessionStore {
  readonly #name: string;

  /** @param name the database's name; engines that share it share the session. */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Says early whether a choice could be kept here.
   *
   * @throws {FerryError} `unsupported` where the page is not secure (https or localhost) or storage is denied.
   */
  async check(): Promise<void> {
    await this.#key();
  }

  /** Keeps `choice` in place of an earlier one. */
  async save(choice: SignerChoice): Promise<void> {
    const sealed = await seal(await this.#key(), choice);
    await this.#transact('readwrite', (store) => store.put(sealed, CHOICE));
  }

  /** The remembered choice; none if there is none or it cannot be read here. */
  async load(): Promise<SignerChoice | undefined> {
    if (!globalThis.crypto?.subtle || !globalThis.indexedDB) return undefined;
    try {
      const sealed = (await this.#transact('readonly', (store) => store.get(CHOICE))) as Sealed | undefined;
      const key = (await this.#transact('readonly', (store) => store.get(KEY))) as CryptoKey | undefined;
      if (!sealed || !key) return undefined;
      return await unseal(key, sealed);
    } catch {
      // Storage that is denied, or a record that something else has changed: nobody is remembered.
      return undefined;
    }
  }

  /** Forgets the choice and the key it was encrypted under. */
  async clear(): Promise<void> {
    if (!globalThis.indexedDB) return;
    await this.#transact('readwrite', (store) => store.clear());
  }

  async #key(): Promise<CryptoKey> {
    if (!globalThis.crypto?.subtle) {
      throw new FerryError('unsupported', 'a signer is remembered only on secure pages: serve this one over https or from localhost');
    }
    const known = (await this.#transact('readonly', (store) => store.get(KEY))) as CryptoKey | undefined;
    if (known) return known;
    const key = await newKey();
    // Another tab may have been first: then its key is the one.
    await this.#transact('readwrite', (store) => store.add(key, KEY)).catch(() => undefined);
    return (await this.#transact('readonly', (store) => store.get(KEY))) as CryptoKey;
  }

  async #transact(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
    const database = await this.#open();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(STORE, mode);
        const request = act(transaction.objectStore(STORE));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was aborted'));
      });
    } finally {
      database.close();
    }
  }

  #open(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      const refused = (cause: unknown) =>
        reject(new FerryError('unsupported', 'this page may not store anything, so no signer can be remembered', { cause }));
      try {
        const request = indexedDB.open(this.#name, 1);
        request.onupgradeneeded = () => request.result.createObjectStore(STORE);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => refused(request.error);
      } catch (error) {
        refused(error);
      }
    });
  }
}
