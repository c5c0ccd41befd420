//! The images of a run with their results, in the order of their ends, for the documents that list all of them. They are spooled during the
//! run, so that a million images need no memory. None may be lost, so the engine waits for writes to this local file.

use std::io::{BufRead as _, Error};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync::{Event, ImageReport, Observer, Stamp};

use super::record::ImageRecord;
use super::selected::Selected;
use super::spool::{Spool, Spooled};
use super::worker_shares::{WorkerEntry, WorkerShares};
use super::{PlannedRule, Tally};

/// Records the results of images. It must get an event before the tally, which forgets the retries of ended images.
pub(crate) struct Recorder {
    tally: Arc<Tally>,
    /// The labels of the rules.
    rules: Vec<Arc<str>>,
    folder: Option<PathBuf>,
    /// The spool, or the error of a failed write; nothing is added after an error.
    spool: Mutex<Result<Spool, Error>>,
    selected: Mutex<Selected>,
    shares: Mutex<WorkerShares>,
}

impl Recorder {
    /// `folder` is for temporary files; without it, they go to the default folder.
    pub(crate) fn new(rules: &[PlannedRule], tally: Arc<Tally>, folder: Option<&Path>) -> Self {
        let rules = rules.iter().map(|rule| rule.written.shared_label()).collect();
        let spool = Mutex::new(Ok(Spool::new(folder)));
        let (selected, shares) = Default::default();
        Self { tally, rules, folder: folder.map(Path::to_owned), spool, selected, shares }
    }

    /// The records.
    pub(crate) fn finish(&self) -> Records {
        let spool = std::mem::replace(&mut *self.lock(), Ok(Spool::new(None)));
        let selected = std::mem::take(&mut *self.selected());
        let shares = std::mem::take(&mut *self.shares());
        Records { spooled: spool.and_then(Spool::finish), selected, shares, folder: self.folder.clone() }
    }

    fn shares(&self) -> MutexGuard<'_, WorkerShares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Result<Spool, Error>> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn selected(&self) -> MutexGuard<'_, Selected> {
        self.selected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_down(&self, stamp: &Stamp, ended: &ImageReport) -> Result<Vec<u8>, serde_json::Error> {
        let rule = self.rules.get(ended.rule).map(|label| &**label);
        let mut record = ImageRecord::new(ended, rule, self.tally.tried_again(&ended.image));
        record.worker = stamp.worker.as_deref().map(str::to_owned);
        self.shares().add(&record);
        line(ended.rule, &record)
    }
}

fn line(rule: usize, record: &ImageRecord) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(&(rule, record))?;
    line.push(b'\n');
    Ok(line)
}

impl Observer for Recorder {
    fn event(&self, stamp: &Stamp, event: &Event) {
        let Event::ImageFinished(ended) = event else { return self.selected().event(event) };
        let line = self.take_down(stamp, ended).map_err(Error::from);
        let mut spool = self.lock();
        if let Ok(open) = &mut *spool
            && let Err(error) = line.and_then(|line| open.add(&line))
        {
            *spool = Err(error);
        }
    }
}

/// Collects images from reports of other runs, whose rules are unknown here.
pub(crate) struct Gathered {
    spool: Spool,
    shares: WorkerShares,
    folder: Option<PathBuf>,
}

impl Gathered {
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        let shares = WorkerShares::default();
        Self { spool: Spool::new(folder), shares, folder: folder.map(Path::to_owned) }
    }

    pub(crate) fn add(&mut self, record: &ImageRecord) -> Result<(), Error> {
        self.shares.add(record);
        self.spool.add(&line(0, record)?).map(|_| ())
    }

    pub(crate) fn finish(self) -> Records {
        let Self { spool, shares, folder } = self;
        Records { spooled: spool.finish(), selected: Selected::default(), shares, folder }
    }
}

/// The recorded images of a run.
pub(crate) struct Records {
    spooled: Result<Spooled, Error>,
    /// The selections of the rules.
    pub(super) selected: Selected,
    /// The share of each worker, if workers copied.
    pub(super) shares: WorkerShares,
    folder: Option<PathBuf>,
}

impl Records {
    /// Adds what was lost with workers.
    pub(crate) fn add_losses(&mut self, entries: &[WorkerEntry]) {
        self.shares.add_losses(entries);
    }

