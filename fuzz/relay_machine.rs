//! The connections core under any sequence of relay frames, cuts, requests and pauses, held to what must always be so.
//!
//! Shared by the fuzz target and by `tests/relay_machine.rs`. Bytes are read as a script; every script is a valid one.

// This is a test's half: what it cannot do without ends the test.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use nostr_ferry::connections::{Config, Connections, Input, Outbox, SocketCommand, SocketEvent, SocketId};
use nostr_ferry::message::{Envelope, PageToConnections, ParserToConnections, RelayFault, RelayMessage, SubId};
use nostr_ferry::nostr::event::EventId;
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::frame::ClientFrame;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::nostr::relay_url::RelayUrl;
use nostr_ferry::time::{Millis, Now, UnixSeconds};

const SPOOL_BYTES: usize = 4_096;
/// What may wait beyond the budget: the frame that went over it, and words about each of the subscriptions.
const SPOOL_SLACK: usize = 8_192;
/// Frames that are nearly right: `s` stands for a subscription, `#` for a number of the script's.
const FRAMES: [&str; 20] = [
    r##"["EVENT","s",{"id":"#","created_at":17000000#,"kind":1}]"##,
    r##"["EVENT","s",{"created_at":99999999999999999999}]"##,
    r##"["EVENT","s",{}]"##,
    r##"["EVENT","nobody",{}]"##,
    r##"["EOSE","s"]"##,
    r##"["EOSE","s",#]"##,
    r##"["CLOSED","s","error: #"]"##,
    r##"["CLOSED","s","auth-required: #"]"##,
    r##"["CLOSED","s","rate-limited: #"]"##,
    r##"["CLOSED","s","restricted: #"]"##,
    r##"["CLOSED","s","unsupported: too many filters"]"##,
    r##"["AUTH","#"]"##,
    r##"["AUTH",""]"##,
    r##"["OK","0000000000000000000000000000000000000000000000000000000000000000",true,"#"]"##,
    r##"["OK","0000000000000000000000000000000000000000000000000000000000000000",false,"auth-required: "]"##,
    r##"["NOTICE","#"]"##,
    r##"["COUNT","s",{"count":#}]"##,
    r##"["COUNT","s",{"count":-1}]"##,
    r##"["WHAT","s"]"##,
    r##"["EVENT","s","#"##,
];

/// Runs `script` and asserts after every step what must always hold, and at the end that nothing is left.
///
/// Returns the core's counters, by which one sees how far scripts get.
pub fn check(script: &[u8]) -> Vec<(String, u64)> {
    let mut world = World::new();
    let mut bytes = script.iter().copied();
    while let Some(op) = bytes.next() {
        world.step(op, &mut bytes);
        world.settle();
    }
    world.finish();
    world.core.counters()
}

struct World {
    core: Connections,
    out: Outbox,
    now: Now,
    relays: Vec<RelayUrl>,
    /// Sockets that were opened and not yet closed by either side, and whether they can be sent to.
    sockets: BTreeMap<SocketId, bool>,
    /// Subscriptions that somebody wants.
    subs: BTreeSet<SubId>,
    last_socket: Option<SocketId>,
    numbers: u32,
}

impl World {
    fn new() -> World {
        let config = Config {
            spool_bytes: SPOOL_BYTES,
            max_sockets: 2,
            max_dialling: 2,
            max_faults: 20,
            page_events: 4,
            ..Config::default()
        };
        let url = |name| RelayUrl::parse(name).expect("it is an address");
        World {
            core: Connections::new(config),
            out: Outbox::default(),
            now: Now {
                mono: Millis(1_000_000),
                unix: UnixSeconds(1_700_000_500),
            },
            relays: vec![url("wss://a"), url("wss://b"), url("wss://c")],
            sockets: BTreeMap::new(),
            subs: BTreeSet::new(),
            last_socket: None,
            numbers: 0,
        }
    }

