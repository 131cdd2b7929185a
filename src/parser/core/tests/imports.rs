//! What the cache has checked for imports: after everything else, and for the cache that asked.

use super::*;
use crate::message::Claim;

/// What the cache asks for an import: so many claims, under its own number.
fn import_check(number: u64, claims: usize) -> Input {
    let event = signed(9, 1, number, &[], "imported");
    let claim = Claim {
        id: event.id,
        pubkey: event.pubkey,
        sig: event.sig,
    };
    let (request, claims) = (RequestId(number), vec![claim; claims]);
    Input::Cache(CacheToParser::Check { request, claims })
}

/// The sizes of the batches that the crypto role is asked for.
fn asked(scene: &mut Scene) -> Vec<(RequestId, usize)> {
    let batches = scene.out.crypto.drain().map(|request| match request {
        ParserToCrypto::Verify { request, claims } => (request, claims.len()),
        other => panic!("{other:?}"),
    });
    batches.collect()
}

fn answer(scene: &mut Scene, (request, claims): (RequestId, usize)) {
    let good = vec![true; claims];
    scene.input(Input::Crypto(CryptoToParser::Verdicts { request, good }));
}

fn is_checked(message: &ParserToCache, number: u64, claims: usize) -> bool {
    matches!(message, ParserToCache::Checked { request, good } if request.0 == number && good.len() == claims)
}

#[test]
fn what_is_imported_is_checked_under_a_number_of_the_parsers_and_answered_under_the_caches() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    scene.out.cache.clear();
    // The number of a check of the parser's own.
    scene.event("a", "s", note("live"));
    scene.input(import_check(1, 3));
    scene.input(import_check(2, 4));
    let batches = asked(&mut scene);
    assert_eq!(batches.iter().map(|(_, claims)| *claims).collect::<Vec<_>>(), [1, 3, 4]);
    for batch in [batches[2], batches[1], batches[0]] {
        answer(&mut scene, batch);
    }
    let told = Vec::from_iter(scene.out.cache.drain());
    assert!(is_checked(&told[0], 2, 4) && is_checked(&told[1], 1, 3), "{told:?}");
    assert!(matches!(told[2], ParserToCache::Save { .. }) && told.len() == 3);
    assert_eq!(scene.contents("s"), ["live"]);
    answer(&mut scene, batches[1]);
    assert!(scene.out.cache.is_empty(), "it was answered twice");
}

#[test]
fn what_is_imported_waits_for_its_check_while_anything_else_does() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    // Two batches are on their way, and the third event waits for one of them.
    for n in 0..3 {
        scene.event("a", "s", note(&format!("live {n}")));
    }
    let live = asked(&mut scene);
    assert_eq!(live.len(), 2);
    scene.input(import_check(1, 3));
    assert!(scene.out.crypto.is_empty());
    answer(&mut scene, live[0]);
    let batches = asked(&mut scene);
    assert_eq!(batches.iter().map(|(_, claims)| *claims).collect::<Vec<_>>(), [1, 3]);
    // What comes later does not wait for what is imported.
    scene.input(import_check(2, 3));
    answer(&mut scene, live[1]);
    scene.event("a", "s", note("live 3"));
    assert_eq!(
        asked(&mut scene).iter().map(|(_, claims)| *claims).collect::<Vec<_>>(),
        [3, 1]
    );
}

#[test]
fn a_new_cache_hears_no_verdicts_on_what_the_last_one_asked() {
    let mut scene = Scene::new();
    scene.subscribe("s", notes());
    for n in 0..3 {
        scene.event("a", "s", note(&format!("live {n}")));
    }
    let live = asked(&mut scene);
    // One is asked for before, one is not even asked for.
    answer(&mut scene, live[0]);
    let third = asked(&mut scene)[0];
    scene.input(import_check(1, 3));
    let imported = asked(&mut scene)[0];
    scene.event("a", "s", note("live 3"));
    scene.input(import_check(2, 3));
    scene.input(Input::Replaced(Role::Cache));
    answer(&mut scene, imported);
    answer(&mut scene, third);
    answer(&mut scene, live[1]);
    let is_verdict = |message: &ParserToCache| matches!(message, ParserToCache::Checked { .. });
    assert!(!scene.out.cache.drain().any(|message| is_verdict(&message)));
    assert!(asked(&mut scene).iter().all(|(_, claims)| *claims == 1));
}
