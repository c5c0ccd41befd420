//! A run's workers by their beats: which of them came and went, which have other rules, and what they sent.

use std::collections::BTreeMap;
use std::time::Duration;

use oci::Digest;
use tokio::time::Instant;

use crate::beat::{SILENT, Sign};
use crate::message::Signer;
use crate::message::beat::AnyBeat;
use crate::message::release::Release;
use crate::message::run::RunEntry;

/// A change since the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Joined(String),
    Left(String),
    Lost(String),
    /// A new process has the name of one that said no farewell.
    StartedAgain(String),
    /// A worker that takes no job of the run.
    Stranger {
        worker: String,
        why: Strange,
    },
    /// A worker whose login is refused leaves the run's jobs to others.
    Refused {
        worker: String,
        why: String,
    },
    /// A worker has sent `bytes` in this time.
    Sent {
        worker: String,
        bytes: u64,
        during: Duration,
    },
}

/// Why a worker takes no job of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Strange {
    /// It has other rules, of this digest.
    Config(Digest),
    /// It does not understand the coordinator's messages.
    Release(Release),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Presence {
    There,
    Gone,
    Stranger(Strange),
}

struct Seen {
    /// When the process started, if its release tells: this distinguishes processes of one name.
    born: Option<u64>,
    presence: Presence,
    /// The bytes that it had sent for the run at the time `at`.
    sent: u64,
    at: Instant,
    is_refused: bool,
}

/// The workers at the last look.
#[derive(Default)]
pub(super) struct Attendance {
    seen: BTreeMap<String, Seen>,
    /// The times of the first and the last look.
    looked: Option<(Instant, Instant)>,
}

impl Attendance {
    /// Takes in the last beat of each worker; returns the changes for a run. `now` is a time of the clock of [`Sign::at`].
    pub(super) fn look(&mut self, signs: &[Sign], run: &RunEntry, now: Instant) -> Vec<Change> {
        let first = self.looked.map_or(now, |(first, _)| first);
        self.looked = Some((first, now));
        signs.iter().flat_map(|sign| self.look_at(sign, run, now)).collect()
    }

    fn look_at(&mut self, sign: &Sign, run: &RunEntry, now: Instant) -> Vec<Change> {
        let (worker, born, at) = (sign.beat.worker().to_owned(), sign.beat.born(), sign.heard);
        let (sent, strange) = match &sign.beat {
            AnyBeat::Other(beat) => (0, Some(Strange::Release(beat.release.clone()))),
            AnyBeat::Ours(beat) if beat.config != run.config => {
                (0, Some(Strange::Config(beat.config.clone())))
            }
            AnyBeat::Ours(beat) => (beat.sent_for(&run.run), None),
        };
        let refused = match &sign.beat {
            AnyBeat::Ours(beat) => beat.refused_for(&run.run),
            AnyBeat::Other(_) => None,
        };
        let presence = match strange {
            Some(why) => Presence::Stranger(why),
            None if sign.is_alive(now) => Presence::There,
            None => Presence::Gone,
        };
        let new = Seen { born, presence: presence.clone(), sent, at, is_refused: refused.is_some() };
        let before = self.seen.insert(worker.clone(), new);
        let is_same = before.as_ref().is_some_and(|before| before.born == born);
        let sent = before.as_ref().and_then(|before| {
            // A process that was started again counts from zero.
            let bytes = if is_same { sent.checked_sub(before.sent).unwrap_or(sent) } else { sent };
            let during = at.saturating_duration_since(before.at);
            (bytes > 0).then(|| Change::Sent { worker: worker.clone(), bytes, during })
        });
        let was_refused = is_same && before.as_ref().is_some_and(|before| before.is_refused);
        let refused = refused.filter(|_| !was_refused);
        let refused = refused.map(|why| Change::Refused { worker: worker.clone(), why });
        let was = before.map(|before| before.presence);
        let came_or_went = match (was, presence) {
            (Some(Presence::There), Presence::There) if !is_same => Some(Change::StartedAgain(worker)),
            (Some(was), is) if was == is => None,
            (_, Presence::Stranger(why)) => Some(Change::Stranger { worker, why }),
            (_, Presence::There) => Some(Change::Joined(worker)),
            (Some(Presence::There), Presence::Gone) if sign.beat.leaves() => Some(Change::Left(worker)),
            (Some(Presence::There), Presence::Gone) => Some(Change::Lost(worker)),
            (_, Presence::Gone) => None,
        };
        came_or_went.into_iter().chain(refused).chain(sent).collect()
    }

