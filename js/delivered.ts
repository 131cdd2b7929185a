import type { EventView } from './event.js';

const ID_BYTES = 32;
const FIRST = 64;
/** Of a subscription; the workers remember as many (`seen_window` in src/parser/core.rs). */
const LIMIT = 10_000;

/** The ids of the last events that a subscription was given: a new parser worker is told them, and repeats none. */
export class Delivered {
  /** How many there were in all. */
  count = 0;
  #ids = new Uint8Array(0);
  readonly #limit: number;

  constructor(limit = LIMIT) {
    this.#limit = limit;
  }

  add(event: EventView): void {
    const at = (this.count++ % this.#limit) * ID_BYTES;
    if (at >= this.#ids.length) {
      const longer = new Uint8Array(Math.min(Math.max(2 * this.#ids.length, FIRST * ID_BYTES), this.#limit * ID_BYTES));
      longer.set(this.#ids);
      this.#ids = longer;
    }
    event.copyId(this.#ids, at);
  }

  /** 32 bytes each, in no order. */
  get ids(): Uint8Array {
    return this.#ids.subarray(0, Math.min(this.count, this.#limit) * ID_BYTES);
  }
}
