//! The page's extension, `window.nostr` (NIP-07).
//!
//! Only the page can reach it, so every question is a message to the page and its answer one
//! back. What it answers is checked: an extension is another program.

use std::collections::HashMap;

use super::{Context, check_signed, unsigned};
use crate::message::{CallId, CryptoToPage, SignerAnswer, SignerCall, SignerError, SignerResult};
use crate::nostr::event::{Pubkey, UnsignedEvent};

#[derive(Default)]
pub struct Extension {
    pubkey: Option<Pubkey>,
    waiting: HashMap<CallId, Expected>,
}

/// What would answer a question.
enum Expected {
    PublicKey,
    Signed(UnsignedEvent),
    Text,
}

impl Extension {
    /// The key that the extension has given, once it has.
    pub fn pubkey(&self) -> Option<Pubkey> {
        self.pubkey
    }

    pub fn call(&mut self, cx: &mut Context<'_>, call: CallId, ask: SignerCall) {
        let (expected, ask) = match (ask, self.pubkey) {
            (SignerCall::Sign(template), Some(pubkey)) => {
                let event = unsigned(template, pubkey, cx.now);
                let ask = SignerCall::Sign(crate::message::Template {
                    kind: event.kind,
                    created_at: Some(event.created_at),
                    tags: event.tags.clone(),
                    content: event.content.clone(),
                });
                (Expected::Signed(event), ask)
            }
            (SignerCall::Sign(_), None) => return cx.settle(call, Err(SignerError::NoSigner)),
            (ask @ SignerCall::GetPublicKey, _) => (Expected::PublicKey, ask),
            (ask @ (SignerCall::Encrypt { .. } | SignerCall::Decrypt { .. }), _) => (Expected::Text, ask),
        };
        self.waiting.insert(call, expected);
        cx.out.page.push(CryptoToPage::Extension { call, ask });
    }

    /// Takes the page's answer. One that nobody waits for any more is ignored.
    pub fn on_answer(&mut self, cx: &mut Context<'_>, call: CallId, result: SignerResult) {
        let Some(expected) = self.waiting.remove(&call) else {
            return;
        };
        let result = result.and_then(|answer| match (expected, answer) {
            (Expected::PublicKey, SignerAnswer::PublicKey(pubkey)) => {
                self.pubkey = Some(pubkey);
                Ok(SignerAnswer::PublicKey(pubkey))
            }
            (Expected::Signed(event), SignerAnswer::Signed(signed)) => check_signed(&event, signed),
            (Expected::Text, SignerAnswer::Text(text)) => Ok(SignerAnswer::Text(text)),
            (_, answer) => {
                let why = format!("the extension gave {answer:?}, which was not the question");
                Err(SignerError::Refused(why))
            }
        });
        cx.settle(call, result);
    }

    pub fn forget(&mut self, call: CallId) {
        self.waiting.remove(&call);
    }
}
