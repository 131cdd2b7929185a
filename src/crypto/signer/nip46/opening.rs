//! How a session begins: with a `bunker://` URL, with an offer that a signer takes (`nostrconnect://`), or where one
//! was left.

use std::collections::HashMap;

use super::channel::Channel;
use super::session::Session;
use super::{Expected, Remote, State, random_hex};
use crate::crypto::signer::Context;
use crate::message::{
    CallId, Cipher, CryptoToPage, RequestId, SIGNER_SUB_PREFIX, Secret, SignerClient, SignerError, SubId,
};
use crate::nostr::keys::SecretKey;
use crate::nostr::nip46::url::{BunkerUrl, NostrConnectUrl};
use crate::nostr::nip46::{ClientMetadata, Command, Permission};
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::{self, SortedMap};

/// A signer that has not answered in NIP-44 after so long may be one that knows only NIP-04.
const OLD_PEER_MS: u64 = 10_000;

impl Remote {
    /// Connects to the signer of a `bunker://` URL; `call` is answered with the user's public key.
    pub fn connect(
        cx: &mut Context<'_>,
        call: CallId,
        url: BunkerUrl,
        client: &SignerClient,
    ) -> Result<Remote, SignerError> {
        let remote = url.remote_signer;
        let state = State::Connecting { remote };
        let key = new_key(cx)?;
        let mut signer = Remote::new(cx, key, url.relays.clone(), Cipher::Nip44, state)?;
        signer.old_peer_at = Some(cx.now.mono + OLD_PEER_MS);
        signer.subscribe(cx);
        let command = Command::Connect {
            remote_signer: remote,
            secret: url.secret.clone(),
            perms: Permission::parse_list(&client.permissions),
            metadata: metadata(client),
        };
        signer.request(cx, Some(call), &command, Expected::Connect(Box::new(url)));
        Ok(signer)
    }

    /// Makes a `nostrconnect://` URL, shown once a relay listens, and waits for a signer to take it; `call` is answered
    /// with the user's public key.
    pub fn offer(
        cx: &mut Context<'_>,
        call: CallId,
        request: RequestId,
        relays: Vec<RelayUrl>,
        client: &SignerClient,
    ) -> Result<Remote, SignerError> {
        if relays.is_empty() {
            return Err(SignerError::BadInput("nostrConnect needs a relay to listen on".into()));
        }
        let key = new_key(cx)?;
        let url = NostrConnectUrl {
            client: key.pubkey(),
            relays: relays.clone(),
            secret: random_hex(cx).into(),
            perms: Permission::parse_list(&client.permissions),
            metadata: metadata(client).unwrap_or_default(),
        };
        let state = State::Offered {
            call,
            url: Box::new(url),
            unshown: Some(request),
        };
        let signer = Remote::new(cx, key, relays, Cipher::Nip44, state)?;
        signer.subscribe(cx);
        Ok(signer)
    }

    /// Takes up a session where it was left. The signer is asked nothing but where it can be reached now.
    ///
    /// # Errors
    /// `BadInput` if it is no session of this engine.
    pub fn resume(cx: &mut Context<'_>, session: &Secret) -> Result<Remote, SignerError> {
        let session = Session::from_json(&session.0)?;
        let state = State::Open {
            remote: session.remote,
            user: session.user,
        };
        let mut signer = Remote::new(cx, session.client, session.relays, session.cipher, state)?;
        signer.subscribe(cx);
        signer.request(cx, None, &Command::SwitchRelays, Expected::Relays);
        Ok(signer)
    }

    fn new(
        cx: &mut Context<'_>,
        client: SecretKey,
        relays: Vec<RelayUrl>,
        cipher: Cipher,
        state: State,
    ) -> Result<Remote, SignerError> {
        let name = format!("{SIGNER_SUB_PREFIX}{}", random_hex(cx));
        let sub = SubId::new(&name).ok_or_else(|| SignerError::BadInput("bad subscription id".into()))?;
        Ok(Remote {
            channel: Channel::new(client, cipher),
            sub,
            relays,
            retiring: Vec::new(),
            state,
            requests: HashMap::new(),
            unreachable: SortedMap::new(),
            old_peer_at: None,
        })
    }

    /// `relay` has the subscription, so an answer is heard: relays keep no ephemeral event for who listens later.
    pub(super) fn show(&mut self, cx: &mut Context<'_>, relay: RelayUrl) {
        let State::Offered { url, unshown, .. } = &mut self.state else {
            return;
        };
        let Some(request) = unshown.take() else {
            return;
        };
        // First is where some signers answer only.
        sorted::sort_by_key(&mut url.relays, |other| *other != relay);
        let url = Secret(url.to_url());
        cx.out.page.push(CryptoToPage::ConnectUrl { request, url });
    }

    /// Nobody could answer an offer that no relay listens for. Once it is shown, relays may come back in time.
    pub(super) fn withdraw(&self, cx: &mut Context<'_>) {
        if let State::Offered {
            call, unshown: Some(_), ..
        } = self.state
            && let Some(error) = self.disconnected()
        {
            cx.settle(call, Err(error));
        }
    }
}

fn new_key(cx: &mut Context<'_>) -> Result<SecretKey, SignerError> {
    SecretKey::from_bytes(cx.entropy.bytes()).map_err(|error| SignerError::BadInput(error.to_string()))
}

fn metadata(client: &SignerClient) -> Option<ClientMetadata> {
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    let metadata = ClientMetadata {
        name: text(&client.name),
        url: text(&client.url),
        image: text(&client.image),
    };
    (metadata != ClientMetadata::default()).then_some(metadata)
}
