//! What a run found that verified: as a document that can be kept, and for people. What is whole is named in the document
//! alone.

mod document;
mod record;
mod schema;
#[cfg(test)]
mod tests;

use std::io::{Error, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync::{Against, Event, Observer, Stamp, Verification};

use super::sorted::{Sorted, Sorter};
use super::{PlannedRule, foreign};
pub(crate) use document::write;
use record::VerifiedRecord;
pub(crate) use schema::schema;

/// Takes down what is found of images. What is too much for memory goes to a temporary file.
pub(crate) struct VerifiedRecorder {
    how: Verification,
    /// How rules are called.
    rules: Vec<String>,
    images: Mutex<Result<Sorter, Error>>,
}

impl VerifiedRecorder {
    /// What is too much for memory goes to `folder`, if there is one, or where temporary files go.
    pub(crate) fn new(how: Verification, rules: &[PlannedRule], folder: Option<&Path>) -> Self {
        let rules = rules.iter().map(|rule| rule.written.label().to_owned()).collect();
        Self { how, rules, images: Mutex::new(Ok(Sorter::new(folder))) }
    }

    /// What was taken down.
    pub(crate) fn finish(&self) -> Verified {
        let images = std::mem::replace(&mut *self.lock(), Ok(Sorter::new(None)));
        Verified { how: self.how, images: images.and_then(Sorter::finish) }
    }

    fn lock(&self) -> MutexGuard<'_, Result<Sorter, Error>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for VerifiedRecorder {
    fn event(&self, stamp: &Stamp, event: &Event) {
        let Event::ImageFinished(ended) = event else { return };
        let rule = self.rules.get(ended.rule).map(String::as_str);
        let Some(record) = VerifiedRecord::new(ended, rule, self.how.against, stamp.at) else { return };
        let written = serde_json::to_string(&record).map_err(Error::from);
        let mut images = self.lock();
        if let Ok(open) = &mut *images
            && let Err(error) = written.and_then(|written| open.add((record.target, written)))
        {
            *images = Err(error);
        }
    }
}

/// What was found, sorted by the names at targets.
pub(crate) struct Verified {
    how: Verification,
    images: Result<Sorted, Error>,
}

impl Verified {
    /// Whether there was no source to compare with.
    pub(crate) fn is_alone(&self) -> bool {
        self.how.against == Against::Itself
    }

    fn records(&self) -> Result<impl Iterator<Item = Result<VerifiedRecord, Error>> + '_, Error> {
        let images = self.images.as_ref().map_err(|error| {
            Error::new(error.kind(), format!("a temporary file for the images failed: {error}"))
        })?;
        Ok(images.pairs().map(|pair| Ok(serde_json::from_str(&pair?.1)?)))
    }

    /// Names each image that is not whole, or was not, with what is wrong.
    pub(crate) fn print(&self, writer: &mut dyn Write) -> Result<(), Error> {
        for record in self.records()? {
            for line in record?.lines() {
                writeln!(writer, "{}", foreign::result(&line))?;
            }
        }
        Ok(())
    }
}
