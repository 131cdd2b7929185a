//! The frame scanner agrees with `serde_json` on good, hostile and damaged frames: 100,000 of them, or as many as
//! the environment's `FRAMES` says (`make frames` makes a million).
//!
//! The frames follow from `SEED` alone. The fuzz target `frame` makes the same
//! comparison on whatever it can think of.

#[path = "../fuzz/frame_agreement.rs"]
mod frame_agreement;

use std::collections::BTreeMap;

use frame_agreement::{Verdict, check};
use nostr_ferry::nostr::frame::{MAX_DEPTH, MAX_FRAME_BYTES};

const SEED: u64 = 0x5eed_0ff3_a7e5;
const FRAMES: u64 = 100_000;

#[test]
fn scanner_and_serde_json_see_the_same_in_every_frame() {
    let frames = std::env::var("FRAMES").map_or(FRAMES, |number| number.parse().expect("FRAMES is a number"));
    // Two halves, because the machines that run this have two cores at least.
    let (front, back) = std::thread::scope(|scope| {
        let front = scope.spawn(|| verdicts(0..frames / 2));
        let back = verdicts(frames / 2..frames);
        (front.join(), back)
    });
    let mut seen = back;
    for (verdict, count) in front.expect("the first half agrees") {
        *seen.entry(verdict).or_default() += count;
    }
    // Were nearly all frames of one sort, agreement would mean little.
    for verdict in [
        "EVENT", "EOSE", "OK", "CLOSED", "NOTICE", "AUTH", "COUNT", "not JSON", "too deep", "no frame", "unknown",
        "bad",
    ] {
        let count = seen.get(verdict).copied().unwrap_or(0);
        assert!(
            count > frames / 500,
            "only {count} frames came out as {verdict}: {seen:?}"
        );
    }
}

#[test]
fn they_agree_at_the_edge_of_the_limits() {
    for spare in [0, 1] {
        let start = "[\"NOTICE\",\"";
        let notice = format!("{start}{}\"]", "x".repeat(MAX_FRAME_BYTES + spare - start.len() - 2));
        assert_eq!(check(&notice) == Verdict::TooLong, spare == 1);
        let levels = MAX_DEPTH - 1 + spare;
        let eose = format!("[\"EOSE\",\"s\",{}{}]", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(&eose) == Verdict::TooDeep, spare == 1);
    }
}

fn verdicts(frames: std::ops::Range<u64>) -> BTreeMap<&'static str, u64> {
    let mut seen = BTreeMap::new();
    for frame in frames {
        let _tell = TellOnPanic { frame };
        let mut random = Random::of(frame);
        let mut text = random.frame();
        if random.one_in(2) {
            random.damage(&mut text);
        }
        let name = match check(&text) {
            Verdict::TooLong => "too long",
            Verdict::NotJson => "not JSON",
            Verdict::TooDeep => "too deep",
            Verdict::NotAFrame => "no frame",
            Verdict::UnknownLabel => "unknown",
            Verdict::BadMember => "bad",
            Verdict::Frame(label, _) => label,
        };
        *seen.entry(name).or_default() += 1;
    }
    seen
}

struct TellOnPanic {
    frame: u64,
}

impl Drop for TellOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("frame {} of seed {SEED:#x}", self.frame);
        }
    }
}

/// A xorshift generator, and the texts made with it.
struct Random(u64);

