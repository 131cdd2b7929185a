//! Kinds 20, 21 and 22: posts that are pictures or videos (NIP-68, NIP-71).

use super::tags::{self, Mention, Quote};
use crate::nostr::event::RawEvent;
use crate::parser::content::{self, Content, Media};
use crate::time::UnixSeconds;

/// A picture or video post.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaPost {
    pub title: Option<String>,
    /// Of the `imeta` tags: pictures, or variants of one video.
    pub media: Vec<Media>,
    /// Why it should be hidden at first (NIP-36); empty where no reason is given.
    pub content_warning: Option<String>,
    pub published_at: Option<UnixSeconds>,
    pub topics: Vec<String>,
    /// The description.
    pub content: Content,
    pub quotes: Vec<Quote>,
    pub profiles: Vec<Mention>,
}

/// `None` without a medium.
pub(super) fn parse(event: &RawEvent) -> Option<MediaPost> {
    let media = tags::all(&event.tags, "imeta", Media::from_tag);
    if media.is_empty() {
        return None;
    }
    let content = content::parse(&event.content, &event.tags);
    let (quotes, profiles) = tags::citations(event, &content.blocks);
    Some(MediaPost {
        title: tags::text(&event.tags, "title"),
        media,
        content_warning: tags::first(&event.tags, "content-warning", |tag| {
            Some(tag.get(1).cloned().unwrap_or_default())
        }),
        published_at: tags::number(&event.tags, "published_at").map(UnixSeconds),
        topics: tags::texts(&event.tags, "t"),
        content,
        quotes,
        profiles,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;
    use crate::parser::content::imeta::MediaType;

    #[test]
    fn a_picture_post_is_read_with_all_that_its_tags_say() {
        let hash = "3093509d1e0bc604ff60cb9286f4cd7c781553bc8991937befaacfdc28ec5cdc";
        let x = format!("x {hash}");
        let tags: &[&[&str]] = &[
            &["title", "Costa Rica"],
            &[
                "imeta",
                "url https://nostr.build/i/my-image.jpg",
                "m image/jpeg",
                "thumbhash zOcFFIIKmXdCinaXaHcmcHUFSA==",
                "blurhash eVF$^OI:${M{o#*0-nNFxakD-?xVM}WEWB%iNKxvR-oetmo#R-aen$",
                "dim 3024x4032",
                "alt A scenic photo overlooking the coast of Costa Rica",
                &x,
                "size 1234",
                "fallback https://nostrcheck.me/alt1.jpg",
                "fallback https://void.cat/alt1.jpg",
            ],
            &["content-warning", "sun"],
            &["t", "travel"],
        ];
        let post = parse(&signed(1, 20, 1, tags, "At the #coast")).unwrap();
        assert_eq!(
            (post.title.as_deref(), post.content_warning.as_deref()),
            (Some("Costa Rica"), Some("sun"))
        );
        assert_eq!((post.topics, post.content.blocks.len()), (vec!["travel".to_owned()], 2));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            post.media,
            [Media {
                url: "https://nostr.build/i/my-image.jpg".into(),
                media_type: Some(MediaType::Image),
                mime: some("image/jpeg"),
                width: Some(3024),
                height: Some(4032),
                blurhash: some("eVF$^OI:${M{o#*0-nNFxakD-?xVM}WEWB%iNKxvR-oetmo#R-aen$"),
                thumbhash: some("zOcFFIIKmXdCinaXaHcmcHUFSA=="),
                alt: some("A scenic photo overlooking the coast of Costa Rica"),
                sha256: some(hash),
                size: Some(1234),
                fallbacks: vec![
                    "https://nostrcheck.me/alt1.jpg".into(),
                    "https://void.cat/alt1.jpg".into()
                ],
                ..Media::default()
            }]
        );
    }

    #[test]
    fn a_video_post_has_durations_and_previews() {
        let tags: &[&[&str]] = &[
            &[
                "imeta",
                "dim 1920x1080",
                "url https://v.example/a.mp4",
                "m video/mp4",
                "image https://v.example/a.jpg",
                "bitrate 3000000",
                "duration 29.223",
            ],
            &[
                "imeta",
                "url https://v.example/a.m3u8",
                "m application/x-mpegURL",
                "dim 0x5",
                "duration -1",
                "x short",
            ],
            &["imeta", "m video/mp4"],
            &["imeta", "url javascript:x"],
            &["published_at", "1700000000"],
            &["content-warning"],
        ];
        let post = parse(&signed(1, 21, 1, tags, "")).unwrap();
        assert_eq!(
            (post.media.len(), post.published_at, post.content_warning.as_deref()),
            (2, Some(UnixSeconds(1_700_000_000)), Some(""))
        );
        let [first, second] = &post.media[..] else { panic!() };
        assert_eq!(
            (first.duration, first.bitrate, first.previews.len()),
            (Some(29.223), Some(3_000_000), 1)
        );
        assert_eq!(
            (second.media_type, second.duration, second.width, &second.sha256),
            (Some(MediaType::Video), None, None, &None)
        );
        assert_eq!(parse(&signed(1, 22, 1, &[&["title", "x"], &["imeta"]], "")), None);
    }
}
