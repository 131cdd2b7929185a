//! The connections core and scripted relays on a clock moved by hand: every frame takes no time, nothing sleeps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nostr_ferry::connections::{Config, Connections, Input, Outbox, SocketCommand, SocketEvent, SocketId};
use nostr_ferry::message::{ConnectionStatus, Envelope, ParserToConnections, RelayMessage, SubId};
use nostr_ferry::nostr::event::{EventId, RawEvent, claimed_id};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::frame::ClientFrame;
use nostr_ferry::nostr::relay_url::RelayUrl;
use nostr_ferry::time::{Millis, Now, UnixSeconds};

use super::relay::ScriptedRelay;

/// What happens to one who dials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    #[default]
    Open,
    Refuses,
    /// The browser does not even try.
    Forbidden,
    /// Accepts, then closes.
    Slams,
    /// Never answers.
    Silent,
}

/// One relay and the socket to it.
#[derive(Default)]
pub struct Host {
    pub relay: ScriptedRelay,
    pub door: Door,
    pub socket: Option<SocketId>,
    /// Frames under way to the client.
    pub pipe: VecDeque<String>,
    /// False: frames stay in the pipe.
    pub stalled: bool,
    /// Its NIP-11 document.
    pub limits: Option<String>,
}

/// The world of one core.
pub struct Net {
    pub core: Connections,
    pub out: Outbox,
    pub now: Now,
    pub hosts: BTreeMap<RelayUrl, Host>,
    /// What the parser has been handed.
    pub parser: Vec<RelayMessage>,
    pub crypto: Vec<RelayMessage>,
    /// The latest state of each relay, as the page knows it.
    pub statuses: BTreeMap<RelayUrl, ConnectionStatus>,
    /// False: the parser gives no credit.
    pub parser_reads: bool,
    /// Messages the parser still takes although it gives no further credit.
    pub parser_takes: usize,
    /// The most sockets that were being opened at a time.
    pub most_dialling: usize,
    /// Sockets opened, in all.
    pub dials: usize,
    dialling: Vec<SocketId>,
}

pub fn url(name: &str) -> RelayUrl {
    RelayUrl::parse(&format!("wss://{name}")).unwrap()
}

pub fn sub(text: &str) -> SubId {
    SubId::new(text).unwrap()
}

impl Net {
    pub fn new(config: Config) -> Net {
        Net {
            core: Connections::new(config),
            out: Outbox::default(),
            now: Now {
                mono: Millis(1_000_000),
                unix: UnixSeconds(1_700_000_000),
            },
            hosts: BTreeMap::new(),
            parser: Vec::new(),
            crypto: Vec::new(),
            statuses: BTreeMap::new(),
            parser_reads: true,
            parser_takes: 0,
            most_dialling: 0,
            dials: 0,
            dialling: Vec::new(),
        }
    }

    pub fn add(&mut self, name: &str, relay: ScriptedRelay) -> RelayUrl {
        let relay = Host {
            relay,
            ..Host::default()
        };
        self.hosts.insert(url(name), relay);
        url(name)
    }

    pub fn host(&mut self, relay: &RelayUrl) -> &mut Host {
        self.hosts.get_mut(relay).unwrap()
    }

    pub fn input(&mut self, input: Input) {
        self.core.handle(self.now, input, &mut self.out);
        self.drive();
    }

    /// The cache sends `frame` to `relays`.
    pub fn send(&mut self, relays: &[RelayUrl], frame: ClientFrame) {
        let (relays, frames) = (relays.to_vec(), vec![frame]);
        self.input(Input::Cache(Envelope { relays, frames }));
    }

    pub fn req(&mut self, relays: &[RelayUrl], id: &str, filters: &[Filter]) {
        let (sub, filters) = (sub(id), filters.to_vec());
        self.send(relays, ClientFrame::Req { sub, filters });
    }

