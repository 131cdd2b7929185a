import { NostrIDB, addEvents, countEvents, openDB } from 'nostr-idb';

export async function open() {
  const database = await openDB('bench');
  const store = new NostrIDB(database, { maxEvents: 1e9, pruneInterval: 1e9 });
  const query = async (filter) => await store.query([filter]);
  return {
    query,
    async save(events) {
      for (let at = 0; at < events.length; at += 1000) await addEvents(database, events.slice(at, at + 1000));
      // It resolves before its transactions have ended.
      while ((await countEvents(database)) < events.length) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    first: async (filter) => {
      for await (const event of store.subscribe([filter])) if (event) return performance.now();
    },
    close: () => store.stop(),
  };
}
