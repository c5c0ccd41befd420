//! Reports a run's images as if this process copied them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sync::{Amounts, Event, Image, ImageReport, Observer, Outcome, Report, RunId, Stamp};

/// A coordinator's observer, and the run's name in its events.
#[derive(Clone)]
pub(super) struct Teller {
    pub(super) id: RunId,
    pub(super) observer: Arc<dyn Observer>,
}

impl Teller {
    pub(super) fn tell(&self, event: &Event, worker: Option<&str>) {
        let stamp = Stamp { run: self.id.clone(), at: SystemTime::now(), worker: worker.map(Into::into) };
        self.observer.event(&stamp, event);
    }

    /// The same for a run that another coordinator has named.
    pub(super) fn of_run(self, run: &str) -> Self {
        Self { id: RunId::new(run), ..self }
    }

    pub(super) fn note(&self, text: String) {
        self.tell(&Event::Note { place: "fleet".into(), text }, None);
    }

    /// A worker has sent `bytes`, in a time that ends now.
    pub(super) fn sent(&self, worker: &str, bytes: u64, during: Duration) {
        if bytes > 0 {
            self.tell(&Event::BytesReported { bytes, during }, Some(worker));
        }
    }

    /// An image has ended.
    pub(super) fn end(&self, report: &mut Report, ended: ImageReport, worker: Option<&str>) {
        report.totals.add(&ended);
        self.tell(&Event::ImageFinished(Arc::new(ended)), worker);
    }

    /// Reports an image that no worker has brought.
    pub(super) fn end_undone(&self, report: &mut Report, (rule, image): (usize, Arc<Image>)) {
        let (amounts, took) = (Amounts::default(), Duration::ZERO);
        self.end(report, ImageReport { image, rule, outcome: Outcome::NotDone, amounts, took }, None);
    }
}
