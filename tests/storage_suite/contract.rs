//! The storage contract as assertions, for any implementation and any executor.
//!
//! A browser run includes this file by path and awaits `holds` with an IndexedDB that is
//! opened anew each time, and `holds_for_two` with two connections to one database.

use nostr_ferry::cache::storage::{Batch, Expect, Storage, StorageError};

/// A batch of puts.
pub fn puts(pairs: &[(&str, &str)]) -> Batch {
    Batch {
        put: pairs
            .iter()
            .map(|(key, blob)| (key.to_string(), blob.as_bytes().to_vec()))
            .collect(),
        ..Batch::default()
    }
}

/// Everything the contract promises to a single writer. `empty` gives a fresh, empty storage.
pub async fn holds<S: Storage>(empty: impl AsyncFn() -> S) {
    expectations_are_checked(&empty().await).await;
    holds_without_conflicts(empty).await;
}

/// The same for a storage that has no other writer to be in conflict with.
pub async fn holds_without_conflicts<S: Storage>(empty: impl AsyncFn() -> S) {
    blobs_come_back_in_the_order_asked(&empty().await).await;
    keys_are_listed_by_prefix_in_order(&empty().await).await;
    deletions_come_before_puts(&empty().await).await;
    blobs_of_any_size_and_content(&empty().await).await;
    operations_may_overlap(&empty().await).await;
}

async fn blobs_come_back_in_the_order_asked(storage: &impl Storage) {
    storage.write(&puts(&[("a", "1"), ("b", "2")])).await.unwrap();
    let keys = ["b", "none", "a", "b"].map(str::to_owned);
    let blobs = storage.get(&keys).await.unwrap();
    let blob = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(blobs, [blob("2"), None, blob("1"), blob("2")]);
    assert_eq!(storage.get(&[]).await.unwrap(), Vec::<Option<Vec<u8>>>::new());
    storage.write(&puts(&[("a", "new")])).await.unwrap();
    assert_eq!(storage.get(&keys[2..3]).await.unwrap(), [blob("new")]);
}

async fn keys_are_listed_by_prefix_in_order(storage: &impl Storage) {
    assert_eq!(storage.list("").await.unwrap(), Vec::<String>::new());
    let pairs = ["i/b", "d/a/0001", "i/a", "d/a/0000", "i", "j"].map(|key| (key, "x"));
    storage.write(&puts(&pairs)).await.unwrap();
    assert_eq!(storage.list("i/").await.unwrap(), ["i/a", "i/b"]);
    assert_eq!(storage.list("d/a/").await.unwrap(), ["d/a/0000", "d/a/0001"]);
    assert_eq!(storage.list("i").await.unwrap(), ["i", "i/a", "i/b"]);
    assert_eq!(storage.list("x").await.unwrap(), Vec::<String>::new());
    assert_eq!(storage.list("").await.unwrap().len(), 6);
}

async fn deletions_come_before_puts(storage: &impl Storage) {
    storage.write(&puts(&[("a", "1"), ("b", "2")])).await.unwrap();
    let batch = Batch {
        delete: ["a", "b", "none"].map(str::to_owned).to_vec(),
        ..puts(&[("a", "again")])
    };
    storage.write(&batch).await.unwrap();
    assert_eq!(storage.list("").await.unwrap(), ["a"]);
    assert_eq!(storage.get(&["a".to_owned()]).await.unwrap(), [Some(b"again".to_vec())]);
    storage.write(&Batch::default()).await.unwrap();
    assert_eq!(storage.list("").await.unwrap(), ["a"]);
}

async fn blobs_of_any_size_and_content(storage: &impl Storage) {
    let large: Vec<u8> = (0..1_000_003u32).map(|n| (n * 31 % 251) as u8).collect();
    let batch = Batch {
        put: vec![("empty".to_owned(), Vec::new()), ("large".to_owned(), large.clone())],
        ..Batch::default()
    };
    storage.write(&batch).await.unwrap();
    let keys = ["large", "empty"].map(str::to_owned);
    assert_eq!(storage.get(&keys).await.unwrap(), [Some(large), Some(Vec::new())]);
}

async fn operations_may_overlap(storage: &impl Storage) {
    let (one, two) = (puts(&[("a", "1"), ("b", "1")]), puts(&[("a", "2"), ("b", "2")]));
    let keys = ["a", "b"].map(str::to_owned);
    let (first, second, read) =
        futures_util::future::join3(storage.write(&one), storage.write(&two), storage.get(&keys)).await;
    first.unwrap();
    second.unwrap();
    let read = read.unwrap();
    assert_eq!(read[0], read[1], "a batch is seen whole or not at all");
}

async fn expectations_are_checked(storage: &impl Storage) {
    storage.write(&puts(&[("i/a", "1"), ("x/a/1", "1")])).await.unwrap();
    let expecting = |prefix: &str, keys: &[&str]| Batch {
        expect: vec![
            Expect {
                prefix: "i/a".to_owned(),
                keys: vec!["i/a".to_owned()],
            },
            Expect {
                prefix: prefix.to_owned(),
                keys: keys.iter().map(|key| key.to_string()).collect(),
            },
        ],
        delete: vec!["i/a".to_owned()],
        put: vec![("i/b".to_owned(), Vec::new())],
    };
    for (prefix, keys) in [
        ("x/a/", &[][..]),
        ("x/a/", &["x/a/1", "x/a/2"]),
        ("x/a/", &["x/a/2"]),
        ("none", &["none"]),
    ] {
        let result = storage.write(&expecting(prefix, keys)).await;
        assert_eq!(result, Err(StorageError::Conflict), "{prefix} {keys:?}");
        assert_eq!(storage.list("").await.unwrap(), ["i/a", "x/a/1"], "nothing has changed");
    }
    storage.write(&expecting("x/a/", &["x/a/1"])).await.unwrap();
    assert_eq!(storage.list("").await.unwrap(), ["i/b", "x/a/1"]);
}

/// Two writers on one storage: one sees what the other has written, and of two batches that
/// expect the same only one is written.
pub async fn holds_for_two(one: &impl Storage, two: &impl Storage) {
    one.write(&puts(&[("i/a", "1")])).await.unwrap();
    two.changed().await;
    assert_eq!(two.list("i/").await.unwrap(), ["i/a"]);
    let replace = |by: &str| Batch {
        expect: vec![Expect {
            prefix: "i/a".to_owned(),
            keys: vec!["i/a".to_owned()],
        }],
        delete: vec!["i/a".to_owned()],
        put: vec![(by.to_owned(), Vec::new())],
    };
    let (first, second) = (replace("i/one"), replace("i/two"));
    let (first, second) = futures_util::future::join(one.write(&first), two.write(&second)).await;
    let winners = usize::from(first.is_ok()) + usize::from(second.is_ok());
    assert_eq!(winners, 1);
    let loser = if first.is_ok() { second } else { first };
    assert_eq!(loser, Err(StorageError::Conflict));
    assert_eq!(one.list("i/").await.unwrap().len(), 1);
}
