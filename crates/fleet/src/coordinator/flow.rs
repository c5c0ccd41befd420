//! Counts the bytes that workers send. Their beats tell them early, their results for certain.

/// Counts by beats and by results, and reports each byte once.
#[derive(Debug, Default)]
pub(super) struct Flow {
    by_signs: u64,
    by_results: u64,
    told: u64,
}

impl Flow {
    /// A beat tells of more bytes; returns how many to report.
    pub(super) fn sign(&mut self, bytes: u64) -> u64 {
        self.by_signs = self.by_signs.saturating_add(bytes);
        self.news()
    }

    /// An image has ended for which `bytes` were sent; returns how many to report. The beat that tells of them may come later, or was lost.
    pub(super) fn result(&mut self, bytes: u64) -> u64 {
        self.by_results = self.by_results.saturating_add(bytes);
        self.news()
    }

    /// Marks the results so far as counted by beats: this coordinator's beats only tell of what comes after.
    pub(super) fn begin_here(&mut self) {
        self.by_signs = self.by_signs.max(self.by_results);
    }

    /// The bytes that beats counted and no result did.
    pub(super) fn without_result(&self) -> u64 {
        self.by_signs.saturating_sub(self.by_results)
    }

    fn news(&mut self) -> u64 {
        let all = self.by_signs.max(self.by_results);
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
        assert_eq!((flow.sign(10), flow.result(10), flow.result(5), flow.sign(7)), (10, 0, 5, 2));
        assert_eq!(flow.without_result(), 2);
        assert_eq!(flow.result(u64::MAX), u64::MAX - 17, "a lie is no panic");
    }

    #[test]
    fn what_ended_before_hides_nothing_that_comes_after() {
        let mut flow = Flow::default();
        assert_eq!(flow.result(100), 100);
        flow.begin_here();
        assert_eq!((flow.sign(3), flow.result(3)), (3, 0));
        assert_eq!(flow.without_result(), 0);
    }
}
