//! To and from crypto: `SignerRequest` and `SignerResponse`, for the parser and for the page.

use flatbuffers::{FlatBufferBuilder, Vector, WIPOffset};

use super::nostr::{each, read_relays, relays_bytes, text_bytes, write_relays};
use super::signer::{
    call_bytes, op_bytes, read_call, read_op, read_result, read_secret, result_bytes, secret, write_call, write_op,
    write_result,
};
use super::{Wire, WireError, builder, fb, finish, missing, read_text, root, write_text};
use crate::message::{
    CallId, Claim, CryptoToPage, CryptoToParser, PageToCrypto, ParserToCrypto, RequestId, SignerChoice, SignerClient,
    SignerOp, SignerResult,
};
use crate::nostr::event::{EventId, Pubkey, Signature};

/// An id, a key and a signature.
pub(super) const CLAIM_BYTES: usize = 128;

type Claims<'f> = WIPOffset<Vector<'f, fb::Claim>>;

impl Wire for ParserToCrypto {
    fn encode(&self) -> Vec<u8> {
        match self {
            ParserToCrypto::Verify { request, claims } => {
                let mut fbb = builder(CLAIM_BYTES * claims.len());
                let args = fb::SignerRequestArgs {
                    request_id: request.0,
                    action: fb::SignerAction::VerifyBatch,
                    claims: Some(write_claims(&mut fbb, claims)),
                    ..Default::default()
                };
                let request = fb::SignerRequest::create(&mut fbb, &args);
                finish(fbb, request)
            }
            ParserToCrypto::Ask { request, op } => ask(*request, op),
        }
    }

    fn decode(bytes: &[u8]) -> Result<ParserToCrypto, WireError> {
        let message = root::<fb::SignerRequest>(bytes)?;
        let request = RequestId(message.request_id());
        if message.action() == fb::SignerAction::VerifyBatch {
            let claims = each(message.claims()).map(read_claim).collect();
            return Ok(ParserToCrypto::Verify { request, claims });
        }
        let op = read_op(&message)?;
        Ok(ParserToCrypto::Ask { request, op })
    }
}

