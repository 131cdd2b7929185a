//! What a query makes of tag values that its index cannot tell apart.

use super::bytes::mix;
use super::meta::tag_hash;
use super::testing::*;

/// Two plain texts of 16 bytes with one hash as values of `t`: what the first words differ in, the second words undo.
fn colliding() -> [String; 2] {
    let text = |words: [u64; 2]| String::from_utf8(words.map(u64::to_le_bytes).concat()).unwrap();
    let letter = [1, 0, u64::from(b't')];
    // A part is its length, its whole words, and the rest: none of one letter, all of two words.
    let before = mix(mix(mix(0xcbf2_9ce4_8422_2325, letter[0]), letter[2]), 16);
    let first = u64::from_le_bytes(*b"aaaaaaaa");
    let second = u64::from_le_bytes(*b"@@@@@@@@");
    for n in 0..100_000u64 {
        let other = first ^ (n & 0xf) ^ (n >> 4 & 0xf) << 8 ^ (n >> 8 & 0xf) << 16 ^ (n >> 12) << 24;
        let difference = mix(before, first) ^ mix(before, other);
        if other != first && (difference | other) & 0x8080_8080_8080_8080 == 0 {
            return [text([first, second]), text([other, second ^ difference])];
        }
    }
    panic!("no two values collide")
}

#[test]
fn values_that_share_a_hash_are_told_apart_wherever_they_stand_in_a_list() {
    let [one, two] = colliding();
    assert_ne!(one, two);
    assert_eq!(tag_hash('t', &one), tag_hash('t', &two));
    let mut world = World::new();
    let tagged = |n: u64, value: &str| event(1, 1, n, &[&["t", value]], value);
    world.keep(&[tagged(1, &one), tagged(2, &two), tagged(3, "another")]);
    let ask = |values: &[&String]| serde_json::json!({ "#t": values }).to_string();
    assert_eq!(world.contents(&[&ask(&[&one])]), std::slice::from_ref(&one));
    assert_eq!(world.contents(&[&ask(&[&two])]), std::slice::from_ref(&two));
    for order in [[&one, &two], [&two, &one]] {
        assert_eq!(world.contents(&[&ask(&order)]), [two.clone(), one.clone()]);
    }
}

#[test]
fn an_event_is_found_by_any_value_of_a_long_list() {
    let mut world = World::new();
    let events: Vec<_> = (0..50)
        .map(|n| event(1, 1, n, &[&["e", &format!("{n:064x}")], &["t", "x"]], &n.to_string()))
        .collect();
    world.keep(&events);
    let values: Vec<String> = (0..2_000).rev().step_by(7).map(|n| format!("{n:064x}")).collect();
    let filter = serde_json::json!({ "#e": values, "#t": ["y", "x"] }).to_string();
    let wanted: Vec<String> = (0..50)
        .rev()
        .filter(|n| (1_999 - n) % 7 == 0)
        .map(|n| n.to_string())
        .collect();
    assert_eq!(world.contents(&[&filter]), wanted);
}

#[test]
fn filters_hold_at_their_edges() {
    let mut world = World::new();
    world.keep(&(1..=5).map(note).collect::<Vec<_>>());
    let notes = |world: &mut World, filter: &str| numbers(&world.contents(&[filter]));
    for nothing in [
        r#"{"limit":0}"#,
        r#"{"since":4,"until":3}"#,
        r#"{"since":6}"#,
        r#"{"until":0}"#,
        r#"{"ids":[]}"#,
        r#"{"authors":[]}"#,
        r#"{"kinds":[]}"#,
        r##"{"#t":[]}"##,
        r##"{"kinds":[1],"#t":[]}"##,
    ] {
        assert_eq!(notes(&mut world, nothing), [0; 0], "{nothing}");
    }
    assert_eq!(notes(&mut world, r#"{"since":3,"until":3}"#), [3]);
    assert_eq!(notes(&mut world, r#"{"since":2,"until":4}"#), [4, 3, 2]);
    assert_eq!(notes(&mut world, r#"{"limit":4294967295}"#), [5, 4, 3, 2, 1]);
    // A filter that matches nothing takes nothing from its neighbour.
    assert_eq!(numbers(&world.contents(&[r#"{"limit":0}"#, r#"{"limit":2}"#])), [5, 4]);
}

#[test]
fn a_thousand_values_of_any_member_are_each_looked_for() {
    let mut world = World::new();
    let tagged = |n: u64| event(1, n as u16, n, &[&["t", &n.to_string()]], &format!("note {n}"));
    world.keep(&[tagged(6_000), tagged(6_999), tagged(7_000)]);
    let values: Vec<u64> = (6_000..7_000).rev().collect();
    let texts: Vec<String> = values.iter().map(u64::to_string).collect();
    let ids: Vec<String> = values.iter().map(|n| tagged(*n).id.to_string()).collect();
    for filter in [
        serde_json::json!({ "kinds": values }),
        serde_json::json!({ "#t": texts }),
        serde_json::json!({ "ids": ids }),
    ] {
        assert_eq!(numbers(&world.contents(&[&filter.to_string()])), [6_999, 6_000]);
    }
}
