//! The crypto role's state machine: who signs, and the table of what waits for an answer.
//!
//! Every request is filed under the question it waits for, with the time its answer must have
//! come by. Nothing here waits: a signer that is slow delays its own requests alone.

mod choice;
mod operations;

use std::collections::HashMap;

use super::signer::{Context, Effect, Signer};
use super::task::Task;
use crate::message::{
    CallId, Claim, CryptoToPage, CryptoToParser, Envelope, PageToCrypto, ParserToCrypto, RelayMessage, RequestId,
};
use crate::role::Role;
use crate::router::Backlog;
use crate::time::{Millis, Now, Timers};

/// How long signers may take, in milliseconds, and how much may wait for them.
#[derive(Clone, Debug)]
pub struct Config {
    pub operation_ms: u64,
    pub remote_ms: u64,
    /// Until somebody takes a `nostrconnect://` URL, or confirms at the address of an auth challenge.
    pub person_ms: u64,
    /// Requests that may wait at one time.
    pub max_waiting: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            operation_ms: 30_000,
            remote_ms: 60_000,
            person_ms: 300_000,
            // A decryption each for more messages than a subscription shows.
            max_waiting: 4_096,
        }
    }
}

/// What reaches the crypto role.
#[derive(Debug)]
pub enum Input {
    Parser(ParserToCrypto),
    Page(PageToCrypto),
    Connections(RelayMessage),
    /// A batch has been checked, one verdict per claim.
    Verdicts {
        request: RequestId,
        good: Vec<bool>,
    },
    /// A peer was replaced: what it was told is lost, what it had asked is nobody's any more.
    Replaced(Role),
    /// `next_timeout` has come.
    Timeout,
}

/// What the crypto role wants to say and to have checked.
#[derive(Debug, Default)]
pub struct Outbox {
    pub parser: Backlog<CryptoToParser>,
    pub page: Backlog<CryptoToPage>,
    pub connections: Backlog<Envelope>,
    /// Batches for the verifier, oldest first.
    pub checks: Vec<(RequestId, Vec<Claim>)>,
}

/// Bytes nobody can foresee, for keys, nonces, signatures and batch checks.
pub trait Entropy {
    /// Other bytes at each call.
    fn bytes(&mut self) -> [u8; 32];
}

/// A parser makes fewer requests than that in a lifetime.
const PARSER_BITS: u32 = 48;

/// Who asked, and the number of the question there.
#[derive(Clone, Copy, Debug)]
enum Asker {
    Parser(RequestId),
    Page(RequestId),
}

/// A request that waits for an answer of the signer.
struct Waiting {
    asker: Asker,
    task: Task,
}

/// The role's state. It never touches a port or a clock.
pub struct Crypto<E> {
    config: Config,
    entropy: E,
    signer: Signer,
    /// A signer that has not answered with its public key yet, and the call that will.
    candidate: Option<(CallId, Signer)>,
    waiting: HashMap<CallId, Waiting>,
    deadlines: Timers<CallId>,
    last_call: u64,
    /// Parsers that came after the first. Part of the number of each check, for requests are numbered anew by each.
    parsers: u64,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    batches: u64,
    claims: u64,
    refused: u64,
    operations: u64,
    failed: u64,
    unexpected: u64,
}

impl<E: Entropy> Crypto<E> {
    pub fn new(entropy: E, config: Config) -> Crypto<E> {
        Crypto {
            config,
            entropy,
            signer: Signer::None,
            candidate: None,
            waiting: HashMap::new(),
            deadlines: Timers::default(),
            last_call: 0,
            parsers: 0,
            counters: Counters::default(),
        }
    }

