//! Bytes and ended images over time: a curve of a few hundred points, however long a run takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// With more points, neighbours are joined in pairs.
const MOST_POINTS: usize = 300;
/// The initial distance of points, in milliseconds.
const FINEST: u64 = 100;

/// The events since the previous point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Point {
    /// Seconds from the start of the run to the end of this point's period.
    pub(crate) seconds: f64,
    pub(crate) bytes: u64,
    pub(crate) images: u64,
}

/// Collects the curve during a run.
pub(crate) struct Timeline {
    started: Instant,
    /// Milliseconds of the run before this process started counting.
    before: AtomicU64,
    counted: Mutex<Counted>,
}

impl Default for Timeline {
    fn default() -> Self {
        let (started, before) = (Instant::now(), AtomicU64::new(0));
        Self { started, before, counted: Mutex::new(Counted { width: FINEST, counts: Vec::new() }) }
    }
}

impl Timeline {
    /// Sets the age of the run, which the curve begins with.
    pub(crate) fn began(&self, ago: Duration) {
        self.before.store(milliseconds(ago), Ordering::Relaxed);
    }

    /// Adds bytes that moved in the period that ends now.
    pub(crate) fn bytes(&self, bytes: u64, during: Duration) {
        let mut counted = self.lock();
        counted.add_bytes(self.elapsed(), bytes, milliseconds(during));
    }

    pub(crate) fn image(&self) {
        let mut counted = self.lock();
        counted.add(self.elapsed(), Count { bytes: 0, images: 1 });
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> u64 {
        milliseconds(self.started.elapsed()).saturating_add(self.before.load(Ordering::Relaxed))
    }

    /// The curve up to now.
    pub(crate) fn points(&self) -> Vec<Point> {
        let counted = self.lock();
        counted.points(self.elapsed())
    }
}

#[derive(Clone, Copy, Default)]
struct Count {
    bytes: u64,
    images: u64,
}

/// Counts for periods of equal width.
struct Counted {
    /// In milliseconds.
    width: u64,
    counts: Vec<Count>,
}

impl Counted {
    fn add(&mut self, at: u64, more: Count) {
        let mut index = self.index(at);
        while index >= MOST_POINTS {
            self.halve();
            index = self.index(at);
        }
        if self.counts.len() <= index {
            self.counts.resize(index + 1, Count::default());
        }
        let count = &mut self.counts[index];
        count.bytes = count.bytes.saturating_add(more.bytes);
        count.images += more.images;
    }

    /// Adds bytes, evenly distributed over the milliseconds up to `at`.
    fn add_bytes(&mut self, at: u64, bytes: u64, during: u64) {
        let during = during.min(at);
        let stretches = (during / self.width).clamp(1, MOST_POINTS as u64);
        let part = |all: u64, number: u64| {
            u64::try_from(u128::from(all) * u128::from(number) / u128::from(stretches)).unwrap_or(all)
        };
        for number in 1..=stretches {
            let middle = at - part(during, stretches - number) - during / stretches / 2;
            let bytes = part(bytes, number) - part(bytes, number - 1);
            self.add(middle, Count { bytes, images: 0 });
        }
    }

    fn index(&self, at: u64) -> usize {
        usize::try_from(at / self.width).unwrap_or(usize::MAX)
    }

    fn halve(&mut self) {
        self.width = self.width.saturating_mul(2);
        let sum = |pair: &[Count]| Count {
            bytes: pair.iter().map(|count| count.bytes).fold(0, u64::saturating_add),
            images: pair.iter().map(|count| count.images).sum(),
        };
        self.counts = self.counts.chunks(2).map(sum).collect();
    }

