//! The delays of a run: pauses of registries, and waits for retries. Both last longer than the recent speed shows.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use sync::Image;

use super::wait::Wait;

/// The speed for the remaining time is measured over this period, so that the estimate does not jump, plus the time of recent delays.
const AHEAD: Duration = Duration::from_secs(60);
/// Older delays say nothing about future ones.
const LOOKED_BACK: Duration = Duration::from_secs(600);
/// The run is delayed if more than this share of the work waits.
const MOST: f64 = 0.5;

/// Counts events.
#[derive(Default)]
pub(super) struct Held {
    /// Registries by their names in references, and the end of each pause.
    pauses: HashMap<String, Instant>,
    /// Periods in which most of the work waited, in order. The last one may extend into the future.
    spans: VecDeque<(Instant, Instant)>,
    /// The time of the last observation in the current period.
    since: Option<Instant>,
}

/// The delays at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Hold {
    /// The remaining time of the longest wait with a known end.
    pub(super) rest: Duration,
    /// The share of the work that waits, from 0 to 1.
    pub(super) share: f64,
    /// Whether some wait has no known end.
    pub(super) is_open: bool,
    /// The share of the measured time that was not spent waiting, from 0 to 1.
    pub(super) active: f64,
}

impl Held {
    /// The registry must not be asked for `left` from now on.
    pub(super) fn pause(&mut self, now: Instant, registry: &str, left: Duration) {
        self.pauses.insert(registry.to_owned(), now + left);
    }

    /// Observes the images in work with their waits, and the waits for lists.
    pub(super) fn look<'a>(
        &mut self,
        now: Instant,
        images: impl Iterator<Item = (&'a Image, Option<&'a Wait>)>,
        lists: impl Iterator<Item = &'a Wait>,
    ) -> Hold {
        self.pauses.retain(|_, until| *until > now);
        let left_alone = |place: &str| self.pauses.get(place.split('/').next().unwrap_or_default()).copied();
        let of_image = |(image, wait): (&Image, Option<&Wait>)| {
            let pauses = [left_alone(&image.source), left_alone(&image.target)];
            At::of(now, wait).later(pauses.into_iter().flatten().max())
        };
        let all: Vec<_> = images.map(of_image).chain(lists.map(|wait| At::of(now, Some(wait)))).collect();
        let hold = if all.is_empty() { self.of_pauses(now) } else { hold(now, &all) };
        self.note(now, hold);
        hold
    }

    /// With no work in progress, the next images will need the paused registries.
    fn of_pauses(&self, now: Instant) -> Hold {
        let rest = self.pauses.values().max().map(|until| until.saturating_duration_since(now));
        let share = if rest.is_some() { 1.0 } else { 0.0 };
        Hold { rest: rest.unwrap_or_default(), share, is_open: false, active: 1.0 }
    }

    fn note(&mut self, now: Instant, hold: Hold) {
        if hold.share <= MOST {
            self.since = None;
            // The wait ended earlier than expected.
            if let Some((_, end)) = self.spans.back_mut() {
                *end = (*end).min(now);
            }
            return;
        }
        let (begin, end) = (self.since.unwrap_or(now), now + hold.rest);
        self.since = Some(now);
        match self.spans.back_mut().filter(|(_, last)| *last >= begin) {
            Some((_, last)) => *last = end,
            None => self.spans.push_back((begin, end)),
        }
        while self.spans.front().is_some_and(|(_, end)| now.saturating_duration_since(*end) > LOOKED_BACK) {
            self.spans.pop_front();
        }
    }

    /// The period over which the speed is measured: it includes the recent delays, since more of them are likely.
    pub(super) fn window(&self, now: Instant) -> Duration {
        let first = now.checked_sub(LOOKED_BACK);
        let within = |(begin, end): &(Instant, Instant)| {
            let begin = first.map_or(*begin, |first| first.max(*begin));
            (*end).min(now).saturating_duration_since(begin)
        };
        AHEAD + self.spans.iter().map(within).sum::<Duration>()
    }

    /// The share of that period that was not spent waiting, in a run of this age.
    pub(super) fn active(&self, now: Instant, elapsed: Duration) -> f64 {
        let window = self.window(now);
        let (waited, seen) = (window.saturating_sub(AHEAD), window.min(elapsed));
        if seen.is_zero() { 1.0 } else { seen.saturating_sub(waited).as_secs_f64() / seen.as_secs_f64() }
    }
}

/// When an item of work continues.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Now,
    Later(Instant),
    /// At an unknown time.
    Sometime,
}

impl At {
    fn of(now: Instant, wait: Option<&Wait>) -> Self {
        match wait {
            None => Self::Now,
            Some(Wait { until: None, .. }) => Self::Sometime,
            Some(wait) if wait.is_over(now) => Self::Now,
            Some(Wait { until: Some(until), .. }) => Self::Later(*until),
        }
    }

