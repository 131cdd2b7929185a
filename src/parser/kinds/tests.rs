//! The dispatch, and events no honest client would make.

use super::*;
use crate::nostr::event::tests::signed;
use crate::nostr::event::{EventId, Pubkey, Signature, Tag};
use crate::nostr::kind::Kind;
use crate::nostr::testing::Random;
use crate::time::UnixSeconds;

#[test]
fn a_kind_without_a_parser_and_a_message_outside_its_seal_are_none() {
    for kind in [2, 8, 14, 15, 40, 1063, 9999, 20_001, 22_242, 40_000] {
        assert_eq!(
            parse(&signed(1, kind, 1, &[&["p", &"a".repeat(64)]], "x"), Some("x")),
            None,
            "{kind}"
        );
    }
}

#[test]
fn the_ranges_fall_to_lists_and_to_addressable_events() {
    for (kind, is_list) in [
        (10_000, true),
        (10_050, true),
        (30_000, true),
        (39_089, true),
        (30_001, true),
        (30_009, false),
        (30_078, false),
        (39_999, false),
    ] {
        let parsed = parse(&signed(1, kind, 1, &[], ""), None);
        match is_list {
            true => assert!(matches!(parsed, Some(Parsed::List(_))), "{kind}"),
            false => assert!(matches!(parsed, Some(Parsed::Addressable(_))), "{kind}"),
        }
    }
}

fn pick<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    from[random.below(from.len())]
}

const KINDS: [u16; 34] = [
    0, 1, 3, 4, 5, 6, 7, 13, 16, 17, 20, 21, 22, 1018, 1059, 1068, 1111, 1311, 7374, 7375, 7376, 9321, 9734, 9735,
    10_000, 10_002, 10_019, 17_375, 30_000, 30_023, 30_024, 30_063, 30_311, 31_990,
];
const NAMES: [&str; 47] = [
    "e",
    "p",
    "a",
    "q",
    "E",
    "P",
    "A",
    "I",
    "K",
    "i",
    "k",
    "r",
    "t",
    "d",
    "emoji",
    "imeta",
    "relay",
    "relays",
    "word",
    "title",
    "image",
    "summary",
    "starts",
    "ends",
    "status",
    "amount",
    "bolt11",
    "description",
    "preimage",
    "lnurl",
    "proof",
    "u",
    "unit",
    "mint",
    "pubkey",
    "option",
    "response",
    "polltype",
    "endsAt",
    "pinned",
    "expiration",
    "published_at",
    "content-warning",
    "dim",
    "privkey",
    "direction",
    "",
];
const VALUES: [&str; 34] = [
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "30023:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:x",
    "wss://r.example",
    "wss://",
    "https://e.example/a.jpg",
    "javascript:alert(1)",
    "reply",
    "root",
    "read",
    "live",
    "multiplechoice",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "0",
    "1",
    "65536",
    "",
    " ",
    "é\u{301}👨‍👩‍👧",
    "\u{0}\u{feff}",
    "{}",
    "[]",
    "{\"amount\":18446744073709551615,\"id\":\"00\",\"secret\":\"[\\\"P2PK\\\",{}]\",\"C\":\"00\"}",
    "url https://e.example/x",
    "dim 4294967296x0",
    "duration NaN",
    "m video/mp4",
    "lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq8rkx3yf5tcsyz3d73gafnh3cax9rn449d9p5uxz9ezhhypd0elx87sjle52x86fux2ypatgddc6k63n7erqz25le42c4u4ecky03ylcqca784w",
    "{\"pubkey\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"created_at\":1,\"kind\":14,\"tags\":[],\"content\":\"x\"}",
    "[[\"privkey\",\"x\"],[],[\"e\"]]",
    "TJob1dQrf2ndsmdbeGU+0w==?iv=S3rFeFr1gsYqmQA7bNnNTQ==",
    "# a\n> *b* [c](https://d.example) nostr:npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6 `e`",
];

#[test]
fn random_events_of_every_kind_are_read_without_a_panic() {
    let mut random = Random(0x5EED);
    let mut parsed_count = 0;
    for _ in 0..60_000 {
        let tags: Vec<Tag> = (0..random.below(8))
            .map(|_| {
                (0..random.below(6))
                    .map(|at| pick(&mut random, if at == 0 { &NAMES } else { &VALUES }).to_owned())
                    .collect()
            })
            .collect();
        let content: String = (0..random.below(3)).map(|_| pick(&mut random, &VALUES)).collect();
        let event = RawEvent {
            id: EventId([1; 32]),
            pubkey: Pubkey([0xaa; 32]),
            created_at: UnixSeconds(1),
            kind: Kind(KINDS[random.below(KINDS.len())]),
            tags,
            content,
            sig: Signature([0; 64]),
        };
        let decrypted = [None, Some(pick(&mut random, &VALUES))][random.below(2)];
        if let Some(parsed) = super::read(&event, decrypted) {
            parsed_count += 1;
            assert!(requests(&event, &parsed).len() <= 50);
        }
    }
    // Most lack nothing that their kind needs.
    assert!(parsed_count > 20_000, "{parsed_count}");
}

#[test]
fn mutated_json_is_read_without_a_panic() {
    let samples = VALUES
        .map(str::to_owned)
        .into_iter()
        .filter(|value| value.len() > 20)
        .collect::<Vec<_>>();
    let mut random = Random(0xF0E);
    for _ in 0..20_000 {
        let mut bytes = samples[random.below(samples.len())].clone().into_bytes();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = random.below(256) as u8,
                1 => bytes.truncate(at + 1),
                _ => bytes.insert(at, b"\"[]{}:,\\`#*_"[random.below(12)]),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let kind = KINDS[random.below(KINDS.len())];
        let event = RawEvent {
            id: EventId([1; 32]),
            pubkey: Pubkey([0xaa; 32]),
            created_at: UnixSeconds(1),
            kind: Kind(kind),
            tags: vec![
                vec!["p".into(), "a".repeat(64)],
                vec!["description".into(), text.clone()],
                vec!["bolt11".into(), text.clone()],
            ],
            content: text.clone(),
            sig: Signature([0; 64]),
        };
        let parsed = super::read(&event, Some(&text));
        assert!(parsed.is_none_or(|parsed| requests(&event, &parsed).len() <= 50));
    }
}
