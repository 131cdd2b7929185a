//! What time brings for a relay, and when it wants to be woken.

use super::Relay;
use super::ends::NORMAL;
use crate::connections::link::Link;
use crate::connections::turn::Turn;
use crate::time::Millis;

impl Relay {
    /// Time has passed, or a spool has been emptied.
    pub fn on_time(&mut self, turn: &mut Turn<'_>) {
        match self.link {
            Link::Waiting { until, .. } if turn.is_past(until) => self.link = Link::Queued { since: turn.now.mono },
            Link::Dialling { since, .. } if turn.is_past(since + turn.config.dial_ms) => {
                self.hang_up(turn, NORMAL, "no answer");
                self.lose(turn, "no answer to the connection attempt", turn.config.backoff_ms);
            }
            Link::Shed if turn.out.waiting_bytes(&turn.relay) == 0 => self.link = Link::Queued { since: turn.now.mono },
            Link::Open { .. } => self.on_open_time(turn),
            Link::Idle | Link::Queued { .. } | Link::Waiting { .. } | Link::Dialling { .. } | Link::Shed => {}
        }
        let link = self.link_in_words();
        let socket = self.link.open_socket();
        let held_back = self.link == Link::Shed || turn.out.waiting_bytes(&turn.relay) > 0;
        self.publishes.on_time(turn, &link);
        self.counts.on_time(turn);
        self.subs
            .on_time(turn, socket, held_back, socket.is_none().then_some(link.as_str()));
        self.after(turn);
    }

    /// Peers have taken messages. Called for each that leaves, so it does nothing until there is room.
    pub fn on_drained(&mut self, turn: &mut Turn<'_>) {
        let waiting = turn.out.waiting_bytes(&turn.relay);
        match self.link {
            Link::Shed if waiting == 0 => self.on_time(turn),
            Link::Open { .. } if self.held_back && waiting < turn.config.spool_bytes / 2 => self.after(turn),
            Link::Idle
            | Link::Queued { .. }
            | Link::Waiting { .. }
            | Link::Dialling { .. }
            | Link::Open { .. }
            | Link::Shed => {}
        }
    }

    /// Whether emptied spools mean something to it.
    pub fn waits_for_room(&self) -> bool {
        self.link == Link::Shed || self.held_back
    }

    /// When anything is due. None: not before something comes in.
    pub(super) fn compute_alarm(&self, turn: &Turn<'_>) -> Option<Millis> {
        let link = match self.link {
            Link::Waiting { until, .. } => Some(until),
            Link::Dialling { since, .. } => Some(since + turn.config.dial_ms),
            Link::Shed if turn.out.waiting_bytes(&turn.relay) == 0 => Some(turn.now.mono),
            Link::Open { .. } => {
                let idle = self.idle_since.map(|idle| idle + turn.config.idle_ms);
                let open = [self.auth.next_timeout(), self.silence_at(turn), idle];
                open.into_iter().flatten().min()
            }
            Link::Idle | Link::Queued { .. } | Link::Shed => None,
        };
        let requests = [
            link,
            self.publishes.next_timeout(),
            self.counts.next_timeout(),
            self.subs.next_timeout(turn.now.mono),
        ];
        requests.into_iter().flatten().min()
    }
}
