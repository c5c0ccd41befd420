//! One read, many writers: the bytes of a blob go to all uploads that wait for it.
//!
//! Each upload has a bounded queue. A source that breaks off goes on where it stood; an upload that breaks goes on
//! by itself from what its target has, with a read of its own, while the others carry on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use registry::{BlobBody, BrokenOff, Descriptor, ErrorKind, Recovery, Standing};
use tokio::sync::mpsc;

use crate::backoff::Backoff;
use crate::endpoint::{BlobRead, ReadAgain, Source, Upload};
use crate::run::{Lane, Run};
use crate::{Error, Event, Operation, Side};

/// Pieces that wait for one upload. They share their memory with the other uploads' queues.
const QUEUE: usize = 8;

type Piece = Result<Bytes, BrokenOff>;

/// A blob on its way from a source into uploads.
pub(crate) struct Transfer<'a> {
    run: &'a Run,
    source: &'a dyn Source,
    blob: &'a Descriptor,
    /// The source gives no more: what uploads say after that is of no interest.
    source_failed: AtomicBool,
}

/// An upload and whom it is for.
pub(crate) struct Delivery {
    pub(crate) lane: Arc<Lane>,
    pub(crate) upload: Box<dyn Upload>,
    /// Tries that are left.
    pub(crate) budget: Backoff,
}

/// How a delivery ended.
type Delivered = Result<(), Arc<Error>>;

impl<'a> Transfer<'a> {
    pub(crate) fn new(run: &'a Run, source: &'a dyn Source, blob: &'a Descriptor) -> Self {
        Self { run, source, blob, source_failed: AtomicBool::new(false) }
    }

    /// Sends what `reader` gives into all uploads; says how each ended, in their order. Where the source is the
    /// reason that an upload failed, its error is the source's.
    pub(crate) async fn deliver(
        &self,
        mut reader: Box<dyn BlobRead>,
        deliveries: Vec<Delivery>,
        read_budget: &mut Backoff,
    ) -> Vec<Delivered> {
        let history = reader.history();
        let watcher = deliveries.first().map(|delivery| delivery.lane.clone());
        let (mut queues, mut ways) = (Vec::new(), Vec::new());
        for delivery in deliveries {
            let (queue, body) = self.queue(&delivery.lane);
            queues.push(queue);
            ways.push(self.one(delivery, body, history.clone(), read_budget.clone()));
        }
        let Some(watcher) = watcher else { return Vec::new() };
        let (read, mut delivered) =
            tokio::join!(self.pump(&mut *reader, queues, &watcher, read_budget), join_all(ways));
        if let Err(error) = read {
            for delivered in delivered.iter_mut().filter(|delivered| delivered.is_err()) {
                *delivered = Err(error.clone());
            }
        }
        delivered
    }

    /// A queue, and its other end as the body of an upload.
    fn queue(&self, lane: &Arc<Lane>) -> (mpsc::Sender<Piece>, BlobBody) {
        let (sender, receiver) = mpsc::channel::<Piece>(QUEUE);
        let (lane, observer) = (lane.clone(), self.run.observer.clone());
        let body = futures_util::stream::unfold(receiver, move |mut receiver| {
            let (lane, observer) = (lane.clone(), observer.clone());
            async move {
                let piece = receiver.recv().await?;
                if let Ok(bytes) = &piece {
                    let bytes = bytes.len() as u64;
                    lane.moved_bytes.fetch_add(bytes, Ordering::Relaxed);
                    observer.event(&Event::BytesMoved { image: lane.image.clone(), bytes });
                }
                Some((piece, receiver))
            }
        });
        (sender, Box::pin(body))
    }

    /// One upload to its end.
    async fn one(
        &self,
        mut delivery: Delivery,
        body: BlobBody,
        history: Option<Arc<dyn ReadAgain>>,
        mut read_budget: Backoff,
    ) -> Delivered {
        let mut sent = delivery.upload.send(&self.blob.digest, self.blob.size, body).await;
        let mut furthest = 0;
        let outcome = loop {
            let Err(error) = sent else { break Ok(()) };
            let error = Arc::new(delivery.lane.target_error(self.sending(), error));
            if self.source_failed.load(Ordering::Relaxed) {
                break Err(error);
            }
            let offset = match self.recover(&mut delivery, error.clone()).await {
                Ok(Standing::Complete) => break Ok(()),
                Ok(Standing::At(offset)) => offset,
                Err(error) => break Err(error),
            };
            if offset > furthest {
                furthest = offset;
                delivery.budget.progressed();
            }
            let Some(history) = &history else { break Err(error) };
            match self.send_rest(&mut delivery, &**history, offset, &mut read_budget).await {
                Ok(ended) => sent = ended,
                Err(source_error) => break Err(source_error),
            }
        };
        if outcome.is_err() {
            // The registry would keep for days what it has of a blob that will not be finished.
            delivery.upload.cancel().await;
        }
        outcome
    }

