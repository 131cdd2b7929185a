import { BatchReader, framedSize } from './records.js';

/**
 * What a worker writes for the page, read at the page's own pace: a ring in shared memory where the
 * page is cross-origin isolated, credited batches elsewhere. Both behave the same.
 */
export interface Inbox {
  /** The object that tells the worker where to write, and what is transferred with it. */
  readonly attachment: { sub: string; port: MessagePort; ring?: SharedArrayBuffer; windowBytes?: number };
  /** The next record, or undefined if there is none now; then `onReadable` is called once there is. */
  next(): Uint8Array | undefined;
  onReadable: () => void;
  close(): void;
}

/** Opens an inbox called `sub` that buffers about `bytes`. */
export function openInbox(sub: string, bytes: number): Inbox {
  return globalThis.crossOriginIsolated ? new RingInbox(sub, bytes) : new PortInbox(sub, bytes);
}

/** Credited batches on a MessagePort. */
class PortInbox implements Inbox {
  readonly attachment;
  onReadable = () => {};
  readonly #port: MessagePort;
  readonly #window: number;
  #batches: { reader: BatchReader; bytes: number }[] = [];
  #taken = 0;

  constructor(sub: string, bytes: number) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#window = bytes;
    this.attachment = { sub, port: port2, windowBytes: bytes };
    port1.onmessage = ({ data }: MessageEvent) => {
      if (!(data instanceof ArrayBuffer)) return;
      this.#batches.push({ reader: new BatchReader(data), bytes: data.byteLength });
      if (this.#batches.length === 1) this.onReadable();
    };
  }

  next(): Uint8Array | undefined {
    for (let batch = this.#batches[0]; batch; batch = this.#batches[0]) {
      const record = batch.reader.next();
      if (record) return record;
      this.#batches.shift();
      this.#grant(batch.bytes);
    }
    return undefined;
  }

  close(): void {
    this.#port.onmessage = null;
    this.#port.close();
    this.#batches = [];
  }

  #grant(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < this.#window / 2) return;
    this.#port.postMessage(this.#taken);
    this.#taken = 0;
  }
}

// src/web/ring.rs is the writer and describes the layout.
const HEADER_BYTES = 64;
const WRITTEN = 0;
const READ = 1;
const SLEEPING = 2;
const BLOCKED = 3;
const WRAP = 0xffffffff;
const APART = 0xfffffffe;

/** A ring in a SharedArrayBuffer. */
class RingInbox implements Inbox {
  readonly attachment;
  onReadable = () => {};
  readonly #bell: MessagePort;
  readonly #head: Int32Array;
  readonly #data: Uint8Array;
  readonly #view: DataView;
  readonly #mask: number;
  #read = 0;
  /** Records too large for the ring, which come as messages of their own. */
  readonly #apart: ArrayBuffer[] = [];

  constructor(sub: string, bytes: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(bytes, 1024)));
    const ring = new SharedArrayBuffer(HEADER_BYTES + capacity);
    const { port1, port2 } = new MessageChannel();
    this.#bell = port1;
    this.#head = new Int32Array(ring, 0, HEADER_BYTES / 4);
    this.#data = new Uint8Array(ring, HEADER_BYTES);
    this.#view = new DataView(ring, HEADER_BYTES);
    this.#mask = capacity - 1;
    this.attachment = { sub, port: port2, ring };
    Atomics.store(this.#head, SLEEPING, 1);
    port1.onmessage = ({ data }: MessageEvent) => {
      if (data instanceof ArrayBuffer) this.#apart.push(data);
      this.onReadable();
    };
  }

  next(): Uint8Array | undefined {
    for (;;) {
      if (this.#read === Atomics.load(this.#head, WRITTEN)) {
        Atomics.store(this.#head, SLEEPING, 1);
        // The writer may have written between the look and the wish; then it does not ring.
        if (this.#read === Atomics.load(this.#head, WRITTEN)) return undefined;
        Atomics.store(this.#head, SLEEPING, 0);
      }
      const at = this.#read & this.#mask;
      const length = this.#view.getUint32(at, true);
      if (length === WRAP) {
        this.#read = (this.#read + (this.#mask + 1 - at)) | 0;
        continue;
      }
      if (length === APART) {
        const buffer = this.#apart.shift();
        // Its message is still under way and will call `onReadable`.
        if (!buffer) return undefined;
        this.#advance(8);
        // The record itself: alone in its message, it has no frame.
        return new Uint8Array(buffer);
      }
      // A copy: the writer reuses the space, and text cannot be decoded from shared memory.
      const record = this.#data.slice(at + 4, at + 4 + length);
      this.#advance(framedSize(length));
      return record;
    }
  }

  close(): void {
    this.#bell.onmessage = null;
    this.#bell.close();
  }

  #advance(size: number): void {
    this.#read = (this.#read + size) | 0;
    Atomics.store(this.#head, READ, this.#read);
    if (Atomics.exchange(this.#head, BLOCKED, 0) === 1) this.#bell.postMessage(0);
  }
}
