//! A cheap look into an event's JSON for the few members that resuming needs. Nothing is decoded or checked.
//!
//! In valid JSON an unescaped `"name"` followed by a colon is a member's name, for quotes
//! inside strings are escaped. A relay that nests another such member deceives only
//! about its own answers. Nothing is ever dropped for what a glance says.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::nostr::event::{EventId, Pubkey, claimed_id};
use crate::nostr::kind::Kind;
use crate::time::UnixSeconds;

/// When the event says it was made.
pub fn created_at(json: &str) -> Option<UnixSeconds> {
    number(json, &CREATED_AT).map(UnixSeconds)
}

/// The members that tell the filters of one REQ apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    pub id: Option<EventId>,
    pub pubkey: Option<Pubkey>,
    pub kind: Option<Kind>,
}

impl Glance {
    pub fn of(json: &str) -> Glance {
        Glance {
            id: claimed_id(json),
            pubkey: value(json, &PUBKEY).and_then(|rest| Pubkey::from_hex(rest.strip_prefix('"')?.get(..64)?)),
            kind: number(json, &KIND).and_then(|kind| u16::try_from(kind).ok()).map(Kind),
        }
    }
}

/// A member's name, made ready to be looked for in every event.
type Name = LazyLock<Finder<'static>>;

static CREATED_AT: Name = Name::new(|| Finder::new("\"created_at\""));
static PUBKEY: Name = Name::new(|| Finder::new("\"pubkey\""));
static KIND: Name = Name::new(|| Finder::new("\"kind\""));

fn number(json: &str, name: &Name) -> Option<u64> {
    let rest = value(json, name)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

/// The text from the value of the member called `name`, quotes included, to the end.
fn value<'a>(json: &'a str, name: &Name) -> Option<&'a str> {
    name.find_iter(json.as_bytes()).find_map(|at| {
        let rest = json.get(at + name.needle().len()..)?.trim_start();
        rest.strip_prefix(':').map(str::trim_start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn the_members_of_a_real_event_are_found() {
        let event = signed(
            3,
            7,
            1_700_000_000,
            &[&["created_at", "5"], &["kind", "9"]],
            "\"kind\":1,\"pubkey\":2",
        );
        let json = event.to_json();
        assert_eq!(created_at(&json), Some(UnixSeconds(1_700_000_000)));
        let glance = Glance::of(&json);
        assert_eq!(glance.id, Some(event.id));
        assert_eq!(glance.pubkey, Some(event.pubkey));
        assert_eq!(glance.kind, Some(Kind(7)));
    }

    #[test]
    fn white_space_is_skipped_and_what_is_no_number_is_none() {
        assert_eq!(created_at("{ \"created_at\" : 12 }"), Some(UnixSeconds(12)));
        for json in [
            "{}",
            "{\"created_at\":\"1\"}",
            "{\"created_at\":-1}",
            "{\"created_at\"",
            "{\"created_at\":99999999999999999999}",
        ] {
            assert_eq!(created_at(json), None, "{json}");
        }
    }
}
