//! One lookup or refill on its way through the store, an event at a time.
//!
//! A job asks for the next events' blocks, waits, hands the events out in order, and while it does so asks for the
//! blocks of those that follow. It does nothing by itself: the core gives it turns, and tells it when what it waits for
//! is there.

use std::collections::VecDeque;

use super::index::Slot;
use super::query::{Frontier, Next, Query};
use super::reading::{BLOCKS_AT_ONCE, Missing};
use super::store::{Operation, Purpose, Store};
use crate::message::{CachePolicy, CacheToParser, SubId};
use crate::nostr::event::{Event, EventId};
use crate::nostr::relay_url::RelayUrl;

pub struct Job {
    pub sub: SubId,
    pub task: Task,
    /// The next events, in order.
    window: VecDeque<Item>,
    /// So many are put into the window at once, and more when only `low` are left.
    width: usize,
    low: usize,
    /// No more will come into the window.
    exhausted: bool,
    /// Blocks that were asked for and have not come, a list for each read.
    reading: Vec<Vec<String>>,
    pub blocked: Option<Blocked>,
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
    /// Relays were asked before, by a cache that is gone.
    pub again: bool,
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
    /// It was in memory when it was looked for, and need not be looked for again.
    near: bool,
}

/// What one step of a job came to.
pub enum Progress {
    Message(CacheToParser),
    /// It has used its share of work.
    Pause,
    Blocked,
    Finished,
}

/// Events looked up at once: few, so that the first is there soon, then twice as many each time.
const FIRST_WINDOW: usize = 16;
const WINDOW: usize = 128;
/// Their bytes.
const WINDOW_BYTES: u64 = 256 << 10;
/// Reads that one job has in flight.
const READS: usize = 3;
/// Postings looked at in one step.
const WORK: u32 = 2_000;

impl Job {
    pub fn new(sub: SubId, task: Task) -> Job {
        Job {
            sub,
            task,
            window: VecDeque::new(),
            width: FIRST_WINDOW,
            low: 0,
            exhausted: false,
            reading: Vec::new(),
            blocked: None,
        }
    }

    /// All that it asks for has an id.
    pub fn is_by_id(&self) -> bool {
        match &self.task {
            Task::Lookup { query, .. } => query.filters().all(|filter| filter.ids.is_some()),
            Task::Refill { .. } => true,
        }
    }

    /// Blocks that it wants are being read.
    pub fn reads(&self) -> bool {
        !self.reading.is_empty()
    }

    /// Goes on until there is a message for the parser or nothing can be done.
    pub fn step(&mut self, number: u64, store: &mut Store) -> Progress {
        loop {
            if self.blocked.is_some() {
                return Progress::Blocked;
            }
            if self.window.len() <= self.low && !self.exhausted {
                if !self.fill(store) {
                    return Progress::Pause;
                }
                self.read_ahead(number, None, store);
                continue;
            }
            let Some(item) = self.window.front_mut() else {
                return self.finish(store);
            };
            let found = match item.event.take() {
                Some(event) => Ok(event),
                None => store.event(item.slot, &item.id),
            };
            match found {
                Ok(event) => {
                    if let Some(message) = self.deliver(event, store) {
                        return Progress::Message(message);
                    }
                }
                Err(Missing::Unread(key)) => {
                    self.read_ahead(number, Some(key), store);
                    self.blocked = Some(Blocked::Blocks);
                }
                Err(Missing::Moving) => {
                    store.rescan();
                    self.blocked = Some(Blocked::Load);
                }
                Err(Missing::Gone) => {
                    if let Some(item) = self.window.pop_front() {
                        self.give_up(&item.filters);
                    }
                }
            }
        }
    }

    /// Puts the next candidates into the window. False if the work ran out before there was one.
    fn fill(&mut self, store: &Store) -> bool {
        let (mut bytes, mut work) = (0, WORK);
        let frontier = Frontier {
            all: store.frontier(),
            ids: store.frontier_of_ids(),
        };
        // Unless it is filled now, it is tried again when it is empty.
        self.low = 0;
        while self.window.len() < self.width && bytes < WINDOW_BYTES {
            let (slot, filters) = match &mut self.task {
                Task::Lookup { query, .. } => match query.next(&store.index, frontier, &mut work) {
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
                    if found.is_none() && frontier.ids.is_some() {
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
                    near: false,
                });
            }
        }
        self.low = self.window.len() / 2;
        self.width = (self.width * 2).min(WINDOW);
        true
    }

    /// Asks for the blocks that the window needs, `first` before all, unless some are on their way.
    fn read_ahead(&mut self, number: u64, first: Option<String>, store: &mut Store) {
        if self.reading.len() == READS {
            return;
        }
        if first.is_some() {
            // One has gone out of memory since, and others may have.
            self.window.iter_mut().for_each(|item| item.near = false);
        }
        let is_read = |key: &String| self.reading.iter().flatten().any(|read| read == key);
        let mut keys = Vec::from_iter(first.filter(|key| !is_read(key)));
        for item in self.window.iter_mut().filter(|item| item.event.is_none() && !item.near) {
            if keys.len() == BLOCKS_AT_ONCE {
                break;
            }
            match store.unread(item.slot, &item.id) {
                None => item.near = true,
                Some(key) if !keys.contains(&key) && !is_read(&key) => keys.push(key),
                Some(_) => {}
            }
        }
        if !keys.is_empty() {
            self.reading.push(keys.clone());
            let purpose = Purpose::Job(number);
            store.operations.push(Operation::Get { purpose, keys });
        }
    }

    /// Takes the events out of blocks that have just been read, before others push those out of memory, and asks for
    /// the next blocks. Events in the blocks of `failed` are left out.
    pub fn take_blocks(&mut self, number: u64, keys: &[String], failed: &[String], store: &mut Store) {
        self.reading.retain(|read| read != keys);
        self.blocked.take_if(|blocked| *blocked == Blocked::Blocks);
        for mut item in std::mem::take(&mut self.window) {
            if item.event.is_none() {
                match store.event(item.slot, &item.id) {
                    Ok(event) => item.event = Some(event),
                    Err(Missing::Unread(key)) if failed.contains(&key) => {
                        self.give_up(&item.filters);
                        continue;
                    }
                    // It is looked at again when its turn comes.
                    Err(Missing::Unread(_) | Missing::Moving | Missing::Gone) => {}
                }
            }
            self.window.push_back(item);
        }
        self.read_ahead(number, None, store);
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

    /// Takes the window's first event out of it, for the parser if it is still stored and really wanted.
    fn deliver(&mut self, event: Event, store: &Store) -> Option<CacheToParser> {
        let item = self.window.pop_front()?;
        if store.entry(item.slot, &item.id).is_none() {
            self.give_up(&item.filters);
            return None;
        }
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
