//! What events alone tell, for the report: how often steps of images were tried again, and what that cost in time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync::{Event, Image, Observer, Stamp};

/// Counts along.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Retries>);

#[derive(Default)]
struct Retries {
    /// Only of images in work of which a step was tried again.
    tries: HashMap<Arc<Image>, u64>,
    /// By the host that failed.
    waits: HashMap<String, Duration>,
}

impl Tally {
    /// How often steps of an image in work were tried again.
    pub(super) fn tried_again(&self, image: &Arc<Image>) -> u64 {
        self.lock().tries.get(image).copied().unwrap_or_default()
    }

    /// How long steps waited to be tried again because a host failed, each for itself.
    pub(super) fn waited_for(&self, host: &str) -> Duration {
        self.lock().waits.get(host).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Retries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Retries {
    /// `place` is a registry, perhaps with a repository.
    fn note_wait(&mut self, place: &str, wait: Duration) {
        let host = place.split_once('/').map_or(place, |(host, _)| host);
        *self.waits.entry(host.to_owned()).or_default() += wait;
    }
}

impl Observer for Tally {
    fn event(&self, _: &Stamp, event: &Event) {
        match event {
            Event::Retrying { image, place, wait, .. } => {
                let mut retries = self.lock();
                *retries.tries.entry(image.clone()).or_default() += 1;
                retries.note_wait(place, *wait);
            }
            Event::ImageFinished(ended) => {
                self.lock().tries.remove(&ended.image);
            }
            Event::RetryingList { source, wait, .. } => self.lock().note_wait(source, *wait),
            _ => {}
        }
    }
}
