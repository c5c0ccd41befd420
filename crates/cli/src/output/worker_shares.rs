//! Each worker's share of a run, for people.

use std::collections::BTreeMap;

use super::record::{Ended, ImageRecord};

/// The share of one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Including failed images, and those that it had begun or taken when the run was interrupted.
    pub(crate) images: u64,
    pub(crate) failed: u64,
    pub(crate) not_done: u64,
    pub(crate) bytes_moved: u64,
}

/// By worker; empty if a single process copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkerShares(BTreeMap<String, Share>);

impl WorkerShares {
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

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Share)> {
        self.0.iter().map(|(worker, share)| (worker.as_str(), *share))
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
        let share = |images, failed, not_done, bytes_moved| Share { images, failed, not_done, bytes_moved };
        assert_eq!(shares.all().collect::<Vec<_>>(), [("w1", share(1, 1, 0, 1)), ("w2", share(3, 0, 1, 7))]);
    }
}
