//! Reads the entries of a run's book. Any client that may write to NATS can write nonsense there, which is ignored.

use crate::message::ended::{JobResult, RuleFailures};
use crate::message::job::Job;
use crate::message::run::{RunEntry, caller};
use crate::message::spent::SpentBy;
use crate::message::{self, Malformed, Signer, signer};

/// An entry that was read.
#[derive(Debug)]
pub(super) enum BookEntry {
    /// Rules that failed, or lists of single repositories of theirs.
    Rules(RuleFailures),
    Job(Job),
    /// A worker has begun an attempt at a job.
    Begun {
        job: u32,
        attempt: u32,
        by: Signer,
    },
    /// That worker has given the job back.
    GivenBack {
        job: u32,
        attempt: u32,
    },
    Result {
        job: u32,
        attempt: u32,
        result: JobResult,
    },
    /// A worker's request counts that results do not have.
    Spent(SpentBy),
    /// The run was called off, by this coordinator if its name can be read.
    CalledOff(Option<String>),
    /// A result that cannot be read. It is reported to people.
    Nonsense {
        job: u32,
        why: Malformed,
    },
}

/// Reads the value of a key; `value` is `None` if the key was deleted.
pub(super) fn read(run: &RunEntry, key: &str, value: Option<&[u8]>) -> Option<BookEntry> {
    let parts: Vec<_> = key.split('.').skip(1).collect();
    let number = |text: &str| text.parse::<u32>().ok();
    match (&parts[..], value) {
        (["rules"], Some(text)) => message::read(text).ok().map(BookEntry::Rules),
        (["result", "spent", ..], Some(text)) => message::read(text).ok().map(BookEntry::Spent),
        (["stop"], Some(by)) => Some(BookEntry::CalledOff(caller(by))),
        (["job", job], Some(text)) => {
            let read = message::read::<Job>(text).ok()?;
            let is_ours = read.run == run.run && Some(read.number) == number(job) && read.number < run.jobs;
            is_ours.then_some(BookEntry::Job(read))
        }
        (["begun", job, attempt], value) => {
            let (job, attempt) = (number(job)?, number(attempt)?);
            Some(match value {
                Some(who) => BookEntry::Begun { job, attempt, by: signer(who)? },
                None => BookEntry::GivenBack { job, attempt },
            })
        }
        (["result", job, attempt], Some(text)) => {
            let (job, attempt) = (number(job)?, number(attempt)?);
            Some(match message::read(text) {
                Ok(result) => BookEntry::Result { job, attempt, result },
                Err(why) => BookEntry::Nonsense { job, why },
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use oci::Digest;

    use super::*;
    use crate::fixture::run;

    #[test]
    fn entries_are_told_by_their_keys_and_nonsense_is_none() {
        let run = run(b"c");
        let read = |key: &str, value: Option<&str>| read(&run, key, value.map(str::as_bytes));
        let result = r#"{"worker": "w1", "born": 1, "ended": [], "spent": []}"#;
        assert!(
            matches!(read("r.begun.1.2", Some("w1 7-0")), Some(BookEntry::Begun { job: 1, attempt: 2, by }) if by.worker == "w1" && by.born == Some(7))
        );
        assert!(matches!(read("r.begun.1.2", None), Some(BookEntry::GivenBack { job: 1, attempt: 2 })));
        let entry = read("r.result.0.1", Some(result));
        assert!(matches!(entry, Some(BookEntry::Result { job: 0, attempt: 1, .. })), "{entry:?}");
        assert!(matches!(read("r.result.0.1", Some("{}")), Some(BookEntry::Nonsense { job: 0, .. })));
        assert!(matches!(
            read("r.rules", Some(r#"{"failed": [], "left_out": 0}"#)),
            Some(BookEntry::Rules(_))
        ));
        let spent = r#"{"worker": "w1", "born": 1, "spent": []}"#;
        assert!(matches!(read("r.result.spent.w1.1.0", Some(spent)), Some(BookEntry::Spent(_))));
        assert!(read("r.result.spent.w1.1.0", Some("{}")).is_none());
        for (text, by) in [("c-1", Some("c-1")), ("no name", None)] {
            let entry = read("r.stop", Some(text));
            assert!(matches!(&entry, Some(BookEntry::CalledOff(who)) if who.as_deref() == by), "{entry:?}");
        }
        for (key, value) in [
            ("r.result.0.1", None),
            ("r.result.x.1", Some(result)),
            ("r.begun.1", Some("w1")),
            ("r.begun.1.2", Some("")),
            ("r.job.0", Some("{}")),
            ("r.rules", Some("")),
            ("r.stop", None),
            ("r", Some("")),
        ] {
            assert!(read(key, value).is_none(), "{key}");
        }
    }

    #[test]
    fn a_job_is_one_of_this_run_and_stands_under_its_number() {
        let config = Digest::sha256(b"c");
        let image = r#"{"source": "a.io/x:v1", "target": "b.io/x:v1"}"#;
        let job = |run: &str, number: u32| {
            let wanted =
                sync::Wanted { referrers: sync::WantedReferrers::None, policy: std::sync::Arc::default() };
            let wanted = serde_json::to_string(&wanted).unwrap();
            format!(
                r#"{{"run": "{run}", "number": {number}, "config": "{config}", "bytes": 0,
                    "assignments": [{{"rule": 0, "images": [{image}], "wanted": {wanted}}}]}}"#
            )
        };
        let run = run(b"c");
        let is_job = |key: &str, text: String| {
            matches!(read(&run, key, Some(text.as_bytes())), Some(BookEntry::Job(_)))
        };
        assert!(is_job("r.job.1", job("r", 1)));
        assert!(
            !is_job("r.job.0", job("r", 1))
                && !is_job("r.job.1", job("q", 1))
                && !is_job("r.job.2", job("r", 2))
        );
    }
}