impl Wire for PageToCrypto {
    fn encode(&self) -> Vec<u8> {
        match self {
            PageToCrypto::Use { request, choice } => use_request(*request, choice),
            PageToCrypto::Ask { request, op } => ask(*request, op),
            PageToCrypto::Extension { call, result } => {
                let mut fbb = builder(64 + result_bytes(result));
                let answer = write_result(&mut fbb, call.0, result);
                let args = fb::SignerRequestArgs {
                    request_id: call.0,
                    action: fb::SignerAction::ExtensionAnswer,
                    answer: Some(answer),
                    ..Default::default()
                };
                let request = fb::SignerRequest::create(&mut fbb, &args);
                finish(fbb, request)
            }
            PageToCrypto::Logout { request } => {
                let mut fbb = builder(0);
                let args = fb::SignerRequestArgs {
                    request_id: request.0,
                    action: fb::SignerAction::Logout,
                    ..Default::default()
                };
                let request = fb::SignerRequest::create(&mut fbb, &args);
                finish(fbb, request)
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<PageToCrypto, WireError> {
        use fb::SignerAction as Action;
        let message = root::<fb::SignerRequest>(bytes)?;
        let request = RequestId(message.request_id());
        match message.action() {
            Action::Logout => Ok(PageToCrypto::Logout { request }),
            Action::ExtensionAnswer => {
                let answer = message.answer().ok_or_else(|| missing("SignerRequest.answer"))?;
                Ok(PageToCrypto::Extension {
                    call: CallId(message.request_id()),
                    result: read_result(&answer)?,
                })
            }
            _ => match read_choice(&message)? {
                Some(choice) => Ok(PageToCrypto::Use { request, choice }),
                None => Ok(PageToCrypto::Ask {
                    request,
                    op: read_op(&message)?,
                }),
            },
        }
    }
}

fn ask(request: RequestId, op: &SignerOp) -> Vec<u8> {
    let mut fbb = builder(op_bytes(op));
    let request = write_op(&mut fbb, request.0, op);
    finish(fbb, request)
}

fn use_request(request: RequestId, choice: &SignerChoice) -> Vec<u8> {
    use fb::SignerAction as Action;
    let none = SignerClient::default();
    let (action, secret, text, relays, client) = match choice {
        SignerChoice::PrivateKey(secret) => (Action::UsePrivateKey, Some(secret), "", &[][..], &none),
        SignerChoice::EncryptedKey { ncryptsec, passphrase } => (
            Action::UseEncryptedKey,
            Some(passphrase),
            ncryptsec.as_str(),
            &[][..],
            &none,
        ),
        SignerChoice::PublicKey(text) => (Action::UsePublicKey, None, text.as_str(), &[][..], &none),
        SignerChoice::Extension => (Action::UseExtension, None, "", &[][..], &none),
        SignerChoice::Bunker { url, client } => (Action::UseBunker, Some(url), "", &[][..], client),
        SignerChoice::NostrConnect { relays, client } => (Action::NostrConnect, None, "", relays.as_slice(), client),
        SignerChoice::Session(session) => (Action::ResumeSession, Some(session), "", &[][..], &none),
    };
    let texts = [&client.permissions, &client.name, &client.url, &client.image];
    let texts = texts.map(|text| text_bytes(text)).into_iter().sum::<usize>() + text_bytes(text);
    let mut fbb = builder(64 + texts + relays_bytes(relays) + secret.map_or(0, |secret| text_bytes(&secret.0)));
    let args = fb::SignerRequestArgs {
        request_id: request.0,
        action,
        secret: secret.map(|secret| fbb.create_string(&secret.0)),
        text: write_text(&mut fbb, text),
        relays: write_relays(&mut fbb, relays),
        client: (*client != none).then(|| write_client(&mut fbb, client)),
        ..Default::default()
    };
    let request = fb::SignerRequest::create(&mut fbb, &args);
    finish(fbb, request)
}

/// None if the request is no choice of a signer.
fn read_choice(message: &fb::SignerRequest<'_>) -> Result<Option<SignerChoice>, WireError> {
    use fb::SignerAction as Action;
    let secret = || read_secret(message);
    let client = || message.client().map(read_client).unwrap_or_default();
    let choice = match message.action() {
        Action::UsePrivateKey => SignerChoice::PrivateKey(secret()?),
        Action::UseEncryptedKey => SignerChoice::EncryptedKey {
            ncryptsec: read_text(message.text()),
            passphrase: secret()?,
        },
        Action::UsePublicKey => SignerChoice::PublicKey(read_text(message.text())),
        Action::UseExtension => SignerChoice::Extension,
        Action::UseBunker => SignerChoice::Bunker {
            url: secret()?,
            client: client(),
        },
        Action::NostrConnect => SignerChoice::NostrConnect {
            relays: read_relays("SignerRequest.relays", message.relays())?,
            client: client(),
        },
        Action::ResumeSession => SignerChoice::Session(secret()?),
        _ => return Ok(None),
    };
    Ok(Some(choice))
}

fn write_client<'f>(fbb: &mut FlatBufferBuilder<'f>, client: &SignerClient) -> WIPOffset<fb::SignerClient<'f>> {
    let args = fb::SignerClientArgs {
        permissions: write_text(fbb, &client.permissions),
        name: write_text(fbb, &client.name),
        url: write_text(fbb, &client.url),
        image: write_text(fbb, &client.image),
    };
    fb::SignerClient::create(fbb, &args)
}

fn read_client(client: fb::SignerClient<'_>) -> SignerClient {
    SignerClient {
        permissions: read_text(client.permissions()),
        name: read_text(client.name()),
        url: read_text(client.url()),
        image: read_text(client.image()),
    }
}

pub(super) fn write_claims<'f>(fbb: &mut FlatBufferBuilder<'f>, claims: &[Claim]) -> Claims<'f> {
    let claims = claims.iter().map(|claim| {
        let (id, pubkey) = (fb::Hash(claim.id.0), fb::Hash(claim.pubkey.0));
        fb::Claim::new(&id, &pubkey, &fb::Sig(claim.sig.0))
    });
    fbb.create_vector_from_iter(claims)
}

