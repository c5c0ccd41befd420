//! The record of each request and its answer: enough to see what was requested and how it went, and no
//! secrets.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use oci::RegistryHost;

use super::redact::RedactedUrl;
use super::request_id::request_id;

/// A request that has ended: its answer was read or dropped, or none came. It has no headers and no bodies,
/// and its address has no login, signature or session state, so it is safe to print.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The registry that the request was for; `None` for other requests, such as to a cloud's API.
    pub registry: Option<RegistryHost>,
    /// The request's method.
    pub method: Method,
    /// The request's URL: after redirects, that is not always the registry's.
    pub url: RedactedUrl,
    /// The answer's status; `None` if none came.
    pub status: Option<StatusCode>,
    /// How long it took until the answer began, or the request was given up.
    pub waited: Duration,
    /// How long the answer's body took after that.
    pub reading: Duration,
    /// Bytes of the request's body, as it announced them.
    pub bytes_sent: u64,
    /// Bytes of the answer's body that were read.
    pub bytes_read: u64,
    /// The server's id of the request.
    pub request_id: Option<String>,
    /// The purpose of the request, in the observer's own terms.
    pub purpose: Option<Purpose>,
}

/// The purpose of a request, in a type of the observer's choice.
pub type Purpose = Arc<dyn Any + Send + Sync>;

/// Gets a record of all requests of a [`Transport`](crate::Transport).
pub trait RequestObserver: Send + Sync {
    /// Takes a record. It must be quick: the next request waits for it.
    fn exchanged(&self, exchange: &Exchange);

    /// The purpose of the current task's requests. It is stored in the exchange, which may end in another task.
    fn purpose(&self) -> Option<Purpose> {
        None
    }
}

/// The observer of requests, once one is set. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<OnceLock<Arc<dyn RequestObserver>>>);

impl Watch {
    pub(crate) fn set(&self, observer: Arc<dyn RequestObserver>) {
        // A transport serves one run, which sets this once.
        let _ = self.0.set(observer);
    }

    /// The record of a request that is sent now; `None` without an observer.
    pub(crate) fn begin(
        &self,
        registry: Option<&RegistryHost>,
        request: &reqwest::Request,
    ) -> Option<UnderWay> {
        let observer = self.0.get()?.clone();
        let announced = request.headers().get(http::header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        let in_memory = request.body().and_then(reqwest::Body::as_bytes).map(|body| body.len() as u64);
        let exchange = Exchange {
            registry: registry.cloned(),
            method: request.method().clone(),
            url: request.url().into(),
            status: None,
            waited: Duration::ZERO,
            reading: Duration::ZERO,
            bytes_sent: in_memory.or(announced).unwrap_or(0),
            bytes_read: 0,
            request_id: None,
            purpose: observer.purpose(),
        };
        Some(UnderWay { observer, exchange, begun: Instant::now(), answered: None, read: AtomicU64::new(0) })
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Watch").field(&self.0.get().is_some()).finish()
    }
}

/// A request under way; its end is reported when this is dropped, for whatever reason.
pub(crate) struct UnderWay {
    observer: Arc<dyn RequestObserver>,
    exchange: Exchange,
    begun: Instant,
    answered: Option<Instant>,
    read: AtomicU64,
}

impl UnderWay {
    pub(crate) fn answered(&mut self, response: &reqwest::Response) {
        self.answered = Some(Instant::now());
        self.exchange.status = Some(response.status());
        self.exchange.request_id = request_id(response.headers());
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let ended = Instant::now();
        let answered = self.answered.unwrap_or(ended);
        self.exchange.waited = answered - self.begun;
        self.exchange.reading = ended - answered;
        self.exchange.bytes_read = *self.read.get_mut();
        self.observer.exchanged(&self.exchange);
    }
}