    fn points(&self, end: u64) -> Vec<Point> {
        let ends = (1..).map(|number| (number * self.width).min(end));
        let points = self.counts.iter().zip(ends);
        let mut points: Vec<_> = points
            .map(|(count, end)| Point { seconds: seconds(end), bytes: count.bytes, images: count.images })
            .collect();
        // A final point for the time without events.
        if points.last().is_some_and(|last| last.seconds < seconds(end)) {
            points.push(Point { seconds: seconds(end), ..Point::default() });
        }
        points
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "no run takes 2^53 milliseconds")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// Merges several curves, each with its delay in seconds after the first. No byte and no image is lost.
pub(crate) fn together(curves: &[(f64, &[Point])]) -> Vec<Point> {
    let ends = curves.iter().filter_map(|(begun, points)| Some(begun + points.last()?.seconds));
    let end = ends.fold(0.0, f64::max);
    let mut width = seconds(FINEST);
    while end / width > 300.0 {
        width *= 2.0;
    }
    let mut merged: Vec<Point> = Vec::new();
    for (begun, points) in curves {
        spread(&mut merged, width, *begun, points);
    }
    if let Some(last) = merged.last_mut() {
        last.seconds = last.seconds.min(end);
    }
    merged
}

/// Adds a curve to one whose points are `width` seconds apart.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times are positive and short")]
fn spread(merged: &mut Vec<Point>, width: f64, begun: f64, points: &[Point]) {
    let mut from = begun;
    for point in points {
        let to = (begun + point.seconds).max(from);
        // A point at the end of a period belongs to that period.
        let (first, last) = ((from / width) as usize, (((to / width).ceil() as usize).max(1) - 1));
        let first = first.min(last);
        while merged.len() <= last {
            let seconds = count_as_seconds(merged.len() + 1) * width;
            merged.push(Point { seconds, ..Point::default() });
        }
        let share = |end: f64| if to > from { ((end - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
        let (mut bytes, mut images) = (0, 0);
        for stretch in &mut merged[first..=last] {
            let (all_bytes, all_images) = if stretch.seconds >= to {
                (point.bytes, point.images)
            } else {
                (part(point.bytes, share(stretch.seconds)), part(point.images, share(stretch.seconds)))
            };
            stretch.bytes += all_bytes.saturating_sub(bytes);
            stretch.images += all_images.saturating_sub(images);
            (bytes, images) = (bytes.max(all_bytes), images.max(all_images));
        }
        // The rounding error.
        merged[last].bytes += point.bytes - bytes;
        merged[last].images += point.images - images;
        from = to;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn count_as_seconds(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of an amount, for a picture"
)]
fn part(amount: u64, share: f64) -> u64 {
    ((amount as f64 * share) as u64).min(amount)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sums(points: &[Point]) -> (u64, u64) {
        (points.iter().map(|point| point.bytes).sum(), points.iter().map(|point| point.images).sum())
    }

    fn is_a_curve(points: &[Point]) -> bool {
        points.len() <= MOST_POINTS + 1 && points.windows(2).all(|pair| pair[0].seconds < pair[1].seconds)
    }

    proptest! {
        #[test]
        fn a_curve_stays_short_and_keeps_its_sums(
            happened in prop::collection::vec((0..10_000_000_u64, 0..1_u64 << 40, 0..9_u64), 0..60),
        ) {
            let mut counted = Counted { width: FINEST, counts: Vec::new() };
            for (at, bytes, images) in &happened {
                counted.add(*at, Count { bytes: *bytes, images: *images });
            }
            let points = counted.points(10_000_000);
            prop_assert!(is_a_curve(&points));
            prop_assert!(points.last().is_none_or(|last| last.seconds >= 10_000.0), "it ends with the run");
            let all = (happened.iter().map(|one| one.1).sum(), happened.iter().map(|one| one.2).sum());
            prop_assert_eq!(sums(&points), all);
        }

        #[test]
        fn curves_put_together_lose_nothing(
            curves in prop::collection::vec(
                (0.0..5000.0_f64, prop::collection::vec((0.01..50.0_f64, 0..1_u64 << 40, 0..9_u64), 0..40)),
                0..5,
            ),
        ) {
            let curves: Vec<(f64, Vec<Point>)> = curves
                .into_iter()
                .map(|(begun, steps)| {
                    let mut seconds = 0.0;
                    let point = |(step, bytes, images)| {
                        seconds += step;
                        Point { seconds, bytes, images }
                    };
                    (begun, steps.into_iter().map(point).collect())
                })
                .collect();
            let mut borrowed: Vec<_> = curves.iter().map(|(begun, points)| (*begun, &**points)).collect();
            let merged = together(&borrowed);
            prop_assert!(is_a_curve(&merged), "{merged:?}");
            let all = curves.iter().map(|(_, points)| sums(points));
            prop_assert_eq!(sums(&merged), all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)));
            borrowed.reverse();
            prop_assert_eq!(together(&borrowed), merged, "in any order");
        }
    }

    #[test]
    fn what_is_told_afterwards_stands_where_it_moved() {
        let mut counted = Counted { width: FINEST, counts: Vec::new() };
        counted.add_bytes(5000, 1001, 3000);
        counted.add_bytes(6000, 7, 0);
        counted.add_bytes(100, 5, 3_600_000);
        let points = counted.points(6050);
        let bytes = |from: f64, to: f64| -> u64 {
            points
                .iter()
                .filter(|point| point.seconds > from && point.seconds <= to)
                .map(|point| point.bytes)
                .sum()
        };
        assert_eq!((bytes(0.0, 0.1), bytes(0.1, 2.0), bytes(5.0, 6.1)), (5, 0, 7), "{points:?}");
        assert!((490..=510).contains(&bytes(2.0, 3.5)), "{points:?}");
        assert_eq!(sums(&points).0, 1013);
        counted.add_bytes(7000, u64::MAX, 3000);
        assert!(is_a_curve(&counted.points(7000)), "a lie is no panic");
    }

    #[test]
    fn a_run_that_was_joined_has_its_whole_curve() {
        let timeline = Timeline::default();
        timeline.began(Duration::from_secs(100));
        timeline.bytes(1000, Duration::from_secs(100));
        timeline.image();
        let points = timeline.points();
        let first_half: u64 =
            points.iter().filter(|point| point.seconds <= 50.0).map(|point| point.bytes).sum();
        assert!((490..=510).contains(&first_half), "{points:?}");
        assert!(points.last().is_some_and(|last| last.seconds >= 100.0 && last.images == 1), "{points:?}");
    }

    #[test]
    fn what_moved_stays_where_it_moved() {
        let point = |seconds, bytes| Point { seconds, bytes, images: 0 };
        let (early, late) = ([point(10.0, 100)], [point(10.0, 7), point(20.0, 0)]);
        let merged = together(&[(0.0, &early), (50.0, &late)]);
        let bytes = |from: f64, to: f64| -> u64 {
            let inside = merged.iter().filter(|point| point.seconds > from && point.seconds <= to + 0.001);
            inside.map(|point| point.bytes).sum()
        };
        assert_eq!((bytes(0.0, 4.8), bytes(0.0, 10.0), bytes(10.0, 50.0)), (48, 100, 0));
        assert_eq!((bytes(50.0, 60.1), bytes(60.1, 80.0)), (7, 0));
    }
}
