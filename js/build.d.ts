// What the bundler writes into the scripts in place of these names.

/** Which of the bundles this code is in. In `module`, `import.meta.url` is the script's address; elsewhere it is `document.currentScript`'s. */
declare const __FORMAT__: 'script' | 'module' | 'standalone' | 'worker';
/** 16 hex digits that name one build. Page, worker and wasm must agree on it. */
declare const __BUILD__: string;
/** SHA-256 of `nostr-ferry.wasm`, lower-case hex. */
declare const __WASM_SHA256__: string;
/** The whole worker script, for a Blob. Empty in the worker itself. */
declare const __WORKER_SOURCE__: string;
/**
 * `nostr-ferry.wasm` in printable ASCII; null in every bundle but the standalone one. A character of `alphabet` before
 * `singles` is a byte, the others begin one of two characters; `bytes` has the bytes in the order of their spellings.
 */
declare const __WASM_SPELT__: { text: string; alphabet: string; singles: number; bytes: number[] } | null;
