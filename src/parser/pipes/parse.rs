//! Parse: fills in what the event says; one that cannot be read passes on unparsed.
//!
//! What is encrypted in it has been opened before, or comes with the reason why not.

use crate::message::{Delivery, Reading};
use crate::parser::kinds;
use crate::parser::secrets::Opened;

pub fn run(delivery: &mut Delivery, opened: Option<&Opened>) {
    if delivery.written.is_some() {
        return;
    }
    let (text, lock) = match opened {
        Some(Opened::Text(text)) => (Some(text.0.as_str()), None),
        Some(Opened::Locked(lock)) => (None, Some(*lock)),
        Some(Opened::Unreadable) | None => (None, None),
    };
    let parsed = kinds::parse(&delivery.event, text);
    delivery.reading = parsed.map(|mut parsed| {
        if let Some(Opened::Unreadable) = opened {
            parsed.unreadable();
        }
        Box::new(Reading {
            requests: kinds::requests(&delivery.event, &parsed),
            parsed,
            lock,
            unlocked: false,
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ShardSource;
    use crate::nostr::event::tests::signed;
    use crate::parser::kinds::Parsed;

    #[test]
    fn what_can_be_read_is_read_and_the_rest_passes_on() {
        for (kind, read) in [(1, true), (0, true), (9735, false), (20_001, false)] {
            for source in [ShardSource::Network, ShardSource::Cache] {
                let mut delivery = Delivery {
                    event: signed(1, kind, 1, &[], "hello"),
                    source,
                    relays: Vec::new(),
                    reading: None,
                    written: None,
                };
                run(&mut delivery, None);
                assert_eq!(delivery.reading.is_some(), read, "{kind}");
            }
        }
    }

    #[test]
    fn a_reading_carries_its_requests() {
        let mut delivery = Delivery {
            event: signed(1, 1, 1, &[], "hello"),
            source: ShardSource::Network,
            relays: Vec::new(),
            reading: None,
            written: None,
        };
        run(&mut delivery, None);
        let reading = delivery.reading.unwrap();
        assert!(matches!(reading.parsed, Parsed::Note(_)));
        assert_eq!(reading.requests.len(), 1);
    }
}
