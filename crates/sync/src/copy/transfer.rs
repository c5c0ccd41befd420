//! One read, many writers: the bytes of a blob go to all uploads that wait for it.
//!
//! Each upload has a bounded queue. A source that breaks off goes on where it stood; an upload that breaks goes on
//! by itself from what its target has, with a read of its own, while the others carry on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use oci::{BrokenOff, Descriptor, ErrorKind, Recovery, UploadStatus};

use crate::endpoint::BlobBody;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::copy::open_upload::OpenUpload;
use crate::endpoint::{BlobRead, EndpointError, ReadAgain, Source};
use crate::engine::Place;
use crate::engine::backoff::Backoff;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::state::{Journal, STRIDE, SharedTrail};
use crate::{Error, Event, Operation, Side};

/// Pieces that wait for one upload. They share their memory with the other uploads' queues.
const QUEUE: usize = 2;

type Piece = Result<Bytes, BrokenOff>;

/// A blob on its way from a source into uploads.
pub(crate) struct Transfer<'a> {
    run: &'a Run,
    source: &'a dyn Source,
    blob: &'a Descriptor,
    /// The source gives no more: what uploads say after that is of no interest.
    failed: OnceLock<Arc<Error>>,
}

/// An upload and whom it is for.
pub(crate) struct Delivery {
    pub(crate) copy: Arc<ImageCopy>,
    pub(crate) upload: OpenUpload,
    /// Tries that are left.
    pub(crate) budget: Backoff,
    /// Where the hashing stood, in what the target has of an earlier run.
    pub(crate) trail: SharedTrail,
    pub(crate) place: Arc<Place>,
}

/// A delivery with whoever hears how it ended: at once, and whatever becomes of the others.
pub(crate) struct Told {
    delivery: Delivery,
    /// Cancelled when nobody waits for it any more: its upload is given up then.
    taker: CancellationToken,
    on_end: Box<dyn FnOnce(Delivered) + Send>,
}

/// How a delivery ended. Where the source is the reason that an upload failed, the error is the source's.
pub(crate) type Delivered = Result<(), Arc<Error>>;

/// Why an upload did not get to its end.
enum Failure {
    /// For a reason of its own.
    Own(Arc<Error>),
    /// With the read that all share.
    WithSource,
}

/// The way of pieces into one upload.
struct Queue {
    pieces: mpsc::Sender<Piece>,
    /// Set where the others could not wait for it: it goes on with a read of its own.
    left_behind: Arc<AtomicBool>,
    journal: Option<Journal>,
    copy: Arc<ImageCopy>,
}

/// Somebody who waits when the source has to be waited for.
pub(crate) struct Watcher {
    copy: Arc<ImageCopy>,
    /// Gone when its upload has ended.
    place: Weak<Place>,
}

impl Delivery {
    /// Has `on_end` hear how it ended, unless `taker` is cancelled before.
    pub(crate) fn taken_by(
        self,
        taker: CancellationToken,
        on_end: impl FnOnce(Delivered) + Send + 'static,
    ) -> Told {
        Told { delivery: self, taker, on_end: Box::new(on_end) }
    }

    pub(crate) fn watcher(&self) -> Watcher {
        Watcher { copy: self.copy.clone(), place: Arc::downgrade(&self.place) }
    }
}

/// How long the others wait for an upload that takes nothing: a third of the time at most, beyond a first second.
struct Patience {
    began: Instant,
    waited: Duration,
}

impl Patience {
    /// So long they wait in any case.
    const LEAST: Duration = Duration::from_secs(1);

    fn new() -> Self {
        Self { began: Instant::now(), waited: Duration::ZERO }
    }

    /// How much longer they may wait now.
    fn left(&self) -> Duration {
        (Self::LEAST + self.began.elapsed() / 3).saturating_sub(self.waited)
    }
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(run: &'a Run, source: &'a dyn Source, blob: &'a Descriptor) -> Self {
        Self { run, source, blob, failed: OnceLock::new() }
    }

