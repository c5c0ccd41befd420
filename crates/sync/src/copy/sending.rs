//! Sends one upload to its end: with the read that it shares, and after a break with one of its own, from what its target has.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oci::{ErrorKind, Recovery, UploadStatus};

use super::delivery::{Delivered, Delivery};
use super::open_upload::OpenUpload;
use super::queue::{LeftBehind, Queue};
use super::transfer::Transfer;
use crate::endpoint::{BlobBody, EndpointError, ReadAgain};
use crate::engine::backoff::Backoff;
use crate::engine::run::ImageCopy;
use crate::memory::state::Journal;
use crate::{Cause, Error, Operation};

/// Why an upload did not get to its end.
enum Failure {
    /// For a reason of its own.
    Own(Arc<Error>),
    /// With the read that all share.
    WithSource,
}

/// Which read feeds an upload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fed {
    /// The one that all share.
    Together,
    /// One of its own.
    Alone,
}

/// Who ended a request before the blob's end.
enum Broken {
    /// The others could not wait: that is no failure of the target.
    ByUs,
    ByTarget,
}

impl Transfer<'_> {
    /// One upload to its end.
    pub(super) async fn one(
        &self,
        mut delivery: Delivery,
        body: BlobBody,
        left_behind: LeftBehind,
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
        left_behind: &LeftBehind,
        history: Option<&dyn ReadAgain>,
        mut read_budget: Backoff,
    ) -> Result<(), Failure> {
        let mut sent = delivery.upload.send(&self.blob.digest, self.blob.size, body).await;
        let (mut furthest, mut fed) = (0, Fed::Together);
        loop {
            let Err(error) = sent else { return Ok(()) };
            let error = Arc::new(delivery.copy.target_error(self.sending(), error));
            if fed == Fed::Together && self.failed.get().is_some() {
                return Err(Failure::WithSource);
            }
            let broken = if left_behind.since_last_look() { Broken::ByUs } else { Broken::ByTarget };
            let offset = match self.recover(delivery, error.clone(), broken).await {
                Ok(UploadStatus::Complete) => return Ok(()),
                Ok(UploadStatus::At(offset)) => offset,
                Err(error) => return Err(Failure::Own(error)),
            };
            if offset > furthest {
                furthest = offset;
                delivery.budget.progressed();
            }
            let Some(history) = history else { return Err(Failure::Own(error)) };
            fed = Fed::Alone;
            match self.send_rest(delivery, history, offset, &mut read_budget).await {
                Ok(ended) => sent = ended,
                Err(source_error) => return Err(Failure::Own(source_error)),
            }
        }
    }

    /// Sees to it that another run finds the upload, where that is of use.
    pub(super) async fn begin_journal(&self, delivery: &mut Delivery) -> Option<Journal> {
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
        mut error: Arc<Error>,
        mut broken: Broken,
    ) -> Result<UploadStatus, Arc<Error>> {
        loop {
            let recovery = match (&broken, &error.cause) {
                (Broken::ByUs, _) => Recovery::AtOnce,
                (Broken::ByTarget, Cause::Endpoint(cause)) => delivery.upload.recovery(cause),
                (Broken::ByTarget, _) => Recovery::Never,
            };
            broken = Broken::ByTarget;
            let wait = match recovery {
                Recovery::Never => None,
                Recovery::AtOnce => Some(Duration::ZERO),
                Recovery::Later => delivery.budget.again(&error),
            };
            let Some(wait) = wait else { return Err(error) };
            if let Some(paused) = delivery.watcher().pause(self.run, error, wait).await {
                paused?;
            }
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
        let (queue, body) = Queue::open(self.run, &self.blob.digest, &copy, journal);
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

    fn sending(&self) -> Operation {
        Operation::SendBlob(self.blob.digest.clone())
    }
}
