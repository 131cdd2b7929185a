//! Delivery to the page: a ring where memory can be shared, a credited port elsewhere.
//!
//! The page attaches an outlet after it has asked for what is to be written to it, so that the answer is looked for
//! meanwhile: `{ sub, port, ring? }` as an object on the control port. Both kinds have the same behaviour: a record is written, or
//! the outlet is full and says when it has room again. Which one it is, nobody else knows.
//!
//! A ring that the page may want again has a number: `{ sub, port, ring, number, use }`. It is kept when its subscription
//! is over, for `{ sub, number, use }`, until `{ gone: number }`. The page reads nothing of it before a bell that says `use`, so that
//! what was under way for one subscription cannot reach the next.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::{FutureExt, StreamExt};
use js_sys::{Reflect, SharedArrayBuffer};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, MessagePort};

use super::port::{Incoming, MessagePortPost, listen};
use super::ring::{Put, RingWriter};
use crate::connections::StatusSink;
use crate::message::{ConnectionStatus, Nothing, ParserToPage, SubId};
use crate::parser::{PageEdge, PageSinks, Written};
use crate::router::{Packet, Port, PortConfig, Post};
use crate::time::Millis;
use crate::wire::{Wire, WireError};

/// One subscription's way to the page, or the status stream's.
struct Outlet {
    kind: Kind,
    bell: MessagePort,
    /// Something was written and the page has not been told.
    written: bool,
    /// Full, until the page has read.
    full: bool,
    _listener: Closure<dyn FnMut(MessageEvent)>,
}

enum Kind {
    Ring {
        ring: RingWriter,
        /// What the page knows it by; none if it does not come again.
        number: Option<u32>,
        /// What its bell says.
        r#use: u32,
    },
    Port {
        port: Port<Nothing, Bytes>,
        credit: mpsc::UnboundedSender<Packet>,
    },
}

/// An encoded message.
struct Bytes(Vec<u8>);

impl Wire for Bytes {
    fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(Bytes(bytes.to_vec()))
    }
}

impl Outlet {
    /// Reads an attachment; `heard` gets what the page sends back. None if it is no attachment.
    fn open(object: &JsValue, config: PortConfig, heard: impl Fn(Packet) + 'static) -> Option<Outlet> {
        let get = |name: &str| Reflect::get(object, &name.into()).ok();
        let bell = get("port")?.dyn_into::<MessagePort>().ok()?;
        let kind = match get("ring").and_then(|ring| ring.dyn_into::<SharedArrayBuffer>().ok()) {
            Some(buffer) => Kind::Ring {
                ring: RingWriter::new(&buffer)?,
                number: number(object, "number"),
                r#use: number(object, "use")?,
            },
            None => {
                let (credit, inlet) = mpsc::unbounded();
                let window = get("windowBytes").and_then(|bytes| bytes.as_f64());
                let window_bytes = window.map_or(config.window_bytes, |bytes| bytes as u64);
                let config = PortConfig { window_bytes, ..config };
                let port = Port::new("page", inlet, Box::new(MessagePortPost(bell.clone())), config);
                Kind::Port { port, credit }
            }
        };
        let listener = listen(&bell, move |message| match message {
            Incoming::Packet(packet) => heard(packet),
            // The page attaches on the control port only.
            Incoming::Object(_) => {}
        });
        Some(Outlet {
            kind,
            bell,
            written: false,
            full: false,
            _listener: listener,
        })
    }

