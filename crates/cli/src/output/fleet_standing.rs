//! The status of a fleet's run: its jobs, and what each worker does.

use serde::Serialize;

use super::remainder::and_more;

/// The most workers that fit on a screen.
const MOST_WORKERS: usize = 20;

/// The status of a fleet's run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetStanding {
    /// Jobs that no worker has begun.
    pub(crate) jobs_waiting: usize,
    pub(crate) jobs_in_work: usize,
    pub(crate) jobs_done: usize,
    pub(crate) workers: Vec<FleetWorker>,
}

/// The status of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetWorker {
    pub(crate) name: String,
    /// Whether its heartbeat is overdue.
    pub(crate) silent: bool,
    /// Its jobs.
    pub(crate) jobs: Vec<String>,
}

/// Returns the status; `None` before the run is open.
pub(crate) type AskFleet = Box<dyn Fn() -> Option<FleetStanding> + Send + Sync>;

impl FleetStanding {
    /// The status for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self { jobs_waiting, jobs_in_work, jobs_done, workers } = self;
        let mut lines =
            vec![format!("  jobs: {jobs_waiting} waiting, {jobs_in_work} in work, {jobs_done} done")];
        lines.extend(workers.iter().take(MOST_WORKERS).map(FleetWorker::line));
        let more = and_more(workers.len().saturating_sub(MOST_WORKERS) as u64);
        lines.extend(more.map(|more| format!("  {more} workers")));
        if workers.is_empty() {
            lines.push("  no worker is there".to_owned());
        }
        lines
    }
}

impl FleetWorker {
    fn line(&self) -> String {
        let silent = if self.silent { ", which is silent" } else { "" };
        let jobs =
            if self.jobs.is_empty() { "no job at the moment".to_owned() } else { self.jobs.join(", ") };
        format!("  worker {}{silent}: {jobs}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_hears_what_each_worker_does() {
        let worker = |name: String, silent, jobs: &[&str]| FleetWorker {
            name,
            silent,
            jobs: jobs.iter().map(|job| (*job).to_owned()).collect(),
        };
        let mut standing = FleetStanding { jobs_waiting: 3, jobs_in_work: 2, ..FleetStanding::default() };
        assert_eq!(standing.lines(), ["  jobs: 3 waiting, 2 in work, 0 done", "  no worker is there"]);
        standing.workers = vec![
            worker("w1".to_owned(), false, &["job 0 (a.io/x:v1, 2 images)", "job 1 (a.io/y:v1, 1 image)"]),
            worker("w2".to_owned(), false, &[]),
            worker("w3".to_owned(), true, &["job 2 (a.io/z:v1, 1 image)"]),
        ];
        assert_eq!(
            standing.lines()[1..],
            [
                "  worker w1: job 0 (a.io/x:v1, 2 images), job 1 (a.io/y:v1, 1 image)",
                "  worker w2: no job at the moment",
                "  worker w3, which is silent: job 2 (a.io/z:v1, 1 image)"
            ]
        );
        standing.workers = (0..25).map(|number| worker(format!("w{number}"), false, &[])).collect();
        assert_eq!(standing.lines().last().map(String::as_str), Some("  and 5 more workers"));
    }
}
