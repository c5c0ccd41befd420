//! One read, many writers: sends the bytes of a blob to all uploads that wait for it.
//!
//! Each upload has a bounded queue. An interrupted source read is resumed at its offset. An interrupted upload is
//! resumed from the target's offset with its own read, while the others go on.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use oci::Descriptor;
use tokio_util::sync::CancellationToken;

use super::delivery::{Delivered, Delivery, Told, Watcher};
use super::queue::{Patience, Queue, note_state, send_to_all};
use crate::endpoint::{Answer, BlobRead, EndpointError, Source};
use crate::engine::backoff::Backoff;
use crate::engine::deadline::TooLate;
use crate::engine::retry::{Step, retry, retry_after};
use crate::engine::run::Run;
use crate::memory::state::STRIDE;
use crate::{Error, Operation, Side};

/// A blob on its way from a source into uploads.
pub(crate) struct Transfer<'a> {
    pub(super) run: &'a Run,
    pub(super) source: &'a dyn Source,
    pub(super) blob: &'a Descriptor,
    /// The source's final error: later errors of the uploads are consequences.
    pub(super) failed: OnceLock<Arc<Error>>,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(run: &'a Run, source: &'a dyn Source, blob: &'a Descriptor) -> Self {
        Self { run, source, blob, failed: OnceLock::new() }
    }

    /// Begins a read, with retries. Between two tries no waiting upload holds a place.
    pub(crate) async fn begin_read<'r>(
        &self,
        watchers: &[Watcher],
        tries: &mut Backoff,
        read: &(dyn Fn() -> Answer<'r, Box<dyn BlobRead>> + Sync),
    ) -> Result<Box<dyn BlobRead>, Arc<Error>> {
        retry(&mut Beginning { transfer: self, watchers, tries, read }).await
    }

    /// Sends the bytes of `reader` to one upload.
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

    /// Sends the bytes of `reader` to all uploads; each callback gets its result.
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
            let (queue, body) = Queue::open(self.run, &self.blob.digest, &delivery.copy, journal);
            let left_behind = queue.left_behind();
            queues.push(queue);
            let (history, read_budget) = (history.clone(), read_budget.clone());
            ways.push(async move {
                tokio::select! {
                    delivered = self.one(delivery, body, left_behind, history, read_budget) => on_end(delivered),
                    () = taker.cancelled() => {}
                }
            });
        }
        // Without a history an upload cannot read on its own, so none is left behind.
        let patience = history.is_some().then(Patience::new);
        let pump = self.pump(&mut *reader, queues, &watchers, read_budget, patience, &self.failed);
        let ways = join_all(ways);
        tokio::pin!(ways);
        tokio::select! {
            // No upload needs the rest of the read.
            _ = &mut ways => {}
            // Each delivery gets the read's error.
            _ = pump => drop(ways.await),
        }
    }

    /// Fills the queues until the read ends or all of them are closed.
    pub(super) async fn pump(
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
                        // Every upload has ended by itself and reports its reason.
                        return Ok(());
                    }
                    continue;
                }
                Ok(None) => return Ok(()),
                Err(cause) => cause,
            };
            if let Err(error) = self.go_on(reader, cause, watchers, budget).await {
                // Set before the uploads break off, since they look at it then.
                let _ = failed.set(error.clone());
                for queue in queues {
                    queue.break_off().await;
                }
                return Err(error);
            }
        }
    }

    /// Resumes the read after an error.
    async fn go_on(
        &self,
        reader: &mut dyn BlobRead,
        cause: EndpointError,
        watchers: &[Watcher],
        tries: &mut Backoff,
    ) -> Result<(), Arc<Error>> {
        let error = Arc::new(self.source_error(cause));
        retry_after(&mut GoingOn { transfer: self, watchers, tries, reader }, error).await
    }

    /// Waits before a retry of the source; the waiting uploads hold no place meanwhile.
    async fn pause(
        &self,
        watchers: &[Watcher],
        failure: Arc<Error>,
        wait: Duration,
    ) -> Result<(), Arc<Error>> {
        let pauses = watchers.iter().map(|watcher| watcher.pause(self.run, failure.clone(), wait));
        let waited: Vec<_> = join_all(pauses).await.into_iter().flatten().collect();
        if waited.is_empty() {
            return self.run.deadline.sleep(wait).await.map_err(|TooLate| Arc::new(failure.stopped()));
        }
        waited.into_iter().collect()
    }

    /// An error of the read of the blob.
    pub(crate) fn source_error(&self, cause: EndpointError) -> Error {
        let operation = Operation::ReadBlob(self.blob.digest.clone());
        let place = self.source.name().to_owned();
        Error { side: Side::Source, place, operation, cause: cause.into() }
    }
}

/// A read that has yet to begin, while uploads wait for it.
struct Beginning<'a, 'r> {
    transfer: &'a Transfer<'a>,
    watchers: &'a [Watcher],
    tries: &'a mut Backoff,
    read: &'a (dyn Fn() -> Answer<'r, Box<dyn BlobRead>> + Sync),
}

impl Step for Beginning<'_, '_> {
    type Done = Box<dyn BlobRead>;
    type Failure = Arc<Error>;

    async fn attempt(&mut self) -> Result<Box<dyn BlobRead>, Arc<Error>> {
        (self.read)().await.map_err(|cause| Arc::new(self.transfer.source_error(cause)))
    }

    fn next(&mut self, failure: &Error) -> Option<Duration> {
        self.tries.reading_on(failure)
    }

    async fn pause(&mut self, failure: Arc<Error>, wait: Duration) -> Result<(), Arc<Error>> {
        self.transfer.pause(self.watchers, failure, wait).await
    }
}

/// An interrupted read that is resumed at its offset.
struct GoingOn<'a> {
    transfer: &'a Transfer<'a>,
    watchers: &'a [Watcher],
    tries: &'a mut Backoff,
    reader: &'a mut dyn BlobRead,
}

impl Step for GoingOn<'_> {
    type Done = ();
    type Failure = Arc<Error>;

    async fn attempt(&mut self) -> Result<(), Arc<Error>> {
        self.reader.resume().await.map_err(|cause| Arc::new(self.transfer.source_error(cause)))
    }

    fn next(&mut self, failure: &Error) -> Option<Duration> {
        self.tries.reading_on(failure)
    }

    async fn pause(&mut self, failure: Arc<Error>, wait: Duration) -> Result<(), Arc<Error>> {
        self.transfer.pause(self.watchers, failure, wait).await
    }
}
