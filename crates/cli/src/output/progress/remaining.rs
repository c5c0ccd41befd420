//! An honest estimate of a run's remaining time.

use std::time::Duration;

use super::held::Hold;

/// The remaining time. It is never zero before the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Remaining {
    /// There is no estimate.
    Unknown,
    /// The known part takes this long, and more will come.
    AtLeast(Duration),
    /// Some sizes are only estimated.
    Between(Duration, Duration),
    About(Duration),
}

/// The remaining work of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// Known bytes to send.
    pub(super) bytes: u64,
    /// Images that have not ended.
    pub(super) images: u64,
    /// Bytes that were sent so far.
    pub(super) sent: u64,
    /// Whether more images may come.
    pub(super) lists: bool,
}

/// The recent speed, per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) bytes: Option<f64>,
    pub(super) images: Option<f64>,
}

/// A range with a smaller ratio is shown as one number.
const NARROW: f64 = 1.25;
/// No estimate is longer than this.
const LONGEST: f64 = 1000.0 * 24.0 * 3600.0;

/// The estimate is by bytes if there are any to send, and unknown until the first byte moves. Images of unknown size are estimated from the
/// ended ones; if those sent nothing, the estimate is by the rate of ended images. `guess`: the least and most bytes of images of unknown
/// size, if there is an estimate.
pub(super) fn remaining(left: Left, pace: Pace, guess: Option<(f64, f64)>) -> Remaining {
    let bytes_left = |more: f64| {
        #[expect(clippy::cast_precision_loss, reason = "a guess needs no more")]
        let bytes = left.bytes as f64 + more;
        bytes
    };
    let (least, most) =
        guess.map_or((bytes_left(0.0), None), |(low, high)| (bytes_left(low), Some(bytes_left(high))));
    let moves = pace.bytes.filter(|speed| *speed >= 1.0);
    match (moves, most) {
        (_, Some(most)) if most < 1.0 => by_images(left, pace.images),
        // The speed is unknown until the first bytes move.
        (None, _) if left.bytes > 0 || left.sent == 0 => Remaining::Unknown,
        // Bytes were sent before, but recent images needed none: more may come.
        (None, _) => at_least(by_images(left, pace.images)),
        (Some(_), _) if least < 1.0 && (left.lists || most.is_none()) => Remaining::Unknown,
        (Some(speed), _) if left.lists => Remaining::AtLeast(time(least / speed)),
        (Some(speed), None) => Remaining::AtLeast(time(least / speed)),
        (Some(speed), Some(most)) => range(least / speed, most / speed),
    }
}

/// The estimate if there is nothing to send.
fn by_images(left: Left, pace: Option<f64>) -> Remaining {
    let Some(pace) = pace.filter(|pace| *pace > 0.0 && left.images > 0) else { return Remaining::Unknown };
    #[expect(clippy::cast_precision_loss, reason = "a guess needs no more")]
    let seconds = left.images as f64 / pace;
    if left.lists { Remaining::AtLeast(time(seconds)) } else { Remaining::About(time(seconds)) }
}

fn at_least(remaining: Remaining) -> Remaining {
    match remaining {
        Remaining::About(time) | Remaining::Between(time, _) => Remaining::AtLeast(time),
        other => other,
    }
}

fn range(least: f64, most: f64) -> Remaining {
    if most <= least * NARROW {
        Remaining::About(time(f64::midpoint(least, most)))
    } else {
        Remaining::Between(time(least), time(most))
    }
}

/// Whole seconds, at least one.
fn time(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(1.0, LONGEST).round())
}

impl Remaining {
    /// The estimate with delays: the waiting part continues only after the wait, at its speed without waits; the rest continues meanwhile.
    pub(super) fn held_up(self, hold: Hold) -> Self {
        let later = |left: Duration| {
            let left = left.as_secs_f64();
            time(left.max(hold.rest.as_secs_f64() + left * hold.share * hold.active))
        };
        match self {
            Self::Unknown if hold.rest.is_zero() => Self::Unknown,
            Self::Unknown => Self::AtLeast(time(hold.rest.as_secs_f64())),
            Self::AtLeast(left) => Self::AtLeast(later(left)),
            Self::Between(left, _) | Self::About(left) if hold.is_open => Self::AtLeast(later(left)),
            Self::Between(least, most) => range(later(least).as_secs_f64(), later(most).as_secs_f64()),
            Self::About(left) => Self::About(later(left)),
        }
    }

