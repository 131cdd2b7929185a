//! The beginning of a long text as blocks.

use unicode_segmentation::UnicodeSegmentation;

use super::{Block, BlockKind};
use crate::nostr::nip19::Entity;

/// What a preview holds at most: as much of a note as a feed shows without unfolding it.
const MAX_CHARS: usize = 500;
const MAX_LINES: usize = 10;
const MAX_MEDIA: usize = 3;
const MAX_QUOTES: usize = 1;

/// As much of `blocks` as a preview shows; `None` if that is all of them.
///
/// Text, code and addresses count by their characters. Media, quotes, names, emoji,
/// tokens and invoices are drawn as things of their own and count as one.
pub(super) fn shorten(text: &str, blocks: &[Block]) -> Option<Vec<Block>> {
    let mut left = Budget {
        chars: MAX_CHARS,
        breaks: MAX_LINES - 1,
        media: MAX_MEDIA,
        quotes: MAX_QUOTES,
    };
    for (index, block) in blocks.iter().enumerate() {
        // White space between two media is not shown.
        let is_gap = index > 0
            && [index - 1, index + 1].iter().all(|i| {
                matches!(
                    blocks.get(*i),
                    Some(Block {
                        kind: BlockKind::Media(_),
                        ..
                    })
                )
            })
            && block.source(text).trim().is_empty();
        if is_gap {
            continue;
        }
        let end = left.take(text, block);
        if end == block.end {
            continue;
        }
        let mut kept = blocks.get(..index).unwrap_or_default().to_vec();
        if end > block.start {
            kept.push(cut(text, block, end));
        }
        while kept
            .last()
            .is_some_and(|last| last.kind == BlockKind::Text && last.source(text).trim().is_empty())
        {
            kept.pop();
        }
        return Some(kept);
    }
    None
}

fn cut(text: &str, block: &Block, end: usize) -> Block {
    let mut kind = block.kind.clone();
    if let BlockKind::Code(code) = &mut kind {
        let source = text.get(block.start..end).unwrap_or_default();
        let opening = block.source(text).find(code.code.as_str()).unwrap_or(0);
        code.code = source.get(opening..).unwrap_or_default().to_owned();
    }
    Block {
        kind,
        start: block.start,
        end,
    }
}

struct Budget {
    chars: usize,
    breaks: usize,
    media: usize,
    quotes: usize,
}

impl Budget {
    /// Takes a block, or what of it there is room for. Returns the end of what was taken.
    fn take(&mut self, text: &str, block: &Block) -> usize {
        let source = block.source(text);
        match &block.kind {
            BlockKind::Text | BlockKind::Code(_) => return block.start + self.take_text(source),
            BlockKind::Link { .. } | BlockKind::Hashtag { .. } | BlockKind::Relay { .. } => {
                let chars = source.chars().take(MAX_CHARS + 1).count();
                return self.take_whole(block, chars);
            }
            BlockKind::Media(_) | BlockKind::MediaGrid { .. } => {
                if self.media == 0 {
                    return block.start;
                }
                self.media -= 1;
            }
            BlockKind::Nostr(Entity::Note(_) | Entity::Nevent(_) | Entity::Naddr(_)) => {
                if self.quotes == 0 {
                    return block.start;
                }
                self.quotes -= 1;
            }
            BlockKind::Nostr(Entity::Npub(_) | Entity::Nprofile(_))
            | BlockKind::Secret
            | BlockKind::Emoji { .. }
            | BlockKind::Cashu(_)
            | BlockKind::Invoice { .. } => {}
        }
        self.take_whole(block, 1)
    }

    fn take_whole(&mut self, block: &Block, chars: usize) -> usize {
        match self.chars.checked_sub(chars) {
            Some(left) => {
                self.chars = left;
                block.end
            }
            None => block.start,
        }
    }

    /// The length of the graphemes of `source` there is room for.
    fn take_text(&mut self, source: &str) -> usize {
        // Where all of it fits, which is nearly always, nobody need look where a grapheme ends. A line break ends one.
        let (chars, breaks) = (
            source.chars().count(),
            memchr::memchr_iter(b'\n', source.as_bytes()).count(),
        );
        if chars <= self.chars && breaks <= self.breaks {
            self.chars -= chars;
            self.breaks -= breaks;
            return source.len();
        }
        for (at, grapheme) in source.grapheme_indices(true) {
            let chars = grapheme.chars().take(self.chars + 1).count();
            let breaks = usize::from(grapheme.ends_with('\n'));
            if chars > self.chars || breaks > self.breaks {
                return at;
            }
            self.chars -= chars;
            self.breaks -= breaks;
        }
        source.len()
    }
}
