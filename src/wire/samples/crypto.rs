//! Samples of what passes to and from the crypto role.

use zeroize::Zeroizing;

use super::Samples;
use super::values::*;
use crate::message::*;
use crate::nostr::event::{Pubkey, UnsignedEvent};
use crate::nostr::kind::Kind;
use crate::nostr::nip59::Rumor;
use crate::time::UnixSeconds;

fn secret(text: &str) -> Secret {
    Secret(Zeroizing::new(text.into()))
}

fn signer_calls() -> Vec<SignerCall> {
    let peer = Pubkey([3; 32]);
    let mut calls = vec![
        SignerCall::GetPublicKey,
        SignerCall::Encrypt {
            cipher: Cipher::Nip44,
            peer,
            plaintext: secret("h\u{e9}llo"),
        },
        SignerCall::Encrypt {
            cipher: Cipher::Nip04,
            peer,
            plaintext: secret(""),
        },
        SignerCall::Decrypt {
            cipher: Cipher::Nip04,
            peer,
            ciphertext: "AA==?iv=AA==".into(),
        },
    ];
    calls.extend(templates().map(SignerCall::Sign));
    calls
}

fn signer_ops() -> Vec<SignerOp> {
    let proof = |r| ProofClaim {
        mint_key: [2; 33],
        secret: secret("s"),
        signature: [3; 33],
        e: [4; 32],
        s: [5; 32],
        r,
    };
    let mut ops: Vec<SignerOp> = signer_calls().into_iter().map(SignerOp::Call).collect();
    ops.push(SignerOp::Unwrap(raw()));
    ops.extend(templates().map(SignerOp::Wrap));
    ops.push(SignerOp::VerifyProofs(vec![]));
    ops.push(SignerOp::VerifyProofs(vec![proof(None), proof(Some([6; 32]))]));
    ops
}

fn signer_results() -> Vec<SignerResult> {
    let rumor = Rumor::new(UnsignedEvent {
        pubkey: Pubkey([9; 32]),
        created_at: UnixSeconds(1),
        kind: Kind(14),
        tags: tags(&[&["p", "x"]]),
        content: "h\u{e9}\"".into(),
    });
    let answers = [
        SignerAnswer::PublicKey(Pubkey([9; 32])),
        SignerAnswer::Signed(raw()),
        SignerAnswer::Text(secret("")),
        SignerAnswer::Text(secret("text")),
        SignerAnswer::Rumor(rumor),
        SignerAnswer::Wraps(vec![]),
        SignerAnswer::Wraps(vec![raw(), raw()]),
        SignerAnswer::Verdicts(vec![true, false]),
        SignerAnswer::Done,
    ];
    let errors = signer_errors().map(Err);
    answers.into_iter().map(Ok).chain(errors).collect()
}

fn signer_choices() -> Vec<SignerChoice> {
    let client = SignerClient {
        permissions: "sign_event:1".into(),
        name: "Ferry".into(),
        url: "https://app.example".into(),
        image: String::new(),
    };
    vec![
        SignerChoice::PrivateKey(secret("nsec1")),
        SignerChoice::PrivateKey(secret("")),
        SignerChoice::EncryptedKey {
            ncryptsec: "ncryptsec1".into(),
            passphrase: secret("p"),
        },
        SignerChoice::PublicKey("npub1".into()),
        SignerChoice::Extension,
        SignerChoice::Bunker {
            url: secret("bunker://"),
            client: SignerClient::default(),
        },
        SignerChoice::NostrConnect {
            relays: relays(),
            client,
        },
        SignerChoice::Session(secret("{}")),
    ]
}

impl Samples for PageToCrypto {
    fn small() -> Vec<Self> {
        let request = REQUEST;
        let mut messages = vec![PageToCrypto::Logout { request: RequestId(0) }];
        messages.extend(
            signer_choices()
                .into_iter()
                .map(|choice| PageToCrypto::Use { request, choice }),
        );
        messages.extend(signer_ops().into_iter().map(|op| PageToCrypto::Ask { request, op }));
        let call = CallId(5);
        messages.extend(
            signer_results()
                .into_iter()
                .map(|result| PageToCrypto::Extension { call, result }),
        );
        messages
    }

    fn large() -> Vec<Self> {
        vec![PageToCrypto::Ask {
            request: REQUEST,
            op: SignerOp::Call(SignerCall::Sign(large_template())),
        }]
    }
}

impl Samples for CryptoToPage {
    fn small() -> Vec<Self> {
        let request = REQUEST;
        let mut messages = vec![
            CryptoToPage::AuthUrl {
                url: "https://signer.example/confirm".into(),
            },
            CryptoToPage::ConnectUrl {
                request,
                url: secret("nostrconnect://"),
            },
            CryptoToPage::Session { session: secret("{}") },
        ];
        messages.extend(
            signer_results()
                .into_iter()
                .map(|result| CryptoToPage::Answer { request, result }),
        );
        let call = CallId(u64::MAX);
        messages.extend(
            signer_calls()
                .into_iter()
                .map(|ask| CryptoToPage::Extension { call, ask }),
        );
        messages
    }
}

impl Samples for ParserToCrypto {
    fn small() -> Vec<Self> {
        let mut messages = vec![
            ParserToCrypto::Verify {
                request: REQUEST,
                claims: claims(3),
            },
            ParserToCrypto::Verify {
                request: RequestId(0),
                claims: vec![],
            },
        ];
        messages.extend(
            signer_ops()
                .into_iter()
                .map(|op| ParserToCrypto::Ask { request: REQUEST, op }),
        );
        messages
    }

    fn large() -> Vec<Self> {
        let claims = claims(250).repeat(4);
        vec![ParserToCrypto::Verify {
            request: REQUEST,
            claims,
        }]
    }
}

impl Samples for CryptoToParser {
    fn small() -> Vec<Self> {
        let mut messages = vec![
            CryptoToParser::Verdicts {
                request: REQUEST,
                good: vec![true, false, true],
            },
            CryptoToParser::Verdicts {
                request: RequestId(0),
                good: vec![],
            },
        ];
        let request = REQUEST;
        messages.extend(
            signer_results()
                .into_iter()
                .map(|result| CryptoToParser::Answer { request, result }),
        );
        messages.extend([None, Some(Pubkey([7; 32]))].map(|pubkey| CryptoToParser::Signer { pubkey }));
        messages
    }

    fn large() -> Vec<Self> {
        let event = large_event().into_raw();
        vec![
            CryptoToParser::Verdicts {
                request: REQUEST,
                good: vec![true; 1_000],
            },
            CryptoToParser::Answer {
                request: REQUEST,
                result: Ok(SignerAnswer::Signed(event)),
            },
        ]
    }
}
