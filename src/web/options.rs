//! What the page chose, as each role's configuration.

use serde::Deserialize;

use super::{StartError, entropy};
use crate::nostr::frame::FrameLimits;
use crate::nostr::relay_url::RelayUrl;
use crate::router::PortConfig;
use crate::{cache, connections, crypto, parser};

/// The IndexedDB database that holds the store unless the page names another.
const DATABASE: &str = "nostr-ferry";

/// How much longer than the signer itself connections waits for its answer to a challenge (NIP-42): the signer's own
/// error is the better one.
const SIGNER_GRACE_MS: u64 = 5_000;

/// JSON in `ports.options`; every member has a default.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Options {
    limits: Limits,
    /// Off: events are delivered without a check of their signatures.
    verify: Option<bool>,
    /// How many workers check signatures beside the crypto worker; 0 leaves them to it.
    pub verifiers: Option<usize>,
    /// Relays for requests that name none and whose authors' relays are unknown.
    relays: Vec<String>,
    /// Relays that know everybody's profiles and relay lists (kinds 0, 3, 10002).
    indexers: Vec<String>,
    /// Off: the store is kept in memory and forgotten with the page.
    persist: Option<bool>,
    /// Which IndexedDB database holds the store.
    database: Option<String>,
    /// The store's budget.
    cache_bytes: Option<u64>,
    /// The most relays that are chosen for one request or publish.
    max_relays: Option<usize>,
    /// Whether what goes wrong unseen is told on the console.
    pub warn: bool,
}

/// `Limits` in js/types.ts, which documents them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Limits {
    frame_bytes: Option<usize>,
    json_depth: Option<usize>,
    event_bytes: Option<usize>,
    tags: Option<usize>,
    subscriptions: Option<usize>,
    filters: Option<usize>,
    sockets: Option<usize>,
    seen_ids: Option<usize>,
    window_bytes: Option<u64>,
    batch_bytes: Option<usize>,
    spool_bytes: Option<usize>,
    signer_ms: Option<u64>,
    remote_signer_ms: Option<u64>,
    publish_ms: Option<u64>,
    eose_ms: Option<u64>,
    resume_margin_seconds: Option<u64>,
}

impl Options {
    pub fn port(&self) -> PortConfig {
        let defaults = PortConfig::default();
        PortConfig::sized(
            self.limits.window_bytes.unwrap_or(defaults.window_bytes),
            self.limits.batch_bytes.unwrap_or(defaults.batch_bytes),
        )
    }

    pub fn connections(&self) -> connections::Config {
        let defaults = connections::Config::default();
        let limits = &self.limits;
        connections::Config {
            entropy: entropy::seed(),
            frame: FrameLimits {
                bytes: limits.frame_bytes.unwrap_or(defaults.frame.bytes),
                depth: limits.json_depth.unwrap_or(defaults.frame.depth),
            },
            max_sockets: limits.sockets.unwrap_or(defaults.max_sockets),
            max_subs: limits.subscriptions.unwrap_or(defaults.max_subs),
            spool_bytes: limits.spool_bytes.unwrap_or(defaults.spool_bytes),
            eose_ms: limits.eose_ms.unwrap_or(defaults.eose_ms),
            margin_s: limits.resume_margin_seconds.unwrap_or(defaults.margin_s),
            publish_ms: limits.publish_ms.unwrap_or(defaults.publish_ms),
            sign_ms: limits.signer_ms.map_or(defaults.sign_ms, |ms| ms + SIGNER_GRACE_MS),
            ..defaults
        }
    }

    pub fn cache(&self) -> Result<cache::Config, StartError> {
        let defaults = cache::StoreConfig::default();
        Ok(cache::Config {
            store: cache::StoreConfig {
                writer: entropy::seed(),
                budget_bytes: self.cache_bytes.unwrap_or(defaults.budget_bytes),
                // A page that says how much means it.
                quota_parts: defaults.quota_parts.filter(|_| self.cache_bytes.is_none()),
                ..defaults
            },
            relays: cache::RelayConfig {
                indexers: relay_urls("indexers", &self.indexers)?,
                defaults: relay_urls("relays", &self.relays)?,
                max_relays: self.max_relays,
            },
            ..cache::Config::default()
        })
    }

    /// The name of the database; none for a store in memory.
    pub fn database(&self) -> Option<String> {
        let name = || self.database.clone().unwrap_or_else(|| DATABASE.to_owned());
        self.persist.unwrap_or(true).then(name)
    }

    pub fn parser(&self) -> parser::Config {
        let defaults = parser::Config::default();
        let limits = &self.limits;
        parser::Config {
            max_event_bytes: limits.event_bytes.unwrap_or(defaults.max_event_bytes),
            max_tags: limits.tags.unwrap_or(defaults.max_tags),
            max_subscriptions: limits.subscriptions.unwrap_or(defaults.max_subscriptions),
            max_filters: limits.filters.unwrap_or(defaults.max_filters),
            seen_window: limits.seen_ids.unwrap_or(defaults.seen_window),
            verify: self.verify.unwrap_or(true),
            ..defaults
        }
    }

    pub fn crypto(&self) -> crypto::Config {
        let defaults = crypto::Config::default();
        crypto::Config {
            operation_ms: self.limits.signer_ms.unwrap_or(defaults.operation_ms),
            remote_ms: self.limits.remote_signer_ms.unwrap_or(defaults.remote_ms),
            ..defaults
        }
    }
}

fn relay_urls(option: &str, urls: &[String]) -> Result<Vec<RelayUrl>, StartError> {
    let parse =
        |url: &String| RelayUrl::parse(url).map_err(|error| StartError::Options(format!("{option}: `{url}`: {error}")));
    urls.iter().map(parse).collect()
}
