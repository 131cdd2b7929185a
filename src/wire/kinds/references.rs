//! What events point to: events, addresses, people and quotes.

use super::{Builder, id, key, kind, relay, texts};
use crate::nostr::event::{EventId, Pubkey};
use crate::nostr::kind::Kind;
use crate::nostr::nip19::Entity;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::kinds::tags::{Address, AddressRef, EventRef, Mention, ProfileRef, Quote, QuoteTarget};
use crate::wire::fb;
use crate::wire::nostr::write_relays;
use flatbuffers::WIPOffset;

pub(super) fn event_ref<'f>(fbb: &mut Builder<'f>, event: &EventRef) -> WIPOffset<fb::EventRef<'f>> {
    let author = key(event.author);
    let args = fb::EventRefArgs {
        id: Some(&fb::Hash(event.id.0)),
        relay: relay(fbb, &event.relay),
        author: author.as_ref(),
    };
    fb::EventRef::create(fbb, &args)
}

pub(super) fn maybe_event<'f>(fbb: &mut Builder<'f>, event: &Option<EventRef>) -> Option<WIPOffset<fb::EventRef<'f>>> {
    event.as_ref().map(|event| event_ref(fbb, event))
}

fn write_address<'f>(fbb: &mut Builder<'f>, address: &Address, at: &Option<RelayUrl>) -> WIPOffset<fb::Address<'f>> {
    let args = fb::AddressArgs {
        kind: address.kind.0,
        pubkey: Some(&fb::Hash(address.pubkey.0)),
        identifier: Some(fbb.create_string(&address.identifier)),
        relay: relay(fbb, at),
    };
    fb::Address::create(fbb, &args)
}

pub(super) fn address<'f>(fbb: &mut Builder<'f>, address: &Address) -> WIPOffset<fb::Address<'f>> {
    write_address(fbb, address, &None)
}

pub(super) fn address_ref<'f>(fbb: &mut Builder<'f>, found: &AddressRef) -> WIPOffset<fb::Address<'f>> {
    write_address(fbb, &found.address, &found.relay)
}

pub(super) fn maybe_address<'f>(fbb: &mut Builder<'f>, found: &Option<Address>) -> Option<WIPOffset<fb::Address<'f>>> {
    found.as_ref().map(|found| address(fbb, found))
}

pub(super) fn profile_ref<'f>(fbb: &mut Builder<'f>, person: &ProfileRef) -> WIPOffset<fb::ProfileRef<'f>> {
    let args = fb::ProfileRefArgs {
        pubkey: Some(&fb::Hash(person.pubkey.0)),
        relay: relay(fbb, &person.relay),
    };
    fb::ProfileRef::create(fbb, &args)
}

pub(super) fn mention<'f>(fbb: &mut Builder<'f>, mention: &Mention) -> WIPOffset<fb::Mention<'f>> {
    let args = fb::MentionArgs {
        pubkey: Some(&fb::Hash(mention.pubkey.0)),
        relays: write_relays(fbb, &mention.relays),
    };
    fb::Mention::create(fbb, &args)
}

pub(super) fn quote<'f>(fbb: &mut Builder<'f>, quote: &Quote) -> WIPOffset<fb::Quote<'f>> {
    let (event, cited) = match &quote.target {
        QuoteTarget::Event(event) => (Some(*event), None),
        QuoteTarget::Address(cited) => (None, Some(cited)),
    };
    let id = id(event);
    let author = key(quote.author);
    let args = fb::QuoteArgs {
        id: id.as_ref(),
        address: cited.map(|cited| address(fbb, cited)),
        relays: write_relays(fbb, &quote.relays),
        author: author.as_ref(),
    };
    fb::Quote::create(fbb, &args)
}

/// What an entity is made of, in the order of `fb::Entity`.
type EntityParts<'a> = (
    fb::EntityType,
    Option<Pubkey>,
    Option<EventId>,
    Option<Kind>,
    Option<&'a str>,
    &'a [String],
);

pub(super) fn entity<'f>(fbb: &mut Builder<'f>, entity: &Entity) -> WIPOffset<fb::Entity<'f>> {
    use fb::EntityType as Type;
    let parts: EntityParts<'_> = match entity {
        Entity::Npub(pubkey) => (Type::Npub, Some(*pubkey), None, None, None, &[]),
        Entity::Note(event) => (Type::Note, None, Some(*event), None, None, &[]),
        Entity::Nprofile(profile) => (Type::Nprofile, Some(profile.pubkey), None, None, None, &profile.relays),
        Entity::Nevent(event) => (
            Type::Nevent,
            event.author,
            Some(event.id),
            event.kind,
            None,
            &event.relays,
        ),
        Entity::Naddr(naddr) => (
            Type::Naddr,
            Some(naddr.pubkey),
            None,
            Some(naddr.kind),
            Some(&naddr.identifier),
            &naddr.relays,
        ),
    };
    let (type_, pubkey, event, event_kind, identifier, relays) = parts;
    let pubkey = key(pubkey);
    let id = id(event);
    let args = fb::EntityArgs {
        type_,
        pubkey: pubkey.as_ref(),
        id: id.as_ref(),
        kind: kind(event_kind),
        identifier: identifier.map(|identifier| fbb.create_string(identifier)),
        relays: texts(fbb, relays),
    };
    fb::Entity::create(fbb, &args)
}
