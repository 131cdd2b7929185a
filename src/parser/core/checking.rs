//! Signatures on their way to the crypto role: the engine's own before those of what the page imports.
//!
//! The cache reads imports itself and knows no crypto role, so its questions go by way of the parser, which knows when
//! nobody else waits for a check.

use std::collections::VecDeque;

use super::{Outbox, Parser};
use crate::message::{Claim, ParserToCache, ParserToCrypto, RequestId};
use crate::sorted::SortedMap;

/// What the cache wants checked.
#[derive(Debug, Default)]
pub(super) struct ImportChecks {
    /// With the cache's own numbers. It asks little at once.
    waiting: VecDeque<(RequestId, Vec<Claim>)>,
    /// The cache's numbers by those that the crypto role was given.
    asked: SortedMap<RequestId, RequestId>,
}

impl ImportChecks {
    pub fn push(&mut self, request: RequestId, claims: Vec<Claim>) {
        self.waiting.push_back((request, claims));
    }

    /// Whoever asked is gone, and the next cache numbers its questions anew.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.asked.clear();
    }
}

impl Parser {
    /// Sends what the crypto role has room for. What is imported waits as long as anything else does.
    pub(super) fn check_more(&mut self, out: &mut Outbox) {
        while let Some((request, claims)) = self.verify.next_batch(|| self.requests.next()) {
            out.crypto.push(ParserToCrypto::Verify { request, claims });
        }
        while !self.verify.has_queue()
            && let Some((theirs, claims)) = self.imports.waiting.pop_front()
        {
            let request = self.requests.next();
            self.imports.asked.insert(request, theirs);
            out.crypto.push(ParserToCrypto::Verify { request, claims });
        }
    }

    pub(super) fn on_verdicts(&mut self, request: RequestId, good: Vec<bool>, out: &mut Outbox) {
        if let Some(request) = self.imports.asked.remove(&request) {
            out.cache.push(ParserToCache::Checked { request, good });
            return;
        }
        for verdict in self.verify.answer(request, &good) {
            self.on_verdict(verdict, out);
        }
    }
}
