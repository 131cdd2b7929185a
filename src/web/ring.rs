//! A ring in a SharedArrayBuffer: one writer, the parser or connections; one reader, the page.
//!
//! ```text
//! i32[0] written   bytes ever written (wraps)       the writer's
//! i32[1] read      bytes ever read (wraps)          the reader's
//! i32[2] sleeping  1: the reader wants a bell       set by the reader, taken by the writer
//! i32[3] blocked   1: the writer wants a bell       set by the writer, taken by the reader
//! then capacity bytes of records, [u32 length][payload][pad to 8], each contiguous
//! ```
//! Length `WRAP` says that the next record is at the start; length `APART` that it comes
//! as a message on the bell's port, because it is larger than a ring can hold.
//! `js/inbox.ts` is the reader.

use js_sys::{Atomics, Int32Array, SharedArrayBuffer, Uint8Array};

use crate::router::{framed_size, push_record};

const HEADER_BYTES: u32 = 64;
const WRITTEN: u32 = 0;
const READ: u32 = 1;
const SLEEPING: u32 = 2;
const BLOCKED: u32 = 3;
const WRAP: u32 = u32::MAX;
const APART: u32 = u32::MAX - 1;

/// What became of a record.
pub enum Put {
    Done,
    /// The caller must post the record on the bell's port now.
    Apart,
    /// The reader rings when there is room.
    Full,
}

/// The writing end.
///
/// Records are gathered and copied into the ring together, by `publish`: a copy out of the module's memory costs the
/// same few calls for one record as for a turn's.
pub struct RingWriter {
    head: Int32Array,
    data: Uint8Array,
    capacity: u32,
    /// What the reader may read up to.
    published: u32,
    /// The records after it, which lie before the ring's end.
    pending: Vec<u8>,
    /// How far the reader had come when it was last looked at.
    read: u32,
    /// Where the reader has to have come to before another record may go apart: behind the one that did.
    apart: Option<u32>,
}

impl RingWriter {
    /// Takes `buffer` as a fresh ring, if it is large enough to be one.
    pub fn new(buffer: &SharedArrayBuffer) -> Option<RingWriter> {
        let capacity = buffer.byte_length().checked_sub(HEADER_BYTES)?;
        // A power of two, so that positions may wrap with the counters.
        let mut ring = (capacity >= 1024 && capacity.is_power_of_two()).then(|| RingWriter {
            head: Int32Array::new(buffer),
            data: Uint8Array::new_with_byte_offset_and_length(buffer, HEADER_BYTES, capacity),
            capacity,
            published: 0,
            pending: Vec::new(),
            read: 0,
            apart: None,
        })?;
        ring.renew();
        Some(ring)
    }

    /// Begins anew, for another reader; the last one has stopped reading, and the next has not begun.
    pub fn renew(&mut self) {
        self.pending.clear();
        (self.published, self.read, self.apart) = (0, 0, None);
        for (word, value) in [(WRITTEN, 0), (READ, 0), (BLOCKED, 0), (SLEEPING, 1)] {
            let _ = Atomics::store(&self.head, word, value);
        }
    }

    /// Takes one record if there is room. The reader sees it after `publish`.
    pub fn put(&mut self, payload: &[u8]) -> Put {
        // Two would not fit: such a record would stop the reader and the writer in turn.
        if framed_size(payload.len()) > u64::from(self.capacity / 2) {
            return self.put_apart();
        }
        let size = framed_size(payload.len()) as u32;
        let to_end = self.capacity - self.written() % self.capacity;
        let skip = if size > to_end { to_end } else { 0 };
        if !self.wait_until(|ring| ring.free() >= skip + size) {
            return Put::Full;
        }
        if skip > 0 {
            self.publish();
            self.mark(WRAP, skip);
        }
        push_record(&mut self.pending, payload);
        // What is copied together must not go round the end.
        if self.written().is_multiple_of(self.capacity) {
            self.publish();
        }
        Put::Done
    }

    /// Lets the reader read what was put.
    pub fn publish(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let (at, size) = (self.published % self.capacity, self.pending.len() as u32);
        self.data.subarray(at, at + size).copy_from(&self.pending);
        self.pending.clear();
        self.advance(size);
    }

    /// Whether the reader sleeps and must be woken; asking takes the wish.
    pub fn take_sleeping(&self) -> bool {
        Atomics::exchange(&self.head, SLEEPING, 0).is_ok_and(|was| was == 1)
    }

    fn put_apart(&mut self) -> Put {
        let apart = self.apart;
        let is_read = move |ring: &RingWriter| apart.is_none_or(|at| at.wrapping_sub(ring.read) as i32 <= 0);
        // A marker is 8 bytes and the capacity a multiple of 8: it always fits before the end.
        if !self.wait_until(|ring| is_read(ring) && ring.free() >= 8) {
            return Put::Full;
        }
        self.publish();
        self.mark(APART, 8);
        self.apart = Some(self.published);
        Put::Apart
    }

    /// Writes a length that is none and passes over `size` bytes.
    fn mark(&mut self, length: u32, size: u32) {
        let at = self.published % self.capacity;
        self.data.subarray(at, at + 4).copy_from(&length.to_le_bytes());
        self.advance(size);
    }

    fn advance(&mut self, size: u32) {
        self.published = self.published.wrapping_add(size);
        // The store publishes the bytes before it.
        let _ = Atomics::store(&self.head, WRITTEN, self.published as i32);
    }

    /// Whether `ready` holds; if not, the reader will ring when it has read on.
    fn wait_until(&mut self, ready: impl Fn(&RingWriter) -> bool) -> bool {
        if ready(self) {
            return true;
        }
        self.look();
        if ready(self) {
            return true;
        }
        // It rings when it has read, so it has to have everything to read.
        self.publish();
        let _ = Atomics::store(&self.head, BLOCKED, 1);
        // The reader may have read on between the look and the wish; then it does not ring.
        self.look();
        ready(self) && Atomics::exchange(&self.head, BLOCKED, 0).is_ok()
    }

    /// Up to where all that was put reaches.
    fn written(&self) -> u32 {
        self.published.wrapping_add(self.pending.len() as u32)
    }

    fn free(&self) -> u32 {
        self.capacity - self.written().wrapping_sub(self.read)
    }

    fn look(&mut self) {
        self.read = Atomics::load(&self.head, READ).unwrap_or_default() as u32;
    }
}
