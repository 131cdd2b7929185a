//! What the crypto role is asked for and answers: signatures to check, events to sign.
//!
//! An event of our own is checked as any other's before it leaves.

use super::opening::arrival;
use super::{Outbox, Parser, Signing, Waiter};
use crate::message::{
    CryptoToParser, ParserToConnections, ParserToCrypto, RelayFault, ShardSource, SignerAnswer, SignerError, SignerOp,
};
use crate::parser::verify::Verdict;

impl Parser {
    pub(super) fn on_crypto(&mut self, message: CryptoToParser, out: &mut Outbox) {
        match message {
            CryptoToParser::Verdicts { request, good } => self.on_verdicts(request, good, out),
            CryptoToParser::Signer { pubkey } => self.on_signer(pubkey),
            CryptoToParser::Answer { request, result } if self.who_signs == Some(request) => {
                self.who_signs = None;
                if let Ok(SignerAnswer::PublicKey(pubkey)) = result {
                    self.on_signer(Some(pubkey));
                }
            }
            CryptoToParser::Answer { request, result } if self.secrets.has_asked(request) => {
                for ((ticket, arrival), opened) in self.secrets.answered(request, result) {
                    self.opened(ticket, arrival, opened);
                }
            }
            CryptoToParser::Answer { request, result } => {
                let Some(signing) = self.signing.remove(&request) else {
                    return;
                };
                if let Signing::Draft(publish) = signing {
                    return self.on_draft(publish, result, out);
                }
                let signed = result.and_then(|answer| match answer {
                    SignerAnswer::Signed(event) => Ok(event),
                    other => Err(SignerError::Refused(format!(
                        "asked for a signature, it gave {other:?}"
                    ))),
                });
                match signed.and_then(|event| event.hash().map_err(|error| SignerError::Refused(error.to_string()))) {
                    Ok(event) => self.verify.submit(event, None, Waiter::Own(signing)),
                    Err(error) => self.fail_signing(signing, error, out),
                }
            }
        }
    }

    pub(super) fn on_verdict(&mut self, verdict: Verdict<Waiter>, out: &mut Outbox) {
        match verdict {
            Verdict::Good {
                ticket: Waiter::Lane(sub, ticket),
                event,
                relays,
            } => {
                self.newly_good.push(event.id);
                self.arrive(Some(ticket), arrival(sub, event, ShardSource::Network, relays));
            }
            Verdict::Good {
                ticket: Waiter::Own(Signing::Auth(relay)),
                event,
                relays: _,
            } => {
                out.connections.push(ParserToConnections::Authenticate { relay, event });
            }
            // Nothing of a draft is signed.
            Verdict::Good {
                ticket: Waiter::Own(Signing::Draft(_)),
                ..
            } => {}
            Verdict::Good {
                ticket: Waiter::Own(Signing::Publish(publish)),
                event,
                relays: _,
            } => {
                self.send_publish(publish, event, out);
            }
            Verdict::Forged {
                ticket: Waiter::Lane(_, ticket),
                relay,
            } => {
                self.lanes.resolve(ticket, None);
                if let Some(relay) = relay {
                    out.connections.push(ParserToConnections::Misbehaved {
                        relay,
                        fault: RelayFault::Forged,
                    });
                }
            }
            Verdict::Forged {
                ticket: Waiter::Own(signing),
                relay: _,
            } => {
                let error = SignerError::Refused("the signer's signature does not hold".into());
                self.fail_signing(signing, error, out);
            }
        }
    }

    pub(super) fn fail_signing(&mut self, signing: Signing, error: SignerError, out: &mut Outbox) {
        match signing {
            // An aborted one has been told its end.
            Signing::Publish(publish) | Signing::Draft(publish) => {
                if self.publishes.contains_key(&publish) {
                    self.fail(publish, error, out);
                }
            }
            Signing::Auth(relay) => {
                let reason = error.to_string();
                out.connections
                    .push(ParserToConnections::CannotAuthenticate { relay, reason });
            }
        }
    }

    pub(super) fn ask(&mut self, signing: Signing, op: SignerOp, out: &mut Outbox) {
        let request = self.requests.next();
        self.signing.insert(request, signing);
        out.crypto.push(ParserToCrypto::Ask { request, op });
    }
}
