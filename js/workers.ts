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
  /** Ends the worker of `role`, if it still runs, and starts another in its place. */
  replace(role: Role): Replacement;
  terminate(): void;
}

/** A new worker's ports, at the page and at its peers. */
export interface Replacement {
  control: MessagePort;
  /** The page's end of `cryptoToMain`, if that is the role. */
  signer: MessagePort | undefined;
  peers: { role: Role; port: MessagePort }[];
  /** Whether worker and peer are still the two that the port is for. */
  isCurrent(peer: Role): boolean;
}

/** A worker in the place of another has to be ready after so long; a start takes some hundred milliseconds. */
const START_MS = 10_000;

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
  const engine = crypto.getRandomValues(new Uint32Array(2)).join('-');
  const current = new Map<Role, Worker>();
  let last = 0;
  const start = async (role: Role, ports: WorkerInit['ports'], isFirst: boolean) => {
    const worker = new Worker(script, { name: `ferry ${role}` });
    current.set(role, worker);
    const lock = `ferry ${engine} ${++last} ${role}`;
    const die = (why: string) => {
      // Each dies once, and one that was replaced has.
      if (current.get(role) !== worker) return;
      current.delete(role);
      worker.terminate();
      onDeath(role, why);
    };
    const ready = started(worker, { role, module, ports, lock }, die);
    if (isFirst) return ready;
    // Nothing tells of the end of a worker that holds no lock yet.
    const late = setTimeout(() => die('the worker did not start in time'), START_MS);
    return ready.catch((error: Error) => die(error.message)).finally(() => clearTimeout(late));
  };
  const terminate = () => {
    const workers = [...current.values()];
    current.clear();
    workers.forEach((worker) => worker.terminate());
  };
  const replace = (role: Role): Replacement => {
    current.get(role)?.terminate();
    const channels = makeChannels([role], options);
    const peers = ROLES.filter((peer) => peer !== role).flatMap((peer) =>
      Object.values(channels.ports[peer]).map((port) => ({ role: peer, port: port as MessagePort })),
    );
    start(role, channels.ports[role], false).catch((error: Error) => onDeath(role, error.message));
    const now = new Map(current);
    const isCurrent = (peer: Role) => current.get(role) === now.get(role) && current.get(peer) === now.get(peer);
    return { control: channels.control[role] as MessagePort, signer: channels.signer, peers, isCurrent };
  };
  try {
    const { ports, control, signer } = makeChannels(ROLES, options);
    await Promise.all(ROLES.map((role) => start(role, ports[role], true)));
    return { control: control as Workers['control'], signer: signer as MessagePort, replace, terminate };
  } catch (error) {
    terminate();
    // Some browsers refuse a forbidden address at once, the others by an error event.
    throw error instanceof DOMException ? new ScriptError(error.message) : error;
  }
}

/** The channels that `roles` have an end of, and by role the ports that are to be handed over. */
function makeChannels(roles: readonly Role[], options: string) {
  const ports: Record<Role, WorkerInit['ports']> = { connections: {}, cache: {}, parser: {}, crypto: {} };
  const control: Partial<Record<Role, MessagePort>> = {};
  let signer: MessagePort | undefined;
  for (const role of roles) {
    const { port1, port2 } = new MessageChannel();
    control[role] = port1;
    ports[role] = { control: port2, build: __BUILD__, options };
  }
  for (const [name, [first, second]] of Object.entries(CHANNELS)) {
    if (!roles.includes(first) && !(roles as string[]).includes(second)) continue;
    const { port1, port2 } = new MessageChannel();
    ports[first][name] = port1;
    if (second === 'page') signer = port2;
    else ports[second][name] = port2;
  }
  return { ports, control, signer };
}

/** Sends `init` and waits until the worker is ready; from then on its death is reported. */
async function started(worker: Worker, init: WorkerInit, onDeath: (why: string) => void): Promise<void> {
  let ready = false;
  await new Promise<void>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<WorkerWord>) => {
      if ('ready' in data) {
        ready = true;
        resolve();
      } else if (ready) onDeath(data.failed);
      else reject(new FerryError('worker', `the ${init.role} worker did not start: ${data.failed}`));
    };
    worker.onerror = (event) => {
      if (ready) onDeath(event.message);
      else reject(new ScriptError(event.message));
    };
    worker.postMessage(init, Object.values(init.ports).filter((port) => port instanceof MessagePort));
  });
  // Granted when the worker's own hold on it ends, which is when the worker is gone.
  void navigator.locks?.request(init.lock, () => onDeath('the worker has ended'));
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
