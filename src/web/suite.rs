//! The storage contract on IndexedDB, and signature checks as they are compiled for the browser, for a page of the
//! tests. No shipped module has them.

use std::cell::Cell;

use wasm_bindgen::prelude::*;

use super::entropy::Browser;
use super::storage::IndexedDb;
use crate::crypto::Entropy;
use crate::message::Claim;
use crate::nostr::event::{EventId, Pubkey, Signature};
use crate::nostr::schnorr;

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

/// The verdicts on `claims` (id, pubkey and signature of each, 128 bytes): bit 0 is what the check of one by itself
/// says, bit 1 what the check of all together does.
#[wasm_bindgen]
pub fn check_signatures(claims: &[u8]) -> Vec<u8> {
    let (claims, _) = claims.as_chunks::<128>();
    let claims: Vec<Claim> = claims.iter().filter_map(claim).collect();
    let together = schnorr::check_batch(&claims, Browser.bytes());
    let both = claims.iter().zip(together);
    both.map(|(claim, together)| u8::from(schnorr::check(claim)) | u8::from(together) << 1)
        .collect()
}

fn claim(bytes: &[u8; 128]) -> Option<Claim> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (pubkey, sig) = rest.split_first_chunk()?;
    Some(Claim {
        id: EventId(*id),
        pubkey: Pubkey(*pubkey),
        sig: Signature(sig.try_into().ok()?),
    })
}
