//! Ferry: the engine a web page drops in to speak Nostr.
