//! The session against a scripted remote signer: what it is sent, and what it makes of answers.

use crate::crypto::Input;
use crate::crypto::core::tests::{PARSER, Scene, key, secret, sign, template};
use crate::message::*;
use crate::nostr::event::{Event, Pubkey, RawEvent, UnsignedEvent};
use crate::nostr::frame::ClientFrame;
use crate::nostr::keys::SecretKey;
use crate::nostr::kind::Kind;
use crate::nostr::nip44::{self, ConversationKey};
use crate::nostr::nip46::response::{Outcome, Response};
use crate::nostr::nip46::{Command, Method, Request, envelope};
use crate::nostr::relay_url::RelayUrl;
use crate::nostr::{nip04, nip46};
use crate::time::UnixSeconds;

const BUNKER: u8 = 40;
const USER: u8 = 41;
const STRANGER: u8 = 42;

fn relay(name: &str) -> RelayUrl {
    RelayUrl::parse(&format!("wss://{name}.example")).unwrap()
}

fn bunker_url(secret_of_url: &str) -> SignerChoice {
    let bunker = key(BUNKER).pubkey();
    SignerChoice::Bunker {
        url: secret(&format!(
            "bunker://{bunker}?relay=wss://a.example&relay=wss://b.example&secret={secret_of_url}"
        )),
        client: SignerClient {
            permissions: "nip44_encrypt,sign_event:1".into(),
            name: "Ferry".into(),
            ..SignerClient::default()
        },
    }
}

/// The remote signer's side of the wire, and the relays between.
struct World {
    scene: Scene,
    /// The subscription that the session opened last, and where.
    sub: Option<(SubId, Vec<RelayUrl>)>,
    closed: Vec<RelayUrl>,
    client: Option<Pubkey>,
    /// The last event sent to the signer.
    last: Option<Event>,
    old: bool,
}

impl World {
    fn new() -> World {
        World {
            scene: Scene::new(),
            sub: None,
            closed: Vec::new(),
            client: None,
            last: None,
            old: false,
        }
    }

    /// What the session sent since the last time: the requests that the signer can read.
    fn requests(&mut self) -> Vec<Request> {
        let envelopes: Vec<Envelope> = self.scene.out.connections.drain().collect();
        let mut requests = Vec::new();
        for Envelope { relays, frames } in envelopes {
            for frame in frames {
                match frame {
                    ClientFrame::Req { sub, filters } => {
                        assert!(sub.as_str().starts_with(SIGNER_SUB_PREFIX));
                        assert_eq!(filters[0].kinds, Some(vec![nip46::KIND]));
                        self.sub = Some((sub, relays.clone()));
                    }
                    ClientFrame::Close { .. } => self.closed.extend(relays.clone()),
                    ClientFrame::Event(event) => requests.extend(self.read(event)),
                    other => panic!("{other:?}"),
                }
            }
        }
        requests
    }

    fn read(&mut self, event: Event) -> Option<Request> {
        self.client = Some(event.pubkey);
        self.last = Some(event.clone());
        let json = match (event.content.contains("?iv="), self.old) {
            (true, true) => nip04::decrypt(&key(BUNKER), &event.pubkey, &event.content).unwrap(),
            (false, false) => {
                let conversation = ConversationKey::derive(&key(BUNKER), &event.pubkey).unwrap();
                nip44::decrypt(&conversation, &event.content).unwrap()
            }
            _ => return None,
        };
        Some(Request::from_json(&json).unwrap())
    }

