//! Pipelines: the steps a verified event goes through for one subscription.
//!
//! The same for cached and for live events. One pipe, one file.

mod counter;
mod kind_filter;
mod mute;
mod npub_limiter;
mod parse;
mod proof_verification;
mod save_to_db;

use self::counter::Counter;
use self::mute::Mute;
use self::npub_limiter::NpubLimiter;
use self::proof_verification::ProofVerification;
use crate::message::{CountResponse, Delivery, ParserToCache, PipeSpec};
use crate::nostr::event::Event;
use crate::nostr::kind::Kind;
use crate::parser::proofs::Found;
use crate::parser::secrets::Opened;
use crate::router::Backlog;

/// A subscription's ordered pipes.
#[derive(Debug)]
pub struct Pipeline {
    pipes: Vec<Pipe>,
}

#[derive(Debug)]
enum Pipe {
    Parse,
    SaveToDb,
    SerializeEvents,
    KindFilter(Vec<Kind>),
    Mute(Mute),
    NpubLimiter(NpubLimiter),
    Counter(Counter),
    ProofVerification(ProofVerification),
}

/// What a pipeline makes of an event for the page.
#[derive(Debug, PartialEq)]
pub enum Output {
    Event(Delivery),
    Count(CountResponse),
    Proofs(Found),
    /// Its proofs are not to be had before somebody can open it.
    Locked(Delivery),
}

impl Pipeline {
    /// The pipes `specs` names; none means the default pipeline.
    pub fn new(specs: &[PipeSpec]) -> Pipeline {
        let default = [PipeSpec::Parse, PipeSpec::SaveToDb, PipeSpec::SerializeEvents];
        let specs = if specs.is_empty() { &default } else { specs };
        let pipe = |spec: &PipeSpec| match spec {
            PipeSpec::Parse => Pipe::Parse,
            PipeSpec::SaveToDb => Pipe::SaveToDb,
            PipeSpec::SerializeEvents => Pipe::SerializeEvents,
            PipeSpec::KindFilter { kinds } => Pipe::KindFilter(kinds.clone()),
            PipeSpec::Mute(muted) => Pipe::Mute(Mute::new(muted)),
            PipeSpec::NpubLimiter { kind, limit, max_npubs } => {
                Pipe::NpubLimiter(NpubLimiter::new(*kind, *limit, *max_npubs))
            }
            PipeSpec::Counter { kinds, pubkey } => Pipe::Counter(Counter::new(kinds, *pubkey)),
            PipeSpec::ProofVerification { max } => Pipe::ProofVerification(ProofVerification::new(*max)),
        };
        Pipeline {
            pipes: specs.iter().map(pipe).collect(),
        }
    }

    /// Whether `event` comes to be parsed, as far as can be told beforehand: else nothing of it need be decrypted.
    pub fn parses(&self, event: &Event) -> bool {
        for pipe in &self.pipes {
            let passes = match pipe {
                Pipe::Parse | Pipe::ProofVerification(_) => return true,
                Pipe::KindFilter(kinds) => kind_filter::passes(kinds, event),
                Pipe::Mute(mute) => mute.passes(event),
                Pipe::SaveToDb | Pipe::NpubLimiter(_) => true,
                Pipe::Counter(_) | Pipe::SerializeEvents => return false,
            };
            if !passes {
                return false;
            }
        }
        false
    }

    /// Runs `delivery` through the pipes, up to the first that makes an output. Nothing comes out if a pipe drops it.
    /// `opened` is what became of its encrypted part, if it has one.
    pub fn process(
        &mut self,
        mut delivery: Delivery,
        opened: Option<&Opened>,
        cache: &mut Backlog<ParserToCache>,
    ) -> Option<Output> {
        for pipe in &mut self.pipes {
            let passes = match pipe {
                Pipe::Parse => {
                    parse::run(&mut delivery, opened);
                    true
                }
                Pipe::SaveToDb => {
                    save_to_db::run(&delivery, cache);
                    true
                }
                Pipe::KindFilter(kinds) => kind_filter::passes(kinds, &delivery.event),
                Pipe::Mute(mute) => mute.passes(&delivery.event),
                Pipe::NpubLimiter(limiter) => limiter.passes(&delivery.event),
                Pipe::Counter(counter) => return counter.count(&delivery.event).map(Output::Count),
                Pipe::ProofVerification(verification) => return verification.run(delivery, opened),
                Pipe::SerializeEvents => return Some(Output::Event(delivery)),
            };
            if !passes {
                return None;
            }
        }
        None
    }

    /// Whether it delivers proofs.
    pub fn verifies_proofs(&self) -> bool {
        matches!(self.pipes.last(), Some(Pipe::ProofVerification(_)))
    }

    /// The proofs of an event that was locked when it went through `process`.
    pub fn find_proofs(&mut self, delivery: Delivery, opened: Option<&Opened>) -> Option<Output> {
        match self.pipes.last_mut() {
            Some(Pipe::ProofVerification(verification)) => verification.run(delivery, opened),
            _ => None,
        }
    }

