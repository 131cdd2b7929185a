//! Publishes: what a kind keeps secret is encrypted before it is signed, or wrapped once for each of its people; then
//! each relay's word is followed to the last.
//!
//! Nothing is sent before everything that a publish takes has been had: keys, relays, ciphertexts.

use super::{Outbox, Parser, Signing, Waiter};
use crate::hashed::SteadyMap;
use crate::message::{
    Cipher, ParserReport, PublishId, PublishStatus, Secret, SignerAnswer, SignerCall, SignerError, SignerOp,
    SignerResult, Template,
};
use crate::nostr::event::{Event, EventId, Pubkey, RawEvent, Tag};
use crate::nostr::relay_url::RelayUrl;
use crate::parser::kinds::{Encryption, encryption};
use crate::parser::prepare::{self, Plan};
use crate::parser::publish::{Publish, RelayWord};

/// The numbers of copies start here: the page's own never come so far.
pub(super) const COPIES: u64 = 1 << 63;

/// What a publish waits with before it can be signed or wrapped.
#[derive(Debug)]
pub(super) struct Draft {
    pub template: Template,
    plan: Plan,
    /// Whom a private message is for, the sender included, and the relays where they read; filled by the store.
    pub people: SteadyMap<Pubkey, Vec<RelayUrl>>,
}

/// One person's copy of a private message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PersonsCopy {
    pub of: PublishId,
    pub recipient: Pubkey,
}

impl Parser {
    pub(super) fn publish(
        &mut self,
        publish: PublishId,
        template: Template,
        private_tags: Option<Vec<Tag>>,
        relays: Vec<RelayUrl>,
        out: &mut Outbox,
    ) {
        let plan = match prepare::plan(&template, private_tags.as_deref()) {
            Ok(plan) => plan,
            Err(wrong) => return self.fail(publish, SignerError::BadInput(wrong), out),
        };
        self.publishes.insert(publish, Publish::new(relays));
        match plan {
            Plan::Sign => self.sign_publish(publish, template, out),
            plan @ (Plan::Encrypt { .. } | Plan::Wrap) => {
                let people = SteadyMap::default();
                self.drafts.insert(publish, Draft { template, plan, people });
                let get = SignerOp::Call(SignerCall::GetPublicKey);
                self.ask(Signing::Draft(publish), get, out);
            }
        }
    }

    /// The page does not want it any more: what has not been sent will not be.
    pub(super) fn abort(&mut self, publish: PublishId, out: &mut Outbox) {
        if self.publishes.contains_key(&publish) {
            self.fail(publish, SignerError::Cancelled, out);
        }
    }

    /// What the signer said to a step of `publish` that comes before its signature.
    pub(super) fn on_draft(&mut self, publish: PublishId, result: SignerResult, out: &mut Outbox) {
        let Some(draft) = self.drafts.remove(&publish) else {
            return;
        };
        let step = match result {
            Ok(SignerAnswer::PublicKey(me)) => self.begin(publish, draft, me, out),
            Ok(SignerAnswer::Text(ciphertext)) => self.encrypted(publish, draft, &ciphertext, out),
            Ok(SignerAnswer::Wraps(wraps)) => self.send_copies(publish, draft, wraps),
            Ok(other) => Err(SignerError::Refused(format!(
                "the signer gave {other:?}, which was not the question"
            ))),
            Err(error) => Err(error),
        };
        if let Err(error) = step {
            self.fail(publish, error, out);
        }
    }

    fn begin(&mut self, publish: PublishId, mut draft: Draft, me: Pubkey, out: &mut Outbox) -> Result<(), SignerError> {
        let op = match &mut draft.plan {
            Plan::Sign => return Ok(()),
            Plan::Encrypt {
                cipher,
                peer,
                plaintext,
            } => SignerOp::Call(SignerCall::Encrypt {
                cipher: *cipher,
                peer: peer.unwrap_or(me),
                plaintext: std::mem::replace(plaintext, Secret(String::new().into())),
            }),
            Plan::Wrap => return self.find_people(publish, draft, me, out),
        };
        self.drafts.insert(publish, draft);
        self.ask(Signing::Draft(publish), op, out);
        Ok(())
    }

