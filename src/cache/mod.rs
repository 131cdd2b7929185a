//! The cache role: the persistent event store, its queries, and the choice of relays.
//!
//! It answers the parser's lookups from the store, hands what the network must answer to
//! connections, and keeps what the parser has verified; what the page imports it checks
//! itself. It opens no socket and knows no browser: `Storage` is IndexedDB there and memory in tests.
//! NIP-01, 09, 40, 65.

mod by_id;
mod bytes;
#[cfg(any(test, feature = "browser-suite"))]
pub mod check;
mod compact;
mod copies;
mod core;
#[cfg(test)]
mod core_tests;
mod evict;
mod import;
#[cfg(test)]
mod import_tests;
mod index;
mod index_blob;
mod jobs;
mod load;
#[cfg(test)]
mod load_tests;
mod lru;
#[cfg(test)]
mod lru_tests;
mod meta;
mod orphans;
mod page;
#[cfg(test)]
mod page_tests;
mod plan;
mod query;
#[cfg(test)]
mod query_tests;
mod reading;
mod record;
mod relays;
mod routing;
mod rules;
#[cfg(test)]
mod run_tests;
mod seen;
mod segment;
mod segments;
pub mod storage;
mod store;
#[cfg(test)]
mod store_tests;
mod sweep;
#[cfg(test)]
mod tabs_tests;
#[cfg(test)]
mod testing;
mod turns;
mod wipe;
mod writing;

use std::future::pending;
use std::pin::pin;

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::future::FutureExt;
use futures_util::select_biased;
use futures_util::stream::{FusedStream, FuturesUnordered, StreamExt};

pub use self::core::{Cache, Config, Input, Limits, Outbox};
pub use self::relays::RelayConfig;
pub use self::store::{Completion, Operation, Purpose, StoreConfig};

use self::storage::{Fallback, Storage};
use crate::message::{CacheToParser, Control, Envelope, Nothing, PageToCache, ParserToCache, PortStats, RoleReport};
use crate::role::Role;
use crate::router::{Port, Received};
use crate::time::{Clock, Millis, later, until};

/// The port to a peer that takes the place of one that is gone.
pub enum NewPeer {
    Parser(Port<ParserToCache, CacheToParser>),
    Connections(Port<Nothing, Envelope>),
}

/// The role's ends of its channels.
pub struct Ports {
    pub parser: Port<ParserToCache, CacheToParser>,
    pub connections: Port<Nothing, Envelope>,
    pub page: Port<PageToCache, RoleReport>,
    pub peers: UnboundedReceiver<NewPeer>,
}

/// Inputs handled at most before what they caused is posted: a flood of saves delays no answer.
const TURN: usize = 64;
/// A stop waits so long for the parser's last saves.
const LAST_SAVES_MS: u64 = 2_000;

/// Runs the cache until it is told to stop and has written everything down.
pub async fn run(mut ports: Ports, storage: impl Storage, clock: impl Clock, config: Config) {
    let storage = Fallback::new(storage);
    let mut disk = FuturesUnordered::new();
    let mut core = Cache::new(config);
    let mut out = Outbox::default();
    let mut turn = Turn::default();
    let mut now = clock.now();
    let mut told_to_stop: Option<Millis> = None;
    core.handle(now, Input::Timeout, &mut out);
    while !core.is_stopped() || !out.parser.is_empty() {
        if out.memory_only {
            storage.degrade();
        }
        let operations = out.operations.drain(..);
        disk.extend(operations.map(|operation| execute(&storage, operation)));
        let received = match turn.rest(&mut ports) {
            // The records of one batch share a time, and nothing else can have come between them.
            Some(rest) => Some(rest),
            None => {
                let wishes = Wishes::of(&core, &out, told_to_stop);
                let received = next_or_step(&mut turn, &mut ports, &mut disk, &storage, &clock, wishes).await;
                now = clock.now();
                received
            }
        };
        turn.count(received.as_ref());
        match received {
            Some(Received::Message(Input::Page(PageToCache::Control(Control::Stop)))) => {
                told_to_stop = Some(now.mono + LAST_SAVES_MS);
            }
            Some(Received::Message(input)) => core.handle(now, input, &mut out),
            // Credit came: what waits is sent below.
            Some(Received::Writable) | None => {}
            Some(Received::Malformed(_)) => core.on_malformed(),
        }
        let done = |until| ports.parser.is_terminated() || now.mono >= until;
        if told_to_stop.take_if(|until| done(*until)).is_some() {
            let stop = Input::Page(PageToCache::Control(Control::Stop));
            core.handle(now, stop, &mut out);
        }
        if core.wants_step(&out) {
            core.handle(now, Input::Step, &mut out);
        }
        ports.send(&mut out);
        ports.grant(core.takes_saves());
    }
    ports.goodbye();
}

/// What was handled since the ports were flushed.
#[derive(Default)]
struct Turn {
    handled: usize,
    /// Whether the last input was the parser's, and so may be followed by others of its batch.
    from_parser: bool,
}

impl Turn {
    fn is_over(&self) -> bool {
        self.handled >= TURN
    }

    /// The next record of the batch that the last one was in.
    fn rest(&self, ports: &mut Ports) -> Option<Received<Input>> {
        if !self.from_parser || self.is_over() {
            return None;
        }
        Some(ports.parser.take_rest()?.map(Input::Parser))
    }