    /// Finds out how an upload goes on, waiting as long as it takes; gives the last error if it cannot.
    async fn recover(&self, delivery: &mut Delivery, error: Arc<Error>) -> Result<Standing, Arc<Error>> {
        let mut error = error;
        loop {
            let recovery = match &error.cause {
                crate::Cause::Registry(cause) => delivery.upload.recovery(cause),
                _ => Recovery::Never,
            };
            let wait = match recovery {
                Recovery::Never => None,
                Recovery::AtOnce => Some(Duration::ZERO),
                Recovery::Later => delivery.budget.next(&error),
            };
            let Some(wait) = wait else { return Err(error) };
            self.wait(&delivery.lane, error, wait).await;
            match delivery.upload.resume(&self.blob.digest).await {
                Ok(standing) => return Ok(standing),
                Err(cause) => error = Arc::new(delivery.lane.target_error(self.sending(), cause)),
            }
        }
    }

    /// Sends the blob from `offset` on, with a read of its own. An error is the source's.
    async fn send_rest(
        &self,
        delivery: &mut Delivery,
        history: &dyn ReadAgain,
        offset: u64,
        read_budget: &mut Backoff,
    ) -> Result<Result<(), registry::Error>, Arc<Error>> {
        let lane = delivery.lane.clone();
        let mut reader = loop {
            match history.read_from(offset).await {
                Ok(reader) => break reader,
                Err(cause) => self.wait_for_source(&lane, cause, read_budget).await?,
            }
        };
        let (queue, body) = self.queue(&lane);
        let sending = delivery.upload.send(&self.blob.digest, self.blob.size, body);
        let reading = self.pump(&mut *reader, vec![queue], &lane, read_budget);
        let (read, sent) = tokio::join!(reading, sending);
        match (read, sent) {
            (_, Ok(())) => Ok(Ok(())),
            (Err(source_error), Err(_)) => Err(source_error),
            (Ok(()), Err(error)) => Ok(Err(error)),
        }
    }

    /// Fills the queues, for as long as any is open.
    async fn pump(
        &self,
        reader: &mut dyn BlobRead,
        mut queues: Vec<mpsc::Sender<Piece>>,
        watcher: &Lane,
        budget: &mut Backoff,
    ) -> Result<(), Arc<Error>> {
        loop {
            let cause = match reader.next().await {
                Ok(Some(piece)) => {
                    budget.progressed();
                    self.run.pace.pass(piece.len()).await;
                    send_to_all(&mut queues, &piece).await;
                    if queues.is_empty() {
                        // Every upload has ended by itself and says why.
                        return Ok(());
                    }
                    continue;
                }
                Ok(None) => return Ok(()),
                Err(cause) => cause,
            };
            if let Err(error) = self.go_on(reader, cause, watcher, budget).await {
                self.source_failed.store(true, Ordering::Relaxed);
                for queue in queues {
                    let _ = queue.send(Err(BrokenOff)).await;
                }
                return Err(error);
            }
        }
    }

    /// Has the reader go on after an error. Bytes that were wrong do not get right by reading the rest.
    async fn go_on(
        &self,
        reader: &mut dyn BlobRead,
        cause: registry::Error,
        watcher: &Lane,
        budget: &mut Backoff,
    ) -> Result<(), Arc<Error>> {
        let mut cause = cause;
        loop {
            if cause.kind() == ErrorKind::Mismatch {
                return Err(Arc::new(self.source_error(cause)));
            }
            self.wait_for_source(watcher, cause, budget).await?;
            match reader.resume().await {
                Ok(()) => return Ok(()),
                Err(next) => cause = next,
            }
        }
    }

    async fn wait_for_source(
        &self,
        watcher: &Lane,
        cause: registry::Error,
        budget: &mut Backoff,
    ) -> Result<(), Arc<Error>> {
        let error = Arc::new(self.source_error(cause));
        let Some(wait) = budget.next(&error) else { return Err(error) };
        self.wait(watcher, error, wait).await;
        Ok(())
    }

    async fn wait(&self, lane: &Lane, error: Arc<Error>, wait: Duration) {
        self.run.tell(&Event::Retrying { image: lane.image.clone(), error, wait });
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn sending(&self) -> Operation {
        Operation::SendBlob(self.blob.digest.clone())
    }

    /// The source does not give the blob.
    pub(crate) fn source_error(&self, cause: registry::Error) -> Error {
        let operation = Operation::ReadBlob(self.blob.digest.clone());
        let place = self.source.name().to_owned();
        Error { side: Side::Source, place, operation, cause: cause.into() }
    }
}

/// Gives a piece to all queues that are still open.
async fn send_to_all(queues: &mut Vec<mpsc::Sender<Piece>>, piece: &Bytes) {
    if let [queue] = &queues[..] {
        if queue.send(Ok(piece.clone())).await.is_err() {
            queues.clear();
        }
        return;
    }
    let mut sent = join_all(queues.iter().map(|queue| queue.send(Ok(piece.clone())))).await.into_iter();
    queues.retain(|_| sent.next().is_some_and(|sent| sent.is_ok()));
}
