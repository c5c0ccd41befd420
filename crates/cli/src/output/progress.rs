//! How far a run is and how long it may still take, by what is known so far. Decides; draws nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oci::Digest;
use sync::{BlobOutcome, Event, Image};

use super::speed::Speed;

/// More rows than this would push each other off the screen.
const MOST_ROWS: usize = 12;
/// Smaller blobs come and go faster than anybody reads.
const SMALLEST_ROW: u64 = 1 << 20;

/// Counts along.
#[derive(Default)]
pub(super) struct Progress {
    planned: u64,
    ended: u64,
    is_all_planned: bool,
    /// Bytes of what has ended.
    done: u64,
    in_work: HashMap<Arc<Image>, ImageWork>,
    /// Blobs that began to move so far.
    started: u64,
    speed: Speed,
}

/// What is known of an image in work.
#[derive(Default)]
pub(super) struct ImageWork {
    /// Bytes of its blobs that were brought.
    done: u64,
    /// Whether its manifest was read.
    is_known: bool,
    blobs: HashMap<Digest, Blob>,
}

#[derive(Clone, Copy, Default)]
struct Blob {
    size: Option<u64>,
    sent: u64,
    /// When it began to move, counted in blobs.
    turn: Option<u64>,
}

/// A picture of a run.
#[derive(Debug, PartialEq)]
pub(super) struct View {
    pub(super) ended: u64,
    pub(super) planned: u64,
    pub(super) sent: u64,
    pub(super) total: u64,
    /// Whether more images or bytes may come to be known.
    pub(super) is_partial: bool,
    pub(super) per_second: Option<u64>,
    pub(super) left: Option<Duration>,
    /// From 0 to 1.
    pub(super) fraction: f64,
    pub(super) rows: Vec<Row>,
}

/// A blob that moves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) image: Arc<Image>,
    pub(super) digest: Digest,
    pub(super) sent: u64,
    pub(super) size: Option<u64>,
}

impl Blob {
    /// Bytes that are sent again are not more than the blob has.
    fn sent(&self) -> u64 {
        self.size.map_or(self.sent, |size| self.sent.min(size))
    }

    fn total(&self) -> u64 {
        self.size.unwrap_or(self.sent)
    }
}

impl ImageWork {
    /// Takes an event about this image; `turn` counts the blobs that began to move.
    pub(super) fn event(&mut self, event: &Event, turn: u64) {
        match event {
            Event::BlobPlanned { digest, size, .. } => {
                self.is_known = true;
                self.blobs.insert(digest.clone(), Blob { size: *size, ..Blob::default() });
            }
            Event::BlobStarted { digest, size, .. } => {
                self.is_known = true;
                // A further try begins anew.
                self.blobs.insert(digest.clone(), Blob { size: *size, sent: 0, turn: Some(turn) });
            }
            Event::BytesMoved { digest, bytes, .. } => {
                if let Some(blob) = self.blobs.get_mut(digest) {
                    blob.sent += bytes;
                }
            }
            Event::BlobFinished { digest, outcome, .. } => {
                self.is_known = true;
                if let Some(blob) = self.blobs.remove(digest)
                    && *outcome == BlobOutcome::Copied
                {
                    self.done += blob.total();
                }
            }
            _ => {}
        }
    }

    /// Bytes that were sent for it.
    pub(super) fn sent(&self) -> u64 {
        self.done + self.blobs.values().map(Blob::sent).sum::<u64>()
    }

    /// Bytes that are known to be sent for it, with those that were.
    pub(super) fn total(&self) -> u64 {
        self.done + self.blobs.values().map(Blob::total).sum::<u64>()
    }

    fn is_partial(&self) -> bool {
        !self.is_known || self.blobs.values().any(|blob| blob.size.is_none())
    }

    fn fraction(&self) -> f64 {
        if self.is_partial() { 0.0 } else { ratio(self.sent(), self.total()) }
    }
}

impl Progress {
    /// Takes one event.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::ImagePlanned(_) => self.planned += 1,
            Event::AllPlanned => self.is_all_planned = true,
            Event::ImageStarted(image) => {
                self.in_work.insert(image.clone(), ImageWork::default());
            }
            Event::BlobStarted { image, .. } => {
                self.started += 1;
                self.of_image(image, event);
            }
            Event::BytesMoved { image, bytes, .. } => {
                self.speed.moved(*bytes);
                self.of_image(image, event);
            }
            Event::BlobPlanned { image, .. } | Event::BlobFinished { image, .. } => {
                self.of_image(image, event);
            }
            Event::ImageFinished(ended) => {
                self.ended += 1;
                // What was sent for an image that failed was sent all the same.
                self.done += self.in_work.remove(&ended.image).map_or(0, |work| work.sent());
            }
            _ => {}
        }
    }

    fn of_image(&mut self, image: &Arc<Image>, event: &Event) {
        if let Some(work) = self.in_work.get_mut(image) {
            work.event(event, self.started);
        }
    }

    /// The picture at this moment.
    pub(super) fn view(&mut self, now: Instant) -> View {
        let sum = |of: fn(&ImageWork) -> u64| self.done + self.in_work.values().map(of).sum::<u64>();
        let (sent, total) = (sum(ImageWork::sent), sum(ImageWork::total));
        let waiting = self.planned.saturating_sub(self.ended) > self.in_work.len() as u64;
        let is_partial = !self.is_all_planned || waiting || self.in_work.values().any(ImageWork::is_partial);
        let per_second = self.speed.per_second(now);
        View {
            ended: self.ended,
            planned: self.planned,
            sent,
            total,
            is_partial,
            per_second,
            left: left(total - sent, per_second),
            fraction: self.fraction(sent, total),
            rows: self.rows(),
        }
    }

    /// By images, and by bytes: the lesser of both, because the last images may be the largest.
    fn fraction(&self, sent: u64, total: u64) -> f64 {
        let in_work: f64 = self.in_work.values().map(ImageWork::fraction).sum();
        #[expect(clippy::cast_precision_loss, reason = "a bar is a few characters wide")]
        let by_images = (self.ended as f64 + in_work) / self.planned.max(1) as f64;
        if total == 0 { by_images } else { by_images.min(ratio(sent, total)) }
    }

    /// The largest blobs that move, in the order in which they began.
    fn rows(&self) -> Vec<Row> {
        let mut moving: Vec<_> = self
            .in_work
            .iter()
            .flat_map(|(image, work)| work.blobs.iter().map(move |(digest, blob)| (image, digest, blob)))
            .filter(|(_, _, blob)| blob.turn.is_some() && blob.size.is_none_or(|size| size >= SMALLEST_ROW))
            .collect();
        // What is not known may be anything.
        moving.sort_by_key(|(_, _, blob)| (std::cmp::Reverse(blob.size.unwrap_or(u64::MAX)), blob.turn));
        moving.truncate(MOST_ROWS);
        moving.sort_by_key(|(_, _, blob)| blob.turn);
        let row = |(image, digest, blob): (&Arc<Image>, &Digest, &Blob)| Row {
            image: image.clone(),
            digest: digest.clone(),
            sent: blob.sent(),
            size: blob.size,
        };
        moving.into_iter().map(row).collect()
    }
}

/// How long the bytes that are known take. Never no time at all before the end; nothing where nothing moves, or no
/// bytes are known to be left.
fn left(bytes: u64, per_second: Option<u64>) -> Option<Duration> {
    let per_second = per_second.filter(|speed| *speed > 0)?;
    (bytes > 0).then(|| Duration::from_secs(bytes.div_ceil(per_second)))
}

#[expect(clippy::cast_precision_loss, reason = "a bar is a few characters wide")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests;
