//! One publish, from template to the last relay's word.

use crate::message::{ParserToCache, PublishId, PublishStatus, SignerError};
use crate::nostr::event::{Event, EventId};
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::SortedSet;

/// What one relay said, or why it said nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayWord {
    Sent,
    Ok { accepted: bool, reason: String },
    Unsent { reason: String },
}

#[derive(Debug)]
pub struct Publish {
    /// The caller's own list; the cache adds to it.
    pub relays: Vec<RelayUrl>,
    event: Option<Event>,
    /// The relays it goes to, once the cache has chosen.
    routed: Option<SortedSet<RelayUrl>>,
    /// Relays that have given their last word, routed or not.
    settled: SortedSet<RelayUrl>,
    /// Relays it was reported as sent to.
    sent: SortedSet<RelayUrl>,
}

impl Publish {
    pub fn new(relays: Vec<RelayUrl>) -> Publish {
        Publish {
            relays,
            event: None,
            routed: None,
            settled: SortedSet::new(),
            sent: SortedSet::new(),
        }
    }

    /// The event is signed and its signature holds.
    pub fn signed(&mut self, event: Event) -> PublishStatus {
        self.event = Some(event.clone());
        PublishStatus::Signed { event }
    }

    pub fn event_id(&self) -> Option<EventId> {
        self.event.as_ref().map(|event| event.id)
    }

    /// The event on its way to the cache, once it is signed.
    pub fn to_send(&self, publish: PublishId) -> Option<ParserToCache> {
        let event = self.event.clone()?;
        let relays = self.relays.clone();
        Some(ParserToCache::Publish { publish, event, relays })
    }

    /// The cache has chosen the relays. Where it is asked again, what it chose first stands.
    pub fn routed(&mut self, relays: Vec<RelayUrl>) -> Vec<PublishStatus> {
        if self.routed.is_some() {
            return Vec::new();
        }
        if relays.is_empty() {
            let error = SignerError::BadInput("there is no relay to publish to; name one or configure relays".into());
            return vec![PublishStatus::Failed { error }];
        }
        self.routed = Some(relays.iter().cloned().collect());
        let mut statuses = vec![PublishStatus::Queued { relays }];
        statuses.extend(self.completed());
        statuses
    }

    /// A relay's word. A second last word of the same relay says nothing new.
    pub fn heard(&mut self, relay: RelayUrl, word: RelayWord) -> Vec<PublishStatus> {
        let status = match word {
            // A new connections role sends it again.
            RelayWord::Sent if !self.sent.insert(relay.clone()) => return Vec::new(),
            RelayWord::Sent => return vec![PublishStatus::Sent { relay }],
            RelayWord::Ok { accepted: true, reason } => PublishStatus::Accepted {
                relay: relay.clone(),
                reason,
            },
            RelayWord::Ok {
                accepted: false,
                reason,
            } => PublishStatus::Rejected {
                relay: relay.clone(),
                reason,
            },
            RelayWord::Unsent { reason } => PublishStatus::Unanswered {
                relay: relay.clone(),
                reason,
            },
        };
        if !self.settled.insert(relay) {
            return Vec::new();
        }
        let mut statuses = vec![status];
        statuses.extend(self.completed());
        statuses
    }

    fn completed(&self) -> Option<PublishStatus> {
        let routed = self.routed.as_ref()?;
        routed.is_subset(&self.settled).then_some(PublishStatus::Complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish() -> Publish {
        Publish::new(Vec::new())
    }

    fn relay(name: &str) -> RelayUrl {
        RelayUrl::parse(&format!("wss://{name}.example")).unwrap()
    }

    fn ok(accepted: bool) -> RelayWord {
        RelayWord::Ok {
            accepted,
            reason: "why".into(),
        }
    }

    #[test]
    fn it_is_complete_when_every_routed_relay_has_had_its_last_word() {
        let mut publish = publish();
        assert_eq!(publish.routed(vec![relay("a"), relay("b")]).len(), 1);
        assert_eq!(
            publish.heard(relay("a"), RelayWord::Sent),
            [PublishStatus::Sent { relay: relay("a") }]
        );
        assert_eq!(publish.heard(relay("a"), ok(true)).len(), 1);
        assert_eq!(publish.heard(relay("a"), ok(false)), [], "the first word stands");
        let last = publish.heard(
            relay("b"),
            RelayWord::Unsent {
                reason: "refused".into(),
            },
        );
        assert_eq!(last.last(), Some(&PublishStatus::Complete));
    }

    #[test]
    fn a_relay_may_answer_before_the_choice_is_known() {
        let mut publish = publish();
        assert_eq!(publish.heard(relay("a"), ok(true)).len(), 1);
        let statuses = publish.routed(vec![relay("a")]);
        assert_eq!(statuses.last(), Some(&PublishStatus::Complete));
    }

    #[test]
    fn no_relay_at_all_is_a_failure_that_says_what_to_do() {
        assert!(matches!(
            publish().routed(Vec::new()).as_slice(),
            [PublishStatus::Failed { .. }]
        ));
    }
}
