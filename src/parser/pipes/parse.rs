//! Parse: fills in what the event says; one that cannot be read passes on unparsed.

use crate::message::{Delivery, Reading};
use crate::parser::kinds;

pub fn run(delivery: &mut Delivery) {
    let parsed = kinds::parse(&delivery.event, None);
    delivery.reading = parsed.map(|parsed| {
        let requests = kinds::requests(&delivery.event, &parsed);
        Box::new(Reading { parsed, requests })
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
                };
                run(&mut delivery);
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
        };
        run(&mut delivery);
        let reading = delivery.reading.unwrap();
        assert!(matches!(reading.parsed, Parsed::Note(_)));
        assert_eq!(reading.requests.len(), 1);
    }
}
