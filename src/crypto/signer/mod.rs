//! Who signs: one file a kind of signer, and what they have in common.
//!
//! A signer is asked by `call` and answers by an `Effect`, at once or later; nobody waits in
//! between. None keeps time: the role's request table does. Those that hold a key wipe it on drop.

mod local;
mod nip07;
mod nip46;

pub use local::Local;
pub use nip07::Extension;
pub use nip46::Remote;

use super::core::{Entropy, Outbox};
use crate::message::{CallId, SignerAnswer, SignerCall, SignerError, SignerResult, Template};
use crate::nostr::event::{Pubkey, RawEvent, UnsignedEvent};
use crate::time::{Millis, Now};

/// What a signer needs of the world while it handles one input.
pub struct Context<'a> {
    pub now: Now,
    pub entropy: &'a mut dyn Entropy,
    pub out: &'a mut Outbox,
    pub effects: Vec<Effect>,
}

/// What a signer tells the request table.
#[derive(Debug)]
pub enum Effect {
    Settled(CallId, SignerResult),
    /// The remote signer's user was sent to a web page to confirm: give them time.
    Confirming(CallId),
}

impl Context<'_> {
    /// Answers `call`.
    pub fn settle(&mut self, call: CallId, result: SignerResult) {
        self.effects.push(Effect::Settled(call, result));
    }
}

/// The signer in use.
pub enum Signer {
    None,
    Local(Local),
    /// A public key alone: it reads, and can be asked for nothing else.
    ReadOnly(Pubkey),
    Extension(Extension),
    Remote(Box<Remote>),
}

impl Signer {
    /// The user's public key, once it is known.
    pub fn pubkey(&self) -> Option<Pubkey> {
        match self {
            Signer::None => None,
            Signer::Local(local) => Some(local.pubkey()),
            Signer::ReadOnly(pubkey) => Some(*pubkey),
            Signer::Extension(extension) => extension.pubkey(),
            Signer::Remote(remote) => remote.pubkey(),
        }
    }

    /// Asks for `ask`; the answer to `call` comes as an effect.
    pub fn call(&mut self, cx: &mut Context<'_>, call: CallId, ask: SignerCall) {
        match self {
            Signer::None => cx.settle(call, Err(SignerError::NoSigner)),
            Signer::Local(local) => {
                let result = local.answer(cx, ask);
                cx.settle(call, result);
            }
            Signer::ReadOnly(_) => {
                let why = "it is a public key, which can neither sign nor decrypt".to_owned();
                cx.settle(call, Err(SignerError::Unsupported(why)));
            }
            Signer::Extension(extension) => extension.call(cx, call, ask),
            Signer::Remote(remote) => remote.call(cx, call, ask),
        }
    }

    /// `call` is no longer waited for. The reason is what its asker should be told of a time-out.
    pub fn give_up(&mut self, call: CallId) -> SignerError {
        match self {
            Signer::None | Signer::Local(_) | Signer::ReadOnly(_) => SignerError::TimedOut,
            Signer::Extension(extension) => {
                extension.forget(call);
                SignerError::TimedOut
            }
            Signer::Remote(remote) => remote.give_up(call),
        }
    }

    /// Ends what the signer holds open. `logout`: it is not to be used again by anybody.
    pub fn close(&mut self, cx: &mut Context<'_>, logout: bool) {
        match self {
            Signer::None | Signer::Local(_) | Signer::ReadOnly(_) | Signer::Extension(_) => {}
            Signer::Remote(remote) => remote.close(cx, logout),
        }
    }

    pub fn remote(&mut self) -> Option<&mut Remote> {
        match self {
            Signer::Remote(remote) => Some(remote),
            Signer::None | Signer::Local(_) | Signer::ReadOnly(_) | Signer::Extension(_) => None,
        }
    }

    pub fn extension(&mut self) -> Option<&mut Extension> {
        match self {
            Signer::Extension(extension) => Some(extension),
            Signer::None | Signer::Local(_) | Signer::ReadOnly(_) | Signer::Remote(_) => None,
        }
    }

    /// When `on_timeout` of the remote signer wants to be called.
    pub fn next_timeout(&self) -> Option<Millis> {
        match self {
            Signer::Remote(remote) => remote.next_timeout(),
            Signer::None | Signer::Local(_) | Signer::ReadOnly(_) | Signer::Extension(_) => None,
        }
    }
}

/// The template as `pubkey`'s event; `now` where its caller set no date.
fn unsigned(template: Template, pubkey: Pubkey, now: Now) -> UnsignedEvent {
    UnsignedEvent {
        pubkey,
        created_at: template.created_at.unwrap_or(now.unix),
        kind: template.kind,
        tags: template.tags,
        content: template.content,
    }
}

/// What another program signed, if it is what was to be signed and the signature holds.
fn check_signed(asked: &UnsignedEvent, event: RawEvent) -> SignerResult {
    let refused = |why: &str| Err(SignerError::Refused(why.to_owned()));
    if event.pubkey != asked.pubkey {
        return refused("it signed with another key than the user's");
    }
    let same = event.kind == asked.kind
        && event.created_at == asked.created_at
        && event.tags == asked.tags
        && event.content == asked.content;
    if !same {
        return refused("it signed another event than the one it was given");
    }
    match event.verify() {
        Ok(event) => Ok(SignerAnswer::Signed(event.into_raw())),
        Err(error) => refused(&format!("what it signed does not hold: {error}")),
    }
}
