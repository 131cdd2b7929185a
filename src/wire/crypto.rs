//! To and from crypto: `SignerRequest` and `SignerResponse`, for the parser and for the page.

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use zeroize::Zeroizing;

use super::nostr::{
    each, event_bytes, read_raw_event, read_relays, read_signer_error, read_template, relays_bytes, signer_error_bytes,
    template_bytes, text_bytes, write_event, write_relays, write_signer_error, write_template,
};
use super::{Wire, WireError, builder, fb, finish, misplaced, missing, read_text, root, scalar_enum, write_text};
use crate::message::{
    CallId, Cipher, Claim, CryptoToPage, CryptoToParser, PageToCrypto, ParserToCrypto, ProofClaim, RequestId, Secret,
    SignerAnswer, SignerCall, SignerChoice, SignerClient, SignerOp, SignerResult, Template,
};
use crate::nostr::event::{EventId, Pubkey, RawEvent, Signature};
use crate::nostr::nip59::Rumor;

const CLAIM_BYTES: usize = 128;
/// Two points, three hashes and a layout.
const PROOF_BYTES: usize = 240;

scalar_enum!(Cipher: Nip44, Nip04);

type Request<'f> = WIPOffset<fb::SignerRequest<'f>>;
type Response<'f> = WIPOffset<fb::SignerResponse<'f>>;

// ---------------------------------------------------------------- to crypto

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

// ---------------------------------------------------------------- operations

/// The room an operation takes at most, for `builder`.
fn op_bytes(op: &SignerOp) -> usize {
    match op {
        SignerOp::Call(call) => call_bytes(call),
        SignerOp::Unwrap(wrap) => 64 + event_bytes(wrap),
        SignerOp::Wrap(template) => 64 + template_bytes(template),
        SignerOp::VerifyProofs(proofs) => {
            let secrets = proofs.iter().map(|proof| PROOF_BYTES + text_bytes(&proof.secret.0));
            64 + secrets.sum::<usize>()
        }
    }
}

fn call_bytes(call: &SignerCall) -> usize {
    128 + match call {
        SignerCall::GetPublicKey => 0,
        SignerCall::Sign(template) => template_bytes(template),
        SignerCall::Encrypt { plaintext, .. } => text_bytes(&plaintext.0),
        SignerCall::Decrypt { ciphertext, .. } => text_bytes(ciphertext),
    }
}

fn write_op<'f>(fbb: &mut FlatBufferBuilder<'f>, request_id: u64, op: &SignerOp) -> Request<'f> {
    let mut args = fb::SignerRequestArgs {
        request_id,
        ..Default::default()
    };
    match op {
        SignerOp::Call(call) => return write_call(fbb, request_id, call),
        SignerOp::Unwrap(wrap) => {
            args.action = fb::SignerAction::Unwrap;
            args.event = Some(write_event(fbb, wrap));
        }
        SignerOp::Wrap(template) => {
            args.action = fb::SignerAction::Wrap;
            args.template = Some(write_template(fbb, template));
        }
        SignerOp::VerifyProofs(proofs) => {
            args.action = fb::SignerAction::VerifyProofs;
            let proofs: Vec<_> = proofs.iter().map(|proof| write_proof(fbb, proof)).collect();
            args.proofs = Some(fbb.create_vector(&proofs));
        }
    }
    fb::SignerRequest::create(fbb, &args)
}

fn write_call<'f>(fbb: &mut FlatBufferBuilder<'f>, request_id: u64, call: &SignerCall) -> Request<'f> {
    use fb::SignerAction as Action;
    let (action, cipher, peer, text) = match call {
        SignerCall::GetPublicKey => (Action::GetPublicKey, Cipher::Nip44, None, None),
        SignerCall::Sign(_) => (Action::SignEvent, Cipher::Nip44, None, None),
        SignerCall::Encrypt {
            cipher,
            peer,
            plaintext,
        } => (Action::Encrypt, *cipher, Some(peer), Some(plaintext.0.as_str())),
        SignerCall::Decrypt {
            cipher,
            peer,
            ciphertext,
        } => (Action::Decrypt, *cipher, Some(peer), Some(ciphertext.as_str())),
    };
    let peer = peer.map(|peer| fb::Hash(peer.0));
    let args = fb::SignerRequestArgs {
        request_id,
        action,
        template: match call {
            SignerCall::Sign(template) => Some(write_template(fbb, template)),
            SignerCall::GetPublicKey | SignerCall::Encrypt { .. } | SignerCall::Decrypt { .. } => None,
        },
        cipher: cipher.into(),
        peer: peer.as_ref(),
        text: text.map(|text| fbb.create_string(text)),
        ..Default::default()
    };
    fb::SignerRequest::create(fbb, &args)
}

