//! To and from crypto: `SignerRequest` and `SignerResponse`, for the parser and for the page.

use zeroize::Zeroizing;

use super::nostr::{
    each, event_bytes, read_raw_event, read_signer_error, read_template, signer_error_bytes, template_bytes,
    text_bytes, write_event, write_signer_error, write_template,
};
use super::{Wire, WireError, builder, fb, finish, misplaced, missing, root};
use crate::message::{Claim, CryptoToPage, CryptoToParser, PageToCrypto, ParserToCrypto, RequestId, Secret};
use crate::message::{SignerError, Template};
use crate::nostr::event::{EventId, Pubkey, RawEvent, Signature};

const CLAIM_BYTES: usize = 128;

impl Wire for ParserToCrypto {
    fn encode(&self) -> Vec<u8> {
        match self {
            ParserToCrypto::Verify { request, claims } => {
                let mut fbb = builder(CLAIM_BYTES * claims.len());
                let claims = claims.iter().map(|claim| {
                    let (id, pubkey) = (fb::Hash(claim.id.0), fb::Hash(claim.pubkey.0));
                    fb::Claim::new(&id, &pubkey, &fb::Sig(claim.sig.0))
                });
                let args = fb::SignerRequestArgs {
                    request_id: request.0,
                    action: fb::SignerAction::VerifyBatch,
                    claims: Some(fbb.create_vector_from_iter(claims)),
                    ..Default::default()
                };
                let request = fb::SignerRequest::create(&mut fbb, &args);
                finish(fbb, request)
            }
            ParserToCrypto::Sign { request, template } => sign_request(*request, template),
        }
    }

    fn decode(bytes: &[u8]) -> Result<ParserToCrypto, WireError> {
        use fb::SignerAction as Action;
        let message = root::<fb::SignerRequest>(bytes)?;
        let request = RequestId(message.request_id());
        match message.action() {
            Action::VerifyBatch => {
                let claims = each(message.claims()).map(read_claim).collect();
                Ok(ParserToCrypto::Verify { request, claims })
            }
            Action::SignEvent => {
                let template = read_template_field(&message)?;
                Ok(ParserToCrypto::Sign { request, template })
            }
            action => Err(misplaced("SignerRequest.action", action.variant_name(), action.0)),
        }
    }
}

impl Wire for PageToCrypto {
    fn encode(&self) -> Vec<u8> {
        use fb::SignerAction as Action;
        let (request, action, secret) = match self {
            PageToCrypto::UsePrivateKey { request, secret } => (request, Action::UsePrivateKey, Some(secret)),
            PageToCrypto::GetPublicKey { request } => (request, Action::GetPublicKey, None),
            PageToCrypto::SignEvent { request, template } => return sign_request(*request, template),
            PageToCrypto::Logout { request } => (request, Action::Logout, None),
        };
        let mut fbb = builder(secret.map_or(0, |secret| text_bytes(&secret.0)));
        let args = fb::SignerRequestArgs {
            request_id: request.0,
            action,
            secret: secret.map(|secret| fbb.create_string(&secret.0)),
            ..Default::default()
        };
        let request = fb::SignerRequest::create(&mut fbb, &args);
        finish(fbb, request)
    }

    fn decode(bytes: &[u8]) -> Result<PageToCrypto, WireError> {
        use fb::SignerAction as Action;
        let message = root::<fb::SignerRequest>(bytes)?;
        let request = RequestId(message.request_id());
        match message.action() {
            Action::UsePrivateKey => {
                let secret = message.secret().ok_or_else(|| missing("SignerRequest.secret"))?;
                let secret = Secret(Zeroizing::new(secret.to_owned()));
                Ok(PageToCrypto::UsePrivateKey { request, secret })
            }
            Action::GetPublicKey => Ok(PageToCrypto::GetPublicKey { request }),
            Action::SignEvent => {
                let template = read_template_field(&message)?;
                Ok(PageToCrypto::SignEvent { request, template })
            }
            Action::Logout => Ok(PageToCrypto::Logout { request }),
            action => Err(misplaced("SignerRequest.action", action.variant_name(), action.0)),
        }
    }
}

fn sign_request(request: RequestId, template: &Template) -> Vec<u8> {
    let mut fbb = builder(template_bytes(template));
    let args = fb::SignerRequestArgs {
        request_id: request.0,
        action: fb::SignerAction::SignEvent,
        template: Some(write_template(&mut fbb, template)),
        ..Default::default()
    };
    let request = fb::SignerRequest::create(&mut fbb, &args);
    finish(fbb, request)
}

fn read_template_field(message: &fb::SignerRequest<'_>) -> Result<Template, WireError> {
    let template = message.template().map(read_template);
    template.ok_or_else(|| missing("SignerRequest.template"))
}

