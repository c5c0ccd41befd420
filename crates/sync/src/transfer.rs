//! One read, many writers: the bytes of a blob go to all uploads that wait for it.
//!
//! Each upload has a bounded queue. A source that breaks off goes on where it stood; an upload that breaks goes on
//! by itself from what its target has, with a read of its own, while the others carry on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::endpoint::{BlobBody, BrokenOff, Recovery, Standing};
use bytes::Bytes;
use futures_util::future::join_all;
use oci::Descriptor;
use oci::ErrorKind;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;

use crate::backoff::Backoff;
use crate::endpoint::EndpointError;
use crate::endpoint::{BlobRead, ReadAgain, Source};
use crate::open_upload::OpenUpload;
use crate::run::{Lane, Run};
use crate::state::{Journal, KeptStates, STRIDE};
use crate::{Error, Event, Operation, Side};

/// Pieces that wait for one upload. They share their memory with the other uploads' queues.
const QUEUE: usize = 2;
/// So long the others wait for an upload that takes nothing.
const LONGEST_HOLD_UP: Duration = Duration::from_secs(15);

type Piece = Result<Bytes, BrokenOff>;

/// A blob on its way from a source into uploads.
pub(crate) struct Transfer<'a> {
    run: &'a Run,
    source: &'a dyn Source,
    blob: &'a Descriptor,
    /// The source gives no more: what uploads say after that is of no interest.
    source_failed: AtomicBool,
    /// What was sent is not the blob.
    is_wrong: AtomicBool,
}

/// An upload and whom it is for.
pub(crate) struct Delivery {
    pub(crate) lane: Arc<Lane>,
    pub(crate) upload: OpenUpload,
    /// Tries that are left.
    pub(crate) budget: Backoff,
    /// Where the hashing stood, in what the target has of an earlier run.
    pub(crate) states: KeptStates,
}

/// How a delivery ended.
type Delivered = Result<(), Arc<Error>>;

/// Why an upload did not get to its end.
enum Ended {
    /// For a reason of its own.
    Failed(Arc<Error>),
    /// With the read that all share.
    WithSource(Arc<Error>),
}

/// The way of pieces into one upload.
struct Queue {
    pieces: mpsc::Sender<Piece>,
    /// Set where the others could not wait for it: it goes on with a read of its own.
    left_behind: Arc<AtomicBool>,
    journal: Option<Journal>,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(run: &'a Run, source: &'a dyn Source, blob: &'a Descriptor) -> Self {
        Self { run, source, blob, source_failed: AtomicBool::new(false), is_wrong: AtomicBool::new(false) }
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
        for mut delivery in deliveries {
            let journal = self.begin_journal(&mut delivery).await;
            let (queue, body) = self.queue(&delivery.lane, journal);
            let left_behind = queue.left_behind.clone();
            queues.push(queue);
            ways.push(self.one(delivery, body, left_behind, history.clone(), read_budget.clone()));
        }
        let Some(watcher) = watcher else { return Vec::new() };
        // Without a history nobody can be left behind.
        let hold_up = history.map(|_| LONGEST_HOLD_UP);
        let pump = async {
            let read = self.pump(&mut *reader, queues, &watcher, read_budget, hold_up).await;
            read.inspect_err(|error| {
                self.is_wrong.store(error.kind() == Some(ErrorKind::Mismatch), Ordering::Relaxed);
                self.source_failed.store(true, Ordering::Relaxed);
            })
        };
        let (read, ended) = tokio::join!(pump, join_all(ways));
        let told = |ended| match (ended, &read) {
            (Ended::WithSource(_), Err(error)) => error.clone(),
            (Ended::Failed(error) | Ended::WithSource(error), _) => error,
        };
        ended.into_iter().map(|ended| ended.map_err(told)).collect()
    }

    /// A queue, and its other end as the body of an upload.
    fn queue(&self, lane: &Arc<Lane>, journal: Option<Journal>) -> (Queue, BlobBody) {
        let (pieces, receiver) = mpsc::channel::<Piece>(QUEUE);
        let (lane, observer, digest) = (lane.clone(), self.run.observer.clone(), self.blob.digest.clone());
        let left_behind = Arc::new(AtomicBool::new(false));
        let is_left = left_behind.clone();
        let body = futures_util::stream::unfold(Some(receiver), move |receiver| {
            let (lane, observer, is_left) = (lane.clone(), observer.clone(), is_left.clone());
            let digest = digest.clone();
            async move {
                let mut receiver = receiver?;
                let Some(piece) = receiver.recv().await else {
                    // The blob does not end here.
                    return is_left.load(Ordering::Acquire).then_some((Err(BrokenOff), None));
                };
                if let Ok(bytes) = &piece {
                    let bytes = bytes.len() as u64;
                    lane.amounts.moved(bytes);
                    observer.event(&Event::BytesMoved { image: lane.image.clone(), digest, bytes });
                }
                Some((piece, Some(receiver)))
            }
        });
        (Queue { pieces, left_behind, journal }, Box::pin(body))
    }

