//! The crypto role's state machine with the signers that need no relay.

use super::*;
use crate::message::{
    Cipher, ProofClaim, Secret, SignerAnswer, SignerCall, SignerChoice, SignerError, SignerOp, SignerResult, Template,
};
use crate::nostr::event::tests::signed;
use crate::nostr::event::{Pubkey, RawEvent};
use crate::nostr::keys::SecretKey;
use crate::nostr::kind::Kind;
use crate::nostr::nip19::Entity;
use crate::nostr::testing::Random;
use crate::nostr::{nip49, nip59};
use crate::time::UnixSeconds;

pub(in crate::crypto) struct Seeded(pub Random);

impl Entropy for Seeded {
    fn bytes(&mut self) -> [u8; 32] {
        self.0.array()
    }
}

/// The role with a clock moved by hand and a page that numbers its requests.
pub(in crate::crypto) struct Scene {
    pub crypto: Crypto<Seeded>,
    pub out: Outbox,
    pub now: Now,
    request: u64,
}

pub(in crate::crypto) const PARSER: RequestId = RequestId(7);

impl Scene {
    pub fn new() -> Scene {
        Scene {
            crypto: Crypto::new(Seeded(Random(6)), Config::default()),
            out: Outbox::default(),
            now: Now {
                mono: Millis(1_000),
                unix: UnixSeconds(1_700_000_000),
            },
            request: 0,
        }
    }

    pub fn input(&mut self, input: Input) {
        self.crypto.handle(self.now, input, &mut self.out);
    }

    /// Moves the clock, waking the role whenever it wants to be.
    pub fn wait(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        while let Some(at) = self.crypto.next_timeout().filter(|at| *at <= end) {
            self.now.mono = at;
            self.input(Input::Timeout);
        }
        self.now.mono = end;
    }

    pub fn choose(&mut self, choice: SignerChoice) -> RequestId {
        self.request += 1;
        let request = RequestId(self.request);
        self.input(Input::Page(PageToCrypto::Use { request, choice }));
        request
    }

    pub fn ask(&mut self, op: SignerOp) -> RequestId {
        self.request += 1;
        let request = RequestId(self.request);
        self.input(Input::Page(PageToCrypto::Ask { request, op }));
        request
    }

    /// The page's answer to `request`, if it has come; other messages stay.
    pub fn answered(&mut self, request: RequestId) -> Option<SignerResult> {
        let messages: Vec<CryptoToPage> = self.out.page.drain().collect();
        let mut found = None;
        for message in messages {
            match message {
                CryptoToPage::Answer { request: to, result } if to == request => found = Some(result),
                other => self.out.page.push(other),
            }
        }
        found
    }

    pub fn use_key(&mut self, byte: u8) -> Pubkey {
        let request = self.choose(SignerChoice::PrivateKey(secret(&hex(byte))));
        match self.answered(request) {
            Some(Ok(SignerAnswer::PublicKey(pubkey))) => pubkey,
            other => panic!("{other:?}"),
        }
    }

    /// The questions to the extension that have not been taken yet.
    fn asked(&mut self) -> Vec<(CallId, SignerCall)> {
        let messages: Vec<CryptoToPage> = self.out.page.drain().collect();
        let mut asked = Vec::new();
        for message in messages {
            match message {
                CryptoToPage::Extension { call, ask } => asked.push((call, ask)),
                other => self.out.page.push(other),
            }
        }
        asked
    }

    fn extension_says(&mut self, call: CallId, result: SignerResult) {
        self.input(Input::Page(PageToCrypto::Extension { call, result }));
    }

    /// An extension that holds the key of `byte` is in use.
    fn use_extension(&mut self, byte: u8) {
        let request = self.choose(SignerChoice::Extension);
        let (call, _) = self.asked().remove(0);
        self.extension_says(call, Ok(SignerAnswer::PublicKey(key(byte).pubkey())));
        assert!(matches!(self.answered(request), Some(Ok(SignerAnswer::PublicKey(_)))));
    }
}

pub(in crate::crypto) fn secret(text: &str) -> Secret {
    Secret(text.to_owned().into())
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

pub(in crate::crypto) fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32]).unwrap()
}

pub(in crate::crypto) fn template(kind: u16, content: &str) -> Template {
    Template {
        kind: Kind(kind),
        created_at: None,
        tags: Vec::new(),
        content: content.into(),
    }
}

