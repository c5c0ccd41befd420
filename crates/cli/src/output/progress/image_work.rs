//! The progress of an image in work.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oci::Digest;
use sync::{BlobOutcome, Event, Image};

use super::wait::Wait;

/// Counts events.
pub(super) struct ImageWork {
    /// Its place in the order of starts.
    pub(super) turn: u64,
    pub(super) since: Instant,
    /// Bytes of its finished blobs.
    done: u64,
    /// Whether its manifest was read.
    is_known: bool,
    known: Blobs,
    blobs: HashMap<Digest, Blob>,
    mounted: u64,
    present: u64,
    pub(super) wait: Option<Wait>,
    /// The number of retries of its steps.
    pub(super) tries: u64,
}

#[derive(Clone, Copy, Default)]
struct Blob {
    size: Option<u64>,
    sent: u64,
    moves: bool,
}

/// Which blobs of an image are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Blobs {
    /// Those that were begun: more may come, as in a verification.
    #[default]
    SoFar,
    /// All blobs of its manifest.
    All,
}

/// A snapshot of an image in work.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) image: Arc<Image>,
    /// The time since its start.
    pub(crate) took: Duration,
    /// Bytes that were sent for it.
    pub(crate) sent: u64,
    /// Bytes to send in total, with those already sent; `None` until its manifest was read.
    pub(crate) total: Option<u64>,
    pub(crate) known: Blobs,
    /// The largest of its blobs in transfer.
    pub(crate) largest: Option<Moving>,
    /// Blobs that the target mounted from another repository.
    pub(crate) mounted: u64,
    /// Blobs that the target had.
    pub(crate) present: u64,
    pub(crate) wait: Option<Wait>,
    /// The time until the wait ends, if known.
    pub(crate) again: Option<Duration>,
}

/// A blob in transfer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moving {
    pub(crate) digest: Digest,
    pub(crate) sent: u64,
    pub(crate) size: Option<u64>,
}

impl Blob {
    /// Sets the bytes that are left to send: bytes that the target did not keep no longer count.
    fn go_on(&mut self, left: u64) {
        let size = self.size.map_or(left, |size| size.max(left));
        (self.size, self.sent) = (Some(size), size - left);
    }

    /// At most the blob's size: bytes that were sent twice count once.
    fn sent(&self) -> u64 {
        self.size.map_or(self.sent, |size| self.sent.min(size))
    }

    fn total(&self) -> u64 {
        self.size.unwrap_or(self.sent)
    }
}

impl ImageWork {
    pub(super) fn begin(turn: u64, now: Instant) -> Self {
        let (done, is_known, known, blobs, mounted, present, wait, tries) = Default::default();
        Self { turn, since: now, done, is_known, known, blobs, mounted, present, wait, tries }
    }

    /// Takes an event about this image. Returns the number of bytes that are now stored at the target.
    pub(super) fn event(&mut self, now: Instant, event: &Event) -> u64 {
        self.wait = Wait::of(now, event);
        match event {
            Event::BlobPlanned { digest, size, .. } => {
                self.is_known = true;
                self.known = Blobs::All;
                self.blobs.insert(digest.clone(), Blob { size: *size, ..Blob::default() });
            }
            Event::BlobStarted { digest, size, .. } => {
                self.is_known = true;
                // A retry starts again.
                self.blobs.insert(digest.clone(), Blob { size: *size, sent: 0, moves: true });
            }
            Event::BlobResumed { digest, left: Some(left), .. } => {
                if let Some(blob) = self.blobs.get_mut(digest) {
                    blob.go_on(*left);
                }
            }
            Event::BytesMoved { digest, bytes, .. } => {
                if let Some(blob) = self.blobs.get_mut(digest) {
                    blob.sent += bytes;
                }
            }
            Event::Retrying { .. } => self.tries += 1,
            Event::BlobFinished { digest, outcome, .. } => return self.blob_finished(digest, *outcome),
            _ => {}
        }
        0
    }

    fn blob_finished(&mut self, digest: &Digest, outcome: BlobOutcome) -> u64 {
        self.is_known = true;
        let blob = self.blobs.remove(digest);
        match outcome {
            BlobOutcome::Mounted => self.mounted += 1,
            BlobOutcome::Present => self.present += 1,
            BlobOutcome::Copied | BlobOutcome::Read | BlobOutcome::LeftOut => {}
        }
        let has_moved = matches!(outcome, BlobOutcome::Copied | BlobOutcome::Read);
        let Some(blob) = blob.filter(|_| has_moved) else { return 0 };
        self.done += blob.total();
        blob.sent()
    }

    /// Bytes that were sent for it.
    pub(super) fn sent(&self) -> u64 {
        self.done + self.blobs.values().map(Blob::sent).sum::<u64>()
    }

    /// Known bytes to send for it in total.
    pub(super) fn total(&self) -> u64 {
        self.done + self.blobs.values().map(Blob::total).sum::<u64>()
    }

    /// Whether its bytes to send are not fully known yet.
    pub(super) fn is_partial(&self) -> bool {
        !self.is_known || self.blobs.values().any(|blob| blob.size.is_none())
    }

    /// Bytes left to send: of two images, the one with more ends later.
    pub(super) fn left(&self) -> u64 {
        self.total() - self.sent()
    }

    pub(super) fn row(&self, image: &Arc<Image>, now: Instant) -> Row {
        let wait = self.wait.clone().filter(|wait| !wait.is_over(now));
        Row {
            image: image.clone(),
            took: now.saturating_duration_since(self.since),
            sent: self.sent(),
            total: self.is_known.then(|| self.total()),
            known: self.known,
            largest: self.largest(),
            mounted: self.mounted,
            present: self.present,
            again: wait.as_ref().and_then(|wait| wait.left(now)),
            wait,
        }
    }

    fn largest(&self) -> Option<Moving> {
        let moving = self.blobs.iter().filter(|(_, blob)| blob.moves);
        // A blob of unknown size may be the largest.
        let largest = moving.max_by_key(|(digest, blob)| (blob.size.unwrap_or(u64::MAX), digest.to_string()));
        largest.map(|(digest, blob)| Moving { digest: digest.clone(), sent: blob.sent(), size: blob.size })
    }
}