    fn encrypted(
        &mut self,
        publish: PublishId,
        draft: Draft,
        ciphertext: &Secret,
        out: &mut Outbox,
    ) -> Result<(), SignerError> {
        let wanted = match draft.plan {
            Plan::Encrypt {
                cipher: Cipher::Nip04, ..
            } => Encryption::Nip04,
            Plan::Encrypt {
                cipher: Cipher::Nip44, ..
            } => Encryption::Nip44,
            Plan::Sign | Plan::Wrap => return Ok(()),
        };
        // A signer that gives the text back as it was must not have it published.
        if encryption(&ciphertext.0) != Some(wanted) {
            return Err(SignerError::Refused("what the signer gave is not encrypted".into()));
        }
        let content = ciphertext.0.to_string();
        self.sign_publish(
            publish,
            Template {
                content,
                ..draft.template
            },
            out,
        );
        Ok(())
    }

    fn sign_publish(&mut self, publish: PublishId, template: Template, out: &mut Outbox) {
        self.ask(
            Signing::Publish(publish),
            SignerOp::Call(SignerCall::Sign(template)),
            out,
        );
    }

    pub(super) fn on_relay_word(&mut self, relay: RelayUrl, event_id: EventId, word: RelayWord, out: &mut Outbox) {
        let Some(publishes) = self.by_event.get(&event_id).cloned() else {
            // A late OK, or one for what this engine never sent.
            self.counters.late += 1;
            return;
        };
        for publish in publishes {
            let state = self.publishes.get_mut(&publish);
            let statuses = state.map(|state| state.heard(relay.clone(), word.clone()));
            self.report(publish, statuses.unwrap_or_default(), out);
        }
    }

    /// An earlier parser had it signed; that is checked, and the publish goes on from there.
    pub(super) fn publish_signed(
        &mut self,
        publish: PublishId,
        event: RawEvent,
        relays: Vec<RelayUrl>,
        out: &mut Outbox,
    ) {
        self.publishes.insert(publish, Publish::new(relays));
        match event.hash() {
            Ok(event) => self.verify.submit(event, None, Waiter::Own(Signing::Publish(publish))),
            Err(error) => self.fail(publish, SignerError::BadInput(error.to_string()), out),
        }
    }

    /// What a role that is gone had of the publishes, for the one in its place.
    pub(super) fn send_publishes_again(&self, out: &mut Outbox) {
        for (publish, state) in &self.publishes {
            out.cache.extend(state.to_send(*publish));
        }
    }

    pub(super) fn send_publish(&mut self, publish: PublishId, event: Event, out: &mut Outbox) {
        let Some(state) = self.publishes.get_mut(&publish) else {
            return;
        };
        let (id, stays) = (event.id, prepare::stays_here(event.kind));
        let signed = state.signed(event);
        if stays {
            return self.report(publish, vec![signed, PublishStatus::Complete], out);
        }
        out.cache.extend(state.to_send(publish));
        self.by_event.entry(id).or_default().push(publish);
        self.report(publish, vec![signed], out);
    }

    pub(super) fn fail(&mut self, publish: PublishId, error: SignerError, out: &mut Outbox) {
        self.report(publish, vec![PublishStatus::Failed { error }], out);
    }

    /// Tells the page, and forgets a publish that has come to its end.
    pub(super) fn report(&mut self, publish: PublishId, statuses: Vec<PublishStatus>, out: &mut Outbox) {
        for status in statuses {
            match (self.copies.get(&publish).copied(), status) {
                (Some(copy), PublishStatus::Complete) => {
                    self.forget(publish);
                    if !self.copies.values().any(|other| other.of == copy.of) {
                        self.report(copy.of, vec![PublishStatus::Complete], out);
                    }
                }
                (Some(copy), PublishStatus::Failed { error }) => self.fail(copy.of, error, out),
                (Some(copy), status) => out.page.push(ParserReport::Publish {
                    publish: copy.of,
                    recipient: Some(copy.recipient),
                    status,
                }),
                (None, status) => {
                    if matches!(status, PublishStatus::Complete | PublishStatus::Failed { .. }) {
                        self.forget(publish);
                    }
                    out.page.push(ParserReport::Publish {
                        publish,
                        recipient: None,
                        status,
                    });
                }
            }
        }
    }

    fn forget(&mut self, publish: PublishId) {
        let copies = self
            .copies
            .iter()
            .filter(|(_, copy)| copy.of == publish)
            .map(|(id, _)| *id);
        let mut gone: Vec<PublishId> = copies.collect();
        gone.push(publish);
        for publish in gone {
            self.copies.remove(&publish);
            self.drafts.remove(&publish);
            let event_id = self.publishes.remove(&publish).and_then(|state| state.event_id());
            if let Some(id) = event_id
                && let Some(publishes) = self.by_event.get_mut(&id)
            {
                publishes.retain(|other| *other != publish);
                if publishes.is_empty() {
                    self.by_event.remove(&id);
                }
            }
        }
    }
}
