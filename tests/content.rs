//! The content scanner against a table of notes, and against random ones.

// The lints' exemption for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../fuzz/content_blocks.rs"]
#[allow(dead_code, reason = "the fuzz target has a way in of its own")]
mod content_blocks;

use bech32::{Bech32, Hrp};
use content_blocks::assert_whole;
use nostr_ferry::nostr::event::Tag;
use nostr_ferry::nostr::nip19::Entity;
use nostr_ferry::parser::content::{Block, BlockKind, Media, SECRET_MASK, imeta::MediaType, parse};

const NPUB: &str = "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6";
const NPROFILE: &str = "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p";
const NEVENT: &str = "nevent1qqstna2yrezu5wghjvswqqculvvwxsrcvu7uc0f78gan4xqhvz49d9spr3mhxue69uhkummnw3ez6un9d3shjtn4de6x2argwghx6egpr4mhxue69uhkummnw3ez6ur4vgh8wetvd3hhyer9wghxuet5nxnepm";
const NADDR: &str = "naddr1qqzkjurnw4ksz9thwden5te0wfjkccte9ehx7um5wghx7un8qgs2d90kkcq3nk2jry62dyf50k0h36rhpdtd594my40w9pkal876jxgrqsqqqa28pccpzu";
const NSEC: &str = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";
const COFFEE: &str = "lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpuaztrnwngzn3kdzw5hydlzf03qdgm2hdq27cqv3agm2awhz5se903vruatfhq77w3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspfj9srp";
const DONATION: &str = "lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq8rkx3yf5tcsyz3d73gafnh3cax9rn449d9p5uxz9ezhhypd0elx87sjle52x86fux2ypatgddc6k63n7erqz25le42c4u4ecky03ylcqca784w";
const TOKEN_A: &str = "cashuAeyJ0b2tlbiI6W3sibWludCI6Imh0dHBzOi8vODMzMy5zcGFjZTozMzM4IiwicHJvb2ZzIjpbeyJhbW91bnQiOjIsImlkIjoiMDA5YTFmMjkzMjUzZTQxZSIsInNlY3JldCI6IjQwNzkxNWJjMjEyYmU2MWE3N2UzZTZkMmFlYjRjNzI3OTgwYmRhNTFjZDA2YTZhZmMyOWUyODYxNzY4YTc4MzciLCJDIjoiMDJiYzkwOTc5OTdkODFhZmIyY2M3MzQ2YjVlNDM0NWE5MzQ2YmQyYTUwNmViNzk1ODU5OGE3MmYwY2Y4NTE2M2VhIn0seyJhbW91bnQiOjgsImlkIjoiMDA5YTFmMjkzMjUzZTQxZSIsInNlY3JldCI6ImZlMTUxMDkzMTRlNjFkNzc1NmIwZjhlZTBmMjNhNjI0YWNhYTNmNGUwNDJmNjE0MzNjNzI4YzcwNTdiOTMxYmUiLCJDIjoiMDI5ZThlNTA1MGI4OTBhN2Q2YzA5NjhkYjE2YmMxZDVkNWZhMDQwZWExZGUyODRmNmVjNjlkNjEyOTlmNjcxMDU5In1dfV0sInVuaXQiOiJzYXQiLCJtZW1vIjoiVGhhbmsgeW91LiJ9";
const TOKEN_B: &str = "cashuBo2F0gqJhaUgA_9SLj17PgGFwgaNhYQFhc3hAYWNjMTI0MzVlN2I4NDg0YzNjZjE4NTAxNDkyMThhZjkwZjcxNmE1MmJmNGE1ZWQzNDdlNDhlY2MxM2Y3NzM4OGFjWCECRFODGd5IXVW-07KaZCvuWHk3WrnnpiDhHki6SCQh88-iYWlIAK0mjE0fWCZhcIKjYWECYXN4QDEzMjNkM2Q0NzA3YTU4YWQyZTIzYWRhNGU5ZjFmNDlmNWE1YjRhYzdiNzA4ZWIwZDYxZjczOGY0ODMwN2U4ZWVhY1ghAjRWqhENhLSsdHrr2Cw7AFrKUL9Ffr1XN6RBT6w659lNo2FhAWFzeEA1NmJjYmNiYjdjYzY0MDZiM2ZhNWQ1N2QyMTc0ZjRlZmY4YjQ0MDJiMTc2OTI2ZDNhNTdkM2MzZGNiYjU5ZDU3YWNYIQJzEpxXGeWZN5qXSmJjY8MzxWyvwObQGr5G1YCCgHicY2FtdWh0dHA6Ly9sb2NhbGhvc3Q6MzMzOGF1Y3NhdA";
const HASH: &str = "b2e0a7a82ac9f3f3a71f1d9a78c381d5be9d1cf19dce258765c17c8a76287c93";

