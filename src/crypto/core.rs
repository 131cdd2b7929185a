//! The crypto role's state machine: who signs, and the table of what waits for an answer.
//!
//! Every request is filed under the question it waits for, with the time its answer must have
//! come by. Nothing here waits: a signer that is slow delays its own requests alone.

use std::collections::HashMap;

use super::signer::{Context, Effect, Extension, Local, Remote, Signer};
use super::task::{Next, Task, Unwrap, Wrap, unfit};
use crate::message::{
    CallId, Claim, CryptoToPage, CryptoToParser, Envelope, PageToCrypto, ParserToCrypto, ProofClaim, RelayMessage,
    RequestId, SignerAnswer, SignerCall, SignerChoice, SignerError, SignerOp, SignerResult,
};
use crate::nostr::cashu::{self, Dleq, Point};
use crate::nostr::event::Pubkey;
use crate::nostr::kind::Kind;
use crate::nostr::nip19::Entity;
use crate::nostr::nip46::url::BunkerUrl;
use crate::role::Role;
use crate::router::Backlog;
use crate::sorted;
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

    // ------------------------------------------------------------ operations

    fn ask(&mut self, now: Now, asker: Asker, op: SignerOp, out: &mut Outbox) {
        match self.begin(now, op, out) {
            Ok(Begun::Answered(answer)) => self.answer(asker, Ok(answer), out),
            Ok(Begun::Ask(task, ask)) => {
                let call = self.file(now, Waiting { asker, task }, self.operation_ms());
                self.call_signer(now, call, ask, out);
            }
            Err(error) => self.answer(asker, Err(error), out),
        }
    }

    fn begin(&mut self, now: Now, op: SignerOp, out: &mut Outbox) -> Result<Begun, SignerError> {
        if self.waiting.len() >= self.config.max_waiting {
            return Err(SignerError::Refused("too many requests wait for the signer".into()));
        }
        match op {
            SignerOp::VerifyProofs(proofs) => {
                let good = proofs.iter().map(verify_proof).collect();
                Ok(Begun::Answered(SignerAnswer::Verdicts(good)))
            }
            SignerOp::Call(SignerCall::GetPublicKey) => {
                let pubkey = self.signer.pubkey().ok_or(SignerError::NoSigner)?;
                Ok(Begun::Answered(SignerAnswer::PublicKey(pubkey)))
            }
            SignerOp::Call(SignerCall::Sign(template)) => {
                if template.kind == Kind::AUTH
                    && let Some(result) = self.authenticate(now, &template, out)
                {
                    return result.map(Begun::Answered);
                }
                Ok(Begun::Ask(Task::Direct, SignerCall::Sign(template)))
            }
            SignerOp::Call(ask) => Ok(Begun::Ask(Task::Direct, ask)),
            SignerOp::Unwrap(wrap) => {
                self.signer.pubkey().ok_or(SignerError::NoSigner)?;
                let (task, ask) = Unwrap::begin(wrap)?;
                Ok(Begun::Ask(Task::Unwrap(task), ask))
            }
            SignerOp::Wrap(template) => {
                let author = self.signer.pubkey().ok_or(SignerError::NoSigner)?;
                let (task, ask) = Wrap::begin(template, author, now.unix)?;
                Ok(Begun::Ask(Task::Wrap(Box::new(task)), ask))
            }
        }
    }

    /// The NIP-42 answer to a relay of a remote signer's session.
    fn authenticate(
        &mut self,
        now: Now,
        template: &crate::message::Template,
        out: &mut Outbox,
    ) -> Option<SignerResult> {
        let mut answer = None;
        self.with_signers(now, out, |signer, cx| {
            if let (None, Some(remote)) = (&answer, signer.remote()) {
                answer = remote.authenticate(cx, template);
            }
        });
        answer
    }

    /// Files what waits under a new call.
    fn file(&mut self, now: Now, waiting: Waiting, limit_ms: u64) -> CallId {
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.waiting.insert(call, waiting);
        self.deadlines.set(call, now.mono + limit_ms);
        call
    }

    fn operation_ms(&self) -> u64 {
        match &self.signer {
            Signer::Remote(_) => self.config.remote_ms,
            Signer::None | Signer::Local(_) | Signer::ReadOnly(_) | Signer::Extension(_) => self.config.operation_ms,
        }
    }

    fn call_signer(&mut self, now: Now, call: CallId, ask: SignerCall, out: &mut Outbox) {
        let mut cx = context(&mut self.entropy, now, out);
        self.signer.call(&mut cx, call, ask);
        let effects = cx.effects;
        self.apply(now, effects, out);
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

    fn settle(
        &mut self,
        now: Now,
        call: CallId,
        waiting: Waiting,
        result: SignerResult,
        deadline: Option<Millis>,
        out: &mut Outbox,
    ) {
        let Waiting { asker, task } = waiting;
        let next = match (task, result) {
            (Task::Use, result) => return self.settle_use(now, call, asker, result, out),
            (Task::Direct, result) => Ok((Task::Direct, Next::End(result))),
            (_, Err(error)) => Err(error),
            (Task::Unwrap(unwrap), Ok(SignerAnswer::Text(plaintext))) => {
                let next = unwrap.next(&plaintext.0);
                next.map(|(unwrap, next)| (unwrap.map_or(Task::Direct, Task::Unwrap), next))
            }
            (Task::Unwrap(_), Ok(answer)) => Err(unfit(&answer)),
            (Task::Wrap(mut wrap), Ok(answer)) => {
                let next = wrap.next(answer, &mut self.entropy);
                next.map(|next| (Task::Wrap(wrap), next))
            }
        };
        match next {
            Ok((task, Next::Ask(ask))) => {
                // The time limit is the operation's, not each question's.
                let left = deadline.map_or(0, |deadline| deadline.since(now.mono));
                let call = self.file(now, Waiting { asker, task }, left);
                self.call_signer(now, call, ask, out);
            }
            Ok((_, Next::End(result))) => self.answer(asker, result, out),
            Err(error) => self.answer(asker, Err(error), out),
        }
    }

    fn answer(&mut self, asker: Asker, result: SignerResult, out: &mut Outbox) {
        self.counters.operations += 1;
        self.counters.failed += u64::from(result.is_err());
        match asker {
            Asker::Parser(request) => out.parser.push(CryptoToParser::Answer { request, result }),
            Asker::Page(request) => out.page.push(CryptoToPage::Answer { request, result }),
        }
    }

    // ------------------------------------------------------------ the signer

    fn use_signer(&mut self, now: Now, request: RequestId, choice: SignerChoice, out: &mut Outbox) {
        // The page's last word counts: a connection still being made is given up for it.
        self.drop_candidate(now, out);
        let asker = Asker::Page(request);
        let limit_ms = match &choice {
            SignerChoice::Bunker { .. } => self.config.remote_ms,
            SignerChoice::NostrConnect { .. } => self.config.person_ms,
            SignerChoice::PrivateKey(_)
            | SignerChoice::EncryptedKey { .. }
            | SignerChoice::PublicKey(_)
            | SignerChoice::Extension
            | SignerChoice::Session(_) => self.config.operation_ms,
        };
        let call = self.file(now, Waiting { asker, task: Task::Use }, limit_ms);
        let mut cx = context(&mut self.entropy, now, out);
        match make(&mut cx, call, request, choice) {
            Ok(signer) => {
                if let Some(pubkey) = signer.pubkey() {
                    cx.settle(call, Ok(SignerAnswer::PublicKey(pubkey)));
                }
                self.candidate = Some((call, signer));
            }
            Err(error) => cx.settle(call, Err(error)),
        }
        let effects = cx.effects;
        self.apply(now, effects, out);
    }

    /// The candidate gave its public key and takes over, or it failed and the signer before it stays.
    fn settle_use(&mut self, now: Now, call: CallId, asker: Asker, result: SignerResult, out: &mut Outbox) {
        let candidate = self.candidate.take_if(|(candidate, _)| *candidate == call);
        match (candidate, &result) {
            (Some((_, signer)), Ok(_)) => {
                self.cancel_waiting(out);
                let mut before = std::mem::replace(&mut self.signer, signer);
                self.close(now, &mut before, false, out);
                out.parser.push(CryptoToParser::Signer {
                    pubkey: self.signer.pubkey(),
                });
            }
            (Some((_, mut signer)), Err(_)) => self.close(now, &mut signer, false, out),
            (None, _) => {}
        }
        self.answer(asker, result, out);
    }

    fn logout(&mut self, now: Now, request: RequestId, out: &mut Outbox) {
        self.drop_candidate(now, out);
        self.cancel_waiting(out);
        // Dropping it wipes its key.
        let mut signer = std::mem::replace(&mut self.signer, Signer::None);
        self.close(now, &mut signer, true, out);
        out.parser.push(CryptoToParser::Signer { pubkey: None });
        self.answer(Asker::Page(request), Ok(SignerAnswer::Done), out);
    }

    fn drop_candidate(&mut self, now: Now, out: &mut Outbox) {
        if let Some((call, mut signer)) = self.candidate.take() {
            self.close(now, &mut signer, false, out);
            self.cancel(call, out);
        }
    }

    fn close(&mut self, now: Now, signer: &mut Signer, logout: bool, out: &mut Outbox) {
        signer.close(&mut context(&mut self.entropy, now, out), logout);
    }

    fn cancel_waiting(&mut self, out: &mut Outbox) {
        let mut calls: Vec<CallId> = self.waiting.keys().copied().collect();
        sorted::sort(&mut calls);
        calls.into_iter().for_each(|call| self.cancel(call, out));
    }

    fn cancel(&mut self, call: CallId, out: &mut Outbox) {
        self.deadlines.cancel(&call);
        if let Some(waiting) = self.waiting.remove(&call) {
            self.answer(waiting.asker, Err(SignerError::Cancelled), out);
        }
    }

    // ------------------------------------------------------------ peers

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

    // ------------------------------------------------------------ relays and time

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

/// What became of an operation at its start.
enum Begun {
    Answered(SignerAnswer),
    Ask(Task, SignerCall),
}

fn context<'a>(entropy: &'a mut impl Entropy, now: Now, out: &'a mut Outbox) -> Context<'a> {
    Context {
        now,
        entropy,
        out,
        effects: Vec::new(),
    }
}

/// The chosen signer; `call` is answered with its public key, now if it is known.
fn make(cx: &mut Context<'_>, call: CallId, request: RequestId, choice: SignerChoice) -> Result<Signer, SignerError> {
    match choice {
        SignerChoice::PrivateKey(secret) => Local::parse(&secret).map(Signer::Local),
        SignerChoice::EncryptedKey { ncryptsec, passphrase } => {
            Local::unlock(&ncryptsec, &passphrase).map(Signer::Local)
        }
        SignerChoice::PublicKey(text) => read_pubkey(&text).map(Signer::ReadOnly),
        SignerChoice::Extension => {
            let mut extension = Extension::default();
            extension.call(cx, call, SignerCall::GetPublicKey);
            Ok(Signer::Extension(extension))
        }
        SignerChoice::Bunker { url, client } => {
            let url = BunkerUrl::parse(&url.0).map_err(|error| SignerError::BadInput(error.to_string()))?;
            let remote = Remote::connect(cx, call, url, &client)?;
            Ok(Signer::Remote(Box::new(remote)))
        }
        SignerChoice::NostrConnect { relays, client } => {
            let remote = Remote::offer(cx, call, request, relays, &client)?;
            Ok(Signer::Remote(Box::new(remote)))
        }
        SignerChoice::Session(session) => {
            let remote = Remote::resume(cx, &session)?;
            Ok(Signer::Remote(Box::new(remote)))
        }
    }
}

fn read_pubkey(text: &str) -> Result<Pubkey, SignerError> {
    let text = text.trim();
    if let Some(pubkey) = Pubkey::from_hex(text) {
        return Ok(pubkey);
    }
    match Entity::decode(text) {
        Ok(Entity::Npub(pubkey)) => Ok(pubkey),
        Ok(Entity::Nprofile(profile)) => Ok(profile.pubkey),
        Ok(Entity::Note(_) | Entity::Nevent(_) | Entity::Naddr(_)) => {
            Err(SignerError::BadInput("the entity is no public key".into()))
        }
        Err(error) => Err(SignerError::BadInput(format!("not a public key: {error}"))),
    }
}

fn verify_proof(proof: &ProofClaim) -> bool {
    let points = Point::from_bytes(&proof.mint_key, "mint key")
        .and_then(|mint_key| Ok((mint_key, Point::from_bytes(&proof.signature, "signature")?)));
    let dleq = Dleq {
        e: proof.e,
        s: proof.s,
        r: proof.r.map(Into::into),
    };
    points.is_ok_and(|(mint_key, signature)| cashu::verify_proof(&mint_key, &proof.secret.0, &signature, &dleq).is_ok())
}

#[cfg(test)]
#[path = "core_tests.rs"]
pub(in crate::crypto) mod tests;
