//! What relays say: an event's first steps, and the answers that follow events in their lane.

use super::opening::arrival;
use super::{Config, Outbox, Parser, Signing, Waiter, Work};
use crate::message::{
    ParserReport, ParserToConnections, ParserToPage, RelayFault, RelayMessage, ShardSource, SignerCall, SignerOp,
    SubId, Template,
};
use crate::nostr::event::{EventId, HashedEvent, RawEvent, claimed_id, id_alone};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::publish::RelayWord;
use crate::parser::subscription::Subscription;

impl Parser {
    pub(super) fn on_relay(&mut self, message: RelayMessage, out: &mut Outbox) {
        match message {
            RelayMessage::Event { relay, sub, json } => self.on_event(relay, sub, &json, out),
            RelayMessage::Eose { relay, sub } => {
                let message = ParserToPage::Eose { relay: relay.clone() };
                self.push_answer(sub, relay, Some(message));
            }
            RelayMessage::Closed { relay, sub, reason } => {
                let message = ParserToPage::Closed {
                    relay: relay.clone(),
                    reason,
                };
                self.push_answer(sub, relay, Some(message));
            }
            RelayMessage::Unreachable { relay, sub, reason } => {
                let subscription = self.subs.get(&sub);
                let message = subscription.and_then(|subscription| subscription.unreachable(&relay, reason));
                self.push_answer(sub, relay, message);
            }
            RelayMessage::Ok {
                relay,
                event_id,
                accepted,
                reason,
            } => {
                self.on_relay_word(relay, event_id, RelayWord::Ok { accepted, reason }, out);
            }
            RelayMessage::Sent { relay, event_id } => self.on_relay_word(relay, event_id, RelayWord::Sent, out),
            RelayMessage::Unsent {
                relay,
                event_id,
                reason,
            } => {
                self.on_relay_word(relay, event_id, RelayWord::Unsent { reason }, out);
            }
            RelayMessage::Notice { relay, message } => out.page.push(ParserReport::Notice { relay, message }),
            RelayMessage::Auth { relay, challenge } => self.on_auth(relay, challenge, out),
            RelayMessage::Count {
                relay,
                sub,
                count,
                approximate,
            } => {
                let message = ParserToPage::RelayCount {
                    relay: relay.clone(),
                    count,
                    approximate,
                };
                self.push_answer(sub, relay, Some(message));
            }
        }
    }

    fn on_event(&mut self, relay: RelayUrl, sub: SubId, json: &str, out: &mut Outbox) {
        self.counters.events += 1;
        let Some(subscription) = self.subs.get(&sub).filter(|subscription| !subscription.ended()) else {
            self.counters.late += 1;
            return;
        };
        // One that was verified and is not seen yet waits in its lane; its copies come as an id alone by now.
        let had = |id: &EventId| subscription.seen.contains(id) || (self.verify.knows(id) && json == id_alone(id));
        if claimed_id(json).is_some_and(|id| had(&id)) {
            self.counters.duplicates += 1;
            return;
        }
        let event = match check(&self.config, subscription, json) {
            Ok(event) => event,
            Err(fault) => {
                out.connections.push(ParserToConnections::Misbehaved { relay, fault });
                return;
            }
        };
        if self.config.verify && !self.verify.knows(&event.id) {
            let ticket = self.lanes.reserve(subscription.lane);
            self.verify.submit(event, Some(relay), Waiter::Lane(sub, ticket));
            return;
        }
        let event = self.verify.trust(event);
        self.arrive(None, arrival(sub, event, ShardSource::Network, vec![relay]));
    }

    /// `relay` has had its say on `sub`: in the lane, behind the events it sent.
    fn push_answer(&mut self, sub: SubId, relay: RelayUrl, message: Option<ParserToPage>) {
        let Some(subscription) = self.subs.get(&sub) else {
            return;
        };
        let lane = subscription.lane;
        if let Some(message) = message {
            self.lanes.push(
                lane,
                Work::Tell {
                    sub: sub.clone(),
                    message,
                },
            );
        }
        self.lanes.push(lane, Work::Answered { sub, relay });
    }

    fn on_auth(&mut self, relay: RelayUrl, challenge: String, out: &mut Outbox) {
        let tags = vec![
            vec!["relay".to_owned(), relay.to_string()],
            vec!["challenge".to_owned(), challenge],
        ];
        let template = Template {
            kind: Kind::AUTH,
            created_at: None,
            tags,
            content: String::new(),
        };
        self.ask(Signing::Auth(relay), SignerOp::Call(SignerCall::Sign(template)), out);
    }
}

/// Everything that can be checked without curve arithmetic.
fn check(config: &Config, subscription: &Subscription, json: &str) -> Result<HashedEvent, RelayFault> {
    if json.len() > config.max_event_bytes {
        return Err(RelayFault::Malformed);
    }
    let raw = RawEvent::from_json(json).map_err(|_| RelayFault::Malformed)?;
    if raw.tags.len() > config.max_tags {
        return Err(RelayFault::Malformed);
    }
    if !subscription.matches(&raw) {
        return Err(RelayFault::Unmatched);
    }
    raw.hash().map_err(|_| RelayFault::Forged)
}
