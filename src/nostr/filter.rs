//! Filters (NIP-01): what a subscription asks for, and whether an event is it.

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::event::{EventId, Pubkey, RawEvent};
use super::kind::Kind;
use crate::sorted::SortedMap;
use crate::time::UnixSeconds;

/// One NIP-01 filter. An absent member asks nothing; a present list is met by any of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub ids: Option<Vec<EventId>>,
    pub authors: Option<Vec<Pubkey>>,
    pub kinds: Option<Vec<Kind>>,
    /// By tag letter (`e` for `#e`); every letter given must be met.
    pub tags: SortedMap<char, Vec<String>>,
    pub since: Option<UnixSeconds>,
    pub until: Option<UnixSeconds>,
    /// The most stored events wanted; it does not bound live events.
    pub limit: Option<u32>,
    /// NIP-50. Only a relay can judge it: `matches` takes no notice of it.
    pub search: Option<String>,
}

impl Filter {
    /// Whether `event` is what this filter asks for, `limit` and `search` aside.
    pub fn matches(&self, event: &RawEvent) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&event.id))
            && self
                .authors
                .as_ref()
                .is_none_or(|authors| authors.contains(&event.pubkey))
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&event.kind))
            && self.since.is_none_or(|since| event.created_at >= since)
            && self.until.is_none_or(|until| event.created_at <= until)
            && self.matches_tags(
                |is_it| event.any_tag(is_it),
                |_, values, value| values.iter().any(|listed| listed == value),
            )
    }

    /// Whether an event has one of each tag that is asked for; the other members are not looked at.
    ///
    /// `any_tag`: whether the name and first value of any of its tags are what is looked for.
    /// `lists`: whether a letter's values have one among them, for callers that know a shorter way than to compare each.
    pub fn matches_tags(
        &self,
        any_tag: impl Fn(&mut dyn FnMut(&str, &str) -> bool) -> bool,
        lists: impl Fn(char, &[String], &str) -> bool,
    ) -> bool {
        self.tags.iter().all(|(letter, values)| {
            any_tag(&mut |name, value| name.chars().eq([*letter]) && lists(*letter, values, value))
        })
    }

    /// Two filters that together match what this one does, each with half of its longest list. `None` if no list has
    /// two values.
    pub fn halves(&self) -> Option<[Filter; 2]> {
        let ids = self.ids.as_ref().map_or(0, Vec::len);
        let authors = self.authors.as_ref().map_or(0, Vec::len);
        let kinds = self.kinds.as_ref().map_or(0, Vec::len);
        let tags = self.tags.iter().map(|(letter, values)| (values.len(), *letter));
        let (values, letter) = tags.max().unwrap_or_default();
        let longest = ids.max(authors).max(kinds).max(values);
        if longest < 2 {
            return None;
        }
        let [mut left, mut right] = [self.clone(), self.clone()];
        if ids == longest {
            right.ids = split_off_half(left.ids.as_mut());
        } else if authors == longest {
            right.authors = split_off_half(left.authors.as_mut());
        } else if kinds == longest {
            right.kinds = split_off_half(left.kinds.as_mut());
        } else {
            right.tags.insert(letter, split_off_half(left.tags.get_mut(&letter))?);
        }
        Some([left, right])
    }
}

/// Leaves the first half in `list` and gives the second, which is the larger one of an odd number.
fn split_off_half<T>(list: Option<&mut Vec<T>>) -> Option<Vec<T>> {
    list.map(|list| list.split_off(list.len() / 2))
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(ids) = &self.ids {
            map.serialize_entry("ids", ids)?;
        }
        if let Some(authors) = &self.authors {
            map.serialize_entry("authors", authors)?;
        }
        if let Some(kinds) = &self.kinds {
            map.serialize_entry("kinds", kinds)?;
        }
        for (letter, values) in &self.tags {
            map.serialize_entry(&format!("#{letter}"), values)?;
        }
        if let Some(since) = self.since {
            map.serialize_entry("since", &since)?;
        }
        if let Some(until) = self.until {
            map.serialize_entry("until", &until)?;
        }
        if let Some(limit) = self.limit {
            map.serialize_entry("limit", &limit)?;
        }
        if let Some(search) = &self.search {
            map.serialize_entry("search", search)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Filter;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a NIP-01 filter")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Filter, A::Error> {
                let mut filter = Filter::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "ids" => once(&mut filter.ids, &mut map, "ids")?,
                        "authors" => once(&mut filter.authors, &mut map, "authors")?,
                        "kinds" => once(&mut filter.kinds, &mut map, "kinds")?,
                        "since" => once(&mut filter.since, &mut map, "since")?,
                        "until" => once(&mut filter.until, &mut map, "until")?,
                        "limit" => once(&mut filter.limit, &mut map, "limit")?,
                        "search" => once(&mut filter.search, &mut map, "search")?,
                        other => {
                            let letter = tag_letter(other)
                                .ok_or_else(|| de::Error::custom(format!("a filter has no member {other:?}")))?;
                            if filter.tags.insert(letter, map.next_value()?).is_some() {
                                return Err(de::Error::custom(format!("duplicate field `#{letter}`")));
                            }
                        }
                    }
                }
                Ok(filter)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Reads the value of the member `name`, which two readers must not understand differently: it may stand there once.
fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    member: &mut Option<T>,
    map: &mut A,
    name: &'static str,
) -> Result<(), A::Error> {
    match member.replace(map.next_value()?) {
        None => Ok(()),
        Some(_) => Err(de::Error::duplicate_field(name)),
    }
}

