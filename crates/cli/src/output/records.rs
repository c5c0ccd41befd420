//! The images of a run with how they ended, in this order, for the documents that name them all: written to a spool while the
//! run goes on, so that a million images take no memory.

use std::io::{BufRead as _, Error};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync::{Event, ImageReport, Observer, Stamp};

use super::record::ImageRecord;
use super::spool::{Spool, Spooled};
use super::{PlannedRule, Tally};

/// Takes down how images end. It is told before the tally, which forgets how often an image was tried when it has ended.
pub(crate) struct Recorder {
    tally: Arc<Tally>,
    /// How rules are called.
    rules: Vec<String>,
    folder: Option<PathBuf>,
    /// Or why one image could not be written, and with it the rest.
    spool: Mutex<Result<Spool, Error>>,
}

impl Recorder {
    /// What is too much for memory goes to `folder`, if there is one, or where temporary files go.
    pub(crate) fn new(rules: &[PlannedRule], tally: Arc<Tally>, folder: Option<&Path>) -> Self {
        let rules = rules.iter().map(|rule| rule.written.label().to_owned()).collect();
        let spool = Mutex::new(Ok(Spool::new(folder)));
        Self { tally, rules, folder: folder.map(Path::to_owned), spool }
    }

    /// What was taken down.
    pub(crate) fn finish(&self) -> Records {
        let spool = std::mem::replace(&mut *self.lock(), Ok(Spool::new(None)));
        Records { spooled: spool.and_then(Spool::finish), folder: self.folder.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Result<Spool, Error>> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_down(&self, ended: &ImageReport) -> Result<Vec<u8>, serde_json::Error> {
        let rule = self.rules.get(ended.rule).map(String::as_str);
        let record = ImageRecord::new(ended, rule, self.tally.tried_again(&ended.image));
        let mut line = serde_json::to_vec(&(ended.rule, record))?;
        line.push(b'\n');
        Ok(line)
    }
}

impl Observer for Recorder {
    fn event(&self, _: &Stamp, event: &Event) {
        let Event::ImageFinished(ended) = event else { return };
        let line = self.take_down(ended).map_err(Error::from);
        let mut spool = self.lock();
        if let Ok(open) = &mut *spool
            && let Err(error) = line.and_then(|line| open.add(&line))
        {
            *spool = Err(error);
        }
    }
}

/// What was taken down of a run's images.
pub(crate) struct Records {
    spooled: Result<Spooled, Error>,
    folder: Option<PathBuf>,
}

impl Records {
    /// Of a run that nobody wants to know the images of.
    pub(crate) fn none() -> Self {
        Self { spooled: Spool::new(None).finish(), folder: None }
    }

    /// Where temporary files for it are made.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Each image with the number of its rule.
    pub(super) fn read(
        &self,
    ) -> Result<impl Iterator<Item = Result<(usize, ImageRecord), Error>> + '_, Error> {
        let spooled = self.spooled.as_ref().map_err(|error| {
            Error::new(error.kind(), format!("a temporary file for the images failed: {error}"))
        })?;
        Ok(spooled.all().lines().map(|line| Ok(serde_json::from_str(&line?)?)))
    }
}
