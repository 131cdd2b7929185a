//! The storage contract on each native implementation; the browser run takes the same `contract`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::future::Future;
use std::pin::pin;

use futures_util::future::FutureExt;
use nostr_ferry::cache::storage::{Batch, Fallback, MemoryStorage, Storage, StorageError};

#[path = "storage_suite/contract.rs"]
mod contract;

/// Runs a future that never waits for anything.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("memory answers at once")
}

#[test]
fn memory_keeps_the_contract() {
    now(contract::holds(async || MemoryStorage::default()));
}

#[test]
fn handles_of_one_memory_keep_the_contract_of_two_writers() {
    let one = MemoryStorage::default();
    now(contract::holds_for_two(&one, &one.another()));
}

#[test]
fn a_fallback_keeps_the_contract_on_disk_and_in_memory() {
    now(contract::holds(async || Fallback::new(MemoryStorage::default())));
    let degraded = async || {
        let storage = Fallback::new(MemoryStorage::default());
        storage.degrade();
        storage
    };
    now(contract::holds_without_conflicts(degraded));
}

#[test]
fn a_degraded_fallback_still_reads_its_disk_and_hides_what_was_deleted() {
    let disk = MemoryStorage::default();
    let storage = Fallback::new(disk.another());
    now(storage.write(&contract::puts(&[("a", "1"), ("b", "2")]))).unwrap();
    storage.degrade();
    now(storage.write(&Batch {
        delete: vec!["a".into()],
        ..contract::puts(&[("c", "3")])
    }))
    .unwrap();
    let keys = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(now(storage.list("")).unwrap(), keys[1..]);
    assert_eq!(
        now(storage.get(&keys)).unwrap(),
        [None, Some(b"2".to_vec()), Some(b"3".to_vec())]
    );
    assert_eq!(now(disk.list("")).unwrap(), ["a", "b"], "the disk was not written to");
}

#[test]
fn a_write_over_the_quota_changes_nothing_and_one_that_makes_room_succeeds() {
    let storage = MemoryStorage::default();
    storage.set_quota(Some(10));
    now(storage.write(&contract::puts(&[("a", "12345")]))).unwrap();
    assert_eq!(
        now(storage.write(&contract::puts(&[("b", "12345")]))),
        Err(StorageError::Quota)
    );
    assert_eq!(now(storage.list("")).unwrap(), ["a"]);
    let swap = Batch {
        delete: vec!["a".into()],
        ..contract::puts(&[("b", "123456789")])
    };
    now(storage.write(&swap)).unwrap();
    assert_eq!(storage.used_bytes(), 10);
}

#[test]
fn a_change_by_another_writer_is_heard_once_and_ones_own_is_not() {
    let one = MemoryStorage::default();
    let two = one.another();
    now(one.write(&contract::puts(&[("a", "1")]))).unwrap();
    assert!(one.changed().now_or_never().is_none());
    assert!(two.changed().now_or_never().is_some());
    assert!(two.changed().now_or_never().is_none());
    let mut listening = pin!(two.changed());
    assert!((&mut listening).now_or_never().is_none());
    now(one.write(&contract::puts(&[("b", "2")]))).unwrap();
    assert!(listening.now_or_never().is_some());
}