    pub fn parser_says(&mut self, message: ParserToConnections) {
        self.input(Input::Parser(message));
    }

    /// Somebody publishes at `relay`.
    pub fn publish(&mut self, relay: &RelayUrl, event: RawEvent) {
        let host = self.host(relay);
        let frames = host.relay.publish(event);
        if host.socket.is_some() {
            host.pipe.extend(frames);
        }
    }

    /// The relay sends a frame that nothing asked for.
    pub fn say(&mut self, relay: &RelayUrl, text: &str) {
        self.host(relay).pipe.push_back(text.to_owned());
        self.drive();
    }

    /// Cuts the socket to `relay`; what was under way is lost.
    pub fn cut(&mut self, relay: &RelayUrl) {
        let host = self.host(relay);
        host.pipe.clear();
        if let Some(socket) = host.socket.take() {
            self.input(Input::Socket(SocketEvent::Closed {
                socket,
                code: 1006,
                reason: String::new(),
            }));
        }
    }

    /// Everything happens that happens without time passing.
    pub fn drive(&mut self) {
        while self.step(usize::MAX) {}
    }

    /// Carries out commands, delivers at most `frames` frames of each relay, and lets the peers read. False if nothing happened.
    pub fn step(&mut self, frames: usize) -> bool {
        let mut any = false;
        while let Some(command) = self.out.sockets.pop_front() {
            any = true;
            self.carry_out(command);
        }
        let hosts: Vec<RelayUrl> = self.hosts.keys().cloned().collect();
        for relay in hosts {
            for _ in 0..frames {
                let host = self.host(&relay);
                let Some(socket) = host.socket.filter(|_| !host.stalled) else {
                    break;
                };
                let Some(text) = host.pipe.pop_front() else { break };
                any = true;
                let event = SocketEvent::Text { socket, text };
                self.core.handle(self.now, Input::Socket(event), &mut self.out);
                self.deliver();
                if !self.out.sockets.is_empty() {
                    break;
                }
            }
        }
        any | self.deliver()
    }

    /// The parser takes some of what waits for it.
    pub fn take(&mut self, messages: usize) {
        self.parser_takes = messages;
        self.drive();
    }

