//! How much memory a worker has taken, for its counters.

/// The size of the worker's wasm memory by the name of its counter. It never shrinks: this is the most that was ever
/// needed. Outside wasm nobody counts it.
pub fn counter() -> (String, u64) {
    #[cfg(target_arch = "wasm32")]
    let bytes = core::arch::wasm32::memory_size::<0>() as u64 * PAGE_BYTES;
    #[cfg(not(target_arch = "wasm32"))]
    let bytes = 0;
    ("memory_bytes".to_owned(), bytes)
}

/// WebAssembly, section 4.2.8: the size of one page.
#[cfg(target_arch = "wasm32")]
const PAGE_BYTES: u64 = 65_536;
