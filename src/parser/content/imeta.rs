//! `imeta` tags (NIP-92, with the fields of NIP-94, 68 and 71): what is known about a medium.

use crate::nostr::event::Tag;

/// What a medium is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    Image,
    Video,
    Audio,
}

/// A picture, video or sound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media {
    /// `http` or `https`.
    pub url: String,
    /// Absent where neither MIME type nor extension says.
    pub media_type: Option<MediaType>,
    /// MIME type (`m`).
    pub mime: Option<String>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    pub blurhash: Option<String>,
    pub thumbhash: Option<String>,
    /// A description for those who do not see it.
    pub alt: Option<String>,
    /// SHA-256 of the file, lower-case hex (`x`).
    pub sha256: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Seconds.
    pub duration: Option<f64>,
    /// Bits a second.
    pub bitrate: Option<u64>,
    /// Pictures to show before it plays (`image`, `thumb`).
    pub previews: Vec<String>,
    /// Other addresses of the same file.
    pub fallbacks: Vec<String>,
}

impl Media {
    /// A medium of which only the address is known.
    pub fn bare(url: &str) -> Media {
        Media {
            url: url.to_owned(),
            media_type: super::url::media_type(url),
            ..Media::default()
        }
    }

    /// Reads an `imeta` tag; `None` without a usable `url`.
    pub fn from_tag(tag: &Tag) -> Option<Media> {
        let fields = || {
            tag.iter().skip(1).filter_map(|field| {
                let (name, value) = field.split_once(' ')?;
                let value = value.trim();
                (!value.is_empty()).then_some((name, value))
            })
        };
        if tag.first()? != "imeta" {
            return None;
        }
        let first = |name: &str| fields().find(|(n, _)| *n == name).map(|(_, value)| value);
        let text = |name: &str| first(name).map(str::to_owned);
        let urls = |names: &[&str]| -> Vec<String> {
            fields()
                .filter(|(n, value)| names.contains(n) && is_web(value))
                .map(|(_, value)| value.to_owned())
                .collect()
        };
        let mut media = Media::bare(first("url").filter(|url| is_web(url))?);
        media.mime = text("m").map(|mime| mime.to_ascii_lowercase());
        media.media_type = media.mime.as_deref().and_then(media_type_of_mime).or(media.media_type);
        if let Some((width, height)) = first("dim").and_then(dimensions) {
            media.width = Some(width);
            media.height = Some(height);
        }
        media.blurhash = text("blurhash");
        media.thumbhash = text("thumbhash");
        media.alt = text("alt");
        media.sha256 = first("x")
            .filter(|x| crate::nostr::hex::decode::<32>(x).is_some())
            .map(str::to_owned);
        media.size = first("size").and_then(|size| size.parse().ok());
        media.duration = first("duration").and_then(seconds);
        media.bitrate = first("bitrate").and_then(|rate| rate.parse().ok());
        media.previews = urls(&["image", "thumb"]);
        media.fallbacks = urls(&["fallback"]);
        Some(media)
    }
}

/// Whether `url` is an `http` or `https` address without white space.
pub fn is_web(url: &str) -> bool {
    let bytes = url.as_bytes();
    super::url::scheme_len(bytes, 0).is_some_and(|len| len < bytes.len())
        && bytes.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'h'))
        && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// `<width>x<height>`, both above zero.
pub fn dimensions(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    (width > 0 && height > 0).then_some((width, height))
}

/// A number as JSON writes one: the standard library's parser would bring tables of its own.
fn seconds(text: &str) -> Option<f64> {
    serde_json::from_str(text)
        .ok()
        .filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}

fn media_type_of_mime(mime: &str) -> Option<MediaType> {
    match mime.split('/').next()? {
        "image" => Some(MediaType::Image),
        "video" => Some(MediaType::Video),
        "audio" => Some(MediaType::Audio),
        // HLS playlists go by this name (NIP-71's own example).
        "application" if mime.contains("mpegurl") => Some(MediaType::Video),
        _ => None,
    }
}
