//! Evicting: what goes, in which order, when the store is over its budget or the quota is met.
//!
//! In steps of some thousand index entries. An evicted event is marked dead; compaction gives its bytes back.
//! What waits to be written is not evicted, however old it is: somebody has just asked for it. So a store that is full
//! takes in an old conversation while it is read, and lets go of it first.

use super::index::{Place, Slot};
use super::store::Store;
use crate::nostr::kind::{Kind, Retention};

/// An eviction under way.
pub(super) struct Eviction {
    /// Live bytes to get down to.
    goal: u64,
    pass: usize,
    /// The last event looked at.
    after: Option<(u32, Slot)>,
}

/// Index entries that one step of an eviction looks at.
const EVICTION_STEP: usize = 1_000;

/// Who goes, from the least useful to the most; the last pass takes anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    StrangersNote,
    StrangersArticle,
    StrangersList,
    Own,
}
const PASSES: [Worth; 4] = [
    Worth::StrangersNote,
    Worth::StrangersArticle,
    Worth::StrangersList,
    Worth::Own,
];

impl Store {
    /// What the origin may store is known now: the store keeps to its part of it.
    pub fn heard_quota(&mut self, quota: Option<u64>) {
        if let Some((quota, parts)) = quota.zip(self.config.quota_parts) {
            self.config.budget_bytes = self.config.budget_bytes.min(quota / parts.max(1));
            self.watch_budget();
        }
    }

    /// Starts evicting if the disk holds more than its budget.
    pub(super) fn watch_budget(&mut self) {
        let (live, all) = self.disk_bytes();
        if self.eviction.is_none() && all > self.config.budget_bytes {
            // A tenth of air, so that not every save evicts.
            self.start_eviction(live.min(self.config.budget_bytes / 10 * 9));
        }
    }

    /// Whether the next write would go over the budget and there is something to be done about it first.
    pub(super) fn makes_room(&mut self) -> bool {
        let (live, all) = self.disk_bytes();
        let (budget, incoming) = (self.config.budget_bytes, self.incoming_bytes());
        if all + incoming <= budget {
            return false;
        }
        let goal = budget.saturating_sub(incoming) / 10 * 9;
        if live > goal && self.eviction.is_none() && self.compaction.is_none() && !self.exhausted {
            self.start_eviction(goal);
        }
        self.eviction.is_some() || self.compaction.is_some() || self.choose().is_some()
    }

    /// The quota is met: frees a quarter, and stays within what is left. False if nothing is stored.
    pub(super) fn make_room(&mut self) -> bool {
        let (live, all) = self.disk_bytes();
        if all == 0 {
            return false;
        }
        self.pressed = true;
        self.compaction = None;
        self.config.budget_bytes = self.config.budget_bytes.min(all / 4 * 3);
        self.start_eviction(live.min(self.config.budget_bytes) / 10 * 9);
        true
    }

    fn start_eviction(&mut self, goal: u64) {
        self.eviction = Some(Eviction {
            goal,
            pass: 0,
            after: None,
        });
    }

    pub(super) fn evict(&mut self) {
        let Some(mut eviction) = self.eviction.take() else {
            return;
        };
        let (mut live, _) = self.disk_bytes();
        let worth = PASSES.get(eviction.pass).copied();
        self.exhausted |= worth.is_none();
        let Some(worth) = worth.filter(|_| live > eviction.goal) else {
            return;
        };
        let seen: Vec<(u32, Slot)> = self.index.oldest(eviction.after).take(EVICTION_STEP).collect();
        for (age, slot) in &seen {
            eviction.after = Some((*age, *slot));
            if live <= eviction.goal {
                break;
            }
            if self.worth(*slot).is_some_and(|w| w <= worth) {
                self.counters.evicted += 1;
                self.remove(*slot);
                // What is not in a segment of ours any more frees nothing by itself.
                live = live.saturating_sub(self.index.dead(*slot).map_or(0, |entry| u64::from(entry.length)));
            }
        }
        if seen.len() < EVICTION_STEP {
            eviction.pass += 1;
            eviction.after = None;
        }
        self.eviction = Some(eviction);
    }

    /// How useful a saved event is; none for what waits to be written.
    fn worth(&self, slot: Slot) -> Option<Worth> {
        let entry = self.index.get(slot)?;
        if entry.place == Place::Unsaved {
            return None;
        }
        let owner = self
            .index
            .pubkey(entry.author)
            .is_some_and(|key| self.owners.contains(key));
        if entry.own || owner {
            return Some(Worth::Own);
        }
        Some(match entry.kind.retention() {
            Retention::Replaceable => Worth::StrangersList,
            // Without the deletion, what it deleted would come back.
            Retention::Regular if entry.kind == Kind::DELETION => Worth::StrangersList,
            Retention::Addressable => Worth::StrangersArticle,
            Retention::Regular | Retention::Ephemeral => Worth::StrangersNote,
        })
    }
}
