//! Who works on a run, as signs of life tell: who came and went, who has other rules, and what was sent meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use oci::Digest;

use crate::beat::Sign;

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Joined(String),
    Left(String),
    Lost(String),
    /// A worker with other rules, which leaves the run alone.
    Stranger {
        worker: String,
        config: Digest,
    },
    /// A worker has sent so much in so long.
    Sent {
        bytes: u64,
        during: Duration,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Presence {
    There,
    Gone,
    /// With these rules.
    Stranger(Digest),
}

struct Seen {
    presence: Presence,
    /// What it had sent, and when it said so.
    bytes_moved: u64,
    at: Instant,
}

/// Who was there when it was looked last.
#[derive(Default)]
pub(super) struct Attendance {
    seen: BTreeMap<String, Seen>,
}

impl Attendance {
    /// Takes in everybody's last sign; says what is new. `config`: of the run's rules.
    pub(super) fn look(&mut self, signs: &[Sign], config: &Digest, now: Instant) -> Vec<Change> {
        signs.iter().flat_map(|sign| self.look_at(sign, config, now)).collect()
    }

    fn look_at(&mut self, sign: &Sign, config: &Digest, now: Instant) -> Vec<Change> {
        let (worker, bytes_moved, at) = (sign.beat.worker.clone(), sign.beat.bytes_moved, sign.at);
        let presence = match sign.is_alive(now) {
            _ if sign.beat.config != *config => Presence::Stranger(sign.beat.config.clone()),
            true => Presence::There,
            false => Presence::Gone,
        };
        let new = Seen { presence: presence.clone(), bytes_moved, at };
        let before = self.seen.insert(worker.clone(), new);
        let sent =
            before.as_ref().filter(|_| !matches!(presence, Presence::Stranger(_))).and_then(|before| {
                // One of the same name that was started anew counts from nothing.
                let bytes = bytes_moved.checked_sub(before.bytes_moved).unwrap_or(bytes_moved);
                let during = at.saturating_duration_since(before.at);
                (bytes > 0).then_some(Change::Sent { bytes, during })
            });
        let was = before.map(|before| before.presence);
        let came_or_went = match (was, presence) {
            (Some(was), is) if was == is => None,
            (_, Presence::Stranger(config)) => Some(Change::Stranger { worker, config }),
            (_, Presence::There) => Some(Change::Joined(worker)),
            (Some(Presence::There), Presence::Gone) if sign.beat.leaves => Some(Change::Left(worker)),
            (Some(Presence::There), Presence::Gone) => Some(Change::Lost(worker)),
            (_, Presence::Gone) => None,
        };
        came_or_went.into_iter().chain(sent).collect()
    }

    /// How many work on the run.
    pub(super) fn workers(&self) -> usize {
        self.seen.values().filter(|seen| seen.presence == Presence::There).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::run::Beat;

    fn sign(config: &Digest, bytes_moved: u64, leaves: bool, at: Instant) -> Sign {
        let (worker, config) = ("w1".to_owned(), config.clone());
        Sign { beat: Beat { worker, config, jobs: 1, bytes_moved, leaves }, at }
    }

    #[test]
    fn who_comes_and_goes_is_told_once() {
        let (mut attendance, ours, begun) = (Attendance::default(), Digest::sha256(b"ours"), Instant::now());
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut look = |sign: &Sign, now: Instant| attendance.look(std::slice::from_ref(sign), &ours, now);
        let name = || "w1".to_owned();
        let first = sign(&ours, 7, false, begun);
        assert_eq!(look(&first, begun), [Change::Joined(name())], "what it sent before is not of this run");
        assert_eq!(look(&first, after(1)), []);
        let sent = Change::Sent { bytes: 5, during: Duration::from_secs(3) };
        assert_eq!(look(&sign(&ours, 12, false, after(3)), after(3)), [sent]);
        assert_eq!(look(&sign(&ours, 12, false, after(3)), after(60)), [Change::Lost(name())]);
        // Started anew, it counts from nothing.
        let sent = Change::Sent { bytes: 2, during: Duration::from_secs(67) };
        assert_eq!(look(&sign(&ours, 2, false, after(70)), after(70)), [Change::Joined(name()), sent]);
        assert_eq!(look(&sign(&ours, 2, true, after(71)), after(71)), [Change::Left(name())]);
        assert_eq!(look(&sign(&ours, 2, true, after(71)), after(90)), []);
        assert_eq!(attendance.workers(), 0);
    }

    #[test]
    fn who_has_other_rules_is_told_once_and_counts_nothing() {
        let (mut attendance, ours, other) =
            (Attendance::default(), Digest::sha256(b"ours"), Digest::sha256(b"other"));
        let now = Instant::now();
        let stranger = [sign(&other, 7, false, now)];
        let told = Change::Stranger { worker: "w1".to_owned(), config: other.clone() };
        assert_eq!(attendance.look(&stranger, &ours, now), [told]);
        let more = [sign(&other, 99, false, now)];
        assert_eq!(attendance.look(&more, &ours, now + Duration::from_secs(60)), []);
        assert_eq!(attendance.look(&[sign(&other, 99, true, now)], &ours, now), []);
        assert_eq!(attendance.workers(), 0);
        let mended = [sign(&ours, 0, false, now)];
        assert_eq!(attendance.look(&mended, &ours, now), [Change::Joined("w1".to_owned())]);
        assert_eq!(attendance.workers(), 1);
    }
}