    /// Whether the process that began a job is gone: it gives no beats, or another process has its name. A process that was never heard is
    /// missed only after it had time for a beat.
    pub(super) fn misses(&self, by: &Signer) -> bool {
        match self.seen.get(&by.worker) {
            Some(seen) => self.is_replaced(by) || seen.presence == Presence::Gone,
            None => self.looked.is_some_and(|(first, last)| last.duration_since(first) >= SILENT),
        }
    }

    /// Whether another process has the signer's name now.
    pub(super) fn is_replaced(&self, by: &Signer) -> bool {
        let seen = self.seen.get(&by.worker).and_then(|seen| seen.born);
        seen.zip(by.born).is_some_and(|(seen, signed)| seen != signed)
    }

    /// The names of the workers that work on the run.
    pub(super) fn workers(&self) -> impl Iterator<Item = &str> {
        self.seen.iter().filter(|(_, seen)| seen.presence == Presence::There).map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::run;
    use crate::message::beat::{Beat, OtherBeat, RefusedFor, SentFor};

    /// A beat of a worker that works on two runs of one config by turns.
    fn sign(config: &Digest, bytes: u64, leaves: bool, at: Instant) -> Sign {
        sign_of(1, config, bytes, leaves, at)
    }

    /// The same of a process with this start time.
    fn sign_of(born: u64, config: &Digest, bytes: u64, leaves: bool, at: Instant) -> Sign {
        let sent =
            [("q", 1000 * bytes), ("r", bytes)].map(|(run, bytes)| SentFor { run: run.to_owned(), bytes });
        let (release, worker, config) = (Release::ours(), "w1".to_owned(), config.clone());
        Sign {
            beat: AnyBeat::Ours(Beat {
                release,
                worker,
                born,
                config,
                sent: sent.into(),
                jobs: Vec::new(),
                refused: Vec::new(),
                leaves,
            }),
            at,
            heard: at,
        }
    }

    #[test]
    fn who_comes_and_goes_is_told_once_and_what_is_sent_for_the_run_alone() {
        let (mut attendance, run, begun) = (Attendance::default(), run(b"ours"), Instant::now());
        let ours = run.config.clone();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut look = |sign: &Sign, now: Instant| attendance.look(std::slice::from_ref(sign), &run, now);
        let name = || "w1".to_owned();
        let first = sign(&ours, 7, false, begun);
        assert_eq!(look(&first, begun), [Change::Joined(name())], "results tell what it sent before");
        assert_eq!(look(&first, after(1)), []);
        let sent = Change::Sent { worker: name(), bytes: 5, during: Duration::from_secs(3) };
        assert_eq!(look(&sign(&ours, 12, false, after(3)), after(3)), [sent]);
        assert_eq!(look(&sign(&ours, 12, false, after(3)), after(60)), [Change::Lost(name())]);
        // The worker that was started again counts from zero.
        let sent = Change::Sent { worker: name(), bytes: 20, during: Duration::from_secs(67) };
        let second = sign_of(2, &ours, 20, false, after(70));
        assert_eq!(look(&second, after(70)), [Change::Joined(name()), sent]);
        // The third process comes before the second one was missed.
        let sent = Change::Sent { worker: name(), bytes: 30, during: Duration::from_secs(3) };
        let third = sign_of(3, &ours, 30, false, after(73));
        assert_eq!(look(&third, after(73)), [Change::StartedAgain(name()), sent]);
        let third = sign_of(3, &ours, 30, true, after(74));
        assert_eq!(look(&third, after(74)), [Change::Left(name())]);
        assert_eq!(look(&third, after(90)), []);
        assert_eq!(attendance.workers().count(), 0);
    }

    #[test]
    fn who_is_silent_or_was_replaced_ends_nothing_and_nobody_is_missed_before_he_could_be_heard() {
        let (mut attendance, run, begun) = (Attendance::default(), run(b"ours"), Instant::now());
        let by = |worker: &str, born| Signer { worker: worker.to_owned(), born };
        let (first, second, unheard) = (by("w1", Some(1)), by("w1", Some(2)), by("w2", Some(1)));
        let missed = |attendance: &Attendance| [&first, &second, &unheard].map(|by| attendance.misses(by));
        assert_eq!(missed(&attendance), [false; 3], "nobody has looked");
        let mut look = |born, at, now| {
            let [at, now] = [at, now].map(|seconds| begun + Duration::from_secs(seconds));
            attendance.look(&[sign_of(born, &run.config, 0, false, at)], &run, now);
            missed(&attendance)
        };
        assert_eq!(look(1, 0, 0), [false, true, false]);
        assert_eq!(look(1, 9, 11), [false, true, false]);
        assert_eq!(look(1, 9, 12), [false, true, true], "it would have been heard by now");
        assert_eq!(look(1, 9, 21), [true, true, true]);
        assert_eq!(look(2, 22, 22), [true, false, true]);
        assert!(!attendance.misses(&by("w1", None)), "nobody knows which process that was");
        let replaced = [&first, &second, &unheard, &by("w1", None)].map(|by| attendance.is_replaced(by));
        assert_eq!(replaced, [true, false, false, false]);
    }

    #[test]
    fn who_has_other_rules_is_told_once_and_counts_nothing() {
        let (mut attendance, run, other) = (Attendance::default(), run(b"ours"), Digest::sha256(b"other"));
        let now = Instant::now();
        let stranger = [sign(&other, 7, false, now)];
        let told = Change::Stranger { worker: "w1".to_owned(), why: Strange::Config(other.clone()) };
        assert_eq!(attendance.look(&stranger, &run, now), [told]);
        let more = [sign(&other, 99, false, now)];
        assert_eq!(attendance.look(&more, &run, now + Duration::from_secs(60)), []);
        assert_eq!(attendance.look(&[sign(&other, 99, true, now)], &run, now), []);
        assert_eq!(attendance.workers().count(), 0);
        let mended = [sign(&run.config, 0, false, now)];
        assert_eq!(attendance.look(&mended, &run, now), [Change::Joined("w1".to_owned())]);
        assert_eq!(attendance.workers().collect::<Vec<_>>(), ["w1"]);
    }

    #[test]
    fn whose_login_is_refused_is_told_once() {
        let (mut attendance, run, at) = (Attendance::default(), run(b"ours"), Instant::now());
        let AnyBeat::Ours(beat) = sign(&run.config, 0, false, at).beat else { panic!("it is ours") };
        let refused = vec![RefusedFor::new("r", "wrong password"), RefusedFor::new("q", "other")];
        let of = |born| {
            [Sign {
                beat: AnyBeat::Ours(Beat { born, refused: refused.clone(), ..beat.clone() }),
                at,
                heard: at,
            }]
        };
        let signs = of(1);
        let name = || "w1".to_owned();
        let told = Change::Refused { worker: name(), why: "wrong password".to_owned() };
        assert_eq!(attendance.look(&signs, &run, at), [Change::Joined(name()), told.clone()]);
        assert_eq!(attendance.look(&signs, &run, at), []);
        assert_eq!(attendance.look(&of(2), &run, at), [Change::StartedAgain(name()), told]);
    }

    #[test]
    fn who_is_of_another_release_is_told_once() {
        let (mut attendance, run, at) = (Attendance::default(), run(b"ours"), Instant::now());
        let (release, worker) = (Release::default(), "w1".to_owned());
        let told = Change::Stranger { worker: worker.clone(), why: Strange::Release(release.clone()) };
        let beat = AnyBeat::Other(OtherBeat { release, worker, leaves: false });
        let signs = [Sign { beat, at, heard: at }];
        assert_eq!(attendance.look(&signs, &run, at), [told]);
        assert_eq!(attendance.look(&signs, &run, at), []);
        assert_eq!(attendance.workers().count(), 0);
    }
}
