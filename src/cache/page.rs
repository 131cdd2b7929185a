//! What the page asks of the cache itself: counters, imports, wiping, explanations.
//!
//! `import` has what becomes of the lines of an import, and keeps what is asked behind them waiting.

use super::core::{Cache, Outbox};
use super::import::Errand;
use crate::memory;
use crate::message::{Control, Explain, Imported, PageToCache, RequestId, RoleReport, Stats};

impl Cache {
    pub(super) fn on_page(&mut self, message: PageToCache, out: &mut Outbox) {
        match message {
            PageToCache::Owner { pubkey } => self.store.add_owner(pubkey),
            PageToCache::Defaults { relays } => self.config.relays.defaults = relays,
            PageToCache::Control(Control::Stats { request }) => self.report(request, out),
            PageToCache::Control(Control::Stop) => self.store.stop(),
            PageToCache::Import { request, text } if text.is_empty() => self.imports.push(Errand::Flush(request)),
            PageToCache::Import { request, text } => self.imports.push(Errand::Lines { request, text }),
            PageToCache::Wipe { request } => self.imports.push(Errand::Wipe(request)),
            PageToCache::Explain { request, about } => {
                let (stored, relays, seen) = match about {
                    Explain::Sub(sub) => (false, self.explain(&sub).to_vec(), Vec::new()),
                    Explain::Event(id) => {
                        let slot = self.store.index.find(&id);
                        let seen = slot.map(|slot| self.store.index.seen(slot).to_vec());
                        (slot.is_some(), Vec::new(), seen.unwrap_or_default())
                    }
                };
                out.page.push(RoleReport::Explained {
                    request,
                    stored,
                    relays,
                    seen,
                });
            }
        }
        self.run_errands();
    }

    /// Answers what has come true.
    pub(super) fn answer_page(&mut self, out: &mut Outbox) {
        if std::mem::take(&mut self.store.forgot) {
            // What they look for is gone, and the index counts anew.
            self.jobs.values_mut().for_each(super::jobs::Job::cut);
        }
        if !self.wipes.is_empty() && self.store.is_wiped() {
            let wiped = self.wipes.drain(..).map(|request| RoleReport::Wiped { request });
            wiped.for_each(|report| out.page.push(report));
        }
        let store = &self.store;
        for (request, _) in self.flushes.extract_if(.., |(_, mark)| store.is_durable(*mark)) {
            out.page.push(RoleReport::Imported(Imported {
                request,
                ..Imported::default()
            }));
        }
    }

    pub(super) fn report(&self, request: RequestId, out: &mut Outbox) {
        let counters = self.counters().into_iter();
        out.page.push(RoleReport::Stats(Stats {
            request,
            ports: Vec::new(),
            counters: counters
                .map(|(name, count)| (name.to_owned(), count))
                .chain([memory::counter()])
                .collect(),
        }));
    }

    /// The role's counters, by name.
    pub fn counters(&self) -> Vec<(&'static str, u64)> {
        let store = &self.store.counters;
        let (live_bytes, bytes) = self.store.disk_bytes();
        vec![
            ("events", self.store.index.len() as u64),
            ("bytes", bytes),
            ("budget_bytes", self.store.config.budget_bytes),
            ("live_bytes", live_bytes),
            ("segments", self.store.names.len() as u64),
            ("unsaved_bytes", self.store.unsaved_bytes()),
            ("block_cache_bytes", self.store.blocks.bytes() as u64),
            ("record_cache_bytes", self.store.records.bytes() as u64),
            ("jobs", self.jobs.len() as u64),
            ("lookups", self.lookups),
            ("hits", self.hits),
            ("refills", self.refills),
            ("forwarded", self.forwarded),
            ("saved", store.saved),
            ("duplicates", store.duplicates),
            ("refused", store.refused),
            ("superseded", store.superseded),
            ("expired", store.expired),
            ("evicted", store.evicted),
            ("corrupt", store.corrupt),
            ("foreign", store.foreign),
            ("storage_reads", store.storage_reads),
            ("storage_writes", store.storage_writes),
            ("storage_errors", store.storage_errors),
            ("quota_errors", store.quota_errors),
            ("conflicts", store.conflicts),
            ("compactions", store.compactions),
            ("memory_only", store.memory_only),
            ("malformed", self.malformed),
        ]
    }
}
