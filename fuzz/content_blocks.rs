//! The content scanner on any text: its blocks cover it, say what they are, and show no secret key.
//!
//! Shared by the fuzz target, by `tests/fuzzed.rs` and by `tests/content.rs`.

use nostr_ferry::nostr::event::Tag;
use nostr_ferry::parser::content::{Block, BlockKind, Content, mask, parse};
use nostr_ferry::parser::kinds::markdown;

/// Splits `input` at its first line that is empty into tags, one a line with tabs between values, and a text; scans that.
pub fn check(input: &str) -> Content {
    let (head, text) = input.split_once("\n\n").unwrap_or(("", input));
    let tags: Vec<Tag> = head
        .lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect();
    let content = parse(text, &tags);
    assert_whole(text, &content);
    assert!(mask(text).len() <= 2 * text.len() + 64, "{text:?}");
    markdown::parse(text, &tags);
    content
}

/// The blocks give `text` back byte for byte, and the shortened ones a beginning of it.
pub fn assert_whole(text: &str, content: &Content) {
    assert_covers(text, &content.blocks, text.len());
    let joined: String = content.blocks.iter().map(|block| block.source(text)).collect();
    assert_eq!(joined, text);
    let is_text = |block: &Block| block.kind == BlockKind::Text;
    let neighbours = content.blocks.windows(2).any(|pair| pair.iter().all(is_text));
    assert!(!neighbours, "text beside text in {text:?}");
    if let Some(shortened) = &content.shortened {
        let end = shortened.last().map_or(0, |block| block.end);
        assert!(end < text.len(), "{text:?}");
        assert_covers(text, shortened, end);
    }
}

/// The blocks cover the text up to `to`: ordered, not empty, contiguous.
fn assert_covers(text: &str, blocks: &[Block], to: usize) {
    let mut at = 0;
    for block in blocks {
        assert_eq!(block.start, at, "{text:?}: {blocks:?}");
        assert!(block.end > block.start, "{text:?}: {blocks:?}");
        assert!(text.is_char_boundary(block.end), "{text:?}: {blocks:?}");
        at = block.end;
    }
    assert_eq!(at, to, "{text:?}: {blocks:?}");
}
