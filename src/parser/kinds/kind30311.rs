//! Kinds 1311 and 30311: live activities and the chat beside them (NIP-53).

use super::tags::{self, Address, AddressRef, EventRef, Mention, ProfileRef, Quote};
use crate::nostr::event::{EventId, Pubkey, RawEvent, Tag};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::{self, Content};
use crate::time::UnixSeconds;

/// A message in a live activity's chat.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveChat {
    pub activity: AddressRef,
    /// The message it answers.
    pub reply: Option<EventRef>,
    pub content: Content,
    pub quotes: Vec<Quote>,
    pub profiles: Vec<Mention>,
}

/// A live activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveActivity {
    pub identifier: String,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub image: Option<String>,
    /// Where it can be watched.
    pub streaming: Option<String>,
    /// Where it can be watched afterwards.
    pub recording: Option<String>,
    pub starts: Option<UnixSeconds>,
    pub ends: Option<UnixSeconds>,
    pub status: Option<LiveStatus>,
    pub participants: Vec<Participant>,
    pub current_participants: Option<u64>,
    pub total_participants: Option<u64>,
    /// Chat messages.
    pub pinned: Vec<EventId>,
    pub topics: Vec<String>,
    pub relays: Vec<RelayUrl>,
    pub address: Address,
}

/// Whether it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveStatus {
    Planned,
    Live,
    Ended,
}

/// Somebody who takes part, or is said to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub pubkey: Pubkey,
    pub relay: Option<RelayUrl>,
    /// To be shown: `Host`, `Speaker`.
    pub role: Option<String>,
    /// Their signature under the activity's address, hex; not checked here.
    pub proof: Option<String>,
}

impl Participant {
    pub(super) fn from_tag(tag: &Tag) -> Option<Participant> {
        let ProfileRef { pubkey, relay } = ProfileRef::from_tag(tag)?;
        let text = |index| tags::value(tag, index).map(str::to_owned);
        Some(Participant {
            pubkey,
            relay,
            role: text(3),
            proof: text(4),
        })
    }
}

/// `None` without an activity.
pub(super) fn parse_chat(event: &RawEvent) -> Option<LiveChat> {
    let activity = tags::first(&event.tags, "a", |tag| {
        AddressRef::from_tag(tag).filter(|activity| activity.address.kind == Kind(30311))
    })?;
    let content = content::parse(&event.content, &event.tags);
    let (quotes, profiles) = tags::citations(event, &content.blocks);
    Some(LiveChat {
        activity,
        reply: tags::last(&event.tags, "e", EventRef::from_tag),
        content,
        quotes,
        profiles,
    })
}

