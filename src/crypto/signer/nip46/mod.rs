//! A remote signer (NIP-46): connection, requests and their answers, over the connections role.
//!
//! Knows no socket: it sends envelopes and is given what relays say to its subscription, whose
//! id starts with `n46:`. Relays that were lost are asked again by the connections role.
//! An answer counts if the signer's key signed it, it is encrypted to the client's key and its
//! id is that of a request that waits; everything else is ignored, a copy or a late answer too.

mod answers;
mod channel;
mod opening;
mod session;

use std::collections::HashMap;

use self::channel::Channel;
use self::session::Session;
use super::{Context, unsigned};
use crate::message::{
    CallId, Cipher, CryptoToPage, Envelope, RelayMessage, RequestId, Secret, SignerAnswer, SignerCall, SignerError,
    SignerResult, SubId, Template,
};
use crate::nostr::event::{EventId, Pubkey, UnsignedEvent};
use crate::nostr::filter::Filter;
use crate::nostr::frame::ClientFrame;
use crate::nostr::hex;
use crate::nostr::nip46::url::{BunkerUrl, NostrConnectUrl};
use crate::nostr::nip46::{self, Command, EventTemplate, KIND};
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::SortedMap;
use crate::time::Millis;

/// The subscription looks back so far, for signers whose clock is behind.
const CLOCK_SKEW_SECONDS: u64 = 600;

pub struct Remote {
    channel: Channel,
    sub: SubId,
    relays: Vec<RelayUrl>,
    /// Left by `switch_relays`, but answers to earlier requests may still come there.
    retiring: Vec<RelayUrl>,
    state: State,
    /// By request id.
    requests: HashMap<String, Request>,
    /// Relays of this session that cannot be used at present, and why.
    unreachable: SortedMap<RelayUrl, String>,
    old_peer_at: Option<Millis>,
}

enum State {
    /// There is a `nostrconnect://` URL; the signer is whoever returns its secret.
    Offered {
        call: CallId,
        url: Box<NostrConnectUrl>,
        /// The page's request that gets the URL; none once it has it.
        unshown: Option<RequestId>,
    },
    /// The signer is known, its user not yet.
    Connecting {
        remote: Pubkey,
    },
    Open {
        remote: Pubkey,
        user: Pubkey,
    },
}

struct Request {
    /// Who waits; nobody for `switch_relays`.
    call: Option<CallId>,
    expected: Expected,
    event: EventId,
    /// Relays that may still take the request, and whether each was sent it; none once one has taken it.
    may_take: Option<SortedMap<RelayUrl, bool>>,
    /// The user has been sent to a web page; a signer that says so again opens no second one.
    confirming: bool,
}

enum Expected {
    Connect(Box<BunkerUrl>),
    PublicKey,
    Signed(UnsignedEvent),
    Text,
    Relays,
}

impl Remote {
    pub fn sub(&self) -> &SubId {
        &self.sub
    }

    /// The user's key, which need not be the signer's own.
    pub fn pubkey(&self) -> Option<Pubkey> {
        match &self.state {
            State::Open { user, .. } => Some(*user),
            State::Offered { .. } | State::Connecting { .. } => None,
        }
    }

    pub fn call(&mut self, cx: &mut Context<'_>, call: CallId, ask: SignerCall) {
        let State::Open { user, .. } = self.state else {
            let error = SignerError::Disconnected("the remote signer has not accepted the connection yet".into());
            return cx.settle(call, Err(error));
        };
        let (command, expected) = match ask {
            SignerCall::GetPublicKey => return cx.settle(call, Ok(SignerAnswer::PublicKey(user))),
            SignerCall::Sign(template) => {
                let event = unsigned(template, user, cx.now);
                (Command::SignEvent(to_sign(&event)), Expected::Signed(event))
            }
            SignerCall::Encrypt {
                cipher,
                peer,
                plaintext,
            } => {
                let plaintext = plaintext.0.to_string();
                let command = match cipher {
                    Cipher::Nip44 => Command::Nip44Encrypt { peer, plaintext },
                    Cipher::Nip04 => Command::Nip04Encrypt { peer, plaintext },
                };
                (command, Expected::Text)
            }
            SignerCall::Decrypt {
                cipher,
                peer,
                ciphertext,
            } => {
                let command = match cipher {
                    Cipher::Nip44 => Command::Nip44Decrypt { peer, ciphertext },
                    Cipher::Nip04 => Command::Nip04Decrypt { peer, ciphertext },
                };
                (command, Expected::Text)
            }
        };
        self.request(cx, Some(call), &command, expected);
    }

