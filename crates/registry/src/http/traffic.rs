//! Meters a registry's traffic: all requests for it are sent through its meter, and all bodies that are read for it
//! pass through here.

use std::future::Future;
use std::iter::Sum;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use oci::RegistryHost;

use super::exchange::{UnderWay, Watch};
use super::unanswered::{Body, HostSilence, Unanswered};

/// The traffic with a registry, its token server, and the services to which it redirects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that were sent. Each redirect hop counts, and so does each retry.
    pub requests: u64,
    /// Bytes of answers' bodies that were read.
    pub bytes_read: u64,
    /// Bytes of requests' bodies that were passed to a connection.
    pub bytes_sent: u64,
    /// How long requests were held back: by a `Retry-After`, or until the host takes one more. Requests that wait
    /// at the same time count separately.
    pub waited: Duration,
}

/// Counts for one registry and login. Cheap to clone; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrafficMeter {
    counters: Arc<Counters>,
    unanswered: Unanswered,
    watch: Watch,
    /// The registry of these requests.
    registry: Option<RegistryHost>,
}

/// Attached to an answer, so that the bytes that are read of it count.
#[derive(Clone)]
struct Counted {
    meter: TrafficMeter,
    under_way: Option<Arc<UnderWay>>,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    bytes_read: AtomicU64,
    bytes_sent: AtomicU64,
    waited_micros: AtomicU64,
}

/// A wait that counts even if the waiting request is cancelled.
struct Wait<'a> {
    meter: &'a TrafficMeter,
    begun: Instant,
}

impl TrafficMeter {
    /// A meter that reports each request to `watch`.
    pub(crate) fn telling(watch: Watch, registry: Option<RegistryHost>) -> Self {
        Self { counters: Arc::default(), unanswered: Unanswered::default(), watch, registry }
    }

    /// Sends a request. The bytes of its answer that are read by [`chunk`] count, too; a body that is a stream counts itself by
    /// [`gave`](Self::gave).
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<reqwest::Response> {
        let (client, request) = request.build_split();
        let request = request?;
        let in_memory = request.body().map(|body| body.as_bytes().map(<[u8]>::len));
        let body = in_memory.flatten().unwrap_or(0);
        let counters = &*self.counters;
        counters.requests.fetch_add(1, Ordering::Relaxed);
        counters.bytes_sent.fetch_add(body as u64, Ordering::Relaxed);
        let how = if in_memory == Some(None) { Body::PieceByPiece } else { Body::AtOnce };
        let question = self.unanswered.ask(request.url(), how);
        let mut under_way = self.watch.begin(self.registry.as_ref(), &request);
        let mut response = client.execute(request).await.inspect_err(|error| {
            // Without a connection nothing was sent: the attempt to reach a registry without TLS by TLS must not count.
            if error.is_connect() {
                counters.requests.fetch_sub(1, Ordering::Relaxed);
                counters.bytes_sent.fetch_sub(body as u64, Ordering::Relaxed);
            }
        })?;
        drop(question);
        if let Some(under_way) = &mut under_way {
            under_way.answered(&response);
        }
        // This ends with the answer.
        let under_way = under_way.map(Arc::new);
        response.extensions_mut().insert(Counted { meter: self.clone(), under_way });
        Ok(response)
    }

    /// Counts bytes of a request's body that went to its connection.
    pub(crate) fn gave(&self, bytes: usize) {
        self.counters.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.unanswered.gave();
    }

    /// The hosts that owe answers.
    pub(crate) fn silences(&self) -> Vec<HostSilence> {
        self.unanswered.silences()
    }

    /// Waits until a request may be sent, and counts the time.
    pub(crate) async fn waiting<T>(&self, turn: impl Future<Output = T>) -> T {
        let _wait = Wait { meter: self, begun: Instant::now() };
        turn.await
    }

    pub(crate) fn read(&self) -> Traffic {
        let Counters { requests, bytes_read, bytes_sent, waited_micros } = &*self.counters;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            requests: count(requests),
            bytes_read: count(bytes_read),
            bytes_sent: count(bytes_sent),
            waited: Duration::from_micros(count(waited_micros)),
        }
    }
}

/// The next piece of an answer's body, counted if the answer came through a meter.
pub(crate) async fn chunk(response: &mut reqwest::Response) -> reqwest::Result<Option<Bytes>> {
    let piece = response.chunk().await?;
    if let (Some(piece), Some(counted)) = (&piece, response.extensions().get::<Counted>()) {
        counted.meter.counters.bytes_read.fetch_add(piece.len() as u64, Ordering::Relaxed);
        if let Some(under_way) = &counted.under_way {
            under_way.read(piece.len());
        }
    }
    Ok(piece)
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.meter.counters.waited_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            bytes_read: self.bytes_read + other.bytes_read,
            bytes_sent: self.bytes_sent + other.bytes_sent,
            waited: self.waited + other.waited,
        }
    }
}

impl Sum for Traffic {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_wait_counts_though_it_was_given_up() {
        let meter = TrafficMeter::default();
        let wait = meter.waiting(tokio::time::sleep(Duration::from_secs(3600)));
        let mut wait = Box::pin(wait);
        assert!((&mut wait).now_or_never().is_none());
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(wait);
        assert!(meter.read().waited >= Duration::from_millis(20));
        assert_eq!(meter.waiting(async { 7 }).await, 7);
        assert!(meter.read().waited < Duration::from_secs(60));
    }
}
