//! The progress of a run and its remaining time, from the events so far. Decides; draws nothing.

mod elsewhere;
mod followers;
mod held;
mod image_work;
mod remaining;
mod sizes;
mod wait;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sync::{Event, Image, ImageReport, Outcome, SkipReason};

use super::fleet_standing::FleetStanding;
use super::remainder::shown;
use super::speed::Speed;
use elsewhere::Elsewhere;
use followers::{Counted, Seen};
use held::{Held, Hold};
use image_work::ImageWork;
use remaining::{Left, Pace, remaining};

pub(crate) use image_work::{Blobs, Moving, Row};
pub(crate) use remaining::Remaining;
pub(crate) use wait::Wait;

/// The period over which the shown speed is measured.
const LATELY: Duration = Duration::from_secs(10);

/// The highest fraction before the end.
const NEARLY_ALL: f64 = 0.999;

/// Counts events.
pub(crate) struct Progress {
    started: Instant,
    images: Images,
    /// Of these, the images that follow others: signatures and the like.
    followers: Counted,
    is_all_planned: bool,
    /// Bytes that were sent for ended images.
    sent: u64,
    /// Bytes that are stored at targets, or in sessions that the next run resumes.
    kept: u64,
    in_work: HashMap<Arc<Image>, ImageWork>,
    turn: u64,
    bytes: Speed,
    ended: Speed,
    /// The bytes that ended images needed.
    seen: Seen,
    /// Lists that will be retried, by source.
    lists: HashMap<Arc<str>, Wait>,
    held: Held,
    elsewhere: Elsewhere,
}

/// The number of images by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Images {
    pub(crate) planned: u64,
    pub(crate) copied: u64,
    pub(crate) unchanged: u64,
    pub(crate) failed: u64,
    /// Left out, or kept because the rule keeps the target's image.
    pub(crate) skipped: u64,
    /// Verified, and complete.
    pub(crate) whole: u64,
    /// Planned for copying.
    pub(crate) would_copy: u64,
    pub(crate) not_done: u64,
}

/// A snapshot of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) elapsed: Duration,
    pub(crate) images: Images,
    /// Whether lists are still being read.
    pub(crate) lists: bool,
    pub(crate) sent: u64,
    pub(crate) total: u64,
    /// How much of the total is known.
    pub(crate) known: Known,
    /// Recent bytes per second.
    pub(crate) per_second: Option<u64>,
    pub(crate) remaining: Remaining,
    /// From 0 to 1.
    pub(crate) fraction: f64,
    pub(crate) in_work: usize,
    /// Images in work, in the order of their start.
    pub(crate) rows: Vec<Row>,
    /// Lists that will be retried.
    pub(crate) lists_again: Vec<(Arc<str>, Wait)>,
}

/// How much of the bytes to send is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    All,
    /// With an estimate for unknown images, from those seen so far.
    Likely(u64),
    /// More may come, without an estimate.
    Some,
}

impl Images {
    pub(crate) fn ended(&self) -> u64 {
        let looked_at = self.whole + self.would_copy;
        self.copied + self.unchanged + self.failed + self.skipped + looked_at + self.not_done
    }

    fn end(&mut self, ended: &ImageReport) {
        let number = match &ended.outcome {
            Outcome::Copied { .. } => &mut self.copied,
            Outcome::Skipped(SkipReason::Unchanged(_) | SkipReason::SameContent { .. }) => {
                &mut self.unchanged
            }
            Outcome::Verified(verdict) if verdict.is_whole() => &mut self.whole,
            // The rule keeps the target's image.
            Outcome::Verified(verdict) if verdict.is_well() => &mut self.skipped,
            Outcome::Failed(_) | Outcome::Verified(_) => &mut self.failed,
            Outcome::Skipped(_) => &mut self.skipped,
            Outcome::WouldCopy(_) => &mut self.would_copy,
            Outcome::NotDone => &mut self.not_done,
        };
        *number += 1;
    }
}

impl Progress {
    pub(crate) fn start(now: Instant) -> Self {
        let (images, followers, is_all_planned, sent, kept, in_work, turn) = Default::default();
        let (bytes, ended, seen, lists, held, elsewhere) = Default::default();
        Self {
            started: now,
            images,
            followers,
            is_all_planned,
            sent,
            kept,
            in_work,
            turn,
            bytes,
            ended,
            seen,
            lists,
            held,
            elsewhere,
        }
    }

