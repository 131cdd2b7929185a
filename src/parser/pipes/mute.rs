//! Mute: drops by author, id or `e` tag, hashtag, and whole word of the content.

use crate::message::Muted;
use crate::nostr::event::{Event, EventId, Pubkey};
use crate::parser::content::is_word;
use crate::sorted::SortedSet;

#[derive(Debug)]
pub struct Mute {
    pubkeys: SortedSet<Pubkey>,
    ids: SortedSet<EventId>,
    /// In lower case, as the words are.
    hashtags: SortedSet<String>,
    words: Vec<String>,
}

impl Mute {
    pub fn new(muted: &Muted) -> Mute {
        let lower = |texts: &[String]| -> SortedSet<String> {
            let texts = texts.iter().map(|text| text.trim().to_lowercase());
            texts.filter(|text| !text.is_empty()).collect()
        };
        Mute {
            pubkeys: muted.pubkeys.iter().copied().collect(),
            ids: muted.ids.iter().copied().collect(),
            hashtags: lower(&muted.hashtags),
            words: lower(&muted.words).into_iter().collect(),
        }
    }

    pub fn passes(&self, event: &Event) -> bool {
        let values = |name: &'static str| event.tags_named(name).filter_map(|tag| tag.get(1));
        !self.pubkeys.contains(&event.pubkey)
            && !self.ids.contains(&event.id)
            && (self.ids.is_empty()
                || !values("e").any(|id| EventId::from_hex(id).is_some_and(|id| self.ids.contains(&id))))
            && (self.hashtags.is_empty() || !values("t").any(|tag| self.hashtags.contains(&tag.to_lowercase())))
            && !self.has_word(&event.content)
    }

    fn has_word(&self, content: &str) -> bool {
        if self.words.is_empty() {
            return false;
        }
        let content = content.to_lowercase();
        self.words.iter().any(|word| {
            let mut found = content.match_indices(word.as_str());
            found.any(|(at, _)| is_boundary(&content, at) && is_boundary(&content, at + word.len()))
        })
    }
}

/// Whether a word may begin or end at byte `at`.
fn is_boundary(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|text| text.chars().next_back());
    let after = text.get(at..).and_then(|text| text.chars().next());
    match (before, after) {
        (Some(before), Some(after)) => !is_word(before) || !is_word(after) || is_unspaced(before) || is_unspaced(after),
        _ => true,
    }
}

/// Of a script that writes no space between words: any of its characters may begin one.
fn is_unspaced(c: char) -> bool {
    matches!(c as u32,
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn words_are_whole_and_of_either_case() {
        for (word, content, passed) in [
            ("spam", "Spam!", false),
            ("SPAM", "no spam, thanks", false),
            ("spam", "spammer", true),
            ("spam", "antispam", true),
            ("spam", "spam_er", true),
            ("spam", "antispam spam", false),
            ("straße", "DIE STRAßE", false),
            ("été", "l'Été dernier", false),
            ("été", "étés", true),
            ("οδος", "Η ΟΔΟΣ", false),
            ("спам", "это СПАМ.", false),
            ("спам", "спамер", true),
            ("天气", "今天天气很好", false),
            ("free money", "FREE MONEY here", false),
            ("free money", "carefree money", true),
            ("#btc", "all #BTC", false),
            ("", "anything", true),
            ("  ", "any  thing", true),
        ] {
            let mute = Mute::new(&Muted {
                words: vec![word.into()],
                ..Muted::default()
            });
            assert_eq!(
                mute.passes(&signed(1, 1, 1, &[], content)),
                passed,
                "{word} in {content}"
            );
        }
    }

    #[test]
    fn authors_ids_and_hashtags_are_muted() {
        let event = signed(
            1,
            1,
            1,
            &[&["t", "Boats"], &["e", &"a".repeat(64)], &["p", &"c".repeat(64)]],
            "",
        );
        let id = |hex: &str| EventId::from_hex(&hex.repeat(64)).unwrap();
        let muted = Muted::default;
        for (muted, passed) in [
            (muted(), true),
            (
                Muted {
                    pubkeys: vec![event.pubkey],
                    ..muted()
                },
                false,
            ),
            (
                Muted {
                    pubkeys: vec![Pubkey::from_hex(&"c".repeat(64)).unwrap()],
                    ..muted()
                },
                true,
            ),
            (
                Muted {
                    ids: vec![event.id],
                    ..muted()
                },
                false,
            ),
            (
                Muted {
                    ids: vec![id("a")],
                    ..muted()
                },
                false,
            ),
            (
                Muted {
                    ids: vec![id("b")],
                    ..muted()
                },
                true,
            ),
            (
                Muted {
                    hashtags: vec!["bOATS".into()],
                    ..muted()
                },
                false,
            ),
            (
                Muted {
                    hashtags: vec!["boat".into()],
                    ..muted()
                },
                true,
            ),
        ] {
            assert_eq!(Mute::new(&muted).passes(&event), passed, "{muted:?}");
        }
    }
}
