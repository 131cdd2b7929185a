//! Kinds: what an event of each kind says.
