// The framing of records in batches and rings: [u32 length][payload][pad to 8], little-endian.
// src/router.rs has the same for the workers.
import { ByteBuffer } from 'flatbuffers';

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

/** Reads a batch, one record after the other, where they lie: a view and a decoder for each would cost more than reading it. */
export class BatchReader {
  readonly #batch: ByteBuffer;
  readonly #end: number;
  #at = 0;

  constructor(batch: Uint8Array) {
    this.#batch = new ByteBuffer(batch);
    this.#end = batch.length;
  }

  /** The batch, its position at the next record's start until the next is asked for. */
  next(): ByteBuffer | undefined {
    if (this.#at + 4 > this.#end) return undefined;
    const length = this.#batch.readUint32(this.#at);
    const start = this.#at + 4;
    if (start + length > this.#end) return undefined;
    this.#at += framedSize(length);
    this.#batch.setPosition(start);
    return this.#batch;
  }
}

/** Where `part`, a view of some of `buffer`, begins in it. */
export function startOf(part: Uint8Array, buffer: ByteBuffer): number {
  return part.byteOffset - buffer.bytes().byteOffset;
}
