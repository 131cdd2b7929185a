//! What the crypto role has been asked and has not answered: it is asked again when that role is replaced.

use super::Input;
use crate::message::{CryptoToParser, ParserToCrypto, RequestId, SignerError, SignerOp};
use crate::router::{Backlog, Port};

/// Requests at the crypto role, oldest first.
#[derive(Default)]
pub struct Unanswered(Vec<ParserToCrypto>);

impl Unanswered {
    /// Sends what there is credit for, and remembers it.
    pub fn send(&mut self, requests: &mut Backlog<ParserToCrypto>, port: &mut Port<CryptoToParser, ParserToCrypto>) {
        requests.send_keeping(port, |request| self.0.push(request));
    }

    /// Takes note of an answer.
    pub fn on_answer(&mut self, answer: &CryptoToParser) {
        match answer {
            CryptoToParser::Verdicts { request, .. } | CryptoToParser::Answer { request, .. } => {
                self.0.retain(|waiting| id(waiting) != *request);
            }
            CryptoToParser::Signer { .. } => {}
        }
    }

    /// Puts what a new crypto role is to be asked first into `requests`.
    ///
    /// With `ask_again` that is everything; else what the signer was asked fails, which is returned: a person may
    /// have been asked, and is not asked twice.
    pub fn ask_again(&mut self, requests: &mut Backlog<ParserToCrypto>, ask_again: bool) -> Vec<Input> {
        let unsent = Vec::from_iter(requests.drain());
        let mut failed = Vec::new();
        for waiting in std::mem::take(&mut self.0) {
            match waiting {
                ParserToCrypto::Ask { request, ref op } if !ask_again && needs_signer(op) => {
                    let why = "the crypto worker was replaced before the signer answered; ask again".to_owned();
                    let result = Err(SignerError::Disconnected(why));
                    failed.push(Input::Crypto(CryptoToParser::Answer { request, result }));
                }
                waiting => requests.push(waiting),
            }
        }
        requests.extend(unsent);
        failed
    }
}

fn needs_signer(op: &SignerOp) -> bool {
    match op {
        SignerOp::Call(_) | SignerOp::Unwrap(_) | SignerOp::Wrap(_) => true,
        SignerOp::VerifyProofs(_) => false,
    }
}

fn id(request: &ParserToCrypto) -> RequestId {
    match request {
        ParserToCrypto::Verify { request, .. } | ParserToCrypto::Ask { request, .. } => *request,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::SignerCall;
    use crate::router::{PortConfig, pair};

    const PORTS: PortConfig = PortConfig::sized(1 << 20, 1 << 10);

    fn verify(number: u64) -> ParserToCrypto {
        let (request, claims) = (RequestId(number), Vec::new());
        ParserToCrypto::Verify { request, claims }
    }

    fn ask(number: u64) -> ParserToCrypto {
        let op = SignerOp::Call(SignerCall::GetPublicKey);
        let request = RequestId(number);
        ParserToCrypto::Ask { request, op }
    }

    /// 1 to 4 were sent, 2 is answered, 5 waits for credit.
    fn scene() -> (Unanswered, Backlog<ParserToCrypto>) {
        let (mut port, _peer) = pair("parserToCrypto", PORTS);
        let (mut unanswered, mut requests) = (Unanswered::default(), Backlog::default());
        for request in [verify(1), verify(2), ask(3), ask(4)] {
            requests.push(request);
        }
        unanswered.send(&mut requests, &mut port);
        let (request, good) = (RequestId(2), Vec::new());
        unanswered.on_answer(&CryptoToParser::Verdicts { request, good });
        requests.push(verify(5));
        (unanswered, requests)
    }

    #[test]
    fn what_was_not_answered_is_asked_again_before_what_was_not_sent() {
        let (mut unanswered, mut requests) = scene();
        assert!(unanswered.ask_again(&mut requests, true).is_empty());
        let again = Vec::from_iter(requests.drain());
        assert_eq!(again, [verify(1), ask(3), ask(4), verify(5)]);
    }

    #[test]
    fn a_person_is_not_asked_twice() {
        let (mut unanswered, mut requests) = scene();
        let failed = unanswered.ask_again(&mut requests, false);
        let disconnected = |input: &Input| {
            matches!(
                input,
                Input::Crypto(CryptoToParser::Answer {
                    request: RequestId(3 | 4),
                    result: Err(SignerError::Disconnected(_)),
                })
            )
        };
        assert_eq!((failed.len(), failed.iter().all(disconnected)), (2, true));
        assert_eq!(Vec::from_iter(requests.drain()), [verify(1), verify(5)]);
    }
}
