//! Looks at a large read while it goes on: whether its source is what all else waits for.

use std::time::{Duration, Instant};

use super::width::{LOOK, MOST, Seen, Trial, Verdict};
use crate::http::large_reads::{ReadHost, Tries, UnderWay};

/// What is seen of one read.
pub(super) struct Watch {
    pub(super) host: ReadHost,
    trial: Trial,
    tries: Option<Tries>,
    begun: Instant,
    waited: Duration,
    /// Bytes that had come from the host when this look began.
    host_bytes: u64,
    /// The read itself, as long as it is one stream: ranges count each for itself.
    one_stream: Option<UnderWay>,
    /// Whether some of its bytes came as ranges.
    had_ranges: bool,
}

impl Watch {
    pub(super) fn new(host: ReadHost) -> Self {
        Self {
            trial: Trial::new(host.known_width()),
            tries: None,
            begun: Instant::now(),
            waited: Duration::ZERO,
            host_bytes: host.seen().0,
            one_stream: Some(host.begin()),
            had_ranges: false,
            host,
        }
    }

    /// A piece came after so long a wait.
    pub(super) fn came(&mut self, bytes: usize, waited: Duration) {
        self.waited += waited;
        if self.one_stream.is_some() {
            self.host.came(bytes);
        }
    }

    /// What follows, where it is time to look; `left` are the bytes still to come.
    pub(super) fn look(&mut self, left: u64) -> Verdict {
        let took = self.begun.elapsed();
        if took < LOOK {
            return Verdict::Stay;
        }
        let (host_bytes, at_once) = self.host.seen();
        let seen = Seen {
            host_rate: per_second(host_bytes - self.host_bytes, took),
            waited: u32::try_from(self.waited.as_millis() * 100 / took.as_millis().max(1)).unwrap_or(100),
            at_once,
            left,
            most: if self.tries.is_some() { MOST } else { self.host.may_try(MOST) },
        };
        (self.begun, self.waited, self.host_bytes) = (Instant::now(), Duration::ZERO, host_bytes);
        let verdict = self.trial.next(&seen);
        self.act(verdict)
    }

    /// Keeps what was learned of the host, and the right to try.
    fn act(&mut self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Widen(_) if self.tries.is_none() => {
                self.tries = self.host.try_more();
                if self.tries.is_none() {
                    // Another read was faster.
                    self.trial = Trial::new(self.host.known_width());
                    return Verdict::Stay;
                }
            }
            Verdict::Keep(width) => self.host.note_helped(width),
            Verdict::Narrow(width) => self.host.note_in_vain(width),
            Verdict::Widen(_) | Verdict::Stay => {}
        }
        if !self.trial.is_on() {
            self.tries = None;
        }
        verdict
    }

    /// The read is several ranges from now on.
    pub(super) fn is_several(&mut self) {
        (self.one_stream, self.had_ranges) = (None, true);
    }

    /// The blob's bytes are wrong: those of ranges are not asked for again.
    pub(super) fn note_wrong_bytes(&self) {
        if self.had_ranges {
            self.host.note_without_ranges();
        }
    }

    /// The read is one stream again, for good where ranges went wrong.
    pub(super) fn is_one_stream(&mut self, for_good: bool) {
        self.one_stream = Some(self.host.begin());
        self.tries = None;
        if for_good {
            self.trial.give_up();
        }
    }
}

fn per_second(bytes: u64, took: Duration) -> u64 {
    let milliseconds = took.as_millis().max(1);
    u64::try_from(u128::from(bytes) * 1000 / milliseconds).unwrap_or(u64::MAX)
}
