//! From the cache to the network: which relays get a request or a publish, and what they are sent.
//!
//! `relays` chooses; this remembers the choice, so that it can be explained and closed again. NIP-65.

use super::core::{Cache, Outbox};
use super::jobs::Network;
use super::relays::{self, Choice, Choices, RelayConfig};
use crate::message::{CachePolicy, CacheToParser, ChoiceReason, Envelope, RelayChoice, SubId};
use crate::nostr::event::{NEAR_SECONDS, Pubkey};
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;
use crate::nostr::nip59;
use crate::nostr::relay_url::RelayUrl;
use crate::time::UnixSeconds;

/// Where the parser wants a lookup to be answered from.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub relays: Vec<RelayUrl>,
    pub policy: CachePolicy,
}

impl Source {
    pub fn of(network: &Network) -> Source {
        Source {
            relays: network.relays.clone(),
            policy: network.policy,
        }
    }

    pub fn counts(&self) -> bool {
        self.policy == CachePolicy::Count
    }
}

/// What relays were sent for one subscription.
#[derive(Clone, Default)]
pub(super) struct Asked {
    /// What the parser asked for, and from where; none: a cache that is gone knew that.
    pub lookup: Vec<Filter>,
    pub source: Option<Source>,
    /// What of it was to be asked of them all together.
    pub filters: Vec<Filter>,
    /// When they were asked first.
    pub since: UnixSeconds,
    /// Every relay that was considered, and what came of it.
    pub choices: Vec<RelayChoice>,
    /// The REQs, each with the relays that are asked the same.
    pub reqs: Vec<(Vec<Filter>, Vec<RelayUrl>)>,
    /// They are COUNTs (NIP-45) instead.
    pub counts: bool,
}

impl Asked {
    /// `filters` as they are asked again once a role was replaced. A `limit` bounds the stored events of an answer, and
    /// what came since the subscription began is stored by now: it is asked for without one.
    pub fn with_missed(&self, filters: &[Filter]) -> Vec<Filter> {
        if self.counts {
            return filters.to_vec();
        }
        let missed = filters.iter().filter(|filter| filter.limit.is_some()).map(|filter| {
            let since = self.since - NEAR_SECONDS - nip59::tweak_seconds(filter);
            Filter {
                limit: None,
                since: Some(filter.since.map_or(since, |asked| asked.max(since))),
                ..filter.clone()
            }
        });
        let is_possible = |filter: &Filter| {
            let both = filter.since.zip(filter.until);
            both.is_none_or(|(since, until)| since <= until)
        };
        filters.iter().cloned().chain(missed.filter(is_possible)).collect()
    }
}

impl Cache {
    /// Chooses relays and sends them the request: one envelope for those that are asked the same. `filters` is what the
    /// store leaves of `lookup`.
    pub(super) fn forward(
        &mut self,
        sub: SubId,
        lookup: Vec<Filter>,
        filters: Vec<Filter>,
        network: &Network,
        out: &mut Outbox,
    ) {
        let orphan = self.take_orphan(&lookup, network);
        let again = network.again || orphan.is_some();
        let since = orphan.as_ref().map_or(self.now, |orphan| orphan.since);
        // It goes on listening at the relays, although the store may know enough by now.
        let filters = orphan.as_ref().map_or(filters, |orphan| orphan.filters.clone());
        let mut choices = self.choose(&filters, network);
        if let Some(orphan) = orphan {
            keep_relays(asked_relays(&orphan.choices), &filters, &mut choices);
        }
        let mut explained = Vec::with_capacity(choices.asked.len());
        let mut relays: Vec<RelayUrl> = Vec::with_capacity(choices.asked.len());
        let mut reqs: Vec<(Vec<Filter>, Vec<RelayUrl>)> = Vec::new();
        for choice in choices.asked {
            relays.push(choice.relay.clone());
            explained.push(RelayChoice {
                relay: choice.relay.clone(),
                reason: choice.reason,
                people: choice.people,
            });
            match reqs.iter_mut().find(|(filters, _)| *filters == choice.filters) {
                Some((_, relays)) => relays.push(choice.relay),
                None => reqs.push((choice.filters, vec![choice.relay])),
            }
        }
        let former = self.asked.remove(&sub).unwrap_or_default();
        let mut dropped = asked_relays(&former.choices);
        dropped.retain(|relay| !relays.contains(relay));
        close(&sub, dropped, out);
        let counts = network.policy == CachePolicy::Count;
        explained.extend(choices.skipped);
        let asked = Asked {
            lookup,
            source: (!network.again).then(|| Source::of(network)),
            filters,
            since,
            choices: explained,
            reqs,
            counts,
        };
        for (filters, relays) in &asked.reqs {
            self.forwarded += 1;
            let filters = match again {
                true => asked.with_missed(filters),
                false => filters.clone(),
            };
            out.connections.push(question(&sub, &filters, relays, counts));
        }
        // One that needed no relay is kept, too: it is one of those that a new parser opens again.
        if network.policy != CachePolicy::CacheOnly {
            self.asked.insert(sub.clone(), asked);
        }
        out.parser.push(CacheToParser::Asked { sub, relays });
    }

