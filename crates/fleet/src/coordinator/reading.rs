//! Reads a run's book as it grows.

use std::time::Duration;

use async_nats::jetstream::kv::Entry;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::bucket::Bucket;

/// The most entries that wait while the coordinator does something else.
const WAITING: usize = 256;
/// The wait between a watch that broke and the next one.
const AGAIN: Duration = Duration::from_secs(1);

/// A task that watches a run's keys. It is a task of its own, because NATS may take longer to begin a watch than the coordinator may block.
pub(super) struct Reading {
    entries: mpsc::Receiver<Entry>,
    task: JoinHandle<()>,
}

impl Reading {
    /// Reads from the book's beginning.
    pub(super) fn begin(runs: &Bucket, run: &str) -> Self {
        let (sender, entries) = mpsc::channel(WAITING);
        let task = tokio::spawn(read(runs.clone(), run.to_owned(), sender));
        Self { entries, task }
    }

    /// The next entry, each once and in the order of revisions.
    pub(super) async fn next(&mut self) -> Entry {
        match self.entries.recv().await {
            Some(entry) => entry,
            // The task ends only when `self` is dropped.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(runs: Bucket, run: String, entries: mpsc::Sender<Entry>) {
    let mut seen = 0;
    loop {
        if let Ok(mut watch) = runs.watch(&run, seen).await {
            while let Some(entry) = watch.next().await {
                seen = seen.max(entry.revision);
                if entries.send(entry).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
