//! One REQ of a subscription at one relay: where it stands on the present connection.
//!
//! A subscription is one REQ unless the relay's limits make it several (NIP-11).

use super::gap::{Page, Rules};
use super::resume::Tracks;
use super::turn::Turn;
use crate::message::SubId;
use crate::nostr::filter::Filter;
use crate::nostr::nip42;
use crate::time::Millis;

#[derive(Debug)]
pub struct Part {
    /// The id that the relay knows the REQ by.
    pub wire: SubId,
    pub tracks: Tracks,
    pub phase: Phase,
    /// The page of a gap that is being fetched.
    pub walk: Option<Walk>,
    /// The next page is not asked for before.
    pub walk_not_before: Millis,
    /// CLOSEDs in a row.
    refusals: u32,
    /// It has been sent again after NIP-42: another `auth-required:` is final.
    pub authenticated: bool,
    /// How often the relay left it without EOSE, silent altogether.
    silences: u32,
}

/// Where a REQ stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not sent on this connection; not before the time, if the relay asked for patience.
    Waiting { not_before: Millis },
    /// Refused until NIP-42 is done, or until the time.
    NeedsAuth { until: Millis },
    /// Sent; EOSE has not come.
    Stored { at: Millis },
    /// Sent; the relay, silent, is taken for one that announces no end. It may yet.
    Unended,
    /// EOSE has come.
    Live { at: Millis },
    /// Nothing is left that the relay could send.
    Complete,
}

/// A page of a gap, under a REQ of its own.
#[derive(Debug)]
pub struct Walk {
    pub wire: SubId,
    pub track: usize,
    pub page: Page,
    pub at: Millis,
}

/// What to do about a CLOSED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The REQ is sent again when its time comes.
    Again,
    /// The relay will not serve it.
    Final,
}

/// So many refusals in a row are final.
const MAX_REFUSALS: u32 = 5;
/// A relay that is silent so often when asked for what was missed is not asked for it any more.
const MAX_SILENCES: u32 = 5;
/// The first wait after a refusal that may pass; it doubles with each.
const REFUSED_MS: u64 = 2_000;

impl Part {
    pub fn new(wire: SubId, filters: Vec<Filter>) -> Part {
        Part {
            wire,
            tracks: Tracks::new(filters),
            phase: Phase::Waiting { not_before: Millis(0) },
            walk: None,
            walk_not_before: Millis(0),
            refusals: 0,
            authenticated: false,
            silences: 0,
        }
    }

