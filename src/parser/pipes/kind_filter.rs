//! KindFilter: passes the listed kinds.

use crate::nostr::event::Event;
use crate::nostr::kind::Kind;

pub fn passes(kinds: &[Kind], event: &Event) -> bool {
    kinds.contains(&event.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn only_listed_kinds_pass() {
        for (kinds, kind, passed) in [(&[1, 7][..], 7, true), (&[1, 7], 6, false), (&[], 1, false)] {
            let kinds: Vec<Kind> = kinds.iter().map(|kind| Kind(*kind)).collect();
            assert_eq!(passes(&kinds, &signed(1, kind, 1, &[], "")), passed, "{kind}");
        }
    }
}
