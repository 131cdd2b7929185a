// NDK with its dexie cache, used as NDK uses it.
import NDK, { NDKEvent, NDKSubscription, NDKSubscriptionCacheUsage } from '@nostr-dev-kit/ndk';
import NDKCacheAdapterDexie, { db } from '@nostr-dev-kit/cache-dexie';

export async function open() {
  const cacheAdapter = new NDKCacheAdapterDexie({ dbName: 'bench', saveSig: true, eventCacheSize: 200_000, eventTagsCacheSize: 200_000 });
  const ndk = new NDK({ cacheAdapter, explicitRelayUrls: [] });
  const subscribe = (filter) => new NDKSubscription(ndk, filter, { cacheUsage: NDKSubscriptionCacheUsage.ONLY_CACHE, closeOnEose: true });
  return {
    async query(filter) {
      const events = [];
      const subscription = subscribe(filter);
      subscription.eventReceived = (event) => events.push(event);
      await cacheAdapter.query(subscription);
      return events;
    },
    async save(events) {
      for (const event of events) await cacheAdapter.setEvent(new NDKEvent(ndk, event), []);
      while ((await db.events.count()) < events.length) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    first: (filter) =>
      new Promise((resolve) => {
        const subscription = subscribe(filter);
        subscription.eventReceived = () => resolve(performance.now());
        void cacheAdapter.query(subscription);
      }),
    async close() {},
  };
}
