//! NIP-01 filters, for every message that has some (`Filter`).

use flatbuffers::{FlatBufferBuilder, ForwardsUOffset, Vector, WIPOffset};

use super::nostr::{Offsets, each, read_ids, read_strings, strings_bytes, text_bytes, write_all_strings, write_ids};
use super::{WireError, fb};
use crate::nostr::event::Pubkey;
use crate::nostr::filter::Filter;
use crate::nostr::kind::Kind;
use crate::sorted::SortedMap;
use crate::time::UnixSeconds;

/// The room filters take at most, for `builder`.
pub(super) fn filters_bytes(filters: &[Filter]) -> usize {
    let filter = |filter: &Filter| {
        let hashes = filter.ids.as_ref().map_or(0, Vec::len) + filter.authors.as_ref().map_or(0, Vec::len);
        let kinds = filter.kinds.as_ref().map_or(0, Vec::len);
        let tags = filter.tags.values().map(|values| 32 + strings_bytes(values));
        // The table and its layout, the vectors' lengths.
        112 + 32 * hashes + 2 * kinds + tags.sum::<usize>() + filter.search.as_deref().map_or(0, text_bytes)
    };
    filters.iter().map(filter).sum()
}

/// No filters are no vector.
pub(super) fn write_filters<'f>(
    fbb: &mut FlatBufferBuilder<'f>,
    filters: &[Filter],
) -> Option<Offsets<'f, fb::Filter<'f>>> {
    let offsets: Vec<_> = filters.iter().map(|filter| write_filter(fbb, filter)).collect();
    (!offsets.is_empty()).then(|| fbb.create_vector(&offsets))
}

pub(super) fn read_filters(
    filters: Option<Vector<'_, ForwardsUOffset<fb::Filter<'_>>>>,
) -> Result<Vec<Filter>, WireError> {
    each(filters).map(read_filter).collect()
}

pub(super) fn write_filter<'f>(fbb: &mut FlatBufferBuilder<'f>, filter: &Filter) -> WIPOffset<fb::Filter<'f>> {
    let ids = filter.ids.as_deref().map(|ids| write_ids(fbb, ids));
    let authors = filter
        .authors
        .as_deref()
        .map(|authors| fbb.create_vector_from_iter(authors.iter().map(|author| fb::Hash(author.0))));
    let kinds = filter
        .kinds
        .as_deref()
        .map(|kinds| fbb.create_vector_from_iter(kinds.iter().map(|kind| kind.0)));
    let tags: Vec<_> = filter
        .tags
        .iter()
        .map(|(letter, values)| {
            let values = write_all_strings(fbb, values.iter().map(String::as_str));
            // No filter has such a letter; the reader refuses the zero as it would the letter.
            let letter = u8::try_from(*letter).unwrap_or(0);
            fb::TagFilter::create(
                fbb,
                &fb::TagFilterArgs {
                    letter,
                    values: Some(values),
                },
            )
        })
        .collect();
    let args = fb::FilterArgs {
        ids,
        authors,
        kinds,
        tags: (!tags.is_empty()).then(|| fbb.create_vector(&tags)),
        since: filter.since.map(|since| since.0),
        until: filter.until.map(|until| until.0),
        limit: filter.limit,
        search: filter.search.as_deref().map(|search| fbb.create_string(search)),
    };
    fb::Filter::create(fbb, &args)
}

fn read_filter(filter: fb::Filter<'_>) -> Result<Filter, WireError> {
    let mut tags = SortedMap::new();
    for tag in each(filter.tags()) {
        let letter = char::from(tag.letter());
        if !letter.is_ascii_alphabetic() {
            return Err(WireError::BadLetter(tag.letter()));
        }
        if tags.insert(letter, read_strings(Some(tag.values()))).is_some() {
            return Err(WireError::RepeatedLetter(letter));
        }
    }
    Ok(Filter {
        ids: filter.ids().map(|ids| read_ids(Some(ids))),
        authors: filter
            .authors()
            .map(|authors| authors.iter().map(|author| Pubkey(author.0)).collect()),
        kinds: filter.kinds().map(|kinds| kinds.iter().map(Kind).collect()),
        tags,
        since: filter.since().map(UnixSeconds),
        until: filter.until().map(UnixSeconds),
        limit: filter.limit(),
        search: filter.search().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::PageToParser;
    use crate::message::Subscribe;
    use crate::wire::samples::sub;
    use crate::wire::{Wire, builder, finish};

    fn there_and_back(filter: Filter) -> Result<Filter, WireError> {
        let subscribe = Subscribe {
            filters: vec![filter],
            ..Subscribe::default()
        };
        match PageToParser::decode(&PageToParser::Subscribe { sub: sub(), subscribe }.encode())? {
            PageToParser::Subscribe { mut subscribe, .. } => Ok(subscribe.filters.remove(0)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_absent_list_of_a_filter_is_not_an_empty_one() {
        let absent = Filter::default();
        let empty = Filter {
            ids: Some(vec![]),
            authors: Some(vec![]),
            kinds: Some(vec![]),
            search: Some(String::new()),
            ..Filter::default()
        };
        assert_eq!(there_and_back(absent.clone()), Ok(absent));
        assert_eq!(there_and_back(empty.clone()), Ok(empty));
        let zero = Filter {
            since: Some(UnixSeconds(0)),
            until: Some(UnixSeconds(0)),
            limit: Some(0),
            ..Filter::default()
        };
        assert_eq!(there_and_back(zero.clone()), Ok(zero));
    }

    #[test]
    fn a_tag_of_a_filter_is_one_ascii_letter_once() {
        for (letter, error) in [('1', 49), ('\0', 0), ('\u{e9}', 0xe9), ('\u{20ac}', 0)] {
            let filter = Filter {
                tags: SortedMap::from([(letter, vec!["x".into()])]),
                ..Filter::default()
            };
            assert_eq!(there_and_back(filter), Err(WireError::BadLetter(error)), "{letter}");
        }
        let mut fbb = builder(0);
        let values = write_all_strings(&mut fbb, ["x"].into_iter());
        let tag = |fbb: &mut FlatBufferBuilder<'static>| {
            let values = Some(values);
            fb::TagFilter::create(fbb, &fb::TagFilterArgs { letter: b'e', values })
        };
        let tags = [tag(&mut fbb), tag(&mut fbb)];
        let tags = Some(fbb.create_vector(&tags));
        let filter = fb::Filter::create(
            &mut fbb,
            &fb::FilterArgs {
                tags,
                ..Default::default()
            },
        );
        let bytes = finish(fbb, filter);
        let filter = flatbuffers::root::<fb::Filter>(&bytes).unwrap();
        assert_eq!(read_filter(filter), Err(WireError::RepeatedLetter('e')));
    }
}
