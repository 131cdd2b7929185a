//! The browser's randomness, where a core needs some handed in.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use web_sys::WorkerGlobalScope;

use crate::crypto::Entropy;

/// `crypto.getRandomValues` of the worker.
pub struct Browser;

impl Entropy for Browser {
    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let array = Uint8Array::new_with_length(32);
        let scope = js_sys::global().unchecked_into::<WorkerGlobalScope>();
        let filled = scope
            .crypto()
            .and_then(|crypto| crypto.get_random_values_with_array_buffer_view(&array).map(drop));
        // Every browser has it. Zeros in its place would give keys away: better no worker.
        if filled.is_err() {
            wasm_bindgen::throw_str("this browser gives no random numbers");
        }
        array.copy_to(&mut bytes);
        bytes
    }
}

/// A number nobody can foresee, for back-off jitter and writer ids.
pub fn seed() -> u64 {
    let bytes = Browser.bytes();
    bytes.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
