//! A JSON validator that builds no tree: it checks a whole text and shows where the elements of its array stand.
//!
//! It judges as `serde_json` does when it reads the same text into a `Value`: a lone
//! surrogate escape and a number beyond the range of `f64` are refused. On top of
//! that it bounds the nesting, so that neither time nor stack depends on who wrote
//! the text. It knows nothing of labels and members.

use std::borrow::Cow;

use super::{FrameError, FrameLimits, MAX_DEPTH};

/// One element of an array, or one value of an object, as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    /// The offset of `text`, in bytes from the start of the frame.
    pub at: usize,
    /// Valid JSON, without white space around it.
    pub text: &'a str,
}

impl<'a> Element<'a> {
    /// The string this element is, its escapes resolved; `None` if it is something else.
    pub fn string(&self) -> Option<Cow<'a, str>> {
        let inner = self.text.strip_prefix('"')?.strip_suffix('"')?;
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        serde_json::from_str(self.text).ok().map(Cow::Owned)
    }

    /// Whether this element is an object.
    pub fn is_object(&self) -> bool {
        self.text.starts_with('{')
    }
}

/// Checks that `text` is one JSON array within the limits, and shows `each` its elements in order.
///
/// # Errors
/// `TooLong`, `NotJson`, `TooDeep`; `NotAFrame` if it is valid JSON of another type. The
/// elements that `each` saw before an error mean nothing.
pub(super) fn elements<'a>(
    limits: FrameLimits,
    text: &'a str,
    mut each: impl FnMut(Element<'a>),
) -> Result<(), FrameError> {
    if text.len() > limits.bytes {
        return Err(FrameError::TooLong(text.len()));
    }
    let mut scanner = Scanner {
        text,
        at: 0,
        max_depth: limits.depth,
    };
    scanner.skip_space();
    let is_array = scanner.peek() == Some(b'[');
    if is_array {
        scanner.array(1, |scanner| {
            each(scanner.element(2)?);
            Ok(())
        })?;
    } else {
        scanner.value(1)?;
    }
    scanner.skip_space();
    match (scanner.peek(), is_array) {
        (Some(_), _) => Err(scanner.expected("the end of the text")),
        (None, false) => Err(FrameError::NotAFrame),
        (None, true) => Ok(()),
    }
}

/// Shows `each` the members of `object`, name and value, in order; the last of equal names counts in JSON.
///
/// # Errors
/// None for an object that `elements` has shown.
pub(super) fn members<'a>(
    object: Element<'a>,
    mut each: impl FnMut(&str, Element<'a>) -> Result<(), FrameError>,
) -> Result<(), FrameError> {
    let mut scanner = Scanner {
        text: object.text,
        at: 0,
        // `elements` has looked already.
        max_depth: MAX_DEPTH,
    };
    scanner.object(1, |scanner, name| {
        let mut value = scanner.element(2)?;
        value.at += object.at;
        each(&name.string().unwrap_or_default(), value)
    })
}

/// UTF-16's surrogates: leading ones from the first number to the second, then trailing ones.
const LEADING_FIRST: u16 = 0xd800;
const TRAILING_FIRST: u16 = 0xdc00;
const TRAILING_LAST: u16 = 0xdfff;

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    max_depth: usize,
}

