//! Events and templates (NIP-01), signers' errors, ids and relays, in the tables that all links share.

use std::borrow::Cow;
use std::cell::Cell;

use flatbuffers::{FlatBufferBuilder, Follow, ForwardsUOffset, Vector, VectorIter, WIPOffset};

use super::verify::EventBytes;
use super::{WireError, fb, missing, read_text, scalar_enum, write_text};
use crate::message::{CachePolicy, ShardSource, SignerError, Template};
use crate::nostr::event::{Event, EventId, Pubkey, RawEvent, Signature, Tag, Written};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::nostr::sub_id::SubId;
use crate::time::UnixSeconds;

type Offset<T> = WIPOffset<T>;
pub(super) type Offsets<'f, T> = WIPOffset<Vector<'f, ForwardsUOffset<T>>>;
type Strings<'a> = Vector<'a, ForwardsUOffset<&'a str>>;

scalar_enum!(ShardSource: Network, Cache);
scalar_enum!(CachePolicy: CacheThenNetwork, CacheFirst, CacheOnly, NoCache, Count);

/// The room an event takes at most, for `builder`.
pub(super) fn event_bytes(event: &RawEvent) -> usize {
    // Its own table and layout, id, pubkey and signature.
    240 + text_bytes(&event.content) + tags_bytes(&event.tags)
}

pub(super) fn write_event<'f>(fbb: &mut FlatBufferBuilder<'f>, event: &RawEvent) -> Offset<fb::NostrEvent<'f>> {
    write_seen_event(fbb, event, ShardSource::Network, &[])
}

/// An event with where it was seen.
pub(super) fn write_seen_event<'f>(
    fbb: &mut FlatBufferBuilder<'f>,
    event: &RawEvent,
    source: ShardSource,
    relays: &[RelayUrl],
) -> Offset<fb::NostrEvent<'f>> {
    let content = fbb.create_string(&event.content);
    let tags = write_tags(fbb, &event.tags);
    let relays = write_relays(fbb, relays);
    let args = fb::NostrEventArgs {
        id: Some(&fb::Hash(event.id.0)),
        pubkey: Some(&fb::Hash(event.pubkey.0)),
        created_at: event.created_at.0,
        kind: event.kind.0,
        tags,
        content: Some(content),
        sig: Some(&fb::Sig(event.sig.0)),
        relays,
        source: source.into(),
    };
    fb::NostrEvent::create(fbb, &args)
}

/// An event that nobody in the engine has verified.
pub(super) fn read_raw_event(event: fb::NostrEvent<'_>) -> RawEvent {
    RawEvent {
        id: EventId(event.id().0),
        pubkey: Pubkey(event.pubkey().0),
        created_at: UnixSeconds(event.created_at()),
        kind: Kind(event.kind()),
        tags: read_tags(event.tags()),
        content: event.content().to_owned(),
        sig: Signature(event.sig().0),
    }
}

/// An event from another role: only `Event`s are written to the links it is read from.
pub(super) fn read_event(event: fb::NostrEvent<'_>) -> Event {
    Event::trusted(read_raw_event(event))
}

/// The same of one that is a buffer of its own, which is read when more is wanted of it than its id and kind.
///
/// # Errors
/// `bytes` are no event.
pub(super) fn read_stored_event(bytes: &[u8]) -> Result<Event, WireError> {
    EventBytes::verified(bytes).map(stored_event)
}

/// `event` as it goes from the store to the page, written once however often it goes.
pub fn as_stored(event: &Event) -> Event {
    stored_event(EventBytes::written(event))
}

fn stored_event(bytes: EventBytes) -> Event {
    let table = bytes.table();
    let (id, kind) = (EventId(table.id().0), Kind(table.kind()));
    Event::trusted_as_written(id, kind, Box::new(bytes))
}

impl Written for EventBytes {
    fn bytes(&self) -> &[u8] {
        EventBytes::bytes(self)
    }

    fn read(&self) -> RawEvent {
        read_raw_event(self.table())
    }

    fn any_tag(&self, is_it: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        each(self.table().tags()).any(|tag| {
            let mut values = each(tag.values());
            values
                .next()
                .zip(values.next())
                .is_some_and(|(name, value)| is_it(name, value))
        })
    }
}

/// An event's bytes as `read_stored_event` takes them: those in which it came from the store, or others that say the same.
pub(super) fn stored_bytes(event: &Event) -> Cow<'_, [u8]> {
    match event.written() {
        Some(bytes) => Cow::Borrowed(bytes),
        None => Cow::Owned(EventBytes::written(event).bytes().to_vec()),
    }
}

