//! What events alone tell, for the report: how often steps of images were tried again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync::{Event, Image, Observer};

/// Counts along, only of images of which a step was tried again.
#[derive(Default)]
pub(crate) struct Tally(Mutex<HashMap<Arc<Image>, u64>>);

impl Tally {
    /// How often steps of an image were tried again.
    pub(super) fn tried_again(&self, image: &Arc<Image>) -> u64 {
        self.lock().get(image).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Image>, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Tally {
    fn event(&self, event: &Event) {
        if let Event::Retrying { image, .. } = event {
            *self.lock().entry(image.clone()).or_default() += 1;
        }
    }
}
