//! The role's loop on real ports, polled by hand.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_util::future::FutureExt;
use futures_util::stream::StreamExt;

use super::{Config, Entropy, Ports, Verifier, run};
use crate::message::{Claim, CryptoToParser, ParserToCrypto, RequestId};
use crate::router::{Port, PortConfig, Received, pair};
use crate::time::{Clock, Millis, Now};

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Now {
        Now::default()
    }

    fn poll_until(&self, _: &mut Context<'_>, _: Option<Millis>) -> Poll<()> {
        Poll::Pending
    }

    fn poll_later(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

struct Zeros;

impl Entropy for Zeros {
    fn bytes(&mut self) -> [u8; 32] {
        [0; 32]
    }
}

type Parser = Rc<RefCell<Port<CryptoToParser, ParserToCrypto>>>;

/// Checks a batch when it is asked for a verdict, and looks what the parser has heard by then.
struct Watching {
    parser: Parser,
    batches: Vec<RequestId>,
    heard: Rc<RefCell<Vec<(RequestId, usize)>>>,
}

impl Verifier for Watching {
    fn check(&mut self, request: RequestId, _: Vec<Claim>) {
        self.batches.push(request);
    }

    fn poll_verdicts(&mut self, _: &mut Context<'_>) -> Poll<(RequestId, Vec<bool>)> {
        // All are there before the first is checked.
        if self.batches.len() + self.heard.borrow().len() < 3 || self.batches.is_empty() {
            return Poll::Pending;
        }
        let mut heard = 0;
        while let Some(Some(received)) = self.parser.borrow_mut().next().now_or_never() {
            heard += usize::from(matches!(received, Received::Message(CryptoToParser::Verdicts { .. })));
        }
        let request = self.batches.remove(0);
        self.heard.borrow_mut().push((request, heard));
        Poll::Ready((request, Vec::new()))
    }
}

#[test]
fn verdicts_leave_before_the_next_batch_is_checked() {
    let config = PortConfig::default();
    let (parser, from_parser) = pair("parserToCrypto", config);
    let (_control, control) = pair("control", config);
    let (_page, page) = pair("cryptoToMain", config);
    let (_connections, connections) = pair("cryptoToConn", config);
    let ports = Ports {
        control,
        page,
        parser: from_parser,
        connections,
        peers: futures_channel::mpsc::unbounded().1,
    };
    let parser = Rc::new(RefCell::new(parser));
    let heard = Rc::default();
    let verifier = Watching {
        parser: Rc::clone(&parser),
        batches: Vec::new(),
        heard: Rc::clone(&heard),
    };
    for number in 1..=3 {
        let (request, claims) = (RequestId(number), Vec::new());
        let sent = parser.borrow_mut().try_send(ParserToCrypto::Verify { request, claims });
        assert!(sent.is_ok());
    }
    parser.borrow_mut().flush(Millis(0));
    let mut role = Box::pin(run(ports, verifier, Zeros, Still, Config::default()));
    let ended = role.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    assert!(!ended);
    let before = [(RequestId(1), 0), (RequestId(2), 1), (RequestId(3), 1)];
    assert_eq!(*heard.borrow(), before);
}