    /// The NIP-42 answer to one of this session's relays, by the client's key.
    ///
    /// The user's key is behind those relays: waiting for its signature would wait for itself.
    pub fn authenticate(&self, cx: &mut Context<'_>, template: &Template) -> Option<SignerResult> {
        let tag = template
            .tags
            .iter()
            .find(|tag| tag.first().is_some_and(|name| name == "relay"))?;
        let relay = RelayUrl::parse(tag.get(1)?).ok()?;
        if !self.relays.contains(&relay) && !self.retiring.contains(&relay) {
            return None;
        }
        let client = self.channel.client();
        let event = unsigned(template.clone(), client.pubkey(), cx.now);
        let signed = client.sign(&event, cx.entropy.bytes());
        let signed = signed.map_err(|error| SignerError::BadInput(error.to_string()));
        Some(signed.map(SignerAnswer::Signed))
    }

    /// Takes what a relay said to this session's subscription or events.
    pub fn on_relay(&mut self, cx: &mut Context<'_>, message: RelayMessage) {
        match message {
            RelayMessage::Event { json, .. } => self.on_event(cx, &json),
            RelayMessage::Eose { relay, .. } => {
                self.unreachable.remove(&relay);
                self.show(cx, relay);
            }
            RelayMessage::Closed { relay, reason, .. } | RelayMessage::Unreachable { relay, reason, .. } => {
                self.unreachable.insert(relay, reason);
                self.withdraw(cx);
            }
            RelayMessage::Sent { relay, event_id } => {
                let sent = self.sent_to(event_id).and_then(|relays| relays.get_mut(&relay));
                if let Some(sent) = sent {
                    *sent = true;
                }
            }
            RelayMessage::Ok {
                event_id,
                accepted: true,
                ..
            } => {
                if let Some(request) = self.requests.values_mut().find(|request| request.event == event_id) {
                    request.may_take = None;
                }
            }
            RelayMessage::Ok {
                relay,
                event_id,
                reason,
                ..
            } => self.on_refused(cx, &relay, event_id, reason),
            RelayMessage::Unsent {
                relay,
                event_id,
                reason,
            } => {
                // A relay may well pass an ephemeral event on without saying OK.
                let sent = self.sent_to(event_id).and_then(|relays| relays.get(&relay));
                if sent.is_some_and(|sent| !sent) {
                    self.on_refused(cx, &relay, event_id, reason);
                }
            }
            // A relay's words, and what the parser answers.
            RelayMessage::Notice { .. } | RelayMessage::Auth { .. } | RelayMessage::Count { .. } => {}
        }
    }

    pub fn next_timeout(&self) -> Option<Millis> {
        self.old_peer_at
    }

    /// Tries the connection in NIP-04 where NIP-44 was met by silence.
    pub fn on_timeout(&mut self, cx: &mut Context<'_>) {
        if self.old_peer_at.is_none_or(|at| at > cx.now.mono) {
            return;
        }
        self.old_peer_at = None;
        let State::Connecting { remote } = self.state else {
            return;
        };
        let waiting = self.requests.iter().find_map(|(id, request)| match &request.expected {
            Expected::Connect(url) => Some((id.clone(), url.secret.clone())),
            _ => None,
        });
        let Some((id, secret)) = waiting else {
            return;
        };
        // Old signers know no permissions and no metadata.
        let command = Command::Connect {
            remote_signer: remote,
            secret,
            perms: Vec::new(),
            metadata: None,
        };
        let json = nip46::Request { id, command }.to_json();
        if let Ok(event) = self.channel.seal(cx, &remote, &json, Cipher::Nip04) {
            self.send(cx, self.relays.clone(), ClientFrame::Event(event));
        }
    }

    /// `call` is no longer waited for; says what its asker should be told.
    pub fn give_up(&mut self, call: CallId) -> SignerError {
        self.requests.retain(|_, request| request.call != Some(call));
        self.disconnected().unwrap_or(SignerError::TimedOut)
    }

    /// Ends the subscription; at a logout the signer is told, without waiting for its answer.
    pub fn close(&mut self, cx: &mut Context<'_>, logout: bool) {
        if logout && let State::Open { remote, .. } = self.state {
            let request = nip46::Request {
                id: random_hex(cx),
                command: Command::Logout,
            };
            if let Ok(event) = self
                .channel
                .seal(cx, &remote, &request.to_json(), self.channel.cipher())
            {
                self.send(cx, self.relays.clone(), ClientFrame::Event(event));
            }
        }
        let relays = self.relays.iter().chain(&self.retiring).cloned().collect();
        self.send(cx, relays, ClientFrame::Close { sub: self.sub.clone() });
        self.requests.clear();
    }

