//! Each worker's share of a run: what it brought, and what was lost with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::number::grouped;
use super::record::{Ended, ImageRecord};
use super::remainder::examples;
use super::size;

/// The most jobs to name.
const NAMED: usize = 5;

/// The share of one worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Share {
    /// Including failed images, and those that it had begun or taken when the run was interrupted.
    pub(crate) images: u64,
    pub(crate) failed: u64,
    pub(crate) not_done: u64,
    pub(crate) bytes_moved: u64,
    #[serde(flatten)]
    pub(crate) loss: Loss,
}

/// What was lost with a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Loss {
    /// How often it fell silent, or was started again, without a farewell.
    pub(crate) times_silent: u64,
    /// The jobs that it began, gave no result of, and did not give back, for people. Other workers got them, if the run went on.
    pub(crate) jobs_without_result: BTreeSet<String>,
    /// Bytes that it said to have sent and that no result accounts for. The bytes of images do not include them.
    pub(crate) bytes_without_result: u64,
}

/// A worker in a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkerEntry {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) share: Share,
}

/// By worker; empty if a single process copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkerShares(BTreeMap<String, Share>);

impl WorkerShares {
    /// Counts an image for the worker that brought it.
    pub(crate) fn add(&mut self, image: &ImageRecord) {
        let Some(worker) = &image.worker else { return };
        if !self.0.contains_key(worker) {
            self.0.insert(worker.clone(), Share::default());
        }
        if let Some(share) = self.0.get_mut(worker) {
            share.images += 1;
            share.failed += u64::from(image.outcome == Ended::Failed);
            share.not_done += u64::from(image.outcome == Ended::NotDone);
            share.bytes_moved = share.bytes_moved.saturating_add(image.bytes_moved);
        }
    }

    /// Adds what was lost with a worker.
    fn add_loss(&mut self, worker: &str, loss: &Loss) {
        let Loss { times_silent, jobs_without_result, bytes_without_result } = loss;
        let known = &mut self.0.entry(worker.to_owned()).or_default().loss;
        known.times_silent = known.times_silent.saturating_add(*times_silent);
        known.jobs_without_result.extend(jobs_without_result.iter().cloned());
        known.bytes_without_result = known.bytes_without_result.saturating_add(*bytes_without_result);
    }

    /// Adds the losses of a report. Its images are added one by one.
    pub(crate) fn add_losses(&mut self, entries: &[WorkerEntry]) {
        for WorkerEntry { name, share } in entries {
            self.add_loss(name, &share.loss);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Share)> {
        self.0.iter().map(|(worker, share)| (worker.as_str(), share))
    }

    /// The entries for a report.
    pub(crate) fn entries(&self) -> Vec<WorkerEntry> {
        let entry =
            |(name, share): (&str, &Share)| WorkerEntry { name: name.to_owned(), share: share.clone() };
        self.all().map(entry).collect()
    }
}

impl Loss {
    /// The loss in words; `None` if there is none. The caller cleans the jobs' foreign texts.
    pub(crate) fn words(&self) -> Option<String> {
        let Self { times_silent, jobs_without_result, bytes_without_result } = self;
        let silent = match times_silent {
            0 => None,
            1 => Some("fell silent once".to_owned()),
            times => Some(format!("fell silent {} times", grouped(*times))),
        };
        let named: Vec<_> = jobs_without_result.iter().take(NAMED).map(String::as_str).collect();
        let jobs = (!named.is_empty())
            .then(|| format!("gave no result of {}", examples(&named, jobs_without_result.len() as u64)));
        let bytes = (*bytes_without_result > 0)
            .then(|| format!("sent {} without a result", size(Some(*bytes_without_result))));
        let words: Vec<_> = silent.into_iter().chain(jobs).chain(bytes).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_what_it_brought_and_nobody_else_is_one() {
        let mut shares = WorkerShares::default();
        for (worker, outcome, bytes) in [
            (Some("w2"), "copied", 5),
            (Some("w1"), "failed", 1),
            (None, "notDone", 0),
            (Some("w2"), "unchanged", 0),
            (Some("w2"), "notDone", 2),
        ] {
            let image = serde_json::json!({"source": "q.io/a:v1", "target": "r.io/a:v1", "outcome": outcome,
                "bytesMoved": bytes, "worker": worker});
            shares.add(&serde_json::from_value(image).unwrap());
        }
        let share = |images, failed, not_done, bytes_moved| Share {
            images,
            failed,
            not_done,
            bytes_moved,
            loss: Loss::default(),
        };
        let [first, second] = [share(1, 1, 0, 1), share(3, 0, 1, 7)];
        assert_eq!(shares.all().collect::<Vec<_>>(), [("w1", &first), ("w2", &second)]);
    }

    #[test]
    fn who_brought_nothing_and_was_lost_is_named_with_its_jobs() {
        let loss = |times_silent, jobs: &[&str], bytes_without_result| Loss {
            times_silent,
            jobs_without_result: jobs.iter().map(|job| (*job).to_owned()).collect(),
            bytes_without_result,
        };
        let jobs = ["a", "b", "c", "d", "e", "f", "g"];
        for (loss, told) in [
            (loss(0, &[], 0), None),
            (loss(1, &[], 0), Some("fell silent once")),
            (loss(2, &[], 1), Some("fell silent 2 times, sent 1 B without a result")),
            (loss(1, &jobs[..1], 0), Some("fell silent once, gave no result of a")),
            (loss(3, &jobs, 0), Some("fell silent 3 times, gave no result of a, b, c, d, e and 2 more")),
            (loss(0, &jobs[..1], 5), Some("gave no result of a, sent 5 B without a result")),
        ] {
            assert_eq!(loss.words().as_deref(), told);
        }
        let mut shares = WorkerShares::default();
        shares.add_loss("w1", &loss(1, &["a"], 3));
        let entries = serde_json::to_value(shares.entries()).unwrap();
        let expected = serde_json::json!([{"name": "w1", "images": 0, "failed": 0, "notDone": 0, "bytesMoved": 0,
            "timesSilent": 1, "jobsWithoutResult": ["a"], "bytesWithoutResult": 3}]);
        assert_eq!(entries, expected);
        let read: Vec<WorkerEntry> = serde_json::from_value(entries).unwrap();
        shares.add_losses(&read);
        assert_eq!(shares.entries()[0].share.loss, loss(2, &["a"], 6));
    }
}