fn read_op(message: &fb::SignerRequest<'_>) -> Result<SignerOp, WireError> {
    use fb::SignerAction as Action;
    match message.action() {
        Action::Unwrap => {
            let wrap = message.event().ok_or_else(|| missing("SignerRequest.event"))?;
            Ok(SignerOp::Unwrap(read_raw_event(wrap)))
        }
        Action::Wrap => read_template_field(message).map(SignerOp::Wrap),
        Action::VerifyProofs => {
            let proofs = each(message.proofs()).map(read_proof).collect();
            Ok(SignerOp::VerifyProofs(proofs))
        }
        _ => read_call(message).map(SignerOp::Call),
    }
}

fn read_call(message: &fb::SignerRequest<'_>) -> Result<SignerCall, WireError> {
    use fb::SignerAction as Action;
    let peer = || {
        message
            .peer()
            .map(|peer| Pubkey(peer.0))
            .ok_or_else(|| missing("SignerRequest.peer"))
    };
    match message.action() {
        Action::GetPublicKey => Ok(SignerCall::GetPublicKey),
        Action::SignEvent => read_template_field(message).map(SignerCall::Sign),
        Action::Encrypt => Ok(SignerCall::Encrypt {
            cipher: message.cipher().try_into()?,
            peer: peer()?,
            plaintext: secret(read_text(message.text())),
        }),
        Action::Decrypt => Ok(SignerCall::Decrypt {
            cipher: message.cipher().try_into()?,
            peer: peer()?,
            ciphertext: read_text(message.text()),
        }),
        action => Err(misplaced("SignerRequest.action", action.variant_name(), action.0)),
    }
}

fn read_template_field(message: &fb::SignerRequest<'_>) -> Result<Template, WireError> {
    let template = message.template().map(read_template);
    template.ok_or_else(|| missing("SignerRequest.template"))
}

fn read_secret(message: &fb::SignerRequest<'_>) -> Result<Secret, WireError> {
    let text = message.secret().ok_or_else(|| missing("SignerRequest.secret"))?;
    Ok(secret(text.to_owned()))
}

fn secret(text: String) -> Secret {
    Secret(Zeroizing::new(text))
}

fn write_proof<'f>(fbb: &mut FlatBufferBuilder<'f>, proof: &ProofClaim) -> WIPOffset<fb::ProofClaim<'f>> {
    let r = proof.r.map(fb::Hash);
    let args = fb::ProofClaimArgs {
        mint_key: Some(&fb::Point(proof.mint_key)),
        secret: Some(fbb.create_string(&proof.secret.0)),
        signature: Some(&fb::Point(proof.signature)),
        e: Some(&fb::Hash(proof.e)),
        s: Some(&fb::Hash(proof.s)),
        r: r.as_ref(),
    };
    fb::ProofClaim::create(fbb, &args)
}

fn read_proof(proof: fb::ProofClaim<'_>) -> ProofClaim {
    ProofClaim {
        mint_key: proof.mint_key().0,
        secret: secret(proof.secret().to_owned()),
        signature: proof.signature().0,
        e: proof.e().0,
        s: proof.s().0,
        r: proof.r().map(|r| r.0),
    }
}

fn read_claim(claim: &fb::Claim) -> Claim {
    Claim {
        id: EventId(claim.id().0),
        pubkey: Pubkey(claim.pubkey().0),
        sig: Signature(claim.sig().0),
    }
}

// ---------------------------------------------------------------- from crypto

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