    /// What to tell an asker if no relay of the session can be used: which, and why.
    fn disconnected(&self) -> Option<SignerError> {
        let reason = |relay: &RelayUrl| Some(format!("{relay} ({})", self.unreachable.get(relay)?));
        let reasons = self.relays.iter().map(reason).collect::<Option<Vec<_>>>()?;
        let why = format!("none of the remote signer's relays can be used: {}", reasons.join(", "));
        Some(SignerError::Disconnected(why))
    }

    fn request(&mut self, cx: &mut Context<'_>, call: Option<CallId>, command: &Command, expected: Expected) {
        let remote = match &self.state {
            State::Offered { .. } => return,
            State::Connecting { remote } | State::Open { remote, .. } => *remote,
        };
        let request = nip46::Request {
            id: random_hex(cx),
            command: command.clone(),
        };
        let event = match self
            .channel
            .seal(cx, &remote, &request.to_json(), self.channel.cipher())
        {
            Ok(event) => event,
            Err(error) => {
                if let Some(call) = call {
                    cx.settle(call, Err(error));
                }
                return;
            }
        };
        let pending = Request {
            call,
            expected,
            event: event.id,
            may_take: Some(self.relays.iter().map(|relay| (relay.clone(), false)).collect()),
            confirming: false,
        };
        self.requests.insert(request.id, pending);
        self.send(cx, self.relays.clone(), ClientFrame::Event(event));
    }

    fn sent_to(&mut self, event: EventId) -> Option<&mut SortedMap<RelayUrl, bool>> {
        let request = self.requests.values_mut().find(|request| request.event == event)?;
        request.may_take.as_mut()
    }

    /// A relay will not pass a request on. Once none will, waiting is of no use.
    fn on_refused(&mut self, cx: &mut Context<'_>, relay: &RelayUrl, event: EventId, reason: String) {
        let refused = self.requests.iter_mut().find(|(_, request)| request.event == event);
        let Some((id, request)) = refused else {
            return;
        };
        let Some(may_take) = &mut request.may_take else {
            return;
        };
        may_take.remove(relay);
        if !may_take.is_empty() {
            return;
        }
        let (id, call) = (id.clone(), request.call);
        self.requests.remove(&id);
        if let Some(call) = call {
            let why = format!("no relay takes the request to the remote signer: {reason}");
            cx.settle(call, Err(SignerError::Disconnected(why)));
        }
    }

    /// Listens for answers; once more where the connections role was replaced.
    pub fn subscribe(&self, cx: &mut Context<'_>) {
        let authors = match &self.state {
            State::Offered { .. } => None,
            State::Connecting { remote } | State::Open { remote, .. } => Some(vec![*remote]),
        };
        let filter = Filter {
            kinds: Some(vec![KIND]),
            authors,
            tags: [('p', vec![self.channel.client().pubkey().to_string()])].into(),
            since: Some(cx.now.unix - CLOCK_SKEW_SECONDS),
            ..Filter::default()
        };
        let req = ClientFrame::Req {
            sub: self.sub.clone(),
            filters: vec![filter],
        };
        self.send(cx, self.relays.clone(), req);
    }

    fn move_to(&mut self, cx: &mut Context<'_>, relays: Vec<RelayUrl>) {
        if relays == self.relays {
            return;
        }
        let left = std::mem::replace(&mut self.relays, relays);
        self.retiring.extend(left);
        self.retiring.retain(|relay| !self.relays.contains(relay));
        self.unreachable.retain(|relay, _| self.relays.contains(relay));
        self.subscribe(cx);
        self.tell_session(cx);
    }

    fn tell_session(&self, cx: &mut Context<'_>) {
        let State::Open { remote, user } = self.state else {
            return;
        };
        let session = Session {
            remote,
            user,
            client: self.channel.client().clone(),
            relays: self.relays.clone(),
            cipher: self.channel.cipher(),
        };
        let session = Secret(session.to_json());
        cx.out.page.push(CryptoToPage::Session { session });
    }

    fn send(&self, cx: &mut Context<'_>, relays: Vec<RelayUrl>, frame: ClientFrame) {
        if !relays.is_empty() {
            let frames = vec![frame];
            cx.out.connections.push(Envelope { relays, frames });
        }
    }
}

/// 128 random bits: what a stranger would have to guess.
fn random_hex(cx: &mut Context<'_>) -> String {
    let mut text = hex::encode(&cx.entropy.bytes());
    text.truncate(32);
    text
}

fn to_sign(event: &UnsignedEvent) -> EventTemplate {
    EventTemplate {
        pubkey: Some(event.pubkey),
        created_at: event.created_at,
        kind: event.kind,
        tags: event.tags.clone(),
        content: event.content.clone(),
    }
}

#[cfg(test)]
mod tests;
