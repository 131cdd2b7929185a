//! The crypto role's state machine: who signs, and what every request becomes.

use crate::message::{
    Claim, CryptoToPage, CryptoToParser, PageToCrypto, ParserToCrypto, RelayMessage, RequestId, Secret, SignerError,
    Template,
};
use crate::nostr::event::{Pubkey, RawEvent, UnsignedEvent};
use crate::nostr::keys::SecretKey;
use crate::router::Backlog;
use crate::time::Now;

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
}

/// What the crypto role wants to say and to have checked.
#[derive(Debug, Default)]
pub struct Outbox {
    pub parser: Backlog<CryptoToParser>,
    pub page: Backlog<CryptoToPage>,
    /// Batches for the verifier, oldest first.
    pub checks: Vec<(RequestId, Vec<Claim>)>,
}

/// Bytes nobody can foresee, for signatures and batch checks.
pub trait Entropy {
    fn bytes(&mut self) -> [u8; 32];
}

/// Who signs for the page's user.
enum Signer {
    None,
    PrivateKey(SecretKey),
}

pub struct Crypto<E> {
    entropy: E,
    signer: Signer,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    batches: u64,
    claims: u64,
    refused: u64,
    signed: u64,
    unexpected: u64,
}

impl<E: Entropy> Crypto<E> {
    pub fn new(entropy: E) -> Crypto<E> {
        Crypto {
            entropy,
            signer: Signer::None,
            counters: Counters::default(),
        }
    }

    /// Takes in one message.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Outbox) {
        match input {
            Input::Parser(ParserToCrypto::Verify { request, claims }) => {
                self.counters.batches += 1;
                self.counters.claims += claims.len() as u64;
                out.checks.push((request, claims));
            }
            Input::Parser(ParserToCrypto::Sign { request, template }) => {
                out.parser.push(match self.sign(now, template) {
                    Ok(event) => CryptoToParser::Signed { request, event },
                    Err(error) => CryptoToParser::Failed { request, error },
                })
            }
            Input::Page(message) => {
                let answer = self.on_page(now, message);
                out.page.push(answer);
            }
            Input::Verdicts { request, good } => {
                self.counters.refused += good.iter().filter(|good| !**good).count() as u64;
                out.parser.push(CryptoToParser::Verdicts { request, good });
            }
            // No remote signer is in use: nothing was asked of a relay.
            Input::Connections(_) => self.counters.unexpected += 1,
        }
    }

    /// The role's own counters, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let counters = &self.counters;
        [
            ("batches", counters.batches),
            ("claims", counters.claims),
            ("refused", counters.refused),
            ("signed", counters.signed),
            ("unexpected", counters.unexpected),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn on_page(&mut self, now: Now, message: PageToCrypto) -> CryptoToPage {
        match message {
            PageToCrypto::UsePrivateKey { request, secret } => {
                answer(request, self.use_private_key(&secret), |pubkey| {
                    CryptoToPage::PublicKey { request, pubkey }
                })
            }
            PageToCrypto::GetPublicKey { request } => answer(request, self.pubkey(), |pubkey| {
                CryptoToPage::PublicKey { request, pubkey }
            }),
            PageToCrypto::SignEvent { request, template } => answer(request, self.sign(now, template), |event| {
                CryptoToPage::Signed { request, event }
            }),
            PageToCrypto::Logout { request } => {
                // Dropping the key wipes it.
                self.signer = Signer::None;
                CryptoToPage::Done { request }
            }
        }
    }

    fn use_private_key(&mut self, secret: &Secret) -> Result<Pubkey, SignerError> {
        let key = SecretKey::parse(&secret.0).map_err(|error| SignerError::BadInput(error.to_string()))?;
        let pubkey = key.pubkey();
        self.signer = Signer::PrivateKey(key);
        Ok(pubkey)
    }

    fn pubkey(&self) -> Result<Pubkey, SignerError> {
        match &self.signer {
            Signer::None => Err(SignerError::NoSigner),
            Signer::PrivateKey(key) => Ok(key.pubkey()),
        }
    }

    fn sign(&mut self, now: Now, template: Template) -> Result<RawEvent, SignerError> {
        let Signer::PrivateKey(key) = &self.signer else {
            return Err(SignerError::NoSigner);
        };
        let event = UnsignedEvent {
            pubkey: key.pubkey(),
            created_at: template.created_at.unwrap_or(now.unix),
            kind: template.kind,
            tags: template.tags,
            content: template.content,
        };
        let signed = key.sign(&event, self.entropy.bytes());
        self.counters.signed += 1;
        signed.map_err(|error| SignerError::Refused(error.to_string()))
    }
}

