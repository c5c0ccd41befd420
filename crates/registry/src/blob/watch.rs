//! Watches a large read: whether the source slows down the copy.

use std::time::{Duration, Instant};

use super::width::{LOOK, MOST, Seen, Trial, Verdict};
use crate::http::large_reads::{ReadHost, Tries, UnderWay};

/// The measurements of one read.
pub(super) struct Watch {
    pub(super) host: ReadHost,
    trial: Trial,
    tries: Option<Tries>,
    begun: Instant,
    waited: Duration,
    /// The bytes that the host had sent when this look began.
    host_bytes: u64,
    /// The read itself, while it is one stream: each range counts for itself.
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

    /// Notes a piece of `bytes` that came after a wait of `waited`.
    pub(super) fn came(&mut self, bytes: usize, waited: Duration) {
        self.waited += waited;
        if self.one_stream.is_some() {
            self.host.came(bytes);
        }
    }

    /// The verdict, if it is time for a look; `left` are the bytes still to come.
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

    /// Stores what the look showed about the host, and takes or returns the right to try more ranges.
    fn act(&mut self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Widen(_) if self.tries.is_none() => {
                self.tries = self.host.try_more();
                if self.tries.is_none() {
                    // Another read took the right first.
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

    /// Notes that the read is several ranges from now on.
    pub(super) fn is_several(&mut self) {
        (self.one_stream, self.had_ranges) = (None, true);
    }

    /// Notes that the blob's bytes are wrong: if some came as ranges, the host gets no more range requests.
    pub(super) fn note_wrong_bytes(&self) {
        if self.had_ranges {
            self.host.note_without_ranges();
        }
    }

    /// Notes that the read is one stream again, for good if ranges went wrong.
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