    fn step(&mut self, op: u8, bytes: &mut impl Iterator<Item = u8>) {
        let mut next = || bytes.next().unwrap_or(0);
        match op % 16 {
            0 | 1 => self.ask(next(), next()),
            2 => self.close(next()),
            3 | 4 => self.on_socket(next(), true, |socket| SocketEvent::Opened { socket }),
            5 => self.on_socket(next(), true, |socket| match socket.0 % 2 {
                0 => SocketEvent::Failed { socket },
                _ => SocketEvent::Forbidden { socket },
            }),
            6 => self.on_socket(next(), false, |socket| SocketEvent::Closed {
                socket,
                code: 1006,
                reason: String::new(),
            }),
            7..=9 => {
                let (which, frame, sub) = (next(), next(), next());
                let text = self.frame(frame, sub);
                self.on_socket(which, false, |socket| SocketEvent::Text { socket, text });
            }
            10 => {
                let (which, length) = (next(), next());
                let raw: Vec<u8> = (0..length % 32).map(|_| next()).collect();
                let text = String::from_utf8_lossy(&raw).into_owned();
                self.on_socket(which, false, |socket| SocketEvent::Text { socket, text });
            }
            11 => {
                let (which, what) = (next(), next());
                self.on_socket(which, false, |socket| match what % 3 {
                    0 => SocketEvent::Binary { socket },
                    1 => SocketEvent::TooLong { socket },
                    _ => SocketEvent::Overflowed { socket },
                });
            }
            12 => self.pause(1 << (next() % 20)),
            13 => self.take(usize::from(next())),
            14 => self.on_parser(next(), next()),
            _ => self.on_page(next(), next()),
        }
    }

    fn ask(&mut self, which: u8, what: u8) {
        let sub = sub(which);
        let filter = Filter {
            kinds: Some(vec![Kind(u16::from(what % 3))]),
            limit: (what & 8 != 0).then_some(u32::from(what >> 4)),
            ..Filter::default()
        };
        let filters = vec![filter; usize::from(what % 2) + 1];
        let frame = if what & 4 == 0 {
            self.subs.insert(sub.clone());
            ClientFrame::Req { sub, filters }
        } else {
            ClientFrame::Count { sub, filters }
        };
        let relays = self.relays.iter().take(usize::from(which >> 6) + 1).cloned().collect();
        self.envelope(relays, frame);
    }

    fn close(&mut self, which: u8) {
        let sub = sub(which);
        self.subs.remove(&sub);
        self.envelope(self.relays.clone(), ClientFrame::Close { sub });
    }

    fn envelope(&mut self, relays: Vec<RelayUrl>, frame: ClientFrame) {
        let frames = vec![frame];
        self.input(Input::Cache(Envelope { relays, frames }));
    }

