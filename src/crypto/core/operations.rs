//! Operations: what the parser and the page ask for, from the question to the answer.

use super::{Asker, Crypto, Entropy, Outbox, Waiting, context};
use crate::crypto::signer::Signer;
use crate::crypto::task::{Next, Task, Unwrap, Wrap, unfit};
use crate::message::{
    CallId, CryptoToPage, CryptoToParser, ProofClaim, SignerAnswer, SignerCall, SignerError, SignerOp, SignerResult,
};
use crate::nostr::cashu::{self, Dleq, Point};
use crate::nostr::kind::Kind;
use crate::time::{Millis, Now};

impl<E: Entropy> Crypto<E> {
    pub(super) fn ask(&mut self, now: Now, asker: Asker, op: SignerOp, out: &mut Outbox) {
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
            return Err(SignerError::Refused(
                "too many requests wait for the signer: ask again once some are answered".into(),
            ));
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

    pub(super) fn settle(
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

    pub(super) fn answer(&mut self, asker: Asker, result: SignerResult, out: &mut Outbox) {
        self.counters.operations += 1;
        self.counters.failed += u64::from(result.is_err());
        match asker {
            Asker::Parser(request) => out.parser.push(CryptoToParser::Answer { request, result }),
            Asker::Page(request) => out.page.push(CryptoToPage::Answer { request, result }),
        }
    }
}

/// What became of an operation at its start.
enum Begun {
    Answered(SignerAnswer),
    Ask(Task, SignerCall),
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
