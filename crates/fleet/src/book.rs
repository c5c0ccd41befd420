//! A coordinator's state of a run's jobs, built from the entries of the run's book. These may come in any order, and more than once.

use std::collections::{BTreeMap, HashSet};

use crate::message::Signer;
use crate::message::ended::{Ended, JobResult};
use crate::message::job::Job;
use crate::message::spent::SpentBy;
use crate::spending::{self, Spending};

/// The most attempts at a job, so that one job cannot kill all workers.
pub(crate) const MOST_ATTEMPTS: u32 = 3;

/// A run's jobs with their attempts and results.
#[derive(Default)]
pub(crate) struct Book {
    jobs: BTreeMap<u32, Entry>,
    /// Request counts that no result has, by names and start times of processes.
    spent: BTreeMap<(String, u64), Spending>,
}

#[derive(Default)]
struct Entry {
    job: Option<Job>,
    /// Attempts that began, with the process of each.
    begun: BTreeMap<u32, Signer>,
    results: BTreeMap<u32, JobResult>,
    told: Option<Told>,
}

/// How a job ended whose end was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Each of its images was brought, or failed.
    Done,
    /// The run was stopped before: some of its images were not done.
    Undone,
}

impl Entry {
    /// Whether an attempt has begun and has no result yet.
    fn is_at_work(&self) -> bool {
        self.at_work().next().is_some()
    }

    /// The processes whose attempts have begun and have no result. None, once the job's end was reported.
    fn at_work(&self) -> impl Iterator<Item = &Signer> {
        self.without_result().filter(|_| self.told.is_none())
    }

    /// The processes whose attempts have begun and have no result.
    fn without_result(&self) -> impl Iterator<Item = &Signer> {
        let open = self.begun.iter().filter(|(attempt, _)| !self.results.contains_key(*attempt));
        open.map(|(_, by)| by)
    }
}

/// A job that has ended.
pub(crate) struct Final<'a> {
    pub(crate) job: &'a Job,
    /// Each image of the job once, with the worker of the attempt that counts.
    pub(crate) images: Vec<(Ended, String)>,
}

impl Book {
    pub(crate) fn job(&mut self, job: Job) {
        let number = job.number;
        self.jobs.entry(number).or_default().job = Some(job);
    }

    pub(crate) fn begun(&mut self, job: u32, attempt: u32, by: Signer) {
        self.jobs.entry(job).or_default().begun.insert(attempt, by);
    }

