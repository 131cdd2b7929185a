//! One lookup or refill on its way through the store, an event at a time.
//!
//! A job asks for the next few events' blocks, waits, hands the events out in order. It
//! does nothing by itself: the core gives it turns, and tells it when what it waits for is there.

use std::collections::VecDeque;

use super::index::Slot;
use super::query::{Next, Query};
use super::store::{Missing, Operation, Purpose, Store};
use crate::message::{CachePolicy, CacheToParser, SubId};
use crate::nostr::event::{Event, EventId};
use crate::nostr::relay_url::RelayUrl;

pub struct Job {
    pub sub: SubId,
    pub task: Task,
    /// The next events, in order.
    window: VecDeque<Item>,
    /// No more will come into the window.
    exhausted: bool,
    pub blocked: Option<Blocked>,
    /// The last read failed: what it was for is left out.
    pub read_failed: bool,
}

pub enum Task {
    Lookup {
        query: Query,
        network: Network,
        /// `Eoce` has been said; the relays are to be chosen.
        answered: bool,
    },
    Refill {
        ids: VecDeque<EventId>,
        missing: u32,
    },
}

/// What a lookup wants of the network, once the store has answered.
pub struct Network {
    /// The relays to ask; none lets the cache choose.
    pub relays: Vec<RelayUrl>,
    pub policy: CachePolicy,
    /// The most to choose; none means the engine's own limit.
    pub max_relays: Option<u32>,
}

/// What a job waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// More of the index, or a new listing.
    Load,
    /// Its blocks.
    Blocks,
}

struct Item {
    slot: Slot,
    id: EventId,
    filters: Vec<u16>,
    event: Option<Event>,
}

/// What one step of a job came to.
pub enum Progress {
    Message(CacheToParser),
    /// It has used its share of work.
    Pause,
    Blocked,
    Finished,
}

/// Events looked up at once, and their bytes.
const WINDOW: usize = 16;
const WINDOW_BYTES: u64 = 256 << 10;
/// Postings looked at in one step.
const WORK: u32 = 2_000;

impl Job {
    pub fn new(sub: SubId, task: Task) -> Job {
        Job {
            sub,
            task,
            window: VecDeque::new(),
            exhausted: false,
            blocked: None,
            read_failed: false,
        }
    }

    /// Goes on until there is a message for the parser or nothing can be done.
    pub fn step(&mut self, number: u64, store: &mut Store) -> Progress {
        loop {
            if self.blocked.is_some() {
                return Progress::Blocked;
            }
            if self.window.is_empty() && !self.exhausted {
                if !self.fill(store) {
                    return Progress::Pause;
                }
                continue;
            }
            match self.window.front() {
                None => return self.finish(store),
                Some(item) if item.event.is_none() => self.read(number, store),
                Some(_) => {
                    if let Some(message) = self.deliver(store) {
                        return Progress::Message(message);
                    }
                }
            }
        }
    }

    /// Puts the next candidates into the window. False if the work ran out before there was one.
    fn fill(&mut self, store: &Store) -> bool {
        let (mut bytes, mut work) = (0, WORK);
        while self.window.len() < WINDOW && bytes < WINDOW_BYTES {
            let (slot, filters) = match &mut self.task {
                Task::Lookup { query, .. } => match query.next(&store.index, store.frontier(), &mut work) {
                    Next::Found { slot, filters } => (slot, filters),
                    Next::Wait => {
                        self.blocked = self.window.is_empty().then_some(Blocked::Load);
                        return true;
                    }
                    Next::Pause => return !self.window.is_empty(),
                    Next::End => {
                        self.exhausted = true;
                        return true;
                    }
                },
                Task::Refill { ids, missing } => {
                    let Some(id) = ids.front() else {
                        self.exhausted = true;
                        return true;
                    };
                    let found = store.index.find(id);
                    if found.is_none() && !store.is_loaded() {
                        self.blocked = self.window.is_empty().then_some(Blocked::Load);
                        return true;
                    }
                    ids.pop_front();
                    let Some(slot) = found else {
                        *missing += 1;
                        continue;
                    };
                    (slot, Vec::new())
                }
            };
            if let Some(entry) = store.index.get(slot) {
                bytes += u64::from(entry.length);
                self.window.push_back(Item {
                    slot,
                    id: entry.id,
                    filters,
                    event: None,
                });
            }
        }
        true
    }

    /// Gets the window's events, or asks for their blocks.
    fn read(&mut self, number: u64, store: &mut Store) {
        let mut keys: Vec<String> = Vec::new();
        let mut kept = VecDeque::with_capacity(self.window.len());
        for mut item in std::mem::take(&mut self.window) {
            let found = match item.event.take() {
                Some(event) => Ok(event),
                None => store.event(item.slot, &item.id),
            };
            match found {
                Ok(event) => item.event = Some(event),
                Err(Missing::Unread(key)) if !self.read_failed => {
                    if !keys.contains(&key) {
                        keys.push(key);
                    }
                }
                Err(Missing::Moving) => {
                    store.rescan();
                    self.blocked = Some(Blocked::Load);
                }
                Err(Missing::Gone | Missing::Unread(_)) => {
                    self.give_up(&item.filters);
                    continue;
                }
            }
            kept.push_back(item);
        }
        self.window = kept;
        self.read_failed = false;
        if !keys.is_empty() {
            self.blocked = Some(Blocked::Blocks);
            let purpose = Purpose::Job(number);
            store.operations.push(Operation::Get { purpose, keys });
        }
    }

    /// Takes the events out of blocks that have just been read, before others push those out of memory.
    pub fn take_blocks(&mut self, store: &mut Store) {
        for item in self.window.iter_mut().filter(|item| item.event.is_none()) {
            item.event = store.event(item.slot, &item.id).ok();
        }
    }

    /// Ends it: all that was stored is gone.
    pub fn cut(&mut self) {
        let in_window = self.window.len() as u32;
        self.window.clear();
        self.exhausted = true;
        self.blocked = None;
        if let Task::Refill { ids, missing } = &mut self.task {
            *missing += in_window + ids.len() as u32;
            ids.clear();
        }
    }

    fn give_up(&mut self, filters: &[u16]) {
        match &mut self.task {
            Task::Lookup { query, .. } => query.mistaken(filters),
            Task::Refill { missing, .. } => *missing += 1,
        }
    }

    /// The first event of the window, if it is still stored and really wanted.
    fn deliver(&mut self, store: &Store) -> Option<CacheToParser> {
        let item = self.window.pop_front()?;
        let stored = store.entry(item.slot, &item.id).is_some();
        let Some(event) = item.event.filter(|_| stored) else {
            self.give_up(&item.filters);
            return None;
        };
        let sub = self.sub.clone();
        match &mut self.task {
            Task::Lookup { query, .. } => query
                .confirm(&item.filters, &event)
                .then_some(CacheToParser::Event { sub, event }),
            Task::Refill { .. } => Some(CacheToParser::Refilled { sub, event }),
        }
    }

    fn finish(&mut self, store: &Store) -> Progress {
        let sub = self.sub.clone();
        match &mut self.task {
            Task::Lookup { answered, .. } if !*answered => {
                *answered = true;
                Progress::Message(CacheToParser::Eoce { sub })
            }
            // The relay lists are in the index: without all of it the choice would be a worse one.
            Task::Lookup { network, .. }
                if network.relays.is_empty() && network.policy != CachePolicy::CacheOnly && !store.is_loaded() =>
            {
                self.blocked = Some(Blocked::Load);
                Progress::Blocked
            }
            Task::Lookup { .. } | Task::Refill { .. } => Progress::Finished,
        }
    }
}