    fn later(self, pause: Option<Instant>) -> Self {
        match (self, pause) {
            (Self::Now, Some(until)) => Self::Later(until),
            (Self::Later(one), Some(other)) => Self::Later(one.max(other)),
            (at, _) => at,
        }
    }
}

fn hold(now: Instant, all: &[At]) -> Hold {
    let later = all.iter().filter_map(|at| match at {
        At::Later(until) => Some(until.saturating_duration_since(now)),
        At::Now | At::Sometime => None,
    });
    let waiting = all.iter().filter(|at| **at != At::Now).count();
    #[expect(clippy::cast_precision_loss, reason = "images in work are a few hundred")]
    let share = waiting as f64 / all.len() as f64;
    Hold { rest: later.max().unwrap_or_default(), share, is_open: all.contains(&At::Sometime), active: 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(source: &str, target: &str) -> Image {
        let tag = oci::TagOrDigest::Tag("v1".parse().unwrap());
        let (source, target) = (source.into(), target.into());
        Image { source, source_reference: tag.clone(), target, target_reference: tag }
    }

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    fn wait(until: Option<Instant>) -> Wait {
        Wait { host: "q.io".to_owned(), why: "failed", until }
    }

    #[test]
    fn what_needs_a_paused_registry_waits_for_it_and_what_does_not_goes_on() {
        let (now, mut held) = (Instant::now(), Held::default());
        held.pause(now, "q.io", seconds(100));
        let (needs, other) = (image("q.io/a", "r.io/b"), image("s.io/a", "r.io/b"));
        let back = image("s.io/a", "q.io/b");
        let mut look = |at, all: &[&Image]| held.look(at, all.iter().map(|image| (*image, None)), [].iter());
        let wanted = |rest, share| Hold { rest: seconds(rest), share, is_open: false, active: 1.0 };
        assert_eq!(look(now, &[&needs, &back]), wanted(100, 1.0));
        assert_eq!(look(now + seconds(40), &[&needs, &other, &other, &other]), wanted(60, 0.25));
        assert_eq!(look(now + seconds(40), &[&other]), wanted(0, 0.0));
        assert_eq!(look(now + seconds(40), &[]), wanted(60, 1.0), "what comes next needs it");
        assert_eq!(look(now + seconds(100), &[&needs]), wanted(0, 0.0), "it is over");
        assert_eq!(look(now + seconds(100), &[]), wanted(0, 0.0));
    }

    #[test]
    fn the_longest_wait_counts_and_one_without_an_end_is_told() {
        let (now, mut held) = (Instant::now(), Held::default());
        let image = image("q.io/a", "r.io/b");
        let waits = [Some(wait(Some(now + seconds(7)))), Some(wait(None)), Some(wait(Some(now))), None];
        let list = wait(Some(now + seconds(9)));
        let images = waits.iter().map(|wait| (&image, wait.as_ref()));
        let found = held.look(now, images, [&list].into_iter());
        assert_eq!(found, Hold { rest: seconds(9), share: 0.6, is_open: true, active: 1.0 });
    }

    #[test]
    fn the_speed_counts_over_the_waits_of_the_last_minutes() {
        let (start, mut held) = (Instant::now(), Held::default());
        let image = image("q.io/a", "r.io/b");
        let mut second = 0;
        let mut look = |held: &mut Held, until: u64, is_held: bool| {
            while second < until {
                second += 1;
                let now = start + seconds(second);
                let wait = wait(None);
                held.look(now, [(&image, is_held.then_some(&wait))].into_iter(), [].iter());
            }
            held.window(start + seconds(second)).as_secs()
        };
        assert_eq!(look(&mut held, 10, false), 60);
        assert_eq!(look(&mut held, 40, true), 60 + 29, "from when it was seen to wait");
        assert_eq!(look(&mut held, 100, false), 60 + 29);
        assert_eq!(look(&mut held, 220, true), 60 + 29 + 119);
        assert_eq!(look(&mut held, 700, false), 60 + 119, "the first ones are forgotten");
        assert_eq!(look(&mut held, 1000, false), 60);
        // One observation suffices, because the pause's end is known.
        let now = start + seconds(1000);
        held.pause(now, "q.io", seconds(50));
        held.look(now, [(&image, None)].into_iter(), [].iter());
        assert_eq!(held.window(now), seconds(60), "it has not passed yet");
        assert_eq!(held.window(now + seconds(30)), seconds(90));
        assert_eq!(held.window(now + seconds(200)), seconds(110));
        let active = held.active(now + seconds(50), seconds(100));
        assert!((active - 0.5).abs() < 1e-9, "{active}");
    }
}
