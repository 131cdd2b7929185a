//! `Sockets` over the browser's WebSocket, and NIP-11 documents over `http`.
//!
//! A browser cannot pause a WebSocket and gives a frame whole. So a socket's frames wait
//! in a queue bounded in bytes, and a socket that fills it is closed and reported; the
//! role's own spool is a quarter as large, so that takes a role that is kept from running.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::stream::{FusedStream, Stream, StreamExt};
use js_sys::JsString;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::http::fetch;
use crate::connections::{SocketEvent, SocketId, Sockets};
use crate::nostr::frame::MAX_FRAME_BYTES;
use crate::nostr::relay_url::RelayUrl;
use crate::sorted::SortedMap;

/// Bytes of one socket's frames that may wait to be read.
const MAX_QUEUED_BYTES: usize = 8 << 20;
/// A NIP-11 document is a page of text.
const MAX_LIMITS_BYTES: usize = 256 << 10;

/// All sockets of the connections worker.
pub struct WebSockets {
    events: mpsc::UnboundedReceiver<SocketEvent>,
    sender: mpsc::UnboundedSender<SocketEvent>,
    open: SortedMap<SocketId, Socket>,
}

/// One WebSocket with the closures it calls.
struct Socket {
    socket: WebSocket,
    /// Bytes of its frames in the queue.
    queued: Rc<Cell<usize>>,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl WebSockets {
    pub fn new() -> WebSockets {
        let (sender, events) = mpsc::unbounded();
        WebSockets {
            events,
            sender,
            open: SortedMap::new(),
        }
    }

    /// The role takes `event`: its bytes wait no more, and a socket that has ended is let go.
    fn taken(&mut self, event: &SocketEvent) {
        match event {
            SocketEvent::Text { socket, .. } | SocketEvent::Binary { socket } | SocketEvent::TooLong { socket } => {
                if let Some(open) = self.open.get(socket) {
                    open.queued.set(open.queued.get().saturating_sub(cost(event)));
                }
            }
            SocketEvent::Closed { socket, .. }
            | SocketEvent::Failed { socket }
            | SocketEvent::Forbidden { socket }
            | SocketEvent::Overflowed { socket } => {
                if let Some(open) = self.open.remove(socket) {
                    open.close(1000, "");
                }
            }
            SocketEvent::Opened { .. } | SocketEvent::Limits { .. } => {}
        }
    }

    fn report(&self, event: SocketEvent) {
        // The receiver is our own.
        let _ = self.sender.unbounded_send(event);
    }
}

impl Sockets for WebSockets {
    fn open(&mut self, socket: SocketId, relay: &RelayUrl) {
        // It throws for an address the browser does not allow, such as ws:// from an https:// page.
        match WebSocket::new(relay.as_str()) {
            Ok(raw) => {
                self.open.insert(socket, Socket::new(socket, raw, &self.sender));
            }
            Err(_) => self.report(SocketEvent::Forbidden { socket }),
        }
    }

    fn send(&mut self, socket: SocketId, text: String) {
        if let Some(open) = self.open.get(&socket) {
            // It throws only before the socket is open, and the core does not send then.
            let _ = open.socket.send_with_str(&text);
        }
    }

    fn close(&mut self, socket: SocketId, code: u16, reason: &str) {
        if let Some(open) = self.open.remove(&socket) {
            open.close(code, reason);
        }
    }

    fn fetch_limits(&mut self, relay: &RelayUrl) {
        let (sender, relay) = (self.sender.clone(), relay.clone());
        spawn_local(async move {
            // Many relays have no document, or none that their CORS headers let a page read: that limits nothing.
            let url = relay.as_str().replacen("ws", "http", 1);
            let json = fetch(&url, "application/nostr+json", None, MAX_LIMITS_BYTES).await.ok();
            // The role may have ended meanwhile.
            let _ = sender.unbounded_send(SocketEvent::Limits { relay, json });
        });
    }
}

impl Stream for WebSockets {
    type Item = SocketEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SocketEvent>> {
        let event = self.events.poll_next_unpin(cx);
        if let Poll::Ready(Some(event)) = &event {
            self.taken(event);
        }
        event
    }
}

impl FusedStream for WebSockets {
    fn is_terminated(&self) -> bool {
        // We hold a sender ourselves.
        false
    }
}

impl Socket {
    fn new(id: SocketId, socket: WebSocket, sender: &mpsc::UnboundedSender<SocketEvent>) -> Socket {
        socket.set_binary_type(BinaryType::Arraybuffer);
        let queued = Rc::new(Cell::new(0));
        let opened = Rc::new(Cell::new(false));
        // Whoever receives has ended if one of these sends fails.
        let report = |sender: &mpsc::UnboundedSender<SocketEvent>, event| drop(sender.unbounded_send(event));

        let (to, has_opened) = (sender.clone(), opened.clone());
        let on_open = Closure::<dyn FnMut()>::new(move || {
            has_opened.set(true);
            report(&to, SocketEvent::Opened { socket: id });
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));

        let (to, waiting, from) = (sender.clone(), queued.clone(), socket.clone());
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let event = read(id, &event, &waiting);
            if let SocketEvent::Overflowed { .. } = event {
                from.set_onmessage(None);
                // What closes next is no news.
                from.set_onclose(None);
            }
            report(&to, event);
        });
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));

        let to = sender.clone();
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            // An `error` event says nothing that this one, which always follows, does not.
            report(
                &to,
                if opened.get() {
                    SocketEvent::Closed {
                        socket: id,
                        code: event.code(),
                        reason: event.reason(),
                    }
                } else {
                    SocketEvent::Failed { socket: id }
                },
            );
        });
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));

        Socket {
            socket,
            queued,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        }
    }

    /// Closes and says nothing more.
    fn close(self, code: u16, reason: &str) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // It throws for codes and reasons that the core does not use.
        let _ = self.socket.close_with_code_and_reason(code, reason);
    }
}

/// A frame as an event, its cost added to `queued`.
fn read(socket: SocketId, frame: &MessageEvent, queued: &Cell<usize>) -> SocketEvent {
    let event = event_of(socket, frame);
    let bytes = queued.get() + cost(&event);
    if bytes > MAX_QUEUED_BYTES {
        return SocketEvent::Overflowed { socket };
    }
    queued.set(bytes);
    event
}

fn event_of(socket: SocketId, frame: &MessageEvent) -> SocketEvent {
    let data = frame.data();
    let Some(text) = data.dyn_ref::<JsString>() else {
        return SocketEvent::Binary { socket };
    };
    // UTF-16 units are never more than UTF-8 bytes: what is too long is not even copied.
    if text.length() as usize > MAX_FRAME_BYTES {
        return SocketEvent::TooLong { socket };
    }
    let text = String::from(text);
    if text.len() > MAX_FRAME_BYTES {
        return SocketEvent::TooLong { socket };
    }
    SocketEvent::Text { socket, text }
}

/// A frame's share of the queue: its text, and what the queue itself needs for it. Empty frames are frames, too.
fn cost(event: &SocketEvent) -> usize {
    let text = if let SocketEvent::Text { text, .. } = event {
        text.len()
    } else {
        0
    };
    size_of::<SocketEvent>() + text
}
