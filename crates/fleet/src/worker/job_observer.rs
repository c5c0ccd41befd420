//! Records the results of a job's images, and the bytes that move for them.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci::Digest;
use sync::{BlobOutcome, Event, Image, Observer, Outcome, Stamp};

use super::refusal::Refusal;
use crate::kept::Kept;
use crate::message::ended::{Ended, Explain};
use crate::message::job::Job;

/// Observes one job, and passes its events on.
pub(super) struct JobObserver {
    numbers: HashMap<String, u32>,
    explain: Explain,
    others: Arc<dyn Observer>,
    /// Bytes that all jobs of the run have sent.
    moved: Arc<AtomicU64>,
    /// Images that all jobs work on.
    in_work: Arc<AtomicUsize>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    ended: Vec<Ended>,
    begun: HashSet<u32>,
    /// The bytes that were sent of blobs which have not ended.
    sent: HashMap<(u32, Digest), u64>,
    /// The bytes that the target keeps, by image.
    kept: HashMap<u32, Kept>,
    /// The first refusal of this worker's login.
    refusal: Option<Refusal>,
}

impl JobObserver {
    /// `moved` and `in_work` are counted by all jobs together.
    pub(super) fn new(
        job: &Job,
        (explain, others): (Explain, Arc<dyn Observer>),
        (moved, in_work): (Arc<AtomicU64>, Arc<AtomicUsize>),
    ) -> Self {
        let numbers = job.images().map(|image| image.target_name()).zip(0..).collect();
        Self { numbers, explain, others, moved, in_work, seen: Mutex::default() }
    }

    /// Takes the results of the images, once the work is over.
    pub(super) fn ended(&self) -> Vec<Ended> {
        let Seen { ended, kept, .. } = std::mem::take(&mut *self.lock());
        let with_kept = |ended: Ended| {
            let kept = kept.get(&ended.image).copied().unwrap_or_default();
            ended.with_kept(kept)
        };
        ended.into_iter().map(with_kept).collect()
    }

    /// A registry's refusal of this worker's login. To be called before [`Self::ended`], which takes all.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.lock().refusal.clone()
    }

    fn number(&self, image: &Image) -> Option<u32> {
        self.numbers.get(&image.target_name()).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_image(&self, image: &Image, event: &Event) {
        let Some(number) = self.number(image) else { return };
        let mut seen = self.lock();
        match event {
            Event::ImageStarted(_) if seen.begun.insert(number) => {
                self.in_work.fetch_add(1, Ordering::Relaxed);
            }
            Event::ImageFinished(report) => {
                if seen.begun.remove(&number) {
                    self.in_work.fetch_sub(1, Ordering::Relaxed);
                }
                if let Outcome::Failed(error) = &report.outcome
                    && seen.refusal.is_none()
                {
                    seen.refusal = Refusal::of(error, &self.explain);
                }
                seen.ended.extend(Ended::new(number, report, &self.explain));
            }
            other => seen.of_blob(number, other),
        }
    }
}

impl Seen {
    fn of_blob(&mut self, image: u32, event: &Event) {
        match event {
            Event::BytesMoved { digest, bytes, .. } => {
                *self.sent.entry((image, digest.clone())).or_default() += bytes;
            }
            Event::BlobFinished { digest, size, outcome, .. } => {
                let sent = self.sent.remove(&(image, digest.clone())).unwrap_or_default();
                if matches!(outcome, BlobOutcome::Copied) {
                    // Bytes that were sent again after a failure count once.
                    self.kept.entry(image).or_default().stands += size.map_or(sent, |size| sent.min(size));
                }
            }
            Event::BlobLeft { bytes, .. } => self.kept.entry(image).or_default().left_open += bytes,
            _ => {}
        }
    }
}

