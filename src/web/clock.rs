//! The worker's clocks and its one alarm.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::prelude::*;
use web_sys::{MessageChannel, MessagePort, Performance, WorkerGlobalScope};

use crate::time::{Clock, Millis, Now, UnixSeconds};

/// `performance.now()` and `Date.now()`, with one `setTimeout` at most.
pub struct BrowserClock {
    scope: WorkerGlobalScope,
    performance: Option<Performance>,
    alarm: Rc<RefCell<Alarm>>,
    fire: Closure<dyn FnMut()>,
    later: Later,
}

/// A message to oneself: it arrives behind what the worker has been sent before it.
struct Later {
    port: Option<MessagePort>,
    state: Rc<RefCell<LaterState>>,
}

#[derive(Default)]
enum LaterState {
    #[default]
    Idle,
    Posted(Waker),
    Arrived,
}

impl Later {
    fn new() -> Later {
        let state = Rc::new(RefCell::new(LaterState::Idle));
        let arrived = state.clone();
        let on_message = Closure::<dyn FnMut()>::new(move || {
            let before = std::mem::replace(&mut *arrived.borrow_mut(), LaterState::Arrived);
            if let LaterState::Posted(waker) = before {
                waker.wake();
            }
        });
        let port = MessageChannel::new().ok().map(|channel| {
            channel.port2().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
            channel.port1()
        });
        // It lives as long as the worker.
        on_message.forget();
        Later { port, state }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        match &mut *state {
            LaterState::Arrived => {
                *state = LaterState::Idle;
                Poll::Ready(())
            }
            LaterState::Posted(waker) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            LaterState::Idle => {
                let posted = self
                    .port
                    .as_ref()
                    .is_some_and(|port| port.post_message(&JsValue::NULL).is_ok());
                if !posted {
                    return Poll::Ready(());
                }
                *state = LaterState::Posted(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[derive(Default)]
struct Alarm {
    /// When the browser's timer fires, and its handle.
    armed: Option<(Millis, i32)>,
    waker: Option<Waker>,
}

impl BrowserClock {
    pub fn new() -> BrowserClock {
        let scope = js_sys::global().unchecked_into::<WorkerGlobalScope>();
        let alarm = Rc::new(RefCell::new(Alarm::default()));
        let fired = alarm.clone();
        let fire = Closure::new(move || {
            let waker = {
                let mut alarm = fired.borrow_mut();
                alarm.armed = None;
                alarm.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        BrowserClock {
            performance: scope.performance(),
            scope,
            alarm,
            fire,
            later: Later::new(),
        }
    }

    fn mono(&self) -> Millis {
        Millis(
            self.performance
                .as_ref()
                .map_or_else(js_sys::Date::now, Performance::now) as u64,
        )
    }
}

impl Clock for BrowserClock {
    fn now(&self) -> Now {
        Now {
            mono: self.mono(),
            unix: UnixSeconds((js_sys::Date::now() / 1000.0) as u64),
        }
    }

    fn poll_until(&self, cx: &mut Context<'_>, deadline: Option<Millis>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        let now = self.mono();
        if now >= deadline {
            return Poll::Ready(());
        }
        let mut alarm = self.alarm.borrow_mut();
        alarm.waker = Some(cx.waker().clone());
        // A timer that fires too early is re-armed by the poll it causes; one too late is replaced.
        if alarm.armed.is_none_or(|(at, _)| at > deadline) {
            if let Some((_, handle)) = alarm.armed.take() {
                self.scope.clear_timeout_with_handle(handle);
            }
            // One more: the browser's clock is rounded, and a timer must not fire just before its deadline.
            let wait = i32::try_from(deadline.since(now) + 1).unwrap_or(i32::MAX);
            let callback = self.fire.as_ref().unchecked_ref();
            if let Ok(handle) = self
                .scope
                .set_timeout_with_callback_and_timeout_and_arguments_0(callback, wait)
            {
                alarm.armed = Some((deadline, handle));
            }
        }
        Poll::Pending
    }

    fn poll_later(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.later.poll(cx)
    }
}