pub(super) fn read_event_field(field: &'static str, event: Option<fb::NostrEvent<'_>>) -> Result<Event, WireError> {
    event.map(read_event).ok_or_else(|| missing(field))
}

pub(super) fn write_tags<'f>(fbb: &mut FlatBufferBuilder<'f>, tags: &[Tag]) -> Option<Offsets<'f, fb::Tag<'f>>> {
    (!tags.is_empty()).then(|| write_all_tags(fbb, tags))
}

/// The tags, even if there are none.
pub(super) fn write_all_tags<'f>(fbb: &mut FlatBufferBuilder<'f>, tags: &[Tag]) -> Offsets<'f, fb::Tag<'f>> {
    let mut values = Vec::new();
    let mut offsets = Vec::with_capacity(tags.len());
    for tag in tags {
        values.clear();
        values.extend(tag.iter().map(|value| fbb.create_string(value)));
        let values = (!values.is_empty()).then(|| fbb.create_vector(&values));
        offsets.push(fb::Tag::create(fbb, &fb::TagArgs { values }));
    }
    fbb.create_vector(&offsets)
}

pub(super) fn read_tags(tags: Option<Vector<'_, ForwardsUOffset<fb::Tag<'_>>>>) -> Vec<Tag> {
    each(tags).map(|tag| read_strings(tag.values())).collect()
}

pub(super) fn tags_bytes(tags: &[Tag]) -> usize {
    // A tag is an offset in the event's vector, a table of two words and a vector of offsets.
    let tag = |tag: &Tag| 16 + tag.iter().map(|value| 4 + text_bytes(value)).sum::<usize>();
    tags.iter().map(tag).sum()
}

/// The room a template takes at most, for `builder`.
pub(super) fn template_bytes(template: &Template) -> usize {
    48 + text_bytes(&template.content) + tags_bytes(&template.tags)
}

pub(super) fn write_template<'f>(fbb: &mut FlatBufferBuilder<'f>, template: &Template) -> Offset<fb::Template<'f>> {
    let args = fb::TemplateArgs {
        kind: template.kind.0,
        created_at: template.created_at.map(|seconds| seconds.0),
        tags: write_tags(fbb, &template.tags),
        content: Some(fbb.create_string(&template.content)),
    };
    fb::Template::create(fbb, &args)
}

pub(super) fn read_template(template: fb::Template<'_>) -> Template {
    Template {
        kind: Kind(template.kind()),
        created_at: template.created_at().map(UnixSeconds),
        tags: read_tags(template.tags()),
        content: template.content().to_owned(),
    }
}

/// The room a signer's error takes at most, for `builder`.
pub(super) fn signer_error_bytes(error: &SignerError) -> usize {
    32 + text_bytes(signer_error_parts(error).1)
}

fn signer_error_parts(error: &SignerError) -> (fb::SignerErrorCode, &str) {
    use fb::SignerErrorCode as Code;
    match error {
        SignerError::NoSigner => (Code::NoSigner, ""),
        SignerError::Refused(detail) => (Code::Refused, detail),
        SignerError::TimedOut => (Code::TimedOut, ""),
        SignerError::Disconnected(detail) => (Code::Disconnected, detail),
        SignerError::BadInput(detail) => (Code::BadInput, detail),
        SignerError::Cancelled => (Code::Cancelled, ""),
        SignerError::Unsupported(detail) => (Code::Unsupported, detail),
    }
}

pub(super) fn write_signer_error<'f>(
    fbb: &mut FlatBufferBuilder<'f>,
    error: &SignerError,
) -> Offset<fb::SignerError<'f>> {
    let (code, detail) = signer_error_parts(error);
    let detail = write_text(fbb, detail);
    fb::SignerError::create(fbb, &fb::SignerErrorArgs { code, detail })
}

pub(super) fn read_signer_error(
    field: &'static str,
    error: Option<fb::SignerError<'_>>,
) -> Result<SignerError, WireError> {
    use fb::SignerErrorCode as Code;
    let error = error.ok_or_else(|| missing(field))?;
    let detail = || read_text(error.detail());
    match error.code() {
        Code::NoSigner => Ok(SignerError::NoSigner),
        Code::Refused => Ok(SignerError::Refused(detail())),
        Code::TimedOut => Ok(SignerError::TimedOut),
        Code::Disconnected => Ok(SignerError::Disconnected(detail())),
        Code::BadInput => Ok(SignerError::BadInput(detail())),
        Code::Cancelled => Ok(SignerError::Cancelled),
        Code::Unsupported => Ok(SignerError::Unsupported(detail())),
        Code(tag) => Err(WireError::UnknownTag {
            field: "SignerError.code",
            tag,
        }),
    }
}

