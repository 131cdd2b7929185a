// The one worker script of all roles: takes the module it is sent and becomes the role it is told.
import { initSync, start_worker } from '#glue';
import type { WorkerInit, WorkerWord } from './workers.js';

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<WorkerInit>) => void) | null;
  postMessage(word: WorkerWord): void;
  close(): void;
};

/** A worker that has trapped is in no state to go on: it says so and ends, which frees its lock. */
function fail(error: unknown): void {
  scope.postMessage({ failed: error instanceof Error ? error.message : String(error) });
  scope.close();
}

self.addEventListener('error', (event) => fail(event.error ?? event.message));
self.addEventListener('unhandledrejection', (event) => fail(event.reason));

scope.onmessage = ({ data }) => {
  scope.onmessage = null;
  try {
    initSync({ module: data.module });
    start_worker(data.role, data.ports);
    const ready = () => scope.postMessage({ ready: true });
    if (!navigator.locks) return ready();
    // Held until the worker is gone: how the page sees a worker die, however it dies. Ready comes
    // after it is held, or the page, which asks for it then, could be the first to get it.
    void navigator.locks.request(data.lock, () => new Promise(ready));
  } catch (error) {
    fail(error);
  }
};
