//! What events alone tell, for the report: bytes that targets mounted, and tries that were made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync::{BlobOutcome, Event, Image, Observer};

/// Counts along.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    mounted_bytes: u64,
    /// Only of images of which a step was tried again.
    again: HashMap<Arc<Image>, u64>,
}

impl Tally {
    /// Bytes of blobs that targets took from other repositories of theirs.
    pub(crate) fn mounted_bytes(&self) -> u64 {
        self.lock().mounted_bytes
    }

    /// How often steps of an image were tried again.
    pub(super) fn tried_again(&self, image: &Arc<Image>) -> u64 {
        self.lock().again.get(image).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Tally {
    fn event(&self, event: &Event) {
        match event {
            Event::BlobFinished { size: Some(size), outcome: BlobOutcome::Mounted, .. } => {
                self.lock().mounted_bytes += size;
            }
            Event::Retrying { image, .. } => *self.lock().again.entry(image.clone()).or_default() += 1,
            _ => {}
        }
    }
}