    /// Whether the REQ holds one of the relay's places for subscriptions.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Stored { .. } | Phase::Unended | Phase::Live { .. })
    }

    pub fn is_ready(&self, turn: &Turn<'_>) -> bool {
        matches!(self.phase, Phase::Waiting { not_before } if turn.is_past(not_before))
    }

    /// Whether it can use another page of a gap now.
    pub fn wants_page(&self, turn: &Turn<'_>) -> bool {
        matches!(self.phase, Phase::Live { .. } | Phase::Complete)
            && self.walk.is_none()
            && turn.is_past(self.walk_not_before)
            && self.tracks.has_gaps()
    }

    /// Everything the subscription's first answer consists of has come.
    pub fn is_answered(&self) -> bool {
        matches!(self.phase, Phase::Live { .. } | Phase::Complete) && !self.tracks.first_is_open()
    }

    /// Whether it needs the relay at all.
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Complete && !self.tracks.has_gaps()
    }

    /// EOSE came for the REQ itself. False if none was due.
    pub fn on_eose(&mut self, turn: &Turn<'_>, rules: &Rules) -> bool {
        if !matches!(self.phase, Phase::Stored { .. } | Phase::Unended) {
            return false;
        }
        self.tracks.end(rules);
        self.phase = Phase::Live { at: turn.now.mono };
        self.silences = 0;
        true
    }

    /// The relay closed the REQ itself.
    pub fn on_closed(&mut self, turn: &Turn<'_>, rules: &Rules, reason: &str, auth: AuthHope) -> Refusal {
        self.tracks.cut(rules);
        let refusal = self.judge(turn, reason, auth);
        if refusal == Refusal::Final {
            self.phase = Phase::Complete;
        }
        refusal
    }

    fn judge(&mut self, turn: &Turn<'_>, reason: &str, auth: AuthHope) -> Refusal {
        if let Phase::Live { at } = self.phase
            && turn.now.mono.since(at) >= turn.config.stable_ms
        {
            self.refusals = 0;
        }
        if nip42::is_auth_required(reason) {
            return match auth {
                AuthHope::None => Refusal::Final,
                AuthHope::Done | AuthHope::Pending if self.authenticated => Refusal::Final,
                AuthHope::Done => {
                    self.authenticated = true;
                    self.phase = Phase::Waiting {
                        not_before: turn.now.mono,
                    };
                    Refusal::Again
                }
                AuthHope::Pending => {
                    self.phase = Phase::NeedsAuth {
                        until: turn.after(turn.config.sign_ms),
                    };
                    Refusal::Again
                }
            };
        }
        if !may_pass(reason) || self.refusals >= MAX_REFUSALS {
            return Refusal::Final;
        }
        self.phase = Phase::Waiting {
            not_before: turn.after(REFUSED_MS << self.refusals),
        };
        self.refusals += 1;
        Refusal::Again
    }

    /// The relay closed the page's REQ.
    pub fn on_walk_closed(&mut self, turn: &Turn<'_>, reason: &str) {
        let Some(walk) = self.walk.take() else { return };
        if self.refusals >= MAX_REFUSALS || !(may_pass(reason) || nip42::is_auth_required(reason)) {
            self.tracks.give_up_page(walk.track, &walk.page);
            return;
        }
        self.tracks.cut_page(walk.track, walk.page, false);
        self.walk_not_before = turn.after(REFUSED_MS << self.refusals);
        self.refusals += 1;
    }

    /// EOSE came for the page. Gives the limit the relay is now known to honour.
    pub fn on_walk_eose(&mut self, rules: &Rules) -> u32 {
        self.silences = 0;
        self.refusals = 0;
        self.walk
            .take()
            .map_or(0, |walk| self.tracks.end_page(walk.track, walk.page, rules))
    }

    /// The socket is gone. `too_big`: because more came than could be taken.
    pub fn on_cut(&mut self, rules: &Rules, too_big: bool) {
        self.tracks.cut(rules);
        if let Some(walk) = self.walk.take() {
            self.tracks.cut_page(walk.track, walk.page, too_big);
        }
        self.authenticated = false;
        match self.phase {
            Phase::Waiting { .. } | Phase::Complete => {}
            Phase::NeedsAuth { .. } | Phase::Stored { .. } | Phase::Unended | Phase::Live { .. } => {
                self.phase = Phase::Waiting { not_before: Millis(0) };
            }
        }
    }

    /// The relay owes an EOSE and has said nothing for long. True if a new socket may help.
    pub fn on_silence(&mut self) -> bool {
        if self.owed_since().is_none() {
            return false;
        }
        self.silences += 1;
        if let Some(walk) = self.walk.take_if(|_| self.silences >= MAX_SILENCES) {
            self.tracks.give_up_page(walk.track, &walk.page);
        }
        if self.silences > 1 && self.tracks.is_unanswered() {
            self.phase = Phase::Unended;
        }
        self.owed_since().is_some()
    }

    /// Since when the relay owes an EOSE, if it does.
    pub fn owed_since(&self) -> Option<Millis> {
        let stored = match self.phase {
            Phase::Stored { at } => Some(at),
            Phase::Waiting { .. } | Phase::NeedsAuth { .. } | Phase::Unended | Phase::Live { .. } | Phase::Complete => {
                None
            }
        };
        stored.into_iter().chain(self.walk.as_ref().map(|walk| walk.at)).min()
    }

    /// When it wants attention without anything coming in.
    pub fn next_timeout(&self, now: Millis) -> Option<Millis> {
        let phase = match self.phase {
            Phase::Waiting { not_before } => Some(not_before),
            Phase::NeedsAuth { until } => Some(until),
            Phase::Stored { .. } | Phase::Unended | Phase::Live { .. } | Phase::Complete => None,
        };
        // What is past is tried again at every occasion, and needs no alarm.
        let walk = self.tracks.has_gaps().then_some(self.walk_not_before);
        phase.into_iter().chain(walk).filter(|time| *time > now).min()
    }
}

/// What NIP-42 can do for a request that was refused for want of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthHope {
    /// The signer or the relay has refused.
    None,
    /// It is under way, or the relay has not even asked yet.
    Pending,
    /// The relay has accepted: the request only came too early.
    Done,
}

/// Whether a CLOSED with this reason (NIP-01's machine-readable prefixes) is worth another try.
fn may_pass(reason: &str) -> bool {
    reason.starts_with("rate-limited:") || reason.starts_with("error:")
}
