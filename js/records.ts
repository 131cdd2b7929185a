// The framing of records in batches and rings: [u32 length][payload][pad to 8], little-endian.
// src/router.rs has the same for the workers.

/** Bytes of a record with its length and padding. */
export function framedSize(payload: number): number {
  return (4 + payload + 7) & ~7;
}

/** Joins records into one batch. */
export function packBatch(records: Uint8Array[]): ArrayBuffer {
  const size = records.reduce((sum, record) => sum + framedSize(record.length), 0);
  const buffer = new ArrayBuffer(size);
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  let at = 0;
  for (const record of records) {
    view.setUint32(at, record.length, true);
    bytes.set(record, at + 4);
    at += framedSize(record.length);
  }
  return buffer;
}

/** Reads a batch, one record after the other. The records are views of the batch, without a copy. */
export class BatchReader {
  readonly #buffer: ArrayBuffer;
  #at = 0;

  constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer;
  }

  next(): Uint8Array | undefined {
    if (this.#at + 4 > this.#buffer.byteLength) return undefined;
    const length = new DataView(this.#buffer).getUint32(this.#at, true);
    const start = this.#at + 4;
    if (start + length > this.#buffer.byteLength) return undefined;
    this.#at += framedSize(length);
    return new Uint8Array(this.#buffer, start, length);
  }
}