    /// One upload to its end.
    async fn one(
        &self,
        mut delivery: Delivery,
        body: BlobBody,
        left_behind: Arc<AtomicBool>,
        history: Option<Arc<dyn ReadAgain>>,
        mut read_budget: Backoff,
    ) -> Result<(), Ended> {
        let mut sent = delivery.upload.send(&self.blob.digest, self.blob.size, body).await;
        let mut furthest = 0;
        let outcome = loop {
            let Err(error) = sent else { break Ok(()) };
            let error = Arc::new(delivery.lane.target_error(self.sending(), error));
            if self.source_failed.load(Ordering::Relaxed) {
                break Err(Ended::WithSource(error));
            }
            // What we broke off ourselves is no failure of the target.
            let is_ours = left_behind.swap(false, Ordering::AcqRel);
            let offset = match self.recover(&mut delivery, error.clone(), is_ours).await {
                Ok(Standing::Complete) => break Ok(()),
                Ok(Standing::At(offset)) => offset,
                Err(error) => break Err(Ended::Failed(error)),
            };
            if offset > furthest {
                furthest = offset;
                delivery.budget.progressed();
            }
            let Some(history) = &history else { break Err(Ended::Failed(error)) };
            match self.send_rest(&mut delivery, &**history, offset, &mut read_budget).await {
                Ok(ended) => sent = ended,
                Err(source_error) => break Err(Ended::Failed(source_error)),
            }
        };
        self.end(delivery, outcome.as_ref().err()).await;
        outcome
    }

    /// Sees to it that another run finds the upload, where that is of use.
    async fn begin_journal(&self, delivery: &mut Delivery) -> Option<Journal> {
        let Delivery { lane, upload, states, .. } = delivery;
        let (blob, size) = (&self.blob.digest, self.blob.size);
        let journal = Journal::of(&self.run.state, &lane.target, &**upload, blob, size, states);
        let is_written = match &journal {
            Some(journal) => journal.begin().await,
            None => false,
        };
        delivery.upload.remember(is_written);
        journal.filter(|_| is_written)
    }

    async fn end(&self, delivery: Delivery, failure: Option<&Ended>) {
        let is_remembered = delivery.upload.is_remembered();
        let forget = || {
            if is_remembered {
                self.run.state.upload_ended(&*delivery.lane.target, &self.blob.digest);
            }
        };
        match failure {
            None => {
                forget();
                delivery.upload.close();
            }
            // It is left for another run, or cancelled at the end of this one: a registry that wants to be left alone for
            // so long may hold a cancellation up, too.
            Some(failure) if is_remembered && self.may_go_on(failure) => {}
            Some(Ended::Failed(error)) if error.is_stopped() => {}
            // The registry would keep for days what it has of a blob that will not be finished.
            Some(_) => {
                forget();
                delivery.upload.cancel().await;
            }
        }
    }

    /// Whether another run may have more luck with what the target has.
    fn may_go_on(&self, failure: &Ended) -> bool {
        match failure {
            Ended::Failed(error) if error.kind() == Some(ErrorKind::Mismatch) => false,
            Ended::Failed(error) => error.is_retryable() || error.is_stopped(),
            Ended::WithSource(_) => !self.is_wrong.load(Ordering::Relaxed),
        }
    }

