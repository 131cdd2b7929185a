//! A short run of the fuzz targets' checks on damaged samples, the same from the same seed.
//!
//! `make fuzz` runs each target on whatever it can think of.

// The lints' exemption for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../fuzz/content_blocks.rs"]
mod content_blocks;
#[path = "../fuzz/event_json.rs"]
mod event_json;
#[path = "../fuzz/kind_readers.rs"]
mod kind_readers;
#[path = "../fuzz/wire_readers.rs"]
mod wire_readers;

use std::collections::{BTreeMap, BTreeSet};

use nostr_ferry::message::*;
use nostr_ferry::nostr::event::{EventId, Pubkey};
use nostr_ferry::nostr::filter::Filter;
use nostr_ferry::nostr::frame::ClientFrame;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::nostr::relay_url::RelayUrl;
use nostr_ferry::time::UnixSeconds;
use nostr_ferry::wire::Wire;

/// A small generator (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Changes, cuts or repeats a part or a few of `bytes`.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => bytes.extend_from_within(at..),
                2 => bytes[at] ^= 1 << self.below(8),
                3 => bytes[at] = bytes[at].wrapping_add(4),
                4 => bytes[at] = 0xff,
                5 => {
                    bytes.remove(at);
                }
                6 => bytes.insert(at, self.below(256) as u8),
                _ => bytes[at] = self.below(16) as u8,
            }
        }
    }

    fn damage_text(&mut self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        self.damage(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

const ID: &str = "5b4fc7fed15672fefe65d2426f67197b71ccc82aa0cc8a9e94f683eb78e07651";

#[test]
fn damaged_events_are_read_as_their_json_says_or_refused() {
    let sig = ID.repeat(2);
    let samples = [
        format!(
            r#"{{"id":"{ID}","pubkey":"{ID}","created_at":1,"kind":1,"tags":[["e","{ID}",""],[]],"content":"a\n\u00e9\ud83d\ude00","sig":"{sig}"}}"#
        ),
        format!(
            r#" {{ "x" : {{"id":"1"}}, "sig":"{sig}", "content":"\"id\":","kind":65535,"tags":[],"created_at":18446744073709551615,"pubkey":"{ID}","id" : "{ID}" }} "#
        ),
    ];
    let mut random = Random(1);
    let mut taken = 0;
    for _ in 0..60_000 {
        let text = random.pick(&samples);
        taken += usize::from(event_json::check(&random.damage_text(&text)));
    }
    assert!((10_000..50_000).contains(&taken), "{taken}");
}

#[test]
fn damaged_texts_with_tags_are_given_back_whole() {
    let samples = [
        "emoji\tblob\thttps://e.example/b.png\nimeta\turl https://e.example/1\tm image/jpeg\n\nhi :blob: https://e.example/1 #tag",
        "\n\n# Title\n\n- a *b* [c](https://e.example) `d`\n\n```rust\nlet x = 1;\n```\n> q\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
        "\n\nnostr:npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6 lightning:lnbc1 cashuAe30",
        "t\ta\n\nnsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5 `nsec1` [[https://a.bc/(x)]",
    ];
    let mut random = Random(2);
    let mut blocks = BTreeSet::new();
    for _ in 0..20_000 {
        let text = random.pick(&samples);
        let content = content_blocks::check(&random.damage_text(text));
        blocks.extend(
            content
                .blocks
                .iter()
                .map(|block| std::mem::discriminant(&block.kind))
                .map(|kind| format!("{kind:?}")),
        );
    }
    assert!(blocks.len() >= 7, "{blocks:?}");
}

#[test]
fn every_kind_is_read_or_refused_whatever_its_tags_say() {
    let proof = r#"{"amount":1,"id":"005c2502034d4f12","secret":"s","C":"0241d98a8197ef238a192d47edf191a9de78b657308937b4f7dd0aa53beae72c46","dleq":{"e":"aa","s":"bb","r":"cc"}}"#;
    let names = [
        "e",
        "E",
        "p",
        "P",
        "a",
        "A",
        "q",
        "k",
        "K",
        "i",
        "I",
        "t",
        "d",
        "r",
        "u",
        "L",
        "l",
        "title",
        "name",
        "summary",
        "image",
        "imeta",
        "emoji",
        "relay",
        "mint",
        "proof",
        "unit",
        "amount",
        "bolt11",
        "preimage",
        "description",
        "option",
        "response",
        "polltype",
        "endsAt",
        "starts",
        "ends",
        "status",
        "streaming",
        "content-warning",
        "word",
        "subject",
        "file-type",
        "expiration",
        "pubkey",
        "alt",
        "published_at",
        "pinned",
        "current_participants",
    ];
    let values = [
        ID.to_owned(),
        "".to_owned(),
        "1".to_owned(),
        "-1".to_owned(),
        "18446744073709551616".to_owned(),
        format!("30023:{ID}:d:e"),
        "wss://relay.example/".to_owned(),
        "https://e.example/a.jpg".to_owned(),
        "url https://e.example/a.mp4".to_owned(),
        "dim 10x20".to_owned(),
        "root".to_owned(),
        "reply".to_owned(),
        "mention".to_owned(),
        "web".to_owned(),
        "live".to_owned(),
        "singlechoice".to_owned(),
        "sat".to_owned(),
        proof.to_owned(),
        "lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpuaztrnwngzn3kdzw5hydlzf03qdgm2hdq27cqv3agm2awhz5se903vruatfhq77w3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspfj9srp".to_owned(),
        format!(r#"{{"id":"{ID}","pubkey":"{ID}","created_at":1,"kind":9734,"tags":[["p","{ID}"],["relays","wss://r.example"]],"content":"","sig":"{ID}{ID}"}}"#),
    ];
    let whole = format!(
        "e\t{ID}\t\troot\np\t{ID}\nk\t1\nr\thttps://e.example\nE\t{ID}\nK\t1\na\t30311:{ID}:d\nresponse\tone\noption\tone\tOne\n\
         proof\t{proof}\nu\thttps://m.example\nimeta\turl https://e.example/a.jpg\nbolt11\t{}\ndescription\t{}\n",
        values[18], values[19]
    );
    let contents = [
        String::new(),
        "+".to_owned(),
        ":blob:".to_owned(),
        format!("hello nostr:npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6 {ID}"),
        r#"{"name":"a","bot":"true","birthday":{"year":1}}"#.to_owned(),
        r#""{\"name\":1}""#.to_owned(),
        "TJob1dQrf2ndsmdbeGU+0w==?iv=S3rFeFr1gsYqmQA7bNnNTQ==".to_owned(),
        format!("x\0[[\"p\",\"{ID}\"],[\"mint\",\"https://m\"],[\"privkey\",\"{ID}\"],[\"direction\",\"in\"]]"),
        format!("x\0{{\"mint\":\"https://m\",\"proofs\":[{proof}],\"del\":[\"{ID}\"]}}"),
        format!(
            "x\0{{\"pubkey\":\"{ID}\",\"created_at\":1,\"kind\":14,\"tags\":[[\"p\",\"{ID}\"]],\"content\":\"hi\"}}"
        ),
    ];
    let mut random = Random(3);
    let mut read = BTreeMap::<u16, usize>::new();
    for _ in 0..15_000 {
        let mut input = vec![random.next() as u8];
        // Few random tags make what a kind cannot do without, so half of the events begin with that.
        if random.below(2) == 0 {
            input.extend_from_slice(whole.as_bytes());
        }
        for _ in 0..random.below(7) {
            input.extend_from_slice(random.pick(&names).as_bytes());
            for _ in 0..random.below(5) {
                input.push(b'\t');
                input.extend_from_slice(random.pick(&values).as_bytes());
            }
            input.push(b'\n');
        }
        input.push(b'\n');
        input.extend_from_slice(random.pick(&contents).as_bytes());
        random.damage(&mut input);
        let (kind, was_read) = kind_readers::check(&input);
        *read.entry(kind).or_default() += usize::from(was_read);
    }
    let unread: Vec<u16> = kind_readers::KINDS
        .into_iter()
        .filter(|kind| read.get(kind).is_none_or(|n| *n == 0))
        .collect();
    // 2 and 20001 have no reader, and 14 and 15 come sealed alone.
    assert_eq!(unread, [2, 14, 15, 20_001], "{read:?}");
}

#[test]
fn damaged_messages_are_read_or_refused_and_written_the_same() {
    let (sub, relay) = (
        SubId::new("s").unwrap(),
        RelayUrl::parse("wss://relay.example").unwrap(),
    );
    let filter = Filter {
        ids: Some(vec![EventId([1; 32])]),
        authors: Some(vec![Pubkey([2; 32])]),
        kinds: Some(vec![Kind(1), Kind(7)]),
        tags: [('e', vec![ID.to_owned()])].into(),
        since: Some(UnixSeconds(1)),
        ..Filter::default()
    };
    let template = Template {
        kind: Kind(1),
        created_at: None,
        tags: vec![vec!["e".into(), ID.into()], vec![]],
        content: "hello".into(),
    };
    let pipeline = vec![
        PipeSpec::Mute(Muted {
            words: vec!["spam".into()],
            ..Muted::default()
        }),
        PipeSpec::NpubLimiter {
            kind: Kind(1),
            limit: 2,
            max_npubs: 3,
        },
        PipeSpec::Counter {
            kinds: vec![Kind(1)],
            pubkey: Some(Pubkey([3; 32])),
        },
    ];
    let subscribe = Subscribe {
        filters: vec![filter.clone()],
        relays: vec![relay.clone()],
        pipeline,
        ..Subscribe::default()
    };
    let frames = vec![ClientFrame::Close { sub: sub.clone() }];
    let samples = [
        PageToParser::Subscribe {
            sub: sub.clone(),
            subscribe,
        }
        .encode(),
        PageToParser::Publish {
            publish: PublishId(1),
            template: template.clone(),
            relays: vec![relay.clone()],
            private_tags: None,
            event: None,
        }
        .encode(),
        ParserToCache::Lookup {
            sub: sub.clone(),
            filters: vec![filter],
            relays: vec![relay.clone()],
            policy: CachePolicy::CacheOnly,
            max_relays: None,
            asked: Vec::new(),
        }
        .encode(),
        ParserToCrypto::Ask {
            request: RequestId(1),
            op: SignerOp::Call(SignerCall::Sign(template)),
        }
        .encode(),
        RelayMessage::Event {
            relay: relay.clone(),
            sub,
            json: "{}".into(),
        }
        .encode(),
        ParserToConnections::Misbehaved {
            relay: relay.clone(),
            fault: RelayFault::Forged,
        }
        .encode(),
        Envelope {
            relays: vec![relay],
            frames,
        }
        .encode(),
        CryptoToParser::Verdicts {
            request: RequestId(1),
            good: vec![true, false],
        }
        .encode(),
    ];
    let mut random = Random(4);
    let mut taken = 0;
    for _ in 0..40_000 {
        let mut bytes = random.pick(&samples);
        random.damage(&mut bytes);
        taken += usize::from(wire_readers::check(&bytes) > 0);
    }
    assert!((10_000..39_000).contains(&taken), "{taken}");
}
