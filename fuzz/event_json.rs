//! The event reader against `serde_json`'s tree: what it takes is what the text says, and is written back the same.
//!
//! Shared by the fuzz target and by `tests/fuzzed.rs`.

use nostr_ferry::nostr::event::{RawEvent, claimed_id};
use serde_json::Value;

/// Reads `text` as an event. Returns whether it is one.
pub fn check(text: &str) -> bool {
    let claimed = claimed_id(text);
    let event = match RawEvent::from_json(text) {
        Ok(event) => event,
        Err(error) => {
            assert!(error.to_string().len() < 1_000, "{text:?}: {error}");
            return false;
        }
    };
    let tree: Value = serde_json::from_str(text).unwrap_or_default();
    let member = |name: &str| tree.get(name).cloned().unwrap_or_default();
    assert_eq!(member("id"), event.id.to_string(), "{text:?}");
    assert_eq!(member("pubkey"), event.pubkey.to_string(), "{text:?}");
    assert_eq!(member("sig"), event.sig.to_string(), "{text:?}");
    assert_eq!(member("created_at"), event.created_at.0, "{text:?}");
    assert_eq!(member("kind"), event.kind.0, "{text:?}");
    assert_eq!(member("content"), event.content, "{text:?}");
    assert_eq!(member("tags"), Value::from(event.tags.clone()), "{text:?}");
    let written = event.to_json();
    assert_eq!(RawEvent::from_json(&written).as_ref(), Ok(&event), "{text:?}");
    assert_eq!(claimed_id(&written), Some(event.id), "{text:?}");
    // A text that hides another id in a nested object deceives about its own copy alone; a flat one cannot.
    if let Some(claimed) = claimed.filter(|_| text.matches("\"id\"").count() == 1) {
        assert_eq!(claimed, event.id, "{text:?}");
    }
    if let Ok(hashed) = event.clone().hash() {
        assert_eq!(*hashed, event, "{text:?}");
    }
    true
}
