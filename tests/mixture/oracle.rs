//! What each request must have come to.

use std::collections::BTreeSet;

use nostr_ferry::message::*;
use nostr_ferry::nostr::event::{EventId, RawEvent};
use nostr_ferry::nostr::relay_url::RelayUrl;
use nostr_ferry::role::Role;

use super::page::{Publish, Sub};
use super::play::Play;
use super::world::engine::url;
use super::world::relay::ScriptedRelay;

/// Everything that is wrong after `play`.
pub fn judge(play: &mut Play) -> Vec<String> {
    let mut wrong = Vec::new();
    // What the engine has published itself is true too. The same event signed twice has two signatures.
    let own: Vec<RawEvent> = play
        .publishes
        .values()
        .flat_map(|publish| publish.signatures.clone())
        .collect();
    let subs = std::mem::take(&mut play.subs);
    for sub in &subs {
        let mut here = Vec::new();
        judge_sub(play, sub, &own, &mut here);
        wrong.extend(here.into_iter().map(|what| format!("{}: {what}", sub.names.join("/"))));
    }
    let publishes = std::mem::take(&mut play.publishes);
    for (number, publish) in &publishes {
        let mut here = Vec::new();
        judge_publish(play, publish, &mut here);
        wrong.extend(here.into_iter().map(|what| format!("publish {number}: {what}")));
    }
    judge_relays(play, &subs, &mut wrong);
    play.subs = subs;
    play.publishes = publishes;
    wrong
}

fn judge_sub(play: &mut Play, sub: &Sub, own: &[RawEvent], wrong: &mut Vec<String>) {
    wrong.extend(sub.wrong.iter().cloned());
    let ids = sub.ids();
    if ids.len() != sub.delivered.len() {
        wrong.push(format!("{} delivered twice", sub.delivered.len() - ids.len()));
    }
    for (id, event) in &sub.delivered {
        // One that was signed for a parser that has ended before it could say so was published all the same.
        let ours = own.iter().any(|own| own.id == *id) && event.clone().verify().is_ok();
        if play.events.get(id) != Some(event) && !ours {
            wrong.push(format!("{id} is not true"));
        }
        if !sub.subscribe.filters.iter().any(|filter| filter.matches(event)) {
            wrong.push(format!("{id} was not asked for"));
        }
    }
    judge_words(play, sub, wrong);
    match sub.ended {
        Some(EndReason::MaxEvents) => {
            let max = sub.subscribe.max_events.map_or(0, |max| max as usize);
            if ids.len() + sub.dropped as usize != max && sub.names.len() == 1 {
                wrong.push(format!("ended after {} of {max}", ids.len()));
            }
        }
        Some(EndReason::Complete) if !sub.subscribe.close_on_eose && sub.subscribe.cache != CachePolicy::CacheOnly => {
            wrong.push("complete, which nobody asked for".into());
        }
        Some(EndReason::TimedOut) if sub.subscribe.timeout_ms.is_none() => wrong.push("timed out".into()),
        Some(EndReason::TooManySubscriptions | EndReason::BadFilters) => wrong.push(format!("{:?}", sub.ended)),
        _ => {}
    }
    if !sub.is_open() {
        return;
    }
    if sub.subscribe.timeout_ms.is_some() {
        wrong.push("did not time out".into());
    }
    if sub.subscribe.close_on_eose {
        wrong.push("did not end at EOSE".into());
    }
    let told = sub.told.get(sub.name()).cloned().unwrap_or_default();
    if !told.iter().any(|(_, word)| word == "EOSE") {
        wrong.push(format!("no final EOSE: {told:?}"));
    }
    judge_owed(play, sub, &ids, wrong);
}

/// Each word once, in an order that says the truth.
fn judge_words(play: &mut Play, sub: &Sub, wrong: &mut Vec<String>) {
    for (name, told) in &sub.told {
        let mut last: BTreeSet<&str> = BTreeSet::new();
        for (at, word) in told {
            let may_come_again = word.starts_with("CLOSED") || word.starts_with("EOSE ");
            if !last.insert(word) && !may_come_again {
                wrong.push(format!("{name} told {word} twice"));
            }
            let Some(relay) = word.strip_prefix("EOSE wss://") else {
                continue;
            };
            // Everything the first answer has came before it.
            let again = play.replaced.contains(&Role::Connections);
            let closed = sub.closed_by.contains(&url(relay));
            let first = play.world.relay(relay, |relay| {
                let owed = relay.owed.iter().find(|(sub, _)| sub.as_str() == name);
                owed.filter(|(_, owed)| owed.whole)
                    .map(|(_, owed)| owed.first.clone())
                    .unwrap_or_default()
            });
            let forged = play.forged.get(relay).cloned().unwrap_or_default();
            let first: BTreeSet<EventId> = first.difference(&forged).copied().collect();
            let had: BTreeSet<EventId> = sub.delivered[..*at].iter().map(|(id, _)| *id).collect();
            let missing = first.difference(&had).count();
            if missing > 0 && !again && !closed && sub.dropped == 0 {
                wrong.push(format!("{name}: EOSE of {relay} before {missing} of its events"));
            }
        }
    }
}

