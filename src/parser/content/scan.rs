//! The one pass over a text: at every byte that can begin a block, what begins there.

use super::code::Runs;
use super::imeta::{self, Media};
use super::secret::secrets;
use super::url::{UrlEnd, is_word, media_type, scheme_len, url_end};
use super::{Block, BlockKind, Code, bolt11, cashu};
use crate::nostr::event::Tag;
use crate::nostr::nip19::Entity;
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::SortedMap;

/// The entities that link something (NIP-19), with bech32's separator.
const ENTITY_PREFIXES: [&str; 5] = ["npub1", "nprofile1", "note1", "nevent1", "naddr1"];

/// Whether backticks mean anything in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Backticks {
    AreCode,
    AreText,
}

/// What stands at a byte. `looked` is the end of what had to be read to know.
enum Found {
    Block {
        kind: BlockKind,
        end: usize,
        looked: usize,
    },
    /// Text up to `end`, in which no block can begin.
    Text {
        end: usize,
        looked: usize,
    },
}

/// Splits `text`. Also returns how many bytes were read for it, all readings counted.
pub(super) fn scan(text: &str, tags: &[Tag], backticks: Backticks) -> (Vec<Block>, usize) {
    let runs = match backticks {
        Backticks::AreCode => Runs::find(text),
        Backticks::AreText => Runs::find(""),
    };
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        emoji: emoji(tags),
        media: tags
            .iter()
            .filter_map(Media::from_tag)
            .map(|media| (media.url.clone(), media))
            .collect(),
        runs,
        next_run: 0,
        secrets: secrets(text),
        next_secret: 0,
        blocks: Vec::new(),
        text_start: 0,
        at: 0,
    };
    // Backticks and secrets are looked for ahead of the pass.
    let mut work = 2 * text.len();
    while scanner.at < text.len() {
        work += scanner.step();
    }
    scanner.text_until(text.len());
    (scanner.blocks, work)
}

/// The shortcodes the tags define (NIP-30), the first definition of each.
fn emoji(tags: &[Tag]) -> SortedMap<&str, &str> {
    // Backwards, for the last of a key's values is the one that a map keeps.
    let defined = tags.iter().rev().filter_map(|tag| match tag.as_slice() {
        [name, shortcode, url, ..] if name == "emoji" && !shortcode.is_empty() => {
            (shortcode.bytes().all(is_shortcode) && imeta::is_web(url)).then_some((shortcode.as_str(), url.as_str()))
        }
        _ => None,
    });
    defined.collect()
}

