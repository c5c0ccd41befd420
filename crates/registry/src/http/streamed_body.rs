//! A body that can be read only once, but can be sent again if the server never looked at the request.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use oci::BrokenOff;
use tokio::sync::Notify;

use super::route::Route;
use super::traffic::TrafficMeter;
use crate::blob::BlobBody;

/// A broken connection releases its body within this time.
const COMES_BACK: Duration = Duration::from_secs(1);

/// The pieces of a request's body. The next request gets all of them again if none was read, or if the body is
/// small enough to be kept: small bodies share a connection that the server may end at any time.
pub(crate) struct StreamedBody(Arc<Mutex<Pieces>>, Arc<Notify>);

struct Pieces {
    /// `None` while a request reads it, and after that.
    left: Option<BlobBody>,
    /// The pieces that were read, if they are kept.
    taken: Vec<Bytes>,
    keeps: bool,
}

/// A request's hold on the body.
struct Lent {
    lender: Arc<Mutex<Pieces>>,
    given_back: Arc<Notify>,
    left: Option<BlobBody>,
    /// How many of the kept pieces this request has got.
    given: usize,
}

impl StreamedBody {
    /// `route` is the request's: the body of a shared one is small.
    pub(crate) fn new(
        pieces: impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static,
        route: Route,
    ) -> Self {
        // The next request polls the stream to the end again, which most streams do not allow without `fuse`.
        let (left, keeps) = (Some(Box::pin(pieces.fuse()) as BlobBody), route == Route::Shared);
        Self(Arc::new(Mutex::new(Pieces { left, taken: Vec::new(), keeps })), Arc::default())
    }

    /// The body for one request. The previous request must have ended.
    pub(crate) fn lend(&self, meter: &TrafficMeter) -> reqwest::Body {
        let (lent, meter) = (self.lent(), meter.clone());
        let counted = lent.inspect(move |piece| meter.gave(piece.as_ref().map_or(0, Bytes::len)));
        reqwest::Body::wrap_stream(counted)
    }

    /// Waits until the broken request returns the body; returns whether all pieces are there for another one.
    pub(crate) async fn is_whole(&self) -> bool {
        // The connection's own task holds the body, and ends a little later than the request.
        let given_back = async {
            while !self.is_here() {
                self.1.notified().await;
            }
        };
        let may_come_back = lock(&self.0).keeps;
        self.is_here() || (may_come_back && tokio::time::timeout(COMES_BACK, given_back).await.is_ok())
    }

    fn is_here(&self) -> bool {
        lock(&self.0).left.is_some()
    }

    fn lent(&self) -> Lent {
        Lent { lender: self.0.clone(), given_back: self.1.clone(), left: None, given: 0 }
    }
}

impl Stream for Lent {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let lent = &mut *self;
        let mut pieces = lock(&lent.lender);
        if let Some(piece) = pieces.taken.get(lent.given) {
            lent.given += 1;
            return Poll::Ready(Some(Ok(piece.clone())));
        }
        if lent.left.is_none() {
            lent.left = pieces.left.take();
        }
        let Some(body) = &mut lent.left else { return Poll::Ready(Some(Err(BrokenOff))) };
        let polled = body.as_mut().poll_next(context);
        if let (true, Poll::Ready(Some(Ok(piece)))) = (pieces.keeps, &polled) {
            pieces.taken.push(piece.clone());
            lent.given += 1;
        }
        polled
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut pieces = lock(&self.lender);
        if pieces.keeps && self.left.is_some() {
            pieces.left = self.left.take();
            self.given_back.notify_one();
        }
    }
}

fn lock(pieces: &Mutex<Pieces>) -> MutexGuard<'_, Pieces> {
    pieces.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn body(route: Route) -> StreamedBody {
        // Panics when it is polled after its end, as a blob's own stream does.
        let pieces = stream::unfold(["one", "two", "three"].into_iter(), async |mut pieces| {
            Some((Ok(Bytes::from_static(pieces.next()?.as_bytes())), pieces))
        });
        StreamedBody::new(pieces, route)
    }

    async fn rest(lent: Lent) -> Vec<Bytes> {
        lent.map(Result::unwrap).collect().await
    }

    #[tokio::test]
    async fn p26_a_body_that_nobody_took_is_there_for_the_next_request() {
        let body = body(Route::Own);
        drop(body.lend(&TrafficMeter::default()));
        assert!(body.is_whole().await);
        let mut lent = body.lent();
        assert_eq!(lent.next().await.unwrap().unwrap(), "one");
        drop(lent);
        assert!(!body.is_whole().await);
        assert!(body.lent().next().await.unwrap().is_err(), "half a body is none");
    }

    #[tokio::test]
    async fn p26_a_small_body_is_there_again_though_some_of_it_was_taken() {
        let body = body(Route::Shared);
        for pieces in 0..3 {
            let taken = body.lent().take(pieces).collect::<Vec<_>>().await;
            assert_eq!((taken.len(), body.is_whole().await), (pieces, true));
        }
        assert_eq!(rest(body.lent()).await, ["one", "two", "three"]);
        assert_eq!(rest(body.lent()).await, ["one", "two", "three"]);
    }
}