/// The letter of a `#x` member.
pub fn tag_letter(member: &str) -> Option<char> {
    let mut chars = member.strip_prefix('#')?.chars();
    let letter = chars.next().filter(char::is_ascii_alphabetic)?;
    chars.next().is_none().then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn every_member_must_be_met_and_any_value_of_it_will_do() {
        let event = signed(1, 1, 100, &[&["e", "aa"], &["t", "rust"], &["emoji", "x"]], "hi");
        let matches = |json: String| serde_json::from_str::<Filter>(&json).unwrap().matches(&event);
        let (id, pubkey) = (event.id, event.pubkey);
        assert!(matches("{}".into()));
        assert!(matches(format!(
            "{{\"ids\":[\"{id}\"],\"authors\":[\"{pubkey}\"],\"kinds\":[0,1]}}"
        )));
        assert!(matches(
            "{\"since\":100,\"until\":100,\"#t\":[\"nostr\",\"rust\"],\"#e\":[\"aa\"],\"limit\":0}".into()
        ));
        for miss in [
            "{\"ids\":[]}",
            "{\"kinds\":[0]}",
            "{\"since\":101}",
            "{\"until\":99}",
            "{\"#t\":[\"Rust\"]}",
            "{\"#t\":[\"rust\"],\"#e\":[\"bb\"]}",
        ] {
            assert!(!matches(miss.into()), "{miss}");
        }
    }

    #[test]
    fn json_goes_there_and_back() {
        let text = "{\"kinds\":[1],\"#e\":[\"aa\"],\"since\":1,\"until\":2,\"limit\":3,\"search\":\"x\"}";
        let filter: Filter = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&filter).unwrap(), text);
        assert!(serde_json::from_str::<Filter>("{\"#ee\":[]}").is_err());
        assert!(serde_json::from_str::<Filter>("{\"kindz\":[]}").is_err());
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let hex = "A".repeat(64);
        for text in [
            "[]".into(),
            "null".into(),
            "{\"kinds\":[1],\"kinds\":[2]}".into(),
            "{\"kinds\":[1],\"\\u006binds\":[2]}".into(),
            "{\"#t\":[\"a\"],\"#t\":[\"b\"]}".into(),
            "{\"limit\":1,\"limit\":1}".into(),
            "{\"kinds\":null}".into(),
            "{\"kinds\":1}".into(),
            "{\"kinds\":[65536]}".into(),
            "{\"kinds\":[-1]}".into(),
            "{\"kinds\":[1.0]}".into(),
            "{\"since\":1e3}".into(),
            "{\"until\":-1}".into(),
            "{\"limit\":\"1\"}".into(),
            "{\"#t\":[1]}".into(),
            "{\"#t\":\"a\"}".into(),
            "{\"#\":[]}".into(),
            "{\"#1\":[]}".into(),
            "{\"#é\":[]}".into(),
            "{\"ids\":[\"00\"]}".into(),
            format!("{{\"authors\":[\"{hex}\"]}}"),
            "{\"kinds\":[1],}".into(),
        ] {
            assert!(serde_json::from_str::<Filter>(&text).is_err(), "{text}");
        }
        let both: Filter = serde_json::from_str("{\"#t\":[\"a\"],\"#T\":[\"b\"]}").unwrap();
        assert_eq!(both.tags.len(), 2);
    }

    #[test]
    fn halves_have_every_value_of_the_longest_list_once_and_all_of_the_others() {
        let filter = |json: &str| -> Filter { serde_json::from_str(json).unwrap() };
        for (whole, left, right) in [
            (
                r##"{"kinds":[1],"#e":["a"],"#p":["a","b","c"],"limit":7}"##,
                r##"{"kinds":[1],"#e":["a"],"#p":["a"],"limit":7}"##,
                r##"{"kinds":[1],"#e":["a"],"#p":["b","c"],"limit":7}"##,
            ),
            (r#"{"kinds":[1,2]}"#, r#"{"kinds":[1]}"#, r#"{"kinds":[2]}"#),
            (
                r##"{"kinds":[1,2,3],"#e":["a","b"]}"##,
                r##"{"kinds":[1],"#e":["a","b"]}"##,
                r##"{"kinds":[2,3],"#e":["a","b"]}"##,
            ),
        ] {
            assert_eq!(filter(whole).halves(), Some([filter(left), filter(right)]), "{whole}");
        }
        for one in ["{}", r##"{"kinds":[1],"#e":["a"],"#p":[],"since":1}"##] {
            assert_eq!(filter(one).halves(), None, "{one}");
        }
        let mut hashes = Filter {
            ids: Some((0..3).map(|n| EventId([n; 32])).collect()),
            authors: Some((0..4).map(|n| Pubkey([n; 32])).collect()),
            ..Filter::default()
        };
        let lists = |filter: &Filter| (filter.ids.clone().unwrap(), filter.authors.clone().unwrap());
        let (ids, authors) = lists(&hashes);
        let [left, right] = hashes.halves().unwrap().map(|half| lists(&half));
        assert_eq!((&left.0, &right.0), (&ids, &ids));
        assert_eq!([left.1, right.1].concat(), authors);
        hashes.authors = None;
        let [left, right] = hashes.halves().unwrap();
        assert_eq!([left.ids.unwrap(), right.ids.unwrap()].concat(), ids);
    }
}
