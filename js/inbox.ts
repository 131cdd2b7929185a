import { ByteBuffer } from 'flatbuffers';

import { BatchReader, framedSize } from './records.js';

/**
 * What a worker writes for the page, read at the page's own pace: a ring in shared memory where the
 * page is cross-origin isolated, credited batches elsewhere. Both behave the same.
 */
export interface Inbox {
  /** The object that tells the worker where to write. Its port, if it has one, is transferred with it. */
  readonly attachment: Attachment;
  /**
   * A buffer whose position is at the next record, until the next is asked for; undefined if there is none now: then
   * `onReadable` is called once there is.
   */
  next(): ByteBuffer | undefined;
  onReadable: () => void;
  close(): void;
}

/** Where a worker is to write: to a new ring or port, or without one to the ring of this number. */
export interface Attachment {
  sub: string;
  port?: MessagePort;
  ring?: SharedArrayBuffer;
  number?: number | undefined;
  /** What the ring's first bell says. */
  use?: number;
  windowBytes?: number;
}

/** Opens an inbox called `sub` that buffers about `bytes`, on one of `rings` if the worker knows any. */
export function openInbox(sub: string, bytes: number, rings: Rings): Inbox {
  return globalThis.crossOriginIsolated ? new RingInbox(sub, bytes, rings) : new PortInbox(sub, bytes);
}

/** Credited batches on a MessagePort. */
class PortInbox implements Inbox {
  readonly attachment: Attachment;
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
      this.#batches.push({ reader: new BatchReader(new Uint8Array(data)), bytes: data.byteLength });
      if (this.#batches.length === 1) this.onReadable();
    };
  }

  next(): ByteBuffer | undefined {
    for (let batch = this.#batches[0]; batch; batch = this.#batches[0]) {
      const record = batch.reader.next();
      if (record) return record;
      this.#batches.shift();
      this.#grant(batch.bytes);
    }
    return undefined;
  }

  close(): void {
    closeLater(this.#port);
    this.#batches = [];
  }

  #grant(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < this.#window / 2) return;
    this.#port.postMessage(this.#taken);
    this.#taken = 0;
  }
}

/** Nothing more is heard on `port`. To close it takes longer than all else about an end, for which the page may wait. */
function closeLater(port: MessagePort): void {
  port.onmessage = null;
  queueMicrotask(() => port.close());
}

// src/web/ring.rs is the writer and describes the layout.
const HEADER_BYTES = 64;
const WRITTEN = 0;
const READ = 1;
const SLEEPING = 2;
const BLOCKED = 3;
const WRAP = 0xffffffff;
const APART = 0xfffffffe;

/** Records are taken out of a ring together, up to so many bytes: a buffer a record would cost more than the copy. */
const TAKE_BYTES = 16 << 10;

/** A ring in a SharedArrayBuffer, and the port with its bells. */
interface Ring {
  /** What the pool knows it by; absent if it is too large to be kept. */
  number: number | undefined;
  memory: SharedArrayBuffer;
  bell: MessagePort;
  /** How many inboxes there were on it, the present one included. */
  uses: number;
}

/** As many bytes of rings are kept. */
const KEPT_BYTES = 2 << 20;

/**
 * Rings that closed inboxes have given back. One whose memory has been touched and whose port is open costs both
 * sides less than a fresh one, and an answer from the store is there sooner.
 */
export class Rings {
  #kept: Ring[] = [];
  #bytes = 0;
  #last = 0;
  #closed = false;
  readonly #forget: (number: number) => void;

  /** @param forget tells the worker that the ring of this number does not come again */
  constructor(forget: (number: number) => void) {
    this.#forget = forget;
  }

  /** @internal A ring that was kept, if there is one of this size. */
  take(bytes: number): Ring | undefined {
    const at = this.#kept.findLastIndex(({ memory }) => memory.byteLength === bytes);
    const [ring] = at < 0 ? [] : this.#kept.splice(at, 1);
    this.#bytes -= ring?.memory.byteLength ?? 0;
    return ring;
  }

  /** @internal A number for a new ring, if it could be kept. */
  number(bytes: number): number | undefined {
    return bytes > KEPT_BYTES ? undefined : ++this.#last;
  }

