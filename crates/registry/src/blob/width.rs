//! Decides over how many connections a large blob is read at once, from measurements, without requests.
//!
//! Object stores cap each connection, and on a long line one connection's window does (AWS advises to read ranges in
//! parallel: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html>). One stream is
//! enough until it has proved to be the bottleneck; each further step must bring the expected gain.

use std::time::Duration;

/// The duration of one look.
pub(super) const LOOK: Duration = Duration::from_millis(500);
/// The most large bodies from a host at once when ranges are among them: a run that reads more blobs in parallel
/// has enough connections already.
pub(super) const MOST: usize = 8;
/// The smallest rest of a blob that is worth further requests, in bytes.
pub(super) const LEAST_LEFT: u64 = 16 << 20;
/// A rest that takes less time than this stays with the one stream.
const LEAST_TIME: Duration = Duration::from_secs(3);
/// The percentage of time spent waiting for the source from which on the source is the bottleneck, not the upload.
const WAITED: u32 = 75;

/// The measurements of one look at a read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Bytes per second of all large bodies from the same host, including this one.
    pub(super) host_rate: u64,
    /// The percentage of time spent waiting for the source.
    pub(super) waited: u32,
    /// Large bodies that come from the host, including this one's ranges.
    pub(super) at_once: usize,
    /// Bytes of the blob that are still to come.
    pub(super) left: u64,
    /// The most ranges at once that may be tried at this host.
    pub(super) most: usize,
}

/// The result of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Stay,
    /// Read more ranges at once, to measure the gain.
    Widen(usize),
    /// More ranges brought a gain.
    Keep(usize),
    /// They brought none: back to this many.
    Narrow(usize),
}

/// A read and the widths that it tries.
#[derive(Debug)]
pub(super) struct Trial {
    width: usize,
    /// The width that brought a gain at this host before; 1 if none.
    known: usize,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The number of looks in a row that showed the source as the bottleneck.
    Watching(u32),
    /// New connections speed up.
    Settling(Before),
    Measuring(Before),
    /// No more gain is expected.
    Settled,
}

/// The measurements with fewer ranges.
#[derive(Clone, Copy, Debug)]
struct Before {
    width: usize,
    at_once: usize,
    host_rate: u64,
}

impl Trial {
    /// Begins with one stream, at a host where `known` ranges brought a gain.
    pub(super) fn new(known: usize) -> Self {
        Self { width: 1, known: known.max(1), state: State::Watching(0) }
    }