    /// What `process` made of an event that comes back from the store for a page that was too slow.
    pub fn present_again(&self, mut delivery: Delivery, opened: Option<&Opened>) -> Delivery {
        if self.has_parse() {
            parse::run(&mut delivery, opened);
        }
        delivery
    }

    /// Whether events are delivered with what they say.
    pub fn presents_readings(&self) -> bool {
        self.has_parse() && !self.verifies_proofs()
    }

    fn has_parse(&self) -> bool {
        self.pipes.iter().any(|pipe| matches!(pipe, Pipe::Parse))
    }

    /// Whether what goes through can be had from the store later.
    pub fn saves(&self) -> bool {
        self.pipes.iter().any(|pipe| matches!(pipe, Pipe::SaveToDb))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Muted, ShardSource};
    use crate::nostr::event::tests::signed;

    fn delivery(event: &Event, source: ShardSource) -> Delivery {
        Delivery {
            event: event.clone(),
            source,
            relays: Vec::new(),
            reading: None,
            written: None,
        }
    }

    /// Which of `events` come out, as their times, and the counts.
    fn run(specs: &[PipeSpec], events: &[Event], source: ShardSource) -> (Vec<u64>, Vec<u64>) {
        let (mut pipeline, mut cache) = (Pipeline::new(specs), Backlog::default());
        let (mut times, mut counts) = (Vec::new(), Vec::new());
        for event in events {
            match pipeline.process(delivery(event, source), None, &mut cache) {
                Some(Output::Event(delivery)) => times.push(delivery.event.created_at.0),
                Some(Output::Count(response)) => counts.push(response.count),
                Some(Output::Proofs(found)) => counts.push(found.proofs.len() as u64),
                Some(Output::Locked(_)) => panic!("nothing here is encrypted"),
                None => {}
            }
        }
        (times, counts)
    }

    #[test]
    fn every_pipe_does_the_same_to_cached_and_to_live_events() {
        let proof = |secret: &str| format!(r#"{{"amount":1,"id":"00ab","secret":"{secret}","C":"02"}}"#);
        let (one, two, to) = (proof("1"), proof("2"), "1".repeat(64));
        let nutzap: &[&[&str]] = &[
            &["proof", &one],
            &["proof", &two],
            &["u", "https://mint.example"],
            &["p", &to],
        ];
        let events = [
            signed(1, 1, 1, &[], "spam"),
            signed(1, 1, 2, &[], "fish"),
            signed(1, 7, 3, &[], "+"),
            signed(1, 1, 4, &[], "boats"),
            signed(2, 1, 5, &[], "nets"),
            // Read by ProofVerification alone.
            signed(2, 9321, 6, nutzap, ""),
        ];
        let end = PipeSpec::SerializeEvents;
        let filter = PipeSpec::KindFilter { kinds: vec![Kind(1)] };
        let mute = PipeSpec::Mute(Muted {
            words: vec!["spam".into()],
            ..Muted::default()
        });
        let limiter = PipeSpec::NpubLimiter {
            kind: Kind(1),
            limit: 1,
            max_npubs: 5,
        };
        let counter = PipeSpec::Counter {
            kinds: vec![Kind(1)],
            pubkey: None,
        };
        for (specs, times, counts) in [
            (vec![], vec![1, 2, 3, 4, 5, 6], vec![]),
            (vec![filter.clone(), end.clone()], vec![1, 2, 4, 5], vec![]),
            (vec![mute.clone(), end.clone()], vec![2, 3, 4, 5, 6], vec![]),
            (vec![limiter, end.clone()], vec![1, 2, 3, 4, 5, 6], vec![]),
            (vec![filter, mute, counter], vec![], vec![1, 2, 3]),
            (vec![PipeSpec::SaveToDb], vec![], vec![]),
            (vec![PipeSpec::Parse, end.clone()], vec![1, 2, 3, 4, 5, 6], vec![]),
            (vec![PipeSpec::ProofVerification { max: 3 }], vec![], vec![2]),
        ] {
            for source in [ShardSource::Cache, ShardSource::Network] {
                assert_eq!(
                    run(&specs, &events, source),
                    (times.clone(), counts.clone()),
                    "{specs:?}"
                );
            }
        }
    }

    #[test]
    fn what_a_pipe_drops_is_not_saved_by_a_later_one() {
        let specs = [PipeSpec::KindFilter { kinds: vec![Kind(1)] }, PipeSpec::SaveToDb];
        let (mut pipeline, mut cache) = (Pipeline::new(&specs), Backlog::default());
        for kind in [1, 7] {
            let delivery = delivery(&signed(1, kind, 1, &[], ""), ShardSource::Network);
            pipeline.process(delivery, None, &mut cache);
        }
        assert_eq!(cache.len(), 1);
    }
}