    /// Begins a read, as often as it takes. Between two tries nobody who waits for it holds a place.
    pub(crate) async fn begin_read<F>(
        &self,
        watchers: &[Watcher],
        budget: &mut Backoff,
        mut read: impl FnMut() -> F,
    ) -> Result<Box<dyn BlobRead>, Arc<Error>>
    where
        F: Future<Output = Result<Box<dyn BlobRead>, EndpointError>>,
    {
        loop {
            match read().await {
                Ok(reader) => return Ok(reader),
                Err(cause) => self.wait_for_source(watchers, cause, budget).await?,
            }
        }
    }

    /// Sends what `reader` gives to one upload.
    pub(crate) async fn deliver_one(
        &self,
        reader: Box<dyn BlobRead>,
        delivery: Delivery,
        read_budget: &mut Backoff,
    ) -> Delivered {
        let (ended, delivered) = std::sync::mpsc::channel();
        let told = delivery.taken_by(CancellationToken::new(), move |delivered| drop(ended.send(delivered)));
        self.deliver(reader, vec![told], read_budget).await;
        delivered.try_recv().expect("each delivery is told how it ended")
    }

    /// Sends what `reader` gives into all uploads; each hears how it ended.
    pub(crate) async fn deliver(
        &self,
        mut reader: Box<dyn BlobRead>,
        deliveries: Vec<Told>,
        read_budget: &mut Backoff,
    ) {
        let history = reader.history();
        let watchers: Vec<_> = deliveries.iter().map(|told| told.delivery.watcher()).collect();
        let (mut queues, mut ways) = (Vec::new(), Vec::new());
        for Told { mut delivery, taker, on_end } in deliveries {
            let journal = self.begin_journal(&mut delivery).await;
            let (queue, body) = self.queue(&delivery.copy, journal);
            let left_behind = queue.left_behind.clone();
            queues.push(queue);
            let (history, read_budget) = (history.clone(), read_budget.clone());
            ways.push(async move {
                tokio::select! {
                    delivered = self.one(delivery, body, left_behind, history, read_budget) => on_end(delivered),
                    () = taker.cancelled() => {}
                }
            });
        }
        // Without a history nobody can be left behind.
        let patience = history.is_some().then(Patience::new);
        let pump = self.pump(&mut *reader, queues, &watchers, read_budget, patience, &self.failed);
        let ways = join_all(ways);
        tokio::pin!(ways);
        tokio::select! {
            // Nobody needs the rest of the read.
            _ = &mut ways => {}
            // What went wrong with it is told to each delivery.
            _ = pump => drop(ways.await),
        }
    }

    /// A queue, and its other end as the body of an upload.
    fn queue(&self, copy: &Arc<ImageCopy>, journal: Option<Journal>) -> (Queue, BlobBody) {
        let (pieces, receiver) = mpsc::channel::<Piece>(QUEUE);
        let (whose, copy, teller) = (copy.clone(), copy.clone(), self.run.teller.clone());
        let digest = self.blob.digest.clone();
        let left_behind = Arc::new(AtomicBool::new(false));
        let is_left = left_behind.clone();
        let body = futures_util::stream::unfold(Some(receiver), move |receiver| {
            let (copy, teller, is_left) = (copy.clone(), teller.clone(), is_left.clone());
            let digest = digest.clone();
            async move {
                let mut receiver = receiver?;
                let Some(piece) = receiver.recv().await else {
                    // The blob does not end here.
                    return is_left.load(Ordering::Acquire).then_some((Err(BrokenOff), None));
                };
                if let Ok(bytes) = &piece {
                    let bytes = bytes.len() as u64;
                    copy.amounts.moved(bytes);
                    teller.tell(&Event::BytesMoved { image: copy.image.clone(), digest, bytes });
                }
                Some((piece, Some(receiver)))
            }
        });
        (Queue { pieces, left_behind, journal, copy: whose }, Box::pin(body))
    }

    /// One upload to its end.
    async fn one(
        &self,
        mut delivery: Delivery,
        body: BlobBody,
        left_behind: Arc<AtomicBool>,
        history: Option<Arc<dyn ReadAgain>>,
        read_budget: Backoff,
    ) -> Delivered {
        let sent = self.send_all(&mut delivery, body, &left_behind, history.as_deref(), read_budget).await;
        let Delivery { copy, upload, .. } = delivery;
        self.end(&copy, upload, sent.as_ref().err()).await;
        sent.map_err(|failure| match (failure, self.failed.get()) {
            (Failure::Own(error), _) => error,
            (Failure::WithSource, Some(error)) => error.clone(),
            (Failure::WithSource, None) => unreachable!("only a source that has failed fails others"),
        })
    }