    /// Whether more ranges are being tried at the moment.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.state, State::Settling(_) | State::Measuring(_))
    }

    /// Reads no ranges any more.
    pub(super) fn give_up(&mut self) {
        (self.width, self.state) = (1, State::Settled);
    }

    /// The verdict of the next look.
    pub(super) fn next(&mut self, seen: &Seen) -> Verdict {
        match self.state {
            State::Settled => Verdict::Stay,
            State::Settling(before) => {
                self.state = State::Measuring(before);
                Verdict::Stay
            }
            State::Measuring(before) if self.is_worth_it(before, seen) => {
                self.state = State::Watching(1);
                Verdict::Keep(self.width)
            }
            State::Measuring(before) => {
                (self.width, self.state) = (before.width, State::Settled);
                Verdict::Narrow(before.width)
            }
            State::Watching(looks) => self.watch(seen, looks),
        }
    }

    fn watch(&mut self, seen: &Seen, looks: u32) -> Verdict {
        let next = (self.width * 2).max(self.known);
        let room = MOST.saturating_sub(seen.at_once);
        let next = next.min(self.width + room).min(seen.most);
        if !self.is_limit(seen) || next <= self.width {
            self.state = State::Watching(0);
            return Verdict::Stay;
        }
        // A single slow half second is not enough, unless ranges are known to help.
        if looks == 0 && self.known == 1 {
            self.state = State::Watching(1);
            return Verdict::Stay;
        }
        let before = Before { width: self.width, at_once: seen.at_once, host_rate: seen.host_rate };
        (self.width, self.state) = (next, State::Settling(before));
        Verdict::Widen(next)
    }

    /// Whether at least half of the expected gain came: if each connection is capped, the rate grows with their number.
    fn is_worth_it(&self, before: Before, seen: &Seen) -> bool {
        let added = (self.width - before.width) as u64;
        let at_once = before.at_once.max(1) as u64;
        let wanted = before.host_rate.saturating_mul(2 * at_once + added) / (2 * at_once);
        seen.host_rate >= wanted
    }

    /// Whether the source is the bottleneck, for long enough to be worth a change.
    fn is_limit(&self, seen: &Seen) -> bool {
        // Bytes of ranges are returned in bursts, so the read's own rate says little.
        let rate = seen.host_rate * self.width as u64 / seen.at_once.max(1) as u64;
        let takes = seen.left / rate.max(1);
        seen.waited >= WAITED && seen.left >= LEAST_LEFT && takes >= LEAST_TIME.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    /// One stream of 20 MB/s, of which 2 GB are left.
    const CAPPED: Seen = Seen { host_rate: 20 * MB, waited: 95, at_once: 1, left: 2000 * MB, most: MOST };

    fn first_verdicts(seen: &Seen, known: usize) -> [Verdict; 2] {
        let mut trial = Trial::new(known);
        [trial.next(seen), trial.next(seen)]
    }

    /// The widths of a read at a host with the given rate for each number of connections.
    fn widths(rate: impl Fn(usize) -> u64, others: usize) -> Vec<usize> {
        let (mut trial, mut width, mut widths) = (Trial::new(1), 1, Vec::new());
        for _ in 0..20 {
            let host_rate = rate(width + others);
            let seen = Seen { host_rate, at_once: width + others, ..CAPPED };
            match trial.next(&seen) {
                Verdict::Widen(wider) | Verdict::Narrow(wider) => {
                    width = wider;
                    widths.push(width);
                }
                Verdict::Keep(kept) => assert_eq!(kept, width),
                Verdict::Stay => {}
            }
        }
        widths
    }

    #[test]
    fn one_stream_is_enough_until_it_has_shown_to_be_the_limit() {
        assert_eq!(first_verdicts(&CAPPED, 1), [Verdict::Stay, Verdict::Widen(2)]);
        for (why, seen) in [
            ("the upload is slower", Seen { waited: 50, ..CAPPED }),
            ("little is left", Seen { left: 10 * MB, host_rate: MB, ..CAPPED }),
            ("it is over soon", Seen { host_rate: 1000 * MB, ..CAPPED }),
            ("enough comes side by side already", Seen { at_once: 8, ..CAPPED }),
            ("another read tries", Seen { most: 0, ..CAPPED }),
            ("more were tried in vain", Seen { most: 1, ..CAPPED }),
        ] {
            assert_eq!(first_verdicts(&seen, 1), [Verdict::Stay; 2], "{why}");
        }
    }

    #[test]
    fn a_single_slow_look_is_no_habit() {
        let mut trial = Trial::new(1);
        let well = Seen { waited: 10, ..CAPPED };
        let verdicts = [CAPPED, well, CAPPED, well, CAPPED].map(|seen| trial.next(&seen));
        assert_eq!(verdicts, [Verdict::Stay; 5]);
    }

    #[test]
    fn a_host_that_is_known_to_reward_ranges_gets_them_at_the_first_look() {
        assert_eq!(first_verdicts(&CAPPED, 4)[0], Verdict::Widen(4));
        assert_eq!(
            first_verdicts(&Seen { at_once: 6, ..CAPPED }, 4)[0],
            Verdict::Widen(3),
            "as far as there is room"
        );
    }

    #[test]
    fn each_step_has_to_bring_what_it_was_taken_for() {
        let each = |connections: usize| 20 * MB * connections as u64;
        assert_eq!(widths(each, 0), [2, 4, 8], "each connection is capped");
        assert_eq!(widths(|_| 20 * MB, 0), [2, 1], "the line is full");
        assert_eq!(
            widths(|connections| each(connections).min(70 * MB), 0),
            [2, 4, 8, 4],
            "the host is capped, too"
        );
        assert_eq!(widths(each, 3), [2, 4, 5], "other blobs come at the same time");
        assert_eq!(widths(|_| 80 * MB, 3), [2, 1], "others would only get less");
    }
}