/// What its relays have shown it, and what was published there since, has been had.
fn judge_owed(play: &mut Play, sub: &Sub, ids: &BTreeSet<EventId>, wrong: &mut Vec<String>) {
    if sub.subscribe.max_events.is_some() || sub.subscribe.cache == CachePolicy::Count {
        return;
    }
    let mut owed: BTreeSet<EventId> = BTreeSet::new();
    for relay in ["a", "b", "c"] {
        // Of one that never says where its answer ends it cannot be known what a cut has left out.
        let is_known = |relay: &mut ScriptedRelay| relay.manners.says_eose || relay.connections() <= 1;
        if sub.closed_by.contains(&url(relay)) || !play.world.relay(relay, is_known) {
            continue;
        }
        for name in &sub.names {
            let here = play.world.relay(relay, |relay| {
                let owed = relay.owed.iter().find(|(sub, _)| sub.as_str() == name);
                let owed = owed.map(|(_, owed)| owed)?;
                let mut all = owed.since.clone();
                match owed.whole {
                    true => all.extend(&owed.first),
                    // What a limit holds may have made way for what is newer, if it was asked for again.
                    false => all.extend(relay.newest(&owed.filters).into_iter().map(|(_, id)| id)),
                }
                Some(all)
            });
            let forged = play.forged.get(relay).cloned().unwrap_or_default();
            owed.extend(here.unwrap_or_default().difference(&forged));
        }
    }
    // When a limited subscription began is known to the cache alone: with it goes from when on events are owed.
    let limited = sub.subscribe.filters.iter().any(|filter| filter.limit.is_some());
    let another = play
        .replaced
        .iter()
        .any(|role| matches!(role, Role::Connections | Role::Parser));
    if limited && another && play.replaced.contains(&Role::Cache) {
        return;
    }
    let missing: Vec<String> = owed
        .difference(ids)
        .filter_map(|id| {
            play.created_at(id)
                .map(|at| format!("{} ({})", &id.to_string()[..6], at.0))
        })
        .collect();
    if sub.dropped == 0 && !missing.is_empty() {
        let with = format!(
            "{} {:?} {:?}",
            if limited { "LIMITED" } else { "whole" },
            sub.subscribe.cache,
            play.replaced
        );
        wrong.push(format!("{with}: {} of {} lost: {missing:?}", missing.len(), owed.len()));
    }
    if sub.dropped > 0 {
        // What the cache had not written went with it, and with the parser the copy that the cache is given again.
        let both = [Role::Cache, Role::Parser]
            .iter()
            .all(|role| play.replaced.contains(role));
        if sub.subscribe.pipeline.is_empty() && !both {
            wrong.push(format!("{} dropped although there is a store", sub.dropped));
        }
        if (ids.len() as u64 + sub.dropped) < owed.len() as u64 {
            wrong.push(format!(
                "{} had, {} told as dropped, {} owed",
                ids.len(),
                sub.dropped,
                owed.len()
            ));
        }
    }
}

fn judge_publish(play: &mut Play, publish: &Publish, wrong: &mut Vec<String>) {
    wrong.extend(publish.wrong.iter().cloned());
    match &publish.ended {
        None => wrong.push("never ends".into()),
        Some(end) if end.starts_with("failed") && !publish.aborted => wrong.push(end.clone()),
        Some(_) => {}
    }
    for (relay, word) in &publish.last_words {
        if word != "accepted" {
            continue;
        }
        let id = publish.signed.as_ref().map(|event| event.id);
        let name = relay.as_str().trim_start_matches("wss://").to_owned();
        let has = play.world.relay(&name, |relay| {
            relay.ids(&[Default::default()]).iter().any(|held| Some(*held) == id)
        });
        if !has {
            wrong.push(format!("{relay} accepted what it does not have"));
        }
    }
}

/// Nothing stays open at a relay that nobody asked for.
fn judge_relays(play: &mut Play, subs: &[Sub], wrong: &mut Vec<String>) {
    // What the one opened and the other was to close: of both only the page is left to know, and it knows no relays.
    if play.replaced.contains(&Role::Cache) && play.replaced.contains(&Role::Parser) {
        return;
    }
    for name in ["a", "b", "c"] {
        let asks = |sub: &&Sub| {
            let relays: &[RelayUrl] = &sub.subscribe.relays;
            let is_asked = relays.is_empty() || relays.contains(&url(name));
            let network = !matches!(sub.subscribe.cache, CachePolicy::CacheOnly | CachePolicy::Count);
            sub.is_open() && is_asked && network
        };
        let most = subs.iter().filter(asks).count();
        let open: Vec<String> = play.world.relay(name, |relay| {
            relay.open_subs().iter().map(|sub| sub.to_string()).collect()
        });
        if open.len() > most {
            wrong.push(format!("{name} has {open:?} open, of {most}"));
        }
    }
}
