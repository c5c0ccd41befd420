//! Counts the bytes that workers send. Their beats tell them early, their results for certain.

use std::collections::BTreeMap;

/// Counts by beats and by results, and reports each byte once.
#[derive(Debug, Default)]
pub(super) struct Flow {
    workers: BTreeMap<String, Sent>,
    told: u64,
}

/// The bytes that one worker has sent.
#[derive(Debug, Default)]
struct Sent {
    by_signs: u64,
    by_results: u64,
}

impl Flow {
    /// A beat tells of more bytes; returns how many to report.
    pub(super) fn sign(&mut self, worker: &str, bytes: u64) -> u64 {
        let sent = self.of(worker);
        sent.by_signs = sent.by_signs.saturating_add(bytes);
        self.news()
    }

    /// An image has ended for which `bytes` were sent; returns how many to report. The beat that tells of them may come later, or was lost.
    pub(super) fn result(&mut self, worker: &str, bytes: u64) -> u64 {
        let sent = self.of(worker);
        sent.by_results = sent.by_results.saturating_add(bytes);
        self.news()
    }

    /// Marks the results so far as counted by beats: this coordinator's beats only tell of what comes after.
    pub(super) fn begin_here(&mut self) {
        for sent in self.workers.values_mut() {
            sent.by_signs = sent.by_signs.max(sent.by_results);
        }
    }

    /// The bytes that beats counted and no result did, of each worker that has some.
    pub(super) fn without_result(&self) -> impl Iterator<Item = (&str, u64)> {
        let without = |sent: &Sent| sent.by_signs.saturating_sub(sent.by_results);
        let workers = self.workers.iter().map(move |(worker, sent)| (worker.as_str(), without(sent)));
        workers.filter(|(_, bytes)| *bytes > 0)
    }

    fn of(&mut self, worker: &str) -> &mut Sent {
        self.workers.entry(worker.to_owned()).or_default()
    }

    fn news(&mut self) -> u64 {
        let each = self.workers.values().map(|sent| sent.by_signs.max(sent.by_results));
        let all = each.fold(0, u64::saturating_add);
        let news = all.saturating_sub(self.told);
        self.told = all;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_told_once_whoever_tells_it_first() {
        let mut flow = Flow::default();
        let told = (flow.sign("w1", 10), flow.result("w1", 10), flow.result("w1", 5), flow.sign("w1", 7));
        assert_eq!(told, (10, 0, 5, 2));
        assert_eq!(flow.result("w2", 3), 3, "the beats of another worker do not tell of them");
        assert_eq!(flow.without_result().collect::<Vec<_>>(), [("w1", 2)]);
        assert_eq!(flow.result("w1", u64::MAX), u64::MAX - 20, "a lie is no panic");
    }

    #[test]
    fn what_ended_before_hides_nothing_that_comes_after() {
        let mut flow = Flow::default();
        assert_eq!(flow.result("w1", 100), 100);
        flow.begin_here();
        assert_eq!((flow.sign("w1", 3), flow.result("w1", 3)), (3, 0));
        assert_eq!(flow.without_result().count(), 0);
    }
}
