//! People, relays and lists; live activities and other addressable events.

use flatbuffers::{UnionWIPOffset, WIPOffset};

use super::content::content;
use super::references::{address, address_ref, event_ref, maybe_event, mention, quote};
use super::{Builder, each, ids, relay, state, text, texts, time};
use crate::parser::kinds::{
    Addressable, Contact, Emoji, Encryption, List, ListItems, LiveActivity, LiveChat, LiveStatus, Participant,
    PrivateItems, Profile, RelayUse,
};
use crate::wire::fb;
use crate::wire::nostr::write_relays;

type Union = WIPOffset<UnionWIPOffset>;

pub(super) fn profile(fbb: &mut Builder<'_>, profile: &Profile) -> Union {
    let birthday = profile.birthday.as_ref().map(|birthday| {
        let args = fb::BirthdayArgs {
            year: birthday.year,
            month: birthday.month,
            day: birthday.day,
        };
        fb::Birthday::create(fbb, &args)
    });
    let args = fb::ProfileArgs {
        name: text(fbb, &profile.name),
        display_name: text(fbb, &profile.display_name),
        about: text(fbb, &profile.about),
        picture: text(fbb, &profile.picture),
        banner: text(fbb, &profile.banner),
        website: text(fbb, &profile.website),
        nip05: text(fbb, &profile.nip05),
        lud06: text(fbb, &profile.lud06),
        lud16: text(fbb, &profile.lud16),
        bot: profile.bot,
        birthday,
        github: text(fbb, &profile.github),
        twitter: text(fbb, &profile.twitter),
        mastodon: text(fbb, &profile.mastodon),
        pubkey: text(fbb, &profile.pubkey),
    };
    fb::Profile::create(fbb, &args).as_union_value()
}

pub(super) fn contacts(fbb: &mut Builder<'_>, contacts: &[Contact]) -> Union {
    let contacts = each(fbb, contacts, contact);
    fb::Contacts::create(fbb, &fb::ContactsArgs { contacts }).as_union_value()
}

fn contact<'f>(fbb: &mut Builder<'f>, contact: &Contact) -> WIPOffset<fb::Contact<'f>> {
    let args = fb::ContactArgs {
        pubkey: Some(&fb::Hash(contact.pubkey.0)),
        relay: relay(fbb, &contact.relay),
        petname: text(fbb, &contact.petname),
    };
    fb::Contact::create(fbb, &args)
}

pub(super) fn relay_list(fbb: &mut Builder<'_>, relays: &[RelayUse]) -> Union {
    let relays = each(fbb, relays, |fbb, relay| {
        let args = fb::RelayUseArgs {
            url: Some(fbb.create_string(relay.url.as_str())),
            read: relay.read,
            write: relay.write,
        };
        fb::RelayUse::create(fbb, &args)
    });
    fb::RelayList::create(fbb, &fb::RelayListArgs { relays }).as_union_value()
}

pub(super) fn list(fbb: &mut Builder<'_>, list: &List) -> Union {
    let args = fb::ListArgs {
        identifier: text(fbb, &list.identifier),
        title: text(fbb, &list.title),
        description: text(fbb, &list.description),
        image: text(fbb, &list.image),
        items: Some(list_items(fbb, &list.items)),
        private_items: list.private.as_ref().map(|private| private_items(fbb, private)),
    };
    fb::List::create(fbb, &args).as_union_value()
}

fn list_items<'f>(fbb: &mut Builder<'f>, items: &ListItems) -> WIPOffset<fb::ListItems<'f>> {
    let args = fb::ListItemsArgs {
        people: each(fbb, &items.people, contact),
        events: each(fbb, &items.events, event_ref),
        addresses: each(fbb, &items.addresses, address_ref),
        topics: texts(fbb, &items.topics),
        words: texts(fbb, &items.words),
        relays: write_relays(fbb, &items.relays),
        emoji: each(fbb, &items.emoji, emoji),
    };
    fb::ListItems::create(fbb, &args)
}

