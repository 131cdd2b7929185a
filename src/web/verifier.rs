//! The pool of verifiers: workers of the crypto role that check signatures, from the same module.
//!
//! `gloo-worker` carries claims there and verdicts back. It starts a worker by the address of a
//! script, without a way to hand it the compiled module; `js/worker.ts` therefore posts the
//! module from a `Worker` constructor of its own, and leaves each worker it has made in
//! `ferrySpawned`, so that one that hangs can be ended. It also holds a verifier's lock for its
//! lifetime, and makes an error event of its end. Who checks what is `crypto::Pool`'s.

use std::collections::HashMap;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::StreamExt;
use gloo_worker::{HandlerId, Registrable, Spawnable, Worker, WorkerBridge, WorkerScope};
use js_sys::Reflect;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use web_sys::WorkerGlobalScope;

use super::clock::BrowserClock;
use super::entropy::Browser;
use crate::crypto::{Do, Entropy, Pool, Verifier, VerifierId};
use crate::message::{Claim, RequestId};
use crate::nostr::event::{EventId, Pubkey, Signature};
use crate::nostr::schnorr;
use crate::time::{Clock, Millis};

const CLAIM_BYTES: usize = 128;

/// Becomes a verifier: this worker checks what it is sent until it is ended.
pub fn start() {
    Checker::registrar().register();
}

/// The worker's side.
struct Checker;

/// What a verifier says.
#[derive(Serialize, Deserialize)]
enum Word {
    Ready,
    /// One for each claim, in order.
    Verdicts(Vec<bool>),
}

impl Worker for Checker {
    type Message = ();
    /// Claims of 128 bytes each: id, pubkey, signature.
    type Input = Vec<u8>;
    type Output = Word;

    fn create(_scope: &WorkerScope<Self>) -> Self {
        Checker
    }

    fn update(&mut self, _scope: &WorkerScope<Self>, (): ()) {}

    fn connected(&mut self, scope: &WorkerScope<Self>, id: HandlerId) {
        scope.respond(id, Word::Ready);
    }

    fn received(&mut self, scope: &WorkerScope<Self>, packed: Vec<u8>, id: HandlerId) {
        let verdicts = schnorr::check_batch(&unpack(&packed), Browser.bytes());
        scope.respond(id, Word::Verdicts(verdicts));
    }
}

fn pack(claims: &[Claim]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(CLAIM_BYTES * claims.len());
    for claim in claims {
        packed.extend_from_slice(&claim.id.0);
        packed.extend_from_slice(&claim.pubkey.0);
        packed.extend_from_slice(&claim.sig.0);
    }
    packed
}

fn unpack(packed: &[u8]) -> Vec<Claim> {
    let claim = |bytes: &[u8; CLAIM_BYTES]| {
        let (id, rest) = bytes.split_first_chunk::<32>()?;
        let (pubkey, sig) = rest.split_first_chunk::<32>()?;
        Some(Claim {
            id: EventId(*id),
            pubkey: Pubkey(*pubkey),
            sig: Signature(*sig.first_chunk::<64>()?),
        })
    };
    packed.as_chunks::<CLAIM_BYTES>().0.iter().filter_map(claim).collect()
}

/// What the pool hears of its verifiers.
enum News {
    Said(VerifierId, Word),
    Died(VerifierId),
}

struct Running {
    bridge: WorkerBridge<Checker>,
    worker: web_sys::Worker,
    _on_error: Closure<dyn FnMut(web_sys::Event)>,
}

/// The crypto role's side.
pub struct VerifierPool {
    pool: Pool,
    running: HashMap<VerifierId, Running>,
    news: mpsc::UnboundedReceiver<News>,
    tell: mpsc::UnboundedSender<News>,
    clock: BrowserClock,
    script: String,
}

impl VerifierPool {
    /// A pool of up to `size` verifiers, started when there is something to check.
    pub fn new(size: usize) -> VerifierPool {
        let (tell, news) = mpsc::unbounded();
        let scope = js_sys::global().unchecked_into::<WorkerGlobalScope>();
        VerifierPool {
            pool: Pool::new(size),
            running: HashMap::new(),
            news,
            tell,
            clock: BrowserClock::new(),
            script: scope.location().href(),
        }
    }

    fn hear(&mut self, news: News) {
        let wanted = match news {
            News::Said(id, Word::Ready) => {
                self.pool.ready(id);
                None
            }
            News::Said(id, Word::Verdicts(good)) => self.pool.answered(id, &good),
            News::Died(id) => self.pool.died(id),
        };
        if let Some(wanted) = wanted {
            self.act(wanted);
        }
    }

    fn act(&mut self, wanted: Do) {
        match wanted {
            Do::Start(id) => match self.spawn(id) {
                Some(running) => drop(self.running.insert(id, running)),
                None => drop(self.pool.died(id)),
            },
            Do::Stop(id) => {
                if let Some(Running { bridge, worker, .. }) = self.running.remove(&id) {
                    // Its end is reported as an error, and the closure that would hear of it goes here.
                    worker.set_onerror(None);
                    worker.terminate();
                    drop(bridge);
                }
            }
            Do::Send(id, claims) => {
                if let Some(running) = self.running.get(&id) {
                    running.bridge.send(pack(&claims));
                }
            }
            Do::Check { part, singly } => {
                let good = match singly {
                    true => part.claims.iter().map(schnorr::check).collect(),
                    false => schnorr::check_batch(&part.claims, Browser.bytes()),
                };
                self.pool.checked(&part, &good);
            }
        }
    }

    /// None where this browser starts no worker from a worker.
    fn spawn(&self, id: VerifierId) -> Option<Running> {
        let global = js_sys::global();
        let spawned = JsValue::from_str("ferrySpawned");
        let said = self.tell.clone();
        // With a loader: else it would look for a document. What it hears last may find the role ended.
        let bridge = Checker::spawner()
            .with_loader(true)
            .as_module(false)
            .callback(move |word| drop(said.unbounded_send(News::Said(id, word))))
            .spawn(&self.script);
        let worker = Reflect::get(&global, &spawned)
            .ok()?
            .dyn_into::<web_sys::Worker>()
            .ok()?;
        let died = self.tell.clone();
        let on_error = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            // Else it would count as an error of this worker as well, and end it.
            event.prevent_default();
            let _ = died.unbounded_send(News::Died(id));
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Running {
            bridge,
            worker,
            _on_error: on_error,
        })
    }

    fn now(&self) -> Millis {
        self.clock.now().mono
    }
}

impl Verifier for VerifierPool {
    fn check(&mut self, request: RequestId, claims: Vec<Claim>) {
        self.pool.add(request, claims);
    }

    fn counters(&self) -> Vec<(String, u64)> {
        self.pool
            .counters()
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    fn poll_verdicts(&mut self, cx: &mut Context<'_>) -> Poll<(RequestId, Vec<bool>)> {
        loop {
            while let Poll::Ready(Some(news)) = self.news.poll_next_unpin(cx) {
                self.hear(news);
            }
            if let Some(done) = self.pool.pop_done() {
                return Poll::Ready(done);
            }
            if let Some(wanted) = self.pool.next(self.now()) {
                self.act(wanted);
                continue;
            }
            if self.clock.poll_until(cx, self.pool.next_timeout()).is_pending() {
                return Poll::Pending;
            }
            match self.pool.overdue(self.now()) {
                Some(id) => self.hear(News::Died(id)),
                None => return Poll::Pending,
            }
        }
    }
}