fn is_shortcode(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    emoji: SortedMap<&'a str, &'a str>,
    media: SortedMap<String, Media>,
    runs: Runs,
    next_run: usize,
    secrets: Vec<(usize, usize)>,
    next_secret: usize,
    blocks: Vec<Block>,
    /// Where the text not yet in a block begins; nothing before `at` can begin a block any more.
    text_start: usize,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Moves on by a byte or a block. Returns how many bytes that took reading.
    fn step(&mut self) -> usize {
        let at = self.at;
        let found = self.find();
        let (kind, end, looked) = match found {
            None => {
                let end = self.plain_until(at + 1);
                (None, end, end)
            }
            Some(Found::Text { end, looked }) => (None, end, looked),
            Some(Found::Block { kind, end, looked }) => (Some(kind), end, looked),
        };
        // Nothing else may hold a secret, or it would be shown.
        let secret = self
            .secrets
            .get(self.next_secret)
            .map(|(start, _)| *start)
            .filter(|start| *start < end);
        match (kind, secret) {
            (Some(kind), secret) if secret.is_none() || kind == BlockKind::Secret => {
                self.text_until(at);
                self.blocks.push(Block { kind, start: at, end });
                self.text_start = end;
                self.at = end;
            }
            (_, Some(start)) => self.at = start.max(at + 1),
            (_, None) => self.at = end,
        }
        looked.max(end).saturating_sub(at)
    }

    fn text_until(&mut self, end: usize) {
        if self.text_start < end {
            self.blocks.push(Block {
                kind: BlockKind::Text,
                start: self.text_start,
                end,
            });
            self.text_start = end;
        }
    }

    fn find(&mut self) -> Option<Found> {
        while self
            .secrets
            .get(self.next_secret)
            .is_some_and(|(start, _)| *start < self.at)
        {
            self.next_secret += 1;
        }
        if let Some(&(start, end)) = self.secrets.get(self.next_secret)
            && start == self.at
        {
            return Some(Found::Block {
                kind: BlockKind::Secret,
                end,
                looked: end,
            });
        }
        match self.bytes.get(self.at)? {
            b'`' => self.code(),
            b'h' | b'H' | b'w' | b'W' if self.is_fresh() => self.address(),
            b'#' => self.hashtag(),
            b'n' | b'N' if self.is_fresh() => self.nostr(),
            b'l' | b'L' if self.is_fresh() => self.invoice(),
            b'c' | b'C' if self.is_fresh() => self.cashu(),
            b':' => self.shortcode(),
            _ => None,
        }
    }

    /// The next byte from `from` on that `find` has something to look at for, but for secrets.
    fn plain_until(&self, from: usize) -> usize {
        let mut before = self.bytes.get(from - 1).copied().unwrap_or(b' ');
        let rest = self.bytes.get(from..).unwrap_or_default();
        let plain = rest.iter().take_while(|byte| {
            let fresh = !before.is_ascii_alphanumeric();
            before = **byte;
            !match byte {
                b'`' | b'#' | b':' => true,
                b'h' | b'H' | b'w' | b'W' | b'n' | b'N' | b'l' | b'L' | b'c' | b'C' => fresh,
                _ => false,
            }
        });
        from + plain.count()
    }

    /// A word can begin here: at a block's end, or after what is no ASCII letter or digit.
    ///
    /// Scripts without spaces put addresses right after a word, so their letters do not count.
    fn is_fresh(&self) -> bool {
        self.text_start == self.at || !self.before().is_ascii_alphanumeric()
    }

    fn before(&self) -> u8 {
        self.at
            .checked_sub(1)
            .and_then(|at| self.bytes.get(at))
            .copied()
            .unwrap_or(b' ')
    }

    fn starts_with(&self, at: usize, prefix: &str) -> bool {
        self.bytes
            .get(at..at + prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    }

    /// The length of `scheme` and the colon it ends with, if it stands here.
    fn uri_scheme(&self, scheme: &str) -> usize {
        if self.starts_with(self.at, scheme) {
            scheme.len()
        } else {
            0
        }
    }

    fn run(&self, from: usize, member: impl Fn(u8) -> bool) -> usize {
        from + self
            .bytes
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|b| member(**b))
            .count()
    }

    fn source(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn code(&mut self) -> Option<Found> {
        let Some(span) = self.runs.code_at(self.text, self.at, &mut self.next_run) else {
            let end = self.runs.run_end(self.at, self.next_run);
            return Some(Found::Text { end, looked: end });
        };
        let info = span.info.map(|(from, to)| self.source(from, to));
        let code = Code {
            code: self.source(span.inner.0, span.inner.1).to_owned(),
            fenced: info.is_some(),
            language: info.and_then(|info| info.split_whitespace().next()).map(str::to_owned),
        };
        Some(Found::Block {
            kind: BlockKind::Code(code),
            end: span.end,
            looked: span.end,
        })
    }

    fn address(&self) -> Option<Found> {
        let authority = self.at + scheme_len(self.bytes, self.at)?;
        let (end, looked) = match url_end(self.text, authority) {
            UrlEnd::At { end, looked } => (end, looked),
            UrlEnd::None { looked } => return Some(Found::Text { end: looked, looked }),
        };
        let url = self.source(self.at, end);
        if matches!(self.bytes.get(self.at), Some(b'w' | b'W')) {
            return Some(match RelayUrl::parse(url) {
                Ok(relay) => Found::Block {
                    kind: BlockKind::Relay { url: relay.to_string() },
                    end,
                    looked,
                },
                Err(_) => Found::Text { end, looked },
            });
        }
        let kind = match self.media.get(url) {
            Some(media) if media.media_type.is_some() => BlockKind::Media(Box::new(media.clone())),
            _ if media_type(url).is_some() => BlockKind::Media(Box::new(Media::bare(url))),
            _ => BlockKind::Link { url: url.to_owned() },
        };
        Some(Found::Block { kind, end, looked })
    }

    fn hashtag(&self) -> Option<Found> {
        // After a letter it is C#, after `/` a path, after `&` an entity of HTML, after `#` a heading.
        let is_inside = self.before().is_ascii_alphanumeric() || matches!(self.before(), b'_' | b'/' | b'&' | b'#');
        let follows_hashtag = self.text_start == self.at
            && matches!(
                self.blocks.last(),
                Some(Block {
                    kind: BlockKind::Hashtag { .. },
                    ..
                })
            );
        if is_inside && !follows_hashtag {
            return None;
        }
        let rest = self.text.get(self.at + 1..)?;
        // A mark has to stand on a letter.
        rest.chars().next().filter(|c| c.is_alphanumeric() || *c == '_')?;
        let end = self.at + 1 + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let tag = self.source(self.at + 1, end).to_lowercase();
        Some(Found::Block {
            kind: BlockKind::Hashtag { tag },
            end,
            looked: end,
        })
    }

    fn nostr(&self) -> Option<Found> {
        let start = self.at + self.uri_scheme("nostr:");
        let prefix = ENTITY_PREFIXES.iter().find(|prefix| self.starts_with(start, prefix))?;
        let run_end = self.run(start, |b| b.is_ascii_alphanumeric());
        // The entities of one key have one length: what follows without a space can be told from them.
        let fixed = matches!(*prefix, "npub1" | "note1").then_some(start + 63);
        let ends = [Some(run_end), fixed.filter(|end| *end < run_end)];
        let found: Option<(usize, Entity)> = ends
            .into_iter()
            .flatten()
            .find_map(|end| Some((end, Entity::decode(self.source(start, end)).ok()?)));
        Some(match found {
            Some((end, entity)) => Found::Block {
                kind: BlockKind::Nostr(entity),
                end,
                looked: run_end,
            },
            None => Found::Text {
                end: run_end,
                looked: run_end,
            },
        })
    }

    fn invoice(&self) -> Option<Found> {
        let start = self.at + self.uri_scheme("lightning:");
        if !["lnbc", "lntb", "lnsb"]
            .iter()
            .any(|prefix| self.starts_with(start, prefix))
        {
            return None;
        }
        let end = self.run(start, |b| b.is_ascii_alphanumeric());
        let text = self.source(start, end);
        Some(match bolt11::read(text) {
            Some(read) => {
                let kind = BlockKind::Invoice {
                    invoice: text.to_owned(),
                    amount_msat: read.amount_msat,
                };
                Found::Block { kind, end, looked: end }
            }
            None => Found::Text { end, looked: end },
        })
    }

    fn cashu(&self) -> Option<Found> {
        let is_inside = self.text_start != self.at && is_shortcode(self.before());
        let start = self.at + self.uri_scheme("cashu:");
        let head = self.bytes.get(start..start + 6)?;
        // The version is a letter of base64, in which case matters.
        if is_inside || !matches!(head, b"cashuA" | b"cashuB") {
            return None;
        }
        let unpadded = self.run(start, is_shortcode);
        let end = self.run(unpadded, |b| b == b'=').min(unpadded + 2);
        Some(match cashu::read(self.source(start, end)) {
            Some(token) => Found::Block {
                kind: BlockKind::Cashu(Box::new(token)),
                end,
                looked: end,
            },
            None => Found::Text { end, looked: end },
        })
    }

    fn shortcode(&self) -> Option<Found> {
        if self.emoji.is_empty() {
            return None;
        }
        let end = self.run(self.at + 1, is_shortcode);
        let shortcode = self.source(self.at + 1, end);
        let closed = self.bytes.get(end) == Some(&b':');
        Some(match self.emoji.get(shortcode).filter(|_| closed) {
            Some(url) => {
                let kind = BlockKind::Emoji {
                    shortcode: shortcode.to_owned(),
                    url: (*url).to_owned(),
                };
                Found::Block {
                    kind,
                    end: end + 1,
                    looked: end + 1,
                }
            }
            // What follows the colon may yet be something else.
            None => Found::Text {
                end: self.at + 1,
                looked: end,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 256 * 1024;

    fn work_per_byte(unit: &str) -> f64 {
        let tags = [vec![
            "emoji".to_owned(),
            "x".repeat(40),
            "https://e.example/x.png".to_owned(),
        ]];
        let text = unit.repeat(SIZE / unit.len());
        let (blocks, work) = scan(&text, &tags, Backticks::AreCode);
        assert_eq!(blocks.iter().map(|block| block.source(&text)).collect::<String>(), text);
        work as f64 / text.len() as f64
    }

    #[test]
    fn a_hostile_text_is_read_about_as_often_as_prose() {
        let prose = work_per_byte("Good morning nostr, see https://example.com/a and #bitcoin: it costs 21 sats. ");
        assert!(prose < 5.0, "{prose}");
        for unit in [
            "[",
            "]",
            "(",
            "#",
            "##a",
            "nostr:",
            "`",
            "` ",
            "``` ",
            "```\n",
            "``\n`",
            "~",
            "@",
            ":",
            ": ",
            ":a",
            ":a:",
            "<",
            "\n",
            " ",
            "http://",
            "https://",
            "http://a",
            "http://a.b",
            "http://a.b/",
            "http://a.bc/(",
            "http://a.bc/(/",
            "http://a.bc/[",
            "http://a.bc/)",
            "http://a.bc/.",
            "http://a.bc/,",
            "http://a.bc?u=",
            "http://[",
            "http://[::1]/",
            "http://a.bc/nsec1",
            "http://a@",
            "http://a:",
            "ws://",
            "wss://a.bc/",
            "wss://a.bc/#",
            "lnbc",
            "lnbc1",
            "-lnbc1",
            "lightning:lnbc1",
            "cashuA",
            "cashuB",
            "-cashuA",
            "cashuA=",
            "cashu:cashuA",
            "cashuAeyJ",
            "npub1",
            "-npub1",
            "nostr:npub1",
            "nevent1",
            "nsec1",
            "-nsec1",
            "NSEC1q",
            "note1q ",
            "é",
            "\u{301}",
            "#\u{301}",
            "👨‍👩‍👧",
            "#é\u{301}",
            "a#b#",
        ] {
            let work = work_per_byte(unit);
            assert!(work < 8.0, "{unit:?}: {work} readings a byte");
        }
    }

    #[test]
    fn growing_runs_and_nested_fences_are_linear_too() {
        let mut growing = String::new();
        let mut shrinking = String::new();
        for len in 1..700 {
            growing.push_str(&"`".repeat(len));
            growing.push('\n');
            shrinking.push_str(&"`".repeat(700 - len));
            shrinking.push_str(" \n");
        }
        for text in [growing, shrinking] {
            let (_, work) = scan(&text, &[], Backticks::AreCode);
            assert!(work < 8 * text.len(), "{work} for {}", text.len());
        }
        // One long run after another address: cut where the bracket opens, read once more at most.
        let text = format!("http://a.bc/({}", "x".repeat(SIZE));
        assert!(scan(&text, &[], Backticks::AreCode).1 < 8 * SIZE);
        let key = format!("http://a.bc/{}nsec1{}", "http://a.bc/".repeat(20_000), "q".repeat(58));
        assert!(scan(&key, &[], Backticks::AreCode).1 < 8 * key.len());
    }
}
