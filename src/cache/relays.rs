//! Which relays to ask and to send to (NIP-65, "outbox"), pure.
//!
//! A request's own relays; else the authors' write relays for what they wrote, and the
//! read relays of `#p` targets for what mentions them: few relays, each author at two of
//! them; else the indexers for profiles, contact and relay lists; else the defaults.
//! A relay is asked only for the authors who use it.

use super::meta::RelayList;
use crate::message::{ChoiceReason, RelayChoice};
use crate::nostr::event::{Event, Pubkey};
use crate::nostr::filter::Filter;
use crate::nostr::kind::Kind;
use crate::nostr::nip59::GIFT_WRAP;
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::{SortedMap, SortedSet};

/// Relays that are known without any event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayConfig {
    /// Asked for kinds 0, 3 and 10002 of authors whose relays are unknown.
    pub indexers: Vec<RelayUrl>,
    /// Asked for everything else that names no relay.
    pub defaults: Vec<RelayUrl>,
    /// The most relays chosen for one request or publish; none means 15.
    pub max_relays: Option<usize>,
}

const MAX_RELAYS: usize = 15;
/// Two, so that one that is down hides nobody.
const COPIES: usize = 2;

/// Relays that were considered and not chosen are explained up to so many.
const MAX_SKIPPED: usize = 100;

/// Why a relay was chosen, and for whom.
type Why = (ChoiceReason, Vec<Pubkey>);

/// One relay and what it is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub relay: RelayUrl,
    pub filters: Vec<Filter>,
    pub reason: ChoiceReason,
    /// Who of the request's authors writes there, or of those mentioned reads there.
    pub people: Vec<Pubkey>,
}

/// Where a request goes, by relay, and where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    pub asked: Vec<Choice>,
    pub skipped: Vec<RelayChoice>,
}

/// Whose relays of which side cover a filter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Write,
    Read,
}

type Need = (Side, Pubkey);
/// Whom each relay serves.
type Users<'a> = SortedMap<&'a RelayUrl, SortedSet<Need>>;

/// The relays to send a request to, by relay. `list` knows an author's kind 10002.
pub fn for_request<'a>(
    filters: &[Filter],
    named: &[RelayUrl],
    config: &RelayConfig,
    list: impl Fn(&Pubkey) -> Option<&'a RelayList>,
) -> Choices {
    if !named.is_empty() {
        return as_named(filters, named);
    }
    let needs: SortedSet<Need> = filters.iter().flat_map(needs).collect();
    let mut users = Users::new();
    for need @ (side, pubkey) in &needs {
        for relay in list(pubkey).map_or(&[][..], |list| side.of(list)) {
            users.get_or_default(relay).insert(*need);
        }
    }
    let max = config.max_relays.unwrap_or(MAX_RELAYS);
    // Some need the fallbacks whatever is chosen; if others turn out to, room is made for them.
    let mut chosen = cover(&users, max);
    if filters.iter().any(|filter| rest(filter, &chosen, &users).is_some()) {
        let fallbacks = fallback_relays(filters, &chosen, &users, config).len();
        chosen = cover(&users, max.saturating_sub(fallbacks).max(1));
    }
    let mut choices: SortedMap<RelayUrl, Choice> = SortedMap::new();
    // Filter by filter: what is one filter for the caller stays one for each relay, and two stay two,
    // because relays bound the answer to each filter.
    for filter in filters {
        for (relay, (filter, why)) in divide(filter, &chosen, &users, config) {
            add(&mut choices, relay, filter, why);
        }
    }
    let reason = if chosen.len() < max {
        ChoiceReason::Covered
    } else {
        ChoiceReason::OverLimit
    };
    let skipped = users.iter().filter(|(relay, _)| !choices.contains_key(**relay));
    let skipped = skipped.take(MAX_SKIPPED).map(|(relay, here)| RelayChoice {
        relay: (*relay).clone(),
        reason,
        people: here.iter().map(|(_, pubkey)| *pubkey).collect(),
    });
    Choices {
        skipped: skipped.collect(),
        asked: choices.into_values().collect(),
    }
}

/// Every relay that the caller names is asked everything.
fn as_named(filters: &[Filter], named: &[RelayUrl]) -> Choices {
    let relays: SortedSet<&RelayUrl> = named.iter().collect();
    let choice = |relay: &RelayUrl| Choice {
        relay: relay.clone(),
        filters: filters.to_vec(),
        reason: ChoiceReason::Named,
        people: Vec::new(),
    };
    Choices {
        asked: relays.into_iter().map(choice).collect(),
        skipped: Vec::new(),
    }
}

