//! The connections role's loop on real ports with small windows, its sockets scripted.

#[cfg(test)]
mod world;

#[cfg(test)]
mod role_loop {
    use std::cell::RefCell;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::task::{Context, Poll};

    use futures_channel::mpsc;
    use futures_util::stream::{FusedStream, Stream, StreamExt};
    use nostr_ferry::connections::{Config, Ports, SocketEvent, SocketId, Sockets, StatusSink, run};
    use nostr_ferry::message::{
        ConnectionStatus, Control, Envelope, PageToConnections, RelayMessage, RelayState, RequestId, RoleReport,
    };
    use nostr_ferry::nostr::event::claimed_id;
    use nostr_ferry::nostr::filter::Filter;
    use nostr_ferry::nostr::frame::ClientFrame;
    use nostr_ferry::nostr::relay_url::RelayUrl;
    use nostr_ferry::router::{PortConfig, Received, pair};
    use nostr_ferry::time::{Clock, Millis, Now};

    use super::world::executor::Executor;
    use super::world::net::{sub, url};
    use super::world::relay::{Manners, ScriptedRelay, unsigned_event};

    /// One relay behind every address.
    struct OneRelay {
        relay: ScriptedRelay,
        events: mpsc::UnboundedReceiver<SocketEvent>,
        sender: mpsc::UnboundedSender<SocketEvent>,
        closed: Rc<RefCell<Vec<u16>>>,
    }

    impl OneRelay {
        fn say(&self, socket: SocketId, frames: Vec<String>) {
            for text in frames {
                self.sender.unbounded_send(SocketEvent::Text { socket, text }).unwrap();
            }
        }
    }

    impl Sockets for OneRelay {
        fn open(&mut self, socket: SocketId, _: &RelayUrl) {
            self.sender.unbounded_send(SocketEvent::Opened { socket }).unwrap();
            let frames = self.relay.connect();
            self.say(socket, frames);
        }

        fn send(&mut self, socket: SocketId, text: String) {
            let frames = self.relay.receive(&text);
            self.say(socket, frames);
        }

        fn close(&mut self, _: SocketId, code: u16, _: &str) {
            self.closed.borrow_mut().push(code);
        }

        fn fetch_limits(&mut self, relay: &RelayUrl) {
            let (relay, json) = (relay.clone(), None);
            self.sender.unbounded_send(SocketEvent::Limits { relay, json }).unwrap();
        }
    }

    impl Stream for OneRelay {
        type Item = SocketEvent;
        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
            self.events.poll_next_unpin(cx)
        }
    }

    impl FusedStream for OneRelay {
        fn is_terminated(&self) -> bool {
            false
        }
    }

    /// A page that takes one state for each time it makes room.
    struct Statuses {
        taken: Rc<RefCell<Vec<RelayState>>>,
        room: mpsc::UnboundedReceiver<()>,
        has_room: bool,
    }

    impl StatusSink for Statuses {
        fn status(&mut self, status: &ConnectionStatus) -> bool {
            let took = std::mem::take(&mut self.has_room);
            if took {
                self.taken.borrow_mut().push(status.state);
            }
            took
        }

        fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            match self.room.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {
                    self.has_room = true;
                    Poll::Ready(())
                }
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        }
    }

    /// A clock that stands still: nothing here waits for time.
    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Now {
            Now {
                mono: Millis(1),
                ..Now::default()
            }
        }
        fn poll_until(&self, _: &mut Context<'_>, _: Option<Millis>) -> Poll<()> {
            Poll::Pending
        }
        fn poll_later(&self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    #[test]
    fn everything_arrives_in_order_through_four_kib_and_stop_ends_the_role() {
        for seed in 1..=20 {
            let small = PortConfig::sized(4_096, 1_024);
            let (cache, mut from_cache) = pair("cacheToConn", small);
            let (parser, mut at_parser) = pair("connToParser", small);
            let (crypto, _at_crypto) = pair("cryptoToConn", small);
            let (page, mut at_page) = pair("control", small);
            let mut relay = ScriptedRelay::new(Manners::default());
            relay.store((0..2_000).map(|n| unsigned_event(n, 1, 10_000 - u64::from(n), "text")));
            let (sender, events) = mpsc::unbounded();
            let (closed, states) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(Vec::new())));
            // No clock runs here: only the page's word that it has room lets a state through.
            let (make_room, room) = mpsc::unbounded();
            let statuses = Statuses {
                taken: states.clone(),
                room,
                has_room: false,
            };
            let sockets = OneRelay {
                relay,
                events,
                sender,
                closed: closed.clone(),
            };
            let ports = Ports {
                cache,
                parser,
                crypto,
                page,
                peers: futures_channel::mpsc::unbounded().1,
            };
            let mut executor = Executor::new(seed);
            executor.spawn(run(ports, sockets, statuses, Stopped, Config::default()));
            executor.spawn(async {
                let frames = vec![ClientFrame::Req {
                    sub: sub("s"),
                    filters: vec![Filter::default()],
                }];
                let relays = vec![url("a")];
                assert!(from_cache.send(Envelope { relays, frames }).await);
                from_cache.flush(Millis(1));
            });
            let got = Rc::new(RefCell::new(Vec::new()));
            let (handed, told) = (got.clone(), states.clone());
            executor.spawn(async move {
                loop {
                    match at_parser.next().await {
                        Some(Received::Message(RelayMessage::Event { json, .. })) => {
                            let id = claimed_id(&json).unwrap();
                            handed
                                .borrow_mut()
                                .push(u32::from_be_bytes(id.0[28..].try_into().unwrap()));
                            at_parser.grant();
                        }
                        Some(Received::Message(RelayMessage::Eose { .. })) => break,
                        Some(Received::Writable) => {}
                        other => panic!("{other:?}"),
                    }
                }
                assert!(told.borrow().is_empty(), "the page has had no room yet");
                make_room.unbounded_send(()).unwrap();
                let control = |control| PageToConnections::Control(control);
                let request = RequestId(7);
                assert!(at_page.send(control(Control::Stats { request })).await);
                at_page.flush(Millis(1));
                let Some(Received::Message(RoleReport::Stats(stats))) = at_page.next().await else {
                    panic!("no stats")
                };
                assert_eq!(stats.request, request);
                assert!(
                    stats
                        .ports
                        .iter()
                        .any(|port| port.name == "connToParser" && port.stalls > 0)
                );
                assert!(at_page.send(control(Control::Stop)).await);
                at_page.flush(Millis(1));
            });
            assert_eq!(executor.run(), 0, "seed {seed}: everybody finishes");
            assert_eq!(*got.borrow(), (0..2_000).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(*closed.borrow(), [1000], "seed {seed}");
            assert_eq!(
                *states.borrow(),
                [RelayState::Open],
                "seed {seed}: the latest, and once"
            );
        }
    }
}
