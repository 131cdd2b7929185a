//! A relay in memory that answers frames as NIP-01, NIP-42 and NIP-45 say, and can be told to be a difficult one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use nostr_ferry::message::SubId;
use nostr_ferry::nostr::event::{Event, EventId, Pubkey, RawEvent, Signature, UnsignedEvent};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::frame::ClientFrame;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::time::UnixSeconds;
use secp256k1::{Keypair, SecretKey};

/// When a relay asks for NIP-42, and what it makes of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthRule {
    /// It never asks.
    #[default]
    Never,
    /// It serves nobody who has not authenticated, and challenges when they connect.
    Required,
    /// The same, but it never answers AUTH with OK.
    RequiredWithoutOk,
    /// It takes no answer at all.
    Refused,
    /// It challenges when a client connects, and serves everybody.
    Optional,
    /// It says OK to an answer and goes on refusing.
    Loop,
}

/// How the relay behaves. The default is a relay without limits.
#[derive(Clone, Debug)]
pub struct Manners {
    pub auth: AuthRule,
    /// Stored events in one filter's answer at most, whatever its `limit`.
    pub max_limit: usize,
    /// REQs open at a time; more are refused with CLOSED.
    pub max_subscriptions: usize,
    /// False: an answer's end is never announced.
    pub says_eose: bool,
    /// False: events are not answered with OK.
    pub says_ok: bool,
    /// Some: every REQ and COUNT is refused with this reason.
    pub refuses: Option<String>,
    /// So many NOTICEs come before the answer to every REQ.
    pub notices: usize,
    /// Some: every EVENT is rejected with this reason.
    pub rejects: Option<String>,
    /// False: COUNT is answered with a NOTICE.
    pub counts: bool,
    /// False: stored events come oldest first.
    pub newest_first: bool,
    /// EOSE, OK and COUNT are said twice, and each OK comes with one for an event that nobody sent.
    pub stutters: bool,
}

/// What a REQ has coming to it.
#[derive(Clone, Debug)]
pub struct Owed {
    pub filters: Vec<Filter>,
    /// The stored events of its first answer.
    pub first: BTreeSet<EventId>,
    /// They are all that match: no limit has left any out.
    pub whole: bool,
    /// The client has had the answer's end.
    pub heard: bool,
    /// What has been published since.
    pub since: BTreeSet<EventId>,
}

impl Default for Manners {
    fn default() -> Self {
        Manners {
            auth: AuthRule::Never,
            max_limit: usize::MAX,
            max_subscriptions: usize::MAX,
            says_eose: true,
            says_ok: true,
            refuses: None,
            notices: 0,
            rejects: None,
            counts: true,
            newest_first: true,
            stutters: false,
        }
    }
}

/// One relay with at most one client.
#[derive(Default)]
pub struct ScriptedRelay {
    pub manners: Manners,
    /// In the order relays answer: newest first, then lowest id.
    events: BTreeMap<(Reverse<UnixSeconds>, EventId), RawEvent>,
    subs: BTreeMap<SubId, Vec<Filter>>,
    authenticated: bool,
    connections: u64,
    /// What the client sent, on all connections.
    pub received: Vec<ClientFrame>,
    /// By the client's subscription id: what it has coming to it since it was first served, whatever became of it.
    pub owed: BTreeMap<SubId, Owed>,
}

impl ScriptedRelay {
    pub fn new(manners: Manners) -> ScriptedRelay {
        ScriptedRelay {
            manners,
            ..ScriptedRelay::default()
        }
    }

    /// Stores events as if they had always been there.
    pub fn store(&mut self, events: impl IntoIterator<Item = RawEvent>) {
        for event in events {
            for owed in self.owed.values_mut() {
                // What comes before a limited answer was heard may be crowded out of it when it is asked for again.
                let counts = owed.whole || owed.heard;
                if counts && owed.filters.iter().any(|filter| filter.matches(&event)) {
                    owed.since.insert(event.id);
                }
            }
            self.events.insert((Reverse(event.created_at), event.id), event);
        }
    }

    /// A client connects: the frames it is greeted with.
    pub fn connect(&mut self) -> Vec<String> {
        self.connections += 1;
        self.subs.clear();
        self.authenticated = false;
        match self.manners.auth {
            AuthRule::Never => Vec::new(),
            _ => vec![format!("[\"AUTH\",\"{}\"]", self.challenge())],
        }
    }