/// What of `filter` each relay is asked: the chosen ones for their users, the fallbacks for the rest.
fn divide<'a>(
    filter: &Filter,
    chosen: &[&'a RelayUrl],
    users: &Users<'a>,
    config: &'a RelayConfig,
) -> SortedMap<&'a RelayUrl, (Filter, Why)> {
    let mut parts = SortedMap::new();
    for relay in chosen {
        let Some(here) = users.get(*relay) else { continue };
        if let Some(part) = part(filter, here) {
            parts.insert(*relay, (part, reason(here)));
        }
    }
    if let Some(rest) = rest(filter, chosen, users) {
        let (relays, reason) = fallback(&rest, config);
        for relay in relays {
            let (known, _) = parts.get_or_insert_with(relay, || (rest.clone(), (reason, Vec::new())));
            unite(known, &rest);
        }
    }
    parts
}

/// The relays to send an event to: the caller's, the author's write relays, the read relays of
/// those it mentions; the defaults if that is nobody's.
pub fn for_publish<'a>(
    event: &Event,
    named: &[RelayUrl],
    config: &RelayConfig,
    list: impl Fn(&Pubkey) -> Option<&'a RelayList>,
) -> Vec<RelayUrl> {
    let mentioned: SortedSet<Pubkey> = event
        .tags_named("p")
        .filter_map(|tag| Pubkey::from_hex(tag.get(1)?))
        .filter(|pubkey| *pubkey != event.pubkey)
        // A private message goes where its recipient reads these, and the parser has named that (NIP-17).
        .filter(|_| event.kind != GIFT_WRAP)
        .collect();
    let mut users = Users::new();
    for pubkey in &mentioned {
        for relay in list(pubkey).map_or(&[][..], |list| Side::Read.of(list)) {
            users.get_or_default(relay).insert((Side::Read, *pubkey));
        }
    }
    let written = list(&event.pubkey).map_or(&[][..], |list| Side::Write.of(list));
    let mut relays: Vec<RelayUrl> = Vec::new();
    let mut push = |relay: &RelayUrl| {
        if !relays.contains(relay) {
            relays.push(relay.clone());
        }
    };
    named.iter().chain(written).for_each(&mut push);
    if named.is_empty() && written.is_empty() {
        config.defaults.iter().for_each(&mut push);
    }
    let max = config.max_relays.unwrap_or(MAX_RELAYS);
    let room = max.saturating_sub(relays.len());
    for relay in cover(&users, room) {
        if !relays.contains(relay) {
            relays.push(relay.clone());
        }
    }
    relays
}

impl Side {
    fn of(self, list: &RelayList) -> &[RelayUrl] {
        match self {
            Side::Write => &list.write,
            Side::Read => &list.read,
        }
    }
}

/// Whose relays this filter could be sent to. Authors go before those they mention.
fn needs(filter: &Filter) -> Vec<Need> {
    match (&filter.authors, filter.tags.get(&'p')) {
        (Some(authors), _) => authors.iter().map(|author| (Side::Write, *author)).collect(),
        (None, Some(mentioned)) => mentioned
            .iter()
            .filter_map(|value| Some((Side::Read, Pubkey::from_hex(value)?)))
            .collect(),
        (None, None) => Vec::new(),
    }
}

/// Greedy set cover: the relay that serves most of those not yet served twice, until all are or `max` is reached.
fn cover<'a>(users: &Users<'a>, max: usize) -> Vec<&'a RelayUrl> {
    let mut wanted: SortedMap<Need, usize> = users.values().flatten().map(|need| (*need, 0)).collect();
    for need in users.values().flatten() {
        if let Some(copies) = wanted.get_mut(need) {
            *copies = (*copies + 1).min(COPIES);
        }
    }
    let mut chosen: Vec<&RelayUrl> = Vec::new();
    while chosen.len() < max {
        // Nobody's first relay counts more than everybody's second.
        let gain = |needs: &SortedSet<Need>| {
            let left = needs.iter().map(|need| wanted.get(need).copied().unwrap_or(0));
            left.fold((0usize, 0usize), |(all, firsts), left| {
                (all + usize::from(left > 0), firsts + usize::from(left == COPIES))
            })
        };
        let candidates = users.iter().filter(|(relay, _)| !chosen.contains(*relay));
        let best = candidates
            .map(|(relay, needs)| (gain(needs), *relay))
            .filter(|((all, _), _)| *all > 0)
            // The first by name among equals.
            .max_by(|(a, left), (b, right)| a.cmp(b).then_with(|| right.cmp(left)));
        let Some((_, relay)) = best else { break };
        for need in users.get(relay).into_iter().flatten() {
            if let Some(left) = wanted.get_mut(need) {
                *left = left.saturating_sub(1);
            }
        }
        chosen.push(relay);
    }
    chosen
}

