//! Whose turn it is: lookups and refills start in their order, some at once, and say a little each in turn.

use super::core::{Cache, Outbox};
use super::jobs::{Blocked, Job, Progress, Task};
use super::storage::StorageError;
use crate::message::{CachePolicy, CacheToParser, SubId};

/// Messages pushed in one step, and by one job before the next has its turn.
const MESSAGES_PER_STEP: usize = 32;
const MESSAGES_PER_TURN: usize = 4;
/// Envelopes that may wait for connections before lookups pause.
const MAX_ENVELOPES: usize = 64;

impl Cache {
    pub(super) fn enqueue(&mut self, job: Job) {
        let number = self.next_job;
        self.next_job += 1;
        self.jobs.insert(number, job);
        self.waiting.push_back(number);
        self.start_waiting();
    }

    fn start_waiting(&mut self) {
        while self.turns.len() < self.config.limits.jobs {
            let Some(number) = self.waiting.pop_front() else { return };
            self.turns.push_back(number);
        }
    }

    /// Ends the lookup of `sub`. A refill of it goes on: the page has still to be given what it was too slow for when the
    /// subscription ended.
    pub(super) fn cancel(&mut self, sub: &SubId) {
        self.jobs
            .retain(|_, job| job.sub != *sub || matches!(job.task, Task::Refill { .. }));
        let jobs = &self.jobs;
        self.turns.retain(|number| jobs.contains_key(number));
        self.waiting.retain(|number| jobs.contains_key(number));
        self.start_waiting();
    }

    pub(super) fn job_got(
        &mut self,
        number: u64,
        keys: Vec<String>,
        blobs: Result<Vec<Option<Vec<u8>>>, StorageError>,
    ) {
        let failed = if blobs.is_err() { keys.as_slice() } else { &[] };
        self.store.counters.storage_reads += 1;
        self.store.counters.storage_errors += u64::from(blobs.is_err());
        for (key, blob) in keys.iter().zip(blobs.unwrap_or_default()) {
            self.store.keep_block(key, blob);
        }
        if let Some(job) = self.jobs.get_mut(&number) {
            job.take_blocks(number, &keys, failed, &mut self.store);
        }
    }

    pub(super) fn unblock(&mut self, from: Blocked) {
        for job in self.jobs.values_mut().filter(|job| job.blocked == Some(from)) {
            job.blocked = None;
        }
    }

    /// Gives each job a turn until enough is said or none can say anything.
    pub(super) fn answer(&mut self, out: &mut Outbox) {
        if !self.store.acknowledged.is_empty() {
            let ids = std::mem::take(&mut self.store.acknowledged);
            out.parser.push(CacheToParser::Saved { ids });
        }
        let mut idle = 0;
        while idle < self.turns.len() && out.parser.len() < MESSAGES_PER_STEP {
            let Some(number) = self.turns.pop_front() else { return };
            let said = self.turn(number, out);
            idle = if said == 0 { idle + 1 } else { 0 };
        }
    }

    /// One job's turn; how many messages it gave.
    fn turn(&mut self, number: u64, out: &mut Outbox) -> usize {
        for said in 0..MESSAGES_PER_TURN {
            let Some(job) = self.jobs.get_mut(&number) else {
                return said;
            };
            match job.step(number, &mut self.store) {
                Progress::Message(message) => {
                    self.hits += u64::from(!matches!(message, CacheToParser::Eoce { .. }));
                    out.parser.push(message);
                }
                Progress::Pause | Progress::Blocked => {
                    self.turns.push_back(number);
                    return said;
                }
                Progress::Finished => {
                    self.finish(number, out);
                    return said + 1;
                }
            }
        }
        self.turns.push_back(number);
        MESSAGES_PER_TURN
    }

    fn finish(&mut self, number: u64, out: &mut Outbox) {
        let Some(job) = self.jobs.remove(&number) else { return };
        self.start_waiting();
        let sub = job.sub;
        match job.task {
            Task::Refill { missing, .. } => out.parser.push(CacheToParser::RefillEnd { sub, missing }),
            Task::Lookup { query, network, .. } => {
                let filters = match network.policy {
                    CachePolicy::CacheOnly => Vec::new(),
                    CachePolicy::CacheFirst => query.unanswered(),
                    CachePolicy::CacheThenNetwork | CachePolicy::NoCache | CachePolicy::Count => {
                        query.filters().cloned().collect()
                    }
                };
                self.forward(sub, query.into_filters(), filters, &network, out);
            }
        }
    }
}

/// The last answers have left, and connections is not behind.
pub(super) fn may_answer(out: &Outbox) -> bool {
    out.parser.is_empty() && out.connections.len() < MAX_ENVELOPES
}
