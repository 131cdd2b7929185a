import { WorkerRelayInterface } from '@snort/worker-relay';

export async function open() {
  const relay = new WorkerRelayInterface(new Worker('/worker-relay-worker.js', { type: 'module' }));
  relay.timeout = 600_000;
  await relay.init({ databasePath: '/bench.db' });
  let request = 0;
  return {
    query: (filter) => relay.query(['REQ', `q${++request}`, filter]),
    async save(events) {
      await Promise.all(events.map((event) => relay.event(event)));
      // It says ok before it writes.
      while ((await relay.count(['REQ', `q${++request}`, { since: 0 }])) < events.length) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    first: async (filter) => ((await relay.query(['REQ', `q${++request}`, filter])).length > 0 ? performance.now() : Number.NaN),
    // Its answer, which is empty, is never taken for one.
    async close() {
      void relay.close('bench');
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
  };
}