pub(in crate::crypto) fn sign(kind: u16) -> SignerOp {
    SignerOp::Call(SignerCall::Sign(template(kind, "hi")))
}

fn encrypt(cipher: Cipher, peer: Pubkey, plaintext: &str) -> SignerOp {
    SignerOp::Call(SignerCall::Encrypt {
        cipher,
        peer,
        plaintext: secret(plaintext),
    })
}

fn decrypt(cipher: Cipher, peer: Pubkey, ciphertext: &str) -> SignerOp {
    SignerOp::Call(SignerCall::Decrypt {
        cipher,
        peer,
        ciphertext: ciphertext.into(),
    })
}

fn signed_by(byte: u8, template: &Template) -> RawEvent {
    let event = crate::nostr::event::UnsignedEvent {
        pubkey: key(byte).pubkey(),
        created_at: template.created_at.unwrap(),
        kind: template.kind,
        tags: template.tags.clone(),
        content: template.content.clone(),
    };
    key(byte).sign(&event, [1; 32]).unwrap()
}

#[test]
fn a_private_key_signs_what_verifies_and_keeps_the_callers_time() {
    let mut scene = Scene::new();
    let pubkey = scene.use_key(1);
    for (given, dated) in [(None, 1_700_000_000), (Some(UnixSeconds(5)), 5)] {
        let mut template = template(1, "hi");
        template.created_at = given;
        let request = scene.ask(SignerOp::Call(SignerCall::Sign(template)));
        let Some(Ok(SignerAnswer::Signed(event))) = scene.answered(request) else {
            panic!()
        };
        assert_eq!((event.pubkey, event.created_at), (pubkey, UnixSeconds(dated)));
        assert!(event.verify().is_ok());
    }
}

#[test]
fn without_a_signer_and_after_logout_the_error_is_typed() {
    let mut scene = Scene::new();
    let ops = || {
        let peer = key(2).pubkey();
        vec![
            SignerOp::Call(SignerCall::GetPublicKey),
            sign(1),
            encrypt(Cipher::Nip44, peer, "x"),
            SignerOp::Unwrap(signed(1, 1059, 1, &[], "x").into_raw()),
            SignerOp::Wrap(template(14, "x")),
        ]
    };
    for logged_in_before in [false, true] {
        if logged_in_before {
            scene.use_key(1);
            scene.input(Input::Page(PageToCrypto::Logout { request: RequestId(99) }));
            assert_eq!(scene.answered(RequestId(99)), Some(Ok(SignerAnswer::Done)));
        }
        for op in ops() {
            let request = scene.ask(op.clone());
            assert_eq!(scene.answered(request), Some(Err(SignerError::NoSigner)), "{op:?}");
        }
    }
}

#[test]
fn a_choice_that_is_none_is_refused_and_the_old_signer_stays() {
    let mut scene = Scene::new();
    let pubkey = scene.use_key(1);
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for choice in [
        SignerChoice::PrivateKey(secret("")),
        SignerChoice::PrivateKey(secret("nsec1qqqq")),
        SignerChoice::PrivateKey(secret(order)),
        SignerChoice::PublicKey("npub1".into()),
        SignerChoice::EncryptedKey {
            ncryptsec: "ncryptsec1".into(),
            passphrase: secret("x"),
        },
        SignerChoice::Bunker {
            url: secret("bunker://x"),
            client: Default::default(),
        },
        SignerChoice::NostrConnect {
            relays: vec![],
            client: Default::default(),
        },
        SignerChoice::Session(secret("{}")),
    ] {
        let request = scene.choose(choice.clone());
        let answer = scene.answered(request);
        assert!(
            matches!(answer, Some(Err(SignerError::BadInput(_)))),
            "{choice:?}: {answer:?}"
        );
        let request = scene.ask(SignerOp::Call(SignerCall::GetPublicKey));
        assert_eq!(scene.answered(request), Some(Ok(SignerAnswer::PublicKey(pubkey))));
    }
}

