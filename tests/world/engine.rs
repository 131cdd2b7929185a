//! The whole engine in one thread: four roles' loops on real ports, scripted relays, a page that
//! reads as told, a clock moved by hand, and an order of turns drawn from a seed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_channel::mpsc;
use futures_util::StreamExt;
use futures_util::stream::{FusedStream, Stream};
use nostr_ferry::cache::storage::MemoryStorage;
use nostr_ferry::connections::{SocketEvent, SocketId, Sockets, StatusSink};
use nostr_ferry::crypto::{Entropy, InlineVerifier};
use nostr_ferry::message::*;
use nostr_ferry::nostr::relay_url::RelayUrl;
use nostr_ferry::parser::{Http, HttpAnswer, HttpAsk, PageEdge, PageSinks, Written};
use nostr_ferry::role::Role;
use nostr_ferry::router::{Port, PortConfig, Received, pair};
use nostr_ferry::time::{Clock, Millis, Now, UnixSeconds};
use nostr_ferry::{cache, connections, crypto, parser};

use super::executor::Executor;
use super::relay::ScriptedRelay;

/// The hand-moved clock; each role has a handle of its own.
struct TestClock {
    time: Rc<RefCell<Time>>,
    role: usize,
    yielded: RefCell<bool>,
}

struct Time {
    now: Now,
    /// By role: when it wants to be woken.
    alarms: BTreeMap<usize, (Millis, Waker)>,
}

impl Time {
    /// Every alarm for then or before goes off.
    fn wake_due(&mut self, to: Millis) {
        let due = self.alarms.iter().filter(|(_, (at, _))| *at <= to);
        for role in Vec::from_iter(due.map(|(role, _)| *role)) {
            self.alarms.remove(&role).unwrap().1.wake();
        }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        self.time.borrow().now
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Option<Millis>) -> Poll<()> {
        let mut time = self.time.borrow_mut();
        let Some(deadline) = deadline else { return Poll::Pending };
        if time.now.mono >= deadline {
            return Poll::Ready(());
        }
        time.alarms.insert(self.role, (deadline, cx.waker().clone()));
        Poll::Pending
    }

