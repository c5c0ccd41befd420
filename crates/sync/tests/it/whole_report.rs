//! Keeps every image of a run: tests have few of them.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use sync::{Error, Event, ImageReport, Observer, Outcome, Report, Stamp, Sync};
use tokio_util::sync::CancellationToken;

/// A run's report, with its images in the order in which they ended.
#[derive(Debug)]
pub(crate) struct WholeReport {
    report: Report,
    pub(crate) images: Vec<ImageReport>,
}

impl WholeReport {
    /// The errors of all failed images and rules.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &Error> {
        let images = self.images.iter().filter_map(|ended| match &ended.outcome {
            Outcome::Failed(error) => Some(&**error),
            _ => None,
        });
        images.chain(self.failed_rules.iter().map(|failure| &*failure.error))
    }
}

impl Deref for WholeReport {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.report
    }
}

pub(crate) trait RunWhole {
    /// Runs, and checks that the events about images agree with the sums.
    async fn run_whole(self, cancel: CancellationToken) -> WholeReport;
}

impl RunWhole for Sync {
    async fn run_whole(self, cancel: CancellationToken) -> WholeReport {
        let ended = Arc::new(Ended::default());
        let report = self.watched_by(ended.clone()).run(cancel).await;
        let images = std::mem::take(&mut *ended.0.lock().unwrap());
        assert_eq!(report.totals.images(), images.len());
        WholeReport { report, images }
    }
}

#[derive(Default)]
struct Ended(Mutex<Vec<ImageReport>>);

impl Observer for Ended {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::ImageFinished(ended) = event {
            self.0.lock().unwrap().push(ImageReport::clone(ended));
        }
    }
}