impl<'a> Scanner<'a> {
    /// Reads one value whose own brackets would be the `depth`th around their content.
    fn value(&mut self, depth: usize) -> Result<(), FrameError> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'[') => self.array(depth, |scanner| scanner.value(depth + 1)),
            Some(b'{') => self.object(depth, |scanner, _| scanner.value(depth + 1)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads one value and says where it stands.
    fn element(&mut self, depth: usize) -> Result<Element<'a>, FrameError> {
        self.skip_space();
        let at = self.at;
        self.value(depth)?;
        Ok(self.since(at))
    }

    fn array(
        &mut self,
        depth: usize,
        mut element: impl FnMut(&mut Self) -> Result<(), FrameError>,
    ) -> Result<(), FrameError> {
        self.open(depth)?;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            self.skip_space();
            if self.eat(b']') {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn object(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, Element<'a>) -> Result<(), FrameError>,
    ) -> Result<(), FrameError> {
        self.open(depth)?;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a member's name"));
            }
            let at = self.at;
            self.string()?;
            let name = self.since(at);
            self.skip_space();
            if !self.eat(b':') {
                return Err(self.expected("`:`"));
            }
            member(self, name)?;
            self.skip_space();
            if self.eat(b'}') {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    /// Steps over an opening bracket and the white space behind it.
    fn open(&mut self, depth: usize) -> Result<(), FrameError> {
        if depth > self.max_depth {
            return Err(FrameError::TooDeep { at: self.at });
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn string(&mut self) -> Result<(), FrameError> {
        self.at += 1;
        loop {
            self.at += plain_prefix(self.rest());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.expected("an escape in place of the control character")),
                None => return Err(self.expected("`\"`")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), FrameError> {
        match self.rest().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => match self.code_unit()? {
                // Half of a surrogate pair is no character.
                LEADING_FIRST..TRAILING_FIRST => match self.code_unit()? {
                    TRAILING_FIRST..=TRAILING_LAST => Ok(()),
                    _ => Err(self.expected("the other half of the surrogate pair")),
                },
                TRAILING_FIRST..=TRAILING_LAST => Err(self.expected("the other half of the surrogate pair")),
                _ => Ok(()),
            },
            _ => Err(self.expected("an escape that JSON has")),
        }
    }

    /// Reads `\uXXXX`.
    fn code_unit(&mut self) -> Result<u16, FrameError> {
        let &[b'\\', b'u', a, b, c, d, ..] = self.rest() else {
            return Err(self.expected("`\\u` and four hexadecimal digits"));
        };
        let mut unit = 0;
        for digit in [a, b, c, d] {
            let Some(digit) = char::from(digit).to_digit(16) else {
                return Err(self.expected("`\\u` and four hexadecimal digits"));
            };
            unit = unit << 4 | digit as u16;
        }
        self.at += 6;
        Ok(unit)
    }

    fn number(&mut self) -> Result<(), FrameError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        let has_exponent = self.eat(b'e') || self.eat(b'E');
        if has_exponent {
            let _sign = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        // Only these can be beyond `f64`, whose largest number has 309 digits. Where the
        // range ends depends on rounding, so the one who will read the number decides.
        if (has_exponent || self.at - start > 300) && serde_json::from_str::<f64>(self.since(start).text).is_err() {
            self.at = start;
            return Err(self.expected("a number within the range of a double"));
        }
        Ok(())
    }

    /// Reads one digit or more.
    fn digits(&mut self) -> Result<(), FrameError> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.expected("a digit"));
        }
        self.at += count;
        Ok(())
    }

    fn literal(&mut self, word: &'static str) -> Result<(), FrameError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.expected(word));
        }
        self.at += word.len();
        Ok(())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// What has been read from `at` on. Both ends stand beside ASCII, so they are on character boundaries.
    fn since(&self, at: usize) -> Element<'a> {
        Element {
            at,
            text: self.text.get(at..self.at).unwrap_or_default(),
        }
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> FrameError {
        FrameError::NotJson { at: self.at, expected }
    }
}

/// How many bytes at the start of `bytes` may stand in a JSON string as they are.
fn plain_prefix(bytes: &[u8]) -> usize {
    let mut done = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return done + special.trailing_zeros() as usize / 8;
        }
        done += 8;
    }
    let tail = bytes.get(done..).unwrap_or_default();
    done + tail.iter().take_while(|byte| is_plain(**byte)).count()
}

/// Marks the first quote, backslash or control character of eight bytes by its highest bit; marks above it mean nothing.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // The subtraction borrows into a higher byte only past a byte that is marked itself.
    let below = |value: u64, limit: u8| value.wrapping_sub(ONES * u64::from(limit)) & !value & HIGH;
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    below(word, 0x20) | below(quote, 1) | below(backslash, 1)
}

fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::frame::MAX_FRAME_BYTES;

    fn verdict(text: &str) -> Result<Vec<String>, FrameError> {
        let mut found = Vec::new();
        elements(FrameLimits::default(), text, |element| {
            assert_eq!(
                text.get(element.at..element.at + element.text.len()),
                Some(element.text)
            );
            found.push(element.text.to_string());
        })?;
        Ok(found)
    }

    #[test]
    fn elements_come_out_as_they_stand_in_the_text() {
        let text = " [ \"a\\\"b\" ,\t{ \"x\" : [ ] , \"y\":{}} ,-0.5e+1,true\r,false\n,null, [1,[2]] ] \n";
        let found = [
            "\"a\\\"b\"",
            "{ \"x\" : [ ] , \"y\":{}}",
            "-0.5e+1",
            "true",
            "false",
            "null",
            "[1,[2]]",
        ];
        assert_eq!(verdict(text), Ok(found.map(String::from).to_vec()));
        assert_eq!(verdict("[]"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_json_is_refused_where_it_goes_wrong() {
        for (text, wrong_at) in [
            ("", 0),
            ("\u{feff}[]", 0),
            ("[", 1),
            ("[1", 2),
            ("[1,]", 3),
            ("[,1]", 1),
            ("[1 2]", 3),
            ("[1}", 2),
            ("[1]]", 3),
            ("[1] x", 4),
            ("[]\u{a0}", 2),
            ("[\u{c}1]", 1),
            ("[{1:2}]", 2),
            ("[{\"a\"}]", 5),
            ("[{\"a\" 1}]", 6),
            ("[{\"a\":}]", 6),
            ("[{\"a\":1,}]", 8),
            ("[{\"a\":1 \"b\":2}]", 8),
            ("[\"a]", 4),
            ("[\"a\u{0}\"]", 3),
            ("[\"a\u{1f}\"]", 3),
            ("[\"\\x41\"]", 2),
            ("[\"\\U0041\"]", 2),
            ("[\"\\u004\"]", 2),
            ("[\"\\u+041\"]", 2),
            ("[\"\\\"]", 5),
            ("[tru]", 1),
            ("[True]", 1),
            ("[truest]", 5),
            ("[01]", 2),
            ("[+1]", 1),
            ("[.5]", 1),
            ("[1.]", 3),
            ("[1.e1]", 3),
            ("[-]", 2),
            ("[1e]", 3),
            ("[1e+]", 4),
            ("[0x1]", 2),
            ("[NaN]", 1),
            ("['a']", 1),
            ("[/**/]", 1),
        ] {
            match verdict(text) {
                Err(FrameError::NotJson { at, .. }) => assert_eq!(at, wrong_at, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_lone_surrogate_is_refused_wherever_it_stands_and_a_pair_is_not() {
        for (text, good) in [
            (r#"["\ud83d\ude00"]"#, true),
            (r#"["\uD83D\uDE00"]"#, true),
            (r#"["\ud83d"]"#, false),
            (r#"["\ud83dx"]"#, false),
            (r#"["\ud83d\n"]"#, false),
            (r#"["\ud83d\ud83d"]"#, false),
            (r#"["\ude00\ud83d"]"#, false),
            (r#"["\udfff"]"#, false),
            (r#"[{"\udbff":1}]"#, false),
            (r#"["\ud7ff\ue000\u0000\uffff"]"#, true),
        ] {
            assert_eq!(verdict(text).is_ok(), good, "{text}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_number_that_no_double_holds_is_refused_and_one_that_is_merely_long_is_not() {
        let (nines, digits) = ("9".repeat(308), "1".repeat(400));
        for (number, good) in [
            ("1e308", true),
            ("1.7976931348623157e308", true),
            ("1e309", false),
            ("-1E+400", false),
            ("0e999999999999", true),
            ("1e-999999999999", true),
            (nines.as_str(), true),
            (digits.as_str(), false),
            (&format!("0.{digits}"), true),
        ] {
            let text = format!("[{number}]");
            assert_eq!(verdict(&text).is_ok(), good, "{text}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn nesting_is_allowed_to_the_limit_and_no_deeper() {
        for (open, inner, close) in [("[", "", "]"), ("{\"a\":", "1", "}")] {
            let nested = |levels: usize| format!("[{}{inner}{}]", open.repeat(levels), close.repeat(levels));
            assert!(verdict(&nested(MAX_DEPTH - 1)).is_ok());
            let at = 1 + open.len() * (MAX_DEPTH - 1);
            assert_eq!(verdict(&nested(MAX_DEPTH)), Err(FrameError::TooDeep { at }));
        }
        assert_eq!(
            verdict(&"[".repeat(MAX_FRAME_BYTES)),
            Err(FrameError::TooDeep { at: MAX_DEPTH })
        );
    }

    #[test]
    fn a_text_is_allowed_to_the_limit_and_no_longer() {
        let mut text = format!("[\"{}\"]", "x".repeat(MAX_FRAME_BYTES - 4));
        assert!(verdict(&text).is_ok());
        text.push(' ');
        assert_eq!(verdict(&text), Err(FrameError::TooLong(MAX_FRAME_BYTES + 1)));
    }

    #[test]
    fn every_byte_ends_a_plain_prefix_at_every_place_exactly_if_json_says_so() {
        for byte in 0..=u8::MAX {
            for length in 0..20 {
                for at in 0..length {
                    let mut bytes = vec![0xff; length];
                    bytes[at] = byte;
                    let plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                    assert_eq!(
                        plain_prefix(&bytes),
                        if plain { length } else { at },
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
    }
}
