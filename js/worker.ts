// The one worker script of all roles: takes the module it is sent and becomes the role it is told.
import { initSync, start_verifier, start_worker } from '#glue';
import type { WorkerInit, WorkerWord } from './workers.js';

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<WorkerInit | VerifierInit | Probe>) => void) | null;
  postMessage(word: WorkerWord | { build: string }): void;
  close(): void;
  Worker: typeof Worker | undefined;
  /** The last worker that this one started; src/web/verifier.rs reads it. */
  ferrySpawned: Worker | undefined;
};

/** What the crypto worker sends first to a verifier of its own. */
interface VerifierInit {
  role: 'verifier';
  module: WebAssembly.Module;
  /** The name of the Web Lock it holds for its lifetime. */
  lock: string;
}

/** The page only asks whether this script runs, and of which build it is (js/doctor.ts). */
interface Probe {
  role: 'probe';
}

/** Lets the wasm start workers by this script's address: each is posted the compiled module. */
export function shareModule(module: WebAssembly.Module, own: string): void {
  const Plain = scope.Worker;
  let started = 0;
  const Sharing = function (url: string | URL, options?: WorkerOptions) {
    scope.ferrySpawned = undefined;
    try {
      if (!Plain) throw new Error('this browser starts no worker from a worker');
      const worker = new Plain(url, options);
      const lock = `${own} verifier ${++started}`;
      worker.postMessage({ role: 'verifier', module, lock } satisfies VerifierInit);
      hearOfDeath(worker, lock);
      return (scope.ferrySpawned = worker);
    } catch {
      // The wasm cannot go on after an exception here; it looks at `ferrySpawned` instead.
      return { postMessage() {}, terminate() {} };
    }
  } as unknown as typeof Worker;
  // The wasm asks whether what it got is a `Worker`.
  if (Plain) Object.assign(Sharing, { prototype: Plain.prototype });
  scope.Worker = Sharing;
}

/** A verifier that was ended gives no error: what frees its lock is made one, which its starter hears. */
function hearOfDeath(worker: Worker, lock: string): void {
  const end = () => void worker.dispatchEvent(new Event('error', { cancelable: true }));
  // Asked for after its first word, for then the verifier holds it.
  worker.addEventListener('message', () => void navigator.locks?.request(lock, end), { once: true });
}

/** A verifier says nothing but verdicts; its starter hears of an uncaught error or its end, and replaces it. */
async function becomeVerifier({ module, lock }: VerifierInit): Promise<void> {
  self.removeEventListener('error', onError);
  self.removeEventListener('unhandledrejection', onRejection);
  self.addEventListener('error', () => scope.close());
  self.addEventListener('unhandledrejection', ({ reason }) => setTimeout(() => {
    throw reason;
  }));
  if (navigator.locks) await new Promise((held) => void navigator.locks.request(lock, () => new Promise(() => held(null))));
  initSync({ module });
  start_verifier();
}

/** A worker that has trapped is in no state to go on: it says so and ends, which frees its lock. */
function fail(error: unknown): void {
  scope.postMessage({ failed: error instanceof Error ? error.message : String(error) });
  scope.close();
}

const onError = (event: ErrorEvent) => fail(event.error ?? event.message);
const onRejection = (event: PromiseRejectionEvent) => fail(event.reason);
self.addEventListener('error', onError);
self.addEventListener('unhandledrejection', onRejection);

scope.onmessage = ({ data }) => {
  scope.onmessage = null;
  if (data.role === 'probe') return scope.postMessage({ build: __BUILD__ });
  if (data.role === 'verifier') return void becomeVerifier(data);
  try {
    if (data.role === 'crypto') shareModule(data.module, data.lock);
    initSync({ module: data.module });
    const start = () => {
      start_worker(data.role, data.ports);
      scope.postMessage({ ready: true });
    };
    if (!navigator.locks) return start();
    // Held until the worker is gone: how the page sees a worker die, however it dies. Nothing is said before it is
    // held, or the page, which asks for it when the worker is ready, could be the first to get it.
    void navigator.locks.request(data.lock, () => (start(), new Promise(() => undefined)));
  } catch (error) {
    fail(error);
  }
};
