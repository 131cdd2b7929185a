//! Subscription ids (NIP-01): up to 64 characters, the client's own choice.

use std::fmt;
use std::sync::Arc;

/// A subscription's id: the page's word for it, and the one relays are sent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubId(Arc<str>);

/// NIP-01: "a non-empty string of max length 64 chars".
pub const MAX_SUB_ID_CHARS: usize = 64;

impl SubId {
    /// Takes `text` as an id if NIP-01 allows it.
    pub fn new(text: &str) -> Option<SubId> {
        let fits = !text.is_empty() && text.chars().count() <= MAX_SUB_ID_CHARS;
        fits.then(|| SubId(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for SubId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_to_sixty_four_characters() {
        assert_eq!(SubId::new(""), None);
        assert!(SubId::new(&"é".repeat(64)).is_some());
        assert_eq!(SubId::new(&"a".repeat(65)), None);
    }
}
