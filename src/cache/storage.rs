//! The storage contract: keys to blobs, and the implementation in memory.
//!
//! Shaped by IndexedDB, which commits a transaction as soon as anything but the
//! transaction's own requests is awaited: **one call is one transaction**. Few large
//! blobs cost far less than many small ones. What the blobs mean is not known here.
//! `tests/storage_suite.rs` is the contract as tests, for every implementation.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::sorted::{self, SortedMap, SortedSet};
use thiserror::Error;

/// Why a storage did not do what it was asked. Nothing of a failed write has happened.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StorageError {
    /// The origin's quota is used up: free something and try again.
    #[error("the storage quota is used up")]
    Quota,
    /// An expectation of the batch does not hold: another writer was faster.
    #[error("another writer changed the storage")]
    Conflict,
    /// The storage is denied, closed or gone; it will not come back.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// This operation failed; another may not.
    #[error("storage failed: {0}")]
    Failed(String),
}

/// What must be so for a batch to be written: the keys under `prefix` are exactly `keys`, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    pub prefix: String,
    pub keys: Vec<String>,
}

/// Changes that happen together or not at all: the deletions first, then the puts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub expect: Vec<Expect>,
    pub delete: Vec<String>,
    pub put: Vec<(String, Vec<u8>)>,
}

/// A durable, ordered map from keys to blobs that several writers may share.
///
/// Operations may be in flight together; they take effect one after another.
pub trait Storage {
    /// The keys that start with `prefix`, ascending by their bytes.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<String>, StorageError>>;

    /// The blobs of `keys`, in their order; none for a key that is not there.
    fn get(&self, keys: &[String]) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, StorageError>>;

    /// Applies the whole batch and is done when it will survive a crash.
    ///
    /// # Errors
    /// Nothing has been changed. `Conflict` if one of `batch.expect` does not hold.
    fn write(&self, batch: &Batch) -> impl Future<Output = Result<(), StorageError>>;

    /// The most bytes that the origin may store, as far as can be told.
    fn quota(&self) -> impl Future<Output = Option<u64>>;

    /// Ready when another writer has written since this was last ready. May be dropped and asked again.
    fn changed(&self) -> impl Future<Output = ()>;
}

/// A storage that lasts as long as its last handle. Each handle is a writer of its own.
pub struct MemoryStorage {
    shared: Rc<Shared>,
    writer: u64,
    /// What `changed` has reported: the count of others' writes.
    seen: Cell<u64>,
    own_writes: Cell<u64>,
}

#[derive(Default)]
struct Shared {
    blobs: RefCell<SortedMap<String, Vec<u8>>>,
    writes: Cell<u64>,
    used: Cell<u64>,
    writers: Cell<u64>,
    /// By writer: who wants to hear of others' writes.
    waiting: RefCell<SortedMap<u64, Waker>>,
    /// The most bytes of keys and blobs together.
    quota_bytes: Cell<Option<u64>>,
}

impl Default for MemoryStorage {
    fn default() -> Self {
        MemoryStorage::over(Rc::new(Shared::default()))
    }
}

impl MemoryStorage {
    /// Another writer on the same blobs.
    pub fn another(&self) -> MemoryStorage {
        MemoryStorage::over(self.shared.clone())
    }

    /// Makes writes that leave more than `bytes` stored fail with `Quota`.
    pub fn set_quota(&self, bytes: Option<u64>) {
        self.shared.quota_bytes.set(bytes);
    }

    /// Bytes of all keys and blobs.
    pub fn used_bytes(&self) -> u64 {
        self.shared.used.get()
    }

    /// Replaces blobs behind every writer's back, as damage does.
    pub fn tamper(&self, change: impl FnOnce(&mut SortedMap<String, Vec<u8>>)) {
        let mut blobs = self.shared.blobs.borrow_mut();
        change(&mut blobs);
        self.shared
            .used
            .set(blobs.iter().map(|(key, blob)| size(key, blob)).sum());
    }

    fn over(shared: Rc<Shared>) -> MemoryStorage {
        shared.writers.set(shared.writers.get() + 1);
        MemoryStorage {
            writer: shared.writers.get(),
            seen: Cell::new(shared.writes.get()),
            own_writes: Cell::new(0),
            shared,
        }
    }

    fn others_writes(&self) -> u64 {
        self.shared.writes.get() - self.own_writes.get()
    }
}

fn size(key: &str, blob: &[u8]) -> u64 {
    (key.len() + blob.len()) as u64
}

fn keys_under(blobs: &SortedMap<String, Vec<u8>>, prefix: &str) -> Vec<String> {
    let from = blobs.range_from(prefix);
    from.map(|(key, _)| key)
        .take_while(|key| key.starts_with(prefix))
        .cloned()
        .collect()
}

