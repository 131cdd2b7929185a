//! Kind 0: a person's profile (NIP-01, NIP-24).

use serde_json::{Map, Value};

use super::tags;
use crate::nostr::event::RawEvent;

/// A profile. A field that is missing, empty, null or no text is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub about: Option<String>,
    pub picture: Option<String>,
    pub banner: Option<String>,
    pub website: Option<String>,
    pub nip05: Option<String>,
    pub lud06: Option<String>,
    pub lud16: Option<String>,
    /// Its content is made by a machine, entirely or in part.
    pub bot: Option<bool>,
    pub birthday: Option<Birthday>,
    pub github: Option<String>,
    pub twitter: Option<String>,
    pub mastodon: Option<String>,
    pub pubkey: Option<String>,
}

/// A date of which any part may be unsaid (NIP-24).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Birthday {
    pub year: Option<u16>,
    /// 1 to 12.
    pub month: Option<u8>,
    /// 1 to 31.
    pub day: Option<u8>,
}

/// Reads a profile; content that is no JSON object gives an empty one.
pub(super) fn parse(event: &RawEvent) -> Profile {
    let Some(object) = object(&event.content) else {
        return Profile::default();
    };
    let field = |name: &str| object.get(name).and_then(text);
    let link = |name: &str| field(name).filter(|url| !tags::runs(url));
    Profile {
        name: field("name"),
        display_name: field("display_name"),
        about: field("about"),
        picture: link("picture"),
        banner: link("banner"),
        website: link("website"),
        nip05: field("nip05"),
        lud06: field("lud06"),
        lud16: field("lud16"),
        bot: object.get("bot").and_then(truth),
        birthday: object.get("birthday").and_then(birthday),
        github: field("github"),
        twitter: field("twitter"),
        mastodon: field("mastodon"),
        pubkey: field("pubkey"),
    }
}

/// Some clients encode the object twice, as a string of JSON.
fn object(json: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(json).ok()? {
        Value::Object(object) => Some(object),
        Value::String(inner) => serde_json::from_str(&inner).ok(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => match number.as_u64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        _ => None,
    }
}

fn birthday(value: &Value) -> Option<Birthday> {
    let part = |name: &str| {
        let part = value.get(name)?;
        part.as_u64().or_else(|| tags::digits(part.as_str()?))
    };
    let birthday = Birthday {
        year: part("year").and_then(|year| year.try_into().ok()),
        month: part("month")
            .and_then(|month| month.try_into().ok())
            .filter(|month| (1..=12).contains(month)),
        day: part("day")
            .and_then(|day| day.try_into().ok())
            .filter(|day| (1..=31).contains(day)),
    };
    (birthday != Birthday::default()).then_some(birthday)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    fn read(content: &str) -> Profile {
        parse(&signed(1, 0, 1, &[], content))
    }

    #[test]
    fn every_field_of_a_good_profile_is_read() {
        let some = |text: &str| Some(text.to_owned());
        let content = r#"{"name":"jack","display_name":"Jack 🌊","about":"gm\nhi","picture":"https://e.example/p.jpg",
            "banner":"https://e.example/b.jpg","website":"https://e.example","nip05":"_@e.example","lud06":"lnurl1x",
            "lud16":"jack@e.example","bot":false,"birthday":{"year":1990,"month":2,"day":29},"github":"jack",
            "twitter":"jack","mastodon":"jack@m.example","pubkey":"npub1x","displayName":"old","username":"old"}"#;
        let profile = Profile {
            name: some("jack"),
            display_name: some("Jack 🌊"),
            about: some("gm\nhi"),
            picture: some("https://e.example/p.jpg"),
            banner: some("https://e.example/b.jpg"),
            website: some("https://e.example"),
            nip05: some("_@e.example"),
            lud06: some("lnurl1x"),
            lud16: some("jack@e.example"),
            bot: Some(false),
            birthday: Some(Birthday {
                year: Some(1990),
                month: Some(2),
                day: Some(29),
            }),
            github: some("jack"),
            twitter: some("jack"),
            mastodon: some("jack@m.example"),
            pubkey: some("npub1x"),
        };
        assert_eq!(read(content), profile);
        assert_eq!(read(&serde_json::to_string(content).unwrap()), profile);
    }

    #[test]
    fn odd_values_are_taken_as_what_they_can_only_mean() {
        let odd = read(
            r#"{"name":21,"about":null,"picture":"","website":true,"nip05":[],"lud16":{},"bot":"true","birthday":{"year":"1990","month":13}}"#,
        );
        assert_eq!(
            odd,
            Profile {
                name: Some("21".into()),
                website: Some("true".into()),
                bot: Some(true),
                birthday: Some(Birthday {
                    year: Some(1990),
                    month: None,
                    day: None
                }),
                ..Profile::default()
            }
        );
        assert_eq!(read(r#"{"bot":1}"#).bot, Some(true));
        assert_eq!(read(r#"{"bot":"maybe","birthday":"1990-01-01"}"#), Profile::default());
        assert_eq!(read(r#"{"birthday":{"year":99999,"day":0}}"#), Profile::default());
    }

    #[test]
    fn bad_json_gives_an_empty_profile() {
        for bad in [
            "",
            "{",
            "[]",
            "null",
            "\"\"",
            "\"{\"",
            "{\"name\":\"x\"",
            &"[".repeat(100_000),
        ] {
            assert_eq!(read(bad), Profile::default(), "{}", &bad[..bad.len().min(20)]);
        }
    }
}