    /// The worker has given the job back before it left, so the attempt does not count.
    pub(crate) fn given_back(&mut self, job: u32, attempt: u32) {
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.begun.remove(&attempt);
        }
    }

    pub(crate) fn result(&mut self, job: u32, attempt: u32, result: JobResult) {
        self.jobs.entry(job).or_default().results.insert(attempt, result);
    }

    /// Takes in a process's request counts.
    pub(crate) fn spent_by(&mut self, by: SpentBy) {
        let SpentBy { worker, born, spent } = by;
        spending::raise(self.spent.entry((worker, born)).or_default(), &spent);
    }

    /// The job, if it has just ended: its attempts brought all images, or none of them is at work any more. If not `patient`, attempts at
    /// work are not waited for.
    pub(crate) fn take_final(&mut self, job: u32, patient: bool) -> Option<Final<'_>> {
        let entry = self.jobs.get_mut(&job)?;
        if entry.told.is_some() || entry.results.is_empty() {
            return None;
        }
        let known = entry.job.as_ref()?;
        let merged = merged(known, &entry.results);
        let has_all = merged.len() == known.images().count();
        let is_good = has_all && merged.iter().all(|(ended, _)| ended.is_good());
        if !is_good && entry.is_at_work() && patient {
            return None;
        }
        let is_done = has_all && merged.iter().all(|(ended, _)| ended.is_done());
        entry.told = Some(if is_done { Told::Done } else { Told::Undone });
        Some(Final { job: known, images: merged })
    }

    /// Jobs whose end was not reported yet.
    pub(crate) fn open(&self) -> Vec<u32> {
        self.jobs.iter().filter(|(_, entry)| entry.told.is_none()).map(|(number, _)| *number).collect()
    }

    /// Jobs whose own entry was read.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter_map(|entry| entry.job.as_ref())
    }

    /// How many images are in jobs in work, of the attempts whose signers pass `is_meant`.
    pub(crate) fn images_in_work(&self, is_meant: impl Fn(&Signer) -> bool) -> usize {
        let at_work = self.jobs.values().filter(|entry| entry.at_work().any(&is_meant));
        at_work.filter_map(|entry| entry.job.as_ref()).map(|job| job.images().count()).sum()
    }

    /// Jobs in work, by worker, of the attempts whose signers pass `is_meant`. Two workers may have the same job in work if the queue
    /// handed it out again.
    pub(crate) fn at_work_of(&self, is_meant: impl Fn(&Signer) -> bool) -> BTreeMap<&str, Vec<&Job>> {
        let mut by_worker: BTreeMap<&str, Vec<&Job>> = BTreeMap::new();
        for entry in self.jobs.values() {
            let Some(job) = &entry.job else { continue };
            for by in entry.at_work().filter(|by| is_meant(by)) {
                by_worker.entry(&by.worker).or_default().push(job);
            }
        }
        by_worker
    }

    /// Attempts without a result that were not given back, with their jobs: those that another attempt has done, and those whose signers
    /// pass `is_gone`.
    pub(crate) fn left_without_result(&self, is_gone: impl Fn(&Signer) -> bool) -> Vec<(&Job, &Signer)> {
        let mut left = Vec::new();
        for entry in self.jobs.values() {
            let Some(job) = &entry.job else { continue };
            let was_done = entry.told == Some(Told::Done);
            left.extend(entry.without_result().filter(|by| was_done || is_gone(by)).map(|by| (job, by)));
        }
        left
    }

    /// How many jobs wait, are in work and are done. A job is in work if the signer of an open attempt passes `is_meant`. A job that was
    /// not done when the run was stopped waits: the next run has it again.
    pub(crate) fn counts_of(&self, is_meant: impl Fn(&Signer) -> bool) -> [usize; 3] {
        let mut counts = [0; 3];
        for entry in self.jobs.values().filter(|entry| entry.job.is_some()) {
            let which = match entry.told {
                Some(Told::Done) => 2,
                None if entry.at_work().any(&is_meant) => 1,
                Some(Told::Undone) | None => 0,
            };
            counts[which] += 1;
        }
        counts
    }

    /// The requests of all attempts to the registries of these jobs. Other hosts in the entries are ignored: no job needs them.
    pub(crate) fn spent(&self) -> Spending {
        // The counts of a process only grow, so the highest include the earlier ones.
        let mut told: BTreeMap<(&str, u64), Spending> = BTreeMap::new();
        for result in
            self.jobs.values().filter(|entry| entry.job.is_some()).flat_map(|entry| entry.results.values())
        {
            spending::raise(told.entry((&result.worker, result.born)).or_default(), &result.spent);
        }
        for ((worker, born), spent) in &self.spent {
            spending::raise_to(told.entry((worker, *born)).or_default(), spent);
        }
        let mut spent = Spending::new();
        for of_process in told.values() {
            spending::add(&mut spent, of_process);
        }
        let images = self.jobs().flat_map(Job::images);
        let names = images.flat_map(|image| [image.source.as_ref(), image.target.as_ref()]);
        let hosts: HashSet<_> = names.map(|name| name.split('/').next().unwrap_or_default()).collect();
        spent.retain(|host, _| hosts.contains(host.as_str()));
        spent
    }

    /// How many jobs' ends were reported.
    pub(crate) fn ended(&self) -> usize {
        self.jobs.values().filter(|entry| entry.told.is_some()).count()
    }
}

