//! Relays that want to know who reads (NIP-42), through the whole engine: without a signer, and when one comes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod world;

use nostr_ferry::message::*;
use nostr_ferry::nostr::filter::Filter;
use world::engine::{Setup, World, url};
use world::relay::{AuthRule, Manners, ScriptedRelay, signed_event};

#[test]
fn a_stranger_is_refused_at_once_and_served_after_signing_in_for_two_hundred_seeds() {
    for seed in 0..200 {
        let mut relay = ScriptedRelay::new(Manners {
            auth: AuthRule::Required,
            ..Manners::default()
        });
        relay.store((0..3).map(|at| signed_event(1, 1, 1_000 + at, &[], "private").into_raw()));
        let mut world = World::new(Setup {
            seed,
            relays: vec![("private", relay)],
            ..Setup::default()
        });
        let subscribe = Subscribe {
            filters: vec![Filter::default()],
            relays: vec![url("private")],
            ..Subscribe::default()
        };
        world.subscribe("s", subscribe);
        let messages = world.read("s");
        let relay = url("private");
        let reason = "auth-required: no signer is set: choose one with nostr.signer".to_owned();
        assert!(
            messages.contains(&ParserToPage::Closed { relay, reason }),
            "seed {seed}: {messages:?}"
        );
        assert_eq!(
            messages.last(),
            Some(&ParserToPage::EoseAll),
            "seed {seed}: {messages:?}"
        );

        let choice = SignerChoice::PrivateKey(Secret(zeroize::Zeroizing::new("01".repeat(32))));
        let request = RequestId(1);
        let CryptoToPage::Answer {
            result: Ok(SignerAnswer::PublicKey(pubkey)),
            ..
        } = world.sign(PageToCrypto::Use { request, choice })
        else {
            panic!("no signer");
        };
        world
            .connections
            .try_send(PageToConnections::SignedIn { pubkey })
            .unwrap();
        world.drive();
        let messages = world.read("s");
        let events = messages
            .iter()
            .filter(|message| matches!(message, ParserToPage::Event(_)));
        assert_eq!(events.count(), 3, "seed {seed}: {messages:?}");
        assert_eq!(world.status("private").state, RelayState::Open, "seed {seed}");
    }
}