pub(super) fn write_ids<'f>(fbb: &mut FlatBufferBuilder<'f>, ids: &[EventId]) -> WIPOffset<Vector<'f, fb::Hash>> {
    fbb.create_vector_from_iter(ids.iter().map(|id| fb::Hash(id.0)))
}

pub(super) fn read_ids(ids: Option<Vector<'_, fb::Hash>>) -> Vec<EventId> {
    each(ids).map(|id| EventId(id.0)).collect()
}

pub(super) fn read_sub(field: &'static str, sub: Option<&str>) -> Result<SubId, WireError> {
    let text = sub.ok_or_else(|| missing(field))?;
    SubId::new(text).ok_or_else(|| WireError::BadSub {
        field,
        chars: text.chars().count(),
    })
}

thread_local! {
    /// The relay that was read last. Events come in floods, and those of one relay after another.
    static LAST_RELAY: Cell<Option<RelayUrl>> = const { Cell::new(None) };
}

pub(super) fn read_relay(field: &'static str, relay: Option<&str>) -> Result<RelayUrl, WireError> {
    let text = relay.ok_or_else(|| missing(field))?;
    let last = LAST_RELAY.take().filter(|last| last.as_str() == text);
    let relay = match last {
        Some(last) => last,
        None => RelayUrl::parse(text).map_err(|error| WireError::BadRelay { field, error })?,
    };
    LAST_RELAY.set(Some(relay.clone()));
    Ok(relay)
}

/// The room relays take at most, for `builder`.
pub(super) fn relays_bytes(relays: &[RelayUrl]) -> usize {
    relays.iter().map(|relay| 4 + text_bytes(relay.as_str())).sum()
}

/// No relays are no vector.
pub(super) fn write_relays<'f>(fbb: &mut FlatBufferBuilder<'f>, relays: &[RelayUrl]) -> Option<Offsets<'f, &'f str>> {
    (!relays.is_empty()).then(|| write_all_strings(fbb, relays.iter().map(RelayUrl::as_str)))
}

pub(super) fn read_relays(field: &'static str, relays: Option<Strings<'_>>) -> Result<Vec<RelayUrl>, WireError> {
    each(relays).map(|relay| read_relay(field, Some(relay))).collect()
}

pub(super) fn write_all_strings<'f, 's>(
    fbb: &mut FlatBufferBuilder<'f>,
    strings: impl Iterator<Item = &'s str>,
) -> Offsets<'f, &'f str> {
    let offsets: Vec<_> = strings.map(|string| fbb.create_string(string)).collect();
    fbb.create_vector(&offsets)
}

pub(super) fn read_strings(strings: Option<Strings<'_>>) -> Vec<String> {
    each(strings).map(str::to_owned).collect()
}

pub(super) fn strings_bytes(strings: &[String]) -> usize {
    strings.iter().map(|string| 4 + text_bytes(string)).sum()
}

/// The elements of a vector; none if it is absent.
pub(super) fn each<'a, T: Follow<'a>>(vector: Option<Vector<'a, T>>) -> VectorIter<'a, T> {
    vector.unwrap_or_default().iter()
}

/// The room a string takes at most: its length, its zero and up to three bytes of padding.
pub(super) fn text_bytes(text: &str) -> usize {
    text.len() + 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples;

    #[test]
    fn a_stored_event_says_what_the_event_says_whether_it_is_read_or_not() {
        for event in [samples::event(), samples::large_event()] {
            let stored = as_stored(&event);
            let read = read_stored_event(stored.written().unwrap()).unwrap();
            for same in [stored, read] {
                assert!(same.id() == event.id && same.kind() == event.kind);
                for tag in event.tags.iter().chain([&vec!["no".into(), "such".into()]]) {
                    let [name, value, ..] = tag.as_slice() else { continue };
                    let mut is_it = |n: &str, v: &str| n == name && v == value;
                    assert_eq!(same.any_tag(&mut is_it), event.any_tag(&mut is_it));
                }
                // Not `assert_eq`, which would print megabytes.
                assert!(*same.raw() == *event && matches!(same.raw(), Cow::Owned(_)));
                assert!(same.clone().into_raw() == *event && same == event);
                assert!(matches!(same.raw(), Cow::Borrowed(_)));
                assert!(same.into_raw() == *event);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_event_are_refused_before_they_are_read() {
        let bytes = as_stored(&samples::event()).written().unwrap().to_vec();
        for length in 0..bytes.len() - 8 {
            assert!(read_stored_event(&bytes[..length]).is_err(), "{length}");
        }
    }
}
