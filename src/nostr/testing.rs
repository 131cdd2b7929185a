//! Seeded hostile input for the decoders' tests. Deterministic: the seed is the whole input.

/// SplitMix64: enough to reach odd corners, and the same sequence everywhere.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound - 1`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    /// Text of up to `longest` characters, mostly from `alphabet`, sometimes anything.
    pub(crate) fn text(&mut self, alphabet: &str, longest: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..self.below(longest + 1))
            .map(|_| match self.below(40) {
                0 => char::from_u32(self.next() as u32 % 0x11_0000).unwrap_or('\u{fffd}'),
                _ => alphabet[self.below(alphabet.len())],
            })
            .collect()
    }

    /// `good` with up to three of its characters replaced, doubled or removed.
    pub(crate) fn damaged(&mut self, good: &str) -> String {
        let mut chars: Vec<char> = good.chars().collect();
        for _ in 0..self.below(3) + 1 {
            let at = self.below(chars.len().max(1));
            match self.below(4) {
                _ if chars.is_empty() => chars.push('a'),
                0 => drop(chars.remove(at)),
                1 => chars.insert(at, chars[at]),
                2 => chars.truncate(at),
                _ => chars[at] = char::from(self.below(128) as u8),
            }
        }
        chars.into_iter().collect()
    }
}
