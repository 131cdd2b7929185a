import { ROLES, type Role } from './channels.js';

/** A worker is asked for a sign of life so often; it hangs if it has given none when it is to be asked so many times more. */
const PING_MS = 15_000;
const PINGS = 3;

/** Looks for workers that hang. Turns are counted, not time: a page that sleeps, or whose timers are slowed, counts slowly. */
export class Heartbeat {
  readonly #ask: (role: Role) => Promise<unknown>;
  readonly #onHang: (role: Role, why: string) => void;
  /** Roles that owe a sign of life, and how many times they were due another. */
  readonly #owed = new Map<Role, number>();
  #timer: ReturnType<typeof setTimeout>;

  /** @param ask resolves when the role's worker has answered; it may reject, or never settle. */
  constructor(ask: (role: Role) => Promise<unknown>, onHang: (role: Role, why: string) => void) {
    this.#ask = ask;
    this.#onHang = onHang;
    this.#timer = setTimeout(() => this.#beat(), PING_MS);
  }

  /** A new worker has the role, and owes nothing yet. */
  replaced(role: Role): void {
    this.#owed.delete(role);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #beat(): void {
    this.#timer = setTimeout(() => this.#beat(), PING_MS);
    for (const role of ROLES) {
      const owed = this.#owed.get(role);
      if (owed === undefined) {
        this.#owed.set(role, 0);
        this.#ask(role).then(() => this.#owed.delete(role), () => undefined);
      } else if (owed + 1 < PINGS) this.#owed.set(role, owed + 1);
      else this.#onHang(role, `the worker has not answered for ${(PINGS * PING_MS) / 1000} s`);
    }
  }
}