    fn poll_later(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut yielded = self.yielded.borrow_mut();
        *yielded = !*yielded;
        if *yielded {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

/// The relays, and the sockets that are open to them.
#[derive(Default)]
struct Relays {
    hosts: BTreeMap<RelayUrl, ScriptedRelay>,
    down: BTreeSet<RelayUrl>,
    open: BTreeMap<SocketId, RelayUrl>,
    /// Frames under way, by socket: they are lost with it. Empty where frames take no time.
    pipes: BTreeMap<SocketId, VecDeque<String>>,
    /// Whether frames are under way until they are let through.
    piped: bool,
    /// What these relays send stays under way.
    stalled: BTreeSet<RelayUrl>,
}

struct TestSockets {
    relays: Rc<RefCell<Relays>>,
    events: mpsc::UnboundedReceiver<SocketEvent>,
    sender: mpsc::UnboundedSender<SocketEvent>,
}

impl Relays {
    fn hang_up(&mut self, socket: SocketId) {
        self.pipes.remove(&socket);
        let host = self.open.remove(&socket).and_then(|relay| self.hosts.get_mut(&relay));
        host.map(ScriptedRelay::disconnect);
    }
}

/// A relay's frames set out for the client.
fn say(relays: &mut Relays, to: &mpsc::UnboundedSender<SocketEvent>, socket: SocketId, frames: Vec<String>) {
    if relays.piped {
        relays.pipes.entry(socket).or_default().extend(frames);
        return;
    }
    for text in frames {
        to.unbounded_send(SocketEvent::Text { socket, text }).unwrap();
    }
}

impl TestSockets {
    fn say(&self, socket: SocketId, frames: Vec<String>) {
        say(&mut self.relays.borrow_mut(), &self.sender, socket, frames);
    }
}

impl Sockets for TestSockets {
    fn open(&mut self, socket: SocketId, relay: &RelayUrl) {
        let mut relays = self.relays.borrow_mut();
        if relays.down.contains(relay) || !relays.hosts.contains_key(relay) {
            self.sender.unbounded_send(SocketEvent::Failed { socket }).unwrap();
            return;
        }
        relays.open.insert(socket, relay.clone());
        let greeting = relays.hosts.get_mut(relay).unwrap().connect();
        drop(relays);
        self.sender.unbounded_send(SocketEvent::Opened { socket }).unwrap();
        self.say(socket, greeting);
    }

    fn send(&mut self, socket: SocketId, text: String) {
        let mut relays = self.relays.borrow_mut();
        let Some(relay) = relays.open.get(&socket).cloned() else {
            return;
        };
        let frames = relays.hosts.get_mut(&relay).unwrap().receive(&text);
        drop(relays);
        self.say(socket, frames);
    }

    fn close(&mut self, socket: SocketId, code: u16, reason: &str) {
        self.relays.borrow_mut().hang_up(socket);
        let reason = reason.to_owned();
        self.sender
            .unbounded_send(SocketEvent::Closed { socket, code, reason })
            .unwrap();
    }

    fn fetch_limits(&mut self, relay: &RelayUrl) {
        let (relay, json) = (relay.clone(), None);
        self.sender.unbounded_send(SocketEvent::Limits { relay, json }).unwrap();
    }
}

impl Stream for TestSockets {
    type Item = SocketEvent;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
        self.events.poll_next_unpin(cx)
    }
}

impl FusedStream for TestSockets {
    fn is_terminated(&self) -> bool {
        false
    }
}

struct Statuses(Rc<RefCell<BTreeMap<RelayUrl, ConnectionStatus>>>);

impl StatusSink for Statuses {
    fn status(&mut self, status: &ConnectionStatus) -> bool {
        self.0.borrow_mut().insert(status.relay.clone(), status.clone());
        true
    }

    fn poll_writable(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// What the page has been given, and how much more it takes.
#[derive(Default)]
struct Page {
    read: BTreeMap<SubId, Vec<ParserToPage>>,
    /// Messages that each subscription's outlet still takes; none is any number.
    room: Option<usize>,
    full: BTreeSet<SubId>,
    writable: VecDeque<SubId>,
    waker: Option<Waker>,
}

struct TestPage(Rc<RefCell<Page>>);

impl PageSinks for TestPage {
    fn write(&mut self, sub: &SubId, message: &ParserToPage) -> Written {
        let mut page = self.0.borrow_mut();
        if page.room == Some(0) {
            page.full.insert(sub.clone());
            return Written::Full;
        }
        page.room = page.room.map(|room| room - 1);
        page.read.entry(sub.clone()).or_default().push(message.clone());
        Written::Yes
    }

    fn close(&mut self, _: &SubId) {}
}

impl PageEdge for TestPage {
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<SubId> {
        let mut page = self.0.borrow_mut();
        page.waker = Some(cx.waker().clone());
        page.writable.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn flush(&mut self, _: Millis) {}
}

/// HTTP servers, as one function from a request to its answer; none is a failure.
pub type Server = Box<dyn FnMut(&HttpAsk) -> Option<String>>;

struct TestHttp {
    server: Rc<RefCell<Server>>,
    answers: VecDeque<HttpAnswer>,
}

impl Http for TestHttp {
    fn ask(&mut self, ask: HttpAsk) {
        let body = (self.server.borrow_mut())(&ask);
        let number = ask.number;
        self.answers.push_back(HttpAnswer { number, body });
    }
}

impl Stream for TestHttp {
    type Item = HttpAnswer;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<HttpAnswer>> {
        // Whoever asks polls in the same turn, so nobody need be woken.
        self.answers
            .pop_front()
            .map_or(Poll::Pending, |answer| Poll::Ready(Some(answer)))
    }
}

impl FusedStream for TestHttp {
    fn is_terminated(&self) -> bool {
        false
    }
}

/// Not random, but that is nothing a test could tell.
struct Counting(u8);

impl Entropy for Counting {
    fn bytes(&mut self) -> [u8; 32] {
        self.0 = self.0.wrapping_add(1);
        [self.0; 32]
    }
}

/// The engine and its surroundings.
pub struct World {
    executor: Executor<'static>,
    time: Rc<RefCell<Time>>,
    relays: Rc<RefCell<Relays>>,
    socket_events: mpsc::UnboundedSender<SocketEvent>,
    server: Rc<RefCell<Server>>,
    page: Rc<RefCell<Page>>,
    statuses: Rc<RefCell<BTreeMap<RelayUrl, ConnectionStatus>>>,
    seed: u64,
    ports: PortConfig,
    storage: MemoryStorage,
    /// Cache roles up to now.
    caches: Cell<u64>,
    defaults: Vec<RelayUrl>,
    config: (connections::Config, parser::Config),
    peers: Peers,
    pub parser: Port<ParserReport, PageToParser>,
    pub connections: Port<RoleReport, PageToConnections>,
    pub cache: Port<RoleReport, PageToCache>,
    pub crypto: Port<RoleReport, PageToCryptoControl>,
    pub signer: Port<CryptoToPage, PageToCrypto>,
}

/// How each role is told that another was replaced.
struct Peers {
    connections: mpsc::UnboundedSender<connections::NewPeer>,
    cache: mpsc::UnboundedSender<cache::NewPeer>,
    parser: mpsc::UnboundedSender<parser::NewPeer>,
    crypto: mpsc::UnboundedSender<crypto::NewPeer>,
}

/// What a world is made with.
pub struct Setup {
    pub seed: u64,
    pub ports: PortConfig,
    pub storage: MemoryStorage,
    pub relays: Vec<(&'static str, ScriptedRelay)>,
    pub connections: connections::Config,
    pub parser: parser::Config,
    /// Frames are under way until `let_through`, or until everybody rests.
    pub piped: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            seed: 1,
            ports: PortConfig::default(),
            storage: MemoryStorage::default(),
            relays: Vec::new(),
            connections: connections::Config::default(),
            parser: parser::Config::default(),
            piped: false,
        }
    }
}

pub fn url(name: &str) -> RelayUrl {
    RelayUrl::parse(&format!("wss://{name}")).unwrap()
}

pub fn sub(name: &str) -> SubId {
    SubId::new(name).unwrap()
}

impl World {
    pub fn new(setup: Setup) -> World {
        let now = Now {
            mono: Millis(1_000_000),
            unix: UnixSeconds(1_700_000_000),
        };
        let time = Rc::new(RefCell::new(Time {
            now,
            alarms: BTreeMap::new(),
        }));
        let defaults: Vec<RelayUrl> = setup.relays.iter().map(|(name, _)| url(name)).collect();
        let hosts = setup
            .relays
            .into_iter()
            .map(|(name, relay)| (url(name), relay))
            .collect();
        let relays = Rc::new(RefCell::new(Relays {
            hosts,
            piped: setup.piped,
            ..Relays::default()
        }));
        let nobody: Server = Box::new(|_| None);
        let server = Rc::new(RefCell::new(nobody));
        let ports = setup.ports;
        let (cache_conn, conn_cache) = pair("cacheToConn", ports);
        let (parser_cache, cache_parser) = pair("parserToCache", ports);
        let (conn_parser, parser_conn) = pair("connToParser", ports);
        let (parser_crypto, crypto_parser) = pair("parserToCrypto", ports);
        let (crypto_conn, conn_crypto) = pair("cryptoToConn", ports);
        let (crypto_page, signer) = pair("cryptoToMain", ports);
        let (conn_page, connections) = pair("control", ports);
        let (cache_page, cache) = pair("control", ports);
        let (parser_page, parser) = pair("control", ports);
        let (crypto_control, crypto) = pair("control", ports);
        let (to_connections, connections_peers) = mpsc::unbounded();
        let (to_cache, cache_peers) = mpsc::unbounded();
        let (to_parser, parser_peers) = mpsc::unbounded();
        let (to_crypto, crypto_peers) = mpsc::unbounded();
        let mut world = World {
            executor: Executor::new(setup.seed),
            time,
            relays,
            socket_events: mpsc::unbounded().0,
            page: Rc::default(),
            statuses: Rc::default(),
            server,
            seed: setup.seed,
            ports,
            storage: setup.storage,
            caches: Cell::new(0),
            defaults,
            config: (setup.connections, setup.parser),
            peers: Peers {
                connections: to_connections,
                cache: to_cache,
                parser: to_parser,
                crypto: to_crypto,
            },
            parser,
            connections,
            cache,
            crypto,
            signer,
        };
        // The order of `Role::ALL`, by which they are replaced.
        let connections = world.run_connections(connections::Ports {
            cache: conn_cache,
            parser: conn_parser,
            crypto: conn_crypto,
            page: conn_page,
            peers: connections_peers,
        });
        world.executor.spawn(connections);
        let cache = world.run_cache(cache::Ports {
            parser: cache_parser,
            connections: cache_conn,
            page: cache_page,
            peers: cache_peers,
        });
        world.executor.spawn(cache);
        let parser = world.run_parser(parser::Ports {
            page: parser_page,
            crypto: parser_crypto,
            cache: parser_cache,
            connections: parser_conn,
            peers: parser_peers,
        });
        world.executor.spawn(parser);
        let crypto = world.run_crypto(crypto::Ports {
            control: crypto_control,
            page: crypto_page,
            parser: crypto_parser,
            connections: crypto_conn,
            peers: crypto_peers,
        });
        world.executor.spawn(crypto);
        world
    }

    fn clock(&self, role: Role) -> TestClock {
        TestClock {
            time: self.time.clone(),
            role: role as usize,
            yielded: RefCell::new(false),
        }
    }

    fn run_connections(&mut self, ports: connections::Ports) -> impl Future<Output = ()> + use<> {
        let (socket_events, events) = mpsc::unbounded();
        self.socket_events = socket_events.clone();
        let mut relays = self.relays.borrow_mut();
        for socket in Vec::from_iter(relays.open.keys().copied()) {
            relays.hang_up(socket);
        }
        drop(relays);
        let sockets = TestSockets {
            relays: self.relays.clone(),
            events,
            sender: socket_events,
        };
        let config = connections::Config {
            entropy: self.seed,
            ..self.config.0.clone()
        };
        let statuses = Statuses(Rc::clone(&self.statuses));
        connections::run(ports, sockets, statuses, self.clock(Role::Connections), config)
    }

    fn run_cache(&self, ports: cache::Ports) -> impl Future<Output = ()> + use<> {
        let relays = cache::RelayConfig {
            indexers: Vec::new(),
            defaults: self.defaults.clone(),
            max_relays: None,
        };
        // No two writers of a storage have the same number, in whichever world they are.
        self.caches.set(self.caches.get() + 1);
        let store = cache::StoreConfig {
            writer: self.seed << 40 ^ self.caches.get() << 32 ^ self.storage.used_bytes(),
            ..cache::StoreConfig::default()
        };
        let config = cache::Config {
            relays,
            store,
            ..cache::Config::default()
        };
        cache::run(ports, self.storage.another(), self.clock(Role::Cache), config)
    }

    fn run_parser(&self, ports: parser::Ports) -> impl Future<Output = ()> + use<> {
        let page = TestPage(self.page.clone());
        let http = TestHttp {
            server: Rc::clone(&self.server),
            answers: VecDeque::new(),
        };
        parser::run(ports, page, http, self.clock(Role::Parser), self.config.1.clone())
    }

    fn run_crypto(&self, ports: crypto::Ports) -> impl Future<Output = ()> + use<> {
        let verifier = InlineVerifier::new(Counting(0));
        let clock = self.clock(Role::Crypto);
        crypto::run(ports, verifier, Counting(100), clock, crypto::Config::default())
    }

    /// Ends `role` wherever it is, and puts a new one in its place, as the page's supervisor does.
    /// What the page itself has to repeat is the caller's business; `ask_again` is about a signer's requests.
    pub fn replace(&mut self, role: Role, ask_again: bool) {
        let (ports, number) = (self.ports, role as usize);
        match role {
            Role::Connections => {
                let (conn_cache, cache) = pair("cacheToConn", ports);
                let (conn_parser, parser) = pair("connToParser", ports);
                let (conn_crypto, crypto) = pair("cryptoToConn", ports);
                let (page, control) = pair("control", ports);
                let (to_peers, peers) = mpsc::unbounded();
                (self.connections, self.peers.connections) = (control, to_peers);
                let task = self.run_connections(connections::Ports {
                    cache: conn_cache,
                    parser: conn_parser,
                    crypto: conn_crypto,
                    page,
                    peers,
                });
                self.executor.replace(number, task);
                let _ = self.peers.cache.unbounded_send(cache::NewPeer::Connections(cache));
                let _ = self.peers.parser.unbounded_send(parser::NewPeer::Connections(parser));
                let _ = self.peers.crypto.unbounded_send(crypto::NewPeer::Connections(crypto));
            }
            Role::Cache => {
                let (cache_conn, connections) = pair("cacheToConn", ports);
                let (cache_parser, parser) = pair("parserToCache", ports);
                let (page, control) = pair("control", ports);
                let (to_peers, peers) = mpsc::unbounded();
                (self.cache, self.peers.cache) = (control, to_peers);
                let task = self.run_cache(cache::Ports {
                    parser: cache_parser,
                    connections: cache_conn,
                    page,
                    peers,
                });
                self.executor.replace(number, task);
                let _ = self
                    .peers
                    .connections
                    .unbounded_send(connections::NewPeer::Cache(connections));
                let _ = self.peers.parser.unbounded_send(parser::NewPeer::Cache(parser));
            }
            Role::Parser => {
                let (parser_cache, cache) = pair("parserToCache", ports);
                let (parser_conn, connections) = pair("connToParser", ports);
                let (parser_crypto, crypto) = pair("parserToCrypto", ports);
                let (page, control) = pair("control", ports);
                let (to_peers, peers) = mpsc::unbounded();
                (self.parser, self.peers.parser) = (control, to_peers);
                let task = self.run_parser(parser::Ports {
                    page,
                    crypto: parser_crypto,
                    cache: parser_cache,
                    connections: parser_conn,
                    peers,
                });
                self.executor.replace(number, task);
                let _ = self.peers.cache.unbounded_send(cache::NewPeer::Parser(cache));
                let _ = self
                    .peers
                    .connections
                    .unbounded_send(connections::NewPeer::Parser(connections));
                let _ = self.peers.crypto.unbounded_send(crypto::NewPeer::Parser(crypto));
            }
            Role::Crypto => {
                let (crypto_parser, parser) = pair("parserToCrypto", ports);
                let (crypto_conn, connections) = pair("cryptoToConn", ports);
                let (page, signer) = pair("cryptoToMain", ports);
                let (control, to_crypto) = pair("control", ports);
                let (to_peers, peers) = mpsc::unbounded();
                (self.crypto, self.peers.crypto, self.signer) = (to_crypto, to_peers, signer);
                let task = self.run_crypto(crypto::Ports {
                    control,
                    page,
                    parser: crypto_parser,
                    connections: crypto_conn,
                    peers,
                });
                self.executor.replace(number, task);
                let port = parser;
                let _ = self
                    .peers
                    .parser
                    .unbounded_send(parser::NewPeer::Crypto { port, ask_again });
                let _ = self
                    .peers
                    .connections
                    .unbounded_send(connections::NewPeer::Crypto(connections));
            }
        }
    }

    /// Lets roles take so many turns, or fewer if none can go on.
    pub fn turns(&mut self, turns: usize) {
        self.flush();
        for _ in 0..turns {
            self.executor.turn();
        }
    }

    fn flush(&mut self) {
        self.parser.flush(Millis(0));
        self.connections.flush(Millis(0));
        self.cache.flush(Millis(0));
        self.crypto.flush(Millis(0));
        self.signer.flush(Millis(0));
    }

    /// Lets every role work until none can go on. Time stands still. Returns how many roles are alive.
    pub fn drive(&mut self) -> usize {
        self.flush();
        loop {
            let alive = self.executor.run();
            if !self.let_through(usize::MAX) {
                return alive;
            }
        }
    }

    /// Lets so many frames of each relay arrive. False if none was under way.
    pub fn let_through(&mut self, frames: usize) -> bool {
        let mut relays = self.relays.borrow_mut();
        let Relays {
            open, pipes, stalled, ..
        } = &mut *relays;
        let mut any = false;
        for (socket, pipe) in pipes {
            if open.get(socket).is_none_or(|relay| stalled.contains(relay)) {
                continue;
            }
            for text in pipe.drain(..frames.min(pipe.len())) {
                any = true;
                let event = SocketEvent::Text { socket: *socket, text };
                self.socket_events.unbounded_send(event).unwrap();
            }
        }
        any
    }

    /// From now on what the relay sends stays under way, or does not.
    pub fn stall(&mut self, name: &str, stalled: bool) {
        let mut relays = self.relays.borrow_mut();
        match stalled {
            true => relays.stalled.insert(url(name)),
            false => relays.stalled.remove(&url(name)),
        };
    }

    /// The clock stands later all at once, as after a sleep of the machine.
    pub fn jump(&mut self, ms: u64) {
        let mut time = self.time.borrow_mut();
        time.now.mono = time.now.mono + ms;
        time.now.unix = UnixSeconds(time.now.unix.0 + ms / 1000);
        let now = time.now.mono;
        time.wake_due(now);
    }

    pub fn now(&self) -> UnixSeconds {
        self.time.borrow().now.unix
    }

    /// Moves the clock, stopping at every alarm on the way.
    pub fn advance(&mut self, ms: u64) {
        let end = self.time.borrow().now.mono + ms;
        let mut stops = 0;
        loop {
            self.drive();
            stops += 1;
            assert!(stops < 1_000 + 10 * ms, "an alarm that does not go off");
            let mut time = self.time.borrow_mut();
            let next = time.alarms.values().map(|(at, _)| *at).min().filter(|at| *at <= end);
            let to = next.unwrap_or(end);
            let passed = to.since(time.now.mono);
            time.now.unix = UnixSeconds(time.now.unix.0 + passed.div_ceil(1000).min(passed));
            time.now.mono = time.now.mono.max(to);
            time.wake_due(to);
            drop(time);
            if next.is_none() {
                break;
            }
        }
        self.drive();
    }

    pub fn subscribe(&mut self, name: &str, subscribe: Subscribe) {
        self.tell(PageToParser::Subscribe {
            sub: sub(name),
            subscribe,
        });
    }

    /// Tells the parser something and lets everybody work.
    pub fn tell(&mut self, message: PageToParser) {
        self.parser.try_send(message).unwrap();
        self.drive();
    }

    /// Tells the parser something, with nobody else at work yet; without credit lets it work a little and hands the
    /// message back, to be offered again once the page has read: that is when credit is taken.
    pub fn offer(&mut self, message: PageToParser) -> Option<PageToParser> {
        let unsent = self.parser.try_send(message).err();
        if unsent.is_some() {
            self.turns(50);
        }
        unsent
    }

    /// What the page has read of a subscription since the last call.
    pub fn read(&mut self, name: &str) -> Vec<ParserToPage> {
        self.page.borrow_mut().read.remove(&sub(name)).unwrap_or_default()
    }

    /// From now on the page takes so many messages, or any number.
    pub fn page_takes(&mut self, room: Option<usize>) {
        self.page_will_take(room);
        self.drive();
    }

    /// The same, with nobody working on it yet.
    pub fn page_will_take(&mut self, room: Option<usize>) {
        let mut page = self.page.borrow_mut();
        page.room = room;
        let full = std::mem::take(&mut page.full);
        page.writable.extend(full);
        if let Some(waker) = page.waker.take() {
            waker.wake();
        }
    }

    /// What the parser has reported about publishes and relays.
    pub fn reports(&mut self) -> Vec<ParserReport> {
        let mut reports = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(received)) = self.parser.poll_next_unpin(&mut cx) {
            if let Received::Message(report) = received {
                reports.push(report);
            }
        }
        self.parser.grant();
        reports
    }

    /// What the crypto role has said to the page since the last call.
    pub fn signer_says(&mut self) -> Vec<CryptoToPage> {
        let mut said = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(received)) = self.signer.poll_next_unpin(&mut cx) {
            if let Received::Message(message) = received {
                said.push(message);
            }
        }
        self.signer.grant();
        said
    }

    /// Tells the crypto role something and lets everybody work.
    pub fn tell_signer(&mut self, message: PageToCrypto) {
        self.signer.try_send(message).unwrap();
        self.drive();
    }

    /// The answer to a signer command.
    pub fn sign(&mut self, message: PageToCrypto) -> CryptoToPage {
        self.signer.try_send(message).unwrap();
        self.drive();
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.signer.poll_next_unpin(&mut cx) {
                Poll::Ready(Some(Received::Message(answer))) => return answer,
                Poll::Ready(Some(_)) => {}
                other => panic!("no answer: {other:?}"),
            }
        }
    }

    pub fn relay<T>(&mut self, name: &str, look: impl FnOnce(&mut ScriptedRelay) -> T) -> T {
        look(self.relays.borrow_mut().hosts.get_mut(&url(name)).unwrap())
    }

    /// From now on HTTP requests are answered by `server`.
    pub fn serve(&mut self, server: Server) {
        *self.server.borrow_mut() = server;
    }

    /// Somebody else publishes to the relay.
    pub fn publish_at(&mut self, name: &str, event: nostr_ferry::nostr::event::RawEvent) {
        self.hand_in(name, event);
        self.drive();
    }

    /// The same, with nobody working on it yet.
    pub fn hand_in(&mut self, name: &str, event: nostr_ferry::nostr::event::RawEvent) {
        let mut relays = self.relays.borrow_mut();
        let frames = relays.hosts.get_mut(&url(name)).unwrap().publish(event);
        drop(relays);
        self.say_at(name, frames);
    }

    /// The relay says something, if anybody listens; with nobody working on it yet.
    pub fn say_at(&mut self, name: &str, frames: Vec<String>) {
        let mut relays = self.relays.borrow_mut();
        let mut open = relays.open.iter();
        let socket = open.find(|(_, relay)| **relay == url(name)).map(|(socket, _)| *socket);
        if let Some(socket) = socket {
            say(&mut relays, &self.socket_events, socket, frames);
        }
    }

    /// Cuts the sockets to the relay; while it is down nobody connects.
    pub fn cut(&mut self, name: &str, down: bool) {
        self.cut_unseen(name, down);
        self.drive();
    }

    /// The same, with nobody working on it yet.
    pub fn cut_unseen(&mut self, name: &str, down: bool) {
        let mut relays = self.relays.borrow_mut();
        if down {
            relays.down.insert(url(name));
        } else {
            relays.down.remove(&url(name));
        }
        let sockets: Vec<SocketId> = relays
            .open
            .iter()
            .filter(|(_, relay)| **relay == url(name))
            .map(|(socket, _)| *socket)
            .collect();
        for socket in sockets {
            relays.hang_up(socket);
            let closed = SocketEvent::Closed {
                socket,
                code: 1006,
                reason: String::new(),
            };
            self.socket_events.unbounded_send(closed).unwrap();
        }
    }

    pub fn status(&self, name: &str) -> ConnectionStatus {
        self.statuses.borrow()[&url(name)].clone()
    }
}
