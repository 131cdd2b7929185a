//! Who signs: a signer is chosen, takes over once its public key is known, and goes at a logout.

use super::{Asker, Crypto, Entropy, Outbox, Waiting, context};
use crate::crypto::signer::{Context, Extension, Local, Remote, Signer};
use crate::crypto::task::Task;
use crate::message::{
    CallId, CryptoToParser, RequestId, SignerAnswer, SignerCall, SignerChoice, SignerError, SignerResult,
};
use crate::nostr::event::Pubkey;
use crate::nostr::nip19::Entity;
use crate::nostr::nip46::url::BunkerUrl;
use crate::sorted;
use crate::time::Now;

impl<E: Entropy> Crypto<E> {
    pub(super) fn use_signer(&mut self, now: Now, request: RequestId, choice: SignerChoice, out: &mut Outbox) {
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
    pub(super) fn settle_use(&mut self, now: Now, call: CallId, asker: Asker, result: SignerResult, out: &mut Outbox) {
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

    pub(super) fn logout(&mut self, now: Now, request: RequestId, out: &mut Outbox) {
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
