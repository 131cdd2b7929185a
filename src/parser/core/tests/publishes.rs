//! What is signed: publishes, followed to the last relay, and answers to challenges (NIP-42).

use super::*;
use crate::message::{PublishStatus, SignerAnswer, SignerCall, SignerError, SignerOp, Template};
use crate::nostr::event::tests::signed;
use crate::nostr::kind::Kind;

#[test]
fn a_publish_is_signed_checked_saved_and_followed_to_the_last_relay() {
    let mut scene = Scene::new();
    let template = Template {
        kind: Kind(1),
        created_at: None,
        tags: Vec::new(),
        content: "hi".into(),
    };
    let publish = PublishId(1);
    scene.input(Input::Page(PageToParser::Publish {
        publish,
        template,
        private_tags: None,
        relays: vec![relay("mine")],
        event: None,
    }));
    let Some(ParserToCrypto::Ask { request, .. }) = scene.out.crypto.pop() else {
        panic!()
    };
    let event = signed(1, 1, 100, &[], "hi");
    scene.input(Input::Crypto(CryptoToParser::Answer {
        request,
        result: Ok(SignerAnswer::Signed(event.clone().into_raw())),
    }));
    assert!(
        scene.out.cache.is_empty(),
        "the engine's own signature is checked like any other"
    );
    scene.check();
    assert_eq!(
        scene.out.cache.pop(),
        Some(ParserToCache::Publish {
            publish,
            event: event.clone(),
            relays: vec![relay("mine")]
        })
    );
    scene.input(Input::Cache(CacheToParser::Routed {
        publish,
        relays: vec![relay("mine")],
    }));
    scene.input(Input::Connections(RelayMessage::Sent {
        relay: relay("mine"),
        event_id: event.id,
    }));
    let reason = "rate-limited: slow down".to_owned();
    let ok = RelayMessage::Ok {
        relay: relay("mine"),
        event_id: event.id,
        accepted: false,
        reason: reason.clone(),
    };
    scene.input(Input::Connections(ok.clone()));
    let statuses: Vec<_> = scene
        .out
        .page
        .drain()
        .map(|report| match report {
            ParserReport::Publish { status, .. } => status,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        statuses,
        [
            PublishStatus::Signed { event },
            PublishStatus::Queued {
                relays: vec![relay("mine")]
            },
            PublishStatus::Sent { relay: relay("mine") },
            PublishStatus::Rejected {
                relay: relay("mine"),
                reason
            },
            PublishStatus::Complete,
        ]
    );
    scene.input(Input::Connections(ok));
    assert!(scene.out.page.is_empty(), "a late OK says nothing");
}

#[test]
fn a_publish_without_a_signer_fails_and_sends_nothing() {
    let mut scene = Scene::new();
    let template = Template {
        kind: Kind(1),
        created_at: None,
        tags: Vec::new(),
        content: "hi".into(),
    };
    scene.input(Input::Page(PageToParser::Publish {
        publish: PublishId(1),
        template,
        private_tags: None,
        relays: Vec::new(),
        event: None,
    }));
    let Some(ParserToCrypto::Ask { request, .. }) = scene.out.crypto.pop() else {
        panic!()
    };
    scene.input(Input::Crypto(CryptoToParser::Answer {
        request,
        result: Err(SignerError::NoSigner),
    }));
    let failed = PublishStatus::Failed {
        error: SignerError::NoSigner,
    };
    assert_eq!(
        scene.out.page.drain().collect::<Vec<_>>(),
        [ParserReport::Publish {
            publish: PublishId(1),
            recipient: None,
            status: failed
        }]
    );
    assert!(scene.out.cache.is_empty());
}

#[test]
fn a_template_that_cannot_be_valid_is_not_even_signed() {
    let mut scene = Scene::new();
    let template = Template {
        kind: Kind(9321),
        created_at: None,
        tags: Vec::new(),
        content: String::new(),
    };
    scene.input(Input::Page(PageToParser::Publish {
        publish: PublishId(1),
        template,
        private_tags: None,
        relays: Vec::new(),
        event: None,
    }));
    assert!(scene.out.crypto.is_empty() && scene.out.cache.is_empty());
    let Some(ParserReport::Publish {
        status: PublishStatus::Failed {
            error: SignerError::BadInput(wrong),
        },
        ..
    }) = scene.out.page.pop()
    else {
        panic!()
    };
    assert!(wrong.contains("`proof`"), "{wrong}");
}

#[test]
fn a_zap_request_is_handed_back_signed_and_goes_nowhere() {
    let mut scene = Scene::new();
    let recipient = "a".repeat(64);
    let tags: &[&[&str]] = &[&["p", &recipient], &["relays", "wss://r.example"]];
    let event = signed(1, 9734, 100, tags, "");
    let template = Template {
        kind: Kind(9734),
        created_at: None,
        tags: event.tags.clone(),
        content: String::new(),
    };
    scene.input(Input::Page(PageToParser::Publish {
        publish: PublishId(1),
        template,
        private_tags: None,
        relays: vec![relay("mine")],
        event: None,
    }));
    let Some(ParserToCrypto::Ask { request, .. }) = scene.out.crypto.pop() else {
        panic!()
    };
    scene.input(Input::Crypto(CryptoToParser::Answer {
        request,
        result: Ok(SignerAnswer::Signed(event.clone().into_raw())),
    }));
    scene.check();
    assert!(scene.out.cache.is_empty());
    let report = |status| ParserReport::Publish {
        publish: PublishId(1),
        recipient: None,
        status,
    };
    assert_eq!(
        scene.out.page.drain().collect::<Vec<_>>(),
        [report(PublishStatus::Signed { event }), report(PublishStatus::Complete)]
    );
}

#[test]
fn a_challenge_is_answered_with_a_checked_kind_22242() {
    let mut scene = Scene::new();
    scene.input(Input::Connections(RelayMessage::Auth {
        relay: relay("a"),
        challenge: "c".into(),
    }));
    let Some(ParserToCrypto::Ask {
        request,
        op: SignerOp::Call(SignerCall::Sign(template)),
    }) = scene.out.crypto.pop()
    else {
        panic!()
    };
    assert_eq!((template.kind, template.tags.len()), (Kind::AUTH, 2));
    let event = signed(1, 22242, 100, &[&["relay", "wss://a.example"], &["challenge", "c"]], "");
    scene.input(Input::Crypto(CryptoToParser::Answer {
        request,
        result: Ok(SignerAnswer::Signed(event.clone().into_raw())),
    }));
    scene.check();
    let authenticate = ParserToConnections::Authenticate {
        relay: relay("a"),
        event,
    };
    assert!(scene.out.connections.drain().any(|message| message == authenticate));
}
