//! What is told of each request and its answer: enough to see what was asked and how it went, and nothing that can be a
//! secret.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use oci::RegistryHost;

use super::redact::RedactedUrl;
use super::request_id::request_id;

/// A request that has ended: its answer was read or thrown away, or none came. There are no headers and no bodies in it,
/// and the address has no login, no signature and no state, so whoever prints it prints no secret.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The registry that it was sent for; `None` for what belongs to none, such as a cloud's API.
    pub registry: Option<RegistryHost>,
    /// What was asked,
    pub method: Method,
    /// and where: with redirects, that is not always the registry.
    pub url: RedactedUrl,
    /// The answer's; `None` where none came.
    pub status: Option<StatusCode>,
    /// How long it took until the answer began, or the request was given up.
    pub waited: Duration,
    /// How long the answer's body took after that.
    pub reading: Duration,
    /// Bytes of the request's body, as it announced them.
    pub bytes_sent: u64,
    /// Bytes of the answer's body that were read.
    pub bytes_read: u64,
    /// What the other side calls the request.
    pub request_id: Option<String>,
    /// For what it went out, in the observer's own terms.
    pub purpose: Option<Purpose>,
}

/// For what a request goes out: whatever its observer keeps of that.
pub type Purpose = Arc<dyn Any + Send + Sync>;

/// Hears of all requests of a [`Transport`](crate::Transport).
pub trait RequestObserver: Send + Sync {
    /// Takes one. It must be quick: the next request waits for it.
    fn exchanged(&self, exchange: &Exchange);

    /// For what the task sends a request that asks: told with its exchange, which may end elsewhere.
    fn purpose(&self) -> Option<Purpose> {
        None
    }
}

/// Who hears of requests, once somebody does. Clones share him.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<OnceLock<Arc<dyn RequestObserver>>>);

impl Watch {
    pub(crate) fn set(&self, observer: Arc<dyn RequestObserver>) {
        // There is one run for a transport, and it sets this once.
        let _ = self.0.set(observer);
    }

    /// What will be told of a request that goes out now.
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

/// A request whose end is told when this is dropped, however that comes.
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