/// The part of `filter` that is asked of a relay with these users; none if it has nothing to do with them.
fn part(filter: &Filter, here: &SortedSet<Need>) -> Option<Filter> {
    let mut filter = filter.clone();
    if let Some(authors) = &mut filter.authors {
        authors.retain(|author| here.contains(&(Side::Write, *author)));
        return (!authors.is_empty()).then_some(filter);
    }
    let mentioned = filter.tags.get_mut(&'p')?;
    mentioned.retain(|value| Pubkey::from_hex(value).is_some_and(|key| here.contains(&(Side::Read, key))));
    (!mentioned.is_empty()).then_some(filter)
}

/// The part of `filter` that no chosen relay is asked; none if there is no such part.
fn rest(filter: &Filter, chosen: &[&RelayUrl], users: &Users<'_>) -> Option<Filter> {
    let served = |need: &Need| {
        let here = chosen.iter().filter_map(|relay| users.get(*relay));
        here.into_iter().any(|needs| needs.contains(need))
    };
    let mut filter = filter.clone();
    if let Some(authors) = &mut filter.authors {
        authors.retain(|author| !served(&(Side::Write, *author)));
        return (!authors.is_empty()).then_some(filter);
    }
    if let Some(mentioned) = filter.tags.get_mut(&'p') {
        mentioned.retain(|value| Pubkey::from_hex(value).is_none_or(|key| !served(&(Side::Read, key))));
        return (!mentioned.is_empty()).then_some(filter);
    }
    Some(filter)
}

fn fallback<'a>(filter: &Filter, config: &'a RelayConfig) -> (&'a [RelayUrl], ChoiceReason) {
    let indexed = [Kind::METADATA, Kind::CONTACTS, Kind::RELAY_LIST];
    let kinds = filter.kinds.as_deref().unwrap_or_default();
    let profiles = !kinds.is_empty() && kinds.iter().all(|kind| indexed.contains(kind));
    if profiles && !config.indexers.is_empty() {
        (&config.indexers, ChoiceReason::Indexer)
    } else {
        (&config.defaults, ChoiceReason::Default)
    }
}

fn fallback_relays<'a>(
    filters: &[Filter],
    chosen: &[&RelayUrl],
    users: &Users<'_>,
    config: &'a RelayConfig,
) -> SortedSet<&'a RelayUrl> {
    let rests = filters.iter().filter_map(|filter| rest(filter, chosen, users));
    rests.flat_map(|rest| fallback(&rest, config).0).collect()
}

fn reason(here: &SortedSet<Need>) -> Why {
    let who = |wanted: Side| -> Vec<Pubkey> {
        let here = here.iter().filter(|(side, _)| *side == wanted);
        here.map(|(_, pubkey)| *pubkey).collect()
    };
    let authors = who(Side::Write);
    if authors.is_empty() {
        (ChoiceReason::Inbox, who(Side::Read))
    } else {
        (ChoiceReason::Outbox, authors)
    }
}

fn add(choices: &mut SortedMap<RelayUrl, Choice>, relay: &RelayUrl, filter: Filter, (reason, people): Why) {
    let choice = choices.get_or_insert_with(relay.clone(), || Choice {
        relay: relay.clone(),
        filters: Vec::new(),
        reason,
        people,
    });
    if !choice.filters.contains(&filter) {
        choice.filters.push(filter);
    }
}

