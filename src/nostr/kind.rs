//! Kinds and their ranges (NIP-01 "Kinds").

/// An event's kind, 0 to 65535.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Kind(pub u16);

/// How a store keeps events of a kind (NIP-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Every event is kept.
    Regular,
    /// Only the latest of a pubkey and kind is kept.
    Replaceable,
    /// Never stored.
    Ephemeral,
    /// Only the latest of a pubkey, kind and `d` tag is kept.
    Addressable,
}

impl Kind {
    /// A profile (NIP-01).
    pub const METADATA: Kind = Kind(0);
    /// NIP-10.
    pub const TEXT_NOTE: Kind = Kind(1);
    /// Whom somebody follows (NIP-02).
    pub const CONTACTS: Kind = Kind(3);
    /// NIP-09.
    pub const DELETION: Kind = Kind(5);
    /// Where somebody writes and reads (NIP-65).
    pub const RELAY_LIST: Kind = Kind(10002);
    /// The answer to a relay's challenge (NIP-42).
    pub const AUTH: Kind = Kind(22242);

    /// The NIP-01 range this kind falls in.
    pub fn retention(self) -> Retention {
        match self.0 {
            0 | 3 | 10_000..=19_999 => Retention::Replaceable,
            20_000..=29_999 => Retention::Ephemeral,
            30_000..=39_999 => Retention::Addressable,
            _ => Retention::Regular,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_at_their_edges() {
        for (kind, retention) in [
            (0, Retention::Replaceable),
            (1, Retention::Regular),
            (3, Retention::Replaceable),
            (9_999, Retention::Regular),
            (10_000, Retention::Replaceable),
            (19_999, Retention::Replaceable),
            (20_000, Retention::Ephemeral),
            (29_999, Retention::Ephemeral),
            (30_000, Retention::Addressable),
            (39_999, Retention::Addressable),
            (40_000, Retention::Regular),
        ] {
            assert_eq!(Kind(kind).retention(), retention, "{kind}");
        }
    }
}