fn answer<T>(request: RequestId, result: Result<T, SignerError>, good: impl FnOnce(T) -> CryptoToPage) -> CryptoToPage {
    result.map_or_else(|error| CryptoToPage::Failed { request, error }, good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::kind::Kind;
    use crate::time::UnixSeconds;

    struct Fixed;
    impl Entropy for Fixed {
        fn bytes(&mut self) -> [u8; 32] {
            [7; 32]
        }
    }

    fn ask(crypto: &mut Crypto<Fixed>, message: PageToCrypto) -> CryptoToPage {
        let mut out = Outbox::default();
        let now = Now {
            unix: UnixSeconds(1_700_000_000),
            ..Now::default()
        };
        crypto.handle(now, Input::Page(message), &mut out);
        out.page.drain().next().unwrap()
    }

    fn template(created_at: Option<u64>) -> Template {
        Template {
            kind: Kind(1),
            created_at: created_at.map(UnixSeconds),
            tags: Vec::new(),
            content: "hi".into(),
        }
    }

    fn use_key(secret: &str) -> PageToCrypto {
        PageToCrypto::UsePrivateKey {
            request: RequestId(1),
            secret: Secret(secret.to_owned().into()),
        }
    }

    #[test]
    fn a_private_key_signs_what_verifies_and_keeps_the_callers_time() {
        let mut crypto = Crypto::new(Fixed);
        let CryptoToPage::PublicKey { pubkey, .. } = ask(&mut crypto, use_key(&"01".repeat(32))) else {
            panic!()
        };
        for (given, dated) in [(None, 1_700_000_000), (Some(5), 5)] {
            let message = PageToCrypto::SignEvent {
                request: RequestId(2),
                template: template(given),
            };
            let CryptoToPage::Signed { request, event } = ask(&mut crypto, message) else {
                panic!()
            };
            assert_eq!(
                (request, event.pubkey, event.created_at),
                (RequestId(2), pubkey, UnixSeconds(dated))
            );
            assert!(event.verify().is_ok());
        }
    }

    #[test]
    fn without_a_signer_and_after_logout_the_error_is_typed() {
        let mut crypto = Crypto::new(Fixed);
        let failed = CryptoToPage::Failed {
            request: RequestId(3),
            error: SignerError::NoSigner,
        };
        assert_eq!(
            ask(&mut crypto, PageToCrypto::GetPublicKey { request: RequestId(3) }),
            failed
        );
        ask(&mut crypto, use_key(&"01".repeat(32)));
        assert_eq!(
            ask(&mut crypto, PageToCrypto::Logout { request: RequestId(4) }),
            CryptoToPage::Done { request: RequestId(4) }
        );
        let message = PageToCrypto::SignEvent {
            request: RequestId(3),
            template: template(None),
        };
        assert_eq!(ask(&mut crypto, message), failed);
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_the_old_signer_stays() {
        let mut crypto = Crypto::new(Fixed);
        ask(&mut crypto, use_key(&"01".repeat(32)));
        for bad in ["", "nsec1qqqq", &"00".repeat(32), &"ff".repeat(32)] {
            let answer = ask(&mut crypto, use_key(bad));
            assert!(
                matches!(
                    answer,
                    CryptoToPage::Failed {
                        error: SignerError::BadInput(_),
                        ..
                    }
                ),
                "{bad}"
            );
        }
        assert!(matches!(
            ask(&mut crypto, PageToCrypto::GetPublicKey { request: RequestId(1) }),
            CryptoToPage::PublicKey { .. }
        ));
    }
}