pub(super) fn parse(event: &RawEvent) -> LiveActivity {
    let tags = &event.tags;
    LiveActivity {
        identifier: event.d_tag().to_owned(),
        title: tags::text(tags, "title"),
        summary: tags::text(tags, "summary"),
        image: tags::link(tags, "image"),
        streaming: tags::link(tags, "streaming"),
        recording: tags::link(tags, "recording"),
        starts: tags::number(tags, "starts").map(UnixSeconds),
        ends: tags::number(tags, "ends").map(UnixSeconds),
        status: match tags::text(tags, "status").as_deref() {
            Some("planned") => Some(LiveStatus::Planned),
            Some("live") => Some(LiveStatus::Live),
            Some("ended") => Some(LiveStatus::Ended),
            _ => None,
        },
        participants: tags::all(tags, "p", Participant::from_tag),
        current_participants: tags::number(tags, "current_participants"),
        total_participants: tags::number(tags, "total_participants"),
        pinned: tags::unique(tags::all(tags, "pinned", |tag| EventId::from_hex(tags::value(tag, 1)?))),
        topics: tags::texts(tags, "t"),
        relays: tags::relays(tags, "relays"),
        address: Address::of(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const KEY: &str = "1597246ac22f7d1375041054f2a4986bd971d8d196d7997e48973263ac9879ec";

    #[test]
    fn an_activity_is_read_whole() {
        let tags: &[&[&str]] = &[
            &["d", "demo-cf-stream"],
            &["title", "Adult Swim Metalocalypse"],
            &["summary", "Live stream from IPTV-ORG collection"],
            &["image", "https://i.imgur.com/CaKq6Mt.png"],
            &["streaming", "https://e.example/stream.m3u8"],
            &["recording", "https://e.example/rec.mp4"],
            &["starts", "1687182672"],
            &["ends", "1687189999"],
            &["status", "live"],
            &["current_participants", "175"],
            &["total_participants", "180"],
            &["t", "animation"],
            &["t", "iptv"],
            &["p", KEY, "wss://provider1.com/", "Host", "c0ffee"],
            &["p", KEY, "", "Speaker"],
            &["p", "91cf9..4e5ca", "wss://provider1.com/", "Host"],
            &["relays", "wss://one.com", "wss://two.com", "x"],
            &["pinned", KEY],
        ];
        let event = signed(1, 30311, 1, tags, "");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            parse(&event),
            LiveActivity {
                identifier: "demo-cf-stream".into(),
                title: some("Adult Swim Metalocalypse"),
                summary: some("Live stream from IPTV-ORG collection"),
                image: some("https://i.imgur.com/CaKq6Mt.png"),
                streaming: some("https://e.example/stream.m3u8"),
                recording: some("https://e.example/rec.mp4"),
                starts: Some(UnixSeconds(1_687_182_672)),
                ends: Some(UnixSeconds(1_687_189_999)),
                status: Some(LiveStatus::Live),
                participants: vec![
                    Participant {
                        pubkey: Pubkey::from_hex(KEY).unwrap(),
                        relay: RelayUrl::parse("wss://provider1.com").ok(),
                        role: some("Host"),
                        proof: some("c0ffee")
                    },
                    Participant {
                        pubkey: Pubkey::from_hex(KEY).unwrap(),
                        relay: None,
                        role: some("Speaker"),
                        proof: None
                    },
                ],
                current_participants: Some(175),
                total_participants: Some(180),
                pinned: vec![EventId::from_hex(KEY).unwrap()],
                topics: vec!["animation".into(), "iptv".into()],
                relays: vec![
                    RelayUrl::parse("wss://one.com").unwrap(),
                    RelayUrl::parse("wss://two.com").unwrap()
                ],
                address: Address {
                    kind: Kind(30311),
                    pubkey: event.pubkey,
                    identifier: "demo-cf-stream".into()
                },
            }
        );
    }

    #[test]
    fn what_is_odd_is_absent() {
        let odd = parse(&signed(
            1,
            30311,
            1,
            &[
                &["status", "paused"],
                &["starts", "-1"],
                &["current_participants", "many"],
                &["pinned", "x"],
            ],
            "",
        ));
        assert_eq!(
            (odd.status, odd.starts, odd.current_participants, odd.pinned.len()),
            (None, None, None, 0)
        );
        for (text, status) in [("planned", LiveStatus::Planned), ("ended", LiveStatus::Ended)] {
            assert_eq!(
                parse(&signed(1, 30311, 1, &[&["status", text]], "")).status,
                Some(status)
            );
        }
    }

    #[test]
    fn a_chat_message_belongs_to_an_activity() {
        let activity = format!("30311:{KEY}:demo-cf-stream");
        let chat = parse_chat(&signed(
            1,
            1311,
            1,
            &[&["a", &activity, "wss://r.example", "root"], &["e", KEY]],
            "Zaps to live streams is beautiful.",
        ))
        .unwrap();
        assert_eq!(chat.activity.address.to_string(), activity);
        assert!(chat.activity.relay.is_some() && chat.reply.is_some());
        assert_eq!(chat.content.blocks.len(), 1);
        let article = format!("30023:{KEY}:x");
        assert_eq!(parse_chat(&signed(1, 1311, 1, &[&["a", &article]], "x")), None);
    }
}