#[test]
fn an_ncryptsec_opens_with_its_passphrase_alone() {
    let mut scene = Scene::new();
    let parameters = nip49::Parameters {
        log_n: 4,
        salt: [1; 16],
        nonce: [2; 24],
        security: nip49::KeySecurity::Untracked,
    };
    let ncryptsec = nip49::encrypt(&key(3), "open", &parameters).unwrap();
    let choice = |passphrase: &str| SignerChoice::EncryptedKey {
        ncryptsec: ncryptsec.clone(),
        passphrase: secret(passphrase),
    };
    let request = scene.choose(choice("shut"));
    assert!(matches!(scene.answered(request), Some(Err(SignerError::BadInput(_)))));
    let request = scene.choose(choice("open"));
    let answer = scene.answered(request);
    assert_eq!(answer, Some(Ok(SignerAnswer::PublicKey(key(3).pubkey()))));
}

#[test]
fn a_public_key_reads_and_refuses_the_rest() {
    let mut scene = Scene::new();
    let pubkey = key(1).pubkey();
    let npub = Entity::Npub(pubkey).encode().unwrap();
    for text in [pubkey.to_string(), npub] {
        let request = scene.choose(SignerChoice::PublicKey(text));
        assert_eq!(scene.answered(request), Some(Ok(SignerAnswer::PublicKey(pubkey))));
    }
    for op in [
        sign(1),
        encrypt(Cipher::Nip44, pubkey, "x"),
        decrypt(Cipher::Nip04, pubkey, "x"),
    ] {
        let request = scene.ask(op);
        assert!(matches!(
            scene.answered(request),
            Some(Err(SignerError::Unsupported(_)))
        ));
    }
}

#[test]
fn both_ciphers_go_there_and_back_between_two_keys() {
    for cipher in [Cipher::Nip44, Cipher::Nip04] {
        let mut scene = Scene::new();
        let alice = scene.use_key(1);
        let request = scene.ask(encrypt(cipher, key(2).pubkey(), "h\u{e9}llo"));
        let Some(Ok(SignerAnswer::Text(ciphertext))) = scene.answered(request) else {
            panic!()
        };
        scene.use_key(2);
        let request = scene.ask(decrypt(cipher, alice, &ciphertext.0));
        let answer = scene.answered(request);
        assert_eq!(answer, Some(Ok(SignerAnswer::Text(secret("h\u{e9}llo")))));
        let request = scene.ask(decrypt(cipher, alice, "no ciphertext"));
        assert!(matches!(scene.answered(request), Some(Err(SignerError::BadInput(_)))));
    }
}

#[test]
fn a_message_is_wrapped_for_each_and_opened_by_each() {
    let mut scene = Scene::new();
    let alice = scene.use_key(1);
    let mut message = template(14, "hello both");
    message.tags = [2, 3]
        .map(|byte| vec!["p".to_owned(), key(byte).pubkey().to_string()])
        .into();
    let request = scene.ask(SignerOp::Wrap(message));
    let Some(Ok(SignerAnswer::Wraps(wraps))) = scene.answered(request) else {
        panic!()
    };
    assert_eq!(wraps.len(), 3);
    for (byte, wrap) in [2, 3, 1].into_iter().zip(&wraps) {
        assert_eq!(wrap.tag_value("p"), Some(key(byte).pubkey().to_string().as_str()));
        assert_ne!(wrap.pubkey, alice, "the wrap's key is used once");
        scene.use_key(byte);
        let request = scene.ask(SignerOp::Unwrap(wrap.clone()));
        let Some(Ok(SignerAnswer::Rumor(rumor))) = scene.answered(request) else {
            panic!()
        };
        assert_eq!((rumor.pubkey, rumor.content.as_str()), (alice, "hello both"));
    }
    scene.use_key(4);
    let request = scene.ask(SignerOp::Unwrap(wraps[0].clone()));
    assert!(matches!(scene.answered(request), Some(Err(SignerError::BadInput(_)))));
}

#[test]
fn a_wrap_that_does_not_verify_is_not_opened() {
    let mut scene = Scene::new();
    scene.use_key(1);
    let mut wrap = signed(2, 1059, 1, &[], "x").into_raw();
    wrap.sig.0[5] ^= 1;
    for wrap in [wrap, signed(2, 1, 1, &[], "x").into_raw()] {
        let request = scene.ask(SignerOp::Unwrap(wrap));
        assert!(matches!(scene.answered(request), Some(Err(SignerError::BadInput(_)))));
    }
}