    /// One number, for programs: the middle of the range.
    pub(crate) fn seconds(self) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::AtLeast(time) | Self::About(time) => Some(time.as_secs()),
            Self::Between(least, most) => Some(u64::midpoint(least.as_secs(), most.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sizes::Sizes;
    use super::*;

    const MIB: u64 = 1 << 20;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn c2_the_time_left_is_honest() {
        use Remaining::{About, AtLeast, Between, Unknown};
        let mut alike = Sizes::default();
        (0..10).for_each(|_| alike.add(10 * MIB));
        let mut varied = Sizes::default();
        (0..10).for_each(|number| varied.add((number % 2) * 20 * MIB));
        let mut nothing = Sizes::default();
        (0..10).for_each(|_| nothing.add(0));
        let none = Sizes::default();
        // Bytes, unknown images, images, lists; MiB and images a second.
        for (bytes, unknown, images, lists, speed, pace, seen, wanted) in [
            (180 * MIB, 0, 1, false, Some(3.0), None, &none, About(seconds(60))),
            (1, 0, 1, false, Some(1000.0), None, &none, About(seconds(1))),
            (180 * MIB, 0, 1, true, Some(3.0), None, &none, AtLeast(seconds(60))),
            (180 * MIB, 1, 2, false, Some(3.0), None, &none, AtLeast(seconds(60))),
            (0, 1, 1, false, Some(3.0), None, &none, Unknown),
            (0, 0, 1, true, Some(3.0), None, &none, Unknown),
            (180 * MIB, 0, 1, false, Some(0.0), None, &none, Unknown),
            (180 * MIB, 0, 1, false, None, None, &none, Unknown),
            (100 * MIB, 20, 21, false, Some(3.0), None, &alike, About(seconds(100))),
            (100 * MIB, 20, 21, true, Some(3.0), None, &alike, AtLeast(seconds(100))),
            (100 * MIB, 20, 21, false, Some(3.0), None, &varied, Between(seconds(74), seconds(126))),
            (0, 50, 50, false, None, Some(5.0), &nothing, About(seconds(10))),
            (0, 50, 50, true, Some(0.0), Some(5.0), &nothing, AtLeast(seconds(10))),
            (0, 50, 50, false, None, None, &nothing, Unknown),
            (0, 50, 50, false, Some(0.0), Some(5.0), &varied, AtLeast(seconds(10))),
            // No byte has been sent, and some will be.
            (0, 50, 50, false, None, Some(5.0), &varied, Unknown),
            (0, 50, 50, false, None, Some(5.0), &none, Unknown),
            (180 * MIB, 0, 1, false, None, Some(5.0), &none, Unknown),
            (0, 0, 1, false, Some(3.0), Some(0.5), &none, About(seconds(2))),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let pace = Pace { bytes: speed.map(|speed: f64| speed * MIB as f64), images: pace };
            let left = Left { bytes, images, sent: if speed.is_some() { MIB } else { 0 }, lists };
            let guess = if unknown == 0 { Some((0.0, 0.0)) } else { seen.guess(unknown) };
            assert_eq!(remaining(left, pace, guess), wanted, "{left:?} {pace:?}");
        }
    }

    #[test]
    fn what_waits_goes_on_when_the_wait_is_over() {
        use Remaining::{About, AtLeast, Between, Unknown};
        let (ten, hundred) = (seconds(10), seconds(100));
        let hold = |rest, share, is_open| Hold { rest: seconds(rest), share, is_open, active: 1.0 };
        let half = |rest| Hold { active: 0.5, ..hold(rest, 1.0, false) };
        for (left, hold, wanted) in [
            (About(ten), Hold::default(), About(ten)),
            (About(ten), hold(300, 1.0, false), About(seconds(310))),
            (About(hundred), hold(300, 0.5, false), About(seconds(350))),
            // Half of the measured time was spent waiting.
            (About(hundred), half(30), About(hundred)),
            (About(hundred), half(70), About(seconds(120))),
            // The others take longer than the waiting part.
            (About(hundred), hold(20, 0.1, false), About(hundred)),
            (About(ten), hold(0, 1.0, true), AtLeast(ten)),
            (Between(ten, hundred), hold(20, 0.1, true), AtLeast(seconds(21))),
            (Between(ten, hundred), hold(50, 1.0, false), Between(seconds(60), seconds(150))),
            (Between(ten, hundred), hold(1000, 1.0, false), About(seconds(1055))),
            (AtLeast(ten), hold(50, 1.0, false), AtLeast(seconds(60))),
            (Unknown, hold(50, 1.0, false), AtLeast(seconds(50))),
            (Unknown, hold(0, 1.0, true), Unknown),
        ] {
            assert_eq!(left.held_up(hold), wanted, "{left:?} {hold:?}");
        }
    }

    #[test]
    fn c2_programs_get_one_number() {
        let (two, four) = (seconds(2), seconds(4));
        for (remaining, wanted) in [
            (Remaining::Unknown, None),
            (Remaining::AtLeast(two), Some(2)),
            (Remaining::About(two), Some(2)),
            (Remaining::Between(two, four), Some(3)),
        ] {
            assert_eq!(remaining.seconds(), wanted);
        }
    }
}
