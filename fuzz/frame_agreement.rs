//! The frame scanner against a reference: `serde_json`'s tree and NIP-01's words, spelled out plainly.
//!
//! Shared by the fuzz target and by `tests/frame_agreement.rs`. The reference must
//! not use anything of the scanner but its limits.

use nostr_ferry::nostr::frame::{FrameError, MAX_DEPTH, MAX_FRAME_BYTES, RelayFrame};
use serde_json::{Value, json};

/// What a text is, in terms that both sides can state.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    TooLong,
    NotJson,
    TooDeep,
    NotAFrame,
    UnknownLabel,
    BadMember,
    /// The label and what the message says, absent members filled in.
    Frame(&'static str, Value),
}

/// Scans `text`, asserts that the reference says the same of it, and returns that.
pub fn check(text: &str) -> Verdict {
    let scanned = scan(text);
    let reference = reference(text);
    // Past the depth limit the scanner reads no further, so it cannot know.
    let unread = scanned == Verdict::TooDeep && reference == Verdict::NotJson;
    assert!(
        unread || scanned == reference,
        "{text:?}\nscanner: {scanned:?}\nreference: {reference:?}"
    );
    reference
}

fn scan(text: &str) -> Verdict {
    let frame = match RelayFrame::scan(text) {
        Ok(frame) => frame,
        Err(error) => return refusal(text, &error),
    };
    match frame {
        RelayFrame::Event { sub, event } => {
            assert_is_third_element(text, event);
            Verdict::Frame("EVENT", json!([sub, serde_json::from_str::<Value>(event).ok()]))
        }
        RelayFrame::Eose { sub } => Verdict::Frame("EOSE", json!([sub])),
        RelayFrame::Ok { id, accepted, reason } => Verdict::Frame("OK", json!([id.to_string(), accepted, reason])),
        RelayFrame::Closed { sub, reason } => Verdict::Frame("CLOSED", json!([sub, reason])),
        RelayFrame::Notice { message } => Verdict::Frame("NOTICE", json!([message])),
        RelayFrame::Auth { challenge } => Verdict::Frame("AUTH", json!([challenge])),
        RelayFrame::Count {
            sub,
            count,
            approximate,
            hll,
        } => {
            let hll = hll.map(|registers| registers.iter().map(|r| format!("{r:02x}")).collect::<String>());
            Verdict::Frame("COUNT", json!([sub, count, approximate, hll]))
        }
    }
}

fn refusal(text: &str, error: &FrameError) -> Verdict {
    let (verdict, at) = match error {
        FrameError::TooLong(length) => (Verdict::TooLong, *length),
        FrameError::NotJson { at, .. } => (Verdict::NotJson, *at),
        FrameError::TooDeep { at } => (Verdict::TooDeep, *at),
        FrameError::NotAFrame => (Verdict::NotAFrame, 0),
        FrameError::UnknownLabel(_) => (Verdict::UnknownLabel, 0),
        FrameError::BadMember { at, .. } => (Verdict::BadMember, *at),
    };
    assert!(text.is_char_boundary(at), "{text:?}: {error}");
    assert!(error.to_string().len() < 500, "{text:?}: {error}");
    verdict
}

/// Cuts `event` out of `text` and asserts that the rest is the same array with only its third element gone.
fn assert_is_third_element(text: &str, event: &str) {
    let start = event.as_ptr() as usize - text.as_ptr() as usize;
    let (before, after) = (text.get(..start), text.get(start + event.len()..));
    let rest = before.zip(after).map(|(before, after)| format!("{before}null{after}"));
    let rest = rest.and_then(|rest| serde_json::from_str::<Value>(&rest).ok());
    let mut whole: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(third) = whole.get_mut(2) {
        *third = Value::Null;
    }
    assert!(rest == Some(whole), "{text:?}: {event:?} is not its third element");
    assert!(event.starts_with('{') && event.ends_with('}'), "{text:?}: {event:?}");
}

fn reference(text: &str) -> Verdict {
    if text.len() > MAX_FRAME_BYTES {
        return Verdict::TooLong;
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Verdict::NotJson;
    };
    if depth(text) > MAX_DEPTH {
        return Verdict::TooDeep;
    }
    let element = |at: usize| value.as_array().and_then(|elements| elements.get(at));
    let Some(label) = element(0).and_then(Value::as_str) else {
        return Verdict::NotAFrame;
    };
    let string = |at: usize| element(at).filter(|value| value.is_string()).cloned();
    let reason = |at: usize| element(at).map_or_else(|| Some(json!("")), |_| string(at));
    let object = |at: usize| element(at).filter(|value| value.is_object()).cloned();
    let frame = match label {
        "EVENT" => string(1)
            .zip(object(2))
            .map(|(sub, event)| ("EVENT", json!([sub, event]))),
        "EOSE" => string(1).map(|sub| ("EOSE", json!([sub]))),
        "OK" => string(1)
            .filter(|id| is_hex(id, 64))
            .zip(element(2).filter(|verdict| verdict.is_boolean()))
            .zip(reason(3))
            .map(|((id, accepted), reason)| ("OK", json!([id, accepted, reason]))),
        "CLOSED" => string(1)
            .zip(reason(2))
            .map(|(sub, reason)| ("CLOSED", json!([sub, reason]))),
        "NOTICE" => string(1).map(|message| ("NOTICE", json!([message]))),
        "AUTH" => string(1).map(|challenge| ("AUTH", json!([challenge]))),
        "COUNT" => string(1)
            .zip(object(2))
            .and_then(|(sub, result)| Some(("COUNT", count(sub, &result)?))),
        _ => return Verdict::UnknownLabel,
    };
    frame.map_or(Verdict::BadMember, |(label, says)| Verdict::Frame(label, says))
}

fn count(sub: Value, result: &Value) -> Option<Value> {
    let count = result.get("count")?.as_u64()?;
    let approximate = result.get("approximate").map_or(Some(false), Value::as_bool)?;
    let hll = result.get("hll").filter(|hll| is_hex(hll, 512));
    Some(json!([sub, count, approximate, hll]))
}

fn is_hex(value: &Value, digits: usize) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

/// How many arrays and objects are inside each other in `text`, which is valid JSON.
///
/// The tree cannot tell: of two members with one name it keeps one.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' => open -= 1,
            _ => {}
        }
    }
    deepest
}
