//! Operations that take more than one question to the signer: opening (NIP-59) and making (NIP-17) gift wraps.
//!
//! A task is given each answer and says what to ask next, so that any signer that can encrypt
//! will do. It draws no time and keeps none.

use crate::crypto::Entropy;
use crate::message::{Cipher, Secret, SignerAnswer, SignerCall, SignerError, SignerResult, Template};
use crate::nostr::event::{Event, Pubkey, RawEvent, UnsignedEvent};
use crate::nostr::keys::SecretKey;
use crate::nostr::nip17::{self, Prepared};
use crate::nostr::nip59::{self, EPHEMERAL_GIFT_WRAP, GIFT_WRAP, Layer, Recipient, Seal};
use crate::time::UnixSeconds;

/// What an operation does with an answer.
pub enum Task {
    /// The signer's answer is the operation's.
    Direct,
    /// It is the public key of a signer that is to be used from now on.
    Use,
    Unwrap(Unwrap),
    Wrap(Box<Wrap>),
}

/// The next question, or the end.
pub enum Next {
    Ask(SignerCall),
    End(SignerResult),
}

/// Opening a gift wrap: its seal first, then the rumor in that.
pub enum Unwrap {
    Seal(Event),
    Rumor(Seal),
}

impl Unwrap {
    /// Begins with a wrap, whose id and signature are checked here.
    ///
    /// # Errors
    /// `BadInput` if it is no verified gift wrap.
    pub fn begin(wrap: RawEvent) -> Result<(Unwrap, SignerCall), SignerError> {
        if wrap.kind != GIFT_WRAP && wrap.kind != EPHEMERAL_GIFT_WRAP {
            return Err(SignerError::BadInput(format!("kind {} is no gift wrap", wrap.kind.0)));
        }
        let wrap = wrap.verify().map_err(bad_input)?;
        let ask = decrypt(wrap.pubkey, wrap.content.clone());
        Ok((Unwrap::Seal(wrap), ask))
    }

    pub fn next(self, plaintext: &str) -> Result<(Option<Unwrap>, Next), SignerError> {
        match self {
            Unwrap::Seal(wrap) => {
                let seal = Seal::read(&wrap, plaintext).map_err(bad_input)?;
                let ask = decrypt(seal.author(), seal.ciphertext().to_owned());
                Ok((Some(Unwrap::Rumor(seal)), Next::Ask(ask)))
            }
            Unwrap::Rumor(seal) => {
                let rumor = seal.open(plaintext).map_err(bad_input)?;
                Ok((None, Next::End(Ok(SignerAnswer::Rumor(rumor)))))
            }
        }
    }
}

/// Wrapping a message: for each person an encryption and a seal by the signer, and a wrap by a throw-away key.
pub struct Wrap {
    message: Prepared,
    now: UnixSeconds,
    expiration: Option<UnixSeconds>,
    /// The seal to be signed for the next recipient, once its rumor is encrypted.
    seal: Option<UnsignedEvent>,
    wraps: Vec<RawEvent>,
}

impl Wrap {
    /// Begins with a message by `author`.
    ///
    /// # Errors
    /// `BadInput` if its recipients could not read it.
    pub fn begin(template: Template, author: Pubkey, now: UnixSeconds) -> Result<(Wrap, SignerCall), SignerError> {
        let event = UnsignedEvent {
            pubkey: author,
            created_at: template.created_at.unwrap_or(now),
            kind: template.kind,
            tags: template.tags,
            content: template.content,
        };
        let expiration = event
            .tags
            .iter()
            .find(|tag| tag.first().is_some_and(|name| name == "expiration"));
        let expiration = expiration.and_then(|tag| tag.get(1)?.parse().ok()).map(UnixSeconds);
        let wrap = Wrap {
            message: nip17::prepare(event).map_err(bad_input)?,
            now,
            expiration,
            seal: None,
            wraps: Vec::new(),
        };
        let ask = wrap
            .encrypt_next()
            .ok_or_else(|| bad_input("the message has no recipient"))?;
        Ok((wrap, ask))
    }

    pub fn next(&mut self, answer: SignerAnswer, entropy: &mut dyn Entropy) -> Result<Next, SignerError> {
        match (self.seal.take(), answer) {
            (None, SignerAnswer::Text(ciphertext)) => {
                let author = self.message.rumor.pubkey;
                let dated = self.tweaked(entropy);
                let seal = nip59::seal_event(author, ciphertext.0.to_string(), dated, self.expiration);
                let template = Template {
                    kind: seal.kind,
                    created_at: Some(seal.created_at),
                    tags: seal.tags.clone(),
                    content: seal.content.clone(),
                };
                self.seal = Some(seal);
                Ok(Next::Ask(SignerCall::Sign(template)))
            }
            (Some(_), SignerAnswer::Signed(seal)) => {
                let recipient = self.recipient().cloned();
                let recipient = recipient.ok_or_else(|| bad_input("the message has no recipient"))?;
                let one_time = SecretKey::from_bytes(entropy.bytes()).map_err(bad_input)?;
                let layer = Layer {
                    created_at: self.tweaked(entropy),
                    nonce: entropy.bytes(),
                    aux: entropy.bytes(),
                    expiration: self.expiration,
                };
                let wrap = nip59::gift_wrap(&seal, GIFT_WRAP, &recipient, &one_time, &layer).map_err(bad_input)?;
                self.wraps.push(wrap);
                Ok(match self.encrypt_next() {
                    Some(ask) => Next::Ask(ask),
                    None => Next::End(Ok(SignerAnswer::Wraps(std::mem::take(&mut self.wraps)))),
                })
            }
            (_, answer) => Err(unfit(&answer)),
        }
    }

    /// Whose copy is being made.
    fn recipient(&self) -> Option<&Recipient> {
        self.message.recipients.get(self.wraps.len())
    }

    fn encrypt_next(&self) -> Option<SignerCall> {
        Some(SignerCall::Encrypt {
            cipher: Cipher::Nip44,
            peer: self.recipient()?.pubkey,
            plaintext: Secret(self.message.rumor.to_json()),
        })
    }

    fn tweaked(&self, entropy: &mut dyn Entropy) -> UnixSeconds {
        let random = entropy
            .bytes()
            .iter()
            .take(8)
            .fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        nip59::tweaked(self.now, random)
    }
}

/// The signer answered another question than it was asked.
pub fn unfit(answer: &SignerAnswer) -> SignerError {
    SignerError::Refused(format!("the signer gave {answer:?}, which was not the question"))
}

fn decrypt(peer: Pubkey, ciphertext: String) -> SignerCall {
    SignerCall::Decrypt {
        cipher: Cipher::Nip44,
        peer,
        ciphertext,
    }
}

/// These errors name a cause and never repeat the input.
fn bad_input(error: impl std::fmt::Display) -> SignerError {
    SignerError::BadInput(error.to_string())
}
