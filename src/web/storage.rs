//! The cache's storage in IndexedDB: one database, one object store of blobs by string key.
//!
//! It keeps the contract of `cache::storage` and knows nothing of what the blobs mean. A
//! transaction commits itself as soon as anything but its own requests is awaited, so
//! nothing else is awaited between its first request and its end.

use std::cell::{Cell, RefCell};
use std::future::{IntoFuture, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_channel::oneshot;
use futures_util::future::try_join_all;
use idb::{Database, Factory, KeyRange, ObjectStore, ObjectStoreParams, Query, Transaction, TransactionMode};
use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BroadcastChannel, DomException, FileReaderSync, IdbTransaction};

use crate::cache::storage::{Batch, Storage, StorageError};

const STORE: &str = "blobs";
/// The database's own version; the layout of the blobs is versioned in the blobs.
const VERSION: u32 = 1;
/// Smaller values gain nothing from a file of their own.
const MIN_FILE_BYTES: usize = 1 << 10;

/// An IndexedDB database, or the reason why there is none.
pub struct IndexedDb {
    database: Result<Database, StorageError>,
    /// Another tab changed the database's version or deleted it: this connection is closed.
    closed: Rc<Cell<bool>>,
    others: Option<Others>,
    /// The quota was met: values are put as files.
    ///
    /// Chromium keeps a value under 64 KiB in a log of some MiB that only grows until it is full, whatever is
    /// deleted, so deleting brings no write under a met quota. A `Blob` is a file, gone a moment after its key.
    as_files: Cell<bool>,
}

