//! The channel router under bursts, floods and small windows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_channel::mpsc;
use futures_util::stream::FusedStream;
use futures_util::{FutureExt, StreamExt, select_biased};
use nostr_ferry::router::{Backlog, Packet, Port, PortConfig, Received, pair};
use nostr_ferry::time::Millis;
use nostr_ferry::wire::{Wire, WireError};
use world::executor::{Executor, Random};

/// A numbered record of any length.
#[derive(Clone, Debug, PartialEq)]
struct Numbered(u64, usize);

impl Wire for Numbered {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.0.to_le_bytes().to_vec();
        bytes.resize(8 + self.1, self.0 as u8);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let number = bytes.get(..8).ok_or(WireError::Framing)?;
        Ok(Numbered(
            u64::from_le_bytes(number.try_into().unwrap()),
            bytes.len() - 8,
        ))
    }
}

const SMALL: PortConfig = PortConfig::sized(4096, 1024);

#[test]
fn a_million_records_in_bursts_arrive_once_and_in_order_through_four_kib() {
    const RECORDS: u64 = 1_000_000;
    let (mut sender, mut receiver) = pair::<Numbered, Numbered>("burst", SMALL);
    let peak = Rc::new(Cell::new(0));
    let (seen_peak, sent_stats) = (peak.clone(), Rc::new(RefCell::new(None)));
    let stats_out = sent_stats.clone();
    let received_stats = Rc::new(RefCell::new(None));
    let received_out = received_stats.clone();
    let mut executor = Executor::new(1);
    executor.spawn(async move {
        let mut random = Random::new(7);
        let mut next = 0;
        while next < RECORDS {
            for _ in 0..1 + random.below(500) {
                if next < RECORDS {
                    assert!(sender.send(Numbered(next, random.below(120))).await);
                    next += 1;
                }
            }
            sender.flush(Millis(next));
        }
        sender.goodbye();
        *stats_out.borrow_mut() = Some(sender.stats());
    });
    executor.spawn(async move {
        let mut next = 0;
        while let Some(received) = receiver.next().await {
            if let Received::Message(Numbered(number, _)) = received {
                assert_eq!(number, next);
                next += 1;
            }
            seen_peak.set(seen_peak.get().max(receiver.stats().queue_depth));
            receiver.grant();
        }
        assert_eq!(next, RECORDS);
        *received_out.borrow_mut() = Some(receiver.stats());
    });
    assert_eq!(executor.run(), 0);
    let (sent, received) = (sent_stats.take().unwrap(), received_stats.take().unwrap());
    assert_eq!(sent.sent_records, RECORDS);
    assert_eq!(received.received_records, RECORDS);
    assert_eq!(received.received_bytes, sent.sent_bytes);
    assert_eq!(received.received_batches, sent.sent_batches);
    assert!(sent.stalls > 0, "the window was never full: nothing was tested");
    // A record is 16 bytes at least, so a window holds 256.
    assert!(peak.get() <= 4096 / 16, "{} records were queued", peak.get());
    assert!(received.queue_high_water <= 4096 / 16);
    assert_eq!(received.queue_depth, 0);
}

#[test]
fn try_send_hands_the_message_back_and_writable_tells_when_to_try_again() {
    let (mut sender, mut receiver) = pair::<Numbered, Numbered>("window", SMALL);
    let mut sent = 0;
    let back = loop {
        match sender.try_send(Numbered(sent, 52)) {
            Ok(()) => sent += 1,
            Err(back) => break back,
        }
    };
    assert_eq!((sent, &back), (64, &Numbered(64, 52)));
    assert_eq!(sender.stats().credit_bytes, 0);
    // It is refused again without more ado until credit has come.
    assert_eq!(sender.try_send(back), Err(Numbered(64, 52)));
    assert_eq!(sender.stats().stalls, 1);
    sender.flush(Millis(5));
    let mut executor = Executor::new(1);
    executor.spawn(async move {
        for _ in 0..sent {
            assert!(matches!(receiver.next().await, Some(Received::Message(_))));
        }
        receiver.grant();
        assert_eq!(sender.next().await, Some(Received::Writable));
        assert_eq!(sender.stats().credit_bytes, 4096);
        assert_eq!(sender.try_send(Numbered(64, 52)), Ok(()));
        sender.goodbye();
        assert_eq!(receiver.next().await, Some(Received::Message(Numbered(64, 52))));
        assert_eq!(receiver.next().await, None);
    });
    assert_eq!(executor.run(), 0);
}

#[test]
fn records_that_are_no_message_are_counted_and_skipped_and_the_first_is_reported() {
    thread_local! {
        static REPORTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }
    let config = PortConfig {
        on_first_malformed: |port, error| REPORTED.with_borrow_mut(|list| list.push(format!("{port}: {error}"))),
        ..SMALL
    };
    // A peer of another build, say: it frames its records rightly, and they are something else.
    let (post, inlet) = mpsc::unbounded();
    let mut receiver = Port::<Numbered, Numbered>::new("hostile", inlet, Box::new(mpsc::unbounded().0), config);
    let mut batch = Vec::new();
    for length in [3_u32, 8, 7, 0, 12] {
        batch.extend(length.to_le_bytes());
        batch.resize(batch.len() + (length as usize + 4).next_multiple_of(8) - 4, 0);
    }
    for packet in [Packet::Batch(batch), Packet::Goodbye] {
        post.unbounded_send(packet).unwrap();
    }
    let good = Rc::new(Cell::new(0));
    let seen = good.clone();
    let mut executor = Executor::new(1);
    executor.spawn(async move {
        while let Some(received) = receiver.next().await {
            seen.set(seen.get() + u32::from(matches!(received, Received::Message(_))));
        }
        assert_eq!(receiver.stats().malformed, 3);
    });
    assert_eq!(executor.run(), 0);
    assert_eq!(good.get(), 2);
    let expected = [format!("hostile: {}", WireError::Framing)];
    assert_eq!(REPORTED.take(), expected);
}