    /// Sends the blob, and what is missing of it after a break, for as long as there is hope.
    async fn send_all(
        &self,
        delivery: &mut Delivery,
        body: BlobBody,
        left_behind: &AtomicBool,
        history: Option<&dyn ReadAgain>,
        mut read_budget: Backoff,
    ) -> Result<(), Failure> {
        let mut sent = delivery.upload.send(&self.blob.digest, self.blob.size, body).await;
        let (mut furthest, mut shares_the_read) = (0, true);
        loop {
            let Err(error) = sent else { return Ok(()) };
            let error = Arc::new(delivery.copy.target_error(self.sending(), error));
            if shares_the_read && self.failed.get().is_some() {
                return Err(Failure::WithSource);
            }
            // What we broke off ourselves is no failure of the target.
            let is_ours = left_behind.swap(false, Ordering::AcqRel);
            let offset = match self.recover(delivery, error.clone(), is_ours).await {
                Ok(UploadStatus::Complete) => return Ok(()),
                Ok(UploadStatus::At(offset)) => offset,
                Err(error) => return Err(Failure::Own(error)),
            };
            if offset > furthest {
                furthest = offset;
                delivery.budget.progressed();
            }
            let Some(history) = history else { return Err(Failure::Own(error)) };
            shares_the_read = false;
            match self.send_rest(delivery, history, offset, &mut read_budget).await {
                Ok(ended) => sent = ended,
                Err(source_error) => return Err(Failure::Own(source_error)),
            }
        }
    }

    /// Sees to it that another run finds the upload, where that is of use.
    async fn begin_journal(&self, delivery: &mut Delivery) -> Option<Journal> {
        let Delivery { copy, upload, trail, .. } = delivery;
        let (blob, size) = (&self.blob.digest, self.blob.size);
        let journal = Journal::of(&self.run.state, &copy.target, &**upload, blob, size, trail);
        let is_written = match &journal {
            Some(journal) => journal.begin().await,
            None => false,
        };
        delivery.upload.remember(is_written);
        journal.filter(|_| is_written)
    }

    async fn end(&self, copy: &ImageCopy, upload: OpenUpload, failure: Option<&Failure>) {
        let is_remembered = upload.is_remembered();
        let forget = || {
            if is_remembered {
                self.run.state.upload_ended(&*copy.target, &self.blob.digest);
            }
        };
        match failure {
            None => {
                forget();
                upload.close();
            }
            // It is left for another run, or cancelled at the end of this one: a registry that wants to be left alone for
            // so long may hold a cancellation up, too.
            Some(failure) if is_remembered && self.may_go_on(failure) => {}
            Some(Failure::Own(error)) if error.is_stopped() => {}
            // The registry would keep for days what it has of a blob that will not be finished.
            Some(_) => {
                forget();
                upload.cancel().await;
            }
        }
    }

    /// Whether another run may have more luck with what the target has.
    fn may_go_on(&self, failure: &Failure) -> bool {
        let is_wrong = |error: &Error| error.kind() == Some(ErrorKind::Mismatch);
        match failure {
            Failure::Own(error) if is_wrong(error) => false,
            Failure::Own(error) => error.is_retryable() || error.is_stopped(),
            Failure::WithSource => !self.failed.get().is_some_and(|error| is_wrong(error)),
        }
    }

