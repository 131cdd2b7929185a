//! What signers and the crypto role are asked to do, and what came of it: the parts of `SignerRequest` and `SignerResponse`
//! that more than one link carries.

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use zeroize::Zeroizing;

use super::nostr::{
    each, event_bytes, read_raw_event, read_signer_error, read_template, signer_error_bytes, template_bytes,
    text_bytes, write_event, write_signer_error, write_template,
};
use super::{WireError, fb, misplaced, missing, read_text, scalar_enum};
use crate::message::{Cipher, ProofClaim, Secret, SignerAnswer, SignerCall, SignerOp, SignerResult, Template};
use crate::nostr::event::{Pubkey, RawEvent};
use crate::nostr::nip59::Rumor;

/// Two points, three hashes and a layout.
const PROOF_BYTES: usize = 240;

scalar_enum!(Cipher: Nip44, Nip04);

pub(super) type Request<'f> = WIPOffset<fb::SignerRequest<'f>>;
pub(super) type Response<'f> = WIPOffset<fb::SignerResponse<'f>>;

/// The room an operation takes at most, for `builder`.
pub(super) fn op_bytes(op: &SignerOp) -> usize {
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

pub(super) fn call_bytes(call: &SignerCall) -> usize {
    128 + match call {
        SignerCall::GetPublicKey => 0,
        SignerCall::Sign(template) => template_bytes(template),
        SignerCall::Encrypt { plaintext, .. } => text_bytes(&plaintext.0),
        SignerCall::Decrypt { ciphertext, .. } => text_bytes(ciphertext),
    }
}

pub(super) fn write_op<'f>(fbb: &mut FlatBufferBuilder<'f>, request_id: u64, op: &SignerOp) -> Request<'f> {
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

pub(super) fn write_call<'f>(fbb: &mut FlatBufferBuilder<'f>, request_id: u64, call: &SignerCall) -> Request<'f> {
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

pub(super) fn read_op(message: &fb::SignerRequest<'_>) -> Result<SignerOp, WireError> {
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

pub(super) fn read_call(message: &fb::SignerRequest<'_>) -> Result<SignerCall, WireError> {
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

pub(super) fn read_template_field(message: &fb::SignerRequest<'_>) -> Result<Template, WireError> {
    let template = message.template().map(read_template);
    template.ok_or_else(|| missing("SignerRequest.template"))
}

pub(super) fn read_secret(message: &fb::SignerRequest<'_>) -> Result<Secret, WireError> {
    let text = message.secret().ok_or_else(|| missing("SignerRequest.secret"))?;
    Ok(secret(text.to_owned()))
}

pub(super) fn secret(text: String) -> Secret {
    Secret(Zeroizing::new(text))
}

pub(super) fn write_proof<'f>(fbb: &mut FlatBufferBuilder<'f>, proof: &ProofClaim) -> WIPOffset<fb::ProofClaim<'f>> {
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

pub(super) fn read_proof(proof: fb::ProofClaim<'_>) -> ProofClaim {
    ProofClaim {
        mint_key: proof.mint_key().0,
        secret: secret(proof.secret().to_owned()),
        signature: proof.signature().0,
        e: proof.e().0,
        s: proof.s().0,
        r: proof.r().map(|r| r.0),
    }
}

/// The room a result takes at most, for `builder`.
pub(super) fn result_bytes(result: &SignerResult) -> usize {
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

pub(super) fn write_result<'f>(
    fbb: &mut FlatBufferBuilder<'f>,
    request_id: u64,
    result: &SignerResult,
) -> Response<'f> {
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

pub(super) fn read_result(message: &fb::SignerResponse<'_>) -> Result<SignerResult, WireError> {
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
