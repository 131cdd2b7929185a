//! A router port over a MessagePort.
//!
//! A batch is an ArrayBuffer and is transferred; credit is a number; goodbye is null.
//! On a control port the page also hands over the rings and ports it reads from, and the ports to roles that were
//! replaced, as objects.

use futures_channel::mpsc;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort};

use crate::router::{Packet, Port, PortConfig, Post};
use crate::wire::Wire;

/// Opens a port between two roles.
pub fn open<In: Wire, Out: Wire>(name: &str, port: MessagePort, config: PortConfig) -> Port<In, Out> {
    // The page says objects on control ports only.
    open_control(name, port, config, drop)
}

/// Opens a control port; `on_object` gets the objects that come beside its messages.
pub fn open_control<In: Wire, Out: Wire>(
    name: &str,
    port: MessagePort,
    config: PortConfig,
    on_object: impl Fn(JsValue) + 'static,
) -> Port<In, Out> {
    let (packets, inlet) = mpsc::unbounded();
    let listener = listen(&port, move |message| match message {
        // A role that has ended reads no more.
        Incoming::Packet(packet) => drop(packets.unbounded_send(packet)),
        Incoming::Object(object) => on_object(object),
    });
    // The port lives as long as the worker.
    listener.forget();
    Port::new(name, inlet, Box::new(MessagePortPost(port)), config)
}

/// What arrives on a MessagePort.
pub enum Incoming {
    Packet(Packet),
    Object(JsValue),
}

/// Hands what arrives on `port` to `take`, for as long as the closure is kept.
pub fn listen(port: &MessagePort, take: impl Fn(Incoming) + 'static) -> Closure<dyn FnMut(MessageEvent)> {
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data();
        take(if let Some(buffer) = data.dyn_ref::<ArrayBuffer>() {
            Incoming::Packet(Packet::Batch(Uint8Array::new(buffer).to_vec()))
        } else if let Some(bytes) = data.as_f64() {
            Incoming::Packet(Packet::Credit(bytes as u64))
        } else if data.is_null() {
            Incoming::Packet(Packet::Goodbye)
        } else {
            Incoming::Object(data)
        });
    });
    port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message
}

/// The outgoing half of a MessagePort.
pub struct MessagePortPost(pub MessagePort);

impl Post for MessagePortPost {
    fn post(&mut self, packet: Packet) {
        // Posting to a closed or orphaned port is silent; a failure to clone cannot happen with these values.
        let _ = match packet {
            Packet::Batch(batch) => self.post_bytes(&batch),
            Packet::Credit(bytes) => self.0.post_message(&JsValue::from_f64(bytes as f64)),
            Packet::Goodbye => self.0.post_message(&JsValue::NULL),
        };
    }

    fn post_batch(&mut self, batch: &mut Vec<u8>) {
        // As in `post`.
        let _ = self.post_bytes(batch);
        batch.clear();
    }
}

impl MessagePortPost {
    fn post_bytes(&self, batch: &[u8]) -> Result<(), JsValue> {
        let buffer = Uint8Array::from(batch).buffer();
        self.0.post_message_with_transferable(&buffer, &Array::of1(&buffer))
    }
}