fn note() -> String {
    bech32::encode::<Bech32>(Hrp::parse("note").unwrap(), &[7; 32]).unwrap()
}

/// What the table's constants stand for; a longer name before one it begins with.
fn constants() -> Vec<(&'static str, String)> {
    vec![
        ("$UPPER_NPUB", NPUB.to_uppercase()),
        ("$UPPER_NSEC", NSEC.to_uppercase()),
        ("$UPPER_COFFEE", COFFEE.to_uppercase()),
        ("$BAD_NPUB", NPUB.replace("h6w6", "h6w7")),
        ("$BAD_NEVENT", NEVENT.replace("nepm", "nepq")),
        ("$BAD_NSEC", NSEC.replace("lfe5", "lfe")),
        ("$NPUB", NPUB.into()),
        ("$NPROFILE", NPROFILE.into()),
        ("$NEVENT", NEVENT.into()),
        ("$NADDR", NADDR.into()),
        ("$NOTE", note()),
        ("$NSEC", NSEC.into()),
        ("$COFFEE", COFFEE.into()),
        ("$DONATION", DONATION.into()),
        ("$TOKEN_A", TOKEN_A.into()),
        ("$TOKEN_B", TOKEN_B.into()),
        ("$HASH", HASH.into()),
    ]
}

fn tags() -> Vec<Tag> {
    let tag = |values: &[&str]| values.iter().map(|v| v.to_string()).collect();
    vec![
        tag(&[
            "emoji",
            "soapbox",
            "https://gleasonator.com/emoji/Gleasonator/soapbox.png",
        ]),
        tag(&["emoji", "blob-cat_2", "https://e.example/b.png"]),
        tag(&["emoji", "bad url", "https://e.example/c.png"]),
        tag(&["emoji", "badurl", "javascript:alert(1)"]),
        tag(&["imeta", "url https://media.example/1", "m image/jpeg", "dim 3024x4032"]),
        tag(&["imeta", "url https://media.example/2", "m video/mp4"]),
        tag(&["imeta", "url https://media.example/3", "m audio/mpeg"]),
        tag(&["imeta", "url https://media.example/4", "alt what is it"]),
        tag(&["imeta", "url https://media.example/5.png", "m video/mp4"]),
    ]
}

fn unescape(line: &str) -> String {
    let mut line = line.to_owned();
    for (name, value) in constants() {
        line = line.replace(name, &value);
    }
    let mut out = String::new();
    let mut rest = line.as_str();
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let escape = rest.chars().next().unwrap();
        rest = &rest[1..];
        match escape {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            's' => out.push(' '),
            'u' => {
                let end = rest.find('}').unwrap();
                out.push(char::from_u32(u32::from_str_radix(&rest[1..end], 16).unwrap()).unwrap());
                rest = &rest[end + 1..];
            }
            other => out.push(other),
        }
    }
    out + rest
}

fn strip_marks(marked: &str) -> String {
    let mut out = String::new();
    for (index, piece) in marked.split('⟦').enumerate() {
        if index == 0 {
            out.push_str(piece);
            continue;
        }
        let (_, piece) = piece.split_once(' ').unwrap();
        out.push_str(&piece.replacen('⟧', "", 1));
    }
    out
}

