// Ferry, whole: events come from a relay over a WebSocket, queries are subscriptions of the page.
const url = `ws://${location.host}/`;

export async function open() {
  const { NostrManager } = globalThis.NostrFerry;
  const nostr = await NostrManager.start({ relays: [url], verify: 'none' });
  const counters = async () => (await nostr.stats()).cache.counters;
  const query = (filter) =>
    new Promise((resolve) => {
      const events = [];
      const feed = nostr.subscribe([filter], { cacheOnly: true, bufferBytes: 1 << 20 });
      // Fields are read, as a page would: the view decodes when asked.
      feed.on('event', (event) => events.push({ id: event.id, created_at: event.created_at, content: event.content }));
      feed.on('eoce', () => {
        resolve(events);
        feed.close();
      });
    });
  return {
    query,
    /** Resolves when all are durable. Not at `eose`, which the engine's patience with a relay may end before. */
    async save(events) {
      const feed = nostr.subscribe([{}], { noCache: true, bufferBytes: 4 << 20 });
      let count = 0;
      feed.on('event', () => count++);
      while ((await counters()).saved < events.length) await new Promise((resolve) => setTimeout(resolve, 5));
      feed.close();
      if (count !== events.length) throw new Error(`${count} of ${events.length} events reached the page`);
    },
    /** A snapshot's lines into an empty store: each signature is checked, whatever `verify` says. */
    async import(address) {
      await nostr.cache.wipe();
      const start = performance.now();
      const { stored, failed } = await nostr.cache.import(address);
      const ms = performance.now() - start;
      if (failed > 0) throw new Error(`${failed} lines were refused`);
      return { ms, stored };
    },
    async bytes() {
      return (await counters()).bytes;
    },
    first: (filter) =>
      new Promise((resolve) => {
        const feed = nostr.subscribe([filter], { cacheOnly: true });
        feed.on('event', () => resolve(performance.now()));
      }),
    close: () => nostr.stop(),
  };
}