#[test]
fn an_extension_signs_through_the_page_and_what_it_changed_is_refused() {
    let mut scene = Scene::new();
    scene.use_extension(5);
    type Change = fn(&mut RawEvent);
    let changes: [(Option<Change>, bool); 4] = [
        (None, true),
        (Some(|event| event.sig.0[0] ^= 1), false),
        (Some(|event| event.content.push('!')), false),
        (
            Some(|event| {
                *event = signed_by(
                    6,
                    &Template {
                        created_at: Some(event.created_at),
                        ..template(1, "hi")
                    },
                )
            }),
            false,
        ),
    ];
    for (change, good) in changes {
        let request = scene.ask(sign(1));
        let (call, ask) = scene.asked().remove(0);
        let SignerCall::Sign(asked) = ask else { panic!() };
        assert_eq!(asked.created_at, Some(UnixSeconds(1_700_000_000)));
        let mut event = signed_by(5, &asked);
        if let Some(change) = change {
            change(&mut event);
        }
        scene.extension_says(call, Ok(SignerAnswer::Signed(event)));
        match scene.answered(request) {
            Some(Ok(SignerAnswer::Signed(_))) => assert!(good),
            Some(Err(SignerError::Refused(_))) => assert!(!good),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_extension_without_an_answer_times_out_and_a_late_one_is_ignored() {
    let mut scene = Scene::new();
    scene.use_extension(5);
    let slow = scene.ask(encrypt(Cipher::Nip44, key(2).pubkey(), "x"));
    let (call, _) = scene.asked().remove(0);
    scene.wait(29_999);
    assert_eq!(scene.answered(slow), None);
    scene.wait(1);
    assert_eq!(scene.answered(slow), Some(Err(SignerError::TimedOut)));
    scene.extension_says(call, Ok(SignerAnswer::Text(secret("late"))));
    assert!(scene.out.page.is_empty());
    assert_eq!(scene.crypto.next_timeout(), None);
}

#[test]
fn an_extension_that_refuses_or_lacks_a_method_says_so_typed() {
    let mut scene = Scene::new();
    scene.use_extension(5);
    for error in [
        SignerError::Refused("no".into()),
        SignerError::Unsupported("nip44".into()),
    ] {
        let request = scene.ask(encrypt(Cipher::Nip44, key(2).pubkey(), "x"));
        let (call, _) = scene.asked().remove(0);
        scene.extension_says(call, Err(error.clone()));
        assert_eq!(scene.answered(request), Some(Err(error)));
    }
}

#[test]
fn one_waiting_request_blocks_no_other() {
    let mut scene = Scene::new();
    scene.use_extension(5);
    let first = scene.ask(sign(1));
    let second = scene.ask(sign(1));
    let asked = scene.asked();
    let SignerCall::Sign(template) = &asked[1].1 else {
        panic!()
    };
    let event = signed_by(5, template);
    scene.extension_says(asked[1].0, Ok(SignerAnswer::Signed(event)));
    assert!(matches!(scene.answered(second), Some(Ok(_))));
    assert_eq!(scene.answered(first), None);
    // Checks and proofs need no signer.
    scene.input(Input::Parser(ParserToCrypto::Verify {
        request: PARSER,
        claims: vec![],
    }));
    assert_eq!(scene.out.checks.len(), 1);
}

#[test]
fn switching_and_logout_cancel_what_waits() {
    for logout in [false, true] {
        let mut scene = Scene::new();
        scene.use_extension(5);
        let waiting = scene.ask(sign(1));
        scene.input(Input::Parser(ParserToCrypto::Ask {
            request: PARSER,
            op: sign(1),
        }));
        match logout {
            true => scene.input(Input::Page(PageToCrypto::Logout { request: RequestId(99) })),
            false => drop(scene.use_key(1)),
        }
        assert_eq!(scene.answered(waiting), Some(Err(SignerError::Cancelled)));
        let (me, next) = (key(5).pubkey(), (!logout).then(|| key(1).pubkey()));
        let told: Vec<CryptoToParser> = std::iter::from_fn(|| scene.out.parser.pop()).collect();
        assert_eq!(
            told,
            [
                CryptoToParser::Signer { pubkey: Some(me) },
                CryptoToParser::Answer {
                    request: PARSER,
                    result: Err(SignerError::Cancelled)
                },
                CryptoToParser::Signer { pubkey: next },
            ],
            "the parser learns who signs after what became of its questions to the one before"
        );
        assert_eq!(scene.crypto.next_timeout(), None);
    }
}

#[test]
fn a_newer_choice_takes_the_place_of_one_still_being_made() {
    let mut scene = Scene::new();
    let first = scene.choose(SignerChoice::Extension);
    let (call, _) = scene.asked().remove(0);
    let pubkey = scene.use_key(1);
    assert_eq!(scene.answered(first), Some(Err(SignerError::Cancelled)));
    scene.extension_says(call, Ok(SignerAnswer::PublicKey(key(5).pubkey())));
    let request = scene.ask(SignerOp::Call(SignerCall::GetPublicKey));
    assert_eq!(scene.answered(request), Some(Ok(SignerAnswer::PublicKey(pubkey))));
}

#[test]
fn a_missing_extension_leaves_the_signer_before_it() {
    let mut scene = Scene::new();
    let pubkey = scene.use_key(1);
    let request = scene.choose(SignerChoice::Extension);
    let (call, _) = scene.asked().remove(0);
    let error = SignerError::Unsupported("there is no extension".into());
    scene.extension_says(call, Err(error.clone()));
    assert_eq!(scene.answered(request), Some(Err(error)));
    let request = scene.ask(SignerOp::Call(SignerCall::GetPublicKey));
    assert_eq!(scene.answered(request), Some(Ok(SignerAnswer::PublicKey(pubkey))));
}

#[test]
fn requests_beyond_the_limit_are_refused_at_once() {
    let mut scene = Scene::new();
    scene.crypto.config.max_waiting = 2;
    scene.use_extension(5);
    scene.ask(sign(1));
    scene.ask(sign(1));
    let third = scene.ask(sign(1));
    assert!(matches!(scene.answered(third), Some(Err(SignerError::Refused(_)))));
}

#[test]
fn proofs_are_checked_one_by_one_without_a_signer() {
    let file: serde_json::Value = serde_json::from_str(include_str!("../../tests/vectors/nut12.json")).unwrap();
    let vector = &file["proof"];
    let text = |member: &str| vector[member].as_str().unwrap();
    let point = |member: &str| -> [u8; 33] { crate::nostr::hex::decode(text(member)).unwrap() };
    let number = |member: &str| -> [u8; 32] { crate::nostr::hex::decode(text(member)).unwrap() };
    let good = ProofClaim {
        mint_key: point("A"),
        secret: secret(text("secret")),
        signature: point("C"),
        e: number("e"),
        s: number("s"),
        r: Some(number("r")),
    };
    let mut bad = good.clone();
    bad.s[31] ^= 1;
    let mut unknown = good.clone();
    unknown.r = None;
    let mut scene = Scene::new();
    let request = scene.ask(SignerOp::VerifyProofs(vec![bad, good, unknown]));
    let verdicts = SignerAnswer::Verdicts(vec![false, true, false]);
    assert_eq!(scene.answered(request), Some(Ok(verdicts)));
}

#[test]
fn a_seal_is_opened_only_as_its_author() {
    // Mallory seals a rumor that names Alice.
    let rumor = nip59::Rumor::new(crate::nostr::event::UnsignedEvent {
        pubkey: key(1).pubkey(),
        created_at: UnixSeconds(1),
        kind: Kind(14),
        tags: vec![],
        content: "not me".into(),
    });
    let conversation = crate::nostr::nip44::ConversationKey::derive(&key(9), &key(2).pubkey()).unwrap();
    let sealed = crate::nostr::nip44::encrypt(&conversation, [1; 32], &rumor.to_json()).unwrap();
    let seal = nip59::seal_event(key(9).pubkey(), sealed, UnixSeconds(1), None);
    let seal = key(9).sign(&seal, [1; 32]).unwrap();
    let recipient = nip59::Recipient {
        pubkey: key(2).pubkey(),
        relay: None,
    };
    let layer = nip59::Layer {
        created_at: UnixSeconds(1),
        nonce: [3; 32],
        aux: [4; 32],
        expiration: None,
    };
    let wrap = nip59::gift_wrap(&seal, nip59::GIFT_WRAP, &recipient, &key(8), &layer).unwrap();
    let mut scene = Scene::new();
    scene.use_key(2);
    let request = scene.ask(SignerOp::Unwrap(wrap));
    assert!(matches!(scene.answered(request), Some(Err(SignerError::BadInput(_)))));
}