    /// Something happens to one of the sockets that are dialling, or to one of the others.
    fn on_socket(&mut self, which: u8, dialling: bool, event: impl FnOnce(SocketId) -> SocketEvent) {
        let able: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, open)| **open != dialling)
            .map(|(id, _)| *id)
            .collect();
        // What an old socket still says must harm nobody.
        let socket = able
            .get(usize::from(which) % able.len().max(1))
            .copied()
            .unwrap_or(SocketId(u64::from(which)));
        let event = event(socket);
        match &event {
            SocketEvent::Opened { .. } => {
                self.sockets.entry(socket).and_modify(|open| *open = true);
            }
            // After `Overflowed` the core has the last word, as it has with sockets it closes for its own reasons.
            SocketEvent::Closed { .. } | SocketEvent::Failed { .. } | SocketEvent::Forbidden { .. } => {
                self.sockets.remove(&socket);
            }
            SocketEvent::Overflowed { .. }
            | SocketEvent::Text { .. }
            | SocketEvent::Binary { .. }
            | SocketEvent::TooLong { .. }
            | SocketEvent::Limits { .. } => {}
        }
        self.input(Input::Socket(event));
    }

    fn frame(&mut self, frame: u8, which: u8) -> String {
        self.numbers += 1;
        let template = FRAMES[usize::from(frame) % FRAMES.len()];
        template
            .replace("\"s\"", &format!("\"{}\"", sub(which).as_str()))
            .replace('#', &self.numbers.to_string())
    }

    fn pause(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        loop {
            let alarm = self.core.next_timeout().filter(|alarm| *alarm <= end);
            let to = alarm.unwrap_or(end).max(self.now.mono);
            self.now.unix = UnixSeconds(self.now.unix.0 + to.0 / 1000 - self.now.mono.0 / 1000);
            self.now.mono = to;
            if alarm.is_none() {
                return;
            }
            self.input(Input::Timeout);
            self.settle();
            let next = self.core.next_timeout();
            assert!(
                next.is_none_or(|next| next > to),
                "an alarm that does not go off: {next:?} at {to:?}"
            );
        }
    }

    /// The parser takes at most `room` messages.
    fn take(&mut self, mut room: usize) {
        let subs = &self.subs;
        let took = self.out.parser.deliver(|message| {
            if room == 0 {
                return Err(message);
            }
            room -= 1;
            if let RelayMessage::Event { json, .. } = &message {
                assert!(json.starts_with('{') && json.ends_with('}'), "{json}");
                assert!(subs.len() <= 4);
            }
            Ok(())
        });
        if took {
            self.input(Input::Drained);
        }
    }

    fn on_parser(&mut self, which: u8, what: u8) {
        let relay = self.relays[usize::from(which) % 3].clone();
        let fault = match what % 4 {
            0 => RelayFault::Malformed,
            1 => RelayFault::Forged,
            2 => RelayFault::Unmatched,
            _ => {
                return self.input(Input::Parser(ParserToConnections::Verified {
                    ids: vec![EventId([what; 32])],
                }));
            }
        };
        self.input(Input::Parser(ParserToConnections::Misbehaved { relay, fault }));
    }

    fn on_page(&mut self, which: u8, what: u8) {
        if what.is_multiple_of(2) {
            return self.input(Input::Page(PageToConnections::Online));
        }
        let relay = self.relays[usize::from(which) % 3].clone();
        let json = (what % 4 == 1).then(|| {
            let (subs, filters, limit) = (what >> 6, what >> 4 & 3, what >> 2 & 3);
            format!(r#"{{"limitation":{{"max_subscriptions":{subs},"max_filters":{filters},"max_limit":{limit}}}}}"#)
        });
        self.input(Input::Socket(SocketEvent::Limits { relay, json }));
    }

    fn input(&mut self, input: Input) {
        self.core.handle(self.now, input, &mut self.out);
    }

    /// Carries out what the core asks of sockets, and asserts what always holds.
    fn settle(&mut self) {
        while let Some(command) = self.out.sockets.pop_front() {
            match command {
                SocketCommand::Open { socket, .. } => {
                    assert!(self.last_socket < Some(socket), "a socket's number is used again");
                    self.last_socket = Some(socket);
                    self.sockets.insert(socket, false);
                }
                SocketCommand::Send { socket, text } => {
                    assert_eq!(
                        self.sockets.get(&socket),
                        Some(&true),
                        "{text} goes to a socket that is not open"
                    );
                    assert!(ClientFrame::from_json(&text).is_ok(), "{text}");
                }
                SocketCommand::Close { socket, .. } => {
                    assert!(self.sockets.remove(&socket).is_some(), "{socket:?} is closed twice");
                }
                SocketCommand::FetchLimits { .. } => {}
            }
        }
        assert!(self.sockets.len() <= 2, "more sockets than allowed: {:?}", self.sockets);
        for relay in &self.relays {
            let waiting = self.out.waiting_bytes(relay);
            assert!(waiting <= SPOOL_BYTES + SPOOL_SLACK, "{waiting} bytes of {relay} wait");
        }
        assert!(self.out.statuses.len() <= self.relays.len());
    }

    /// Everything is closed and taken: then no socket is left, no message waits, and nothing will happen any more.
    fn finish(&mut self) {
        for which in 0..4 {
            self.close(which);
            self.settle();
        }
        for _ in 0..4 {
            self.take(usize::MAX);
            self.settle();
            self.pause(400_000);
        }
        self.take(usize::MAX);
        assert!(self.sockets.is_empty(), "{:?} are never closed", self.sockets);
        assert!(self.out.parser.is_empty() && self.out.crypto.is_empty());
        assert_eq!(self.core.next_timeout(), None, "an alarm without a cause");
    }
}

fn sub(which: u8) -> SubId {
    SubId::new(["s0", "s1", "s2", "s3"][usize::from(which) % 4]).expect("it is short")
}
