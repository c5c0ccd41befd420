//! Reads a blob from its source, or, if registries need not keep it, from the URLs in its descriptor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oci::{Descriptor, ErrorKind, with_sources};

use super::held::Held;
use crate::endpoint::{BlobRead, EndpointError, Scope, Source};
use crate::engine::run::Run;
use crate::{Error, Event};

/// The source of a blob.
pub(super) struct Reading {
    pub(super) source: Arc<dyn Source>,
    /// The bytes, if they were read before.
    held: Option<Held>,
    known: Arc<KnownAtSource>,
}

/// What reads of a blob have shown, for all targets of the image.
#[derive(Default)]
pub(super) struct KnownAtSource {
    /// Whether the source said that it does not have the blob.
    is_missing: AtomicBool,
    /// Whether the reason for leaving the blob out was reported.
    is_told: AtomicBool,
}

impl Reading {
    pub(super) fn new(source: Arc<dyn Source>, held: Option<Held>, known: Arc<KnownAtSource>) -> Self {
        Self { source, held, known }
    }

    /// Reads from the source, or, if the source does not have the blob, from the URLs in the descriptor. If both
    /// fail, returns the source's error, or a URL's error if a retry may succeed there.
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
                    // The error is about this blob's URL, and says nothing about the source.
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

    /// Whether the image goes on without the blob, because no retry at its URLs can succeed; reports the reason.
    /// Bytes with a wrong digest are a failure instead.
    pub(super) fn leaves_out(&self, run: &Run, blob: &Descriptor, error: &Error) -> bool {
        let is_missing = self.known.is_missing.load(Ordering::Relaxed) && !blob.is_kept_by_registries();
        let is_left_out = is_missing && error.kind() != Some(ErrorKind::Mismatch) && !error.is_stopped();
        if is_left_out {
            self.tell_left_out(run, blob, &with_sources(&error.cause));
        }
        is_left_out
    }

    /// Reports why the image goes on without the blob.
    fn tell_left_out(&self, run: &Run, blob: &Descriptor, why: &str) {
        if self.known.is_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let why = if why.is_empty() { "its manifest names no address for it" } else { why };
        let text = format!("layer {} is not there, and left out: {why}", blob.digest.short());
        run.tell(&Event::Note { place: self.source.name().into(), text });
    }
}