    fn count(&mut self, received: Option<&Received<Input>>) {
        self.handled += 1;
        self.from_parser = matches!(received, Some(Received::Message(Input::Parser(_))));
    }
}

/// What the core wants to do whatever arrives.
#[derive(Clone, Copy)]
struct Wishes {
    /// The next step of a job: it waits for nothing, and goes after what has arrived.
    step: bool,
    /// By the core, or by a stop that waits: what the parser has sent may come after the page's word, for each port
    /// has an order of its own. The parser's goodbye says that it was all.
    due: Option<Millis>,
    /// After what has arrived.
    chore: bool,
}

impl Wishes {
    fn of(core: &Cache, out: &Outbox, told_to_stop: Option<Millis>) -> Wishes {
        Wishes {
            step: core.wants_step(out),
            due: core.next_timeout().into_iter().chain(told_to_stop).min(),
            chore: core.wants_chore(),
        }
    }
}

/// Ready for a chore, if one is wanted, once the worker has taken what it was sent before.
async fn chore(clock: &impl Clock, wanted: bool) {
    if wanted {
        later(clock).await;
    } else {
        pending().await
    }
}

/// What has arrived, or none where a step is due first. Posts what a turn has caused before the next begins.
async fn next_or_step(
    turn: &mut Turn,
    ports: &mut Ports,
    disk: &mut FuturesUnordered<impl Future<Output = Completion>>,
    storage: &impl Storage,
    clock: &impl Clock,
    wishes: Wishes,
) -> Option<Received<Input>> {
    if !turn.is_over() {
        let ready = next(ports, disk, storage, clock, wishes).now_or_never();
        if ready.is_some() || wishes.step {
            return ready;
        }
    }
    ports.flush(clock.now().mono);
    turn.handled = 0;
    let next = next(ports, disk, storage, clock, wishes);
    if wishes.step {
        next.now_or_never()
    } else {
        Some(next.await)
    }
}

/// The role's one place to wait. Ports before the disk: a flood of saves must not hide a CLOSE, and costs the
/// disk one turn at most.
async fn next(
    ports: &mut Ports,
    disk: &mut FuturesUnordered<impl Future<Output = Completion>>,
    storage: &impl Storage,
    clock: &impl Clock,
    wishes: Wishes,
) -> Received<Input> {
    select_biased! {
        received = ports.page.select_next_some() => received.map(Input::Page),
        // Its end is worth a turn: a stop may wait for it.
        received = ports.parser.next() => received.map_or(Received::Writable, |r| r.map(Input::Parser)),
        received = ports.connections.select_next_some() => received.map(|never| match never {}),
        peer = ports.peers.select_next_some() => Received::Message(Input::Replaced(ports.replace(peer))),
        completion = disk.select_next_some() => Received::Message(Input::Storage(completion)),
        () = pin!(storage.changed().fuse()) => Received::Message(Input::OthersSaved),
        () = pin!(until(clock, wishes.due).fuse()) => Received::Message(Input::Timeout),
        () = pin!(chore(clock, wishes.chore).fuse()) => Received::Message(Input::Chore),
    }
}

impl Ports {
    /// Puts the new peer in the place of the old one. What that still said has been read.
    fn replace(&mut self, peer: NewPeer) -> Role {
        match peer {
            NewPeer::Parser(port) => {
                self.parser = port;
                Role::Parser
            }
            NewPeer::Connections(port) => {
                self.connections = port;
                Role::Connections
            }
        }
    }

    /// Sends what there is credit for.
    fn send(&mut self, out: &mut Outbox) {
        out.parser.send(&mut self.parser);
        out.connections.send(&mut self.connections);
        let reports: Vec<RoleReport> = out.page.drain().collect();
        for mut report in reports {
            if let RoleReport::Stats(stats) = &mut report
                && stats.ports.is_empty()
            {
                stats.ports = self.stats();
            }
            out.page.push(report);
        }
        out.page.send(&mut self.page);
    }

    /// Posts what has been sent: the role has nothing else to do.
    fn flush(&mut self, now: Millis) {
        self.parser.flush(now);
        self.connections.flush(now);
        self.page.flush(now);
    }

    /// Gives credit for what has been taken. Replies that are owed never hold it back, only saves do.
    fn grant(&mut self, takes_saves: bool) {
        if takes_saves {
            self.parser.grant();
        }
        self.connections.grant();
        self.page.grant();
    }

    fn stats(&self) -> Vec<PortStats> {
        vec![self.connections.stats(), self.parser.stats(), self.page.stats()]
    }

    fn goodbye(&mut self) {
        self.parser.goodbye();
        self.connections.goodbye();
        self.page.goodbye();
    }
}

/// Does one operation; the core hears what came of it.
async fn execute(storage: &Fallback<impl Storage>, operation: Operation) -> Completion {
    match operation {
        Operation::List => Completion::Listed(storage.list("").await),
        Operation::Get { purpose, keys } => {
            let blobs = storage.get(&keys).await;
            Completion::Got { purpose, keys, blobs }
        }
        Operation::Write(batch) => Completion::Written(storage.write(&batch).await),
        Operation::Quota => Completion::Quota(storage.quota().await),
    }
}
