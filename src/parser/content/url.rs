//! Where an address in running text ends, and what its path's extension says it is.
//!
//! Hand-written: a URL crate says whether a text is a URL, not where a person would end it.

use super::imeta::MediaType;

/// Where an address ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum UrlEnd {
    At {
        end: usize,
        looked: usize,
    },
    /// No address; nothing before `looked` can begin one.
    None {
        looked: usize,
    },
}

/// Letters, digits, `_` and the marks that spell words without being letters themselves.
pub(in crate::parser) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || is_mark(c)
}

/// Signs that stand on a letter: vowel signs, viramas, accents, joiners.
///
/// The standard library has no table of marks, and a crate's would cost more than it gives here.
fn is_mark(c: char) -> bool {
    match c as u32 {
        0x0964 | 0x0965 => false,
        0x0300..=0x036F
        | 0x0483..=0x0487
        | 0x0591..=0x05BD
        | 0x064B..=0x065F
        | 0x0670
        | 0x06D6..=0x06DC
        | 0x0E31..=0x0E3A
        | 0x0E47..=0x0E4E
        | 0x0EB1..=0x0ECD
        | 0x0F71..=0x0F84
        | 0x102B..=0x103E
        | 0x17B4..=0x17D3
        | 0x200C..=0x200D
        | 0x3099..=0x309A => true,
        0x0900..=0x0DFF => !c.is_numeric() && !c.is_ascii_punctuation(),
        _ => false,
    }
}

/// The length of the scheme at `at` with its `://`, if one of ours stands there.
pub(super) fn scheme_len(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    [&b"https://"[..], b"http://", b"wss://", b"ws://"]
        .iter()
        .find(|scheme| {
            rest.get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        })
        .map(|scheme| scheme.len())
}

/// The end of the address whose authority begins at `authority`.
pub(super) fn url_end(text: &str, authority: usize) -> UrlEnd {
    let rest = text.get(authority..).unwrap_or_default();
    let run = rest.find(|c| !is_authority_char(c)).unwrap_or(rest.len());
    let bracketed = rest.starts_with('[');
    let (end, open_ended) = match bracketed {
        true => match ipv6_end(rest) {
            Some(end) => (end, true),
            None => return UrlEnd::None { looked: authority + 1 },
        },
        false => match host_end(rest.get(..run).unwrap_or_default()) {
            Some(end) => (end, end == run),
            None => {
                return UrlEnd::None {
                    looked: authority + run,
                };
            }
        },
    };
    let looked = authority + run.max(end);
    let end = authority + end;
    if !open_ended || !matches!(text.as_bytes().get(end), Some(b'/' | b'?' | b'#')) {
        return UrlEnd::At { end, looked };
    }
    let (cut, seen) = path_end(text, end);
    UrlEnd::At {
        end: cut,
        looked: looked.max(seen),
    }
}

fn is_authority_char(c: char) -> bool {
    is_word(c) || matches!(c, '-' | '.' | ':' | '@' | '%' | '~')
}

fn ipv6_end(rest: &str) -> Option<usize> {
    // The longest address in brackets has 47 bytes.
    let close = rest.bytes().take(48).position(|b| b == b']')?;
    rest.get(1..close)?.parse::<std::net::Ipv6Addr>().ok()?;
    Some(close + 1 + port_len(rest.get(close + 1..).unwrap_or_default()))
}

/// The length of `[user@]host[:port]` at the start of `authority`, if the host can be one.
fn host_end(authority: &str) -> Option<usize> {
    let host_at = authority.rfind('@').map_or(0, |at| at + 1);
    let rest = authority.get(host_at..)?;
    let host = rest.split(':').next()?;
    // `example.com.` ends a sentence more often than it names the root.
    let host = host.trim_end_matches(['.', '-', '_', '%', '~']);
    if !host.chars().all(|c| is_word(c) || c == '-' || c == '.') || host.split('.').any(str::is_empty) {
        return None;
    }
    let last_at = match host.rfind('.') {
        Some(dot) => dot + 1,
        None if host.eq_ignore_ascii_case("localhost") => 0,
        None => return None,
    };
    let last = host.get(last_at..)?;
    let is_ip = host.parse::<std::net::Ipv4Addr>().is_ok();
    if !is_ip && !last.starts_with(char::is_alphabetic) {
        return None;
    }
    // A name of the root zone is of one script: `example.com看` is an address and a word.
    let last_len = match last.starts_with(|c: char| c.is_ascii()) {
        true => last.find(|c: char| !c.is_ascii()).unwrap_or(last.len()),
        false => last.len(),
    };
    if last_len < 2 && !is_ip {
        return None;
    }
    let end = host_at + last_at + last_len;
    Some(end + port_len(authority.get(end..)?))
}

fn port_len(rest: &str) -> usize {
    let Some(digits) = rest.strip_prefix(':') else { return 0 };
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    match digits.get(..len).map(str::parse::<u16>) {
        Some(Ok(1..)) => len + 1,
        _ => 0,
    }
}

/// The end of path, query and fragment from `from`, and how far was looked.
///
/// Inside an open bracket a further scheme always ends the run, so that an address cut
/// at that bracket has not been read past the next address: the whole stays linear.
fn path_end(text: &str, from: usize) -> (usize, usize) {
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut before = '/';
    let mut end = text.len();
    for (offset, c) in text.get(from..).unwrap_or_default().char_indices() {
        let at = from + offset;
        if !is_path_char(c) {
            end = at;
            break;
        }
        if matches!(c, 'h' | 'H' | 'w' | 'W')
            && (!open.is_empty() || before.is_ascii_alphanumeric() || ",;|.)]}*".contains(before))
            && scheme_len(text.as_bytes(), at).is_some()
        {
            end = at;
            break;
        }
        match c {
            '(' | '[' | '{' => open.push((c, at)),
            ')' | ']' | '}' => {
                if !open.last().is_some_and(|(opening, _)| closes(*opening, c)) {
                    end = at;
                    break;
                }
                open.pop();
            }
            _ => {}
        }
        before = c;
    }
    let cut = open.first().map_or(end, |(_, at)| *at);
    let kept = text
        .get(from..cut)
        .unwrap_or_default()
        .trim_end_matches(['.', ',', ':', ';', '!', '?', '\'', '*', '_', '~', '|']);
    (from + kept.len(), end)
}

fn closes(opening: char, closing: char) -> bool {
    matches!((opening, closing), ('(', ')') | ('[', ']') | ('{', '}'))
}

fn is_path_char(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '`' | '\\'),
        false => is_word(c),
    }
}

/// What the extension of the address's path says.
pub(super) fn media_type(url: &str) -> Option<MediaType> {
    let path = url.split(['?', '#']).next()?;
    let after_host = path.split_once("://")?.1.split_once('/')?.1;
    let (_, extension) = after_host.rsplit('/').next()?.rsplit_once('.')?;
    // The longest extension below has five letters.
    if extension.len() > 5 {
        return None;
    }
    match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "png" | "gif" | "webp" | "avif" | "svg" | "bmp" | "apng" | "jfif" | "heic" | "jxl" => {
            Some(MediaType::Image)
        }
        "mp4" | "webm" | "mov" | "m4v" | "mkv" | "avi" | "ogv" | "m3u8" | "mpg" | "mpeg" => Some(MediaType::Video),
        "mp3" | "wav" | "ogg" | "oga" | "opus" | "m4a" | "flac" | "aac" | "weba" => Some(MediaType::Audio),
        _ => None,
    }
}
