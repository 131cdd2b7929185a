//! NIP-42 on one connection: a challenge, our signed answer, the relay's verdict. Pure.
//!
//! It cannot loop: a connection's challenges are bounded, one that has been answered is
//! not answered again, and every wait has an end. A relay that takes an answer without
//! ever saying OK (some do) is taken to have accepted it.

use crate::nostr::event::{Event, EventId};
use crate::time::Millis;

/// Where the conversation stands. A new connection begins a new one.
#[derive(Debug, Default)]
pub struct Auth {
    challenge: Option<String>,
    /// It has been answered; once is enough.
    answered: bool,
    /// Challenges passed to the signer on this connection.
    asked: u32,
    /// A signer came while another was being asked, which may have been none.
    ask_again: bool,
    /// Our answer to a challenge that another has followed: the relay still owes it an OK.
    overtaken: Option<EventId>,
    state: State,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// The relay has not asked.
    #[default]
    Unasked,
    /// The signer has been asked.
    Signing { until: Millis },
    /// Our answer is at the relay.
    Answered { id: EventId, until: Millis },
    /// The relay said OK, or said nothing.
    Accepted,
    /// The relay refused, or nobody signed.
    Refused { reason: String },
}

/// What follows from a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Nothing,
    /// What was refused for want of it may be asked again.
    Accepted,
    /// What was refused for want of it stays refused.
    Refused(String),
}

/// More different challenges on one connection are a relay's game.
const MAX_CHALLENGES: u32 = 4;
/// A challenge is a short random text; a long one would be signed and sent back.
const MAX_CHALLENGE_BYTES: usize = 1024;

impl Auth {
    /// The relay sent a challenge. True if the signer is to be asked; else it is no news, or one too many.
    pub fn challenged(&mut self, challenge: &str, until: Millis) -> bool {
        let known = self.challenge.as_deref() == Some(challenge);
        if known || self.asked == MAX_CHALLENGES || challenge.is_empty() || challenge.len() > MAX_CHALLENGE_BYTES {
            return false;
        }
        if let State::Answered { id, .. } = self.state {
            self.overtaken = Some(id);
        }
        self.challenge = Some(challenge.to_owned());
        self.asked += 1;
        self.answered = false;
        self.state = State::Signing { until };
        true
    }

    /// A signer is there. The challenge to ask it for, if an earlier answer to it, or the lack of one, came to nothing.
    pub fn signer_came(&mut self, until: Millis) -> Option<String> {
        match self.state {
            State::Refused { .. } => {
                let challenge = self.challenge.clone()?;
                self.answered = false;
                self.state = State::Signing { until };
                Some(challenge)
            }
            State::Signing { .. } => {
                self.ask_again = true;
                None
            }
            State::Unasked | State::Answered { .. } | State::Accepted => None,
        }
    }

    /// There will be no answer to the challenge. The challenge, if there is a new signer to ask for it.
    pub fn unanswered(&mut self, reason: &str, until: Millis) -> (Verdict, Option<String>) {
        let State::Signing { .. } = self.state else {
            return (Verdict::Nothing, None);
        };
        if std::mem::take(&mut self.ask_again) {
            self.state = State::Signing { until };
            return (Verdict::Nothing, self.challenge.clone());
        }
        (self.refuse(reason), None)
    }

    /// Whether `challenge` is the one to be answered, for a relay that repeats itself.
    pub fn is_current(&self, challenge: &str) -> bool {
        self.challenge.as_deref() == Some(challenge)
    }

    /// The signer answered. True if the answer is to this connection's challenge and is to be sent.
    pub fn answer(&mut self, event: &Event, until: Millis) -> bool {
        let Some(challenge) = &self.challenge else { return false };
        if self.answered || event.tag_value("challenge") != Some(challenge) {
            return false;
        }
        self.answered = true;
        self.state = State::Answered { id: event.id, until };
        true
    }

    /// An OK came. None if it is not about an answer of ours.
    pub fn on_ok(&mut self, id: &EventId, accepted: bool, reason: &str) -> Option<Verdict> {
        if self.overtaken.as_ref() == Some(id) {
            self.overtaken = None;
            return Some(Verdict::Nothing);
        }
        match &self.state {
            State::Answered { id: ours, .. } if ours == id => {}
            _ => return None,
        }
        if accepted {
            self.state = State::Accepted;
            Some(Verdict::Accepted)
        } else {
            Some(self.refuse(reason))
        }
    }

