//! How much a registry is asked: all requests for it go out through its meter, and all bodies that are read for it come
//! in through here.

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

/// What was asked of a registry, of its token server, and of the services that it sends us to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that were sent. Each hop of a redirect is one, and so is each further try.
    pub requests: u64,
    /// Bytes of answers' bodies that were read.
    pub bytes_read: u64,
    /// Bytes of requests' bodies that were given to a connection.
    pub bytes_sent: u64,
    /// How long requests were held back: for a `Retry-After`, and until the host takes one more. Requests that wait
    /// together count each for itself.
    pub waited: Duration,
}

/// Counts for one registry and login. Cheap to clone; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrafficMeter {
    counters: Arc<Counters>,
    unanswered: Unanswered,
    watch: Watch,
    /// Whose requests these are.
    registry: Option<RegistryHost>,
}

/// What an answer has with it, so that what is read of it counts.
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

/// A wait that counts though whoever waits may give it up.
struct Wait<'a> {
    meter: &'a TrafficMeter,
    begun: Instant,
}

impl TrafficMeter {
    /// A meter that tells `watch` of each request.
    pub(crate) fn telling(watch: Watch, registry: Option<RegistryHost>) -> Self {
        Self { counters: Arc::default(), unanswered: Unanswered::default(), watch, registry }
    }

    /// Sends a request. What is read of its answer by [`chunk`] counts, too; a body that is a stream counts itself by
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
            // Without a connection nothing was sent: a registry without TLS is asked for it in vain.
            if error.is_connect() {
                counters.requests.fetch_sub(1, Ordering::Relaxed);
                counters.bytes_sent.fetch_sub(body as u64, Ordering::Relaxed);
            }
        })?;
        drop(question);
        if let Some(under_way) = &mut under_way {
            under_way.answered(&response);
        }
        // The end of the answer is the end of this.
        let under_way = under_way.map(Arc::new);
        response.extensions_mut().insert(Counted { meter: self.clone(), under_way });
        Ok(response)
    }

    /// So many bytes of a request's body went to its connection.
    pub(crate) fn gave(&self, bytes: usize) {
        self.counters.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.unanswered.gave();
    }

    /// Who owes answers.
    pub(crate) fn silences(&self) -> Vec<HostSilence> {
        self.unanswered.silences()
    }

    /// Waits for the turn of a request.
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

/// The next piece of an answer's body, counted where the answer came through a meter.
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
