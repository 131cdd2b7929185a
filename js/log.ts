import { FerryError } from './errors.js';

/** What is told on the console: what is named, and all before it. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

const LEVELS: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];

/** What the engine tells the page's developer. It says no secret and no event's content. */
export class Log {
  readonly #level: number;

  /** @throws {FerryError} `bad-input` for what is no level. */
  constructor(level: LogLevel = 'warn') {
    this.#level = LEVELS.indexOf(level);
    if (this.#level < 0) throw new FerryError('bad-input', `logLevel is one of ${LEVELS.join(', ')}, not ${JSON.stringify(level)}`);
  }

  tells(level: LogLevel): boolean {
    return LEVELS.indexOf(level) <= this.#level;
  }

  /** The engine ends. */
  error(text: string): void {
    this.#tell('error', text);
  }

  /** Something is wrong, and the engine goes on. */
  warn(text: string): void {
    this.#tell('warn', text);
  }

  /** What relays do. */
  info(text: string): void {
    this.#tell('info', text);
  }

  /** What the page asks for, and how far it has come. */
  debug(text: string): void {
    this.#tell('debug', text);
  }

  #tell(level: Exclude<LogLevel, 'silent'>, text: string): void {
    if (this.tells(level)) console[level](`nostr-ferry: ${text}`);
  }
}