impl Random {
    /// Every frame has its own generator, so that one can be made again without the others.
    fn of(frame: u64) -> Random {
        let mut random = Random((SEED ^ frame.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1);
        random.next();
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    /// A frame that is good, or good JSON with something else than what belongs there.
    fn frame(&mut self) -> String {
        let label = self.pick(&["EVENT", "EVENT", "EOSE", "OK", "CLOSED", "NOTICE", "AUTH", "COUNT"]);
        let mut elements = vec![self.label(label)];
        match label {
            "EVENT" => elements.extend([self.string(), self.event()]),
            "OK" => elements.extend([self.id(), self.pick(&["true", "false"]).into(), self.string()]),
            "CLOSED" => elements.extend([self.string(), self.string()]),
            "COUNT" => elements.extend([self.string(), self.count()]),
            _ => elements.push(self.string()),
        }
        if self.one_in(12) {
            let at = self.below(elements.len());
            let other = self.value(2);
            if let Some(element) = elements.get_mut(at) {
                *element = other;
            }
        }
        if self.one_in(16) {
            elements.truncate(self.below(4));
        }
        while self.one_in(8) {
            let extra = self.value(2);
            elements.push(extra);
        }
        if self.one_in(40) {
            return self.value(1);
        }
        self.list("[", elements, "]")
    }

    fn label(&mut self, label: &str) -> String {
        match self.below(40) {
            0 => self
                .pick(&[
                    "\"event\"",
                    "\"EOSE \"",
                    "\"\"",
                    "\"OK\\u0000\"",
                    "\"REQ\"",
                    "\"EVENTS\"",
                ])
                .into(),
            1 => {
                label
                    .chars()
                    .fold("\"".to_string(), |text, c| text + &format!("\\u{:04x}", c as u32))
                    + "\""
            }
            _ => format!("\"{label}\""),
        }
    }

    fn event(&mut self) -> String {
        let tags = (0..self.below(3))
            .map(|_| {
                let values = vec![self.string(), self.string()];
                self.list("[", values, "]")
            })
            .collect();
        let mut members = vec![
            format!("\"id\":{}", self.id()),
            format!("\"kind\":{}", self.number()),
            format!("\"tags\":{}", self.list("[", tags, "]")),
            format!("\"content\":{}", self.string()),
        ];
        members.truncate(self.below(8));
        if self.one_in(4) {
            let (name, value) = (self.string(), self.value(2));
            members.push(format!("{name}{}:{}{value}", self.space(), self.space()));
        }
        self.list("{", members, "}")
    }

    fn count(&mut self) -> String {
        let mut members = vec![format!("\"count\":{}", self.number())];
        if self.one_in(3) {
            members.push(format!(
                "\"approximate\":{}",
                self.pick(&["true", "false", "null", "1"])
            ));
        }
        if self.one_in(8) {
            let registers = self.pick(&["0a", "ff", "0A", "0"]).repeat(256);
            members.push(format!("\"hll\":\"{registers}\""));
        }
        if self.one_in(6) {
            members.push(format!(
                "\"{}\":{}",
                self.pick(&["count", "\\u0063ount", "x"]),
                self.value(3)
            ));
        }
        self.list("{", members, "}")
    }

    fn id(&mut self) -> String {
        match self.below(12) {
            0 => format!("\"{}\"", self.pick(&["0", "0A", "0g", "é"]).repeat(32)),
            1 => format!("\"\\u0030{}\"", "9".repeat(63)),
            _ => format!("\"{}\"", self.pick(&["00", "9f", "ab"]).repeat(32)),
        }
    }

    fn value(&mut self, depth: usize) -> String {
        let inner = if depth < 10 { self.below(9) } else { 0 };
        match inner {
            0 => self.pick(&["true", "false", "null"]).into(),
            1 => self.number(),
            2..=4 => self.string(),
            // A tower of brackets, up to and past the limit.
            5 => {
                let levels = self.below(9);
                let close = "]".repeat(levels);
                "[".repeat(levels) + &self.value(10) + &close
            }
            6 => {
                let members = (0..self.below(3))
                    .map(|_| format!("{}:{}", self.string(), self.value(depth + 1)))
                    .collect();
                self.list("{", members, "}")
            }
            _ => {
                let elements = (0..self.below(3)).map(|_| self.value(depth + 1)).collect();
                self.list("[", elements, "]")
            }
        }
    }

    fn string(&mut self) -> String {
        let mut text = String::from("\"");
        for _ in 0..self.below(6) {
            text.push_str(self.pick(&[
                "a",
                "sub",
                "n46:",
                "0",
                " ",
                "{",
                "]",
                "é",
                "😀",
                "\u{7f}",
                "\u{2028}",
                "\\\"",
                "\\\\",
                "\\/",
                "\\b",
                "\\f",
                "\\n",
                "\\r",
                "\\t",
                "\\u0000",
                "\\u00E9",
                "\\ud83d\\ude00",
                "word of a note ",
                "\"",
            ]));
            if self.one_in(60) {
                text.push_str(self.pick(&["\\ud83d", "\\ude00", "\\uD83D\\n", "\\x", "\\u12", "\n", "\u{1}", "\\"]));
            }
        }
        // The last of the list ends the string early: few of those are wanted.
        if text.matches('"').count() > 1 && !self.one_in(20) {
            text = String::from("\"s");
        }
        text.push('"');
        text
    }

    fn number(&mut self) -> String {
        match self.below(8) {
            0 => self
                .pick(&[
                    "-0",
                    "0.5",
                    "1e3",
                    "1E+2",
                    "-1.25e-7",
                    "1e309",
                    "1.8e308",
                    "0e999",
                    "18446744073709551615",
                    "18446744073709551616",
                    "-9223372036854775809",
                    "01",
                    "1.",
                    ".5",
                    "-",
                    "+1",
                    "1e",
                    "NaN",
                    "0x10",
                ])
                .into(),
            _ => self.below(100_000).to_string(),
        }
    }

    fn list(&mut self, open: &str, items: Vec<String>, close: &str) -> String {
        let mut text = self.space().to_string() + open;
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text = text + self.space() + item + self.space();
        }
        text + close + self.space()
    }

    fn space(&mut self) -> &'static str {
        match self.below(30) {
            0 => " ",
            1 => "\r\n\t ",
            _ => "",
        }
    }

    /// Changes a byte or a few somewhere.
    fn damage(&mut self, text: &mut String) {
        for _ in 0..=self.below(3) {
            let at = text.floor_char_boundary(self.below(text.len() + 1));
            let to = text.floor_char_boundary((at + self.below(4)).min(text.len()));
            match self.below(5) {
                0 => text.truncate(at),
                1 => text.replace_range(at..to, ""),
                2 => {
                    let copy = text.get(at..to).unwrap_or_default().to_string();
                    text.insert_str(at, &copy);
                }
                3 => {
                    let ascii = char::from(self.below(128) as u8);
                    text.replace_range(at..to, ascii.encode_utf8(&mut [0; 4]));
                }
                _ => {
                    let token = self.pick(&[
                        "\"", "\\", ",", ":", "[", "]", "{", "}", "0", "-", ".", "e", "u", "\\u", "\\ud800", " ", "\n",
                        "\u{b}", "\u{0}", "\u{a0}", "\u{feff}", "1e999", "null", "//",
                    ]);
                    text.insert_str(at, token);
                }
            }
        }
    }
}