/// The channel on which tabs tell each other that they have written.
struct Others {
    channel: BroadcastChannel,
    news: Rc<News>,
    /// Kept alive for as long as the channel calls it.
    _on_message: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct News {
    unread: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl IndexedDb {
    /// Opens the database called `name`, or makes it.
    ///
    /// Where that is denied (private windows, blocked site data) every operation says
    /// `Unavailable`, and the cache goes on in memory.
    pub async fn open(name: &str) -> IndexedDb {
        let closed = Rc::new(Cell::new(false));
        let database = open(name, &closed).await.map_err(|error| match convert(&error) {
            StorageError::Failed(why) => StorageError::Unavailable(why),
            other => other,
        });
        IndexedDb {
            others: database.is_ok().then(|| Others::listen(name)).flatten(),
            database,
            closed,
            as_files: Cell::new(false),
        }
    }

    /// No database: the page wants nothing kept.
    pub fn none() -> IndexedDb {
        IndexedDb {
            database: Err(StorageError::Unavailable("the page keeps no store".to_owned())),
            closed: Rc::new(Cell::new(true)),
            others: None,
            as_files: Cell::new(false),
        }
    }

    fn begin(&self, mode: TransactionMode) -> Result<(Transaction, ObjectStore), StorageError> {
        if self.closed.get() {
            return Err(StorageError::Unavailable("the database was closed".to_owned()));
        }
        let database = self.database.as_ref().map_err(StorageError::clone)?;
        // A connection that the browser has closed (site data cleared) opens no transaction.
        let unavailable = |error: idb::Error| StorageError::Unavailable(error.to_string());
        let transaction = database.transaction(&[STORE], mode).map_err(unavailable)?;
        let store = transaction.object_store(STORE).map_err(unavailable)?;
        Ok((transaction, store))
    }
}

async fn open(name: &str, closed: &Rc<Cell<bool>>) -> Result<Database, idb::Error> {
    let mut request = Factory::new()?.open(name, Some(VERSION))?;
    request.on_upgrade_needed(|event| {
        use idb::event::DatabaseEvent;
        let Ok(database) = event.database() else { return };
        // A store that cannot be made is missed by the first transaction, which says so.
        let _ = database.create_object_store(STORE, ObjectStoreParams::new());
    });
    let mut database = request.await?;
    for close in [Database::on_version_change::<CloseOn>, Database::on_close::<CloseOn>] {
        close(&mut database, close_on(closed.clone()));
    }
    Ok(database)
}

impl Storage for IndexedDb {
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let (_transaction, store) = self.begin(TransactionMode::ReadOnly)?;
        keys_under(&store, prefix).await.map_err(|error| convert(&error))
    }

    async fn get(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let (_transaction, store) = self.begin(TransactionMode::ReadOnly)?;
        // All are asked for before any is awaited: one round trip instead of many.
        let requests: Result<Vec<_>, idb::Error> = keys
            .iter()
            .map(|key| store.get(JsValue::from_str(key)).map(IntoFuture::into_future))
            .collect();
        let values = match requests {
            Ok(requests) => try_join_all(requests).await,
            Err(error) => Err(error),
        };
        let values = values.map_err(|error| convert(&error))?;
        Ok(values.into_iter().map(|value| value.map(bytes)).collect())
    }

    async fn write(&self, batch: &Batch) -> Result<(), StorageError> {
        let (transaction, store) = self.begin(TransactionMode::ReadWrite)?;
        let ending = Ending::of(transaction);
        for expect in &batch.expect {
            let found = keys_under(&store, &expect.prefix).await;
            let found = found.map_err(|error| convert(&error))?;
            if found != expect.keys {
                return Err(ending.abort(StorageError::Conflict).await);
            }
        }
        if let Err(error) = request_changes(&store, batch, self.as_files.get()) {
            return Err(ending.abort(convert(&error)).await);
        }
        let committed = ending.committed().await;
        if committed == Err(StorageError::Quota) {
            self.as_files.set(true);
        }
        committed?;
        if let Some(others) = &self.others {
            // Nobody need hear it: others find out when they next write.
            let _ = others.channel.post_message(&JsValue::NULL);
        }
        Ok(())
    }

    async fn quota(&self) -> Option<u64> {
        estimated_quota().await
    }

    async fn changed(&self) {
        poll_fn(|cx| match &self.others {
            Some(others) if others.news.unread.take() => Poll::Ready(()),
            Some(others) => {
                *others.news.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Pending,
        })
        .await;
    }
}

impl Others {
    fn listen(name: &str) -> Option<Others> {
        let channel = BroadcastChannel::new(name).ok()?;
        let news = Rc::new(News::default());
        let heard = news.clone();
        let on_message: Closure<dyn FnMut()> = Closure::new(move || {
            heard.unread.set(true);
            if let Some(waker) = heard.waker.take() {
                waker.wake();
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Others {
            channel,
            news,
            _on_message: on_message,
        })
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}

/// The browser's estimate of what the origin may store; older ones have none.
async fn estimated_quota() -> Option<u64> {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok();
    let storage = get(&get(&js_sys::global(), "navigator")?, "storage")?;
    let estimate = get(&storage, "estimate")?.dyn_into::<Function>().ok()?;
    let promise = estimate.call0(&storage).ok()?.dyn_into::<Promise>().ok()?;
    let estimate = JsFuture::from(promise).await.ok()?;
    Some(get(&estimate, "quota")?.as_f64()? as u64)
}

/// How a transaction ends. The crate's own future loses the reason of an abort, which is
/// where browsers say that the quota is used up.
struct Ending {
    transaction: IdbTransaction,
    ended: oneshot::Receiver<bool>,
    /// Owns the handlers that are called at the end.
    _handlers: Transaction,
}

impl Ending {
    fn of(transaction: Transaction) -> Ending {
        let raw = IdbTransaction::from(transaction);
        let mut handlers = Transaction::from(raw.clone());
        let (sender, ended) = oneshot::channel();
        let sender = Rc::new(Cell::new(Some(sender)));
        let end = |committed: bool| {
            let sender = sender.clone();
            move |_| {
                if let Some(sender) = sender.take() {
                    // Whoever waited for it has gone.
                    let _ = sender.send(committed);
                }
            }
        };
        handlers.on_complete(end(true));
        handlers.on_abort(end(false));
        Ending {
            transaction: raw,
            ended,
            _handlers: handlers,
        }
    }

    async fn committed(self) -> Result<(), StorageError> {
        match self.ended.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(match self.transaction.error() {
                Some(exception) => name_exception(&exception),
                None => StorageError::Failed("the transaction was aborted".to_owned()),
            }),
        }
    }

    /// Undoes the transaction and gives `reason` back.
    async fn abort(self, reason: StorageError) -> StorageError {
        if self.transaction.abort().is_ok() {
            // It has ended when its handler was called, whichever; the handler must live so long.
            let _ = self.ended.await;
        }
        reason
    }
}

/// Asks for the batch's changes; their success is the transaction's.
fn request_changes(store: &ObjectStore, batch: &Batch, as_files: bool) -> Result<(), idb::Error> {
    for key in &batch.delete {
        store.delete(JsValue::from_str(key))?;
    }
    for (key, blob) in &batch.put {
        let value = Uint8Array::from(blob.as_slice());
        let file = (as_files && blob.len() >= MIN_FILE_BYTES)
            .then(|| Blob::new_with_u8_array_sequence(&Array::of1(&value)).ok())
            .flatten();
        let value = file.map_or_else(|| JsValue::from(value), JsValue::from);
        store.put(&value, Some(&JsValue::from_str(key)))?;
    }
    Ok(())
}

async fn keys_under(store: &ObjectStore, prefix: &str) -> Result<Vec<String>, idb::Error> {
    let last = format!("{prefix}\u{ffff}");
    let range = KeyRange::bound(&JsValue::from_str(prefix), &JsValue::from_str(&last), None, None)?;
    let keys = store.get_all_keys(Some(Query::KeyRange(range)), None)?.await?;
    Ok(keys.iter().filter_map(JsValue::as_string).collect())
}

/// A value that is no byte array is foreign: as no bytes it is found damaged, and removed.
fn bytes(value: JsValue) -> Vec<u8> {
    let array = match value.dyn_into::<Blob>() {
        Ok(file) => FileReaderSync::new()
            .and_then(|reader| reader.read_as_array_buffer(&file))
            .map(|buffer| Uint8Array::new(&buffer))
            .ok(),
        Err(value) => value.dyn_into::<Uint8Array>().ok(),
    };
    array.map_or_else(Vec::new, |array| array.to_vec())
}

type CloseOn = Box<dyn FnOnce(web_sys::Event)>;

/// Another tab waits for this connection to go, or the browser has closed it.
fn close_on(closed: Rc<Cell<bool>>) -> CloseOn {
    Box::new(move |event| {
        closed.set(true);
        let database = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::IdbDatabase>().ok());
        if let Some(database) = database {
            database.close();
        }
    })
}

fn convert(error: &idb::Error) -> StorageError {
    match error {
        idb::Error::DomException(exception) => name_exception(exception),
        other => StorageError::Failed(other.to_string()),
    }
}

fn name_exception(exception: &DomException) -> StorageError {
    match exception.name().as_str() {
        "QuotaExceededError" => StorageError::Quota,
        "InvalidStateError" | "SecurityError" | "NotAllowedError" | "VersionError" => {
            StorageError::Unavailable(exception.message())
        }
        _ => StorageError::Failed(format!("{}: {}", exception.name(), exception.message())),
    }
}