fn marked(text: &str, blocks: &[Block]) -> String {
    let mut out = String::new();
    for block in blocks {
        let source = block.source(text);
        let label = match &block.kind {
            BlockKind::Text => {
                out.push_str(source);
                continue;
            }
            BlockKind::Code(code) => {
                assert!(source.contains(&code.code));
                let name = if code.fenced { "fence" } else { "code" };
                code.language
                    .as_ref()
                    .map_or(name.into(), |language| format!("{name}:{language}"))
            }
            BlockKind::Link { url } => {
                assert_eq!(url, source);
                "link".into()
            }
            BlockKind::Media(media) => {
                assert_eq!(media.url, source);
                media_label(media).into()
            }
            BlockKind::MediaGrid { items } => format!("grid:{}", items.len()),
            BlockKind::Hashtag { tag } => {
                assert_eq!(*tag, source[1..].to_lowercase());
                "tag".into()
            }
            BlockKind::Nostr(Entity::Npub(_) | Entity::Nprofile(_)) => "profile".into(),
            BlockKind::Nostr(Entity::Note(_) | Entity::Nevent(_)) => "event".into(),
            BlockKind::Nostr(Entity::Naddr(_)) => "address".into(),
            BlockKind::Secret => "secret".into(),
            BlockKind::Emoji { shortcode, .. } => {
                assert_eq!(format!(":{shortcode}:"), source);
                "emoji".into()
            }
            BlockKind::Cashu(token) => format!("cashu:{}", token.amount),
            BlockKind::Invoice {
                amount_msat: Some(msat),
                ..
            } => format!("invoice:{msat}"),
            BlockKind::Invoice { amount_msat: None, .. } => "invoice".into(),
            BlockKind::Relay { .. } => "relay".into(),
        };
        out.push_str(&format!("⟦{label} {source}⟧"));
    }
    out
}

fn media_label(media: &Media) -> &'static str {
    match media.media_type {
        Some(MediaType::Image) => "image",
        Some(MediaType::Video) => "video",
        Some(MediaType::Audio) => "audio",
        None => "media",
    }
}

