import type { ByteBuffer } from 'flatbuffers';

import { BatchReader, framedSize, packBatch } from './records.js';

/** Bytes in flight per direction; the workers have the same default. */
export const WINDOW_BYTES = 4 << 20;

/**
 * The page's end of a port to a worker: batches out under credit, records in.
 *
 * The page handles what comes at once, so it gives credit back as it reads.
 */
export class PagePort {
  #port!: MessagePort;
  readonly #window: number;
  readonly #onRecord: (record: ByteBuffer) => void;
  #inFlight = 0;
  #waiting: Uint8Array[] = [];
  #taken = 0;
  #flushing = false;
  /** Resolves when the worker has said goodbye. */
  readonly ended: Promise<void>;
  #end!: () => void;

  constructor(port: MessagePort, window: number, onRecord: (record: ByteBuffer) => void) {
    this.#window = window;
    this.#onRecord = onRecord;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#open(port);
  }

  /** Goes on with a new worker. What the old one was sent is lost with it, and so is what waited to be. */
  replace(port: MessagePort): void {
    this.close();
    this.#inFlight = 0;
    this.#waiting = [];
    this.#taken = 0;
    this.#open(port);
  }

  /** Sends a record; what this turn sends goes in one post, and waits where the worker has given no credit. */
  send(record: Uint8Array): void {
    this.#waiting.push(record);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** The same without waiting for what else this turn sends: somebody waits for the answer. */
  sendNow(record: Uint8Array): void {
    this.#waiting.push(record);
    this.#flush();
  }

  /** Hands over what only a message of its own can carry: memory to share, ports. What was sent before goes first. */
  attach(object: unknown, transfer: Transferable[]): void {
    this.#flush();
    this.#port.postMessage(object, transfer);
  }

  close(): void {
    this.#port.onmessage = null;
    this.#port.close();
  }

  #open(port: MessagePort): void {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent) => {
      if (data instanceof ArrayBuffer) this.#read(data);
      else if (typeof data === 'number') {
        this.#inFlight -= data;
        this.#flush();
      } else if (data === null) this.#end();
    };
  }

  #flush(): void {
    const batch: Uint8Array[] = [];
    for (const record of this.#waiting) {
      const size = framedSize(record.length);
      if (this.#inFlight + size > this.#window && this.#inFlight > this.#window / 2) break;
      this.#inFlight += size;
      batch.push(record);
    }
    if (batch.length === 0) return;
    this.#waiting = this.#waiting.slice(batch.length);
    const buffer = packBatch(batch);
    this.#port.postMessage(buffer, [buffer]);
  }

  #read(buffer: ArrayBuffer): void {
    const reader = new BatchReader(new Uint8Array(buffer));
    for (let record = reader.next(); record; record = reader.next()) this.#onRecord(record);
    this.#taken += buffer.byteLength;
    if (this.#taken < this.#window / 2) return;
    this.#port.postMessage(this.#taken);
    this.#taken = 0;
  }
}
