//! The findings of a verification: as a document, and for people. Only the document lists complete images.

mod document;
mod list;
mod record;
mod schema;
#[cfg(test)]
mod tests;

use std::io::{Error, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync::{Against, Event, Observer, Repair, Stamp, Verification};

use super::selected::Selected;
use super::sorted::{Sorted, Sorter};
use super::{PlannedRule, foreign};
pub(crate) use document::write;
use list::{Subjects, lists, subjects};
use record::VerifiedRecord;
pub(crate) use schema::schema;

/// Records the findings. They are spooled to a temporary file if they are many.
pub(crate) struct VerifiedRecorder {
    how: Verification,
    /// The labels of the rules.
    rules: Vec<Arc<str>>,
    found: Mutex<Taken>,
}

struct Taken {
    images: Result<Sorter, Error>,
    selected: Selected,
    /// The number of verified images of each rule.
    looked_at: Vec<usize>,
}

impl VerifiedRecorder {
    /// `folder` is for temporary files; without it, they go to the default folder.
    pub(crate) fn new(how: Verification, rules: &[PlannedRule], folder: Option<&Path>) -> Self {
        let looked_at = vec![0; rules.len()];
        let rules = rules.iter().map(|rule| rule.written.shared_label()).collect();
        let taken = Taken { images: Ok(Sorter::new(folder)), selected: Selected::default(), looked_at };
        Self { how, rules, found: Mutex::new(taken) }
    }

    /// The findings.
    pub(crate) fn finish(&self) -> Verified {
        let mut found = self.lock();
        let images = std::mem::replace(&mut found.images, Ok(Sorter::new(None)));
        let (selected, looked_at) =
            (std::mem::take(&mut found.selected), std::mem::take(&mut found.looked_at));
        Verified { how: self.how, images: images.and_then(Sorter::finish), selected, looked_at }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for VerifiedRecorder {
    fn event(&self, stamp: &Stamp, event: &Event) {
        let Event::ImageFinished(ended) = event else { return self.lock().selected.event(event) };
        let rule = self.rules.get(ended.rule).map(|label| &**label);
        let Some(record) = VerifiedRecord::new(ended, rule, self.how.against, stamp.at) else { return };
        let written = serde_json::to_string(&record).map_err(Error::from);
        let mut found = self.lock();
        if let Some(looked_at) = found.looked_at.get_mut(ended.rule) {
            *looked_at += 1;
        }
        if let Ok(open) = &mut found.images
            && let Err(error) = written.and_then(|written| open.add((record.target, written)))
        {
            found.images = Err(error);
        }
    }
}

/// The findings, sorted by target name.
pub(crate) struct Verified {
    how: Verification,
    images: Result<Sorted, Error>,
    selected: Selected,
    looked_at: Vec<usize>,
}

impl Verified {
    /// Whether there was no source to compare with.
    pub(crate) fn is_alone(&self) -> bool {
        self.how.against == Against::Itself
    }

    /// How to repair missing or broken images. `None` if the run was a repair: then each image says why it failed.
    pub(super) fn how_to_repair(&self) -> Option<&'static str> {
        match (self.how.repair, self.how.against) {
            (Repair::Broken, _) => None,
            (Repair::Never, Against::Source) => {
                Some("the same command with --repair brings what is missing or broken from the source")
            }
            (Repair::Never, Against::Itself) => Some(
                "`image-syncer verify --config FILE --repair`, with the config that copies these images, brings what is missing or broken",
            ),
        }
    }

    fn records(&self) -> Result<impl Iterator<Item = Result<VerifiedRecord, Error>> + '_, Error> {
        let lists = lists(self.written()?)?;
        let subjects =
            if lists.is_empty() { Subjects::default() } else { subjects(&lists, self.written()?)? };
        let records = self.written()?;
        Ok(records.map(move |record| {
            let mut record = record?;
            record.referrers_of = subjects.get(&record.target).cloned();
            Ok(record)
        }))
    }

    /// In the order of recording.
    fn written(&self) -> Result<impl Iterator<Item = Result<VerifiedRecord, Error>> + '_, Error> {
        let images = self.images.as_ref().map_err(|error| {
            Error::new(error.kind(), format!("a temporary file for the images failed: {error}"))
        })?;
        Ok(images.pairs().map(|pair| Ok(serde_json::from_str(&pair?.1)?)))
    }

    /// Prints each image that is or was not complete, with its problems.
    pub(crate) fn print(&self, writer: &mut dyn Write) -> Result<(), Error> {
        for record in self.records()? {
            for line in record?.lines() {
                writeln!(writer, "{}", foreign::result(&line))?;
            }
        }
        Ok(())
    }
}
