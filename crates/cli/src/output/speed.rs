//! The speed of bytes or of ended images.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The longest period that is measured: long enough for the pauses of a throttling host.
const LONGEST: Duration = Duration::from_secs(11 * 60);
/// A shorter period is not measured.
const SHORTEST: Duration = Duration::from_secs(1);
/// The interval of samples.
const NOTED: Duration = Duration::from_millis(250);

/// The history of a sum over the last minutes.
#[derive(Default)]
pub(super) struct Speed {
    sum: u64,
    /// The first sample is the beginning, or older than the measured period.
    samples: VecDeque<(Instant, u64)>,
}

impl Speed {
    pub(super) fn add(&mut self, now: Instant, more: u64) {
        if self.samples.is_empty() {
            self.samples.push_back((now, self.sum));
        }
        self.sum += more;
        let (sum, is_begun) = (self.sum, self.samples.len() > 1);
        let is_near = |at: Instant| is_begun && now.saturating_duration_since(at) < NOTED;
        match self.samples.back_mut().filter(|(at, _)| is_near(*at)) {
            // Added to the last sample, as if it had come at that time.
            Some(last) => last.1 = sum,
            None => self.samples.push_back((now, sum)),
        }
        while self.samples.len() > 2 && now.saturating_duration_since(self.samples[1].0) > LONGEST {
            self.samples.pop_front();
        }
    }

    /// The increase per second over the last `window`, if that is long enough.
    pub(super) fn per_second(&self, now: Instant, window: Duration) -> Option<f64> {
        let watched = now.saturating_duration_since(self.samples.front()?.0);
        let window = window.min(watched);
        if window < SHORTEST {
            return None;
        }
        let before = self.samples.iter().rev().find(|(at, _)| now.saturating_duration_since(*at) >= window);
        let before = before.map_or(0, |(_, sum)| *sum);
        #[expect(clippy::cast_precision_loss, reason = "nobody reads so many digits")]
        let more = (self.sum - before) as f64;
        Some(more / window.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_the_speed_is_that_of_the_last_seconds() {
        const ALL: Duration = Duration::from_secs(60);
        let (start, mut speed) = (Instant::now(), Speed::default());
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let window = Duration::from_secs(10);
        assert_eq!(speed.per_second(at(5.0), window), None, "nothing has begun");
        for tenth in 0..=300_u32 {
            let second = f64::from(tenth) / 10.0;
            speed.add(at(second), if second < 20.0 { 100 } else { 10 });
        }
        let near = |found: Option<f64>, wanted: f64| {
            let found = found.unwrap();
            assert!((found - wanted).abs() < wanted * 0.06, "{found} instead of {wanted}");
        };
        near(speed.per_second(at(30.0), window), 100.0);
        near(speed.per_second(at(30.0), ALL), 700.0);
        near(speed.per_second(at(35.0), window), 50.0);
        assert_eq!(speed.per_second(at(41.0), window), Some(0.0), "it stands still");
        assert!(speed.samples.len() < 300, "{}", speed.samples.len());
        assert_eq!(Speed::default().per_second(at(0.0), window), None);
    }

    #[test]
    fn c2_a_moment_tells_nothing_of_the_speed() {
        let (start, mut speed) = (Instant::now(), Speed::default());
        speed.add(start, 1 << 30);
        assert_eq!(speed.per_second(start + Duration::from_millis(900), LONGEST), None);
        assert!(speed.per_second(start + Duration::from_secs(1), LONGEST).is_some());
    }
}
