//! Content (NIP-10, 21, 27, 30, 92): splits a text into blocks, once, from left to right.
//!
//! The blocks cover the text entirely: joining their source gives it back byte
//! for byte. What is not what it looks like stays text; nothing is guessed, no
//! address is completed, nothing is fetched. Time is linear in the text.

pub mod bolt11;
pub mod cashu;
mod code;
pub mod imeta;
mod scan;
mod secret;
mod shorten;
mod url;

pub use imeta::Media;
pub use secret::mask;
pub(super) use url::is_word;

use crate::nostr::event::Tag;
use crate::nostr::nip19::Entity;

/// A piece of a text: what it is, and the bytes `start..end` of the text it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub kind: BlockKind,
    /// Byte offset of the first byte, on a character boundary.
    pub start: usize,
    /// Byte offset after the last byte, on a character boundary, above `start`.
    pub end: usize,
}

/// What a block is. Every string is as written unless said otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum BlockKind {
    Text,
    Code(Code),
    /// `http` or `https`.
    Link {
        url: String,
    },
    /// One picture, video or sound, by its extension or its `imeta` tag (NIP-92).
    Media(Box<Media>),
    /// Two or more media with nothing but white space between them.
    MediaGrid {
        items: Vec<Media>,
    },
    /// Without the `#`, in lower case as a `t` tag is (NIP-24).
    Hashtag {
        tag: String,
    },
    /// A NIP-19 entity, bare or as a NIP-21 URI.
    Nostr(Entity),
    /// What looks like a NIP-19 secret key. Show `SECRET_MASK` in place of its source.
    Secret,
    /// A NIP-30 emoji that the event's tags define.
    Emoji {
        shortcode: String,
        url: String,
    },
    /// Ecash (NUT-00).
    Cashu(Box<cashu::Token>),
    /// A Lightning invoice (BOLT11).
    Invoice {
        invoice: String,
        /// Millisatoshi; absent when the payer chooses.
        amount_msat: Option<u64>,
    },
    /// A relay's address, normalised.
    Relay {
        url: String,
    },
}

/// What to show in place of a secret key.
pub const SECRET_MASK: &str = "nsec1••••••••";

/// A code span or a fenced code block.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// What stands between the backticks.
    pub code: String,
    /// A block of its own, not a part of a line.
    pub fenced: bool,
    /// The first word after the opening fence.
    pub language: Option<String>,
}

/// A text's blocks, and fewer of them where the text is long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Ordered, not empty, contiguous; from 0 to the length of the text.
    pub blocks: Vec<Block>,
    /// The beginning of the text as blocks; absent when that is all of it.
    pub shortened: Option<Vec<Block>>,
}

impl Block {
    /// The part of `text` this block stands for; `text` is the one it was made from.
    pub fn source<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Splits `text` into blocks. `tags` are its event's: they define emoji (NIP-30) and media (NIP-92).
pub fn parse(text: &str, tags: &[Tag]) -> Content {
    let (blocks, _) = scan::scan(text, tags, scan::Backticks::AreCode);
    Content {
        shortened: shorten::shorten(text, &blocks).map(|blocks| grid(text, blocks)),
        blocks: grid(text, blocks),
    }
}

/// Splits a line of another markup, in which backticks have no meaning left.
pub fn parse_inline(text: &str, tags: &[Tag]) -> Vec<Block> {
    scan::scan(text, tags, scan::Backticks::AreText).0
}

/// Joins media that have only white space between them.
fn grid(text: &str, blocks: Vec<Block>) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks {
        let is_blank = |gap: &Block| gap.kind == BlockKind::Text && gap.source(text).trim().is_empty();
        let joins = matches!(block.kind, BlockKind::Media(_))
            && match out.as_slice() {
                [.., before, gap] if is_blank(gap) => is_media(before),
                [.., before] => is_media(before),
                [] => false,
            };
        if !joins {
            out.push(block);
            continue;
        }
        out.pop_if(|gap| gap.kind == BlockKind::Text);
        if let (Some(before), BlockKind::Media(media)) = (out.pop(), block.kind) {
            let mut items = match before.kind {
                BlockKind::MediaGrid { items } => items,
                BlockKind::Media(first) => vec![*first],
                _ => Vec::new(),
            };
            items.push(*media);
            out.push(Block {
                kind: BlockKind::MediaGrid { items },
                start: before.start,
                end: block.end,
            });
        }
    }
    out
}

fn is_media(block: &Block) -> bool {
    matches!(block.kind, BlockKind::Media(_) | BlockKind::MediaGrid { .. })
}
