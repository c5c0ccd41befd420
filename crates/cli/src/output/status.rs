//! What SIGUSR1 asks for: how far the run is, and what it is at.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sync::{Event, Image, Observer, Outcome, Stamp};

use super::progress::ImageWork;
use super::size;

/// So many images in work are named.
const NAMED: usize = 20;

/// Counts along.
pub(crate) struct Status {
    started: Instant,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    planned: u64,
    copied: u64,
    failed: u64,
    /// Unchanged, left out, not done.
    others: u64,
    moved: u64,
    in_work: HashMap<Arc<Image>, InWork>,
}

struct InWork {
    since: Instant,
    bytes: ImageWork,
}

impl Status {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), counts: Mutex::default() }
    }

    /// Some lines, the oldest images in work first.
    pub(crate) fn block(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let done = counts.copied + counts.failed + counts.others;
        let mut text = format!(
            "status after {}: {done} of {} images done ({} copied, {} failed), {} moved, {} in work",
            duration(self.started.elapsed()),
            counts.planned,
            counts.copied,
            counts.failed,
            size(Some(counts.moved)),
            counts.in_work.len(),
        );
        let mut in_work: Vec<_> = counts.in_work.iter().collect();
        in_work.sort_by_key(|(_, work)| work.since);
        for (image, work) in in_work.iter().take(NAMED) {
            let (moved, known) = (size(Some(work.bytes.sent())), size(Some(work.bytes.total())));
            let _ = write!(
                text,
                "\n  {image}: {moved} of {known} so far, for {}",
                duration(work.since.elapsed())
            );
        }
        if in_work.len() > NAMED {
            let _ = write!(text, "\n  and {} more", in_work.len() - NAMED);
        }
        text
    }
}

fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

impl Observer for Status {
    fn event(&self, _: &Stamp, event: &Event) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::ImagePlanned(_) => counts.planned += 1,
            Event::ImageStarted(image) => {
                let work = InWork { since: Instant::now(), bytes: ImageWork::default() };
                counts.in_work.insert(image.clone(), work);
            }
            Event::BlobPlanned { image, .. }
            | Event::BlobStarted { image, .. }
            | Event::BytesMoved { image, .. }
            | Event::BlobFinished { image, .. } => {
                if let Event::BytesMoved { bytes, .. } = event {
                    counts.moved += bytes;
                }
                if let Some(work) = counts.in_work.get_mut(image) {
                    work.bytes.event(event, 0);
                }
            }
            Event::ImageFinished(ended) => {
                counts.in_work.remove(&ended.image);
                match ended.outcome {
                    Outcome::Copied { .. } => counts.copied += 1,
                    Outcome::Failed(_) => counts.failed += 1,
                    _ => counts.others += 1,
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use sync::{Amounts, ImageReport, RunId};

    use super::*;

    #[test]
    fn s4_the_status_names_counts_and_what_is_in_work() {
        let status = Status::start();
        let tag = |tag: &str| oci::TagOrDigest::Tag(tag.parse().unwrap());
        let image = |name: &str| {
            Arc::new(Image {
                source: "q.io/a".into(),
                source_reference: tag(name),
                target: "r.io/b".into(),
                target_reference: tag(name),
            })
        };
        let [one, two] = ["v1", "v2"].map(image);
        let stamp = Stamp { run: RunId::new("r"), at: std::time::SystemTime::now() };
        let tell = |event: Event| status.event(&stamp, &event);
        for image in [&one, &two] {
            tell(Event::ImagePlanned(image.clone()));
            tell(Event::ImageStarted(image.clone()));
        }
        let (outcome, amounts, took) = (Outcome::NotDone, Amounts::default(), Duration::ZERO);
        tell(Event::ImageFinished(Arc::new(ImageReport { image: one, rule: 0, outcome, amounts, took })));
        let digest = oci::Digest::sha256(b"layer");
        let (image, size) = (two.clone(), Some(4096));
        tell(Event::BlobPlanned { image, digest: digest.clone(), size });
        tell(Event::BytesMoved { image: two, digest, bytes: 2048 });
        let block = status.block();
        assert!(
            block.contains("1 of 2 images done (0 copied, 0 failed), 2.00 KiB moved, 1 in work"),
            "{block}"
        );
        assert!(
            block.contains("\n  q.io/a:v2 -> r.io/b:v2: 2.00 KiB of 4.00 KiB so far, for 0 s"),
            "{block}"
        );
        assert_eq!(duration(Duration::from_secs(3725)), "1 h 2 min");
    }
}
