//! Reads a blob from its source; one that registries need not keep, from the addresses in its descriptor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oci::{Descriptor, ErrorKind, with_sources};

use super::held::Held;
use crate::endpoint::{BlobRead, EndpointError, Scope, Source};
use crate::engine::run::Run;
use crate::{Error, Event};

/// Where a blob is read.
pub(super) struct Reading {
    pub(super) source: Arc<dyn Source>,
    /// Its bytes, where they were read before.
    held: Option<Held>,
    known: Arc<KnownAtSource>,
}

/// What reads of a blob have shown, whichever of the image's targets they were for.
#[derive(Default)]
pub(super) struct KnownAtSource {
    /// Whether the source said that it lacks the blob.
    is_missing: AtomicBool,
    /// Whether it was told why images go on without it.
    is_told: AtomicBool,
}

impl Reading {
    pub(super) fn new(source: Arc<dyn Source>, held: Option<Held>, known: Arc<KnownAtSource>) -> Self {
        Self { source, held, known }
    }

    /// The source first; a layer that registries need not keep may be had from the addresses in its descriptor. If it
    /// cannot, the source's own answer counts, unless another try at an address may go well.
    pub(super) async fn read(
        &self,
        run: &Run,
        blob: &Descriptor,
    ) -> Result<Box<dyn BlobRead>, EndpointError> {
        if let Some(held) = &self.held {
            return Ok(Box::new(held.clone()));
        }
        let missing = match self.source.blob(blob).await {
            Err(error) if error.kind == ErrorKind::NotFound => error,
            other => return other,
        };
        self.known.is_missing.store(true, Ordering::Relaxed);
        let (mut reasons, mut passing) = (Vec::new(), None);
        for address in &blob.urls {
            match self.source.external_blob(address, blob).await {
                Ok(reader) => return Ok(reader),
                Err(error) => {
                    reasons.push(with_sources(&error));
                    // It is about this blob's own address, and says nothing of the source.
                    passing = passing
                        .or(error.is_retryable.then_some(EndpointError { scope: Scope::Image, ..error }));
                }
            }
        }
        if passing.is_none() && !blob.is_kept_by_registries() {
            self.tell_left_out(run, blob, &reasons.join("; "));
        }
        Err(passing.unwrap_or(missing))
    }

    /// Whether an image can go on without the blob, which no further try at its addresses will bring: then it is told
    /// why. Bytes that are not the blob are told as a failure.
    pub(super) fn leaves_out(&self, run: &Run, blob: &Descriptor, error: &Error) -> bool {
        let is_missing = self.known.is_missing.load(Ordering::Relaxed) && !blob.is_kept_by_registries();
        let is_left_out = is_missing && error.kind() != Some(ErrorKind::Mismatch) && !error.is_stopped();
        if is_left_out {
            self.tell_left_out(run, blob, &with_sources(&error.cause));
        }
        is_left_out
    }

    /// Says why the image goes on without it.
    fn tell_left_out(&self, run: &Run, blob: &Descriptor, why: &str) {
        if self.known.is_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let why = if why.is_empty() { "its manifest names no address for it" } else { why };
        let text = format!("layer {} is not there, and left out: {why}", blob.digest.short());
        run.tell(&Event::Note { place: self.source.name().into(), text });
    }
}
