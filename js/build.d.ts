// What the bundler writes into the scripts in place of these names.

/** Which of the bundles this code is in. In `module`, `import.meta.url` is the script's address; elsewhere it is `document.currentScript`'s. */
declare const __FORMAT__: 'script' | 'module' | 'standalone' | 'worker';
/** 16 hex digits that name one build. Page, worker and wasm must agree on it. */
declare const __BUILD__: string;
/** SHA-256 of `nostr-ferry.wasm`, lower-case hex. */
declare const __WASM_SHA256__: string;
/** The whole worker script, for a Blob. Empty in the worker itself. */
declare const __WORKER_SOURCE__: string;
/** `nostr-ferry.wasm`, gzipped, in base64. Empty in every bundle but the standalone one. */
declare const __WASM_BASE64__: string;
