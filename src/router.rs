//! The channel router: typed, batched, credited message ports, the same for every role.
//!
//! It knows no message by name and no browser: `wire` gives it bytes, `Post` takes its packets.
//!
//! **Batches.** Records are gathered into one buffer, `[u32 length][payload][pad to 8]`
//! each, which is posted when it is full or when the role has nothing left to do
//! (`Port::flush`).
//!
//! **Credit.** A sender has at most a window of bytes in flight. The receiver gives
//! room back (`Port::grant`) when its role has consumed records, not when they arrive.
//! So a queue between two roles is bounded although a MessagePort's own is not.
//!
//! **No third way.** `Port::send` waits for credit; `Port::try_send` hands the message
//! back. Nothing is dropped.
//!
//! **No deadlock.** A role's loop never awaits `send`. It puts what it wants to say in
//! a `Backlog`, and it holds back *credit* from the source of that work, never reading:
//! every role reads all its ports every turn, so two full links cannot wait on each other.
//!
//! **Liveness.** A peer that crashed says nothing and its stream does not end; the page's
//! supervisor finds out by other means. A stream ends when the peer says goodbye.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::stream::{FusedStream, Stream, StreamExt};

use crate::message::PortStats;
use crate::time::Millis;
use crate::wire::{Wire, WireError};

/// What crosses a MessagePort: an ArrayBuffer, a number, or the word that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    Batch(Vec<u8>),
    /// Bytes of records that the receiver has consumed.
    Credit(u64),
    Goodbye,
}

/// The outgoing half of a transport.
pub trait Post {
    /// Hands `packet` to the peer. A peer that is gone loses it; the supervisor replaces both ends.
    fn post(&mut self, packet: Packet);

    /// Hands the records in `batch` to the peer and leaves it empty. A transport that copies them keeps its buffer.
    fn post_batch(&mut self, batch: &mut Vec<u8>) {
        self.post(Packet::Batch(std::mem::take(batch)));
    }
}

/// Sizes of one port, in bytes, and who hears of what is no message.
#[derive(Clone, Copy, Debug)]
pub struct PortConfig {
    /// The most a sender may have in flight. A record of over half of it goes alone, when half is free.
    pub window_bytes: u64,
    /// A batch of this size is posted at once.
    pub batch_bytes: usize,
    /// Is called with the port's name for its first record that is no message; the counters tell of the others.
    pub on_first_malformed: fn(&str, &WireError),
}

impl PortConfig {
    /// These sizes; nobody hears of malformed records.
    pub const fn sized(window_bytes: u64, batch_bytes: usize) -> PortConfig {
        PortConfig {
            window_bytes,
            batch_bytes,
            on_first_malformed: |_, _| {},
        }
    }
}

impl Default for PortConfig {
    /// 16 KiB is the batch that Chromium, Firefox and WebKit all carry near their best rate.
    fn default() -> Self {
        PortConfig::sized(4 << 20, 16 << 10)
    }
}

/// What a port yields.
#[derive(Debug, PartialEq)]
pub enum Received<In> {
    Message(In),
    /// A record that is no message: counted, and the first of its port reported.
    Malformed(WireError),
    /// A sender that was out of credit has some again: flush the backlog.
    Writable,
}

impl<In> Received<In> {
    /// The same with the message turned into something else, most often the role's `Input`.
    pub fn map<T>(self, f: impl FnOnce(In) -> T) -> Received<T> {
        match self {
            Received::Message(message) => Received::Message(f(message)),
            Received::Malformed(error) => Received::Malformed(error),
            Received::Writable => Received::Writable,
        }
    }
}

/// One end of a channel: a stream of `In` and a way to send `Out`.
pub struct Port<In, Out> {
    inlet: mpsc::UnboundedReceiver<Packet>,
    outlet: Box<dyn Post>,
    config: PortConfig,
    /// Bytes sent and not yet credited back.
    in_flight: u64,
    /// A send was refused and no credit has come since.
    stalled_since: Option<Millis>,
    /// The last time `flush` was told.
    now: Millis,
    /// The batch being filled.
    batch: Vec<u8>,
    /// Received batches; the first is read from `cursor`.
    inbox: VecDeque<Vec<u8>>,
    cursor: usize,
    /// Bytes of records yielded and not yet granted back.
    taken: u64,
    /// The peer said goodbye, or its transport is gone: the stream ends after the inbox.
    ended: bool,
    stats: PortStats,
    types: PhantomData<fn(Out) -> In>,
}

impl<In: Wire, Out: Wire> Port<In, Out> {
    /// A port called `name` that reads packets from `inlet` and posts them to `outlet`.
    pub fn new(
        name: &str,
        inlet: mpsc::UnboundedReceiver<Packet>,
        outlet: Box<dyn Post>,
        config: PortConfig,
    ) -> Port<In, Out> {
        Port {
            inlet,
            outlet,
            config,
            in_flight: 0,
            stalled_since: None,
            now: Millis(0),
            batch: Vec::new(),
            inbox: VecDeque::new(),
            cursor: 0,
            taken: 0,
            ended: false,
            stats: PortStats {
                name: name.to_owned(),
                ..PortStats::default()
            },
            types: PhantomData,
        }
    }