impl Storage for MemoryStorage {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        Ok(keys_under(&self.shared.blobs.borrow(), prefix))
    }

    async fn get(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let blobs = self.shared.blobs.borrow();
        Ok(keys.iter().map(|key| blobs.get(key).cloned()).collect())
    }

    async fn write(&self, batch: &Batch) -> Result<(), StorageError> {
        let mut blobs = self.shared.blobs.borrow_mut();
        if batch.expect.iter().any(|e| keys_under(&blobs, &e.prefix) != e.keys) {
            return Err(StorageError::Conflict);
        }
        let puts: SortedMap<&String, &Vec<u8>> = batch.put.iter().map(|(key, blob)| (key, blob)).collect();
        let touched: SortedSet<&String> = batch.delete.iter().chain(puts.keys().copied()).collect();
        let freed: u64 = touched
            .iter()
            .filter_map(|key| blobs.get_key_value(*key))
            .map(|(key, blob)| size(key, blob))
            .sum();
        let added: u64 = puts.iter().map(|(key, blob)| size(key, blob)).sum();
        let used = self.shared.used.get() - freed + added;
        if self.shared.quota_bytes.get().is_some_and(|quota| used > quota) {
            return Err(StorageError::Quota);
        }
        for key in &batch.delete {
            blobs.remove(key);
        }
        for (key, blob) in puts {
            blobs.insert(key.clone(), blob.clone());
        }
        self.shared.used.set(used);
        self.shared.writes.set(self.shared.writes.get() + 1);
        self.own_writes.set(self.own_writes.get() + 1);
        for waker in std::mem::take(&mut *self.shared.waiting.borrow_mut()).into_values() {
            waker.wake();
        }
        Ok(())
    }

    async fn quota(&self) -> Option<u64> {
        self.shared.quota_bytes.get()
    }

    async fn changed(&self) {
        poll_fn(|cx| {
            if self.others_writes() > self.seen.get() {
                self.seen.set(self.others_writes());
                return Poll::Ready(());
            }
            let mut waiting = self.shared.waiting.borrow_mut();
            waiting.insert(self.writer, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A storage that can stop writing to its disk and go on in memory.
///
/// What is on the disk stays readable; what is written afterwards is lost with the tab.
pub struct Fallback<S> {
    disk: S,
    memory: MemoryStorage,
    degraded: Cell<bool>,
    deleted: RefCell<SortedSet<String>>,
}

impl<S: Storage> Fallback<S> {
    /// `disk`, until it turns out not to be there.
    pub fn new(disk: S) -> Fallback<S> {
        Fallback {
            disk,
            memory: MemoryStorage::default(),
            degraded: Cell::new(false),
            deleted: RefCell::default(),
        }
    }

    /// From now on nothing is written to the disk.
    pub fn degrade(&self) {
        self.degraded.set(true);
    }

    fn is_deleted(&self, key: &str) -> bool {
        self.deleted.borrow().contains(key)
    }
}

impl<S: Storage> Storage for Fallback<S> {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        if !self.degraded.get() {
            return self.disk.list(prefix).await;
        }
        // A disk that cannot be listed any more has nothing to offer.
        let mut keys = self.disk.list(prefix).await.unwrap_or_default();
        keys.retain(|key| !self.is_deleted(key));
        keys.extend(self.memory.list(prefix).await?);
        sorted::sort(&mut keys);
        keys.dedup();
        Ok(keys)
    }

    async fn get(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        if !self.degraded.get() {
            return self.disk.get(keys).await;
        }
        let mut blobs = self.memory.get(keys).await?;
        let missing: Vec<String> = keys
            .iter()
            .zip(&blobs)
            .filter(|(key, blob)| blob.is_none() && !self.is_deleted(key))
            .map(|(key, _)| key.clone())
            .collect();
        if missing.is_empty() {
            return Ok(blobs);
        }
        let on_disk = self.disk.get(&missing).await.unwrap_or_default();
        let mut found: SortedMap<String, Option<Vec<u8>>> = missing.into_iter().zip(on_disk).collect();
        for (key, blob) in keys.iter().zip(&mut blobs) {
            if blob.is_none() {
                *blob = found.remove(key).flatten();
            }
        }
        Ok(blobs)
    }

    async fn write(&self, batch: &Batch) -> Result<(), StorageError> {
        if !self.degraded.get() {
            return self.disk.write(batch).await;
        }
        // Nobody else writes here, so there is nobody to be in conflict with.
        let batch = Batch {
            expect: Vec::new(),
            ..batch.clone()
        };
        self.deleted.borrow_mut().extend(batch.delete.iter().cloned());
        for (key, _) in &batch.put {
            self.deleted.borrow_mut().remove(key);
        }
        self.memory.write(&batch).await
    }

    async fn quota(&self) -> Option<u64> {
        self.disk.quota().await
    }

    async fn changed(&self) {
        self.disk.changed().await;
    }
}
