//! Kinds 1018 and 1068: polls and answers to them (NIP-88).

use super::tags::{self, EventRef};
use crate::nostr::event::RawEvent;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::{self, Content};
use crate::time::UnixSeconds;

/// A poll.
#[derive(Clone, Debug, PartialEq)]
pub struct Poll {
    /// The question, as blocks of the event's content.
    pub label: Content,
    pub options: Vec<PollOption>,
    /// Absent where an unknown type is given.
    pub poll_type: Option<PollType>,
    /// Where answers are to be published.
    pub relays: Vec<RelayUrl>,
    pub ends_at: Option<UnixSeconds>,
}

/// One answer to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollOption {
    pub id: String,
    pub label: String,
}

/// How many answers a person may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollType {
    /// The first choice counts.
    SingleChoice,
    MultipleChoice,
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollResponse {
    pub poll: EventRef,
    /// Ids of options, each once, in order; in a poll of a single choice the first counts.
    pub choices: Vec<String>,
}

/// `None` without an option.
pub(super) fn parse(event: &RawEvent) -> Option<Poll> {
    let options = tags::all(&event.tags, "option", |tag| {
        let (id, label) = (tags::value(tag, 1)?, tags::value(tag, 2)?);
        id.chars().all(char::is_alphanumeric).then(|| PollOption {
            id: id.to_owned(),
            label: label.to_owned(),
        })
    });
    if options.is_empty() {
        return None;
    }
    Some(Poll {
        label: content::parse(&event.content, &event.tags),
        options,
        poll_type: match tags::text(&event.tags, "polltype").as_deref() {
            None | Some("singlechoice") => Some(PollType::SingleChoice),
            Some("multiplechoice") => Some(PollType::MultipleChoice),
            Some(_) => None,
        },
        relays: tags::relays(&event.tags, "relay"),
        ends_at: tags::number(&event.tags, "endsAt").map(UnixSeconds),
    })
}

/// `None` without a poll.
pub(super) fn parse_response(event: &RawEvent) -> Option<PollResponse> {
    Some(PollResponse {
        poll: tags::first(&event.tags, "e", EventRef::from_tag)?,
        choices: tags::texts(&event.tags, "response"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn a_poll_is_read_and_its_type_defaults_to_one_choice() {
        let tags: &[&[&str]] = &[
            &["option", "qj518h583", "Yay"],
            &["option", "gga6cdnqj", "Nay"],
            &["option", "no label"],
            &["option", "a-b", "x"],
            &["relay", "wss://R.example"],
            &["relay", "x"],
            &["endsAt", "1720097117"],
        ];
        let read = |more: &[&[&str]]| parse(&signed(1, 1068, 1, &[tags, more].concat(), "Pineapple on pizza")).unwrap();
        let poll = read(&[]);
        let option = |id: &str, label: &str| PollOption {
            id: id.into(),
            label: label.into(),
        };
        assert_eq!(poll.options, [option("qj518h583", "Yay"), option("gga6cdnqj", "Nay")]);
        assert_eq!(
            (poll.poll_type, poll.relays.len(), poll.ends_at),
            (Some(PollType::SingleChoice), 1, Some(UnixSeconds(1_720_097_117)))
        );
        assert_eq!(poll.label.blocks.len(), 1);
        assert_eq!(
            read(&[&["polltype", "multiplechoice"]]).poll_type,
            Some(PollType::MultipleChoice)
        );
        assert_eq!(
            read(&[&["polltype", "singlechoice"]]).poll_type,
            Some(PollType::SingleChoice)
        );
        assert_eq!(read(&[&["polltype", "ranked"]]).poll_type, None);
        assert_eq!(parse(&signed(1, 1068, 1, &[&["endsAt", "x"]], "?")), None);
    }

    #[test]
    fn an_answer_names_its_poll_and_each_choice_once() {
        let id = "1fc80cf813f1af33d5a435862b7ef7fb96b47e68a48f1abcadf8081f5a545550";
        let tags: &[&[&str]] = &[
            &["e", id],
            &["response", "gga6cdnqj"],
            &["response", "m3agjsdq1"],
            &["response", "gga6cdnqj"],
            &["response"],
        ];
        let response = parse_response(&signed(1, 1018, 1, tags, "")).unwrap();
        assert_eq!(
            (response.poll.id.to_string().as_str(), response.choices),
            (id, vec!["gga6cdnqj".to_owned(), "m3agjsdq1".into()])
        );
        assert_eq!(parse_response(&signed(1, 1018, 1, &[&["response", "x"]], "")), None);
    }
}