fn emoji<'f>(fbb: &mut Builder<'f>, emoji: &Emoji) -> WIPOffset<fb::ListEmoji<'f>> {
    let args = fb::ListEmojiArgs {
        shortcode: Some(fbb.create_string(&emoji.shortcode)),
        url: Some(fbb.create_string(&emoji.url)),
    };
    fb::ListEmoji::create(fbb, &args)
}

fn private_items<'f>(fbb: &mut Builder<'f>, private: &PrivateItems) -> WIPOffset<fb::PrivateItems<'f>> {
    let args = fb::PrivateItemsArgs {
        state: state(&private.items),
        encryption: match private.encryption {
            Encryption::Nip04 => fb::Encryption::Nip04,
            Encryption::Nip44 => fb::Encryption::Nip44,
        },
        items: private.items.open().map(|items| list_items(fbb, items)),
    };
    fb::PrivateItems::create(fbb, &args)
}

fn participant<'f>(fbb: &mut Builder<'f>, person: &Participant) -> WIPOffset<fb::Participant<'f>> {
    let args = fb::ParticipantArgs {
        pubkey: Some(&fb::Hash(person.pubkey.0)),
        relay: relay(fbb, &person.relay),
        role: text(fbb, &person.role),
        proof: text(fbb, &person.proof),
    };
    fb::Participant::create(fbb, &args)
}

pub(super) fn live_chat(fbb: &mut Builder<'_>, source: &str, chat: &LiveChat) -> Union {
    let args = fb::LiveChatArgs {
        activity: Some(address_ref(fbb, &chat.activity)),
        reply: maybe_event(fbb, &chat.reply),
        content: Some(content(fbb, source, &chat.content)),
        quotes: each(fbb, &chat.quotes, quote),
        profiles: each(fbb, &chat.profiles, mention),
    };
    fb::LiveChat::create(fbb, &args).as_union_value()
}

pub(super) fn live_activity(fbb: &mut Builder<'_>, live: &LiveActivity) -> Union {
    let args = fb::LiveActivityArgs {
        identifier: Some(fbb.create_string(&live.identifier)),
        title: text(fbb, &live.title),
        summary: text(fbb, &live.summary),
        image: text(fbb, &live.image),
        streaming: text(fbb, &live.streaming),
        recording: text(fbb, &live.recording),
        starts: time(live.starts),
        ends: time(live.ends),
        status: match live.status {
            None => fb::LiveStatus::Unknown,
            Some(LiveStatus::Planned) => fb::LiveStatus::Planned,
            Some(LiveStatus::Live) => fb::LiveStatus::Live,
            Some(LiveStatus::Ended) => fb::LiveStatus::Ended,
        },
        participants: each(fbb, &live.participants, participant),
        current_participants: live.current_participants,
        total_participants: live.total_participants,
        pinned: ids(fbb, &live.pinned),
        topics: texts(fbb, &live.topics),
        relays: write_relays(fbb, &live.relays),
        address: Some(address(fbb, &live.address)),
    };
    fb::LiveActivity::create(fbb, &args).as_union_value()
}

pub(super) fn addressable(fbb: &mut Builder<'_>, other: &Addressable) -> Union {
    let args = fb::AddressableArgs {
        identifier: Some(fbb.create_string(&other.identifier)),
        title: text(fbb, &other.title),
        description: text(fbb, &other.description),
        image: text(fbb, &other.image),
        status: text(fbb, &other.status),
        starts: time(other.starts),
        ends: time(other.ends),
        relays: write_relays(fbb, &other.relays),
        participants: each(fbb, &other.participants, participant),
        events: each(fbb, &other.events, event_ref),
        addresses: each(fbb, &other.addresses, address_ref),
        address: Some(address(fbb, &other.address)),
    };
    fb::Addressable::create(fbb, &args).as_union_value()
}
