//! Reads a blob at a target and hashes it, within the run's bandwidth. An interrupted read is resumed.

use std::sync::Arc;
use std::time::Duration;

use oci::{Descriptor, Digest, ErrorKind};

use super::super::walk::Walk;
use crate::endpoint::{BlobRead, EndpointError, Source};
use crate::engine::Place;
use crate::engine::backoff::Backoff;
use crate::engine::retry::{Step, retry, retry_after};
use crate::{BlobOutcome, Error, Event, Image, Operation};

/// Why a blob could not be read completely and correctly.
type Failed = Arc<Error>;

/// Whether wrong bytes are read again: the damage may have happened in transit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

/// Reads a blob to its end, and returns its length.
pub(super) async fn read(
    walk: &Walk,
    contents: &dyn Source,
    blob: &Descriptor,
    again: Again,
) -> Result<u64, Failed> {
    let place = walk.copy.place(&walk.run, blob).await;
    let beginnings = Backoff::new(walk.run.retries);
    retry(&mut Reading { walk, contents, blob, place, again, beginnings }).await
}

struct Reading<'a> {
    walk: &'a Walk,
    contents: &'a dyn Source,
    blob: &'a Descriptor,
    place: Place,
    again: Again,
    beginnings: Backoff,
}

/// Reads the blob from its beginning to its end.
impl Step for Reading<'_> {
    type Done = u64;
    type Failure = Failed;

    async fn attempt(&mut self) -> Result<u64, Failed> {
        self.read_once().await
    }

    /// Only after wrong bytes: `read_once` retries all other errors itself.
    fn next(&mut self, failure: &Error) -> Option<Duration> {
        if failure.kind() == Some(ErrorKind::Mismatch) && self.again == Again::Yes {
            self.beginnings.next(failure)
        } else {
            None
        }
    }

    async fn pause(&mut self, failure: Failed, wait: Duration) -> Result<(), Failed> {
        self.wait(failure, wait).await
    }
}

impl Reading<'_> {
    async fn read_once(&self) -> Result<u64, Failed> {
        let run = &self.walk.run;
        // Restarts its count after each piece.
        let mut budget = Backoff::new(run.retries);
        let mut reader = retry(&mut Opening { reading: self, tries: &mut budget }).await?;
        let mut length = 0;
        self.tell_begun();
        loop {
            match reader.next().await {
                Ok(Some(piece)) => {
                    budget.progressed();
                    length += piece.len() as u64;
                    self.tell_read(piece.len() as u64);
                    run.inspected.counts.read(piece.len());
                    run.engine.pace().pass(piece.len()).await;
                }
                Ok(None) => {
                    self.tell_ended();
                    return Ok(length);
                }
                Err(cause) if cause.kind == ErrorKind::Mismatch => return Err(self.error(cause)),
                Err(cause) => {
                    let mut going_on = GoingOn { reading: self, tries: &mut budget, reader: &mut *reader };
                    retry_after(&mut going_on, self.error(cause)).await?;
                }
            }
        }
    }

    fn tell_begun(&self) {
        let (image, digest, size) = self.told();
        self.walk.run.tell(&Event::BlobStarted { image, digest, size });
    }

    fn tell_read(&self, bytes: u64) {
        let (image, digest, _) = self.told();
        self.walk.run.tell(&Event::BytesMoved { image, digest, bytes });
    }

    fn tell_ended(&self) {
        let ((image, digest, size), outcome) = (self.told(), BlobOutcome::Read);
        self.walk.run.tell(&Event::BlobFinished { image, digest, size, outcome });
    }

    fn told(&self) -> (Arc<Image>, Digest, Option<u64>) {
        (self.walk.copy.image.clone(), self.blob.digest.clone(), self.blob.size)
    }

    /// Waits before the target is asked again. Other blobs use the place meanwhile.
    async fn wait(&self, failure: Failed, wait: Duration) -> Result<(), Failed> {
        self.place.wait(self.walk.run.pause(&self.walk.copy, failure, wait)).await
    }

    fn error(&self, cause: EndpointError) -> Failed {
        Arc::new(self.walk.copy.target_error(Operation::ReadBlob(self.blob.digest.clone()), cause))
    }
}

/// A read that has yet to begin.
struct Opening<'a> {
    reading: &'a Reading<'a>,
    tries: &'a mut Backoff,
}

impl Step for Opening<'_> {
    type Done = Box<dyn BlobRead>;
    type Failure = Failed;

    async fn attempt(&mut self) -> Result<Box<dyn BlobRead>, Failed> {
        let Reading { contents, blob, .. } = self.reading;
        contents.blob(blob).await.map_err(|cause| self.reading.error(cause))
    }

    fn next(&mut self, failure: &Error) -> Option<Duration> {
        self.tries.reading_on(failure)
    }

    async fn pause(&mut self, failure: Failed, wait: Duration) -> Result<(), Failed> {
        self.reading.wait(failure, wait).await
    }
}

/// An interrupted read that is resumed.
struct GoingOn<'a> {
    reading: &'a Reading<'a>,
    tries: &'a mut Backoff,
    reader: &'a mut dyn BlobRead,
}

impl Step for GoingOn<'_> {
    type Done = ();
    type Failure = Failed;

    async fn attempt(&mut self) -> Result<(), Failed> {
        self.reader.resume().await.map_err(|cause| self.reading.error(cause))
    }

    fn next(&mut self, failure: &Error) -> Option<Duration> {
        self.tries.reading_on(failure)
    }

    async fn pause(&mut self, failure: Failed, wait: Duration) -> Result<(), Failed> {
        self.reading.wait(failure, wait).await
    }
}