    fn request(&mut self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    fn event(&self, from: u8, id: &str, outcome: Outcome) -> RawEvent {
        let json = Response { id: id.into(), outcome }.to_json();
        let (from, client) = (key(from), self.client.unwrap());
        let content = match self.old {
            true => nip04::encrypt(&from, &client, [1; 16], &json).unwrap(),
            false => {
                let conversation = ConversationKey::derive(&from, &client).unwrap();
                nip44::encrypt(&conversation, [1; 32], &json).unwrap()
            }
        };
        from.sign(
            &envelope(from.pubkey(), &client, content, UnixSeconds(1_700_000_000)),
            [1; 32],
        )
        .unwrap()
    }

    fn deliver(&mut self, event: &RawEvent) {
        let (sub, _) = self.sub.clone().unwrap();
        self.scene.input(Input::Connections(RelayMessage::Event {
            relay: relay("a"),
            sub,
            json: event.to_json(),
        }));
    }

    /// `name` has the subscription.
    fn eose(&mut self, name: &str) {
        let (sub, _) = self.sub.clone().unwrap();
        let relay = relay(name);
        self.scene.input(Input::Connections(RelayMessage::Eose { relay, sub }));
    }

    fn unreachable(&mut self, name: &str, reason: &str) {
        let (sub, _) = self.sub.clone().unwrap();
        let (relay, reason) = (relay(name), reason.to_owned());
        self.scene
            .input(Input::Connections(RelayMessage::Unreachable { relay, sub, reason }));
    }

    fn answer(&mut self, id: &str, result: &str) {
        let event = self.event(BUNKER, id, Outcome::Result(result.into()));
        self.deliver(&event);
    }

    /// A world in which the page has chosen the signer, whose answer to `connect` is awaited.
    fn connecting(secret_of_url: &str) -> (World, RequestId, Request) {
        let mut world = World::new();
        let using = world.scene.choose(bunker_url(secret_of_url));
        let connect = world.request();
        (world, using, connect)
    }

    /// A world in which the connection stands and the signer was asked for its relays; the user's key is `USER`.
    fn connected() -> World {
        let (mut world, using, connect) = World::connecting("s");
        world.accept(using, &connect, "ack");
        assert_eq!(world.request().command, Command::SwitchRelays);
        world
    }

    fn accept(&mut self, using: RequestId, connect: &Request, result: &str) {
        self.answer(&connect.id, result);
        assert_eq!(self.scene.answered(using), None, "the user's key is asked for first");
        self.give_public_key(using);
    }

    fn give_public_key(&mut self, using: RequestId) {
        let request = self.request();
        assert_eq!(request.command, Command::GetPublicKey);
        self.answer(&request.id, &key(USER).pubkey().to_string());
        let answer = self.scene.answered(using);
        assert_eq!(answer, Some(Ok(SignerAnswer::PublicKey(key(USER).pubkey()))));
    }

    /// Asks for a signature: the question's number here, and at the signer.
    fn ask_to_sign(&mut self) -> (RequestId, Request) {
        let request = self.scene.ask(sign(1));
        (request, self.request())
    }

    fn is_refused(&mut self, request: RequestId) -> bool {
        matches!(self.scene.answered(request), Some(Err(SignerError::Refused(_))))
    }

    fn session(&mut self) -> Option<Secret> {
        let messages: Vec<CryptoToPage> = self.scene.out.page.drain().collect();
        messages.into_iter().rev().find_map(|message| match message {
            CryptoToPage::Session { session } => Some(session),
            _ => None,
        })
    }
}

fn signed(by: &SecretKey, command: &Command) -> RawEvent {
    let Command::SignEvent(template) = command else {
        panic!("{command:?}")
    };
    let event = UnsignedEvent {
        pubkey: by.pubkey(),
        created_at: template.created_at,
        kind: template.kind,
        tags: template.tags.clone(),
        content: template.content.clone(),
    };
    by.sign(&event, [2; 32]).unwrap()
}

#[test]
fn a_bunker_is_connected_to_with_secret_permissions_and_name() {
    let (mut world, using, connect) = World::connecting("s3cret");
    let Command::Connect {
        remote_signer,
        secret,
        perms,
        metadata,
    } = &connect.command
    else {
        panic!()
    };
    assert_eq!(*remote_signer, key(BUNKER).pubkey());
    assert_eq!(secret.as_ref().map(|secret| secret.as_str()), Some("s3cret"));
    assert_eq!(
        (perms.len(), metadata.as_ref().unwrap().name.as_deref()),
        (2, Some("Ferry"))
    );
    assert_eq!(world.sub.as_ref().unwrap().1, [relay("a"), relay("b")]);
    world.accept(using, &connect, "s3cret");
}

#[test]
fn the_remote_signer_signs_encrypts_and_decrypts() {
    let mut world = World::connected();
    let (request, asked) = world.ask_to_sign();
    let event = signed(&key(USER), &asked.command);
    world.answer(&asked.id, &event.to_json());
    assert_eq!(world.scene.answered(request), Some(Ok(SignerAnswer::Signed(event))));
    for (cipher, methods) in [
        (Cipher::Nip44, [Method::Nip44Encrypt, Method::Nip44Decrypt]),
        (Cipher::Nip04, [Method::Nip04Encrypt, Method::Nip04Decrypt]),
    ] {
        let peer = key(1).pubkey();
        let calls = [
            SignerCall::Encrypt {
                cipher,
                peer,
                plaintext: secret("x"),
            },
            SignerCall::Decrypt {
                cipher,
                peer,
                ciphertext: "y".into(),
            },
        ];
        for (call, method) in calls.into_iter().zip(methods) {
            let request = world.scene.ask(SignerOp::Call(call));
            let asked = world.request();
            assert_eq!(asked.command.method(), method);
            world.answer(&asked.id, "text");
            assert_eq!(
                world.scene.answered(request),
                Some(Ok(SignerAnswer::Text(secret("text"))))
            );
        }
    }
}

#[test]
fn an_event_that_is_not_what_was_to_be_signed_is_refused() {
    let mut world = World::connected();
    type Change = fn(&mut RawEvent);
    let changes: [Change; 3] = [
        |event| event.sig.0[9] ^= 1,
        |event| event.kind = Kind(3),
        |event| *event = crate::nostr::event::tests::signed(1, 1, 1_700_000_000, &[], "hi").into_raw(),
    ];
    for change in changes {
        let (request, asked) = world.ask_to_sign();
        let mut event = signed(&key(USER), &asked.command);
        change(&mut event);
        world.answer(&asked.id, &event.to_json());
        assert!(world.is_refused(request));
    }
}

#[test]
fn a_stranger_with_the_right_request_id_is_ignored() {
    let (mut world, using, connect) = World::connecting("s");
    let stranger = world.event(STRANGER, &connect.id, Outcome::Result("ack".into()));
    world.deliver(&stranger);
    // Claiming to be the signer takes its signature.
    let mut forged = stranger.clone();
    forged.pubkey = key(BUNKER).pubkey();
    world.deliver(&forged);
    let mut tampered = world.event(BUNKER, &connect.id, Outcome::Error("no".into()));
    tampered.content.push('A');
    world.deliver(&tampered);
    assert!(world.requests().is_empty());
    assert_eq!(world.scene.answered(using), None);
    world.accept(using, &connect, "ack");
}

#[test]
fn a_wrong_secret_is_refused_by_either_side() {
    let (mut world, using, connect) = World::connecting("right");
    let event = world.event(BUNKER, &connect.id, Outcome::Error("bad secret".into()));
    world.deliver(&event);
    let refused = SignerError::Refused("bad secret".into());
    assert_eq!(world.scene.answered(using), Some(Err(refused)));
    world.requests();
    assert_eq!(
        world.closed,
        [relay("a"), relay("b")],
        "a failed connection leaves nothing open"
    );

    let using = world.scene.choose(bunker_url("right"));
    let connect = world.request();
    world.answer(&connect.id, "wrong");
    assert!(world.is_refused(using));
}

#[test]
fn replayed_and_late_answers_are_ignored() {
    let mut world = World::connected();
    let (first, asked) = world.ask_to_sign();
    let answer = world.event(
        BUNKER,
        &asked.id,
        Outcome::Result(signed(&key(USER), &asked.command).to_json()),
    );
    world.deliver(&answer);
    world.deliver(&answer);
    assert!(matches!(world.scene.answered(first), Some(Ok(_))));
    let (second, late) = world.ask_to_sign();
    world.deliver(&answer);
    assert_eq!(world.scene.answered(second), None);
    world.scene.wait(60_000);
    assert_eq!(world.scene.answered(second), Some(Err(SignerError::TimedOut)));
    world.answer(&late.id, &signed(&key(USER), &late.command).to_json());
    assert_eq!(world.scene.answered(second), None);
}

#[test]
fn an_auth_url_reaches_the_page_once_and_gives_the_user_time() {
    let (mut world, using, connect) = World::connecting("s");
    for _ in 0..2 {
        let event = world.event(BUNKER, &connect.id, Outcome::AuthUrl("https://signer.example/x".into()));
        world.deliver(&event);
    }
    let url = "https://signer.example/x".to_owned();
    assert_eq!(
        world.scene.out.page.drain().collect::<Vec<_>>(),
        [CryptoToPage::AuthUrl { url }]
    );
    world.scene.wait(200_000);
    world.requests();
    assert_eq!(world.scene.answered(using), None);
    world.accept(using, &connect, "ack");
}

/// A world in which the page offers itself on the relays `names`, none of which has answered.
fn offering(names: &[&str]) -> (World, RequestId) {
    let mut world = World::new();
    let using = world.scene.choose(SignerChoice::NostrConnect {
        relays: names.iter().map(|name| relay(name)).collect(),
        client: SignerClient {
            name: "Ferry".into(),
            ..SignerClient::default()
        },
    });
    assert!(world.requests().is_empty());
    (world, using)
}

/// The URL that `request` was given last, if one was.
fn shown(world: &mut World, request: RequestId) -> Option<nip46::url::NostrConnectUrl> {
    let messages: Vec<CryptoToPage> = world.scene.out.page.drain().collect();
    messages.into_iter().find_map(|message| match message {
        CryptoToPage::ConnectUrl { url, request: to } => {
            assert_eq!(to, request);
            Some(nip46::url::NostrConnectUrl::parse(&url.0).unwrap())
        }
        _ => None,
    })
}

#[test]
fn a_nostrconnect_url_is_taken_by_whoever_knows_its_secret() {
    let (mut world, using) = offering(&["a"]);
    world.eose("a");
    let url = shown(&mut world, using).unwrap();
    world.client = Some(url.client);
    for guess in ["ack", "", "guess"] {
        let event = world.event(STRANGER, "any", Outcome::Result(guess.into()));
        world.deliver(&event);
    }
    assert!(world.requests().is_empty());
    world.answer("any", &url.secret);
    world.give_public_key(using);
}

#[test]
fn a_nostrconnect_url_is_shown_once_a_relay_would_pass_an_answer_on() {
    let (mut world, using) = offering(&["a", "b", "c"]);
    assert_eq!(shown(&mut world, using), None, "nobody listens yet");
    world.unreachable("a", "refused");
    assert_eq!(shown(&mut world, using), None);
    world.eose("b");
    let url = shown(&mut world, using).unwrap();
    assert_eq!(
        url.relays,
        [relay("b"), relay("a"), relay("c")],
        "the one that listens is first"
    );
    world.eose("c");
    assert_eq!(shown(&mut world, using), None, "one URL is enough");
    // Relays that are lost later may come back before the user is ready.
    for name in ["a", "b", "c"] {
        world.unreachable(name, "gone");
    }
    assert_eq!(world.scene.answered(using), None);
    world.client = Some(url.client);
    world.answer("any", &url.secret);
    world.give_public_key(using);
}

#[test]
fn an_offer_that_no_relay_takes_ends_with_the_reason_of_each() {
    let (mut world, using) = offering(&["a", "b"]);
    world.unreachable("b", "no EOSE in time");
    assert_eq!(world.scene.answered(using), None);
    let (sub, _) = world.sub.clone().unwrap();
    let (relay, reason) = (relay("a"), "restricted: members only".to_owned());
    let closed = RelayMessage::Closed { relay, sub, reason };
    world.scene.input(Input::Connections(closed));
    let Some(Err(SignerError::Disconnected(why))) = world.scene.answered(using) else {
        panic!()
    };
    assert!(
        why.contains("wss://a.example (restricted: members only), wss://b.example (no EOSE in time)"),
        "{why}"
    );
    assert!(world.requests().is_empty());
    assert_eq!(world.closed.len(), 2, "nothing is left open");
}

#[test]
fn an_old_peer_is_spoken_to_in_nip_04_only_after_silence() {
    let mut world = World::new();
    world.old = true;
    let using = world.scene.choose(bunker_url("s"));
    assert!(world.requests().is_empty(), "an old signer cannot read NIP-44");
    world.scene.wait(9_999);
    assert!(world.requests().is_empty());
    world.scene.wait(1);
    let connect = world.request();
    world.accept(using, &connect, "ack");
}

#[test]
fn a_signer_that_speaks_nip_44_is_not_believed_in_nip_04() {
    let mut world = World::connected();
    let (request, asked) = world.ask_to_sign();
    world.old = true;
    world.answer(&asked.id, &signed(&key(USER), &asked.command).to_json());
    assert_eq!(world.scene.answered(request), None);
    world.scene.wait(30_000);
    assert!(world.requests().is_empty(), "nor is it asked in NIP-04");
}

#[test]
fn the_signer_moves_the_session_to_other_relays() {
    let (mut world, using, connect) = World::connecting("s");
    world.accept(using, &connect, "ack");
    let before = world.session().unwrap();
    let switch = world.request();
    world.answer(&switch.id, r#"["wss://b.example","wss://c.example"]"#);
    world.requests();
    assert_eq!(world.sub.as_ref().unwrap().1, [relay("b"), relay("c")]);
    assert_eq!(world.closed, [relay("a")]);
    let after = world.session().unwrap();
    assert_ne!(before, after);
    assert!(after.0.contains("c.example"));
}

#[test]
fn a_session_is_resumed_without_asking_for_anything_but_relays() {
    let (mut world, using, connect) = World::connecting("s");
    world.accept(using, &connect, "ack");
    let session = world.session().unwrap();

    let mut later = World::new();
    let using = later.scene.choose(SignerChoice::Session(session));
    let answer = later.scene.answered(using);
    assert_eq!(answer, Some(Ok(SignerAnswer::PublicKey(key(USER).pubkey()))));
    assert_eq!(later.request().command, Command::SwitchRelays);
    assert_eq!(later.client, world.client);
    let (request, asked) = later.ask_to_sign();
    later.answer(&asked.id, &signed(&key(USER), &asked.command).to_json());
    assert!(matches!(later.scene.answered(request), Some(Ok(_))));
}

#[test]
fn a_silent_signer_delays_nobody_else() {
    let mut world = World::connected();
    let slow = world.scene.ask(sign(1));
    world.scene.input(Input::Parser(ParserToCrypto::Verify {
        request: PARSER,
        claims: vec![],
    }));
    assert_eq!(world.scene.out.checks.len(), 1);
    assert_eq!(world.scene.answered(slow), None);
}

#[test]
fn when_no_relay_takes_a_request_its_asker_is_told_at_once() {
    let (mut world, using, _) = World::connecting("s");
    let event_id = world.last.as_ref().unwrap().id;
    let unsent = |name: &str| RelayMessage::Unsent {
        relay: relay(name),
        event_id,
        reason: "unreachable".into(),
    };
    world.scene.input(Input::Connections(unsent("a")));
    assert_eq!(world.scene.answered(using), None);
    world.scene.input(Input::Connections(unsent("b")));
    assert!(matches!(
        world.scene.answered(using),
        Some(Err(SignerError::Disconnected(_)))
    ));
}

#[test]
fn a_relay_that_says_no_ok_may_still_have_passed_the_request_on() {
    let (mut world, using, _) = World::connecting("s");
    let event_id = world.last.as_ref().unwrap().id;
    for name in ["a", "b"] {
        let relay = relay(name);
        world.scene.input(Input::Connections(RelayMessage::Sent {
            relay: relay.clone(),
            event_id,
        }));
        let reason = "no answer".to_owned();
        world.scene.input(Input::Connections(RelayMessage::Unsent {
            relay,
            event_id,
            reason,
        }));
    }
    assert_eq!(world.scene.answered(using), None);
    world.scene.wait(60_000);
    assert_eq!(world.scene.answered(using), Some(Err(SignerError::TimedOut)));
}

#[test]
fn silence_behind_dead_relays_is_called_a_disconnection() {
    let mut world = World::connected();
    for name in ["a", "b"] {
        world.unreachable(name, "refused");
    }
    let request = world.scene.ask(sign(1));
    world.scene.wait(60_000);
    assert!(matches!(
        world.scene.answered(request),
        Some(Err(SignerError::Disconnected(_)))
    ));
}

#[test]
fn the_sessions_own_relays_are_authenticated_to_by_the_client() {
    let mut world = World::connected();
    for (url, by_client) in [("wss://a.example", true), ("wss://other.example", false)] {
        let mut auth = template(22_242, "");
        auth.tags = vec![vec!["relay".into(), url.into()], vec!["challenge".into(), "c".into()]];
        let op = SignerOp::Call(SignerCall::Sign(auth));
        world
            .scene
            .input(Input::Parser(ParserToCrypto::Ask { request: PARSER, op }));
        let mut told = std::iter::from_fn(|| world.scene.out.parser.pop());
        match told.find(|message| !matches!(message, CryptoToParser::Signer { .. })) {
            Some(CryptoToParser::Answer {
                result: Ok(SignerAnswer::Signed(event)),
                ..
            }) => {
                assert!(by_client);
                assert_eq!(Some(event.pubkey), world.client);
            }
            None => assert!(!by_client, "the user signs for other relays"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn logout_tells_the_signer_and_closes_while_switching_only_closes() {
    for logout in [true, false] {
        let mut world = World::connected();
        match logout {
            true => world
                .scene
                .input(Input::Page(PageToCrypto::Logout { request: RequestId(99) })),
            false => drop(world.scene.use_key(1)),
        }
        let told: Vec<Method> = world
            .requests()
            .iter()
            .map(|request| request.command.method())
            .collect();
        assert_eq!(told, if logout { vec![Method::Logout] } else { vec![] });
        assert_eq!(world.closed, [relay("a"), relay("b")]);
        let (sub, _) = world.sub.clone().unwrap();
        let json = "{}".to_owned();
        world.scene.input(Input::Connections(RelayMessage::Event {
            relay: relay("a"),
            sub,
            json,
        }));
        assert!(world.scene.out.connections.is_empty());
    }
}

#[test]
fn hostile_events_never_trip() {
    let mut world = World::connected();
    let (request, asked) = world.ask_to_sign();
    let good = world.event(BUNKER, &asked.id, Outcome::Result("{}".into())).to_json();
    let mut random = crate::nostr::testing::Random(46);
    let (sub, _) = world.sub.clone().unwrap();
    for _ in 0..300 {
        let (sub, json) = (sub.clone(), random.damaged(&good));
        // A copy that was not damaged would be an answer, and a refused one.
        if json != good {
            world.scene.input(Input::Connections(RelayMessage::Event {
                relay: relay("a"),
                sub,
                json,
            }));
        }
    }
    let answer = world.scene.answered(request);
    // Damage to unsigned white space or unknown members leaves the answer whole.
    assert!(
        matches!(answer, None | Some(Err(SignerError::Refused(_)))),
        "{answer:?}"
    );
}