/// Widens one part of a filter by another part of the same filter: by its authors, or by those it mentions.
fn unite(known: &mut Filter, more: &Filter) {
    fn extend<T: Clone + PartialEq>(known: &mut Vec<T>, more: &[T]) {
        let new: Vec<T> = more.iter().filter(|value| !known.contains(value)).cloned().collect();
        known.extend(new);
    }
    if let (Some(known), Some(more)) = (&mut known.authors, &more.authors) {
        extend(known, more);
    } else if let (Some(known), Some(more)) = (known.tags.get_mut(&'p'), more.tags.get(&'p')) {
        extend(known, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use std::collections::HashMap;

    fn ask<'a>(
        filters: &[Filter],
        named: &[RelayUrl],
        config: &RelayConfig,
        list: impl Fn(&Pubkey) -> Option<&'a RelayList>,
    ) -> Vec<Choice> {
        for_request(filters, named, config, list).asked
    }

    fn relay(name: &str) -> RelayUrl {
        RelayUrl::parse(&format!("wss://{name}.example")).unwrap()
    }

    fn relays(names: &str) -> Vec<RelayUrl> {
        names.split_whitespace().map(relay).collect()
    }

    fn author(n: u8) -> Pubkey {
        Pubkey([n; 32])
    }

    fn config() -> RelayConfig {
        RelayConfig {
            indexers: relays("index"),
            defaults: relays("default"),
            max_relays: None,
        }
    }

    fn lists(entries: &[(u8, &str, &str)]) -> HashMap<Pubkey, RelayList> {
        let list = |(n, write, read): &(u8, &str, &str)| {
            let list = RelayList {
                write: relays(write),
                read: relays(read),
            };
            (author(*n), list)
        };
        entries.iter().map(list).collect()
    }

    fn notes_by(authors: impl IntoIterator<Item = u8>) -> Filter {
        Filter {
            authors: Some(authors.into_iter().map(author).collect()),
            kinds: Some(vec![Kind::TEXT_NOTE]),
            ..Filter::default()
        }
    }

    /// Relay name -> the authors it is asked for.
    fn asked(choices: &[Choice]) -> SortedMap<String, Vec<u8>> {
        let authors = |choice: &Choice| {
            let filters = choice.filters.iter();
            let mut found: Vec<u8> = filters
                .flat_map(|f| f.authors.iter().flatten())
                .map(|a| a.0[0])
                .collect();
            found.sort_unstable();
            found
        };
        let host = |relay: &RelayUrl| relay.as_str()[6..].trim_end_matches(".example").to_owned();
        choices
            .iter()
            .map(|choice| (host(&choice.relay), authors(choice)))
            .collect()
    }

    #[test]
    fn named_relays_are_asked_and_no_others() {
        let known = lists(&[(1, "a", "b")]);
        let choices = ask(&[notes_by([1])], &relays("x y x"), &config(), |p| known.get(p));
        assert_eq!(
            asked(&choices),
            SortedMap::from([("x".into(), vec![1]), ("y".into(), vec![1])])
        );
        assert!(choices.iter().all(|choice| choice.reason == ChoiceReason::Named));
    }

    #[test]
    fn each_author_is_asked_for_at_two_of_their_write_relays_and_only_there() {
        let known = lists(&[(1, "a b c", "r"), (2, "a b", ""), (3, "b z", "")]);
        let choices = ask(&[notes_by([1, 2, 3])], &[], &config(), |p| known.get(p));
        let expected = [("a", vec![1, 2]), ("b", vec![1, 2, 3]), ("z", vec![3])];
        assert_eq!(
            asked(&choices),
            expected.map(|(name, who)| (name.to_owned(), who)).into()
        );
        assert_eq!(choices[1].reason, ChoiceReason::Outbox);
        assert_eq!(choices[1].people, [1, 2, 3].map(author));
    }

    #[test]
    fn authors_without_a_list_go_to_the_indexers_for_profiles_and_to_the_defaults_for_notes() {
        let known = lists(&[(1, "a b", "")]);
        let profiles = Filter {
            kinds: Some(vec![Kind::METADATA, Kind::RELAY_LIST]),
            ..notes_by([1, 2])
        };
        let choices = ask(&[profiles, notes_by([1, 2])], &[], &config(), |p| known.get(p));
        let expected = [
            ("a", vec![1, 1]),
            ("b", vec![1, 1]),
            ("default", vec![2]),
            ("index", vec![2]),
        ];
        assert_eq!(
            asked(&choices),
            expected.map(|(name, who)| (name.to_owned(), who)).into()
        );
    }

    #[test]
    fn a_filter_that_names_nobody_goes_to_the_defaults_whole() {
        let filter = Filter {
            kinds: Some(vec![Kind::TEXT_NOTE]),
            ..Filter::default()
        };
        let choices = ask(std::slice::from_ref(&filter), &[], &config(), |_| None);
        assert_eq!(choices.len(), 1);
        assert_eq!(
            (&choices[0].filters, &choices[0].reason),
            (&vec![filter], &ChoiceReason::Default)
        );
    }

    #[test]
    fn mentions_are_asked_for_at_the_read_relays_of_the_mentioned() {
        let known = lists(&[(1, "w", "r s"), (2, "w", "s t")]);
        let mut filter = Filter::default();
        filter
            .tags
            .insert('p', vec![author(1).to_string(), author(2).to_string()]);
        let choices = ask(&[filter], &[], &config(), |p| known.get(p));
        let by_relay: Vec<(String, usize)> = choices
            .iter()
            .map(|choice| {
                (
                    choice.relay.to_string(),
                    choice.filters[0].tags.get(&'p').unwrap().len(),
                )
            })
            .collect();
        let url = |name| relay(name).to_string();
        assert_eq!(by_relay, [(url("r"), 1), (url("s"), 2), (url("t"), 1)]);
        assert_eq!(choices[1].reason, ChoiceReason::Inbox);
        assert_eq!(choices[1].people, [1, 2].map(author));
    }

    #[test]
    fn no_more_than_the_limit_are_chosen_and_nobody_is_left_out() {
        let own: Vec<(u8, String)> = (0..40).map(|n| (n, format!("own{n} too{n}"))).collect();
        let entries: Vec<(u8, &str, &str)> = own.iter().map(|(n, write)| (*n, write.as_str(), "")).collect();
        let known = lists(&entries);
        let choices = ask(&[notes_by(0..40)], &[], &config(), |p| known.get(p));
        assert_eq!(choices.len(), 15);
        let mut reached: Vec<u8> = asked(&choices).into_values().flatten().collect();
        reached.sort_unstable();
        reached.dedup();
        assert_eq!(reached, (0..40).collect::<Vec<u8>>());
    }

    #[test]
    fn a_publish_goes_to_the_writer_the_mentioned_and_the_callers_list() {
        let event = signed(1, 1, 1, &[&["p", &author(2).to_string()], &["p", "no key"]], "");
        let mut known = lists(&[(2, "w2", "r2 s2")]);
        let go = |known: &HashMap<Pubkey, RelayList>, named: &str| {
            for_publish(&event, &relays(named), &config(), |p| known.get(p))
        };
        assert_eq!(go(&known, ""), relays("default r2 s2"));
        assert_eq!(go(&known, "mine"), relays("mine r2 s2"));
        let own = RelayList {
            write: relays("w r2"),
            read: relays("r"),
        };
        known.insert(event.pubkey, own);
        assert_eq!(go(&known, "mine"), relays("mine w r2 s2"));
    }

    #[test]
    fn filters_of_the_caller_stay_apart_and_parts_of_one_filter_come_together() {
        // The default relay is also where author 1 writes.
        let lists = lists(&[(1, "default", "default")]);
        let filters = [notes_by([1, 2]), notes_by([3])];
        let choices = ask(&filters, &[], &config(), |key| lists.get(key));
        let asked = choices.iter().find(|choice| choice.relay == relay("default")).unwrap();
        assert_eq!(asked.filters, [notes_by([1, 2]), notes_by([3])]);
        let mention = |n: u8| Filter {
            tags: [('p', vec![author(n).to_string()])].into(),
            ..Filter::default()
        };
        let mut both = mention(1);
        both.tags.get_mut(&'p').unwrap().push(author(2).to_string());
        let choices = ask(&[both.clone()], &[], &config(), |key| lists.get(key));
        let asked = choices.iter().find(|choice| choice.relay == relay("default")).unwrap();
        assert_eq!(asked.filters, [both]);
    }

    #[test]
    fn what_was_not_chosen_is_covered_by_others_or_over_the_limit() {
        let known = lists(&[(1, "a b c", ""), (2, "a b", "")]);
        let choose = |max_relays| {
            let config = RelayConfig { max_relays, ..config() };
            for_request(&[notes_by([1, 2])], &[], &config, |p| known.get(p)).skipped
        };
        let skipped = |name, reason, people: &[u8]| RelayChoice {
            relay: relay(name),
            reason,
            people: people.iter().copied().map(author).collect(),
        };
        assert_eq!(choose(None), [skipped("c", ChoiceReason::Covered, &[1])]);
        let over = ChoiceReason::OverLimit;
        assert_eq!(choose(Some(1)), [skipped("b", over, &[1, 2]), skipped("c", over, &[1])]);
    }
}