    /// Takes the status of the fleet that runs the copies.
    pub(crate) fn fleet(&mut self, standing: &FleetStanding) {
        self.elsewhere.look(standing);
    }

    /// The registry must not be asked for `left` from now on. `registry` is its name in references.
    pub(crate) fn pause(&mut self, now: Instant, registry: &str, left: Duration) {
        self.held.pause(now, registry, left);
    }

    /// Takes an event. `worker` is set if it is a worker's.
    pub(crate) fn event(&mut self, now: Instant, worker: Option<&Arc<str>>, event: &Event) {
        match event {
            Event::ImagePlanned(image) => {
                self.images.planned += 1;
                self.followers.planned += u64::from(image.is_follower());
            }
            Event::AllPlanned => self.is_all_planned = true,
            Event::ImageStarted(image) => {
                self.turn += 1;
                self.in_work.insert(image.clone(), ImageWork::begin(self.turn, now));
            }
            Event::BytesMoved { image, bytes, .. } => {
                self.bytes.add(now, *bytes);
                self.of_image(now, image, event);
            }
            Event::BytesReported { bytes, .. } => {
                self.bytes.add(now, *bytes);
                self.sent = self.sent.saturating_add(*bytes);
                self.elsewhere.sent(worker, *bytes);
            }
            Event::BlobPlanned { image, .. }
            | Event::BlobStarted { image, .. }
            | Event::BlobResumed { image, .. }
            | Event::BlobFinished { image, .. }
            | Event::Retrying { image, .. }
            | Event::AwaitingStore { image, .. } => self.of_image(now, image, event),
            Event::RetryingList { source, .. } => {
                self.lists.extend(Wait::of(now, event).map(|wait| (source.clone(), wait)));
            }
            Event::TagsListed { source, .. } | Event::RepositoriesListed { source, .. } => {
                self.lists.remove(source);
            }
            Event::ImageFinished(ended) => self.image_finished(now, worker, ended),
            Event::BlobLeft { bytes, .. } => self.kept += bytes,
            _ => {}
        }
    }

    fn of_image(&mut self, now: Instant, image: &Arc<Image>, event: &Event) {
        if let Some(work) = self.in_work.get_mut(image) {
            self.kept += work.event(now, event);
        }
    }

    fn image_finished(&mut self, now: Instant, worker: Option<&Arc<str>>, ended: &ImageReport) {
        self.images.end(ended);
        self.followers.ended += u64::from(ended.image.is_follower());
        self.ended.add(now, 1);
        let work = self.in_work.remove(&ended.image);
        // The bytes of a failed image were sent, too.
        self.sent += work.as_ref().map_or(0, ImageWork::sent);
        if !matches!(ended.outcome, Outcome::Failed(_) | Outcome::NotDone) {
            // For a worker's image, only its result has the bytes.
            let moved = ended.amounts.moved_bytes;
            self.seen.add(&ended.image, work.as_ref().map_or(moved, ImageWork::total));
        }
        self.elsewhere.ended(worker, ended.amounts.moved_bytes);
    }

    /// Bytes that were sent in this run and are stored at targets: no run sends them again.
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    /// The number of retries of an image in work.
    pub(crate) fn tried_again(&self, image: &Arc<Image>) -> u64 {
        self.in_work.get(image).map_or(0, |work| work.tries)
    }