    /// Finds out how an upload goes on, waiting as long as it takes; gives the last error if it cannot.
    async fn recover(
        &self,
        delivery: &mut Delivery,
        error: Arc<Error>,
        is_ours: bool,
    ) -> Result<UploadStatus, Arc<Error>> {
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
            delivery.place.wait(self.run.pause(&delivery.copy, error, wait)).await?;
            match delivery.upload.resume(&self.blob.digest).await {
                Ok(standing) => return Ok(standing),
                Err(cause) => error = Arc::new(delivery.copy.target_error(self.sending(), cause)),
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
        let copy = delivery.copy.clone();
        let mut reader = loop {
            match history.read_from(offset).await {
                Ok(reader) => break reader,
                Err(cause) => self.wait_for_source(&[delivery.watcher()], cause, read_budget).await?,
            }
        };
        let journal = self.begin_journal(delivery).await;
        let (queue, body) = self.queue(&copy, journal);
        let (watchers, failed) = ([delivery.watcher()], OnceLock::new());
        let sending = delivery.upload.send(&self.blob.digest, self.blob.size, body);
        let reading = self.pump(&mut *reader, vec![queue], &watchers, read_budget, None, &failed);
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
        watchers: &[Watcher],
        budget: &mut Backoff,
        mut patience: Option<Patience>,
        failed: &OnceLock<Arc<Error>>,
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
                    self.run.engine.pace().pass(piece.len()).await;
                    send_to_all(&mut queues, &piece, patience.as_mut()).await;
                    if queues.is_empty() {
                        // Every upload has ended by itself and says why.
                        return Ok(());
                    }
                    continue;
                }
                Ok(None) => return Ok(()),
                Err(cause) => cause,
            };
            if let Err(error) = self.go_on(reader, cause, watchers, budget).await {
                // Before the uploads break off: they ask why.
                let _ = failed.set(error.clone());
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
        watchers: &[Watcher],
        budget: &mut Backoff,
    ) -> Result<(), Arc<Error>> {
        let mut cause = cause;
        loop {
            if cause.kind == ErrorKind::Mismatch {
                return Err(Arc::new(self.source_error(cause)));
            }
            self.wait_for_source(watchers, cause, budget).await?;
            match reader.resume().await {
                Ok(()) => return Ok(()),
                Err(next) => cause = next,
            }
        }
    }

    /// Waits before the source is asked again. Nobody who waits for it holds a place meanwhile.
    async fn wait_for_source(
        &self,
        watchers: &[Watcher],
        cause: EndpointError,
        budget: &mut Backoff,
    ) -> Result<(), Arc<Error>> {
        let error = Arc::new(self.source_error(cause));
        let Some(wait) = budget.next(&error) else { return Err(error) };
        let places: Vec<_> = watchers.iter().map(|watcher| (watcher.place.upgrade(), watcher)).collect();
        let waits: Vec<_> = places
            .iter()
            .filter_map(|(place, watcher)| Some((place.as_ref()?, watcher)))
            .map(|(place, watcher)| place.wait(self.run.pause(&watcher.copy, error.clone(), wait)))
            .collect();
        if waits.is_empty() {
            return self.run.deadline.sleep(wait).await.map_err(|_| Arc::new(error.stopped()));
        }
        join_all(waits).await.into_iter().collect()
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
/// An upload that takes nothing for longer than the others' patience lasts, while another has taken its piece, is left
/// behind: it may be slow, or wait for its turn at a host, and that turn for what the other sends.
async fn send_to_all(queues: &mut Vec<Queue>, piece: &Bytes, patience: Option<&mut Patience>) {
    let Some(patience) = patience.filter(|_| queues.len() > 1) else {
        let sent = join_all(queues.iter().map(|queue| queue.pieces.send(Ok(piece.clone())))).await;
        let mut sent = sent.into_iter();
        queues.retain(|_| sent.next().is_some_and(|sent| sent.is_ok()));
        return;
    };
    let mut sends: FuturesUnordered<_> = std::mem::take(queues)
        .into_iter()
        .map(|queue| {
            let piece = piece.clone();
            async move {
                let mut late = Late(Some(queue));
                let sent = late.0.as_ref()?.pieces.send(Ok(piece)).await;
                late.0.take().filter(|_| sent.is_ok())
            }
        })
        .collect();
    // The first that takes it sets the pace.
    while queues.is_empty() {
        let Some(taken) = sends.next().await else { return };
        queues.extend(taken);
    }
    let waiting_since = Instant::now();
    let until = waiting_since + patience.left();
    while let Ok(Some(taken)) = tokio::time::timeout_at(until, sends.next()).await {
        queues.extend(taken);
    }
    patience.waited += waiting_since.elapsed();
}

/// An upload that has not taken its piece. Dropped, it is left behind: it breaks off, and goes on with a read of its own.
struct Late(Option<Queue>);

impl Drop for Late {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.copy.repository.note_lag();
            queue.left_behind.store(true, Ordering::Release);
        }
    }
}
