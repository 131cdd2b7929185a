import type { Role } from './channels.js';

const WITHIN_MS = 60_000;
const MOST = 3;

/** When workers died: one that dies again and again is not replaced for ever. */
export class Deaths {
  readonly #times = new Map<Role, number[]>();

  /**
   * Counts a death.
   *
   * @param now in milliseconds, by any clock that does not go back.
   * @returns how often the role's workers died within a minute if that is too often: the third time.
   */
  add(role: Role, now: number): number | undefined {
    const times = [...(this.#times.get(role) ?? []).filter((time) => now - time < WITHIN_MS), now];
    this.#times.set(role, times);
    return times.length >= MOST ? times.length : undefined;
  }
}