    /// Lets time pass, stopping at every alarm on the way.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        loop {
            let alarm = self.core.next_timeout().filter(|alarm| *alarm <= end);
            let to = alarm.unwrap_or(end).max(self.now.mono);
            self.set_clock(to);
            if alarm.is_none() {
                return self.drive();
            }
            self.input(Input::Timeout);
            let next = self.core.next_timeout();
            assert!(
                next.is_none_or(|next| next > to),
                "an alarm that does not go off: {next:?} at {to:?}"
            );
        }
    }

    /// Lets time pass without emptying the pipes.
    pub fn advance_stepwise(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        self.set_clock(end);
        if self.core.next_timeout().is_some_and(|alarm| alarm <= end) {
            self.core.handle(self.now, Input::Timeout, &mut self.out);
        }
        self.step(1);
    }

    /// The ids of the events handed to the parser for the subscription `id`.
    pub fn ids(&self, id: &str) -> BTreeSet<EventId> {
        self.parser
            .iter()
            .filter_map(|message| match message {
                RelayMessage::Event { sub, json, .. } if sub.as_str() == id => claimed_id(json),
                _ => None,
            })
            .collect()
    }

    /// The parser's messages in short, events aside.
    pub fn words(&self) -> Vec<String> {
        self.parser
            .iter()
            .filter(|m| !matches!(m, RelayMessage::Event { .. }))
            .map(in_short)
            .collect()
    }

    fn set_clock(&mut self, to: Millis) {
        let seconds = to.0 / 1000 - self.now.mono.0 / 1000;
        self.now.unix = UnixSeconds(self.now.unix.0 + seconds);
        self.now.mono = to;
    }

    fn carry_out(&mut self, command: SocketCommand) {
        match command {
            SocketCommand::Open { socket, relay } => {
                self.dials += 1;
                self.dialling.push(socket);
                self.most_dialling = self.most_dialling.max(self.dialling.len());
                let Some(host) = self.hosts.get_mut(&relay) else {
                    return self.dialled(socket, SocketEvent::Failed { socket });
                };
                match host.door {
                    Door::Silent => {}
                    Door::Refuses => self.dialled(socket, SocketEvent::Failed { socket }),
                    Door::Forbidden => self.dialled(socket, SocketEvent::Forbidden { socket }),
                    Door::Slams => {
                        self.dialled(socket, SocketEvent::Opened { socket });
                        let (code, reason) = (1013, "try again later".to_owned());
                        let closed = SocketEvent::Closed { socket, code, reason };
                        self.core.handle(self.now, Input::Socket(closed), &mut self.out);
                    }
                    Door::Open => {
                        host.socket = Some(socket);
                        host.pipe = host.relay.connect().into();
                        self.dialled(socket, SocketEvent::Opened { socket });
                    }
                }
            }
            SocketCommand::Send { socket, text } => {
                if let Some(host) = self.hosts.values_mut().find(|host| host.socket == Some(socket)) {
                    let frames = host.relay.receive(&text);
                    host.pipe.extend(frames);
                }
            }
            SocketCommand::Close { socket, .. } => {
                self.dialling.retain(|dialling| *dialling != socket);
                if let Some(host) = self.hosts.values_mut().find(|host| host.socket == Some(socket)) {
                    host.socket = None;
                    host.pipe.clear();
                }
            }
            SocketCommand::FetchLimits { relay } => {
                let json = self.hosts.get(&relay).and_then(|host| host.limits.clone());
                let limits = SocketEvent::Limits { relay, json };
                self.core.handle(self.now, Input::Socket(limits), &mut self.out);
            }
        }
    }

    fn dialled(&mut self, socket: SocketId, event: SocketEvent) {
        self.dialling.retain(|dialling| *dialling != socket);
        self.core.handle(self.now, Input::Socket(event), &mut self.out);
    }

    /// Lets the peers and the page take what there is for them.
    fn deliver(&mut self) -> bool {
        let (parser, crypto) = (&mut self.parser, &mut self.crypto);
        let (reads, takes) = (self.parser_reads, &mut self.parser_takes);
        let mut any = self.out.parser.deliver(|message| {
            if !reads && *takes == 0 {
                return Err(message);
            }
            *takes = takes.saturating_sub(1);
            parser.push(message);
            Ok(())
        });
        any |= self.out.crypto.deliver(|message| {
            crypto.push(message);
            Ok(())
        });
        while let Some((relay, status)) = self.out.statuses.pop_first() {
            self.statuses.insert(relay, status);
        }
        if any {
            self.core.handle(self.now, Input::Drained, &mut self.out);
        }
        any
    }
}

/// A message in a few words.
pub fn in_short(message: &RelayMessage) -> String {
    match message {
        RelayMessage::Event { sub, json, .. } => format!("EVENT {sub} {json}"),
        RelayMessage::Eose { sub, .. } => format!("EOSE {sub}"),
        RelayMessage::Closed { sub, reason, .. } => format!("CLOSED {sub} {reason}"),
        RelayMessage::Ok { accepted, reason, .. } => format!("OK {accepted} {reason}"),
        RelayMessage::Notice { message, .. } => format!("NOTICE {message}"),
        RelayMessage::Auth { challenge, .. } => format!("AUTH {challenge}"),
        RelayMessage::Count { sub, count, .. } => format!("COUNT {sub} {count}"),
        RelayMessage::Sent { .. } => "SENT".into(),
        RelayMessage::Unsent { reason, .. } => format!("UNSENT {reason}"),
        RelayMessage::Unreachable { sub, reason, .. } => format!("UNREACHABLE {sub} {reason}"),
    }
}
