//! What the remote signer answers, and what follows from it.

use super::channel::Opened;
use super::{Expected, Remote, Request, State};
use crate::crypto::signer::{Context, Effect, check_signed};
use crate::message::{CallId, CryptoToPage, Secret, SignerAnswer, SignerError};
use crate::nostr::event::Pubkey;
use crate::nostr::frame::ClientFrame;
use crate::nostr::nip46::Command;
use crate::nostr::nip46::response::{Outcome, public_key_result, sign_event_result, switch_relays_result};

impl Remote {
    pub(super) fn on_event(&mut self, cx: &mut Context<'_>, json: &str) {
        match &self.state {
            State::Offered { call, url, .. } => {
                let (call, opened) = (*call, self.channel.open(json, None));
                let Some(opened) = opened else {
                    return;
                };
                // Whoever has seen the request may answer; only the one who was given the URL knows its secret.
                if matches!(&opened.response.outcome, Outcome::Result(secret) if url.accepts(secret)) {
                    self.channel.learn(opened.cipher);
                    self.state = State::Connecting { remote: opened.author };
                    // Again, for this signer's events alone.
                    self.subscribe(cx);
                    self.request(cx, Some(call), &Command::GetPublicKey, Expected::PublicKey);
                }
            }
            State::Connecting { remote } | State::Open { remote, .. } => {
                let opened = self.channel.open(json, Some(remote));
                if let Some(opened) = opened {
                    self.on_response(cx, opened);
                }
            }
        }
        if self.requests.is_empty() && !self.retiring.is_empty() {
            let relays = std::mem::take(&mut self.retiring);
            self.send(cx, relays, ClientFrame::Close { sub: self.sub.clone() });
        }
    }

    fn on_response(&mut self, cx: &mut Context<'_>, opened: Opened) {
        let id = opened.response.id;
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        let result = match opened.response.outcome {
            Outcome::AuthUrl(url) => {
                if !std::mem::replace(&mut request.confirming, true) {
                    cx.effects.extend(request.call.map(Effect::Confirming));
                    cx.out.page.push(CryptoToPage::AuthUrl { url });
                }
                return;
            }
            Outcome::Result(result) => Ok(result),
            Outcome::Error(error) => Err(SignerError::Refused(error)),
        };
        self.channel.learn(opened.cipher);
        self.old_peer_at = None;
        if let Some(Request { call, expected, .. }) = self.requests.remove(&id) {
            self.on_result(cx, call, expected, result);
        }
    }

    fn on_result(
        &mut self,
        cx: &mut Context<'_>,
        call: Option<CallId>,
        expected: Expected,
        result: Result<String, SignerError>,
    ) {
        let settled = match (expected, result) {
            (Expected::Relays, Ok(relays)) => {
                // A signer that knows no such method, or lists nothing usable, stays where it is.
                if let Ok(Some(relays)) = switch_relays_result(&relays) {
                    self.move_to(cx, relays);
                }
                return;
            }
            (Expected::Relays, Err(_)) => return,
            (_, Err(error)) => Err(error),
            (Expected::Connect(url), Ok(result)) => {
                if url.accepts(&result) {
                    return self.request(cx, call, &Command::GetPublicKey, Expected::PublicKey);
                }
                Err(SignerError::Refused(
                    "the remote signer answered with another secret".into(),
                ))
            }
            (Expected::PublicKey, Ok(result)) => match public_key_result(&result) {
                Ok(user) => {
                    self.opened(cx, user);
                    Ok(SignerAnswer::PublicKey(user))
                }
                Err(error) => Err(SignerError::Refused(error.to_string())),
            },
            (Expected::Signed(event), Ok(result)) => sign_event_result(&result)
                .map_err(|error| SignerError::Refused(error.to_string()))
                .and_then(|signed| check_signed(&event, signed)),
            (Expected::Text, Ok(result)) => Ok(SignerAnswer::Text(Secret(result.into()))),
        };
        if let Some(call) = call {
            cx.settle(call, settled);
        }
    }

    /// The user is known: the connection stands.
    fn opened(&mut self, cx: &mut Context<'_>, user: Pubkey) {
        if let State::Connecting { remote } = self.state {
            self.state = State::Open { remote, user };
            self.tell_session(cx);
            self.request(cx, None, &Command::SwitchRelays, Expected::Relays);
        }
    }
}