    /// The bytes that workers said to have sent and that no result accounts for.
    pub(crate) fn bytes_without_result(&self) -> u64 {
        let bytes = self.shares.all().map(|(_, share)| share.loss.bytes_without_result);
        bytes.fold(0, u64::saturating_add)
    }

    /// For a run whose outputs do not list images.
    pub(crate) fn none() -> Self {
        let (selected, shares) = Default::default();
        Self { spooled: Spool::new(None).finish(), selected, shares, folder: None }
    }

    /// The folder for temporary files.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Each image with the index of its rule.
    pub(super) fn read(
        &self,
    ) -> Result<impl Iterator<Item = Result<(usize, ImageRecord), Error>> + '_, Error> {
        let spooled = self.spooled.as_ref().map_err(|error| {
            Error::new(error.kind(), format!("a temporary file for the images failed: {error}"))
        })?;
        Ok(spooled.all().lines().map(|line| Ok(serde_json::from_str(&line?)?)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use sync::{Amounts, Cause, Image, Operation, Outcome, RunId, Side, SkipReason};

    use super::*;
    use crate::output::record::Ended;

    /// Two thirds of the images fail, some of them after retries.
    fn outcome(number: usize) -> Outcome {
        let error = |operation| sync::Error {
            side: Side::Source,
            place: "q.io/a".to_owned(),
            operation,
            cause: Cause::Missing,
        };
        match number % 3 {
            0 => Outcome::Skipped(SkipReason::Unchanged(oci::Digest::sha256(&number.to_le_bytes()))),
            _ => Outcome::Failed(Arc::new(error(Operation::Copy))),
        }
    }

    fn image(number: usize) -> Arc<Image> {
        let tag = oci::TagOrDigest::Tag(format!("v{number}").parse().unwrap());
        let (source, target) = ("q.io/a".into(), "r.io/b".into());
        Arc::new(Image { source, source_reference: tag.clone(), target, target_reference: tag })
    }

    fn tell(recorder: &Recorder, images: usize) {
        let stamp = Stamp { run: RunId::new("r"), at: SystemTime::now(), worker: None };
        for number in 0..images {
            let image = image(number);
            if let (Outcome::Failed(error), true) = (outcome(number), number % 2 == 0) {
                let (place, wait) = (image.source.clone(), Duration::from_secs(1));
                recorder.tally.event(&stamp, &Event::Retrying { image: image.clone(), place, error, wait });
            }
            let (outcome, amounts, took) = (outcome(number), Amounts::default(), Duration::from_secs(1));
            let ended = ImageReport { image, rule: number, outcome, amounts, took };
            let event = Event::ImageFinished(Arc::new(ended));
            recorder.event(&stamp, &event);
            recorder.tally.event(&stamp, &event);
        }
    }

    #[test]
    fn images_come_back_as_they_ended_from_memory_and_file() {
        for images in [3, 3000] {
            let recorder = Recorder::new(&[], Arc::default(), None);
            tell(&recorder, images);
            let records = recorder.finish();
            let mut next = 0;
            for record in records.read().unwrap() {
                let (rule, record) = record.unwrap();
                assert_eq!((rule, record.source), (next, format!("q.io/a:v{next}")));
                let (is_failed, tries) = (next % 3 != 0, 1 + u64::from(next % 3 != 0 && next % 2 == 0));
                assert_eq!((record.outcome == Ended::Failed, record.attempts), (is_failed, tries), "{next}");
                assert_eq!((record.error.is_some(), record.digest.is_none()), (is_failed, is_failed));
                next += 1;
            }
            assert_eq!(next, images);
            assert_eq!(recorder.tally.tried_again(&image(2)), 0, "what has ended is forgotten");
        }
    }

    #[test]
    fn a_broken_file_is_told_to_whoever_wants_the_images() {
        let recorder = Recorder::new(&[], Arc::default(), None);
        tell(&recorder, 3);
        *recorder.lock() = Err(std::io::ErrorKind::StorageFull.into());
        tell(&recorder, 3);
        let error = recorder.finish().read().err().unwrap();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        assert!(error.to_string().starts_with("a temporary file for the images failed: "), "{error}");
    }
}