    /// An event from somebody else: the frames the client gets.
    pub fn publish(&mut self, event: RawEvent) -> Vec<String> {
        let frames = self
            .subs
            .iter()
            .filter(|(_, filters)| filters.iter().any(|filter| filter.matches(&event)))
            .map(|(sub, _)| event_frame(sub, &event))
            .collect();
        self.store([event]);
        frames
    }

    /// A frame of the client's: the frames it gets for it.
    pub fn receive(&mut self, text: &str) -> Vec<String> {
        let frames = self.answer(text);
        if !self.manners.stutters {
            return frames;
        }
        let mut twice = Vec::new();
        for frame in frames {
            let repeats = ["[\"EOSE", "[\"OK", "[\"COUNT"]
                .iter()
                .any(|label| frame.starts_with(label));
            if frame.starts_with("[\"OK") {
                twice.push(ok(&EventId([7; 32]), true, ""));
            }
            if repeats {
                twice.push(frame.clone());
            }
            twice.push(frame);
        }
        twice
    }

    fn answer(&mut self, text: &str) -> Vec<String> {
        let frame = match ClientFrame::from_json(text) {
            Ok(frame) => frame,
            Err(error) => return vec![format!("[\"NOTICE\",{}]", json(&error.to_string()))],
        };
        self.received.push(frame.clone());
        match frame {
            ClientFrame::Req { sub, filters } => self.on_req(sub, filters),
            ClientFrame::Close { sub } => {
                self.subs.remove(&sub);
                Vec::new()
            }
            ClientFrame::Event(event) => {
                if self.wants_auth() {
                    return vec![ok(&event.id, false, "auth-required: who are you?")];
                }
                if let Some(reason) = &self.manners.rejects {
                    return vec![ok(&event.id, false, reason)];
                }
                let mut frames = self.publish(event.clone().into_raw());
                if self.manners.says_ok {
                    frames.push(ok(&event.id, true, ""));
                }
                frames
            }
            ClientFrame::Auth(event) => self.on_auth(&event),
            ClientFrame::Count { sub, filters } => {
                if self.wants_auth() {
                    return vec![closed(&sub, "auth-required: who are you?")];
                }
                if let Some(reason) = &self.manners.refuses {
                    return vec![closed(&sub, reason)];
                }
                if !self.manners.counts {
                    return vec!["[\"NOTICE\",\"unknown message type COUNT\"]".into()];
                }
                let count = self.matching(&filters).len();
                vec![format!("[\"COUNT\",{},{{\"count\":{count}}}]", json(sub.as_str()))]
            }
        }
    }

    /// The ids of all stored events that match, for comparing.
    pub fn ids(&self, filters: &[Filter]) -> BTreeSet<EventId> {
        self.matching(filters)
    }

    /// How often the client has connected.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// The relay's ids of the subscriptions open now.
    pub fn open_subs(&self) -> Vec<&str> {
        self.subs.keys().map(SubId::as_str).collect()
    }

    /// The client is gone.
    pub fn disconnect(&mut self) {
        self.subs.clear();
    }

    /// Serves the subscription no more, without a word.
    pub fn forget(&mut self, sub: &str) {
        self.subs.retain(|open, _| open.as_str() != sub);
    }

    fn on_req(&mut self, sub: SubId, filters: Vec<Filter>) -> Vec<String> {
        if self.wants_auth() {
            return vec![closed(&sub, "auth-required: who are you?")];
        }
        if let Some(reason) = &self.manners.refuses {
            return vec![closed(&sub, reason)];
        }
        if self.subs.len() >= self.manners.max_subscriptions && !self.subs.contains_key(&sub) {
            return vec![closed(&sub, "error: too many subscriptions")];
        }
        let answer = self.newest(&filters);
        let owed = Owed {
            filters: filters.clone(),
            whole: self.manners.max_limit == usize::MAX && filters.iter().all(|filter| filter.limit.is_none()),
            first: answer.iter().map(|(_, id)| *id).collect(),
            since: BTreeSet::new(),
            heard: false,
        };
        self.owed.entry(sub.clone()).or_insert(owed);
        let notices = (0..self.manners.notices).map(|at| format!("[\"NOTICE\",\"flood {at}\"]"));
        let events = answer.iter().map(|key| event_frame(&sub, &self.events[key]));
        let mut frames: Vec<String> = notices.chain(events).collect();
        if !self.manners.newest_first {
            frames.reverse();
        }
        if self.manners.says_eose {
            frames.push(format!("[\"EOSE\",{}]", json(sub.as_str())));
        }
        self.subs.insert(sub, filters);
        frames
    }

