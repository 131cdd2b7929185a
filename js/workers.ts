import { CHANNELS, ROLES, type Role } from './channels.js';
import { FerryError } from './errors.js';
import { beside, isOwnOrigin } from './loader.js';

/** What a worker is sent first. */
export interface WorkerInit {
  role: Role;
  module: WebAssembly.Module;
  /** Its ports by channel name, and `control`, `build` and `options`. */
  ports: Record<string, MessagePort | string>;
  /** The name of the Web Lock it holds for its lifetime. */
  lock: string;
}

/** What a worker says outside its ports. */
export type WorkerWord = { ready: true } | { failed: string };

/** The running workers and the page's ends of their ports. */
export interface Workers {
  control: Record<Role, MessagePort>;
  /** The page's end of `cryptoToMain`. */
  signer: MessagePort;
  terminate(): void;
}

/** The script of a worker could not be loaded at all, so another address of it may do. */
class ScriptError extends Error {}

/**
 * Makes the channels and starts the four workers from one compiled module.
 *
 * @param onDeath is called when a worker has trapped, was terminated or could not go on.
 */
export async function startWorkers(
  module: WebAssembly.Module,
  options: string,
  workerUrl: string | URL | undefined,
  onDeath: (role: Role, why: string) => void,
): Promise<Workers> {
  const blob = workerBlob();
  for (const script of workerUrl ? [workerUrl] : [blob, ...ownWorkerFile()]) {
    try {
      const workers = await startFrom(script, module, options, onDeath);
      // Kept until then: the crypto worker starts its verifiers from the address it was started from.
      return { ...workers, terminate: () => (workers.terminate(), URL.revokeObjectURL(blob)) };
    } catch (error) {
      if (error instanceof ScriptError) continue;
      URL.revokeObjectURL(blob);
      throw error;
    }
  }
  URL.revokeObjectURL(blob);
  const reason = workerUrl
    ? `the worker script ${String(workerUrl)} does not load; it must be on the page's own origin and its Content-Security-Policy must allow it in worker-src`
    : "the page's Content-Security-Policy forbids workers from blob:. Allow it (worker-src blob:), or host nostr-ferry.worker.js on the page's own origin and pass its address as workerUrl";
  throw new FerryError('worker', reason);
}

async function startFrom(
  script: string | URL,
  module: WebAssembly.Module,
  options: string,
  onDeath: (role: Role, why: string) => void,
): Promise<Workers> {
  const { ports, control, signer } = makeChannels(options);
  const engine = crypto.getRandomValues(new Uint32Array(2)).join('-');
  const workers: Worker[] = [];
  const terminate = () => workers.forEach((worker) => worker.terminate());
  try {
    await Promise.all(
      ROLES.map((role) => {
        const worker = new Worker(script, { name: `ferry ${role}` });
        workers.push(worker);
        return started(worker, { role, module, ports: ports[role], lock: `ferry ${engine} ${role}` }, onDeath);
      }),
    );
  } catch (error) {
    terminate();
    // Some browsers refuse a forbidden address at once, the others by an error event.
    throw error instanceof DOMException ? new ScriptError(error.message) : error;
  }
  return { control, signer, terminate };
}

function makeChannels(options: string) {
  const ports = {} as Record<Role, WorkerInit['ports']>;
  const control = {} as Record<Role, MessagePort>;
  for (const role of ROLES) {
    const { port1, port2 } = new MessageChannel();
    control[role] = port1;
    ports[role] = { control: port2, build: __BUILD__, options };
  }
  const page: Record<string, MessagePort> = {};
  for (const [name, [first, second]] of Object.entries(CHANNELS)) {
    const { port1, port2 } = new MessageChannel();
    ports[first][name] = port1;
    if (second === 'page') page[name] = port2;
    else ports[second][name] = port2;
  }
  return { ports, control, signer: page['cryptoToMain'] as MessagePort };
}

/** Sends `init` and waits until the worker is ready; from then on its death is reported. */
async function started(worker: Worker, init: WorkerInit, onDeath: (role: Role, why: string) => void): Promise<void> {
  let ready = false;
  await new Promise<void>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<WorkerWord>) => {
      if ('ready' in data) {
        ready = true;
        resolve();
      } else if (ready) onDeath(init.role, data.failed);
      else reject(new FerryError('worker', `the ${init.role} worker did not start: ${data.failed}`));
    };
    worker.onerror = (event) => {
      if (ready) onDeath(init.role, event.message);
      else reject(new ScriptError(event.message));
    };
    worker.postMessage(init, Object.values(init.ports).filter((port) => port instanceof MessagePort));
  });
  // Granted when the worker's own hold on it ends, which is when the worker is gone.
  void navigator.locks?.request(init.lock, () => onDeath(init.role, 'the worker has ended'));
}

/** The worker script as a Blob's address, to be revoked. The text stands in the bundle once: here. */
export function workerBlob(): string {
  return URL.createObjectURL(new Blob([__WORKER_SOURCE__], { type: 'text/javascript' }));
}

/** The worker's file beside this script, where this page may start workers from it. */
export function ownWorkerFile(): URL[] {
  try {
    const file = beside('nostr-ferry.worker.js');
    return isOwnOrigin(file) ? [file] : [];
  } catch {
    return [];
  }
}
