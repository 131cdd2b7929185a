import type { ByteBuffer } from 'flatbuffers';

import { ROLES, type Role } from './channels.js';
import { FerryError } from './errors.js';
import { PagePort } from './port.js';
import { encodeStop } from './wire-requests.js';
import type { Report } from './wire.js';

/** What answers a question by its number. */
export type Answer = Extract<Report, { request: number }>;

/** What a role was asked and has not answered. Asking a new worker again does no harm. */
interface Question {
  role: Role;
  record: Uint8Array;
  resolve: (answer: Answer) => void;
  reject: (error: FerryError) => void;
}

/** A worker that has ended without a goodbye after so long has died. */
const GOODBYE_MS = 500;

/**
 * The page's own channel to each worker: what it is told, what it is asked and answers, and how it is told to stop. A
 * worker may be replaced meanwhile; what was asked of the role is asked again then.
 */
export class Control implements Record<Role, PagePort> {
  readonly connections: PagePort;
  readonly cache: PagePort;
  readonly parser: PagePort;
  readonly crypto: PagePort;
  readonly #questions = new Map<number, Question>();
  #lastQuestion = 0;
  /** While stopping: who waits for a role's end, and the roles that are gone. */
  readonly #gone = new Map<Role, () => void>();
  /** Why nobody answers any more. */
  #over: FerryError | undefined;

  /** @param onRecord is given what a worker says; the answers among it are for `answer`. */
  constructor(ports: Record<Role, MessagePort>, window: number, onRecord: (record: ByteBuffer) => void) {
    const open = (role: Role) => new PagePort(ports[role], window, onRecord);
    [this.connections, this.cache, this.parser, this.crypto] = [open('connections'), open('cache'), open('parser'), open('crypto')];
  }

  /**
   * Sends a role a question under a number of its own.
   *
   * @throws {FerryError} what `fail` was given.
   */
  async ask<Type extends Answer['type']>(role: Role, type: Type, encode: (request: number) => Uint8Array): Promise<Extract<Answer, { type: Type }>> {
    if (this.#over) throw this.#over;
    const request = ++this.#lastQuestion;
    const record = encode(request);
    const answer = new Promise<Answer>((resolve, reject) => this.#questions.set(request, { role, record, resolve, reject }));
    this[role].send(record);
    const report = await answer;
    if (report.type !== type) throw new FerryError('bad-input', `asked for ${type}, a worker answered ${report.type}`);
    return report as Extract<Answer, { type: Type }>;
  }

  /** Hands an answer to whoever asked. */
  answer(report: Answer): void {
    this.#questions.get(report.request)?.resolve(report);
    this.#questions.delete(report.request);
  }

  /** Asks a new worker of `role` what the one before it has not answered. */
  askAgain(role: Role): void {
    for (const question of this.#questions.values()) if (question.role === role) this[role].send(question.record);
  }

  /** Tells the role's worker to stop. Resolves when it is over: whether it has said goodbye, or died before. */
  async stop(role: Role): Promise<boolean> {
    const gone = this.#gone.has(role) ? Promise.resolve() : new Promise<void>((resolve) => this.#gone.set(role, resolve));
    this[role].send(encodeStop());
    // Its goodbye may still be under way when its end is seen.
    const late = gone.then(() => new Promise((resolve) => setTimeout(resolve, GOODBYE_MS)));
    return Promise.race([this[role].ended.then(() => true), late.then(() => false)]);
  }

  /** The role's worker has ended while the engine stops. */
  ended(role: Role): void {
    this.#gone.get(role)?.();
    this.#gone.set(role, () => undefined);
  }

  /** The engine is gone: whoever waits for an answer is told. */
  fail(error: FerryError): void {
    this.#over = error;
    for (const { reject } of this.#questions.values()) reject(error);
    this.#questions.clear();
    for (const role of ROLES) this[role].close();
  }
}
