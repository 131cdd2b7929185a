//! What the role needs of HTTP: `web/http.rs` in a browser, a scripted one in tests.

use futures_util::stream::FusedStream;

/// One request. A browser sends no credentials with it and follows its own rules on CORS and mixed content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAsk {
    /// The asker's number; the answer carries it back.
    pub number: u64,
    pub url: String,
    /// JSON to POST; none is a GET.
    pub body: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    pub number: u64,
    /// The body of an answer of success, of at most 1 MiB; none for every failure: a browser does not tell them apart.
    pub body: Option<String>,
}

/// Sends requests. One answer follows each, within 15 seconds.
pub trait Http: FusedStream<Item = HttpAnswer> + Unpin {
    /// Sends a request.
    fn ask(&mut self, ask: HttpAsk);
}
