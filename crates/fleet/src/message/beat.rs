//! A worker's beat.

use oci::Digest;
use oci::foreign_text::clean_to;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::release::Release;
use super::runs::MOST_RUNS;
use super::{Checked, Malformed, is_name};

/// A beat: a worker's regular sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beat {
    pub(crate) release: Release,
    pub(crate) worker: String,
    /// When the process started: this distinguishes processes of one name.
    pub(crate) born: u64,
    /// The digest of its rules: it works only on runs with the same rules.
    pub(crate) config: Digest,
    /// The bytes that it has sent since it began, for each open run.
    pub(crate) sent: Vec<SentFor>,
    /// The jobs that it has in work.
    pub(crate) jobs: Vec<JobInWork>,
    /// Runs that it leaves to other workers, because its login is refused.
    pub(crate) refused: Vec<RefusedFor>,
    /// Whether this beat is its farewell.
    pub(crate) leaves: bool,
}

/// Why a worker takes no job of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedFor {
    run: String,
    why: String,
}

/// The longest reason.
const LONGEST: usize = 300;

impl RefusedFor {
    pub(crate) fn new(run: &str, why: &str) -> Self {
        Self { run: run.to_owned(), why: clean_to(why, LONGEST).into_owned() }
    }
}

/// The bytes that a worker has sent for one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentFor {
    pub(crate) run: String,
    pub(crate) bytes: u64,
}

/// A job that a worker has in work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobInWork {
    pub(crate) run: String,
    pub(crate) number: u32,
}

/// More jobs than a worker has in work.
const MOST_JOBS: usize = 64;

impl Beat {
    /// The jobs of a run that it has in work.
    pub(crate) fn jobs_of(&self, run: &str) -> impl Iterator<Item = u32> {
        self.jobs.iter().filter(move |job| job.run == run).map(|job| job.number)
    }

    /// The bytes that it has sent for a run.
    pub(crate) fn sent_for(&self, run: &str) -> u64 {
        self.sent.iter().find(|sent| sent.run == run).map_or(0, |sent| sent.bytes)
    }

    /// Which registry refuses its login for a run, and why. The text is another process's, and cleaned here.
    pub(crate) fn refused_for(&self, run: &str) -> Option<String> {
        let refused = self.refused.iter().find(|refused| refused.run == run)?;
        Some(clean_to(&refused.why, LONGEST).into_owned())
    }
}

/// A beat of any release.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) enum AnyBeat {
    Ours(Beat),
    Other(OtherBeat),
}

/// A beat of a release whose messages this one does not read. Beats of all releases have these fields.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct OtherBeat {
    #[serde(default)]
    pub(crate) release: Release,
    pub(crate) worker: String,
    #[serde(default)]
    pub(crate) leaves: bool,
}

impl AnyBeat {
    pub(crate) fn worker(&self) -> &str {
        match self {
            Self::Ours(beat) => &beat.worker,
            Self::Other(beat) => &beat.worker,
        }
    }

    /// When the process started; `None` if its release does not tell.
    pub(crate) fn born(&self) -> Option<u64> {
        match self {
            Self::Ours(beat) => Some(beat.born),
            Self::Other(_) => None,
        }
    }

    pub(crate) fn leaves(&self) -> bool {
        match self {
            Self::Ours(beat) => beat.leaves,
            Self::Other(beat) => beat.leaves,
        }
    }
}

impl TryFrom<Value> for AnyBeat {
    type Error = serde_json::Error;

    fn try_from(beat: Value) -> Result<Self, Self::Error> {
        let head = OtherBeat::deserialize(&beat)?;
        if head.release.is_understood() {
            return serde_json::from_value(beat).map(Self::Ours);
        }
        Ok(Self::Other(head))
    }
}

/// Asks whether another process has this name. Such a process sends a beat at once; all others ignore the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhoHas {
    pub(crate) name: String,
    pub(crate) born: u64,
}

impl Checked for WhoHas {
    fn checked(self) -> Result<Self, Malformed> {
        if is_name(&self.name) { Ok(self) } else { Err(Malformed::new("it asks for no name")) }
    }
}

impl Checked for AnyBeat {
    fn checked(self) -> Result<Self, Malformed> {
        if !is_name(self.worker()) {
            return Err(Malformed::new("the worker has no name"));
        }
        match &self {
            Self::Ours(beat) if beat.sent.len() > MOST_RUNS => {
                Err(Malformed::new(format!("it tells of {} runs", beat.sent.len())))
            }
            Self::Ours(beat) if beat.jobs.len() > MOST_JOBS => {
                Err(Malformed::new(format!("it has {} jobs in work", beat.jobs.len())))
            }
            Self::Ours(beat) if beat.refused.len() > MOST_RUNS => {
                Err(Malformed::new(format!("it is refused for {} runs", beat.refused.len())))
            }
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{read, write};

    #[test]
    fn what_is_of_another_release_is_told_apart_and_no_nonsense_is_heard() {
        let config = Digest::sha256(b"c");
        let sent = vec![SentFor { run: "r".to_owned(), bytes: 7 }];
        let refused = vec![RefusedFor::new("r", "wrong \u{1b}password")];
        let (release, worker) = (Release::ours(), "w1".to_owned());
        let jobs = vec![JobInWork { run: "r".to_owned(), number: 3 }];
        let beat = Beat { release, worker, born: 1, config, sent, jobs, refused, leaves: false };
        assert!(beat.jobs_of("r").eq([3]) && beat.jobs_of("q").next().is_none());
        let many = vec![beat.jobs[0].clone(); MOST_JOBS + 1];
        assert!(read::<AnyBeat>(&write(&Beat { jobs: many, ..beat.clone() })).is_err());
        assert!(beat.refused_for("r").is_some_and(|why| !why.contains('\u{1b}')));
        assert_eq!(beat.refused_for("q"), None);
        assert_eq!((beat.sent_for("r"), beat.sent_for("q")), (7, 0));
        assert_eq!(read::<AnyBeat>(&write(&beat)), Ok(AnyBeat::Ours(beat.clone())));
        let many = vec![beat.sent[0].clone(); MOST_RUNS + 1];
        assert!(read::<AnyBeat>(&write(&Beat { sent: many, ..beat.clone() })).is_err());
        let many = vec![beat.refused[0].clone(); MOST_RUNS + 1];
        assert!(read::<AnyBeat>(&write(&Beat { refused: many, ..beat })).is_err());
        // A beat of a release before the first format, and one of a later release.
        for (text, leaves) in [
            (r#"{"worker": "w1", "config": "sha256:0", "jobs": 1, "bytes_moved": 7, "leaves": true}"#, true),
            (r#"{"release": {"format": 9, "version": "9.0.0"}, "worker": "w1", "other": {}}"#, false),
        ] {
            let Ok(AnyBeat::Other(other)) = read::<AnyBeat>(text.as_bytes()) else { panic!("{text}") };
            assert_eq!((other.worker.as_str(), other.leaves), ("w1", leaves));
        }
        let release = serde_json::to_value(Release::ours()).unwrap();
        let (odd, short) =
            (serde_json::json!({"worker": "w 1"}), serde_json::json!({"release": release, "worker": "w1"}));
        for wrong in [odd, short, serde_json::json!(7)] {
            assert!(read::<AnyBeat>(wrong.to_string().as_bytes()).is_err(), "{wrong}");
        }
    }
}
