//! What a relay says it can take (NIP-11, "Server Limitations"). Read leniently: a document that is none limits nothing.

use serde_json::Value;

use crate::nostr::filter::Filter;

/// A relay's limits; none where it names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// REQs open at a time on one connection.
    pub max_subscriptions: Option<usize>,
    /// Filters in one REQ. Old documents have it.
    pub max_filters: Option<usize>,
    /// Bytes of one frame of ours.
    pub max_message_length: Option<usize>,
    /// What a filter's `limit` is cut down to.
    pub max_limit: Option<u32>,
}

/// Smaller ones would keep the engine from asking anything at all; such a document is wrong.
const LEAST_MESSAGE_LENGTH: usize = 1024;

impl Limits {
    /// Reads the `limitation` object of a NIP-11 document.
    pub fn from_json(json: &str) -> Limits {
        let document: Value = serde_json::from_str(json).unwrap_or_default();
        let number = |name: &str| {
            let value = document.get("limitation")?.get(name)?;
            value.as_u64().filter(|n| *n > 0)
        };
        let size = |name| number(name).and_then(|n| usize::try_from(n).ok());
        Limits {
            max_subscriptions: size("max_subscriptions"),
            max_filters: size("max_filters"),
            max_message_length: size("max_message_length").filter(|n| *n >= LEAST_MESSAGE_LENGTH),
            max_limit: number("max_limit").map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        }
    }

    /// Divides the filters of one subscription into REQs that the relay can take.
    ///
    /// A filter that is too long by itself is divided along its longest list, which asks
    /// for the same events. One that has no list to divide stays as it is.
    pub fn divide(&self, filters: Vec<Filter>) -> Vec<Vec<Filter>> {
        // Room for `["REQ","<sub id of 64 characters>",` and the brackets.
        const FRAME_BYTES: usize = 280;
        let max_filters = self.max_filters.unwrap_or(usize::MAX);
        let Some(room) = self.max_message_length.map(|length| length.saturating_sub(FRAME_BYTES)) else {
            return filters.chunks(max_filters).map(<[Filter]>::to_vec).collect();
        };
        let mut reqs: Vec<Vec<Filter>> = Vec::new();
        let mut bytes = usize::MAX;
        let mut left = Vec::from_iter(filters.into_iter().rev());
        while let Some(filter) = left.pop() {
            let size = json_bytes(&filter) + 1;
            if size > room
                && let Some([first, second]) = filter.halves()
            {
                left.extend([second, first]);
                continue;
            }
            match reqs.last_mut() {
                Some(req) if bytes + size <= room && req.len() < max_filters => {
                    req.push(filter);
                    bytes += size;
                }
                _ => {
                    reqs.push(vec![filter]);
                    bytes = size;
                }
            }
        }
        reqs
    }
}

fn json_bytes(filter: &Filter) -> usize {
    // A filter is strings and numbers: it always serialises.
    serde_json::to_string(filter).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::Pubkey;
    use crate::nostr::kind::Kind;

    fn kind(kind: u16) -> Filter {
        Filter {
            kinds: Some(vec![Kind(kind)]),
            ..Filter::default()
        }
    }

    #[test]
    fn more_filters_than_a_req_may_have_become_several() {
        let limits = Limits {
            max_filters: Some(2),
            ..Limits::default()
        };
        let filters = Vec::from_iter((0..5).map(kind));
        let reqs = limits.divide(filters.clone());
        assert_eq!(reqs.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(reqs.concat(), filters);
        assert_eq!(Limits::default().divide(filters.clone()), [filters]);
    }

    #[test]
    fn a_filter_over_the_message_length_is_divided_along_its_longest_list() {
        let limits = Limits {
            max_message_length: Some(2_000),
            ..Limits::default()
        };
        let authors = Vec::from_iter((0..200).map(|n| Pubkey([n; 32])));
        let long = Filter {
            authors: Some(authors.clone()),
            ..kind(1)
        };
        let reqs = limits.divide(vec![kind(7), long]);
        for req in &reqs {
            assert!(req.iter().map(json_bytes).sum::<usize>() < 2_000);
        }
        let parts = reqs.concat();
        assert_eq!(parts.first(), Some(&kind(7)));
        let united: Vec<Pubkey> = parts.iter().filter_map(|part| part.authors.clone()).flatten().collect();
        assert_eq!(united, authors);
        assert!(parts.iter().skip(1).all(|part| part.kinds == kind(1).kinds));
    }

    #[test]
    fn the_limitation_object_is_read() {
        let json = "{\"name\":\"r\",\"limitation\":{\"max_subscriptions\":20,\"max_filters\":10,\"max_message_length\":65535,\"max_limit\":500}}";
        assert_eq!(
            Limits::from_json(json),
            Limits {
                max_subscriptions: Some(20),
                max_filters: Some(10),
                max_message_length: Some(65_535),
                max_limit: Some(500)
            }
        );
    }

    #[test]
    fn nonsense_limits_nothing() {
        for json in [
            "",
            "<html>",
            "[]",
            "{\"limitation\":5}",
            "{\"limitation\":{\"max_subscriptions\":-1,\"max_filters\":0,\"max_message_length\":3,\"max_limit\":\"x\"}}",
        ] {
            assert_eq!(Limits::from_json(json), Limits::default(), "{json}");
        }
    }
}