/// The room a result takes at most, for `builder`.
fn result_bytes(result: &SignerResult) -> usize {
    64 + match result {
        Ok(SignerAnswer::Signed(event)) => event_bytes(event),
        Ok(SignerAnswer::Wraps(wraps)) => wraps.iter().map(|wrap| 4 + event_bytes(wrap)).sum(),
        Ok(SignerAnswer::Text(text)) => text_bytes(&text.0),
        // Escapes may make its JSON longer than its parts; the builder grows then.
        Ok(SignerAnswer::Rumor(rumor)) => 512 + 2 * rumor.content.len(),
        Ok(SignerAnswer::Verdicts(good)) => good.len(),
        Ok(SignerAnswer::PublicKey(_) | SignerAnswer::Done) => 32,
        Err(error) => signer_error_bytes(error),
    }
}

fn write_result<'f>(fbb: &mut FlatBufferBuilder<'f>, request_id: u64, result: &SignerResult) -> Response<'f> {
    use fb::SignerOutcome as Outcome;
    let mut args = fb::SignerResponseArgs {
        request_id,
        ..Default::default()
    };
    let pubkey;
    match result {
        Ok(SignerAnswer::PublicKey(key)) => {
            args.outcome = Outcome::PublicKey;
            pubkey = fb::Hash(key.0);
            args.pubkey = Some(&pubkey);
        }
        Ok(SignerAnswer::Signed(event)) => {
            args.outcome = Outcome::Signed;
            args.event = Some(write_event(fbb, event));
        }
        Ok(SignerAnswer::Text(text)) => {
            args.outcome = Outcome::Text;
            args.text = Some(fbb.create_string(&text.0));
        }
        Ok(SignerAnswer::Rumor(rumor)) => {
            args.outcome = Outcome::Rumor;
            args.text = Some(fbb.create_string(&rumor.to_json()));
        }
        Ok(SignerAnswer::Wraps(wraps)) => {
            args.outcome = Outcome::Wraps;
            let wraps: Vec<_> = wraps.iter().map(|wrap| write_event(fbb, wrap)).collect();
            args.wraps = Some(fbb.create_vector(&wraps));
        }
        Ok(SignerAnswer::Verdicts(good)) => {
            args.outcome = Outcome::Proofs;
            args.verdicts = Some(fbb.create_vector(good));
        }
        Ok(SignerAnswer::Done) => args.outcome = Outcome::Done,
        Err(error) => {
            args.outcome = Outcome::Failed;
            args.error = Some(write_signer_error(fbb, error));
        }
    }
    fb::SignerResponse::create(fbb, &args)
}

fn read_result(message: &fb::SignerResponse<'_>) -> Result<SignerResult, WireError> {
    use fb::SignerOutcome as Outcome;
    let answer = match message.outcome() {
        Outcome::PublicKey => {
            let pubkey = message.pubkey().ok_or_else(|| missing("SignerResponse.pubkey"))?;
            SignerAnswer::PublicKey(Pubkey(pubkey.0))
        }
        Outcome::Signed => {
            let event = message.event().ok_or_else(|| missing("SignerResponse.event"))?;
            SignerAnswer::Signed(read_raw_event(event))
        }
        Outcome::Text => SignerAnswer::Text(secret(read_text(message.text()))),
        Outcome::Rumor => {
            let json = secret(read_text(message.text()));
            let rumor = Rumor::from_json(&json.0).map_err(|_| WireError::BadRumor)?;
            SignerAnswer::Rumor(rumor)
        }
        Outcome::Wraps => {
            let wraps: Vec<RawEvent> = each(message.wraps()).map(read_raw_event).collect();
            SignerAnswer::Wraps(wraps)
        }
        Outcome::Proofs => SignerAnswer::Verdicts(each(message.verdicts()).collect()),
        Outcome::Done => SignerAnswer::Done,
        Outcome::Failed => return read_signer_error("SignerResponse.error", message.error()).map(Err),
        outcome => return Err(misplaced("SignerResponse.outcome", outcome.variant_name(), outcome.0)),
    };
    Ok(Ok(answer))
}