  /** @internal */
  give(ring: Ring): void {
    if (this.#closed || ring.number === undefined) return closeLater(ring.bell);
    ring.bell.onmessage = null;
    this.#kept.push(ring);
    this.#bytes += ring.memory.byteLength;
    while (this.#bytes > KEPT_BYTES) {
      const oldest = this.#kept.shift();
      if (!oldest) return;
      this.#bytes -= oldest.memory.byteLength;
      closeLater(oldest.bell);
      if (oldest.number !== undefined) this.#forget(oldest.number);
    }
  }

  /** The worker that knows them is gone: none is kept any more. */
  close(): void {
    this.#closed = true;
    for (const { bell } of this.#kept.splice(0)) closeLater(bell);
  }
}

/** An inbox on a ring. */
class RingInbox implements Inbox {
  readonly attachment: Attachment;
  onReadable = () => {};
  readonly #ring: Ring;
  readonly #rings: Rings;
  readonly #head: Int32Array;
  readonly #data: Uint8Array;
  readonly #view: DataView;
  readonly #mask: number;
  /** The most that is taken at once: what the page has not asked for yet should wait in the ring, and hold up its writer. */
  readonly #most: number;
  /** The writer has begun with this use of the ring, which its bell names: until then what lies in it is another's. */
  #begun = false;
  #closed = false;
  #read = 0;
  /** What was taken out of the ring and not asked for yet. */
  #taken: BatchReader | undefined;
  /** Records too large for the ring, which come as messages of their own. */
  readonly #apart: ArrayBuffer[] = [];

  constructor(sub: string, bytes: number, rings: Rings) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(bytes, 1024)));
    const kept = rings.take(HEADER_BYTES + capacity);
    const [ring, port] = kept ? [kept, undefined] : newRing(HEADER_BYTES + capacity, rings);
    const { number, memory, bell } = ring;
    const use = ++ring.uses;
    this.#ring = ring;
    this.#rings = rings;
    this.#head = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.#data = new Uint8Array(memory, HEADER_BYTES);
    this.#view = new DataView(memory, HEADER_BYTES);
    this.#mask = capacity - 1;
    this.#most = Math.min(TAKE_BYTES, capacity / 4);
    this.attachment = port ? { sub, number, use, port, ring: memory } : { sub, number, use };
    bell.onmessage = ({ data }: MessageEvent) => {
      if (data === use) this.#begun = true;
      if (!this.#begun) return;
      if (data instanceof ArrayBuffer) this.#apart.push(data);
      this.onReadable();
    };
  }

  next(): ByteBuffer | undefined {
    if (!this.#begun || this.#closed) return undefined;
    for (;;) {
      const record = this.#taken?.next();
      if (record) return record;
      this.#taken = undefined;
      const written = this.#written();
      if (written === this.#read) return undefined;
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
        return new ByteBuffer(new Uint8Array(buffer));
      }
      const size = this.#sizeOfNext(at, written);
      // A copy: the writer reuses the space, and text cannot be decoded from shared memory.
      this.#taken = new BatchReader(this.#data.slice(at, at + size));
      this.#advance(size);
    }
  }

  /** Up to where there is something to read; if that is nothing, the writer will ring. */
  #written(): number {
    const written = Atomics.load(this.#head, WRITTEN);
    if (written !== this.#read) return written;
    Atomics.store(this.#head, SLEEPING, 1);
    // The writer may have written between the look and the wish; then it does not ring.
    const now = Atomics.load(this.#head, WRITTEN);
    if (now !== this.#read) Atomics.store(this.#head, SLEEPING, 0);
    return now;
  }

  /** Bytes of the next records: one at least, and as many as may be taken together. */
  #sizeOfNext(at: number, written: number): number {
    // A record does not go round the end, so its length says where the next one is, or a mark, or the end.
    const end = Math.min(at + ((written - this.#read) | 0), this.#mask + 1);
    let next = at + framedSize(this.#view.getUint32(at, true));
    while (next < end) {
      const length = this.#view.getUint32(next, true);
      if (length >= APART || next + framedSize(length) - at > this.#most) break;
      next += framedSize(length);
    }
    return next - at;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rings.give(this.#ring);
  }

  #advance(size: number): void {
    this.#read = (this.#read + size) | 0;
    Atomics.store(this.#head, READ, this.#read);
    if (Atomics.exchange(this.#head, BLOCKED, 0) === 1) this.#ring.bell.postMessage(0);
  }
}

/** A new ring, and the worker's end of its port. */
function newRing(bytes: number, rings: Rings): [Ring, MessagePort] {
  const memory = new SharedArrayBuffer(bytes);
  const { port1, port2 } = new MessageChannel();
  return [{ number: rings.number(bytes), memory, bell: port1, uses: 0 }, port2];
}