    /// The next record of the batch that is being read; none at its end.
    ///
    /// A loop that was given a record takes the rest of its batch by this, which costs it none of its other polls.
    pub fn take_rest(&mut self) -> Option<Received<In>> {
        // The end of the last batch may be the stream's, and that is for `next` to tell.
        read_record(self.inbox.front()?, self.cursor)?;
        self.take_record()
    }

    /// Puts `message` in the batch being filled.
    ///
    /// # Errors
    /// Gives the message back when the window has no room: keep it, and try again after `Received::Writable`.
    pub fn try_send(&mut self, message: Out) -> Result<(), Out> {
        match self.try_send_ref(&message) {
            true => Ok(()),
            false => Err(message),
        }
    }

    /// The same for a message that the caller keeps. False if the window has no room.
    fn try_send_ref(&mut self, message: &Out) -> bool {
        if self.stalled_since.is_some() {
            return false;
        }
        let payload = message.encode();
        let size = framed_size(payload.len());
        if !self.has_room(size) {
            self.stalled_since = Some(self.now);
            self.stats.stalls += 1;
            // What waits for credit may be in this very batch.
            self.post_batch();
            return false;
        }
        push_record(&mut self.batch, &payload);
        self.in_flight += size;
        self.stats.sent_records += 1;
        self.stats.sent_bytes += size;
        if self.batch.len() >= self.config.batch_bytes {
            self.post_batch();
        }
        true
    }

    /// Sends `message` as soon as there is credit, keeping what arrives meanwhile for `next`.
    ///
    /// For tasks of their own; a role's loop uses a `Backlog`. Returns false if the peer is gone.
    pub async fn send(&mut self, message: Out) -> bool {
        let mut message = message;
        loop {
            message = match self.try_send(message) {
                Ok(()) => return true,
                Err(back) => back,
            };
            while self.stalled_since.is_some() {
                match self.inlet.next().await {
                    Some(packet) => {
                        self.accept(packet);
                    }
                    None => return false,
                }
            }
        }
    }

    /// Posts what is in the batch. Call it when the role has nothing left to do in this turn.
    pub fn flush(&mut self, now: Millis) {
        if let Some(since) = &mut self.stalled_since {
            self.stats.stalled_ms += now.since(*since);
            *since = now;
        }
        self.now = now;
        self.post_batch();
    }