    fn write(&mut self, message: &impl Wire) -> Written {
        if self.full {
            return Written::Full;
        }
        let bytes = message.encode();
        self.full = match &mut self.kind {
            Kind::Ring { ring, r#use, .. } => match ring.put(&bytes) {
                Put::Done => false,
                Put::Apart => {
                    // What comes before its first bell is nothing to the page.
                    ring_bell(ring, *r#use, &self.bell);
                    MessagePortPost(self.bell.clone()).post(Packet::Batch(bytes));
                    false
                }
                Put::Full => true,
            },
            Kind::Port { port, .. } => port.try_send(Bytes(bytes)).is_err(),
        };
        self.written = true;
        if self.full { Written::Full } else { Written::Yes }
    }

    /// Lets the page know of what was written.
    fn flush(&mut self, now: Millis) {
        if !std::mem::take(&mut self.written) {
            return;
        }
        match &mut self.kind {
            Kind::Ring { ring, r#use, .. } => {
                ring.publish();
                ring_bell(ring, *r#use, &self.bell);
            }
            Kind::Port { port, .. } => port.flush(now),
        }
    }

    /// The number of its ring, if the page may want that again.
    fn number(&self) -> Option<u32> {
        match &self.kind {
            Kind::Ring { number, .. } => *number,
            Kind::Port { .. } => None,
        }
    }

    /// Begins anew as `object` has it.
    fn renew(&mut self, object: &JsValue) {
        (self.written, self.full) = (false, false);
        if let Kind::Ring { ring, r#use, .. } = &mut self.kind {
            ring.renew();
            *r#use = number(object, "use").unwrap_or(*r#use);
        }
    }

    /// Its ring does not come again.
    fn forget(&mut self) {
        if let Kind::Ring { number, .. } = &mut self.kind {
            *number = None;
        }
    }

    /// Takes what the page sent back. True if an outlet that was full has room again.
    fn heard(&mut self, packet: Packet) -> bool {
        if let Kind::Port { port, credit } = &mut self.kind {
            // Both ends of this queue are here.
            let _ = credit.unbounded_send(packet);
            while port.next().now_or_never().flatten().is_some() {}
        }
        std::mem::take(&mut self.full)
    }
}

/// Wakes the page if it sleeps.
fn ring_bell(ring: &RingWriter, r#use: u32, bell: &MessagePort) {
    if ring.take_sleeping() {
        MessagePortPost(bell.clone()).post(Packet::Credit(r#use.into()));
    }
}

fn number(object: &JsValue, name: &str) -> Option<u32> {
    let value = Reflect::get(object, &name.into()).ok()?.as_f64()?;
    Some(value as u32)
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.bell.set_onmessage(None);
        self.bell.close();
    }
}

/// An outlet, and whose it is at present: what hears the page sends that along.
type Owned = (Outlet, Rc<RefCell<SubId>>);

/// The parser's outlets, one a subscription. The page gives each its own id, never used again.
pub struct Outlets {
    outlets: HashMap<SubId, Owned>,
    /// Those of subscriptions that are over, by the numbers of their rings.
    kept: HashMap<u32, Owned>,
    /// Subscriptions that something is to be written for, and whose outlet has not come.
    awaited: HashSet<SubId>,
    /// Those of which it has come since.
    came: Vec<SubId>,
    /// Outlets that were written to in this turn.
    dirty: Vec<SubId>,
    config: PortConfig,
    attached: mpsc::UnboundedReceiver<JsValue>,
    hear: mpsc::UnboundedSender<(SubId, Packet)>,
    /// What the page sent back on any outlet's port.
    heard: mpsc::UnboundedReceiver<(SubId, Packet)>,
}

impl Outlets {
    /// Outlets from the objects that come on the parser's control port.
    pub fn new(attached: mpsc::UnboundedReceiver<JsValue>, config: PortConfig) -> Outlets {
        let (hear, heard) = mpsc::unbounded();
        Outlets {
            outlets: HashMap::new(),
            kept: HashMap::new(),
            awaited: HashSet::new(),
            came: Vec::new(),
            dirty: Vec::new(),
            config,
            attached,
            hear,
            heard,
        }
    }

    fn attach(&mut self, object: &JsValue) {
        let sub = Reflect::get(object, &"sub".into())
            .ok()
            .and_then(|sub| SubId::new(&sub.as_string()?));
        let Some(sub) = sub else {
            return number(object, "gone").into_iter().for_each(|gone| self.forget(gone));
        };
        let owned = self.again(object, &sub).or_else(|| {
            let owner = Rc::new(RefCell::new(sub.clone()));
            let (hear, of) = (self.hear.clone(), owner.clone());
            let heard = move |packet| drop(hear.unbounded_send((of.borrow().clone(), packet)));
            Some((Outlet::open(object, self.config, heard)?, owner))
        });
        if let Some(owned) = owned {
            self.came.extend(self.awaited.take(&sub));
            self.outlets.insert(sub, owned);
        }
    }

    /// The outlet whose ring `object` names, for `sub`. None if it brings one of its own.
    fn again(&mut self, object: &JsValue, sub: &SubId) -> Option<Owned> {
        let number = number(object, "number")?;
        let (mut outlet, owner) = self.kept.remove(&number).or_else(|| {
            // The page is through with whoever has it, and has said so in a message that has not been looked at.
            let former = self.holder(number)?;
            self.outlets.remove(&former)
        })?;
        outlet.renew(object);
        *owner.borrow_mut() = sub.clone();
        Some((outlet, owner))
    }

    fn holder(&self, number: u32) -> Option<SubId> {
        let mut outlets = self.outlets.iter();
        outlets
            .find(|(_, (outlet, _))| outlet.number() == Some(number))
            .map(|(sub, _)| sub.clone())
    }

    fn forget(&mut self, number: u32) {
        self.kept.remove(&number);
        if let Some((outlet, _)) = self.holder(number).and_then(|sub| self.outlets.get_mut(&sub)) {
            outlet.forget();
        }
    }
}

impl PageSinks for Outlets {
    fn write(&mut self, sub: &SubId, message: &ParserToPage) -> Written {
        let Some((outlet, _)) = self.outlets.get_mut(sub) else {
            self.awaited.insert(sub.clone());
            return Written::Full;
        };
        if !outlet.written {
            self.dirty.push(sub.clone());
        }
        outlet.write(message)
    }

    fn close(&mut self, sub: &SubId) {
        // One that is closed at once may not have been looked at.
        while let Ok(object) = self.attached.try_recv() {
            self.attach(&object);
        }
        self.awaited.remove(sub);
        // What was written last may not have been told yet.
        if let Some((mut outlet, owner)) = self.outlets.remove(sub) {
            outlet.flush(Millis(0));
            if let Some(number) = outlet.number() {
                self.kept.insert(number, (outlet, owner));
            }
        }
    }
}

impl PageEdge for Outlets {
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<SubId> {
        while let Poll::Ready(Some(object)) = self.attached.poll_next_unpin(cx) {
            self.attach(&object);
        }
        if let Some(sub) = self.came.pop() {
            return Poll::Ready(sub);
        }
        while let Poll::Ready(Some((sub, packet))) = self.heard.poll_next_unpin(cx) {
            if self
                .outlets
                .get_mut(&sub)
                .is_some_and(|(outlet, _)| outlet.heard(packet))
            {
                return Poll::Ready(sub);
            }
        }
        Poll::Pending
    }

    fn flush(&mut self, now: Millis) {
        for sub in self.dirty.drain(..) {
            if let Some((outlet, _)) = self.outlets.get_mut(&sub) {
                outlet.flush(now);
            }
        }
    }
}

/// The status stream of connections: the outlet the page attached, once it has.
pub struct StatusOutlet {
    outlet: Option<Outlet>,
    config: PortConfig,
    attached: mpsc::UnboundedReceiver<JsValue>,
    hear: mpsc::UnboundedSender<Packet>,
    heard: mpsc::UnboundedReceiver<Packet>,
}

impl StatusOutlet {
    /// An outlet from the object that comes on the control port of connections.
    pub fn new(attached: mpsc::UnboundedReceiver<JsValue>, config: PortConfig) -> StatusOutlet {
        let (hear, heard) = mpsc::unbounded();
        StatusOutlet {
            outlet: None,
            config,
            attached,
            hear,
            heard,
        }
    }
}

impl StatusSink for StatusOutlet {
    fn status(&mut self, status: &ConnectionStatus) -> bool {
        let Some(outlet) = &mut self.outlet else { return false };
        let written = outlet.write(status) == Written::Yes;
        // States are few: each is told at once.
        outlet.flush(Millis(0));
        written
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(Some(object)) = self.attached.poll_next_unpin(cx) {
            let hear = self.hear.clone();
            let heard = move |packet| drop(hear.unbounded_send(packet));
            if let Some(outlet) = Outlet::open(&object, self.config, heard) {
                self.outlet = Some(outlet);
                return Poll::Ready(());
            }
        }
        while let Poll::Ready(Some(packet)) = self.heard.poll_next_unpin(cx) {
            if self.outlet.as_mut().is_some_and(|outlet| outlet.heard(packet)) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}
