//! Lower-case hex, as NIP-01 writes ids, pubkeys and signatures.

use base16ct::lower;

/// Writes `bytes` as lower-case hex.
pub fn encode(bytes: &[u8]) -> String {
    lower::encode_string(bytes)
}

/// Reads exactly `N` bytes of lower-case hex; anything else (length, upper case, other characters) is `None`.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0u8; N];
    if text.len() != 2 * N {
        return None;
    }
    lower::decode(text, &mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_of_the_exact_length_is_read() {
        assert_eq!(decode::<2>("00ff"), Some([0, 255]));
        assert_eq!(encode(&[0, 255]), "00ff");
        for bad in ["00FF", "00f", "00fg", "00ff00", ""] {
            assert_eq!(decode::<2>(bad), None, "{bad}");
        }
    }
}