    /// The current snapshot, with at most `most_rows` images in work: those with the most bytes left.
    pub(crate) fn view(&mut self, now: Instant, most_rows: usize) -> View {
        self.lists.retain(|_, wait| !wait.is_over(now));
        let sum = |of: fn(&ImageWork) -> u64| self.sent + self.in_work.values().map(of).sum::<u64>();
        let (sent, total) = (sum(ImageWork::sent), sum(ImageWork::total));
        let images_left = self.images.planned.saturating_sub(self.images.ended());
        let known = || self.in_work.iter().filter(|(_, work)| !work.is_partial());
        let unknown = images_left.saturating_sub(known().count() as u64);
        let known_followers = known().filter(|(image, _)| image.is_follower()).count() as u64;
        let followers = self.followers.left().saturating_sub(known_followers).min(unknown);
        let lists = !self.is_all_planned;
        let images = self.in_work.iter().map(|(image, work)| (&**image, work.wait.as_ref()));
        let hold = self.held.look(now, images, self.lists.values());
        let hold =
            Hold { active: self.held.active(now, now.saturating_duration_since(self.started)), ..hold };
        let window = self.held.window(now);
        let pace =
            Pace { bytes: self.bytes.per_second(now, window), images: self.ended.per_second(now, window) };
        let guess = self.seen_with_those_in_work().guess(unknown - followers, followers);
        let guess = guess.map(|(least, most)| without(self.elsewhere.open(), least, most));
        let left = Left { bytes: total.saturating_sub(sent), images: images_left, sent, lists };
        View {
            elapsed: now.saturating_duration_since(self.started),
            images: self.images,
            lists,
            sent,
            total,
            known: match guess {
                _ if lists => Known::Some,
                _ if unknown == 0 => Known::All,
                Some((least, most)) => Known::Likely(total.saturating_add(whole(f64::midpoint(least, most)))),
                None => Known::Some,
            },
            per_second: self.bytes.per_second(now, LATELY).map(whole),
            remaining: if self.elsewhere.stands_still() {
                Remaining::Unknown
            } else {
                remaining(left, pace, guess).held_up(hold)
            },
            fraction: self.fraction(sent, total),
            in_work: self.in_work.len(),
            rows: self.rows(now, most_rows),
            lists_again: self.lists_again(),
        }
    }

    /// Small images end first: without those in work, all images would seem small.
    fn seen_with_those_in_work(&self) -> Seen {
        let mut seen = self.seen;
        for (image, work) in self.in_work.iter().filter(|(_, work)| !work.is_partial()) {
            seen.add(image, work.total());
        }
        seen
    }

    /// The smaller of the fractions of images and of bytes, because the last images may be the largest. Followers count only if there are
    /// no other images: they are small, and come last. It is 1 only at the end.
    fn fraction(&self, sent: u64, total: u64) -> f64 {
        let others = self.images.planned.saturating_sub(self.followers.planned);
        let counts = |image: &Image| others == 0 || !image.is_follower();
        let of_image = |work: &ImageWork| {
            if work.is_partial() { 0.0 } else { ratio(work.sent(), work.total()) }
        };
        let in_work: f64 =
            self.in_work.iter().filter(|(image, _)| counts(image)).map(|(_, work)| of_image(work)).sum();
        let (ended, planned) = match others {
            0 => (self.images.ended(), self.images.planned),
            others => (self.images.ended().saturating_sub(self.followers.ended), others),
        };
        #[expect(clippy::cast_precision_loss, reason = "a bar is a few characters wide")]
        let by_images = (ended as f64 + in_work) / planned.max(1) as f64;
        let fraction = if total == 0 { by_images } else { by_images.min(ratio(sent, total)) };
        if self.images.ended() < self.images.planned { fraction.min(NEARLY_ALL) } else { fraction }
    }

    fn rows(&self, now: Instant, most: usize) -> Vec<Row> {
        let mut in_work: Vec<_> = self.in_work.iter().collect();
        in_work.sort_by_key(|(_, work)| (std::cmp::Reverse(work.left()), work.turn));
        in_work.truncate(shown(in_work.len(), most));
        in_work.sort_by_key(|(_, work)| work.turn);
        in_work.into_iter().map(|(image, work)| work.row(image, now)).collect()
    }

    fn lists_again(&self) -> Vec<(Arc<str>, Wait)> {
        let mut lists: Vec<_> =
            self.lists.iter().map(|(source, wait)| (source.clone(), wait.clone())).collect();
        lists.sort_by(|(one, _), (other, _)| one.cmp(other));
        lists
    }
}

/// Reduces an estimate by the bytes that were already sent.
fn without(sent: u64, least: f64, most: f64) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "a guess needs no more")]
    let sent = sent as f64;
    ((least - sent).max(0.0), (most - sent).max(0.0))
}

/// The ratio is 1 if the whole is 0.
#[expect(clippy::cast_precision_loss, reason = "a bar is a few characters wide")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a speed is no less than none")]
fn whole(speed: f64) -> u64 {
    speed as u64
}

#[cfg(test)]
mod tests;
