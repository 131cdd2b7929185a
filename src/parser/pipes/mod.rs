//! Pipelines (nostr.md section 2): the steps a verified event goes through for one subscription.
//!
//! The same for cached and for live events. One pipe, one file.

mod parse;
mod save_to_db;

use crate::message::{Delivery, ParserToCache, PipeSpec};
use crate::router::Backlog;

/// A subscription's ordered pipes.
#[derive(Debug)]
pub struct Pipeline {
    pipes: Vec<PipeSpec>,
}

impl Pipeline {
    /// The pipes `specs` names; none means the default pipeline.
    pub fn new(specs: &[PipeSpec]) -> Pipeline {
        let pipes = if specs.is_empty() {
            vec![PipeSpec::Parse, PipeSpec::SaveToDb, PipeSpec::SerializeEvents]
        } else {
            specs.to_vec()
        };
        Pipeline { pipes }
    }

    /// Runs `delivery` through all pipes. What comes out is for the page; nothing, if a pipe dropped it.
    pub fn process(&mut self, mut delivery: Delivery, cache: &mut Backlog<ParserToCache>) -> Option<Delivery> {
        let mut output = None;
        for pipe in &self.pipes {
            match pipe {
                PipeSpec::Parse => parse::run(&mut delivery),
                PipeSpec::SaveToDb => save_to_db::run(&delivery, cache),
                PipeSpec::SerializeEvents => output = Some(delivery.clone()),
            }
        }
        output
    }

    /// What `process` made of an event that comes back from the store for a page that was too slow.
    pub fn present_again(&self, mut delivery: Delivery) -> Delivery {
        if self.pipes.contains(&PipeSpec::Parse) {
            parse::run(&mut delivery);
        }
        delivery
    }

    /// Whether what goes through can be had from the store later.
    pub fn saves(&self) -> bool {
        self.pipes.contains(&PipeSpec::SaveToDb)
    }
}
