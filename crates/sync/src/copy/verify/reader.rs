//! Reads a blob at a target and hashes it: at the run's pace, and after a break from where it stood.

use oci::{Descriptor, ErrorKind};

use super::super::walk::Walk;
use crate::endpoint::{BlobRead, EndpointError, Source};
use crate::engine::Place;
use crate::engine::backoff::Backoff;
use crate::{Error, Operation};
use std::sync::Arc;

/// Why a blob could not be read to its right end.
type Failed = Arc<Error>;

/// Reads a blob to its end, and says how long it is; what is left undone is told by the error.
pub(super) async fn read(walk: &Walk, contents: &dyn Source, blob: &Descriptor) -> Result<u64, Failed> {
    let reading = Reading { walk, contents, blob };
    let place = walk.copy.place(&walk.run, blob).await;
    // Bytes that are wrong may have become so on their way.
    let mut beginnings = Backoff::new(walk.run.retries);
    loop {
        let error = match reading.read_once(&place).await {
            Err(error) if error.kind() == Some(ErrorKind::Mismatch) => error,
            other => return other,
        };
        let Some(wait) = beginnings.next(&error) else { return Err(error) };
        place.wait(walk.run.pause(&walk.copy, error, wait)).await?;
    }
}

struct Reading<'a> {
    walk: &'a Walk,
    contents: &'a dyn Source,
    blob: &'a Descriptor,
}

impl Reading<'_> {
    async fn read_once(&self, place: &Place) -> Result<u64, Failed> {
        let run = &self.walk.run;
        // Whatever moves shows that another try is worth it.
        let mut budget = Backoff::new(run.retries);
        let mut reader = self.open(place, &mut budget).await?;
        let mut length = 0;
        loop {
            match reader.next().await {
                Ok(Some(piece)) => {
                    budget.progressed();
                    length += piece.len() as u64;
                    run.inspected.counts.read(piece.len());
                    run.engine.pace().pass(piece.len()).await;
                }
                Ok(None) => return Ok(length),
                Err(cause) => self.go_on(&mut *reader, cause, place, &mut budget).await?,
            }
        }
    }

    async fn open(&self, place: &Place, budget: &mut Backoff) -> Result<Box<dyn BlobRead>, Failed> {
        loop {
            match self.contents.blob(self.blob).await {
                Ok(reader) => return Ok(reader),
                Err(cause) => self.wait(cause, place, budget).await?,
            }
        }
    }

    async fn go_on(
        &self,
        reader: &mut dyn BlobRead,
        mut cause: EndpointError,
        place: &Place,
        budget: &mut Backoff,
    ) -> Result<(), Failed> {
        loop {
            if cause.kind == ErrorKind::Mismatch {
                return Err(Arc::new(self.error(cause)));
            }
            self.wait(cause, place, budget).await?;
            match reader.resume().await {
                Ok(()) => return Ok(()),
                Err(next) => cause = next,
            }
        }
    }

    /// Waits before the target is asked again; gives the error back if it is not to be asked again.
    async fn wait(&self, cause: EndpointError, place: &Place, budget: &mut Backoff) -> Result<(), Failed> {
        let error = Arc::new(self.error(cause));
        let Some(wait) = budget.next(&error) else { return Err(error) };
        place.wait(self.walk.run.pause(&self.walk.copy, error, wait)).await
    }

    fn error(&self, cause: EndpointError) -> Error {
        self.walk.copy.target_error(Operation::ReadBlob(self.blob.digest.clone()), cause)
    }
}