/// The best result of each image over all attempts. Results of images that the job does not have are ignored.
fn merged(job: &Job, results: &BTreeMap<u32, JobResult>) -> Vec<(Ended, String)> {
    let number = u32::try_from(job.images().count()).unwrap_or(u32::MAX);
    let mut best: BTreeMap<u32, (Ended, String)> = BTreeMap::new();
    for result in results.values() {
        for ended in result.ended.iter().filter(|ended| ended.image < number) {
            let is_better = best.get(&ended.image).is_none_or(|(known, _)| ended.rank() > known.rank());
            if is_better {
                best.insert(ended.image, (ended.clone(), result.worker.clone()));
            }
        }
    }
    best.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oci::{Digest, TagOrDigest};
    use sync::{Assignment, Image, Outcome, Policy, Wanted, WantedReferrers};

    use super::*;

    fn job() -> Job {
        let image = |tag: &str| {
            let reference = TagOrDigest::Tag(tag.parse().unwrap());
            Arc::new(Image {
                source: "a.io/x".into(),
                source_reference: reference.clone(),
                target: "b.io/x".into(),
                target_reference: reference,
            })
        };
        let assignment = |tag| Assignment {
            rule: 3,
            images: vec![image(tag)],
            wanted: Wanted { referrers: WantedReferrers::None, policy: Arc::new(Policy::default()) },
        };
        let assignments = vec![assignment("v1"), assignment("v2")];
        Job { run: "r".to_owned(), number: 7, config: Digest::sha256(b"c"), bytes: 0, assignments }
    }

    fn by(worker: &str) -> Signer {
        Signer { worker: worker.to_owned(), born: Some(1) }
    }

    /// A result as it is written: images with `copied`, `unchanged`, `notDone` or a failure.
    fn result(worker: &str, images: &[(u32, &str)]) -> JobResult {
        let digest = Digest::sha256(b"m");
        let ended: Vec<_> = images
            .iter()
            .map(|(image, outcome)| {
                let outcome = match *outcome {
                    "copied" => format!(
                        r#"{{"copied": {{"digest": "{digest}", "at_source": "{digest}", "replaced": "{digest}", "platforms": 0, "attestations": 0}}}}"#
                    ),
                    "unchanged" => format!(r#"{{"unchanged": "{digest}"}}"#),
                    "notDone" => r#""notDone""#.to_owned(),
                    _ => r#"{"failed": {"at_target": true, "place": "b.io/x", "doing": "copying", "kind": "Denied",
                            "why": "no\u001b[31m", "next": "ask"}}"#
                        .to_owned(),
                };
                format!(
                    r#"{{"image": {image}, "outcome": {outcome}, "moved": 1, "kept": 1, "left_open": 0, "mounted": 0, "present": 0, "referrers": 0,
                        "referrers_left": 0, "milliseconds": 5}}"#
                )
            })
            .collect();
        let text =
            format!(r#"{{"worker": "{worker}", "born": 1, "ended": [{}], "spent": []}}"#, ended.join(","));
        crate::message::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_job_that_ran_twice_says_what_the_better_attempt_says() {
        for order in [[1, 2], [2, 1]] {
            let mut book = Book::default();
            book.job(job());
            for attempt in order {
                let outcome = if attempt == 1 { "copied" } else { "unchanged" };
                let images = [(0, outcome), (1, if attempt == 1 { "failed" } else { "copied" })];
                book.result(7, attempt, result(&format!("w{attempt}"), &images));
            }
            let ended = book.take_final(7, true).unwrap();
            let reports: Vec<_> = ended
                .images
                .iter()
                .map(|(image, worker)| (image.report(ended.job).unwrap(), worker.as_str()))
                .collect();
            assert!(matches!(reports[0].0.outcome, Outcome::Copied { replaced: Some(_), .. }));
            assert_eq!(reports[0].1, "w1");
            assert!(matches!(reports[1].0.outcome, Outcome::Copied { .. }) && reports[1].1 == "w2");
            assert!(book.take_final(7, false).is_none(), "it is told once");
            assert!(book.open().is_empty());
        }
    }

    #[test]
    fn a_failure_waits_for_an_attempt_that_is_still_at_work() {
        let mut book = Book::default();
        book.begun(7, 1, by("w1"));
        book.begun(7, 2, by("w2"));
        book.result(7, 1, result("w1", &[(0, "unchanged"), (1, "failed")]));
        assert!(book.take_final(7, true).is_none(), "nobody knows the job yet");
        book.job(job());
        assert!(book.take_final(7, true).is_none());
        book.given_back(7, 2);
        let ended = book.take_final(7, true).unwrap();
        let failed = ended.images[1].0.report(ended.job).unwrap();
        let Outcome::Failed(error) = failed.outcome else { panic!("{failed:?}") };
        assert!(error.to_string().contains("target b.io/x: copying"), "{error}");
        assert_eq!((failed.rule, ended.images.len()), (3, 2));
        let text = oci::with_sources(&*error);
        assert!(!text.contains('\u{1b}') && text.contains("no"), "{text:?}");
    }

    #[test]
    fn what_workers_asked_registries_for_adds_up_over_all_processes() {
        let spent = |worker: &str, born: u64, registries: &[(&str, u64)]| {
            let entry = |(host, requests): &(&str, u64)| {
                format!(
                    r#"{{"host": "{host}", "kind": "zot", "requests": {requests}, "bytes_read": 1, "bytes_sent": 2,
                        "waited_milliseconds": 3}}"#
                )
            };
            let entries = registries.iter().map(entry).collect::<Vec<_>>().join(",");
            let text =
                format!(r#"{{"worker": "{worker}", "born": {born}, "ended": [], "spent": [{entries}]}}"#);
            crate::message::read::<JobResult>(text.as_bytes()).unwrap()
        };
        let mut book = Book::default();
        book.job(job());
        book.result(7, 1, spent("w1", 1, &[("a.io", 5), ("b.io", 1)]));
        // The new count includes the one before.
        book.result(7, 2, spent("w1", 1, &[("a.io", 9)]));
        // A new process of the same name.
        book.result(7, 3, spent("w1", 2, &[("a.io", 2), ("never.heard.of", 9)]));
        book.result(7, 3, spent("w1", 2, &[("a.io", 2), ("never.heard.of", 9)]));
        book.result(8, 1, spent("liar", 1, &[("a.io", 100)]));
        // Its counts for jobs that it left to others, and for nothing else.
        let left = spent("w1", 1, &[("b.io", 4)]).spent;
        book.spent_by(SpentBy { worker: "w1".to_owned(), born: 1, spent: left });
        let spent = book.spent();
        let requests: Vec<_> = spent.iter().map(|(host, spent)| (host.as_str(), spent.requests)).collect();
        assert_eq!(requests, [("a.io", 11), ("b.io", 4)]);
        assert_eq!((spent["a.io"].bytes_read, spent["a.io"].bytes_sent), (2, 4));
    }

    #[test]
    fn a_job_is_in_work_from_its_beginning_to_its_result() {
        let mut book = Book::default();
        book.job(job());
        let (all, not_w2) = (|_: &Signer| true, |by: &Signer| by.worker != "w2");
        assert!(book.at_work_of(all).is_empty() && book.counts_of(all) == [1, 0, 0]);
        book.begun(7, 1, by("w1"));
        assert_eq!((book.images_in_work(all), book.at_work_of(all).len()), (2, 1));
        assert_eq!(book.counts_of(all), [0, 1, 0]);
        book.given_back(7, 1);
        assert_eq!((book.images_in_work(all), book.at_work_of(all).len()), (0, 0));
        book.begun(7, 2, by("w2"));
        let at_work = book.at_work_of(all);
        assert_eq!((at_work.len(), at_work["w2"][0].number), (1, 7));
        assert!(book.at_work_of(not_w2).is_empty());
        assert_eq!((book.counts_of(all), book.counts_of(not_w2)), ([0, 1, 0], [1, 0, 0]));
        assert_eq!((book.images_in_work(all), book.images_in_work(not_w2)), (2, 0));
        book.result(7, 2, result("w1", &[(0, "copied"), (1, "copied")]));
        assert!(book.at_work_of(all).is_empty());
        assert!(book.take_final(7, true).is_some());
        assert_eq!(book.counts_of(all), [0, 0, 1]);
    }

    #[test]
    fn an_attempt_without_a_result_is_lost_where_another_one_did_the_job_or_its_process_is_gone() {
        let mut book = Book::default();
        book.job(job());
        book.begun(7, 1, by("w1"));
        book.begun(7, 2, by("w2"));
        let lost = |book: &Book, gone: &str| {
            let left = book.left_without_result(|by| by.worker == gone);
            left.into_iter().map(|(job, by)| (job.number, by.worker.clone())).collect::<Vec<_>>()
        };
        assert_eq!((lost(&book, ""), lost(&book, "w2")), (Vec::new(), vec![(7, "w2".to_owned())]));
        book.result(7, 2, result("w2", &[(0, "copied"), (1, "copied")]));
        assert!(book.take_final(7, true).is_some());
        assert_eq!(lost(&book, ""), [(7, "w1".to_owned())]);
        book.given_back(7, 1);
        assert_eq!(lost(&book, "w1"), []);
    }

    #[test]
    fn a_job_that_a_stopped_run_has_not_done_is_not_done() {
        for images in [&[(0, "copied")][..], &[(0, "copied"), (1, "notDone")]] {
            let mut book = Book::default();
            book.job(job());
            book.begun(7, 1, by("w1"));
            book.result(7, 1, result("w1", images));
            assert!(book.take_final(7, true).is_some());
            assert_eq!((book.counts_of(|_| true), book.ended()), ([1, 0, 0], 1), "{images:?}");
        }
    }

    #[test]
    fn what_a_job_does_not_have_is_nobodys() {
        let mut book = Book::default();
        book.job(job());
        book.result(7, 1, result("liar", &[(0, "copied"), (9, "copied")]));
        assert!(book.take_final(7, true).is_some_and(|ended| ended.images.len() == 1));
        let mut book = Book::default();
        book.result(8, 1, result("liar", &[(0, "copied")]));
        assert!(book.take_final(8, false).is_none(), "there is no job 8");
    }
}
