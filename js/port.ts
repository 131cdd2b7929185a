import { BatchReader, framedSize, packBatch } from './records.js';

/** Bytes in flight per direction; the workers have the same default. */
export const WINDOW_BYTES = 4 << 20;

/**
 * The page's end of a port to a worker: batches out under credit, records in.
 *
 * The page handles what comes at once, so it gives credit back as it reads.
 */
export class PagePort {
  readonly #port: MessagePort;
  readonly #window: number;
  #inFlight = 0;
  #waiting: Uint8Array[] = [];
  #taken = 0;
  #flushing = false;
  readonly #ended: Promise<void>;

  constructor(port: MessagePort, window: number, onRecord: (record: Uint8Array) => void) {
    this.#port = port;
    this.#window = window;
    this.#ended = new Promise((resolve) => {
      port.onmessage = ({ data }: MessageEvent) => {
        if (data instanceof ArrayBuffer) this.#read(data, onRecord);
        else if (typeof data === 'number') {
          this.#inFlight -= data;
          this.#flush();
        } else if (data === null) resolve();
      };
    });
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

  /** Hands over what only a message of its own can carry: memory to share, ports. What was sent before goes first. */
  attach(object: unknown, transfer: Transferable[]): void {
    this.#flush();
    this.#port.postMessage(object, transfer);
  }

  /** Resolves when the worker has said goodbye. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  close(): void {
    this.#port.onmessage = null;
    this.#port.close();
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

  #read(buffer: ArrayBuffer, onRecord: (record: Uint8Array) => void): void {
    const reader = new BatchReader(buffer);
    for (let record = reader.next(); record; record = reader.next()) onRecord(record);
    this.#taken += buffer.byteLength;
    if (this.#taken < this.#window / 2) return;
    this.#port.postMessage(this.#taken);
    this.#taken = 0;
  }
}
