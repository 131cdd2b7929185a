//! A relay's state as the page is told it.

use super::Relay;
use crate::connections::link::Link;
use crate::connections::turn::Turn;
use crate::message::{ConnectionStatus, RelayState};
use crate::time::Millis;

/// Counters reach the page at most this often while nothing else changes.
const STATUS_MS: u64 = 1_000;

impl Relay {
    /// After an EVENT, which changes no more than the counters.
    pub(super) fn tell_counters(&mut self, turn: &mut Turn<'_>) {
        match &self.told {
            Some((_, at)) if !turn.is_past(*at + STATUS_MS) => self.wake_at(*at + STATUS_MS),
            None | Some(_) => self.tell_status(turn),
        }
    }

    /// Tells the page of a new state at once, of new counters now and then.
    pub(super) fn tell_status(&mut self, turn: &mut Turn<'_>) {
        let hidden = self.subs.take_hidden();
        self.counters.hidden_seconds += hidden.count;
        self.counters.hidden_at = hidden.last.unwrap_or(self.counters.hidden_at);
        let status = ConnectionStatus {
            relay: turn.relay.clone(),
            state: self.state(),
            reason: self.reason_in_words(),
            counters: self.counters,
        };
        match &self.told {
            None if self.link == Link::Idle => return,
            Some((told, _)) if *told == status => return,
            Some((told, at)) if told.state == status.state && told.reason == status.reason => {
                let due = *at + STATUS_MS;
                if !turn.is_past(due) {
                    // The last counters of a burst are told too.
                    self.wake_at(due);
                    return;
                }
            }
            None | Some(_) => {}
        }
        turn.out.statuses.insert(turn.relay.clone(), status.clone());
        self.told = Some((status, turn.now.mono));
    }

    fn reason_in_words(&self) -> String {
        match self.subs.refusal() {
            Some(refusal) if self.reason.is_empty() => format!("it refused a subscription: {refusal}"),
            Some(_) | None => self.reason.clone(),
        }
    }

    fn wake_at(&mut self, time: Millis) {
        self.alarm = self.alarm.map_or(Some(time), |alarm| Some(alarm.min(time)));
    }

    fn state(&self) -> RelayState {
        match self.link {
            Link::Idle | Link::Waiting { connected: true, .. } => RelayState::Closed,
            Link::Waiting { connected: false, .. } => RelayState::Failed,
            Link::Queued { .. } | Link::Dialling { .. } => RelayState::Connecting,
            Link::Open { .. } if self.auth.is_pending() => RelayState::Authenticating,
            Link::Open { .. } => RelayState::Open,
            Link::Shed => RelayState::Shed,
        }
    }

    pub(super) fn link_in_words(&self) -> String {
        let state = match self.link {
            Link::Idle | Link::Waiting { .. } => "not connected",
            Link::Queued { .. } => "waiting for its turn to connect",
            Link::Dialling { .. } => "still connecting",
            Link::Open { .. } => "connected",
            Link::Shed => "held back until what it sent has been taken",
        };
        if self.reason.is_empty() {
            state.to_owned()
        } else {
            format!("{state}: {}", self.reason)
        }
    }
}