    /// Whether something was sent and not posted yet.
    pub fn has_unposted(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Gives the peer back the room of the records taken so far.
    ///
    /// Call it once what they caused has left the role; withhold it to slow the peer down.
    pub fn grant(&mut self) {
        // Half a window is never held back for long, and a sender asks for no more than half
        // to be free: small change is not worth a post.
        if self.taken > 0 && self.taken >= self.config.window_bytes / 2 {
            self.outlet.post(Packet::Credit(self.taken));
            self.taken = 0;
        }
    }

    /// Says that nothing more will be sent; the peer's stream ends after what is under way.
    pub fn goodbye(&mut self) {
        self.post_batch();
        self.outlet.post(Packet::Goodbye);
    }

    /// The port's counters.
    pub fn stats(&self) -> PortStats {
        PortStats {
            credit_bytes: self.config.window_bytes.saturating_sub(self.in_flight),
            ..self.stats.clone()
        }
    }

    fn has_room(&self, size: u64) -> bool {
        let window = self.config.window_bytes;
        self.in_flight + size <= window || self.in_flight <= window / 2
    }

    fn post_batch(&mut self) {
        if !self.batch.is_empty() {
            self.stats.sent_batches += 1;
            self.outlet.post_batch(&mut self.batch);
            // One large record must not hold its memory for ever.
            self.batch.shrink_to(2 * self.config.batch_bytes);
        }
    }

    /// Takes in one packet; true if it made a stalled sender writable.
    fn accept(&mut self, packet: Packet) -> bool {
        match packet {
            Packet::Batch(batch) => {
                self.stats.received_batches += 1;
                self.stats.queue_depth += count_records(&batch);
                self.stats.queue_high_water = self.stats.queue_high_water.max(self.stats.queue_depth);
                self.inbox.push_back(batch);
                false
            }
            Packet::Credit(bytes) => {
                self.in_flight = self.in_flight.saturating_sub(bytes);
                self.stalled_since.take().is_some()
            }
            Packet::Goodbye => {
                self.ended = true;
                false
            }
        }
    }

    /// The next record of the inbox.
    fn take_record(&mut self) -> Option<Received<In>> {
        loop {
            let batch = self.inbox.front()?;
            match read_record(batch, self.cursor) {
                Some((payload, next)) => {
                    let size = (next - self.cursor) as u64;
                    let message = In::decode(payload);
                    self.cursor = next;
                    self.taken += size;
                    self.stats.received_records += 1;
                    self.stats.received_bytes += size;
                    self.stats.queue_depth = self.stats.queue_depth.saturating_sub(1);
                    return Some(match message {
                        Ok(message) => Received::Message(message),
                        Err(error) => self.malformed(error),
                    });
                }
                None => {
                    let left = batch.len() - self.cursor.min(batch.len());
                    self.inbox.pop_front();
                    self.cursor = 0;
                    if left > 0 {
                        // The sender counts these bytes as in flight: they are given back like any others.
                        self.taken += left as u64;
                        return Some(self.malformed(WireError::Framing));
                    }
                }
            }
        }
    }

    fn malformed(&mut self, error: WireError) -> Received<In> {
        self.stats.malformed += 1;
        if self.stats.malformed == 1 {
            (self.config.on_first_malformed)(&self.stats.name, &error);
        }
        Received::Malformed(error)
    }
}

impl<In: Wire, Out: Wire> Stream for Port<In, Out> {
    type Item = Received<In>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Received<In>>> {
        let port = self.get_mut();
        // Packets first: credit must not wait behind records.
        while !port.inlet.is_terminated() {
            match port.inlet.poll_next_unpin(cx) {
                Poll::Ready(Some(packet)) => {
                    if port.accept(packet) {
                        return Poll::Ready(Some(Received::Writable));
                    }
                }
                Poll::Ready(None) => port.ended = true,
                Poll::Pending => break,
            }
        }
        match port.take_record() {
            Some(received) => Poll::Ready(Some(received)),
            None if port.ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl<In: Wire, Out: Wire> FusedStream for Port<In, Out> {
    fn is_terminated(&self) -> bool {
        self.ended && self.inbox.is_empty()
    }
}

/// What a role wants to say on one port, in order, until there is credit for it.
#[derive(Debug)]
pub struct Backlog<Out>(VecDeque<Out>);

impl<Out> Default for Backlog<Out> {
    fn default() -> Self {
        Backlog(VecDeque::new())
    }
}

impl<Out> Extend<Out> for Backlog<Out> {
    fn extend<Messages: IntoIterator<Item = Out>>(&mut self, messages: Messages) {
        self.0.extend(messages);
    }
}

impl<Out> Backlog<Out> {
    pub fn push(&mut self, message: Out) {
        self.0.push_back(message);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets go of everything: its reader is gone.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes out the oldest message.
    pub fn pop(&mut self) -> Option<Out> {
        self.0.pop_front()
    }

    /// Takes everything out, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Out> + '_ {
        self.0.drain(..)
    }

    /// Sends as much as there is credit for. True if nothing is left.
    pub fn send<In: Wire>(&mut self, port: &mut Port<In, Out>) -> bool
    where
        Out: Wire,
    {
        self.send_keeping(port, drop)
    }

    /// The same, for a sender that keeps what it has sent.
    pub fn send_keeping<In: Wire>(&mut self, port: &mut Port<In, Out>, mut keep: impl FnMut(Out)) -> bool
    where
        Out: Wire,
    {
        while let Some(message) = self.0.pop_front() {
            if !port.try_send_ref(&message) {
                self.0.push_front(message);
                return false;
            }
            keep(message);
        }
        true
    }
}

impl Post for mpsc::UnboundedSender<Packet> {
    fn post(&mut self, packet: Packet) {
        // The other end was dropped: nobody is left to read it.
        let _ = self.unbounded_send(packet);
    }
}

/// Two connected ports in memory: how native tests wire roles together.
pub fn pair<A: Wire, B: Wire>(name: &str, config: PortConfig) -> (Port<A, B>, Port<B, A>) {
    let (to_first, first_inlet) = mpsc::unbounded();
    let (to_second, second_inlet) = mpsc::unbounded();
    (
        Port::new(name, first_inlet, Box::new(to_second), config),
        Port::new(name, second_inlet, Box::new(to_first), config),
    )
}

/// Bytes of a record on the wire: length, payload, padding.
pub fn framed_size(payload: usize) -> u64 {
    (4 + payload).next_multiple_of(8) as u64
}

/// Appends one record, `[u32 length][payload][pad to 8]`, little-endian.
pub fn push_record(batch: &mut Vec<u8>, payload: &[u8]) {
    // Limits on frames and events keep every payload far below 4 GiB.
    batch.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    batch.extend_from_slice(payload);
    batch.resize(batch.len().next_multiple_of(8), 0);
}

/// The payload of the record at `at` and where the next one starts; none at the end or if the framing is broken.
pub fn read_record(batch: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let header = batch.get(at..at.checked_add(4)?)?;
    let length = u32::from_le_bytes(header.try_into().ok()?) as usize;
    let payload = batch.get(at + 4..(at + 4).checked_add(length)?)?;
    let next = (at + 4 + length).next_multiple_of(8);
    (next <= batch.len()).then_some((payload, next))
}

fn count_records(batch: &[u8]) -> u64 {
    let mut at = 0;
    let mut count = 0;
    while let Some((_, next)) = read_record(batch, at) {
        at = next;
        count += 1;
    }
    count
}
