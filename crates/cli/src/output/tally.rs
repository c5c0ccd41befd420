//! Numbers for report and summary that only events provide: retries, the time they cost, the curve over time, and parts of images that were
//! not copied.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync::{BlobOutcome, Event, Image, LeftOut, Observer, Outcome, Stamp};

use super::report_json::timeline::{Point, Timeline};

/// Collects the numbers.
#[derive(Default)]
pub(crate) struct Tally {
    counts: Mutex<Counts>,
    timeline: Timeline,
}

#[derive(Default)]
struct Counts {
    /// Only for images in work with a retry.
    tries: HashMap<Arc<Image>, u64>,
    /// By the host that failed.
    waits: HashMap<String, Duration>,
    left_behind: LeftBehind,
}

/// Parts of images that were not copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftBehind {
    /// Children of indexes.
    pub(super) children: LeftOut,
    /// Layers that must not be stored in registries and were not found anywhere.
    pub(super) layers: usize,
}

impl Tally {
    /// The number of retries of an image in work.
    pub(super) fn tried_again(&self, image: &Arc<Image>) -> u64 {
        self.lock().tries.get(image).copied().unwrap_or_default()
    }

    /// The total time that steps waited for a retry because a host failed.
    pub(super) fn waited_for(&self, host: &str) -> Duration {
        self.lock().waits.get(host).copied().unwrap_or_default()
    }

    /// The parts of images that were not copied so far.
    pub(super) fn left_behind(&self) -> LeftBehind {
        self.lock().left_behind
    }

    /// The curve of bytes and ended images, up to now.
    pub(super) fn timeline(&self) -> Vec<Point> {
        self.timeline.points()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// `place` is a registry with an optional repository.
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
            Event::BytesMoved { bytes, .. } => self.timeline.bytes(*bytes, Duration::ZERO),
            Event::BytesReported { bytes, during } => self.timeline.bytes(*bytes, *during),
            Event::RunJoined { began } => self.timeline.began(began.elapsed().unwrap_or_default()),
            Event::ImageFinished(ended) => {
                self.timeline.image();
                let mut counts = self.lock();
                counts.tries.remove(&ended.image);
                if let Outcome::Copied { left_out, .. } = ended.outcome {
                    let children = &mut counts.left_behind.children;
                    children.platforms += left_out.platforms;
                    children.attestations += left_out.attestations;
                }
            }
            Event::BlobFinished { outcome: BlobOutcome::LeftOut, .. } => self.lock().left_behind.layers += 1,
            Event::RetryingList { source, wait, .. } => self.lock().note_wait(source, *wait),
            _ => {}
        }
    }
}