    /// What the last parser had open for `lookup`, if it is the new one's to go on with.
    fn take_orphan(&mut self, lookup: &[Filter], network: &Network) -> Option<Asked> {
        match network.policy {
            CachePolicy::CacheOnly => None,
            _ => self.orphans.take(lookup, &Source::of(network)),
        }
    }

    fn choose(&self, filters: &[Filter], network: &Network) -> Choices {
        if filters.is_empty() {
            return Choices::default();
        }
        let index = &self.store.index;
        let list = |author: &Pubkey| index.relay_list(author);
        match network.max_relays {
            None => relays::for_request(filters, &network.relays, &self.config.relays, list),
            Some(max) => {
                let config = RelayConfig {
                    max_relays: Some(max as usize),
                    ..self.config.relays.clone()
                };
                relays::for_request(filters, &network.relays, &config, list)
            }
        }
    }

    pub(super) fn route_waiting(&mut self, out: &mut Outbox) {
        while self.store.is_loaded() {
            let Some((publish, event, named)) = self.unrouted.pop_front() else {
                return;
            };
            let index = &self.store.index;
            let list = |author: &Pubkey| index.relay_list(author);
            let relays = relays::for_publish(&event, &named, &self.config.relays, list);
            out.parser.push(CacheToParser::Routed {
                publish,
                relays: relays.clone(),
            });
            if !relays.is_empty() {
                let frames = vec![ClientFrame::Event(event)];
                out.connections.push(Envelope { relays, frames });
            }
        }
    }
}

/// Where a subscription was before the parser was replaced it goes on, although others may be chosen by now.
fn keep_relays(relays: Vec<RelayUrl>, filters: &[Filter], choices: &mut Choices) {
    for relay in relays {
        let filters = filters.to_vec();
        choices.skipped.retain(|choice| choice.relay != relay);
        match choices.asked.iter_mut().find(|choice| choice.relay == relay) {
            Some(choice) => choice.filters = filters,
            None => choices.asked.push(Choice {
                relay,
                filters,
                reason: ChoiceReason::Default,
                people: Vec::new(),
            }),
        }
    }
}

/// Of the relays that were considered those that were asked.
pub(super) fn asked_relays(choices: &[RelayChoice]) -> Vec<RelayUrl> {
    let asked = choices
        .iter()
        .filter(|choice| !matches!(choice.reason, ChoiceReason::Covered | ChoiceReason::OverLimit));
    asked.map(|choice| choice.relay.clone()).collect()
}

/// A REQ, or with `counts` a COUNT.
pub(super) fn question(sub: &SubId, filters: &[Filter], relays: &[RelayUrl], counts: bool) -> Envelope {
    let (sub, filters) = (sub.clone(), filters.to_vec());
    let frame = match counts {
        true => ClientFrame::Count { sub, filters },
        false => ClientFrame::Req { sub, filters },
    };
    Envelope {
        relays: relays.to_vec(),
        frames: vec![frame],
    }
}

pub(super) fn close(sub: &SubId, relays: Vec<RelayUrl>, out: &mut Outbox) {
    if !relays.is_empty() {
        let frames = vec![ClientFrame::Close { sub: sub.clone() }];
        out.connections.push(Envelope { relays, frames });
    }
}
