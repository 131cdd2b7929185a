//! `fetch` for the roles: relays' NIP-11 documents and the parser's requests to Cashu mints.
//!
//! No credentials are sent, a request has a time limit, and no more is read of an answer than was allowed.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc;
use futures_util::stream::{FusedStream, Stream, StreamExt};
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortSignal, Headers, ReadableStreamDefaultReader, RequestCredentials, RequestInit, Response, WorkerGlobalScope,
};

use crate::parser::{Http, HttpAnswer, HttpAsk};

const TIMEOUT_MS: u32 = 10_000;
/// A mint's keysets are some kilobytes each.
const MAX_BYTES: usize = 1 << 20;

/// The parser's edge to HTTP.
pub struct Fetches {
    answers: mpsc::UnboundedReceiver<HttpAnswer>,
    sender: mpsc::UnboundedSender<HttpAnswer>,
}

impl Fetches {
    pub fn new() -> Fetches {
        let (sender, answers) = mpsc::unbounded();
        Fetches { answers, sender }
    }
}

impl Http for Fetches {
    fn ask(&mut self, ask: HttpAsk) {
        let sender = self.sender.clone();
        spawn_local(async move {
            let body = ask.body.as_deref();
            let body = fetch(&ask.url, "application/json", body, MAX_BYTES).await.ok();
            // The role may have ended meanwhile.
            let _ = sender.unbounded_send(HttpAnswer {
                number: ask.number,
                body,
            });
        });
    }
}

impl Stream for Fetches {
    type Item = HttpAnswer;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<HttpAnswer>> {
        self.answers.poll_next_unpin(cx)
    }
}

impl FusedStream for Fetches {
    fn is_terminated(&self) -> bool {
        // `self` holds a sender.
        false
    }
}

/// The body of a successful answer, of at most `max_bytes`. With `json` it is a POST of that.
pub(super) async fn fetch(url: &str, accept: &str, json: Option<&str>, max_bytes: usize) -> Result<String, JsValue> {
    let headers = Headers::new()?;
    headers.set("Accept", accept)?;
    let init = RequestInit::new();
    if let Some(json) = json {
        headers.set("Content-Type", "application/json")?;
        init.set_method("POST");
        init.set_body(&json.into());
    }
    init.set_headers(&headers);
    init.set_credentials(RequestCredentials::Omit);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT_MS)));
    let scope = js_sys::global().unchecked_into::<WorkerGlobalScope>();
    let response: Response = JsFuture::from(scope.fetch_with_str_and_init(url, &init))
        .await?
        .dyn_into()?;
    let body = response.body().filter(|_| response.ok()).ok_or(JsValue::NULL)?;
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        let Ok(piece) = Reflect::get(&chunk, &"value".into())?.dyn_into::<Uint8Array>() else {
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        };
        if bytes.len() + piece.length() as usize > max_bytes {
            // Nobody reads on; that it fails would change nothing.
            let _ = reader.cancel();
            return Err(JsValue::NULL);
        }
        bytes.extend(piece.to_vec());
    }
}
