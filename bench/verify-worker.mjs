// The worker's side of bench/verify.mjs: one contender, told what to check and how.

/** `open` gives a contender; `verifier` is who takes messages that are not the benchmark's. */
export function serve({ open, verifier }) {
  let contender;
  let events;
  const answer = async (data) => {
    if (data.open) {
      contender = await open(data);
      events = data.events;
      Object.values(events).forEach((texts) => prove(contender, texts));
      return {};
    }
    const pass = await passOver(contender, events[data.mix], data);
    return run(pass, data.ms);
  };
  self.onmessage = async ({ data }) => {
    if (data.role) return verifier.call(self, { data });
    self.postMessage(await answer(data).catch((error) => ({ error: String(error.stack ?? error) })));
  };
}

/** Whoever takes a forged event is not doing the same as the others. */
function prove({ one }, [text]) {
  const event = JSON.parse(text);
  const flipped = event.sig.endsWith('0') ? '1' : '0';
  const forged = [{ ...event, sig: event.sig.slice(0, -1) + flipped }, { ...event, content: `${event.content}!` }];
  if (!one(text) || forged.some((event) => one(JSON.stringify(event)))) throw new Error('wrong verdicts');
}

/** One pass over all events: how many are good. */
async function passOver(contender, texts, { how, size, workers }) {
  if (how === 'one') return () => texts.reduce((good, text) => good + Number(contender.one(text)), 0);
  if (how === 'batches') return () => contender.batches(texts, size);
  return contender.pool(texts, size, workers);
}

/** Passes for `ms` at least. */
async function run(pass, ms) {
  const began = performance.now();
  let good = 0;
  let elapsed = 0;
  while (elapsed < ms) {
    good += await pass();
    elapsed = performance.now() - began;
  }
  return { good, ms: elapsed };
}
