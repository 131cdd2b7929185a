//! Addressable kinds without a parser of their own (NIP-01, 30000–39999): the tags that many of them share.

use super::kind30311::Participant;
use super::tags::{self, Address, AddressRef, EventRef};
use crate::nostr::event::RawEvent;
use crate::nostr::relay_url::RelayUrl;
use crate::time::UnixSeconds;

/// What such an event says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressable {
    pub identifier: String,
    /// From `title`, or `name`.
    pub title: Option<String>,
    /// From `description`, or `summary`.
    pub description: Option<String>,
    pub image: Option<String>,
    /// As written: each kind has words of its own.
    pub status: Option<String>,
    pub starts: Option<UnixSeconds>,
    pub ends: Option<UnixSeconds>,
    pub relays: Vec<RelayUrl>,
    pub participants: Vec<Participant>,
    pub events: Vec<EventRef>,
    pub addresses: Vec<AddressRef>,
    pub address: Address,
}

pub(super) fn parse(event: &RawEvent) -> Addressable {
    let tags = &event.tags;
    let time = |long: &str, short: &str| tags::number(tags, long).or(tags::number(tags, short)).map(UnixSeconds);
    let mut relays = tags::relays(tags, "relays");
    relays.extend(tags::relays(tags, "relay"));
    Addressable {
        identifier: event.d_tag().to_owned(),
        title: tags::text(tags, "title").or_else(|| tags::text(tags, "name")),
        description: tags::text(tags, "description").or_else(|| tags::text(tags, "summary")),
        image: tags::link(tags, "image"),
        status: tags::text(tags, "status"),
        // NIP-53 writes `starts`, NIP-52 `start`.
        starts: time("starts", "start"),
        ends: time("ends", "end"),
        relays: tags::unique(relays),
        participants: tags::all(tags, "p", Participant::from_tag),
        events: tags::all(tags, "e", EventRef::from_tag),
        addresses: tags::all(tags, "a", AddressRef::from_tag),
        address: Address::of(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const KEY: &str = "f7234bd4c1394dda46d09f35bd384dd30cc552ad5541990f98844fb06676e9ca";

    #[test]
    fn the_meeting_of_nip_53_is_read() {
        let room = format!("30312:{KEY}:main-conference-room");
        let tags: &[&[&str]] = &[
            &["d", "annual-meeting-2025"],
            &["a", &room, "wss://nostr.example.com"],
            &["title", "Annual Company Meeting 2025"],
            &["summary", "Yearly company-wide meeting"],
            &["image", "https://example.com/meeting.jpg"],
            &["starts", "1676262123"],
            &["ends", "1676269323"],
            &["status", "live"],
            &["p", KEY, "wss://provider1.com/", "Speaker", "proof"],
            &["e", KEY],
            &["relays", "wss://relay1.com", "wss://relay2.com"],
            &["relay", "wss://relay2.com/"],
        ];
        let event = signed(1, 30313, 1, tags, "");
        let read = parse(&event);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            (read.identifier.as_str(), read.title, read.description),
            (
                "annual-meeting-2025",
                some("Annual Company Meeting 2025"),
                some("Yearly company-wide meeting")
            )
        );
        assert_eq!(
            (read.image, read.status),
            (some("https://example.com/meeting.jpg"), some("live"))
        );
        assert_eq!(
            (read.starts, read.ends),
            (Some(UnixSeconds(1_676_262_123)), Some(UnixSeconds(1_676_269_323)))
        );
        assert_eq!(
            (
                read.relays.len(),
                read.events.len(),
                read.addresses[0].address.to_string()
            ),
            (2, 1, room)
        );
        assert_eq!(
            (read.participants[0].role.clone(), read.participants[0].proof.clone()),
            (some("Speaker"), some("proof"))
        );
        assert_eq!(
            read.address.to_string(),
            format!("30313:{}:annual-meeting-2025", event.pubkey)
        );
    }

    #[test]
    fn what_is_missing_is_absent_and_other_words_are_known() {
        let bare = parse(&signed(
            1,
            31923,
            1,
            &[&["name", "N"], &["description", "D"], &["start", "5"], &["end", "x"]],
            "",
        ));
        assert_eq!(
            (
                bare.identifier.as_str(),
                bare.title.as_deref(),
                bare.description.as_deref()
            ),
            ("", Some("N"), Some("D"))
        );
        assert_eq!(
            (bare.starts, bare.ends, bare.status, bare.image),
            (Some(UnixSeconds(5)), None, None, None)
        );
    }
}
