//! The storage contract on IndexedDB, for a page of the tests. No shipped module has it.

use std::cell::Cell;

use wasm_bindgen::prelude::*;

use super::storage::IndexedDb;

#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]
#[path = "../../tests/storage_suite/contract.rs"]
mod contract;

/// Resolves when every promise of the contract was kept; a broken one panics with its place.
#[wasm_bindgen]
pub async fn storage_suite() {
    console_error_panic_hook::set_once();
    let opened = Cell::new(0);
    contract::holds(async || {
        opened.set(opened.get() + 1);
        IndexedDb::open(&format!("suite-{}", opened.get())).await
    })
    .await;
    let (one, two) = (IndexedDb::open("suite-two").await, IndexedDb::open("suite-two").await);
    contract::holds_for_two(&one, &two).await;
}

/// Walks over the store called `name`: what is in it and what is wrong with it, as JSON. No engine may be writing.
#[wasm_bindgen]
pub async fn store_check(name: String) -> String {
    console_error_panic_hook::set_once();
    let walk = crate::cache::check::walk(&IndexedDb::open(&name).await).await;
    serde_json::json!({
        "segments": walk.segments,
        "events": walk.events.len(),
        "dead": walk.dead,
        "twice": walk.twice,
        "problems": walk.problems,
    })
    .to_string()
}
