//! CBOR (RFC 8949) as far as Cashu's tokens need it (NUT-00): maps, arrays, text and numbers, and whatever else to skip.
//!
//! A general reader is three times this much code in a file that every visitor downloads. What is not well-formed is
//! `None`. Nothing here recurses, so that no input is too deep.

/// What is left to read.
pub struct Cbor<'a>(&'a [u8]);

/// The major types.
const NUMBER: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
/// Ends what was begun without saying its length.
const END: u8 = 0xff;
const NULL: u8 = 0xf6;

impl<'a> Cbor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cbor<'a> {
        Cbor(bytes)
    }

    pub fn number(&mut self) -> Option<u64> {
        match self.head()? {
            (NUMBER, value) => value,
            _ => None,
        }
    }

    /// A text that says its length.
    pub fn text(&mut self) -> Option<&'a str> {
        match self.head()? {
            (TEXT, Some(length)) => std::str::from_utf8(self.take(length)?).ok(),
            _ => None,
        }
    }

    /// Whether a null stands here, which is then behind.
    pub fn null(&mut self) -> bool {
        self.behind(NULL)
    }

    /// Calls `each` where each element stands, to read it.
    pub fn array(&mut self, each: &mut dyn FnMut(&mut Cbor<'a>) -> Option<()>) -> Option<()> {
        match self.head()? {
            (ARRAY, length) => self.sequence(length, each),
            _ => None,
        }
    }

    /// Calls `each` with each key, a text, where its value stands, to read it.
    pub fn map(&mut self, each: &mut dyn FnMut(&str, &mut Cbor<'a>) -> Option<()>) -> Option<()> {
        match self.head()? {
            (MAP, length) => self.sequence(length, &mut |cbor| {
                let key = cbor.text()?;
                each(key, cbor)
            }),
            _ => None,
        }
    }

    fn sequence(&mut self, length: Option<u64>, each: &mut dyn FnMut(&mut Cbor<'a>) -> Option<()>) -> Option<()> {
        let mut left = length;
        while !self.ends(&mut left) {
            each(self)?;
        }
        Some(())
    }

    /// Goes past one item, whatever it holds.
    pub fn skip(&mut self) -> Option<()> {
        // Of each that is begun, how many items are still to come; none where only its end will say.
        let mut begun = vec![Some(1)];
        while let Some(left) = begun.last_mut() {
            if self.ends(left) {
                begun.pop();
                continue;
            }
            match self.tagged_head()? {
                (NUMBER | NEGATIVE | SIMPLE, Some(_)) => {}
                (kind @ (BYTES | TEXT), length) => self.skip_string(kind, length)?,
                (ARRAY, length) => begun.push(length),
                (MAP, length) => begun.push(length.map(|pairs| pairs.saturating_mul(2))),
                _ => return None,
            }
        }
        Some(())
    }

    /// The head of the next item that is no tag of another.
    fn tagged_head(&mut self) -> Option<(u8, Option<u64>)> {
        loop {
            match self.head()? {
                (TAG, Some(_)) => {}
                head => return Some(head),
            }
        }
    }

    /// Without a length, it consists of strings that have one.
    fn skip_string(&mut self, kind: u8, length: Option<u64>) -> Option<()> {
        let Some(length) = length else {
            return self.sequence(None, &mut |cbor| match cbor.head()? {
                (part, Some(length)) if part == kind => cbor.skip_string(kind, Some(length)),
                _ => None,
            });
        };
        let bytes = self.take(length)?;
        (kind == BYTES || std::str::from_utf8(bytes).is_ok()).then_some(())
    }

    /// Whether no item is left, by their number or, without one, by the end that stands here. Else counts one.
    fn ends(&mut self, left: &mut Option<u64>) -> bool {
        match left {
            Some(0) => true,
            Some(count) => {
                *count -= 1;
                false
            }
            None => self.behind(END),
        }
    }

    fn behind(&mut self, byte: u8) -> bool {
        let is = self.0.first() == Some(&byte);
        if is {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
        is
    }

    /// The major type of an item, and its value or length; none where that is not said, or an end stands.
    fn head(&mut self) -> Option<(u8, Option<u64>)> {
        let first = *self.take(1)?.first()?;
        let value = match first & 31 {
            short @ 0..=23 => Some(short.into()),
            width @ 24..=27 => {
                let bytes = self.take(1 << (width - 24))?;
                Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
            }
            31 => None,
            _ => return None,
        };
        Some((first >> 5, value))
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use minicbor::data::{Tag, Type};
    use minicbor::{Decoder, Encoder};

    use super::*;

    /// A small generator (xorshift).
    struct Seeded(u64);

    impl Seeded {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) % limit
        }

        /// Writes an item with up to `depth` others inside each other.
        fn item(&mut self, to: &mut Encoder<Vec<u8>>, depth: u64) {
            let wide = 1 << self.below(64);
            match self.below(if depth == 0 { 9 } else { 14 }) {
                0 => drop(to.u64(self.below(wide)).unwrap()),
                1 => drop(to.i64(-1 - (self.below(wide >> 1 | 1) as i64)).unwrap()),
                2 => drop(to.bytes(&vec![0xff; self.below(300) as usize]).unwrap()),
                3 => drop(to.str(&"ä".repeat(self.below(40) as usize)).unwrap()),
                4 => drop(to.null().unwrap()),
                5 => drop(to.bool(true).unwrap()),
                6 => drop(to.f64(0.1).unwrap()),
                7 => drop(to.f32(0.5).unwrap()),
                8 => drop(to.simple(self.below(20) as u8).unwrap()),
                9 => {
                    let length = self.below(4);
                    to.array(length).unwrap();
                    (0..length).for_each(|_| self.item(to, depth - 1));
                }
                10 => {
                    to.begin_array().unwrap();
                    (0..self.below(4)).for_each(|_| self.item(to, depth - 1));
                    to.end().unwrap();
                }
                11 => {
                    let length = self.below(3);
                    to.map(length).unwrap();
                    (0..2 * length).for_each(|_| self.item(to, depth - 1));
                }
                12 => {
                    to.tag(Tag::new(self.below(wide))).unwrap();
                    self.item(to, depth - 1);
                }
                _ => {
                    to.begin_str().unwrap();
                    for _ in 0..self.below(4) {
                        to.str("part").unwrap();
                    }
                    to.end().unwrap();
                }
            }
        }
    }

    #[test]
    fn any_item_is_skipped_to_where_another_reader_skips_it() {
        let mut seeded = Seeded(0x9e37_79b9_7f4a_7c15);
        for _ in 0..20_000 {
            let mut encoder = Encoder::new(Vec::new());
            seeded.item(&mut encoder, 5);
            encoder.str("after it").unwrap();
            let bytes = encoder.into_writer();
            let mut theirs = Decoder::new(&bytes);
            theirs.skip().unwrap();
            let mut ours = Cbor::new(&bytes);
            assert_eq!(ours.skip(), Some(()), "{bytes:?}");
            assert_eq!(bytes.len() - ours.0.len(), theirs.position(), "{bytes:?}");
            assert_eq!(ours.text(), Some("after it"));
            for cut in 0..theirs.position() {
                assert_eq!(Cbor::new(&bytes[..cut]).skip(), None, "{:?}", &bytes[..cut]);
            }
        }
    }

    #[test]
    fn changed_items_are_read_as_another_reader_reads_them_or_refused() {
        let mut seeded = Seeded(0xdead_beef_cafe_f00d);
        let mut read = 0;
        for _ in 0..50_000 {
            let mut encoder = Encoder::new(Vec::new());
            seeded.item(&mut encoder, 3);
            let mut bytes = encoder.into_writer();
            let at = seeded.below(bytes.len() as u64) as usize;
            bytes[at] = seeded.below(256) as u8;
            let mut ours = Cbor::new(&bytes);
            if ours.skip().is_some() {
                let mut theirs = Decoder::new(&bytes);
                // It takes no single-byte simple value in two bytes, which RFC 8949 3.3 forbids.
                if theirs.skip().is_ok() {
                    read += 1;
                    assert_eq!(bytes.len() - ours.0.len(), theirs.position(), "{bytes:?}");
                }
            }
            let number = Decoder::new(&bytes).u64().ok();
            assert_eq!(Cbor::new(&bytes).number(), number, "{bytes:?}");
            let text = Decoder::new(&bytes).str().ok();
            assert_eq!(Cbor::new(&bytes).text(), text, "{bytes:?}");
            let null = Decoder::new(&bytes).datatype().is_ok_and(|is| is == Type::Null);
            assert_eq!(Cbor::new(&bytes).null(), null, "{bytes:?}");
        }
        assert!(read > 20_000, "{read}");
    }

    #[test]
    fn depth_and_lengths_cost_no_more_than_the_bytes() {
        let deep = [vec![0x9f; 200_000], vec![END; 200_000]].concat();
        assert_eq!(Cbor::new(&deep).skip(), Some(()));
        let tags = [vec![0xc1; 200_000], vec![0]].concat();
        assert_eq!(Cbor::new(&tags).skip(), Some(()));
        for claim in [0x5b, 0x7b, 0x9b, 0xbb] {
            let huge = [&[claim][..], &[0xff; 8]].concat();
            assert_eq!(Cbor::new(&huge).skip(), None);
        }
    }
}
