//! Taking the postings of dead events out, little by little, so that their slots can be used again.

use super::index::{Index, Posting, Slot};

#[derive(Default)]
pub(super) struct Sweep {
    /// The next posting to look at; none while no sweep is under way.
    at: Option<Posting>,
    /// Slots that died before the sweep began: free when it ends.
    ending: Vec<Slot>,
    /// Slots that died since.
    pub waiting: Vec<Slot>,
    /// Slots without a posting.
    pub free: Vec<Slot>,
}

/// How many postings one step of a sweep looks at.
const SWEEP_STEP: usize = 2_000;

impl Index {
    /// Whether enough is dead for a sweep to be worth its while.
    pub fn wants_sweep(&self) -> bool {
        self.sweep.at.is_some() || self.sweep.waiting.len() > 256 + self.alive / 8
    }

    /// Takes some postings of dead events out. `reuse`: no query holds a slot, so freed ones may be given away.
    pub fn sweep(&mut self, reuse: bool) {
        let from = self.sweep.at.unwrap_or_else(|| {
            self.sweep.ending = std::mem::take(&mut self.sweep.waiting);
            Posting {
                key: 0,
                age: 0,
                slot: 0,
            }
        });
        let seen: Vec<Posting> = self.postings.range(from..).take(SWEEP_STEP).copied().collect();
        for posting in &seen {
            if self.get(posting.slot).is_none() {
                self.postings.remove(posting);
            }
        }
        match seen.last().filter(|_| seen.len() == SWEEP_STEP) {
            Some(last) => self.sweep.at = Some(*last),
            None if reuse => {
                self.sweep.at = None;
                self.sweep.free.append(&mut self.sweep.ending);
            }
            None => {
                // Slots stay in use by a query: the next sweep frees them.
                self.sweep.at = None;
                self.sweep.waiting.append(&mut self.sweep.ending);
            }
        }
    }
}
