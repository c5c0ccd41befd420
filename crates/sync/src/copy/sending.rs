//! Sends one upload to its end: with the shared read and, after an interruption, with its own read from the target's
//! offset on.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oci::{ErrorKind, UploadStatus};

use super::delivery::{Delivered, Delivery};
use super::open_upload::{OpenUpload, Remembered};
use super::queue::{LeftBehind, Queue};
use super::transfer::Transfer;
use crate::endpoint::{BlobBody, EndpointError, ReadAgain};
use crate::engine::backoff::Backoff;
use crate::engine::retry::{Step, retry_after};
use crate::engine::run::ImageCopy;
use crate::memory::state::Journal;
use crate::{Cause, Error, Event, Operation};

/// Why an upload did not get to its end.
enum Failure {
    /// The upload itself failed.
    Own(Arc<Error>),
    /// The shared read failed.
    WithSource,
}

/// Which read feeds an upload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fed {
    /// The shared one.
    Together,
    /// Its own.
    Alone,
}

/// Which side ended a request before the blob's end.
#[derive(Clone, Copy)]
enum BrokenBy {
    /// The other uploads could not wait: no failure of the target.
    Us,
    Target,
}

/// What becomes of an upload session after the sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtEnd {
    /// The target has the blob.
    Close,
    /// Another run may resume it, or the end of this run cancels it: a registry that asks for such a long pause may
    /// delay a cancellation, too.
    Leave,
    /// The registry would keep the bytes of an unfinished blob for days.
    Cancel,
}

/// How the sending ended, as far as that decides what becomes of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Well,
    /// The run is over.
    Stopped,
    /// With a passing error.
    Passing,
    /// With a permanent error, or with wrong bytes.
    ForGood,
}

impl AtEnd {
    fn of(ended: Ended, is_remembered: bool) -> Self {
        match (ended, is_remembered) {
            (Ended::Well, _) => Self::Close,
            (Ended::Stopped, _) | (Ended::Passing, true) => Self::Leave,
            (Ended::Passing, false) | (Ended::ForGood, _) => Self::Cancel,
        }
    }
}