    /// Time has passed.
    pub fn on_time(&mut self, now: Millis) -> Verdict {
        match self.state {
            State::Signing { until } if until <= now => self.refuse("the relay's challenge was not signed"),
            State::Answered { until, .. } if until <= now => {
                self.state = State::Accepted;
                Verdict::Accepted
            }
            _ => Verdict::Nothing,
        }
    }

    pub fn next_timeout(&self) -> Option<Millis> {
        match self.state {
            State::Signing { until } | State::Answered { until, .. } => Some(until),
            State::Unasked | State::Accepted | State::Refused { .. } => None,
        }
    }

    /// The challenge that the signer has, if it has one.
    pub fn at_signer(&self) -> Option<&str> {
        self.challenge
            .as_deref()
            .filter(|_| matches!(self.state, State::Signing { .. }))
    }

    /// Asked, and not decided yet.
    pub fn is_pending(&self) -> bool {
        self.next_timeout().is_some()
    }

    pub fn is_accepted(&self) -> bool {
        self.state == State::Accepted
    }

    /// Why nothing can come of waiting for it, if so.
    pub fn refusal(&self) -> Option<&str> {
        match &self.state {
            State::Refused { reason } => Some(reason),
            State::Unasked | State::Signing { .. } | State::Answered { .. } | State::Accepted => None,
        }
    }

    fn refuse(&mut self, reason: &str) -> Verdict {
        self.state = State::Refused {
            reason: reason.to_owned(),
        };
        Verdict::Refused(reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    const LATER: Millis = Millis(100);

    fn answer(challenge: &str) -> Event {
        signed(1, 22242, 1, &[&["relay", "wss://a"], &["challenge", challenge]], "")
    }

    #[test]
    fn a_challenge_is_answered_and_the_relay_decides() {
        for (accepted, verdict) in [
            (true, Verdict::Accepted),
            (false, Verdict::Refused("restricted: no".into())),
        ] {
            let mut auth = Auth::default();
            assert!(auth.challenged("c", LATER));
            assert!(auth.is_pending());
            let event = answer("c");
            assert!(auth.answer(&event, LATER));
            assert_eq!(
                auth.on_ok(&EventId([9; 32]), true, ""),
                None,
                "an OK for something else"
            );
            assert_eq!(auth.on_ok(&event.id, accepted, "restricted: no"), Some(verdict));
            assert!(!auth.is_pending());
            assert_eq!(auth.is_accepted(), accepted);
        }
    }

    #[test]
    fn an_ok_for_an_answer_that_another_challenge_overtook_is_heard_and_decides_nothing() {
        let mut auth = Auth::default();
        auth.challenged("a", LATER);
        let first = answer("a");
        assert!(auth.answer(&first, LATER));
        assert!(auth.challenged("b", LATER));
        assert_eq!(auth.on_ok(&first.id, true, ""), Some(Verdict::Nothing));
        assert_eq!(auth.on_ok(&first.id, true, ""), None, "twice is once too often");
        assert!(auth.is_pending());
        let second = answer("b");
        assert!(auth.answer(&second, LATER));
        assert_eq!(auth.on_ok(&second.id, true, ""), Some(Verdict::Accepted));
    }

    #[test]
    fn an_answer_to_another_challenge_or_to_none_is_not_sent() {
        let mut auth = Auth::default();
        assert!(!auth.answer(&answer("c"), LATER));
        auth.challenged("new", LATER);
        assert!(!auth.answer(&answer("old"), LATER));
        assert!(auth.answer(&answer("new"), LATER));
        assert!(!auth.answer(&answer("new"), LATER), "once is enough");
    }

    #[test]
    fn a_relay_cannot_have_the_signer_asked_without_end() {
        let mut auth = Auth::default();
        assert!(auth.challenged("0", LATER));
        assert!(!auth.challenged("0", LATER), "the same one again");
        let more = (1..100).filter(|n| auth.challenged(&n.to_string(), LATER)).count();
        assert_eq!(more as u32, MAX_CHALLENGES - 1);
        assert!(!Auth::default().challenged(&"x".repeat(5_000), LATER));
    }

    #[test]
    fn no_signature_is_a_refusal_and_no_ok_is_an_acceptance() {
        let mut auth = Auth::default();
        auth.challenged("c", LATER);
        assert_eq!(auth.on_time(Millis(99)), Verdict::Nothing);
        assert!(matches!(auth.on_time(LATER), Verdict::Refused(_)));
        assert!(auth.refusal().is_some());
        assert!(auth.answer(&answer("c"), LATER), "a late signature still serves");
        assert_eq!(auth.on_time(LATER), Verdict::Accepted);
        assert!(auth.is_accepted());
    }
}