    /// Takes in one message.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Parser(ParserToCrypto::Verify { request, claims }) => {
                self.counters.batches += 1;
                self.counters.claims += claims.len() as u64;
                out.checks
                    .push((RequestId(request.0 + (self.parsers << PARSER_BITS)), claims));
            }
            Input::Verdicts { request, good } => {
                self.counters.refused += good.iter().filter(|good| !**good).count() as u64;
                // Of a parser that is gone, the verdicts must not pass for those on another's request.
                if request.0 >> PARSER_BITS == self.parsers {
                    let request = RequestId(request.0 - (self.parsers << PARSER_BITS));
                    out.parser.push(CryptoToParser::Verdicts { request, good });
                }
            }
            Input::Parser(ParserToCrypto::Ask { request, op }) => self.ask(now, Asker::Parser(request), op, out),
            Input::Page(PageToCrypto::Ask { request, op }) => self.ask(now, Asker::Page(request), op, out),
            Input::Page(PageToCrypto::Use { request, choice }) => self.use_signer(now, request, choice, out),
            Input::Page(PageToCrypto::Extension { call, result }) => {
                self.with_signers(now, out, |signer, cx| {
                    if let Some(extension) = signer.extension() {
                        extension.on_answer(cx, call, result.clone());
                    }
                });
            }
            Input::Page(PageToCrypto::Logout { request }) => self.logout(now, request, out),
            Input::Connections(message) => self.on_relay(now, message, out),
            Input::Replaced(role) => self.on_replaced(now, role, out),
            Input::Timeout => self.on_timeout(now, out),
        }
    }

    /// When `Input::Timeout` is due.
    pub fn next_timeout(&self) -> Option<Millis> {
        let candidate = self.candidate.as_ref().and_then(|(_, signer)| signer.next_timeout());
        [self.deadlines.next(), self.signer.next_timeout(), candidate]
            .into_iter()
            .flatten()
            .min()
    }

    /// The role's own counters, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let counters = &self.counters;
        [
            ("batches", counters.batches),
            ("claims", counters.claims),
            ("refused", counters.refused),
            ("operations", counters.operations),
            ("failed", counters.failed),
            ("unexpected", counters.unexpected),
            ("waiting", self.waiting.len() as u64),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Files what waits under a new call.
    fn file(&mut self, now: Now, waiting: Waiting, limit_ms: u64) -> CallId {
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.waiting.insert(call, waiting);
        self.deadlines.set(call, now.mono + limit_ms);
        call
    }

    fn with_signers(&mut self, now: Now, out: &mut Outbox, mut act: impl FnMut(&mut Signer, &mut Context<'_>)) {
        let mut cx = context(&mut self.entropy, now, out);
        act(&mut self.signer, &mut cx);
        if let Some((_, candidate)) = &mut self.candidate {
            act(candidate, &mut cx);
        }
        let effects = cx.effects;
        self.apply(now, effects, out);
    }

    fn apply(&mut self, now: Now, effects: Vec<Effect>, out: &mut Outbox) {
        for effect in effects {
            match effect {
                Effect::Settled(call, result) => {
                    // Of a request that timed out or was cancelled, there is none.
                    let waiting = self.waiting.remove(&call);
                    if let Some(waiting) = waiting {
                        let deadline = self.deadlines.get(&call);
                        self.deadlines.cancel(&call);
                        self.settle(now, call, waiting, result, deadline, out);
                    }
                }
                Effect::Confirming(call) => {
                    if self.waiting.contains_key(&call) {
                        self.deadlines.set(call, now.mono + self.config.person_ms);
                    }
                }
            }
        }
    }

    fn on_replaced(&mut self, now: Now, role: Role, out: &mut Outbox) {
        match role {
            Role::Parser => {
                out.parser.clear();
                self.parsers += 1;
                self.forget_parsers_requests();
            }
            Role::Connections => {
                // Somebody must listen before anything is answered.
                let unsent = Vec::from_iter(out.connections.drain());
                self.with_signers(now, out, |signer, cx| {
                    if let Some(remote) = signer.remote() {
                        remote.subscribe(cx);
                    }
                });
                out.connections.extend(unsent);
            }
            Role::Cache | Role::Crypto => {}
        }
    }

    fn forget_parsers_requests(&mut self) {
        let of_parser = |waiting: &Waiting| matches!(waiting.asker, Asker::Parser(_));
        let calls = self.waiting.iter().filter(|(_, waiting)| of_parser(waiting));
        for call in Vec::from_iter(calls.map(|(call, _)| *call)) {
            self.waiting.remove(&call);
            self.deadlines.cancel(&call);
            self.signer.give_up(call);
        }
    }

    fn on_relay(&mut self, now: Now, message: RelayMessage, out: &mut Outbox) {
        let sub = match &message {
            RelayMessage::Event { sub, .. }
            | RelayMessage::Eose { sub, .. }
            | RelayMessage::Closed { sub, .. }
            | RelayMessage::Count { sub, .. }
            | RelayMessage::Unreachable { sub, .. } => Some(sub.clone()),
            // About an event of one session or the other.
            RelayMessage::Ok { .. }
            | RelayMessage::Sent { .. }
            | RelayMessage::Unsent { .. }
            | RelayMessage::Notice { .. }
            | RelayMessage::Auth { .. } => None,
        };
        let mut taken = false;
        self.with_signers(now, out, |signer, cx| {
            if let Some(remote) = signer.remote()
                && sub.as_ref().is_none_or(|sub| sub == remote.sub())
            {
                taken = true;
                remote.on_relay(cx, message.clone());
            }
        });
        // For a session that has ended.
        self.counters.unexpected += u64::from(!taken);
    }

    fn on_timeout(&mut self, now: Now, out: &mut Outbox) {
        self.with_signers(now, out, |signer, cx| {
            if let Some(remote) = signer.remote() {
                remote.on_timeout(cx);
            }
        });
        while let Some(call) = self.deadlines.pop_due(now.mono) {
            let Some(waiting) = self.waiting.remove(&call) else {
                continue;
            };
            let error = match &mut self.candidate {
                Some((candidate, signer)) if *candidate == call => signer.give_up(call),
                _ => self.signer.give_up(call),
            };
            self.settle(now, call, waiting, Err(error), None, out);
        }
    }
}

fn context<'a>(entropy: &'a mut impl Entropy, now: Now, out: &'a mut Outbox) -> Context<'a> {
    Context {
        now,
        entropy,
        out,
        effects: Vec::new(),
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
pub(in crate::crypto) mod tests;