impl Transfer<'_> {
    /// Sends one upload to its end.
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

    /// Sends the blob, and the missing rest after each interruption, as long as retries are left.
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
            let broken_by = if left_behind.since_last_look() { BrokenBy::Us } else { BrokenBy::Target };
            let offset = match self.recover(delivery, error.clone(), broken_by).await {
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
            self.tell_resumed(delivery, offset);
            match self.send_rest(delivery, history, offset, &mut read_budget).await {
                Ok(ended) => sent = ended,
                Err(source_error) => return Err(Failure::Own(source_error)),
            }
        }
    }

    fn tell_resumed(&self, delivery: &Delivery, offset: u64) {
        let (image, digest) = (delivery.copy.image.clone(), self.blob.digest.clone());
        let left = self.blob.size.map(|size| size.saturating_sub(offset));
        self.run.tell(&Event::BlobResumed { image, digest, left });
    }

    /// Records the upload session for another run, if that is useful.
    pub(super) async fn begin_journal(&self, delivery: &mut Delivery) -> Option<Journal> {
        let Delivery { copy, upload, trail, .. } = delivery;
        let (blob, size) = (&self.blob.digest, self.blob.size);
        let journal = Journal::of(&self.run.state, &copy.target, &**upload, blob, size, trail);
        let is_written = match &journal {
            Some(journal) => journal.begin().await,
            None => false,
        };
        let (image, target) = (delivery.copy.image.clone(), delivery.copy.target.clone());
        let remembered = Remembered { image, target, blob: self.blob.clone() };
        delivery.upload.remember(Some(remembered).filter(|_| is_written));
        journal.filter(|_| is_written)
    }

    async fn end(&self, copy: &ImageCopy, upload: OpenUpload, failure: Option<&Failure>) {
        let is_remembered = upload.is_remembered();
        let at_end = AtEnd::of(self.ended(failure), is_remembered);
        if at_end != AtEnd::Leave && is_remembered {
            self.run.state.upload_ended(&*copy.target, &self.blob.digest);
        }
        match at_end {
            AtEnd::Close => upload.close(),
            AtEnd::Leave => drop(upload),
            AtEnd::Cancel => upload.cancel().await,
        }
    }

    fn ended(&self, failure: Option<&Failure>) -> Ended {
        let is_wrong = |error: &Error| error.kind() == Some(ErrorKind::Mismatch);
        match failure {
            None => Ended::Well,
            Some(Failure::Own(error)) if error.is_stopped() => Ended::Stopped,
            Some(Failure::Own(error)) if error.is_retryable() && !is_wrong(error) => Ended::Passing,
            Some(Failure::Own(_)) => Ended::ForGood,
            // Whatever failed at the source: another run may read from elsewhere.
            Some(Failure::WithSource) if self.failed.get().is_some_and(|error| is_wrong(error)) => {
                Ended::ForGood
            }
            Some(Failure::WithSource) => Ended::Passing,
        }
    }

    /// Asks the target how to resume, with retries; returns the last error if it cannot be resumed.
    async fn recover(
        &self,
        delivery: &mut Delivery,
        error: Arc<Error>,
        broken_by: BrokenBy,
    ) -> Result<UploadStatus, Arc<Error>> {
        retry_after(&mut Recovery { transfer: self, delivery, broken_by }, error).await
    }

    /// Sends the blob from `offset` on, with its own read. The outer error is the source's.
    async fn send_rest(
        &self,
        delivery: &mut Delivery,
        history: &dyn ReadAgain,
        offset: u64,
        read_budget: &mut Backoff,
    ) -> Result<Result<(), EndpointError>, Arc<Error>> {
        let copy = delivery.copy.clone();
        let watchers = [delivery.watcher()];
        let mut reader = self.begin_read(&watchers, read_budget, &|| history.read_from(offset)).await?;
        let journal = self.begin_journal(delivery).await;
        let (queue, body) = Queue::open(self.run, &self.blob.digest, &copy, journal);
        let failed = OnceLock::new();
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

/// Asks a target, after its upload broke, which bytes it has.
struct Recovery<'a> {
    transfer: &'a Transfer<'a>,
    delivery: &'a mut Delivery,
    broken_by: BrokenBy,
}

impl Step for Recovery<'_> {
    type Done = UploadStatus;
    type Failure = Arc<Error>;

    async fn attempt(&mut self) -> Result<UploadStatus, Arc<Error>> {
        let resumed = self.delivery.upload.resume(&self.transfer.blob.digest).await;
        resumed.map_err(|cause| Arc::new(self.delivery.copy.target_error(self.transfer.sending(), cause)))
    }

    fn next(&mut self, failure: &Error) -> Option<Duration> {
        let broken_by = std::mem::replace(&mut self.broken_by, BrokenBy::Target);
        let recovery = match (broken_by, &failure.cause) {
            (BrokenBy::Us, _) => oci::Recovery::AtOnce,
            (BrokenBy::Target, Cause::Endpoint(cause)) => self.delivery.upload.recovery(cause),
            (BrokenBy::Target, _) => oci::Recovery::Never,
        };
        self.delivery.budget.recovering(recovery, failure)
    }

    /// Other blobs use the place meanwhile.
    async fn pause(&mut self, failure: Arc<Error>, wait: Duration) -> Result<(), Arc<Error>> {
        let paused = self.delivery.watcher().pause(self.transfer.run, failure, wait).await;
        paused.unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_that_is_not_finished_is_left_only_where_it_may_be_gone_on_with() {
        for (ended, remembered, forgotten) in [
            (Ended::Well, AtEnd::Close, AtEnd::Close),
            (Ended::Stopped, AtEnd::Leave, AtEnd::Leave),
            (Ended::Passing, AtEnd::Leave, AtEnd::Cancel),
            (Ended::ForGood, AtEnd::Cancel, AtEnd::Cancel),
        ] {
            let at_end = [true, false].map(|is_remembered| AtEnd::of(ended, is_remembered));
            assert_eq!(at_end, [remembered, forgotten], "{ended:?}");
        }
    }
}
