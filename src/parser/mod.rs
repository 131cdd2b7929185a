//! The parser role: from a verified event to what a page shows.
pub mod content;
pub mod kinds;
