//! Counter: running counts of some kinds in place of their events.

use crate::message::CountResponse;
use crate::nostr::event::{Event, Pubkey};
use crate::nostr::kind::Kind;
use crate::sorted::SortedMap;

#[derive(Debug)]
pub struct Counter {
    counts: SortedMap<Kind, (u64, bool)>,
    pubkey: Option<Pubkey>,
}

impl Counter {
    pub fn new(kinds: &[Kind], pubkey: Option<Pubkey>) -> Counter {
        Counter {
            counts: kinds.iter().map(|kind| (*kind, (0, false))).collect(),
            pubkey,
        }
    }

    /// Counts `event`; `None` for a kind that is not counted.
    pub fn count(&mut self, event: &Event) -> Option<CountResponse> {
        let (count, you) = self.counts.get_mut(&event.kind)?;
        *count += 1;
        *you |= self.pubkey == Some(event.pubkey);
        Some(CountResponse {
            kind: event.kind,
            count: *count,
            you: *you,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn each_kind_is_counted_and_you_stays_once_it_is_true() {
        let mut counter = Counter::new(&[Kind(7), Kind(9735)], Some(signed(2, 1, 1, &[], "").pubkey));
        for (author, kind, counted) in [
            (1, 7, Some((1, false))),
            (2, 7, Some((2, true))),
            (1, 7, Some((3, true))),
            (1, 9735, Some((1, false))),
            (2, 1, None),
        ] {
            let response = counter.count(&signed(author, kind, 1, &[], ""));
            assert_eq!(
                response.map(|response| (response.count, response.you)),
                counted,
                "{author} {kind}"
            );
        }
        let mut nobody = Counter::new(&[Kind(7)], None);
        assert!(!nobody.count(&signed(1, 7, 1, &[], "")).unwrap().you);
    }
}