fn read_claim(claim: &fb::Claim) -> Claim {
    Claim {
        id: EventId(claim.id().0),
        pubkey: Pubkey(claim.pubkey().0),
        sig: Signature(claim.sig().0),
    }
}

impl Wire for CryptoToParser {
    fn encode(&self) -> Vec<u8> {
        match self {
            CryptoToParser::Verdicts { request, good } => {
                let mut fbb = builder(good.len());
                let args = fb::SignerResponseArgs {
                    request_id: request.0,
                    outcome: fb::SignerOutcome::Verdicts,
                    verdicts: Some(fbb.create_vector(good)),
                    ..Default::default()
                };
                let response = fb::SignerResponse::create(&mut fbb, &args);
                finish(fbb, response)
            }
            CryptoToParser::Signed { request, event } => signed(*request, event),
            CryptoToParser::Failed { request, error } => failed(*request, error),
        }
    }

    fn decode(bytes: &[u8]) -> Result<CryptoToParser, WireError> {
        use fb::SignerOutcome as Outcome;
        let message = root::<fb::SignerResponse>(bytes)?;
        let request = RequestId(message.request_id());
        match message.outcome() {
            Outcome::Verdicts => {
                let good = each(message.verdicts()).collect();
                Ok(CryptoToParser::Verdicts { request, good })
            }
            Outcome::Signed => {
                let event = read_signed(&message)?;
                Ok(CryptoToParser::Signed { request, event })
            }
            Outcome::Failed => {
                let error = read_signer_error("SignerResponse.error", message.error())?;
                Ok(CryptoToParser::Failed { request, error })
            }
            outcome => Err(misplaced("SignerResponse.outcome", outcome.variant_name(), outcome.0)),
        }
    }
}

impl Wire for CryptoToPage {
    fn encode(&self) -> Vec<u8> {
        use fb::SignerOutcome as Outcome;
        let (request, outcome, pubkey) = match self {
            CryptoToPage::PublicKey { request, pubkey } => (request, Outcome::PublicKey, Some(fb::Hash(pubkey.0))),
            CryptoToPage::Signed { request, event } => return signed(*request, event),
            CryptoToPage::Done { request } => (request, Outcome::Done, None),
            CryptoToPage::Failed { request, error } => return failed(*request, error),
        };
        let mut fbb = builder(0);
        let args = fb::SignerResponseArgs {
            request_id: request.0,
            outcome,
            pubkey: pubkey.as_ref(),
            ..Default::default()
        };
        let response = fb::SignerResponse::create(&mut fbb, &args);
        finish(fbb, response)
    }

    fn decode(bytes: &[u8]) -> Result<CryptoToPage, WireError> {
        use fb::SignerOutcome as Outcome;
        let message = root::<fb::SignerResponse>(bytes)?;
        let request = RequestId(message.request_id());
        match message.outcome() {
            Outcome::PublicKey => {
                let pubkey = message.pubkey().ok_or_else(|| missing("SignerResponse.pubkey"))?;
                let pubkey = Pubkey(pubkey.0);
                Ok(CryptoToPage::PublicKey { request, pubkey })
            }
            Outcome::Signed => {
                let event = read_signed(&message)?;
                Ok(CryptoToPage::Signed { request, event })
            }
            Outcome::Done => Ok(CryptoToPage::Done { request }),
            Outcome::Failed => {
                let error = read_signer_error("SignerResponse.error", message.error())?;
                Ok(CryptoToPage::Failed { request, error })
            }
            outcome => Err(misplaced("SignerResponse.outcome", outcome.variant_name(), outcome.0)),
        }
    }
}

fn signed(request: RequestId, event: &RawEvent) -> Vec<u8> {
    let mut fbb = builder(event_bytes(event));
    let args = fb::SignerResponseArgs {
        request_id: request.0,
        outcome: fb::SignerOutcome::Signed,
        event: Some(write_event(&mut fbb, event)),
        ..Default::default()
    };
    let response = fb::SignerResponse::create(&mut fbb, &args);
    finish(fbb, response)
}

fn read_signed(message: &fb::SignerResponse<'_>) -> Result<RawEvent, WireError> {
    let event = message.event().map(read_raw_event);
    event.ok_or_else(|| missing("SignerResponse.event"))
}

fn failed(request: RequestId, error: &SignerError) -> Vec<u8> {
    let mut fbb = builder(signer_error_bytes(error));
    let args = fb::SignerResponseArgs {
        request_id: request.0,
        outcome: fb::SignerOutcome::Failed,
        error: Some(write_signer_error(&mut fbb, error)),
        ..Default::default()
    };
    let response = fb::SignerResponse::create(&mut fbb, &args);
    finish(fbb, response)
}
