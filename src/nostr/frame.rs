//! Frames between a client and a relay (NIP-01, NIP-42, NIP-45).
