// The bench's page: does the phase its address names and posts what it measured; the answer is where to go next.
const { searchParams } = new URL(location.href);
const [name, phase, count] = [searchParams.get('store'), searchParams.get('phase'), Number(searchParams.get('count'))];
const ROUNDS = 30;
/** A store that needs longer for its rounds is asked fewer: the run has to end. */
const QUERY_MS = 45_000;
const MIN_ROUNDS = 3;

export async function run(open) {
  let result;
  try {
    const phases = { save, cold, query, snapshot };
    result = await phases[phase](open);
  } catch (error) {
    result = { error: String(error?.stack ?? error) };
  }
  const answer = await fetch('/result', { method: 'POST', body: JSON.stringify({ name, phase, count, result }) });
  location.replace(await answer.text());
}

async function save(open) {
  const events = await (await fetch(`/events.json?count=${count}`)).json();
  const store = await open();
  const before = (await navigator.storage.estimate()).usage;
  const start = performance.now();
  await store.save(events);
  const ms = performance.now() - start;
  const bytes = (await store.bytes?.()) ?? null;
  await store.close();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return { ms, bytes, usage: (await navigator.storage.estimate()).usage - before };
}

/** From the navigation, script and store included, to the first event in the page's hands. */
async function cold(open) {
  const store = await open();
  return { ms: await store.first({ kinds: [1], limit: 20 }) };
}

async function query(open) {
  const { filters } = await (await fetch(`/filters.json?count=${count}`)).json();
  const store = await open();
  const ask = async (filter) => {
    const start = performance.now();
    const found = (await store.query(filter)).length;
    return { ms: performance.now() - start, found };
  };
  // Events from all over the store, while nothing of it has been asked for.
  const rows = { first: await ask(filters.find(({ row }) => row === 'ids, 1000').filter) };
  // Once over for each store's own caches, then in turns, so that a busy moment hits all rows alike.
  for (const { filter } of filters) await store.query(filter);
  const end = performance.now() + QUERY_MS;
  for (let round = 0; round < ROUNDS && (round < MIN_ROUNDS || performance.now() < end); round++) {
    for (const { row, filter } of filters) {
      const { ms, found } = await ask(filter);
      (rows[row] ??= { ms: [] }).ms.push(ms);
      rows[row].found = found;
    }
  }
  await store.close();
  return rows;
}

/** What a site ships with its page, where a store takes that. */
async function snapshot(open) {
  const store = await open();
  const result = store.import ? await store.import(`/signed.jsonl?count=${count}`) : {};
  await store.close();
  return result;
}
