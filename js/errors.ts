/** What a program can tell errors apart by. */
export type FerryErrorCode =
  /** The browser or the signer lacks what was asked for. */
  | 'unsupported'
  /** The .wasm could not be fetched, is not the one this script was built with, or does not compile. */
  | 'wasm'
  /** A worker could not be started. */
  | 'worker'
  /** An option or argument is not what it should be; nothing was sent. */
  | 'bad-input'
  /** The engine was stopped, or stopped itself after an error. */
  | 'stopped'
  /** More subscriptions than the engine's limit. */
  | 'too-many-subscriptions'
  /** No signer is set. */
  | 'no-signer'
  /** The signer, every relay, or a domain asked by `nip05` refused. */
  | 'refused'
  /** The relay could not be reached, or has not answered. */
  | 'unreachable'
  /** Nobody answered in time. */
  | 'timed-out'
  /** The signer is not connected. */
  | 'disconnected'
  /** The signer was changed or logged out before it answered, or a publish was aborted. */
  | 'cancelled';

/** What the error is about, where that is one relay, subscription or publish. */
export interface FerryErrorContext {
  /** A relay's address. */
  relay?: string;
  /** The `id` of a `Subscription`. */
  subscription?: string;
  /** The `id` of a `Publish`. */
  publish?: string;
  /** Of a file, counted from 1. */
  line?: number;
  /** The error behind this one. */
  cause?: unknown;
}

/** The one error type of this library: a stable `code`, and a sentence a person can act on. */
export class FerryError extends Error {
  override readonly name = 'FerryError';
  /** What a program tells errors apart by; `message` is for people and may change. */
  readonly code: FerryErrorCode;
  /** The relay it is about, its address. */
  readonly relay: string | undefined;
  /** The subscription it is about: its `id`. */
  readonly subscription: string | undefined;
  /** The publish it is about: its `id`. */
  readonly publish: string | undefined;
  /** The line of an import it is about, counted from 1. */
  readonly line: number | undefined;

  constructor(code: FerryErrorCode, message: string, context: FerryErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.relay = context.relay;
    this.subscription = context.subscription;
    this.publish = context.publish;
    this.line = context.line;
  }
}

/** For the end of a `switch` over a closed set: the compiler proves that it is not reached. */
export function assertNever(value: never): never {
  throw new FerryError('bad-input', `unexpected value ${String(value)}`);
}