#[test]
fn every_note_of_the_table_is_split_as_a_person_would() {
    let cases: Vec<&str> = include_str!("content_cases.txt")
        .lines()
        .filter(|line| !line.is_empty() && (!line.starts_with("## ") || *line == "## heading"))
        .collect();
    assert!(cases.len() >= 300, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let expected = unescape(case);
        let text = strip_marks(&expected);
        let content = parse(&text, &tags());
        assert_whole(&text, &content);
        let got = marked(&text, &content.blocks);
        if got != expected {
            wrong.push(format!("want {expected:?}\n got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A small generator (splitmix64): the same numbers from the same seed, everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

#[test]
fn a_million_nasty_notes_are_given_back_byte_for_byte() {
    let seed = 0xF3E2_2A11;
    let note = note();
    let pieces = [
        "`",
        "``",
        "```",
        "\n",
        "\r\n",
        " ",
        "\t",
        "#",
        "#a",
        "_",
        "-",
        ".",
        ",",
        ":",
        ";",
        "!",
        "?",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "\"",
        "'",
        "*",
        "|",
        "http://",
        "https://",
        "a.bc",
        "/",
        "//",
        "@",
        "%",
        "=",
        "&",
        "example.com",
        "x.jpg",
        ".mp4",
        ":80",
        "[::1]",
        "wss://",
        "ws://",
        "nostr:",
        "npub1",
        "nsec1",
        NPUB,
        NSEC,
        &note,
        NEVENT,
        "lnbc",
        "lightning:",
        "cashuA",
        "cashu:",
        ":soapbox:",
        "https://media.example/1",
        "a",
        "Z",
        "9",
        "é",
        "ß",
        "İ",
        "日",
        "\u{301}",
        "\u{94d}",
        "\u{200d}",
        "👨‍👩‍👧",
        "🇧🇷",
        "\u{0}",
        "\u{feff}",
        "\u{2028}",
        "￼",
        "，",
        "。",
        "⟦",
    ];
    let tags = [&tags()[..1], &tags()[4..5]].concat();
    let mut random = Random(seed);
    for round in 0..1_000_000 {
        let mut text = String::new();
        for _ in 0..=random.below(12) {
            text.push_str(pieces[random.below(pieces.len())]);
        }
        let content = parse(&text, &tags);
        assert_whole(&text, &content);
        let shown: String = content
            .blocks
            .iter()
            .filter(|block| block.kind != BlockKind::Secret)
            .map(|block| block.source(&text))
            .collect();
        assert!(!shown.contains(NSEC), "seed {seed:#x}, round {round}: {text:?}");
    }
}

#[test]
fn a_secret_key_is_masked_in_any_text() {
    let text = format!("a {NSEC}, b");
    assert_eq!(nostr_ferry::parser::content::mask(&text), format!("a {SECRET_MASK}, b"));
    assert_eq!(nostr_ferry::parser::content::mask("nsec1 is short"), "nsec1 is short");
}

fn shortened(text: &str) -> Option<String> {
    let content = parse(text, &tags());
    assert_whole(text, &content);
    content
        .shortened
        .map(|blocks| blocks.iter().map(|block| block.source(text)).collect())
}

#[test]
fn what_fits_is_not_shortened() {
    for text in [
        String::new(),
        "x".repeat(500),
        "x\n".repeat(9) + "x",
        ["https://e.example/a.jpg"; 3].join("\n"),
        format!("nostr:{NEVENT} {}", "x".repeat(498)),
        format!("nostr:{NPUB} ").repeat(40),
        "👨‍👩‍👧".repeat(100),
        format!("{COFFEE} {TOKEN_A}"),
    ] {
        assert_eq!(shortened(&text), None, "{text}");
    }
}

#[test]
fn a_long_text_is_cut_between_graphemes() {
    assert_eq!(shortened(&"x".repeat(501)), Some("x".repeat(500)));
    assert_eq!(
        shortened(&format!("{}e\u{301}", "x".repeat(499))),
        Some("x".repeat(499))
    );
    // Five scalar values a family: a hundred fit, and none is torn.
    assert_eq!(shortened(&"👨‍👩‍👧".repeat(101)), Some("👨‍👩‍👧".repeat(100)));
    assert_eq!(shortened(&format!("{}\r\nx", "x".repeat(499))), Some("x".repeat(499)));
    assert_eq!(shortened(&format!("e{}", "\u{301}".repeat(600))), Some(String::new()));
}

#[test]
fn lines_media_and_quotes_are_counted_and_what_follows_is_left_out() {
    assert_eq!(shortened(&"x\n".repeat(11)), Some("x\n".repeat(9) + "x"));
    let media = ["https://e.example/a.jpg"; 5].join("\n");
    assert_eq!(shortened(&media), Some(["https://e.example/a.jpg"; 3].join("\n")));
    assert_eq!(
        shortened(&format!("a\nnostr:{NEVENT}\nb\nnostr:{NEVENT}\nc")),
        Some(format!("a\nnostr:{NEVENT}\nb\n"))
    );
    assert_eq!(
        shortened(&format!("nostr:{NADDR} {}", note())),
        Some(format!("nostr:{NADDR}"))
    );
    let grid = parse(&media, &[]).shortened.unwrap();
    assert!(matches!(&grid[..], [Block { kind: BlockKind::MediaGrid { items }, .. }] if items.len() == 3));
}

#[test]
fn an_address_or_a_hashtag_is_not_torn_but_code_may_be() {
    let long = format!("{} https://example.com/{}", "x".repeat(490), "y".repeat(20));
    assert_eq!(shortened(&long), Some("x".repeat(490) + " "));
    assert_eq!(
        shortened(&format!("{} #tagtagtagtag", "x".repeat(490))),
        Some("x".repeat(490) + " ")
    );
    let text = format!("```rust\n{}\n```", "y\n".repeat(40));
    let blocks = parse(&text, &[]).shortened.unwrap();
    assert!(
        matches!(&blocks[..], [Block { kind: BlockKind::Code(code), .. }] if code.code == "y\n".repeat(8) + "y" && code.language.as_deref() == Some("rust"))
    );
}

#[test]
fn media_take_what_their_imeta_tag_says() {
    let content = parse("https://media.example/1", &tags());
    let BlockKind::Media(media) = &content.blocks[0].kind else {
        panic!("{content:?}")
    };
    assert_eq!(
        (media.width, media.height, media.mime.as_deref()),
        (Some(3024), Some(4032), Some("image/jpeg"))
    );
}

#[test]
fn a_token_and_a_relay_are_read() {
    let text = format!("cashu:{TOKEN_A} WSS://Relay.Example.com:443/");
    let content = parse(&text, &[]);
    let [
        Block {
            kind: BlockKind::Cashu(token),
            ..
        },
        _,
        Block {
            kind: BlockKind::Relay { url },
            ..
        },
    ] = &content.blocks[..]
    else {
        panic!("{content:?}")
    };
    assert_eq!((token.token.as_str(), token.unit.as_deref()), (TOKEN_A, Some("sat")));
    assert_eq!(url, "wss://relay.example.com");
}