    /// Finds out how an upload goes on, waiting as long as it takes; gives the last error if it cannot.
    async fn recover(
        &self,
        delivery: &mut Delivery,
        error: Arc<Error>,
        is_ours: bool,
    ) -> Result<Standing, Arc<Error>> {
        let (mut error, mut is_ours) = (error, is_ours);
        loop {
            let recovery = match &error.cause {
                _ if std::mem::take(&mut is_ours) => Recovery::AtOnce,
                crate::Cause::Endpoint(cause) => delivery.upload.recovery(cause),
                _ => Recovery::Never,
            };
            let wait = match recovery {
                Recovery::Never => None,
                Recovery::AtOnce => Some(Duration::ZERO),
                Recovery::Later => delivery.budget.again(&error),
            };
            let Some(wait) = wait else { return Err(error) };
            self.run.pause(&delivery.lane.image, error, wait).await?;
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
    ) -> Result<Result<(), EndpointError>, Arc<Error>> {
        let lane = delivery.lane.clone();
        let mut reader = loop {
            match history.read_from(offset).await {
                Ok(reader) => break reader,
                Err(cause) => self.wait_for_source(&lane, cause, read_budget).await?,
            }
        };
        let journal = self.begin_journal(delivery).await;
        let (queue, body) = self.queue(&lane, journal);
        let sending = delivery.upload.send(&self.blob.digest, self.blob.size, body);
        let reading = self.pump(&mut *reader, vec![queue], &lane, read_budget, None);
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
        mut queues: Vec<Queue>,
        watcher: &Lane,
        budget: &mut Backoff,
        hold_up: Option<Duration>,
    ) -> Result<(), Arc<Error>> {
        let mut since_noted = 0;
        loop {
            let cause = match reader.next().await {
                Ok(Some(piece)) => {
                    budget.progressed();
                    since_noted += piece.len() as u64;
                    if since_noted >= STRIDE && note_state(&*reader, &queues) {
                        since_noted = 0;
                    }
                    self.run.pace.pass(piece.len()).await;
                    send_to_all(&mut queues, &piece, hold_up).await;
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
                for queue in queues {
                    let _ = queue.pieces.send(Err(BrokenOff)).await;
                }
                return Err(error);
            }
        }
    }

    /// Has the reader go on after an error. Bytes that were wrong do not get right by reading the rest.
    async fn go_on(
        &self,
        reader: &mut dyn BlobRead,
        cause: EndpointError,
        watcher: &Lane,
        budget: &mut Backoff,
    ) -> Result<(), Arc<Error>> {
        let mut cause = cause;
        loop {
            if cause.kind == ErrorKind::Mismatch {
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
        cause: EndpointError,
        budget: &mut Backoff,
    ) -> Result<(), Arc<Error>> {
        let error = Arc::new(self.source_error(cause));
        let Some(wait) = budget.next(&error) else { return Err(error) };
        self.run.pause(&watcher.image, error, wait).await
    }

    fn sending(&self) -> Operation {
        Operation::SendBlob(self.blob.digest.clone())
    }

    /// The source does not give the blob.
    pub(crate) fn source_error(&self, cause: EndpointError) -> Error {
        let operation = Operation::ReadBlob(self.blob.digest.clone());
        let place = self.source.name().to_owned();
        Error { side: Side::Source, place, operation, cause: cause.into() }
    }
}

/// Keeps where the hashing stands, for all whose upload is recorded.
fn note_state(reader: &dyn BlobRead, queues: &[Queue]) -> bool {
    let state = reader.hash_state();
    if let Some(state) = &state {
        queues.iter().filter_map(|queue| queue.journal.as_ref()).for_each(|journal| journal.note(state));
    }
    state.is_some()
}

/// Gives a piece to all queues that are still open.
///
/// An upload that takes nothing for as long as `hold_up`, while another has taken its piece, is left behind: it may
/// wait for its turn at a host, and that turn for what the other sends.
async fn send_to_all(queues: &mut Vec<Queue>, piece: &Bytes, hold_up: Option<Duration>) {
    let Some(hold_up) = hold_up.filter(|_| queues.len() > 1) else {
        let sent = join_all(queues.iter().map(|queue| queue.pieces.send(Ok(piece.clone())))).await;
        let mut sent = sent.into_iter();
        queues.retain(|_| sent.next().is_some_and(|sent| sent.is_ok()));
        return;
    };
    let mut waiting: Vec<_> = std::mem::take(queues);
    while !waiting.is_empty() {
        let sends = waiting.iter().map(|queue| queue.pieces.send_timeout(Ok(piece.clone()), hold_up));
        let mut sent = join_all(sends).await.into_iter();
        let mut late = Vec::new();
        for queue in waiting {
            match sent.next() {
                Some(Ok(())) => queues.push(queue),
                Some(Err(SendTimeoutError::Timeout(_))) => late.push(queue),
                Some(Err(SendTimeoutError::Closed(_))) | None => {}
            }
        }
        if !queues.is_empty() {
            late.drain(..).for_each(|queue| queue.left_behind.store(true, Ordering::Release));
        }
        waiting = late;
    }
}