#[test]
fn a_record_larger_than_the_window_still_passes() {
    let (mut sender, mut receiver) = pair::<Numbered, Numbered>("large", SMALL);
    let mut executor = Executor::new(1);
    executor.spawn(async move {
        for number in 0..10 {
            assert!(
                sender
                    .send(Numbered(number, if number % 2 == 0 { 20_000 } else { 10 }))
                    .await
            );
            sender.flush(Millis(0));
        }
        sender.goodbye();
    });
    executor.spawn(async move {
        let mut next = 0;
        while let Some(received) = receiver.next().await {
            assert!(matches!(received, Received::Message(Numbered(number, _)) if number == next));
            next += 1;
            receiver.grant();
        }
        assert_eq!(next, 10);
    });
    assert_eq!(executor.run(), 0);
}

#[test]
fn the_rest_of_a_batch_is_taken_without_the_next_batch_or_the_end() {
    let (mut sender, mut receiver) = pair::<Numbered, Numbered>("rest", PortConfig::default());
    assert!(receiver.take_rest().is_none(), "nothing has come");
    for batch in [0..3, 3..4] {
        batch.for_each(|number| assert!(sender.try_send(Numbered(number, 0)).is_ok()));
        sender.flush(Millis(0));
    }
    sender.goodbye();
    let next = |receiver: &mut Port<Numbered, Numbered>| receiver.next().now_or_never();
    let message = |number| Received::Message(Numbered(number, 0));
    assert!(receiver.take_rest().is_none(), "only `next` takes in what has come");
    assert_eq!(next(&mut receiver), Some(Some(message(0))));
    assert_eq!(receiver.take_rest(), Some(message(1)));
    assert_eq!(receiver.take_rest(), Some(message(2)));
    assert_eq!(receiver.take_rest(), None);
    assert_eq!(next(&mut receiver), Some(Some(message(3))));
    assert_eq!(receiver.take_rest(), None);
    assert!(!receiver.is_terminated(), "the end is for `next` to tell");
    assert_eq!(next(&mut receiver), Some(None));
}

#[test]
fn a_full_batch_is_posted_at_once_and_a_small_one_on_flush() {
    let (mut sender, _receiver) = pair::<Numbered, Numbered>("batch", SMALL);
    sender.try_send(Numbered(0, 52)).unwrap();
    assert_eq!(sender.stats().sent_batches, 0);
    sender.flush(Millis(0));
    assert_eq!(sender.stats().sent_batches, 1);
    for number in 0..16 {
        sender.try_send(Numbered(number, 52)).unwrap();
    }
    assert_eq!(sender.stats().sent_batches, 2);
}

/// A role that answers every record with one to each peer, as long as numbers last.
async fn relay_role(mut ports: Vec<Port<Numbered, Numbered>>, flood: u64, random: &mut Random, received: &Cell<u64>) {
    let mut backlogs: Vec<Backlog<Numbered>> = ports.iter().map(|_| Backlog::default()).collect();
    let mut made = 0;
    let (a, rest) = ports.split_at_mut(1);
    let (b, c) = rest.split_at_mut(1);
    loop {
        for (backlog, port) in backlogs.iter_mut().zip([&mut a[0], &mut b[0], &mut c[0]]) {
            backlog.send(port);
        }
        // The source of this role's work is paused while its backlog is long.
        while made < flood && backlogs.iter().all(|backlog| backlog.len() < 8) {
            for (backlog, port) in backlogs.iter_mut().zip([&mut a[0], &mut b[0], &mut c[0]]) {
                backlog.push(Numbered(made, random.below(300)));
                backlog.send(port);
            }
            made += 1;
        }
        for port in [&mut a[0], &mut b[0], &mut c[0]] {
            port.flush(Millis(0));
        }
        if received.get() == 3 * flood && made == flood && backlogs.iter().all(Backlog::is_empty) {
            return;
        }
        let (received_now, from) = select_biased! {
            r = a[0].select_next_some() => (r, 0),
            r = b[0].select_next_some() => (r, 1),
            r = c[0].select_next_some() => (r, 2),
            complete => return,
        };
        if matches!(received_now, Received::Message(_)) {
            received.set(received.get() + 1);
        }
        [&mut a[0], &mut b[0], &mut c[0]][from].grant();
    }
}

#[test]
fn four_roles_that_flood_each_other_all_finish_for_two_hundred_seeds() {
    const FLOOD: u64 = 300;
    for seed in 0..200 {
        let mut ports: Vec<Vec<Port<Numbered, Numbered>>> = (0..4).map(|_| Vec::new()).collect();
        for first in 0..4 {
            for second in first + 1..4 {
                let (one, other) = pair("flood", SMALL);
                ports[first].push(one);
                ports[second].push(other);
            }
        }
        let received: Vec<Cell<u64>> = (0..4).map(|_| Cell::new(0)).collect();
        let mut executor = Executor::new(seed);
        for (role, ports) in ports.into_iter().enumerate() {
            let received = &received[role];
            executor.spawn(async move {
                let mut random = Random::new(seed * 4 + role as u64);
                relay_role(ports, FLOOD, &mut random, received).await;
            });
        }
        assert_eq!(executor.run(), 0, "seed {seed}: deadlock, received {received:?}");
        assert!(
            received.iter().all(|count| count.get() == 3 * FLOOD),
            "seed {seed}: {received:?}"
        );
    }
}
