// Ferry's own check: alone, in batches, and with the crypto role's pool of verifiers.
import { initSync, BenchPool, bench_verify, bench_verify_batches } from '#glue';
// Sets `onmessage`: the verifiers that the pool starts from this same script are what ships.
import { shareModule } from '../../js/worker.ts';

export const verifier = self.onmessage;

export function open({ module }) {
  shareModule(module, `bench ${Math.random()}`);
  initSync({ module });
  const pools = new Map();
  return {
    one: bench_verify,
    batches: (events, size) => bench_verify_batches(events.join('\n'), size),
    pool: async (events, size, workers) => {
      if (!pools.has(workers)) pools.set(workers, new BenchPool(workers));
      const pool = pools.get(workers);
      const text = events.join('\n');
      // Until they are up the pool checks by itself, which is another measurement.
      for (let before = 0; pool.parts() < 4 * workers; before++) {
        if (before > 200) throw new Error('no verifier starts');
        await pool.verify(text.slice(0, text.indexOf('\n', 100_000)), size);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return () => pool.verify(text, size);
    },
  };
}