    /// The stored events that answer a REQ now.
    pub fn newest(&self, filters: &[Filter]) -> BTreeSet<(Reverse<UnixSeconds>, EventId)> {
        let mut answer = BTreeSet::new();
        for filter in filters {
            let limit = filter.limit.map_or(usize::MAX, |limit| limit as usize);
            let matching = self.events.iter().filter(|(_, event)| filter.matches(event));
            answer.extend(matching.map(|(key, _)| *key).take(limit.min(self.manners.max_limit)));
        }
        answer
    }

    fn on_auth(&mut self, event: &RawEvent) -> Vec<String> {
        let answers = event.kind == Kind::AUTH && event.tag_value("challenge") == Some(self.challenge().as_str());
        match self.manners.auth {
            AuthRule::Never | AuthRule::Refused => vec![ok(&event.id, false, "restricted: not you")],
            _ if !answers => vec![ok(&event.id, false, "invalid: not an answer to the challenge")],
            AuthRule::Loop => vec![ok(&event.id, true, ""), "[\"AUTH\",\"again\"]".into()],
            AuthRule::RequiredWithoutOk => {
                self.authenticated = true;
                Vec::new()
            }
            AuthRule::Required | AuthRule::Optional => {
                self.authenticated = true;
                vec![ok(&event.id, true, "")]
            }
        }
    }

    fn wants_auth(&self) -> bool {
        !self.authenticated && !matches!(self.manners.auth, AuthRule::Never | AuthRule::Optional)
    }

    fn challenge(&self) -> String {
        format!("challenge {}", self.connections)
    }

    fn matching(&self, filters: &[Filter]) -> BTreeSet<EventId> {
        let matches = |event: &&RawEvent| filters.iter().any(|filter| filter.matches(event));
        self.events.values().filter(matches).map(|event| event.id).collect()
    }
}

/// An event that is told apart by `number`. Nobody has signed it: for roles that do not verify.
pub fn unsigned_event(number: u32, kind: u16, created_at: u64, content: &str) -> RawEvent {
    let mut id = [0; 32];
    // Spread, so that the order of ids is not the order of numbers.
    id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    id[28..].copy_from_slice(&number.to_be_bytes());
    RawEvent {
        id: EventId(id),
        pubkey: Pubkey([(number % 5) as u8 + 1; 32]),
        created_at: UnixSeconds(created_at),
        kind: Kind(kind),
        tags: Vec::new(),
        content: content.into(),
        sig: Signature([7; 64]),
    }
}

fn event_frame(sub: &SubId, event: &RawEvent) -> String {
    format!("[\"EVENT\",{},{}]", json(sub.as_str()), event.to_json())
}

fn ok(id: &EventId, accepted: bool, reason: &str) -> String {
    format!("[\"OK\",\"{id}\",{accepted},{}]", json(reason))
}

fn closed(sub: &SubId, reason: &str) -> String {
    format!("[\"CLOSED\",{},{}]", json(sub.as_str()), json(reason))
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// An event signed with the key whose bytes are all `key`.
pub fn signed_event(key: u8, kind: u16, created_at: u64, tags: &[&[&str]], content: &str) -> Event {
    let keypair = Keypair::from_secret_key(&SecretKey::from_secret_bytes([key; 32]).unwrap());
    let tag = |tag: &&[&str]| tag.iter().map(|value| value.to_string()).collect();
    let unsigned = UnsignedEvent {
        pubkey: Pubkey(keypair.x_only_public_key().0.to_byte_array()),
        created_at: UnixSeconds(created_at),
        kind: Kind(kind),
        tags: tags.iter().map(tag).collect(),
        content: content.into(),
    };
    let sig = Signature(secp256k1::schnorr::sign_no_aux_rand(&unsigned.id().0, &keypair).to_byte_array());
    unsigned.with_signature(sig).verify().unwrap()
}