impl Observer for JobObserver {
    fn event(&self, stamp: &Stamp, event: &Event) {
        match event {
            Event::ImageFinished(report) => self.of_image(&report.image, event),
            Event::BytesMoved { image, bytes, .. } => {
                self.moved.fetch_add(*bytes, Ordering::Relaxed);
                self.of_image(image, event);
            }
            Event::ImageStarted(image)
            | Event::BlobFinished { image, .. }
            | Event::BlobLeft { image, .. } => self.of_image(image, event),
            // The worker says once for all its jobs that it stops.
            Event::Stopping { .. } => return,
            _ => {}
        }
        self.others.event(stamp, event);
    }
}

/// A job that is dropped has no image in work any more.
impl Drop for JobObserver {
    fn drop(&mut self) {
        let begun = self.lock().begun.len();
        self.in_work.fetch_sub(begun, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use sync::{Amounts, Assignment, ImageReport, Outcome, Policy, RunId, Silent, Wanted, WantedReferrers};

    use super::*;
    use crate::fixture::image;

    fn job() -> Job {
        let wanted = Wanted { referrers: WantedReferrers::None, policy: Arc::new(Policy::default()) };
        let assignments = vec![Assignment { rule: 0, images: vec![image()], wanted }];
        Job { run: "r".to_owned(), number: 0, config: Digest::sha256(b"c"), bytes: 0, assignments }
    }

    /// An observer of that job that has taken these events, and what it counts.
    fn watched(events: &[Event]) -> (JobObserver, Arc<AtomicUsize>) {
        let explain: Explain = Arc::new(|_| Default::default());
        let in_work = Arc::<AtomicUsize>::default();
        let observer =
            JobObserver::new(&job(), (explain, Arc::new(Silent)), (Arc::default(), in_work.clone()));
        let stamp = Stamp { run: RunId::new("r"), at: SystemTime::now(), worker: None };
        for event in events {
            observer.event(&stamp, event);
        }
        (observer, in_work)
    }

    fn end(moved_bytes: u64, outcome: Outcome) -> Event {
        let amounts = Amounts { moved_bytes, ..Amounts::default() };
        let (image, took) = (image(), Duration::ZERO);
        Event::ImageFinished(Arc::new(ImageReport { image, rule: 0, outcome, amounts, took }))
    }

    #[test]
    fn what_the_target_keeps_of_an_image_that_is_not_done_is_told() {
        let digest = |text: &str| Digest::sha256(text.as_bytes());
        let sent = |blob: &str, bytes| Event::BytesMoved { image: image(), digest: digest(blob), bytes };
        let there = |blob: &str, bytes, outcome| Event::BlobFinished {
            image: image(),
            digest: digest(blob),
            size: Some(bytes),
            outcome,
        };
        let events = [
            Event::ImageStarted(image()),
            sent("whole", 30),
            sent("whole", 50),
            there("whole", 60, BlobOutcome::Copied),
            there("known", 500, BlobOutcome::Present),
            sent("half", 20),
            end(100, Outcome::NotDone),
            // Uploads that stay open are told when all images have ended.
            Event::BlobLeft { image: image(), digest: digest("half"), bytes: 16 },
        ];
        let (observer, in_work) = watched(&events);
        let ended = observer.ended();
        assert_eq!((ended.len(), ended[0].kept()), (1, Kept { stands: 60, left_open: 16 }));
        assert_eq!(in_work.load(Ordering::Relaxed), 0);
        let digest = digest("m");
        let (at_source, left_out) = (digest.clone(), sync::LeftOut::default());
        let (observer, _) =
            watched(&[end(80, Outcome::Copied { digest, at_source, replaced: None, left_out })]);
        let ended = observer.ended();
        let all = Kept { stands: 80, left_open: 0 };
        assert_eq!(ended[0].kept(), all, "nothing of what is there is sent again");
    }

    #[test]
    fn images_in_work_are_counted_while_their_job_is_there() {
        let (observer, in_work) = watched(&[Event::ImageStarted(image()), Event::ImageStarted(image())]);
        assert_eq!(in_work.load(Ordering::Relaxed), 1);
        drop(observer);
        assert_eq!(in_work.load(Ordering::Relaxed), 0);
    }
}