pub(super) fn read_claim(claim: &fb::Claim) -> Claim {
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
            CryptoToParser::Answer { request, result } => answer(*request, result),
            CryptoToParser::Signer { pubkey } => {
                let mut fbb = builder(32);
                let pubkey = pubkey.map(|pubkey| fb::Hash(pubkey.0));
                let args = fb::SignerResponseArgs {
                    outcome: fb::SignerOutcome::SignerChanged,
                    pubkey: pubkey.as_ref(),
                    ..Default::default()
                };
                let response = fb::SignerResponse::create(&mut fbb, &args);
                finish(fbb, response)
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<CryptoToParser, WireError> {
        let message = root::<fb::SignerResponse>(bytes)?;
        let request = RequestId(message.request_id());
        if message.outcome() == fb::SignerOutcome::Verdicts {
            let good = each(message.verdicts()).collect();
            return Ok(CryptoToParser::Verdicts { request, good });
        }
        if message.outcome() == fb::SignerOutcome::SignerChanged {
            let pubkey = message.pubkey().map(|pubkey| Pubkey(pubkey.0));
            return Ok(CryptoToParser::Signer { pubkey });
        }
        let result = read_result(&message)?;
        Ok(CryptoToParser::Answer { request, result })
    }
}

impl Wire for CryptoToPage {
    fn encode(&self) -> Vec<u8> {
        use fb::SignerOutcome as Outcome;
        let (request, outcome, text) = match self {
            CryptoToPage::Answer { request, result } => return answer(*request, result),
            CryptoToPage::Extension { call, ask } => {
                let mut fbb = builder(64 + call_bytes(ask));
                let ask = write_call(&mut fbb, call.0, ask);
                let args = fb::SignerResponseArgs {
                    request_id: call.0,
                    outcome: Outcome::Extension,
                    ask: Some(ask),
                    ..Default::default()
                };
                let response = fb::SignerResponse::create(&mut fbb, &args);
                return finish(fbb, response);
            }
            CryptoToPage::AuthUrl { url } => (RequestId(0), Outcome::AuthUrl, url),
            CryptoToPage::ConnectUrl { request, url } => (*request, Outcome::ConnectUrl, &*url.0),
            CryptoToPage::Session { session } => (RequestId(0), Outcome::Session, &*session.0),
        };
        let mut fbb = builder(text_bytes(text));
        let args = fb::SignerResponseArgs {
            request_id: request.0,
            outcome,
            text: Some(fbb.create_string(text)),
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
            Outcome::Extension => {
                let ask = message.ask().ok_or_else(|| missing("SignerResponse.ask"))?;
                Ok(CryptoToPage::Extension {
                    call: CallId(message.request_id()),
                    ask: read_call(&ask)?,
                })
            }
            Outcome::AuthUrl => Ok(CryptoToPage::AuthUrl {
                url: read_text(message.text()),
            }),
            Outcome::ConnectUrl => Ok(CryptoToPage::ConnectUrl {
                request,
                url: secret(read_text(message.text())),
            }),
            Outcome::Session => Ok(CryptoToPage::Session {
                session: secret(read_text(message.text())),
            }),
            _ => {
                let result = read_result(&message)?;
                Ok(CryptoToPage::Answer { request, result })
            }
        }
    }
}

fn answer(request: RequestId, result: &SignerResult) -> Vec<u8> {
    let mut fbb = builder(result_bytes(result));
    let response = write_result(&mut fbb, request.0, result);
    finish(fbb, response)
}
