//! SaveToDb: sends the event to the cache; not what came from there, and no ephemeral event (NIP-01).

use crate::message::{Delivery, ParserToCache, ShardSource};
use crate::nostr::kind::Retention;
use crate::router::Backlog;

pub fn run(delivery: &Delivery, cache: &mut Backlog<ParserToCache>) {
    let ephemeral = delivery.event.kind().retention() == Retention::Ephemeral;
    if delivery.source == ShardSource::Network && !ephemeral {
        cache.push(ParserToCache::Save {
            event: delivery.event.clone(),
            relays: delivery.relays.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn only_stored_kinds_from_the_network_are_saved() {
        for (kind, source, saved) in [
            (1, ShardSource::Network, 1),
            (1, ShardSource::Cache, 0),
            (20_001, ShardSource::Network, 0),
            (30_023, ShardSource::Network, 1),
        ] {
            let mut cache = Backlog::default();
            let delivery = Delivery {
                event: signed(1, kind, 1, &[], ""),
                source,
                relays: Vec::new(),
                reading: None,
                written: None,
            };
            run(&delivery, &mut cache);
            assert_eq!(cache.len(), saved, "{kind} {source:?}");
        }
    }
}
