//! From the cache to the network: which relays get a request or a publish, and what they are sent.
//!
//! `relays` chooses; this remembers the choice, so that it can be explained and closed again. NIP-65.

use super::core::{Cache, Outbox};
use super::jobs::Network;
use super::relays::{self, Choices, RelayConfig};
use crate::message::{CachePolicy, CacheToParser, ChoiceReason, Envelope, RelayChoice, SubId};
use crate::nostr::event::Pubkey;
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;
use crate::nostr::relay_url::RelayUrl;

impl Cache {
    /// Chooses relays and sends them the request: one envelope for those that are asked the same.
    pub(super) fn forward(&mut self, sub: SubId, filters: Vec<Filter>, network: &Network, out: &mut Outbox) {
        let choices = self.choose(&filters, network);
        let mut explained = Vec::with_capacity(choices.asked.len());
        let mut relays: Vec<RelayUrl> = Vec::with_capacity(choices.asked.len());
        let mut envelopes: Vec<(Vec<Filter>, Vec<RelayUrl>)> = Vec::new();
        for choice in choices.asked {
            relays.push(choice.relay.clone());
            explained.push(RelayChoice {
                relay: choice.relay.clone(),
                reason: choice.reason,
                people: choice.people,
            });
            match envelopes.iter_mut().find(|(filters, _)| *filters == choice.filters) {
                Some((_, relays)) => relays.push(choice.relay),
                None => envelopes.push((choice.filters, vec![choice.relay])),
            }
        }
        let former = self.asked.remove(&sub).unwrap_or_default();
        let mut dropped = asked_relays(former);
        dropped.retain(|relay| !relays.contains(relay));
        close(&sub, dropped, out);
        for (filters, relays) in envelopes {
            self.forwarded += 1;
            let sub = sub.clone();
            let frame = if network.policy == CachePolicy::Count {
                ClientFrame::Count { sub, filters }
            } else {
                ClientFrame::Req { sub, filters }
            };
            let frames = vec![frame];
            out.connections.push(Envelope { relays, frames });
        }
        explained.extend(choices.skipped);
        if !explained.is_empty() {
            self.asked.insert(sub.clone(), explained);
        }
        out.parser.push(CacheToParser::Asked { sub, relays });
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

/// Of the relays that were considered those that were asked.
pub(super) fn asked_relays(choices: Vec<RelayChoice>) -> Vec<RelayUrl> {
    let asked = choices
        .into_iter()
        .filter(|choice| !matches!(choice.reason, ChoiceReason::Covered | ChoiceReason::OverLimit));
    asked.map(|choice| choice.relay).collect()
}

pub(super) fn close(sub: &SubId, relays: Vec<RelayUrl>, out: &mut Outbox) {
    if !relays.is_empty() {
        let frames = vec![ClientFrame::Close { sub: sub.clone() }];
        out.connections.push(Envelope { relays, frames });
    }
}
