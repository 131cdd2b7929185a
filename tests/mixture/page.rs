//! What a page keeps: its open requests, what it was told of each, and what it asks a new worker for again.

use std::collections::{BTreeMap, BTreeSet};

use nostr_ferry::message::*;
use nostr_ferry::nostr::event::{EventId, RawEvent};
use nostr_ferry::nostr::relay_url::RelayUrl;

/// One subscription, whatever it is called in the engine by now.
pub struct Sub {
    pub subscribe: Subscribe,
    /// Its names, one for each parser; the last is the present one.
    pub names: Vec<String>,
    pub opened_ms: u64,
    pub delivered: Vec<(EventId, RawEvent)>,
    pub dropped: u64,
    /// By name of its own: everything that is no event, and at what number of delivered events it was told.
    pub told: BTreeMap<String, Vec<(usize, String)>>,
    pub closed_by: BTreeSet<RelayUrl>,
    pub counts: BTreeMap<RelayUrl, u64>,
    /// Relays whose answer to a COUNT, or the lack of one, was told.
    pub counted: Vec<RelayUrl>,
    pub ended: Option<EndReason>,
    /// The page has closed it.
    pub closed: bool,
    pub wrong: Vec<String>,
    /// From the store, after EOCE.
    pub late_cached: usize,
}

impl Sub {
    pub fn new(subscribe: Subscribe, name: String, opened_ms: u64) -> Sub {
        Sub {
            subscribe,
            names: vec![name],
            opened_ms,
            delivered: Vec::new(),
            dropped: 0,
            told: BTreeMap::new(),
            closed_by: BTreeSet::new(),
            counts: BTreeMap::new(),
            counted: Vec::new(),
            ended: None,
            closed: false,
            wrong: Vec::new(),
            late_cached: 0,
        }
    }

    pub fn name(&self) -> &str {
        self.names.last().unwrap()
    }

    pub fn is_open(&self) -> bool {
        !self.closed && self.ended.is_none()
    }

    pub fn ids(&self) -> BTreeSet<EventId> {
        self.delivered.iter().map(|(id, _)| *id).collect()
    }

    pub fn hear(&mut self, message: ParserToPage) {
        if self.ended.is_some() {
            return self.wrong.push(format!("after its end: {message:?}"));
        }
        let word = match message {
            ParserToPage::Event(delivery) => {
                let eoce = self
                    .told
                    .get(self.name())
                    .is_some_and(|told| told.iter().any(|(_, word)| word == "EOCE"));
                self.late_cached += usize::from(eoce && delivery.source == ShardSource::Cache);
                let event = delivery.event.into_raw();
                self.delivered.push((event.id, event));
                return;
            }
            ParserToPage::BufferFull { dropped } => {
                self.dropped += dropped;
                return;
            }
            ParserToPage::Eoce => "EOCE".into(),
            ParserToPage::Eose { relay } => format!("EOSE {relay}"),
            ParserToPage::EoseAll => "EOSE".into(),
            ParserToPage::Closed { relay, .. } => {
                self.counted.push(relay.clone());
                let word = format!("CLOSED {relay}");
                self.closed_by.insert(relay);
                word
            }
            ParserToPage::RelayCount { relay, count, .. } => {
                self.counted.push(relay.clone());
                let word = format!("COUNT {relay}");
                self.counts.insert(relay, count);
                word
            }
            ParserToPage::Unreachable { relay, .. } => {
                let word = format!("UNREACHABLE {relay}");
                self.counted.push(relay);
                word
            }
            ParserToPage::Ended { reason } => {
                self.ended = Some(reason);
                format!("END {reason:?}")
            }
            other @ (ParserToPage::Count(_) | ParserToPage::Proofs(_)) => {
                return self.wrong.push(format!("nobody asked for {other:?}"));
            }
        };
        let at = self.delivered.len();
        self.told.entry(self.name().to_owned()).or_default().push((at, word));
    }

    /// What a new parser is asked; none if nothing is left to ask.
    pub fn again(&mut self, name: String, now_ms: u64) -> Option<Subscribe> {
        let mut subscribe = self.subscribe.clone();
        if let Some(max) = &mut subscribe.max_events {
            *max -= u32::try_from(self.delivered.len()).unwrap().min(*max);
            if *max == 0 {
                self.ended = Some(EndReason::MaxEvents);
                return None;
            }
        }
        if let Some(timeout) = &mut subscribe.timeout_ms {
            let passed = u32::try_from(now_ms - self.opened_ms).unwrap();
            *timeout = timeout.saturating_sub(passed).max(1);
        }
        subscribe.delivered = self.delivered.iter().map(|(id, _)| *id).collect();
        self.names.push(name);
        Some(subscribe)
    }
}

/// One publish.
pub struct Publish {
    pub content: String,
    pub created_at: nostr_ferry::time::UnixSeconds,
    pub relays: Vec<RelayUrl>,
    pub signed: Option<RawEvent>,
    /// The same event, with each signature it was told with.
    pub signatures: Vec<RawEvent>,
    pub routed: Vec<RelayUrl>,
    /// By relay: its last word.
    pub last_words: BTreeMap<RelayUrl, String>,
    pub sent: BTreeSet<RelayUrl>,
    pub ended: Option<String>,
    pub aborted: bool,
    /// Parsers that had it.
    pub parsers: u32,
    pub wrong: Vec<String>,
}

impl Publish {
    pub fn hear(&mut self, status: PublishStatus) {
        if let Some(end) = &self.ended {
            return self.wrong.push(format!("after its end ({end}): {status:?}"));
        }
        match status {
            PublishStatus::Signed { event } => {
                let event = event.into_raw();
                let before = self.signed.replace(event.clone());
                self.signatures.push(event.clone());
                // Where the same event is published twice either signature will do.
                if before.is_some_and(|before| before.id != event.id || self.parsers == 1) {
                    self.wrong.push("signed twice".into());
                }
            }
            PublishStatus::Queued { relays } => self.routed = relays,
            PublishStatus::Sent { relay } => {
                if self.signed.is_none() {
                    self.wrong.push(format!("sent to {relay} unsigned"));
                }
                if !self.sent.insert(relay.clone()) && self.parsers == 1 {
                    self.wrong.push(format!("sent to {relay} twice"));
                }
            }
            PublishStatus::Accepted { relay, .. } => self.last_word(relay, "accepted"),
            PublishStatus::Rejected { relay, .. } => self.last_word(relay, "rejected"),
            PublishStatus::Unanswered { relay, reason } => self.last_word(relay, &format!("unanswered: {reason}")),
            PublishStatus::Complete => {
                let missing: Vec<_> = self
                    .routed
                    .iter()
                    .filter(|relay| !self.last_words.contains_key(relay))
                    .collect();
                if !missing.is_empty() || self.routed.is_empty() {
                    self.wrong.push(format!("complete without {missing:?}"));
                }
                self.ended = Some("complete".into());
            }
            PublishStatus::Failed { error } => self.ended = Some(format!("failed: {error}")),
        }
    }

    fn last_word(&mut self, relay: RelayUrl, word: &str) {
        if let Some(before) = self.last_words.insert(relay.clone(), word.to_owned())
            && self.parsers == 1
        {
            self.wrong.push(format!("{relay} {before} and then {word}"));
        }
    }
}
