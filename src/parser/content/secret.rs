//! Secret keys in a text (NIP-19 `nsec`): where they stand, so that nothing else is made of them.

use super::SECRET_MASK;

/// Shorter than a whole key (63), so that one with a letter lost is hidden too: its checksum fails, its owner's loss does not.
const HIDE_FROM_LEN: usize = 50;

/// The byte ranges of `text` that look like secret keys, in order.
///
/// The checksum is not asked for: a mistyped key gives away nearly as much as the key.
pub(super) fn secrets(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(find_prefix) {
        let start = from + at;
        let run = bytes
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric())
            .count();
        if run >= HIDE_FROM_LEN {
            found.push((start, start + run));
        }
        // A key within the run just seen would be shorter than the run: nothing is looked at twice.
        from = start + run;
    }
    found
}

fn find_prefix(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'n', b'N', bytes.get(from..)?)?;
        if bytes.get(at..at + 5)?.eq_ignore_ascii_case(b"nsec1") {
            return Some(at);
        }
        from = at + 1;
    }
}

/// `text` with every secret key replaced.
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (start, end) in secrets(text) {
        out.push_str(text.get(copied..start).unwrap_or_default());
        out.push_str(SECRET_MASK);
        copied = end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}
